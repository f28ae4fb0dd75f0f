/* query.c - SELECT statements of the parse tree to operators.
 *
 * The order is PostgreSQL's: FROM and WHERE (from.c), GROUP BY, HAVING, SELECT,
 * ORDER BY, LIMIT.  Of an aggregated query every clause after GROUP BY is first
 * bound over the rows, with placeholders for aggregates, and then lifted over
 * the groups. */
#include "bind_impl.h"

#include <string.h>

#define NODE(kind) PG_QUERY__NODE__NODE_##kind

/* --- groups --------------------------------------------------------------- */

typedef struct selection {
    sql_cx *cx;
    sql_scope scope;
    bool grouped;
    unsigned n_groups;
    sql_e *groups;
    sql_agg aggs[BIND_AGGS_MAX];
    unsigned n_aggs;
    sql_over overs[BIND_OVERS_MAX];
    unsigned n_overs;
    sql_r rel;                          /* AGGREGATE, once lifted */
    sql_values values;                  /* subqueries of HAVING, */
    unsigned value_at[BIND_VALUES_MAX]; /* and their columns, once lifted */
    const cte *ctes;
    unsigned n; /* the items of SELECT */
    sql_e *items;
    const char **names;
} selection;

/* Over the rows -> over the groups. */
static mal_err lift(const selection *s, sql_e *out, sql_e e) {
    for (unsigned i = 0; i < s->n_groups; i++)
        if (sql_expr_same(e, s->groups[i]))
            return sql_col(s->cx, out, i, &s->rel->types[i], e->pos);
    if (e->op == SQL_E_AGG) {
        unsigned at = s->n_groups + (unsigned)e->value;
        return sql_col(s->cx, out, at, &s->rel->types[at], e->pos);
    }
    if (e->op == SQL_E_SUBQUERY)
        return sql_col(s->cx, out, s->value_at[e->value], &e->type, e->pos);
    SQL_NEED(e->op != SQL_E_COL, s->cx, e->pos, MAL_E_INPUT,
             "a column that is neither in GROUP BY nor inside an aggregate");
    sql_e *args;
    MAL_TRY(sql_alloc(s->cx, &args, e->n_args, sizeof *args));
    for (unsigned i = 0; i < e->n_args; i++)
        MAL_TRY(lift(s, &args[i], e->args[i]));
    return sql_rebuild(s->cx, out, e, args);
}

static mal_err bind_clause(selection *s, sql_e *out, const pg_node *node,
                           const char *clause, bool aggs) {
    binder b = { .cx = s->cx,
                 .scope = &s->scope,
                 .clause = clause,
                 .aggs_allowed = aggs,
                 .aggs = s->aggs,
                 .n_aggs = s->n_aggs,
                 .ctes = s->ctes,
                 .pos = sql_node_pos(node, -1) };
    b.values = strcmp(clause, "HAVING") == 0 ? &s->values : NULL;
    b.overs = strcmp(clause, "SELECT") == 0 ? s->overs : NULL;
    b.n_overs = s->n_overs;
    MAL_TRY(sql_bind_expr(&b, out, node));
    s->n_aggs = b.n_aggs;
    s->n_overs = b.overs ? b.n_overs : s->n_overs;
    return MAL_OK;
}

/* A plain integer constant: a position in SELECT. */
static bool ordinal(const pg_node *node, int *at) {
    if (node->node_case != NODE(A_CONST) || node->a_const->isnull ||
        node->a_const->val_case != PG_QUERY__A__CONST__VAL_IVAL)
        return false;
    *at = node->a_const->ival->ival;
    return true;
}

static const char *bare_name(const pg_node *node) {
    if (node->node_case != NODE(COLUMN_REF) || node->column_ref->n_fields != 1)
        return NULL;
    return sql_node_string(node->column_ref->fields[0]);
}

/* The item of that name; items_n if none.  Two different ones: ambiguous. */
static mal_err item_named(const selection *s, unsigned *at, const char *name,
                          int pos) {
    *at = s->n;
    for (unsigned i = 0; name && i < s->n; i++) {
        if (strcmp(s->names[i], name) != 0)
            continue;
        SQL_NEED(*at == s->n || sql_expr_same(s->items[*at], s->items[i]),
                 s->cx, pos, MAL_E_INPUT, "%.64s names two columns of SELECT",
                 name);
        *at = *at == s->n ? i : *at;
    }
    return MAL_OK;
}

