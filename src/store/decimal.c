/* decimal.c - text to scaled integers, exactly: no double on the way. */
#include "store_impl.h"

#define EXPONENT_MAX 400 /* beyond it every nonzero number is out of range */

typedef struct decimal {
    uint64_t digits; /* significant digits so far */
    int exponent;    /* value = digits * 10^exponent */
    bool negative, any, huge;
} decimal;

static bool is_digit(uint8_t c) {
    return c >= '0' && c <= '9';
}

/* Digits before or after the point.  Trailing zeros cost nothing: they wait in
 * `zeros` until another digit follows, so that 2013.000 keeps its 4 digits. */
static const uint8_t *read_digits(decimal *d, const uint8_t *p,
                                  const uint8_t *end, bool fraction) {
    int zeros = 0;

    for (; p < end && is_digit(*p); p++) {
        d->any = true;
        if (fraction && *p == '0') {
            zeros = zeros < EXPONENT_MAX ? zeros + 1 : zeros;
            continue;
        }
        for (; zeros >= 0; zeros--) {
            uint64_t digit = zeros ? 0 : *p - '0';
            if (d->digits > (UINT64_MAX - 9) / 10)
                d->huge = true; /* more than int64 and every scale can hold */
            else
                d->digits = d->digits * 10 + digit;
            d->exponent -= fraction;
        }
        zeros = 0;
    }
    return p;
}

static const uint8_t *read_exponent(decimal *d, const uint8_t *p,
                                    const uint8_t *end, bool *good) {
    bool negative = false;
    int e = 0;

    p++; /* the e */
    if (p < end && (*p == '+' || *p == '-'))
        negative = *p++ == '-';
    *good = p < end && is_digit(*p);
    for (; p < end && is_digit(*p); p++)
        e = e < EXPONENT_MAX ? e * 10 + (*p - '0') : e;
    d->exponent += negative ? -e : e;
    return p;
}

static bool read_decimal(decimal *d, mal_bytes text) {
    const uint8_t *p = text.ptr, *end = text.ptr + text.len;
    bool good = true;

    if (p < end && (*p == '+' || *p == '-'))
        d->negative = *p++ == '-';
    p = read_digits(d, p, end, false);
    if (p < end && *p == '.')
        p = read_digits(d, p + 1, end, true);
    if (d->any && p < end && (*p == 'e' || *p == 'E'))
        p = read_exponent(d, p, end, &good);
    return d->any && good && p == end;
}

store_number mal_store_decimal_parse(int64_t *out, mal_bytes text,
                                     unsigned scale) {
    decimal d = { 0 };
    const uint64_t max = INT64_MAX;

    *out = 0;
    if (text.len > MAL_STORE_CELL_MAX || !read_decimal(&d, text))
        return STORE_NUMBER_BAD;
    store_number beyond = d.negative ? STORE_NUMBER_LOW : STORE_NUMBER_HIGH;
    /* More than 19 digits: out of range if they stand before the scale's last
     * place, too fine if some stand behind it. */
    if (d.huge)
        return d.exponent + (int)scale >= 0 ? beyond : STORE_NUMBER_BAD;
    uint64_t v = d.digits;
    int shift = v ? d.exponent + (int)scale : 0;
    for (; shift < 0; shift++) {
        if (v % 10)
            return STORE_NUMBER_BAD;
        v /= 10;
    }
    for (; shift > 0; shift--) {
        if (v > max / 10 + 1)
            return beyond;
        v *= 10;
    }
    if (v > max + d.negative)
        return beyond;
    *out = d.negative ? (int64_t)(0 - v) : (int64_t)v;
    return STORE_NUMBER_OK;
}
