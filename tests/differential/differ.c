/* differ.c - the plan's side of the differential test.
 *
 *     differ ROOM DATA-FOLDER < queries > answers
 *
 * DATA-FOLDER/OWNER.TABLE holds one row a line, fields between tabs: integers,
 * codes, 32 hex digits of an identifier, or \N.  A line of input is "Q SELECT
 * .." (run in the clear), "S SELECT .." (also split, run part by part, added,
 * finished without noise and compared), "T SELECT .." (run on shares by three
 * threads instead), "M SELECT .." (so, malicious) "J SELECT .." (judged only)
 * or "C SELECT .." (in the clear, and compared with what its cells on shares
 * are finished to).  Each answer begins with
 * "@@".  DIFFER_PLAN=1 prints the physical plan of shares to stderr. */
#include "side.h"
#include "trio.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- running ------------------------------------------------------------- */

static mal_err run_clear(side *s, mal_sql_table *t, const mal_sql_plan *plan) {
    const mal_sql_part_table *tables;
    unsigned n;
    MAL_TRY(mal_sql_plan_tables(&tables, &n, s->arena, plan));
    MAL_TRY(side_views(s, tables, n));
    return mal_sql_run_clear(t, s->arena, plan, s->duck, 1000000);
}

static mal_err run_part(side *s, mal_duck_batch *out, const mal_sql_physical *p,
                        unsigned at) {
    const mal_sql_part *part = &p->parts[at];
    mal_duck_type types[MAL_SQL_AGGS_MAX + 2];
    unsigned n = 0;
    if (part->role != MAL_SQL_PART_CELLS)
        types[n++] = MAL_DUCK_ID;
    for (unsigned i = 0; part->role != MAL_SQL_PART_FILTER && i <= p->n_aggs;
         i++)
        types[n++] = MAL_DUCK_I64;
    MAL_TRY(side_views(s, part->tables, part->n_tables));
    return mal_duck_query(s->duck, out, s->arena, part->sql, types, n,
                          part->rows_max);
}

static bool passes(const mal_duck_batch *filter, const uint8_t *key) {
    for (size_t i = 0; i < filter->rows; i++)
        if (mal_compare_vartime(filter->columns[0].id + 16 * i, key, 16) == 0)
            return true;
    return false;
}

/* What an engine does, in the clear: add the cells. */
static mal_err add_parts(side *s, int64_t *cells, const mal_sql_physical *p) {
    for (unsigned i = 0; i < p->n_parts; i++) {
        mal_duck_batch rows, filter = { 0 };
        bool keyed = p->parts[i].role == MAL_SQL_PART_PAYLOAD;
        bool joined = keyed && p->shape == MAL_SQL_JOIN;
        if (p->parts[i].role == MAL_SQL_PART_FILTER)
            continue;
        MAL_TRY(run_part(s, &rows, p, i));
        if (joined)
            MAL_TRY(run_part(s, &filter, p, 1));
        for (size_t r = 0; r < rows.rows; r++) {
            if (joined && !passes(&filter, rows.columns[0].id + 16 * r))
                continue;
            uint64_t cell = (uint64_t)rows.columns[keyed].i64[r];
            MAL_REQUIRE(cell < p->n_cells, MAL_E_STATE, "no such cell");
            for (unsigned a = 0; a < p->n_aggs; a++)
                cells[a * p->n_cells + cell] +=
                    rows.columns[keyed + 1 + a].i64[r];
        }
    }
    return MAL_OK;
}

static bool same_row(const mal_sql_table *a, size_t i, const mal_sql_table *b,
                     size_t j) {
    for (unsigned k = 0; k < a->n_columns; k++) {
        size_t x = i * a->n_columns + k, y = j * b->n_columns + k;
        if (a->nulls[x] != b->nulls[y] ||
            (!a->nulls[x] && a->values[x] != b->values[y]))
            return false;
    }
    return true;
}

/* Groups without rows are answered by an engine and absent in the clear: with a
 * minimum of one row they are the suppressed ones. */
static mal_err check_cells(side *s, const mal_sql_table *clear,
                           const mal_sql_physical *p, const int64_t *cells) {
    const mal_sql_finish_options least = { .group_min = 1 };
    mal_sql_table t;
    size_t shown = 0;
    MAL_TRY(mal_sql_finish(&t, s->arena, p, cells, NULL, &least));
    for (size_t i = 0; i < t.n_rows; i++) {
        if (t.suppressed[i])
            continue;
        MAL_REQUIRE(shown < clear->n_rows && same_row(&t, i, clear, shown),
                    MAL_E_STATE, "SPLIT differs in row %zu of %s", shown,
                    p->text);
        shown++;
    }
    bool empty = p->n_groups == 0 && shown == 0; /* of no rows: suppressed */
    MAL_REQUIRE(shown == clear->n_rows || empty, MAL_E_STATE,
                "SPLIT shows %zu rows, not %zu: %s", shown, clear->n_rows,
                p->text);
    return MAL_OK;
}

/* Added up by their owners, or row by row, as share3 bounds them. */
static mal_err check_split(side *s, const mal_sql_table *clear,
                           const mal_sql_plan *plan, bool apart) {
    const mal_sql_split_options options = { .group_count = true,
                                            .apart = apart };
    const mal_sql_physical *p;
    mal_err err = mal_sql_split(&p, s->arena, plan, s->contract, &options);
    if (err == MAL_E_UNSUPPORTED && apart)
        return mal_err_forget(), MAL_OK;
    MAL_TRY(err);
    int64_t *cells =
        mal_arena_calloc(s->arena, p->n_cells * p->n_aggs, sizeof *cells);
    MAL_REQUIRE(cells, MAL_E_MEMORY, "no memory for the cells");
    MAL_TRY(add_parts(s, cells, p));
    return check_cells(s, clear, p, cells);
}

