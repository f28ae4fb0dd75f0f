/* quote.c - how far the noise may push an answer, before anybody pays for it.
 *
 * D is the sum of n parties' shares of 1/k: the difference of two negative
 * binomial variables of order R = n / k >= 1.  Their laws are log-concave, so
 * that D is symmetric and unimodal.  Everything here is public, and rounded so
 * that no bound is ever too small.
 */
#include "dp_impl.h"

static mal_err check(mal_dp_scale t, unsigned n, unsigned k) {
    MAL_TRY(mal_dp_scale_check(t));
    MAL_REQUIRE(
        k >= 1 && k <= n && n <= MAL_DP_SHARE_MAX, MAL_E_LIMIT,
        "%u parties, of whom %u make the whole noise: 1 <= k <= n <= %d", n, k,
        MAL_DP_SHARE_MAX);
    return MAL_OK;
}

/* --- R = 1: P[|D| >= a] = 2 q^a / (1 + q), in closed form ---------------- */

/* The greatest x with q^x * a * b > 1 + q, or undecided: then the greater.
 * Digits of x from the top, as q^x only falls. */
static uint64_t greatest_power(mal_dp_scale t, uint64_t a, uint64_t b) {
    const unsigned l = MAL_DP_LIMBS;
    mal_dp_iv power[MAL_DP_LEVELS_MAX + 1], bound, acc, next;
    mal_dp_iv_exp_neg(&power[0], t.den, t.num, l);
    mal_dp_iv_one(&bound, l);
    mal_dp_iv_add(&bound, &bound, &power[0], l);
    mal_dp_iv_scale(&bound, 1, a, l);
    mal_dp_iv_scale(&bound, 1, b, l);
    for (unsigned i = 1; i <= MAL_DP_LEVELS_MAX; i++)
        mal_dp_iv_mul(&power[i], &power[i - 1], &power[i - 1], l);
    uint64_t x = 0;
    mal_dp_iv_one(&acc, l);
    for (unsigned i = MAL_DP_LEVELS_MAX + 1; i-- > 0;) {
        mal_dp_iv_mul(&next, &acc, &power[i], l);
        if (mal_dp_fx_cmp(next.hi, bound.lo, l) > 0) {
            acc = next;
            x |= (uint64_t)1 << i;
        }
    }
    return x;
}

/* --- R > 1: the law of D at a moderate scale ----------------------------- */

/* From the generating function, p_d (1 + q^2) d = q p_{d-1} (d - 1 + R) +
 * q p_{d+1} (d + 1 - R).  So the ratios rho_d = p_{d+1} / p_d obey
 *     rho_{d-1} = q (k(d-1) + n) / ((1 + q^2) k d - q (k(d+1) - n) rho_d),
 * from any rho_N in [0, 1] downwards: each step shrinks an error by about q^2.
 * Ratios are intervals in units of 2^-50.  With T_d = sum over e >= d of p_e /
 * p_d, T_d = 1 + rho_d T_{d+1} (units of 2^-40, rounded up), and P[D >= d+1] /
 * P[D >= d] = 1 - 1 / T_d. P[|D| >= a | |D| < N] grows in every rho_d, so that
 * upper ends give an upper bound; rounding T_d up is the same as raising rho_d.
 */
#define RHO 50
#define SUM 40

typedef struct law {
    uint64_t n, k, q_lo, q_hi;
    uint64_t *sums; /* [N] T_d; T_0 is unused */
    uint64_t size;  /* N */
    uint64_t rho_lo, rho_hi;
} law;

static uint64_t ratio(const law *w, uint64_t d, bool up) {
    const mal_u128 one = (mal_u128)1 << RHO;
    uint64_t q = up ? w->q_lo : w->q_hi;
    mal_u128 square = (mal_u128)q * q + (up ? 0 : one - 1);
    mal_u128 below = (one + (square >> RHO)) * (w->k * d);
    uint64_t far = w->k * (d + 1);
    /* Subtract the most, or add the least, for an upper end; and vice versa. */
    if (far >= w->n) {
        mal_u128 rho =
            (mal_u128)(up ? w->q_hi : w->q_lo) * (up ? w->rho_hi : w->rho_lo);
        below -= ((rho + (up ? one - 1 : 0)) >> RHO) * (far - w->n);
    } else {
        mal_u128 rho =
            (mal_u128)(up ? w->q_lo : w->q_hi) * (up ? w->rho_lo : w->rho_hi);
        below += ((rho + (up ? 0 : one - 1)) >> RHO) * (w->n - far);
    }
    mal_u128 above =
        (mal_u128)(up ? w->q_hi : w->q_lo) * (w->k * (d - 1) + w->n) << RHO;
    mal_u128 out = (above + (up ? below - 1 : 0)) / below;
    return out > one ? (uint64_t)one : (uint64_t)out; /* p falls */
}

