/* merge.c - two sorted lists become one by a bitonic merge [Bat68], and back.
 *
 * The first list stands reversed above the second: a sequence that falls and
 * then rises.  Stage d compares rows i and i + d, for d from the greatest power
 * of two down to 1, wherever bit d of i is 0; what would lie past the end is
 * greater than everything, and such a pair is left alone.  Which pairs were
 * exchanged is kept on shares: the same stages backwards return every row.
 * log2(n) stages of n / 2 comparisons, against n log2(n) of a sort.
 */
#include "oblivious_impl.h"

#include <string.h>

#define WORD 64

/* --- pairs ---------------------------------------------------------------- */

/* Words of pairs: of m words, how many pair with one that lies `by` below? */
static size_t low_words(size_t m, size_t by) {
    const size_t blocks = m / (2 * by), rest = m % (2 * by);
    return blocks * by + (rest > by ? rest - by : 0);
}

/* Word of the j-th low one, for distances of whole words. */
static size_t low_at(size_t j, size_t by) {
    return j / by * 2 * by + j % by;
}

/* Rows with bit d clear, in a word. */
static uint64_t low_rows(unsigned d) {
    static const uint64_t mask[6] = {
        0x5555555555555555u, 0x3333333333333333u, 0x0f0f0f0f0f0f0f0fu,
        0x00ff00ff00ff00ffu, 0x0000ffff0000ffffu, 0x00000000ffffffffu
    };
    return mask[__builtin_ctz(d)];
}

/* One plane into its low and its high rows; m is even. */
static void split_plane(uint64_t *low, uint64_t *high, const uint64_t *x,
                        size_t m, size_t d) {
    if (d >= WORD) {
        const size_t by = d / WORD;
        for (size_t j = 0; j < low_words(m, by); j++) {
            low[j] = x[low_at(j, by)];
            high[j] = x[low_at(j, by) + by];
        }
        return;
    }
    const uint64_t mask = low_rows((unsigned)d);
    for (size_t j = 0; j < m / 2; j++) { /* two words give one of each */
        const uint64_t a = x[2 * j], b = x[2 * j + 1];
        low[j] = (a & mask) | (b & mask) << d;
        high[j] = (a & ~mask) >> d | (b & ~mask);
    }
}

static void join_plane(uint64_t *x, const uint64_t *low, const uint64_t *high,
                       size_t m, size_t d) {
    if (d >= WORD) {
        const size_t by = d / WORD;
        for (size_t j = 0; j < low_words(m, by); j++) {
            x[low_at(j, by)] = low[j];
            x[low_at(j, by) + by] = high[j];
        }
        return;
    }
    const uint64_t mask = low_rows((unsigned)d);
    for (size_t j = 0; j < m / 2; j++) {
        x[2 * j] = (low[j] & mask) | (high[j] & mask) << d;
        x[2 * j + 1] = (low[j] & ~mask) >> d | (high[j] & ~mask);
    }
}

typedef struct halves {
    bits low, high;
} halves;

static void halves_clear(halves *h) {
    mal_share3_bits_clear(&h->low);
    mal_share3_bits_clear(&h->high);
}

static size_t pairs_of(const bits *x, size_t d) {
    return WORD * (d >= WORD ? low_words(x->stride, d / WORD) : x->stride / 2);
}

static mal_err split(mal_obl *o, halves *h, const bits *x, size_t d) {
    const size_t n = pairs_of(x, d);
    MAL_TRY(obl_bits_new(o, &h->low, n, x->width));
    MAL_TRY(obl_bits_new(o, &h->high, n, x->width));
    for (unsigned p = 0; p < 2 && x->part[0]; p++)
        for (unsigned b = 0; b < x->width; b++)
            split_plane(h->low.part[p] + b * h->low.stride,
                        h->high.part[p] + b * h->high.stride,
                        x->part[p] + b * x->stride, x->stride, d);
    return MAL_OK;
}

