/* parts.c - the local SQL of a part, and the words that describe the whole. */
#include "split_impl.h"

#include <inttypes.h>
#include <string.h>

mal_err sql_own_text(const sql_cx *cx, const char **out, mal_buf *text) {
    const char *cstr;
    MAL_TRY(mal_buf_cstr(text, &cstr));
    *out = mal_arena_strndup(cx->arena, cstr, text->len);
    return *out ? MAL_OK : mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
}

mal_err sql_branch_rel(splitter *s, sql_r *out, const branch *b) {
    sql_e cond;
    *out = b->rel;
    if (b->n_conds) {
        MAL_TRY(sql_logic(&s->cx, &cond, SQL_E_AND, b->conds, b->n_conds, -1));
        MAL_TRY(sql_filter(&s->cx, out, *out, cond));
    }
    return sql_project(&s->cx, out, *out, b->exprs, b->n_exprs);
}

/* --- SQL ----------------------------------------------------------------- */

/* AGGREGATE by the key if any and by the groups; then the slots. */
static mal_err local_aggregate(splitter *s, sql_r *out, sql_r input,
                               mal_sql_part_role role) {
    unsigned keyed = role != MAL_SQL_PART_CELLS;
    unsigned n_groups =
        keyed + (role == MAL_SQL_PART_FILTER ? 0 : s->aggregate->n_exprs);
    unsigned next = n_groups, n = 0;
    sql_e *groups;
    sql_agg *aggs;
    MAL_TRY(sql_alloc(&s->cx, &groups, n_groups, sizeof *groups));
    MAL_TRY(sql_alloc(&s->cx, &aggs, s->slots.n, sizeof *aggs));
    for (unsigned i = 0; i < n_groups; i++)
        MAL_TRY(sql_col(&s->cx, &groups[i], i, &input->types[i], -1));
    for (unsigned i = 0; role != MAL_SQL_PART_FILTER && i < s->slots.n; i++) {
        const sql_slot *slot = &s->slots.list[i];
        sql_agg *a = &aggs[n++];
        *a = (sql_agg){ .kind = SQL_COUNT_ROWS,
                        .type = { .kind = MAL_SQL_INT, .nullable = true } };
        if (!slot->arg)
            continue;
        MAL_TRY(sql_col(&s->cx, &a->arg, next, &input->types[next], -1));
        a->kind = slot->kind == MAL_SQL_SUM ? SQL_SUM : SQL_COUNT;
        next++;
    }
    return sql_aggregate(&s->cx, out, input, groups, n_groups, aggs, n);
}

/* The digit of group i: declared values, then other, then NULL. */
static mal_err put_digit(mal_buf *out, const splitter *s, unsigned i,
                         unsigned column) {
    const sql_type *t = &s->aggregate->types[i];
    const mal_sql_group *g = &s->physical->groups[i];
    const char *as_int = t->kind == MAL_SQL_BOOL ? "CAST(" : "";
    MAL_TRY(mal_buf_put_fmt(out,
                            "coalesce((%sq0.c%u%s - CAST(%" PRId64
                            " AS BIGINT)), CAST(%" PRIu32 " AS BIGINT))",
                            as_int, column, *as_int ? " AS BIGINT)" : "",
                            t->kind == MAL_SQL_INT ? t->lo : (int64_t)0,
                            g->null ? g->n - 1 : 0));
    return MAL_OK;
}

/* ((d0 * n1) + d1) * n2 + ..: the first group varies slowest */
static mal_err put_cell(mal_buf *out, const splitter *s, unsigned column) {
    unsigned n = s->aggregate->n_exprs;
    if (n == 0)
        return mal_buf_put_str(out, "CAST(0 AS BIGINT)");
    for (unsigned i = 1; i < n; i++)
        MAL_TRY(mal_buf_put_str(out, "(("));
    for (unsigned i = 0; i < n; i++) {
        if (i)
            MAL_TRY(mal_buf_put_fmt(out, " * CAST(%" PRIu32 " AS BIGINT)) + ",
                                    s->physical->groups[i].n));
        MAL_TRY(put_digit(out, s, i, column + i));
        if (i)
            MAL_TRY(mal_buf_put_str(out, ")"));
    }
    return MAL_OK;
}

