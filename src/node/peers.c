/* peers.c - a room's way to its peers, over net.
 *
 * A call is a stream "call/ROOM/METHOD" with one message up and one down: the
 * error's class, and the reply or a text.  A run stream "run/JOB" waits here
 * until the room asks for it.
 */
#include "node_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static mal_err put_reply(mal_buf *out, mal_err err, const mal_buf *reply) {
    MAL_TRY(mal_buf_put_u32(out, (uint32_t)err));
    return err == MAL_OK ? mal_buf_put(out, mal_buf_view(reply))
                         : mal_buf_put_str(out, mal_err_message());
}

static bool room_of(mal_node *node, const char *id, node_room *out) {
    bool found = false;
    pthread_mutex_lock(&node->lock);
    for (unsigned i = 0; i < node->n_rooms; i++)
        if (strcmp(node->rooms[i].id, id) == 0 && node->rooms[i].room) {
            *out = node->rooms[i];
            found = true;
        }
    pthread_mutex_unlock(&node->lock);
    return found;
}

static mal_err party_of(const mal_policy_contract *c, const uint8_t peer[32],
                        uint32_t *party) {
    for (uint32_t i = 0; i < c->n_parties; i++)
        if (mal_equal(c->parties[i].identity, peer, 32)) {
            *party = i;
            return MAL_OK;
        }
    MAL_FAIL(MAL_E_DENIED, "the caller is no party of the room");
}

static mal_err answer(mal_node *node, const uint8_t peer[32], const char *label,
                      const mal_buf *request, mal_buf *reply) {
    char id[65];
    node_room r;
    uint32_t caller;
    const char *slash = strchr(label, '/');
    MAL_REQUIRE(slash && slash - label == 64, MAL_E_PEER,
                "a call that names no room");
    memcpy(id, label, 64);
    id[64] = 0;
    MAL_REQUIRE(room_of(node, id, &r), MAL_E_MISSING,
                "%s is not in that room, or holds another version of it",
                mal_node_party(node));
    MAL_TRY(party_of(r.contract, peer, &caller));
    return mal_room_answer_call(r.room, caller, slash + 1,
                                mal_buf_view(request), reply);
}

static void serve_call(mal_node *node, const uint8_t peer[32],
                       const char *label, mal_chan *chan) {
    mal_buf request = { .max = NODE_REQUEST_MAX };
    mal_buf reply = { .max = NODE_REPLY_MAX }, out = { .max = NODE_REPLY_MAX };
    if (mal_chan_recv(chan, &request, NODE_REQUEST_MAX) == MAL_OK) {
        mal_err err = answer(node, peer, label, &request, &reply);
        if (put_reply(&out, err, &reply) != MAL_OK ||
            mal_chan_send(chan, mal_buf_view(&out)) != MAL_OK)
            mal_err_forget(); /* the caller is gone, and sees that itself */
    }
    mal_buf_clear(&request);
    mal_buf_clear(&reply);
    mal_buf_clear(&out);
    mal_chan_close(&chan);
}

static void wait_for_room(mal_node *node, const uint8_t peer[32],
                          const char *label, mal_chan *chan) {
    waiting *w = mal_calloc(1, sizeof *w);
    if (w) {
        memcpy(w->peer, peer, 32);
        snprintf(w->label, sizeof w->label, "%s", label);
        w->chan = chan;
        w->since_ns = mal_time_monotonic_ns();
        pthread_mutex_lock(&node->lock);
        unsigned same = 0; /* one peer leaves room for the others */
        for (const waiting *o = node->waiting; o; o = o->next)
            same += mal_equal(o->peer, peer, 32);
        if (node->n_waiting < NODE_WAITING_MAX && same < NODE_WAITING_MAX / 8 &&
            !node->stopping) {
            w->next = node->waiting;
            node->waiting = w;
            node->n_waiting++;
            pthread_cond_broadcast(&node->changed);
            w = NULL;
            chan = NULL;
        }
        pthread_mutex_unlock(&node->lock);
    }
    mal_free(w);
    mal_chan_close(&chan);
}

void node_on_stream(void *ctx, const uint8_t peer[32], const char *label,
                    mal_chan *chan) {
    mal_node *node = ctx;
    if (strncmp(label, "call/", 5) == 0)
        serve_call(node, peer, label + 5, chan);
    else if (strncmp(label, "run/", 4) == 0)
        wait_for_room(node, peer, label, chan);
    else
        mal_chan_close(&chan);
}

/* Close what waits since longer than that. */
static void drop_waiting(mal_node *node, uint64_t age_ns) {
    uint64_t now = mal_time_monotonic_ns();
    waiting *old = NULL;
    pthread_mutex_lock(&node->lock);
    for (waiting **at = &node->waiting; *at;) {
        waiting *w = *at;
        if (now - w->since_ns < age_ns) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        node->n_waiting--;
        w->next = old;
        old = w;
    }
    pthread_mutex_unlock(&node->lock);
    for (waiting *w = old, *next; w; w = next) {
        next = w->next;
        mal_chan_close(&w->chan);
        mal_free(w);
    }
}

void node_waiting_clear(mal_node *node) {
    drop_waiting(node, 0);
}

static unsigned step_of(const mal_node *node) {
    return node->config.step_ms ? node->config.step_ms : 60000;
}

/* Node and sealing keys live a month; in their last third they are renewed, and
 * the endpoint shows the new certificate. */
static mal_err renew_keys(mal_node *node) {
    bool renewed;
    MAL_AUTO(mal_buf_clear) mal_buf cert = { 0 };
    MAL_TRY(mal_kms_renew(node->kms, mal_time_unix(), &renewed));
    if (!renewed)
        return MAL_OK;
    MAL_TRY(mal_kms_cert_node(node->kms, &cert));
    return mal_net_rekey(node->net, mal_kms_key(node->kms, MAL_KMS_NODE),
                         mal_buf_view(&cert));
}

