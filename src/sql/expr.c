/* expr.c - expressions: every node is typed and ranged when it is made.
 *
 * make() is the one door.  It computes the node's type from its arguments by
 * interval arithmetic, refuses what may not fit 64 bits, bounds size and depth,
 * and folds constants. */
#include "sql_impl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char *sql_expr_op_name(sql_expr_op op) {
    switch (op) {
#define X(name, value, text)                                                   \
    case SQL_E_##name:                                                         \
        return text;
        SQL_OP_MAP(X)
#undef X
    }
    return "?";
}

/* --- ranges ------------------------------------------------------------------
 */

static mal_err set_range(const sql_cx *cx, sql_type *type, mal_i128 lo,
                         mal_i128 hi, const char *what, int pos) {
    SQL_NEED(sql_fits(lo) && sql_fits(hi), cx, pos, MAL_E_LIMIT,
             "the result of %s may not fit 64 bits for some values in the "
             "declared ranges: declare narrower ranges or cast to fewer digits",
             what);
    type->lo = (int64_t)lo;
    type->hi = (int64_t)hi;
    return MAL_OK;
}

static mal_i128 min128(mal_i128 a, mal_i128 b) {
    return a < b ? a : b;
}

static mal_i128 max128(mal_i128 a, mal_i128 b) {
    return a > b ? a : b;
}

static mal_err range_mul(const sql_cx *cx, sql_type *t, const sql_type *a,
                         const sql_type *b, int pos) {
    mal_i128 p = (mal_i128)a->lo * b->lo, q = (mal_i128)a->lo * b->hi;
    mal_i128 r = (mal_i128)a->hi * b->lo, s = (mal_i128)a->hi * b->hi;
    t->scale = (uint8_t)(a->scale + b->scale);
    SQL_NEED(t->scale <= MAL_SQL_SCALE_MAX, cx, pos, MAL_E_LIMIT,
             "a product of %u decimal digits; at most %u: cast to fewer digits",
             t->scale, MAL_SQL_SCALE_MAX);
    return set_range(cx, t, min128(min128(p, q), min128(r, s)),
                     max128(max128(p, q), max128(r, s)), "*", pos);
}

/* The quotient is monotone in each argument on either side of b = 0, so its
 * extremes lie at the ends of a and at the ends of b and at b = -1, 1. */
static mal_err range_div(const sql_cx *cx, sql_type *t, const sql_type *a,
                         const sql_type *b, unsigned digits, int pos) {
    mal_i128 up = sql_pow10(digits);
    mal_i128 as[2] = { a->lo * up, a->hi * up };
    mal_i128 bs[4] = { b->lo, b->hi, -1, 1 };
    mal_i128 lo = 0, hi = 0;
    bool any = false;
    t->scale = (uint8_t)(a->scale + digits - b->scale);
    SQL_NEED(sql_fits(2 * as[0]) && sql_fits(2 * as[1]) &&
                 sql_fits(2 * bs[0]) && sql_fits(2 * bs[1]),
             cx, pos, MAL_E_LIMIT,
             "the dividend of / needs %u more digits and may not fit 64 bits: "
             "declare narrower ranges or cast to fewer digits",
             digits);
    for (unsigned i = 0; i < 2; i++)
        for (unsigned j = 0; j < 4; j++) {
            if (bs[j] == 0 || bs[j] < b->lo || bs[j] > b->hi)
                continue;
            mal_i128 q = sql_floor_div(as[i], bs[j]);
            lo = any ? min128(lo, q) : q;
            hi = any ? max128(hi, q) : q;
            any = true;
        }
    t->nullable |= b->lo <= 0 && b->hi >= 0;
    return set_range(cx, t, lo, hi, "/", pos);
}

static mal_err range_mod(const sql_cx *cx, sql_type *t, const sql_type *a,
                         const sql_type *b, int pos) {
    mal_i128 lo = b->lo < 0 ? (mal_i128)b->lo + 1 : 0;
    mal_i128 hi = b->hi > 0 ? (mal_i128)b->hi - 1 : 0;
    SQL_NEED(sql_fits(2 * (mal_i128)b->lo) && sql_fits(2 * (mal_i128)b->hi), cx,
             pos, MAL_E_LIMIT,
             "the divisor of %% may not fit 62 bits: declare narrower ranges");
    if (a->lo >= 0 && b->lo >= 0)
        hi = min128(hi, a->hi);
    t->scale = a->scale;
    t->nullable |= b->lo <= 0 && b->hi >= 0;
    return set_range(cx, t, lo, hi, "%", pos);
}

