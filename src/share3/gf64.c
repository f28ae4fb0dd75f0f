/* gf64.c - GF(2^64) = GF(2)[x] / (x^64 + x^4 + x^3 + x + 1), many at a time.
 *
 * Constant time: the plain product masks, the fast one is an instruction.
 */
#include "gf64.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* --- Plain -----------------------------------------------------------------
 */

void share3_gf64_add_product(uint64_t sum[2], uint64_t x, uint64_t y) {
    uint64_t low = y & mal_barrier(0 - (x & 1)), high = 0;
    for (unsigned i = 1; i < 64; i++) {
        const uint64_t take = mal_barrier(0 - (x >> i & 1));
        low ^= y << i & take;
        high ^= y >> (64 - i) & take;
    }
    sum[0] ^= low;
    sum[1] ^= high;
}

uint64_t share3_gf_dot_plain(const uint64_t *a, const uint64_t *b, size_t n) {
    uint64_t sum[2] = { 0, 0 };
    for (size_t i = 0; i < n; i++)
        share3_gf64_add_product(sum, a[i], b[i]);
    return share3_gf64_reduce(sum[0], sum[1]);
}

/* --- PCLMULQDQ -------------------------------------------------------------
 */

#if defined(__x86_64__)
static bool have_clmul(void) {
    return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse2");
}

__attribute__((target("pclmul,sse2"))) static uint64_t
dot_clmul(const uint64_t *a, const uint64_t *b, size_t n) {
    __m128i even = _mm_setzero_si128(), odd = even;
    uint64_t sum[2];
    size_t i = 0;
    for (; i + 2 <= n; i += 2) {
        const __m128i x = _mm_loadu_si128((const __m128i *)(const void *)&a[i]);
        const __m128i y = _mm_loadu_si128((const __m128i *)(const void *)&b[i]);
        even = _mm_xor_si128(even, _mm_clmulepi64_si128(x, y, 0x00));
        odd = _mm_xor_si128(odd, _mm_clmulepi64_si128(x, y, 0x11));
    }
    if (i < n)
        even = _mm_xor_si128(
            even, _mm_clmulepi64_si128(_mm_set_epi64x(0, (long long)a[i]),
                                       _mm_set_epi64x(0, (long long)b[i]), 0));
    _mm_storeu_si128((__m128i *)(void *)sum, _mm_xor_si128(even, odd));
    return share3_gf64_reduce(sum[0], sum[1]);
}

/* Four products of each parity an instruction. */
static bool have_wide(void) {
    return __builtin_cpu_supports("vpclmulqdq") &&
           __builtin_cpu_supports("avx512f");
}

__attribute__((target("pclmul,sse2,avx512f,vpclmulqdq"))) static uint64_t
dot_wide(const uint64_t *a, const uint64_t *b, size_t n) {
    __m512i even = _mm512_setzero_si512(), odd = even;
    uint64_t sum[8];
    const size_t whole = n / 8 * 8;
    for (size_t i = 0; i < whole; i += 8) {
        const __m512i x = _mm512_loadu_si512(&a[i]);
        const __m512i y = _mm512_loadu_si512(&b[i]);
        even = _mm512_xor_si512(even, _mm512_clmulepi64_epi128(x, y, 0x00));
        odd = _mm512_xor_si512(odd, _mm512_clmulepi64_epi128(x, y, 0x11));
    }
    _mm512_storeu_si512(sum, _mm512_xor_si512(even, odd));
    return share3_gf64_reduce(sum[0] ^ sum[2] ^ sum[4] ^ sum[6],
                              sum[1] ^ sum[3] ^ sum[5] ^ sum[7]) ^
           dot_clmul(a + whole, b + whole, n - whole);
}
#endif

uint64_t share3_gf_dot(const uint64_t *a, const uint64_t *b, size_t n) {
#if defined(__x86_64__)
    if (have_wide())
        return dot_wide(a, b, n);
    if (have_clmul())
        return dot_clmul(a, b, n);
#endif
    return share3_gf_dot_plain(a, b, n);
}
