/* Every construct that we do not support is refused by name, at its place. */
#include "sql_test.h"

typedef struct refusal {
    const char *text;
    mal_err err;
    const char *says; /* part of the message */
} refusal;

static void check_refusals(const refusal *list, size_t n) {
    mal_arena *arena = test_arena();
    const mal_policy_contract *contract = test_contract(arena);
    for (size_t i = 0; i < n; i++) {
        const mal_sql_plan *plan;
        mal_err err = mal_sql_plan_from_text(&plan, arena, contract,
                                             mal_bytes_str(list[i].text));
        CHECK_THAT(err == list[i].err, "%s: %s, not %s (%s)", list[i].text,
                   mal_err_name(err), mal_err_name(list[i].err),
                   mal_err_message());
        CHECK_THAT(strstr(mal_err_message(), list[i].says),
                   "%s: \"%s\" does not say \"%s\"", list[i].text,
                   mal_err_message(), list[i].says);
    }
}
#define CHECK_REFUSALS(list)                                                   \
    check_refusals(list, sizeof(list) / sizeof(list)[0])

#define U MAL_E_UNSUPPORTED
#define I MAL_E_INPUT
#define L MAL_E_LIMIT

TEST(statements_other_than_select_are_refused) {
    static const refusal list[] = {
        { "INSERT INTO ewr.flights VALUES (1)", U, "only SELECT" },
        { "UPDATE ewr.flights SET distance = 1", U, "only SELECT" },
        { "DELETE FROM ewr.flights", U, "only SELECT" },
        { "CREATE TABLE t (a int)", U, "only SELECT" },
        { "COPY ewr.flights TO '/tmp/x'", U, "only SELECT" },
        { "SET x = 1", U, "only SELECT" },
        { "EXPLAIN SELECT 1", U, "only SELECT" },
        { "SELECT 1; SELECT 2", I, "2 statements" },
        { "", I, "empty" },
        { ";", I, "0 statements" },
        { "-- nothing", I, "0 statements" },
        { "SELEC 1", I, "1:1: syntax error" },
        { "SELECT\n  count(* FROM ewr.flights", I, "2:11: syntax error" },
    };
    CHECK_REFUSALS(list);
}

TEST(clauses_outside_the_language_are_refused_by_name) {
    static const refusal list[] = {
        { "SELECT DISTINCT carrier FROM ewr.flights", U, "SELECT DISTINCT" },
        { "SELECT DISTINCT ON (month) carrier FROM ewr.flights", U,
          "SELECT DISTINCT" },
        { "SELECT 1", U, "1:1: a SELECT without FROM" },
        { "VALUES (1)", U, "VALUES" },
        { "SELECT distance INTO t FROM ewr.flights", U, "SELECT INTO" },
        { "SELECT distance FROM ewr.flights FOR UPDATE", U, "FOR UPDATE" },
        { "TABLE ewr.flights", MAL_E_DENIED, "note of ewr.flights is secret" },
        { "SELECT distance FROM ONLY ewr.flights", U, "FROM ONLY" },
        { "SELECT distance FROM ewr.flights TABLESAMPLE SYSTEM (1)", U,
          "TABLESAMPLE" },
        { "SELECT g FROM generate_series(1, 2) g", U, "a function in FROM" },
        { "SELECT 1 FROM (VALUES (1)) v", U, "VALUES" },
        { "SELECT 1 FROM ewr.flights, LATERAL (SELECT 1 FROM jfk.flights) x", U,
          "LATERAL" },
        { "SELECT month FROM ewr.flights UNION SELECT month FROM jfk.flights",
          U, "UNION; there is UNION ALL" },
        { "SELECT month FROM ewr.flights EXCEPT SELECT month FROM jfk.flights",
          U, "EXCEPT" },
        { "SELECT month FROM ewr.flights INTERSECT ALL SELECT month FROM "
          "jfk.flights",
          U, "INTERSECT" },
        { "WITH RECURSIVE r AS (SELECT distance FROM ewr.flights) SELECT * "
          "FROM r",
          U, "WITH RECURSIVE" },
        { "WITH d AS (DELETE FROM ewr.flights RETURNING 1) SELECT * FROM d", U,
          "WITH takes a SELECT" },
        { "SELECT count(*) FROM ewr.flights GROUP BY ROLLUP (month)", U,
          "GROUPING SETS" },
        { "SELECT count(*) FROM ewr.flights GROUP BY DISTINCT month", U,
          "GROUP BY DISTINCT" },
        { "SELECT distance FROM ewr.flights ORDER BY 1 FETCH FIRST 1 ROW WITH "
          "TIES",
          U, "WITH TIES" },
        { "SELECT distance FROM ewr.flights ORDER BY distance USING <", U,
          "ORDER BY USING" },
        { "SELECT distance FROM ewr.flights LIMIT 1 + 1", U,
          "LIMIT takes a plain number" },
        { "SELECT distance FROM ewr.flights OFFSET -1", U,
          "OFFSET takes a plain number" },
    };
    CHECK_REFUSALS(list);
}

