/* bound.c - what the contract says of an owner's rows, kept on shares: each
 * value in its range, so many rows of one value, no two rows alike.
 *
 *     rows in the order of the column   5  5  5  5  7  7  9
 *     as the row 2 above it             -  -  1  1  0  0  0   the third of a
 *                                                             value, and on
 *
 * In that order the rows of a value stand together, so that one equality a row
 * says which are too many.
 */
#include "expr_impl.h"

#include <string.h>

/* z[r]: key[r] = key[r - by]; 0 for the first `by` rows. */
static mal_err same_as_before(mal_obl *o, bits *z, const bits *key, size_t by) {
    OBL_AUTO_BITS before = { 0 };
    MAL_TRY(obl_rows_down(o, &before, key, by));
    MAL_TRY(obl_eq(o, z, key, &before));
    for (unsigned p = 0; p < 2 && z->part[0]; p++) {
        memset(z->part[p], 0, by / 64 * sizeof(uint64_t));
        z->part[p][by / 64] &= ~(uint64_t)0 << by % 64;
    }
    return MAL_OK;
}

static mal_err drop_rows(mal_obl *o, table *t, bits *drop) {
    OBL_AUTO_BITS left = { 0 };
    obl_not_in(o, drop);
    MAL_TRY(obl_and(o, &left, &t->valid, drop));
    mal_share3_bits_clear(&t->valid);
    t->valid = left;
    memset(&left, 0, sizeof left);
    return MAL_OK;
}

/* A row of nobody does not count. */
static mal_err drop_nulls(mal_obl *o, table *t, const column *c) {
    OBL_AUTO_BITS null = { 0 };
    if (!c->type.nullable)
        return MAL_OK;
    MAL_TRY(obl_bits_copy(o, &null, &c->null));
    return drop_rows(o, t, &null);
}

mal_err mal_obl_bound(mal_obl *o, table *t, unsigned at, size_t rows_max,
                      const mal_obl_rank *rank) {
    const mal_obl_key by = { .column = at };
    OBL_AUTO_BITS key = { 0 }, over = { 0 };
    OBL_AUTO_ORDER order = { 0 };
    MAL_REQUIRE(at < t->n_columns && rows_max >= 1, MAL_E_INPUT,
                "no column %u, or a bound of no row", at);
    MAL_REQUIRE(!rank || (rank->n_keys == 1 && rank->keys[0] == at),
                MAL_E_INPUT, "a rank of other columns");
    MAL_TRY(drop_nulls(o, t, &t->columns[at]));
    if (rows_max >= t->n)
        return MAL_OK;
    MAL_TRY(obl_key_planes(o, &key, t, &by, 1, rank ? NULL : &t->valid));
    for (unsigned i = 0; i < t->n_columns; i++) /* it has what it needs */
        MAL_TRY(obl_column_rest(o, &t->columns[i]));
    if (!rank)
        MAL_TRY(obl_order_sort(o, &order, &key));
    else if (!rank->in_place)
        MAL_TRY(obl_rank_order(o, &order, rank));
    if (order.n)
        MAL_TRY(obl_move_bits(o, &order, &key, false));
    MAL_TRY(same_as_before(o, &over, &key, rows_max));
    if (order.n)
        MAL_TRY(obl_move_bits(o, &order, &over, true));
    MAL_TRY(drop_rows(o, t, &over));
    mal_share3_bits_clear(&key);
    mal_share3_bits_clear(&over);
    return mal_obl_table_wake(o, t);
}

/* Rows in the order of the keys, those that do not count last: same[r] says
 * that row r counts, and so does the one above, with the same keys; counts in
 * that order, too. */
typedef struct alike {
    obl_order order;
    bits same, counts;
} alike;

static void alike_clear(alike *a) {
    obl_order_clear(&a->order);
    mal_share3_bits_clear(&a->same);
    mal_share3_bits_clear(&a->counts);
}

