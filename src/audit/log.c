/* log.c - opening a log, appending to it durably, its checkpoint.
 *
 * Files of a log folder:
 *     lock            held exclusively while the log is open
 *     tile/...        C2SP tlog-tiles; a file that no signed size covers is
 * junk signed          the checkpoint text (no signature) that we last decided
 * to sign; renamed into place after all tiles below it are synced checkpoint
 * the signed note, made from `signed`; may lag by one step
 *
 * `signed` is the point of commitment.  A crash before it leaves the old size;
 * a crash after it leaves the new size, and opening signs the same text again.
 */
#include "log_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_MAX_ ((size_t)4096)

mal_err audit_log_path(mal_buf *out, const mal_audit_log *log, int level,
                       uint64_t index, unsigned width) {
    MAL_TRY(mal_buf_put_fmt(out, "%s/", log->dir));
    return mal_audit_tile_path(out, level, index, width);
}

/* --- Writing tiles -------------------------------------------------------- */

/* Files and folders of one append that wait for their sync.  A few are synced
 * one by one; with many, one syncfs is cheaper. */
#define PENDING_MAX 8
typedef struct pending {
    mal_audit_log *log;
    int fd[PENDING_MAX];
    char *folder[PENDING_MAX];
    size_t n;
    bool whole; /* too many: sync the file system */
} pending;

static void pending_clear(pending *p) {
    for (size_t i = 0; i < p->n; i++) {
        close(p->fd[i]);
        mal_free(p->folder[i]);
    }
    p->n = 0;
}

static mal_err pending_add(pending *p, int fd, const char *folder) {
    size_t len = strlen(folder) + 1;
    char *copy = p->n < PENDING_MAX ? mal_calloc(1, len) : NULL;
    if (!copy) {
        close(fd);
        p->whole = true;
        return MAL_OK;
    }
    memcpy(copy, folder, len);
    p->fd[p->n] = fd;
    p->folder[p->n++] = copy;
    return MAL_OK;
}

static mal_err sync_fd(int fd, const char *what) {
    MAL_REQUIRE(fdatasync(fd) == 0, MAL_E_IO, "cannot sync %s: %s", what,
                strerror(errno));
    return MAL_OK;
}

/* A tile's folder and its parents up to the log's own. */
static mal_err sync_folders(const pending *p, size_t i) {
    char path[PATH_MAX_];
    size_t root = strlen(p->log->dir);
    for (size_t j = 0; j < i; j++)
        if (strcmp(p->folder[j], p->folder[i]) == 0)
            return MAL_OK;
    snprintf(path, sizeof path, "%s", p->folder[i]);
    while (strlen(path) >= root) {
        MAL_TRY(mal_dir_sync(path));
        char *slash = strrchr(path, '/');
        if (!slash || strlen(path) == root)
            break;
        *slash = 0;
    }
    return MAL_OK;
}

static mal_err pending_sync(const pending *p) {
    if (p->whole) {
        MAL_REQUIRE(syncfs(p->log->dir_fd) == 0, MAL_E_IO,
                    "cannot sync the log's file system: %s", strerror(errno));
        return MAL_OK;
    }
    for (size_t i = 0; i < p->n; i++)
        MAL_TRY(sync_fd(p->fd[i], p->folder[i]));
    for (size_t i = 0; i < p->n; i++)
        MAL_TRY(sync_folders(p, i));
    return MAL_OK;
}

/* In place, without a temporary name: no signed size covers the file yet, and
 * one that an earlier crash left behind is overwritten whole. */
static mal_err write_tile(pending *p, int level, uint64_t index, unsigned width,
                          mal_bytes bytes) {
    MAL_AUTO(mal_buf_clear) mal_buf buf = { 0 };
    MAL_AUTO(mal_fd_auto) int fd = -1;
    const char *path;
    char folder[PATH_MAX_];

    MAL_TRY(audit_log_path(&buf, p->log, level, index, width));
    MAL_TRY(mal_buf_cstr(&buf, &path));
    MAL_REQUIRE(buf.len < sizeof folder, MAL_E_LIMIT, "%s is too long", path);
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path),
             path);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 && errno == ENOENT) {
        MAL_TRY(mal_dir_make(folder, 0755));
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    }
    MAL_REQUIRE(fd >= 0, MAL_E_IO, "cannot write %s: %s", path,
                strerror(errno));
    MAL_TRY(mal_fd_write(fd, bytes));
    int given = fd;
    fd = -1;
    return pending_add(p, given, folder);
}

