/* disclosure.c - rule 1: who learns what beyond the answer, who must be
 * believed and for what, and what nobody proved.  Lines, from plan and contract
 * alone, the same at every node: their hash is in every intent.
 */
#include "room_impl.h"

#include <string.h>

static mal_err add(mal_audit_lines *lines, mal_arena *arena, const char *text) {
    (void)arena;
    if (!text)
        return MAL_E_MEMORY;
    assert(lines->n < MAL_AUDIT_LINES_MAX);
    lines->line[lines->n++] = text;
    return MAL_OK;
}

static const char *name(const mal_room *room, uint32_t party) {
    return room->contract->parties[party].name;
}

/* "ada (of one), bob (of two) and cyd (of three)" */
static char *seats_text(mal_arena *arena, const mal_room *room,
                        const room_judged *j) {
    const mal_policy_contract *c = room->contract;
    return mal_arena_printf(
        arena, "%s (of %s), %s (of %s) and %s (of %s)",
        name(room, j->parties[0]), mal_policy_organisation(c, j->parties[0]),
        name(room, j->parties[1]), mal_policy_organisation(c, j->parties[1]),
        name(room, j->parties[2]), mal_policy_organisation(c, j->parties[2]));
}

static mal_err leaks_share3(mal_audit_lines *out, mal_arena *arena,
                            mal_room *room, const room_judged *j) {
    const mal_sql_physical *p = j->physical;
    uint64_t rows = 0;
    for (unsigned i = 0; i < p->n_parts; i++)
        rows += p->parts[i].rows_max;
    MAL_TRY(add(
        out, arena,
        mal_arena_printf(arena,
                         "share3: each of the seats %s, %s and %s holds "
                         "two of three parts of every value: alone it "
                         "sees the plan and the declared bounds, %llu "
                         "rows in %u tables, whatever they hold",
                         name(room, j->parties[0]), name(room, j->parties[1]),
                         name(room, j->parties[2]), (unsigned long long)rows,
                         p->n_parts)));
    if (p->training)
        MAL_TRY(add(out, arena,
                    mal_arena_printf(
                        arena,
                        "training: the seats see how many rows, columns and "
                        "steps it takes, %llu rows as declared; what is "
                        "learned from rows are sums with noise in them, before "
                        "anything else is computed from these",
                        (unsigned long long)p->training_rows)));
    if (p->shrink.at)
        MAL_TRY(add(out, arena,
                    mal_arena_printf(
                        arena,
                        "share3: the seats see how many rows the %s "
                        "leaves, with noise that a part of the epsilon "
                        "pays for (within %llu, 95 times of 100)",
                        p->shrink.label,
                        (unsigned long long)j->noise[p->n_aggs].halfwidth)));
    return add(out, arena,
               "share3: the seats see one bit, whether every promise was kept "
               "(keys that are unique, rows within a bound); if not, the job "
               "ends; of a unit's rows those beyond its bound are left out "
               "unseen");
}

static mal_err leaks_match(mal_audit_lines *out, mal_arena *arena,
                           mal_room *room, const room_judged *j) {
    MAL_TRY(add(out, arena,
                mal_arena_printf(
                    arena,
                    "no differential privacy: %s learns exactly which "
                    "of its rows have a key that %s holds, and how many",
                    name(room, j->parties[0]), name(room, j->parties[1]))));
    return add(out, arena,
               mal_arena_printf(
                   arena,
                   "psi malicious: %s learns nothing but the bounds; both see "
                   "the declared bounds, %llu and %llu keys, never true sizes",
                   name(room, j->parties[1]),
                   (unsigned long long)j->keys_max[0],
                   (unsigned long long)j->keys_max[1]));
}

static mal_err leaks(mal_audit_lines *out, mal_arena *arena, mal_room *room,
                     const room_judged *j) {
    const mal_sql_physical *p = j->physical;
    MAL_TRY(add(out, arena,
                "every owner sees the question, the plan and the size of the "
                "answer"));
    switch (j->engine) {
    case MAL_POLICY_ENGINE_CLEAR:
        return add(out, arena,
                   mal_arena_printf(
                       arena, "%s computes over its own table in the clear%s",
                       name(room, j->parties[0]),
                       j->parties[0] == j->facts.requester
                           ? ", and asks itself: nobody else learns anything"
                           : ", and does not see the noised answer"));
    case MAL_POLICY_ENGINE_SUM:
        return add(out, arena,
                   mal_arena_printf(arena,
                                    "sum: each of %u owners sees masked words "
                                    "only, %llu cells x %u aggregates; sizes "
                                    "follow from the contract",
                                    j->n, (unsigned long long)p->n_cells,
                                    p->n_aggs));
    case MAL_POLICY_ENGINE_PSI:
        if (room_exact(j))
            return leaks_match(out, arena, room, j);
        return add(out, arena,
                   mal_arena_printf(arena,
                                    "psi: both see the declared bounds, %llu "
                                    "and %llu keys, never true sizes, nor "
                                    "which keys match or how many",
                                    (unsigned long long)j->keys_max[0],
                                    (unsigned long long)j->keys_max[1]));
    case MAL_POLICY_ENGINE_SHARE3:
        return leaks_share3(out, arena, room, j);
    default:
        return MAL_OK;
    }
}

