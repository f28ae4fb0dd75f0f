/* facts.c - what policy judges: every use of every column, and nothing else.
 *
 * A use is marked on the dataset columns that a value is computed from.  What
 * only decides (WHERE, the condition of a CASE, a comparison) is a filter;
 * where such a decision labels a group or leaves row by row, it is that use as
 * well. */
#include "train_impl.h"

#include <string.h>

typedef struct collector {
    const mal_policy_contract *contract;
    uint32_t **how; /* [dataset][column] */
    bool *seen;     /* [dataset] */
    uint32_t operations;
    bool having;
    mal_policy_join *joins;
    uint32_t n_joins, joins_max;
} collector;

#define CARRIED                                                                \
    (MAL_POLICY_USE_GROUP | MAL_POLICY_USE_OUTPUT | MAL_POLICY_USE_TRAIN)

static bool decides(sql_expr_op op) {
    return (op >= SQL_E_EQ && op <= SQL_E_GE) || op == SQL_E_IN ||
           op == SQL_E_ISNULL;
}

/* how[i] |= what e does with column i of its input. */
static void mark_expr(uint32_t *how, sql_e e, uint32_t use) {
    uint32_t deciding = MAL_POLICY_USE_FILTER | (use & CARRIED);
    if (e->op == SQL_E_COL) {
        how[e->value] |= use;
        return;
    }
    for (unsigned i = 0; i < e->n_args; i++) {
        bool when = e->op == SQL_E_CASE && i % 2 == 0 && i + 1 < e->n_args;
        mark_expr(how, e->args[i], decides(e->op) || when ? deciding : use);
    }
}

static const struct {
    uint32_t use, operation;
} AGGREGATES[] = {
    [SQL_COUNT_ROWS] = { 0, MAL_POLICY_OP_COUNT },
    [SQL_COUNT] = { MAL_POLICY_USE_COUNT, MAL_POLICY_OP_COUNT },
    [SQL_SUM] = { MAL_POLICY_USE_SUM, MAL_POLICY_OP_SUM },
    [SQL_AVG] = { MAL_POLICY_USE_AVG, MAL_POLICY_OP_AVG },
    [SQL_MIN] = { MAL_POLICY_USE_MIN, MAL_POLICY_OP_MIN },
    [SQL_MAX] = { MAL_POLICY_USE_MAX, MAL_POLICY_OP_MAX },
    [SQL_DISTINCT] = { MAL_POLICY_USE_DISTINCT, MAL_POLICY_OP_DISTINCT },
};

/* --- joins ---------------------------------------------------------------- */

/* The dataset columns that a key is computed from, each once. */
typedef struct sources {
    mal_policy_cref *list;
    unsigned n, max;
} sources;

static void add_source(sources *s, uint32_t dataset, uint32_t column) {
    for (unsigned i = 0; i < s->n && i < s->max; i++)
        if (s->list[i].dataset == dataset && s->list[i].column == column)
            return;
    if (s->n < s->max)
        s->list[s->n] = (mal_policy_cref){ dataset, column };
    s->n++;
}

/* Down from the columns that `wanted` marks; each operator is met once. */
static mal_err find_sources(const sql_cx *cx, sources *s, sql_r r,
                            const uint8_t *wanted) {
    unsigned at = 0;
    for (unsigned i = 0; r->op == SQL_SCAN && i < r->n_columns; i++)
        if (wanted[i])
            add_source(s, r->dataset, r->columns[i]);
    for (unsigned k = 0; k < r->n_in; k++) {
        uint8_t *below;
        MAL_TRY(sql_alloc(cx, &below, r->in[k]->n_columns, 1));
        for (unsigned i = 0; i < r->n_columns; i++) {
            if (!wanted[i])
                continue;
            if (r->op == SQL_PROJECT ||
                (r->op == SQL_AGGREGATE && i < r->n_exprs))
                sql_expr_mark(r->exprs[i], below);
            else if (r->op == SQL_AGGREGATE) {
                if (r->aggs[i - r->n_exprs].arg)
                    sql_expr_mark(r->aggs[i - r->n_exprs].arg, below);
            } else if (r->op == SQL_WINDOW && i == r->in[k]->n_columns) {
                for (unsigned m = 0; m < r->n_keys; m++)
                    below[r->keys[m].column] = 1;
            } else if (i >= at && i - at < r->in[k]->n_columns)
                below[i - at] = 1;
        }
        MAL_TRY(find_sources(cx, s, r->in[k], below));
        at += r->op == SQL_JOIN ? r->in[k]->n_columns : 0;
    }
    return MAL_OK;
}

