/* ot_wire.h - a channel end that meddles with what its owner sends, or fails.
 */
#ifndef MALUS_OT_WIRE_H
#define MALUS_OT_WIRE_H

#include "ot_parties.h"

typedef struct wire {
    mal_chan chan; /* first */
    mal_chan *inner;
    unsigned sent, received;
    /* Message `at` (from 0): flip these bits of byte `byte` (modulo its
     * length), or change its length by `longer`, or do not send it. */
    unsigned at;
    size_t byte;
    uint8_t flip;
    int longer;
    unsigned fail_send, fail_recv; /* the n-th fails; 0: none */
    size_t last_len;               /* of message `at` */
} wire;

static mal_err wire_send(mal_chan *chan, mal_bytes m) {
    wire *w = (wire *)chan;
    if (++w->sent == w->fail_send)
        MAL_FAIL(MAL_E_IO, "the wire breaks");
    if (w->sent - 1 != w->at || (!w->flip && !w->longer))
        return mal_chan_send(w->inner, m);
    MAL_AUTO(mal_buf_clear) mal_buf copy = { 0 };
    MAL_TRY(mal_buf_put(&copy, m));
    w->last_len = m.len;
    copy.ptr[w->byte % m.len] ^= w->flip;
    if (w->longer > 0)
        MAL_TRY(mal_buf_put_u8(&copy, 1));
    copy.len -= w->longer < 0;
    return mal_chan_send(w->inner, mal_buf_view(&copy));
}

static mal_err wire_recv(mal_chan *chan, mal_buf *out, size_t len_max) {
    wire *w = (wire *)chan;
    if (++w->received == w->fail_recv)
        MAL_FAIL(MAL_E_IO, "the wire breaks");
    return mal_chan_recv(w->inner, out, len_max);
}

static void wire_close(mal_chan *chan) {
    mal_chan_close(&((wire *)chan)->inner);
}

/* The ends of a pair behind two wires, which the caller owns. */
__attribute__((unused)) static void wires(wire *a, wire *b) {
    static const mal_chan_ops ops = { wire_send, wire_recv, wire_close };
    CHECK_OK(mal_chan_pair(&a->inner, &b->inner, 20000));
    a->chan.ops = b->chan.ops = &ops;
}

/* Run both over their wires. */
__attribute__((unused)) static void wires_run(ot_party *x, wire *wx,
                                              ot_party *y, wire *wy) {
    mal_thread *thread = NULL;
    wires(wx, wy);
    x->chan = &wx->chan;
    y->chan = &wy->chan;
    CHECK_OK(mal_thread_start(&thread, party_main, x));
    party_main(y);
    mal_thread_join(&thread);
    mal_chan_close(&x->chan);
    mal_chan_close(&y->chan);
}

#endif
