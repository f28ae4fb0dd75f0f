/* proof_bits_gfni.c - GF(2^64) by carry-less products, maps of bits by GFNI.
 *
 * 64 words lie in eight registers, byte plane j holding byte j of each.  An
 * affine map of GFNI multiplies each byte of a plane by 8 x 8 bits; GFNI's
 * product is that of FIPS 197.
 */
#include "proof_bits.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

#define TARGET                                                                 \
    __attribute__((                                                            \
        target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,gfni,pclmul")))

/* Word 8 i + c, byte j -> plane j, byte 8 i + c.  In a register of words i:
 * byte (j, c) of the result is byte j of word c; then 8 x 8 words are turned.
 */
TARGET static void to_planes(__m512i plane[8], const uint64_t *words) {
    const __m512i gather = _mm512_set_epi8(
        63, 55, 47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22, 14, 6, 61, 53,
        45, 37, 29, 21, 13, 5, 60, 52, 44, 36, 28, 20, 12, 4, 59, 51, 43, 35,
        27, 19, 11, 3, 58, 50, 42, 34, 26, 18, 10, 2, 57, 49, 41, 33, 25, 17, 9,
        1, 56, 48, 40, 32, 24, 16, 8, 0);
    uint64_t t[8][8], u[8][8];
    for (unsigned i = 0; i < 8; i++)
        _mm512_storeu_si512(
            t[i],
            _mm512_permutexvar_epi8(gather, _mm512_loadu_si512(words + 8 * i)));
    for (unsigned i = 0; i < 8; i++)
        for (unsigned j = 0; j < 8; j++)
            u[j][i] = t[i][j];
    for (unsigned j = 0; j < 8; j++)
        plane[j] = _mm512_loadu_si512(u[j]);
}

TARGET static void from_planes(uint64_t *words, const __m512i plane[8]) {
    const __m512i scatter = _mm512_set_epi8(
        63, 55, 47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22, 14, 6, 61, 53,
        45, 37, 29, 21, 13, 5, 60, 52, 44, 36, 28, 20, 12, 4, 59, 51, 43, 35,
        27, 19, 11, 3, 58, 50, 42, 34, 26, 18, 10, 2, 57, 49, 41, 33, 25, 17, 9,
        1, 56, 48, 40, 32, 24, 16, 8, 0);
    uint64_t t[8][8], u[8][8];
    for (unsigned j = 0; j < 8; j++)
        _mm512_storeu_si512(u[j], plane[j]);
    for (unsigned i = 0; i < 8; i++)
        for (unsigned j = 0; j < 8; j++)
            t[i][j] = u[j][i];
    for (unsigned i = 0; i < 8; i++)
        _mm512_storeu_si512(
            words + 8 * i,
            _mm512_permutexvar_epi8(scatter, _mm512_loadu_si512(t[i])));
}

/* GFNI has the row of result bit r in byte 7 - r: bit i says whether input bit
 * i counts.  column[i] is what input bit i gives. */
static uint64_t matrix_of(const uint8_t column[8]) {
    uint64_t matrix = 0;
    for (unsigned r = 0; r < 8; r++)
        for (unsigned i = 0; i < 8; i++)
            matrix |= (uint64_t)(column[i] >> r & 1) << (8 * (7 - r) + i);
    return matrix;
}

TARGET static __m512i affine(__m512i sum, __m512i plane, uint64_t matrix) {
    return _mm512_xor_si512(
        sum, _mm512_gf2p8affine_epi64_epi8(
                 plane, _mm512_set1_epi64((long long)matrix), 0));
}

TARGET static void map64(uint64_t *out, const uint64_t *in,
                         const uint64_t matrix[8][8]) {
    __m512i plane[8], mapped[8];
    to_planes(plane, in);
    for (unsigned o = 0; o < 8; o++) {
        mapped[o] = _mm512_setzero_si512();
        for (unsigned j = 0; j < 8; j++)
            mapped[o] = affine(mapped[o], plane[j], matrix[o][j]);
    }
    from_planes(out, mapped);
}

TARGET static void map(uint64_t *out, const uint64_t *in,
                       const uint64_t column[64], size_t n) {
    uint64_t matrix[8][8], last[64] = { 0 };
    for (unsigned o = 0; o < 8; o++)
        for (unsigned j = 0; j < 8; j++) {
            uint8_t byte[8];
            for (unsigned i = 0; i < 8; i++)
                byte[i] = (uint8_t)(column[8 * j + i] >> (8 * o));
            matrix[o][j] = matrix_of(byte);
        }
    size_t w = 0;
    for (; w + 64 <= n; w += 64)
        map64(out + w, in + w, matrix);
    if (w == n)
        return;
    memcpy(last, in + w, 8 * (n - w));
    map64(last, last, matrix);
    memcpy(out + w, last, 8 * (n - w));
    mal_wipe(last, sizeof last);
}

/* --- Products ---------------------------------------------------------------
 */

TARGET static __m128i clmul(uint64_t x, uint64_t y) {
    return _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)x),
                                _mm_cvtsi64_si128((long long)y), 0);
}

