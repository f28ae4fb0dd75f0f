/* train_cost.c - what a fit costs one seat, beside the rows that it fits. */
#include "train_impl.h"

/* Rounds and bytes as src/train tells them of each model; nanoseconds a value
 * and step as `malus bench train` measured them (docs/measurements.md). */
#define CELL_BYTES 310.0 /* a value: into words, scaled, clipped */
#define CELL_NS 1500.0
#define ENTRY_ROUNDS 60.0 /* the same, once */
#define BATCH (1 << 18)

typedef struct price {
    double rounds, bytes, ns;
} price;

static void price_weights(price *p, const struct sql_training *t, double rows) {
    const bool logistic = t->model == SQL_LOGISTIC;
    const double steps = t->steps, d = t->n;
    p->rounds += steps * (logistic ? 42 + rows / BATCH : 7);
    p->bytes += steps * (logistic ? 270 * rows + 90 * d : 90 * d);
    p->ns += steps * (logistic ? rows * (400 + 8 * d) : 400 * d);
    if (!logistic)
        p->ns += rows * d * d * 2;
}

static void price_trees(price *p, const struct sql_training *t, double rows) {
    const double choices = (double)(t->n - 1) * (1u << t->bin_bits);
    const double trees = t->trees.trees, depth = t->trees.depth;
    const double nodes = (double)(1u << t->trees.depth);
    double log_choices = 1;
    while ((1 << (int)log_choices) < choices)
        log_choices++;
    p->rounds += trees * depth * (80 + 10 * log_choices) +
                 trees * 2 * rows * choices * nodes / BATCH;
    p->bytes += trees * (rows * (300 + 8 * nodes) + 1200 * choices * nodes);
    p->ns += trees * (rows * choices * nodes * 3 + 3000 * choices * nodes);
}

mal_err sql_training_cost(mal_obl_cost *cost, const mal_sql_physical *physical,
                          const mal_obl_rates *rates) {
    const struct sql_training *t = physical->plan->training;
    const double rows = (double)physical->training_rows;
    price p = { .rounds = ENTRY_ROUNDS + 2 * rows * t->n / BATCH,
                .bytes = rows * t->n * CELL_BYTES,
                .ns = rows * t->n * CELL_NS };
    (t->model == SQL_TREES ? price_trees : price_weights)(&p, t, rows);
    cost->rounds += (uint64_t)p.rounds;
    cost->bytes += (uint64_t)p.bytes;
    cost->ns += p.ns + p.rounds * (rates ? rates->round_ns : 60e3);
    return MAL_OK;
}
