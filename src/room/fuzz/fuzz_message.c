/* fuzz_message.c - bodies of messages between nodes: decoded, they encode again
 * to the same bytes.  The first byte chooses which. */
#include "share3_impl.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void same(const mal_buf *out, mal_bytes in) {
    if (!mal_bytes_same_vartime(mal_buf_view(out), in))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    if (len == 0)
        return 0;
    mal_bytes in = mal_bytes_of(data + 1, len - 1);
    mal_arena *arena = mal_arena_new(1 << 20);
    mal_buf out = { 0 };
    room_accept accept = { 0 };
    room_hold hold;
    room_done done;
    mal_bytes list[MAL_PARTIES_MAX];
    unsigned n_list;
    mal_rd rd = mal_rd_of(in);
    room_share_head head;
    switch (data[0] & 7) {
    case 0:
        if (room_accept_decode(&accept, arena, in) == MAL_OK &&
            room_accept_encode(&out, &accept) == MAL_OK)
            same(&out, in);
        break;
    case 1:
        if (room_hold_decode(&hold, in) == MAL_OK &&
            room_hold_encode(&out, &hold) == MAL_OK)
            same(&out, in);
        break;
    case 2:
        if (room_done_decode(&done, in) == MAL_OK &&
            room_done_encode(&out, &done) == MAL_OK)
            same(&out, in);
        break;
    case 3:
        if (room_share_head_decode(&head, in) == MAL_OK &&
            room_share_head_encode(&out, &head) == MAL_OK)
            same(&out, in);
        break;
    default:
        if (room_list_decode(list, &n_list, &rd, 4096) != MAL_OK)
            mal_err_forget();
    }
    mal_buf_clear(&out);
    mal_arena_free(arena);
    return 0;
}
