/* unit_duck.c - what the cage gives, and what it keeps in. */
#include "mal_test.h"

#include <malus/duck.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>

static mal_duck *start(unsigned timeout_ms) {
    mal_duck *duck = NULL;
    mal_duck_options options = { .timeout_ms = timeout_ms,
                                 .memory_max = (uint64_t)128 << 20 };
    mal_err err = mal_duck_start(&duck, &options);
    if (err == MAL_E_MISSING && strstr(mal_err_message(), "no malus-duck"))
        SKIP("malus-duck is not built: run tools/fetch_duckdb.sh");
    CHECK_OK(err);
    return duck;
}

static unsigned descriptors(void) {
    unsigned n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

/* A file that the child may read, open in this process. */
static int file_of(const char *text) {
    char path[] = "/tmp/malus-duck-XXXXXX";
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    unlink(path);
    CHECK_OK(mal_fd_write(fd, mal_bytes_str(text)));
    return fd;
}

static int64_t one_int(mal_duck *duck, const char *sql) {
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(1 << 20);
    const mal_duck_type type = MAL_DUCK_I64;
    mal_duck_batch b;
    CHECK_OK(mal_duck_query(duck, &b, arena, sql, &type, 1, 1));
    CHECK_EQ(b.rows, 1);
    return b.columns[0].i64[0];
}

TEST(a_child_starts_says_its_version_and_leaves_nothing_behind) {
    unsigned before = descriptors();
    mal_duck *duck = start(0);
    CHECK(mal_duck_version(duck)[0] == 'v');
    CHECK_EQ(one_int(duck, "SELECT 42"), 42);
    CHECK(mal_duck_cpu_ns(duck) > 0);
    mal_duck_stop(duck);
    CHECK_EQ(descriptors(), before);
    CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1); /* no child at all */
}

TEST(every_type_crosses_the_border_both_ways_with_its_nulls) {
    enum { N = 5000 };
    static int64_t ints[N], bools[N];
    static uint8_t ids[N * 16], null[N], text[N * 4];
    static uint32_t at[N + 1];
    uint64_t seed = mal_test_seed();
    for (size_t i = 0; i < N; i++) {
        null[i] = i % 7 == 0;
        ints[i] = null[i] ? 0 : (int64_t)mal_test_rand(&seed);
        bools[i] = null[i] ? 0 : i % 2;
        for (int k = 0; k < 16; k++)
            ids[i * 16 + k] = null[i] ? 0 : (uint8_t)mal_test_rand(&seed);
        unsigned len = null[i] ? 0 : (unsigned)(i % 5);
        memset(text + at[i], 'a' + (int)(i % 26), len);
        at[i + 1] = at[i] + len;
    }
    mal_duck_column columns[] = {
        { .name = "n", .type = MAL_DUCK_I64, .i64 = ints, .null = null },
        { .name = "b", .type = MAL_DUCK_BOOL, .i64 = bools, .null = null },
        { .name = "k", .type = MAL_DUCK_ID, .id = ids, .null = null },
        { .name = "s",
          .type = MAL_DUCK_TEXT,
          .text = text,
          .text_at = at,
          .null = null },
    };
    mal_duck_batch in = { .rows = N, .n = 4, .columns = columns }, out;
    const mal_duck_type types[] = { MAL_DUCK_I64, MAL_DUCK_BOOL, MAL_DUCK_ID,
                                    MAL_DUCK_TEXT };
    MAL_AUTO(mal_duck_auto) mal_duck *duck = start(0);
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(1 << 24);

    CHECK_OK(mal_duck_table_create(duck, "t", columns, 4));
    CHECK_OK(mal_duck_table_put(duck, "t", &in));
    CHECK_OK(mal_duck_query(duck, &out, arena, "SELECT n, b, k, s FROM t",
                            types, 4, N));
    CHECK_EQ(out.rows, N);
    CHECK(memcmp(out.columns[0].i64, ints, sizeof ints) == 0);
    CHECK(memcmp(out.columns[1].i64, bools, sizeof bools) == 0);
    CHECK(memcmp(out.columns[2].id, ids, sizeof ids) == 0);
    CHECK(memcmp(out.columns[3].text_at, at, sizeof at) == 0);
    CHECK(memcmp(out.columns[3].text, text, at[N]) == 0);
    for (int i = 0; i < 4; i++)
        CHECK(memcmp(out.columns[i].null, null, N) == 0);
}

TEST(ids_are_equal_and_ordered_as_their_bytes_are) {
    uint8_t ids[4 * 16] = { 0 };
    ids[0] = 0xff; /* the largest by bytes, negative as a number */
    ids[16] = 0x7f, ids[31] = 1;
    ids[32] = 0x80;
    mal_duck_column column = { .name = "k", .type = MAL_DUCK_ID, .id = ids };
    mal_duck_batch in = { .rows = 4, .n = 1, .columns = &column }, out;
    const mal_duck_type type = MAL_DUCK_ID;
    MAL_AUTO(mal_duck_auto) mal_duck *duck = start(0);
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(1 << 20);

    CHECK_OK(mal_duck_table_create(duck, "t", &column, 1));
    CHECK_OK(mal_duck_table_put(duck, "t", &in));
    CHECK_OK(mal_duck_query(duck, &out, arena, "SELECT k FROM t ORDER BY k",
                            &type, 1, 4));
    CHECK_EQ(out.columns[0].id[0], 0x00);
    CHECK_EQ(out.columns[0].id[16], 0x7f);
    CHECK_EQ(out.columns[0].id[32], 0x80);
    CHECK_EQ(out.columns[0].id[48], 0xff);
    CHECK_EQ(one_int(duck, "SELECT count(*) FROM t WHERE k = "
                           "'7f000000-0000-0000-0000-000000000001'::UUID"),
             1);
}

