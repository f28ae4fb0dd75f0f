/* share_plan.c - which part of a plan each owner runs at home, and what three
 * parties then run on shares. */
#include "share_impl.h"
#include "split_impl.h"

#include <inttypes.h>
#include <string.h>

/* Does it read a table that rests as shares? */
static bool reads_shared(const mal_policy_contract *contract, sql_r r) {
    bool any = r->op == SQL_SCAN && contract->datasets[r->dataset].shared;
    for (unsigned i = 0; i < r->n_in && !any; i++)
        any = reads_shared(contract, r->in[i]);
    return any;
}

/* Of what rests shared nothing is selected by its owner: its bare columns are
 * the part. */
bool sql_share_home(const mal_policy_contract *contract, sql_r r) {
    mal_policy_set all = sql_owners_of(contract, r);
    return (all & (all - 1)) == 0 &&
           (r->op == SQL_SCAN || !reads_shared(contract, r));
}

/* --- what shares can do --------------------------------------------------- */

static mal_err check_expr(const sql_cx *cx, sql_e e) {
    sql_e mean;
    for (unsigned i = 0; i < e->n_args; i++)
        MAL_TRY(check_expr(cx, e->args[i]));
    SQL_NEED(e->n_list < MAL_OBL_LIST_MAX, cx, -1, MAL_E_UNSUPPORTED,
             "a list of %u values over shares; at most %u: filter an owner's "
             "own table by it",
             e->n_list, MAL_OBL_LIST_MAX - 1);
    if (e->op == SQL_E_DIV)
        SQL_NEED(!sql_div_is_wide(&e->args[0]->type, &e->args[1]->type,
                                  (unsigned)e->value),
                 cx, -1, MAL_E_UNSUPPORTED,
                 "a division that does not fit 62 bits, below the top of the "
                 "answer: no engine divides so wide");
    return e->op == SQL_E_MEAN ? sql_share_mean(cx, &mean, e) : MAL_OK;
}

mal_err sql_share_join_of(const sql_cx *cx, sql_share_join *how, sql_r r) {
    unsigned keys = r->n_exprs / 2;
    sql_r left = r->in[0], right = r->in[1];
    uint64_t per_left = sql_matches(right, r->exprs + keys, keys);
    uint64_t per_right = sql_matches(left, r->exprs, keys);
    *how = SQL_SHARE_PROBE_LEFT;
    if (per_left <= 1 || r->join == SQL_SEMI || r->join == SQL_ANTI)
        return MAL_OK;
    *how = r->join == SQL_LEFT ? SQL_SHARE_OUTER : SQL_SHARE_PROBE_RIGHT;
    if (per_right <= 1)
        return MAL_OK;
    *how = SQL_SHARE_MANY;
    SQL_NEED(sql_mul_sat(left->rows_max, per_left) <= SQL_SHARE_MANY_MAX, cx,
             -1, MAL_E_UNSUPPORTED,
             "a join on keys that may repeat on both sides, %" PRIu64
             " and %" PRIu64 " times: declare one side unique in the contract, "
             "or group it first",
             per_right, per_left);
    return MAL_OK;
}

/* Keys behind a unique set of columns decide nothing. */
unsigned sql_share_keys_needed(sql_r sort) {
    for (unsigned n = 1; n <= sort->n_keys; n++) {
        sql_e keys[MAL_SQL_COLUMNS_MAX];
        sql_expr cols[MAL_SQL_COLUMNS_MAX];
        for (unsigned i = 0; i < n; i++) {
            cols[i] =
                (sql_expr){ .op = SQL_E_COL, .value = sort->keys[i].column };
            keys[i] = &cols[i];
        }
        if (sql_matches(sort->in[0], keys, n) <= 1)
            return n;
    }
    return sort->n_keys;
}

