/* psi_scene.h - an intersection between two threads, over spied channels. */
#ifndef PSI_SCENE_H
#define PSI_SCENE_H

#include "mal_test.h"

#include "../run_impl.h"

/* A channel that counts messages, notes their sizes, and may disturb one. */
typedef struct psi_spy {
    mal_chan chan;
    mal_chan *inner;
    uint64_t n, fail_at;    /* 1 = the first call fails */
    uint64_t sent, flip_at; /* flip a bit of the n-th message sent */
    uint32_t flip_type;     /* counting those of this type of ours; 0: all */
    size_t flip_byte;
    uint64_t bytes; /* sent */
    uint64_t trace; /* hash of sizes, in order */
} psi_spy;

/* Of a message of psi itself, or 0. */
static uint32_t psi_spy_type(mal_bytes m) {
    static const uint8_t magic[4] = { 'p', 's', 'i', 2 };
    return m.len >= PSI_HEADER && mal_equal(m.ptr, magic, 4)
               ? mal_load_u32le(m.ptr + 4)
               : 0;
}

static mal_err psi_spy_send(mal_chan *chan, mal_bytes message) {
    psi_spy *s = (psi_spy *)chan;
    if (++s->n == s->fail_at)
        MAL_FAIL(MAL_E_IO, "this send fails");
    s->trace = (s->trace ^ message.len ^ 0x5e) * 0x9e3779b97f4a7c15u;
    s->bytes += message.len;
    if (s->flip_type && psi_spy_type(message) != s->flip_type)
        return mal_chan_send(s->inner, message);
    if (++s->sent != s->flip_at)
        return mal_chan_send(s->inner, message);
    MAL_AUTO(mal_buf_clear) mal_buf copy = { 0 };
    MAL_TRY(mal_buf_put(&copy, message));
    if (copy.len)
        copy.ptr[s->flip_byte % copy.len] ^= 1;
    return mal_chan_send(s->inner, mal_buf_view(&copy));
}

static mal_err psi_spy_recv(mal_chan *chan, mal_buf *message, size_t len_max) {
    psi_spy *s = (psi_spy *)chan;
    if (++s->n == s->fail_at)
        MAL_FAIL(MAL_E_IO, "this receive fails");
    mal_err err = mal_chan_recv(s->inner, message, len_max);
    if (err == MAL_OK)
        s->trace = (s->trace ^ message->len ^ 0x2c) * 0x9e3779b97f4a7c15u;
    return err;
}

static void psi_spy_close(mal_chan *chan) {
    mal_chan_close(&((psi_spy *)chan)->inner);
}

static const mal_chan_ops psi_spy_ops = { psi_spy_send, psi_spy_recv,
                                          psi_spy_close };

typedef struct psi_scene {
    mal_psi_params rp,
        sp; /* what each side declares: equal, unless a test says */
    mal_psi_set x, y;
    mal_psi_key *xs, *ys;
    uint64_t *hits;
    psi_spy r, s;
    mal_err r_err, s_err;
    const mal_progress *r_progress, *s_progress;
    uint64_t alloc_fail_at; /* counted from when both run; 0: none */
} psi_scene;

static unsigned psi_timeout_ms = 20000;

static void psi_key_of(mal_psi_key *key, uint64_t i) {
    memset(key, 0xab, sizeof *key);
    mal_store_u64le(key->b, i);
}

/* x = {0 .. nx - 1}, y = {shift .. shift + ny - 1}. */
__attribute__((unused)) static void psi_scene_new(psi_scene *c, size_t nx,
                                                  size_t ny, uint64_t shift,
                                                  mal_psi_security security) {
    memset(c, 0, sizeof *c);
    memset(c->rp.session, 7, sizeof c->rp.session);
    c->rp.receiver_max = nx ? nx : 1;
    c->rp.sender_max = ny ? ny : 1;
    c->rp.security = security;
    c->rp.threads = 1;
    c->sp = c->rp;
    c->xs = calloc(nx + 1, sizeof *c->xs);
    c->ys = calloc(ny + 1, sizeof *c->ys);
    c->hits = calloc(nx / 64 + 1, sizeof *c->hits);
    for (size_t i = 0; i < nx; i++)
        psi_key_of(&c->xs[i], i);
    for (size_t i = 0; i < ny; i++)
        psi_key_of(&c->ys[i], shift + i);
    c->x = (mal_psi_set){ c->xs, nx, false };
    c->y = (mal_psi_set){ c->ys, ny, false };
    mal_chan *a, *b;
    CHECK_OK(mal_chan_pair(&a, &b, psi_timeout_ms));
    c->r.chan.ops = c->s.chan.ops = &psi_spy_ops;
    c->r.inner = a;
    c->s.inner = b;
}

static void psi_scene_receiver(void *arg) {
    psi_scene *c = arg;
    c->r_err =
        mal_psi_receive(c->hits, &c->r.chan, &c->rp, &c->x, c->r_progress);
    mal_chan_close(&c->r.inner);
}

static void psi_scene_sender(void *arg) {
    psi_scene *c = arg;
    c->s_err = mal_psi_send(&c->s.chan, &c->sp, &c->y, c->s_progress);
    mal_chan_close(&c->s.inner);
}

__attribute__((unused)) static void psi_scene_go(psi_scene *c) {
    mal_thread *t;
    CHECK_OK(mal_thread_start(&t, psi_scene_receiver, c));
    mal_alloc_fail_at(c->alloc_fail_at);
    psi_scene_sender(c);
    mal_thread_join(&t);
    mal_alloc_fail_at(0);
}

__attribute__((unused)) static bool psi_scene_hit(const psi_scene *c,
                                                  size_t i) {
    return c->hits[i / 64] >> (i % 64) & 1;
}

__attribute__((unused)) static void psi_scene_done(psi_scene *c) {
    mal_chan_close(&c->r.inner);
    mal_chan_close(&c->s.inner);
    free(c->xs);
    free(c->ys);
    free(c->hits);
}

#endif
