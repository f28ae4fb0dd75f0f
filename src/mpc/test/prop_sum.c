/* Masked sums add up, and the masks hide: random inputs against plain sums. */
#include "mpc_parties.h"

#define WORDS_MAX 20000

typedef struct party {
    mal_mesh mesh;
    mal_mpc_sum_input input;
    int64_t *x, *noise;
    uint64_t *y;
    mal_mpc_sum_report report;
    mal_err err;
    spy spies[MAL_PARTIES_MAX];
} party;

static void party_run(void *arg) {
    party *p = arg;
    p->err = mal_mpc_sum(p->y, &p->report, &p->mesh, &p->input, NULL);
    for (unsigned j = 0; j < p->mesh.n; j++)
        mal_chan_close(&p->mesh.chan[j]);
}

static party *parties_new(unsigned n, size_t words, uint64_t *seed) {
    party *p = calloc(n, sizeof *p);
    for (unsigned i = 0; i < n; i++) {
        p[i].x = calloc(words, 8);
        p[i].noise = calloc(words, 8);
        p[i].y = calloc(words, 8);
        for (size_t k = 0; k < words; k++) {
            p[i].x[k] = (int64_t)mal_test_rand(seed) >> 8;
            p[i].noise[k] = (int64_t)mal_test_rand(seed) >> 40;
        }
        p[i].mesh.n = n;
        p[i].mesh.me = i;
        memset(p[i].input.session, 7, 32);
        p[i].input.x = p[i].x;
        p[i].input.noise = p[i].noise;
        p[i].input.n = words;
        for (unsigned j = 0; j < i; j++) {
            mal_chan *a, *b;
            CHECK_OK(mal_chan_pair(&a, &b, 2000));
            spy_init(&p[i].spies[j], a);
            spy_init(&p[j].spies[i], b);
            p[i].mesh.chan[j] = &p[i].spies[j].chan;
            p[j].mesh.chan[i] = &p[j].spies[i].chan;
        }
    }
    return p;
}

static void parties_run(party *p, unsigned n) {
    mal_thread *t[MAL_PARTIES_MAX];
    for (unsigned i = 0; i < n; i++)
        CHECK_OK(mal_thread_start(&t[i], party_run, &p[i]));
    for (unsigned i = 0; i < n; i++)
        mal_thread_join(&t[i]);
}

static void parties_free(party *p, unsigned n) {
    for (unsigned i = 0; i < n; i++) {
        free(p[i].x);
        free(p[i].noise);
        free(p[i].y);
    }
    free(p);
}

static void check_adds_up(unsigned n, size_t words, uint64_t *seed) {
    party *p = parties_new(n, words, seed);
    const uint64_t *y[MAL_PARTIES_MAX];
    int64_t *sum = calloc(words, 8);
    parties_run(p, n);
    for (unsigned i = 0; i < n; i++) {
        CHECK_EQ(p[i].err, MAL_OK);
        y[i] = p[i].y;
        for (unsigned j = 0; j < n; j++)
            CHECK(mal_equal(&p[i].report.pair[j], &p[j].report.pair[i], 32));
    }
    CHECK_OK(mal_mpc_sum_open(sum, y, n, words));
    for (size_t k = 0; k < words; k++) {
        int64_t want = 0;
        for (unsigned i = 0; i < n; i++)
            want += p[i].x[k] + p[i].noise[k];
        CHECK_EQ(sum[k], want);
    }
    /* 64-bit masks: an unmasked word among these has probability < 2^-40. */
    for (size_t k = 0; k < words; k++)
        CHECK(p[0].y[k] != (uint64_t)(p[0].x[k] + p[0].noise[k]));
    free(sum);
    parties_free(p, n);
}

TEST(the_sum_of_random_parties_is_the_plain_sum) {
    uint64_t seed = mal_test_seed();
    for (unsigned n = 2; n <= 7; n++)
        check_adds_up(n, 1 + mal_test_rand(&seed) % 300, &seed);
    check_adds_up(3, 8192, &seed);
    check_adds_up(2, 8193, &seed);
    check_adds_up(2, WORDS_MAX, &seed);
    check_adds_up(MAL_PARTIES_MAX, 3, &seed);
}

TEST(without_noise_the_answer_is_exact) {
    uint64_t seed = mal_test_seed();
    party *p = parties_new(2, 2, &seed);
    int64_t sum[2];
    p[0].input.noise = NULL;
    p[1].input.noise = NULL;
    parties_run(p, 2);
    const uint64_t *y[2] = { p[0].y, p[1].y };
    CHECK_OK(mal_mpc_sum_open(sum, y, 2, 2));
    CHECK_EQ(sum[1], p[0].x[1] + p[1].x[1]);
    parties_free(p, 2);
}

