/* train_model.c - a released model as a table that people and programs read.
 *
 *     linear, logistic   term, weight, low, high: a feature x of [low, high]
 *                        counts as (2 x - low - high) / (high - low)
 *     trees              tree, node, feature, at_most, value: a row goes to
 * node 2 v + 1 if its feature is at most that, else to 2 v + 2; at a leaf, its
 * value is added up
 */
#include "train_impl.h"

#include <string.h>

#define WEIGHT_SCALE 9
#define VALUE_SCALE 6

typedef struct shown {
    const sql_cx *cx;
    const mal_sql_plan *plan;
    const struct sql_training *t;
    const mal_sql_physical *physical;
    const int64_t *words;
    mal_sql_table *table;
    uint64_t unit_scale; /* decimal digits of bounds, common to all columns */
} shown;

static void put(shown *m, size_t row, unsigned column, mal_i128 v) {
    size_t at = row * m->table->n_columns + column;
    m->table->nulls[at] = !sql_fits(v);
    m->table->values[at] = m->table->nulls[at] ? 0 : (int64_t)v;
}

/* v / 2^bits with `scale` decimals. */
static mal_i128 fixed(int64_t v, unsigned bits, unsigned scale) {
    return sql_round_div((mal_i128)v * sql_pow10(scale), (mal_i128)1 << bits);
}

static const sql_type *type_of(const shown *m, unsigned column) {
    return &m->t->columns[column]->type;
}

static unsigned digits_of(const sql_type *t) {
    return t->kind == MAL_SQL_INT ? t->scale : 0;
}

/* A bound of a column, in the digits that all share. */
static mal_i128 bound(const shown *m, unsigned column, mal_i128 v) {
    return v *
           sql_pow10((unsigned)m->unit_scale - digits_of(type_of(m, column)));
}

static mal_i128 lowest(const shown *m, unsigned column) {
    const sql_type *t = type_of(m, column);
    return t->kind == MAL_SQL_BOOL ? 0 : t->lo;
}

static mal_i128 highest(const shown *m, unsigned column) {
    const sql_type *t = type_of(m, column);
    return t->kind == MAL_SQL_BOOL ? 1 : t->hi;
}

/* The labels of one column of the table: features, then `more`. */
static mal_err labels(const shown *m, const mal_policy_column **out,
                      const char *const *more, unsigned n_more) {
    const char **codes;
    mal_policy_column *column;
    const unsigned n = m->t->n - 1;
    MAL_TRY(sql_alloc(m->cx, &codes, n + n_more, sizeof *codes));
    MAL_TRY(sql_alloc(m->cx, &column, 1, sizeof *column));
    for (unsigned j = 0; j < n; j++)
        codes[j] = m->plan->names[sql_training_feature(m->t, j)];
    for (unsigned j = 0; j < n_more; j++)
        codes[n + j] = more[j];
    *column = (mal_policy_column){ .name = "term",
                                   .role = MAL_POLICY_DIM,
                                   .codes = codes,
                                   .n_codes = n + n_more };
    *out = column;
    return MAL_OK;
}

static mal_err new_table(shown *m, const mal_sql_table_column *columns,
                         unsigned n_columns, size_t rows) {
    mal_sql_table *t = m->table;
    mal_sql_table_column *own;
    MAL_TRY(sql_alloc(m->cx, &own, n_columns, sizeof *own));
    memcpy(own, columns, n_columns * sizeof *own);
    *t = (mal_sql_table){ .n_columns = n_columns,
                          .n_rows = rows,
                          .columns = own };
    MAL_TRY(sql_alloc(m->cx, &t->values, rows * n_columns, sizeof *t->values));
    MAL_TRY(sql_alloc(m->cx, &t->nulls, rows * n_columns, 1));
    MAL_TRY(sql_alloc(m->cx, &t->suppressed, rows, 1));
    MAL_TRY(sql_alloc(m->cx, &t->halfwidths, rows * n_columns,
                      sizeof *t->halfwidths));
    for (size_t i = 0; i < rows * n_columns; i++) {
        t->nulls[i] = 1;
        t->halfwidths[i] = MAL_SQL_HALFWIDTH_NONE;
    }
    return MAL_OK;
}

/* --- weights -------------------------------------------------------------- */

static void put_bounds(shown *m, size_t row, unsigned column) {
    put(m, row, 2, bound(m, column, lowest(m, column)));
    put(m, row, 3, bound(m, column, highest(m, column)));
}

static mal_err show_weights(shown *m, uint64_t count_halfwidth) {
    const unsigned n = m->t->n - 1;
    const bool scaled = m->t->model == SQL_LINEAR;
    const bool counted = m->physical->training->counted;
    const char *more[] = { "intercept", m->plan->names[m->t->target], "rows" };
    const uint8_t digits = (uint8_t)m->unit_scale;
    mal_sql_table_column columns[] = {
        { .name = "term", .kind = MAL_SQL_CODE },
        { .name = "weight", .kind = MAL_SQL_INT, .scale = WEIGHT_SCALE },
        { .name = "low", .kind = MAL_SQL_INT, .scale = digits },
        { .name = "high", .kind = MAL_SQL_INT, .scale = digits },
    };
    size_t last = n + 1u + scaled;
    MAL_TRY(labels(m, &columns[0].domain, more, 3));
    MAL_TRY(new_table(m, columns, 4, last + counted));
    for (unsigned j = 0; j <= n; j++) {
        put(m, j, 0, j);
        put(m, j, 1, fixed(m->words[j], MAL_TRAIN_WEIGHT_BITS, WEIGHT_SCALE));
        if (j < n)
            put_bounds(m, j, sql_training_feature(m->t, j));
    }
    if (scaled) { /* what is predicted is of [-1, 1], of these bounds */
        put(m, n + 1, 0, n + 1);
        put_bounds(m, n + 1, m->t->target);
    }
    if (!counted)
        return MAL_OK;
    put(m, last, 0, n + 2);
    put(m, last, 1, (mal_i128)m->words[n + 1] * sql_pow10(WEIGHT_SCALE));
    if (count_halfwidth < INT64_MAX / 1000000000)
        m->table->halfwidths[4 * last + 1] =
            count_halfwidth * (uint64_t)sql_pow10(WEIGHT_SCALE);
    return MAL_OK;
}

