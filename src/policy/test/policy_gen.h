/* Random rooms, as statements that can be put in any order, and random plans.
 */
#ifndef POLICY_GEN_H
#define POLICY_GEN_H

#include <stdarg.h>

#include "policy_test.h"

#define GEN_STATEMENTS 48
typedef struct room_text {
    char *statement[GEN_STATEMENTS];
    unsigned n;
} room_text;

static uint64_t gen_state;
static unsigned pick(unsigned n) {
    return (unsigned)(mal_test_rand(&gen_state) % n);
}
static bool chance(unsigned percent) {
    return pick(100) < percent;
}

static void gen_add(room_text *t, mal_arena *arena, const char *text) {
    CHECK(t->n < GEN_STATEMENTS);
    t->statement[t->n] = mal_arena_strdup(arena, text);
    CHECK(t->statement[t->n++] != NULL);
}

/* A statement under construction. */
typedef struct line {
    char text[8192];
    size_t n;
} line;
static void say(line *l, const char *fmt, ...) MAL_PRINTF(2, 3);
static void say(line *l, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    l->n += (size_t)vsnprintf(l->text + l->n, sizeof l->text - l->n, fmt, args);
    va_end(args);
    CHECK(l->n < sizeof l->text);
    /* Blanks and comments mean nothing: put some where a blank is. */
    if (l->n && l->text[l->n - 1] == ' ' && chance(3))
        say(l, "# \xc2\xa7 %u\n", pick(1000));
}

/* Owners a, b, c and analysts x, y; datasets a.t, a.u, b.t, c.t; every dataset
 * has the columns k (id), d (dim), g (dim range), m (measure), s (secret). */
static const char *const gen_datasets[] = { "a.t", "a.u", "b.t", "c.t" };
static const char *const gen_analysts[] = { "x", "y" };
static const char *const gen_parties[] = { "a", "b", "c", "x", "y" };
static const char *const gen_purposes[] = { "dpv:P", "dpv:Q", "own:R" };

static void gen_parties_and_data(room_text *t, mal_arena *arena) {
    for (unsigned i = 0; i < 5; i++) {
        line l = { 0 };
        say(&l,
            "party %s %s ed25519:%cAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
            "= ",
            gen_parties[i], i < 3 ? "owner" : "analyst", "ABCDE"[i]);
        if (chance(20))
            say(&l, "organisation \"Org %u\" ", i);
        if (chance(20))
            say(&l, "jurisdiction %s ", chance(50) ? "EU" : "US");
        gen_add(t, arena, l.text);
    }
    for (unsigned i = 0; i < 4; i++) {
        line l = { 0 };
        say(&l, "dataset %s ", gen_datasets[i]);
        if (chance(30))
            say(&l, "class c%u ", pick(3));
        say(&l,
            "{ k id normal raw@1 domain dom d dim in (\"p\", q, \"\\\"\") ");
        if (chance(30))
            say(&l, "nullable ");
        if (chance(30))
            say(&l, "class c%u ", pick(3));
        say(&l, "g dim in %d .. %u m measure decimal(%u) in -%u.5 .. %u ",
            (int)pick(5) - 2, 3 + pick(9), 1 + pick(9), pick(99), pick(99));
        if (chance(30))
            say(&l, "class c%u ", pick(3));
        say(&l,
            "s secret privacy unit k contributes at most %u rows rows at "
            "most 1000 } ",
            1 + pick(9));
        gen_add(t, arena, l.text);
    }
}

/* Every element of the list with some chance, at least one. */
static void gen_some(line *l, const char *const *all, unsigned n,
                     unsigned percent) {
    unsigned sure = pick(n), first = pick(n);
    const char *comma = "";
    for (unsigned i = 0; i < n; i++) {
        unsigned at = (i + first) % n;
        if (at == sure || chance(percent)) {
            say(l, "%s%s", comma, all[at]);
            comma = ", ";
        }
    }
    say(l, " ");
}

static void gen_from(line *l, bool forbid) {
    static const char *const items[] = { "dim d",    "dim g", "measure m",
                                         "filter m", "id k",  "filter d" };
    unsigned sure = pick(4);
    const char *comma = "from ";
    for (unsigned i = 0; i < 4; i++) {
        if (i != sure && !chance(forbid ? 20 : 70))
            continue;
        say(l, "%s%s ", comma, gen_datasets[i]);
        comma = ", ";
        if (chance(forbid ? 40 : 90)) {
            say(l, "(");
            gen_some(l, items, 6, forbid ? 20 : 80);
            say(l, ") ");
        }
    }
}

