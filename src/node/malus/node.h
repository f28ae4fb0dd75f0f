/* malus/node.h - a party's daemon: its state, its peers, its interface.
 *
 * One state folder is one party.  The daemon holds it exclusively, speaks TLS
 * to the other parties' nodes (net), lives through the jobs of its rooms
 * (room), and answers its own people over a Unix socket in the state folder
 * (0700): one JSON object a line, a request up, events down.  docs/node.md
 * lists verbs and events; command line, Python and console are clients of this
 * and hold no logic.
 */
#ifndef MALUS_NODE_H
#define MALUS_NODE_H

#include <malus/base.h>

#define MAL_NODE_LINE_MAX ((size_t)64 << 20) /* of one JSON line */
#define MAL_NODE_SOCKET "node.sock"          /* in the state folder */

typedef struct mal_node mal_node;

typedef struct mal_node_config {
    const char *state;   /* the folder that mal_node_init made */
    const char *host;    /* to listen on for peers, e.g. "127.0.0.1" */
    uint16_t port;       /* 0: the one used last, else a free one */
    unsigned threads;    /* 0: all */
    unsigned step_ms;    /* a peer answers a step within; 0: 60,000 */
    uint64_t memory_max; /* of a DuckDB child; 0: 1 GiB */
} mal_node_config;

/* Make a party: its keys and its empty state.  Whole or absent. */
mal_err mal_node_init(const char *state, const char *party) MAL_MUST_CHECK;

/* Open the state, its rooms, and listen.  MAL_E_STATE: another process holds
 * it. */
mal_err mal_node_start(mal_node **node,
                       const mal_node_config *config) MAL_MUST_CHECK;
/* Serve until mal_node_stop_request, from a signal handler or a client. */
mal_err mal_node_serve(mal_node *node) MAL_MUST_CHECK;
void mal_node_stop_request(mal_node *node); /* async-signal-safe */
void mal_node_free(mal_node *node);         /* ends jobs, closes everything */
uint16_t mal_node_port(const mal_node *node);
const char *mal_node_party(const mal_node *node);

/* One request of a client, as the socket would answer it: events through
 * `emit`, the last one "done" or "error".  For tests, and for clients in the
 * process. */
mal_err mal_node_request(mal_node *node, mal_bytes line,
                         mal_err (*emit)(void *ctx, mal_bytes line),
                         void *ctx) MAL_MUST_CHECK;

#endif
