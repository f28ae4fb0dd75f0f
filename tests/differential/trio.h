/* trio.h - a plan on shares: three parties as threads over channels in memory.
 */
#ifndef TRIO_H
#define TRIO_H

#include <malus/sql.h>

/* rows[n_parts]: what each part yielded in the clear, at the seat that its
 * owner's index gives.  The answer of party 0, which the others must share. */
mal_err trio_run(mal_sql_table *table, mal_arena *arena,
                 const mal_sql_physical *physical, const mal_duck_batch *rows,
                 mal_share3_security security);

#endif