/* --- on shares -------------------------------------------------------------
 */

static mal_err run_share3(side *s, trio_answer *answer,
                          const mal_sql_physical **out,
                          const mal_sql_plan *plan, char letter) {
    mal_sql_split_options options = { .share3 = true,
                                      .opened = letter != 'C',
                                      .group_count = letter == 'C' };
    const mal_sql_physical *p;
    static unsigned turn; /* places where it shrinks take turns, and none */
    MAL_TRY(mal_sql_split(&p, s->arena, plan, s->contract, &options));
    options.shrink = turn++ % (p->n_places + 1);
    if (options.shrink)
        MAL_TRY(mal_sql_split(&p, s->arena, plan, s->contract, &options));
    MAL_TRY(mal_sql_physical_check(plan, s->contract, &options,
                                   mal_bytes_str(p->text)));
    mal_duck_batch *rows =
        mal_arena_calloc(s->arena, p->n_parts + 1, sizeof *rows);
    MAL_REQUIRE(rows, MAL_E_MEMORY, "no memory for the parts");
    for (unsigned i = 0; i < p->n_parts; i++)
        MAL_TRY(side_share_part(s, &rows[i], &p->parts[i]));
    mal_obl_cost cost;
    MAL_TRY(mal_sql_share3_cost(&cost, p, MAL_SHARE3_SEMI_HONEST, NULL));
    if (getenv("DIFFER_PLAN"))
        fprintf(stderr, "%s\n# %" PRIu64 " rounds, %" PRIu64 " bytes, %.3f s\n",
                p->text, cost.rounds, cost.bytes, cost.ns / 1e9);
    *out = p;
    return trio_run(answer, s->arena, p, rows,
                    letter == 'M' ? MAL_SHARE3_MALICIOUS
                                  : MAL_SHARE3_SEMI_HONEST);
}

/* Does a permit of the contract cover the plan, asked by the last party for
 * itself, for dpv:Research, on share3, released exactly? */
static mal_err judge(side *s, mal_buf *out, const mal_sql_plan *plan) {
    mal_policy_facts facts = { 0 };
    mal_policy_verdict verdict;
    MAL_TRY(mal_sql_plan_facts(&facts, s->arena, plan));
    facts.requester = facts.recipient = s->contract->n_parties - 1;
    facts.purpose = "dpv:Research";
    facts.engine = MAL_POLICY_ENGINE_SHARE3;
    facts.mode = MAL_POLICY_MODE_SEMI_HONEST;
    facts.release = MAL_POLICY_RELEASE_EXACT;
    facts.now = mal_time_unix();
    mal_policy_decide(&verdict, s->contract, &facts);
    MAL_REQUIRE(verdict.outcome == MAL_POLICY_ALLOW, MAL_E_DENIED, "%s",
                verdict.text);
    return mal_buf_put_str(out, "@@ ok\n");
}

static mal_err answer(side *s, mal_buf *out, const char *line) {
    const mal_sql_plan *plan;
    mal_sql_table t;
    MAL_TRY(mal_sql_plan_from_text(&plan, s->arena, s->contract,
                                   mal_bytes_str(line + 2)));
    trio_answer shared;
    const mal_sql_physical *p = NULL;
    if (line[0] == 'J')
        return judge(s, out, plan);
    if (line[0] != 'Q' && line[0] != 'S')
        MAL_TRY(run_share3(s, &shared, &p, plan, line[0]));
    if (line[0] == 'T' || line[0] == 'M')
        return side_print(out, &shared.table);
    MAL_TRY(run_clear(s, &t, plan));
    if (line[0] == 'S')
        for (unsigned apart = 0; apart < 2; apart++)
            MAL_TRY(check_split(s, &t, plan, apart));
    if (line[0] == 'C')
        MAL_TRY(check_cells(s, &t, p, shared.cells));
    return side_print(out, &t);
}

static mal_err run(side *s, const char *room, const char *folder) {
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    mal_policy_contract *contract;
    static char line[1 << 17];
    MAL_AUTO(mal_arena_auto)
    mal_arena *arena = mal_arena_new((size_t)256 << 20);
    MAL_TRY(mal_file_read(&text, room, 1 << 20));
    MAL_TRY(mal_policy_parse(&contract, arena, mal_buf_view(&text)));
    s->contract = contract;
    MAL_TRY(mal_duck_start(&s->duck, NULL));
    s->arena = arena;
    for (unsigned i = 0; i < contract->n_datasets; i++)
        MAL_TRY(side_load(s, folder, i));
    while (fgets(line, sizeof line, stdin)) {
        MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
        MAL_AUTO(mal_arena_auto)
        mal_arena *own = mal_arena_new((size_t)1 << 30);
        line[strcspn(line, "\n")] = 0;
        s->arena = own;
        mal_err err = answer(s, &out, line);
        if (err)
            printf("@@ %s %s\n", mal_err_name(err), mal_err_message());
        else
            fwrite(out.ptr, 1, out.len, stdout);
    }
    return MAL_OK;
}

int main(int argc, char **argv) {
    side s = { 0 };
    if (argc != 3) {
        fprintf(stderr, "differ ROOM DATA-FOLDER < queries\n");
        return 2;
    }
    mal_err err = run(&s, argv[1], argv[2]);
    if (err)
        fprintf(stderr, "differ: %s\n", mal_err_trail());
    mal_duck_stop(s.duck);
    return err != MAL_OK;
}
