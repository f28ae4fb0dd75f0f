/* What parses and has no release yet is refused by name when it is split. */
#include "sql_test.h"

#define FP "FROM jfk.flights f JOIN faa.planes p ON f.tailnum = p.tailnum"

static void check_split(const char *text, mal_err wanted, const char *says) {
    mal_arena *arena = test_arena();
    const mal_policy_contract *contract = test_contract(arena);
    const mal_sql_plan *plan;
    const mal_sql_physical *physical;
    CHECK_OK(
        mal_sql_plan_from_text(&plan, arena, contract, mal_bytes_str(text)));
    mal_err err = mal_sql_split(&physical, arena, plan, contract, NULL);
    CHECK_THAT(err == wanted, "%s: %s (%s)", text, mal_err_name(err),
               mal_err_message());
    CHECK_THAT(strstr(mal_err_message(), says), "%s: \"%s\" lacks \"%s\"", text,
               mal_err_message(), says);
}
#define REFUSED(text, says) check_split(text, MAL_E_UNSUPPORTED, says)

TEST(rows_are_never_released) {
    REFUSED("SELECT distance FROM ewr.flights", "would show rows");
    REFUSED("SELECT month FROM ewr.flights WHERE carrier = 'AA' LIMIT 1",
            "would show rows");
    REFUSED("SELECT f.month " FP, "would show rows");
    REFUSED("SELECT 1 FROM ewr.flights", "would show rows");
}

TEST(aggregates_without_a_mechanism_are_not_released) {
    REFUSED("SELECT min(distance) FROM ewr.flights", "min: no mechanism");
    REFUSED("SELECT max(distance) FROM ewr.flights", "max: no mechanism");
    REFUSED("SELECT count(DISTINCT carrier) FROM ewr.flights",
            "count distinct: no mechanism");
    REFUSED("SELECT count(*) FROM ewr.flights HAVING max(distance) > 5",
            "max: no mechanism");
    REFUSED("SELECT month FROM ewr.flights GROUP BY month",
            "groups without an aggregate");
}

TEST(an_aggregate_that_feeds_an_operator_is_not_released) {
    REFUSED("SELECT sum(n) FROM (SELECT count(*) AS n FROM ewr.flights) t",
            "feeds another operator");
    REFUSED("SELECT count(*) FROM (SELECT tailnum, count(*) AS n FROM "
            "ewr.flights GROUP BY tailnum) t WHERE n > 3",
            "feeds another operator");
    REFUSED("SELECT count(*) FROM jfk.flights f JOIN (SELECT tailnum FROM "
            "faa.titles GROUP BY tailnum) t ON f.tailnum = t.tailnum",
            "feeds another operator");
    REFUSED("SELECT count(*) FROM (SELECT distance FROM ewr.flights ORDER BY "
            "distance LIMIT 5) t",
            "LIMIT inside a subquery");
    REFUSED("SELECT count(*) FROM (SELECT distance, rank() OVER (ORDER BY "
            "distance) AS place FROM ewr.flights) t WHERE place < 5",
            "a rank (OVER)");
    REFUSED("SELECT count(*) AS n FROM ewr.flights UNION ALL SELECT count(*) "
            "FROM jfk.flights",
            "UNION ALL at the top");
    REFUSED("SELECT a.n FROM (SELECT month AS m, count(*) AS n FROM "
            "ewr.flights GROUP BY month) a JOIN (SELECT month AS m, count(*) "
            "AS n FROM ewr.flights GROUP BY month) b ON a.m = b.m",
            "would show rows");
}

TEST(groups_without_a_closed_domain_are_not_released) {
    REFUSED("SELECT tailnum, count(*) FROM ewr.flights GROUP BY tailnum",
            "an identifier has no closed domain");
    REFUSED("SELECT distance * 1000, count(*) FROM ewr.flights GROUP BY 1",
            "no closed domain");
    check_split("SELECT count(*) FROM ewr.flights GROUP BY distance, delay",
                MAL_E_LIMIT, "groups; at most");
}

