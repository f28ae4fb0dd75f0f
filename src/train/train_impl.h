/* train_impl.h - what the models share: matrices, clipping, noise. */
#ifndef TRAIN_IMPL_H
#define TRAIN_IMPL_H

#include <malus/train.h>

#define VALUE MAL_TRAIN_VALUE_BITS
#define WEIGHT MAL_TRAIN_WEIGHT_BITS
#define ONE (UINT64_C(1) << VALUE)
/* Words that a call takes at once: memory is a small multiple, rounds the
 * quotient. */
#define TRAIN_BATCH ((size_t)1 << 18)

#define SQUARE 8        /* columns whose second moments are one product */
#define CLIPPED_BITS 31 /* a range below 2^30, and the sign */

/* logistic.c, the sigmoid */
#define SIGMOID_BATCH (TRAIN_BATCH / 4)
#define PIECES 64
#define PIECE_BITS 6
#define FIRST (VALUE - 2)         /* a piece is 1/4 wide */
#define OVER (FIRST + PIECE_BITS) /* planes from here: out of reach */
#define TABLE_BITS 26             /* of slope and base, signed */

/* select.c, means: bits of a whole number, of one in [1/2, 1) */
#define H_BITS 22
#define U_BITS 29

#define TRAIN_AUTO_WORDS MAL_AUTO(mal_share3_words_clear) mal_share3_words
#define TRAIN_AUTO_BITS MAL_AUTO(mal_share3_bits_clear) mal_share3_bits

/* Valid rows, clipped, others zero; the last column is the intercept's: 1 where
 * valid. */
typedef struct train_matrix {
    size_t n;
    unsigned d;              /* features + 1 */
    mal_share3_words column; /* [d][n] */
    mal_share3_words row;    /* [n][d], where wanted */
    mal_share3_words label;  /* [n] */
} train_matrix;

void train_matrix_clear(train_matrix *m);
/* Labels are clipped to [label_lo, 1]. */
mal_err train_matrix_make(mal_share3 *s, train_matrix *m,
                          const mal_train_data *data,
                          int64_t label_lo) MAL_MUST_CHECK;
mal_err train_matrix_rows(mal_share3 *s, train_matrix *m) MAL_MUST_CHECK;
mal_err train_check(const mal_train_data *data,
                    const mal_train_options *options,
                    uint64_t ridge_max) MAL_MUST_CHECK;

/* x := min(max(x, lo), hi), for any x.  The range is less than 2^30. */
mal_err train_clip(mal_share3 *s, mal_share3_words *x, int64_t lo,
                   int64_t hi) MAL_MUST_CHECK;
/* z += the noise of all three: each party's own words. */
mal_err train_noise_add(mal_share3 *s, mal_share3_words *z,
                        const int64_t *own) MAL_MUST_CHECK;
/* Local: z[from ..] = x. */
void train_put(mal_share3_words *z, size_t from, const mal_share3_words *x);
/* z -= x. */
mal_err train_less(mal_share3 *s, mal_share3_words *z,
                   const mal_share3_words *x) MAL_MUST_CHECK;

/* Plane k of z = (the planes of x, a number, are k) and plane 0 of z as it was;
 * z has 2^(width of x) planes.  A round a plane of x. */
mal_err train_minterms(mal_share3 *s, mal_share3_bits *z,
                       const mal_share3_bits *x) MAL_MUST_CHECK;
/* One plane: x < 0. */
mal_err train_negative(mal_share3 *s, mal_share3_bits *z,
                       const mal_share3_words *x) MAL_MUST_CHECK;
/* m = g / h in 2^-20, for whole 1 <= h <= 2^21 and |g| <= h (2^20 + 1); off by
 * less than 2^-18.  g, h, m: [n]. */
mal_err train_mean(mal_share3 *s, mal_share3_words *m,
                   const mal_share3_words *g,
                   const mal_share3_words *h) MAL_MUST_CHECK;
mal_err train_check_label(const mal_share3_words *label,
                          const mal_share3_bits *valid,
                          size_t rows) MAL_MUST_CHECK;

/* Accelerated descent: w is where we are, at is where the gradient is taken. */
typedef struct train_descent {
    mal_share3_words w, at;
    unsigned shift;    /* step = 2^-shift, over the gradient's scale */
    uint64_t momentum; /* in 2^-16 */
} train_descent;
void train_descent_clear(train_descent *t);
/* For a gradient with units of 2^-bits, of an objective between mu and l
 * (numerators over 1e9 in 128 bits do not pay: doubles, operations that IEEE
 * 754 rounds alike everywhere). */
mal_err train_descent_begin(mal_share3 *s, train_descent *t, size_t n, double l,
                            double mu, unsigned bits) MAL_MUST_CHECK;
mal_err train_descent_step(mal_share3 *s, train_descent *t,
                           const mal_share3_words *gradient) MAL_MUST_CHECK;

#endif