static mal_err range_scale(const sql_cx *cx, sql_type *t, const sql_type *a,
                           unsigned to, int pos) {
    t->scale = (uint8_t)to;
    if (to >= a->scale) {
        mal_i128 up = sql_pow10(to - a->scale);
        return set_range(cx, t, a->lo * up, a->hi * up,
                         "bringing two numbers to one scale", pos);
    }
    mal_i128 down = sql_pow10(a->scale - to);
    return set_range(cx, t, sql_round_div(a->lo, down),
                     sql_round_div(a->hi, down), "rounding", pos);
}

/* --- the type of a node
 * -------------------------------------------------------- */

static void hull(sql_type *t, const sql_type *a, bool first) {
    bool nullable = t->nullable | a->nullable;
    if (first)
        *t = *a;
    else if (a->kind == MAL_SQL_INT) {
        t->lo = a->lo < t->lo ? a->lo : t->lo;
        t->hi = a->hi > t->hi ? a->hi : t->hi;
    }
    t->nullable = nullable;
}

/* CASE: every other argument from the second, and the last; a NULL constant
 * widens no range.  COALESCE: all; NULL only if all are. */
static void type_choice(sql_type *t, const sql_expr *e) {
    bool first = true, nullable = true;
    *t = e->args[e->n_args - 1]->type;
    t->nullable = false;
    for (unsigned i = 0; i < e->n_args; i++) {
        const sql_expr *a = e->args[i];
        if (e->op == SQL_E_CASE && i % 2 == 0 && i + 1 < e->n_args)
            continue;
        nullable &= a->type.nullable;
        if (a->op == SQL_E_CONST && a->null) {
            t->nullable = true;
            continue;
        }
        hull(t, &a->type, first);
        first = false;
    }
    if (e->op == SQL_E_COALESCE)
        t->nullable = nullable;
}

static mal_err type_arith(const sql_cx *cx, sql_type *t, const sql_expr *e) {
    const sql_type *a = &e->args[0]->type, *b = &e->args[1]->type;
    t->kind = MAL_SQL_INT;
    t->scale = a->scale;
    switch (e->op) {
    case SQL_E_ADD:
        return set_range(cx, t, (mal_i128)a->lo + b->lo,
                         (mal_i128)a->hi + b->hi, "+", e->pos);
    case SQL_E_SUB:
        return set_range(cx, t, (mal_i128)a->lo - b->hi,
                         (mal_i128)a->hi - b->lo, "-", e->pos);
    case SQL_E_MUL:
        return range_mul(cx, t, a, b, e->pos);
    case SQL_E_DIV:
        return range_div(cx, t, a, b, (unsigned)e->value, e->pos);
    default:
        assert(e->op == SQL_E_MOD);
        return range_mod(cx, t, a, b, e->pos);
    }
}

static mal_err type_node(const sql_cx *cx, sql_expr *e) {
    sql_type t = { .kind = MAL_SQL_BOOL };
    const sql_type *a = e->n_args ? &e->args[0]->type : NULL;
    for (unsigned i = 0; i < e->n_args; i++)
        t.nullable |= e->args[i]->type.nullable;
    switch (e->op) {
    case SQL_E_COL:
    case SQL_E_CONST:
    case SQL_E_AGG:
        return MAL_OK;
    case SQL_E_ADD:
    case SQL_E_SUB:
    case SQL_E_MUL:
    case SQL_E_DIV:
    case SQL_E_MOD:
        MAL_TRY(type_arith(cx, &t, e));
        break;
    case SQL_E_NEG:
        t.kind = MAL_SQL_INT;
        t.scale = a->scale;
        MAL_TRY(
            set_range(cx, &t, -(mal_i128)a->hi, -(mal_i128)a->lo, "-", e->pos));
        break;
    case SQL_E_SCALE:
        t.kind = MAL_SQL_INT;
        MAL_TRY(range_scale(cx, &t, a, (unsigned)e->value, e->pos));
        break;
    case SQL_E_VALUE:
        t = (sql_type){ .kind = MAL_SQL_INT,
                        .nullable = true,
                        .lo = a->domain->lo,
                        .hi = a->domain->hi };
        break;
    case SQL_E_KNOWN:
        t = *a;
        t.nullable = true;
        break;
    case SQL_E_ISNULL:
        t.nullable = false;
        break;
    case SQL_E_CASE:
    case SQL_E_COALESCE:
        type_choice(&t, e);
        break;
    default:
        break;
    }
    e->type = t;
    return MAL_OK;
}

/* --- making nodes
 * ---------------------------------------------------------------- */

static bool is_const(sql_e e) {
    return e->op == SQL_E_CONST;
}

static bool is_null(sql_e e) {
    return is_const(e) && e->null;
}

