/* An OKVS against its definition, and its failure probabilities computed. */
#include "mal_test.h"

#include <math.h>

#include "../psi_impl.h"

typedef struct store {
    mal_psi_okvs shape;
    mal_psi_key *keys;
    mal_psi_block *values, *p, *got;
    size_t n;
    uint8_t seed[16];
} store;

static void store_new(store *t, size_t n, size_t room, uint64_t *seed) {
    CHECK_OK(mal_psi_okvs_shape(&t->shape, room));
    t->n = n;
    t->keys = calloc(n + 1, sizeof *t->keys);
    t->values = calloc(n + 1, sizeof *t->values);
    t->got = calloc(n + 1, sizeof *t->got);
    t->p = calloc(t->shape.columns, sizeof *t->p);
    for (size_t i = 0; i < n; i++) {
        mal_store_u64le(t->keys[i].b, i);
        mal_store_u64le(t->keys[i].b + 8, mal_test_rand(seed));
        t->values[i].w[0] = mal_test_rand(seed);
        t->values[i].w[1] = mal_test_rand(seed);
    }
}

static void store_free(store *t) {
    free(t->keys);
    free(t->values);
    free(t->got);
    free(t->p);
}

static void store_check(store *t, unsigned threads) {
    CHECK_OK(mal_psi_okvs_encode(t->p, t->seed, &t->shape, t->keys, t->values,
                                 t->n, threads));
    CHECK_OK(mal_psi_okvs_decode(t->got, &t->shape, t->p, t->seed, t->keys,
                                 t->n, threads));
    for (size_t i = 0; i < t->n; i++)
        CHECK(t->got[i].w[0] == t->values[i].w[0] &&
              t->got[i].w[1] == t->values[i].w[1]);
}

TEST(every_key_decodes_to_its_value_at_many_sizes) {
    static const size_t sizes[] = { 0,    1,    2,     3,     7,     64,   255,
                                    1000, 4096, 20000, 32768, 32769, 70001 };
    uint64_t seed = mal_test_seed();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        store t;
        store_new(&t, sizes[i], sizes[i] + i % 3, &seed);
        store_check(&t, 1 + i % 2);
        store_free(&t);
    }
}

TEST(a_half_filled_store_answers_too) {
    uint64_t seed = mal_test_seed();
    store t;
    store_new(&t, 500, 100000, &seed);
    store_check(&t, 1);
    store_free(&t);
}

/* The definition, bit by bit, without batches, tables or bins in order. */
TEST(decoding_is_the_product_of_row_and_vector) {
    uint64_t seed = mal_test_seed();
    store t;
    store_new(&t, 3000, 80000, &seed);
    store_check(&t, 1);
    mal_prim_aes row;
    mal_prim_aes_init(&row, t.seed);
    for (size_t i = 0; i < t.n; i++) {
        mal_psi_block h;
        mal_prim_aes_ecb(&h, &t.keys[i], 1, &row);
        long double x = (long double)h.w[0] / 18446744073709551616.0L;
        x *= t.shape.bins;
        uint32_t bin = (uint32_t)x;
        x -= bin;
        const mal_psi_block *p = t.p + (size_t)bin * t.shape.bin_columns;
        uint64_t sum[2] = { 0, 0 };
        for (uint32_t j = 0; j < 3; j++) {
            x *= t.shape.segment;
            uint32_t c = (uint32_t)x;
            x -= c;
            sum[0] ^= p[j * t.shape.segment + c].w[0];
            sum[1] ^= p[j * t.shape.segment + c].w[1];
        }
        for (uint32_t d = 0; d < MAL_PSI_OKVS_DENSE; d++)
            for (unsigned w = 0; (h.w[1] >> d & 1) && w < 2; w++)
                sum[w] ^= p[3 * t.shape.segment + d].w[w];
        CHECK(sum[0] == t.values[i].w[0] && sum[1] == t.values[i].w[1]);
    }
    store_free(&t);
}

/* Pitfall 5. */
TEST(pitfall_05_equal_keys_are_refused_not_lost) {
    static const size_t sizes[] = { 2, 3, 100, 50000 };
    uint64_t seed = mal_test_seed();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        store t;
        store_new(&t, sizes[i], sizes[i], &seed);
        t.keys[sizes[i] - 1] = t.keys[mal_test_rand(&seed) % (sizes[i] - 1)];
        CHECK_ERR(mal_psi_okvs_encode(t.p, t.seed, &t.shape, t.keys, t.values,
                                      t.n, 1),
                  MAL_E_INPUT);
        store_free(&t);
    }
}

