/* fe.c - the field's slower operations: bytes, inverses, square roots. */
#include "ring_impl.h"

/* All constants of [RFC9496] 4.1; test/unit_fe.c recomputes them.
 * d = -121665/121666; sqrt_m1^2 = -1; invsqrt_a_minus_d^2 * (-1 - d) = 1. */
const fe fe_d = { { 0x34dca135978a3, 0x1a8283b156ebd, 0x5e7a26001c029,
                    0x739c663a03cbb, 0x52036cee2b6ff } };
const fe fe_2d = { { 0x69b9426b2f159, 0x35050762add7a, 0x3cf44c0038052,
                     0x6738cc7407977, 0x2406d9dc56dff } };
const fe fe_sqrt_m1 = { { 0x61b274a0ea0b0, 0x0d5a5fc8f189d, 0x7ef5e9cbd0c60,
                          0x78595a6804c9e, 0x2b8324804fc1d } };
const fe fe_invsqrt_a_minus_d = { { 0x0fdaa805d40ea, 0x2eb482e57d339,
                                    0x007610274bc58, 0x6510b613dc8ff,
                                    0x786c8905cfaff } };

/* The canonical limbs: in [0, p), each below 2^51. */
static void freeze(uint64_t v[5], const fe *f) {
    fe t = *f;
    fe_carry(&t);
    fe_carry(&t); /* now t < 2^255 + 19, so t < 2 p */
    /* q = 1 if t >= p: the carry out of t + 19. */
    uint64_t q = (t.v[0] + 19) >> 51;
    for (int i = 1; i < 5; i++)
        q = (t.v[i] + q) >> 51;
    t.v[0] += 19 * q;
    for (int i = 0; i < 4; i++) {
        t.v[i + 1] += t.v[i] >> 51;
        v[i] = t.v[i] & FE_MASK;
    }
    v[4] = t.v[4] & FE_MASK;
}

uint64_t fe_low(const fe *f) {
    uint64_t v[5];
    freeze(v, f);
    return v[0] | v[1] << 51;
}

void fe_to_bytes(uint8_t out[32], const fe *f) {
    uint64_t v[5];
    freeze(v, f);
    mal_store_u64le(out, v[0] | v[1] << 51);
    mal_store_u64le(out + 8, v[1] >> 13 | v[2] << 38);
    mal_store_u64le(out + 16, v[2] >> 26 | v[3] << 25);
    mal_store_u64le(out + 24, v[3] >> 39 | v[4] << 12);
}

void fe_from_bytes(fe *h, const uint8_t in[32]) {
    const uint64_t a = mal_load_u64le(in), b = mal_load_u64le(in + 8),
                   c = mal_load_u64le(in + 16), d = mal_load_u64le(in + 24);
    h->v[0] = a & FE_MASK;
    h->v[1] = (a >> 51 | b << 13) & FE_MASK;
    h->v[2] = (b >> 38 | c << 26) & FE_MASK;
    h->v[3] = (c >> 25 | d << 39) & FE_MASK;
    h->v[4] = (d >> 12) & FE_MASK;
}

uint64_t fe_mask_zero(const fe *f) {
    uint64_t v[5];
    freeze(v, f);
    return ~mal_mask_nonzero(v[0] | v[1] | v[2] | v[3] | v[4]);
}

uint64_t fe_mask_eq(const fe *f, const fe *g) {
    fe t;
    fe_sub(&t, f, g);
    return fe_mask_zero(&t);
}

uint64_t fe_mask_negative(const fe *f) {
    uint64_t v[5];
    freeze(v, f);
    return mal_mask_nonzero(v[0] & 1);
}

void fe_abs(fe *h) {
    fe_neg_if(h, fe_mask_negative(h));
}

static void sq_times(fe *h, const fe *f, unsigned n) {
    fe_sq(h, f);
    while (--n > 0)
        fe_sq(h, h);
}

