/* cbor.h - a strict reader of CBOR [RFC8949] over foreign bytes.
 *
 * What evidence needs, and no more.  Refused: integers and lengths that are not
 * in their shortest form, indefinite lengths (but of a root map, where a kind's
 * real evidence has them), floats, text that is not UTF-8, keys that are
 * neither integer nor text, a key twice, nesting and counts beyond the limits.
 * A value is a slice of the input: nothing is copied, nothing allocated.
 */
#ifndef MALUS_TEE_CBOR_H
#define MALUS_TEE_CBOR_H

#include <malus/base.h>

#define TEE_CBOR_DEPTH_MAX 8  /* arrays, maps and tags within each other */
#define TEE_CBOR_COUNT_MAX 64 /* items of an array, entries of a map */

typedef enum tee_cbor_major {
    TEE_CBOR_UINT,
    TEE_CBOR_NINT,
    TEE_CBOR_BYTES,
    TEE_CBOR_TEXT,
    TEE_CBOR_ARRAY,
    TEE_CBOR_MAP,
    TEE_CBOR_TAG,
    TEE_CBOR_SIMPLE,
} tee_cbor_major;

#define TEE_CBOR_FALSE 20 /* values of n where major is TEE_CBOR_SIMPLE */
#define TEE_CBOR_TRUE 21
#define TEE_CBOR_NULL 22

typedef struct tee_cbor {
    tee_cbor_major major;
    uint64_t n;     /* value, -1 - value, length, count, tag or simple value */
    mal_bytes body; /* of a string; the items of an array, map or tag */
    mal_bytes raw;  /* the whole encoding */
} tee_cbor;

/* The next item, checked to its leaves.  MAL_E_INPUT, MAL_E_LIMIT. */
mal_err tee_cbor_read(mal_rd *rd, tee_cbor *item) MAL_MUST_CHECK;
/* The whole of bytes is one item. */
mal_err tee_cbor_parse(tee_cbor *item, mal_bytes bytes) MAL_MUST_CHECK;
/* The same; the item is a map, and may end by a break instead of a count. */
mal_err tee_cbor_parse_map(tee_cbor *map, mal_bytes bytes) MAL_MUST_CHECK;

/* The value of a key; false if there is none, or if this is no map. */
bool tee_cbor_find(tee_cbor *value, const tee_cbor *map, int64_t key);
bool tee_cbor_find_text(tee_cbor *value, const tee_cbor *map, const char *key);

bool tee_cbor_is_int(const tee_cbor *item, int64_t value);
bool tee_cbor_is_text(const tee_cbor *item, const char *text);
bool tee_cbor_is_null(const tee_cbor *item);

#endif