TEST(joins_other_than_inner_equalities_are_refused_by_name) {
#define F "SELECT count(*) FROM ewr.flights f "
    static const refusal list[] = {
        { F "LEFT JOIN faa.planes p ON f.tailnum = p.tailnum AND f.month = 1",
          U, "the side whose rows all stay" },
        { F "LEFT JOIN faa.planes p ON f.tailnum = p.tailnum AND f.distance > "
            "p.engines",
          U, "the side whose rows all stay" },
        { F "LEFT JOIN faa.planes p ON p.engines = 1", U, "cross join" },
        { F "RIGHT JOIN faa.planes p USING (tailnum)", U,
          "USING in a RIGHT JOIN" },
        { F "FULL JOIN faa.planes p ON f.tailnum = p.tailnum", U, "FULL JOIN" },
        { F "CROSS JOIN faa.planes p", U, "CROSS JOIN" },
        { F "NATURAL JOIN faa.planes p", U, "NATURAL JOIN" },
        { F ", faa.planes p", U, "cross join" },
        { F ", faa.planes p WHERE f.distance > p.engines", U, "cross join" },
        { F "JOIN faa.planes p ON f.distance > p.engines", U, "cross join" },
        { F "JOIN faa.planes p ON f.distance = 1 AND p.engines = 1", U,
          "cross join" },
        { F "JOIN faa.planes p USING (nothing)", I, "no such column" },
        { F "JOIN faa.titles t ON f.tailnum = t.person", I,
          "different domains" },
        { "SELECT j.month FROM (ewr.flights f JOIN faa.planes p ON f.tailnum = "
          "p.tailnum) AS j",
          U, "an alias for a join" },
    };
#undef F
    CHECK_REFUSALS(list);
}

#define E(expr) "SELECT " expr " FROM ewr.flights"

