/* refuse_duck.c - what the cage does not let out, and what the parent does not
 * let in. */
#include "mal_test.h"

#include "../duck_impl.h"
#include <malus/duck.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

static mal_duck *start(unsigned timeout_ms) {
    mal_duck *duck = NULL;
    mal_duck_options options = { .timeout_ms = timeout_ms,
                                 .memory_max = (uint64_t)64 << 20 };
    mal_err err = mal_duck_start(&duck, &options);
    if (err == MAL_E_MISSING && strstr(mal_err_message(), "no malus-duck"))
        SKIP("malus-duck is not built: run tools/fetch_duckdb.sh");
    CHECK_OK(err);
    return duck;
}

static mal_err ask(mal_duck *duck, const char *sql, mal_duck_type type) {
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(1 << 22);
    mal_duck_batch b;
    if (!arena)
        return MAL_E_MEMORY;
    return mal_duck_query(duck, &b, arena, sql, &type, 1, 1000);
}

/* A refusal that the child survives. */
#define REFUSED(sql, type, class)                                              \
    do {                                                                       \
        CHECK_ERR(ask(duck, sql, type), class);                                \
        CHECK(mal_duck_alive(duck));                                           \
        CHECK_OK(ask(duck, "SELECT 1", MAL_DUCK_I64));                         \
    } while (0)

TEST(duckdb_can_read_no_file_and_load_no_extension) {
    MAL_AUTO(mal_duck_auto) mal_duck *duck = start(0);
    REFUSED("SELECT count(*) FROM read_csv('/etc/passwd')", MAL_DUCK_I64,
            MAL_E_INPUT);
    REFUSED("SELECT count(*) FROM read_text('/proc/self/environ')",
            MAL_DUCK_I64, MAL_E_INPUT);
    REFUSED("SELECT count(*) FROM read_csv('/proc/self/fd/64')", MAL_DUCK_I64,
            MAL_E_INPUT);
    REFUSED("SELECT count(*) FROM glob('/etc/*')", MAL_DUCK_I64, MAL_E_INPUT);
    REFUSED("SELECT count(*) FROM read_csv('https://example.org/x.csv')",
            MAL_DUCK_I64, MAL_E_INPUT);
    CHECK_ERR(mal_duck_run(duck, "INSTALL httpfs"), MAL_E_INPUT);
    CHECK_ERR(mal_duck_run(duck, "LOAD httpfs"), MAL_E_INPUT);
    CHECK_ERR(mal_duck_run(duck, "ATTACH '/tmp/x.db'"), MAL_E_INPUT);
    CHECK_ERR(mal_duck_run(duck, "COPY (SELECT 1) TO '/tmp/x.csv'"),
              MAL_E_INPUT);
}

TEST(the_configuration_is_locked) {
    MAL_AUTO(mal_duck_auto) mal_duck *duck = start(0);
    CHECK_ERR(mal_duck_run(duck, "SET enable_external_access=true"),
              MAL_E_INPUT);
    CHECK_ERR(mal_duck_run(duck, "SET lock_configuration=false"), MAL_E_INPUT);
    CHECK_ERR(mal_duck_run(duck, "SET memory_limit='100GB'"), MAL_E_INPUT);
    CHECK_ERR(mal_duck_run(duck, "SET threads=8"), MAL_E_INPUT);
    CHECK_ERR(mal_duck_run(duck, "SET allowed_paths=['/etc/passwd']"),
              MAL_E_INPUT);
    CHECK_ERR(mal_duck_run(duck, "PRAGMA enable_external_access=true"),
              MAL_E_INPUT);
}

TEST(taken_over_code_could_not_leave_the_cage_either) {
    static const char *const ways[] = { "socket", "unix", "open", "write",
                                        "fork",   "exec", "kill", "ptrace",
                                        "memfd",  "jit" };
    MAL_AUTO(mal_fd_auto) int fd = open("/dev/null", O_RDONLY);
    MAL_AUTO(mal_duck_auto) mal_duck *duck = start(0);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        CHECK_OK(mal_duck_provoke(duck, ways[i]));
    mal_duck_stop(duck);
    duck = NULL;
    /* With a file to read, opening exists; other files still do not. */
    char path[] = "/tmp/malus-duck-XXXXXX";
    int file = mkstemp(path);
    mal_duck_options options = { .files = &file, .n_files = 1 };
    CHECK_OK(mal_duck_start(&duck, &options));
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        CHECK_OK(mal_duck_provoke(duck, ways[i]));
    close(file);
    unlink(path);
}

