/* vec_cells.c - published vectors: UID2's normalisation, SipHash. */
#include "store_test.h"

#include <malus/json.h>

static const mal_json *list_of(const mal_json *o, const char *key, size_t *n) {
    const mal_json *list;
    CHECK_OK(mal_json_get_array(o, key, &list));
    *n = mal_json_len(list);
    return list;
}

static bool normalise(const char *in, char *out, size_t *len, bool *changed) {
    bool ok = mal_store_normalise((uint8_t *)out, len, changed, STORE_UID2_1,
                                  mal_bytes_str(in));
    out[*len] = 0;
    return ok;
}

static mal_json *vectors(void) {
    MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
    mal_json *json;
    CHECK_OK(mal_file_read(
        &bytes, mal_test_vector("ingress/normalise-uid2.json"), 1 << 20));
    CHECK_OK(mal_json_parse(&json, mal_buf_view(&bytes), 1 << 20));
    return json;
}

TEST(every_uid2_email_normalises_as_published) {
    MAL_AUTO(mal_json_auto) mal_json *json = vectors();
    char out[4096];
    size_t n, len;
    bool changed;
    const mal_json *list = list_of(json, "email_valid", &n);
    CHECK_EQ(n, 26);
    for (size_t i = 0; i < n; i++) {
        const mal_json *c = mal_json_at(list, i);
        const char *in, *want, *sha;
        MAL_AUTO(mal_buf_clear) mal_buf b64 = { 0 };
        mal_prim_hash hash;
        CHECK_OK(mal_json_get_str(c, "input", &in));
        CHECK_OK(mal_json_get_str(c, "normalized", &want));
        CHECK_OK(mal_json_get_str(c, "sha256_base64", &sha));
        CHECK_THAT(normalise(in, out, &len, &changed), "%s refused", in);
        CHECK_STR(out, want);
        CHECK(changed == (strcmp(in, want) != 0));
        mal_prim_sha256_of(&hash, mal_bytes_str(out));
        CHECK_OK(mal_base64_encode(&b64, mal_bytes_of(hash.b, 32)));
        CHECK(mal_bytes_same_vartime(mal_buf_view(&b64), mal_bytes_str(sha)));
    }
}

static void check_texts(const char *key, size_t count, bool good) {
    MAL_AUTO(mal_json_auto) mal_json *json = vectors();
    char out[4096];
    size_t n, len;
    bool changed;
    const mal_json *list = list_of(json, key, &n);
    CHECK_EQ(n, count);
    for (size_t i = 0; i < n; i++) {
        const char *text;
        CHECK_OK(mal_json_as_str(mal_json_at(list, i), "text", &text));
        CHECK_THAT(normalise(text, out, &len, &changed) == good, "\"%s\"",
                   text);
        if (good)
            CHECK_STR(out, text);
    }
}

TEST(every_published_non_email_is_refused) {
    check_texts("email_invalid", 11, false);
}

TEST(every_published_non_number_is_refused) {
    check_texts("phone_e164_invalid", 23, false);
}

TEST(every_published_number_is_kept_as_it_is) {
    check_texts("phone_e164_valid", 6, true);
}

TEST(raw_keeps_the_bytes) {
    static const uint8_t in[] = { ' ', 'A', 0xff, 0, '@', ' ' };
    uint8_t out[sizeof in];
    size_t len;
    bool changed;
    CHECK(mal_store_normalise(out, &len, &changed, STORE_RAW_1,
                              mal_bytes_of(in, sizeof in)));
    CHECK(len == sizeof in && memcmp(in, out, len) == 0 && !changed);
    CHECK(!mal_store_normalise(out, &len, &changed, STORE_RAW_1,
                               mal_bytes_of(in, 0)));
}

/* [AB12], appendix A: key 00..0f, message 00..0e. */
TEST(siphash_gives_its_papers_answer) {
    uint8_t key[16], in[15];
    for (uint8_t i = 0; i < 16; i++)
        key[i] = i;
    for (uint8_t i = 0; i < 15; i++)
        in[i] = i;
    CHECK(mal_store_siphash(key, in, 15) == 0xa129ca6149be45e5u);
}

TEST_MAIN
