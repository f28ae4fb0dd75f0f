/* trio.c - see trio.h. */
#include "trio.h"

#include <string.h>

typedef struct party {
    unsigned me;
    mal_share3_options options;
    const mal_sql_physical *physical;
    const mal_duck_batch *rows;
    mal_arena *arena;
    mal_sql_table table;
    int64_t *cells;
} party;

/* The count and a little more: of a test, which has no noise. */
static mal_err size(void *ctx, uint64_t *rows, uint64_t rows_max,
                    mal_share3_words *count) {
    MAL_TRY(mal_share3_words_open(ctx, rows, count));
    MAL_REQUIRE(*rows <= rows_max, MAL_E_STATE, "more rows than there are");
    *rows += 1 + *rows % 3;
    return MAL_OK;
}

static mal_err run_inputs(party *p, mal_share3 *s, mal_obl *o,
                          mal_obl_table *inputs) {
    for (unsigned i = 0; i < p->physical->n_parts; i++) {
        const mal_sql_part *part = &p->physical->parts[i];
        unsigned seat = part->owner % 3;
        MAL_TRY(mal_sql_share3_input(&inputs[i], o, s, part, seat,
                                     seat == p->me ? &p->rows[i] : NULL));
    }
    if (p->physical->n_aggs == 0)
        return mal_sql_open_share3(&p->table, p->arena, p->physical, o, s,
                                   inputs);
    mal_share3_words cells = { 0 };
    const mal_sql_sizer sizer = { .size = size, .ctx = s };
    mal_err err = mal_sql_run_sized(&cells, o, p->physical, inputs, &sizer);
    if (err == MAL_OK)
        err = mal_obl_verdict(o);
    if (err == MAL_OK)
        err = mal_share3_words_open(s, (uint64_t *)p->cells, &cells);
    mal_share3_words_clear(&cells);
    return err;
}

static mal_err run_party(party *p, mal_mesh *mesh, mal_share3 **s,
                         mal_obl **o) {
    unsigned n = p->physical->n_parts;
    mal_obl_table *inputs = mal_calloc(n ? n : 1, sizeof *inputs);
    MAL_REQUIRE(inputs, MAL_E_MEMORY, "no memory for the inputs");
    mal_err err = mal_share3_open(s, mesh, &p->options);
    if (err == MAL_OK)
        err = mal_obl_open(o, *s);
    if (err == MAL_OK)
        err = run_inputs(p, *s, *o, inputs);
    for (unsigned i = 0; i < n; i++)
        mal_obl_table_clear(&inputs[i]);
    mal_free(inputs);
    return err;
}

static mal_err party_main(void *ctx, mal_mesh *mesh) {
    party *p = (party *)ctx + mesh->me;
    mal_share3 *s = NULL;
    mal_obl *o = NULL;
    mal_err err = run_party(p, mesh, &s, &o);
    mal_obl_close(&o);
    mal_share3_close(&s);
    return err;
}

static mal_err agree(const party *p) {
    size_t cells = p[0].table.n_rows * p[0].table.n_columns;
    size_t released = p[0].physical->n_aggs * p[0].physical->n_cells;
    for (unsigned i = 1; i < 3 && released; i++)
        MAL_REQUIRE(mal_compare_vartime(p[i].cells, p[0].cells,
                                        released * sizeof(int64_t)) == 0,
                    MAL_E_STATE, "share3: parties hold different cells");
    for (unsigned i = 1; i < 3 && !released; i++)
        MAL_REQUIRE(p[i].table.n_rows == p[0].table.n_rows &&
                        mal_compare_vartime(p[i].table.values,
                                            p[0].table.values,
                                            cells * sizeof(int64_t)) == 0,
                    MAL_E_STATE, "share3: parties hold different answers");
    return MAL_OK;
}

mal_err trio_run(trio_answer *answer, mal_arena *arena,
                 const mal_sql_physical *physical, const mal_duck_batch *rows,
                 mal_share3_security security) {
    static party p[3];
    mal_err err = MAL_OK;
    memset(p, 0, sizeof p);
    for (unsigned i = 0; i < 3; i++) {
        p[i].me = i;
        memset(p[i].options.session, 7, MAL_SHARE3_SESSION);
        p[i].options.security = security;
        p[i].physical = physical;
        p[i].rows = rows;
        p[i].arena = i ? mal_arena_new((size_t)1 << 30) : arena;
        if (!p[i].arena)
            return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
        p[i].cells = mal_arena_calloc(
            p[i].arena, physical->n_aggs * physical->n_cells + 1, 8);
        if (!p[i].cells)
            return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    }
    err = mal_mesh_run(3, 120000, party_main, p);
    if (err == MAL_OK)
        err = agree(p);
    answer->table = p[0].table;
    answer->cells = p[0].cells;
    mal_arena_free(p[1].arena);
    mal_arena_free(p[2].arena);
    return err;
}
