/* conn.c - one connection: a thread that reads and writes its frames.
 *
 * Only this thread touches the TLS object.  Others append frames to `out` under
 * the lock and wake it.  What a peer can make us hold is bounded: each stream
 * by its window, the streams by their number, the frames by their size.
 */
#include "net_impl.h"

#include <errno.h>
#include <openssl/err.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_MAX ((size_t)64 << 10)

typedef struct reader {
    uint8_t data[READ_MAX];
    size_t len;
} reader;

void net_conn_wake(conn *c) {
    uint64_t one = 1;
    ssize_t r;
    do
        r = write(c->wake, &one, sizeof one);
    while (r < 0 && errno == EINTR);
}

void net_conn_kill_locked(conn *c, const char *why) {
    if (c->dead)
        return;
    c->dead = true;
    size_t n = strnlen(why, sizeof c->why - 1);
    memcpy(c->why, why, n);
    c->why[n] = 0;
    for (stream *s = c->streams; s; s = s->next)
        pthread_cond_broadcast(&s->changed);
    net_conn_wake(c);
}

void net_conn_unref(conn *c) {
    pthread_mutex_lock(&c->lock);
    bool last = --c->refs == 0;
    pthread_mutex_unlock(&c->lock);
    if (!last)
        return;
    pthread_mutex_destroy(&c->lock);
    close(c->wake);
    mal_buf_clear(&c->out);
    mal_free(c);
}

typedef struct incoming {
    mal_net *net;
    stream *s;
    uint8_t peer[32];
} incoming;

static void *serve_stream(void *arg) {
    incoming in = *(incoming *)arg;
    mal_free(arg);
    char label[MAL_NET_LABEL_MAX + 1];
    memcpy(label, in.s->label, sizeof label);
    if (in.net->config.on_stream) {
        in.net->config.on_stream(in.net->config.ctx, in.peer, label,
                                 &in.s->chan);
    } else {
        mal_chan *chan = &in.s->chan;
        mal_chan_close(&chan);
    }
    net_thread_end(in.net);
    return NULL;
}

/* The peer opens a stream.  Out of memory or threads: the connection ends,
 * which the peer sees at once, rather than a stream that nobody serves. */
static mal_err open_locked(conn *c, const mal_net_frame *frame,
                           const uint8_t *payload) {
    bool theirs = (frame->stream & 1) == (c->dialler ? 0u : 1u);
    MAL_REQUIRE(theirs && frame->stream > c->peer_id, MAL_E_PEER,
                "the peer opened a stream out of order");
    MAL_REQUIRE(!memchr(payload, 0, frame->len), MAL_E_PEER,
                "the peer sent a label with a zero byte");
    char label[MAL_NET_LABEL_MAX + 1] = { 0 };
    memcpy(label, payload, frame->len);
    c->peer_id = frame->stream;
    incoming *in = mal_calloc(1, sizeof *in);
    if (!in)
        return MAL_E_MEMORY;
    in->net = c->net;
    memcpy(in->peer, c->peer, 32);
    mal_err err = net_stream_new(&in->s, c, frame->stream, label);
    if (err != MAL_OK) {
        mal_free(in);
        return err;
    }
    stream *s = in->s;
    err = net_spawn(c->net, serve_stream, in);
    if (err != MAL_OK) {
        c->streams = s->next; /* it was put first, and nobody saw it */
        c->stream_count--;
        c->refs--;
        pthread_cond_destroy(&s->changed);
        mal_free(s);
        mal_free(in);
    }
    return err;
}

static mal_err take_locked(conn *c, const mal_net_frame *frame,
                           const uint8_t *payload) {
    MAL_REQUIRE(c->greeted || frame->type == MAL_NET_HELLO, MAL_E_PEER,
                "the peer did not greet first");
    switch ((mal_net_frame_type)frame->type) {
    case MAL_NET_HELLO:
        MAL_REQUIRE(!c->greeted, MAL_E_PEER, "the peer greeted twice");
        c->greeted = true;
        memcpy(c->build, payload, frame->len);
        return MAL_OK;
    case MAL_NET_PING:
        net_conn_wake(c);
        return net_frame_put(&c->out, 0, MAL_NET_PONG, mal_bytes_of(NULL, 0));
    case MAL_NET_PONG:
        return MAL_OK;
    case MAL_NET_OPEN:
        return open_locked(c, frame, payload);
    case MAL_NET_DATA:
    case MAL_NET_LAST:
    case MAL_NET_CREDIT:
    case MAL_NET_END:
        return net_stream_take_locked(c, frame, payload);
    }
    MAL_FAIL(MAL_E_PEER, "the peer sent a garbled frame");
}

