/* engine.c - DuckDB itself: configured, locked, and kept to four types. */
#include "child.h"
#include "../duckdb_api.h"

#include <stdlib.h>
#include <string.h>

/* One column of the batch that is being filled. */
typedef struct column {
    mal_duck_type type;
    duckdb_type from;
    void *words;       /* int64 or 16-byte ids [MAL_DUCK_BATCH_ROWS] */
    uint32_t *text_at; /* [MAL_DUCK_BATCH_ROWS + 1] */
    mal_buf text;
    uint8_t *null; /* [MAL_DUCK_BATCH_ROWS] */
    bool nulls;    /* any in this batch */
} column;

struct child_engine {
    duckdb_database db;
    duckdb_connection conn;
    bool scanning, drained; /* drained: no chunk is left */
    duckdb_result result;
    duckdb_data_chunk chunk; /* the one being copied */
    idx_t at, size;          /* within it */
    uint64_t rows, rows_max;
    unsigned n;
    column columns[MAL_DUCK_COLUMNS_MAX];
};

const char *child_engine_version(void) {
    return duckdb_library_version();
}

/* DuckDB's text, with the class that its first words tell. */
static mal_err refuse(const char *text) {
    bool memory = text && (strstr(text, "Out of Memory") == text ||
                           strstr(text, "std::bad_alloc"));
    bool fatal = text && strstr(text, "FATAL") == text;
    mal_err err = memory ? MAL_E_LIMIT : fatal ? MAL_E_STATE : MAL_E_INPUT;
    MAL_FAIL(err, "%.1000s", text ? text : "refused without a reason");
}

mal_err child_engine_run(child_engine *e, const char *sql) {
    duckdb_result result;
    mal_err err = MAL_OK;

    if (duckdb_query(e->conn, sql, &result) != DuckDBSuccess)
        err = refuse(duckdb_result_error(&result));
    duckdb_destroy_result(&result);
    return err;
}

/* --- Opening ------------------------------------------------------------- */

/* In this order: what may be read, then nothing else, then no change of mind.
 */
mal_err child_engine_configure(child_engine *e, const child_options *o) {
    MAL_AUTO(mal_buf_clear) mal_buf sql = { 0 };
    const char *text;

    if (o->n_files) {
        MAL_TRY(mal_buf_put_str(&sql, "SET allowed_paths=["));
        for (unsigned i = 0; i < o->n_files; i++)
            MAL_TRY(mal_buf_put_fmt(&sql, "%s'/proc/self/fd/%u'", i ? "," : "",
                                    DUCK_FD_FILES + i));
        MAL_TRY(mal_buf_put_str(&sql, "];"));
    }
    MAL_TRY(mal_buf_put_fmt(&sql, "SET temp_directory='%s';",
                            o->temp_dir ? o->temp_dir : ""));
    if (o->temp_dir)
        MAL_TRY(mal_buf_put_fmt(&sql, "SET allowed_directories=['%s'];",
                                o->temp_dir));
    MAL_TRY(mal_buf_put_fmt(&sql,
                            "SET autoinstall_known_extensions=false;"
                            "SET autoload_known_extensions=false;"
                            "SET allow_community_extensions=false;"
                            "SET enable_progress_bar=false;"
                            "SET preserve_insertion_order=true;"
                            "SET default_null_order='nulls_last';"
                            "SET threads=%u; SET memory_limit='%lluB';"
                            "SET enable_external_access=false;"
                            "SET lock_configuration=true;",
                            o->threads, (unsigned long long)o->memory_max));
    MAL_TRY(mal_buf_cstr(&sql, &text));
    return child_engine_run(e, text);
}

mal_err child_engine_open(child_engine **out) {
    child_engine *e = mal_calloc(1, sizeof *e);
    duckdb_config config;
    char *error = NULL;

    MAL_REQUIRE(e, MAL_E_MEMORY, "out of memory");
    MAL_REQUIRE(duckdb_create_config(&config) == DuckDBSuccess &&
                    duckdb_set_config(config, "threads", "1") == DuckDBSuccess,
                MAL_E_STATE, "no configuration");
    if (duckdb_open_ext(NULL, &e->db, config, &error) != DuckDBSuccess)
        return refuse(error);
    duckdb_destroy_config(&config);
    MAL_REQUIRE(duckdb_connect(e->db, &e->conn) == DuckDBSuccess, MAL_E_STATE,
                "no connection");
    *out = e;
    return MAL_OK;
}

