/* trees_impl.h - what boosting and the choice of splits share. */
#ifndef TRAIN_TREES_IMPL_H
#define TRAIN_TREES_IMPL_H

#include "train_impl.h"

#define ROUTE_BATCH ((size_t)1 << 20) /* words of rows turned at once */

/* A forest that grows.  A choice is a feature and a bin: k = feature * bins +
 * bin, of `choices` in all. */
typedef struct forest {
    const mal_train_trees_options *options;
    size_t n;
    unsigned bins;
    size_t choices;
    mal_share3_words in;       /* [choices][n] is the row in that bin? 0 or 1 */
    mal_share3_words label;    /* [n] */
    mal_share3_words valid;    /* [n] 0 or 1 */
    mal_share3_words score;    /* [n] */
    mal_share3_words gradient; /* [n] */
    mal_share3_words member;   /* [nodes][n] is the row in that node? */
    const int64_t *noise;      /* what is left of it */
} forest;

/* A level's histograms and what follows; choice-major, so that halves of the
 * choices lie together. */
typedef struct level {
    unsigned nodes;
    mal_share3_words sum;   /* [nodes][choices] gradients, then [..] counts */
    mal_share3_words g, h;  /* [2][choices][nodes]: left, then right */
    mal_share3_words mean;  /* alike */
    mal_share3_words gain;  /* [choices][nodes] */
    mal_share3_words best;  /* [nodes] */
    mal_share3_words taken; /* [nodes][choices] 0 or 1 */
} level;

void level_clear(level *l);
/* From l->sum to l->best and l->taken. */
mal_err level_split(mal_share3 *s, level *l, const forest *f) MAL_MUST_CHECK;

#endif
