/* wire.c - frames and batches, as both sides write and check them. */
#include "duck_impl.h"

#include <string.h>

#define X(name, value, text) [value] = text,
static const char *const type_names[] = { MAL_DUCK_TYPE_MAP(X) };
#undef X

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "batches are used where they lie: words are little-endian");

const char *mal_duck_type_name(mal_duck_type type) {
    return type >= MAL_DUCK_I64 && type <= MAL_DUCK_TEXT ? type_names[type]
                                                         : "unknown";
}

bool mal_duck_name_valid(const char *name) {
    size_t n = name ? strnlen(name, DUCK_NAME_MAX + 1) : 0;
    if (n == 0 || n > DUCK_NAME_MAX || (name[0] >= '0' && name[0] <= '9'))
        return false;
    for (size_t i = 0; i < n; i++) {
        char c = name[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
            return false;
    }
    return true;
}

mal_err mal_duck_frame_begin(mal_buf *out, duck_kind kind) {
    assert(out->len == 0);
    MAL_TRY(mal_buf_put_u32(out, DUCK_MAGIC));
    MAL_TRY(mal_buf_put_u32(out, kind));
    return mal_buf_put_u64(out, 0);
}

void mal_duck_frame_end(mal_buf *out) {
    assert(out->len >= DUCK_HEADER);
    mal_store_u64le(out->ptr + 8, out->len - DUCK_HEADER);
}

mal_err mal_duck_frame_header(duck_kind *kind, size_t *len,
                              const uint8_t header[16]) {
    uint32_t k = mal_load_u32le(header + 4);
    uint64_t n = mal_load_u64le(header + 8);

    MAL_REQUIRE(mal_load_u32le(header) == DUCK_MAGIC && k >= DUCK_HELLO &&
                    k < DUCK_KINDS && n <= DUCK_FRAME_MAX,
                MAL_E_PEER, "a frame from DuckDB's process is garbled");
    *kind = (duck_kind)k;
    *len = (size_t)n;
    return MAL_OK;
}

mal_err mal_duck_name_put(mal_buf *out, const char *name) {
    char field[64] = { 0 };

    MAL_REQUIRE(mal_duck_name_valid(name), MAL_E_INPUT,
                "a table or column is called [a-z_][a-z0-9_]*, at most 63");
    memcpy(field, name, strlen(name));
    return mal_buf_put(out, mal_bytes_of(field, sizeof field));
}

mal_err mal_duck_name_get(mal_rd *rd, char out[64]) {
    MAL_TRY(mal_rd_copy(rd, out, 64));
    MAL_REQUIRE(out[63] == 0 && mal_duck_name_valid(out), MAL_E_PEER,
                "a frame holds a malformed name");
    return MAL_OK;
}

static mal_err put_aligned(mal_buf *out, const void *ptr, size_t len) {
    static const uint8_t zero[8];
    MAL_TRY(mal_buf_put(out, mal_bytes_of(ptr, len)));
    return mal_buf_put(out, mal_bytes_of(zero, (0 - len) & 7));
}

static mal_err put_column(mal_buf *out, const mal_duck_column *c, size_t from,
                          size_t rows) {
    if (c->null)
        MAL_TRY(put_aligned(out, c->null + from, rows));
    switch (c->type) {
    case MAL_DUCK_I64:
    case MAL_DUCK_BOOL:
        return put_aligned(out, c->i64 + from, rows * 8);
    case MAL_DUCK_ID:
        return put_aligned(out, c->id + from * 16, rows * 16);
    case MAL_DUCK_TEXT:
        break;
    }
    uint32_t base = c->text_at[from];
    if (base == 0) {
        MAL_TRY(put_aligned(out, c->text_at + from, (rows + 1) * 4));
    } else {
        for (size_t i = 0; i <= rows; i++)
            MAL_TRY(mal_buf_put_u32(out, c->text_at[from + i] - base));
        if (rows % 2 == 0)
            MAL_TRY(mal_buf_put_u32(out, 0));
    }
    return put_aligned(out, c->text + base, c->text_at[from + rows] - base);
}

mal_err mal_duck_batch_put(mal_buf *out, const mal_duck_batch *batch,
                           size_t from, size_t rows) {
    assert(rows <= MAL_DUCK_BATCH_ROWS && batch->n <= MAL_DUCK_COLUMNS_MAX);
    MAL_TRY(mal_buf_put_u32(out, (uint32_t)rows));
    MAL_TRY(mal_buf_put_u32(out, batch->n));
    for (unsigned i = 0; i < batch->n; i++) {
        MAL_TRY(mal_buf_put_u32(out, batch->columns[i].type));
        MAL_TRY(mal_buf_put_u32(out, batch->columns[i].null != NULL));
    }
    for (unsigned i = 0; i < batch->n; i++)
        MAL_TRY(put_column(out, &batch->columns[i], from, rows));
    MAL_REQUIRE(out->len <= DUCK_FRAME_MAX, MAL_E_LIMIT,
                "a batch is larger than %zu bytes", DUCK_FRAME_MAX);
    return MAL_OK;
}

size_t mal_duck_batch_fit(const mal_duck_batch *batch, size_t from) {
    size_t rows = batch->rows - from;

    if (rows > MAL_DUCK_BATCH_ROWS)
        rows = MAL_DUCK_BATCH_ROWS;
    for (unsigned i = 0; i < batch->n; i++) {
        const mal_duck_column *c = &batch->columns[i];
        if (c->type != MAL_DUCK_TEXT)
            continue;
        size_t aim = DUCK_BATCH_AIM / batch->n;
        while (rows > 1 && c->text_at[from + rows] - c->text_at[from] > aim)
            rows = (rows + 1) / 2;
    }
    return rows;
}

static mal_err get_aligned(mal_rd *rd, mal_bytes *out, size_t len) {
    mal_bytes pad;
    MAL_TRY(mal_rd_raw(rd, out, len));
    return mal_rd_raw(rd, &pad, (0 - len) & 7);
}

/* The words were placed on 8-byte boundaries of an aligned payload. */
static const void *aligned(mal_bytes bytes) {
    assert(((uintptr_t)bytes.ptr & 7) == 0);
    return bytes.ptr;
}

static mal_err get_text(mal_duck_column *c, mal_rd *rd, size_t rows) {
    mal_bytes bytes;
    uint32_t bad = 0;

    MAL_TRY(get_aligned(rd, &bytes, (rows + 1) * 4));
    c->text_at = aligned(bytes);
    for (size_t i = 0; i < rows; i++)
        bad |= c->text_at[i] > c->text_at[i + 1];
    MAL_REQUIRE(!bad && c->text_at[0] == 0, MAL_E_PEER,
                "a batch's text offsets do not ascend");
    MAL_TRY(get_aligned(rd, &bytes, c->text_at[rows]));
    c->text = bytes.ptr;
    return MAL_OK;
}

/* NULL masks are 0 or 1, BOOLs are 0 or 1. */
static mal_err check_column(const mal_duck_column *c, size_t rows) {
    uint64_t bad = 0;

    if (c->null)
        for (size_t i = 0; i < rows; i++)
            bad |= c->null[i] > 1;
    if (c->type == MAL_DUCK_BOOL)
        for (size_t i = 0; i < rows; i++)
            bad |= (uint64_t)c->i64[i] > 1;
    MAL_REQUIRE(!bad, MAL_E_PEER, "a batch holds a flag that is not 0 or 1");
    return MAL_OK;
}

static mal_err get_column(mal_duck_column *c, mal_rd *rd, size_t rows,
                          bool nulls) {
    mal_bytes bytes;

    if (nulls) {
        MAL_TRY(get_aligned(rd, &bytes, rows));
        c->null = bytes.ptr;
    }
    if (c->type == MAL_DUCK_TEXT) {
        MAL_TRY(get_text(c, rd, rows));
    } else if (c->type == MAL_DUCK_ID) {
        MAL_TRY(get_aligned(rd, &bytes, rows * 16));
        c->id = bytes.ptr;
    } else {
        MAL_TRY(get_aligned(rd, &bytes, rows * 8));
        c->i64 = aligned(bytes);
    }
    return check_column(c, rows);
}

static mal_err batch_get(mal_duck_batch *batch, mal_duck_column *columns,
                         mal_rd *rd) {
    const uint8_t *head = rd->ptr;
    mal_bytes types;
    uint32_t rows, n;

    MAL_TRY(mal_rd_u32(rd, &rows));
    MAL_TRY(mal_rd_u32(rd, &n));
    MAL_REQUIRE(rows <= MAL_DUCK_BATCH_ROWS && n <= MAL_DUCK_COLUMNS_MAX,
                MAL_E_PEER, "a batch has too many rows or columns");
    MAL_TRY(mal_rd_raw(rd, &types, (size_t)n * 8));
    memset(columns, 0, n * sizeof *columns);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t type = mal_load_u32le(head + 8 + i * 8);
        uint32_t nulls = mal_load_u32le(head + 12 + i * 8);
        MAL_REQUIRE(type >= MAL_DUCK_I64 && type <= MAL_DUCK_TEXT && nulls <= 1,
                    MAL_E_PEER, "a batch has a column of no known type");
        columns[i].type = (mal_duck_type)type;
        MAL_TRY(get_column(&columns[i], rd, rows, nulls));
    }
    MAL_TRY(mal_rd_end(rd));
    *batch = (mal_duck_batch){ .rows = rows, .n = n, .columns = columns };
    return MAL_OK;
}

mal_err mal_duck_batch_get(mal_duck_batch *batch, mal_duck_column *columns,
                           mal_bytes payload) {
    mal_rd rd = mal_rd_of(payload);

    MAL_REQUIRE(batch_get(batch, columns, &rd) == MAL_OK, MAL_E_PEER,
                "a batch from DuckDB's process is malformed");
    return MAL_OK;
}
