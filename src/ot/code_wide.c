/* code_wide.c - the convolution in registers of 512 bits.
 *
 * The last 28 elements, final or still growing, stay in a ring of registers: 7
 * of 4 elements for width 1, 14 of 2 elements for width 2.  Register 0 holds
 * the group whose steps come next.  A step spreads its element over a register
 * and adds it under the mask of its taps to all registers; a finished group is
 * stored, and makes room for the group that is 28 steps ahead.
 */
#include "ot_impl.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define WIDE                                                                   \
    __attribute__((target("avx512f,avx512bw,avx512dq,vpclmulqdq,pclmul")))
#define INLINE WIDE __attribute__((always_inline)) static inline
#define STEPS 1024

#define SEVEN(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6)
#define FOURTEEN(X) SEVEN(X) X(7) X(8) X(9) X(10) X(11) X(12) X(13)

INLINE __m512i times_alpha(__m512i v) {
    const __m512i alpha = _mm512_set1_epi64((long long)OT_ALPHA);
    const __m512i mod = _mm512_set1_epi64(0x87);
    __m512i hi = _mm512_clmulepi64_epi128(v, alpha, 0x01);
    __m512i lo = _mm512_clmulepi64_epi128(v, alpha, 0x00);
    __m512i over = _mm512_clmulepi64_epi128(hi, mod, 0x01);
    return _mm512_ternarylogic_epi64(lo, _mm512_bslli_epi128(hi, 8), over,
                                     0x96);
}

/* Group g in the order of steps: 4 blocks, turned round when backwards. */
INLINE mal_ot_block *place(mal_ot_block *x, size_t groups, size_t g,
                           bool backwards) {
    return x + 4 * (backwards ? groups - 1 - g : g);
}
INLINE __m512i turn(__m512i v, unsigned width, bool backwards) {
    if (!backwards)
        return v;
    return width == 1 ? _mm512_shuffle_i64x2(v, v, 0x1b)
                      : _mm512_shuffle_i64x2(v, v, 0x4e);
}
INLINE __m512i load(mal_ot_block *x, size_t groups, size_t g, unsigned width,
                    bool backwards) {
    if (g >= groups)
        return _mm512_setzero_si512();
    return turn(_mm512_load_si512(place(x, groups, g, backwards)), width,
                backwards);
}
INLINE void store(mal_ot_block *x, size_t groups, size_t g, __m512i v,
                  unsigned width, bool backwards) {
    _mm512_store_si512(place(x, groups, g, backwards),
                       turn(v, width, backwards));
}

/* Which bit of the taps, shifted by lane + 1, belongs to word q of register r:
 * the element (8 r + q) / (2 width). */
#define BIT(width, r, q) (1ll << ((8 * (r) + (q)) / (2 * (width))))
#define BITS(width, r)                                                         \
    _mm512_set_epi64(BIT(width, r, 7), BIT(width, r, 6), BIT(width, r, 5),     \
                     BIT(width, r, 4), BIT(width, r, 3), BIT(width, r, 2),     \
                     BIT(width, r, 1), BIT(width, r, 0))

#define ADD(i)                                                                 \
    r##i =                                                                     \
        _mm512_mask_xor_epi64(r##i, _mm512_test_epi64_mask(m, b##i), r##i, e);

/* One pass.  REGISTERS names the ring, LAST its last register. */
#define PASS(name, WIDTH, REGISTERS, LAST, STEP, ROTATE)                       \
    INLINE void name(const ot_shape *shape, mal_ot_block *x, bool backwards) { \
        size_t groups = shape->parity * WIDTH / 4;                             \
        uint32_t taps[STEPS];                                                  \
        mal_prim_aes aes;                                                      \
        REGISTERS(DECLARE_##WIDTH)                                             \
        mal_prim_aes_init(&aes, shape->key);                                   \
        for (size_t at = 0; at < shape->parity; at += STEPS) {                 \
            size_t n =                                                         \
                shape->parity - at < STEPS ? shape->parity - at : STEPS;       \
            ot_code_taps(taps, &aes, backwards, at, n);                        \
            for (size_t s = 0; s < n; s += 4 / WIDTH) {                        \
                size_t g = (at + s) * WIDTH / 4;                               \
                STEP __m512i done = r0;                                        \
                store(x, groups, g, done, WIDTH, backwards);                   \
                ROTATE                                                         \
                LAST = times_alpha(_mm512_xor_si512(                           \
                    done, load(x, groups, g + OT_MEMORY * WIDTH / 4, WIDTH,    \
                               backwards)));                                   \
            }                                                                  \
        }                                                                      \
    }
#define DECLARE_1(i)                                                           \
    const __m512i b##i = BITS(1, i);                                           \
    __m512i r##i = times_alpha(load(x, groups, i, 1, backwards));
#define DECLARE_2(i)                                                           \
    const __m512i b##i = BITS(2, i);                                           \
    __m512i r##i = times_alpha(load(x, groups, i, 2, backwards));

/* Step s + lane. */
#define ONE(REGISTERS, lane, control)                                          \
    {                                                                          \
        __m512i e = _mm512_shuffle_i64x2(r0, r0, control);                     \
        __m512i m = _mm512_set1_epi64(                                         \
            (long long)((uint64_t)(taps[s + lane] & 0xffffff) << (lane + 1))); \
        REGISTERS(ADD)                                                         \
    }
#define FOUR_STEPS                                                             \
    ONE(SEVEN, 0, 0x00)                                                        \
    ONE(SEVEN, 1, 0x55) ONE(SEVEN, 2, 0xaa) ONE(SEVEN, 3, 0xff)
#define TWO_STEPS ONE(FOURTEEN, 0, 0x44) ONE(FOURTEEN, 1, 0xee)
#define ROTATE_7                                                               \
    r0 = r1;                                                                   \
    r1 = r2;                                                                   \
    r2 = r3;                                                                   \
    r3 = r4;                                                                   \
    r4 = r5;                                                                   \
    r5 = r6;
#define ROTATE_14                                                              \
    ROTATE_7                                                                   \
    r6 = r7;                                                                   \
    r7 = r8;                                                                   \
    r8 = r9;                                                                   \
    r9 = r10;                                                                  \
    r10 = r11;                                                                 \
    r11 = r12;                                                                 \
    r12 = r13;

PASS(pass_1, 1, SEVEN, r6, FOUR_STEPS, ROTATE_7)
PASS(pass_2, 2, FOURTEEN, r13, TWO_STEPS, ROTATE_14)

WIDE void ot_code_pass_wide(const ot_shape *shape, mal_ot_block *x,
                            unsigned width, bool backwards) {
    if (width == 1 && !backwards)
        pass_1(shape, x, false);
    else if (width == 1)
        pass_1(shape, x, true);
    else if (!backwards)
        pass_2(shape, x, false);
    else
        pass_2(shape, x, true);
}
#else
void ot_code_pass_wide(const ot_shape *shape, mal_ot_block *x, unsigned width,
                       bool backwards) {
    (void)shape, (void)x, (void)width, (void)backwards;
    assert(!"ot_best_way never says wide here");
}
#endif
