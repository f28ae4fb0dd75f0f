/* cost.c - what a fit costs, from sizes and options alone, before it runs.
 *
 * Each function follows the calls of the one that it is named after.
 */
#include "trees_impl.h"

typedef mal_share3_cost cost;

static void add(cost *c, mal_share3_call call, size_t n, unsigned width) {
    mal_share3_cost_add(c, call, n, width);
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Each party sends one of three. */
static void add_noise(cost *c, size_t n) {
    add(c, MAL_SHARE3_CALL_INPUT, n, 64);
    c->rounds += 2;
}

/* --- matrix.c --------------------------------------------------------------
 */

static void add_clip(cost *c, size_t rows) {
    for (size_t at = 0, n; at < rows; at += n) {
        n = least(rows - at, TRAIN_BATCH);
        add(c, MAL_SHARE3_CALL_TO_BITS, n, 64);
        for (unsigned i = 0; i < 2; i++)
            add(c, MAL_SHARE3_CALL_LT, n, 64);
        for (unsigned i = 0; i < 2; i++)
            add(c, MAL_SHARE3_CALL_AND, n, CLIPPED_BITS);
        add(c, MAL_SHARE3_CALL_TO_WORDS, n, CLIPPED_BITS);
    }
}

static void add_matrix(cost *c, const mal_train_size *z) {
    const size_t n = z->rows;
    if (z->valid)
        add(c, MAL_SHARE3_CALL_INJECT_ONE, n, 1);
    add_clip(c, z->features * n);
    for (unsigned j = 0; z->valid && j < z->features; j++)
        add(c, MAL_SHARE3_CALL_MUL, n, 64);
    add_clip(c, n);
    if (z->valid)
        add(c, MAL_SHARE3_CALL_MUL, n, 64);
}

static void add_step(cost *c, unsigned d) {
    for (unsigned i = 0; i < 2; i++)
        add(c, MAL_SHARE3_CALL_TRUNCATE, d, 64);
}

/* --- linear.c --------------------------------------------------------------
 */

void mal_train_linear_cost(cost *c, const mal_train_size *z,
                           const mal_train_options *o) {
    const unsigned d = z->features + 1;
    const size_t moments = (size_t)d * (d + 1) / 2 + d;
    add_matrix(c, z);
    for (unsigned i = 0; i < d; i += SQUARE)
        mal_share3_cost_matmul(c, d - i, z->rows, least(d - i, SQUARE));
    mal_share3_cost_matmul(c, d, z->rows, 1);
    if (o->noised)
        add_noise(c, moments);
    add(c, MAL_SHARE3_CALL_TRUNCATE, moments, 64);
    for (unsigned i = 0; i < o->steps; i++) {
        mal_share3_cost_matmul(c, d, d, 1);
        add_step(c, d);
    }
}

/* --- logistic.c ------------------------------------------------------------
 */

static void add_minterms(cost *c, size_t n, unsigned width) {
    for (unsigned b = 0; b < width; b++)
        add(c, MAL_SHARE3_CALL_AND, n, 1u << b);
}

static void add_sigmoid(cost *c, size_t rows) {
    for (size_t at = 0, n; at < rows; at += n) {
        n = least(rows - at, SIGMOID_BATCH);
        add(c, MAL_SHARE3_CALL_TO_BITS, n, 64);
        add(c, MAL_SHARE3_CALL_EQ, n, 64 - OVER);
        add_minterms(c, n, PIECE_BITS);
        add(c, MAL_SHARE3_CALL_TO_WORDS, (n + 63) / 64 * 128, TABLE_BITS);
        add(c, MAL_SHARE3_CALL_MUL, n, 64);
        add(c, MAL_SHARE3_CALL_TRUNCATE, n, 64);
    }
}

void mal_train_logistic_cost(cost *c, const mal_train_size *z,
                             const mal_train_options *o) {
    const unsigned d = z->features + 1;
    add_matrix(c, z);
    for (unsigned i = 0; i < o->steps; i++) {
        mal_share3_cost_matmul(c, z->rows, d, 1);
        add(c, MAL_SHARE3_CALL_TRUNCATE, z->rows, 64);
        add_sigmoid(c, z->rows);
        mal_share3_cost_matmul(c, d, z->rows, 1);
        if (o->noised)
            add_noise(c, d);
        add_step(c, d);
    }
}

/* --- select.c, split.c -----------------------------------------------------
 */

static void add_negative(cost *c, size_t n) {
    add(c, MAL_SHARE3_CALL_TO_BITS, n, 64);
}

static void add_mul_truncate(cost *c, size_t n) {
    add(c, MAL_SHARE3_CALL_MUL, n, 64);
    add(c, MAL_SHARE3_CALL_TRUNCATE, n, 64);
}

static void add_mean(cost *c, size_t n) {
    add(c, MAL_SHARE3_CALL_TO_BITS, n, H_BITS);
    for (unsigned by = 1; by < H_BITS; by *= 2)
        add(c, MAL_SHARE3_CALL_AND, n, H_BITS - by);
    add(c, MAL_SHARE3_CALL_TO_WORDS, n, H_BITS);
    add(c, MAL_SHARE3_CALL_MUL, n, 64);
    add(c, MAL_SHARE3_CALL_TRUNCATE, n, 64);
    for (unsigned i = 0; i < 6 + 2; i++)
        add_mul_truncate(c, n);
}

static void add_gains(cost *c, size_t n, bool noised) {
    if (noised) {
        add(c, MAL_SHARE3_CALL_TRUNCATE, n, 64);
        add_clip(c, n);
        for (unsigned i = 0; i < 2; i++) {
            add_negative(c, n);
            add(c, MAL_SHARE3_CALL_INJECT, n, 1);
        }
    }
    add_mean(c, n);
    add(c, MAL_SHARE3_CALL_MUL, n, 64);
}

static void add_split(cost *c, size_t choices, unsigned nodes, bool noised) {
    unsigned width = 1;
    while ((size_t)1 << width < choices)
        width++;
    add_gains(c, 2 * choices * nodes, noised);
    for (size_t left = choices; left > 1; left = (left + 1) / 2) {
        add_negative(c, left / 2 * nodes);
        for (unsigned i = 0; i < 2; i++)
            add(c, MAL_SHARE3_CALL_INJECT, left / 2 * nodes, 1);
    }
    add(c, MAL_SHARE3_CALL_TO_BITS, choices * nodes, width);
    add(c, MAL_SHARE3_CALL_EQ, choices * nodes, width);
    add(c, MAL_SHARE3_CALL_INJECT_ONE, choices * nodes, 1);
}

/* --- trees.c ---------------------------------------------------------------
 */

static void add_forest(cost *c, const mal_train_size *z) {
    const size_t n = z->rows, stride = (n + 63) / 64;
    for (unsigned j = 0; j < z->features; j++) {
        add_minterms(c, n, z->bin_bits);
        add(c, MAL_SHARE3_CALL_INJECT_ONE, 64 * stride << z->bin_bits, 1);
    }
    add_clip(c, n);
    if (z->valid)
        add(c, MAL_SHARE3_CALL_INJECT_ONE, n, 1);
}

static void add_route(cost *c, size_t rows, size_t choices, unsigned nodes) {
    const size_t batch = least(ROUTE_BATCH / choices, rows);
    for (size_t at = 0; at < rows; at += batch)
        mal_share3_cost_matmul(c, least(rows - at, batch), choices, nodes);
    add(c, MAL_SHARE3_CALL_MUL, nodes * rows, 64);
}

/* A sum of products is as many recorded words, or one that is sent. */
static void add_dot(cost *c, size_t n, size_t len) {
    add(c, MAL_SHARE3_CALL_MUL, c->malicious ? n * len : n, 64);
    c->products += c->malicious ? 0 : n * len - n;
}

static void add_level(cost *c, const mal_train_size *z, unsigned nodes,
                      bool noised) {
    const size_t choices = (size_t)z->features << z->bin_bits;
    add(c, MAL_SHARE3_CALL_MUL, nodes * z->rows, 64);
    mal_share3_cost_matmul(c, choices, z->rows, 2 * nodes);
    if (noised)
        add_noise(c, 2 * choices * nodes);
    add_split(c, choices, nodes, noised);
    add_route(c, z->rows, choices, nodes);
}

static void add_tree(cost *c, const mal_train_size *z,
                     const mal_train_trees_options *o) {
    const size_t choices = (size_t)z->features << z->bin_bits;
    const unsigned leaves = 1u << o->depth;
    if (o->logistic)
        add_sigmoid(c, z->rows);
    else
        add_clip(c, z->rows);
    for (unsigned nodes = 1; nodes < leaves; nodes *= 2)
        add_level(c, z, nodes, o->noised);
    add_dot(c, leaves, choices);
    add(c, MAL_SHARE3_CALL_TRUNCATE, leaves, 64);
    mal_share3_cost_matmul(c, z->rows, leaves, 1);
}

void mal_train_trees_cost(cost *c, const mal_train_size *z,
                          const mal_train_trees_options *o) {
    add_forest(c, z);
    for (unsigned t = 0; t < o->trees; t++)
        add_tree(c, z, o);
}