/* --- Putting ------------------------------------------------------------- */

static const duckdb_type db_types[] = {
    [MAL_DUCK_I64] = DUCKDB_TYPE_BIGINT,
    [MAL_DUCK_BOOL] = DUCKDB_TYPE_BOOLEAN,
    [MAL_DUCK_ID] = DUCKDB_TYPE_UUID,
    [MAL_DUCK_TEXT] = DUCKDB_TYPE_VARCHAR,
};

#define SIGN_BIT ((uint64_t)1 << 63)

/* A UUID is a big-endian number whose top bit DuckDB flips: signed order is
 * then the order of the bytes. */
static duckdb_hugeint id_in(const uint8_t *id) {
    return (duckdb_hugeint){
        .lower = mal_load_u64be(id + 8),
        .upper = (int64_t)(mal_load_u64be(id) ^ SIGN_BIT),
    };
}

static void id_out(uint8_t *id, duckdb_hugeint v) {
    mal_store_u64be(id, (uint64_t)v.upper ^ SIGN_BIT);
    mal_store_u64be(id + 8, v.lower);
}

static void fill_vector(duckdb_vector v, const mal_duck_column *c, size_t from,
                        size_t rows) {
    void *data = duckdb_vector_get_data(v);

    if (c->null)
        duckdb_vector_ensure_validity_writable(v);
    uint64_t *valid = duckdb_vector_get_validity(v);
    for (size_t i = 0; i < rows; i++) {
        size_t r = from + i;
        if (c->null && c->null[r])
            valid[i / 64] &= ~((uint64_t)1 << (i % 64));
        else if (c->type == MAL_DUCK_I64)
            ((int64_t *)data)[i] = c->i64[r];
        else if (c->type == MAL_DUCK_BOOL)
            ((bool *)data)[i] = c->i64[r] != 0;
        else if (c->type == MAL_DUCK_ID)
            ((duckdb_hugeint *)data)[i] = id_in(c->id + r * 16);
        else
            duckdb_vector_assign_string_element_len(
                v, i, (const char *)c->text + c->text_at[r],
                c->text_at[r + 1] - c->text_at[r]);
    }
}

static mal_err put_rows(duckdb_appender appender, duckdb_data_chunk chunk,
                        const mal_duck_batch *b) {
    size_t step = duckdb_vector_size();

    for (size_t from = 0; from < b->rows; from += step) {
        size_t rows = b->rows - from < step ? b->rows - from : step;
        duckdb_data_chunk_reset(chunk);
        for (unsigned i = 0; i < b->n; i++)
            fill_vector(duckdb_data_chunk_get_vector(chunk, i), &b->columns[i],
                        from, rows);
        duckdb_data_chunk_set_size(chunk, rows);
        if (duckdb_append_data_chunk(appender, chunk) != DuckDBSuccess)
            return refuse(duckdb_appender_error(appender));
    }
    if (duckdb_appender_close(appender) != DuckDBSuccess)
        return refuse(duckdb_appender_error(appender));
    return MAL_OK;
}

mal_err child_engine_put(child_engine *e, const char *table,
                         const mal_duck_batch *batch) {
    duckdb_logical_type types[MAL_DUCK_COLUMNS_MAX];
    duckdb_appender appender = NULL;
    mal_err err = MAL_OK;

    if (duckdb_appender_create(e->conn, NULL, table, &appender) !=
        DuckDBSuccess)
        err = refuse(duckdb_appender_error(appender));
    if (err == MAL_OK) {
        for (unsigned i = 0; i < batch->n; i++)
            types[i] =
                duckdb_create_logical_type(db_types[batch->columns[i].type]);
        duckdb_data_chunk chunk = duckdb_create_data_chunk(types, batch->n);
        err = chunk ? put_rows(appender, chunk, batch) : MAL_E_MEMORY;
        duckdb_destroy_data_chunk(&chunk);
        for (unsigned i = 0; i < batch->n; i++)
            duckdb_destroy_logical_type(&types[i]);
    }
    duckdb_appender_destroy(&appender);
    return err;
}

/* --- Scanning ------------------------------------------------------------ */

