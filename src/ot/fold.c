/* fold.c - the inner loops of SoftSpokenOT: sums of leaf streams by the bits of
 * their index, and the transpose from columns to rows.
 *
 * Words of 512 bits are vectors of the compiler: the plain way and the wide one
 * are the same code for two processors.
 */
#include "ot_impl.h"

#include <string.h>

typedef uint64_t v8 __attribute__((vector_size(64), may_alias));
#define INLINE __attribute__((always_inline)) static inline
#define CHUNK_V8 (OT_CHUNK_BLOCKS * BLOCK / sizeof(v8))

typedef struct stream {
    v8 v[CHUNK_V8];
} stream;

INLINE void add_to(stream *to, const stream *from) {
    for (unsigned i = 0; i < CHUNK_V8; i++)
        to->v[i] ^= from->v[i];
}

/* Leaves come in order and are added up as a binary counter carries: left[b]
 * waits for its right sibling of 2^b leaves, whose indices have bit b set. */
INLINE void fold_body(const ot_fold *f) {
    stream left[OT_FOLD_MAX], part[OT_FOLD_MAX], now;
    memset(part, 0, sizeof part);
    memset(&now, 0, sizeof now);
    for (size_t x = 0; x < (size_t)1 << f->k; x++) {
        unsigned b = 0;
        if (x || !f->skip_zero) /* an unknown leaf 0 counts as zero */
            mal_prim_aes_ctr(&now, OT_CHUNK_BLOCKS, f->leaf + x, f->counter, 0);
        for (; x >> b & 1; b++) {
            add_to(&part[b], &now);
            add_to(&now, &left[b]);
        }
        if (b < f->k)
            left[b] = now;
    }
    for (unsigned b = 0; b < f->k; b++)
        memcpy(f->part + b * OT_COLUMN_STRIDE, &part[b], f->blocks * BLOCK);
    memcpy(f->sum, &now, f->blocks * BLOCK);
}

/* Eight matrices of 64 x 64 bits at once: bit j of m[i] goes to bit i of m[j].
 * Swap the off-diagonal quarters, then within the quarters [War12] 7-3. */
INLINE void transpose_64(v8 m[64]) {
    uint64_t mask = UINT64_C(0x00000000ffffffff);
    for (unsigned j = 32; j; j >>= 1, mask ^= mask << j)
        for (unsigned k = 0; k < 64; k = (k + j + 1) & ~j) {
            v8 t = ((m[k] >> j) ^ m[k + j]) & mask;
            m[k] ^= t << j;
            m[k + j] ^= t;
        }
}

/* Words w .. w + 7 of each column, 64 rows a word; those past `words` are 0. */
INLINE void transpose_512(mal_ot_block *out, const uint64_t *column,
                          size_t words) {
    v8 m[2][64];
    size_t n = words < 8 ? words : 8;
    memset(m, 0, sizeof m);
    for (unsigned c = 0; c < 128; c++)
        memcpy(&m[c / 64][c % 64], column + c * 2 * OT_COLUMN_STRIDE, 8 * n);
    transpose_64(m[0]);
    transpose_64(m[1]);
    const uint64_t *lo = (const uint64_t *)m[0], *hi = (const uint64_t *)m[1];
    for (size_t w = 0; w < n; w++)
        for (unsigned j = 0; j < 64; j++) {
            out[64 * w + j].w[0] = lo[8 * j + w];
            out[64 * w + j].w[1] = hi[8 * j + w];
        }
}

INLINE void transpose_body(mal_ot_block *out, const mal_ot_block *column,
                           size_t blocks) {
    const uint64_t *words = (const uint64_t *)(const void *)column;
    for (size_t w = 0; w < 2 * blocks; w += 8)
        transpose_512(out + 64 * w, words + w, 2 * blocks - w);
}

#if defined(__x86_64__)
#define WIDE __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))
WIDE static void fold_wide(const ot_fold *fold) {
    fold_body(fold);
}
WIDE static void transpose_wide(mal_ot_block *out, const mal_ot_block *column,
                                size_t blocks) {
    transpose_body(out, column, blocks);
}
#else
#define fold_wide fold_body
#define transpose_wide transpose_body
#endif

void ot_fold_run(ot_way way, const ot_fold *fold) {
    if (way == OT_WAY_WIDE)
        fold_wide(fold);
    else
        fold_body(fold);
}

void ot_transpose(ot_way way, mal_ot_block *out, const mal_ot_block *column,
                  size_t blocks) {
    if (way == OT_WAY_WIDE)
        transpose_wide(out, column, blocks);
    else
        transpose_body(out, column, blocks);
}
