/* share_bound.c - rule 5: which column says whose a part's rows are, so that
 * the seats can cut what one unit has too much.
 *
 *     part      SELECT amount FROM visits WHERE city = 'x'
 *     shared    SELECT amount, who FROM visits WHERE city = 'x' ORDER BY who
 *
 * The rows of one value of `who` stand together, which is checked; those beyond
 * the bound stop counting, and the column is dropped.  Where a part's rows are
 * not each one unit's (an owner's own GROUP BY), the bound stays its owner's
 * word, and the receipt says so.
 */
#include "share_run_impl.h"

#include <string.h>

/* r with whose it is as one more column, if it has none yet; at NONE: a row is
 * not one unit's. */
typedef struct exposed {
    sql_r rel;
    unsigned at;
} exposed;

static mal_err expose(const sql_cx *cx, exposed *out, sql_r r,
                      uint32_t dataset);

static mal_err expose_scan(const sql_cx *cx, exposed *out, sql_r r,
                           uint32_t dataset) {
    const unsigned unit = cx->contract->datasets[dataset].unit;
    unsigned *columns;
    if (r->dataset != dataset)
        return MAL_OK;
    for (out->at = 0; out->at < r->n_columns; out->at++)
        if (r->columns[out->at] == unit)
            return MAL_OK;
    MAL_TRY(sql_alloc(cx, &columns, r->n_columns + 1, sizeof *columns));
    if (r->n_columns)
        memcpy(columns, r->columns, r->n_columns * sizeof *columns);
    columns[r->n_columns] = unit;
    return sql_scan(cx, &out->rel, dataset, columns, r->n_columns + 1);
}

static mal_err expose_filter(const sql_cx *cx, exposed *out, sql_r r,
                             uint32_t dataset) {
    exposed in;
    MAL_TRY(expose(cx, &in, r->in[0], dataset));
    out->at = in.at;
    return in.rel == r->in[0] ? MAL_OK
                              : sql_filter(cx, &out->rel, in.rel, r->exprs[0]);
}

static mal_err expose_project(const sql_cx *cx, exposed *out, sql_r r,
                              uint32_t dataset) {
    exposed in;
    sql_e *exprs;
    MAL_TRY(expose(cx, &in, r->in[0], dataset));
    if (in.at == MAL_POLICY_NONE)
        return MAL_OK;
    for (out->at = 0; out->at < r->n_exprs; out->at++)
        if (r->exprs[out->at]->op == SQL_E_COL &&
            r->exprs[out->at]->value == in.at)
            return MAL_OK; /* then the input has had it, too */
    MAL_TRY(sql_alloc(cx, &exprs, r->n_exprs + 1, sizeof *exprs));
    if (r->n_exprs)
        memcpy(exprs, r->exprs, r->n_exprs * sizeof *exprs);
    MAL_TRY(sql_col(cx, &exprs[r->n_exprs], in.at, &in.rel->types[in.at], -1));
    return sql_project(cx, &out->rel, in.rel, exprs, r->n_exprs + 1);
}

/* The columns that r had, then the one that stands at `at`. */
static mal_err unit_last(const sql_cx *cx, exposed *out, sql_r wide, unsigned n,
                         unsigned at) {
    sql_e *exprs;
    MAL_TRY(sql_alloc(cx, &exprs, n + 1, sizeof *exprs));
    for (unsigned i = 0; i <= n; i++) {
        unsigned from = i == n ? at : i + (i >= at);
        MAL_TRY(sql_col(cx, &exprs[i], from, &wide->types[from], -1));
    }
    out->at = n;
    return sql_project(cx, &out->rel, wide, exprs, n + 1);
}

static mal_err expose_join(const sql_cx *cx, exposed *out, sql_r r,
                           uint32_t dataset) {
    const bool in_left = sql_touch(cx, r->in[0], dataset) > 0;
    const bool in_right = sql_touch(cx, r->in[1], dataset) > 0;
    const unsigned side = in_right, n_left = r->in[0]->n_columns;
    exposed in;
    sql_r wide;
    /* of two units, or beside NULLs, a row is nobody's alone */
    if (in_left == in_right || (in_right && r->join != SQL_INNER))
        return MAL_OK;
    MAL_TRY(expose(cx, &in, r->in[side], dataset));
    if (in.at == MAL_POLICY_NONE)
        return MAL_OK;
    if (in.rel == r->in[side]) {
        out->at = in.at + (side ? n_left : 0);
        return MAL_OK;
    }
    sql_joined j = { .kind = r->join, .left = r->in[0], .right = r->in[1] };
    if (side)
        j.right = in.rel;
    else
        j.left = in.rel;
    MAL_TRY(sql_join_on(cx, &wide, &j, r->exprs, r->n_exprs / 2));
    return unit_last(cx, out, wide, r->n_columns,
                     side ? n_left + in.at : in.at);
}

