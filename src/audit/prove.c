/* prove.c - entries, roots and proofs out of an open log's tiles. */
#include "log_impl.h"

#include <string.h>

/* --- Nodes ---------------------------------------------------------------- */

/* Where the nodes of height r above a tile's hashes start in audit_nodes. */
static size_t row_start(unsigned r) {
    return 2 * AUDIT_TILE - (2 * AUDIT_TILE >> r);
}

static mal_err load_tile(mal_audit_log *log, audit_nodes *nodes, unsigned level,
                         uint64_t index) {
    MAL_AUTO(mal_buf_clear) mal_buf path = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
    const char *text;

    nodes->used = false;
    MAL_TRY(audit_log_path(&path, log, (int)level, index, AUDIT_TILE));
    MAL_TRY(mal_buf_cstr(&path, &text));
    MAL_TRY(mal_file_read(&bytes, text, AUDIT_TILE_BYTES + 1));
    MAL_REQUIRE(bytes.len == AUDIT_TILE_BYTES, MAL_E_IO,
                "the tile %s is damaged: it has %zu bytes", text, bytes.len);
    memcpy(nodes->node, bytes.ptr, AUDIT_TILE_BYTES);
    for (size_t i = AUDIT_TILE, below = 0; i < 2 * AUDIT_TILE - 1;
         i++, below += 2)
        mal_prim_merkle_node(&nodes->node[i], &nodes->node[below],
                             &nodes->node[below + 1]);
    nodes->level = level;
    nodes->index = index;
    nodes->used = true;
    return MAL_OK;
}

/* The root of the full subtree of 2^height entries that starts at entry
 * index * 2^height. */
static mal_err node_at(mal_audit_log *log, mal_prim_hash *out, unsigned height,
                       uint64_t index) {
    unsigned level = height / 8, r = height % 8;
    uint64_t hash = index << r; /* number of its first hash in the level */
    uint64_t tile = hash >> 8;
    unsigned offset = (unsigned)hash & 255;

    if (tile == log->edge->size >> (8 * level) >> 8) {
        mal_prim_merkle_root(out, &log->edge->tile[level][offset],
                             (size_t)1 << r);
        return MAL_OK;
    }
    audit_nodes *nodes = &log->cache[(tile * 31 + level * 7) % AUDIT_CACHE];
    if (!nodes->used || nodes->level != level || nodes->index != tile)
        MAL_TRY(load_tile(log, nodes, level, tile));
    *out = nodes->node[row_start(r) + (offset >> r)];
    return MAL_OK;
}

/* The largest power of two below n, as a height; n >= 2. */
static unsigned split_height(uint64_t n) {
    return 63 - (unsigned)__builtin_clzll(n - 1);
}

/* [RFC6962] MTH(D[lo:hi]), where lo is a multiple of the split of hi - lo. */
static mal_err range_root(mal_audit_log *log, mal_prim_hash *out, uint64_t lo,
                          uint64_t hi) {
    mal_prim_hash part[64]; /* full subtrees, from left to right */
    size_t n = 0;
    while (hi - lo > 1) {
        uint64_t len = hi - lo;
        unsigned h = (len & (len - 1)) == 0 ? (unsigned)__builtin_ctzll(len)
                                            : split_height(len);
        MAL_TRY(node_at(log, &part[n++], h, lo >> h));
        lo += (uint64_t)1 << h;
    }
    if (hi - lo == 1)
        MAL_TRY(node_at(log, &part[n++], 0, lo));
    assert(n > 0);
    *out = part[n - 1];
    while (--n > 0)
        mal_prim_merkle_node(out, &part[n - 1], out);
    return MAL_OK;
}

/* --- Proofs --------------------------------------------------------------- */

static void reverse(mal_prim_hash *path, size_t n) {
    for (size_t i = 0; i < n / 2; i++) {
        mal_prim_hash t = path[i];
        path[i] = path[n - 1 - i];
        path[n - 1 - i] = t;
    }
}

/* [RFC6962] section 2.1.1, from the root down. */
static mal_err prove_locked(mal_audit_log *log, mal_prim_hash *path, size_t *n,
                            uint64_t index, uint64_t size) {
    uint64_t lo = 0, hi = size;
    *n = 0;
    MAL_REQUIRE(size <= log->edge->size && index < size, MAL_E_INPUT,
                "entry %llu is not among the first %llu of %llu",
                (unsigned long long)index, (unsigned long long)size,
                (unsigned long long)log->edge->size);
    while (hi - lo > 1) {
        uint64_t middle = lo + ((uint64_t)1 << split_height(hi - lo));
        assert(*n < MAL_AUDIT_PROOF_MAX);
        if (index < middle) {
            MAL_TRY(range_root(log, &path[(*n)++], middle, hi));
            hi = middle;
        } else {
            MAL_TRY(range_root(log, &path[(*n)++], lo, middle));
            lo = middle;
        }
    }
    reverse(path, *n);
    return MAL_OK;
}

