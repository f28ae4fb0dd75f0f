/* verify.c - what a receipt claims, checked one sentence after another.
 *
 * A claim that fails does not stop the others: a person wants to see all of
 * them. Only memory running out ends the check early.
 */
#include "audit_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SKEW_SECONDS 300 /* how far ahead a party's clock may run */

typedef struct side { /* one owner's part, as far as it was understood */
    const mal_audit_part *part;
    const mal_audit_party *party;
    mal_audit_key keys[MAL_AUDIT_KEYS_MAX];
    size_t n_keys;
    mal_audit_statement *intent, *result; /* NULL: not believed */
    uint64_t intent_index;
    bool intent_logged;
} side;

typedef struct check {
    mal_audit_report *report;
    mal_arena *arena;
    const mal_audit_receipt *receipt;
    const mal_audit_party *parties;
    size_t n_parties;
    uint64_t now;
    mal_prim_hash contract;
    const uint8_t *room; /* NULL until known */
    side *sides;
    size_t n_sides;
    mal_err memory; /* MAL_E_MEMORY once a sentence could not be kept */
} check;

/* --- Sentences ------------------------------------------------------------ */

static char *MAL_PRINTF(2, 0) vsay(check *c, const char *fmt, va_list args) {
    char text[1024];
    vsnprintf(text, sizeof text, fmt, args);
    char *kept = mal_arena_strdup(c->arena, text);
    if (!kept)
        c->memory = MAL_E_MEMORY;
    return kept;
}

static void add_claim(check *c, bool ok, const char *text) {
    mal_audit_report *r = c->report;
    if (!ok)
        r->ok = false;
    if (!text)
        return;
    if (r->n_claims == MAL_AUDIT_CLAIMS_MAX) {
        r->ok = false; /* what is not listed is not held */
        return;
    }
    r->claims[r->n_claims++] = (mal_audit_claim){ .ok = ok, .text = text };
}

/* The sentence as it is if err is MAL_OK, else followed by what is wrong. */
static bool MAL_PRINTF(3, 4)
    claim(check *c, mal_err err, const char *fmt, ...) {
    va_list args;
    char why[512];
    snprintf(why, sizeof why, "%s", err == MAL_OK ? "" : mal_err_message());
    va_start(args, fmt);
    char *text = vsay(c, fmt, args);
    va_end(args);
    if (text && err != MAL_OK)
        text = mal_arena_printf(c->arena, "NOT HELD: %s (%s)", text, why);
    if (!text || err == MAL_E_MEMORY)
        c->memory = MAL_E_MEMORY; /* then nothing is known of the claim */
    add_claim(c, err == MAL_OK, text);
    return err == MAL_OK;
}

static void MAL_PRINTF(2, 3) not_proved(check *c, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    const char *text = vsay(c, fmt, args);
    va_end(args);
    mal_audit_lines *lines = &c->report->not_proved;
    if (text && lines->n < MAL_AUDIT_LINES_MAX)
        lines->line[lines->n++] = text;
    else if (text)
        lines->line[lines->n - 1] = "more than is listed: read the receipt";
}

static mal_err require(bool cond, const char *why) {
    MAL_REQUIRE(cond, MAL_E_AUTH, "%s", why);
    return MAL_OK;
}

/* --- The contract --------------------------------------------------------- */

static mal_err identity_trusted(const mal_audit_party *p,
                                const uint8_t (*trusted)[32], size_t n) {
    for (size_t i = 0; i < n; i++)
        if (mal_equal(trusted[i], p->identity_pub, 32))
            return MAL_OK;
    MAL_FAIL(MAL_E_AUTH, "its identity key is none of those you trust");
}

static mal_err check_contract(check *c, const uint8_t (*trusted)[32],
                              size_t n_trusted) {
    mal_audit_dsse *dsse;
    size_t owners = 0;
    mal_err err =
        mal_audit_dsse_parse(&dsse, c->arena, c->receipt->contract_signatures);
    if (err == MAL_OK)
        err = require(strcmp(dsse->type, MAL_AUDIT_TYPE_ROOM) == 0,
                      "its envelope has another type");
    if (!claim(c, err, "the contract can be read"))
        return MAL_OK;
    mal_prim_sha256_of(&c->contract, dsse->payload);
    mal_hex_encode(c->report->contract_sha256, mal_bytes_of(c->contract.b, 32));
    for (size_t i = 0; i < c->n_parties; i++) {
        const mal_audit_party *p = &c->parties[i];
        if (!p->owner)
            continue;
        owners++;
        claim(c, mal_audit_dsse_verify(dsse, p->identity_pub),
              "%s, an owner, signed this contract", p->name);
        if (n_trusted > 0)
            claim(c, identity_trusted(p, trusted, n_trusted),
                  "the identity of %s is one that you trust", p->name);
    }
    claim(c, require(owners > 0, "it names none"), "the contract has owners");
    return c->memory;
}