static mal_err write_full(void *ctx, int level, uint64_t index,
                          mal_bytes bytes) {
    return write_tile(ctx, level, index, AUDIT_TILE, bytes);
}

/* The partial tiles that the new size has and the old one had not. */
static mal_err write_partial(pending *p, uint64_t old_size,
                             const audit_edge *edge) {
    for (unsigned l = 0; l < AUDIT_LEVELS; l++) {
        unsigned width = audit_width(edge->size, l);
        uint64_t hashes = edge->size >> (8 * l);
        if (width == 0 || hashes == old_size >> (8 * l))
            continue;
        MAL_TRY(write_tile(
            p, (int)l, hashes >> 8, width,
            mal_bytes_of(edge->tile[l], width * sizeof(mal_prim_hash))));
    }
    unsigned width = audit_width(edge->size, 0);
    if (width > 0)
        MAL_TRY(write_tile(p, -1, edge->size >> 8, width,
                           mal_buf_view(&edge->bundle)));
    return MAL_OK;
}

/* Partial tiles of a tile that is full now, and signed, are served no longer.
 */
static void drop_partial(mal_audit_log *log, uint64_t old_size,
                         uint64_t new_size) {
    for (int level = -1; level < AUDIT_LEVELS; level++) {
        unsigned shift = level < 0 ? 0 : 8 * (unsigned)level;
        uint64_t tile = old_size >> shift >> 8;
        MAL_AUTO(mal_buf_clear) mal_buf path = { 0 };
        const char *text;
        if (tile == new_size >> shift >> 8)
            continue;
        if (audit_log_path(&path, log, level, tile, AUDIT_TILE) != MAL_OK ||
            mal_buf_put_str(&path, ".p") != MAL_OK ||
            mal_buf_cstr(&path, &text) != MAL_OK || !mal_file_exists(text) ||
            mal_dir_remove(text) != MAL_OK)
            mal_err_forget(); /* they only take up room */
    }
}

/* --- The checkpoint ------------------------------------------------------- */

static mal_err file_path(char *out, const mal_audit_log *log,
                         const char *name) {
    int n = snprintf(out, PATH_MAX_, "%s/%s", log->dir, name);
    MAL_REQUIRE(n > 0 && (size_t)n < PATH_MAX_, MAL_E_LIMIT,
                "the log's path is too long");
    return MAL_OK;
}

/* Whole or absent, but not synced: opening makes it again from `signed`. */
static mal_err write_checkpoint(mal_audit_log *log, mal_bytes note) {
    char path[PATH_MAX_], fresh[PATH_MAX_];
    MAL_AUTO(mal_fd_auto) int fd = -1;
    MAL_TRY(file_path(path, log, "checkpoint"));
    MAL_TRY(file_path(fresh, log, "checkpoint.new"));
    fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    MAL_REQUIRE(fd >= 0, MAL_E_IO, "cannot write %s: %s", fresh,
                strerror(errno));
    MAL_TRY(mal_fd_write(fd, note));
    MAL_REQUIRE(rename(fresh, path) == 0, MAL_E_IO, "cannot rename %s: %s",
                fresh, strerror(errno));
    return MAL_OK;
}

static mal_err make_text(mal_buf *text, const mal_audit_log *log,
                         const audit_edge *edge) {
    mal_audit_checkpoint cp = { .size = edge->size };
    memcpy(cp.origin, log->vkey.name, sizeof cp.origin);
    audit_edge_root(edge, &cp.root);
    return mal_audit_checkpoint_print(text, &cp);
}

static mal_err make_note(mal_buf *note, const mal_audit_log *log,
                         mal_bytes text) {
    MAL_TRY(mal_buf_put(note, text));
    MAL_TRY(mal_buf_put_str(note, "\n"));
    return mal_audit_note_sign_line(note, text, log->vkey.name, &log->signer,
                                    0);
}

/* Decide on a size, durably, and only then sign it. */
static mal_err commit(mal_audit_log *log, audit_edge *edge) {
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf note = { 0 };
    char path[PATH_MAX_];
    MAL_TRY(make_text(&text, log, edge));
    MAL_TRY(make_note(&note, log, mal_buf_view(&text)));
    MAL_TRY(file_path(path, log, "signed"));
    log->dead = true; /* from here on, only success knows what is on disk */
    MAL_TRY(mal_file_write(path, mal_buf_view(&text), 0644));
    MAL_TRY(write_checkpoint(log, mal_buf_view(&note)));
    mal_buf_clear(&log->note);
    log->note = note;
    note = (mal_buf){ 0 };
    log->dead = false;
    return MAL_OK;
}