TEST(doubles_decimals_and_wrong_types_are_refused_by_name) {
    MAL_AUTO(mal_duck_auto) mal_duck *duck = start(0);
    REFUSED("SELECT 1.5::DOUBLE", MAL_DUCK_I64, MAL_E_INPUT);
    CHECK(strstr(mal_err_message(), "1.5") == NULL);
    REFUSED("SELECT 1.5", MAL_DUCK_I64, MAL_E_INPUT);
    REFUSED("SELECT 'x'", MAL_DUCK_I64, MAL_E_INPUT);
    REFUSED("SELECT 1", MAL_DUCK_TEXT, MAL_E_INPUT);
    REFUSED("SELECT 1", MAL_DUCK_ID, MAL_E_INPUT);
    REFUSED("SELECT 1", MAL_DUCK_BOOL, MAL_E_INPUT);
    REFUSED("SELECT 1, 2", MAL_DUCK_I64, MAL_E_INPUT);
    REFUSED("SELECT nonsense", MAL_DUCK_I64, MAL_E_INPUT);
    REFUSED("SELECT 1; SELECT 2", MAL_DUCK_I64, MAL_E_INPUT);
}

TEST(a_sum_outside_int64_and_too_many_rows_are_limits) {
    MAL_AUTO(mal_duck_auto) mal_duck *duck = start(0);
    REFUSED("SELECT sum(x) FROM (VALUES (9223372036854775807), (1)) t(x)",
            MAL_DUCK_I64, MAL_E_LIMIT);
    REFUSED("SELECT sum(x) FROM (VALUES (-9223372036854775808), (-1)) t(x)",
            MAL_DUCK_I64, MAL_E_LIMIT);
    REFUSED("SELECT 9223372036854775808::UBIGINT", MAL_DUCK_I64, MAL_E_LIMIT);
    REFUSED("SELECT i FROM range(1001) t(i)", MAL_DUCK_I64, MAL_E_LIMIT);
    CHECK_OK(ask(duck, "SELECT i FROM range(1000) t(i)", MAL_DUCK_I64));
}

TEST(an_appetite_for_memory_is_the_jobs_error) {
    MAL_AUTO(mal_duck_auto) mal_duck *duck = start(0);
    CHECK_ERR(mal_duck_run(duck, "CREATE TABLE t AS SELECT md5(i::VARCHAR) m "
                                 "FROM range(20000000) t(i)"),
              MAL_E_LIMIT);
    CHECK(mal_duck_alive(duck));
    CHECK_OK(ask(duck, "SELECT 1", MAL_DUCK_I64));
}

TEST(a_query_that_hangs_ends_at_the_deadline) {
    MAL_AUTO(mal_duck_auto) mal_duck *duck = start(300);
    uint64_t before = mal_time_monotonic_ns();
    CHECK_ERR(ask(duck, "SELECT sum(i % 7) FROM range(1000000000000) t(i)",
                  MAL_DUCK_I64),
              MAL_E_TIMEOUT);
    CHECK(mal_time_monotonic_ns() - before < 3000000000u);
    CHECK(!mal_duck_alive(duck));
    CHECK_ERR(ask(duck, "SELECT 1", MAL_DUCK_I64), MAL_E_STATE);
}

static unsigned descriptors(void) {
    unsigned n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

TEST(a_crash_a_hang_an_exit_and_garbage_leave_the_parent_whole) {
    static const struct {
        const char *how;
        mal_err err;
    } cases[] = { { "crash", MAL_E_STATE },
                  { "exit", MAL_E_STATE },
                  { "hang", MAL_E_TIMEOUT },
                  { "garbage", MAL_E_PEER } };
    unsigned before = descriptors();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mal_duck *duck = start(300);
        CHECK_ERR(mal_duck_provoke(duck, cases[i].how), cases[i].err);
        CHECK(!mal_duck_alive(duck));
        CHECK_ERR(mal_duck_run(duck, "SELECT 1"), MAL_E_STATE);
        mal_duck_stop(duck);
    }
    CHECK_EQ(descriptors(), before);
    CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1);
}

