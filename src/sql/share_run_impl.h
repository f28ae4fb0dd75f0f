/* share_run_impl.h - what share_expr.c and share_run.c share. */
#ifndef MAL_SQL_SHARE_RUN_IMPL_H
#define MAL_SQL_SHARE_RUN_IMPL_H

#include "share_impl.h"

/* share->cut, of inputs that are consumed. */
mal_err sql_share_run(const sql_cx *cx, mal_obl_table *out, mal_obl *o,
                      const sql_share_plan *share,
                      mal_obl_table *inputs) MAL_MUST_CHECK;
/* share_bound.c: what a part promises of its units' rows; and to as many rows
 * as the sizer says. */
mal_err sql_share_bound(mal_obl *o, mal_obl_table *t,
                        const sql_share_part *part) MAL_MUST_CHECK;
mal_err sql_share_shrink(mal_obl *o, mal_obl_table *t,
                         const mal_sql_sizer *sizer) MAL_MUST_CHECK;
mal_err sql_share_expr(const sql_cx *cx, const mal_obl_expr **out,
                       sql_e e) MAL_MUST_CHECK;

#endif
