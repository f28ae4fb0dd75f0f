/* The joined table in shares: bits are those of the plain join, words are the
 * filter's row where matched and 0 elsewhere, and sizes follow from bounds. */
#include "circuit_parties.h"

#define WORDS_MAX 5

typedef struct table_run {
    circuit_run run; /* keys, channels, reports */
    int64_t *z;      /* [n1][filter_words] */
    mal_psi_circuit_table t1, t2;
} table_run;

static void table_filter(void *arg) {
    table_run *r = arg;
    r->run.err1 = mal_psi_circuit_filter_table(
        &r->t1, &r->run.report1, &r->run.p1.chan, &r->run.filter_params,
        &r->run.filter, NULL);
    spy_close(&r->run.p1.chan);
}

static void table_go(table_run *r) {
    mal_thread *t;
    CHECK_OK(mal_thread_start(&t, table_filter, r));
    r->run.err2 = mal_psi_circuit_payload_table(
        &r->t2, &r->run.report2, &r->run.p2.chan, &r->run.payload_params,
        &r->run.payload, NULL);
    spy_close(&r->run.p2.chan);
    mal_thread_join(&t);
}

static void table_new(table_run *r, uint32_t n1, uint32_t n2, uint32_t shift,
                      uint32_t filter_words, uint64_t *seed) {
    memset(r, 0, sizeof *r);
    run_new(&r->run, n1, n2, shift, 1, seed);
    r->run.filter_params.words = r->run.payload_params.words = 0;
    r->run.filter_params.filter_words = r->run.payload_params.filter_words =
        filter_words;
    r->run.payload.values = r->run.payload.noise = NULL;
    r->z = calloc(n1 + 1, WORDS_MAX * sizeof *r->z);
    for (size_t i = 0; i < (size_t)n1 * filter_words; i++)
        r->z[i] = (int64_t)mal_test_rand(seed);
    r->run.filter.values = r->z;
}

static void table_done(table_run *r) {
    mal_psi_circuit_table_clear(&r->t1);
    mal_psi_circuit_table_clear(&r->t2);
    free(r->z);
    run_done(&r->run);
}

/* Row of the filter with that key, or -1. */
static int64_t find(const table_run *r, const uint8_t *key) {
    for (size_t i = 0; i < r->run.filter.n; i++)
        if (mal_equal(r->run.v[i], key, MAL_PSI_CIRCUIT_KEY))
            return (int64_t)i;
    return -1;
}

static void table_check(const table_run *r) {
    const size_t words = r->run.filter_params.filter_words;
    size_t rows = 0;
    CHECK_OK(r->run.err1);
    CHECK_OK(r->run.err2);
    CHECK(mal_equal(&r->run.report1, &r->run.report2, sizeof r->run.report1));
    CHECK_EQ(r->t1.n, r->t2.n);
    CHECK_EQ(r->t1.n, cuckoo_bins(r->run.filter_params.payload_max));
    CHECK(!r->t1.row && r->t2.row);
    for (size_t b = 0; b < r->t1.n; b++) {
        const uint32_t row = r->t2.row[b];
        const bool real = row != MAL_PSI_CIRCUIT_NO_ROW;
        const int64_t at = real ? find(r, r->run.w[row]) : -1;
        const bool match =
            (r->t1.match[b / 64] ^ r->t2.match[b / 64]) >> (b % 64) & 1;
        rows += real;
        CHECK_EQ(match, at >= 0);
        for (size_t w = 0; w < words; w++)
            CHECK_EQ(r->t1.words[b * words + w] + r->t2.words[b * words + w],
                     at >= 0 ? (uint64_t)r->z[(size_t)at * words + w] : 0);
    }
    CHECK_EQ(rows, r->run.payload.n);
}

TEST(bits_and_words_are_those_of_the_plain_join) {
    uint64_t seed = mal_test_seed();
    for (uint32_t words = 0; words <= WORDS_MAX; words++) {
        table_run r;
        table_new(&r, 40, 60, (uint32_t)(mal_test_rand(&seed) % 50), words,
                  &seed);
        table_go(&r);
        table_check(&r);
        table_done(&r);
    }
}