TEST(expressions_outside_the_language_are_refused_by_name) {
    static const refusal list[] = {
        { E("distance LIKE 'A%'"), U,
          "1:17: LIKE of a column without a list of values" },
        { E("tailnum LIKE 'A%'"), U, "an open text has none to compare" },
        { E("carrier LIKE dest"), U, "a computed pattern" },
        { E("substring(tailnum FROM 1 FOR 2)"), U, "an open text" },
        { E("substring(carrier FROM month FOR 2)"), U, "plain numbers" },
        { E("substring(carrier FROM 1 FOR -2)"), I, "negative length" },
        { E("DATE '1994-02-30'"), I, "'1994-02-30' is no date" },
        { E("DATE '94-1-1'"), I, "is no date" },
        { E("distance::date"), U, "a cast to date" },
        { E("INTERVAL '1' DAY"), U, "an INTERVAL by itself" },
        { E("distance + INTERVAL '1' MONTH"), U, "a month has no length" },
        { E("DATE '1994-01-01' + INTERVAL '1' HOUR"), U, "this INTERVAL" },
        { E("DATE '9999-12-01' + INTERVAL '1' MONTH"), L, "1 to 9999" },
        { E("EXTRACT(MONTH FROM distance)"), U, "another field than YEAR" },
        { E("EXTRACT(YEAR FROM fare)"), I, "EXTRACT takes a date" },
        { E("carrier ILIKE 'A%'"), U, "ILIKE" },
        { E("carrier SIMILAR TO 'A'"), U, "SIMILAR TO" },
        { E("carrier ~ 'A'"), U, "the operator ~" },
        { E("carrier || 'A'"), U, "the operator ||" },
        { E("distance ^ 2"), U, "the operator ^" },
        { E("distance & 2"), U, "the operator &" },
        { E("distance OPERATOR(pg_catalog.+) 2"), U, "OPERATOR" },
        { E("distance IS DISTINCT FROM 2"), U, "IS DISTINCT FROM" },
        { E("distance BETWEEN SYMMETRIC 2 AND 1"), U, "BETWEEN SYMMETRIC" },
        { E("distance = ANY (ARRAY[1])"), U, "ANY or ALL" },
        { E("(SELECT 1 FROM jfk.flights)"), U, "a subquery inside" },
        { E("EXISTS (SELECT 1 FROM jfk.flights)"), U, "EXISTS or IN over a" },
        { E("distance IN (SELECT distance FROM jfk.flights)"), U,
          "EXISTS or IN over a" },
        { E("abs(distance)"), U, "the function abs" },
        { E("round(distance)"), U, "the function round" },
        { E("now()"), U, "the function now" },
        { E("random()"), U, "the function random" },
        { E("pg_sleep(1)"), U, "the function pg_sleep" },
        { E("pg_catalog.count(*)"), U, "the function count" },
        { E("current_date"), U, "the session or the clock" },
        { E("current_user"), U, "the session or the clock" },
        { E("GREATEST(distance, 1)"), U, "GREATEST or LEAST" },
        { E("$1"), U, "a parameter" },
        { E("ARRAY[1]"), U, "an array" },
        { E("ROW(1, 2)"), U, "a row value" },
        { E("(ARRAY[1])[1]"), U, "subscript" },
        { E("carrier COLLATE \"C\" = 'AA'"), U, "COLLATE" },
        { E("B'1'"), U, "a bit string" },
        { E("1e3"), U, "without exponent" },
        { E("'text'"), U, "a text constant in SELECT" },
        { E("NULL"), U, "NULL has no type" },
        { E("distance::text"), U, "a cast to text" },
        { E("distance::float8"), U, "a cast to float8" },
        { E("timestamp '2020-01-01'"), U, "a cast to timestamp" },
        { E("distance::int[]"), U, "a cast to an array" },
        { E("distance::numeric(x)"), U, "other parameters" },
        { E("'5'::int"), I, "write numbers without quotes" },
        { E("flights.*::text"), U, "" },
    };
    CHECK_REFUSALS(list);
}

