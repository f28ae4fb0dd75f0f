/* unit_json.c - what is read, built and printed. */
#include "mal_test.h"
#include <malus/json.h>

static mal_json *parse(const char *text) {
    mal_json *json;
    CHECK_OK(mal_json_parse(&json, mal_bytes_str(text), 1 << 20));
    return json;
}

static const char *dump(const mal_json *json) {
    static mal_buf buf;
    const char *text;
    mal_buf_reset(&buf);
    CHECK_OK(mal_json_dump(&buf, json));
    CHECK_OK(mal_buf_cstr(&buf, &text));
    return text;
}

TEST(reads_every_type) {
    MAL_AUTO(mal_json_auto)
    mal_json *o = parse(" {\"s\":\"h\\u00e9\",\"i\":-9223372036854775808,"
                        "\"r\":1.5,\"t\":true,\"n\":null,\"a\":[1,2],"
                        "\"h\":\"00ff\",\"b\":\"AAEC\"}\n");
    const char *s;
    int64_t i;
    uint64_t u;
    double r;
    bool t;
    const mal_json *v;
    uint8_t h[2];
    CHECK_OK(mal_json_get_str(o, "s", &s));
    CHECK_STR(s, "h\xc3\xa9");
    CHECK_OK(mal_json_get_int(o, "i", &i));
    CHECK(i == INT64_MIN);
    CHECK_ERR(mal_json_get_u64(o, "i", &u), MAL_E_INPUT);
    CHECK_OK(mal_json_get(o, "r", &v));
    CHECK_OK(mal_json_as_real(v, "r", &r));
    CHECK(r == 1.5);
    CHECK_OK(mal_json_get_bool(o, "t", &t));
    CHECK(t);
    CHECK_EQ(mal_json_kind_of(mal_json_find(o, "n")), MAL_JSON_NULL);
    CHECK_OK(mal_json_get_array(o, "a", &v));
    CHECK_EQ(mal_json_len(v), 2);
    CHECK_OK(mal_json_as_int(mal_json_at(v, 1), "a[1]", &i));
    CHECK_EQ(i, 2);
    CHECK(mal_json_at(v, 2) == NULL);
    CHECK_OK(mal_json_get_hex(o, "h", h, 2));
    CHECK(h[0] == 0 && h[1] == 255);
    MAL_AUTO(mal_buf_clear) mal_buf b = { 0 };
    CHECK_OK(mal_json_get_base64(o, "b", &b));
    CHECK(b.len == 3 && b.ptr[2] == 2);
}

TEST(prints_equal_values_as_equal_text_whatever_the_order) {
    MAL_AUTO(mal_json_auto)
    mal_json *a = parse("{\"b\": 1, \"a\": {\"d\": [], \"c\": \"/\\n\"}}");
    MAL_AUTO(mal_json_auto)
    mal_json *b = parse("{\"a\":{\"c\":\"\\/\\u000a\",\"d\":[ ]},\"b\":1}");
    CHECK_STR(dump(a), "{\"a\":{\"c\":\"/\\n\",\"d\":[]},\"b\":1}");
    CHECK_STR(dump(b), "{\"a\":{\"c\":\"/\\n\",\"d\":[]},\"b\":1}");
}

TEST(builds_what_it_then_prints) {
    MAL_AUTO(mal_json_auto) mal_json *o = NULL;
    mal_json *list, *child;
    CHECK_OK(mal_json_new_object(&o));
    CHECK_OK(mal_json_put_str(o, "z", "last"));
    CHECK_OK(mal_json_put_u64(o, "u", 7));
    CHECK_OK(mal_json_put_bool(o, "t", true));
    CHECK_OK(mal_json_put_null(o, "n"));
    CHECK_OK(mal_json_put_real(o, "r", 0.5));
    CHECK_OK(mal_json_put_hex(o, "h", mal_bytes_of("\x01\xab", 2)));
    CHECK_OK(mal_json_put_base64(o, "b", mal_bytes_of("", 0)));
    CHECK_OK(mal_json_put_array(o, "l", &list));
    CHECK_OK(mal_json_add_int(list, -1));
    CHECK_OK(mal_json_add_object(list, &child));
    CHECK_OK(mal_json_put_str(child, "k", "v"));
    CHECK_STR(dump(o), "{\"b\":\"\",\"h\":\"01ab\",\"l\":[-1,{\"k\":\"v\"}],"
                       "\"n\":null,\"r\":0.5,\"t\":true,\"u\":7,"
                       "\"z\":\"last\"}");
}

TEST(walks_members_in_the_order_of_insertion) {
    MAL_AUTO(mal_json_auto) mal_json *o = parse("{\"b\":1,\"a\":2,\"c\":3}");
    char seen[4] = "";
    int n = 0;
    for (mal_json_iter it = mal_json_begin(o); mal_json_next(&it);)
        seen[n++] = it.key[0];
    CHECK_STR(seen, "bac");
}

TEST(a_copy_may_be_changed_without_touching_the_original) {
    MAL_AUTO(mal_json_auto) mal_json *o = parse("{\"a\":[1,2],\"b\":1}");
    MAL_AUTO(mal_json_auto) mal_json *c = NULL;
    CHECK_OK(mal_json_copy(&c, o));
    mal_json_remove(c, "b");
    const mal_json *list = mal_json_find(c, "a");
    MAL_AUTO(mal_json_auto) mal_json *mine = mal_json_ref(list);
    mal_json_remove_at(mine, 0);
    CHECK_STR(dump(c), "{\"a\":[2]}");
    CHECK_STR(dump(o), "{\"a\":[1,2],\"b\":1}");
}

TEST(takes_exactly_the_greatest_depth) {
    char text[2 * MAL_JSON_DEPTH_MAX + 1];
    memset(text, '[', MAL_JSON_DEPTH_MAX);
    memset(text + MAL_JSON_DEPTH_MAX, ']', MAL_JSON_DEPTH_MAX);
    text[2 * MAL_JSON_DEPTH_MAX] = 0;
    MAL_AUTO(mal_json_auto) mal_json *o = parse(text);
    CHECK_EQ(mal_json_kind_of(o), MAL_JSON_ARRAY);
}

TEST(brackets_inside_strings_are_not_depth) {
    char text[256] = "\"\\\"";
    memset(text + 3, '[', 200);
    text[203] = '"';
    MAL_AUTO(mal_json_auto) mal_json *o = parse(text);
    CHECK_EQ(mal_json_kind_of(o), MAL_JSON_STRING);
}

TEST_MAIN
