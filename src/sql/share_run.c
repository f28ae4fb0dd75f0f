/* share_run.c - the plan on shares, from the leaves up. */
#include "share_run_impl.h"

#include <malus/oblivious_stages.h>

#include <string.h>

#define AUTO_TABLE MAL_AUTO(mal_obl_table_clear) mal_obl_table

typedef struct runner {
    sql_cx cx;
    mal_obl *o;
    mal_share3 *s;
    const sql_share_plan *plan;
    mal_obl_table *inputs;
    unsigned next;                /* input */
    const mal_obl_stages *stages; /* NULL: nobody asks */
    unsigned at, from;            /* relations done; of these, done before */
    mal_obl_table **held; /* [n_held] done, of relations that wait for others */
    unsigned n_held;
    mal_obl_table *kept; /* of the stage that we begin behind, in order */
} runner;

static mal_err run(runner *r, mal_obl_table *out, sql_r rel);
/* The same of a relation's input i, whose table is held until n of them are. */
static mal_err run_input(runner *r, mal_obl_table *out, sql_r rel, unsigned i);

/* --- tables --------------------------------------------------------------- */

static mal_obl_table taken(mal_obl_table *t) {
    mal_obl_table copy = *t;
    *t = (mal_obl_table){ 0 };
    return copy;
}

/* Keep columns at[0..n) of t, each at most once, in that order. */
static mal_err pick(mal_obl_table *t, const unsigned *at, unsigned n) {
    mal_obl_column *kept = mal_calloc(n ? n : 1, sizeof *kept);
    if (!kept)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    for (unsigned i = 0; i < n; i++) {
        kept[i] = t->columns[at[i]];
        t->columns[at[i]] = (mal_obl_column){ 0 };
    }
    for (unsigned i = 0; i < t->n_columns; i++)
        mal_obl_column_clear(&t->columns[i]);
    mal_free(t->columns);
    t->columns = kept;
    t->n_columns = n;
    return MAL_OK;
}

static mal_err pick_range(mal_obl_table *t, unsigned from, unsigned n) {
    unsigned at[2 * MAL_OBL_COLUMNS_MAX];
    for (unsigned i = 0; i < n; i++)
        at[i] = from + i;
    return pick(t, at, n);
}

/* Append the expressions as columns; those that are columns already are only
 * pointed at: where[i]. */
static mal_err append(runner *r, mal_obl_table *t, const sql_e *exprs,
                      unsigned n, unsigned *where) {
    unsigned fresh = 0, at = 0;
    for (unsigned i = 0; i < n; i++)
        fresh += exprs[i]->op != SQL_E_COL;
    for (unsigned i = 0; i < n; i++)
        where[i] = exprs[i]->op == SQL_E_COL ? (unsigned)exprs[i]->value
                                             : t->n_columns + at++;
    if (fresh == 0)
        return MAL_OK;
    mal_obl_column *columns = mal_calloc(t->n_columns + fresh, sizeof *columns);
    if (!columns)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    mal_err err = MAL_OK;
    for (unsigned i = 0; i < n && err == MAL_OK; i++) {
        const mal_obl_expr *e;
        if (exprs[i]->op == SQL_E_COL)
            continue;
        err = sql_share_expr(&r->cx, &e, exprs[i]);
        if (err == MAL_OK)
            err = mal_obl_eval(r->o, &columns[where[i]], t, e);
    }
    if (err != MAL_OK) {
        for (unsigned i = 0; i < t->n_columns + fresh; i++)
            mal_obl_column_clear(&columns[i]);
        mal_free(columns);
        return err;
    }
    memcpy(columns, t->columns, t->n_columns * sizeof *columns);
    mal_free(t->columns);
    t->columns = columns;
    t->n_columns += fresh;
    return MAL_OK;
}

/* --- parts ---------------------------------------------------------------- */

static mal_err run_part(runner *r, mal_obl_table *out) {
    const sql_share_part *part = &r->plan->parts[r->next];
    *out = taken(&r->inputs[r->next++]);
    MAL_TRY(mal_obl_table_wake(r->o, out));
    MAL_REQUIRE(out->n_columns == part->home->n_columns, MAL_E_STATE,
                "an input of another part");
    if (!out->bounded)
        MAL_TRY(sql_share_bound(r->o, out, part));
    return pick_range(out, 0, part->rel->n_columns);
}

