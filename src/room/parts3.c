/* parts3.c - an answer of share3 at its recipient: three parts, each from two
 * seats.
 *
 * One seat that lies about a part contradicts another that is honest, and then
 * nothing is opened: whose part was wrong, two words cannot tell.
 */
#include "room_impl.h"

mal_err room_parts3_add(int64_t *cells, size_t n, const mal_bytes seats[3]) {
    for (unsigned i = 0; i < 3; i++)
        MAL_REQUIRE(seats[i].len == 16 * n, MAL_E_PEER,
                    "a seat sealed an output of another size");
    for (unsigned i = 0; i < 3; i++)
        MAL_REQUIRE(
            mal_equal(seats[i].ptr + 8 * n, seats[(i + 1) % 3].ptr, 8 * n),
            MAL_E_PEER,
            "two seats sealed different parts of one answer: one of "
            "them did not follow the protocol");
    for (size_t w = 0; w < n; w++) {
        uint64_t x = (uint64_t)cells[w];
        for (unsigned i = 0; i < 3; i++)
            x += mal_load_u64le(seats[i].ptr + 8 * w);
        cells[w] = (int64_t)x;
    }
    return MAL_OK;
}

/* --- Rows, of rooms marked test ------------------------------------------ */

mal_err room_rows_encode(mal_buf *out, const mal_sql_table *t) {
    MAL_REQUIRE(!t->ids, MAL_E_UNSUPPORTED,
                "identifiers are never part of an answer");
    MAL_TRY(mal_buf_put_u32(out, t->n_columns));
    MAL_TRY(mal_buf_put_u64(out, t->n_rows));
    for (size_t i = 0; i < t->n_rows * t->n_columns; i++) {
        MAL_TRY(mal_buf_put_u64(out, t->nulls[i] ? 0 : (uint64_t)t->values[i]));
        MAL_TRY(mal_buf_put_u8(out, t->nulls[i] != 0));
    }
    return MAL_OK;
}

static mal_err rows_alloc(mal_sql_table *t, mal_arena *arena) {
    size_t n = t->n_rows * t->n_columns;
    t->values = mal_arena_calloc(arena, n + 1, sizeof *t->values);
    t->nulls = mal_arena_calloc(arena, n + 1, 1);
    t->halfwidths = mal_arena_calloc(arena, n + 1, sizeof *t->halfwidths);
    t->suppressed = mal_arena_calloc(arena, t->n_rows + 1, 1);
    if (!t->values || !t->nulls || !t->halfwidths || !t->suppressed)
        return MAL_E_MEMORY;
    for (size_t i = 0; i < n; i++)
        t->halfwidths[i] = MAL_SQL_HALFWIDTH_NONE;
    return MAL_OK;
}

mal_err room_rows_decode(mal_sql_table *t, mal_arena *arena,
                         const mal_sql_plan *plan, const mal_bytes seats[3]) {
    mal_rd rd = mal_rd_of(seats[0]);
    uint32_t columns;
    uint64_t rows;
    *t = (mal_sql_table){ 0 };
    for (unsigned i = 1; i < 3; i++)
        MAL_REQUIRE(mal_bytes_same_vartime(seats[i], seats[0]), MAL_E_PEER,
                    "two seats sealed different answers");
    MAL_TRY(mal_sql_plan_columns(&t->columns, &t->n_columns, arena, plan));
    MAL_TRY(mal_rd_u32(&rd, &columns));
    MAL_TRY(mal_rd_u64(&rd, &rows));
    MAL_REQUIRE(columns == t->n_columns && columns > 0 &&
                    rows <= rd.left / (9u * columns),
                MAL_E_PEER, "the seats sealed rows of another shape");
    t->n_rows = (size_t)rows;
    MAL_TRY(rows_alloc(t, arena));
    for (size_t i = 0; i < t->n_rows * columns; i++) {
        uint64_t v;
        MAL_TRY(mal_rd_u64(&rd, &v));
        MAL_TRY(mal_rd_u8(&rd, &t->nulls[i]));
        t->values[i] = (int64_t)v;
    }
    return mal_rd_end(&rd);
}
