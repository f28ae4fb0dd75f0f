/* proof_words.c - proofs of products of words calculate in a Galois ring.
 *
 * Z_2^64[T] / (T^48 + T^5 + T^3 + T^2 + 1); the polynomial is irreducible mod
 * 2, so what is not zero mod 2 is a unit [BGIN19, section 4.2; Wan03, chapter
 * 14]. Polynomials with coefficients 0 and 1 differ by units: 2^48 points, of
 * which node(k) writes k in bits; a challenge that is one of 64 nodes is moved,
 * to so many places that none is 1 + 2^-15 times as likely as others.
 * A group is 32 words, the values of a polynomial at node(0) .. node(31).
 */
#include "kernels.h"
#include "proof_impl.h"

#include <pthread.h>

#define D SHARE3_GALOIS
#define SKIP 32
#define WIDE (2 * D) /* the last is zero */
#define PAIRS (SKIP * (SKIP + 1) / 2)
_Static_assert(D <= PROOF_WORDS_MAX && SKIP <= PROOF_SKIP_MAX, "limits");

static void add(uint64_t *z, const uint64_t *x, const uint64_t *y) {
    for (unsigned i = 0; i < D; i++)
        z[i] = x[i] + y[i];
}

static void sub(uint64_t *z, const uint64_t *x, const uint64_t *y) {
    for (unsigned i = 0; i < D; i++)
        z[i] = x[i] - y[i];
}

/* T^48 = -(T^5 + T^3 + T^2 + 1), from the top down. */
static void reduce(uint64_t *z, uint64_t wide[WIDE]) {
    for (unsigned i = WIDE - 1; i >= D; i--) {
        wide[i - D + 5] -= wide[i];
        wide[i - D + 3] -= wide[i];
        wide[i - D + 2] -= wide[i];
        wide[i - D] -= wide[i];
    }
    memcpy(z, wide, D * sizeof *z);
}

static void mul(uint64_t *z, const uint64_t *x, const uint64_t *y) {
    uint64_t wide[WIDE] = { 0 };
    share3_kernel()->poly_mac(wide, x, y);
    reduce(z, wide);
}

static void node(uint64_t *z, unsigned k) {
    for (unsigned i = 0; i < D; i++)
        z[i] = i < 32 ? k >> i & 1 : 0;
}

static void challenge(uint64_t *z, uint64_t random) {
    for (unsigned i = 0; i < D; i++)
        z[i] = random >> i & 1;
    if ((random & ((UINT64_C(1) << D) - 1)) >= 2 * SKIP)
        return;
    for (unsigned i = D; i < 64; i++) /* a node: moved by the 16 bits left */
        z[i - 16] = random >> i & 1;
    if (random >> D == 0)
        z[D - 1] = 1;
}

/* x^(2^48 - 2) is the inverse mod 2; y (2 - x y) doubles the correct bits. */
static void inverse(uint64_t *z, const uint64_t *x) {
    uint64_t power[D], y[D], error[D], two[D];
    memcpy(power, x, sizeof power);
    node(y, 1);
    node(two, 0);
    two[0] = 2;
    for (unsigned i = 1; i < D; i++) {
        mul(power, power, power);
        mul(y, y, power);
    }
    for (unsigned bits = 1; bits < 64; bits *= 2) {
        mul(error, x, y);
        sub(error, two, error);
        mul(y, y, error);
    }
    memcpy(z, y, sizeof y);
}

/* Weights are the random words as they are. */
static void weights(uint64_t *theta, size_t groups) {
    (void)theta;
    (void)groups;
}

static void evaluate(uint64_t *z, const uint64_t *in, const uint64_t *coef,
                     size_t groups) {
    memset(z, 0, groups * D * sizeof *z);
    for (size_t g = 0; g < groups; g++)
        share3_kernel()->poly_axpy(z + g * D, in + g * SKIP, coef, SKIP);
}

/* sums[s <= t] = sum_g theta_g (X0_s Y1_t + X1_s Y0_t, and with s, t exchanged
 * where they differ): all that the product polynomials are made of. */
static void pair_sums(uint64_t *sums, const share3_record *r,
                      const uint64_t *theta, size_t groups) {
    uint64_t pair[PAIRS];
    for (size_t g = 0; g < groups; g++) {
        const uint64_t *x0 = r->x[0] + g * SKIP, *x1 = r->x[1] + g * SKIP;
        const uint64_t *y0 = r->y[0] + g * SKIP, *y1 = r->y[1] + g * SKIP;
        unsigned k = 0;
        for (unsigned s = 0; s < SKIP; s++) {
            pair[k++] = x0[s] * y1[s] + x1[s] * y0[s];
            for (unsigned t = s + 1; t < SKIP; t++)
                pair[k++] = x0[s] * y1[t] + x0[t] * y1[s] + x1[s] * y0[t] +
                            x1[t] * y0[s];
        }
        share3_kernel()->poly_outer(sums, pair, theta + g * D, PAIRS);
    }
    mal_wipe(pair, sizeof pair);
}

