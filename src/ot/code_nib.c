/* code_nib.c - the code of [RRT23] over GF(16), four instances at once.
 *
 * As code.c; an element is 64 bytes, four blocks of 32 nibbles, and every
 * coefficient is an element of GF(16), applied to each nibble:
 *
 *     x_s = alpha (x_s + x_{s-28}) + sum of bit(s, k) x_{s-k}, k = 1 .. 24
 *
 * forwards, then backwards over the parity half; alpha = x generates GF(16)*,
 * so that coefficients leave GF(2).  Then output i of k is its own position
 * plus seven of the parity: one in each quarter, three anywhere.
 */
#include "ot_impl.h"

#include <string.h>

#define INLINE __attribute__((always_inline)) static inline
#define STEPS 1024 /* tap words at a time */
#define ROWS 512   /* outputs at a time */
#define AHEAD 12   /* rows: what is read then is on its way */
#define WEIGHT 7u
#define REGULAR 4u

typedef uint64_t v8 __attribute__((vector_size(64), may_alias));

INLINE void times_alpha(v8 *v) {
    const v8 over = *v >> 3 & 0x1111111111111111;
    *v = (*v << 1 & 0xeeeeeeeeeeeeeeee) ^ over ^ (over << 1);
}

/* Step s, whose predecessors lie at x[-1 step], ..; `there` of them exist. */
INLINE void step(v8 *x, ptrdiff_t back, uint32_t taps, size_t there) {
    v8 v = *x, far = { 0 }; /* far: what does not wait for the last steps */
    if (there >= OT_MEMORY)
        v ^= x[OT_MEMORY * back];
    times_alpha(&v);
#pragma GCC unroll 24
    for (unsigned k = OT_TAPS; k >= 1; k--) {
        const uint64_t bit = 0 - (uint64_t)(taps >> (k - 1) & 1);
        if (k > there)
            continue;
        if (k > OT_TAPS / 2)
            far ^= x[(ptrdiff_t)k * back] & bit;
        else
            v ^= x[(ptrdiff_t)k * back] & bit;
    }
    *x = v ^ far;
}

INLINE void pass(v8 *x, size_t n, const mal_prim_aes *aes, bool backwards) {
    uint32_t taps[STEPS];
    const ptrdiff_t back = backwards ? 1 : -1;
    v8 *at = backwards ? x + n - 1 : x;
    for (size_t s = 0; s < n; s++, at -= back) {
        if (s % STEPS == 0)
            mal_prim_aes_ctr(taps, STEPS / 4, aes, s / 4,
                             backwards ? OT_STREAM_BACKWARDS
                                       : OT_STREAM_FORWARDS);
        if (s < OT_MEMORY)
            step(at, back, taps[s % STEPS], s);
        else
            step(at, back, taps[s % STEPS], OT_MEMORY);
    }
}

/* index[w][i] of outputs [at, at + ROWS); k is a power of two. */
INLINE void indices(uint32_t (*index)[ROWS], size_t k, const mal_prim_aes *aes,
                    size_t at) {
    const uint32_t quarter = (uint32_t)(k / REGULAR);
    mal_prim_aes_ctr(index, WEIGHT * ROWS / 4, aes, at * WEIGHT / 4,
                     OT_STREAM_EXPAND);
    for (unsigned w = 0; w < WEIGHT; w++)
        for (unsigned i = 0; i < ROWS; i++)
            index[w][i] = w < REGULAR
                              ? w * quarter + (index[w][i] & (quarter - 1))
                              : index[w][i] & (uint32_t)(k - 1);
}

INLINE void expand(v8 *out, const v8 *x, size_t k, const mal_prim_aes *aes) {
    uint32_t index[WEIGHT][ROWS];
    for (size_t at = 0; at < k; at += ROWS) {
        indices(index, k, aes, at);
        for (size_t i = 0; i < ROWS; i++) {
            v8 sum = out[at + i];
            if (i + AHEAD < ROWS)
                for (unsigned w = 0; w < WEIGHT; w++)
                    __builtin_prefetch(x + index[w][i + AHEAD]);
            for (unsigned w = 0; w < WEIGHT; w++)
                sum ^= x[index[w][i]];
            out[at + i] = sum;
        }
    }
}

INLINE void encode(mal_ot_block *x, size_t k) {
    uint8_t key[16], number[MAL_OT_SESSION] = { 0 };
    mal_prim_aes aes;
    v8 *system = (v8 *)(void *)x, *parity = system + k;
    ot_public_key(key, "malus ot code nibble", number, k, WEIGHT);
    mal_prim_aes_init(&aes, key);
    pass(parity, k, &aes, false);
    pass(parity, k, &aes, true);
    expand(system, parity, k, &aes);
}

#if defined(__x86_64__)
__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl"))) static void
encode_wide(mal_ot_block *x, size_t k) {
    encode(x, k);
}
#else
#define encode_wide encode
#endif

static void encode_plain(mal_ot_block *x, size_t k) {
    encode(x, k);
}

void ot_nib_encode(ot_way way, mal_ot_block *x, size_t k) {
    assert(k >= ROWS && k >= STEPS && (k & (k - 1)) == 0);
    if (way == OT_WAY_WIDE)
        encode_wide(x, k);
    else
        encode_plain(x, k);
}
