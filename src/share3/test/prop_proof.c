/* Proofs of products: the rings they calculate in, their fast twins, and that a
 * right record is accepted at every size and a wrong one is not. */
#include "../proof_bits.h"
#include "share3_parties.h"

static uint64_t seed;

static void fill(uint64_t *v, size_t n) {
    if (!seed)
        seed = mal_test_seed();
    for (size_t i = 0; i < n; i++)
        v[i] = mal_test_rand(&seed);
}

TEST(the_root_makes_bytes_part_of_the_field) {
    for (unsigned a = 0; a < 256; a += 5)
        for (unsigned b = 0; b < 256; b += 3) {
            const uint64_t x = share3_gf64_embed((uint8_t)a),
                           y = share3_gf64_embed((uint8_t)b);
            CHECK(share3_gf64_embed((uint8_t)(a ^ b)) == (x ^ y));
            CHECK(share3_gf64_embed(share3_gf8_mul((uint8_t)a, (uint8_t)b)) ==
                  share3_proof_bits_plain.mul(x, y));
        }
}

static void ring_laws(const proof_ring *ring) {
    uint64_t x[PROOF_WORDS_MAX], y[PROOF_WORDS_MAX], z[PROOF_WORDS_MAX],
        a[PROOF_WORDS_MAX], b[PROOF_WORDS_MAX], one[PROOF_WORDS_MAX];
    const size_t bytes = 8 * ring->words;
    ring->node(one, 1);
    for (unsigned i = 0; i < 20; i++) {
        fill(x, PROOF_WORDS_MAX);
        fill(y, PROOF_WORDS_MAX);
        fill(z, PROOF_WORDS_MAX);
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
    for (unsigned i = 0; i < 2 * ring->skip - 1; i += 3)
        for (unsigned j = 0; j < i; j += 5) {
            ring->node(x, i);
            ring->node(y, j);
            ring->sub(x, x, y);
            ring->inverse(y, x);
            ring->mul(z, x, y);
            CHECK(mal_equal(z, one, bytes));
        }
}

TEST(both_rings_are_rings_and_nodes_differ_by_units) {
    ring_laws(&share3_ring_bits);
    ring_laws(&share3_ring_words);
}

/* A polynomial of degree n - 1 at n nodes gives its value anywhere. */
static void interpolates(const proof_ring *ring, unsigned n) {
    static uint64_t f[PROOF_NODES_MAX * PROOF_WORDS_MAX],
        value[PROOF_NODES_MAX * PROOF_WORDS_MAX],
        coef[PROOF_NODES_MAX * PROOF_WORDS_MAX];
    uint64_t x[PROOF_WORDS_MAX], want[PROOF_WORDS_MAX], got[PROOF_WORDS_MAX],
        random;
    const unsigned words = ring->words;
    fill(f, n * words);
    for (unsigned k = 0; k <= n; k++) {
        uint64_t *v = k < n ? value + k * words : want;
        ring->node(x, k);
        if (k == n) {
            fill(&random, 1);
            ring->challenge(x, random);
        }
        memset(v, 0, 8 * words);
        for (unsigned i = n; i-- > 0;) {
            ring->mul(v, v, x);
            ring->add(v, v, f + i * words);
        }
    }
    CHECK_OK(share3_lagrange(ring, coef, n, x));
    ring->dot(got, coef, value, n);
    CHECK(mal_equal(got, want, 8 * words));
}

TEST(values_at_nodes_give_the_value_at_a_challenge) {
    static const unsigned sizes[] = { 1, 2, 8, 9, 15, 17, 63 };
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        interpolates(&share3_ring_bits, sizes[i]);
        interpolates(&share3_ring_words, sizes[i]);
    }
    interpolates(&share3_ring_bits, 127);
}

