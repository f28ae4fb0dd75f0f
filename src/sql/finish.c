/* finish.c - from released numbers to the answer.
 *
 * The aggregate's columns are rebuilt from the cells; what stands above it
 * (HAVING, expressions, ORDER BY, LIMIT) is interpreted, totally, on the noised
 * values.  A half-width travels with each value as far as arithmetic lets it: 0
 * is exact, NONE is not known. */
#include "train_impl.h"

#include <stdlib.h>
#include <string.h>

#define NONE MAL_SQL_HALFWIDTH_NONE

typedef struct rows {
    size_t n;
    unsigned n_columns;
    sql_value *values;    /* [n][n_columns] */
    uint64_t *halfwidths; /* same shape */
    uint8_t *suppressed;  /* [n] */
} rows;

static mal_err new_rows(const sql_cx *cx, rows *r, size_t n,
                        unsigned n_columns) {
    size_t cells;
    *r = (rows){ .n = n, .n_columns = n_columns };
    MAL_REQUIRE(!__builtin_mul_overflow(n, n_columns, &cells), MAL_E_LIMIT,
                "an answer of %zu rows", n);
    MAL_TRY(sql_alloc(cx, &r->values, cells, sizeof *r->values));
    MAL_TRY(sql_alloc(cx, &r->halfwidths, cells, sizeof *r->halfwidths));
    return sql_alloc(cx, &r->suppressed, n, 1);
}

/* --- half-widths --------------------------------------------------------- */

static uint64_t magnitude(int64_t v) {
    return v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
}

static uint64_t fit(mal_u128 v) {
    return v < NONE ? (uint64_t)v : NONE;
}

/* |S/C - s/c| <= (|S| hc + |C| hs) / (|C| (C - hc)), where S and C are the
 * noised sum and count within hs and hc of s and c; rounded up, plus the
 * rounding of the average itself. */
static uint64_t avg_halfwidth(int64_t sum, uint64_t hs, int64_t count,
                              uint64_t hc, int64_t unit) {
    if (hs == NONE || hc == NONE || count <= 0 || hc >= (uint64_t)count)
        return NONE;
    if (hs == 0 && hc == 0)
        return 0;
    mal_u128 num = (mal_u128)magnitude(sum) * hc;
    mal_u128 more = (mal_u128)(uint64_t)count * hs;
    mal_u128 den = (mal_u128)(uint64_t)count * ((uint64_t)count - hc);
    if (__builtin_add_overflow(num, more, &num) ||
        __builtin_mul_overflow(num, (mal_u128)(uint64_t)unit, &num))
        return NONE;
    return fit(num / den + 2);
}

static uint64_t widen(uint64_t hw, uint64_t factor) {
    return hw == NONE ? NONE : fit((mal_u128)hw * factor);
}

static uint64_t add_widths(uint64_t a, uint64_t b) {
    return a == NONE || b == NONE ? NONE : fit((mal_u128)a + b);
}

static uint64_t width_of(sql_e e, const sql_value *row, const uint64_t *hw);

/* Exact if every argument is; else nothing is known. */
static uint64_t all_exact(sql_e e, const sql_value *row, const uint64_t *hw) {
    for (unsigned i = 0; i < e->n_args; i++)
        if (width_of(e->args[i], row, hw) != 0)
            return NONE;
    return 0;
}

static uint64_t width_of_case(sql_e e, const sql_value *row,
                              const uint64_t *hw) {
    for (unsigned i = 0; i + 1 < e->n_args; i += 2) {
        sql_value when = sql_eval(e->args[i], row);
        if (width_of(e->args[i], row, hw) != 0)
            return NONE; /* the noise may have chosen the branch */
        if (!when.null && when.v)
            return width_of(e->args[i + 1], row, hw);
    }
    return width_of(e->args[e->n_args - 1], row, hw);
}

static uint64_t width_of_product(sql_e e, const sql_value *row,
                                 const uint64_t *hw) {
    uint64_t a = width_of(e->args[0], row, hw);
    uint64_t b = width_of(e->args[1], row, hw);
    sql_value x = sql_eval(e->args[0], row), y = sql_eval(e->args[1], row);
    if (a == 0 && !x.null)
        return widen(b, magnitude(x.v));
    return b == 0 && !y.null ? widen(a, magnitude(y.v)) : NONE;
}

