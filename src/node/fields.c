/* fields.c - members that a request may leave out. */
#include "node_impl.h"

mal_err node_field_str(const mal_json *request, const char *key,
                       const char **text) {
    return mal_json_find(request, key) ? mal_json_get_str(request, key, text)
                                       : MAL_OK;
}

mal_err node_field_u64(const mal_json *request, const char *key,
                       uint64_t *value) {
    return mal_json_find(request, key) ? mal_json_get_u64(request, key, value)
                                       : MAL_OK;
}

mal_err node_field_bool(const mal_json *request, const char *key, bool *value) {
    return mal_json_find(request, key) ? mal_json_get_bool(request, key, value)
                                       : MAL_OK;
}

const char *node_field_text(const mal_json *request, const char *key) {
    const char *text = NULL;
    if (node_field_str(request, key, &text) != MAL_OK)
        mal_err_forget();
    return text;
}

bool node_field_flag(const mal_json *request, const char *key) {
    bool value = false;
    if (node_field_bool(request, key, &value) != MAL_OK)
        mal_err_forget();
    return value;
}
