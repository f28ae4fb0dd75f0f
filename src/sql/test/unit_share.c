/* What each owner runs at home, and what is left for shares. */
#include "sql_test.h"

/* Orders and their customers at one owner, items at another, parts and their
 * makers at a third; keys are whole numbers, unique where the contract says so.
 */
#define SHOP                                                                   \
    "room \"shop\" version 1 test\n"                                           \
    "party a owner analyst "                                                   \
    "ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"                   \
    "party b owner ed25519:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n"     \
    "party c owner ed25519:AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=\n"     \
    "dataset a.customers {\n"                                                  \
    "  c measure in 1 .. 50\n  town dim in (\"x\", \"y\")\n  mail id normal "  \
    "raw@1\n  unique c\n  privacy unit row\n  rows at most 50\n}\n"            \
    "dataset a.orders {\n"                                                     \
    "  o measure in 1 .. 900\n  oc measure in 1 .. 50\n  day measure in 0 .. " \
    "3000\n  unique o\n  privacy unit row\n  rows at most 900\n}\n"            \
    "dataset b.items {\n"                                                      \
    "  io measure in 1 .. 900\n  ip measure in 1 .. 30\n  im measure in 1 .. " \
    "5\n  n measure in 1 .. 9\n  price measure decimal(2) in 0 .. 1000\n"      \
    "  privacy unit row\n  rows at most 4000\n}\n"                             \
    "dataset c.parts {\n"                                                      \
    "  p measure in 1 .. 30\n  kind dim in (\"k\", \"l\", \"m\")\n"            \
    "  unique p\n  privacy unit row\n  rows at most 30\n}\n"                   \
    "dataset c.makers {\n"                                                     \
    "  m measure in 1 .. 5\n  name dim in (\"one\", \"two\")\n"                \
    "  unique m\n  privacy unit row\n  rows at most 5\n}\n"                    \
    "dataset c.made {\n"                                                       \
    "  mp measure in 1 .. 30\n  mm measure in 1 .. 5\n  cost measure in 0 .. " \
    "90\n  unique mp, mm\n  privacy unit row\n  rows at most 150\n}\n"         \
    "collude 0\nconsent all owners\nexpires 2027-06-30\n"

static const mal_sql_split_options SHARE3 = { .share3 = true, .opened = true };

static const mal_policy_contract *shop(mal_arena *arena) {
    mal_policy_contract *contract;
    CHECK_OK(mal_policy_parse(&contract, arena, mal_bytes_str(SHOP)));
    return contract;
}

static mal_err try_split(const mal_sql_physical **p, mal_arena *arena,
                         const char *text) {
    const mal_policy_contract *contract = shop(arena);
    const mal_sql_plan *plan;
    mal_err err =
        mal_sql_plan_from_text(&plan, arena, contract, mal_bytes_str(text));
    CHECK_THAT(err == MAL_OK, "%s: %s", text, mal_err_message());
    return mal_sql_split(p, arena, plan, contract, &SHARE3);
}

static const mal_sql_physical *split_of(mal_arena *arena, const char *text) {
    const mal_sql_physical *p;
    mal_err err = try_split(&p, arena, text);
    CHECK_THAT(err == MAL_OK, "%s: %s", text, mal_err_message());
    return p;
}

/* How many lines of the tree above the parts begin with this operator? */
static unsigned count_of(const mal_sql_physical *p, const char *op) {
    unsigned n = 0;
    for (const char *at = p->text; (at = strstr(at, op)); at++)
        n += at[-1] == ' ' || at[-1] == '\n';
    return n;
}

TEST(one_owners_question_is_one_part_and_an_order) {
    mal_arena *arena = test_arena();
    const mal_sql_physical *p = split_of(
        arena, "SELECT town, count(*) FROM orders, customers WHERE oc = c AND "
               "day < 100 GROUP BY town HAVING count(*) > 3");
    CHECK_EQ(p->shape, MAL_SQL_SHARE3);
    CHECK_EQ(p->n_parts, 1);
    CHECK_EQ(p->parts[0].role, MAL_SQL_PART_ROWS);
    CHECK_EQ(p->parts[0].n_out, 2);
    CHECK_EQ(p->parts[0].rows_max, 3); /* x, y, other */
    CHECK(strstr(p->parts[0].sql, "GROUP BY"));
}