static bool in_scope(const sql_scope *scope, const char *name) {
    for (unsigned i = 0; i < scope->n; i++)
        if (!scope->columns[i].hidden &&
            strcmp(scope->columns[i].name, name) == 0)
            return true;
    return false;
}

/* GROUP BY: a position, else an input column, else a name of SELECT. */
static mal_err bind_group(selection *s, sql_e *out, const pg_node *node) {
    int at = 0, pos = sql_node_pos(node, -1);
    unsigned named = s->n;
    const char *name = bare_name(node);
    if (ordinal(node, &at)) {
        SQL_NEED(at >= 1 && (unsigned)at <= s->n, s->cx, pos, MAL_E_INPUT,
                 "GROUP BY %d: SELECT has %u columns", at, s->n);
        *out = s->items[at - 1];
    } else {
        if (name && !in_scope(&s->scope, name))
            MAL_TRY(item_named(s, &named, name, pos));
        if (named < s->n)
            *out = s->items[named];
        else
            MAL_TRY(bind_clause(s, out, node, "GROUP BY", false));
    }
    SQL_NEED(!sql_expr_has(*out, SQL_E_AGG), s->cx, pos, MAL_E_INPUT,
             "no aggregate may stand in GROUP BY");
    SQL_NEED((*out)->type.kind != SQL_TEXT && (*out)->type.kind != SQL_NULL,
             s->cx, pos, MAL_E_UNSUPPORTED, "GROUP BY a text or NULL constant");
    return MAL_OK;
}

static mal_err bind_groups(selection *s, const PgQuery__SelectStmt *stmt) {
    SQL_NEED(!stmt->group_distinct, s->cx, -1, MAL_E_UNSUPPORTED,
             "not supported: GROUP BY DISTINCT");
    MAL_TRY(
        sql_alloc(s->cx, &s->groups, stmt->n_group_clause, sizeof *s->groups));
    for (size_t i = 0; i < stmt->n_group_clause; i++) {
        sql_e group;
        bool seen = false;
        MAL_TRY(bind_group(s, &group, stmt->group_clause[i]));
        for (unsigned k = 0; k < s->n_groups; k++)
            seen |= sql_expr_same(s->groups[k], group);
        if (!seen)
            s->groups[s->n_groups++] = group;
    }
    return MAL_OK;
}

/* --- SELECT --------------------------------------------------------------- */

static mal_err expand_star(selection *s, const char *table, int pos,
                           unsigned max) {
    binder b = { .cx = s->cx, .scope = &s->scope, .pos = pos };
    bool any = false;
    for (unsigned i = 0; i < s->scope.n; i++) {
        const scope_column *c = &s->scope.columns[i];
        if (table ? !c->table || strcmp(c->table, table) != 0 : c->hidden)
            continue;
        SQL_NEED(s->n < max, s->cx, pos, MAL_E_LIMIT,
                 "more than %u columns in SELECT", MAL_SQL_COLUMNS_MAX);
        MAL_TRY(sql_scope_col(&b, &s->items[s->n], i, pos));
        s->names[s->n++] = c->name;
        any = true;
    }
    SQL_NEED(any, s->cx, pos, MAL_E_INPUT, "no table %.64s here",
             table ? table : "");
    return MAL_OK;
}

/* PostgreSQL's name for an item without AS. */
static const char *figure_name(const pg_node *node) {
    const char *inner;
    switch (node->node_case) {
    case NODE(COLUMN_REF): {
        const PgQuery__ColumnRef *r = node->column_ref;
        inner =
            r->n_fields ? sql_node_string(r->fields[r->n_fields - 1]) : NULL;
        return inner ? inner : "?column?";
    }
    case NODE(FUNC_CALL): {
        const PgQuery__FuncCall *f = node->func_call;
        inner = f->n_funcname ? sql_node_string(f->funcname[f->n_funcname - 1])
                              : NULL;
        return inner ? inner : "?column?";
    }
    case NODE(A_EXPR):
        return node->a_expr->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF
                   ? "nullif"
                   : "?column?";
    case NODE(TYPE_CAST): {
        const PgQuery__TypeName *t = node->type_cast->type_name;
        inner = figure_name(node->type_cast->arg);
        if (strcmp(inner, "?column?") != 0)
            return inner;
        inner =
            t && t->n_names ? sql_node_string(t->names[t->n_names - 1]) : NULL;
        return inner ? inner : "?column?";
    }
    case NODE(CASE_EXPR):
        if (node->case_expr->defresult) {
            inner = figure_name(node->case_expr->defresult);
            if (strcmp(inner, "?column?") != 0)
                return inner;
        }
        return "case";
    case NODE(COALESCE_EXPR):
        return "coalesce";
    default:
        return "?column?";
    }
}

