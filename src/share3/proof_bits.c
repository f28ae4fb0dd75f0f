/* proof_bits.c - proofs of ANDs calculate in GF(2^64).
 *
 * GF(2)[x] / (x^64 + x^4 + x^3 + x + 1).  The 64 bits of a recorded word are
 * the values of a polynomial at 64 nodes.  The nodes are the elements 0, 1, ..
 * of GF(2^8), which is part of GF(2^64): what the polynomial is at node(64) to
 * node(126) is then a byte for each, a sum of public bytes over the set bits.
 * A group's weight is eight bytes, the coordinates of an element over GF(2^8)
 * in the basis 1, x, .., x^7: weighted sums stay bytes until the end.
 */
#include "proof_bits.h"
#include "gf64.h"

#include <pthread.h>
#include <stdatomic.h>

/* --- GF(2^8), FIPS 197 section 4.2; public operands -------------------------
 */

uint8_t share3_gf8_mul(uint8_t a, uint8_t b) {
    unsigned product = 0;
    for (unsigned i = 0; i < 8; i++)
        product ^= (unsigned)a << i & (0u - (b >> i & 1u));
    for (unsigned i = 14; i >= 8; i--)
        product ^= 0x11bu << (i - 8) & (0u - (product >> i & 1u));
    return (uint8_t)product;
}

static uint8_t gf8_inverse(uint8_t a) { /* a^254 */
    uint8_t power = 1;
    for (unsigned i = 0; i < 254; i++)
        power = share3_gf8_mul(power, a);
    return power;
}

/* --- GF(2^64) ------------------------------------------------------------- */

static void clmul_plain(uint64_t z[2], uint64_t x, uint64_t y) {
    uint64_t low = 0, high = 0;
    for (unsigned i = 0; i < 64; i++) {
        const uint64_t take = mal_barrier(0 - (y >> i & 1));
        low ^= x << i & take;
        high ^= (i ? x >> (64 - i) : 0) & take;
    }
    z[0] = low;
    z[1] = high;
}

static uint64_t mul_plain(uint64_t x, uint64_t y) {
    uint64_t z[2];
    clmul_plain(z, x, y);
    return share3_gf64_reduce(z[0], z[1]);
}

uint64_t share3_gf64_embed(uint8_t byte) {
    static const uint64_t power[8] = { /* root^i */
                                       0x0000000000000001u, 0x033ce8beddc8a656u,
                                       0x512620375ed2a108u, 0x0c9e636090aafc01u,
                                       0xba4f3cd82801769cu, 0xba26e7904adb4a47u,
                                       0x467698598926dc01u, 0x4418ae808b28bdd0u
    };
    uint64_t sum = 0;
    for (unsigned i = 0; i < 8; i++)
        sum ^= power[i] & (0 - (uint64_t)(byte >> i & 1));
    return sum;
}

static void gf_add(uint64_t *z, const uint64_t *x, const uint64_t *y) {
    *z = *x ^ *y;
}

static void gf_mul(uint64_t *z, const uint64_t *x, const uint64_t *y) {
    *z = share3_proof_bits()->mul(*x, *y);
}

static void gf_node(uint64_t *z, unsigned k) {
    *z = share3_gf64_embed((uint8_t)k);
}

/* x^(2^64 - 2) */
static void gf_inverse(uint64_t *z, const uint64_t *x) {
    uint64_t power = *x, product = 1;
    for (unsigned i = 1; i < 64; i++) {
        gf_mul(&power, &power, &power);
        gf_mul(&product, &product, &power);
    }
    *z = product;
}

/* The nodes lie in GF(2^8), whose elements are those that x -> x^256 leaves as
 * they are; the element x is none of them.  255 / 2^64 are moved. */
static void gf_challenge(uint64_t *z, uint64_t random) {
    uint64_t power = random;
    for (unsigned i = 0; i < 8; i++)
        gf_mul(&power, &power, &power);
    *z = power == random ? random ^ 2 : random;
}

/* --- Maps of bits ----------------------------------------------------------
 */

