/* What a contract says, and that its hash is of its meaning. */
#include "policy_test.h"

#include <malus/prim.h>

static mal_policy_contract *read_example(const char *name) {
    static mal_buf text;
    char path[4096];
    mal_buf_reset(&text);
    snprintf(path, sizeof path, "%s/examples/%s", MAL_TEST_SOURCE_ROOT, name);
    CHECK_OK(mal_file_read(&text, path, MAL_POLICY_TEXT_MAX));
    mal_policy_contract *c;
    CHECK_OK(mal_policy_parse(&c, test_arena(), mal_buf_view(&text)));
    return c;
}

static void check_same_hash(const char *a, const char *b) {
    uint8_t hash[32];
    memcpy(hash, parse(a)->hash, 32);
    CHECK(mal_equal(hash, parse(b)->hash, 32));
}

static void check_other_hash(const char *a, const char *b) {
    uint8_t hash[32];
    memcpy(hash, parse(a)->hash, 32);
    CHECK(!mal_equal(hash, parse(b)->hash, 32));
}

TEST(a_contract_is_read_into_its_tree) {
    const mal_policy_contract *c = parse(ROOM);
    CHECK_STR(c->name, "r");
    CHECK_EQ(c->version, 1);
    CHECK(!c->test);
    CHECK_EQ(c->n_parties, 3);
    CHECK_STR(c->parties[AGENCY].name, "agency");
    CHECK_EQ(c->parties[AGENCY].roles, MAL_POLICY_ANALYST);
    CHECK_EQ(c->parties[AGENCY].identity[31], 2);
    CHECK_EQ(c->n_datasets, 2);
    const mal_policy_dataset *d = &c->datasets[CUSTOMERS];
    CHECK_STR(d->name, "acme.customers");
    CHECK_STR(d->table, "customers");
    CHECK_EQ(d->owner, ACME);
    CHECK_STR(d->class_, "personal");
    CHECK_EQ(d->unit, EMAIL);
    CHECK_EQ(d->contributes_max, 1);
    CHECK_EQ(d->rows_max, 1000);
    CHECK_EQ(d->n_columns, 4);
    CHECK_EQ(d->line, 5);
    CHECK_EQ(c->collude, 1);
    CHECK_EQ(c->expires, 1814313600);
    CHECK(mal_equal(c->hash, c->room_id, 32));
}

TEST(columns_carry_role_domain_and_range) {
    const mal_policy_contract *c = parse(ROOM);
    const mal_policy_column *k = c->datasets[CUSTOMERS].columns;
    CHECK_EQ(k[EMAIL].role, MAL_POLICY_ID);
    CHECK_STR(k[EMAIL].normal, "uid2@1");
    CHECK_STR(k[EMAIL].domain, "email"); /* by default, its own name */
    CHECK_EQ(k[REGION].role, MAL_POLICY_DIM);
    CHECK_EQ(k[REGION].n_codes, 2);
    CHECK_STR(k[REGION].codes[1], "s");
    CHECK_EQ(mal_policy_cells(&k[REGION]), 3);
    CHECK_EQ(k[SPEND].scale, 2);
    CHECK_EQ(k[SPEND].lo, 0);
    CHECK_EQ(k[SPEND].hi, 500000);
    CHECK_EQ(k[SSN].role, MAL_POLICY_SECRET);
    const mal_policy_column *store = &c->datasets[VISITS].columns[STORE];
    CHECK(!store->codes);
    CHECK_EQ(store->n_codes, 9);
    CHECK_EQ(store->lo, 1);
}

