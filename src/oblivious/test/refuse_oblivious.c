/* What an operator cannot do it refuses, before anything is sent. */
#include "obl_parties.h"

typedef struct bench {
    mal_obl *o;
    table t, u, out;
} bench;

static void fill(mal_obl *o, table *t, size_t n) {
    static const mal_obl_type types[] = { { .hi = 100 },
                                          { .lo = -INT64_MAX, .hi = INT64_MAX },
                                          { .opaque = 128 } };
    CHECK_OK(mal_obl_table_new(o, t, n, 3, n));
    for (unsigned i = 0; i < 2; i++)
        CHECK_OK(mal_obl_column_input(o, &t->columns[i], &types[i], 0, NULL,
                                      NULL, n));
    CHECK_OK(mal_obl_id_input(o, &t->columns[2], &types[2], 0, NULL, NULL, n));
}

static bench begin(void) {
    bench b = { 0 };
    CHECK_OK(mal_obl_open_dry(&b.o, MAL_SHARE3_SEMI_HONEST, NULL));
    fill(b.o, &b.t, 100);
    fill(b.o, &b.u, 10);
    return b;
}

static void end(bench *b) {
    mal_obl_table_clear(&b->t);
    mal_obl_table_clear(&b->u);
    mal_obl_table_clear(&b->out);
    mal_obl_close(&b->o);
}

static mal_err eval(bench *b, const mal_obl_expr *e) {
    column out = { 0 };
    const mal_err err = mal_obl_eval(b->o, &out, &b->t, e);
    mal_obl_column_clear(&out);
    return err;
}

static const mal_obl_expr number = { .op = MAL_OBL_COL, .type = { .hi = 100 } };
static const mal_obl_expr big = {
    .op = MAL_OBL_COL, .value = 1, .type = { .lo = -INT64_MAX, .hi = INT64_MAX }
};
static const mal_obl_expr id = { .op = MAL_OBL_COL,
                                 .value = 2,
                                 .type = { .opaque = 128 } };

TEST(a_table_without_a_row_is_refused) {
    bench b = begin();
    CHECK_ERR(mal_obl_table_new(b.o, &b.out, 0, 1, 0), MAL_E_LIMIT);
    CHECK_ERR(mal_obl_table_new(b.o, &b.out, 1, 1, 2), MAL_E_LIMIT);
    CHECK_ERR(mal_obl_table_new(b.o, &b.out, 1, MAL_OBL_COLUMNS_MAX + 1, 1),
              MAL_E_LIMIT);
    end(&b);
}

TEST(a_column_that_is_not_there_is_refused) {
    bench b = begin();
    const mal_obl_expr e = { .op = MAL_OBL_COL, .value = 3 };
    const mal_obl_expr before = { .op = MAL_OBL_COL, .value = -1 };
    const mal_obl_key key = { .column = 3 };
    const unsigned none = 3;
    const mal_obl_agg agg = { .kind = MAL_OBL_SUM, .column = 3 };
    const mal_obl_group_options groups[] = {
        { .n_keys = 1, .keys = &none },
        { .n_aggs = 1, .aggs = &agg },
    };
    const mal_obl_join_options join = { .kind = MAL_OBL_SEMI,
                                        .n_keys = 1,
                                        .build_keys = { 3 } };
    words cells = { 0 };
    CHECK_ERR(eval(&b, &e), MAL_E_INPUT);
    CHECK_ERR(eval(&b, &before), MAL_E_INPUT);
    CHECK_ERR(mal_obl_sort(b.o, &b.t, &key, 1), MAL_E_INPUT);
    for (unsigned i = 0; i < 2; i++) {
        CHECK_ERR(mal_obl_group(b.o, &b.out, &b.t, &groups[i]), MAL_E_INPUT);
        mal_obl_table_clear(&b.out);
    }
    CHECK_ERR(mal_obl_join(b.o, &b.out, &b.t, &b.u, &join), MAL_E_INPUT);
    CHECK_ERR(mal_obl_dense(b.o, &cells, &b.t, 0, 4, &agg, 1),
              MAL_E_UNSUPPORTED);
    end(&b);
}

