/* Proofs of products: the rings they calculate in, their fast twins, and that a
 * right record is accepted at every size and a wrong one is not. */
#include "../proof_bits.h"
#include "../proof_words.h"
#include "share3_parties.h"

static void ring_laws(const proof_ring *ring) {
    uint64_t x[PROOF_WORDS_MAX], y[PROOF_WORDS_MAX], z[PROOF_WORDS_MAX],
        a[PROOF_WORDS_MAX], b[PROOF_WORDS_MAX], one[PROOF_WORDS_MAX];
    const size_t bytes = 8 * ring->words;
    memset(one, 0, sizeof one);
    one[0] = 1;
    for (unsigned i = 0; i < 20; i++) {
        mal_test_fill(x, PROOF_WORDS_MAX);
        mal_test_fill(y, PROOF_WORDS_MAX);
        mal_test_fill(z, PROOF_WORDS_MAX);
        ring->mul(a, x, y);
        ring->mul(b, y, x);
        CHECK(mal_equal(a, b, bytes));
        ring->mul(a, a, z);
        ring->mul(b, y, z);
        ring->mul(b, x, b);
        CHECK(mal_equal(a, b, bytes));
        ring->add(a, y, z);
        ring->mul(a, x, a);
        ring->mul(b, x, y);
        ring->mul(y, x, z);
        ring->add(b, b, y);
        CHECK(mal_equal(a, b, bytes));
        ring->mul(a, one, z);
        CHECK(mal_equal(a, z, bytes));
    }
    uint64_t zero[PROOF_WORDS_MAX] = { 0 };
    ring->challenge(x, 0);
    CHECK(!mal_equal(x, zero, bytes));
}

TEST(both_rings_are_rings_and_no_challenge_is_zero) {
    ring_laws(&share3_ring_bits);
    ring_laws(&share3_ring_words);
}

/* --- Kernels ----------------------------------------------------------------
 */

typedef struct vectors {
    share3_record r;
    uint64_t *all;
    size_t n;
} vectors;

static void vectors_new(vectors *w, size_t n) {
    w->n = n;
    w->all = calloc(6 * n + 1, 8);
    mal_test_fill(w->all, 6 * n);
    w->r = (share3_record){ .n = n,
                            .x = { w->all, w->all + n },
                            .y = { w->all + 2 * n, w->all + 3 * n },
                            .e = { w->all + 4 * n, w->all + 5 * n } };
}

TEST(the_fast_twin_equals_the_plain_one) {
    const proof_bits_kernels *fast = &share3_proof_bits_gfni,
                             *slow = &share3_proof_bits_plain;
    static uint64_t sum[2][PROOF_POINTS_MAX][2], corner[PROOF_CORNERS_MAX],
        theta[PROOF_LANES * 19];
    if (!fast->usable()) {
        printf("# this machine has no gfni\n");
        return;
    }
    mal_test_fill(corner, PROOF_CORNERS_MAX);
    mal_test_fill(theta, PROOF_LANES * 19);
    for (unsigned v = 3; v <= 6; v++)
        for (size_t blocks = 1; blocks < 20; blocks += 6) {
            const size_t rows = 64 * PROOF_LANES * blocks;
            uint64_t *z = calloc(2 * rows, 8);
            vectors w;
            vectors_new(&w, (PROOF_LANES * blocks) << v);
            memset(sum, 0, sizeof sum);
            fast->points(sum[0], &w.r, theta, v, blocks);
            slow->points(sum[1], &w.r, theta, v, blocks);
            for (size_t i = 0; i < share3_points(v); i++)
                CHECK(share3_gf64_reduce(sum[0][i][0], sum[0][i][1]) ==
                      share3_gf64_reduce(sum[1][i][0], sum[1][i][1]));
            fast->evaluate(z, w.r.x[0], corner, v, blocks);
            slow->evaluate(z + rows, w.r.x[0], corner, v, blocks);
            CHECK(mal_equal(z, z + rows, 8 * rows));
            fast->weigh(z, theta, blocks);
            slow->weigh(z + rows, theta, blocks);
            CHECK(mal_equal(z, z + rows, 8 * rows));
            memset(sum, 0, sizeof sum);
            fast->claim(sum[0], w.r.e[0], theta, v, blocks);
            slow->claim(sum[1], w.r.e[0], theta, v, blocks);
            CHECK(mal_equal(sum[0], sum[1], sizeof sum[0]));
            free(z);
            free(w.all);
        }
}

