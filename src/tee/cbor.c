/* cbor.c - the strict reader of CBOR.
 *
 * One walk over an item checks it to its leaves; reading the children of a
 * container later walks them again, which its limits keep cheap and which
 * spares a tree.
 */
#include "cbor.h"

#include <string.h>

#define MORE_U8 24  /* additional information: the argument follows in 1, 2, */
#define MORE_U64 27 /* 4 or 8 bytes */
#define OPEN 31     /* ... or by a break */
#define BREAK 0xff

typedef struct cbor_keys {
    mal_bytes key[TEE_CBOR_COUNT_MAX];
    size_t n;
} cbor_keys;

static mal_err walk(mal_rd *rd, tee_cbor *item, unsigned depth, bool may_open);

/* --- Heads ---------------------------------------------------------------- */

/* [RFC8949] section 4.2.1: the argument is in the shortest form that holds it.
 */
static mal_err read_argument(mal_rd *rd, uint64_t *n, unsigned info) {
    *n = info;
    if (info < MORE_U8)
        return MAL_OK;
    MAL_REQUIRE(info <= MORE_U64, MAL_E_INPUT,
                "CBOR: a head with additional information %u", info);
    unsigned width = 1u << (info - MORE_U8);
    mal_bytes digits;
    MAL_TRY(mal_rd_raw(rd, &digits, width));
    *n = 0;
    for (unsigned i = 0; i < width; i++)
        *n = *n << 8 | digits.ptr[i];
    uint64_t least = width == 1 ? MORE_U8 : (uint64_t)1 << (4 * width);
    MAL_REQUIRE(*n >= least, MAL_E_INPUT,
                "CBOR: an argument that is not in its shortest form");
    return MAL_OK;
}

/* --- Leaves --------------------------------------------------------------- */

/* How many bytes follow the first of a UTF-8 sequence, and the least code point
 * that may be written so; -1: no first byte. */
static int utf8_tail(uint8_t first, uint32_t *code, uint32_t *least) {
    static const struct {
        uint8_t mask, lead;
        uint32_t least;
    } form[] = { { 0x80, 0x00, 0 },
                 { 0xe0, 0xc0, 0x80 },
                 { 0xf0, 0xe0, 0x800 },
                 { 0xf8, 0xf0, 0x10000 } };
    for (int i = 0; i < 4; i++)
        if ((first & form[i].mask) == form[i].lead) {
            *code = first & (uint8_t)~form[i].mask;
            *least = form[i].least;
            return i;
        }
    return -1;
}

static bool is_utf8(mal_bytes text) {
    for (size_t i = 0; i < text.len;) {
        uint32_t code, least;
        int tail = utf8_tail(text.ptr[i++], &code, &least);
        if (tail < 0 || text.len - i < (size_t)tail)
            return false;
        for (; tail > 0; tail--, i++) {
            if ((text.ptr[i] & 0xc0) != 0x80)
                return false;
            code = code << 6 | (text.ptr[i] & 0x3f);
        }
        if (code < least || code > 0x10ffff || (code & ~0x7ffu) == 0xd800)
            return false;
    }
    return true;
}

static mal_err read_string(mal_rd *rd, tee_cbor *item) {
    MAL_REQUIRE(item->n <= rd->left, MAL_E_INPUT,
                "CBOR: a string that is longer than what holds it");
    MAL_TRY(mal_rd_raw(rd, &item->body, (size_t)item->n));
    MAL_REQUIRE(item->major == TEE_CBOR_BYTES || is_utf8(item->body),
                MAL_E_INPUT, "CBOR: text that is not UTF-8");
    return MAL_OK;
}

/* --- Containers ----------------------------------------------------------- */

static mal_err read_key(mal_rd *rd, cbor_keys *keys, unsigned depth) {
    tee_cbor key;
    MAL_TRY(walk(rd, &key, depth, false));
    MAL_REQUIRE(key.major == TEE_CBOR_UINT || key.major == TEE_CBOR_NINT ||
                    key.major == TEE_CBOR_TEXT,
                MAL_E_INPUT, "CBOR: a key that is neither integer nor text");
    for (size_t i = 0; i < keys->n; i++)
        MAL_REQUIRE(!mal_bytes_same_vartime(keys->key[i], key.raw), MAL_E_INPUT,
                    "CBOR: a map that holds a key twice");
    keys->key[keys->n++] = key.raw;
    return MAL_OK;
}

static mal_err read_map(mal_rd *rd, uint64_t n, unsigned depth) {
    cbor_keys keys;
    tee_cbor value;
    keys.n = 0;
    for (uint64_t i = 0; i < n; i++) {
        MAL_TRY(read_key(rd, &keys, depth));
        MAL_TRY(walk(rd, &value, depth, false));
    }
    return MAL_OK;
}

/* A map that ends by a break: n is counted. */
static mal_err read_open_map(mal_rd *rd, uint64_t *n, unsigned depth) {
    cbor_keys keys;
    tee_cbor value;
    keys.n = 0;
    while (rd->left > 0 && rd->ptr[0] != BREAK) {
        MAL_REQUIRE(keys.n < TEE_CBOR_COUNT_MAX, MAL_E_LIMIT,
                    "CBOR: a map of more than %d entries", TEE_CBOR_COUNT_MAX);
        MAL_TRY(read_key(rd, &keys, depth));
        MAL_TRY(walk(rd, &value, depth, false));
    }
    *n = keys.n;
    return MAL_OK;
}

static mal_err read_array(mal_rd *rd, uint64_t n, unsigned depth) {
    tee_cbor value;
    for (uint64_t i = 0; i < n; i++)
        MAL_TRY(walk(rd, &value, depth, false));
    return MAL_OK;
}