TEST(integers_of_every_width_arrive_and_sums_stay_exact) {
    MAL_AUTO(mal_duck_auto) mal_duck *duck = start(0);
    CHECK_EQ(one_int(duck, "SELECT (-5)::TINYINT"), -5);
    CHECK_EQ(one_int(duck, "SELECT 65535::USMALLINT"), 65535);
    CHECK_EQ(one_int(duck, "SELECT (-70000)::INTEGER"), -70000);
    CHECK(one_int(duck, "SELECT 9223372036854775807::UBIGINT") == INT64_MAX);
    CHECK(one_int(duck, "SELECT sum(x) FROM (VALUES (-9223372036854775808), "
                        "(0)) t(x)") == INT64_MIN);
}

TEST(a_scan_streams_in_bounded_batches_in_order) {
    const mal_duck_type types[] = { MAL_DUCK_I64, MAL_DUCK_TEXT };
    MAL_AUTO(mal_duck_auto) mal_duck *duck = start(0);
    mal_duck_batch b;
    int64_t next = 0, batches = 0;

    CHECK_OK(mal_duck_scan_begin(
        duck, "SELECT i, 'row ' || i FROM range(300000) t(i)", types, 2,
        300000));
    for (;;) {
        CHECK_OK(mal_duck_scan_next(duck, &b));
        if (b.rows == 0)
            break;
        CHECK(b.rows <= MAL_DUCK_BATCH_ROWS);
        for (size_t i = 0; i < b.rows; i++)
            CHECK(b.columns[0].i64[i] == next + (int64_t)i);
        next += (int64_t)b.rows;
        batches++;
    }
    CHECK_EQ(next, 300000);
    CHECK(batches >= 5);
    CHECK_OK(mal_duck_scan_next(duck, &b)); /* the end stays the end */
    CHECK_EQ(b.rows, 0);
    CHECK_OK(mal_duck_scan_end(duck));
    /* Leaving early is fine too. */
    CHECK_OK(mal_duck_scan_begin(duck,
                                 "SELECT i, 'x' FROM range(9000000) "
                                 "t(i)",
                                 types, 2, 9000000));
    CHECK_OK(mal_duck_scan_next(duck, &b));
    CHECK_OK(mal_duck_scan_end(duck));
    CHECK_EQ(one_int(duck, "SELECT 7"), 7);
}

TEST(large_cells_are_split_over_batches) {
    const mal_duck_type type = MAL_DUCK_TEXT;
    MAL_AUTO(mal_duck_auto) mal_duck *duck = start(0);
    mal_duck_batch b;
    size_t rows = 0, most = 0;

    CHECK_OK(mal_duck_scan_begin(
        duck, "SELECT repeat('x', 1000000) FROM range(50)", &type, 1, 50));
    for (;;) {
        CHECK_OK(mal_duck_scan_next(duck, &b));
        if (b.rows == 0)
            break;
        rows += b.rows;
        most = b.rows > most ? b.rows : most;
    }
    CHECK_EQ(rows, 50);
    CHECK(most < 25);
    CHECK_OK(mal_duck_scan_end(duck));
}

TEST(a_given_file_is_read_as_csv_and_as_parquet_would_be) {
    MAL_AUTO(mal_fd_auto) int fd = file_of("a,b\n1,x\n2,\n3,\"y,z\"\n");
    mal_duck_options options = { .files = &fd, .n_files = 1 };
    MAL_AUTO(mal_duck_auto) mal_duck *duck = start(0);
    mal_duck_stop(duck);
    duck = NULL;
    CHECK_OK(mal_duck_start(&duck, &options));
    CHECK_STR(mal_duck_file_path(0), "/proc/self/fd/64");
    CHECK_EQ(one_int(duck, "SELECT sum(a::BIGINT) FROM read_csv("
                           "'/proc/self/fd/64', all_varchar=true, "
                           "header=true)"),
             6);
}

TEST(a_folder_to_spill_into_is_used_and_nothing_else) {
    const char *dir = mal_test_dir();
    mal_duck_options options = { .temp_dir = dir,
                                 .memory_max = (uint64_t)48 << 20 };
    MAL_AUTO(mal_duck_auto) mal_duck *duck = start(0);
    mal_duck_stop(duck);
    duck = NULL;
    CHECK_OK(mal_duck_start(&duck, &options));
    CHECK_EQ(one_int(duck, "SELECT count(*) FROM (SELECT i, md5(i::VARCHAR) "
                           "m FROM range(2000000) t(i) ORDER BY m)"),
             2000000);
    CHECK_OK(mal_duck_run(duck, "CREATE TABLE big AS SELECT i, "
                                "md5(i::VARCHAR) m FROM range(1500000) t(i)"));
    CHECK_OK(mal_duck_provoke(duck, "write"));
    mal_duck_stop(duck);
    duck = NULL;
    CHECK_OK(mal_dir_remove(dir));
}

TEST_MAIN