#define SOURCES_MAX 64u

static mal_err add_join(collector *c, mal_policy_cref a, mal_policy_cref b) {
    for (uint32_t i = 0; i < c->n_joins; i++) {
        const mal_policy_join *j = &c->joins[i];
        if (j->dataset_a == a.dataset && j->column_a == a.column &&
            j->dataset_b == b.dataset && j->column_b == b.column)
            return MAL_OK;
    }
    MAL_REQUIRE(c->n_joins < c->joins_max, MAL_E_LIMIT,
                "more than %u pairs of joined columns", c->joins_max);
    c->joins[c->n_joins++] = (mal_policy_join){ .dataset_a = a.dataset,
                                                .column_a = a.column,
                                                .dataset_b = b.dataset,
                                                .column_b = b.column };
    return MAL_OK;
}

static mal_err visit_join(const sql_cx *cx, collector *c, sql_r r) {
    unsigned keys = r->n_exprs / 2;
    for (unsigned k = 0; k < keys; k++) {
        mal_policy_cref lists[2][SOURCES_MAX];
        sources side[2];
        for (unsigned i = 0; i < 2; i++) {
            uint8_t *wanted;
            side[i] = (sources){ .list = lists[i], .max = SOURCES_MAX };
            MAL_TRY(sql_alloc(cx, &wanted, r->in[i]->n_columns, 1));
            sql_expr_mark(r->exprs[i * keys + k], wanted);
            MAL_TRY(find_sources(cx, &side[i], r->in[i], wanted));
            MAL_REQUIRE(side[i].n <= SOURCES_MAX, MAL_E_LIMIT,
                        "a join key computed from more than %u columns",
                        SOURCES_MAX);
        }
        for (unsigned i = 0; i < side[0].n; i++)
            for (unsigned j = 0; j < side[1].n; j++)
                MAL_TRY(add_join(c, side[0].list[i], side[1].list[j]));
    }
    return MAL_OK;
}

/* --- the walk ------------------------------------------------------------- */

/* Not so a join that only keeps or drops left rows, or adds one value to all.
 */
static bool pairs_rows(sql_r join) {
    return (join->join == SQL_INNER || join->join == SQL_LEFT) &&
           join->n_exprs > 0;
}

static bool above_aggregate(sql_r r) {
    while (r->op != SQL_AGGREGATE) {
        if (r->n_in == 0 || r->op == SQL_UNION ||
            (r->op == SQL_JOIN && pairs_rows(r)))
            return false;
        r = r->in[0];
    }
    return true;
}

/* What the aggregate does with its input, given what is done with its columns.
 * A group's label is shown, not output row by row. */
static void mark_aggregate(collector *c, uint32_t *below, sql_r r,
                           const uint32_t *how) {
    const uint32_t rows = MAL_POLICY_USE_OUTPUT;
    const uint32_t after = rows | MAL_POLICY_USE_ORDER | MAL_POLICY_USE_FILTER;
    for (unsigned i = 0; i < r->n_exprs; i++)
        mark_expr(below, r->exprs[i], MAL_POLICY_USE_GROUP | (how[i] & ~rows));
    for (unsigned i = 0; i < r->n_aggs; i++) {
        c->operations |= AGGREGATES[r->aggs[i].kind].operation;
        if (r->aggs[i].arg)
            mark_expr(below, r->aggs[i].arg,
                      AGGREGATES[r->aggs[i].kind].use |
                          (how[r->n_exprs + i] & ~after));
    }
    /* Groups without an aggregate still tell which rows there are. */
    if (r->n_aggs == 0)
        c->operations |= MAL_POLICY_OP_COUNT;
}

