/* prune.c - the plan without what nobody reads.
 *
 * Each operator is rebuilt over its pruned input.  `map[i]` says where the old
 * column i went; a projection that only renames disappears into the map.  So
 * two texts that differ by an idle subquery, a renaming CTE or an unread column
 * have one plan, and policy is never asked about a column that nothing uses. */
#include "sql_impl.h"

#include <string.h>

#define GONE UINT32_MAX

typedef struct pruned {
    sql_r rel;
    unsigned *map; /* old column -> column of rel, or GONE */
} pruned;

static mal_err prune(const sql_cx *cx, pruned *out, sql_r r,
                     const uint8_t *need, bool ordered);

/* What COL(i) becomes: COL(map[i]), with the new input's types. */
static mal_err new_cols(const sql_cx *cx, sql_e **cols, const pruned *in,
                        unsigned n_old, unsigned base) {
    MAL_TRY(sql_alloc(cx, cols, n_old, sizeof **cols));
    for (unsigned i = 0; i < n_old; i++)
        if (in->map[i] != GONE)
            MAL_TRY(sql_col(cx, &(*cols)[i], base + in->map[i],
                            &in->rel->types[in->map[i]], -1));
    return MAL_OK;
}

static mal_err new_map(const sql_cx *cx, unsigned **map, unsigned n) {
    MAL_TRY(sql_alloc(cx, map, n, sizeof **map));
    for (unsigned i = 0; i < n; i++)
        (*map)[i] = GONE;
    return MAL_OK;
}

/* Exactly the wanted columns, in their old order. */
static mal_err exact(const sql_cx *cx, sql_r *out, const pruned *in,
                     const uint8_t *need, unsigned n_old) {
    sql_e *exprs;
    unsigned n = 0;
    bool identity = true;
    MAL_TRY(sql_alloc(cx, &exprs, n_old, sizeof *exprs));
    for (unsigned i = 0; i < n_old; i++) {
        if (!need[i])
            continue;
        identity &= in->map[i] == n;
        MAL_TRY(sql_col(cx, &exprs[n++], in->map[i],
                        &in->rel->types[in->map[i]], -1));
    }
    if (identity && n == in->rel->n_columns) {
        *out = in->rel;
        return MAL_OK;
    }
    return sql_project(cx, out, in->rel, exprs, n);
}

static mal_err prune_scan(const sql_cx *cx, pruned *out, sql_r r,
                          const uint8_t *need) {
    unsigned *columns, n = 0;
    MAL_TRY(sql_alloc(cx, &columns, r->n_columns, sizeof *columns));
    for (unsigned i = 0; i < r->n_columns; i++)
        if (need[i]) {
            out->map[i] = n;
            columns[n++] = r->columns[i];
        }
    return sql_scan(cx, &out->rel, r->dataset, columns, n);
}

/* FILTER, SORT, LIMIT: their columns are their input's. */
static mal_err prune_through(const sql_cx *cx, pruned *out, sql_r r,
                             const uint8_t *need, bool ordered) {
    uint8_t *needs;
    pruned in;
    MAL_TRY(sql_alloc(cx, &needs, r->n_columns, 1));
    memcpy(needs, need, r->n_columns);
    if (r->op == SQL_FILTER)
        sql_expr_mark(r->exprs[0], needs);
    for (unsigned i = 0; i < r->n_keys && ordered; i++)
        needs[r->keys[i].column] = 1;
    MAL_TRY(prune(cx, &in, r->in[0], needs, ordered && r->op != SQL_SORT));
    memcpy(out->map, in.map, r->n_columns * sizeof *out->map);
    if (r->op == SQL_FILTER) {
        sql_e cond, *cols;
        MAL_TRY(new_cols(cx, &cols, &in, r->n_columns, 0));
        MAL_TRY(sql_substitute(cx, &cond, r->exprs[0], cols));
        return sql_filter(cx, &out->rel, in.rel, cond);
    }
    if (r->op == SQL_LIMIT)
        return sql_limit(cx, &out->rel, in.rel, r->limit, r->offset);
    out->rel = in.rel;
    if (!ordered)
        return MAL_OK; /* an order that nobody reads */
    sql_key *keys;
    MAL_TRY(sql_alloc(cx, &keys, r->n_keys, sizeof *keys));
    for (unsigned i = 0; i < r->n_keys; i++) {
        keys[i] = r->keys[i];
        keys[i].column = in.map[keys[i].column];
    }
    return sql_sort(cx, &out->rel, in.rel, keys, r->n_keys);
}

