/* number.c - decimals, exactly: no double anywhere in this folder. */
#include "policy_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define EXP_MAX 1000 /* far outside of every range that a contract knows */

static mal_err exponent(int *exp, const char *text, size_t len) {
    bool negative = len > 0 && text[0] == '-';
    size_t i = len > 0 && (text[0] == '-' || text[0] == '+');
    int e = 0;
    for (; i < len; i++) {
        e = e * 10 + (text[i] - '0');
        MAL_REQUIRE(e <= EXP_MAX, MAL_E_INPUT, "the exponent is too large");
    }
    *exp = negative ? -e : e;
    return MAL_OK;
}

/* `text` is a number token: the lexer has checked its form. */
mal_err policy_decimal(decimal *out, const char *text, size_t len) {
    decimal d = { 0 };
    size_t i = 0, zeros = 0; /* zeros not yet multiplied in */
    bool fraction = false;
    if (len > 0 && text[0] == '-') {
        d.negative = true;
        i++;
    }
    for (; i < len && text[i] != 'e' && text[i] != 'E'; i++) {
        if (text[i] == '.') {
            fraction = true;
            continue;
        }
        d.exp -= fraction;
        if (text[i] == '0') {
            zeros += d.mantissa != 0;
            continue;
        }
        for (size_t k = 0; k <= zeros; k++) {
            MAL_REQUIRE(d.mantissa <= (UINT64_MAX - 9) / 10, MAL_E_INPUT,
                        "the number has too many digits");
            d.mantissa *= 10;
        }
        zeros = 0;
        d.mantissa += (uint64_t)(text[i] - '0');
    }
    d.exp += (int)zeros; /* trailing zeros: at most the text's length */
    if (i < len) {
        int e;
        MAL_TRY(exponent(&e, text + i + 1, len - i - 1));
        d.exp += e;
    }
    if (d.mantissa == 0)
        d = (decimal){ 0 };
    *out = d;
    return MAL_OK;
}

bool policy_decimal_scaled(uint64_t *out, const decimal *d, int scale,
                           uint64_t max) {
    uint64_t v = d->mantissa;
    int e = d->exp + scale;
    if (v == 0) {
        *out = 0;
        return true;
    }
    if (e < 0)
        return false; /* no trailing zero is left to divide away */
    for (; e > 0; e--) {
        if (v > max / 10)
            return false;
        v *= 10;
    }
    *out = v;
    return v <= max;
}

bool policy_ratio_le(mal_policy_ratio a, mal_policy_ratio b) {
    return (mal_u128)a.num * b.den <= (mal_u128)b.num * a.den;
}

static void text_scaled(char out[48], uint64_t magnitude, bool negative,
                        unsigned scale) {
    uint64_t unit = 1;
    for (unsigned i = 0; i < scale; i++)
        unit *= 10;
    int n =
        snprintf(out, 48, "%s%" PRIu64, negative ? "-" : "", magnitude / unit);
    uint64_t rest = magnitude % unit;
    if (rest == 0)
        return;
    for (; rest % 10 == 0; rest /= 10)
        scale--;
    snprintf(out + n, 48 - (size_t)n, ".%0*" PRIu64, (int)scale, rest);
}

mal_err policy_put_scaled(mal_buf *out, int64_t value, unsigned scale) {
    char text[48];
    uint64_t magnitude =
        value < 0 ? (uint64_t)0 - (uint64_t)value : (uint64_t)value;
    text_scaled(text, magnitude, value < 0, scale);
    return mal_buf_put_str(out, text);
}

void policy_text_nano(char out[32], uint64_t nano) {
    char text[48];
    text_scaled(text, nano, false, 9);
    memcpy(out, text, 31);
    out[31] = 0;
}

void policy_text_ratio(char out[32], mal_policy_ratio r) {
    int k = 0;
    uint64_t den = r.den;
    for (; den >= 10 && den % 10 == 0; den /= 10)
        k++;
    if (den != 1)
        snprintf(out, 32, "%" PRIu64 "/%" PRIu64, r.num, r.den);
    else if (k == 0)
        snprintf(out, 32, "%" PRIu64, r.num);
    else
        snprintf(out, 32, "%" PRIu64 "e-%d", r.num, k);
}

mal_err policy_put_ratio(mal_buf *out, mal_policy_ratio r) {
    char text[32];
    policy_text_ratio(text, r);
    return mal_buf_put_str(out, text);
}