TEST(extreme_words_wrap_and_come_back) {
    uint64_t seed = mal_test_seed();
    party *p = parties_new(3, 4, &seed);
    int64_t sum[4];
    for (unsigned i = 0; i < 3; i++)
        p[i].input.noise = NULL;
    for (unsigned k = 0; k < 4; k++)
        p[0].x[k] = INT64_MIN, p[1].x[k] = INT64_MAX, p[2].x[k] = (int64_t)k;
    parties_run(p, 3);
    const uint64_t *y[3] = { p[0].y, p[1].y, p[2].y };
    CHECK_OK(mal_mpc_sum_open(sum, y, 3, 4));
    CHECK_EQ(sum[3], 2);
    parties_free(p, 3);
}

TEST(masks_are_fresh_in_every_run_of_one_session) {
    uint64_t seed = mal_test_seed();
    uint64_t first[8];
    for (int again = 0; again < 2; again++) {
        party *p = parties_new(2, 8, &seed);
        memset(p[0].x, 0, 64);
        p[0].input.noise = NULL;
        parties_run(p, 2);
        if (again)
            for (int k = 0; k < 8; k++)
                CHECK(first[k] != p[0].y[k]);
        memcpy(first, p[0].y, 64);
        parties_free(p, 2);
    }
}

static int by_word(const void *a, const void *b) {
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* Random words repeat, or are 0, with probability below 2^-33 here. */
static void check_no_repeats(const uint64_t *words, size_t n) {
    uint64_t *copy = calloc(n, 8);
    memcpy(copy, words, n * 8);
    qsort(copy, n, 8, by_word);
    CHECK(copy[0] != 0);
    for (size_t i = 1; i < n; i++)
        CHECK(copy[i] != copy[i - 1]);
    free(copy);
}

/* Of inputs that are all 0 the masks remain: over several blocks of the PRG
 * none is used twice, at one party or at any two of three, whose third is gone.
 */
TEST(no_mask_is_used_twice_over_blocks_and_pairs) {
    enum { WORDS = 5 * 8192 + 3 };
    uint64_t seed = mal_test_seed();
    party *p = parties_new(3, WORDS, &seed);
    uint64_t *two = calloc(WORDS, 8);
    for (unsigned i = 0; i < 3; i++) {
        memset(p[i].x, 0, WORDS * 8);
        p[i].input.noise = NULL;
    }
    parties_run(p, 3);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(p[i].err, MAL_OK);
        check_no_repeats(p[i].y, WORDS);
        for (size_t k = 0; k < WORDS; k++)
            two[k] = p[i].y[k] + p[(i + 1) % 3].y[k];
        check_no_repeats(two, WORDS);
    }
    free(two);
    parties_free(p, 3);
}

TEST(message_sizes_depend_on_the_number_of_parties_only) {
    uint64_t seed = mal_test_seed();
    for (int again = 0; again < 2; again++) {
        party *p = parties_new(3, again ? 5 : 5000, &seed);
        parties_run(p, 3);
        for (unsigned i = 0; i < 3; i++)
            for (unsigned j = 0; j < 3; j++) {
                if (i == j)
                    continue;
                CHECK_EQ(p[i].spies[j].sent, 1);
                CHECK_EQ(p[i].spies[j].trace[0], 80);
            }
        parties_free(p, 3);
    }
}

/* --- Refusals ------------------------------------------------------------- */

static void check_refused(party *p, mal_err at_1) {
    parties_run(p, 2);
    CHECK_EQ(p[1].err, at_1);
    for (size_t k = 0; k < p[1].input.n; k++)
        CHECK_EQ(p[1].y[k], 0);
    parties_free(p, 2);
}

TEST(refuses_a_peer_with_another_session_id) {
    uint64_t seed = mal_test_seed();
    party *p = parties_new(2, 4, &seed);
    p[0].input.session[5] ^= 1;
    check_refused(p, MAL_E_PEER);
}

TEST(refuses_a_peer_with_another_number_of_words) {
    uint64_t seed = mal_test_seed();
    party *p = parties_new(2, 4, &seed);
    p[0].input.n = 3;
    check_refused(p, MAL_E_PEER);
}

TEST(refuses_a_change_of_any_header_byte) {
    uint64_t seed = mal_test_seed();
    for (size_t at = 0; at < 48; at++) {
        party *p = parties_new(2, 4, &seed);
        p[0].spies[1].how = TAMPER_FLIP;
        p[0].spies[1].at = 0;
        p[0].spies[1].offset = at;
        check_refused(p, MAL_E_PEER);
    }
}

TEST(refuses_short_long_and_missing_messages_and_a_closed_channel) {
    static const struct {
        tamper how;
        mal_err err;
    } cases[] = { { TAMPER_SHORT, MAL_E_PEER },
                  { TAMPER_LONG, MAL_E_PEER },
                  { TAMPER_CLOSE, MAL_E_PEER } };
    uint64_t seed = mal_test_seed();
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        party *p = parties_new(2, 4, &seed);
        p[0].spies[1].how = cases[c].how;
        p[0].spies[1].at = 0;
        check_refused(p, cases[c].err);
    }
}

