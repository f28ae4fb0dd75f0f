/* plain.h - the same models in double precision, on data in the clear: what
 * tests and the bench compare with. */
#ifndef TRAIN_PLAIN_H
#define TRAIN_PLAIN_H

#include <malus/train.h>

typedef struct train_set {
    size_t rows;
    unsigned features;
    double *x; /* [features][rows], in [-1, 1] */
    double *y; /* [rows] */
} train_set;

void train_set_clear(train_set *set);
mal_err train_set_new(train_set *set, size_t rows,
                      unsigned features) MAL_MUST_CHECK;
/* Features in [-1, 1]; y follows them and some noise: in [-1, 1], or 0 and 1.
 */
mal_err train_set_generate(train_set *set, size_t rows, unsigned features,
                           bool labels, uint64_t seed) MAL_MUST_CHECK;
/* Lines of numbers with commas, the label last, after a line of names; each
 * column is scaled from its least and greatest value to [-1, 1] (labels of
 * classes: to 0 and 1).  MAL_E_MISSING: no such file. */
mal_err train_set_read(train_set *set, const char *path,
                       bool labels) MAL_MUST_CHECK;
/* Column i of x, or the label (i = features), in words of VALUE_BITS. */
void train_set_words(uint64_t *words, const train_set *set, unsigned i);

/* w[features + 1]; the scheme of descent.c, with the true sigmoid. */
mal_err train_plain_descend(double *w, const train_set *set, bool logistic,
                            unsigned steps, double ridge) MAL_MUST_CHECK;
/* The minimum itself, by elimination. */
mal_err train_plain_normal(double *w, const train_set *set,
                           double ridge) MAL_MUST_CHECK;
double train_plain_score(const double *w, const train_set *set, size_t row);
void train_plain_scores(double *score, const double *w, const train_set *set);
/* Part of labels told right; 1 - squared error / variance. */
double train_plain_score_accuracy(const double *score, const train_set *set);
double train_plain_score_r2(const double *score, const train_set *set);

/* --- trees ---------------------------------------------------------------- */

/* Bins of equal width over [-1, 1], for a set's features. */
void train_set_bins(uint8_t *bins, const train_set *set, unsigned bin_bits);

typedef struct train_plain_forest {
    const train_set *set;
    const uint8_t *bins; /* [features][rows] */
    unsigned bin_bits;
    const mal_train_trees_options *options;
    const uint64_t *follow; /* NULL, or a model whose splits are taken */
    uint64_t *model;        /* NULL, or [words] out */
    double *score;          /* [rows] out */
    double worst_gain;      /* out: the best gain less that of a split taken */
    double worst_leaf;      /* out: how far a leaf followed is off */
} train_plain_forest;
mal_err train_plain_trees(train_plain_forest *f) MAL_MUST_CHECK;

#endif
