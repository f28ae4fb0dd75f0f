/* planes.c - a table as planes of bits: filled by its owner, shared to the
 * three seats, seen there as a table of shares.
 *
 * All planes of a table travel as one long plane: bit r of plane b is bit
 * r % 64 of word b * stride + r / 64.  The shares of a bit are xors.
 */
#include "share3_impl.h"

#include <stdlib.h>
#include <string.h>

#define PIECE_WORDS ((size_t)1 << 16) /* of one message: 512 KiB */

size_t room_shape_stride(const room_shape *shape) {
    return (shape->rows + 63) / 64;
}

static unsigned planes_of(const mal_obl_type *t) {
    return mal_obl_width(t) + t->nullable;
}

size_t room_shape_words(const room_shape *shape) {
    size_t planes = 1;
    for (unsigned c = 0; c < shape->n_types; c++)
        planes += planes_of(&shape->types[c]);
    return planes * room_shape_stride(shape);
}

/* --- At the owner -------------------------------------------------------- */

static mal_err check_number(const mal_obl_type *t, const mal_duck_column *c,
                            size_t row) {
    bool null = c->null && c->null[row];
    MAL_REQUIRE(!null || t->nullable, MAL_E_STATE,
                "the local stage returned a NULL");
    MAL_REQUIRE(null || t->opaque ||
                    (c->i64[row] >= t->lo && c->i64[row] <= t->hi),
                MAL_E_STATE,
                "the local stage returned a value out of its "
                "bounds");
    return MAL_OK;
}

/* 64 bits of each row, from bit 8 * at on; an identifier is a number whose
 * first byte is the most significant, as it is ordered.  NULLs are zeros. */
static void take_rows(uint64_t *rows, const mal_duck_column *c, size_t n,
                      unsigned at) {
    for (size_t r = 0; r < n; r++) {
        uint64_t v =
            c->type == MAL_DUCK_ID
                ? __builtin_bswap64(mal_load_u64le(c->id + 16 * r + 8 - at))
                : (uint64_t)c->i64[r];
        rows[r] = c->null && c->null[r] ? 0 : v;
    }
}

static void set_plane(uint64_t *plane, const uint8_t *bits, size_t n) {
    for (size_t r = 0; r < n; r++)
        plane[r / 64] |= (uint64_t)(bits ? bits[r] != 0 : 1) << (r % 64);
}

static mal_err fill_column(uint64_t **planes, const room_shape *shape,
                           const mal_obl_type *t, const mal_duck_column *c,
                           size_t n, uint64_t *rows) {
    size_t stride = room_shape_stride(shape);
    MAL_REQUIRE(c->type == (t->opaque ? MAL_DUCK_ID : MAL_DUCK_I64),
                MAL_E_STATE, "the local stage returned another type");
    for (size_t r = 0; r < n; r++)
        MAL_TRY(check_number(t, c, r));
    for (unsigned at = 0, width = mal_obl_width(t); at < width; at += 64) {
        unsigned w = width - at < 64 ? width - at : 64;
        take_rows(rows, c, n, at / 8);
        for (size_t r = n; r < shape->rows; r++)
            rows[r] = t->opaque ? UINT64_MAX : 0; /* last in any order */
        mal_share3_planes_of(*planes, rows, shape->rows, w);
        *planes += w * stride;
    }
    if (t->nullable) {
        if (c->null)
            set_plane(*planes, c->null, n);
        *planes += stride;
    }
    return MAL_OK;
}

mal_err room_planes_fill(uint64_t *planes, const room_shape *shape,
                         const mal_duck_batch *batch) {
    MAL_REQUIRE(batch->rows <= shape->rows, MAL_E_LIMIT,
                "a table here has more rows than the contract declares");
    MAL_REQUIRE(batch->n == shape->n_types, MAL_E_STATE,
                "the local stage returned other columns");
    uint64_t *rows = mal_calloc(shape->rows, sizeof *rows);
    if (!rows)
        return MAL_E_MEMORY;
    mal_err err = MAL_OK;
    for (unsigned c = 0; c < batch->n && err == MAL_OK; c++)
        err = fill_column(&planes, shape, &shape->types[c], &batch->columns[c],
                          batch->rows, rows);
    mal_wipe(rows, shape->rows * sizeof *rows);
    mal_free(rows);
    if (err == MAL_OK)
        set_plane(planes, NULL, batch->rows);
    return err;
}

/* --- In order ------------------------------------------------------------ */

