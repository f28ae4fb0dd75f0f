/* Any text: bound, encoded, printed, split, checked, finished; never a crash,
 * and never a plan that its own printer or checker does not accept. */
#include <malus/sql.h>

#include <stdio.h>
#include <stdlib.h>

#include "../test/sql_test.h"

static void use(const mal_sql_plan *plan, mal_arena *arena,
                const mal_policy_contract *contract) {
    MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
    const mal_sql_split_options options = { .group_count = true };
    const mal_sql_finish_options least = { .group_min = 3 };
    const mal_sql_physical *p;
    mal_policy_facts facts = { 0 };
    mal_prim_hash hash;
    mal_sql_table table;
    mal_err err = mal_sql_plan_hash(&hash, plan);
    assert(err == MAL_OK);
    err = mal_sql_plan_print(&out, plan);
    assert(err == MAL_OK);
    err = mal_sql_print_clear(&out, plan);
    assert(err == MAL_OK || err == MAL_E_LIMIT);
    err = mal_sql_plan_facts(&facts, arena, plan);
    assert(err == MAL_OK || err == MAL_E_LIMIT);
    if (mal_sql_split(&p, arena, plan, contract, &options) != MAL_OK)
        return;
    err = mal_sql_physical_check(plan, contract, &options,
                                 mal_bytes_str(p->text));
    assert(err == MAL_OK);
    if (p->n_cells * p->n_aggs > 4096)
        return;
    int64_t *released =
        mal_arena_calloc(arena, p->n_cells * p->n_aggs, sizeof *released);
    assert(released);
    for (uint64_t i = 0; i < p->n_cells * p->n_aggs; i++)
        released[i] = (int64_t)(i * 0x9e3779b97f4a7c15u) >> (i % 60);
    err = mal_sql_finish(&table, arena, p, released, NULL, &least);
    assert(err == MAL_OK);
    err = mal_sql_table_print(&out, &table);
    assert(err == MAL_OK);
    err = mal_sql_table_csv(&out, &table);
    assert(err == MAL_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static mal_arena *contracts;
    static mal_policy_contract *contract;
    if (!contract) {
        contracts = mal_arena_new((size_t)64 << 20);
        if (mal_policy_parse(&contract, contracts, mal_bytes_str(ROOM)))
            abort();
    }
    MAL_AUTO(mal_arena_auto)
    mal_arena *arena = mal_arena_new((size_t)128 << 20);
    const mal_sql_plan *plan;
    if (mal_sql_plan_from_text(&plan, arena, contract,
                               mal_bytes_of(data, size)) == MAL_OK)
        use(plan, arena, contract);
    return 0;
}