TEST(aggregates_outside_the_language_are_refused_by_name) {
    static const refusal list[] = {
        { E("sum(DISTINCT distance)"), U, "sum(DISTINCT" },
        { E("count(*) FILTER (WHERE month = 1)"), U, "FILTER" },
        { E("count(*) OVER ()"), U, "the window function count" },
        { E("rank() OVER ()"), U, "without ORDER BY" },
        { E("row_number() OVER (ORDER BY month)"), U, "not unique" },
        { E("rank() OVER (ORDER BY tailnum)"), U, "no identifier" },
        { E("rank() OVER (ORDER BY month) + count(*)"), U, "beside groups" },
        { E("count(CASE WHEN rank() OVER (ORDER BY month) = 1 THEN 1 END)"), U,
          "OVER in the argument" },
        { E("rank() OVER w"), U, "or a name" },
        { E("rank() OVER (ORDER BY 1 + 1)"), U, "something else" },
        { E("sum(distance ORDER BY month)"), U,
          "ORDER BY inside an aggregate" },
        { E("percentile_cont(0.5) WITHIN GROUP (ORDER BY distance)"), U,
          "WITHIN GROUP" },
        { E("stddev(distance)"), U, "the function stddev" },
        { E("string_agg(carrier, ',')"), U, "the function string_agg" },
        { E("sum(*)"), I, "only count takes *" },
        { E("sum(distance, 1)"), I, "one argument" },
        { E("sum(count(*))"), I, "no aggregate may stand in" },
        { E("count('x')"), U, "a text or NULL constant" },
        { E("sum(carrier)"), I, "sum does not take a dim" },
        { E("max(carrier)"), I, "max does not take a dim" },
        { E("sum(tailnum)"), I, "sum does not take an identifier" },
        { E("sum(distance > 5)"), I, "sum does not take a truth value" },
        { E("carrier, count(*)"), I, "neither in GROUP BY" },
        { "SELECT count(*) FROM ewr.flights WHERE count(*) > 1", I,
          "no aggregate may stand in WHERE" },
        { "SELECT count(*) FROM ewr.flights GROUP BY count(*)", I, "GROUP BY" },
        { "SELECT count(*) FROM ewr.flights GROUP BY 1", I, "GROUP BY" },
        { "SELECT count(*) FROM ewr.flights GROUP BY 2", I, "GROUP BY 2" },
        { "SELECT month FROM ewr.flights HAVING month > 1", I,
          "neither in GROUP BY" },
    };
    CHECK_REFUSALS(list);
}

TEST(types_that_do_not_fit_are_refused) {
    static const refusal list[] = {
        { E("carrier + 1"), I, "+ does not take a dim" },
        { E("carrier = 1"), I, "" },
        { E("carrier < 'B6'"), U, "have no order here" },
        { E("carrier = dest"), I, "different domains" },
        { E("carrier < carrier"), U, "have no order here" },
        { E("month = '1'"), I, "write numbers without quotes" },
        { E("distance = '1'"), I, "write numbers without quotes" },
        { E("tailnum = 'N1'"), I, "= does not take a text" },
        { E("tailnum = tailnum"), U, "only compared by the equality" },
        { E("tailnum <> tailnum"), U, "only joined by =" },
        { E("tailnum IN (tailnum)"), U, "only compared by the equality" },
        { E("-tailnum"), I, "identifiers are joined and counted" },
        { E("NOT distance"), I, "NOT does not take a number" },
        { E("distance AND true"), I, "AND does not take a number" },
        { E("CASE WHEN distance THEN 1 END"), I, "WHEN does not take" },
        { E("CASE WHEN true THEN 1 ELSE carrier END"), I, "mixes" },
        { E("CASE WHEN true THEN 'a' ELSE 'b' END"), U, "a text constant" },
        { E("COALESCE(dest, 'XYZ')"), I, "'XYZ' is no value" },
        { E("COALESCE(dest, carrier)"), I, "mixes" },
        { E("'a' = 'a'"), U, "two text constants" },
        { E("(distance > 1)::numeric"), I, "" },
        { E("(distance > 1)::bigint"), I, "only cast to integer" },
        { "SELECT 1 FROM ewr.flights WHERE distance", I, "WHERE" },
        { "SELECT count(*) FROM ewr.flights HAVING sum(distance)", I,
          "HAVING" },
        { "SELECT month, carrier FROM ewr.flights UNION ALL SELECT month, "
          "distance FROM jfk.flights",
          I, "UNION ALL" },
        { "SELECT month FROM ewr.flights UNION ALL SELECT month, carrier FROM "
          "jfk.flights",
          I, "same number of columns" },
        { "SELECT count(*) FROM ewr.flights GROUP BY 'x'", U, "GROUP BY" },
    };
    CHECK_REFUSALS(list);
}

