/* wire.c - messages with a header that their receiver knows beforehand. */
#include "run_impl.h"

#include <string.h>

static const uint8_t magic[4] = { 'p', 's', 'i', 2 };

static void header_of(uint8_t header[PSI_HEADER], const psi_wire *w,
                      uint32_t type, uint32_t place, size_t items) {
    memcpy(header, magic, 4);
    mal_store_u32le(header + 4, type);
    mal_store_u32le(header + 8, place);
    mal_store_u32le(header + 12, (uint32_t)items);
    memcpy(header + 16, w->session.b, MAL_PRIM_HASH);
}

mal_err psi_wire_begin(psi_wire *w, uint8_t **body, uint32_t type, size_t items,
                       size_t body_len) {
    mal_buf_reset(&w->out);
    MAL_TRY(mal_buf_reserve(&w->out, PSI_HEADER + body_len));
    header_of(w->out.ptr, w, type, w->places_sent++, items);
    w->out.len = PSI_HEADER + body_len;
    *body = w->out.ptr + PSI_HEADER;
    return MAL_OK;
}

mal_err psi_wire_send(psi_wire *w) {
    return mal_chan_send(w->chan, mal_buf_view(&w->out));
}

mal_err psi_wire_recv(psi_wire *w, const uint8_t **body, uint32_t type,
                      size_t items, size_t body_len) {
    uint8_t header[PSI_HEADER];
    header_of(header, w, type, w->places_received++, items);
    MAL_TRY(mal_chan_recv(w->chan, &w->in, PSI_HEADER + body_len));
    PSI_REQUIRE_PEER(w->in.len == PSI_HEADER + body_len &&
                     mal_equal(w->in.ptr, header, PSI_HEADER));
    *body = w->in.ptr + PSI_HEADER;
    return MAL_OK;
}
