/* unit_db.c - values come back, and a commit survives kill -9. */
#include "mal_test.h"
#include <malus/db.h>

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

static const char *path_in(const char *dir) {
    static char path[4200];
    snprintf(path, sizeof path, "%s/state.db", dir);
    return path;
}

TEST(gives_back_what_was_bound) {
    MAL_AUTO(mal_db_auto) mal_db *db = NULL;
    CHECK_OK(mal_db_open(&db, ":memory:"));
    CHECK_OK(mal_db_exec(db, "CREATE TABLE t (i INTEGER, s TEXT, b BLOB, "
                             "n TEXT) STRICT;"));
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    CHECK_OK(mal_db_prepare(&s, db, "INSERT INTO t VALUES (?1,?2,?3,?4)"));
    CHECK_OK(mal_db_bind_int(s, 1, INT64_MIN));
    CHECK_OK(mal_db_bind_text(s, 2, "h\xc3\xa9"));
    CHECK_OK(mal_db_bind_blob(s, 3, mal_bytes_of("a\0b", 3)));
    CHECK_OK(mal_db_bind_null(s, 4));
    CHECK_OK(mal_db_run(s));
    CHECK_EQ(mal_db_changes(db), 1);
    CHECK_EQ(mal_db_last_id(db), 1);
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *q = NULL;
    CHECK_OK(mal_db_prepare(&q, db, "SELECT i, s, b, n FROM t;  "));
    CHECK_OK(mal_db_one(q));
    CHECK(mal_db_col_int(q, 0) == INT64_MIN);
    CHECK_STR(mal_db_col_text(q, 1), "h\xc3\xa9");
    uint8_t b[3];
    CHECK_OK(mal_db_col_copy(q, 2, b, 3));
    CHECK(mal_compare_vartime(b, "a\0b", 3) == 0);
    CHECK(mal_db_col_null(q, 3) && !mal_db_col_null(q, 0));
    bool row;
    CHECK_OK(mal_db_step(q, &row));
    CHECK(!row);
}

TEST(an_empty_blob_is_not_null) {
    MAL_AUTO(mal_db_auto) mal_db *db = NULL;
    CHECK_OK(mal_db_open(&db, ":memory:"));
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    CHECK_OK(mal_db_prepare(&s, db, "SELECT ?1 IS NULL, ?1"));
    CHECK_OK(mal_db_bind_blob(s, 1, mal_bytes_of(NULL, 0)));
    CHECK_OK(mal_db_one(s));
    CHECK_EQ(mal_db_col_int(s, 0), 0);
    CHECK_EQ(mal_db_col_blob(s, 1).len, 0);
}

TEST(the_file_is_private_and_keeps_its_schema_number) {
    const char *dir = mal_test_dir(), *path = path_in(dir);
    mal_db *db = NULL;
    int64_t v;
    CHECK_OK(mal_db_open(&db, path));
    CHECK_OK(mal_db_version(db, &v));
    CHECK_EQ(v, 0);
    CHECK_OK(mal_db_set_version(db, 3));
    mal_db_close(db);
    struct stat st;
    CHECK(stat(path, &st) == 0);
    CHECK_EQ(st.st_mode & 0777, 0600);
    CHECK_OK(mal_db_open(&db, path));
    CHECK_OK(mal_db_version(db, &v));
    CHECK_EQ(v, 3);
    mal_db_close(db);
    CHECK_OK(mal_dir_remove(dir));
}

static mal_err half_done(mal_db *db) {
    MAL_TRY(mal_db_begin(db));
    MAL_AUTO(mal_db_rollback_auto) mal_db *open = db;
    MAL_TRY(mal_db_exec(db, "INSERT INTO t VALUES (1)"));
    MAL_FAIL(MAL_E_STATE, "on purpose");
}

TEST(leaving_early_rolls_back) {
    MAL_AUTO(mal_db_auto) mal_db *db = NULL;
    CHECK_OK(mal_db_open(&db, ":memory:"));
    CHECK_OK(mal_db_exec(db, "CREATE TABLE t (i INTEGER) STRICT"));
    CHECK_ERR(half_done(db), MAL_E_STATE);
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    CHECK_OK(mal_db_prepare(&s, db, "SELECT count(*) FROM t"));
    CHECK_OK(mal_db_one(s));
    CHECK_EQ(mal_db_col_int(s, 0), 0);
}

/* The child reports each commit through a pipe after it was answered. */
static void commit_for_ever(const char *path, int out) {
    mal_db *db;
    if (mal_db_open(&db, path) != MAL_OK)
        _exit(1);
    for (int64_t i = 1;; i++) {
        mal_db_stmt *s;
        if (mal_db_begin(db) != MAL_OK ||
            mal_db_prepare(&s, db, "INSERT INTO t VALUES (?1)") != MAL_OK ||
            mal_db_bind_int(s, 1, i) != MAL_OK || mal_db_run(s) != MAL_OK)
            _exit(1);
        mal_db_stmt_free(s);
        if (mal_db_commit(db) != MAL_OK || write(out, &i, sizeof i) != sizeof i)
            _exit(1);
    }
}

TEST(what_commit_answered_survives_kill_9) {
    const char *dir = mal_test_dir(), *path = path_in(dir);
    uint64_t seed = mal_test_seed();
    for (int round = 0; round < 20; round++) {
        mal_db *db = NULL;
        CHECK_OK(mal_db_open(&db, path));
        CHECK_OK(mal_db_exec(db, "CREATE TABLE IF NOT EXISTS t "
                                 "(i INTEGER) STRICT; DELETE FROM t"));
        mal_db_close(db);
        int ends[2];
        CHECK(pipe(ends) == 0);
        pid_t child = fork();
        if (child == 0)
            commit_for_ever(path, ends[1]);
        close(ends[1]);
        usleep(2000 + (useconds_t)(mal_test_rand(&seed) % 20000));
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        int64_t last = 0, i;
        while (read(ends[0], &i, sizeof i) == sizeof i)
            last = i;
        close(ends[0]);
        CHECK_OK(mal_db_open(&db, path));
        mal_db_stmt *s;
        CHECK_OK(mal_db_prepare(&s, db, "SELECT count(*), max(i) FROM t"));
        CHECK_OK(mal_db_one(s));
        CHECK(mal_db_col_int(s, 0) >= last);
        CHECK_EQ(mal_db_col_int(s, 0), mal_db_col_int(s, 1));
        mal_db_stmt_free(s);
        mal_db_close(db);
    }
    CHECK_OK(mal_dir_remove(dir));
}

TEST_MAIN
