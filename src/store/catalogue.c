/* catalogue.c - which versions there are, and how far each has come.
 *
 *     FILLING -> SEALED -> VISIBLE -> REMOVING -> REMOVED
 *
 * Each arrow is one transaction.  What a crash interrupts is either undone
 * (FILLING) or carried on (SEALED, REMOVING) when the store is opened again.
 * Row counts are not in here: they lie sealed in the manifest.
 */
#include "store_impl.h"

#include <stdio.h>
#include <string.h>

static const char schema_1[] =
    "CREATE TABLE version ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " room BLOB NOT NULL, dataset TEXT NOT NULL, version INTEGER NOT NULL,"
    " state INTEGER NOT NULL, contract BLOB NOT NULL, next BLOB,"
    " created INTEGER NOT NULL, rows_max INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL DEFAULT 0, root BLOB, statement BLOB,"
    " envelope BLOB, deletion BLOB, log_from INTEGER NOT NULL DEFAULT 0,"
    " log_index INTEGER NOT NULL DEFAULT -1,"
    " UNIQUE (room, dataset, version)) STRICT;";

#define COLUMNS                                                                \
    "id, room, dataset, version, state, contract, next, created, rows_max, "   \
    "bytes, root, log_from, log_index"

mal_err mal_store_catalogue_open(mal_store *store) {
    char path[4096];
    int64_t version;

    snprintf(path, sizeof path, "%s/catalogue.sqlite", store->dir);
    MAL_TRY(mal_db_open(&store->db, path));
    MAL_TRY(mal_db_version(store->db, &version));
    MAL_REQUIRE(version <= 1, MAL_E_UNSUPPORTED,
                "%s was written by a newer Malus", path);
    if (version == 1)
        return MAL_OK;
    MAL_TRY(mal_db_begin(store->db));
    MAL_AUTO(mal_db_rollback_auto) mal_db *open = store->db;
    MAL_TRY(mal_db_exec(store->db, schema_1));
    MAL_TRY(mal_db_set_version(store->db, 1));
    return mal_db_commit(open);
}

static mal_err read_entry(store_entry *e, mal_db_stmt *s) {
    *e = (store_entry){ .id = mal_db_col_int(s, 0) };
    MAL_TRY(mal_db_col_copy(s, 1, e->room, 32));
    snprintf(e->dataset, sizeof e->dataset, "%s", mal_db_col_text(s, 2));
    e->version = (uint32_t)mal_db_col_int(s, 3);
    e->state = (store_state)mal_db_col_int(s, 4);
    MAL_TRY(mal_db_col_copy(s, 5, e->contract, 32));
    e->has_next = !mal_db_col_null(s, 6);
    if (e->has_next)
        MAL_TRY(mal_db_col_copy(s, 6, e->next, 32));
    e->created = (uint64_t)mal_db_col_int(s, 7);
    e->rows_max = (uint64_t)mal_db_col_int(s, 8);
    e->bytes = (uint64_t)mal_db_col_int(s, 9);
    if (!mal_db_col_null(s, 10))
        MAL_TRY(mal_db_col_copy(s, 10, e->root, 32));
    e->log_from = mal_db_col_int(s, 11);
    e->log_index = mal_db_col_int(s, 12);
    return MAL_OK;
}

static mal_err next_version(mal_store *store, store_entry *e) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;

    MAL_TRY(mal_db_prepare(&s, store->db,
                           "SELECT coalesce(max(version), 0) + 1 FROM version "
                           "WHERE room = ?1 AND dataset = ?2"));
    MAL_TRY(mal_db_bind_blob(s, 1, mal_bytes_of(e->room, 32)));
    MAL_TRY(mal_db_bind_text(s, 2, e->dataset));
    MAL_TRY(mal_db_one(s));
    e->version = (uint32_t)mal_db_col_int(s, 0);
    return MAL_OK;
}

