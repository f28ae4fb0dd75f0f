/* Orders, groups and cells equal a slow model over plain tables. */
#include "obl_example.h"

static void random_keys(example *x, unsigned n_columns) {
    x->n_keys = 1 + (unsigned)dice(3);
    for (unsigned i = 0; i < x->n_keys; i++) {
        x->keys[i] = (mal_obl_key){ .column = (unsigned)dice(n_columns),
                                    .desc = dice(2),
                                    .nulls_first = dice(2) };
        x->key_columns[i] = x->keys[i].column;
    }
}

static mal_err take(table *out, table *a) {
    *out = *a;
    memset(a, 0, sizeof *a);
    return MAL_OK;
}

static mal_err run_sort(mal_obl *o, example *x, table *out, table *a,
                        table *b) {
    (void)b;
    MAL_TRY(mal_obl_sort(o, a, x->keys, x->n_keys));
    return take(out, a);
}

static mal_err run_limit(mal_obl *o, example *x, table *out, table *a,
                         table *b) {
    (void)b;
    MAL_TRY(mal_obl_sort(o, a, x->keys, x->n_keys));
    MAL_TRY(mal_obl_limit(o, a, x->limit, x->offset));
    return take(out, a);
}

static mal_err run_distinct(mal_obl *o, example *x, table *out, table *a,
                            table *b) {
    (void)b;
    MAL_TRY(mal_obl_distinct(o, a, x->key_columns, x->n_keys));
    return take(out, a);
}

static mal_err run_window(mal_obl *o, example *x, table *out, table *a,
                          table *b) {
    (void)b;
    MAL_TRY(mal_obl_window_rank(o, a, x->keys, x->n_keys, 1));
    return take(out, a);
}

static mal_err run_union(mal_obl *o, example *x, table *out, table *a,
                         table *b) {
    (void)x;
    table *both[2] = { a, b };
    return mal_obl_union(o, out, both, 2);
}

TEST(rows_are_sorted_by_several_keys_with_directions_and_nulls) {
    static example x;
    for (unsigned i = 0; i < 12; i++) {
        memset(&x, 0, sizeof x);
        random_table(&x.a, 4, i % 2 ? 3 : 1000);
        random_keys(&x, 4);
        x.run = run_sort;
        obl_run(example_body, &x);
        model_sort(&x.want, &x.a, x.keys, x.n_keys);
        check_table(&x.out, &x.want);
    }
}

TEST(a_limit_keeps_the_rows_that_were_asked_for) {
    static example x;
    static plain sorted;
    for (unsigned i = 0; i < 8; i++) {
        memset(&x, 0, sizeof x);
        random_table(&x.a, 3, 20);
        random_keys(&x, 3);
        x.limit = dice(x.a.n + 3);
        x.offset = dice(3) ? 0 : dice(x.a.n + 3);
        x.run = run_limit;
        obl_run(example_body, &x);
        model_sort(&sorted, &x.a, x.keys, x.n_keys);
        memset(&x.want, 0, sizeof x.want);
        x.want.n_columns = 3;
        for (size_t r = x.offset; r < sorted.n && r < x.offset + x.limit; r++)
            copy_row(&x.want, x.want.n++, &sorted, r);
        x.want.n += x.want.n == 0; /* one invalid row */
        check_table(&x.out, &x.want);
    }
}

TEST(distinct_keeps_one_row_of_each_key) {
    static example x;
    for (unsigned i = 0; i < 8; i++) {
        memset(&x, 0, sizeof x);
        random_table(&x.a, 3, 3);
        random_keys(&x, 3);
        x.run = run_distinct;
        obl_run(example_body, &x);
        x.want = x.a;
        for (size_t r = 0; r < x.a.n; r++)
            for (size_t q = 0; q < r && x.want.valid[r]; q++)
                if (x.a.valid[q] && order_of(&x.a, q, r, x.keys, x.n_keys) == 0)
                    x.want.valid[r] = 0;
        check_table(&x.out, &x.want);
    }
}

