/* permute.c - a uniform permutation that two parties draw, and how it moves
 * rows.
 *
 * [Rao61], [San62]: throw every row into one of 2^b buckets by b fair bits and
 * permute each bucket uniformly.  Given the buckets all orders within them are
 * equally likely, and rows are exchangeable, so that each of the n!
 * permutations has probability 1 / n! exactly.  Within a bucket: Fisher-Yates,
 * inside out, whose draws below i + 1 are made without bias by rejection
 * [Lem19].
 */
#include "permute_impl.h"

/* --- Drawing ---------------------------------------------------------------
 */

#define DRAW_WORDS ((size_t)512)

/* Both holders read the same stream, hence reject the same draws. */
typedef struct draws {
    mal_share3 *s;
    unsigned p, left; /* words of 32 bits left */
    uint32_t word[2 * DRAW_WORDS];
} draws;

static inline uint32_t next_u32(draws *d) {
    if (d->left == 0) {
        share3_draw(d->s, d->p, (uint64_t *)(void *)d->word, DRAW_WORDS);
        d->left = 2 * DRAW_WORDS;
    }
    return d->word[--d->left];
}

/* [Lem19] algorithm 5: uniform below bound, for 1 <= bound < 2^32. */
static inline uint32_t below(draws *d, uint32_t bound) {
    uint64_t m = (uint64_t)next_u32(d) * bound;
    if ((uint32_t)m < bound) {
        const uint32_t least = (0 - bound) % bound; /* 2^32 mod bound */
        while ((uint32_t)m < least)
            m = (uint64_t)next_u32(d) * bound;
    }
    return (uint32_t)(m >> 32);
}

/* Fisher-Yates, inside out: row i comes to a uniform place of the first i + 1.
 */
static void draw_bucket(draws *d, uint32_t *local, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t j = below(d, i + 1);
        local[i] = local[j];
        local[j] = i;
    }
}

static void draw_labels(draws *d, share3_perm *perm) {
    const uint32_t mask = ((uint32_t)1 << perm->log_buckets) - 1;
    for (size_t i = 0; i < perm->n; i += 2) {
        const uint32_t w = next_u32(d);
        perm->bucket[i] = (uint16_t)(w & mask);
        if (i + 1 < perm->n)
            perm->bucket[i + 1] = (uint16_t)(w >> 16 & mask);
    }
    for (size_t i = 0; i < perm->n; i++)
        perm->start[perm->bucket[i] + 1]++;
    for (uint32_t b = 0; b <= mask; b++)
        perm->start[b + 1] += perm->start[b];
}

static mal_err perm_alloc(share3_perm *perm, size_t n, unsigned log_buckets) {
    perm->n = n;
    perm->log_buckets = log_buckets;
    const size_t buckets = (size_t)1 << perm->log_buckets;
    perm->start = mal_calloc(buckets + 1, sizeof *perm->start);
    perm->cursor = mal_calloc(buckets, sizeof *perm->cursor);
    perm->local = mal_calloc(n ? n : 1, sizeof *perm->local);
    if (buckets > 1)
        perm->bucket = mal_calloc(n, sizeof *perm->bucket);
    if (!perm->start || !perm->cursor || !perm->local ||
        (buckets > 1 && !perm->bucket)) {
        share3_perm_clear(perm);
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    }
    return MAL_OK;
}

mal_err share3_perm_draw(mal_share3 *s, unsigned p, share3_perm *perm,
                         size_t n) {
    unsigned log_buckets = 0;
    while (log_buckets < SHARE3_PERM_BUCKETS_LOG &&
           n >> log_buckets > SHARE3_PERM_BUCKET)
        log_buckets++;
    return share3_perm_draw_in(s, p, perm, n, log_buckets);
}

mal_err share3_perm_draw_in(mal_share3 *s, unsigned p, share3_perm *perm,
                            size_t n, unsigned log_buckets) {
    *perm = (share3_perm){ 0 };
    MAL_TRY(perm_alloc(perm, n, log_buckets));
    draws d = { .s = s, .p = p };
    if (perm->bucket)
        draw_labels(&d, perm);
    else
        perm->start[1] = (uint32_t)n;
    for (size_t b = 0; b < (size_t)1 << perm->log_buckets; b++)
        draw_bucket(&d, perm->local + perm->start[b],
                    perm->start[b + 1] - perm->start[b]);
    mal_wipe(d.word, sizeof d.word);
    return MAL_OK;
}

