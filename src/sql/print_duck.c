/* print_duck.c - the plan as SQL for DuckDB (rule 10).
 *
 * Generated names only: tables t0, t1, ..; subqueries q1, q2, ..; columns c0,
 * c1, ...  Every operand in parentheses, every literal with its type, every
 * operator from the list below.  No byte of the user's text arrives here: the
 * plan holds none but the names of the answer's columns, and those stay.
 *
 * Every column is brought into its declared range where it is read, so that the
 * ranges proved for the plan hold whatever a table contains (rule 5). */
#include "sql_impl.h"

#include <inttypes.h>

#define PUT(p, ...) MAL_TRY(mal_buf_put_fmt((p)->out, __VA_ARGS__))

/* --- tables --------------------------------------------------------------- */

static mal_err collect_scan(sql_printer *p, sql_r r) {
    mal_sql_part_table *t = NULL;
    for (unsigned i = 0; i < p->n_tables; i++)
        if (p->tables[i].dataset == r->dataset)
            t = &p->tables[i];
    if (!t) {
        t = &p->tables[p->n_tables];
        t->dataset = r->dataset;
        t->name = mal_arena_printf(p->cx->arena, "t%u", p->n_tables++);
        if (!t->name)
            return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    }
    unsigned *merged, n = 0, i = 0, k = 0;
    MAL_TRY(
        sql_alloc(p->cx, &merged, t->n_columns + r->n_columns, sizeof *merged));
    while (i < t->n_columns || k < r->n_columns) {
        unsigned a = i < t->n_columns ? t->columns[i] : UINT32_MAX;
        unsigned b = k < r->n_columns ? r->columns[k] : UINT32_MAX;
        merged[n++] = a < b ? a : b;
        i += a <= b;
        k += b <= a;
    }
    t->columns = merged;
    t->n_columns = n;
    return MAL_OK;
}

static mal_err collect(sql_printer *p, sql_r r) {
    if (r->op == SQL_SCAN)
        return collect_scan(p, r);
    for (unsigned i = 0; i < r->n_in; i++)
        MAL_TRY(collect(p, r->in[i]));
    return MAL_OK;
}

mal_err sql_print_collect(sql_printer *p, sql_r r) {
    if (!p->tables)
        MAL_TRY(sql_alloc(p->cx, &p->tables, p->cx->contract->n_datasets,
                          sizeof *p->tables));
    return collect(p, r);
}

/* --- expressions ---------------------------------------------------------- */

static mal_err put_big(sql_printer *p, int64_t v) {
    return mal_buf_put_fmt(p->out, "CAST(%" PRId64 " AS BIGINT)", v);
}

static mal_err put_args(sql_printer *p, sql_e e, unsigned name,
                        const char *between) {
    for (unsigned i = 0; i < e->n_args; i++) {
        if (i)
            PUT(p, "%s", between);
        MAL_TRY(sql_print_expr(p, e->args[i], name));
    }
    return MAL_OK;
}

static mal_err put_const(sql_printer *p, sql_e e) {
    const char *type = e->type.kind == MAL_SQL_BOOL ? "BOOLEAN"
                       : e->type.kind == MAL_SQL_ID ? "UUID"
                                                    : "BIGINT";
    if (e->null)
        return mal_buf_put_fmt(p->out, "CAST(NULL AS %s)", type);
    if (e->type.kind == MAL_SQL_BOOL)
        return mal_buf_put_str(p->out, e->value ? "TRUE" : "FALSE");
    return put_big(p, e->value);
}

/* a - (a mod b), divided: exact, so truncation is no question.  `//` and `%`
 * truncate and are NULL for b = 0. */
static mal_err put_floor_mod(sql_printer *p, sql_e e, unsigned name,
                             const char *up) {
    sql_e a = e->args[0], b = e->args[1];
    bool plain = a->type.lo >= 0 && b->type.lo >= 0;
    PUT(p, plain ? "((" : "((((");
    MAL_TRY(sql_print_expr(p, a, name));
    PUT(p, "%s) %% ", up);
    MAL_TRY(sql_print_expr(p, b, name));
    if (plain)
        return mal_buf_put_str(p->out, ")");
    PUT(p, ") + ");
    MAL_TRY(sql_print_expr(p, b, name));
    PUT(p, ") %% ");
    MAL_TRY(sql_print_expr(p, b, name));
    return mal_buf_put_str(p->out, ")");
}

