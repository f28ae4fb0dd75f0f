/* duck.c - tables in, answers out: the requests of the parent. */
#include "parent.h"

#include <string.h>

static mal_err out_of_turn(mal_duck *duck) {
    duck->kill_now = true;
    (void)mal_duck_bury(duck);
    MAL_FAIL(MAL_E_PEER, "DuckDB's process broke the protocol and was stopped");
}

/* An ERROR frame is {class u32, text}.  Only classes that a job can cause are
 * believed; the text is cut and cleaned of control characters. */
static mal_err refused(mal_duck *duck) {
    mal_rd rd = mal_rd_of(mal_buf_view(&duck->in));
    char text[DUCK_ERROR_MAX + 1];
    uint32_t class = 0;

    if (mal_rd_u32(&rd, &class) != MAL_OK)
        return out_of_turn(duck);
    size_t n = rd.left < DUCK_ERROR_MAX ? rd.left : DUCK_ERROR_MAX;
    for (size_t i = 0; i < n; i++)
        text[i] =
            (char)(rd.ptr[i] < 0x20 || rd.ptr[i] == 0x7f ? ' ' : rd.ptr[i]);
    text[n] = 0;
    mal_err err =
        class == MAL_E_LIMIT || class == MAL_E_STATE || class == MAL_E_MEMORY
            ? (mal_err) class
            : MAL_E_INPUT;
    MAL_FAIL(err, "DuckDB: %s", text);
}

static mal_err ask(mal_duck *duck) {
    duck_kind kind;

    MAL_TRY(mal_duck_send(duck, &duck->out));
    MAL_TRY(mal_duck_recv(duck, &kind));
    if (kind == DUCK_ERROR)
        return refused(duck);
    return kind == DUCK_OK ? MAL_OK : out_of_turn(duck);
}

static mal_err begin(mal_duck *duck, duck_kind kind) {
    MAL_REQUIRE(!duck->scanning, MAL_E_STATE,
                "a scan of DuckDB is under way; end it first");
    mal_buf_reset(&duck->out);
    return mal_duck_frame_begin(&duck->out, kind);
}

mal_err mal_duck_table_create(mal_duck *duck, const char *name,
                              const mal_duck_column *columns, unsigned n) {
    MAL_REQUIRE(n > 0 && n <= MAL_DUCK_COLUMNS_MAX, MAL_E_INPUT,
                "a table has between 1 and %u columns", MAL_DUCK_COLUMNS_MAX);
    MAL_TRY(begin(duck, DUCK_CREATE));
    MAL_TRY(mal_duck_name_put(&duck->out, name));
    MAL_TRY(mal_buf_put_u32(&duck->out, n));
    for (unsigned i = 0; i < n; i++) {
        MAL_TRY(mal_duck_name_put(&duck->out, columns[i].name));
        MAL_TRY(mal_buf_put_u32(&duck->out, columns[i].type));
    }
    return ask(duck);
}

mal_err mal_duck_table_put(mal_duck *duck, const char *name,
                           const mal_duck_batch *batch) {
    MAL_REQUIRE(batch->n > 0 && batch->n <= MAL_DUCK_COLUMNS_MAX, MAL_E_INPUT,
                "a batch has between 1 and %u columns", MAL_DUCK_COLUMNS_MAX);
    for (size_t from = 0; from < batch->rows;) {
        size_t rows = mal_duck_batch_fit(batch, from);
        MAL_TRY(begin(duck, DUCK_PUT));
        MAL_TRY(mal_duck_name_put(&duck->out, name));
        MAL_TRY(mal_duck_batch_put(&duck->out, batch, from, rows));
        MAL_TRY(ask(duck));
        from += rows;
    }
    return MAL_OK;
}

static mal_err put_sql(mal_buf *out, const char *sql) {
    MAL_REQUIRE(strnlen(sql, MAL_DUCK_SQL_MAX + 1) <= MAL_DUCK_SQL_MAX,
                MAL_E_LIMIT, "an SQL text is longer than %zu bytes",
                MAL_DUCK_SQL_MAX);
    return mal_buf_put_blob_str(out, sql);
}

mal_err mal_duck_run(mal_duck *duck, const char *sql) {
    MAL_TRY(begin(duck, DUCK_RUN));
    MAL_TRY(put_sql(&duck->out, sql));
    return ask(duck);
}

mal_err mal_duck_provoke(mal_duck *duck, const char *how) {
    MAL_TRY(begin(duck, DUCK_PROVOKE));
    MAL_TRY(mal_buf_put_blob_str(&duck->out, how));
    return ask(duck);
}

