/* pem.c - blocks of base64 between two lines of dashes [RFC7468]. */
#include "cert_impl.h"

#include <stdio.h>
#include <string.h>

#define LINE_MAX_BYTES 64 /* of a line that begins or ends a block */

/* Where line begins in text from at on; text.len if it does not. */
static size_t find(mal_bytes text, size_t at, const char *line) {
    size_t len = strlen(line);
    const uint8_t *hit =
        at < text.len ? memmem(text.ptr + at, text.len - at, line, len) : NULL;
    return hit ? (size_t)(hit - text.ptr) : text.len;
}

static bool is_space(uint8_t c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static mal_err put_base64(mal_buf *out, mal_bytes body) {
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    MAL_TRY(mal_buf_reserve(&text, body.len));
    for (size_t i = 0; i < body.len; i++)
        if (!is_space(body.ptr[i]))
            MAL_TRY(mal_buf_put_u8(&text, body.ptr[i]));
    return mal_base64_decode(out, mal_buf_view(&text));
}

mal_err mal_pem_next(mal_buf *out, mal_bytes text, size_t *at,
                      const char *label) {
    char first[LINE_MAX_BYTES], last[LINE_MAX_BYTES];
    snprintf(first, sizeof first, "-----BEGIN %s-----", label);
    snprintf(last, sizeof last, "-----END %s-----", label);
    size_t begin = find(text, *at, first);
    MAL_REQUIRE(begin < text.len, MAL_E_MISSING, "the text has no %s block",
                label);
    begin += strlen(first);
    size_t end = find(text, begin, last);
    MAL_REQUIRE(end < text.len, MAL_E_INPUT, "a %s block does not end", label);
    MAL_TRY(put_base64(out, mal_bytes_of(text.ptr + begin, end - begin)));
    *at = end + strlen(last);
    return MAL_OK;
}
