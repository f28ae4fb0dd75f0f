/* local.c - what each party does to its shares alone: planes, rows, constants.
 *
 * Sharing is linear, so moving, shifting and adding rows costs no message.  A
 * public constant is added to the share x_0, which parties 0 and 2 hold.
 */
#include "oblivious_impl.h"

#include <string.h>

unsigned obl_log2_up(size_t n) {
    unsigned d = 0;
    while (((size_t)1 << d) < n)
        d++;
    return d;
}

mal_err obl_bits_new(mal_obl *o, bits *z, size_t n, unsigned width) {
    assert(n >= 1 && width >= 1);
    if (o->s && width <= MAL_SHARE3_WIDTH_MAX)
        return mal_share3_bits_new(o->s, z, n, width);
    if (o->s) /* rows of payload: one long plane, seen as many */
        MAL_TRY(mal_share3_bits_new(o->s, z, 64 * obl_stride(n) * width, 1));
    else
        *z = (bits){ 0 };
    z->n = n;
    z->width = width;
    z->stride = obl_stride(n);
    return MAL_OK;
}

mal_err obl_words_new(mal_obl *o, words *z, size_t n) {
    assert(n >= 1);
    if (o->s)
        return mal_share3_words_new(o->s, z, n);
    *z = (words){ .n = n };
    return MAL_OK;
}

/* Which of our two shares is x_0, if one is. */
static int public_part(const mal_obl *o) {
    return o->me == 0 ? 0 : o->me == 2 ? 1 : -1;
}

bits obl_planes(const bits *v, unsigned from, unsigned count) {
    assert(from + count <= v->width);
    bits z = *v;
    z.width = count;
    z.owner = NULL;
    for (unsigned p = 0; p < 2; p++)
        z.part[p] = v->part[p] ? v->part[p] + from * v->stride : NULL;
    return z;
}

void obl_planes_put(bits *z, unsigned at, const bits *x) {
    assert(at + x->width <= z->width && x->n == z->n);
    for (unsigned p = 0; p < 2 && z->part[0]; p++)
        memcpy(z->part[p] + at * z->stride, x->part[p],
               x->width * x->stride * sizeof(uint64_t));
}

mal_err obl_bits_copy(mal_obl *o, bits *z, const bits *x) {
    MAL_TRY(obl_bits_new(o, z, x->n, x->width));
    obl_planes_put(z, 0, x);
    return MAL_OK;
}

mal_err obl_words_copy(mal_obl *o, words *z, const words *x) {
    return obl_words_slice(o, z, x, 0, x->n);
}

mal_err obl_bits_rest(mal_obl *o, bits *x) {
    return o->s && x->owner ? mal_share3_bits_rest(o->s, x) : MAL_OK;
}

mal_err obl_bits_wake(mal_obl *o, bits *x) {
    return o->s ? mal_share3_bits_unpark(o->s, x) : MAL_OK;
}

mal_err obl_words_rest(mal_obl *o, words *x) {
    return o->s && x->owner ? mal_share3_words_rest(o->s, x) : MAL_OK;
}

mal_err obl_words_wake(mal_obl *o, words *x) {
    return o->s ? mal_share3_words_unpark(o->s, x) : MAL_OK;
}

mal_err obl_extend(mal_obl *o, bits *z, const bits *x, unsigned width,
                   bool is_signed) {
    MAL_TRY(obl_bits_new(o, z, x->n, width));
    const unsigned kept = width < x->width ? width : x->width;
    const bits low = obl_planes(x, 0, kept), top = obl_planes(x, kept - 1, 1);
    obl_planes_put(z, 0, &low);
    for (unsigned b = kept; b < width && is_signed; b++)
        obl_planes_put(z, b, &top);
    return MAL_OK;
}

void obl_xor_in(bits *z, const bits *x) {
    assert(z->n == x->n && (x->width == z->width || x->width == 1));
    const size_t m = z->stride, all = m * z->width;
    for (unsigned p = 0; p < 2 && z->part[0]; p++)
        if (x->width == z->width)
            for (size_t i = 0; i < all; i++)
                z->part[p][i] ^= x->part[p][i];
        else
            for (size_t i = 0; i < all; i += m)
                for (size_t j = 0; j < m; j++)
                    z->part[p][i + j] ^= x->part[p][j];
}