static mal_err check_op(const sql_cx *cx, sql_r r) {
    sql_share_join how;
    SQL_NEED(r->rows_max <= SQL_SHARE_ROWS_MAX, cx, -1, MAL_E_LIMIT,
             "up to %" PRIu64 " rows on shares; at most %" PRIu64, r->rows_max,
             SQL_SHARE_ROWS_MAX);
    for (unsigned i = 0; i < r->n_exprs; i++)
        MAL_TRY(check_expr(cx, r->exprs[i]));
    for (unsigned i = 0; i < r->n_aggs; i++)
        if (r->aggs[i].arg)
            MAL_TRY(check_expr(cx, r->aggs[i].arg));
    SQL_NEED(r->op != SQL_AGGREGATE || r->n_exprs <= MAL_OBL_KEYS_MAX, cx, -1,
             MAL_E_LIMIT, "more than %u columns in GROUP BY over shares",
             MAL_OBL_KEYS_MAX);
    SQL_NEED(r->op != SQL_WINDOW || r->n_keys <= MAL_OBL_KEYS_MAX, cx, -1,
             MAL_E_LIMIT, "a rank by more than %u columns over shares",
             MAL_OBL_KEYS_MAX);
    SQL_NEED(r->op != SQL_SORT || sql_share_keys_needed(r) <= MAL_OBL_KEYS_MAX,
             cx, -1, MAL_E_LIMIT,
             "an order by more than %u columns over shares", MAL_OBL_KEYS_MAX);
    return r->op == SQL_JOIN ? sql_share_join_of(cx, &how, r) : MAL_OK;
}

/* --- parts, and where the clear begins ------------------------------------ */

/* Numbers that are never NULL: everybody orders them alike. */
static sql_share_order order_of(sql_r join, unsigned side) {
    sql_share_order order = { .n = join->n_exprs / 2 };
    for (unsigned k = 0; k < order.n; k++) {
        sql_e e = join->exprs[side * order.n + k];
        if (e->op != SQL_E_COL || e->type.kind != MAL_SQL_INT ||
            e->type.nullable)
            return (sql_share_order){ 0 };
        order.columns[k] = (unsigned)e->value;
    }
    return order;
}

/* What rests lies in the order of its units, and in no other. */
static mal_err add_part(const sql_cx *cx, sql_share_plan *p, sql_r r,
                        sql_share_order order) {
    sql_share_part *part = &p->parts[p->n_parts];
    MAL_REQUIRE(p->n_parts < MAL_POLICY_DATASETS_MAX, MAL_E_LIMIT,
                "a plan of more than %u parts", MAL_POLICY_DATASETS_MAX);
    SQL_NEED(r->rows_max <= SQL_SHARE_ROWS_MAX, cx, -1, MAL_E_LIMIT,
             "a part of up to %" PRIu64 " rows to share; at most %" PRIu64,
             r->rows_max, SQL_SHARE_ROWS_MAX);
    MAL_TRY(sql_share_bounds(cx, part, r));
    if (part->n_bounds)
        part->order =
            (sql_share_order){ .n = 1, .columns = { part->bounds[0].column } };
    else if (!reads_shared(cx->contract, r))
        part->order = order;
    p->n_parts++;
    return MAL_OK;
}

/* A union whose units are bounded is one of shares: each of its tables is
 * bounded alone. */
static bool is_part(const sql_cx *cx, sql_r r) {
    sql_r below = r;
    while (below->op == SQL_PROJECT || below->op == SQL_FILTER)
        below = below->in[0];
    return sql_share_home(cx->contract, r) &&
           (below->op != SQL_UNION || !sql_share_bounded(cx->contract, below));
}

static mal_err find_parts(const sql_cx *cx, sql_share_plan *p, sql_r r,
                          sql_share_order order) {
    /* the answer's order, of an opened plan, stays on shares */
    bool top = p->top &&
               (r == p->top || (p->top->op == SQL_LIMIT && r == p->top->in[0]));
    if (!top && is_part(cx, r))
        return add_part(cx, p, r, order);
    for (unsigned i = 0; i < r->n_in; i++)
        MAL_TRY(find_parts(cx, p, r->in[i],
                           r->op == SQL_JOIN ? order_of(r, i)
                                             : (sql_share_order){ 0 }));
    return MAL_OK;
}

static bool above_all(sql_r r) {
    return r->op == SQL_PROJECT || r->op == SQL_SORT || r->op == SQL_LIMIT ||
           r->op == SQL_FILTER;
}

/* What stands at the top and cannot run on shares is computed from what is
 * opened below it: that opens no other rows, only the values that they are
 * computed from. */
static mal_err find_cut(const sql_cx *cx, sql_share_plan *p) {
    bool kept = false; /* does something above the cut drop rows? */
    p->cut = p->root;
    for (sql_r r = p->root; above_all(r) && !sql_share_home(cx->contract, r);
         r = r->in[0]) {
        kept |= r->op == SQL_LIMIT || r->op == SQL_FILTER;
        mal_err err = check_op(cx, r);
        if (err == MAL_OK)
            continue;
        if (kept || r->op != SQL_PROJECT)
            return err;
        mal_err_forget();
        p->cut = r->in[0];
    }
    return MAL_OK;
}

