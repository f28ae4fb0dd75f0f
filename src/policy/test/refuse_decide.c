/* What is refused, why, and what is suggested instead. */
#include "policy_test.h"

static mal_policy_verdict refuse(const char *text, const plan *p,
                                 mal_policy_code code, const char *says,
                                 const char *nearest) {
    mal_policy_verdict v;
    mal_policy_decide(&v, parse(text), &p->f);
    CHECK_THAT(v.outcome == MAL_POLICY_REFUSE, "outcome %d", v.outcome);
    CHECK_THAT(v.code == code, "%s, not %s: %s", mal_policy_code_name(v.code),
               mal_policy_code_name(code), v.text);
    CHECK_THAT(strstr(v.text, says), "\"%s\" wanted: %s", says, v.text);
    CHECK_THAT(*nearest ? strstr(v.nearest, nearest) != NULL : !*v.nearest,
               "\"%s\" wanted: %s", nearest, v.nearest);
    return v;
}

static plan good(void) {
    static plan p;
    plan_good(&p);
    return p;
}

/* good() returns a copy whose pointers still lead to the static one: set them.
 */
static plan *mend(plan *p) {
    p->f.datasets = p->datasets;
    p->f.uses = p->uses;
    p->f.joins = p->joins;
    return p;
}
#define PLAN(p)                                                                \
    plan p = good();                                                           \
    mend(&p)

TEST(a_zeroed_verdict_refuses) {
    mal_policy_verdict v = { 0 };
    CHECK_EQ(v.outcome, MAL_POLICY_REFUSE);
}

TEST(every_missing_fact_is_a_refusal) {
    plan bad[16];
    size_t n = 0;
    for (size_t i = 0; i < 16; i++)
        bad[i] = good();
    bad[n++].f.requester = MAL_POLICY_NONE;
    bad[n++].f.recipient = MAL_POLICY_NONE;
    bad[n++].f.n_datasets = 0;
    bad[n++].f.engine = MAL_POLICY_ENGINE_NONE;
    bad[n++].f.release = MAL_POLICY_RELEASE_MISSING;
    bad[n++].f.epsilon_nano = 0;
    bad[n++].f.delta.den = 0;
    bad[n++].f.now = 0;
    bad[n].f.operations = 0;
    bad[n++].f.n_uses = 0;
    bad[n++].f.n_joins = 0; /* columns say they are joined, with nothing */
    for (size_t i = 0; i < n; i++)
        refuse(ROOM, mend(&bad[i]), MAL_POLICY_NO_FACT, "does not say", "");
}

TEST(facts_that_make_no_sense_are_missing_facts) {
    plan bad[16];
    size_t n = 0;
    for (size_t i = 0; i < 16; i++)
        bad[i] = good();
    bad[n++].f.requester = 3;
    bad[n++].f.recipient = 64;
    bad[n++].datasets[1] = 2;
    bad[n++].f.n_datasets = 1; /* a use of a dataset that is not read */
    bad[n++].uses[0].column = 4;
    bad[n++].uses[0].dataset = 9;
    bad[n++].uses[0].how = 0;
    bad[n++].uses[0].how = 4096;
    bad[n++].joins[0].column_a = 77;
    bad[n++].f.operations = 4096;
    bad[n++].f.engine = MAL_POLICY_ENGINES;
    bad[n++].f.release = (mal_policy_release)9;
    for (size_t i = 0; i < n; i++)
        refuse(ROOM, mend(&bad[i]), MAL_POLICY_NO_FACT, "does not say", "");
}

TEST(an_ended_contract_permits_nothing) {
    PLAN(p);
    p.f.now = 1814313600;
    refuse(ROOM, &p, MAL_POLICY_EXPIRED, "ended on 2027-06-30", "");
    p.f.now--;
    mal_policy_verdict v;
    mal_policy_decide(&v, parse(ROOM), &p.f);
    CHECK_EQ(v.outcome, MAL_POLICY_ALLOW);
}

TEST(nothing_is_permitted_by_default) {
    PLAN(p);
    mal_policy_verdict v =
        refuse(HEAD DATA BUDGETS TAIL, &p, MAL_POLICY_NO_PERMIT,
               "No rule permits anything with acme.customers, of acme", "");
    CHECK_EQ(v.owner, ACME);
    CHECK_EQ(v.dataset, CUSTOMERS);
    CHECK_EQ(v.rule, MAL_POLICY_NONE);
}

