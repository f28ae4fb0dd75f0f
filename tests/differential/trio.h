/* trio.h - a plan on shares: three parties as threads over channels in memory.
 */
#ifndef TRIO_H
#define TRIO_H

#include <malus/sql.h>

typedef struct trio_answer {
    mal_sql_table table; /* of an opened plan */
    int64_t *cells;      /* [n_aggs][n_cells], of one for a release */
} trio_answer;

/* rows[n_parts]: what each part yielded in the clear, at the seat that its
 * owner's index gives.  The answer of party 0, which the others must share. */
mal_err trio_run(trio_answer *answer, mal_arena *arena,
                 const mal_sql_physical *physical, const mal_duck_batch *rows,
                 mal_share3_security security);

#endif
