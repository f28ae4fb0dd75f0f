/* db.c - SQLite, opened one way. */
#include <malus/db.h>

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct mal_db {
    sqlite3 *handle;
};

struct mal_db_stmt {
    sqlite3_stmt *handle;
    mal_db *db;
};

/* What callers act on, out of SQLite's many codes. */
static mal_err class_of(int code) {
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return MAL_E_TIMEOUT;
    case SQLITE_NOMEM:
        return MAL_E_MEMORY;
    case SQLITE_TOOBIG:
        return MAL_E_LIMIT;
    case SQLITE_CONSTRAINT:
    case SQLITE_ERROR:
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_MISMATCH:
        return MAL_E_STATE;
    default:
        return MAL_E_IO;
    }
}

static mal_err failed(mal_db *db, int code, const char *doing) {
    return mal_err_set(
        class_of(code), __FILE__, __LINE__, "database, %s: %s", doing,
        db && db->handle ? sqlite3_errmsg(db->handle) : sqlite3_errstr(code));
}

/* --- Opening ------------------------------------------------------------ */

/* Made by us, not by SQLite: mode 0600, and its name durable before use.  The
 * write-ahead files take over the mode. */
static mal_err make_file(const char *path) {
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    MAL_REQUIRE(fd >= 0, MAL_E_IO, "cannot open %s: %s", path, strerror(errno));
    close(fd);
    char folder[4096];
    const char *slash = strrchr(path, '/');
    int n = snprintf(folder, sizeof folder, "%.*s",
                     slash ? (int)(slash - path) : 1, slash ? path : ".");
    MAL_REQUIRE(n >= 0 && (size_t)n < sizeof folder, MAL_E_LIMIT,
                "the path %s is too long", path);
    return mal_dir_sync(n ? folder : "/");
}

static mal_err settle(mal_db *db) {
    sqlite3_busy_timeout(db->handle, MAL_DB_BUSY_MS);
    sqlite3_extended_result_codes(db->handle, 1);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    /* Its first reading of the file: a file that is no database fails here. */
    return mal_db_exec(db, "PRAGMA journal_mode = WAL;"
                           "PRAGMA synchronous = FULL;"
                           "PRAGMA foreign_keys = ON;"
                           "PRAGMA cell_size_check = ON;"
                           "PRAGMA secure_delete = ON;");
}

/* Durability is a promise, so it is read back: some file systems lack WAL. */
static mal_err check_settings(mal_db *db, bool in_memory) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *mode = NULL;
    MAL_TRY(mal_db_prepare(&mode, db, "PRAGMA journal_mode"));
    MAL_TRY(mal_db_one(mode));
    const char *wanted = in_memory ? "memory" : "wal";
    MAL_REQUIRE(strcmp(mal_db_col_text(mode, 0), wanted) == 0, MAL_E_IO,
                "this file system does not carry a write-ahead log (mode %s): "
                "put the state folder on a local disk",
                mal_db_col_text(mode, 0));
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *sync = NULL;
    MAL_TRY(mal_db_prepare(&sync, db, "PRAGMA synchronous"));
    MAL_TRY(mal_db_one(sync));
    MAL_REQUIRE(mal_db_col_int(sync, 0) == 2, MAL_E_IO,
                "the database does not take synchronous = FULL");
    return MAL_OK;
}

mal_err mal_db_open(mal_db **out, const char *path) {
    *out = NULL;
    bool in_memory = strcmp(path, ":memory:") == 0;
    if (!in_memory)
        MAL_TRY(make_file(path));
    MAL_AUTO(mal_db_auto) mal_db *db = mal_calloc(1, sizeof *db);
    MAL_REQUIRE(db, MAL_E_MEMORY, "out of memory");
    int code = sqlite3_open_v2(path, &db->handle,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
                                   SQLITE_OPEN_FULLMUTEX,
                               NULL);
    if (code != SQLITE_OK)
        return failed(db, code, path);
    MAL_TRY(settle(db));
    MAL_TRY(check_settings(db, in_memory));
    *out = db;
    db = NULL;
    return MAL_OK;
}

void mal_db_close(mal_db *db) {
    if (!db)
        return;
    mal_db_rollback(db);
    sqlite3_close_v2(db->handle);
    mal_free(db);
}

void mal_db_auto(mal_db **db) {
    mal_db_close(*db);
    *db = NULL;
}

mal_err mal_db_exec(mal_db *db, const char *script) {
    int code = sqlite3_exec(db->handle, script, NULL, NULL, NULL);
    if (code != SQLITE_OK)
        return failed(db, code, "running a script");
    return MAL_OK;
}

mal_err mal_db_version(mal_db *db, int64_t *version) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *stmt = NULL;
    MAL_TRY(mal_db_prepare(&stmt, db, "PRAGMA user_version"));
    MAL_TRY(mal_db_one(stmt));
    *version = mal_db_col_int(stmt, 0);
    return MAL_OK;
}

mal_err mal_db_set_version(mal_db *db, int64_t version) {
    char sql[64]; /* a PRAGMA takes no parameters */
    assert(version >= 0 && version <= INT32_MAX);
    snprintf(sql, sizeof sql, "PRAGMA user_version = %lld", (long long)version);
    return mal_db_exec(db, sql);
}

/* --- Transactions ------------------------------------------------------- */

