/* wire.c - signed messages between nodes, and their bodies. */
#include "room_impl.h"

#include <string.h>

#define STRING_MAX 256

static void digest(mal_prim_hash *out, mal_room *room, const char *label,
                   mal_bytes body) {
    mal_bytes parts[3] = { mal_bytes_of(room->contract->room_id, 32),
                           mal_bytes_str(label), body };
    mal_prim_hash_parts(out, "malus room message v1", parts, 3);
}

mal_err room_sign(mal_room *room, mal_buf *out, const char *label,
                  mal_bytes body) {
    mal_prim_hash hash;
    uint8_t sig[64];
    digest(&hash, room, label, body);
    MAL_TRY(mal_kms_sign(room->config.kms, MAL_KMS_NODE, sig,
                         mal_bytes_of(hash.b, sizeof hash.b)));
    mal_kms_statement own;
    MAL_TRY(mal_kms_statement_own(room->config.kms, &own, MAL_KMS_NODE));
    MAL_AUTO(mal_buf_clear) mal_buf statement = { 0 };
    MAL_TRY(mal_kms_statement_encode(&statement, &own));
    MAL_TRY(mal_buf_put_blob_str(out, label));
    MAL_TRY(mal_buf_put_blob(out, body));
    MAL_TRY(mal_buf_put(out, mal_bytes_of(sig, sizeof sig)));
    return mal_buf_put_blob(out, mal_buf_view(&statement));
}

mal_err room_open_signed(mal_room *room, mal_bytes *body, mal_bytes message,
                         const char *label, uint32_t party) {
    MAL_REQUIRE(party < room->contract->n_parties, MAL_E_PEER,
                "a message of nobody");
    const mal_policy_party *from = &room->contract->parties[party];
    mal_rd rd = mal_rd_of(message);
    mal_bytes kind, statement_bytes;
    uint8_t sig[64];
    MAL_TRY(mal_rd_blob(&rd, &kind, 64));
    MAL_REQUIRE(mal_bytes_same_vartime(kind, mal_bytes_str(label)), MAL_E_PEER,
                "%s sent another message than %s", from->name, label);
    MAL_TRY(mal_rd_blob(&rd, body, ROOM_MESSAGE_MAX));
    MAL_TRY(mal_rd_copy(&rd, sig, sizeof sig));
    MAL_TRY(mal_rd_blob(&rd, &statement_bytes, MAL_KMS_STATEMENT_MAX));
    MAL_TRY(mal_rd_end(&rd));
    mal_kms_statement statement;
    MAL_TRY(mal_kms_statement_decode(&statement, statement_bytes));
    MAL_TRY(mal_kms_statement_verify(&statement, from->identity, from->name,
                                     MAL_KMS_NODE, mal_time_unix()));
    mal_prim_hash hash;
    digest(&hash, room, label, *body);
    return mal_prim_verify(sig, statement.pub,
                           mal_bytes_of(hash.b, sizeof hash.b));
}

static mal_err put_id(mal_buf *out, const room_id *id) {
    return mal_buf_put(out, mal_bytes_of(id->b, sizeof id->b));
}

static mal_err get_id(mal_rd *rd, room_id *id) {
    return mal_rd_copy(rd, id->b, sizeof id->b);
}

mal_err room_accept_encode(mal_buf *out, const room_accept *a) {
    MAL_TRY(put_id(out, &a->request));
    MAL_TRY(put_id(out, &a->contract));
    MAL_TRY(put_id(out, &a->plan));
    MAL_TRY(put_id(out, &a->physical));
    MAL_TRY(mal_buf_put_u32(out, a->party));
    MAL_TRY(mal_buf_put(out, mal_bytes_of(a->nonce, 32)));
    MAL_TRY(put_id(out, &a->pseudonyms));
    MAL_TRY(mal_buf_put_blob_str(out, a->build));
    MAL_TRY(mal_buf_put_u32(out, a->n_datasets));
    for (unsigned i = 0; i < a->n_datasets; i++) {
        MAL_TRY(mal_buf_put_blob_str(out, a->datasets[i].name));
        MAL_TRY(mal_buf_put_u32(out, a->datasets[i].version));
        MAL_TRY(put_id(out, &a->datasets[i].root));
    }
    MAL_TRY(mal_buf_put_u64(out, a->log_size));
    MAL_TRY(put_id(out, &a->log_root));
    MAL_TRY(mal_buf_put_u64(out, a->epsilon_nano));
    return mal_buf_put_u32(out, a->share_k);
}