TEST(a_silent_peer_ends_in_a_time_out) {
    uint64_t seed = mal_test_seed();
    party *p = parties_new(2, 4, &seed);
    mal_chan *a, *b;
    CHECK_OK(mal_chan_pair(&a, &b, 50));
    mal_chan_close(&p[1].spies[0].inner);
    spy_init(&p[1].spies[0], a);
    CHECK_ERR(mal_mpc_sum(p[1].y, NULL, &p[1].mesh, &p[1].input, NULL),
              MAL_E_TIMEOUT);
    CHECK_EQ(p[1].y[0], 0);
    mal_chan_close(&b);
    mal_chan_close(&a);
    mal_chan_close(&p[0].mesh.chan[1]);
    parties_free(p, 2);
}

TEST(refuses_its_own_contribution_reflected) {
    uint64_t seed = mal_test_seed();
    party *p = parties_new(2, 4, &seed);
    mal_chan *a, *b;
    mal_buf m = { 0 };
    CHECK_OK(mal_chan_pair(&a, &b, 1000));
    p[1].mesh.chan[0] = a;
    mal_thread *t;
    CHECK_OK(mal_thread_start(&t, party_run, &p[1]));
    CHECK_OK(mal_chan_recv(b, &m, 80));
    CHECK_OK(mal_chan_send(b, mal_buf_view(&m)));
    mal_thread_join(&t);
    CHECK_EQ(p[1].err, MAL_E_PEER);
    mal_buf_clear(&m);
    mal_chan_close(&b);
    mal_chan_close(&p[1].spies[0].inner);
    mal_chan_close(&p[0].mesh.chan[1]);
    parties_free(p, 2);
}

TEST(refuses_sizes_out_of_range) {
    uint64_t seed = mal_test_seed();
    party *p = parties_new(2, 4, &seed);
    p[0].input.n = 0;
    CHECK_ERR(mal_mpc_sum(p[0].y, NULL, &p[0].mesh, &p[0].input, NULL),
              MAL_E_INPUT);
    p[0].input.n = 4;
    p[0].mesh.n = 1;
    CHECK_ERR(mal_mpc_sum(p[0].y, NULL, &p[0].mesh, &p[0].input, NULL),
              MAL_E_INPUT);
    p[0].mesh.n = 65;
    CHECK_ERR(mal_mpc_sum(p[0].y, NULL, &p[0].mesh, &p[0].input, NULL),
              MAL_E_INPUT);
    p[0].mesh.n = 3; /* channel 2 is missing */
    CHECK_ERR(mal_mpc_sum(p[0].y, NULL, &p[0].mesh, &p[0].input, NULL),
              MAL_E_INPUT);
    mal_chan_close(&p[0].mesh.chan[1]);
    mal_chan_close(&p[1].mesh.chan[0]);
    parties_free(p, 2);
}

/* --- Failures ------------------------------------------------------------- */

static mal_err cancel_at_once(void *ctx, const char *stage, uint64_t done,
                              uint64_t total) {
    (void)ctx, (void)stage, (void)done, (void)total;
    MAL_FAIL(MAL_E_CANCEL, "cancelled by the test");
}

TEST(a_cancelled_sum_shows_nothing) {
    uint64_t seed = mal_test_seed();
    party *p = parties_new(2, 4, &seed);
    const mal_progress progress = { cancel_at_once, NULL };
    mal_thread *t;
    CHECK_OK(mal_thread_start(&t, party_run, &p[0]));
    CHECK_ERR(mal_mpc_sum(p[1].y, NULL, &p[1].mesh, &p[1].input, &progress),
              MAL_E_CANCEL);
    for (int k = 0; k < 4; k++)
        CHECK_EQ(p[1].y[k], 0);
    mal_chan_close(&p[1].mesh.chan[0]);
    mal_thread_join(&t);
    parties_free(p, 2);
}

/* The allocations of both threads count; whoever fails, nobody hangs and a
 * failed party's words are zero. */
TEST(every_failed_allocation_ends_the_sum_cleanly) {
    uint64_t seed = mal_test_seed();
    bool all_well = false;
    for (uint64_t n = 1; n < 200 && !all_well; n++) {
        party *p = parties_new(2, 4, &seed);
        mal_alloc_fail_at(n);
        mal_thread *t;
        if (mal_thread_start(&t, party_run, &p[0]) != MAL_OK) {
            mal_alloc_fail_at(0);
            mal_chan_close(&p[0].mesh.chan[1]);
            mal_chan_close(&p[1].mesh.chan[0]);
            parties_free(p, 2);
            continue;
        }
        party_run(&p[1]);
        mal_thread_join(&t);
        mal_alloc_fail_at(0);
        all_well = p[0].err == MAL_OK && p[1].err == MAL_OK;
        for (unsigned i = 0; i < 2; i++)
            if (p[i].err != MAL_OK)
                CHECK_EQ(p[i].y[0], 0);
        parties_free(p, 2);
    }
    CHECK(all_well);
}

TEST_MAIN
