/* combine.c - small circuits that several operators share: any, copy down,
 * floor division, sums of rows. */
#include "oblivious_impl.h"

#include <string.h>

/* --- any, promises -------------------------------------------------------- */

/* One plane out of all, by halves. */
mal_err obl_any_plane(mal_obl *o, bits *z, const bits *x) {
    MAL_TRY(obl_bits_copy(o, z, x));
    obl_mask_tail(z);
    while (z->width > 1) {
        const unsigned half = z->width / 2, odd = z->width & 1;
        const bits a = obl_planes(z, 0, half), b = obl_planes(z, half, half);
        OBL_AUTO_BITS both = { 0 }, next = { 0 };
        MAL_TRY(obl_or(o, &both, &a, &b));
        MAL_TRY(obl_bits_new(o, &next, z->n, half + odd));
        obl_planes_put(&next, 0, &both);
        if (odd) {
            const bits last = obl_planes(z, z->width - 1, 1);
            obl_planes_put(&next, half, &last);
        }
        mal_share3_bits_clear(z);
        *z = next;
        memset(&next, 0, sizeof next);
    }
    return MAL_OK;
}

/* 64 rows out of all, by halves. */
static mal_err any_word(mal_obl *o, bits *z) {
    while (z->n > 64) {
        const size_t m = obl_stride(z->n), half = m / 2;
        OBL_AUTO_BITS low = { 0 }, high = { 0 }, both = { 0 }, next = { 0 };
        obl_mask_tail(z);
        z->n = 64 * m; /* whole words: the rows past n are 0 */
        MAL_TRY(obl_rows_slice(o, &low, z, 0, 64 * half));
        MAL_TRY(obl_rows_slice(o, &high, z, 64 * half, 64 * half));
        MAL_TRY(obl_or(o, &both, &low, &high));
        MAL_TRY(obl_bits_new(o, &next, 64 * (m - half), 1));
        obl_rows_put(&next, 0, &both);
        if (m & 1) {
            OBL_AUTO_BITS last = { 0 };
            MAL_TRY(obl_rows_slice(o, &last, z, 64 * (m - 1), 64));
            obl_rows_put(&next, 64 * half, &last);
        }
        mal_share3_bits_clear(z);
        *z = next;
        memset(&next, 0, sizeof next);
    }
    obl_mask_tail(z);
    return MAL_OK;
}

mal_err obl_any(mal_obl *o, bits *z, const bits *x) {
    OBL_AUTO_BITS y = { 0 };
    MAL_TRY(obl_any_plane(o, &y, x));
    MAL_TRY(any_word(o, &y));
    y.n = 64;
    for (size_t by = 32; by >= 1; by /= 2) {
        OBL_AUTO_BITS up = { 0 }, both = { 0 };
        MAL_TRY(obl_rows_up(o, &up, &y, by));
        MAL_TRY(obl_or(o, &both, &y, &up));
        mal_share3_bits_clear(&y);
        y = both;
        memset(&both, 0, sizeof both);
    }
    return obl_rows_slice(o, z, &y, 0, 1);
}

mal_err obl_promise(mal_obl *o, bits *x) {
    MAL_REQUIRE(o->n_broken < MAL_OBL_PROMISES_MAX, MAL_E_LIMIT,
                "more than %d checks without a verdict", MAL_OBL_PROMISES_MAX);
    assert(x->width == 1);
    bits *more = mal_realloc(o->broken, o->n_broken * sizeof *more,
                             (o->n_broken + 1) * sizeof *more);
    if (!more)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    o->broken = more;
    obl_mask_tail(x);
    o->broken[o->n_broken++] = *x;
    memset(x, 0, sizeof *x);
    return MAL_OK;
}

/* --- scans ---------------------------------------------------------------- */

mal_err obl_copy_down(mal_obl *o, bits *v, bits *link, unsigned depth) {
    const unsigned w = v->width;
    OBL_AUTO_BITS state = { 0 };
    MAL_TRY(obl_bits_new(o, &state, v->n, w + 1));
    obl_planes_put(&state, 0, v);
    obl_planes_put(&state, w, link);
    for (unsigned k = 0; k < depth && ((size_t)1 << k) < v->n; k++) {
        /* link[r] says that rows r - 2^k + 1 .. r all hang on the one above. */
        OBL_AUTO_BITS down = { 0 }, taken = { 0 };
        const bits c = obl_planes(&state, w, 1);
        MAL_TRY(obl_rows_down(o, &down, &state, (size_t)1 << k));
        MAL_TRY(obl_and(o, &taken, &down, &c));
        bits values = obl_planes(&state, 0, w);
        const bits more = obl_planes(&taken, 0, w);
        const bits next = obl_planes(&taken, w, 1);
        obl_xor_in(&values, &more);
        obl_planes_put(&state, w, &next);
    }
    const bits values = obl_planes(&state, 0, w);
    const bits left = obl_planes(&state, w, 1);
    obl_planes_put(v, 0, &values);
    obl_planes_put(link, 0, &left);
    return MAL_OK;
}