TEST(each_owners_tables_are_joined_at_home_whatever_the_text_says) {
    mal_arena *arena = test_arena();
    const mal_sql_physical *p = split_of(
        arena, "SELECT town, sum(price) FROM customers JOIN (SELECT * FROM "
               "orders) q ON c = oc JOIN items ON io = o GROUP BY town");
    const mal_sql_physical *q = split_of(
        arena, "SELECT town, sum(price) FROM orders JOIN items ON io = o JOIN "
               "customers ON c = oc GROUP BY town");
    CHECK_EQ(p->n_parts, 2);
    CHECK_EQ(q->n_parts, 2);
    CHECK_EQ(p->parts[0].rows_max + p->parts[1].rows_max, 4900);
    CHECK_EQ(q->parts[0].rows_max + q->parts[1].rows_max, 4900);
}

/* TPC-H's Q9: nothing joins parts and makers but the items do. */
TEST(an_equality_that_follows_from_others_joins_at_home) {
    mal_arena *arena = test_arena();
    const mal_sql_physical *p = split_of(
        arena, "SELECT name, sum(price - cost * n) FROM parts, makers, items, "
               "made WHERE m = im AND mm = im AND mp = ip AND p = ip AND kind "
               "= 'k' GROUP BY name");
    CHECK_EQ(p->n_parts, 2);
    unsigned made = p->parts[0].owner == 2 ? 0 : 1;
    CHECK_EQ(p->parts[made].rows_max, 150);
    CHECK_EQ(p->parts[1 - made].rows_max, 4000);
    CHECK_EQ(p->parts[made].n_tables, 3);
}

TEST(a_part_that_is_joined_is_sorted_at_home) {
    mal_arena *arena = test_arena();
    const mal_sql_physical *p = split_of(
        arena, "SELECT town, sum(price) FROM customers, orders, items WHERE c "
               "= oc AND io = o GROUP BY town");
    CHECK_EQ(p->n_parts, 2);
    CHECK(strstr(p->parts[0].sql, " ORDER BY q0.c"));
    CHECK(strstr(p->parts[1].sql, " ORDER BY q0.c"));
    p = split_of(arena, "SELECT sum(price) FROM items");
    CHECK(!strstr(p->parts[0].sql, "ORDER BY"));
}

TEST(a_semi_join_moves_to_the_owner_of_both_sides) {
    mal_arena *arena = test_arena();
    const mal_sql_physical *p = split_of(
        arena, "SELECT town, count(*) FROM customers, orders, items WHERE c = "
               "oc AND o = io AND o IN (SELECT io FROM items GROUP BY io "
               "HAVING sum(n) > 30) GROUP BY town");
    CHECK_EQ(p->n_parts, 2); /* o = io, so the items answer for themselves */
    CHECK(strstr(p->text, "SEMI JOIN"));
}

TEST(a_part_shares_only_the_columns_that_are_read_above_it) {
    mal_arena *arena = test_arena();
    const mal_sql_physical *p =
        split_of(arena, "SELECT count(*) FROM orders, items WHERE o = io AND "
                        "day < 100 AND n > 2");
    CHECK_EQ(p->n_parts, 2);
    CHECK_EQ(p->parts[0].n_out, 1);
    CHECK_EQ(p->parts[1].n_out, 1);
}