/* Where the unit is a group, its groups are its own. */
static mal_err expose_aggregate(const sql_cx *cx, exposed *out, sql_r r,
                                uint32_t dataset) {
    exposed in;
    MAL_TRY(expose(cx, &in, r->in[0], dataset));
    for (unsigned i = 0; in.rel == r->in[0] && i < r->n_exprs; i++)
        if (r->exprs[i]->op == SQL_E_COL && r->exprs[i]->value == in.at)
            out->at = i;
    return MAL_OK;
}

static mal_err expose(const sql_cx *cx, exposed *out, sql_r r,
                      uint32_t dataset) {
    *out = (exposed){ .rel = r, .at = MAL_POLICY_NONE };
    switch (r->op) {
    case SQL_SCAN:
        return expose_scan(cx, out, r, dataset);
    case SQL_FILTER:
        return expose_filter(cx, out, r, dataset);
    case SQL_PROJECT:
        return expose_project(cx, out, r, dataset);
    case SQL_JOIN:
        return expose_join(cx, out, r, dataset);
    case SQL_AGGREGATE:
        return expose_aggregate(cx, out, r, dataset);
    default:
        return MAL_OK;
    }
}

/* --- all units of a part ---------------------------------------------------
 */

static bool has_bound(const mal_policy_dataset *d) {
    return d->unit != MAL_POLICY_NONE && d->contributes_max < d->rows_max;
}

bool sql_share_bounded(const mal_policy_contract *contract, sql_r r) {
    bool any = r->op == SQL_SCAN && has_bound(&contract->datasets[r->dataset]);
    for (unsigned i = 0; i < r->n_in && !any; i++)
        any = sql_share_bounded(contract, r->in[i]);
    return any;
}

static void add_bound(sql_share_part *part, mal_sql_bound *list, unsigned at) {
    unsigned i = 0;
    const uint64_t rows = part->home->same_max[at];
    while (i < part->n_bounds && list[i].column != at)
        i++;
    if (i == part->n_bounds && rows < part->home->rows_max)
        list[part->n_bounds++] =
            (mal_sql_bound){ .column = at, .rows_max = rows };
}

mal_err sql_share_bounds(const sql_cx *cx, sql_share_part *part, sql_r r) {
    const mal_policy_contract *c = cx->contract;
    mal_sql_bound *list;
    unsigned *at;
    *part = (sql_share_part){ .rel = r, .home = r };
    MAL_TRY(sql_alloc(cx, &list, c->n_datasets, sizeof *list));
    MAL_TRY(sql_alloc(cx, &at, c->n_datasets, sizeof *at));
    for (uint32_t d = 0; d < c->n_datasets; d++) {
        exposed e;
        at[d] = MAL_POLICY_NONE;
        if (!has_bound(&c->datasets[d]) || sql_touch(cx, r, d) == 0)
            continue;
        MAL_TRY(expose(cx, &e, part->home, d));
        part->home = e.rel;
        at[d] = e.at;
        part->trusted |= e.at == MAL_POLICY_NONE;
    }
    for (uint32_t d = 0; d < c->n_datasets; d++)
        if (at[d] != MAL_POLICY_NONE)
            add_bound(part, list, at[d]);
    part->bounds = list;
    if (part->n_bounds == 0)
        part->home = r;
    else
        list[0].in_order = true;
    return MAL_OK;
}

/* --- on shares ------------------------------------------------------------ */

/* Rule 5: whatever its owner shared, a unit's rows are no more than its bound.
 */
mal_err sql_share_bound(mal_obl *o, mal_obl_table *t,
                        const sql_share_part *part) {
    for (unsigned i = 0; i < part->n_bounds; i++) {
        const mal_sql_bound *b = &part->bounds[i];
        MAL_AUTO(mal_obl_rank_clear) mal_obl_rank rank = { 0 };
        if (b->in_order)
            MAL_TRY(mal_obl_rank_sorted(o, &rank, t, &b->column, 1));
        MAL_TRY(mal_obl_bound(o, t, b->column, (size_t)b->rows_max,
                              b->in_order ? &rank : NULL));
    }
    return MAL_OK;
}

/* Rule 20: to as many rows as the sizer says, which is no secret any more. */
mal_err sql_share_shrink(mal_obl *o, mal_obl_table *t,
                         const mal_sql_sizer *sizer) {
    MAL_AUTO(mal_share3_words_clear) mal_share3_words count = { 0 };
    uint64_t rows = 0;
    MAL_REQUIRE(sizer, MAL_E_STATE, "nobody says how far the plan shrinks");
    MAL_TRY(mal_obl_count(o, &count, t));
    MAL_TRY(sizer->size(sizer->ctx, &rows, t->n, &count));
    MAL_REQUIRE(rows > 0, MAL_E_STATE, "a table of no row");
    return rows < t->n ? mal_obl_compact(o, t, (size_t)rows) : MAL_OK;
}