static mal_err check_below(const sql_cx *cx, sql_r r, bool top) {
    if (!top && is_part(cx, r))
        return MAL_OK;
    MAL_TRY(check_op(cx, r));
    for (unsigned i = 0; i < r->n_in; i++)
        MAL_TRY(check_below(cx, r->in[i], top && above_all(r)));
    return MAL_OK;
}

/* --- where a table may shrink --------------------------------------------- */

/* Does it leave rows out? */
static bool selects(sql_r r) {
    return r->op == SQL_FILTER || (r->op == SQL_JOIN && r->join != SQL_LEFT);
}

static bool selects_below(sql_r r) {
    bool any = selects(r);
    for (unsigned i = 0; i < r->n_in && !any; i++)
        any = selects_below(r->in[i]);
    return any;
}

typedef struct places {
    const sql_share_plan *plan;
    unsigned n, at;
    sql_r found;
} places;

static void visit(places *p, sql_r r) {
    bool part = false;
    for (unsigned i = 0; i < p->plan->n_parts && !part; i++)
        part = p->plan->parts[i].rel == r;
    if ((part ? selects_below(r) : selects(r)) && ++p->n == p->at)
        p->found = r;
    for (unsigned i = 0; i < r->n_in && !part; i++)
        visit(p, r->in[i]);
}

unsigned sql_share_places(const sql_share_plan *plan, unsigned at, sql_r *out) {
    places p = { .plan = plan, .at = at };
    visit(&p, plan->cut);
    *out = p.found;
    return p.n;
}

/* --- plans ---------------------------------------------------------------- */

mal_err sql_share_rows_of(const sql_cx *cx, sql_share_plan *p, sql_r in,
                          const sql_e *exprs, unsigned n) {
    sql_cx narrow = *cx;
    sql_r rows;
    *p = (sql_share_plan){ 0 };
    narrow.narrow = true;
    MAL_TRY(
        sql_alloc(cx, &p->parts, MAL_POLICY_DATASETS_MAX, sizeof *p->parts));
    MAL_TRY(sql_project(cx, &rows, in, exprs, n));
    MAL_TRY(sql_regroup(cx, &rows, rows));
    MAL_TRY(sql_prune_all(&narrow, &p->root, rows));
    p->cut = p->root;
    MAL_TRY(find_parts(cx, p, p->root, (sql_share_order){ 0 }));
    return check_below(cx, p->cut, false);
}

mal_err sql_share_plan_of(const sql_cx *cx, sql_share_plan *p,
                          const mal_sql_plan *plan) {
    sql_r root;
    *p = (sql_share_plan){ 0 };
    MAL_TRY(
        sql_alloc(cx, &p->parts, MAL_POLICY_DATASETS_MAX, sizeof *p->parts));
    sql_cx narrow = *cx;
    narrow.narrow = true;
    MAL_TRY(sql_regroup(cx, &root, plan->root));
    MAL_TRY(sql_prune(&narrow, &p->root, root, plan->n_columns));
    p->top = p->root;
    MAL_TRY(find_cut(cx, p));
    MAL_TRY(find_parts(cx, p, p->root, (sql_share_order){ 0 }));
    return check_below(cx, p->cut, true);
}

/* --- the physical plan ---------------------------------------------------- */

static mal_err part_types(const sql_cx *cx, mal_sql_part *part, sql_r r) {
    mal_obl_type *types;
    MAL_TRY(sql_alloc(cx, &types, r->n_columns, sizeof *types));
    for (unsigned i = 0; i < r->n_columns; i++)
        types[i] = sql_share_type(&r->types[i]);
    part->out = types;
    part->n_out = r->n_columns;
    return MAL_OK;
}