/* --- Who is here ---------------------------------------------------------- */

static bool takes_part(const mal_audit_party *p) {
    return p->owner || p->seat;
}

static const mal_audit_party *find_member(const check *c, const char *name) {
    for (size_t i = 0; i < c->n_parties; i++)
        if (takes_part(&c->parties[i]) && strcmp(c->parties[i].name, name) == 0)
            return &c->parties[i];
    return NULL;
}

/* Each owner and each seat has exactly one part, and nobody else has one. */
static mal_err match_parts(check *c) {
    const mal_audit_receipt *r = c->receipt;
    c->sides = mal_arena_calloc(c->arena, r->n_parts + 1, sizeof *c->sides);
    MAL_REQUIRE(c->sides, MAL_E_MEMORY, "out of memory to check a receipt");
    for (size_t i = 0; i < r->n_parts; i++) {
        const mal_audit_party *p = find_member(c, r->parts[i].party);
        bool twice = false;
        for (size_t j = 0; j < c->n_sides; j++)
            twice |= c->sides[j].party == p;
        if (p && !twice) {
            c->sides[c->n_sides].part = &r->parts[i];
            c->sides[c->n_sides++].party = p;
        } else {
            claim(c,
                  require(false, p ? "it speaks twice"
                                   : "it is neither owner nor seat"),
                  "%s speaks for itself, once", r->parts[i].party);
        }
    }
    for (size_t i = 0; i < c->n_parties; i++) {
        bool found = !takes_part(&c->parties[i]);
        for (size_t j = 0; j < c->n_sides; j++)
            found |= c->sides[j].party == &c->parties[i];
        if (!found)
            claim(c, require(false, "its part is missing"),
                  "%s took part in the job", c->parties[i].name);
    }
    return MAL_OK;
}

static void check_keys(check *c, side *s) {
    for (size_t i = 0; i < s->part->n_keys; i++) {
        mal_audit_key *key = &s->keys[s->n_keys];
        mal_err err = mal_audit_key_statement_verify(key, s->part->keys[i],
                                                     s->party->identity_pub);
        if (err == MAL_OK)
            err = require(strcmp(key->party, s->party->name) == 0,
                          "it names another party");
        if (claim(c, err, "key %zu of %s is stated by its identity", i + 1,
                  s->party->name))
            s->n_keys++;
    }
}

/* --- Statements ----------------------------------------------------------- */

/* Signed by a node key that was valid when it says it was made, or by the
 * identity itself. */
static mal_err check_signer(const side *s, const mal_audit_dsse *dsse,
                            uint64_t time) {
    for (size_t i = 0; i < s->n_keys; i++) {
        const mal_audit_key *k = &s->keys[i];
        if (k->use != MAL_AUDIT_USE_NODE || !mal_audit_key_valid_at(k, time))
            continue;
        mal_err err = mal_audit_dsse_verify(dsse, k->pub);
        if (err != MAL_E_AUTH)
            return err;
    }
    mal_err err = mal_audit_dsse_verify(dsse, s->party->identity_pub);
    if (err != MAL_E_AUTH)
        return err;
    MAL_FAIL(MAL_E_AUTH, "no key of %s that was valid then signed it",
             s->party->name);
}

static mal_err check_context(const check *c, const side *s,
                             const mal_audit_statement *st, const char *kind) {
    MAL_TRY(require(strcmp(st->kind, kind) == 0, "it is of another kind"));
    MAL_TRY(require(strcmp(st->party, s->party->name) == 0,
                    "it names another party"));
    MAL_TRY(require(mal_equal(st->contract, c->contract.b, 32),
                    "it is about another contract"));
    MAL_TRY(require(!c->room || mal_equal(st->room, c->room, 32),
                    "it is about another room"));
    return require(st->time <= c->now + SKEW_SECONDS, "it lies in the future");
}

