/* expr.c - expressions over columns: planes for predicates, words for sums and
 * products, and a conversion only where the two meet.
 *
 * A value is a column that may borrow its shares from the table.  A truth value
 * keeps its plane 0 where it is NULL; then NOT of (t, null) is 1 ^ t ^ null,
 * and AND needs the trues and the falses alone.
 */
#include "expr_impl.h"

#include <string.h>

static bool is_truth(mal_obl_op op) {
    return (op >= MAL_OBL_EQ && op <= MAL_OBL_ISNULL) || op == MAL_OBL_IN;
}

static column borrow(const column *c) {
    column z = *c;
    z.bits.owner = NULL;
    z.words.owner = NULL;
    z.null.owner = NULL;
    return z;
}

/* --- leaves --------------------------------------------------------------- */

static mal_err eval_column(expr_cx *cx, column *out, const mal_obl_expr *e,
                           expr_form want) {
    MAL_REQUIRE(e->value >= 0 && e->value < cx->t->n_columns, MAL_E_INPUT,
                "no column %lld", (long long)e->value);
    column *c = &cx->t->columns[e->value];
    MAL_TRY(expr_want(cx, c, want));
    *out = borrow(c);
    return MAL_OK;
}

/* --- truth ---------------------------------------------------------------- */

/* e as (t, null): t is 0 where null is 1. */
static mal_err truth(expr_cx *cx, column *out, const mal_obl_expr *e) {
    OBL_AUTO_BITS known = { 0 };
    MAL_AUTO(mal_obl_column_clear) column c = { 0 };
    MAL_TRY(expr_eval(cx, &c, e, EXPR_BITS));
    out->type = (mal_obl_type){ .hi = 1, .nullable = c.type.nullable };
    out->has_bits = true;
    if (c.type.nullable)
        MAL_TRY(obl_bits_copy(cx->o, &out->null, &c.null));
    const bits t = obl_planes(&c.bits, 0, 1);
    if (!c.type.nullable || is_truth(e->op))
        return obl_bits_copy(cx->o, &out->bits, &t);
    MAL_TRY(obl_not_null(cx->o, &known, &c));
    return obl_and(cx->o, &out->bits, &t, &known);
}

/* t of a fresh comparison, with the nulls of what was compared. */
static mal_err mask_truth(expr_cx *cx, column *out) {
    OBL_AUTO_BITS known = { 0 }, t = { 0 };
    out->has_bits = true;
    out->type.lo = 0;
    out->type.hi = 1;
    if (!out->type.nullable)
        return MAL_OK;
    MAL_TRY(obl_not_null(cx->o, &known, out));
    MAL_TRY(obl_and(cx->o, &t, &out->bits, &known));
    mal_share3_bits_clear(&out->bits);
    out->bits = t;
    memset(&t, 0, sizeof t);
    return MAL_OK;
}

static mal_err compare(expr_cx *cx, bits *z, mal_obl_op op, column *a,
                       column *b) {
    const mal_obl_type type = obl_type_join(&a->type, &b->type);
    const unsigned w = mal_obl_width(&type);
    OBL_AUTO_BITS x = { 0 }, y = { 0 };
    MAL_TRY(expr_planes(cx, &x, a, w));
    MAL_TRY(expr_planes(cx, &y, b, w));
    if (op == MAL_OBL_EQ || op == MAL_OBL_NE)
        MAL_TRY(obl_eq(cx->o, z, &x, &y));
    else if (op == MAL_OBL_LT || op == MAL_OBL_GE)
        MAL_TRY(obl_lt(cx->o, z, &x, &y, obl_signed(&type)));
    else
        MAL_TRY(obl_lt(cx->o, z, &y, &x, obl_signed(&type)));
    if (op == MAL_OBL_NE || op == MAL_OBL_GE || op == MAL_OBL_LE)
        obl_not_in(cx->o, z);
    return MAL_OK;
}