static mal_err read_container(mal_rd *rd, tee_cbor *item, unsigned depth,
                              bool open) {
    const uint8_t *start = rd->ptr;
    MAL_REQUIRE(depth < TEE_CBOR_DEPTH_MAX, MAL_E_LIMIT,
                "CBOR: nested deeper than %d", TEE_CBOR_DEPTH_MAX);
    MAL_REQUIRE(item->major == TEE_CBOR_TAG || item->n <= TEE_CBOR_COUNT_MAX,
                MAL_E_LIMIT, "CBOR: more than %d items in one",
                TEE_CBOR_COUNT_MAX);
    if (open)
        MAL_TRY(read_open_map(rd, &item->n, depth + 1));
    else if (item->major == TEE_CBOR_MAP)
        MAL_TRY(read_map(rd, item->n, depth + 1));
    else
        MAL_TRY(read_array(rd, item->major == TEE_CBOR_TAG ? 1 : item->n,
                           depth + 1));
    item->body = mal_bytes_of(start, (size_t)(rd->ptr - start));
    if (open) {
        mal_bytes end; /* the break */
        MAL_TRY(mal_rd_raw(rd, &end, 1));
    }
    return MAL_OK;
}

/* --- Items ---------------------------------------------------------------- */

static mal_err read_body(mal_rd *rd, tee_cbor *item, unsigned depth,
                         bool open) {
    switch (item->major) {
    case TEE_CBOR_UINT:
    case TEE_CBOR_NINT:
        return MAL_OK;
    case TEE_CBOR_BYTES:
    case TEE_CBOR_TEXT:
        return read_string(rd, item);
    case TEE_CBOR_ARRAY:
    case TEE_CBOR_MAP:
    case TEE_CBOR_TAG:
        return read_container(rd, item, depth, open);
    case TEE_CBOR_SIMPLE:
        break;
    }
    MAL_REQUIRE(item->n >= TEE_CBOR_FALSE && item->n <= TEE_CBOR_NULL,
                MAL_E_INPUT, "CBOR: a float or an unknown simple value");
    return MAL_OK;
}

/* may_open: a map may be of indefinite length. */
static mal_err walk(mal_rd *rd, tee_cbor *item, unsigned depth, bool may_open) {
    const uint8_t *start = rd->ptr;
    uint8_t head;
    *item = (tee_cbor){ 0 };
    MAL_TRY(mal_rd_u8(rd, &head));
    unsigned info = head & 0x1f;
    item->major = (tee_cbor_major)(head >> 5);
    bool open = may_open && item->major == TEE_CBOR_MAP && info == OPEN;
    /* A simple value of two bytes is none that we know, a float no argument. */
    MAL_REQUIRE(item->major != TEE_CBOR_SIMPLE || info < MORE_U8, MAL_E_INPUT,
                "CBOR: a float or an unknown simple value");
    if (!open)
        MAL_TRY(read_argument(rd, &item->n, info));
    MAL_TRY(read_body(rd, item, depth, open));
    item->raw = mal_bytes_of(start, (size_t)(rd->ptr - start));
    return MAL_OK;
}

mal_err tee_cbor_read(mal_rd *rd, tee_cbor *item) {
    return walk(rd, item, 0, false);
}

mal_err tee_cbor_parse(tee_cbor *item, mal_bytes bytes) {
    mal_rd rd = mal_rd_of(bytes);
    MAL_TRY(walk(&rd, item, 0, false));
    return mal_rd_end(&rd);
}

mal_err tee_cbor_parse_map(tee_cbor *map, mal_bytes bytes) {
    mal_rd rd = mal_rd_of(bytes);
    MAL_TRY(walk(&rd, map, 0, true));
    MAL_REQUIRE(map->major == TEE_CBOR_MAP, MAL_E_INPUT, "CBOR: not a map");
    return mal_rd_end(&rd);
}

/* --- Looking -------------------------------------------------------------- */

bool tee_cbor_is_int(const tee_cbor *item, int64_t value) {
    uint64_t n = value < 0 ? (uint64_t)(-1 - value) : (uint64_t)value;
    return item->n == n &&
           item->major == (value < 0 ? TEE_CBOR_NINT : TEE_CBOR_UINT);
}

bool tee_cbor_is_text(const tee_cbor *item, const char *text) {
    return item->major == TEE_CBOR_TEXT &&
           mal_bytes_same_vartime(item->body, mal_bytes_str(text));
}

bool tee_cbor_is_null(const tee_cbor *item) {
    return item->major == TEE_CBOR_SIMPLE && item->n == TEE_CBOR_NULL;
}

/* text NULL: the integer. */
static bool find(tee_cbor *value, const tee_cbor *map, const char *text,
                 int64_t key) {
    mal_rd rd = mal_rd_of(map->body);
    tee_cbor at;
    if (map->major != TEE_CBOR_MAP)
        return false;
    while (rd.left > 0) {
        if (tee_cbor_read(&rd, &at) != MAL_OK ||
            tee_cbor_read(&rd, value) != MAL_OK)
            break;
        if (text ? tee_cbor_is_text(&at, text) : tee_cbor_is_int(&at, key))
            return true;
    }
    *value = (tee_cbor){ 0 };
    return false;
}

bool tee_cbor_find(tee_cbor *value, const tee_cbor *map, int64_t key) {
    return find(value, map, NULL, key);
}

bool tee_cbor_find_text(tee_cbor *value, const tee_cbor *map, const char *key) {
    return find(value, map, key, 0);
}