mal_err mal_store_entry_add(mal_store *store, store_entry *e,
                            const store_schema *schema) {
    *e = (store_entry){
        .state = STORE_FILLING,
        .created = mal_time_unix(),
        .rows_max = schema->rows_max,
        .log_index = -1,
    };
    memcpy(e->room, schema->room, 32);
    memcpy(e->contract, schema->contract, 32);
    snprintf(e->dataset, sizeof e->dataset, "%s", schema->dataset);
    MAL_TRY(mal_db_begin(store->db));
    MAL_AUTO(mal_db_rollback_auto) mal_db *open = store->db;
    MAL_TRY(next_version(store, e));
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    MAL_TRY(mal_db_prepare(&s, store->db,
                           "INSERT INTO version (room, dataset, version, "
                           "state, contract, created, rows_max) "
                           "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"));
    MAL_TRY(mal_db_bind_blob(s, 1, mal_bytes_of(e->room, 32)));
    MAL_TRY(mal_db_bind_text(s, 2, e->dataset));
    MAL_TRY(mal_db_bind_int(s, 3, e->version));
    MAL_TRY(mal_db_bind_int(s, 4, e->state));
    MAL_TRY(mal_db_bind_blob(s, 5, mal_bytes_of(e->contract, 32)));
    MAL_TRY(mal_db_bind_int(s, 6, (int64_t)e->created));
    MAL_TRY(mal_db_bind_int(s, 7, (int64_t)e->rows_max));
    MAL_TRY(mal_db_run(s));
    e->id = mal_db_last_id(store->db);
    return mal_db_commit(open);
}

mal_err mal_store_entry_find(mal_store *store, store_entry *e,
                             const uint8_t room[32], const char *dataset,
                             uint32_t version) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;

    MAL_TRY(mal_db_prepare(
        &s, store->db,
        "SELECT " COLUMNS " FROM version WHERE room = ?1 AND dataset = ?2 AND "
        "state = ?3 AND (?4 = 0 OR version = ?4) ORDER BY version DESC LIMIT "
        "1"));
    MAL_TRY(mal_db_bind_blob(s, 1, mal_bytes_of(room, 32)));
    MAL_TRY(mal_db_bind_text(s, 2, dataset));
    MAL_TRY(mal_db_bind_int(s, 3, STORE_VISIBLE));
    MAL_TRY(mal_db_bind_int(s, 4, version));
    bool row;
    MAL_TRY(mal_db_step(s, &row));
    if (!row && version)
        MAL_FAIL(MAL_E_MISSING, "%s has no version %u here", dataset, version);
    MAL_REQUIRE(row, MAL_E_MISSING,
                "%s holds no data in this room yet: malus data add", dataset);
    return read_entry(e, s);
}

mal_err mal_store_entry_list(mal_store *store, store_entry **entries, size_t *n,
                             mal_arena *arena, unsigned states) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *count = NULL;
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    bool row;

    *n = 0;
    MAL_TRY(mal_db_prepare(&count, store->db,
                           "SELECT count(*) FROM version WHERE (1 << state) & "
                           "?1"));
    MAL_TRY(mal_db_bind_int(count, 1, states));
    MAL_TRY(mal_db_one(count));
    size_t max = (size_t)mal_db_col_int(count, 0);
    *entries = mal_arena_calloc(arena, max + 1, sizeof **entries);
    MAL_REQUIRE(*entries, MAL_E_MEMORY, "out of memory");
    MAL_TRY(mal_db_prepare(&s, store->db,
                           "SELECT " COLUMNS " FROM version WHERE (1 << state)"
                           " & ?1 ORDER BY room, dataset, version"));
    MAL_TRY(mal_db_bind_int(s, 1, states));
    MAL_TRY(mal_db_step(s, &row));
    while (row && *n < max) {
        MAL_TRY(read_entry(&(*entries)[(*n)++], s));
        MAL_TRY(mal_db_step(s, &row));
    }
    return MAL_OK;
}