TEST(two_requests_at_once_are_refused) {
    const mal_duck_type type = MAL_DUCK_I64;
    MAL_AUTO(mal_duck_auto) mal_duck *duck = start(0);
    mal_duck_batch b;
    CHECK_ERR(mal_duck_scan_next(duck, &b), MAL_E_STATE);
    CHECK_OK(mal_duck_scan_begin(duck, "SELECT 1", &type, 1, 1));
    CHECK_ERR(mal_duck_run(duck, "SELECT 1"), MAL_E_STATE);
    CHECK_ERR(mal_duck_scan_begin(duck, "SELECT 1", &type, 1, 1), MAL_E_STATE);
    CHECK_OK(mal_duck_scan_end(duck));
    CHECK_OK(mal_duck_run(duck, "SELECT 1"));
}

TEST(names_that_are_not_generated_ones_are_refused) {
    MAL_AUTO(mal_duck_auto) mal_duck *duck = start(0);
    mal_duck_column c = { .name = "ok", .type = MAL_DUCK_I64 };
    static const char *const bad[] = { "",   "A",   "a b",     "a\"",
                                       "1a", "a;b", "\xc3\xa4" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_ERR(mal_duck_table_create(duck, bad[i], &c, 1), MAL_E_INPUT);
        mal_duck_column d = { .name = bad[i], .type = MAL_DUCK_I64 };
        CHECK_ERR(mal_duck_table_create(duck, "t", &d, 1), MAL_E_INPUT);
    }
    CHECK_ERR(mal_duck_table_create(duck, "t", &c, 0), MAL_E_INPUT);
    CHECK_OK(mal_duck_table_create(duck, "t", &c, 1));
    CHECK_ERR(mal_duck_table_create(duck, "t", &c, 1), MAL_E_INPUT);
}

TEST(rows_of_another_shape_than_the_table_are_refused) {
    MAL_AUTO(mal_duck_auto) mal_duck *duck = start(0);
    int64_t v[] = { 1, 2 };
    mal_duck_column c = { .name = "a", .type = MAL_DUCK_I64, .i64 = v };
    mal_duck_column two[] = { c, c };
    mal_duck_batch b = { .rows = 2, .n = 2, .columns = two };
    CHECK_ERR(mal_duck_table_put(duck, "absent", &b), MAL_E_INPUT);
    CHECK_OK(mal_duck_table_create(duck, "t", &c, 1));
    CHECK_ERR(mal_duck_table_put(duck, "t", &b), MAL_E_INPUT);
    CHECK(mal_duck_alive(duck));
}

/* --- The parent's side of the border, without a child -------------------- */

static mal_err decode(const mal_buf *buf) {
    static mal_duck_column columns[MAL_DUCK_COLUMNS_MAX];
    mal_duck_batch b;
    return mal_duck_batch_get(&b, columns, mal_buf_view(buf));
}

TEST(a_batch_altered_in_any_length_or_flag_is_refused_or_harmless) {
    MAL_AUTO(mal_buf_clear) mal_buf good = { 0 }, bad = { 0 };
    int64_t ints[3] = { 1, 0, 3 }, bools[3] = { 1, 0, 1 };
    uint8_t null[3] = { 0, 1, 0 };
    uint32_t at[4] = { 0, 1, 1, 4 };
    mal_duck_column columns[] = {
        { .type = MAL_DUCK_I64, .i64 = ints, .null = null },
        { .type = MAL_DUCK_BOOL, .i64 = bools },
        { .type = MAL_DUCK_TEXT,
          .text = (const uint8_t *)"abcd",
          .text_at = at },
    };
    mal_duck_batch b = { .rows = 3, .n = 3, .columns = columns };
    CHECK_OK(mal_duck_batch_put(&good, &b, 0, 3));
    CHECK_OK(decode(&good));
    for (size_t n = 0; n < good.len; n++) { /* cut */
        mal_buf_reset(&bad);
        CHECK_OK(mal_buf_put(&bad, mal_bytes_of(good.ptr, n)));
        CHECK_ERR(decode(&bad), MAL_E_PEER);
    }
    mal_buf_reset(&bad);
    CHECK_OK(mal_buf_put(&bad, mal_buf_view(&good)));
    CHECK_OK(mal_buf_put_u64(&bad, 0));
    CHECK_ERR(decode(&bad), MAL_E_PEER);  /* lengthened */
    for (size_t i = 0; i < 8 + 24; i++) { /* the head: counts, types, flags */
        mal_buf_reset(&bad);
        CHECK_OK(mal_buf_put(&bad, mal_buf_view(&good)));
        bad.ptr[i] ^= 0x40;
        CHECK_ERR(decode(&bad), MAL_E_PEER);
    }
    mal_buf_reset(&bad);
    CHECK_OK(mal_buf_put(&bad, mal_buf_view(&good)));
    bad.ptr[32] = 2; /* a NULL flag */
    CHECK_ERR(decode(&bad), MAL_E_PEER);
}