/* --- operators ------------------------------------------------------------ */

static mal_err run_project(runner *r, mal_obl_table *out, sql_r rel) {
    AUTO_TABLE in = { 0 };
    const mal_obl_expr **e;
    MAL_TRY(run(r, &in, rel->in[0]));
    MAL_TRY(sql_alloc(&r->cx, &e, rel->n_exprs, sizeof *e));
    for (unsigned i = 0; i < rel->n_exprs; i++)
        MAL_TRY(sql_share_expr(&r->cx, &e[i], rel->exprs[i]));
    return mal_obl_project(r->o, out, &in, e, rel->n_exprs);
}

static mal_err run_filter(runner *r, mal_obl_table *out, sql_r rel) {
    const mal_obl_expr *e;
    MAL_TRY(run(r, out, rel->in[0]));
    MAL_TRY(sql_share_expr(&r->cx, &e, rel->exprs[0]));
    return mal_obl_filter(r->o, out, e);
}

/* Without an equality (one side is one row) both sides have the key 0. */
static mal_err key_columns(runner *r, mal_obl_table *t, const sql_e *keys,
                           unsigned n, unsigned *where) {
    sql_e zero;
    if (n > 0)
        return append(r, t, keys, n, where);
    const sql_type boolean = { .kind = MAL_SQL_BOOL };
    MAL_TRY(sql_const(&r->cx, &zero, &boolean, 0, false, -1));
    return append(r, t, &zero, 1, where);
}

/* The columns of `a`, then those of `b`, without the keys that were added. */
static mal_err join_columns(mal_obl_table *out, const unsigned n_real[2],
                            const unsigned n_all[2], bool turned, bool both) {
    unsigned at[2 * MAL_OBL_COLUMNS_MAX], n = 0;
    for (unsigned side = 0; side < (both ? 2u : 1u); side++) {
        unsigned from = turned ? 1 - side : side;
        unsigned base = from == 0 ? 0 : n_all[0];
        for (unsigned i = 0; i < n_real[from]; i++)
            at[n++] = base + i;
    }
    return pick(out, at, n);
}

/* Where a row does not count, a value that no row of either side has: behind
 * those that do count, and equal to none of them. */
static mal_err raise_padding(runner *r, mal_obl_table *t, unsigned column,
                             int64_t past) {
    const mal_obl_type truth = { .hi = 1 }, type = t->columns[column].type;
    const mal_obl_type top = { .lo = past, .hi = past };
    const mal_obl_type wide = { .lo = type.lo, .hi = past };
    const mal_obl_expr valid = { .op = MAL_OBL_COL, .type = truth, .value = 1 };
    const mal_obl_expr value = { .op = MAL_OBL_COL, .type = type };
    const mal_obl_expr most = { .op = MAL_OBL_CONST,
                                .type = top,
                                .value = past };
    const mal_obl_expr *const args[3] = { &valid, &value, &most };
    const mal_obl_expr e = {
        .op = MAL_OBL_CASE, .type = wide, .n_args = 3, .args = args
    };
    mal_share3_bits view = mal_share3_bits_planes(&t->valid, 0, 1);
    mal_obl_column pair[2] = {
        t->columns[column], { .type = truth, .has_bits = true, .bits = view }
    };
    mal_obl_table two = {
        .n = t->n, .n_columns = 2, .columns = pair, .valid = t->valid
    };
    mal_obl_column raised = { 0 };
    mal_err err = mal_obl_eval(r->o, &raised, &two, &e);
    t->columns[column] = pair[0]; /* with the forms that it gained */
    mal_share3_words_clear(&pair[1].words);
    if (err != MAL_OK) {
        mal_obl_column_clear(&raised);
        return err;
    }
    mal_obl_column_clear(&t->columns[column]);
    t->columns[column] = raised;
    return MAL_OK;
}

/* One side of a join: its table, keys, and which part it is, if it is one. */
typedef struct joined_side {
    mal_obl_table *table;
    const unsigned *keys;
    unsigned part;
} joined_side;

static bool sorted_by(const runner *r, const joined_side *side,
                      unsigned n_keys) {
    if (side->part >= r->plan->n_parts || n_keys == 0)
        return false;
    const sql_share_part *part = &r->plan->parts[side->part];
    bool same = part->order.n == n_keys;
    for (unsigned k = 0; k < n_keys && same; k++)
        same = part->order.columns[k] == side->keys[k] &&
               side->keys[k] < part->rel->n_columns; /* not computed since */
    return same;
}

