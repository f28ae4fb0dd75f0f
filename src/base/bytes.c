/* bytes.c - buffers that know their limit, and a cursor over foreign bytes. */
#include "base_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CAP_MIN ((size_t)64)

mal_bytes mal_bytes_of(const void *ptr, size_t len) {
    return (mal_bytes){ .ptr = ptr, .len = len };
}

mal_bytes mal_bytes_str(const char *text) {
    return mal_bytes_of(text, strlen(text));
}

mal_bytes mal_buf_view(const mal_buf *buf) {
    return mal_bytes_of(buf->ptr, buf->len);
}

bool mal_bytes_same_vartime(mal_bytes a, mal_bytes b) {
    return a.len == b.len && mal_compare_vartime(a.ptr, b.ptr, a.len) == 0;
}

/* --- Buffers -------------------------------------------------------------- */

void mal_buf_init(mal_buf *buf, size_t max) {
    *buf = (mal_buf){ .max = max };
}

void mal_buf_clear(mal_buf *buf) {
    if (!buf)
        return;
    mal_wipe(buf->ptr, buf->cap);
    mal_free(buf->ptr);
    *buf = (mal_buf){ .max = buf->max };
}

void mal_buf_reset(mal_buf *buf) {
    buf->len = 0;
}

mal_err mal_buf_reserve(mal_buf *buf, size_t more) {
    size_t max = buf->max ? buf->max : MAL_BUF_MAX_DEFAULT;
    assert(buf->len <= buf->cap && buf->cap <= max);
    if (more <= buf->cap - buf->len)
        return MAL_OK;
    MAL_REQUIRE(more <= max - buf->len, MAL_E_LIMIT,
                "%zu bytes and %zu more exceed the limit of %zu", buf->len,
                more, max);
    size_t need = buf->len + more;
    size_t cap = buf->cap < max / 2 ? 2 * buf->cap : max;
    if (cap < CAP_MIN)
        cap = CAP_MIN < max ? CAP_MIN : max;
    if (cap < need)
        cap = need;
    uint8_t *ptr = mal_realloc(buf->ptr, buf->cap, cap);
    if (!ptr)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    buf->ptr = ptr;
    buf->cap = cap;
    return MAL_OK;
}

mal_err mal_buf_put(mal_buf *buf, mal_bytes bytes) {
    /* Bytes of the buffer itself move with it. */
    uintptr_t base = (uintptr_t)buf->ptr, from = (uintptr_t)bytes.ptr;
    bool own = buf->ptr && from >= base && from - base < buf->cap;
    MAL_TRY(mal_buf_reserve(buf, bytes.len));
    if (bytes.len) {
        memcpy(buf->ptr + buf->len, own ? buf->ptr + (from - base) : bytes.ptr,
               bytes.len);
        buf->len += bytes.len;
    }
    return MAL_OK;
}

mal_err mal_buf_put_str(mal_buf *buf, const char *text) {
    return mal_buf_put(buf, mal_bytes_str(text));
}

mal_err mal_buf_put_fmt(mal_buf *buf, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    assert(len >= 0);
    MAL_TRY(mal_buf_reserve(buf, (size_t)len + 1)); /* and vsnprintf's NUL */
    va_start(args, fmt);
    vsnprintf((char *)buf->ptr + buf->len, (size_t)len + 1, fmt, args);
    va_end(args);
    buf->len += (size_t)len;
    return MAL_OK;
}

static mal_err put_word(mal_buf *buf, uint64_t v, size_t len) {
    uint8_t word[8];
    mal_store_u64le(word, v);
    return mal_buf_put(buf, mal_bytes_of(word, len));
}

mal_err mal_buf_put_u8(mal_buf *buf, uint8_t v) {
    return put_word(buf, v, 1);
}
mal_err mal_buf_put_u16(mal_buf *buf, uint16_t v) {
    return put_word(buf, v, 2);
}
mal_err mal_buf_put_u32(mal_buf *buf, uint32_t v) {
    return put_word(buf, v, 4);
}
mal_err mal_buf_put_u64(mal_buf *buf, uint64_t v) {
    return put_word(buf, v, 8);
}

mal_err mal_buf_put_blob(mal_buf *buf, mal_bytes bytes) {
    MAL_REQUIRE(bytes.len <= UINT32_MAX, MAL_E_LIMIT,
                "a blob of %zu bytes: its length must fit 32 bits", bytes.len);
    size_t before = buf->len;
    MAL_TRY(mal_buf_put_u32(buf, (uint32_t)bytes.len));
    mal_err err = mal_buf_put(buf, bytes);
    if (err != MAL_OK)
        buf->len = before;
    return err;
}

mal_err mal_buf_put_blob_str(mal_buf *buf, const char *text) {
    return mal_buf_put_blob(buf, mal_bytes_str(text));
}

