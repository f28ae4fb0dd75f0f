/* rows.c - what DuckDB calculates over our own tables for one part. */
#include "room_impl.h"

#include <string.h>

static uint32_t version_of(const room_job *job, const char *dataset) {
    for (unsigned i = 0; i < job->accept.n_datasets; i++)
        if (strcmp(job->accept.datasets[i].name, dataset) == 0)
            return job->accept.datasets[i].version;
    return 0;
}

/* count(*) alone needs rows, not columns. */
static mal_err row_column(mal_room *room, room_job *job, mal_duck_batch *batch,
                          const char *dataset) {
    mal_store_info info;
    MAL_TRY(mal_store_find(room->config.store, &info, job->arena,
                           room->contract->room_id, dataset,
                           version_of(job, dataset)));
    batch->rows = info.rows;
    batch->n = 1;
    batch->columns = mal_arena_calloc(job->arena, 1, sizeof *batch->columns);
    int64_t *zero = mal_arena_calloc(job->arena, info.rows + 1, sizeof *zero);
    if (!batch->columns || !zero)
        return MAL_E_MEMORY;
    batch->columns[0] = (mal_duck_column){ .type = MAL_DUCK_I64, .i64 = zero };
    return MAL_OK;
}

static mal_err load_table(mal_room *room, room_job *job, mal_duck *duck,
                          const mal_sql_part_table *t) {
    const mal_policy_dataset *d = &room->contract->datasets[t->dataset];
    const char *names[MAL_SQL_COLUMNS_MAX];
    mal_duck_batch batch = { 0 };
    for (unsigned i = 0; i < t->n_columns; i++)
        names[i] = d->columns[t->columns[i]].name;
    if (t->n_columns == 0)
        MAL_TRY(row_column(room, job, &batch, d->name));
    else
        MAL_TRY(mal_store_read(room->config.store, &batch, job->arena,
                               room->contract->room_id, d->name,
                               version_of(job, d->name), names, t->n_columns));
    for (unsigned i = 0; i < batch.n; i++) {
        char *name = mal_arena_printf(job->arena, "c%u", i);
        if (!name)
            return MAL_E_MEMORY;
        batch.columns[i].name = name;
    }
    MAL_TRY(mal_duck_table_create(duck, t->name, batch.columns, batch.n));
    return mal_duck_table_put(duck, t->name, &batch);
}

mal_err room_part_rows(mal_room *room, room_job *job, const mal_sql_part *part,
                       const mal_duck_type *types, unsigned n,
                       mal_duck_batch *rows) {
    mal_duck_options options = { .memory_max = room->config.memory_max,
                                 .threads = room->config.threads,
                                 .timeout_ms = room->config.step_ms };
    MAL_AUTO(mal_duck_auto) mal_duck *duck = NULL;
    MAL_TRY(mal_duck_start(&duck, &options));
    for (unsigned i = 0; i < part->n_tables; i++)
        MAL_TRY(load_table(room, job, duck, &part->tables[i]));
    return mal_duck_query(duck, rows, job->arena, part->sql, types, n,
                          part->rows_max);
}
