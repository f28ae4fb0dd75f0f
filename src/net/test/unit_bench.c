/* unit_bench.c - the bench prints its lines; ROWS=n for figures worth telling.
 */
#include "mal_test.h"

#include <malus/net.h>

TEST(the_bench_prints_one_object_a_line) {
    mal_buf lines = { 0 };
    const char *rows = getenv("ROWS");
    CHECK_OK(
        mal_net_bench(&lines, NULL, rows ? strtoull(rows, NULL, 10) : 100));
    const char *text;
    CHECK_OK(mal_buf_cstr(&lines, &text));
    for (const char *line = text; *line; line = strchr(line, '\n') + 1)
        printf("# %.*s\n", (int)strcspn(line, "\n"), line);
    CHECK(strstr(text, "\"name\":\"tls-loopback\""));
    CHECK(strstr(text, "\"name\":\"tcp-loopback\""));
    mal_buf_reset(&lines);
    CHECK_OK(mal_net_bench(&lines, "tcp-loopback", 10));
    CHECK_OK(mal_buf_cstr(&lines, &text));
    CHECK(!strstr(text, "tls-loopback"));
    CHECK_ERR(mal_net_bench(&lines, NULL, 0), MAL_E_INPUT);
    mal_buf_clear(&lines);
}

TEST_MAIN
