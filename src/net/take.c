/* take.c - what a peer's bytes do to a connection.
 *
 * Knows nothing of TLS or threads, so that the fuzz target can feed it.  Every
 * failure here ends the connection: a peer that is wrong once is not believed
 * again.
 */
#include "net_impl.h"

#include <string.h>

/* --- Streams that the peer opens ----------------------------------------- */

typedef struct incoming {
    conn *conn; /* carries a reference */
    stream *stream;
} incoming;

static void run_handler(void *arg) {
    incoming in = *(incoming *)arg;
    mal_net *net = in.conn->net;
    mal_free(arg);
    char label[MAL_NET_LABEL_MAX + 1];
    memcpy(label, in.stream->label, sizeof label);
    mal_chan *chan = &in.stream->chan;
    if (net->config.on_stream)
        net->config.on_stream(net->config.ctx, in.conn->peer, label, chan);
    else
        mal_chan_close(&chan);
    atomic_fetch_sub(&net->handlers, 1);
    pthread_mutex_lock(&in.conn->lock);
    in.conn->handlers--;
    net_conn_unref_locked(in.conn);
}

mal_err net_serve(conn *c, stream *s) {
    MAL_REQUIRE(c->handlers < MAL_NET_HANDLERS_CONN, MAL_E_LIMIT,
                "the peer has %d calls under way here", MAL_NET_HANDLERS_CONN);
    incoming *in = mal_calloc(1, sizeof *in);
    if (!in)
        return MAL_E_MEMORY;
    *in = (incoming){ c, s };
    mal_err err = MAL_OK;
    if (atomic_fetch_add(&c->net->handlers, 1) >= MAL_NET_HANDLERS_MAX)
        err = mal_err_set(MAL_E_LIMIT, __FILE__, __LINE__,
                          "%d calls are under way here", MAL_NET_HANDLERS_MAX);
    c->handlers++;
    c->refs++;
    if (err == MAL_OK)
        err = net_spawn(c->net, run_handler, in);
    if (err != MAL_OK) {
        atomic_fetch_sub(&c->net->handlers, 1);
        c->handlers--;
        c->refs--; /* the io thread has one still */
        mal_free(in);
    }
    return err;
}

static mal_err take_open(conn *c, const mal_net_frame *frame,
                         const uint8_t *payload) {
    bool theirs = (frame->stream & 1) == (c->dialler ? 0u : 1u);
    mal_bytes label = mal_bytes_of(payload, frame->len);
    MAL_REQUIRE(theirs && frame->stream > c->peer_id, MAL_E_PEER,
                "the peer opened a stream out of order");
    MAL_REQUIRE(net_printable(label), MAL_E_PEER,
                "the peer sent a label that is not printable");
    c->peer_id = frame->stream;
    stream *s;
    mal_err err = net_stream_new(&s, c, frame->stream, label);
    if (err == MAL_OK) {
        err = c->net->serve(c, s);
        if (err != MAL_OK)
            net_stream_undo(s);
    }
    if (err == MAL_OK)
        return MAL_OK;
    /* Out of room for it, here and now: its opener is told, others live on. */
    return net_frame_put(&c->out, frame->stream, MAL_NET_REFUSED,
                         mal_bytes_of(NULL, 0));
}

/* --- Frames -------------------------------------------------------------- */

static mal_err take_hello(conn *c, const mal_net_frame *frame,
                          const uint8_t *payload) {
    MAL_REQUIRE(!c->greeted, MAL_E_PEER, "the peer greeted twice");
    MAL_REQUIRE(net_printable(mal_bytes_of(payload, frame->len)), MAL_E_PEER,
                "the peer's build is not printable");
    c->greeted = true;
    memcpy(c->build, payload, frame->len);
    return MAL_OK;
}

/* A peer that asks and never reads the answers must not make us keep them: it
 * hears that we live by what waits for it. */
static mal_err take_ping(conn *c) {
    if (c->out.len - c->out_sent > MAL_NET_QUEUE)
        return MAL_OK;
    return net_frame_put(&c->out, 0, MAL_NET_PONG, mal_bytes_of(NULL, 0));
}

static mal_err take_frame(conn *c, const mal_net_frame *frame,
                          const uint8_t *payload) {
    MAL_REQUIRE(c->greeted || frame->type == MAL_NET_HELLO, MAL_E_PEER,
                "the peer did not greet first");
    switch ((mal_net_frame_type)frame->type) {
    case MAL_NET_HELLO:
        return take_hello(c, frame, payload);
    case MAL_NET_PING:
        return take_ping(c);
    case MAL_NET_PONG:
        return MAL_OK;
    case MAL_NET_OPEN:
        return take_open(c, frame, payload);
    case MAL_NET_DATA:
    case MAL_NET_LAST:
    case MAL_NET_CREDIT:
    case MAL_NET_END:
    case MAL_NET_REFUSED:
        return net_stream_take(c, frame, payload);
    }
    MAL_FAIL(MAL_E_PEER, "the peer sent a garbled frame");
}

mal_err net_take(conn *c, size_t *taken, const uint8_t *data, size_t len) {
    mal_err err = MAL_OK;
    size_t at = 0;
    pthread_mutex_lock(&c->lock);
    while (err == MAL_OK && len - at >= MAL_NET_HEADER) {
        mal_net_frame frame;
        err = mal_net_frame_decode(&frame, data + at);
        if (err != MAL_OK || len - at < (size_t)MAL_NET_HEADER + frame.len)
            break;
        err = take_frame(c, &frame, data + at + MAL_NET_HEADER);
        at += (size_t)MAL_NET_HEADER + frame.len;
    }
    pthread_mutex_unlock(&c->lock);
    *taken = at;
    return err;
}
