/* share3_parties.h - three parties as threads, over channels in memory or over
 * ones that block when their window is full. */
#ifndef SHARE3_PARTIES_H
#define SHARE3_PARTIES_H

#include "../share3_impl.h"
#include "mal_test.h"

#include <pthread.h>

/* --- A channel that blocks, as net's do -------------------------------------
 */

#define PIPE_MESSAGES 64
typedef struct pipe_end {
    mal_chan chan; /* first */
    struct pipe_queue *out, *in;
} pipe_end;

typedef struct pipe_queue {
    pthread_mutex_t lock;
    pthread_cond_t change;
    mal_buf message[PIPE_MESSAGES];
    unsigned first, count;
    size_t bytes, window;
    bool closed;
} pipe_queue;

static mal_err pipe_send(mal_chan *chan, mal_bytes m) {
    pipe_queue *q = ((pipe_end *)chan)->out;
    pthread_mutex_lock(&q->lock);
    while (!q->closed &&
           (q->bytes + m.len + 32 > q->window || q->count == PIPE_MESSAGES))
        pthread_cond_wait(&q->change, &q->lock);
    mal_err err = MAL_E_PEER;
    if (!q->closed) {
        mal_buf *to = &q->message[(q->first + q->count++) % PIPE_MESSAGES];
        err = mal_buf_put(to, m);
        q->bytes += m.len + 32;
    }
    pthread_cond_broadcast(&q->change);
    pthread_mutex_unlock(&q->lock);
    return err;
}

static mal_err pipe_recv(mal_chan *chan, mal_buf *out, size_t len_max) {
    pipe_queue *q = ((pipe_end *)chan)->in;
    pthread_mutex_lock(&q->lock);
    while (!q->closed && q->count == 0)
        pthread_cond_wait(&q->change, &q->lock);
    mal_err err = MAL_E_PEER;
    if (q->count) {
        mal_buf *m = &q->message[q->first];
        q->first = (q->first + 1) % PIPE_MESSAGES;
        q->count--;
        q->bytes -= m->len + 32;
        mal_buf_reset(out);
        err =
            m->len <= len_max ? mal_buf_put(out, mal_buf_view(m)) : MAL_E_PEER;
        mal_buf_clear(m);
    }
    pthread_cond_broadcast(&q->change);
    pthread_mutex_unlock(&q->lock);
    return err;
}

static void pipe_close(mal_chan *chan) {
    pipe_end *e = (pipe_end *)chan;
    pipe_queue *both[2] = { e->out, e->in };
    for (unsigned i = 0; i < 2; i++) {
        pthread_mutex_lock(&both[i]->lock);
        both[i]->closed = true;
        pthread_cond_broadcast(&both[i]->change);
        pthread_mutex_unlock(&both[i]->lock);
    }
}

__attribute__((unused)) static void
pipe_pair(pipe_end end[2], pipe_queue queue[2], size_t window) {
    static const mal_chan_ops ops = { pipe_send, pipe_recv, pipe_close };
    for (unsigned i = 0; i < 2; i++) {
        memset(&queue[i], 0, sizeof queue[i]);
        pthread_mutex_init(&queue[i].lock, NULL);
        pthread_cond_init(&queue[i].change, NULL);
        queue[i].window = window;
        end[i] = (pipe_end){ .chan.ops = &ops,
                             .out = &queue[i],
                             .in = &queue[1 - i] };
    }
}

/* --- A channel that spies and lies -----------------------------------------
 */

typedef enum lie {
    LIE_NONE,
    LIE_FLIP,  /* one bit of byte `offset` of the message */
    LIE_SHORT, /* the last byte is cut */
    LIE_LONG,  /* a byte is added */
    LIE_EMPTY,
    LIE_CLOSE, /* the channel is closed instead */
    LIE_FAIL,  /* the send itself fails */
} lie;

typedef struct spy {
    mal_chan chan; /* first */
    mal_chan *inner;
    lie how;
    uint64_t at, sent; /* message number `at` is the lie */
    size_t offset;
    mal_buf *received; /* NULL, or takes the bodies of what comes in */
    mal_buf *lengths;  /* NULL, or takes u64 lengths of what goes out */
    /* NULL, or sees, and may change, each message that goes out. */
    void (*edit)(struct spy *spy, mal_buf *message);
    void *edit_ctx;
} spy;

