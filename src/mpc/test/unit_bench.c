/* The bench runs and prints lines of the common shape. */
#include <malus/mpc.h>
#include "mal_test.h"

TEST(a_small_bench_prints_one_object_a_line) {
    mal_buf lines = { 0 };
    const char *text;
    const char *rows = getenv("MAL_BENCH_ROWS");
    CHECK_OK(
        mal_mpc_bench(&lines, NULL, rows ? strtoull(rows, NULL, 10) : 20, 1));
    CHECK_OK(mal_buf_cstr(&lines, &text));
    for (const char *at = text; *at; at = strchr(at, '\n') + 1)
        printf("# %.*s\n", (int)strcspn(at, "\n"), at);
    CHECK(strstr(text, "{\"engine\":\"sum\",\"name\":\"sum-3-parties\""));
    CHECK(strstr(text, "\"cpu_seconds\":"));
    mal_buf_clear(&lines);
}

TEST(only_the_named_bench_runs) {
    mal_buf lines = { 0 };
    const char *text;
    CHECK_OK(mal_mpc_bench(&lines, "psi", 20, 1));
    CHECK_OK(mal_buf_cstr(&lines, &text));
    CHECK_EQ(strlen(text), 0);
    mal_buf_clear(&lines);
}

TEST(refuses_a_bench_of_nothing) {
    mal_buf lines = { 0 };
    CHECK_ERR(mal_mpc_bench(&lines, NULL, 0, 1), MAL_E_INPUT);
}

TEST_MAIN
