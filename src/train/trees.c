/* trees.c - boosting: histograms, routes, leaves, scores. */
#include "trees_impl.h"

#include <string.h>

static void forest_clear(forest *f) {
    mal_share3_words_clear(&f->in);
    mal_share3_words_clear(&f->label);
    mal_share3_words_clear(&f->valid);
    mal_share3_words_clear(&f->score);
    mal_share3_words_clear(&f->gradient);
    mal_share3_words_clear(&f->member);
}

/* --- Options ---------------------------------------------------------------
 */

size_t mal_train_trees_words(const mal_train_trees_options *o) {
    return o->trees * (((size_t)2 << o->depth) - 1);
}

static mal_err check_options(const mal_train_trees_options *o) {
    MAL_REQUIRE(o->trees >= 1 && o->trees <= MAL_TRAIN_TREES_MAX, MAL_E_INPUT,
                "%u trees: take 1 to %d", o->trees, MAL_TRAIN_TREES_MAX);
    MAL_REQUIRE(o->depth >= 1 && o->depth <= MAL_TRAIN_DEPTH_MAX, MAL_E_INPUT,
                "a depth of %u: take 1 to %d", o->depth, MAL_TRAIN_DEPTH_MAX);
    MAL_REQUIRE(o->ridge_rows >= 1 && o->ridge_rows <= MAL_TRAIN_ROWS_MAX,
                MAL_E_INPUT, "a ridge of %llu rows: take 1 to %zu",
                (unsigned long long)o->ridge_rows, MAL_TRAIN_ROWS_MAX);
    MAL_REQUIRE(o->rate >= 1 && o->rate <= 4 * ONE, MAL_E_INPUT,
                "a rate of %llu / 2^20: take up to 4",
                (unsigned long long)o->rate);
    return MAL_OK;
}

static mal_err check_shape(unsigned features, unsigned bin_bits) {
    MAL_REQUIRE(features >= 1 && features <= MAL_TRAIN_FEATURES_MAX,
                MAL_E_INPUT, "%u features: take 1 to %d", features,
                MAL_TRAIN_FEATURES_MAX);
    MAL_REQUIRE(bin_bits >= 1 && bin_bits <= MAL_TRAIN_BIN_BITS_MAX,
                MAL_E_INPUT, "bins of %u bits: take 1 to %d", bin_bits,
                MAL_TRAIN_BIN_BITS_MAX);
    return MAL_OK;
}

static mal_err check_bins(const mal_train_bins *data) {
    MAL_TRY(check_shape(data->features, data->bin_bits));
    const size_t choices = (size_t)data->features << data->bin_bits;
    MAL_REQUIRE(data->rows >= 1 && data->rows <= MAL_TRAIN_ROWS_MAX &&
                    data->rows <= MAL_TRAIN_CHOICES_MAX / choices,
                MAL_E_INPUT, "%zu rows of %zu choices: at most %zu in all",
                data->rows, choices, MAL_TRAIN_CHOICES_MAX);
    for (unsigned j = 0; j < data->features; j++)
        MAL_REQUIRE(data->columns[j].n == data->rows &&
                        data->columns[j].width == data->bin_bits &&
                        !data->columns[j].parked,
                    MAL_E_INPUT, "column %u is not %zu rows of %u planes", j,
                    data->rows, data->bin_bits);
    return train_check_label(data->label, data->valid, data->rows);
}

/* In each level of each tree a row is in one node and, for each feature, in one
 * bin: it moves a sum and a count for each feature. */
mal_err mal_train_trees_release(mal_train_release *release, unsigned features,
                                unsigned bin_bits,
                                const mal_train_trees_options *o) {
    MAL_TRY(check_options(o));
    MAL_TRY(check_shape(features, bin_bits));
    const size_t choices = (size_t)features << bin_bits;
    *release = (mal_train_release){
        .words = o->trees * (((size_t)1 << o->depth) - 1) * 2 * choices,
        .steps = (size_t)o->trees * o->depth,
        .touched = 2 * features,
        .change = ONE + 1, /* |gradient| <= 1 and a unit; a count: 2^20 */
    };
    return MAL_OK;
}

/* --- In --------------------------------------------------------------------
 */

