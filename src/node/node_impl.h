/* node_impl.h - what the files of node share. */
#ifndef MALUS_NODE_IMPL_H
#define MALUS_NODE_IMPL_H

#include <malus/node.h>

#include <malus/audit.h>
#include <malus/db.h>
#include <malus/dp.h>
#include <malus/json.h>
#include <malus/kms.h>
#include <malus/net.h>
#include <malus/room.h>
#include <malus/store.h>

#include <pthread.h>
#include <stdatomic.h>

#define NODE_ROOMS_MAX 64
#define NODE_WAITING_MAX 256 /* run streams that nobody awaits yet */
#define NODE_REPLY_MAX ((size_t)600 << 20)
#define NODE_REQUEST_MAX ((size_t)16 << 20) /* a peer's: a list of messages */
#define NODE_CLIENTS_MAX 64

/* What mal_room_peers gets as its context: the node and which version of a room
 * it is, as parties are numbered by their contract. */
typedef struct node_link {
    mal_node *node;
    char room_id[65];
    const mal_policy_contract *contract; /* set once the room is open */
} node_link;

/* Copied freely: a room that was once open is freed when the node ends, and not
 * before, as somebody may be in a call of it. */
typedef struct node_room {
    mal_room *room;
    const mal_policy_contract *contract;
    char id[65];
    node_link *link;
} node_room;

/* A version that was superseded. */
typedef struct node_retired {
    struct node_retired *next;
    mal_room *room;
    node_link *link;
} node_retired;

/* A run stream that a peer opened, until the room asks for it. */
typedef struct waiting {
    struct waiting *next;
    uint8_t peer[32];
    char label[MAL_NET_LABEL_MAX + 1];
    mal_chan *chan;
    uint64_t since_ns;
} waiting;

struct mal_node {
    mal_node_config config;
    char *state;
    int lock_fd;
    char build[65 + 16];
    mal_kms *kms;
    mal_audit_log *log;
    mal_audit_witness *witness;
    mal_dp_ledger *ledger;
    mal_db *db;
    mal_store *store;
    mal_net *net;
    uint16_t port;
    mal_buf cert_node, cert_identity;
    char jobs[4096];      /* STATE/jobs: what rooms keep of running jobs */
    mal_buf costs;        /* STATE/costs.json: what calibrate wrote */
    pthread_mutex_t lock; /* rooms, waiting */
    pthread_cond_t changed;
    pthread_mutex_t store_lock; /* adding and removing, one at a time */
    node_room rooms[NODE_ROOMS_MAX];
    node_retired *retired;
    unsigned n_rooms;
    waiting *waiting;
    unsigned n_waiting;
    int socket_fd, stop_fd;
    struct node_session *sessions; /* one a client */
    unsigned clients;
    atomic_bool stopping;
    uint64_t started;
};

/* state.c */
mal_err node_state_open(mal_node *node) MAL_MUST_CHECK;
void node_state_close(mal_node *node);

/* addresses.c */
mal_err node_peer_set(mal_node *node, const char *party, const char *host,
                      uint16_t port) MAL_MUST_CHECK;
mal_err node_peer_find(mal_node *node, const char *party, char host[256],
                       uint16_t *port) MAL_MUST_CHECK;

/* rooms.c */
mal_err node_rooms_load(mal_node *node) MAL_MUST_CHECK;
void node_rooms_close(mal_node *node); /* after net: nobody calls any more */
/* Check, remember durably, and open; replaces the parent of a successor. */
mal_err node_room_add(mal_node *node, mal_bytes bundle,
                      const node_room **out) MAL_MUST_CHECK;
/* By name, id prefix, or (key NULL or "") the only one. */
mal_err node_room_find(mal_node *node, const char *key,
                       node_room *out) MAL_MUST_CHECK;

/* peers.c */
void node_on_stream(void *ctx, const uint8_t peer[32], const char *label,
                    mal_chan *chan);
mal_room_peers node_peers(node_link *link);
void node_waiting_clear(mal_node *node);
void node_tick(mal_node *node); /* every second */

/* server.c */
mal_err node_server_open(mal_node *node) MAL_MUST_CHECK;
void node_server_close(mal_node *node); /* waits for all clients */

/* client.c */
typedef struct node_client {
    mal_node *node;
    mal_err (*emit)(void *ctx, mal_bytes line);
    void *ctx;
    mal_arena *arena;
} node_client;
mal_err node_emit(node_client *client, const mal_json *event) MAL_MUST_CHECK;
mal_progress node_progress(node_client *client);

/* fields.c: members that a request may leave out; then *out stays as it is. One
 * of the wrong type is MAL_E_INPUT. */
mal_err node_field_str(const mal_json *request, const char *key,
                       const char **text) MAL_MUST_CHECK;
mal_err node_field_u64(const mal_json *request, const char *key,
                       uint64_t *value) MAL_MUST_CHECK;
mal_err node_field_bool(const mal_json *request, const char *key,
                        bool *value) MAL_MUST_CHECK;
/* NULL or false for one that is left out, and for one of the wrong type. */
const char *node_field_text(const mal_json *request, const char *key);
bool node_field_flag(const mal_json *request, const char *key);

/* request.c looks a verb up in these. */
typedef mal_err (*node_verb)(node_client *client, const mal_json *request,
                             mal_json *done);
typedef struct node_verb_row {
    const char *name;
    node_verb serve;
} node_verb_row;
extern const node_verb_row node_data_verbs[];  /* data.c */
extern const node_verb_row node_room_verbs[];  /* room_verbs.c */
extern const node_verb_row node_query_verbs[]; /* query.c */

#endif
