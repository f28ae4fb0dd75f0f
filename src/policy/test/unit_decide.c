/* What is permitted, and what holds for the answer. */
#include "policy_test.h"

static mal_policy_verdict judge(const char *text, plan *p) {
    mal_policy_verdict v;
    mal_policy_decide(&v, parse(text), &p->f);
    return v;
}

static void check_allowed(const char *text, plan *p) {
    mal_policy_verdict v = judge(text, p);
    CHECK_THAT(v.outcome == MAL_POLICY_ALLOW, "%s: %s %s",
               mal_policy_code_name(v.code), v.text, v.nearest);
    CHECK_STR(v.text, "");
}

TEST(a_plan_inside_one_permit_is_allowed) {
    plan p;
    plan_good(&p);
    mal_policy_verdict v = judge(ROOM, &p);
    CHECK_EQ(v.outcome, MAL_POLICY_ALLOW);
    CHECK_EQ(v.code, MAL_POLICY_OK);
    CHECK_EQ(v.rule, 1); /* no-secrets, reach */
    CHECK_EQ(v.owners, 1 << ACME | 1 << RETAIL);
    CHECK_EQ(v.group_min, 50);
    CHECK_EQ(v.keep_days, 30);
}

TEST(the_larger_minimum_group_holds) {
    plan p;
    plan_good(&p);
    p.f.group_min = 80;
    CHECK_EQ(judge(ROOM, &p).group_min, 80);
    p.f.group_min = 20;
    CHECK_EQ(judge(ROOM, &p).group_min, 50);
}

TEST(less_may_be_kept_than_the_permit_lets) {
    plan p;
    plan_good(&p);
    p.f.keep_days = 7;
    CHECK_EQ(judge(ROOM, &p).keep_days, 7);
}

TEST(a_part_of_what_a_permit_names_may_be_asked) {
    plan p;
    plan_good(&p);
    p.f.n_datasets = 1; /* customers alone */
    p.f.n_joins = 0;
    p.f.n_uses = 2;
    p.f.operations = MAL_POLICY_OP_SUM;
    mal_policy_verdict v = judge(ROOM, &p);
    CHECK_EQ(v.outcome, MAL_POLICY_ALLOW);
    CHECK_EQ(v.owners, 1 << ACME);
}

TEST(a_count_needs_no_column) {
    plan p;
    plan_good(&p);
    p.f.n_uses = p.f.n_joins = 0;
    p.f.n_datasets = 1;
    p.f.operations = MAL_POLICY_OP_COUNT;
    check_allowed(ROOM, &p);
}

TEST(a_dim_groups_filters_and_orders) {
    plan p;
    plan_good(&p);
    p.uses[0].how = MAL_POLICY_USE_GROUP | MAL_POLICY_USE_FILTER |
                    MAL_POLICY_USE_ORDER | MAL_POLICY_USE_COUNT;
    check_allowed(ROOM, &p);
}

TEST(a_malicious_engine_does_for_a_permit_that_asks_for_one) {
    plan p;
    plan_good(&p);
    p.f.engine = MAL_POLICY_ENGINE_SHARE3;
    p.f.mode = MAL_POLICY_MODE_MALICIOUS;
    p.f.reveals = 0;
    check_allowed(ROOM, &p);
}

#define WITH_RULE(rule) HEAD DATA rule BUDGETS TAIL
#define SMALL(run, more)                                                       \
    WITH_RULE("rule s permit sum by agency from acme.customers (measure "      \
              "spend) to agency run " run " " more)
#define NOISE "require epsilon <= 1, delta <= 1e-6 "

static void plan_small(plan *p) {
    plan_good(p);
    p->f.n_datasets = 1;
    p->uses[0] = p->uses[1];
    p->f.n_uses = 1;
    p->f.n_joins = 0;
    p->f.operations = 0; /* the use says it */
    p->f.reveals = 0;
    p->f.purpose = NULL;
}

TEST(evidence_is_compared_as_date_number_or_word) {
    static const mal_policy_evidence proved[] = { { "image", "malus" },
                                                  { "tcb", "2026-10-03" },
                                                  { "svn", "12" } };
    plan p;
    plan_small(&p);
    p.f.engine = MAL_POLICY_ENGINE_TEE;
    p.f.evidence = proved;
    p.f.n_evidence = 3;
    check_allowed(SMALL("tee (image malus, tcb >= 2026-09, svn >= 9)", NOISE),
                  &p);
    check_allowed(SMALL("tee (tcb >= 2026-10-03, svn >= 12)", NOISE), &p);
    check_allowed(SMALL("tee (svn 12)", NOISE), &p);
    static const char *const unmet[] = {
        SMALL("tee (image other)", NOISE),
        SMALL("tee (tcb >= 2026-11)", NOISE),
        SMALL("tee (tcb >= 2026-10-04)", NOISE),
        SMALL("tee (svn >= 13)", NOISE),
        SMALL("tee (svn >= 100)", NOISE),
        SMALL("tee (debug no)", NOISE), /* nobody proved it */
        SMALL("tee (image malus, tcb >= 5)", NOISE),
    };
    for (size_t i = 0; i < sizeof unmet / sizeof *unmet; i++)
        CHECK_EQ(judge(unmet[i], &p).code, MAL_POLICY_ENGINE);
}

