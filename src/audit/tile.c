/* tile.c - tile paths, the tree's right edge, and roots out of it [C2SP26],
 * [RFC6962].
 */
#include "audit_impl.h"

#include <string.h>

/* --- Paths ---------------------------------------------------------------- */

/* [C2SP26] tlog-tiles: the index in groups of three digits, all but the last
 * marked with x. */
mal_err mal_audit_tile_path(mal_buf *out, int level, uint64_t index,
                            unsigned width) {
    unsigned group[7], n = 0; /* 1000^7 > 2^64 */
    assert(level >= -1 && level < 64 && width <= AUDIT_TILE);
    do {
        group[n++] = (unsigned)(index % 1000);
        index /= 1000;
    } while (index > 0);
    if (level < 0)
        MAL_TRY(mal_buf_put_str(out, "tile/entries"));
    else
        MAL_TRY(mal_buf_put_fmt(out, "tile/%d", level));
    while (n-- > 0)
        MAL_TRY(mal_buf_put_fmt(out, n ? "/x%03u" : "/%03u", group[n]));
    if (width > 0 && width < AUDIT_TILE)
        MAL_TRY(mal_buf_put_fmt(out, ".p/%u", width));
    return MAL_OK;
}

static bool read_number(uint64_t *value, mal_bytes *text) {
    size_t n = 0;
    *value = 0;
    while (n < text->len && n < 19 && text->ptr[n] >= '0' &&
           text->ptr[n] <= '9')
        *value = 10 * *value + (uint64_t)(text->ptr[n++] - '0');
    *text = mal_bytes_of(text->ptr + n, text->len - n);
    return n > 0;
}

/* Parse loosely, print, and compare: the canonical text is the only one. */
mal_err mal_audit_tile_parse(int *level, uint64_t *index, unsigned *width,
                             mal_bytes path) {
    MAL_AUTO(mal_buf_clear) mal_buf again = { 0 };
    mal_bytes rest;
    uint64_t number = 0, w = AUDIT_TILE;
    bool ok = true;

    *level = -1;
    *index = 0;
    if (!audit_prefix(&rest, path, "tile/entries")) {
        ok = audit_prefix(&rest, path, "tile/") && read_number(&number, &rest);
        MAL_REQUIRE(ok && number < 64, MAL_E_INPUT, "not a tile's path");
        *level = (int)number;
    }
    while (ok && rest.len > 0 && rest.ptr[0] == '/') {
        mal_bytes digits;
        if (!audit_prefix(&digits, rest, "/x"))
            (void)audit_prefix(&digits, rest, "/");
        ok = read_number(&number, &digits) && number < 1000 &&
             *index <= INT64_MAX / 1000 - 1;
        *index = *index * 1000 + number;
        rest = digits;
    }
    if (ok && audit_prefix(&rest, rest, ".p/"))
        ok = read_number(&w, &rest) && w > 0 && w < AUDIT_TILE;
    MAL_REQUIRE(ok && rest.len == 0, MAL_E_INPUT, "not a tile's path");
    *width = (unsigned)w;
    MAL_TRY(mal_audit_tile_path(&again, *level, *index, *width));
    MAL_REQUIRE(mal_bytes_same_vartime(mal_buf_view(&again), path), MAL_E_INPUT,
                "a tile's path is not in its canonical form");
    return MAL_OK;
}

/* --- The right edge ------------------------------------------------------- */

/* A full tile's root is one hash of the level above. */
static mal_err add_hash(audit_edge *edge, uint64_t index,
                        const mal_prim_hash *hash, audit_full full, void *ctx) {
    mal_prim_hash h = *hash;
    for (unsigned l = 0; l < AUDIT_LEVELS; l++) {
        unsigned at = audit_width(index, l);
        edge->tile[l][at] = h;
        if (at < AUDIT_TILE - 1)
            return MAL_OK;
        if (full)
            MAL_TRY(full(ctx, (int)l, index >> (8 * (l + 1)),
                         mal_bytes_of(edge->tile[l], AUDIT_TILE_BYTES)));
        mal_prim_merkle_root(&h, edge->tile[l], AUDIT_TILE);
    }
    return MAL_OK;
}

