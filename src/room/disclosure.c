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
        MAL_TRY(
            add(out, arena,
                mal_arena_printf(arena,
                                 "psi: %s learns the exact number of keys "
                                 "that both sides hold under the question's "
                                 "conditions (the contract says `reveals "
                                 "match count`): no noise and no epsilon "
                                 "cover it, and whoever also chooses the "
                                 "question can make it tell of one unit",
                                 name(room, p->parts[1].owner))));
        return add(out, arena,
                   mal_arena_printf(arena,
                                    "psi: both see the declared bounds, %llu "
                                    "and %llu keys, never true sizes nor which "
                                    "keys match",
                                    (unsigned long long)j->keys_max[0],
                                    (unsigned long long)j->keys_max[1]));
    default:
        return MAL_OK;
    }
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
    if (j->engine == MAL_POLICY_ENGINE_PSI)
        MAL_TRY(
            add(out, arena,
                "psi: both owners follow the protocol (semi-honest); one of "
                "them may collude with the analyst"));
    return add(
        out, arena,
        mal_arena_printf(arena,
                         "noise: the full mechanism holds against any "
                         "%u of the %u owners who compute, together with "
                         "the analyst (collude %u)",
                         t, j->n, room->contract->collude));
}

static mal_err unproved(mal_audit_lines *out, mal_arena *arena,
                        const room_judged *j) {
    MAL_TRY(add(out, arena,
                "that an owner's file says what is true, or is complete"));
    MAL_TRY(add(out, arena,
                "that pseudonyms were made with the room's key in the right "
                "way: peers compared commitments to the key, not its use"));
    MAL_TRY(add(out, arena,
                "that contribution bounds and clamps were kept: they bind only "
                "owners who follow the protocol"));
    if (j->engine != MAL_POLICY_ENGINE_CLEAR)
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
