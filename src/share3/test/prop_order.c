/* Shuffles, sorts and permutations against what they do in the clear. */
#include "../order_impl.h"
#include "share3_parties.h"

/* --- Input and output ------------------------------------------------------
 */

static uint64_t mask_of(unsigned width) {
    return width == 64 ? ~UINT64_C(0) : ((uint64_t)1 << width) - 1;
}

static mal_err put_bits(mal_share3 *s, mal_share3_bits *z, const uint64_t *x,
                        size_t n, unsigned width) {
    uint64_t *planes = mal_calloc(width * share3_stride(n) + 1, sizeof *planes);
    mal_share3_planes_of(planes, x, n, width);
    mal_err err = mal_share3_bits_input(
        s, z, 0, mal_share3_me(s) == 0 ? planes : NULL, n, width);
    mal_free(planes);
    return err;
}

static mal_err get_bits(mal_share3 *s, uint64_t *x, const mal_share3_bits *v) {
    uint64_t *planes = mal_calloc(v->width * v->stride + 1, sizeof *planes);
    mal_err err = mal_share3_bits_open(s, planes, v);
    mal_share3_rows_of(x, planes, v->n, v->width, false);
    mal_free(planes);
    return err;
}

static mal_err put_words(mal_share3 *s, mal_share3_words *z, const uint64_t *x,
                         size_t n) {
    return mal_share3_words_input(s, z, 1, mal_share3_me(s) == 1 ? x : NULL, n);
}

/* Party 0 keeps what was opened. */
static void keep(mal_share3 *s, uint64_t *to, const uint64_t *x, size_t n) {
    if (mal_share3_me(s) == 0 && n)
        memcpy(to, x, n * sizeof *to);
}

static void run_as(mal_share3_security security,
                   mal_err (*body)(mal_share3 *, void *), void *ctx) {
    static trio t;
    trio_init(&t);
    for (unsigned i = 0; i < 3; i++)
        t.p[i].options.security = security;
    trio_go(&t, body, ctx);
    for (unsigned i = 0; i < 3; i++)
        CHECK_THAT(t.p[i].err == MAL_OK, "party %u: %s", i, t.p[i].why);
}

static const size_t sizes[] = { 0, 1, 2, 3, 63, 64, 65, 1000 };
#define N_SIZES (sizeof sizes / sizeof *sizes)
#define N_MAX 20000

/* --- Shuffles --------------------------------------------------------------
 */

typedef struct table {
    size_t n;
    uint64_t word[2][N_MAX], bits[3][N_MAX];
    unsigned width[3];
    uint64_t out_word[2][N_MAX], out_bits[3][N_MAX];
    uint64_t back[N_MAX];
} table;

static mal_err shuffle_table(mal_share3 *s, void *ctx) {
    table *t = ctx;
    mal_share3_words w[2] = { 0 };
    mal_share3_bits b[3] = { 0 };
    mal_share3_column column[5] = { { .bits = &b[0] },
                                    { .words = &w[0] },
                                    { .bits = &b[1] },
                                    { .bits = &b[2] },
                                    { .words = &w[1] } };
    uint64_t *x = mal_calloc(t->n + 1, sizeof *x);
    mal_share3_order *order = NULL;
    for (unsigned k = 0; k < 2; k++)
        MAL_TRY(put_words(s, &w[k], t->word[k], t->n));
    for (unsigned k = 0; k < 3; k++)
        MAL_TRY(put_bits(s, &b[k], t->bits[k], t->n, t->width[k]));
    MAL_TRY(mal_share3_order_random(s, &order, t->n));
    MAL_TRY(mal_share3_order_apply(s, order, column, 5, false));
    for (unsigned k = 0; k < 2; k++) {
        MAL_TRY(mal_share3_words_open(s, x, &w[k]));
        keep(s, t->out_word[k], x, t->n);
    }
    for (unsigned k = 0; k < 3; k++) {
        MAL_TRY(get_bits(s, x, &b[k]));
        keep(s, t->out_bits[k], x, t->n);
    }
    MAL_TRY(mal_share3_order_apply(s, order, column + 1, 1, true));
    MAL_TRY(mal_share3_words_open(s, x, &w[0]));
    keep(s, t->back, x, t->n);
    for (unsigned k = 0; k < 2; k++)
        mal_share3_words_clear(&w[k]);
    for (unsigned k = 0; k < 3; k++)
        mal_share3_bits_clear(&b[k]);
    mal_share3_order_free(&order);
    mal_free(x);
    return MAL_OK;
}