mal_err audit_edge_add(audit_edge *edge, mal_bytes entry, audit_full full,
                       void *ctx) {
    mal_prim_hash leaf;
    uint64_t index = edge->size;

    MAL_REQUIRE(entry.len <= MAL_AUDIT_ENTRY_MAX, MAL_E_LIMIT,
                "a log entry of %zu bytes is longer than %zu", entry.len,
                MAL_AUDIT_ENTRY_MAX);
    MAL_REQUIRE(index < INT64_MAX, MAL_E_LIMIT, "the log is full");
    MAL_TRY(mal_buf_put_u8(&edge->bundle, (uint8_t)(entry.len >> 8)));
    MAL_TRY(mal_buf_put_u8(&edge->bundle, (uint8_t)entry.len));
    MAL_TRY(mal_buf_put(&edge->bundle, entry));
    mal_prim_merkle_leaf(&leaf, entry);
    MAL_TRY(add_hash(edge, index, &leaf, full, ctx));
    edge->size = index + 1;
    if (audit_width(edge->size, 0) == 0) {
        if (full)
            MAL_TRY(full(ctx, -1, index >> 8, mal_buf_view(&edge->bundle)));
        mal_buf_reset(&edge->bundle);
    }
    return MAL_OK;
}

/* Blocks of 256 are aligned subtrees, so the root over a level's hashes with
 * the root of what hangs below its right end as the last of them is RFC 6962's.
 */
void audit_edge_root(const audit_edge *edge, mal_prim_hash *root) {
    mal_prim_hash list[AUDIT_TILE + 1], tail;
    bool has_tail = false;
    for (unsigned l = 0; l < AUDIT_LEVELS; l++) {
        unsigned n = audit_width(edge->size, l);
        memcpy(list, edge->tile[l], n * sizeof list[0]);
        if (has_tail)
            list[n++] = tail;
        if (n > 0)
            mal_prim_merkle_root(&tail, list, n);
        has_tail = n > 0;
    }
    if (has_tail)
        *root = tail;
    else
        mal_prim_merkle_root(root, NULL, 0);
}

mal_err audit_edge_copy(audit_edge *to, const audit_edge *from) {
    to->size = from->size;
    for (unsigned l = 0; l < AUDIT_LEVELS; l++)
        memcpy(to->tile[l], from->tile[l],
               audit_width(from->size, l) * sizeof(mal_prim_hash));
    mal_buf_reset(&to->bundle);
    return mal_buf_put(&to->bundle, mal_buf_view(&from->bundle));
}

mal_err audit_bundle_next(mal_rd *bundle, mal_bytes *entry) {
    uint8_t hi, lo;
    MAL_TRY(mal_rd_u8(bundle, &hi));
    MAL_TRY(mal_rd_u8(bundle, &lo));
    return mal_rd_raw(bundle, entry, (size_t)hi << 8 | lo);
}

/* --- Only the root -------------------------------------------------------- */

void mal_audit_tree_add(mal_audit_tree *tree, mal_bytes entry) {
    uint64_t size = tree->size++;
    unsigned top = (unsigned)__builtin_popcountll(size);
    assert(top < 64);
    mal_prim_merkle_leaf(&tree->stack[top], entry);
    /* Each trailing one of the old size is a subtree that this leaf closes. */
    for (; size & 1; size >>= 1, top--)
        mal_prim_merkle_node(&tree->stack[top - 1], &tree->stack[top - 1],
                             &tree->stack[top]);
}

void mal_audit_tree_root(const mal_audit_tree *tree, mal_prim_hash *root) {
    unsigned n = (unsigned)__builtin_popcountll(tree->size);
    if (n == 0) {
        mal_prim_merkle_root(root, NULL, 0);
        return;
    }
    *root = tree->stack[n - 1];
    while (--n > 0)
        mal_prim_merkle_node(root, &tree->stack[n - 1], root);
}
