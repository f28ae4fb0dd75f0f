/* value.c - a value of an expression: a constant's shares, the form that its
 * reader wants, its NULLs and its planes. */
#include "expr_impl.h"

#include <string.h>

mal_err expr_const(expr_cx *cx, column *out, const mal_obl_expr *e) {
    const int64_t v = e->null ? 0 : e->value;
    out->type = (mal_obl_type){ .lo = v, .hi = v, .nullable = e->null };
    MAL_TRY(obl_public_bits(cx->o, &out->bits, cx->t->n,
                            mal_obl_width(&out->type), v));
    MAL_TRY(obl_public_words(cx->o, &out->words, cx->t->n, v));
    out->has_bits = out->has_words = true;
    return e->null ? obl_public_bits(cx->o, &out->null, cx->t->n, 1, 1)
                   : MAL_OK;
}

mal_err expr_want(expr_cx *cx, column *c, expr_form want) {
    if (want == EXPR_BITS)
        return mal_obl_need_bits(cx->o, c);
    return want == EXPR_WORDS ? mal_obl_need_words(cx->o, c) : MAL_OK;
}

mal_err expr_null_or(expr_cx *cx, column *out, const bits *null) {
    if (!out->type.nullable) {
        out->type.nullable = true;
        return obl_bits_copy(cx->o, &out->null, null);
    }
    OBL_AUTO_BITS both = { 0 };
    MAL_TRY(obl_or(cx->o, &both, &out->null, null));
    mal_share3_bits_clear(&out->null);
    out->null = both;
    memset(&both, 0, sizeof both);
    return MAL_OK;
}

mal_err expr_nulls(expr_cx *cx, column *out, const column *a, const column *b) {
    out->type.nullable = false;
    if (a->type.nullable)
        MAL_TRY(expr_null_or(cx, out, &a->null));
    return b && b->type.nullable ? expr_null_or(cx, out, &b->null) : MAL_OK;
}

mal_err expr_planes(expr_cx *cx, bits *z, column *c, unsigned width) {
    MAL_TRY(mal_obl_need_bits(cx->o, c));
    return obl_extend(cx->o, z, &c->bits, width, obl_signed(&c->type));
}
