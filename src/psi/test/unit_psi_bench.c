/* The bench runs two processes, checks their answer, and prints one object a
 * line. */
#include "mal_test.h"

#include <malus/psi.h>

static unsigned lines_of(const char *text) {
    unsigned n = 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

TEST(a_small_bench_prints_both_securities) {
    MAL_AUTO(mal_buf_clear) mal_buf lines = { 0 };
    const char *text;
    CHECK_OK(mal_psi_bench(&lines, NULL, 300, 1));
    CHECK_OK(mal_buf_cstr(&lines, &text));
    CHECK_EQ(lines_of(text), 2);
    CHECK(strstr(text, "\"name\":\"semi-honest\",\"rows\":300,\"threads\":1"));
    CHECK(strstr(text, "\"name\":\"malicious\""));
    CHECK(strstr(text, "\"cpu_receiver\":") && strstr(text, "\"rss_sender\":"));
}

TEST(files_run_where_they_are_named) {
    MAL_AUTO(mal_buf_clear) mal_buf lines = { 0 };
    const char *text;
    CHECK_OK(mal_psi_bench(&lines, "csv", 3001, 1));
    CHECK_OK(mal_buf_cstr(&lines, &text));
    CHECK_EQ(lines_of(text), 1);
    CHECK(strstr(text, "\"name\":\"csv\",\"rows\":3001"));
}

TEST(refuses_a_bench_of_nothing) {
    MAL_AUTO(mal_buf_clear) mal_buf lines = { 0 };
    CHECK_ERR(mal_psi_bench(&lines, NULL, 0, 1), MAL_E_INPUT);
    CHECK_ERR(mal_psi_bench(&lines, NULL, MAL_PSI_SET_MAX + 1, 1), MAL_E_INPUT);
    CHECK_OK(mal_psi_bench(&lines, "no such", 10, 1));
    CHECK_EQ(lines.len, 0);
}

TEST_MAIN
