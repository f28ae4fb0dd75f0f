/* code.c - the expand-convolute code of [RRT23]: its shape, and the plain way.
 *
 * A noise vector of N positions becomes n outputs:
 *
 *     positions [0, k)    systematic: go to their output as they are
 *     positions [k, N)    parity: convolved forwards, then backwards, and each
 *                         output adds `weight` of them
 *
 * The convolution, step after step (element j is step j, or step parity - 1 - j
 * when backwards):
 *
 *     x_s = alpha (x_s + x_{s-28}) + sum of bit(s - k, k) x_{s-k}, k = 1 .. 24
 *
 * Bits and indices are the AES stream of a public key.  alpha mixes the 128
 * coordinates: with coefficients 0 and 1 alone all outputs would lie in the
 * span, over GF(2), of the noise values.
 *
 * Half of the weight (rounded up) is regular: one index in each of as many
 * equal segments.  The other half is uniform.
 */
#include "ot_impl.h"

#include <string.h>

/* [RRT23] Linear tests see regular noise of t positions with a bias of at most
 * (1 - 2 delta)^t for a word of relative weight delta: t >= 128 / -log2(1 - 2
 * delta).  delta = 0.25 gives 128, delta = 0.2 gives 174. */
static size_t noise_min(mal_ot_code code) {
    return code == MAL_OT_CODE_21X24 ? 174 : 128;
}

void ot_shape_make(ot_shape *shape, size_t n, mal_ot_code code) {
    uint8_t numbers[24];
    mal_prim_hash h;
    assert(n >= 1 && n <= MAL_OT_VOLE_MAX);
    *shape = (ot_shape){ .n = n };
    shape->k = n < OT_SHAPE_MIN ? OT_SHAPE_MIN : n;
    shape->weight = code == MAL_OT_CODE_21X24 ? 21 : 7;
    while (2 * shape->k >> (shape->depth + 1) >= noise_min(code))
        shape->depth++;
    size_t leaves = (size_t)1 << shape->depth;
    shape->trees = (2 * shape->k + leaves - 1) / leaves;
    shape->total = shape->trees << shape->depth;
    shape->parity =
        (shape->total - shape->k + OT_GROUP - 1) / OT_GROUP * OT_GROUP;
    mal_store_u64le(numbers, shape->weight);
    mal_store_u64le(numbers + 8, shape->k);
    mal_store_u64le(numbers + 16, shape->total);
    mal_bytes part = mal_bytes_of(numbers, sizeof numbers);
    mal_prim_hash_parts(&h, "malus ot code", &part, 1);
    memcpy(shape->key, h.b, sizeof shape->key);
}

/* --- The convolution
 * ------------------------------------------------------------
 */

#define INLINE __attribute__((always_inline)) static inline
#define STEPS 1024 /* tap words at a time */

/* alpha * v, without a carry-less multiplier. */
INLINE mal_ot_block times_alpha_plain(mal_ot_block v) {
    uint64_t p[3] = { 0 };
    for (unsigned i = 0; i < 64; i++) {
        if (!(OT_ALPHA >> i & 1)) /* a constant */
            continue;
        p[0] ^= v.w[0] << i;
        p[1] ^= (v.w[1] << i) ^ (v.w[0] >> 1 >> (63 - i));
        p[2] ^= v.w[1] >> 1 >> (63 - i);
    }
    p[0] ^= p[2] ^ (p[2] << 1) ^ (p[2] << 2) ^ (p[2] << 7);
    p[1] ^= (p[2] >> 63) ^ (p[2] >> 62) ^ (p[2] >> 57);
    return (mal_ot_block){ { p[0], p[1] } };
}

/* A group: 4 blocks, that is PER = 4 / width elements, as one vector. */
typedef uint64_t v8 __attribute__((vector_size(64), may_alias));

typedef struct pass {
    mal_ot_block *x;
    size_t parity;
    unsigned width;
    bool backwards;
} pass;

INLINE v8 *group(const pass *p, size_t g, unsigned width) {
    size_t groups = p->parity * width / 4;
    return (v8 *)p->x + (p->backwards ? groups - 1 - g : g);
}

/* table[n]: all ones in the elements, in the order of steps, whose bit of n is
 * set. */
static void masks(v8 table[16], unsigned width, bool backwards) {
    unsigned per = 4 / width;
    for (unsigned n = 0; n < 1u << per; n++)
        for (unsigned q = 0; q < 8; q++) {
            unsigned e = q / (2 * width);
            e = backwards ? per - 1 - e : e;
            table[n][q] = 0 - (uint64_t)(n >> e & 1);
        }
}