mal_err obl_same_as_above(mal_obl *o, bits *same, const bits *key) {
    OBL_AUTO_BITS above = { 0 };
    MAL_TRY(obl_rows_down(o, &above, key, 1));
    MAL_TRY(obl_eq(o, same, key, &above));
    for (unsigned p = 0; p < 2 && same->part[0]; p++)
        same->part[p][0] &= ~(uint64_t)1; /* nothing is above the first row */
    return MAL_OK;
}

/* --- one-hot -------------------------------------------------------------- */

static void plane_from(bits *z, unsigned to, const bits *x, unsigned from) {
    const bits one = obl_planes(x, from, 1);
    obl_planes_put(z, to, &one);
}

/* The numbers of the low and of the high half of the planes, each one-hot;
 * every pair of them below k is one AND. */
mal_err obl_one_hot(mal_obl *o, bits *z, const bits *x, size_t k) {
    const unsigned w = x->width, half = w / 2, n = (unsigned)k;
    if (w == 1) {
        MAL_TRY(obl_bits_new(o, z, x->n, n < 2 ? n : 2));
        plane_from(z, 0, x, 0);
        obl_plane_xor_public(o, z, 0, true);
        if (n >= 2)
            plane_from(z, 1, x, 0);
        return MAL_OK;
    }
    const unsigned step = 1u << half;
    const bits low = obl_planes(x, 0, half),
               high = obl_planes(x, half, w - half);
    OBL_AUTO_BITS a = { 0 }, b = { 0 }, aa = { 0 }, bb = { 0 };
    MAL_TRY(obl_one_hot(o, &a, &low, n < step ? n : step));
    MAL_TRY(obl_one_hot(o, &b, &high, (n + step - 1) / step));
    const unsigned all = a.width * b.width < n ? a.width * b.width : n;
    MAL_TRY(obl_bits_new(o, &aa, x->n, all));
    MAL_TRY(obl_bits_new(o, &bb, x->n, all));
    for (unsigned i = 0; i < all; i++) {
        plane_from(&aa, i, &a, i % step);
        plane_from(&bb, i, &b, i / step);
    }
    return obl_and(o, z, &aa, &bb);
}

/* --- division ------------------------------------------------------------- */

/* x -> |x|, and its sign: (x ^ s) + s. */
static mal_err absolute(mal_obl *o, bits *z, const bits *x, const bits *sign) {
    OBL_AUTO_BITS flipped = { 0 }, one = { 0 };
    MAL_TRY(obl_bits_copy(o, &flipped, x));
    obl_xor_in(&flipped, sign);
    MAL_TRY(obl_bits_new(o, &one, x->n, x->width));
    obl_planes_put(&one, 0, sign);
    return obl_bits_add(o, z, &flipped, &one);
}

/* Restoring division of unsigned a by unsigned b, a's top bit first; the
 * remainder stays below b, so that 2r + 1 < 2^(width of b + 1). */
static mal_err divide_unsigned(mal_obl *o, bits *q, bits *r, const bits *a,
                               const bits *b) {
    const unsigned w = b->width + 2; /* and a sign for r - b */
    OBL_AUTO_BITS divisor = { 0 }, rest = { 0 };
    MAL_TRY(obl_extend(o, &divisor, b, w, false));
    MAL_TRY(obl_bits_new(o, &rest, a->n, w));
    MAL_TRY(obl_bits_new(o, q, a->n, a->width));
    for (unsigned i = a->width; i-- > 0;) {
        OBL_AUTO_BITS shifted = { 0 }, less = { 0 }, next = { 0 };
        const bits low = obl_planes(&rest, 0, w - 1), in = obl_planes(a, i, 1);
        MAL_TRY(obl_bits_new(o, &shifted, a->n, w));
        obl_planes_put(&shifted, 0, &in);
        obl_planes_put(&shifted, 1, &low);
        MAL_TRY(obl_bits_sub(o, &less, &shifted, &divisor));
        const bits borrow = obl_planes(&less, w - 1, 1);
        MAL_TRY(obl_mux(o, &next, &borrow, &shifted, &less));
        obl_planes_put(q, i, &borrow);
        mal_share3_bits_clear(&rest);
        rest = next;
        memset(&next, 0, sizeof next);
    }
    obl_not_in(o, q);
    return obl_extend(o, r, &rest, b->width + 1, false);
}

