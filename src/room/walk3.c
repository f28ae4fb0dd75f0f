/* walk3.c - a released plan on shares: which tables its parts become, and what
 * is done with them.
 *
 *     one or several owners' rows      under their unit; no more of one than
 *                                      its bound; added up by cell
 *     one or several owners' cells     where every row is a unit; added up
 *     a join of two owners             rows (key, cell, addends) of the payload
 *                                      that have a partner among the filter's
 *                                      keys; added up by cell
 *
 * The parts are those of engines clear, sum and psi: what an owner can compute
 * alone it computes in the clear.  What they cannot run, and what rests shared,
 * sql walks on shares of rows.  The same walk with an engine without parties
 * tells what a run costs.
 */
#include "share3_impl.h"

#include <string.h>

#define COLLISION_BITS 40 /* keys of one job collide with 2^-40 at most */

static unsigned log2_up(uint64_t n) {
    return n < 2 ? 0 : 64 - (unsigned)__builtin_clzll(n - 1);
}

/* Rule 27: shorter keys of one job, H(job, pseudonym).  Of fewer than n^2 pairs
 * of different keys, those of one part and those of two that are joined, some
 * are equal with n^2 / 2^w <= 2^-40. */
static uint8_t key_bits(const mal_sql_physical *p) {
    uint64_t rows = 1;
    for (unsigned i = 0; i < p->n_parts; i++)
        rows = p->parts[i].rows_max > rows ? p->parts[i].rows_max : rows;
    unsigned w = COLLISION_BITS + 2 * log2_up(rows);
    return (uint8_t)(w < 128 ? w : 128);
}

static uint64_t least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/* Declared bounds: a part of cells has each at most once; of a join at most so
 * many keys, with each cell once. */
static uint64_t rows_of(const room_judged *j, const mal_sql_part *part) {
    const mal_sql_physical *p = j->physical;
    uint64_t rows = part->rows_max;
    if (part->apart)
        return rows ? rows : 1;
    if (part->role == MAL_SQL_PART_CELLS)
        rows = least(rows, p->n_cells);
    else if (part->role == MAL_SQL_PART_FILTER)
        rows = least(rows, j->keys_max[1]);
    else if (j->keys_max[0] <= UINT64_MAX / p->n_cells)
        rows = least(rows, j->keys_max[0] * p->n_cells);
    return rows ? rows : 1;
}

/* Of one row, or of all that an owner added up; a NULL adds 0. */
static mal_obl_type addend(const mal_sql_part *part, const mal_sql_agg *a) {
    int64_t most = (int64_t)a->abs_max;
    if (part->apart)
        return (mal_obl_type){ .lo = a->lo < 0 ? a->lo : 0,
                               .hi = a->hi > 0 ? a->hi : 0 };
    return (mal_obl_type){ .lo = a->lo < 0 ? -most : 0, .hi = most };
}

mal_err room_walk3_shape(room_shape *shape, mal_arena *arena,
                         const room_judged *j, unsigned i) {
    const mal_sql_physical *p = j->physical;
    const mal_sql_part *part = &p->parts[i];
    mal_obl_type *t =
        mal_arena_calloc(arena, p->n_aggs + part->n_out + 2u, sizeof *t);
    if (!t)
        return MAL_E_MEMORY;
    if (part->role == MAL_SQL_PART_ROWS) {
        *shape = (room_shape){ .rows = part->rows_max ? part->rows_max : 1,
                               .n_types = part->n_out,
                               .types = t };
        for (unsigned c = 0; c < part->n_out; c++)
            t[c] = part->out[c];
        return MAL_OK;
    }
    *shape = (room_shape){ .rows = rows_of(j, part), .types = t };
    if (part->role != MAL_SQL_PART_CELLS)
        t[shape->n_types++].opaque = key_bits(p);
    if (part->role == MAL_SQL_PART_FILTER)
        return MAL_OK;
    t[shape->n_types++].hi = (int64_t)p->n_cells - 1;
    for (unsigned a = 0; a < p->n_aggs; a++)
        t[shape->n_types++] = addend(part, &p->aggs[a]);
    return MAL_OK;
}

/* Only the low `bits` of 16 bytes, the first being the most significant. */
static void keep_low(uint8_t *key, unsigned bits) {
    memset(key, 0, (128 - bits) / 8);
    if (bits % 8)
        key[(128 - bits) / 8] &= (uint8_t)((1u << bits % 8) - 1);
}