/* A part that its owner sorted by the keys: checked, and then known. */
static mal_err rank_of(runner *r, mal_obl_rank *rank, bool *ranked,
                       const joined_side *side, unsigned n_keys, int64_t past) {
    *ranked = past > 0 && sorted_by(r, side, n_keys);
    if (!*ranked)
        return MAL_OK;
    MAL_TRY(raise_padding(r, side->table, side->keys[0], past));
    return mal_obl_rank_sorted(r->o, rank, side->table, side->keys, n_keys);
}

/* Greater than the first key of either side can be; 0: there is no such. */
static int64_t past_both(const joined_side *a, const joined_side *b) {
    const mal_obl_type *x = &a->table->columns[a->keys[0]].type;
    const mal_obl_type *y = &b->table->columns[b->keys[0]].type;
    int64_t hi = x->hi > y->hi ? x->hi : y->hi;
    return x->opaque || y->opaque || hi < 0 || hi == INT64_MAX ? 0 : hi + 1;
}

/* The part that rel is; n_parts: none. */
static unsigned part_at(const runner *r, sql_r rel) {
    return r->next < r->plan->n_parts && r->plan->parts[r->next].rel == rel
               ? r->next
               : r->plan->n_parts;
}

static mal_err run_join(runner *r, mal_obl_table *out, sql_r rel) {
    static const mal_obl_join_kind kinds[] = { [SQL_INNER] = MAL_OBL_INNER,
                                               [SQL_LEFT] = MAL_OBL_LEFT,
                                               [SQL_SEMI] = MAL_OBL_SEMI,
                                               [SQL_ANTI] = MAL_OBL_ANTI };
    AUTO_TABLE left = { 0 };
    AUTO_TABLE right = { 0 };
    mal_obl_join_options opt = { .kind = kinds[rel->join] };
    unsigned keys = rel->n_exprs / 2, left_at[MAL_SQL_KEYS_MAX];
    unsigned right_at[MAL_SQL_KEYS_MAX];
    sql_share_join how;
    MAL_TRY(sql_share_join_of(&r->cx, &how, rel));
    unsigned parts[2];
    parts[0] = part_at(r, rel->in[0]);
    MAL_TRY(run_input(r, &left, rel, 0));
    parts[1] = part_at(r, rel->in[1]);
    MAL_TRY(run_input(r, &right, rel, 1));
    MAL_TRY(key_columns(r, &left, rel->exprs, keys, left_at));
    MAL_TRY(key_columns(r, &right, rel->exprs + keys, keys, right_at));
    opt.n_keys = keys ? keys : 1;
    bool turned = how == SQL_SHARE_PROBE_RIGHT || how == SQL_SHARE_OUTER;
    memcpy(opt.probe_keys, turned ? right_at : left_at,
           opt.n_keys * sizeof *left_at);
    memcpy(opt.build_keys, turned ? left_at : right_at,
           opt.n_keys * sizeof *left_at);
    mal_obl_table *probe = turned ? &right : &left;
    mal_obl_table *build = turned ? &left : &right;
    bool both = rel->join == SQL_INNER || rel->join == SQL_LEFT;
    /* What bounds a unit's rows is checked, not believed (rule 5). */
    uint64_t fan = turned ? sql_matches(rel->in[1], rel->exprs + keys, keys)
                          : sql_matches(rel->in[0], rel->exprs, keys);
    opt.fanout_max = fan < probe->n ? (size_t)fan : 0;
    MAL_AUTO(mal_obl_rank_clear) mal_obl_rank probe_rank = { 0 };
    MAL_AUTO(mal_obl_rank_clear) mal_obl_rank build_rank = { 0 };
    bool ranked[2] = { false, false };
    const joined_side a = { probe, opt.probe_keys, parts[turned] };
    const joined_side b = { build, opt.build_keys, parts[!turned] };
    if (how != SQL_SHARE_MANY) {
        int64_t past = past_both(&a, &b);
        MAL_TRY(rank_of(r, &probe_rank, &ranked[0], &a, keys, past));
        MAL_TRY(rank_of(r, &build_rank, &ranked[1], &b, keys, past));
    }
    opt.probe_rank = ranked[0] ? &probe_rank : NULL;
    opt.build_rank = ranked[1] ? &build_rank : NULL;
    if (how == SQL_SHARE_OUTER) {
        MAL_TRY(mal_obl_join_outer(r->o, out, build, probe, &opt));
        turned = false; /* its columns stand as the plan has them */
    } else if (how == SQL_SHARE_MANY) {
        opt.fanout_max = sql_matches(rel->in[1], rel->exprs + keys, keys);
        MAL_TRY(mal_obl_join_many(r->o, out, probe, build, &opt));
    } else {
        MAL_TRY(mal_obl_join(r->o, out, probe, build, &opt));
    }
    const unsigned l = rel->in[0]->n_columns, g = rel->in[1]->n_columns;
    const unsigned n_real[2] = { turned ? g : l, turned ? l : g };
    const unsigned n_all[2] = { turned ? right.n_columns : left.n_columns,
                                turned ? left.n_columns : right.n_columns };
    return join_columns(out, n_real, n_all, turned, both);
}