static mal_err read_statement(mal_audit_statement **st, check *c, const side *s,
                              mal_bytes entry, const char *kind) {
    mal_audit_dsse *dsse;
    MAL_TRY(mal_audit_dsse_parse(&dsse, c->arena, entry));
    MAL_TRY(require(strcmp(dsse->type, MAL_AUDIT_TYPE_STATEMENT) == 0,
                    "its envelope has another type"));
    MAL_TRY(mal_audit_statement_parse(st, c->arena, dsse->payload));
    MAL_TRY(check_signer(s, dsse, (*st)->time));
    return check_context(c, s, *st, kind);
}

static void check_statement(check *c, side *s, mal_audit_statement **out,
                            mal_bytes entry, const char *kind) {
    mal_audit_statement *st = NULL;
    mal_err err = read_statement(&st, c, s, entry, kind);
    if (!claim(c, err, "%s signed its %s under this contract", s->party->name,
               kind))
        return;
    if (!c->room)
        c->room = st->room; /* the first; the others must equal it */
    *out = st;
}

/* --- Logs ----------------------------------------------------------------- */

static mal_err log_vkeys(mal_audit_vkey *out, size_t *n, size_t max,
                         const side *s, uint8_t type, uint64_t time) {
    char origin[MAL_AUDIT_ORIGIN_LEN + 1];
    mal_audit_origin(origin, s->party->name, s->party->identity_pub);
    for (size_t i = 0; i < s->n_keys && *n < max; i++)
        if (s->keys[i].use == MAL_AUDIT_USE_LOG &&
            mal_audit_key_valid_at(&s->keys[i], time))
            MAL_TRY(mal_audit_vkey_make(&out[(*n)++], origin, type,
                                        s->keys[i].pub));
    return MAL_OK;
}

/* Witnesses of a log: one log key of every other owner, the newest epoch's that
 * was valid (a part that states several keys gets no second vote). */
static mal_err witnesses_of(const check *c, const side *of, uint64_t time,
                            mal_audit_vkey *out, const side **who, size_t *n) {
    *n = 0;
    for (size_t i = 0; i < c->n_sides; i++) {
        const side *s = &c->sides[i];
        const mal_audit_key *best = NULL;
        char origin[MAL_AUDIT_ORIGIN_LEN + 1];
        if (s == of)
            continue;
        for (size_t k = 0; k < s->n_keys; k++)
            if (s->keys[k].use == MAL_AUDIT_USE_LOG &&
                mal_audit_key_valid_at(&s->keys[k], time) &&
                (!best || s->keys[k].epoch > best->epoch))
                best = &s->keys[k];
        if (!best)
            continue;
        mal_audit_origin(origin, s->party->name, s->party->identity_pub);
        MAL_TRY(mal_audit_vkey_make(&out[*n], origin, MAL_AUDIT_SIG_COSIGN,
                                    best->pub));
        who[(*n)++] = s;
    }
    return MAL_OK;
}

static mal_err verify_logged(const check *c, const side *s, mal_bytes entry,
                             mal_bytes text, uint64_t time, bool cosigned,
                             mal_audit_proof *proof, size_t *count) {
    mal_audit_vkey logs[MAL_AUDIT_KEYS_MAX];
    mal_audit_vkey witnesses[MAL_AUDIT_OWNERS_MAX];
    const side *who[MAL_AUDIT_OWNERS_MAX];
    bool by[MAL_AUDIT_OWNERS_MAX];
    size_t n_logs = 0, n = 0, needed = c->n_sides - 1;
    mal_err err = MAL_E_AUTH;

    MAL_TRY(mal_audit_proof_parse(proof, text));
    MAL_TRY(log_vkeys(logs, &n_logs, MAL_AUDIT_KEYS_MAX, s,
                      MAL_AUDIT_SIG_ED25519, time));
    MAL_TRY(require(n_logs > 0, "no log key was valid then"));
    MAL_TRY(witnesses_of(c, s, time, witnesses, who, &n));
    for (size_t i = 0; i < n_logs && err == MAL_E_AUTH; i++) {
        mal_audit_policy policy = { .log = logs[i],
                                    .witnesses = witnesses,
                                    .n_witnesses = n,
                                    .quorum = cosigned ? needed : 0 };
        err = mal_audit_proof_verify(NULL, by, NULL, proof, entry, &policy);
    }
    MAL_TRY(err);
    *count = 0;
    for (size_t i = 0; i < n; i++)
        *count += by[i];
    return MAL_OK;
}