static mal_err eval_compare(expr_cx *cx, column *out, const mal_obl_expr *e) {
    MAL_AUTO(mal_obl_column_clear) column a = { 0 };
    MAL_AUTO(mal_obl_column_clear) column b = { 0 };
    MAL_TRY(expr_eval(cx, &a, e->args[0], EXPR_BITS));
    MAL_TRY(expr_eval(cx, &b, e->args[1], EXPR_BITS));
    MAL_REQUIRE(!a.type.opaque == !b.type.opaque, MAL_E_INPUT,
                "an identifier is compared with an identifier alone");
    MAL_REQUIRE(!a.type.opaque || e->op <= MAL_OBL_NE, MAL_E_INPUT,
                "identifiers have no order");
    MAL_TRY(compare(cx, &out->bits, e->op, &a, &b));
    MAL_TRY(expr_nulls(cx, out, &a, &b));
    return mask_truth(cx, out);
}

/* (t, null) of AND: t = t1 & t2, false if one is false, else NULL; of OR the
 * same with true and false exchanged. */
static mal_err logic(expr_cx *cx, column *out, mal_obl_op op, column *a,
                     column *b) {
    const bool nullable = a->type.nullable || b->type.nullable;
    OBL_AUTO_BITS fa = { 0 }, fb = { 0 };
    column *arg[2] = { a, b };
    bits *f[2] = { &fa, &fb };
    for (unsigned i = 0; i < 2; i++) { /* f = 1 ^ t ^ null */
        MAL_TRY(obl_bits_copy(cx->o, f[i], &arg[i]->bits));
        if (arg[i]->type.nullable)
            obl_xor_in(f[i], &arg[i]->null);
        obl_not_in(cx->o, f[i]);
    }
    const bool and = op == MAL_OBL_AND;
    OBL_AUTO_BITS t = { 0 }, not_t = { 0 };
    if (and) {
        MAL_TRY(obl_and(cx->o, &t, &a->bits, &b->bits));
    } else {
        MAL_TRY(obl_or(cx->o, &t, &a->bits, &b->bits));
    }
    if (nullable) {
        if (and) {
            MAL_TRY(obl_or(cx->o, &not_t, &fa, &fb));
        } else {
            MAL_TRY(obl_and(cx->o, &not_t, &fa, &fb));
        }
        obl_xor_in(&not_t, &t);
        obl_not_in(cx->o, &not_t); /* neither true nor false */
        out->null = not_t;
        memset(&not_t, 0, sizeof not_t);
    }
    out->bits = t;
    memset(&t, 0, sizeof t);
    out->has_bits = true;
    out->type = (mal_obl_type){ .hi = 1, .nullable = nullable };
    return MAL_OK;
}

static mal_err eval_logic(expr_cx *cx, column *out, const mal_obl_expr *e,
                          unsigned from, unsigned n) {
    if (n == 1)
        return truth(cx, out, e->args[from]);
    MAL_AUTO(mal_obl_column_clear) column a = { 0 };
    MAL_AUTO(mal_obl_column_clear) column b = { 0 };
    MAL_TRY(eval_logic(cx, &a, e, from, n / 2));
    MAL_TRY(eval_logic(cx, &b, e, from + n / 2, n - n / 2));
    return logic(cx, out, e->op, &a, &b);
}

static mal_err eval_not(expr_cx *cx, column *out, const mal_obl_expr *e) {
    MAL_TRY(truth(cx, out, e->args[0]));
    obl_not_in(cx->o, &out->bits);
    if (out->type.nullable)
        obl_xor_in(&out->bits, &out->null);
    return MAL_OK;
}

static mal_err eval_isnull(expr_cx *cx, column *out, const mal_obl_expr *e) {
    MAL_AUTO(mal_obl_column_clear) column a = { 0 };
    MAL_TRY(expr_eval(cx, &a, e->args[0], EXPR_ANY));
    out->type = (mal_obl_type){ .hi = 1 };
    out->has_bits = true;
    return a.type.nullable ? obl_bits_copy(cx->o, &out->bits, &a.null)
                           : obl_bits_new(cx->o, &out->bits, cx->t->n, 1);
}

/* --- lists ---------------------------------------------------------------- */