static mal_err find_alike(mal_obl *o, alike *z, table *t, const unsigned *keys,
                          unsigned n_keys) {
    mal_obl_key by[MAL_OBL_KEYS_MAX] = { 0 };
    OBL_AUTO_BITS key = { 0 }, counts = { 0 }, same = { 0 };
    MAL_REQUIRE(n_keys >= 1 && n_keys <= MAL_OBL_KEYS_MAX, MAL_E_LIMIT,
                "%u columns that are unique together, 1 to %d", n_keys,
                MAL_OBL_KEYS_MAX);
    MAL_TRY(obl_bits_copy(o, &counts, &t->valid));
    for (unsigned i = 0; i < n_keys; i++) {
        OBL_AUTO_BITS known = { 0 }, both = { 0 };
        MAL_REQUIRE(keys[i] < t->n_columns, MAL_E_INPUT, "no column %u",
                    keys[i]);
        by[i].column = keys[i];
        if (!t->columns[keys[i]].type.nullable)
            continue;
        MAL_TRY(obl_not_null(o, &known, &t->columns[keys[i]]));
        MAL_TRY(obl_and(o, &both, &counts, &known));
        obl_planes_put(&counts, 0, &both);
    }
    /* On top of the key stands that a row does not count: those are last. */
    MAL_TRY(obl_key_planes(o, &key, t, by, n_keys, &counts));
    MAL_TRY(obl_order_sort(o, &z->order, &key));
    MAL_TRY(obl_move_bits(o, &z->order, &key, false));
    MAL_TRY(obl_same_as_above(o, &same, &key));
    const bits idle = obl_planes(&key, key.width - 1, 1);
    MAL_TRY(obl_bits_copy(o, &z->counts, &idle));
    obl_not_in(o, &z->counts);
    return obl_and(o, &z->same, &same, &z->counts);
}

mal_err mal_obl_unique(mal_obl *o, table *t, const unsigned *keys,
                       unsigned n_keys) {
    MAL_AUTO(alike_clear) alike a = { 0 };
    MAL_TRY(find_alike(o, &a, t, keys, n_keys));
    return obl_promise(o, &a.same);
}

mal_err mal_obl_first(mal_obl *o, table *t, const unsigned *keys,
                      unsigned n_keys) {
    static const mal_obl_type truth = { .hi = 1 };
    MAL_AUTO(alike_clear) alike a = { 0 };
    OBL_AUTO_BITS first = { 0 };
    MAL_TRY(find_alike(o, &a, t, keys, n_keys));
    obl_not_in(o, &a.same);
    MAL_TRY(obl_and(o, &first, &a.same, &a.counts));
    MAL_TRY(obl_move_bits(o, &a.order, &first, true));
    return obl_append_column(o, t, &first, &truth);
}

/* --- Ranges --------------------------------------------------------------- */

/* Values outside the width are those of their low bits: the owner's fault, and
 * in range after the two comparisons below. */
static mal_err clamp_rows(mal_obl *o, column *out, table *t,
                          const mal_obl_expr *e) {
    (void)e;
    const column *c = &t->columns[0];
    const bool is_signed = obl_signed(&c->type);
    OBL_AUTO_BITS lo = { 0 }, hi = { 0 }, below = { 0 }, above = { 0 };
    OBL_AUTO_BITS raised = { 0 };
    const bits *x = &c->bits;
    out->type = (mal_obl_type){ .lo = c->type.lo, .hi = c->type.hi };
    out->has_bits = true;
    MAL_TRY(obl_public_bits(o, &lo, x->n, x->width, c->type.lo));
    MAL_TRY(obl_public_bits(o, &hi, x->n, x->width, c->type.hi));
    MAL_TRY(obl_lt(o, &below, x, &lo, is_signed));
    MAL_TRY(obl_lt(o, &above, &hi, x, is_signed));
    MAL_TRY(obl_mux(o, &raised, &below, &lo, x));
    return obl_mux(o, &out->bits, &above, &hi, &raised);
}

mal_err mal_obl_clamp(mal_obl *o, column *c) {
    static const mal_obl_expr column_0 = { .op = MAL_OBL_COL };
    MAL_AUTO(mal_obl_column_clear) column clamped = { 0 };
    if (c->type.opaque)
        return MAL_OK;
    MAL_TRY(mal_obl_need_bits(o, c));
    column planes = { .type = c->type, .has_bits = true };
    planes.type.nullable = false; /* what a NULL stands over is clamped, too */
    planes.bits = obl_planes(&c->bits, 0, c->bits.width);
    table t = { .n = c->bits.n, .n_columns = 1, .columns = &planes };
    MAL_TRY(expr_by_slices(o, &clamped, &t, &column_0,
                           6 * (size_t)c->bits.width / 64 + 1, clamp_rows));
    mal_share3_bits_clear(&c->bits);
    c->bits = clamped.bits;
    memset(&clamped.bits, 0, sizeof clamped.bits);
    mal_share3_words_clear(&c->words);
    c->has_words = false;
    return MAL_OK;
}