static table shared_table;

static void fill_table(table *t, size_t n, mal_prim_drbg *drbg) {
    static const unsigned widths[3] = { 17, 64, 1 };
    t->n = n;
    memcpy(t->width, widths, sizeof widths);
    for (size_t i = 0; i < n; i++) {
        t->word[0][i] = i;
        t->word[1][i] = mal_prim_drbg_u64(drbg);
        for (unsigned k = 0; k < 3; k++)
            t->bits[k][i] = mal_prim_drbg_u64(drbg) & mask_of(widths[k]);
    }
}

static mal_prim_drbg *seeded(void) {
    mal_prim_drbg *drbg;
    uint8_t seed[32] = { 0 };
    CHECK_OK(mal_prim_init());
    mal_store_u64le(seed, mal_test_seed());
    CHECK_OK(mal_prim_drbg_new(&drbg, mal_bytes_of(seed, 32)));
    return drbg;
}

static void check_table(table *t, size_t n) {
    static bool seen[N_MAX];
    size_t moved = 0;
    memset(seen, 0, sizeof seen);
    for (size_t i = 0; i < n; i++) {
        const uint64_t from = t->out_word[0][i];
        CHECK(from < n && !seen[from]);
        seen[from] = true;
        moved += from != i;
        CHECK_EQ(t->out_word[1][i], t->word[1][from]);
        for (unsigned c = 0; c < 3; c++)
            CHECK_EQ(t->out_bits[c][i], t->bits[c][from]);
        CHECK_EQ(t->back[i], i);
    }
    /* A fixed point for each row on average: 40 of them, P < 2^-150. */
    CHECK(n < 60 || n - moved < 40);
}

TEST(a_shuffle_moves_all_columns_alike_and_its_inverse_takes_it_back) {
    MAL_AUTO(mal_prim_drbg_auto) mal_prim_drbg *drbg = seeded();
    table *t = &shared_table;
    for (size_t k = 0; k <= N_SIZES; k++) {
        const size_t n = k < N_SIZES ? sizes[k] : N_MAX;
        fill_table(t, n, drbg);
        run_as(MAL_SHARE3_SEMI_HONEST, shuffle_table, t);
        check_table(t, n);
        run_as(MAL_SHARE3_MALICIOUS, shuffle_table, t);
        check_table(t, n);
    }
}

/* --- Sorts -----------------------------------------------------------------
 */

typedef struct sorting {
    size_t n;
    unsigned n_keys, width[3];
    bool is_signed[3], descending[3];
    uint64_t key[3][N_MAX];
    uint64_t pi[N_MAX], sorted[N_MAX], back[N_MAX];
    mal_share3_counters count;
} sorting;
static sorting shared_sorting;

