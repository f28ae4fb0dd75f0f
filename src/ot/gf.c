/* gf.c - GF(2^128): products and inner products.
 *
 * The plain way shifts and masks; the fast ones multiply carry-less, four
 * elements at a time where the processor can.  Inner products add unreduced
 * 256-bit products and reduce once.
 */
#include "ot_impl.h"

#include <string.h>

/* hi * x^128 + lo, with x^128 = x^7 + x^2 + x + 1. */
static mal_ot_block reduce(const uint64_t p[4]) {
    uint64_t h0 = p[2], h1 = p[3];
    /* What overflows once more: the top 7, 2 and 1 bits of h1, below x^7. */
    uint64_t o = (h1 >> 57) ^ (h1 >> 62) ^ (h1 >> 63);
    mal_ot_block r;
    h0 ^= o;
    r.w[0] = p[0] ^ h0 ^ (h0 << 1) ^ (h0 << 2) ^ (h0 << 7);
    r.w[1] = p[1] ^ h1 ^ (h1 << 1) ^ (h0 >> 63) ^ (h1 << 2) ^ (h0 >> 62) ^
             (h1 << 7) ^ (h0 >> 57);
    return r;
}

/* p ^= a * b, unreduced. */
static void plain_mul_add(uint64_t p[4], const mal_ot_block *a,
                          const mal_ot_block *b) {
    for (unsigned i = 0; i < 128; i++) {
        uint64_t m = mal_barrier(0 - ((a->w[i / 64] >> (i % 64)) & 1));
        uint64_t lo = b->w[0] & m, hi = b->w[1] & m;
        unsigned w = i / 64, s = i % 64;
        p[w] ^= lo << s;
        p[w + 1] ^= (hi << s) ^ (lo >> 1 >> (63 - s));
        p[w + 2] ^= hi >> 1 >> (63 - s);
    }
}

static void plain_inner(uint64_t p[4], const mal_ot_block *a,
                        const mal_ot_block *b, size_t n) {
    for (size_t i = 0; i < n; i++)
        plain_mul_add(p, a + i, b + i);
}

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

#define CLMUL __attribute__((target("pclmul,sse2")))
CLMUL static void clmul_inner(uint64_t p[4], const mal_ot_block *a,
                              const mal_ot_block *b, size_t n) {
    __m128i lo = _mm_setzero_si128(), mid = lo, hi = lo;
    for (size_t i = 0; i < n; i++) {
        __m128i x = _mm_load_si128((const __m128i *)(const void *)(a + i));
        __m128i y = _mm_load_si128((const __m128i *)(const void *)(b + i));
        lo = _mm_xor_si128(lo, _mm_clmulepi64_si128(x, y, 0x00));
        hi = _mm_xor_si128(hi, _mm_clmulepi64_si128(x, y, 0x11));
        mid = _mm_xor_si128(mid, _mm_clmulepi64_si128(x, y, 0x01));
        mid = _mm_xor_si128(mid, _mm_clmulepi64_si128(x, y, 0x10));
    }
    lo = _mm_xor_si128(lo, _mm_slli_si128(mid, 8));
    hi = _mm_xor_si128(hi, _mm_srli_si128(mid, 8));
    uint64_t q[4];
    _mm_storeu_si128((__m128i *)(void *)q, lo);
    _mm_storeu_si128((__m128i *)(void *)(q + 2), hi);
    for (unsigned i = 0; i < 4; i++)
        p[i] ^= q[i];
}

#define WIDE __attribute__((target("avx512f,avx512bw,vpclmulqdq,pclmul")))
WIDE static __m128i fold4(__m512i v) {
    __m256i h = _mm256_xor_si256(_mm512_castsi512_si256(v),
                                 _mm512_extracti64x4_epi64(v, 1));
    return _mm_xor_si128(_mm256_castsi256_si128(h),
                         _mm256_extracti128_si256(h, 1));
}

