/* shares.c - two of three parts of somebody's table, at rest at a seat.
 *
 * One folder a sharing: part-0 and part-1, each a run of sealed segments.  The
 * key is drawn from the key of that dataset and version at this seat, so that
 * destroying it destroys every sharing; its salt is random and used once, so
 * that no nonce comes twice whatever is written again after a crash.
 *
 *     FILLING -> WHOLE -> DOOMED, or ERASED (its key too)
 *
 * What a crash interrupts in any state but WHOLE is removed at the next open.
 */
#include "store_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SEGMENT_WORDS ((size_t)1 << 17) /* 1 MiB */

enum {
    SHARES_FILLING = 0,
    SHARES_WHOLE = 1,
    SHARES_DOOMED = 2,
    SHARES_ERASED = 3,
};

typedef struct entry {
    int64_t id, state;
    uint8_t salt[32];
    mal_store_shares what;
} entry;

struct mal_store_shares_writer {
    mal_store *store;
    entry e;
    mal_key key;
    int fd; /* of the part at work */
    unsigned part;
    uint64_t done; /* words of this part, written or pending */
    uint64_t *pending;
    size_t n_pending;
};

static const char schema_shares[] =
    "CREATE TABLE IF NOT EXISTS share ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " room BLOB NOT NULL, dataset TEXT NOT NULL, version INTEGER NOT NULL,"
    " contract BLOB NOT NULL, root BLOB NOT NULL, upload BLOB NOT NULL,"
    " shape BLOB NOT NULL, epoch INTEGER NOT NULL, seat INTEGER NOT NULL,"
    " words INTEGER NOT NULL, salt BLOB NOT NULL, state INTEGER NOT NULL)"
    " STRICT;";

#define COLUMNS                                                                \
    "id, state, salt, room, dataset, version, contract, root, upload, shape, " \
    "epoch, seat, words"

/* --- The catalogue ------------------------------------------------------- */

static mal_err read_entry(entry *e, mal_db_stmt *s) {
    *e = (entry){ .id = mal_db_col_int(s, 0), .state = mal_db_col_int(s, 1) };
    mal_store_shares *w = &e->what;
    MAL_TRY(mal_db_col_copy(s, 2, e->salt, 32));
    MAL_TRY(mal_db_col_copy(s, 3, w->room, 32));
    snprintf(w->dataset, sizeof w->dataset, "%s", mal_db_col_text(s, 4));
    w->version = (uint32_t)mal_db_col_int(s, 5);
    MAL_TRY(mal_db_col_copy(s, 6, w->contract, 32));
    MAL_TRY(mal_db_col_copy(s, 7, w->root, 32));
    MAL_TRY(mal_db_col_copy(s, 8, w->upload, 32));
    MAL_TRY(mal_db_col_copy(s, 9, w->shape, 32));
    w->epoch = (uint64_t)mal_db_col_int(s, 10);
    w->seat = (uint32_t)mal_db_col_int(s, 11);
    w->words = (uint64_t)mal_db_col_int(s, 12);
    return MAL_OK;
}

static mal_err add_entry(mal_store *store, entry *e) {
    const mal_store_shares *w = &e->what;
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    MAL_TRY(mal_db_prepare(&s, store->db,
                           "INSERT INTO share (state, salt, room, dataset, "
                           "version, contract, root, upload, shape, epoch, "
                           "seat, words) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, "
                           "?8, ?9, ?10, ?11, ?12)"));
    MAL_TRY(mal_db_bind_int(s, 1, SHARES_FILLING));
    MAL_TRY(mal_db_bind_blob(s, 2, mal_bytes_of(e->salt, 32)));
    MAL_TRY(mal_db_bind_blob(s, 3, mal_bytes_of(w->room, 32)));
    MAL_TRY(mal_db_bind_text(s, 4, w->dataset));
    MAL_TRY(mal_db_bind_int(s, 5, w->version));
    MAL_TRY(mal_db_bind_blob(s, 6, mal_bytes_of(w->contract, 32)));
    MAL_TRY(mal_db_bind_blob(s, 7, mal_bytes_of(w->root, 32)));
    MAL_TRY(mal_db_bind_blob(s, 8, mal_bytes_of(w->upload, 32)));
    MAL_TRY(mal_db_bind_blob(s, 9, mal_bytes_of(w->shape, 32)));
    MAL_TRY(mal_db_bind_int(s, 10, (int64_t)w->epoch));
    MAL_TRY(mal_db_bind_int(s, 11, w->seat));
    MAL_TRY(mal_db_bind_int(s, 12, (int64_t)w->words));
    MAL_TRY(mal_db_run(s));
    e->id = mal_db_last_id(store->db);
    return MAL_OK;
}

