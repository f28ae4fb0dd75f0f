/* malus/db.h - durable tables of one node: SQLite, opened one way.
 *
 * The only folder that includes SQLite's header.  Write-ahead log, synchronous
 * FULL: what mal_db_commit has answered survives kill -9 and loss of power.
 * Foreign keys are on; tables are declared STRICT by those who write schemas.
 *
 *     MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
 *     MAL_TRY(mal_db_begin(db));
 *     MAL_AUTO(mal_db_rollback_auto) mal_db *open = db;
 *     MAL_TRY(mal_db_prepare(&s, db, "INSERT INTO spent VALUES (?1, ?2)"));
 *     MAL_TRY(mal_db_bind_blob(s, 1, job_id));
 *     MAL_TRY(mal_db_bind_int(s, 2, epsilon_nano));
 *     MAL_TRY(mal_db_run(s));
 *     return mal_db_commit(db);            -- any other exit rolls back
 */
#ifndef MALUS_DB_H
#define MALUS_DB_H

#include <malus/base.h>

typedef struct mal_db mal_db;           /* opaque: one connection */
typedef struct mal_db_stmt mal_db_stmt; /* opaque: one prepared statement */

#define MAL_DB_BUSY_MS 5000 /* waiting for another process's transaction */

/* Open or create the file (mode 0600), or ":memory:" for a test.
 *
 * A connection may be used by several threads, but has one transaction: whoever
 * shares it holds a lock of their own from begin to commit.
 *
 * Errors:  MAL_E_IO     it cannot be opened, or is no database.
 */
mal_err mal_db_open(mal_db **db, const char *path) MAL_MUST_CHECK;
void mal_db_close(mal_db *db); /* NULL is fine; free statements first */
void mal_db_auto(mal_db **db);

/* Run statements that return nothing: schemas. */
mal_err mal_db_exec(mal_db *db, const char *script) MAL_MUST_CHECK;
/* The schema's number (PRAGMA user_version), 0 in a fresh file. */
mal_err mal_db_version(mal_db *db, int64_t *version) MAL_MUST_CHECK;
mal_err mal_db_set_version(mal_db *db, int64_t version) MAL_MUST_CHECK;

/* --- Transactions ------------------------------------------------------- */

/* BEGIN IMMEDIATE: the right to write is ours from here.  No nesting
 * (MAL_E_STATE).  Another process holds it too long: MAL_E_TIMEOUT. */
mal_err mal_db_begin(mal_db *db) MAL_MUST_CHECK;
/* Durable on MAL_OK.  On failure the transaction is rolled back. */
mal_err mal_db_commit(mal_db *db) MAL_MUST_CHECK;
void mal_db_rollback(mal_db *db);       /* outside a transaction: nothing */
void mal_db_rollback_auto(mal_db **db); /* for MAL_AUTO */

/* --- Statements --------------------------------------------------------- */

/* One statement; anything after it is MAL_E_STATE. */
mal_err mal_db_prepare(mal_db_stmt **stmt, mal_db *db,
                       const char *sql) MAL_MUST_CHECK;
void mal_db_stmt_free(mal_db_stmt *stmt); /* NULL is fine */
void mal_db_stmt_auto(mal_db_stmt **stmt);

/* Parameters count from 1.  Values are copied. */
mal_err mal_db_bind_int(mal_db_stmt *stmt, int i, int64_t v) MAL_MUST_CHECK;
mal_err mal_db_bind_text(mal_db_stmt *stmt, int i,
                         const char *text) MAL_MUST_CHECK; /* NULL: null */
mal_err mal_db_bind_blob(mal_db_stmt *stmt, int i,
                         mal_bytes bytes) MAL_MUST_CHECK;
mal_err mal_db_bind_null(mal_db_stmt *stmt, int i) MAL_MUST_CHECK;

/* *row: a row is there to read; false: it is done.
 *
 * Errors:  MAL_E_STATE    a constraint was violated (unique, check, foreign
 * key). MAL_E_TIMEOUT  another process holds the lock. MAL_E_IO       disk
 * full, damaged file.
 */
mal_err mal_db_step(mal_db_stmt *stmt, bool *row) MAL_MUST_CHECK;
/* Step to the end, then reset: for statements without rows. */
mal_err mal_db_run(mal_db_stmt *stmt) MAL_MUST_CHECK;
/* Step once; no row is MAL_E_MISSING. */
mal_err mal_db_one(mal_db_stmt *stmt) MAL_MUST_CHECK;
/* Ready to run again, parameters cleared. */
void mal_db_reset(mal_db_stmt *stmt);

/* Columns count from 0; text and blobs are borrowed until the next step. */
int64_t mal_db_col_int(mal_db_stmt *stmt, int i);
const char *mal_db_col_text(mal_db_stmt *stmt, int i); /* "" for null */
mal_bytes mal_db_col_blob(mal_db_stmt *stmt, int i);
bool mal_db_col_null(mal_db_stmt *stmt, int i);
/* Exactly len bytes, or MAL_E_IO: the file is not what we wrote. */
mal_err mal_db_col_copy(mal_db_stmt *stmt, int i, void *out,
                        size_t len) MAL_MUST_CHECK;

int64_t mal_db_changes(mal_db *db); /* rows changed by the last statement */
int64_t mal_db_last_id(mal_db *db); /* rowid of the last insert */

#endif
