/* The n-th allocation fails, for every n: no crash, no leak, no false answer.
 */
#include "obl_parties.h"

static const mal_obl_agg aggs[] = {
    { .kind = MAL_OBL_COUNT_ROWS },
    { .kind = MAL_OBL_SUM, .column = 1 },
    { .kind = MAL_OBL_MAX, .column = 1 },
};

static mal_err group(mal_obl *o, table *a) {
    MAL_AUTO(mal_obl_table_clear) table out = { 0 };
    OBL_AUTO_WORDS cells = { 0 };
    const unsigned key = 0;
    const mal_obl_group_options options = {
        .n_keys = 1, .n_aggs = 3, .keys = &key, .aggs = aggs
    };
    MAL_TRY(mal_obl_group(o, &out, a, &options));
    mal_obl_table_clear(&out);
    const mal_obl_group_options all = { .n_aggs = 3, .aggs = aggs };
    MAL_TRY(mal_obl_group(o, &out, a, &all));
    MAL_TRY(mal_obl_dense(o, &cells, a, 0, 4, aggs, 2));
    mal_share3_words_clear(&cells);
    return mal_obl_dense(o, &cells, a, 0, 400, aggs, 2);
}

static mal_err join(mal_obl *o, table *a, table *b) {
    MAL_AUTO(mal_obl_table_clear) table out = { 0 };
    MAL_AUTO(mal_obl_rank_clear) mal_obl_rank rank = { 0 };
    const unsigned key = 0;
    mal_obl_join_options options = { .kind = MAL_OBL_LEFT,
                                     .n_keys = 1,
                                     .fanout_max = 2 };
    MAL_TRY(mal_obl_join(o, &out, a, b, &options));
    mal_obl_table_clear(&out);
    MAL_TRY(mal_obl_join_many(o, &out, a, b, &options));
    mal_obl_table_clear(&out);
    MAL_TRY(mal_obl_join_outer(o, &out, b, a, &options));
    mal_obl_table_clear(&out);
    MAL_TRY(mal_obl_rank_make(o, &rank, b, &key, 1));
    options.build_rank = &rank;
    return mal_obl_join(o, &out, a, b, &options);
}

static mal_err compute(mal_obl *o, table *a) {
    MAL_AUTO(mal_obl_table_clear) table out = { 0 };
    static const mal_obl_type wide = { .lo = -100000,
                                       .hi = 100000,
                                       .nullable = true };
    const mal_obl_expr x = { .op = MAL_OBL_COL, .type = { .hi = 3 } };
    const mal_obl_expr y = { .op = MAL_OBL_COL, .value = 1, .type = wide };
    const mal_obl_expr *xy[] = { &x, &y };
    const mal_obl_expr divide = {
        .op = MAL_OBL_DIV, .type = wide, .n_args = 2, .args = xy
    };
    const mal_obl_expr times = {
        .op = MAL_OBL_MUL, .type = wide, .n_args = 2, .args = xy
    };
    const mal_obl_expr *choice[] = { &x, &divide, &times };
    const mal_obl_expr either = {
        .op = MAL_OBL_CASE, .type = wide, .n_args = 3, .args = choice
    };
    const mal_obl_expr *list[] = { &either, &x };
    const mal_obl_key by = { .column = 0, .desc = true };
    MAL_TRY(mal_obl_project(o, &out, a, list, 2));
    MAL_TRY(mal_obl_filter(o, a, &x));
    MAL_TRY(mal_obl_window_rank(o, &out, &by, 1, 0));
    MAL_TRY(mal_obl_bound(o, &out, 0, 1, NULL));
    MAL_TRY(mal_obl_unique(o, &out, &by.column, 1));
    return mal_obl_compact(o, &out, 2);
}

typedef struct example {
    plain a, b;
    unsigned fails_at; /* party, or 3: none */
    uint64_t fail_at;
} example;

static mal_err body(mal_obl *o, void *ctx) {
    const example *x = ctx;
    MAL_AUTO(mal_obl_table_clear) table a = { 0 };
    MAL_AUTO(mal_obl_table_clear) table b = { 0 };
    if (o->me == x->fails_at || !o->s)
        mal_alloc_fail_at(x->fail_at);
    MAL_TRY(plain_share(o, &a, &x->a));
    MAL_TRY(plain_share(o, &b, &x->b));
    MAL_TRY(join(o, &a, &b));
    MAL_TRY(group(o, &a));
    MAL_TRY(compute(o, &a));
    const mal_err err = mal_obl_verdict(o);
    return err == MAL_E_INPUT ? MAL_OK : err;
}

static void make(example *x, size_t n) {
    uint64_t seed = 5;
    memset(x, 0, sizeof *x);
    plain *both[] = { &x->a, &x->b };
    for (unsigned i = 0; i < 2; i++) {
        both[i]->n = n;
        both[i]->n_columns = 2;
        both[i]->c[0].type = (mal_obl_type){ .hi = 3 };
        both[i]->c[1].type =
            (mal_obl_type){ .lo = -99, .hi = 99, .nullable = true };
        plain_fill(both[i], &seed);
    }
}

TEST(every_failed_allocation_ends_a_dry_run) {
    static example x;
    bool well = false;
    uint64_t n = 0;
    make(&x, 3);
    while (!well) {
        mal_obl *o = NULL;
        CHECK_OK(mal_obl_open_dry(&o, MAL_SHARE3_SEMI_HONEST, NULL));
        x.fail_at = ++n;
        const mal_err err = body(o, &x);
        mal_alloc_fail_at(0);
        well = err == MAL_OK;
        CHECK(well || err == MAL_E_MEMORY);
        mal_obl_close(&o);
    }
    CHECK(n > 20);
}

TEST(a_failed_allocation_ends_the_run_at_all_three) {
    static example x;
    static obl_trio t;
    bool well = false;
    make(&x, 3);
    for (uint64_t n = 1; !well; n += 1 + n / 8) { /* there are thousands */
        x.fails_at = (unsigned)(n % 3);
        x.fail_at = n;
        obl_go(&t, MAL_SHARE3_SEMI_HONEST, body, &x);
        mal_alloc_fail_at(0);
        unsigned memory = 0, fine = 0;
        for (unsigned i = 0; i < 3; i++) {
            memory += t.p[i].err == MAL_E_MEMORY;
            fine += t.p[i].err == MAL_OK;
        }
        well = fine == 3;
        CHECK(well || memory == 1);
    }
}

TEST_MAIN
