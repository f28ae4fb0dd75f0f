/* slice.c - row by row work in slices, where memory is bounded.
 *
 * An expression takes many times what its columns take: constants, operands of
 * equal width, copies of a row for each number of a list.  Rows do not look at
 * each other, so they are worked on a few at a time, each slice with rounds of
 * its own.  How many is a function of the expression, of n and of the least of
 * the three limits: the same at all three.
 */
#include "expr_impl.h"

#include <string.h>

bool expr_reads(const mal_obl_expr *e, unsigned at) {
    bool found = e->op == MAL_OBL_COL && (uint64_t)e->value == at;
    for (unsigned i = 0; i < e->n_args && !found; i++)
        found = expr_reads(e->args[i], at);
    return found;
}

/* All values at once, each with an operand's copy and a conversion. */
size_t expr_words(const mal_obl_expr *e) {
    const unsigned w = e->type.opaque ? e->type.opaque : 64;
    size_t planes = e->op == MAL_OBL_COL ? w : 2 * w + 128, sum = 0;
    if (e->op == MAL_OBL_IN && e->n_args == 1) {
        const unsigned k =
            e->n_list < EXPR_LIST_CHUNK ? e->n_list : EXPR_LIST_CHUNK;
        planes += 3 * (size_t)k * mal_obl_width(&e->args[0]->type);
    }
    if (e->op == MAL_OBL_LOOKUP)
        planes += 4 * (size_t)e->n_list;
    if (e->op == MAL_OBL_DIV || e->op == MAL_OBL_MOD || e->op == MAL_OBL_SCALE)
        planes += 10 * (size_t)w;
    for (unsigned i = 0; i < e->n_args; i++)
        sum += expr_words(e->args[i]);
    return sum + planes / 64 + 1;
}

static mal_err cut_column(mal_obl *o, column *z, const column *c, size_t from,
                          size_t n) {
    z->has_bits = c->has_bits;
    z->has_words = c->has_words;
    if (c->has_bits)
        MAL_TRY(obl_rows_slice(o, &z->bits, &c->bits, from, n));
    if (c->has_words)
        MAL_TRY(obl_words_slice(o, &z->words, &c->words, from, n));
    return c->type.nullable ? obl_rows_slice(o, &z->null, &c->null, from, n)
                            : MAL_OK;
}

/* Of the columns that e reads. */
static mal_err cut_rows(mal_obl *o, table *z, const table *t,
                        const mal_obl_expr *e, size_t from, size_t n) {
    MAL_TRY(obl_columns_new(z, t->n_columns));
    z->n = n;
    for (unsigned i = 0; i < t->n_columns; i++) {
        z->columns[i].type = t->columns[i].type;
        if (expr_reads(e, i))
            MAL_TRY(cut_column(o, &z->columns[i], &t->columns[i], from, n));
    }
    return MAL_OK;
}

static mal_err make_whole(mal_obl *o, column *z, const column *part, size_t n) {
    z->type = part->type;
    z->has_bits = part->has_bits;
    z->has_words = part->has_words;
    if (z->has_bits)
        MAL_TRY(obl_bits_new(o, &z->bits, n, part->bits.width));
    if (z->has_words)
        MAL_TRY(obl_words_new(o, &z->words, n));
    return z->type.nullable ? obl_bits_new(o, &z->null, n, 1) : MAL_OK;
}

static void put_rows(column *z, size_t at, const column *part) {
    if (z->has_bits)
        obl_rows_put(&z->bits, at, &part->bits);
    for (unsigned p = 0; p < 2 && z->has_words; p++)
        memcpy(z->words.part[p] + at, part->words.part[p],
               part->words.n * sizeof(uint64_t));
    if (z->type.nullable)
        obl_rows_put(&z->null, at, &part->null);
}

mal_err expr_by_slices(mal_obl *o, column *out, table *t, const mal_obl_expr *e,
                       size_t each, expr_rows rows) {
    const size_t step = o->s ? mal_share3_slice(o->s, t->n, each) : t->n;
    if (step >= t->n)
        return rows(o, out, t, e);
    for (size_t at = 0; at < t->n; at += step) {
        MAL_AUTO(mal_obl_table_clear) table cut = { 0 };
        MAL_AUTO(mal_obl_column_clear) column part = { 0 };
        const size_t n = step < t->n - at ? step : t->n - at;
        MAL_TRY(cut_rows(o, &cut, t, e, at, n));
        MAL_TRY(rows(o, &part, &cut, e));
        if (at == 0)
            MAL_TRY(make_whole(o, out, &part, t->n));
        put_rows(out, at, &part);
    }
    return MAL_OK;
}
