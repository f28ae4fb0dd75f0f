/* from.c - FROM and WHERE: scopes, joins, and the equalities that make them. */
#include "bind_impl.h"

#include <string.h>

#define NODE(kind) PG_QUERY__NODE__NODE_##kind
#define FROM_MAX 32u

/* --- FROM ----------------------------------------------------------------- */

static mal_err scope_of(const sql_cx *cx, sql_scope *out, const query *q,
                        const char *schema, const char *table,
                        const PgQuery__Alias *alias, int pos) {
    const char **names;
    MAL_TRY(sql_alloc(cx, &names, q->n, sizeof *names));
    for (unsigned i = 0; i < q->n; i++)
        names[i] = q->names[i];
    if (alias) {
        schema = NULL;
        MAL_TRY(sql_copy_text(cx, &table, alias->aliasname));
        MAL_TRY(sql_rename_columns(cx, names, q->n, alias->colnames,
                                   alias->n_colnames, pos));
    }
    out->rel = q->rel;
    out->n = q->n;
    MAL_TRY(sql_alloc(cx, &out->columns, q->n, sizeof *out->columns));
    for (unsigned i = 0; i < q->n; i++)
        out->columns[i] = (scope_column){ schema, table, names[i], i, false };
    return MAL_OK;
}

static mal_err scan_all(const sql_cx *cx, query *out, uint32_t dataset) {
    const mal_policy_dataset *d = &cx->contract->datasets[dataset];
    unsigned *columns;
    SQL_NEED(d->n_columns <= MAL_SQL_COLUMNS_MAX, cx, -1, MAL_E_LIMIT,
             "%.128s has %u columns; at most %u can be read", d->name,
             d->n_columns, MAL_SQL_COLUMNS_MAX);
    MAL_TRY(sql_alloc(cx, &columns, d->n_columns, sizeof *columns));
    MAL_TRY(sql_alloc(cx, &out->names, d->n_columns, sizeof *out->names));
    for (unsigned i = 0; i < d->n_columns; i++) {
        columns[i] = i;
        out->names[i] = d->columns[i].name;
    }
    out->n = d->n_columns;
    return sql_scan(cx, &out->rel, dataset, columns, d->n_columns);
}

/* owner.table, or a table that one owner alone has. */
static mal_err find_table(const sql_cx *cx, uint32_t *dataset,
                          const char *schema, const char *table, int pos) {
    uint32_t found = MAL_POLICY_NONE, n = 0;
    for (uint32_t i = 0; i < cx->contract->n_datasets; i++) {
        const mal_policy_dataset *d = &cx->contract->datasets[i];
        const char *owner = cx->contract->parties[d->owner].name;
        if (strcmp(d->table, table) != 0 ||
            (schema && strcmp(owner, schema) != 0))
            continue;
        found = i;
        n++;
    }
    SQL_NEED(n > 0 || !schema, cx, pos, MAL_E_INPUT,
             "the contract has no dataset %.64s.%.64s", schema, table);
    SQL_NEED(n > 0, cx, pos, MAL_E_INPUT,
             "no table %.64s: tables are named owner.table", table);
    SQL_NEED(n == 1, cx, pos, MAL_E_INPUT,
             "%u owners have a table %.64s: it is named owner.table", n, table);
    *dataset = found;
    return MAL_OK;
}

static mal_err from_table(sql_cx *cx, sql_scope *out,
                          const PgQuery__RangeVar *v, const cte *ctes) {
    const char *schema = v->schemaname && *v->schemaname ? v->schemaname : NULL;
    query q;
    SQL_NEED(!v->catalogname || !*v->catalogname, cx, v->location, MAL_E_INPUT,
             "a table is named owner.table");
    SQL_NEED(v->inh, cx, v->location, MAL_E_UNSUPPORTED,
             "not supported: FROM ONLY");
    for (const cte *c = ctes; c && !schema; c = c->outer)
        if (strcmp(c->name, v->relname) == 0)
            return scope_of(cx, out, &c->query, NULL, c->name, v->alias,
                            v->location);
    uint32_t dataset = 0;
    MAL_TRY(find_table(cx, &dataset, schema, v->relname, v->location));
    MAL_TRY(scan_all(cx, &q, dataset));
    const mal_policy_dataset *d = &cx->contract->datasets[dataset];
    return scope_of(cx, out, &q, cx->contract->parties[d->owner].name, d->table,
                    v->alias, v->location);
}

