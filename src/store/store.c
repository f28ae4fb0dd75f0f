/* store.c - open and recover, look, read, remove, rewrap. */
#include "store_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define LOCK_TRIES 25 /* half a second */

mal_err mal_store_entry_open(mal_store *store, store_keys *keys,
                             store_manifest *manifest, store_place *place,
                             mal_arena *arena, const store_entry *e) {
    MAL_AUTO(mal_key_clear) mal_key data = { 0 };
    mal_kms_binding binding = mal_store_entry_binding(e);
    char *dir;

    MAL_TRY(mal_kms_data_key(store->kms, &data, &binding));
    MAL_TRY(mal_store_keys_derive(keys, &data));
    *place = (store_place){
        .room = e->room,
        .dataset = e->dataset,
        .version = e->version,
    };
    MAL_TRY(mal_store_entry_dir(store, &dir, arena, e));
    MAL_TRY(mal_store_manifest_read(manifest, arena, dir, keys, place));
    place->segments = mal_store_segments(manifest->rows);
    return MAL_OK;
}

/* --- Opening -------------------------------------------------------------- */

static mal_err finish_rewrap(mal_store *store, const store_entry *e) {
    mal_kms_binding binding = mal_store_entry_binding(e);

    MAL_TRY(mal_kms_data_rewrap(store->kms, &binding, e->next));
    return mal_store_entry_wrap(store, e, e->next, NULL);
}

static mal_err recover(mal_store *store) {
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(64 << 20);
    store_entry *entries;
    size_t n;

    MAL_REQUIRE(arena, MAL_E_MEMORY, "out of memory");
    MAL_TRY(mal_store_entry_list(store, &entries, &n, arena,
                                 1u << STORE_FILLING | 1u << STORE_SEALED |
                                     1u << STORE_VISIBLE |
                                     1u << STORE_REMOVING));
    for (size_t i = 0; i < n; i++) {
        store_entry *e = &entries[i];
        if (e->state == STORE_FILLING)
            MAL_TRY(mal_store_abandon(store, e));
        else if (e->state == STORE_SEALED && store->log)
            MAL_TRY(mal_store_finish_add(store, e));
        else if (e->state == STORE_REMOVING && store->log)
            MAL_TRY(mal_store_finish_remove(store, e));
        else if (e->state == STORE_VISIBLE && e->has_next)
            MAL_TRY(finish_rewrap(store, e));
    }
    return MAL_OK;
}

static mal_err take_lock(mal_store *store) {
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(16 << 10);
    char *path = arena ? mal_arena_printf(arena, "%s/lock", store->dir) : NULL;

    MAL_REQUIRE(path, MAL_E_MEMORY, "out of memory");
    store->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    MAL_REQUIRE(store->lock >= 0, MAL_E_IO, "cannot open %s: %s", path,
                strerror(errno));
    /* A node that was killed while it started a helper leaves, for a moment, a
     * copy of this descriptor in a process that has not yet let go of it. */
    const struct timespec pause = { .tv_nsec = 20000000 };
    bool locked = flock(store->lock, LOCK_EX | LOCK_NB) == 0;
    for (int i = 0; !locked && i < LOCK_TRIES; i++) {
        nanosleep(&pause, NULL);
        locked = flock(store->lock, LOCK_EX | LOCK_NB) == 0;
    }
    MAL_REQUIRE(locked, MAL_E_STATE, "%s is in use by another process",
                store->dir);
    return MAL_OK;
}

mal_err mal_store_open(mal_store **out, const char *dir, mal_kms *kms,
                       mal_audit_log *log) {
    MAL_AUTO(mal_store_auto) mal_store *store = mal_calloc(1, sizeof *store);
    size_t len = strlen(dir);

    *out = NULL;
    MAL_REQUIRE(store, MAL_E_MEMORY, "out of memory");
    store->lock = -1;
    pthread_mutex_init(&store->changing, NULL);
    store->kms = kms;
    store->log = log;
    MAL_REQUIRE(len > 0 && len < 3800, MAL_E_INPUT, "the store needs a folder");
    store->dir = mal_calloc(len + 1, 1);
    MAL_REQUIRE(store->dir, MAL_E_MEMORY, "out of memory");
    memcpy(store->dir, dir, len);
    MAL_TRY(mal_dir_make(dir, 0700));
    MAL_TRY(take_lock(store));
    MAL_TRY(mal_store_catalogue_open(store));
    MAL_TRY(recover(store));
    MAL_TRY(mal_store_shares_recover(store));
    *out = store;
    store = NULL;
    return MAL_OK;
}

void mal_store_close(mal_store *store) {
    if (!store)
        return;
    mal_db_close(store->db);
    mal_fd_auto(&store->lock);
    pthread_mutex_destroy(&store->changing);
    mal_free(store->dir);
    mal_free(store);
}

