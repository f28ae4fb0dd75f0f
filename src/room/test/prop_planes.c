/* A table that its owner shares is the table that the seats hold, whatever it
 * holds its messages have the sizes of its bounds, and an owner who tells two
 * seats two stories is found out. */
#include "mal_test.h"

#include "../share3_impl.h"

#include <string.h>

#define ROWS 200
#define COLUMNS 4

static const mal_obl_type types[COLUMNS] = {
    { .lo = -300, .hi = 5000, .nullable = true },
    { .lo = 0, .hi = 12 },
    { .opaque = 128 },
    { .lo = -INT64_MAX, .hi = INT64_MAX, .nullable = true },
};
static const room_shape shape = { .rows = ROWS,
                                  .n_types = COLUMNS,
                                  .types = types };

typedef struct truth {
    size_t n;
    int64_t v[COLUMNS][ROWS];
    uint8_t null[COLUMNS][ROWS], id[ROWS * 16];
    mal_duck_column columns[COLUMNS];
    mal_duck_batch batch;
} truth;
static truth table;

static void draw(uint64_t *seed, size_t n) {
    memset(&table, 0, sizeof table);
    table.n = n;
    for (size_t i = 0; i < sizeof table.id; i++)
        table.id[i] = (uint8_t)mal_test_rand(seed);
    for (unsigned c = 0; c < COLUMNS; c++) {
        const mal_obl_type *t = &types[c];
        for (size_t r = 0; r < n; r++) {
            uint64_t span = (uint64_t)t->hi - (uint64_t)t->lo + 1;
            table.v[c][r] =
                (int64_t)((uint64_t)t->lo + mal_test_rand(seed) % span);
            table.null[c][r] = t->nullable && mal_test_rand(seed) % 4 == 0;
        }
        table.columns[c] = (mal_duck_column){
            .type = t->opaque ? MAL_DUCK_ID : MAL_DUCK_I64,
            .i64 = t->opaque ? NULL : table.v[c],
            .id = t->opaque ? table.id : NULL,
            .null = t->nullable ? table.null[c] : NULL,
        };
    }
    table.batch =
        (mal_duck_batch){ .rows = n, .n = COLUMNS, .columns = table.columns };
}

static uint64_t *plain(void) {
    uint64_t *planes = mal_calloc(room_shape_words(&shape), sizeof *planes);
    CHECK_OK(room_planes_fill(planes, &shape, &table.batch));
    return planes;
}

/* --- Three seats and an owner -------------------------------------------- */

typedef struct seat {
    unsigned me;
    int from; /* the seat of the owner, or -1: it has none */
    mal_mesh mesh;
    mal_chan *owner;
    const uint64_t *planes;
    mal_err err;
} seat;

typedef struct owner {
    mal_chan *seats[3];
    const uint64_t *planes;
    mal_err err;
} owner;

static mal_err check_id(mal_share3 *s, const mal_share3_bits *v) {
    for (unsigned half = 0; half < 2; half++) {
        uint64_t planes[64 * ((ROWS + 63) / 64)], rows[ROWS];
        mal_share3_bits part = mal_share3_bits_planes(v, 64 * half, 64);
        MAL_TRY(mal_share3_bits_open(s, planes, &part));
        mal_share3_rows_of(rows, planes, ROWS, 64, false);
        for (size_t r = 0; r < table.n; r++)
            CHECK_EQ(rows[r], __builtin_bswap64(mal_load_u64le(
                                  table.id + 16 * r + 8 - 8 * half)));
    }
    return MAL_OK;
}

static mal_err check_table(mal_share3 *s, mal_obl *o, mal_obl_table *t) {
    int64_t values[ROWS];
    uint8_t null[ROWS], valid[ROWS];
    MAL_TRY(mal_obl_valid_open(o, valid, t));
    for (size_t r = 0; r < ROWS; r++)
        CHECK_EQ(valid[r], r < table.n);
    for (unsigned c = 0; c < COLUMNS; c++) {
        if (types[c].opaque) {
            MAL_TRY(check_id(s, &t->columns[c].bits));
            continue;
        }
        MAL_TRY(mal_obl_column_open(o, values, null, t, c));
        for (size_t r = 0; r < table.n; r++) {
            CHECK_EQ(types[c].nullable && null[r], table.null[c][r]);
            if (!table.null[c][r])
                CHECK_EQ(values[r], table.v[c][r]);
        }
    }
    return MAL_OK;
}

static mal_err hold(seat *p, mal_share3 *s, mal_obl *o) {
    mal_share3_bits flat = { 0 };
    mal_obl_table t = { 0 };
    size_t words = room_shape_words(&shape);
    mal_err err = p->from < 0 ? room_planes_receive(s, &flat, p->owner, words)
                              : room_planes_input(s, &flat, (unsigned)p->from,
                                                  p->planes, words);
    if (err == MAL_OK)
        err = room_planes_table(&t, &flat, &shape);
    if (err == MAL_OK)
        err = check_table(s, o, &t);
    mal_obl_table_clear(&t);
    mal_share3_bits_clear(&flat);
    return err;
}

static void run_seat(void *arg) {
    seat *p = arg;
    mal_share3 *s = NULL;
    mal_obl *o = NULL;
    mal_share3_options options = { .session = { 3 },
                                   .security = MAL_SHARE3_SEMI_HONEST };
    mal_err_forget();
    p->err = mal_share3_open(&s, &p->mesh, &options);
    if (p->err == MAL_OK)
        p->err = mal_obl_open(&o, s);
    if (p->err == MAL_OK)
        p->err = hold(p, s, o);
    mal_obl_close(&o);
    mal_share3_close(&s);
    for (unsigned i = 0; i < 3; i++)
        mal_chan_close(&p->mesh.chan[i]);
    mal_chan_close(&p->owner);
}

