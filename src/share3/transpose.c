/* transpose.c - rows of words to planes of bits, and back.
 *
 * 64 rows of 64 bits are turned in six steps: step k exchanges, in each pair of
 * blocks of 2^k rows, the upper right with the lower left quarter.
 */
#include "share3_impl.h"

static void transpose64(uint64_t a[64]) {
    uint64_t m = 0x00000000ffffffffu;
    for (unsigned j = 32; j; j >>= 1, m ^= m << j)
        for (unsigned k = 0; k < 64; k = ((k | j) + 1) & ~j) {
            const uint64_t t = ((a[k] >> j) ^ a[k | j]) & m;
            a[k] ^= t << j;
            a[k | j] ^= t;
        }
}

void mal_share3_planes_of(uint64_t *planes, const uint64_t *rows, size_t n,
                          unsigned width) {
    const size_t stride = share3_stride(n);
    uint64_t a[64];
    for (size_t w = 0; w < stride; w++) {
        const size_t have = share3_least(64, n - 64 * w);
        memcpy(a, rows + 64 * w, 8 * have);
        memset(a + have, 0, 8 * (64 - have));
        transpose64(a);
        for (unsigned b = 0; b < width; b++)
            planes[b * stride + w] = a[b];
    }
    mal_wipe(a, sizeof a);
}

void mal_share3_rows_of(uint64_t *rows, const uint64_t *planes, size_t n,
                        unsigned width, bool is_signed) {
    const size_t stride = share3_stride(n);
    uint64_t a[64];
    for (size_t w = 0; w < stride; w++) {
        for (unsigned b = 0; b < width; b++)
            a[b] = planes[b * stride + w];
        for (unsigned b = width; b < 64; b++)
            a[b] = is_signed && width ? a[width - 1] : 0;
        transpose64(a);
        memcpy(rows + 64 * w, a, 8 * share3_least(64, n - 64 * w));
    }
    mal_wipe(a, sizeof a);
}

void share3_spread(uint64_t *words, const uint64_t *plane, size_t n) {
    for (size_t i = 0; i < n; i++)
        words[i] = plane[i / 64] >> i % 64 & 1;
}