static mal_err prune_project(const sql_cx *cx, pruned *out, sql_r r,
                             const uint8_t *need, bool ordered) {
    sql_r from = r->in[0];
    uint8_t *needs;
    sql_e *exprs, *cols;
    pruned in;
    bool renames = true;
    MAL_TRY(sql_alloc(cx, &needs, from->n_columns, 1));
    MAL_TRY(sql_alloc(cx, &exprs, r->n_columns, sizeof *exprs));
    for (unsigned i = 0; i < r->n_columns; i++)
        if (need[i]) {
            sql_expr_mark(r->exprs[i], needs);
            renames &= r->exprs[i]->op == SQL_E_COL;
        }
    MAL_TRY(prune(cx, &in, from, needs, ordered));
    MAL_TRY(new_cols(cx, &cols, &in, from->n_columns, 0));
    unsigned n = 0;
    for (unsigned i = 0; i < r->n_columns; i++) {
        if (!need[i])
            continue;
        out->map[i] = renames ? in.map[r->exprs[i]->value] : n;
        if (!renames)
            MAL_TRY(sql_substitute(cx, &exprs[n++], r->exprs[i], cols));
    }
    out->rel = in.rel;
    return renames ? MAL_OK : sql_project(cx, &out->rel, in.rel, exprs, n);
}

static mal_err prune_join(const sql_cx *cx, pruned *out, sql_r r,
                          const uint8_t *need) {
    sql_r left = r->in[0], right = r->in[1];
    unsigned n_left = left->n_columns, n_keys = r->n_exprs / 2;
    uint8_t *needs;
    pruned in[2];
    MAL_TRY(sql_alloc(cx, &needs, (size_t)n_left + right->n_columns, 1));
    memcpy(needs, need, r->n_columns);
    for (unsigned k = 0; k < n_keys; k++) {
        sql_expr_mark(r->exprs[k], needs);
        sql_expr_mark(r->exprs[n_keys + k], needs + n_left);
    }
    MAL_TRY(prune(cx, &in[0], left, needs, false));
    MAL_TRY(prune(cx, &in[1], right, needs + n_left, false));
    unsigned base = in[0].rel->n_columns;
    for (unsigned i = 0; i < r->n_columns; i++) {
        unsigned at = i < n_left ? in[0].map[i] : in[1].map[i - n_left];
        out->map[i] = at == GONE || i < n_left ? at : base + at;
    }
    sql_e keys[2 * MAL_SQL_KEYS_MAX], *lefts, *rights;
    MAL_TRY(new_cols(cx, &lefts, &in[0], n_left, 0));
    MAL_TRY(new_cols(cx, &rights, &in[1], right->n_columns, 0));
    for (unsigned k = 0; k < r->n_exprs; k++)
        MAL_TRY(sql_substitute(cx, &keys[k], r->exprs[k],
                               k < n_keys ? lefts : rights));
    const sql_joined join = { r->join, in[0].rel, in[1].rel };
    return sql_join_on(cx, &out->rel, &join, keys, n_keys);
}

static mal_err prune_union(const sql_cx *cx, pruned *out, sql_r r,
                           const uint8_t *need) {
    sql_r *branches;
    unsigned n = 0;
    MAL_TRY(sql_alloc(cx, &branches, r->n_in, sizeof *branches));
    for (unsigned k = 0; k < r->n_in; k++) {
        pruned in;
        MAL_TRY(prune(cx, &in, r->in[k], need, false));
        MAL_TRY(exact(cx, &branches[k], &in, need, r->n_columns));
    }
    for (unsigned i = 0; i < r->n_columns; i++)
        if (need[i])
            out->map[i] = n++;
    return sql_union_of(cx, &out->rel, branches, r->n_in);
}

static mal_err prune_aggregate(const sql_cx *cx, pruned *out, sql_r r,
                               const uint8_t *need) {
    sql_r from = r->in[0];
    unsigned groups = r->n_exprs, kept = 0;
    uint8_t *needs;
    sql_e *exprs, *cols;
    sql_agg *aggs;
    pruned in;
    MAL_TRY(sql_alloc(cx, &needs, from->n_columns, 1));
    MAL_TRY(sql_alloc(cx, &exprs, groups, sizeof *exprs));
    MAL_TRY(sql_alloc(cx, &aggs, r->n_aggs, sizeof *aggs));
    for (unsigned i = 0; i < groups; i++)
        sql_expr_mark(r->exprs[i], needs);
    for (unsigned i = 0; i < r->n_aggs; i++)
        if (need[groups + i] && r->aggs[i].arg)
            sql_expr_mark(r->aggs[i].arg, needs);
    MAL_TRY(prune(cx, &in, from, needs, false));
    MAL_TRY(new_cols(cx, &cols, &in, from->n_columns, 0));
    for (unsigned i = 0; i < groups; i++) {
        out->map[i] = i;
        MAL_TRY(sql_substitute(cx, &exprs[i], r->exprs[i], cols));
    }
    for (unsigned i = 0; i < r->n_aggs; i++) {
        if (!need[groups + i])
            continue;
        aggs[kept] = r->aggs[i];
        if (aggs[kept].arg)
            MAL_TRY(sql_substitute(cx, &aggs[kept].arg, aggs[kept].arg, cols));
        out->map[groups + i] = groups + kept++;
    }
    return sql_aggregate(cx, &out->rel, in.rel, exprs, groups, aggs, kept);
}

