/* From released numbers to the answer: averages, order, limits, half-widths. */
#include "sql_test.h"

typedef struct answer {
    const mal_sql_physical *p;
    mal_sql_table t;
} answer;

/* released: [aggs][cells], as the split orders them */
static answer finish(mal_arena *arena, const char *text,
                     const int64_t *released, const uint64_t *halfwidth,
                     uint64_t group_min) {
    const mal_policy_contract *contract = test_contract(arena);
    const mal_sql_split_options options = { .group_count = group_min > 0 };
    const mal_sql_finish_options least = { .group_min = group_min };
    const mal_sql_plan *plan;
    answer a;
    CHECK_OK(
        mal_sql_plan_from_text(&plan, arena, contract, mal_bytes_str(text)));
    CHECK_OK(mal_sql_split(&a.p, arena, plan, contract, &options));
    CHECK_OK(mal_sql_finish(&a.t, arena, a.p, released, halfwidth, &least));
    return a;
}

static const char *csv(mal_arena *arena, const mal_sql_table *t) {
    MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
    CHECK_OK(mal_sql_table_csv(&out, t));
    return mal_arena_strndup(arena, (const char *)out.ptr, out.len);
}

TEST(every_declared_group_is_answered_in_the_order_of_labels) {
    mal_arena *arena = test_arena();
    answer a = finish(arena,
                      "SELECT dest, count(*) FROM jfk.flights WHERE dest IS "
                      "NOT NULL GROUP BY dest",
                      (const int64_t[]){ 10, 20, 30, 40, 50 }, NULL, 0);
    /* declared as ORD, ATL, LAX; then other, then NULL */
    CHECK_STR(csv(arena, &a.t), "dest,count\r\nATL,20\r\nLAX,30\r\nORD,10\r\n"
                                "other,40\r\n,50\r\n");
}

TEST(an_average_is_a_noised_sum_over_a_noised_count) {
    mal_arena *arena = test_arena();
    /* maker: BOEING, AIRBUS, other; sum, then count */
    const int64_t released[] = { 7, -7, 100, 2, 2, 0 };
    answer a = finish(arena,
                      "SELECT maker, avg(engines) FROM faa.planes GROUP BY 1 "
                      "ORDER BY 2 DESC NULLS LAST",
                      released, NULL, 0);
    CHECK_STR(csv(arena, &a.t), "maker,avg\r\nBOEING,3.500000\r\n"
                                "AIRBUS,-3.500000\r\nother,\r\n");
}

TEST(averages_round_half_away_from_zero) {
    mal_arena *arena = test_arena();
    const int64_t released[] = { 1, -1, 5, 2000000, 2000000, 0 };
    answer a =
        finish(arena, "SELECT maker, avg(engines) FROM faa.planes GROUP BY 1",
               released, NULL, 0);
    CHECK_STR(csv(arena, &a.t),
              "maker,avg\r\nAIRBUS,-0.000001\r\nBOEING,0.000001\r\nother,\r\n");
}

TEST(having_order_and_limit_act_on_noised_values) {
    mal_arena *arena = test_arena();
    const int64_t released[] = { 5, 50, 7, -3, 1 };
    answer a = finish(arena,
                      "SELECT carrier, count(*) FROM ewr.flights GROUP BY "
                      "carrier HAVING count(*) > 0 ORDER BY count(*) DESC "
                      "LIMIT 2 OFFSET 1",
                      released, NULL, 0);
    CHECK_STR(csv(arena, &a.t), "carrier,count\r\nDL,7\r\nAA,5\r\n");
}

TEST(groups_below_the_minimum_are_suppressed_and_counted) {
    mal_arena *arena = test_arena();
    /* sum, then the hidden count */
    const int64_t released[] = { 1000, 2000, 3000, 9, 10, -5 };
    answer a =
        finish(arena, "SELECT maker, sum(engines) FROM faa.planes GROUP BY 1",
               released, NULL, 10);
    CHECK_EQ(a.t.n_rows, 3);
    CHECK_EQ(a.t.n_suppressed, 2);
    MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
    const char *text;
    CHECK_OK(mal_sql_table_print(&out, &a.t));
    CHECK_OK(mal_buf_cstr(&out, &text));
    CHECK_STR(text, " maker  | sum         \n"
                    "--------+-------------\n"
                    " AIRBUS |         2000\n"
                    " BOEING | (suppressed)\n"
                    " other  | (suppressed)\n"
                    "(3 rows; 2 groups below the minimum)\n");
}

