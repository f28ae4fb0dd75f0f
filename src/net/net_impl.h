/* net_impl.h - what the files of net share: endpoint, connection, stream.
 *
 * Locks, in the order in which they may be taken:
 *   net->lock     the lists of connections, pins and dials.
 *   conn->lock    a connection's queue and all its streams.
 *   net->threads  the threads of the endpoint; nothing is taken under it.
 * None is held across a system call that can block.  A connection lives while
 * its io thread or any of its streams holds a reference; only its io thread
 * touches its TLS object and its descriptor.
 */
#ifndef MALUS_NET_IMPL_H
#define MALUS_NET_IMPL_H

#include <malus/net.h>

#include <openssl/ssl.h>
#include <pthread.h>
#include <netdb.h>
#include <stdatomic.h>

/* Every piece costs its bytes and this much of the window, so that empty
 * messages cannot fill the memory. */
#define PIECE_COST 32

#define SLICE_MS 100 /* between looks whether the endpoint is closing */

typedef struct piece {
    struct piece *next;
    uint32_t len;
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
    size_t unread;   /* cost of the pieces held, <= MAL_NET_WINDOW */
    uint32_t credit; /* cost that we may still send, <= MAL_NET_WINDOW */
    uint32_t owed;   /* cost taken since the last CREDIT */
    unsigned timeout_ms;
    bool ended, refused; /* by the peer */
    bool cancelled;      /* by us */
    char label[MAL_NET_LABEL_MAX + 1];
} stream;

struct conn {
    conn *next;
    mal_net *net; /* not to be touched once the io thread and handlers ended */
    SSL *ssl;
    int fd, wake;
    bool dialler; /* we opened it: our stream ids are odd */
    uint8_t peer[32];
    uint64_t heard_ns, pinged_ns, born_ns; /* the io thread's */

    pthread_mutex_t lock; /* guards what follows */
    unsigned refs;
    char build[MAL_NET_BUILD_MAX + 1];
    stream *streams;
    unsigned stream_count, handlers;
    uint32_t next_id; /* ours */
    uint32_t peer_id; /* the greatest that the peer opened */
    bool dead, greeted;
    bool crowded; /* a sender waits for the queue */
    char why[200];
    mal_buf out; /* frames waiting to be written, from out_sent on */
    size_t out_sent;
};

/* Several threads may want the same peer: one dials. */
typedef struct net_dial {
    struct net_dial *next;
    uint8_t identity[32];
    unsigned refs;
    bool over;
    mal_err err;
    char why[200];
} net_dial;

typedef struct net_thread {
    struct net_thread *next;
    mal_net *net;
    pthread_t id;
    void (*run)(void *arg);
    void *arg;
} net_thread;

struct mal_net {
    mal_net_config config;
    SSL_CTX *tls; /* under the lock: mal_net_rekey replaces it */
    /* What becomes of a stream that the peer opened: a handler's thread; in the
     * fuzz target, something tamer.  Holds c->lock. */
    mal_err (*serve)(conn *c, stream *s);
    atomic_bool closing;
    atomic_uint handshakes, handlers;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    uint8_t (*pins)[32];
    size_t pin_count;
    conn *conns;
    unsigned conn_count;
    net_dial *dials;
    int listen_fd, listen_wake; /* set once, before the listener runs */

    pthread_mutex_t threads; /* guards what follows */
    pthread_cond_t idle;
    unsigned live;
    net_thread *ended; /* to be joined */
};

/* frame.c */
mal_err net_frame_put(mal_buf *out, uint32_t id, mal_net_frame_type type,
                      mal_bytes payload) MAL_MUST_CHECK;
bool net_printable(mal_bytes text); /* labels and builds are */

/* socket.c */
mal_err net_resolve(struct addrinfo **list, const char *host, uint16_t port,
                    bool passive) MAL_MUST_CHECK;
void net_socket_options(int fd);
/* Poll until something happens, the deadline, or the end of the endpoint. */
mal_err net_wait_fd(mal_net *net, int fd, short events,
                    uint64_t deadline_ns) MAL_MUST_CHECK;

/* tls.c */
mal_err net_tls_new(SSL_CTX **tls, mal_net *net) MAL_MUST_CHECK;
/* Shake hands on fd; expected may be NULL (any pinned identity). */
mal_err net_tls_shake(SSL **ssl, uint8_t peer[32], mal_net *net, int fd,
                      bool dialler, const uint8_t *expected,
                      uint64_t deadline_ns) MAL_MUST_CHECK;

/* thread.c */
void net_threads_init(mal_net *net);
/* Run on a thread that mal_net_close joins. */
mal_err net_spawn(mal_net *net, void (*run)(void *), void *arg) MAL_MUST_CHECK;
void net_threads_join(mal_net *net);
void net_threads_clear(mal_net *net);

/* pins.c */
bool net_pinned(mal_net *net, const uint8_t identity[32]);
bool net_pinned_locked(const mal_net *net, const uint8_t identity[32]);

/* conn.c */
/* A connection without TLS, descriptor or thread. */
mal_err net_conn_new(conn **out, mal_net *net, bool dialler,
                     const uint8_t peer[32]) MAL_MUST_CHECK;
void net_conn_kill_locked(conn *c, const char *why); /* holds c->lock */
/* All connections with the identity, or all (NULL); holds net->lock. */
void net_conns_kill_locked(mal_net *net, const uint8_t *identity,
                           const char *why);
void net_conn_wake(conn *c);
void net_conn_unref(conn *c);
void net_conn_unref_locked(conn *c); /* holds c->lock, and gives it up */

/* take.c: what a peer's bytes do to a connection. */
/* Take all whole frames of data[0 .. len); *taken bytes were. */
mal_err net_take(conn *c, size_t *taken, const uint8_t *data,
                 size_t len) MAL_MUST_CHECK;
mal_err net_serve(conn *c, stream *s) MAL_MUST_CHECK; /* the usual net->serve */

/* io.c: the thread that reads and writes a connection. */
/* Takes ssl and fd, also on failure.  On success *out carries a reference. */
mal_err net_conn_start(mal_net *net, SSL *ssl, int fd, bool dialler,
                       const uint8_t peer[32], conn **out) MAL_MUST_CHECK;

/* stream.c; all hold c->lock */
mal_err net_stream_new(stream **out, conn *c, uint32_t id,
                       mal_bytes label) MAL_MUST_CHECK;
/* Undo net_stream_new for a stream that nobody else has seen. */
void net_stream_undo(stream *s);
mal_err net_stream_take(conn *c, const mal_net_frame *frame,
                        const uint8_t *payload) MAL_MUST_CHECK;

#endif
