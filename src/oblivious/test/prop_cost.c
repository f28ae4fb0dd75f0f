/* What a dry engine counts is what a run costs, and a run's messages depend on
 * shapes alone. */
#include "obl_parties.h"

typedef mal_err (*operator)(mal_obl *o, table *out, table *a, table *b);

typedef struct example {
    plain a, b;
    operator run;
    int which;
} example;

/* --- operators, one of each ----------------------------------------------- */

static const mal_obl_key by[] = { { .column = 0, .desc = true },
                                  { .column = 1 } };
static const unsigned keys[] = { 0, 1 };
static const mal_obl_agg aggs[] = {
    { .kind = MAL_OBL_COUNT_ROWS },
    { .kind = MAL_OBL_COUNT, .column = 2 },
    { .kind = MAL_OBL_SUM, .column = 2 },
    { .kind = MAL_OBL_SUM, .column = 1 },
    { .kind = MAL_OBL_MIN, .column = 0 },
    { .kind = MAL_OBL_COUNT_DISTINCT, .column = 0 },
};

static mal_err take(table *out, table *a) {
    *out = *a;
    memset(a, 0, sizeof *a);
    return MAL_OK;
}
static mal_err run_sort(mal_obl *o, table *out, table *a, table *b) {
    (void)b;
    MAL_TRY(mal_obl_top(o, a, by, 1, 10));
    return take(out, a);
}
static mal_err run_compact(mal_obl *o, table *out, table *a, table *b) {
    (void)b;
    MAL_TRY(mal_obl_compact(o, a, 100));
    return take(out, a);
}
static mal_err run_distinct(mal_obl *o, table *out, table *a, table *b) {
    (void)b;
    MAL_TRY(mal_obl_distinct(o, a, keys, 1));
    return take(out, a);
}
static mal_err run_window(mal_obl *o, table *out, table *a, table *b) {
    (void)b;
    MAL_TRY(mal_obl_window_rank(o, a, by, 1, 0));
    return take(out, a);
}
static mal_err run_clamp(mal_obl *o, table *out, table *a, table *b) {
    (void)b;
    MAL_TRY(mal_obl_clamp(o, &a->columns[2]));
    return take(out, a);
}
static mal_err run_union(mal_obl *o, table *out, table *a, table *b) {
    table *both[2] = { a, b };
    return mal_obl_union(o, out, both, 2);
}
static mal_err run_join(mal_obl *o, table *out, table *a, table *b,
                        mal_obl_join_kind kind, size_t fanout) {
    const mal_obl_join_options options = { .kind = kind,
                                           .n_keys = 1,
                                           .fanout_max = fanout };
    return mal_obl_join(o, out, a, b, &options);
}
static mal_err run_inner(mal_obl *o, table *out, table *a, table *b) {
    return run_join(o, out, a, b, MAL_OBL_INNER, 0);
}
static mal_err run_left(mal_obl *o, table *out, table *a, table *b) {
    return run_join(o, out, a, b, MAL_OBL_LEFT, 7);
}
static mal_err run_anti(mal_obl *o, table *out, table *a, table *b) {
    return run_join(o, out, a, b, MAL_OBL_ANTI, 0);
}
static mal_err run_outer(mal_obl *o, table *out, table *a, table *b) {
    const mal_obl_join_options options = { .kind = MAL_OBL_LEFT, .n_keys = 1 };
    return mal_obl_join_outer(o, out, b, a, &options);
}
static mal_err run_group(mal_obl *o, table *out, table *a, table *b) {
    (void)b;
    const mal_obl_group_options options = {
        .n_keys = 1, .n_aggs = 4, .keys = keys, .aggs = aggs, .groups_max = 5
    };
    return mal_obl_group(o, out, a, &options);
}
static mal_err run_total(mal_obl *o, table *out, table *a, table *b) {
    (void)b;
    const mal_obl_group_options options = { .n_aggs = 6, .aggs = aggs };
    return mal_obl_group(o, out, a, &options);
}
static mal_err run_dense(mal_obl *o, table *out, table *a, table *b) {
    (void)out;
    (void)b;
    OBL_AUTO_WORDS cells = { 0 };
    return mal_obl_dense(o, &cells, a, 0, 4, aggs, 4);
}