void mal_store_auto(mal_store **store) {
    mal_store_close(*store);
    *store = NULL;
}

/* --- Looking -------------------------------------------------------------- */

static mal_err describe(mal_store *store, mal_store_info *info,
                        mal_arena *arena, const store_entry *e) {
    MAL_AUTO(mal_store_keys_clear) store_keys keys = { 0 };
    store_manifest manifest;
    store_place place;

    MAL_TRY(mal_store_entry_open(store, &keys, &manifest, &place, arena, e));
    *info = (mal_store_info){
        .dataset = mal_arena_strdup(arena, e->dataset),
        .version = e->version,
        .rows = manifest.rows,
        .rows_max = e->rows_max,
        .created = e->created,
        .log_index = (uint64_t)e->log_index,
        .bytes = e->bytes,
    };
    MAL_REQUIRE(info->dataset, MAL_E_MEMORY, "out of memory");
    memcpy(info->room, e->room, 32);
    memcpy(info->root, e->root, 32);
    memcpy(info->contract_hash, e->contract, 32);
    return MAL_OK;
}

mal_err mal_store_list(mal_store *store, mal_store_info **infos, size_t *n,
                       mal_arena *arena) {
    store_entry *entries;

    *n = 0;
    size_t found;
    MAL_TRY(mal_store_entry_list(store, &entries, &found, arena,
                                 1u << STORE_VISIBLE));
    *infos = mal_arena_calloc(arena, found + 1, sizeof **infos);
    MAL_REQUIRE(*infos, MAL_E_MEMORY, "out of memory");
    for (size_t i = 0; i < found; i++)
        MAL_TRY(describe(store, &(*infos)[i], arena, &entries[i]));
    *n = found;
    return MAL_OK;
}

mal_err mal_store_find(mal_store *store, mal_store_info *info, mal_arena *arena,
                       const uint8_t room[32], const char *dataset,
                       uint32_t version) {
    store_entry e;

    MAL_TRY(mal_store_entry_find(store, &e, room, dataset, version));
    return describe(store, info, arena, &e);
}

/* Measures are clamped when they are read, so their ranges may change. */
static bool same_column(const store_column *was, const store_column *is) {
    bool range = is->role == MAL_POLICY_DIM;
    return strcmp(was->name, is->name) == 0 && was->role == is->role &&
           was->kind == is->kind && was->scale == is->scale &&
           (!was->nullable || is->nullable) &&
           (!range || (was->lo == is->lo && was->n_codes == is->n_codes)) &&
           strcmp(was->profile, is->profile) == 0 &&
           strcmp(was->domain, is->domain) == 0;
}

static mal_err check_columns(const store_manifest *was,
                             const store_schema *is) {
    for (unsigned i = 0; i < is->n; i++) {
        bool found = false;
        for (unsigned k = 0; k < was->n && !found; k++)
            found = same_column(&was->columns[k], &is->columns[i]);
        MAL_REQUIRE(found, MAL_E_STATE,
                    "%s.%s was ingested under another declaration: ingest the "
                    "table anew",
                    is->dataset, is->columns[i].name);
    }
    return MAL_OK;
}

static mal_err check_bounds(const store_manifest *was, const store_schema *is) {
    bool unit = (was->unit == STORE_NONE) == (is->unit == STORE_NONE);
    if (unit && is->unit != STORE_NONE)
        unit = was->unit < was->n && strcmp(was->columns[was->unit].name,
                                            is->columns[is->unit].name) == 0;
    MAL_REQUIRE(unit && was->contributes_max <= is->contributes_max &&
                    was->units_max <= is->units_max &&
                    was->rows_max <= is->rows_max,
                MAL_E_STATE,
                "%s was cut to wider bounds than the contract declares now, or "
                "to another privacy unit: ingest the table anew",
                is->dataset);
    return MAL_OK;
}

mal_err mal_store_fits(mal_store *store, const mal_policy_contract *contract,
                       const char *dataset, uint32_t version) {
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(64 << 20);
    MAL_AUTO(mal_store_keys_clear) store_keys keys = { 0 };
    store_entry e;
    store_manifest was;
    store_place place;
    store_schema *is;

    MAL_REQUIRE(arena, MAL_E_MEMORY, "out of memory");
    MAL_TRY(mal_store_schema_make(&is, arena, contract, dataset));
    MAL_TRY(
        mal_store_entry_find(store, &e, contract->room_id, dataset, version));
    MAL_TRY(mal_store_entry_open(store, &keys, &was, &place, arena, &e));
    MAL_TRY(check_bounds(&was, is));
    return check_columns(&was, is);
}

