/* advantage.c - what an epsilon is worth to somebody who guesses membership.
 *
 * Of any test between two neighbouring data sets, [KOV15] Theorem 2.1: hits
 * minus false alarms are at most (e^epsilon - 1 + 2 delta) / (e^epsilon + 1).
 */
#include "policy_impl.h"

#define ONE ((uint64_t)1 << 62) /* fixed point */
#define HALVINGS 15
#define EPSILON_SURE                                                           \
    ((uint64_t)30 * 1000000000) /* beyond: a millionth off 1                   \
                                 */

/* a * b, rounded down. */
static uint64_t times(uint64_t a, uint64_t b) {
    return (uint64_t)(((mal_u128)a * b) >> 62);
}

/* A lower bound of e^-epsilon, epsilon below 30.
 *
 * With x = epsilon / 2^15 < 2^-10, rounded up, the alternating series cut after
 * its cubic term lies below e^-x by less than x^4/24 < 2^-44; fifteen
 * squarings, each rounded down, keep it a lower bound and lose a factor of 1 -
 * 2^-29. */
static uint64_t exp_minus_low(uint64_t epsilon_nano) {
    mal_u128 scaled = (mal_u128)epsilon_nano * ONE;
    mal_u128 unit = (mal_u128)1000000000 << HALVINGS;
    uint64_t x = (uint64_t)((scaled + unit - 1) / unit);
    uint64_t x2_low = times(x, x);
    uint64_t x3_high = times(x2_low + 1, x) + 1;
    uint64_t y = ONE - x + x2_low / 2 - (x3_high / 6 + 1);
    for (int i = 0; i < HALVINGS; i++)
        y = times(y, y);
    return y;
}

/* With y = e^-epsilon the bound is 1 - (2 - 2 delta) y / (1 + y), and falls as
 * y grows: a lower bound of y, and roundings down, give an upper bound. */
uint32_t mal_policy_advantage_ppm(uint64_t epsilon_nano,
                                  mal_policy_ratio delta) {
    const uint32_t sure = 1000000;
    if (epsilon_nano >= EPSILON_SURE || delta.num >= delta.den)
        return sure; /* also when delta was not said: den = 0 */
    uint64_t y = exp_minus_low(epsilon_nano);
    uint64_t half = (uint64_t)(((mal_u128)y << 62) / ((mal_u128)ONE + y));
    mal_u128 lost = (mal_u128)(2 * half) * (delta.den - delta.num) / delta.den;
    mal_u128 left = (mal_u128)ONE - lost;
    return (uint32_t)((left * sure + ONE - 1) / ONE);
}
