/* refuse_json.c - what must not be taken for JSON, or for another type. */
#include "mal_test.h"
#include <malus/json.h>

static void refuse(const char *text, size_t len, mal_err wanted) {
    mal_json *json = NULL;
    CHECK_ERR(mal_json_parse(&json, mal_bytes_of(text, len), 1 << 16), wanted);
    CHECK(json == NULL);
}
#define REFUSE(text) refuse(text, sizeof text - 1, MAL_E_INPUT)

TEST(refuses_duplicate_keys_at_any_depth) {
    REFUSE("{\"a\":1,\"a\":1}");
    REFUSE("[{\"x\":{\"a\":1,\"\\u0061\":2}}]");
}

TEST(refuses_bytes_after_the_value) {
    REFUSE("{} {}");
    REFUSE("1 2");
    REFUSE("{}\0");
    REFUSE("[1],");
}

TEST(refuses_what_is_not_json) {
    REFUSE("");
    REFUSE(" ");
    REFUSE("{'a':1}");
    REFUSE("[1,]");
    REFUSE("{\"a\":1,}");
    REFUSE("NaN");
    REFUSE("[Infinity]");
    REFUSE("01");
    REFUSE("+1");
    REFUSE("// x\n1");
    REFUSE("\xef\xbb\xbf{}");
    REFUSE("\"tab\there\"");
    REFUSE("nul");
}

TEST(refuses_text_that_is_not_utf8_or_holds_a_nul) {
    REFUSE("\"\xff\"");
    REFUSE("\"\xc0\x80\"");
    REFUSE("\"\xed\xa0\x80\"");
    REFUSE("\"\\ud800\"");
    REFUSE("\"a\\u0000b\"");
    REFUSE("{\"a\\u0000b\":1}");
    REFUSE("\"a\0b\"");
}

TEST(refuses_an_integer_of_more_than_64_bits) {
    REFUSE("9223372036854775808");
    REFUSE("-9223372036854775809");
    REFUSE("1e400");
}

TEST(refuses_text_past_the_limit_of_size) {
    char text[100];
    memset(text, ' ', sizeof text);
    mal_json *json;
    CHECK_ERR(mal_json_parse(&json, mal_bytes_of(text, 100), 99), MAL_E_LIMIT);
}

TEST(refuses_one_level_too_deep_and_a_million) {
    char text[2 * MAL_JSON_DEPTH_MAX + 2];
    memset(text, '[', MAL_JSON_DEPTH_MAX + 1);
    memset(text + MAL_JSON_DEPTH_MAX + 1, ']', MAL_JSON_DEPTH_MAX + 1);
    refuse(text, sizeof text, MAL_E_LIMIT);
    size_t n = 1000000;
    char *deep = malloc(n);
    memset(deep, '[', n);
    mal_json *json;
    CHECK_ERR(mal_json_parse(&json, mal_bytes_of(deep, n), n), MAL_E_LIMIT);
    free(deep);
}

TEST(names_the_key_of_a_wrong_type) {
    MAL_AUTO(mal_json_auto) mal_json *o = NULL;
    const char *text =
        "{\"s\":\"x\",\"i\":1,\"r\":1.0,\"b\":true,\"h\":\"0\",\"n\":null}";
    CHECK_OK(mal_json_parse(&o, mal_bytes_str(text), 1000));
    const char *s;
    int64_t i;
    bool b;
    uint8_t h[1];
    const mal_json *v;
    MAL_AUTO(mal_buf_clear) mal_buf buf = { 0 };
    CHECK_ERR(mal_json_get_str(o, "i", &s), MAL_E_INPUT);
    CHECK(strstr(mal_err_message(), "\"i\""));
    CHECK_ERR(mal_json_get_int(o, "s", &i), MAL_E_INPUT);
    CHECK_ERR(mal_json_get_int(o, "r", &i), MAL_E_INPUT);
    CHECK_ERR(mal_json_get_int(o, "b", &i), MAL_E_INPUT);
    CHECK_ERR(mal_json_get_bool(o, "i", &b), MAL_E_INPUT);
    CHECK_ERR(mal_json_get_object(o, "s", &v), MAL_E_INPUT);
    CHECK_ERR(mal_json_get_array(o, "n", &v), MAL_E_INPUT);
    CHECK_ERR(mal_json_get_hex(o, "h", h, 1), MAL_E_INPUT);
    CHECK_ERR(mal_json_get_hex(o, "i", h, 1), MAL_E_INPUT);
    CHECK_ERR(mal_json_get_base64(o, "h", &buf), MAL_E_INPUT);
    CHECK_ERR(mal_json_get_str(o, "absent", &s), MAL_E_INPUT);
    CHECK(strstr(mal_err_message(), "\"absent\""));
    CHECK_ERR(mal_json_get_str(NULL, "k", &s), MAL_E_INPUT);
}

TEST(refuses_members_a_strict_reader_does_not_know) {
    MAL_AUTO(mal_json_auto) mal_json *o = NULL;
    CHECK_OK(mal_json_parse(&o, mal_bytes_str("{\"a\":1,\"b\":2}"), 100));
    const char *keys[] = { "a", "b" };
    CHECK_OK(mal_json_only(o, keys, 2));
    CHECK_ERR(mal_json_only(o, keys, 1), MAL_E_INPUT);
    CHECK(strstr(mal_err_message(), "\"b\""));
}

TEST(refuses_to_build_what_json_cannot_say) {
    MAL_AUTO(mal_json_auto) mal_json *o = NULL;
    MAL_AUTO(mal_json_auto) mal_json *a = NULL;
    CHECK_OK(mal_json_new_object(&o));
    CHECK_OK(mal_json_new_array(&a));
    CHECK_OK(mal_json_put_int(o, "k", 1));
    CHECK_ERR(mal_json_put_int(o, "k", 1), MAL_E_STATE);
    CHECK_ERR(mal_json_put_int(a, "k", 1), MAL_E_STATE);
    CHECK_ERR(mal_json_add_int(o, 1), MAL_E_STATE);
    CHECK_ERR(mal_json_put_str(o, "s", "\xff"), MAL_E_INPUT);
    CHECK_ERR(mal_json_put_text(o, "s", mal_bytes_of("a\0b", 3)), MAL_E_INPUT);
    CHECK_ERR(mal_json_put_u64(o, "u", (uint64_t)1 << 63), MAL_E_LIMIT);
    CHECK_ERR(mal_json_put_real(o, "r", __builtin_inf()), MAL_E_INPUT);
    CHECK_EQ(mal_json_len(o), 1);
}

TEST_MAIN
