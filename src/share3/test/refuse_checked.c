/* A shuffle of malicious security moves rows as any does, and whoever lies in
 * one of its messages is found before anything may be opened.
 *
 * The shuffle alone is malicious here; inputs and the look at the shares are
 * the test's. */
#include "../gf64.h"
#include "../order_impl.h"
#include "share3_parties.h"

#define N_MAX 3000
#define COLUMNS 5

/* 0: words */
static const unsigned widths[COLUMNS] = { 64, 0, 17, 1, 0 };

typedef struct table {
    size_t n;
    bool inverse, twice;
    uint64_t rows[COLUMNS][N_MAX];
    uint64_t part[3][2][COLUMNS][N_MAX]; /* by party */
    bool done[3];
} table;
static table shared;

typedef struct cell {
    mal_share3_bits b;
    mal_share3_words w;
} column_of;

static mal_err fill(mal_share3 *s, column_of *cell, const uint64_t *rows,
                    size_t n, unsigned width) {
    mal_share3_bits *b = &cell->b;
    if (width == 0) {
        MAL_TRY(mal_share3_words_public(s, &cell->w, rows, n));
        return mal_share3_words_refresh(s, &cell->w, &cell->w);
    }
    uint64_t *planes = calloc(width * share3_stride(n) + 1, sizeof *planes);
    mal_share3_planes_of(planes, rows, n, width);
    mal_err err = mal_share3_bits_public(s, b, planes, n, width);
    free(planes);
    if (err == MAL_OK)
        err = mal_share3_bits_refresh(s, b, b);
    return err;
}

static mal_err move(mal_share3 *s, table *t, const mal_share3_column *column) {
    MAL_AUTO(mal_share3_order_free) mal_share3_order *order = NULL;
    MAL_TRY(mal_share3_order_random(s, &order, t->n));
    s->options.security = MAL_SHARE3_MALICIOUS;
    mal_err err = mal_share3_order_apply(s, order, column, COLUMNS, t->inverse);
    if (err == MAL_OK && t->twice)
        err = mal_share3_order_apply(s, order, column, COLUMNS, !t->inverse);
    if (err == MAL_OK)
        err = mal_share3_verify(s);
    s->options.security = MAL_SHARE3_SEMI_HONEST;
    return err;
}

static mal_err body(mal_share3 *s, void *ctx) {
    table *t = ctx;
    column_of cell[COLUMNS] = { 0 };
    mal_share3_column column[COLUMNS] = { 0 };
    mal_err err = MAL_OK;
    for (unsigned c = 0; c < COLUMNS && err == MAL_OK; c++) {
        if (widths[c])
            column[c].bits = &cell[c].b;
        else
            column[c].words = &cell[c].w;
        err = fill(s, &cell[c], t->rows[c], t->n, widths[c]);
    }
    if (err == MAL_OK)
        err = move(s, t, column);
    for (unsigned c = 0; c < COLUMNS && err == MAL_OK; c++)
        for (unsigned p = 0; p < 2; p++) {
            uint64_t *part = t->part[s->me][p][c];
            if (widths[c])
                mal_share3_rows_of(part, cell[c].b.part[p], t->n, widths[c],
                                   false);
            else if (t->n)
                memcpy(part, cell[c].w.part[p], 8 * t->n);
        }
    t->done[s->me] = err == MAL_OK;
    for (unsigned c = 0; c < COLUMNS; c++) {
        mal_share3_bits_clear(&cell[c].b);
        mal_share3_words_clear(&cell[c].w);
    }
    return err;
}

static void set_rows(table *t, size_t n) {
    t->n = n;
    t->inverse = t->twice = false;
    for (size_t i = 0; i < n; i++) {
        t->rows[0][i] = i * UINT64_C(0x9e3779b97f4a7c15);
        t->rows[1][i] = 0 - i * i;
        t->rows[2][i] = (i * 77 + 5) & 0x1ffff;
        t->rows[3][i] = i * i / 3 & 1;
        t->rows[4][i] = i << 50 | i;
    }
}

/* What parties i and i + 1 hold together are the rows, moved alike. */
static bool is_moved(const table *t, unsigned i) {
    static bool seen[N_MAX];
    const unsigned j = (i + 1) % 3;
    memset(seen, 0, sizeof seen);
    for (size_t r = 0; r < t->n; r++) {
        uint64_t x[COLUMNS];
        size_t from = 0;
        for (unsigned c = 0; c < COLUMNS; c++) {
            if (t->part[i][1][c][r] != t->part[j][0][c][r])
                return false;
            const uint64_t p[3] = { t->part[i][0][c][r], t->part[i][1][c][r],
                                    t->part[j][1][c][r] };
            x[c] = widths[c] ? p[0] ^ p[1] ^ p[2] : p[0] + p[1] + p[2];
        }
        while (from < t->n && t->rows[0][from] != x[0])
            from++;
        if (from == t->n || seen[from] || (t->twice && from != r))
            return false;
        for (unsigned c = 1; c < COLUMNS; c++)
            if (t->rows[c][from] != x[c])
                return false;
        seen[from] = true;
    }
    return true;
}

TEST(a_checked_shuffle_moves_all_columns_alike_and_back) {
    static const size_t sizes[] = { 0, 1, 2, 63, 64, 65, 1000, N_MAX };
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
        for (unsigned how = 0; how < 4; how++) {
            set_rows(&shared, sizes[k]);
            shared.inverse = how & 1;
            shared.twice = how & 2;
            trio_run(body, &shared);
            for (unsigned i = 0; i < 3; i++)
                CHECK(is_moved(&shared, i));
        }
}

/* --- Lies ------------------------------------------------------------------
 */

/* n is a multiple of 64: no byte of a message is padding. */
#define ROWS 64

