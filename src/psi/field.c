/* field.c - multiples of one element of GF(2^128).
 *
 * Polynomials modulo x^128 + x^7 + x^2 + x + 1, coefficient of x^i in bit i %
 * 64 of word i / 64.  All ways take the same steps whatever the operands.
 */
#include "run_impl.h"

#include <string.h>

/* --- Plain ---------------------------------------------------------------- */

/* Horner from the top bit: acc = acc x + bit delta. */
static mal_psi_block plain_mul(mal_psi_block a, mal_psi_block delta) {
    mal_psi_block acc = { { 0, 0 } };
    for (unsigned i = 128; i-- > 0;) {
        const uint64_t bit = mal_barrier(0 - ((a.w[i / 64] >> (i % 64)) & 1));
        const uint64_t carry = mal_barrier(0 - (acc.w[1] >> 63));
        acc.w[1] = (acc.w[1] << 1 | acc.w[0] >> 63) ^ (delta.w[1] & bit);
        acc.w[0] = (acc.w[0] << 1) ^ (carry & 0x87) ^ (delta.w[0] & bit);
    }
    return acc;
}

static void plain_add(mal_psi_block *io, const mal_psi_block *a, size_t n,
                      mal_psi_block delta) {
    for (size_t i = 0; i < n; i++) {
        mal_psi_block p = plain_mul(a[i], delta);
        psi_store(&io[i], psi_load(&io[i]) ^ psi_load(&p));
    }
}

static bool always(void) {
    return true;
}

/* --- Carry-less multiplication -------------------------------------------- */

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("pclmul,sse4.1")))

/* t1 x^128 + t0, both 128 bits, reduced: fold the upper 64 bits of t1, then
 * what is left of it, by x^128 = 0x87. */
TARGET static inline __m128i reduce(__m128i t1, __m128i t0) {
    const __m128i poly = _mm_set_epi64x(0, 0x87);
    const __m128i high = _mm_clmulepi64_si128(t1, poly, 0x01);
    t1 = _mm_xor_si128(t1, _mm_srli_si128(high, 8));
    t0 = _mm_xor_si128(t0, _mm_slli_si128(high, 8));
    return _mm_xor_si128(t0, _mm_clmulepi64_si128(t1, poly, 0x00));
}

TARGET static void clmul_add(mal_psi_block *io, const mal_psi_block *a,
                             size_t n, mal_psi_block delta) {
    const __m128i d = _mm_loadu_si128((const __m128i *)(const void *)&delta);
    for (size_t i = 0; i < n; i++) {
        const __m128i x =
            _mm_loadu_si128((const __m128i *)(const void *)(a + i));
        __m128i *at = (__m128i *)(void *)(io + i);
        __m128i lo = _mm_clmulepi64_si128(x, d, 0x00);
        __m128i hi = _mm_clmulepi64_si128(x, d, 0x11);
        const __m128i mid = _mm_xor_si128(_mm_clmulepi64_si128(x, d, 0x01),
                                          _mm_clmulepi64_si128(x, d, 0x10));
        lo = _mm_xor_si128(lo, _mm_slli_si128(mid, 8));
        hi = _mm_xor_si128(hi, _mm_srli_si128(mid, 8));
        _mm_storeu_si128(at,
                         _mm_xor_si128(_mm_loadu_si128(at), reduce(hi, lo)));
    }
}

static bool clmul_usable(void) {
    return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
}
#endif

const psi_field_way psi_field_ways[] = {
#if defined(__x86_64__)
    { "pclmul", clmul_usable, clmul_add },
#endif
    { "plain", always, plain_add },
};
const size_t psi_field_ways_n = sizeof psi_field_ways / sizeof *psi_field_ways;

void psi_add_multiples(mal_psi_block *io, const mal_psi_block *a, size_t n,
                       mal_psi_block delta) {
    const psi_field_way *way = psi_field_ways;
    while (!way->usable())
        way++;
    way->add_multiples(io, a, n, delta);
}
