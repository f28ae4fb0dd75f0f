/* chan.c - the channel interface, and a pair of ends in memory.
 *
 * A pair has one lock.  Each end may be used by one sender and one receiver at
 * a time; the pair is freed by whoever closes last.  A queue holds at most
 * QUEUE_BYTES_MAX: a sender that runs ahead gets MAL_E_LIMIT, never blocks, so
 * two parties that both send first cannot wait for each other.
 */
#include "base_impl.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#define QUEUE_BYTES_MAX ((size_t)1 << 30)

mal_err mal_chan_send(mal_chan *chan, mal_bytes message) {
    MAL_REQUIRE(message.len <= MAL_CHAN_MESSAGE_MAX, MAL_E_LIMIT,
                "a message of %zu bytes: at most %zu are possible", message.len,
                MAL_CHAN_MESSAGE_MAX);
    MAL_TRY(chan->ops->send(chan, message));
    chan->bytes_sent += message.len;
    chan->messages_sent++;
    return MAL_OK;
}

mal_err mal_chan_recv(mal_chan *chan, mal_buf *message, size_t len_max) {
    if (len_max > MAL_CHAN_MESSAGE_MAX)
        len_max = MAL_CHAN_MESSAGE_MAX;
    MAL_TRY(chan->ops->recv(chan, message, len_max));
    assert(message->len <= len_max);
    chan->bytes_received += message->len;
    chan->messages_received++;
    return MAL_OK;
}

mal_err mal_chan_recv_exact(mal_chan *chan, void *out, size_t len) {
    MAL_AUTO(mal_buf_clear) mal_buf message = { 0 };
    MAL_TRY(mal_chan_recv(chan, &message, len));
    MAL_REQUIRE(message.len == len, MAL_E_PEER,
                "the peer sent %zu bytes where %zu belong", message.len, len);
    if (len)
        memcpy(out, message.ptr, len);
    return MAL_OK;
}

void mal_chan_close(mal_chan **chan) {
    if (!chan || !*chan)
        return;
    (*chan)->ops->close(*chan);
    *chan = NULL;
}

/* --- A pair in memory ----------------------------------------------------- */

typedef struct message {
    struct message *next;
    size_t len;
    uint8_t data[];
} message;

typedef struct queue {
    message *first, **last;
    size_t bytes;
} queue;

typedef struct pair {
    pthread_mutex_t lock;
    pthread_cond_t change;
    unsigned timeout_ms;
    unsigned ends; /* still open */
    queue to[2];
} pair;

typedef struct end {
    mal_chan chan; /* first: a mal_chan * is an end * */
    pair *pair;
    unsigned side;
    bool dead; /* it broke off after a message that was too long */
} end;

static mal_err pair_send(mal_chan *chan, mal_bytes bytes) {
    end *me = (end *)chan;
    pair *p = me->pair;
    message *m = mal_calloc(1, sizeof *m + bytes.len);
    if (!m)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    m->len = bytes.len;
    if (bytes.len)
        memcpy(m->data, bytes.ptr, bytes.len);

    pthread_mutex_lock(&p->lock);
    queue *q = &p->to[1 - me->side];
    bool gone = me->dead || p->ends < 2;
    size_t waiting = q->bytes;
    bool full = bytes.len > QUEUE_BYTES_MAX - waiting;
    if (!gone && !full) {
        *q->last = m;
        q->last = &m->next;
        q->bytes += m->len;
        pthread_cond_broadcast(&p->change);
    }
    pthread_mutex_unlock(&p->lock);
    if (gone || full)
        mal_free(m);
    MAL_REQUIRE(!gone, MAL_E_PEER, "the peer closed the channel");
    MAL_REQUIRE(!full, MAL_E_LIMIT, "the peer does not read: %zu bytes wait",
                waiting);
    return MAL_OK;
}

/* Under the lock: wait for a message, the peer's end, or the time limit. */
static bool wait_for_message(pair *p, const queue *q) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    uint64_t ns = (uint64_t)until.tv_nsec + p->timeout_ms * UINT64_C(1000000);
    until.tv_sec += (time_t)(ns / 1000000000u);
    until.tv_nsec = (long)(ns % 1000000000u);
    while (!q->first && p->ends == 2)
        if (pthread_cond_timedwait(&p->change, &p->lock, &until) == ETIMEDOUT)
            return q->first != NULL;
    return true;
}

static mal_err pair_recv(mal_chan *chan, mal_buf *out, size_t len_max) {
    end *me = (end *)chan;
    pair *p = me->pair;
    queue *q = &p->to[me->side];
    MAL_REQUIRE(!me->dead, MAL_E_PEER, "the channel was broken off");

    pthread_mutex_lock(&p->lock);
    bool in_time = wait_for_message(p, q);
    message *m = q->first;
    if (m) {
        q->first = m->next;
        if (!q->first)
            q->last = &q->first;
        q->bytes -= m->len;
    }
    pthread_mutex_unlock(&p->lock);

    MAL_REQUIRE(in_time, MAL_E_TIMEOUT, "the peer was silent for %u ms",
                p->timeout_ms);
    MAL_REQUIRE(m, MAL_E_PEER, "the peer closed the channel");
    size_t len = m->len;
    mal_err err = MAL_OK;
    if (len <= len_max) {
        mal_buf_reset(out);
        err = mal_buf_put(out, mal_bytes_of(m->data, len));
    }
    mal_wipe(m->data, len);
    mal_free(m);
    me->dead = len > len_max || err != MAL_OK; /* a message is lost */
    MAL_REQUIRE(len <= len_max, MAL_E_PEER,
                "the peer sent %zu bytes where at most %zu belong", len,
                len_max);
    return err;
}

static void pair_free(pair *p) {
    for (unsigned side = 0; side < 2; side++) {
        for (message *m = p->to[side].first, *next; m; m = next) {
            next = m->next;
            mal_wipe(m->data, m->len);
            mal_free(m);
        }
    }
    pthread_cond_destroy(&p->change);
    pthread_mutex_destroy(&p->lock);
    mal_free(p);
}

static void pair_close(mal_chan *chan) {
    end *me = (end *)chan;
    pair *p = me->pair;
    pthread_mutex_lock(&p->lock);
    bool last = --p->ends == 0;
    pthread_cond_broadcast(&p->change);
    pthread_mutex_unlock(&p->lock);
    mal_free(me);
    if (last)
        pair_free(p);
}

static const mal_chan_ops pair_ops = { pair_send, pair_recv, pair_close };

mal_err mal_chan_pair(mal_chan **a, mal_chan **b, unsigned timeout_ms) {
    pair *p = mal_calloc(1, sizeof *p);
    end *x = p ? mal_calloc(1, sizeof *x) : NULL;
    end *y = x ? mal_calloc(1, sizeof *y) : NULL;
    if (!y) {
        mal_free(x);
        mal_free(p);
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    }
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&p->change, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&p->lock, NULL);
    p->timeout_ms = timeout_ms;
    p->ends = 2;
    p->to[0].last = &p->to[0].first;
    p->to[1].last = &p->to[1].first;
    *x = (end){ .chan.ops = &pair_ops, .pair = p, .side = 0 };
    *y = (end){ .chan.ops = &pair_ops, .pair = p, .side = 1 };
    *a = &x->chan;
    *b = &y->chan;
    return MAL_OK;
}
