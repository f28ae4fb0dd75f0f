/* Small logarithms come back, at every edge of the range. */
#include <malus/ring.h>
#include "mal_test.h"

static void point_of(mal_ring_ge *p, int64_t m) {
    uint8_t s[32] = { 0 };
    mal_ring_ge g;
    mal_ring_ge_base(&g);
    mal_store_u64le(s, m < 0 ? (uint64_t)0 - (uint64_t)m : (uint64_t)m);
    mal_ring_ge_mul_vartime(p, s, &g);
    if (m < 0)
        mal_ring_ge_neg(p, p);
}

static void check_found(const int64_t *want, size_t n, uint64_t bound) {
    mal_ring_ge p[64];
    int64_t m[64];
    for (size_t i = 0; i < n; i++)
        point_of(&p[i], want[i]);
    CHECK_OK(mal_ring_dlog_vartime(m, p, n, bound, 2, NULL));
    for (size_t i = 0; i < n; i++)
        CHECK_EQ(m[i], want[i]);
}

TEST(every_answer_of_a_small_range_is_found) {
    for (int64_t m = -40; m <= 40; m++)
        check_found(&m, 1, 41);
    int64_t zero = 0;
    check_found(&zero, 1, 1);
}

TEST(random_answers_and_both_edges_are_found_for_many_bounds) {
    uint64_t seed = mal_test_seed();
    for (unsigned bits = 2; bits <= 34; bits += 4) {
        const uint64_t bound = ((uint64_t)1 << bits) + 3;
        int64_t want[12];
        for (int i = 0; i < 12; i++)
            want[i] = (int64_t)(mal_test_rand(&seed) % (2 * bound - 1)) -
                      (int64_t)bound + 1;
        want[0] = (int64_t)bound - 1;
        want[1] = -(int64_t)bound + 1;
        want[2] = 0;
        check_found(want, 12, bound);
    }
}

TEST(the_largest_bound_works) {
    const int64_t top = ((int64_t)1 << 40) - 1;
    const int64_t want[3] = { top, -top, 123456789012 };
    check_found(want, 3, MAL_RING_DLOG_BOUND_MAX);
}

TEST(other_representatives_of_an_element_have_the_same_logarithm) {
    mal_ring_ge p;
    uint8_t bytes[32];
    int64_t m;
    point_of(&p, -4242);
    mal_ring_ge_encode(bytes, &p);
    CHECK_OK(mal_ring_ge_decode(&p, bytes));
    CHECK_OK(mal_ring_dlog_vartime(&m, &p, 1, 5000, 1, NULL));
    CHECK_EQ(m, -4242);
}

TEST(refuses_a_logarithm_outside_the_bound_and_names_it) {
    mal_ring_ge p[2];
    int64_t m[2] = { 1, 1 };
    const int64_t outside[] = { 1000, -1000, 1001, 1 << 20 };
    for (int i = 0; i < 4; i++) {
        point_of(&p[0], 5);
        point_of(&p[1], outside[i]);
        CHECK_ERR(mal_ring_dlog_vartime(m, p, 2, 1000, 1, NULL), MAL_E_INPUT);
        CHECK(strstr(mal_err_message(), "1000") != NULL);
        CHECK_EQ(m[0], 0);
    }
}

TEST(refuses_bounds_and_counts_out_of_range) {
    mal_ring_ge p;
    int64_t m;
    mal_ring_ge_zero(&p);
    CHECK_ERR(mal_ring_dlog_vartime(&m, &p, 0, 10, 1, NULL), MAL_E_INPUT);
    CHECK_ERR(mal_ring_dlog_vartime(&m, &p, 1, 0, 1, NULL), MAL_E_INPUT);
    CHECK_ERR(
        mal_ring_dlog_vartime(&m, &p, 1, MAL_RING_DLOG_BOUND_MAX + 1, 1, NULL),
        MAL_E_INPUT);
}

TEST(every_failed_allocation_is_told) {
    mal_ring_ge p;
    int64_t m;
    mal_err err = MAL_E_MEMORY;
    point_of(&p, 77);
    for (uint64_t n = 1; err != MAL_OK; n++) {
        mal_alloc_fail_at(n);
        err = mal_ring_dlog_vartime(&m, &p, 1, 100000, 2, NULL);
        mal_alloc_fail_at(0);
        CHECK(err == MAL_OK || err == MAL_E_MEMORY);
        CHECK(n < 100);
    }
    CHECK_EQ(m, 77);
}

TEST_MAIN