/* Floor in 128 bits; what does not fit 64 (or is what no plan's value is) is
 * NULL. */
static mal_err put_wide_div(sql_printer *p, sql_e e, unsigned name) {
    sql_e a = e->args[0], b = e->args[1];
    PUT(p, "nullif(TRY_CAST((");
    for (unsigned i = 0; i < 2; i++) {
        PUT(p, i ? " - ((((" : "(");
        PUT(p, "(CAST(");
        MAL_TRY(sql_print_expr(p, a, name));
        PUT(p, " AS HUGEINT) * CAST(%" PRId64 " AS HUGEINT))",
            sql_pow10((unsigned)e->value));
    }
    for (unsigned i = 0; i < 3; i++) {
        PUT(p, i == 1 ? ") + CAST(" : i ? ") %% CAST(" : " %% CAST(");
        MAL_TRY(sql_print_expr(p, b, name));
        PUT(p, " AS HUGEINT)");
    }
    PUT(p, "))) // CAST(");
    MAL_TRY(sql_print_expr(p, b, name));
    return mal_buf_put_str(
        p->out, " AS HUGEINT)) AS BIGINT), (CAST(-9223372036854775807 AS "
                "BIGINT) - CAST(1 AS BIGINT)))");
}

static mal_err put_div(sql_printer *p, sql_e e, unsigned name) {
    sql_e a = e->args[0], b = e->args[1];
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    const char *times = "";
    if (sql_div_is_wide(&a->type, &b->type, (unsigned)e->value))
        return put_wide_div(p, e, name);
    if (e->value) {
        MAL_TRY(mal_buf_put_fmt(&text, " * CAST(%" PRId64 " AS BIGINT)",
                                sql_pow10((unsigned)e->value)));
        MAL_TRY(mal_buf_cstr(&text, &times));
    }
    PUT(p, "(((");
    MAL_TRY(sql_print_expr(p, a, name));
    PUT(p, "%s)", times);
    if (!(a->type.lo >= 0 && b->type.lo >= 0)) {
        PUT(p, " - ");
        MAL_TRY(put_floor_mod(p, e, name, times));
    }
    PUT(p, ") // ");
    MAL_TRY(sql_print_expr(p, b, name));
    return mal_buf_put_str(p->out, ")");
}

/* Half away from zero: add half the unit with the value's sign, then truncate.
 */
static mal_err put_scale(sql_printer *p, sql_e e, unsigned name) {
    sql_e a = e->args[0];
    unsigned from = a->type.scale, to = e->type.scale;
    if (to >= from) {
        PUT(p, "(");
        MAL_TRY(sql_print_expr(p, a, name));
        PUT(p, " * ");
        MAL_TRY(put_big(p, sql_pow10(to - from)));
        return mal_buf_put_str(p->out, ")");
    }
    int64_t unit = sql_pow10(from - to);
    PUT(p, "CAST(((CAST(");
    MAL_TRY(sql_print_expr(p, a, name));
    PUT(p, " AS HUGEINT) + (CASE WHEN (");
    MAL_TRY(sql_print_expr(p, a, name));
    PUT(p, " < CAST(0 AS BIGINT)) THEN CAST(%" PRId64 " AS HUGEINT) ELSE ",
        -(unit / 2));
    PUT(p,
        "CAST(%" PRId64 " AS HUGEINT) END)) // CAST(%" PRId64
        " AS HUGEINT)) AS BIGINT)",
        unit / 2, unit);
    return MAL_OK;
}

static mal_err put_in(sql_printer *p, sql_e e, unsigned name) {
    if (e->n_list == 0) { /* never equal, and unknown of NULL */
        PUT(p, "(CASE WHEN (");
        MAL_TRY(sql_print_expr(p, e->args[0], name));
        PUT(p, " IS NULL) THEN CAST(NULL AS BOOLEAN) ELSE FALSE END)");
        return MAL_OK;
    }
    PUT(p, "(");
    MAL_TRY(sql_print_expr(p, e->args[0], name));
    PUT(p, " IN (");
    for (unsigned i = 0; i < e->n_list; i++) {
        if (i)
            PUT(p, ", ");
        MAL_TRY(put_big(p, e->list[i]));
    }
    return mal_buf_put_str(p->out, "))");
}

