/* aggregate.c - counts and sums of the rows that planes choose, and their type.
 */
#include "dense_impl.h"

#include <string.h>

mal_err obl_agg_type(mal_obl_type *z, const table *in, const mal_obl_agg *a) {
    const mal_i128 n = (mal_i128)in->n;
    *z = (mal_obl_type){ .lo = 0, .hi = (int64_t)n };
    if (a->kind != MAL_OBL_SUM)
        return MAL_OK;
    const mal_obl_type *t = &in->columns[a->column].type;
    if (a->type) {
        *z = *a->type;
    } else {
        const mal_i128 lo = t->lo < 0 ? n * t->lo : t->lo;
        const mal_i128 hi = t->hi > 0 ? n * t->hi : t->hi;
        MAL_REQUIRE(lo >= -INT64_MAX && hi <= INT64_MAX, MAL_E_LIMIT,
                    "a sum over %zu rows may leave 64 bits", in->n);
        z->lo = (int64_t)lo;
        z->hi = (int64_t)hi;
    }
    z->nullable = t->nullable;
    return MAL_OK;
}

mal_err obl_known_rows(mal_obl *o, bits *z, const bits *rows, const column *c) {
    if (!c || !c->type.nullable)
        return obl_bits_copy(o, z, rows);
    OBL_AUTO_BITS known = { 0 };
    MAL_TRY(obl_not_null(o, &known, c));
    return obl_and(o, z, rows, &known);
}

/* rows: k planes; sums of c's values (or of ones) over the rows of each. */
static mal_err sum_bits(mal_obl *o, words *z, const bits *rows,
                        const column *c) {
    if (!c)
        return obl_sum_rows(o, z, rows, rows->width, false);
    const unsigned k = rows->width, w = c->bits.width;
    OBL_AUTO_BITS value = { 0 }, who = { 0 }, chosen = { 0 };
    MAL_TRY(obl_bits_new(o, &value, rows->n, k * w));
    MAL_TRY(obl_bits_new(o, &who, rows->n, k * w));
    for (unsigned i = 0; i < k * w; i++) {
        const bits row = obl_planes(rows, i / w, 1);
        const bits plane = obl_planes(&c->bits, i % w, 1);
        obl_planes_put(&who, i, &row);
        obl_planes_put(&value, i, &plane);
    }
    MAL_TRY(obl_and(o, &chosen, &value, &who));
    return obl_sum_rows(o, z, &chosen, k, obl_signed(&c->type));
}

/* k copies of the words, each padded with zeros to whole words of planes. */
static mal_err repeat(mal_obl *o, words *z, const words *x, unsigned k) {
    const size_t len = 64 * obl_stride(x->n);
    MAL_TRY(obl_words_new(o, z, len * k));
    for (unsigned p = 0; p < 2 && z->part[0]; p++)
        for (unsigned i = 0; i < k; i++)
            memcpy(z->part[p] + i * len, x->part[p], x->n * sizeof(uint64_t));
    return MAL_OK;
}

static mal_err sum_words(mal_obl *o, words *z, const bits *rows,
                         const column *c) {
    const unsigned k = rows->width;
    const size_t len = 64 * rows->stride;
    OBL_AUTO_WORDS who = { 0 }, value = { 0 };
    OBL_AUTO_BITS clean = { 0 };
    MAL_TRY(obl_bits_copy(o, &clean, rows));
    obl_mask_tail(&clean);
    bits below = clean; /* k planes side by side are one plane of k blocks */
    below.n = len * k;
    below.stride = rows->stride * k;
    below.width = 1;
    below.owner = NULL;
    MAL_TRY(obl_to_words(o, &who, &below, false));
    MAL_TRY(repeat(o, &value, &c->words, k));
    return obl_dot(o, z, &who, &value, len);
}

mal_err obl_sum_of(mal_obl *o, words *z, const bits *rows, const column *c) {
    return !c || c->has_bits ? sum_bits(o, z, rows, c)
                             : sum_words(o, z, rows, c);
}
