/* malus/json.h - JSON values: bounded parsing, typed reading, canonical
 * printing.
 *
 * The only folder that includes jansson's header.  Foreign text is parsed with
 * limits on size and depth; a duplicate key, a NUL in a string, bad UTF-8 or
 * anything after the value is refused.  A getter that finds another type than
 * it was asked for answers MAL_E_INPUT and names the key.
 *
 * A value is counted: _free drops one reference.  Children that a getter or a
 * builder hands out are borrowed from their parent.
 */
#ifndef MALUS_JSON_H
#define MALUS_JSON_H

#include <malus/base.h>

typedef struct mal_json mal_json; /* opaque */

typedef enum mal_json_kind {
    MAL_JSON_NULL,
    MAL_JSON_BOOL,
    MAL_JSON_INT, /* fits int64_t */
    MAL_JSON_REAL,
    MAL_JSON_STRING,
    MAL_JSON_ARRAY,
    MAL_JSON_OBJECT,
} mal_json_kind;

#define MAL_JSON_DEPTH_MAX 32 /* nested arrays and objects */
#define MAL_JSON_LEN_MAX ((size_t)64 << 20)

/* Parse one value, the whole of text.
 *
 * Out:     json      a value of any kind; free it.
 * In:      text      foreign bytes, at most len_max (itself <=
 * MAL_JSON_LEN_MAX). Errors:  MAL_E_INPUT  not JSON, a duplicate key, trailing
 * bytes; line, column. MAL_E_LIMIT  too long or too deep.
 */
mal_err mal_json_parse(mal_json **json, mal_bytes text,
                       size_t len_max) MAL_MUST_CHECK;
void mal_json_free(mal_json *json); /* NULL is fine */
void mal_json_auto(mal_json **json);
/* One more owner of the same value. */
mal_json *mal_json_ref(const mal_json *json);
mal_json_kind mal_json_kind_of(const mal_json *json);

/* --- Reading ------------------------------------------------------------ */

/* The member, or NULL if it is absent or the value is no object. */
const mal_json *mal_json_find(const mal_json *object, const char *key);
/* The member must be there and have the type; text is NUL-terminated, without
 * NULs inside, borrowed from the object. */
mal_err mal_json_get(const mal_json *object, const char *key,
                     const mal_json **value) MAL_MUST_CHECK;
mal_err mal_json_get_str(const mal_json *object, const char *key,
                         const char **text) MAL_MUST_CHECK;
mal_err mal_json_get_int(const mal_json *object, const char *key,
                         int64_t *value) MAL_MUST_CHECK;
/* An integer in [0, 2^63). */
mal_err mal_json_get_u64(const mal_json *object, const char *key,
                         uint64_t *value) MAL_MUST_CHECK;
mal_err mal_json_get_bool(const mal_json *object, const char *key,
                          bool *value) MAL_MUST_CHECK;
mal_err mal_json_get_object(const mal_json *object, const char *key,
                            const mal_json **value) MAL_MUST_CHECK;
mal_err mal_json_get_array(const mal_json *object, const char *key,
                           const mal_json **value) MAL_MUST_CHECK;
/* A string of exactly 2 * len hexadecimal digits. */
mal_err mal_json_get_hex(const mal_json *object, const char *key, uint8_t *out,
                         size_t len) MAL_MUST_CHECK;
/* A string of canonical base64; appends to out. */
mal_err mal_json_get_base64(const mal_json *object, const char *key,
                            mal_buf *out) MAL_MUST_CHECK;
/* No member but these: a reader who must not miss a field says which it knows.
 */
mal_err mal_json_only(const mal_json *object, const char *const *keys,
                      size_t n) MAL_MUST_CHECK;

/* Elements of an array, members of an object; 0 for everything else. */
size_t mal_json_len(const mal_json *json);
/* NULL past the end, or if it is no array. */
const mal_json *mal_json_at(const mal_json *array, size_t i);
/* what names the value in the error. */
mal_err mal_json_as_str(const mal_json *json, const char *what,
                        const char **text) MAL_MUST_CHECK;
mal_err mal_json_as_int(const mal_json *json, const char *what,
                        int64_t *value) MAL_MUST_CHECK;
