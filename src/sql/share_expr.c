/* share_expr.c - expressions of the plan, as shares evaluate them. */
#include "share_run_impl.h"

#include <string.h>

mal_obl_type sql_share_type(const sql_type *t) {
    mal_obl_type out = { .nullable = t->nullable };
    switch (t->kind) {
    case MAL_SQL_ID:
        out.opaque = SQL_SHARE_ID_BITS;
        break;
    case MAL_SQL_CODE:
        out.hi = t->domain->n_codes;
        break;
    case MAL_SQL_BOOL:
        out.hi = 1;
        break;
    default:
        out.lo = t->lo;
        out.hi = t->hi;
    }
    return out;
}

/* list[0]: the number of known codes. */
static mal_err codes_of(const sql_cx *cx, mal_obl_expr *x, sql_e e) {
    int64_t *list;
    const mal_policy_column *domain = e->args[0]->type.domain;
    MAL_TRY(sql_alloc(cx, &list, 1, sizeof *list));
    list[0] = domain->n_codes;
    x->list = list;
    x->n_list = 1;
    x->value = e->op == SQL_E_VALUE ? domain->lo : 0;
    return MAL_OK;
}

/* list[code], other behind them. */
static mal_err map_of(const sql_cx *cx, mal_obl_expr *x, sql_e e) {
    int64_t *list;
    MAL_TRY(sql_alloc(cx, &list, e->n_list + 1, sizeof *list));
    memcpy(list, e->list, e->n_list * sizeof *list);
    list[e->n_list] = e->type.domain->n_codes;
    x->op = MAL_OBL_LOOKUP;
    x->list = list;
    x->n_list = e->n_list + 1;
    return MAL_OK;
}

mal_err sql_share_expr(const sql_cx *cx, const mal_obl_expr **out, sql_e e) {
    mal_obl_expr *x;
    const mal_obl_expr **args;
    if (e->op == SQL_E_MEAN)
        MAL_TRY(sql_share_mean(cx, &e, e));
    MAL_TRY(sql_alloc(cx, &x, 1, sizeof *x));
    MAL_TRY(sql_alloc(cx, &args, e->n_args, sizeof *args));
    for (unsigned i = 0; i < e->n_args; i++)
        MAL_TRY(sql_share_expr(cx, &args[i], e->args[i]));
    *x = (mal_obl_expr){ .op = (mal_obl_op)e->op,
                         .type = sql_share_type(&e->type),
                         .null = e->null,
                         .value = e->value,
                         .n_args = e->n_args,
                         .n_list = e->n_list,
                         .args = args,
                         .list = e->list };
    if (e->op == SQL_E_SCALE)
        x->value = (int64_t)e->type.scale - e->args[0]->type.scale;
    if (e->op == SQL_E_VALUE || e->op == SQL_E_KNOWN)
        MAL_TRY(codes_of(cx, x, e));
    if (e->op == SQL_E_MAP)
        MAL_TRY(map_of(cx, x, e));
    *out = x;
    return MAL_OK;
}