TEST(an_identifier_is_never_computed_with) {
    bench b = begin();
    static const int64_t list[] = { 1 };
    const mal_obl_expr *mixed[] = { &id, &number }, *ids[] = { &id, &id };
    const mal_obl_expr bad[] = {
        { .op = MAL_OBL_ADD, .type = { .hi = 1 }, .n_args = 2, .args = mixed },
        { .op = MAL_OBL_EQ, .type = { .hi = 1 }, .n_args = 2, .args = mixed },
        { .op = MAL_OBL_LT, .type = { .hi = 1 }, .n_args = 2, .args = ids },
        { .op = MAL_OBL_NEG, .type = { .hi = 1 }, .n_args = 1, .args = ids },
    };
    const mal_obl_expr in = { .op = MAL_OBL_IN,
                              .type = { .hi = 1 },
                              .n_args = 1,
                              .args = ids,
                              .n_list = 1,
                              .list = list };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_ERR(eval(&b, &bad[i]), MAL_E_INPUT);
    CHECK_ERR(eval(&b, &in), MAL_E_LIMIT);
    const mal_obl_agg any = { .kind = MAL_OBL_ANY };
    const mal_obl_group_options none = { .n_aggs = 1, .aggs = &any };
    CHECK_ERR(mal_obl_group(b.o, &b.out, &b.t, &none), MAL_E_UNSUPPORTED);
    mal_obl_table_clear(&b.out);
    CHECK_ERR(mal_obl_need_words(b.o, &b.t.columns[2]), MAL_E_INPUT);
    const mal_obl_agg sum = { .kind = MAL_OBL_SUM, .column = 2 };
    const mal_obl_group_options group = { .n_aggs = 1, .aggs = &sum };
    CHECK_ERR(mal_obl_group(b.o, &b.out, &b.t, &group), MAL_E_INPUT);
    const mal_obl_join_options join = { .kind = MAL_OBL_SEMI,
                                        .n_keys = 1,
                                        .probe_keys = { 2 } };
    CHECK_ERR(mal_obl_join(b.o, &b.out, &b.t, &b.u, &join), MAL_E_INPUT);
    end(&b);
}

TEST(an_operator_with_too_few_or_too_many_arguments_is_refused) {
    bench b = begin();
    const mal_obl_expr *args[] = { &number, &number, &number };
    for (int op = 1; op <= MAL_OBL_LOOKUP; op++)
        for (unsigned n = 0; n <= 3; n += 3) {
            const bool any = op == MAL_OBL_AND || op == MAL_OBL_OR ||
                             op == MAL_OBL_CASE || op == MAL_OBL_COALESCE;
            if ((any && n) || (op <= MAL_OBL_CONST && !n))
                continue;
            const mal_obl_expr e = { .op = (mal_obl_op)op,
                                     .type = { .hi = 100 },
                                     .n_args = n,
                                     .args = args };
            CHECK_ERR(eval(&b, &e), MAL_E_INPUT);
        }
    const mal_obl_expr two = {
        .op = MAL_OBL_CASE, .type = { .hi = 100 }, .n_args = 2, .args = args
    };
    CHECK_ERR(eval(&b, &two), MAL_E_INPUT);
    end(&b);
}

TEST(an_expression_without_end_is_refused) {
    bench b = begin();
    mal_obl_expr deep[MAL_OBL_DEPTH_MAX + 2];
    const mal_obl_expr *args[MAL_OBL_DEPTH_MAX + 2];
    for (unsigned i = 0; i < MAL_OBL_DEPTH_MAX + 2; i++) {
        args[i] = i ? &deep[i - 1] : &number;
        deep[i] = (mal_obl_expr){ .op = MAL_OBL_NOT,
                                  .type = { .hi = 1 },
                                  .n_args = 1,
                                  .args = &args[i] };
    }
    CHECK_OK(eval(&b, &deep[MAL_OBL_DEPTH_MAX - 3]));
    CHECK_ERR(eval(&b, &deep[MAL_OBL_DEPTH_MAX + 1]), MAL_E_LIMIT);
    end(&b);
}