static mal_err trusts_share3(mal_audit_lines *out, mal_arena *arena,
                             mal_room *room, const room_judged *j) {
    bool malicious = j->facts.mode == MAL_POLICY_MODE_MALICIOUS;
    char *seats = seats_text(arena, room, j);
    if (!seats)
        return MAL_E_MEMORY;
    MAL_TRY(add(
        out, arena,
        mal_arena_printf(
            arena,
            malicious
                ? "share3 malicious: two of the three seats %s are honest; the "
                  "third may do anything, and is found out before anything is "
                  "opened, but for 2^-40"
                : "share3: two of the three seats %s are honest; the third is "
                  "curious, and follows the protocol (semi-honest)",
            seats)));
    for (unsigned i = 0; i < j->n; i++)
        if (j->parties[i] == j->facts.requester)
            MAL_TRY(add(
                out, arena,
                mal_arena_printf(arena,
                                 "share3: %s asks and holds a seat: no other "
                                 "seat may collude, for with it %s sees "
                                 "every table",
                                 name(room, j->parties[i]),
                                 name(room, j->parties[i]))));
    return MAL_OK;
}

/* A receiver that lies is bound to as many keys as its store has columns
 * ([RS21], docs/security/psi.md). */
static mal_err trusts_match(mal_audit_lines *out, mal_arena *arena,
                            const room_judged *j) {
    mal_psi_okvs okvs;
    MAL_TRY(mal_psi_okvs_shape(&okvs, j->keys_max[0]));
    return add(out, arena,
               mal_arena_printf(
                   arena,
                   "psi malicious: nobody, for what an owner keeps secret: the "
                   "other may do anything. One that lies may ask for up to "
                   "%llu keys of its choice",
                   (unsigned long long)okvs.columns));
}

static mal_err trusts(mal_audit_lines *out, mal_arena *arena, mal_room *room,
                      const room_judged *j) {
    unsigned t = j->n - j->share_k;
    MAL_TRY(add(out, arena,
                "each owner is believed to ingest the table that it committed "
                "to, with the bounds that it declared"));
    if (j->engine == MAL_POLICY_ENGINE_SUM)
        MAL_TRY(add(out, arena,
                    "sum, secrecy: nobody; any owners but one may collude, "
                    "with the analyst, also maliciously. Correctness: every "
                    "owner (semi-honest)"));
    if (room_exact(j))
        return trusts_match(out, arena, j);
    if (j->engine == MAL_POLICY_ENGINE_PSI)
        MAL_TRY(
            add(out, arena,
                "psi: both owners follow the protocol (semi-honest); one of "
                "them may collude with the analyst"));
    if (j->engine == MAL_POLICY_ENGINE_SHARE3)
        MAL_TRY(trusts_share3(out, arena, room, j));
    return add(
        out, arena,
        mal_arena_printf(
            arena,
            "noise: the full mechanism holds against any %u of the %u %s, "
            "together with the analyst (collude %u)",
            t, j->n,
            j->engine == MAL_POLICY_ENGINE_SHARE3 ? "seats"
                                                  : "owners who compute",
            room->contract->collude));
}

static bool any_trusted(const mal_sql_physical *p) {
    bool any = false;
    for (unsigned i = 0; i < p->n_parts; i++)
        any |= p->parts[i].trusted;
    return any;
}

static mal_err unproved(mal_audit_lines *out, mal_arena *arena,
                        const room_judged *j) {
    if (room_exact(j))
        MAL_TRY(add(out, arena,
                    "that the keys which were compared are those of the tables "
                    "that the owners committed to"));
    MAL_TRY(add(out, arena,
                "that an owner's file says what is true, or is complete"));
    MAL_TRY(add(out, arena,
                "that pseudonyms were made with the room's key in the right "
                "way: peers compared commitments to the key, not its use"));
    bool share3 = j->engine == MAL_POLICY_ENGINE_SHARE3;
    if (!share3)
        MAL_TRY(add(out, arena,
                    "that contribution bounds and clamps were kept: they bind "
                    "only owners who follow the protocol"));
    else if (any_trusted(j->physical))
        MAL_TRY(add(out, arena,
                    "that contribution bounds were kept where an owner shares "
                    "rows that are not of one unit each, as groups that it "
                    "made at home (elsewhere the seats enforce them)"));
    if (share3)
        MAL_TRY(add(out, arena,
                    j->facts.mode == MAL_POLICY_MODE_MALICIOUS
                        ? "that the seats drew noise honestly"
                        : "that the seats computed and drew noise honestly: "
                          "the protocol is semi-honest in that"));
    else if (j->engine != MAL_POLICY_ENGINE_CLEAR && !room_exact(j))
        MAL_TRY(add(out, arena,
                    "that the owners computed and drew noise honestly: the "
                    "protocol is semi-honest in that"));
    return add(out, arena,
               "anything, if all owners collude: then nothing is promised");
}

mal_err room_disclose(room_disclosed *out, mal_arena *arena, mal_room *room,
                      const room_judged *judged) {
    *out = (room_disclosed){ 0 };
    MAL_TRY(leaks(&out->leakage, arena, room, judged));
    MAL_TRY(trusts(&out->trust, arena, room, judged));
    return unproved(&out->not_proved, arena, judged);
}
