/* side.c - see side.h. */
#include "side.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- data ----------------------------------------------------------------- */

typedef struct loaded {
    mal_duck_column columns[64];
    int64_t *i64[64];
    uint8_t *id[64], *null[64];
    size_t n;
} loaded;

static mal_err read_field(loaded *l, const mal_policy_column *c, unsigned k,
                          const char *text) {
    if (strcmp(text, "\\N") == 0) {
        l->null[k][l->n] = 1;
        return MAL_OK;
    }
    if (c->role == MAL_POLICY_ID)
        return mal_hex_decode(l->id[k] + 16 * l->n, 16, text);
    l->i64[k][l->n] = strtoll(text, NULL, 10);
    return MAL_OK;
}

static mal_err load_lines(loaded *l, const mal_policy_dataset *d, FILE *file) {
    char line[4096];
    while (fgets(line, sizeof line, file)) {
        char *at = line;
        MAL_REQUIRE(l->n < d->rows_max, MAL_E_INPUT, "too many rows");
        line[strcspn(line, "\n")] = 0;
        for (unsigned k = 0; k < d->n_columns; k++) {
            char *field = strsep(&at, "\t");
            MAL_REQUIRE(field, MAL_E_INPUT, "too few fields in %s", d->name);
            MAL_TRY(read_field(l, &d->columns[k], k, field));
        }
        l->n++;
    }
    return MAL_OK;
}

mal_err side_load(side *s, const char *folder, unsigned dataset) {
    const mal_policy_dataset *d = &s->contract->datasets[dataset];
    loaded *l = mal_arena_alloc(s->arena, sizeof *l);
    char path[4096], name[32];
    for (unsigned k = 0; k < d->n_columns; k++) {
        bool id = d->columns[k].role == MAL_POLICY_ID;
        l->i64[k] = mal_arena_calloc(s->arena, d->rows_max, 8);
        l->id[k] = mal_arena_calloc(s->arena, d->rows_max, 16);
        l->null[k] = mal_arena_calloc(s->arena, d->rows_max, 1);
        l->columns[k] = (mal_duck_column){
            .name = mal_arena_printf(s->arena, "c%u", k),
            .type = id ? MAL_DUCK_ID : MAL_DUCK_I64,
            .i64 = l->i64[k],
            .id = l->id[k],
            .null = l->null[k],
        };
    }
    snprintf(path, sizeof path, "%s/%s", folder, d->name);
    snprintf(name, sizeof name, "d%u", dataset);
    FILE *file = fopen(path, "r");
    MAL_REQUIRE(file, MAL_E_IO, "cannot read %s", path);
    mal_err err = load_lines(l, d, file);
    fclose(file);
    MAL_TRY(err);
    mal_duck_batch batch = { l->n, d->n_columns, l->columns };
    MAL_TRY(mal_duck_table_create(s->duck, name, l->columns, d->n_columns));
    return mal_duck_table_put(s->duck, name, &batch);
}

/* --- running ------------------------------------------------------------- */

mal_err side_views(side *s, const mal_sql_part_table *tables, unsigned n) {
    for (unsigned i = 0; i < n; i++) {
        MAL_AUTO(mal_buf_clear) mal_buf sql = { 0 };
        const char *text;
        MAL_TRY(mal_buf_put_fmt(&sql, "CREATE OR REPLACE VIEW %s AS SELECT ",
                                tables[i].name));
        for (unsigned k = 0; k < tables[i].n_columns; k++)
            MAL_TRY(mal_buf_put_fmt(&sql, "%sc%u AS c%u", k ? ", " : "",
                                    tables[i].columns[k], k));
        if (tables[i].n_columns == 0)
            MAL_TRY(mal_buf_put_str(&sql, "CAST(0 AS BIGINT) AS c0"));
        MAL_TRY(mal_buf_put_fmt(&sql, " FROM d%u", tables[i].dataset));
        MAL_TRY(mal_buf_cstr(&sql, &text));
        MAL_TRY(mal_duck_run(s->duck, text));
    }
    return MAL_OK;
}

mal_err side_share_part(side *s, mal_duck_batch *out,
                        const mal_sql_part *part) {
    mal_duck_type types[MAL_SQL_COLUMNS_MAX] = { MAL_DUCK_I64 };
    for (unsigned k = 0; k < part->n_out; k++)
        types[k] = part->out[k].opaque ? MAL_DUCK_ID : MAL_DUCK_I64;
    MAL_TRY(side_views(s, part->tables, part->n_tables));
    return mal_duck_query(s->duck, out, s->arena, part->sql, types,
                          part->n_out ? part->n_out : 1, part->rows_max);
}

mal_err side_print(mal_buf *out, const mal_sql_table *t) {
    MAL_TRY(mal_buf_put_str(out, "@@ ok"));
    for (unsigned k = 0; k < t->n_columns; k++)
        MAL_TRY(mal_buf_put_fmt(out, " %d:%u", (int)t->columns[k].kind,
                                t->columns[k].scale));
    MAL_TRY(mal_buf_put_str(out, "\n"));
    for (size_t i = 0; i < t->n_rows; i++) {
        for (unsigned k = 0; k < t->n_columns; k++) {
            MAL_TRY(mal_buf_put_str(out, k ? "|" : ""));
            MAL_TRY(mal_sql_value_print(out, t, i, k));
        }
        MAL_TRY(mal_buf_put_str(out, "\n"));
    }
    return MAL_OK;
}
