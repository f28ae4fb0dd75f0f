/* total.c - aggregates over a whole table: one row, always valid. */
#include "dense_impl.h"

#include <string.h>

/* The greater of every two rows, log2(n) times; unsigned. */
static mal_err greatest(mal_obl *o, bits *x) {
    while (x->n > 1) {
        const size_t half = x->n / 2, rest = x->n - half;
        OBL_AUTO_BITS a = { 0 }, b = { 0 }, less = { 0 }, top = { 0 };
        OBL_AUTO_BITS next = { 0 };
        MAL_TRY(obl_rows_slice(o, &a, x, 0, half));
        MAL_TRY(obl_rows_slice(o, &b, x, rest, half));
        MAL_TRY(obl_less(o, &less, &a, &b));
        MAL_TRY(obl_mux(o, &top, &less, &b, &a));
        MAL_TRY(obl_rows_slice(o, &next, x, 0, rest));
        obl_rows_put(&next, 0, &top);
        mal_share3_bits_clear(x);
        *x = next;
        memset(&next, 0, sizeof next);
    }
    return MAL_OK;
}

/* Planes whose greatest row is the extreme: the value, sign flipped, reversed
 * for MIN, 0 where the row does not count; on top whether it does. */
static mal_err extreme(mal_obl *o, column *z, table *in, const mal_obl_agg *a,
                       const bits *known) {
    OBL_AUTO_BITS x = { 0 }, masked = { 0 }, all = { 0 };
    column *c = &in->columns[a->column];
    const bool flip = a->kind == MAL_OBL_MIN;
    MAL_TRY(mal_obl_need_bits(o, c));
    MAL_TRY(obl_bits_copy(o, &x, &c->bits));
    const unsigned w = x.width;
    if (obl_signed(&c->type))
        obl_plane_xor_public(o, &x, w - 1, true);
    if (flip)
        obl_not_in(o, &x);
    MAL_TRY(obl_and(o, &masked, &x, known));
    MAL_TRY(obl_bits_new(o, &all, in->n, w + 1));
    obl_planes_put(&all, 0, &masked);
    obl_planes_put(&all, w, known);
    MAL_TRY(greatest(o, &all));
    const bits value = obl_planes(&all, 0, w), some = obl_planes(&all, w, 1);
    z->type = c->type;
    z->type.nullable = true;
    z->has_bits = true;
    MAL_TRY(obl_bits_copy(o, &z->bits, &value));
    if (flip)
        obl_not_in(o, &z->bits);
    if (obl_signed(&c->type))
        obl_plane_xor_public(o, &z->bits, w - 1, true);
    MAL_TRY(obl_bits_copy(o, &z->null, &some));
    obl_not_in(o, &z->null);
    return MAL_OK;
}

/* Rows that are first of their value, among those that count. */
static mal_err distinct_rows(mal_obl *o, bits *z, table *in, unsigned at,
                             const bits *known) {
    const mal_obl_key by = { .column = at };
    OBL_AUTO_BITS key = { 0 }, same = { 0 }, fresh = { 0 };
    OBL_AUTO_ORDER order = { 0 };
    MAL_TRY(obl_key_planes(o, &key, in, &by, 1, known));
    MAL_TRY(obl_order_sort(o, &order, &key));
    MAL_TRY(obl_move_bits(o, &order, &key, false));
    MAL_TRY(obl_same_as_above(o, &same, &key));
    MAL_TRY(obl_bits_copy(o, &fresh, &same));
    obl_not_in(o, &fresh);
    bits counts = obl_planes(&key, key.width - 1, 1);
    obl_not_in(o, &counts);
    return obl_and(o, z, &fresh, &counts);
}

static mal_err sum_or_count(mal_obl *o, column *z, table *in,
                            const mal_obl_agg *a, const bits *known) {
    column *c = a->kind == MAL_OBL_SUM ? &in->columns[a->column] : NULL;
    OBL_AUTO_BITS rows = { 0 };
    if (a->kind == MAL_OBL_COUNT_DISTINCT)
        MAL_TRY(distinct_rows(o, &rows, in, a->column, known));
    else
        MAL_TRY(obl_bits_copy(o, &rows, known));
    MAL_TRY(obl_agg_type(&z->type, in, a));
    z->type.nullable = c != NULL;
    z->has_words = true;
    MAL_TRY(obl_sum_of(o, &z->words, &rows, c));
    if (!c)
        return MAL_OK;
    MAL_TRY(obl_any(o, &z->null, known)); /* a sum of nothing is NULL */
    obl_not_in(o, &z->null);
    return MAL_OK;
}

mal_err obl_total(mal_obl *o, table *out, table *in,
                  const mal_obl_group_options *opt) {
    MAL_TRY(mal_obl_table_new(o, out, 1, opt->n_aggs, 1));
    for (unsigned i = 0; i < opt->n_aggs; i++) {
        const mal_obl_agg *a = &opt->aggs[i];
        const bool rows = a->kind == MAL_OBL_COUNT_ROWS;
        OBL_AUTO_BITS known = { 0 };
        MAL_REQUIRE(a->kind != MAL_OBL_ANY, MAL_E_UNSUPPORTED,
                    "a value of any row needs a key that determines it");
        MAL_TRY(obl_known_rows(o, &known, &in->valid,
                               rows ? NULL : &in->columns[a->column]));
        if (a->kind == MAL_OBL_MIN || a->kind == MAL_OBL_MAX)
            MAL_TRY(extreme(o, &out->columns[i], in, a, &known));
        else
            MAL_TRY(sum_or_count(o, &out->columns[i], in, a, &known));
    }
    return MAL_OK;
}
