/* oblivious_stages.h - a plan put away between two operators, and taken back.
 */
#ifndef MALUS_OBLIVIOUS_STAGES_H
#define MALUS_OBLIVIOUS_STAGES_H

#include <malus/oblivious.h>

/* Between two operators a plan holds tables, and promises not yet asked for.
 * They can be put away and taken back, under shares linked to none before. */
#define MAL_OBL_PIECE ((size_t)1 << 16)
typedef struct mal_obl_pieces {
    void *ctx;
    mal_err (*put)(void *ctx, const uint64_t *words, size_t n);
    mal_err (*take)(void *ctx, uint64_t *words, size_t n);
} mal_obl_pieces;
mal_err mal_obl_state_shape(mal_buf *shape, const mal_obl *o,
                            mal_obl_table *const *tables,
                            unsigned n) MAL_MUST_CHECK;
/* Unproved, until mal_share3_verify. */
mal_err mal_obl_state_put(mal_obl *o, mal_obl_table *const *tables, unsigned n,
                          const mal_obl_pieces *pieces) MAL_MUST_CHECK;
/* Into a new o and empty tables.  MAL_E_PEER: a holder took another piece. */
mal_err mal_obl_state_take(mal_obl *o, mal_obl_table *tables, unsigned n,
                           mal_bytes shape,
                           const mal_obl_pieces *pieces) MAL_MUST_CHECK;
/* Who runs a plan hears where it stands, and may begin it there again. */
typedef struct mal_obl_stages {
    void *ctx;
    unsigned from; /* begin behind this one: 1, the inputs, or more; or 0 */
    mal_err (*done)(void *ctx, unsigned at, mal_obl_table *const *all,
                    unsigned n); /* that the rest of the plan needs */
    mal_err (*load)(void *ctx, mal_obl_table *all, unsigned n);
    mal_err (*opens)(void *ctx); /* the answer, to all three, comes next */
} mal_obl_stages;
void mal_obl_stages_set(mal_obl *o, const mal_obl_stages *stages);
const mal_obl_stages *mal_obl_stages_of(const mal_obl *o); /* or NULL */

#endif