/* --- Opening -------------------------------------------------------------- */

static mal_err take_lock(mal_audit_log *log) {
    char path[PATH_MAX_];
    MAL_TRY(file_path(path, log, "lock"));
    log->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    MAL_REQUIRE(log->lock_fd >= 0, MAL_E_IO, "cannot open %s: %s", path,
                strerror(errno));
    MAL_REQUIRE(flock(log->lock_fd, LOCK_EX | LOCK_NB) == 0, MAL_E_STATE,
                "the log %s is open in another process", log->dir);
    return MAL_OK;
}

static mal_err read_tile(mal_buf *out, const mal_audit_log *log, int level,
                         uint64_t index, unsigned width) {
    MAL_AUTO(mal_buf_clear) mal_buf path = { 0 };
    const char *text;
    MAL_TRY(audit_log_path(&path, log, level, index, width));
    MAL_TRY(mal_buf_cstr(&path, &text));
    return mal_file_read(out, text, AUDIT_BUNDLE_MAX);
}

/* The entries of the last bundle must be the leaves of the last tile. */
static mal_err check_bundle(const audit_edge *edge) {
    mal_rd rd = mal_rd_of(mal_buf_view(&edge->bundle));
    unsigned width = audit_width(edge->size, 0);
    for (unsigned i = 0; i < width; i++) {
        mal_bytes entry;
        mal_prim_hash leaf;
        MAL_TRY(audit_bundle_next(&rd, &entry));
        mal_prim_merkle_leaf(&leaf, entry);
        MAL_REQUIRE(mal_equal(leaf.b, edge->tile[0][i].b, sizeof leaf.b),
                    MAL_E_IO, "entry %u of the last bundle is damaged", i);
    }
    return mal_rd_end(&rd);
}

static mal_err load_edge(mal_audit_log *log, const mal_audit_checkpoint *cp) {
    audit_edge *edge = log->edge;
    mal_prim_hash root;
    edge->size = cp->size;
    for (unsigned l = 0; l < AUDIT_LEVELS; l++) {
        unsigned width = audit_width(cp->size, l);
        MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
        if (width == 0)
            continue;
        MAL_TRY(
            read_tile(&bytes, log, (int)l, cp->size >> (8 * l) >> 8, width));
        MAL_REQUIRE(bytes.len == width * sizeof(mal_prim_hash), MAL_E_IO,
                    "a tile of level %u has a wrong length", l);
        memcpy(edge->tile[l], bytes.ptr, bytes.len);
    }
    if (audit_width(cp->size, 0) > 0)
        MAL_TRY(read_tile(&edge->bundle, log, -1, cp->size >> 8,
                          audit_width(cp->size, 0)));
    MAL_REQUIRE(check_bundle(edge) == MAL_OK, MAL_E_IO,
                "the log's last entries are damaged: %s", mal_err_message());
    audit_edge_root(edge, &root);
    MAL_REQUIRE(mal_equal(root.b, cp->root.b, sizeof root.b), MAL_E_IO,
                "the log's tiles do not give the root that was signed for "
                "size %llu: restore the folder whole",
                (unsigned long long)cp->size);
    return MAL_OK;
}

static mal_err read_own_note(mal_audit_note *note, mal_audit_checkpoint *cp,
                             const mal_audit_log *log) {
    MAL_TRY(mal_audit_note_parse(note, mal_buf_view(&log->note)));
    MAL_TRY(mal_audit_note_verify(NULL, NULL, note, &log->vkey, 1));
    return mal_audit_checkpoint_parse(cp, note->text);
}

/* The checkpoint file, if it is what `signed` says; then its cosignatures are
 * kept.  *stale: it must be made again.  One that is ahead of `signed` shows
 * that somebody put back an old file. */