/* Element `lane` of a group, in the order of steps, in all places. */
INLINE void spread(v8 *to, const v8 *from, unsigned lane, unsigned width,
                   bool backwards) {
    const unsigned per = 4 / width, words = 2 * width;
    const uint64_t *w = (const uint64_t *)(const void *)from +
                        (backwards ? per - 1 - lane : lane) * words;
    for (unsigned q = 0; q < 8; q++)
        (*to)[q] = w[q % words];
}

INLINE void alpha_group(v8 *group_of_4,
                        mal_ot_block (*times_alpha)(mal_ot_block)) {
    mal_ot_block *v = (mal_ot_block *)(void *)group_of_4;
    for (unsigned i = 0; i < 4; i++)
        v[i] = times_alpha(v[i]);
}

/* The steps of group g: push each element on to those of the next 24 steps,
 * then the group to the one that is 28 steps ahead.  width, backwards and
 * times_alpha are constants here. */
INLINE void push(const pass *p, size_t g, const uint32_t *taps,
                 const v8 table[16], unsigned width,
                 mal_ot_block (*times_alpha)(mal_ot_block)) {
    const unsigned per = 4 / width, ring = OT_MEMORY / per;
    size_t left = p->parity / per - g, n = left < ring ? left : ring;
    v8 *now = group(p, g, width);
    for (unsigned lane = 0; lane < per; lane++) {
        v8 e;
        spread(&e, now, lane, width, p->backwards);
        uint64_t m = (uint64_t)(taps[lane] & 0xffffff) << (lane + 1);
        for (size_t r = 0; r < n; r++, m >>= per)
            *group(p, g + r, width) ^= table[m & ((1u << per) - 1)] & e;
    }
    if (left > ring) {
        v8 *ahead = group(p, g + ring, width);
        *ahead ^= *now;
        alpha_group(ahead, times_alpha);
    }
}

INLINE void pass_body(const pass *p, const mal_prim_aes *aes, unsigned width,
                      mal_ot_block (*times_alpha)(mal_ot_block)) {
    const unsigned per = 4 / width;
    uint32_t taps[STEPS];
    v8 table[16];
    masks(table, width, p->backwards);
    for (size_t g = 0; g < OT_MEMORY / per && g < p->parity / per; g++)
        alpha_group(group(p, g, width), times_alpha);
    for (size_t at = 0; at < p->parity; at += STEPS) {
        size_t n = p->parity - at < STEPS ? p->parity - at : STEPS;
        ot_code_taps(taps, aes, p->backwards, at, n);
        for (size_t s = 0; s < n; s += per)
            push(p, (at + s) / per, taps + s, table, width, times_alpha);
    }
}

static void pass_plain(const pass *p, const mal_prim_aes *aes) {
    if (p->width == 1)
        pass_body(p, aes, 1, times_alpha_plain);
    else
        pass_body(p, aes, 2, times_alpha_plain);
}

#if defined(__x86_64__)
#include <immintrin.h>
#define CLMUL __attribute__((target("pclmul,avx2")))

CLMUL __attribute__((always_inline)) static inline mal_ot_block
times_alpha_clmul(mal_ot_block v) {
    const __m128i alpha = _mm_set_epi64x(0x87, (long long)OT_ALPHA);
    __m128i x = _mm_load_si128((const __m128i *)(const void *)&v);
    __m128i hi = _mm_clmulepi64_si128(x, alpha, 0x01);
    x = _mm_clmulepi64_si128(x, alpha, 0x00);
    x = _mm_xor_si128(x, _mm_slli_si128(hi, 8));
    x = _mm_xor_si128(x, _mm_clmulepi64_si128(hi, alpha, 0x11));
    _mm_store_si128((__m128i *)(void *)&v, x);
    return v;
}

CLMUL static void pass_clmul(const pass *p, const mal_prim_aes *aes) {
    if (p->width == 1)
        pass_body(p, aes, 1, times_alpha_clmul);
    else
        pass_body(p, aes, 2, times_alpha_clmul);
}

static bool has_avx2(void) {
    return __builtin_cpu_supports("avx2");
}
#else
#define pass_clmul pass_plain
static bool has_avx2(void) {
    return false;
}
#endif

