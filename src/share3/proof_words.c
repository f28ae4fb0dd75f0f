/* proof_words.c - proofs of products of words calculate in a Galois ring.
 *
 * Z_2^64[T] / (T^48 + T^5 + T^3 + T^2 + 1); the polynomial is irreducible mod
 * 2, so what is not zero mod 2 is a unit [BGIN19, section 4.2; Wan03, chapter
 * 14]. Polynomials with coefficients 0 and 1 differ by units: 2^48 points, of
 * which challenges and weights are drawn.
 *
 * Group l of a block has the weight theta T^l, so that the weighted sum over
 * the eight groups is the element with these coefficients times theta: an error
 * in any of them is an element that is not zero.
 */
#include "proof_words.h"

#include <stdatomic.h>

#define D SHARE3_GALOIS
#define WIDE (2 * D) /* the last is zero */
_Static_assert(D <= PROOF_WORDS_MAX, "limits");

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

/* The 48 low bits; the others only where those are zero. */
static void challenge(uint64_t *z, uint64_t random) {
    uint64_t bits = random & ((UINT64_C(1) << D) - 1);
    if (bits == 0)
        bits = random ? random >> D : 1;
    for (unsigned i = 0; i < D; i++)
        z[i] = bits >> i & 1;
}

/* --- Plain -----------------------------------------------------------------
 */

/* Of group g. */
static void weight(uint64_t *z, const uint64_t *theta, size_t g) {
    uint64_t wide[WIDE] = { 0 };
    for (unsigned i = 0; i < D; i++)
        wide[g % PROOF_LANES + i] = theta[g - g % PROOF_LANES] >> i & 1;
    reduce(z, wide);
}

void share3_to_points(uint64_t *e, unsigned v, size_t m) {
    size_t n = m;
    for (unsigned t = 0; t < v; t++, n *= 3)
        for (size_t high = (size_t)1 << (v - t - 1); high-- > 0;) {
            const uint64_t *in = e + high * 2 * n;
            uint64_t *out = e + high * 3 * n;
            for (size_t i = n; i-- > 0;)
                out[2 * n + i] = in[n + i] - in[i];
            memmove(out + n, in + n, n * sizeof *e);
            memmove(out, in, n * sizeof *e);
        }
}

static const uint64_t *word_of(const uint64_t *in, size_t g, size_t j,
                               unsigned v) {
    return in + ((g / PROOF_LANES << v) + j) * PROOF_LANES + g % PROOF_LANES;
}

static mal_err points_plain(uint64_t *p, const share3_record *r,
                            const uint64_t *theta, unsigned v, size_t blocks) {
    const uint64_t *const from[4] = { r->x[0], r->y[1], r->x[1], r->y[0] };
    const size_t n = share3_points(v);
    uint64_t e[4][PROOF_POINTS_MAX], weights[D];
    memset(p, 0, n * D * sizeof *p);
    for (size_t g = 0; g < PROOF_LANES * blocks; g++) {
        for (unsigned k = 0; k < 4; k++) {
            for (size_t j = 0; j < (size_t)1 << v; j++)
                e[k][j] = *word_of(from[k], g, j, v);
            share3_to_points(e[k], v, 1);
        }
        for (size_t i = 0; i < n; i++)
            e[0][i] = e[0][i] * e[1][i] + e[2][i] * e[3][i];
        weight(weights, theta, g);
        share3_kernel()->poly_outer(p, e[0], weights, n);
    }
    mal_wipe(e, sizeof e);
    return MAL_OK;
}

static void evaluate_plain(uint64_t *z, const uint64_t *in,
                           const uint64_t *corner, unsigned v, size_t blocks) {
    uint64_t group[PROOF_CORNERS_MAX];
    memset(z, 0, PROOF_LANES * blocks * D * sizeof *z);
    for (size_t g = 0; g < PROOF_LANES * blocks; g++) {
        for (size_t j = 0; j < (size_t)1 << v; j++)
            group[j] = *word_of(in, g, j, v);
        share3_kernel()->poly_axpy(z + g * D, group, corner, (size_t)1 << v);
    }
    mal_wipe(group, sizeof group);
}

static void weigh_plain(uint64_t *z, const uint64_t *theta, size_t blocks) {
    uint64_t weights[D];
    for (size_t g = 0; g < PROOF_LANES * blocks; g++) {
        weight(weights, theta, g);
        mul(z + g * D, z + g * D, weights);
    }
}

static void claim_plain(uint64_t *at, const uint64_t *in, const uint64_t *theta,
                        unsigned v, size_t blocks) {
    uint64_t weights[D], group[PROOF_CORNERS_MAX];
    memset(at, 0, (D * sizeof *at) << v);
    for (size_t g = 0; g < PROOF_LANES * blocks; g++) {
        for (size_t j = 0; j < (size_t)1 << v; j++)
            group[j] = *word_of(in, g, j, v);
        weight(weights, theta, g);
        share3_kernel()->poly_outer(at, group, weights, (size_t)1 << v);
    }
    mal_wipe(group, sizeof group);
}

