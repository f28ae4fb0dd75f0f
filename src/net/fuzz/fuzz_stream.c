/* fuzz_stream.c - a peer's bytes through frames and streams, without TLS.
 *
 * Input: steps of one byte, two bytes of length, and so many bytes.  The step's
 * low bits say who moves: the peer sends the bytes, or we receive, send, close
 * or open.  Whatever the peer sends, windows and counts keep their bounds, and
 * what we queue is well formed.
 */
#include "../net_impl.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define KEPT_MAX 64

typedef struct desk {
    mal_net net;
    conn *c;
    mal_chan *kept[KEPT_MAX];
    unsigned n;
    uint8_t unread[4 * MAL_NET_FRAME_MAX]; /* the peer's bytes, not yet taken */
    size_t unread_len;
    bool dead;
} desk;

static desk d;

static mal_err keep(conn *c, stream *s) {
    (void)c;
    if (d.n == KEPT_MAX)
        return MAL_E_LIMIT;
    d.kept[d.n++] = &s->chan;
    return MAL_OK;
}

static void must(bool cond) {
    if (!cond)
        abort();
}

static void check(void) {
    unsigned n = 0;
    for (const stream *s = d.c->streams; s; s = s->next, n++) {
        size_t unread = 0;
        for (const piece *p = s->first; p; p = p->next)
            unread += p->len + PIECE_COST;
        must(unread == s->unread && unread <= MAL_NET_WINDOW);
        must(s->credit <= MAL_NET_WINDOW && s->owed <= MAL_NET_WINDOW);
        must(s->conn == d.c && s->id != 0);
    }
    must(n == d.c->stream_count && n == d.n && d.c->refs == n + 1);
    for (size_t at = 0; at < d.c->out.len;) {
        mal_net_frame f;
        must(mal_net_frame_decode(&f, d.c->out.ptr + at) == MAL_OK);
        at += (size_t)MAL_NET_HEADER + f.len;
        must(at <= d.c->out.len);
    }
    mal_buf_reset(&d.c->out);
}

static void feed(const uint8_t *data, size_t len) {
    size_t taken;
    if (len > sizeof d.unread - d.unread_len)
        len = sizeof d.unread - d.unread_len;
    memcpy(d.unread + d.unread_len, data, len);
    d.unread_len += len;
    mal_err err = net_take(d.c, &taken, d.unread, d.unread_len);
    must(taken <= d.unread_len);
    memmove(d.unread, d.unread + taken, d.unread_len - taken);
    d.unread_len -= taken;
    if (err == MAL_OK) {
        must(d.unread_len < MAL_NET_HEADER + MAL_NET_FRAME_MAX);
        return;
    }
    must(err == MAL_E_PEER || err == MAL_E_LIMIT);
    pthread_mutex_lock(&d.c->lock);
    net_conn_kill_locked(d.c, mal_err_message());
    pthread_mutex_unlock(&d.c->lock);
    d.dead = true;
}

static void close_at(unsigned i) {
    mal_chan_close(&d.kept[i]);
    d.kept[i] = d.kept[--d.n];
}

static void move(unsigned what, const uint8_t *data, size_t len) {
    static mal_buf in;
    unsigned i = d.n ? (len ? data[0] : 0) % d.n : 0;
    mal_err err = MAL_OK;
    if (what == 0) {
        feed(data, len);
    } else if (what == 1 && d.n) {
        err = mal_chan_recv(d.kept[i], &in, 1 << 16);
    } else if (what == 2 && d.n) {
        err = mal_chan_send(d.kept[i], mal_bytes_of(data, len));
    } else if (what == 3 && d.n) {
        close_at(i);
    } else if (what == 4 && d.n < KEPT_MAX && !d.dead) {
        stream *s;
        pthread_mutex_lock(&d.c->lock);
        err = net_stream_new(&s, d.c, d.c->next_id, mal_bytes_str("ours"));
        if (err == MAL_OK) {
            d.c->next_id += 2;
            d.kept[d.n++] = &s->chan;
        }
        pthread_mutex_unlock(&d.c->lock);
    }
    (void)err; /* a refusal is fine; a broken bound is not */
    mal_buf_clear(&in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    static const uint8_t peer[32] = { 1 };
    memset(&d, 0, sizeof d);
    d.net.config = (mal_net_config){ .build = "fuzz" };
    d.net.serve = keep;
    if (net_conn_new(&d.c, &d.net, len > 0 && data[0] >> 7, peer) != MAL_OK)
        abort();
    while (len >= 3 && !d.dead) {
        unsigned what = data[0] & 7;
        size_t n = (size_t)data[1] | (size_t)data[2] << 8;
        data += 3;
        len -= 3;
        n = n < len ? n : len;
        move(what, data, n);
        data += n;
        len -= n;
        check();
    }
    while (d.n)
        close_at(d.n - 1);
    net_conn_unref(d.c);
    return 0;
}