static mal_err change(mal_store *store, const char *sql, int64_t id,
                      int64_t value) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    MAL_TRY(mal_db_prepare(&s, store->db, sql));
    MAL_TRY(mal_db_bind_int(s, 1, id));
    MAL_TRY(mal_db_bind_int(s, 2, value));
    return mal_db_run(s);
}

static mal_err set_state(mal_store *store, int64_t id, int64_t state) {
    return change(store, "UPDATE share SET state = ?2 WHERE id = ?1", id,
                  state);
}

static mal_err list(mal_store *store, entry **out, size_t *n,
                    mal_arena *arena) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *count = NULL;
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    *n = 0;
    MAL_TRY(mal_db_prepare(&count, store->db, "SELECT count(*) FROM share"));
    MAL_TRY(mal_db_one(count));
    size_t max = (size_t)mal_db_col_int(count, 0);
    entry *e = mal_arena_calloc(arena, max + 1, sizeof *e);
    MAL_REQUIRE(e, MAL_E_MEMORY, "out of memory");
    MAL_TRY(mal_db_prepare(&s, store->db,
                           "SELECT " COLUMNS " FROM share ORDER BY room, "
                           "dataset, version DESC, epoch DESC, id DESC"));
    for (bool row = true; *n < max;) {
        MAL_TRY(mal_db_step(s, &row));
        if (!row)
            break;
        MAL_TRY(read_entry(&e[(*n)++], s));
    }
    *out = e;
    return MAL_OK;
}

/* --- Files --------------------------------------------------------------- */

static void folder(char path[4096], const mal_store *store, int64_t id) {
    snprintf(path, 4096, "%s/share-%lld", store->dir, (long long)id);
}

static mal_err remove_files(mal_store *store, int64_t id) {
    char path[4096];
    folder(path, store, id);
    if (access(path, F_OK) == 0)
        MAL_TRY(mal_dir_remove(path));
    return mal_dir_sync(store->dir);
}

static mal_err forget(mal_store *store, int64_t id) {
    MAL_TRY(remove_files(store, id));
    return change(store, "DELETE FROM share WHERE id = ?1 AND state <> ?2", id,
                  SHARES_WHOLE);
}

static mal_kms_binding binding_of(const mal_store_shares *w) {
    mal_kms_binding b = { .dataset = w->dataset, .version = w->version };
    memcpy(b.room, w->room, 32);
    memcpy(b.contract, w->contract, 32);
    return b;
}

/* An owner that holds a seat has the dataset's key already; elsewhere the first
 * sharing makes one. */
static mal_err key_of(mal_store *store, mal_key *key, const entry *e,
                      bool make) {
    MAL_AUTO(mal_key_clear) mal_key data = { 0 };
    mal_kms_binding binding = binding_of(&e->what);
    mal_err err = mal_kms_data_key(store->kms, &data, &binding);
    if (err == MAL_E_MISSING && make)
        err = mal_kms_data_new(store->kms, &data, &binding);
    MAL_TRY(err);
    MAL_TRY(mal_key_alloc(key, 32));
    return mal_prim_hkdf(key->ptr, 32, mal_key_view(&data),
                         mal_bytes_of(e->salt, 32),
                         mal_bytes_str("malus store shares key v1"));
}

static mal_err segment_ad(mal_buf *ad, const entry *e, unsigned part,
                          uint64_t segment) {
    const mal_store_shares *w = &e->what;
    mal_buf_reset(ad);
    MAL_TRY(mal_buf_put_blob_str(ad, "malus.shares/v1 aes-256-gcm"));
    MAL_TRY(mal_buf_put(ad, mal_bytes_of(w->room, 32)));
    MAL_TRY(mal_buf_put_blob_str(ad, w->dataset));
    MAL_TRY(mal_buf_put_u32(ad, w->version));
    MAL_TRY(mal_buf_put(ad, mal_bytes_of(w->upload, 32)));
    MAL_TRY(mal_buf_put(ad, mal_bytes_of(w->shape, 32)));
    MAL_TRY(mal_buf_put_u64(ad, w->epoch));
    MAL_TRY(mal_buf_put_u32(ad, w->seat));
    MAL_TRY(mal_buf_put_u64(ad, w->words));
    MAL_TRY(mal_buf_put_u32(ad, part));
    return mal_buf_put_u64(ad, segment);
}

static void nonce_of(uint8_t nonce[12], unsigned part, uint64_t segment) {
    mal_store_u32le(nonce, part);
    mal_store_u64le(nonce + 4, segment);
}