/* By an exact number only; floor adds one unit. */
static uint64_t width_of_quotient(sql_e e, const sql_value *row,
                                  const uint64_t *hw) {
    uint64_t a = width_of(e->args[0], row, hw);
    sql_value y = sql_eval(e->args[1], row);
    if (width_of(e->args[1], row, hw) != 0 || y.null || y.v == 0)
        return NONE;
    if (a == 0)
        return 0;
    a = widen(a, (uint64_t)sql_pow10((unsigned)e->value));
    return a == NONE ? NONE : add_widths(a / magnitude(y.v), 2);
}

static uint64_t width_of_scale(sql_e e, uint64_t a) {
    unsigned from = e->args[0]->type.scale, to = e->type.scale;
    if (a == 0 || a == NONE)
        return a;
    if (to >= from)
        return widen(a, (uint64_t)sql_pow10(to - from));
    return add_widths(a / (uint64_t)sql_pow10(from - to), 2);
}

static uint64_t width_of(sql_e e, const sql_value *row, const uint64_t *hw) {
    switch (e->op) {
    case SQL_E_COL:
        return hw[e->value];
    case SQL_E_CONST:
        return 0;
    case SQL_E_NEG:
        return width_of(e->args[0], row, hw);
    case SQL_E_ADD:
    case SQL_E_SUB:
        return add_widths(width_of(e->args[0], row, hw),
                          width_of(e->args[1], row, hw));
    case SQL_E_MUL:
        return width_of_product(e, row, hw);
    case SQL_E_DIV:
        return width_of_quotient(e, row, hw);
    case SQL_E_SCALE:
        return width_of_scale(e, width_of(e->args[0], row, hw));
    case SQL_E_CASE:
        return width_of_case(e, row, hw);
    case SQL_E_COALESCE:
        for (unsigned i = 0; i < e->n_args; i++)
            if (!sql_eval(e->args[i], row).null)
                return width_of(e->args[i], row, hw);
        return NONE;
    default:
        return all_exact(e, row, hw);
    }
}

/* --- the aggregate's columns --------------------------------------------- */

typedef struct cells {
    const mal_sql_physical *physical;
    const int64_t *released;
    const uint64_t *halfwidth;
} cells;

static int64_t released_at(const cells *c, unsigned agg, uint64_t cell) {
    return c->released[(size_t)agg * c->physical->n_cells + cell];
}

static uint64_t halfwidth_at(const cells *c, unsigned agg, uint64_t cell) {
    return c->halfwidth
               ? c->halfwidth[(size_t)agg * c->physical->n_cells + cell]
               : NONE;
}

static sql_value group_value(const sql_type *t, const mal_sql_group *g,
                             uint32_t digit) {
    if (g->null && digit == g->n - 1)
        return (sql_value){ .null = true };
    return (sql_value){ .v = (int64_t)digit +
                             (t->kind == MAL_SQL_INT ? t->lo : 0) };
}

static void aggregate_value(const cells *c, const sql_slots *slots, sql_r a,
                            unsigned i, uint64_t cell, sql_value *v,
                            uint64_t *hw) {
    sql_agg_kind kind = a->aggs[i].kind;
    unsigned at =
        kind == SQL_SUM || kind == SQL_AVG ? slots->sum[i] : slots->count[i];
    int64_t sum = released_at(c, at, cell);
    *hw = halfwidth_at(c, at, cell);
    *v = (sql_value){ .v = sum };
    if (kind != SQL_AVG)
        return;
    int64_t count = released_at(c, slots->count[i], cell);
    uint64_t hc = halfwidth_at(c, slots->count[i], cell);
    int64_t unit =
        sql_pow10(a->aggs[i].type.scale - a->aggs[i].arg->type.scale);
    *hw = avg_halfwidth(sum, *hw, count, hc, unit);
    mal_i128 mean = count > 0 ? sql_round_div((mal_i128)sum * unit, count) : 0;
    *v = (sql_value){ .v = (int64_t)mean, .null = count <= 0 };
    if (!sql_fits(mean))
        *v = (sql_value){ .null = true };
    if (v->null)
        *hw = NONE;
}

