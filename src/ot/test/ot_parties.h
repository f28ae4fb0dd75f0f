/* ot_parties.h - two ends in memory, each on a thread of its own. */
#ifndef MALUS_OT_PARTIES_H
#define MALUS_OT_PARTIES_H

#include "mal_test.h"
#include "../ot_impl.h"

typedef struct ot_party {
    mal_chan *chan;
    mal_err (*run)(struct ot_party *p);
    void *ctx;
    mal_err err;
    char message[256];
    uint64_t cpu_ns;
} ot_party;

__attribute__((unused)) static void party_main(void *arg) {
    ot_party *p = arg;
    uint64_t from = mal_time_thread_ns();
    p->err = p->run(p);
    p->cpu_ns = mal_time_thread_ns() - from;
    snprintf(p->message, sizeof p->message, "%s", mal_err_message());
    if (p->err != MAL_OK) /* the other end must not wait */
        mal_chan_close(&p->chan);
}

static mal_err party_play(void *ctx, mal_mesh *mesh) {
    ot_party *p = ((ot_party **)ctx)[mesh->me];
    p->chan = mesh->chan[1 - mesh->me];
    mesh->chan[1 - mesh->me] = NULL; /* the party's now */
    party_main(p);
    mal_chan_close(&p->chan);
    return p->err;
}

/* Both to their end; the caller looks at err of each. */
__attribute__((unused)) static void parties_run(ot_party *a, ot_party *b) {
    a->err = b->err = MAL_E_STATE; /* has not run */
    mal_err err = mal_mesh_run(2, 20000, party_play, (ot_party *[]){ a, b });
    (void)err;
}

__attribute__((unused)) static bool block_same(mal_ot_block a, mal_ot_block b) {
    return a.w[0] == b.w[0] && a.w[1] == b.w[1];
}

__attribute__((unused)) static mal_ot_block block_rand(uint64_t *rng) {
    uint64_t lo = mal_test_rand(rng), hi = mal_test_rand(rng);
    return (mal_ot_block){ { lo, hi } };
}

__attribute__((unused)) static void
expand(ot_way way, const ot_shape *shape, mal_ot_block *out0,
       mal_ot_block *out1, const mal_ot_block *x, unsigned width) {
    const ot_expansion e = { way, shape, out0, out1, x, width };
    CHECK_OK(ot_code_expand(&e, 1));
}

#endif