TEST(columns_of_parts_carry_their_ranges) {
    mal_arena *arena = test_arena();
    const mal_sql_physical *p = split_of(
        arena, "SELECT mail, town, price FROM customers, orders, items WHERE c "
               "= oc AND o = io ORDER BY price DESC LIMIT 5");
    unsigned a = p->parts[0].owner == 0 ? 0 : 1, ids = 0;
    for (unsigned k = 0; k < p->parts[a].n_out; k++) {
        mal_obl_type type = p->parts[a].out[k];
        ids += type.opaque == 128;
        CHECK(type.opaque || (type.lo >= 0 && type.hi <= 900));
    }
    CHECK_EQ(ids, 1);
    CHECK_EQ(p->parts[1 - a].owner, 1);
}

TEST(an_average_is_divided_on_shares_if_it_fits_and_after_opening_if_not) {
    mal_arena *arena = test_arena();
    const mal_sql_physical *p = split_of(
        arena, "SELECT kind, avg(n) FROM parts, items WHERE p = ip GROUP BY "
               "kind");
    CHECK(strstr(p->text, "on shares\n"));
    p = split_of(arena, "SELECT kind, sum(price * price * price) / sum(price) "
                        "FROM parts, items WHERE p = ip GROUP BY kind");
    CHECK(strstr(p->text, "on shares, below what stands at the top\n"));
}

TEST(what_shares_cannot_do_is_refused_by_name) {
    static const struct {
        const char *text, *says;
        mal_err err;
    } list[] = {
        { "SELECT kind, sum(price * price * price) / sum(price) AS q FROM "
          "parts, items WHERE p = ip GROUP BY kind ORDER BY q LIMIT 1",
          "does not fit 62 bits, below the top", MAL_E_UNSUPPORTED },
        { "SELECT count(*) FROM items JOIN (SELECT io AS k FROM items UNION "
          "ALL SELECT oc FROM orders) u ON ip = u.k",
          "declare one side unique", MAL_E_UNSUPPORTED },
        { "SELECT town, sum(price) FROM customers, items, (SELECT max(day) AS "
          "d FROM orders) q WHERE c = ip AND n % d = 0 GROUP BY town, io, ip, "
          "im, n, price, c, d, town = 'x', io + 1, ip + 1, im + 1, n + 1, c + "
          "1, d + 1, io + 2, ip + 2",
          "GROUP BY over shares", MAL_E_LIMIT },
    };
    mal_arena *arena = test_arena();
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        const mal_sql_physical *p;
        mal_err err = try_split(&p, arena, list[i].text);
        CHECK_THAT(err == list[i].err, "%s: %s (%s)", list[i].text,
                   mal_err_name(err), mal_err_message());
        if (err)
            CHECK_THAT(strstr(mal_err_message(), list[i].says), "%s",
                       mal_err_message());
    }
}

TEST(a_physical_plan_is_recomputed_and_compared) {
    mal_arena *arena = test_arena();
    const mal_policy_contract *contract = shop(arena);
    const mal_sql_physical *p = split_of(
        arena, "SELECT kind, sum(n) FROM parts, items WHERE p = ip GROUP BY "
               "kind");
    char *other = mal_arena_strdup(arena, p->text);
    CHECK(count_of(p, "join on ") >= 1);
    CHECK_OK(mal_sql_physical_check(p->plan, contract, &SHARE3,
                                    mal_bytes_str(p->text)));
    strstr(other, "rows <= 4000")[8] = '3';
    CHECK_ERR(mal_sql_physical_check(p->plan, contract, &SHARE3,
                                     mal_bytes_str(other)),
              MAL_E_DENIED);
}

