/* subquery.c - a query inside an expression, decorrelated when it is bound.
 *
 * EXISTS and IN become semi-joins, NOT EXISTS and NOT IN anti-joins; a query
 * used as a value becomes one more column: of a one-row input joined to every
 * row, or, where it names columns of the query around it, of groups by those
 * columns, left-joined.  An inequality between the two inside EXISTS asks for
 * the least or the greatest of its groups. */
#include "bind_impl.h"

#include <string.h>

#define NODE(kind) PG_QUERY__NODE__NODE_##kind

/* --- where they stand in the tree ----------------------------------------- */

static bool any_holds(pg_node *const *nodes, size_t n, unsigned depth);

/* Deeper than the binder goes, it does not matter. */
static bool holds(const pg_node *node, unsigned depth) {
    if (!node || ++depth > MAL_SQL_DEPTH_MAX)
        return false;
    switch (node->node_case) {
    case NODE(SUB_LINK):
        return true;
    case NODE(A_EXPR):
        return holds(node->a_expr->lexpr, depth) ||
               holds(node->a_expr->rexpr, depth);
    case NODE(BOOL_EXPR):
        return any_holds(node->bool_expr->args, node->bool_expr->n_args, depth);
    case NODE(NULL_TEST):
        return holds(node->null_test->arg, depth);
    case NODE(BOOLEAN_TEST):
        return holds(node->boolean_test->arg, depth);
    case NODE(TYPE_CAST):
        return holds(node->type_cast->arg, depth);
    case NODE(LIST):
        return any_holds(node->list->items, node->list->n_items, depth);
    case NODE(COALESCE_EXPR):
        return any_holds(node->coalesce_expr->args, node->coalesce_expr->n_args,
                         depth);
    case NODE(FUNC_CALL):
        return any_holds(node->func_call->args, node->func_call->n_args, depth);
    case NODE(CASE_WHEN):
        return holds(node->case_when->expr, depth) ||
               holds(node->case_when->result, depth);
    case NODE(CASE_EXPR):
        return holds(node->case_expr->arg, depth) ||
               holds(node->case_expr->defresult, depth) ||
               any_holds(node->case_expr->args, node->case_expr->n_args, depth);
    default:
        return false;
    }
}

static bool any_holds(pg_node *const *nodes, size_t n, unsigned depth) {
    for (size_t i = 0; i < n; i++)
        if (holds(nodes[i], depth))
            return true;
    return false;
}

bool sql_node_holds_query(const pg_node *node) {
    return holds(node, 0);
}

/* --- both sides in one numbering ------------------------------------------ */

/* The query around first, then the subquery's columns. */
static mal_err across(const sql_cx *cx, sql_e *out, sql_e e, sql_r left) {
    sql_e *args;
    if (e->op == SQL_E_OUTER)
        return sql_col(cx, out, (unsigned)e->value, &left->types[e->value],
                       e->pos);
    if (e->op == SQL_E_COL)
        return sql_col(cx, out, left->n_columns + (unsigned)e->value, &e->type,
                       e->pos);
    MAL_TRY(sql_alloc(cx, &args, e->n_args, sizeof *args));
    for (unsigned i = 0; i < e->n_args; i++)
        MAL_TRY(across(cx, &args[i], e->args[i], left));
    return sql_rebuild(cx, out, e, args);
}

/* --- EXISTS, IN ----------------------------------------------------------- */

/* EXISTS (.. AND inner <op> outer): of each group of equal keys, the least and
 * the greatest `inner` tell whether one of them will do. */
typedef struct extreme {
    sql_expr_op op; /* inner <op> outer */
    sql_e inner, outer;
} extreme;

static sql_expr_op turned(sql_expr_op op) {
    switch (op) {
    case SQL_E_LT:
        return SQL_E_GT;
    case SQL_E_LE:
        return SQL_E_GE;
    case SQL_E_GT:
        return SQL_E_LT;
    case SQL_E_GE:
        return SQL_E_LE;
    default:
        return op;
    }
}

