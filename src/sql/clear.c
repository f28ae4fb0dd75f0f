/* clear.c - the whole plan in DuckDB: an owner's own data, and the oracle. */
#include "sql_impl.h"

#include <string.h>

static void copy_column(mal_sql_table *t, const mal_duck_column *from,
                        unsigned k, size_t rows) {
    for (size_t i = 0; i < rows; i++) {
        size_t at = i * t->n_columns + k;
        t->nulls[at] = from->null && from->null[i];
        if (t->nulls[at])
            continue;
        if (t->columns[k].kind == MAL_SQL_ID)
            memcpy(t->ids[at], from->id + 16 * i, 16);
        else
            t->values[at] = from->i64[i];
    }
}

static mal_err new_table(const sql_cx *cx, mal_sql_table *t, size_t rows) {
    size_t n = rows * t->n_columns;
    bool ids = false;
    for (unsigned k = 0; k < t->n_columns; k++)
        ids |= t->columns[k].kind == MAL_SQL_ID;
    t->n_rows = rows;
    MAL_TRY(sql_alloc(cx, &t->values, n, sizeof *t->values));
    MAL_TRY(sql_alloc(cx, &t->nulls, n, sizeof *t->nulls));
    if (ids)
        MAL_TRY(sql_alloc(cx, &t->ids, n, sizeof *t->ids));
    return MAL_OK;
}

mal_err mal_sql_run_clear(mal_sql_table *table, mal_arena *arena,
                          const mal_sql_plan *plan, mal_duck *duck,
                          uint64_t rows_max) {
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    sql_cx cx = { .arena = arena, .contract = plan->contract };
    mal_duck_type types[MAL_SQL_COLUMNS_MAX];
    mal_duck_batch batch = { 0 };
    const char *sql;
    *table = (mal_sql_table){ 0 };
    MAL_TRY(
        mal_sql_plan_columns(&table->columns, &table->n_columns, arena, plan));
    for (unsigned k = 0; k < table->n_columns; k++)
        types[k] =
            table->columns[k].kind == MAL_SQL_ID ? MAL_DUCK_ID : MAL_DUCK_I64;
    MAL_TRY(mal_sql_print_clear(&text, plan));
    MAL_TRY(mal_buf_cstr(&text, &sql));
    MAL_TRY(mal_duck_query(duck, &batch, arena, sql, types, table->n_columns,
                           rows_max));
    MAL_TRY(new_table(&cx, table, batch.rows));
    for (unsigned k = 0; k < table->n_columns; k++)
        copy_column(table, &batch.columns[k], k, batch.rows);
    return MAL_OK;
}
