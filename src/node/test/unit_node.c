/* unit_node.c - questions asked of four real nodes, compared with plain sums.
 */
#include "four_nodes.h"

#include <malus/duck.h>

#include <fcntl.h>

static four f;

static void check_answer(const char *sql,
                         int64_t (*expect)(int carrier, int col), int columns) {
    const mal_json *answer, *rows;
    check_done(&f, FAA, query(sql, true));
    CHECK_OK(mal_json_get_object(f.last, "answer", &answer));
    CHECK_OK(mal_json_get_array(answer, "rows", &rows));
    CHECK_EQ(mal_json_len(rows), 5);
    for (size_t r = 0; r < 5; r++)
        for (int c = 1; c <= columns; c++) {
            int64_t v;
            const mal_json *row = mal_json_at(rows, r);
            CHECK_OK(mal_json_as_int(mal_json_at(row, (size_t)c), "cell", &v));
            CHECK_EQ(v, expect((int)r, c));
        }
}

static int64_t expect_union(int carrier, int col) {
    int64_t n = 0;
    for (int o = 0; o < 3; o++)
        for (int i = 0; i < FLIGHTS; i++)
            if (flights[o][i].carrier == carrier)
                n += col == 1 ? 1 : flights[o][i].distance;
    return n;
}

static int64_t expect_local(int carrier, int col) {
    int64_t n = 0;
    for (int i = 0; i < FLIGHTS; i++)
        if (flights[EWR][i].carrier == carrier && flights[EWR][i].month <= 6)
            n += col == 1 ? 1 : flights[EWR][i].distance;
    return n;
}

static int64_t expect_join(int carrier, int col) {
    int64_t n = 0;
    for (int i = 0; i < FLIGHTS; i++) {
        const flight *x = &flights[JFK][i];
        if (x->carrier == carrier && x->tail < PLANES &&
            plane_year[x->tail] < 2000)
            n += col == 1 ? 1 : x->distance;
    }
    return n;
}

static const char union_sql[] =
    "SELECT carrier, count(*), sum(distance) FROM ("
    " SELECT carrier, distance FROM ewr.flights UNION ALL"
    " SELECT carrier, distance FROM jfk.flights UNION ALL"
    " SELECT carrier, distance FROM lga.flights) f GROUP BY carrier"
    " ORDER BY carrier";
static const char join_sql[] =
    "SELECT carrier, count(*), sum(distance) FROM jfk.flights f"
    " JOIN faa.planes p ON f.tailnum = p.tailnum WHERE p.year < 2000"
    " GROUP BY carrier ORDER BY carrier";

TEST(four_nodes_open_a_room_and_ingest) {
    four_open(&f);
}

TEST(one_owners_table_is_answered_exactly_before_noise) {
    check_answer("SELECT carrier, count(*), sum(distance) FROM ewr.flights"
                 " WHERE month <= 6 GROUP BY carrier ORDER BY carrier",
                 expect_local, 2);
}

TEST(a_union_of_three_owners_is_answered_exactly_before_noise) {
    check_answer(union_sql, expect_union, 2);
}

TEST(a_join_of_two_owners_is_answered_exactly_before_noise) {
    check_answer(join_sql, expect_join, 2);
}

/* The same questions, put to DuckDB over the very files that were ingested. */
#define CODE                                                                   \
    "CASE carrier WHEN 'AA' THEN 0 WHEN 'B6' THEN 1 WHEN 'DL' THEN 2 "         \
    "WHEN 'UA' THEN 3 ELSE 4 END"
#define FIGURES "SELECT " CODE " AS c, count(*), sum(distance)::BIGINT FROM "