TEST(the_fast_twin_equals_the_plain_one) {
    enum { N = 200 };
    static uint64_t x[PROOF_FOLD * N], y[N], column[64], a[N], b[N];
    static uint8_t sums[2][63][8];
    const proof_bits_kernels *fast = &share3_proof_bits_gfni,
                             *slow = &share3_proof_bits_plain;
    if (!fast->usable()) {
        printf("# this machine has no gfni\n");
        return;
    }
    for (size_t n = 0; n <= N; n += n < 70 ? 23 : 13) {
        fill(x, PROOF_FOLD * N);
        fill(y, N);
        fill(column, 64);
        fast->map(a, x, column, n);
        slow->map(b, x, column, n);
        CHECK(mal_equal(a, b, 8 * n));
        fast->scale(a, x, y, n);
        slow->scale(b, x, y, n);
        CHECK(mal_equal(a, b, 8 * n));
        fast->fold(a, x, column, n);
        slow->fold(b, x, column, n);
        CHECK(mal_equal(a, b, 8 * n));
        const share3_record r = { .x = { x, x + N },
                                  .y = { x + 2 * N, x + 3 * N } };
        memset(sums, 0, sizeof sums);
        fast->further(sums[0], &r, y, n, share3_gf8_extension());
        slow->further(sums[1], &r, y, n, share3_gf8_extension());
        CHECK(mal_equal(sums[0], sums[1], sizeof sums[0]));
    }
}

/* What p is at the further nodes, from its definition. */
static void further_is_right(const proof_ring *ring, size_t groups) {
    const size_t n = groups * ring->group;
    const unsigned words = ring->words, skip = ring->skip;
    static uint64_t p[PROOF_SKIP_MAX * PROOF_WORDS_MAX],
        coef[PROOF_SKIP_MAX * PROOF_WORDS_MAX];
    uint64_t *theta = calloc(groups * words + 1, 8),
             *value = calloc(4 * groups * words, 8);
    share3_record r = { .n = n };
    for (unsigned i = 0; i < 2; i++) {
        r.x[i] = calloc(n, 8);
        r.y[i] = calloc(n, 8);
        fill(r.x[i], n);
        fill(r.y[i], n);
    }
    uint64_t *raw = calloc(groups * words + 1, 8);
    fill(raw, groups * words);
    memcpy(theta, raw, 8 * groups * words);
    ring->weights(theta, groups);
    /* further() of GF(2^64) takes weights before they are mapped */
    CHECK_OK(ring->further(p, &r, ring->words == 1 ? raw : theta, groups));
    for (unsigned u = 0; u < skip - 1; u += 7) {
        uint64_t node[PROOF_WORDS_MAX], sum[PROOF_WORDS_MAX] = { 0 },
                                        a[PROOF_WORDS_MAX];
        const uint64_t *const in[4] = { r.x[0], r.y[1], r.x[1], r.y[0] };
        ring->node(node, skip + u);
        CHECK_OK(share3_lagrange(ring, coef, skip, node));
        for (unsigned k = 0; k < 4; k++)
            ring->evaluate(value + k * groups * words, in[k], coef, groups);
        for (size_t g = 0; g < groups; g++)
            for (unsigned k = 0; k < 4; k += 2) {
                ring->mul(a, value + (k * groups + g) * words,
                          value + ((k + 1) * groups + g) * words);
                ring->mul(a, a, theta + g * words);
                ring->add(sum, sum, a);
            }
        CHECK(mal_equal(sum, p + u * words, 8 * words));
    }
    for (unsigned i = 0; i < 2; i++) {
        free(r.x[i]);
        free(r.y[i]);
    }
    free(theta);
    free(raw);
    free(value);
}

TEST(the_further_values_are_what_the_definition_says) {
    further_is_right(&share3_ring_bits, 1);
    further_is_right(&share3_ring_bits, 130);
    further_is_right(&share3_ring_words, 1);
    further_is_right(&share3_ring_words, 97);
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
    fill(j.x, n);
    fill(j.y, n);
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
