/* ring_impl.h - arithmetic in GF(2^255 - 19), inlined into the group's files.
 *
 * Magnitudes.  "Tight" limbs are below 2^52: what mul, sq and carry return.  A
 * sum or difference of two tight elements is "loose": below 2^54, which mul and
 * sq accept.  Proof for mul: a column holds five products, four of them times
 * 19, so it is below (1 + 4 * 19) * 2^108 < 2^115 and its carry fits 64 bits;
 * the top column has no factor 19, is below 5 * 2^108 + 2^64, and 19 times its
 * carry is below 2^64 - 2^51.
 */
#ifndef MALUS_RING_IMPL_H
#define MALUS_RING_IMPL_H

#include <malus/ring.h>

typedef mal_ring_fe fe;
typedef mal_ring_ge ge;

#define FE_MASK (((uint64_t)1 << 51) - 1)

/* An affine point as an addend: y + x, y - x, 2 d x y. */
typedef struct ge_addend {
    fe sum, diff, dxy2;
} ge_addend;
/* An affine point as a step of the logarithm: x, y, d x y. */
typedef struct ge_affine {
    fe x, y, dxy;
} ge_affine;

extern const fe fe_d, fe_2d, fe_sqrt_m1, fe_invsqrt_a_minus_d;
static const fe fe_one = { { 1, 0, 0, 0, 0 } };
static const fe fe_zero = { { 0, 0, 0, 0, 0 } };

static inline void fe_carry(fe *h) {
    uint64_t *v = h->v;
    v[1] += v[0] >> 51;
    v[0] &= FE_MASK;
    v[2] += v[1] >> 51;
    v[1] &= FE_MASK;
    v[3] += v[2] >> 51;
    v[2] &= FE_MASK;
    v[4] += v[3] >> 51;
    v[3] &= FE_MASK;
    v[0] += 19 * (v[4] >> 51);
    v[4] &= FE_MASK;
}

/* Tight + tight -> loose, below 2^53. */
static inline void fe_add(fe *h, const fe *f, const fe *g) {
    for (int i = 0; i < 5; i++)
        h->v[i] = f->v[i] + g->v[i];
}

/* f below 2^53, g below 2^53 - 76 -> below 2^54: f + 4 p - g. */
static inline void fe_sub(fe *h, const fe *f, const fe *g) {
    const uint64_t p0 = 4 * (FE_MASK - 18), pi = 4 * FE_MASK;
    h->v[0] = f->v[0] + p0 - g->v[0];
    for (int i = 1; i < 5; i++)
        h->v[i] = f->v[i] + pi - g->v[i];
}

static inline void fe_neg(fe *h, const fe *f) {
    fe_sub(h, &fe_zero, f);
    fe_carry(h);
}

static inline void fe_reduce_columns(fe *h, mal_u128 r[5]) {
    r[1] += (uint64_t)(r[0] >> 51);
    r[2] += (uint64_t)(r[1] >> 51);
    r[3] += (uint64_t)(r[2] >> 51);
    r[4] += (uint64_t)(r[3] >> 51);
    uint64_t low = ((uint64_t)r[0] & FE_MASK) + 19 * (uint64_t)(r[4] >> 51);
    h->v[0] = low & FE_MASK;
    h->v[1] = ((uint64_t)r[1] & FE_MASK) + (low >> 51);
    h->v[2] = (uint64_t)r[2] & FE_MASK;
    h->v[3] = (uint64_t)r[3] & FE_MASK;
    h->v[4] = (uint64_t)r[4] & FE_MASK;
}

