/* order.c - keys as planes, and what stands on one sort: order by, limit,
 * compaction, union, window ranks. */
#include "oblivious_impl.h"

#include <string.h>

/* --- keys ----------------------------------------------------------------- */

static mal_err check_keys(const table *t, const mal_obl_key *keys, unsigned n) {
    MAL_REQUIRE(n <= MAL_OBL_KEYS_MAX, MAL_E_LIMIT, "%u keys, at most %d", n,
                MAL_OBL_KEYS_MAX);
    for (unsigned i = 0; i < n; i++)
        MAL_REQUIRE(keys[i].column < t->n_columns, MAL_E_INPUT, "no column %u",
                    keys[i].column);
    return MAL_OK;
}

/* One key into planes [at, ..): the value with its sign flipped, so that
 * unsigned order is its order, 0 where it is NULL; then the NULLs. */
static mal_err put_key(mal_obl *o, bits *z, unsigned *at, column *c,
                       const mal_obl_key *key) {
    OBL_AUTO_BITS x = { 0 }, known = { 0 }, masked = { 0 }, null = { 0 };
    MAL_TRY(obl_bits_copy(o, &x, &c->bits));
    if (obl_signed(&c->type))
        obl_plane_xor_public(o, &x, x.width - 1, true);
    if (key->desc)
        obl_not_in(o, &x);
    if (!c->type.nullable) {
        obl_planes_put(z, *at, &x);
        *at += x.width;
        return MAL_OK;
    }
    MAL_TRY(obl_not_null(o, &known, c));
    MAL_TRY(obl_and(o, &masked, &x, &known));
    obl_planes_put(z, *at, &masked);
    MAL_TRY(obl_bits_copy(o, &null, &c->null));
    if (key->nulls_first)
        obl_not_in(o, &null);
    obl_planes_put(z, *at + x.width, &null);
    *at += x.width + 1;
    return MAL_OK;
}

mal_err obl_key_planes(mal_obl *o, bits *z, table *t, const mal_obl_key *keys,
                       unsigned n, const bits *valid) {
    unsigned width = valid != NULL, at = 0;
    MAL_TRY(check_keys(t, keys, n));
    for (unsigned i = 0; i < n; i++) {
        column *c = &t->columns[keys[i].column];
        MAL_TRY(mal_obl_need_bits(o, c));
        width += c->bits.width + c->type.nullable;
    }
    MAL_TRY(obl_bits_new(o, z, t->n, width ? width : 1));
    for (unsigned i = n; i-- > 0;)
        MAL_TRY(put_key(o, z, &at, &t->columns[keys[i].column], &keys[i]));
    if (!valid)
        return MAL_OK;
    obl_planes_put(z, at, valid);
    obl_plane_xor_public(o, z, at, true);
    return MAL_OK;
}

/* --- order by ------------------------------------------------------------- */

mal_err mal_obl_sort(mal_obl *o, table *t, const mal_obl_key *keys,
                     unsigned n_keys) {
    OBL_AUTO_BITS key = { 0 };
    OBL_AUTO_ORDER order = { 0 };
    MAL_TRY(obl_key_planes(o, &key, t, keys, n_keys, &t->valid));
    MAL_TRY(obl_columns_rest(o, t));
    MAL_TRY(obl_order_sort(o, &order, &key));
    mal_share3_bits_clear(&key);
    return obl_table_move(o, t, &order);
}

mal_err mal_obl_limit(mal_obl *o, table *t, size_t limit, size_t offset) {
    if (limit == 0 || offset >= t->n) { /* no row: one that is invalid */
        MAL_TRY(obl_table_slice(o, t, 0, 1));
        mal_share3_bits_clear(&t->valid);
        return obl_bits_new(o, &t->valid, 1, 1);
    }
    const size_t left = t->n - offset;
    return obl_table_slice(o, t, offset, limit < left ? limit : left);
}

mal_err mal_obl_top(mal_obl *o, table *t, const mal_obl_key *keys,
                    unsigned n_keys, size_t limit) {
    MAL_TRY(mal_obl_sort(o, t, keys, n_keys));
    return mal_obl_limit(o, t, limit, 0);
}

mal_err mal_obl_compact(mal_obl *o, table *t, size_t rows_max) {
    MAL_REQUIRE(rows_max >= 1, MAL_E_INPUT, "a table has at least one row");
    OBL_AUTO_BITS over = { 0 };
    MAL_TRY(mal_obl_sort(o, t, NULL, 0));
    if (rows_max >= t->n)
        return MAL_OK;
    MAL_TRY(obl_rows_slice(o, &over, &t->valid, rows_max, 1));
    MAL_TRY(obl_promise(o, &over)); /* valid rows are first: this one tells */
    return obl_table_slice(o, t, 0, rows_max);
}