static mal_err run_union(runner *r, mal_obl_table *out, sql_r rel) {
    mal_obl_table *in, **list;
    mal_err err = MAL_OK;
    MAL_TRY(sql_alloc(&r->cx, &in, rel->n_in, sizeof *in));
    MAL_TRY(sql_alloc(&r->cx, &list, rel->n_in, sizeof *list));
    for (unsigned i = 0; i < rel->n_in && err == MAL_OK; i++) {
        list[i] = &in[i];
        err = run_input(r, &in[i], rel, i);
    }
    if (err == MAL_OK)
        err = mal_obl_union(r->o, out, list, rel->n_in);
    for (unsigned i = 0; i < rel->n_in; i++)
        mal_obl_table_clear(&in[i]);
    return err;
}

static mal_obl_agg agg_of(const sql_agg *a, const unsigned *where,
                          const mal_obl_type *type) {
    static const mal_obl_agg_kind kinds[] = {
        [SQL_COUNT_ROWS] = MAL_OBL_COUNT_ROWS,
        [SQL_COUNT] = MAL_OBL_COUNT,
        [SQL_SUM] = MAL_OBL_SUM,
        [SQL_MIN] = MAL_OBL_MIN,
        [SQL_MAX] = MAL_OBL_MAX,
        [SQL_DISTINCT] = MAL_OBL_COUNT_DISTINCT,
    };
    return (mal_obl_agg){ .kind = kinds[a->kind],
                          .column = where ? *where : 0,
                          .type = a->kind == SQL_SUM ? type : NULL };
}

static mal_err run_aggregate(runner *r, mal_obl_table *out, sql_r rel) {
    AUTO_TABLE in = { 0 };
    unsigned keys[MAL_OBL_COLUMNS_MAX], args[MAL_OBL_COLUMNS_MAX], n = 0;
    sql_e exprs[MAL_OBL_COLUMNS_MAX];
    mal_obl_agg *aggs;
    mal_obl_type *types;
    MAL_TRY(run(r, &in, rel->in[0]));
    MAL_TRY(append(r, &in, rel->exprs, rel->n_exprs, keys));
    for (unsigned i = 0; i < rel->n_aggs; i++)
        if (rel->aggs[i].arg)
            exprs[n++] = rel->aggs[i].arg;
    MAL_TRY(append(r, &in, exprs, n, args));
    MAL_TRY(sql_alloc(&r->cx, &aggs, rel->n_aggs, sizeof *aggs));
    MAL_TRY(sql_alloc(&r->cx, &types, rel->n_aggs, sizeof *types));
    n = 0;
    for (unsigned i = 0; i < rel->n_aggs; i++) {
        types[i] = sql_share_type(&rel->aggs[i].type);
        aggs[i] = agg_of(&rel->aggs[i], rel->aggs[i].arg ? &args[n] : NULL,
                         &types[i]);
        n += rel->aggs[i].arg != NULL;
    }
    mal_obl_group_options opt = { .n_keys = rel->n_exprs,
                                  .n_aggs = rel->n_aggs,
                                  .keys = keys,
                                  .aggs = aggs };
    if (rel->rows_max < in.n && rel->n_exprs)
        opt.groups_max = (size_t)rel->rows_max;
    return mal_obl_group(r->o, out, &in, &opt);
}

/* A code is ordered by its label: where the two orders differ, by its rank, in
 * a column beside. */