static mal_err from_item(sql_cx *cx, sql_scope *out, const pg_node *node,
                         const cte *ctes);

/* Two scopes side by side. */
static mal_err side_by_side(const sql_cx *cx, sql_scope *out,
                            const sql_scope *l, const sql_scope *r) {
    unsigned n_left = l->rel->n_columns;
    out->n = l->n + r->n;
    MAL_TRY(sql_alloc(cx, &out->columns, out->n, sizeof *out->columns));
    memcpy(out->columns, l->columns, l->n * sizeof *out->columns);
    memcpy(out->columns + l->n, r->columns, r->n * sizeof *out->columns);
    for (unsigned i = l->n; i < out->n; i++)
        out->columns[i].index += n_left;
    return MAL_OK;
}

/* A relation to bind conditions over two inputs that are not joined yet. */
static mal_err facade(const sql_cx *cx, sql_r *out, sql_r l, sql_r r) {
    sql_rel *rel;
    sql_r *in;
    sql_type *types;
    unsigned n = l->n_columns + r->n_columns;
    MAL_TRY(sql_alloc(cx, &rel, 1, sizeof *rel));
    MAL_TRY(sql_alloc(cx, &in, 2, sizeof *in));
    MAL_TRY(sql_alloc(cx, &types, n, sizeof *types));
    in[0] = l;
    in[1] = r;
    memcpy(types, l->types, l->n_columns * sizeof *types);
    memcpy(types + l->n_columns, r->types, r->n_columns * sizeof *types);
    *rel = (sql_rel){
        .op = SQL_JOIN, .n_in = 2, .in = in, .n_columns = n, .types = types
    };
    *out = rel;
    return MAL_OK;
}

/* The conjuncts of e. */
static void conjuncts(sql_e e, const sql_e **list, unsigned *n, sql_e *single) {
    if (e->op == SQL_E_AND) {
        *list = e->args;
        *n = e->n_args;
    } else {
        *single = e;
        *list = single;
        *n = 1;
    }
}

static mal_err find_column(const sql_cx *cx, const sql_scope *s,
                           const char *name, unsigned *at, int pos) {
    bool found = false;
    for (unsigned i = 0; i < s->n; i++)
        if (!s->columns[i].hidden && strcmp(s->columns[i].name, name) == 0) {
            SQL_NEED(!found, cx, pos, MAL_E_INPUT,
                     "USING (%.64s): the column is ambiguous on one side",
                     name);
            *at = i;
            found = true;
        }
    SQL_NEED(found, cx, pos, MAL_E_INPUT,
             "USING (%.64s): one side has no such column", name);
    return MAL_OK;
}