/* One statement of one transaction: SQLite commits it by itself. */
static mal_err run_with(mal_store *store, const char *sql, int64_t id,
                        const int64_t *ints, size_t n_ints,
                        const mal_bytes *blobs, size_t n_blobs) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    int at = 1;

    MAL_TRY(mal_db_prepare(&s, store->db, sql));
    MAL_TRY(mal_db_bind_int(s, at++, id));
    for (size_t i = 0; i < n_ints; i++)
        MAL_TRY(mal_db_bind_int(s, at++, ints[i]));
    for (size_t i = 0; i < n_blobs; i++, at++) {
        if (blobs[i].ptr)
            MAL_TRY(mal_db_bind_blob(s, at, blobs[i]));
        else
            MAL_TRY(mal_db_bind_null(s, at));
    }
    MAL_TRY(mal_db_run(s));
    MAL_REQUIRE(mal_db_changes(store->db) == 1, MAL_E_STATE,
                "the catalogue does not know version %lld", (long long)id);
    return MAL_OK;
}

mal_err mal_store_entry_seal(mal_store *store, const store_entry *e,
                             mal_bytes statement, mal_bytes envelope) {
    const int64_t ints[] = { STORE_SEALED, (int64_t)e->bytes, e->log_from };
    const mal_bytes blobs[] = { mal_bytes_of(e->root, 32), statement,
                                envelope };
    return run_with(store,
                    "UPDATE version SET state = ?2, bytes = ?3, log_from = ?4,"
                    " root = ?5, statement = ?6, envelope = ?7 WHERE id = ?1",
                    e->id, ints, 3, blobs, 3);
}

mal_err mal_store_entry_set(mal_store *store, const store_entry *e,
                            store_state state, int64_t log_index) {
    const int64_t ints[] = { state, log_index };
    return run_with(store,
                    "UPDATE version SET state = ?2, log_index = ?3 WHERE id = "
                    "?1",
                    e->id, ints, 2, NULL, 0);
}

mal_err mal_store_entry_doom(mal_store *store, const store_entry *e,
                             mal_bytes envelope) {
    const int64_t ints[] = { STORE_REMOVING, e->log_from };
    return run_with(store,
                    "UPDATE version SET state = ?2, log_from = ?3, deletion = "
                    "?4 WHERE id = ?1",
                    e->id, ints, 2, &envelope, 1);
}

mal_err mal_store_entry_wrap(mal_store *store, const store_entry *e,
                             const uint8_t *contract, const uint8_t *next) {
    const mal_bytes blobs[] = {
        mal_bytes_of(contract, 32),
        mal_bytes_of(next, next ? 32 : 0),
    };
    return run_with(store,
                    "UPDATE version SET contract = ?2, next = ?3 WHERE id = ?1",
                    e->id, NULL, 0, blobs, 2);
}

mal_err mal_store_entry_forget(mal_store *store, const store_entry *e) {
    return run_with(store, "DELETE FROM version WHERE id = ?1", e->id, NULL, 0,
                    NULL, 0);
}

mal_err mal_store_entry_blob(mal_store *store, mal_buf *out,
                             const store_entry *e, const char *column) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    char sql[128];

    snprintf(sql, sizeof sql, "SELECT %s FROM version WHERE id = ?1", column);
    MAL_TRY(mal_db_prepare(&s, store->db, sql));
    MAL_TRY(mal_db_bind_int(s, 1, e->id));
    MAL_TRY(mal_db_one(s));
    return mal_buf_put(out, mal_db_col_blob(s, 0));
}

mal_err mal_store_entry_dir(mal_store *store, char **dir, mal_arena *arena,
                            const store_entry *e) {
    *dir =
        mal_arena_printf(arena, "%s/data-%lld", store->dir, (long long)e->id);
    MAL_REQUIRE(*dir, MAL_E_MEMORY, "out of memory");
    return MAL_OK;
}

mal_kms_binding mal_store_entry_binding(const store_entry *e) {
    mal_kms_binding b = { .dataset = e->dataset, .version = e->version };
    memcpy(b.room, e->room, 32);
    memcpy(b.contract, e->contract, 32);
    return b;
}
