/* Text to plan: what is the same, what is not, and what policy is told. */
#include "sql_test.h"

#define DEMO                                                                   \
    "SELECT carrier, count(*), sum(distance) FROM (SELECT carrier, distance "  \
    "FROM ewr.flights UNION ALL SELECT carrier, distance FROM jfk.flights "    \
    "UNION ALL SELECT carrier, distance FROM lga.flights) f GROUP BY carrier"
#define JOIN                                                                   \
    "SELECT carrier, count(*), sum(distance) FROM jfk.flights f JOIN "         \
    "faa.planes p ON f.tailnum = p.tailnum WHERE p.year < 2000 GROUP BY "      \
    "carrier"

static void hash_of(mal_prim_hash *hash, mal_arena *arena,
                    const mal_policy_contract *contract, const char *text) {
    const mal_sql_plan *plan;
    mal_err err =
        mal_sql_plan_from_text(&plan, arena, contract, mal_bytes_str(text));
    CHECK_THAT(err == MAL_OK, "%s: %s", text, mal_err_message());
    CHECK_OK(mal_sql_plan_hash(hash, plan));
}

static bool same_plan(const char *a, const char *b) {
    mal_arena *arena = test_arena();
    const mal_policy_contract *contract = test_contract(arena);
    mal_prim_hash x, y;
    hash_of(&x, arena, contract, a);
    hash_of(&y, arena, contract, b);
    return memcmp(x.b, y.b, sizeof x.b) == 0;
}
#define SAME(a, b) CHECK_THAT(same_plan(a, b), "%s\n# is not %s", a, b)
#define OTHER(a, b) CHECK_THAT(!same_plan(a, b), "%s\n# is %s", a, b)

TEST(white_space_case_and_comments_mean_nothing) {
    SAME(JOIN, "select CARRIER,Count( * ),SUM(Distance)\nfrom JFK.Flights F -- "
               "here\n\tinner join faa.planes as P on (f.TailNum=p.tailnum) "
               "/* there */ where p.year<2000 group by carrier ;");
}

TEST(table_aliases_and_qualified_names_mean_nothing) {
    SAME(JOIN, "SELECT x.carrier, count(*), sum(x.distance) FROM jfk.flights x "
               "JOIN faa.planes ON x.tailnum = planes.tailnum WHERE "
               "faa.planes.year < 2000 GROUP BY x.carrier");
}

TEST(using_comma_and_on_are_one_join) {
    SAME(JOIN, "SELECT carrier, count(*), sum(distance) FROM jfk.flights JOIN "
               "faa.planes USING (tailnum) WHERE year < 2000 GROUP BY 1");
    SAME(JOIN, "SELECT carrier, count(*), sum(distance) FROM jfk.flights f, "
               "faa.planes p WHERE p.tailnum = f.tailnum AND p.year < 2000 "
               "GROUP BY carrier");
    SAME(JOIN, "SELECT carrier, count(*), sum(distance) FROM jfk.flights f "
               "JOIN faa.planes p ON p.tailnum = f.tailnum AND p.year < 2000 "
               "GROUP BY carrier");
}

TEST(idle_subqueries_and_ctes_mean_nothing) {
    SAME(DEMO, "WITH every (c, miles, m) AS (SELECT carrier, distance, month "
               "FROM ewr.flights UNION ALL SELECT carrier, distance, month "
               "FROM jfk.flights UNION ALL SELECT carrier, distance, month "
               "FROM lga.flights) SELECT c AS carrier, count(*), sum(miles) "
               "FROM (SELECT * FROM every ORDER BY m) x GROUP BY c");
}