TEST(too_many_keys_are_refused) {
    uint64_t seed = mal_test_seed();
    store t;
    mal_psi_okvs shape;
    store_new(&t, 11, 10, &seed);
    CHECK_ERR(
        mal_psi_okvs_encode(t.p, t.seed, &t.shape, t.keys, t.values, t.n, 1),
        MAL_E_INPUT);
    CHECK_ERR(mal_psi_okvs_shape(&shape, MAL_PSI_OKVS_KEYS_MAX + 1),
              MAL_E_INPUT);
    store_free(&t);
}

/* Pitfall 6: with pseudo-random values, columns are balanced, key or no key. */
TEST(pitfall_06_a_store_of_random_values_looks_random) {
    uint64_t seed = mal_test_seed();
    store t;
    store_new(&t, 20000, 20000, &seed);
    store_check(&t, 1);
    double ones = 0, bits = 128.0 * (double)t.shape.columns;
    for (size_t c = 0; c < t.shape.columns; c++) {
        CHECK(t.p[c].w[0] || t.p[c].w[1]); /* 2^-128 each */
        ones += __builtin_popcountll(t.p[c].w[0]);
        ones += __builtin_popcountll(t.p[c].w[1]);
    }
    /* Eight deviations: wrong with probability < 2^-49. */
    CHECK(fabs(ones - bits / 2) < 8 * sqrt(bits / 4));
    store_free(&t);
}

/* A core is met on purpose: rows crowd into few columns. */
TEST(a_core_is_solved_with_sparse_and_dense_columns) {
    uint64_t seed = mal_test_seed();
    unsigned solved = 0, singular = 0;
    for (unsigned run = 0; run < 400; run++) {
        /* 60 .. 100 keys over 3 * 20 + 40 unknowns: full rank at first, then
         * ever less likely, and never beyond 100. */
        mal_psi_okvs o = { .n = 101,
                           .bins = 1,
                           .segment = 20,
                           .bin_columns = 100,
                           .bin_rows_max = 101,
                           .columns = 100 };
        store t;
        store_new(&t, 60 + run % 42, 101, &seed);
        psi_bins b;
        psi_rows r;
        mal_psi_block *sorted = calloc(t.n, sizeof *sorted);
        mal_store_u64le(t.seed, mal_test_rand(&seed));
        t.shape = o;
        CHECK_OK(psi_bins_new(&b, &t.shape, t.seed, t.keys, t.n));
        CHECK_OK(psi_rows_new(&r, &b));
        for (size_t i = 0; i < t.n; i++)
            sorted[i] = t.values[b.index[i]];
        CHECK_OK(psi_peel_bin(&r, &b, 0));
        psi_solved how = psi_rows_verdict(&r, &b);
        CHECK(how == PSI_SOLVED || how == PSI_SINGULAR);
        CHECK(t.n <= 100 || how == PSI_SINGULAR);
        if (how == PSI_SOLVED)
            CHECK_OK(psi_solve_bin(t.p, &r, &b, 0, sorted));
        solved += how == PSI_SOLVED;
        singular += how == PSI_SINGULAR;
        CHECK_OK(mal_psi_okvs_decode(t.got, &o, t.p, t.seed, t.keys, t.n, 1));
        for (size_t i = 0; how == PSI_SOLVED && i < t.n; i++)
            CHECK(t.got[i].w[0] == t.values[i].w[0]);
        psi_rows_clear(&r);
        psi_bins_clear(&b);
        free(sorted);
        store_free(&t);
    }
    CHECK(solved > 100 && singular >= 9);
}

/* --- Probabilities -------------------------------------------------------- */

static double log2_choose(double n, double k) {
    return (lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)) / log(2);
}

/* log2 of the probability that s balls in L cells leave every cell even:
 * 2^-L sum_k C(L, k) (1 - 2k/L)^s; s even. */
static double log2_all_even(double s, double cells) {
    double sum = 0, top = -1e300;
    for (int pass = 0; pass < 2; pass++)
        for (double k = 0; k <= cells / 2; k++) {
            double base = fabs(1 - 2 * k / cells);
            if (base == 0)
                continue;
            double term = log2_choose(cells, k) + s * log2(base) + 1 - cells;
            if (pass == 0)
                top = fmax(top, term);
            else if (term > top - 60)
                sum += exp2(term - top);
        }
    return top + log2(sum);
}

/* log2 of E[number of non-empty sets of rows whose sparse parts sum to 0],
 * n rows, three segments of L columns; (1 + 2^-11)^s for the bias of
 * psi_choose. Every such set is a dependency with probability 2^-DENSE. */
