/* transpose.c - rows of words to planes of bits, and back.
 *
 * Eight times 64 rows are turned in a tile before they are written: a plane
 * then takes a whole cache line, for planes lie far apart and often a power of
 * two.
 */
#include "kernels.h"

#define GROUPS 8

typedef struct tile {
    uint64_t a[GROUPS * 64];
} tile;

void mal_share3_planes_of(uint64_t *planes, const uint64_t *rows, size_t n,
                          unsigned width) {
    const share3_kernels *kernel = share3_kernel();
    const size_t stride = share3_stride(n);
    tile t;
    for (size_t w = 0; w < stride; w += GROUPS) {
        const size_t groups = share3_least(GROUPS, stride - w);
        const size_t have = share3_least(64 * groups, n - 64 * w);
        memcpy(t.a, rows + 64 * w, 8 * have);
        memset(t.a + have, 0, 8 * (64 * groups - have));
        for (size_t g = 0; g < groups; g++)
            kernel->turn(t.a + 64 * g);
        for (unsigned b = 0; b < width; b++)
            for (size_t g = 0; g < groups; g++)
                planes[b * stride + w + g] = t.a[64 * g + b];
    }
    mal_wipe(&t, sizeof t);
}

void mal_share3_rows_of(uint64_t *rows, const uint64_t *planes, size_t n,
                        unsigned width, bool is_signed) {
    const share3_kernels *kernel = share3_kernel();
    const size_t stride = share3_stride(n);
    tile t;
    for (size_t w = 0; w < stride; w += GROUPS) {
        const size_t groups = share3_least(GROUPS, stride - w);
        for (unsigned b = 0; b < width; b++)
            for (size_t g = 0; g < groups; g++)
                t.a[64 * g + b] = planes[b * stride + w + g];
        for (size_t g = 0; g < groups; g++) {
            for (unsigned b = width; b < 64; b++)
                t.a[64 * g + b] =
                    is_signed && width ? t.a[64 * g + width - 1] : 0;
            kernel->turn(t.a + 64 * g);
        }
        memcpy(rows + 64 * w, t.a, 8 * share3_least(64 * groups, n - 64 * w));
    }
    mal_wipe(&t, sizeof t);
}

void share3_spread(uint64_t *words, const uint64_t *plane, size_t n) {
    for (size_t i = 0; i < n; i++)
        words[i] = plane[i / 64] >> i % 64 & 1;
}
