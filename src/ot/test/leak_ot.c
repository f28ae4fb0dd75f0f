/* leak_ot.c - delta, choices, noise and seeds do not steer.
 *
 * Everything that mal_prim_random draws is secret here: this file has its own.
 * What arrives over a channel is public.  Base OTs are dealt: libsodium's
 * verdict on a point (is it canonical?) branches on what nobody can choose.
 * valgrind knows no AVX-512, so that it is the plain and the 128-bit ways that
 * run.
 */
#include "mal_leak.h"

#include "../ot_impl.h"

#include <sys/random.h>

#define MUST(call)                                                             \
    do {                                                                       \
        if ((call) != MAL_OK)                                                  \
            abort();                                                           \
    } while (0)

void mal_prim_random(void *out, size_t len) {
    if (getrandom(out, len, 0) != (ssize_t)len)
        abort();
    mal_leak_secret(out, len);
}

typedef struct open_wire {
    mal_chan chan; /* first */
    mal_chan *inner;
} open_wire;

static mal_err open_send(mal_chan *chan, mal_bytes m) {
    return mal_chan_send(((open_wire *)chan)->inner, m);
}

static mal_err open_recv(mal_chan *chan, mal_buf *out, size_t len_max) {
    MUST(mal_chan_recv(((open_wire *)chan)->inner, out, len_max));
    mal_declassify(out->ptr, out->len);
    return MAL_OK;
}

static void open_close(mal_chan *chan) {
    mal_chan_close(&((open_wire *)chan)->inner);
}

typedef struct side {
    open_wire wire;
    mal_ot_cot *cot;
    mal_ot_block *out[2];
    size_t n;
} side;

/* Two extenders whose base OTs a dealer made. */
static void deal(side *s, side *r) {
    static const mal_chan_ops ops = { open_send, open_recv, open_close };
    const mal_ot_params params = { .security = MAL_OT_MALICIOUS };
    mal_ot_block key[KAPPA][2], mine[KAPPA];
    mal_buf message = { 0 };
    MUST(mal_chan_pair(&s->wire.inner, &r->wire.inner, 60000));
    s->wire.chan.ops = r->wire.chan.ops = &ops;
    MUST(ot_cot_make(&s->cot, &s->wire.chan, &params, true));
    MUST(ot_cot_make(&r->cot, &r->wire.chan, &params, false));
    s->cot->delta = mal_ot_nib_delta();
    mal_prim_random(key, sizeof key);
    for (unsigned j = 0; j < KAPPA; j++) {
        unsigned bit = j / 4 * 4 + 3 - j % 4; /* as cot.c has it, fold 4 */
        uint64_t one = ~ot_mask_bit(s->cot->delta, bit);
        mine[j] = ot_xor(key[j][0], ot_and(ot_xor(key[j][0], key[j][1]), one));
    }
    MUST(ot_setup_owner(r->cot, &message, key));
    mal_declassify(message.ptr, message.len);
    MUST(ot_setup_guest(s->cot, mal_buf_view(&message), mine));
    mal_buf_clear(&message);
}

static void end(side *s, side *r) {
    mal_ot_cot_free(s->cot);
    mal_ot_cot_free(r->cot);
    mal_chan_close(&s->wire.inner);
    mal_chan_close(&r->wire.inner);
}

LEAK(extending_does_not_look_at_delta_or_choices) {
    static side s, r;
    static mal_ot_block q[700], t[700];
    uint64_t choice[11];
    deal(&s, &r);
    mal_prim_random(choice, sizeof choice);
    MUST(mal_ot_cot_receive(r.cot, t, choice, 700));
    MUST(mal_ot_cot_send(s.cot, q, 700));
    mal_ot_cot_hash(s.cot, q, q, 700, 0);
    mal_leak_sink(q);
    mal_leak_sink(t);
    end(&s, &r);
}

static void vole_sender(void *arg) {
    side *s = arg;
    MUST(mal_ot_cot_vole_send(s->cot, s->out[0], s->n, NULL));
}

LEAK(vole_does_not_look_at_delta_or_noise) {
    static side s, r;
    static mal_ot_block a[100], b[100], c[100];
    mal_thread *thread;
    deal(&s, &r);
    s.out[0] = b;
    s.n = 100;
    MUST(mal_thread_start(&thread, vole_sender, &s));
    MUST(mal_ot_cot_vole_receive(r.cot, a, c, 100, NULL));
    mal_thread_join(&thread);
    mal_leak_sink(a);
    mal_leak_sink(b);
    mal_leak_sink(c);
    end(&s, &r);
}

static void nib_sender(void *arg) {
    side *s = arg;
    mal_ot_nib *nib;
    MUST(mal_ot_nib_new(&nib, s->cot, 1));
    MUST(mal_ot_nib_next(nib, s->out[0], s->n));
    mal_ot_nib_hash(nib, s->out[0], s->out[0], s->n, 0);
    mal_ot_nib_free(nib);
}

LEAK(one_of_sixteen_does_not_look_at_delta_noise_or_choices) {
    static side s, r;
    static mal_ot_block b[100], c[100];
    mal_ot_nib *nib;
    mal_thread *thread;
    deal(&s, &r);
    s.out[0] = b;
    s.n = 100;
    MUST(mal_thread_start(&thread, nib_sender, &s));
    MUST(mal_ot_nib_new(&nib, r.cot, 1));
    MUST(mal_ot_nib_next(nib, c, 100));
    mal_ot_nib_free(nib);
    mal_thread_join(&thread);
    mal_leak_sink(b);
    mal_leak_sink(c);
    end(&s, &r);
}

LEAK(products_do_not_look_at_their_factors) {
    for (ot_way w = OT_WAY_PLAIN; w <= OT_WAY_CLMUL; w++) {
        mal_ot_block v[128], x;
        mal_prim_random(v, sizeof v);
        if (!(ot_ways() >> w & 1))
            continue;
        x = ot_inner_by(w, v, v + 64, 64);
        mal_leak_sink(&x);
        x = ot_compose(v);
        mal_leak_sink(&x);
    }
}

LEAK(every_way_of_the_code_and_the_trees_is_blind) {
    static ot_shape shape;
    static mal_ot_block leaf[1 << 9], sum[9][2], side_of[9], seed;
    static side s, r;
    ot_tree tree;
    uint32_t hole;
    deal(&s, &r);
    ot_tree_init(&tree, s.cot, 0, 9);
    mal_prim_random(&seed, BLOCK);
    mal_prim_random(&hole, sizeof hole);
    (void)ot_tree_grow(&tree, leaf, seed, sum);
    for (unsigned l = 0; l < 9; l++)
        side_of[l] = sum[l][0];
    (void)ot_tree_regrow(&tree, leaf, hole & 511, side_of);
    mal_leak_sink(leaf);
    ot_shape_make(&shape, 100, MAL_OT_CODE_7X24);
    mal_ot_block *x = mal_ot_blocks_new(shape.parity);
    mal_prim_random(x, shape.parity * BLOCK);
    ot_code_convolve(OT_WAY_PLAIN, &shape, x, 1);
    const ot_expansion e = { OT_WAY_PLAIN, &shape, leaf, NULL, x, 1 };
    MUST(ot_code_expand(&e, 1));
    mal_leak_sink(leaf);
    mal_ot_blocks_free(x);
    end(&s, &r);
}

LEAK_CONTROL(a_branch_on_delta_is_seen) {
    static side s, r;
    static int met;
    deal(&s, &r);
    if (s.cot->delta.w[0] & 1)
        met++;
    mal_leak_sink(&met);
    end(&s, &r);
}

LEAK_MAIN