/* The keys serve the rank alone. */
static mal_err prune_window(const sql_cx *cx, pruned *out, sql_r r,
                            const uint8_t *need) {
    const unsigned rank = r->n_columns - 1;
    uint8_t *needs;
    sql_key *keys;
    pruned in;
    MAL_TRY(sql_alloc(cx, &needs, r->n_columns, 1));
    memcpy(needs, need, rank);
    for (unsigned i = 0; need[rank] && i < r->n_keys; i++)
        needs[r->keys[i].column] = 1;
    MAL_TRY(prune(cx, &in, r->in[0], needs, false));
    memcpy(out->map, in.map, rank * sizeof *out->map);
    out->rel = in.rel;
    if (!need[rank])
        return MAL_OK;
    MAL_TRY(sql_alloc(cx, &keys, r->n_keys, sizeof *keys));
    for (unsigned i = 0; i < r->n_keys; i++) {
        keys[i] = r->keys[i];
        keys[i].column = in.map[r->keys[i].column];
    }
    out->map[rank] = in.rel->n_columns;
    return sql_window(cx, &out->rel, in.rel, keys, r->n_keys, r->n_part);
}

/* A relation that one owner runs, and shares: exactly the columns read above.
 */
static mal_err prune_home(const sql_cx *cx, pruned *out, sql_r r,
                          const uint8_t *need, bool ordered) {
    sql_cx inside = *cx;
    pruned in;
    unsigned n = 0;
    inside.narrow = false;
    MAL_TRY(prune(&inside, &in, r, need, ordered));
    for (unsigned i = 0; i < r->n_columns; i++)
        if (need[i])
            out->map[i] = n++;
    return exact(cx, &out->rel, &in, need, r->n_columns);
}

static mal_err prune(const sql_cx *cx, pruned *out, sql_r r,
                     const uint8_t *need, bool ordered) {
    mal_policy_set owners = cx->narrow ? sql_owners_of(cx->contract, r) : 0;
    MAL_TRY(new_map(cx, &out->map, r->n_columns));
    if (owners && (owners & (owners - 1)) == 0)
        return prune_home(cx, out, r, need, ordered);
    switch (r->op) {
    case SQL_SCAN:
        return prune_scan(cx, out, r, need);
    case SQL_PROJECT:
        return prune_project(cx, out, r, need, ordered);
    case SQL_JOIN:
        return prune_join(cx, out, r, need);
    case SQL_UNION:
        return prune_union(cx, out, r, need);
    case SQL_AGGREGATE:
        return prune_aggregate(cx, out, r, need);
    case SQL_WINDOW:
        return prune_window(cx, out, r, need);
    case SQL_LIMIT:
        return prune_through(cx, out, r, need, true);
    default:
        return prune_through(cx, out, r, need, ordered);
    }
}

/* The root is a SORT, perhaps under a LIMIT: what lies below becomes exactly
 * the answer's columns, then the hidden ones that it is sorted by. */
mal_err sql_prune(const sql_cx *cx, sql_r *out, sql_r root, unsigned n_needed) {
    sql_r sort = root->op == SQL_LIMIT ? root->in[0] : root;
    uint8_t *need;
    unsigned *at, n = 0;
    sql_key *keys;
    pruned in;
    assert(sort->op == SQL_SORT);
    MAL_TRY(sql_alloc(cx, &need, sort->n_columns, 1));
    MAL_TRY(sql_alloc(cx, &at, sort->n_columns, sizeof *at));
    MAL_TRY(sql_alloc(cx, &keys, sort->n_keys, sizeof *keys));
    memset(need, 1, n_needed);
    for (unsigned i = 0; i < sort->n_keys; i++)
        need[sort->keys[i].column] = 1;
    MAL_TRY(prune(cx, &in, sort->in[0], need, false));
    MAL_TRY(exact(cx, &in.rel, &in, need, sort->n_columns));
    for (unsigned i = 0; i < sort->n_columns; i++)
        at[i] = need[i] ? n++ : GONE;
    for (unsigned i = 0; i < sort->n_keys; i++) {
        keys[i] = sort->keys[i];
        keys[i].column = at[keys[i].column];
    }
    MAL_TRY(sql_sort(cx, out, in.rel, keys, sort->n_keys));
    if (root->op == SQL_LIMIT)
        return sql_limit(cx, out, *out, root->limit, root->offset);
    return MAL_OK;
}

mal_err sql_prune_all(const sql_cx *cx, sql_r *out, sql_r r) {
    uint8_t *need;
    pruned in;
    MAL_TRY(sql_alloc(cx, &need, r->n_columns, 1));
    memset(need, 1, r->n_columns);
    MAL_TRY(prune(cx, &in, r, need, false));
    return exact(cx, out, &in, need, r->n_columns);
}
