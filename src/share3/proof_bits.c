/* proof_bits.c - proofs of ANDs calculate in GF(2^64).
 *
 * GF(2)[x] / (x^64 + x^4 + x^3 + x + 1).  The 64 bits of a recorded word are 64
 * rows; row b of a group has the weight theta x^b, so that the weighted sum
 * over the rows of a word of products is this word, as an element, times theta:
 * an error anywhere in it is an element that is not zero.
 */
#include "proof_bits.h"

#include <stdatomic.h>

/* --- GF(2^64) ------------------------------------------------------------- */

static uint64_t mul_plain(uint64_t x, uint64_t y) {
    uint64_t z[2] = { 0, 0 };
    share3_gf64_add_product(z, x, y);
    return share3_gf64_reduce(z[0], z[1]);
}

static void gf_add(uint64_t *z, const uint64_t *x, const uint64_t *y) {
    *z = *x ^ *y;
}

static void gf_mul(uint64_t *z, const uint64_t *x, const uint64_t *y) {
    *z = share3_proof_bits()->mul(*x, *y);
}

static void gf_challenge(uint64_t *z, uint64_t random) {
    *z = random ? random : 1;
}

/* --- Plain -----------------------------------------------------------------
 */

/* e [3^v] of values at corners those at points, in place. */
static void to_points(uint64_t *e, unsigned v) {
    size_t n = 1;
    for (unsigned t = 0; t < v; t++, n *= 3)
        for (size_t high = (size_t)1 << (v - t - 1); high-- > 0;) {
            const uint64_t *in = e + high * 2 * n;
            uint64_t *out = e + high * 3 * n;
            for (size_t i = n; i-- > 0;)
                out[2 * n + i] = in[i] ^ in[n + i];
            memmove(out + n, in + n, n * sizeof *e);
            memmove(out, in, n * sizeof *e);
        }
}

static void points_plain(uint64_t (*sum)[2], const share3_record *r,
                         const uint64_t *theta, unsigned v, size_t blocks) {
    const uint64_t *const from[4] = { r->x[0], r->y[1], r->x[1], r->y[0] };
    const size_t corners = (size_t)1 << v, points = share3_points(v);
    uint64_t e[4][PROOF_POINTS_MAX];
    for (size_t g = 0; g < PROOF_LANES * blocks; g++) {
        const size_t at = (g / PROOF_LANES * corners) * PROOF_LANES;
        for (unsigned k = 0; k < 4; k++) {
            for (size_t j = 0; j < corners; j++)
                e[k][j] = from[k][at + j * PROOF_LANES + g % PROOF_LANES];
            to_points(e[k], v);
        }
        for (size_t i = 0; i < points; i++)
            share3_gf64_add_product(
                sum[i], (e[0][i] & e[1][i]) ^ (e[2][i] & e[3][i]), theta[g]);
    }
    mal_wipe(e, sizeof e);
}

static void evaluate_plain(uint64_t *z, const uint64_t *in,
                           const uint64_t *corner, unsigned v, size_t blocks) {
    const size_t corners = (size_t)1 << v;
    for (size_t g = 0; g < PROOF_LANES * blocks; g++) {
        const size_t block = g / PROOF_LANES;
        const unsigned l = g % PROOF_LANES;
        for (unsigned b = 0; b < 64; b++) {
            uint64_t sum = 0;
            for (size_t j = 0; j < corners; j++) {
                const uint64_t word =
                    in[(block * corners + j) * PROOF_LANES + l];
                sum ^= corner[j] & mal_barrier(0 - (word >> b & 1));
            }
            z[64 * PROOF_LANES * block + share3_bits_row(l, b)] = sum;
        }
    }
}

static void weigh_plain(uint64_t *z, const uint64_t *theta, size_t blocks) {
    for (size_t g = 0; g < PROOF_LANES * blocks; g++) {
        uint64_t weight = theta[g];
        for (unsigned b = 0; b < 64; b++) {
            uint64_t *row = z + 64 * (g - g % PROOF_LANES) +
                            share3_bits_row(g % PROOF_LANES, b);
            *row = mul_plain(*row, weight);
            weight = weight << 1 ^ (0x1b & (0 - (weight >> 63)));
        }
    }
}

static void claim_plain(uint64_t (*sum)[2], const uint64_t *in,
                        const uint64_t *theta, unsigned v, size_t blocks) {
    const size_t corners = (size_t)1 << v;
    for (size_t w = 0; w < PROOF_LANES * corners * blocks; w++) {
        const size_t block = w / (PROOF_LANES * corners);
        share3_gf64_add_product(sum[w / PROOF_LANES % corners], in[w],
                                theta[PROOF_LANES * block + w % PROOF_LANES]);
    }
}

static void fold_points_plain(uint64_t (*sum)[2], const uint64_t *a,
                              const uint64_t *b, unsigned v, size_t m) {
    uint64_t e[2][PROOF_POINTS_MAX];
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < (size_t)1 << v; j++) {
            e[0][j] = a[j * m + i];
            e[1][j] = b[j * m + i];
        }
        to_points(e[0], v);
        to_points(e[1], v);
        for (size_t k = 0; k < share3_points(v); k++)
            share3_gf64_add_product(sum[k], e[0][k], e[1][k]);
    }
    mal_wipe(e, sizeof e);
}