/* USING: the merged columns come first, the right one's name is hidden. */
static mal_err join_using(sql_cx *cx, sql_scope *s, const sql_scope *l,
                          const sql_scope *r, const PgQuery__JoinExpr *j,
                          sql_e *conds, int pos) {
    binder b = { .cx = cx, .scope = s, .clause = "USING", .pos = pos };
    scope_column *order;
    unsigned n = 0;
    MAL_TRY(sql_alloc(cx, &order, s->n, sizeof *order));
    for (size_t i = 0; i < j->n_using_clause; i++) {
        const char *name = sql_node_string(j->using_clause[i]);
        unsigned at_l = 0, at_r = 0;
        sql_e a, c;
        SQL_NEED(name, cx, pos, MAL_E_INPUT, "USING takes column names");
        MAL_TRY(find_column(cx, l, name, &at_l, pos));
        MAL_TRY(find_column(cx, r, name, &at_r, pos));
        MAL_TRY(sql_scope_col(&b, &a, at_l, pos));
        MAL_TRY(sql_scope_col(&b, &c, l->n + at_r, pos));
        MAL_TRY(sql_compare(cx, &conds[i], SQL_E_EQ, a, c, pos));
        s->columns[l->n + at_r].hidden = true;
        order[n++] = s->columns[at_l];
    }
    for (unsigned i = 0; i < s->n; i++) {
        bool merged = false;
        for (unsigned k = 0; k < (unsigned)j->n_using_clause; k++)
            merged |= order[k].index == s->columns[i].index;
        if (!merged)
            order[n++] = s->columns[i];
    }
    s->columns = order;
    return MAL_OK;
}

static mal_err refuse_joins(const sql_cx *cx, const PgQuery__JoinExpr *j,
                            int pos) {
    SQL_NEED(j->jointype == PG_QUERY__JOIN_TYPE__JOIN_INNER ||
                 j->jointype == PG_QUERY__JOIN_TYPE__JOIN_LEFT ||
                 j->jointype == PG_QUERY__JOIN_TYPE__JOIN_RIGHT,
             cx, pos, MAL_E_UNSUPPORTED,
             "not supported: FULL JOIN; there are inner, LEFT and RIGHT joins");
    SQL_NEED(!j->is_natural, cx, pos, MAL_E_UNSUPPORTED,
             "not supported: NATURAL JOIN; write USING");
    SQL_NEED(j->jointype != PG_QUERY__JOIN_TYPE__JOIN_RIGHT ||
                 !j->n_using_clause,
             cx, pos, MAL_E_UNSUPPORTED,
             "not supported: USING in a RIGHT JOIN; write ON");
    SQL_NEED(!j->alias && !j->join_using_alias, cx, pos, MAL_E_UNSUPPORTED,
             "not supported: an alias for a join; name its tables");
    SQL_NEED(j->quals || j->n_using_clause, cx, pos, MAL_E_UNSUPPORTED,
             "not supported: CROSS JOIN; write JOIN .. ON a.key = b.key");
    return MAL_OK;
}

/* ON of an outer join: what reads only the side that may be missing filters it
 * before the join; nothing else but equalities can stand there. */
static mal_err filter_inner_side(const sql_cx *cx, sql_joined *join,
                                 const sql_e *conds, unsigned n, sql_e *kept,
                                 unsigned *n_kept) {
    unsigned n_left = join->left->n_columns;
    unsigned n_all = n_left + join->right->n_columns;
    sql_e *cols;
    *n_kept = 0;
    MAL_TRY(sql_alloc(cx, &cols, n_all, sizeof *cols));
    for (unsigned i = n_left; i < n_all; i++)
        MAL_TRY(sql_col(cx, &cols[i], i - n_left,
                        &join->right->types[i - n_left], -1));
    for (unsigned i = 0; i < n; i++) {
        bool any = false;
        sql_e cond;
        if (sql_join_is_key(conds[i], n_left, n_all)) {
            kept[(*n_kept)++] = conds[i];
            continue;
        }
        SQL_NEED(sql_expr_within(conds[i], n_left, n_all, &any), cx,
                 conds[i]->pos, MAL_E_UNSUPPORTED,
                 "not supported: a condition in ON of an outer join that reads "
                 "the side whose rows all stay; put it in WHERE or in a "
                 "subquery");
        MAL_TRY(sql_substitute(cx, &cond, conds[i], cols));
        MAL_TRY(sql_filter(cx, &join->right, join->right, cond));
    }
    return MAL_OK;
}

