/* Findings, what a party could learn, and who may succeed whom. */
#include "policy_test.h"

#include <math.h>

static mal_policy_findings check(const char *text) {
    mal_arena *arena = test_arena();
    mal_policy_contract *c = parse_in(arena, text);
    mal_policy_findings f;
    CHECK_OK(mal_policy_check(&f, arena, c));
    return f;
}

static const mal_policy_finding *finding(const mal_policy_findings *f,
                                         const char *code) {
    for (uint32_t i = 0; i < f->n; i++)
        if (!strcmp(f->list[i].code, code))
            return &f->list[i];
    return NULL;
}

static void check_found(const char *text, const char *code, uint32_t line,
                        const char *says) {
    mal_policy_findings f = check(text);
    const mal_policy_finding *one = finding(&f, code);
    CHECK_THAT(one, "no %s among %u findings", code, f.n);
    CHECK_EQ(one->line, line);
    CHECK_THAT(strstr(one->text, says), "%s", one->text);
}

static void check_not_found(const char *text, const char *code) {
    mal_policy_findings f = check(text);
    const mal_policy_finding *one = finding(&f, code);
    CHECK_THAT(!one, "%s: %s", code, one->text);
}

#define TO_AGENCY                                                              \
    "to agency run psi require epsilon <= 1, delta <= 1e-6 reveals match "     \
    "count\n"
#define NARROW                                                                 \
    "rule narrow permit sum by agency from acme.customers (measure spend) "    \
    "for dpv:A " TO_AGENCY
#define WIDE                                                                   \
    "rule wide permit count, sum by agency from acme.customers (measure "      \
    "spend, dim region), retail.visits " TO_AGENCY

TEST(a_sound_contract_has_no_warnings_about_its_rules) {
    static const char *const codes[] = {
        "dead-rule", "overridden-rule", "shadowed-rule",
        "no-budget", "unused-dataset",  "unspendable-budget"
    };
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        check_not_found(ROOM, codes[i]);
    check_found(ROOM, "share3-seats", 20,
                "no party is named to compute, and there are 2 owners");
    check_found(ROOM, "idle-forbid", 28, "no-secrets");
}

TEST(a_word_that_no_node_acts_on_is_told) {
    check_found(HEAD DATA
                "rule wait review sum by agency from acme.customers (measure "
                "spend) for dpv:A " TO_AGENCY BUDGETS TAIL,
                "idle-word", 20, "rule wait");
    check_not_found(HEAD DATA NARROW BUDGETS TAIL, "idle-word");
}

TEST(a_rule_that_a_forbid_swallows_is_dead) {
    check_found(HEAD DATA NARROW "rule f forbid sum, min" BUDGETS TAIL,
                "dead-rule", 20, "rule f forbids all of it");
    check_found(HEAD DATA NARROW "rule f forbid * from acme.customers by agency"
                                 " run psi for dpv:A to agency" BUDGETS TAIL,
                "dead-rule", 20, "narrow");
    check_not_found(HEAD DATA WIDE "rule f forbid sum" BUDGETS TAIL,
                    "dead-rule");
    check_not_found(HEAD DATA NARROW "rule f forbid * run clear" BUDGETS TAIL,
                    "dead-rule");
}

TEST(a_rule_wider_than_a_forbid_is_told) {
    check_found(HEAD DATA WIDE "rule f forbid sum" BUDGETS TAIL,
                "overridden-rule", 20, "rule wide is wider than rule f");
    check_found(HEAD DATA WIDE
                "rule f forbid * touching class personal" BUDGETS TAIL,
                "overridden-rule", 20, "wide");
    check_not_found(HEAD DATA WIDE "rule f forbid min" BUDGETS TAIL,
                    "overridden-rule");
}

TEST(a_rule_inside_another_adds_nothing) {
    check_found(HEAD DATA WIDE NARROW BUDGETS TAIL, "shadowed-rule", 21,
                "rule wide covers every plan");
    check_not_found(HEAD DATA WIDE
                    "rule other permit sum by agency from "
                    "acme.customers (filter spend) " TO_AGENCY BUDGETS TAIL,
                    "shadowed-rule");
}

TEST(of_two_equal_rules_one_is_told) {
    mal_policy_findings f = check(
        HEAD DATA NARROW
        "rule twin permit sum by agency from "
        "acme.customers (measure spend) for dpv:A " TO_AGENCY BUDGETS TAIL);
    unsigned n = 0;
    for (uint32_t i = 0; i < f.n; i++)
        n += !strcmp(f.list[i].code, "shadowed-rule");
    CHECK_EQ(n, 1);
    CHECK(strstr(finding(&f, "shadowed-rule")->text, "rule twin adds"));
}

