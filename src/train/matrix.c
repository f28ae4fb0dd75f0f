/* matrix.c - data made fit: clipped, invalid rows emptied, laid out by columns
 * and by rows. */
#include "train_impl.h"

#include <string.h>

void train_matrix_clear(train_matrix *m) {
    mal_share3_words_clear(&m->column);
    mal_share3_words_clear(&m->row);
    mal_share3_words_clear(&m->label);
}

static mal_err check_words(const mal_share3_words *v, size_t rows) {
    MAL_REQUIRE(v && v->n == rows && !v->parked, MAL_E_INPUT,
                "a column has not the declared %zu rows", rows);
    return MAL_OK;
}

mal_err train_check_label(const mal_share3_words *label,
                          const mal_share3_bits *valid, size_t rows) {
    MAL_TRY(check_words(label, rows));
    MAL_REQUIRE(!valid ||
                    (valid->n == rows && valid->width == 1 && !valid->parked),
                MAL_E_INPUT, "valid is not one plane of %zu rows", rows);
    return MAL_OK;
}

static mal_err check_data(const mal_train_data *data) {
    MAL_REQUIRE(data->rows >= 1 && data->rows <= MAL_TRAIN_ROWS_MAX,
                MAL_E_INPUT, "%zu rows: take 1 to %zu", data->rows,
                MAL_TRAIN_ROWS_MAX);
    MAL_REQUIRE(data->features >= 1 && data->features <= MAL_TRAIN_FEATURES_MAX,
                MAL_E_INPUT, "%u features: take 1 to %d", data->features,
                MAL_TRAIN_FEATURES_MAX);
    MAL_REQUIRE(data->rows <= MAL_TRAIN_CELLS_MAX / (data->features + 1),
                MAL_E_INPUT, "%zu rows of %u features: more than %zu cells",
                data->rows, data->features, MAL_TRAIN_CELLS_MAX);
    for (unsigned j = 0; j < data->features; j++)
        MAL_TRY(check_words(&data->columns[j], data->rows));
    return train_check_label(data->label, data->valid, data->rows);
}

mal_err train_check(const mal_train_data *data,
                    const mal_train_options *options, uint64_t ridge_max) {
    MAL_TRY(check_data(data));
    MAL_REQUIRE(options->steps >= 1 && options->steps <= MAL_TRAIN_STEPS_MAX,
                MAL_E_INPUT, "%u steps: take 1 to %d", options->steps,
                MAL_TRAIN_STEPS_MAX);
    MAL_REQUIRE(options->ridge_nano >= 1000 && options->ridge_nano <= ridge_max,
                MAL_E_INPUT, "a ridge of %llu nano: take 10^3 to %llu",
                (unsigned long long)options->ridge_nano,
                (unsigned long long)ridge_max);
    MAL_REQUIRE(options->noised == (options->noise != NULL), MAL_E_INPUT,
                "noise is given if and only if the model is noised");
    return MAL_OK;
}

/* --- Clipping --------------------------------------------------------------
 */

/* Every row is `value`. */
static mal_err constant_bits(mal_share3 *s, mal_share3_bits *z, uint64_t value,
                             size_t n) {
    const size_t stride = (n + 63) / 64;
    uint64_t *planes = mal_calloc(64 * stride, sizeof *planes);
    if (!planes)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    for (size_t i = 0; i < 64 * stride; i++)
        planes[i] = 0 - (value >> i / stride & 1);
    const mal_err err = mal_share3_bits_public(s, z, planes, n, 64);
    mal_free(planes);
    return err;
}

static mal_err clip_batch(mal_share3 *s, mal_share3_words *x, int64_t lo,
                          int64_t hi) {
    TRAIN_AUTO_BITS b = { 0 };
    TRAIN_AUTO_BITS least = { 0 };
    TRAIN_AUTO_BITS most = { 0 };
    TRAIN_AUTO_BITS below = { 0 };
    TRAIN_AUTO_BITS above = { 0 };
    MAL_TRY(constant_bits(s, &least, (uint64_t)lo, x->n));
    MAL_TRY(constant_bits(s, &most, (uint64_t)hi, x->n));
    MAL_TRY(mal_share3_to_bits(s, &b, x, 64));
    MAL_TRY(mal_share3_lt(s, &below, &b, &least, true));
    MAL_TRY(mal_share3_lt(s, &above, &most, &b, true));
    /* What is clipped has few bits: the others need no choice. */
    mal_share3_bits z = mal_share3_bits_planes(&b, 0, CLIPPED_BITS);
    const mal_share3_bits l = mal_share3_bits_planes(&least, 0, CLIPPED_BITS);
    const mal_share3_bits m = mal_share3_bits_planes(&most, 0, CLIPPED_BITS);
    MAL_TRY(mal_share3_mux(s, &z, &below, &l, &z));
    MAL_TRY(mal_share3_mux(s, &z, &above, &m, &z));
    return mal_share3_to_words(s, x, &z, true);
}

