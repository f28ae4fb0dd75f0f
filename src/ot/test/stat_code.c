/* stat_code.c - what the estimate of README.md leans on, measured on a code of
 * 2^14: every parity position reaches nearly every output, wherever it lies;
 * sums of few outputs still read nearly all of the parity; outputs fill the
 * space. */
#include "ot_parties.h"

static ot_shape s;

static void encode(mal_ot_block *out, mal_ot_block *x) {
    ot_code_convolve(ot_best_way(), &s, x, 1);
    memset(out, 0, s.n * BLOCK);
    expand(ot_best_way(), &s, out, NULL, x, 1);
}

/* A non-zero coefficient in 1 - 2^-120 of all places; here at least 0.999 of
 * the outputs.  Without the backward pass the last position would reach 7 of
 * them. */
TEST(each_parity_position_reaches_the_outputs) {
    uint64_t rng = mal_test_seed();
    ot_shape_make(&s, 1 << 14, MAL_OT_CODE_7X24);
    mal_ot_block *x = mal_ot_blocks_new(s.parity), *o = mal_ot_blocks_new(s.n);
    for (int i = 0; i < 40; i++) {
        size_t at = i == 0   ? 0
                    : i == 1 ? s.parity - 1
                             : mal_test_rand(&rng) % s.parity;
        size_t weight = 0;
        memset(x, 0, s.parity * BLOCK);
        x[at].w[0] = 1;
        encode(o, x);
        for (size_t j = 0; j < s.n; j++)
            weight += (o[j].w[0] | o[j].w[1]) != 0;
        CHECK_THAT(weight >= s.n - s.n / 1000, "position %zu reaches %zu", at,
                   weight);
    }
    mal_ot_blocks_free(x);
    mal_ot_blocks_free(o);
}

static unsigned rank_of(const mal_ot_block *v, size_t n) {
    mal_ot_block basis[128] = { { { 0 } } };
    unsigned rank = 0;
    for (size_t i = 0; i < n; i++) {
        mal_ot_block x = v[i];
        for (unsigned b = 0; b < 128; b++)
            if (ot_mask_bit(x, b)) {
                if (!(basis[b].w[0] | basis[b].w[1])) {
                    basis[b] = x;
                    rank++;
                    break;
                }
                x = ot_xor(x, basis[b]);
            }
    }
    return rank;
}

/* One noise value alone: over GF(2) its multiples by the code's coefficients
 * span all 128 dimensions.  A code with coefficients 0 and 1 would give rank 1.
 */
TEST(one_noise_value_spans_the_field) {
    ot_shape_make(&s, 1 << 14, MAL_OT_CODE_7X24);
    mal_ot_block *x = mal_ot_blocks_new(s.parity), *o = mal_ot_blocks_new(s.n);
    x[777] = (mal_ot_block){ { 1, 0 } };
    encode(o, x);
    CHECK_EQ(rank_of(o, 1000), 128);
    mal_ot_blocks_free(x);
    mal_ot_blocks_free(o);
}

/* The row of G of a sum of w outputs, w = 1, 2, 4: G^T is applied by reading
 * the coefficient of each parity position, on a random sample of 64 of them.
 * Relative weight over the parity half 1, that is 1/2 of all: above the 1/4
 * assumed. */
TEST(sums_of_few_outputs_read_nearly_all_of_the_parity) {
    uint64_t rng = mal_test_seed();
    enum { ROWS = 100, SAMPLE = 64 };
    unsigned zero[3] = { 0 };
    ot_shape_make(&s, 1 << 14, MAL_OT_CODE_7X24);
    mal_ot_block *x = mal_ot_blocks_new(s.parity), *o = mal_ot_blocks_new(s.n);
    for (unsigned i = 0; i < SAMPLE; i++) {
        memset(x, 0, s.parity * BLOCK);
        x[mal_test_rand(&rng) % s.parity].w[0] = 1;
        encode(o, x);
        for (unsigned r = 0; r < ROWS; r++)
            for (unsigned w = 0; w < 3; w++) {
                mal_ot_block sum = { { 0 } };
                for (unsigned j = 0; j < 1u << w; j++)
                    sum = ot_xor(sum, o[(r * 163 + j * 4001) % s.n]);
                zero[w] += !(sum.w[0] | sum.w[1]);
            }
    }
    for (unsigned w = 0; w < 3; w++) {
        printf("# sums of %u: %u of %u coefficients are 0\n", 1u << w, zero[w],
               ROWS * SAMPLE);
        CHECK(zero[w] < ROWS * SAMPLE / 50);
    }
    mal_ot_blocks_free(x);
    mal_ot_blocks_free(o);
}

TEST_MAIN