mal_err mal_obl_count(mal_obl *o, mal_share3_words *count, const table *t) {
    OBL_AUTO_BITS valid = { 0 };
    MAL_TRY(obl_bits_copy(o, &valid, &t->valid));
    obl_mask_tail(&valid); /* rows past n are none */
    return obl_sum_rows(o, count, &valid, 1, false);
}

/* --- union ---------------------------------------------------------------- */

/* Rows of the i-th column of one table into out's from row `at`. */
static mal_err put_column(mal_obl *o, column *out, size_t at, column *c) {
    if (out->has_words) {
        MAL_TRY(mal_obl_need_words(o, c));
        for (unsigned p = 0; p < 2 && out->words.part[0]; p++)
            memcpy(out->words.part[p] + at, c->words.part[p],
                   c->words.n * sizeof(uint64_t));
    } else {
        OBL_AUTO_BITS x = { 0 };
        MAL_TRY(obl_column_planes(o, &x, c, &out->type));
        obl_rows_put(&out->bits, at, &x);
    }
    if (c->type.nullable)
        obl_rows_put(&out->null, at, &c->null);
    return MAL_OK;
}

static mal_err union_column(mal_obl *o, table *out, table *const *tables,
                            unsigned n, unsigned i) {
    column *z = &out->columns[i];
    bool all_words = true;
    z->type = tables[0]->columns[i].type;
    for (unsigned k = 0; k < n; k++) {
        const column *c = &tables[k]->columns[i];
        MAL_REQUIRE(!c->type.opaque == !z->type.opaque, MAL_E_INPUT,
                    "column %u is a number here, an identifier there", i);
        z->type = obl_type_join(&z->type, &c->type);
        all_words &= c->has_words && !c->has_bits;
    }
    z->has_words = all_words;
    z->has_bits = !all_words;
    if (all_words)
        MAL_TRY(obl_words_new(o, &z->words, out->n));
    else
        MAL_TRY(obl_bits_new(o, &z->bits, out->n, mal_obl_width(&z->type)));
    if (z->type.nullable)
        MAL_TRY(obl_bits_new(o, &z->null, out->n, 1));
    size_t at = 0;
    for (unsigned k = 0; k < n; k++) {
        MAL_TRY(put_column(o, z, at, &tables[k]->columns[i]));
        at += tables[k]->n;
    }
    return MAL_OK;
}

mal_err mal_obl_union(mal_obl *o, table *out, table *const *tables,
                      unsigned n) {
    MAL_REQUIRE(n >= 1, MAL_E_INPUT, "a union of no table");
    size_t rows = 0, at = 0;
    for (unsigned k = 0; k < n; k++) {
        MAL_REQUIRE(tables[k]->n_columns == tables[0]->n_columns, MAL_E_INPUT,
                    "%u columns beside %u", tables[k]->n_columns,
                    tables[0]->n_columns);
        rows += tables[k]->n;
    }
    MAL_TRY(mal_obl_table_new(o, out, rows, tables[0]->n_columns, 0));
    for (unsigned k = 0; k < n; k++) {
        obl_rows_put(&out->valid, at, &tables[k]->valid);
        at += tables[k]->n;
    }
    for (unsigned i = 0; i < out->n_columns; i++)
        MAL_TRY(union_column(o, out, tables, n, i));
    return MAL_OK;
}

/* --- ranks ---------------------------------------------------------------- */

void mal_obl_rank_clear(mal_obl_rank *rank) {
    mal_share3_words_clear(&rank->place);
    memset(rank, 0, sizeof *rank);
}

static mal_err rank_planes(mal_obl *o, bits *z, mal_obl_rank *rank, table *t,
                           const unsigned *keys, unsigned n_keys) {
    mal_obl_key by[MAL_OBL_KEYS_MAX] = { 0 };
    MAL_REQUIRE(n_keys >= 1 && n_keys <= MAL_OBL_KEYS_MAX, MAL_E_LIMIT,
                "a rank of %u keys, 1 to %d", n_keys, MAL_OBL_KEYS_MAX);
    memset(rank, 0, sizeof *rank);
    rank->n_keys = n_keys;
    for (unsigned i = 0; i < n_keys; i++)
        rank->keys[i] = by[i].column = keys[i];
    return obl_key_planes(o, z, t, by, n_keys, NULL);
}

mal_err mal_obl_rank_make(mal_obl *o, mal_obl_rank *rank, table *t,
                          const unsigned *keys, unsigned n_keys) {
    OBL_AUTO_BITS key = { 0 };
    OBL_AUTO_ORDER order = { 0 };
    MAL_TRY(rank_planes(o, &key, rank, t, keys, n_keys));
    MAL_TRY(obl_order_sort(o, &order, &key));
    return obl_order_words(o, &rank->place, &order);
}

