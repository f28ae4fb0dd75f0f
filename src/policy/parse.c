/* parse.c - a contract's text to its tree: statements, passes, the whole.
 *
 * Statements stand in any order, so names are read in a first pass and resolved
 * in a second one over the same text, by the same code.  Both passes sort what
 * they read in the same way: an index found in the first is right in the
 * second.
 */
#include "policy_impl.h"

#include <malus/prim.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static mal_err take_identity(parser *p, uint8_t out[32]) {
    MAL_AUTO(mal_buf_clear) mal_buf raw = { 0 };
    const char *t = p->text + p->tok.at;
    if (p->tok.kind != TOKEN_KEY || t[0] != 'e')
        return policy_unexpected(
            p, "a role (owner, analyst, compute, witness, delegate for ...) or "
               "an identity (ed25519: and base64)");
    mal_err err = mal_base64_decode(&raw, mal_bytes_of(t + 8, p->tok.len - 8));
    if (err == MAL_E_MEMORY)
        return err;
    FAULT_UNLESS(err == MAL_OK && raw.len == 32, p, p->tok.at,
                 "an identity is ed25519: and 32 bytes in base64, 44 "
                 "characters");
    memcpy(out, raw.ptr, 32);
    return policy_next(p);
}

static mal_err take_roles(parser *p, mal_policy_party *party) {
    while (p->tok.kind == TOKEN_WORD) {
        size_t at = p->tok.at;
        uint32_t role;
        MAL_TRY(policy_take_word_of(p, policy_role_words, &role,
                                    "a role or an identity (ed25519:...)"));
        FAULT_UNLESS(!(party->roles & role), p, at, "the role is given twice");
        party->roles |= role;
        if (role != MAL_POLICY_DELEGATE)
            continue;
        MAL_TRY(policy_take(p, "for", "and the owners it stands for"));
        MAL_TRY(policy_take_parties(p, &party->delegate_for, MAL_POLICY_OWNER));
    }
    FAULT_UNLESS(party->roles, p, p->tok.at,
                 "party %s needs a role: owner, analyst, compute, witness or "
                 "delegate for ...",
                 party->name);
    return MAL_OK;
}

static mal_err parse_party(parser *p) {
    void *slot;
    size_t at, key_at;
    MAL_TRY(policy_list_add(p, &p->pass->parties, sizeof(mal_policy_party),
                            MAL_POLICY_PARTIES_MAX, "parties", &slot));
    mal_policy_party *party = slot, *all = p->pass->parties.ptr;
    MAL_TRY(policy_take_name(p, &party->name, "a party's name", &at));
    MAL_TRY(take_roles(p, party));
    key_at = p->tok.at;
    MAL_TRY(take_identity(p, party->identity));
    for (mal_policy_party *q = all; q < party; q++) {
        FAULT_UNLESS(strcmp(q->name, party->name) != 0, p, at,
                     "party %s is declared twice", party->name);
        FAULT_UNLESS(mal_compare_vartime(q->identity, party->identity, 32) != 0,
                     p, key_at,
                     "%s and %s have one identity; each party has its own key",
                     q->name, party->name);
    }
    for (;;) {
        size_t word_at = p->tok.at;
        bool is;
        MAL_TRY(policy_take_if(p, "organisation", &is));
        if (is) {
            FAULT_UNLESS(!party->organisation, p, word_at,
                         "organisation is said twice");
            MAL_TRY(policy_take_string(p, &party->organisation, 128,
                                       "an organisation, in quotes"));
            continue;
        }
        MAL_TRY(policy_take_if(p, "jurisdiction", &is));
        if (!is)
            return MAL_OK;
        FAULT_UNLESS(!party->jurisdiction, p, word_at,
                     "jurisdiction is said twice");
        MAL_TRY(policy_take_label(p, &party->jurisdiction, "a jurisdiction"));
    }
}

/* --- The short statements ----------------------------------------------- */

static mal_err once(parser *p, bool *seen, size_t at, const char *what) {
    FAULT_UNLESS(!*seen, p, at, "%s is said twice", what);
    *seen = true;
    return MAL_OK;
}

static mal_err parse_collude(parser *p, size_t at) {
    uint64_t n;
    MAL_TRY(once(p, &p->pass->collude, at, "collude"));
    p->pass->collude_at = p->tok.at;
    MAL_TRY(policy_take_count(p, &n, 0, MAL_POLICY_PARTIES_MAX,
                              "the number of colluders"));
    p->pass->c->collude = (uint32_t)n;
    return MAL_OK;
}

static mal_err parse_consent(parser *p, size_t at) {
    MAL_TRY(once(p, &p->pass->consent, at, "consent"));
    MAL_TRY(policy_take(p, "all", "owners: every owner signs"));
    return policy_take(p, "owners", "after \"consent all\"");
}