TEST(only_those_named_may_ask) {
    PLAN(p);
    p.f.requester = ACME;
    refuse(ROOM, &p, MAL_POLICY_REQUESTER, "No rule lets acme ask", "");
}

TEST(a_secret_column_is_refused_by_name) {
    PLAN(p);
    p.uses[4] = (mal_policy_use){ CUSTOMERS, SSN, MAL_POLICY_USE_GROUP };
    p.f.n_uses = 5;
    mal_policy_verdict v =
        refuse(ROOM, &p, MAL_POLICY_FORBIDDEN,
               "Rule no-secrets forbids count, sum with acme.customers.ssn, of "
               "acme",
               "Rule reach would allow it: leave out column "
               "acme.customers.ssn.");
    CHECK_EQ(v.column, SSN);
    CHECK_EQ(v.owner, ACME);
    refuse(HEAD DATA REACH BUDGETS TAIL, &p, MAL_POLICY_COLUMN,
           "ssn, of acme, be used to group; it is secret",
           "leave out column acme.customers.ssn");
}

TEST(a_column_in_another_role_is_refused_by_name) {
    PLAN(p);
    p.uses[1].how = MAL_POLICY_USE_FILTER;
    mal_policy_verdict v =
        refuse(ROOM, &p, MAL_POLICY_COLUMN,
               "acme.customers.spend, of acme, be used to filter",
               "use acme.customers.spend only in count, in sum");
    CHECK_EQ(v.column, SPEND);
    CHECK_EQ(v.rule, 1);
}

TEST(an_id_is_never_shown) {
    PLAN(p);
    p.uses[2].how |= MAL_POLICY_USE_GROUP;
    refuse(ROOM, &p, MAL_POLICY_COLUMN, "email, of acme, be used to group",
           "leave out column acme.customers.email");
}

TEST(other_operations_are_refused) {
    PLAN(p);
    p.f.operations |= MAL_POLICY_OP_MIN;
    refuse(ROOM, &p, MAL_POLICY_OPERATION,
           "Rule reach permits count, sum; not min.",
           "ask only for count, sum");
}

TEST(a_join_that_no_rule_lists_is_refused) {
    PLAN(p);
    refuse(HEAD DATA
           "rule u permit count, sum by agency from acme.customers (dim "
           "region, measure spend), retail.visits run psi to agency require "
           "epsilon <= 1, delta <= 1e-6 reveals match count " BUDGETS TAIL,
           &p, MAL_POLICY_JOIN,
           "does not join retail.visits.email with acme.customers.email",
           "ask about acme.customers and retail.visits apart");
}

TEST(numbers_above_the_permit_are_refused) {
    PLAN(p);
    p.f.epsilon_nano++;
    refuse(ROOM, &p, MAL_POLICY_EPSILON,
           "epsilon, 0.500000001, is above the 0.5 of rule reach",
           "set epsilon to at most 0.5.");
    p.f.epsilon_nano--;
    p.f.delta = (mal_policy_ratio){ 11, 10000000000u };
    refuse(ROOM, &p, MAL_POLICY_DELTA, "delta, 11e-10, is above",
           "set delta to at most 1e-9");
    p.f.delta = (mal_policy_ratio){ 1, 999999999 };
    refuse(ROOM, &p, MAL_POLICY_DELTA, "delta, 1/999999999, is above",
           "set delta to at most 1e-9");
    p.f.delta = (mal_policy_ratio){ 1, 1000000000 };
    p.f.rows_max = 101;
    refuse(ROOM, &p, MAL_POLICY_ROWS, "101 rows; rule reach lets 100",
           "at most 100 rows");
    p.f.rows_max = 0;
    refuse(ROOM, &p, MAL_POLICY_ROWS, "nobody said", "at most 100 rows");
    p.f.rows_max = 1;
    p.f.keep_days = 31;
    refuse(ROOM, &p, MAL_POLICY_KEEP, "31 days", "at most 30 days");
}

