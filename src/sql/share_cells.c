/* share_cells.c - a release on shares: the cells of closed groups, for noise.
 */
#include "share_run_impl.h"
#include "split_impl.h"

#include <string.h>

/* --- which cell ----------------------------------------------------------- */

typedef struct maker {
    const sql_cx *cx;
    const mal_sql_physical *physical;
    sql_r aggregate;
} maker;

static mal_err make(const maker *m, const mal_obl_expr **out, mal_obl_op op,
                    mal_obl_type type, const mal_obl_expr *a,
                    const mal_obl_expr *b) {
    mal_obl_expr *x;
    const mal_obl_expr **args;
    MAL_TRY(sql_alloc(m->cx, &x, 1, sizeof *x));
    MAL_TRY(sql_alloc(m->cx, &args, 2, sizeof *args));
    args[0] = a;
    args[1] = b;
    *x = (mal_obl_expr){
        .op = op, .type = type, .args = args, .n_args = b ? 2 : 0
    };
    *out = x;
    return MAL_OK;
}

static mal_err constant(const maker *m, const mal_obl_expr **out, int64_t v) {
    mal_obl_expr *x;
    MAL_TRY(sql_alloc(m->cx, &x, 1, sizeof *x));
    *x = (mal_obl_expr){ .op = MAL_OBL_CONST,
                         .type = { .lo = v, .hi = v },
                         .value = v };
    *out = x;
    return MAL_OK;
}

/* Column i, counted from its least value; NULL is the last digit. */
static mal_err digit(const maker *m, const mal_obl_expr **out, unsigned i) {
    const sql_type *t = &m->aggregate->types[i];
    const mal_sql_group *g = &m->physical->groups[i];
    mal_obl_expr *column;
    const mal_obl_expr *c;
    mal_obl_type type = sql_share_type(t);
    MAL_TRY(sql_alloc(m->cx, &column, 1, sizeof *column));
    *column = (mal_obl_expr){ .op = MAL_OBL_COL, .type = type, .value = i };
    *out = column;
    if (type.lo != 0) {
        MAL_TRY(constant(m, &c, type.lo));
        type.hi -= type.lo;
        type.lo = 0;
        MAL_TRY(make(m, out, MAL_OBL_SUB, type, *out, c));
    }
    if (!g->null)
        return MAL_OK;
    MAL_TRY(constant(m, &c, g->n - 1));
    type.nullable = false;
    type.hi = g->n - 1;
    return make(m, out, MAL_OBL_COALESCE, type, *out, c);
}

/* ((d0 * n1) + d1) * n2 + ..: the first group varies slowest. */
static mal_err cell_of(const maker *m, const mal_obl_expr **out) {
    const mal_sql_physical *p = m->physical;
    mal_obl_type type = { .hi = 0 };
    const mal_obl_expr *d, *n;
    MAL_TRY(constant(m, out, 0));
    for (unsigned i = 0; i < p->n_groups; i++) {
        MAL_TRY(digit(m, &d, i));
        if (i == 0) {
            *out = d;
            type.hi = p->groups[0].n - 1;
            continue;
        }
        MAL_TRY(constant(m, &n, p->groups[i].n));
        type.hi *= p->groups[i].n;
        MAL_TRY(make(m, out, MAL_OBL_MUL, type, *out, n));
        type.hi += p->groups[i].n - 1;
        MAL_TRY(make(m, out, MAL_OBL_ADD, type, *out, d));
    }
    return MAL_OK;
}

/* --- running -------------------------------------------------------------- */

static mal_err add_cell(const maker *m, mal_obl *o, mal_obl_table *t) {
    const mal_obl_expr *cell;
    mal_obl_column *columns = mal_calloc(t->n_columns + 1, sizeof *columns);
    if (!columns)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    mal_err err = cell_of(m, &cell);
    if (err == MAL_OK)
        err = mal_obl_eval(o, &columns[t->n_columns], t, cell);
    if (err != MAL_OK) {
        mal_obl_column_clear(&columns[t->n_columns]);
        mal_free(columns);
        return err;
    }
    if (t->n_columns)
        memcpy(columns, t->columns, t->n_columns * sizeof *columns);
    mal_free(t->columns);
    t->columns = columns;
    t->n_columns++;
    return MAL_OK;
}

