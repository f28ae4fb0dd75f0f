/* explain.c - the plan as a tree for people. */
#include "train_impl.h"

#include <inttypes.h>
#include <string.h>

bool sql_origin(sql_r r, unsigned column, unsigned *dataset, unsigned *at) {
    for (;;) {
        switch (r->op) {
        case SQL_SCAN:
            *dataset = r->dataset;
            *at = r->columns[column];
            return true;
        case SQL_PROJECT:
            if (r->exprs[column]->op != SQL_E_COL)
                return false;
            column = (unsigned)r->exprs[column]->value;
            break;
        case SQL_AGGREGATE:
            if (column >= r->n_exprs || r->exprs[column]->op != SQL_E_COL)
                return false;
            column = (unsigned)r->exprs[column]->value;
            break;
        case SQL_JOIN:
            if (column >= r->in[0]->n_columns) {
                column -= r->in[0]->n_columns;
                r = r->in[1];
                continue;
            }
            break;
        case SQL_UNION:
            return false;
        case SQL_WINDOW:
            if (column == r->in[0]->n_columns)
                return false;
            break;
        default:
            break;
        }
        r = r->in[0];
    }
}

/* Of a union: the name that all its branches give the column, if they do. */
static const char *common_name(const mal_policy_contract *contract, sql_r r,
                               unsigned column) {
    const char *name = NULL;
    while (r->op == SQL_FILTER || r->op == SQL_SORT || r->op == SQL_LIMIT)
        r = r->in[0];
    for (unsigned i = 0; r->op == SQL_UNION && i < r->n_in; i++) {
        unsigned dataset, at;
        if (!sql_origin(r->in[i], column, &dataset, &at))
            return NULL;
        const char *own = contract->datasets[dataset].columns[at].name;
        if (name && strcmp(name, own) != 0)
            return NULL;
        name = own;
    }
    return name;
}

mal_err sql_put_column(mal_buf *out, const mal_policy_contract *contract,
                       sql_r r, unsigned column) {
    unsigned dataset, at;
    const char *name = common_name(contract, r, column);
    if (name)
        return mal_buf_put_str(out, name);
    if (!sql_origin(r, column, &dataset, &at))
        return mal_buf_put_fmt(out, "#%u", column);
    const mal_policy_dataset *d = &contract->datasets[dataset];
    return mal_buf_put_fmt(out, "%s.%s", d->name, d->columns[at].name);
}

typedef struct shower {
    mal_buf *out;
    const mal_policy_contract *contract;
    sql_r r;
} shower;

static mal_err put_value(const shower *s, const sql_type *t, int64_t v) {
    if (t->kind == MAL_SQL_BOOL)
        return mal_buf_put_str(s->out, v ? "true" : "false");
    if (t->kind != MAL_SQL_CODE)
        return sql_put_decimal(s->out, v, t->scale);
    if (t->domain->codes && v < (int64_t)t->domain->n_codes)
        return mal_buf_put_fmt(s->out, "'%s'", t->domain->codes[v]);
    if (!t->domain->codes && v < (int64_t)t->domain->n_codes)
        return mal_buf_put_fmt(s->out, "%" PRId64, t->domain->lo + v);
    return mal_buf_put_str(s->out, "other");
}

static mal_err show(const shower *s, sql_e e);

static mal_err show_list(const shower *s, const char *open, sql_e e,
                         const char *between) {
    MAL_TRY(mal_buf_put_str(s->out, open));
    for (unsigned i = 0; i < e->n_args; i++) {
        if (i)
            MAL_TRY(mal_buf_put_str(s->out, between));
        MAL_TRY(show(s, e->args[i]));
    }
    return mal_buf_put_str(s->out, ")");
}

static mal_err show_case(const shower *s, sql_e e) {
    MAL_TRY(mal_buf_put_str(s->out, "CASE"));
    for (unsigned i = 0; i + 1 < e->n_args; i += 2) {
        MAL_TRY(mal_buf_put_str(s->out, " WHEN "));
        MAL_TRY(show(s, e->args[i]));
        MAL_TRY(mal_buf_put_str(s->out, " THEN "));
        MAL_TRY(show(s, e->args[i + 1]));
    }
    MAL_TRY(mal_buf_put_str(s->out, " ELSE "));
    MAL_TRY(show(s, e->args[e->n_args - 1]));
    return mal_buf_put_str(s->out, " END");
}

static mal_err show_in(const shower *s, sql_e e) {
    MAL_TRY(mal_buf_put_str(s->out, "("));
    MAL_TRY(show(s, e->args[0]));
    MAL_TRY(mal_buf_put_str(s->out, " IN ("));
    for (unsigned i = 0; i < e->n_list; i++) {
        if (i)
            MAL_TRY(mal_buf_put_str(s->out, ", "));
        MAL_TRY(put_value(s, &e->args[0]->type, e->list[i]));
    }
    return mal_buf_put_str(s->out, "))");
}

static mal_err show_prefix(const shower *s, const char *before, sql_e e,
                           const char *after) {
    MAL_TRY(mal_buf_put_str(s->out, before));
    MAL_TRY(show(s, e->args[0]));
    return mal_buf_put_str(s->out, after);
}