/* An integer or a real. */
mal_err mal_json_as_real(const mal_json *json, const char *what,
                         double *value) MAL_MUST_CHECK;

/* for (mal_json_iter it = mal_json_begin(object); mal_json_next(&it);)
 * in the order of insertion; { key, value } are borrowed. */
typedef struct mal_json_iter {
    const mal_json *object;
    void *at;
    bool started;
    const char *key;
    const mal_json *value;
} mal_json_iter;
mal_json_iter mal_json_begin(const mal_json *object);
bool mal_json_next(mal_json_iter *it);

/* --- Building ----------------------------------------------------------- */

mal_err mal_json_new_object(mal_json **json) MAL_MUST_CHECK;
mal_err mal_json_new_array(mal_json **json) MAL_MUST_CHECK;

/* Add a member; a key that is there already is MAL_E_STATE.  Text that is not
 * UTF-8 without NULs is MAL_E_INPUT. */
mal_err mal_json_put(mal_json *object, const char *key,
                     const mal_json *value) MAL_MUST_CHECK; /* one more owner */
mal_err mal_json_put_str(mal_json *object, const char *key,
                         const char *text) MAL_MUST_CHECK;
mal_err mal_json_put_text(mal_json *object, const char *key,
                          mal_bytes text) MAL_MUST_CHECK;
mal_err mal_json_put_int(mal_json *object, const char *key,
                         int64_t value) MAL_MUST_CHECK;
/* value < 2^63, else MAL_E_LIMIT. */
mal_err mal_json_put_u64(mal_json *object, const char *key,
                         uint64_t value) MAL_MUST_CHECK;
mal_err mal_json_put_real(mal_json *object, const char *key,
                          double value) MAL_MUST_CHECK; /* finite */
mal_err mal_json_put_bool(mal_json *object, const char *key,
                          bool value) MAL_MUST_CHECK;
mal_err mal_json_put_null(mal_json *object, const char *key) MAL_MUST_CHECK;
mal_err mal_json_put_hex(mal_json *object, const char *key,
                         mal_bytes bytes) MAL_MUST_CHECK;
mal_err mal_json_put_base64(mal_json *object, const char *key,
                            mal_bytes bytes) MAL_MUST_CHECK;
/* A new, empty child, borrowed from its parent. */
mal_err mal_json_put_object(mal_json *object, const char *key,
                            mal_json **child) MAL_MUST_CHECK;
mal_err mal_json_put_array(mal_json *object, const char *key,
                           mal_json **child) MAL_MUST_CHECK;

mal_err mal_json_add(mal_json *array, const mal_json *value) MAL_MUST_CHECK;
mal_err mal_json_add_str(mal_json *array, const char *text) MAL_MUST_CHECK;
mal_err mal_json_add_int(mal_json *array, int64_t value) MAL_MUST_CHECK;
mal_err mal_json_add_bool(mal_json *array, bool value) MAL_MUST_CHECK;
mal_err mal_json_add_null(mal_json *array) MAL_MUST_CHECK;
mal_err mal_json_add_base64(mal_json *array, mal_bytes bytes) MAL_MUST_CHECK;
mal_err mal_json_add_object(mal_json *array, mal_json **child) MAL_MUST_CHECK;
mal_err mal_json_add_array(mal_json *array, mal_json **child) MAL_MUST_CHECK;

/* Change what is there: a receipt drops openings.  Absent is fine. */
void mal_json_remove(mal_json *object, const char *key);
void mal_json_remove_at(mal_json *array, size_t i);
/* A deep copy that may be changed. */
mal_err mal_json_copy(mal_json **copy, const mal_json *json) MAL_MUST_CHECK;

/* --- Printing ----------------------------------------------------------- */

/* Compact, keys sorted by bytes: equal values give equal text. */
mal_err mal_json_dump(mal_buf *out, const mal_json *json) MAL_MUST_CHECK;
/* Two spaces of indent, members in the order of insertion, a final newline. */
mal_err mal_json_dump_pretty(mal_buf *out, const mal_json *json) MAL_MUST_CHECK;

#endif