mal_err room_walk3_keys(mal_duck_batch *rows, const room_shape *shape,
                        const room_job *job) {
    mal_prim_oracle oracle;
    uint8_t *keys;
    if (job->judged.physical->shape == MAL_SQL_SHARE3 ||
        rows->columns[0].type != MAL_DUCK_ID)
        return MAL_OK;
    keys = mal_arena_calloc(job->arena, rows->rows + 1, 16);
    if (!keys)
        return MAL_E_MEMORY;
    mal_prim_oracle_init(&oracle, "malus share3 job keys v1",
                         mal_bytes_of(job->id.b, 32));
    mal_prim_oracle_many(keys, rows->columns[0].id, 16, rows->rows, &oracle);
    for (size_t i = 0; i < rows->rows; i++)
        keep_low(keys + 16 * i, shape->types[0].opaque);
    rows->columns[0].id = keys;
    return room_rows_order(rows, 0, job->arena);
}

/* --- The walk ------------------------------------------------------------ */

static mal_err add_up(mal_obl *o, mal_share3_words *out,
                      const mal_sql_physical *p, mal_obl_table *table,
                      unsigned code) {
    mal_obl_agg aggs[MAL_SQL_AGGS_MAX];
    for (unsigned a = 0; a < p->n_aggs; a++)
        aggs[a] = (mal_obl_agg){ .kind = MAL_OBL_SUM, .column = code + 1 + a };
    return mal_obl_dense(o, out, table, code, p->n_cells, aggs, p->n_aggs);
}

/* Both owners sorted by key before they shared, which is checked: a merge does
 * what a sort would. */
static mal_err match(mal_obl *o, mal_obl_table *out, mal_obl_table *tables,
                     mal_obl_rank *ranks) {
    static const unsigned key = 0;
    mal_obl_join_options options = { .kind = MAL_OBL_SEMI,
                                     .n_keys = 1,
                                     .probe_rank = &ranks[0],
                                     .build_rank = &ranks[1] };
    for (unsigned i = 0; i < 2; i++)
        MAL_TRY(mal_obl_rank_sorted(o, &ranks[i], &tables[i], &key, 1));
    return mal_obl_join(o, out, &tables[0], &tables[1], &options);
}

/* Of one key, or one unit, no more rows than the contract lets there be. */
static mal_err bound(mal_obl *o, mal_obl_table *t, const mal_sql_part *part,
                     const mal_obl_rank *rank) {
    for (unsigned i = 0; i < part->n_bounds; i++)
        MAL_TRY(mal_obl_bound(o, t, part->bounds[i].column,
                              (size_t)part->bounds[i].rows_max, rank));
    return MAL_OK;
}

#define MATCHED 2 /* the stage behind the join */

static mal_err matched_now(mal_obl *o, mal_obl_table *out,
                           const mal_sql_part *payload, mal_obl_table *tables) {
    mal_obl_rank ranks[2] = { 0 };
    mal_err err = match(o, out, tables, ranks);
    if (err == MAL_OK)
        err = bound(o, out, payload, &ranks[0]);
    for (unsigned i = 0; i < 2; i++)
        mal_obl_rank_clear(&ranks[i]);
    return err;
}

static mal_err matched(mal_obl *o, mal_obl_table *out,
                       const mal_sql_part *payload, mal_obl_table *tables) {
    const mal_obl_stages *stages = mal_obl_stages_of(o);
    if (stages && stages->from == MATCHED)
        return stages->load(stages->ctx, out, 1);
    MAL_TRY(matched_now(o, out, payload, tables));
    return stages ? stages->done(stages->ctx, MATCHED, &out, 1) : MAL_OK;
}

static mal_err join(mal_obl *o, mal_share3_words *out,
                    const mal_sql_physical *p, mal_obl_table *tables) {
    mal_obl_table rows = { 0 };
    mal_err err = matched(o, &rows, &p->parts[0], tables);
    if (err == MAL_OK)
        err = add_up(o, out, p, &rows, 1);
    mal_obl_table_clear(&rows);
    return err;
}

/* Bounded, and without the column that said whose the rows are. */
static mal_err take_rows(mal_obl *o, mal_obl_table *t,
                         const mal_sql_part *part) {
    static const unsigned key = 0;
    MAL_AUTO(mal_obl_rank_clear) mal_obl_rank rank = { 0 };
    if (!part->apart)
        return MAL_OK;
    MAL_TRY(mal_obl_rank_sorted(o, &rank, t, &key, 1));
    MAL_TRY(bound(o, t, part, &rank));
    mal_obl_column_clear(&t->columns[0]);
    t->n_columns--;
    memmove(t->columns, t->columns + 1, t->n_columns * sizeof *t->columns);
    t->columns[t->n_columns] = (mal_obl_column){ 0 };
    return MAL_OK;
}