TEST(the_fast_folds_equal_the_plain_ones) {
    const proof_bits_kernels *fast = &share3_proof_bits_gfni,
                             *slow = &share3_proof_bits_plain;
    static uint64_t sum[2][PROOF_POINTS_MAX][2], corner[PROOF_CORNERS_MAX];
    if (!fast->usable())
        return;
    mal_test_fill(corner, PROOF_CORNERS_MAX);
    for (unsigned v = 1; v <= 6; v++)
        for (size_t m = 1; m < 40; m += m < 18 ? 1 : 7) {
            const size_t n = m << v;
            uint64_t *a = calloc(4 * n, 8), *b = a + n, *z = b + n;
            mal_test_fill(a, 2 * n);
            memset(sum, 0, sizeof sum);
            fast->fold_points(sum[0], a, b, v, m);
            slow->fold_points(sum[1], a, b, v, m);
            CHECK(mal_equal(sum[0], sum[1], sizeof sum[0]));
            fast->fold(z, a, corner, v, m);
            slow->fold(z + n, a, corner, v, m);
            CHECK(mal_equal(z, z + n, 8 * m));
            free(a);
        }
}

TEST(the_fast_twin_of_words_equals_the_plain_one) {
    const proof_words_kernels *fast = &share3_proof_words_avx512,
                              *slow = &share3_proof_words_plain;
    static uint64_t p[2][PROOF_POINTS_MAX * PROOF_WORDS_MAX],
        corner[PROOF_CORNERS_MAX * PROOF_WORDS_MAX], theta[PROOF_LANES * 10];
    if (!fast->usable()) {
        printf("# this machine has no avx512\n");
        return;
    }
    mal_test_fill(corner, PROOF_CORNERS_MAX * PROOF_WORDS_MAX);
    mal_test_fill(theta, PROOF_LANES * 10);
    for (unsigned v = 0; v <= 6; v++)
        for (size_t blocks = 1; blocks < 10; blocks++) {
            const size_t bytes = 8 * PROOF_WORDS_MAX * share3_points(v),
                         n = PROOF_LANES * blocks * PROOF_WORDS_MAX;
            uint64_t *z = calloc(2 * n, 8);
            vectors w;
            vectors_new(&w, (PROOF_LANES * blocks) << v);
            CHECK_OK(fast->points(p[0], &w.r, theta, v, blocks));
            CHECK_OK(slow->points(p[1], &w.r, theta, v, blocks));
            CHECK_THAT(mal_equal(p[0], p[1], bytes), "points: %u variables", v);
            fast->evaluate(z, w.r.x[0], corner, v, blocks);
            slow->evaluate(z + n, w.r.x[0], corner, v, blocks);
            CHECK_THAT(mal_equal(z, z + n, 8 * n), "values: %u variables", v);
            fast->weigh(z, theta, blocks);
            slow->weigh(z + n, theta, blocks);
            CHECK_THAT(mal_equal(z, z + n, 8 * n), "weights: %u variables", v);
            fast->claim(p[0], w.r.e[0], theta, v, blocks);
            slow->claim(p[1], w.r.e[0], theta, v, blocks);
            CHECK_THAT(mal_equal(p[0], p[1], (8 * PROOF_WORDS_MAX) << v),
                       "claim: %u variables", v);
            free(z);
            free(w.all);
        }
}

TEST(the_fast_folds_of_words_equal_the_plain_ones) {
    const proof_words_kernels *fast = &share3_proof_words_avx512,
                              *slow = &share3_proof_words_plain;
    static uint64_t p[2][81 * PROOF_WORDS_MAX], corner[16 * PROOF_WORDS_MAX];
    if (!fast->usable())
        return;
    mal_test_fill(corner, 16 * PROOF_WORDS_MAX);
    for (unsigned v = 1; v <= 4; v++)
        for (size_t m = 1; m < 40; m += m < 18 ? 1 : 7) {
            const size_t n = (m << v) * PROOF_WORDS_MAX;
            uint64_t *a = calloc(4 * n, 8), *b = a + n, *z = b + n;
            mal_test_fill(a, 2 * n);
            CHECK_OK(fast->fold_points(p[0], a, b, v, m));
            CHECK_OK(slow->fold_points(p[1], a, b, v, m));
            CHECK_THAT(
                mal_equal(p[0], p[1], 8 * PROOF_WORDS_MAX * share3_points(v)),
                "points: %u variables, %zu", v, m);
            fast->fold(z, a, corner, v, m);
            slow->fold(z + n, a, corner, v, m);
            CHECK_THAT(mal_equal(z, z + n, 8 * m * PROOF_WORDS_MAX),
                       "fold: %u variables, %zu", v, m);
            free(a);
        }
}

/* --- Definitions ------------------------------------------------------------
 */

