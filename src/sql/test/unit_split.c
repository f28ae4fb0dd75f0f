/* The three shapes: parts, cells, bounds, and SQL without the user's bytes. */
#include "sql_test.h"

static const mal_sql_physical *split(mal_arena *arena, const char *text,
                                     bool counted) {
    const mal_policy_contract *contract = test_contract(arena);
    const mal_sql_split_options options = { .group_count = counted };
    const mal_sql_plan *plan;
    const mal_sql_physical *p;
    CHECK_OK(
        mal_sql_plan_from_text(&plan, arena, contract, mal_bytes_str(text)));
    CHECK_OK(mal_sql_split(&p, arena, plan, contract, &options));
    return p;
}

TEST(a_union_has_a_part_for_each_owner) {
    mal_arena *arena = test_arena();
    const mal_sql_physical *p = split(
        arena,
        "SELECT carrier, count(*), sum(distance) FROM (SELECT carrier, "
        "distance FROM ewr.flights UNION ALL SELECT carrier, distance FROM "
        "jfk.flights UNION ALL SELECT carrier, distance FROM lga.flights) f "
        "GROUP BY carrier",
        false);
    CHECK_EQ(p->shape, MAL_SQL_UNION);
    CHECK_EQ(p->n_parts, 3);
    CHECK_EQ(p->n_cells, 5); /* four values and other */
    CHECK_EQ(p->n_groups, 1);
    CHECK(p->groups[0].other && !p->groups[0].null);
    CHECK_EQ(p->n_aggs, 2);
    CHECK_EQ(p->aggs[0].kind, MAL_SQL_COUNT);
    CHECK_EQ(p->aggs[0].hi, 1);
    CHECK_EQ(p->aggs[0].abs_max, 600000);
    CHECK_EQ(p->aggs[1].kind, MAL_SQL_SUM);
    CHECK_EQ(p->aggs[1].lo, 0);
    CHECK_EQ(p->aggs[1].hi, 5000);
    CHECK_EQ(p->count_agg, 0);
    CHECK_EQ(p->rows_per_unit, 120); /* one aircraft may fly from all three */
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(p->parts[i].role, MAL_SQL_PART_CELLS);
        CHECK_EQ(p->parts[i].rows_max, 5);
        CHECK_EQ(p->parts[i].rows_per_unit, 40);
        CHECK_EQ(p->parts[i].n_tables, 1);
        CHECK_STR(p->parts[i].tables[0].name, "t0");
        CHECK_EQ(p->parts[i].tables[0].n_columns, 2);
    }
    CHECK(p->parts[0].owner != p->parts[1].owner);
}

TEST(a_join_has_a_payload_and_a_filter) {
    mal_arena *arena = test_arena();
    const mal_policy_contract *c = test_contract(arena);
    const mal_sql_physical *p =
        split(arena,
              "SELECT carrier, count(*), sum(distance) FROM jfk.flights f JOIN "
              "faa.planes p ON f.tailnum = p.tailnum WHERE p.year < 2000 AND "
              "f.month = 6 GROUP BY carrier",
              false);
    CHECK_EQ(p->shape, MAL_SQL_JOIN);
    CHECK_EQ(p->n_parts, 2);
    CHECK_EQ(p->parts[0].role, MAL_SQL_PART_PAYLOAD);
    CHECK_EQ(p->parts[1].role, MAL_SQL_PART_FILTER);
    CHECK_STR(c->parties[p->parts[0].owner].name, "jfk");
    CHECK_STR(c->parties[p->parts[1].owner].name, "faa");
    CHECK_EQ(p->rows_per_unit, 40);
    CHECK_EQ(p->parts[1].rows_max, 4000);
    CHECK_EQ(p->parts[0].tables[0].n_columns, 4);
    CHECK_EQ(p->parts[1].tables[0].n_columns, 2);
    CHECK_EQ(p->aggs[0].abs_max, 160000);
}

static mal_err match(const mal_sql_physical **p, mal_arena *arena,
                     const char *text) {
    const mal_policy_contract *contract = test_contract(arena);
    const mal_sql_split_options options = { .match = true };
    const mal_sql_plan *plan;
    CHECK_OK(
        mal_sql_plan_from_text(&plan, arena, contract, mal_bytes_str(text)));
    return mal_sql_split(p, arena, plan, contract, &options);
}