/* All whole frames of the buffer. */
static mal_err take_all(conn *c, reader *in) {
    size_t at = 0;
    mal_err err = MAL_OK;
    pthread_mutex_lock(&c->lock);
    while (err == MAL_OK && in->len - at >= MAL_NET_HEADER) {
        mal_net_frame frame;
        err = mal_net_frame_decode(&frame, in->data + at);
        if (err != MAL_OK || in->len - at < (size_t)MAL_NET_HEADER + frame.len)
            break;
        err = take_locked(c, &frame, in->data + at + MAL_NET_HEADER);
        at += (size_t)MAL_NET_HEADER + frame.len;
    }
    pthread_mutex_unlock(&c->lock);
    memmove(in->data, in->data + at, in->len - at);
    in->len -= at;
    return err;
}

static mal_err read_some(conn *c, reader *in, bool *idle) {
    ERR_clear_error();
    int r = SSL_read(c->ssl, in->data + in->len, (int)(READ_MAX - in->len));
    *idle = r <= 0;
    if (r > 0) {
        in->len += (size_t)r;
        c->heard_ns = mal_time_monotonic_ns();
        return take_all(c, in);
    }
    int why = SSL_get_error(c->ssl, r);
    MAL_REQUIRE(why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE,
                MAL_E_PEER, "the peer closed the connection");
    return MAL_OK;
}

static mal_err write_some(conn *c, bool *idle) {
    uint8_t chunk[READ_MAX];
    pthread_mutex_lock(&c->lock);
    size_t left = c->out.len - c->out_sent;
    size_t n = left < sizeof chunk ? left : sizeof chunk;
    if (n)
        memcpy(chunk, c->out.ptr + c->out_sent, n);
    pthread_mutex_unlock(&c->lock);
    *idle = true;
    if (n == 0)
        return MAL_OK;
    ERR_clear_error();
    int r = SSL_write(c->ssl, chunk, (int)n);
    if (r <= 0) {
        int why = SSL_get_error(c->ssl, r);
        MAL_REQUIRE(why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE,
                    MAL_E_PEER, "the peer closed the connection");
        return MAL_OK;
    }
    *idle = false;
    pthread_mutex_lock(&c->lock);
    c->out_sent += (size_t)r;
    if (c->out_sent == c->out.len) {
        mal_buf_reset(&c->out);
        c->out_sent = 0;
    } else if (c->out_sent >= ((size_t)1 << 20)) {
        memmove(c->out.ptr, c->out.ptr + c->out_sent, c->out.len - c->out_sent);
        c->out.len -= c->out_sent;
        c->out_sent = 0;
    }
    pthread_mutex_unlock(&c->lock);
    return MAL_OK;
}

static mal_err check_silence(conn *c) {
    uint64_t now = mal_time_monotonic_ns();
    uint64_t limit = (uint64_t)c->net->config.silence_ms * 1000000;
    MAL_REQUIRE(now - c->heard_ns < limit, MAL_E_PEER,
                "the peer was silent for %u ms", c->net->config.silence_ms);
    if (now - c->heard_ns < limit / 3 || now - c->pinged_ns < limit / 3)
        return MAL_OK;
    c->pinged_ns = now;
    pthread_mutex_lock(&c->lock);
    mal_err err =
        net_frame_put(&c->out, 0, MAL_NET_PING, mal_bytes_of(NULL, 0));
    pthread_mutex_unlock(&c->lock);
    return err;
}

