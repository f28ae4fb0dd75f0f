/* plain_trees.c - boosted trees in double precision, on data in the clear. */
#include "plain.h"

#include <math.h>
#include <string.h>

void train_set_bins(uint8_t *bins, const train_set *set, unsigned bin_bits) {
    const double n = (double)(1u << bin_bits);
    for (size_t i = 0; i < set->rows * set->features; i++)
        bins[i] = (uint8_t)fmin(n - 1, fmax(0, floor((set->x[i] + 1) / 2 * n)));
}

typedef struct work {
    train_plain_forest *f;
    double *gradient; /* [rows] */
    size_t *node;     /* [rows] by heap order */
} work;

typedef struct split {
    double gain, leaf[2];
} split;

/* What the split k does at node v. */
static split try_split(const work *w, size_t v, size_t k) {
    const train_plain_forest *f = w->f;
    const size_t rows = f->set->rows;
    const uint8_t *bin = f->bins + (k >> f->bin_bits) * rows;
    const size_t most = k & ((1u << f->bin_bits) - 1);
    double g[2] = { 0 }, n[2] = { 0 };
    split s = { 0 };
    for (size_t i = 0; i < rows; i++)
        if (w->node[i] == v) {
            g[bin[i] > most] += w->gradient[i];
            n[bin[i] > most] += 1;
        }
    for (unsigned side = 0; side < 2; side++) {
        const double h = n[side] + (double)f->options->ridge_rows;
        s.gain += g[side] * g[side] / h;
        s.leaf[side] = -ldexp((double)f->options->rate, -MAL_TRAIN_VALUE_BITS) *
                       g[side] / h;
    }
    return s;
}

static void route(work *w, size_t v, size_t k) {
    const train_plain_forest *f = w->f;
    const uint8_t *bin = f->bins + (k >> f->bin_bits) * f->set->rows;
    const size_t most = k & ((1u << f->bin_bits) - 1);
    for (size_t i = 0; i < f->set->rows; i++)
        if (w->node[i] == v)
            w->node[i] = 2 * v + (bin[i] <= most ? 1 : 2);
}

/* follow: this tree's words, or NULL. */
static size_t split_node(work *w, size_t v, const uint64_t *follow,
                         double *leaf) {
    train_plain_forest *f = w->f;
    const size_t choices = (size_t)f->set->features << f->bin_bits;
    size_t best = 0;
    split s = try_split(w, v, 0);
    for (size_t k = 1; k < choices; k++) {
        const split other = try_split(w, v, k);
        if (other.gain > s.gain) {
            s = other;
            best = k;
        }
    }
    if (follow) {
        const split taken = try_split(w, v, follow[v]);
        f->worst_gain = fmax(f->worst_gain, s.gain - taken.gain);
        s = taken;
        best = follow[v];
    }
    route(w, v, best);
    memcpy(leaf, s.leaf, sizeof s.leaf);
    return best;
}

static void grow(work *w, const uint64_t *follow, uint64_t *model) {
    train_plain_forest *f = w->f;
    const size_t inner = ((size_t)1 << f->options->depth) - 1;
    double leaf[2 << MAL_TRAIN_DEPTH_MAX], pair[2];
    for (size_t i = 0; i < f->set->rows; i++) {
        double p = f->score[i];
        if (f->options->logistic)
            p = 1 / (1 + exp(-p));
        w->node[i] = 0;
        w->gradient[i] = fmin(1, fmax(-1, p - f->set->y[i]));
    }
    for (size_t v = 0; v < inner; v++) {
        const size_t taken = split_node(w, v, follow, pair);
        if (model)
            model[v] = taken;
        for (unsigned side = 0; 2 * v + 1 >= inner && side < 2; side++) {
            const size_t at = 2 * v + 1 + side;
            leaf[at - inner] = pair[side];
            if (!follow)
                continue;
            const double told =
                ldexp((double)(int64_t)follow[at], -MAL_TRAIN_VALUE_BITS);
            f->worst_leaf = fmax(f->worst_leaf, fabs(told - pair[side]));
            leaf[at - inner] = told;
        }
    }
    for (size_t i = 0; model && i <= inner; i++)
        model[inner + i] =
            (uint64_t)llround(ldexp(leaf[i], MAL_TRAIN_VALUE_BITS));
    for (size_t i = 0; i < f->set->rows; i++)
        f->score[i] += leaf[w->node[i] - inner];
}

mal_err train_plain_trees(train_plain_forest *f) {
    const size_t rows = f->set->rows;
    work w = { .f = f };
    f->worst_gain = f->worst_leaf = 0;
    memset(f->score, 0, rows * sizeof *f->score);
    w.gradient = mal_calloc(rows, sizeof *w.gradient);
    w.node = mal_calloc(rows, sizeof *w.node);
    const bool well = w.gradient && w.node;
    const size_t each = ((size_t)2 << f->options->depth) - 1;
    for (unsigned t = 0; well && t < f->options->trees; t++)
        grow(&w, f->follow ? f->follow + t * each : NULL,
             f->model ? f->model + t * each : NULL);
    mal_free(w.gradient);
    mal_free(w.node);
    return well ? MAL_OK : mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
}
