/* The field: its constants from their expressions, and its laws at the edges.
 */
#include "../ring_impl.h"
#include "mal_test.h"

static void small(fe *h, uint64_t v) {
    *h = fe_zero;
    h->v[0] = v;
}

TEST(d_is_minus_121665_over_121666) {
    fe a, b, minus;
    small(&a, 121666);
    small(&b, 121665);
    fe_mul(&a, &a, &fe_d);
    fe_neg(&minus, &b);
    CHECK(fe_mask_eq(&a, &minus));
    fe_add(&a, &fe_d, &fe_d);
    CHECK(fe_mask_eq(&a, &fe_2d));
}

TEST(sqrt_m1_squared_is_minus_one_and_it_is_the_even_root) {
    fe a, minus;
    fe_sq(&a, &fe_sqrt_m1);
    fe_neg(&minus, &fe_one);
    CHECK(fe_mask_eq(&a, &minus));
    CHECK(!fe_mask_negative(&fe_sqrt_m1));
}

TEST(invsqrt_a_minus_d_is_the_even_root_of_its_inverse) {
    fe a, b, minus;
    fe_neg(&minus, &fe_one);
    fe_sub(&a, &minus, &fe_d);
    fe_sq(&b, &fe_invsqrt_a_minus_d);
    fe_mul(&a, &a, &b);
    CHECK(fe_mask_eq(&a, &fe_one));
    CHECK(!fe_mask_negative(&fe_invsqrt_a_minus_d));
}

TEST(the_base_point_has_y_four_fifths_and_lies_on_the_curve) {
    ge b;
    fe five, four, t, u;
    mal_ring_ge_base(&b);
    small(&five, 5);
    small(&four, 4);
    fe_mul(&t, &b.y, &five);
    CHECK(fe_mask_eq(&t, &four));
    fe_mul(&t, &b.x, &b.y);
    CHECK(fe_mask_eq(&t, &b.t));
    fe xx, yy, dtt;
    fe_sq(&xx, &b.x);
    fe_sq(&yy, &b.y);
    fe_sq(&dtt, &b.t);
    fe_mul(&dtt, &dtt, &fe_d);
    fe_sub(&t, &yy, &xx);
    fe_add(&u, &fe_one, &dtt);
    CHECK(fe_mask_eq(&t, &u));
}

/* Values around 0 and p in all their representations below 2^255. */
TEST(bytes_are_canonical_whatever_the_limbs) {
    static const uint8_t p[32] = { 0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                   0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                   0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                   0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                   0xff, 0xff, 0xff, 0x7f };
    for (int d = -3; d <= 18; d++) {
        uint8_t in[32], out[32], want[32] = { 0 };
        memcpy(in, p, 32);
        in[0] = (uint8_t)(in[0] + d);
        if (d < 0)
            memcpy(want, in, 32);
        else
            want[0] = (uint8_t)d;
        fe f;
        fe_from_bytes(&f, in);
        fe_to_bytes(out, &f);
        CHECK(mal_equal(out, want, 32));
        CHECK_EQ(fe_mask_zero(&f) != 0, d == 0);
    }
}

TEST(the_largest_loose_limbs_multiply_as_their_reduced_twins) {
    fe big, reduced, a, b;
    for (int i = 0; i < 5; i++)
        big.v[i] = ((uint64_t)1 << 54) - 1;
    reduced = big;
    fe_carry(&reduced);
    fe_mul(&a, &big, &big);
    fe_mul(&b, &reduced, &reduced);
    CHECK(fe_mask_eq(&a, &b));
    fe_sq(&a, &big);
    CHECK(fe_mask_eq(&a, &b));
    for (int i = 0; i < 5; i++)
        CHECK(a.v[i] < (uint64_t)1 << 52);
}

TEST(inverses_multiply_to_one_and_zero_stays_zero) {
    uint64_t seed = mal_test_seed();
    fe f[9], inv[9], scratch[9], one;
    for (int i = 0; i < 9; i++) {
        for (int k = 0; k < 5; k++)
            f[i].v[k] = mal_test_rand(&seed) & FE_MASK;
        if (i % 4 == 0)
            f[i] = fe_zero;
        inv[i] = f[i];
    }
    fe_invert_all(inv, scratch, 9);
    for (int i = 0; i < 9; i++) {
        fe_invert(&one, &f[i]);
        CHECK(fe_mask_eq(&one, &inv[i]));
        fe_mul(&one, &f[i], &inv[i]);
        CHECK(fe_mask_eq(&one, i % 4 ? &fe_one : &fe_zero));
    }
}

TEST(squares_are_mul_by_itself_and_roots_come_back) {
    uint64_t seed = mal_test_seed();
    for (int n = 0; n < 200; n++) {
        fe f, a, b, r;
        for (int k = 0; k < 5; k++)
            f.v[k] = mal_test_rand(&seed) & FE_MASK;
        fe_sq(&a, &f);
        fe_mul(&b, &f, &f);
        CHECK(fe_mask_eq(&a, &b));
        CHECK(fe_sqrt_ratio(&r, &a, &fe_one));
        fe_abs(&f);
        CHECK(fe_mask_eq(&r, &f));
        fe_mul(&b, &a, &fe_sqrt_m1); /* i is not a square: nor is i f^2 */
        CHECK(!fe_sqrt_ratio(&r, &b, &fe_one));
    }
}

TEST_MAIN
