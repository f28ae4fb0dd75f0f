/* Orders refuse what is no permutation, no table, no key. */
#include "../order_impl.h"
#include "share3_parties.h"

#define N 70

typedef struct table {
    mal_share3_words w, shorter;
    mal_share3_bits b;
} table;

/* Every party must answer `wanted` to call, and be dead or unharmed. */
typedef struct refusal {
    mal_err (*call)(mal_share3 *s, table *t);
    mal_err wanted;
    bool dead;
} refusal;

static mal_err body(mal_share3 *s, void *ctx) {
    const refusal *r = ctx;
    table t = { 0 };
    MAL_TRY(mal_share3_words_new(s, &t.w, N));
    MAL_TRY(mal_share3_words_new(s, &t.shorter, N - 1));
    MAL_TRY(mal_share3_bits_new(s, &t.b, N, 9));
    const mal_err err = r->call(s, &t);
    const mal_err after = mal_share3_words_copy(s, &t.w, &t.w);
    mal_share3_words_clear(&t.w);
    mal_share3_words_clear(&t.shorter);
    mal_share3_bits_clear(&t.b);
    CHECK_EQ(err, r->wanted);
    CHECK_EQ(after, r->dead ? MAL_E_STATE : MAL_OK);
    return MAL_OK;
}

static void refuses(mal_err (*call)(mal_share3 *, table *), mal_err wanted,
                    bool dead) {
    refusal r = { call, wanted, dead };
    trio_run(body, &r);
}

static mal_err words_of(mal_share3 *s, const uint64_t *x) {
    MAL_AUTO(mal_share3_words_clear) mal_share3_words pi = { 0 };
    MAL_AUTO(mal_share3_order_free) mal_share3_order *order = NULL;
    MAL_TRY(mal_share3_words_public(s, &pi, x, N));
    const mal_err err = mal_share3_order_of(s, &order, &pi);
    CHECK(err == MAL_OK || order == NULL);
    return err;
}
static mal_err repeated(mal_share3 *s, table *t) {
    uint64_t x[N];
    (void)t;
    for (size_t i = 0; i < N; i++)
        x[i] = i ? i : N - 1;
    return words_of(s, x);
}
static mal_err beyond(mal_share3 *s, table *t) {
    uint64_t x[N];
    (void)t;
    for (size_t i = 0; i < N; i++)
        x[i] = i ? i : N;
    return words_of(s, x);
}
static mal_err far_beyond(mal_share3 *s, table *t) {
    uint64_t x[N];
    (void)t;
    for (size_t i = 0; i < N; i++)
        x[i] = i ? i : (uint64_t)1 << 32; /* 0, were it cut to 32 bits */
    return words_of(s, x);
}

TEST(words_that_are_no_permutation_make_no_order) {
    refuses(repeated, MAL_E_INPUT, true);
    refuses(beyond, MAL_E_INPUT, true);
    refuses(far_beyond, MAL_E_INPUT, true);
}

static mal_err uneven(mal_share3 *s, table *t) {
    const mal_share3_column c[2] = { { .words = &t->w },
                                     { .words = &t->shorter } };
    return mal_share3_shuffle(s, c, 2);
}
static mal_err neither(mal_share3 *s, table *t) {
    MAL_AUTO(mal_share3_order_free) mal_share3_order *order = NULL;
    const mal_share3_column c[2] = { { .words = &t->w }, { 0 } };
    MAL_TRY(mal_share3_order_random(s, &order, N));
    return mal_share3_order_apply(s, order, c, 2, false);
}
static mal_err both(mal_share3 *s, table *t) {
    const mal_share3_column c = { .words = &t->w, .bits = &t->b };
    return mal_share3_shuffle(s, &c, 1);
}
static mal_err another_order(mal_share3 *s, table *t) {
    MAL_AUTO(mal_share3_order_free) mal_share3_order *order = NULL;
    const mal_share3_column c = { .words = &t->w };
    MAL_TRY(mal_share3_order_random(s, &order, N + 1));
    return mal_share3_order_apply(s, order, &c, 1, false);
}