TARGET static uint64_t reduce(__m128i z) {
    return share3_gf64_reduce((uint64_t)_mm_cvtsi128_si64(z),
                              (uint64_t)_mm_extract_epi64(z, 1));
}

TARGET static uint64_t mul(uint64_t x, uint64_t y) {
    return reduce(clmul(x, y));
}

TARGET static void scale(uint64_t *z, const uint64_t *x, const uint64_t *y,
                         size_t n) {
    for (size_t i = 0; i < n; i++)
        z[i] = reduce(clmul(x[i], y[i]));
}

TARGET static void fold(uint64_t *z, const uint64_t *a, const uint64_t *coef,
                        size_t n) {
    for (size_t g = 0; g < n; g++) {
        __m128i sum = clmul(coef[0], a[g]);
        for (unsigned k = 1; k < PROOF_FOLD; k++)
            sum = _mm_xor_si128(sum, clmul(coef[k], a[g + k * n]));
        z[g] = reduce(sum);
    }
}

/* --- The further nodes ------------------------------------------------------
 */

typedef struct block64 {
    __m512i v[5][8]; /* x0, y0, x1, y1, theta in byte planes */
} block64;

TARGET static __m512i extend(const __m512i plane[8], const uint64_t matrix[8]) {
    __m512i sum = _mm512_gf2p8affine_epi64_epi8(
        plane[0], _mm512_set1_epi64((long long)matrix[0]), 0);
    for (unsigned j = 1; j < 8; j++)
        sum = affine(sum, plane[j], matrix[j]);
    return sum;
}

TARGET static void node_sums(__m512i sum[8], const block64 *b,
                             const uint64_t matrix[8]) {
    const __m512i p = _mm512_xor_si512(
        _mm512_gf2p8mul_epi8(extend(b->v[0], matrix), extend(b->v[3], matrix)),
        _mm512_gf2p8mul_epi8(extend(b->v[2], matrix), extend(b->v[1], matrix)));
    for (unsigned k = 0; k < 8; k++)
        sum[k] = _mm512_xor_si512(sum[k], _mm512_gf2p8mul_epi8(b->v[4][k], p));
}

TARGET static uint8_t across(__m512i bytes) {
    uint64_t w[8], x = 0;
    _mm512_storeu_si512(w, bytes);
    for (unsigned i = 0; i < 8; i++)
        x ^= w[i];
    x ^= x >> 32;
    x ^= x >> 16;
    return (uint8_t)(x ^ x >> 8);
}

#define BLOCKS 8 /* of 64 words, so that sums stay in registers for a while */

TARGET static void further(uint8_t sums[63][8], const share3_record *r,
                           const uint64_t *theta, size_t n,
                           const uint8_t extension[63][64]) {
    const uint64_t *const from[5] = { r->x[0], r->y[0], r->x[1], r->y[1],
                                      theta };
    uint64_t matrix[63][8], last[64];
    block64 block[BLOCKS];
    for (unsigned s = 0; s < 63; s++)
        for (unsigned j = 0; j < 8; j++)
            matrix[s][j] = matrix_of(extension[s] + 8 * j);
    for (size_t w = 0; w < n;) {
        unsigned blocks = 0;
        for (; blocks < BLOCKS && w < n; blocks++, w += 64) {
            const size_t have = share3_least(64, n - w);
            for (unsigned v = 0; v < 5; v++) {
                memset(last, 0, sizeof last);
                memcpy(last, from[v] + w, 8 * have);
                to_planes(block[blocks].v[v], last);
            }
        }
        for (unsigned s = 0; s < 63; s++) {
            __m512i sum[8];
            for (unsigned k = 0; k < 8; k++)
                sum[k] = _mm512_setzero_si512();
            for (unsigned b = 0; b < blocks; b++)
                node_sums(sum, &block[b], matrix[s]);
            for (unsigned k = 0; k < 8; k++)
                sums[s][k] ^= across(sum[k]);
        }
    }
    mal_wipe(block, sizeof block);
    mal_wipe(last, sizeof last);
}

static void turn(uint64_t a[64]) {
    share3_kernels_avx512.turn(a);
}

/* Leaf 1, ECX bit 1: carry-less products. */
static bool usable(void) {
    unsigned eax, ebx, ecx, edx;
    return share3_kernels_avx512.usable() &&
           __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx >> 1 & 1);
}

const proof_bits_kernels share3_proof_bits_gfni = {
    "gfni", usable, mul, map, turn, scale, fold, further,
};

#else
static bool usable(void) {
    return false;
}
const proof_bits_kernels share3_proof_bits_gfni = { .name = "gfni",
                                                    .usable = usable };
#endif