TEST(names_that_are_not_there_are_refused) {
    static const refusal list[] = {
        { E("nothing"), I, "1:8: no column nothing here" },
        { E("g.distance"), I, "no column g.distance" },
        { E("ewr.flights.nothing"), I, "no column flights.nothing" },
        { E("a.b.c.d"), I, "owner.table.column" },
        { E("g.*"), I, "no table g" },
        { E("note"), MAL_E_DENIED, "secret: no plan reads it" },
        { "SELECT 1 FROM flights", I, "owner.table" },
        { "SELECT 1 FROM ewr.nothing", I, "no dataset ewr.nothing" },
        { "SELECT 1 FROM x.ewr.flights", I, "owner.table" },
        { "SELECT 1 FROM pg_catalog.pg_user", I, "no dataset" },
        { "SELECT f.month FROM ewr.flights", I, "no column f.month" },
        { "SELECT ewr.flights.month FROM ewr.flights f", I, "no column" },
        { "SELECT month FROM ewr.flights a JOIN jfk.flights b ON a.tailnum = "
          "b.tailnum",
          I, "ambiguous" },
        { "SELECT distance AS a, month AS a FROM ewr.flights ORDER BY a", I,
          "names two columns" },
        { "SELECT distance FROM ewr.flights ORDER BY 2", I, "ORDER BY 2" },
        { "SELECT month FROM ewr.flights UNION ALL SELECT month FROM "
          "jfk.flights ORDER BY month + 1",
          U, "names of its columns" },
        { "WITH a AS (SELECT month FROM ewr.flights), a AS (SELECT month FROM "
          "ewr.flights) SELECT * FROM a",
          I, "names a twice" },
        { "SELECT * FROM (SELECT month FROM ewr.flights) x (a, b)", I,
          "column names" },
        { "SELECT distance AS \"a\nb\" FROM ewr.flights", I,
          "control character" },
    };
    CHECK_REFUSALS(list);
}

TEST(what_may_not_fit_is_refused_before_anything_runs) {
    static const refusal list[] = {
        { E("distance * 9223372036854775807"), L, "may not fit 64 bits" },
        { E("9223372036854775807 + distance"), L, "+ may not fit" },
        { E("9223372036854775808"), L, "does not fit 64 bits" },
        { E("distance * distance * distance * distance * distance * distance"),
          L, "* may not fit" },
        { E("sum(distance * 10000000000000)"), L,
          "sum over up to 200000 rows" },
        { E("avg(distance * 10000000000000)"), L, "avg over up to" },
        { E("(distance * 1000)::smallint"), L, "cast to smallint" },
        { E("(distance * 1000000)::int"), L, "cast to integer" },
        { E("fare::numeric(3, 2)"), L, "cast to numeric" },
        { E("distance::numeric(50, 2)"), L, "1 to 38 digits" },
        { E("distance::numeric(30, 25)"), L, "decimal" },
        { E("fare * fare * fare * fare * fare * fare * fare * fare * fare * "
            "fare"),
          L, "" },
    };
    CHECK_REFUSALS(list);
}

