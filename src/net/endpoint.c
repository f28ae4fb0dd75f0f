/* endpoint.c - listening, dialling, and the pins. */
#include "net_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define HANDSHAKES_MAX 64 /* of strangers at one time */

bool net_pinned(mal_net *net, const uint8_t identity[32]) {
    bool found = false;
    pthread_mutex_lock(&net->lock);
    for (size_t i = 0; i < net->pin_count; i++)
        found |= mal_equal(net->pins[i], identity, 32);
    pthread_mutex_unlock(&net->lock);
    return found;
}

mal_err mal_net_allow(mal_net *net, const uint8_t identity[32]) {
    if (net_pinned(net, identity))
        return MAL_OK;
    pthread_mutex_lock(&net->lock);
    uint8_t(*pins)[32] =
        mal_realloc(net->pins, net->pin_count * 32, (net->pin_count + 1) * 32);
    if (pins) {
        net->pins = pins;
        memcpy(pins[net->pin_count++], identity, 32);
    }
    pthread_mutex_unlock(&net->lock);
    return pins ? MAL_OK : MAL_E_MEMORY;
}

static void kill_conns_locked(mal_net *net, const uint8_t *identity,
                              const char *why) {
    for (conn *c = net->conns; c; c = c->next)
        if (!identity || mal_equal(c->peer, identity, 32)) {
            pthread_mutex_lock(&c->lock);
            net_conn_kill_locked(c, why);
            pthread_mutex_unlock(&c->lock);
        }
}

void mal_net_disallow(mal_net *net, const uint8_t identity[32]) {
    pthread_mutex_lock(&net->lock);
    for (size_t i = 0; i < net->pin_count; i++)
        if (mal_equal(net->pins[i], identity, 32)) {
            memmove(net->pins[i], net->pins[net->pin_count - 1], 32);
            net->pin_count--;
            break;
        }
    kill_conns_locked(net, identity, "the peer is no longer a party");
    pthread_mutex_unlock(&net->lock);
}

mal_err net_spawn(mal_net *net, void *(*run)(void *), void *arg) {
    pthread_attr_t attr;
    pthread_t thread;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    __atomic_add_fetch(&net->threads, 1, __ATOMIC_SEQ_CST);
    int r = pthread_create(&thread, &attr, run, arg);
    pthread_attr_destroy(&attr);
    if (r != 0) {
        __atomic_sub_fetch(&net->threads, 1, __ATOMIC_SEQ_CST);
        MAL_FAIL(MAL_E_LIMIT, "no thread for a connection: %s", strerror(r));
    }
    return MAL_OK;
}

void net_thread_end(mal_net *net) {
    pthread_mutex_lock(&net->lock);
    __atomic_sub_fetch(&net->threads, 1, __ATOMIC_SEQ_CST);
    pthread_cond_broadcast(&net->changed);
    pthread_mutex_unlock(&net->lock);
}

mal_err mal_net_open(mal_net **out, const mal_net_config *config) {
    MAL_REQUIRE(config->node_sec && config->node_sec->len == 64, MAL_E_INPUT,
                "an endpoint needs an Ed25519 node key");
    mal_net *net = mal_calloc(1, sizeof *net);
    if (!net)
        return MAL_E_MEMORY;
    /* OpenSSL writes with write(2): a peer that is gone must be an error. */
    signal(SIGPIPE, SIG_IGN);
    net->config = *config;
    net->config.dial_ms = config->dial_ms ? config->dial_ms : 10000;
    net->config.silence_ms = config->silence_ms ? config->silence_ms : 30000;
    net->config.stream_ms = config->stream_ms ? config->stream_ms : 120000;
    net->listen_fd = net->listen_wake = -1;
    pthread_mutex_init(&net->lock, NULL);
    pthread_cond_init(&net->changed, NULL);
    mal_err err = net_tls_new(&net->tls, net);
    if (err != MAL_OK) {
        mal_net_close(net);
        return mal_err_trace(err, __FILE__, __LINE__);
    }
    *out = net;
    return MAL_OK;
}

void mal_net_close(mal_net *net) {
    if (!net)
        return;
    pthread_mutex_lock(&net->lock);
    net->closing = true;
    kill_conns_locked(net, NULL, "this endpoint was closed");
    if (net->listen_wake >= 0) {
        uint64_t one = 1;
        if (write(net->listen_wake, &one, sizeof one) < 0)
            shutdown(net->listen_fd, SHUT_RD);
    }
    while (__atomic_load_n(&net->threads, __ATOMIC_SEQ_CST) > 0)
        pthread_cond_wait(&net->changed, &net->lock);
    pthread_mutex_unlock(&net->lock);
    mal_fd_auto(&net->listen_fd);
    mal_fd_auto(&net->listen_wake);
    SSL_CTX_free(net->tls);
    pthread_mutex_destroy(&net->lock);
    pthread_cond_destroy(&net->changed);
    mal_free(net->pins);
    mal_free(net);
}

