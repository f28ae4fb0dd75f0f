/* prop_code.c - the code is linear, the ways agree, and it is what code.c says.
 */
#include "ot_parties.h"

static ot_shape shape_of(size_t n, mal_ot_code code) {
    ot_shape s;
    ot_shape_make(&s, n, code);
    return s;
}

static mal_ot_block alpha_times(mal_ot_block v) {
    return mal_ot_mul((mal_ot_block){ { OT_ALPHA, 0 } }, v);
}

/* The formula at the head of code.c, element by element. */
static void model_pass(const ot_shape *s, mal_ot_block *x, bool backwards) {
    mal_prim_aes aes;
    uint32_t *taps = calloc(s->parity, 4);
    mal_ot_block *y = calloc(s->parity, sizeof *y);
    mal_prim_aes_init(&aes, s->key);
    ot_code_taps(taps, &aes, backwards, 0, s->parity);
    for (size_t i = 0; i < s->parity; i++)
        y[i] = x[backwards ? s->parity - 1 - i : i];
    for (size_t i = 0; i < s->parity; i++) {
        mal_ot_block v = y[i];
        if (i >= 28)
            v = ot_xor(v, y[i - 28]);
        v = alpha_times(v);
        for (size_t k = 1; k <= 24 && k <= i; k++)
            if (taps[i - k] >> (k - 1) & 1)
                v = ot_xor(v, y[i - k]);
        y[i] = v;
    }
    for (size_t i = 0; i < s->parity; i++)
        x[backwards ? s->parity - 1 - i : i] = y[i];
    free(taps);
    free(y);
}

static void fill(mal_ot_block *x, size_t n, uint64_t *rng) {
    for (size_t i = 0; i < n; i++)
        x[i] = block_rand(rng);
}

TEST(every_way_convolves_by_the_formula) {
    uint64_t rng = mal_test_seed();
    ot_shape s = shape_of(16390, MAL_OT_CODE_7X24);
    size_t m = s.parity;
    mal_ot_block *in = mal_ot_blocks_new(2 * m), *want[2],
                 *got = mal_ot_blocks_new(2 * m);
    fill(in, 2 * m, &rng);
    for (unsigned j = 0; j < 2; j++) {
        want[j] = mal_ot_blocks_new(m);
        for (size_t i = 0; i < m; i++)
            want[j][i] = in[2 * i + j];
        model_pass(&s, want[j], false);
        model_pass(&s, want[j], true);
    }
    for (ot_way w = OT_WAY_PLAIN; w <= OT_WAY_WIDE; w++) {
        if (!(ot_ways() >> w & 1))
            continue;
        memcpy(got, in, 2 * m * BLOCK);
        ot_code_convolve(w, &s, got, 2);
        for (size_t i = 0; i < 2 * m; i++)
            CHECK_THAT(block_same(got[i], want[i % 2][i / 2]), "way %u, %zu", w,
                       i);
        for (size_t i = 0; i < m; i++)
            got[i] = in[2 * i + 1];
        ot_code_convolve(w, &s, got, 1);
        CHECK(mal_equal(got, want[1], m * BLOCK));
    }
    mal_ot_blocks_free(in);
    mal_ot_blocks_free(got);
    mal_ot_blocks_free(want[0]);
    mal_ot_blocks_free(want[1]);
}

TEST(every_way_expands_the_same_and_both_halves_alike) {
    uint64_t rng = mal_test_seed();
    for (mal_ot_code code = MAL_OT_CODE_7X24; code <= MAL_OT_CODE_21X24;
         code++) {
        ot_shape s = shape_of(20011, code);
        mal_ot_block *x = mal_ot_blocks_new(2 * s.parity),
                     *half = mal_ot_blocks_new(s.parity),
                     *o = mal_ot_blocks_new(5 * s.n);
        fill(x, 2 * s.parity, &rng);
        for (size_t i = 0; i < s.parity; i++)
            half[i] = x[2 * i + 1];
        expand(OT_WAY_PLAIN, &s, o, o + s.n, x, 2);
        expand(OT_WAY_PLAIN, &s, o + 2 * s.n, NULL, half, 1);
        CHECK(mal_equal(o + s.n, o + 2 * s.n, s.n * BLOCK));
        if (ot_ways() >> OT_WAY_WIDE & 1) {
            expand(OT_WAY_WIDE, &s, o + 3 * s.n, o + 4 * s.n, x, 2);
            CHECK(mal_equal(o, o + 3 * s.n, 2 * s.n * BLOCK));
        }
        mal_ot_blocks_free(x);
        mal_ot_blocks_free(half);
        mal_ot_blocks_free(o);
    }
}

/* alpha generates GF(2^128): it is no root of a^(2^64) = a, so that its powers
 * mix all coordinates.  2^64 is the largest proper subfield. */
TEST(alpha_lies_in_no_proper_subfield) {
    mal_ot_block a = { { OT_ALPHA, 0 } }, y = a;
    for (int i = 0; i < 64; i++)
        y = mal_ot_mul(y, y);
    CHECK(!block_same(y, a));
}

TEST(pitfall_07_shapes_have_the_noise_that_the_estimate_asks_for) {
    for (size_t n = 1; n < 3000000; n = n * 7 / 5 + 1)
        for (mal_ot_code c = MAL_OT_CODE_7X24; c <= MAL_OT_CODE_21X24; c++) {
            ot_shape s = shape_of(n, c);
            CHECK(s.trees >= (c == MAL_OT_CODE_7X24 ? 128 : 174));
            CHECK(s.total >= 2 * s.k && s.k >= n && s.parity % 4 == 0);
            CHECK(s.total - s.k <= s.parity && s.parity < s.total - s.k + 4);
            CHECK(s.depth >= 7 && s.depth <= OT_DEPTH_MAX);
        }
}

TEST_MAIN
