/* Bounds of rows and unique keys equal their slow models. */
#include "obl_example.h"

/* --- so many rows of one value -------------------------------------------- */

typedef enum order { SORTED_HERE, RANKED, IN_PLACE } order;

static mal_err run_bound(mal_obl *o, example *x, table *out, table *a,
                         table *b) {
    MAL_AUTO(mal_obl_rank_clear) mal_obl_rank rank = { 0 };
    (void)b;
    if (x->offset == RANKED)
        MAL_TRY(mal_obl_rank_make(o, &rank, a, x->key_columns, 1));
    if (x->offset == IN_PLACE)
        MAL_TRY(mal_obl_rank_sorted(o, &rank, a, x->key_columns, 1));
    MAL_TRY(mal_obl_bound(o, a, x->key_columns[0], x->limit,
                          x->offset == SORTED_HERE ? NULL : &rank));
    *out = *a;
    memset(a, 0, sizeof *a);
    return MAL_OK;
}

/* The first of a value stay: of those that count where they are sorted here, of
 * all that stand there where the rank is of all. */
static void model_bound(example *x) {
    const plain_column *c = &x->a.c[x->key_columns[0]];
    x->want = x->a;
    for (size_t r = 0; r < x->a.n; r++) {
        size_t before = 0;
        for (size_t q = 0; q < r; q++)
            before += c->v[q] == c->v[r] && !c->null[q] &&
                      (x->a.valid[q] || x->offset != SORTED_HERE);
        if (c->null[r] || before >= x->limit)
            x->want.valid[r] = 0;
    }
}

static void random_bound(example *x, unsigned i, int64_t span) {
    memset(x, 0, sizeof *x);
    random_table(&x->a, 3, span);
    x->key_columns[0] = i % 3;
    x->limit = 1 + dice(4) * dice(40);
    x->offset = i % 3;
    if (x->offset == IN_PLACE)
        sort_plain(&x->a, x->key_columns, 1);
    x->run = run_bound;
}

TEST(no_value_keeps_more_rows_than_its_bound) {
    static example x;
    for (unsigned i = 0; i < 30; i++) {
        random_bound(&x, i, i % 2 ? 4 : 2000);
        obl_run(example_body, &x);
        model_bound(&x);
        check_table(&x.out, &x.want);
    }
}

TEST(no_value_keeps_more_rows_than_its_bound_where_products_are_verified) {
    static example x;
    for (unsigned i = 0; i < 3; i++) {
        random_bound(&x, i, 4);
        obl_run_malicious(example_body, &x);
        model_bound(&x);
        check_table(&x.out, &x.want);
    }
}

TEST(a_unit_with_a_thousand_rows_adds_its_bound_and_no_more) {
    static example x;
    memset(&x, 0, sizeof x);
    x.a.n = 1000;
    x.a.n_columns = 2;
    x.a.c[0].type = (mal_obl_type){ .hi = 1 };
    x.a.c[1].type = (mal_obl_type){ .hi = 9 };
    for (size_t r = 0; r < x.a.n; r++) {
        x.a.c[0].v[r] = 1;
        x.a.c[1].v[r] = 9;
        x.a.valid[r] = 1;
    }
    x.run = run_bound;
    x.limit = 7;
    for (x.offset = SORTED_HERE; x.offset <= IN_PLACE; x.offset++) {
        size_t n = 0;
        obl_run(example_body, &x);
        for (size_t r = 0; r < x.out.n; r++)
            n += x.out.valid[r];
        CHECK_EQ(n, 7);
    }
}

