/* How long a judgement, a parse and the checks take; a JSON object a line.
 *   bench_policy [--rows RULES] [--only NAME] [--json]                       */
#include <malus/policy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t rules = 1000;
static const char *only;

/* `rules` permits over 16 datasets of 8 owners; none but the last by name
 * covers the plan, so that every candidate is looked at. */
static mal_err write_room(mal_buf *out) {
    MAL_TRY(mal_buf_put_str(out,
                            "room \"bench\" version 1\nparty q analyst "
                            "ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                            "AAA=\n"));
    for (unsigned i = 0; i < 8; i++)
        MAL_TRY(mal_buf_put_fmt(
            out,
            "party o%u owner "
            "ed25519:%cBAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
            "=\n",
            i, 'A' + (int)i));
    for (unsigned i = 0; i < 16; i++)
        MAL_TRY(mal_buf_put_fmt(
            out,
            "dataset o%u.t%u { k id normal raw@1 d dim in 1 .. 9 m measure in "
            "0 .. 9 privacy unit k contributes at most 1 row rows at most 99 "
            "}\nbudget o%u.t%u epsilon 9 in all, delta 1e-6\n",
            i / 2, i, i / 2, i));
    for (uint32_t i = 0; i < rules; i++) {
        if (i % 10 == 5) {
            MAL_TRY(mal_buf_put_fmt(out,
                                    "rule f%06u forbid min, max from o0.t0, "
                                    "o0.t1 (measure m)\n",
                                    i));
            continue;
        }
        MAL_TRY(mal_buf_put_fmt(
            out,
            "rule r%06u permit count, sum by q from o0.t0 (dim d, measure m), "
            "o0.t1 (dim d), o1.t2 (dim d) join o0.t0.k = o0.t1.k for dpv:A "
            "require group >= 50, epsilon <= 0.%u, delta <= 1e-9 run psi | "
            "share3 to q keep 30 days reveals match count\n",
            i, i + 1 == rules ? 5u : 4u));
    }
    return mal_buf_put_str(out,
                           "collude 1 consent all owners expires 2099-01-01\n");
}

static void report(const char *name, uint64_t runs, uint64_t wall_ns,
                   uint64_t cpu_ns) {
    printf("{\"engine\":\"policy\",\"name\":\"%s\",\"rows\":%u,\"threads\":1,"
           "\"seconds\":%.9f,\"cpu_seconds\":%.9f,\"bytes\":0,"
           "\"ns_per_row\":%.3f,\"runs\":%llu}\n",
           name, rules, (double)wall_ns / 1e9 / (double)runs,
           (double)cpu_ns / 1e9 / (double)runs,
           (double)wall_ns / (double)runs / rules, (unsigned long long)runs);
}

#define TIME(name, runs, body)                                                 \
    do {                                                                       \
        if (only && strcmp(only, name) != 0)                                   \
            break;                                                             \
        uint64_t wall = mal_time_monotonic_ns(), cpu = mal_time_cpu_ns();      \
        for (unsigned i = 0; i < (runs); i++)                                  \
            body;                                                              \
        report(name, runs, mal_time_monotonic_ns() - wall,                     \
               mal_time_cpu_ns() - cpu);                                       \
    } while (0)

static mal_err run(void) {
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new((size_t)1 << 30);
    mal_policy_contract *c;
    mal_policy_findings found;
    mal_policy_verdict v;
    MAL_TRY(write_room(&text));
    MAL_TRY(mal_policy_parse(&c, arena, mal_buf_view(&text)));
    uint32_t data[] = { 0, 1 };
    mal_policy_use uses[] = { { 0, 1, MAL_POLICY_USE_GROUP },
                              { 0, 2, MAL_POLICY_USE_SUM },
                              { 1, 1, MAL_POLICY_USE_FILTER },
                              { 0, 0, MAL_POLICY_USE_JOIN },
                              { 1, 0, MAL_POLICY_USE_JOIN } };
    mal_policy_join join = { 0, 0, 1, 0 };
    mal_policy_facts f = { .requester = c->n_parties - 1,
                           .recipient = c->n_parties - 1,
                           .purpose = "dpv:A",
                           .engine = MAL_POLICY_ENGINE_PSI,
                           .datasets = data,
                           .n_datasets = 2,
                           .operations = MAL_POLICY_OP_SUM,
                           .uses = uses,
                           .n_uses = 5,
                           .joins = &join,
                           .n_joins = 1,
                           .release = MAL_POLICY_RELEASE_NOISED,
                           .epsilon_nano = 500000000,
                           .delta = { 1, 1000000000 },
                           .now = 1 };
    TIME("decide-allow", 2000, mal_policy_decide(&v, c, &f));
    MAL_REQUIRE(v.outcome == MAL_POLICY_ALLOW || only, MAL_E_STATE, "%s",
                v.text);
    f.keep_days = 31; /* the last thing that is looked at */
    TIME("decide-refuse", 2000, mal_policy_decide(&v, c, &f));
    MAL_REQUIRE(v.outcome == MAL_POLICY_REFUSE, MAL_E_STATE, "allowed");
    TIME("check", 5, MAL_TRY(mal_policy_check(&found, arena, c)));
    TIME("parse", 5, {
        mal_arena *fresh = mal_arena_new((size_t)1 << 30);
        mal_err err = mal_policy_parse(&c, fresh, mal_buf_view(&text));
        mal_arena_free(fresh);
        MAL_TRY(err);
    });
    return MAL_OK;
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--rows") && i + 1 < argc)
            rules = (uint32_t)strtoul(argv[++i], NULL, 10);
        else if (!strcmp(argv[i], "--only") && i + 1 < argc)
            only = argv[++i];
        else if (!strcmp(argv[i], "--threads") && i + 1 < argc)
            i++; /* a judgement has one */
    }
    if (rules < 10 || rules > MAL_POLICY_RULES_MAX) {
        fprintf(stderr, "--rows lies between 10 and %u\n",
                MAL_POLICY_RULES_MAX);
        return 2;
    }
    if (run() != MAL_OK) {
        fprintf(stderr, "%s\n", mal_err_trail());
        return 1;
    }
    return 0;
}