/* Fold a node over constants; its type keeps kind, scale and domain. */
static void fold(sql_expr *e) {
    if (e->n_args == 0)
        return;
    for (unsigned i = 0; i < e->n_args; i++)
        if (!is_const(e->args[i]) || e->args[i]->type.kind == SQL_TEXT)
            return;
    sql_value v = sql_eval(e, NULL);
    sql_type type = e->type;
    type.nullable = v.null;
    if (type.kind == MAL_SQL_INT)
        type.lo = type.hi = v.null ? 0 : v.v;
    *e = (sql_expr){ .op = SQL_E_CONST,
                     .type = type,
                     .null = v.null,
                     .value = v.null ? 0 : v.v,
                     .size = 1,
                     .depth = 1,
                     .pos = e->pos };
}

static mal_err make(const sql_cx *cx, sql_e *out, const sql_expr *proto,
                    const sql_e *args, unsigned n) {
    sql_expr *e;
    sql_e *copy;
    MAL_TRY(sql_alloc(cx, &e, 1, sizeof *e));
    *e = *proto;
    MAL_TRY(sql_alloc(cx, &copy, n, sizeof *copy));
    uint64_t size = 1;
    uint32_t depth = 0;
    for (unsigned i = 0; i < n; i++) {
        copy[i] = args[i];
        size += args[i]->size;
        depth = args[i]->depth > depth ? args[i]->depth : depth;
    }
    SQL_NEED(size + proto->n_list <= MAL_SQL_NODES_MAX, cx, proto->pos,
             MAL_E_LIMIT, "an expression of more than %u nodes: simplify it",
             MAL_SQL_NODES_MAX);
    SQL_NEED(depth + 1 <= MAL_SQL_DEPTH_MAX, cx, proto->pos, MAL_E_LIMIT,
             "an expression nested deeper than %u: simplify it",
             MAL_SQL_DEPTH_MAX);
    e->args = copy;
    e->n_args = n;
    e->size = (uint32_t)size + proto->n_list;
    e->depth = depth + 1;
    MAL_TRY(type_node(cx, e));
    fold(e);
    *out = e;
    return MAL_OK;
}

mal_err sql_col(const sql_cx *cx, sql_e *out, unsigned index,
                const sql_type *type, int pos) {
    sql_expr proto = {
        .op = SQL_E_COL, .type = *type, .value = index, .pos = pos
    };
    return make(cx, out, &proto, NULL, 0);
}

mal_err sql_const(const sql_cx *cx, sql_e *out, const sql_type *type,
                  int64_t value, bool null, int pos) {
    sql_expr proto = { .op = SQL_E_CONST,
                       .type = *type,
                       .value = null ? 0 : value,
                       .null = null,
                       .pos = pos };
    proto.type.nullable = null;
    if (type->kind == MAL_SQL_INT)
        proto.type.lo = proto.type.hi = proto.value;
    return make(cx, out, &proto, NULL, 0);
}

mal_err sql_int(const sql_cx *cx, sql_e *out, int64_t value, unsigned scale,
                int pos) {
    sql_type type = { .kind = MAL_SQL_INT, .scale = (uint8_t)scale };
    return sql_const(cx, out, &type, value, false, pos);
}

mal_err sql_bool(const sql_cx *cx, sql_e *out, bool value, int pos) {
    sql_type type = { .kind = MAL_SQL_BOOL };
    return sql_const(cx, out, &type, value, false, pos);
}

static mal_err make_op(const sql_cx *cx, sql_e *out, sql_expr_op op,
                       const sql_e *args, unsigned n, int64_t value, int pos) {
    sql_expr proto = { .op = op, .value = value, .pos = pos };
    return make(cx, out, &proto, args, n);
}

mal_err sql_rebuild(const sql_cx *cx, sql_e *out, sql_e e, const sql_e *args) {
    if (e->n_args == 0) {
        *out = e;
        return MAL_OK;
    }
    return make(cx, out, e, args, e->n_args);
}

mal_err sql_substitute(const sql_cx *cx, sql_e *out, sql_e e,
                       const sql_e *cols) {
    if (e->op == SQL_E_COL) {
        *out = cols[e->value];
        return MAL_OK;
    }
    sql_e *args;
    MAL_TRY(sql_alloc(cx, &args, e->n_args, sizeof *args));
    for (unsigned i = 0; i < e->n_args; i++)
        MAL_TRY(sql_substitute(cx, &args[i], e->args[i], cols));
    return sql_rebuild(cx, out, e, args);
}

/* --- coercions
 * --------------------------------------------------------------------- */

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
        return make_op(cx, out, SQL_E_VALUE, &a, 1, 0, a->pos);
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
    return make_op(cx, out, SQL_E_SCALE, &a, 1, scale, pos);
}

static unsigned max_scale(sql_e a, sql_e b) {
    return a->type.scale > b->type.scale ? a->type.scale : b->type.scale;
}

static mal_err align(const sql_cx *cx, sql_e args[2], int pos) {
    unsigned scale = max_scale(args[0], args[1]);
    MAL_TRY(sql_rescale(cx, &args[0], args[0], scale, pos));
    return sql_rescale(cx, &args[1], args[1], scale, pos);
}