static mal_err fold_points_plain(uint64_t *p, const uint64_t *a,
                                 const uint64_t *b, unsigned v, size_t m) {
    const size_t n = share3_points(v);
    uint64_t *e = mal_calloc(n * (2 * D + WIDE), sizeof *e);
    if (!e)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    uint64_t *f = e + n * D, *wide = f + n * D;
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < (size_t)1 << v; j++) {
            memcpy(e + j * D, a + (j * m + i) * D, D * sizeof *e);
            memcpy(f + j * D, b + (j * m + i) * D, D * sizeof *e);
        }
        share3_to_points(e, v, D);
        share3_to_points(f, v, D);
        for (size_t k = 0; k < n; k++)
            share3_kernel()->poly_mac(wide + k * WIDE, e + k * D, f + k * D);
    }
    for (size_t k = 0; k < n; k++)
        reduce(p + k * D, wide + k * WIDE);
    mal_wipe(e, n * (2 * D + WIDE) * sizeof *e);
    mal_free(e);
    return MAL_OK;
}

static void fold_plain(uint64_t *z, const uint64_t *a, const uint64_t *corner,
                       unsigned v, size_t m) {
    for (size_t i = 0; i < m; i++) {
        uint64_t wide[WIDE] = { 0 };
        for (size_t j = 0; j < (size_t)1 << v; j++)
            share3_kernel()->poly_mac(wide, corner + j * D,
                                      a + (j * m + i) * D);
        reduce(z + i * D, wide);
    }
}

/* --- The ring --------------------------------------------------------------
 */

static mal_err points(uint64_t *p, const share3_record *r,
                      const uint64_t *theta, unsigned v, size_t blocks) {
    return share3_proof_words()->points(p, r, theta, v, blocks);
}

static void evaluate(uint64_t *z, const uint64_t *in, const uint64_t *corner,
                     unsigned v, size_t blocks) {
    share3_proof_words()->evaluate(z, in, corner, v, blocks);
}

static void weigh(uint64_t *z, const uint64_t *theta, size_t blocks) {
    share3_proof_words()->weigh(z, theta, blocks);
}

static void claim(uint64_t *sum, const uint64_t *in, const uint64_t *corner,
                  const uint64_t *theta, unsigned v, size_t blocks) {
    uint64_t at[PROOF_CORNERS_MAX * D], wide[WIDE] = { 0 };
    share3_proof_words()->claim(at, in, theta, v, blocks);
    for (size_t j = 0; j < (size_t)1 << v; j++)
        share3_kernel()->poly_mac(wide, at + j * D, corner + j * D);
    reduce(sum, wide);
    mal_wipe(at, sizeof at);
}

static mal_err fold_points(uint64_t *p, const uint64_t *a, const uint64_t *b,
                           unsigned v, size_t m) {
    return share3_proof_words()->fold_points(p, a, b, v, m);
}

static void fold(uint64_t *z, const uint64_t *a, const uint64_t *corner,
                 unsigned v, size_t m) {
    share3_proof_words()->fold(z, a, corner, v, m);
}

/* What is said grows threefold with a variable, and what is left to fold
 * halves: (3^v - 2^v) 384 bytes take 8 ns each on a link of 1 Gbit/s, and one
 * of n / 2^v elements takes some 1000.  A variable more pays from n = 344,
 * 2261, 14353, 89261 on; the last, from 2^17 on, where what is said is a
 * fourth of the products. */
static unsigned group_vars(size_t n) {
    return n < 344 ? 2 : n < 2261 ? 3 : n < 14353 ? 4 : n < 131072 ? 5 : 6;
}

#define LAST ((size_t)16) /* 12 KiB to say */

/* Two at a time cost least while that counts; then fewer rounds do. */
static unsigned fold_vars(size_t n) {
    return n > (LAST << 9) ? 2 : 3;
}

const proof_ring share3_ring_words = {
    .words = D,
    .rows = 1,
    .add = add,
    .sub = sub,
    .mul = mul,
    .challenge = challenge,
    .group_vars = group_vars,
    .fold_vars = fold_vars,
    .fold_max = 3,
    .last = LAST,
    .points = points,
    .evaluate = evaluate,
    .weigh = weigh,
    .claim = claim,
    .fold_points = fold_points,
    .fold = fold,
};

/* --- Twins -----------------------------------------------------------------
 */

static bool usable(void) {
    return true;
}

const proof_words_kernels share3_proof_words_plain = {
    "plain",     usable,      points_plain,      evaluate_plain,
    weigh_plain, claim_plain, fold_points_plain, fold_plain,
};

const proof_words_kernels *share3_proof_words(void) {
    static const proof_words_kernels *_Atomic chosen;
    const proof_words_kernels *k =
        atomic_load_explicit(&chosen, memory_order_relaxed);
    if (!k) {
        k = share3_proof_words_avx512.usable() ? &share3_proof_words_avx512
                                               : &share3_proof_words_plain;
        atomic_store_explicit(&chosen, k, memory_order_relaxed);
    }
    return k;
}