static void map_plain(uint64_t *out, const uint64_t *in,
                      const uint64_t column[64], size_t n) {
    for (size_t w = 0; w < n; w++) {
        uint64_t sum = 0;
        for (unsigned t = 0; t < 64; t++)
            sum ^= column[t] & mal_barrier(0 - (in[w] >> t & 1));
        out[w] = sum;
    }
}

static void gf_evaluate(uint64_t *z, const uint64_t *in, const uint64_t *coef,
                        size_t groups) {
    share3_proof_bits()->map(z, in, coef, groups);
}

/* Byte b of a weight times x^b. */
static void weight_columns(uint64_t column[64]) {
    uint64_t base = 1;
    for (unsigned b = 0; b < 8; b++) {
        for (unsigned i = 0; i < 8; i++)
            column[8 * b + i] =
                mul_plain(base, share3_gf64_embed((uint8_t)(1u << i)));
        base = mul_plain(base, 2);
    }
}

static void gf_weights(uint64_t *theta, size_t groups) {
    uint64_t column[64];
    weight_columns(column);
    share3_proof_bits()->map(theta, theta, column, groups);
}

/* --- The values at the further nodes ---------------------------------------
 */

/* extension[s][t]: prod_(j != t) (64 + s - j) / (t - j) over GF(2^8), what bit
 * t adds at node(64 + s). */
static uint8_t extension_once[63][64];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_extension(void) {
    for (unsigned t = 0; t < 64; t++) {
        uint8_t below = 1;
        for (unsigned j = 0; j < 64; j++)
            if (j != t)
                below = share3_gf8_mul(below, (uint8_t)(t ^ j));
        below = gf8_inverse(below);
        for (unsigned s = 0; s < 63; s++) {
            uint8_t above = 1;
            for (unsigned j = 0; j < 64; j++)
                if (j != t)
                    above = share3_gf8_mul(above, (uint8_t)((64 + s) ^ j));
            extension_once[s][t] = share3_gf8_mul(above, below);
        }
    }
}

const uint8_t (*share3_gf8_extension(void))[64] {
    pthread_once(&once, make_extension);
    return extension_once;
}

/* Bit i of byte w of a[i]: 64 bytes in eight planes. */
typedef struct planes8 {
    uint64_t bit[8];
} planes8;

static planes8 mul8(const planes8 *a, const planes8 *b) {
    uint64_t z[15] = { 0 };
    planes8 out;
    for (unsigned i = 0; i < 8; i++)
        for (unsigned j = 0; j < 8; j++)
            z[i + j] ^= a->bit[i] & b->bit[j];
    for (unsigned i = 14; i >= 8; i--) { /* x^8 = x^4 + x^3 + x + 1 */
        z[i - 4] ^= z[i];
        z[i - 5] ^= z[i];
        z[i - 7] ^= z[i];
        z[i - 8] ^= z[i];
    }
    memcpy(out.bit, z, sizeof out.bit);
    return out;
}

/* The bytes at one further node of 64 words, given as planes of their bits. */
static planes8 extend(const uint64_t turned[64], const uint8_t row[64]) {
    planes8 out = { { 0 } };
    for (unsigned t = 0; t < 64; t++)
        for (unsigned i = 0; i < 8; i++)
            if (row[t] >> i & 1)
                out.bit[i] ^= turned[t];
    return out;
}