static void wipe_free(void *block, size_t len) {
    if (block)
        mal_wipe(block, len);
    mal_free(block);
}

void share3_perm_clear(share3_perm *perm) {
    const size_t buckets = (size_t)1 << perm->log_buckets;
    wipe_free(perm->bucket, perm->n * sizeof *perm->bucket);
    wipe_free(perm->local, perm->n * sizeof *perm->local);
    wipe_free(perm->start, (buckets + 1) * sizeof *perm->start);
    wipe_free(perm->cursor, buckets * sizeof *perm->cursor);
    *perm = (share3_perm){ 0 };
}

/* --- Moving ----------------------------------------------------------------
 */

#define AHEAD 32 /* rows from a prefetch to its use */

/* One set of loops for each size of element. */
#define DEFINE_MOVES(T)                                                        \
    static void throw_##T(T *out, const T *in, const share3_perm *p) {         \
        for (size_t j = 0; j < p->n; j++)                                      \
            out[p->cursor[p->bucket[j]]++] = in[j];                            \
    }                                                                          \
    static void collect_##T(T *out, const T *in, const share3_perm *p) {       \
        for (size_t j = 0; j < p->n; j++)                                      \
            out[j] = in[p->cursor[p->bucket[j]]++];                            \
    }                                                                          \
    static void mix_##T(T *out, const T *in, const uint32_t *local,            \
                        size_t n) {                                            \
        for (size_t i = 0; i < n; i++)                                         \
            out[i] = in[local[i]];                                             \
    }                                                                          \
    static void unmix_##T(T *out, const T *in, const uint32_t *local,          \
                          size_t n) {                                          \
        for (size_t i = 0; i < n; i++)                                         \
            out[local[i]] = in[i];                                             \
    }                                                                          \
    static void apply_##T(const share3_perm *p, void *data, void *tmp,         \
                          bool inverse) {                                      \
        T *x = data, *y = tmp;                                                 \
        const size_t buckets = (size_t)1 << p->log_buckets;                    \
        memcpy(p->cursor, p->start, buckets * sizeof *p->cursor);              \
        if (!inverse && p->bucket)                                             \
            throw_##T(y, x, p);                                                \
        else                                                                   \
            memcpy(y, x, p->n * sizeof *x);                                    \
        for (size_t b = 0; b < buckets; b++) {                                 \
            const size_t at = p->start[b], n = p->start[b + 1] - at;           \
            (inverse ? unmix_##T : mix_##T)(x + at, y + at, p->local + at, n); \
        }                                                                      \
        if (!inverse || !p->bucket)                                            \
            return;                                                            \
        memcpy(y, x, p->n * sizeof *x);                                        \
        collect_##T(x, y, p);                                                  \
    }                                                                          \
    static void gather_##T(void *out, const void *in, const uint32_t *from,    \
                           size_t n) {                                         \
        const T *x = in;                                                       \
        T *y = out;                                                            \
        for (size_t i = 0; i < n; i++) {                                       \
            __builtin_prefetch(&x[from[i + AHEAD < n ? i + AHEAD : i]]);       \
            y[i] = x[from[i]];                                                 \
        }                                                                      \
    }
DEFINE_MOVES(uint8_t)
DEFINE_MOVES(uint16_t)
DEFINE_MOVES(uint32_t)
DEFINE_MOVES(uint64_t)

void share3_perm_apply(const share3_perm *perm, uint64_t *data, uint64_t *tmp,
                       unsigned log_bytes, bool inverse) {
    static void (*const apply[])(const share3_perm *, void *, void *,
                                 bool) = { apply_uint8_t, apply_uint16_t,
                                           apply_uint32_t, apply_uint64_t };
    apply[log_bytes](perm, data, tmp, inverse);
}

void share3_gather(uint64_t *out, const uint64_t *in, const uint32_t *from,
                   size_t n, unsigned log_bytes) {
    static void (*const gather[])(void *, const void *, const uint32_t *,
                                  size_t) = { gather_uint8_t, gather_uint16_t,
                                              gather_uint32_t,
                                              gather_uint64_t };
    gather[log_bytes](out, in, from, n);
}