mal_err mal_db_begin(mal_db *db) {
    MAL_REQUIRE(sqlite3_get_autocommit(db->handle), MAL_E_STATE,
                "a transaction is open already");
    int code = sqlite3_exec(db->handle, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (code != SQLITE_OK)
        return failed(db, code, "beginning a transaction");
    return MAL_OK;
}

mal_err mal_db_commit(mal_db *db) {
    MAL_REQUIRE(!sqlite3_get_autocommit(db->handle), MAL_E_STATE,
                "no transaction is open (an error may have ended it)");
    int code = sqlite3_exec(db->handle, "COMMIT", NULL, NULL, NULL);
    if (code != SQLITE_OK) {
        mal_err err = failed(db, code, "committing");
        mal_db_rollback(db);
        return err;
    }
    return MAL_OK;
}

void mal_db_rollback(mal_db *db) {
    if (db && db->handle && !sqlite3_get_autocommit(db->handle))
        sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

void mal_db_rollback_auto(mal_db **db) {
    mal_db_rollback(*db);
    *db = NULL;
}

/* --- Statements --------------------------------------------------------- */

mal_err mal_db_prepare(mal_db_stmt **out, mal_db *db, const char *sql) {
    *out = NULL;
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *stmt = mal_calloc(1, sizeof *stmt);
    MAL_REQUIRE(stmt, MAL_E_MEMORY, "out of memory");
    stmt->db = db;
    const char *tail = "";
    int code = sqlite3_prepare_v2(db->handle, sql, -1, &stmt->handle, &tail);
    if (code != SQLITE_OK)
        return failed(db, code, sql);
    tail += strspn(tail, " \t\r\n;");
    MAL_REQUIRE(stmt->handle && *tail == 0, MAL_E_STATE,
                "prepare takes exactly one statement: %s", sql);
    *out = stmt;
    stmt = NULL;
    return MAL_OK;
}

void mal_db_stmt_free(mal_db_stmt *stmt) {
    if (!stmt)
        return;
    sqlite3_finalize(stmt->handle);
    mal_free(stmt);
}

void mal_db_stmt_auto(mal_db_stmt **stmt) {
    mal_db_stmt_free(*stmt);
    *stmt = NULL;
}

static mal_err bound(mal_db_stmt *stmt, int code) {
    if (code != SQLITE_OK)
        return failed(stmt->db, code, "binding a parameter");
    return MAL_OK;
}

mal_err mal_db_bind_int(mal_db_stmt *stmt, int i, int64_t v) {
    return bound(stmt, sqlite3_bind_int64(stmt->handle, i, v));
}

mal_err mal_db_bind_text(mal_db_stmt *stmt, int i, const char *text) {
    return bound(
        stmt, sqlite3_bind_text(stmt->handle, i, text, -1, SQLITE_TRANSIENT));
}

mal_err mal_db_bind_blob(mal_db_stmt *stmt, int i, mal_bytes bytes) {
    /* A NULL pointer would bind null; an empty blob is not null. */
    return bound(stmt, sqlite3_bind_blob64(stmt->handle, i,
                                           bytes.len ? (const void *)bytes.ptr
                                                     : (const void *)"",
                                           bytes.len, SQLITE_TRANSIENT));
}

mal_err mal_db_bind_null(mal_db_stmt *stmt, int i) {
    return bound(stmt, sqlite3_bind_null(stmt->handle, i));
}

mal_err mal_db_step(mal_db_stmt *stmt, bool *row) {
    *row = false;
    int code = sqlite3_step(stmt->handle);
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        mal_err err = failed(stmt->db, code, sqlite3_sql(stmt->handle));
        sqlite3_reset(stmt->handle);
        return err;
    }
    *row = code == SQLITE_ROW;
    return MAL_OK;
}

mal_err mal_db_run(mal_db_stmt *stmt) {
    bool row = true;
    while (row)
        MAL_TRY(mal_db_step(stmt, &row));
    mal_db_reset(stmt);
    return MAL_OK;
}

mal_err mal_db_one(mal_db_stmt *stmt) {
    bool row;
    MAL_TRY(mal_db_step(stmt, &row));
    MAL_REQUIRE(row, MAL_E_MISSING, "no such row: %s",
                sqlite3_sql(stmt->handle));
    return MAL_OK;
}

void mal_db_reset(mal_db_stmt *stmt) {
    sqlite3_reset(stmt->handle);
    sqlite3_clear_bindings(stmt->handle);
}

int64_t mal_db_col_int(mal_db_stmt *stmt, int i) {
    return sqlite3_column_int64(stmt->handle, i);
}

const char *mal_db_col_text(mal_db_stmt *stmt, int i) {
    const unsigned char *text = sqlite3_column_text(stmt->handle, i);
    return text ? (const char *)text : "";
}

mal_bytes mal_db_col_blob(mal_db_stmt *stmt, int i) {
    const void *ptr = sqlite3_column_blob(stmt->handle, i);
    int len = sqlite3_column_bytes(stmt->handle, i);
    return mal_bytes_of(ptr, ptr && len > 0 ? (size_t)len : 0);
}

bool mal_db_col_null(mal_db_stmt *stmt, int i) {
    return sqlite3_column_type(stmt->handle, i) == SQLITE_NULL;
}

mal_err mal_db_col_copy(mal_db_stmt *stmt, int i, void *out, size_t len) {
    mal_bytes blob = mal_db_col_blob(stmt, i);
    MAL_REQUIRE(blob.len == len, MAL_E_IO,
                "column %d holds %zu bytes, not %zu: the file is damaged", i,
                blob.len, len);
    if (len)
        memcpy(out, blob.ptr, len);
    return MAL_OK;
}

int64_t mal_db_changes(mal_db *db) {
    return sqlite3_changes64(db->handle);
}

int64_t mal_db_last_id(mal_db *db) {
    return sqlite3_last_insert_rowid(db->handle);
}
