/* table.c - an answer as text, JSON and CSV. */
#include "sql_impl.h"

#include <inttypes.h>
#include <malus/json.h>
#include <string.h>

static const char *label_of(const mal_policy_column *domain, int64_t code) {
    if (code < 0 || code >= (int64_t)domain->n_codes)
        return "other";
    return domain->codes ? domain->codes[code] : NULL;
}

static mal_err put_id(mal_buf *out, const uint8_t id[16]) {
    char hex[33];
    mal_hex_encode(hex, mal_bytes_of(id, 16));
    return mal_buf_put_str(out, hex);
}

mal_err mal_sql_value_print(mal_buf *out, const mal_sql_table *table,
                            size_t row, unsigned column) {
    const mal_sql_table_column *c = &table->columns[column];
    size_t at = row * table->n_columns + column;
    int64_t v = table->values[at];
    if (table->nulls[at])
        return mal_buf_put_str(out, "NULL");
    switch (c->kind) {
    case MAL_SQL_BOOL:
        return mal_buf_put_str(out, v ? "true" : "false");
    case MAL_SQL_ID:
        return put_id(out, table->ids[at]);
    case MAL_SQL_CODE: {
        const char *label = label_of(c->domain, v);
        return label ? mal_buf_put_str(out, label)
                     : mal_buf_put_fmt(out, "%" PRId64, c->domain->lo + v);
    }
    default:
        return sql_put_decimal(out, v, c->scale);
    }
}

static uint64_t halfwidth(const mal_sql_table *t, size_t row, unsigned column) {
    return t->halfwidths ? t->halfwidths[row * t->n_columns + column]
                         : MAL_SQL_HALFWIDTH_NONE;
}

static mal_err put_halfwidth(mal_buf *out, const mal_sql_table *t, size_t row,
                             unsigned column) {
    uint64_t hw = halfwidth(t, row, column);
    if (hw > INT64_MAX)
        return MAL_OK;
    return sql_put_decimal(out, (int64_t)hw, t->columns[column].scale);
}

/* --- text ---------------------------------------------------------------- */

static bool is_number(const mal_sql_table_column *c) {
    return c->kind == MAL_SQL_INT ||
           (c->kind == MAL_SQL_CODE && sql_domain_is_range(c->domain));
}

/* What stands in a field: the value, and its half-width after a plus-minus. */
static mal_err put_field(mal_buf *out, const mal_sql_table *t, size_t row,
                         unsigned column) {
    size_t at = row * t->n_columns + column;
    mal_buf_reset(out);
    if (t->nulls[at] && t->suppressed && t->suppressed[row])
        return mal_buf_put_str(out, "(suppressed)");
    MAL_TRY(mal_sql_value_print(out, t, row, column));
    if (halfwidth(t, row, column) > INT64_MAX)
        return MAL_OK;
    MAL_TRY(mal_buf_put_str(out, " +- "));
    return put_halfwidth(out, t, row, column);
}

/* Columns of a terminal, near enough: UTF-8 characters. */
static size_t width_of(mal_bytes text) {
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++)
        n += (text.ptr[i] & 0xc0) != 0x80;
    return n;
}

static mal_err pad(mal_buf *out, mal_bytes text, size_t width, bool right) {
    size_t own = width_of(text), gap = width > own ? width - own : 0;
    if (right)
        MAL_TRY(mal_buf_put_fmt(out, "%*s", (int)gap, ""));
    MAL_TRY(mal_buf_put(out, text));
    if (!right)
        MAL_TRY(mal_buf_put_fmt(out, "%*s", (int)gap, ""));
    return MAL_OK;
}

static mal_err measure(const mal_sql_table *t, size_t *widths) {
    MAL_AUTO(mal_buf_clear) mal_buf field = { 0 };
    for (unsigned k = 0; k < t->n_columns; k++) {
        widths[k] = width_of(mal_bytes_str(t->columns[k].name));
        for (size_t i = 0; i < t->n_rows; i++) {
            MAL_TRY(put_field(&field, t, i, k));
            size_t own = width_of(mal_buf_view(&field));
            widths[k] = own > widths[k] ? own : widths[k];
        }
        widths[k] = widths[k] > 200 ? 200 : widths[k];
    }
    return MAL_OK;
}

