/* proof_bits_gfni.c - GF(2^64) by carry-less products, maps of bits by GFNI.
 *
 * A register is the same word of the eight groups of a block, or eight
 * elements. Sums of products are kept as they are, 128 bits wide, and reduced
 * at the end.
 */
#include "proof_bits.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

#define TARGET                                                                 \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,gfni,pclmul,"    \
                          "vpclmulqdq")))
#define INLINE TARGET static inline __attribute__((always_inline))

INLINE __m512i load(const uint64_t *p) {
    return _mm512_loadu_si512(p);
}

INLINE __m512i add(__m512i a, __m512i b) {
    return _mm512_xor_si512(a, b);
}

INLINE __m512i add3(__m512i a, __m512i b, __m512i c) {
    return _mm512_ternarylogic_epi64(a, b, c, 0x96);
}

/* The eight products of lanes, in pairs, added to four sums. */
INLINE __m512i add_products(__m512i sum, __m512i a, __m512i b) {
    return add3(sum, _mm512_clmulepi64_epi128(a, b, 0x00),
                _mm512_clmulepi64_epi128(a, b, 0x11));
}

/* Products of even and of odd lanes, to elements in their lanes. */
INLINE __m512i reduce8(__m512i even, __m512i odd) {
    const __m512i low = _mm512_unpacklo_epi64(even, odd);
    __m512i high = _mm512_unpackhi_epi64(even, odd);
    high =
        add(high, add3(_mm512_srli_epi64(high, 60), _mm512_srli_epi64(high, 61),
                       _mm512_srli_epi64(high, 63)));
    return add3(add3(low, high, _mm512_slli_epi64(high, 1)),
                _mm512_slli_epi64(high, 3), _mm512_slli_epi64(high, 4));
}

INLINE __m512i mul8(__m512i a, __m512i b) {
    return reduce8(_mm512_clmulepi64_epi128(a, b, 0x00),
                   _mm512_clmulepi64_epi128(a, b, 0x11));
}

TARGET static uint64_t mul(uint64_t x, uint64_t y) {
    const __m128i z = _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)x),
                                           _mm_cvtsi64_si128((long long)y), 0);
    return share3_gf64_reduce((uint64_t)_mm_cvtsi128_si64(z),
                              (uint64_t)_mm_extract_epi64(z, 1));
}

TARGET static void add_sums(uint64_t (*sum)[2], const __m512i *wide, size_t n) {
    for (size_t i = 0; i < n; i++) {
        uint64_t w[8];
        _mm512_storeu_si512(w, wide[i]);
        sum[i][0] ^= w[0] ^ w[2] ^ w[4] ^ w[6];
        sum[i][1] ^= w[1] ^ w[3] ^ w[5] ^ w[7];
    }
}

/* --- Points ----------------------------------------------------------------
 *
 * The three low variables in registers; of the others, point by point, which
 * corners are added.
 */

#define LOW 8 /* corners of the low variables */
#define LOW_POINTS 27

/* The corners of `high` variables that the value at a point is made of. */
static unsigned corners_of(size_t point, unsigned high, size_t corner[8]) {
    unsigned n = 1;
    corner[0] = 0;
    for (unsigned t = 0; t < high; t++, point /= 3) {
        if (point % 3 == 0)
            continue;
        for (unsigned i = 0; i < n; i++) {
            if (point % 3 == 2)
                corner[n + i] = corner[i];
            corner[i] |= (size_t)1 << t;
        }
        if (point % 3 == 2)
            n *= 2;
    }
    return n;
}

/* Eight low corners, summed over the high ones; `step` words from a low corner
 * to the next. */
INLINE void gather(__m512i out[LOW], const uint64_t *in, size_t step,
                   const size_t *corner, unsigned n) {
    for (unsigned i = 0; i < LOW; i++)
        out[i] = load(in + (corner[0] * LOW + i) * step);
    for (unsigned c = 1; c < n; c++)
        for (unsigned i = 0; i < LOW; i++)
            out[i] = add(out[i], load(in + (corner[c] * LOW + i) * step));
}