TEST(having_drops_what_is_suppressed) {
    mal_arena *arena = test_arena();
    const int64_t released[] = { 1000, 2000, 3000, 9, 10, -5 };
    answer a = finish(arena,
                      "SELECT maker, sum(engines) FROM faa.planes GROUP BY 1 "
                      "HAVING sum(engines) > 1",
                      released, NULL, 10);
    CHECK_STR(csv(arena, &a.t), "maker,sum\r\nAIRBUS,2000\r\n");
    CHECK_EQ(a.t.n_suppressed, 2);
}

TEST(half_widths_travel_as_far_as_arithmetic_carries_them) {
    mal_arena *arena = test_arena();
    const int64_t released[] = { 1000, 100 }; /* sum, count */
    const uint64_t hw[] = { 50, 10 };
    answer a = finish(arena,
                      "SELECT sum(distance), count(*), sum(distance) + 2 * "
                      "count(*), -sum(distance), sum(distance) / 10, "
                      "avg(distance), sum(distance) * count(*), 5, CASE WHEN "
                      "count(*) > 5 THEN 1 ELSE 0 END FROM ewr.flights",
                      released, hw, 0);
    CHECK_EQ(a.t.halfwidths[0], 50);
    CHECK_EQ(a.t.halfwidths[1], 10);
    CHECK_EQ(a.t.halfwidths[2], 70);
    CHECK_EQ(a.t.halfwidths[3], 50);
    CHECK_EQ(a.t.halfwidths[4], 7); /* 50 / 10, and 2 for the floor */
    /* (1000 * 10 + 100 * 50) / (100 * 90) = 1.666667 */
    CHECK_EQ(a.t.halfwidths[5], 1666666 + 2);
    CHECK_EQ(a.t.values[5], 10000000);
    for (unsigned i = 6; i < 9; i++)
        CHECK(a.t.halfwidths[i] == MAL_SQL_HALFWIDTH_NONE);
}

TEST(an_average_over_a_count_that_may_be_zero_has_no_half_width) {
    mal_arena *arena = test_arena();
    const int64_t released[] = { 1000, 10 };
    const uint64_t hw[] = { 50, 10 };
    answer a =
        finish(arena, "SELECT avg(distance) FROM ewr.flights", released, hw, 0);
    CHECK(a.t.halfwidths[0] == MAL_SQL_HALFWIDTH_NONE);
    CHECK_EQ(a.t.values[0], 100000000);
}

TEST(noise_beyond_every_range_stays_total) {
    mal_arena *arena = test_arena();
    const int64_t released[] = { INT64_MAX, INT64_MIN };
    answer a = finish(arena,
                      "SELECT sum(distance) * 7, sum(distance) + sum(distance)"
                      ", -count(*), count(*) / -1, sum(distance) % 0, "
                      "avg(distance), (sum(distance) / count(*))::numeric(30,4)"
                      " FROM ewr.flights",
                      released, NULL, 0);
    for (unsigned i = 0; i < 6; i++)
        CHECK_EQ(a.t.nulls[i], 1);
    CHECK_EQ(a.t.nulls[6], 0);
}

TEST(expressions_stand_over_groups_and_aggregates) {
    mal_arena *arena = test_arena();
    int64_t released[26];
    for (int i = 0; i < 13; i++) {
        released[i] = 100 * i; /* sum(distance) */
        released[13 + i] = i;  /* count(*) */
    }
    answer a = finish(arena,
                      "SELECT month * 2, sum(distance) / count(*) FROM "
                      "ewr.flights GROUP BY month HAVING month BETWEEN 2 AND 3 "
                      "OR month IS NULL",
                      released, NULL, 0);
    CHECK_STR(csv(arena, &a.t), "?column?,?column?\r\n4,100\r\n6,100\r\n");
}

TEST(an_answer_prints_as_json) {
    mal_arena *arena = test_arena();
    const int64_t released[] = { 1050, -5, 0 };
    const uint64_t hw[] = { 7, 7, 7 };
    answer a = finish(arena,
                      "SELECT maker, sum(engines * 0.5) AS s FROM faa.planes "
                      "GROUP BY maker HAVING maker <> 'AIRBUS'",
                      released, hw, 0);
    MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
    const char *text;
    CHECK_OK(mal_sql_table_json(&out, &a.t));
    CHECK_OK(mal_buf_cstr(&out, &text));
    CHECK_STR(
        text,
        "{\"columns\":[{\"name\":\"maker\",\"scale\":0,\"type\":\"dim\"},"
        "{\"name\":\"s\",\"scale\":1,\"type\":\"decimal\"}],"
        "\"groups_suppressed\":0,\"halfwidths\":[[null,\"0.7\"],[null,\"0.7\"]]"
        ",\"rows\":[[\"BOEING\",\"105.0\"],[\"other\",\"0.0\"]],"
        "\"suppressed\":[false,false]}");
}

TEST_MAIN
