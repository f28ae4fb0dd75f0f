/* unit_judge.c - what every node works out of a question: noise, shares, bounds
 * on sizes, delta.  Held to the rules, by hand-made numbers. */
#include "mal_test.h"

#include "../room_impl.h"

#include <stdio.h>

#define KEY(c) "ed25519:" c "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
static const char head[] =
    "room \"r\" version 1 test\n"
    "party a owner " KEY("A") "\nparty b owner " KEY(
        "B") "\n"
             "party c owner " KEY("C") "\nparty d owner analyst " KEY(
                 "D") "\n"
                      "party e analyst " KEY("E") "\n";
static const char table[] =
    "dataset %c.t {\n  u id normal raw@1 domain person\n"
    "  k id normal raw@1 domain thing\n  g dim in (\"x\", \"y\") nullable\n"
    "  v measure in -30 .. 20 nullable\n"
    "  privacy unit u contributes at most %d rows\n"
    "  units at most 40\n  rows at most 1000\n}\n";
static const char things[] =
    "dataset %c.things {\n  u id normal raw@1 domain person\n"
    "  k id normal raw@1 domain thing\n"
    "  privacy unit k contributes at most 1 row\n"
    "  units at most 50\n  rows at most 200\n}\n";
static const char rules[] =
    "rule study permit count, sum, avg by d, e\n"
    "  from a.t (dim g, measure v, filter v), b.t (dim g, measure v, filter "
    "v),\n"
    "       c.t (dim g, measure v, filter v), d.t (dim g, measure v), "
    "a.things,\n"
    "       d.things\n"
    "  join a.t.u = d.t.u, a.t.k = a.things.k, a.t.k = d.things.k,\n"
    "       a.things.u = d.t.u, a.t.u = a.things.u\n"
    "  require %sepsilon <= 9, delta <= 1e-9, rows <= 100000\n"
    "  run clear | sum | psi to d, e keep 1 days\n";

typedef struct scene {
    mal_arena *arena;
    mal_policy_contract *contract;
    mal_audit_witness *witness;
    mal_room room;
    room_judged judged;
    char dir[4096];
} scene;

static void scene_clear(scene *s) {
    mal_audit_witness_close(s->witness);
    mal_arena_free(s->arena);
}

static void scene_make(scene *s, unsigned collude, const char *group) {
    char path[4200];
    mal_buf text = { 0 };
    mal_audit_signer signer;
    static mal_key sec;
    CHECK_OK(mal_prim_init());
    s->arena = mal_arena_new((size_t)1 << 30);
    CHECK_OK(mal_buf_put_str(&text, head));
    for (char c = 'a'; c <= 'd'; c++)
        CHECK_OK(mal_buf_put_fmt(&text, table, c, c == 'd' ? 1 : 7));
    CHECK_OK(mal_buf_put_fmt(&text, things, 'a'));
    CHECK_OK(mal_buf_put_fmt(&text, things, 'd'));
    CHECK_OK(mal_buf_put_fmt(&text, rules, group));
    for (char c = 'a'; c <= 'd'; c++)
        CHECK_OK(mal_buf_put_fmt(
            &text, "budget %c.t for all epsilon 9 in all, delta 1e-6\n", c));
    CHECK_OK(
        mal_buf_put_fmt(&text,
                        "budget a.things for all epsilon 9 in all, delta 1e-6\n"
                        "budget d.things for all epsilon 9 in all, delta 1e-6\n"
                        "collude %u\nconsent all owners\nexpires 2090-01-01\n",
                        collude));
    mal_err err = mal_policy_parse(&s->contract, s->arena, mal_buf_view(&text));
    CHECK_THAT(err == MAL_OK, "%s", mal_err_message());
    mal_buf_clear(&text);
    snprintf(s->dir, sizeof s->dir, "%s", mal_test_dir());
    snprintf(path, sizeof path, "%s/witness.db", s->dir);
    if (!sec.ptr)
        CHECK_OK(mal_prim_sign_keygen(signer.pub, &sec));
    signer.sec = &sec;
    CHECK_OK(mal_audit_witness_open(&s->witness, path, "malus/x", &signer));
    s->room = (mal_room){ .contract = s->contract,
                          .config = { .witness = s->witness } };
}

static mal_err judge(scene *s, const char *who, const char *text,
                     uint64_t epsilon) {
    room_request r = { .text = (char *)(uintptr_t)text,
                       .purpose = (char *)(uintptr_t) "",
                       .epsilon_nano = epsilon,
                       .requester = mal_policy_party_find(s->contract, who) };
    return room_judge(&s->room, &s->judged, s->arena, &r);
}

#define UNION3                                                                 \
    "SELECT g, count(*), sum(v) FROM (SELECT g, v FROM a.t UNION ALL SELECT "  \
    "g, v FROM b.t UNION ALL SELECT g, v FROM c.t) x GROUP BY g"