TEST(an_exact_release_needs_its_own_clause) {
    plan p;
    plan_small(&p);
    p.f.release = MAL_POLICY_RELEASE_EXACT;
    p.f.epsilon_nano = 0;
    p.f.delta.den = 0;
    check_allowed(SMALL("psi", "exact columns acme.customers.spend to agency"),
                  &p);
    mal_policy_verdict v = judge(SMALL("psi", NOISE), &p);
    CHECK_EQ(v.code, MAL_POLICY_RELEASE);
    CHECK(strstr(v.nearest, "noised release, epsilon at most 1"));
}

TEST(an_id_is_shown_by_an_exact_clause_to_its_owner_alone) {
    static const char good[] = WITH_RULE(
        "rule s permit rows by agency from acme.customers (id email) to acme "
        "run psi malicious exact columns acme.customers.email to acme");
    plan p;
    plan_small(&p);
    p.f.recipient = ACME;
    p.f.release = MAL_POLICY_RELEASE_EXACT;
    p.f.mode = MAL_POLICY_MODE_MALICIOUS;
    p.f.epsilon_nano = 0;
    p.f.delta.den = 0;
    p.uses[0] = (mal_policy_use){ CUSTOMERS, EMAIL, MAL_POLICY_USE_OUTPUT };
    check_allowed(good, &p);
    p.f.mode = MAL_POLICY_MODE_SEMI_HONEST;
    CHECK_EQ(judge(good, &p).code, MAL_POLICY_ENGINE);
    p.f.mode = MAL_POLICY_MODE_MALICIOUS;
    p.f.recipient = RETAIL; /* not its own, whatever the clause says */
    CHECK_EQ(judge(WITH_RULE("rule s permit rows by agency from acme.customers "
                             "(id email) to retail run psi malicious exact "
                             "columns acme.customers.email to retail"),
                   &p)
                 .code,
             MAL_POLICY_COLUMN);
    p.f.recipient = ACME;
    CHECK_EQ(judge(WITH_RULE("rule s permit rows by agency from acme.customers "
                             "(id email, measure spend) to acme run psi exact "
                             "columns acme.customers.spend to acme"),
                   &p)
                 .code,
             MAL_POLICY_COLUMN);
    CHECK_EQ(
        judge(WITH_RULE("rule f forbid rows from acme.customers (id email)\n"
                        "rule s permit rows by agency from acme.customers (id "
                        "email) to acme run psi malicious exact columns "
                        "acme.customers.email to acme"),
              &p)
            .code,
        MAL_POLICY_FORBIDDEN);
    /* Noised, it is not the exact clause that speaks. */
    p.f.release = MAL_POLICY_RELEASE_NOISED;
    p.f.epsilon_nano = 1;
    p.f.delta.den = 10000000000u;
    CHECK_EQ(judge(WITH_RULE("rule s permit rows by agency from acme.customers "
                             "(id email) to acme run psi malicious exact "
                             "columns acme.customers.email to acme " NOISE),
                   &p)
                 .code,
             MAL_POLICY_COLUMN);
}

TEST(a_review_waits_for_the_signatures_of_the_touched_owners) {
    plan p;
    plan_small(&p);
    static const char text[] = WITH_RULE(
        "rule s review sum by agency from acme.customers (measure spend) to "
        "agency run psi " NOISE);
    mal_policy_verdict v = judge(text, &p);
    CHECK_EQ(v.outcome, MAL_POLICY_NEEDS_REVIEW);
    CHECK_EQ(v.code, MAL_POLICY_SIGNATURES);
    CHECK_EQ(v.missing, 1 << ACME);
    CHECK(strstr(v.text, "acme"));
    p.f.signed_ = 1 << RETAIL; /* another owner's word is not acme's */
    CHECK_EQ(judge(text, &p).outcome, MAL_POLICY_NEEDS_REVIEW);
    p.f.signed_ = 1 << ACME;
    check_allowed(text, &p);
}

TEST(a_permit_is_taken_before_a_review) {
    plan p;
    plan_small(&p);
    check_allowed(
        WITH_RULE("rule a review sum by agency from acme.customers (measure "
                  "spend) to agency run psi " NOISE
                  "rule b permit sum by agency from acme.customers (measure "
                  "spend) to agency run psi " NOISE),
        &p);
}

TEST(trained_models_are_those_named) {
    static const char *const logreg[] = { "logreg" }, *const gbdt[] = {
        "gbdt"
    };
    static const char text[] = WITH_RULE(
        "rule s permit train (logreg) by agency from acme.customers (measure "
        "spend) to agency run psi " NOISE);
    plan p;
    plan_small(&p);
    p.uses[0].how = MAL_POLICY_USE_TRAIN;
    p.f.train = logreg;
    p.f.n_train = 1;
    check_allowed(text, &p);
    p.f.train = gbdt;
    CHECK_EQ(judge(text, &p).code, MAL_POLICY_OPERATION);
    p.f.n_train = 0;
    CHECK_EQ(judge(text, &p).code, MAL_POLICY_OPERATION);
}

TEST_MAIN