static void set_options(int fd) {
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

/* --- Listening -------------------------------------------------------------
 */

typedef struct arrival {
    mal_net *net;
    int fd;
} arrival;

static void *greet(void *arg) {
    arrival a = *(arrival *)arg;
    mal_free(arg);
    SSL *ssl;
    uint8_t peer[32];
    conn *c;
    if (net_tls_shake(&ssl, peer, a.net, a.fd, false, NULL) != MAL_OK)
        close(a.fd);
    else if (net_conn_start(a.net, ssl, a.fd, false, peer, &c) == MAL_OK)
        net_conn_unref(c);
    __atomic_sub_fetch(&a.net->handshakes, 1, __ATOMIC_SEQ_CST);
    net_thread_end(a.net);
    return NULL;
}

static void admit(mal_net *net, int fd) {
    arrival *a = mal_calloc(1, sizeof *a);
    if (a &&
        __atomic_load_n(&net->handshakes, __ATOMIC_SEQ_CST) < HANDSHAKES_MAX) {
        *a = (arrival){ net, fd };
        set_options(fd);
        __atomic_add_fetch(&net->handshakes, 1, __ATOMIC_SEQ_CST);
        if (net_spawn(net, greet, a) == MAL_OK)
            return;
        __atomic_sub_fetch(&net->handshakes, 1, __ATOMIC_SEQ_CST);
    }
    mal_free(a);
    close(fd);
}

static void *listen_loop(void *arg) {
    mal_net *net = arg;
    for (;;) {
        struct pollfd p[2] = { { .fd = net->listen_fd, .events = POLLIN },
                               { .fd = net->listen_wake, .events = POLLIN } };
        poll(p, 2, 1000);
        pthread_mutex_lock(&net->lock);
        bool closing = net->closing;
        pthread_mutex_unlock(&net->lock);
        if (closing)
            break;
        int fd = p[0].revents & POLLIN
                     ? accept4(net->listen_fd, NULL, NULL, SOCK_CLOEXEC)
                     : -1;
        if (fd >= 0)
            admit(net, fd);
    }
    net_thread_end(net);
    return NULL;
}

static mal_err resolve(struct addrinfo **list, const char *host, uint16_t port,
                       bool passive) {
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                              .ai_flags =
                                  AI_NUMERICSERV | (passive ? AI_PASSIVE : 0) };
    int r = getaddrinfo(host, service, &hints, list);
    MAL_REQUIRE(r == 0, MAL_E_PEER, "cannot resolve %s: %s", host,
                gai_strerror(r));
    return MAL_OK;
}

static uint16_t port_of(int fd) {
    struct sockaddr_storage at;
    socklen_t len = sizeof at;
    if (getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        return 0;
    return ntohs(at.ss_family == AF_INET6
                     ? ((struct sockaddr_in6 *)&at)->sin6_port
                     : ((struct sockaddr_in *)&at)->sin_port);
}

mal_err mal_net_listen(mal_net *net, const char *host, uint16_t port,
                       uint16_t *bound) {
    MAL_REQUIRE(net->listen_fd < 0, MAL_E_STATE, "already listening");
    struct addrinfo *list;
    MAL_TRY(resolve(&list, host, port, true));
    int fd =
        socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int one = 1;
    bool ok = fd >= 0 &&
              setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
              bind(fd, list->ai_addr, list->ai_addrlen) == 0 &&
              listen(fd, 128) == 0;
    int why = errno;
    freeaddrinfo(list);
    if (!ok) {
        mal_fd_auto(&fd);
        MAL_FAIL(MAL_E_IO, "cannot listen on %s port %u: %s", host, port,
                 strerror(why));
    }
    net->listen_fd = fd;
    net->listen_wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    MAL_REQUIRE(net->listen_wake >= 0, MAL_E_IO, "no descriptor to listen");
    *bound = port_of(fd);
    return net_spawn(net, listen_loop, net);
}

/* --- Dialling ---------------------------------------------------------------
 */

static mal_err connect_to(int *out, const struct addrinfo *to, unsigned ms) {
    MAL_AUTO(mal_fd_auto)
    int fd =
        socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    MAL_REQUIRE(fd >= 0, MAL_E_IO, "no descriptor to dial");
    int r = connect(fd, to->ai_addr, to->ai_addrlen);
    if (r != 0 && errno == EINPROGRESS) {
        struct pollfd p = { .fd = fd, .events = POLLOUT };
        MAL_REQUIRE(poll(&p, 1, (int)ms) == 1, MAL_E_TIMEOUT,
                    "the peer did not answer within %u ms", ms);
        int why = 0;
        socklen_t len = sizeof why;
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &len);
        errno = why;
        r = why ? -1 : 0;
    }
    MAL_REQUIRE(r == 0, MAL_E_PEER, "the peer cannot be reached: %s",
                strerror(errno));
    set_options(fd);
    *out = fd;
    fd = -1;
    return MAL_OK;
}

