/* expr.c - the operators of the language: what they take, what they become. */
#include "sql_impl.h"

#include <stdlib.h>
#include <string.h>

/* --- coercions ------------------------------------------------------------ */

static mal_err typed_null(const sql_cx *cx, sql_e *out, const sql_type *like,
                          int pos) {
    return sql_const(cx, out, like, 0, true, pos);
}

static mal_err wrong_type(const sql_cx *cx, const char *what, sql_e a,
                          int pos) {
    static const char *const names[] = {
        [MAL_SQL_INT] = "a number", [MAL_SQL_BOOL] = "a truth value",
        [MAL_SQL_CODE] = "a dim",   [MAL_SQL_ID] = "an identifier",
        [SQL_NULL] = "NULL",        [SQL_TEXT] = "a text"
    };
    const char *hint = "";
    if (a->type.kind == MAL_SQL_ID)
        hint = ": identifiers are joined and counted, nothing else";
    else if (a->type.kind == SQL_TEXT)
        hint = ": a text is only compared with a dim; write numbers without "
               "quotes";
    else if (a->type.kind == MAL_SQL_CODE)
        hint = ": a dim over a list is compared by = and IN, and grouped";
    SQL_FAIL(cx, pos, MAL_E_INPUT, "%s does not take %s%s", what,
             names[a->type.kind], hint);
}

mal_err sql_as_int(const sql_cx *cx, sql_e *out, sql_e a, const char *what,
                   int pos) {
    const sql_type integer = { .kind = MAL_SQL_INT };
    if (a->type.kind == MAL_SQL_INT) {
        *out = a;
        return MAL_OK;
    }
    if (a->type.kind == SQL_NULL)
        return typed_null(cx, out, &integer, pos);
    if (a->type.kind == MAL_SQL_CODE && sql_domain_is_range(a->type.domain))
        return sql_make(cx, out, SQL_E_VALUE, &a, 1, 0, a->pos);
    return wrong_type(cx, what, a, pos);
}

mal_err sql_as_bool(const sql_cx *cx, sql_e *out, sql_e a, const char *what,
                    int pos) {
    const sql_type boolean = { .kind = MAL_SQL_BOOL };
    if (a->type.kind == MAL_SQL_BOOL) {
        *out = a;
        return MAL_OK;
    }
    if (a->type.kind == SQL_NULL)
        return typed_null(cx, out, &boolean, pos);
    return wrong_type(cx, what, a, pos);
}

mal_err sql_rescale(const sql_cx *cx, sql_e *out, sql_e a, unsigned scale,
                    int pos) {
    assert(a->type.kind == MAL_SQL_INT);
    if (a->type.scale == scale) {
        *out = a;
        return MAL_OK;
    }
    return sql_make(cx, out, SQL_E_SCALE, &a, 1, scale, pos);
}

static unsigned max_scale(sql_e a, sql_e b) {
    return a->type.scale > b->type.scale ? a->type.scale : b->type.scale;
}

static mal_err align(const sql_cx *cx, sql_e args[2], int pos) {
    unsigned scale = max_scale(args[0], args[1]);
    MAL_TRY(sql_rescale(cx, &args[0], args[0], scale, pos));
    return sql_rescale(cx, &args[1], args[1], scale, pos);
}

/* --- arithmetic ----------------------------------------------------------- */

static const char *const SYMBOLS[] = {
    [SQL_E_NEG] = "-", [SQL_E_ADD] = "+", [SQL_E_SUB] = "-", [SQL_E_MUL] = "*",
    [SQL_E_DIV] = "/", [SQL_E_MOD] = "%", [SQL_E_EQ] = "=",  [SQL_E_NE] = "<>",
    [SQL_E_LT] = "<",  [SQL_E_LE] = "<=", [SQL_E_GT] = ">",  [SQL_E_GE] = ">=",
};

/* Two integers: an integer.  Else as many digits as the finer side has, and at
 * least six. */