/* One variable less: the values at 0, 1 or inf of the last. */
INLINE void choose(__m512i *out, const __m512i *in, unsigned half,
                   unsigned digit) {
    for (unsigned i = 0; i < half; i++)
        out[i] = digit == 0   ? in[i]
                 : digit == 1 ? in[half + i]
                              : add(in[i], in[half + i]);
}

/* The first choice, of words that lie one after the other. */
INLINE void choose_loaded(__m512i out[4], const uint64_t *in, unsigned digit) {
    for (unsigned i = 0; i < 4; i++) {
        const uint64_t *zero = in + i * PROOF_LANES,
                       *one = zero + 4 * PROOF_LANES;
        out[i] = digit == 0   ? load(zero)
                 : digit == 1 ? load(one)
                              : add(load(zero), load(one));
    }
}

INLINE void block_points(__m512i sum[LOW_POINTS], const uint64_t *const in[4],
                         __m512i theta) {
#pragma GCC unroll 3
    for (unsigned d2 = 0; d2 < 3; d2++) {
        __m512i four[4][4];
        for (unsigned k = 0; k < 4; k++)
            choose_loaded(four[k], in[k], d2);
#pragma GCC unroll 3
        for (unsigned d1 = 0; d1 < 3; d1++) {
            __m512i two[4][2];
            for (unsigned k = 0; k < 4; k++)
                choose(two[k], four[k], 2, d1);
#pragma GCC unroll 3
            for (unsigned d0 = 0; d0 < 3; d0++) {
                __m512i one[4];
                for (unsigned k = 0; k < 4; k++)
                    choose(&one[k], two[k], 1, d0);
                const __m512i p = _mm512_ternarylogic_epi64(
                    _mm512_and_si512(one[0], one[1]), one[2], one[3], 0x78);
                __m512i *s = &sum[9 * d2 + 3 * d1 + d0];
                *s = add_products(*s, p, theta);
            }
        }
    }
}

/* Some blocks at a time, so that sums stay in the cache: the high variables are
 * chosen one after the other, the last first. */
#define TILE 4
#define HIGH (PROOF_VARS_MAX - 3)

typedef struct tile {
    uint64_t (*sum)[2];
    const uint64_t *theta;
    size_t n; /* blocks */
    /* By variables chosen: where the corners left lie, or are made. */
    const uint64_t *in[HIGH + 1][TILE][4];
    uint64_t made[HIGH][TILE][4][PROOF_CORNERS_MAX / 2 * PROOF_LANES];
} tile;

TARGET static void low_points(tile *w, unsigned chosen, size_t point) {
    __m512i sum[LOW_POINTS];
    memset(sum, 0, sizeof sum);
    for (size_t b = 0; b < w->n; b++)
        block_points(sum, w->in[chosen][b], load(w->theta + b * PROOF_LANES));
    add_sums(w->sum + point * LOW_POINTS, sum, LOW_POINTS);
}

TARGET static void choose_high(tile *w, unsigned chosen, unsigned digit,
                               size_t half) {
    for (size_t b = 0; b < w->n; b++)
        for (unsigned k = 0; k < 4; k++) {
            const uint64_t *in = w->in[chosen][b][k];
            uint64_t *out = w->made[chosen][b][k];
            w->in[chosen + 1][b][k] = digit == 2 ? out : in + digit * half;
            for (size_t i = 0; digit == 2 && i < half; i += 8)
                _mm512_storeu_si512(out + i,
                                    add(load(in + i), load(in + half + i)));
        }
}

/* The points whose high digits, from the last on, are those of `point`. */
TARGET static void high_points(tile *w, unsigned left, unsigned chosen,
                               size_t point) {
    if (left == 0 || chosen == HIGH) {
        low_points(w, chosen, point);
        return;
    }
    for (unsigned digit = 0; digit < 3; digit++) {
        choose_high(w, chosen, digit, LOW * PROOF_LANES << (left - 1));
        high_points(w, left - 1, chosen + 1, 3 * point + digit);
    }
}