/* [RFC6962] section 2.1.2, SUBPROOF, from the root down. */
static mal_err consistency_locked(mal_audit_log *log, mal_prim_hash *path,
                                  size_t *n, uint64_t size1, uint64_t size2) {
    uint64_t lo = 0, hi = size2;
    bool known = true; /* the verifier has the root of what is left */
    *n = 0;
    MAL_REQUIRE(size2 <= log->edge->size && size1 <= size2, MAL_E_INPUT,
                "no proof from size %llu to %llu in a log of %llu",
                (unsigned long long)size1, (unsigned long long)size2,
                (unsigned long long)log->edge->size);
    if (size1 == 0)
        return MAL_OK; /* everything extends the empty tree */
    while (size1 != hi) {
        uint64_t middle = lo + ((uint64_t)1 << split_height(hi - lo));
        assert(*n < MAL_AUDIT_PROOF_MAX);
        if (size1 <= middle) {
            MAL_TRY(range_root(log, &path[(*n)++], middle, hi));
            hi = middle;
        } else {
            MAL_TRY(range_root(log, &path[(*n)++], lo, middle));
            lo = middle;
            known = false;
        }
    }
    if (!known)
        MAL_TRY(range_root(log, &path[(*n)++], lo, hi));
    reverse(path, *n);
    return MAL_OK;
}

mal_err audit_log_root_locked(mal_audit_log *log, mal_prim_hash *root,
                              uint64_t size) {
    MAL_REQUIRE(size <= log->edge->size, MAL_E_INPUT,
                "the log has %llu entries, not %llu",
                (unsigned long long)log->edge->size, (unsigned long long)size);
    if (size == 0) {
        mal_prim_merkle_root(root, NULL, 0);
        return MAL_OK;
    }
    return range_root(log, root, 0, size);
}

mal_err mal_audit_log_root(mal_audit_log *log, mal_prim_hash *root,
                           uint64_t size) {
    pthread_mutex_lock(&log->lock);
    mal_err err = audit_log_root_locked(log, root, size);
    pthread_mutex_unlock(&log->lock);
    return err;
}

mal_err mal_audit_log_prove(mal_audit_log *log, mal_prim_hash *path, size_t *n,
                            uint64_t index, uint64_t size) {
    pthread_mutex_lock(&log->lock);
    mal_err err = prove_locked(log, path, n, index, size);
    pthread_mutex_unlock(&log->lock);
    return err;
}

mal_err mal_audit_log_prove_consistency(mal_audit_log *log, mal_prim_hash *path,
                                        size_t *n, uint64_t size1,
                                        uint64_t size2) {
    pthread_mutex_lock(&log->lock);
    mal_err err = consistency_locked(log, path, n, size1, size2);
    pthread_mutex_unlock(&log->lock);
    return err;
}

mal_err mal_audit_log_continues(mal_audit_log *log, uint64_t size,
                                const mal_prim_hash *root) {
    mal_prim_hash ours;
    MAL_REQUIRE(size <= mal_audit_log_size(log), MAL_E_STATE,
                "this log ends at %llu, but a peer has cosigned its head at "
                "%llu: this state folder is older than the log; restore the "
                "newest one",
                (unsigned long long)mal_audit_log_size(log),
                (unsigned long long)size);
    MAL_TRY(mal_audit_log_root(log, &ours, size));
    MAL_REQUIRE(mal_equal(ours.b, root->b, sizeof ours.b), MAL_E_AUTH,
                "a peer has cosigned another head of this log at size %llu: "
                "it was forked",
                (unsigned long long)size);
    return MAL_OK;
}

/* --- Entries -------------------------------------------------------------- */

static mal_err pick_entry(mal_buf *entry, mal_bytes bundle, unsigned at) {
    mal_rd rd = mal_rd_of(bundle);
    mal_bytes found;
    for (unsigned i = 0; i <= at; i++)
        MAL_TRY(audit_bundle_next(&rd, &found));
    return mal_buf_put(entry, found);
}

static mal_err read_locked(mal_audit_log *log, mal_buf *entry, uint64_t index) {
    MAL_AUTO(mal_buf_clear) mal_buf path = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf bundle = { 0 };
    const char *text;

    MAL_REQUIRE(index < log->edge->size, MAL_E_MISSING,
                "the log has no entry %llu", (unsigned long long)index);
    unsigned at = (unsigned)index & 255;
    if (index >> 8 == log->edge->size >> 8)
        return pick_entry(entry, mal_buf_view(&log->edge->bundle), at);
    MAL_TRY(audit_log_path(&path, log, -1, index >> 8, AUDIT_TILE));
    MAL_TRY(mal_buf_cstr(&path, &text));
    MAL_TRY(mal_file_read(&bundle, text, AUDIT_BUNDLE_MAX));
    return pick_entry(entry, mal_buf_view(&bundle), at);
}

mal_err mal_audit_log_read(mal_audit_log *log, mal_buf *entry, uint64_t index) {
    pthread_mutex_lock(&log->lock);
    mal_err err = read_locked(log, entry, index);
    pthread_mutex_unlock(&log->lock);
    return err;
}