TEST(one_meaning_written_twice_is_one_plan) {
#define Q(cond) "SELECT count(*) FROM ewr.flights WHERE " cond
    SAME(Q("month BETWEEN 2 AND 3"), Q("month >= 2 AND month <= 3"));
    SAME(Q("carrier IN ('UA', 'AA', 'UA')"), Q("carrier IN ('AA', 'UA')"));
    SAME(Q("carrier = 'AA'"), Q("'AA' = carrier"));
    SAME(Q("carrier IN ('AA')"), Q("carrier = 'AA'"));
    SAME(Q("NOT (carrier = 'AA')"), Q("carrier <> 'AA'"));
    SAME(Q("distance > 1 + 1"), Q("distance > 2"));
    SAME(Q("distance > -(-2)"), Q("distance > 2"));
    SAME(Q("month = 1 AND (carrier = 'AA' AND distance > 5)"),
         Q("(month = 1 AND carrier = 'AA') AND distance > 5"));
    SAME(Q("distance::bigint > 5"), Q("distance > 5"));
#undef Q
    SAME("SELECT count(distance) FROM ewr.flights",
         "SELECT count(*) FROM ewr.flights");
}

TEST(another_question_is_another_plan) {
    OTHER(JOIN, DEMO);
    OTHER("SELECT count(*) FROM ewr.flights",
          "SELECT count(*) FROM jfk.flights");
    OTHER("SELECT count(*) FROM ewr.flights WHERE month = 1",
          "SELECT count(*) FROM ewr.flights WHERE month = 2");
    OTHER("SELECT count(*) FROM ewr.flights WHERE carrier = 'AA'",
          "SELECT count(*) FROM ewr.flights WHERE carrier = 'UA'");
    OTHER("SELECT count(*) FROM ewr.flights",
          "SELECT count(*) AS n FROM ewr.flights"); /* the answer's name */
    OTHER("SELECT count(delay) FROM ewr.flights",
          "SELECT count(*) FROM ewr.flights");
    OTHER("SELECT sum(distance) FROM ewr.flights",
          "SELECT avg(distance) AS sum FROM ewr.flights");
    OTHER("SELECT month, count(*) FROM ewr.flights GROUP BY 1",
          "SELECT month, count(*) FROM ewr.flights GROUP BY 1 LIMIT 3");
    OTHER("SELECT month, count(*) FROM ewr.flights GROUP BY 1 ORDER BY 1",
          "SELECT month, count(*) FROM ewr.flights GROUP BY 1 ORDER BY 1 DESC");
}

TEST(the_hash_holds_the_contract) {
    mal_arena *arena = test_arena();
    mal_policy_contract *a, *b;
    mal_prim_hash x, y, again;
    MAL_AUTO(mal_buf_clear) mal_buf room = { 0 };
    CHECK_OK(mal_policy_parse(&a, arena, mal_bytes_str(ROOM)));
    CHECK_OK(mal_buf_put_str(&room, ROOM));
    char *year = strstr((char *)room.ptr, "2027-06-30");
    CHECK(year);
    year[3] = '8';
    CHECK_OK(mal_policy_parse(&b, arena, mal_buf_view(&room)));
    hash_of(&x, arena, a, DEMO);
    hash_of(&again, arena, a, DEMO);
    hash_of(&y, arena, b, DEMO);
    CHECK(memcmp(x.b, again.b, 32) == 0);
    CHECK(memcmp(x.b, y.b, 32) != 0);
}

TEST(the_tree_is_printed_for_people) {
    mal_arena *arena = test_arena();
    const mal_sql_plan *plan;
    MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
    const char *text;
    CHECK_OK(plan_of(&plan, arena, JOIN));
    CHECK_OK(mal_sql_plan_print(&out, plan));
    CHECK_OK(mal_buf_cstr(&out, &text));
    CHECK_STR(
        text,
        "answer carrier code of carrier (4 values), count int in 0 .. "
        "160000, sum int in 0 .. 800000000 null\n"
        "  sort by jfk.flights.carrier, #1, #2  [rows <= 5]\n"
        "    aggregate by #0 = jfk.flights.carrier; #1 = count(*), #2 = "
        "sum(jfk.flights.distance)  [rows <= 5]\n"
        "      filter (faa.planes.year < 2000)  [rows <= 160000]\n"
        "        join on jfk.flights.tailnum = faa.planes.tailnum  [rows "
        "<= 160000]\n"
        "          scan jfk.flights (tailnum id of tail null, carrier "
        "code of carrier (4 values), distance int in 0 .. 5000)  [rows <= "
        "200000]\n"
        "          scan faa.planes (tailnum id of tail, year code of year "
        "(64 values) null)  [rows <= 4000]\n");
}