/* Declared anywhere in the block, stored in one order, part of the hash. */
TEST(unique_columns_are_declared_and_canonical) {
#define UNIQUE(lines)                                                          \
    "room \"r\" version 1\n"                                                   \
    "party a owner ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"     \
    "dataset a.t {\n" lines                                                    \
    "  order measure in 1 .. 60000\n  line dim in 1 .. 7\n"                    \
    "  part measure in 1 .. 2000\n  privacy unit row\n  rows at most 9\n}\n"   \
    "collude 0\nconsent all owners\nexpires 2027-06-30\n"
    mal_arena *arena = mal_arena_new((size_t)8 << 20);
    mal_policy_contract *c, *d, *none;
    CHECK_OK(mal_policy_parse(
        &c, arena,
        mal_bytes_str(UNIQUE("  unique part\n  unique line, order\n"))));
    CHECK_OK(mal_policy_parse(
        &d, arena,
        mal_bytes_str(UNIQUE("  unique order, line unique part\n"))));
    CHECK_OK(mal_policy_parse(&none, arena, mal_bytes_str(UNIQUE(""))));
#undef UNIQUE
    CHECK_EQ(c->datasets[0].n_uniques, 2);
    CHECK_EQ(c->datasets[0].uniques[0].n, 2);
    CHECK_EQ(c->datasets[0].uniques[0].columns[0], 0);
    CHECK_EQ(c->datasets[0].uniques[0].columns[1], 1);
    CHECK_EQ(c->datasets[0].uniques[1].columns[0], 2);
    CHECK(memcmp(c->hash, d->hash, 32) == 0);
    CHECK(memcmp(c->hash, none->hash, 32) != 0);
    CHECK_EQ(none->datasets[0].n_uniques, 0);
    mal_arena_free(arena);
}

TEST(a_table_that_rests_shared_says_so_in_the_hash) {
#define RESTS(lines)                                                           \
    "room \"r\" version 1\n"                                                   \
    "party a owner ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"     \
    "dataset a.t {\n  v measure in 0 .. 9\n  privacy unit row\n" lines         \
    "  rows at most 9\n}\ncollude 0\nconsent all owners\nexpires 2027-06-30\n"
    mal_arena *arena = mal_arena_new((size_t)8 << 20);
    mal_policy_contract *c, *d, *again;
    CHECK_OK(
        mal_policy_parse(&c, arena, mal_bytes_str(RESTS("rests shared\n"))));
    CHECK_OK(mal_policy_parse(&d, arena, mal_bytes_str(RESTS(""))));
    CHECK_OK(mal_policy_parse(&again, arena, c->canonical));
#undef RESTS
    CHECK(c->datasets[0].shared && again->datasets[0].shared);
    CHECK(!d->datasets[0].shared);
    CHECK(memcmp(c->hash, d->hash, 32) != 0);
    CHECK(memcmp(c->hash, again->hash, 32) == 0);
    mal_arena_free(arena);
}

/* Keys and days are measures; a rule may let their values be shown. */
TEST(a_measure_may_play_the_part_of_a_dim) {
    mal_arena *arena = mal_arena_new((size_t)8 << 20);
    mal_policy_contract *c;
    CHECK_OK(mal_policy_parse(
        &c, arena,
        mal_bytes_str(
            "room \"r\" version 1 test\n"
            "party a owner analyst "
            "ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
            "dataset a.t {\n  o measure in 1 .. 60000\n  unique o\n"
            "  privacy unit row\n  rows at most 9\n}\n"
            "rule r permit count, rows by a from a.t (dim o, measure o) run "
            "clear exact columns a.t.o to a to a\n"
            "collude 0\nconsent all owners\nexpires 2027-06-30\n")));
    CHECK_EQ(c->rules[0].from[0].n_items, 2);
    CHECK_EQ(c->rules[0].from[0].items[0].as, MAL_POLICY_AS_DIM);
    CHECK_EQ(mal_policy_cells(&c->datasets[0].columns[0]), 60000);
    mal_arena_free(arena);
}

TEST(a_rule_carries_every_clause) {
    const mal_policy_contract *c = parse(ROOM);
    const mal_policy_rule *r = &c->rules[mal_policy_rule_find(c, "reach")];
    CHECK_EQ(r->effect, MAL_POLICY_PERMIT);
    CHECK_EQ(r->operations, MAL_POLICY_OP_COUNT | MAL_POLICY_OP_SUM);
    CHECK_EQ(r->by, 1 << AGENCY);
    CHECK_EQ(r->n_from, 2);
    CHECK_EQ(r->from[0].n_items, 2);
    CHECK_EQ(r->from[0].items[1].as, MAL_POLICY_AS_MEASURE);
    CHECK_EQ(r->n_joins, 1);
    CHECK_EQ(r->joins[0].dataset_a, CUSTOMERS);
    CHECK_STR(r->purposes[0], "dpv:Marketing");
    CHECK_EQ(r->group_min, 50);
    CHECK_EQ(r->epsilon_nano, 500000000);
    CHECK_EQ(r->delta.num, 1);
    CHECK_EQ(r->delta.den, 1000000000);
    CHECK_EQ(r->rows_max, 100);
    CHECK_EQ(r->n_run, 2);
    CHECK_EQ(r->run[1].engine, MAL_POLICY_ENGINE_SHARE3);
    CHECK_EQ(r->run[1].mode, MAL_POLICY_MODE_MALICIOUS);
    CHECK_EQ(r->to, 1 << AGENCY);
    CHECK_EQ(r->keep_days, 30);
    CHECK_EQ(r->reveals, MAL_POLICY_REVEALS_MATCH_COUNT);
    const mal_policy_rule *no =
        &c->rules[mal_policy_rule_find(c, "no-secrets")];
    CHECK_EQ(no->operations, MAL_POLICY_OP_ALL);
    CHECK_STR(no->touching[0].class_, "secret");
}