/* b RIGHT JOIN a is a LEFT JOIN b; the scope keeps the order of the text. */
static mal_err outer_join(const sql_cx *cx, sql_scope *out, const sql_scope *l,
                          const sql_scope *r, const sql_e *conds, unsigned n,
                          bool right, int pos) {
    sql_joined join = { SQL_LEFT, l->rel, r->rel };
    unsigned n_l = l->rel->n_columns, n_r = r->rel->n_columns, n_kept, none;
    sql_e *kept, *rest;
    MAL_TRY(sql_alloc(cx, &kept, n, sizeof *kept));
    MAL_TRY(sql_alloc(cx, &rest, n, sizeof *rest));
    if (right) {
        sql_e *cols, *turned;
        join.left = r->rel;
        join.right = l->rel;
        MAL_TRY(sql_alloc(cx, &cols, (size_t)n_l + n_r, sizeof *cols));
        MAL_TRY(sql_alloc(cx, &turned, n, sizeof *turned));
        for (unsigned i = 0; i < n_l + n_r; i++)
            MAL_TRY(sql_col(cx, &cols[i], i < n_l ? n_r + i : i - n_l,
                            &out->rel->types[i], -1));
        for (unsigned i = 0; i < n; i++)
            MAL_TRY(sql_substitute(cx, &turned[i], conds[i], cols));
        conds = turned;
        for (unsigned i = 0; i < out->n; i++)
            out->columns[i].index = out->columns[i].index < n_l
                                        ? n_r + out->columns[i].index
                                        : out->columns[i].index - n_l;
    }
    MAL_TRY(filter_inner_side(cx, &join, conds, n, kept, &n_kept));
    return sql_join(cx, &out->rel, &join, kept, n_kept, rest, &none, pos);
}

static mal_err from_join(sql_cx *cx, sql_scope *out, const PgQuery__JoinExpr *j,
                         const cte *ctes) {
    sql_scope l, r;
    const sql_e *conds;
    sql_e *rest, single, all;
    unsigned n, n_rest;
    int pos = sql_node_pos(j->rarg, -1);
    MAL_TRY(refuse_joins(cx, j, pos));
    MAL_TRY(from_item(cx, &l, j->larg, ctes));
    MAL_TRY(from_item(cx, &r, j->rarg, ctes));
    MAL_TRY(side_by_side(cx, out, &l, &r));
    MAL_TRY(facade(cx, &out->rel, l.rel, r.rel));
    if (j->quals) {
        binder b = { .cx = cx, .scope = out, .clause = "ON", .pos = pos };
        MAL_TRY(sql_bind_cond(&b, &all, j->quals));
        conjuncts(all, &conds, &n, &single);
    } else {
        sql_e *equal;
        n = (unsigned)j->n_using_clause;
        MAL_TRY(sql_alloc(cx, &equal, n, sizeof *equal));
        MAL_TRY(join_using(cx, out, &l, &r, j, equal, pos));
        conds = equal;
    }
    if (j->jointype != PG_QUERY__JOIN_TYPE__JOIN_INNER)
        return outer_join(cx, out, &l, &r, conds, n,
                          j->jointype == PG_QUERY__JOIN_TYPE__JOIN_RIGHT, pos);
    const sql_joined join = { SQL_INNER, l.rel, r.rel };
    MAL_TRY(sql_alloc(cx, &rest, n, sizeof *rest));
    MAL_TRY(sql_join(cx, &out->rel, &join, conds, n, rest, &n_rest, pos));
    if (n_rest == 0)
        return MAL_OK;
    MAL_TRY(sql_logic(cx, &all, SQL_E_AND, rest, n_rest, pos));
    return sql_filter(cx, &out->rel, out->rel, all);
}