/* list[code], and `other` behind them: DuckDB counts from 1. */
static mal_err put_map(sql_printer *p, sql_e e, unsigned name) {
    PUT(p, "CAST(([");
    for (unsigned i = 0; i < e->n_list; i++)
        PUT(p, "%" PRId64 ", ", e->list[i]);
    PUT(p, "%" PRIu32 "])[(", e->type.domain->n_codes);
    MAL_TRY(sql_print_expr(p, e->args[0], name));
    return mal_buf_put_str(p->out, " + CAST(1 AS BIGINT))] AS BIGINT)");
}

/* `other` is the code after the last: the known codes, or NULL. */
static mal_err put_code(sql_printer *p, sql_e e, unsigned name) {
    const mal_policy_column *domain = e->args[0]->type.domain;
    PUT(p, "(nullif(");
    MAL_TRY(sql_print_expr(p, e->args[0], name));
    PUT(p, ", ");
    MAL_TRY(put_big(p, domain->n_codes));
    PUT(p, ")");
    if (e->op == SQL_E_VALUE) {
        PUT(p, " + ");
        MAL_TRY(put_big(p, domain->lo));
    }
    return mal_buf_put_str(p->out, ")");
}

static mal_err put_case(sql_printer *p, sql_e e, unsigned name) {
    PUT(p, "(CASE");
    for (unsigned i = 0; i + 1 < e->n_args; i += 2) {
        PUT(p, " WHEN ");
        MAL_TRY(sql_print_expr(p, e->args[i], name));
        PUT(p, " THEN ");
        MAL_TRY(sql_print_expr(p, e->args[i + 1], name));
    }
    PUT(p, " ELSE ");
    MAL_TRY(sql_print_expr(p, e->args[e->n_args - 1], name));
    return mal_buf_put_str(p->out, " END)");
}

static mal_err put_wrapped(sql_printer *p, const char *before, sql_e e,
                           unsigned name, const char *between,
                           const char *after) {
    PUT(p, "%s", before);
    MAL_TRY(put_args(p, e, name, between));
    return mal_buf_put_str(p->out, after);
}

mal_err sql_print_expr(sql_printer *p, sql_e e, unsigned name) {
    static const char *const infix[] = {
        [SQL_E_ADD] = " + ", [SQL_E_SUB] = " - ",   [SQL_E_MUL] = " * ",
        [SQL_E_EQ] = " = ",  [SQL_E_NE] = " <> ",   [SQL_E_LT] = " < ",
        [SQL_E_LE] = " <= ", [SQL_E_GT] = " > ",    [SQL_E_GE] = " >= ",
        [SQL_E_OR] = " OR ", [SQL_E_AND] = " AND ",
    };
    switch (e->op) {
    case SQL_E_COL:
        return mal_buf_put_fmt(p->out, "q%u.c%" PRId64, name, e->value);
    case SQL_E_CONST:
        return put_const(p, e);
    case SQL_E_NEG:
        return put_wrapped(p, "(- ", e, name, "", ")");
    case SQL_E_NOT:
        return put_wrapped(p, "(NOT ", e, name, "", ")");
    case SQL_E_ISNULL:
        return put_wrapped(p, "(", e, name, "", " IS NULL)");
    case SQL_E_COALESCE:
        return put_wrapped(p, "coalesce(", e, name, ", ", ")");
    case SQL_E_DIV:
        return put_div(p, e, name);
    case SQL_E_MOD:
        return put_floor_mod(p, e, name, "");
    case SQL_E_SCALE:
        return put_scale(p, e, name);
    case SQL_E_VALUE:
    case SQL_E_KNOWN:
        return put_code(p, e, name);
    case SQL_E_IN:
        return put_in(p, e, name);
    case SQL_E_MAP:
        return put_map(p, e, name);
    case SQL_E_CASE:
        return put_case(p, e, name);
    default:
        assert(infix[e->op]);
        return put_wrapped(p, "(", e, name, infix[e->op], ")");
    }
}

/* --- operators ------------------------------------------------------------ */

static mal_err put_from(sql_printer *p, sql_r in, unsigned name) {
    PUT(p, " FROM (");
    MAL_TRY(sql_print_rel(p, in));
    PUT(p, ") AS q%u", name);
    return MAL_OK;
}