static bool is_star(const pg_node *node, const char **table) {
    if (node->node_case != NODE(COLUMN_REF))
        return false;
    const PgQuery__ColumnRef *r = node->column_ref;
    if (r->n_fields == 0 ||
        r->fields[r->n_fields - 1]->node_case != NODE(A_STAR))
        return false;
    *table =
        r->n_fields > 1 ? sql_node_string(r->fields[r->n_fields - 2]) : NULL;
    return true;
}

static mal_err bind_items(selection *s, const PgQuery__SelectStmt *stmt) {
    unsigned max = MAL_SQL_COLUMNS_MAX;
    MAL_TRY(sql_alloc(s->cx, &s->items, max, sizeof *s->items));
    MAL_TRY(sql_alloc(s->cx, &s->names, max, sizeof *s->names));
    SQL_NEED(stmt->n_target_list >= 1, s->cx, 0, MAL_E_INPUT,
             "SELECT of nothing");
    for (size_t i = 0; i < stmt->n_target_list; i++) {
        const PgQuery__ResTarget *t = stmt->target_list[i]->res_target;
        const char *table = NULL;
        if (is_star(t->val, &table)) {
            MAL_TRY(expand_star(s, table, t->location, max));
            continue;
        }
        SQL_NEED(s->n < max, s->cx, t->location, MAL_E_LIMIT,
                 "more than %u columns in SELECT", max);
        MAL_TRY(bind_clause(s, &s->items[s->n], t->val, "SELECT", true));
        const char *name = t->name && *t->name ? t->name : figure_name(t->val);
        for (const char *c = name; *c; c++)
            SQL_NEED((unsigned char)*c >= ' ' && *c != 127, s->cx, t->location,
                     MAL_E_INPUT, "a control character in a column name");
        MAL_TRY(sql_copy_text(s->cx, &s->names[s->n++], name));
    }
    return MAL_OK;
}

static mal_err check_item(const sql_cx *cx, sql_e e) {
    SQL_NEED(e->type.kind != SQL_TEXT, cx, e->pos, MAL_E_UNSUPPORTED,
             "a text constant in SELECT: texts belong to declared domains");
    SQL_NEED(e->type.kind != SQL_NULL, cx, e->pos, MAL_E_UNSUPPORTED,
             "NULL has no type here: write CAST(NULL AS bigint)");
    return MAL_OK;
}

/* --- ORDER BY, LIMIT ------------------------------------------------------ */

/* A plan's order is total: ORDER BY, then every column from left to right. */
typedef struct ordering {
    sql_e *exprs; /* the items of SELECT, then hidden ones */
    unsigned n_exprs, n_keys;
    sql_key *keys;
} ordering;

static mal_err order_expr(selection *s, ordering *o, unsigned *column,
                          const pg_node *node, bool exprs_allowed) {
    int at = 0, pos = sql_node_pos(node, -1);
    unsigned named;
    sql_e e;
    if (ordinal(node, &at)) {
        SQL_NEED(at >= 1 && (unsigned)at <= s->n, s->cx, pos, MAL_E_INPUT,
                 "ORDER BY %d: SELECT has %u columns", at, s->n);
        *column = (unsigned)at - 1;
        return MAL_OK;
    }
    MAL_TRY(item_named(s, &named, bare_name(node), pos));
    if (named < s->n) {
        *column = named;
        return MAL_OK;
    }
    SQL_NEED(exprs_allowed, s->cx, pos, MAL_E_UNSUPPORTED,
             "ORDER BY of a UNION ALL takes names of its columns or positions");
    MAL_TRY(bind_clause(s, &e, node, "ORDER BY", true));
    MAL_TRY(check_item(s->cx, e));
    for (*column = 0; *column < o->n_exprs; ++*column)
        if (sql_expr_same(o->exprs[*column], e))
            return MAL_OK;
    SQL_NEED(o->n_exprs < MAL_SQL_COLUMNS_MAX, s->cx, pos, MAL_E_LIMIT,
             "more than %u columns", MAL_SQL_COLUMNS_MAX);
    o->exprs[o->n_exprs++] = e;
    return MAL_OK;
}

