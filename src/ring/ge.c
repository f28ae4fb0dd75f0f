/* ge.c - points of edwards25519 as elements of ristretto255. */
#include "ring_impl.h"

/* The base point: y = 4/5, x even. */
static const ge base_point = {
    { { 0x62d608f25d51a, 0x412a4b4f6592a, 0x75b7171a4b31d, 0x1ff60527118fe,
        0x216936d3cd6e5 } },
    { { 0x6666666666658, 0x4cccccccccccc, 0x1999999999999, 0x3333333333333,
        0x6666666666666 } },
    { { 1, 0, 0, 0, 0 } },
    { { 0x68ab3a5b7dda3, 0x00eea2a5eadbb, 0x2af8df483c27e, 0x332b375274732,
        0x67875f0fd78b7 } },
};

void mal_ring_ge_zero(ge *out) {
    out->x = fe_zero;
    out->y = fe_one;
    out->z = fe_one;
    out->t = fe_zero;
}

void mal_ring_ge_base(ge *out) {
    *out = base_point;
}

/* The last four products of every addition: X3 = EF, Y3 = GH, Z3 = FG, T3 = EH.
 * E, F, G, H are loose: below 2^54. */
static inline void finish(ge *out, const fe *e, const fe *f, const fe *g,
                          const fe *h) {
    fe_mul(&out->x, e, f);
    fe_mul(&out->y, g, h);
    fe_mul(&out->z, f, g);
    fe_mul(&out->t, e, h);
}

/* [HWCD08] section 3.1, unified for a = -1; complete, as d is not a square. */
void mal_ring_ge_add(ge *out, const ge *p, const ge *q) {
    fe a, b, c, d, s, t;
    fe_sub(&s, &p->y, &p->x);
    fe_sub(&t, &q->y, &q->x);
    fe_mul(&a, &s, &t); /* A = (Y1 - X1)(Y2 - X2) */
    fe_add(&s, &p->y, &p->x);
    fe_add(&t, &q->y, &q->x);
    fe_mul(&b, &s, &t); /* B = (Y1 + X1)(Y2 + X2) */
    fe_mul(&c, &p->t, &fe_2d);
    fe_mul(&c, &c, &q->t); /* C = 2 d T1 T2 */
    fe_mul(&d, &p->z, &q->z);
    fe_add(&d, &d, &d); /* D = 2 Z1 Z2 */
    fe e, f, g, h;
    fe_sub(&e, &b, &a);
    fe_sub(&f, &d, &c);
    fe_add(&g, &d, &c);
    fe_add(&h, &b, &a);
    finish(out, &e, &f, &g, &h);
}

void ge_add_addend(ge *out, const ge *p, const ge_addend *q) {
    fe a, b, c, d, e, f, g, h;
    fe_sub(&a, &p->y, &p->x);
    fe_mul(&a, &a, &q->diff);
    fe_add(&b, &p->y, &p->x);
    fe_mul(&b, &b, &q->sum);
    fe_mul(&c, &p->t, &q->dxy2);
    fe_add(&d, &p->z, &p->z);
    fe_sub(&e, &b, &a);
    fe_sub(&f, &d, &c);
    fe_add(&g, &d, &c);
    fe_add(&h, &b, &a);
    finish(out, &e, &f, &g, &h);
}

void mal_ring_ge_neg(ge *out, const ge *a) {
    fe_neg(&out->x, &a->x);
    fe_neg(&out->t, &a->t);
    out->y = a->y;
    out->z = a->z;
}

void mal_ring_ge_sub(ge *out, const ge *a, const ge *b) {
    ge minus;
    mal_ring_ge_neg(&minus, b);
    mal_ring_ge_add(out, a, &minus);
}

/* [HWCD08] section 3.3 with all of E, F, G, H negated. */
void mal_ring_ge_double(ge *out, const ge *p) {
    fe a, b, c, e, f, g, h;
    fe_sq(&a, &p->x);
    fe_sq(&b, &p->y);
    fe_sq(&c, &p->z);
    fe_add(&c, &c, &c); /* below 2^53 */
    fe_add(&h, &a, &b);
    fe_add(&e, &p->x, &p->y);
    fe_sq(&e, &e);
    fe_sub(&e, &h, &e);
    fe_sub(&g, &a, &b);
    fe_carry(&g);
    fe_add(&f, &c, &g);
    finish(out, &e, &f, &g, &h);
}

/* [RFC9496] 4.3.3: x1 y2 = y1 x2 or y1 y2 = x1 x2. */
uint64_t mal_ring_ge_mask_eq(const ge *a, const ge *b) {
    fe s, t;
    fe_mul(&s, &a->x, &b->y);
    fe_mul(&t, &a->y, &b->x);
    uint64_t eq = fe_mask_eq(&s, &t);
    fe_mul(&s, &a->y, &b->y);
    fe_mul(&t, &a->x, &b->x);
    return eq | fe_mask_eq(&s, &t);
}