/* |a| = q |b| + r.  If the signs differ, floor is -q - (r > 0), that is
 * ~q + (r = 0), and the remainder's magnitude is r = 0 ? 0 : |b| - r; it has
 * the sign of b. */
static mal_err floor_fix(mal_obl *o, bits *q, bits *r, const bits *differ,
                         const bits *b_abs, const bits *b_sign) {
    OBL_AUTO_BITS zero = { 0 }, none = { 0 }, one = { 0 }, fixed = { 0 };
    OBL_AUTO_BITS other = { 0 }, wide = { 0 }, swap = { 0 }, magnitude = { 0 };
    MAL_TRY(obl_bits_new(o, &none, r->n, r->width));
    MAL_TRY(obl_eq(o, &zero, r, &none));
    MAL_TRY(obl_and(o, &swap, differ, &zero));
    MAL_TRY(obl_bits_new(o, &one, q->n, q->width));
    obl_planes_put(&one, 0, &swap);
    obl_xor_in(q, differ);
    MAL_TRY(obl_bits_add(o, &fixed, q, &one));
    obl_planes_put(q, 0, &fixed);

    obl_xor_in(&swap, differ); /* differ and r > 0 */
    MAL_TRY(obl_extend(o, &wide, b_abs, r->width, false));
    MAL_TRY(obl_bits_sub(o, &other, &wide, r));
    MAL_TRY(obl_mux(o, &magnitude, &swap, &other, r));
    mal_share3_bits_clear(r);
    return absolute(o, r, &magnitude, b_sign); /* negates if b < 0 */
}

mal_err obl_floor_divide(mal_obl *o, bits *q, bits *r, const bits *a,
                         const bits *b) {
    const bits a_sign = obl_planes(a, a->width - 1, 1);
    const bits b_sign = obl_planes(b, b->width - 1, 1);
    OBL_AUTO_BITS a_abs = { 0 }, b_abs = { 0 }, differ = { 0 };
    OBL_AUTO_BITS magnitude = { 0 };
    MAL_TRY(absolute(o, &a_abs, a, &a_sign));
    MAL_TRY(absolute(o, &b_abs, b, &b_sign));
    MAL_TRY(divide_unsigned(o, &magnitude, r, &a_abs, &b_abs));
    MAL_TRY(obl_extend(o, q, &magnitude, a->width + 1, false));
    MAL_TRY(obl_bits_copy(o, &differ, &a_sign));
    obl_xor_in(&differ, &b_sign);
    return floor_fix(o, q, r, &differ, &b_abs, &b_sign);
}

mal_err obl_round_divide(mal_obl *o, bits *z, const bits *a, int64_t by) {
    const bits sign = obl_planes(a, a->width - 1, 1);
    OBL_AUTO_BITS a_abs = { 0 }, half = { 0 }, up = { 0 }, wide = { 0 };
    OBL_AUTO_BITS divisor = { 0 }, q = { 0 }, r = { 0 }, signed_q = { 0 };
    MAL_TRY(absolute(o, &a_abs, a, &sign));
    MAL_TRY(obl_extend(o, &wide, &a_abs, a->width + 1, false));
    MAL_TRY(obl_public_bits(o, &half, a->n, wide.width, by / 2));
    MAL_TRY(obl_bits_add(o, &up, &wide, &half));
    const mal_obl_type type = { .lo = 0, .hi = by };
    MAL_TRY(obl_public_bits(o, &divisor, a->n, mal_obl_width(&type), by));
    MAL_TRY(divide_unsigned(o, &q, &r, &up, &divisor));
    MAL_TRY(absolute(o, &signed_q, &q, &sign)); /* negates if a < 0 */
    *z = signed_q;
    memset(&signed_q, 0, sizeof signed_q);
    return MAL_OK;
}

/* --- sums of rows --------------------------------------------------------- */

/* Up to this many words a group, conversion is cheaper than another round (and
 * 4 words become 2 * ceil(4 / 3) = 4: no progress). */
#define SUM_WORDS_MIN 4

