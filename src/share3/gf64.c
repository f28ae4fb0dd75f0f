/* gf64.c - GF(2^64) = GF(2)[x] / (x^64 + x^4 + x^3 + x + 1), many at a time.
 *
 * Constant time: the plain product masks, the fast one is an instruction.
 */
#include "gf64.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* x^64 = x^4 + x^3 + x + 1.  The high word's product with it has degree at most
 * 67: its own 4 high bits are folded once more. */
#define LOW UINT64_C(0x1b)

static uint64_t reduce(uint64_t hi, uint64_t lo) {
    const uint64_t over = hi >> 60 ^ hi >> 61 ^ hi >> 63;
    lo ^= hi ^ hi << 1 ^ hi << 3 ^ hi << 4;
    return lo ^ over ^ over << 1 ^ over << 3 ^ over << 4;
}

/* --- Plain -----------------------------------------------------------------
 */

static void product(uint64_t *hi, uint64_t *lo, uint64_t a, uint64_t b) {
    uint64_t h = 0, l = b & (0 - (a & 1));
    for (unsigned i = 1; i < 64; i++) {
        const uint64_t mask = mal_barrier(0 - (a >> i & 1));
        l ^= b << i & mask;
        h ^= b >> (64 - i) & mask;
    }
    *hi ^= h;
    *lo ^= l;
}

uint64_t share3_gf_dot_plain(const uint64_t *a, const uint64_t *b, size_t n) {
    uint64_t hi = 0, lo = 0;
    for (size_t i = 0; i < n; i++)
        product(&hi, &lo, a[i], b[i]);
    return reduce(hi, lo);
}

void share3_gf_add_scaled_plain(uint64_t *z, uint64_t a, const uint64_t *x,
                                size_t n) {
    for (size_t i = 0; i < n; i++)
        z[i] ^= share3_gf_dot_plain(&a, &x[i], 1);
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
    return reduce(sum[1], sum[0]);
}

__attribute__((target("pclmul,sse2"))) static void
add_scaled_clmul(uint64_t *z, uint64_t a, const uint64_t *x, size_t n) {
    const __m128i scale = _mm_set_epi64x(0, (long long)a);
    for (size_t i = 0; i < n; i++) {
        uint64_t p[2];
        _mm_storeu_si128(
            (__m128i *)(void *)p,
            _mm_clmulepi64_si128(scale, _mm_set_epi64x(0, (long long)x[i]), 0));
        z[i] ^= reduce(p[1], p[0]);
    }
}
#endif

uint64_t share3_gf_dot(const uint64_t *a, const uint64_t *b, size_t n) {
#if defined(__x86_64__)
    if (have_clmul())
        return dot_clmul(a, b, n);
#endif
    return share3_gf_dot_plain(a, b, n);
}

void share3_gf_add_scaled(uint64_t *z, uint64_t a, const uint64_t *x,
                          size_t n) {
#if defined(__x86_64__)
    if (have_clmul()) {
        add_scaled_clmul(z, a, x, n);
        return;
    }
#endif
    share3_gf_add_scaled_plain(z, a, x, n);
}
