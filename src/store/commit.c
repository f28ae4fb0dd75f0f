/* commit.c - sha256-merkle@1: a hiding commitment to canonical columns.
 *
 * The table is padded with absent rows to its declared bound, so that neither
 * the tree's shape nor the number of leaves tells how many rows there are.
 * Leaves stand column by column: first the row mask (which rows exist), then
 * the columns as declared; each leaf covers LEAF_ROWS rows:
 *
 *     salt (32) | column u32 | block u64 | rows u32 | bits | words
 *
 * bits: row i at bit i % 8 of byte i / 8; for the mask "exists", for a column
 * "is not NULL".  words: little-endian int64, or 16 bytes of a pseudonym; none
 * for the mask; zero where absent or NULL.  The salt is a PRG of (a key derived
 * from the dataset key, column, block): destroying that key leaves a root that
 * says nothing, and an opening of some leaves says nothing of the others.
 * The tree above is RFC 6962's.
 */
#include "store_impl.h"

#include <string.h>

#define LEAF MAL_STORE_LEAF_ROWS
#define LEAVES_MAX ((uint64_t)1 << 27) /* 4 GiB of hashes */

struct store_commit {
    const store_column *columns;
    unsigned n;
    uint64_t blocks; /* leaves of a column */
    uint64_t at;     /* the next block */
    const mal_key *salt;
    mal_prim_hash *leaves; /* [(n + 1) * blocks] */
    mal_buf entry;
    uint64_t rows_max;
    bool ended; /* a short block was added: nothing may follow */
};

mal_err mal_store_commit_new(store_commit **out, const store_column *columns,
                             unsigned n, uint64_t rows_max,
                             const mal_key *salt) {
    MAL_AUTO(mal_store_commit_auto)
    store_commit *c = mal_calloc(1, sizeof *c);

    MAL_REQUIRE(c, MAL_E_MEMORY, "out of memory");
    c->columns = columns;
    c->n = n;
    c->rows_max = rows_max;
    c->blocks = (rows_max + LEAF - 1) / LEAF;
    c->salt = salt;
    MAL_REQUIRE(c->blocks * (n + 1) <= LEAVES_MAX, MAL_E_LIMIT,
                "the declared bound is too large to commit to");
    c->leaves = mal_calloc((size_t)(c->blocks * (n + 1)), sizeof *c->leaves);
    MAL_REQUIRE(c->leaves, MAL_E_MEMORY, "no memory for the commitment");
    *out = c;
    c = NULL;
    return MAL_OK;
}

void mal_store_commit_auto(store_commit **commit) {
    store_commit *c = *commit;

    if (!c)
        return;
    mal_free(c->leaves);
    mal_buf_clear(&c->entry);
    mal_free(c);
    *commit = NULL;
}

/* Rows that the bound leaves for this block. */
static uint32_t leaf_rows(const store_commit *c, uint64_t block) {
    uint64_t left = c->rows_max - block * LEAF;
    return left < LEAF ? (uint32_t)left : LEAF;
}

static mal_err leaf_begin(store_commit *c, uint32_t column, uint64_t block) {
    uint8_t salt[32];

    MAL_TRY(mal_prim_prg(salt, sizeof salt, c->salt->ptr,
                         column * c->blocks + block));
    mal_buf_reset(&c->entry);
    MAL_TRY(mal_buf_put(&c->entry, mal_bytes_of(salt, sizeof salt)));
    MAL_TRY(mal_buf_put_u32(&c->entry, column));
    MAL_TRY(mal_buf_put_u64(&c->entry, block));
    return mal_buf_put_u32(&c->entry, leaf_rows(c, block));
}

static mal_err put_zeros(mal_buf *out, size_t len) {
    MAL_TRY(mal_buf_reserve(out, len));
    memset(out->ptr + out->len, 0, len);
    out->len += len;
    return MAL_OK;
}

static void leaf_end(store_commit *c, uint32_t column, uint64_t block) {
    mal_prim_merkle_leaf(&c->leaves[column * c->blocks + block],
                         mal_buf_view(&c->entry));
}

/* rows of the block exist, from row `from` of b on; b may be NULL if none do.
 */
static mal_err add_leaf(store_commit *c, uint32_t column, uint64_t block,
                        const store_block *b, size_t from, size_t rows) {
    size_t all = leaf_rows(c, block);
    size_t bits = (all + 7) / 8;

    MAL_TRY(leaf_begin(c, column, block));
    MAL_TRY(put_zeros(&c->entry, bits));
    uint8_t *bit = c->entry.ptr + c->entry.len - bits;
    for (size_t i = 0; i < rows; i++) {
        bool on = column == 0 || !b->col[column - 1].null[from + i];
        bit[i / 8] |= (uint8_t)(on << (i % 8));
    }
    if (column > 0) {
        size_t w = mal_store_width(c->columns[column - 1].kind);
        if (rows)
            MAL_TRY(mal_buf_put(
                &c->entry,
                mal_bytes_of((const uint8_t *)b->col[column - 1].words +
                                 from * w,
                             rows * w)));
        MAL_TRY(put_zeros(&c->entry, (all - rows) * w));
    }
    leaf_end(c, column, block);
    return MAL_OK;
}

mal_err mal_store_commit_add(store_commit *c, const store_block *b) {
    for (size_t from = 0; from < b->rows; from += LEAF) {
        size_t rows = b->rows - from < LEAF ? b->rows - from : LEAF;
        assert(!c->ended && c->at < c->blocks);
        MAL_REQUIRE(rows <= leaf_rows(c, c->at), MAL_E_LIMIT,
                    "more rows than the contract declares");
        for (uint32_t column = 0; column <= c->n; column++)
            MAL_TRY(add_leaf(c, column, c->at, b, from, rows));
        c->at++;
        c->ended = rows < LEAF;
    }
    return MAL_OK;
}

mal_err mal_store_commit_root(mal_prim_hash *root, store_commit *c) {
    for (; c->at < c->blocks; c->at++)
        for (uint32_t column = 0; column <= c->n; column++)
            MAL_TRY(add_leaf(c, column, c->at, NULL, 0, 0));
    mal_prim_merkle_root(root, c->leaves, (size_t)(c->blocks * (c->n + 1)));
    return MAL_OK;
}