mal_err mal_store_statement(mal_store *store, mal_buf *out,
                            const uint8_t room[32], const char *dataset,
                            uint32_t version) {
    store_entry e;

    MAL_TRY(mal_store_entry_find(store, &e, room, dataset, version));
    return mal_store_entry_blob(store, out, &e, "statement");
}

/* --- Reading -------------------------------------------------------------- */

typedef struct reader {
    mal_store *store;
    store_entry entry;
    store_keys keys;
    store_manifest manifest;
    store_place place;
    char *dir;
} reader;

static void reader_clear(reader *r) {
    mal_store_keys_clear(&r->keys);
}

static mal_err reader_open(reader *r, mal_store *store, mal_arena *arena,
                           const uint8_t room[32], const char *dataset,
                           uint32_t version) {
    r->store = store;
    MAL_TRY(mal_store_entry_find(store, &r->entry, room, dataset, version));
    MAL_TRY(mal_store_entry_dir(store, &r->dir, arena, &r->entry));
    return mal_store_entry_open(store, &r->keys, &r->manifest, &r->place, arena,
                                &r->entry);
}

/* A segment's plain bytes into arrays; true if any is NULL. */
static bool unpack(void *words, uint8_t *null, mal_bytes plain, size_t rows,
                   mal_duck_type kind) {
    size_t bits = (rows + 7) / 8;
    uint8_t any = 0;

    for (size_t i = 0; i < rows; i++) {
        null[i] = (plain.ptr[i / 8] >> (i % 8)) & 1;
        any |= null[i];
    }
    memcpy(words, plain.ptr + bits, rows * mal_store_width(kind));
    return any;
}

static mal_err read_column(mal_duck_column *out, reader *r, mal_arena *arena,
                           const char *name) {
    MAL_AUTO(mal_buf_clear) mal_buf plain = { 0 };
    const store_manifest *m = &r->manifest;
    unsigned at = 0;

    while (at < m->n && strcmp(m->columns[at].name, name) != 0)
        at++;
    MAL_REQUIRE(at < m->n, MAL_E_MISSING, "%s stores no column %s",
                r->entry.dataset, name);
    mal_duck_type kind = m->columns[at].kind;
    size_t rows = (size_t)m->rows, w = mal_store_width(kind);
    uint8_t *words = mal_arena_calloc(arena, rows + 1, w);
    uint8_t *null = mal_arena_alloc(arena, rows + 1);
    bool any = false;
    MAL_REQUIRE(words && null, MAL_E_MEMORY, "no room to read column %s", name);
    for (uint32_t s = 0; s < r->place.segments; s++) {
        size_t first = (size_t)s * MAL_STORE_SEGMENT_ROWS;
        MAL_TRY(mal_store_segment_read(&plain, r->dir, &r->keys, &r->place, m,
                                       s, at));
        any |= unpack(words + first * w, null + first, mal_buf_view(&plain),
                      mal_store_segment_rows(m->rows, s), kind);
    }
    *out = (mal_duck_column){
        .name = mal_arena_strdup(arena, name),
        .type = kind,
        .i64 = kind == MAL_DUCK_I64 ? (const int64_t *)(void *)words : NULL,
        .id = kind == MAL_DUCK_ID ? words : NULL,
        .null = any ? null : NULL,
    };
    MAL_REQUIRE(out->name, MAL_E_MEMORY, "out of memory");
    return MAL_OK;
}

mal_err mal_store_read(mal_store *store, mal_duck_batch *table,
                       mal_arena *arena, const uint8_t room[32],
                       const char *dataset, uint32_t version,
                       const char *const *names, unsigned n) {
    MAL_AUTO(reader_clear) reader r = { 0 };

    *table = (mal_duck_batch){ 0 };
    MAL_REQUIRE(n <= MAL_DUCK_COLUMNS_MAX, MAL_E_LIMIT, "too many columns");
    MAL_TRY(reader_open(&r, store, arena, room, dataset, version));
    mal_duck_column *columns = mal_arena_calloc(arena, n + 1, sizeof *columns);
    MAL_REQUIRE(columns, MAL_E_MEMORY, "out of memory");
    for (unsigned i = 0; i < n; i++)
        MAL_TRY(read_column(&columns[i], &r, arena, names[i]));
    *table = (mal_duck_batch){
        .rows = (size_t)r.manifest.rows,
        .n = n,
        .columns = columns,
    };
    return MAL_OK;
}