TEST(a_release_has_cells_and_counts_what_a_unit_touches) {
    mal_arena *arena = test_arena();
    const mal_policy_contract *contract = shop(arena);
    const mal_sql_split_options options = { .share3 = true,
                                            .group_count = true };
    const mal_sql_plan *plan;
    const mal_sql_physical *p;
    CHECK_OK(mal_sql_plan_from_text(
        &plan, arena, contract,
        mal_bytes_str("SELECT town, kind, sum(n) FROM customers, orders, "
                      "items, parts WHERE c = oc AND o = io AND ip = p AND day "
                      "< n GROUP BY town, kind")));
    CHECK_OK(mal_sql_split(&p, arena, plan, contract, &options));
    CHECK_EQ(p->shape, MAL_SQL_SHARE3);
    CHECK_EQ(p->n_parts, 3);
    CHECK_EQ(p->n_cells, 3 * 4);
    CHECK_EQ(p->n_aggs, 2);
    CHECK_EQ(p->count_agg, 1);
    /* one customer may have all 4,000 items */
    CHECK_EQ(p->rows_per_unit, 4000);
    CHECK_OK(mal_sql_physical_check(plan, contract, &options,
                                    mal_bytes_str(p->text)));
    CHECK_ERR(
        mal_sql_physical_check(plan, contract, &SHARE3, mal_bytes_str(p->text)),
        MAL_E_DENIED);
}

TEST(different_values_are_counted_for_a_release_on_shares_alone) {
    mal_arena *arena = test_arena();
    const mal_policy_contract *contract = shop(arena);
    mal_sql_split_options options = { .share3 = true };
    const mal_sql_plan *plan;
    const mal_sql_physical *p;
    CHECK_OK(mal_sql_plan_from_text(
        &plan, arena, contract,
        mal_bytes_str("SELECT kind, count(DISTINCT io), count(DISTINCT n), "
                      "count(io) FROM parts, items WHERE p = ip GROUP BY "
                      "kind")));
    CHECK_OK(mal_sql_split(&p, arena, plan, contract, &options));
    CHECK_EQ(p->n_aggs, 3);
    for (unsigned i = 0; i < 3; i++) /* a row adds one at most, to each */
        CHECK(p->aggs[i].kind == MAL_SQL_COUNT && p->aggs[i].lo == 0 &&
              p->aggs[i].hi == 1);
    CHECK_EQ(p->rows_per_unit, 4000);
    CHECK(strstr(p->aggs[0].label, "distinct"));
    options = (mal_sql_split_options){ .apart = true };
    CHECK_ERR(mal_sql_split(&p, arena, plan, contract, &options),
              MAL_E_UNSUPPORTED);
}

/* Every allocation fails once. */
TEST(a_split_for_shares_survives_every_failed_allocation) {
    mal_arena *arena = test_arena();
    const mal_policy_contract *contract = shop(arena);
    const mal_sql_plan *plan;
    CHECK_OK(mal_sql_plan_from_text(
        &plan, arena, contract,
        mal_bytes_str("SELECT name, avg(n) FROM makers, items LEFT JOIN "
                      "orders ON io = o WHERE m = im AND EXISTS (SELECT 1 FROM "
                      "parts WHERE p = ip) GROUP BY name")));
    for (size_t max = 1 << 10; max < (size_t)16 << 20; max += max / 3) {
        const mal_sql_physical *p;
        mal_arena *small = mal_arena_new(max);
        CHECK(small);
        mal_err err = mal_sql_split(&p, small, plan, contract, &SHARE3);
        CHECK_THAT(err == MAL_OK || err == MAL_E_MEMORY || err == MAL_E_LIMIT,
                   "%s", mal_err_message());
        mal_arena_free(small);
    }
}

/* --- what a GROUP BY determines --------------------------------------------
 */

static mal_err hash_of(mal_prim_hash *hash, const char *text) {
    mal_arena *arena = test_arena();
    const mal_sql_plan *plan;
    MAL_TRY(
        mal_sql_plan_from_text(&plan, arena, shop(arena), mal_bytes_str(text)));
    return mal_sql_plan_hash(hash, plan);
}

static void check_same(const char *shorter, const char *longer) {
    mal_prim_hash a, b;
    CHECK_THAT(hash_of(&a, shorter) == MAL_OK, "%s: %s", shorter,
               mal_err_message());
    CHECK_THAT(hash_of(&b, longer) == MAL_OK, "%s: %s", longer,
               mal_err_message());
    CHECK_THAT(memcmp(a.b, b.b, 32) == 0, "%s\n# is not %s", shorter, longer);
}