/* --- trees ---------------------------------------------------------------- */

static void put_split(shown *m, size_t row, int64_t word) {
    const uint64_t bins = (uint64_t)1 << m->t->bin_bits;
    const uint64_t feature = (uint64_t)word / bins;
    if (feature + 1 >= m->t->n)
        return; /* no split of ours: the noise of a seat that lied */
    const unsigned column = sql_training_feature(m->t, (unsigned)feature);
    const unsigned shift = sql_training_shift(m->t, column);
    mal_i128 most = lowest(m, column) +
                    (((mal_i128)((uint64_t)word % bins) + 1) << shift) - 1;
    if (most > highest(m, column))
        most = highest(m, column); /* all rows */
    put(m, row, 2, (mal_i128)feature);
    put(m, row, 3, bound(m, column, most));
}

static mal_err show_trees(shown *m, uint64_t count_halfwidth) {
    const char *more[] = { "leaf", "rows" };
    const size_t leaves = (size_t)1 << m->t->trees.depth;
    const size_t words = sql_training_words(m->t);
    const bool counted = m->physical->training->counted;
    mal_sql_table_column columns[] = {
        { .name = "tree", .kind = MAL_SQL_INT },
        { .name = "node", .kind = MAL_SQL_INT },
        { .name = "feature", .kind = MAL_SQL_CODE },
        { .name = "at_most",
          .kind = MAL_SQL_INT,
          .scale = (uint8_t)m->unit_scale },
        { .name = "value", .kind = MAL_SQL_INT, .scale = VALUE_SCALE },
    };
    MAL_TRY(labels(m, &columns[2].domain, more, 2));
    MAL_TRY(new_table(m, columns, 5, words + counted));
    for (size_t i = 0; i < words; i++) {
        const size_t node = i % (2 * leaves - 1);
        put(m, i, 0, (mal_i128)(i / (2 * leaves - 1)) + 1);
        put(m, i, 1, (mal_i128)node);
        if (node < leaves - 1) {
            put_split(m, i, m->words[i]);
            continue;
        }
        put(m, i, 2, m->t->n - 1);
        put(m, i, 4, fixed(m->words[i], MAL_TRAIN_VALUE_BITS, VALUE_SCALE));
    }
    if (!counted)
        return MAL_OK;
    put(m, words, 2, m->t->n);
    put(m, words, 4, (mal_i128)m->words[words] * sql_pow10(VALUE_SCALE));
    if (count_halfwidth < INT64_MAX / 1000000)
        m->table->halfwidths[5 * words + 4] =
            count_halfwidth * (uint64_t)sql_pow10(VALUE_SCALE);
    return MAL_OK;
}

/* --- all of it ------------------------------------------------------------ */

/* Rule 13: too few rows, as the noised count tells, and nothing is shown. */
static void suppress(shown *m) {
    mal_sql_table *t = m->table;
    for (size_t i = 0; i < t->n_rows * t->n_columns; i++) {
        t->nulls[i] |= t->columns[i % t->n_columns].kind == MAL_SQL_INT;
        t->halfwidths[i] = MAL_SQL_HALFWIDTH_NONE;
    }
    memset(t->suppressed, 1, t->n_rows);
    t->n_suppressed = 1;
}

mal_err sql_finish_training(mal_sql_table *table, mal_arena *arena,
                            const mal_sql_physical *physical,
                            const int64_t *released, const uint64_t *halfwidth,
                            uint64_t group_min) {
    const mal_sql_plan *plan = physical->plan;
    sql_cx cx = { .arena = arena, .contract = plan->contract };
    const size_t words = sql_training_words(plan->training);
    const bool counted = physical->training->counted;
    shown m = { .cx = &cx,
                .plan = plan,
                .t = plan->training,
                .physical = physical,
                .words = released,
                .table = table };
    MAL_REQUIRE(group_min == 0 || counted, MAL_E_STATE,
                "a minimum of rows without a count of them");
    for (unsigned i = 0; i < m.t->n; i++)
        if (digits_of(type_of(&m, i)) > m.unit_scale)
            m.unit_scale = digits_of(type_of(&m, i));
    uint64_t bar =
        counted && halfwidth ? halfwidth[words] : MAL_SQL_HALFWIDTH_NONE;
    MAL_TRY((m.t->model == SQL_TREES ? show_trees : show_weights)(&m, bar));
    if (counted && released[words] < (int64_t)group_min)
        suppress(&m);
    return MAL_OK;
}