static mal_err rank_key(runner *r, mal_obl_table *t, const sql_type *type,
                        unsigned *column) {
    const uint32_t *ranks = NULL;
    int64_t *list;
    sql_e code;
    mal_obl_expr x = { .op = MAL_OBL_LOOKUP, .n_args = 1 };
    const mal_obl_expr *arg;
    if (type->kind != MAL_SQL_CODE)
        return MAL_OK;
    MAL_TRY(sql_domain_ranks(&r->cx, &ranks, type->domain));
    if (!ranks)
        return MAL_OK;
    MAL_TRY(sql_alloc(&r->cx, &list, type->domain->n_codes + 1, sizeof *list));
    for (uint32_t i = 0; i <= type->domain->n_codes; i++)
        list[i] = ranks[i];
    MAL_TRY(sql_col(&r->cx, &code, *column, type, -1));
    MAL_TRY(sql_share_expr(&r->cx, &arg, code));
    x.type = arg->type;
    x.args = &arg;
    x.list = list;
    x.n_list = type->domain->n_codes + 1;
    mal_obl_column *columns = mal_calloc(t->n_columns + 1, sizeof *columns);
    if (!columns)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    mal_err err = mal_obl_eval(r->o, &columns[t->n_columns], t, &x);
    if (err != MAL_OK) {
        mal_free(columns);
        return err;
    }
    memcpy(columns, t->columns, t->n_columns * sizeof *columns);
    mal_free(t->columns);
    t->columns = columns;
    *column = t->n_columns++;
    return MAL_OK;
}

/* The first n keys of a SORT or WINDOW over t. */
static mal_err order_keys(runner *r, mal_obl_table *t, sql_r rel,
                          mal_obl_key *keys, unsigned n) {
    for (unsigned i = 0; i < n; i++) {
        unsigned column = rel->keys[i].column;
        MAL_TRY(rank_key(r, t, &rel->types[column], &column));
        keys[i] = (mal_obl_key){ .column = column,
                                 .desc = rel->keys[i].desc,
                                 .nulls_first = rel->keys[i].nulls_first };
    }
    return MAL_OK;
}

static mal_err run_sort(runner *r, mal_obl_table *t, sql_r sort, sql_r limit) {
    mal_obl_key keys[MAL_OBL_KEYS_MAX];
    unsigned n = sql_share_keys_needed(sort), n_columns = sort->n_columns;
    MAL_TRY(run(r, t, sort->in[0]));
    MAL_TRY(order_keys(r, t, sort, keys, n));
    if (n > 0 && limit && limit->limit != SQL_NO_LIMIT && !limit->offset)
        MAL_TRY(mal_obl_top(r->o, t, keys, n, (size_t)limit->limit));
    else if (n > 0)
        MAL_TRY(mal_obl_sort(r->o, t, keys, n));
    if (limit) {
        uint64_t most = limit->limit < t->n ? limit->limit : t->n;
        MAL_TRY(mal_obl_limit(r->o, t, (size_t)most, (size_t)limit->offset));
    }
    return t->n_columns == n_columns ? MAL_OK : pick_range(t, 0, n_columns);
}

/* The rank stands last, behind what the orders of codes added. */
static mal_err run_window(runner *r, mal_obl_table *t, sql_r rel) {
    mal_obl_key keys[MAL_OBL_KEYS_MAX];
    unsigned at[MAL_OBL_COLUMNS_MAX], n = rel->n_columns - 1;
    MAL_TRY(run_input(r, t, rel, 0));
    MAL_TRY(order_keys(r, t, rel, keys, rel->n_keys));
    MAL_TRY(mal_obl_window_rank(r->o, t, keys, rel->n_keys, rel->n_part));
    for (unsigned i = 0; i < n; i++)
        at[i] = i;
    at[n] = t->n_columns - 1;
    return pick(t, at, n + 1);
}

static mal_err run_rel(runner *r, mal_obl_table *out, sql_r rel) {
    if (part_at(r, rel) < r->plan->n_parts)
        return run_part(r, out);
    switch (rel->op) {
    case SQL_FILTER:
        return run_filter(r, out, rel);
    case SQL_PROJECT:
        return run_project(r, out, rel);
    case SQL_JOIN:
        return run_join(r, out, rel);
    case SQL_UNION:
        return run_union(r, out, rel);
    case SQL_AGGREGATE:
        return run_aggregate(r, out, rel);
    case SQL_SORT:
        return run_sort(r, out, rel, NULL);
    case SQL_WINDOW:
        return run_window(r, out, rel);
    default:
        assert(rel->op == SQL_LIMIT);
        return run_sort(r, out, rel->in[0], rel);
    }
}