/* f^(2^250 - 1) into h, f^11 into f11: the chain that both powers share. */
static void pow_250(fe *h, fe *f11, const fe *f) {
    fe f9, a, b, c;
    fe_sq(&a, f);
    sq_times(&b, &a, 2);
    fe_mul(&f9, f, &b);
    fe_mul(f11, &a, &f9);
    fe_sq(&a, f11);
    fe_mul(&a, &f9, &a); /* 2^5 - 1 */
    sq_times(&b, &a, 5);
    fe_mul(&a, &b, &a); /* 2^10 - 1 */
    sq_times(&b, &a, 10);
    fe_mul(&b, &b, &a); /* 2^20 - 1 */
    sq_times(&c, &b, 20);
    fe_mul(&b, &c, &b); /* 2^40 - 1 */
    sq_times(&b, &b, 10);
    fe_mul(&a, &b, &a); /* 2^50 - 1 */
    sq_times(&b, &a, 50);
    fe_mul(&b, &b, &a); /* 2^100 - 1 */
    sq_times(&c, &b, 100);
    fe_mul(&b, &c, &b); /* 2^200 - 1 */
    sq_times(&b, &b, 50);
    fe_mul(h, &b, &a); /* 2^250 - 1 */
}

/* f^(p - 2), p - 2 = 2^255 - 21 = 2^5 (2^250 - 1) + 11. */
void fe_invert(fe *h, const fe *f) {
    fe a, f11;
    pow_250(&a, &f11, f);
    sq_times(&a, &a, 5);
    fe_mul(h, &a, &f11);
}

/* f^((p - 5)/8), (p - 5)/8 = 2^252 - 3 = 2^2 (2^250 - 1) + 1. */
static void pow_p58(fe *h, const fe *f) {
    fe a, f11, in = *f;
    pow_250(&a, &f11, f);
    sq_times(&a, &a, 2);
    fe_mul(h, &a, &in);
}

void fe_invert_all(fe *f, fe *scratch, size_t n) {
    fe acc = fe_one, inverse, t;
    for (size_t i = 0; i < n; i++) {
        scratch[i] = acc;
        t = f[i];
        fe_assign_if(&t, &fe_one, fe_mask_zero(&f[i]));
        fe_mul(&acc, &acc, &t);
    }
    fe_invert(&inverse, &acc);
    for (size_t i = n; i-- > 0;) {
        uint64_t zero = fe_mask_zero(&f[i]);
        t = f[i];
        fe_assign_if(&t, &fe_one, zero);
        fe_mul(&f[i], &inverse, &scratch[i]);
        fe_assign_if(&f[i], &fe_zero, zero);
        fe_mul(&inverse, &inverse, &t);
    }
}

uint64_t fe_sqrt_ratio(fe *h, const fe *u, const fe *v) {
    fe v3, v7, r, check, minus_u, minus_ui, rotated;
    fe_sq(&v3, v);
    fe_mul(&v3, &v3, v);
    fe_sq(&v7, &v3);
    fe_mul(&v7, &v7, v);
    fe_mul(&r, u, &v7);
    pow_p58(&r, &r);
    fe_mul(&v3, &v3, u);
    fe_mul(&r, &r, &v3); /* r = u v^3 (u v^7)^((p - 5)/8) */
    fe_sq(&check, &r);
    fe_mul(&check, &check, v);

    fe_neg(&minus_u, u);
    fe_mul(&minus_ui, &minus_u, &fe_sqrt_m1);
    uint64_t correct = fe_mask_eq(&check, u);
    uint64_t flipped = fe_mask_eq(&check, &minus_u);
    uint64_t flipped_i = fe_mask_eq(&check, &minus_ui);
    fe_mul(&rotated, &r, &fe_sqrt_m1);
    fe_assign_if(&r, &rotated, flipped | flipped_i);
    fe_abs(&r);
    *h = r;
    return correct | flipped;
}
