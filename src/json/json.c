/* json.c - parsing, typed reading and printing of JSON values. */
#include "json_impl.h"

#include <string.h>

static mal_json *out_of(json_t *json) {
    return (mal_json *)json;
}

static _Thread_local bool memory_failed;

void mal_json_memory_begin(void) {
    memory_failed = false;
}

bool mal_json_memory_failed(void) {
    return memory_failed;
}

static void *allocate(size_t size) {
    void *block = mal_calloc(1, size ? size : 1);
    memory_failed |= !block;
    return block;
}

/* Before main, as jansson asks: then fail_ tests reach its allocations too. */
__attribute__((constructor)) static void use_our_memory(void) {
    json_set_alloc_funcs(allocate, mal_free);
}

/* --- Parsing ------------------------------------------------------------ */

/* jansson's own limit of depth is 2048 and fixed when it is built, and its
 * parser recurses: count brackets outside strings before it sees them.  On text
 * that is not JSON the count may be off; then jansson refuses the text anyway,
 * after recursing no deeper than we counted. */
static mal_err check_depth(mal_bytes text) {
    unsigned depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (quoted) {
            if (c == '\\')
                i++;
            else if (c == '"')
                quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '[' || c == '{') {
            MAL_REQUIRE(++depth <= MAL_JSON_DEPTH_MAX, MAL_E_LIMIT,
                        "JSON is nested deeper than %d: flatten it",
                        MAL_JSON_DEPTH_MAX);
        } else if ((c == ']' || c == '}') && depth > 0) {
            depth--;
        }
    }
    return MAL_OK;
}

