/* dp_impl.h - what the files of dp share: fixed point, coins, and the noise.
 *
 * No file that includes this can say float or double.
 */
#ifndef MALUS_DP_IMPL_H
#define MALUS_DP_IMPL_H

#include "coin.h"

/* --- Noise (noise.c) ----------------------------------------------------- */

#define MAL_DP_LEVELS_MAX 57 /* 2^56 / 2^50 = 64 >= 45 */
#define MAL_DP_POISSON_MAX 160

struct mal_dp_noise {
    mal_dp_scale t;
    unsigned k;
    unsigned
        levels;     /* J: binary digits below 2^J, and a tail of odds q^(2^J) */
    unsigned slots; /* thresholds in the Poisson table, and jumps tried */
    mal_dp_prefix power[MAL_DP_LEVELS_MAX + 1]; /* q^(2^i) */
    mal_dp_prefix digit[MAL_DP_LEVELS_MAX];     /* q^(2^i) / (1 + q^(2^i)) */
    mal_dp_prefix twice;                        /* 2 q^(2^J) */
    mal_dp_prefix poisson[MAL_DP_POISSON_MAX];  /* P[Poisson((J+1)/k) <= m] */
};

/* As mal_dp_noise_new with J given: any J with 2 q^(2^J) <= 1 is exact, and a
 * small one lets the certificate reach the tail. */
mal_err mal_dp_noise_new_levels(mal_dp_noise **noise, mal_dp_scale t,
                                unsigned share_k,
                                unsigned levels) MAL_MUST_CHECK;
/* One geometric (k = 1) or one negative binomial variable of order 1/k. */
uint64_t mal_dp_noise_side(const mal_dp_noise *noise, mal_dp_bits *bits);
/* The sources of lazily extended thresholds: power, digit, twice, poisson. */
mal_err mal_dp_scale_check(mal_dp_scale t) MAL_MUST_CHECK;

#endif
