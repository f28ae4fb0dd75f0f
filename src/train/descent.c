/* descent.c - accelerated descent with a constant step [Nes83]. */
#include "train_impl.h"

#include <math.h>

#define MOMENTUM_BITS 16

void train_descent_clear(train_descent *t) {
    mal_share3_words_clear(&t->w);
    mal_share3_words_clear(&t->at);
}

/* The step is the greatest power of two that is at most 1 / l, so that one
 * truncation both takes the step and returns to the scale of weights.  With q =
 * mu * step the scheme contracts by 1 - sqrt(q) for beta = (1 - sqrt q) / (1 +
 * sqrt q). */
mal_err train_descent_begin(mal_share3 *s, train_descent *t, size_t n, double l,
                            double mu, unsigned bits) {
    double step = 1;
    unsigned e = 0;
    for (; step * l > 1; e++)
        step /= 2;
    const double root = sqrt(mu * step);
    t->shift = bits - WEIGHT + e;
    t->momentum = (uint64_t)((1 - root) / (1 + root) * (1 << MOMENTUM_BITS));
    assert(t->shift >= 1 && t->shift <= 61);
    MAL_TRY(mal_share3_words_new(s, &t->w, n));
    return mal_share3_words_new(s, &t->at, n);
}

/* w' = at - step * gradient;  at = w' + beta (w' - w). */
mal_err train_descent_step(mal_share3 *s, train_descent *t,
                           const mal_share3_words *gradient) {
    TRAIN_AUTO_WORDS down = { 0 };
    MAL_TRY(mal_share3_truncate(s, &down, gradient, t->shift));
    MAL_TRY(mal_share3_words_sub(s, &down, &t->at, &down)); /* w' */
    MAL_TRY(mal_share3_words_sub(s, &t->at, &down, &t->w));
    MAL_TRY(mal_share3_words_copy(s, &t->w, &down));
    MAL_TRY(mal_share3_words_affine(s, &t->at, &t->at, t->momentum, 0));
    MAL_TRY(mal_share3_truncate(s, &t->at, &t->at, MOMENTUM_BITS));
    return mal_share3_words_add(s, &t->at, &t->at, &t->w);
}