TEST(columns_that_are_no_table_are_not_moved) {
    refuses(uneven, MAL_E_INPUT, false);
    refuses(neither, MAL_E_INPUT, false);
    refuses(both, MAL_E_INPUT, false);
    refuses(another_order, MAL_E_INPUT, false);
}

static mal_err no_key(mal_share3 *s, table *t) {
    mal_share3_order *order;
    (void)t;
    return mal_share3_order_sort(s, &order, NULL, 0);
}
static mal_err wide_keys(mal_share3 *s, table *t) {
    mal_share3_order *order;
    mal_share3_sort_key keys[1 + MAL_SHARE3_SORT_WIDTH_MAX / 9];
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        keys[i] = (mal_share3_sort_key){ .bits = &t->b };
    return mal_share3_order_sort(s, &order, keys, sizeof keys / sizeof *keys);
}
static mal_err uneven_keys(mal_share3 *s, table *t) {
    mal_share3_order *order;
    mal_share3_bits shorter = t->b;
    const mal_share3_sort_key keys[2] = { { .bits = &t->b },
                                          { .bits = &shorter } };
    shorter.n--;
    return mal_share3_order_sort(s, &order, keys, 2);
}

TEST(a_sort_without_a_key_or_with_too_much_of_one_is_refused) {
    refuses(no_key, MAL_E_INPUT, false);
    refuses(wide_keys, MAL_E_LIMIT, false);
    refuses(uneven_keys, MAL_E_INPUT, false);
}

/* --- A failed allocation ---------------------------------------------------
 */

static mal_err every_order(mal_share3 *s, void *ctx) {
    MAL_AUTO(mal_share3_order_free) mal_share3_order *order = NULL;
    MAL_AUTO(mal_share3_words_clear) mal_share3_words w = { 0 }, pi = { 0 };
    MAL_AUTO(mal_share3_bits_clear) mal_share3_bits b = { 0 };
    MAL_TRY(mal_share3_words_new(s, &w, 3));
    MAL_TRY(mal_share3_bits_new(s, &b, 3, 9));
    const mal_share3_bits digit = mal_share3_bits_planes(&b, 0, 2);
    const mal_share3_column columns[2] = { { .words = &w }, { .bits = &b } };
    const mal_share3_sort_key keys[2] = { { .bits = &b, .is_signed = true },
                                          { .bits = &digit } };
    (void)ctx;
    MAL_TRY(mal_share3_shuffle(s, columns, 2));
    MAL_TRY(mal_share3_order_sort(s, &order, keys, 2));
    MAL_TRY(mal_share3_order_apply(s, order, columns, 2, false));
    MAL_TRY(mal_share3_order_apply(s, order, columns, 1, true));
    mal_share3_order_free(&order);
    MAL_TRY(mal_share3_order_sort(s, &order, keys + 1, 1));
    MAL_TRY(mal_share3_order_words(s, &pi, order));
    return mal_share3_permute(s, columns, 2, &pi, true);
}

TEST(every_failed_allocation_in_a_sort_ends_the_run) {
    unsigned well = 0;
    for (uint64_t n = 1; well < 3; n++) {
        static trio t;
        unsigned told = 0;
        well = 0;
        trio_init(&t);
        t.fail_at = n;
        trio_go(&t, every_order, NULL);
        mal_alloc_fail_at(0);
        for (unsigned i = 0; i < 3; i++) {
            well += t.p[i].err == MAL_OK;
            told += t.p[i].err == MAL_E_MEMORY;
        }
        CHECK(well == 3 || told == 1);
        CHECK(n < 5000);
    }
}

static mal_err nothing(mal_share3 *s, table *t) {
    MAL_AUTO(mal_share3_order_free) mal_share3_order *order = NULL;
    MAL_TRY(mal_share3_shuffle(s, NULL, 0));
    MAL_TRY(mal_share3_order_random(s, &order, 0));
    mal_share3_order_free(&order);
    (void)t;
    return MAL_OK;
}

TEST(no_column_and_no_row_are_fine) {
    refuses(nothing, MAL_OK, false);
}

TEST_MAIN
