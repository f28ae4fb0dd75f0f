/* over.c - what orders rows: directions of keys, and rank() and row_number()
 * over a window of them. */
#include "bind_impl.h"

mal_err sql_bind_direction(const sql_cx *cx, sql_key *key,
                           const PgQuery__SortBy *by) {
    SQL_NEED(by->sortby_dir != PG_QUERY__SORT_BY_DIR__SORTBY_USING, cx,
             by->location, MAL_E_UNSUPPORTED, "not supported: ORDER BY USING");
    key->desc = by->sortby_dir == PG_QUERY__SORT_BY_DIR__SORTBY_DESC;
    key->nulls_first =
        by->sortby_nulls == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_FIRST ||
        (key->desc &&
         by->sortby_nulls != PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_LAST);
    return MAL_OK;
}

/* --- rank() over (partition by .. order by ..) ---------------------------- */

static mal_err over_key(binder *b, sql_over *w, const pg_node *node,
                        const PgQuery__SortBy *by) {
    const char *what = by ? "ORDER BY" : "PARTITION BY";
    binder inner = *b;
    sql_e e;
    inner.aggs_allowed = false;
    inner.overs = NULL;
    inner.clause = what;
    MAL_TRY(sql_bind_expr(&inner, &e, node));
    SQL_NEED(e->op == SQL_E_COL && e->type.kind != MAL_SQL_ID, b->cx, e->pos,
             MAL_E_UNSUPPORTED,
             "not supported: OVER (%s ..) of something else than a column that "
             "is no identifier; name it in a subquery",
             what);
    SQL_NEED(w->n_keys < MAL_SQL_KEYS_MAX, b->cx, e->pos, MAL_E_LIMIT,
             "more than %u columns in OVER", MAL_SQL_KEYS_MAX);
    sql_key *key = &w->keys[w->n_keys++];
    *key = (sql_key){ .column = (unsigned)e->value };
    return by ? sql_bind_direction(b->cx, key, by) : MAL_OK;
}

/* Where no two rows are equal, row_number() is rank(); where some are, it would
 * say what the data's order happens to be. */
static mal_err check_numbers(binder *b, const sql_over *w) {
    sql_e keys[MAL_SQL_KEYS_MAX];
    for (unsigned i = 0; i < w->n_keys; i++)
        MAL_TRY(sql_col(b->cx, &keys[i], w->keys[i].column,
                        &b->scope->rel->types[w->keys[i].column], w->pos));
    SQL_NEED(sql_matches(b->scope->rel, keys, w->n_keys) <= 1, b->cx, w->pos,
             MAL_E_UNSUPPORTED,
             "not supported: row_number() by columns that are not unique by "
             "the contract, where equal rows have no order; write rank()");
    return MAL_OK;
}

mal_err sql_bind_over(binder *b, sql_e *out, const PgQuery__FuncCall *f,
                      const char *name) {
    const PgQuery__WindowDef *d = f->over;
    bool numbers = name && strcmp(name, "row_number") == 0;
    sql_over w = { .pos = f->location };
    sql_type type = { .kind = MAL_SQL_INT, .lo = 1 };
    SQL_NEED(name && (numbers || strcmp(name, "rank") == 0) && f->n_args == 0 &&
                 !f->agg_star,
             b->cx, f->location, MAL_E_UNSUPPORTED,
             "not supported: the window function %.64s; there are rank() and "
             "row_number()",
             name ? name : "?");
    SQL_NEED(b->overs, b->cx, f->location, MAL_E_UNSUPPORTED,
             "not supported: OVER in %s; it may stand in SELECT", b->clause);
    SQL_NEED(!(d->name && *d->name) && !(d->refname && *d->refname) &&
                 !d->start_offset && !d->end_offset && d->n_order_clause > 0,
             b->cx, f->location, MAL_E_UNSUPPORTED,
             "not supported: OVER without ORDER BY, with a frame or a name");
    for (size_t i = 0; i < d->n_partition_clause; i++)
        MAL_TRY(over_key(b, &w, d->partition_clause[i], NULL));
    w.n_part = w.n_keys;
    for (size_t i = 0; i < d->n_order_clause; i++)
        MAL_TRY(over_key(b, &w, d->order_clause[i]->sort_by->node,
                         d->order_clause[i]->sort_by));
    if (numbers)
        MAL_TRY(check_numbers(b, &w));
    SQL_NEED(b->n_overs < BIND_OVERS_MAX, b->cx, f->location, MAL_E_LIMIT,
             "more than %u window functions", BIND_OVERS_MAX);
    type.hi = (int64_t)b->scope->rel->rows_max;
    SQL_NEED(type.hi > 0 && type.hi <= MAL_SQL_SUM_MAX, b->cx, f->location,
             MAL_E_LIMIT, "a rank over too many rows to count");
    b->overs[b->n_overs] = w;
    return sql_col(b->cx, out, b->scope->rel->n_columns + b->n_overs++, &type,
                   f->location);
}