TEST(an_intersection_shows_the_rows_of_one_side) {
    mal_arena *arena = test_arena();
    const mal_sql_physical *p;
    CHECK_OK(match(&p, arena,
                   "SELECT tailnum, year + 1 AS next FROM faa.planes WHERE "
                   "maker = 'BOEING' AND tailnum IN (SELECT tailnum FROM "
                   "jfk.flights WHERE month = 6) ORDER BY engines DESC"));
    CHECK_EQ(p->shape, MAL_SQL_MATCH);
    CHECK_EQ(p->n_aggs, 0);
    CHECK_EQ(p->parts[0].role, MAL_SQL_PART_MATCH);
    CHECK_STR(test_contract(arena)->parties[p->parts[0].owner].name, "faa");
    CHECK_EQ(p->parts[0].rows_max, 4000);
    CHECK_EQ(p->parts[0].tables[0].n_columns, 4);
    CHECK_EQ(p->parts[1].role, MAL_SQL_PART_FILTER);
    CHECK_EQ(p->parts[1].rows_max, 200000);
    CHECK_EQ(p->parts[1].tables[0].n_columns, 2); /* its key, its condition */
    /* the answer's two columns, then the key; by what is not shown */
    CHECK_THAT(strstr(p->parts[0].sql, "SELECT q1.c0 AS c0, q1.c1 AS "
                                       "c1, q1.c2 AS c2 FROM") &&
                   strstr(p->parts[0].sql, "ORDER BY") &&
                   strstr(p->parts[0].sql, "c3 DESC"),
               "%s", p->parts[0].sql);
    CHECK(strstr(p->text, "shape match"));
}