TEST(empty_and_full_overlaps_and_many_batches_work) {
    static const uint32_t cases[][3] = {
        { 0, 9, 0 }, { 9, 0, 0 }, { 9, 9, 9 }, { 9, 9, 0 }, { 5, 52000, 0 }
    };
    uint64_t seed = mal_test_seed();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        table_run r;
        table_new(&r, cases[i][0], cases[i][1], cases[i][2], 3, &seed);
        table_go(&r);
        table_check(&r);
        table_done(&r);
    }
}

TEST(equal_bounds_give_equal_traces) {
    uint64_t seed = mal_test_seed();
    table_run r[2];
    for (int k = 0; k < 2; k++) {
        table_new(&r[k], k ? 0 : 20, k ? 30 : 2, k ? 0 : 7, 2, &seed);
        r[k].run.filter_params.filter_max = r[k].run.payload_params.filter_max =
            21;
        r[k].run.filter_params.payload_max =
            r[k].run.payload_params.payload_max = 33;
        table_go(&r[k]);
        table_check(&r[k]);
        CHECK(memcmp(r[k].run.p1.trace, r[0].run.p1.trace,
                     sizeof r[0].run.p1.trace) == 0);
        CHECK(memcmp(r[k].run.p2.trace, r[0].run.p2.trace,
                     sizeof r[0].run.p2.trace) == 0);
    }
    for (int k = 0; k < 2; k++)
        table_done(&r[k]);
}

/* The share of a bit, or of a word, is a coin for who has one side. */
TEST(one_side_of_the_shares_looks_random) {
    uint64_t seed = mal_test_seed();
    table_run r;
    table_new(&r, 700, 700, 0, 1, &seed);
    memset(r.z, 0, 700 * sizeof *r.z);
    table_go(&r);
    table_check(&r);
    size_t bits = 0, words = 0;
    for (size_t b = 0; b < r.t1.n; b++) {
        bits += r.t1.match[b / 64] >> (b % 64) & 1;
        words += (size_t)__builtin_popcountll(r.t1.words[b]);
    }
    const size_t n = r.t1.n; /* 960 bits: 7 deviations are 108 */
    CHECK(bits > n / 2 - 120 && bits < n / 2 + 120);
    CHECK(words > 32 * n - 1000 && words < 32 * n + 1000);
    table_done(&r);
}

TEST(each_tampered_message_ends_both_sides_without_a_table) {
    uint64_t seed = mal_test_seed();
    unsigned sent[2] = { 1, 1 };
    for (unsigned m = 0; m < sent[0] || m < sent[1]; m++)
        for (unsigned p = 0; p < 2; p++) {
            table_run r;
            table_new(&r, 3, 4, 1, 2, &seed);
            spy *s = p ? &r.run.p2 : &r.run.p1;
            s->how = m % 2 ? TAMPER_SHORT : TAMPER_LONG;
            s->at = m;
            if (m == 0 && p == 0) /* how many there are */
                s->how = TAMPER_NONE;
            table_go(&r);
            if (m == 0 && p == 0) {
                table_check(&r);
                sent[0] = r.run.p1.sent;
                sent[1] = r.run.p2.sent;
            } else if (m < sent[p]) {
                CHECK_EQ(p ? r.run.err1 : r.run.err2, MAL_E_PEER);
                CHECK(p ? !r.t1.match && r.t1.n == 0 : !r.t2.match);
            }
            table_done(&r);
        }
    CHECK(sent[0] > 8 && sent[1] > 8);
}

TEST(refuses_sums_and_tables_in_one) {
    uint64_t seed = mal_test_seed();
    for (int what = 0; what < 3; what++) {
        table_run r;
        table_new(&r, 3, 4, 1, 2, &seed);
        mal_psi_circuit_params *q = &r.run.filter_params;
        if (what == 0)
            q->words = 1;
        if (what == 1)
            q->words = 1, q->filter_words = 0;
        if (what == 2)
            q->filter_words = MAL_PSI_CIRCUIT_FILTER_WORDS_MAX + 1;
        table_go(&r);
        CHECK_EQ(r.run.err1, MAL_E_INPUT);
        CHECK(r.run.err2 != MAL_OK);
        table_done(&r);
    }
}

TEST_MAIN
