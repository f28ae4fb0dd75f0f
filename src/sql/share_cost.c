/* share_cost.c - what a plan on shares will cost: the plan itself, run on an
 * engine without parties and without rows. */
#include "train_impl.h"

static mal_err dry_part(mal_obl_table *out, mal_obl *o,
                        const mal_sql_part *part) {
    size_t n = part->rows_max ? (size_t)part->rows_max : 1;
    MAL_TRY(mal_obl_table_new(o, out, n, part->n_out, n));
    for (unsigned k = 0; k < part->n_out; k++) {
        const mal_obl_type *type = &part->out[k];
        if (type->opaque) {
            MAL_TRY(
                mal_obl_id_input(o, &out->columns[k], type, 0, NULL, NULL, n));
            continue;
        }
        MAL_TRY(
            mal_obl_column_input(o, &out->columns[k], type, 0, NULL, NULL, n));
        MAL_TRY(mal_obl_clamp(o, &out->columns[k]));
    }
    return MAL_OK;
}

/* Rows that are opened, or trained on. */
static mal_err dry_rows(const sql_cx *cx, mal_obl *o, const mal_sql_physical *p,
                        mal_obl_table *inputs) {
    MAL_AUTO(mal_obl_table_clear) mal_obl_table t = { 0 };
    sql_share_plan share;
    MAL_TRY(p->training ? sql_training_rows(cx, &share, p->plan)
                        : sql_share_plan_of(cx, &share, p->plan));
    MAL_TRY(sql_share_run(cx, &t, o, &share, inputs));
    if (p->training)
        sql_training_pay(o, p, &t);
    return MAL_OK;
}

/* What a noised count will say nobody knows: a quarter is assumed of what a
 * condition leaves of declared rows. */
#define LEFT_OF_ROWS 4u

static mal_err assume(void *ctx, uint64_t *rows, uint64_t rows_max,
                      mal_share3_words *count) {
    (void)ctx;
    (void)count;
    *rows = rows_max / LEFT_OF_ROWS + 1;
    return MAL_OK;
}

static mal_err dry_run(const sql_cx *cx, mal_obl *o, const mal_sql_physical *p,
                       mal_obl_table *inputs) {
    mal_share3_words cells = { 0 };
    for (unsigned i = 0; i < p->n_parts; i++)
        MAL_TRY(dry_part(&inputs[i], o, &p->parts[i]));
    if (p->training || p->n_aggs == 0)
        return dry_rows(cx, o, p, inputs);
    static const mal_sql_sizer assumed = { .size = assume };
    mal_err err = mal_sql_run_sized(&cells, o, p, inputs, &assumed);
    mal_share3_words_clear(&cells);
    return err;
}

mal_err mal_sql_share3_cost(mal_obl_cost *cost,
                            const mal_sql_physical *physical,
                            mal_share3_security security,
                            const mal_obl_rates *rates) {
    MAL_AUTO(mal_arena_auto)
    mal_arena *arena = mal_arena_new((size_t)256 << 20);
    sql_cx cx = { .arena = arena, .contract = physical->plan->contract };
    unsigned n = physical->n_parts;
    mal_obl *o = NULL;
    *cost = (mal_obl_cost){ 0 };
    MAL_REQUIRE(physical->shape == MAL_SQL_SHARE3, MAL_E_STATE,
                "a physical plan of another engine");
    mal_obl_table *inputs = mal_calloc(n ? n : 1, sizeof *inputs);
    mal_err err = arena && inputs
                      ? mal_obl_open_dry(&o, security, rates)
                      : mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    if (err == MAL_OK)
        err = dry_run(&cx, o, physical, inputs);
    if (err == MAL_OK)
        *cost = mal_obl_cost_so_far(o);
    for (unsigned i = 0; inputs && i < n; i++)
        mal_obl_table_clear(&inputs[i]);
    mal_free(inputs);
    mal_obl_close(&o);
    return err;
}
