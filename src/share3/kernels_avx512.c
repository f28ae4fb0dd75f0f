/* kernels_avx512.c - the loops on registers of 512 bits, and bits turned by
 * GFNI, whose affine map multiplies 8 x 8 bits by a vector. */
#include "kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

#define TARGET                                                                 \
    __attribute__((                                                            \
        target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,gfni")))
#define POLY_MAC poly_mac_registers
#include "kernels_loops.h"

/* Eight rows of eight bytes: byte (c, r) of the result is byte c of row 7 - r.
 * Then each word is turned: with the bytes 1 << i as vectors, byte i of the map
 * has bit b = <byte 7 - b of the word, 1 << i>.  So bit r of byte (c, i) is bit
 * i of byte c of row r. */
TARGET static __m512i turn_bytes(__m512i rows) {
    const __m512i from = _mm512_set_epi8(
        7, 15, 23, 31, 39, 47, 55, 63, 6, 14, 22, 30, 38, 46, 54, 62, 5, 13, 21,
        29, 37, 45, 53, 61, 4, 12, 20, 28, 36, 44, 52, 60, 3, 11, 19, 27, 35,
        43, 51, 59, 2, 10, 18, 26, 34, 42, 50, 58, 1, 9, 17, 25, 33, 41, 49, 57,
        0, 8, 16, 24, 32, 40, 48, 56);
    const __m512i units = _mm512_set1_epi64((long long)0x8040201008040201u);
    return _mm512_gf2p8affine_epi64_epi8(
        units, _mm512_permutexvar_epi8(from, rows), 0);
}

/* Register R of eight holds, at byte p, eight rows of bit p.  Interleaving
 * bytes, pairs and fours gives register m the words of bits 16 l + 2 m, 16 l +
 * 2 m + 1 in its quarter l; exchanging quarters puts them in order. */
TARGET static void turn(uint64_t a[64]) {
    __m512i r[8], s[8];
    for (unsigned i = 0; i < 8; i++)
        r[i] = turn_bytes(_mm512_loadu_si512(a + 8 * i));
    for (unsigned i = 0; i < 4; i++) {
        s[i] = _mm512_unpacklo_epi8(r[2 * i], r[2 * i + 1]);
        s[i + 4] = _mm512_unpackhi_epi8(r[2 * i], r[2 * i + 1]);
    }
    /* s[i]: bits 0..7 of the quarter, rows 16 i; s[i + 4]: bits 8..15 */
    for (unsigned h = 0; h < 8; h += 4)
        for (unsigned i = 0; i < 2; i++) {
            r[h + i] = _mm512_unpacklo_epi16(s[h + 2 * i], s[h + 2 * i + 1]);
            r[h + i + 2] =
                _mm512_unpackhi_epi16(s[h + 2 * i], s[h + 2 * i + 1]);
        }
    /* r[h + 2 q + i]: bits 2 h + 4 q .. + 3, rows 32 i */
    for (unsigned q = 0; q < 4; q++) {
        s[2 * q] = _mm512_unpacklo_epi32(r[2 * q], r[2 * q + 1]);
        s[2 * q + 1] = _mm512_unpackhi_epi32(r[2 * q], r[2 * q + 1]);
    }
    for (unsigned h = 0; h < 2; h++) { /* quarters 0 1 2 3 of four registers */
        const __m512i *t = s + 4 * h;
        const __m512i a0 = _mm512_shuffle_i64x2(t[0], t[1], 0x44);
        const __m512i a1 = _mm512_shuffle_i64x2(t[0], t[1], 0xee);
        const __m512i b0 = _mm512_shuffle_i64x2(t[2], t[3], 0x44);
        const __m512i b1 = _mm512_shuffle_i64x2(t[2], t[3], 0xee);
        _mm512_storeu_si512(a + 8 * h, _mm512_shuffle_i64x2(a0, b0, 0x88));
        _mm512_storeu_si512(a + 8 * h + 16, _mm512_shuffle_i64x2(a0, b0, 0xdd));
        _mm512_storeu_si512(a + 8 * h + 32, _mm512_shuffle_i64x2(a1, b1, 0x88));
        _mm512_storeu_si512(a + 8 * h + 48, _mm512_shuffle_i64x2(a1, b1, 0xdd));
    }
}

/* z[i + j] += x[i] y[j]: for each place of i in a register, y shifted by that
 * many words lies in seven. */
TARGET static void poly_mac_registers(uint64_t z[2 * SHARE3_GALOIS],
                                      const uint64_t x[SHARE3_GALOIS],
                                      const uint64_t y[SHARE3_GALOIS]) {
    enum { N = SHARE3_GALOIS / 8 };
    const __m512i zero = _mm512_setzero_si512(), one = _mm512_set1_epi64(1);
    __m512i sum[2 * N], from = _mm512_set_epi64(15, 14, 13, 12, 11, 10, 9, 8);
    for (unsigned i = 0; i < 2 * N; i++)
        sum[i] = _mm512_loadu_si512(z + 8 * i);
    for (unsigned q = 0; q < 8; q++, from = _mm512_sub_epi64(from, one)) {
        __m512i shifted[N + 1], before = zero;
#pragma GCC unroll 7
        for (unsigned k = 0; k <= N; k++) {
            const __m512i here = k < N ? _mm512_loadu_si512(y + 8 * k) : zero;
            shifted[k] = _mm512_permutex2var_epi64(before, from, here);
            before = here;
        }
#pragma GCC unroll 6
        for (unsigned i = 0; i < N; i++) {
            const __m512i a = _mm512_set1_epi64((long long)x[8 * i + q]);
#pragma GCC unroll 7
            for (unsigned k = 0; k <= N; k++)
                sum[i + k] = _mm512_add_epi64(
                    sum[i + k], _mm512_mullo_epi64(a, shifted[k]));
        }
    }
    for (unsigned i = 0; i < 2 * N; i++)
        _mm512_storeu_si512(z + 8 * i, sum[i]);
}

/* Not all compilers know gfni by name: leaf 7, ECX bit 8. */
static bool usable(void) {
    unsigned eax, ebx, ecx, edx;
    return __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vbmi") &&
           __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && (ecx >> 8 & 1);
}

const share3_kernels share3_kernels_avx512 = {
    "avx512",  usable,   turn,     and_words, mul_words, dot_words,  sum_words,
    xor_words, rest_and, rest_mul, POLY_MAC,  poly_axpy, poly_outer,
};

#else
static bool usable(void) {
    return false;
}
const share3_kernels share3_kernels_avx512 = { .name = "avx512",
                                               .usable = usable };
#endif