mal_err mal_ring_ge_decode(ge *out, const uint8_t bytes[32]) {
    uint8_t canonical[32];
    fe s, ss, u1, u2, u2_sqr, v, i, x, y, t;
    mal_ring_ge_zero(out);
    fe_from_bytes(&s, bytes);
    fe_to_bytes(canonical, &s);
    MAL_REQUIRE(mal_equal(canonical, bytes, 32) && !(bytes[0] & 1), MAL_E_INPUT,
                "not a canonical ristretto255 encoding");

    fe_sq(&ss, &s);
    fe_sub(&u1, &fe_one, &ss);
    fe_add(&u2, &fe_one, &ss);
    fe_sq(&u2_sqr, &u2);
    fe_sq(&v, &u1);
    fe_mul(&v, &v, &fe_d);
    fe_add(&v, &v, &u2_sqr);
    fe_neg(&v, &v); /* v = -(d u1^2) - u2^2 */
    fe_mul(&t, &v, &u2_sqr);
    uint64_t square = fe_sqrt_ratio(&i, &fe_one, &t);
    fe_mul(&x, &i, &u2); /* den_x */
    fe_mul(&y, &i, &x);
    fe_mul(&y, &y, &v); /* den_y */
    fe_add(&s, &s, &s);
    fe_mul(&x, &s, &x);
    fe_abs(&x);
    fe_mul(&y, &u1, &y);
    fe_mul(&t, &x, &y);
    uint64_t bad = ~square | fe_mask_negative(&t) | fe_mask_zero(&y);
    MAL_REQUIRE(!bad, MAL_E_INPUT,
                "not the encoding of a ristretto255 element");
    out->x = x;
    out->y = y;
    out->z = fe_one;
    out->t = t;
    return MAL_OK;
}

void mal_ring_ge_encode(uint8_t out[32], const ge *p) {
    fe u1, u2, i, d1, d2, z_inv, ix, iy, enchanted, s, x = p->x, y = p->y;
    fe_add(&u1, &p->z, &p->y);
    fe_sub(&s, &p->z, &p->y);
    fe_mul(&u1, &u1, &s);
    fe_mul(&u2, &p->x, &p->y);
    fe_sq(&s, &u2);
    fe_mul(&s, &s, &u1);
    (void)fe_sqrt_ratio(&i, &fe_one, &s); /* always a square, or 0 */
    fe_mul(&d1, &u1, &i);
    fe_mul(&d2, &u2, &i);
    fe_mul(&z_inv, &d1, &d2);
    fe_mul(&z_inv, &z_inv, &p->t);
    fe_mul(&ix, &p->x, &fe_sqrt_m1);
    fe_mul(&iy, &p->y, &fe_sqrt_m1);
    fe_mul(&enchanted, &d1, &fe_invsqrt_a_minus_d);

    fe_mul(&s, &p->t, &z_inv);
    uint64_t rotate = fe_mask_negative(&s);
    fe_assign_if(&x, &iy, rotate);
    fe_assign_if(&y, &ix, rotate);
    fe_assign_if(&d2, &enchanted, rotate);
    fe_mul(&s, &x, &z_inv);
    fe_neg_if(&y, fe_mask_negative(&s));
    fe_sub(&s, &p->z, &y);
    fe_mul(&s, &s, &d2);
    fe_abs(&s);
    fe_to_bytes(out, &s);
}

/* Numerators of 2 a as quotients of e, f, g, h:
 * e = 2XY, f = Z^2 + dT^2, g = Y^2 + X^2, h = Z^2 - dT^2. */
static void doubled_parts(fe *e, fe *f, fe *g, fe *h, const ge *a) {
    fe xx, zz, dtt;
    fe_add(e, &a->y, &a->y);
    fe_mul(e, e, &a->x);
    fe_sq(&xx, &a->x);
    fe_sq(g, &a->y);
    fe_add(g, g, &xx);
    fe_carry(g);
    fe_sq(&zz, &a->z);
    fe_sq(&dtt, &a->t);
    fe_mul(&dtt, &dtt, &fe_d);
    fe_add(f, &zz, &dtt);
    fe_carry(f);
    fe_sub(h, &zz, &dtt);
    fe_carry(h);
}