#define UNION4                                                                 \
    "SELECT g, count(*) FROM (SELECT g FROM a.t UNION ALL SELECT g FROM b.t "  \
    "UNION ALL SELECT g FROM c.t UNION ALL SELECT g FROM d.t) x GROUP BY g"
#define LOCAL "SELECT g, sum(v) FROM a.t GROUP BY g"
#define PSI                                                                    \
    "SELECT a.t.g, count(*), sum(a.t.v) FROM a.t JOIN d.t ON a.t.u = d.t.u "   \
    "GROUP BY a.t.g"

static void allowed(scene *s, const char *who, const char *text,
                    uint64_t epsilon) {
    mal_err err = judge(s, who, text, epsilon);
    CHECK_THAT(err == MAL_OK, "%s: %s", text, mal_err_message());
    CHECK_THAT(s->judged.verdict.outcome == MAL_POLICY_ALLOW, "%s: %s", text,
               s->judged.verdict.text);
}

/* Rule 2, by hand: n computing, t colluders, one more if the asker computes. */
TEST(any_n_minus_t_parts_are_the_whole_noise) {
    static const struct {
        unsigned collude;
        const char *who, *text;
        unsigned n, share_k;
    } cases[] = {
        { 0, "e", UNION3, 3, 3 }, { 1, "e", UNION3, 3, 2 },
        { 2, "e", UNION3, 3, 1 }, { 3, "e", UNION3, 3, 1 },
        { 1, "d", UNION3, 3, 2 }, { 0, "e", UNION4, 4, 4 },
        { 1, "e", UNION4, 4, 3 }, { 0, "d", UNION4, 4, 3 },
        { 1, "d", UNION4, 4, 2 }, { 2, "d", UNION4, 4, 1 },
        { 3, "d", UNION4, 4, 1 }, { 0, "e", LOCAL, 1, 1 },
        { 3, "d", LOCAL, 1, 1 },  { 1, "e", PSI, 2, 1 },
        { 0, "d", PSI, 2, 1 },    { 0, "e", PSI, 2, 1 },
        { 1, "d", PSI, 2, 1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MAL_AUTO(scene_clear) scene s = { 0 };
        scene_make(&s, cases[i].collude, "");
        allowed(&s, cases[i].who, cases[i].text, 1000000000);
        CHECK_EQ(s.judged.n, cases[i].n);
        CHECK_EQ(s.judged.share_k, cases[i].share_k);
    }
}

/* max(|lo|, |hi|) * rows of one unit over all tables, over epsilon / n_aggs. */
TEST(scales_are_sensitivity_over_an_even_share_of_epsilon) {
    MAL_AUTO(scene_clear) scene s = { 0 };
    scene_make(&s, 1, "");
    allowed(&s, "e", UNION3, 2000000000);
    const room_noise *z = s.judged.noise;
    CHECK_EQ(s.judged.physical->n_aggs, 2);
    CHECK_EQ(z[0].sensitivity, 3 * 7); /* one person in all three tables */
    CHECK_EQ(z[1].sensitivity, 3 * 7 * 30);
    CHECK_EQ(z[0].t.num, 21 * z[0].t.den); /* 21 / (2 / 2) */
    CHECK_EQ(z[1].t.num, 630 * z[1].t.den);
    allowed(&s, "e", "SELECT avg(v) FROM a.t", 1000000000);
    CHECK_EQ(s.judged.physical->n_aggs, 2); /* a sum and a count of non-NULLs */
    for (unsigned i = 0; i < 2; i++)
        CHECK_EQ(
            s.judged.noise[i].t.num,
            2 * s.judged.noise[i].t.den *
                (s.judged.physical->aggs[i].kind == MAL_SQL_SUM ? 210 : 7));
    allowed(&s, "e",
            "SELECT sum(CASE WHEN v > 3 THEN v * 2 ELSE NULL END) "
            "FROM a.t",
            1000000000);
    CHECK_EQ(s.judged.noise[0].sensitivity, 7 * 60);
    allowed(&s, "e", PSI, 1000000000); /* the same rows on both sides: once */
    CHECK_EQ(s.judged.noise[0].sensitivity, 7);
    CHECK_EQ(s.judged.noise[1].sensitivity, 7 * 30);
}

/* What one unit can touch, where rows come twice or meet others'. */
TEST(sensitivity_follows_unions_of_one_table_and_joins) {
    static const struct {
        const char *text;
        uint64_t sensitivity;
    } cases[] = {
        { "SELECT count(*) FROM (SELECT g FROM a.t UNION ALL SELECT g FROM "
          "a.t) x",
          2 * 7 },
        { "SELECT count(*) FROM (SELECT g FROM a.t UNION ALL SELECT g FROM "
          "a.t UNION ALL SELECT g FROM b.t) x",
          3 * 7 },
        /* A thing may be in every row of a.t; a person in 7, each one thing. */
        { "SELECT count(*) FROM a.t JOIN a.things ON a.t.k = a.things.k",
          1000 },
        { "SELECT count(*) FROM a.t JOIN d.things ON a.t.k = d.things.k",
          1000 },
        { "SELECT count(*) FROM a.t JOIN d.t ON a.t.u = d.t.u", 7 },
    };
    MAL_AUTO(scene_clear) scene s = { 0 };
    scene_make(&s, 1, "");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        allowed(&s, "e", cases[i].text, 1000000000);
        CHECK_THAT(s.judged.noise[0].sensitivity == cases[i].sensitivity,
                   "%s: %llu", cases[i].text,
                   (unsigned long long)s.judged.noise[0].sensitivity);
    }
}

