/* dial.c - the way to a peer: the connection that there is, or a new one. */
#include "net_impl.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static mal_err connect_to(int *out, mal_net *net, const struct addrinfo *to,
                          uint64_t deadline_ns) {
    MAL_AUTO(mal_fd_auto)
    int fd =
        socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    MAL_REQUIRE(fd >= 0, MAL_E_IO, "no descriptor to dial");
    int why = connect(fd, to->ai_addr, to->ai_addrlen) == 0 ? 0 : errno;
    if (why == EINPROGRESS) {
        MAL_TRY(net_wait_fd(net, fd, POLLOUT, deadline_ns));
        socklen_t len = sizeof why;
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &len) != 0)
            why = errno;
    }
    MAL_REQUIRE(why == 0, MAL_E_PEER, "the peer cannot be reached: %s",
                strerror(why));
    net_socket_options(fd);
    *out = fd;
    fd = -1;
    return MAL_OK;
}

/* *out carries a reference. */
static mal_err dial(mal_net *net, const uint8_t identity[32], const char *host,
                    uint16_t port, conn **out) {
    uint64_t deadline =
        mal_time_monotonic_ns() + (uint64_t)net->config.dial_ms * 1000000;
    MAL_REQUIRE(net_pinned(net, identity), MAL_E_AUTH,
                "that identity is not one that the contract pins");
    struct addrinfo *list;
    MAL_TRY(net_resolve(&list, host, port, false));
    int fd = -1;
    mal_err err = MAL_E_PEER;
    for (const struct addrinfo *a = list; a && err != MAL_OK; a = a->ai_next)
        err = connect_to(&fd, net, a, deadline);
    freeaddrinfo(list);
    MAL_TRY(err);
    SSL *ssl;
    uint8_t peer[32];
    err = net_tls_shake(&ssl, peer, net, fd, true, identity, deadline);
    if (err != MAL_OK) {
        close(fd);
        return mal_err_trace(err, __FILE__, __LINE__);
    }
    return net_conn_start(net, ssl, fd, true, peer, out);
}

/* --- One dials, all wait ------------------------------------------------- */

/* A live connection to the identity, with a reference; NULL if there is none.
 * One whose stream numbers are used up serves out its time. */
static conn *find_locked(mal_net *net, const uint8_t identity[32]) {
    conn *found = NULL;
    for (conn *c = net->conns; c && !found; c = c->next) {
        pthread_mutex_lock(&c->lock);
        if (!c->dead && c->next_id < UINT32_MAX - 2 &&
            mal_equal(c->peer, identity, 32)) {
            c->refs++;
            found = c;
        }
        pthread_mutex_unlock(&c->lock);
    }
    return found;
}

static void dial_unref_locked(net_dial *d) {
    if (--d->refs == 0)
        mal_free(d);
}

/* Another thread dials: its outcome is ours. */
static mal_err share_locked(mal_net *net, net_dial *d) {
    d->refs++;
    while (!d->over)
        pthread_cond_wait(&net->changed, &net->lock);
    mal_err err = d->err;
    if (err != MAL_OK)
        err = mal_err_set(err, __FILE__, __LINE__, "%s", d->why);
    dial_unref_locked(d);
    return err;
}

static mal_err dial_locked(mal_net *net, const uint8_t identity[32],
                           const char *host, uint16_t port, conn **out) {
    net_dial *d = mal_calloc(1, sizeof *d);
    if (!d)
        return MAL_E_MEMORY;
    memcpy(d->identity, identity, 32);
    d->refs = 1;
    d->next = net->dials;
    net->dials = d;
    pthread_mutex_unlock(&net->lock);
    mal_err err = dial(net, identity, host, port, out);
    pthread_mutex_lock(&net->lock);
    net_dial **at = &net->dials;
    while (*at != d)
        at = &(*at)->next;
    *at = d->next;
    d->over = true;
    d->err = err;
    size_t n = strnlen(mal_err_message(), sizeof d->why - 1);
    memcpy(d->why, mal_err_message(), n);
    pthread_cond_broadcast(&net->changed);
    dial_unref_locked(d);
    return err;
}

/* *out carries a reference. */
static mal_err reach(mal_net *net, const uint8_t identity[32], const char *host,
                     uint16_t port, conn **out) {
    mal_err err = MAL_OK;
    pthread_mutex_lock(&net->lock);
    *out = find_locked(net, identity);
    net_dial *d = net->dials;
    while (d && !mal_equal(d->identity, identity, 32))
        d = d->next;
    if (!*out && d) {
        err = share_locked(net, d);
        if (err == MAL_OK)
            *out = find_locked(net, identity);
        if (err == MAL_OK && !*out)
            err = mal_err_set(MAL_E_PEER, __FILE__, __LINE__,
                              "the connection ended as soon as it was made");
    } else if (!*out) {
        err = dial_locked(net, identity, host, port, out);
    }
    pthread_mutex_unlock(&net->lock);
    return err;
}

/* --- Streams ------------------------------------------------------------- */

static mal_err open_locked(conn *c, mal_bytes label, mal_chan **chan) {
    stream *s;
    MAL_REQUIRE(!c->dead, MAL_E_PEER, "%s", c->why);
    MAL_TRY(net_stream_new(&s, c, c->next_id, label));
    mal_err err = net_frame_put(&c->out, s->id, MAL_NET_OPEN, label);
    if (err != MAL_OK) {
        net_stream_undo(s);
        return err;
    }
    c->next_id += 2;
    net_conn_wake(c);
    *chan = &s->chan;
    return MAL_OK;
}

mal_err mal_net_stream(mal_net *net, const uint8_t identity[32],
                       const char *host, uint16_t port, const char *label,
                       mal_chan **chan) {
    mal_bytes text = mal_bytes_str(label);
    MAL_REQUIRE(text.len >= 1 && text.len <= MAL_NET_LABEL_MAX &&
                    net_printable(text),
                MAL_E_LIMIT, "a stream's label has 1 to %d printable bytes",
                MAL_NET_LABEL_MAX);
    mal_err err = MAL_E_PEER;
    for (int tries = 0; tries < 2 && err == MAL_E_PEER; tries++) {
        conn *c;
        MAL_TRY(reach(net, identity, host, port, &c));
        pthread_mutex_lock(&c->lock);
        err = open_locked(c, text, chan); /* MAL_E_PEER: it died just now */
        net_conn_unref_locked(c);
    }
    return err;
}

void mal_net_peer_build(mal_net *net, const uint8_t identity[32],
                        char out[MAL_NET_BUILD_MAX + 1]) {
    out[0] = 0;
    pthread_mutex_lock(&net->lock);
    conn *c = find_locked(net, identity);
    pthread_mutex_unlock(&net->lock);
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    memcpy(out, c->build, sizeof c->build);
    net_conn_unref_locked(c);
}
