/* Each operator equals a slow model over plain tables. */
#include "obl_parties.h"

static uint64_t seed;

static uint64_t dice(uint64_t n) {
    if (!seed)
        seed = mal_test_seed();
    return mal_test_rand(&seed) % n;
}

/* Rows around the borders of words, also none that is valid. */
static size_t some_rows(void) {
    static const size_t edges[] = { 1, 2, 63, 64, 65, 128, 129 };
    return dice(2) ? edges[dice(7)] : 1 + dice(180);
}

static void random_table(plain *t, unsigned n_columns, int64_t span) {
    memset(t, 0, sizeof *t);
    t->n = some_rows();
    t->n_columns = n_columns;
    for (unsigned i = 0; i < n_columns; i++) {
        const int64_t lo = dice(2) ? -(int64_t)dice((uint64_t)span) : 0;
        t->c[i].type =
            (mal_obl_type){ .lo = lo,
                            .hi = lo + 1 + (int64_t)dice((uint64_t)span),
                            .nullable = dice(2) };
    }
    dice(1);
    plain_fill(t, &seed);
    if (dice(8) == 0)
        memset(t->valid, 0, sizeof t->valid);
    if (dice(8) == 0)
        memset(t->valid, 1, sizeof t->valid);
}

/* --- the slow model ------------------------------------------------------- */

/* NULLs are equal here, and stand where they are asked to. */
static int order_of(const plain *t, size_t a, size_t b, const mal_obl_key *keys,
                    unsigned n) {
    for (unsigned i = 0; i < n; i++) {
        const plain_column *c = &t->c[keys[i].column];
        if (c->null[a] != c->null[b])
            return (c->null[a] ? 1 : -1) * (keys[i].nulls_first ? -1 : 1);
        if (c->null[a] || c->v[a] == c->v[b])
            continue;
        return (c->v[a] < c->v[b] ? -1 : 1) * (keys[i].desc ? -1 : 1);
    }
    return 0;
}

static void copy_row(plain *z, size_t to, const plain *t, size_t from) {
    for (unsigned i = 0; i < t->n_columns; i++) {
        z->c[i].v[to] = t->c[i].v[from];
        z->c[i].null[to] = t->c[i].null[from];
    }
    z->valid[to] = t->valid[from];
}

/* Valid rows of t, stably sorted; how many? */
static size_t sorted_rows(size_t *row, const plain *t, const mal_obl_key *keys,
                          unsigned n) {
    size_t m = 0;
    for (size_t r = 0; r < t->n; r++) {
        if (!t->valid[r])
            continue;
        size_t at = m++;
        while (at && order_of(t, row[at - 1], r, keys, n) > 0) {
            row[at] = row[at - 1];
            at--;
        }
        row[at] = r;
    }
    return m;
}

static void model_sort(plain *z, const plain *t, const mal_obl_key *keys,
                       unsigned n) {
    size_t row[PLAIN_ROWS];
    memset(z, 0, sizeof *z);
    z->n_columns = t->n_columns;
    z->n = t->n;
    const size_t m = sorted_rows(row, t, keys, n);
    for (size_t i = 0; i < m; i++)
        copy_row(z, i, t, row[i]);
}

static void check_row(const plain *got, size_t g, const plain *want, size_t w) {
    for (unsigned i = 0; i < want->n_columns; i++) {
        CHECK_THAT(got->c[i].null[g] == want->c[i].null[w],
                   "row %zu column %u: null is %d", w, i, got->c[i].null[g]);
        CHECK_THAT(want->c[i].null[w] || got->c[i].v[g] == want->c[i].v[w],
                   "row %zu column %u: %lld, not %lld", w, i,
                   (long long)got->c[i].v[g], (long long)want->c[i].v[w]);
    }
}

/* Row by row, where the model's rows are valid. */
static void check_table(const plain *got, const plain *want) {
    CHECK_EQ(got->n, want->n);
    CHECK_EQ(got->n_columns, want->n_columns);
    for (size_t r = 0; r < want->n; r++) {
        CHECK_THAT(got->valid[r] == want->valid[r], "row %zu of %zu: valid %d",
                   r, want->n, got->valid[r]);
        if (want->valid[r])
            check_row(got, r, want, r);
    }
}

