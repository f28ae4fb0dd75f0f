/* prop_vole.c - c = b + delta a, at many sizes, for every mode and code. */
#include "ot_parties.h"

typedef struct scene {
    mal_ot_params params;
    size_t n;
    unsigned times;
    mal_ot_block *a, *b, *c, delta;
} scene;

static mal_err sender(ot_party *p) {
    scene *s = p->ctx;
    MAL_AUTO(mal_ot_cot_auto) mal_ot_cot *cot = NULL;
    if (s->times == 1)
        return mal_ot_vole_send(&s->delta, s->b, s->n, p->chan, &s->params,
                                NULL);
    MAL_TRY(mal_ot_cot_new_sender(&cot, p->chan, &s->params));
    s->delta = mal_ot_cot_delta(cot);
    for (unsigned i = 0; i < s->times; i++)
        MAL_TRY(mal_ot_cot_vole_send(cot, s->b, s->n, NULL));
    return MAL_OK;
}

static mal_err receiver(ot_party *p) {
    scene *s = p->ctx;
    MAL_AUTO(mal_ot_cot_auto) mal_ot_cot *cot = NULL;
    if (s->times == 1)
        return mal_ot_vole_receive(s->a, s->c, s->n, p->chan, &s->params, NULL);
    MAL_TRY(mal_ot_cot_new_receiver(&cot, p->chan, &s->params));
    for (unsigned i = 0; i < s->times; i++)
        MAL_TRY(mal_ot_cot_vole_receive(cot, s->a, s->c, s->n, NULL));
    return MAL_OK;
}

static void run(mal_ot_params params, size_t n, unsigned times) {
    scene s = { .params = params, .n = n, .times = times };
    ot_party x = { .run = sender, .ctx = &s },
             y = { .run = receiver, .ctx = &s };
    s.params.session[3] = (uint8_t)n;
    s.a = mal_ot_blocks_new(n + 1);
    s.b = mal_ot_blocks_new(n + 1);
    s.c = mal_ot_blocks_new(n + 1);
    CHECK(s.a && s.b && s.c);
    parties_run(&x, &y);
    CHECK_THAT(x.err == MAL_OK, "sender: %s", x.message);
    CHECK_THAT(y.err == MAL_OK, "receiver: %s", y.message);
    for (size_t i = 0; i < n; i++) {
        mal_ot_block want = ot_xor(s.b[i], mal_ot_mul(s.delta, s.a[i]));
        CHECK_THAT(block_same(s.c[i], want), "output %zu of %zu", i, n);
        CHECK(s.a[i].w[0] && s.a[i].w[1] && s.b[i].w[0]);
    }
    CHECK(!s.a[n].w[0] && !s.b[n].w[0] && !s.c[n].w[0]); /* nothing past n */
    printf("# %zu: %.1f ms, %.1f ms\n", n, (double)x.cpu_ns / 1e6,
           (double)y.cpu_ns / 1e6);
    mal_ot_blocks_free(s.a);
    mal_ot_blocks_free(s.b);
    mal_ot_blocks_free(s.c);
}

static const size_t sizes[] = { 1,     2,     3,     63,    1000,  16383, 16384,
                                16385, 16386, 16387, 40000, 65536, 99991 };

TEST(the_relation_holds_at_every_size) {
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        run((mal_ot_params){ .security = MAL_OT_SEMI_HONEST }, sizes[i], 1);
        run((mal_ot_params){ .security = MAL_OT_MALICIOUS }, sizes[i], 1);
    }
}

TEST(the_relation_holds_for_the_conservative_code) {
    run((mal_ot_params){ .security = MAL_OT_MALICIOUS,
                         .code = MAL_OT_CODE_21X24 },
        20001, 1);
}

TEST(one_extender_makes_several_voles) {
    run((mal_ot_params){ .security = MAL_OT_MALICIOUS, .fold = 8 }, 17000, 3);
}

TEST(threads_share_the_trees_and_the_outputs) {
    run((mal_ot_params){ .security = MAL_OT_SEMI_HONEST, .threads = 2 }, 70001,
        1);
    run((mal_ot_params){ .security = MAL_OT_MALICIOUS, .threads = 3 }, 70001,
        2);
    run((mal_ot_params){ .security = MAL_OT_MALICIOUS, .threads = 200 }, 1, 1);
}

TEST(a_given_delta_is_used) {
    mal_ot_block delta = { { 5, 6 } };
    run((mal_ot_params){ .security = MAL_OT_MALICIOUS, .delta = &delta }, 100,
        1);
}

TEST(psi_of_a_million_rows_has_its_vole) {
    run((mal_ot_params){ .security = MAL_OT_SEMI_HONEST }, 1330000, 1);
    run((mal_ot_params){ .security = MAL_OT_MALICIOUS }, 1330000, 1);
}

TEST_MAIN