static mal_err run_node(runner *r, mal_obl_table *out, sql_r rel) {
    MAL_TRY(run_rel(r, out, rel));
    return rel == r->plan->shrink ? sql_share_shrink(r->o, out, r->plan->sizer)
                                  : MAL_OK;
}

/* --- stages --------------------------------------------------------------- */

/* Relations are numbered as they are done.  Stage 1 is the inputs; stage 1 + k
 * stands behind relation k, of those that sort, join or group.  What the rest
 * of the plan needs of it: the tables of inputs that wait for their siblings,
 * outermost first; its own; the inputs that nobody took yet. */

/* Where a sort stands under a limit, both are one relation. */
static sql_r one_of(sql_r rel) {
    return rel->op == SQL_LIMIT ? rel->in[0] : rel;
}

/* How many relations are done when rel is; *next: the input after. */
static unsigned count(const runner *r, sql_r rel, unsigned *next) {
    unsigned n = 1;
    if (*next < r->plan->n_parts && rel == r->plan->parts[*next].rel) {
        ++*next;
        return n;
    }
    rel = one_of(rel);
    for (unsigned i = 0; i < rel->n_in; i++)
        n += count(r, rel->in[i], next);
    return n;
}

/* Tables that are done, and not yet used, when r->from relations are. */
static unsigned count_kept(const runner *r, sql_r rel, unsigned *at,
                           unsigned *next) {
    unsigned after = *next, n = count(r, rel, &after), kept = 0;
    if (*at >= r->from)
        return 0;
    if (*at + n <= r->from) {
        *at += n;
        *next = after;
        return 1;
    }
    rel = one_of(rel);
    for (unsigned i = 0; i < rel->n_in; i++)
        kept += count_kept(r, rel->in[i], at, next);
    return kept;
}

static mal_err begin_stages(runner *r, sql_r root) {
    unsigned at = 0, next = 0, kept;
    MAL_TRY(
        sql_alloc(&r->cx, &r->held, r->plan->n_parts + 1u, sizeof *r->held));
    r->stages = mal_obl_stages_of(r->o);
    r->from = r->stages && r->stages->from ? r->stages->from - 1 : 0;
    if (r->from == 0)
        return MAL_OK;
    kept = count_kept(r, root, &at, &next);
    MAL_REQUIRE(at == r->from, MAL_E_STATE, "the plan has no stage %u",
                r->from + 1);
    unsigned n = kept + r->plan->n_parts - next;
    MAL_TRY(
        sql_alloc(&r->cx, &r->kept, r->plan->n_parts + 1u, sizeof *r->kept));
    MAL_TRY(r->stages->load(r->stages->ctx, r->kept, n));
    for (unsigned i = next; i < r->plan->n_parts; i++) {
        mal_obl_table_clear(&r->inputs[i]);
        r->inputs[i] = taken(&r->kept[kept + i - next]);
    }
    return MAL_OK;
}

/* What a failure left of the tables that were loaded. */
static void end_stages(runner *r) {
    for (unsigned i = 0; r->kept && i < r->plan->n_parts; i++)
        mal_obl_table_clear(&r->kept[i]);
}

static mal_err tell(runner *r, mal_obl_table *out, sql_r rel) {
    mal_obl_table **list;
    unsigned n = 0;
    if (!r->stages || (rel->op != SQL_JOIN && rel->op != SQL_AGGREGATE &&
                       rel->op != SQL_WINDOW && one_of(rel)->op != SQL_SORT))
        return MAL_OK;
    MAL_TRY(sql_alloc(&r->cx, &list, r->n_held + 1u + r->plan->n_parts,
                      sizeof *list));
    for (unsigned i = 0; i < r->n_held; i++)
        list[n++] = r->held[i];
    list[n++] = out;
    for (unsigned i = r->next; i < r->plan->n_parts; i++)
        list[n++] = &r->inputs[i];
    return r->stages->done(r->stages->ctx, 1 + r->at, list, n);
}