/* Compare k copies of the rows, one below the other, each with its constant:
 * one plane of k blocks is also k planes of one block. */
static mal_err eq_list(expr_cx *cx, bits *z, const bits *x, const int64_t *list,
                       unsigned k) {
    const size_t m = x->stride;
    OBL_AUTO_BITS stack = { 0 }, zero = { 0 }, found = { 0 };
    MAL_TRY(obl_bits_new(cx->o, &stack, 64 * m * k, x->width));
    MAL_TRY(obl_bits_new(cx->o, &zero, 64 * m * k, x->width));
    for (unsigned i = 0; i < k; i++) {
        OBL_AUTO_BITS one = { 0 };
        MAL_TRY(obl_bits_copy(cx->o, &one, x));
        for (unsigned b = 0; b < x->width; b++)
            obl_plane_xor_public(cx->o, &one, b, list[i] >> b & 1);
        one.n = 64 * m;
        obl_rows_put(&stack, 64 * m * i, &one);
    }
    MAL_TRY(obl_eq(cx->o, &found, &stack, &zero));
    bits side = found; /* k planes of x's rows */
    side.n = x->n;
    side.width = k;
    side.stride = m;
    side.owner = NULL;
    return obl_any_plane(cx->o, z, &side);
}

static mal_err eval_in(expr_cx *cx, column *out, const mal_obl_expr *e) {
    MAL_AUTO(mal_obl_column_clear) column a = { 0 };
    int64_t list[EXPR_LIST_CHUNK];
    MAL_TRY(expr_eval(cx, &a, e->args[0], EXPR_BITS));
    MAL_REQUIRE(e->n_list <= MAL_OBL_LIST_MAX && !a.type.opaque, MAL_E_LIMIT,
                "a list of %u numbers, at most %d", e->n_list,
                MAL_OBL_LIST_MAX);
    MAL_TRY(obl_bits_new(cx->o, &out->bits, cx->t->n, 1));
    for (unsigned i = 0; i < e->n_list;) {
        OBL_AUTO_BITS found = { 0 };
        unsigned k = 0;
        for (; i < e->n_list && k < EXPR_LIST_CHUNK; i++)
            if (e->list[i] >= a.type.lo && e->list[i] <= a.type.hi)
                list[k++] = e->list[i];
        if (k == 0)
            break;
        MAL_TRY(eq_list(cx, &found, &a.bits, list, k));
        obl_xor_in(&out->bits, &found); /* values differ: at most one is it */
    }
    MAL_TRY(expr_nulls(cx, out, &a, NULL));
    return mask_truth(cx, out);
}

static mal_err eval_lookup(expr_cx *cx, column *out, const mal_obl_expr *e) {
    MAL_AUTO(mal_obl_column_clear) column a = { 0 };
    OBL_AUTO_BITS hot = { 0 }, x = { 0 };
    MAL_REQUIRE(e->n_list >= 1 && e->n_list <= MAL_OBL_LIST_MAX, MAL_E_LIMIT,
                "a table of %u numbers, 1 to %d", e->n_list, MAL_OBL_LIST_MAX);
    const mal_obl_type index = { .hi = e->n_list - 1 };
    MAL_TRY(expr_eval(cx, &a, e->args[0], EXPR_BITS));
    MAL_TRY(expr_planes(cx, &x, &a, mal_obl_width(&index)));
    MAL_TRY(obl_one_hot(cx->o, &hot, &x, e->n_list));
    out->type = e->type;
    out->has_bits = true;
    MAL_TRY(obl_bits_new(cx->o, &out->bits, cx->t->n, mal_obl_width(&e->type)));
    for (unsigned i = 0; i < hot.width; i++) {
        const bits is = obl_planes(&hot, i, 1);
        for (unsigned b = 0; b < out->bits.width; b++)
            if (e->list[i] >> b & 1) {
                bits plane = obl_planes(&out->bits, b, 1);
                obl_xor_in(&plane, &is);
            }
    }
    return expr_nulls(cx, out, &a, NULL);
}

/* --- choices -------------------------------------------------------------- */