void obl_plane_xor_public(const mal_obl *o, bits *z, unsigned plane, bool bit) {
    const int p = public_part(o);
    const size_t at = plane * z->stride;
    if (p >= 0 && z->part[0] && bit)
        for (size_t i = 0; i < z->stride; i++)
            z->part[p][at + i] = ~z->part[p][at + i];
}

void obl_not_in(const mal_obl *o, bits *z) {
    for (unsigned b = 0; b < z->width; b++)
        obl_plane_xor_public(o, z, b, true);
}

mal_err obl_public_bits(mal_obl *o, bits *z, size_t n, unsigned width,
                        int64_t value) {
    MAL_TRY(obl_bits_new(o, z, n, width));
    for (unsigned b = 0; b < width; b++)
        obl_plane_xor_public(o, z, b, value >> (b < 63 ? b : 63) & 1);
    return MAL_OK;
}

mal_err obl_public_words(mal_obl *o, words *z, size_t n, int64_t value) {
    MAL_TRY(obl_words_new(o, z, n));
    obl_words_add_public(o, z, (uint64_t)value);
    return MAL_OK;
}

void obl_words_add_public(const mal_obl *o, words *z, uint64_t value) {
    const int p = public_part(o);
    if (p >= 0 && z->part[0])
        for (size_t i = 0; i < z->n; i++)
            z->part[p][i] += value;
}

void obl_words_add_in(words *z, const words *x, uint64_t factor) {
    assert(z->n == x->n);
    for (unsigned p = 0; p < 2 && z->part[0]; p++)
        for (size_t i = 0; i < z->n; i++)
            z->part[p][i] += factor * x->part[p][i];
}

void obl_words_scale_in(words *z, uint64_t factor) {
    for (unsigned p = 0; p < 2 && z->part[0]; p++)
        for (size_t i = 0; i < z->n; i++)
            z->part[p][i] *= factor;
}

void obl_words_prefix(words *z) {
    for (unsigned p = 0; p < 2 && z->part[0]; p++)
        for (size_t i = 1; i < z->n; i++)
            z->part[p][i] += z->part[p][i - 1];
}

mal_err obl_words_slice(mal_obl *o, words *z, const words *x, size_t from,
                        size_t n) {
    assert(from + n <= x->n);
    MAL_TRY(obl_words_new(o, z, n));
    for (unsigned p = 0; p < 2 && z->part[0]; p++)
        memcpy(z->part[p], x->part[p] + from, n * sizeof(uint64_t));
    return MAL_OK;
}

/* --- rows of planes ------------------------------------------------------- */

void obl_mask_tail(bits *z) {
    const uint64_t mask = ~(uint64_t)0 >> (-z->n & 63);
    for (unsigned p = 0; p < 2 && z->part[0]; p++)
        for (unsigned b = 0; b < z->width; b++)
            z->part[p][b * z->stride + z->stride - 1] &= mask;
}

/* 64 rows from row r of a plane of m words; past its end zeros. */
static uint64_t rows_at(const uint64_t *plane, size_t m, size_t r) {
    const size_t i = r / 64;
    const unsigned shift = r & 63;
    uint64_t low = i < m ? plane[i] : 0, high = i + 1 < m ? plane[i + 1] : 0;
    return shift ? low >> shift | high << (64 - shift) : low;
}

/* dst rows [0, n) = src rows [from, from + n). */
static void plane_slice(uint64_t *dst, const uint64_t *src, size_t m,
                        size_t from, size_t n) {
    for (size_t i = 0; i < obl_stride(n); i++)
        dst[i] = rows_at(src, m, from + 64 * i);
}

/* dst rows [at, at + n) = src rows [0, n). */
static void plane_put(uint64_t *dst, size_t at, const uint64_t *src, size_t n) {
    size_t done = 0;
    while (done < n) {
        const unsigned to = (at + done) & 63;
        const size_t left = n - done;
        const unsigned k = left < 64 - to ? (unsigned)left : 64 - to;
        const uint64_t mask = (~(uint64_t)0 >> (64 - k)) << to;
        const uint64_t v = rows_at(src, obl_stride(n), done) << to;
        uint64_t *word = &dst[(at + done) / 64];
        *word = (*word & ~mask) | (v & mask);
        done += k;
    }
}