static mal_err run(runner *r, mal_obl_table *out, sql_r rel) {
    unsigned next = r->next, n = count(r, rel, &next);
    bool part = n == 1 && next > r->next;
    if (r->at + n <= r->from) {
        r->at += n;
        r->next = next;
        *out = taken(r->kept++);
        return mal_obl_table_wake(r->o, out);
    }
    MAL_TRY(run_node(r, out, rel));
    r->at++;
    return part ? MAL_OK : tell(r, out, rel);
}

static mal_err run_input(runner *r, mal_obl_table *out, sql_r rel, unsigned i) {
    MAL_TRY(run(r, out, rel->in[i]));
    if (i + 1 < rel->n_in) {
        r->held[r->n_held++] = out;
        return mal_obl_table_rest(r->o, out);
    }
    r->n_held -= rel->n_in - 1;
    for (unsigned k = 0; k + 1 < rel->n_in; k++)
        MAL_TRY(mal_obl_table_wake(r->o, r->held[r->n_held + k]));
    return MAL_OK;
}

static mal_err run_plan(runner *r, mal_obl_table *out, sql_r root) {
    MAL_TRY(begin_stages(r, root));
    for (unsigned i = 0; i < r->plan->n_parts; i++)
        MAL_TRY(mal_obl_table_rest(r->o, &r->inputs[i]));
    mal_obl_table *kept = r->kept;
    mal_err err = run(r, out, root);
    r->kept = kept;
    end_stages(r);
    return err;
}

/* --- opening -------------------------------------------------------------- */

/* Where a row does not count, or a value is NULL, zeros are opened. */
static mal_err mask(runner *r, mal_share3_bits *planes,
                    const mal_share3_bits *keep) {
    for (unsigned at = 0; at < planes->width; at += MAL_SHARE3_WIDTH_MAX) {
        unsigned left = planes->width - at;
        mal_share3_bits view = mal_share3_bits_planes(
            planes, at,
            left < MAL_SHARE3_WIDTH_MAX ? left : MAL_SHARE3_WIDTH_MAX);
        MAL_TRY(mal_share3_and(r->s, &view, &view, keep));
    }
    return MAL_OK;
}

static mal_err open_planes(runner *r, uint64_t *rows,
                           const mal_share3_bits *planes, unsigned from,
                           bool is_signed) {
    unsigned left = planes->width - from;
    unsigned width = left < 64 ? left : 64;
    mal_share3_bits view = mal_share3_bits_planes(planes, from, width);
    uint64_t *open = mal_calloc(planes->stride * width + 1, sizeof *open);
    if (!open)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    mal_err err = mal_share3_bits_open(r->s, open, &view);
    if (err == MAL_OK)
        mal_share3_rows_of(rows, open, planes->n, width, is_signed);
    mal_free(open);
    return err;
}

typedef struct opened {
    size_t n;           /* rows that count, in order */
    sql_value *values;  /* [n][n_columns] */
    uint8_t (*ids)[16]; /* the same shape */
} opened;

static mal_err open_column(runner *r, opened *out, mal_obl_table *t, unsigned k,
                           const uint8_t *valid) {
    mal_obl_column *c = &t->columns[k];
    uint64_t *rows, *high;
    uint8_t *null;
    MAL_TRY(sql_alloc(&r->cx, &rows, t->n, sizeof *rows));
    MAL_TRY(sql_alloc(&r->cx, &high, t->n, sizeof *high));
    MAL_TRY(sql_alloc(&r->cx, &null, t->n, 1));
    MAL_TRY(mal_obl_need_bits(r->o, c));
    MAL_TRY(mask(r, &c->bits, &t->valid));
    if (c->type.nullable) {
        uint64_t *plane;
        MAL_AUTO(mal_share3_bits_clear) mal_share3_bits known = { 0 };
        MAL_TRY(mal_share3_not(r->s, &known, &c->null));
        MAL_TRY(mask(r, &c->bits, &known));
        MAL_TRY(mask(r, &c->null, &t->valid));
        MAL_TRY(sql_alloc(&r->cx, &plane, c->null.stride, sizeof *plane));
        MAL_TRY(mal_share3_bits_open(r->s, plane, &c->null));
        for (size_t i = 0; i < t->n; i++)
            null[i] = plane[i / 64] >> (i % 64) & 1;
    }
    MAL_TRY(
        open_planes(r, rows, &c->bits, 0, !c->type.opaque && c->type.lo < 0));
    if (c->bits.width > 64)
        MAL_TRY(open_planes(r, high, &c->bits, 64, false));
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) {
        if (!valid[i])
            continue;
        size_t at = n++ * t->n_columns + k;
        out->values[at] =
            (sql_value){ .v = null[i] ? 0 : (int64_t)rows[i], .null = null[i] };
        for (unsigned b = 0; b < 16; b++) /* first byte: most significant */
            out->ids[at][15 - b] =
                (uint8_t)((b < 8 ? rows[i] : high[i]) >> (8 * (b % 8)));
    }
    return MAL_OK;
}

