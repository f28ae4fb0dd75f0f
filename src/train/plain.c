/* plain.c - data sets and models in the clear. */
#include "plain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- Data ------------------------------------------------------------------
 */

void train_set_clear(train_set *set) {
    mal_free(set->x);
    mal_free(set->y);
    *set = (train_set){ 0 };
}

mal_err train_set_new(train_set *set, size_t rows, unsigned features) {
    *set = (train_set){ .rows = rows, .features = features };
    set->x = mal_calloc(rows * features, sizeof *set->x);
    set->y = mal_calloc(rows, sizeof *set->y);
    if (set->x && set->y)
        return MAL_OK;
    train_set_clear(set);
    return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
}

/* In [-1, 1); the least significant bits of a linear generator are poor, the
 * top ones do for data. */
static double uniform(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 11) / (double)(UINT64_C(1) << 52) - 1;
}

mal_err train_set_generate(train_set *set, size_t rows, unsigned features,
                           bool labels, uint64_t seed) {
    uint64_t state = seed;
    double truth[MAL_TRAIN_FEATURES_MAX + 1], size = 0;
    MAL_REQUIRE(features && features <= MAL_TRAIN_FEATURES_MAX, MAL_E_INPUT,
                "%u features", features);
    MAL_TRY(train_set_new(set, rows, features));
    for (unsigned j = 0; j <= features; j++)
        size += fabs(truth[j] = uniform(&state));
    for (size_t i = 0; i < rows; i++) {
        double y = truth[features], shared = uniform(&state);
        for (unsigned j = 0; j < features; j++) {
            double x = 0.7 * uniform(&state) + 0.3 * shared;
            set->x[j * rows + i] = x;
            y += truth[j] * x;
        }
        y += 0.2 * uniform(&state);
        set->y[i] = labels ? y > 0 : y / (size + 0.2);
    }
    return MAL_OK;
}

static void scale_column(double *x, size_t n, double lo, double hi) {
    double least = x[0], most = x[0];
    for (size_t i = 1; i < n; i++) {
        least = fmin(least, x[i]);
        most = fmax(most, x[i]);
    }
    const double range = most > least ? most - least : 1;
    for (size_t i = 0; i < n; i++)
        x[i] = lo + (hi - lo) * (x[i] - least) / range;
}

static size_t count(const char *text, char of, const char *end) {
    size_t n = 0;
    for (; *text && text != end; text++)
        n += *text == of;
    return n;
}

static mal_err parse(train_set *set, const char *text) {
    const char *at = strchr(text, '\n');
    MAL_REQUIRE(at, MAL_E_INPUT, "a data set without lines");
    const size_t features = count(text, ',', at), rows = count(at + 1, '\n', 0);
    MAL_REQUIRE(features >= 1 && features <= MAL_TRAIN_FEATURES_MAX && rows,
                MAL_E_INPUT, "%zu rows of %zu features", rows, features);
    MAL_TRY(train_set_new(set, rows, (unsigned)features));
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j <= features; j++) {
            char *end;
            const double v = strtod(++at, &end);
            MAL_REQUIRE(end != at && (*end == (j < features ? ',' : '\n')),
                        MAL_E_INPUT, "line %zu: not a number", i + 2);
            *(j < features ? &set->x[j * rows + i] : &set->y[i]) = v;
            at = end;
        }
    return MAL_OK;
}

mal_err train_set_read(train_set *set, const char *path, bool labels) {
    MAL_AUTO(mal_buf_clear) mal_buf file = { 0 };
    const char *text;
    MAL_REQUIRE(mal_file_exists(path), MAL_E_MISSING, "no %s", path);
    MAL_TRY(mal_file_read(&file, path, (size_t)1 << 28));
    MAL_TRY(mal_buf_cstr(&file, &text));
    const mal_err err = parse(set, text);
    if (err != MAL_OK) {
        train_set_clear(set);
        return err;
    }
    for (unsigned j = 0; j < set->features; j++)
        scale_column(set->x + j * set->rows, set->rows, -1, 1);
    scale_column(set->y, set->rows, labels ? 0 : -1, 1);
    return MAL_OK;
}

void train_set_words(uint64_t *words, const train_set *set, unsigned i) {
    const double *x = i < set->features ? set->x + i * set->rows : set->y;
    for (size_t r = 0; r < set->rows; r++)
        words[r] = (uint64_t)llround(ldexp(x[r], MAL_TRAIN_VALUE_BITS));
}

