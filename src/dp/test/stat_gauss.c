/* Chi-square tests of the discrete Gaussian, as in stat_noise.c: an error
 * probability below 2^-30 each (z = 6.2), and a fixed seed unless MAL_SEED is
 * set. */
#include "stat_case.h"

#define BINS 40
#define REACH 3.0L /* bins over [-REACH, REACH] deviations, and the tails */

static long double cdf(long double x) {
    return erfcl(-x / sqrtl(2)) / 2;
}

/* For a deviation s >= 2^10 the discrete law is the continuous one, cut between
 * integers, but for less than e^-(2 pi^2 2^20) [CKS20, section 2.3]. */
static void check_normal(const int64_t *x, size_t n, long double s) {
    uint64_t seen[BINS] = { 0 };
    long double expected[BINS];
    int64_t edge[BINS - 1];
    for (int b = 0; b < BINS - 1; b++)
        edge[b] = (int64_t)(s * REACH * (2.0L * b / (BINS - 2) - 1));
    for (size_t i = 0; i < n; i++) {
        int b = 0;
        while (b < BINS - 1 && x[i] > edge[b])
            b++;
        seen[b]++;
    }
    for (int b = 0; b < BINS; b++) {
        long double to = b < BINS - 1 ? cdf((edge[b] + 0.5L) / s) : 1;
        long double from = b ? cdf((edge[b - 1] + 0.5L) / s) : 0;
        expected[b] = (to - from) * (long double)n;
        CHECK(expected[b] > 10);
    }
    long double z = z_score(expected, seen, BINS);
    printf("# deviation %.0Lf: %zu samples, z = %.2Lf\n", s, n, z);
    CHECK(z < Z_MAX && z > -Z_MAX);
}

/* parties' parts, summed. */
static void test_sum(uint64_t deviation, unsigned parties, size_t n) {
    MAL_AUTO(mal_prim_drbg_auto)
    mal_prim_drbg *drbg = seeded(deviation + parties);
    int64_t *sum = calloc(n, sizeof *sum), *part = calloc(n, sizeof *part);
    CHECK(sum && part);
    for (unsigned i = 0; i < parties; i++) {
        CHECK_OK(mal_dp_gauss_share(part, n, deviation, drbg));
        for (size_t j = 0; j < n; j++)
            sum[j] += part[j];
    }
    check_normal(sum, n, (long double)deviation * sqrtl(parties));
    free(part);
    free(sum);
}

TEST(noise_has_the_gaussian_law) {
    test_sum(1024, 1, 60000);
    test_sum(12345, 1, 50000);
    test_sum((1 << 20) - 1, 1, 40000);
    test_sum((uint64_t)1 << 50, 1, 20000);
}

TEST(a_sum_of_parts_has_the_variance_of_all) {
    test_sum(1024, 2, 30000);
    test_sum(99999, 3, 20000);
}

/* Neighbours of a value are as likely as the law says: a defect of the low
 * digits would not show in wide bins. */
TEST(low_digits_are_uniform) {
    enum { N = 40000, CELLS = 16 };
    MAL_AUTO(mal_prim_drbg_auto) mal_prim_drbg *drbg = seeded(7);
    static int64_t x[N];
    uint64_t seen[CELLS] = { 0 };
    long double expected[CELLS];
    CHECK_OK(mal_dp_gauss_share(x, N, 1024, drbg));
    for (int i = 0; i < N; i++)
        seen[(uint64_t)x[i] % CELLS]++;
    for (int c = 0; c < CELLS; c++)
        expected[c] = (long double)N / CELLS;
    long double z = z_score(expected, seen, CELLS);
    printf("# low digits: z = %.2Lf\n", z);
    CHECK(z < Z_MAX && z > -Z_MAX);
}

TEST(quotes_hold) {
    enum { N = 20000 };
    MAL_AUTO(mal_prim_drbg_auto) mal_prim_drbg *drbg = seeded(8);
    static int64_t x[N], y[N], z[N];
    const uint64_t t = 1 << 16, half = mal_dp_gauss_halfwidth(t, 3);
    const uint64_t tail = mal_dp_gauss_tail(t, 3);
    unsigned inside = 0;
    CHECK_OK(mal_dp_gauss_share(x, N, t, drbg));
    CHECK_OK(mal_dp_gauss_share(y, N, t, drbg));
    CHECK_OK(mal_dp_gauss_share(z, N, t, drbg));
    for (int i = 0; i < N; i++) {
        int64_t s = x[i] + y[i] + z[i];
        uint64_t m = (uint64_t)(s < 0 ? -s : s);
        inside += m <= half;
        CHECK(m < tail);
    }
    /* 0.95 N, and 6 deviations of a binomial */
    CHECK(inside > 18815 && inside < 19185);
}

TEST_MAIN