/* acc = c ? a : acc, in planes of the result or in words. */
static mal_err choose(expr_cx *cx, column *acc, const bits *c, column *a,
                      const mal_obl_expr *e, bool in_words) {
    MAL_AUTO(mal_obl_column_clear) column z = { .type = e->type };
    z.type.nullable = acc->type.nullable || a->type.nullable;
    if (in_words) {
        OBL_AUTO_WORDS gap = { 0 };
        MAL_TRY(mal_obl_need_words(cx->o, a));
        MAL_TRY(obl_words_copy(cx->o, &gap, &a->words));
        obl_words_add_in(&gap, &acc->words, ~(uint64_t)0);
        MAL_TRY(obl_inject(cx->o, &z.words, c, &gap));
        obl_words_add_in(&z.words, &acc->words, 1);
        z.has_words = true;
    } else {
        OBL_AUTO_BITS x = { 0 };
        MAL_TRY(expr_planes(cx, &x, a, acc->bits.width));
        MAL_TRY(obl_mux(cx->o, &z.bits, c, &x, &acc->bits));
        z.has_bits = true;
    }
    if (z.type.nullable) {
        OBL_AUTO_BITS no = { 0 };
        MAL_TRY(obl_bits_new(cx->o, &no, cx->t->n, 1));
        MAL_TRY(obl_mux(cx->o, &z.null, c, a->type.nullable ? &a->null : &no,
                        acc->type.nullable ? &acc->null : &no));
    }
    mal_obl_column_clear(acc);
    *acc = z;
    memset(&z, 0, sizeof z);
    return MAL_OK;
}

/* The last value, in the form and the type that all branches will have. */
static mal_err first_choice(expr_cx *cx, column *acc, column *last,
                            const mal_obl_expr *e, bool in_words) {
    acc->type = e->type;
    acc->type.nullable = last->type.nullable;
    if (last->type.nullable)
        MAL_TRY(obl_bits_copy(cx->o, &acc->null, &last->null));
    if (in_words) {
        acc->has_words = true;
        MAL_TRY(mal_obl_need_words(cx->o, last));
        return obl_words_copy(cx->o, &acc->words, &last->words);
    }
    acc->has_bits = true;
    return expr_planes(cx, &acc->bits, last, mal_obl_width(&e->type));
}

/* CASE: values at odd places and the last; COALESCE: all. */
static mal_err eval_choice(expr_cx *cx, column *out, const mal_obl_expr *e,
                           column *values, expr_form want) {
    const bool is_case = e->op == MAL_OBL_CASE;
    const unsigned last = e->n_args - 1;
    bool in_words = want == EXPR_WORDS;
    for (unsigned i = 0; i < e->n_args; i++) {
        if (is_case && i != last && i % 2 == 0)
            continue;
        MAL_TRY(expr_eval(cx, &values[i], e->args[i], EXPR_ANY));
        in_words |= !values[i].has_bits;
    }
    MAL_TRY(first_choice(cx, out, &values[last], e, in_words));
    for (unsigned i = last; i > 0;) {
        i -= is_case ? 2 : 1;
        column *value = &values[i + is_case];
        OBL_AUTO_BITS known = { 0 };
        if (is_case) {
            MAL_TRY(truth(cx, &values[i], e->args[i]));
            MAL_TRY(choose(cx, out, &values[i].bits, value, e, in_words));
        } else if (value->type.nullable) {
            MAL_TRY(obl_not_null(cx->o, &known, value));
            value->type.nullable = false; /* where it is chosen */
            MAL_TRY(choose(cx, out, &known, value, e, in_words));
        } else {
            mal_obl_column_clear(out);
            MAL_TRY(first_choice(cx, out, value, e, in_words));
        }
    }
    return MAL_OK;
}