TEST(a_minimum_group_adds_a_count_that_shares_epsilon) {
    MAL_AUTO(scene_clear) scene s = { 0 };
    scene_make(&s, 1, "group >= 5, ");
    allowed(&s, "e", "SELECT g, sum(v) FROM a.t GROUP BY g", 1000000000);
    CHECK_EQ(s.judged.physical->n_aggs, 2);
    CHECK(s.judged.physical->count_agg >= 0);
    CHECK_EQ(s.judged.noise[0].t.num, 2 * 210 * s.judged.noise[0].t.den);
}

TEST(delta_is_a_tail_for_each_released_number) {
    MAL_AUTO(scene_clear) scene s = { 0 };
    scene_make(&s, 1, "");
    allowed(&s, "e", UNION3, 1000000000);
    uint64_t released = s.judged.physical->n_cells * s.judged.physical->n_aggs;
    CHECK(released > 2);
    /* num / den >= released / 2^64 */
    const mal_policy_ratio *d = &s.judged.facts.delta;
    CHECK(((mal_u128)d->num << 64) / d->den >= released);
    CHECK(s.judged.noise[0].tail > s.judged.noise[0].halfwidth);
}

/* Sizes of psi's messages: bounds that no table that was ingested can pass. */
TEST(key_bounds_hold_for_whatever_the_key_is) {
    MAL_AUTO(scene_clear) scene s = { 0 };
    scene_make(&s, 1, "");
    allowed(&s, "e", PSI, 1000000000);
    CHECK_EQ(s.judged.keys_max[0], 40); /* the key is the unit: its units */
    CHECK_EQ(s.judged.keys_max[1], 40);
    allowed(&s, "e",
            "SELECT a.t.g, count(*) FROM a.t JOIN d.things ON a.t.k = "
            "d.things.k GROUP BY a.t.g",
            1000000000);
    CHECK_EQ(s.judged.keys_max[0], 1000); /* not the unit: its rows */
    CHECK_EQ(s.judged.keys_max[1], 50);
    /* A join at home, whose unit is not what the two owners join on. */
    allowed(&s, "e",
            "SELECT count(*) FROM (SELECT a.things.u AS u FROM a.t JOIN "
            "a.things ON a.t.u = a.things.u AND a.t.k = a.things.k) x JOIN d.t "
            "ON x.u = d.t.u",
            1000000000);
    CHECK(s.judged.keys_max[0] >= 200);
    CHECK_EQ(s.judged.keys_max[1], 40);
}

/* Else the owners would pay, and the engine refuse. */
TEST(what_no_engine_can_run_is_refused_before_it_is_paid) {
    MAL_AUTO(scene_clear) scene s = { 0 };
    scene_make(&s, 1, "");
    mal_policy_dataset *d =
        (mal_policy_dataset *)(uintptr_t)&s.contract
            ->datasets[mal_policy_dataset_find(s.contract, "d.t")];
    d->rows_max = d->units_max = MAL_PSI_CIRCUIT_ROWS_MAX;
    allowed(&s, "e", PSI, 1000000000);
    d->rows_max = d->units_max = MAL_PSI_CIRCUIT_ROWS_MAX + 1;
    CHECK_ERR(judge(&s, "e", PSI, 1000000000), MAL_E_LIMIT);
}

TEST(a_question_without_epsilon_or_permit_is_refused) {
    MAL_AUTO(scene_clear) scene s = { 0 };
    scene_make(&s, 1, "");
    mal_err err = judge(&s, "e", UNION3, 0);
    CHECK(err == MAL_E_DENIED || s.judged.verdict.outcome != MAL_POLICY_ALLOW);
    CHECK_OK(judge(&s, "e", UNION3, 10000000000)); /* above the permit's */
    CHECK(s.judged.verdict.outcome != MAL_POLICY_ALLOW);
    CHECK_OK(judge(&s, "b", UNION3, 1000000000)); /* not `by` */
    CHECK(s.judged.verdict.outcome != MAL_POLICY_ALLOW);
}

TEST_MAIN