static void gen_joins(line *l, const char *text) {
    const char *comma = "join ";
    for (unsigned i = 0; i < 4; i++)
        for (unsigned k = 0; k < i; k++) {
            char side[16];
            snprintf(side, sizeof side, "%s ", gen_datasets[i]);
            /* A permit joins only what its `from` names. */
            if (text && (!strstr(text, gen_datasets[i]) ||
                         !strstr(text, gen_datasets[k])))
                continue;
            if (!chance(text ? 70 : 20))
                continue;
            say(l, "%s%s.k = %s.k ", comma, gen_datasets[i], gen_datasets[k]);
            comma = ", ";
        }
}

static void gen_run(line *l, bool forbid) {
    static const char *const engines[] = { "clear",
                                           "sum",
                                           "psi",
                                           "share3 malicious",
                                           "he semi-honest",
                                           "tee (tcb >= 2026-09)" };
    unsigned sure = pick(6);
    const char *bar = "run ";
    for (unsigned i = 0; i < 6; i++)
        if (i == sure || chance(forbid ? 10 : 60)) {
            say(l, "%s%s ", bar, engines[i]);
            bar = "| ";
        }
}

static void gen_permit(line *l, unsigned i, const char *effect) {
    static const char *const ops[] = { "count",       "sum",  "avg",
                                       "min",         "rows", "count distinct",
                                       "train (a, b)" };
    line from = { 0 };
    say(l, "rule r%u %s ", i, effect);
    gen_some(l, ops, 7, 50);
    gen_from(&from, false);
    say(l, "%s ", from.text);
    gen_joins(l, from.text);
    say(l, "by ");
    gen_some(l, gen_analysts, 2, 50);
    say(l, "to ");
    gen_some(l, gen_parties, 5, 50);
    if (chance(50)) {
        say(l, "for ");
        gen_some(l, gen_purposes, 3, 40);
    }
    say(l, "require delta <= %ue-%u, epsilon <= %u.%u ", 1 + pick(9),
        6 + pick(6), pick(3), 1 + pick(9));
    if (chance(50))
        say(l, ", rows <= %u ", 1 + pick(100));
    if (chance(50))
        say(l, ", group >= %u ", 1 + pick(100));
    gen_run(l, false);
    if (chance(50))
        say(l, "keep %u days ", pick(40));
    if (chance(50))
        say(l, "reveals match count%s ", chance(50) ? ", noised count" : "");
}

static void gen_forbid(line *l, unsigned i) {
    static const char *const ops[] = { "count", "sum", "avg", "rows", "min" };
    say(l, "rule f%u forbid ", i);
    if (chance(40))
        say(l, "* ");
    else
        gen_some(l, ops, 5, 20);
    if (chance(30)) {
        say(l, "by ");
        gen_some(l, gen_analysts, 2, 20);
    }
    if (chance(60))
        gen_from(l, true);
    if (chance(15))
        gen_joins(l, NULL);
    if (chance(25)) {
        say(l, "for ");
        gen_some(l, gen_purposes, 3, 20);
    }
    if (chance(25)) {
        say(l, "to ");
        gen_some(l, gen_parties, 5, 10);
    }
    if (chance(25))
        gen_run(l, true);
    if (chance(40))
        say(l, "touching class %s ", chance(20) ? "secret" : "c1");
    else if (chance(30))
        say(l, "touching column %s.%s ", gen_datasets[pick(4)],
            chance(50) ? "m" : "k");
}

static void gen_budgets(room_text *t, mal_arena *arena) {
    for (unsigned i = 0; i < 4; i++)
        for (unsigned k = 0; k < 3; k++) {
            line l = { 0 };
            if (!chance(k == 2 ? 90 : 20))
                continue;
            say(&l, "budget %s for %s epsilon ", gen_datasets[i],
                k == 2 ? "all" : gen_analysts[k]);
            if (chance(30))
                say(&l, "0.5 per %u days, ", 1 + pick(9));
            say(&l, "%u in all, delta 1e-%u ", 1 + pick(20), 5 + pick(6));
            gen_add(t, arena, l.text);
        }
}