TEST(budgets_and_payers_are_matched) {
    check_found(HEAD DATA NARROW BUDGETS TAIL, "unspendable-budget", 23,
                "retail.visits");
    check_found(HEAD DATA NARROW TAIL, "no-budget", 20, "by agency over");
    check_found(HEAD DATA NARROW BUDGETS TAIL, "unused-dataset", 13,
                "retail.visits");
}

TEST(what_protects_nobody_is_told) {
    check_found(HEAD DATA "rule e permit sum by agency from acme.customers "
                          "(measure spend) to agency run psi require group >= "
                          "9 exact columns acme.customers.spend to "
                          "agency" BUDGETS TAIL,
                "threshold-without-noise", 20, "groups of 9");
    check_found(HEAD DATA BUDGETS TAIL, "idle-analyst", 0, "agency");
    check_found(HEAD DATA "collude 0 consent all owners expires 2030-01-01",
                "collude-zero", 0, "collude 0");
    check_found(HEAD DATA "rule p permit count by agency from acme.customers "
                          "to agency run psi require epsilon <= 1, delta <= "
                          "1e-6 reveals match count" BUDGETS TAIL,
                "psi-reveals", 20, "does not need");
    check_found(HEAD DATA "rule p permit min by agency from acme.customers "
                          "to agency run sum require epsilon <= 1, delta <= "
                          "1e-6" BUDGETS TAIL,
                "no-mechanism", 20, "refused by name");
}

/* --- learn ---------------------------------------------------------------- */

static const char *learn(const char *text, uint32_t party) {
    static mal_buf out;
    const char *said;
    mal_buf_reset(&out);
    CHECK_OK(mal_policy_learn(&out, parse(text), party));
    CHECK_OK(mal_buf_cstr(&out, &said));
    return said;
}

