/* proof_impl.h - what the proofs of products share: the record of a batch, and
 * the rings in which a proof calculates.
 *
 * A product that P_i made is right iff, word by word (bit by bit for ANDs),
 *     x_i y_(i+1) + x_(i+1) y_i = e_L + e_R,
 * where P_i knows the left side, P_(i-1) (the left verifier) knows x_i, y_i and
 * e_L = z_i - x_i y_i - F(k_i), and P_(i+1) (the right verifier) knows
 * x_(i+1), y_(i+1) and e_R = F(k_(i+1)).  The left side is a sum of products of
 * what one verifier knows with what the other knows: [BBCGI19] section 5,
 * [BGIN19] section 4 prove such things without showing any of it.
 */
#ifndef MALUS_SHARE3_PROOF_IMPL_H
#define MALUS_SHARE3_PROOF_IMPL_H

#include "share3_impl.h"

#define PROOF_WORDS_MAX 48 /* of an element */
#define PROOF_SKIP_MAX 64  /* S of a ring */
#define PROOF_FOLD 8       /* K: an inner product is folded eightfold a round */
#define PROOF_NODES_MAX (2 * PROOF_SKIP_MAX - 1)

/* --- Rings (proof_bits.c, proof_words.c)
 * --------------------------------------------- */

/* Elements are `words` words.  Nodes node(0), node(1), .. differ by units, and
 * so do they from a challenge; a group of `skip` recorded words (bits for ANDs)
 * is a polynomial through node(0 .. skip - 1).  Time depends on sizes and
 * challenges, never on elements. */
typedef struct proof_ring {
    unsigned words, skip;
    size_t group; /* recorded words of a group */
    void (*add)(uint64_t *z, const uint64_t *x, const uint64_t *y);
    void (*sub)(uint64_t *z, const uint64_t *x, const uint64_t *y);
    void (*mul)(uint64_t *z, const uint64_t *x, const uint64_t *y);
    void (*node)(uint64_t *z, unsigned k);
    void (*inverse)(uint64_t *z, const uint64_t *unit);
    /* So many random bits to a challenge that is no node. */
    unsigned challenge_bits;
    void (*challenge)(uint64_t *z, uint64_t random);
    /* Randomness [groups * words] to the weights of groups, in place. */
    void (*weights)(uint64_t *theta, size_t groups);
    /* p [skip - 1]: sum_g theta_g (X0_g Y1_g + X1_g Y0_g) at node(skip), ..
     * node(2 * skip - 2).  theta as drawn, before `weights`. */
    mal_err (*further)(uint64_t *p, const share3_record *r,
                       const uint64_t *theta, size_t groups);
    /* z [groups]: sum_s coef[s] * in_(g,s). */
    void (*evaluate)(uint64_t *z, const uint64_t *in, const uint64_t *coef,
                     size_t groups);
    /* z[g] = x[g] * y[g], and their sum, and z[g] = sum_k coef[k] a[g + k n],
     * and corner[s][t] = sum_g a[g + s n] b[g + t n]. */
    void (*scale)(uint64_t *z, const uint64_t *x, const uint64_t *y, size_t n);
    void (*dot)(uint64_t *sum, const uint64_t *x, const uint64_t *y, size_t n);
    void (*fold)(uint64_t *z, const uint64_t *a, const uint64_t *coef,
                 size_t n);
    void (*corner)(uint64_t *corner, const uint64_t *a, const uint64_t *b,
                   size_t n);
} proof_ring;

extern const proof_ring share3_ring_bits, share3_ring_words;

/* coef[k] = prod_(j != k) (r - node(j)) / (node(k) - node(j)), k, j < n: the
 * value at r of the polynomial through n nodes.  lagrange.c. */
mal_err share3_lagrange(const proof_ring *ring, uint64_t *coef, unsigned n,
                        const uint64_t *r) MAL_MUST_CHECK;

/* GF(2^8) of FIPS 197 lies in GF(2^64) by this root of its polynomial. */
#define GF64_ROOT UINT64_C(0x33ce8beddc8a656)
uint64_t share3_gf64_embed(uint8_t byte);
uint8_t share3_gf8_mul(uint8_t a, uint8_t b);

/* --- Verification (prove.c) ----------------------------------------------- */

/* Verify what the record holds, and empty it. */
mal_err share3_prove(mal_share3 *s, const proof_ring *ring,
                     share3_record *record) MAL_MUST_CHECK;

void share3_proof_clear(mal_share3 *s); /* its memory */

#endif
