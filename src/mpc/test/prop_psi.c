/* psi gives what the plain join gives, for every overlap and edge. */
#include "psi_parties.h"

static void check_run(psi_run *r, uint64_t bound) {
    int64_t *want = calloc(r->words, 8), *got = calloc(r->words, 8);
    const mal_mpc_psi_open_options options = { bound, 2 };
    uint64_t matches = psi_plain(r, want);
    psi_go(r);
    CHECK_EQ(r->err1, MAL_OK);
    CHECK_EQ(r->err2, MAL_OK);
    CHECK_EQ(r->report1.matches, matches);
    CHECK_EQ(r->report2.matches, 0);
    CHECK(mal_equal(&r->report1.filter_to_payload,
                    &r->report2.filter_to_payload, 32));
    CHECK(mal_equal(&r->report1.payload_to_filter,
                    &r->report2.payload_to_filter, 32));
    CHECK_EQ(r->ciphertexts.len, 64 * r->words);
    CHECK_OK(mal_mpc_psi_open(got, &r->sec, mal_buf_view(&r->ciphertexts),
                              &options, NULL));
    for (size_t k = 0; k < r->words; k++)
        CHECK_EQ(got[k], want[k]);
    free(want);
    free(got);
}

TEST(random_tables_give_the_sums_of_the_plain_join) {
    uint64_t seed = mal_test_seed();
    for (int n = 0; n < 25; n++) {
        psi_run r;
        uint32_t n1 = (uint32_t)(mal_test_rand(&seed) % 20);
        uint32_t n2 = (uint32_t)(mal_test_rand(&seed) % 20);
        psi_new(&r, n1, n2, (uint32_t)(mal_test_rand(&seed) % 20),
                1 + (uint32_t)(mal_test_rand(&seed) % 5),
                1 + (uint32_t)(mal_test_rand(&seed) % 3), &seed);
        if (n % 5 == 0) {
            r.filter.noise = NULL;
            r.payload.noise = NULL;
        }
        r.filter_params.threads = r.payload_params.threads =
            (unsigned)(n % 3); /* 0 is one */
        check_run(&r, (uint64_t)1 << 26);
        psi_done(&r);
    }
}

TEST(all_none_and_nothing_match) {
    static const struct {
        uint32_t n1, n2, shift;
    } cases[] = { { 8, 8, 0 }, { 8, 8, 8 }, { 0, 8, 0 },
                  { 8, 0, 0 }, { 0, 0, 0 }, { 1, 1, 0 } };
    uint64_t seed = mal_test_seed();
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        psi_run r;
        psi_new(&r, cases[c].n1, cases[c].n2, cases[c].shift, 2, 2, &seed);
        check_run(&r, (uint64_t)1 << 26);
        psi_done(&r);
    }
}

TEST(bounds_without_room_for_dummies_work) {
    uint64_t seed = mal_test_seed();
    psi_run r;
    psi_new(&r, 7, 9, 3, 2, 1, &seed);
    r.filter_params.filter_max = r.payload_params.filter_max = 7;
    r.filter_params.payload_max = r.payload_params.payload_max = 9;
    check_run(&r, (uint64_t)1 << 26);
    psi_done(&r);
}

TEST(negative_and_extreme_values_are_exact) {
    uint64_t seed = mal_test_seed();
    psi_run r;
    psi_new(&r, 2, 2, 0, 1, 4, &seed);
    r.filter.noise = r.payload.noise = NULL;
    const int64_t top = ((int64_t)1 << 40) - 1, far = INT64_MAX;
    const int64_t values[8] = { top - 5, -top, far,  INT64_MIN,
                                5,       0,    -far, INT64_MAX };
    memcpy(r.values, values, sizeof values);
    check_run(&r, MAL_MPC_PSI_BOUND_MAX);
    psi_done(&r);
}

/* More rows and words than one message and one batch hold. */
TEST(many_messages_and_many_words_work) {
    uint64_t seed = mal_test_seed();
    psi_run r;
    psi_new(&r, 30, 60, 10, 67, 3, &seed);
    r.filter_params.threads = r.payload_params.threads = 2;
    check_run(&r, (uint64_t)1 << 27);
    psi_done(&r);
    psi_new(&r, 3, 2, 1, 4100, 1, &seed); /* sums take two messages */
    check_run(&r, (uint64_t)1 << 27);
    psi_done(&r);
}

TEST(two_tables_with_equal_bounds_give_equal_traces) {
    uint64_t seed = mal_test_seed();
    psi_run r[3];
    for (int k = 0; k < 3; k++) {
        psi_new(&r[k], k == 2 ? 0 : 20, k == 1 ? 1 : 20, k ? 15 : 0, 40, 2,
                &seed);
        r[k].filter_params.filter_max = r[k].payload_params.filter_max = 22;
        r[k].filter_params.payload_max = r[k].payload_params.payload_max = 210;
        check_run(&r[k], (uint64_t)1 << 27);
        CHECK(r[k].p2.sent > 4);
        CHECK_EQ(r[k].p1.sent, r[0].p1.sent);
        CHECK_EQ(r[k].p2.sent, r[0].p2.sent);
        CHECK(memcmp(r[k].p1.trace, r[0].p1.trace, sizeof r[0].p1.trace) == 0);
        CHECK(memcmp(r[k].p2.trace, r[0].p2.trace, sizeof r[0].p2.trace) == 0);
    }
    for (int k = 0; k < 3; k++)
        psi_done(&r[k]);
}

typedef struct steps {
    unsigned n, cancel_at;
} steps;

static mal_err count_step(void *ctx, const char *stage, uint64_t done,
                          uint64_t total) {
    steps *s = ctx;
    CHECK(stage && done <= total);
    MAL_REQUIRE(++s->n != s->cancel_at, MAL_E_CANCEL, "cancelled by the test");
    return MAL_OK;
}

TEST(a_run_can_be_cancelled_at_every_step_and_the_peer_ends_too) {
    uint64_t seed = mal_test_seed();
    unsigned steps_in_all = 1;
    for (unsigned at = 0; at <= steps_in_all; at++) {
        steps s = { 0, at };
        const mal_progress progress = { count_step, &s };
        psi_run r;
        psi_new(&r, 3, 4, 1, 2, 1, &seed);
        r.progress2 = &progress;
        psi_go(&r);
        if (at == 0) {
            CHECK_EQ(r.err2, MAL_OK);
            steps_in_all = s.n;
        } else {
            CHECK_EQ(r.err2, MAL_E_CANCEL);
            CHECK(r.err1 != MAL_OK);
            CHECK_EQ(r.ciphertexts.len, 0);
        }
        psi_done(&r);
    }
    CHECK(steps_in_all > 5);
}

TEST_MAIN