static mal_err sort_body(mal_share3 *s, void *ctx) {
    sorting *t = ctx;
    mal_share3_bits key[3] = { 0 };
    mal_share3_sort_key keys[3];
    MAL_AUTO(mal_share3_words_clear) mal_share3_words pi = { 0 }, row = { 0 };
    MAL_AUTO(mal_share3_order_free) mal_share3_order *order = NULL;
    uint64_t *x = mal_calloc(t->n + 1, sizeof *x);
    for (unsigned k = 0; k < t->n_keys; k++) {
        MAL_TRY(put_bits(s, &key[k], t->key[k], t->n, t->width[k]));
        keys[k] =
            (mal_share3_sort_key){ &key[k], t->is_signed[k], t->descending[k] };
    }
    for (size_t i = 0; i < t->n; i++)
        x[i] = i;
    MAL_TRY(put_words(s, &row, x, t->n));
    MAL_TRY(mal_share3_order_sort(s, &order, keys, t->n_keys));
    MAL_TRY(mal_share3_order_words(s, &pi, order));
    MAL_TRY(mal_share3_words_open(s, x, &pi));
    keep(s, t->pi, x, t->n);
    const mal_share3_column column = { .words = &row };
    MAL_TRY(mal_share3_order_apply(s, order, &column, 1, false));
    MAL_TRY(mal_share3_words_open(s, x, &row));
    keep(s, t->sorted, x, t->n);
    MAL_TRY(mal_share3_permute(s, &column, 1, &pi, true));
    MAL_TRY(mal_share3_words_open(s, x, &row));
    keep(s, t->back, x, t->n);
    if (mal_share3_me(s) == 0)
        t->count = mal_share3_count(s);
    for (unsigned k = 0; k < t->n_keys; k++)
        mal_share3_bits_clear(&key[k]);
    mal_free(x);
    return MAL_OK;
}

static const sorting *order_of_qsort;
static int compare_rows(const void *a, const void *b) {
    const uint64_t i = *(const uint64_t *)a, j = *(const uint64_t *)b;
    const sorting *t = order_of_qsort;
    for (unsigned k = 0; k < t->n_keys; k++) {
        uint64_t x = t->key[k][i], y = t->key[k][j];
        if (t->is_signed[k]) {
            x ^= (uint64_t)1 << (t->width[k] - 1);
            y ^= (uint64_t)1 << (t->width[k] - 1);
        }
        if (x != y)
            return ((x < y) ^ t->descending[k]) ? -1 : 1;
    }
    return i < j ? -1 : i > j;
}

static void check_sort_as(sorting *t, mal_share3_security security) {
    static uint64_t want[N_MAX];
    run_as(security, sort_body, t);
    for (size_t i = 0; i < t->n; i++)
        want[i] = i;
    order_of_qsort = t;
    qsort(want, t->n, sizeof *want, compare_rows);
    for (size_t i = 0; i < t->n; i++) {
        CHECK_EQ(t->sorted[i], want[i]);
        CHECK_EQ(t->pi[want[i]], i);
        CHECK_EQ(t->back[i], i);
    }
}

static void check_sort(sorting *t) {
    check_sort_as(t, MAL_SHARE3_SEMI_HONEST);
    check_sort_as(t, MAL_SHARE3_MALICIOUS);
}

static void one_key(sorting *t, size_t n, unsigned width) {
    memset(t, 0, offsetof(sorting, key));
    t->n = n;
    t->n_keys = 1;
    t->width[0] = width;
}

TEST(a_sort_is_that_of_qsort_at_all_sizes_and_widths) {
    static const unsigned widths[] = { 1, 2, 3, 4, 7, 8, 20, 33, 63, 64 };
    MAL_AUTO(mal_prim_drbg_auto) mal_prim_drbg *drbg = seeded();
    sorting *t = &shared_sorting;
    for (size_t k = 0; k < N_SIZES; k++)
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
            one_key(t, sizes[k], widths[w]);
            for (size_t i = 0; i < t->n; i++)
                t->key[0][i] = mal_prim_drbg_u64(drbg) & mask_of(widths[w]);
            check_sort(t);
        }
}

TEST(a_sort_of_every_width_is_right) {
    MAL_AUTO(mal_prim_drbg_auto) mal_prim_drbg *drbg = seeded();
    for (unsigned width = 1; width <= 64; width++) {
        one_key(&shared_sorting, 150, width);
        for (size_t i = 0; i < 150; i++)
            shared_sorting.key[0][i] = mal_prim_drbg_u64(drbg) & mask_of(width);
        check_sort(&shared_sorting);
    }
}

