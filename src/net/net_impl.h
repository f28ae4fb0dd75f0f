/* net_impl.h - what the files of net share: endpoint, connection, stream.
 *
 * Locks.  net->lock guards the lists of connections and pins and the thread
 * count.  conn->lock guards a connection's queue and all its streams.  Order:
 * net->lock before conn->lock, and neither is held across a system call that
 * can block.  A connection lives while its io thread or any of its streams
 * holds a reference.
 */
#ifndef MALUS_NET_IMPL_H
#define MALUS_NET_IMPL_H

#include <malus/net.h>

#include <openssl/ssl.h>
#include <pthread.h>

/* Every piece costs its bytes and this much of the window, so that empty
 * messages cannot fill the memory. */
#define PIECE_COST 32

typedef struct piece {
    struct piece *next;
    uint32_t len, taken;
    bool last;
    uint8_t data[];
} piece;

typedef struct conn conn;

typedef struct stream {
    mal_chan chan; /* first: a channel is its stream */
    conn *conn;
    struct stream *next;
    uint32_t id;
    pthread_cond_t changed;
    piece *first, **last;
    size_t unread;   /* cost of the pieces held */
    uint32_t credit; /* cost that we may still send */
    uint32_t owed;   /* cost taken since the last CREDIT */
    unsigned timeout_ms;
    bool ended;     /* by the peer */
    bool cancelled; /* by us */
    char label[MAL_NET_LABEL_MAX + 1];
} stream;

struct conn {
    conn *next;
    mal_net *net;
    SSL *ssl;
    int fd, wake;
    unsigned refs;
    bool dialler; /* we opened it: our stream ids are odd */
    uint8_t peer[32];
    char build[MAL_NET_BUILD_MAX + 1];
    pthread_mutex_t lock;
    stream *streams;
    unsigned stream_count;
    uint32_t next_id; /* ours */
    uint32_t peer_id; /* the greatest that the peer opened */
    bool dead, greeted;
    char why[200];
    mal_buf out; /* frames waiting to be written, from out_sent on */
    size_t out_sent;
    uint64_t heard_ns, pinged_ns;
};

struct mal_net {
    mal_net_config config;
    SSL_CTX *tls;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned threads; /* alive, listeners and handlers included */
    unsigned handshakes;
    bool closing;
    uint8_t (*pins)[32];
    size_t pin_count;
    conn *conns;
    unsigned conn_count;
    int listen_fd, listen_wake;
};

/* frame.c */
mal_err net_frame_put(mal_buf *out, uint32_t id, mal_net_frame_type type,
                      mal_bytes payload) MAL_MUST_CHECK;

/* tls.c */
mal_err net_tls_new(SSL_CTX **tls, mal_net *net) MAL_MUST_CHECK;
/* Shake hands on fd; expected may be NULL (any pinned identity). */
mal_err net_tls_shake(SSL **ssl, uint8_t peer[32], mal_net *net, int fd,
                      bool dialler, const uint8_t *expected) MAL_MUST_CHECK;

/* endpoint.c */
bool net_pinned(mal_net *net, const uint8_t identity[32]);
/* Run on a detached thread that mal_net_close waits for. */
mal_err net_spawn(mal_net *net, void *(*run)(void *), void *arg) MAL_MUST_CHECK;
void net_thread_end(mal_net *net);

/* conn.c */
mal_err net_conn_start(mal_net *net, SSL *ssl, int fd, bool dialler,
                       const uint8_t peer[32], conn **out) MAL_MUST_CHECK;
void net_conn_kill_locked(conn *c, const char *why); /* holds c->lock */
void net_conn_wake(conn *c);
void net_conn_unref(conn *c);

/* stream.c */
mal_err net_stream_new(stream **out, conn *c, uint32_t id,
                       const char *label) MAL_MUST_CHECK; /* holds c->lock */
mal_err net_stream_take_locked(conn *c, const mal_net_frame *frame,
                               const uint8_t *payload) MAL_MUST_CHECK;

#endif