static void run_owner(void *arg) {
    owner *w = arg;
    mal_err_forget();
    w->err =
        room_planes_send(w->seats, w->planes, room_shape_words(&shape), NULL);
}

/* A channel that changes one bit of its first message. */
typedef struct bent {
    mal_chan chan;
    mal_chan *inner;
    bool done;
} bent;

static mal_err bent_send(mal_chan *chan, mal_bytes m) {
    bent *b = (bent *)chan;
    MAL_AUTO(mal_buf_clear) mal_buf copy = { 0 };
    MAL_TRY(mal_buf_put(&copy, m));
    copy.ptr[100] ^= (uint8_t)!b->done;
    b->done = true;
    return mal_chan_send(b->inner, mal_buf_view(&copy));
}

static const mal_chan_ops bent_ops = { .send = bent_send };

/* Return how many seats failed; sent[i]: bytes from the owner to seat i. */
static unsigned share(int from, int bend_at, uint64_t sent[3]) {
    seat p[3] = { 0 };
    owner w = { .planes = plain() };
    bent b = { .chan = { .ops = &bent_ops } };
    mal_thread *thread[4] = { 0 };
    for (unsigned i = 0; i < 3; i++) {
        unsigned k = (i + 1) % 3;
        p[i] = (seat){ .me = i, .from = from, .mesh = p[i].mesh };
        p[i].mesh.n = 3;
        p[i].mesh.me = i;
        p[i].planes = from == (int)i ? w.planes : NULL;
        CHECK_OK(mal_chan_pair(&p[i].mesh.chan[k], &p[k].mesh.chan[i], 20000));
    }
    mal_chan *ends[3];
    for (unsigned i = 0; i < 3; i++) {
        CHECK_OK(mal_chan_pair(&ends[i], &p[i].owner, 20000));
        w.seats[i] = ends[i];
    }
    if (bend_at >= 0) {
        b.inner = ends[bend_at];
        w.seats[bend_at] = &b.chan;
    }
    for (unsigned i = 0; i < 3; i++)
        CHECK_OK(mal_thread_start(&thread[i], run_seat, &p[i]));
    if (from < 0)
        run_owner(&w);
    unsigned failed = 0;
    for (unsigned i = 0; i < 3; i++) {
        mal_thread_join(&thread[i]);
        failed += p[i].err != MAL_OK;
        if (sent)
            sent[i] = ends[i]->bytes_sent;
        mal_chan_close(&ends[i]);
    }
    CHECK_EQ(w.err, MAL_OK);
    mal_free((void *)(uintptr_t)w.planes);
    return failed;
}

TEST(a_table_from_an_owner_without_a_seat_is_what_the_seats_hold) {
    uint64_t seed = mal_test_seed();
    for (size_t n = 0; n <= ROWS; n += 50) {
        draw(&seed, n);
        CHECK_EQ(share(-1, -1, NULL), 0);
    }
}

TEST(a_table_from_a_seat_is_what_the_seats_hold) {
    uint64_t seed = mal_test_seed();
    for (int from = 0; from < 3; from++) {
        draw(&seed, 100);
        CHECK_EQ(share(from, -1, NULL), 0);
    }
}

TEST(an_owner_that_tells_two_seats_two_stories_is_found_out) {
    uint64_t seed = mal_test_seed();
    draw(&seed, 100);
    for (int at = 0; at < 3; at++)
        CHECK(share(-1, at, NULL) > 0);
}

TEST(what_is_sent_is_a_function_of_the_bound) {
    uint64_t seed = mal_test_seed(), empty[3], full[3];
    draw(&seed, 0);
    CHECK_EQ(share(-1, -1, empty), 0);
    draw(&seed, ROWS);
    CHECK_EQ(share(-1, -1, full), 0);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(empty[i], full[i]);
        CHECK_EQ(full[i], 2 * 8 * room_shape_words(&shape));
    }
}

static void refuse(mal_err wanted, const char *words) {
    uint64_t *planes = mal_calloc(room_shape_words(&shape), sizeof *planes);
    CHECK_ERR(room_planes_fill(planes, &shape, &table.batch), wanted);
    CHECK_THAT(strstr(mal_err_message(), words), "%s", mal_err_message());
    mal_free(planes);
}

TEST(what_the_local_stage_says_is_checked_cell_by_cell) {
    uint64_t seed = mal_test_seed();
    draw(&seed, 100);
    table.null[1][99] = 1;
    table.columns[1].null = table.null[1];
    refuse(MAL_E_STATE, "a NULL");
    table.null[1][99] = 0;
    table.v[1][99] = 13;
    refuse(MAL_E_STATE, "out of its bounds");
    table.v[1][99] = -1;
    refuse(MAL_E_STATE, "out of its bounds");
    table.v[1][99] = 12;
    table.columns[1].type = MAL_DUCK_BOOL;
    refuse(MAL_E_STATE, "another type");
    table.columns[1].type = MAL_DUCK_I64;
    table.batch.n--;
    refuse(MAL_E_STATE, "other columns");
    table.batch.n++;
    table.batch.rows = ROWS + 1;
    refuse(MAL_E_LIMIT, "more rows than the contract declares");
}

TEST_MAIN
