/* The bench lines are there, and tell what ran. */
#include <malus/oblivious.h>

#include "mal_test.h"

TEST(each_bench_line_says_what_ran) {
    MAL_AUTO(mal_buf_clear) mal_buf lines = { 0 };
    const char *text = NULL;
    const char *env = getenv("OBL_BENCH_ROWS");
    CHECK_OK(mal_obl_bench(&lines, getenv("OBL_BENCH_ONLY"),
                           env ? strtoull(env, NULL, 10) : 300, 1,
                           getenv("OBL_BENCH_MAL") ? MAL_SHARE3_MALICIOUS
                                                   : MAL_SHARE3_SEMI_HONEST));
    CHECK_OK(mal_buf_cstr(&lines, &text));
    for (const char *at = text; *at; at += strcspn(at, "\n") + 1)
        printf("# %.*s\n", (int)strcspn(at, "\n"), at);
    if (env)
        return;
    CHECK(strstr(text, "\"name\":\"join\""));
    CHECK(strstr(text, "\"name\":\"join-ranked\""));
    CHECK(strstr(text, "\"name\":\"group-by\""));
    CHECK(strstr(text, "\"name\":\"q3-ranked\""));
    CHECK(mal_obl_bench_has("q3") && !mal_obl_bench_has("mul64"));
}

TEST_MAIN