static mal_err bind_order(selection *s, ordering *o,
                          const PgQuery__SelectStmt *stmt, bool exprs_allowed) {
    uint8_t *seen;
    size_t max = stmt->n_sort_clause + s->n;
    MAL_TRY(sql_alloc(s->cx, &o->exprs, MAL_SQL_COLUMNS_MAX, sizeof *o->exprs));
    MAL_TRY(sql_alloc(s->cx, &o->keys, max, sizeof *o->keys));
    MAL_TRY(sql_alloc(s->cx, &seen, MAL_SQL_COLUMNS_MAX, 1));
    memcpy(o->exprs, s->items, s->n * sizeof *o->exprs);
    o->n_exprs = s->n;
    for (size_t i = 0; i < stmt->n_sort_clause; i++) {
        const PgQuery__SortBy *by = stmt->sort_clause[i]->sort_by;
        sql_key key = { 0 };
        MAL_TRY(sql_bind_direction(s->cx, &key, by));
        MAL_TRY(order_expr(s, o, &key.column, by->node, exprs_allowed));
        if (!seen[key.column])
            o->keys[o->n_keys++] = key;
        seen[key.column] = 1;
    }
    for (unsigned i = 0; i < s->n; i++)
        if (!seen[i])
            o->keys[o->n_keys++] = (sql_key){ .column = i, .implied = true };
    return MAL_OK;
}

static mal_err limit_of(const sql_cx *cx, uint64_t *out, const pg_node *node,
                        uint64_t none, const char *what) {
    int at = 0;
    *out = none;
    if (!node || (node->node_case == NODE(A_CONST) && node->a_const->isnull))
        return MAL_OK;
    SQL_NEED(ordinal(node, &at) && at >= 0, cx, sql_node_pos(node, -1),
             MAL_E_UNSUPPORTED, "%s takes a plain number", what);
    *out = (uint64_t)at;
    return MAL_OK;
}

/* SORT (and LIMIT) over the projected items, then the items alone. */
static mal_err arrange(selection *s, query *out, const ordering *o,
                       const PgQuery__SelectStmt *stmt, bool top) {
    const sql_cx *cx = s->cx;
    uint64_t limit, offset;
    sql_e *items;
    SQL_NEED(stmt->limit_option !=
                 PG_QUERY__LIMIT_OPTION__LIMIT_OPTION_WITH_TIES,
             cx, sql_node_pos(stmt->limit_count, -1), MAL_E_UNSUPPORTED,
             "not supported: FETCH .. WITH TIES");
    MAL_TRY(limit_of(cx, &limit, stmt->limit_count, SQL_NO_LIMIT, "LIMIT"));
    MAL_TRY(limit_of(cx, &offset, stmt->limit_offset, 0, "OFFSET"));
    MAL_TRY(sql_sort(cx, &out->rel, out->rel, o->keys, o->n_keys));
    if (limit != SQL_NO_LIMIT || offset)
        MAL_TRY(sql_limit(cx, &out->rel, out->rel, limit, offset));
    if (top || o->n_exprs == s->n)
        return MAL_OK;
    MAL_TRY(sql_alloc(cx, &items, s->n, sizeof *items));
    for (unsigned i = 0; i < s->n; i++)
        MAL_TRY(sql_col(cx, &items[i], i, &out->rel->types[i], -1));
    return sql_project(cx, &out->rel, out->rel, items, s->n);
}

/* --- clauses, groups ------------------------------------------------------ */

static mal_err refuse_clauses(const sql_cx *cx, const PgQuery__SelectStmt *s) {
    const char *name = NULL;
    if (s->n_distinct_clause)
        name = "SELECT DISTINCT: write GROUP BY";
    else if (s->into_clause)
        name = "SELECT INTO";
    else if (s->n_window_clause)
        name = "WINDOW";
    else if (s->n_values_lists)
        name = "VALUES";
    else if (s->n_locking_clause)
        name = "FOR UPDATE";
    SQL_NEED(!name, cx,
             s->n_target_list ? sql_node_pos(s->target_list[0], 0) : 0,
             MAL_E_UNSUPPORTED, "not supported: %s", name);
    return MAL_OK;
}

