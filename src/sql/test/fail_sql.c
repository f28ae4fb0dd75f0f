/* The n-th allocation fails, for every n: an error each time, and no leak. */
#include "sql_test.h"

#define TEXT                                                                   \
    "WITH one AS (SELECT month, tailnum, fare FROM jfk.flights WHERE dest IN " \
    "('ORD')) SELECT month, avg(fare), sum(CASE WHEN fare > 10.50 THEN 1 END)" \
    " FROM one JOIN faa.planes USING (tailnum) WHERE year > 1980 GROUP BY 1 "  \
    "HAVING count(*) > 3 ORDER BY 2 DESC LIMIT 5"
/* What runs on shares alone. */
#define DEEP                                                                   \
    "SELECT substring(carrier FROM 1 FOR 1), EXTRACT(YEAR FROM delay), "       \
    "avg(fare) FROM jfk.flights f LEFT JOIN faa.planes p ON f.tailnum = "      \
    "p.tailnum WHERE carrier LIKE 'A%' AND distance > (SELECT avg(distance) "  \
    "FROM jfk.flights g WHERE g.month = f.month) AND NOT EXISTS (SELECT 1 "    \
    "FROM ewr.flights e WHERE e.tailnum = f.tailnum AND e.distance <> "        \
    "f.distance) GROUP BY 1, 2 HAVING sum(fare) > (SELECT max(engines) FROM "  \
    "faa.planes) ORDER BY 3 LIMIT 7"

static mal_err everything(const mal_policy_contract *contract) {
    MAL_AUTO(mal_arena_auto)
    mal_arena *arena = mal_arena_new((size_t)64 << 20);
    MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
    const mal_sql_split_options options = { .group_count = true };
    const mal_sql_plan *plan;
    const mal_sql_physical *p;
    const mal_sql_part_table *tables;
    mal_policy_facts facts = { 0 };
    mal_sql_table table;
    unsigned n;
    if (!arena)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    MAL_TRY(
        mal_sql_plan_from_text(&plan, arena, contract, mal_bytes_str(TEXT)));
    MAL_TRY(mal_sql_plan_print(&out, plan));
    MAL_TRY(mal_sql_print_clear(&out, plan));
    MAL_TRY(mal_sql_plan_tables(&tables, &n, arena, plan));
    MAL_TRY(mal_sql_plan_facts(&facts, arena, plan));
    MAL_TRY(mal_sql_split(&p, arena, plan, contract, &options));
    MAL_TRY(mal_sql_physical_check(plan, contract, &options,
                                   mal_bytes_str(p->text)));
    int64_t *released = mal_arena_calloc(arena, p->n_aggs * p->n_cells, 8);
    if (!released)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    MAL_TRY(mal_sql_finish(&table, arena, p, released, NULL, NULL));
    MAL_TRY(mal_sql_table_print(&out, &table));
    MAL_TRY(mal_sql_table_csv(&out, &table));
    const mal_sql_split_options opened = { .share3 = true, .opened = true };
    MAL_TRY(
        mal_sql_plan_from_text(&plan, arena, contract, mal_bytes_str(DEEP)));
    MAL_TRY(mal_sql_plan_facts(&facts, arena, plan));
    MAL_TRY(mal_sql_split(&p, arena, plan, contract, &opened));
    mal_obl_cost cost;
    return mal_sql_share3_cost(&cost, p, MAL_SHARE3_SEMI_HONEST, NULL);
}

TEST(every_allocation_may_fail) {
    mal_arena *arena = test_arena();
    const mal_policy_contract *contract = test_contract(arena);
    uint64_t n = 1;
    CHECK_OK(everything(contract));
    for (mal_err err = MAL_E_MEMORY; err; n++) {
        mal_alloc_fail_at(n);
        err = everything(contract);
        mal_alloc_fail_at(0);
        CHECK_THAT(err == MAL_OK || err == MAL_E_MEMORY, "allocation %llu: %s",
                   (unsigned long long)n, mal_err_trail());
        CHECK(n < 100000);
    }
    printf("# %llu allocations\n", (unsigned long long)n - 2);
    CHECK(n > 10);
}

/* The arena's limit, too, is only an error. */
TEST(every_arena_may_be_too_small) {
    mal_arena *contracts = test_arena();
    const mal_policy_contract *contract = test_contract(contracts);
    unsigned worked = 0;
    for (size_t bytes = 4096; bytes < (size_t)8 << 20; bytes += bytes / 8) {
        MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(bytes);
        const mal_sql_plan *plan;
        const mal_sql_physical *p;
        mal_err err =
            mal_sql_plan_from_text(&plan, arena, contract, mal_bytes_str(TEXT));
        if (err == MAL_OK)
            err = mal_sql_split(&p, arena, plan, contract, NULL);
        CHECK_THAT(err == MAL_OK || err == MAL_E_MEMORY || err == MAL_E_LIMIT,
                   "%zu bytes: %s", bytes, mal_err_trail());
        worked += err == MAL_OK;
    }
    CHECK(worked > 0);
}

TEST_MAIN