static mal_err put_same_columns(sql_printer *p, unsigned n, unsigned name) {
    PUT(p, n ? "SELECT " : "SELECT 0 AS z");
    for (unsigned i = 0; i < n; i++)
        PUT(p, "%sq%u.c%u AS c%u", i ? ", " : "", name, i, i);
    return MAL_OK;
}

/* A column of a table, brought into what the contract declares. */
static mal_err put_clamped(sql_printer *p, const sql_type *t, unsigned name,
                           unsigned at) {
    int64_t lo = t->lo, hi = t->hi;
    if (t->kind == MAL_SQL_ID)
        return mal_buf_put_fmt(p->out, "q%u.c%u", name, at);
    if (t->kind == MAL_SQL_CODE) {
        lo = 0;
        hi = t->domain->n_codes;
    }
    PUT(p, "(CASE WHEN (q%u.c%u < CAST(%" PRId64 " AS BIGINT)) THEN ", name, at,
        lo);
    MAL_TRY(put_big(p, t->kind == MAL_SQL_CODE ? hi : lo));
    PUT(p, " WHEN (q%u.c%u > CAST(%" PRId64 " AS BIGINT)) THEN ", name, at, hi);
    MAL_TRY(put_big(p, hi));
    PUT(p, " ELSE q%u.c%u END)", name, at);
    return MAL_OK;
}

static mal_err put_scan(sql_printer *p, sql_r r) {
    unsigned name = ++p->n_names, table = 0;
    while (p->tables[table].dataset != r->dataset)
        assert(++table < p->n_tables);
    PUT(p, r->n_columns ? "SELECT " : "SELECT 0 AS z");
    for (unsigned i = 0; i < r->n_columns; i++) {
        unsigned at = 0;
        while (p->tables[table].columns[at] != r->columns[i])
            assert(++at < p->tables[table].n_columns);
        PUT(p, "%s", i ? ", " : "");
        MAL_TRY(put_clamped(p, &r->types[i], name, at));
        PUT(p, " AS c%u", i);
    }
    PUT(p, " FROM %s AS q%u", p->tables[table].name, name);
    return MAL_OK;
}

static mal_err put_project(sql_printer *p, sql_r r) {
    unsigned name = ++p->n_names;
    PUT(p, r->n_exprs ? "SELECT " : "SELECT 0 AS z");
    for (unsigned i = 0; i < r->n_exprs; i++) {
        PUT(p, "%s", i ? ", " : "");
        MAL_TRY(sql_print_expr(p, r->exprs[i], name));
        PUT(p, " AS c%u", i);
    }
    return put_from(p, r->in[0], name);
}

static mal_err put_filter(sql_printer *p, sql_r r) {
    unsigned name = ++p->n_names;
    MAL_TRY(put_same_columns(p, r->n_columns, name));
    MAL_TRY(put_from(p, r->in[0], name));
    PUT(p, " WHERE ");
    return sql_print_expr(p, r->exprs[0], name);
}

static mal_err put_join(sql_printer *p, sql_r r) {
    static const char *const words[] = { [SQL_INNER] = "INNER",
                                         [SQL_LEFT] = "LEFT",
                                         [SQL_SEMI] = "SEMI",
                                         [SQL_ANTI] = "ANTI" };
    unsigned left = ++p->n_names, right = ++p->n_names, keys = r->n_exprs / 2;
    unsigned n_left = r->in[0]->n_columns;
    PUT(p, r->n_columns ? "SELECT " : "SELECT 0 AS z");
    for (unsigned i = 0; i < r->n_columns; i++)
        PUT(p, "%sq%u.c%u AS c%u", i ? ", " : "", i < n_left ? left : right,
            i < n_left ? i : i - n_left, i);
    MAL_TRY(put_from(p, r->in[0], left));
    PUT(p, " %s JOIN (", words[r->join]);
    MAL_TRY(sql_print_rel(p, r->in[1]));
    PUT(p, ") AS q%u ON (", right);
    for (unsigned k = 0; k < keys; k++) {
        PUT(p, k ? " AND (" : "(");
        MAL_TRY(sql_print_expr(p, r->exprs[k], left));
        PUT(p, " = ");
        MAL_TRY(sql_print_expr(p, r->exprs[keys + k], right));
        PUT(p, ")");
    }
    return mal_buf_put_str(p->out, keys ? ")" : "TRUE)");
}

