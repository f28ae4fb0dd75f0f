/* fail_ot.c - the n-th allocation, send or receive fails, for every n: both
 * ends end, nobody keeps half an answer, nothing is lost. */
#include "ot_wire.h"

#define N 200

typedef struct scene {
    mal_ot_params params;
    mal_ot_block a[N], b[N], c[N], delta;
} scene;

static mal_err sender(ot_party *p) {
    scene *s = p->ctx;
    return mal_ot_vole_send(&s->delta, s->b, N, p->chan, &s->params, NULL);
}

static mal_err receiver(ot_party *p) {
    scene *s = p->ctx;
    return mal_ot_vole_receive(s->a, s->c, N, p->chan, &s->params, NULL);
}

static scene s;

static void scene_new(void) {
    memset(&s, 0, sizeof s);
    s.params.security = MAL_OT_MALICIOUS;
}

/* True if both were well. */
static bool run(wire *ws, wire *wr, mal_err wanted) {
    ot_party x = { .run = sender, .ctx = &s },
             y = { .run = receiver, .ctx = &s };
    static const mal_ot_block zero[N];
    wires_run(&x, ws, &y, wr);
    mal_alloc_fail_at(0);
    if (x.err != MAL_OK)
        CHECK(mal_equal(s.b, zero, sizeof s.b) && !s.delta.w[0]);
    if (y.err != MAL_OK)
        CHECK(mal_equal(s.a, zero, sizeof s.a) &&
              mal_equal(s.c, zero, sizeof s.c));
    if (x.err != MAL_OK || y.err != MAL_OK)
        CHECK(x.err == wanted || y.err == wanted);
    return x.err == MAL_OK && y.err == MAL_OK;
}

TEST(every_failed_send_and_receive_ends_both) {
    unsigned failed = 0;
    for (unsigned side = 0; side < 4; side++)
        for (unsigned n = 1;; n++) {
            wire ws = { 0 }, wr = { 0 };
            unsigned *which[] = { &ws.fail_send, &ws.fail_recv, &wr.fail_send,
                                  &wr.fail_recv };
            *which[side] = n;
            scene_new();
            if (run(&ws, &wr, MAL_E_IO))
                break;
            failed++;
        }
    CHECK_EQ(failed, 2 * (3 + 3)); /* each message, at both of its ends */
}

TEST(every_failed_allocation_ends_both) {
    unsigned n = 0;
    bool well = false;
    while (!well) {
        wire ws = { 0 }, wr = { 0 };
        ot_party x = { .run = sender, .ctx = &s },
                 y = { .run = receiver, .ctx = &s };
        mal_thread *thread = NULL;
        scene_new();
        wires(&ws, &wr);
        x.chan = &ws.chan;
        y.chan = &wr.chan;
        mal_alloc_fail_at(++n);
        if (mal_thread_start(&thread, party_main, &x) == MAL_OK) {
            party_main(&y);
            mal_thread_join(&thread);
            well = x.err == MAL_OK && y.err == MAL_OK;
            if (!well)
                CHECK(x.err == MAL_E_MEMORY || y.err == MAL_E_MEMORY);
        }
        mal_alloc_fail_at(0);
        mal_chan_close(&x.chan);
        mal_chan_close(&y.chan);
        CHECK(n < 500);
    }
    printf("# %u allocations\n", n - 1);
    CHECK(n > 20);
}

/* --- One of sixteen ------------------------------------------------------- */

static mal_err nib_sender(ot_party *p) {
    MAL_AUTO(mal_ot_cot_auto) mal_ot_cot *cot = NULL;
    MAL_AUTO(mal_ot_nib_auto) mal_ot_nib *nib = NULL;
    mal_ot_params params = s.params;
    s.delta = mal_ot_nib_delta();
    params.delta = &s.delta;
    MAL_TRY(mal_ot_cot_new_sender(&cot, p->chan, &params));
    MAL_TRY(mal_ot_nib_new(&nib, cot, N));
    return mal_ot_nib_next(nib, s.b, N);
}

static mal_err nib_receiver(ot_party *p) {
    MAL_AUTO(mal_ot_cot_auto) mal_ot_cot *cot = NULL;
    MAL_AUTO(mal_ot_nib_auto) mal_ot_nib *nib = NULL;
    MAL_TRY(mal_ot_cot_new_receiver(&cot, p->chan, &s.params));
    MAL_TRY(mal_ot_nib_new(&nib, cot, N));
    return mal_ot_nib_next(nib, s.c, N);
}

TEST(each_failure_of_one_of_sixteen_ends_both) {
    static const mal_ot_block zero[N];
    unsigned failed = 0;
    for (unsigned side = 0; side < 4; side++)
        for (unsigned n = 1;; n++) {
            wire ws = { 0 }, wr = { 0 };
            ot_party x = { .run = nib_sender }, y = { .run = nib_receiver };
            unsigned *which[] = { &ws.fail_send, &ws.fail_recv, &wr.fail_send,
                                  &wr.fail_recv };
            *which[side] = n;
            scene_new();
            wires_run(&x, &ws, &y, &wr);
            if (x.err == MAL_OK && y.err == MAL_OK)
                break;
            CHECK(x.err == MAL_E_IO || y.err == MAL_E_IO);
            CHECK(x.err == MAL_OK || mal_equal(s.b, zero, sizeof s.b));
            CHECK(y.err == MAL_OK || mal_equal(s.c, zero, sizeof s.c));
            failed++;
        }
    CHECK_EQ(failed, 2 * (2 + 2)); /* points, setup, OTs, sums: both ends */
}

TEST_MAIN