static mal_err with_values(expr_cx *cx, column *out, const mal_obl_expr *e,
                           expr_form want) {
    MAL_REQUIRE(e->n_args >= 1 && e->n_args <= MAL_OBL_LIST_MAX &&
                    (e->op != MAL_OBL_CASE || e->n_args % 2 == 1),
                MAL_E_INPUT, "a choice among %u arguments", e->n_args);
    column *values = mal_calloc(e->n_args, sizeof *values);
    if (!values)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    const mal_err err = eval_choice(cx, out, e, values, want);
    for (unsigned i = 0; i < e->n_args; i++)
        mal_obl_column_clear(&values[i]);
    mal_free(values);
    return err;
}

/* --- numbers -------------------------------------------------------------- */

/* Which form do the arguments of a linear operator come in? */
static expr_form want_of_args(const mal_obl_expr *e, expr_form want) {
    switch (e->op) {
    case MAL_OBL_NEG:
    case MAL_OBL_ADD:
    case MAL_OBL_SUB:
        return want == EXPR_WORDS ? EXPR_WORDS : EXPR_ANY;
    default:
        return EXPR_ANY;
    }
}

static mal_err eval_arith(expr_cx *cx, column *out, const mal_obl_expr *e,
                          expr_form want) {
    MAL_AUTO(mal_obl_column_clear) column a = { 0 };
    MAL_AUTO(mal_obl_column_clear) column b = { 0 };
    const expr_form inner = want_of_args(e, want);
    MAL_TRY(expr_eval(cx, &a, e->args[0], inner));
    if (e->n_args == 2)
        MAL_TRY(expr_eval(cx, &b, e->args[1], inner));
    MAL_REQUIRE(!a.type.opaque && !b.type.opaque, MAL_E_INPUT,
                "an identifier is not computed with");
    out->type = e->type;
    MAL_TRY(expr_nulls(cx, out, &a, e->n_args == 2 ? &b : NULL));
    return expr_arith(cx, out, e, &a, &b, want);
}

/* --- all ------------------------------------------------------------------ */

static mal_err check_args(const mal_obl_expr *e) {
    unsigned low = 1, high = 1;
    switch (e->op) {
    case MAL_OBL_COL:
    case MAL_OBL_CONST:
        low = high = 0;
        break;
    case MAL_OBL_AND:
    case MAL_OBL_OR:
    case MAL_OBL_CASE:
    case MAL_OBL_COALESCE:
        high = MAL_OBL_LIST_MAX;
        break;
    case MAL_OBL_NEG:
    case MAL_OBL_SCALE:
    case MAL_OBL_VALUE:
    case MAL_OBL_KNOWN:
    case MAL_OBL_NOT:
    case MAL_OBL_ISNULL:
    case MAL_OBL_IN:
    case MAL_OBL_LOOKUP:
        break;
    default:
        low = high = 2;
    }
    MAL_REQUIRE(e->n_args >= low && e->n_args <= high, MAL_E_INPUT,
                "operator %d with %u arguments", (int)e->op, e->n_args);
    return MAL_OK;
}

static mal_err eval_op(expr_cx *cx, column *out, const mal_obl_expr *e,
                       expr_form want) {
    switch (e->op) {
    case MAL_OBL_COL:
        return eval_column(cx, out, e, want);
    case MAL_OBL_CONST:
        return expr_const(cx, out, e);
    case MAL_OBL_EQ:
    case MAL_OBL_NE:
    case MAL_OBL_LT:
    case MAL_OBL_LE:
    case MAL_OBL_GT:
    case MAL_OBL_GE:
        return eval_compare(cx, out, e);
    case MAL_OBL_AND:
    case MAL_OBL_OR:
        return eval_logic(cx, out, e, 0, e->n_args);
    case MAL_OBL_NOT:
        return eval_not(cx, out, e);
    case MAL_OBL_ISNULL:
        return eval_isnull(cx, out, e);
    case MAL_OBL_IN:
        return eval_in(cx, out, e);
    case MAL_OBL_LOOKUP:
        return eval_lookup(cx, out, e);
    case MAL_OBL_CASE:
    case MAL_OBL_COALESCE:
        return with_values(cx, out, e, want);
    default:
        return eval_arith(cx, out, e, want);
    }
}

