/* Rows do not steer: whole plans with every value undefined. */
#include "mal_leak.h"

#include "../oblivious_impl.h"

#define N 5
#define M 3

typedef struct seat {
    int64_t a[2][N], b[2][M];
    uint8_t null[N];
    uint8_t ids[N][16];
} seat;

static void must(mal_err err) {
    if (err != MAL_OK)
        abort();
}

static void share(mal_obl *o, seat *p, table *a, table *b) {
    const mal_obl_type key = { .lo = -3, .hi = 40 };
    const mal_obl_type maybe = { .lo = 0, .hi = 900, .nullable = true };
    const mal_obl_type id = { .opaque = 100 };
    must(mal_obl_table_new(o, a, N, 3, N));
    must(mal_obl_table_new(o, b, M, 2, M - 1));
    must(mal_obl_column_input(o, &a->columns[0], &key, 0, p->a[0], NULL, N));
    must(mal_obl_column_input(o, &a->columns[1], &maybe, 1, p->a[1], p->null,
                              N));
    must(mal_obl_id_input(o, &a->columns[2], &id, 2,
                          (const uint8_t(*)[16])p->ids, p->null, N));
    must(mal_obl_column_input(o, &b->columns[0], &key, 2, p->b[0], NULL, M));
    must(mal_obl_column_input(o, &b->columns[1], &maybe, 0, p->b[1], p->null,
                              M));
    must(mal_obl_clamp(o, &a->columns[1]));
}

static void compute(mal_obl *o, table *a) {
    static const mal_obl_type wide = { .lo = -4000000,
                                       .hi = 4000000,
                                       .nullable = true };
    static const int64_t list[] = { 1, 2, 5, 8 };
    const mal_obl_expr x = { .op = MAL_OBL_COL,
                             .type = { .lo = -3, .hi = 40 } };
    const mal_obl_expr y = { .op = MAL_OBL_COL,
                             .value = 1,
                             .type = { .hi = 900, .nullable = true } };
    const mal_obl_expr *xy[] = { &x, &y };
    const mal_obl_expr product = {
        .op = MAL_OBL_MUL, .type = wide, .n_args = 2, .args = xy
    };
    const mal_obl_expr quotient = {
        .op = MAL_OBL_DIV, .type = wide, .n_args = 2, .args = xy
    };
    const mal_obl_expr in = { .op = MAL_OBL_IN,
                              .type = { .hi = 1 },
                              .n_args = 1,
                              .args = xy,
                              .n_list = 4,
                              .list = list };
    const mal_obl_expr *choice[] = { &in, &product, &quotient };
    const mal_obl_expr either = {
        .op = MAL_OBL_CASE, .type = wide, .n_args = 3, .args = choice
    };
    const mal_obl_expr less = { .op = MAL_OBL_LT,
                                .type = { .hi = 1, .nullable = true },
                                .n_args = 2,
                                .args = xy };
    column out = { 0 };
    must(mal_obl_eval(o, &out, a, &either));
    mal_obl_column_clear(&out);
    must(mal_obl_filter(o, a, &less));
}

static void join(mal_obl *o, table *a, table *b, bool ranked) {
    table out = { 0 };
    mal_obl_rank left = { 0 }, right = { 0 };
    mal_obl_join_options options = { .kind = MAL_OBL_LEFT, .n_keys = 1 };
    const unsigned key = 0;
    if (ranked) {
        must(mal_obl_rank_make(o, &left, a, &key, 1));
        must(mal_obl_rank_make(o, &right, b, &key, 1));
        options.probe_rank = &left;
        options.build_rank = &right;
    }
    must(mal_obl_join(o, &out, a, b, &options));
    mal_obl_table_clear(&out);
    mal_obl_rank_clear(&left);
    mal_obl_rank_clear(&right);
}

static void group(mal_obl *o, table *a) {
    table out = { 0 };
    mal_share3_words cells = { 0 };
    const unsigned keys[] = { 2 };
    const mal_obl_agg aggs[] = { { .kind = MAL_OBL_SUM, .column = 1 },
                                 { .kind = MAL_OBL_COUNT_ROWS },
                                 { .kind = MAL_OBL_MAX, .column = 1 } };
    const mal_obl_group_options options = {
        .n_keys = 1, .n_aggs = 3, .keys = keys, .aggs = aggs
    };
    const mal_obl_key by = { .column = 1 };
    must(mal_obl_group(o, &out, a, &options));
    must(mal_obl_top(o, &out, &by, 1, 2));
    mal_obl_table_clear(&out);
    must(mal_obl_dense(o, &cells, a, 1, 4, aggs, 2));
    mal_share3_words_clear(&cells);
    must(mal_obl_bound(o, a, 2, 1, NULL)); /* then they are unique: good */
    must(mal_obl_unique(o, a, keys, 1));
    must(mal_obl_window_rank(o, a, &by, 1, 0));
    must(mal_obl_distinct(o, a, keys, 1));
}

static mal_err sit(void *ctx, mal_mesh *mesh) {
    seat *p = (seat *)ctx + mesh->me;
    table a = { 0 }, b = { 0 };
    mal_share3 *s = NULL;
    mal_obl *o = NULL;
    const mal_share3_options options = { .security = MAL_SHARE3_SEMI_HONEST };
    for (int64_t i = 0; i < M; i++)
        p->b[0][i] = i; /* unique: the verdict is public, and good */
    mal_leak_secret(p->a, sizeof p->a);
    mal_leak_secret(p->b, sizeof p->b);
    mal_leak_secret(p->null, sizeof p->null);
    mal_leak_secret(p->ids, sizeof p->ids);
    must(mal_share3_open(&s, mesh, &options));
    must(mal_obl_open(&o, s));
    share(o, p, &a, &b);
    compute(o, &a);
    join(o, &a, &b, false);
    join(o, &a, &b, true);
    group(o, &a);
    must(mal_obl_verdict(o));
    mal_obl_table_clear(&a);
    mal_obl_table_clear(&b);
    mal_obl_close(&o);
    mal_share3_close(&s);
    return MAL_OK;
}

LEAK(plans_do_not_look_at_their_rows) {
    static seat p[3];
    must(mal_mesh_run(3, 250000, sit, p));
}

LEAK_CONTROL(a_branch_on_a_value_is_seen) {
    static int64_t v[N];
    mal_leak_secret(v, sizeof v);
    static volatile int64_t most;
    for (unsigned i = 0; i < N; i++)
        if (v[i] > 7) /* a store that cannot be made a mask */
            most = i;
}

LEAK_MAIN