TEST(budgets_have_a_total_and_perhaps_a_rate) {
    const mal_policy_contract *c = parse(ROOM);
    const mal_policy_budget *b = mal_policy_budget_find(c, CUSTOMERS, AGENCY);
    CHECK(b && b->epsilon_nano == 4000000000u && b->rate_nano == 1000000000 &&
          b->rate_days == 30 && b->delta.den == 1000000);
    b = mal_policy_budget_find(c, VISITS, MAL_POLICY_NONE);
    CHECK(b && b->rate_nano == 0);
    CHECK(!mal_policy_budget_find(c, VISITS, AGENCY));
}

TEST(reserved_words_stand_in_the_tree) {
    const mal_policy_contract *c = parse(
        "room \"r\" version 1 test\n"
        "party a owner " KEY_A
        " organisation \"A \\\"B\\\" C\" jurisdiction EU\n"
        "party w witness compute delegate for a " KEY_B "\n"
        "dataset a.t class health jurisdiction DE {\n"
        "  x dim in (p, \"9E\") nullable class age\n"
        "  privacy unit row rows at most 5 }\n"
        "withdraw any owner collude 0 consent all owners expires 2030-01-01");
    CHECK(c->test);
    CHECK_STR(c->parties[0].organisation, "A \"B\" C");
    CHECK_STR(c->parties[0].jurisdiction, "EU");
    CHECK_EQ(c->parties[1].roles,
             MAL_POLICY_WITNESS | MAL_POLICY_COMPUTE | MAL_POLICY_DELEGATE);
    CHECK_EQ(c->parties[1].delegate_for, 1);
    CHECK_STR(c->datasets[0].jurisdiction, "DE");
    CHECK_STR(c->datasets[0].columns[0].class_, "age");
    CHECK_EQ(mal_policy_cells(&c->datasets[0].columns[0]), 4);
    CHECK_EQ(c->datasets[0].unit, MAL_POLICY_NONE);
}

TEST(the_examples_compile_and_are_their_own_canonical_text) {
    static const char *const names[] = { "reach.room", "airports.room" };
    for (int i = 0; i < 2; i++) {
        const mal_policy_contract *c = read_example(names[i]);
        mal_policy_contract *again;
        mal_arena *arena = mal_arena_new((size_t)64 << 20);
        CHECK_OK(mal_policy_parse(&again, arena, c->canonical));
        CHECK(mal_bytes_same_vartime(c->canonical, again->canonical));
        CHECK(mal_equal(c->hash, again->hash, 32));
        mal_arena_free(arena);
    }
}

TEST(the_hash_is_the_sha256_of_the_canonical_text) {
    const mal_policy_contract *c = parse(ROOM);
    mal_prim_hash h;
    mal_prim_sha256_of(&h, c->canonical);
    CHECK(mal_equal(h.b, c->hash, 32));
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    CHECK_OK(mal_policy_canonical(&text, c));
    CHECK(mal_bytes_same_vartime(mal_buf_view(&text), c->canonical));
}