/* --- Scans ---------------------------------------------------------------- */

/* Ask for the next batch before looking at this one: both sides work at once.
 */
static mal_err ask_next(mal_duck *duck) {
    mal_buf_reset(&duck->out);
    MAL_TRY(mal_duck_frame_begin(&duck->out, DUCK_NEXT));
    MAL_TRY(mal_duck_send(duck, &duck->out));
    duck->asked = true;
    return MAL_OK;
}

mal_err mal_duck_scan_begin(mal_duck *duck, const char *sql,
                            const mal_duck_type *types, unsigned n,
                            uint64_t rows_max) {
    MAL_REQUIRE(n > 0 && n <= MAL_DUCK_COLUMNS_MAX, MAL_E_INPUT,
                "an answer has between 1 and %u columns", MAL_DUCK_COLUMNS_MAX);
    MAL_TRY(begin(duck, DUCK_SCAN));
    MAL_TRY(mal_buf_put_u32(&duck->out, n));
    for (unsigned i = 0; i < n; i++) {
        MAL_TRY(mal_buf_put_u32(&duck->out, types[i]));
        duck->types[i] = types[i];
    }
    MAL_TRY(mal_buf_put_u64(&duck->out, rows_max));
    MAL_TRY(put_sql(&duck->out, sql));
    MAL_TRY(ask(duck));
    duck->scanning = true;
    duck->n = n;
    duck->rows = 0;
    duck->rows_max = rows_max;
    return ask_next(duck);
}

/* The parent's own judgement of a batch: the types that were asked for, and no
 * more rows than were allowed. */
static mal_err check_batch(mal_duck *duck, mal_duck_batch *batch) {
    mal_bytes payload = mal_buf_view(&duck->front);

    MAL_TRY(mal_duck_batch_get(batch, duck->columns, payload));
    MAL_REQUIRE(batch->n == duck->n, MAL_E_PEER,
                "DuckDB's process answers %u columns, not %u", batch->n,
                duck->n);
    for (unsigned i = 0; i < batch->n; i++)
        MAL_REQUIRE(batch->columns[i].type == duck->types[i], MAL_E_PEER,
                    "column %u comes as %s, not %s", i + 1,
                    mal_duck_type_name(batch->columns[i].type),
                    mal_duck_type_name(duck->types[i]));
    duck->rows += batch->rows;
    MAL_REQUIRE(duck->rows <= duck->rows_max, MAL_E_PEER,
                "DuckDB's process sends more rows than it may");
    return MAL_OK;
}

mal_err mal_duck_scan_next(mal_duck *duck, mal_duck_batch *batch) {
    duck_kind kind;

    *batch = (mal_duck_batch){ 0 };
    MAL_REQUIRE(duck->scanning, MAL_E_STATE, "no scan of DuckDB is under way");
    if (!duck->asked)
        return MAL_OK; /* the end was reached */
    MAL_TRY(mal_duck_recv(duck, &kind));
    duck->asked = false;
    if (kind == DUCK_ERROR) {
        duck->scanning = false;
        return refused(duck);
    }
    if (kind != DUCK_BATCH)
        return out_of_turn(duck);
    mal_buf held = duck->front;
    duck->front = duck->in;
    duck->in = held;
    MAL_TRY(mal_duck_distrust(duck, check_batch(duck, batch)));
    if (batch->rows > 0)
        MAL_TRY(ask_next(duck));
    return MAL_OK;
}

mal_err mal_duck_scan_end(mal_duck *duck) {
    duck_kind kind;

    if (!duck->scanning)
        return MAL_OK;
    if (duck->asked)
        MAL_TRY(mal_duck_recv(duck, &kind)); /* the batch nobody wants */
    duck->asked = duck->scanning = false;
    MAL_TRY(begin(duck, DUCK_STOP));
    return ask(duck);
}

/* --- Whole answers -------------------------------------------------------- */

/* Columns that grow, batch by batch, until their size is known. */
typedef struct gather {
    size_t rows;
    unsigned n;
    struct {
        mal_buf data, text, null;
    } column[];
} gather;

static void gather_auto(gather **g) {
    if (!*g)
        return;
    for (unsigned i = 0; i < (*g)->n; i++) {
        mal_buf_clear(&(*g)->column[i].data);
        mal_buf_clear(&(*g)->column[i].text);
        mal_buf_clear(&(*g)->column[i].null);
    }
    mal_free(*g);
}