/* --- orders --------------------------------------------------------------- */

typedef struct example {
    plain a, b, out, want;
    unsigned n_keys;
    mal_obl_key keys[3];
    unsigned key_columns[3];
    size_t limit, offset;
    mal_obl_join_options join;
    mal_obl_group_options group;
    mal_obl_agg aggs[8];
    mal_err (*run)(mal_obl *o, struct example *x, table *out, table *a,
                   table *b);
    mal_err verdict[3];
    uint64_t cells[64], *cells_out;
    bool expect_broken;
} example;

static mal_err example_body(mal_obl *o, void *ctx) {
    example *x = ctx;
    MAL_AUTO(mal_obl_table_clear) table a = { 0 };
    MAL_AUTO(mal_obl_table_clear) table b = { 0 };
    MAL_AUTO(mal_obl_table_clear) table out = { 0 };
    MAL_TRY(plain_share(o, &a, &x->a));
    if (x->b.n)
        MAL_TRY(plain_share(o, &b, &x->b));
    MAL_TRY(x->run(o, x, &out, &a, &b));
    const mal_err verdict = mal_obl_verdict(o);
    x->verdict[o->me] = verdict;
    if (verdict != MAL_OK)
        return x->expect_broken ? MAL_OK : verdict;
    return out.n ? plain_open(o, &x->out, &out) : MAL_OK;
}

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

/* --- joins ---------------------------------------------------------------- */

static mal_err run_join(mal_obl *o, example *x, table *out, table *a,
                        table *b) {
    return mal_obl_join(o, out, a, b, &x->join);
}

/* Ranks: made here, or the rows stand sorted; one side may have none. */
static mal_err run_join_ranked(mal_obl *o, example *x, table *out, table *a,
                               table *b) {
    MAL_AUTO(mal_obl_rank_clear) mal_obl_rank left = { 0 };
    MAL_AUTO(mal_obl_rank_clear) mal_obl_rank right = { 0 };
    mal_obl_join_options *join = &x->join;
    mal_obl_join_options opt = *join;
    if (x->limit & 1) {
        MAL_TRY(mal_obl_rank_make(o, &left, a, join->probe_keys, join->n_keys));
        opt.probe_rank = &left;
    }
    if (x->limit & 2) {
        MAL_TRY(
            mal_obl_rank_make(o, &right, b, join->build_keys, join->n_keys));
        opt.build_rank = &right;
    } else if (x->limit & 4) {
        MAL_TRY(
            mal_obl_rank_sorted(o, &right, b, join->build_keys, join->n_keys));
        opt.build_rank = &right;
    }
    return mal_obl_join(o, out, a, b, &opt);
}

static mal_err run_join_many(mal_obl *o, example *x, table *out, table *a,
                             table *b) {
    return mal_obl_join_many(o, out, a, b, &x->join);
}

static mal_err run_join_outer(mal_obl *o, example *x, table *out, table *a,
                              table *b) {
    return mal_obl_join_outer(o, out, b, a, &x->join);
}

static bool keys_match(const example *x, size_t p, size_t b) {
    if (!x->a.valid[p] || !x->b.valid[b])
        return false;
    for (unsigned i = 0; i < x->join.n_keys; i++) {
        const plain_column *u = &x->a.c[x->join.probe_keys[i]];
        const plain_column *v = &x->b.c[x->join.build_keys[i]];
        if (u->null[p] || v->null[b] || u->v[p] != v->v[b])
            return false;
    }
    return true;
}

static bool build_equal(const example *x, size_t q, size_t b) {
    for (unsigned i = 0; i < x->join.n_keys; i++) {
        const plain_column *v = &x->b.c[x->join.build_keys[i]];
        if (v->null[q] || v->null[b] || v->v[q] != v->v[b])
            return false;
    }
    return x->b.valid[q] && x->b.valid[b];
}

/* Rows of build that are not first of their key become invalid. */
static void make_unique(example *x) {
    for (size_t b = 0; b < x->b.n; b++)
        for (size_t q = 0; q < b; q++)
            if (build_equal(x, q, b))
                x->b.valid[b] = 0;
}

