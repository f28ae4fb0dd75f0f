/* arith.c - numbers in expressions.  A result's planes are computed mod
 * 2^width of its proved type, words mod 2^64: both hold the value, as it lies
 * in the type. */
#include "expr_impl.h"

#include <string.h>

/* A constant factor with at most this many ones is added up in planes. */
#define SHIFT_ADDS_MAX 3

static bool only_words(const column *c) {
    return c->has_words && !c->has_bits;
}

static mal_err negate(expr_cx *cx, column *out, column *a) {
    if (only_words(a)) {
        MAL_TRY(obl_words_copy(cx->o, &out->words, &a->words));
        obl_words_scale_in(&out->words, ~(uint64_t)0);
        out->has_words = true;
        return MAL_OK;
    }
    OBL_AUTO_BITS x = { 0 }, zero = { 0 };
    const unsigned w = mal_obl_width(&out->type);
    MAL_TRY(expr_planes(cx, &x, a, w));
    MAL_TRY(obl_bits_new(cx->o, &zero, x.n, w));
    out->has_bits = true;
    return obl_bits_sub(cx->o, &out->bits, &zero, &x);
}

static mal_err add(expr_cx *cx, column *out, column *a, column *b, bool minus) {
    if (only_words(a) || only_words(b)) {
        MAL_TRY(mal_obl_need_words(cx->o, a));
        MAL_TRY(mal_obl_need_words(cx->o, b));
        MAL_TRY(obl_words_copy(cx->o, &out->words, &a->words));
        obl_words_add_in(&out->words, &b->words, minus ? ~(uint64_t)0 : 1);
        out->has_words = true;
        return MAL_OK;
    }
    OBL_AUTO_BITS x = { 0 }, y = { 0 };
    const unsigned w = mal_obl_width(&out->type);
    MAL_TRY(expr_planes(cx, &x, a, w));
    MAL_TRY(expr_planes(cx, &y, b, w));
    out->has_bits = true;
    return minus ? obl_bits_sub(cx->o, &out->bits, &x, &y)
                 : obl_bits_add(cx->o, &out->bits, &x, &y);
}

/* a * factor, by shifted copies or in words. */
static mal_err scale(expr_cx *cx, column *out, column *a, int64_t factor,
                     expr_form want) {
    const unsigned w = mal_obl_width(&out->type);
    const bool few =
        factor > 0 && __builtin_popcountll((uint64_t)factor) <= SHIFT_ADDS_MAX;
    if (!few || only_words(a) || want == EXPR_WORDS) {
        MAL_TRY(mal_obl_need_words(cx->o, a));
        MAL_TRY(obl_words_copy(cx->o, &out->words, &a->words));
        obl_words_scale_in(&out->words, (uint64_t)factor);
        out->has_words = true;
        return MAL_OK;
    }
    OBL_AUTO_BITS x = { 0 };
    MAL_TRY(expr_planes(cx, &x, a, w));
    for (unsigned b = 0; b < w && b < 63; b++) {
        if (!(factor >> b & 1))
            continue;
        OBL_AUTO_BITS shifted = { 0 }, sum = { 0 };
        const bits low = obl_planes(&x, 0, w - b);
        MAL_TRY(obl_bits_new(cx->o, &shifted, x.n, w));
        obl_planes_put(&shifted, b, &low);
        if (out->has_bits) {
            MAL_TRY(obl_bits_add(cx->o, &sum, &out->bits, &shifted));
        } else {
            MAL_TRY(obl_bits_copy(cx->o, &sum, &shifted));
        }
        mal_share3_bits_clear(&out->bits);
        out->bits = sum;
        out->has_bits = true;
        memset(&sum, 0, sizeof sum);
    }
    if (!out->has_bits) /* every shift leaves the width: 0 */
        MAL_TRY(obl_bits_new(cx->o, &out->bits, x.n, w));
    out->has_bits = true;
    return MAL_OK;
}

static bool is_bit(const column *c) {
    return c->has_bits && c->type.lo >= 0 && c->type.hi <= 1;
}

/* bit * x: an AND, or an injection. */
static mal_err times_bit(expr_cx *cx, column *out, column *bit, column *x) {
    const bits b = obl_planes(&bit->bits, 0, 1);
    if (only_words(x)) {
        out->has_words = true;
        return obl_inject(cx->o, &out->words, &b, &x->words);
    }
    OBL_AUTO_BITS y = { 0 };
    MAL_TRY(expr_planes(cx, &y, x, mal_obl_width(&out->type)));
    out->has_bits = true;
    return obl_and(cx->o, &out->bits, &y, &b);
}

static mal_err multiply(expr_cx *cx, column *out, column *a, column *b,
                        expr_form want) {
    if (a->type.lo == a->type.hi && !a->type.nullable)
        return scale(cx, out, b, a->type.lo, want);
    if (b->type.lo == b->type.hi && !b->type.nullable)
        return scale(cx, out, a, b->type.lo, want);
    if (is_bit(a))
        return times_bit(cx, out, a, b);
    if (is_bit(b))
        return times_bit(cx, out, b, a);
    MAL_TRY(mal_obl_need_words(cx->o, a));
    MAL_TRY(mal_obl_need_words(cx->o, b));
    out->has_words = true;
    return obl_mul(cx->o, &out->words, &a->words, &b->words);
}

/* --- division ------------------------------------------------------------- */

static mal_err pow10_of(int64_t *p, int64_t digits) {
    MAL_REQUIRE(digits >= 0 && digits <= 18, MAL_E_INPUT,
                "a scale of %lld digits", (long long)digits);
    *p = 1;
    while (digits--)
        *p *= 10;
    return MAL_OK;
}

