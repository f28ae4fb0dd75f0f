/* Permutations are uniform, none is drawn twice, and what is seen of a shuffle
 * or opened in a sort is uniform whatever the rows hold.
 *
 * Chi-square with d degrees of freedom: above d + 2 sqrt(d t) + 2 t lies at
 * most e^-t (Laurent and Massart, Annals of Statistics 28, 2000, lemma 1); t =
 * 30, which is 2^-43 a test.  A shuffle that swaps each row with any other, a
 * known error, is caught by the same bound.
 */
#include "../order_impl.h"
#include "share3_parties.h"

#include <math.h>

static void check_chi(const size_t *count, size_t cells, size_t draws,
                      const char *what) {
    const double d = (double)cells - 1, want = (double)draws / (double)cells;
    double sum = 0;
    for (size_t i = 0; i < cells; i++)
        sum += ((double)count[i] - want) * ((double)count[i] - want) / want;
    CHECK_THAT(sum < d + 2 * sqrt(d * 30) + 60, "%s: chi %f over %zu cells",
               what, sum, cells);
}

/* The number of a permutation of n < 8 rows, in [0, n!). */
static size_t number_of(const uint64_t *p, size_t n) {
    size_t number = 0;
    for (size_t i = 0; i < n; i++) {
        size_t less = 0;
        for (size_t j = i + 1; j < n; j++)
            less += p[j] < p[i];
        number = number * (n - i) + less;
    }
    return number;
}

#define N 5
#define CELLS 120

/* --- Draws -----------------------------------------------------------------
 */

#define DRAWS ((size_t)CELLS * 500)

typedef struct drawing {
    unsigned log_buckets;
    size_t count[CELLS];
} drawing;

static mal_err draw_body(mal_share3 *s, void *ctx) {
    drawing *d = ctx;
    for (size_t i = 0; i < DRAWS; i++) {
        uint64_t row[N] = { 0, 1, 2, 3, 4 }, tmp[N];
        share3_perm perm;
        for (unsigned p = 0; p < 2; p++) {
            MAL_TRY(share3_perm_draw_in(s, p, &perm, N, d->log_buckets));
            if (p == 1)
                share3_perm_apply(&perm, row, tmp, 3, i & 1);
            share3_perm_clear(&perm);
        }
        if (mal_share3_me(s) == 0)
            d->count[number_of(row, N)]++;
    }
    return MAL_OK;
}

TEST(all_permutations_of_five_rows_are_drawn_alike_in_any_buckets) {
    for (unsigned log_buckets = 0; log_buckets < 4; log_buckets++) {
        drawing d = { .log_buckets = log_buckets };
        trio_run(draw_body, &d);
        check_chi(d.count, CELLS, DRAWS, "draws");
    }
}

TEST(a_biased_shuffle_is_caught) {
    static size_t count[CELLS];
    MAL_AUTO(mal_prim_drbg_auto) mal_prim_drbg *drbg = NULL;
    uint8_t seed[32] = { 0 };
    CHECK_OK(mal_prim_init());
    CHECK_OK(mal_prim_drbg_new(&drbg, mal_bytes_of(seed, 32)));
    for (size_t i = 0; i < DRAWS; i++) {
        uint64_t row[N] = { 0, 1, 2, 3, 4 };
        for (size_t k = 0; k < N; k++) {
            const size_t j = mal_prim_drbg_below(drbg, N);
            const uint64_t swap = row[k];
            row[k] = row[j];
            row[j] = swap;
        }
        count[number_of(row, N)]++;
    }
    const double want = (double)DRAWS / CELLS;
    double sum = 0;
    for (size_t i = 0; i < CELLS; i++)
        sum += ((double)count[i] - want) * ((double)count[i] - want) / want;
    CHECK(sum > 119 + 2 * sqrt(119 * 30.0) + 60);
}

/* --- Pitfall 13: a seed serves once ----------------------------------------
 */

#define ORDERS 20
#define LONG 64
static uint32_t drawn[3][ORDERS][2][LONG];

static mal_err orders_body(mal_share3 *s, void *ctx) {
    (void)ctx;
    for (unsigned k = 0; k < ORDERS; k++) {
        mal_share3_order *o = NULL;
        MAL_TRY(mal_share3_order_random(s, &o, LONG));
        for (unsigned p = 0; p < 2; p++)
            memcpy(drawn[mal_share3_me(s)][k][p], o->perm[p].local,
                   sizeof drawn[0][0][0]);
        mal_share3_order_free(&o);
    }
    return MAL_OK;
}

TEST(pitfall_13_no_permutation_serves_twice_and_each_is_known_to_one_pair) {
    const size_t bytes = sizeof drawn[0][0][0];
    trio_run(orders_body, NULL);
    for (unsigned i = 0; i < 3; i++)
        for (unsigned k = 0; k < ORDERS; k++) {
            CHECK(memcmp(drawn[i][k][1], drawn[(i + 1) % 3][k][0], bytes) == 0);
            for (unsigned j = 0; j < 3; j++)
                for (unsigned l = 0; l < ORDERS; l++)
                    if (i != j || k != l)
                        CHECK(memcmp(drawn[i][k][1], drawn[j][l][1], bytes) !=
                              0);
        }
}

