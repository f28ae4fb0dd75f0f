/* dense.c - sums over a closed domain, every cell answered.
 *
 * Few cells: one-hot planes of the code, and carry-save sums of what they
 * select.  Many cells: a row of zeros for each cell joins the table, so that
 * every group exists, and the groups come out in the order of their codes.
 */
#include "dense_impl.h"

#include <string.h>

/* A row costs the one-hot way this many ANDs a cell; the sort about as much as
 * SORT_ANDS once. */
#define COUNT_ANDS 5
#define SUM_ANDS_A_PLANE 4
#define WORD_ANDS 200
#define SORT_ANDS 2000
/* Planes of one carry-save sum, and rows of words, at once. */
#define PLANES_MAX 2048
#define WORDS_MAX ((size_t)1 << 23)

/* --- one-hot -------------------------------------------------------------- */

static const column *summed(const table *in, const mal_obl_agg *a) {
    return a->kind == MAL_OBL_SUM ? &in->columns[a->column] : NULL;
}

/* Cells [from, from + k) of one aggregate. */
static mal_err some_cells(mal_obl *o, words *z, table *in, const bits *hot,
                          const mal_obl_agg *a, unsigned from, unsigned k) {
    const column *c =
        a->kind == MAL_OBL_COUNT_ROWS ? NULL : &in->columns[a->column];
    const bits mine = obl_planes(hot, from, k);
    if (!c || !c->type.nullable)
        return obl_sum_of(o, z, &mine, summed(in, a));
    OBL_AUTO_BITS known = { 0 }, rows = { 0 };
    MAL_TRY(obl_not_null(o, &known, c));
    MAL_TRY(obl_and(o, &rows, &mine, &known));
    return obl_sum_of(o, z, &rows, summed(in, a));
}

static unsigned cells_at_once(const table *in, const mal_obl_agg *a) {
    const column *c = summed(in, a);
    const unsigned width = c && c->has_bits ? c->bits.width : 1;
    size_t k = PLANES_MAX / width;
    if (c && !c->has_bits && WORDS_MAX / in->n < k)
        k = WORDS_MAX / in->n;
    return k ? (unsigned)k : 1;
}

static mal_err by_one_hot(mal_obl *o, words *out, table *in, const bits *code,
                          const bits *usable, size_t n_cells,
                          const mal_obl_agg *aggs, unsigned n_aggs) {
    OBL_AUTO_BITS all = { 0 }, hot = { 0 };
    MAL_TRY(obl_one_hot(o, &all, code, n_cells));
    MAL_TRY(obl_and(o, &hot, &all, usable));
    for (unsigned i = 0; i < n_aggs; i++) {
        const unsigned step = cells_at_once(in, &aggs[i]);
        for (unsigned at = 0; at < n_cells; at += step) {
            const size_t left = n_cells - at;
            const unsigned k = left < step ? (unsigned)left : step;
            /* A domain of more cells than the code has values: zeros. */
            const unsigned has = at >= hot.width      ? 0
                                 : hot.width - at < k ? hot.width - at
                                                      : k;
            OBL_AUTO_WORDS some = { 0 };
            if (has == 0)
                continue;
            MAL_TRY(some_cells(o, &some, in, &hot, &aggs[i], at, has));
            for (unsigned p = 0; p < 2 && out->part[0]; p++)
                memcpy(out->part[p] + i * n_cells + at, some.part[p],
                       has * sizeof(uint64_t));
        }
    }
    return MAL_OK;
}

/* --- sorted --------------------------------------------------------------- */

/* x's planes above n_cells + 1 rows of zeros. */
static mal_err lengthen(mal_obl *o, bits *z, const bits *x, size_t more) {
    MAL_TRY(obl_bits_new(o, z, x->n + more, x->width));
    obl_rows_put(z, 0, x);
    return MAL_OK;
}