static void check_logged(check *c, side *s) {
    const mal_audit_part *p = s->part;
    mal_audit_proof proof;
    size_t count = 0;
    const char *name = s->party->name;

    if (s->intent) {
        mal_err err = verify_logged(c, s, p->intent, p->intent_proof,
                                    s->intent->time, true, &proof, &count);
        s->intent_index = proof.index;
        s->intent_logged =
            claim(c, err,
                  "the intent of %s is entry %llu of its log, in a head that "
                  "every other owner cosigned",
                  name, (unsigned long long)proof.index);
    }
    if (s->result) {
        mal_err err = verify_logged(c, s, p->result, p->result_proof,
                                    s->result->time, false, &proof, &count);
        bool logged =
            claim(c, err,
                  "the result of %s is entry %llu of its log (%zu of %zu "
                  "other owners cosigned that head)",
                  name, (unsigned long long)proof.index, count, c->n_sides - 1);
        if (logged && s->intent_logged)
            claim(c,
                  require(proof.index > s->intent_index,
                          "the log has them the other way round"),
                  "the intent of %s came before its result", name);
    }
}

/* --- Agreement ------------------------------------------------------------ */

/* A field that every intent and every result must carry with this value. */
static void agree_field(check *c, const char *name, const char *value,
                        const char *what) {
    mal_err err = require(value != NULL, "it is nowhere said");
    for (size_t i = 0; i < c->n_sides && err == MAL_OK; i++) {
        const mal_audit_statement *both[] = { c->sides[i].intent,
                                              c->sides[i].result };
        for (size_t k = 0; k < 2 && err == MAL_OK; k++) {
            const char *v =
                both[k] ? mal_audit_statement_field(both[k], name) : NULL;
            if (!v || strcmp(v, value) != 0)
                err = mal_err_set(MAL_E_AUTH, __FILE__, __LINE__,
                                  "the %s of %s says otherwise",
                                  k ? "result" : "intent",
                                  c->sides[i].party->name);
        }
    }
    claim(c, err, "all intents and results name the same %s", what);
}

static const mal_audit_opening *find_opening(const check *c, const char *name,
                                             const mal_prim_hash *hash) {
    for (size_t i = 0; i < c->receipt->n_openings; i++) {
        const mal_audit_opening *o = &c->receipt->openings[i];
        mal_prim_hash h;
        if (strcmp(o->name, name) != 0)
            continue;
        mal_audit_commit(&h, name, o->salt, o->value);
        if (mal_equal(h.b, hash->b, sizeof h.b))
            return o;
    }
    return NULL;
}

/* Equal hashes, or openings with equal values; else it stays unproved. */
static void agree_commitment(check *c, const char *name, bool in_result,
                             bool needed) {
    const mal_prim_hash *first = NULL;
    const mal_audit_opening *opened = NULL;
    bool same = true, all = true, equal_values = true, some_missing = false;

    for (size_t i = 0; i < c->n_sides; i++) {
        const mal_audit_statement *st =
            in_result ? c->sides[i].result : c->sides[i].intent;
        const mal_prim_hash *h =
            st ? mal_audit_statement_commitment(st, name) : NULL;
        if (!h) {
            some_missing = true;
            continue;
        }
        const mal_audit_opening *o = find_opening(c, name, h);
        if (first)
            same &= mal_equal(h->b, first->b, sizeof h->b);
        first = first ? first : h;
        all &= o != NULL;
        if (o && opened)
            equal_values &= mal_bytes_same_vartime(o->value, opened->value);
        opened = opened ? opened : o;
    }
    if (!first && !needed)
        return;
    if (first && !some_missing && !same && !all && equal_values) {
        not_proved(c,
                   "that all owners mean the same %s: their commitments "
                   "differ in salt and are not opened here",
                   name);
        return;
    }
    mal_err err = require(first && !some_missing, "not every owner states it");
    if (err == MAL_OK)
        err = require(same || (all && equal_values), "the values differ");
    claim(c, err, "all owners committed to the same %s", name);
}

static bool committed_by(const mal_audit_statement *st,
                         const mal_audit_opening *o) {
    mal_prim_hash h;
    const mal_prim_hash *wanted =
        st ? mal_audit_statement_commitment(st, o->name) : NULL;
    if (!wanted)
        return false;
    mal_audit_commit(&h, o->name, o->salt, o->value);
    return mal_equal(h.b, wanted->b, sizeof h.b);
}

static void check_openings(check *c) {
    for (size_t i = 0; i < c->receipt->n_openings; i++) {
        const mal_audit_opening *o = &c->receipt->openings[i];
        char who[256] = "";
        for (size_t k = 0; k < c->n_sides; k++) {
            const side *s = &c->sides[k];
            size_t used = strlen(who);
            if (committed_by(s->intent, o) || committed_by(s->result, o))
                snprintf(who + used, sizeof who - used, "%s%s",
                         used ? ", " : "", s->party->name);
        }
        claim(c, require(who[0] != 0, "nobody has"),
              "the opened \"%s\" is what was committed to by %s", o->name,
              who[0] ? who : "an owner");
    }
}