static void put_build(plain *z, size_t r, unsigned at, const plain *b,
                      size_t row, bool matched) {
    for (unsigned i = 0; i < b->n_columns; i++) {
        z->c[at + i].v[r] = matched ? b->c[i].v[row] : 0;
        z->c[at + i].null[r] = !matched || b->c[i].null[row];
    }
}

static void model_join(example *x) {
    const mal_obl_join_kind kind = x->join.kind;
    const bool more = kind == MAL_OBL_INNER || kind == MAL_OBL_LEFT;
    x->want = x->a;
    x->want.n_columns += more ? x->b.n_columns : 0;
    for (size_t p = 0; p < x->a.n; p++) {
        size_t b = 0;
        while (b < x->b.n && !keys_match(x, p, b))
            b++;
        const bool match = b < x->b.n;
        if (more)
            put_build(&x->want, p, x->a.n_columns, &x->b, b, match);
        if (kind == MAL_OBL_INNER || kind == MAL_OBL_SEMI)
            x->want.valid[p] &= match;
        if (kind == MAL_OBL_ANTI)
            x->want.valid[p] &= !match;
    }
}

static void random_join(example *x, mal_obl_join_kind kind, int64_t span) {
    memset(x, 0, sizeof *x);
    random_table(&x->a, 3, span);
    random_table(&x->b, 3, span);
    x->join.kind = kind;
    x->join.n_keys = 1 + (unsigned)dice(2);
    for (unsigned i = 0; i < x->join.n_keys; i++) {
        x->join.probe_keys[i] = i;
        x->join.build_keys[i] = 2 - i;
        x->b.c[2 - i].type.lo = x->a.c[i].type.lo; /* or nothing matches */
        x->b.c[2 - i].type.hi = x->a.c[i].type.hi + (int64_t)dice(3);
    }
    plain_fill(&x->b, &seed);
    if (dice(8) == 0)
        memset(x->b.valid, 0, sizeof x->b.valid);
}

TEST(a_join_with_a_unique_side_equals_nested_loops) {
    static example x;
    for (unsigned i = 0; i < 24; i++) {
        random_join(&x, (mal_obl_join_kind)(1 + i % 4), i % 3 ? 20 : 2000);
        if (x.join.kind <= MAL_OBL_LEFT)
            make_unique(&x);
        x.run = run_join;
        obl_run(example_body, &x);
        model_join(&x);
        check_table(&x.out, &x.want);
    }
}

/* Probe rows of one key, at most how many? */
static size_t fanout_of(const example *x) {
    size_t most = 1;
    for (size_t r = 0; r < x->a.n; r++) {
        size_t n = 0;
        for (size_t q = 0; q < x->a.n; q++) {
            bool same = x->a.valid[q] && x->a.valid[r];
            for (unsigned i = 0; i < x->join.n_keys; i++) {
                const plain_column *c = &x->a.c[x->join.probe_keys[i]];
                same &= !c->null[q] && !c->null[r] && c->v[q] == c->v[r];
            }
            n += same;
        }
        most = n > most ? n : most;
    }
    return most;
}

static void sort_plain(plain *t, const unsigned *keys, unsigned n) {
    static plain z;
    mal_obl_key by[3] = { 0 };
    uint8_t valid[PLAIN_ROWS];
    for (unsigned i = 0; i < n; i++)
        by[i].column = keys[i];
    memcpy(valid, t->valid, sizeof valid);
    memset(t->valid, 1, t->n);
    model_sort(&z, t, by, n);
    for (unsigned i = 0; i < t->n_columns; i++) {
        memcpy(t->c[i].v, z.c[i].v, sizeof z.c[i].v);
        memcpy(t->c[i].null, z.c[i].null, sizeof z.c[i].null);
    }
    memcpy(t->valid, valid, sizeof valid);
}