/* --- Writing ------------------------------------------------------------- */

static mal_err open_part(int *fd, const mal_store *store, int64_t id,
                         unsigned part, int flags) {
    char path[4200], dir[4096];
    folder(dir, store, id);
    snprintf(path, sizeof path, "%s/part-%u", dir, part);
    mal_fd_auto(fd);
    *fd = open(path, flags | O_CLOEXEC, 0600);
    MAL_REQUIRE(*fd >= 0, MAL_E_IO, "cannot open %s: %s", path,
                strerror(errno));
    return MAL_OK;
}

static mal_err begin(mal_store_shares_writer *w) {
    char path[4096];
    MAL_TRY(add_entry(w->store, &w->e));
    folder(path, w->store, w->e.id);
    MAL_TRY(mal_dir_make(path, 0700));
    MAL_TRY(key_of(w->store, &w->key, &w->e, true));
    w->pending = mal_calloc(SEGMENT_WORDS, sizeof *w->pending);
    MAL_REQUIRE(w->pending, MAL_E_MEMORY, "out of memory");
    return open_part(&w->fd, w->store, w->e.id, 0, O_WRONLY | O_CREAT | O_EXCL);
}

mal_err mal_store_shares_begin(mal_store *store, mal_store_shares_writer **out,
                               const mal_store_shares *shares) {
    MAL_REQUIRE(shares->seat < 3 && shares->words > 0 &&
                    shares->words <= MAL_STORE_SHARES_WORDS_MAX,
                MAL_E_INPUT, "no shares of a table");
    mal_store_shares_writer *w = mal_calloc(1, sizeof *w);
    MAL_REQUIRE(w, MAL_E_MEMORY, "out of memory");
    w->store = store;
    w->fd = -1;
    w->e.what = *shares;
    mal_prim_random(w->e.salt, 32);
    pthread_mutex_lock(&store->changing);
    mal_err err = begin(w);
    pthread_mutex_unlock(&store->changing);
    if (err != MAL_OK)
        mal_store_shares_abandon(&w);
    *out = w;
    return err;
}

static mal_err seal_pending(mal_store_shares_writer *w) {
    MAL_AUTO(mal_buf_clear) mal_buf sealed = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf ad = { 0 };
    uint8_t nonce[12];
    uint64_t segment = (w->done - 1) / SEGMENT_WORDS;
    for (size_t i = 0; i < w->n_pending; i++) /* in place: little-endian */
        mal_store_u64le((uint8_t *)&w->pending[i], w->pending[i]);
    nonce_of(nonce, w->part, segment);
    MAL_TRY(segment_ad(&ad, &w->e, w->part, segment));
    MAL_TRY(mal_prim_gcm_seal(&sealed, mal_key_view(&w->key), nonce,
                              mal_buf_view(&ad),
                              mal_bytes_of(w->pending, 8 * w->n_pending)));
    w->n_pending = 0;
    return mal_fd_write(w->fd, mal_buf_view(&sealed));
}

static mal_err end_part(mal_store_shares_writer *w) {
    MAL_REQUIRE(fsync(w->fd) == 0, MAL_E_IO, "cannot sync shares: %s",
                strerror(errno));
    w->part++;
    w->done = 0;
    if (w->part == 2)
        return MAL_OK;
    return open_part(&w->fd, w->store, w->e.id, w->part,
                     O_WRONLY | O_CREAT | O_EXCL);
}

mal_err mal_store_shares_write(mal_store_shares_writer *w,
                               const uint64_t *words, size_t n) {
    while (n > 0) {
        MAL_REQUIRE(w->part < 2, MAL_E_LIMIT, "more words than were announced");
        uint64_t left = w->e.what.words - w->done;
        size_t take = SEGMENT_WORDS - w->n_pending;
        take = take < n ? take : n;
        take = take < left ? take : (size_t)left;
        memcpy(w->pending + w->n_pending, words, 8 * take);
        w->n_pending += take;
        w->done += take;
        words += take;
        n -= take;
        if (w->n_pending == SEGMENT_WORDS || w->done == w->e.what.words)
            MAL_TRY(seal_pending(w));
        if (w->done == w->e.what.words)
            MAL_TRY(end_part(w));
    }
    return MAL_OK;
}

static void writer_free(mal_store_shares_writer **out) {
    mal_store_shares_writer *w = *out;
    mal_fd_auto(&w->fd);
    mal_key_clear(&w->key);
    if (w->pending)
        mal_wipe(w->pending, SEGMENT_WORDS * sizeof *w->pending);
    mal_free(w->pending);
    mal_free(w);
    *out = NULL;
}