static mal_err load_checkpoint(mal_audit_log *log, mal_bytes text,
                               uint64_t size, bool *stale) {
    char path[PATH_MAX_];
    mal_audit_note note;
    mal_audit_checkpoint cp;
    *stale = true;
    MAL_TRY(file_path(path, log, "checkpoint"));
    if (!mal_file_exists(path))
        return MAL_OK;
    MAL_TRY(mal_file_read(&log->note, path, MAL_AUDIT_NOTE_MAX));
    mal_err err = read_own_note(&note, &cp, log);
    if (err == MAL_E_MEMORY)
        return err;
    if (err != MAL_OK)
        return MAL_OK; /* torn by a loss of power */
    MAL_REQUIRE(cp.size <= size, MAL_E_IO,
                "the checkpoint is at %llu, the record of what was signed at "
                "%llu: part of the folder was put back; restore it whole",
                (unsigned long long)cp.size, (unsigned long long)size);
    *stale = !mal_bytes_same_vartime(note.text, text);
    return MAL_OK;
}

/* A folder without `signed` is new: nothing was ever signed in it. */
static mal_err start_empty(mal_audit_log *log) {
    char path[PATH_MAX_];
    MAL_TRY(file_path(path, log, "checkpoint"));
    MAL_REQUIRE(!mal_file_exists(path), MAL_E_IO,
                "%s is there, but the record of what was signed is not: "
                "restore the folder whole",
                path);
    MAL_TRY(commit(log, log->edge));
    return mal_dir_sync(log->dir);
}

static mal_err load(mal_audit_log *log) {
    char path[PATH_MAX_];
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    mal_audit_checkpoint cp;
    bool stale;

    MAL_TRY(file_path(path, log, "signed"));
    if (!mal_file_exists(path))
        return start_empty(log);
    MAL_TRY(mal_file_read(&text, path, MAL_AUDIT_NOTE_MAX));
    mal_err err = mal_audit_checkpoint_parse(&cp, mal_buf_view(&text));
    MAL_REQUIRE(err == MAL_OK || err == MAL_E_MEMORY, MAL_E_IO,
                "%s is damaged: %s", path, mal_err_message());
    MAL_TRY(err);
    MAL_REQUIRE(strcmp(cp.origin, log->vkey.name) == 0, MAL_E_STATE,
                "the folder %s holds the log %s, not %s", log->dir, cp.origin,
                log->vkey.name);
    /* It may have been renamed by a process that was killed before it synced
     * the folder; we are about to sign what it says. */
    MAL_TRY(mal_dir_sync(log->dir));
    MAL_TRY(load_edge(log, &cp));
    MAL_TRY(load_checkpoint(log, mal_buf_view(&text), cp.size, &stale));
    if (!stale)
        return MAL_OK;
    mal_buf_reset(&log->note);
    MAL_TRY(make_note(&log->note, log, mal_buf_view(&text)));
    return write_checkpoint(log, mal_buf_view(&log->note));
}

mal_err mal_audit_log_open(mal_audit_log **out, const char *dir,
                           const char *origin, const mal_audit_signer *signer) {
    *out = NULL;
    MAL_AUTO(mal_audit_log_auto)
    mal_audit_log *log = mal_calloc(1, sizeof *log);
    MAL_REQUIRE(log, MAL_E_MEMORY, "out of memory");
    log->dir_fd = log->lock_fd = -1;
    pthread_mutex_init(&log->lock, NULL);
    log->signer = *signer;
    MAL_TRY(mal_audit_vkey_make(&log->vkey, origin, MAL_AUDIT_SIG_ED25519,
                                signer->pub));
    log->dir = mal_calloc(1, strlen(dir) + 1);
    log->edge = mal_calloc(1, sizeof *log->edge);
    log->next = mal_calloc(1, sizeof *log->next);
    log->cache = mal_calloc(AUDIT_CACHE, sizeof *log->cache);
    MAL_REQUIRE(log->dir && log->edge && log->next && log->cache, MAL_E_MEMORY,
                "out of memory");
    memcpy(log->dir, dir, strlen(dir));
    MAL_TRY(mal_dir_make(dir, 0755));
    log->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    MAL_REQUIRE(log->dir_fd >= 0, MAL_E_IO, "cannot open %s: %s", dir,
                strerror(errno));
    MAL_TRY(take_lock(log));
    MAL_TRY(load(log));
    *out = log;
    log = NULL;
    return MAL_OK;
}

void mal_audit_log_close(mal_audit_log *log) {
    if (!log)
        return;
    if (log->edge)
        mal_buf_clear(&log->edge->bundle);
    if (log->next)
        mal_buf_clear(&log->next->bundle);
    mal_free(log->edge);
    mal_free(log->next);
    mal_free(log->cache);
    mal_free(log->dir);
    mal_buf_clear(&log->note);
    mal_fd_auto(&log->dir_fd);
    mal_fd_auto(&log->lock_fd); /* gives the lock back */
    pthread_mutex_destroy(&log->lock);
    mal_free(log);
}

