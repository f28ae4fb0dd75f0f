/* rel.c - operators: typed, bounded, with a proved bound on their rows. */
#include "sql_impl.h"

#include <inttypes.h>
#include <string.h>

const char *sql_agg_name(sql_agg_kind kind) {
    static const char *const names[] = { [SQL_COUNT_ROWS] = "count",
                                         [SQL_COUNT] = "count",
                                         [SQL_SUM] = "sum",
                                         [SQL_AVG] = "avg",
                                         [SQL_MIN] = "min",
                                         [SQL_MAX] = "max",
                                         [SQL_DISTINCT] = "count distinct" };
    return names[kind];
}

static uint64_t min64(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/* Copy the prototype into the arena with its inputs; columns are for the
 * caller to fill. */
static mal_err make(const sql_cx *cx, sql_rel **out, const sql_rel *proto,
                    const sql_r *in, unsigned n_in, unsigned n_columns,
                    sql_type **types, uint64_t **same) {
    sql_rel *r = NULL;
    sql_r *inputs;
    SQL_NEED(n_columns <= MAL_SQL_COLUMNS_MAX, cx, -1, MAL_E_LIMIT,
             "an operator with %u columns; at most %u: select fewer", n_columns,
             MAL_SQL_COLUMNS_MAX);
    MAL_TRY(sql_alloc(cx, &r, 1, sizeof *r));
    *r = *proto;
    MAL_TRY(sql_alloc(cx, &inputs, n_in, sizeof *inputs));
    MAL_TRY(sql_alloc(cx, types, n_columns, sizeof **types));
    MAL_TRY(sql_alloc(cx, same, n_columns, sizeof **same));
    for (unsigned i = 0; i < n_columns; i++)
        (*same)[i] = r->rows_max;
    uint64_t size = 1;
    for (unsigned i = 0; i < n_in; i++) {
        inputs[i] = in[i];
        size += in[i]->size;
        r->depth = in[i]->depth > r->depth ? in[i]->depth : r->depth;
    }
    for (unsigned i = 0; i < r->n_exprs; i++)
        size += r->exprs[i]->size;
    for (unsigned i = 0; i < r->n_aggs; i++)
        size += r->aggs[i].arg ? r->aggs[i].arg->size : 1;
    r->depth++;
    SQL_NEED(size <= MAL_SQL_NODES_MAX && r->depth <= MAL_SQL_DEPTH_MAX, cx, -1,
             MAL_E_LIMIT,
             "a plan of more than %u nodes or %u levels: simplify the query",
             MAL_SQL_NODES_MAX, MAL_SQL_DEPTH_MAX);
    r->size = (uint32_t)size;
    r->in = inputs;
    r->n_in = n_in;
    r->types = *types;
    r->same_max = *same;
    r->n_columns = n_columns;
    *out = r;
    return MAL_OK;
}

static mal_err copy_exprs(const sql_cx *cx, sql_rel *proto, const sql_e *exprs,
                          unsigned n) {
    sql_e *copy;
    MAL_TRY(sql_alloc(cx, &copy, n, sizeof *copy));
    for (unsigned i = 0; i < n; i++)
        copy[i] = exprs[i];
    proto->exprs = copy;
    proto->n_exprs = n;
    return MAL_OK;
}

mal_err sql_scan(const sql_cx *cx, sql_r *out, unsigned dataset,
                 const unsigned *columns, unsigned n) {
    const mal_policy_dataset *d = &cx->contract->datasets[dataset];
    unsigned *copy;
    sql_type *types;
    uint64_t *same;
    sql_rel *r = NULL, proto = { .op = SQL_SCAN,
                                 .dataset = dataset,
                                 .rows_max = d->rows_max };
    MAL_TRY(sql_alloc(cx, &copy, n, sizeof *copy));
    MAL_TRY(make(cx, &r, &proto, NULL, 0, n, &types, &same));
    for (unsigned i = 0; i < n; i++) {
        copy[i] = columns[i];
        sql_type_of_column(&types[i], &d->columns[columns[i]]);
        if (columns[i] == d->unit)
            same[i] = min64(d->contributes_max, d->rows_max);
    }
    r->columns = copy;
    *out = r;
    return MAL_OK;
}

/* The columns of `in`, where each of its rows comes `times` at most. */
static void copy_columns(sql_type *types, uint64_t *same, sql_r in,
                         uint64_t times) {
    for (unsigned i = 0; i < in->n_columns; i++) {
        types[i] = in->types[i];
        same[i] = min64(same[i], sql_mul_sat(in->same_max[i], times));
    }
}

mal_err sql_filter(const sql_cx *cx, sql_r *out, sql_r in, sql_e cond) {
    sql_type *types;
    uint64_t *same;
    sql_rel *r = NULL, proto = { .op = SQL_FILTER };
    if (in->op == SQL_FILTER) {
        sql_e both[2] = { in->exprs[0], cond };
        MAL_TRY(sql_logic(cx, &cond, SQL_E_AND, both, 2, cond->pos));
        in = in->in[0];
    }
    proto.rows_max = in->rows_max;
    MAL_TRY(copy_exprs(cx, &proto, &cond, 1));
    MAL_TRY(make(cx, &r, &proto, &in, 1, in->n_columns, &types, &same));
    copy_columns(types, same, in, 1);
    *out = r;
    return MAL_OK;
}

mal_err sql_project(const sql_cx *cx, sql_r *out, sql_r in, const sql_e *exprs,
                    unsigned n) {
    sql_type *types;
    uint64_t *same;
    sql_rel *r = NULL, proto = { .op = SQL_PROJECT, .rows_max = in->rows_max };
    MAL_TRY(copy_exprs(cx, &proto, exprs, n));
    MAL_TRY(make(cx, &r, &proto, &in, 1, n, &types, &same));
    for (unsigned i = 0; i < n; i++) {
        types[i] = exprs[i]->type;
        if (exprs[i]->op == SQL_E_COL)
            same[i] = in->same_max[exprs[i]->value];
        assert(types[i].kind != SQL_NULL && types[i].kind != SQL_TEXT);
    }
    *out = r;
    return MAL_OK;
}

/* --- joins ---------------------------------------------------------------- */

/* How many rows of r can share one value of all keys? */
static uint64_t matches(sql_r r, const sql_e *keys, unsigned n) {
    uint64_t least = r->rows_max;
    for (unsigned i = 0; i < n; i++)
        if (keys[i]->op == SQL_E_COL)
            least = min64(least, r->same_max[keys[i]->value]);
    return least;
}

uint64_t sql_touch(const sql_cx *cx, sql_r r, unsigned dataset) {
    const mal_policy_dataset *d = &cx->contract->datasets[dataset];
    unsigned keys = r->n_exprs / 2;
    uint64_t sum = 0;
    switch (r->op) {
    case SQL_SCAN:
        if (r->dataset != dataset)
            return 0;
        return d->unit == MAL_POLICY_NONE ? 1 : d->contributes_max;
    case SQL_JOIN:
        sum = sql_mul_sat(sql_touch(cx, r->in[0], dataset),
                          matches(r->in[1], r->exprs + keys, keys));
        return sql_add_sat(sum, sql_mul_sat(sql_touch(cx, r->in[1], dataset),
                                            matches(r->in[0], r->exprs, keys)));
    default:
        for (unsigned k = 0; k < r->n_in; k++)
            sum = sql_add_sat(sum, sql_touch(cx, r->in[k], dataset));
        return sum;
    }
}

/* Columns of the right side count from its own first. */
static mal_err rebase(const sql_cx *cx, sql_e *out, sql_e e, sql_r right,
                      unsigned n_left) {
    sql_e *cols;
    MAL_TRY(
        sql_alloc(cx, &cols, (size_t)n_left + right->n_columns, sizeof *cols));
    for (unsigned i = 0; i < right->n_columns; i++)
        MAL_TRY(sql_col(cx, &cols[n_left + i], i, &right->types[i], e->pos));
    return sql_substitute(cx, out, e, cols);
}

bool sql_join_is_key(sql_e cond, unsigned n_left, unsigned n_all) {
    bool any = false, other = false;
    if (cond->op != SQL_E_EQ)
        return false;
    sql_e a = cond->args[0], b = cond->args[1];
    bool forward = sql_expr_within(a, 0, n_left, &any) && any &&
                   sql_expr_within(b, n_left, n_all, &other) && other;
    if (forward)
        return true;
    any = other = false;
    return sql_expr_within(b, 0, n_left, &any) && any &&
           sql_expr_within(a, n_left, n_all, &other) && other;
}

static mal_err make_join(const sql_cx *cx, sql_r *out, sql_r left, sql_r right,
                         const sql_e *keys, unsigned n_keys) {
    sql_r in[2] = { left, right };
    sql_type *types;
    uint64_t *same;
    sql_rel *r = NULL, proto = { .op = SQL_JOIN };
    uint64_t per_left = matches(right, keys + n_keys, n_keys);
    uint64_t per_right = matches(left, keys, n_keys);
    proto.rows_max = min64(sql_mul_sat(left->rows_max, per_left),
                           sql_mul_sat(right->rows_max, per_right));
    MAL_TRY(copy_exprs(cx, &proto, keys, 2 * n_keys));
    MAL_TRY(make(cx, &r, &proto, in, 2, left->n_columns + right->n_columns,
                 &types, &same));
    copy_columns(types, same, left, per_left);
    copy_columns(types + left->n_columns, same + left->n_columns, right,
                 per_right);
    *out = r;
    return MAL_OK;
}

mal_err sql_join(const sql_cx *cx, sql_r *out, sql_r left, sql_r right,
                 const sql_e *conds, unsigned n, sql_e *rest, unsigned *n_rest,
                 int pos) {
    sql_e lefts[MAL_SQL_KEYS_MAX], keys[2 * MAL_SQL_KEYS_MAX];
    sql_e rights[MAL_SQL_KEYS_MAX];
    unsigned n_left = left->n_columns, n_all = n_left + right->n_columns;
    unsigned k = 0;
    *n_rest = 0;
    for (unsigned i = 0; i < n; i++) {
        bool any = false;
        if (!sql_join_is_key(conds[i], n_left, n_all)) {
            rest[(*n_rest)++] = conds[i];
            continue;
        }
        SQL_NEED(k < MAL_SQL_KEYS_MAX, cx, conds[i]->pos, MAL_E_LIMIT,
                 "a join on more than %u equalities", MAL_SQL_KEYS_MAX);
        bool forward = sql_expr_within(conds[i]->args[0], 0, n_left, &any);
        lefts[k] = conds[i]->args[forward ? 0 : 1];
        MAL_TRY(rebase(cx, &rights[k], conds[i]->args[forward ? 1 : 0], right,
                       n_left));
        k++;
    }
    SQL_NEED(k > 0, cx, pos, MAL_E_UNSUPPORTED,
             "a join without an equality between its two sides (a cross join): "
             "add ON a.key = b.key");
    for (unsigned i = 0; i < k; i++) {
        keys[i] = lefts[i];
        keys[k + i] = rights[i];
    }
    return make_join(cx, out, left, right, keys, k);
}

/* --- unions --------------------------------------------------------------- */

static mal_err union_column(const sql_cx *cx, sql_e **exprs, const sql_r *in,
                            unsigned n, unsigned column, int pos) {
    sql_e *args;
    MAL_TRY(sql_alloc(cx, &args, n, sizeof *args));
    for (unsigned k = 0; k < n; k++)
        MAL_TRY(sql_col(cx, &args[k], column, &in[k]->types[column], pos));
    MAL_TRY(sql_unify(cx, args, n, "UNION ALL", pos));
    for (unsigned k = 0; k < n; k++)
        exprs[k][column] = args[k];
    return MAL_OK;
}

mal_err sql_union_of(const sql_cx *cx, sql_r *out, const sql_r *in,
                     unsigned n) {
    sql_type *types;
    uint64_t *same;
    sql_rel *r = NULL, proto = { .op = SQL_UNION };
    for (unsigned k = 0; k < n; k++)
        proto.rows_max = sql_add_sat(proto.rows_max, in[k]->rows_max);
    MAL_TRY(make(cx, &r, &proto, in, n, in[0]->n_columns, &types, &same));
    copy_columns(types, same, in[0], 1);
    for (unsigned k = 1; k < n; k++)
        for (unsigned i = 0; i < r->n_columns; i++) {
            const sql_type *t = &in[k]->types[i];
            same[i] =
                min64(r->rows_max, sql_add_sat(same[i], in[k]->same_max[i]));
            assert(sql_type_same(&types[i], t));
            types[i].nullable |= t->nullable;
            types[i].lo = t->lo < types[i].lo ? t->lo : types[i].lo;
            types[i].hi = t->hi > types[i].hi ? t->hi : types[i].hi;
        }
    *out = r;
    return MAL_OK;
}

mal_err sql_union(const sql_cx *cx, sql_r *out, const sql_r *in, unsigned n,
                  int pos) {
    unsigned n_columns = in[0]->n_columns;
    sql_e **exprs;
    sql_r *branches;
    MAL_TRY(sql_alloc(cx, &exprs, n, sizeof *exprs));
    MAL_TRY(sql_alloc(cx, &branches, n, sizeof *branches));
    for (unsigned k = 0; k < n; k++) {
        SQL_NEED(in[k]->n_columns == n_columns, cx, pos, MAL_E_INPUT,
                 "each side of UNION ALL must have the same number of columns: "
                 "%u and %u",
                 n_columns, in[k]->n_columns);
        MAL_TRY(sql_alloc(cx, &exprs[k], n_columns, sizeof **exprs));
    }
    for (unsigned i = 0; i < n_columns; i++)
        MAL_TRY(union_column(cx, exprs, in, n, i, pos));
    for (unsigned k = 0; k < n; k++)
        MAL_TRY(sql_project(cx, &branches[k], in[k], exprs[k], n_columns));
    return sql_union_of(cx, out, branches, n);
}

/* --- aggregates ----------------------------------------------------------- */

static mal_err sum_fits(const sql_cx *cx, const sql_agg *agg, uint64_t rows) {
    const sql_type *t = &agg->arg->type;
    mal_i128 lo = (mal_i128)t->lo * rows, hi = (mal_i128)t->hi * rows;
    SQL_NEED(lo >= -(mal_i128)MAL_SQL_SUM_MAX &&
                 hi <= (mal_i128)MAL_SQL_SUM_MAX,
             cx, agg->pos, MAL_E_LIMIT,
             "%s over up to %" PRIu64 " rows may not fit 62 bits: declare a "
             "narrower range or fewer rows",
             sql_agg_name(agg->kind), rows);
    return MAL_OK;
}

static mal_err type_avg(const sql_cx *cx, sql_agg *agg) {
    const sql_type *t = &agg->arg->type;
    unsigned scale = t->scale < 6 ? 6 : t->scale;
    mal_i128 up = sql_pow10(scale - t->scale);
    SQL_NEED(sql_fits(t->lo * up) && sql_fits(t->hi * up), cx, agg->pos,
             MAL_E_LIMIT,
             "avg with %u digits may not fit 64 bits: declare a "
             "narrower range",
             scale);
    agg->type.scale = (uint8_t)scale;
    agg->type.lo = (int64_t)(t->lo * up);
    agg->type.hi = (int64_t)(t->hi * up);
    return MAL_OK;
}

mal_err sql_agg_type(const sql_cx *cx, sql_agg *agg, uint64_t rows) {
    const char *name = sql_agg_name(agg->kind);
    SQL_NEED(rows <= MAL_SQL_SUM_MAX, cx, agg->pos, MAL_E_LIMIT,
             "%s over a join that may have too many rows to count: join on the "
             "privacy unit",
             name);
    agg->type = (sql_type){ .kind = MAL_SQL_INT, .hi = (int64_t)rows };
    if (agg->kind == SQL_COUNT && !agg->arg->type.nullable) {
        agg->kind = SQL_COUNT_ROWS;
        agg->arg = NULL;
    }
    if (agg->kind == SQL_COUNT_ROWS || agg->kind == SQL_COUNT ||
        agg->kind == SQL_DISTINCT)
        return MAL_OK;
    MAL_TRY(sql_as_int(cx, &agg->arg, agg->arg, name, agg->pos));
    const sql_type *t = &agg->arg->type;
    agg->type = *t;
    agg->type.nullable = true;
    if (agg->kind == SQL_MIN || agg->kind == SQL_MAX)
        return MAL_OK;
    MAL_TRY(sum_fits(cx, agg, rows));
    if (agg->kind == SQL_AVG)
        return type_avg(cx, agg);
    agg->type.lo = t->lo < 0 ? (int64_t)(t->lo * (mal_i128)rows) : 0;
    agg->type.hi = t->hi > 0 ? (int64_t)(t->hi * (mal_i128)rows) : 0;
    return MAL_OK;
}

/* How many values can a group have?  UINT64_MAX: no closed domain. */
uint64_t sql_type_values(const sql_type *type) {
    uint64_t n;
    switch (type->kind) {
    case MAL_SQL_BOOL:
        n = 2;
        break;
    case MAL_SQL_CODE:
        n = (uint64_t)type->domain->n_codes + 1;
        break;
    case MAL_SQL_INT:
        n = sql_add_sat((uint64_t)type->hi - (uint64_t)type->lo, 1);
        break;
    default:
        return UINT64_MAX;
    }
    return sql_add_sat(n, type->nullable);
}

mal_err sql_aggregate(const sql_cx *cx, sql_r *out, sql_r in,
                      const sql_e *groups, unsigned n_groups,
                      const sql_agg *aggs, unsigned n_aggs) {
    sql_agg *copy;
    sql_type *types;
    uint64_t *same;
    sql_rel *r = NULL, proto = { .op = SQL_AGGREGATE, .n_aggs = n_aggs };
    uint64_t cells = 1;
    for (unsigned i = 0; i < n_groups; i++)
        cells = sql_mul_sat(cells, sql_type_values(&groups[i]->type));
    proto.rows_max = n_groups && in->rows_max < cells ? in->rows_max : cells;
    MAL_TRY(copy_exprs(cx, &proto, groups, n_groups));
    MAL_TRY(sql_alloc(cx, &copy, n_aggs, sizeof *copy));
    for (unsigned i = 0; i < n_aggs; i++)
        copy[i] = aggs[i];
    proto.aggs = copy;
    MAL_TRY(make(cx, &r, &proto, &in, 1, n_groups + n_aggs, &types, &same));
    for (unsigned i = 0; i < n_groups; i++)
        types[i] = groups[i]->type;
    if (n_groups == 1)
        same[0] = 1;
    for (unsigned i = 0; i < n_aggs; i++)
        types[n_groups + i] = aggs[i].type;
    *out = r;
    return MAL_OK;
}

/* --- order ---------------------------------------------------------------- */

mal_err sql_sort(const sql_cx *cx, sql_r *out, sql_r in, const sql_key *keys,
                 unsigned n) {
    sql_key *copy;
    sql_type *types;
    uint64_t *same;
    sql_rel *r = NULL,
            proto = { .op = SQL_SORT, .n_keys = n, .rows_max = in->rows_max };
    MAL_TRY(sql_alloc(cx, &copy, n, sizeof *copy));
    for (unsigned i = 0; i < n; i++)
        copy[i] = keys[i];
    proto.keys = copy;
    MAL_TRY(make(cx, &r, &proto, &in, 1, in->n_columns, &types, &same));
    copy_columns(types, same, in, 1);
    *out = r;
    return MAL_OK;
}

mal_err sql_limit(const sql_cx *cx, sql_r *out, sql_r in, uint64_t limit,
                  uint64_t offset) {
    sql_type *types;
    uint64_t *same;
    sql_rel *r = NULL,
            proto = { .op = SQL_LIMIT, .limit = limit, .offset = offset };
    proto.rows_max = limit < in->rows_max ? limit : in->rows_max;
    MAL_TRY(make(cx, &r, &proto, &in, 1, in->n_columns, &types, &same));
    copy_columns(types, same, in, 1);
    *out = r;
    return MAL_OK;
}

/* --- validation ----------------------------------------------------------- */

static mal_err no_ids(const sql_cx *cx, sql_e e) {
    bool ids = e->op == SQL_E_EQ && e->args[0]->type.kind == MAL_SQL_ID;
    SQL_NEED(!ids, cx, e->pos, MAL_E_UNSUPPORTED,
             "identifiers are only compared by the equality that joins two "
             "tables: write it in ON or as a conjunct of WHERE");
    for (unsigned i = 0; i < e->n_args; i++)
        MAL_TRY(no_ids(cx, e->args[i]));
    return MAL_OK;
}

mal_err sql_validate(const sql_cx *cx, sql_r r) {
    for (unsigned i = 0; i < r->n_in; i++)
        MAL_TRY(sql_validate(cx, r->in[i]));
    for (unsigned i = 0; i < r->n_exprs; i++)
        MAL_TRY(no_ids(cx, r->exprs[i]));
    for (unsigned i = 0; i < r->n_aggs; i++)
        if (r->aggs[i].arg)
            MAL_TRY(no_ids(cx, r->aggs[i].arg));
    return MAL_OK;
}

/* --- owners --------------------------------------------------------------- */

mal_policy_set sql_owners_of(const mal_policy_contract *contract, sql_r r) {
    mal_policy_set owners = 0;
    if (r->op == SQL_SCAN)
        owners = (mal_policy_set)1 << contract->datasets[r->dataset].owner;
    for (unsigned i = 0; i < r->n_in; i++)
        owners |= sql_owners_of(contract, r->in[i]);
    return owners;
}
