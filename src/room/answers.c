/* answers.c - answers kept for their recipient (rule 14), so that a repeat is
 * free.
 *
 * An answer lies in the node's database sealed under a key of the node, bound
 * to the room and to what was asked of which data: whoever copies the database
 * without the keys reads nothing, and an answer cannot be moved to another
 * question.  What is past its `keep` is deleted at the next one kept.
 */
#include "room_impl.h"

#include <stdio.h>
#include <string.h>

static mal_err answers_key(const mal_room *room, mal_key *key) {
    MAL_TRY(mal_key_alloc(key, MAL_PRIM_AEAD_KEY));
    return mal_prim_hkdf(key->ptr, key->len,
                         mal_key_view(mal_kms_node_secret(room->config.kms)),
                         mal_bytes_of(room->contract->room_id, 32),
                         mal_bytes_str("malus stored answers v1"));
}

static mal_err open_row(mal_room *room, mal_bytes sealed,
                        const mal_prim_hash *key, mal_buf *words,
                        mal_buf *receipt) {
    MAL_AUTO(mal_key_clear) mal_key secret = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf plain = { .max = ROOM_OUTPUT_MAX };
    mal_bytes parts[2];
    MAL_TRY(answers_key(room, &secret));
    MAL_TRY(mal_prim_unbox(&plain, mal_key_view(&secret),
                           mal_bytes_of(key->b, 32), sealed));
    mal_rd rd = mal_rd_of(mal_buf_view(&plain));
    MAL_TRY(mal_rd_blob(&rd, &parts[0], ROOM_OUTPUT_MAX));
    MAL_TRY(mal_rd_blob(&rd, &parts[1], ROOM_OUTPUT_MAX));
    MAL_TRY(mal_rd_end(&rd));
    MAL_TRY(mal_buf_put(words, parts[0]));
    return mal_buf_put(receipt, parts[1]);
}

static mal_err load(mal_room *room, const mal_prim_hash *key, char job[65],
                    mal_buf *words, mal_buf *receipt, bool *found) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    *found = false;
    MAL_TRY(mal_db_prepare(&s, room->config.db,
                           "SELECT job, sealed FROM room_answer"
                           " WHERE room = ?1 AND key = ?2 AND expires > ?3"));
    MAL_TRY(mal_db_bind_text(s, 1, room->id_hex));
    MAL_TRY(mal_db_bind_blob(s, 2, mal_bytes_of(key->b, 32)));
    MAL_TRY(mal_db_bind_int(s, 3, (int64_t)room_now(room)));
    bool row;
    MAL_TRY(mal_db_step(s, &row));
    if (!row)
        return MAL_OK;
    snprintf(job, 65, "%s", mal_db_col_text(s, 0));
    MAL_TRY(open_row(room, mal_db_col_blob(s, 1), key, words, receipt));
    *found = true;
    return MAL_OK;
}

mal_err room_answer_load(mal_room *room, const mal_prim_hash *key, char job[65],
                         mal_buf *words, mal_buf *receipt, bool *found) {
    pthread_mutex_lock(&room->db_lock);
    mal_err err = load(room, key, job, words, receipt, found);
    pthread_mutex_unlock(&room->db_lock);
    return err;
}

static mal_err store(mal_room *room, const mal_prim_hash *key, const char *job,
                     mal_bytes sealed, uint32_t keep_days) {
    uint64_t now = room_now(room);
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *old = NULL;
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    MAL_TRY(mal_db_prepare(&old, room->config.db,
                           "DELETE FROM room_answer WHERE expires <= ?1"));
    MAL_TRY(mal_db_bind_int(old, 1, (int64_t)now));
    MAL_TRY(mal_db_run(old));
    MAL_TRY(mal_db_prepare(&s, room->config.db,
                           "INSERT OR REPLACE INTO room_answer"
                           " VALUES (?1, ?2, ?3, ?4, ?5, ?6)"));
    MAL_TRY(mal_db_bind_text(s, 1, room->id_hex));
    MAL_TRY(mal_db_bind_blob(s, 2, mal_bytes_of(key->b, 32)));
    MAL_TRY(mal_db_bind_text(s, 3, job));
    MAL_TRY(mal_db_bind_blob(s, 4, sealed));
    MAL_TRY(mal_db_bind_int(s, 5, (int64_t)now));
    MAL_TRY(
        mal_db_bind_int(s, 6, (int64_t)(now + (uint64_t)keep_days * 86400u)));
    return mal_db_run(s);
}

mal_err room_answer_keep(mal_room *room, const mal_prim_hash *key,
                         const char *job, mal_bytes words, mal_bytes receipt,
                         uint32_t keep_days) {
    MAL_AUTO(mal_key_clear) mal_key secret = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf plain = { .max = ROOM_OUTPUT_MAX };
    MAL_AUTO(mal_buf_clear) mal_buf sealed = { .max = ROOM_OUTPUT_MAX };
    MAL_TRY(answers_key(room, &secret));
    MAL_TRY(mal_buf_put_blob(&plain, words));
    MAL_TRY(mal_buf_put_blob(&plain, receipt));
    MAL_TRY(mal_prim_box(&sealed, mal_key_view(&secret),
                         mal_bytes_of(key->b, 32), mal_buf_view(&plain)));
    pthread_mutex_lock(&room->db_lock);
    mal_err err = store(room, key, job, mal_buf_view(&sealed), keep_days);
    pthread_mutex_unlock(&room->db_lock);
    return err;
}
