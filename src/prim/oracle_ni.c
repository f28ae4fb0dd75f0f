/* oracle_ni.c - SHA-256 by the SHA instructions, two messages at a time. */
#include "oracle_impl.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#include <string.h>

#define TARGET __attribute__((target("sha,sse4.1,ssse3")))
#define INLINE TARGET __attribute__((always_inline)) static inline

/* [FIPS180-4] 4.2.2: the first 32 bits of the fractional parts of the cube
 * roots of the first 64 primes; prop_oracle holds them to libcrypto's. */
static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
    0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
    0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
};

/* One message: w[t mod 4] holds words 4t .. 4t + 3 of the schedule; abef and
 * cdgh are the state in the order of the instructions. */
typedef struct lane {
    __m128i w[4], abef, cdgh;
} lane;

INLINE void lane_load(lane *l, const uint8_t block[64]) {
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    for (unsigned i = 0; i < 4; i++)
        l->w[i] = _mm_shuffle_epi8(
            _mm_loadu_si128((const __m128i *)(const void *)(block + 16 * i)),
            swap);
}

/* Rounds 4t .. 4t + 3, and words 4t + 16 .. 4t + 19. */
INLINE void lane_rounds(lane *l, unsigned t) {
    const __m128i k =
        _mm_loadu_si128((const __m128i *)(const void *)(K + 4 * t));
    __m128i *a = &l->w[t % 4];
    const __m128i b = l->w[(t + 1) % 4], c = l->w[(t + 2) % 4],
                  d = l->w[(t + 3) % 4];
    __m128i x = _mm_add_epi32(*a, k);
    l->cdgh = _mm_sha256rnds2_epu32(l->cdgh, l->abef, x);
    x = _mm_shuffle_epi32(x, 0x0e);
    l->abef = _mm_sha256rnds2_epu32(l->abef, l->cdgh, x);
    if (t < 12) {
        __m128i s = _mm_sha256msg1_epu32(*a, b);
        s = _mm_add_epi32(s, _mm_alignr_epi8(d, c, 4));
        *a = _mm_sha256msg2_epu32(s, d);
    }
}

/* The first 16 bytes of the digest: a, b, c, d, big-endian. */
INLINE void lane_store(uint8_t out[16], const lane *l, __m128i abef,
                       __m128i cdgh) {
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    abef = _mm_add_epi32(abef, l->abef); /* words, high to low: a b e f */
    cdgh = _mm_add_epi32(cdgh, l->cdgh);
    __m128i dcba = _mm_unpackhi_epi64(cdgh, abef); /* low to high: d c b a */
    dcba = _mm_shuffle_epi32(dcba, 0x1b);
    _mm_storeu_si128((__m128i *)(void *)out, _mm_shuffle_epi8(dcba, swap));
}

TARGET static void two(uint8_t *out_a, uint8_t *out_b, const uint8_t *a,
                       const uint8_t *b, __m128i abef, __m128i cdgh) {
    lane x = { .abef = abef, .cdgh = cdgh }, y = x;
    lane_load(&x, a);
    lane_load(&y, b);
#define ROUNDS(t) (lane_rounds(&x, t), lane_rounds(&y, t))
    ROUNDS(0), ROUNDS(1), ROUNDS(2), ROUNDS(3);
    ROUNDS(4), ROUNDS(5), ROUNDS(6), ROUNDS(7);
    ROUNDS(8), ROUNDS(9), ROUNDS(10), ROUNDS(11);
    ROUNDS(12), ROUNDS(13), ROUNDS(14), ROUNDS(15);
#undef ROUNDS
    lane_store(out_a, &x, abef, cdgh);
    lane_store(out_b, &y, abef, cdgh);
}

INLINE void pairs(uint8_t *out, const uint8_t *in, size_t len, size_t n,
                  const mal_prim_oracle *oracle) {
    const uint32_t *s = oracle->state;
    const __m128i abef =
        _mm_set_epi32((int)s[0], (int)s[1], (int)s[4], (int)s[5]);
    const __m128i cdgh =
        _mm_set_epi32((int)s[2], (int)s[3], (int)s[6], (int)s[7]);
    uint8_t a[64], b[64], rest[16];
    prim_oracle_pad(a, in, n ? len : 0);
    memcpy(b, a, sizeof b);
    for (size_t i = 0; i < n; i += 2) {
        const bool both = i + 1 < n;
        memcpy(a, in + i * len, len);
        memcpy(b, in + (i + both) * len, len);
        two(out + 16 * i, both ? out + 16 * (i + 1) : rest, a, b, abef, cdgh);
    }
    mal_wipe(a, sizeof a);
    mal_wipe(b, sizeof b);
    mal_wipe(rest, sizeof rest);
}

/* Lengths that the compiler knows are copied without a call. */
TARGET static void ni_many(uint8_t *out, const uint8_t *in, size_t len,
                           size_t n, const mal_prim_oracle *oracle) {
    if (len == 16)
        pairs(out, in, 16, n, oracle);
    else if (len == 32)
        pairs(out, in, 32, n, oracle);
    else
        pairs(out, in, len, n, oracle);
}

/* clang 14 does not know "sha": ask the processor, leaf 7, ebx bit 29. */
static bool ni_usable(void) {
    unsigned a, b, c, d;
    return __builtin_cpu_supports("sse4.1") &&
           __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1);
}

const prim_oracle_way prim_oracle_ni = { "sha-ni", ni_usable, ni_many };
#endif
