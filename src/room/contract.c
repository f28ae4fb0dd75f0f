/* contract.c - what this node keeps of a contract: the versions that it knows,
 * that it logged one, and that an owner withdrew.
 */
#include "room_impl.h"

#include <stdio.h>
#include <string.h>

/* The newest version known of this room must be this one or its parent. */
mal_err room_check_version(mal_room *room, bool *successor) {
    const mal_policy_contract *c = room->contract;
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    *successor = false;
    MAL_TRY(mal_db_prepare(&s, room->config.db,
                           "SELECT version, bundle FROM room_contract"
                           " WHERE room = ?1 ORDER BY version DESC LIMIT 1"));
    MAL_TRY(mal_db_bind_text(s, 1, room->id_hex));
    bool row;
    MAL_TRY(mal_db_step(s, &row));
    if (!row)
        return MAL_OK;
    mal_room_bundle old;
    mal_bytes blob = mal_db_col_blob(s, 1);
    char *copy = mal_arena_alloc(room->arena, blob.len + 1);
    if (!copy)
        return MAL_E_MEMORY;
    memcpy(copy, blob.ptr, blob.len);
    MAL_TRY(
        mal_room_bundle_read(&old, room->arena, mal_bytes_of(copy, blob.len)));
    if (mal_equal(old.contract->hash, c->hash, 32))
        return MAL_OK;
    MAL_REQUIRE(old.contract->version < c->version, MAL_E_STATE,
                "version %u of room \"%s\" is superseded here by version %u",
                c->version, c->name, old.contract->version);
    *successor = true;
    return mal_policy_successor_check(old.contract, c);
}

mal_err room_load_flags(mal_room *room, bool *logged) {
    char hash[65];
    mal_hex_encode(hash, mal_bytes_of(room->contract->hash, 32));
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *add = NULL;
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *get = NULL;
    MAL_TRY(mal_db_prepare(&add, room->config.db,
                           "INSERT OR IGNORE INTO room_contract"
                           " VALUES (?1, ?2, ?3, ?4, 0, '')"));
    MAL_TRY(mal_db_bind_text(add, 1, hash));
    MAL_TRY(mal_db_bind_text(add, 2, room->id_hex));
    MAL_TRY(mal_db_bind_int(add, 3, room->contract->version));
    MAL_TRY(mal_db_bind_blob(add, 4, mal_buf_view(&room->bundle)));
    MAL_TRY(mal_db_run(add));
    MAL_TRY(mal_db_prepare(&get, room->config.db,
                           "SELECT logged FROM room_contract WHERE hash = ?1"));
    MAL_TRY(mal_db_bind_text(get, 1, hash));
    MAL_TRY(mal_db_one(get));
    *logged = mal_db_col_int(get, 0) != 0;
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *gone = NULL;
    MAL_TRY(mal_db_prepare(&gone, room->config.db,
                           "SELECT count(*) FROM room_contract"
                           " WHERE room = ?1 AND withdrawn <> ''"));
    MAL_TRY(mal_db_bind_text(gone, 1, room->id_hex));
    MAL_TRY(mal_db_one(gone));
    room->withdrawn = mal_db_col_int(gone, 0) > 0;
    return MAL_OK;
}

static mal_err set_flag(mal_room *room, const char *sql, const char *value) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    char hash[65];
    mal_hex_encode(hash, mal_bytes_of(room->contract->hash, 32));
    MAL_TRY(mal_db_prepare(&s, room->config.db, sql));
    MAL_TRY(mal_db_bind_text(s, 1, hash));
    MAL_TRY(mal_db_bind_text(s, 2, value));
    return mal_db_run(s);
}

mal_err mal_room_newest(mal_buf *bundle, mal_db *db, const char *id) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    bool row;
    MAL_TRY(room_tables(db));
    MAL_TRY(mal_db_prepare(&s, db,
                           "SELECT bundle FROM room_contract WHERE room = ?1"
                           " ORDER BY version DESC LIMIT 1"));
    MAL_TRY(mal_db_bind_text(s, 1, id));
    MAL_TRY(mal_db_step(s, &row));
    return row ? mal_buf_put(bundle, mal_db_col_blob(s, 0)) : MAL_OK;
}