TEST(a_subquery_is_a_join_however_it_is_written) {
#define S "SELECT count(*) FROM jfk.flights f WHERE "
    SAME(S "tailnum IN (SELECT tailnum FROM faa.planes WHERE engines = 2)",
         S "EXISTS (SELECT 1 FROM faa.planes p WHERE p.tailnum = f.tailnum AND "
           "engines = 2)");
    SAME(S "NOT EXISTS (SELECT * FROM faa.planes p WHERE f.tailnum = "
           "p.tailnum)",
         S "NOT (EXISTS (SELECT engines FROM faa.planes p WHERE p.tailnum = "
           "f.tailnum))");
    OTHER(S "tailnum IN (SELECT tailnum FROM faa.planes)",
          S "NOT EXISTS (SELECT 1 FROM faa.planes p WHERE p.tailnum = "
            "f.tailnum)");
    SAME("SELECT count(*) FROM jfk.flights f LEFT JOIN faa.planes p ON "
         "f.tailnum = p.tailnum WHERE p.engines IS NULL",
         "SELECT count(*) FROM faa.planes p RIGHT JOIN jfk.flights f ON "
         "p.tailnum = f.tailnum WHERE p.engines IS NULL");
    OTHER("SELECT count(engines) FROM jfk.flights f LEFT JOIN faa.planes p ON "
          "f.tailnum = p.tailnum",
          "SELECT count(engines) FROM jfk.flights f JOIN faa.planes p ON "
          "f.tailnum = p.tailnum");
#undef S
}

/* TPC-H's Q19 repeats its join in every branch. */
TEST(what_every_branch_of_or_repeats_joins) {
    SAME("SELECT count(*) FROM jfk.flights f, faa.planes p WHERE (p.tailnum = "
         "f.tailnum AND engines = 1 AND month = 2) OR (p.tailnum = f.tailnum "
         "AND engines = 2 AND month = 3)",
         "SELECT count(*) FROM jfk.flights f, faa.planes p WHERE p.tailnum = "
         "f.tailnum AND ((engines = 1 AND month = 2) OR (engines = 2 AND month "
         "= 3))");
}

TEST(dates_and_patterns_are_worked_out_when_the_plan_is_made) {
#define Q(cond) "SELECT count(*) FROM ewr.flights WHERE " cond
    SAME(Q("distance <= DATE '1970-12-31' - INTERVAL '90' DAY"),
         Q("distance <= 274"));
    SAME(Q("distance < DATE '1970-01-01' + INTERVAL '1' YEAR"),
         Q("distance < 365"));
    SAME(Q("carrier LIKE '%A'"), Q("carrier IN ('AA', 'UA')"));
    SAME(Q("carrier NOT LIKE 'B_'"), Q("carrier <> 'B6'"));
    OTHER(Q("substring(carrier FROM 1 FOR 1) = 'A'"), Q("carrier = 'AA'"));
    OTHER("SELECT substring(carrier FROM 1 FOR 1), count(*) FROM ewr.flights "
          "GROUP BY 1",
          "SELECT substring(carrier FROM 2 FOR 1), count(*) FROM ewr.flights "
          "GROUP BY 1");
#undef Q
}

TEST(a_subquery_that_aggregates_is_grouped_by_what_it_is_asked_with) {
    mal_arena *arena = test_arena();
    const mal_sql_plan *plan;
    MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
    const char *text;
    CHECK_OK(plan_of(&plan, arena,
                     "SELECT count(*) FROM jfk.flights f WHERE distance > "
                     "(SELECT avg(distance) FROM jfk.flights g WHERE g.month = "
                     "f.month)"));
    CHECK_OK(mal_sql_plan_print(&out, plan));
    CHECK_OK(mal_buf_cstr(&out, &text));
    CHECK_STR(
        text,
        "answer count int in 0 .. 200000\n"
        "  sort by #0  [rows <= 1]\n"
        "    aggregate all rows; #0 = count(*)  [rows <= 1]\n"
        "      filter (decimal(jfk.flights.distance, 6) > #3)  [rows <= "
        "200000]\n"
        "        left join on jfk.flights.month = #0  [rows <= 200000]\n"
        "          scan jfk.flights (month code of month (12 values), distance "
        "int in 0 .. 5000)  [rows <= 200000]\n"
        "          aggregate by #0 = jfk.flights.month; #1 = "
        "avg(jfk.flights.distance)  [rows <= 13]\n"
        "            scan jfk.flights (month code of month (12 values), "
        "distance int in 0 .. 5000)  [rows <= 200000]\n");
}