TEST(a_frame_header_of_another_protocol_kind_or_size_is_refused) {
    uint8_t h[16] = { 0 };
    duck_kind kind;
    size_t len;
    mal_store_u32le(h, DUCK_MAGIC);
    mal_store_u32le(h + 4, DUCK_OK);
    CHECK_OK(mal_duck_frame_header(&kind, &len, h));
    mal_store_u32le(h + 4, DUCK_KINDS);
    CHECK_ERR(mal_duck_frame_header(&kind, &len, h), MAL_E_PEER);
    mal_store_u32le(h + 4, 0);
    CHECK_ERR(mal_duck_frame_header(&kind, &len, h), MAL_E_PEER);
    mal_store_u32le(h + 4, DUCK_OK);
    mal_store_u64le(h + 8, DUCK_FRAME_MAX + 1);
    CHECK_ERR(mal_duck_frame_header(&kind, &len, h), MAL_E_PEER);
    mal_store_u64le(h + 8, 0);
    h[0] ^= 1;
    CHECK_ERR(mal_duck_frame_header(&kind, &len, h), MAL_E_PEER);
}

TEST(options_out_of_range_and_a_missing_helper_are_refused) {
    mal_duck *duck = NULL;
    CHECK_ERR(mal_duck_start(&duck, &(mal_duck_options){ .memory_max = 1 }),
              MAL_E_INPUT);
    CHECK_ERR(mal_duck_start(&duck, &(mal_duck_options){ .threads = 65 }),
              MAL_E_INPUT);
    CHECK_ERR(mal_duck_start(&duck, &(mal_duck_options){ .temp_dir = "rel" }),
              MAL_E_INPUT);
    CHECK_ERR(
        mal_duck_start(&duck, &(mal_duck_options){ .temp_dir = "/tmp/'x" }),
        MAL_E_INPUT);
    const char *old = getenv("MAL_DUCK_PATH");
    char *kept = old ? strdup(old) : NULL;
    setenv("MAL_DUCK_PATH", "/no/such/helper", 1);
    CHECK_ERR(mal_duck_start(&duck, NULL), MAL_E_MISSING);
    setenv("MAL_DUCK_PATH", "/bin/true", 1);
    CHECK_ERR(mal_duck_start(&duck, NULL), MAL_E_MISSING);
    unsetenv("MAL_DUCK_PATH");
    if (kept)
        setenv("MAL_DUCK_PATH", kept, 1);
    free(kept);
    CHECK(duck == NULL);
}

TEST(the_nth_failing_allocation_fails_the_call_and_leaks_nothing) {
    unsigned before = descriptors();
    mal_duck *probe = start(0);
    mal_duck_stop(probe);
    for (uint64_t n = 1;; n++) {
        mal_duck *duck = NULL;
        mal_alloc_fail_at(n);
        uint64_t count = mal_alloc_count();
        mal_err err = mal_duck_start(&duck, NULL);
        if (err == MAL_OK)
            err = ask(duck, "SELECT 1", MAL_DUCK_I64);
        mal_alloc_fail_at(0);
        mal_duck_stop(duck);
        CHECK(err == MAL_OK || err == MAL_E_MEMORY || err == MAL_E_LIMIT);
        if (err == MAL_OK && n > mal_alloc_count() - count)
            break;
        CHECK(n < 100);
    }
    CHECK_EQ(descriptors(), before);
}

TEST_MAIN
