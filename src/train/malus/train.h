/* malus/train.h - three parties fit models to data that they hold by shares.
 *
 * Linear and logistic regression and gradient-boosted trees over the engine of
 * malus/share3.h.  Data enter as shares and a model leaves as shares: nothing
 * is opened here.  Whoever releases the model opens it (mal_share3_words_open,
 * _open_to).  Who inputs which column does not matter: features of several
 * owners over the same rows (vertical), rows of several owners one after the
 * other (horizontal) are the same call.
 *
 * A value is a word of fixed point: x stands for x / 2^20.  Owners scale each
 * column to [-1, 1] by its declared bounds; what lies outside is clipped on
 * shares, so that no row weighs more than was declared.  Numbers of rows are
 * those declared; rows whose `valid` bit is 0 change nothing.
 *
 * Differential privacy: where an option says `noised`, each party gives words
 * of noise that enter as its private inputs before anything else depends on the
 * sums that they cover.  mal_train_release tells how many words, and how far
 * one row can move them: README.md has the proof.
 */
#ifndef MALUS_TRAIN_H
#define MALUS_TRAIN_H

#include <malus/base.h>
#include <malus/share3.h>

#define MAL_TRAIN_VALUE_BITS 20  /* features, labels, scores */
#define MAL_TRAIN_WEIGHT_BITS 26 /* weights of linear models */
#define MAL_TRAIN_ROWS_MAX ((size_t)1 << 20)
#define MAL_TRAIN_FEATURES_MAX 256
#define MAL_TRAIN_CELLS_MAX ((size_t)1 << 28) /* rows * (features + 1) */
#define MAL_TRAIN_STEPS_MAX 10000

/* What the noise of a release must cover.  In each step one row, added or
 * removed, moves at most `touched` words, each by at most `change`.  So a step
 * has L1 sensitivity touched * change, and L2 sensitivity sqrt(touched) *
 * change. */
typedef struct mal_train_release {
    size_t words; /* of noise, in all, from each party */
    size_t steps; /* each covers words of its own */
    uint64_t touched;
    uint64_t change;
} mal_train_release;

#define MAL_TRAIN_RIDGE_MAX UINT64_C(1000000000)
/* Noise on few rows wants a large one (README.md). */
#define MAL_TRAIN_LINEAR_RIDGE_MAX (100 * MAL_TRAIN_RIDGE_MAX)

/* --- Linear models ------------------------------------------------------- */

/* Borrowed.  Columns in words of VALUE_BITS. */
typedef struct mal_train_data {
    size_t rows;                     /* 1 .. ROWS_MAX, padding included */
    unsigned features;               /* 1 .. FEATURES_MAX */
    const mal_share3_words *columns; /* [features] of [rows], in [-1, 1] */
    const mal_share3_words *label;   /* [rows] */
    const mal_share3_bits *valid;    /* [rows], one plane; NULL: all count */
} mal_train_data;

typedef struct mal_train_options {
    unsigned steps;       /* 1 .. STEPS_MAX */
    uint64_t ridge_nano;  /* lambda in 1e-9: 1000 .. RIDGE_MAX */
    bool noised;          /* equal at all parties */
    const int64_t *noise; /* [release.words] this party's own; if noised */
} mal_train_options;

/* Fit least squares with a ridge: with N = rows, an intercept x_(d+1) = 1,
 *     minimise  sum over valid rows of (x.w - y)^2 / 2N  +  lambda |w|^2 / 2
 * by accelerated descent on the normal equations, with y clipped to [-1, 1].
 *
 * Out:     w      [features + 1] words of WEIGHT_BITS, the intercept last.
 *                 Right while max(1, lambda) |w|_1 <= 2^10 on the
 *              way.
 * Cost:    rounds: some 30 for each 2^18 cells of clipping, 7 a step; bytes:
 *          about 150 a cell once, 90 (features + 1) a step.
 * Leaks:   rows, features, options, to all three.
 * Errors:  MAL_E_INPUT   sizes or options out of range; nothing was sent.
 *          MAL_E_PEER, MAL_E_MEMORY, MAL_E_LIMIT as the engine has them.
 * Source:  [Nes83] the constant-step scheme; [DTTZ14], [VS09] noise on the
 *          second moments.
 */
