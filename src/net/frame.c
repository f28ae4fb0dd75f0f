/* frame.c - eight bytes of header: stream, type, zero, length. */
#include "net_impl.h"

#include <string.h>

void mal_net_frame_encode(uint8_t out[MAL_NET_HEADER],
                          const mal_net_frame *frame) {
    mal_store_u32le(out, frame->stream);
    out[4] = frame->type;
    out[5] = 0;
    out[6] = (uint8_t)(frame->len & 0xff);
    out[7] = (uint8_t)(frame->len >> 8);
}

static bool fits(const mal_net_frame *frame) {
    switch (frame->type) {
    case MAL_NET_HELLO:
        return frame->stream == 0 && frame->len <= MAL_NET_BUILD_MAX;
    case MAL_NET_PING:
    case MAL_NET_PONG:
        return frame->stream == 0 && frame->len == 0;
    case MAL_NET_OPEN:
        return frame->stream != 0 && frame->len >= 1 &&
               frame->len <= MAL_NET_LABEL_MAX;
    case MAL_NET_DATA:
        return frame->stream != 0 && frame->len >= 1 &&
               frame->len <= MAL_NET_FRAME_MAX;
    case MAL_NET_LAST:
        return frame->stream != 0 && frame->len <= MAL_NET_FRAME_MAX;
    case MAL_NET_CREDIT:
        return frame->stream != 0 && frame->len == 4;
    case MAL_NET_END:
    case MAL_NET_REFUSED:
        return frame->stream != 0 && frame->len == 0;
    default:
        return false;
    }
}

mal_err mal_net_frame_decode(mal_net_frame *frame,
                             const uint8_t in[MAL_NET_HEADER]) {
    mal_net_frame f = { .stream = mal_load_u32le(in),
                        .type = in[4],
                        .len = (uint16_t)(in[6] | (in[7] << 8)) };
    MAL_REQUIRE(in[5] == 0 && fits(&f), MAL_E_PEER,
                "the peer sent a garbled frame");
    *frame = f;
    return MAL_OK;
}

mal_err net_frame_put(mal_buf *out, uint32_t id, mal_net_frame_type type,
                      mal_bytes payload) {
    uint8_t header[MAL_NET_HEADER];
    mal_net_frame frame = { .stream = id,
                            .type = (uint8_t)type,
                            .len = (uint16_t)payload.len };
    assert(payload.len <= MAL_NET_FRAME_MAX && fits(&frame));
    mal_net_frame_encode(header, &frame);
    MAL_TRY(mal_buf_reserve(out, sizeof header + payload.len));
    MAL_TRY(mal_buf_put(out, mal_bytes_of(header, sizeof header)));
    return mal_buf_put(out, payload);
}

bool net_printable(mal_bytes text) {
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < 0x20 || text.ptr[i] > 0x7e)
            return false;
    return true;
}
