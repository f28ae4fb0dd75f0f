/* stat_case.h - draws of a fixed seed, and how far they lie from their law. */
#ifndef STAT_CASE_H
#define STAT_CASE_H

#include "mal_test.h"
#include <malus/dp.h>
#include <math.h>

#define Z_MAX 6.2 /* passed with a probability below 2^-30 */

static inline mal_prim_drbg *seeded(uint64_t salt) {
    mal_prim_drbg *drbg = NULL;
    uint8_t seed[32] = { 0 };
    const char *given = getenv("MAL_SEED");
    mal_store_u64le(seed, given ? strtoull(given, NULL, 0) : 20261122);
    mal_store_u64le(seed + 8, salt);
    CHECK_OK(mal_prim_init());
    CHECK_OK(mal_prim_drbg_new(&drbg, mal_bytes_of(seed, sizeof seed)));
    return drbg;
}

/* A chi-square of n bins as a normal variable [WH31]. */
static inline long double z_of(long double chi, int n) {
    const int df = n - 1;
    const long double v = 2.0L / (9.0L * df);
    return (cbrtl(chi / df) - (1 - v)) / sqrtl(v);
}

static inline long double z_score(const long double *expected,
                                  const uint64_t *seen, int n) {
    long double chi = 0;
    for (int i = 0; i < n; i++) {
        long double d = (long double)seen[i] - expected[i];
        chi += d * d / expected[i];
    }
    return z_of(chi, n);
}

/* Of two samples of one size. */
static inline long double z_of_two(const uint64_t *a, const uint64_t *b,
                                   int n) {
    long double chi = 0;
    for (int i = 0; i < n; i++) {
        long double d = (long double)a[i] - (long double)b[i];
        chi += d * d / (long double)(a[i] + b[i]);
    }
    return z_of(chi, n);
}

#endif