static mal_err put_part(splitter *s, mal_buf *out, mal_sql_part_role role,
                        sql_r aggregate, sql_printer *printer) {
    unsigned keyed = role != MAL_SQL_PART_CELLS;
    unsigned n = role == MAL_SQL_PART_FILTER ? 0 : s->aggregate->n_exprs;
    MAL_TRY(mal_buf_put_str(out, "SELECT "));
    if (keyed)
        MAL_TRY(mal_buf_put_str(out, "q0.c0 AS k"));
    if (role != MAL_SQL_PART_FILTER) {
        MAL_TRY(mal_buf_put_str(out, keyed ? ", " : ""));
        MAL_TRY(put_cell(out, s, keyed));
        MAL_TRY(mal_buf_put_str(out, " AS cell"));
        for (unsigned i = 0; i < s->slots.n; i++)
            MAL_TRY(mal_buf_put_fmt(
                out, ", coalesce(q0.c%u, CAST(0 AS BIGINT)) AS a%u",
                keyed + n + i, i));
    }
    MAL_TRY(mal_buf_put_str(out, " FROM ("));
    MAL_TRY(sql_print_rel(printer, aggregate));
    return mal_buf_put_str(out, role == MAL_SQL_PART_PAYLOAD
                                    ? ") AS q0 ORDER BY 1, 2"
                                    : ") AS q0 ORDER BY 1");
}

static void set_tables(splitter *s, mal_sql_part *part,
                       const sql_printer *printer, sql_r touched) {
    part->tables = printer->tables;
    part->n_tables = printer->n_tables;
    for (unsigned i = 0; i < printer->n_tables; i++) {
        mal_sql_part_table *t = &printer->tables[i];
        t->rows_per_unit = sql_touch(&s->cx, touched, t->dataset);
        if (t->rows_per_unit > part->rows_per_unit)
            part->rows_per_unit = t->rows_per_unit;
    }
}

/* `input` of a match is the SORT of its answer. */
mal_err sql_print_part(splitter *s, mal_sql_part *part, sql_r input,
                       sql_r touched) {
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    sql_printer printer = { .out = &text, .cx = &s->cx };
    sql_r aggregate, pruned;
    mal_buf_init(&text, SQL_DUCK_TEXT_MAX);
    if (part->role == MAL_SQL_PART_MATCH) {
        MAL_TRY(sql_print_collect(&printer, input));
        MAL_TRY(sql_print_sorted(&printer, input,
                                 s->physical->plan->n_columns + 1));
    } else {
        MAL_TRY(local_aggregate(s, &aggregate, input, part->role));
        MAL_TRY(sql_prune_all(&s->cx, &pruned, aggregate));
        MAL_TRY(sql_print_collect(&printer, pruned));
        MAL_TRY(put_part(s, &text, part->role, pruned, &printer));
    }
    MAL_TRY(sql_own_text(&s->cx, &part->sql, &text));
    set_tables(s, part, &printer, touched ? touched : input);
    return MAL_OK;
}

/* --- rows apart ----------------------------------------------------------- */

/* What one row adds to each slot; a NULL adds nothing. */
static mal_err put_addends(mal_buf *out, const splitter *s, unsigned next) {
    for (unsigned i = 0; i < s->slots.n; i++) {
        const sql_slot *slot = &s->slots.list[i];
        if (!slot->arg)
            MAL_TRY(mal_buf_put_fmt(out, ", CAST(1 AS BIGINT) AS a%u", i));
        else if (slot->kind == MAL_SQL_SUM)
            MAL_TRY(mal_buf_put_fmt(
                out, ", coalesce(q0.c%u, CAST(0 AS BIGINT)) AS a%u", next, i));
        else
            MAL_TRY(mal_buf_put_fmt(out,
                                    ", CAST((q0.c%u IS NOT NULL) AS BIGINT) "
                                    "AS a%u",
                                    next, i));
        next += slot->arg != NULL;
    }
    return MAL_OK;
}

mal_err sql_print_apart(splitter *s, mal_sql_part *part, sql_r input,
                        unsigned key, unsigned first, sql_r touched) {
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    sql_printer printer = { .out = &text, .cx = &s->cx };
    sql_r pruned;
    mal_buf_init(&text, SQL_DUCK_TEXT_MAX);
    part->role = MAL_SQL_PART_PAYLOAD;
    part->apart = true;
    part->rows_max = input->rows_max;
    MAL_TRY(sql_prune_all(&s->cx, &pruned, input));
    MAL_TRY(sql_print_collect(&printer, pruned));
    MAL_TRY(mal_buf_put_fmt(&text, "SELECT q0.c%u AS k, ", key));
    MAL_TRY(put_cell(&text, s, first));
    MAL_TRY(mal_buf_put_str(&text, " AS cell"));
    MAL_TRY(put_addends(&text, s, first + s->aggregate->n_exprs));
    MAL_TRY(mal_buf_put_str(&text, " FROM ("));
    MAL_TRY(sql_print_rel(&printer, pruned));
    MAL_TRY(mal_buf_put_str(&text, ") AS q0 ORDER BY 1"));
    MAL_TRY(sql_own_text(&s->cx, &part->sql, &text));
    set_tables(s, part, &printer, touched ? touched : input);
    return MAL_OK;
}

