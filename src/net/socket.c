/* socket.c - names to addresses, a socket's options, and waiting for one. */
#include "net_impl.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

void net_socket_options(int fd) {
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

mal_err net_wait_fd(mal_net *net, int fd, short events, uint64_t deadline_ns) {
    for (;;) {
        uint64_t now = mal_time_monotonic_ns();
        MAL_REQUIRE(!atomic_load(&net->closing), MAL_E_STATE,
                    "the endpoint is closing");
        MAL_REQUIRE(now < deadline_ns, MAL_E_TIMEOUT,
                    "the peer did not answer within %u ms",
                    net->config.dial_ms);
        uint64_t left = (deadline_ns - now) / 1000000 + 1;
        struct pollfd p = { .fd = fd, .events = events };
        if (poll(&p, 1, (int)(left < SLICE_MS ? left : SLICE_MS)) > 0)
            return MAL_OK;
    }
}

mal_err net_resolve(struct addrinfo **list, const char *host, uint16_t port,
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