static void fill(law *w) {
    const uint64_t one = (uint64_t)1 << RHO;
    w->rho_lo = 0;
    w->rho_hi = one;
    uint64_t sum = 0; /* T_N: what lies above N is charged apart */
    for (uint64_t d = w->size - 1;; d--) {
        /* Here rho is of d. */
        mal_u128 add = (mal_u128)w->rho_hi * sum + one - 1;
        sum = ((uint64_t)1 << SUM) + (uint64_t)(add >> RHO);
        w->sums[d] = sum;
        if (d == 0)
            return;
        uint64_t hi = ratio(w, d, true), lo = ratio(w, d, false);
        w->rho_hi = hi;
        w->rho_lo = lo;
    }
}

/* The least a with P[|D| >= a | |D| < N] <= 1/20 - 10^-6. */
static uint64_t quantile(const law *w) {
    const mal_u128 unit = (mal_u128)1 << 62;
    const uint64_t alpha = (uint64_t)(unit * 49999 / 1000000);
    /* 2 W_1 / (1 + 2 W_1), where W_1 = T_0 - 1: exactly, T_0 = 1 + W_1. */
    uint64_t w1 = w->sums[0] - ((uint64_t)1 << SUM);
    uint64_t whole = ((uint64_t)1 << SUM) + 2 * w1, a = 1;
    uint64_t p = (uint64_t)((unit * 2 * w1 + whole - 1) / whole);
    while (p > alpha && a < w->size) {
        uint64_t t = w->sums[a++];
        mal_u128 next = (mal_u128)p * (t - ((uint64_t)1 << SUM)) + t - 1;
        p = (uint64_t)(next / t);
    }
    return a;
}

/* At N = t (36 + 3R/5): P[|D| >= N] <= 2 (4/3)^R q^(N/2) < 2^-24, as the
 * Chernoff bound with z = q^(-1/2) has (1-q)^2 / ((1-q^(1/2)) (1-q^(3/2))) <=
 * 4/3. */
static mal_err quantile_at(uint64_t *a, mal_dp_scale t, unsigned n,
                           unsigned k) {
    mal_dp_iv q;
    mal_dp_iv_exp_neg(&q, t.den, t.num, MAL_DP_LIMBS);
    law w = { .n = n, .k = k };
    w.q_lo = q.lo[MAL_DP_LIMBS - 1] >> (64 - RHO);
    w.q_hi = (q.hi[MAL_DP_LIMBS - 1] >> (64 - RHO)) + 1;
    mal_u128 steps = (mal_u128)t.num * (180 * (mal_u128)k + 3 * (mal_u128)n) /
                     ((mal_u128)t.den * 5 * k);
    w.size = (uint64_t)steps + 8;
    w.sums = mal_calloc(w.size, sizeof *w.sums);
    if (!w.sums)
        return MAL_E_MEMORY;
    fill(&w);
    *a = quantile(&w);
    mal_free(w.sums);
    return MAL_OK;
}

/* --- R > 1, large scales ------------------------------------------------- */