TEST(numbers_that_might_leave_64_bits_are_refused) {
    bench b = begin();
    const mal_obl_expr *args[] = { &big, &number };
    const mal_obl_expr divide = {
        .op = MAL_OBL_DIV,
        .value = 2,
        .type = { .lo = -INT64_MAX, .hi = INT64_MAX, .nullable = true },
        .n_args = 2,
        .args = args
    };
    const mal_obl_expr scale = { .op = MAL_OBL_SCALE,
                                 .value = 19,
                                 .type = { .hi = 1 },
                                 .n_args = 1,
                                 .args = args };
    const mal_obl_agg sum = { .kind = MAL_OBL_SUM, .column = 1 };
    const mal_obl_group_options group = { .n_aggs = 1, .aggs = &sum };
    CHECK_ERR(eval(&b, &divide), MAL_E_UNSUPPORTED);
    CHECK_ERR(eval(&b, &scale), MAL_E_INPUT);
    CHECK_ERR(mal_obl_group(b.o, &b.out, &b.t, &group), MAL_E_LIMIT);
    end(&b);
}

TEST(a_rank_of_other_keys_is_refused) {
    bench b = begin();
    mal_obl_rank rank = { 0 };
    const unsigned one = 1;
    CHECK_OK(mal_obl_rank_make(b.o, &rank, &b.t, &one, 1));
    const mal_obl_join_options join = { .kind = MAL_OBL_SEMI,
                                        .n_keys = 1,
                                        .probe_rank = &rank };
    CHECK_ERR(mal_obl_join(b.o, &b.out, &b.t, &b.u, &join), MAL_E_INPUT);
    CHECK_ERR(mal_obl_rank_make(b.o, &rank, &b.t, &one, 0), MAL_E_LIMIT);
    mal_obl_rank_clear(&rank);
    end(&b);
}

TEST(a_fan_out_of_nothing_or_of_too_much_is_refused) {
    bench b = begin();
    mal_obl_join_options join = { .kind = MAL_OBL_INNER, .n_keys = 1 };
    CHECK_ERR(mal_obl_join_many(b.o, &b.out, &b.t, &b.u, &join), MAL_E_LIMIT);
    join.fanout_max = MAL_OBL_ROWS_MAX;
    CHECK_ERR(mal_obl_join_many(b.o, &b.out, &b.t, &b.u, &join), MAL_E_LIMIT);
    join.fanout_max = 2;
    join.kind = MAL_OBL_ANTI;
    CHECK_ERR(mal_obl_join_many(b.o, &b.out, &b.t, &b.u, &join),
              MAL_E_UNSUPPORTED);
    join.n_keys = 0;
    CHECK_ERR(mal_obl_join(b.o, &b.out, &b.t, &b.u, &join), MAL_E_LIMIT);
    end(&b);
}

TEST(cells_hold_counts_and_sums_of_a_code_only) {
    bench b = begin();
    words cells = { 0 };
    const mal_obl_agg most = { .kind = MAL_OBL_MAX };
    const mal_obl_agg count = { .kind = MAL_OBL_COUNT_ROWS };
    CHECK_ERR(mal_obl_dense(b.o, &cells, &b.t, 0, 4, &most, 1),
              MAL_E_UNSUPPORTED);
    CHECK_ERR(mal_obl_dense(b.o, &cells, &b.t, 0, 0, &count, 1), MAL_E_LIMIT);
    CHECK_ERR(mal_obl_dense(b.o, &cells, &b.t, 1, 4, &count, 1), MAL_E_INPUT);
    CHECK_ERR(mal_obl_dense(b.o, &cells, &b.t, 2, 4, &count, 1), MAL_E_INPUT);
    end(&b);
}

TEST(tables_of_different_columns_have_no_union) {
    bench b = begin();
    table *both[] = { &b.t, &b.u };
    CHECK_ERR(mal_obl_union(b.o, &b.out, both, 0), MAL_E_INPUT);
    column swap = b.u.columns[0];
    b.u.columns[0] = b.u.columns[2];
    b.u.columns[2] = swap;
    CHECK_ERR(mal_obl_union(b.o, &b.out, both, 2), MAL_E_INPUT);
    end(&b);
}

TEST_MAIN
