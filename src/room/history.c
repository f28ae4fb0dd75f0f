/* history.c - does our log know of something that our databases forgot?
 *
 * The log cannot go back unseen: peers cosign it, and room_catch_up compares. A
 * ledger or a node's database alone can, if one file of the state folder is
 * replaced by an older copy.  So at the opening of a room every intent that was
 * charged must be known to the ledger, every head that an intent names must be
 * known to the witness, and a withdrawal that was logged stands.
 */
#include "room_impl.h"

#include <stdlib.h>
#include <string.h>

/* The log is public, and whether our data was touched is not: only who has the
 * node secret reads the mark. */
void room_charge_mark(mal_room *room, char hex[65], const uint8_t job[32],
                      bool charged) {
    const mal_key *secret = mal_kms_node_secret(room->config.kms);
    mal_prim_hash hash;
    uint8_t message[34] = { 'm' };
    memcpy(message + 1, job, 32);
    message[33] = charged;
    mal_prim_hmac256(&hash, mal_key_view(secret),
                     mal_bytes_of(message, sizeof message));
    mal_hex_encode(hex, mal_bytes_of(hash.b, 32));
}

static mal_err last_seen(mal_room *room, uint32_t party, uint64_t *size) {
    const mal_policy_party *p = &room->contract->parties[party];
    char origin[MAL_AUDIT_ORIGIN_LEN + 1];
    mal_audit_seen seen = { 0 };
    mal_audit_origin(origin, p->name, p->identity);
    MAL_TRY(mal_audit_witness_last(room->config.witness, &seen, NULL, origin));
    *size = seen.size;
    return MAL_OK;
}

/* "ewr 12, lga 9": what we had cosigned of the others' logs. */
mal_err room_cosigned_text(mal_room *room, mal_buf *out) {
    for (unsigned i = 0; i < room->everybody.n; i++) {
        uint32_t party = room->everybody.at[i];
        uint64_t size;
        if (party == room->me)
            continue;
        MAL_TRY(last_seen(room, party, &size));
        MAL_TRY(mal_buf_put_fmt(out, "%s%s %llu", out->len ? ", " : "",
                                room->contract->parties[party].name,
                                (unsigned long long)size));
    }
    return MAL_OK;
}

static mal_err check_head(mal_room *room, const char *name, size_t len,
                          uint64_t size) {
    const mal_policy_contract *c = room->contract;
    for (uint32_t i = 0; i < c->n_parties; i++) {
        uint64_t seen;
        if (strlen(c->parties[i].name) != len ||
            strncmp(c->parties[i].name, name, len) != 0)
            continue;
        MAL_TRY(last_seen(room, i, &seen));
        MAL_REQUIRE(seen >= size, MAL_E_STATE,
                    "our log says that we cosigned the log of %s up to %llu, "
                    "and witness.db does not: it is an old copy, and cosigning "
                    "from it could let a log fork. Restore the newest one",
                    c->parties[i].name, (unsigned long long)size);
    }
    return MAL_OK;
}

static mal_err check_heads(mal_room *room, const char *text) {
    while (text && *text) {
        const char *space = strchr(text, ' '), *comma = strchr(text, ',');
        if (!space)
            return MAL_OK;
        MAL_TRY(check_head(room, text, (size_t)(space - text),
                           strtoull(space + 1, NULL, 10)));
        text = comma ? comma + 2 : NULL;
    }
    return MAL_OK;
}

static mal_err check_intent(mal_room *room, const mal_audit_statement *s) {
    const char *mark = mal_audit_statement_field(s, ROOM_F_MARK);
    const char *job = mal_audit_statement_field(s, MAL_AUDIT_F_JOB);
    uint8_t id[32];
    mal_dp_state state;
    char charged[65];
    if (!mark || !job)
        return MAL_OK;
    MAL_TRY(mal_hex_decode(id, sizeof id, job));
    room_charge_mark(room, charged, id, true);
    if (strcmp(mark, charged) != 0)
        return MAL_OK;
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
    if (strcmp(s->kind, "intent") != 0)
        return MAL_OK;
    MAL_TRY(check_intent(room, s));
    return check_heads(room, mal_audit_statement_field(s, ROOM_F_COSIGNED));
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
