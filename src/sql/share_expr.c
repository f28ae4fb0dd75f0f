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

/* sum and count of one set: (2 sum unit +- count) / (2 count), rounded towards
 * zero, is the mean rounded half away from it. */
mal_err sql_share_mean(const sql_cx *cx, sql_e *out, sql_e e) {
    const sql_e sum = e->args[0], count = e->args[1];
    sql_e unit, two, scaled, twice, parts[3], args[2];
    MAL_TRY(sql_int(cx, &unit, 2 * sql_pow10((unsigned)e->value), 0, -1));
    MAL_TRY(sql_int(cx, &two, 2, 0, -1));
    args[0] = sum;
    args[1] = unit;
    MAL_TRY(sql_make(cx, &scaled, SQL_E_MUL, args, 2, 0, -1));
    args[0] = count;
    args[1] = two;
    MAL_TRY(sql_make(cx, &twice, SQL_E_MUL, args, 2, 0, -1));
    for (unsigned i = 0; i < 2; i++) { /* of -sum, then of sum */
        sql_e top = scaled;
        if (i == 0)
            MAL_TRY(sql_make(cx, &top, SQL_E_NEG, &scaled, 1, 0, -1));
        args[0] = top;
        args[1] = count;
        MAL_TRY(sql_make(cx, &args[0], SQL_E_ADD, args, 2, 0, -1));
        args[1] = twice;
        SQL_NEED(!sql_div_is_wide(&args[0]->type, &twice->type, 0), cx, -1,
                 MAL_E_UNSUPPORTED,
                 "an average of sums that do not fit 62 bits, below the top of "
                 "the answer: no engine divides so wide");
        MAL_TRY(sql_make(cx, &parts[1 + i], SQL_E_DIV, args, 2, 0, -1));
    }
    MAL_TRY(sql_make(cx, &parts[1], SQL_E_NEG, &parts[1], 1, 0, -1));
    if (sum->type.lo >= 0) {
        *out = parts[2];
        return MAL_OK;
    }
    const sql_type like = sum->type;
    args[0] = sum;
    MAL_TRY(sql_const(cx, &args[1], &like, 0, false, -1));
    MAL_TRY(sql_make(cx, &parts[0], SQL_E_LT, args, 2, 0, -1));
    return sql_make(cx, out, SQL_E_CASE, parts, 3, 0, -1);
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
