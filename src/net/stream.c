/* stream.c - one ordered channel of messages, with a window of its own. */
#include "net_impl.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <time.h>

static uint32_t cost_of(size_t len) {
    return (uint32_t)(len + PIECE_COST);
}

/* How long a message may take that began at start_ns and has come this far: a
 * peer that trickles does not hold us longer than one that is silent. */
static struct timespec deadline_of(const stream *s, uint64_t start_ns,
                                   size_t done) {
    uint64_t at = start_ns + (uint64_t)s->timeout_ms * 1000000 +
                  (uint64_t)done * (1000000000u / MAL_NET_RATE_MIN);
    return (struct timespec){ .tv_sec = (time_t)(at / 1000000000u),
                              .tv_nsec = (long)(at % 1000000000u) };
}

/* May this stream go on?  Holds the lock. */
static mal_err alive(const stream *s) {
    MAL_REQUIRE(!s->cancelled, MAL_E_CANCEL, "the stream %s was cancelled",
                s->label);
    MAL_REQUIRE(!s->conn->dead, MAL_E_PEER, "%s", s->conn->why);
    MAL_REQUIRE(!s->refused, MAL_E_LIMIT,
                "the peer serves no more streams at the moment (%s): ask again "
                "later",
                s->label);
    return MAL_OK;
}

static mal_err wait_change(stream *s, const struct timespec *deadline) {
    int r = pthread_cond_timedwait(&s->changed, &s->conn->lock, deadline);
    MAL_REQUIRE(r != ETIMEDOUT, MAL_E_TIMEOUT,
                "the peer kept us waiting for more than %u ms on %s",
                s->timeout_ms, s->label);
    return MAL_OK;
}

/* Until the peer's window and the connection's queue have room for a piece. */
static mal_err wait_room(stream *s, size_t piece_len,
                         const struct timespec *deadline) {
    conn *c = s->conn;
    for (;;) {
        MAL_TRY(alive(s));
        MAL_REQUIRE(!s->ended, MAL_E_PEER, "the peer closed the stream %s",
                    s->label);
        bool crowded = c->out.len - c->out_sent > MAL_NET_QUEUE;
        if (!crowded && s->credit >= cost_of(piece_len))
            return MAL_OK;
        c->crowded |= crowded;
        MAL_TRY(wait_change(s, deadline));
    }
}

static mal_err send_locked(stream *s, mal_bytes message) {
    uint64_t start = mal_time_monotonic_ns();
    size_t done = 0;
    do {
        struct timespec deadline = deadline_of(s, start, done);
        size_t left = message.len - done;
        size_t piece_len =
            left < MAL_NET_FRAME_MAX ? left : (size_t)MAL_NET_FRAME_MAX;
        MAL_TRY(wait_room(s, piece_len, &deadline));
        s->credit -= cost_of(piece_len);
        bool last = done + piece_len == message.len;
        MAL_TRY(net_frame_put(
            &s->conn->out, s->id, last ? MAL_NET_LAST : MAL_NET_DATA,
            mal_bytes_of(piece_len ? message.ptr + done : NULL, piece_len)));
        net_conn_wake(s->conn);
        done += piece_len;
    } while (done < message.len);
    return MAL_OK;
}

static mal_err chan_send(mal_chan *chan, mal_bytes message) {
    stream *s = (stream *)chan;
    pthread_mutex_lock(&s->conn->lock);
    mal_err err = send_locked(s, message);
    if (err != MAL_OK)
        s->cancelled = true; /* half a message is no place to go on from */
    pthread_mutex_unlock(&s->conn->lock);
    return err;
}

/* Give back what was taken, in steps that keep the pipe full. */
static mal_err give_credit(stream *s, uint32_t cost) {
    s->owed += cost;
    if (s->owed < MAL_NET_WINDOW / 4 || s->conn->dead)
        return MAL_OK;
    uint8_t word[4];
    mal_store_u32le(word, s->owed);
    s->owed = 0;
    MAL_TRY(net_frame_put(&s->conn->out, s->id, MAL_NET_CREDIT,
                          mal_bytes_of(word, sizeof word)));
    net_conn_wake(s->conn);
    return MAL_OK;
}

static mal_err take_piece(stream *s, mal_buf *message, size_t len_max,
                          bool *last) {
    piece *p = s->first;
    MAL_REQUIRE(message->len + p->len <= len_max, MAL_E_PEER,
                "the peer sent more than the %zu bytes expected on %s", len_max,
                s->label);
    MAL_TRY(mal_buf_put(message, mal_bytes_of(p->data, p->len)));
    s->first = p->next;
    if (!s->first)
        s->last = &s->first;
    s->unread -= cost_of(p->len);
    mal_err err = give_credit(s, cost_of(p->len));
    *last = p->last;
    mal_wipe(p->data, p->len);
    mal_free(p);
    return err;
}

static mal_err recv_locked(stream *s, mal_buf *message, size_t len_max) {
    uint64_t start = mal_time_monotonic_ns();
    for (bool last = false; !last;) {
        struct timespec deadline = deadline_of(s, start, message->len);
        while (!s->first) {
            MAL_TRY(alive(s));
            MAL_REQUIRE(!s->ended, MAL_E_PEER, "the peer closed the stream %s",
                        s->label);
            MAL_TRY(wait_change(s, &deadline));
        }
        MAL_REQUIRE(!s->cancelled, MAL_E_CANCEL, "the stream %s was cancelled",
                    s->label);
        MAL_TRY(take_piece(s, message, len_max, &last));
    }
    return MAL_OK;
}