static int by_id(const void *a, const void *b, void *ctx) {
    const uint8_t *ids = ctx;
    return mal_compare_vartime(ids + 16 * *(const size_t *)a,
                               ids + 16 * *(const size_t *)b, 16);
}

static mal_err order_column(mal_duck_column *c, const size_t *order, size_t n,
                            mal_arena *arena) {
    size_t width = c->type == MAL_DUCK_ID ? 16 : 8;
    const uint8_t *from =
        c->type == MAL_DUCK_ID ? c->id : (const uint8_t *)c->i64;
    uint8_t *to = mal_arena_calloc(arena, n, width);
    uint8_t *null = mal_arena_calloc(arena, n, 1);
    if (!to || !null)
        return MAL_E_MEMORY;
    for (size_t i = 0; i < n; i++) {
        memcpy(to + width * i, from + width * order[i], width);
        null[i] = c->null ? c->null[order[i]] : 0;
    }
    if (c->type == MAL_DUCK_ID)
        c->id = to;
    else
        c->i64 = (const int64_t *)(void *)to;
    c->null = c->null ? null : NULL;
    return MAL_OK;
}

mal_err room_rows_order(mal_duck_batch *rows, unsigned by, mal_arena *arena) {
    MAL_REQUIRE(by < rows->n && rows->columns[by].type == MAL_DUCK_ID,
                MAL_E_STATE, "rows are ordered by an identifier");
    if (rows->rows == 0)
        return MAL_OK;
    size_t *order = mal_arena_calloc(arena, rows->rows, sizeof *order);
    if (!order)
        return MAL_E_MEMORY;
    for (size_t i = 0; i < rows->rows; i++)
        order[i] = i;
    qsort_r(order, rows->rows, sizeof *order, by_id,
            (void *)(uintptr_t)rows->columns[by].id);
    for (unsigned c = 0; c < rows->n; c++)
        MAL_TRY(order_column(&rows->columns[c], order, rows->rows, arena));
    return MAL_OK;
}

typedef struct splitting {
    mal_prim_drbg *drbg;
    uint64_t *parts[3];
    mal_buf message;
} splitting;

static mal_err send_piece(splitting *sp, mal_chan *const seats[3],
                          const uint64_t *planes, size_t n) {
    mal_share3_split_bits(sp->parts, planes, n, sp->drbg);
    for (unsigned i = 0; i < 3; i++)
        for (unsigned k = 0; k < 2; k++) { /* seat i holds parts i and i + 1 */
            mal_buf_reset(&sp->message);
            for (size_t w = 0; w < n; w++)
                mal_store_u64le(sp->message.ptr + 8 * w,
                                sp->parts[(i + k) % 3][w]);
            sp->message.len = 8 * n;
            MAL_TRY(mal_chan_send(seats[i], mal_buf_view(&sp->message)));
        }
    return MAL_OK;
}

static mal_err send_pieces(splitting *sp, mal_chan *const seats[3],
                           const uint64_t *planes, size_t words,
                           const mal_progress *progress) {
    MAL_AUTO(mal_key_clear) mal_key key = { 0 };
    uint8_t seed[32];
    mal_prim_random(seed, sizeof seed);
    mal_err err = mal_key_from(&key, mal_bytes_of(seed, sizeof seed));
    mal_wipe(seed, sizeof seed);
    MAL_TRY(err);
    MAL_TRY(mal_prim_drbg_new(&sp->drbg, mal_key_view(&key)));
    MAL_TRY(mal_buf_reserve(&sp->message, 8 * PIECE_WORDS));
    for (unsigned i = 0; i < 3; i++) {
        sp->parts[i] = mal_calloc(PIECE_WORDS, sizeof *sp->parts[i]);
        if (!sp->parts[i])
            return MAL_E_MEMORY;
    }
    for (size_t at = 0; at < words; at += PIECE_WORDS) {
        size_t n = words - at < PIECE_WORDS ? words - at : PIECE_WORDS;
        MAL_TRY(mal_progress_step(progress, "sharing", at, words));
        MAL_TRY(send_piece(sp, seats, planes + at, n));
    }
    return MAL_OK;
}

mal_err room_planes_send(mal_chan *const seats[3], const uint64_t *planes,
                         size_t words, const mal_progress *progress) {
    splitting sp = { 0 };
    mal_err err = send_pieces(&sp, seats, planes, words, progress);
    mal_prim_drbg_auto(&sp.drbg);
    for (unsigned i = 0; i < 3 && sp.parts[i]; i++) {
        mal_wipe(sp.parts[i], PIECE_WORDS * sizeof *sp.parts[i]);
        mal_free(sp.parts[i]);
    }
    mal_buf_clear(&sp.message);
    return err;
}