TEST(joins_that_psi_cannot_do_are_not_released) {
    REFUSED("SELECT p.maker, sum(f.distance) " FP " GROUP BY 1",
            "jfk and faa: psi cannot multiply");
    REFUSED("SELECT f.carrier, sum(p.engines) " FP " GROUP BY 1",
            "psi cannot multiply");
    REFUSED("SELECT sum(f.distance * p.engines) " FP, "psi cannot multiply");
    REFUSED("SELECT count(*) " FP " WHERE f.month > p.engines",
            "a condition over columns of both jfk and faa");
    REFUSED("SELECT t.state, count(*) FROM jfk.flights f JOIN faa.titles t "
            "USING (tailnum) GROUP BY 1",
            "jfk.flights.tailnum): psi needs");
    REFUSED("SELECT f.carrier, count(*) FROM jfk.flights f JOIN faa.titles t "
            "USING (tailnum) GROUP BY 1",
            "faa.titles.tailnum): psi needs");
    REFUSED("SELECT count(*) FROM jfk.flights f JOIN faa.planes p ON f.month = "
            "p.engines",
            "something else than an identifier");
    REFUSED("SELECT count(*) FROM jfk.flights f JOIN faa.planes p ON f.tailnum "
            "= p.tailnum AND f.month = p.engines",
            "more than one equality");
    REFUSED("SELECT count(*) FROM jfk.flights f JOIN faa.planes p ON f.tailnum "
            "= p.tailnum JOIN ewr.flights e ON e.tailnum = p.tailnum",
            "a join of 3 owners");
    REFUSED("SELECT count(*) FROM jfk.flights f JOIN faa.planes p ON f.tailnum "
            "= p.tailnum JOIN jfk.flights g ON g.tailnum = p.tailnum",
            "mixes two owners' tables");
    REFUSED("SELECT count(*) FROM (SELECT tailnum FROM jfk.flights UNION ALL "
            "SELECT tailnum FROM ewr.flights) f JOIN faa.planes p ON f.tailnum "
            "= p.tailnum",
            "a join of 3 owners");
    REFUSED("SELECT count(*) FROM (SELECT f.month " FP
            " UNION ALL SELECT month FROM ewr.flights) x",
            "a UNION ALL over joins");
}

TEST(a_join_that_multiplies_without_bound_is_not_released) {
    check_split("SELECT count(*) FROM jfk.flights a JOIN jfk.flights b ON "
                "a.month = b.month JOIN jfk.flights c ON b.month = c.month",
                MAL_E_LIMIT, "one privacy unit may touch");
}

TEST(a_plan_of_another_contract_is_refused) {
    mal_arena *arena = test_arena();
    const mal_policy_contract *contract = test_contract(arena);
    const mal_sql_plan *plan;
    const mal_sql_physical *physical;
    mal_policy_contract other = *contract;
    other.hash[0] ^= 1;
    CHECK_OK(mal_sql_plan_from_text(
        &plan, arena, contract,
        mal_bytes_str("SELECT count(*) FROM ewr.flights")));
    CHECK_ERR(mal_sql_split(&physical, arena, plan, &other, NULL), MAL_E_STATE);
}

TEST(a_physical_plan_that_a_peer_bent_is_found_out) {
    mal_arena *arena = test_arena();
    const mal_policy_contract *contract = test_contract(arena);
    const mal_sql_plan *plan;
    const mal_sql_physical *p;
    const mal_sql_split_options counted = { .group_count = true };
    CHECK_OK(mal_sql_plan_from_text(
        &plan, arena, contract,
        mal_bytes_str(
            "SELECT sum(distance) FROM ewr.flights WHERE month < 3")));
    CHECK_OK(mal_sql_split(&p, arena, plan, contract, NULL));
    size_t len = strlen(p->text);
    CHECK_OK(mal_sql_physical_check(plan, contract, NULL,
                                    mal_bytes_of(p->text, len)));
    CHECK_ERR(mal_sql_physical_check(plan, contract, NULL,
                                     mal_bytes_of(p->text, len - 1)),
              MAL_E_DENIED);
    CHECK_ERR(mal_sql_physical_check(plan, contract, &counted,
                                     mal_bytes_of(p->text, len)),
              MAL_E_DENIED);
    for (size_t i = 0; i < len; i++) {
        char *bent = mal_arena_strndup(arena, p->text, len);
        bent[i] ^= 1;
        CHECK_ERR(mal_sql_physical_check(plan, contract, NULL,
                                         mal_bytes_of(bent, len)),
                  MAL_E_DENIED);
    }
}

TEST(finish_refuses_a_minimum_group_without_a_count) {
    mal_arena *arena = test_arena();
    const mal_policy_contract *contract = test_contract(arena);
    const mal_sql_plan *plan;
    const mal_sql_physical *p;
    const mal_sql_finish_options ten = { .group_min = 10 };
    int64_t released[1] = { 5 };
    mal_sql_table table;
    CHECK_OK(mal_sql_plan_from_text(
        &plan, arena, contract,
        mal_bytes_str("SELECT sum(distance) FROM ewr.flights")));
    CHECK_OK(mal_sql_split(&p, arena, plan, contract, NULL));
    CHECK_EQ(p->count_agg, -1);
    CHECK_ERR(mal_sql_finish(&table, arena, p, released, NULL, &ten),
              MAL_E_STATE);
}

TEST_MAIN
