/* Laws of the group on random points: they hold for every representative. */
#include "../ring_impl.h"
#include "mal_test.h"

static void random_scalar(uint8_t s[32], uint64_t *seed) {
    for (int i = 0; i < 4; i++)
        mal_store_u64le(s + 8 * i, mal_test_rand(seed));
    s[31] &= 0x0f; /* below 2^252, so below l */
}

static void random_point(ge *p, uint64_t *seed) {
    uint8_t s[32];
    ge g;
    random_scalar(s, seed);
    mal_ring_ge_base(&g);
    mal_ring_ge_mul_vartime(p, s, &g);
}

/* The four points of order dividing 4: (0,1), (i,0), (0,-1), (-i,0). */
static void torsion(ge *t, int k) {
    mal_ring_ge_zero(t);
    if (k & 1) {
        t->x = fe_sqrt_m1;
        t->y = fe_zero;
    }
    if (k & 2) {
        fe_neg(&t->x, &t->x);
        fe_neg(&t->y, &t->y);
    }
}

TEST(addition_commutes_associates_and_inverts) {
    uint64_t seed = mal_test_seed();
    for (int n = 0; n < 50; n++) {
        ge a, b, c, l, r;
        random_point(&a, &seed);
        random_point(&b, &seed);
        random_point(&c, &seed);
        mal_ring_ge_add(&l, &a, &b);
        mal_ring_ge_add(&r, &b, &a);
        CHECK(mal_ring_ge_mask_eq(&l, &r));
        mal_ring_ge_add(&l, &l, &c);
        mal_ring_ge_add(&r, &b, &c);
        mal_ring_ge_add(&r, &a, &r);
        CHECK(mal_ring_ge_mask_eq(&l, &r));
        mal_ring_ge_sub(&l, &l, &c);
        mal_ring_ge_sub(&l, &l, &b);
        CHECK(mal_ring_ge_mask_eq(&l, &a));
        CHECK(!mal_ring_ge_mask_eq(&l, &b));
        mal_ring_ge_double(&l, &a);
        mal_ring_ge_add(&r, &a, &a);
        CHECK(mal_ring_ge_mask_eq(&l, &r));
        mal_ring_ge_sub(&l, &a, &a);
        mal_ring_ge_zero(&r);
        CHECK(mal_ring_ge_mask_eq(&l, &r));
    }
}

TEST(all_representatives_of_an_element_encode_alike) {
    uint64_t seed = mal_test_seed();
    for (int n = 0; n < 50; n++) {
        ge p, q, t;
        uint8_t a[32], b[32];
        random_point(&p, &seed);
        if (n == 0)
            mal_ring_ge_zero(&p);
        mal_ring_ge_encode(a, &p);
        for (int k = 1; k < 4; k++) {
            torsion(&t, k);
            mal_ring_ge_add(&q, &p, &t);
            mal_ring_ge_encode(b, &q);
            CHECK(mal_equal(a, b, 32));
            CHECK(mal_ring_ge_mask_eq(&p, &q));
        }
        CHECK_OK(mal_ring_ge_decode(&q, a));
        CHECK(mal_ring_ge_mask_eq(&p, &q));
    }
}

TEST(the_batch_encodes_doubles_as_encode_does) {
    uint64_t seed = mal_test_seed();
    ge p[33], t;
    fe scratch[33];
    uint8_t batch[33][32], one[32];
    for (int n = 0; n < 4; n++) {
        for (int i = 0; i < 33; i++) {
            random_point(&p[i], &seed);
            torsion(&t, (int)(mal_test_rand(&seed) & 3));
            if (i % 8 == 0)
                mal_ring_ge_zero(&p[i]);
            mal_ring_ge_add(&p[i], &p[i], &t);
        }
        mal_ring_ge_encode_doubled(batch, p, scratch, 33);
        for (int i = 0; i < 33; i++) {
            mal_ring_ge_double(&t, &p[i]);
            mal_ring_ge_encode(one, &t);
            CHECK(mal_equal(one, batch[i], 32));
        }
    }
}

TEST(the_comb_multiplies_as_the_plain_way_does) {
    uint64_t seed = mal_test_seed();
    for (int n = 0; n < 3; n++) {
        ge p, a, b;
        MAL_AUTO(mal_ring_comb_auto) mal_ring_comb *comb = NULL;
        random_point(&p, &seed);
        CHECK_OK(mal_ring_comb_new(&comb, &p));
        for (int i = 0; i < 60; i++) {
            uint8_t s[32];
            random_scalar(s, &seed);
            if (i < 20) /* edges: 0, 1, 7, 8, 9, then runs of one nibble */
                memset(s, i < 10 ? 0 : (i - 4) * 0x11, 32), s[0] = (uint8_t)i;
            s[31] &= 0x1f;
            mal_ring_comb_mul(&a, comb, s);
            mal_ring_ge_mul_vartime(&b, s, &p);
            CHECK(mal_ring_ge_mask_eq(&a, &b));
        }
    }
}

TEST(multiplying_adds_in_the_exponent) {
    uint64_t seed = mal_test_seed();
    for (int n = 0; n < 50; n++) {
        ge p, a, b, c;
        uint8_t s[32] = { 0 }, t[32] = { 0 }, u[32] = { 0 };
        uint64_t x = mal_test_rand(&seed) >> 1, y = mal_test_rand(&seed) >> 1;
        random_point(&p, &seed);
        mal_store_u64le(s, x);
        mal_store_u64le(t, y);
        mal_store_u64le(u, x + y);
        mal_ring_ge_mul_vartime(&a, s, &p);
        mal_ring_ge_mul_vartime(&b, t, &p);
        mal_ring_ge_mul_vartime(&c, u, &p);
        mal_ring_ge_add(&a, &a, &b);
        CHECK(mal_ring_ge_mask_eq(&a, &c));
    }
}

TEST(a_failed_allocation_of_a_comb_is_told) {
    ge g;
    mal_ring_comb *comb;
    mal_ring_ge_base(&g);
    mal_alloc_fail_at(1);
    CHECK_ERR(mal_ring_comb_new(&comb, &g), MAL_E_MEMORY);
    mal_alloc_fail_at(0);
    CHECK(comb == NULL);
}

TEST_MAIN
