/* Counts of common keys against plain ones. */
#include "psi_scene.h"

typedef struct count_scene {
    psi_scene c; /* sets and spied channels */
    mal_psi_count_options ro, so;
    int64_t r_count, s_count;
} count_scene;

static void count_new(count_scene *q, size_t nx, size_t ny, uint64_t shift,
                      bool both) {
    memset(q, 0, sizeof *q);
    psi_scene_new(&q->c, nx, ny, shift, MAL_PSI_SEMI_HONEST);
    q->ro.params = q->c.rp;
    q->ro.both = both;
    q->so = q->ro;
    q->r_count = q->s_count = 77;
}

static void count_receiver(void *arg) {
    count_scene *q = arg;
    q->c.r_err =
        mal_psi_count_receive(&q->r_count, &q->c.r.chan, &q->ro, &q->c.x, NULL);
    mal_chan_close(&q->c.r.inner);
}

static void count_go(count_scene *q) {
    mal_thread *t;
    CHECK_OK(mal_thread_start(&t, count_receiver, q));
    q->c.s_err =
        mal_psi_count_send(&q->s_count, &q->c.s.chan, &q->so, &q->c.y, NULL);
    mal_chan_close(&q->c.s.inner);
    mal_thread_join(&t);
}

TEST(counts_are_plain_counts_with_both_noises) {
    static const int64_t cases[][4] = {
        { 0, 0, 0, 0 },   { 0, 4, 0, 0 },      { 1, 1, 0, 1 },
        { 1, 1, 1, 0 },   { 50, 70, 20, 30 },  { 900, 5, 3, 5 },
        { 5, 900, 0, 5 }, { 600, 600, 0, 600 }
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (unsigned both = 0; both < 2; both++) {
            count_scene q;
            count_new(&q, (size_t)cases[i][0], (size_t)cases[i][1],
                      (uint64_t)cases[i][2], both);
            q.ro.noise = both ? -40 : 0;
            q.so.noise = both ? 7 : 0;
            count_go(&q);
            CHECK_OK(q.c.r_err);
            CHECK_OK(q.c.s_err);
            CHECK_EQ(q.r_count, cases[i][3] + q.ro.noise + q.so.noise);
            CHECK_EQ(q.s_count, both ? q.r_count : 0);
            psi_scene_done(&q.c);
        }
}

TEST(copies_count_once_where_they_are_merged) {
    for (unsigned merge = 0; merge < 2; merge++) {
        count_scene q;
        count_new(&q, 40, 40, 0, false);
        q.c.ys[3] = q.c.ys[4];
        q.c.y.merge = merge;
        count_go(&q);
        CHECK_EQ(q.c.s_err, merge ? MAL_OK : MAL_E_INPUT);
        CHECK_EQ(q.r_count, merge ? 39 : 0);
        psi_scene_done(&q.c);
    }
}

TEST(pitfall_11_equal_bounds_give_counts_of_equal_traces) {
    uint64_t trace[2] = { 0, 0 };
    for (unsigned i = 0; i < 3; i++) {
        count_scene q;
        count_new(&q, 10 * i, 60 - 25 * i, i, true);
        q.ro.params.receiver_max = q.so.params.receiver_max = 64;
        q.ro.params.sender_max = q.so.params.sender_max = 64;
        count_go(&q);
        CHECK_OK(q.c.r_err);
        CHECK_OK(q.c.s_err);
        CHECK(i == 0 || (trace[0] == q.c.r.trace && trace[1] == q.c.s.trace));
        trace[0] = q.c.r.trace;
        trace[1] = q.c.s.trace;
        psi_scene_done(&q.c);
    }
}

TEST(refuses_counts_for_malicious_peers_and_other_wishes) {
    count_scene q;
    psi_timeout_ms = 2000;
    count_new(&q, 5, 5, 0, false);
    q.ro.params.security = q.so.params.security = MAL_PSI_MALICIOUS;
    count_go(&q);
    CHECK_EQ(q.c.r_err, MAL_E_UNSUPPORTED);
    CHECK_EQ(q.c.s_err, MAL_E_UNSUPPORTED);
    psi_scene_done(&q.c);
    count_new(&q, 5, 5, 0, false);
    q.so.both = true; /* the receiver did not agree to that */
    count_go(&q);
    CHECK(q.c.r_err != MAL_OK && q.c.s_err != MAL_OK);
    CHECK(q.r_count == 0 && q.s_count == 0);
    psi_scene_done(&q.c);
    count_new(&q, 5, 5, 0, false);
    q.ro.params.sender_max = MAL_PSI_CIRCUIT_ROWS_MAX + 1;
    CHECK_ERR(
        mal_psi_count_receive(&q.r_count, &q.c.r.chan, &q.ro, &q.c.x, NULL),
        MAL_E_INPUT);
    psi_scene_done(&q.c);
}

TEST_MAIN