/* --- facts ---------------------------------------------------------------- */

static mal_policy_facts facts_of(mal_arena *arena,
                                 const mal_policy_contract *contract,
                                 const char *text) {
    const mal_sql_plan *plan;
    mal_policy_facts facts = { 0 };
    CHECK_OK(
        mal_sql_plan_from_text(&plan, arena, contract, mal_bytes_str(text)));
    CHECK_OK(mal_sql_plan_facts(&facts, arena, plan));
    return facts;
}

static uint32_t how(const mal_policy_contract *contract,
                    const mal_policy_facts *facts, const char *dataset,
                    const char *column) {
    uint32_t d = mal_policy_dataset_find(contract, dataset);
    uint32_t c = mal_policy_column_find(&contract->datasets[d], column);
    CHECK(d != MAL_POLICY_NONE && c != MAL_POLICY_NONE);
    for (uint32_t i = 0; i < facts->n_uses; i++)
        if (facts->uses[i].dataset == d && facts->uses[i].column == c)
            return facts->uses[i].how;
    return 0;
}
#define HOW(column) how(contract, &f, "jfk.flights", column)

TEST(facts_name_every_use_and_nothing_else) {
    mal_arena *arena = test_arena();
    const mal_policy_contract *contract = test_contract(arena);
    mal_policy_facts f = facts_of(arena, contract, JOIN);
    CHECK_EQ(f.n_datasets, 2);
    CHECK_EQ(f.n_uses, 5);
    CHECK_EQ(f.n_joins, 1);
    CHECK_EQ(f.operations, MAL_POLICY_OP_COUNT | MAL_POLICY_OP_SUM);
    CHECK_EQ(f.rows_max, 5);
    CHECK_EQ(f.groups, 5);
    CHECK_EQ(HOW("carrier"), MAL_POLICY_USE_GROUP);
    CHECK_EQ(HOW("distance"), MAL_POLICY_USE_SUM);
    CHECK_EQ(HOW("tailnum"), MAL_POLICY_USE_JOIN);
    CHECK_EQ(how(contract, &f, "faa.planes", "year"), MAL_POLICY_USE_FILTER);
    CHECK(!f.having && !f.order);
}

TEST(what_only_decides_is_a_filter) {
    mal_arena *arena = test_arena();
    const mal_policy_contract *contract = test_contract(arena);
    mal_policy_facts f = facts_of(
        arena, contract,
        "SELECT sum(CASE WHEN month = 1 AND delay IS NULL THEN distance ELSE "
        "NULLIF(fare, 5) END), avg(distance), count(dest) FROM jfk.flights "
        "WHERE carrier IN ('AA')");
    CHECK_EQ(HOW("month"), MAL_POLICY_USE_FILTER);
    CHECK_EQ(HOW("delay"), MAL_POLICY_USE_FILTER);
    CHECK_EQ(HOW("carrier"), MAL_POLICY_USE_FILTER);
    CHECK_EQ(HOW("distance"), MAL_POLICY_USE_SUM | MAL_POLICY_USE_AVG);
    CHECK_EQ(HOW("fare"), MAL_POLICY_USE_SUM | MAL_POLICY_USE_FILTER);
    CHECK_EQ(HOW("dest"), MAL_POLICY_USE_COUNT);
}

TEST(a_condition_that_labels_a_group_is_grouped) {
    mal_arena *arena = test_arena();
    const mal_policy_contract *contract = test_contract(arena);
    mal_policy_facts f =
        facts_of(arena, contract,
                 "SELECT CASE WHEN delay > 10 THEN 1 ELSE 0 END, count(*) FROM "
                 "jfk.flights GROUP BY 1");
    CHECK_EQ(HOW("delay"), MAL_POLICY_USE_FILTER | MAL_POLICY_USE_GROUP);
    CHECK_EQ(f.groups, 2);
}