static mal_err show(const shower *s, sql_e e) {
    static const char *const infix[] = {
        [SQL_E_ADD] = " + ", [SQL_E_SUB] = " - ", [SQL_E_MUL] = " * ",
        [SQL_E_DIV] = " / ", [SQL_E_MOD] = " % ", [SQL_E_EQ] = " = ",
        [SQL_E_NE] = " <> ", [SQL_E_LT] = " < ",  [SQL_E_LE] = " <= ",
        [SQL_E_GT] = " > ",  [SQL_E_GE] = " >= ", [SQL_E_AND] = " AND ",
        [SQL_E_OR] = " OR ",
    };
    switch (e->op) {
    case SQL_E_COL:
        return sql_put_column(s->out, s->contract, s->r, (unsigned)e->value);
    case SQL_E_CONST:
        return e->null ? mal_buf_put_str(s->out, "NULL")
                       : put_value(s, &e->type, e->value);
    case SQL_E_NEG:
        return show_prefix(s, "(- ", e, ")");
    case SQL_E_NOT:
        return show_prefix(s, "(NOT ", e, ")");
    case SQL_E_ISNULL:
        return show_prefix(s, "(", e, " IS NULL)");
    case SQL_E_KNOWN:
        return show_prefix(s, "known(", e, ")");
    case SQL_E_VALUE:
        return show(s, e->args[0]);
    case SQL_E_SCALE:
        MAL_TRY(show_prefix(s, "decimal(", e, ", "));
        return mal_buf_put_fmt(s->out, "%u)", e->type.scale);
    case SQL_E_CASE:
        return show_case(s, e);
    case SQL_E_COALESCE:
        return show_list(s, "coalesce(", e, ", ");
    case SQL_E_IN:
        return show_in(s, e);
    case SQL_E_MEAN:
        return show_list(s, "mean(", e, ", ");
    case SQL_E_MAP:
        MAL_TRY(mal_buf_put_fmt(s->out, "%s from ", e->type.domain->name));
        return show(s, e->args[0]);
    case SQL_E_AGG:
        return mal_buf_put_fmt(s->out, "agg%" PRId64, e->value);
    default:
        return show_list(s, "(", e, infix[e->op]);
    }
}

mal_err sql_put_expr(mal_buf *out, const mal_policy_contract *contract, sql_r r,
                     sql_e e) {
    shower s = { .out = out, .contract = contract, .r = r };
    return show(&s, e);
}

/* --- the tree ------------------------------------------------------------- */

static mal_err print_exprs(const shower *s, sql_r r) {
    for (unsigned i = 0; i < r->n_exprs; i++) {
        MAL_TRY(mal_buf_put_fmt(s->out, "%s#%u = ", i ? ", " : " ", i));
        MAL_TRY(show(s, r->exprs[i]));
    }
    return MAL_OK;
}

mal_err sql_put_agg(mal_buf *out, const mal_policy_contract *contract, sql_r in,
                    const sql_agg *agg) {
    bool distinct = agg->kind == SQL_DISTINCT;
    MAL_TRY(mal_buf_put_str(out, distinct ? "count(distinct "
                                          : sql_agg_name(agg->kind)));
    if (!distinct)
        MAL_TRY(mal_buf_put_str(out, "("));
    if (agg->arg)
        MAL_TRY(sql_put_expr(out, contract, in, agg->arg));
    else
        MAL_TRY(mal_buf_put_str(out, "*"));
    return mal_buf_put_str(out, ")");
}

static mal_err print_aggregate(const shower *s, sql_r r) {
    MAL_TRY(mal_buf_put_str(s->out, r->n_exprs ? " by" : " all rows"));
    MAL_TRY(print_exprs(s, r));
    for (unsigned i = 0; i < r->n_aggs; i++) {
        MAL_TRY(mal_buf_put_fmt(s->out, "%s #%u = ", i ? "," : ";",
                                r->n_exprs + i));
        MAL_TRY(sql_put_agg(s->out, s->contract, s->r, &r->aggs[i]));
    }
    return MAL_OK;
}

static mal_err print_join(const shower *s, sql_r r) {
    unsigned n = r->n_exprs / 2;
    for (unsigned i = 0; i < n; i++) {
        MAL_TRY(mal_buf_put_str(s->out, i ? " AND " : " on "));
        MAL_TRY(sql_put_expr(s->out, s->contract, r->in[0], r->exprs[i]));
        MAL_TRY(mal_buf_put_str(s->out, " = "));
        MAL_TRY(sql_put_expr(s->out, s->contract, r->in[1], r->exprs[n + i]));
    }
    return MAL_OK;
}

static mal_err print_scan(const shower *s, sql_r r) {
    const mal_policy_dataset *d = &s->contract->datasets[r->dataset];
    MAL_TRY(mal_buf_put_fmt(s->out, " %s (", d->name));
    for (unsigned i = 0; i < r->n_columns; i++) {
        MAL_TRY(mal_buf_put_fmt(s->out, "%s%s ", i ? ", " : "",
                                d->columns[r->columns[i]].name));
        MAL_TRY(sql_type_print(s->out, &r->types[i]));
    }
    return mal_buf_put_str(s->out, ")");
}