TEST(a_window_rank_counts_the_rows_before_in_the_same_part) {
    static example x;
    for (unsigned i = 0; i < 8; i++) {
        memset(&x, 0, sizeof x);
        random_table(&x.a, 3, 4);
        random_keys(&x, 3);
        x.run = run_window;
        obl_run(example_body, &x);
        x.want = x.a;
        x.want.n_columns = 4;
        for (size_t r = 0; r < x.a.n; r++) {
            x.want.c[3].v[r] = 1;
            for (size_t q = 0; q < x.a.n; q++)
                x.want.c[3].v[r] += x.a.valid[q] &&
                                    order_of(&x.a, q, r, x.keys, 1) == 0 &&
                                    order_of(&x.a, q, r, x.keys, x.n_keys) < 0;
        }
        check_table(&x.out, &x.want);
    }
}

TEST(a_union_has_all_rows_of_both) {
    static example x;
    for (unsigned i = 0; i < 8; i++) {
        memset(&x, 0, sizeof x);
        random_table(&x.a, 3, 50);
        random_table(&x.b, 3, 50);
        x.run = run_union;
        obl_run(example_body, &x);
        x.want = x.a;
        for (size_t r = 0; r < x.b.n; r++)
            copy_row(&x.want, x.want.n++, &x.b, r);
        check_table(&x.out, &x.want);
    }
}

/* --- groups --------------------------------------------------------------- */

static mal_err run_group(mal_obl *o, example *x, table *out, table *a,
                         table *b) {
    (void)b;
    return mal_obl_group(o, out, a, &x->group);
}

static void model_agg(const example *x, const mal_obl_agg *a, plain_column *c,
                      size_t to, const size_t *row, size_t n) {
    const plain_column *in = &x->a.c[a->column];
    int64_t count = 0, distinct = 0, sum = 0, low = INT64_MAX, high = INT64_MIN;
    for (size_t i = 0; i < n; i++) {
        const int64_t v = in->v[row[i]];
        bool seen = false;
        if (a->kind != MAL_OBL_COUNT_ROWS && in->null[row[i]])
            continue;
        for (size_t k = 0; k < i && !seen; k++)
            seen = !in->null[row[k]] && in->v[row[k]] == v;
        count++;
        distinct += !seen;
        sum += v;
        low = v < low ? v : low;
        high = v > high ? v : high;
    }
    c->v[to] = a->kind <= MAL_OBL_COUNT ? count
               : a->kind == MAL_OBL_SUM ? sum
               : a->kind == MAL_OBL_MIN ? low
               : a->kind == MAL_OBL_MAX ? high
                                        : distinct;
    c->null[to] = a->kind >= MAL_OBL_SUM && a->kind <= MAL_OBL_MAX && !count;
    if (a->kind == MAL_OBL_ANY) {
        c->v[to] = in->v[row[0]];
        c->null[to] = in->null[row[0]];
    }
}

/* Groups in the order of their keys. */
static void model_group(example *x) {
    size_t row[PLAIN_ROWS];
    const size_t m = sorted_rows(row, &x->a, x->keys, x->n_keys);
    const unsigned n_aggs = x->group.n_aggs;
    memset(&x->want, 0, sizeof x->want);
    x->want.n_columns = x->n_keys + n_aggs;
    for (size_t from = 0, to; from < m || (!m && !x->n_keys && !x->want.n);
         from = to) {
        to = from;
        while (to < m &&
               order_of(&x->a, row[from], row[to], x->keys, x->n_keys) == 0)
            to++;
        const size_t g = x->want.n++;
        x->want.valid[g] = 1;
        for (unsigned i = 0; i < x->n_keys; i++) {
            x->want.c[i].v[g] = x->a.c[x->key_columns[i]].v[row[from]];
            x->want.c[i].null[g] = x->a.c[x->key_columns[i]].null[row[from]];
        }
        for (unsigned i = 0; i < n_aggs; i++)
            model_agg(x, &x->aggs[i], &x->want.c[x->n_keys + i], g, row + from,
                      to - from);
    }
}