/* What is summed for one aggregate, 0 where it is NULL and in the new rows. */
static mal_err sorted_input(mal_obl *o, column *z, table *in,
                            const mal_obl_agg *a, size_t more) {
    OBL_AUTO_BITS ones = { 0 }, known = { 0 }, x = { 0 };
    column *c = a->kind == MAL_OBL_COUNT_ROWS ? NULL : &in->columns[a->column];
    MAL_TRY(obl_public_bits(o, &ones, in->n, 1, 1));
    MAL_TRY(obl_known_rows(o, &known, &ones, c));
    z->type = (mal_obl_type){ .hi = 1 };
    if (a->kind != MAL_OBL_SUM) {
        z->has_bits = true;
        return lengthen(o, &z->bits, &known, more);
    }
    z->type.lo = c->type.lo < 0 ? c->type.lo : 0;
    z->type.hi = c->type.hi > 0 ? c->type.hi : 0;
    if (!c->has_bits) {
        OBL_AUTO_WORDS value = { 0 };
        MAL_TRY(obl_inject(o, &value, &known, &c->words));
        z->has_words = true;
        MAL_TRY(obl_words_new(o, &z->words, in->n + more));
        for (unsigned p = 0; p < 2 && z->words.part[0]; p++)
            memcpy(z->words.part[p], value.part[p], in->n * sizeof(uint64_t));
        return MAL_OK;
    }
    OBL_AUTO_BITS wide = { 0 };
    MAL_TRY(obl_column_planes(o, &wide, c, &z->type));
    MAL_TRY(obl_and(o, &x, &wide, &known));
    z->has_bits = true;
    return lengthen(o, &z->bits, &x, more);
}

/* usable ? code : n_cells; then one row of each code 0 .. n_cells. */
static mal_err sorted_code(mal_obl *o, column *z, const bits *code,
                           const bits *usable, size_t n_cells) {
    z->type = (mal_obl_type){ .hi = (int64_t)n_cells };
    z->has_bits = true;
    const unsigned w = mal_obl_width(&z->type);
    OBL_AUTO_BITS none = { 0 }, x = { 0 }, cut = { 0 }, each = { 0 };
    OBL_AUTO_BITS ones = { 0 };
    MAL_TRY(obl_extend(o, &cut, code, w, false));
    MAL_TRY(obl_public_bits(o, &none, code->n, w, (int64_t)n_cells));
    MAL_TRY(obl_mux(o, &x, usable, &cut, &none));
    MAL_TRY(lengthen(o, &z->bits, &x, n_cells + 1));
    MAL_TRY(obl_public_bits(o, &ones, n_cells + 1, 1, 1));
    MAL_TRY(obl_times_row(o, &each, &ones));
    for (unsigned b = 0; b < each.width; b++) {
        bits to = obl_planes(&z->bits, b, 1);
        const bits from = obl_planes(&each, b, 1);
        obl_rows_put(&to, code->n, &from);
    }
    return MAL_OK;
}

static mal_err by_sorting(mal_obl *o, words *out, table *in, const bits *code,
                          const bits *usable, size_t n_cells,
                          const mal_obl_agg *aggs, unsigned n_aggs) {
    MAL_AUTO(mal_obl_table_clear) table t = { 0 };
    MAL_AUTO(mal_obl_table_clear) table groups = { 0 };
    const size_t n = in->n + n_cells + 1;
    const unsigned key = 0;
    MAL_AUTO(obl_free) void *memory = mal_calloc(n_aggs, sizeof(mal_obl_agg));
    mal_obl_agg *sums = memory;
    if (!sums)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    MAL_TRY(mal_obl_table_new(o, &t, n, n_aggs + 1, n));
    MAL_TRY(sorted_code(o, &t.columns[0], code, usable, n_cells));
    /* Sums are mod 2^64 and the caller's proof says that they fit. */
    static const mal_obl_type any = { .lo = -INT64_MAX, .hi = INT64_MAX };
    for (unsigned i = 0; i < n_aggs; i++) {
        MAL_TRY(sorted_input(o, &t.columns[i + 1], in, &aggs[i], n_cells + 1));
        sums[i] =
            (mal_obl_agg){ .kind = MAL_OBL_SUM, .column = i + 1, .type = &any };
    }
    const mal_obl_group_options options = { .n_keys = 1,
                                            .n_aggs = n_aggs,
                                            .keys = &key,
                                            .aggs = sums,
                                            .groups_max = n_cells + 1 };
    MAL_TRY(mal_obl_group(o, &groups, &t, &options));
    for (unsigned p = 0; p < 2 && out->part[0]; p++)
        for (unsigned i = 0; i < n_aggs; i++)
            memcpy(out->part[p] + i * n_cells,
                   groups.columns[i + 1].words.part[p],
                   n_cells * sizeof(uint64_t));
    return MAL_OK;
}