static mal_err read_extreme(const sql_cx *cx, extreme *x, sql_e cond,
                            unsigned n_left, unsigned n_all) {
    bool any = false, other = false;
    SQL_NEED(cond->op >= SQL_E_NE && cond->op <= SQL_E_GE &&
                 cond->args[0]->type.kind == MAL_SQL_INT,
             cx, cond->pos, MAL_E_UNSUPPORTED,
             "not supported: this condition between a subquery and the query "
             "around it; there are equalities, and inside EXISTS one <>, <, "
             "<=, > or >= of two numbers");
    bool inner = sql_expr_within(cond->args[0], n_left, n_all, &any) && any;
    bool outer = sql_expr_within(cond->args[inner], 0, n_left, &other);
    any = false;
    SQL_NEED(outer && other &&
                 sql_expr_within(cond->args[!inner], n_left, n_all, &any) &&
                 any,
             cx, cond->pos, MAL_E_UNSUPPORTED,
             "not supported: a condition that mixes columns of a subquery and "
             "of the query around it on one side");
    x->op = inner ? cond->op : turned(cond->op);
    x->inner = cond->args[!inner];
    x->outer = cond->args[inner];
    return MAL_OK;
}

/* min <> v OR max <> v; min < v; max > v. */
static mal_err extreme_holds(const sql_cx *cx, sql_e *out, const extreme *x,
                             sql_e min, sql_e max) {
    sql_e parts[2];
    switch (x->op) {
    case SQL_E_NE:
        MAL_TRY(sql_compare(cx, &parts[0], x->op, min, x->outer, -1));
        MAL_TRY(sql_compare(cx, &parts[1], x->op, max, x->outer, -1));
        return sql_logic(cx, out, SQL_E_OR, parts, 2, -1);
    case SQL_E_LT:
    case SQL_E_LE:
        return sql_compare(cx, out, x->op, min, x->outer, -1);
    default:
        return sql_compare(cx, out, x->op, max, x->outer, -1);
    }
}

/* Groups of the subquery by its keys, with the least and the greatest. */
static mal_err group_extremes(const sql_cx *cx, sql_r *out, sql_r in,
                              const sql_e *keys, unsigned n_keys,
                              const extreme *x) {
    sql_agg aggs[2] = { { .kind = SQL_MIN, .arg = x->inner, .pos = -1 },
                        { .kind = SQL_MAX, .arg = x->inner, .pos = -1 } };
    for (unsigned i = 0; i < 2; i++)
        MAL_TRY(sql_agg_type(cx, &aggs[i], in->rows_max));
    return sql_aggregate(cx, out, in, keys, n_keys, aggs, 2);
}

/* Columns of the combined numbering that belong to the subquery, as its own. */
static mal_err own_columns(const sql_cx *cx, sql_e *out, sql_e e, sql_r right,
                           unsigned n_left) {
    sql_e *cols;
    MAL_TRY(
        sql_alloc(cx, &cols, (size_t)n_left + right->n_columns, sizeof *cols));
    for (unsigned i = 0; i < right->n_columns; i++)
        MAL_TRY(sql_col(cx, &cols[n_left + i], i, &right->types[i], -1));
    return sql_substitute(cx, out, e, cols);
}

static mal_err join_extreme(const sql_cx *cx, sql_scope *scope, sql_r right,
                            const sql_e *conds, unsigned n, sql_e rest,
                            bool anti) {
    sql_r left = scope->rel, none, groups;
    unsigned n_left = left->n_columns, n_rest, n_keys;
    const sql_joined probe = { SQL_SEMI, left, right };
    sql_e keys[2 * MAL_SQL_KEYS_MAX], *spare, min, max, cond;
    extreme x;
    MAL_TRY(read_extreme(cx, &x, rest, n_left, n_left + right->n_columns));
    MAL_TRY(own_columns(cx, &x.inner, x.inner, right, n_left));
    /* sql_join tells which side each key reads */
    MAL_TRY(sql_alloc(cx, &spare, n, sizeof *spare));
    MAL_TRY(sql_join(cx, &none, &probe, conds, n, spare, &n_rest, rest->pos));
    n_keys = none->n_exprs / 2;
    memcpy(keys, none->exprs, none->n_exprs * sizeof *keys);
    MAL_TRY(group_extremes(cx, &groups, right, keys + n_keys, n_keys, &x));
    for (unsigned i = 0; i < n_keys; i++)
        MAL_TRY(sql_col(cx, &keys[n_keys + i], i, &groups->types[i], -1));
    const sql_joined join = { anti ? SQL_LEFT : SQL_INNER, left, groups };
    MAL_TRY(sql_join_on(cx, &scope->rel, &join, keys, n_keys));
    sql_r r = scope->rel;
    unsigned at = n_left + n_keys;
    MAL_TRY(sql_col(cx, &min, at, &r->types[at], -1));
    MAL_TRY(sql_col(cx, &max, at + 1, &r->types[at + 1], -1));
    MAL_TRY(extreme_holds(cx, &cond, &x, min, max));
    if (anti) { /* not TRUE: without a match, or unknown, a row stays */
        sql_e parts[3] = { cond };
        MAL_TRY(sql_bool(cx, &parts[1], false, -1));
        MAL_TRY(sql_bool(cx, &parts[2], true, -1));
        MAL_TRY(sql_case(cx, &cond, parts, 3, -1));
    }
    return sql_filter(cx, &scope->rel, r, cond);
}