static mal_err put_rows(sql_printer *p, sql_r r, const sql_share_order *order) {
    MAL_TRY(mal_buf_put_str(p->out, "SELECT "));
    for (unsigned i = 0; i < r->n_columns; i++)
        MAL_TRY(mal_buf_put_fmt(p->out,
                                r->types[i].kind == MAL_SQL_BOOL
                                    ? "%sCAST(q0.c%u AS BIGINT) AS c%u"
                                    : "%sq0.c%u AS c%u",
                                i ? ", " : "", i, i));
    if (r->n_columns == 0)
        MAL_TRY(mal_buf_put_str(p->out, "CAST(0 AS BIGINT) AS z"));
    MAL_TRY(mal_buf_put_str(p->out, " FROM ("));
    MAL_TRY(sql_print_rel(p, r));
    MAL_TRY(mal_buf_put_str(p->out, ") AS q0"));
    for (unsigned k = 0; k < order->n; k++)
        MAL_TRY(mal_buf_put_fmt(p->out, "%sq0.c%u", k ? ", " : " ORDER BY ",
                                order->columns[k]));
    return MAL_OK;
}

static mal_err fill_part(const sql_cx *cx, mal_sql_part *part,
                         const sql_share_part *share) {
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    const sql_r r = share->home;
    sql_printer printer = { .out = &text, .cx = cx };
    mal_buf_init(&text, SQL_DUCK_TEXT_MAX);
    part->role = MAL_SQL_PART_ROWS;
    part->owner = (unsigned)__builtin_ctzll(sql_owners_of(cx->contract, r));
    part->rows_max = r->rows_max;
    part->n_bounds = share->n_bounds;
    part->bounds = share->bounds;
    part->n_idle = r->n_columns - share->rel->n_columns;
    part->trusted = share->trusted;
    MAL_TRY(part_types(cx, part, r));
    MAL_TRY(sql_print_collect(&printer, r));
    MAL_TRY(put_rows(&printer, r, &share->order));
    MAL_TRY(sql_own_text(cx, &part->sql, &text));
    part->tables = printer.tables;
    part->n_tables = printer.n_tables;
    for (unsigned i = 0; i < printer.n_tables; i++) {
        mal_sql_part_table *t = &printer.tables[i];
        t->rows_per_unit = sql_touch(cx, r, t->dataset);
        if (t->rows_per_unit > part->rows_per_unit)
            part->rows_per_unit = t->rows_per_unit;
    }
    return MAL_OK;
}

mal_err sql_describe_share(mal_buf *out, const mal_policy_contract *contract,
                           const sql_share_plan *share) {
    MAL_TRY(mal_buf_put_fmt(
        out, "on shares%s\n",
        share->cut == share->root ? "" : ", below what stands at the top"));
    return sql_put_tree(out, contract, share->root, 1);
}

static mal_err describe(const sql_cx *cx, mal_sql_physical *p,
                        const sql_share_plan *share) {
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    mal_prim_hash hash;
    char hex[2 * MAL_PRIM_HASH + 1];
    MAL_TRY(mal_sql_plan_hash(&hash, p->plan));
    mal_hex_encode(hex, mal_bytes_of(hash.b, sizeof hash.b));
    MAL_TRY(mal_buf_put_fmt(
        &text, "malus.physical/1\nplan sha256:%s\nshape share3, opened\n",
        hex));
    MAL_TRY(sql_describe_share(&text, cx->contract, share));
    for (unsigned i = 0; i < p->n_parts; i++)
        MAL_TRY(sql_describe_part(&text, cx->contract, i, &p->parts[i]));
    return sql_own_text(cx, &p->text, &text);
}

mal_err sql_share_parts(const sql_cx *cx, mal_sql_physical *p,
                        const sql_share_plan *share) {
    mal_sql_part *parts;
    MAL_TRY(sql_alloc(cx, &parts, share->n_parts, sizeof *parts));
    for (unsigned i = 0; i < share->n_parts; i++)
        MAL_TRY(fill_part(cx, &parts[i], &share->parts[i]));
    p->shape = MAL_SQL_SHARE3;
    p->n_parts = share->n_parts;
    p->parts = parts;
    return MAL_OK;
}

mal_err sql_split_opened(const mal_sql_physical **physical, mal_arena *arena,
                         const mal_sql_plan *plan) {
    sql_cx cx = { .arena = arena, .contract = plan->contract };
    sql_share_plan share;
    mal_sql_physical *p;
    MAL_TRY(sql_share_plan_of(&cx, &share, plan));
    MAL_TRY(sql_alloc(&cx, &p, 1, sizeof *p));
    *p = (mal_sql_physical){ .plan = plan, .n_cells = 1, .count_agg = -1 };
    MAL_TRY(sql_share_parts(&cx, p, &share));
    MAL_TRY(describe(&cx, p, &share));
    *physical = p;
    return MAL_OK;
}