static void wait_for_work(conn *c) {
    pthread_mutex_lock(&c->lock);
    bool writes = c->out.len > c->out_sent;
    pthread_mutex_unlock(&c->lock);
    struct pollfd p[2] = {
        { .fd = c->fd, .events = (short)(POLLIN | (writes ? POLLOUT : 0)) },
        { .fd = c->wake, .events = POLLIN },
    };
    unsigned step = c->net->config.silence_ms / 4;
    poll(p, 2, (int)(step < 1000 ? step + 1 : 1000));
    uint64_t count;
    if (p[1].revents & POLLIN && read(c->wake, &count, sizeof count) < 0)
        return;
}

static mal_err turn(conn *c, reader *in) {
    pthread_mutex_lock(&c->lock);
    bool dead = c->dead;
    pthread_mutex_unlock(&c->lock);
    MAL_REQUIRE(!dead, MAL_E_PEER, "%s", c->why);
    bool read_idle, write_idle;
    MAL_TRY(read_some(c, in, &read_idle));
    MAL_TRY(write_some(c, &write_idle));
    MAL_TRY(check_silence(c));
    if (read_idle && write_idle)
        wait_for_work(c);
    return MAL_OK;
}

static void forget(conn *c) {
    mal_net *net = c->net;
    pthread_mutex_lock(&net->lock);
    for (conn **at = &net->conns; *at; at = &(*at)->next)
        if (*at == c) {
            *at = c->next;
            net->conn_count--;
            break;
        }
    pthread_mutex_unlock(&net->lock);
}

static void *run(void *arg) {
    conn *c = arg;
    mal_net *net = c->net;
    reader *in = mal_calloc(1, sizeof *in);
    while (in && turn(c, in) == MAL_OK)
        ;
    pthread_mutex_lock(&c->lock);
    net_conn_kill_locked(c, in ? mal_err_message() : "out of memory");
    pthread_mutex_unlock(&c->lock);
    forget(c);
    ERR_clear_error();
    SSL_shutdown(c->ssl); /* a courtesy; nobody waits for the answer */
    SSL_free(c->ssl);
    close(c->fd);
    if (in)
        mal_wipe(in, sizeof *in);
    mal_free(in);
    net_conn_unref(c);
    net_thread_end(net);
    return NULL;
}

static mal_err add(mal_net *net, conn *c) {
    pthread_mutex_lock(&net->lock);
    mal_err err = MAL_OK;
    if (net->closing)
        err = mal_err_set(MAL_E_STATE, __FILE__, __LINE__,
                          "the endpoint is closing");
    else if (net->conn_count >= MAL_NET_CONNECTIONS_MAX)
        err = mal_err_set(MAL_E_LIMIT, __FILE__, __LINE__,
                          "more than %d connections", MAL_NET_CONNECTIONS_MAX);
    if (err == MAL_OK) {
        c->next = net->conns;
        net->conns = c;
        net->conn_count++;
    }
    pthread_mutex_unlock(&net->lock);
    return err;
}

/* Takes ssl and fd, also on failure.  On success *out carries a reference. */
mal_err net_conn_start(mal_net *net, SSL *ssl, int fd, bool dialler,
                       const uint8_t peer[32], conn **out) {
    conn *c = mal_calloc(1, sizeof *c);
    int wake = c ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
    if (wake < 0) {
        mal_free(c);
        SSL_free(ssl);
        close(fd);
        MAL_FAIL(MAL_E_IO, "no memory or descriptor for a connection");
    }
    *c = (conn){ .net = net,
                 .ssl = ssl,
                 .fd = fd,
                 .wake = wake,
                 .refs = 2,
                 .dialler = dialler,
                 .next_id = dialler ? 1 : 2 };
    memcpy(c->peer, peer, 32);
    pthread_mutex_init(&c->lock, NULL);
    c->heard_ns = c->pinged_ns = mal_time_monotonic_ns();
    const char *build = net->config.build ? net->config.build : "";
    mal_err err =
        net_frame_put(&c->out, 0, MAL_NET_HELLO,
                      mal_bytes_of(build, strnlen(build, MAL_NET_BUILD_MAX)));
    if (err == MAL_OK)
        err = add(net, c);
    if (err == MAL_OK) {
        err = net_spawn(net, run, c);
        if (err != MAL_OK)
            forget(c);
    }
    if (err != MAL_OK) {
        c->refs = 1;
        net_conn_unref(c);
        SSL_free(ssl);
        close(fd);
        return err;
    }
    *out = c;
    return MAL_OK;
}