void mal_audit_log_auto(mal_audit_log **log) {
    mal_audit_log_close(*log);
    *log = NULL;
}

/* --- Appending ------------------------------------------------------------ */

static mal_err append_locked(mal_audit_log *log, uint64_t *first,
                             const mal_bytes *entries, size_t n) {
    MAL_AUTO(pending_clear) pending p = { .log = log };
    uint64_t old_size = log->edge->size;

    MAL_REQUIRE(!log->dead, MAL_E_STATE,
                "an append to this log failed half-way: open it again");
    MAL_REQUIRE(n > 0, MAL_E_INPUT, "nothing to append");
    MAL_TRY(audit_edge_copy(log->next, log->edge));
    for (size_t i = 0; i < n; i++)
        MAL_TRY(audit_edge_add(log->next, entries[i], write_full, &p));
    MAL_TRY(write_partial(&p, old_size, log->next));
    MAL_TRY(pending_sync(&p));
    MAL_TRY(commit(log, log->next));
    audit_edge *old = log->edge;
    log->edge = log->next;
    log->next = old;
    drop_partial(log, old_size, log->edge->size);
    if (first)
        *first = old_size;
    return MAL_OK;
}

mal_err mal_audit_log_append(mal_audit_log *log, uint64_t *first,
                             const mal_bytes *entries, size_t n) {
    pthread_mutex_lock(&log->lock);
    mal_err err = append_locked(log, first, entries, n);
    pthread_mutex_unlock(&log->lock);
    return err;
}

uint64_t mal_audit_log_size(mal_audit_log *log) {
    pthread_mutex_lock(&log->lock);
    uint64_t size = log->edge->size;
    pthread_mutex_unlock(&log->lock);
    return size;
}

const mal_audit_vkey *mal_audit_log_vkey(const mal_audit_log *log) {
    return &log->vkey;
}

mal_err mal_audit_log_checkpoint(mal_audit_log *log, mal_buf *note) {
    pthread_mutex_lock(&log->lock);
    mal_err err = log->dead
                      ? mal_err_set(MAL_E_STATE, __FILE__, __LINE__,
                                    "an append to this log failed half-way: "
                                    "open it again")
                      : mal_buf_put(note, mal_buf_view(&log->note));
    pthread_mutex_unlock(&log->lock);
    return err;
}

static mal_err publish_locked(mal_audit_log *log, uint64_t size,
                              mal_bytes lines) {
    MAL_AUTO(mal_buf_clear) mal_buf note = { 0 };
    mal_audit_note parsed;
    MAL_REQUIRE(!log->dead && size == log->edge->size, MAL_E_STATE,
                "the log has grown past %llu", (unsigned long long)size);
    MAL_TRY(mal_buf_put(&note, mal_buf_view(&log->note)));
    MAL_TRY(mal_buf_put(&note, lines));
    MAL_TRY(mal_audit_note_parse(&parsed, mal_buf_view(&note)));
    MAL_TRY(write_checkpoint(log, mal_buf_view(&note)));
    mal_buf_clear(&log->note);
    log->note = note;
    note = (mal_buf){ 0 };
    return MAL_OK;
}

mal_err mal_audit_log_publish(mal_audit_log *log, uint64_t size,
                              mal_bytes lines) {
    pthread_mutex_lock(&log->lock);
    mal_err err = publish_locked(log, size, lines);
    pthread_mutex_unlock(&log->lock);
    return err;
}

mal_err mal_audit_log_state(mal_audit_log *log, uint64_t *index,
                            mal_buf *envelope, const mal_audit_statement *s,
                            const mal_audit_signer *signer) {
    MAL_AUTO(mal_buf_clear) mal_buf json = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf entry = { 0 };
    MAL_TRY(mal_audit_statement_encode(&json, s));
    MAL_TRY(mal_audit_dsse_sign(&entry, MAL_AUDIT_TYPE_STATEMENT,
                                mal_buf_view(&json), signer, 1));
    mal_bytes bytes = mal_buf_view(&entry);
    MAL_TRY(mal_audit_log_append(log, index, &bytes, 1));
    if (envelope)
        MAL_TRY(mal_buf_put(envelope, bytes));
    return MAL_OK;
}