static mal_err dial(mal_net *net, const uint8_t identity[32], const char *host,
                    uint16_t port, conn **out) {
    MAL_REQUIRE(net_pinned(net, identity), MAL_E_AUTH,
                "that identity is not one that the contract pins");
    struct addrinfo *list;
    MAL_TRY(resolve(&list, host, port, false));
    int fd = -1;
    mal_err err = MAL_E_PEER;
    for (const struct addrinfo *a = list; a && err != MAL_OK; a = a->ai_next)
        err = connect_to(&fd, a, net->config.dial_ms);
    freeaddrinfo(list);
    MAL_TRY(err);
    SSL *ssl;
    uint8_t peer[32];
    err = net_tls_shake(&ssl, peer, net, fd, true, identity);
    if (err != MAL_OK) {
        close(fd);
        return err;
    }
    return net_conn_start(net, ssl, fd, true, peer, out);
}

/* A live connection to the identity, with a reference; NULL if there is none.
 */
static conn *find(mal_net *net, const uint8_t identity[32]) {
    conn *found = NULL;
    pthread_mutex_lock(&net->lock);
    for (conn *c = net->conns; c && !found; c = c->next) {
        pthread_mutex_lock(&c->lock);
        if (!c->dead && mal_equal(c->peer, identity, 32)) {
            c->refs++;
            found = c;
        }
        pthread_mutex_unlock(&c->lock);
    }
    pthread_mutex_unlock(&net->lock);
    return found;
}

static mal_err open_on(conn *c, const char *label, mal_chan **chan) {
    pthread_mutex_lock(&c->lock);
    stream *s = NULL;
    mal_err err = MAL_OK;
    if (c->dead)
        err = mal_err_set(MAL_E_PEER, __FILE__, __LINE__, "%s", c->why);
    if (err == MAL_OK)
        err = net_stream_new(&s, c, c->next_id, label);
    if (err == MAL_OK) {
        c->next_id += 2;
        if (net_frame_put(&c->out, s->id, MAL_NET_OPEN, mal_bytes_str(label)) !=
            MAL_OK)
            net_conn_kill_locked(c, "out of memory on the connection");
    }
    net_conn_wake(c);
    pthread_mutex_unlock(&c->lock);
    if (err == MAL_OK)
        *chan = &s->chan;
    return err;
}

mal_err mal_net_stream(mal_net *net, const uint8_t identity[32],
                       const char *host, uint16_t port, const char *label,
                       mal_chan **chan) {
    size_t len = strnlen(label, MAL_NET_LABEL_MAX + 1);
    MAL_REQUIRE(len >= 1 && len <= MAL_NET_LABEL_MAX, MAL_E_LIMIT,
                "a stream's label has 1 to %d bytes", MAL_NET_LABEL_MAX);
    conn *c = find(net, identity);
    if (c) {
        mal_err err = open_on(c, label, chan);
        net_conn_unref(c);
        if (err == MAL_OK || err == MAL_E_LIMIT)
            return err; /* else it died just now: dial anew */
    }
    MAL_TRY(dial(net, identity, host, port, &c));
    mal_err err = open_on(c, label, chan);
    net_conn_unref(c);
    return err;
}

void mal_net_peer_build(mal_net *net, const uint8_t identity[32],
                        char out[MAL_NET_BUILD_MAX + 1]) {
    out[0] = 0;
    conn *c = find(net, identity);
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    memcpy(out, c->build, sizeof c->build);
    pthread_mutex_unlock(&c->lock);
    net_conn_unref(c);
}

void mal_net_count(mal_net *net, unsigned *connections, unsigned *streams) {
    *connections = *streams = 0;
    pthread_mutex_lock(&net->lock);
    for (conn *c = net->conns; c; c = c->next) {
        pthread_mutex_lock(&c->lock);
        *connections += 1;
        *streams += c->stream_count;
        pthread_mutex_unlock(&c->lock);
    }
    pthread_mutex_unlock(&net->lock);
}
