/* The room of three airports and the registry, for every test of the folder. */
#ifndef SQL_TEST_H
#define SQL_TEST_H

#include <mal_test.h>
#include <malus/sql.h>

#define FLIGHTS(owner)                                                         \
    "dataset " owner ".flights {\n"                                            \
    "  tailnum id normal raw@1 domain tail nullable\n"                         \
    "  carrier dim in (\"AA\", \"B6\", \"DL\", \"UA\")\n"                      \
    "  month dim in 1 .. 12\n"                                                 \
    "  dest dim in (\"ORD\", \"ATL\", \"LAX\") nullable\n"                     \
    "  distance measure in 0 .. 5000\n"                                        \
    "  delay measure in -60 .. 1440 nullable\n"                                \
    "  fare measure decimal(2) in 0 .. 2000\n"                                 \
    "  note secret\n"                                                          \
    "  privacy unit tailnum contributes at most 40 rows\n"                     \
    "  rows at most 200000\n"                                                  \
    "}\n"
#define ROOM                                                                   \
    "room \"air\" version 1\n"                                                 \
    "party ewr owner ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"   \
    "party jfk owner ed25519:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n"   \
    "party lga owner ed25519:AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=\n"   \
    "party faa owner analyst "                                                 \
    "ed25519:AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=\n" FLIGHTS("ewr")    \
        FLIGHTS("jfk") FLIGHTS(                                                \
            "lga") "dataset faa.planes {\n"                                    \
                   "  tailnum id normal raw@1 domain tail\n"                   \
                   "  year dim in 1950 .. 2013 nullable\n"                     \
                   "  engines measure in 1 .. 4\n"                             \
                   "  maker dim in (\"BOEING\", \"AIRBUS\")\n"                 \
                   "  privacy unit tailnum contributes at most 1 row\n"        \
                   "  rows at most 4000\n"                                     \
                   "}\n"                                                       \
                   "dataset faa.titles {\n"                                    \
                   "  tailnum id normal raw@1 domain tail\n"                   \
                   "  person id normal raw@1 domain people\n"                  \
                   "  state dim in (\"NY\", \"NJ\")\n"                         \
                   "  privacy unit person contributes at most 9 rows\n"        \
                   "  rows at most 9000\n"                                     \
                   "}\n"                                                       \
                   "rule air permit count, sum, avg by faa\n"                  \
                   "  from ewr.flights (dim carrier, measure distance)\n"      \
                   "  for dpv:Research\n"                                      \
                   "  require epsilon <= 1, delta <= 1e-9\n"                   \
                   "  run sum\n"                                               \
                   "  to faa keep 30 days\n"                                   \
                   "budget ewr.flights epsilon 4 in all, delta 1e-6\n"         \
                   "collude 1\nconsent all owners\nexpires 2027-06-30\n"

/* One arena a case; a failing case may leak. */
__attribute__((unused)) static mal_arena *test_arena(void) {
    static mal_arena *arena;
    mal_arena_free(arena);
    arena = mal_arena_new((size_t)256 << 20);
    CHECK(arena);
    return arena;
}

__attribute__((unused)) static const mal_policy_contract *
test_contract(mal_arena *arena) {
    mal_policy_contract *contract;
    CHECK_OK(mal_policy_parse(&contract, arena, mal_bytes_str(ROOM)));
    return contract;
}

__attribute__((unused)) static mal_err
plan_of(const mal_sql_plan **plan, mal_arena *arena, const char *text) {
    return mal_sql_plan_from_text(plan, arena, test_contract(arena),
                                  mal_bytes_str(text));
}

#endif