mal_err expr_eval(expr_cx *cx, column *out, const mal_obl_expr *e,
                  expr_form want) {
    MAL_REQUIRE(cx->depth < MAL_OBL_DEPTH_MAX, MAL_E_LIMIT,
                "an expression deeper than %d", MAL_OBL_DEPTH_MAX);
    MAL_TRY(check_args(e));
    cx->depth++;
    mal_err err = eval_op(cx, out, e, want);
    if (err == MAL_OK)
        err = expr_want(cx, out, want);
    cx->depth--;
    if (err != MAL_OK)
        mal_obl_column_clear(out);
    return err;
}

/* Owned, and of the type that the expression promises. */
static mal_err settle(mal_obl *o, column *out, column *c,
                      const mal_obl_type *type) {
    out->type = *type;
    if (c->has_words && !c->has_bits) {
        MAL_TRY(obl_words_copy(o, &out->words, &c->words));
        out->has_words = true;
    } else {
        MAL_TRY(obl_column_planes(o, &out->bits, c, type));
        out->has_bits = true;
    }
    if (!type->nullable)
        return MAL_OK;
    return c->type.nullable
               ? obl_bits_copy(o, &out->null, &c->null)
               : obl_bits_new(o, &out->null,
                              out->has_bits ? out->bits.n : out->words.n, 1);
}

/* What the expression does not read may be parked meanwhile. */
static mal_err rest_others(mal_obl *o, table *t, const mal_obl_expr *e) {
    for (unsigned i = 0; i < t->n_columns; i++)
        MAL_TRY(expr_reads(e, i) ? obl_column_wake(o, &t->columns[i])
                                 : obl_column_rest(o, &t->columns[i]));
    return MAL_OK;
}

static mal_err value_of_rows(mal_obl *o, column *out, table *t,
                             const mal_obl_expr *e) {
    expr_cx cx = { .o = o, .t = t };
    MAL_AUTO(mal_obl_column_clear) column c = { 0 };
    MAL_TRY(expr_eval(&cx, &c, e, EXPR_ANY));
    return settle(o, out, &c, &e->type);
}

static mal_err truth_of_rows(mal_obl *o, column *out, table *t,
                             const mal_obl_expr *e) {
    expr_cx cx = { .o = o, .t = t };
    return truth(&cx, out, e);
}

static mal_err eval(mal_obl *o, column *out, table *t, const mal_obl_expr *e) {
    MAL_TRY(rest_others(o, t, e));
    return e->op == MAL_OBL_COL
               ? value_of_rows(o, out, t, e)
               : expr_by_slices(o, out, t, e, expr_words(e), value_of_rows);
}

mal_err mal_obl_eval(mal_obl *o, column *out, table *t, const mal_obl_expr *e) {
    MAL_TRY(eval(o, out, t, e));
    return mal_obl_table_wake(o, t);
}

mal_err mal_obl_filter(mal_obl *o, table *t, const mal_obl_expr *e) {
    MAL_AUTO(mal_obl_column_clear) column c = { 0 };
    OBL_AUTO_BITS valid = { 0 };
    MAL_TRY(rest_others(o, t, e));
    MAL_TRY(expr_by_slices(o, &c, t, e, expr_words(e), truth_of_rows));
    MAL_TRY(obl_and(o, &valid, &t->valid, &c.bits));
    mal_share3_bits_clear(&t->valid);
    t->valid = valid;
    memset(&valid, 0, sizeof valid);
    mal_obl_column_clear(&c);
    return mal_obl_table_wake(o, t);
}

mal_err mal_obl_project(mal_obl *o, table *out, table *t,
                        const mal_obl_expr *const *e, unsigned n) {
    MAL_TRY(obl_columns_new(out, n));
    out->n = t->n;
    MAL_TRY(obl_bits_copy(o, &out->valid, &t->valid));
    for (unsigned i = 0; i < n; i++) {
        MAL_TRY(eval(o, &out->columns[i], t, e[i]));
        MAL_TRY(obl_column_rest(o, &out->columns[i]));
    }
    MAL_TRY(obl_columns_rest(o, t)); /* used no more */
    return mal_obl_table_wake(o, out);
}
