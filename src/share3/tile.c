/* tile.c - 64 rows of 64 bits to 64 planes, eight blocks at a time.
 *
 * Six rounds of swaps [War13] section 7-3: in round j, the upper j columns of
 * row k change places with the lower j columns of row k + j.  Eight blocks lie
 * side by side, so that a vector unit does eight at once; no branch or index
 * depends on a bit.
 */
#include "permute_impl.h"

typedef uint64_t octet __attribute__((vector_size(64)));

/* Three rounds on t[at + step * i], i < 8, which stay in registers; j is the
 * first round's distance, m its mask. */
static inline __attribute__((always_inline)) void
three_rounds(octet *t, unsigned at, unsigned step, unsigned j, uint64_t m) {
    octet u[8];
    for (unsigned i = 0; i < 8; i++)
        u[i] = t[at + step * i];
    for (unsigned d = 4; d; d >>= 1, j >>= 1, m ^= m << j)
        for (unsigned k = 0; k < 8; k = (k + d + 1) & ~d) {
            const octet x = (u[k] >> j ^ u[k + d]) & m;
            u[k] ^= x << j;
            u[k + d] ^= x;
        }
    for (unsigned i = 0; i < 8; i++)
        t[at + step * i] = u[i];
}

static inline __attribute__((always_inline)) void swap_rounds(octet *t) {
    for (unsigned k = 0; k < 8; k++)
        three_rounds(t, k, 8, 32, UINT64_C(0x00000000ffffffff));
    for (unsigned k = 0; k < 8; k++)
        three_rounds(t, 8 * k, 1, 4, UINT64_C(0x0f0f0f0f0f0f0f0f));
}

void share3_tile_transpose_plain(share3_tile *tile) {
    swap_rounds((octet *)tile->t);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void transpose_avx2(share3_tile *tile) {
    swap_rounds((octet *)tile->t);
}
__attribute__((target("avx512f"))) static void
transpose_avx512(share3_tile *tile) {
    swap_rounds((octet *)tile->t);
}
#endif

void share3_tile_transpose(share3_tile *tile) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) {
        transpose_avx512(tile);
        return;
    }
    if (__builtin_cpu_supports("avx2")) {
        transpose_avx2(tile);
        return;
    }
#endif
    share3_tile_transpose_plain(tile);
}

/* --- Rows of a tile --------------------------------------------------------
 */

#define TILE_ROWS ((size_t)512)

/* Element r of the rows is word (r % 64, r / 64) of the transposed tile. */
#define DEFINE_TILE(T)                                                         \
    static void put_##T(void *rows, const share3_tile *tile, size_t n) {       \
        T *out = rows;                                                         \
        for (size_t v = 0; v < n; v += 64)                                     \
            for (size_t k = 0; k < share3_least(64, n - v); k++)               \
                out[v + k] = (T)tile->t[k][v / 64];                            \
    }                                                                          \
    static void get_##T(share3_tile *tile, const void *rows, size_t n) {       \
        const T *in = rows;                                                    \
        for (size_t v = 0; v < n; v += 64)                                     \
            for (size_t k = 0; k < share3_least(64, n - v); k++)               \
                tile->t[k][v / 64] = in[v + k];                                \
    }
DEFINE_TILE(uint8_t)
DEFINE_TILE(uint16_t)
DEFINE_TILE(uint32_t)
DEFINE_TILE(uint64_t)

void share3_rows_of_planes(uint64_t *rows, uint64_t *const *planes,
                           uint64_t *const *more, unsigned width, size_t n,
                           unsigned log_bytes) {
    static void (*const put[])(void *, const share3_tile *,
                               size_t) = { put_uint8_t, put_uint16_t,
                                           put_uint32_t, put_uint64_t };
    share3_tile tile = { 0 };
    for (size_t r = 0; r < n; r += TILE_ROWS) {
        const size_t m = share3_least(TILE_ROWS, n - r);
        const size_t words = share3_stride(m);
        memset(tile.t + width, 0, (64 - width) * sizeof *tile.t);
        for (unsigned b = 0; b < width; b++) {
            memcpy(tile.t[b], planes[b] + r / 64, words * 8);
            for (size_t i = 0; more && i < words; i++)
                tile.t[b][i] ^= more[b][r / 64 + i];
        }
        share3_tile_transpose(&tile);
        put[log_bytes]((uint8_t *)rows + (r << log_bytes), &tile, m);
    }
    mal_wipe(&tile, sizeof tile);
}

void share3_planes_of_rows(uint64_t *const *planes, const uint64_t *rows,
                           unsigned width, size_t n, unsigned log_bytes) {
    static void (*const get[])(share3_tile *, const void *,
                               size_t) = { get_uint8_t, get_uint16_t,
                                           get_uint32_t, get_uint64_t };
    share3_tile tile = { 0 };
    for (size_t r = 0; r < n; r += TILE_ROWS) {
        const size_t m = share3_least(TILE_ROWS, n - r);
        const size_t words = share3_stride(m);
        if (m < TILE_ROWS)
            memset(&tile, 0, sizeof tile);
        get[log_bytes](&tile, (const uint8_t *)rows + (r << log_bytes), m);
        share3_tile_transpose(&tile);
        for (unsigned b = 0; b < width; b++)
            memcpy(planes[b] + r / 64, tile.t[b], words * 8);
    }
    mal_wipe(&tile, sizeof tile);
}