static mal_err divide(const sql_cx *cx, sql_e *out, const sql_e *args,
                      int pos) {
    unsigned a = args[0]->type.scale, b = args[1]->type.scale;
    unsigned scale = a > b ? a : b;
    if (scale > 0 && scale < 6)
        scale = 6;
    SQL_NEED(scale - a + b <= MAL_SQL_SCALE_MAX, cx, pos, MAL_E_LIMIT,
             "a division of %u and %u decimal digits: cast to fewer digits", a,
             b);
    return sql_make(cx, out, SQL_E_DIV, args, 2, scale - a + b, pos);
}

mal_err sql_arith(const sql_cx *cx, sql_e *out, sql_expr_op op, sql_e a,
                  sql_e b, int pos) {
    sql_e args[2] = { NULL, NULL };
    MAL_TRY(sql_as_int(cx, &args[0], a, SYMBOLS[op], pos));
    if (op == SQL_E_NEG)
        return sql_make(cx, out, op, args, 1, 0, pos);
    MAL_TRY(sql_as_int(cx, &args[1], b, SYMBOLS[op], pos));
    if (op == SQL_E_DIV)
        return divide(cx, out, args, pos);
    if (op != SQL_E_MUL)
        MAL_TRY(align(cx, args, pos));
    return sql_make(cx, out, op, args, 2, 0, pos);
}

/* --- comparison ----------------------------------------------------------- */