static mal_err from_item(sql_cx *cx, sql_scope *out, const pg_node *node,
                         const cte *ctes) {
    binder b = { .cx = cx, .clause = "FROM", .pos = sql_node_pos(node, -1) };
    mal_err err;
    SQL_NEED(++cx->depth <= MAL_SQL_DEPTH_MAX, cx, b.pos, MAL_E_LIMIT,
             "joins nested deeper than %u", MAL_SQL_DEPTH_MAX);
    switch (node->node_case) {
    case NODE(RANGE_VAR):
        err = from_table(cx, out, node->range_var, ctes);
        break;
    case NODE(JOIN_EXPR):
        err = from_join(cx, out, node->join_expr, ctes);
        break;
    case NODE(RANGE_SUBSELECT): {
        const PgQuery__RangeSubselect *s = node->range_subselect;
        query q;
        SQL_NEED(!s->lateral, cx, b.pos, MAL_E_UNSUPPORTED,
                 "not supported: LATERAL");
        SQL_NEED(s->subquery && s->alias &&
                     s->subquery->node_case == NODE(SELECT_STMT),
                 cx, b.pos, MAL_E_INPUT, "a subquery in FROM needs an alias");
        MAL_TRY(sql_bind_query(cx, &q, s->subquery->select_stmt, ctes, false));
        err = scope_of(cx, out, &q, NULL, NULL, s->alias, b.pos);
        break;
    }
    default:
        err = sql_node_refuse(&b, node);
    }
    cx->depth--;
    return err;
}

/* --- FROM a, b WHERE a.x = b.x -------------------------------------------- */

/* The items of FROM in the order in which they are joined, and where each
 * column of the whole scope went. */
typedef struct comma_join {
    sql_scope items[FROM_MAX];
    unsigned base[FROM_MAX]; /* first column in the scope's numbering */
    bool joined[FROM_MAX];
    unsigned n;
    sql_r rel;
    unsigned *map;      /* scope column -> column of rel */
    const sql_e *conds; /* conjuncts of WHERE, over the scope */
    bool *used;
    unsigned n_conds;
} comma_join;

/* Is every column of e in an item that is joined, or in item i? */
static bool side_of(const comma_join *c, sql_e e, bool joined, unsigned item) {
    if (e->op == SQL_E_COL) {
        for (unsigned i = 0; i < c->n; i++) {
            unsigned end = c->base[i] + c->items[i].rel->n_columns;
            if (e->value >= c->base[i] && e->value < end)
                return joined ? c->joined[i] : i == item;
        }
        return false;
    }
    bool all = true;
    for (unsigned i = 0; i < e->n_args && all; i++)
        all = side_of(c, e->args[i], joined, item);
    return all;
}

static bool connects(const comma_join *c, sql_e e, unsigned item) {
    bool any = false, other = false;
    if (e->op != SQL_E_EQ)
        return false;
    sql_expr_within(e->args[0], 0, 0, &any);
    sql_expr_within(e->args[1], 0, 0, &other);
    if (!any || !other)
        return false;
    return (side_of(c, e->args[0], true, 0) &&
            side_of(c, e->args[1], false, item)) ||
           (side_of(c, e->args[1], true, 0) &&
            side_of(c, e->args[0], false, item));
}

/* Conditions over the scope become conditions over rel (then `next`). */
static mal_err over_rel(const sql_cx *cx, sql_e *out, sql_e e,
                        const comma_join *c, unsigned total, sql_r next,
                        unsigned item) {
    sql_e *cols;
    MAL_TRY(sql_alloc(cx, &cols, total, sizeof *cols));
    for (unsigned i = 0; i < c->n; i++)
        for (unsigned k = 0; k < c->items[i].rel->n_columns; k++) {
            unsigned at = c->base[i] + k;
            if (c->joined[i])
                MAL_TRY(sql_col(cx, &cols[at], c->map[at],
                                &c->rel->types[c->map[at]], e->pos));
            else if (next && i == item)
                MAL_TRY(sql_col(cx, &cols[at], c->rel->n_columns + k,
                                &next->types[k], e->pos));
        }
    return sql_substitute(cx, out, e, cols);
}

