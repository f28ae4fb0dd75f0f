/* Joins equal nested loops, and what they promise is checked. */
#include "obl_example.h"

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
TEST(pitfall_12_a_duplicate_in_a_key_declared_unique_is_found_obliviously) {
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

TEST(joins_are_the_same_where_products_are_verified) {
    static example x;
    for (unsigned i = 0; i < 8; i++) {
        random_join(&x, (mal_obl_join_kind)(1 + i % 4), 20);
        if (x.join.kind <= MAL_OBL_LEFT)
            make_unique(&x);
        x.limit = i < 4 ? 0 : 3;
        x.run = run_join_ranked;
        obl_run_malicious(example_body, &x);
        model_join(&x);
        check_table(&x.out, &x.want);
    }
}

TEST_MAIN