static void random_group(example *x, int64_t span, unsigned n_keys) {
    static const mal_obl_agg_kind kinds[] = {
        MAL_OBL_COUNT_ROWS, MAL_OBL_COUNT, MAL_OBL_SUM,
        MAL_OBL_MIN,        MAL_OBL_MAX,   MAL_OBL_COUNT_DISTINCT
    };
    memset(x, 0, sizeof *x);
    random_table(&x->a, 4, span);
    x->n_keys = n_keys;
    for (unsigned i = 0; i < n_keys; i++)
        x->keys[i].column = x->key_columns[i] = i;
    x->group.n_keys = n_keys;
    x->group.keys = x->key_columns;
    x->group.n_aggs = (unsigned)dice(6) + (n_keys == 0);
    x->group.aggs = x->aggs;
    for (unsigned i = 0; i < x->group.n_aggs; i++)
        x->aggs[i] = (mal_obl_agg){ .kind = kinds[dice(6)],
                                    .column = (unsigned)dice(4) };
}

TEST(groups_come_out_in_order_with_their_aggregates) {
    static example x;
    for (unsigned i = 0; i < 24; i++) {
        random_group(&x, i % 2 ? 3 : 200, (unsigned)dice(3));
        x.run = run_group;
        obl_run(example_body, &x);
        model_group(&x);
        const size_t n = x.want.n;
        x.want.n = x.n_keys ? x.a.n : 1;
        CHECK(n <= x.want.n);
        check_table(&x.out, &x.want);
    }
}

/* Sums and an extreme of rows that take some memory. */
static void large_group(example *x, mal_obl_agg_kind ride) {
    random_group(x, dice(2) ? 3 : 200, 1 + (unsigned)dice(2));
    x->a.n = PLAIN_ROWS;
    plain_fill(&x->a, &seed);
    x->group.n_aggs = 6;
    for (unsigned k = 0; k < 5; k++)
        x->aggs[k] = (mal_obl_agg){ .kind = MAL_OBL_SUM, .column = k % 4 };
    x->aggs[5] = (mal_obl_agg){ .kind = ride, .column = 3 };
    x->run = run_group;
}

static void limit_memory(size_t bytes) {
    for (unsigned p = 0; p < 3; p++)
        obl_memory[p] = bytes;
}

/* What waits lies on disk meanwhile: the input, sums, planes to be moved. */
TEST(groups_of_what_rests_on_disk_are_the_same) {
    static example x;
    uint64_t parked = 0;
    for (unsigned i = 0; i < 8; i++) {
        large_group(&x, i % 2 ? MAL_OBL_MIN : MAL_OBL_COUNT_DISTINCT);
        limit_memory(140000);
        parked += obl_run(example_body, &x);
        limit_memory(0);
        model_group(&x);
        x.want.n = x.a.n;
        check_table(&x.out, &x.want);
    }
    CHECK(parked > 10000);
}

/* An engine that is closed holds nothing: it asserts it. */
TEST(under_any_limit_groups_are_the_same_or_refused) {
    static example x;
    static obl_trio t;
    unsigned answered = 0;
    for (size_t limit = 8000; limit < 150000; limit += 6000) {
        large_group(&x, MAL_OBL_MAX);
        limit_memory(limit);
        obl_go(&t, MAL_SHARE3_SEMI_HONEST, example_body, &x);
        limit_memory(0);
        CHECK(t.p[0].err == MAL_OK || t.p[0].err == MAL_E_LIMIT);
        if (t.p[0].err != MAL_OK) {
            CHECK(strstr(t.p[0].why, "takes a limit of at least"));
            continue;
        }
        answered++;
        model_group(&x);
        x.want.n = x.a.n;
        check_table(&x.out, &x.want);
    }
    CHECK(answered >= 2 && answered < 24);
}