static mal_err open_table(runner *r, opened *out, mal_obl_table *t) {
    uint8_t *valid;
    MAL_TRY(mal_obl_verdict(r->o));
    if (r->stages)
        MAL_TRY(r->stages->opens(r->stages->ctx));
    MAL_TRY(sql_alloc(&r->cx, &valid, t->n, 1));
    MAL_TRY(mal_obl_valid_open(r->o, valid, t));
    out->n = 0;
    for (size_t i = 0; i < t->n; i++)
        out->n += valid[i];
    size_t cells = out->n * t->n_columns;
    MAL_TRY(sql_alloc(&r->cx, &out->values, cells, sizeof *out->values));
    MAL_TRY(sql_alloc(&r->cx, &out->ids, cells, sizeof *out->ids));
    for (unsigned k = 0; k < t->n_columns; k++)
        MAL_TRY(open_column(r, out, t, k, valid));
    return MAL_OK;
}

static mal_err to_table(const sql_cx *cx, mal_sql_table *t, const opened *rows,
                        unsigned width, const mal_sql_plan *plan) {
    bool ids = false;
    *t = (mal_sql_table){ .n_rows = rows->n };
    MAL_TRY(mal_sql_plan_columns(&t->columns, &t->n_columns, cx->arena, plan));
    size_t n = rows->n * t->n_columns;
    for (unsigned k = 0; k < t->n_columns; k++)
        ids |= t->columns[k].kind == MAL_SQL_ID;
    MAL_TRY(sql_alloc(cx, &t->values, n, sizeof *t->values));
    MAL_TRY(sql_alloc(cx, &t->nulls, n, sizeof *t->nulls));
    if (ids)
        MAL_TRY(sql_alloc(cx, &t->ids, n, sizeof *t->ids));
    for (size_t i = 0; i < rows->n; i++)
        for (unsigned k = 0; k < t->n_columns; k++) {
            size_t from = i * width + k, to = i * t->n_columns + k;
            t->nulls[to] = rows->values[from].null;
            if (t->columns[k].kind == MAL_SQL_ID)
                memcpy(t->ids[to], rows->ids[from], 16);
            else
                t->values[to] = rows->values[from].v;
        }
    return MAL_OK;
}

mal_err sql_share_run(const sql_cx *cx, mal_obl_table *out, mal_obl *o,
                      const sql_share_plan *share, mal_obl_table *inputs) {
    runner r = { .cx = *cx, .o = o, .plan = share, .inputs = inputs };
    return run_plan(&r, out, share->cut);
}

mal_err mal_sql_open_share3(mal_sql_table *table, mal_arena *arena,
                            const mal_sql_physical *physical, mal_obl *o,
                            mal_share3 *s, mal_obl_table *inputs) {
    const mal_sql_plan *plan = physical->plan;
    sql_share_plan share;
    runner r = { .cx = { .arena = arena, .contract = plan->contract },
                 .o = o,
                 .s = s,
                 .plan = &share,
                 .inputs = inputs };
    opened rows;
    AUTO_TABLE t = { 0 };
    *table = (mal_sql_table){ 0 };
    MAL_REQUIRE(physical->shape == MAL_SQL_SHARE3 && physical->n_aggs == 0,
                MAL_E_STATE, "a physical plan of another engine");
    MAL_TRY(sql_share_plan_of(&r.cx, &share, plan));
    MAL_TRY(run_plan(&r, &t, share.cut));
    MAL_TRY(open_table(&r, &rows, &t));
    if (share.cut == share.root)
        return to_table(&r.cx, table, &rows, t.n_columns, plan);
    return sql_finish_rows(&r.cx, table, plan, share.root, share.cut,
                           rows.values, rows.n);
}
