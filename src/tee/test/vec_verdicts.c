/* vec_verdicts.c - the whole published list: of each case verdict and code. */
#include "cases.h"

static void nonce_of(mal_case *c, const mal_json *entry, uint8_t room[128]) {
    const mal_json *value = mal_json_find(entry, "nonce");
    if (!value || mal_json_kind_of(value) == MAL_JSON_NULL)
        return;
    const char *hex = case_str(entry, "nonce");
    size_t len = strlen(hex) / 2;
    CHECK(len <= 128);
    CHECK_OK(mal_hex_decode(room, len, hex));
    c->input.nonce = mal_bytes_of(room, len);
    c->input.has_nonce = true;
}

static bool exact(const mal_json *entry) {
    MAL_AUTO(case_clear) mal_case c = { 0 };
    uint8_t nonce[128];
    case_load(&c, entry);
    nonce_of(&c, entry, nonce);
    case_judge(&c);
    const char *answer = mal_tee_answer_name(c.verdict.answer);
    const char *code = mal_tee_code_name(c.verdict.code);
    bool same = strcmp(answer, case_str(entry, "verdict")) == 0 &&
                strcmp(code, case_str(entry, "code")) == 0;
    if (!same)
        printf("# %s: %s %s, not %s %s\n", case_str(entry, "id"), answer, code,
               case_str(entry, "verdict"), case_str(entry, "code"));
    return same;
}

TEST(each_case_of_the_published_list_has_its_verdict) {
    MAL_AUTO(mal_json_auto) mal_json *list = case_list();
    const mal_json *all = mal_json_find(list, "vectors");
    size_t n = 0;
    for (size_t i = 0; i < mal_json_len(all); i++)
        n += exact(mal_json_at(all, i));
    printf("# %zu of %zu exact\n", n, mal_json_len(all));
    CHECK(n > 100 && n == mal_json_len(all));
}

/* The same bytes for the same input, whatever was judged before. */
TEST(a_verdict_is_the_same_text_each_time) {
    MAL_AUTO(mal_json_auto) mal_json *list = case_list();
    const mal_json *all = mal_json_find(list, "vectors");
    for (size_t i = 0; i < mal_json_len(all); i += 5) {
        mal_buf text[2] = { 0 };
        for (size_t round = 0; round < 2; round++) {
            MAL_AUTO(case_clear) mal_case c = { 0 };
            MAL_AUTO(mal_json_auto) mal_json *json = NULL;
            case_load(&c, mal_json_at(all, i));
            case_judge(&c);
            CHECK_OK(mal_tee_verdict_json(&json, &c.verdict));
            CHECK_OK(mal_json_dump(&text[round], json));
        }
        CHECK(mal_bytes_same_vartime(mal_buf_view(&text[0]),
                                     mal_buf_view(&text[1])));
        mal_buf_clear(&text[0]);
        mal_buf_clear(&text[1]);
    }
}

TEST_MAIN
