/* refuse_db.c - what must fail, and with which class. */
#include "mal_test.h"
#include <malus/db.h>

static mal_db *memory(const char *schema) {
    mal_db *db;
    CHECK_OK(mal_db_open(&db, ":memory:"));
    CHECK_OK(mal_db_exec(db, schema));
    return db;
}

TEST(refuses_a_file_that_is_no_database) {
    const char *dir = mal_test_dir();
    char path[4200];
    snprintf(path, sizeof path, "%s/x", dir);
    CHECK_OK(mal_file_write(
        path,
        mal_bytes_str("this is certainly not a database of any kind, "
                      "however long one looks at its bytes............"
                      "................................................"),
        0600));
    mal_db *db;
    CHECK_ERR(mal_db_open(&db, path), MAL_E_IO);
    CHECK(db == NULL);
    CHECK_OK(mal_dir_remove(dir));
}

TEST(refuses_a_folder_that_is_not_there) {
    mal_db *db;
    CHECK_ERR(mal_db_open(&db, "/nonexistent/state.db"), MAL_E_IO);
}

TEST(refuses_a_link_in_place_of_the_file) {
    const char *dir = mal_test_dir();
    char link[4200], target[4200];
    snprintf(link, sizeof link, "%s/link", dir);
    snprintf(target, sizeof target, "%s/target", dir);
    CHECK(symlink(target, link) == 0);
    mal_db *db;
    CHECK_ERR(mal_db_open(&db, link), MAL_E_IO);
    CHECK_OK(mal_dir_remove(dir));
}

TEST(refuses_a_value_of_another_type) {
    MAL_AUTO(mal_db_auto)
    mal_db *db = memory("CREATE TABLE t (i INTEGER NOT NULL) STRICT");
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    CHECK_OK(mal_db_prepare(&s, db, "INSERT INTO t VALUES (?1)"));
    CHECK_OK(mal_db_bind_text(s, 1, "seven"));
    CHECK_ERR(mal_db_run(s), MAL_E_STATE);
    mal_db_reset(s);
    CHECK_ERR(mal_db_run(s), MAL_E_STATE);
}

TEST(refuses_a_second_row_of_a_unique_key_and_a_dangling_reference) {
    MAL_AUTO(mal_db_auto)
    mal_db *db = memory("CREATE TABLE a (k INTEGER PRIMARY KEY) STRICT;"
                        "CREATE TABLE b (k INTEGER REFERENCES a) STRICT;"
                        "INSERT INTO a VALUES (1)");
    CHECK_ERR(mal_db_exec(db, "INSERT INTO a VALUES (1)"), MAL_E_STATE);
    CHECK_ERR(mal_db_exec(db, "INSERT INTO b VALUES (2)"), MAL_E_STATE);
}

TEST(refuses_two_statements_none_and_nonsense) {
    MAL_AUTO(mal_db_auto) mal_db *db = memory("");
    mal_db_stmt *s;
    CHECK_ERR(mal_db_prepare(&s, db, "SELECT 1; SELECT 2"), MAL_E_STATE);
    CHECK(s == NULL);
    CHECK_ERR(mal_db_prepare(&s, db, ""), MAL_E_STATE);
    CHECK_ERR(mal_db_prepare(&s, db, "SELEKT"), MAL_E_STATE);
    CHECK_ERR(mal_db_prepare(&s, db, "SELECT \"no such column\""), MAL_E_STATE);
}

TEST(refuses_a_parameter_that_is_not_there) {
    MAL_AUTO(mal_db_auto) mal_db *db = memory("");
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    CHECK_OK(mal_db_prepare(&s, db, "SELECT ?1"));
    CHECK_ERR(mal_db_bind_int(s, 2, 1), MAL_E_STATE);
    CHECK_ERR(mal_db_bind_int(s, 0, 1), MAL_E_STATE);
}

TEST(refuses_nested_and_missing_transactions) {
    MAL_AUTO(mal_db_auto) mal_db *db = memory("");
    CHECK_ERR(mal_db_commit(db), MAL_E_STATE);
    CHECK_OK(mal_db_begin(db));
    CHECK_ERR(mal_db_begin(db), MAL_E_STATE);
    mal_db_rollback(db);
    mal_db_rollback(db);
    CHECK_ERR(mal_db_commit(db), MAL_E_STATE);
}

TEST(says_missing_for_no_row_and_damaged_for_a_wrong_length) {
    MAL_AUTO(mal_db_auto) mal_db *db = memory("");
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *b = NULL;
    uint8_t out[4];
    CHECK_OK(mal_db_prepare(&s, db, "SELECT 1 WHERE 0"));
    CHECK_ERR(mal_db_one(s), MAL_E_MISSING);
    CHECK_OK(mal_db_prepare(&b, db, "SELECT x'010203'"));
    CHECK_OK(mal_db_one(b));
    CHECK_ERR(mal_db_col_copy(b, 0, out, 4), MAL_E_IO);
}

TEST_MAIN
