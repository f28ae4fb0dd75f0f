/* text.c - hexadecimal and base64 [RFC4648].
 *
 * Keys travel in these forms, so digits are computed, not looked up: no branch
 * and no index depends on them.  Where decoding fails is public.
 */
#include "base_impl.h"

#include <string.h>

/* All ones if lo <= v <= hi. */
static uint64_t within(uint64_t v, uint64_t lo, uint64_t hi) {
    return ~mal_mask_lt(v, lo) & ~mal_mask_lt(hi, v);
}

static char hex_digit(uint64_t v) { /* v < 16 */
    return (char)('0' + v + (mal_mask_lt(9, v) & ('a' - '0' - 10)));
}

/* The digit's value, or all ones. */
static uint64_t hex_value(uint64_t c) {
    uint64_t decimal = within(c, '0', '9');
    uint64_t lower = within(c, 'a', 'f'), upper = within(c, 'A', 'F');
    return (decimal & (c - '0')) | (lower & (c - 'a' + 10)) |
           (upper & (c - 'A' + 10)) | ~(decimal | lower | upper);
}

void mal_hex_encode(char *out, mal_bytes in) {
    for (size_t i = 0; i < in.len; i++) {
        out[2 * i] = hex_digit(in.ptr[i] >> 4);
        out[2 * i + 1] = hex_digit(in.ptr[i] & 15);
    }
    out[2 * in.len] = 0;
}

mal_err mal_hex_decode(uint8_t *out, size_t out_len, const char *text) {
    size_t len = strlen(text);
    MAL_REQUIRE(len % 2 == 0 && len / 2 == out_len, MAL_E_INPUT,
                "%zu hexadecimal digits are needed, not %zu", 2 * out_len, len);
    uint64_t bad = 0;
    for (size_t i = 0; i < out_len; i++) {
        uint64_t hi = hex_value((uint8_t)text[2 * i]);
        uint64_t lo = hex_value((uint8_t)text[2 * i + 1]);
        bad |= hi | lo; /* a digit leaves the upper bits zero */
        out[i] = (uint8_t)(hi << 4 | lo);
    }
    mal_declassify(&bad, sizeof bad);
    if (bad >> 4) {
        mal_wipe(out, out_len);
        MAL_FAIL(MAL_E_INPUT, "not hexadecimal: only 0-9 and a-f are allowed");
    }
    return MAL_OK;
}

static uint8_t base64_digit(uint64_t v) { /* v < 64 */
    uint64_t c = v + 'A';
    c += within(v, 26, 51) & ('a' - 'A' - 26);
    c += within(v, 52, 61) & ((uint64_t)'0' - 'A' - 52);
    c += mal_mask_eq(v, 62) & ((uint64_t)'+' - 'A' - 62);
    c += mal_mask_eq(v, 63) & ((uint64_t)'/' - 'A' - 63);
    return (uint8_t)c;
}

static uint64_t base64_value(uint64_t c) {
    uint64_t upper = within(c, 'A', 'Z'), lower = within(c, 'a', 'z');
    uint64_t decimal = within(c, '0', '9');
    uint64_t plus = mal_mask_eq(c, '+'), slash = mal_mask_eq(c, '/');
    return (upper & (c - 'A')) | (lower & (c - 'a' + 26)) |
           (decimal & (c - '0' + 52)) | (plus & 62) | (slash & 63) |
           ~(upper | lower | decimal | plus | slash);
}

mal_err mal_base64_encode(mal_buf *out, mal_bytes in) {
    MAL_REQUIRE(in.len <= MAL_BUF_MAX_DEFAULT, MAL_E_LIMIT,
                "%zu bytes are too many for one text", in.len);
    MAL_TRY(mal_buf_reserve(out, (in.len + 2) / 3 * 4));
    for (size_t i = 0; i < in.len; i += 3) {
        size_t n = in.len - i < 3 ? in.len - i : 3;
        uint64_t word = (uint64_t)in.ptr[i] << 16;
        word |= n > 1 ? (uint64_t)in.ptr[i + 1] << 8 : 0;
        word |= n > 2 ? (uint64_t)in.ptr[i + 2] : 0;
        uint8_t *to = out->ptr + out->len;
        for (unsigned k = 0; k < 4; k++)
            to[k] = k <= n ? base64_digit(word >> (18 - 6 * k) & 63) : '=';
        out->len += 4;
    }
    return MAL_OK;
}

mal_err mal_base64_decode(mal_buf *out, mal_bytes text) {
    MAL_REQUIRE(text.len % 4 == 0, MAL_E_INPUT,
                "base64 of %zu characters: padding is missing", text.len);
    size_t pad = 0;
    if (text.len && text.ptr[text.len - 1] == '=')
        pad = text.ptr[text.len - 2] == '=' ? 2 : 1;
    size_t digits = text.len - pad, before = out->len;
    MAL_TRY(mal_buf_reserve(out, text.len / 4 * 3));
    uint64_t bad = 0;
    for (size_t i = 0; i < text.len; i += 4) {
        uint64_t word = 0;
        for (size_t k = i; k < i + 4; k++) {
            uint64_t v = k < digits ? base64_value(text.ptr[k]) : 0;
            bad |= v >> 6;
            word = word << 6 | (v & 63);
        }
        size_t n = i + 4 < text.len ? 3 : 3 - pad;
        for (unsigned k = 0; k < n; k++)
            out->ptr[out->len++] = (uint8_t)(word >> (16 - 8 * k));
        /* One text for one value: what padding cuts off must be zero. */
        bad |= word & (((uint64_t)1 << (8 * (3 - n))) - 1);
    }
    mal_declassify(&bad, sizeof bad);
    if (bad) {
        mal_wipe(out->ptr + before, out->len - before);
        out->len = before;
        MAL_FAIL(MAL_E_INPUT, "not base64 in its canonical form (RFC 4648)");
    }
    return MAL_OK;
}
