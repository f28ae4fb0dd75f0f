/* dense_impl.h - what dense.c and total.c take from aggregate.c. */
#ifndef MAL_OBLIVIOUS_DENSE_IMPL_H
#define MAL_OBLIVIOUS_DENSE_IMPL_H

#include "oblivious_impl.h"

/* rows, less those where c (if not NULL) is NULL. */
mal_err obl_known_rows(mal_obl *o, bits *z, const bits *rows,
                       const column *c) MAL_MUST_CHECK;
/* [k] sums of c's values, or counts, over the rows of each of k planes. */
mal_err obl_sum_of(mal_obl *o, words *z, const bits *rows,
                   const column *c) MAL_MUST_CHECK;
static inline void obl_free(void **memory) {
    mal_free(*memory);
}

#endif
