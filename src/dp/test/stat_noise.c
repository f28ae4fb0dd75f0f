/* Chi-square tests of whole draws.  Each has an error probability below 2^-30
 * by the Wilson-Hilferty approximation (z = 6.2), and a fixed seed unless
 * MAL_SEED is set, so that a failure is a bug. */
#include "stat_case.h"

#define BINS 40

/* P[DLap(t) <= x] */
static long double laplace_cdf(long double t, int64_t x) {
    long double q = expl(-1 / t);
    if (x < 0)
        return expl((long double)x / t) / (1 + q);
    return 1 - expl(-(long double)(x + 1) / t) / (1 + q);
}

/* k shares drawn by k parties, summed, against DLap(num / den). */
static void test_shares(uint64_t num, uint64_t den, unsigned k, size_t n) {
    MAL_AUTO(mal_prim_drbg_auto)
    mal_prim_drbg *drbg = seeded(num * 1000 + den * 100 + k);
    long double t = (long double)num / (long double)den, cut[BINS];
    long double expected[BINS] = { 0 };
    uint64_t seen[BINS] = { 0 };
    int64_t edge[BINS];
    int bins = 0;
    int64_t x = (int64_t)(-t * 4) - 2;
    int64_t step = (int64_t)(t * 8 / (BINS - 2)) + 1;
    for (; bins < BINS - 1; x += step) { /* bin: (previous edge, edge] */
        long double c = laplace_cdf(t, x), before = bins ? cut[bins - 1] : 0;
        if ((c - before) * (long double)n < 20)
            continue;
        if ((1 - c) * (long double)n < 20)
            break;
        edge[bins] = x;
        cut[bins] = c;
        expected[bins++] = (c - before) * (long double)n;
    }
    expected[bins] = (1 - cut[bins - 1]) * (long double)n;
    bins++;
    int64_t *sum = calloc(n, sizeof *sum), *part = calloc(n, sizeof *part);
    for (unsigned i = 0; i < k; i++) {
        CHECK_OK(mal_dp_laplace_share(part, n, num, den, k, drbg));
        for (size_t j = 0; j < n; j++)
            sum[j] += part[j];
    }
    for (size_t j = 0; j < n; j++) {
        int b = 0;
        while (b < bins - 1 && sum[j] > edge[b])
            b++;
        seen[b]++;
    }
    free(sum);
    free(part);
    long double z = z_score(expected, seen, bins);
    printf("# t %llu/%llu, k %u: %zu samples, %d bins, z = %.2Lf\n",
           (unsigned long long)num, (unsigned long long)den, k, n, bins, z);
    CHECK(bins >= 3);
    CHECK(z < Z_MAX && z > -Z_MAX);
}

TEST(the_whole_mechanism_has_its_law) {
    test_shares(1, 2, 1, 400000);
    test_shares(1, 1, 1, 400000);
    test_shares(7, 3, 1, 400000);
    test_shares(12345, 7, 1, 200000);
    test_shares((uint64_t)1 << 50, 1, 1, 100000);
}

TEST(two_halves_are_the_whole) {
    test_shares(1, 2, 2, 50000);
    test_shares(1, 1, 2, 50000);
    test_shares(7, 3, 2, 50000);
    test_shares(1000, 1, 2, 40000);
    test_shares(1000000, 1, 2, 20000);
    test_shares((uint64_t)1 << 50, 3, 2, 5000);
}

TEST(any_k_shares_are_the_whole) {
    test_shares(3, 1, 3, 40000);
    test_shares(1000, 7, 5, 20000);
    test_shares(40, 1, 64, 3000);
}

/* The research page's sampler of NB(1/2): a geometric x kept when 2x coins show
 * x heads.  Too slow for large t, and a fine oracle for small. */
static int64_t half_by_coins(mal_prim_drbg *drbg, const mal_dp_noise *whole) {
    for (;;) {
        int64_t x;
        /* |DLap| given DLap >= 0 has the geometric law. */
        mal_dp_noise_draw(whole, &x, 1, mal_dp_source_drbg(drbg));
        if (x < 0)
            continue;
        int64_t heads = 0;
        for (int64_t i = 0; i < 2 * x; i++)
            heads += mal_prim_drbg_u64(drbg) >> 63;
        if (heads == x)
            return x;
    }
}

TEST(the_share_agrees_with_the_coin_tossing_oracle) {
    enum { N = 30000, CELLS = 13 };
    MAL_AUTO(mal_prim_drbg_auto) mal_prim_drbg *drbg = seeded(5);
    MAL_AUTO(mal_dp_noise_auto) mal_dp_noise *whole = NULL, *half = NULL;
    uint64_t ours[CELLS] = { 0 }, theirs[CELLS] = { 0 };
    CHECK_OK(mal_dp_noise_new(&whole, (mal_dp_scale){ 3, 1 }, 1));
    CHECK_OK(mal_dp_noise_new(&half, (mal_dp_scale){ 3, 1 }, 2));
    for (int i = 0; i < N; i++) {
        int64_t a = half_by_coins(drbg, whole) - half_by_coins(drbg, whole), b;
        mal_dp_noise_draw(half, &b, 1, mal_dp_source_drbg(drbg));
        a = a < -6 ? -6 : a > 6 ? 6 : a;
        b = b < -6 ? -6 : b > 6 ? 6 : b;
        ours[b + 6]++;
        theirs[a + 6]++;
    }
    long double z = z_of_two(ours, theirs, CELLS);
    printf("# two-sample z = %.2Lf\n", z);
    CHECK(z < Z_MAX && z > -Z_MAX);
}

/* [CKS20] algorithms 1 and 2, on integers: the slow oracle of the whole law. */
static bool bernoulli_exp(mal_prim_drbg *drbg, uint64_t a,
                          uint64_t b) { /* a <= b */
    uint64_t k = 1;
    while (mal_prim_drbg_below(drbg, b * k) < a)
        k++;
    return k % 2;
}

static int64_t laplace_cks(mal_prim_drbg *drbg, uint64_t num, uint64_t den) {
    for (;;) {
        uint64_t u = mal_prim_drbg_below(drbg, num), v = 0;
        if (!bernoulli_exp(drbg, u, num))
            continue;
        while (bernoulli_exp(drbg, 1, 1))
            v++;
        uint64_t y = (u + num * v) / den;
        bool minus = mal_prim_drbg_u64(drbg) >> 63;
        if (minus && y == 0)
            continue;
        return minus ? -(int64_t)y : (int64_t)y;
    }
}

TEST(the_whole_agrees_with_the_sampler_of_canonne_kamath_and_steinke) {
    enum { N = 200000, CELLS = 17 };
    MAL_AUTO(mal_prim_drbg_auto) mal_prim_drbg *drbg = seeded(6);
    uint64_t ours[CELLS] = { 0 }, theirs[CELLS] = { 0 };
    static int64_t draws[N];
    CHECK_OK(mal_dp_laplace_share(draws, N, 7, 3, 1, drbg));
    for (int i = 0; i < N; i++) {
        int64_t a = laplace_cks(drbg, 7, 3), b = draws[i];
        a = a < -8 ? -8 : a > 8 ? 8 : a;
        b = b < -8 ? -8 : b > 8 ? 8 : b;
        theirs[a + 8]++;
        ours[b + 8]++;
    }
    long double z = z_of_two(ours, theirs, CELLS);
    printf("# two-sample z = %.2Lf\n", z);
    CHECK(z < Z_MAX && z > -Z_MAX);
}

TEST_MAIN