/* Stack k groups of planes by rows, each group padded to m words. */
static mal_err stack(mal_obl *o, bits *z, const bits *x, unsigned k) {
    const unsigned width = x->width / k;
    const size_t m = x->stride;
    OBL_AUTO_BITS clean = { 0 };
    MAL_TRY(obl_bits_copy(o, &clean, x));
    obl_mask_tail(&clean);
    MAL_TRY(obl_bits_new(o, z, 64 * m * k, width));
    for (unsigned p = 0; p < 2 && z->part[0]; p++)
        for (unsigned g = 0; g < k; g++)
            for (unsigned b = 0; b < width; b++)
                memcpy(z->part[p] + b * z->stride + g * m,
                       clean.part[p] + (g * width + b) * m, 8 * m);
    return MAL_OK;
}

/* Third number t of 3 of each group, c words each; past m zeros. */
static mal_err third(mal_obl *o, bits *z, const bits *x, unsigned k, size_t m,
                     unsigned t) {
    const size_t c = (m + 2) / 3, from = t * c;
    const size_t n = from >= m ? 0 : m - from < c ? m - from : c;
    MAL_TRY(obl_bits_new(o, z, 64 * c * k, x->width));
    for (unsigned p = 0; p < 2 && z->part[0]; p++)
        for (unsigned b = 0; b < x->width; b++)
            for (unsigned g = 0; g < k; g++)
                memcpy(z->part[p] + b * z->stride + g * c,
                       x->part[p] + b * x->stride + g * m + from, 8 * n);
    return MAL_OK;
}

/* Two numbers of each group side by side: sum, and carry with twice the
 * weight. */
static mal_err beside(mal_obl *o, bits *z, const bits *sum, const bits *carry,
                      unsigned k) {
    const size_t c = sum->stride / k;
    MAL_TRY(obl_bits_new(o, z, 64 * 2 * c * k, sum->width + 1));
    for (unsigned p = 0; p < 2 && z->part[0]; p++)
        for (unsigned b = 0; b < sum->width; b++)
            for (unsigned g = 0; g < k; g++) {
                uint64_t *to = z->part[p] + b * z->stride + 2 * g * c;
                memcpy(to, sum->part[p] + b * sum->stride + g * c, 8 * c);
                memcpy(to + z->stride + c,
                       carry->part[p] + b * carry->stride + g * c, 8 * c);
            }
    return MAL_OK;
}

/* Full adders: three numbers become two, at one AND a bit:
 * maj(a, b, c) = ((a ^ c) & (b ^ c)) ^ c. */
static mal_err carry_save(mal_obl *o, bits *x, unsigned k, size_t *m) {
    OBL_AUTO_BITS a = { 0 }, b = { 0 }, c = { 0 }, carry = { 0 };
    OBL_AUTO_BITS both = { 0 };
    MAL_TRY(third(o, &a, x, k, *m, 0));
    MAL_TRY(third(o, &b, x, k, *m, 1));
    MAL_TRY(third(o, &c, x, k, *m, 2));
    obl_xor_in(&a, &c);
    obl_xor_in(&b, &c);
    MAL_TRY(obl_and(o, &carry, &a, &b));
    obl_xor_in(&carry, &c);
    obl_xor_in(&a, &b); /* a ^ b ^ 2c */
    obl_xor_in(&a, &c);
    MAL_TRY(beside(o, &both, &a, &carry, k));
    *m = 2 * ((*m + 2) / 3);
    mal_share3_bits_clear(x);
    *x = both;
    memset(&both, 0, sizeof both);
    return MAL_OK;
}

mal_err obl_sum_rows(mal_obl *o, words *sums, const bits *x, unsigned k,
                     bool is_signed) {
    const unsigned width = x->width / k;
    size_t m = x->stride;
    OBL_AUTO_BITS y = { 0 };
    OBL_AUTO_WORDS rows = { 0 };
    MAL_TRY(stack(o, &y, x, k));
    /* v + 2^(width - 1) has no sign; every row has it, those past n too. */
    if (is_signed)
        obl_plane_xor_public(o, &y, width - 1, true);
    const uint64_t offset = is_signed ? ((uint64_t)m * 64) << (width - 1) : 0;
    while (m > SUM_WORDS_MIN && y.width < 63)
        MAL_TRY(carry_save(o, &y, k, &m));
    MAL_TRY(obl_to_words(o, &rows, &y, false));
    MAL_TRY(obl_words_new(o, sums, k));
    for (unsigned p = 0; p < 2 && sums->part[0]; p++)
        for (unsigned g = 0; g < k; g++)
            for (size_t i = 0; i < 64 * m; i++)
                sums->part[p][g] += rows.part[p][g * 64 * m + i];
    obl_words_add_public(o, sums, 0 - offset);
    return MAL_OK;
}
