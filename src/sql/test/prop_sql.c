/* Laws on random input: proved ranges hold, texts of one meaning are one plan,
 * and the text that reaches DuckDB holds nothing but its own alphabet. */
#include "sql_test.h"

#include "../share_impl.h"

/* --- ranges --------------------------------------------------------------- */

#define COLUMNS 6

/* A column of each kind, with a random range. */
static void random_columns(const sql_cx *cx, sql_e *cols, sql_type *types,
                           uint64_t *rng) {
    const mal_policy_dataset *d =
        &cx->contract
             ->datasets[mal_policy_dataset_find(cx->contract, "ewr.flights")];
    for (unsigned i = 0; i < COLUMNS; i++) {
        int64_t span = (int64_t)1 << (mal_test_rand(rng) % 24);
        int64_t lo = (int64_t)(mal_test_rand(rng) % 4000) - 2000;
        types[i] = (sql_type){ .kind = MAL_SQL_INT,
                               .nullable = mal_test_rand(rng) & 1,
                               .scale = (uint8_t)(mal_test_rand(rng) % 4),
                               .lo = lo,
                               .hi = lo + span };
        if (i == 4)
            types[i] = (sql_type){ .kind = MAL_SQL_BOOL,
                                   .nullable = mal_test_rand(rng) & 1 };
        if (i == 5)
            sql_type_of_column(&types[i],
                               &d->columns[mal_policy_column_find(d, "month")]);
        CHECK_OK(sql_col(cx, &cols[i], i, &types[i], -1));
    }
}

static int64_t random_in(const sql_type *t, uint64_t *rng) {
    if (t->kind == MAL_SQL_BOOL)
        return mal_test_rand(rng) & 1;
    if (t->kind == MAL_SQL_CODE)
        return (int64_t)(mal_test_rand(rng) % (t->domain->n_codes + 1));
    switch (mal_test_rand(rng) % 4) {
    case 0:
        return t->lo;
    case 1:
        return t->hi;
    default:
        return t->lo +
               (int64_t)(mal_test_rand(rng) % (uint64_t)(t->hi - t->lo + 1));
    }
}

typedef struct maker {
    const sql_cx *cx;
    const sql_e *cols;
    uint64_t *rng;
} maker;

static mal_err random_bool(const maker *m, sql_e *out, unsigned depth);

static mal_err random_int(const maker *m, sql_e *out, unsigned depth) {
    sql_e a, b, parts[3];
    unsigned kind = (unsigned)(mal_test_rand(m->rng) % 12);
    if (depth == 0 || kind < 2) {
        if (mal_test_rand(m->rng) % 4 == 0)
            return sql_int(m->cx, out,
                           (int64_t)(mal_test_rand(m->rng) % 41) - 20,
                           (unsigned)(mal_test_rand(m->rng) % 3), -1);
        kind = (unsigned)(mal_test_rand(m->rng) % 5);
        return sql_as_int(m->cx, out, m->cols[kind == 4 ? 5 : kind], "x", -1);
    }
    MAL_TRY(random_int(m, &a, depth - 1));
    MAL_TRY(random_int(m, &b, depth - 1));
    if (kind < 7)
        return sql_arith(m->cx, out, (sql_expr_op)(SQL_E_ADD + (kind - 2)), a,
                         b, -1);
    if (kind == 7)
        return sql_arith(m->cx, out, SQL_E_NEG, a, NULL, -1);
    if (kind == 8)
        return sql_rescale(m->cx, out, a, (unsigned)(mal_test_rand(m->rng) % 5),
                           -1);
    if (kind == 9) {
        parts[0] = a;
        parts[1] = b;
        return sql_coalesce(m->cx, out, parts, 2, -1);
    }
    MAL_TRY(random_bool(m, &parts[0], depth - 1));
    parts[1] = a;
    parts[2] = b;
    return sql_case(m->cx, out, parts, 3, -1);
}