/* The bins of one feature, one plane for each; then, as one long plane, to
 * words. */
static mal_err spread(mal_share3 *s, forest *f, unsigned feature,
                      const mal_share3_bits *column) {
    TRAIN_AUTO_BITS bin = { 0 };
    TRAIN_AUTO_WORDS word = { 0 };
    MAL_TRY(mal_share3_bits_new(s, &bin, f->n, f->bins));
    mal_share3_bits all = mal_share3_bits_planes(&bin, 0, 1);
    MAL_TRY(mal_share3_not(s, &all, &all));
    MAL_TRY(train_minterms(s, &bin, column));
    const mal_share3_bits flat = {
        .n = 64 * bin.stride * f->bins,
        .width = 1,
        .stride = bin.stride * f->bins,
        .part = { bin.part[0], bin.part[1] },
    };
    MAL_TRY(mal_share3_inject(s, &word, &flat, NULL));
    for (unsigned b = 0; b < f->bins; b++) {
        const mal_share3_words one =
            mal_share3_words_view(&word, 64 * bin.stride * b, f->n);
        train_put(&f->in, ((size_t)feature * f->bins + b) * f->n, &one);
    }
    return MAL_OK;
}

static mal_err forest_make(mal_share3 *s, forest *f,
                           const mal_train_bins *data) {
    const int64_t lo = f->options->logistic ? 0 : -(int64_t)ONE;
    MAL_TRY(mal_share3_words_new(s, &f->in, f->choices * f->n));
    MAL_TRY(mal_share3_words_new(s, &f->score, f->n));
    MAL_TRY(mal_share3_words_new(s, &f->valid, f->n));
    for (unsigned j = 0; j < data->features; j++)
        MAL_TRY(spread(s, f, j, &data->columns[j]));
    MAL_TRY(mal_share3_words_copy(s, &f->label, data->label));
    MAL_TRY(train_clip(s, &f->label, lo, (int64_t)ONE));
    if (data->valid)
        return mal_share3_inject(s, &f->valid, data->valid, NULL);
    return mal_share3_words_affine(s, &f->valid, &f->valid, 0, 1);
}

/* --- A tree ----------------------------------------------------------------
 */

static mal_err gradients(mal_share3 *s, forest *f) {
    mal_share3_words *g = &f->gradient;
    if (f->options->logistic) {
        MAL_TRY(mal_train_sigmoid(s, g, &f->score));
        return train_less(s, g, &f->label);
    }
    MAL_TRY(mal_share3_words_sub(s, g, &f->score, &f->label));
    return train_clip(s, g, -(int64_t)ONE, (int64_t)ONE);
}

/* [2 nodes][n]: the gradients of each node's rows, zeros elsewhere; then which
 * rows it has. */
static mal_err sides(mal_share3 *s, mal_share3_words *z, const forest *f,
                     unsigned nodes) {
    const size_t n = f->n;
    MAL_TRY(mal_share3_words_new(s, z, 2 * nodes * n));
    for (unsigned v = 0; v < nodes; v++)
        train_put(z, v * n, &f->gradient);
    train_put(z, nodes * n, &f->member);
    mal_share3_words g = mal_share3_words_view(z, 0, nodes * n);
    return mal_share3_mul(s, &g, &g, &f->member);
}

/* sum[v][k] = the gradients of v's rows in bin k; counts after them, in 2^-20
 * where noise comes. */
static mal_err histograms(mal_share3 *s, forest *f, level *l) {
    TRAIN_AUTO_WORDS x = { 0 };
    const size_t half = f->choices * l->nodes;
    MAL_TRY(mal_share3_words_new(s, &l->sum, 2 * half));
    MAL_TRY(sides(s, &x, f, l->nodes));
    MAL_TRY(mal_share3_matmul(s, &l->sum, &f->in, &x, f->n));
    if (!f->options->noised)
        return MAL_OK;
    mal_share3_words rows = mal_share3_words_view(&l->sum, half, half);
    MAL_TRY(mal_share3_words_affine(s, &rows, &rows, ONE, 0));
    MAL_TRY(train_noise_add(s, &l->sum, f->noise));
    f->noise += 2 * half;
    return MAL_OK;
}

