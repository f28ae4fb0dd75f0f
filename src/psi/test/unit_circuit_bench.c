/* The bench runs, checks its answer and prints lines of the common shape. */
#include <malus/psi.h>
#include "mal_test.h"

TEST(a_small_bench_prints_one_object_a_line) {
    MAL_AUTO(mal_buf_clear) mal_buf lines = { 0 };
    const char *text;
    CHECK_OK(mal_psi_circuit_bench(&lines, NULL, 100, 1));
    CHECK_OK(mal_buf_cstr(&lines, &text));
    CHECK(
        strstr(text, "{\"engine\":\"psi\",\"name\":\"circuit\",\"rows\":100"));
    CHECK(strstr(text, "\"name\":\"circuit-wide\""));
    CHECK(strstr(text, "\"cpu_seconds\":"));
}

TEST(only_the_named_bench_runs_and_none_of_nothing) {
    MAL_AUTO(mal_buf_clear) mal_buf lines = { 0 };
    const char *text;
    CHECK_OK(mal_psi_circuit_bench(&lines, "circuit", 20, 1));
    CHECK_OK(mal_buf_cstr(&lines, &text));
    CHECK(!strstr(text, "circuit-wide"));
    CHECK_ERR(mal_psi_circuit_bench(&lines, NULL, 0, 1), MAL_E_INPUT);
}

TEST_MAIN
