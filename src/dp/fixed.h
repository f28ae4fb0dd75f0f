/* fixed.h - fixed-point numbers, and the intervals that bound the exact ones.
 *
 * No file that includes this can say float or double.
 */
#ifndef MALUS_DP_FIXED_H
#define MALUS_DP_FIXED_H

#include <malus/dp.h>
#include <string.h>

#pragma GCC poison float double

/* A number in [0, 2^64) with L fraction limbs: v[0] is the least significant,
 * v[L] the integer part.  L is passed along, at most LIMBS_MAX. */
#define MAL_DP_LIMBS_MAX 64
#define MAL_DP_LIMBS 4 /* of the tables: 128 + 64 bits of guard, and more */

/* lo <= the true value <= hi. */
typedef struct mal_dp_iv {
    uint64_t lo[MAL_DP_LIMBS_MAX + 1];
    uint64_t hi[MAL_DP_LIMBS_MAX + 1];
} mal_dp_iv;

int mal_dp_fx_cmp(const uint64_t *a, const uint64_t *b, unsigned l);
void mal_dp_iv_one(mal_dp_iv *out, unsigned l);
/* a / b of integers. */
void mal_dp_iv_ratio(mal_dp_iv *out, uint64_t a, uint64_t b, unsigned l);
/* Nonnegative operands; out may be an operand. */
void mal_dp_iv_mul(mal_dp_iv *out, const mal_dp_iv *a, const mal_dp_iv *b,
                   unsigned l);
void mal_dp_iv_add(mal_dp_iv *out, const mal_dp_iv *a, const mal_dp_iv *b,
                   unsigned l);
void mal_dp_iv_scale(mal_dp_iv *out, uint64_t a, uint64_t b,
                     unsigned l); /* *= a / b */
/* exp(-a / b), b >= 1, a / b <= 2^6. */
void mal_dp_iv_exp_neg(mal_dp_iv *out, uint64_t a, uint64_t b, unsigned l);
/* exp(-y), y in [0, 1/2]. */
void mal_dp_iv_exp_neg_small(mal_dp_iv *out, const mal_dp_iv *y, unsigned l);
/* x / (1 + x) for x in [0, 1]. */
void mal_dp_iv_odds(mal_dp_iv *out, const mal_dp_iv *x, unsigned l);

#endif
