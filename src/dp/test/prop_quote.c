/* Half-widths and tails against the law itself, summed in long double. */
#include "mal_test.h"
#include <malus/dp.h>
#include <math.h>

/* The law of one side of order r, then P[|D| <= h] by direct sums; N cells. */
static long double *side(long double t, long double r, size_t n) {
    long double q = expl(-1 / t), *p = calloc(n, sizeof *p);
    p[0] = powl(1 - q, r);
    for (size_t x = 1; x < n; x++)
        p[x] = p[x - 1] * ((long double)(x - 1) + r) / (long double)x * q;
    return p;
}

static uint64_t slow_halfwidth(long double t, long double r) {
    size_t n = (size_t)(t * (30 + 3 * r)) + 40;
    long double *p = side(t, r, n), inside = 0;
    uint64_t h;
    for (h = 0;; h++) {
        long double at = 0;
        for (size_t x = 0; x + h < n; x++)
            at += p[x] * p[x + h];
        inside += h ? 2 * at : at;
        if (inside >= 0.95L)
            break;
    }
    free(p);
    return h;
}

static void compare(uint64_t num, uint64_t den, unsigned n, unsigned k) {
    uint64_t h, slow = slow_halfwidth((long double)num / (long double)den,
                                      (long double)n / (long double)k);
    CHECK_OK(mal_dp_halfwidth(&h, (mal_dp_scale){ num, den }, n, k));
    CHECK_THAT(h >= slow && h <= slow + slow / 100 + 1,
               "t %llu/%llu, %u of %u: %llu, by sums %llu",
               (unsigned long long)num, (unsigned long long)den, k, n,
               (unsigned long long)h, (unsigned long long)slow);
}

TEST(half_widths_cover_and_are_tight) {
    for (unsigned n = 1; n <= 6; n++) {
        for (unsigned k = 1; k <= n; k++) {
            compare(1, 3, n, k);
            compare(1, 1, n, k);
            compare(7, 3, n, k);
            compare(100, 1, n, k);
        }
    }
    compare(50, 1, 64, 1);
    compare(50, 1, 64, 63);
    compare(1, 60, 3, 2);
}

/* Around the scale where the bound changes from the law to its limit, the
 * quotient h / t must not jump by more than 1 %. */
TEST(half_widths_of_large_scales_are_tight) {
    const unsigned shapes[][2] = { { 3, 2 },  { 2, 1 },   { 4, 3 },
                                   { 64, 1 }, { 64, 63 }, { 7, 5 } };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        unsigned n = shapes[i][0], k = shapes[i][1];
        uint64_t below, above;
        CHECK_OK(mal_dp_halfwidth(&below, (mal_dp_scale){ 4095, 1 }, n, k));
        long double unit = (long double)below / 4095;
        for (int log = 12; log <= 50; log += 2) {
            uint64_t t = (uint64_t)1 << log;
            CHECK_OK(mal_dp_halfwidth(&above, (mal_dp_scale){ t, 1 }, n, k));
            long double now = (long double)above / (long double)t;
            CHECK_THAT(now >= unit * 0.999L && now <= unit * 1.01L,
                       "t 2^%d, %u of %u: %Lf t, and %Lf t at 4095", log, k, n,
                       now, unit);
        }
    }
    compare(500, 1, 3, 2);
}

TEST(one_mechanisms_tail_is_the_smallest) {
    for (uint64_t t = 1; t < 3000; t = t * 3 + 1) {
        uint64_t b;
        CHECK_OK(mal_dp_tail(&b, (mal_dp_scale){ t, 1 }, 1, 1));
        long double q = expl(-1 / (long double)t), limit = powl(2, -64);
        CHECK(2 * powl(q, (long double)b) / (1 + q) < limit);
        CHECK(2 * powl(q, (long double)(b - 1)) / (1 + q) >= limit);
    }
}

TEST(tails_of_several_shares_cover_and_are_not_much_too_far) {
    for (unsigned n = 2; n <= 6; n++) {
        for (unsigned k = 1; k < n; k++) {
            const long double t = 20, r = (long double)n / k;
            uint64_t b;
            CHECK_OK(mal_dp_tail(&b, (mal_dp_scale){ 20, 1 }, n, k));
            size_t cells = (size_t)(t * 120);
            long double *p = side(t, r, cells), beyond = 0, nearer = 0;
            for (size_t x = 0; x < cells; x++) {
                for (size_t y = b; x + y < cells; y++)
                    beyond += 2 * p[x] * p[x + y];
                for (size_t y = b - b / 5; x + y < cells; y++)
                    nearer += 2 * p[x] * p[x + y];
            }
            free(p);
            CHECK(beyond < powl(2, -64));
            CHECK(nearer > powl(2, -64));
        }
    }
}

/* The table of quote.c, from the expression beside it. */
TEST(the_chernoff_table_is_what_it_says) {
    for (unsigned n = 2; n <= 64; n += 31) {
        uint64_t b;
        long double best = INFINITY;
        CHECK_OK(mal_dp_tail(&b, (mal_dp_scale){ 1 << 20, 1 }, n, 1));
        for (int j = 1; j < 16; j++) {
            long double x = j / 16.0L;
            best = fminl(best, (65 * logl(2) - n * logl(1 - x * x)) / x);
        }
        CHECK((long double)b >= best * (1 << 20));
        CHECK((long double)b <= best * (1 << 20) + 3.0L * (n + 2));
    }
}

TEST_MAIN