mal_err mal_json_parse(mal_json **json, mal_bytes text, size_t len_max) {
    *json = NULL;
    if (len_max > MAL_JSON_LEN_MAX)
        len_max = MAL_JSON_LEN_MAX;
    MAL_REQUIRE(text.len <= len_max, MAL_E_LIMIT,
                "JSON of %zu bytes is longer than %zu", text.len, len_max);
    MAL_TRY(check_depth(text));
    json_error_t why = { 0 };
    mal_json_memory_begin();
    json_t *value = json_loadb(text.len ? (const char *)text.ptr : "", text.len,
                               JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    /* Even with a value: jansson's lexer drops bytes it has no memory for. */
    if (mal_json_memory_failed()) {
        json_decref(value);
        MAL_FAIL(MAL_E_MEMORY, "out of memory for JSON");
    }
    MAL_REQUIRE(value, MAL_E_INPUT, "not JSON: %s, line %d, column %d",
                why.text, why.line, why.column);
    *json = out_of(value);
    return MAL_OK;
}

void mal_json_free(mal_json *json) {
    json_decref(mal_json_in(json));
}

void mal_json_auto(mal_json **json) {
    mal_json_free(*json);
    *json = NULL;
}

mal_json *mal_json_ref(const mal_json *json) {
    return out_of(json_incref(mal_json_in(json)));
}

mal_json_kind mal_json_kind_of(const mal_json *json) {
    if (!json)
        return MAL_JSON_NULL;
    switch (json_typeof(mal_json_in(json))) {
    case JSON_OBJECT:
        return MAL_JSON_OBJECT;
    case JSON_ARRAY:
        return MAL_JSON_ARRAY;
    case JSON_STRING:
        return MAL_JSON_STRING;
    case JSON_INTEGER:
        return MAL_JSON_INT;
    case JSON_REAL:
        return MAL_JSON_REAL;
    case JSON_TRUE:
    case JSON_FALSE:
        return MAL_JSON_BOOL;
    case JSON_NULL:
        break;
    }
    return MAL_JSON_NULL;
}

/* --- Reading ------------------------------------------------------------ */

const mal_json *mal_json_find(const mal_json *object, const char *key) {
    return out_of(json_object_get(mal_json_in(object), key));
}

mal_err mal_json_get(const mal_json *object, const char *key,
                     const mal_json **value) {
    MAL_REQUIRE(json_is_object(mal_json_in(object)), MAL_E_INPUT,
                "looking for \"%s\": not an object", key);
    *value = mal_json_find(object, key);
    MAL_REQUIRE(*value, MAL_E_INPUT, "\"%s\" is missing", key);
    return MAL_OK;
}

mal_err mal_json_as_str(const mal_json *json, const char *what,
                        const char **text) {
    MAL_REQUIRE(json_is_string(mal_json_in(json)), MAL_E_INPUT,
                "\"%s\" must be a string", what);
    *text = json_string_value(mal_json_in(json));
    return MAL_OK;
}

mal_err mal_json_as_int(const mal_json *json, const char *what,
                        int64_t *value) {
    MAL_REQUIRE(json_is_integer(mal_json_in(json)), MAL_E_INPUT,
                "\"%s\" must be an integer", what);
    *value = json_integer_value(mal_json_in(json));
    return MAL_OK;
}

mal_err mal_json_as_real(const mal_json *json, const char *what,
                         double *value) {
    MAL_REQUIRE(json_is_number(mal_json_in(json)), MAL_E_INPUT,
                "\"%s\" must be a number", what);
    *value = json_number_value(mal_json_in(json));
    return MAL_OK;
}

mal_err mal_json_get_str(const mal_json *object, const char *key,
                         const char **text) {
    const mal_json *value;
    MAL_TRY(mal_json_get(object, key, &value));
    return mal_json_as_str(value, key, text);
}

mal_err mal_json_get_int(const mal_json *object, const char *key,
                         int64_t *value) {
    const mal_json *member;
    MAL_TRY(mal_json_get(object, key, &member));
    return mal_json_as_int(member, key, value);
}

mal_err mal_json_get_u64(const mal_json *object, const char *key,
                         uint64_t *value) {
    int64_t v;
    MAL_TRY(mal_json_get_int(object, key, &v));
    MAL_REQUIRE(v >= 0, MAL_E_INPUT, "\"%s\" must not be negative", key);
    *value = (uint64_t)v;
    return MAL_OK;
}

mal_err mal_json_get_bool(const mal_json *object, const char *key,
                          bool *value) {
    const mal_json *member;
    MAL_TRY(mal_json_get(object, key, &member));
    MAL_REQUIRE(json_is_boolean(mal_json_in(member)), MAL_E_INPUT,
                "\"%s\" must be true or false", key);
    *value = json_is_true(mal_json_in(member));
    return MAL_OK;
}

mal_err mal_json_get_object(const mal_json *object, const char *key,
                            const mal_json **value) {
    MAL_TRY(mal_json_get(object, key, value));
    MAL_REQUIRE(json_is_object(mal_json_in(*value)), MAL_E_INPUT,
                "\"%s\" must be an object", key);
    return MAL_OK;
}

mal_err mal_json_get_array(const mal_json *object, const char *key,
                           const mal_json **value) {
    MAL_TRY(mal_json_get(object, key, value));
    MAL_REQUIRE(json_is_array(mal_json_in(*value)), MAL_E_INPUT,
                "\"%s\" must be an array", key);
    return MAL_OK;
}

mal_err mal_json_get_hex(const mal_json *object, const char *key, uint8_t *out,
                         size_t len) {
    const char *text;
    MAL_TRY(mal_json_get_str(object, key, &text));
    if (mal_hex_decode(out, len, text) != MAL_OK)
        MAL_FAIL(MAL_E_INPUT, "\"%s\" must be %zu hexadecimal digits", key,
                 2 * len);
    return MAL_OK;
}

mal_err mal_json_get_base64(const mal_json *object, const char *key,
                            mal_buf *out) {
    const char *text;
    MAL_TRY(mal_json_get_str(object, key, &text));
    mal_err err = mal_base64_decode(out, mal_bytes_str(text));
    if (err == MAL_E_INPUT)
        MAL_FAIL(MAL_E_INPUT, "\"%s\" must be base64", key);
    MAL_TRY(err);
    return MAL_OK;
}

mal_err mal_json_only(const mal_json *object, const char *const *keys,
                      size_t n) {
    for (mal_json_iter it = mal_json_begin(object); mal_json_next(&it);) {
        bool known = false;
        for (size_t i = 0; i < n && !known; i++)
            known = strcmp(it.key, keys[i]) == 0;
        MAL_REQUIRE(known, MAL_E_INPUT, "\"%s\" is not a member known here",
                    it.key);
    }
    return MAL_OK;
}

size_t mal_json_len(const mal_json *json) {
    if (json_is_array(mal_json_in(json)))
        return json_array_size(mal_json_in(json));
    return json_object_size(mal_json_in(json));
}

const mal_json *mal_json_at(const mal_json *array, size_t i) {
    return out_of(json_array_get(mal_json_in(array), i));
}

mal_json_iter mal_json_begin(const mal_json *object) {
    return (mal_json_iter){ .object = object };
}

bool mal_json_next(mal_json_iter *it) {
    json_t *object = mal_json_in(it->object);
    it->at = it->started ? json_object_iter_next(object, it->at)
                         : json_object_iter(object);
    it->started = true;
    if (!it->at)
        return false;
    it->key = json_object_iter_key(it->at);
    it->value = out_of(json_object_iter_value(it->at));
    return true;
}

/* --- Printing ----------------------------------------------------------- */

static int append(const char *text, size_t len, void *buf) {
    return mal_buf_put(buf, mal_bytes_of(text, len)) == MAL_OK ? 0 : -1;
}

/* 17 digits bring any double back exactly. */
#define PRINTING (JSON_ENCODE_ANY | JSON_REAL_PRECISION(17))

mal_err mal_json_dump(mal_buf *out, const mal_json *json) {
    MAL_REQUIRE(json_dump_callback(mal_json_in(json), append, out,
                                   PRINTING | JSON_COMPACT | JSON_SORT_KEYS) ==
                    0,
                MAL_E_MEMORY, "no memory or no room to print JSON");
    return MAL_OK;
}

mal_err mal_json_dump_pretty(mal_buf *out, const mal_json *json) {
    MAL_REQUIRE(json_dump_callback(mal_json_in(json), append, out,
                                   PRINTING | JSON_INDENT(2)) == 0,
                MAL_E_MEMORY, "no memory or no room to print JSON");
    return mal_buf_put_str(out, "\n");
}
