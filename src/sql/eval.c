/* eval.c - the meaning of every operator, total: there is no input for which a
 * value is not defined, and none that stops it.  docs/sql.md says the same in
 * words; the differential test holds DuckDB's printing to it. */
#include "sql_impl.h"

static sql_value null_value(void) {
    return (sql_value){ .null = true };
}

static sql_value of(int64_t v) {
    return (sql_value){ .v = v };
}

/* A plan's own values always fit: its ranges were proved.  Noised numbers obey
 * no range, and what does not fit is NULL. */
static sql_value of_wide(mal_i128 v) {
    return sql_fits(v) ? of((int64_t)v) : null_value();
}

static sql_value eval_arith(sql_e e, sql_value a, sql_value b) {
    if (a.null || b.null)
        return null_value();
    mal_i128 x = a.v, y = b.v;
    switch (e->op) {
    case SQL_E_ADD:
        return of_wide(x + y);
    case SQL_E_SUB:
        return of_wide(x - y);
    case SQL_E_MUL:
        return of_wide(x * y);
    case SQL_E_DIV:
        x *= sql_pow10((unsigned)e->value);
        return y ? of_wide(sql_floor_div(x, y)) : null_value();
    default:
        assert(e->op == SQL_E_MOD);
        return y ? of_wide(x - y * sql_floor_div(x, y)) : null_value();
    }
}

static sql_value eval_compare(sql_expr_op op, sql_value a, sql_value b) {
    if (a.null || b.null)
        return null_value();
    switch (op) {
    case SQL_E_EQ:
        return of(a.v == b.v);
    case SQL_E_NE:
        return of(a.v != b.v);
    case SQL_E_LT:
        return of(a.v < b.v);
    case SQL_E_LE:
        return of(a.v <= b.v);
    case SQL_E_GT:
        return of(a.v > b.v);
    default:
        assert(op == SQL_E_GE);
        return of(a.v >= b.v);
    }
}

/* Three-valued: AND is false if one is false, else NULL if one is NULL. */
static sql_value eval_logic(sql_e e, const sql_value *row) {
    int64_t decides = e->op == SQL_E_OR;
    bool null = false;
    for (unsigned i = 0; i < e->n_args; i++) {
        sql_value a = sql_eval(e->args[i], row);
        if (!a.null && a.v == decides)
            return of(decides);
        null |= a.null;
    }
    return null ? null_value() : of(!decides);
}

static sql_value eval_case(sql_e e, const sql_value *row) {
    for (unsigned i = 0; i + 1 < e->n_args; i += 2) {
        sql_value when = sql_eval(e->args[i], row);
        if (!when.null && when.v)
            return sql_eval(e->args[i + 1], row);
    }
    return sql_eval(e->args[e->n_args - 1], row);
}

static sql_value eval_in(sql_e e, sql_value a) {
    if (a.null)
        return a;
    for (unsigned i = 0; i < e->n_list; i++)
        if (e->list[i] == a.v)
            return of(1);
    return of(0);
}

static sql_value eval_mean(sql_e e, sql_value sum, sql_value count) {
    mal_i128 x = (mal_i128)sum.v * sql_pow10((unsigned)e->value);
    if (sum.null || count.null || count.v <= 0)
        return null_value();
    return of_wide(sql_round_div(x, count.v));
}

static sql_value eval_map(sql_e e, sql_value a) {
    if (a.null)
        return a;
    return a.v >= 0 && a.v < e->n_list ? of(e->list[a.v])
                                       : of(e->type.domain->n_codes);
}

static sql_value eval_scale(sql_e e, sql_value a) {
    unsigned from = e->args[0]->type.scale, to = e->type.scale;
    if (a.null)
        return a;
    if (to >= from)
        return of_wide((mal_i128)a.v * sql_pow10(to - from));
    return of_wide(sql_round_div(a.v, sql_pow10(from - to)));
}

static sql_value eval_code(sql_e e, sql_value a) {
    const mal_policy_column *domain = e->args[0]->type.domain;
    if (a.null || a.v < 0 || a.v >= (int64_t)domain->n_codes)
        return null_value();
    return e->op == SQL_E_VALUE ? of(domain->lo + a.v) : a;
}

sql_value sql_eval(sql_e e, const sql_value *row) {
    switch (e->op) {
    case SQL_E_COL:
        return row[e->value];
    case SQL_E_CONST:
        return (sql_value){ .v = e->null ? 0 : e->value, .null = e->null };
    case SQL_E_AND:
    case SQL_E_OR:
        return eval_logic(e, row);
    case SQL_E_CASE:
        return eval_case(e, row);
    case SQL_E_COALESCE:
        for (unsigned i = 0; i < e->n_args; i++) {
            sql_value a = sql_eval(e->args[i], row);
            if (!a.null)
                return a;
        }
        return null_value();
    default:
        break;
    }
    sql_value a = sql_eval(e->args[0], row);
    switch (e->op) {
    case SQL_E_NEG:
        return a.null ? a : of_wide(-(mal_i128)a.v);
    case SQL_E_NOT:
        return a.null ? a : of(!a.v);
    case SQL_E_ISNULL:
        return of(a.null);
    case SQL_E_IN:
        return eval_in(e, a);
    case SQL_E_MAP:
        return eval_map(e, a);
    case SQL_E_SCALE:
        return eval_scale(e, a);
    case SQL_E_VALUE:
    case SQL_E_KNOWN:
        return eval_code(e, a);
    case SQL_E_MEAN:
        return eval_mean(e, a, sql_eval(e->args[1], row));
    case SQL_E_ADD:
    case SQL_E_SUB:
    case SQL_E_MUL:
    case SQL_E_DIV:
    case SQL_E_MOD:
        return eval_arith(e, a, sql_eval(e->args[1], row));
    default:
        return eval_compare(e->op, a, sql_eval(e->args[1], row));
    }
}