mal_err room_walk3_run(mal_obl *o, mal_share3_words *out,
                       const mal_sql_physical *p, mal_obl_table *tables,
                       const mal_sql_sizer *sizer) {
    mal_obl_table all = { 0 }, *list[MAL_PARTIES_MAX];
    if (p->shape == MAL_SQL_SHARE3)
        return mal_sql_run_sized(out, o, p, tables, sizer);
    for (unsigned i = 0; i < p->n_parts; i++)
        MAL_TRY(mal_obl_table_wake(o, &tables[i]));
    if (p->shape == MAL_SQL_JOIN)
        return join(o, out, p, tables);
    MAL_REQUIRE(p->n_parts <= MAL_PARTIES_MAX, MAL_E_LIMIT,
                "a union of %u tables", p->n_parts);
    for (unsigned i = 0; i < p->n_parts; i++) {
        MAL_TRY(take_rows(o, &tables[i], &p->parts[i]));
        list[i] = &tables[i];
    }
    if (p->n_parts == 1)
        return add_up(o, out, p, &tables[0], 0);
    mal_err err = mal_obl_union(o, &all, list, p->n_parts);
    if (err == MAL_OK)
        err = add_up(o, out, p, &all, 0);
    mal_obl_table_clear(&all);
    return err;
}

/* Rule 5: whatever an owner shared, no number leaves its declared range. */
mal_err room_walk3_clamp(mal_obl *o, mal_obl_table *table) {
    for (unsigned c = 0; c < table->n_columns; c++) {
        const mal_obl_type *t = &table->columns[c].type;
        unsigned width = mal_obl_width(t), value = width - (t->lo < 0);
        bool whole = value < 63 && t->hi == ((int64_t)1 << value) - 1 &&
                     (t->lo == 0 || t->lo == -((int64_t)1 << value));
        if (!t->opaque && !whole)
            MAL_TRY(mal_obl_clamp(o, &table->columns[c]));
    }
    return MAL_OK;
}

/* --- What it costs ------------------------------------------------------- */

static mal_err dry_table(mal_obl *o, mal_obl_table *t, const room_shape *s) {
    MAL_TRY(mal_obl_table_new(o, t, s->rows, s->n_types, 0));
    for (unsigned c = 0; c < s->n_types; c++)
        MAL_TRY(s->types[c].opaque
                    ? mal_obl_id_input(o, &t->columns[c], &s->types[c], 0, NULL,
                                       NULL, s->rows)
                    : mal_obl_column_input(o, &t->columns[c], &s->types[c], 0,
                                           NULL, NULL, s->rows));
    return room_walk3_clamp(o, t);
}

static mal_err dry_run(mal_obl *o, const room_judged *j, mal_arena *arena,
                       mal_obl_table *tables) {
    mal_share3_words out = { 0 };
    for (unsigned i = 0; i < j->physical->n_parts; i++) {
        room_shape shape;
        MAL_TRY(room_walk3_shape(&shape, arena, j, i));
        MAL_TRY(dry_table(o, &tables[i], &shape));
    }
    mal_err err = room_walk3_run(o, &out, j->physical, tables, NULL);
    mal_share3_words_clear(&out);
    MAL_TRY(err);
    return mal_obl_verdict(o);
}

static mal_err cost_of_plan(room_cost3 *cost, const room_judged *j,
                            const mal_obl_rates *rates) {
    mal_obl_cost c;
    uint64_t words = j->physical->n_cells * j->physical->n_aggs;
    MAL_TRY(mal_sql_share3_cost(&c, j->physical, room_security(j), rates));
    *cost = (room_cost3){ .rounds = c.rounds + 4,
                          .bytes = c.bytes + 8 * 4 * words,
                          .ns = c.ns };
    return MAL_OK;
}

mal_err room_walk3_cost(room_cost3 *cost, const room_judged *j,
                        const room_costs *costs) {
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(16 << 20);
    const unsigned n = j->physical->n_parts;
    const bool malicious = room_security(j) == MAL_SHARE3_MALICIOUS;
    const mal_obl_rates rates = costs->share3[malicious];
    if (j->physical->shape == MAL_SQL_SHARE3)
        return cost_of_plan(cost, j, &rates);
    mal_obl *o = NULL;
    mal_obl_table *tables = mal_calloc(n ? n : 1, sizeof *tables);
    mal_err err = arena && tables ? MAL_OK : MAL_E_MEMORY;
    if (err == MAL_OK)
        err = mal_obl_open_dry(&o, room_security(j), &rates);
    if (err == MAL_OK)
        err = dry_run(o, j, arena, tables);
    if (err == MAL_OK) {
        mal_obl_cost c = mal_obl_cost_so_far(o);
        uint64_t words = j->physical->n_cells * j->physical->n_aggs;
        *cost = (room_cost3){ .rounds = c.rounds + 4, /* noise, refresh */
                              .bytes = c.bytes + 8 * 4 * words,
                              .ns = c.ns };
    }
    for (unsigned i = 0; tables && i < n; i++)
        mal_obl_table_clear(&tables[i]);
    mal_free(tables);
    mal_obl_close(&o);
    return err;
}