static mal_err from_cells(const sql_cx *cx, rows *out, const cells *c, sql_r a,
                          uint64_t group_min) {
    const mal_sql_physical *p = c->physical;
    sql_slots slots;
    uint32_t *digits;
    MAL_TRY(sql_slots_of(cx, &slots, a));
    MAL_TRY(sql_alloc(cx, &digits, p->n_groups, sizeof *digits));
    MAL_TRY(new_rows(cx, out, p->n_cells, a->n_columns));
    for (uint64_t cell = 0; cell < p->n_cells; cell++) {
        sql_value *row = out->values + cell * a->n_columns;
        uint64_t *hw = out->halfwidths + cell * a->n_columns;
        mal_sql_cell_digits(p, cell, digits);
        for (unsigned i = 0; i < p->n_groups; i++)
            row[i] = group_value(&a->types[i], &p->groups[i], digits[i]);
        if (group_min > 0) {
            int64_t n = released_at(c, (unsigned)p->count_agg, cell);
            out->suppressed[cell] = n < 0 || (uint64_t)n < group_min;
        }
        for (unsigned i = 0; i < a->n_aggs; i++) {
            unsigned at = p->n_groups + i;
            aggregate_value(c, &slots, a, i, cell, &row[at], &hw[at]);
            if (!out->suppressed[cell])
                continue;
            row[at] = (sql_value){ .null = true };
            hw[at] = NONE;
        }
    }
    return MAL_OK;
}

/* --- what stands above --------------------------------------------------- */

static void copy_row(rows *out, size_t to, const rows *in, size_t from) {
    unsigned n = in->n_columns;
    memmove(out->values + to * n, in->values + from * n,
            n * sizeof *in->values);
    memmove(out->halfwidths + to * n, in->halfwidths + from * n,
            n * sizeof *in->halfwidths);
    out->suppressed[to] = in->suppressed[from];
}

static void keep_rows(rows *r, sql_e cond) {
    size_t kept = 0;
    for (size_t i = 0; i < r->n; i++) {
        sql_value v = sql_eval(cond, r->values + i * r->n_columns);
        if (!v.null && v.v)
            copy_row(r, kept++, r, i);
    }
    r->n = kept;
}

static mal_err project_rows(const sql_cx *cx, rows *r, sql_r project) {
    rows out;
    MAL_TRY(new_rows(cx, &out, r->n, project->n_columns));
    for (size_t i = 0; i < r->n; i++) {
        const sql_value *row = r->values + i * r->n_columns;
        const uint64_t *hw = r->halfwidths + i * r->n_columns;
        out.suppressed[i] = r->suppressed[i];
        for (unsigned k = 0; k < out.n_columns; k++) {
            size_t at = i * out.n_columns + k;
            out.values[at] = sql_eval(project->exprs[k], row);
            out.halfwidths[at] = out.values[at].null
                                     ? NONE
                                     : width_of(project->exprs[k], row, hw);
        }
    }
    *r = out;
    return MAL_OK;
}

typedef struct order {
    const rows *rows;
    sql_r sort;
    const uint32_t **ranks; /* per key; NULL: by value */
} order;

static int compare_key(const order *o, unsigned k, const sql_value *a,
                       const sql_value *b) {
    const sql_key *key = &o->sort->keys[k];
    if (a->null || b->null) {
        int nulls = (int)a->null - (int)b->null; /* NULL last */
        return key->nulls_first ? -nulls : nulls;
    }
    int64_t x = a->v, y = b->v;
    if (o->ranks[k]) {
        x = o->ranks[k][x];
        y = o->ranks[k][y];
    }
    int c = (x > y) - (x < y);
    return key->desc ? -c : c;
}

static int compare_rows(const void *pa, const void *pb, void *arg) {
    const order *o = arg;
    size_t a, b;
    memcpy(&a, pa, sizeof a);
    memcpy(&b, pb, sizeof b);
    const sql_value *x = o->rows->values + a * o->rows->n_columns;
    const sql_value *y = o->rows->values + b * o->rows->n_columns;
    for (unsigned k = 0; k < o->sort->n_keys; k++) {
        unsigned column = o->sort->keys[k].column;
        int c = compare_key(o, k, &x[column], &y[column]);
        if (c)
            return c;
    }
    return (a > b) - (a < b);
}

static mal_err sort_rows(const sql_cx *cx, rows *r, sql_r sort) {
    order o = { .rows = r, .sort = sort };
    size_t *at;
    rows out;
    MAL_TRY(sql_alloc(cx, &o.ranks, sort->n_keys, sizeof *o.ranks));
    MAL_TRY(sql_alloc(cx, &at, r->n, sizeof *at));
    for (unsigned k = 0; k < sort->n_keys; k++) {
        const sql_type *t = &sort->types[sort->keys[k].column];
        if (t->kind == MAL_SQL_CODE)
            MAL_TRY(sql_domain_ranks(cx, &o.ranks[k], t->domain));
    }
    for (size_t i = 0; i < r->n; i++)
        at[i] = i;
    qsort_r(at, r->n, sizeof *at, compare_rows, &o);
    MAL_TRY(new_rows(cx, &out, r->n, r->n_columns));
    for (size_t i = 0; i < r->n; i++)
        copy_row(&out, i, r, at[i]);
    *r = out;
    return MAL_OK;
}

