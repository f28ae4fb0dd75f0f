/* tap.c - a channel that hashes both ways, to be compared in `close`. */
#include "room_impl.h"

#include <string.h>

static mal_err tapped_send(mal_chan *chan, mal_bytes message) {
    room_tapped *t = (room_tapped *)chan;
    mal_prim_sha256_add_sized(t->sent, message);
    return mal_chan_send(t->inner, message);
}

static mal_err tapped_recv(mal_chan *chan, mal_buf *message, size_t len_max) {
    room_tapped *t = (room_tapped *)chan;
    MAL_TRY(mal_chan_recv(t->inner, message, len_max));
    mal_prim_sha256_add_sized(t->received, mal_buf_view(message));
    return MAL_OK;
}

static void tapped_close(mal_chan *chan) {
    (void)chan; /* lives in the run */
}

mal_err room_tap(room_tapped *t, mal_chan *inner) {
    static const mal_chan_ops ops = { tapped_send, tapped_recv, tapped_close };
    *t = (room_tapped){ .chan = { .ops = &ops }, .inner = inner };
    t->sent = mal_prim_sha256_new();
    t->received = mal_prim_sha256_new();
    return t->sent && t->received ? MAL_OK : MAL_E_MEMORY;
}

void room_tap_clear(room_tapped *t) {
    mal_prim_sha256_auto(&t->sent);
    mal_prim_sha256_auto(&t->received);
}

void room_tap_pair(room_id *out, const room_tapped *t, bool lower,
                   const char *label) {
    mal_prim_hash sent, received, pair;
    mal_prim_sha256_peek(t->sent, &sent);
    mal_prim_sha256_peek(t->received, &received);
    mal_bytes parts[2] = { mal_bytes_of((lower ? &sent : &received)->b, 32),
                           mal_bytes_of((lower ? &received : &sent)->b, 32) };
    mal_prim_hash_parts(&pair, label, parts, 2);
    memcpy(out->b, pair.b, 32);
}