mal_err room_accept_decode(room_accept *a, mal_arena *arena, mal_bytes in) {
    mal_rd rd = mal_rd_of(in);
    MAL_TRY(get_id(&rd, &a->request));
    MAL_TRY(get_id(&rd, &a->contract));
    MAL_TRY(get_id(&rd, &a->plan));
    MAL_TRY(get_id(&rd, &a->physical));
    MAL_TRY(mal_rd_u32(&rd, &a->party));
    MAL_TRY(mal_rd_copy(&rd, a->nonce, 32));
    MAL_TRY(get_id(&rd, &a->pseudonyms));
    MAL_TRY(mal_rd_str(&rd, &a->build, arena, STRING_MAX));
    MAL_TRY(mal_rd_u32(&rd, &a->n_datasets));
    MAL_REQUIRE(a->n_datasets <= ROOM_DATASETS_MAX, MAL_E_PEER,
                "an acceptance names too many datasets");
    for (unsigned i = 0; i < a->n_datasets; i++) {
        MAL_TRY(mal_rd_str(&rd, &a->datasets[i].name, arena, STRING_MAX));
        MAL_TRY(mal_rd_u32(&rd, &a->datasets[i].version));
        MAL_TRY(get_id(&rd, &a->datasets[i].root));
    }
    MAL_TRY(mal_rd_u64(&rd, &a->log_size));
    MAL_TRY(get_id(&rd, &a->log_root));
    MAL_TRY(mal_rd_u64(&rd, &a->epsilon_nano));
    MAL_TRY(mal_rd_u32(&rd, &a->share_k));
    return mal_rd_end(&rd);
}

mal_err room_hold_encode(mal_buf *out, const room_hold *h) {
    MAL_TRY(put_id(out, &h->job));
    MAL_TRY(put_id(out, &h->accepts));
    MAL_TRY(mal_buf_put_u32(out, h->party));
    MAL_TRY(mal_buf_put_u64(out, h->epsilon_nano));
    return mal_buf_put_u64(out, h->deadline);
}

mal_err room_hold_decode(room_hold *h, mal_bytes in) {
    mal_rd rd = mal_rd_of(in);
    MAL_TRY(get_id(&rd, &h->job));
    MAL_TRY(get_id(&rd, &h->accepts));
    MAL_TRY(mal_rd_u32(&rd, &h->party));
    MAL_TRY(mal_rd_u64(&rd, &h->epsilon_nano));
    MAL_TRY(mal_rd_u64(&rd, &h->deadline));
    return mal_rd_end(&rd);
}

mal_err room_done_encode(mal_buf *out, const room_done *d) {
    MAL_TRY(put_id(out, &d->job));
    MAL_TRY(mal_buf_put_u32(out, d->party));
    MAL_TRY(put_id(out, &d->output));
    MAL_TRY(mal_buf_put_u64(out, d->bytes_sent));
    MAL_TRY(mal_buf_put_u32(out, d->ticks_missed));
    MAL_TRY(mal_buf_put_u32(out, d->n_pairs));
    for (unsigned i = 0; i < d->n_pairs; i++)
        MAL_TRY(put_id(out, &d->pairs[i]));
    return MAL_OK;
}

mal_err room_done_decode(room_done *d, mal_bytes in) {
    mal_rd rd = mal_rd_of(in);
    MAL_TRY(get_id(&rd, &d->job));
    MAL_TRY(mal_rd_u32(&rd, &d->party));
    MAL_TRY(get_id(&rd, &d->output));
    MAL_TRY(mal_rd_u64(&rd, &d->bytes_sent));
    MAL_TRY(mal_rd_u32(&rd, &d->ticks_missed));
    MAL_TRY(mal_rd_u32(&rd, &d->n_pairs));
    MAL_REQUIRE(d->n_pairs <= MAL_PARTIES_MAX, MAL_E_PEER,
                "a report names too many parties");
    for (unsigned i = 0; i < d->n_pairs; i++)
        MAL_TRY(get_id(&rd, &d->pairs[i]));
    return mal_rd_end(&rd);
}

mal_err room_list_encode(mal_buf *out, const mal_buf *items, size_t n) {
    MAL_TRY(mal_buf_put_u32(out, (uint32_t)n));
    for (size_t i = 0; i < n; i++)
        MAL_TRY(mal_buf_put_blob(out, mal_buf_view(&items[i])));
    return MAL_OK;
}

mal_err room_list_decode(mal_bytes items[MAL_PARTIES_MAX], unsigned *n,
                         mal_rd *rd, size_t len_max) {
    uint32_t count;
    MAL_TRY(mal_rd_u32(rd, &count));
    MAL_REQUIRE(count > 0 && count <= MAL_PARTIES_MAX, MAL_E_PEER,
                "a list of messages of %u parties", count);
    *n = count;
    for (size_t i = 0; i < count; i++)
        MAL_TRY(mal_rd_blob(rd, &items[i], len_max));
    return MAL_OK;
}