mal_err mal_obl_rank_sorted(mal_obl *o, mal_obl_rank *rank, table *t,
                            const unsigned *keys, unsigned n_keys) {
    OBL_AUTO_BITS key = { 0 }, above = { 0 }, less = { 0 };
    MAL_TRY(rank_planes(o, &key, rank, t, keys, n_keys));
    rank->in_place = true;
    MAL_TRY(obl_columns_rest(o, t));            /* it has what it needs */
    MAL_TRY(obl_rows_down(o, &above, &key, 1)); /* the first is not below 0 */
    MAL_TRY(obl_less(o, &less, &key, &above));
    MAL_TRY(obl_promise(o, &less));
    mal_share3_bits_clear(&key);
    mal_share3_bits_clear(&above);
    return mal_obl_table_wake(o, t);
}

mal_err obl_rank_order(mal_obl *o, obl_order *z, const mal_obl_rank *rank) {
    return obl_order_of(o, z, &rank->place);
}

/* --- window --------------------------------------------------------------- */

/* Row r where head[r] is set, flowing down to the rows linked to it. */
static mal_err head_place(mal_obl *o, bits *z, const bits *same) {
    OBL_AUTO_BITS link = { 0 }, head = { 0 };
    MAL_TRY(obl_bits_copy(o, &head, same));
    obl_not_in(o, &head);
    MAL_TRY(obl_times_row(o, z, &head));
    MAL_TRY(obl_bits_copy(o, &link, same));
    return obl_copy_down(o, z, &link, obl_log2_up(same->n));
}

/* place of the row, or of the head of its equals, less that of the head of its
 * part, + 1. */
static mal_err window(mal_obl *o, bits *z, const bits *key, unsigned part_from,
                      bool number) {
    OBL_AUTO_BITS same = { 0 }, same_part = { 0 }, a = { 0 }, b = { 0 };
    OBL_AUTO_BITS gap = { 0 }, wide = { 0 }, one = { 0 };
    const bits part = obl_planes(key, part_from, key->width - part_from);
    if (number) {
        MAL_TRY(obl_public_bits(o, &same, key->n, 1, 1));
        MAL_TRY(obl_times_row(o, &a, &same));
    } else {
        MAL_TRY(obl_same_as_above(o, &same, key));
        MAL_TRY(head_place(o, &a, &same));
    }
    MAL_TRY(obl_same_as_above(o, &same_part, &part));
    MAL_TRY(head_place(o, &b, &same_part));
    MAL_TRY(obl_bits_sub(o, &gap, &a, &b));
    MAL_TRY(obl_extend(o, &wide, &gap, gap.width + 1, false));
    MAL_TRY(obl_public_bits(o, &one, key->n, wide.width, 1));
    return obl_bits_add(o, z, &wide, &one);
}

static unsigned key_width(const table *t, const mal_obl_key *key) {
    const mal_obl_type *type = &t->columns[key->column].type;
    return mal_obl_width(type) + type->nullable;
}

static mal_err append_window(mal_obl *o, table *t, const mal_obl_key *keys,
                             unsigned n_keys, unsigned n_part, bool number) {
    OBL_AUTO_BITS key = { 0 }, rank = { 0 };
    OBL_AUTO_ORDER order = { 0 };
    MAL_REQUIRE(n_part <= n_keys && t->n_columns < MAL_OBL_COLUMNS_MAX,
                MAL_E_INPUT, "a window of %u keys, %u of them the part's",
                n_keys, n_part);
    MAL_TRY(obl_key_planes(o, &key, t, keys, n_keys, &t->valid));
    unsigned part_from = 0; /* the order's keys lie below the part's */
    for (unsigned i = n_part; i < n_keys; i++)
        part_from += key_width(t, &keys[i]);
    MAL_TRY(obl_order_sort(o, &order, &key));
    MAL_TRY(obl_move_bits(o, &order, &key, false));
    MAL_TRY(window(o, &rank, &key, part_from, number));
    MAL_TRY(obl_move_bits(o, &order, &rank, true));
    const mal_obl_type type = { .lo = 1, .hi = (int64_t)t->n };
    return obl_append_column(o, t, &rank, &type);
}

mal_err mal_obl_window_rank(mal_obl *o, table *t, const mal_obl_key *keys,
                            unsigned n_keys, unsigned n_part) {
    return append_window(o, t, keys, n_keys, n_part, false);
}

mal_err obl_row_number(mal_obl *o, table *t, const mal_obl_key *keys,
                       unsigned n_keys) {
    return append_window(o, t, keys, n_keys, n_keys, true);
}
