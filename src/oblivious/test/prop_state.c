/* What a plan holds between two operators comes back whole, in an engine of
 * another session, under other shares; and not if one holder bent its copy. */
#include "obl_example.h"

typedef struct kept {
    plain a, b, want, out[2];
    mal_buf shape[3], shares[3];
    size_t at[3];
    bool broken; /* one promise of the state is */
    int bent;    /* the party whose copy differs; -1: none */
    mal_share3_security security;
} kept;

typedef struct holder {
    kept *k;
    unsigned me;
} holder;

static mal_err put(void *ctx, const uint64_t *piece, size_t n) {
    holder *h = ctx;
    return mal_buf_put(&h->k->shares[h->me], mal_bytes_of(piece, 8 * n));
}

static mal_err take_piece(void *ctx, uint64_t *piece, size_t n) {
    holder *h = ctx;
    kept *k = h->k;
    MAL_REQUIRE(k->at[h->me] + 8 * n <= k->shares[h->me].len, MAL_E_AUTH,
                "cut short");
    memcpy(piece, k->shares[h->me].ptr + k->at[h->me], 8 * n);
    k->at[h->me] += 8 * n;
    if (k->bent == (int)h->me)
        piece[n / 2] ^= 1;
    return MAL_OK;
}

/* A table as it is shared, one that was sorted, with both forms of a column,
 * and a promise. */
static mal_err make(mal_obl *o, kept *k, table *a, table *b) {
    static const unsigned key = 0;
    const mal_obl_key by = { .column = 1 };
    mal_obl_rank rank = { 0 };
    MAL_TRY(plain_share(o, a, &k->a));
    MAL_TRY(plain_share(o, b, &k->b));
    MAL_TRY(mal_obl_rank_sorted(o, &rank, a, &key, 1));
    mal_obl_rank_clear(&rank);
    MAL_TRY(mal_obl_sort(o, b, &by, 1));
    return mal_obl_need_words(o, &b->columns[0]);
}

static mal_err put_body(mal_obl *o, void *ctx) {
    kept *k = ctx;
    MAL_AUTO(mal_obl_table_clear) table a = { 0 };
    MAL_AUTO(mal_obl_table_clear) table b = { 0 };
    table *const list[2] = { &a, &b };
    holder h = { k, o->me };
    const mal_obl_pieces pieces = { .ctx = &h, .put = put };
    MAL_TRY(make(o, k, &a, &b));
    MAL_TRY(mal_obl_state_shape(&k->shape[o->me], o, list, 2));
    MAL_TRY(mal_obl_state_put(o, list, 2, &pieces));
    return mal_share3_verify(o->s);
}

static mal_err take_body(mal_obl *o, void *ctx) {
    kept *k = ctx;
    table list[2] = { 0 };
    holder h = { k, o->me };
    const mal_obl_pieces pieces = { .ctx = &h, .take = take_piece };
    mal_err err =
        mal_obl_state_take(o, list, 2, mal_buf_view(&k->shape[o->me]), &pieces);
    if (err == MAL_OK)
        err = mal_obl_verdict(o);
    for (unsigned i = 0; i < 2 && err == MAL_OK; i++)
        err = plain_open(o, &k->out[i], &list[i]);
    for (unsigned i = 0; i < 2; i++)
        mal_obl_table_clear(&list[i]);
    return err;
}

static void kept_clear(kept *k) {
    for (unsigned i = 0; i < 3; i++) {
        mal_buf_clear(&k->shape[i]);
        mal_buf_clear(&k->shares[i]);
    }
}

/* Rows of `a` in the order of its first column, as the promise has it. */
static void fill(kept *k) {
    static const unsigned key = 0;
    memset(k, 0, sizeof *k);
    k->bent = -1;
    random_table(&k->a, 3, 900);
    random_table(&k->b, 4, 1000);
    k->a.c[0].type.nullable = false;
    memset(k->a.c[0].null, 0, sizeof k->a.c[0].null);
    sort_plain(&k->a, &key, 1);
    const mal_obl_key by = { .column = 1 };
    model_sort(&k->want, &k->b, &by, 1);
}