TEST(a_join_of_ranked_sides_equals_nested_loops) {
    static example x;
    for (unsigned i = 0; i < 32; i++) {
        random_join(&x, (mal_obl_join_kind)(1 + i % 4), i % 3 ? 20 : 2000);
        x.limit = 1 + dice(6); /* which ranks */
        if (!(x.limit & 2))
            sort_plain(&x.b, x.join.build_keys, x.join.n_keys);
        if (x.join.kind <= MAL_OBL_LEFT)
            make_unique(&x);
        if (x.join.kind == MAL_OBL_INNER)
            x.join.fanout_max = fanout_of(&x) + 200;
        x.run = run_join_ranked;
        obl_run(example_body, &x);
        model_join(&x);
        check_table(&x.out, &x.want);
    }
}

TEST(an_owner_who_did_not_sort_its_rows_is_found) {
    static example x;
    for (unsigned i = 0; i < 6; i++) {
        random_join(&x, MAL_OBL_SEMI, 2000);
        x.b.n = 65 + dice(60);
        sort_plain(&x.b, x.join.build_keys, x.join.n_keys);
        const size_t r = 1 + dice(x.b.n - 1);
        plain_column *c = &x.b.c[x.join.build_keys[0]];
        for (size_t k = 0; k < x.b.n; k++)
            c->null[k] = 0;
        c->v[r] = c->type.lo; /* below the row above it */
        c->v[r - 1] = c->type.hi;
        x.limit = 5;
        x.run = run_join_ranked;
        x.expect_broken = true;
        obl_run(example_body, &x);
        CHECK_EQ(x.verdict[0], MAL_E_INPUT);
    }
}

TEST(a_join_on_wide_payload_and_many_keys_still_fits) {
    static example x;
    for (unsigned i = 0; i < 3; i++) {
        memset(&x, 0, sizeof x);
        random_table(&x.a, 5, (int64_t)1 << 40);
        random_table(&x.b, 5, (int64_t)1 << 40);
        for (unsigned k = 0; k < 3; k++) { /* keys of 120 bits and more */
            x.join.probe_keys[k] = x.join.build_keys[k] = k;
            x.b.c[k].type = x.a.c[k].type;
        }
        x.join.n_keys = 3;
        x.join.kind = MAL_OBL_INNER;
        plain_fill(&x.b, &seed);
        for (size_t r = 0; r < x.b.n && r < x.a.n; r += 2)
            for (unsigned k = 0; k < 3; k++) {
                x.b.c[k].v[r] = x.a.c[k].v[r];
                x.b.c[k].null[r] = x.a.c[k].null[r];
            }
        make_unique(&x);
        x.run = run_join;
        obl_run(example_body, &x);
        model_join(&x);
        check_table(&x.out, &x.want);
    }
}

/* Pitfall 12: uniqueness is checked, not assumed. */
TEST(a_duplicate_in_a_key_declared_unique_is_found_obliviously) {
    static example x;
    for (unsigned i = 0; i < 8; i++) {
        random_join(&x, i % 2 ? MAL_OBL_INNER : MAL_OBL_LEFT, 2000);
        x.b.n = x.b.n < 2 ? 2 : x.b.n;
        make_unique(&x);
        const size_t from = dice(x.b.n),
                     to = (from + 1 + dice(x.b.n - 1)) % x.b.n;
        for (unsigned k = 0; k < 3; k++) {
            x.b.c[k].null[from] = 0;
            x.b.c[k].v[to] = x.b.c[k].v[from];
            x.b.c[k].null[to] = 0;
        }
        x.b.valid[from] = x.b.valid[to] = 1;
        x.expect_broken = true;
        x.run = run_join;
        obl_run(example_body, &x);
        for (unsigned p = 0; p < 3; p++)
            CHECK_EQ(x.verdict[p], MAL_E_INPUT);
    }
}

TEST(a_fan_out_that_holds_changes_nothing_and_one_that_does_not_is_found) {
    static example x;
    unsigned found = 0;
    for (unsigned i = 0; i < 12; i++) {
        random_join(&x, MAL_OBL_INNER, 12);
        make_unique(&x);
        const size_t most = fanout_of(&x);
        x.join.fanout_max = i % 2 ? most : (most + 1) / 3;
        x.expect_broken = x.join.fanout_max && x.join.fanout_max < most;
        x.run = run_join;
        obl_run(example_body, &x);
        if (x.verdict[0] != MAL_OK) { /* rounded up, it may still hold */
            CHECK(x.expect_broken);
            found++;
            continue;
        }
        model_join(&x);
        check_table(&x.out, &x.want);
    }
    CHECK(found > 0);
}

