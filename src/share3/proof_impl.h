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
 *
 * 2^v values are those of a multilinear polynomial at the corners of {0,1}^v.
 * A product of two such has degree 2 in each variable, and follows from its
 * values at the points {0, 1, inf}^v, where "at inf" means the coefficient of
 * the square ([KO63] has one variable): each of them is one product of sums of
 * corners, with signs, in the ring that the values themselves lie in.
 */
#ifndef MALUS_SHARE3_PROOF_IMPL_H
#define MALUS_SHARE3_PROOF_IMPL_H

#include "share3_impl.h"

#define PROOF_WORDS_MAX 48 /* of an element */
#define PROOF_VARS_MAX 6   /* v */
#define PROOF_CORNERS_MAX                                                      \
    64                       /* 2^v: bit t of a corner's number is variable t  \
                              */
#define PROOF_POINTS_MAX 729 /* 3^v: digit t, 2 being inf */
#define PROOF_LANES 8        /* groups of a block */

/* Elements are `words` words; those with coordinates 0 and 1 differ by units.
 * A group is 2^v recorded words, a block 8 groups side by side: word j of group
 * l is word (block 2^v + j) 8 + l of the record.  A recorded word is `rows`
 * values (64 bits, or itself), and a group so many rows of 2^v values.
 * Time depends on sizes and challenges, never on elements. */
typedef struct proof_ring {
    unsigned words, rows;
    void (*add)(uint64_t *z, const uint64_t *x, const uint64_t *y);
    void (*sub)(uint64_t *z, const uint64_t *x, const uint64_t *y);
    void (*mul)(uint64_t *z, const uint64_t *x, const uint64_t *y);
    /* A challenge from a random word; never zero. */
    void (*challenge)(uint64_t *z, uint64_t random);
    /* v for so many recorded words; v of a fold, n elements being left, and how
     * many are not folded any more, but said. */
    unsigned (*group_vars)(size_t n);
    unsigned (*fold_vars)(size_t n); /* at most fold_max */
    unsigned fold_max;
    size_t last;

    /* Below, theta [8 * blocks] are the random words of groups, of which a ring
     * makes weights of rows; corner [2^v] are the corners' coefficients. */

    /* p [3^v] at the points that are no corners: the weighted sum over rows of
     * x0 y1 + x1 y0. */
    mal_err (*points)(uint64_t *p, const share3_record *r,
                      const uint64_t *theta, unsigned v, size_t blocks);
    /* z [8 * blocks * rows]: sum_j corner[j] in_j, rows in an order of the
     * ring's own. */
    void (*evaluate)(uint64_t *z, const uint64_t *in, const uint64_t *corner,
                     unsigned v, size_t blocks);
    /* z [8 * blocks * rows] times the weights, in place. */
    void (*weigh)(uint64_t *z, const uint64_t *theta, size_t blocks);
    /* The weighted sum of all that evaluate gives. */
    void (*claim)(uint64_t *sum, const uint64_t *in, const uint64_t *corner,
                  const uint64_t *theta, unsigned v, size_t blocks);

    /* Of vectors of 2^v m elements, corner j of number i at j m + i: the sum
     * over i of the product of a and b, at all 3^v points; and
     * z[i] = sum_j corner[j] a[j m + i], where z may be a. */
    mal_err (*fold_points)(uint64_t *p, const uint64_t *a, const uint64_t *b,
                           unsigned v, size_t m);
    void (*fold)(uint64_t *z, const uint64_t *a, const uint64_t *corner,
                 unsigned v, size_t m);
} proof_ring;

extern const proof_ring share3_ring_bits, share3_ring_words;

static inline size_t share3_points(unsigned v) {
    size_t n = 1;
    while (v-- > 0)
        n *= 3;
    return n;
}

/* --- Verification (prove.c) ----------------------------------------------- */

/* Verify what the record holds, and claims (of one word each) or products of
 * matrices unless NULL, and empty all. */
mal_err share3_prove(mal_share3 *s, const proof_ring *ring,
                     share3_record *record, share3_claims *claims,
                     share3_matrices *matrices) MAL_MUST_CHECK;

void share3_proof_clear(mal_share3 *s); /* its memory */

#endif
