/* fixed.c - intervals of fixed-point numbers, rounded outwards.
 *
 * Everything public: scales, shares and the constants made of them.  Errors are
 * absolute, in units of the last place (ulp), 2^-64l.
 */
#include "fixed.h"

int mal_dp_fx_cmp(const uint64_t *a, const uint64_t *b, unsigned l) {
    for (unsigned i = l + 1; i-- > 0;) {
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    }
    return 0;
}

static void fx_add(uint64_t *out, const uint64_t *a, const uint64_t *b,
                   unsigned l) {
    uint64_t carry = 0;
    for (unsigned i = 0; i <= l; i++) {
        mal_u128 s = (mal_u128)a[i] + b[i] + carry;
        out[i] = (uint64_t)s;
        carry = (uint64_t)(s >> 64);
    }
    assert(carry == 0);
}

static void fx_sub(uint64_t *out, const uint64_t *a, const uint64_t *b,
                   unsigned l) {
    uint64_t borrow = 0;
    for (unsigned i = 0; i <= l; i++) {
        mal_u128 s = (mal_u128)a[i] - b[i] - borrow;
        out[i] = (uint64_t)s;
        borrow = (uint64_t)(s >> 64) & 1;
    }
    assert(borrow == 0);
}

static void fx_add_ulp(uint64_t *a, unsigned l) {
    for (unsigned i = 0; i <= l; i++) {
        if (++a[i] != 0)
            return;
    }
    assert(false && "fixed point overflow");
}

/* Down, or up by one ulp when something was cut off. */
static void fx_mul(uint64_t *out, const uint64_t *a, const uint64_t *b,
                   unsigned l, bool up) {
    uint64_t wide[2 * MAL_DP_LIMBS_MAX + 2] = { 0 };
    uint64_t cut = 0;
    for (unsigned i = 0; i <= l; i++) {
        uint64_t carry = 0;
        for (unsigned j = 0; j <= l; j++) {
            mal_u128 s = (mal_u128)a[i] * b[j] + wide[i + j] + carry;
            wide[i + j] = (uint64_t)s;
            carry = (uint64_t)(s >> 64);
        }
        wide[i + l + 1] = carry;
    }
    assert(wide[2 * l + 1] == 0);
    for (unsigned i = 0; i < l; i++)
        cut |= wide[i];
    memcpy(out, wide + l, (l + 1) * sizeof *out);
    if (up && cut)
        fx_add_ulp(out, l);
}

/* a * m / d of small m, d. */
static void fx_scale(uint64_t *a, uint64_t m, uint64_t d, unsigned l, bool up) {
    uint64_t wide[MAL_DP_LIMBS_MAX + 2];
    uint64_t carry = 0, rest = 0;
    for (unsigned i = 0; i <= l; i++) {
        mal_u128 s = (mal_u128)a[i] * m + carry;
        wide[i] = (uint64_t)s;
        carry = (uint64_t)(s >> 64);
    }
    wide[l + 1] = carry;
    for (unsigned i = l + 2; i-- > 0;) {
        mal_u128 s = (mal_u128)rest << 64 | wide[i];
        wide[i] = (uint64_t)(s / d);
        rest = (uint64_t)(s % d);
    }
    assert(wide[l + 1] == 0);
    memcpy(a, wide, (l + 1) * sizeof *a);
    if (up && rest)
        fx_add_ulp(a, l);
}

void mal_dp_iv_one(mal_dp_iv *out, unsigned l) {
    assert(l >= 1 && l <= MAL_DP_LIMBS_MAX);
    memset(out, 0, sizeof *out);
    out->lo[l] = 1;
    out->hi[l] = 1;
}

void mal_dp_iv_scale(mal_dp_iv *out, uint64_t a, uint64_t b, unsigned l) {
    assert(b >= 1);
    fx_scale(out->lo, a, b, l, false);
    fx_scale(out->hi, a, b, l, true);
}