/* Let V be the variance-gamma variable G - G' for gamma variables of order R:
 * jumps of height +-x at rate R e^-x / x.  D has jumps +-n at rate R q^n / n.
 * Adding an independent symmetric variable to a symmetric unimodal one only
 * spreads it [And55], so that comparing rates compares the variables up to
 * rounding jumps:
 *
 *  (a) |V| t' is at most |D' + r'| in law, D' at scale t' and r' the jumps'
 * spread over [n, n+1) and the jumps of V below 1: e^(-x/t')/x <= q'^n/n there.
 *      log E e^(r') <= (cosh 1 - 1) 2R (1/2 + ln(1 + t')/3) < 3.6 R at t' =
 * 2^12, so P[|r'| >= 4R + 16] <= 2 e^-16. (b) |D| is at most |V t - r| in law,
 * r the rounding of V's jumps to the nearest integer, as the integral of
 * e^(-x/t)/x over [n - 1/2, n + 1/2) is at least q^n/n (it is convex).  |r|'s
 * jumps are at most 1/2, and log E e^(2r) <= 4 (cosh 1 - 1) 2R (1/8 + ln(1 +
 * 2t)/4); with ln(1 + 2t) <= 0.6932 b, P[|r| >= R (0.28 + 0.38 b) + 8] <= 2
 * e^-16.
 *
 * Together with the truncation above less than 10^-6, which quantile() has set
 * aside. */
#define LARGE ((uint64_t)1 << 12)

static uint64_t bits_of(mal_u128 v) {
    uint64_t b = 0;
    while (v >> b)
        b++;
    return b;
}

static uint64_t enlarge(uint64_t a, mal_dp_scale t, uint64_t n, uint64_t k) {
    uint64_t y = a + (4 * n + k - 1) / k + 16; /* V LARGE */
    mal_u128 whole = ((mal_u128)t.num + t.den - 1) / t.den;
    mal_u128 grown = ((mal_u128)y * t.num + (mal_u128)LARGE * t.den - 1) /
                     ((mal_u128)LARGE * t.den);
    uint64_t rounding = n * (28 + 38 * bits_of(2 * whole + 1));
    return (uint64_t)grown + (rounding + 100 * k - 1) / (100 * k) + 8;
}

mal_err mal_dp_halfwidth(uint64_t *h, mal_dp_scale t, unsigned parties,
                         unsigned share_k) {
    MAL_TRY(check(t, parties, share_k));
    /* P[|D| >= h + 1] <= 1/20. */
    if (parties == share_k) {
        *h = greatest_power(t, 40, 1);
        return MAL_OK;
    }
    uint64_t a;
    if (t.num / t.den < LARGE) {
        MAL_TRY(quantile_at(&a, t, parties, share_k));
        *h = a - 1;
        return MAL_OK;
    }
    MAL_TRY(quantile_at(&a, (mal_dp_scale){ LARGE, 1 }, parties, share_k));
    *h = enlarge(a, t, parties, share_k) - 1;
    return MAL_OK;
}

/* --- The tail of rule 9 -------------------------------------------------- */

/* Chernoff with z = q^-x: P[|D| >= B] <= 2 (1 - x^2)^-R q^(xB), as
 * (1-q)^2 / ((1 - q^(1-x)) (1 - q^(1+x))) <= 1 / (1 - x^2): sinh(u)/u is
 * log-convex. In units of 2^-20, rounded up, for x = j / 16: ceil(-ln(1 -
 * (j/16)^2) 2^20). */
static const uint64_t LOG_LOSS[16] = {
    0,      4105,   16514,  37528,  67674,  107752,  158912,  222780,
    301657, 398870, 519383, 670987, 866836, 1131696, 1521309, 2213744,
};
#define LOG_TAIL 47243138 /* ceil(65 ln(2) 2^20) */

mal_err mal_dp_tail(uint64_t *bound, mal_dp_scale t, unsigned parties,
                    unsigned share_k) {
    MAL_TRY(check(t, parties, share_k));
    /* 2 q^B / (1 + q) < 2^-64 */
    if (parties == share_k) {
        *bound = greatest_power(t, (uint64_t)1 << 63, 4) + 1;
        return MAL_OK;
    }
    mal_u128 best = 0;
    for (uint64_t j = 1; j < 16; j++) {
        mal_u128 need =
            LOG_TAIL +
            ((mal_u128)LOG_LOSS[j] * parties + share_k - 1) / share_k;
        need = (need * 16 + j - 1) / j;
        if (best == 0 || need < best)
            best = need;
    }
    mal_u128 unit = (mal_u128)t.den << 20;
    *bound = (uint64_t)((best * t.num + unit - 1) / unit) + 1;
    return MAL_OK;
}
