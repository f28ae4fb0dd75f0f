/* share_run_impl.h - what share_expr.c and share_run.c share. */
#ifndef MAL_SQL_SHARE_RUN_IMPL_H
#define MAL_SQL_SHARE_RUN_IMPL_H

#include "share_impl.h"

#define SQL_SHARE_ID_BITS 128

mal_obl_type sql_share_type(const sql_type *t);
mal_err sql_share_expr(const sql_cx *cx, const mal_obl_expr **out,
                       sql_e e) MAL_MUST_CHECK;

#endif
