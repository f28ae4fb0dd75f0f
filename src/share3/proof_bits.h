/* proof_bits.h - the inner loops of proof_bits.c, that have fast twins. */
#ifndef MALUS_SHARE3_PROOF_BITS_H
#define MALUS_SHARE3_PROOF_BITS_H

#include "gf64.h"
#include "kernels.h"
#include "proof_impl.h"

/* What proof_ring (proof_impl.h) says of each. */
typedef struct proof_bits_kernels {
    const char *name;
    bool (*usable)(void);
    uint64_t (*mul)(uint64_t x, uint64_t y);
    /* Sums not yet reduced, low and high word: at every point. */
    void (*points)(uint64_t (*sum)[2], const share3_record *r,
                   const uint64_t *theta, unsigned v, size_t blocks);
    void (*evaluate)(uint64_t *z, const uint64_t *in, const uint64_t *corner,
                     unsigned v, size_t blocks);
    void (*weigh)(uint64_t *z, const uint64_t *theta, size_t blocks);
    /* sum[j]: of theta times word j, over groups. */
    void (*claim)(uint64_t (*sum)[2], const uint64_t *in, const uint64_t *theta,
                  unsigned v, size_t blocks);
    void (*fold_points)(uint64_t (*sum)[2], const uint64_t *a,
                        const uint64_t *b, unsigned v, size_t m);
    void (*fold)(uint64_t *z, const uint64_t *a, const uint64_t *corner,
                 unsigned v, size_t m);
} proof_bits_kernels;

extern const proof_bits_kernels share3_proof_bits_plain, share3_proof_bits_gfni;
const proof_bits_kernels *share3_proof_bits(void);

/* Where row b of group l lies among the 512 of a block: pairs of rows of four
 * groups side by side, as the unpacking of bytes leaves them. */
static inline unsigned share3_bits_row(unsigned l, unsigned b) {
    return 256 * (l & 1) + 8 * (b >> 1) + 2 * (l >> 1) + (b & 1);
}

#endif