/* In our log: which contract, and (an owner) that we consented. */
static mal_err log_contract(mal_room *room) {
    char version[16], id[65];
    snprintf(version, sizeof version, "%u", room->contract->version);
    mal_hex_encode(id, mal_bytes_of(room->contract->room_id, 32));
    room_field fields[] = { { "version", version, false },
                            { "room-id", id, false } };
    room_entry entry = { 0 };
    mal_err err = room_record(
        room, &entry, room->owners >> room->me & 1 ? "consent" : "contract",
        "contract", room->contract->hash, fields, 2, NULL);
    room_entry_clear(&entry);
    MAL_TRY(err);
    return set_flag(room,
                    "UPDATE room_contract SET logged = 1 WHERE hash = ?1"
                    " AND ?2 IS NOT NULL",
                    "");
}

mal_err room_announce(mal_room *room) {
    pthread_mutex_lock(&room->lock);
    bool ours = room->unlogged;
    room->unlogged = false;
    pthread_mutex_unlock(&room->lock);
    mal_err err = ours ? log_contract(room) : MAL_OK;
    if (err != MAL_OK) {
        pthread_mutex_lock(&room->lock);
        room->unlogged = true;
        pthread_mutex_unlock(&room->lock);
    }
    return err;
}

mal_err mal_room_announce(mal_room *room) {
    MAL_TRY(mal_room_look_back(room));
    return room_announce(room);
}

/* --- Withdrawal (rule 4) ------------------------------------------------- */

static mal_err stop_for(mal_room *room, const char *who, const char *reason) {
    /* Durable first: a node that dies here does not serve the room again. */
    MAL_TRY(set_flag(
        room, "UPDATE room_contract SET withdrawn = ?2 WHERE hash = ?1", who));
    pthread_mutex_lock(&room->lock);
    bool before = room->withdrawn;
    room->withdrawn = true;
    for (room_job *job = room->jobs; job; job = job->next)
        room_job_cancel(job, room);
    pthread_mutex_unlock(&room->lock);
    if (before)
        return MAL_OK;
    /* The peers' logs say it; ours must not fork for it. */
    if (mal_room_look_back(room) != MAL_OK) {
        mal_err_forget();
        return MAL_OK;
    }
    room_field fields[] = { { "by", who, false }, { "reason", reason, true } };
    room_entry entry = { 0 };
    mal_err err = room_record(room, &entry, "withdrawal", "room",
                              room->contract->room_id, fields, 2, NULL);
    room_entry_clear(&entry);
    return err;
}

mal_err mal_room_withdraw(mal_room *room, const char *reason) {
    MAL_REQUIRE(room->owners >> room->me & 1, MAL_E_DENIED,
                "only an owner can withdraw from a room");
    MAL_TRY(stop_for(room, room->contract->parties[room->me].name, reason));
    MAL_AUTO(mal_buf_clear) mal_buf message = { 0 };
    MAL_TRY(
        room_sign(room, &message, "malus/withdraw/v1", mal_bytes_str(reason)));
    unsigned missed = 0;
    for (uint32_t i = 0; i < room->contract->n_parties; i++) {
        MAL_AUTO(mal_buf_clear) mal_buf reply = { 0 };
        if (i != room->me &&
            room_call(room, i, "withdraw", mal_buf_view(&message), &reply,
                      room_soon(room)) != MAL_OK)
            missed++;
    }
    (void)missed; /* they will be refused at their next job: we are an owner */
    mal_err_forget();
    return MAL_OK;
}

mal_err room_serve_withdraw(mal_room *room, uint32_t caller, mal_bytes in) {
    mal_bytes body;
    MAL_REQUIRE(room->owners >> caller & 1, MAL_E_DENIED,
                "only an owner can withdraw from a room");
    MAL_TRY(room_open_signed(room, &body, in, "malus/withdraw/v1", caller));
    return stop_for(room, room->contract->parties[caller].name,
                    "told by the owner");
}
