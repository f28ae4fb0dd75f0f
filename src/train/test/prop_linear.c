/* Least squares on shares against double precision. */
#include "train_parties.h"

static party p[3];
static fit f;

/* What fixed point may add to the minimum.  The gradient is off by e: entries
 * of A and b by 2^-23 (a truncation is off by less than 2 units of 2^-24), so
 * by 2^-23 (|w|_1 + 1); a step and the momentum by 2 units of 2^-26 each, which
 * are 2^-25 / step.  At the minimum of a lambda-convex objective that is e /
 * lambda.  (Momentum adds rounding of its own size: the factor 4.) */
static double bound(const double *w, unsigned d, double ridge) {
    double size = 1, step = 1;
    for (unsigned j = 0; j < d; j++)
        size += fabs(w[j]);
    while (step * (d + ridge) > 1)
        step /= 2;
    return 4 * (ldexp(size, -23) + ldexp(1, -24) / step) * sqrt(d) / ridge;
}

static void compare(size_t rows, unsigned features, unsigned steps,
                    uint64_t ridge_nano) {
    double w[MAL_TRAIN_FEATURES_MAX + 1];
    train_set set;
    const double ridge = (double)ridge_nano * 1e-9;
    CHECK_OK(train_set_generate(&set, rows, features, false, mal_test_seed()));
    f = (fit){ .set = &set };
    fit_go(p, &f, steps, ridge_nano);
    CHECK_OK(train_plain_normal(w, &set, ridge));
    const double off = fit_distance(&f, w), may = bound(w, features + 1, ridge);
    printf("# %zu x %u: off by %.2g of %.2g, R2 %.5f for %.5f, %llu rounds\n",
           rows, features, off, may, plain_r2(f.w, &set), plain_r2(w, &set),
           (unsigned long long)p[0].count.rounds);
    CHECK(off < may);
    CHECK(fabs(plain_r2(f.w, &set) - plain_r2(w, &set)) < 1e-3);
    train_set_clear(&set);
}

TEST(the_minimum_is_that_of_double_precision) {
    compare(256, 3, 300, 10000000);
    compare(1000, 7, 400, 10000000);
    compare(77, 12, 400, 20000000);
    compare(100, 4, 100, MAL_TRAIN_LINEAR_RIDGE_MAX);
}

TEST(one_row_and_one_feature_do) {
    compare(3, 1, 200, 100000000);
}

TEST(rows_that_are_not_valid_do_not_count) {
    enum { ROWS = 200, REAL = 130 };
    train_set set, part;
    uint64_t valid[4] = { ~UINT64_C(0), ~UINT64_C(0), 3, 0 };
    double w[4];
    CHECK_OK(train_set_generate(&set, ROWS, 3, false, 9));
    CHECK_OK(train_set_new(&part, REAL, 3));
    for (unsigned j = 0; j < 3; j++)
        memcpy(part.x + j * REAL, set.x + j * ROWS, REAL * sizeof *part.x);
    memcpy(part.y, set.y, REAL * sizeof *part.y);
    f = (fit){ .set = &set, .valid = valid };
    fit_go(p, &f, 300, 10000000);
    /* Lambda is over N = rows: the same objective, divided. */
    CHECK_OK(train_plain_normal(w, &part, 0.01 * ROWS / REAL));
    CHECK(fit_distance(&f, w) < bound(w, 4, 0.01));
    train_set_clear(&set);
    train_set_clear(&part);
}

TEST(a_value_beyond_its_bounds_weighs_no_more_than_the_bound) {
    train_set set;
    static const uint64_t beyond[] = { 5 << 20, UINT64_C(1) << 62,
                                       INT64_MAX - (1 << 20) };
    CHECK_OK(train_set_generate(&set, 64, 2, false, 4));
    set.x[0] = 1;
    f = (fit){ .set = &set };
    fit_go(p, &f, 50, 10000000);
    const fit honest = f;
    for (unsigned i = 0; i < 3; i++) {
        f = (fit){ .set = &set, .overflow = beyond[i] };
        fit_go(p, &f, 50, 10000000);
        CHECK(fit_distance(&f, honest.w) < 1e-5);
    }
    set.x[0] = -1;
    f = (fit){ .set = &set };
    fit_go(p, &f, 50, 10000000);
    const fit low = f;
    f = (fit){ .set = &set, .overflow = (uint64_t)INT64_MIN + (1 << 21) };
    fit_go(p, &f, 50, 10000000);
    CHECK(fit_distance(&f, low.w) < 1e-5);
    CHECK(fit_distance(&f, honest.w) > 1e-3);
    train_set_clear(&set);
}

/* Noise is added once for each party, to the sums, before they are used. */
TEST(the_noise_of_each_party_moves_the_moments_that_it_covers) {
    enum { ROWS = 128, D = 3, WORDS = D * (D + 1) / 2 + D };
    train_set set;
    mal_train_release release;
    int64_t noise[3][WORDS] = { 0 };
    CHECK_OK(train_set_generate(&set, ROWS, D - 1, false, 5));
    CHECK_OK(mal_train_linear_release(&release, D - 1));
    CHECK_EQ(release.words, WORDS);
    CHECK_EQ(release.steps, 1);
    CHECK_EQ(release.touched, WORDS);
    CHECK(release.change == UINT64_C(1) << 40);
    /* Move sum(x_0 y) by 3 rows' worth: as if y were larger. */
    for (unsigned i = 0; i < 3; i++)
        noise[i][WORDS - D] = (int64_t)(i + 1) << 40;
    f = (fit){ .set = &set };
    for (unsigned i = 0; i < 3; i++) {
        f.options[i].noised = true;
        f.options[i].noise = noise[i];
    }
    fit_go(p, &f, 300, 50000000);
    double a[D][D] = { 0 }, g[D] = { 0 };
    for (unsigned r = 0; r < ROWS; r++) {
        const double x[D] = { set.x[r], set.x[ROWS + r], 1 };
        for (unsigned i = 0; i < D; i++) {
            g[i] += x[i] * set.y[r] / ROWS;
            for (unsigned j = 0; j < D; j++)
                a[i][j] += x[i] * x[j] / ROWS;
        }
    }
    g[0] += 6.0 / ROWS;
    for (unsigned i = 0; i < D; i++) { /* the gradient there is zero */
        double left = 0.05 * f.w[i] - g[i];
        for (unsigned j = 0; j < D; j++)
            left += a[i][j] * f.w[j];
        CHECK_THAT(fabs(left) < 1e-5, "%g", left);
    }
    train_set_clear(&set);
}

TEST_MAIN