static mal_err join_item(const sql_cx *cx, comma_join *c, unsigned item,
                         unsigned total, int pos) {
    sql_r next = c->items[item].rel;
    sql_e keys[MAL_SQL_KEYS_MAX], rest[MAL_SQL_KEYS_MAX];
    unsigned n = 0, n_rest;
    for (unsigned i = 0; i < c->n_conds; i++) {
        if (c->used[i] || !connects(c, c->conds[i], item))
            continue;
        SQL_NEED(n < MAL_SQL_KEYS_MAX, cx, pos, MAL_E_LIMIT,
                 "a join on more than %u equalities", MAL_SQL_KEYS_MAX);
        MAL_TRY(over_rel(cx, &keys[n++], c->conds[i], c, total, next, item));
        c->used[i] = true;
    }
    unsigned n_left = c->rel->n_columns;
    const sql_joined join = { SQL_INNER, c->rel, next };
    MAL_TRY(sql_join(cx, &c->rel, &join, keys, n, rest, &n_rest, pos));
    assert(n_rest == 0);
    for (unsigned k = 0; k < next->n_columns; k++)
        c->map[c->base[item] + k] = n_left + k;
    c->joined[item] = true;
    return MAL_OK;
}

/* Join the items left to right, each time the first that an equality connects
 * to what is joined already. */
static mal_err join_items(const sql_cx *cx, comma_join *c, unsigned total,
                          int pos) {
    c->rel = c->items[0].rel;
    c->joined[0] = true;
    for (unsigned k = 0; k < c->rel->n_columns; k++)
        c->map[k] = k;
    for (unsigned done = 1; done < c->n; done++) {
        unsigned found = c->n;
        for (unsigned i = c->n; i-- > 1;)
            for (unsigned k = 0; k < c->n_conds && !c->joined[i]; k++)
                if (!c->used[k] && connects(c, c->conds[k], i))
                    found = i;
        for (unsigned i = c->n; found == c->n && i-- > 1;)
            if (!c->joined[i] && c->items[i].rel->rows_max <= 1)
                found = i; /* one row: it stands beside every other */
        SQL_NEED(found < c->n, cx, pos, MAL_E_UNSUPPORTED,
                 "tables in FROM that no equality in WHERE connects (a cross "
                 "join): add a.key = b.key");
        MAL_TRY(join_item(cx, c, found, total, pos));
    }
    return MAL_OK;
}

/* --- WHERE ---------------------------------------------------------------- */

typedef struct where {
    const pg_node **plain, **late; /* conjuncts; late: with a subquery inside */
    size_t n_plain, n_late, max;
} where;

static mal_err split_where(const sql_cx *cx, where *w, const pg_node *node,
                           unsigned depth) {
    const PgQuery__BoolExpr *x =
        node->node_case == NODE(BOOL_EXPR) ? node->bool_expr : NULL;
    bool conjunction = x && x->boolop == PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR;
    if (conjunction && sql_node_holds_query(node)) {
        SQL_NEED(depth < MAL_SQL_DEPTH_MAX, cx, sql_node_pos(node, -1),
                 MAL_E_LIMIT, "conditions nested deeper than %u",
                 MAL_SQL_DEPTH_MAX);
        for (size_t i = 0; i < x->n_args; i++)
            MAL_TRY(split_where(cx, w, x->args[i], depth + 1));
        return MAL_OK;
    }
    SQL_NEED(w->n_plain + w->n_late < w->max, cx, sql_node_pos(node, -1),
             MAL_E_LIMIT, "more than %zu conditions in WHERE", w->max);
    if (sql_node_holds_query(node))
        w->late[w->n_late++] = node;
    else
        w->plain[w->n_plain++] = node;
    return MAL_OK;
}

static bool conjunct_in(sql_e x, sql_e branch) {
    if (branch->op != SQL_E_AND)
        return sql_expr_same(x, branch);
    for (unsigned i = 0; i < branch->n_args; i++)
        if (sql_expr_same(x, branch->args[i]))
            return true;
    return false;
}