TARGET static void points(uint64_t (*sum)[2], const share3_record *r,
                          const uint64_t *theta, unsigned v, size_t blocks) {
    const uint64_t *const from[4] = { r->x[0], r->y[1], r->x[1], r->y[0] };
    const size_t block = (size_t)PROOF_LANES << v;
    tile w;
    w.sum = sum;
    for (size_t first = 0; first < blocks; first += TILE) {
        w.theta = theta + first * PROOF_LANES;
        w.n = share3_least(TILE, blocks - first);
        for (size_t b = 0; b < w.n; b++)
            for (unsigned k = 0; k < 4; k++)
                w.in[0][b][k] = from[k] + (first + b) * block;
        high_points(&w, v - 3, 0, 0);
    }
    mal_wipe(&w, sizeof w);
}

INLINE void fold_block(__m512i sum[LOW_POINTS], const __m512i a[LOW],
                       const __m512i b[LOW]) {
#pragma GCC unroll 3
    for (unsigned d2 = 0; d2 < 3; d2++) {
        __m512i a4[4], b4[4];
        choose(a4, a, 4, d2);
        choose(b4, b, 4, d2);
#pragma GCC unroll 3
        for (unsigned d1 = 0; d1 < 3; d1++) {
            __m512i a2[2], b2[2];
            choose(a2, a4, 2, d1);
            choose(b2, b4, 2, d1);
#pragma GCC unroll 3
            for (unsigned d0 = 0; d0 < 3; d0++) {
                __m512i a1, b1, *s = &sum[9 * d2 + 3 * d1 + d0];
                choose(&a1, a2, 1, d0);
                choose(&b1, b2, 1, d0);
                *s = add_products(*s, a1, b1);
            }
        }
    }
}

/* Of the numbers [0, m - m % 8). */
TARGET static void fold_points8(uint64_t (*sum)[2], const uint64_t *a,
                                const uint64_t *b, unsigned v, size_t m) {
    for (size_t o = 0; o < share3_points(v - 3); o++) {
        size_t corner[8];
        const unsigned n = corners_of(o, v - 3, corner);
        __m512i wide[LOW_POINTS] = { 0 }, in[2][LOW];
        for (size_t i = 0; i + 8 <= m; i += 8) {
            gather(in[0], a + i, m, corner, n);
            gather(in[1], b + i, m, corner, n);
            fold_block(wide, in[0], in[1]);
        }
        add_sums(sum + o * LOW_POINTS, wide, LOW_POINTS);
    }
}

/* Up to two variables, point by point. */
TARGET static void fold_points_few(uint64_t (*sum)[2], const uint64_t *a,
                                   const uint64_t *b, unsigned v, size_t m) {
    for (size_t o = 0; o < share3_points(v); o++) {
        size_t corner[8];
        const unsigned n = corners_of(o, v, corner);
        __m512i wide = _mm512_setzero_si512();
        for (size_t i = 0; i < m; i += 8) {
            const __mmask8 take =
                (__mmask8)(m - i < 8 ? (1u << (m - i)) - 1 : 0xff);
            __m512i x = _mm512_setzero_si512(), y = x;
            for (unsigned c = 0; c < n; c++) {
                const size_t at = corner[c] * m + i;
                x = add(x, _mm512_maskz_loadu_epi64(take, a + at));
                y = add(y, _mm512_maskz_loadu_epi64(take, b + at));
            }
            wide = add_products(wide, x, y);
        }
        add_sums(sum + o, &wide, 1);
    }
}

/* What is left over, fewer than eight numbers, as vectors of their own, zeros
 * behind. */
TARGET static void fold_points(uint64_t (*sum)[2], const uint64_t *a,
                               const uint64_t *b, unsigned v, size_t m) {
    uint64_t rest[2][PROOF_CORNERS_MAX * 8] = { { 0 } };
    const size_t left = m % 8, from = m - left;
    if (v < 3) {
        fold_points_few(sum, a, b, v, m);
        return;
    }
    fold_points8(sum, a, b, v, m);
    if (left == 0)
        return;
    for (size_t j = 0; j < (size_t)1 << v; j++) {
        memcpy(rest[0] + 8 * j, a + j * m + from, left * sizeof *a);
        memcpy(rest[1] + 8 * j, b + j * m + from, left * sizeof *b);
    }
    fold_points8(sum, rest[0], rest[1], v, 8);
    mal_wipe(rest, sizeof rest);
}