static void lie_once(unsigned liar, unsigned to, uint64_t at, size_t offset,
                     bool last) {
    static trio t;
    trio_init(&t);
    t.spied = true;
    spy *y = &t.p[liar].spies[to];
    *y = (spy){ .how = LIE_FLIP, .at = at, .offset = offset };
    memset(shared.done, 0, sizeof shared.done);
    trio_go(&t, body, &shared);
    unsigned seen = 0;
    for (unsigned i = 0; i < 3; i++) {
        if (i == liar)
            continue;
        seen += t.p[i].err == MAL_E_PEER;
        /* Only the last word of all, "verified", may leave the third happy, and
         * with what it and the liar's part make. */
        const unsigned one = (i + 1) % 3 == liar ? i : liar;
        CHECK_THAT(t.p[i].err != MAL_OK ||
                       (last && (!shared.done[liar] || is_moved(&shared, one))),
                   "party %u took byte %zu of message %llu of %u to %u", i,
                   offset, (unsigned long long)at, liar, to);
    }
    CHECK_THAT(seen > 0, "nobody saw byte %zu of message %llu of %u to %u",
               offset, (unsigned long long)at, liar, to);
}

TEST(whoever_lies_in_a_message_of_a_shuffle_is_found) {
    set_rows(&shared, ROWS);
    static trio t;
    mal_buf lengths[3][3] = { 0 };
    trio_init(&t);
    t.spied = true;
    for (unsigned i = 0; i < 3; i++)
        for (unsigned j = 0; j < 3; j++)
            t.p[i].spies[j].lengths = &lengths[i][j];
    trio_go(&t, body, &shared);
    size_t lies = 0;
    for (unsigned i = 0; i < 3; i++)
        for (unsigned j = 0; j < 3; j++) {
            const size_t n = lengths[i][j].len / 8;
            CHECK(i == j || n >= 4);
            /* The greeting and, to the previous party, COLUMNS refreshed shares
             * are not the shuffle's. */
            const size_t first = 1 + (j == (i + 2) % 3 ? COLUMNS : 0);
            for (size_t k = first; k < n; k++) {
                const size_t len = mal_load_u64le(lengths[i][j].ptr + 8 * k);
                for (size_t at = k % 5; at < len; at += 13, lies++)
                    lie_once(i, j, k, at, k + 1 == n);
            }
            mal_buf_clear(&lengths[i][j]);
        }
    printf("# %zu lies\n", lies);
    CHECK(lies > 1000);
}

/* --- What is seen ----------------------------------------------------------
 */

TEST(what_a_party_receives_in_a_checked_shuffle_is_uniform) {
    static trio t;
    mal_buf seen[3] = { 0 };
    memset(&shared, 0, sizeof shared);
    shared.n = N_MAX;
    trio_init(&t);
    t.spied = true;
    for (unsigned i = 0; i < 3; i++)
        for (unsigned j = 0; j < 3; j++)
            t.p[i].spies[j].received = &seen[i];
    trio_go(&t, body, &shared);
    for (unsigned i = 0; i < 3; i++) {
        size_t count[256] = { 0 };
        double sum = 0;
        CHECK_EQ(t.p[i].err, MAL_OK);
        CHECK(seen[i].len > 60 * N_MAX);
        /* All but the greetings and the words that say that all is well. */
        const size_t end = seen[i].len - 16;
        for (size_t k = 128; k < end; k++)
            count[seen[i].ptr[k]]++;
        const double want = (double)(end - 128) / 256;
        for (unsigned v = 0; v < 256; v++)
            sum += ((double)count[v] - want) * ((double)count[v] - want) / want;
        /* 255 + 2 sqrt(255 * 30) + 60: as in stat_views.c, 2^-43. */
        CHECK_THAT(sum < 490, "party %u: chi %f", i, sum);
        mal_buf_clear(&seen[i]);
    }
}

/* --- The field -------------------------------------------------------------
 */

TEST(products_in_the_field_are_right_and_alike_fast_and_plain) {
    uint64_t a[67], b[67];
    MAL_AUTO(mal_prim_drbg_auto) mal_prim_drbg *drbg = NULL;
    uint8_t seed[32] = { 0 };
    mal_store_u64le(seed, mal_test_seed());
    CHECK_OK(mal_prim_drbg_new(&drbg, mal_bytes_of(seed, 32)));
    /* x^63 * x = x^64 = x^4 + x^3 + x + 1; x^63 * x^63 = x^126. */
    uint64_t top = (uint64_t)1 << 63, two = 2, one = 1;
    CHECK_EQ(share3_gf_dot_plain(&top, &two, 1), 0x1b);
    uint64_t power = 1;
    for (unsigned i = 0; i < 126; i++)
        power = power << 1 ^ (power >> 63 ? 0x1b : 0);
    CHECK_EQ(share3_gf_dot_plain(&top, &top, 1), power);
    CHECK_EQ(share3_gf_dot_plain(&top, &one, 1), top);
    for (size_t n = 0; n <= 67; n++) {
        mal_prim_drbg_fill(drbg, a, sizeof a);
        mal_prim_drbg_fill(drbg, b, sizeof b);
        const uint64_t dot = share3_gf_dot_plain(a, b, n);
        uint64_t sum = 0;
        for (size_t i = 0; i < n; i++)
            sum ^= share3_gf_dot_plain(&b[i], &a[i], 1);
        CHECK_EQ(dot, sum);
        CHECK_EQ(share3_gf_dot(a, b, n), dot);
    }
    /* Every element but zero has order dividing 2^64 - 1, as in a field. */
    uint64_t x = a[0] | 1, y = x;
    for (unsigned i = 0; i < 64; i++)
        y = share3_gf_dot(&y, &y, 1);
    CHECK_EQ(x, y);
}

TEST_MAIN