TEST(rows_that_only_claim_to_be_in_order_break_a_promise) {
    static example x;
    memset(&x, 0, sizeof x);
    x.a.n = 70;
    x.a.n_columns = 1;
    x.a.c[0].type = (mal_obl_type){ .hi = 9 };
    for (size_t r = 0; r < x.a.n; r++) /* each value again and again */
        x.a.c[0].v[r] = (int64_t)(r % 10);
    memset(x.a.valid, 1, x.a.n);
    x.run = run_bound;
    x.limit = 1;
    x.offset = IN_PLACE;
    x.expect_broken = true;
    obl_run(example_body, &x);
    for (unsigned p = 0; p < 3; p++)
        CHECK_EQ(x.verdict[p], MAL_E_INPUT);
}

/* --- unique --------------------------------------------------------------- */

static mal_err run_unique(mal_obl *o, example *x, table *out, table *a,
                          table *b) {
    (void)out;
    (void)b;
    return mal_obl_unique(o, a, x->key_columns, x->n_keys);
}

static bool same_keys(const example *x, size_t q, size_t r) {
    bool same = x->a.valid[q] && x->a.valid[r];
    for (unsigned i = 0; i < x->n_keys; i++) {
        const plain_column *c = &x->a.c[x->key_columns[i]];
        same &= !c->null[q] && !c->null[r] && c->v[q] == c->v[r];
    }
    return same;
}

static bool model_unique(const example *x) {
    for (size_t r = 0; r < x->a.n; r++)
        for (size_t q = 0; q < r; q++)
            if (same_keys(x, q, r))
                return false;
    return true;
}

TEST(keys_are_unique_or_a_promise_breaks) {
    static example x;
    unsigned unique = 0, not_unique = 0;
    for (unsigned i = 0; i < 30; i++) {
        memset(&x, 0, sizeof x);
        random_table(&x.a, 3, i % 3 == 0 ? 40 : INT64_C(1) << 40);
        x.n_keys = 1 + (unsigned)dice(2);
        x.key_columns[0] = (unsigned)dice(3);
        x.key_columns[1] = (x.key_columns[0] + 1) % 3;
        for (size_t r = 0; i % 3 && r < x.a.n;
             r++) /* once, or once too often */
            x.a.c[x.key_columns[0]].v[r] =
                x.a.c[x.key_columns[0]].type.lo + (int64_t)(r ? r : i % 3 == 1);
        for (size_t r = 0; i % 3 && r < x.a.n; r++)
            x.a.c[x.key_columns[0]].v[r] %= x.a.c[x.key_columns[0]].type.hi + 1;
        x.run = run_unique;
        x.expect_broken = true;
        obl_run(example_body, &x);
        const bool want = model_unique(&x);
        unique += want;
        not_unique += !want;
        for (unsigned p = 0; p < 3; p++)
            CHECK_EQ(x.verdict[p], want ? MAL_OK : MAL_E_INPUT);
    }
    CHECK(unique > 3 && not_unique > 3);
}

/* --- one of those that agree -----------------------------------------------
 */

static mal_err run_first(mal_obl *o, example *x, table *out, table *a,
                         table *b) {
    (void)b;
    MAL_TRY(mal_obl_first(o, a, x->key_columns, x->n_keys));
    *out = *a;
    memset(a, 0, sizeof *a);
    return MAL_OK;
}

TEST(one_row_of_those_that_agree_is_the_first) {
    static example x;
    for (unsigned i = 0; i < 20; i++) {
        memset(&x, 0, sizeof x);
        random_table(&x.a, 3, i % 2 ? 5 : 2000);
        x.n_keys = 1 + (unsigned)dice(2);
        x.key_columns[0] = (unsigned)dice(3);
        x.key_columns[1] = (x.key_columns[0] + 1) % 3;
        x.run = run_first;
        obl_run(example_body, &x);
        CHECK_EQ(x.out.n_columns, 4);
        for (size_t r = 0; r < x.a.n; r++) {
            size_t firsts = 0;
            for (size_t q = 0; q < x.a.n; q++)
                firsts += same_keys(&x, q, r) && x.out.c[3].v[q] == 1;
            CHECK_EQ(firsts, same_keys(&x, r, r));
        }
    }
}

TEST_MAIN
