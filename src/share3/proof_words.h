/* proof_words.h - the inner loops of proof_words.c, that have fast twins. */
#ifndef MALUS_SHARE3_PROOF_WORDS_H
#define MALUS_SHARE3_PROOF_WORDS_H

#include "kernels.h"
#include "proof_impl.h"

/* What proof_ring (proof_impl.h) says of each. */
typedef struct proof_words_kernels {
    const char *name;
    bool (*usable)(void);
    mal_err (*points)(uint64_t *p, const share3_record *r,
                      const uint64_t *theta, unsigned v, size_t blocks);
    void (*evaluate)(uint64_t *z, const uint64_t *in, const uint64_t *corner,
                     unsigned v, size_t blocks);
    void (*weigh)(uint64_t *z, const uint64_t *theta, size_t blocks);
    /* at [2^v] elements: what the words of each corner sum to, weighed. */
    void (*claim)(uint64_t *at, const uint64_t *in, const uint64_t *theta,
                  unsigned v, size_t blocks);
    mal_err (*fold_points)(uint64_t *p, const uint64_t *a, const uint64_t *b,
                           unsigned v, size_t m);
    void (*fold)(uint64_t *z, const uint64_t *a, const uint64_t *corner,
                 unsigned v, size_t m);
} proof_words_kernels;

extern const proof_words_kernels share3_proof_words_plain,
    share3_proof_words_avx512;
const proof_words_kernels *share3_proof_words(void);

/* e [3^v][m] of values at corners those at points, in place. */
void share3_to_points(uint64_t *e, unsigned v, size_t m);

#endif
