/* digit.c - the places of rows sorted by one digit of a few bits.
 *
 * [AHIKNP22] section 5.2, GenBitPerm, for a digit of w bits: with f_v(i) = [row
 * i has digit v] as a word, and s_v(i) = #{rows of a digit below v} + #{j < i
 * of digit v}, row i goes to sum over v of f_v(i) s_v(i).  As the f_v(i) add up
 * to one, the last is what is left: with d_v = s_v - s_last, the place is
 *     s_last + sum over v < last of f_v d_v,
 * one inner product a row.  Stable, since s_v grows with i.
 */
#include "order_impl.h"

#define DIGITS_MAX (1u << SHARE3_DIGIT_MAX)

/* --- One-hot planes --------------------------------------------------------
 */

/* e, planes [2^w - 1] of whole words: is the digit v?  Each further bit b
 * splits every value so far: e & b is the odd half, e ^ (e & b) the even one.
 */
static mal_err one_hot(mal_share3 *s, mal_share3_bits *e,
                       const mal_share3_bits *digit) {
    const size_t n = digit->n;
    MAL_AUTO(mal_share3_bits_clear) mal_share3_bits all = { 0 };
    MAL_TRY(mal_share3_bits_new(s, &all, n, 1u << digit->width));
    mal_share3_bits first = mal_share3_bits_planes(&all, 0, 1);
    MAL_TRY(mal_share3_not(s, &first, &first)); /* any digit, so far */
    for (unsigned k = 0; k < digit->width; k++) {
        MAL_AUTO(mal_share3_bits_clear) mal_share3_bits odd = { 0 };
        const mal_share3_bits b =
            mal_share3_bits_planes(digit, digit->width - 1 - k, 1);
        const mal_share3_bits now = mal_share3_bits_planes(&all, 0, 1u << k);
        MAL_TRY(mal_share3_and(s, &odd, &now, &b));
        for (unsigned v = 1u << k; v-- > 0;) {
            const mal_share3_bits old = mal_share3_bits_planes(&all, v, 1);
            const mal_share3_bits o = mal_share3_bits_planes(&odd, v, 1);
            mal_share3_bits even = mal_share3_bits_planes(&all, 2 * v, 1);
            mal_share3_bits to = mal_share3_bits_planes(&all, 2 * v + 1, 1);
            MAL_TRY(mal_share3_xor(s, &even, &old, &o));
            MAL_TRY(mal_share3_bits_copy(s, &to, &o));
        }
    }
    const mal_share3_bits kept = mal_share3_bits_planes(&all, 0, e->width);
    return mal_share3_bits_copy(s, e, &kept);
}

/* --- Places ----------------------------------------------------------------
 */

/* f: plane after plane as words, `step` from one to the next.  Where the first
 * row of each digit goes: part p of s_v(0). */
static void first_places(uint64_t at[DIGITS_MAX], const uint64_t *f,
                         size_t step, size_t n, unsigned values) {
    uint64_t below = 0;
    for (unsigned v = 0; v + 1 < values; v++) {
        at[v] = below;
        for (size_t i = 0; i < n; i++)
            below += f[v * step + i];
    }
    at[values - 1] = below;
}

/* Part p of s_last and of d_v, row by row, from `at` on; f_last is 1 - the
 * others, 1 carried by one part. */
static void running_places(uint64_t *last, uint64_t *d, uint64_t *at,
                           const uint64_t *f, size_t step, size_t n, unsigned l,
                           bool one) {
    for (size_t i = 0; i < n; i++) {
        uint64_t rest = one;
        last[i] = at[l];
        for (unsigned v = 0; v < l; v++) {
            const uint64_t x = f[v * step + i];
            d[i * l + v] = at[v] - at[l];
            at[v] += x;
            rest -= x;
        }
        at[l] += rest;
    }
}

static void interleave(uint64_t *out, const uint64_t *f, size_t step, size_t n,
                       unsigned len) {
    for (size_t i = 0; i < n; i++)
        for (unsigned v = 0; v < len; v++)
            out[i * len + v] = f[v * step + i];
}

typedef uint64_t next_places[2][DIGITS_MAX]; /* of either part */

/* The places of rows [from, from + pi->n). */
static mal_err places_of(mal_share3 *s, mal_share3_words *pi, next_places at,
                         const mal_share3_words *f, size_t step, size_t from,
                         unsigned len) {
    MAL_AUTO(mal_share3_words_clear)
    mal_share3_words d = { 0 }, last = { 0 }, rows = { 0 };
    const size_t n = pi->n;
    MAL_TRY(mal_share3_words_new(s, &d, n * len));
    MAL_TRY(mal_share3_words_new(s, &last, n));
    MAL_TRY(mal_share3_words_new(s, &rows, n * len));
    for (unsigned p = 0; p < 2; p++) {
        running_places(last.part[p], d.part[p], at[p], f->part[p] + from, step,
                       n, len, share3_carries(s, p));
        interleave(rows.part[p], f->part[p] + from, step, n, len);
    }
    MAL_TRY(mal_share3_dot(s, pi, &rows, &d, len));
    return mal_share3_words_add(s, pi, pi, &last);
}

static mal_err places(mal_share3 *s, mal_share3_words *pi,
                      const mal_share3_words *f, size_t step, unsigned values) {
    const unsigned len = values - 1;
    const size_t slice = mal_share3_slice(s, pi->n, 2 * len + 1);
    next_places next;
    for (unsigned p = 0; p < 2; p++)
        first_places(next[p], f->part[p], step, pi->n, values);
    mal_err err = MAL_OK;
    for (size_t at = 0; at < pi->n && err == MAL_OK; at += slice) {
        mal_share3_words part =
            mal_share3_words_view(pi, at, share3_least(slice, pi->n - at));
        err = places_of(s, &part, next, f, step, at, len);
    }
    mal_wipe(next, sizeof next);
    return err;
}

mal_err share3_digit_order(mal_share3 *s, mal_share3_words *pi,
                           const mal_share3_bits *digit) {
    MAL_AUTO(mal_share3_bits_clear) mal_share3_bits e = { 0 };
    MAL_AUTO(mal_share3_words_clear) mal_share3_words f = { 0 };
    const unsigned values = 1u << digit->width;
    assert(digit->width >= 1 && digit->width <= SHARE3_DIGIT_MAX);
    MAL_TRY(share3_words_want(s, pi, digit->n));
    if (digit->n == 0)
        return MAL_OK;
    MAL_TRY(mal_share3_bits_new(s, &e, digit->n, values - 1));
    MAL_TRY(one_hot(s, &e, digit));
    /* All planes as one, of whole words: rows after n stay unread. */
    const size_t words = e.width * e.stride;
    const mal_share3_bits flat = {
        .n = words * 64,
        .width = 1,
        .stride = words,
        .part = { e.part[0], e.part[1] },
    };
    MAL_TRY(mal_share3_inject(s, &f, &flat, NULL));
    return places(s, pi, &f, e.stride * 64, values);
}