static void gen_room(room_text *t, mal_arena *arena) {
    *t = (room_text){ 0 };
    gen_parties_and_data(t, arena);
    unsigned permits = pick(5), forbids = pick(4);
    for (unsigned i = 0; i < permits; i++) {
        line l = { 0 };
        gen_permit(&l, i, chance(20) ? "review" : "permit");
        gen_add(t, arena, l.text);
    }
    for (unsigned i = 0; i < forbids; i++) {
        line l = { 0 };
        gen_forbid(&l, i);
        gen_add(t, arena, l.text);
    }
    gen_budgets(t, arena);
    gen_add(t, arena, "collude 1 ");
    gen_add(t, arena, "consent all owners ");
    gen_add(t, arena, "expires 2027-06-30 ");
}

static void gen_shuffle(room_text *t) {
    for (unsigned i = t->n; i > 1; i--) {
        unsigned k = pick(i);
        char *swap = t->statement[i - 1];
        t->statement[i - 1] = t->statement[k];
        t->statement[k] = swap;
    }
}

static mal_policy_contract *gen_parse(const room_text *t, mal_arena *arena) {
    static mal_buf text;
    mal_policy_contract *c;
    mal_buf_reset(&text);
    CHECK_OK(mal_buf_put_str(&text, "room \"gen\" version 1\n"));
    for (unsigned i = 0; i < t->n; i++)
        CHECK_OK(mal_buf_put_fmt(&text, "%s\n", t->statement[i]));
    mal_err err = mal_policy_parse(&c, arena, mal_buf_view(&text));
    CHECK_THAT(err == MAL_OK, "%s\n%.*s", mal_err_message(), (int)text.len,
               (const char *)text.ptr);
    return c;
}

/* --- Plans ---------------------------------------------------------------- */

typedef struct gen_plan {
    mal_policy_facts f;
    uint32_t datasets[4];
    mal_policy_use uses[16];
    mal_policy_join joins[8];
    mal_policy_evidence evidence[1];
    const char *train[1];
} gen_plan;

static void gen_link(gen_plan *p) {
    p->f.datasets = p->datasets;
    p->f.uses = p->uses;
    p->f.joins = p->joins;
    p->f.evidence = p->evidence;
    p->f.train = p->train;
}

/* A plan that mostly lies inside of a rule, so that allowing is common. */
static void gen_uses(gen_plan *p, const mal_policy_rule *r) {
    static const uint32_t how[][3] = {
        { 0 },
        { MAL_POLICY_USE_GROUP, MAL_POLICY_USE_FILTER, MAL_POLICY_USE_ORDER },
        { MAL_POLICY_USE_SUM, MAL_POLICY_USE_AVG, MAL_POLICY_USE_COUNT },
        { MAL_POLICY_USE_FILTER, MAL_POLICY_USE_FILTER, MAL_POLICY_USE_FILTER },
        { MAL_POLICY_USE_COUNT, MAL_POLICY_USE_DISTINCT, MAL_POLICY_USE_COUNT },
    };
    for (uint32_t i = 0; i < r->n_from && p->f.n_datasets < 4; i++) {
        if (!chance(70) && p->f.n_datasets)
            continue;
        p->datasets[p->f.n_datasets++] = r->from[i].dataset;
        for (uint32_t k = 0; k < r->from[i].n_items && p->f.n_uses < 10; k++)
            if (chance(40))
                p->uses[p->f.n_uses++] =
                    (mal_policy_use){ r->from[i].dataset,
                                      r->from[i].items[k].column,
                                      how[r->from[i].items[k].as][pick(3)] };
    }
    for (uint32_t i = 0; i < r->n_joins && p->f.n_joins < 8; i++) {
        mal_policy_join j = r->joins[i];
        bool a = false, b = false;
        for (uint32_t k = 0; k < p->f.n_datasets; k++) {
            a |= p->datasets[k] == j.dataset_a;
            b |= p->datasets[k] == j.dataset_b;
        }
        if (!a || !b || !chance(60))
            continue;
        if (chance(50)) /* either side first */
            j = (mal_policy_join){ j.dataset_b, j.column_b, j.dataset_a,
                                   j.column_a };
        p->joins[p->f.n_joins++] = j;
        p->uses[p->f.n_uses++] =
            (mal_policy_use){ j.dataset_a, j.column_a, MAL_POLICY_USE_JOIN };
    }
}