static void check_with_duck(const char *sql, const char *duck_sql) {
    static const mal_duck_type types[3] = { MAL_DUCK_I64, MAL_DUCK_I64,
                                            MAL_DUCK_I64 };
    int files[PARTIES];
    char text[4096];
    mal_duck *duck;
    mal_duck_batch rows;
    const mal_json *answer, *list;
    mal_arena *arena = mal_arena_new(64 << 20);
    for (int i = 0; i < PARTIES; i++) {
        snprintf(text, sizeof text, "%s/%s.csv", f.dir, party_names[i]);
        files[i] = open(text, O_RDONLY | O_CLOEXEC);
        CHECK(files[i] >= 0);
    }
    mal_duck_options options = { .files = files, .n_files = PARTIES };
    CHECK_OK(mal_duck_start(&duck, &options));
    for (int i = 0; i < PARTIES; i++) {
        snprintf(text, sizeof text,
                 "CREATE TABLE %s AS SELECT * FROM read_csv('%s', header = "
                 "true, auto_detect = true)",
                 party_names[i], mal_duck_file_path((unsigned)i));
        CHECK_OK(mal_duck_run(duck, text));
        close(files[i]);
    }
    CHECK_OK(mal_duck_query(duck, &rows, arena, duck_sql, types, 3, 10));
    check_done(&f, FAA, query(sql, true));
    CHECK_OK(mal_json_get_object(f.last, "answer", &answer));
    CHECK_OK(mal_json_get_array(answer, "rows", &list));
    CHECK_EQ(mal_json_len(list), rows.rows);
    for (size_t r = 0; r < rows.rows; r++)
        for (unsigned c = 1; c < 3; c++) {
            int64_t v;
            CHECK_OK(mal_json_as_int(mal_json_at(mal_json_at(list, r), c),
                                     "cell", &v));
            CHECK_EQ(v, rows.columns[c].i64[r]);
        }
    mal_duck_stop(duck);
    mal_arena_free(arena);
}

TEST(duckdb_gives_the_same_integers_over_the_same_files) {
    check_with_duck(union_sql,
                    FIGURES "(SELECT carrier, distance FROM ewr UNION ALL "
                            "SELECT carrier, distance FROM jfk UNION ALL "
                            "SELECT carrier, distance FROM lga) "
                            "GROUP BY c ORDER BY c");
    check_with_duck(join_sql,
                    FIGURES "jfk JOIN faa USING (tailnum) WHERE year < 2000 "
                            "GROUP BY c ORDER BY c");
}

TEST(a_noised_answer_comes_with_a_receipt_that_verifies) {
    const char *receipt, *event;
    mal_buf report = { 0 };
    check_done(&f, FAA, query(union_sql, false));
    CHECK_OK(mal_json_get_str(f.last, "receipt", &receipt));
    mal_err err =
        mal_room_receipt_verify(&report, mal_bytes_str(receipt), false);
    CHECK_THAT(err == MAL_OK, "%s\n%.*s", mal_err_message(), (int)report.len,
               (const char *)report.ptr);
    CHECK_OK(mal_json_get_str(f.last, "event", &event));
    mal_buf_clear(&report);
}

TEST(a_repeated_question_is_answered_again_at_no_cost) {
    bool stored;
    check_done(&f, FAA, query(union_sql, false));
    CHECK_OK(mal_json_get_bool(f.last, "stored", &stored));
    CHECK(stored);
}

TEST(a_forbidden_question_is_refused_with_its_rule) {
    const mal_json *verdict;
    const char *rule;
    CHECK(!ask_node(&f, FAA,
                    query("SELECT max(distance) FROM ewr.flights", false)));
    CHECK_OK(mal_json_get_object(f.last, "verdict", &verdict));
    CHECK_OK(mal_json_get_str(verdict, "rule", &rule));
    CHECK_STR(rule, "no-rows");
    const mal_json *entries;
    const char *kind;
    check_done(&f, FAA, verb("log"));
    CHECK_OK(mal_json_get_array(f.last, "entries", &entries));
    CHECK_OK(mal_json_get_str(mal_json_at(entries, mal_json_len(entries) - 1),
                              "kind", &kind));
    CHECK_STR(kind, "refusal");
}

TEST(explain_tells_of_the_join_and_touches_no_budget) {
    const char *text;
    mal_json *q = query(join_sql, false);
    CHECK_OK(mal_json_put_str(q, "room", "airports"));
    mal_json *e = verb("explain");
    CHECK_OK(mal_json_put_str(e, "text", join_sql));
    mal_json_free(q);
    check_done(&f, FAA, e);
    CHECK_OK(mal_json_get_str(f.last, "text", &text));
    CHECK(strstr(text, "psi") && strstr(text, "match"));
}

TEST(the_nodes_stop_and_leave_nothing) {
    four_close(&f);
}

TEST_MAIN