/* With ranks no key is sorted, however wide it is. */
static mal_err run_ranked(mal_obl *o, table *out, table *a, table *b) {
    MAL_AUTO(mal_obl_rank_clear) mal_obl_rank left = { 0 };
    MAL_AUTO(mal_obl_rank_clear) mal_obl_rank right = { 0 };
    MAL_TRY(mal_obl_rank_sorted(o, &left, a, keys + 1, 1));
    MAL_TRY(mal_obl_rank_sorted(o, &right, b, keys + 1, 1));
    const mal_obl_join_options options = { .kind = MAL_OBL_INNER,
                                           .n_keys = 1,
                                           .probe_keys = { 1 },
                                           .build_keys = { 1 },
                                           .probe_rank = &left,
                                           .build_rank = &right };
    return mal_obl_join(o, out, a, b, &options);
}
static mal_err run_group_ranked(mal_obl *o, table *out, table *a, table *b) {
    (void)b;
    MAL_AUTO(mal_obl_rank_clear) mal_obl_rank rank = { 0 };
    MAL_TRY(mal_obl_rank_sorted(o, &rank, a, keys, 2));
    static const mal_obl_agg with_any[] = {
        { .kind = MAL_OBL_SUM, .column = 2 },
        { .kind = MAL_OBL_ANY, .column = 2 },
    };
    const mal_obl_group_options options = {
        .n_keys = 2, .n_aggs = 2, .keys = keys, .aggs = with_any, .rank = &rank
    };
    return mal_obl_group(o, out, a, &options);
}

static mal_err run_bound(mal_obl *o, table *out, table *a, table *b) {
    (void)b;
    MAL_TRY(mal_obl_bound(o, a, 0, 9, NULL));
    return take(out, a);
}
static mal_err run_bound_in_place(mal_obl *o, table *out, table *a, table *b) {
    MAL_AUTO(mal_obl_rank_clear) mal_obl_rank rank = { 0 };
    (void)b;
    MAL_TRY(mal_obl_rank_sorted(o, &rank, a, keys + 1, 1));
    MAL_TRY(mal_obl_bound(o, a, 1, 9, &rank));
    return take(out, a);
}
static mal_err run_unique(mal_obl *o, table *out, table *a, table *b) {
    (void)b;
    MAL_TRY(mal_obl_unique(o, a, keys, 1));
    return take(out, a);
}

static mal_err run_first(mal_obl *o, table *out, table *a, table *b) {
    (void)b;
    MAL_TRY(mal_obl_first(o, a, keys, 1));
    return take(out, a);
}

/* Keys of at most three planes, validity and direction included. */
static const operator operators[] = {
    run_sort,  run_compact,        run_distinct, run_window, run_clamp,
    run_union, run_inner,          run_left,     run_anti,   run_outer,
    run_group, run_total,          run_dense,    run_ranked, run_group_ranked,
    run_bound, run_bound_in_place, run_unique,   run_first,
};

static mal_err body(mal_obl *o, void *ctx) {
    example *x = ctx;
    MAL_AUTO(mal_obl_table_clear) table a = { 0 };
    MAL_AUTO(mal_obl_table_clear) table b = { 0 };
    MAL_AUTO(mal_obl_table_clear) table out = { 0 };
    MAL_TRY(plain_share(o, &a, &x->a));
    MAL_TRY(plain_share(o, &b, &x->b));
    MAL_TRY(x->run(o, &out, &a, &b));
    const mal_err verdict = mal_obl_verdict(o); /* whatever it says */
    return verdict == MAL_E_INPUT ? MAL_OK : verdict;
}

static void shape(plain *t, size_t n) {
    t->n = n;
    t->n_columns = 3;
    t->c[0].type = (mal_obl_type){ .hi = 3 };
    t->c[1].type = (mal_obl_type){ .lo = -3, .hi = 700 };
    t->c[2].type = (mal_obl_type){ .lo = -1, .hi = 90, .nullable = true };
}

static void make(example *x, uint64_t *seed, operator run) {
    memset(x, 0, sizeof *x);
    shape(&x->a, 777);
    shape(&x->b, 200);
    plain_fill(&x->a, seed);
    plain_fill(&x->b, seed);
    x->run = run;
}