/* --- At a seat ----------------------------------------------------------- */

static mal_err receive_piece(mal_chan *owner, mal_buf *in, uint64_t *out,
                             size_t n) {
    MAL_TRY(mal_chan_recv(owner, in, 8 * n));
    MAL_REQUIRE(in->len == 8 * n, MAL_E_PEER,
                "an owner sent a share of another size");
    for (size_t w = 0; w < n; w++)
        out[w] = mal_load_u64le(in->ptr + 8 * w);
    return MAL_OK;
}

mal_err room_planes_receive(mal_share3 *s, mal_share3_bits *flat,
                            mal_chan *owner, size_t words) {
    MAL_AUTO(mal_buf_clear) mal_buf in = { 0 };
    MAL_TRY(mal_share3_bits_new(s, flat, 64 * words, 1));
    for (size_t at = 0; at < words; at += PIECE_WORDS) {
        size_t n = words - at < PIECE_WORDS ? words - at : PIECE_WORDS;
        for (unsigned k = 0; k < 2; k++)
            MAL_TRY(receive_piece(owner, &in, flat->part[k] + at, n));
    }
    return mal_share3_bits_agree(s, flat);
}

mal_err room_planes_input(mal_share3 *s, mal_share3_bits *flat, unsigned from,
                          const uint64_t *planes, size_t words) {
    return mal_share3_bits_input(s, flat, from, planes, 64 * words, 1);
}

static mal_share3_bits view(const mal_share3_bits *flat,
                            const room_shape *shape, size_t plane,
                            unsigned width) {
    size_t stride = room_shape_stride(shape);
    return (mal_share3_bits){ .n = shape->rows,
                              .width = width,
                              .stride = stride,
                              .part = { flat->part[0] + plane * stride,
                                        flat->part[1] + plane * stride } };
}

/* Where the planes of a column begin. */
static size_t plane_of(const room_shape *shape, unsigned column) {
    size_t plane = 0;
    for (unsigned i = 0; i < column; i++)
        plane += planes_of(&shape->types[i]);
    return plane;
}

static void see(mal_obl_column *c, const mal_share3_bits *flat,
                const room_shape *shape, unsigned at) {
    size_t plane = plane_of(shape, at);
    c->type = shape->types[at];
    c->has_bits = true;
    c->bits = view(flat, shape, plane, mal_obl_width(&c->type));
    if (c->type.nullable)
        c->null = view(flat, shape, plane + mal_obl_width(&c->type), 1);
}

mal_err room_planes_pick(mal_obl_table *table, const mal_share3_bits *flat,
                         const room_shape *shape, const unsigned *pick,
                         unsigned n_pick) {
    table->n = shape->rows;
    table->columns = mal_calloc(n_pick + 1u, sizeof *table->columns);
    if (!table->columns)
        return MAL_E_MEMORY;
    table->n_columns = n_pick;
    for (unsigned i = 0; i < n_pick; i++)
        see(&table->columns[i], flat, shape, pick[i]);
    table->valid = view(flat, shape, plane_of(shape, shape->n_types), 1);
    return MAL_OK;
}

mal_err room_planes_table(mal_obl_table *table, const mal_share3_bits *flat,
                          const room_shape *shape) {
    unsigned all[MAL_OBL_COLUMNS_MAX];
    MAL_REQUIRE(shape->n_types <= MAL_OBL_COLUMNS_MAX, MAL_E_LIMIT,
                "a table of %u columns", shape->n_types);
    for (unsigned i = 0; i < shape->n_types; i++)
        all[i] = i;
    return room_planes_pick(table, flat, shape, all, shape->n_types);
}

static void put_view(const mal_share3_bits *to, const mal_share3_bits *from) {
    for (unsigned k = 0; k < 2; k++)
        if (to->part[k] != from->part[k])
            memcpy(to->part[k], from->part[k], 8 * to->stride * to->width);
}

void room_planes_put(const mal_share3_bits *flat, const room_shape *shape,
                     const mal_obl_table *table) {
    for (unsigned i = 0; i < shape->n_types; i++) {
        const mal_obl_column *from = &table->columns[i];
        mal_obl_column to;
        see(&to, flat, shape, i);
        put_view(&to.bits, &from->bits);
        if (from->type.nullable)
            put_view(&to.null, &from->null);
    }
    mal_share3_bits valid =
        view(flat, shape, plane_of(shape, shape->n_types), 1);
    put_view(&valid, &table->valid);
}