static void cut_rows(rows *r, sql_r limit) {
    size_t from = limit->offset < r->n ? (size_t)limit->offset : r->n;
    size_t left = r->n - from;
    size_t n = limit->limit < left ? (size_t)limit->limit : left;
    for (size_t i = 0; i < n; i++)
        copy_row(r, i, r, from + i);
    r->n = n;
}

/* --- rows that were opened -------------------------------------------------
 */

static mal_err run_from(const sql_cx *cx, rows *r, sql_r op, sql_r from) {
    if (op == from)
        return MAL_OK;
    MAL_TRY(run_from(cx, r, op->in[0], from));
    switch (op->op) {
    case SQL_FILTER:
        keep_rows(r, op->exprs[0]);
        return MAL_OK;
    case SQL_PROJECT:
        return project_rows(cx, r, op);
    case SQL_SORT:
        return sort_rows(cx, r, op);
    default:
        assert(op->op == SQL_LIMIT);
        cut_rows(r, op);
        return MAL_OK;
    }
}

/* --- the table ----------------------------------------------------------- */

static mal_err to_table(const sql_cx *cx, mal_sql_table *t, const rows *r,
                        const mal_sql_plan *plan) {
    *t = (mal_sql_table){ .n_rows = r->n, .suppressed = r->suppressed };
    MAL_TRY(mal_sql_plan_columns(&t->columns, &t->n_columns, cx->arena, plan));
    size_t n = r->n * t->n_columns;
    MAL_TRY(sql_alloc(cx, &t->values, n, sizeof *t->values));
    MAL_TRY(sql_alloc(cx, &t->nulls, n, sizeof *t->nulls));
    MAL_TRY(sql_alloc(cx, &t->halfwidths, n, sizeof *t->halfwidths));
    for (size_t i = 0; i < r->n; i++)
        for (unsigned k = 0; k < t->n_columns; k++) {
            size_t from = i * r->n_columns + k, to = i * t->n_columns + k;
            uint64_t hw = r->halfwidths[from];
            t->values[to] = r->values[from].null ? 0 : r->values[from].v;
            t->nulls[to] = r->values[from].null;
            t->halfwidths[to] = hw ? hw : NONE;
        }
    return MAL_OK;
}

mal_err mal_sql_finish(mal_sql_table *table, mal_arena *arena,
                       const mal_sql_physical *physical,
                       const int64_t *released, const uint64_t *halfwidth,
                       const mal_sql_finish_options *options) {
    const mal_sql_plan *plan = physical->plan;
    sql_cx cx = { .arena = arena, .contract = plan->contract };
    cells c = { physical, released, halfwidth };
    uint64_t group_min = options ? options->group_min : 0;
    sql_r aggregate;
    rows r;
    *table = (mal_sql_table){ 0 };
    if (physical->training)
        return sql_finish_training(table, arena, physical, released, halfwidth,
                                   group_min);
    MAL_REQUIRE(group_min == 0 || physical->count_agg >= 0, MAL_E_STATE,
                "a minimum group without a count of rows: split with "
                "group_count");
    MAL_TRY(sql_find_aggregate(&aggregate, plan->root));
    MAL_TRY(from_cells(&cx, &r, &c, aggregate, group_min));
    size_t suppressed = 0;
    for (size_t i = 0; i < r.n; i++)
        suppressed += r.suppressed[i];
    MAL_TRY(run_from(&cx, &r, plan->root, aggregate));
    MAL_TRY(to_table(&cx, table, &r, plan));
    table->n_suppressed = suppressed;
    return MAL_OK;
}

mal_err sql_finish_rows(const sql_cx *cx, mal_sql_table *table,
                        const mal_sql_plan *plan, sql_r root, sql_r from,
                        const sql_value *values, size_t n) {
    rows r;
    *table = (mal_sql_table){ 0 };
    MAL_TRY(new_rows(cx, &r, n, from->n_columns));
    if (n && from->n_columns)
        memcpy(r.values, values, n * from->n_columns * sizeof *values);
    MAL_TRY(run_from(cx, &r, root, from));
    MAL_TRY(to_table(cx, table, &r, plan));
    table->halfwidths = NULL;
    table->suppressed = NULL;
    return MAL_OK;
}