TEST(subqueries_outside_the_language_are_refused_by_name) {
#define W(cond) "SELECT count(*) FROM ewr.flights f WHERE " cond
    static const refusal list[] = {
        { W("month = 1 OR EXISTS (SELECT 1 FROM faa.planes p WHERE p.tailnum = "
            "f.tailnum)"),
          U, "write it in WHERE, joined by AND" },
        { W("EXISTS (SELECT 1 FROM faa.planes p)"), U, "without an equality" },
        { W("EXISTS (SELECT 1 FROM faa.planes p WHERE p.tailnum = f.tailnum "
            "AND p.engines > f.distance AND p.engines < f.delay)"),
          U, "more than one inequality" },
        { W("EXISTS (SELECT 1 FROM faa.planes p WHERE p.tailnum = f.tailnum "
            "AND p.engines + f.distance > 3)"),
          U, "mixes columns" },
        { W("EXISTS (SELECT 1 FROM faa.planes p WHERE p.tailnum = f.tailnum "
            "AND (p.engines = 1 OR f.month = 1))"),
          U, "this condition between a subquery" },
        { W("EXISTS (SELECT 1 FROM faa.planes p WHERE p.tailnum = f.tailnum "
            "LIMIT 1)"),
          U, "LIMIT inside EXISTS" },
        { W("EXISTS (SELECT count(*) FROM faa.planes p WHERE p.tailnum = "
            "f.tailnum)"),
          U, "an aggregate inside EXISTS" },
        { W("delay NOT IN (SELECT engines FROM faa.planes)"), U,
          "NOT IN where one side may be NULL" },
        { W("distance IN (SELECT engines, engines FROM faa.planes)"), I,
          "one column" },
        { W("distance < ANY (SELECT engines FROM faa.planes)"), U,
          "another operator than =" },
        { W("distance > (SELECT engines FROM faa.planes)"), U, "one row" },
        { W("distance > (SELECT engines FROM faa.planes LIMIT 1)"), U,
          "LIMIT in a subquery" },
        { W("distance > (SELECT sum(engines) FROM faa.planes GROUP BY year)"),
          U, "one row" },
        { W("distance > (SELECT min(engines), max(engines) FROM faa.planes)"),
          I, "one column" },
        { W("distance > (SELECT 1 + count(*) FROM faa.planes p WHERE p.tailnum "
            "= f.tailnum)"),
          U, "select the count alone" },
        { W("distance > (SELECT min(engines) FROM faa.planes p WHERE p.engines "
            "> f.distance)"),
          U, "this condition between a subquery" },
        { W("distance > (SELECT min(p.engines + f.month) FROM faa.planes p)"),
          I, "no column f.month here" },
        { W("EXISTS (SELECT 1 FROM faa.planes p WHERE p.tailnum = f.note)"),
          MAL_E_DENIED, "note of ewr.flights is secret" },
        { W("EXISTS (SELECT 1 FROM faa.planes p WHERE EXISTS (SELECT 1 FROM "
            "faa.titles t WHERE t.tailnum = f.tailnum))"),
          I, "no column f.tailnum here" },
        { "SELECT carrier, count(*) FROM ewr.flights f GROUP BY carrier HAVING "
          "count(*) > (SELECT count(*) FROM faa.planes p WHERE p.tailnum = "
          "f.tailnum)",
          I, "no column f.tailnum here" },
    };
#undef W
    CHECK_REFUSALS(list);
}

TEST(limits_on_length_words_depth_and_width_hold) {
    mal_arena *arena = test_arena();
    const mal_policy_contract *contract = test_contract(arena);
    const mal_sql_plan *plan;
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    CHECK_OK(mal_buf_put_str(&text, "SELECT 1"));
    for (int i = 0; i < 3000; i++)
        CHECK_OK(mal_buf_put_str(&text, " + 1"));
    CHECK_OK(mal_buf_put_str(&text, " FROM ewr.flights"));
    CHECK_ERR(
        mal_sql_plan_from_text(&plan, arena, contract, mal_buf_view(&text)),
        MAL_E_LIMIT); /* depth */
    mal_buf_reset(&text);
    CHECK_OK(mal_buf_put_str(&text, "SELECT "));
    for (int i = 0; i < 5000; i++)
        CHECK_OK(mal_buf_put_str(&text, "NOT "));
    CHECK_OK(mal_buf_put_str(&text, "true FROM ewr.flights"));
    CHECK_ERR(
        mal_sql_plan_from_text(&plan, arena, contract, mal_buf_view(&text)),
        MAL_E_LIMIT);
    mal_buf_reset(&text);
    CHECK_OK(mal_buf_put_str(&text, "SELECT "));
    for (int i = 0; i < 9000; i++)
        CHECK_OK(mal_buf_put_str(&text, "1,"));
    CHECK_OK(mal_buf_put_str(&text, "1 FROM ewr.flights"));
    CHECK_ERR(
        mal_sql_plan_from_text(&plan, arena, contract, mal_buf_view(&text)),
        MAL_E_LIMIT); /* words */
    mal_buf_reset(&text);
    CHECK_OK(mal_buf_put_str(&text, "SELECT "));
    for (int i = 0; i < 300; i++)
        CHECK_OK(mal_buf_put_str(&text, "1,"));
    CHECK_OK(mal_buf_put_str(&text, "1 FROM ewr.flights"));
    CHECK_ERR(
        mal_sql_plan_from_text(&plan, arena, contract, mal_buf_view(&text)),
        MAL_E_LIMIT); /* columns */
    while (text.len <= MAL_SQL_TEXT_MAX)
        CHECK_OK(mal_buf_put_str(&text, "                "));
    CHECK_ERR(
        mal_sql_plan_from_text(&plan, arena, contract, mal_buf_view(&text)),
        MAL_E_LIMIT); /* bytes */
}