static mal_err run_group_ranked(mal_obl *o, example *x, table *out, table *a,
                                table *b) {
    (void)b;
    MAL_AUTO(mal_obl_rank_clear) mal_obl_rank rank = { 0 };
    mal_obl_group_options options = x->group;
    if (x->limit)
        MAL_TRY(mal_obl_rank_make(o, &rank, a, x->key_columns, options.n_keys));
    else
        MAL_TRY(
            mal_obl_rank_sorted(o, &rank, a, x->key_columns, options.n_keys));
    options.rank = &rank;
    return mal_obl_group(o, out, a, &options);
}

TEST(groups_of_a_ranked_table_are_the_same) {
    static example x;
    for (unsigned i = 0; i < 16; i++) {
        random_group(&x, i % 2 ? 3 : 200, 1 + (unsigned)dice(2));
        x.limit = i % 4 != 0;
        if (!x.limit)
            sort_plain(&x.a, x.key_columns, x.n_keys);
        x.run = run_group_ranked;
        obl_run(example_body, &x);
        model_group(&x);
        x.want.n = x.a.n;
        check_table(&x.out, &x.want);
    }
}

/* Column 3 becomes a function of the keys, NULL for some. */
static void determine(plain *t, unsigned n_keys) {
    for (size_t r = 0; r < t->n; r++) {
        int64_t sum = 0;
        for (unsigned k = 0; k < n_keys; k++)
            sum += t->c[k].null[r] ? 1 : 7 * t->c[k].v[r];
        t->c[3].v[r] = sum & 63;
        t->c[3].null[r] = sum % 3 == 0;
    }
    t->c[3].type = (mal_obl_type){ .hi = 63, .nullable = true };
}

TEST(a_column_that_the_keys_determine_comes_from_any_row) {
    static example x;
    for (unsigned i = 0; i < 16; i++) {
        random_group(&x, i % 2 ? 3 : 200, 1 + (unsigned)dice(2));
        determine(&x.a, x.n_keys);
        x.group.n_aggs += x.group.n_aggs == 0;
        x.aggs[dice(x.group.n_aggs)] =
            (mal_obl_agg){ .kind = MAL_OBL_ANY, .column = 3 };
        x.limit = i % 4 > 1;
        if (!x.limit)
            sort_plain(&x.a, x.key_columns, x.n_keys);
        x.run = i % 4 ? run_group_ranked : run_group;
        obl_run(example_body, &x);
        model_group(&x);
        x.want.n = x.a.n;
        check_table(&x.out, &x.want);
    }
}

TEST(groups_are_the_same_where_products_are_verified) {
    static example x;
    for (unsigned i = 0; i < 8; i++) {
        random_group(&x, i % 2 ? 3 : 200, (unsigned)dice(3));
        x.run = run_group;
        obl_run_malicious(example_body, &x);
        model_group(&x);
        x.want.n = x.n_keys ? x.a.n : 1;
        check_table(&x.out, &x.want);
    }
}

TEST(a_bound_of_groups_cuts_the_table_and_is_checked) {
    static example x;
    for (unsigned i = 0; i < 8; i++) {
        random_group(&x, 6, 1);
        x.run = run_group;
        model_group(&x);
        const size_t n = x.want.n;
        x.group.groups_max = i % 2 || n < 2 ? n + !n : n - 1;
        x.expect_broken = x.group.groups_max < n;
        obl_run(example_body, &x);
        CHECK_EQ(x.verdict[0], x.expect_broken ? MAL_E_INPUT : MAL_OK);
        x.want.n = x.group.groups_max;
        if (!x.expect_broken)
            check_table(&x.out, &x.want);
    }
}

/* --- cells ---------------------------------------------------------------- */

#define CELLS 21