static mal_err parse_withdraw(parser *p, size_t at) {
    MAL_TRY(once(p, &p->pass->withdraw, at, "withdraw"));
    if (p->tok.kind == TOKEN_WORD && !policy_is(p, "any"))
        FAULT(p, p->tok.at, MAL_E_UNSUPPORTED,
              "other ways to withdraw are reserved, not yet supported; write "
              "\"withdraw any owner\"");
    MAL_TRY(policy_take(p, "any", "owner"));
    return policy_take(p, "owner", "after \"withdraw any\"");
}

static mal_err parse_expires(parser *p, size_t at) {
    char date[11];
    MAL_TRY(once(p, &p->pass->expires, at, "expires"));
    if (p->tok.kind != TOKEN_DATE || p->tok.len != 10)
        return policy_unexpected(p, "a day, as in 2027-06-30");
    memcpy(date, p->text + p->tok.at, 10);
    date[10] = 0;
    if (mal_time_parse_date(&p->pass->c->expires, date) != MAL_OK ||
        p->pass->c->expires == 0)
        FAULT(p, p->tok.at, MAL_E_INPUT, "%s is no day after 1970-01-01", date);
    return policy_next(p);
}

static mal_err parse_room(parser *p) {
    uint64_t version;
    MAL_TRY(policy_take(p, "room",
                        "(a contract starts: room \"name\" version "
                        "1)"));
    MAL_TRY(policy_take_string(p, &p->pass->c->name, 128,
                               "the room's name, in quotes"));
    MAL_TRY(policy_take(p, "version", "and its number"));
    MAL_TRY(policy_take_count(p, &version, 1, UINT32_MAX - 1, "a version"));
    p->pass->c->version = (uint32_t)version;
    return policy_take_if(p, "test", &p->pass->c->test);
}

static mal_err unknown_statement(const parser *p) {
    static const char *const words[] = { "parent",  "room-id", "party",
                                         "dataset", "rule",    "budget",
                                         "collude", "consent", "withdraw",
                                         "expires" };
    guess g = policy_guess(p->text + p->tok.at, p->tok.len);
    char meant[160];
    if (policy_is(p, "use"))
        FAULT(p, p->tok.at, MAL_E_UNSUPPORTED,
              "packs (use pack ...) are reserved, not yet supported; leave "
              "the line out");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        policy_guess_offer(&g, words[i]);
    if (p->tok.kind == TOKEN_WORD && g.best)
        FAULT(p, p->tok.at, MAL_E_INPUT, "no statement starts with \"%.*s\"%s",
              (int)p->tok.len, p->text + p->tok.at,
              policy_guess_say(&g, meant));
    return policy_unexpected(p, "a statement: party, dataset, rule, budget, "
                                "collude, consent or expires");
}

static mal_err parse_statement(parser *p) {
    size_t at = p->tok.at;
    bool is;
#define STATEMENT(word, call)                                                  \
    do {                                                                       \
        MAL_TRY(policy_take_if(p, word, &is));                                 \
        if (is)                                                                \
            return call;                                                       \
    } while (0)
    STATEMENT("party", parse_party(p));
    STATEMENT("dataset", policy_parse_dataset(p));
    STATEMENT("rule", policy_parse_rule(p));
    STATEMENT("budget", policy_parse_budget(p));
    STATEMENT("collude", parse_collude(p, at));
    STATEMENT("consent", parse_consent(p, at));
    STATEMENT("withdraw", parse_withdraw(p, at));
    STATEMENT("expires", parse_expires(p, at));
#undef STATEMENT
    if (policy_is(p, "parent")) {
        MAL_TRY(once(p, &p->pass->parent, at, "parent"));
        MAL_TRY(policy_next(p));
        return policy_take_hash(p, p->pass->c->parent);
    }
    if (policy_is(p, "room-id")) {
        MAL_TRY(once(p, &p->pass->room_id, at, "room-id"));
        MAL_TRY(policy_next(p));
        return policy_take_hash(p, p->pass->c->room_id);
    }
    return unknown_statement(p);
}

/* --- The whole ---------------------------------------------------------- */

static int by_party(const void *a, const void *b) {
    return strcmp(((const mal_policy_party *)a)->name,
                  ((const mal_policy_party *)b)->name);
}
static int by_dataset(const void *a, const void *b) {
    return strcmp(((const mal_policy_dataset *)a)->name,
                  ((const mal_policy_dataset *)b)->name);
}
static int by_rule(const void *a, const void *b) {
    return strcmp(((const mal_policy_rule *)a)->name,
                  ((const mal_policy_rule *)b)->name);
}
static int by_budget(const void *a, const void *b) {
    const mal_policy_budget *x = a, *y = b;
    if (x->dataset != y->dataset)
        return x->dataset < y->dataset ? -1 : 1;
    /* all together (MAL_POLICY_NONE) first: NONE + 1 wraps to 0 */
    uint32_t xp = x->party + 1, yp = y->party + 1;
    return xp < yp ? -1 : xp > yp;
}

