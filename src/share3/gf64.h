/* gf64.h - GF(2^64), in which linear checks are made. */
#ifndef MALUS_SHARE3_GF64_H
#define MALUS_SHARE3_GF64_H

#include <malus/base.h>

/* x^64 = x^4 + x^3 + x + 1: twice, as the first leaves up to x^67. */
static inline uint64_t share3_gf64_reduce(uint64_t low, uint64_t high) {
    high ^= high >> 60 ^ high >> 61 ^ high >> 63;
    return low ^ high ^ high << 1 ^ high << 3 ^ high << 4;
}

/* sum += x y, not reduced: the low word, the high one.  The plain product. */
void share3_gf64_add_product(uint64_t sum[2], uint64_t x, uint64_t y);

/* Sum of a[i] b[i]; constant time. */
uint64_t share3_gf_dot(const uint64_t *a, const uint64_t *b, size_t n);
uint64_t share3_gf_dot_plain(const uint64_t *a, const uint64_t *b, size_t n);

#endif