static void fold_plain(uint64_t *z, const uint64_t *a, const uint64_t *corner,
                       unsigned v, size_t m) {
    for (size_t i = 0; i < m; i++) {
        uint64_t sum[2] = { 0, 0 };
        for (size_t j = 0; j < (size_t)1 << v; j++)
            share3_gf64_add_product(sum, corner[j], a[j * m + i]);
        z[i] = share3_gf64_reduce(sum[0], sum[1]);
    }
}

/* --- The ring --------------------------------------------------------------
 */

static void reduce_all(uint64_t *p, uint64_t (*sum)[2], size_t n) {
    for (size_t i = 0; i < n; i++)
        p[i] = share3_gf64_reduce(sum[i][0], sum[i][1]);
}

static mal_err gf_points(uint64_t *p, const share3_record *r,
                         const uint64_t *theta, unsigned v, size_t blocks) {
    uint64_t sum[PROOF_POINTS_MAX][2] = { { 0 } };
    share3_proof_bits()->points(sum, r, theta, v, blocks);
    reduce_all(p, sum, share3_points(v));
    mal_wipe(sum, sizeof sum);
    return MAL_OK;
}

static void gf_evaluate(uint64_t *z, const uint64_t *in, const uint64_t *corner,
                        unsigned v, size_t blocks) {
    share3_proof_bits()->evaluate(z, in, corner, v, blocks);
}

static void gf_weigh(uint64_t *z, const uint64_t *theta, size_t blocks) {
    share3_proof_bits()->weigh(z, theta, blocks);
}

static void gf_claim(uint64_t *z, const uint64_t *in, const uint64_t *corner,
                     const uint64_t *theta, unsigned v, size_t blocks) {
    uint64_t sum[PROOF_CORNERS_MAX][2] = { { 0 } };
    share3_proof_bits()->claim(sum, in, theta, v, blocks);
    *z = 0;
    for (size_t j = 0; j < (size_t)1 << v; j++) {
        uint64_t at = share3_gf64_reduce(sum[j][0], sum[j][1]);
        gf_mul(&at, &at, &corner[j]);
        *z ^= at;
    }
    mal_wipe(sum, sizeof sum);
}

static mal_err gf_fold_points(uint64_t *p, const uint64_t *a, const uint64_t *b,
                              unsigned v, size_t m) {
    uint64_t sum[PROOF_POINTS_MAX][2] = { { 0 } };
    share3_proof_bits()->fold_points(sum, a, b, v, m);
    reduce_all(p, sum, share3_points(v));
    mal_wipe(sum, sizeof sum);
    return MAL_OK;
}

static void gf_fold(uint64_t *z, const uint64_t *a, const uint64_t *corner,
                    unsigned v, size_t m) {
    share3_proof_bits()->fold(z, a, corner, v, m);
}

/* Six variables cost least where there are blocks enough. */
static unsigned gf_group_vars(size_t n) {
    return n < 2048 ? 3 : 6;
}

#define LAST_LOG 9

/* Three at a time cost least to calculate, six take the fewest rounds: those
 * come last, when little is left. */
static unsigned gf_fold_vars(size_t n) {
    unsigned left = 0;
    while (n > (size_t)1 << (LAST_LOG + left))
        left++;
    if (left > 3 + PROOF_VARS_MAX || left <= 3)
        return 3;
    return left <= PROOF_VARS_MAX      ? left
           : left - PROOF_VARS_MAX < 3 ? 3
                                       : left - PROOF_VARS_MAX;
}

const proof_ring share3_ring_bits = {
    .words = 1,
    .rows = 64,
    .add = gf_add,
    .sub = gf_add,
    .mul = gf_mul,
    .challenge = gf_challenge,
    .group_vars = gf_group_vars,
    .fold_vars = gf_fold_vars,
    .fold_max = PROOF_VARS_MAX,
    .last = (size_t)1 << LAST_LOG,
    .points = gf_points,
    .evaluate = gf_evaluate,
    .weigh = gf_weigh,
    .claim = gf_claim,
    .fold_points = gf_fold_points,
    .fold = gf_fold,
};

/* --- Twins -----------------------------------------------------------------
 */

static bool usable(void) {
    return true;
}

const proof_bits_kernels share3_proof_bits_plain = {
    "plain",     usable,      mul_plain,         points_plain, evaluate_plain,
    weigh_plain, claim_plain, fold_points_plain, fold_plain,
};

const proof_bits_kernels *share3_proof_bits(void) {
    static const proof_bits_kernels *_Atomic chosen;
    const proof_bits_kernels *k =
        atomic_load_explicit(&chosen, memory_order_relaxed);
    if (!k) {
        k = share3_proof_bits_gfni.usable() ? &share3_proof_bits_gfni
                                            : &share3_proof_bits_plain;
        atomic_store_explicit(&chosen, k, memory_order_relaxed);
    }
    return k;
}