TEST(a_rank_tells_of_the_columns_that_it_orders_by) {
    mal_arena *arena = test_arena();
    const mal_policy_contract *contract = test_contract(arena);
    mal_policy_facts f = facts_of(
        arena, contract,
        "SELECT distance, rank() OVER (PARTITION BY month ORDER BY fare DESC) "
        "AS place FROM jfk.flights");
    CHECK_EQ(HOW("fare"), MAL_POLICY_USE_OUTPUT | MAL_POLICY_USE_ORDER);
    CHECK_EQ(HOW("month"), MAL_POLICY_USE_OUTPUT | MAL_POLICY_USE_ORDER);
    f = facts_of(arena, contract,
                 "SELECT distance FROM (SELECT distance, rank() OVER (ORDER BY "
                 "fare) AS place FROM jfk.flights) q WHERE place < 4");
    CHECK_EQ(HOW("fare"), MAL_POLICY_USE_FILTER | MAL_POLICY_USE_ORDER);
    f = facts_of(arena, contract,
                 "SELECT distance FROM (SELECT distance, rank() OVER (ORDER BY "
                 "fare) AS place FROM jfk.flights) q");
    CHECK_EQ(f.n_uses, 1); /* a rank that nobody reads is no part of it */
}

TEST(rows_are_told_to_policy) {
    mal_arena *arena = test_arena();
    const mal_policy_contract *contract = test_contract(arena);
    mal_policy_facts f =
        facts_of(arena, contract,
                 "SELECT distance, fare > 5 FROM jfk.flights WHERE month = 2 "
                 "ORDER BY carrier LIMIT 7");
    CHECK_EQ(f.operations, MAL_POLICY_OP_ROWS);
    CHECK_EQ(HOW("distance"), MAL_POLICY_USE_OUTPUT);
    CHECK_EQ(HOW("fare"), MAL_POLICY_USE_OUTPUT | MAL_POLICY_USE_FILTER);
    CHECK_EQ(HOW("month"), MAL_POLICY_USE_FILTER);
    CHECK_EQ(HOW("carrier"), MAL_POLICY_USE_ORDER);
    CHECK_EQ(f.rows_max, 7);
    CHECK(f.order);
}

TEST(a_join_of_an_aggregate_with_rows_shows_rows) {
    mal_arena *arena = test_arena();
    const mal_policy_contract *contract = test_contract(arena);
    mal_policy_facts f = facts_of(
        arena, contract,
        "SELECT f.distance, a.n FROM jfk.flights f JOIN (SELECT month, "
        "count(*) AS n FROM ewr.flights GROUP BY month) a ON f.month = "
        "a.month");
    CHECK_EQ(f.operations, MAL_POLICY_OP_ROWS | MAL_POLICY_OP_COUNT);
    CHECK_EQ(HOW("distance"), MAL_POLICY_USE_OUTPUT);
    CHECK_EQ(HOW("month"), MAL_POLICY_USE_JOIN);
}

TEST(every_pair_of_a_join_over_a_union_is_told) {
    mal_arena *arena = test_arena();
    const mal_policy_contract *contract = test_contract(arena);
    mal_policy_facts f = facts_of(
        arena, contract,
        "SELECT count(*) FROM (SELECT tailnum FROM jfk.flights UNION ALL "
        "SELECT tailnum FROM ewr.flights) f JOIN faa.planes p USING (tailnum)");
    CHECK_EQ(f.n_joins, 2);
    CHECK_EQ(f.n_datasets, 3);
}