/* Rows [at, at + n) by rows: z[i][k]. */
static void turn(mal_share3_words *z, const forest *f, size_t at, size_t n) {
    for (unsigned p = 0; p < 2; p++)
        for (size_t k = 0; k < f->choices; k++) {
            const uint64_t *from = f->in.part[p] + k * f->n + at;
            for (size_t i = 0; i < n; i++)
                z->part[p][i * f->choices + k] = from[i];
        }
}

/* goes[v][k]: does a row in bin k go left at v?  If the split taken is of this
 * feature, at this bin or a later one. */
static mal_err ways(mal_share3 *s, mal_share3_words *goes, const forest *f,
                    const level *l) {
    MAL_TRY(mal_share3_words_copy(s, goes, &l->taken));
    for (unsigned p = 0; p < 2; p++)
        for (size_t i = f->choices * l->nodes; i-- > 0;)
            if ((i + 1) % f->bins)
                goes->part[p][i] += goes->part[p][i + 1];
    return MAL_OK;
}

/* left[v][i]: would row i go left at v? */
static mal_err turn_rows(mal_share3 *s, mal_share3_words *left, const forest *f,
                         const level *l) {
    TRAIN_AUTO_WORDS goes = { 0 };
    TRAIN_AUTO_WORDS row = { 0 };
    size_t batch = ROUTE_BATCH / f->choices;
    if (batch > f->n)
        batch = f->n;
    MAL_TRY(ways(s, &goes, f, l));
    MAL_TRY(mal_share3_words_new(s, &row, batch * f->choices));
    for (size_t at = 0; at < f->n; at += batch) {
        TRAIN_AUTO_WORDS z = { 0 };
        const size_t n = f->n - at < batch ? f->n - at : batch;
        const mal_share3_words x =
            mal_share3_words_view(&row, 0, n * f->choices);
        turn(&row, f, at, n);
        MAL_TRY(mal_share3_matmul(s, &z, &x, &goes, f->choices));
        for (unsigned v = 0; v < l->nodes; v++) {
            const mal_share3_words one = mal_share3_words_view(&z, v * n, n);
            train_put(left, v * f->n + at, &one);
        }
    }
    return MAL_OK;
}

/* A node's rows part in two. */
static mal_err route(mal_share3 *s, forest *f, const level *l) {
    TRAIN_AUTO_WORDS left = { 0 };
    TRAIN_AUTO_WORDS next = { 0 };
    const size_t n = f->n;
    MAL_TRY(mal_share3_words_new(s, &left, l->nodes * n));
    MAL_TRY(mal_share3_words_new(s, &next, 2 * l->nodes * n));
    MAL_TRY(turn_rows(s, &left, f, l));
    MAL_TRY(mal_share3_mul(s, &left, &left, &f->member));
    MAL_TRY(train_less(s, &f->member, &left));
    for (unsigned v = 0; v < l->nodes; v++) {
        const mal_share3_words a = mal_share3_words_view(&left, v * n, n);
        const mal_share3_words b = mal_share3_words_view(&f->member, v * n, n);
        train_put(&next, 2 * v * n, &a);
        train_put(&next, (2 * v + 1) * n, &b);
    }
    mal_share3_words_clear(&f->member);
    f->member = next;
    next = (mal_share3_words){ 0 };
    return MAL_OK;
}

/* leaf[2 v + side] = -rate * the mean of the split taken at v. */
static mal_err leaves(mal_share3 *s, mal_share3_words *leaf, const forest *f,
                      const level *l) {
    TRAIN_AUTO_WORDS mean = { 0 };
    TRAIN_AUTO_WORDS taken = { 0 };
    const size_t k = f->choices, nodes = l->nodes;
    MAL_TRY(mal_share3_words_new(s, &mean, 2 * nodes * k));
    MAL_TRY(mal_share3_words_new(s, &taken, 2 * nodes * k));
    for (unsigned p = 0; p < 2; p++)
        for (size_t i = 0; i < 2 * nodes; i++)
            for (size_t j = 0; j < k; j++) {
                const size_t at = (i % 2 * k + j) * nodes + i / 2;
                mean.part[p][i * k + j] = l->mean.part[p][at];
                taken.part[p][i * k + j] = l->taken.part[p][i / 2 * k + j];
            }
    MAL_TRY(mal_share3_dot(s, leaf, &mean, &taken, k));
    MAL_TRY(mal_share3_words_affine(s, leaf, leaf, 0 - f->options->rate, 0));
    return mal_share3_truncate(s, leaf, leaf, VALUE);
}

