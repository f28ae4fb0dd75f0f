/* conn.c - a connection: born, woken, killed, let go of.
 *
 * Knows nothing of TLS and starts no thread, so that the fuzz target can make
 * one.  The thread that reads and writes it is io.c.
 */
#include "net_impl.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define OUT_MAX ((size_t)8 * MAL_NET_QUEUE) /* with what is written already */

mal_err net_conn_new(conn **out, mal_net *net, bool dialler,
                     const uint8_t peer[32]) {
    conn *c = mal_calloc(1, sizeof *c);
    if (!c)
        return MAL_E_MEMORY;
    *c = (conn){ .net = net,
                 .fd = -1,
                 .wake = -1,
                 .refs = 1,
                 .dialler = dialler,
                 .next_id = dialler ? 1 : 2,
                 .out.max = OUT_MAX };
    memcpy(c->peer, peer, 32);
    pthread_mutex_init(&c->lock, NULL);
    c->heard_ns = c->pinged_ns = c->born_ns = mal_time_monotonic_ns();
    mal_err err = net_frame_put(
        &c->out, 0, MAL_NET_HELLO,
        mal_bytes_of(net->config.build,
                     strnlen(net->config.build, MAL_NET_BUILD_MAX)));
    if (err != MAL_OK) {
        net_conn_unref(c);
        return err;
    }
    *out = c;
    return MAL_OK;
}

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

void net_conns_kill_locked(mal_net *net, const uint8_t *identity,
                           const char *why) {
    for (conn *c = net->conns; c; c = c->next)
        if (!identity || mal_equal(c->peer, identity, 32)) {
            pthread_mutex_lock(&c->lock);
            net_conn_kill_locked(c, why);
            pthread_mutex_unlock(&c->lock);
        }
}

void net_conn_unref(conn *c) {
    pthread_mutex_lock(&c->lock);
    net_conn_unref_locked(c);
}

void net_conn_unref_locked(conn *c) {
    bool last = --c->refs == 0;
    pthread_mutex_unlock(&c->lock);
    if (!last)
        return;
    pthread_mutex_destroy(&c->lock);
    mal_fd_auto(&c->wake);
    mal_buf_clear(&c->out);
    mal_free(c);
}