/* A column that the groups determine may stand beside them, as in PostgreSQL:
 * it is one more group, and makes no more groups. */
static mal_err carry(selection *s, const uint8_t *known, sql_e e) {
    for (unsigned i = 0; i < s->n_groups; i++)
        if (sql_expr_same(e, s->groups[i]))
            return MAL_OK;
    for (unsigned i = 0; i < e->n_args && e->op != SQL_E_AGG; i++)
        MAL_TRY(carry(s, known, e->args[i]));
    if (e->op != SQL_E_COL || !known[e->value])
        return MAL_OK;
    sql_e *more;
    MAL_TRY(sql_alloc(s->cx, &more, s->n_groups + 1, sizeof *more));
    memcpy(more, s->groups, s->n_groups * sizeof *more);
    more[s->n_groups++] = e;
    s->groups = more;
    return MAL_OK;
}

static mal_err carry_all(selection *s, const ordering *o, sql_e having) {
    uint8_t known[MAL_SQL_COLUMNS_MAX] = { 0 };
    if (s->n_groups == 0)
        return MAL_OK;
    for (unsigned i = 0; i < s->n_groups; i++)
        if (s->groups[i]->op == SQL_E_COL)
            known[s->groups[i]->value] = 1;
    sql_determine(s->scope.rel, known);
    for (unsigned i = 0; i < o->n_exprs; i++)
        MAL_TRY(carry(s, known, o->exprs[i]));
    return having ? carry(s, known, having) : MAL_OK;
}

static mal_err lift_all(selection *s, ordering *o, sql_e having, sql_r *rel) {
    MAL_TRY(carry_all(s, o, having));
    MAL_TRY(sql_aggregate(s->cx, &s->rel, s->scope.rel, s->groups, s->n_groups,
                          s->aggs, s->n_aggs));
    *rel = s->rel;
    for (unsigned i = 0; i < s->values.n; i++) {
        const sql_joined join = { SQL_INNER, *rel, s->values.rels[i] };
        s->value_at[i] = (*rel)->n_columns;
        MAL_TRY(sql_join_on(s->cx, rel, &join, NULL, 0));
    }
    if (having) {
        MAL_TRY(lift(s, &having, having));
        MAL_TRY(sql_filter(s->cx, rel, *rel, having));
    }
    for (unsigned i = 0; i < o->n_exprs; i++)
        MAL_TRY(lift(s, &o->exprs[i], o->exprs[i]));
    return MAL_OK;
}

/* --- a SELECT inside an expression ---------------------------------------- */

/* inner = outer: the inner one becomes a column, by which groups are formed. */
static mal_err outward_key(const sql_cx *cx, sql_e cond, sql_e *inner,
                           sql_e *outer) {
    bool equal = cond->op == SQL_E_EQ;
    for (unsigned i = 0; equal && i < 2; i++) {
        bool any = false;
        if (sql_expr_has(cond->args[i], SQL_E_OUTER) ||
            !sql_expr_has(cond->args[1 - i], SQL_E_OUTER) ||
            (sql_expr_within(cond->args[1 - i], 0, 0, &any), any))
            continue;
        *inner = cond->args[i];
        *outer = cond->args[1 - i];
        return MAL_OK;
    }
    SQL_FAIL(cx, cond->pos, MAL_E_UNSUPPORTED,
             "not supported: this condition between a subquery and the query "
             "around it; there are equalities of a column inside and one "
             "outside, and inequalities in EXISTS");
}

static mal_err refuse_in_subquery(const selection *s, const sql_subquery *sub,
                                  const PgQuery__SelectStmt *stmt) {
    bool grouped = stmt->n_group_clause > 0;
    bool aggregated = grouped || s->n_aggs > 0;
    SQL_NEED(!stmt->limit_count && !stmt->limit_offset, s->cx, sub->pos,
             MAL_E_UNSUPPORTED,
             "not supported: LIMIT in a subquery of an expression");
    if (sub->kind != SQL_SUB_VALUE)
        return MAL_OK;
    SQL_NEED(aggregated && !grouped, s->cx, sub->pos, MAL_E_UNSUPPORTED,
             "a subquery used as a value must be one row: aggregate without "
             "GROUP BY");
    SQL_NEED(!stmt->having_clause, s->cx, sub->pos, MAL_E_UNSUPPORTED,
             "not supported: HAVING in a subquery used as a value");
    return MAL_OK;
}