/* --- both ----------------------------------------------------------------- */

static bool one_hot_is_cheaper(const table *in, size_t n_cells,
                               const mal_obl_agg *aggs, unsigned n_aggs) {
    size_t cell = 2;
    for (unsigned i = 0; i < n_aggs; i++) {
        const column *c = summed(in, &aggs[i]);
        cell += !c            ? COUNT_ANDS
                : c->has_bits ? SUM_ANDS_A_PLANE * c->bits.width
                              : WORD_ANDS;
    }
    return n_cells <= MAL_OBL_LIST_MAX && n_cells * cell <= SORT_ANDS;
}

/* Valid, not NULL, below n_cells. */
static mal_err usable_codes(mal_obl *o, bits *z, table *in, const column *c,
                            size_t n_cells) {
    OBL_AUTO_BITS known = { 0 }, end = { 0 }, x = { 0 }, below = { 0 };
    MAL_TRY(obl_known_rows(o, &known, &in->valid, c));
    if (c->type.hi < (int64_t)n_cells)
        return obl_bits_copy(o, z, &known);
    MAL_TRY(obl_public_bits(o, &end, in->n, c->bits.width, (int64_t)n_cells));
    MAL_TRY(obl_lt(o, &below, &c->bits, &end, false));
    return obl_and(o, z, &known, &below);
}

mal_err mal_obl_dense(mal_obl *o, words *out, table *in, unsigned code,
                      size_t n_cells, const mal_obl_agg *aggs,
                      unsigned n_aggs) {
    OBL_AUTO_BITS usable = { 0 };
    MAL_REQUIRE(code < in->n_columns && n_cells >= 1 &&
                    n_cells <= MAL_OBL_CELLS_MAX && n_aggs >= 1,
                MAL_E_LIMIT, "%zu cells, 1 to %zu", n_cells, MAL_OBL_CELLS_MAX);
    for (unsigned i = 0; i < n_aggs; i++)
        MAL_REQUIRE(aggs[i].kind >= MAL_OBL_COUNT_ROWS &&
                        aggs[i].kind <= MAL_OBL_SUM &&
                        (aggs[i].kind == MAL_OBL_COUNT_ROWS ||
                         aggs[i].column < in->n_columns),
                    MAL_E_UNSUPPORTED, "cells hold counts and sums");
    column *c = &in->columns[code];
    MAL_REQUIRE(!c->type.opaque && c->type.lo >= 0, MAL_E_INPUT,
                "a code is not negative");
    MAL_TRY(mal_obl_need_bits(o, c));
    MAL_TRY(usable_codes(o, &usable, in, c, n_cells));
    MAL_TRY(obl_words_new(o, out, n_aggs * n_cells));
    return one_hot_is_cheaper(in, n_cells, aggs, n_aggs)
               ? by_one_hot(o, out, in, &c->bits, &usable, n_cells, aggs,
                            n_aggs)
               : by_sorting(o, out, in, &c->bits, &usable, n_cells, aggs,
                            n_aggs);
}