static mal_err read_block(store_block *b, reader *r, uint32_t segment) {
    MAL_AUTO(mal_buf_clear) mal_buf plain = { 0 };

    b->rows = mal_store_segment_rows(r->manifest.rows, segment);
    for (unsigned c = 0; c < b->n; c++) {
        MAL_TRY(mal_store_segment_read(&plain, r->dir, &r->keys, &r->place,
                                       &r->manifest, segment, c));
        (void)unpack(b->col[c].words, b->col[c].null, mal_buf_view(&plain),
                     b->rows, b->col[c].kind);
    }
    return MAL_OK;
}

mal_err mal_store_check(mal_store *store, const uint8_t room[32],
                        const char *dataset, uint32_t version) {
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(4 << 20);
    MAL_AUTO(mal_store_commit_auto) store_commit *commit = NULL;
    MAL_AUTO(mal_store_block_auto) store_block *block = NULL;
    MAL_AUTO(reader_clear) reader r = { 0 };
    mal_prim_hash root;

    MAL_REQUIRE(arena, MAL_E_MEMORY, "out of memory");
    store_schema *schema = mal_arena_alloc(arena, sizeof *schema);
    MAL_REQUIRE(schema, MAL_E_MEMORY, "out of memory");
    MAL_TRY(reader_open(&r, store, arena, room, dataset, version));
    schema->n = r.manifest.n;
    memcpy(schema->columns, r.manifest.columns,
           schema->n * sizeof *schema->columns);
    MAL_TRY(mal_store_block_new(&block, schema));
    MAL_TRY(mal_store_commit_new(&commit, schema->columns, schema->n,
                                 r.manifest.rows_max, &r.keys.salt));
    for (uint32_t s = 0; s < r.place.segments; s++) {
        MAL_TRY(read_block(block, &r, s));
        MAL_TRY(mal_store_commit_add(commit, block));
    }
    MAL_TRY(mal_store_commit_root(&root, commit));
    MAL_REQUIRE(mal_equal(root.b, r.entry.root, 32), MAL_E_AUTH,
                "the stored columns of %s version %u are not those that were "
                "committed to",
                dataset, r.entry.version);
    return MAL_OK;
}

/* --- Changing ------------------------------------------------------------ */

static mal_err remove_one(mal_store *store, const store_entry *e) {
    MAL_AUTO(mal_buf_clear) mal_buf envelope = { 0 };
    store_entry doomed = *e;

    size_t shares;

    doomed.log_from = (int64_t)mal_audit_log_size(store->log);
    MAL_TRY(mal_store_envelope_deletion(store, &envelope, e));
    MAL_TRY(mal_store_entry_doom(store, &doomed, mal_buf_view(&envelope)));
    MAL_TRY(mal_store_finish_remove(store, &doomed));
    return mal_store_shares_forget(store, e->room, e->dataset, e->version,
                                   &shares);
}

static mal_err remove_all(mal_store *store, const uint8_t room[32],
                          const char *dataset, uint32_t version) {
    store_entry e;
    mal_err err;

    MAL_REQUIRE(store->log, MAL_E_STATE, "a removal needs the log");
    MAL_TRY(mal_store_entry_find(store, &e, room, dataset, version));
    do
        MAL_TRY(remove_one(store, &e));
    while (version == 0 &&
           (err = mal_store_entry_find(store, &e, room, dataset, 0)) == MAL_OK);
    if (version == 0 && err != MAL_E_MISSING)
        return err;
    mal_err_forget();
    return MAL_OK;
}

mal_err mal_store_remove(mal_store *store, const uint8_t room[32],
                         const char *dataset, uint32_t version) {
    pthread_mutex_lock(&store->changing);
    mal_err err = remove_all(store, room, dataset, version);
    pthread_mutex_unlock(&store->changing);
    return err;
}

static mal_err rewrap_all(mal_store *store,
                          const mal_policy_contract *contract) {
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(64 << 20);
    store_entry *entries;
    size_t n;

    MAL_REQUIRE(arena, MAL_E_MEMORY, "out of memory");
    MAL_TRY(
        mal_store_entry_list(store, &entries, &n, arena, 1u << STORE_VISIBLE));
    for (size_t i = 0; i < n; i++) {
        store_entry *e = &entries[i];
        if (mal_compare_vartime(e->room, contract->room_id, 32) != 0 ||
            mal_compare_vartime(e->contract, contract->hash, 32) == 0)
            continue;
        memcpy(e->next, contract->hash, 32);
        MAL_TRY(mal_store_entry_wrap(store, e, e->contract, e->next));
        MAL_TRY(finish_rewrap(store, e));
    }
    return mal_store_shares_rewrap(store, contract->room_id, contract->hash);
}

mal_err mal_store_rewrap(mal_store *store,
                         const mal_policy_contract *contract) {
    pthread_mutex_lock(&store->changing);
    mal_err err = rewrap_all(store, contract);
    pthread_mutex_unlock(&store->changing);
    return err;
}
