/* Means and trees on shares against double precision. */
#include "tree_fit.h"

static party p[3];
static tree_fit f;

/* --- means ---------------------------------------------------------------- */

#define POINTS 3000
static int64_t top[POINTS], under[POINTS];
static uint64_t told[3][POINTS];

static mal_err mean_body(mal_share3 *s, void *ctx) {
    TRAIN_AUTO_WORDS g = { 0 };
    TRAIN_AUTO_WORDS h = { 0 };
    TRAIN_AUTO_WORDS m = { 0 };
    const unsigned me = mal_share3_me(s);
    (void)ctx;
    MAL_TRY(
        mal_share3_words_input(s, &g, 0, me ? NULL : (uint64_t *)top, POINTS));
    MAL_TRY(mal_share3_words_input(s, &h, 0, me ? NULL : (uint64_t *)under,
                                   POINTS));
    MAL_TRY(train_mean(s, &m, &g, &h));
    return mal_share3_words_open(s, told[me], &m);
}

TEST(a_mean_is_off_by_less_than_is_written) {
    uint64_t seed = mal_test_seed();
    double most = 0;
    for (size_t i = 0; i < POINTS; i++) {
        const uint64_t bits = mal_test_rand(&seed) % 22;
        under[i] = (int64_t)(mal_test_rand(&seed) >> (63 - bits)) + 1;
        if (under[i] > 1 << 21 || i % 16 == 0)
            under[i] = 1 << i / 16 % 22;
        const int64_t edge = under[i] * ((1 << 20) + 1);
        top[i] =
            (int64_t)(mal_test_rand(&seed) % (2 * (uint64_t)edge + 1)) - edge;
        if (i % 5 == 0)
            top[i] = i % 2 ? edge : -edge;
        if (i % 77 == 0)
            top[i] = 0;
    }
    trio_run(p, mean_body, NULL);
    for (size_t i = 0; i < POINTS; i++) {
        const double off = fabs((double)(int64_t)told[0][i] -
                                (double)top[i] / (double)under[i]);
        CHECK_THAT(off < 4, "%lld / %lld: off by %g units", (long long)top[i],
                   (long long)under[i], off);
        most = fmax(most, off);
    }
    printf("# off by at most %.3g units of 2^-20\n", most);
}

/* --- trees ---------------------------------------------------------------- */

typedef struct shape {
    size_t rows;
    unsigned features, bin_bits, trees, depth;
    bool logistic;
} shape;

static void compare(const shape *c) {
    train_set set;
    const mal_train_trees_options o = {
        .trees = c->trees,
        .depth = c->depth,
        .logistic = c->logistic,
        .ridge_rows = 1,
        .rate = c->logistic ? ONE : ONE / 2,
    };
    CHECK_OK(train_set_generate(&set, c->rows, c->features, c->logistic,
                                mal_test_seed()));
    uint8_t *bins = calloc(c->rows, c->features);
    double *score = calloc(c->rows, sizeof *score);
    CHECK(bins && score);
    train_set_bins(bins, &set, c->bin_bits);
    f = (tree_fit){ .set = &set, .bins = bins, .bin_bits = c->bin_bits };
    tree_go(p, &f, &o);
    train_plain_forest plain = { .set = &set,
                                 .bins = bins,
                                 .bin_bits = c->bin_bits,
                                 .options = &o,
                                 .follow = f.model[0],
                                 .score = score };
    CHECK_OK(train_plain_trees(&plain));
    const double shared = c->logistic ? train_plain_score_accuracy(score, &set)
                                      : train_plain_score_r2(score, &set);
    printf("# %zu x %u, %u trees of %u: a split gains %.2g less than the best, "
           "a leaf is off by %.2g; %llu rounds\n",
           c->rows, c->features, c->trees, c->depth, plain.worst_gain,
           plain.worst_leaf, (unsigned long long)p[0].count.rounds);
    /* With the log loss each gradient is off by the sigmoid's error e, so a
     * mean by e, and a gain G mean by 2 e |G| + .. <= 3 e rows. */
    const double e = c->logistic ? MAL_TRAIN_SIGMOID_ERROR : 0;
    CHECK(plain.worst_gain <= (double)c->rows * (ldexp(1, -16) + 6 * e));
    CHECK(plain.worst_leaf < ldexp(1, -17) + e);
    /* The opened model, walked in the clear, tells the same scores. */
    for (size_t i = 0; i < c->rows; i++) {
        uint8_t row[MAL_TRAIN_FEATURES_MAX];
        for (unsigned j = 0; j < c->features; j++)
            row[j] = bins[j * c->rows + i];
        CHECK(fabs(ldexp((double)mal_train_trees_score_vartime(
                             f.model[0], &o, c->bin_bits, row),
                         -20) -
                   score[i]) < 1e-9);
    }
    plain.follow = NULL;
    CHECK_OK(train_plain_trees(&plain));
    const double alone = c->logistic ? train_plain_score_accuracy(score, &set)
                                     : train_plain_score_r2(score, &set);
    printf("# %s %.4f for %.4f\n", c->logistic ? "told right" : "R2", shared,
           alone);
    CHECK(shared > alone - 0.03);
    free(bins);
    free(score);
    train_set_clear(&set);
}

