/* The bench runs and prints lines of the common shape. */
#include "mal_test.h"
#include <malus/share3.h>

TEST(a_small_bench_prints_one_object_a_line) {
    mal_buf lines = { 0 };
    const char *text;
    const char *rows = getenv("MAL_BENCH_ROWS");
    CHECK_OK(mal_share3_bench(&lines, NULL,
                              rows ? strtoull(rows, NULL, 10) : 1000, 1,
                              MAL_SHARE3_SEMI_HONEST));
    CHECK_OK(mal_buf_cstr(&lines, &text));
    for (const char *at = text; *at; at = strchr(at, '\n') + 1)
        printf("# %.*s\n", (int)strcspn(at, "\n"), at);
    CHECK(strstr(text, "{\"engine\":\"share3\",\"name\":\"mul64\""));
    CHECK(strstr(text, "\"name\":\"lt64\""));
    CHECK(strstr(text, "\"cpu_ns_per_row\":"));
    mal_buf_clear(&lines);
}

TEST(only_the_named_bench_runs) {
    mal_buf lines = { 0 };
    const char *text;
    CHECK_OK(mal_share3_bench(&lines, "eq64", 20, 1, MAL_SHARE3_SEMI_HONEST));
    CHECK_OK(mal_buf_cstr(&lines, &text));
    CHECK(strstr(text, "eq64") && !strstr(text, "mul64"));
    mal_buf_clear(&lines);
}

TEST(refuses_a_bench_of_nothing_or_of_no_such_name) {
    mal_buf lines = { 0 };
    CHECK_ERR(mal_share3_bench(&lines, NULL, 0, 1, MAL_SHARE3_SEMI_HONEST),
              MAL_E_INPUT);
    CHECK_ERR(mal_share3_bench(&lines, "mul65", 9, 1, MAL_SHARE3_SEMI_HONEST),
              MAL_E_INPUT);
}

TEST_MAIN
