/* Strings, values, noise and shares do not steer: comparing and adding with all
 * of them undefined.  Keys do (cuckoo.c, the stores): each party's own, at
 * home; README.md says so. */
#include "mal_leak.h"

#include "../circuit_impl.h"

#include <string.h>

enum { BINS = 64, BITS = 12, WORDS = 3 };

typedef struct half {
    mal_chan *chan;
    bool payload;
    mal_prim_aes hash;
    uint64_t t[BINS], share[1];
} half;

static void check(mal_err err) {
    if (err != MAL_OK)
        abort();
}

static mal_err work(void *ctx, mal_mesh *mesh) {
    half *h = (half *)ctx + mesh->me;
    static int64_t values[BINS * WORDS];
    static const int64_t zeros[WORDS];
    uint32_t table[BINS];
    transfers by = { .delta = mal_ot_nib_delta() };
    const mal_ot_params params = { .security = MAL_OT_SEMI_HONEST,
                                   .delta = h->payload ? &by.delta : NULL };
    equal e;
    mux m;
    h->chan = mesh->chan[1 - mesh->me];
    for (uint32_t b = 0; b < BINS; b++)
        table[b] = b % 3 ? b : CUCKOO_EMPTY;
    check(h->payload ? mal_ot_cot_new_sender(&by.cot, h->chan, &params)
                     : mal_ot_cot_new_receiver(&by.cot, h->chan, &params));
    check(mal_ot_nib_new(&by.nib, by.cot, 1));
    check(equal_init(&e, &by, h->chan, BITS));
    check(mux_init(&m, &by, h->chan, &h->hash, WORDS));
    mal_leak_secret(h->t, sizeof h->t);
    if (h->payload) {
        const mux_rows rows = { values, table, zeros };
        mal_leak_secret(values, sizeof values);
        mal_leak_secret(&by.delta, sizeof by.delta);
        check(equal_send(&e, h->share, h->t, BINS));
        mal_leak_secret(h->share, sizeof h->share);
        check(mux_send(&m, h->share, &rows, BINS));
    } else {
        check(equal_receive(&e, h->share, h->t, BINS));
        mal_leak_secret(h->share, sizeof h->share);
        check(mux_receive(&m, h->share, BINS));
    }
    mal_leak_sink(m.sum);
    mux_clear(&m);
    equal_clear(&e);
    mal_ot_nib_free(by.nib);
    mal_ot_cot_free(by.cot);
    return MAL_OK;
}

LEAK(comparing_and_adding_do_not_look_at_strings_values_or_shares) {
    static half h[2];
    const uint8_t key[16] = { 1 };
    check(mal_prim_init());
    for (int i = 0; i < 2; i++) {
        h[i].payload = i;
        mal_prim_aes_init(&h[i].hash, key);
    }
    check(mal_mesh_run(2, 60000, work, h));
}

LEAK_CONTROL_SHARE

LEAK_MAIN