static mal_err run_dense(mal_obl *o, example *x, table *out, table *a,
                         table *b) {
    (void)out;
    (void)b;
    uint64_t all[8 * CELLS];
    OBL_AUTO_WORDS z = { 0 };
    if (x->offset) /* as a product would come */
        MAL_TRY(mal_obl_need_words(o, &a->columns[1]));
    if (x->offset) {
        mal_share3_bits_clear(&a->columns[1].bits);
        a->columns[1].has_bits = false;
    }
    MAL_TRY(mal_obl_dense(o, &z, a, 0, x->limit, x->aggs, x->group.n_aggs));
    MAL_TRY(obl_open_words(o, o->me == 0 ? x->cells_out : all, &z));
    return MAL_OK;
}

TEST(every_cell_of_a_closed_domain_is_answered) {
    static example x;
    static uint64_t cells[8 * CELLS];
    static const mal_obl_agg_kind kinds[] = { MAL_OBL_COUNT_ROWS, MAL_OBL_COUNT,
                                              MAL_OBL_SUM };
    for (unsigned i = 0; i < 16; i++) {
        memset(&x, 0, sizeof x);
        random_table(&x.a, 3, i % 4 == 1 ? (int64_t)1 << 45 : 30);
        x.a.c[0].type.lo = 0;
        x.a.c[0].type.hi = i % 2 ? CELLS - 1 : 5;
        plain_fill(&x.a, &seed);
        x.limit = i % 3 == 0 ? 4 : i % 3 == 1 ? CELLS - 2 : CELLS;
        x.offset = dice(2);
        x.group.n_aggs = 1 + (unsigned)dice(6);
        for (unsigned k = 0; k < x.group.n_aggs; k++)
            x.aggs[k] = (mal_obl_agg){ .kind = kinds[dice(3)],
                                       .column = 1 + (unsigned)dice(2) };
        x.cells_out = cells;
        x.run = run_dense;
        obl_run(example_body, &x);
        for (unsigned k = 0; k < x.group.n_aggs; k++)
            for (size_t cell = 0; cell < x.limit; cell++) {
                const plain_column *c = &x.a.c[x.aggs[k].column];
                uint64_t want = 0;
                for (size_t r = 0; r < x.a.n; r++) {
                    const bool rows = x.aggs[k].kind == MAL_OBL_COUNT_ROWS;
                    if (x.a.valid[r] && !x.a.c[0].null[r] &&
                        x.a.c[0].v[r] == (int64_t)cell && (rows || !c->null[r]))
                        want += x.aggs[k].kind == MAL_OBL_SUM
                                    ? (uint64_t)c->v[r]
                                    : 1;
                }
                CHECK_EQ(cells[k * x.limit + cell], want);
            }
    }
}

/* --- opening -------------------------------------------------------------- */

static mal_err run_nothing(mal_obl *o, example *x, table *out, table *a,
                           table *b) {
    (void)b;
    if (x->limit)
        MAL_TRY(mal_obl_need_words(o, &a->columns[1]));
    if (x->limit) { /* as a product would come */
        mal_share3_bits_clear(&a->columns[1].bits);
        a->columns[1].has_bits = false;
    }
    return take(out, a);
}

TEST(what_is_invalid_or_null_is_opened_as_nothing) {
    static example x;
    for (unsigned i = 0; i < 4; i++) {
        memset(&x, 0, sizeof x);
        random_table(&x.a, 2, 1000);
        x.limit = i % 2;
        x.run = run_nothing;
        obl_run(example_body, &x);
        for (size_t r = 0; r < x.a.n; r++)
            for (unsigned k = 0; k < 2; k++) {
                const plain_column *c = &x.a.c[k];
                const bool shown = x.a.valid[r] && !c->null[r];
                CHECK_EQ(x.out.c[k].v[r], shown ? c->v[r] : 0);
                CHECK_EQ(x.out.c[k].null[r], x.a.valid[r] && c->null[r]);
            }
    }
}

TEST_MAIN