WIDE static void wide_inner(uint64_t p[4], const mal_ot_block *a,
                            const mal_ot_block *b, size_t n) {
    __m512i lo = _mm512_setzero_si512(), mid = lo, hi = lo, mid2 = lo;
    size_t i = 0;
    for (; n - i >= 4; i += 4) {
        __m512i x = _mm512_loadu_si512(a + i), y = _mm512_loadu_si512(b + i);
        lo = _mm512_xor_si512(lo, _mm512_clmulepi64_epi128(x, y, 0x00));
        hi = _mm512_xor_si512(hi, _mm512_clmulepi64_epi128(x, y, 0x11));
        mid = _mm512_xor_si512(mid, _mm512_clmulepi64_epi128(x, y, 0x01));
        mid2 = _mm512_xor_si512(mid2, _mm512_clmulepi64_epi128(x, y, 0x10));
    }
    __m128i l = fold4(lo), h = fold4(hi),
            m = fold4(_mm512_xor_si512(mid, mid2));
    uint64_t q[4];
    _mm_storeu_si128((__m128i *)(void *)q,
                     _mm_xor_si128(l, _mm_slli_si128(m, 8)));
    _mm_storeu_si128((__m128i *)(void *)(q + 2),
                     _mm_xor_si128(h, _mm_srli_si128(m, 8)));
    for (unsigned j = 0; j < 4; j++)
        p[j] ^= q[j];
    clmul_inner(p, a + i, b + i, n - i);
}

bool ot_cpu_clmul(void) {
    return __builtin_cpu_supports("pclmul");
}

/* clang 14 does not know "vpclmulqdq": leaf 7, ecx bit 10. */
bool ot_cpu_wide(void) {
    unsigned a, b, c, d;
    return __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") && ot_cpu_clmul() &&
           __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c >> 10 & 1);
}
#else
bool ot_cpu_clmul(void) {
    return false;
}
bool ot_cpu_wide(void) {
    return false;
}
#define clmul_inner plain_inner
#define wide_inner plain_inner
#endif

unsigned ot_ways(void) {
    static unsigned known;
    unsigned w = __atomic_load_n(&known, __ATOMIC_RELAXED);
    if (!w) {
        w = 1u << OT_WAY_PLAIN;
        w |= ot_cpu_clmul() ? 1u << OT_WAY_CLMUL : 0;
        w |= ot_cpu_wide() ? 1u << OT_WAY_WIDE : 0;
        __atomic_store_n(&known, w, __ATOMIC_RELAXED);
    }
    return w;
}

ot_way ot_best_way(void) {
    unsigned w = ot_ways();
    return w >> OT_WAY_WIDE & 1    ? OT_WAY_WIDE
           : w >> OT_WAY_CLMUL & 1 ? OT_WAY_CLMUL
                                   : OT_WAY_PLAIN;
}

mal_ot_block ot_inner_by(ot_way way, const mal_ot_block *a,
                         const mal_ot_block *b, size_t n) {
    uint64_t p[4] = { 0 };
    if (way == OT_WAY_WIDE)
        wide_inner(p, a, b, n);
    else if (way == OT_WAY_CLMUL)
        clmul_inner(p, a, b, n);
    else
        plain_inner(p, a, b, n);
    return reduce(p);
}

mal_ot_block ot_inner(const mal_ot_block *a, const mal_ot_block *b, size_t n) {
    return ot_inner_by(ot_best_way(), a, b, n);
}

mal_ot_block mal_ot_mul(mal_ot_block a, mal_ot_block b) {
    return ot_inner_by(
        ot_best_way() == OT_WAY_PLAIN ? OT_WAY_PLAIN : OT_WAY_CLMUL, &a, &b, 1);
}

/* Sum of v[i] x^i, by Horner: x * (w1, w0) is a shift and a conditional 0x87.
 */
mal_ot_block ot_compose(const mal_ot_block v[128]) {
    mal_ot_block r = v[127];
    for (unsigned i = 127; i--;) {
        uint64_t top = mal_barrier(0 - (r.w[1] >> 63));
        r.w[1] = (r.w[1] << 1 | r.w[0] >> 63) ^ v[i].w[1];
        r.w[0] = (r.w[0] << 1) ^ (top & 0x87) ^ v[i].w[0];
    }
    return r;
}