TEST(a_query_that_doubles_at_every_level_is_stopped) {
    mal_arena *arena = test_arena();
    const mal_sql_plan *plan;
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    const char *cstr;
    CHECK_OK(
        mal_buf_put_str(&text, "WITH c0 AS (SELECT month FROM ewr.flights)"));
    for (int i = 1; i < 40; i++)
        CHECK_OK(mal_buf_put_fmt(&text,
                                 ", c%d AS (SELECT month FROM c%d UNION ALL "
                                 "SELECT month FROM c%d)",
                                 i, i - 1, i - 1));
    CHECK_OK(mal_buf_put_str(&text, " SELECT count(*) FROM c39"));
    CHECK_OK(mal_buf_cstr(&text, &cstr));
    CHECK_ERR(plan_of(&plan, arena, cstr), MAL_E_LIMIT);
}

TEST(a_nul_byte_is_refused) {
    mal_arena *arena = test_arena();
    const mal_sql_plan *plan;
    static const char text[] = "SELECT count(*)\0 FROM ewr.flights";
    CHECK_ERR(mal_sql_plan_from_text(&plan, arena, test_contract(arena),
                                     mal_bytes_of(text, sizeof text - 1)),
              MAL_E_INPUT);
    CHECK(strstr(mal_err_message(), "1:16: a NUL byte"));
}

TEST(bytes_that_are_not_utf8_are_refused) {
    mal_arena *arena = test_arena();
    const mal_sql_plan *plan;
    CHECK_ERR(plan_of(&plan, arena, "SELECT 1 AS \"a\xff\" FROM ewr.flights"),
              MAL_E_INPUT);
    CHECK_ERR(plan_of(&plan, arena, "SELECT 1 AS \"\xed\xa0\x80\" FROM x.y"),
              MAL_E_INPUT);
    CHECK_ERR(plan_of(&plan, arena, "SELECT 1 AS \"\xc0\x80\" FROM x.y"),
              MAL_E_INPUT);
    CHECK_ERR(plan_of(&plan, arena, "SELECT 1 FROM x.y -- \xe2\x82"),
              MAL_E_INPUT);
    CHECK_OK(plan_of(&plan, arena,
                     "SELECT count(*) AS \"Fl\xc3\xbcge\" FROM ewr.flights"));
}

TEST(an_error_quotes_nothing_that_steers_a_terminal) {
    mal_arena *arena = test_arena();
    const mal_sql_plan *plan;
    CHECK_ERR(plan_of(&plan, arena,
                      "SELECT \"\x1b[31m\xc2\x9bx\n\" FROM ewr.flights"),
              MAL_E_INPUT);
    CHECK_STR(mal_err_message(), "1:8: no column ?[31m??x? here");
}

TEST_MAIN
