/* number.c - powers of ten, rounding, saturation, and how numbers look. */
#include "sql_impl.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int64_t sql_pow10(unsigned digits) {
    assert(digits <= 18);
    int64_t p = 1;
    while (digits--)
        p *= 10;
    return p;
}

bool sql_fits(mal_i128 v) {
    return v >= -(mal_i128)INT64_MAX && v <= (mal_i128)INT64_MAX;
}

mal_i128 sql_floor_div(mal_i128 a, mal_i128 b) {
    assert(b != 0);
    mal_i128 q = a / b;
    return q - (a % b != 0 && (a < 0) != (b < 0));
}

mal_i128 sql_round_div(mal_i128 a, mal_i128 b) {
    assert(b > 0);
    mal_i128 q = a / b, r = a % b; /* |r| < b, sign of a */
    if (2 * r >= b)
        q++;
    else if (2 * r <= -b)
        q--;
    return q;
}

uint64_t sql_mul_sat(uint64_t a, uint64_t b) {
    uint64_t p;
    return __builtin_mul_overflow(a, b, &p) ? UINT64_MAX : p;
}

uint64_t sql_add_sat(uint64_t a, uint64_t b) {
    uint64_t s;
    return __builtin_add_overflow(a, b, &s) ? UINT64_MAX : s;
}

mal_err sql_put_i64(mal_buf *out, int64_t v) {
    return mal_buf_put_u64(out, (uint64_t)v);
}

mal_err sql_put_decimal(mal_buf *out, int64_t v, unsigned scale) {
    uint64_t magnitude = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    uint64_t unit = (uint64_t)sql_pow10(scale);
    MAL_TRY(
        mal_buf_put_fmt(out, "%s%" PRIu64, v < 0 ? "-" : "", magnitude / unit));
    if (scale > 0)
        MAL_TRY(
            mal_buf_put_fmt(out, ".%0*" PRIu64, (int)scale, magnitude % unit));
    return MAL_OK;
}

/* The length of the UTF-8 character at text, 0 if there is none [RFC3629]. */
size_t sql_utf8_at(const uint8_t *text, size_t left) {
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    uint8_t first = text[0];
    size_t n = first < 0x80   ? 1
               : first < 0xc2 ? 0
               : first < 0xe0 ? 2
               : first < 0xf0 ? 3
               : first < 0xf5 ? 4
                              : 0;
    if (n <= 1 || n > left)
        return n > left ? 0 : n;
    uint32_t c = first & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (text[i] & 0x3fu);
    }
    bool surrogate = c >= 0xd800 && c <= 0xdfff;
    return c < least[n] || c > 0x10ffff || surrogate ? 0 : n;
}

/* A message quotes the user's text: nothing in it may steer a terminal, and no
 * character may be cut in two. */
static void make_plain(char *message) {
    size_t left = strlen(message);
    for (uint8_t *c = (uint8_t *)message; left > 0;) {
        size_t n = sql_utf8_at(c, left);
        if (n == 0 || (n == 1 && (*c < ' ' || *c == 127)) ||
            (n == 2 && *c == 0xc2 && c[1] < 0xa0)) {
            *c = '?';
            n = 1;
        }
        c += n;
        left -= n;
    }
}

/* Line and column of a byte, both from 1; columns count bytes. */
static void locate(mal_bytes text, int pos, unsigned *line, unsigned *column) {
    *line = 1;
    *column = 1;
    for (size_t i = 0; pos > 0 && i < (size_t)pos && i < text.len; i++) {
        bool newline = text.ptr[i] == '\n';
        *line += newline;
        *column = newline ? 1 : *column + 1;
    }
}

mal_err sql_fail_at(const sql_cx *cx, int pos, mal_err err, const char *file,
                    int line, const char *fmt, ...) {
    char message[768];
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    make_plain(message);
    if (!cx->text.ptr || pos < 0)
        return mal_err_set(err, file, line, "%s", message);
    unsigned at_line, at_column;
    locate(cx->text, pos, &at_line, &at_column);
    return mal_err_set(err, file, line, "%u:%u: %s", at_line, at_column,
                       message);
}

mal_err sql_alloc(const sql_cx *cx, void *out, size_t n, size_t size) {
    void *block = mal_arena_calloc(cx->arena, n ? n : 1, size);
    if (!block)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    memcpy(out, &block, sizeof block);
    return MAL_OK;
}