static mal_err gather_null(mal_buf *null, const uint8_t *mask, size_t before,
                           size_t rows) {
    if (!mask && null->len == 0)
        return MAL_OK; /* none so far */
    MAL_TRY(mal_buf_reserve(null, before + rows - null->len));
    memset(null->ptr + null->len, 0, before + rows - null->len);
    if (mask)
        memcpy(null->ptr + before, mask, rows);
    null->len = before + rows;
    return MAL_OK;
}

static mal_err gather_text(mal_buf *at, mal_buf *text, const mal_duck_column *c,
                           size_t rows) {
    size_t base = text->len;

    MAL_REQUIRE(base + c->text_at[rows] <= UINT32_MAX, MAL_E_LIMIT,
                "a text column is larger than 4 GiB");
    if (at->len == 0)
        MAL_TRY(mal_buf_put_u32(at, 0));
    for (size_t i = 1; i <= rows; i++)
        MAL_TRY(mal_buf_put_u32(at, (uint32_t)(base + c->text_at[i])));
    return mal_buf_put(text, mal_bytes_of(c->text, c->text_at[rows]));
}

static mal_err gather_add(gather *g, const mal_duck_batch *batch) {
    for (unsigned i = 0; i < g->n; i++) {
        const mal_duck_column *c = &batch->columns[i];
        mal_buf *data = &g->column[i].data;
        MAL_TRY(gather_null(&g->column[i].null, c->null, g->rows, batch->rows));
        if (c->type == MAL_DUCK_TEXT)
            MAL_TRY(gather_text(data, &g->column[i].text, c, batch->rows));
        else if (c->type == MAL_DUCK_ID)
            MAL_TRY(mal_buf_put(data, mal_bytes_of(c->id, batch->rows * 16)));
        else
            MAL_TRY(mal_buf_put(data, mal_bytes_of(c->i64, batch->rows * 8)));
    }
    g->rows += batch->rows;
    return MAL_OK;
}

static mal_err keep(const void **out, mal_arena *arena, const mal_buf *buf) {
    void *copy = mal_arena_alloc(arena, buf->len ? buf->len : 8);

    MAL_REQUIRE(copy, MAL_E_MEMORY, "no room for DuckDB's answer: %s",
                "raise the job's memory limit or ask for less");
    if (buf->len)
        memcpy(copy, buf->ptr, buf->len);
    *out = copy;
    return MAL_OK;
}

static mal_err gather_end(mal_duck_batch *out, gather *g, mal_arena *arena,
                          const mal_duck_type *types) {
    mal_duck_column *columns = mal_arena_calloc(arena, g->n, sizeof *columns);

    MAL_REQUIRE(columns, MAL_E_MEMORY, "no room for DuckDB's answer");
    for (unsigned i = 0; i < g->n; i++) {
        mal_duck_column *c = &columns[i];
        const void *data, *text = NULL, *null = NULL;
        MAL_TRY(keep(&data, arena, &g->column[i].data));
        if (g->column[i].null.len)
            MAL_TRY(keep(&null, arena, &g->column[i].null));
        if (types[i] == MAL_DUCK_TEXT)
            MAL_TRY(keep(&text, arena, &g->column[i].text));
        c->type = types[i];
        c->null = null;
        c->text = text;
        if (types[i] == MAL_DUCK_TEXT)
            c->text_at = data;
        else if (types[i] == MAL_DUCK_ID)
            c->id = data;
        else
            c->i64 = data;
    }
    *out = (mal_duck_batch){ .rows = g->rows, .n = g->n, .columns = columns };
    return MAL_OK;
}

mal_err mal_duck_query(mal_duck *duck, mal_duck_batch *result, mal_arena *arena,
                       const char *sql, const mal_duck_type *types, unsigned n,
                       uint64_t rows_max) {
    MAL_AUTO(gather_auto) gather *g = NULL;
    mal_duck_batch batch;

    *result = (mal_duck_batch){ 0 };
    MAL_TRY(mal_duck_scan_begin(duck, sql, types, n, rows_max));
    g = mal_calloc(1, sizeof *g + n * sizeof g->column[0]);
    mal_err err = g ? MAL_OK : MAL_E_MEMORY;
    if (g)
        g->n = n;
    do {
        if (err == MAL_OK)
            err = mal_duck_scan_next(duck, &batch);
        if (err == MAL_OK && batch.rows)
            err = gather_add(g, &batch);
    } while (err == MAL_OK && batch.rows);
    if (err == MAL_OK)
        err = gather_end(result, g, arena, types);
    if (err != MAL_OK && mal_duck_alive(duck)) {
        /* The trail of the failure is what the caller should read. */
        duck->kill_now = mal_duck_scan_end(duck) != MAL_OK;
    }
    MAL_TRY(err);
    return mal_duck_scan_end(duck);
}