void child_engine_stop(child_engine *e) {
    if (e->chunk)
        duckdb_destroy_data_chunk(&e->chunk);
    if (e->scanning)
        duckdb_destroy_result(&e->result);
    e->chunk = NULL;
    e->scanning = e->drained = false;
    e->at = e->size = 0;
}

static bool type_fits(mal_duck_type want, duckdb_type have) {
    switch (want) {
    case MAL_DUCK_I64:
        return (have >= DUCKDB_TYPE_TINYINT && have <= DUCKDB_TYPE_UBIGINT) ||
               have == DUCKDB_TYPE_HUGEINT;
    case MAL_DUCK_BOOL:
        return have == DUCKDB_TYPE_BOOLEAN;
    case MAL_DUCK_ID:
        return have == DUCKDB_TYPE_UUID;
    case MAL_DUCK_TEXT:
        return have == DUCKDB_TYPE_VARCHAR;
    }
    return false;
}

static const char *type_name(duckdb_type type) {
    switch (type) {
    case DUCKDB_TYPE_FLOAT:
        return "FLOAT";
    case DUCKDB_TYPE_DOUBLE:
        return "DOUBLE";
    case DUCKDB_TYPE_DECIMAL:
        return "DECIMAL";
    case DUCKDB_TYPE_VARCHAR:
        return "VARCHAR";
    case DUCKDB_TYPE_BOOLEAN:
        return "BOOLEAN";
    case DUCKDB_TYPE_UUID:
        return "UUID";
    case DUCKDB_TYPE_BIGINT:
        return "BIGINT";
    default:
        return "of another type";
    }
}

/* Space for one batch, kept from scan to scan. */
static mal_err prepare_column(column *c, mal_duck_type type, duckdb_type from) {
    c->type = type;
    c->from = from;
    if (!c->null)
        c->null = mal_calloc(MAL_DUCK_BATCH_ROWS, 1);
    if (type == MAL_DUCK_TEXT && !c->text_at)
        c->text_at = mal_calloc(MAL_DUCK_BATCH_ROWS + 1, sizeof *c->text_at);
    if (type != MAL_DUCK_TEXT && !c->words)
        c->words = mal_calloc(MAL_DUCK_BATCH_ROWS, 16);
    MAL_REQUIRE(c->null && (c->text_at || c->words), MAL_E_MEMORY,
                "out of memory");
    return MAL_OK;
}

static mal_err check_types(child_engine *e, const mal_duck_type *types,
                           unsigned n) {
    idx_t have = duckdb_column_count(&e->result);

    MAL_REQUIRE(have == n, MAL_E_INPUT, "the answer has %u columns, not %u",
                (unsigned)have, n);
    for (unsigned i = 0; i < n; i++) {
        duckdb_type t = duckdb_column_type(&e->result, i);
        MAL_REQUIRE(type_fits(types[i], t), MAL_E_INPUT,
                    "column %u is %s, not %s", i + 1, type_name(t),
                    mal_duck_type_name(types[i]));
        MAL_TRY(prepare_column(&e->columns[i], types[i], t));
    }
    return MAL_OK;
}

/* Streamed: DuckDB computes a chunk when it is fetched. */
static mal_err execute(child_engine *e, const char *sql) {
    duckdb_prepared_statement statement = NULL;
    duckdb_pending_result pending = NULL;
    mal_err err = MAL_OK;

    if (duckdb_prepare(e->conn, sql, &statement) != DuckDBSuccess)
        err = refuse(duckdb_prepare_error(statement));
    else if (duckdb_pending_prepared_streaming(statement, &pending) !=
             DuckDBSuccess)
        err = refuse(duckdb_pending_error(pending));
    else {
        duckdb_state state = duckdb_execute_pending(pending, &e->result);
        e->scanning = true;
        if (state != DuckDBSuccess)
            err = refuse(duckdb_result_error(&e->result));
    }
    duckdb_destroy_pending(&pending);
    duckdb_destroy_prepare(&statement);
    return err;
}

mal_err child_engine_scan(child_engine *e, const char *sql,
                          const mal_duck_type *types, unsigned n,
                          uint64_t rows_max) {
    child_engine_stop(e);
    mal_err err = execute(e, sql);
    if (err == MAL_OK)
        err = check_types(e, types, n);
    if (err != MAL_OK) {
        child_engine_stop(e);
        return err;
    }
    e->n = n;
    e->rows = 0;
    e->rows_max = rows_max;
    return MAL_OK;
}

