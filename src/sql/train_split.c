/* train_split.c - a training as what owners share and what noise must cover. */
#include "train_impl.h"

#include <inttypes.h>

/* What is fitted: the rows below the answer's order, which means nothing. */
static sql_r unordered(const mal_sql_plan *plan) {
    sql_r r = plan->root;
    return r->op == SQL_SORT ? r->in[0] : r;
}

mal_err sql_training_rows(const sql_cx *cx, sql_share_plan *share,
                          const mal_sql_plan *plan) {
    sql_r in = unordered(plan);
    MAL_TRY(sql_below_release(in));
    return sql_share_rows_of(cx, share, in, plan->training->columns,
                             plan->training->n);
}

static mal_err release_of(mal_train_release *release,
                          const struct sql_training *t) {
    switch (t->model) {
    case SQL_LINEAR:
        return mal_train_linear_release(release, t->n - 1);
    case SQL_LOGISTIC:
        return mal_train_logistic_release(release, t->n - 1, t->steps);
    default:
        return mal_train_trees_release(release, t->n - 1, t->bin_bits,
                                       &t->trees);
    }
}

static mal_err check_sizes(const mal_sql_plan *plan, uint64_t rows) {
    const struct sql_training *t = plan->training;
    MAL_REQUIRE(rows <= MAL_TRAIN_ROWS_MAX &&
                    sql_mul_sat(rows, t->n) <= MAL_TRAIN_CELLS_MAX,
                MAL_E_LIMIT,
                "up to %" PRIu64 " rows of %u columns to train on; at most %zu "
                "rows, %zu values",
                rows, t->n, MAL_TRAIN_ROWS_MAX, MAL_TRAIN_CELLS_MAX);
    MAL_REQUIRE(t->model != SQL_TREES ||
                    sql_mul_sat(rows, (uint64_t)(t->n - 1) << t->bin_bits) <=
                        MAL_TRAIN_CHOICES_MAX,
                MAL_E_LIMIT,
                "%" PRIu64 " rows of %u features in %u bins: take fewer bins",
                rows, t->n - 1, 1u << t->bin_bits);
    return MAL_OK;
}

static mal_err describe(const sql_cx *cx, mal_sql_physical *p,
                        const sql_share_plan *share) {
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    const mal_sql_training *t = p->training;
    mal_prim_hash hash;
    char hex[2 * MAL_PRIM_HASH + 1];
    MAL_TRY(mal_sql_plan_hash(&hash, p->plan));
    mal_hex_encode(hex, mal_bytes_of(hash.b, sizeof hash.b));
    MAL_TRY(mal_buf_put_fmt(&text,
                            "malus.physical/1\nplan sha256:%s\nshape share3, a "
                            "model\nrows a unit <= %" PRIu64 "\ntrain %s\n",
                            hex, p->rows_per_unit, p->aggs[0].label));
    MAL_TRY(mal_buf_put_fmt(&text,
                            "noise %zu words in %zu steps: a row moves %" PRIu64
                            " words of a step, each by %" PRIu64
                            "\nwords %" PRIu64 "%s\n",
                            t->release.words, t->release.steps,
                            t->release.touched, t->release.change, p->n_cells,
                            t->counted ? ", the last counts rows" : ""));
    MAL_TRY(sql_describe_share(&text, cx->contract, share));
    for (unsigned i = 0; i < p->n_parts; i++)
        MAL_TRY(sql_describe_part(&text, cx->contract, i, &p->parts[i]));
    return sql_own_text(cx, &p->text, &text);
}

/* One "aggregate", whose cells are the model's words. */
static mal_err fill(const sql_cx *cx, mal_sql_physical *p,
                    const mal_sql_plan *plan, bool counted) {
    MAL_AUTO(mal_buf_clear) mal_buf label = { 0 };
    mal_sql_agg *agg;
    mal_sql_training *t;
    MAL_TRY(sql_alloc(cx, &agg, 1, sizeof *agg));
    MAL_TRY(sql_alloc(cx, &t, 1, sizeof *t));
    MAL_TRY(sql_training_print(&label, plan));
    MAL_TRY(sql_own_text(cx, &agg->label, &label));
    t->model = sql_model_name(plan->training->model);
    t->counted = counted;
    t->delta_digits = plan->training->delta_digits;
    t->classes = sql_training_classes(plan->training);
    MAL_TRY(release_of(&t->release, plan->training));
    *p = (mal_sql_physical){ .plan = plan,
                             .training = t,
                             .n_cells =
                                 sql_training_words(plan->training) + counted,
                             .n_aggs = 1,
                             .aggs = agg,
                             .count_agg = -1 };
    return MAL_OK;
}

mal_err sql_split_training(const mal_sql_physical **physical, mal_arena *arena,
                           const mal_sql_plan *plan,
                           const mal_sql_split_options *options) {
    sql_cx cx = { .arena = arena, .contract = plan->contract };
    sql_share_plan share;
    mal_sql_physical *p;
    splitter *s;
    MAL_REQUIRE(options && options->share3, MAL_E_UNSUPPORTED,
                "share3 alone trains models");
    MAL_TRY(sql_alloc(&cx, &p, 1, sizeof *p));
    MAL_TRY(sql_alloc(&cx, &s, 1, sizeof *s));
    *s = (splitter){ .cx = cx, .contract = plan->contract };
    MAL_TRY(sql_training_rows(&cx, &share, plan));
    MAL_TRY(check_sizes(plan, share.root->rows_max));
    MAL_TRY(fill(&cx, p, plan, options->group_count));
    p->training_rows = share.root->rows_max;
    MAL_TRY(sql_share_parts(&cx, p, &share));
    p->rows_per_unit = sql_touch_units(s, unordered(plan));
    MAL_REQUIRE(p->rows_per_unit <= (uint64_t)1 << 40, MAL_E_LIMIT,
                "one privacy unit may touch %" PRIu64
                " rows: declare what a unit contributes, and join on units",
                p->rows_per_unit);
    MAL_TRY(describe(&cx, p, &share));
    *physical = p;
    return MAL_OK;
}