void mal_dp_iv_ratio(mal_dp_iv *out, uint64_t a, uint64_t b, unsigned l) {
    mal_dp_iv_one(out, l);
    mal_dp_iv_scale(out, a, b, l);
}

void mal_dp_iv_mul(mal_dp_iv *out, const mal_dp_iv *a, const mal_dp_iv *b,
                   unsigned l) {
    fx_mul(out->lo, a->lo, b->lo, l, false);
    fx_mul(out->hi, a->hi, b->hi, l, true);
}

void mal_dp_iv_add(mal_dp_iv *out, const mal_dp_iv *a, const mal_dp_iv *b,
                   unsigned l) {
    fx_add(out->lo, a->lo, b->lo, l);
    fx_add(out->hi, a->hi, b->hi, l);
}

/* exp(-y) for y in [0, 1/2], by its alternating series: the terms fall, so that
 * what is left out is at most the next term. */
void mal_dp_iv_exp_neg_small(mal_dp_iv *out, const mal_dp_iv *y, unsigned l) {
    mal_dp_iv term;
    mal_dp_iv_one(&term, l);
    mal_dp_iv_one(out, l);
    const mal_dp_iv one = term;
    mal_dp_iv plus = term, minus = { 0 };
    for (uint64_t i = 1;; i++) {
        mal_dp_iv_mul(&term, &term, y, l);
        mal_dp_iv_scale(&term, 1, i, l);
        mal_dp_iv *into = i % 2 ? &minus : &plus;
        mal_dp_iv_add(into, into, &term, l);
        uint64_t high = 0;
        for (unsigned j = 1; j <= l; j++)
            high |= term.hi[j];
        if (high == 0 && term.hi[0] <= 2)
            break;
    }
    fx_sub(out->lo, plus.lo, minus.hi, l);
    fx_sub(out->lo, out->lo, term.hi, l);
    fx_sub(out->hi, plus.hi, minus.lo, l);
    fx_add(out->hi, out->hi, term.hi, l);
    if (mal_dp_fx_cmp(out->hi, one.hi, l) > 0)
        memcpy(out->hi, one.hi, sizeof out->hi);
}

void mal_dp_iv_exp_neg(mal_dp_iv *out, uint64_t a, uint64_t b, unsigned l) {
    unsigned halvings = 0;
    mal_dp_iv y;
    mal_dp_iv_ratio(&y, a, b, l);
    while ((mal_u128)a * 2 > (mal_u128)b << halvings)
        halvings++;
    assert(halvings <= 63);
    mal_dp_iv_scale(&y, 1, (uint64_t)1 << halvings, l);
    mal_dp_iv_exp_neg_small(out, &y, l);
    /* Squaring x <= 1 at most doubles its error. */
    for (unsigned i = 0; i < halvings; i++)
        mal_dp_iv_mul(out, out, out, l);
}

/* Schoolbook division, bit by bit; x / (1 + x) has slope at most 1, so that its
 * upper end is the lower one and the width of x, and an ulp. */
void mal_dp_iv_odds(mal_dp_iv *out, const mal_dp_iv *x, unsigned l) {
    uint64_t rest[MAL_DP_LIMBS_MAX + 1], by[MAL_DP_LIMBS_MAX + 1];
    uint64_t quotient[MAL_DP_LIMBS_MAX + 1] = { 0 },
                                         width[MAL_DP_LIMBS_MAX + 1];
    memcpy(rest, x->lo, sizeof rest);
    memcpy(by, x->lo, sizeof by);
    by[l] += 1;
    for (unsigned bit = 64 * l; bit-- > 0;) {
        fx_add(rest, rest, rest, l);
        if (mal_dp_fx_cmp(rest, by, l) >= 0) {
            fx_sub(rest, rest, by, l);
            quotient[bit / 64] |= (uint64_t)1 << (bit % 64);
        }
    }
    fx_sub(width, x->hi, x->lo, l);
    memcpy(out->lo, quotient, sizeof out->lo);
    fx_add(out->hi, quotient, width, l);
    fx_add_ulp(out->hi, l);
}