/* The batch of comparisons follows from the least limit of the three. */
TEST(parties_of_unequal_limits_sort_together) {
    MAL_AUTO(mal_prim_drbg_auto) mal_prim_drbg *drbg = seeded();
    static trio t;
    sorting *w = &shared_sorting;
    one_key(w, 3000, 64);
    for (size_t i = 0; i < w->n; i++)
        w->key[0][i] = mal_prim_drbg_u64(drbg);
    trio_init(&t);
    t.p[1].options.memory_max = (size_t)2 << 20;
    t.p[2].options.memory_max = (size_t)64 << 20;
    trio_go(&t, sort_body, w);
    for (unsigned i = 0; i < 3; i++)
        CHECK_THAT(t.p[i].err == MAL_OK, "party %u: %s", i, t.p[i].why);
    for (size_t i = 1; i < w->n; i++)
        CHECK(w->key[0][w->sorted[i - 1]] <= w->key[0][w->sorted[i]]);
}

TEST(a_sort_of_equal_descending_and_repeated_keys_is_stable) {
    sorting *t = &shared_sorting;
    for (unsigned kind = 0; kind < 4; kind++) {
        one_key(t, 3000, 30);
        for (size_t i = 0; i < t->n; i++)
            t->key[0][i] = kind == 0   ? 5
                           : kind == 1 ? t->n - i
                           : kind == 2 ? i
                                       : i * 7 % 10;
        check_sort(t);
    }
}

TEST(a_sort_by_several_keys_minds_signs_and_directions) {
    MAL_AUTO(mal_prim_drbg_auto) mal_prim_drbg *drbg = seeded();
    sorting *t = &shared_sorting;
    for (unsigned kind = 0; kind < 8; kind++) {
        memset(t, 0, offsetof(sorting, key));
        t->n = 700;
        t->n_keys = kind == 7 ? 2 : 3;
        for (unsigned k = 0; k < t->n_keys; k++) {
            t->width[k] = kind == 7 ? 1 : k == 0 ? 3 : k == 1 ? 64 : 40;
            t->is_signed[k] = kind >> k & 1;
            t->descending[k] = mal_prim_drbg_u64(drbg) & 1;
            for (size_t i = 0; i < t->n; i++)
                t->key[k][i] = mal_prim_drbg_u64(drbg) & mask_of(t->width[k]) &
                               (k == 1 ? 0xf00000000000000full : ~0ull);
        }
        check_sort(t);
    }
}

TEST(a_sort_of_many_rows_takes_the_rounds_and_products_that_it_says) {
    MAL_AUTO(mal_prim_drbg_auto) mal_prim_drbg *drbg = seeded();
    one_key(&shared_sorting, N_MAX, 64);
    for (size_t i = 0; i < N_MAX; i++)
        shared_sorting.key[0][i] = mal_prim_drbg_u64(drbg);
    check_sort_as(&shared_sorting, MAL_SHARE3_SEMI_HONEST);
    /* n log2(n) + 5 n comparisons of 79 bits, and a little, two ANDs a bit. */
    const double n = N_MAX, comparisons = n * (14.3 + 5.5);
    CHECK((double)shared_sorting.count.products < comparisons * 2 * 79 / 64);
    CHECK(shared_sorting.count.rounds < 320);
}

/* --- Tiles -----------------------------------------------------------------
 */

TEST(a_tile_transposed_fast_is_the_plain_one_transposed) {
    MAL_AUTO(mal_prim_drbg_auto) mal_prim_drbg *drbg = seeded();
    static share3_tile a, b;
    mal_prim_drbg_fill(drbg, &a, sizeof a);
    b = a;
    share3_tile_transpose(&a);
    for (unsigned v = 0; v < 8; v++)
        for (unsigned i = 0; i < 64; i++)
            for (unsigned j = 0; j < 64; j++)
                CHECK_EQ(a.t[j][v] >> i & 1, b.t[i][v] >> j & 1);
    share3_tile_transpose_plain(&b);
    CHECK(memcmp(&a, &b, sizeof a) == 0);
}

TEST_MAIN
