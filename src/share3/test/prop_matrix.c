/* Products of matrices: what comes out, with one claim for each result; that a
 * claim is an inner product of elements, and that no error hides in it. */
#include "../proof_matrix.h"
#include "../proof_words.h"
#include "share3_parties.h"

#define D SHARE3_GALOIS

static uint64_t seed;

static void fill(uint64_t *v, size_t n) {
    if (!seed)
        seed = mal_test_seed();
    for (size_t i = 0; i < n; i++)
        v[i] = mal_test_rand(&seed);
}

/* --- Results ----------------------------------------------------------------
 */

typedef struct job {
    size_t rows, len, vectors;
    uint64_t *a, *x;
    mal_share3_security security;
} job;

static mal_err multiply(mal_share3 *s, void *ctx) {
    const job *j = ctx;
    const bool first = mal_share3_me(s) == 0;
    MAL_AUTO(mal_share3_words_clear)
    mal_share3_words a = { 0 }, x = { 0 }, z = { 0 };
    const size_t results = j->rows * j->vectors;
    uint64_t *got = calloc(results, 8);
    MAL_TRY(mal_share3_words_input(s, &a, 0, first ? j->a : NULL,
                                   j->rows * j->len));
    MAL_TRY(mal_share3_words_input(s, &x, 0, first ? j->x : NULL,
                                   j->vectors * j->len));
    for (unsigned again = 0; again < 2; again++) /* a z that has been used */
        MAL_TRY(mal_share3_matmul(s, &z, &a, &x, j->len));
    MAL_TRY(mal_share3_words_open(s, got, &z));
    for (size_t i = 0; i < results; i++) {
        uint64_t want = 0;
        for (size_t k = 0; k < j->len; k++)
            want +=
                j->a[i % j->rows * j->len + k] * j->x[i / j->rows * j->len + k];
        CHECK_THAT(got[i] == want, "%zu x %zu times %zu: result %zu", j->rows,
                   j->len, j->vectors, i);
    }
    free(got);
    return MAL_OK;
}

static void run(size_t rows, size_t len, size_t vectors,
                mal_share3_security security) {
    static trio t;
    job j = { rows, len, vectors, NULL, NULL, security };
    j.a = calloc(rows * len, 8);
    j.x = calloc(vectors * len, 8);
    fill(j.a, rows * len);
    fill(j.x, vectors * len);
    trio_init(&t);
    for (unsigned i = 0; i < 3; i++)
        t.p[i].options.security = security;
    trio_go(&t, multiply, &j);
    for (unsigned i = 0; i < 3; i++)
        CHECK_THAT(t.p[i].err == MAL_OK, "%zu x %zu times %zu, party %u: %s",
                   rows, len, vectors, i, t.p[i].why);
    free(j.a);
    free(j.x);
}

TEST(a_matrix_times_vectors_is_what_it_must_be) {
    static const size_t shapes[][3] = {
        { 1, 1, 1 },    { 2, 1, 1 },   { 1, 2, 1 },    { 1, 1, 2 },
        { 5, 3, 1 },    { 3, 5, 2 },   { 17, 64, 8 },  { 64, 17, 9 },
        { 31, 427, 1 }, { 427, 3, 1 }, { 2, 30, 100 }, { 200, 5, 24 },
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int k = MAL_SHARE3_SEMI_HONEST; k <= MAL_SHARE3_MALICIOUS; k++)
            run(shapes[i][0], shapes[i][1], shapes[i][2],
                (mal_share3_security)k);
}

TEST(what_does_not_fit_is_proved_on_the_way) {
    run(3, SHARE3_MATRIX_LEN + 5, 2, MAL_SHARE3_MALICIOUS);
    run(70, 4001, 9, MAL_SHARE3_MALICIOUS);
    run(5000, 2, 10 * SHARE3_MATRIX_VECTORS, MAL_SHARE3_MALICIOUS);
}