static uint32_t pick_bit(uint64_t set) {
    uint32_t n = pick((unsigned)__builtin_popcountll(set));
    for (; n; n--)
        set &= set - 1;
    return (uint32_t)__builtin_ctzll(set);
}

static void gen_inside(gen_plan *p, const mal_policy_rule *r) {
    p->f.requester = pick_bit(r->by);
    p->f.recipient = pick_bit(r->to);
    p->f.purpose = r->n_purposes ? r->purposes[pick(r->n_purposes)] : NULL;
    p->f.engine = r->run[pick(r->n_run)].engine;
    p->f.mode =
        chance(60) ? MAL_POLICY_MODE_MALICIOUS : (mal_policy_mode)pick(3);
    p->f.operations = r->operations & (uint32_t)mal_test_rand(&gen_state);
    gen_uses(p, r);
    p->f.epsilon_nano = r->epsilon_nano - pick(2);
    p->f.delta = r->delta;
    p->f.rows_max = r->rows_max ? r->rows_max - pick(2) : pick(3);
    p->f.keep_days = r->keep_days ? pick(r->keep_days + 1) : 0;
    p->f.reveals = r->reveals & pick(8);
}

/* One fact out of its place. */
static void gen_spoil(gen_plan *p) {
    switch (pick(18)) {
    case 0:
        p->f.requester = pick(6);
        break;
    case 1:
        p->f.recipient = pick(6);
        break;
    case 2:
        p->f.purpose = chance(50) ? NULL : gen_purposes[pick(3)];
        break;
    case 3:
        p->f.engine = (mal_policy_engine)pick(8);
        break;
    case 4:
        p->f.mode = (mal_policy_mode)pick(3);
        break;
    case 5:
        p->f.operations = (uint32_t)pick(512);
        break;
    case 6:
        p->f.epsilon_nano += 1 + pick(3) * 1000000000u;
        break;
    case 7:
        p->f.delta = (mal_policy_ratio){ pick(9), pick(2) * 100000u };
        break;
    case 8:
        p->f.rows_max += pick(3);
        break;
    case 9:
        p->f.keep_days += 1;
        break;
    case 10:
        p->f.reveals ^= 1u << pick(3);
        break;
    case 11:
        p->uses[p->f.n_uses++] =
            (mal_policy_use){ pick(5), pick(6), 1u << pick(13) };
        break;
    case 12:
        p->joins[p->f.n_joins < 7 ? p->f.n_joins++ : 0] =
            (mal_policy_join){ pick(4), pick(5), pick(4), pick(5) };
        break;
    case 13:
        p->datasets[p->f.n_datasets < 4 ? p->f.n_datasets++ : 0] = pick(5);
        break;
    case 14:
        p->f.release = (mal_policy_release)pick(3);
        break;
    case 15:
        p->f.now = chance(50) ? 0 : 1900000000;
        break;
    case 16:
        p->f.n_evidence = 0;
        break;
    default:
        p->f.n_train = 0;
    }
}

__attribute__((unused)) static void gen_facts(gen_plan *p,
                                              const mal_policy_contract *c) {
    static const char *const dates[] = { "2026-09", "2026-10-01", "2026-08-31",
                                         "12" };
    *p = (gen_plan){ 0 };
    p->f.release = MAL_POLICY_RELEASE_NOISED;
    p->f.now = 1790000000;
    p->f.epsilon_nano = 1 + pick(1000000000);
    p->f.delta = (mal_policy_ratio){ 1, 1000000000 };
    p->f.signed_ = mal_test_rand(&gen_state) & 7;
    p->evidence[0] = (mal_policy_evidence){ "tcb", dates[pick(4)] };
    p->f.n_evidence = 1;
    p->train[0] = chance(80) ? "a" : "z";
    p->f.n_train = 1;
    uint32_t rule = c->n_rules ? pick(c->n_rules) : 0;
    if (c->n_rules && c->rules[rule].effect != MAL_POLICY_FORBID) {
        gen_inside(p, &c->rules[rule]);
    } else {
        p->f.requester = 3 + pick(2);
        p->f.recipient = pick(5);
        p->f.engine = (mal_policy_engine)(1 + pick(6));
        p->f.operations = 1u << pick(8);
        p->datasets[p->f.n_datasets++] = pick(4);
    }
    for (unsigned n = chance(50) ? 0 : pick(3); n; n--)
        gen_spoil(p);
    gen_link(p);
}

#endif