/* Rows of both in any order: the same multiset of valid rows. */
static void check_rows(const plain *got, const plain *want) {
    static uint8_t used[PLAIN_ROWS];
    memset(used, 0, sizeof used);
    size_t n = 0, m = 0;
    for (size_t r = 0; r < want->n; r++)
        m += want->valid[r];
    for (size_t r = 0; r < got->n; r++) {
        if (!got->valid[r])
            continue;
        n++;
        size_t w = 0;
        for (; w < want->n; w++) {
            bool same = want->valid[w] && !used[w];
            for (unsigned i = 0; i < want->n_columns && same; i++)
                same =
                    got->c[i].null[r] == want->c[i].null[w] &&
                    (want->c[i].null[w] || got->c[i].v[r] == want->c[i].v[w]);
            if (same)
                break;
        }
        CHECK_THAT(w < want->n, "row %zu is not among the expected ones", r);
        used[w] = 1;
    }
    CHECK_EQ(n, m);
}

TEST(many_to_many_under_a_fan_out_equals_nested_loops) {
    static example x;
    for (unsigned i = 0; i < 10; i++) {
        random_join(&x, i % 2 ? MAL_OBL_INNER : MAL_OBL_LEFT, 40);
        size_t most = 1, n = 0;
        for (size_t b = 0; b < x.b.n; b++) {
            size_t same = 0;
            for (size_t q = 0; q < x.b.n; q++)
                same += build_equal(&x, q, b);
            most = same > most ? same : most;
        }
        x.join.fanout_max = most;
        x.a.n = x.a.n * most > PLAIN_ROWS ? PLAIN_ROWS / most : x.a.n;
        memset(&x.want, 0, sizeof x.want);
        x.want.n_columns = 6;
        for (size_t p = 0; p < x.a.n; p++) {
            bool any = false;
            for (size_t b = 0; b <= x.b.n; b++) {
                const bool match = b < x.b.n && keys_match(&x, p, b);
                if (!match && !(b == x.b.n && !any &&
                                x.join.kind == MAL_OBL_LEFT && x.a.valid[p]))
                    continue;
                any = true;
                copy_row(&x.want, n, &x.a, p);
                put_build(&x.want, n++, 3, &x.b, b, match);
            }
        }
        x.want.n = n;
        x.run = run_join_many;
        obl_run(example_body, &x);
        check_rows(&x.out, &x.want);
    }
}

TEST(more_rows_of_a_key_than_the_fan_out_are_found) {
    static example x;
    random_join(&x, MAL_OBL_INNER, 3);
    x.b.n = 64;
    for (size_t b = 0; b < x.b.n; b++)
        x.b.valid[b] = b < 60;
    x.join.n_keys = 1;
    x.b.c[2].type.nullable = false;
    memset(x.b.c[2].null, 0, sizeof x.b.c[2].null);
    x.join.fanout_max = 3;
    x.run = run_join_many;
    x.expect_broken = true;
    obl_run(example_body, &x);
    CHECK_EQ(x.verdict[0], MAL_E_INPUT);
}

TEST(an_outer_join_keeps_the_unique_side_whole) {
    static example x;
    for (unsigned i = 0; i < 8; i++) {
        random_join(&x, MAL_OBL_LEFT, 30);
        make_unique(&x);
        memset(&x.want, 0, sizeof x.want);
        x.want.n_columns = 6;
        size_t n = 0;
        for (size_t b = 0; b < x.b.n; b++) {
            bool any = false;
            for (size_t p = 0; p <= x.a.n; p++) {
                const bool match = p < x.a.n && keys_match(&x, p, b);
                if (!match && !(p == x.a.n && !any && x.b.valid[b]))
                    continue;
                any = true;
                copy_row(&x.want, n, &x.b, b);
                x.want.valid[n] = 1;
                put_build(&x.want, n++, 3, &x.a, p, match);
            }
        }
        x.want.n = n;
        x.run = run_join_outer;
        obl_run(example_body, &x);
        check_rows(&x.out, &x.want);
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

TEST_MAIN