/* --- Whole shuffles, and what a sort opens ---------------------------------
 */

#define RUNS ((size_t)CELLS * 60)

typedef struct opening {
    uint64_t key[N];
    bool sort;
    size_t count[CELLS], place[CELLS];
} opening;

static mal_err shuffle_once(mal_share3 *s, opening *o) {
    static const uint64_t rows[N] = { 0, 1, 2, 3, 4 };
    MAL_AUTO(mal_share3_words_clear) mal_share3_words w = { 0 };
    uint64_t out[N];
    MAL_TRY(mal_share3_words_public(s, &w, rows, N));
    MAL_TRY(
        mal_share3_shuffle(s, &(const mal_share3_column){ .words = &w }, 1));
    MAL_TRY(mal_share3_words_open(s, out, &w));
    if (mal_share3_me(s) == 0)
        o->count[number_of(out, N)]++;
    return MAL_OK;
}

static mal_err sort_once(mal_share3 *s, opening *o) {
    MAL_AUTO(mal_share3_bits_clear) mal_share3_bits key = { 0 };
    MAL_AUTO(mal_share3_order_free) mal_share3_order *order = NULL;
    uint64_t planes[8], to[N];
    mal_share3_planes_of(planes, o->key, N, 8);
    MAL_TRY(mal_share3_bits_public(s, &key, planes, N, 8));
    const mal_share3_sort_key k = { .bits = &key };
    MAL_TRY(mal_share3_order_sort(s, &order, &k, 1));
    for (unsigned i = 0; i < N; i++)
        to[i] = order->to[i];
    if (mal_share3_me(s) == 0)
        o->count[number_of(to, N)]++;
    return MAL_OK;
}

static mal_err opening_body(mal_share3 *s, void *ctx) {
    opening *o = ctx;
    for (size_t i = 0; i < RUNS; i++)
        MAL_TRY(o->sort ? sort_once(s, o) : shuffle_once(s, o));
    return MAL_OK;
}

TEST(pitfall_03_all_permutations_come_out_of_a_shuffle_alike) {
    static opening o;
    trio_run(opening_body, &o);
    check_chi(o.count, CELLS, RUNS, "shuffles");
}

TEST(pitfall_13_what_a_sort_opens_is_uniform_whatever_the_keys_are) {
    static const uint64_t keys[3][N] = { { 0, 1, 2, 3, 4 },
                                         { 7, 7, 7, 7, 7 },
                                         { 200, 3, 3, 200, 0 } };
    for (unsigned k = 0; k < 3; k++) {
        static opening o;
        memset(&o, 0, sizeof o);
        memcpy(o.key, keys[k], sizeof o.key);
        o.sort = true;
        trio_run(opening_body, &o);
        check_chi(o.count, CELLS, RUNS, "sorts");
    }
}

/* --- Views -----------------------------------------------------------------
 */

#define ROWS 4096

static mal_err view_body(mal_share3 *s, void *ctx) {
    static const uint64_t zero[ROWS], planes[ROWS];
    MAL_AUTO(mal_share3_words_clear) mal_share3_words w = { 0 };
    MAL_AUTO(mal_share3_bits_clear) mal_share3_bits b = { 0 };
    MAL_TRY(mal_share3_words_public(s, &w, zero, ROWS));
    MAL_TRY(mal_share3_bits_public(s, &b, planes, ROWS, 32));
    const mal_share3_column columns[2] = { { .words = &w }, { .bits = &b } };
    for (unsigned k = 0; k < 3; k++)
        MAL_TRY(mal_share3_shuffle(s, columns, 2));
    (void)ctx;
    return MAL_OK;
}

TEST(what_a_party_receives_in_a_shuffle_is_uniform) {
    static trio t;
    mal_buf seen[3] = { 0 };
    trio_init(&t);
    t.spied = true;
    for (unsigned i = 0; i < 3; i++)
        for (unsigned j = 0; j < 3; j++)
            t.p[i].spies[j].received = &seen[i];
    trio_go(&t, view_body, NULL);
    for (unsigned i = 0; i < 3; i++) {
        size_t count[256] = { 0 };
        CHECK_EQ(t.p[i].err, MAL_OK);
        CHECK(seen[i].len > 128 + 16 * ROWS);
        /* All but the greetings, of which a part is fixed. */
        for (size_t k = 128; k < seen[i].len; k++)
            count[seen[i].ptr[k]]++;
        check_chi(count, 256, seen[i].len - 128, "received");
        mal_buf_clear(&seen[i]);
    }
}

TEST_MAIN
