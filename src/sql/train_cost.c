/* train_cost.c - what a fit costs one seat, with the rows that it fits.
 *
 * Each function follows the calls of the one of train_run.c that it is named
 * after; nanoseconds a value and step are such as `malus bench train` measured
 * (docs/measurements.md).
 */
#include "train_impl.h"

#define CELL_NS 1500.0 /* a value: into words, scaled, clipped */
#define PROVED 5.0     /* times as many when malicious */

static double weights_ns(const struct sql_training *t, double rows) {
    const double steps = t->steps, d = t->n;
    return t->model == SQL_LOGISTIC ? steps * rows * (400 + 8 * d)
                                    : steps * 400 * d + rows * d * d * 2;
}

static double trees_ns(const struct sql_training *t, double rows) {
    const double choices = (double)(t->n - 1) * (1u << t->bin_bits);
    const double nodes = (double)(1u << t->trees.depth);
    return t->trees.trees *
           (rows * choices * nodes * 3 + 3000 * choices * nodes);
}

/* --- Calls -----------------------------------------------------------------
 */

typedef struct fitted {
    const mal_sql_physical *physical;
    const struct sql_training *t;
    const mal_obl_table *rows;
    size_t n, pad;
} fitted;

/* convert: columns [from, to). */
static void add_planes(mal_share3_cost *c, const fitted *f, unsigned from,
                       unsigned to) {
    unsigned width = 1;
    for (unsigned i = from; i < to; i++) {
        const unsigned own = sql_training_planes(&f->rows->columns[i].type);
        width = own > width ? own : width;
    }
    mal_share3_cost_add(c, MAL_SHARE3_CALL_TO_WORDS, (to - from) * f->pad,
                        width);
}

static void add_values(mal_share3_cost *c, const fitted *f) {
    const unsigned at_once =
        f->pad < SQL_TRAIN_BATCH ? (unsigned)(SQL_TRAIN_BATCH / f->pad) : 1;
    for (unsigned i = 0, to; i < f->t->n; i = to) {
        for (to = i; to < f->t->n && to - i < at_once &&
                     !f->rows->columns[to].has_words;)
            to++;
        if (to > i)
            add_planes(c, f, i, to);
        else
            to++;
    }
}

static void add_valid(mal_share3_cost *c, const fitted *f) {
    unsigned nullable = 0;
    for (unsigned i = 0; i < f->t->n; i++)
        nullable += f->rows->columns[i].type.nullable;
    if (nullable == 0)
        return;
    mal_share3_cost_add(c, MAL_SHARE3_CALL_EQ, f->n, nullable);
    mal_share3_cost_add(c, MAL_SHARE3_CALL_AND, f->n, 1);
}

static void add_weights(mal_share3_cost *c, const fitted *f) {
    const size_t values = f->t->n * f->pad;
    const mal_train_size size = { .rows = f->n,
                                  .features = f->t->n - 1,
                                  .valid = true };
    const mal_train_options o = { .steps = f->t->steps, .noised = true };
    for (size_t at = 0, n; at < values; at += n) {
        n = values - at < SQL_TRAIN_BATCH ? values - at : SQL_TRAIN_BATCH;
        mal_share3_cost_add(c, MAL_SHARE3_CALL_TRUNCATE, n, 64);
    }
    (f->t->model == SQL_LOGISTIC ? mal_train_logistic_cost
                                 : mal_train_linear_cost)(c, &size, &o);
}

static void add_trees(mal_share3_cost *c, const fitted *f) {
    const mal_train_size size = { f->n, f->t->n - 1, f->t->bin_bits, true };
    mal_train_trees_options o = f->t->trees;
    o.noised = true;
    mal_share3_cost_add(c, MAL_SHARE3_CALL_TO_BITS, f->t->n * f->pad,
                        sql_training_range_width(f->t));
    if (!o.logistic)
        mal_share3_cost_add(c, MAL_SHARE3_CALL_TRUNCATE, f->n, 64);
    mal_train_trees_cost(c, &size, &o);
}

/* Each party sends one word of three. */
static void add_count(mal_share3_cost *c, const fitted *f) {
    mal_share3_cost_add(c, MAL_SHARE3_CALL_INJECT_ONE, f->n, 1);
    mal_share3_cost_add(c, MAL_SHARE3_CALL_INPUT, 1, 64);
    c->rounds += 2;
}

/* And what comes before the model leaves: shares made anew, proofs. */
static double add(mal_share3_cost *c, const void *ctx) {
    const fitted *f = ctx;
    const double n = (double)f->n;
    add_values(c, f);
    add_valid(c, f);
    (f->t->model == SQL_TREES ? add_trees : add_weights)(c, f);
    if (f->physical->training->counted)
        add_count(c, f);
    mal_share3_cost_add(c, MAL_SHARE3_CALL_MUL, f->physical->n_cells, 64);
    mal_share3_cost_verify(c);
    return (c->malicious ? PROVED : 1) *
           (n * f->t->n * CELL_NS +
            (f->t->model == SQL_TREES ? trees_ns : weights_ns)(f->t, n));
}

void sql_training_pay(mal_obl *o, const mal_sql_physical *physical,
                      const mal_obl_table *rows) {
    const fitted f = { physical, physical->plan->training, rows, rows->n,
                       (rows->n + 63) / 64 * 64 };
    mal_obl_pay(o, add, &f);
}
