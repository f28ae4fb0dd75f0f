/* kernels_avx2.c - the loops on registers of 256 bits. */
#include "kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx2")))
#include "kernels_loops.h"

/* Steps of 32 and down to 4 rows are the plain ones, four rows at a time; the
 * last two lie within a register of four rows. */
#define STEP(j, mask)                                                          \
    for (unsigned k = 0; k < 64; k = ((k | (j)) + 4) & ~(unsigned)(j)) {       \
        __m256i *low = (__m256i *)(void *)(a + k);                             \
        __m256i *high = (__m256i *)(void *)(a + (k | (j)));                    \
        const __m256i m = _mm256_set1_epi64x((long long)(mask));               \
        __m256i u = _mm256_loadu_si256(low), v = _mm256_loadu_si256(high);     \
        const __m256i t =                                                      \
            _mm256_and_si256(_mm256_xor_si256(_mm256_srli_epi64(u, j), v), m); \
        u = _mm256_xor_si256(u, _mm256_slli_epi64(t, j));                      \
        v = _mm256_xor_si256(v, t);                                            \
        _mm256_storeu_si256(low, u);                                           \
        _mm256_storeu_si256(high, v);                                          \
    }

/* Rows (0, 2) and (1, 3), then (0, 1) and (2, 3), of four. */
TARGET static __m256i turn_four(__m256i u) {
    const __m256i m2 =
        _mm256_set_epi64x(0, 0, 0x3333333333333333, 0x3333333333333333);
    const __m256i m1 =
        _mm256_set_epi64x(0, 0x5555555555555555, 0, 0x5555555555555555);
    __m256i v = _mm256_permute4x64_epi64(u, 0x4e); /* 2 3 0 1 */
    __m256i t =
        _mm256_and_si256(_mm256_xor_si256(_mm256_srli_epi64(u, 2), v), m2);
    u = _mm256_xor_si256(u, _mm256_slli_epi64(t, 2));
    u = _mm256_xor_si256(u, _mm256_permute4x64_epi64(t, 0x4e));
    v = _mm256_permute4x64_epi64(u, 0xb1); /* 1 0 3 2 */
    t = _mm256_and_si256(_mm256_xor_si256(_mm256_srli_epi64(u, 1), v), m1);
    u = _mm256_xor_si256(u, _mm256_slli_epi64(t, 1));
    return _mm256_xor_si256(u, _mm256_permute4x64_epi64(t, 0xb1));
}

TARGET static void turn(uint64_t a[64]) {
    STEP(32, 0x00000000ffffffff)
    STEP(16, 0x0000ffff0000ffff)
    STEP(8, 0x00ff00ff00ff00ff)
    STEP(4, 0x0f0f0f0f0f0f0f0f)
    for (unsigned k = 0; k < 64; k += 4) {
        __m256i *p = (__m256i *)(void *)(a + k);
        _mm256_storeu_si256(p, turn_four(_mm256_loadu_si256(p)));
    }
}

static bool usable(void) {
    return __builtin_cpu_supports("avx2");
}

const share3_kernels share3_kernels_avx2 = {
    "avx2",    usable,   turn,     and_words, mul_words, dot_words,  sum_words,
    xor_words, rest_and, rest_mul, poly_mac,  poly_axpy, poly_outer,
};

#else
static bool usable(void) {
    return false;
}
const share3_kernels share3_kernels_avx2 = { .name = "avx2", .usable = usable };
#endif