static mal_err commit(mal_store_shares_writer *w) {
    char path[4096];
    MAL_REQUIRE(w->part == 2, MAL_E_INPUT, "words are missing");
    folder(path, w->store, w->e.id);
    MAL_TRY(mal_dir_sync(path));
    MAL_TRY(mal_dir_sync(w->store->dir));
    pthread_mutex_lock(&w->store->changing);
    mal_err err = set_state(w->store, w->e.id, SHARES_WHOLE);
    pthread_mutex_unlock(&w->store->changing);
    return err;
}

mal_err mal_store_shares_commit(mal_store_shares_writer **writer) {
    mal_err err = commit(*writer);
    if (err != MAL_OK)
        mal_store_shares_abandon(writer);
    else
        writer_free(writer);
    return err;
}

void mal_store_shares_abandon(mal_store_shares_writer **writer) {
    mal_store_shares_writer *w = *writer;
    if (!w)
        return;
    pthread_mutex_lock(&w->store->changing);
    if (w->e.id > 0 && forget(w->store, w->e.id) != MAL_OK)
        mal_err_forget(); /* the next open does it */
    pthread_mutex_unlock(&w->store->changing);
    writer_free(writer);
}

/* --- Looking and reading ------------------------------------------------- */

mal_err mal_store_shares_list(mal_store *store, mal_store_shares **out,
                              size_t *n, mal_arena *arena) {
    entry *entries;
    size_t all;
    MAL_TRY(list(store, &entries, &all, arena));
    *out = mal_arena_calloc(arena, all + 1, sizeof **out);
    MAL_REQUIRE(*out, MAL_E_MEMORY, "out of memory");
    *n = 0;
    for (size_t i = 0; i < all; i++)
        if (entries[i].state == SHARES_WHOLE)
            (*out)[(*n)++] = entries[i].what;
    return MAL_OK;
}

static bool same_sharing(const mal_store_shares *a, const mal_store_shares *b) {
    return mal_compare_vartime(a->room, b->room, 32) == 0 &&
           strcmp(a->dataset, b->dataset) == 0 && a->version == b->version &&
           mal_compare_vartime(a->upload, b->upload, 32) == 0 &&
           a->epoch == b->epoch;
}

static mal_err find(mal_store *store, entry *out, mal_arena *arena,
                    const mal_store_shares *shares) {
    entry *entries;
    size_t n;
    MAL_TRY(list(store, &entries, &n, arena));
    for (size_t i = 0; i < n; i++)
        if (entries[i].state == SHARES_WHOLE &&
            same_sharing(&entries[i].what, shares)) {
            *out = entries[i];
            return MAL_OK;
        }
    MAL_FAIL(MAL_E_MISSING, "no such shares of %s here", shares->dataset);
}

static mal_err read_segment(int fd, const entry *e, const mal_key *key,
                            unsigned part, uint64_t segment, uint64_t *out,
                            size_t n) {
    MAL_AUTO(mal_buf_clear) mal_buf sealed = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf plain = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf ad = { 0 };
    uint8_t nonce[12];
    MAL_TRY(mal_buf_reserve(&sealed, 8 * n + MAL_PRIM_AEAD_TAG));
    MAL_REQUIRE(mal_fd_read(fd, sealed.ptr, 8 * n + MAL_PRIM_AEAD_TAG) ==
                    MAL_OK,
                MAL_E_AUTH, "shares of %s are cut short", e->what.dataset);
    sealed.len = 8 * n + MAL_PRIM_AEAD_TAG;
    nonce_of(nonce, part, segment);
    MAL_TRY(segment_ad(&ad, e, part, segment));
    MAL_TRY(mal_prim_gcm_open(&plain, mal_key_view(key), nonce,
                              mal_buf_view(&ad), mal_buf_view(&sealed)));
    for (size_t i = 0; i < n; i++)
        out[i] = mal_load_u64le(plain.ptr + 8 * i);
    return MAL_OK;
}

mal_err mal_store_shares_read(mal_store *store, uint64_t *const part[2],
                              const mal_store_shares *shares) {
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(16 << 20);
    MAL_AUTO(mal_key_clear) mal_key key = { 0 };
    MAL_AUTO(mal_fd_auto) int fd = -1;
    entry e;
    MAL_REQUIRE(arena, MAL_E_MEMORY, "out of memory");
    MAL_TRY(find(store, &e, arena, shares));
    MAL_TRY(key_of(store, &key, &e, false));
    for (unsigned k = 0; k < 2; k++) {
        MAL_TRY(open_part(&fd, store, e.id, k, O_RDONLY));
        for (uint64_t at = 0; at < e.what.words; at += SEGMENT_WORDS) {
            uint64_t left = e.what.words - at;
            size_t n = left < SEGMENT_WORDS ? (size_t)left : SEGMENT_WORDS;
            MAL_TRY(read_segment(fd, &e, &key, k, at / SEGMENT_WORDS,
                                 part[k] + at, n));
        }
    }
    return MAL_OK;
}