static void put_back(bits *x, const halves *h, size_t d) {
    for (unsigned p = 0; p < 2 && x->part[0]; p++)
        for (unsigned b = 0; b < x->width; b++)
            join_plane(x->part[p] + b * x->stride,
                       h->low.part[p] + b * h->low.stride,
                       h->high.part[p] + b * h->high.stride, x->stride, d);
}

/* low and high change places where swap is 1. */
static mal_err exchange(mal_obl *o, halves *h, const bits *swap) {
    OBL_AUTO_BITS differ = { 0 }, moved = { 0 };
    MAL_TRY(obl_bits_copy(o, &differ, &h->low));
    obl_xor_in(&differ, &h->high);
    MAL_TRY(obl_and(o, &moved, &differ, swap));
    obl_xor_in(&h->low, &moved);
    obl_xor_in(&h->high, &moved);
    return MAL_OK;
}

/* --- forth ---------------------------------------------------------------- */

/* The greatest distance: some pair exists. */
static size_t first_distance(size_t n) {
    size_t d = 1;
    while (2 * d < n)
        d *= 2;
    return d;
}

static mal_err stage(mal_obl *o, bits *x, bits *swap, unsigned key_width,
                     size_t d) {
    MAL_AUTO(halves_clear) halves h = { 0 };
    MAL_TRY(split(o, &h, x, d));
    const bits low = obl_planes(&h.low, 0, key_width);
    const bits high = obl_planes(&h.high, 0, key_width);
    MAL_TRY(obl_less(o, swap, &high, &low));
    MAL_TRY(exchange(o, &h, swap));
    put_back(x, &h, d);
    return MAL_OK;
}

void obl_merge_clear(obl_merge *m) {
    for (unsigned i = 0; i < m->n_stages; i++)
        mal_share3_bits_clear(&m->swap[i]);
    memset(m, 0, sizeof *m);
}

/* Rows of zero keys would come first: what fills up has keys of ones. */
static mal_err arrange(mal_obl *o, bits *z, const bits *first,
                       const bits *second, unsigned key_width) {
    OBL_AUTO_BITS fallen = { 0 }, fill = { 0 };
    const size_t n = first->n + second->n;
    const size_t whole = (n + 2 * WORD - 1) / (2 * WORD) * (2 * WORD);
    MAL_TRY(obl_bits_new(o, z, whole, first->width));
    MAL_TRY(obl_rows_reverse(o, &fallen, first));
    obl_rows_put(z, 0, &fallen);
    obl_rows_put(z, first->n, second);
    if (whole == n)
        return MAL_OK;
    MAL_TRY(obl_bits_new(o, &fill, whole - n, first->width));
    for (unsigned b = 0; b < key_width; b++)
        obl_plane_xor_public(o, &fill, b, true);
    obl_rows_put(z, n, &fill);
    return MAL_OK;
}

mal_err obl_merge_forth(mal_obl *o, obl_merge *m, bits *z, const bits *first,
                        const bits *second, unsigned key_width) {
    assert(first->width == second->width && key_width <= first->width);
    m->first = first->n;
    m->second = second->n;
    MAL_TRY(arrange(o, z, first, second, key_width));
    for (size_t d = first_distance(z->n); d >= 1; d /= 2) {
        m->n_stages++;
        MAL_TRY(stage(o, z, &m->swap[m->n_stages - 1], key_width, d));
    }
    return MAL_OK;
}

/* --- and back ------------------------------------------------------------- */

mal_err obl_merge_back(mal_obl *o, const obl_merge *m, bits *second, bits *z) {
    size_t d = 1;
    for (unsigned i = m->n_stages; i-- > 0; d *= 2) {
        MAL_AUTO(halves_clear) halves h = { 0 };
        MAL_TRY(split(o, &h, z, d));
        MAL_TRY(exchange(o, &h, &m->swap[i]));
        put_back(z, &h, d);
    }
    return obl_rows_slice(o, second, z, m->first, m->second);
}