static bool is_null(const uint64_t *valid, idx_t i) {
    return valid && !((valid[i / 64] >> (i % 64)) & 1);
}

/* Rows [at, at + rows) of a chunk's integer column behind row `to`. */
#define COPY_INTS(ctype)                                                       \
    do {                                                                       \
        const ctype *in = data;                                                \
        for (idx_t i = 0; i < rows; i++)                                       \
            out[i] = (int64_t)in[at + i];                                      \
    } while (0)

static void copy_ints(int64_t *out, duckdb_type from, const void *data,
                      idx_t at, idx_t rows) {
    if (from == DUCKDB_TYPE_BIGINT)
        COPY_INTS(int64_t);
    else if (from == DUCKDB_TYPE_INTEGER)
        COPY_INTS(int32_t);
    else if (from == DUCKDB_TYPE_SMALLINT)
        COPY_INTS(int16_t);
    else if (from == DUCKDB_TYPE_TINYINT)
        COPY_INTS(int8_t);
    else if (from == DUCKDB_TYPE_UINTEGER)
        COPY_INTS(uint32_t);
    else if (from == DUCKDB_TYPE_USMALLINT)
        COPY_INTS(uint16_t);
    else
        COPY_INTS(uint8_t); /* UTINYINT, BOOLEAN */
}

/* The types whose values may lie outside int64. */
static mal_err copy_wide(int64_t *out, duckdb_type from, const void *data,
                         const uint64_t *valid, idx_t at, idx_t rows) {
    for (idx_t i = 0; i < rows; i++) {
        uint64_t low;
        bool fits;
        if (from == DUCKDB_TYPE_UBIGINT) {
            low = ((const uint64_t *)data)[at + i];
            fits = low <= INT64_MAX;
        } else {
            duckdb_hugeint v = ((const duckdb_hugeint *)data)[at + i];
            low = v.lower;
            fits = v.upper == ((int64_t)low < 0 ? -1 : 0);
        }
        out[i] = (int64_t)low;
        MAL_REQUIRE(fits || is_null(valid, at + i), MAL_E_LIMIT,
                    "a value lies outside the 64-bit integers");
    }
    return MAL_OK;
}

static mal_err copy_text(column *c, size_t to, const duckdb_string_t *in,
                         const uint64_t *valid, idx_t at, idx_t rows) {
    if (to == 0)
        mal_buf_reset(&c->text);
    for (idx_t i = 0; i < rows; i++) {
        const duckdb_string_t *s = &in[at + i];
        uint32_t len = is_null(valid, at + i) ? 0 : s->value.inlined.length;
        const char *text = len <= sizeof s->value.inlined.inlined
                               ? s->value.inlined.inlined
                               : s->value.pointer.ptr;
        MAL_REQUIRE(len <= DUCK_CELL_MAX, MAL_E_LIMIT,
                    "a text cell is larger than %zu bytes", DUCK_CELL_MAX);
        MAL_TRY(mal_buf_put(&c->text, mal_bytes_of(text, len)));
        c->text_at[to + i + 1] = (uint32_t)c->text.len;
    }
    return MAL_OK;
}

static mal_err copy_column(column *c, size_t to, duckdb_vector v, idx_t at,
                           idx_t rows) {
    const void *data = duckdb_vector_get_data(v);
    const uint64_t *valid = duckdb_vector_get_validity(v);
    int64_t *out = (int64_t *)c->words + to;

    for (idx_t i = 0; i < rows; i++) {
        c->null[to + i] = is_null(valid, at + i);
        c->nulls |= c->null[to + i];
    }
    if (c->type == MAL_DUCK_TEXT)
        return copy_text(c, to, data, valid, at, rows);
    if (c->type == MAL_DUCK_ID) {
        uint8_t *id = (uint8_t *)c->words + to * 16;
        for (idx_t i = 0; i < rows; i++)
            id_out(id + i * 16, ((const duckdb_hugeint *)data)[at + i]);
        for (idx_t i = 0; i < rows; i++)
            if (c->null[to + i])
                memset(id + i * 16, 0, 16);
        return MAL_OK;
    }
    if (c->from == DUCKDB_TYPE_HUGEINT || c->from == DUCKDB_TYPE_UBIGINT)
        MAL_TRY(copy_wide(out, c->from, data, valid, at, rows));
    else
        copy_ints(out, c->from, data, at, rows);
    for (idx_t i = 0; valid && i < rows; i++)
        out[i] = c->null[to + i] ? 0 : out[i]; /* NULL's value is zero */
    return MAL_OK;
}