/* how[i]: what is done above with column i of r. */
static mal_err visit(const sql_cx *cx, collector *c, sql_r r,
                     const uint32_t *how) {
    unsigned at = 0, keys = r->n_exprs / 2;
    for (unsigned i = 0; r->op == SQL_SCAN && i < r->n_columns; i++)
        c->how[r->dataset][r->columns[i]] |= how[i];
    if (r->op == SQL_SCAN)
        c->seen[r->dataset] = true;
    if (r->op == SQL_FILTER)
        c->having |= above_aggregate(r->in[0]);
    if (r->op == SQL_JOIN)
        MAL_TRY(visit_join(cx, c, r));
    for (unsigned k = 0; k < r->n_in; k++) {
        uint32_t *below;
        sql_r in = r->in[k];
        MAL_TRY(sql_alloc(cx, &below, in->n_columns, sizeof *below));
        if (r->op == SQL_AGGREGATE)
            mark_aggregate(c, below, r, how);
        else if (r->op == SQL_PROJECT)
            for (unsigned i = 0; i < r->n_exprs; i++)
                mark_expr(below, r->exprs[i], how[i]);
        else if (at + in->n_columns <= r->n_columns)
            memcpy(below, how + at, in->n_columns * sizeof *below);
        if (r->op == SQL_FILTER)
            mark_expr(below, r->exprs[0], MAL_POLICY_USE_FILTER);
        for (unsigned i = 0; r->op == SQL_JOIN && i < keys; i++)
            mark_expr(below, r->exprs[k * keys + i], MAL_POLICY_USE_JOIN);
        for (unsigned i = 0; i < r->n_keys; i++)
            if (!r->keys[i].implied)
                below[r->keys[i].column] |= MAL_POLICY_USE_ORDER;
        for (unsigned i = 0; r->op == SQL_WINDOW && i < r->n_keys; i++)
            below[r->keys[i].column] |= how[in->n_columns]; /* tells of them */
        MAL_TRY(visit(cx, c, in, below));
        at += r->op == SQL_JOIN ? in->n_columns : 0;
    }
    return MAL_OK;
}

/* Does some row of the answer stand for one row of the data? */
static bool yields_rows(sql_r r) {
    if (r->op == SQL_AGGREGATE)
        return false;
    if (r->op == SQL_SCAN || (r->op == SQL_JOIN && pairs_rows(r)))
        return true;
    for (unsigned i = 0; i < (r->op == SQL_JOIN ? 1 : r->n_in); i++)
        if (yields_rows(r->in[i]))
            return true;
    return false;
}

/* Every declared group is answered, empty or not. */
static uint64_t answer_rows(sql_r r) {
    uint64_t n = r->op == SQL_AGGREGATE ? 1 : 0;
    switch (r->op) {
    case SQL_AGGREGATE:
        for (unsigned i = 0; i < r->n_exprs; i++)
            n = sql_mul_sat(n, sql_type_values(&r->exprs[i]->type));
        return n;
    case SQL_SCAN:
    case SQL_JOIN:
        return r->rows_max;
    default:
        for (unsigned i = 0; i < r->n_in; i++)
            n = sql_add_sat(n, answer_rows(r->in[i]));
        return r->op == SQL_LIMIT && r->limit < n ? r->limit : n;
    }
}

static uint64_t answer_groups(sql_r r) {
    while (r->op != SQL_AGGREGATE && r->n_in == 1)
        r = r->in[0];
    return answer_rows(r);
}