/* conds: over the query around, then over right. */
static mal_err join_half(const sql_cx *cx, sql_scope *scope, sql_r right,
                         const sql_e *conds, unsigned n, bool anti, int pos) {
    unsigned n_left = scope->rel->n_columns, n_rest = 0, n_keys = 0;
    unsigned n_all = n_left + right->n_columns;
    sql_e *rest, *keys;
    sql_r out;
    MAL_TRY(sql_alloc(cx, &rest, n, sizeof *rest));
    MAL_TRY(sql_alloc(cx, &keys, n, sizeof *keys));
    for (unsigned i = 0; i < n; i++)
        if (sql_join_is_key(conds[i], n_left, n_all))
            keys[n_keys++] = conds[i];
        else
            rest[n_rest++] = conds[i];
    SQL_NEED(n_keys > 0, cx, pos, MAL_E_UNSUPPORTED,
             "not supported: EXISTS without an equality between the subquery "
             "and the query around it");
    SQL_NEED(n_rest <= 1, cx, rest[n_rest > 1]->pos, MAL_E_UNSUPPORTED,
             "not supported: more than one inequality between a subquery and "
             "the query around it");
    if (n_rest == 1)
        return join_extreme(cx, scope, right, keys, n_keys, rest[0], anti);
    const sql_joined join = { anti ? SQL_ANTI : SQL_SEMI, scope->rel, right };
    MAL_TRY(sql_join(cx, &out, &join, keys, n_keys, rest, &n_rest, pos));
    scope->rel = out;
    return MAL_OK;
}

/* x IN (SELECT y ..): as EXISTS (.. AND y = x).  NOT IN is that only where
 * neither can be NULL. */
static mal_err in_cond(sql_cx *cx, sql_e *out, const sql_scope *scope,
                       const sql_subquery *sub, const PgQuery__SubLink *link,
                       bool anti) {
    binder b = {
        .cx = cx, .scope = scope, .clause = "WHERE", .pos = link->location
    };
    sql_e x, item;
    const char *op =
        link->n_oper_name ? sql_node_string(link->oper_name[0]) : "=";
    SQL_NEED(op && strcmp(op, "=") == 0, cx, link->location, MAL_E_UNSUPPORTED,
             "not supported: ANY with another operator than =; write IN");
    SQL_NEED(sub->query.n == 1, cx, link->location, MAL_E_INPUT,
             "IN takes a subquery of one column");
    MAL_TRY(sql_bind_expr(&b, &x, link->testexpr));
    MAL_TRY(sql_col(cx, &item, scope->rel->n_columns, &sub->query.rel->types[0],
                    link->location));
    SQL_NEED(!anti || (!x->type.nullable && !item->type.nullable), cx,
             link->location, MAL_E_UNSUPPORTED,
             "not supported: NOT IN where one side may be NULL (it would then "
             "be unknown for all): write NOT EXISTS");
    return sql_compare(cx, out, SQL_E_EQ, x, item, link->location);
}

static const PgQuery__SubLink *membership(const pg_node *node, bool *anti) {
    *anti = false;
    while (node->node_case == NODE(BOOL_EXPR) && node->bool_expr->n_args == 1 &&
           node->bool_expr->boolop == PG_QUERY__BOOL_EXPR_TYPE__NOT_EXPR) {
        *anti = !*anti;
        node = node->bool_expr->args[0];
    }
    if (node->node_case != NODE(SUB_LINK))
        return NULL;
    PgQuery__SubLinkType type = node->sub_link->sub_link_type;
    return type == PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK ||
                   type == PG_QUERY__SUB_LINK_TYPE__ANY_SUBLINK
               ? node->sub_link
               : NULL;
}

static mal_err bind_sub(sql_cx *cx, sql_subquery *sub,
                        const PgQuery__SubLink *link, const cte *ctes) {
    SQL_NEED(link->subselect && link->subselect->node_case == NODE(SELECT_STMT),
             cx, link->location, MAL_E_INPUT, "a subquery is a SELECT");
    sub->pos = link->location;
    return sql_bind_subquery(cx, sub, link->subselect->select_stmt, ctes);
}

