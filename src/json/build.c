/* build.c - making and changing JSON values. */
#include "json_impl.h"

#include <math.h>
#include <string.h>

static mal_err made(mal_json **out, json_t *json) {
    *out = (mal_json *)json;
    MAL_REQUIRE(json, MAL_E_MEMORY, "out of memory for JSON");
    return MAL_OK;
}

mal_err mal_json_new_object(mal_json **json) {
    return made(json, json_object());
}

mal_err mal_json_new_array(mal_json **json) {
    return made(json, json_array());
}

/* Takes over value, which is NULL if its making failed. */
static mal_err put_new(mal_json *object, const char *key, json_t *value) {
    mal_err err = MAL_OK;
    if (!json_is_object(mal_json_in(object)))
        err = mal_err_set(MAL_E_STATE, __FILE__, __LINE__,
                          "putting \"%s\": not an object", key);
    else if (json_object_get(mal_json_in(object), key))
        err = mal_err_set(MAL_E_STATE, __FILE__, __LINE__,
                          "\"%s\" is there already", key);
    if (err != MAL_OK) {
        json_decref(value);
        return err;
    }
    MAL_REQUIRE(
        value && json_object_set_new(mal_json_in(object), key, value) == 0,
        MAL_E_MEMORY,
        "cannot put \"%s\": out of memory, or the key is not UTF-8", key);
    return MAL_OK;
}

static mal_err add_new(mal_json *array, json_t *value) {
    if (!json_is_array(mal_json_in(array))) {
        json_decref(value);
        MAL_FAIL(MAL_E_STATE, "adding to a value that is not an array");
    }
    MAL_REQUIRE(value && json_array_append_new(mal_json_in(array), value) == 0,
                MAL_E_MEMORY, "out of memory for JSON");
    return MAL_OK;
}

static mal_err string_of(json_t **out, mal_bytes text) {
    const char *ptr = text.len ? (const char *)text.ptr : "";
    MAL_REQUIRE(memchr(ptr, 0, text.len) == NULL, MAL_E_INPUT,
                "a NUL in text that should become JSON");
    mal_json_memory_begin();
    *out = json_stringn(ptr, text.len);
    MAL_REQUIRE(*out || !mal_json_memory_failed(), MAL_E_MEMORY,
                "out of memory for JSON");
    MAL_REQUIRE(*out, MAL_E_INPUT, "text that should become JSON is not UTF-8");
    return MAL_OK;
}

mal_err mal_json_put(mal_json *object, const char *key, const mal_json *value) {
    return put_new(object, key, json_incref(mal_json_in(value)));
}

mal_err mal_json_put_text(mal_json *object, const char *key, mal_bytes text) {
    json_t *value;
    MAL_TRY(string_of(&value, text));
    return put_new(object, key, value);
}

mal_err mal_json_put_str(mal_json *object, const char *key, const char *text) {
    return mal_json_put_text(object, key, mal_bytes_str(text));
}

mal_err mal_json_put_int(mal_json *object, const char *key, int64_t value) {
    return put_new(object, key, json_integer(value));
}

mal_err mal_json_put_u64(mal_json *object, const char *key, uint64_t value) {
    MAL_REQUIRE(value <= INT64_MAX, MAL_E_LIMIT,
                "\"%s\" does not fit a JSON integer of 63 bits", key);
    return put_new(object, key, json_integer((int64_t)value));
}

mal_err mal_json_put_real(mal_json *object, const char *key, double value) {
    MAL_REQUIRE(isfinite(value), MAL_E_INPUT, "\"%s\" is not finite", key);
    return put_new(object, key, json_real(value));
}

mal_err mal_json_put_bool(mal_json *object, const char *key, bool value) {
    return put_new(object, key, json_boolean(value));
}

mal_err mal_json_put_null(mal_json *object, const char *key) {
    return put_new(object, key, json_null());
}

static mal_err hex_of(json_t **out, mal_bytes bytes) {
    char *text = mal_calloc(1, 2 * bytes.len + 1);
    MAL_REQUIRE(text, MAL_E_MEMORY, "out of memory for JSON");
    mal_hex_encode(text, bytes);
    *out = json_stringn_nocheck(text, 2 * bytes.len);
    mal_free(text);
    return MAL_OK;
}

static mal_err base64_of(json_t **out, mal_bytes bytes) {
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    MAL_TRY(mal_base64_encode(&text, bytes));
    *out =
        json_stringn_nocheck(text.len ? (const char *)text.ptr : "", text.len);
    return MAL_OK;
}

mal_err mal_json_put_hex(mal_json *object, const char *key, mal_bytes bytes) {
    json_t *value;
    MAL_TRY(hex_of(&value, bytes));
    return put_new(object, key, value);
}

mal_err mal_json_put_base64(mal_json *object, const char *key,
                            mal_bytes bytes) {
    json_t *value;
    MAL_TRY(base64_of(&value, bytes));
    return put_new(object, key, value);
}

mal_err mal_json_put_object(mal_json *object, const char *key,
                            mal_json **child) {
    json_t *value = json_object();
    *child = NULL;
    MAL_TRY(put_new(object, key, value));
    return made(child, value);
}

mal_err mal_json_put_array(mal_json *object, const char *key,
                           mal_json **child) {
    json_t *value = json_array();
    *child = NULL;
    MAL_TRY(put_new(object, key, value));
    return made(child, value);
}

mal_err mal_json_add(mal_json *array, const mal_json *value) {
    return add_new(array, json_incref(mal_json_in(value)));
}

mal_err mal_json_add_str(mal_json *array, const char *text) {
    json_t *value;
    MAL_TRY(string_of(&value, mal_bytes_str(text)));
    return add_new(array, value);
}

mal_err mal_json_add_int(mal_json *array, int64_t value) {
    return add_new(array, json_integer(value));
}

mal_err mal_json_add_bool(mal_json *array, bool value) {
    return add_new(array, json_boolean(value));
}

mal_err mal_json_add_null(mal_json *array) {
    return add_new(array, json_null());
}

mal_err mal_json_add_base64(mal_json *array, mal_bytes bytes) {
    json_t *value;
    MAL_TRY(base64_of(&value, bytes));
    return add_new(array, value);
}

mal_err mal_json_add_object(mal_json *array, mal_json **child) {
    json_t *value = json_object();
    *child = NULL;
    MAL_TRY(add_new(array, value));
    return made(child, value);
}

mal_err mal_json_add_array(mal_json *array, mal_json **child) {
    json_t *value = json_array();
    *child = NULL;
    MAL_TRY(add_new(array, value));
    return made(child, value);
}

void mal_json_remove(mal_json *object, const char *key) {
    (void)json_object_del(mal_json_in(object), key);
}

void mal_json_remove_at(mal_json *array, size_t i) {
    (void)json_array_remove(mal_json_in(array), i);
}

mal_err mal_json_copy(mal_json **copy, const mal_json *json) {
    return made(copy, json_deep_copy(mal_json_in(json)));
}
