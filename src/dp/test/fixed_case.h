/* fixed_case.h - published decimals and enumerated bits, as fixed point. */
#ifndef FIXED_CASE_H
#define FIXED_CASE_H

#include "mal_test.h"
#include <malus/json.h>

#include "../dp_impl.h"

#define L 8 /* limbs of the tests' arithmetic: 512 bits */

/* A decimal such as "4.54e-15", as the interval [v, v + one in its last digit].
 */
static inline void decimal(mal_dp_iv *out, const char *text) {
    mal_dp_iv ulp, digit;
    bool point = false;
    mal_dp_iv_one(&ulp, L);
    memset(out, 0, sizeof *out);
    for (; *text && *text != 'e'; text++) {
        if (*text == '.') {
            point = true;
            continue;
        }
        if (!point) {
            mal_dp_iv_scale(out, 10, 1, L);
            mal_dp_iv_ratio(&digit, (uint64_t)(*text - '0'), 1, L);
        } else {
            mal_dp_iv_scale(&ulp, 1, 10, L);
            digit = ulp;
            mal_dp_iv_scale(&digit, (uint64_t)(*text - '0'), 1, L);
        }
        mal_dp_iv_add(out, out, &digit, L);
    }
    if (*text == 'e') {
        CHECK(text[1] == '-');
        for (long e = strtol(text + 2, NULL, 10); e > 0; e--) {
            mal_dp_iv_scale(out, 1, 10, L);
            mal_dp_iv_scale(&ulp, 1, 10, L);
        }
    }
    /* The last digit may be rounded up or down. */
    mal_dp_iv wide = *out;
    mal_dp_iv_add(&wide, out, &ulp, L);
    memcpy(out->hi, wide.hi, sizeof out->hi);
    uint64_t borrow = 0;
    for (unsigned i = 0; i <= L; i++) {
        mal_u128 s = (mal_u128)out->lo[i] - ulp.hi[i] - borrow;
        out->lo[i] = (uint64_t)s;
        borrow = (uint64_t)(s >> 64) & 1;
    }
    if (borrow)
        memset(out->lo, 0, sizeof out->lo);
}

/* Do the intervals meet, and is ours the narrower? */
static inline bool meets(const mal_dp_iv *ours, const mal_dp_iv *theirs) {
    return mal_dp_fx_cmp(ours->lo, theirs->hi, L) <= 0 &&
           mal_dp_fx_cmp(theirs->lo, ours->hi, L) <= 0;
}

static inline void one_minus(mal_dp_iv *out, const mal_dp_iv *x) {
    mal_dp_iv in = *x;
    for (int side = 0; side < 2; side++) {
        const uint64_t *from = side ? in.lo : in.hi;
        uint64_t *to = side ? out->hi : out->lo, borrow = 0;
        for (unsigned i = 0; i <= L; i++) {
            mal_u128 s = (mal_u128)(i == L) - from[i] - borrow;
            to[i] = (uint64_t)s;
            borrow = (uint64_t)(s >> 64) & 1;
        }
        CHECK(!borrow);
    }
}

static inline void power(mal_dp_iv *out, const mal_dp_iv *q, uint64_t x) {
    mal_dp_iv square = *q;
    mal_dp_iv_one(out, L);
    for (; x; x >>= 1) {
        if (x & 1)
            mal_dp_iv_mul(out, out, &square, L);
        if (x > 1)
            mal_dp_iv_mul(&square, &square, &square, L);
    }
}

/* P[DLap(t) = x] = (1 - q) / (1 + q) q^x, where (1 - q)/(1 + q) = 1 - 2q/(1 +
 * q). */
static inline void laplace_pmf(mal_dp_iv *out, mal_dp_scale t, uint64_t x) {
    mal_dp_iv q, first;
    mal_dp_iv_exp_neg(&q, t.den, t.num, L);
    mal_dp_iv_odds(&first, &q, L);
    mal_dp_iv_scale(&first, 2, 1, L);
    one_minus(&first, &first);
    power(out, &q, x);
    mal_dp_iv_mul(out, out, &first, L);
}

static inline void geometric_pmf(mal_dp_iv *out, mal_dp_scale t, uint64_t x) {
    mal_dp_iv q, rest;
    mal_dp_iv_exp_neg(&q, t.den, t.num, L);
    one_minus(&rest, &q);
    power(out, &q, x);
    mal_dp_iv_mul(out, out, &rest, L);
}

static inline mal_dp_scale scale_text(const char *text) {
    char *end;
    mal_dp_scale t = { strtoull(text, &end, 10), 1 };
    if (*end == '/')
        t.den = strtoull(end + 1, NULL, 10);
    return t;
}

static inline mal_json *read_json(const char *name) {
    mal_buf text = { 0 };
    mal_json *json = NULL;
    CHECK_OK(mal_file_read(&text, mal_test_vector(name), (size_t)1 << 22));
    CHECK_OK(mal_json_parse(&json, mal_buf_view(&text), (size_t)1 << 22));
    mal_buf_clear(&text);
    return json;
}

#endif