TEST(each_split_is_the_best_and_each_leaf_is_right) {
    compare(&(shape){ 300, 4, 3, 4, 3, false });
    compare(&(shape){ 257, 5, 4, 3, 2, true });
    compare(&(shape){ 64, 1, 1, 2, 1, false });
    compare(&(shape){ 5, 3, 2, 2, 4, true });
}

TEST(a_rule_that_trees_can_say_is_found) {
    enum { ROWS = 256 };
    train_set set;
    uint8_t bins[2 * ROWS];
    const mal_train_trees_options o = {
        .trees = 1, .depth = 2, .ridge_rows = 1, .rate = ONE
    };
    CHECK_OK(train_set_new(&set, ROWS, 2));
    for (size_t i = 0; i < ROWS;
         i++) { /* y = x0 <= 5 ? (x1 <= 2 ? 1 : .5) : -1 */
        bins[i] = i % 16;
        bins[ROWS + i] = (uint8_t)(i / 16);
        set.y[i] = bins[i] <= 5 ? (bins[ROWS + i] <= 2 ? 1 : 0.5) : -1;
    }
    f = (tree_fit){ .set = &set, .bins = bins, .bin_bits = 4 };
    tree_go(p, &f, &o);
    CHECK_EQ(f.model[0][0], 5);
    CHECK_EQ(f.model[0][1], 16 + 2);
    const double leaf = ldexp((double)(int64_t)f.model[0][3], -20);
    CHECK(fabs(leaf - 18.0 / 19) < 1e-5);
    train_set_clear(&set);
}

TEST(rows_that_are_not_valid_do_not_count) {
    enum { ROWS = 100, REAL = 70 };
    train_set set;
    uint8_t bins[2 * ROWS];
    const uint64_t valid[2] = { ~UINT64_C(0), 63 };
    const mal_train_trees_options o = {
        .trees = 3, .depth = 2, .ridge_rows = 2, .rate = ONE / 2
    };
    CHECK_OK(train_set_generate(&set, ROWS, 2, false, 3));
    train_set_bins(bins, &set, 3);
    f = (tree_fit){ .set = &set, .bins = bins, .bin_bits = 3, .valid = valid };
    tree_go(p, &f, &o);
    train_set part = set;
    part.rows = REAL;
    memmove(bins + REAL, bins + ROWS, REAL);
    double score[ROWS];
    train_plain_forest plain = { .set = &part,
                                 .bins = bins,
                                 .bin_bits = 3,
                                 .options = &o,
                                 .follow = f.model[0],
                                 .score = score };
    CHECK_OK(train_plain_trees(&plain));
    CHECK(plain.worst_gain < ldexp(REAL, -16));
    CHECK(plain.worst_leaf < ldexp(1, -17));
    train_set_clear(&set);
}

/* Noise on one histogram's bin makes a feature without meaning the best. */
TEST(the_noise_of_each_party_moves_the_histograms_that_it_covers) {
    enum { ROWS = 128, BINS = 4, CHOICES = 2 * BINS, WORDS = 2 * CHOICES };
    train_set set;
    uint8_t bins[2 * ROWS];
    mal_train_release release;
    int64_t noise[3][WORDS] = { 0 };
    const mal_train_trees_options o = {
        .trees = 1, .depth = 1, .ridge_rows = 1, .rate = ONE
    };
    CHECK_OK(mal_train_trees_release(&release, 2, 2, &o));
    CHECK_EQ(release.words, WORDS);
    CHECK_EQ(release.steps, 1);
    CHECK_EQ(release.touched, 4);
    CHECK_OK(train_set_new(&set, ROWS, 2));
    for (size_t i = 0; i < ROWS; i++) {
        bins[i] = i % BINS;
        bins[ROWS + i] = i / BINS % BINS;
        set.y[i] = bins[i] <= 1 ? 0.25 : -0.25;
    }
    f = (tree_fit){ .set = &set, .bins = bins, .bin_bits = 2 };
    tree_go(p, &f, &o);
    CHECK_EQ(f.model[0][0], 1);
    /* Bin 3 of feature 1, 32 rows: a gradient of -30, or of -180, of which the
     * 128 rows of the node can have 128.  (A noised count is off by one.) */
    for (unsigned much = 5; much <= 30; much += 25) {
        f = (tree_fit){ .set = &set, .bins = bins, .bin_bits = 2 };
        for (unsigned i = 0; i < 3; i++) {
            noise[i][BINS + 3] = -(int64_t)(much * (i + 1) * ONE);
            f.options[i].noise = noise[i];
        }
        tree_go(p, &f, &o);
        CHECK_EQ(f.model[0][0], BINS + (much == 5 ? 2 : 3));
        const double leaf =
            ldexp((double)(int64_t)f.model[0][much == 5 ? 2 : 1], -20);
        CHECK_THAT(fabs(leaf - (much == 5 ? 30.0 / 33 : 128.0 / 129)) < 0.04,
                   "%u: %.9g", much, leaf);
    }
    noise[1][CHOICES + BINS + 3] = -(int64_t)1000 * (int64_t)ONE;
    for (unsigned i = 0; i < 3; i++)
        f.options[i].noise = noise[i];
    tree_go(p, &f, &o); /* no rows are left: no gradient, whatever was told */
    CHECK_EQ(f.model[0][0], 1);
    train_set_clear(&set);
}

TEST_MAIN