/* c [3^v]: what the value at a point counts at r; corners the same way. */
static void coefficients(const proof_ring *ring, uint64_t *point,
                         uint64_t *corner, const uint64_t *r, unsigned v) {
    uint64_t one[PROOF_WORDS_MAX] = { 1 }, part[3][PROOF_WORDS_MAX];
    const unsigned words = ring->words;
    for (size_t i = 0; i < share3_points(v); i++) {
        uint64_t *z = point + i * words;
        size_t rest = i, number = 0;
        bool is_corner = true;
        memset(z, 0, 8 * words);
        z[0] = 1;
        for (unsigned t = 0; t < v; t++, rest /= 3) {
            const uint64_t *rt = r + t * words;
            ring->sub(part[0], one, rt);
            memcpy(part[1], rt, 8 * words);
            ring->mul(part[2], rt, rt);
            ring->sub(part[2], part[2], rt);
            ring->mul(z, z, part[rest % 3]);
            is_corner = is_corner && rest % 3 < 2;
            number |= (rest % 3 & 1) << t;
        }
        if (is_corner)
            memcpy(corner + number * words, z, 8 * words);
    }
}

static void draw(const proof_ring *ring, uint64_t *r, unsigned v) {
    uint64_t random[PROOF_VARS_MAX];
    mal_test_fill(random, PROOF_VARS_MAX);
    for (unsigned t = 0; t < v; t++)
        ring->challenge(r + t * ring->words, random[t]);
}

/* Values at points, extrapolated to r, are the product of what is at r. */
static void step_one(const proof_ring *ring, unsigned v, size_t blocks) {
    const unsigned words = ring->words;
    const size_t rows = PROOF_LANES * ring->rows * blocks,
                 n = share3_points(v) * words;
    uint64_t *p = calloc(2 * n, 8), *point = p + n,
             *z = calloc(5 * rows * words, 8), r[6 * PROOF_WORDS_MAX],
             theta[PROOF_LANES * 4], corner[64 * PROOF_WORDS_MAX];
    uint64_t got[PROOF_WORDS_MAX], want[PROOF_WORDS_MAX] = { 0 },
                                   a[PROOF_WORDS_MAX];
    vectors w;
    vectors_new(&w, (PROOF_LANES * blocks) << v);
    for (size_t i = 0; i < w.n; i++) /* claims that are true, e being one */
        w.r.e[0][i] =
            ring->rows == 64
                ? (w.r.x[0][i] & w.r.y[1][i]) ^ (w.r.x[1][i] & w.r.y[0][i])
                : w.r.x[0][i] * w.r.y[1][i] + w.r.x[1][i] * w.r.y[0][i];
    mal_test_fill(theta, PROOF_LANES * blocks);
    draw(ring, r, v);
    coefficients(ring, point, corner, r, v);
    CHECK_OK(ring->points(p, &w.r, theta, v, blocks));
    ring->claim(got, w.r.e[0], corner, theta, v, blocks);
    for (size_t i = 0; i < share3_points(v); i++) {
        size_t rest = i;
        while (rest > 0 && rest % 3 < 2)
            rest /= 3;
        if (rest == 0)
            continue; /* a corner */
        ring->mul(a, p + i * words, point + i * words);
        ring->add(got, got, a);
    }
    const uint64_t *const in[4] = { w.r.x[0], w.r.y[1], w.r.x[1], w.r.y[0] };
    for (unsigned k = 0; k < 4; k++)
        ring->evaluate(z + k * rows * words, in[k], corner, v, blocks);
    ring->weigh(z, theta, blocks);
    ring->weigh(z + 2 * rows * words, theta, blocks);
    for (unsigned k = 0; k < 4; k += 2)
        for (size_t i = 0; i < rows; i++) {
            ring->mul(a, z + (k * rows + i) * words,
                      z + ((k + 1) * rows + i) * words);
            ring->add(want, want, a);
        }
    CHECK_THAT(mal_equal(got, want, 8 * words), "%u variables, %zu blocks", v,
               blocks);
    free(w.all);
    free(p);
    free(z);
}

TEST(values_at_points_give_the_value_at_a_challenge) {
    for (size_t blocks = 1; blocks < 4; blocks++) {
        step_one(&share3_ring_bits, 3, blocks);
        step_one(&share3_ring_bits, 6, blocks);
        for (unsigned v = 1; v < 6; v++)
            step_one(&share3_ring_words, v, blocks);
    }
}

