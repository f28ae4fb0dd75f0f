/* permute_impl.h - permutations that pairs of parties know, and what they move.
 *
 * A shuffle is three permutations in turn, each known to one pair: every party
 * knows two of them and misses one, so that to it the whole is uniform.
 */
#ifndef MALUS_SHARE3_PERMUTE_IMPL_H
#define MALUS_SHARE3_PERMUTE_IMPL_H

#include "share3_impl.h"

/* --- A permutation known here (permute.c) --------------------------------- */

/* Rows go to buckets in order, and are permuted within each: row j becomes the
 * next of bucket[j], and row i of bucket b is its local[start[b] + i]-th.  Both
 * steps stay in cache where a flat table would miss on every row. */
#define SHARE3_PERM_BUCKET ((size_t)2048) /* rows of a bucket, about */
#define SHARE3_PERM_BUCKETS_LOG 12        /* at most 2^12 buckets */
typedef struct share3_perm {
    size_t n;
    unsigned log_buckets;
    uint16_t *bucket; /* [n]; NULL if there is one bucket */
    uint32_t *local;  /* [n] */
    uint32_t *start;  /* [2^log_buckets + 1] */
    uint32_t *cursor; /* [2^log_buckets], scratch */
} share3_perm;
/* A fresh uniform permutation, the same at both holders of part p. */
mal_err share3_perm_draw(mal_share3 *s, unsigned p, share3_perm *perm,
                         size_t n) MAL_MUST_CHECK;
/* The same in 2^log_buckets buckets. */
mal_err share3_perm_draw_in(mal_share3 *s, unsigned p, share3_perm *perm,
                            size_t n, unsigned log_buckets) MAL_MUST_CHECK;
void share3_perm_clear(share3_perm *perm);
/* Move n elements of 1 << log_bytes bytes; tmp is as large as data. */
void share3_perm_apply(const share3_perm *perm, uint64_t *data, uint64_t *tmp,
                       unsigned log_bytes, bool inverse);
/* out[i] = in[from[i]], public. */
void share3_gather(uint64_t *out, const uint64_t *in, const uint32_t *from,
                   size_t n, unsigned log_bytes);

/* --- Planes to rows and back (tile.c) -------------------------------- */

/* A bit matrix of 64 x 64, eight of them side by side: t[i] holds row i of the
 * eight. */
typedef struct share3_tile {
    _Alignas(64) uint64_t t[64][8];
} share3_tile;
void share3_tile_transpose(share3_tile *tile);
void share3_tile_transpose_plain(share3_tile *tile); /* its twin */
/* rows[r] = the bits of row r of planes, ^ those of more unless NULL, plane 0
 * lowest, as elements of 1 << log_bytes bytes; planes of (n + 63) / 64 words.
 * width <= 8 << log_bytes. */
void share3_rows_of_planes(uint64_t *rows, uint64_t *const *planes,
                           uint64_t *const *more, unsigned width, size_t n,
                           unsigned log_bytes);
void share3_planes_of_rows(uint64_t *const *planes, const uint64_t *rows,
                           unsigned width, size_t n, unsigned log_bytes);

/* --- What is shuffled (lanes.c) ------------------------------------------- */

/* Columns row by row.  A lane is an array of n elements of one size; lanes lie
 * one after the other in part[0] and part[1], words first (added mod 2^64),
 * then the bits of all planes, packed (xored). */
typedef struct share3_lane {
    size_t at; /* word where it begins */
    unsigned log_bytes;
    unsigned from, width; /* which planes of all; words: width 0 */
} share3_lane;
typedef struct share3_lanes {
    size_t n, total, words; /* rows; words of all lanes, of word lanes */
    unsigned n_lanes, n_planes;
    share3_lane *lane;
    uint64_t **plane[2]; /* [n_planes] of each part, borrowed */
    mal_share3_words store;
    uint64_t *part[2]; /* [total] each, in store */
    uint64_t *tmp;     /* as large as the largest lane */
} share3_lanes;
static inline size_t share3_lane_words(size_t n, unsigned log_bytes) {
    return ((n << log_bytes) + 7) / 8;
}
/* Of all lanes of so many planes. */
uint64_t share3_lanes_words(size_t n, unsigned planes);
/* Rows are equal, each column is one of words and bits. */
mal_err share3_columns_check(size_t *n, const mal_share3_column *columns,
                             unsigned n_columns) MAL_MUST_CHECK;
mal_err share3_lanes_new(mal_share3 *s, share3_lanes *lanes,
                         const mal_share3_column *columns,
                         unsigned n_columns) MAL_MUST_CHECK;
void share3_lanes_clear(share3_lanes *lanes);
/* Lanes' part `to` = part `from` of the columns, or the sum of both. */
enum { SHARE3_BOTH = 2 };
void share3_lanes_load(share3_lanes *lanes, unsigned to,
                       const mal_share3_column *columns, unsigned from);
void share3_lanes_store(share3_lanes *lanes, const mal_share3_column *columns);
/* Row i becomes the old row from[i], in part p. */
void share3_lanes_gather(share3_lanes *lanes, unsigned p, const uint32_t *from);

/* --- Shuffles (shuffle.c) ------------------------------------------------- */

/* Row i goes to to[sigma(i)]: sigma is secret, to is public. */
struct mal_share3_order {
    size_t n;
    unsigned turn;       /* who is A: A and A + 1 permute first */
    share3_perm perm[2]; /* known with the previous, with the next party */
    uint32_t *to, *from; /* [n], inverse to each other */
};
/* Bits of a row's number, at least 1. */
unsigned share3_index_width(size_t n);
/* sigma is fresh and uniform, to is not set. */
mal_err share3_order_new(mal_share3 *s, mal_share3_order **order,
                         size_t n) MAL_MUST_CHECK;
/* to is p, checked to be a permutation. */
mal_err share3_order_set(mal_share3_order *order,
                         const uint64_t *p) MAL_MUST_CHECK;
/* mal_share3_order_of of words that are known to be below n. */
mal_err share3_order_of_places(mal_share3 *s, mal_share3_order **order,
                               const mal_share3_words *pi) MAL_MUST_CHECK;
/* Lanes' part 0 and 1 become fresh shares of the columns' rows moved by sigma;
 * first: public, where rows are taken from before; NULL: not moved. */
mal_err share3_shuffle_lanes(mal_share3 *s, const mal_share3_order *order,
                             share3_lanes *lanes,
                             const mal_share3_column *columns,
                             const uint32_t *first,
                             bool inverse) MAL_MUST_CHECK;

/* The same when security is malicious: verified before the next opening
 * (checked.c). */
mal_err share3_shuffle_checked(mal_share3 *s, const mal_share3_order *order,
                               share3_lanes *lanes,
                               const mal_share3_column *columns,
                               const uint32_t *first,
                               bool inverse) MAL_MUST_CHECK;

#endif