/* (A AND x) OR (A AND y) is A AND (x OR y), also of unknowns: so an equality
 * that every branch repeats can join.  The parts that are not `common` of one
 * branch; NULL: nothing is left of it, and A alone decides. */
static mal_err without(const sql_cx *cx, sql_e *out, sql_e branch,
                       const sql_e *common, unsigned n) {
    const sql_e *list;
    sql_e single, *kept;
    unsigned n_list, n_kept = 0;
    conjuncts(branch, &list, &n_list, &single);
    MAL_TRY(sql_alloc(cx, &kept, n_list, sizeof *kept));
    for (unsigned i = 0; i < n_list; i++) {
        bool drop = false;
        for (unsigned k = 0; k < n && !drop; k++)
            drop = sql_expr_same(list[i], common[k]);
        if (!drop)
            kept[n_kept++] = list[i];
    }
    *out = NULL;
    return n_kept ? sql_logic(cx, out, SQL_E_AND, kept, n_kept, branch->pos)
                  : MAL_OK;
}

/* The conjuncts that e stands for, appended to list[*n]. */
static mal_err factor(const sql_cx *cx, sql_e *list, unsigned *n, sql_e e) {
    const sql_e *first;
    sql_e single, *branches;
    unsigned n_first, begin = *n;
    if (e->op != SQL_E_OR) {
        list[(*n)++] = e;
        return MAL_OK;
    }
    conjuncts(e->args[0], &first, &n_first, &single);
    for (unsigned i = 0; i < n_first; i++) {
        bool all = true;
        for (unsigned k = 1; k < e->n_args && all; k++)
            all = conjunct_in(first[i], e->args[k]);
        if (all)
            list[(*n)++] = first[i];
    }
    if (*n == begin) {
        list[(*n)++] = e;
        return MAL_OK;
    }
    MAL_TRY(sql_alloc(cx, &branches, e->n_args, sizeof *branches));
    for (unsigned k = 0; k < e->n_args; k++) {
        MAL_TRY(
            without(cx, &branches[k], e->args[k], list + begin, *n - begin));
        if (!branches[k])
            return MAL_OK;
    }
    return sql_logic(cx, &list[(*n)++], SQL_E_OR, branches, e->n_args, e->pos);
}

static unsigned factors_max(sql_e e) {
    if (e->op != SQL_E_OR)
        return 1;
    return 1 + (e->args[0]->op == SQL_E_AND ? e->args[0]->n_args : 1);
}

/* Bind the plain conjuncts; those that read the query around stand apart. */
static mal_err bind_plain(binder *b, comma_join *c, const where *w,
                          sql_e **outward, unsigned *n_outward) {
    const sql_cx *cx = b->cx;
    const sql_e *list;
    sql_e *bound, *conds, all, single;
    unsigned n_list, n = 0, max = 0;
    *n_outward = 0;
    if (w->n_plain == 0)
        return MAL_OK;
    MAL_TRY(sql_alloc(cx, &bound, w->n_plain, sizeof *bound));
    for (size_t i = 0; i < w->n_plain; i++)
        MAL_TRY(sql_bind_cond(b, &bound[i], w->plain[i]));
    MAL_TRY(sql_logic(cx, &all, SQL_E_AND, bound, (unsigned)w->n_plain, -1));
    conjuncts(all, &list, &n_list, &single);
    for (unsigned i = 0; i < n_list; i++)
        max += factors_max(list[i]);
    MAL_TRY(sql_alloc(cx, &conds, max, sizeof *conds));
    MAL_TRY(sql_alloc(cx, outward, max, sizeof **outward));
    for (unsigned i = 0; i < n_list; i++)
        MAL_TRY(factor(cx, conds, &n, list[i]));
    c->conds = conds;
    for (unsigned i = 0; i < n; i++)
        if (sql_expr_has(conds[i], SQL_E_OUTER))
            (*outward)[(*n_outward)++] = conds[i];
        else
            conds[c->n_conds++] = conds[i];
    return MAL_OK;
}