static void step_two(const proof_ring *ring, unsigned v, size_t m) {
    const unsigned words = ring->words;
    const size_t n = share3_points(v) * words, all = (m << v) * words;
    uint64_t *p = calloc(2 * n, 8), *point = p + n, *ab = calloc(4 * all, 8),
             r[6 * PROOF_WORDS_MAX], corner[64 * PROOF_WORDS_MAX];
    uint64_t got[PROOF_WORDS_MAX] = { 0 }, want[PROOF_WORDS_MAX] = { 0 },
             x[PROOF_WORDS_MAX];
    mal_test_fill(ab, 2 * all);
    draw(ring, r, v);
    coefficients(ring, point, corner, r, v);
    CHECK_OK(ring->fold_points(p, ab, ab + all, v, m));
    ring->fold(ab + 2 * all, ab, corner, v, m);
    ring->fold(ab + 3 * all, ab + all, corner, v, m);
    for (size_t i = 0; i < share3_points(v); i++) {
        ring->mul(x, p + i * words, point + i * words);
        ring->add(got, got, x);
    }
    for (size_t i = 0; i < m; i++) {
        ring->mul(x, ab + 2 * all + i * words, ab + 3 * all + i * words);
        ring->add(want, want, x);
    }
    CHECK_THAT(mal_equal(got, want, 8 * words), "%u variables, %zu", v, m);
    free(p);
    free(ab);
}

TEST(folds_keep_the_inner_product) {
    for (unsigned v = 1; v < 6; v++)
        for (size_t m = 1; m < 12; m += 5) {
            step_two(&share3_ring_bits, v, m);
            if (v < 4)
                step_two(&share3_ring_words, v, m);
        }
}

/* --- Whole runs --------------------------------------------------------------
 */

typedef struct job {
    size_t n;
    uint64_t *x, *y, *got;
    bool words;
} job;

static mal_err multiply_words(mal_share3 *s, const job *j, uint64_t *got) {
    const bool first = mal_share3_me(s) == 0;
    MAL_AUTO(mal_share3_words_clear) mal_share3_words x = { 0 };
    MAL_AUTO(mal_share3_words_clear) mal_share3_words y = { 0 };
    MAL_TRY(mal_share3_words_input(s, &x, 0, first ? j->x : NULL, j->n));
    MAL_TRY(mal_share3_words_input(s, &y, 0, first ? j->y : NULL, j->n));
    MAL_TRY(mal_share3_mul(s, &y, &x, &y));
    return mal_share3_words_open(s, got, &y);
}

static mal_err multiply_bits(mal_share3 *s, const job *j, uint64_t *got) {
    const bool first = mal_share3_me(s) == 0;
    MAL_AUTO(mal_share3_bits_clear) mal_share3_bits x = { 0 };
    MAL_AUTO(mal_share3_bits_clear) mal_share3_bits y = { 0 };
    MAL_TRY(mal_share3_bits_input(s, &x, 0, first ? j->x : NULL, 64 * j->n, 1));
    MAL_TRY(mal_share3_bits_input(s, &y, 0, first ? j->y : NULL, 64 * j->n, 1));
    MAL_TRY(mal_share3_and(s, &y, &x, &y));
    return mal_share3_bits_open(s, got, &y);
}

static mal_err multiply(mal_share3 *s, void *ctx) {
    const job *j = ctx;
    uint64_t *got = calloc(j->n + 1, 8);
    mal_err err = (j->words ? multiply_words : multiply_bits)(s, j, got);
    for (size_t i = 0; i < j->n && err == MAL_OK; i++)
        CHECK(got[i] == (j->words ? j->x[i] * j->y[i] : j->x[i] & j->y[i]));
    free(got);
    return err;
}

static void accepts(size_t n, bool words) {
    job j = { .n = n, .words = words };
    trio *t = calloc(1, sizeof *t);
    j.x = calloc(n + 1, 8);
    j.y = calloc(n + 1, 8);
    mal_test_fill(j.x, n);
    mal_test_fill(j.y, n);
    trio_init(t);
    for (unsigned i = 0; i < 3; i++)
        t->p[i].options.security = MAL_SHARE3_MALICIOUS;
    trio_go(t, multiply, &j);
    for (unsigned i = 0; i < 3; i++)
        CHECK_THAT(t->p[i].err == MAL_OK, "%zu %s, party %u: %s", n,
                   words ? "words" : "ANDs", i, t->p[i].why);
    free(j.x);
    free(j.y);
    free(t);
}

TEST(right_products_of_any_number_are_accepted) {
    static const size_t sizes[] = {
        1, 2, 4, 5, 31, 32, 33, 64, 65, 1000, 4097
    };
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        accepts(sizes[i], false);
        accepts(sizes[i], true);
    }
}

TEST(a_full_record_is_verified_on_the_way) {
    accepts(SHARE3_RECORD_MAX + 77, false);
}

TEST_MAIN
