/* order_impl.h - what sorting is made of: rows to compare, the sort itself. */
#ifndef MALUS_SHARE3_ORDER_IMPL_H
#define MALUS_SHARE3_ORDER_IMPL_H

#include "permute_impl.h"

/* --- Shuffled rows and their comparison (compare.c) ------------------------
 */

typedef struct share3_rows {
    mal_share3 *s;
    size_t n, pairs_max;
    unsigned width, row_words; /* planes, lowest first; words of a row's part */
    mal_share3_words rows, planes, pool;
    uint64_t *row;      /* [n][2][row_words]: both parts of a row together */
    uint64_t *plane[2]; /* [width][stride] the same, plane by plane */
    void *node, *gate;  /* scratch of one comparison */
} share3_rows;
/* The rows of all planes, shuffled.  clear also after a failure. */
mal_err share3_rows_new(mal_share3 *s, share3_rows *rows,
                        const share3_lanes *lanes,
                        size_t pairs_max) MAL_MUST_CHECK;
void share3_rows_clear(share3_rows *rows);

typedef struct share3_pairs {
    size_t n;          /* at most pairs_max */
    const uint32_t *x; /* [n], or NULL: rows from, from + 1, .. */
    const uint32_t *y; /* [n] */
    size_t from;       /* a multiple of 64 */
} share3_pairs;
/* less, bit i = is row x[i] less than row y[i]?  OPENED, to all.  Where all
 * rows are distinct and were shuffled uniformly, the bits say no more than the
 * order of the shuffled rows, which is uniform. */
mal_err share3_rows_less(share3_rows *rows, uint64_t *less,
                         const share3_pairs *pairs) MAL_MUST_CHECK;

/* How many pairs are compared at once; memory: 0 for no limit. */
size_t share3_pairs_max(size_t n, unsigned width, size_t memory);

/* --- The order of shuffled rows (quicksort.c) ------------------------------
 */

/* place[j] = how many rows are less than row j; rows are distinct. */
mal_err share3_rows_rank(share3_rows *rows, uint64_t *place) MAL_MUST_CHECK;

/* --- Narrow keys (digit.c) -------------------------------------------------
 */

#define SHARE3_DIGIT_MAX 3 /* planes */
/* pi[i] = the place of row i, stably sorted by up to SHARE3_DIGIT_MAX planes,
 * highest first.  Opens nothing. */
mal_err share3_digit_order(mal_share3 *s, mal_share3_words *pi,
                           const mal_share3_bits *digit) MAL_MUST_CHECK;

#endif