TEST(purpose_recipient_and_engine_are_those_named) {
    PLAN(p);
    p.f.purpose = "dpv:Fraud";
    refuse(ROOM, &p, MAL_POLICY_PURPOSE, "is for dpv:Marketing, not for",
           "ask for the purpose dpv:Marketing");
    p.f.purpose = NULL;
    refuse(ROOM, &p, MAL_POLICY_PURPOSE, "no purpose was stated",
           "dpv:Marketing");
    p.f.purpose = "dpv:Marketing";
    p.f.recipient = RETAIL;
    refuse(ROOM, &p, MAL_POLICY_RECIPIENT, "to agency, not to retail",
           "go to agency");
    p.f.recipient = AGENCY;
    p.f.engine = MAL_POLICY_ENGINE_CLEAR;
    refuse(ROOM, &p, MAL_POLICY_ENGINE, "psi or share3 malicious; engine clear",
           "run it on psi or share3 malicious");
    p.f.engine = MAL_POLICY_ENGINE_SHARE3;
    refuse(ROOM, &p, MAL_POLICY_ENGINE, "share3 (semi-honest)", "run it on");
    p.f.mode = MAL_POLICY_MODE_ANY;
    refuse(ROOM, &p, MAL_POLICY_ENGINE, "engine share3 does not", "run it on");
}

TEST(what_an_engine_shows_must_be_revealed_by_the_rule) {
    PLAN(p);
    p.f.reveals |= MAL_POLICY_REVEALS_ROW_COUNT;
    refuse(ROOM, &p, MAL_POLICY_REVEALS, "Engine psi shows the row count",
           "does not show the row count");
    p.f.reveals = MAL_POLICY_REVEALS_NOISED_COUNT;
    refuse(ROOM, &p, MAL_POLICY_REVEALS, "Engine psi shows the noised count",
           "does not show the noised count");
}

/* Two rules that together would cover the plan: neither alone does. */
#define HALVES                                                                 \
    "rule h1 permit count, sum by agency from acme.customers (dim region), "   \
    "retail.visits join acme.customers.email = retail.visits.email run psi "   \
    "to agency require epsilon <= 1, delta <= 1e-6 reveals match count\n"      \
    "rule h2 permit count, sum by agency from acme.customers (measure "        \
    "spend), retail.visits join acme.customers.email = retail.visits.email "   \
    "run psi to agency require epsilon <= 1, delta <= 1e-6 reveals match "     \
    "count\n"

TEST(two_permits_are_never_put_together) {
    PLAN(p);
    refuse(HEAD DATA HALVES BUDGETS TAIL, &p, MAL_POLICY_COLUMN, "Rule h1",
           "leave out column acme.customers.spend");
}

TEST(one_owners_permit_says_nothing_for_another) {
    PLAN(p);
    mal_policy_verdict v = refuse(
        HEAD DATA
        "rule mine permit count, sum by agency from acme.customers (dim "
        "region, measure spend) run psi to agency require epsilon <= 1, "
        "delta <= 1e-6 reveals match count\n"
        "rule yours permit count by agency from retail.visits run psi to "
        "agency require epsilon <= 1, delta <= 1e-6\n" BUDGETS TAIL,
        &p, MAL_POLICY_DATASET, "does not speak of retail.visits, of retail",
        "Rule mine would allow it: leave out retail.visits.");
    CHECK_EQ(v.owner, RETAIL);
}

#define FORBID(rule) HEAD DATA REACH rule BUDGETS TAIL

TEST(a_forbid_wins_whatever_side_it_names) {
    static const char *const forbids[] = {
        FORBID("rule f forbid *"),
        FORBID("rule f forbid sum"),
        FORBID("rule f forbid min, count"),
        FORBID("rule f forbid * by agency"),
        FORBID("rule f forbid * from retail.visits"),
        FORBID("rule f forbid * from acme.customers (measure spend)"),
        FORBID("rule f forbid * join retail.visits.email = "
               "acme.customers.email"),
        FORBID("rule f forbid * for dpv:Marketing"),
        FORBID("rule f forbid * to agency"),
        FORBID("rule f forbid * run psi"),
        FORBID("rule f forbid * run psi semi-honest"),
        FORBID("rule f forbid * touching class personal"),
        FORBID("rule f forbid * touching column acme.customers.region"),
        FORBID("rule f forbid * touching column retail.visits.email"),
    };
    for (size_t i = 0; i < sizeof forbids / sizeof *forbids; i++) {
        mal_policy_verdict v;
        PLAN(p);
        mal_policy_decide(&v, parse(forbids[i]), &p.f);
        CHECK_THAT(v.code == MAL_POLICY_FORBIDDEN, "%s", forbids[i]);
        CHECK_EQ(v.rule, 0);
        CHECK(strstr(v.text, "Rule f forbids"));
    }
}

