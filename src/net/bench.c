/* bench.c - bytes over TLS on loopback, and the same bytes over bare TCP. */
#include "net_impl.h"

#include <malus/prim.h>

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MESSAGE ((size_t)64 << 10)
#define HEADER_BYTES (MESSAGE / MAL_NET_FRAME_MAX * MAL_NET_HEADER)

typedef struct watch {
    uint64_t wall, cpu;
} watch;

static watch watch_start(void) {
    return (watch){ mal_time_monotonic_ns(), mal_time_cpu_ns() };
}

static mal_err put_line(mal_buf *lines, const char *name, uint64_t rows,
                        uint64_t bytes, watch start) {
    double wall = (double)(mal_time_monotonic_ns() - start.wall);
    double cpu = (double)(mal_time_cpu_ns() - start.cpu);
    return mal_buf_put_fmt(
        lines,
        "{\"engine\":\"net\",\"name\":\"%s\",\"rows\":%llu,\"threads\":1,"
        "\"seconds\":%.6f,\"cpu_seconds\":%.6f,\"bytes\":%llu,"
        "\"ns_per_row\":%.1f,\"bytes_per_second\":%.0f,"
        "\"cpu_ns_per_byte\":%.3f}\n",
        name, (unsigned long long)rows, wall * 1e-9, cpu * 1e-9,
        (unsigned long long)bytes, wall / (double)rows,
        (double)bytes / (wall * 1e-9), cpu / (double)bytes);
}

/* --- Over an endpoint ---------------------------------------------------- */

typedef struct side {
    uint8_t identity[32], node[32];
    mal_key identity_sec, node_sec;
    mal_buf cert_node, cert_identity;
    mal_net *net;
    uint64_t rows;
} side;

#define ROUND 64

/* Sends back whatever comes. */
static void echo_rows(mal_chan *chan) {
    uint8_t in[ROUND];
    while (mal_chan_recv_exact(chan, in, ROUND) == MAL_OK &&
           mal_chan_send(chan, mal_bytes_of(in, ROUND)) == MAL_OK)
        continue;
    mal_err_forget(); /* the other side is done */
    mal_chan_close(&chan);
}

/* Takes the rows, then says so. */
static void take_rows(void *ctx, const uint8_t peer[32], const char *label,
                      mal_chan *chan) {
    side *s = ctx;
    (void)peer;
    if (strcmp(label, "round") == 0) {
        echo_rows(chan);
        return;
    }
    MAL_AUTO(mal_buf_clear) mal_buf in = { 0 };
    mal_err err = MAL_OK;
    for (uint64_t i = 0; i < s->rows && err == MAL_OK; i++)
        err = mal_chan_recv(chan, &in, MESSAGE);
    if (err == MAL_OK && mal_chan_send(chan, mal_bytes_of("k", 1)) != MAL_OK)
        mal_err_forget(); /* the other side sees it as well */
    mal_chan_close(&chan);
}

static mal_err side_open(side *s, uint64_t rows) {
    uint64_t now = mal_time_unix();
    s->rows = rows;
    MAL_TRY(mal_prim_sign_keygen(s->identity, &s->identity_sec));
    MAL_TRY(mal_prim_sign_keygen(s->node, &s->node_sec));
    MAL_TRY(
        mal_prim_cert_identity(&s->cert_identity, "bench", &s->identity_sec));
    MAL_TRY(mal_prim_cert_node(&s->cert_node, "bench", s->node,
                               &s->identity_sec, now - 60, now + 3600));
    mal_net_config config = { .node_sec = &s->node_sec,
                              .cert_node = mal_buf_view(&s->cert_node),
                              .cert_identity = mal_buf_view(&s->cert_identity),
                              .on_stream = take_rows,
                              .ctx = s };
    return mal_net_open(&s->net, &config);
}

static void side_clear(side *s) {
    mal_net_close(s->net);
    mal_key_clear(&s->identity_sec);
    mal_key_clear(&s->node_sec);
    mal_buf_clear(&s->cert_node);
    mal_buf_clear(&s->cert_identity);
}

static mal_err send_rows(mal_buf *lines, mal_chan *chan, uint64_t rows) {
    static const uint8_t message[MESSAGE];
    uint8_t answer[1];
    watch start = watch_start();
    for (uint64_t i = 0; i < rows; i++)
        MAL_TRY(mal_chan_send(chan, mal_bytes_of(message, sizeof message)));
    MAL_TRY(mal_chan_recv_exact(chan, answer, 1));
    return put_line(lines, "tls-loopback", rows,
                    rows * (MESSAGE + HEADER_BYTES), start);
}

