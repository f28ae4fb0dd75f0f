/* prop_field.c - GF(2^128): laws, and the ways held equal. */
#include "ot_parties.h"

TEST(products_obey_the_laws_of_a_field) {
    uint64_t rng = mal_test_seed();
    for (int i = 0; i < 500; i++) {
        mal_ot_block a = block_rand(&rng), b = block_rand(&rng),
                     c = block_rand(&rng), one = { { 1, 0 } };
        CHECK(block_same(mal_ot_mul(a, b), mal_ot_mul(b, a)));
        CHECK(block_same(mal_ot_mul(a, one), a));
        CHECK(block_same(mal_ot_mul(a, mal_ot_mul(b, c)),
                         mal_ot_mul(mal_ot_mul(a, b), c)));
        CHECK(block_same(mal_ot_mul(a, ot_xor(b, c)),
                         ot_xor(mal_ot_mul(a, b), mal_ot_mul(a, c))));
    }
}

TEST(x_to_the_128_is_the_modulus) {
    mal_ot_block x64 = { { 0, 1 } };
    mal_ot_block want = { { 0x87, 0 } };
    CHECK(block_same(mal_ot_mul(x64, x64), want));
}

/* Frobenius: 2^128 - 1 = 3 * 5 * 17 * 257 * 641 * 65537 * ...; here a^(2^128) =
 * a, and not earlier for x itself. */
TEST(squaring_128_times_is_the_identity) {
    uint64_t rng = mal_test_seed();
    mal_ot_block a = block_rand(&rng), y = a, x = { { 2, 0 } }, z = x;
    for (int i = 0; i < 128; i++) {
        CHECK(i == 0 || !block_same(z, x));
        y = mal_ot_mul(y, y);
        z = mal_ot_mul(z, z);
    }
    CHECK(block_same(y, a));
    CHECK(block_same(z, x));
}

TEST(every_way_gives_the_same_inner_product) {
    static mal_ot_block a[100], b[100];
    uint64_t rng = mal_test_seed();
    for (size_t n = 0; n <= 100; n++) {
        mal_ot_block want = { { 0 } };
        for (size_t i = 0; i < n; i++) {
            a[i] = block_rand(&rng);
            b[i] = block_rand(&rng);
            want = ot_xor(want, mal_ot_mul(a[i], b[i]));
        }
        for (ot_way w = OT_WAY_PLAIN; w <= OT_WAY_WIDE; w++)
            if (ot_ways() >> w & 1)
                CHECK(block_same(ot_inner_by(w, a, b, n), want));
    }
}

TEST(composing_128_elements_is_their_sum_over_powers_of_x) {
    mal_ot_block v[128], want = { { 0 } };
    uint64_t rng = mal_test_seed();
    for (unsigned i = 0; i < 128; i++) {
        mal_ot_block power = { { 0 } };
        power.w[i / 64] = UINT64_C(1) << (i % 64);
        v[i] = block_rand(&rng);
        want = ot_xor(want, mal_ot_mul(v[i], power));
    }
    CHECK(block_same(ot_compose(v), want));
}

TEST_MAIN