/* score += the leaf of the row. */
static mal_err add_scores(mal_share3 *s, forest *f,
                          const mal_share3_words *leaf) {
    TRAIN_AUTO_WORDS row = { 0 };
    TRAIN_AUTO_WORDS add = { 0 };
    MAL_TRY(mal_share3_words_new(s, &row, leaf->n * f->n));
    MAL_TRY(mal_share3_words_new(s, &add, f->n));
    for (unsigned p = 0; p < 2; p++)
        for (size_t j = 0; j < leaf->n; j++)
            for (size_t i = 0; i < f->n; i++)
                row.part[p][i * leaf->n + j] = f->member.part[p][j * f->n + i];
    MAL_TRY(mal_share3_matmul(s, &add, &row, leaf, leaf->n));
    return mal_share3_words_add(s, &f->score, &f->score, &add);
}

/* out: [2^(depth + 1) - 1] */
static mal_err grow(mal_share3 *s, forest *f, mal_share3_words *out) {
    const unsigned depth = f->options->depth;
    MAL_TRY(gradients(s, f));
    mal_share3_words_clear(&f->member);
    MAL_TRY(mal_share3_words_copy(s, &f->member, &f->valid));
    for (unsigned d = 0; d < depth; d++) {
        MAL_AUTO(level_clear) level l = { .nodes = 1u << d };
        MAL_TRY(histograms(s, f, &l));
        MAL_TRY(level_split(s, &l, f));
        MAL_TRY(route(s, f, &l));
        train_put(out, l.nodes - 1, &l.best);
        if (d + 1 < depth)
            continue;
        mal_share3_words leaf =
            mal_share3_words_view(out, 2 * l.nodes - 1, 2 * l.nodes);
        MAL_TRY(leaves(s, &leaf, f, &l));
        MAL_TRY(add_scores(s, f, &leaf));
    }
    return MAL_OK;
}

mal_err mal_train_trees(mal_share3 *s, mal_share3_words *model,
                        const mal_train_bins *data,
                        const mal_train_trees_options *options) {
    MAL_TRY(check_options(options));
    MAL_TRY(check_bins(data));
    MAL_REQUIRE(options->noised == (options->noise != NULL), MAL_E_INPUT,
                "noise is given if and only if the model is noised");
    MAL_AUTO(forest_clear)
    forest f = {
        .options = options,
        .n = data->rows,
        .bins = 1u << data->bin_bits,
        .choices = (size_t)data->features << data->bin_bits,
        .noise = options->noise,
    };
    const size_t words = mal_train_trees_words(options);
    if (!model->owner && !model->part[0])
        MAL_TRY(mal_share3_words_new(s, model, words));
    MAL_REQUIRE(model->n == words, MAL_E_INPUT, "a model has %zu words", words);
    MAL_TRY(forest_make(s, &f, data));
    for (unsigned t = 0; t < options->trees; t++) {
        const size_t each = words / options->trees;
        mal_share3_words out = mal_share3_words_view(model, t * each, each);
        MAL_TRY(grow(s, &f, &out));
    }
    return MAL_OK;
}

/* --- Out -------------------------------------------------------------------
 */

int64_t mal_train_trees_score_vartime(const uint64_t *model,
                                      const mal_train_trees_options *o,
                                      unsigned bin_bits, const uint8_t *bins) {
    const size_t inner = ((size_t)1 << o->depth) - 1;
    int64_t score = 0;
    for (unsigned t = 0; t < o->trees; t++, model += 2 * inner + 1) {
        size_t v = 0;
        while (v < inner) {
            const uint64_t split = model[v];
            const uint64_t most = split & ((UINT64_C(1) << bin_bits) - 1);
            v = 2 * v + (bins[split >> bin_bits] <= most ? 1 : 2);
        }
        score += (int64_t)model[v];
    }
    return score;
}