/* A job that died on our side leaves the streams that its peers opened for it;
 * they would fill the list for good. */
void node_tick(mal_node *node) {
    unsigned step_ms = step_of(node);
    drop_waiting(node, (uint64_t)step_ms * 2000000);
    /* Not under the lock: a sweep writes, and waits for the log; who holds that
     * may wait for a peer, and the peer for an answer that takes the lock. */
    mal_room *rooms[NODE_ROOMS_MAX];
    unsigned n = 0;
    pthread_mutex_lock(&node->lock);
    for (unsigned i = 0; i < node->n_rooms; i++)
        if (node->rooms[i].room)
            rooms[n++] = node->rooms[i].room;
    pthread_mutex_unlock(&node->lock);
    for (unsigned i = 0; i < n; i++)
        mal_room_sweep(rooms[i]);
    if (renew_keys(node) != MAL_OK)
        mal_err_forget(); /* tried again at the next tick; peers will complain
                           */
}

/* --- What the room calls ------------------------------------------------- */

static mal_err open_stream(node_link *link, uint32_t party, const char *label,
                           unsigned timeout_ms, mal_chan **chan) {
    const mal_policy_party *p = &link->contract->parties[party];
    char host[256];
    uint16_t port;
    MAL_TRY(node_peer_find(link->node, p->name, host, &port));
    MAL_TRY(
        mal_net_stream(link->node->net, p->identity, host, port, label, chan));
    mal_net_stream_timeout(*chan, timeout_ms);
    return MAL_OK;
}

static mal_err read_reply(mal_buf *reply, const mal_buf *in) {
    mal_rd rd = mal_rd_of(mal_buf_view(in));
    uint32_t code;
    mal_bytes rest;
    MAL_TRY(mal_rd_u32(&rd, &code));
    MAL_TRY(mal_rd_raw(&rd, &rest, rd.left));
    if (code == MAL_OK)
        return mal_buf_put(reply, rest);
    MAL_REQUIRE(code <= MAL_E_MISSING, MAL_E_PEER,
                "the peer answered with an error of its own");
    int len = rest.len < 900 ? (int)rest.len : 900;
    for (int i = 0; i < len; i++) /* a peer's text goes to people's terminals */
        MAL_REQUIRE(rest.ptr[i] >= 0x20 || rest.ptr[i] == '\n', MAL_E_PEER,
                    "the peer answered with control characters");
    return mal_err_set((mal_err)code, __FILE__, __LINE__, "%.*s", len,
                       (const char *)rest.ptr);
}

static mal_err call(void *ctx, uint32_t party, const char *method,
                    mal_bytes request, mal_buf *reply, unsigned timeout_ms) {
    node_link *link = ctx;
    mal_chan *chan = NULL;
    char label[MAL_NET_LABEL_MAX + 1];
    mal_buf in = { .max = NODE_REPLY_MAX };
    snprintf(label, sizeof label, "call/%s/%s", link->room_id, method);
    mal_err err = open_stream(link, party, label, timeout_ms, &chan);
    if (err == MAL_OK)
        err = mal_chan_send(chan, request);
    if (err == MAL_OK)
        err = mal_chan_recv(chan, &in, NODE_REPLY_MAX);
    mal_chan_close(&chan);
    if (err == MAL_OK)
        err = read_reply(reply, &in);
    mal_buf_clear(&in);
    return err;
}

static mal_err dial(void *ctx, uint32_t party, const char *label,
                    unsigned timeout_ms, mal_chan **chan) {
    return open_stream(ctx, party, label, timeout_ms, chan);
}

static mal_chan *take_waiting(mal_node *node, const uint8_t peer[32],
                              const char *label) {
    for (waiting **at = &node->waiting; *at; at = &(*at)->next) {
        waiting *w = *at;
        if (!mal_equal(w->peer, peer, 32) || strcmp(w->label, label) != 0)
            continue;
        mal_chan *chan = w->chan;
        *at = w->next;
        node->n_waiting--;
        mal_free(w);
        return chan;
    }
    return NULL;
}

static mal_err await(void *ctx, uint32_t party, const char *label,
                     unsigned timeout_ms, mal_chan **chan) {
    node_link *link = ctx;
    mal_node *node = link->node;
    const mal_policy_party *p = &link->contract->parties[party];
    uint64_t deadline =
        mal_time_monotonic_ns() + (uint64_t)timeout_ms * 1000000;
    *chan = NULL;
    pthread_mutex_lock(&node->lock);
    while (!(*chan = take_waiting(node, p->identity, label)) &&
           mal_time_monotonic_ns() < deadline && !node->stopping) {
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        t.tv_sec += 1;
        pthread_cond_timedwait(&node->changed, &node->lock, &t);
    }
    pthread_mutex_unlock(&node->lock);
    MAL_REQUIRE(*chan, node->stopping ? MAL_E_CANCEL : MAL_E_TIMEOUT,
                "%s did not come to the engine within %u ms", p->name,
                timeout_ms);
    mal_net_stream_timeout(*chan, step_of(node)); /* await is asked in slices */
    return MAL_OK;
}

static void cancel(void *ctx, mal_chan *chan) {
    (void)ctx;
    mal_net_stream_cancel(chan);
}

mal_room_peers node_peers(node_link *link) {
    return (mal_room_peers){ .call = call,
                             .dial = dial,
                             .await = await,
                             .cancel = cancel,
                             .ctx = link };
}