TARGET static void fold(uint64_t *z, const uint64_t *a, const uint64_t *corner,
                        unsigned v, size_t m) {
    for (size_t i = 0; i < m; i += 8) {
        const __mmask8 take =
            (__mmask8)(m - i < 8 ? (1u << (m - i)) - 1 : 0xff);
        __m512i even = _mm512_setzero_si512(), odd = even;
        for (size_t j = 0; j < (size_t)1 << v; j++) {
            const __m512i c = _mm512_set1_epi64((long long)corner[j]);
            const __m512i x = _mm512_maskz_loadu_epi64(take, a + j * m + i);
            even = add(even, _mm512_clmulepi64_epi128(x, c, 0x00));
            odd = add(odd, _mm512_clmulepi64_epi128(x, c, 0x01));
        }
        _mm512_mask_storeu_epi64(z + i, take, reduce8(even, odd));
    }
}

/* --- Values at a challenge -------------------------------------------------
 */

/* GFNI has the row of result bit r in byte 7 - r: bit i says whether input bit
 * i counts.  column[i] is what input bit i gives. */
static uint64_t matrix_of(const uint8_t column[8]) {
    uint64_t matrix = 0;
    for (unsigned r = 0; r < 8; r++)
        for (unsigned i = 0; i < 8; i++)
            matrix |= (uint64_t)(column[i] >> r & 1) << (8 * (7 - r) + i);
    return matrix;
}

/* Eight registers of bytes: byte i of register j, in each 128 bits, becomes
 * byte j of the word i: words 2q and 2q + 1 in register q. */
INLINE void unpack(__m512i out[8], const __m512i in[8]) {
    __m512i two[8], four[8];
    for (unsigned k = 0; k < 4; k++) {
        two[k] = _mm512_unpacklo_epi8(in[2 * k], in[2 * k + 1]);
        two[4 + k] = _mm512_unpackhi_epi8(in[2 * k], in[2 * k + 1]);
    }
    for (unsigned h = 0; h < 2; h++)
        for (unsigned k = 0; k < 2; k++) {
            const __m512i a = two[4 * h + 2 * k], b = two[4 * h + 2 * k + 1];
            four[4 * h + k] = _mm512_unpacklo_epi16(a, b);
            four[4 * h + 2 + k] = _mm512_unpackhi_epi16(a, b);
        }
    for (unsigned k = 0; k < 4; k++) {
        out[2 * k] = _mm512_unpacklo_epi32(four[2 * k], four[2 * k + 1]);
        out[2 * k + 1] = _mm512_unpackhi_epi32(four[2 * k], four[2 * k + 1]);
    }
}

/* Byte b of word i has in bit 7 - t what was bit b of byte t. */
INLINE __m512i turn(__m512i words) {
    return _mm512_gf2p8affine_epi64_epi8(
        _mm512_set1_epi64((long long)0x8040201008040201), words, 0);
}

INLINE __m512i map(__m512i sum, __m512i bytes, uint64_t matrix) {
    return add(sum, _mm512_gf2p8affine_epi64_epi8(
                        bytes, _mm512_set1_epi64((long long)matrix), 0));
}

TARGET static void evaluate_block(uint64_t *z, const uint64_t *in,
                                  const uint64_t (*matrix)[8], size_t planes) {
    __m512i plane[8][8];
    for (size_t s = 0; s < planes; s++) {
        __m512i word[8];
        for (unsigned t = 0; t < 8; t++)
            word[t] = load(in + (8 * s + t) * PROOF_LANES);
        unpack(plane[s], word);
        for (unsigned q = 0; q < 8; q++)
            plane[s][q] = turn(plane[s][q]);
    }
    for (unsigned q = 0; q < 8; q++) {
        __m512i byte[8], element[8];
        for (unsigned o = 0; o < 8; o++) {
            byte[o] = _mm512_setzero_si512();
            for (size_t s = 0; s < planes; s++)
                byte[o] = map(byte[o], plane[s][q], matrix[s][o]);
        }
        unpack(element, byte);
        for (unsigned i = 0; i < 8; i++)
            _mm512_storeu_si512(z + 64 * q + 8 * i, element[i]);
    }
}