static mal_err chan_recv(mal_chan *chan, mal_buf *message, size_t len_max) {
    stream *s = (stream *)chan;
    mal_buf_reset(message);
    pthread_mutex_lock(&s->conn->lock);
    mal_err err = recv_locked(s, message, len_max);
    if (err != MAL_OK)
        s->cancelled = true; /* half a message is no place to go on from */
    pthread_mutex_unlock(&s->conn->lock);
    return err;
}

static void unlink_stream(stream *s) {
    stream **at = &s->conn->streams;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    s->conn->stream_count--;
}

static void free_stream(stream *s) {
    for (piece *p = s->first, *next; p; p = next) {
        next = p->next;
        mal_wipe(p->data, p->len);
        mal_free(p);
    }
    pthread_cond_destroy(&s->changed);
    mal_free(s);
}

static void chan_close(mal_chan *chan) {
    stream *s = (stream *)chan;
    conn *c = s->conn;
    pthread_mutex_lock(&c->lock);
    unlink_stream(s);
    if (!c->dead) {
        if (net_frame_put(&c->out, s->id, MAL_NET_END, mal_bytes_of(NULL, 0)) !=
            MAL_OK)
            net_conn_kill_locked(c, "no memory for the connection's queue");
        net_conn_wake(c);
    }
    free_stream(s);
    net_conn_unref_locked(c);
}

static const mal_chan_ops stream_ops = { chan_send, chan_recv, chan_close };

mal_err net_stream_new(stream **out, conn *c, uint32_t id, mal_bytes label) {
    MAL_REQUIRE(c->stream_count < MAL_NET_STREAMS_MAX, MAL_E_LIMIT,
                "more than %d streams on one connection", MAL_NET_STREAMS_MAX);
    stream *s = mal_calloc(1, sizeof *s);
    if (!s)
        return MAL_E_MEMORY;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->changed, &attr);
    pthread_condattr_destroy(&attr);
    s->chan.ops = &stream_ops;
    s->conn = c;
    s->id = id;
    s->last = &s->first;
    s->credit = MAL_NET_WINDOW;
    s->timeout_ms = c->net->config.stream_ms;
    assert(label.len <= MAL_NET_LABEL_MAX);
    memcpy(s->label, label.ptr, label.len);
    s->next = c->streams;
    c->streams = s;
    c->stream_count++;
    c->refs++;
    *out = s;
    return MAL_OK;
}

void net_stream_undo(stream *s) {
    unlink_stream(s);
    s->conn->refs--; /* its caller has one still */
    free_stream(s);
}

static mal_err append_piece(stream *s, bool last, const uint8_t *data,
                            uint32_t len) {
    MAL_REQUIRE(s->unread + cost_of(len) <= MAL_NET_WINDOW, MAL_E_PEER,
                "the peer overran the window of %s", s->label);
    piece *p = mal_calloc(1, sizeof *p + len);
    if (!p)
        return MAL_E_MEMORY;
    p->len = len;
    p->last = last;
    memcpy(p->data, data, len);
    *s->last = p;
    s->last = &p->next;
    s->unread += cost_of(len);
    return MAL_OK;
}

mal_err net_stream_take(conn *c, const mal_net_frame *frame,
                        const uint8_t *payload) {
    bool ours = (frame->stream & 1) == (c->dialler ? 1u : 0u);
    MAL_REQUIRE(ours || frame->type != MAL_NET_REFUSED, MAL_E_PEER,
                "the peer refused a stream of its own");
    stream *s = c->streams;
    while (s && s->id != frame->stream)
        s = s->next;
    if (!s) {
        /* We closed it while this was under way; anything else is a lie. */
        MAL_REQUIRE(ours ? frame->stream < c->next_id
                         : frame->stream <= c->peer_id,
                    MAL_E_PEER, "the peer used a stream that was never opened");
        return MAL_OK;
    }
    MAL_REQUIRE(!s->ended, MAL_E_PEER, "the peer used a stream that it closed");
    if (frame->type == MAL_NET_END || frame->type == MAL_NET_REFUSED) {
        s->ended = true;
        s->refused = frame->type == MAL_NET_REFUSED;
    } else if (frame->type == MAL_NET_CREDIT) {
        uint32_t more = mal_load_u32le(payload);
        MAL_REQUIRE(more <= MAL_NET_WINDOW - s->credit, MAL_E_PEER,
                    "the peer gave more credit than the window holds");
        s->credit += more;
    } else {
        MAL_TRY(
            append_piece(s, frame->type == MAL_NET_LAST, payload, frame->len));
    }
    pthread_cond_broadcast(&s->changed);
    return MAL_OK;
}

void mal_net_stream_timeout(mal_chan *chan, unsigned timeout_ms) {
    stream *s = (stream *)chan;
    pthread_mutex_lock(&s->conn->lock);
    s->timeout_ms = timeout_ms;
    pthread_mutex_unlock(&s->conn->lock);
}

void mal_net_stream_cancel(mal_chan *chan) {
    stream *s = (stream *)chan;
    pthread_mutex_lock(&s->conn->lock);
    s->cancelled = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->conn->lock);
}