static mal_err print_lines(mal_buf *out, const mal_sql_table *t,
                           const size_t *widths) {
    MAL_AUTO(mal_buf_clear) mal_buf field = { 0 };
    for (unsigned k = 0; k < t->n_columns; k++) {
        MAL_TRY(mal_buf_put_str(out, k ? " | " : " "));
        MAL_TRY(pad(out, mal_bytes_str(t->columns[k].name), widths[k], false));
    }
    MAL_TRY(mal_buf_put_str(out, "\n"));
    for (unsigned k = 0; k < t->n_columns; k++) {
        MAL_TRY(mal_buf_put_str(out, k ? "-+-" : "-"));
        for (size_t i = 0; i < widths[k]; i++)
            MAL_TRY(mal_buf_put_str(out, "-"));
    }
    MAL_TRY(mal_buf_put_str(out, "\n"));
    for (size_t i = 0; i < t->n_rows; i++) {
        for (unsigned k = 0; k < t->n_columns; k++) {
            MAL_TRY(put_field(&field, t, i, k));
            MAL_TRY(mal_buf_put_str(out, k ? " | " : " "));
            MAL_TRY(pad(out, mal_buf_view(&field), widths[k],
                        is_number(&t->columns[k])));
        }
        MAL_TRY(mal_buf_put_str(out, "\n"));
    }
    return MAL_OK;
}

mal_err mal_sql_table_print(mal_buf *out, const mal_sql_table *table) {
    size_t widths[MAL_SQL_COLUMNS_MAX];
    assert(table->n_columns <= MAL_SQL_COLUMNS_MAX);
    MAL_TRY(measure(table, widths));
    MAL_TRY(print_lines(out, table, widths));
    MAL_TRY(mal_buf_put_fmt(out, "(%zu row%s", table->n_rows,
                            table->n_rows == 1 ? "" : "s"));
    if (table->n_suppressed)
        MAL_TRY(mal_buf_put_fmt(out, "; %zu group%s below the minimum",
                                table->n_suppressed,
                                table->n_suppressed == 1 ? "" : "s"));
    return mal_buf_put_str(out, ")\n");
}

/* --- JSON ---------------------------------------------------------------- */

static const char *type_name(const mal_sql_table_column *c) {
    switch (c->kind) {
    case MAL_SQL_BOOL:
        return "bool";
    case MAL_SQL_ID:
        return "id";
    case MAL_SQL_CODE:
        return is_number(c) ? "range" : "dim";
    default:
        return c->scale ? "decimal" : "int";
    }
}

static mal_err json_columns(mal_json *root, const mal_sql_table *t) {
    mal_json *columns, *one;
    MAL_TRY(mal_json_put_array(root, "columns", &columns));
    for (unsigned k = 0; k < t->n_columns; k++) {
        MAL_TRY(mal_json_add_object(columns, &one));
        MAL_TRY(mal_json_put_str(one, "name", t->columns[k].name));
        MAL_TRY(mal_json_put_str(one, "type", type_name(&t->columns[k])));
        MAL_TRY(mal_json_put_int(one, "scale", t->columns[k].scale));
    }
    return MAL_OK;
}

/* Integers as numbers, decimals and labels as text. */
static mal_err json_value(mal_json *row, const mal_sql_table *t, size_t i,
                          unsigned k) {
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    const mal_sql_table_column *c = &t->columns[k];
    size_t at = i * t->n_columns + k;
    const char *cstr;
    if (t->nulls[at])
        return mal_json_add_null(row);
    if (c->kind == MAL_SQL_BOOL)
        return mal_json_add_bool(row, t->values[at] != 0);
    if (c->kind == MAL_SQL_INT && c->scale == 0)
        return mal_json_add_int(row, t->values[at]);
    if (c->kind == MAL_SQL_CODE && is_number(c) && t->values[at] >= 0 &&
        t->values[at] < (int64_t)c->domain->n_codes)
        return mal_json_add_int(row, c->domain->lo + t->values[at]);
    MAL_TRY(mal_sql_value_print(&text, t, i, k));
    MAL_TRY(mal_buf_cstr(&text, &cstr));
    return mal_json_add_str(row, cstr);
}

