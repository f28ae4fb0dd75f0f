/* endpoint.c - opening, listening, closing. */
#include "net_impl.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define HANDSHAKES_MAX 64 /* of strangers at one time */

/* --- Opening and closing ------------------------------------------------- */

static mal_err check_config(const mal_net_config *config) {
    MAL_REQUIRE(config->node_sec && config->node_sec->len == 64, MAL_E_INPUT,
                "an endpoint needs an Ed25519 node key");
    MAL_REQUIRE(!config->build || net_printable(mal_bytes_str(config->build)),
                MAL_E_INPUT, "the build's name is not printable");
    return MAL_OK;
}

mal_err mal_net_open(mal_net **out, const mal_net_config *config) {
    MAL_TRY(check_config(config));
    mal_net *net = mal_calloc(1, sizeof *net);
    if (!net)
        return MAL_E_MEMORY;
    /* OpenSSL writes with write(2): a peer that is gone must be an error. */
    signal(SIGPIPE, SIG_IGN);
    net->config = *config;
    net->config.build = config->build ? config->build : "";
    net->config.dial_ms = config->dial_ms ? config->dial_ms : 10000;
    net->config.silence_ms = config->silence_ms ? config->silence_ms : 30000;
    net->config.stream_ms = config->stream_ms ? config->stream_ms : 120000;
    net->serve = net_serve;
    net->listen_fd = net->listen_wake = -1;
    pthread_mutex_init(&net->lock, NULL);
    pthread_cond_init(&net->changed, NULL);
    net_threads_init(net);
    mal_err err = net_tls_new(&net->tls, net);
    if (err != MAL_OK) {
        mal_net_close(net);
        return mal_err_trace(err, __FILE__, __LINE__);
    }
    *out = net;
    return MAL_OK;
}

static void wake_listener(mal_net *net) {
    uint64_t one = 1;
    if (net->listen_wake >= 0 && write(net->listen_wake, &one, sizeof one) < 0)
        shutdown(net->listen_fd, SHUT_RD);
}

mal_err mal_net_rekey(mal_net *net, const mal_key *node_sec,
                      mal_bytes cert_node) {
    const mal_net_config old = net->config;
    SSL_CTX *fresh;
    MAL_REQUIRE(node_sec && node_sec->len == 64, MAL_E_INPUT,
                "an endpoint needs an Ed25519 node key");
    net->config.node_sec = node_sec;
    net->config.cert_node = cert_node;
    mal_err err = net_tls_new(&fresh, net);
    if (err != MAL_OK) {
        net->config.node_sec = old.node_sec;
        net->config.cert_node = old.cert_node;
        return err;
    }
    pthread_mutex_lock(&net->lock);
    SSL_CTX *before = net->tls;
    net->tls = fresh;
    pthread_mutex_unlock(&net->lock);
    SSL_CTX_free(before); /* handshakes under way hold it still */
    return MAL_OK;
}

void mal_net_close(mal_net *net) {
    if (!net)
        return;
    pthread_mutex_lock(&net->lock);
    atomic_store(&net->closing, true);
    net_conns_kill_locked(net, NULL, "this endpoint was closed");
    pthread_mutex_unlock(&net->lock);
    wake_listener(net);
    net_threads_join(net);
    mal_fd_auto(&net->listen_fd);
    mal_fd_auto(&net->listen_wake);
    SSL_CTX_free(net->tls);
    net_threads_clear(net);
    pthread_mutex_destroy(&net->lock);
    pthread_cond_destroy(&net->changed);
    mal_free(net->pins);
    mal_free(net);
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

/* --- Listening ----------------------------------------------------------- */

typedef struct arrival {
    mal_net *net;
    int fd;
} arrival;

static void greet(void *arg) {
    arrival a = *(arrival *)arg;
    mal_free(arg);
    SSL *ssl;
    uint8_t peer[32];
    conn *c;
    uint64_t deadline =
        mal_time_monotonic_ns() + (uint64_t)a.net->config.dial_ms * 1000000;
    if (net_tls_shake(&ssl, peer, a.net, a.fd, false, NULL, deadline) != MAL_OK)
        close(a.fd);
    else if (net_conn_start(a.net, ssl, a.fd, false, peer, &c) == MAL_OK)
        net_conn_unref(c);
    atomic_fetch_sub(&a.net->handshakes, 1);
}

static void admit(mal_net *net, int fd) {
    arrival *a = mal_calloc(1, sizeof *a);
    bool room = atomic_fetch_add(&net->handshakes, 1) < HANDSHAKES_MAX;
    if (a && room) {
        *a = (arrival){ net, fd };
        net_socket_options(fd);
        if (net_spawn(net, greet, a) == MAL_OK)
            return;
    }
    atomic_fetch_sub(&net->handshakes, 1);
    mal_free(a);
    close(fd);
}

static void listen_loop(void *arg) {
    mal_net *net = arg;
    while (!atomic_load(&net->closing)) {
        struct pollfd p[2] = { { .fd = net->listen_wake, .events = POLLIN },
                               { .fd = net->listen_fd, .events = POLLIN } };
        poll(p, 2, 1000);
        if (!(p[1].revents & POLLIN))
            continue;
        int fd = accept4(net->listen_fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            admit(net, fd);
        else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            poll(p, 1, SLICE_MS); /* no descriptors: they come back */
    }
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

static int bound_socket(const struct addrinfo *at) {
    int one = 1;
    int fd =
        socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 &&
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
        bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, 128) == 0)
        return fd;
    int why = errno;
    mal_fd_auto(&fd);
    errno = why;
    return -1;
}

mal_err mal_net_listen(mal_net *net, const char *host, uint16_t port,
                       uint16_t *bound) {
    MAL_REQUIRE(net->listen_fd < 0, MAL_E_STATE, "already listening");
    struct addrinfo *list;
    MAL_TRY(net_resolve(&list, host, port, true));
    int fd = bound_socket(list), why = errno;
    freeaddrinfo(list);
    MAL_REQUIRE(fd >= 0, MAL_E_IO, "cannot listen on %s port %u: %s", host,
                port, strerror(why));
    net->listen_fd = fd;
    net->listen_wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    mal_err err = net->listen_wake < 0
                      ? mal_err_set(MAL_E_IO, __FILE__, __LINE__,
                                    "no descriptor to listen")
                      : net_spawn(net, listen_loop, net);
    if (err != MAL_OK) {
        mal_fd_auto(&net->listen_fd);
        mal_fd_auto(&net->listen_wake);
        net->listen_fd = net->listen_wake = -1;
        return err;
    }
    *bound = port_of(fd);
    return MAL_OK;
}
