/* The sigmoid and logistic regression on shares against double precision. */
#include "train_parties.h"

static party p[3];
static fit f;

/* --- the sigmoid ---------------------------------------------------------- */

#define POINTS 70000 /* more than a batch */
static int64_t at[POINTS];
static uint64_t told[3][POINTS];
static size_t points;

static mal_err sigmoid_body(mal_share3 *s, void *ctx) {
    TRAIN_AUTO_WORDS x = { 0 };
    TRAIN_AUTO_WORDS z = { 0 };
    const unsigned me = mal_share3_me(s);
    (void)ctx;
    MAL_TRY(
        mal_share3_words_input(s, &x, 0, me ? NULL : (uint64_t *)at, points));
    MAL_TRY(mal_train_sigmoid(s, &z, &x));
    return mal_share3_words_open(s, told[me], &z);
}

TEST(the_sigmoid_is_off_by_less_than_is_written) {
    double most = 0;
    points = POINTS;
    for (size_t i = 0; i < POINTS; i++) /* [-17.5, 17.5) and its knots */
        at[i] = ((int64_t)i - POINTS / 2) * 524 + (i % 2 ? 0 : (int64_t)i % 3);
    for (size_t i = 0; i < 129; i++)
        at[i] = ((int64_t)i - 64) * (1 << 18);
    trio_run(p, sigmoid_body, NULL);
    for (size_t i = 0; i < POINTS; i++) {
        const double x = ldexp((double)at[i], -20);
        const double off =
            fabs(ldexp((double)(int64_t)told[0][i], -20) - 1 / (1 + exp(-x)));
        CHECK_THAT(off < MAL_TRAIN_SIGMOID_ERROR, "%g is off by %g", x, off);
        CHECK((int64_t)told[0][i] >= -1 &&
              (int64_t)told[0][i] <= (int64_t)ONE + 1);
        CHECK(told[0][i] == told[1][i] && told[0][i] == told[2][i]);
        most = fmax(most, off);
    }
    printf("# off by at most %.3g; %llu rounds, two batches\n", most,
           (unsigned long long)p[0].count.rounds);
    CHECK(most > 0.0005); /* the bound is not idle */
}

TEST(the_sigmoid_of_extreme_values_is_0_or_1) {
    static const int64_t x[] = { INT64_C(1) << 59,   -(INT64_C(1) << 59),
                                 (INT64_C(1) << 23), -(INT64_C(1) << 23) - 1,
                                 (1 << 24) + 1,      -(1 << 24),
                                 INT64_C(1) << 40,   -(INT64_C(1) << 40) };
    points = sizeof x / sizeof *x;
    memcpy(at, x, sizeof x);
    trio_run(p, sigmoid_body, NULL);
    for (size_t i = 0; i < points; i++) {
        const int64_t off = (int64_t)told[0][i] - (x[i] > 0 ? ONE : 0);
        CHECK_THAT(off >= -1 && off <= 1, "%lld: %lld", (long long)x[i],
                   (long long)told[0][i]);
    }
}

/* --- regression ----------------------------------------------------------- */

/* The gradient differs by the sigmoid's error in each row, so |g - g'|_2 <= e
 * sqrt(d), and the minimum of a lambda-convex objective by that over lambda;
 * rounding is far below. */
static void compare(size_t rows, unsigned features, unsigned steps,
                    uint64_t ridge_nano) {
    double w[MAL_TRAIN_FEATURES_MAX + 1];
    train_set set;
    const double ridge = (double)ridge_nano * 1e-9;
    CHECK_OK(train_set_generate(&set, rows, features, true, mal_test_seed()));
    f = (fit){ .set = &set, .logistic = true };
    fit_go(p, &f, steps, ridge_nano);
    CHECK_OK(train_plain_descend(w, &set, true, 3000, ridge));
    const double off = fit_distance(&f, w);
    printf("# %zu x %u: off by %.2g, told right %.4f for %.4f, %llu rounds\n",
           rows, features, off, plain_accuracy(f.w, &set),
           plain_accuracy(w, &set), (unsigned long long)p[0].count.rounds);
    CHECK(off <
          (MAL_TRAIN_SIGMOID_ERROR * sqrt(features + 1.0) + 1e-5) / ridge);
    CHECK(fabs(plain_accuracy(f.w, &set) - plain_accuracy(w, &set)) <=
          3.0 / (double)rows + 0.005);
    train_set_clear(&set);
}

TEST(the_fit_is_that_of_double_precision) {
    compare(512, 4, 100, 10000000);
    compare(333, 9, 150, 10000000);
}

TEST(rows_that_are_not_valid_do_not_count) {
    enum { ROWS = 130, REAL = 70 };
    train_set set, part;
    uint64_t valid[3] = { ~UINT64_C(0), 63, 0 };
    double w[3];
    CHECK_OK(train_set_generate(&set, ROWS, 2, true, 9));
    CHECK_OK(train_set_new(&part, REAL, 2));
    for (unsigned j = 0; j < 2; j++)
        memcpy(part.x + j * REAL, set.x + j * ROWS, REAL * sizeof *part.x);
    memcpy(part.y, set.y, REAL * sizeof *part.y);
    f = (fit){ .set = &set, .valid = valid, .logistic = true };
    fit_go(p, &f, 150, 20000000);
    CHECK_OK(train_plain_descend(w, &part, true, 3000, 0.02 * ROWS / REAL));
    CHECK(fit_distance(&f, w) < MAL_TRAIN_SIGMOID_ERROR * sqrt(3) / 0.02);
    train_set_clear(&set);
    train_set_clear(&part);
}

/* One step from w = 0: the gradient is exact, and each party's noise moves it
 * by what it says. */
TEST(the_noise_of_each_party_moves_each_steps_gradient) {
    enum { ROWS = 64, D = 3, STEPS = 2 };
    train_set set;
    mal_train_release release;
    int64_t noise[3][STEPS * D] = { 0 };
    CHECK_OK(train_set_generate(&set, ROWS, D - 1, true, 5));
    CHECK_OK(mal_train_logistic_release(&release, D - 1, STEPS));
    CHECK_EQ(release.words, STEPS * D);
    CHECK_EQ(release.steps, STEPS);
    CHECK_EQ(release.touched, D);
    f = (fit){ .set = &set, .logistic = true };
    fit_go(p, &f, 1, 10000000);
    const fit quiet = f;
    f = (fit){ .set = &set, .logistic = true };
    for (unsigned i = 0; i < 3; i++) {
        noise[i][1] = (int64_t)(i + 1) << 40;
        f.options[i].noised = true;
        f.options[i].noise = noise[i];
    }
    fit_go(p, &f, 1, 10000000);
    /* l = 3/4 + 0.01 times 64 rows: the step is 2^-6. */
    CHECK(fabs(f.w[0] - quiet.w[0]) < 1e-6);
    CHECK(fabs(f.w[1] - quiet.w[1] + 6.0 / 64) < 1e-6);
    CHECK(fabs(f.w[2] - quiet.w[2]) < 1e-6);
    train_set_clear(&set);
}

TEST_MAIN