static mal_err begin(const sql_cx *cx, collector *c) {
    const mal_policy_contract *k = cx->contract;
    c->contract = k;
    c->joins_max = 1024;
    MAL_TRY(sql_alloc(cx, &c->joins, c->joins_max, sizeof *c->joins));
    MAL_TRY(sql_alloc(cx, &c->seen, k->n_datasets, sizeof *c->seen));
    MAL_TRY(sql_alloc(cx, &c->how, k->n_datasets, sizeof *c->how));
    for (uint32_t d = 0; d < k->n_datasets; d++)
        MAL_TRY(sql_alloc(cx, &c->how[d], k->datasets[d].n_columns,
                          sizeof **c->how));
    return MAL_OK;
}

static mal_err end(const sql_cx *cx, mal_policy_facts *facts, collector *c) {
    const mal_policy_contract *k = c->contract;
    uint32_t n_uses = 0, n_datasets = 0, *datasets;
    mal_policy_use *uses;
    for (uint32_t d = 0; d < k->n_datasets; d++)
        for (uint32_t i = 0; i < k->datasets[d].n_columns; i++)
            n_uses += c->how[d][i] != 0;
    MAL_TRY(sql_alloc(cx, &uses, n_uses, sizeof *uses));
    MAL_TRY(sql_alloc(cx, &datasets, k->n_datasets, sizeof *datasets));
    n_uses = 0;
    for (uint32_t d = 0; d < k->n_datasets; d++) {
        if (c->seen[d])
            datasets[n_datasets++] = d;
        for (uint32_t i = 0; i < k->datasets[d].n_columns; i++)
            if (c->how[d][i])
                uses[n_uses++] = (mal_policy_use){ d, i, c->how[d][i] };
    }
    facts->datasets = datasets;
    facts->n_datasets = n_datasets;
    facts->uses = uses;
    facts->n_uses = n_uses;
    facts->joins = c->joins;
    facts->n_joins = c->n_joins;
    facts->operations = c->operations;
    facts->having = c->having;
    return MAL_OK;
}

/* Columns are trained on; which order the rows came in means nothing. */
static mal_err training_facts(const sql_cx *cx, collector *c,
                              mal_policy_facts *facts,
                              const mal_sql_plan *plan) {
    const char **models;
    MAL_TRY(sql_alloc(cx, &models, 1, sizeof *models));
    models[0] = sql_model_name(plan->training->model);
    facts->train = models;
    facts->n_train = 1;
    c->operations |= MAL_POLICY_OP_TRAIN;
    return MAL_OK;
}

mal_err mal_sql_plan_facts(mal_policy_facts *facts, mal_arena *arena,
                           const mal_sql_plan *plan) {
    sql_cx cx = { .arena = arena, .contract = plan->contract };
    sql_r sort = plan->root->op == SQL_LIMIT ? plan->root->in[0] : plan->root;
    collector c = { 0 };
    uint32_t *how;
    MAL_TRY(begin(&cx, &c));
    MAL_TRY(sql_alloc(&cx, &how, plan->root->n_columns, sizeof *how));
    for (unsigned i = 0; plan->training && i < plan->n_columns; i++)
        how[i] = MAL_POLICY_USE_TRAIN;
    if (plan->training)
        MAL_TRY(training_facts(&cx, &c, facts, plan));
    if (!plan->training && yields_rows(plan->root)) {
        c.operations |= MAL_POLICY_OP_ROWS;
        for (unsigned i = 0; i < plan->n_columns; i++)
            how[i] = MAL_POLICY_USE_OUTPUT;
    }
    MAL_TRY(visit(&cx, &c, plan->root, how));
    MAL_TRY(end(&cx, facts, &c));
    facts->order = false;
    for (unsigned i = 0; i < sort->n_keys; i++)
        facts->order |= !sort->keys[i].implied;
    facts->rows_max = plan->training ? sql_training_words(plan->training)
                                     : answer_rows(plan->root);
    facts->groups = plan->training ? 1 : answer_groups(plan->root);
    return MAL_OK;
}