/* As two's complement with a sign, whatever the type. */
static mal_err signed_planes(expr_cx *cx, bits *z, column *c) {
    return expr_planes(cx, z, c,
                       mal_obl_width(&c->type) + !obl_signed(&c->type));
}

/* a * 10^digits, in planes. */
static mal_err dividend(expr_cx *cx, column *out, column *a, int64_t digits) {
    int64_t f;
    MAL_TRY(pow10_of(&f, digits));
    mal_i128 lo = (mal_i128)a->type.lo * f, hi = (mal_i128)a->type.hi * f;
    MAL_REQUIRE(lo >= -INT64_MAX && hi <= INT64_MAX, MAL_E_UNSUPPORTED,
                "a dividend of more than 64 bits");
    out->type = (mal_obl_type){ .lo = (int64_t)lo, .hi = (int64_t)hi };
    return scale(cx, out, a, f, EXPR_ANY);
}

static mal_err divide(expr_cx *cx, column *out, const mal_obl_expr *e,
                      column *a, column *b) {
    MAL_AUTO(mal_obl_column_clear) column scaled = { 0 };
    OBL_AUTO_BITS x = { 0 }, y = { 0 }, q = { 0 }, r = { 0 };
    OBL_AUTO_BITS none = { 0 }, zero = { 0 };
    MAL_TRY(dividend(cx, &scaled, a, e->op == MAL_OBL_DIV ? e->value : 0));
    MAL_TRY(signed_planes(cx, &x, &scaled));
    MAL_TRY(signed_planes(cx, &y, b));
    MAL_TRY(obl_floor_divide(cx->o, &q, &r, &x, &y));
    MAL_TRY(obl_extend(cx->o, &out->bits, e->op == MAL_OBL_DIV ? &q : &r,
                       mal_obl_width(&out->type), true));
    out->has_bits = true;
    if (b->type.lo > 0 || b->type.hi < 0)
        return MAL_OK;
    MAL_TRY(obl_bits_new(cx->o, &none, y.n, y.width));
    MAL_TRY(obl_eq(cx->o, &zero, &y, &none));
    return expr_null_or(cx, out, &zero);
}

static mal_err rescale(expr_cx *cx, column *out, const mal_obl_expr *e,
                       column *a, expr_form want) {
    int64_t f;
    MAL_TRY(pow10_of(&f, e->value < 0 ? -e->value : e->value));
    if (e->value >= 0)
        return scale(cx, out, a, f, want);
    OBL_AUTO_BITS x = { 0 }, q = { 0 };
    MAL_TRY(signed_planes(cx, &x, a));
    MAL_TRY(obl_round_divide(cx->o, &q, &x, f));
    out->has_bits = true;
    return obl_extend(cx->o, &out->bits, &q, mal_obl_width(&out->type), true);
}

/* --- codes ---------------------------------------------------------------- */

/* a, NULL from the code list[0] on; VALUE adds the first integer. */
static mal_err code(expr_cx *cx, column *out, const mal_obl_expr *e, column *a,
                    expr_form want) {
    MAL_REQUIRE(e->n_list == 1 && e->list[0] >= 0, MAL_E_INPUT,
                "a code without the number of its domain");
    const mal_obl_type domain = { .lo = a->type.lo,
                                  .hi = a->type.hi > e->list[0] ? a->type.hi
                                                                : e->list[0] };
    const unsigned w = mal_obl_width(&domain);
    OBL_AUTO_BITS x = { 0 }, n = { 0 }, other = { 0 };
    MAL_TRY(expr_planes(cx, &x, a, w));
    if (a->type.hi >= e->list[0]) {
        MAL_TRY(obl_public_bits(cx->o, &n, x.n, w, e->list[0]));
        MAL_TRY(obl_lt(cx->o, &other, &x, &n, obl_signed(&domain)));
        obl_not_in(cx->o, &other);
        MAL_TRY(expr_null_or(cx, out, &other));
    }
    if (e->op == MAL_OBL_KNOWN || e->value == 0) {
        out->has_bits = true;
        return obl_extend(cx->o, &out->bits, &x, mal_obl_width(&out->type),
                          obl_signed(&domain));
    }
    MAL_AUTO(mal_obl_column_clear) column first = { 0 };
    const mal_obl_expr c = { .op = MAL_OBL_CONST, .value = e->value };
    MAL_TRY(expr_const(cx, &first, &c));
    MAL_TRY(expr_want(cx, &first, want));
    return add(cx, out, a, &first, false);
}

/* --- all ------------------------------------------------------------------ */

mal_err expr_arith(expr_cx *cx, column *out, const mal_obl_expr *e, column *a,
                   column *b, expr_form want) {
    switch (e->op) {
    case MAL_OBL_NEG:
        return negate(cx, out, a);
    case MAL_OBL_ADD:
    case MAL_OBL_SUB:
        return add(cx, out, a, b, e->op == MAL_OBL_SUB);
    case MAL_OBL_MUL:
        return multiply(cx, out, a, b, want);
    case MAL_OBL_DIV:
    case MAL_OBL_MOD:
        return divide(cx, out, e, a, b);
    case MAL_OBL_SCALE:
        return rescale(cx, out, e, a, want);
    case MAL_OBL_VALUE:
    case MAL_OBL_KNOWN:
        return code(cx, out, e, a, want);
    default:
        MAL_FAIL(MAL_E_INPUT, "no operator %d", (int)e->op);
    }
}