TEST(an_intersection_shows_no_less_than_the_engine_tells) {
    mal_arena *arena = test_arena();
    const mal_sql_physical *p;
    static const struct {
        const char *text, *why;
    } bad[] = {
        { "SELECT year FROM faa.planes WHERE tailnum IN (SELECT tailnum FROM "
          "jfk.flights)",
          "select the one that is joined on" },
        { "SELECT tailnum FROM faa.planes WHERE tailnum IN (SELECT tailnum "
          "FROM jfk.flights) LIMIT 5",
          "LIMIT" },
        { "SELECT tailnum FROM faa.planes WHERE tailnum NOT IN (SELECT tailnum "
          "FROM faa.titles)",
          "would show rows" },
        { "SELECT p.tailnum, f.month FROM faa.planes p JOIN jfk.flights f ON "
          "p.tailnum = f.tailnum",
          "columns of both owners" },
        { "SELECT p.tailnum FROM faa.planes p JOIN jfk.flights f ON p.tailnum "
          "= f.tailnum",
          "more than once" },
        { "SELECT f.tailnum FROM faa.planes p JOIN jfk.flights f ON p.tailnum "
          "= f.tailnum WHERE p.engines > f.month",
          "both" },
        { "SELECT tailnum FROM faa.planes", "would show rows" },
        { "SELECT count(*) FROM faa.planes WHERE tailnum IN (SELECT tailnum "
          "FROM jfk.flights)",
          "would show rows" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_EQ(match(&p, arena, bad[i].text), MAL_E_UNSUPPORTED);
        CHECK_THAT(strstr(mal_err_message(), bad[i].why), "%s: %s", bad[i].text,
                   mal_err_message());
    }
}

TEST(either_side_may_pay) {
    mal_arena *arena = test_arena();
    const mal_policy_contract *c = test_contract(arena);
    const mal_sql_physical *p =
        split(arena,
              "SELECT f.month, count(*) FROM faa.planes p JOIN jfk.flights f "
              "ON f.tailnum = p.tailnum GROUP BY 1",
              false);
    CHECK_STR(c->parties[p->parts[0].owner].name, "jfk");
    p = split(arena,
              "SELECT count(*) FROM faa.planes p JOIN jfk.flights f ON "
              "f.tailnum = p.tailnum",
              false);
    CHECK_STR(c->parties[p->parts[0].owner].name, "jfk");
    CHECK_EQ(p->n_cells, 1);
}

TEST(one_owner_is_local_and_may_join_at_home) {
    mal_arena *arena = test_arena();
    const mal_sql_physical *p =
        split(arena,
              "SELECT t.state, p.year, count(*) FROM faa.planes p JOIN "
              "faa.titles t USING (tailnum) GROUP BY t.state, p.year",
              false);
    CHECK_EQ(p->shape, MAL_SQL_LOCAL);
    CHECK_EQ(p->n_parts, 1);
    CHECK_EQ(p->parts[0].n_tables, 2);
    CHECK_EQ(p->n_cells, 3 * (64 + 2)); /* other, and NULL of a nullable year */
    /* an aircraft has up to 9,000 owners; a person up to 9 aircraft */
    CHECK_EQ(p->rows_per_unit, 9000);
}

TEST(avg_is_a_sum_and_a_count_and_each_is_released_once) {
    mal_arena *arena = test_arena();
    const mal_sql_physical *p =
        split(arena,
              "SELECT avg(fare), sum(fare), avg(delay), count(delay), "
              "count(distance), count(*) FROM ewr.flights",
              true);
    CHECK_EQ(p->n_aggs, 4); /* sum fare, count(*), sum delay, count(delay) */
    CHECK_STR(p->aggs[0].label, "sum(ewr.flights.fare)");
    CHECK_STR(p->aggs[1].label, "count(*)");
    CHECK_STR(p->aggs[2].label, "sum(ewr.flights.delay)");
    CHECK_STR(p->aggs[3].label, "count(ewr.flights.delay)");
    CHECK_EQ(p->aggs[0].scale, 2);
    CHECK_EQ(p->aggs[2].lo, -60);
    CHECK_EQ(p->aggs[2].hi, 1440);
    CHECK_EQ(p->aggs[2].abs_max, 1440 * 200000ll);
    CHECK_EQ(p->count_agg, 1);
}

TEST(a_hidden_count_is_added_for_a_minimum_group) {
    mal_arena *arena = test_arena();
    const char *text = "SELECT sum(distance) FROM ewr.flights";
    CHECK_EQ(split(arena, text, false)->count_agg, -1);
    CHECK_EQ(split(arena, text, false)->n_aggs, 1);
    CHECK_EQ(split(arena, text, true)->count_agg, 1);
    CHECK_EQ(split(arena, text, true)->n_aggs, 2);
}

TEST(groups_may_be_computed_from_closed_domains) {
    mal_arena *arena = test_arena();
    const mal_sql_physical *p = split(
        arena,
        "SELECT CASE WHEN month < 7 THEN 1 ELSE 2 END, dest IS NULL, "
        "COALESCE(dest, 'ORD'), count(*) FROM ewr.flights GROUP BY 1, 2, 3",
        false);
    CHECK_EQ(p->groups[0].n, 2);
    CHECK_EQ(p->groups[1].n, 2);
    CHECK_EQ(p->groups[2].n, 4);
    CHECK_EQ(p->n_cells, 16);
    uint32_t digits[3];
    mal_sql_cell_digits(p, 13, digits);
    CHECK_EQ(digits[0], 1);
    CHECK_EQ(digits[1], 1);
    CHECK_EQ(digits[2], 1);
}

TEST(a_union_of_one_owner_adds_up_its_contributions) {
    mal_arena *arena = test_arena();
    const mal_sql_physical *p =
        split(arena,
              "SELECT count(*) FROM (SELECT month FROM ewr.flights UNION ALL "
              "SELECT month FROM ewr.flights) t",
              false);
    CHECK_EQ(p->shape, MAL_SQL_LOCAL);
    CHECK_EQ(p->rows_per_unit, 80);
}

TEST(no_byte_of_the_users_text_reaches_duckdb) {
    mal_arena *arena = test_arena();
    const mal_sql_physical *p =
        split(arena,
              "SELECT sum(zz.distance) AS \"evil; DROP\" FROM ewr.flights zz "
              "WHERE zz.carrier = 'x''); DROP TABLE t0; --' OR zz.carrier = "
              "'AA' OR zz.distance = 4711",
              false);
    CHECK(!strstr(p->parts[0].sql, "DROP"));
    CHECK(!strstr(p->parts[0].sql, "evil"));
    CHECK(!strstr(p->parts[0].sql, "zz"));
    CHECK(!strstr(p->parts[0].sql, "AA"));
    CHECK(!strstr(p->parts[0].sql, ";"));
    CHECK(!strstr(p->parts[0].sql, "'"));
    CHECK(!strstr(p->parts[0].sql, "--"));
    CHECK(strstr(p->parts[0].sql, "CAST(4711 AS BIGINT)"));
}

TEST(every_measure_is_clamped_where_it_is_read) {
    mal_arena *arena = test_arena();
    const mal_sql_physical *p =
        split(arena, "SELECT sum(delay) FROM ewr.flights", false);
    CHECK(
        strstr(p->parts[0].sql,
               "(CASE WHEN (q2.c0 < CAST(-60 AS BIGINT)) THEN CAST(-60 AS "
               "BIGINT) WHEN (q2.c0 > CAST(1440 AS BIGINT)) THEN CAST(1440 AS "
               "BIGINT) ELSE q2.c0 END)"));
}

TEST(the_split_is_a_function_of_the_plan) {
    mal_arena *arena = test_arena();
    const char *text = "SELECT month, avg(fare) FROM ewr.flights GROUP BY 1";
    const char *a = split(arena, text, true)->text;
    const char *b = split(arena, text, true)->text;
    CHECK_STR(a, b);
    CHECK(strncmp(a, "malus.physical/1\nplan sha256:", 29) == 0);
}

TEST_MAIN