static mal_err print_sort(const shower *s, sql_r r) {
    for (unsigned i = 0; i < r->n_keys; i++) {
        MAL_TRY(mal_buf_put_str(s->out, i ? ", " : " by "));
        MAL_TRY(sql_put_column(s->out, s->contract, r, r->keys[i].column));
        if (r->keys[i].desc)
            MAL_TRY(mal_buf_put_str(s->out, " desc"));
        if (r->keys[i].nulls_first)
            MAL_TRY(mal_buf_put_str(s->out, " nulls first"));
    }
    return MAL_OK;
}

static mal_err print_limit(const shower *s, sql_r r) {
    if (r->limit != SQL_NO_LIMIT)
        MAL_TRY(mal_buf_put_fmt(s->out, " %" PRIu64, r->limit));
    return r->offset ? mal_buf_put_fmt(s->out, " offset %" PRIu64, r->offset)
                     : MAL_OK;
}

static mal_err print_op(const shower *s, sql_r r) {
    switch (r->op) {
    case SQL_SCAN:
        return print_scan(s, r);
    case SQL_FILTER:
        MAL_TRY(mal_buf_put_str(s->out, " "));
        return show(s, r->exprs[0]);
    case SQL_PROJECT:
        return print_exprs(s, r);
    case SQL_JOIN:
        return print_join(s, r);
    case SQL_AGGREGATE:
        return print_aggregate(s, r);
    case SQL_SORT:
        return print_sort(s, r);
    case SQL_WINDOW:
        MAL_TRY(mal_buf_put_fmt(s->out, ", %u keys part,", r->n_part));
        return print_sort(s, r);
    case SQL_LIMIT:
        return print_limit(s, r);
    default:
        return MAL_OK;
    }
}

static void mark_tables(sql_r r, uint8_t *read) {
    if (r->op == SQL_SCAN)
        read[r->dataset] = 1;
    for (unsigned i = 0; i < r->n_in; i++)
        mark_tables(r->in[i], read);
}

/* "filter over a.s", "join over a.s, c.u" */
mal_err sql_put_rel(const sql_cx *cx, mal_buf *out, sql_r r) {
    uint8_t *read;
    bool any = false;
    MAL_TRY(sql_alloc(cx, &read, cx->contract->n_datasets, 1));
    mark_tables(r, read);
    while (r->op == SQL_PROJECT)
        r = r->in[0];
    MAL_TRY(mal_buf_put_str(out, r->op == SQL_JOIN     ? sql_join_name(r->join)
                                 : r->op == SQL_FILTER ? "filter"
                                                       : "selection"));
    for (uint32_t i = 0; i < cx->contract->n_datasets; i++) {
        if (!read[i])
            continue;
        MAL_TRY(mal_buf_put_fmt(out, "%s%s", any ? ", " : " over ",
                                cx->contract->datasets[i].name));
        any = true;
    }
    return MAL_OK;
}

mal_err sql_put_tree(mal_buf *out, const mal_policy_contract *contract, sql_r r,
                     unsigned depth) {
    static const char *const names[] = {
        [SQL_SCAN] = "scan",       [SQL_FILTER] = "filter",
        [SQL_PROJECT] = "project", [SQL_JOIN] = NULL,
        [SQL_UNION] = "union all", [SQL_AGGREGATE] = "aggregate",
        [SQL_SORT] = "sort",       [SQL_LIMIT] = "limit",
        [SQL_WINDOW] = "rank",
    };
    shower s = { .out = out,
                 .contract = contract,
                 .r = r->n_in ? r->in[0] : r };
    MAL_TRY(mal_buf_put_fmt(out, "%*s%s", (int)(2 * depth), "",
                            r->op == SQL_JOIN ? sql_join_name(r->join)
                                              : names[r->op]));
    MAL_TRY(print_op(&s, r));
    MAL_TRY(mal_buf_put_fmt(out, "  [rows <= %" PRIu64 "]\n", r->rows_max));
    for (unsigned i = 0; i < r->n_in; i++)
        MAL_TRY(sql_put_tree(out, contract, r->in[i], depth + 1));
    return MAL_OK;
}

mal_err mal_sql_plan_print(mal_buf *out, const mal_sql_plan *plan) {
    if (plan->training) {
        MAL_TRY(mal_buf_put_str(out, "train "));
        MAL_TRY(sql_training_print(out, plan));
        MAL_TRY(mal_buf_put_str(out, "\n"));
    }
    MAL_TRY(mal_buf_put_str(out, plan->training ? "of" : "answer"));
    for (unsigned i = 0; i < plan->n_columns; i++) {
        MAL_TRY(mal_buf_put_fmt(out, "%s%s ", i ? ", " : " ", plan->names[i]));
        MAL_TRY(sql_type_print(out, &plan->root->types[i]));
    }
    MAL_TRY(mal_buf_put_str(out, "\n"));
    return sql_put_tree(out, plan->contract, plan->root, 1);
}