static int by_value(const void *a, const void *b) {
    int64_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

/* a IN (values), values sorted and freed of repeats here. */
static mal_err make_in(const sql_cx *cx, sql_e *out, sql_e a, int64_t *values,
                       unsigned n, int pos) {
    unsigned kept = 0;
    qsort(values, n, sizeof *values, by_value);
    for (unsigned i = 0; i < n; i++)
        if (i == 0 || values[i] != values[i - 1])
            values[kept++] = values[i];
    sql_expr proto = {
        .op = SQL_E_IN, .list = values, .n_list = kept, .pos = pos
    };
    return sql_make_node(cx, out, &proto, &a, 1);
}

/* A literal outside the domain is simply never equal. */
static mal_err code_in(const sql_cx *cx, sql_e *out, sql_e a,
                       const sql_e *items, unsigned n, int pos) {
    int64_t *values;
    unsigned found = 0;
    MAL_TRY(sql_alloc(cx, &values, n, sizeof *values));
    for (unsigned i = 0; i < n; i++)
        found +=
            sql_domain_find(a->type.domain, items[i]->text, &values[found]);
    return make_in(cx, out, a, values, found, pos);
}

mal_err sql_in_labels(const sql_cx *cx, sql_e *out, sql_e a, const sql_e *items,
                      unsigned n, int pos) {
    return code_in(cx, out, a, items, n, pos);
}

static mal_err compare_text(const sql_cx *cx, sql_e *out, sql_expr_op op,
                            sql_e a, sql_e text, int pos) {
    if (a->type.kind != MAL_SQL_CODE || sql_domain_is_range(a->type.domain))
        return wrong_type(cx, SYMBOLS[op], text, pos);
    SQL_NEED(op == SQL_E_EQ || op == SQL_E_NE, cx, pos, MAL_E_UNSUPPORTED,
             "%s on the dim %s: its values have no order here; use = or IN",
             SYMBOLS[op], a->type.domain->name);
    MAL_TRY(code_in(cx, out, a, &text, 1, pos));
    return op == SQL_E_NE ? sql_not(cx, out, *out, pos) : MAL_OK;
}

/* `other` stands for many values, so it equals nothing, not even itself. */
static mal_err compare_codes(const sql_cx *cx, sql_e *out, sql_expr_op op,
                             sql_e args[2], int pos) {
    SQL_NEED(op == SQL_E_EQ || op == SQL_E_NE, cx, pos, MAL_E_UNSUPPORTED,
             "%s on the dims %s and %s: their values have no order here; use =",
             SYMBOLS[op], args[0]->type.domain->name,
             args[1]->type.domain->name);
    SQL_NEED(sql_domain_same(args[0]->type.domain, args[1]->type.domain), cx,
             pos, MAL_E_INPUT,
             "the dims %s and %s have different domains: compare dims that the "
             "contract declares over one list",
             args[0]->type.domain->name, args[1]->type.domain->name);
    for (unsigned i = 0; i < 2; i++)
        MAL_TRY(sql_make(cx, &args[i], SQL_E_KNOWN, &args[i], 1, 0, pos));
    return sql_make(cx, out, op, args, 2, 0, pos);
}

static mal_err compare_ids(const sql_cx *cx, sql_e *out, sql_expr_op op,
                           const sql_e args[2], int pos) {
    SQL_NEED(op == SQL_E_EQ, cx, pos, MAL_E_UNSUPPORTED,
             "%s on identifiers: they are only joined by =", SYMBOLS[op]);
    SQL_NEED(sql_domain_same(args[0]->type.domain, args[1]->type.domain), cx,
             pos, MAL_E_INPUT,
             "the identifiers %s and %s belong to different domains and never "
             "match: join identifiers of one domain",
             args[0]->type.domain->name, args[1]->type.domain->name);
    return sql_make(cx, out, op, args, 2, 0, pos);
}

static bool list_code(sql_e e) {
    return e->type.kind == MAL_SQL_CODE && !sql_domain_is_range(e->type.domain);
}

mal_err sql_compare(const sql_cx *cx, sql_e *out, sql_expr_op op, sql_e a,
                    sql_e b, int pos) {
    const sql_type boolean = { .kind = MAL_SQL_BOOL };
    sql_e args[2] = { a, b };
    if (sql_is_null(a) || sql_is_null(b))
        return typed_null(cx, out, &boolean, pos);
    if (a->type.kind == SQL_TEXT && b->type.kind == SQL_TEXT)
        SQL_FAIL(cx, pos, MAL_E_UNSUPPORTED,
                 "%s on two text constants: compare a dim with a text",
                 SYMBOLS[op]);
    if (b->type.kind == SQL_TEXT)
        return compare_text(cx, out, op, a, b, pos);
    if (a->type.kind == SQL_TEXT)
        return compare_text(cx, out, op, b, a, pos);
    if (list_code(a) && list_code(b))
        return compare_codes(cx, out, op, args, pos);
    if (a->type.kind == MAL_SQL_ID && b->type.kind == MAL_SQL_ID)
        return compare_ids(cx, out, op, args, pos);
    if (a->type.kind == MAL_SQL_BOOL && b->type.kind == MAL_SQL_BOOL)
        return sql_make(cx, out, op, args, 2, 0, pos);
    MAL_TRY(sql_as_int(cx, &args[0], a, SYMBOLS[op], pos));
    MAL_TRY(sql_as_int(cx, &args[1], b, SYMBOLS[op], pos));
    MAL_TRY(align(cx, args, pos));
    return sql_make(cx, out, op, args, 2, 0, pos);
}

/* --- IN ------------------------------------------------------------------- */

static mal_err in_by_or(const sql_cx *cx, sql_e *out, sql_e a,
                        const sql_e *items, unsigned n, int pos) {
    sql_e *equal;
    MAL_TRY(sql_alloc(cx, &equal, n, sizeof *equal));
    for (unsigned i = 0; i < n; i++)
        MAL_TRY(sql_compare(cx, &equal[i], SQL_E_EQ, a, items[i], pos));
    return sql_logic(cx, out, SQL_E_OR, equal, n, pos);
}

static mal_err int_in(const sql_cx *cx, sql_e *out, sql_e a, const sql_e *items,
                      unsigned n, int pos) {
    unsigned scale = a->type.scale;
    int64_t *values;
    MAL_TRY(sql_alloc(cx, &values, n, sizeof *values));
    for (unsigned i = 0; i < n; i++)
        scale = items[i]->type.scale > scale ? items[i]->type.scale : scale;
    MAL_TRY(sql_rescale(cx, &a, a, scale, pos));
    for (unsigned i = 0; i < n; i++) {
        sql_e item;
        MAL_TRY(sql_rescale(cx, &item, items[i], scale, pos));
        values[i] = item->value;
    }
    return make_in(cx, out, a, values, n, pos);
}

/* Are all items constants that a's list can hold? */
static bool plain_list(sql_e a, const sql_e *items, unsigned n) {
    uint8_t kind = list_code(a) ? SQL_TEXT : MAL_SQL_INT;
    if (a->type.kind == MAL_SQL_BOOL || a->type.kind == MAL_SQL_ID)
        return false;
    for (unsigned i = 0; i < n; i++)
        if (!sql_is_const(items[i]) || items[i]->type.kind != kind)
            return false;
    return true;
}

mal_err sql_in(const sql_cx *cx, sql_e *out, sql_e a, const sql_e *items,
               unsigned n, int pos) {
    const sql_type boolean = { .kind = MAL_SQL_BOOL };
    sql_e *values, parts[2];
    unsigned kept = 0;
    MAL_TRY(sql_alloc(cx, &values, n, sizeof *values));
    for (unsigned i = 0; i < n; i++)
        if (!sql_is_null(items[i]))
            values[kept++] = items[i];
    if (kept == 0 || sql_is_null(a))
        return typed_null(cx, out, &boolean, pos);
    if (!plain_list(a, values, kept))
        return in_by_or(cx, out, a, items, n, pos);
    if (list_code(a))
        MAL_TRY(code_in(cx, &parts[0], a, values, kept, pos));
    else {
        MAL_TRY(sql_as_int(cx, &a, a, "IN", pos));
        MAL_TRY(int_in(cx, &parts[0], a, values, kept, pos));
    }
    if (kept == n) {
        *out = parts[0];
        return MAL_OK;
    }
    MAL_TRY(typed_null(cx, &parts[1], &boolean, pos));
    return sql_logic(cx, out, SQL_E_OR, parts, 2, pos);
}

/* --- logic, choice -------------------------------------------------------- */

mal_err sql_logic(const sql_cx *cx, sql_e *out, sql_expr_op op,
                  const sql_e *args, unsigned n, int pos) {
    sql_e *flat;
    unsigned total = 0, k = 0;
    assert(n >= 1);
    for (unsigned i = 0; i < n; i++)
        total += args[i]->op == op ? args[i]->n_args : 1;
    MAL_TRY(sql_alloc(cx, &flat, total, sizeof *flat));
    const char *what = op == SQL_E_AND ? "AND" : "OR";
    for (unsigned i = 0; i < n; i++) {
        if (args[i]->op != op) {
            MAL_TRY(sql_as_bool(cx, &flat[k++], args[i], what, args[i]->pos));
            continue;
        }
        for (unsigned j = 0; j < args[i]->n_args; j++)
            flat[k++] = args[i]->args[j];
    }
    if (total == 1) {
        *out = flat[0];
        return MAL_OK;
    }
    return sql_make(cx, out, op, flat, total, 0, pos);
}

mal_err sql_not(const sql_cx *cx, sql_e *out, sql_e a, int pos) {
    sql_e arg;
    MAL_TRY(sql_as_bool(cx, &arg, a, "NOT", pos));
    return sql_make(cx, out, SQL_E_NOT, &arg, 1, 0, pos);
}

mal_err sql_isnull(const sql_cx *cx, sql_e *out, sql_e a, int pos) {
    if (a->type.kind == SQL_TEXT)
        return sql_bool(cx, out, false, pos);
    return sql_make(cx, out, SQL_E_ISNULL, &a, 1, 0, pos);
}

/* The first argument that says what the others must become. */
static sql_e leader(const sql_e *args, unsigned n) {
    for (unsigned i = 0; i < n; i++)
        if (list_code(args[i]))
            return args[i];
    for (unsigned i = 0; i < n; i++)
        if (args[i]->type.kind != SQL_NULL)
            return args[i];
    return args[0];
}

static mal_err unify_ints(const sql_cx *cx, sql_e *args, unsigned n,
                          const char *what, int pos) {
    unsigned scale = 0;
    for (unsigned i = 0; i < n; i++) {
        MAL_TRY(sql_as_int(cx, &args[i], args[i], what, pos));
        if (!sql_is_null(args[i]) && args[i]->type.scale > scale)
            scale = args[i]->type.scale;
    }
    for (unsigned i = 0; i < n; i++)
        MAL_TRY(sql_rescale(cx, &args[i], args[i], scale, pos));
    return MAL_OK;
}

static mal_err to_code(const sql_cx *cx, sql_e *arg, const sql_type *like,
                       const char *what, int pos) {
    sql_e a = *arg;
    int64_t code;
    if (a->type.kind == SQL_NULL)
        return typed_null(cx, arg, like, pos);
    if (a->type.kind == SQL_TEXT) {
        SQL_NEED(sql_domain_find(like->domain, a->text, &code), cx, a->pos,
                 MAL_E_INPUT,
                 "'%.64s' is no value that the contract declares for %s",
                 a->text, like->domain->name);
        return sql_const(cx, arg, like, code, false, a->pos);
    }
    SQL_NEED(a->type.kind == MAL_SQL_CODE &&
                 sql_domain_same(a->type.domain, like->domain),
             cx, pos, MAL_E_INPUT, "%s mixes %s with something else", what,
             like->domain->name);
    return MAL_OK;
}

mal_err sql_unify(const sql_cx *cx, sql_e *args, unsigned n, const char *what,
                  int pos) {
    sql_e lead = leader(args, n);
    sql_type like = lead->type;
    bool codes = like.kind == MAL_SQL_CODE;
    SQL_NEED(like.kind != SQL_TEXT, cx, lead->pos, MAL_E_UNSUPPORTED,
             "a text constant as a value: texts are only compared with dims");
    if (codes)
        for (unsigned i = 0; i < n && sql_domain_is_range(like.domain); i++)
            codes &= args[i]->type.kind == SQL_NULL ||
                     (args[i]->type.kind == MAL_SQL_CODE &&
                      sql_domain_same(args[i]->type.domain, like.domain));
    if (like.kind == MAL_SQL_INT || like.kind == SQL_NULL ||
        (like.kind == MAL_SQL_CODE && !codes))
        return unify_ints(cx, args, n, what, pos);
    for (unsigned i = 0; i < n; i++) {
        if (codes)
            MAL_TRY(to_code(cx, &args[i], &like, what, pos));
        else if (like.kind == MAL_SQL_BOOL)
            MAL_TRY(sql_as_bool(cx, &args[i], args[i], what, pos));
        else
            SQL_NEED(sql_type_same(&args[i]->type, &like), cx, pos, MAL_E_INPUT,
                     "%s mixes identifiers of different domains", what);
    }
    return MAL_OK;
}

mal_err sql_case(const sql_cx *cx, sql_e *out, const sql_e *args, unsigned n,
                 int pos) {
    sql_e *all, *values;
    unsigned n_values = 0;
    assert(n % 2 == 1 && n >= 3);
    MAL_TRY(sql_alloc(cx, &all, n, sizeof *all));
    MAL_TRY(sql_alloc(cx, &values, n, sizeof *values));
    for (unsigned i = 0; i < n; i++)
        if (i % 2 == 1 || i == n - 1)
            values[n_values++] = args[i];
    MAL_TRY(sql_unify(cx, values, n_values, "CASE", pos));
    n_values = 0;
    for (unsigned i = 0; i < n; i++)
        if (i % 2 == 1 || i == n - 1)
            all[i] = values[n_values++];
        else
            MAL_TRY(sql_as_bool(cx, &all[i], args[i], "WHEN", args[i]->pos));
    return sql_make(cx, out, SQL_E_CASE, all, n, 0, pos);
}

mal_err sql_coalesce(const sql_cx *cx, sql_e *out, const sql_e *args,
                     unsigned n, int pos) {
    sql_e *all;
    MAL_TRY(sql_alloc(cx, &all, n, sizeof *all));
    memcpy(all, args, n * sizeof(sql_e));
    MAL_TRY(sql_unify(cx, all, n, "COALESCE", pos));
    if (n == 1) {
        *out = all[0];
        return MAL_OK;
    }
    return sql_make(cx, out, SQL_E_COALESCE, all, n, 0, pos);
}