mal_err mal_buf_cstr(mal_buf *buf, const char **text) {
    MAL_TRY(mal_buf_reserve(buf, 1));
    buf->ptr[buf->len] = 0;
    *text = (const char *)buf->ptr;
    return MAL_OK;
}

/* --- The cursor ----------------------------------------------------------- */

mal_rd mal_rd_of(mal_bytes bytes) {
    return (mal_rd){ .ptr = bytes.ptr, .left = bytes.len };
}

mal_err mal_rd_raw(mal_rd *rd, mal_bytes *out, size_t len) {
    MAL_REQUIRE(len <= rd->left, MAL_E_INPUT,
                "the input ends early: %zu bytes are needed and %zu are left",
                len, rd->left);
    *out = mal_bytes_of(rd->ptr, len);
    if (len)
        rd->ptr += len;
    rd->left -= len;
    return MAL_OK;
}

mal_err mal_rd_copy(mal_rd *rd, void *out, size_t len) {
    mal_bytes bytes;
    MAL_TRY(mal_rd_raw(rd, &bytes, len));
    if (len)
        memcpy(out, bytes.ptr, len);
    return MAL_OK;
}

static mal_err read_word(mal_rd *rd, uint64_t *v, size_t len) {
    uint8_t word[8] = { 0 };
    MAL_TRY(mal_rd_copy(rd, word, len));
    *v = mal_load_u64le(word);
    return MAL_OK;
}

mal_err mal_rd_u8(mal_rd *rd, uint8_t *v) {
    uint64_t word;
    MAL_TRY(read_word(rd, &word, 1));
    *v = (uint8_t)word;
    return MAL_OK;
}
mal_err mal_rd_u16(mal_rd *rd, uint16_t *v) {
    uint64_t word;
    MAL_TRY(read_word(rd, &word, 2));
    *v = (uint16_t)word;
    return MAL_OK;
}
mal_err mal_rd_u32(mal_rd *rd, uint32_t *v) {
    uint64_t word;
    MAL_TRY(read_word(rd, &word, 4));
    *v = (uint32_t)word;
    return MAL_OK;
}
mal_err mal_rd_u64(mal_rd *rd, uint64_t *v) {
    return read_word(rd, v, 8);
}

mal_err mal_rd_blob(mal_rd *rd, mal_bytes *out, size_t len_max) {
    mal_rd at = *rd; /* moves only if the whole blob is there */
    uint32_t len;
    MAL_TRY(mal_rd_u32(&at, &len));
    MAL_REQUIRE(len <= len_max, MAL_E_INPUT,
                "a field of %u bytes: at most %zu are allowed", len, len_max);
    MAL_TRY(mal_rd_raw(&at, out, len));
    *rd = at;
    return MAL_OK;
}

mal_err mal_rd_str(mal_rd *rd, char **out, mal_arena *arena, size_t len_max) {
    mal_rd at = *rd;
    mal_bytes bytes;
    MAL_TRY(mal_rd_blob(&at, &bytes, len_max));
    MAL_REQUIRE(!bytes.len || !memchr(bytes.ptr, 0, bytes.len), MAL_E_INPUT,
                "a text holds a zero byte");
    char *text = mal_arena_strndup(arena, (const char *)bytes.ptr, bytes.len);
    if (!text) /* past the arena's limit, or out of memory: recorded there */
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    *out = text;
    *rd = at;
    return MAL_OK;
}

mal_err mal_rd_end(const mal_rd *rd) {
    MAL_REQUIRE(rd->left == 0, MAL_E_INPUT,
                "%zu bytes too many at the end of the input", rd->left);
    return MAL_OK;
}

/* --- Words ---------------------------------------------------------------- */

void mal_store_u32le(uint8_t *out, uint32_t v) {
    for (unsigned i = 0; i < 4; i++)
        out[i] = (uint8_t)(v >> (8 * i));
}

void mal_store_u64le(uint8_t *out, uint64_t v) {
    for (unsigned i = 0; i < 8; i++)
        out[i] = (uint8_t)(v >> (8 * i));
}

uint32_t mal_load_u32le(const uint8_t *in) {
    uint32_t v = 0;
    for (unsigned i = 0; i < 4; i++)
        v |= (uint32_t)in[i] << (8 * i);
    return v;
}

uint64_t mal_load_u64le(const uint8_t *in) {
    uint64_t v = 0;
    for (unsigned i = 0; i < 8; i++)
        v |= (uint64_t)in[i] << (8 * i);
    return v;
}

void mal_store_u64be(uint8_t *out, uint64_t v) {
    mal_store_u64le(out, __builtin_bswap64(v));
}

uint64_t mal_load_u64be(const uint8_t *in) {
    return __builtin_bswap64(mal_load_u64le(in));
}