static mal_err from_items(sql_cx *cx, sql_scope *out, comma_join *c,
                          const PgQuery__SelectStmt *s, const cte *ctes) {
    int pos = s->n_from_clause ? sql_node_pos(s->from_clause[0], 0) : 0;
    SQL_NEED(s->n_from_clause >= 1, cx, pos, MAL_E_UNSUPPORTED,
             "a SELECT without FROM");
    SQL_NEED(s->n_from_clause <= FROM_MAX, cx, pos, MAL_E_LIMIT,
             "more than %u tables in FROM", FROM_MAX);
    c->n = (unsigned)s->n_from_clause;
    for (unsigned i = 0; i < c->n; i++) {
        MAL_TRY(from_item(cx, &c->items[i], s->from_clause[i], ctes));
        if (i == 0) {
            *out = c->items[0];
            continue;
        }
        sql_scope left = *out;
        c->base[i] = left.rel->n_columns;
        MAL_TRY(side_by_side(cx, out, &left, &c->items[i]));
        MAL_TRY(facade(cx, &out->rel, left.rel, c->items[i].rel));
    }
    return MAL_OK;
}

static mal_err where_of(const sql_cx *cx, where *w, const pg_node *node) {
    *w = (where){ .max = MAL_SQL_NODES_MAX / 16 };
    if (!node)
        return MAL_OK;
    MAL_TRY(sql_alloc(cx, &w->plain, w->max, sizeof *w->plain));
    MAL_TRY(sql_alloc(cx, &w->late, w->max, sizeof *w->late));
    return split_where(cx, w, node, 0);
}

mal_err sql_from_where(sql_cx *cx, sql_scope *out, const PgQuery__SelectStmt *s,
                       const cte *ctes, const sql_scope *outer) {
    comma_join c = { 0 };
    where w;
    sql_e cond, *rest, *outward = NULL;
    unsigned n_rest = 0, n_outward;
    *out = (sql_scope){ 0 };
    MAL_TRY(from_items(cx, out, &c, s, ctes));
    int pos = sql_node_pos(s->from_clause[0], 0);
    binder b = {
        .cx = cx, .scope = out, .outer = outer, .clause = "WHERE", .pos = pos
    };
    MAL_TRY(where_of(cx, &w, s->where_clause));
    MAL_TRY(bind_plain(&b, &c, &w, &outward, &n_outward));
    unsigned total = out->rel->n_columns;
    MAL_TRY(sql_alloc(cx, &c.used, c.n_conds, sizeof *c.used));
    MAL_TRY(sql_alloc(cx, &c.map, total, sizeof *c.map));
    MAL_TRY(sql_alloc(cx, &rest, c.n_conds, sizeof *rest));
    MAL_TRY(join_items(cx, &c, total, pos));
    out->rel = c.rel;
    for (unsigned i = 0; i < out->n; i++)
        out->columns[i].index = c.map[out->columns[i].index];
    for (unsigned i = 0; i < c.n_conds; i++)
        if (!c.used[i])
            MAL_TRY(
                over_rel(cx, &rest[n_rest++], c.conds[i], &c, total, NULL, 0));
    for (unsigned i = 0; i < n_outward; i++)
        MAL_TRY(over_rel(cx, &outward[i], outward[i], &c, total, NULL, 0));
    out->outward = outward;
    out->n_outward = n_outward;
    if (n_rest > 0) {
        MAL_TRY(sql_logic(cx, &cond, SQL_E_AND, rest, n_rest, pos));
        MAL_TRY(sql_filter(cx, &out->rel, out->rel, cond));
    }
    for (size_t i = 0; i < w.n_late; i++)
        MAL_TRY(sql_bind_where_query(cx, out, w.late[i], ctes));
    return MAL_OK;
}
