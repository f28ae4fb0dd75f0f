/* ring's points and prim's strings (libsodium) are the same group. */
#include <malus/prim.h>
#include <malus/ring.h>
#include "mal_test.h"

static void random_point(uint8_t out[32]) {
    uint8_t s[32];
    mal_prim_scalar_random(s);
    CHECK_OK(mal_prim_point_mul_base(out, s));
}

TEST(sums_differences_and_multiples_agree_with_libsodium) {
    CHECK_OK(mal_prim_init());
    MAL_AUTO(mal_ring_comb_auto) mal_ring_comb *comb = NULL;
    mal_ring_ge g;
    mal_ring_ge_base(&g);
    CHECK_OK(mal_ring_comb_new(&comb, &g));
    for (int n = 0; n < 500; n++) {
        uint8_t a[32], b[32], s[32], want[32], got[32];
        mal_ring_ge p, q, r;
        random_point(a);
        random_point(b);
        mal_prim_scalar_random(s);
        CHECK_OK(mal_ring_ge_decode(&p, a));
        CHECK_OK(mal_ring_ge_decode(&q, b));
        CHECK_OK(mal_prim_point_add(want, a, b));
        mal_ring_ge_add(&r, &p, &q);
        mal_ring_ge_encode(got, &r);
        CHECK(mal_equal(got, want, 32));
        CHECK_OK(mal_prim_point_sub(want, a, b));
        mal_ring_ge_sub(&r, &p, &q);
        mal_ring_ge_encode(got, &r);
        CHECK(mal_equal(got, want, 32));
        CHECK_OK(mal_prim_point_mul(want, s, a));
        mal_ring_ge_mul_vartime(&r, s, &p);
        mal_ring_ge_encode(got, &r);
        CHECK(mal_equal(got, want, 32));
        CHECK_OK(mal_prim_point_mul_base(want, s));
        mal_ring_comb_mul(&r, comb, s);
        mal_ring_ge_encode(got, &r);
        CHECK(mal_equal(got, want, 32));
    }
}

TEST(what_decodes_is_what_libsodium_calls_valid) {
    uint64_t seed = mal_test_seed();
    CHECK_OK(mal_prim_init());
    for (int n = 0; n < 3000; n++) {
        uint8_t in[32];
        mal_ring_ge p;
        for (int i = 0; i < 4; i++)
            mal_store_u64le(in + 8 * i, mal_test_rand(&seed));
        CHECK_EQ(mal_ring_ge_decode(&p, in) == MAL_OK,
                 mal_prim_point_valid(in));
    }
}

TEST(points_hashed_to_the_group_decode) {
    CHECK_OK(mal_prim_init());
    for (uint8_t n = 0; n < 100; n++) {
        uint8_t h[32], again[32];
        mal_ring_ge p;
        CHECK_OK(
            mal_prim_point_hash(h, mal_bytes_str("test"), mal_bytes_of(&n, 1)));
        CHECK_OK(mal_ring_ge_decode(&p, h));
        mal_ring_ge_encode(again, &p);
        CHECK(mal_equal(h, again, 32));
    }
}

TEST_MAIN