/* --- arithmetic
 * ---------------------------------------------------------------------- */

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
    return make_op(cx, out, SQL_E_DIV, args, 2, scale - a + b, pos);
}

mal_err sql_arith(const sql_cx *cx, sql_e *out, sql_expr_op op, sql_e a,
                  sql_e b, int pos) {
    sql_e args[2] = { NULL, NULL };
    MAL_TRY(sql_as_int(cx, &args[0], a, SYMBOLS[op], pos));
    if (op == SQL_E_NEG)
        return make_op(cx, out, op, args, 1, 0, pos);
    MAL_TRY(sql_as_int(cx, &args[1], b, SYMBOLS[op], pos));
    if (op == SQL_E_DIV)
        return divide(cx, out, args, pos);
    if (op != SQL_E_MUL)
        MAL_TRY(align(cx, args, pos));
    return make_op(cx, out, op, args, 2, 0, pos);
}

/* --- comparison
 * ------------------------------------------------------------------------ */

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
    return make(cx, out, &proto, &a, 1);
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
        MAL_TRY(make_op(cx, &args[i], SQL_E_KNOWN, &args[i], 1, 0, pos));
    return make_op(cx, out, op, args, 2, 0, pos);
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
    return make_op(cx, out, op, args, 2, 0, pos);
}

static bool list_code(sql_e e) {
    return e->type.kind == MAL_SQL_CODE && !sql_domain_is_range(e->type.domain);
}

mal_err sql_compare(const sql_cx *cx, sql_e *out, sql_expr_op op, sql_e a,
                    sql_e b, int pos) {
    const sql_type boolean = { .kind = MAL_SQL_BOOL };
    sql_e args[2] = { a, b };
    if (is_null(a) || is_null(b))
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
        return make_op(cx, out, op, args, 2, 0, pos);
    MAL_TRY(sql_as_int(cx, &args[0], a, SYMBOLS[op], pos));
    MAL_TRY(sql_as_int(cx, &args[1], b, SYMBOLS[op], pos));
    MAL_TRY(align(cx, args, pos));
    return make_op(cx, out, op, args, 2, 0, pos);
}

/* --- IN
 * ------------------------------------------------------------------------------------
 */

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
        if (!is_const(items[i]) || items[i]->type.kind != kind)
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
        if (!is_null(items[i]))
            values[kept++] = items[i];
    if (kept == 0 || is_null(a))
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

/* --- logic, choice
 * ----------------------------------------------------------------------------
 */

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
    return make_op(cx, out, op, flat, total, 0, pos);
}

mal_err sql_not(const sql_cx *cx, sql_e *out, sql_e a, int pos) {
    sql_e arg;
    MAL_TRY(sql_as_bool(cx, &arg, a, "NOT", pos));
    return make_op(cx, out, SQL_E_NOT, &arg, 1, 0, pos);
}

mal_err sql_isnull(const sql_cx *cx, sql_e *out, sql_e a, int pos) {
    if (a->type.kind == SQL_TEXT)
        return sql_bool(cx, out, false, pos);
    return make_op(cx, out, SQL_E_ISNULL, &a, 1, 0, pos);
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
        if (!is_null(args[i]) && args[i]->type.scale > scale)
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
    return make_op(cx, out, SQL_E_CASE, all, n, 0, pos);
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
    return make_op(cx, out, SQL_E_COALESCE, all, n, 0, pos);
}

/* --- questions
 * ---------------------------------------------------------------------------------
 */

bool sql_expr_same(sql_e a, sql_e b) {
    if (a == b)
        return true;
    if (a->op != b->op || a->n_args != b->n_args || a->n_list != b->n_list ||
        a->value != b->value || a->null != b->null ||
        !sql_type_same(&a->type, &b->type))
        return false;
    if (a->text || b->text)
        if (!a->text || !b->text || strcmp(a->text, b->text) != 0)
            return false;
    for (unsigned i = 0; i < a->n_list; i++)
        if (a->list[i] != b->list[i])
            return false;
    for (unsigned i = 0; i < a->n_args; i++)
        if (!sql_expr_same(a->args[i], b->args[i]))
            return false;
    return true;
}

bool sql_expr_within(sql_e e, unsigned from, unsigned to, bool *any) {
    if (e->op == SQL_E_COL) {
        *any = true;
        return e->value >= from && e->value < to;
    }
    for (unsigned i = 0; i < e->n_args; i++)
        if (!sql_expr_within(e->args[i], from, to, any))
            return false;
    return true;
}

void sql_expr_mark(sql_e e, uint8_t *used) {
    if (e->op == SQL_E_COL)
        used[e->value] |= 1;
    for (unsigned i = 0; i < e->n_args; i++)
        sql_expr_mark(e->args[i], used);
}