static double log2_dependencies(double n, double cells) {
    double sum = 0, step = 2;
    for (double s = 2; s <= n; s += step) {
        /* Terms vary slowly: far out, one stands for `step` / 2 of them, with
         * a factor of 4 for the slope. */
        step = s < 400 ? 2 : 2 * floor(s / 400);
        double slack = step > 2 ? log2(step / 2) + 2 : 0;
        double term = log2_choose(n, s) + 3 * log2_all_even(s, cells) + slack +
                      s * log2(1 + exp2(-11));
        sum += exp2(term);
    }
    return log2(sum + 1e-300);
}

/* log2 of P[Binomial(n, 1/bins) > most], by its first term and ratio. */
static double log2_load(double n, double bins, double most) {
    double k = most + 1, q = 1 / bins;
    if (k > n)
        return -1000; /* impossible */
    double first = log2_choose(n, k) + k * log2(q) + (n - k) * log2(1 - q);
    double ratio = (n - k) / (k + 1) * q / (1 - q);
    return first - log2(1 - ratio);
}

/* Pitfall 4, computed: the union over ALL bins stays below 2^-40. */
TEST(pitfall_04_failure_is_below_2_to_the_minus_40_over_all_bins) {
    static const uint64_t sizes[] = { 1,       2,       3,       10,
                                      100,     1000,    10000,   32768,
                                      32769,   65536,   100000,  1 << 18,
                                      1 << 20, 1 << 22, 1 << 24, 1 << 26 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        mal_psi_okvs o;
        CHECK_OK(mal_psi_okvs_shape(&o, sizes[i]));
        double dependent = log2(o.bins) - MAL_PSI_OKVS_DENSE +
                           log2_dependencies(o.bin_rows_max, o.segment);
        double load =
            log2(o.bins) + log2_load((double)o.n, o.bins, o.bin_rows_max);
        printf("# n %llu: %u bins of <= %u keys, %u columns; dependent 2^%.1f, "
               "overfull 2^%.1f; %.4f columns a key\n",
               (unsigned long long)o.n, o.bins, o.bin_rows_max, o.bin_columns,
               dependent, load, (double)o.columns / (double)o.n);
        CHECK(dependent < -41 && load < -41);
    }
}

static void run_many(unsigned runs, size_t n) {
    uint64_t seed = mal_test_seed();
    uint32_t cores = 0, core_max = 0;
    store t;
    store_new(&t, n, n, &seed);
    for (unsigned run = 0; run < runs; run++) {
        psi_bins b;
        psi_rows r;
        mal_store_u64le(t.seed, mal_test_rand(&seed));
        CHECK_OK(psi_bins_new(&b, &t.shape, t.seed, t.keys, n));
        CHECK(!psi_bins_overflow(&b));
        CHECK_OK(psi_rows_new(&r, &b));
        for (size_t i = 0; i < n; i++)
            t.got[i] = t.values[b.index[i]];
        for (uint32_t bin = 0; bin < t.shape.bins; bin++) {
            CHECK_OK(psi_peel_bin(&r, &b, bin));
            CHECK_EQ(r.how[bin], PSI_SOLVED);
            CHECK_OK(psi_solve_bin(t.p + (size_t)bin * t.shape.bin_columns, &r,
                                   &b, bin, t.got + b.start[bin]));
            uint32_t core = b.start[bin + 1] - b.start[bin] - r.peeled[bin];
            cores += core > 0;
            core_max = core > core_max ? core : core_max;
        }
        psi_rows_clear(&r);
        psi_bins_clear(&b);
        CHECK_OK(
            mal_psi_okvs_decode(t.got, &t.shape, t.p, t.seed, t.keys, n, 1));
        for (size_t i = 0; i < n; i++)
            CHECK(t.got[i].w[0] == t.values[i].w[0]);
    }
    printf("# %u runs at %zu: %u bins had a core, the largest of %u rows\n",
           runs, n, cores, core_max);
    store_free(&t);
}

/* Pitfall 4, run.  With MAL_LONG=1, or `meson test --benchmark okvs_long`, 10^4
 * runs at each size and at 2^20: half an hour. */
TEST(pitfall_04_ten_thousand_runs_lose_nothing) {
    const bool lengthy = getenv("MAL_LONG") != NULL;
    static const size_t sizes[] = { 1, 5, 40, 300, 2000, 10000, 100000 };
    static const unsigned runs[] = { 10000, 10000, 4000, 1000, 200, 40, 4 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        run_many(lengthy ? 10000 : runs[i], sizes[i]);
    if (lengthy)
        run_many(10000, 1 << 20);
}

TEST_MAIN
