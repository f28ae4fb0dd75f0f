/* prop_hide.c - what the messages of psi must not show: equal plaintexts never
 * make equal points, in one run or in two, and the sum of randomisers that goes
 * back does not tell which rows it is of.  Sums would come out right without.
 */
#include "psi_parties.h"

#include <malus/ring.h>

#include <stdlib.h>

enum { KEYS = 6, CELLS = 3, AGGS = 2, WORDS = CELLS * AGGS };

/* All values and all noise are 0; every key matches, and there are no dummies.
 */
static void run(mal_buf *p1, mal_buf *p2, mal_buf *answer) {
    uint64_t seed = mal_test_seed();
    psi_run r;
    psi_new(&r, KEYS, KEYS, 0, CELLS, AGGS, &seed);
    r.filter_params.filter_max = r.payload_params.filter_max = KEYS;
    r.filter_params.payload_max = r.payload_params.payload_max = KEYS;
    memset(r.values, 0, KEYS * WORDS * 8);
    r.filter.noise = r.payload.noise = NULL;
    r.p1.all = p1;
    r.p2.all = p2;
    psi_go(&r);
    CHECK_EQ(r.err1, MAL_OK);
    CHECK_EQ(r.err2, MAL_OK);
    CHECK_EQ(r.report1.matches, KEYS);
    CHECK_OK(mal_buf_put(answer, mal_buf_view(&r.ciphertexts)));
    psi_done(&r);
}

static int by_point(const void *a, const void *b) {
    return memcmp(a, b, 32);
}

TEST(no_point_comes_twice_in_a_run_nor_in_two) {
    MAL_AUTO(mal_buf_clear) mal_buf all = { 0 };
    for (int i = 0; i < 2; i++) { /* the same session id, keys and values */
        MAL_AUTO(mal_buf_clear) mal_buf p1 = { 0 };
        MAL_AUTO(mal_buf_clear) mal_buf p2 = { 0 };
        MAL_AUTO(mal_buf_clear) mal_buf answer = { 0 };
        run(&p1, &p2, &answer);
        CHECK_EQ(p1.len, 32 * (KEYS + 1 + 2 * WORDS));
        CHECK_EQ(p2.len, 32 * (KEYS + WORDS + KEYS * (2 + WORDS)));
        CHECK_EQ(answer.len, 64 * WORDS);
        CHECK_OK(mal_buf_put(&all, mal_buf_view(&p1)));
        CHECK_OK(mal_buf_put(&all, mal_buf_view(&p2)));
        CHECK_OK(mal_buf_put(&all, mal_buf_view(&answer)));
    }
    size_t n = all.len / 32;
    qsort(all.ptr, n, 32, by_point);
    for (size_t i = 1; i < n; i++)
        CHECK(by_point(all.ptr + 32 * i, all.ptr + 32 * (i - 1)) != 0);
}

/* P2 knows all A_j: were A their sum over the matches, it would try which. */
TEST(the_sum_of_randomisers_is_masked) {
    MAL_AUTO(mal_buf_clear) mal_buf p1 = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf p2 = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf answer = { 0 };
    run(&p1, &p2, &answer);
    mal_ring_ge sum, one;
    uint8_t bytes[32];
    mal_ring_ge_zero(&sum);
    const uint8_t *rows = p2.ptr + 32 * (KEYS + WORDS);
    for (int j = 0; j < KEYS; j++) {
        CHECK_OK(mal_ring_ge_decode(&one, rows + 32 * (j * (2 + WORDS) + 1)));
        mal_ring_ge_add(&sum, &sum, &one);
    }
    mal_ring_ge_encode(bytes, &sum);
    CHECK(!mal_equal(bytes, p1.ptr + 32 * KEYS, 32));
}

TEST_MAIN
