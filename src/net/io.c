/* io.c - a connection's thread, which reads and writes its frames.
 *
 * Only this thread touches the TLS object.  Others append frames to `out` under
 * the lock and wake it.  What a peer can make us hold is bounded: each stream
 * by its window, the streams by their number, frames by their size, and the
 * queue by its maximum (conn.c), past which the connection ends.
 */
#include "net_impl.h"

#include <openssl/err.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define READ_MAX ((size_t)64 << 10)
#define RECORD_MAX 16384 /* bytes of a TLS record */

typedef struct reader {
    uint8_t data[READ_MAX];
    size_t len;
    uint8_t chunk[RECORD_MAX]; /* on its way out */
} reader;

static mal_err read_some(conn *c, reader *in, bool *idle) {
    ERR_clear_error();
    int r = SSL_read(c->ssl, in->data + in->len, (int)(READ_MAX - in->len));
    *idle = r <= 0;
    if (r > 0) {
        size_t taken;
        in->len += (size_t)r;
        mal_err err = net_take(c, &taken, in->data, in->len);
        memmove(in->data, in->data + taken, in->len - taken);
        in->len -= taken;
        if (taken > 0) /* half a frame is no sign of life */
            c->heard_ns = mal_time_monotonic_ns();
        return err;
    }
    int why = SSL_get_error(c->ssl, r);
    MAL_REQUIRE(why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE,
                MAL_E_PEER, "the peer closed the connection");
    return MAL_OK;
}

/* r bytes of the queue were written; senders who wait for room go on. */
static void written(conn *c, size_t r) {
    pthread_mutex_lock(&c->lock);
    c->out_sent += r;
    if (c->out_sent == c->out.len) {
        mal_buf_reset(&c->out);
        c->out_sent = 0;
    } else if (c->out_sent >= MAL_NET_QUEUE) {
        memmove(c->out.ptr, c->out.ptr + c->out_sent, c->out.len - c->out_sent);
        c->out.len -= c->out_sent;
        c->out_sent = 0;
    }
    if (c->crowded && c->out.len - c->out_sent <= MAL_NET_QUEUE / 2) {
        c->crowded = false;
        for (stream *s = c->streams; s; s = s->next)
            pthread_cond_broadcast(&s->changed);
    }
    pthread_mutex_unlock(&c->lock);
}

/* After WANT_WRITE the same bytes come again, perhaps with more behind them;
 * both modes that this needs are set in tls.c. */
static mal_err write_some(conn *c, uint8_t chunk[RECORD_MAX], bool *idle) {
    pthread_mutex_lock(&c->lock);
    size_t left = c->out.len - c->out_sent;
    size_t n = left < RECORD_MAX ? left : RECORD_MAX;
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
    written(c, (size_t)r);
    return MAL_OK;
}

/* A connection shows the certificate that it was opened with: an idle one of
 * yesterday gives way to one with today's. */
static bool outlived(conn *c, uint64_t now) {
    if (now - c->born_ns < (uint64_t)MAL_NET_AGE_S * 1000000000)
        return false;
    pthread_mutex_lock(&c->lock);
    bool idle = c->stream_count == 0;
    pthread_mutex_unlock(&c->lock);
    return idle;
}

static mal_err check_silence(conn *c) {
    uint64_t now = mal_time_monotonic_ns();
    uint64_t limit = (uint64_t)c->net->config.silence_ms * 1000000;
    MAL_REQUIRE(now - c->heard_ns < limit, MAL_E_PEER,
                "the peer sent no whole frame for %u ms",
                c->net->config.silence_ms);
    MAL_REQUIRE(!outlived(c, now), MAL_E_PEER,
                "the connection is a day old and idle: it is renewed");
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
    MAL_TRY(write_some(c, in->chunk, &write_idle));
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

static void run(void *arg) {
    conn *c = arg;
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
}

/* Only now, under the lock that mal_net_disallow and mal_net_close take, is it
 * sure that the peer is still pinned and the endpoint open. */
static mal_err add_locked(mal_net *net, conn *c) {
    unsigned same = 0;
    for (conn *other = net->conns; other; other = other->next)
        same += mal_equal(other->peer, c->peer, 32);
    MAL_REQUIRE(!atomic_load(&net->closing), MAL_E_STATE,
                "the endpoint is closing");
    MAL_REQUIRE(net_pinned_locked(net, c->peer), MAL_E_AUTH,
                "the peer is no longer a party");
    MAL_REQUIRE(net->conn_count < MAL_NET_CONNECTIONS_MAX, MAL_E_LIMIT,
                "more than %d connections", MAL_NET_CONNECTIONS_MAX);
    MAL_REQUIRE(same < MAL_NET_PEER_MAX, MAL_E_LIMIT,
                "more than %d connections with one peer", MAL_NET_PEER_MAX);
    c->next = net->conns;
    net->conns = c;
    net->conn_count++;
    return MAL_OK;
}

/* One reference is the caller's, one the io thread's. */
static mal_err start(mal_net *net, conn *c) {
    c->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    MAL_REQUIRE(c->wake >= 0, MAL_E_IO, "no descriptor for a connection");
    c->refs = 2;
    pthread_mutex_lock(&net->lock);
    mal_err err = add_locked(net, c);
    pthread_mutex_unlock(&net->lock);
    if (err == MAL_OK) {
        err = net_spawn(net, run, c);
        if (err == MAL_OK)
            return MAL_OK;
        /* Others may have found it by now: it is dead to them. */
        pthread_mutex_lock(&c->lock);
        net_conn_kill_locked(c, mal_err_message());
        pthread_mutex_unlock(&c->lock);
        forget(c);
    }
    net_conn_unref(c);
    return err;
}

mal_err net_conn_start(mal_net *net, SSL *ssl, int fd, bool dialler,
                       const uint8_t peer[32], conn **out) {
    conn *c = NULL;
    mal_err err = net_conn_new(&c, net, dialler, peer);
    if (err == MAL_OK) {
        c->ssl = ssl;
        c->fd = fd;
        err = start(net, c);
    }
    if (err != MAL_OK) {
        if (c)
            net_conn_unref(c);
        SSL_free(ssl);
        close(fd);
        return mal_err_trace(err, __FILE__, __LINE__);
    }
    *out = c;
    return MAL_OK;
}