/* coef[u][s]: what the value at node(s) adds at node(SKIP + u). */
static uint64_t (*ahead)[SKIP][D];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_ahead(void) {
    uint64_t at[D];
    uint64_t(*made)[SKIP][D] = mal_calloc(SKIP - 1, sizeof *made);
    for (unsigned u = 0; made && u < SKIP - 1; u++) {
        node(at, SKIP + u);
        if (share3_lagrange(&share3_ring_words, made[u][0], SKIP, at) != MAL_OK)
            return; /* tried once; who needs it is told */
    }
    ahead = made;
}

/* By pairs: some 500 products of elements for a node, whatever the groups. */
static mal_err further_pairs(uint64_t *p, const share3_record *r,
                             const uint64_t *theta, size_t groups) {
    uint64_t *sums = mal_calloc((size_t)PAIRS * D, sizeof *sums);
    if (!sums)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    pair_sums(sums, r, theta, groups);
    for (unsigned u = 0; u < SKIP - 1; u++) {
        uint64_t total[WIDE] = { 0 }, inner[D];
        const uint64_t *pair = sums;
        for (unsigned s = 0; s < SKIP; s++) {
            uint64_t wide[WIDE] = { 0 };
            for (unsigned t = s; t < SKIP; t++, pair += D)
                share3_kernel()->poly_mac(wide, ahead[u][t], pair);
            reduce(inner, wide);
            share3_kernel()->poly_mac(total, ahead[u][s], inner);
        }
        reduce(p + u * D, total);
    }
    mal_wipe(sums, (size_t)PAIRS * D * sizeof *sums);
    mal_free(sums);
    return MAL_OK;
}

/* Node by node: cheaper for few groups. */
static void further_nodes(uint64_t *p, const share3_record *r,
                          const uint64_t *theta, size_t groups) {
    for (unsigned u = 0; u < SKIP - 1; u++) {
        uint64_t total[WIDE] = { 0 }, v[4][D], product[D];
        const uint64_t *const in[4] = { r->x[0], r->y[1], r->x[1], r->y[0] };
        for (size_t g = 0; g < groups; g++) {
            uint64_t wide[WIDE] = { 0 };
            memset(v, 0, sizeof v);
            for (unsigned k = 0; k < 4; k++)
                share3_kernel()->poly_axpy(v[k], in[k] + g * SKIP, ahead[u][0],
                                           SKIP);
            share3_kernel()->poly_mac(wide, v[0], v[1]);
            share3_kernel()->poly_mac(wide, v[2], v[3]);
            reduce(product, wide);
            share3_kernel()->poly_mac(total, product, theta + g * D);
        }
        reduce(p + u * D, total);
    }
}

#define FEW 96 /* groups, where both cost the same */

static mal_err further(uint64_t *p, const share3_record *r,
                       const uint64_t *theta, size_t groups) {
    pthread_once(&once, make_ahead);
    MAL_REQUIRE(ahead, MAL_E_MEMORY, "out of memory");
    if (groups > FEW)
        return further_pairs(p, r, theta, groups);
    further_nodes(p, r, theta, groups);
    return MAL_OK;
}

static void scale(uint64_t *z, const uint64_t *x, const uint64_t *y, size_t n) {
    for (size_t i = 0; i < n; i++)
        mul(z + i * D, x + i * D, y + i * D);
}

static void dot(uint64_t *sum, const uint64_t *x, const uint64_t *y, size_t n) {
    uint64_t wide[WIDE] = { 0 };
    for (size_t i = 0; i < n; i++)
        share3_kernel()->poly_mac(wide, x + i * D, y + i * D);
    reduce(sum, wide);
}

static void fold(uint64_t *z, const uint64_t *a, const uint64_t *coef,
                 size_t n) {
    for (size_t g = 0; g < n; g++) {
        uint64_t wide[WIDE] = { 0 };
        for (unsigned k = 0; k < PROOF_FOLD; k++)
            share3_kernel()->poly_mac(wide, coef + k * D, a + (g + k * n) * D);
        reduce(z + g * D, wide);
    }
}

static void corner(uint64_t *out, const uint64_t *a, const uint64_t *b,
                   size_t n) {
    for (unsigned s = 0; s < PROOF_FOLD; s++)
        for (unsigned t = 0; t < PROOF_FOLD; t++)
            dot(out + (s * PROOF_FOLD + t) * D, a + s * n * D, b + t * n * D,
                n);
}

const proof_ring share3_ring_words = {
    .words = D,
    .skip = SKIP,
    .group = SKIP,
    .add = add,
    .sub = sub,
    .mul = mul,
    .node = node,
    .inverse = inverse,
    .challenge_bits = 64,
    .challenge = challenge,
    .weights = weights,
    .further = further,
    .evaluate = evaluate,
    .scale = scale,
    .dot = dot,
    .fold = fold,
    .corner = corner,
};