static void dry_is_run(example *x, size_t i, mal_share3_security security) {
    static obl_trio t;
    mal_obl *dry = NULL;
    obl_go(&t, security, body, x);
    CHECK_OK(mal_obl_open_dry(&dry, security, NULL));
    CHECK_OK(body(dry, x));
    for (unsigned p = 0; p < 3; p++) {
        CHECK_OK(t.p[p].err);
        CHECK_THAT(t.p[p].rounds - t.p[p].before_rounds == dry->cost.rounds,
                   "operator %zu, security %d: %llu rounds, dry %llu", i,
                   (int)security,
                   (unsigned long long)(t.p[p].rounds - t.p[p].before_rounds),
                   (unsigned long long)dry->cost.rounds);
        CHECK_THAT(t.p[p].bytes - t.p[p].before_bytes == dry->sent[p],
                   "operator %zu party %u, security %d: %llu bytes, dry %llu",
                   i, p, (int)security,
                   (unsigned long long)(t.p[p].bytes - t.p[p].before_bytes),
                   (unsigned long long)dry->sent[p]);
    }
    CHECK(mal_obl_cost_so_far(dry).ns > 0);
    mal_obl_close(&dry);
}

TEST(a_dry_run_counts_the_rounds_and_every_partys_bytes) {
    static example x;
    uint64_t seed = mal_test_seed();
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        make(&x, &seed, operators[i]);
        dry_is_run(&x, i, MAL_SHARE3_SEMI_HONEST);
        dry_is_run(&x, i, MAL_SHARE3_MALICIOUS);
    }
}

/* Rule 29: two tables with equal declared bounds give identical traces. */
TEST(messages_have_the_same_sizes_whatever_the_rows_are) {
    static example x;
    static obl_trio t[2];
    uint64_t seed = mal_test_seed();
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        for (unsigned k = 0; k < 2; k++) {
            make(&x, &seed, operators[i]);
            if (k) { /* as different as they can be: one key, nobody valid */
                memset(x.a.c[0].v, 0, sizeof x.a.c[0].v);
                memset(x.a.c[2].null, 0, sizeof x.a.c[2].null);
                memset(x.a.valid, 0, sizeof x.a.valid);
            }
            obl_go(&t[k], MAL_SHARE3_SEMI_HONEST, body, &x);
        }
        for (unsigned p = 0; p < 3; p++)
            for (unsigned q = 0; q < 3; q++)
                CHECK_THAT(t[0].p[p].trace[q] == t[1].p[p].trace[q],
                           "operator %zu from %u to %u", i, p, q);
    }
}

/* A sort of many planes compares rows after a shuffle; which ones is uniform.
 */
static mal_err run_wide(mal_obl *o, table *out, table *a, table *b) {
    (void)b;
    const mal_obl_key wide = { .column = 1 };
    MAL_TRY(mal_obl_sort(o, a, &wide, 1));
    return take(out, a);
}

static void price_is_near(mal_share3_security security) {
    static example x;
    static obl_trio t;
    mal_obl *dry = NULL;
    uint64_t seed = mal_test_seed();
    make(&x, &seed, run_wide);
    obl_go(&t, security, body, &x);
    CHECK_OK(mal_obl_open_dry(&dry, security, NULL));
    CHECK_OK(body(dry, &x));
    for (unsigned p = 0; p < 3; p++) {
        const uint64_t bytes = t.p[p].bytes - t.p[p].before_bytes;
        const uint64_t rounds = t.p[p].rounds - t.p[p].before_rounds;
        CHECK_THAT(dry->sent[p] > bytes * 8 / 10 &&
                       dry->sent[p] < bytes * 12 / 10,
                   "%llu bytes, dry %llu", (unsigned long long)bytes,
                   (unsigned long long)dry->sent[p]);
        CHECK_THAT(dry->cost.rounds > rounds * 6 / 10 &&
                       dry->cost.rounds < rounds * 14 / 10,
                   "%llu rounds, dry %llu", (unsigned long long)rounds,
                   (unsigned long long)dry->cost.rounds);
    }
    mal_obl_close(&dry);
}

TEST(the_price_of_a_wide_sort_is_near_what_it_costs) {
    price_is_near(MAL_SHARE3_SEMI_HONEST);
    price_is_near(MAL_SHARE3_MALICIOUS);
}

TEST_MAIN
