/* history.c - does our log know of something that our databases forgot?
 *
 * The log cannot go back unseen: peers cosign it, and room_catch_up compares. A
 * ledger or a node's database alone can, if one file of the state folder is
 * replaced by an older copy.  So at the opening of a room every intent that was
 * charged must be known to the ledger, and a withdrawal that was logged stands.
 */
#include "room_impl.h"

#include <string.h>

static mal_err check_intent(mal_room *room, const mal_audit_statement *s) {
    const char *charged = mal_audit_statement_field(s, "charged");
    const char *job = mal_audit_statement_field(s, MAL_AUDIT_F_JOB);
    uint8_t id[32];
    mal_dp_state state;
    if (!charged || strcmp(charged, "yes") != 0 || !job)
        return MAL_OK;
    MAL_TRY(mal_hex_decode(id, sizeof id, job));
    mal_err err = mal_dp_ledger_state(room->config.ledger, &state, id);
    MAL_REQUIRE(
        err != MAL_E_MISSING &&
            (err != MAL_OK || state == MAL_DP_SPENT || state == MAL_DP_EXPIRED),
        MAL_E_STATE,
        "our log says that job %.16s was charged, and the ledger does "
        "not: the ledger is an old copy, and serving from it could "
        "spend a budget twice. Restore the newest ledger",
        job);
    return err;
}

static mal_err check_entry(mal_room *room, mal_arena *arena, mal_bytes entry) {
    mal_audit_dsse *dsse;
    mal_audit_statement *s;
    MAL_TRY(mal_audit_dsse_parse(&dsse, arena, entry));
    MAL_TRY(mal_audit_statement_parse(&s, arena, dsse->payload));
    if (!mal_equal(s->room, room->contract->room_id, 32))
        return MAL_OK;
    if (strcmp(s->kind, "withdrawal") == 0)
        room->withdrawn = true;
    return strcmp(s->kind, "intent") == 0 ? check_intent(room, s) : MAL_OK;
}

mal_err room_check_history(mal_room *room) {
    MAL_AUTO(mal_buf_clear) mal_buf entry = { 0 };
    uint64_t size = mal_audit_log_size(room->config.log);
    for (uint64_t i = 0; i < size; i++) {
        MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(16 << 20);
        if (!arena)
            return MAL_E_MEMORY;
        mal_buf_reset(&entry);
        MAL_TRY(mal_audit_log_read(room->config.log, &entry, i));
        MAL_TRY(check_entry(room, arena, mal_buf_view(&entry)));
    }
    return MAL_OK;
}