/* Is a value over no rows what LEFT JOIN gives, NULL?  A bare count is 0. */
static mal_err check_empty(selection *s, sql_subquery *sub) {
    bool counted = false;
    sql_e item = s->items[0];
    for (unsigned i = 0; i < s->n_aggs; i++)
        counted |= s->aggs[i].kind == SQL_COUNT_ROWS ||
                   s->aggs[i].kind == SQL_COUNT ||
                   s->aggs[i].kind == SQL_DISTINCT;
    if (sub->kind != SQL_SUB_VALUE || !s->scope.n_outward || !counted)
        return MAL_OK;
    SQL_NEED(item->op == SQL_E_AGG, s->cx, item->pos, MAL_E_UNSUPPORTED,
             "not supported: a count inside an expression of a subquery that "
             "reads the query around it; select the count alone");
    sub->counts = true;
    return MAL_OK;
}

/* The columns that the conditions outward read, behind the items (and among the
 * groups, where rows are aggregated). */
static mal_err add_keys(selection *s, ordering *o, sql_subquery *sub,
                        bool aggregated) {
    const sql_cx *cx = s->cx;
    unsigned n = s->scope.n_outward;
    sql_e *conds, *outers, *groups;
    MAL_TRY(sql_alloc(cx, &conds, n, sizeof *conds));
    MAL_TRY(sql_alloc(cx, &outers, n, sizeof *outers));
    MAL_TRY(sql_alloc(cx, &groups, s->n_groups + n, sizeof *groups));
    SQL_NEED(o->n_exprs + n <= MAL_SQL_COLUMNS_MAX, cx, sub->pos, MAL_E_LIMIT,
             "more than %u columns", MAL_SQL_COLUMNS_MAX);
    if (s->n_groups)
        memcpy(groups, s->groups, s->n_groups * sizeof *groups);
    for (unsigned i = 0; i < n; i++) {
        sql_e inner = NULL;
        MAL_TRY(outward_key(cx, s->scope.outward[i], &inner, &outers[i]));
        o->exprs[o->n_exprs + i] = inner;
        if (aggregated)
            groups[s->n_groups + i] = inner;
    }
    s->groups = groups;
    s->n_groups += aggregated ? n : 0;
    for (unsigned i = 0; i < n; i++) {
        sql_e pair[2] = { outers[i] };
        const sql_expr eq = { .op = SQL_E_EQ, .n_args = 2, .pos = sub->pos };
        MAL_TRY(sql_col(cx, &pair[1], o->n_exprs + i,
                        &o->exprs[o->n_exprs + i]->type, sub->pos));
        MAL_TRY(sql_rebuild(cx, &conds[i], &eq, pair));
    }
    o->n_exprs += n;
    sub->conds = conds;
    sub->n_conds = n;
    return MAL_OK;
}

/* EXISTS asks for rows, not for what SELECT lists. */
static mal_err bind_exists(selection *s, query *out, sql_subquery *sub,
                           const PgQuery__SelectStmt *stmt) {
    SQL_NEED(!stmt->n_group_clause && !stmt->having_clause &&
                 !stmt->limit_count && !stmt->limit_offset,
             s->cx, sub->pos, MAL_E_UNSUPPORTED,
             "not supported: GROUP BY, HAVING or LIMIT inside EXISTS");
    const char *table;
    bool star = stmt->n_target_list == 1 &&
                is_star(stmt->target_list[0]->res_target->val, &table);
    if (!star) /* of which it reads no column */
        MAL_TRY(bind_items(s, stmt));
    SQL_NEED(s->n_aggs == 0, s->cx, sub->pos, MAL_E_UNSUPPORTED,
             "not supported: an aggregate inside EXISTS (it is always true)");
    sub->conds = s->scope.outward;
    sub->n_conds = s->scope.n_outward;
    *out = (query){ .rel = s->scope.rel };
    return MAL_OK;
}

/* --- SELECT as a whole ---------------------------------------------------- */