static void put_away(kept *k) {
    if (k->security == MAL_SHARE3_MALICIOUS)
        obl_run_malicious(put_body, k);
    else
        obl_run(put_body, k);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(k->shape[i].len, k->shape[0].len);
        CHECK_THAT(mal_equal(k->shape[i].ptr, k->shape[0].ptr, k->shape[0].len),
                   "party %u: another shape", i);
        k->at[i] = 0;
    }
}

static void there_and_back(mal_share3_security security) {
    static kept k;
    for (unsigned i = 0; i < 6; i++) {
        fill(&k);
        k.security = security;
        put_away(&k);
        if (security == MAL_SHARE3_MALICIOUS)
            obl_run_malicious(take_body, &k);
        else
            obl_run(take_body, &k);
        check_table(&k.out[0], &k.a);
        check_table(&k.out[1], &k.want);
        for (unsigned p = 0; p < 3; p++)
            CHECK_EQ(k.at[p], k.shares[p].len);
        kept_clear(&k);
    }
}

TEST(tables_that_were_put_away_come_back) {
    there_and_back(MAL_SHARE3_SEMI_HONEST);
}

TEST(tables_come_back_where_products_are_proved) {
    there_and_back(MAL_SHARE3_MALICIOUS);
}

TEST(a_promise_that_was_broken_stays_broken) {
    static kept k;
    static obl_trio t;
    fill(&k);
    k.a.n = k.a.n < 2 ? 2 : k.a.n;
    k.a.c[0].v[0] = k.a.c[0].type.hi;
    k.a.c[0].v[1] = k.a.c[0].type.lo;
    k.a.valid[0] = k.a.valid[1] = 1;
    put_away(&k);
    obl_go(&t, MAL_SHARE3_SEMI_HONEST, take_body, &k);
    for (unsigned i = 0; i < 3; i++)
        CHECK_EQ(t.p[i].err, MAL_E_INPUT);
    kept_clear(&k);
}

TEST(the_same_state_is_never_put_under_the_same_shares) {
    static kept k, again;
    fill(&k);
    put_away(&k);
    again = k;
    memset(again.shape, 0, sizeof again.shape);
    memset(again.shares, 0, sizeof again.shares);
    put_away(&again);
    for (unsigned i = 0; i < 3; i++) {
        const size_t n = k.shares[i].len / 8;
        size_t same = 0;
        CHECK_EQ(again.shares[i].len, k.shares[i].len);
        for (size_t w = 0; w < n; w++)
            same += mal_equal(k.shares[i].ptr + 8 * w,
                              again.shares[i].ptr + 8 * w, 8);
        CHECK_EQ(same, 0); /* 2^-64 a word */
    }
    kept_clear(&k);
    kept_clear(&again);
}

TEST(a_copy_that_one_holder_bent_is_refused) {
    static kept k;
    static obl_trio t;
    for (int bent = 0; bent < 3; bent++) {
        unsigned refused = 0;
        fill(&k);
        put_away(&k);
        k.bent = bent;
        obl_go(&t, MAL_SHARE3_SEMI_HONEST, take_body, &k);
        for (unsigned i = 0; i < 3; i++)
            refused += t.p[i].err == MAL_E_PEER;
        CHECK_EQ(refused, 3);
        kept_clear(&k);
    }
}

TEST(a_shape_of_something_else_is_refused) {
    static kept k;
    static obl_trio t;
    fill(&k);
    put_away(&k);
    for (size_t at = 0; at < 16; at++) {
        for (unsigned i = 0; i < 3; i++) {
            k.shape[i].ptr[at] ^= 0x80;
            k.at[i] = 0;
        }
        obl_go(&t, MAL_SHARE3_SEMI_HONEST, take_body, &k);
        for (unsigned i = 0; i < 3; i++) {
            CHECK_THAT(t.p[i].err != MAL_OK, "byte %zu", at);
            k.shape[i].ptr[at] ^= 0x80;
        }
    }
    kept_clear(&k);
}

TEST_MAIN