static mal_err put_union(sql_printer *p, sql_r r) {
    for (unsigned i = 0; i < r->n_in; i++) {
        PUT(p, i ? " UNION ALL (" : "(");
        MAL_TRY(sql_print_rel(p, r->in[i]));
        PUT(p, ")");
    }
    return MAL_OK;
}

/* (2 * sum * unit + sign * count) // (2 * count): half away from zero. */
static mal_err put_avg(sql_printer *p, const sql_agg *agg, unsigned name) {
    int64_t unit = sql_pow10(agg->type.scale - agg->arg->type.scale);
    PUT(p, "CAST((((sum(");
    MAL_TRY(sql_print_expr(p, agg->arg, name));
    PUT(p, ") * CAST(%" PRId64 " AS HUGEINT)) + (CASE WHEN (sum(", 2 * unit);
    MAL_TRY(sql_print_expr(p, agg->arg, name));
    PUT(p, ") < CAST(0 AS HUGEINT)) THEN (- count(");
    MAL_TRY(sql_print_expr(p, agg->arg, name));
    PUT(p, ")) ELSE count(");
    MAL_TRY(sql_print_expr(p, agg->arg, name));
    PUT(p, ") END)) // (CAST(2 AS HUGEINT) * count(");
    MAL_TRY(sql_print_expr(p, agg->arg, name));
    return mal_buf_put_str(p->out, "))) AS BIGINT)");
}

static mal_err put_agg(sql_printer *p, const sql_agg *agg, unsigned name) {
    static const char *const before[] = {
        [SQL_COUNT] = "count(",
        [SQL_SUM] = "CAST(sum(",
        [SQL_MIN] = "min(",
        [SQL_MAX] = "max(",
        [SQL_DISTINCT] = "count(DISTINCT ",
    };
    if (agg->kind == SQL_COUNT_ROWS)
        return mal_buf_put_str(p->out, "count(*)");
    if (agg->kind == SQL_AVG)
        return put_avg(p, agg, name);
    PUT(p, "%s", before[agg->kind]);
    MAL_TRY(sql_print_expr(p, agg->arg, name));
    return mal_buf_put_str(p->out, agg->kind == SQL_SUM ? ") AS BIGINT)" : ")");
}

static mal_err put_aggregate(sql_printer *p, sql_r r) {
    unsigned name = ++p->n_names, n = 0;
    PUT(p, "SELECT ");
    for (unsigned i = 0; i < r->n_exprs; i++) {
        PUT(p, "%s", n ? ", " : "");
        MAL_TRY(sql_print_expr(p, r->exprs[i], name));
        PUT(p, " AS c%u", n++);
    }
    for (unsigned i = 0; i < r->n_aggs; i++) {
        PUT(p, "%s", n ? ", " : "");
        MAL_TRY(put_agg(p, &r->aggs[i], name));
        PUT(p, " AS c%u", n++);
    }
    if (n == 0)
        PUT(p, "count(*) AS z");
    MAL_TRY(put_from(p, r->in[0], name));
    for (unsigned i = 0; i < r->n_exprs; i++)
        PUT(p, "%s%u", i ? ", " : " GROUP BY ", i + 1);
    return MAL_OK;
}

static mal_err put_key(sql_printer *p, sql_r sort, const sql_key *key,
                       unsigned name) {
    const sql_type *t = &sort->types[key->column];
    const uint32_t *ranks = NULL;
    if (t->kind == MAL_SQL_CODE)
        MAL_TRY(sql_domain_ranks(p->cx, &ranks, t->domain));
    if (ranks) {
        PUT(p, "([");
        for (uint32_t i = 0; i <= t->domain->n_codes; i++)
            PUT(p, "%s%" PRIu32, i ? ", " : "", ranks[i]);
        PUT(p, "])[(q%u.c%u + CAST(1 AS BIGINT))]", name, key->column);
    } else {
        PUT(p, "q%u.c%u", name, key->column);
    }
    PUT(p, "%s%s", key->desc ? " DESC" : " ASC",
        key->nulls_first ? " NULLS FIRST" : " NULLS LAST");
    return MAL_OK;
}