/* Arguments stand behind the groups, in the order of their slots.  Of different
 * values of a cell, one row each is marked and counted. */
static mal_err slot_aggs(const sql_cx *cx, mal_obl *o, mal_obl_agg **out,
                         mal_obl_table *t, const sql_slots *slots,
                         unsigned n_groups) {
    unsigned next = n_groups, keys[2] = { t->n_columns - 1 };
    MAL_TRY(sql_alloc(cx, out, slots->n, sizeof **out));
    for (unsigned i = 0; i < slots->n; i++) {
        const sql_slot *slot = &slots->list[i];
        (*out)[i] = (mal_obl_agg){ .kind = MAL_OBL_COUNT_ROWS };
        if (!slot->arg)
            continue;
        (*out)[i].kind =
            slot->kind == MAL_SQL_SUM ? MAL_OBL_SUM : MAL_OBL_COUNT;
        (*out)[i].column = keys[1] = next++;
        if (!slot->distinct)
            continue;
        MAL_TRY(mal_obl_first(o, t, keys, 2));
        (*out)[i] =
            (mal_obl_agg){ .kind = MAL_OBL_SUM, .column = t->n_columns - 1 };
    }
    return MAL_OK;
}

/* The slots that the split made: a hidden count of rows may be the last. */
static mal_err slots_again(const sql_cx *cx, splitter *s,
                           const mal_sql_physical *p) {
    s->cx = *cx;
    s->contract = cx->contract;
    MAL_TRY(sql_find_aggregate(&s->aggregate, p->plan->root));
    MAL_TRY(sql_slots_of(cx, &s->slots, s->aggregate));
    if (s->slots.n < p->n_aggs)
        s->slots.list[s->slots.n++] = (sql_slot){ .kind = MAL_SQL_COUNT };
    MAL_REQUIRE(s->slots.n == p->n_aggs, MAL_E_STATE,
                "a physical plan of another plan");
    return MAL_OK;
}

static mal_err run_cells(const sql_cx *cx, mal_share3_words *cells, mal_obl *o,
                         const mal_sql_physical *p, mal_obl_table *inputs,
                         const mal_sql_sizer *sizer) {
    MAL_AUTO(mal_obl_table_clear) mal_obl_table t = { 0 };
    sql_share_plan share;
    splitter *s;
    mal_obl_agg *aggs;
    sql_e *exprs;
    unsigned n;
    MAL_TRY(sql_alloc(cx, &s, 1, sizeof *s));
    MAL_TRY(slots_again(cx, s, p));
    MAL_TRY(sql_wanted_exprs(s, &exprs, &n));
    MAL_TRY(sql_share_rows_of(cx, &share, s->aggregate->in[0], exprs, n));
    MAL_REQUIRE(share.n_parts == p->n_parts, MAL_E_STATE,
                "a physical plan of another plan");
    share.sizer = sizer;
    if (p->shrink.at)
        sql_share_places(&share, p->shrink.at, &share.shrink);
    const maker m = { cx, p, s->aggregate };
    MAL_TRY(sql_share_run(cx, &t, o, &share, inputs));
    MAL_TRY(add_cell(&m, o, &t));
    const unsigned cell = t.n_columns - 1;
    MAL_TRY(slot_aggs(cx, o, &aggs, &t, &s->slots, p->n_groups));
    return mal_obl_dense(o, cells, &t, cell, p->n_cells, aggs, p->n_aggs);
}

mal_err mal_sql_run_share3(mal_share3_words *cells, mal_obl *o,
                           const mal_sql_physical *physical,
                           mal_obl_table *inputs) {
    return mal_sql_run_sized(cells, o, physical, inputs, NULL);
}

mal_err mal_sql_run_sized(mal_share3_words *cells, mal_obl *o,
                          const mal_sql_physical *physical,
                          mal_obl_table *inputs, const mal_sql_sizer *sizer) {
    MAL_AUTO(mal_arena_auto)
    mal_arena *arena = mal_arena_new((size_t)256 << 20);
    sql_cx cx = { .arena = arena, .contract = physical->plan->contract };
    if (!arena)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    MAL_REQUIRE(physical->shape == MAL_SQL_SHARE3 && physical->n_aggs > 0,
                MAL_E_STATE, "a physical plan of another engine");
    return run_cells(&cx, cells, o, physical, inputs, sizer);
}
