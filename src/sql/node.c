/* node.c - expressions: every node is typed and ranged when it is made.
 *
 * sql_make_node() is the one door.  It computes the node's type from its
 * arguments by interval arithmetic, refuses what may not fit 64 bits, bounds
 * size and depth, and folds constants. */
#include "sql_impl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* --- ranges --------------------------------------------------------------- */

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

/* Both sides of a narrow division have a bit to spare in 64, so that whoever
 * computes it may add them. */
bool sql_div_is_wide(const sql_type *a, const sql_type *b, unsigned digits) {
    mal_i128 up = sql_pow10(digits);
    return !sql_fits(2 * (up * a->lo)) || !sql_fits(2 * (up * a->hi)) ||
           !sql_fits(2 * (mal_i128)b->lo) || !sql_fits(2 * (mal_i128)b->hi);
}

/* A quotient that does not fit 64 bits is NULL, as that by zero is: division is
 * total.  The quotient is monotone in each argument on either side of b = 0, so
 * its extremes lie at the ends of a and at the ends of b and at b = -1, 1. */
static mal_err range_div(const sql_cx *cx, sql_type *t, const sql_type *a,
                         const sql_type *b, unsigned digits, int pos) {
    mal_i128 up = sql_pow10(digits);
    mal_i128 as[2] = { a->lo * up, a->hi * up };
    mal_i128 bs[4] = { b->lo, b->hi, -1, 1 };
    mal_i128 lo = 0, hi = 0;
    bool any = false;
    t->scale = (uint8_t)(a->scale + digits - b->scale);
    for (unsigned i = 0; i < 2; i++)
        for (unsigned j = 0; j < 4; j++) {
            if (bs[j] == 0 || bs[j] < b->lo || bs[j] > b->hi)
                continue;
            mal_i128 q = sql_floor_div(as[i], bs[j]);
            lo = any ? min128(lo, q) : q;
            hi = any ? max128(hi, q) : q;
            any = true;
        }
    t->nullable |= (b->lo <= 0 && b->hi >= 0) || !sql_fits(lo) || !sql_fits(hi);
    return set_range(cx, t, max128(lo, -(mal_i128)INT64_MAX),
                     min128(hi, INT64_MAX), "/", pos);
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

/* --- the type of a node --------------------------------------------------- */

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
    case SQL_E_OUTER:
    case SQL_E_SUBQUERY:
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
    case SQL_E_MEAN: /* of the sum and the count of one set */
        t = e->type;
        t.nullable = true;
        break;
    case SQL_E_MAP:
        t = (sql_type){ .kind = MAL_SQL_CODE,
                        .nullable = a->nullable,
                        .domain = e->type.domain };
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

/* --- making nodes --------------------------------------------------------- */

/* Fold a node over constants; its type keeps kind, scale and domain. */
static void fold(sql_expr *e) {
    if (e->n_args == 0)
        return;
    for (unsigned i = 0; i < e->n_args; i++)
        if (!sql_is_const(e->args[i]) || e->args[i]->type.kind == SQL_TEXT)
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

mal_err sql_make_node(const sql_cx *cx, sql_e *out, const sql_expr *proto,
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
    return sql_make_node(cx, out, &proto, NULL, 0);
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
    return sql_make_node(cx, out, &proto, NULL, 0);
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

mal_err sql_make(const sql_cx *cx, sql_e *out, sql_expr_op op,
                 const sql_e *args, unsigned n, int64_t value, int pos) {
    sql_expr proto = { .op = op, .value = value, .pos = pos };
    return sql_make_node(cx, out, &proto, args, n);
}

mal_err sql_rebuild(const sql_cx *cx, sql_e *out, sql_e e, const sql_e *args) {
    if (e->n_args == 0) {
        *out = e;
        return MAL_OK;
    }
    return sql_make_node(cx, out, e, args, e->n_args);
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

/* --- questions ------------------------------------------------------------ */

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

bool sql_expr_has(sql_e e, sql_expr_op op) {
    bool found = e->op == op;
    for (unsigned i = 0; i < e->n_args && !found; i++)
        found = sql_expr_has(e->args[i], op);
    return found;
}

void sql_expr_mark(sql_e e, uint8_t *used) {
    if (e->op == SQL_E_COL)
        used[e->value] |= 1;
    for (unsigned i = 0; i < e->n_args; i++)
        sql_expr_mark(e->args[i], used);
}