static void note_closed(check *c) {
    for (size_t i = 0; i < c->n_sides; i++) {
        const side *s = &c->sides[i];
        const mal_audit_statement *both[] = { s->intent, s->result };
        char names[512] = "";
        for (size_t k = 0; k < 2; k++)
            for (size_t j = 0; both[k] && j < both[k]->n_commitments; j++) {
                const mal_audit_commitment *m = &both[k]->commitments[j];
                size_t used = strlen(names);
                if (!find_opening(c, m->name, &m->hash))
                    snprintf(names + used, sizeof names - used, "%s%s",
                             used ? ", " : "", m->name);
            }
        if (names[0])
            not_proved(c, "what %s committed to as %s: not opened here",
                       s->party->name, names);
    }
}

/* --- The whole ------------------------------------------------------------ */

static void check_agreement(check *c) {
    const mal_audit_receipt *r = c->receipt;
    const mal_audit_statement *first = c->n_sides ? c->sides[0].intent : NULL;
    const char *job =
        first ? mal_audit_statement_field(first, MAL_AUDIT_F_JOB) : NULL;
    char disclosure[65];

    if (job && strlen(job) == 64)
        memcpy(c->report->job, job, 65);
    mal_audit_disclosure(disclosure, r->engine, &r->leakage, &r->trust,
                         &r->not_proved);
    agree_field(c, MAL_AUDIT_F_JOB, job, "job");
    agree_field(c, MAL_AUDIT_F_ENGINE, r->engine, "engine as this receipt");
    agree_field(c, MAL_AUDIT_F_DISCLOSURE, disclosure,
                "leakage, trust and limits as this receipt");
    agree_commitment(c, MAL_AUDIT_C_REQUEST, false, false);
    agree_commitment(c, MAL_AUDIT_C_PLAN, false, true);
    agree_commitment(c, MAL_AUDIT_C_ANSWER, true, false);
    check_openings(c);
}

static void list_unproved(check *c, size_t n_trusted) {
    const mal_audit_lines *own = &c->receipt->not_proved;
    if (n_trusted == 0)
        not_proved(c, "that the identity keys belong to the organisations "
                      "named: they were taken from the contract in this "
                      "receipt");
    not_proved(c, "that what the owners put in is true");
    not_proved(c, "that the owners followed the protocol, beyond what is "
                  "said under trust");
    not_proved(c, "anything, if all owners collude");
    note_closed(c);
    for (size_t i = 0; i < own->n; i++)
        not_proved(c, "%s", own->line[i]);
}

mal_err mal_audit_receipt_verify(mal_audit_report *report, mal_arena *arena,
                                 mal_bytes json, const mal_audit_party *parties,
                                 size_t n, const uint8_t *room,
                                 const uint8_t (*trusted)[32], size_t n_trusted,
                                 uint64_t now) {
    mal_audit_receipt *receipt;
    check c = { .report = report,
                .arena = arena,
                .parties = parties,
                .n_parties = n,
                .now = now,
                .room = room };

    memset(report, 0, sizeof *report);
    MAL_TRY(mal_audit_receipt_parse(&receipt, arena, json));
    c.receipt = receipt;
    report->claims =
        mal_arena_calloc(arena, MAL_AUDIT_CLAIMS_MAX, sizeof *report->claims);
    MAL_REQUIRE(report->claims, MAL_E_MEMORY, "out of memory");
    report->ok = true;
    report->engine = receipt->engine;
    MAL_TRY(check_contract(&c, trusted, n_trusted));
    MAL_TRY(match_parts(&c));
    for (size_t i = 0; i < c.n_sides; i++) {
        side *s = &c.sides[i];
        check_keys(&c, s);
        check_statement(&c, s, &s->intent, s->part->intent, "intent");
        check_statement(&c, s, &s->result, s->part->result, "result");
    }
    for (size_t i = 0; i < c.n_sides; i++)
        check_logged(&c, &c.sides[i]);
    check_agreement(&c);
    list_unproved(&c, n_trusted);
    if (c.room)
        mal_hex_encode(report->room, mal_bytes_of(c.room, 32));
    MAL_REQUIRE(c.memory == MAL_OK, MAL_E_MEMORY,
                "out of memory to check a receipt");
    return MAL_OK;
}
