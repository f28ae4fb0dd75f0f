/* wire.c - one peer: framed messages in a fixed order, hashed on both ends.
 */
#include "mpc_impl.h"

#include <string.h>

static const uint8_t magic[4] = { 'm', 'p', 'c', 1 };

mal_err mpc_wire_init(mpc_wire *w, mal_chan *chan,
                      const mal_prim_hash *session) {
    *w = (mpc_wire){ .chan = chan, .session = *session };
    w->sent = mal_prim_sha256_new();
    w->received = mal_prim_sha256_new();
    if (!w->sent || !w->received)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    mal_buf_init(&w->out, MAL_CHAN_MESSAGE_MAX);
    mal_buf_init(&w->in, MAL_CHAN_MESSAGE_MAX);
    return MAL_OK;
}

void mpc_wire_clear(mpc_wire *w) {
    mal_prim_sha256_auto(&w->sent);
    mal_prim_sha256_auto(&w->received);
    mal_buf_clear(&w->out);
    mal_buf_clear(&w->in);
}

static void header_of(uint8_t header[HEADER], const mpc_wire *w, uint32_t type,
                      uint32_t place, size_t items) {
    memcpy(header, magic, 4);
    mal_store_u32le(header + 4, type);
    mal_store_u32le(header + 8, place);
    mal_store_u32le(header + 12, (uint32_t)items);
    memcpy(header + 16, w->session.b, MAL_PRIM_HASH);
}

mal_err mpc_wire_begin(mpc_wire *w, uint32_t type, size_t items) {
    uint8_t header[HEADER];
    header_of(header, w, type, w->places_sent++, items);
    mal_buf_reset(&w->out);
    return mal_buf_put(&w->out, mal_bytes_of(header, HEADER));
}

mal_err mpc_wire_send(mpc_wire *w) {
    mal_prim_sha256_add_sized(w->sent, mal_buf_view(&w->out));
    return mal_chan_send(w->chan, mal_buf_view(&w->out));
}

mal_err mpc_wire_recv(mpc_wire *w, const uint8_t **body, uint32_t type,
                      size_t items, size_t body_len) {
    uint8_t header[HEADER];
    header_of(header, w, type, w->places_received++, items);
    MAL_TRY(mal_chan_recv(w->chan, &w->in, HEADER + body_len));
    REQUIRE_PEER(w->in.len == HEADER + body_len &&
                 mal_equal(w->in.ptr, header, HEADER));
    mal_prim_sha256_add_sized(w->received, mal_buf_view(&w->in));
    *body = w->in.ptr + HEADER;
    return MAL_OK;
}

void mpc_wire_hashes(const mpc_wire *w, mal_prim_hash *sent,
                     mal_prim_hash *received) {
    mal_prim_sha256_peek(w->sent, sent);
    mal_prim_sha256_peek(w->received, received);
}