static void encode_doubled_one(uint8_t out[32], const ge *a, const fe *inv) {
    fe e, f, g, h, eg, fh, z_inv, t_inv, t, minus_e;
    doubled_parts(&e, &f, &g, &h, a);
    fe_mul(&eg, &e, &g);
    fe_mul(&fh, &f, &h);
    fe_mul(&z_inv, &eg, inv);
    fe_mul(&t_inv, &fh, inv);
    fe magic = fe_invsqrt_a_minus_d;
    fe_mul(&t, &eg, &z_inv);
    uint64_t rotate = fe_mask_negative(&t);
    fe_neg(&minus_e, &e);
    fe_mul(&t, &f, &fe_sqrt_m1);
    fe_assign_if(&e, &g, rotate);
    fe_assign_if(&g, &minus_e, rotate);
    fe_assign_if(&h, &t, rotate);
    fe_assign_if(&magic, &fe_sqrt_m1, rotate);
    fe_mul(&t, &h, &e);
    fe_mul(&t, &t, &z_inv);
    fe_neg_if(&g, fe_mask_negative(&t));
    fe_sub(&h, &h, &g);
    fe_mul(&t, &g, &t_inv);
    fe_mul(&t, &t, &magic);
    fe_mul(&t, &t, &h);
    fe_abs(&t);
    fe_to_bytes(out, &t);
}

/* One inversion needs the prefix products of what it inverts: the second half
 * of each step below recomputes them instead of asking for more scratch. */
void mal_ring_ge_encode_doubled(uint8_t (*out)[32], const ge *a, fe *scratch,
                                size_t n) {
    fe e, f, g, h, t, acc = fe_one, inverse, one;
    for (size_t i = 0; i < n; i++) {
        scratch[i] = acc;
        doubled_parts(&e, &f, &g, &h, &a[i]);
        fe_mul(&t, &e, &g);
        fe_mul(&f, &f, &h);
        fe_mul(&t, &t, &f);
        fe_assign_if(&t, &fe_one, fe_mask_zero(&t)); /* 2 a = 0: any value */
        fe_mul(&acc, &acc, &t);
    }
    fe_invert(&inverse, &acc);
    for (size_t i = n; i-- > 0;) {
        doubled_parts(&e, &f, &g, &h, &a[i]);
        fe_mul(&t, &e, &g);
        fe_mul(&f, &f, &h);
        fe_mul(&t, &t, &f);
        uint64_t zero = fe_mask_zero(&t);
        fe_assign_if(&t, &fe_one, zero);
        fe_mul(&one, &inverse, &scratch[i]);
        fe_assign_if(&one, &fe_zero, zero);
        fe_mul(&inverse, &inverse, &t);
        encode_doubled_one(out[i], &a[i], &one);
    }
    mal_wipe(scratch, n * sizeof *scratch);
    mal_wipe(&inverse, sizeof inverse);
}

void ge_affine_all(ge_affine *out, const ge *a, fe *scratch, size_t n) {
    fe *inv = scratch, t;
    for (size_t i = 0; i < n; i++)
        inv[i] = a[i].z;
    fe_invert_all(inv, scratch + n, n);
    for (size_t i = 0; i < n; i++) {
        fe_mul(&out[i].x, &a[i].x, &inv[i]);
        fe_mul(&out[i].y, &a[i].y, &inv[i]);
        fe_mul(&t, &out[i].x, &out[i].y);
        fe_mul(&out[i].dxy, &t, &fe_d);
    }
}

/* Digits in {0, +-1, +-3, .. +-15}, at most one in five not zero. */
static void recode_vartime(int8_t digit[256], const uint8_t s[32]) {
    for (int i = 0; i < 256; i++)
        digit[i] = (int8_t)(s[i >> 3] >> (i & 7) & 1);
    for (int i = 0; i < 256; i++) {
        if (!digit[i])
            continue;
        for (int b = 1; b <= 5 && i + b < 256; b++) {
            if (!digit[i + b])
                continue;
            int add = digit[i + b] << b;
            if (digit[i] + add <= 15) {
                digit[i] = (int8_t)(digit[i] + add);
                digit[i + b] = 0;
            } else if (digit[i] - add >= -15) {
                digit[i] = (int8_t)(digit[i] - add);
                for (int k = i + b; k < 256; k++) {
                    if (!digit[k]) {
                        digit[k] = 1;
                        break;
                    }
                    digit[k] = 0;
                }
            } else {
                break;
            }
        }
    }
}

void mal_ring_ge_mul_vartime(ge *out, const uint8_t s[32], const ge *a) {
    int8_t digit[256];
    ge odd[8], twice, r;
    recode_vartime(digit, s);
    odd[0] = *a;
    mal_ring_ge_double(&twice, a);
    for (int i = 1; i < 8; i++)
        mal_ring_ge_add(&odd[i], &odd[i - 1], &twice);
    mal_ring_ge_zero(&r);
    int top = 255;
    while (top >= 0 && !digit[top])
        top--;
    for (int i = top; i >= 0; i--) {
        mal_ring_ge_double(&r, &r);
        if (digit[i] > 0)
            mal_ring_ge_add(&r, &r, &odd[digit[i] / 2]);
        else if (digit[i] < 0)
            mal_ring_ge_sub(&r, &r, &odd[-digit[i] / 2]);
    }
    *out = r;
}