/* The bytes of text that the batch holds. */
static size_t text_bytes(const child_engine *e) {
    size_t sum = 0;
    for (unsigned i = 0; i < e->n; i++)
        sum += e->columns[i].type == MAL_DUCK_TEXT ? e->columns[i].text.len : 0;
    return sum;
}

/* How many rows of the chunk may be copied at once: one by one where a column's
 * cells could be large, as a whole where they are not. */
static idx_t piece(child_engine *e, size_t filled) {
    idx_t rows = e->size - e->at;
    size_t text = 0;

    if (rows > MAL_DUCK_BATCH_ROWS - filled)
        rows = MAL_DUCK_BATCH_ROWS - filled;
    for (unsigned i = 0; i < e->n; i++) {
        if (e->columns[i].type != MAL_DUCK_TEXT)
            continue;
        const duckdb_string_t *s =
            duckdb_vector_get_data(duckdb_data_chunk_get_vector(e->chunk, i));
        const uint64_t *valid = duckdb_vector_get_validity(
            duckdb_data_chunk_get_vector(e->chunk, i));
        for (idx_t r = 0; r < rows; r++)
            if (!is_null(valid, e->at + r))
                text += s[e->at + r].value.inlined.length;
    }
    return text > DUCK_BATCH_AIM ? 1 : rows;
}

static mal_err next_chunk(child_engine *e) {
    if (e->chunk)
        duckdb_destroy_data_chunk(&e->chunk);
    e->chunk = duckdb_fetch_chunk(e->result);
    e->at = 0;
    e->size = e->chunk ? duckdb_data_chunk_get_size(e->chunk) : 0;
    e->drained = e->chunk == NULL; /* asking again would be an error */
    if (e->drained) {
        const char *error = duckdb_result_error(&e->result);
        if (error && *error)
            return refuse(error);
    }
    return MAL_OK;
}

static mal_err fill(child_engine *e, size_t *filled) {
    for (unsigned i = 0; i < e->n; i++) {
        e->columns[i].nulls = false;
        mal_buf_reset(&e->columns[i].text);
    }
    *filled = 0;
    while (*filled < MAL_DUCK_BATCH_ROWS && text_bytes(e) < DUCK_BATCH_AIM) {
        if (e->at == e->size) {
            if (!e->drained)
                MAL_TRY(next_chunk(e));
            if (e->drained)
                return MAL_OK;
            continue;
        }
        idx_t rows = piece(e, *filled);
        MAL_REQUIRE(e->rows + rows <= e->rows_max, MAL_E_LIMIT,
                    "the answer has more than %llu rows",
                    (unsigned long long)e->rows_max);
        for (unsigned i = 0; i < e->n; i++)
            MAL_TRY(copy_column(&e->columns[i], *filled,
                                duckdb_data_chunk_get_vector(e->chunk, i),
                                e->at, rows));
        e->at += rows;
        e->rows += rows;
        *filled += rows;
    }
    return MAL_OK;
}

static mal_err next(child_engine *e, mal_buf *frame) {
    mal_duck_column columns[MAL_DUCK_COLUMNS_MAX] = { 0 };
    mal_duck_batch batch = { .n = e->n, .columns = columns };

    MAL_TRY(fill(e, &batch.rows));
    for (unsigned i = 0; i < e->n; i++) {
        const column *c = &e->columns[i];
        columns[i] = (mal_duck_column){
            .type = c->type,
            .i64 = c->words,
            .id = c->words,
            .text = c->text.ptr,
            .text_at = c->text_at,
            .null = c->nulls ? c->null : NULL,
        };
    }
    return mal_duck_batch_put(frame, &batch, 0, batch.rows);
}

mal_err child_engine_next(child_engine *e, mal_buf *frame) {
    MAL_REQUIRE(e->scanning, MAL_E_STATE, "no scan is under way");
    mal_err err = next(e, frame);
    if (err != MAL_OK)
        child_engine_stop(e);
    return err;
}
