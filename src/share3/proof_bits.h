/* proof_bits.h - the inner loops of proof_bits.c, that have fast twins. */
#ifndef MALUS_SHARE3_PROOF_BITS_H
#define MALUS_SHARE3_PROOF_BITS_H

#include "kernels.h"
#include "proof_impl.h"

typedef struct proof_bits_kernels {
    const char *name;
    bool (*usable)(void);
    uint64_t (*mul)(uint64_t x, uint64_t y);
    void (*map)(uint64_t *out, const uint64_t *in, const uint64_t column[64],
                size_t n); /* out may be in */
    void (*turn)(uint64_t a[64]);
    void (*scale)(uint64_t *z, const uint64_t *x, const uint64_t *y, size_t n);
    void (*fold)(uint64_t *z, const uint64_t *a, const uint64_t *coef,
                 size_t n);
    void (*further)(uint8_t sums[63][8], const share3_record *r,
                    const uint64_t *theta, size_t n,
                    const uint8_t extension[63][64]);
} proof_bits_kernels;

extern const proof_bits_kernels share3_proof_bits_plain, share3_proof_bits_gfni;
const proof_bits_kernels *share3_proof_bits(void);

/* x^64 = x^4 + x^3 + x + 1: twice, as the first leaves up to x^67. */
static inline uint64_t share3_gf64_reduce(uint64_t low, uint64_t high) {
    high ^= high >> 60 ^ high >> 61 ^ high >> 63;
    return low ^ high ^ high << 1 ^ high << 3 ^ high << 4;
}
/* [63][64], the same at every call. */
const uint8_t (*share3_gf8_extension(void))[64];

#endif
