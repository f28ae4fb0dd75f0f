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

static uint64_t max64(uint64_t a, uint64_t b) {
    return a > b ? a : b;
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

/* --- unique columns ------------------------------------------------------- */

static void set_add(sql_set *s, unsigned i) {
    s->w[i / 64] |= (uint64_t)1 << (i % 64);
}

static void set_flip(sql_set *s, unsigned i) {
    s->w[i / 64] ^= (uint64_t)1 << (i % 64);
}

static bool set_has(const sql_set *s, unsigned i) {
    return s->w[i / 64] >> (i % 64) & 1;
}

static bool set_within(const sql_set *a, const sql_set *b) {
    for (unsigned i = 0; i < MAL_SQL_COLUMNS_MAX / 64; i++)
        if (a->w[i] & ~b->w[i])
            return false;
    return true;
}

/* Add a set to r's; beyond the limit facts are lost, never invented. */
static void add_unique(sql_rel *r, sql_set *list, const sql_set *s) {
    for (unsigned i = 0; i < r->n_uniques; i++)
        if (set_within(&list[i], s))
            return;
    if (r->n_uniques < SQL_UNIQUES_MAX)
        list[r->n_uniques++] = *s;
}

static mal_err new_uniques(const sql_cx *cx, sql_rel *r, sql_set **list) {
    MAL_TRY(sql_alloc(cx, list, SQL_UNIQUES_MAX, sizeof **list));
    r->uniques = *list;
    r->n_uniques = 0;
    return MAL_OK;
}

/* in's sets, whose column i stands at to[i] (MAL_POLICY_NONE: nowhere). */
static void move_uniques(sql_rel *r, sql_set *list, sql_r in,
                         const unsigned *to) {
    for (unsigned k = 0; k < in->n_uniques; k++) {
        sql_set s = { 0 };
        bool all = true;
        for (unsigned i = 0; i < in->n_columns; i++) {
            if (!set_has(&in->uniques[k], i))
                continue;
            all &= to[i] != MAL_POLICY_NONE;
            if (to[i] != MAL_POLICY_NONE)
                set_add(&s, to[i]);
        }
        if (all)
            add_unique(r, list, &s);
    }
}

/* The column that e passes on one to one (other becomes NULL, which never
 * matches). */
static bool key_column(sql_e e, unsigned *at) {
    while (e->op == SQL_E_VALUE || e->op == SQL_E_KNOWN ||
           (e->op == SQL_E_SCALE && e->type.scale >= e->args[0]->type.scale))
        e = e->args[0];
    *at = (unsigned)e->value;
    return e->op == SQL_E_COL;
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

/* What the contract declares, of the columns that are read. */
static mal_err scan_uniques(const sql_cx *cx, sql_rel *r,
                            const mal_policy_dataset *d) {
    sql_set *list;
    MAL_TRY(new_uniques(cx, r, &list));
    for (uint32_t k = 0; k < d->n_uniques; k++) {
        sql_set s = { 0 };
        unsigned found = 0;
        for (unsigned i = 0; i < r->n_columns; i++)
            for (uint32_t j = 0; j < d->uniques[k].n; j++)
                if (r->columns[i] == d->uniques[k].columns[j]) {
                    set_add(&s, i);
                    found++;
                }
        if (found == d->uniques[k].n)
            add_unique(r, list, &s);
    }
    for (unsigned i = 0; i < r->n_columns; i++)
        if (r->same_max[i] == 1) {
            sql_set s = { 0 };
            set_add(&s, i);
            add_unique(r, list, &s);
        }
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
    return scan_uniques(cx, r, d);
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
    r->n_uniques = in->n_uniques;
    r->uniques = in->uniques;
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
    sql_set *list;
    unsigned *to;
    MAL_TRY(new_uniques(cx, r, &list));
    MAL_TRY(sql_alloc(cx, &to, in->n_columns, sizeof *to));
    for (unsigned i = 0; i < in->n_columns; i++)
        to[i] = MAL_POLICY_NONE;
    for (unsigned i = 0; i < n; i++) {
        types[i] = exprs[i]->type;
        if (exprs[i]->op == SQL_E_COL) {
            same[i] = in->same_max[exprs[i]->value];
            to[exprs[i]->value] = i;
        }
        assert(types[i].kind != SQL_NULL && types[i].kind != SQL_TEXT);
    }
    move_uniques(r, list, in, to);
    *out = r;
    return MAL_OK;
}

/* --- joins ---------------------------------------------------------------- */

uint64_t sql_matches(sql_r r, const sql_e *keys, unsigned n) {
    uint64_t least = r->rows_max;
    sql_set known = { 0 };
    for (unsigned i = 0, at; i < n; i++)
        if (key_column(keys[i], &at)) {
            least = min64(least, r->same_max[at]);
            set_add(&known, at);
        }
    for (unsigned i = 0; i < r->n_uniques; i++)
        if (set_within(&r->uniques[i], &known))
            least = min64(least, 1);
    return least;
}

/* A row of one side that comes or goes takes along, adds or replaces (NULLs
 * beside a left row) what it matches; an answer's row of a group is replaced.
 */
uint64_t sql_touch(const sql_cx *cx, sql_r r, unsigned dataset) {
    const mal_policy_dataset *d = &cx->contract->datasets[dataset];
    unsigned keys = r->n_exprs / 2;
    uint64_t sum = 0, left;
    switch (r->op) {
    case SQL_SCAN:
        if (r->dataset != dataset)
            return 0;
        return d->unit == MAL_POLICY_NONE ? 1 : d->contributes_max;
    case SQL_JOIN:
        left = sql_touch(cx, r->in[0], dataset);
        if (r->join == SQL_INNER || r->join == SQL_LEFT)
            left = sql_mul_sat(
                left, max64(1, sql_matches(r->in[1], r->exprs + keys, keys)));
        sum = sql_mul_sat(sql_touch(cx, r->in[1], dataset),
                          sql_matches(r->in[0], r->exprs, keys));
        /* but never more than there are */
        left = sql_add_sat(left, sql_mul_sat(sum, r->join == SQL_LEFT ? 2 : 1));
        return min64(left,
                     sql_mul_sat(r->rows_max, r->join == SQL_LEFT ? 2 : 1));
    default:
        for (unsigned k = 0; k < r->n_in; k++)
            sum = sql_add_sat(sum, sql_touch(cx, r->in[k], dataset));
        if (r->op == SQL_WINDOW) /* the others' ranks move, too */
            return sum ? sql_mul_sat(r->rows_max, 2) : 0;
        return r->op == SQL_AGGREGATE || r->op == SQL_LIMIT
                   ? sql_mul_sat(sum, 2)
                   : sum;
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

const char *sql_join_name(sql_join_kind kind) {
    static const char *const names[] = { [SQL_INNER] = "join",
                                         [SQL_LEFT] = "left join",
                                         [SQL_SEMI] = "semi-join",
                                         [SQL_ANTI] = "anti-join" };
    return names[kind];
}

/* What a join equates serves as well: each set, with the other side's key. */
static void add_equal(sql_rel *r, sql_set *list) {
    unsigned keys = r->n_exprs / 2, n_left = r->in[0]->n_columns;
    for (unsigned i = 0; i < r->n_uniques; i++)
        for (unsigned k = 0; k < keys; k++) {
            if (r->exprs[k]->op != SQL_E_COL ||
                r->exprs[keys + k]->op != SQL_E_COL)
                continue;
            unsigned a = (unsigned)r->exprs[k]->value;
            unsigned b = n_left + (unsigned)r->exprs[keys + k]->value;
            sql_set s = list[i];
            if (set_has(&s, a) == set_has(&s, b))
                continue;
            set_flip(&s, a);
            set_flip(&s, b);
            add_unique(r, list, &s);
        }
}

/* Of an inner join: a side that meets one row at most keeps its own; and a set
 * of each side together is one. */
static mal_err join_uniques(const sql_cx *cx, sql_rel *r, uint64_t per_left,
                            uint64_t per_right) {
    sql_r left = r->in[0], right = r->in[1];
    sql_set *list;
    unsigned *to;
    MAL_TRY(new_uniques(cx, r, &list));
    MAL_TRY(sql_alloc(cx, &to, MAL_SQL_COLUMNS_MAX, sizeof *to));
    for (unsigned i = 0; i < left->n_columns; i++)
        to[i] = i;
    if (per_left <= 1 || r->join == SQL_SEMI || r->join == SQL_ANTI)
        move_uniques(r, list, left, to);
    if (r->join != SQL_INNER)
        return MAL_OK;
    for (unsigned i = 0; i < right->n_columns; i++)
        to[i] = left->n_columns + i;
    if (per_right <= 1)
        move_uniques(r, list, right, to);
    for (unsigned a = 0; a < left->n_uniques; a++)
        for (unsigned b = 0; b < right->n_uniques; b++) {
            sql_set s = left->uniques[a];
            for (unsigned i = 0; i < right->n_columns; i++)
                if (set_has(&right->uniques[b], i))
                    set_add(&s, left->n_columns + i);
            add_unique(r, list, &s);
        }
    add_equal(r, list);
    return MAL_OK;
}

static uint64_t join_rows(const sql_joined *j, uint64_t per_left,
                          uint64_t per_right) {
    uint64_t of_right = sql_mul_sat(j->right->rows_max, per_right);
    switch (j->kind) {
    case SQL_INNER:
        return min64(sql_mul_sat(j->left->rows_max, per_left), of_right);
    case SQL_LEFT:
        return min64(sql_mul_sat(j->left->rows_max, max64(1, per_left)),
                     sql_add_sat(of_right, j->left->rows_max));
    default:
        return j->left->rows_max;
    }
}

mal_err sql_join_on(const sql_cx *cx, sql_r *out, const sql_joined *j,
                    const sql_e *keys, unsigned n_keys) {
    sql_r in[2] = { j->left, j->right };
    sql_type *types;
    uint64_t *same;
    unsigned n_left = j->left->n_columns;
    bool both = j->kind == SQL_INNER || j->kind == SQL_LEFT;
    sql_rel *r = NULL, proto = { .op = SQL_JOIN, .join = j->kind };
    uint64_t per_left =
        sql_matches(j->right, n_keys ? keys + n_keys : NULL, n_keys);
    uint64_t per_right = sql_matches(j->left, keys, n_keys);
    proto.rows_max = join_rows(j, per_left, per_right);
    MAL_TRY(copy_exprs(cx, &proto, keys, 2 * n_keys));
    MAL_TRY(make(cx, &r, &proto, in, 2,
                 n_left + (both ? j->right->n_columns : 0), &types, &same));
    copy_columns(types, same, j->left, both ? max64(1, per_left) : 1);
    if (j->kind == SQL_INNER)
        copy_columns(types + n_left, same + n_left, j->right, per_right);
    for (unsigned i = n_left; i < r->n_columns && j->kind == SQL_LEFT; i++) {
        types[i] = j->right->types[i - n_left];
        types[i].nullable = true; /* and many rows may share that NULL */
    }
    *out = r;
    return join_uniques(cx, r, per_left, per_right);
}

mal_err sql_join(const sql_cx *cx, sql_r *out, const sql_joined *j,
                 const sql_e *conds, unsigned n, sql_e *rest, unsigned *n_rest,
                 int pos) {
    sql_e lefts[MAL_SQL_KEYS_MAX], keys[2 * MAL_SQL_KEYS_MAX];
    sql_e rights[MAL_SQL_KEYS_MAX];
    unsigned n_left = j->left->n_columns;
    unsigned n_all = n_left + j->right->n_columns, k = 0;
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
        MAL_TRY(rebase(cx, &rights[k], conds[i]->args[forward ? 1 : 0],
                       j->right, n_left));
        k++;
    }
    SQL_NEED(k > 0 || j->left->rows_max <= 1 || j->right->rows_max <= 1, cx,
             pos, MAL_E_UNSUPPORTED,
             "a join without an equality between its two sides (a cross join): "
             "add ON a.key = b.key");
    for (unsigned i = 0; i < k; i++) {
        keys[i] = lefts[i];
        keys[k + i] = rights[i];
    }
    return sql_join_on(cx, out, j, keys, k);
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

/* The groups together; and what was unique of them before, still is. */
static mal_err aggregate_uniques(const sql_cx *cx, sql_rel *r) {
    sql_r in = r->in[0];
    sql_set *list, all = { 0 };
    unsigned *to, at;
    MAL_TRY(new_uniques(cx, r, &list));
    MAL_TRY(sql_alloc(cx, &to, in->n_columns, sizeof *to));
    for (unsigned i = 0; i < in->n_columns; i++)
        to[i] = MAL_POLICY_NONE;
    for (unsigned i = 0; i < r->n_exprs; i++) {
        set_add(&all, i);
        if (r->exprs[i]->op == SQL_E_COL && key_column(r->exprs[i], &at))
            to[at] = i;
    }
    move_uniques(r, list, in, to);
    add_unique(r, list, &all);
    return MAL_OK;
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
    return aggregate_uniques(cx, r);
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
    r->n_uniques = in->n_uniques;
    r->uniques = in->uniques;
    *out = r;
    return MAL_OK;
}

mal_err sql_window(const sql_cx *cx, sql_r *out, sql_r in, const sql_key *keys,
                   unsigned n_keys, unsigned n_part) {
    sql_key *copy;
    sql_type *types;
    uint64_t *same;
    sql_rel *r = NULL, proto = { .op = SQL_WINDOW,
                                 .n_keys = n_keys,
                                 .n_part = n_part,
                                 .rows_max = in->rows_max };
    SQL_NEED(in->rows_max <= MAL_SQL_SUM_MAX, cx, -1, MAL_E_LIMIT,
             "a rank over a join that may have too many rows to count");
    MAL_TRY(sql_alloc(cx, &copy, n_keys, sizeof *copy));
    for (unsigned i = 0; i < n_keys; i++)
        copy[i] = keys[i];
    proto.keys = copy;
    MAL_TRY(make(cx, &r, &proto, &in, 1, in->n_columns + 1, &types, &same));
    copy_columns(types, same, in, 1);
    types[in->n_columns] =
        (sql_type){ .kind = MAL_SQL_INT,
                    .lo = 1,
                    .hi = in->rows_max ? (int64_t)in->rows_max : 1 };
    r->n_uniques = in->n_uniques;
    r->uniques = in->uniques;
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
    r->n_uniques = in->n_uniques;
    r->uniques = in->uniques;
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
