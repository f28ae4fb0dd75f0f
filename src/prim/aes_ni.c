/* aes_ni.c - AES-128 by the AES instructions, eight blocks at a time. */
#include "aes_impl.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#define TARGET __attribute__((target("aes,sse2")))
#define INLINE TARGET __attribute__((always_inline)) static inline
#define EACH(X) X(a) X(b) X(c) X(d) X(e) X(f) X(g) X(h)

typedef struct group {
    __m128i a, b, c, d, e, f, g, h;
} group;
#define GROUP_BLOCKS 8

INLINE group g_load(const uint8_t *in) {
    const __m128i *p = (const __m128i *)(const void *)in;
    group s;
#define X(v) s.v = _mm_loadu_si128(p++);
    EACH(X)
#undef X
    return s;
}

INLINE void g_store(uint8_t *out, const group *s) {
    __m128i *p = (__m128i *)(void *)out;
#define X(v) _mm_storeu_si128(p++, s->v);
    EACH(X)
#undef X
}

INLINE void g_xor(group *s, const group *t) {
#define X(v) s->v = _mm_xor_si128(s->v, t->v);
    EACH(X)
#undef X
}

INLINE group g_count(uint64_t low, uint64_t high) {
    __m128i at = _mm_set_epi64x((long long)high, (long long)low);
    const __m128i one = _mm_set_epi64x(0, 1);
    group s;
#define X(v)                                                                   \
    s.v = at;                                                                  \
    at = _mm_add_epi64(at, one);
    EACH(X)
#undef X
    return s;
}

INLINE void g_encrypt(group *s, const mal_prim_aes *aes) {
    const __m128i *key = (const __m128i *)(const void *)aes->round;
    __m128i k = _mm_load_si128(key);
#define X(v) s->v = _mm_xor_si128(s->v, k);
    EACH(X)
#undef X
    for (unsigned r = 1; r < 10; r++) {
        k = _mm_load_si128(key + r);
#define X(v) s->v = _mm_aesenc_si128(s->v, k);
        EACH(X)
#undef X
    }
    k = _mm_load_si128(key + 10);
#define X(v) s->v = _mm_aesenclast_si128(s->v, k);
    EACH(X)
#undef X
}

/* [FIPS197] section 5.2; `assist` is SubWord(RotWord(last)) ^ Rcon, thrice
 * beside other words. */
INLINE __m128i next_key(__m128i k, __m128i assist) {
    assist = _mm_shuffle_epi32(assist, 0xff);
    k = _mm_xor_si128(k, _mm_slli_si128(k, 4));
    k = _mm_xor_si128(k, _mm_slli_si128(k, 8)); /* prefix sums of four words */
    return _mm_xor_si128(k, assist);
}

TARGET static void ni_init(mal_prim_aes *aes, const uint8_t key[16]) {
    __m128i *out = (__m128i *)(void *)aes->round;
    __m128i k = _mm_loadu_si128((const __m128i *)(const void *)key);
    _mm_store_si128(out++, k);
#define X(rcon)                                                                \
    k = next_key(k, _mm_aeskeygenassist_si128(k, rcon));                       \
    _mm_store_si128(out++, k);
    X(0x01)
    X(0x02) X(0x04) X(0x08) X(0x10) X(0x20) X(0x40) X(0x80) X(0x1b) X(0x36)
#undef X
}

#define WAY ni
#include "aes_modes.h"

static bool ni_usable(void) {
    return __builtin_cpu_supports("aes");
}

const prim_aes_way prim_aes_ni = {
    .name = "aes-ni",
    .usable = ni_usable,
    .init = ni_init,
    .ecb = ni_ecb,
    .ctr = ni_ctr,
    .ctr_xor = ni_ctr_xor,
    .mmo = ni_mmo,
    .tmmo = ni_tmmo,
};
#endif
