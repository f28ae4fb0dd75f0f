/* gf64.h - GF(2^64), in which linear checks are made. */
#ifndef MALUS_SHARE3_GF64_H
#define MALUS_SHARE3_GF64_H

#include <malus/base.h>

/* Sum of a[i] b[i]; constant time. */
uint64_t share3_gf_dot(const uint64_t *a, const uint64_t *b, size_t n);
uint64_t share3_gf_dot_plain(const uint64_t *a, const uint64_t *b, size_t n);

#endif