__attribute__((unused)) static mal_err spy_send(mal_chan *chan, mal_bytes m) {
    spy *y = (spy *)chan;
    MAL_AUTO(mal_buf_clear) mal_buf copy = { 0 };
    MAL_REQUIRE(y->inner, MAL_E_PEER, "closed by the test");
    if (y->lengths)
        MAL_TRY(mal_buf_put_u64(y->lengths, m.len));
    const bool lies = y->sent++ == y->at && y->how != LIE_NONE;
    if (!lies && !y->edit)
        return mal_chan_send(y->inner, m);
    MAL_TRY(mal_buf_put(&copy, m));
    if (y->edit)
        y->edit(y, &copy);
    if (!lies)
        return mal_chan_send(y->inner, mal_buf_view(&copy));
    if (y->how == LIE_FLIP)
        copy.ptr[y->offset % m.len] ^= 1;
    if (y->how == LIE_SHORT)
        copy.len--;
    if (y->how == LIE_LONG)
        MAL_TRY(mal_buf_put_u8(&copy, 0));
    if (y->how == LIE_EMPTY)
        copy.len = 0;
    if (y->how == LIE_CLOSE)
        mal_chan_close(&y->inner);
    MAL_REQUIRE(y->how != LIE_CLOSE && y->how != LIE_FAIL, MAL_E_IO,
                "the test lets a send fail");
    return mal_chan_send(y->inner, mal_buf_view(&copy));
}

__attribute__((unused)) static mal_err spy_recv(mal_chan *chan, mal_buf *m,
                                                size_t len_max) {
    spy *y = (spy *)chan;
    MAL_REQUIRE(y->inner, MAL_E_PEER, "closed by the test");
    MAL_TRY(mal_chan_recv(y->inner, m, len_max));
    if (y->received && m->len > SHARE3_HEADER)
        MAL_TRY(mal_buf_put(y->received, mal_bytes_of(m->ptr + SHARE3_HEADER,
                                                      m->len - SHARE3_HEADER)));
    return MAL_OK;
}

__attribute__((unused)) static void spy_close(mal_chan *chan) {
    mal_chan_close(&((spy *)chan)->inner);
}

/* --- Three parties
 * ------------------------------------------------------------ */

typedef struct trio trio;
typedef struct party {
    trio *all;
    unsigned me;
    mal_share3 *s;
    mal_share3_options options;
    mal_share3_counters count;
    spy spies[3]; /* by peer */
    mal_err err;
    char why[256];
} party;

struct trio {
    party p[3];
    mal_err (*body)(mal_share3 *s, void *ctx);
    void *ctx;
    size_t window; /* 0: memory pairs */
    bool spied;
    uint64_t fail_at; /* this allocation after the channels are there */
    pipe_end end[3][2];
    pipe_queue queue[3][2];
};

__attribute__((unused)) static void trio_init(trio *t) {
    memset(t, 0, sizeof *t);
    for (unsigned i = 0; i < 3; i++) {
        t->p[i].all = t;
        t->p[i].me = i;
        memset(t->p[i].options.session, 7, 32);
        t->p[i].options.security = MAL_SHARE3_SEMI_HONEST;
    }
}

/* Pipes instead of memory, and spies over either, as the test wants. */
static void trio_lay(party *p, mal_mesh *mesh) {
    static const mal_chan_ops ops = { spy_send, spy_recv, spy_close };
    trio *t = p->all;
    for (unsigned j = 0; j < 3; j++) {
        if (j == p->me)
            continue;
        const bool next = j == (p->me + 1) % 3;
        if (t->window) {
            mal_chan_close(&mesh->chan[j]);
            mesh->chan[j] = &t->end[next ? p->me : j][next ? 0 : 1].chan;
        }
        if (t->spied) {
            p->spies[j].chan.ops = &ops;
            p->spies[j].inner = mesh->chan[j];
            mesh->chan[j] = &p->spies[j].chan;
        }
    }
}

static mal_err trio_party(void *ctx, mal_mesh *mesh) {
    trio *t = ctx;
    party *p = &t->p[mesh->me];
    trio_lay(p, mesh);
    if (t->fail_at && p->me == 2) /* the last to start */
        mal_alloc_fail_at(t->fail_at);
    p->err = mal_share3_open(&p->s, mesh, &p->options);
    if (p->err == MAL_OK)
        p->err = t->body(p->s, t->ctx);
    if (p->s)
        p->count = mal_share3_count(p->s);
    snprintf(p->why, sizeof p->why, "%s", mal_err_message());
    mal_mesh_close(mesh);
    mal_share3_close(&p->s);
    return p->err;
}

/* Runs body at all three; the caller looks at err of each. */
__attribute__((unused)) static void
trio_go(trio *t, mal_err (*body)(mal_share3 *, void *), void *ctx) {
    t->body = body;
    t->ctx = ctx;
    for (unsigned i = 0; i < 3 && t->window; i++)
        pipe_pair(t->end[i], t->queue[i], t->window);
    for (unsigned i = 0; i < 3; i++)
        t->p[i].err = MAL_E_STATE; /* has not run */
    mal_err err = mal_mesh_run(3, 10000, trio_party, t);
    (void)err;
}

/* The usual: all is well at all three. */
__attribute__((unused)) static void
trio_run(mal_err (*body)(mal_share3 *, void *), void *ctx) {
    static trio t;
    trio_init(&t);
    trio_go(&t, body, ctx);
    for (unsigned i = 0; i < 3; i++)
        CHECK_THAT(t.p[i].err == MAL_OK, "party %u: %s: %s", i,
                   mal_err_name(t.p[i].err), t.p[i].why);
}

#endif