TARGET static void evaluate(uint64_t *z, const uint64_t *in,
                            const uint64_t *corner, unsigned v, size_t blocks) {
    const size_t corners = (size_t)1 << v, planes = corners / 8;
    uint64_t matrix[8][8];
    for (size_t s = 0; s < planes; s++)
        for (unsigned o = 0; o < 8; o++) {
            uint8_t column[8];
            for (unsigned t = 0; t < 8; t++)
                column[7 - t] = (uint8_t)(corner[8 * s + t] >> (8 * o));
            matrix[s][o] = matrix_of(column);
        }
    for (size_t b = 0; b < blocks; b++)
        evaluate_block(z + b * 64 * PROOF_LANES, in + b * corners * PROOF_LANES,
                       (const uint64_t(*)[8])matrix, planes);
}

/* Times x^2: what leaves above comes back as its products with x^4 + x^3 + x +
 * 1, that are not longer than eight bits. */
INLINE __m512i mul_x2(__m512i a) {
    const __m512i high = _mm512_srli_epi64(a, 62);
    return add3(add3(_mm512_slli_epi64(a, 2), high, _mm512_slli_epi64(high, 1)),
                _mm512_slli_epi64(high, 3), _mm512_slli_epi64(high, 4));
}

/* Two rows of four groups side by side: weights times 1, x.  The even groups of
 * a block, and beside them the odd ones. */
TARGET static void weigh(uint64_t *z, const uint64_t *theta, size_t blocks) {
    const __m512i two = _mm512_set1_epi64(2);
    const __m512i even = _mm512_set_epi64(6, 6, 4, 4, 2, 2, 0, 0),
                  odd = _mm512_set_epi64(7, 7, 5, 5, 3, 3, 1, 1);
    for (size_t b = 0; b < blocks; b++, z += 512) {
        const __m512i all = load(theta + b * PROOF_LANES);
        __m512i w = _mm512_permutexvar_epi64(even, all),
                u = _mm512_permutexvar_epi64(odd, all);
        w = _mm512_mask_mov_epi64(w, 0xaa, mul8(w, two));
        u = _mm512_mask_mov_epi64(u, 0xaa, mul8(u, two));
        for (unsigned i = 0; i < 256; i += 8) {
            _mm512_storeu_si512(z + i, mul8(load(z + i), w));
            _mm512_storeu_si512(z + 256 + i, mul8(load(z + 256 + i), u));
            w = mul_x2(w);
            u = mul_x2(u);
        }
    }
}

TARGET static void claim(uint64_t (*sum)[2], const uint64_t *in,
                         const uint64_t *theta, unsigned v, size_t blocks) {
    const size_t corners = (size_t)1 << v;
    __m512i wide[PROOF_CORNERS_MAX];
    memset(wide, 0, sizeof wide);
    for (size_t b = 0; b < blocks; b++)
        for (size_t j = 0; j < corners; j++)
            wide[j] = add_products(wide[j],
                                   load(in + (b * corners + j) * PROOF_LANES),
                                   load(theta + b * PROOF_LANES));
    add_sums(sum, wide, corners);
}

static bool usable(void) {
    unsigned eax, ebx, ecx, edx;
    return share3_kernels_avx512.usable() &&
           __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) &&
           (ecx >> 10 & 1) && /* VPCLMULQDQ */
           __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx >> 1 & 1);
}

const proof_bits_kernels share3_proof_bits_gfni = {
    "gfni", usable, mul, points, evaluate, weigh, claim, fold_points, fold,
};

#else
static bool usable(void) {
    return false;
}
const proof_bits_kernels share3_proof_bits_gfni = { .name = "gfni",
                                                    .usable = usable };
#endif