mal_err mal_train_linear(mal_share3 *s, mal_share3_words *w,
                         const mal_train_data *data,
                         const mal_train_options *options) MAL_MUST_CHECK;
mal_err mal_train_linear_release(mal_train_release *release,
                                 unsigned features) MAL_MUST_CHECK;

/* Fit logistic regression with a ridge: y in [0, 1] (clipped),
 *     minimise  sum of log(1 + e^(x.w)) - y x.w over valid rows / N
 *               + lambda |w|^2 / 2
 * by accelerated descent over all rows.  The sigmoid is piecewise linear, off
 * by less than MAL_TRAIN_SIGMOID_ERROR.
 *
 * Out:     w      as above; right while |w|_1 <= 2^14 on the way.
 * Cost:    rounds: as above once, 42 a step and 2^18 cells; bytes: about 270 a
 *          row and step.
 * Leaks, Errors: as above.
 * Source:  [Nes83]; [MZ17] section 4.3 has the first such sigmoid; [ACG16]
 *          noise on each step's gradient.
 */
mal_err mal_train_logistic(mal_share3 *s, mal_share3_words *w,
                           const mal_train_data *data,
                           const mal_train_options *options) MAL_MUST_CHECK;
mal_err mal_train_logistic_release(mal_train_release *release,
                                   unsigned features,
                                   unsigned steps) MAL_MUST_CHECK;

/* Greatest distance of what _sigmoid computes from 1 / (1 + e^-x):
 * h^2 / 8 * max|sigma''| = (1/4)^2 / 8 / (6 sqrt 3) = 0.000752 between knots, a
 * slope rounded by 2^-21 at 16 (2^-17), rounding of a knot and of the product
 * (2^-18); and 1 - sigma(8) = 0.00034 past the last knot. */
#define MAL_TRAIN_SIGMOID_ERROR 0.00077
/* p = sigmoid(x), for words of VALUE_BITS with |x| < 2^60.  p lies in [0, 1]
 * up to one unit.  27 rounds.  p is not x. */
mal_err mal_train_sigmoid(mal_share3 *s, mal_share3_words *p,
                          const mal_share3_words *x) MAL_MUST_CHECK;

/* --- Gradient-boosted trees ---------------------------------------------- */

#define MAL_TRAIN_DEPTH_MAX 6
#define MAL_TRAIN_TREES_MAX 1000
#define MAL_TRAIN_BIN_BITS_MAX 6
#define MAL_TRAIN_CHOICES_MAX ((size_t)1 << 26) /* rows * features * bins */

/* Borrowed.  An owner sorts its values into 2^bin_bits bins, by declared bounds
 * and on its own. */
typedef struct mal_train_bins {
    size_t rows;                    /* 1 .. ROWS_MAX, padding included */
    unsigned features;              /* 1 .. FEATURES_MAX */
    unsigned bin_bits;              /* 1 .. BIN_BITS_MAX */
    const mal_share3_bits *columns; /* [features] of [rows], bin_bits planes */
    const mal_share3_words *label;  /* [rows] of VALUE_BITS */
    const mal_share3_bits *valid;   /* as in mal_train_data */
} mal_train_bins;

typedef struct mal_train_trees_options {
    unsigned trees;      /* 1 .. TREES_MAX */
    unsigned depth;      /* 1 .. DEPTH_MAX */
    bool logistic;       /* labels in [0, 1], log loss; else [-1, 1], squared */
    uint64_t ridge_rows; /* lambda, added to each count: 1 .. ROWS_MAX */
    uint64_t rate;       /* of learning, in 2^-20: 1 .. 4 * 2^20 */
    bool noised;         /* equal at all parties */
    const int64_t *noise; /* [release.words] this party's own; if noised */
} mal_train_trees_options;