/* Loose * loose -> tight. */
static inline void fe_mul(fe *h, const fe *f, const fe *g) {
    const uint64_t f0 = f->v[0], f1 = f->v[1], f2 = f->v[2], f3 = f->v[3],
                   f4 = f->v[4];
    const uint64_t g0 = g->v[0], g1 = g->v[1], g2 = g->v[2], g3 = g->v[3],
                   g4 = g->v[4];
    const uint64_t n1 = 19 * g1, n2 = 19 * g2, n3 = 19 * g3, n4 = 19 * g4;
    mal_u128 r[5];
    r[0] = (mal_u128)f0 * g0 + (mal_u128)f1 * n4 + (mal_u128)f2 * n3 +
           (mal_u128)f3 * n2 + (mal_u128)f4 * n1;
    r[1] = (mal_u128)f0 * g1 + (mal_u128)f1 * g0 + (mal_u128)f2 * n4 +
           (mal_u128)f3 * n3 + (mal_u128)f4 * n2;
    r[2] = (mal_u128)f0 * g2 + (mal_u128)f1 * g1 + (mal_u128)f2 * g0 +
           (mal_u128)f3 * n4 + (mal_u128)f4 * n3;
    r[3] = (mal_u128)f0 * g3 + (mal_u128)f1 * g2 + (mal_u128)f2 * g1 +
           (mal_u128)f3 * g0 + (mal_u128)f4 * n4;
    r[4] = (mal_u128)f0 * g4 + (mal_u128)f1 * g3 + (mal_u128)f2 * g2 +
           (mal_u128)f3 * g1 + (mal_u128)f4 * g0;
    fe_reduce_columns(h, r);
}

static inline void fe_sq(fe *h, const fe *f) {
    const uint64_t f0 = f->v[0], f1 = f->v[1], f2 = f->v[2], f3 = f->v[3],
                   f4 = f->v[4];
    const uint64_t d0 = 2 * f0, d1 = 2 * f1, n3 = 19 * f3, n4 = 19 * f4;
    mal_u128 r[5];
    r[0] = (mal_u128)f0 * f0 + (mal_u128)d1 * n4 + (mal_u128)(2 * f2) * n3;
    r[1] = (mal_u128)d0 * f1 + (mal_u128)(2 * f2) * n4 + (mal_u128)f3 * n3;
    r[2] = (mal_u128)d0 * f2 + (mal_u128)f1 * f1 + (mal_u128)(2 * f3) * n4;
    r[3] = (mal_u128)d0 * f3 + (mal_u128)d1 * f2 + (mal_u128)f4 * n4;
    r[4] = (mal_u128)d0 * f4 + (mal_u128)d1 * f3 + (mal_u128)f2 * f2;
    fe_reduce_columns(h, r);
}

/* h = g where mask is all ones, unchanged where it is 0. */
static inline void fe_assign_if(fe *h, const fe *g, uint64_t mask) {
    for (int i = 0; i < 5; i++)
        h->v[i] = mal_select(mask, g->v[i], h->v[i]);
}

static inline void fe_neg_if(fe *h, uint64_t mask) {
    fe minus;
    fe_neg(&minus, h);
    fe_assign_if(h, &minus, mask);
}

void fe_to_bytes(uint8_t out[32], const fe *f);
/* The low 64 bits of the canonical value. */
uint64_t fe_low(const fe *f);
/* Reads 255 bits, whatever they are. */
void fe_from_bytes(fe *h, const uint8_t in[32]);
uint64_t fe_mask_zero(const fe *f);
uint64_t fe_mask_eq(const fe *f, const fe *g);
/* "Negative" in RFC 9496: the canonical value is odd. */
uint64_t fe_mask_negative(const fe *f);
void fe_abs(fe *h);
void fe_invert(fe *h, const fe *f); /* 0 -> 0 */
/* f[i] = 1/f[i], and 0 stays 0; constant time.  scratch [n] is not wiped. */
void fe_invert_all(fe *f, fe *scratch, size_t n);
/* h = sqrt(u/v) or sqrt(i u/v), nonnegative; all ones if u/v is a square.
 * [RFC9496] 4.2 */
uint64_t fe_sqrt_ratio(fe *h, const fe *u, const fe *v);

/* out may be a.  Cost: 7 multiplications. */
void ge_add_addend(ge *out, const ge *a, const ge_addend *b);
/* Affine coordinates of n points, one inversion for all.  scratch [2 n]. */
void ge_affine_all(ge_affine *out, const ge *a, fe *scratch, size_t n);

#endif