static mal_err bind_select(sql_cx *cx, query *out,
                           const PgQuery__SelectStmt *stmt, const cte *ctes,
                           bool top, sql_subquery *sub) {
    selection *s;
    ordering o = { 0 };
    sql_e having = NULL;
    MAL_TRY(refuse_clauses(cx, stmt));
    MAL_TRY(sql_alloc(cx, &s, 1, sizeof *s));
    s->cx = cx;
    s->ctes = ctes;
    MAL_TRY(sql_from_where(cx, &s->scope, stmt, ctes, sub ? sub->outer : NULL));
    if (sub && sub->kind == SQL_SUB_EXISTS)
        return bind_exists(s, out, sub, stmt);
    MAL_TRY(bind_items(s, stmt));
    MAL_TRY(bind_groups(s, stmt));
    for (unsigned i = 0; i < s->n; i++)
        MAL_TRY(check_item(cx, s->items[i]));
    if (stmt->having_clause) {
        MAL_TRY(bind_clause(s, &having, stmt->having_clause, "HAVING", true));
        MAL_TRY(sql_as_bool(cx, &having, having, "HAVING", having->pos));
    }
    MAL_TRY(bind_order(s, &o, stmt, true));
    sql_r rel = s->scope.rel;
    bool aggregated =
        s->n_groups || s->n_aggs || having || stmt->n_group_clause;
    SQL_NEED(!s->n_overs || (!aggregated && !sub), cx, s->overs[0].pos,
             MAL_E_UNSUPPORTED,
             "not supported: OVER beside groups, or in a subquery of an "
             "expression; give it a subquery in FROM of its own");
    for (unsigned i = 0; i < s->n_overs; i++)
        MAL_TRY(sql_window(cx, &rel, rel, s->overs[i].keys, s->overs[i].n_keys,
                           s->overs[i].n_part));
    if (sub) {
        MAL_TRY(refuse_in_subquery(s, sub, stmt));
        MAL_TRY(check_empty(s, sub));
        MAL_TRY(add_keys(s, &o, sub, aggregated));
    }
    if (aggregated)
        MAL_TRY(lift_all(s, &o, having, &rel));
    MAL_TRY(sql_project(cx, &out->rel, rel, o.exprs, o.n_exprs));
    out->n = s->n;
    out->names = s->names;
    return sub ? MAL_OK : arrange(s, out, &o, stmt, top);
}

/* --- UNION ALL ------------------------------------------------------------ */

static mal_err collect_branches(sql_cx *cx, query *branches, unsigned *n,
                                const PgQuery__SelectStmt *s, const cte *ctes) {
    /* A branch in parentheses with its own ORDER BY, LIMIT or WITH stays one.
     */
    bool plain = s->op == PG_QUERY__SET_OPERATION__SETOP_UNION && s->all &&
                 !s->n_sort_clause && !s->limit_count && !s->limit_offset &&
                 !s->with_clause;
    SQL_NEED(++cx->depth <= MAL_SQL_DEPTH_MAX && *n < MAL_SQL_COLUMNS_MAX, cx,
             -1, MAL_E_LIMIT, "a UNION ALL of too many branches");
    if (plain) {
        MAL_TRY(collect_branches(cx, branches, n, s->larg, ctes));
        MAL_TRY(collect_branches(cx, branches, n, s->rarg, ctes));
    } else {
        MAL_TRY(sql_bind_query(cx, &branches[*n], s, ctes, false));
        ++*n;
    }
    cx->depth--;
    return MAL_OK;
}

static mal_err bind_union(sql_cx *cx, query *out, const PgQuery__SelectStmt *s,
                          const cte *ctes, bool top) {
    query *branches;
    sql_r *rels;
    selection all = { .cx = cx };
    ordering o = { 0 };
    unsigned n = 0;
    SQL_NEED(s->op == PG_QUERY__SET_OPERATION__SETOP_UNION && s->all, cx, -1,
             MAL_E_UNSUPPORTED, "not supported: %s; there is UNION ALL",
             s->op == PG_QUERY__SET_OPERATION__SETOP_UNION       ? "UNION"
             : s->op == PG_QUERY__SET_OPERATION__SETOP_INTERSECT ? "INTERSECT"
                                                                 : "EXCEPT");
    MAL_TRY(sql_alloc(cx, &branches, MAL_SQL_COLUMNS_MAX, sizeof *branches));
    MAL_TRY(collect_branches(cx, branches, &n, s->larg, ctes));
    MAL_TRY(collect_branches(cx, branches, &n, s->rarg, ctes));
    MAL_TRY(sql_alloc(cx, &rels, n, sizeof *rels));
    for (unsigned i = 0; i < n; i++)
        rels[i] = branches[i].rel;
    MAL_TRY(sql_union(cx, &out->rel, rels, n, -1));
    out->n = all.n = branches[0].n;
    out->names = all.names = branches[0].names;
    MAL_TRY(sql_alloc(cx, &all.items, all.n, sizeof *all.items));
    for (unsigned i = 0; i < all.n; i++)
        MAL_TRY(sql_col(cx, &all.items[i], i, &out->rel->types[i], -1));
    MAL_TRY(bind_order(&all, &o, s, false));
    return arrange(&all, out, &o, s, top);
}