/* Boost trees of one depth on histograms, with the gradients g = score - y
 * (squared, clipped to [-1, 1]) or sigmoid(score) - y.  A node takes the split
 * that maximises G_l^2 / (n_l + lambda) + G_r^2 / (n_r + lambda), any of (near)
 * equals, over all features and thresholds; a leaf adds -rate G / (n + lambda)
 * to the score.  (For the log loss that is Newton's step under the bound 1/4 of
 * its curvature, times 4 / rate.)  A row goes left if its bin is at most the
 * threshold; the threshold 2^bin_bits - 1 sends all rows left.
 *
 * Out:     model  [trees][2^(depth + 1) - 1] words: the splits by heap order
 *                 (children of v: 2 v + 1, 2 v + 2), each feature * 2^bin_bits
 *                 + threshold; then 2^depth leaves, in VALUE_BITS.
 *                 A mean G / (n + lambda) is off by less than 2^-18, and the
 *                 gain of a split taken from the best by less than rows * 2^-16
 *                 (README.md).
 * Cost:    for each tree and level some 80 + 10 log2(features * bins) rounds;
 *          bytes: 8 a row, node and tree, about 300 a row and tree, 1,200 a
 *          split tried.
 * Leaks:   rows, features, bins, options, to all three.
 * Errors:  as mal_train_linear.
 * Source:  [CG16] the objective; [AEV21] trees on shares.
 */
mal_err mal_train_trees(mal_share3 *s, mal_share3_words *model,
                        const mal_train_bins *data,
                        const mal_train_trees_options *options) MAL_MUST_CHECK;
mal_err
mal_train_trees_release(mal_train_release *release, unsigned features,
                        unsigned bin_bits,
                        const mal_train_trees_options *options) MAL_MUST_CHECK;
size_t mal_train_trees_words(const mal_train_trees_options *options);
/* An opened model's score of a row: a sum of leaves, in VALUE_BITS.
 * In: model    [mal_train_trees_words] with splits below features * bins.
 *     bins     [features], each below 2^bin_bits. */
int64_t mal_train_trees_score_vartime(const uint64_t *model,
                                      const mal_train_trees_options *options,
                                      unsigned bin_bits, const uint8_t *bins);

/* --- What a fit costs ---------------------------------------------------- */

typedef struct mal_train_size {
    size_t rows;
    unsigned features, bin_bits; /* bins: of trees */
    bool valid;                  /* are rows that are valid given? */
} mal_train_size;

/* Add the rounds and bytes of a fit to *cost, exactly, and of proofs that come
 * before its openings if cost->malicious: what it leaves unproved waits there.
 * Sizes and options are such as a fit takes; its noise is not read. */
void mal_train_linear_cost(mal_share3_cost *cost, const mal_train_size *size,
                           const mal_train_options *options);
void mal_train_logistic_cost(mal_share3_cost *cost, const mal_train_size *size,
                             const mal_train_options *options);
void mal_train_trees_cost(mal_share3_cost *cost, const mal_train_size *size,
                          const mal_train_trees_options *options);

/* --- Bench --------------------------------------------------------------- */

/* Measure: linear, logistic, gbdt; a JSON object a line.  By name also
 * linear-dp, logistic-dp, gbdt-dp (`dp`: these three), four epsilons each: the
 * mean, the least and the greatest accuracy of 20 fits with noise.  Where the
 * folder MALUS_TRAIN_DATA has diabetes.csv and breast-cancer.csv (tools/
 * fetch_training_sets.sh), their rows and no others; else generated rows, as
 * many as `rows`.  only: a name, or NULL for all. */
mal_err mal_train_bench(mal_buf *lines, const char *only, uint64_t rows,
                        unsigned threads,
                        mal_share3_security security) MAL_MUST_CHECK;

#endif