static mal_err refused(mal_share3 *s, void *ctx) {
    MAL_AUTO(mal_share3_words_clear) mal_share3_words a = { 0 }, z = { 0 };
    (void)ctx;
    MAL_TRY(mal_share3_words_new(s, &a, 6));
    CHECK(mal_share3_matmul(s, &z, &a, &a, 0) == MAL_E_INPUT);
    CHECK(mal_share3_matmul(s, &z, &a, &a, 4) == MAL_E_INPUT);
    CHECK(mal_share3_matmul(s, &z, &a, &z, 3) == MAL_E_INPUT);
    return mal_share3_matmul(s, &z, &a, &a, 3);
}

TEST(shapes_that_do_not_fit_are_refused) {
    static trio t;
    trio_init(&t);
    trio_go(&t, refused, NULL);
    for (unsigned i = 0; i < 3; i++)
        CHECK_THAT(t.p[i].err == MAL_OK, "party %u: %s", i, t.p[i].why);
}

/* --- Claims -----------------------------------------------------------------
 */

TEST(the_fast_weights_equal_the_plain_ones) {
    const proof_matrix_kernels *fast = &share3_proof_matrix_avx512,
                               *slow = &share3_proof_matrix_plain;
    static uint64_t z[2][23 * D], a[200 * 25], theta[200];
    if (!fast->usable()) {
        printf("# this machine has no avx512\n");
        return;
    }
    for (size_t rows = 1; rows < 200; rows += 1 + rows / 3)
        for (size_t len = 1; len < 23; len++) {
            fill(z[0], 23 * D);
            memcpy(z[1], z[0], sizeof z[0]);
            fill(a, 200 * 25);
            fill(theta, 200);
            fast->weigh(z[0], a, 25, theta, rows, len);
            slow->weigh(z[1], a, 25, theta, rows, len);
            CHECK_THAT(mal_equal(z[0], z[1], sizeof z[0]), "%zu x %zu", rows,
                       len);
        }
}

/* Two claims, of which one has more vectors. */
typedef struct claims {
    share3_matrix claim[2];
    share3_matrices m;
    uint64_t a[2][400], x[2][(40 + 8) * SHARE3_MATRIX_VECTORS], e[2][100];
    uint64_t theta[30], u[2][(40 + 8) * D];
} claims;

static void claims_fill(claims *c) {
    fill(c->a[0], 800);
    memset(c->x, 0, sizeof c->x);
    memset(c->e, 0, sizeof c->e);
    fill(c->theta, 30);
    c->claim[0] =
        (share3_matrix){ .rows = 11, .len = 17, .vectors = 1, .e_stride = 1 };
    c->claim[1] = (share3_matrix){
        .rows = 7, .len = 20, .vectors = 5, .a = 187, .e = 11, .e_stride = 6
    };
    c->m = (share3_matrices){ .held = { 37, 327, 53 },
                              .n = 2,
                              .rows = 18,
                              .vectors = 5,
                              .claim = c->claim };
    for (unsigned p = 0; p < 2; p++) {
        c->m.a[p] = c->a[p];
        c->m.x[p] = c->x[p];
        c->m.e[p] = c->e[p];
        for (size_t k = 0; k < 37; k++)
            fill(c->x[p] + k * SHARE3_MATRIX_VECTORS, k < 17 ? 1 : 5);
        memset(c->u[p], 0, sizeof c->u[p]);
        share3_matrices_weigh(c->u[p], &c->m, p, c->theta);
    }
}

/* e = sum_k a_k x_k, of part p. */
static void claims_true(claims *c, unsigned p) {
    for (unsigned i = 0; i < 2; i++) {
        const share3_matrix *q = &c->claim[i];
        const uint64_t *x = c->x[p] + (i ? 17 * SHARE3_MATRIX_VECTORS : 0);
        for (size_t j = 0; j < q->rows; j++)
            for (unsigned v = 0; v < q->vectors; v++)
                for (size_t k = 0; k < q->len; k++)
                    c->e[p][q->e + j * q->e_stride + v] +=
                        c->a[p][q->a + j * q->len + k] *
                        x[k * SHARE3_MATRIX_VECTORS + v];
    }
}

static bool is_zero(const uint64_t *z) {
    uint64_t any = 0;
    for (unsigned i = 0; i < D; i++)
        any |= z[i];
    return any == 0;
}