/* sums[s][b]: byte b of the weighted sum at node(64 + s). */
static void further_plain(uint8_t sums[63][8], const share3_record *r,
                          const uint64_t *theta, size_t n,
                          const uint8_t extension[63][64]) {
    uint64_t turned[5][64];
    const uint64_t *const from[5] = { r->x[0], r->y[0], r->x[1], r->y[1],
                                      theta };
    for (size_t w = 0; w < n; w += 64) {
        const size_t have = share3_least(64, n - w);
        for (unsigned v = 0; v < 5; v++) {
            memset(turned[v], 0, sizeof turned[v]);
            memcpy(turned[v], from[v] + w, 8 * have);
            share3_proof_bits()->turn(turned[v]);
        }
        for (unsigned s = 0; s < 63; s++) {
            planes8 e[4];
            for (unsigned v = 0; v < 4; v++)
                e[v] = extend(turned[v], extension[s]);
            planes8 p = mul8(&e[0], &e[3]), q = mul8(&e[2], &e[1]);
            for (unsigned i = 0; i < 8; i++)
                p.bit[i] ^= q.bit[i];
            for (unsigned b = 0; b < 8; b++) {
                planes8 weight;
                memcpy(weight.bit, turned[4] + 8 * b, sizeof weight.bit);
                weight = mul8(&weight, &p);
                for (unsigned i = 0; i < 8; i++)
                    sums[s][b] ^=
                        (uint8_t)((unsigned)__builtin_parityll(weight.bit[i])
                                  << i);
            }
        }
    }
    mal_wipe(turned, sizeof turned);
}

static mal_err gf_further(uint64_t *p, const share3_record *r,
                          const uint64_t *theta, size_t groups) {
    uint8_t sums[63][8] = { { 0 } };
    uint64_t column[64];
    share3_proof_bits()->further(sums, r, theta, groups,
                                 share3_gf8_extension());
    for (unsigned s = 0; s < 63; s++)
        p[s] = mal_load_u64le(sums[s]);
    weight_columns(column);
    share3_proof_bits()->map(p, p, column, 63);
    mal_wipe(sums, sizeof sums);
    return MAL_OK;
}

/* --- Vectors ---------------------------------------------------------------
 */

static void scale_plain(uint64_t *z, const uint64_t *x, const uint64_t *y,
                        size_t n) {
    for (size_t i = 0; i < n; i++)
        z[i] = mul_plain(x[i], y[i]);
}

static void fold_plain(uint64_t *z, const uint64_t *a, const uint64_t *coef,
                       size_t n) {
    for (size_t g = 0; g < n; g++) {
        uint64_t sum = 0;
        for (unsigned k = 0; k < PROOF_FOLD; k++)
            sum ^= mul_plain(coef[k], a[g + k * n]);
        z[g] = sum;
    }
}

static void gf_scale(uint64_t *z, const uint64_t *x, const uint64_t *y,
                     size_t n) {
    share3_proof_bits()->scale(z, x, y, n);
}

static void gf_dot(uint64_t *sum, const uint64_t *x, const uint64_t *y,
                   size_t n) {
    *sum = share3_gf_dot(x, y, n);
}

static void gf_fold(uint64_t *z, const uint64_t *a, const uint64_t *coef,
                    size_t n) {
    share3_proof_bits()->fold(z, a, coef, n);
}

static void gf_corner(uint64_t *corner, const uint64_t *a, const uint64_t *b,
                      size_t n) {
    for (unsigned s = 0; s < PROOF_FOLD; s++)
        for (unsigned t = 0; t < PROOF_FOLD; t++)
            gf_dot(&corner[s * PROOF_FOLD + t], a + s * n, b + t * n, n);
}

const proof_ring share3_ring_bits = {
    .words = 1,
    .skip = 64,
    .group = 1,
    .add = gf_add,
    .sub = gf_add,
    .mul = gf_mul,
    .node = gf_node,
    .inverse = gf_inverse,
    .challenge_bits = 64,
    .challenge = gf_challenge,
    .weights = gf_weights,
    .further = gf_further,
    .evaluate = gf_evaluate,
    .scale = gf_scale,
    .dot = gf_dot,
    .fold = gf_fold,
    .corner = gf_corner,
};

/* --- Twins -----------------------------------------------------------------
 */

static bool usable(void) {
    return true;
}

static void turn_plain(uint64_t a[64]) {
    share3_kernels_plain.turn(a);
}

const proof_bits_kernels share3_proof_bits_plain = {
    "plain",    usable,      mul_plain,  map_plain,
    turn_plain, scale_plain, fold_plain, further_plain,
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