/* --- Models ----------------------------------------------------------------
 */

double train_plain_score(const double *w, const train_set *set, size_t row) {
    double z = w[set->features];
    for (unsigned j = 0; j < set->features; j++)
        z += w[j] * set->x[j * set->rows + row];
    return z;
}

static void gradient_at(double *g, const train_set *set, const double *w,
                        bool logistic, double ridge) {
    const double n = (double)set->rows;
    for (unsigned j = 0; j <= set->features; j++)
        g[j] = ridge * w[j];
    for (size_t i = 0; i < set->rows; i++) {
        double z = train_plain_score(w, set, i);
        if (logistic)
            z = 1 / (1 + exp(-z));
        const double r = (z - set->y[i]) / n;
        for (unsigned j = 0; j < set->features; j++)
            g[j] += r * set->x[j * set->rows + i];
        g[set->features] += r;
    }
}

mal_err train_plain_descend(double *w, const train_set *set, bool logistic,
                            unsigned steps, double ridge) {
    double at[MAL_TRAIN_FEATURES_MAX + 1] = { 0 };
    double g[MAL_TRAIN_FEATURES_MAX + 1], step = 1;
    const unsigned d = set->features + 1;
    memset(w, 0, d * sizeof *w);
    /* 1 / l rounded down as descent.c does, where rows is a power of two. */
    while (step * (d * (logistic ? 0.25 : 1) + ridge) > 1)
        step /= 2;
    const double root = sqrt(ridge * step), beta = (1 - root) / (1 + root);
    for (unsigned i = 0; i < steps; i++) {
        gradient_at(g, set, at, logistic, ridge);
        for (unsigned j = 0; j < d; j++) {
            const double next = at[j] - step * g[j];
            at[j] = next + beta * (next - w[j]);
            w[j] = next;
        }
    }
    return MAL_OK;
}

/* a is positive definite: no pivoting. */
static void eliminate(double *a, double *b, unsigned d) {
    for (unsigned i = 0; i < d; i++)
        for (unsigned k = i + 1; k < d; k++) {
            const double f = a[k * d + i] / a[i * d + i];
            for (unsigned j = i; j < d; j++)
                a[k * d + j] -= f * a[i * d + j];
            b[k] -= f * b[i];
        }
    for (unsigned i = d; i-- > 0;) {
        for (unsigned j = i + 1; j < d; j++)
            b[i] -= a[i * d + j] * b[j];
        b[i] /= a[i * d + i];
    }
}

mal_err train_plain_normal(double *w, const train_set *set, double ridge) {
    const unsigned d = set->features + 1;
    const double n = (double)set->rows;
    double *a = mal_calloc((size_t)d * d, sizeof *a);
    if (!a)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    memset(w, 0, d * sizeof *w);
    for (size_t i = 0; i < set->rows; i++)
        for (unsigned j = 0; j < d; j++) {
            const double x = j + 1 < d ? set->x[j * set->rows + i] : 1;
            w[j] += x * set->y[i] / n;
            for (unsigned k = 0; k < d; k++)
                a[j * d + k] +=
                    x * (k + 1 < d ? set->x[k * set->rows + i] : 1) / n;
        }
    for (unsigned j = 0; j < d; j++)
        a[j * d + j] += ridge;
    eliminate(a, w, d);
    mal_free(a);
    return MAL_OK;
}

double train_plain_score_accuracy(const double *score, const train_set *set) {
    size_t right = 0;
    for (size_t i = 0; i < set->rows; i++)
        right += (score[i] > 0) == (set->y[i] > 0.5);
    return (double)right / (double)set->rows;
}

double train_plain_score_r2(const double *score, const train_set *set) {
    double mean = 0, all = 0, left = 0;
    for (size_t i = 0; i < set->rows; i++)
        mean += set->y[i] / (double)set->rows;
    for (size_t i = 0; i < set->rows; i++) {
        const double e = set->y[i] - score[i];
        all += (set->y[i] - mean) * (set->y[i] - mean);
        left += e * e;
    }
    return 1 - left / all;
}

void train_plain_scores(double *score, const double *w, const train_set *set) {
    for (size_t i = 0; i < set->rows; i++)
        score[i] = train_plain_score(w, set, i);
}