mal_err train_clip(mal_share3 *s, mal_share3_words *x, int64_t lo, int64_t hi) {
    assert(lo <= hi && lo > -(1 << 30) && hi < 1 << 30);
    for (size_t at = 0; at < x->n; at += TRAIN_BATCH) {
        const size_t n = x->n - at < TRAIN_BATCH ? x->n - at : TRAIN_BATCH;
        mal_share3_words part = mal_share3_words_view(x, at, n);
        MAL_TRY(clip_batch(s, &part, lo, hi));
    }
    return MAL_OK;
}

/* --- Layout ----------------------------------------------------------------
 */

void train_put(mal_share3_words *z, size_t from, const mal_share3_words *x) {
    for (unsigned p = 0; p < 2; p++)
        memcpy(z->part[p] + from, x->part[p], x->n * sizeof *x->part[p]);
}

mal_err train_less(mal_share3 *s, mal_share3_words *z,
                   const mal_share3_words *x) {
    return mal_share3_words_sub(s, z, z, x);
}

static mal_err fill(mal_share3 *s, train_matrix *m, const mal_train_data *data,
                    const mal_share3_words *valid) {
    const size_t n = m->n;
    mal_share3_words one = mal_share3_words_view(&m->column, (m->d - 1) * n, n);
    for (unsigned j = 0; j + 1 < m->d; j++)
        train_put(&m->column, j * n, &data->columns[j]);
    train_put(&m->label, 0, data->label);
    mal_share3_words features =
        mal_share3_words_view(&m->column, 0, (m->d - 1) * n);
    MAL_TRY(train_clip(s, &features, -(int64_t)ONE, (int64_t)ONE));
    if (!data->valid) {
        TRAIN_AUTO_WORDS zero = { 0 };
        MAL_TRY(mal_share3_words_new(s, &zero, n));
        return mal_share3_words_affine(s, &one, &zero, 0, ONE);
    }
    for (unsigned j = 0; j + 1 < m->d; j++) {
        mal_share3_words c = mal_share3_words_view(&m->column, j * n, n);
        MAL_TRY(mal_share3_mul(s, &c, &c, valid));
    }
    return mal_share3_words_affine(s, &one, valid, ONE, 0);
}

mal_err train_matrix_make(mal_share3 *s, train_matrix *m,
                          const mal_train_data *data, int64_t label_lo) {
    TRAIN_AUTO_WORDS valid = { 0 };
    m->n = data->rows;
    m->d = data->features + 1;
    MAL_TRY(mal_share3_words_new(s, &m->column, m->n * m->d));
    MAL_TRY(mal_share3_words_new(s, &m->label, m->n));
    if (data->valid)
        MAL_TRY(mal_share3_inject(s, &valid, data->valid, NULL));
    MAL_TRY(fill(s, m, data, &valid));
    MAL_TRY(train_clip(s, &m->label, label_lo, (int64_t)ONE));
    return data->valid ? mal_share3_mul(s, &m->label, &m->label, &valid)
                       : MAL_OK;
}

mal_err train_matrix_rows(mal_share3 *s, train_matrix *m) {
    MAL_TRY(mal_share3_words_new(s, &m->row, m->n * m->d));
    for (unsigned p = 0; p < 2; p++)
        for (unsigned j = 0; j < m->d; j++)
            for (size_t i = 0; i < m->n; i++)
                m->row.part[p][i * m->d + j] = m->column.part[p][j * m->n + i];
    return MAL_OK;
}

mal_err train_noise_add(mal_share3 *s, mal_share3_words *z,
                        const int64_t *own) {
    for (unsigned i = 0; i < MAL_SHARE3_PARTIES; i++) {
        TRAIN_AUTO_WORDS noise = { 0 };
        const bool mine = mal_share3_me(s) == i;
        MAL_TRY(mal_share3_words_input(
            s, &noise, i, mine ? (const uint64_t *)own : NULL, z->n));
        MAL_TRY(mal_share3_words_add(s, z, z, &noise));
    }
    return MAL_OK;
}