TEST(the_columns_that_a_subquery_reads_are_told) {
    mal_arena *arena = test_arena();
    const mal_policy_contract *contract = test_contract(arena);
    mal_policy_facts f = facts_of(
        arena, contract,
        "SELECT carrier, count(*) FROM jfk.flights f WHERE NOT EXISTS (SELECT "
        "1 FROM faa.planes p WHERE p.tailnum = f.tailnum AND p.year > 2000) "
        "AND distance > (SELECT max(engines) FROM faa.planes) GROUP BY carrier "
        "HAVING count(*) > (SELECT count(*) FROM ewr.flights)");
    CHECK_EQ(f.n_datasets, 3);
    CHECK_EQ(f.n_joins, 1);
    CHECK_EQ(f.operations, MAL_POLICY_OP_COUNT | MAL_POLICY_OP_MAX);
    CHECK_EQ(HOW("tailnum"), MAL_POLICY_USE_JOIN);
    CHECK_EQ(how(contract, &f, "faa.planes", "tailnum"), MAL_POLICY_USE_JOIN);
    CHECK_EQ(how(contract, &f, "faa.planes", "year"), MAL_POLICY_USE_FILTER);
    CHECK_EQ(how(contract, &f, "faa.planes", "engines"), MAL_POLICY_USE_MAX);
    CHECK_EQ(HOW("distance"), MAL_POLICY_USE_FILTER);
    CHECK(f.having);
}

TEST(an_inequality_in_exists_is_told_as_min_and_max) {
    mal_arena *arena = test_arena();
    const mal_policy_contract *contract = test_contract(arena);
    mal_policy_facts f = facts_of(
        arena, contract,
        "SELECT count(*) FROM jfk.flights f WHERE EXISTS (SELECT 1 FROM "
        "jfk.flights g WHERE g.month = f.month AND g.distance <> f.distance)");
    CHECK_EQ(f.operations,
             MAL_POLICY_OP_COUNT | MAL_POLICY_OP_MIN | MAL_POLICY_OP_MAX);
    CHECK_EQ(HOW("distance"),
             MAL_POLICY_USE_FILTER | MAL_POLICY_USE_MIN | MAL_POLICY_USE_MAX);
}

TEST(min_max_and_distinct_are_told) {
    mal_arena *arena = test_arena();
    const mal_policy_contract *contract = test_contract(arena);
    mal_policy_facts f = facts_of(
        arena, contract,
        "SELECT min(distance), max(fare), count(DISTINCT carrier) FROM "
        "jfk.flights HAVING count(*) > 3");
    CHECK_EQ(f.operations, MAL_POLICY_OP_MIN | MAL_POLICY_OP_MAX |
                               MAL_POLICY_OP_DISTINCT | MAL_POLICY_OP_COUNT);
    CHECK_EQ(HOW("distance"), MAL_POLICY_USE_MIN);
    CHECK_EQ(HOW("fare"), MAL_POLICY_USE_MAX);
    CHECK_EQ(HOW("carrier"), MAL_POLICY_USE_DISTINCT);
    CHECK(f.having);
}

TEST(an_unread_column_is_no_use) {
    mal_arena *arena = test_arena();
    const mal_policy_contract *contract = test_contract(arena);
    mal_policy_facts f = facts_of(
        arena, contract,
        "SELECT count(*) FROM (SELECT tailnum, fare, max(delay) AS m FROM "
        "jfk.flights GROUP BY tailnum, fare) t");
    CHECK_EQ(HOW("delay"), 0);
    CHECK_EQ(HOW("fare"), MAL_POLICY_USE_GROUP);
}

TEST(a_million_nested_doublings_cost_nothing) {
    mal_arena *arena = test_arena();
    const mal_policy_contract *contract = test_contract(arena);
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    const char *cstr;
    CHECK_OK(mal_buf_put_str(&text, "SELECT count(*) FROM "));
    for (int i = 0; i < 30; i++)
        CHECK_OK(mal_buf_put_str(&text, "(SELECT x + x AS x FROM "));
    CHECK_OK(
        mal_buf_put_str(&text, "(SELECT distance AS x FROM jfk.flights) a"));
    for (int i = 0; i < 30; i++)
        CHECK_OK(mal_buf_put_str(&text, ") a"));
    CHECK_OK(mal_buf_put_str(&text, " WHERE x > 5"));
    CHECK_OK(mal_buf_cstr(&text, &cstr));
    mal_policy_facts f = facts_of(arena, contract, cstr);
    CHECK_EQ(HOW("distance"), MAL_POLICY_USE_FILTER);
}

TEST_MAIN
