/* A small room and a plan that it permits; tests bend one thing at a time. */
#ifndef POLICY_TEST_H
#define POLICY_TEST_H

#include <mal_test.h>
#include <malus/policy.h>

#define KEY_A "ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define KEY_B "ed25519:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
#define KEY_C "ed25519:AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI="

#define HEAD                                                                   \
    "room \"r\" version 1\n"                                                   \
    "party acme owner " KEY_A "\n"                                             \
    "party retail owner " KEY_B "\n"                                           \
    "party agency analyst " KEY_C "\n"
#define DATA                                                                   \
    "dataset acme.customers class personal {\n"                                \
    "  email id normal uid2@1\n"                                               \
    "  region dim in (\"n\", \"s\")\n"                                         \
    "  spend measure decimal(2) in 0 .. 5000\n"                                \
    "  ssn secret\n"                                                           \
    "  privacy unit email contributes at most 1 row\n"                         \
    "  rows at most 1000\n"                                                    \
    "}\n"                                                                      \
    "dataset retail.visits {\n"                                                \
    "  email id normal uid2@1\n"                                               \
    "  store dim in 1 .. 9\n"                                                  \
    "  basket measure in 0 .. 100\n"                                           \
    "  privacy unit email contributes at most 20 rows\n"                       \
    "  rows at most 5000\n"                                                    \
    "}\n"
#define REACH                                                                  \
    "rule reach permit count, sum by agency\n"                                 \
    "  from acme.customers (dim region, measure spend), retail.visits (dim "   \
    "store)\n"                                                                 \
    "  join acme.customers.email = retail.visits.email\n"                      \
    "  for dpv:Marketing\n"                                                    \
    "  require group >= 50, epsilon <= 0.5, delta <= 1e-9, rows <= 100\n"      \
    "  run psi | share3 malicious\n"                                           \
    "  reveals match count\n"                                                  \
    "  to agency keep 30 days\n"
#define NO_SECRETS "rule no-secrets forbid * touching class secret\n"
#define BUDGETS                                                                \
    "\nbudget acme.customers for agency epsilon 1 per 30 days, 4 in all, "     \
    "delta 1e-6\n"                                                             \
    "budget retail.visits epsilon 4 in all, delta 1e-6\n"
#define TAIL "collude 1\nconsent all owners\nexpires 2027-06-30\n"
#define ROOM HEAD DATA REACH NO_SECRETS BUDGETS TAIL

/* One arena for a whole test program: a failing case may leak. */
__attribute__((unused)) static mal_arena *test_arena(void) {
    static mal_arena *arena;
    mal_arena_free(arena);
    arena = mal_arena_new((size_t)256 << 20);
    return arena;
}

__attribute__((unused)) static mal_policy_contract *parse_in(mal_arena *arena,
                                                             const char *text) {
    mal_policy_contract *c;
    CHECK_OK(mal_policy_parse(&c, arena, mal_bytes_str(text)));
    return c;
}

__attribute__((unused)) static mal_policy_contract *parse(const char *text) {
    return parse_in(test_arena(), text);
}

/* Indices of ROOM, by name: parties acme, agency, retail. */
enum { ACME, AGENCY, RETAIL };
enum { CUSTOMERS, VISITS };
enum { EMAIL, REGION, SPEND, SSN };
enum { STORE = 1, BASKET = 2 };

/* SELECT region, count(*), sum(spend) ... JOIN ... GROUP BY region */
typedef struct plan {
    mal_policy_facts f;
    uint32_t datasets[2];
    mal_policy_use uses[8];
    mal_policy_join joins[1];
} plan;

__attribute__((unused)) static void plan_good(plan *p) {
    *p = (plan){ .datasets = { CUSTOMERS, VISITS } };
    p->uses[0] = (mal_policy_use){ CUSTOMERS, REGION, MAL_POLICY_USE_GROUP };
    p->uses[1] = (mal_policy_use){ CUSTOMERS, SPEND, MAL_POLICY_USE_SUM };
    p->uses[2] = (mal_policy_use){ CUSTOMERS, EMAIL, MAL_POLICY_USE_JOIN };
    p->uses[3] = (mal_policy_use){ VISITS, EMAIL, MAL_POLICY_USE_JOIN };
    p->joins[0] = (mal_policy_join){ VISITS, EMAIL, CUSTOMERS, EMAIL };
    p->f = (mal_policy_facts){
        .requester = AGENCY,
        .recipient = AGENCY,
        .purpose = "dpv:Marketing",
        .engine = MAL_POLICY_ENGINE_PSI,
        .mode = MAL_POLICY_MODE_SEMI_HONEST,
        .datasets = p->datasets,
        .n_datasets = 2,
        .operations = MAL_POLICY_OP_COUNT | MAL_POLICY_OP_SUM,
        .uses = p->uses,
        .n_uses = 4,
        .joins = p->joins,
        .n_joins = 1,
        .release = MAL_POLICY_RELEASE_NOISED,
        .epsilon_nano = 500000000,
        .delta = { 1, 1000000000 },
        .rows_max = 3,
        .groups = 3,
        .reveals = MAL_POLICY_REVEALS_MATCH_COUNT,
        .now = 1790000000, /* September 2026 */
    };
}

#endif