static mal_err bind_membership(sql_cx *cx, sql_scope *scope,
                               const PgQuery__SubLink *link, const cte *ctes,
                               bool anti) {
    bool exists =
        link->sub_link_type == PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK;
    sql_subquery sub = { .outer = scope,
                         .kind = exists ? SQL_SUB_EXISTS : SQL_SUB_IN };
    sql_e *conds;
    unsigned n = 0;
    MAL_TRY(bind_sub(cx, &sub, link, ctes));
    MAL_TRY(sql_alloc(cx, &conds, sub.n_conds + 1, sizeof *conds));
    if (!exists)
        MAL_TRY(in_cond(cx, &conds[n++], scope, &sub, link, anti));
    for (unsigned i = 0; i < sub.n_conds; i++)
        MAL_TRY(across(cx, &conds[n++], sub.conds[i], scope->rel));
    return join_half(cx, scope, sub.query.rel, conds, n, anti, link->location);
}

mal_err sql_bind_where_query(sql_cx *cx, sql_scope *scope, const pg_node *node,
                             const cte *ctes) {
    bool anti;
    const PgQuery__SubLink *link = membership(node, &anti);
    sql_e cond;
    if (link)
        return bind_membership(cx, scope, link, ctes, anti);
    binder b = { .cx = cx,
                 .scope = scope,
                 .grow = scope,
                 .ctes = ctes,
                 .clause = "WHERE",
                 .pos = sql_node_pos(node, -1) };
    MAL_TRY(sql_bind_cond(&b, &cond, node));
    return sql_filter(cx, &scope->rel, scope->rel, cond);
}

/* --- a query as a value --------------------------------------------------- */

static mal_err join_value(const binder *b, sql_e *out,
                          const sql_subquery *sub) {
    const sql_cx *cx = b->cx;
    sql_r left = b->grow->rel;
    unsigned at = left->n_columns, n_rest;
    const sql_joined join = { sub->n_conds ? SQL_LEFT : SQL_INNER, left,
                              sub->query.rel };
    sql_e *conds, *rest, parts[2];
    MAL_TRY(sql_alloc(cx, &conds, sub->n_conds, sizeof *conds));
    MAL_TRY(sql_alloc(cx, &rest, sub->n_conds, sizeof *rest));
    for (unsigned i = 0; i < sub->n_conds; i++)
        MAL_TRY(across(cx, &conds[i], sub->conds[i], left));
    MAL_TRY(sql_join(cx, &b->grow->rel, &join, conds, sub->n_conds, rest,
                     &n_rest, sub->pos));
    MAL_TRY(sql_col(cx, out, at, &b->grow->rel->types[at], sub->pos));
    if (!sub->counts || !sub->n_conds)
        return MAL_OK;
    parts[0] = *out; /* the count of no rows is 0 */
    MAL_TRY(sql_int(cx, &parts[1], 0, 0, sub->pos));
    return sql_coalesce(cx, out, parts, 2, sub->pos);
}

mal_err sql_bind_value_query(binder *b, sql_e *out,
                             const PgQuery__SubLink *link) {
    sql_subquery sub = { .outer = b->grow, .kind = SQL_SUB_VALUE };
    SQL_NEED(link->sub_link_type == PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK,
             b->cx, link->location, MAL_E_UNSUPPORTED,
             "not supported: EXISTS or IN over a subquery inside another "
             "condition; write it in WHERE, joined by AND");
    SQL_NEED(b->grow || b->values, b->cx, link->location, MAL_E_UNSUPPORTED,
             "not supported: a subquery inside an expression of %s; there are "
             "those of WHERE and HAVING, and in FROM",
             b->clause);
    MAL_TRY(bind_sub(b->cx, &sub, link, b->ctes));
    SQL_NEED(sub.query.n == 1, b->cx, link->location, MAL_E_INPUT,
             "a subquery used as a value has one column");
    if (b->grow)
        return join_value(b, out, &sub);
    SQL_NEED(b->values->n < BIND_VALUES_MAX, b->cx, link->location, MAL_E_LIMIT,
             "more than %u subqueries in HAVING", BIND_VALUES_MAX);
    sql_expr proto = { .op = SQL_E_SUBQUERY,
                       .type = sub.query.rel->types[0],
                       .value = b->values->n,
                       .pos = link->location };
    b->values->rels[b->values->n++] = sub.query.rel;
    return sql_make_node(b->cx, out, &proto, NULL, 0);
}