void ot_code_convolve(ot_way way, const ot_shape *shape, mal_ot_block *x,
                      unsigned width) {
    mal_prim_aes aes;
    assert(width == 1 || width == 2);
    mal_prim_aes_init(&aes, shape->key);
    for (unsigned backwards = 0; backwards < 2; backwards++) {
        pass p = { x, shape->parity, width, backwards };
        if (way == OT_WAY_WIDE)
            ot_code_pass_wide(shape, x, width, backwards);
        else if (way == OT_WAY_CLMUL && has_avx2())
            pass_clmul(&p, &aes);
        else
            pass_plain(&p, &aes);
    }
}

/* --- The expander
 * ---------------------------------------------------------------
 */

#define ROWS 512 /* outputs at a time */
#define WEIGHT_MAX 21

/* index[w][i] of outputs [at, at + ROWS): r * length / 2^32 for a 32-bit r is
 * uniform but for 2^-32 length: this is about a public code. */
INLINE void indices(uint32_t (*index)[ROWS], const ot_shape *shape,
                    const mal_prim_aes *aes, size_t at) {
    unsigned regular = (shape->weight + 1) / 2;
    uint32_t step = (uint32_t)(shape->parity / regular);
    mal_prim_aes_ctr(index, shape->weight * ROWS / 4, aes,
                     at * shape->weight / 4, OT_STREAM_EXPAND);
    for (unsigned w = 0; w < shape->weight; w++) {
        uint32_t base = w < regular ? w * step : 0;
        uint64_t length = w < regular ? step : shape->parity;
        for (unsigned i = 0; i < ROWS; i++)
            index[w][i] = base + (uint32_t)(index[w][i] * length >> 32);
    }
}

/* 16-byte vectors of the compiler: one load, one exclusive or each. */
typedef uint64_t v2 __attribute__((vector_size(16), may_alias));

INLINE void add_rows(const ot_shape *shape, v2 *out0, v2 *out1, const v2 *x,
                     uint32_t (*index)[ROWS], size_t n, unsigned weight,
                     unsigned width) {
    (void)shape;
    for (size_t i = 0; i < n; i++) {
        v2 s0 = out0[i], s1 = width == 2 ? out1[i] : (v2){ 0 };
        for (unsigned w = 0; w < weight; w++) {
            const v2 *from = x + (size_t)index[w][i] * width;
            s0 ^= from[0];
            if (width == 2)
                s1 ^= from[1];
        }
        out0[i] = s0;
        if (width == 2)
            out1[i] = s1;
    }
}

INLINE void expand_body(const ot_expansion *e, size_t from, size_t to,
                        unsigned weight, unsigned width) {
    uint32_t index[WEIGHT_MAX][ROWS];
    mal_prim_aes aes;
    mal_prim_aes_init(&aes, e->shape->key);
    for (size_t at = from; at < to; at += ROWS) {
        size_t n = to - at < ROWS ? to - at : ROWS;
        indices(index, e->shape, &aes, at);
        add_rows(e->shape, (v2 *)(e->out0 + at),
                 width == 2 ? (v2 *)(e->out1 + at) : NULL, (const v2 *)e->x,
                 index, n, weight, width);
    }
}

INLINE void expand_any(const ot_expansion *e, size_t from, size_t to) {
    if (e->shape->weight == 7 && e->width == 1)
        expand_body(e, from, to, 7, 1);
    else if (e->shape->weight == 7)
        expand_body(e, from, to, 7, 2);
    else if (e->width == 1)
        expand_body(e, from, to, 21, 1);
    else
        expand_body(e, from, to, 21, 2);
}

#if defined(__x86_64__)
__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl"))) static void
expand_wide(const ot_expansion *e, size_t from, size_t to) {
    expand_any(e, from, to);
}
#else
#define expand_wide expand_any
#endif

/* Outputs that one thread takes at a time: whole blocks of ROWS, whose indices
 * follow from where they begin. */
#define SLICE ((size_t)64 * ROWS)

static mal_err expand_slice(void *ctx, size_t i) {
    const ot_expansion *e = ctx;
    const size_t from = i * SLICE, left = e->shape->n - from;
    const size_t to = from + (left < SLICE ? left : SLICE);
    if (e->way == OT_WAY_WIDE)
        expand_wide(e, from, to);
    else
        expand_any(e, from, to);
    return MAL_OK;
}

mal_err ot_code_expand(const ot_expansion *e, unsigned threads) {
    return mal_parallel(threads, (e->shape->n + SLICE - 1) / SLICE,
                        expand_slice, (void *)(uintptr_t)e);
}