TEST(weighed_results_are_an_inner_product_of_elements) {
    static claims c;
    for (unsigned p = 0; p < 2; p++) {
        uint64_t sum[D] = { 0 };
        claims_fill(&c);
        claims_true(&c, p);
        share3_matrices_claim(sum, &c.m, p, c.theta);
        CHECK(!is_zero(sum));
        share3_matrices_less(sum, &c.m, p, c.u[p]);
        CHECK(is_zero(sum));
    }
}

/* 2^63 is zero times any even word; equal errors in two rows, in two vectors,
 * in all, must not cancel. */
TEST(no_wrong_result_hides_behind_others) {
    static const uint64_t errors[] = { 1, UINT64_C(1) << 63, ~UINT64_C(0) };
    static claims c;
    claims_fill(&c);
    for (unsigned i = 0; i < 53 * 3; i++)
        for (unsigned other = 0; other < 53; other++) {
            uint64_t sum[D] = { 0 };
            const unsigned at = i / 3;
            if (at >= 11 && (at - 11) % 6 == 5)
                continue; /* of nobody's */
            memset(c.e, 0, sizeof c.e);
            c.e[0][at] = errors[i % 3];
            if (other != at && !(other >= 11 && (other - 11) % 6 == 5))
                c.e[0][other] = 0 - errors[i % 3];
            share3_matrices_claim(sum, &c.m, 0, c.theta);
            CHECK_THAT(!is_zero(sum), "errors at %u and %u", at, other);
        }
}

/* The sum over all numbers, of elements made of words, is what the polynomial
 * through 2^v pieces gives at corners, and at r that of what is folded. */
static void folds(unsigned v) {
    static claims c;
    const proof_ring *ring = &share3_ring_words;
    const size_t n = (37 + ((size_t)1 << v) - 1) >> v;
    uint64_t at[SHARE3_MATRIX_POINTS * D] = { 0 }, corner[8 * D] = { 0 },
                                       z[40 * D], w[40 * D], want[D] = { 0 },
                                       got[D] = { 0 }, one[D];
    claims_fill(&c);
    CHECK_OK(share3_matrices_points(at, &c.m, 1, c.u[0], v, n));
    for (size_t j = 0; j < (size_t)1 << v; j++) {
        size_t point = 0, power = 1;
        for (unsigned t = 0; t < v; t++, power *= 3)
            point += (j >> t & 1) * power;
        memset(corner, 0, sizeof corner);
        corner[j * D] = 1;
        ring->fold(z, c.u[0], corner, v, n);
        share3_matrices_fold(w, &c.m, 1, corner, v, n);
        memset(want, 0, sizeof want);
        for (size_t i = 0; i < n; i++) {
            ring->mul(one, z + i * D, w + i * D);
            ring->add(want, want, one);
        }
        CHECK_THAT(mal_equal(want, at + point * D, sizeof want),
                   "%u variables, corner %zu", v, j);
    }
    /* At r in one variable: (1 - r) p(0) + r p(1) + (r^2 - r) p(inf). */
    uint64_t r[D], rest[D], square[D];
    if (v > 1)
        return;
    ring->challenge(r, mal_test_rand(&seed));
    memset(corner, 0, sizeof corner);
    corner[0] = 1;
    ring->sub(rest, corner, r);
    memcpy(corner, rest, sizeof rest);
    memcpy(corner + D, r, sizeof r);
    ring->mul(square, r, r);
    ring->sub(square, square, r);
    const uint64_t *const part[3] = { rest, r, square };
    for (unsigned k = 0; k < 3; k++) {
        ring->mul(one, at + k * D, part[k]);
        ring->add(got, got, one);
    }
    memset(want, 0, sizeof want);
    ring->fold(z, c.u[0], corner, 1, n);
    share3_matrices_fold(w, &c.m, 1, corner, 1, n);
    for (size_t i = 0; i < n; i++) {
        ring->mul(one, z + i * D, w + i * D);
        ring->add(want, want, one);
    }
    CHECK(mal_equal(want, got, sizeof want));
}

TEST(folded_words_are_folded_elements) {
    for (unsigned v = 1; v <= 3; v++)
        folds(v);
}

TEST_MAIN