mal_err obl_rows_slice(mal_obl *o, bits *z, const bits *x, size_t from,
                       size_t n) {
    assert(from + n <= x->n);
    MAL_TRY(obl_bits_new(o, z, n, x->width));
    for (unsigned p = 0; p < 2 && z->part[0]; p++)
        for (unsigned b = 0; b < x->width; b++)
            plane_slice(z->part[p] + b * z->stride, x->part[p] + b * x->stride,
                        x->stride, from, n);
    return MAL_OK;
}

void obl_rows_put(bits *z, size_t at, const bits *x) {
    assert(at + x->n <= z->n && x->width == z->width);
    for (unsigned p = 0; p < 2 && z->part[0]; p++)
        for (unsigned b = 0; b < x->width; b++)
            plane_put(z->part[p] + b * z->stride, at,
                      x->part[p] + b * x->stride, x->n);
}

mal_err obl_rows_down(mal_obl *o, bits *z, const bits *x, size_t by) {
    MAL_TRY(obl_bits_new(o, z, x->n, x->width));
    const size_t skip = by / 64, m = x->stride;
    const unsigned shift = by & 63;
    for (unsigned p = 0; p < 2 && z->part[0]; p++)
        for (unsigned b = 0; b < x->width; b++) {
            const uint64_t *src = x->part[p] + b * m;
            uint64_t *dst = z->part[p] + b * m, carry = 0;
            for (size_t i = skip; i < m; i++) {
                const uint64_t v = src[i - skip];
                dst[i] = shift ? v << shift | carry : v;
                carry = shift ? v >> (64 - shift) : 0;
            }
        }
    return MAL_OK;
}

mal_err obl_rows_up(mal_obl *o, bits *z, const bits *x, size_t by) {
    MAL_TRY(obl_bits_new(o, z, x->n, x->width));
    if (by >= x->n || !z->part[0])
        return MAL_OK;
    OBL_AUTO_BITS rest = { 0 };
    MAL_TRY(obl_rows_slice(o, &rest, x, by, x->n - by));
    obl_rows_put(z, 0, &rest);
    return MAL_OK;
}

static uint64_t reverse64(uint64_t v) {
    v = (v >> 1 & 0x5555555555555555u) | (v & 0x5555555555555555u) << 1;
    v = (v >> 2 & 0x3333333333333333u) | (v & 0x3333333333333333u) << 2;
    v = (v >> 4 & 0x0f0f0f0f0f0f0f0fu) | (v & 0x0f0f0f0f0f0f0f0fu) << 4;
    return __builtin_bswap64(v);
}

mal_err obl_rows_reverse(mal_obl *o, bits *z, const bits *x) {
    const size_t m = x->stride, junk = 64 * m - x->n;
    OBL_AUTO_BITS whole = { 0 };
    MAL_TRY(obl_bits_new(o, &whole, 64 * m, x->width));
    for (unsigned p = 0; p < 2 && whole.part[0]; p++)
        for (unsigned b = 0; b < x->width; b++)
            for (size_t i = 0; i < m; i++)
                whole.part[p][b * m + i] =
                    reverse64(x->part[p][b * m + m - 1 - i]);
    return obl_rows_slice(o, z, &whole, junk, x->n);
}

/* Plane b of row r: bit b of r is a public factor. */
mal_err obl_times_row(mal_obl *o, bits *z, const bits *bit) {
    const unsigned w = obl_log2_up(bit->n) ? obl_log2_up(bit->n) : 1;
    MAL_TRY(obl_bits_new(o, z, bit->n, w));
    for (unsigned p = 0; p < 2 && z->part[0]; p++)
        for (unsigned b = 0; b < w; b++)
            for (size_t i = 0; i < z->stride; i++) {
                /* Rows 64 i .. 64 i + 63: the low six bits are a pattern. */
                static const uint64_t low[6] = {
                    0xaaaaaaaaaaaaaaaau, 0xccccccccccccccccu,
                    0xf0f0f0f0f0f0f0f0u, 0xff00ff00ff00ff00u,
                    0xffff0000ffff0000u, 0xffffffff00000000u
                };
                const uint64_t row = b < 6               ? low[b]
                                     : (64 * i) >> b & 1 ? ~(uint64_t)0
                                                         : 0;
                z->part[p][b * z->stride + i] = bit->part[p][i] & row;
            }
    return MAL_OK;
}