TEST(learn_names_columns_joins_groups_and_the_bound) {
    const char *said = learn(ROOM, AGENCY);
    static const char *const wanted[] = {
        "by rule reach (asks and receives): count, sum",
        "region as dim, spend as measure",
        "joined: acme.customers.email = retail.visits.email",
        "smallest group shown: 50",
        "exactly: the match count",
        "acme.customers.region (3), retail.visits.store (10) cells",
        "acme/email: epsilon 4, delta 1e-6 in all",
        "gains at most 96.4028 %",
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        CHECK_THAT(strstr(said, wanted[i]), "\"%s\" wanted in:\n%s", wanted[i],
                   said);
}

TEST(who_is_in_no_rule_learns_nothing) {
    CHECK(strstr(learn(ROOM, RETAIL), "nothing: no rule"));
    MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
    CHECK_ERR(mal_policy_learn(&out, parse(ROOM), 3), MAL_E_INPUT);
}

TEST(learn_shouts_what_leaves_without_noise) {
    CHECK(strstr(
        learn(HEAD DATA "rule e permit sum by agency from acme.customers "
                        "(measure spend) to agency run psi exact columns "
                        "acme.customers.spend to agency" BUDGETS TAIL,
              AGENCY),
        "WITHOUT NOISE, no differential privacy: acme.customers.spend"));
}

TEST(the_advantage_is_an_upper_bound_and_close) {
    /* A double has 53 bits; the bound is in millionths: enough to compare. */
    static const mal_policy_ratio none = { 0, 1 }, some = { 1, 1000 };
    uint64_t state = mal_test_seed();
    for (int i = 0; i < 100000; i++) {
        uint64_t nano = mal_test_rand(&state) >> (mal_test_rand(&state) % 34);
        nano = 1 + nano % 29999999999u;
        double e = (double)nano / 1e9;
        double exact = tanh(e / 2) * 1e6;
        double loose = (expm1(e) + 0.002) / (exp(e) + 1) * 1e6;
        uint32_t a = mal_policy_advantage_ppm(nano, none);
        uint32_t b = mal_policy_advantage_ppm(nano, some);
        CHECK_THAT(a > exact - 1e-6 && a < exact + 1.01, "%llu: %u, %f",
                   (unsigned long long)nano, a, exact);
        CHECK_THAT(b > loose - 1e-6 && b < loose + 1.01, "%llu: %u, %f",
                   (unsigned long long)nano, b, loose);
    }
    CHECK_EQ(mal_policy_advantage_ppm(30000000000u, none), 1000000);
    CHECK_EQ(mal_policy_advantage_ppm(UINT64_MAX, none), 1000000);
    CHECK_EQ(mal_policy_advantage_ppm(1, (mal_policy_ratio){ 0, 0 }), 1000000);
    CHECK_EQ(mal_policy_advantage_ppm(1, (mal_policy_ratio){ 1, 1 }), 1000000);
    CHECK(mal_policy_advantage_ppm(0, none) <= 1);
}

/* --- Successors ----------------------------------------------------------- */

#define KEY_D "ed25519:AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM="
#define PEOPLE                                                                 \
    "party acme owner " KEY_A "\nparty retail owner " KEY_B                    \
    "\nparty agency analyst " KEY_C "\n"

/* Version 2 of ROOM with this body; "" leaves parent and room-id right. */
static mal_err succeed(const char *title, const char *parent,
                       const char *body) {
    mal_arena *arena = test_arena();
    mal_policy_contract *old = parse_in(arena, ROOM), *new;
    char hex[65];
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    mal_hex_encode(hex, mal_bytes_of(old->hash, 32));
    CHECK_OK(mal_buf_put_fmt(&text,
                             "room %s\nparent sha256:%s\nroom-id "
                             "sha256:%s\n%s",
                             title, *parent ? parent : hex, hex, body));
    mal_err err = mal_policy_parse(&new, arena, mal_buf_view(&text));
    CHECK_THAT(err == MAL_OK, "%s", mal_err_message());
    return mal_policy_successor_check(old, new);
}
static void refuse_successor(const char *title, const char *parent,
                             const char *body, const char *says) {
    CHECK_ERR(succeed(title, parent, body), MAL_E_DENIED);
    CHECK_THAT(strstr(mal_err_message(), says), "%s", mal_err_message());
}
#define TWO "\"r\" version 2"
#define REST DATA REACH NO_SECRETS BUDGETS TAIL

TEST(a_right_successor_is_accepted) {
    CHECK_OK(succeed(TWO, "", PEOPLE REST));
    CHECK_OK(succeed(TWO, "", PEOPLE DATA TAIL)); /* fewer rules */
    CHECK_OK(succeed(TWO, "", "party newcomer analyst " KEY_D " " PEOPLE REST));
}

TEST(an_owner_may_leave_with_all_that_was_its_own) {
    CHECK_OK(succeed(TWO, "",
                     "party acme owner " KEY_A
                     " dataset acme.customers { email id normal uid2@1 privacy "
                     "unit email contributes at most 1 row rows at most 9 } "
                     "collude 0 consent all owners expires 2028-01-01"));
}

TEST(a_wrong_successor_is_refused) {
    refuse_successor("\"r\" version 3", "", PEOPLE REST, "follows version 1");
    refuse_successor("\"s\" version 2", "", PEOPLE REST, "is called \"r\"");
    refuse_successor("\"r\" version 2 test", "", PEOPLE REST, "test");
    refuse_successor(TWO,
                     "00000000000000000000000000000000000000000000000000000000"
                     "00000000",
                     PEOPLE REST, "another parent");
}

TEST(a_name_and_its_key_stay_together) {
    refuse_successor(TWO, "",
                     "party acme owner " KEY_D "\nparty retail owner " KEY_B
                     "\nparty agency analyst " KEY_C "\n" REST,
                     "party acme has another identity");
    refuse_successor(TWO, "",
                     "party bureau analyst " KEY_C " party acme owner " KEY_A
                     " party retail owner " KEY_B " " DATA TAIL,
                     "party agency is now called bureau");
}

TEST(a_dataset_keeps_its_privacy_unit) {
    refuse_successor(TWO, "",
                     PEOPLE
                     "dataset acme.customers { email id normal uid2@1 privacy "
                     "unit row rows at most 9 }" TAIL,
                     "changes its privacy unit");
}

TEST(another_room_is_no_successor) {
    mal_arena *arena = test_arena();
    mal_policy_contract *a = parse_in(arena, ROOM), *b;
    b = parse_in(arena, "room \"r\" version 2 parent sha256:"
                        "000000000000000000000000000000000000000000000000000000"
                        "0000000000 room-id sha256:0000000000000000000000000000"
                        "000000000000000000000000000000000000 " PEOPLE REST);
    CHECK_ERR(mal_policy_successor_check(a, b), MAL_E_DENIED);
    CHECK(strstr(mal_err_message(), "another room-id"));
    CHECK_ERR(mal_policy_successor_check(a, a), MAL_E_DENIED);
}

TEST_MAIN