/* --- words --------------------------------------------------------------- */

mal_err sql_describe_part(mal_buf *out, const mal_policy_contract *contract,
                          unsigned at, const mal_sql_part *part) {
    static const char *const roles[] = { [MAL_SQL_PART_CELLS] = "cells",
                                         [MAL_SQL_PART_PAYLOAD] = "payload",
                                         [MAL_SQL_PART_FILTER] = "filter",
                                         [MAL_SQL_PART_ROWS] = "rows",
                                         [MAL_SQL_PART_MATCH] = "match" };
    MAL_TRY(mal_buf_put_fmt(
        out,
        "part %u %s owner %s rows <= %" PRIu64 " rows a unit <= %" PRIu64 "\n",
        at, part->apart ? "payload of rows" : roles[part->role],
        contract->parties[part->owner].name, part->rows_max,
        part->rows_per_unit));
    for (unsigned i = 0; i < part->n_tables; i++) {
        const mal_sql_part_table *t = &part->tables[i];
        const mal_policy_dataset *d = &contract->datasets[t->dataset];
        MAL_TRY(mal_buf_put_fmt(out, "  %s = %s (", t->name, d->name));
        for (unsigned k = 0; k < t->n_columns; k++)
            MAL_TRY(mal_buf_put_fmt(out, "%s%s", k ? ", " : "",
                                    d->columns[t->columns[k]].name));
        MAL_TRY(mal_buf_put_fmt(out, ") rows a unit <= %" PRIu64 "\n",
                                t->rows_per_unit));
    }
    for (unsigned i = 0; i < part->n_bounds; i++)
        MAL_TRY(mal_buf_put_fmt(
            out, "  of one value of column %u count <= %" PRIu64 " rows%s\n",
            part->bounds[i].column, part->bounds[i].rows_max,
            part->bounds[i].in_order ? ", in order" : ""));
    if (part->trusted)
        MAL_TRY(mal_buf_put_str(out, "  bounded by its owner alone\n"));
    return mal_buf_put_fmt(out, "  %s\n", part->sql);
}

static mal_err describe_cells(mal_buf *out, const mal_sql_physical *p) {
    MAL_TRY(mal_buf_put_fmt(out, "cells %" PRIu64 "\n", p->n_cells));
    for (unsigned i = 0; i < p->n_groups; i++)
        MAL_TRY(mal_buf_put_fmt(out, "group %u %s: %" PRIu32 " values%s%s\n", i,
                                p->groups[i].label, p->groups[i].n,
                                p->groups[i].other ? ", other" : "",
                                p->groups[i].null ? ", null" : ""));
    for (unsigned i = 0; i < p->n_aggs; i++) {
        const mal_sql_agg *a = &p->aggs[i];
        MAL_TRY(mal_buf_put_fmt(
            out,
            "aggregate %u %s: %s, a row adds %" PRId64 " .. %" PRId64
            ", scale %u, |answer| <= %" PRIu64 "%s\n",
            i, a->label, a->kind == MAL_SQL_SUM ? "sum" : "count", a->lo, a->hi,
            a->scale, a->abs_max,
            (int)i == p->count_agg ? ", counts rows" : ""));
    }
    return MAL_OK;
}

mal_err sql_describe(splitter *s, mal_sql_physical *p) {
    static const char *const shapes[] = { [MAL_SQL_LOCAL] = "local",
                                          [MAL_SQL_UNION] = "union",
                                          [MAL_SQL_JOIN] = "join",
                                          [MAL_SQL_SHARE3] = "share3",
                                          [MAL_SQL_MATCH] = "match" };
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    mal_prim_hash hash;
    char hex[2 * MAL_PRIM_HASH + 1];
    MAL_TRY(mal_sql_plan_hash(&hash, p->plan));
    mal_hex_encode(hex, mal_bytes_of(hash.b, sizeof hash.b));
    MAL_TRY(
        mal_buf_put_fmt(&text,
                        "malus.physical/1\nplan sha256:%s\nshape %s\nrows a "
                        "unit <= %" PRIu64 "\n",
                        hex, shapes[p->shape], p->rows_per_unit));
    MAL_TRY(describe_cells(&text, p));
    if (s->tree)
        MAL_TRY(mal_buf_put_str(&text, s->tree));
    for (unsigned i = 0; i < p->n_parts; i++)
        MAL_TRY(sql_describe_part(&text, s->contract, i, &p->parts[i]));
    return sql_own_text(&s->cx, &p->text, &text);
}