TEST(a_forbid_of_something_else_leaves_the_plan_alone) {
    static const char *const forbids[] = {
        FORBID("rule f forbid rows, min, train"),
        FORBID("rule f forbid * from acme.customers (filter spend)"),
        FORBID("rule f forbid * for dpv:Fraud"),
        FORBID("rule f forbid * to acme"),
        FORBID("rule f forbid * run psi malicious"),
        FORBID("rule f forbid * run tee"),
        FORBID("rule f forbid * touching class health"),
        FORBID("rule f forbid * touching column retail.visits.basket"),
    };
    for (size_t i = 0; i < sizeof forbids / sizeof *forbids; i++) {
        mal_policy_verdict v;
        PLAN(p);
        mal_policy_decide(&v, parse(forbids[i]), &p.f);
        CHECK_THAT(v.outcome == MAL_POLICY_ALLOW, "%s: %s", forbids[i], v.text);
    }
}

TEST(a_missing_fact_meets_every_forbid_that_asks_for_it) {
    PLAN(p);
    p.f.purpose = NULL;
    refuse(FORBID("rule f forbid * for dpv:Fraud"), &p, MAL_POLICY_FORBIDDEN,
           "Rule f", "ask for the purpose dpv:Marketing");
    plan_good(&p);
    mend(&p);
    p.f.mode = MAL_POLICY_MODE_ANY;
    refuse(FORBID("rule f forbid * run psi malicious"), &p,
           MAL_POLICY_FORBIDDEN, "Rule f", "");
    plan_good(&p);
    mend(&p);
    refuse(FORBID("rule f forbid * run psi (debug yes)"), &p,
           MAL_POLICY_FORBIDDEN, "Rule f", "");
}

TEST(what_no_budget_could_pay_is_refused) {
    PLAN(p);
    mal_policy_verdict v = refuse(
        HEAD DATA REACH "budget acme.customers epsilon 4 in all, delta "
                        "1e-6 " TAIL,
        &p, MAL_POLICY_BUDGET, "retail.visits, of retail, has no budget", "");
    CHECK_EQ(v.dataset, VISITS);
    refuse(HEAD DATA REACH "budget acme.customers epsilon 0.3 in all, delta "
                           "1e-6 budget retail.visits for agency epsilon 4 in "
                           "all, delta 1e-6 " TAIL,
           &p, MAL_POLICY_BUDGET,
           "the budget of acme.customers, of acme, is "
           "0.3 in all",
           "set epsilon to at most 0.3");
    refuse(HEAD DATA REACH "budget acme.customers epsilon 3 in all, delta "
                           "1e-10 budget retail.visits for agency epsilon 4 "
                           "in all, delta 1e-6 " TAIL,
           &p, MAL_POLICY_BUDGET, "delta 1e-10", "set delta to at most 1e-10");
}

TEST(the_example_of_the_essay_is_told_as_it_stands_there) {
    PLAN(p);
    p.uses[4] = (mal_policy_use){ VISITS, BASKET, MAL_POLICY_USE_FILTER };
    p.f.n_uses = 5;
    p.f.epsilon_nano = 700000000;
    mal_policy_verdict v = refuse(ROOM, &p, MAL_POLICY_COLUMN, "", "Rule");
    CHECK_STR(v.text, "Rule reach does not let retail.visits.basket, of "
                      "retail, be used to filter.");
    CHECK_STR(v.nearest, "Rule reach would allow it: leave out column "
                         "retail.visits.basket; set epsilon to at most 0.5.");
}

TEST(no_suggestion_meets_a_forbid) {
    PLAN(p);
    p.f.purpose = "dpv:Fraud";
    refuse(FORBID("rule f forbid * for dpv:Marketing"), &p, MAL_POLICY_PURPOSE,
           "is for dpv:Marketing", "");
}

TEST_MAIN
