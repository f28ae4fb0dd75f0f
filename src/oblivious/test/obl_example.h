/* obl_example.h - random tables, the slow model's rows and order, and one run
 * of an operator over two of them. */
#ifndef OBL_EXAMPLE_H
#define OBL_EXAMPLE_H

#include "obl_parties.h"

static uint64_t seed;

__attribute__((unused)) static uint64_t dice(uint64_t n) {
    if (!seed)
        seed = mal_test_seed();
    return mal_test_rand(&seed) % n;
}

/* Rows around the borders of words, also none that is valid. */
__attribute__((unused)) static size_t some_rows(void) {
    static const size_t edges[] = { 1, 2, 63, 64, 65, 128, 129 };
    return dice(2) ? edges[dice(7)] : 1 + dice(180);
}

__attribute__((unused)) static void random_table(plain *t, unsigned n_columns,
                                                 int64_t span) {
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
__attribute__((unused)) static int order_of(const plain *t, size_t a, size_t b,
                                            const mal_obl_key *keys,
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

__attribute__((unused)) static void copy_row(plain *z, size_t to,
                                             const plain *t, size_t from) {
    for (unsigned i = 0; i < t->n_columns; i++) {
        z->c[i].v[to] = t->c[i].v[from];
        z->c[i].null[to] = t->c[i].null[from];
    }
    z->valid[to] = t->valid[from];
}

/* Valid rows of t, stably sorted; how many? */
__attribute__((unused)) static size_t
sorted_rows(size_t *row, const plain *t, const mal_obl_key *keys, unsigned n) {
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

__attribute__((unused)) static void
model_sort(plain *z, const plain *t, const mal_obl_key *keys, unsigned n) {
    size_t row[PLAIN_ROWS];
    memset(z, 0, sizeof *z);
    z->n_columns = t->n_columns;
    z->n = t->n;
    const size_t m = sorted_rows(row, t, keys, n);
    for (size_t i = 0; i < m; i++)
        copy_row(z, i, t, row[i]);
}

/* All rows by the keys, as an owner would; which are valid stays. */
__attribute__((unused)) static void sort_plain(plain *t, const unsigned *keys,
                                               unsigned n) {
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

__attribute__((unused)) static void check_row(const plain *got, size_t g,
                                              const plain *want, size_t w) {
    for (unsigned i = 0; i < want->n_columns; i++) {
        CHECK_THAT(got->c[i].null[g] == want->c[i].null[w],
                   "row %zu column %u: null is %d", w, i, got->c[i].null[g]);
        CHECK_THAT(want->c[i].null[w] || got->c[i].v[g] == want->c[i].v[w],
                   "row %zu column %u: %lld, not %lld", w, i,
                   (long long)got->c[i].v[g], (long long)want->c[i].v[w]);
    }
}

/* Row by row, where the model's rows are valid. */
__attribute__((unused)) static void check_table(const plain *got,
                                                const plain *want) {
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

__attribute__((unused)) static mal_err example_body(mal_obl *o, void *ctx) {
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

#endif
