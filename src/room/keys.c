/* keys.c - the log keys of the parties, and the room's pseudonym key. */
#include "room_impl.h"

#include <string.h>

static mal_err put_statement(mal_room *room, mal_buf *out, mal_kms_use use) {
    mal_kms_statement s;
    MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
    MAL_TRY(mal_kms_statement_own(room->config.kms, &s, use));
    MAL_TRY(mal_kms_statement_encode(&bytes, &s));
    return mal_buf_put_blob(out, mal_buf_view(&bytes));
}

/* Our node key's statement, then our log key's. */
mal_err room_serve_keys(mal_room *room, mal_buf *reply) {
    MAL_TRY(put_statement(room, reply, MAL_KMS_NODE));
    return put_statement(room, reply, MAL_KMS_LOG);
}

static mal_err trust_log(mal_room *room, const mal_policy_party *p,
                         const mal_kms_statement *s) {
    char origin[MAL_AUDIT_ORIGIN_LEN + 1];
    mal_audit_vkey vkey;
    mal_audit_origin(origin, p->name, p->identity);
    MAL_TRY(mal_audit_vkey_make(&vkey, origin, MAL_AUDIT_SIG_ED25519, s->pub));
    return mal_audit_witness_trust(room->config.witness, origin, &vkey);
}

static mal_err fetch_log_key(mal_room *room, uint32_t party,
                             mal_kms_statement *out) {
    const mal_policy_party *p = &room->contract->parties[party];
    MAL_AUTO(mal_buf_clear) mal_buf reply = { 0 };
    MAL_TRY(room_call(room, party, "keys", mal_bytes_of(NULL, 0), &reply,
                      room->config.step_ms));
    mal_rd rd = mal_rd_of(mal_buf_view(&reply));
    mal_bytes node, log;
    MAL_TRY(mal_rd_blob(&rd, &node, MAL_KMS_STATEMENT_MAX));
    MAL_TRY(mal_rd_blob(&rd, &log, MAL_KMS_STATEMENT_MAX));
    MAL_TRY(mal_rd_end(&rd));
    MAL_TRY(mal_kms_statement_decode(out, log));
    MAL_TRY(mal_kms_statement_verify(out, p->identity, p->name, MAL_KMS_LOG,
                                     mal_time_unix()));
    return trust_log(room, p, out);
}

mal_err room_log_key(mal_room *room, uint32_t party, mal_kms_statement *out) {
    if (party == room->me)
        return mal_kms_statement_own(room->config.kms, out, MAL_KMS_LOG);
    pthread_mutex_lock(&room->lock);
    bool known = room->known_log[party];
    *out = room->log_key[party];
    pthread_mutex_unlock(&room->lock);
    if (known)
        return MAL_OK;
    MAL_TRY(fetch_log_key(room, party, out));
    pthread_mutex_lock(&room->lock);
    room->log_key[party] = *out;
    room->known_log[party] = true;
    pthread_mutex_unlock(&room->lock);
    return MAL_OK;
}

/* Our part of the pseudonym key, to an owner alone: the channel is encrypted to
 * the identity that the contract pins. */
mal_err room_serve_pseudonym(mal_room *room, uint32_t caller, mal_buf *reply) {
    MAL_REQUIRE(room->owners >> caller & 1, MAL_E_DENIED,
                "only an owner gets a part of the pseudonym key");
    MAL_REQUIRE(room->owners >> room->me & 1, MAL_E_DENIED,
                "only an owner has a part of the pseudonym key");
    mal_kms_part part;
    MAL_TRY(mal_kms_pseudonym_part(room->config.kms, &part,
                                   room->contract->room_id));
    mal_err err = mal_buf_put(reply, mal_bytes_of(part.bytes, 32));
    mal_wipe(&part, sizeof part);
    return err;
}

static mal_err gather_parts(mal_room *room, mal_kms_part *parts) {
    MAL_AUTO(mal_buf_clear) mal_buf reply = { 0 };
    for (unsigned i = 0; i < room->n_owners; i++) {
        uint32_t party = room->owner_at[i];
        const char *name = room->contract->parties[party].name;
        MAL_REQUIRE(strlen(name) <= MAL_KMS_PARTY_MAX, MAL_E_LIMIT,
                    "the name of %s is too long", name);
        memcpy(parts[i].party, name, strlen(name) + 1);
        mal_buf_reset(&reply);
        MAL_TRY(room_call(room, party, "pseudonym", mal_bytes_of(NULL, 0),
                          &reply, room->config.step_ms));
        MAL_REQUIRE(reply.len == 32, MAL_E_PEER,
                    "%s sent no part of the pseudonym key", name);
        memcpy(parts[i].bytes, reply.ptr, 32);
    }
    return MAL_OK;
}

mal_err mal_room_key_agree(mal_room *room) {
    mal_prim_hash commitment;
    if (mal_kms_pseudonym_commitment(room->config.kms, &commitment,
                                     room->contract->room_id) == MAL_OK)
        return MAL_OK;
    mal_kms_part parts[MAL_PARTIES_MAX];
    mal_err err = gather_parts(room, parts);
    if (err == MAL_OK)
        err = mal_kms_pseudonym_combine(
            room->config.kms, room->contract->room_id, parts, room->n_owners);
    mal_wipe(parts, sizeof parts);
    return err;
}
