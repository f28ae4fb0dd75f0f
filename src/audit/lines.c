/* lines.c - what the C2SP formats are made of: lines, names, decimals, hashes.
 */
#include "audit_impl.h"

#include <string.h>

bool audit_line(mal_bytes *line, mal_bytes *rest) {
    const uint8_t *end = rest->len ? memchr(rest->ptr, '\n', rest->len) : NULL;
    if (!end)
        return false;
    size_t len = (size_t)(end - rest->ptr);
    *line = mal_bytes_of(rest->ptr, len);
    *rest = mal_bytes_of(end + 1, rest->len - len - 1);
    return true;
}

bool audit_prefix(mal_bytes *rest, mal_bytes text, const char *prefix) {
    size_t n = strlen(prefix);
    if (text.len < n || mal_compare_vartime(text.ptr, prefix, n) != 0)
        return false;
    *rest = mal_bytes_of(text.ptr + n, text.len - n);
    return true;
}

bool audit_bytes_equal_str(mal_bytes a, const char *b) {
    return mal_bytes_same_vartime(a, mal_bytes_str(b));
}

mal_err audit_decimal(uint64_t *value, mal_bytes text) {
    uint64_t v = 0;
    MAL_REQUIRE(text.len > 0 && text.len <= 19, MAL_E_INPUT,
                "a decimal number below 2^63 is missing");
    MAL_REQUIRE(text.len == 1 || text.ptr[0] != '0', MAL_E_INPUT,
                "a number must not start with 0");
    for (size_t i = 0; i < text.len; i++) {
        MAL_REQUIRE(text.ptr[i] >= '0' && text.ptr[i] <= '9', MAL_E_INPUT,
                    "a number holds something else than digits");
        v = 10 * v + (uint64_t)(text.ptr[i] - '0'); /* 19 digits: < 2^64 */
    }
    MAL_REQUIRE(v <= INT64_MAX, MAL_E_INPUT, "a number is not below 2^63");
    *value = v;
    return MAL_OK;
}

mal_err audit_hash_read(mal_prim_hash *hash, mal_bytes text) {
    MAL_AUTO(mal_buf_clear) mal_buf raw = { .max = 64 };
    MAL_REQUIRE(text.len == 44, MAL_E_INPUT,
                "a hash must be 44 characters of base64");
    MAL_TRY(mal_base64_decode(&raw, text));
    MAL_REQUIRE(raw.len == sizeof hash->b, MAL_E_INPUT,
                "a hash must have 32 bytes");
    memcpy(hash->b, raw.ptr, sizeof hash->b);
    return MAL_OK;
}

mal_err audit_hash_put(mal_buf *out, const mal_prim_hash *hash) {
    MAL_TRY(mal_base64_encode(out, mal_bytes_of(hash->b, sizeof hash->b)));
    return mal_buf_put_str(out, "\n");
}

/* Read one character off the front of *text; 0xffffffff if it is not UTF-8
 * (overlong forms, surrogates and what lies beyond U+10FFFF are not). */
static uint32_t next_char(mal_bytes *text) {
    const uint32_t bad = UINT32_MAX;
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    uint8_t c = text->ptr[0];
    unsigned n = c < 0x80           ? 1
                 : (c >> 5) == 0x06 ? 2
                 : (c >> 4) == 0x0e ? 3
                 : (c >> 3) == 0x1e ? 4
                                    : 0;
    if (n == 0 || n > text->len)
        return bad;
    uint32_t v = n == 1 ? c : c & (0x7fu >> n);
    for (unsigned i = 1; i < n; i++) {
        if ((text->ptr[i] & 0xc0) != 0x80)
            return bad;
        v = v << 6 | (text->ptr[i] & 0x3f);
    }
    *text = mal_bytes_of(text->ptr + n, text->len - n);
    if (v < least[n] || v > 0x10ffff || (v >= 0xd800 && v < 0xe000))
        return bad;
    return v;
}

bool audit_text_valid(mal_bytes text) {
    while (text.len > 0) {
        uint32_t c = next_char(&text);
        if (c == UINT32_MAX || (c < 0x20 && c != '\n'))
            return false;
    }
    return true;
}

/* Unicode's White_Space property. */
static bool is_space(uint32_t c) {
    return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 ||
           c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
           c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

bool audit_name_valid(mal_bytes name) {
    if (name.len == 0 || name.len > MAL_AUDIT_NAME_MAX)
        return false;
    while (name.len > 0) {
        uint32_t c = next_char(&name);
        if (c == UINT32_MAX || c < 0x20 || c == '+' || is_space(c))
            return false;
    }
    return true;
}

bool audit_word_valid(const char *word) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789_.-";
    size_t n = strlen(word);
    return n >= 1 && n <= MAL_AUDIT_PARTY_MAX && strspn(word, allowed) == n;
}
