/* The bench prints what the house has agreed on. */
#include "mal_test.h"
#include <malus/dp.h>
#include <malus/json.h>

TEST(each_line_is_an_object_with_the_agreed_members) {
    MAL_AUTO(mal_buf_clear) mal_buf lines = { 0 };
    const char *text, *engine;
    int n = 0;
    CHECK_OK(mal_dp_bench(&lines, NULL, 64, 2));
    CHECK_OK(mal_buf_cstr(&lines, &text));
    while (*text) {
        const char *end = strchr(text, '\n');
        mal_json *json = NULL;
        uint64_t rows, threads;
        const mal_json *ns;
        CHECK(end);
        CHECK_OK(mal_json_parse(&json, mal_bytes_of(text, (size_t)(end - text)),
                                4096));
        CHECK_OK(mal_json_get_str(json, "engine", &engine));
        CHECK_STR(engine, "dp");
        CHECK_OK(mal_json_get_u64(json, "rows", &rows));
        CHECK_OK(mal_json_get_u64(json, "threads", &threads));
        CHECK_OK(mal_json_get(json, "ns_per_row", &ns));
        CHECK_EQ(rows, 64);
        CHECK_EQ(threads, 2);
        mal_json_free(json);
        text = end + 1;
        n++;
    }
    CHECK(n >= 6);
}

TEST(no_rows_or_threads_are_refused) {
    MAL_AUTO(mal_buf_clear) mal_buf lines = { 0 };
    CHECK_ERR(mal_dp_bench(&lines, NULL, 1, 2), MAL_E_INPUT);
    CHECK_ERR(mal_dp_bench(&lines, NULL, 1, 0), MAL_E_INPUT);
}

TEST_MAIN