/* --- Changing ------------------------------------------------------------ */

static mal_err drop(mal_store *store, const mal_store_shares *shares) {
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(16 << 20);
    entry e;
    MAL_REQUIRE(arena, MAL_E_MEMORY, "out of memory");
    MAL_TRY(find(store, &e, arena, shares));
    MAL_TRY(set_state(store, e.id, SHARES_DOOMED));
    return forget(store, e.id);
}

mal_err mal_store_shares_drop(mal_store *store,
                              const mal_store_shares *shares) {
    pthread_mutex_lock(&store->changing);
    mal_err err = drop(store, shares);
    pthread_mutex_unlock(&store->changing);
    return err;
}

/* The key too, unless it is that of a version of our own, which stays. */
static mal_err erase(mal_store *store, const entry *e) {
    mal_kms_binding binding = binding_of(&e->what);
    store_entry own;
    mal_err err = mal_store_entry_find(store, &own, e->what.room,
                                       e->what.dataset, e->what.version);
    if (err == MAL_E_MISSING) {
        mal_err_forget();
        err = mal_kms_data_destroy(store->kms, &binding);
    }
    MAL_TRY(err);
    return forget(store, e->id);
}

mal_err mal_store_shares_forget(mal_store *store, const uint8_t room[32],
                                const char *dataset, uint32_t version,
                                size_t *removed) {
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(16 << 20);
    entry *e;
    size_t n;
    *removed = 0;
    MAL_REQUIRE(arena, MAL_E_MEMORY, "out of memory");
    MAL_TRY(list(store, &e, &n, arena));
    for (size_t i = 0; i < n; i++) {
        const mal_store_shares *w = &e[i].what;
        if (mal_compare_vartime(w->room, room, 32) != 0 ||
            strcmp(w->dataset, dataset) != 0 ||
            (version && w->version != version))
            continue;
        MAL_TRY(set_state(store, e[i].id, SHARES_ERASED));
        MAL_TRY(erase(store, &e[i]));
        ++*removed;
    }
    return MAL_OK;
}

mal_err mal_store_shares_remove(mal_store *store, const uint8_t room[32],
                                const char *dataset, uint32_t version,
                                size_t *removed) {
    pthread_mutex_lock(&store->changing);
    mal_err err =
        mal_store_shares_forget(store, room, dataset, version, removed);
    pthread_mutex_unlock(&store->changing);
    return err;
}

mal_err mal_store_shares_rewrap(mal_store *store, const uint8_t room[32],
                                const uint8_t contract[32]) {
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(16 << 20);
    entry *e;
    size_t n;
    MAL_REQUIRE(arena, MAL_E_MEMORY, "out of memory");
    MAL_TRY(list(store, &e, &n, arena));
    for (size_t i = 0; i < n; i++) {
        mal_kms_binding binding = binding_of(&e[i].what);
        if (mal_compare_vartime(e[i].what.room, room, 32) != 0 ||
            mal_compare_vartime(e[i].what.contract, contract, 32) == 0)
            continue;
        MAL_TRY(mal_kms_data_rewrap(store->kms, &binding, contract));
        MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
        MAL_TRY(mal_db_prepare(&s, store->db,
                               "UPDATE share SET contract = ?2 WHERE id = ?1"));
        MAL_TRY(mal_db_bind_int(s, 1, e[i].id));
        MAL_TRY(mal_db_bind_blob(s, 2, mal_bytes_of(contract, 32)));
        MAL_TRY(mal_db_run(s));
    }
    return MAL_OK;
}

mal_err mal_store_shares_recover(mal_store *store) {
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(16 << 20);
    entry *e;
    size_t n;
    MAL_TRY(mal_db_exec(store->db, schema_shares));
    MAL_REQUIRE(arena, MAL_E_MEMORY, "out of memory");
    MAL_TRY(list(store, &e, &n, arena));
    for (size_t i = 0; i < n; i++)
        if (e[i].state != SHARES_WHOLE)
            MAL_TRY(e[i].state == SHARES_ERASED ? erase(store, &e[i])
                                                : forget(store, e[i].id));
    return MAL_OK;
}