static mal_err random_bool(const maker *m, sql_e *out, unsigned depth) {
    unsigned kind = (unsigned)(mal_test_rand(m->rng) % 11);
    sql_e a, b, parts[2];
    if (depth == 0 || kind == 0) {
        *out = m->cols[4];
        return MAL_OK;
    }
    if (kind < 8) {
        MAL_TRY(random_int(m, &a, depth - 1));
        MAL_TRY(random_int(m, &b, depth - 1));
        if (kind == 1)
            return sql_isnull(m->cx, out, a, -1);
        return sql_compare(m->cx, out, (sql_expr_op)(SQL_E_EQ + (kind - 2)), a,
                           b, -1);
    }
    MAL_TRY(random_bool(m, &parts[0], depth - 1));
    MAL_TRY(random_bool(m, &parts[1], depth - 1));
    if (kind == 8)
        return sql_not(m->cx, out, parts[0], -1);
    return sql_logic(m->cx, out, kind == 9 ? SQL_E_AND : SQL_E_OR, parts, 2,
                     -1);
}

TEST(a_value_never_leaves_the_range_that_was_proved) {
    uint64_t rng = mal_test_seed();
    unsigned made = 0;
    for (unsigned i = 0; i < 4000; i++) {
        mal_arena *arena = mal_arena_new((size_t)64 << 20);
        static mal_arena *contracts;
        static const mal_policy_contract *contract;
        if (!contract) {
            contracts = mal_arena_new((size_t)64 << 20);
            contract = test_contract(contracts);
        }
        sql_cx cx = { .arena = arena, .contract = contract };
        sql_e cols[COLUMNS], e;
        sql_type types[COLUMNS];
        random_columns(&cx, cols, types, &rng);
        maker m = { &cx, cols, &rng };
        if (random_int(&m, &e, 4) == MAL_OK) {
            made++;
            for (unsigned k = 0; k < 50; k++) {
                sql_value row[COLUMNS];
                for (unsigned c = 0; c < COLUMNS; c++)
                    row[c] =
                        (sql_value){ .v = random_in(&types[c], &rng),
                                     .null = types[c].nullable &&
                                             mal_test_rand(&rng) % 4 == 0 };
                sql_value v = sql_eval(e, row);
                CHECK(!v.null || e->type.nullable);
                if (!v.null)
                    CHECK_THAT(v.v >= e->type.lo && v.v <= e->type.hi,
                               "%lld is not in %lld .. %lld", (long long)v.v,
                               (long long)e->type.lo, (long long)e->type.hi);
            }
        }
        mal_arena_free(arena);
    }
    CHECK_THAT(made > 2000, "only %u expressions fit 64 bits", made);
}

/* Division rounds down and its remainder has the divisor's sign. */
TEST(floor_and_remainder_make_the_dividend) {
    uint64_t rng = mal_test_seed();
    for (unsigned i = 0; i < 100000; i++) {
        int64_t a = (int64_t)mal_test_rand(&rng) >> (mal_test_rand(&rng) % 64);
        int64_t b = (int64_t)mal_test_rand(&rng) >> (mal_test_rand(&rng) % 64);
        if (b == 0)
            continue;
        mal_i128 q = sql_floor_div(a, b), r = a - b * q;
        CHECK(b > 0 ? r >= 0 && r < b : r <= 0 && r > b);
    }
}

/* What shares compute of a sum and a count is what the plan means by a mean. */
TEST(a_mean_by_divisions_is_the_mean) {
    mal_arena *arena = test_arena();
    sql_cx cx = { .arena = arena, .contract = test_contract(arena) };
    uint64_t rng = mal_test_seed();
    for (int i = 0; i < 20000; i++) {
        int64_t span = (int64_t)1 << (mal_test_rand(&rng) % 30);
        sql_type sum = { .kind = MAL_SQL_INT,
                         .nullable = true,
                         .lo = mal_test_rand(&rng) & 1 ? -span : 0,
                         .hi = span };
        sql_type count = { .kind = MAL_SQL_INT, .hi = 1 + span / 3 };
        sql_expr mean = { .op = SQL_E_MEAN,
                          .type = { .kind = MAL_SQL_INT,
                                    .lo = INT64_MIN / 4,
                                    .hi = INT64_MAX / 4 },
                          .value = (int64_t)(mal_test_rand(&rng) % 7) };
        sql_e args[2], e, divided;
        CHECK_OK(sql_col(&cx, &args[0], 0, &sum, -1));
        CHECK_OK(sql_col(&cx, &args[1], 1, &count, -1));
        CHECK_OK(sql_make_node(&cx, &e, &mean, args, 2));
        CHECK_OK(sql_share_mean(&cx, &divided, e));
        sql_value row[2] = { { .v = random_in(&sum, &rng) },
                             { .v = random_in(&count, &rng) } };
        sql_value a = sql_eval(e, row), b = sql_eval(divided, row);
        CHECK_EQ(a.null, b.null);
        if (!a.null)
            CHECK_EQ(a.v, b.v);
    }
}