static void sort(list *l, size_t elem, int (*by)(const void *, const void *)) {
    if (l->n > 1)
        qsort(l->ptr, l->n, elem, by);
}

static void adopt(pass *s) {
    sort(&s->parties, sizeof(mal_policy_party), by_party);
    sort(&s->datasets, sizeof(mal_policy_dataset), by_dataset);
    sort(&s->rules, sizeof(mal_policy_rule), by_rule);
    sort(&s->budgets, sizeof(mal_policy_budget), by_budget);
    s->c->parties = s->parties.ptr;
    s->c->n_parties = s->parties.n;
    s->c->datasets = s->datasets.ptr;
    s->c->n_datasets = s->datasets.n;
    s->c->rules = s->rules.ptr;
    s->c->n_rules = s->rules.n;
    s->c->budgets = s->budgets.ptr;
    s->c->n_budgets = s->budgets.n;
}

static mal_err read_pass(parser *p, mal_bytes text) {
    MAL_TRY(policy_lex_start(p, text));
    MAL_TRY(parse_room(p));
    while (p->tok.kind != TOKEN_END)
        MAL_TRY(parse_statement(p));
    adopt(p->pass);
    return MAL_OK;
}

/* What can only be said of the whole text: told at its end or at its number. */
static mal_err complete(const parser *p) {
    const pass *s = p->pass;
    const mal_policy_contract *c = s->c;
    unsigned owners = (unsigned)__builtin_popcountll(mal_policy_owners(c));
    size_t end = p->len;
    FAULT_UNLESS(owners > 0, p, end,
                 "a contract has an owner: party NAME owner ed25519:...");
    FAULT_UNLESS(c->n_datasets > 0, p, end, "a contract has a dataset");
    FAULT_UNLESS(s->collude, p, end,
                 "say how many owners may collude: collude 1");
    FAULT_UNLESS(c->collude < owners, p, s->collude_at,
                 "%u of %u owners cannot collude against nobody; at most %u",
                 c->collude, owners, owners - 1);
    FAULT_UNLESS(s->consent, p, end, "say who consents: consent all owners");
    FAULT_UNLESS(s->expires, p, end, "say when it ends: expires 2027-06-30");
    if (c->version == 1) {
        FAULT_UNLESS(!s->parent && !s->room_id, p, end,
                     "version 1 has no parent and no room-id; remove them");
        return MAL_OK;
    }
    FAULT_UNLESS(s->parent, p, end,
                 "version %u names what it succeeds: parent sha256:HEX",
                 c->version);
    FAULT_UNLESS(s->room_id, p, end,
                 "version %u names the hash of version 1: room-id sha256:HEX",
                 c->version);
    return MAL_OK;
}

static mal_err seal(mal_policy_contract *c, mal_arena *arena) {
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    mal_prim_hash hash;
    MAL_TRY(mal_policy_canonical(&text, c));
    MAL_REQUIRE(text.len <= MAL_POLICY_TEXT_MAX, MAL_E_LIMIT,
                "1:1: the canonical text has %zu bytes; at most %zu are read",
                text.len, MAL_POLICY_TEXT_MAX);
    char *copy = mal_arena_strndup(arena, (const char *)text.ptr, text.len);
    if (!copy)
        return MAL_E_MEMORY;
    c->canonical = mal_bytes_of(copy, text.len);
    mal_prim_sha256_of(&hash, c->canonical);
    memcpy(c->hash, hash.b, 32);
    if (c->version == 1)
        memcpy(c->room_id, c->hash, 32);
    return policy_index_build(c, arena);
}

#define SCRATCH_MAX ((size_t)256 << 20)

mal_err mal_policy_parse(mal_policy_contract **contract, mal_arena *arena,
                         mal_bytes text) {
    MAL_AUTO(mal_arena_auto) mal_arena *scratch = mal_arena_new(SCRATCH_MAX);
    *contract = NULL;
    if (!scratch)
        return MAL_E_MEMORY;
    mal_policy_contract names = { 0 };
    pass first = { .c = &names };
    parser p = { .arena = scratch, .pass = &first };
    MAL_TRY(read_pass(&p, text));

    mal_policy_contract *c = mal_arena_alloc(arena, sizeof *c);
    if (!c)
        return MAL_E_MEMORY;
    pass second = { .c = c };
    p = (parser){ .arena = arena, .known = &names, .pass = &second };
    MAL_TRY(read_pass(&p, text));
    MAL_TRY(complete(&p));
    MAL_TRY(seal(c, arena));
    *contract = c;
    return MAL_OK;
}