static mal_err put_window(sql_printer *p, sql_r r) {
    unsigned name = ++p->n_names, n = r->n_columns - 1;
    PUT(p, "SELECT ");
    for (unsigned i = 0; i < n; i++)
        PUT(p, "q%u.c%u AS c%u, ", name, i, i);
    PUT(p, "CAST(rank() OVER (");
    for (unsigned i = 0; i < r->n_part; i++)
        PUT(p, "%sq%u.c%u", i ? ", " : "PARTITION BY ", name,
            r->keys[i].column);
    for (unsigned i = r->n_part; i < r->n_keys; i++) {
        PUT(p, "%s", i > r->n_part ? ", " : i ? " ORDER BY " : "ORDER BY ");
        MAL_TRY(put_key(p, r, &r->keys[i], name));
    }
    PUT(p, ") AS BIGINT) AS c%u", n);
    return put_from(p, r->in[0], name);
}

/* A SORT, with the LIMIT above it if there is one. */
static mal_err put_sorted(sql_printer *p, sql_r r, bool answer,
                          unsigned n_columns) {
    sql_r sort = r->op == SQL_LIMIT ? r->in[0] : r;
    unsigned name = ++p->n_names;
    assert(sort->op == SQL_SORT);
    PUT(p, n_columns ? "SELECT " : "SELECT 0 AS z");
    for (unsigned i = 0; i < n_columns; i++) {
        bool cast = answer && sort->types[i].kind == MAL_SQL_BOOL;
        PUT(p, "%s%sq%u.c%u%s AS c%u", i ? ", " : "", cast ? "CAST(" : "", name,
            i, cast ? " AS BIGINT)" : "", i);
    }
    MAL_TRY(put_from(p, sort->in[0], name));
    for (unsigned i = 0; i < sort->n_keys; i++) {
        PUT(p, i ? ", " : " ORDER BY ");
        MAL_TRY(put_key(p, sort, &sort->keys[i], name));
    }
    if (r->op != SQL_LIMIT)
        return MAL_OK;
    if (r->limit != SQL_NO_LIMIT)
        PUT(p, " LIMIT %" PRIu64, r->limit);
    if (r->offset)
        PUT(p, " OFFSET %" PRIu64, r->offset);
    return MAL_OK;
}

mal_err sql_print_sorted(sql_printer *p, sql_r r, unsigned n_columns) {
    return put_sorted(p, r, true, n_columns);
}

mal_err sql_print_rel(sql_printer *p, sql_r r) {
    switch (r->op) {
    case SQL_SCAN:
        return put_scan(p, r);
    case SQL_FILTER:
        return put_filter(p, r);
    case SQL_PROJECT:
        return put_project(p, r);
    case SQL_JOIN:
        return put_join(p, r);
    case SQL_UNION:
        return put_union(p, r);
    case SQL_AGGREGATE:
        return put_aggregate(p, r);
    case SQL_WINDOW:
        return put_window(p, r);
    default:
        return put_sorted(p, r, false, r->n_columns);
    }
}

/* --- clear runs ----------------------------------------------------------- */

mal_err mal_sql_plan_tables(const mal_sql_part_table **tables,
                            unsigned *n_tables, mal_arena *arena,
                            const mal_sql_plan *plan) {
    sql_cx cx = { .arena = arena, .contract = plan->contract };
    sql_printer p = { .cx = &cx };
    MAL_TRY(sql_print_collect(&p, plan->root));
    for (unsigned i = 0; i < p.n_tables; i++)
        p.tables[i].rows_per_unit =
            sql_touch(&cx, plan->root, p.tables[i].dataset);
    *tables = p.tables;
    *n_tables = p.n_tables;
    return MAL_OK;
}

mal_err mal_sql_print_clear(mal_buf *out, const mal_sql_plan *plan) {
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new((size_t)64 << 20);
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    sql_cx cx = { .arena = arena, .contract = plan->contract };
    sql_printer p = { .out = &text, .cx = &cx };
    if (!arena)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    mal_buf_init(&text, SQL_DUCK_TEXT_MAX);
    MAL_TRY(sql_print_collect(&p, plan->root));
    MAL_TRY(put_sorted(&p, plan->root, true, plan->n_columns));
    return mal_buf_put(out, mal_buf_view(&text));
}
