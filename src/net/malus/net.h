/* malus/net.h - TLS 1.3 between parties, and many channels over one connection.
 *
 * An endpoint belongs to one party.  It listens and dials; both ends show a
 * node certificate issued by their identity key, and each accepts only
 * identities that it was told to allow, namely those that the contract pins.
 * There is no certificate authority and no name: the key is the party.
 *
 * Over one connection run many streams, each an ordered channel of messages
 * (mal_chan) with its own window.  Everything has a limit: a peer that is slow,
 * silent, garbled or gone ends its streams with MAL_E_PEER or MAL_E_TIMEOUT,
 * and nothing else.
 *
 * Leaks: to the network, the two addresses, times, and the sizes of messages
 * (which the protocols above make functions of public bounds).
 */
#ifndef MALUS_NET_H
#define MALUS_NET_H

#include <malus/base.h>

#define MAL_NET_LABEL_MAX 200       /* bytes of a stream's label */
#define MAL_NET_FRAME_MAX 16384     /* bytes of a frame's payload */
#define MAL_NET_WINDOW (1u << 20)   /* unread bytes of a stream */
#define MAL_NET_STREAMS_MAX 256     /* open streams of a connection */
#define MAL_NET_CONNECTIONS_MAX 256 /* of an endpoint */
#define MAL_NET_PEER_MAX 4          /* connections with one identity */
#define MAL_NET_HANDLERS_MAX 256    /* on_stream calls of an endpoint */
#define MAL_NET_HANDLERS_CONN 32    /* on_stream calls of a connection */
#define MAL_NET_QUEUE (1u << 20)    /* bytes waiting to leave a connection */
#define MAL_NET_RATE_MIN 16384      /* bytes a second of a long message */
#define MAL_NET_AGE_S 86400u        /* older idle connections are renewed */
#define MAL_NET_BUILD_MAX 128       /* bytes of a build's name */

typedef struct mal_net mal_net;

typedef struct mal_net_config {
    const mal_key
        *node_sec; /* Ed25519, 64 bytes; borrowed while the endpoint lives */
    mal_bytes cert_node; /* DER, issued by the identity for node_sec's key */
    mal_bytes cert_identity; /* DER, self-signed */
    const char *build;       /* shown to peers in the handshake (rule 23) */
    unsigned dial_ms;        /* TCP and TLS handshake together; 0: 10,000 */
    /* A connection on which no whole frame arrives for this long is dead; an
     * idle one is pinged.  0: 30,000 */
    unsigned silence_ms;
    /* A send or receive waits at most this, and longer only by what a message
     * of many bytes needs at MAL_NET_RATE_MIN.  0: 120,000 */
    unsigned stream_ms;
    /* A peer opened a stream.  Runs on a thread of its own and owns the
     * channel.  Past the limits above a stream is refused: its opener sees
     * MAL_E_LIMIT, its other streams live on. */
    void (*on_stream)(void *ctx, const uint8_t peer[32], const char *label,
                      mal_chan *chan);
    void *ctx;
} mal_net_config;

/* Ignores SIGPIPE for the process: a peer that is gone is an error, not an end.
 */
mal_err mal_net_open(mal_net **net,
                     const mal_net_config *config) MAL_MUST_CHECK;
/* Ends every connection, then joins every thread of the endpoint, also
 * on_stream calls under way (their channels fail).  The caller sees to it that
 * no other thread is in a call of this endpoint, and is none of its handlers.
 * Channels that are still open fail from now on, and are closed by their
 * owners. */
void mal_net_close(mal_net *net);

/* Show a renewed node key and certificate in handshakes from now on.  From one
 * thread at a time; node_sec is borrowed as in the configuration. */
mal_err mal_net_rekey(mal_net *net, const mal_key *node_sec,
                      mal_bytes cert_node) MAL_MUST_CHECK;

/* Accept this identity from now on, in both directions. */
mal_err mal_net_allow(mal_net *net, const uint8_t identity[32]) MAL_MUST_CHECK;
/* Refuse it from now on and end its connections (a withdrawal, say). */
void mal_net_disallow(mal_net *net, const uint8_t identity[32]);

/* Port 0 takes a free one; *bound says which. */
mal_err mal_net_listen(mal_net *net, const char *host, uint16_t port,
                       uint16_t *bound) MAL_MUST_CHECK;

/* Open a stream to the identity at host:port, over the connection that exists
 * or a new one; who dials while another thread dials the same identity shares
 * its outcome.  A label is printable ASCII.
 *
 * Errors:  MAL_E_PEER     unreachable, or gone.
 *          MAL_E_AUTH     it is not that identity, or we may not dial it.
 *          MAL_E_TIMEOUT  it did not answer, or not finish its handshake.
 *          MAL_E_LIMIT    too many streams or connections.
 */
mal_err mal_net_stream(mal_net *net, const uint8_t identity[32],
                       const char *host, uint16_t port, const char *label,
                       mal_chan **chan) MAL_MUST_CHECK;
/* Waits of this channel, instead of stream_ms. */
void mal_net_stream_timeout(mal_chan *chan, unsigned timeout_ms);
/* Fail the channel's sends and receives, now and later, from any thread; the
 * owner still closes it. */
void mal_net_stream_cancel(mal_chan *chan);

/* The build that the peer named in its handshake; "" if it is not connected. */
void mal_net_peer_build(mal_net *net, const uint8_t identity[32],
                        char out[MAL_NET_BUILD_MAX + 1]);
/* Open connections and streams, for tests and status. */
void mal_net_count(mal_net *net, unsigned *connections, unsigned *streams);

/* Append one JSON object a line: "tls-loopback", and "tcp-loopback", the same
 * bytes without us, to compare.  A row is a message of 64 KiB.  only: a name,
 * or NULL. */
mal_err mal_net_bench(mal_buf *lines, const char *only,
                      uint64_t rows) MAL_MUST_CHECK;

/* --- Frames, exposed for the fuzzer -------------------------------------- */

typedef enum mal_net_frame_type {
    MAL_NET_HELLO = 1,  /* build name */
    MAL_NET_OPEN = 2,   /* label */
    MAL_NET_DATA = 3,   /* a piece of a message */
    MAL_NET_LAST = 4,   /* the last piece of a message */
    MAL_NET_CREDIT = 5, /* u32: the reader took so many bytes */
    MAL_NET_END = 6,    /* the stream is closed */
    MAL_NET_PING = 7,
    MAL_NET_PONG = 8,
    MAL_NET_REFUSED = 9, /* to an OPEN: no more streams at the moment */
} mal_net_frame_type;

#define MAL_NET_HEADER 8
typedef struct mal_net_frame {
    uint32_t stream; /* 0: HELLO, PING, PONG; odd: opened by the dialler */
    uint8_t type;
    uint16_t len;
} mal_net_frame;
void mal_net_frame_encode(uint8_t out[MAL_NET_HEADER],
                          const mal_net_frame *frame);
/* MAL_E_PEER unless type, stream and length fit each other. */
mal_err mal_net_frame_decode(mal_net_frame *frame,
                             const uint8_t in[MAL_NET_HEADER]) MAL_MUST_CHECK;

#endif
