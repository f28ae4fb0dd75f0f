/* linear.c - least squares over the second moments of the data. */
#include "train_impl.h"

#define MOMENT_BITS 24 /* of the scaled moments: MOMENT + WEIGHT <= 50 */

static size_t moments(unsigned d) {
    return (size_t)d * (d + 1) / 2 + d;
}

mal_err mal_train_linear_release(mal_train_release *release,
                                 unsigned features) {
    MAL_REQUIRE(features >= 1 && features <= MAL_TRAIN_FEATURES_MAX,
                MAL_E_INPUT, "%u features: take 1 to %d", features,
                MAL_TRAIN_FEATURES_MAX);
    const size_t words = moments(features + 1);
    *release = (mal_train_release){
        .words = words,
        .steps = 1,
        .touched = words,
        .change = ONE * ONE, /* |x_i x_j|, |x_i y| <= 1 */
    };
    return MAL_OK;
}

typedef struct equations {
    mal_share3_words sums; /* x_i x_j for j <= i, then x_i y */
    mal_share3_words a;    /* [d][d], in 2^-MOMENT, over 2^k rows */
    mal_share3_words b;    /* [d], alike */
    unsigned k;            /* ceil(log2 rows) */
} equations;

static void equations_clear(equations *e) {
    mal_share3_words_clear(&e->sums);
    mal_share3_words_clear(&e->a);
    mal_share3_words_clear(&e->b);
}

/* The columns from i on with the first few of them: what is below the diagonal
 * goes to its place, and what is above it in this square is the same again. */
static mal_err sum_square(mal_share3 *s, equations *e, const train_matrix *m,
                          unsigned i) {
    TRAIN_AUTO_WORDS z = { 0 };
    const unsigned left = m->d - i, some = left < SQUARE ? left : SQUARE;
    const size_t n = m->n;
    const mal_share3_words a =
        mal_share3_words_view(&m->column, i * n, left * n);
    const mal_share3_words x = mal_share3_words_view(&a, 0, some * n);
    MAL_TRY(mal_share3_matmul(s, &z, &a, &x, n));
    for (unsigned p = 0; p < 2; p++)
        for (unsigned v = 0; v < some; v++)
            for (unsigned j = v; j < left; j++)
                e->sums.part[p][(size_t)(i + j) * (i + j + 1) / 2 + i + v] =
                    z.part[p][v * left + j];
    return MAL_OK;
}

/* Sums of at most 2^20 products of at most 2^40: exact. */
static mal_err sum_products(mal_share3 *s, equations *e,
                            const train_matrix *m) {
    const size_t squares = (size_t)m->d * (m->d + 1) / 2;
    MAL_TRY(mal_share3_words_new(s, &e->sums, moments(m->d)));
    for (unsigned i = 0; i < m->d; i += SQUARE)
        MAL_TRY(sum_square(s, e, m, i));
    mal_share3_words z = mal_share3_words_view(&e->sums, squares, m->d);
    return mal_share3_matmul(s, &z, &m->column, &m->label, m->n);
}

/* A and b are the sums over 2^k >= rows: A's entries are at most 1. */
static mal_err scale(mal_share3 *s, equations *e, unsigned d) {
    const unsigned shift = 2 * VALUE - MOMENT_BITS + e->k;
    MAL_TRY(mal_share3_truncate(s, &e->sums, &e->sums, shift));
    MAL_TRY(mal_share3_words_new(s, &e->a, (size_t)d * d));
    MAL_TRY(mal_share3_words_new(s, &e->b, d));
    for (unsigned p = 0; p < 2; p++) {
        const uint64_t *sum = e->sums.part[p];
        for (unsigned i = 0; i < d; i++)
            for (unsigned j = 0; j <= i; j++)
                e->a.part[p][i * d + j] = e->a.part[p][j * d + i] = *sum++;
        for (unsigned i = 0; i < d; i++)
            e->b.part[p][i] = *sum++;
    }
    return MAL_OK;
}

/* The objective times rows / 2^k has Hessian A + ridge' I, and A's trace is at
 * most d rows / 2^k as each |x|^2 <= d. */
static mal_err solve(mal_share3 *s, mal_share3_words *w, equations *e,
                     const train_matrix *m, const mal_train_options *o) {
    MAL_AUTO(train_descent_clear) train_descent t = { 0 };
    TRAIN_AUTO_WORDS gradient = { 0 };
    TRAIN_AUTO_WORDS ridged = { 0 };
    const unsigned d = m->d, bits = MOMENT_BITS + WEIGHT;
    const double part = (double)m->n / (double)(UINT64_C(1) << e->k);
    const double mu = (double)o->ridge_nano * 1e-9 * part;
    const uint64_t ridge = (uint64_t)(mu * (1 << MOMENT_BITS) + 0.5);
    MAL_TRY(train_descent_begin(s, &t, d, d * part + mu, mu, bits));
    MAL_TRY(mal_share3_words_new(s, &gradient, d));
    MAL_TRY(mal_share3_words_affine(s, &e->b, &e->b, 1 << WEIGHT, 0));
    for (unsigned i = 0; i < o->steps; i++) {
        MAL_TRY(mal_share3_matmul(s, &gradient, &e->a, &t.at, d));
        MAL_TRY(mal_share3_words_affine(s, &ridged, &t.at, ridge, 0));
        MAL_TRY(mal_share3_words_add(s, &gradient, &gradient, &ridged));
        MAL_TRY(train_less(s, &gradient, &e->b));
        MAL_TRY(train_descent_step(s, &t, &gradient));
    }
    return mal_share3_words_copy(s, w, &t.w);
}

mal_err mal_train_linear(mal_share3 *s, mal_share3_words *w,
                         const mal_train_data *data,
                         const mal_train_options *options) {
    MAL_AUTO(train_matrix_clear) train_matrix m = { 0 };
    MAL_AUTO(equations_clear) equations e = { 0 };
    MAL_TRY(train_check(data, options, MAL_TRAIN_LINEAR_RIDGE_MAX));
    while ((size_t)1 << e.k < data->rows)
        e.k++;
    MAL_TRY(train_matrix_make(s, &m, data, -(int64_t)ONE));
    MAL_TRY(sum_products(s, &e, &m));
    if (options->noised)
        MAL_TRY(train_noise_add(s, &e.sums, options->noise));
    MAL_TRY(scale(s, &e, m.d));
    return solve(s, w, &e, &m, options);
}