TEST(a_column_that_the_groups_determine_is_one_more_group) {
    /* a declared key, joined to many rows */
    check_same("SELECT o, day, sum(n) FROM a.orders JOIN b.items ON o = io "
               "GROUP BY o",
               "SELECT o, day, sum(n) FROM a.orders JOIN b.items ON o = io "
               "GROUP BY o, day");
    /* what is equal to it; TPC-H Q3 */
    check_same("SELECT io, sum(price) AS r, day FROM a.customers, a.orders, "
               "b.items WHERE town = 'x' AND c = oc AND o = io GROUP BY io "
               "ORDER BY r DESC, day LIMIT 10",
               "SELECT io, sum(price) AS r, day FROM a.customers, a.orders, "
               "b.items WHERE town = 'x' AND c = oc AND o = io GROUP BY io, "
               "day ORDER BY r DESC, day LIMIT 10");
    /* what that determines in turn; Q10 and Q18 */
    check_same("SELECT o, town, mail, day + 1, sum(n) FROM a.customers, "
               "a.orders, b.items WHERE c = oc AND o = io GROUP BY o HAVING "
               "max(price) > 2 AND oc > 7",
               "SELECT o, town, mail, day + 1, sum(n) FROM a.customers, "
               "a.orders, b.items WHERE c = oc AND o = io GROUP BY o, town, "
               "mail, day, oc HAVING max(price) > 2 AND oc > 7");
    /* several columns, through a projection */
    check_same(
        "SELECT x, y, cost, count(*) FROM (SELECT mp AS x, mm AS y, cost "
        "FROM c.made) t JOIN b.items ON x = ip AND y = im GROUP BY x, y",
        "SELECT x, y, cost, count(*) FROM (SELECT mp AS x, mm AS y, cost "
        "FROM c.made) t JOIN b.items ON x = ip AND y = im "
        "GROUP BY x, y, cost");
    /* where no row matched, key and column are NULL */
    check_same("SELECT p, kind, sum(n) FROM b.items LEFT JOIN c.parts ON "
               "ip = p GROUP BY p",
               "SELECT p, kind, sum(n) FROM b.items LEFT JOIN c.parts ON "
               "ip = p GROUP BY p, kind");
    check_same("SELECT o, day, ip FROM a.orders JOIN (SELECT io, max(ip) AS ip "
               "FROM b.items GROUP BY io) t ON o = io GROUP BY o",
               "SELECT o, day, ip FROM a.orders JOIN (SELECT io, max(ip) AS ip "
               "FROM b.items GROUP BY io) t ON o = io GROUP BY o, day, ip");
}

TEST(a_column_that_the_groups_do_not_determine_is_refused) {
    static const char *const list[] = {
        "SELECT oc, day FROM a.orders GROUP BY oc",
        "SELECT o, price FROM a.orders JOIN b.items ON o = io GROUP BY o",
        "SELECT mp, cost FROM c.made GROUP BY mp",
        "SELECT town, mail FROM a.customers GROUP BY town",
        "SELECT o / 2, day FROM a.orders GROUP BY o / 2",
        "SELECT o, day FROM a.orders UNION ALL SELECT io, max(n) FROM b.items",
        "SELECT io, day, sum(n) FROM b.items LEFT JOIN a.orders ON o = io "
        "GROUP BY n",
        "SELECT x, day FROM (SELECT o AS x, day FROM a.orders UNION ALL SELECT "
        "io, n FROM b.items) t GROUP BY x",
        "SELECT o, day FROM a.orders HAVING count(*) > 1",
    };
    mal_prim_hash hash;
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        CHECK_THAT(hash_of(&hash, list[i]) == MAL_E_INPUT, "%s", list[i]);
        CHECK_THAT(strstr(mal_err_message(), "neither in GROUP BY"), "%s: %s",
                   list[i], mal_err_message());
    }
}

TEST_MAIN