TEST(blanks_comments_and_the_order_of_statements_are_no_meaning) {
    check_same_hash(ROOM, HEAD TAIL BUDGETS NO_SECRETS REACH DATA);
    check_same_hash(ROOM, "# hello\r\n" HEAD
                          "\t\n# \xc3\xa9\n" DATA REACH NO_SECRETS BUDGETS
                          "withdraw any owner\n" TAIL);
    check_same_hash(
        ROOM,
        "room \"r\" version 1 party retail owner " KEY_B
        " party agency analyst " KEY_C " party acme owner " KEY_A " " DATA
        "rule reach permit sum, count to agency keep 30 days run share3 "
        "malicious | psi require rows <= 1e2, delta <= 0.000000001, group >= "
        "50, epsilon <= 0.50 for dpv:Marketing join retail.visits.email = "
        "acme.customers.email from retail.visits(dim store), "
        "acme.customers(measure spend, dim region) reveals match count by "
        "agency " NO_SECRETS BUDGETS TAIL);
}

TEST(a_changed_meaning_changes_the_hash) {
    check_other_hash(ROOM, HEAD DATA REACH BUDGETS TAIL);
    check_other_hash(
        ROOM, "room \"r\" version 1 test\n" DATA REACH NO_SECRETS BUDGETS TAIL
              "party acme owner " KEY_A " party retail owner " KEY_B
              " party agency analyst " KEY_C);
    check_other_hash(ROOM, HEAD DATA REACH NO_SECRETS BUDGETS
                     "collude 0 consent all owners expires 2027-06-30");
    check_other_hash(ROOM, HEAD DATA REACH NO_SECRETS BUDGETS
                     "collude 1 consent all owners expires 2027-07-01");
}

#define DIM(values)                                                            \
    "room \"r\" version 1 party a owner " KEY_A                                \
    " dataset a.t { x dim in (" values ") privacy unit row rows at most 5 } "  \
    "collude 0 consent all owners expires 2030-01-01"

TEST(the_order_of_a_list_of_values_is_meaning) {
    check_other_hash(DIM("p, q"), DIM("q, p")); /* codes are positions */
    check_same_hash(DIM("p, q"), DIM("\"p\",\"q\""));
}

TEST(the_lineage_is_owner_and_domain_of_ids) {
    const mal_policy_contract *c = parse(ROOM);
    MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
    const char *text;
    CHECK_OK(mal_policy_lineage(&out, c, VISITS));
    CHECK_OK(mal_buf_cstr(&out, &text));
    CHECK_STR(text, "retail/email");
    mal_buf_reset(&out);
    CHECK_OK(mal_policy_lineage(&out, parse(DIM("p")), 0));
    CHECK_OK(mal_buf_cstr(&out, &text));
    CHECK_STR(text, "a/t#row");
    CHECK_ERR(mal_policy_lineage(&out, parse(DIM("p")), 1), MAL_E_INPUT);
}

TEST(a_version_names_its_parent_and_the_room) {
    const mal_policy_contract *c = parse(
        "room \"r\" version 2\n"
        "parent sha256:"
        "00000000000000000000000000000000000000000000000000000000000000FF\n"
        "room-id sha256:"
        "1100000000000000000000000000000000000000000000000000000000000000\n"
        "party a owner " KEY_A
        " dataset a.t { x secret privacy unit row rows at most 5 } "
        "collude 0 consent all owners expires 2030-01-01");
    CHECK_EQ(c->parent[31], 0xff);
    CHECK_EQ(c->room_id[0], 0x11);
    CHECK(!mal_equal(c->hash, c->room_id, 32));
}

TEST(a_summary_says_who_must_be_believed) {
    MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
    const char *text;
    CHECK_OK(mal_policy_print(&out, parse(ROOM)));
    CHECK_OK(mal_buf_cstr(&out, &text));
    CHECK(strstr(text, "who must be believed"));
    CHECK(strstr(text, "padded sizes"));
    CHECK(!strstr(text, "match count"));
    CHECK(strstr(text, "1 colluding owner and"));
}

TEST(engines_and_codes_have_names) {
    for (int e = 1; e < MAL_POLICY_ENGINES; e++)
        CHECK_EQ(mal_policy_engine_find(
                     mal_policy_engine_name((mal_policy_engine)e)),
                 e);
    CHECK_EQ(mal_policy_engine_find("magic"), MAL_POLICY_ENGINE_NONE);
    CHECK_STR(mal_policy_engine_name(MAL_POLICY_ENGINE_NONE), "none");
    CHECK_STR(mal_policy_code_name(MAL_POLICY_EPSILON), "epsilon");
}

TEST_MAIN
