/* mpc_parties.h - parties as threads, channels that record sizes and tamper. */
#ifndef MPC_PARTIES_H
#define MPC_PARTIES_H

#include <malus/mpc.h>
#include "mal_test.h"

#define TRACE_MAX 4096

/* A channel that passes on, notes each length it sends, and may break message
 * number `at` (from 0) on its way out. */
typedef enum tamper {
    TAMPER_NONE,
    TAMPER_FLIP,  /* one bit of byte `offset` */
    TAMPER_SHORT, /* the last byte is cut */
    TAMPER_LONG,  /* a byte is added */
    TAMPER_CLOSE, /* the channel is closed instead */
} tamper;
typedef struct spy {
    mal_chan chan; /* first */
    mal_chan *inner;
    tamper how;
    unsigned at, sent;
    size_t offset;
    size_t trace[TRACE_MAX];
} spy;

static mal_err spy_send(mal_chan *chan, mal_bytes m) {
    spy *s = (spy *)chan;
    MAL_AUTO(mal_buf_clear) mal_buf copy = { 0 };
    if (s->sent < TRACE_MAX)
        s->trace[s->sent] = m.len;
    bool here = s->sent++ == s->at;
    if (!here)
        return mal_chan_send(s->inner, m);
    MAL_TRY(mal_buf_put(&copy, m));
    switch (s->how) {
    case TAMPER_FLIP:
        copy.ptr[s->offset % m.len] ^= 1;
        break;
    case TAMPER_SHORT:
        copy.len--;
        break;
    case TAMPER_LONG:
        MAL_TRY(mal_buf_put_u8(&copy, 0));
        break;
    case TAMPER_CLOSE:
        mal_chan_close(&s->inner);
        MAL_FAIL(MAL_E_PEER, "closed by the test");
    case TAMPER_NONE:
        break;
    }
    return mal_chan_send(s->inner, mal_buf_view(&copy));
}
static mal_err spy_recv(mal_chan *chan, mal_buf *m, size_t len_max) {
    spy *s = (spy *)chan;
    MAL_REQUIRE(s->inner, MAL_E_PEER, "closed by the test");
    return mal_chan_recv(s->inner, m, len_max);
}
static void spy_close(mal_chan *chan) {
    mal_chan_close(&((spy *)chan)->inner);
}
static const mal_chan_ops spy_ops = { spy_send, spy_recv, spy_close };
__attribute__((unused)) static void spy_init(spy *s, mal_chan *inner) {
    memset(s, 0, sizeof *s);
    s->chan.ops = &spy_ops;
    s->inner = inner;
    s->at = ~0u;
}

#endif