TEST(rounding_is_to_the_nearest_and_away_from_zero) {
    uint64_t rng = mal_test_seed();
    for (unsigned i = 0; i < 100000; i++) {
        int64_t a = (int64_t)mal_test_rand(&rng) >> (mal_test_rand(&rng) % 64);
        int64_t b = 1 + (int64_t)(mal_test_rand(&rng) % 1000);
        mal_i128 q = sql_round_div(a, b), rest = 2 * ((mal_i128)a - q * b);
        CHECK(rest <= b && rest >= -b);
        if (rest == b)
            CHECK(a < 0); /* a half went away from zero */
        if (rest == -b)
            CHECK(a > 0);
    }
}

/* --- texts --------------------------------------------------------------- */

static const char *const QUERIES[] = {
    "SELECT carrier , count ( * ) , sum ( distance ) FROM jfk.flights q JOIN "
    "faa.planes p ON q.tailnum = p.tailnum WHERE p.year < 2000 GROUP BY "
    "carrier ORDER BY count ( * ) DESC LIMIT 5",
    "WITH one AS ( SELECT month , fare FROM ewr.flights WHERE dest IN ( 'ORD' "
    ", 'LAX' ) UNION ALL SELECT month , fare FROM jfk.flights ) SELECT month , "
    "avg ( fare ) , sum ( CASE WHEN fare > 10.50 THEN 1 ELSE 0 END ) FROM one "
    "GROUP BY 1 HAVING count ( * ) > 3",
    "SELECT CASE month WHEN 1 THEN distance WHEN 2 THEN - distance END , "
    "COALESCE ( delay , 0 ) , NULLIF ( distance , 7 ) , fare :: numeric ( 20 , "
    "1 ) FROM lga.flights WHERE NOT ( delay IS NULL OR month BETWEEN 2 AND 3 )",
};

/* The same words with other white space and, outside quotes, other case. */
static void scramble(mal_buf *out, const char *text, uint64_t *rng) {
    static const char *const gaps[] = { " ",  "\n",        "\t ",
                                        "  ", " /* x */ ", " -- y\n" };
    bool quoted = false;
    mal_buf_reset(out);
    for (const char *c = text; *c; c++) {
        quoted ^= *c == '\'';
        if (*c == ' ' && !quoted) {
            CHECK_OK(mal_buf_put_str(out, gaps[mal_test_rand(rng) % 6]));
            continue;
        }
        uint8_t b = (uint8_t)*c;
        if (!quoted && ((b | 32) >= 'a' && (b | 32) <= 'z') &&
            mal_test_rand(rng) & 1)
            b ^= 32;
        CHECK_OK(mal_buf_put_u8(out, b));
    }
}

TEST(scrambled_texts_have_one_hash) {
    uint64_t rng = mal_test_seed();
    for (unsigned q = 0; q < 3; q++) {
        mal_prim_hash first, other;
        for (unsigned i = 0; i < 40; i++) {
            MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
            const char *cstr;
            const mal_sql_plan *plan;
            mal_arena *arena = test_arena();
            scramble(&text, QUERIES[q], &rng);
            CHECK_OK(mal_buf_cstr(&text, &cstr));
            mal_err err = plan_of(&plan, arena, i ? cstr : QUERIES[q]);
            CHECK_THAT(err == MAL_OK, "%s\n# %s", cstr, mal_err_message());
            CHECK_OK(mal_sql_plan_hash(i ? &other : &first, plan));
            CHECK(i == 0 || memcmp(first.b, other.b, 32) == 0);
        }
    }
}

TEST(duckdb_reads_words_of_our_alphabet_only) {
    for (unsigned q = 0; q < 3; q++) {
        MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
        const char *cstr;
        const mal_sql_plan *plan;
        CHECK_OK(plan_of(&plan, test_arena(), QUERIES[q]));
        CHECK_OK(mal_sql_print_clear(&text, plan));
        CHECK_OK(mal_buf_cstr(&text, &cstr));
        CHECK_EQ(strspn(cstr, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuv"
                              "wxyz0123456789 ().,*/%+-<>=[]_"),
                 strlen(cstr));
    }
}

TEST_MAIN