/* There and back, one after the other. */
static mal_err send_rounds(mal_buf *lines, mal_chan *chan, uint64_t rows) {
    uint8_t message[ROUND] = { 0 };
    watch start = watch_start();
    for (uint64_t i = 0; i < rows; i++) {
        MAL_TRY(mal_chan_send(chan, mal_bytes_of(message, ROUND)));
        MAL_TRY(mal_chan_recv_exact(chan, message, ROUND));
    }
    return put_line(lines, "tls-round", rows, 2 * rows * ROUND, start);
}

static mal_err over_tls(mal_buf *lines, const char *only, side *from, side *to,
                        uint64_t rows) {
    uint16_t port;
    mal_chan *chan;
    mal_err err = MAL_OK;
    MAL_TRY(side_open(from, rows));
    MAL_TRY(side_open(to, rows));
    MAL_TRY(mal_net_allow(from->net, to->identity));
    MAL_TRY(mal_net_allow(to->net, from->identity));
    MAL_TRY(mal_net_listen(to->net, "127.0.0.1", 0, &port));
    for (unsigned i = 0; i < 2 && err == MAL_OK; i++) {
        if (only && strcmp(only, i ? "tls-round" : "tls-loopback") != 0)
            continue;
        MAL_TRY(mal_net_stream(from->net, to->identity, "127.0.0.1", port,
                               i ? "round" : "bench", &chan));
        err = i ? send_rounds(lines, chan, rows) : send_rows(lines, chan, rows);
        mal_chan_close(&chan);
    }
    return err;
}

/* --- Over a bare socket -------------------------------------------------- */

typedef struct drain {
    int fd;
    uint64_t left;
} drain;

static void drain_all(void *arg) {
    drain *d = arg;
    static uint8_t into[MESSAGE];
    while (d->left > 0) {
        ssize_t r = read(d->fd, into, sizeof into);
        if (r <= 0)
            return;
        d->left -= (uint64_t)r;
    }
}

static mal_err tcp_pair(int *one, int *other) {
    MAL_AUTO(mal_fd_auto) int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = { .sin_family = AF_INET };
    socklen_t len = sizeof at;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *one = socket(AF_INET, SOCK_STREAM, 0);
    bool ok = listener >= 0 && *one >= 0 &&
              bind(listener, (struct sockaddr *)&at, sizeof at) == 0 &&
              listen(listener, 1) == 0 &&
              getsockname(listener, (struct sockaddr *)&at, &len) == 0 &&
              connect(*one, (struct sockaddr *)&at, sizeof at) == 0;
    *other = ok ? accept(listener, NULL, NULL) : -1;
    MAL_REQUIRE(*other >= 0, MAL_E_IO, "no sockets on loopback");
    return MAL_OK;
}

static mal_err over_tcp(mal_buf *lines, uint64_t rows) {
    static const uint8_t message[MESSAGE];
    MAL_AUTO(mal_fd_auto) int out = -1;
    MAL_AUTO(mal_fd_auto) int in = -1;
    MAL_TRY(tcp_pair(&out, &in));
    drain d = { .fd = in, .left = rows * MESSAGE };
    mal_thread *thread;
    watch start = watch_start();
    MAL_TRY(mal_thread_start(&thread, drain_all, &d));
    mal_err err = MAL_OK;
    for (uint64_t i = 0; i < rows && err == MAL_OK; i++)
        err = mal_fd_write(out, mal_bytes_of(message, sizeof message));
    if (err != MAL_OK)
        shutdown(out, SHUT_RDWR);
    mal_thread_join(&thread);
    MAL_TRY(err);
    return put_line(lines, "tcp-loopback", rows, rows * MESSAGE, start);
}

mal_err mal_net_bench(mal_buf *lines, const char *only, uint64_t rows) {
    side from = { 0 }, to = { 0 };
    MAL_REQUIRE(rows > 0, MAL_E_INPUT, "a bench of no rows");
    MAL_TRY(mal_prim_init());
    if (!only || strncmp(only, "tls-", 4) == 0) {
        mal_err err = over_tls(lines, only, &from, &to, rows);
        side_clear(&from);
        side_clear(&to);
        MAL_TRY(err);
    }
    if (!only || strcmp(only, "tcp-loopback") == 0)
        MAL_TRY(over_tcp(lines, rows));
    return MAL_OK;
}