static mal_err json_halfwidth(mal_json *row, const mal_sql_table *t, size_t i,
                              unsigned k) {
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    uint64_t hw = halfwidth(t, i, k);
    const char *cstr;
    if (hw > INT64_MAX)
        return mal_json_add_null(row);
    if (t->columns[k].scale == 0)
        return mal_json_add_int(row, (int64_t)hw);
    MAL_TRY(put_halfwidth(&text, t, i, k));
    MAL_TRY(mal_buf_cstr(&text, &cstr));
    return mal_json_add_str(row, cstr);
}

static mal_err json_rows(mal_json *root, const mal_sql_table *t) {
    mal_json *rows, *widths, *suppressed, *row, *hw;
    MAL_TRY(mal_json_put_array(root, "rows", &rows));
    MAL_TRY(mal_json_put_array(root, "halfwidths", &widths));
    MAL_TRY(mal_json_put_array(root, "suppressed", &suppressed));
    for (size_t i = 0; i < t->n_rows; i++) {
        MAL_TRY(mal_json_add_array(rows, &row));
        MAL_TRY(mal_json_add_array(widths, &hw));
        MAL_TRY(
            mal_json_add_bool(suppressed, t->suppressed && t->suppressed[i]));
        for (unsigned k = 0; k < t->n_columns; k++) {
            MAL_TRY(json_value(row, t, i, k));
            MAL_TRY(json_halfwidth(hw, t, i, k));
        }
    }
    return mal_json_put_u64(root, "groups_suppressed", t->n_suppressed);
}

mal_err mal_sql_table_json(mal_buf *out, const mal_sql_table *table) {
    MAL_AUTO(mal_json_auto) mal_json *root = NULL;
    MAL_TRY(mal_json_new_object(&root));
    MAL_TRY(json_columns(root, table));
    MAL_TRY(json_rows(root, table));
    return mal_json_dump(out, root);
}

/* --- CSV (RFC 4180) ------------------------------------------------------ */

static mal_err csv_field(mal_buf *out, mal_bytes text) {
    bool plain = text.len > 0;
    for (size_t i = 0; i < text.len; i++)
        plain &= !strchr("\",\r\n", text.ptr[i]);
    if (plain)
        return mal_buf_put(out, text);
    MAL_TRY(mal_buf_put_str(out, "\""));
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"')
            MAL_TRY(mal_buf_put_str(out, "\""));
        MAL_TRY(mal_buf_put_u8(out, text.ptr[i]));
    }
    return mal_buf_put_str(out, "\"");
}

/* NULL is an empty field; an empty text is "". */
mal_err mal_sql_table_csv(mal_buf *out, const mal_sql_table *table) {
    MAL_AUTO(mal_buf_clear) mal_buf field = { 0 };
    for (unsigned k = 0; k < table->n_columns; k++) {
        MAL_TRY(mal_buf_put_str(out, k ? "," : ""));
        MAL_TRY(csv_field(out, mal_bytes_str(table->columns[k].name)));
    }
    MAL_TRY(mal_buf_put_str(out, "\r\n"));
    for (size_t i = 0; i < table->n_rows; i++) {
        for (unsigned k = 0; k < table->n_columns; k++) {
            MAL_TRY(mal_buf_put_str(out, k ? "," : ""));
            if (table->nulls[i * table->n_columns + k])
                continue;
            mal_buf_reset(&field);
            MAL_TRY(mal_sql_value_print(&field, table, i, k));
            MAL_TRY(csv_field(out, mal_buf_view(&field)));
        }
        MAL_TRY(mal_buf_put_str(out, "\r\n"));
    }
    return MAL_OK;
}