/* --- WITH ----------------------------------------------------------------- */

/* `outer` ends, at `base`, with what the query around sees. */
static mal_err bind_cte(sql_cx *cx, cte *c, const PgQuery__CommonTableExpr *x,
                        const cte *outer, const cte *base) {
    SQL_NEED(x->ctequery && x->ctequery->node_case == NODE(SELECT_STMT), cx,
             x->location, MAL_E_UNSUPPORTED, "WITH takes a SELECT");
    SQL_NEED(!x->search_clause && !x->cycle_clause, cx, x->location,
             MAL_E_UNSUPPORTED, "not supported: SEARCH and CYCLE");
    for (const cte *o = outer; o != base; o = o->outer)
        SQL_NEED(strcmp(o->name, x->ctename) != 0, cx, x->location, MAL_E_INPUT,
                 "WITH names %.64s twice", x->ctename);
    MAL_TRY(
        sql_bind_query(cx, &c->query, x->ctequery->select_stmt, outer, false));
    MAL_TRY(sql_copy_text(cx, &c->name, x->ctename));
    c->outer = outer;
    return sql_rename_columns(cx, c->query.names, c->query.n, x->aliascolnames,
                              x->n_aliascolnames, x->location);
}

static mal_err bind_any(sql_cx *cx, query *out, const PgQuery__SelectStmt *s,
                        const cte *ctes, bool top, sql_subquery *sub) {
    SQL_NEED(++cx->depth <= MAL_SQL_DEPTH_MAX &&
                 ++cx->nodes <= MAL_SQL_NODES_MAX,
             cx, -1, MAL_E_LIMIT, "queries nested deeper than %u",
             MAL_SQL_DEPTH_MAX);
    if (s->with_clause) {
        const PgQuery__WithClause *w = s->with_clause;
        const cte *base = ctes;
        SQL_NEED(!w->recursive, cx, w->location, MAL_E_UNSUPPORTED,
                 "not supported: WITH RECURSIVE");
        for (size_t i = 0; i < w->n_ctes; i++) {
            cte *c;
            MAL_TRY(sql_alloc(cx, &c, 1, sizeof *c));
            MAL_TRY(bind_cte(cx, c, w->ctes[i]->common_table_expr, ctes, base));
            ctes = c;
        }
    }
    if (s->op == PG_QUERY__SET_OPERATION__SETOP_NONE)
        MAL_TRY(bind_select(cx, out, s, ctes, top, sub));
    else
        MAL_TRY(bind_union(cx, out, s, ctes, top));
    cx->depth--;
    return MAL_OK;
}

mal_err sql_bind_query(sql_cx *cx, query *out, const PgQuery__SelectStmt *s,
                       const cte *ctes, bool top) {
    return bind_any(cx, out, s, ctes, top, NULL);
}

mal_err sql_bind_subquery(sql_cx *cx, sql_subquery *sub,
                          const PgQuery__SelectStmt *s, const cte *ctes) {
    SQL_NEED(s->op == PG_QUERY__SET_OPERATION__SETOP_NONE, cx, sub->pos,
             MAL_E_UNSUPPORTED,
             "not supported: UNION ALL in a subquery of an expression; put it "
             "in FROM inside");
    return bind_any(cx, &sub->query, s, ctes, false, sub);
}

mal_err sql_bind(sql_cx *cx, sql_r *root, const char *const **names,
                 unsigned *n) {
    MAL_AUTO(sql_tree_clear) sql_tree tree;
    query q;
    MAL_TRY(sql_tree_parse(&tree, cx));
    MAL_TRY(sql_bind_query(cx, &q, tree.select, NULL, true));
    *root = q.rel;
    *names = q.names;
    *n = q.n;
    return MAL_OK;
}
