/* train_impl.h - what train.c, train_split.c, train_run.c and train_model.c
 * share: the statement that asks for a model. */
#ifndef MAL_SQL_TRAIN_IMPL_H
#define MAL_SQL_TRAIN_IMPL_H

#include "share_run_impl.h"
#include "split_impl.h"

#include <malus/train.h>

typedef enum sql_model {
    SQL_LINEAR = 1,
    SQL_LOGISTIC = 2,
    SQL_TREES = 3,
} sql_model;

#define SQL_TRAIN_RANGE_MAX ((uint64_t)1 << 40) /* hi - lo of a column */

/* What stands before AS, and what it means for the columns of the SELECT. */
struct sql_training {
    sql_model model;
    unsigned steps;        /* linear, logistic */
    uint64_t ridge_nano;   /* linear, logistic */
    unsigned bin_bits;     /* trees */
    unsigned delta_digits; /* noise is Gaussian, delta 10^-so; 0: Laplace */
    mal_train_trees_options trees;
    const char *target_name;
    unsigned target;      /* column of the plan */
    unsigned n;           /* columns of the plan: features and the target */
    const sql_e *columns; /* [n] over the plan's columns: numbers */
};

bool sql_training_is_head(mal_bytes text);
/* Read the head, and give the text with blanks in its place. */
mal_err sql_training_read(const sql_cx *cx, struct sql_training **out,
                          mal_bytes *select) MAL_MUST_CHECK;
/* Which columns, once the SELECT is bound. */
mal_err sql_training_bind(const sql_cx *cx, struct sql_training *t,
                          const mal_sql_plan *plan) MAL_MUST_CHECK;
mal_err sql_training_encode(mal_buf *out,
                            const struct sql_training *t) MAL_MUST_CHECK;
const char *sql_model_name(sql_model model);
/* "logistic (30 steps, ridge 0.01) of y by a, b, c" */
mal_err sql_training_print(mal_buf *out,
                           const mal_sql_plan *plan) MAL_MUST_CHECK;
/* Does 0 .. 1 stand for classes, so that the loss is logistic? */
bool sql_training_classes(const struct sql_training *t);
/* Feature j = 0 .. n - 2 is which column of the plan? */
static inline unsigned sql_training_feature(const struct sql_training *t,
                                            unsigned j) {
    return j < t->target ? j : j + 1;
}
/* Words of the model, without a count. */
size_t sql_training_words(const struct sql_training *t);
/* A bin is 2^shift units of its column, from its least value on. */
unsigned sql_training_shift(const struct sql_training *t, unsigned column);

/* The rows that are fitted: columns as numbers. */
mal_err sql_training_rows(const sql_cx *cx, sql_share_plan *share,
                          const mal_sql_plan *plan) MAL_MUST_CHECK;

/* train_split.c, train_model.c: what mal_sql_split and mal_sql_finish do. */
mal_err sql_split_training(const mal_sql_physical **physical, mal_arena *arena,
                           const mal_sql_plan *plan,
                           const mal_sql_split_options *options) MAL_MUST_CHECK;
mal_err sql_finish_training(mal_sql_table *table, mal_arena *arena,
                            const mal_sql_physical *physical,
                            const int64_t *released, const uint64_t *halfwidth,
                            uint64_t group_min) MAL_MUST_CHECK;
/* train_cost.c: what rows of a dry engine cost that are fitted. */
void sql_training_pay(mal_obl *o, const mal_sql_physical *physical,
                      const mal_obl_table *rows);
/* train_run.c: planes of columns that are converted with others; values that
 * are converted, or truncated, at once; planes of a column's range. */
#define SQL_TRAIN_BATCH ((size_t)1 << 20)
unsigned sql_training_planes(const mal_obl_type *type);
unsigned sql_training_range_width(const struct sql_training *t);

#endif
