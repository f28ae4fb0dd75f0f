/* fuzz_ot_peer.c - a peer that sends anything.  The first byte chooses role,
 * security and fold; the rest is cut into messages (u16 length, body).  A
 * length with its top bit set fills the message up to what is awaited, so that
 * the checks behind the length are reached.  No answer may come of it in
 * malicious mode; the base OTs are a dealer's, that each run be short. */
#include "../ot_impl.h"

#include <string.h>

typedef struct script {
    mal_chan chan; /* first */
    mal_rd rest;
} script;

static mal_err script_send(mal_chan *chan, mal_bytes m) {
    (void)chan, (void)m;
    return MAL_OK;
}

static mal_err script_recv(mal_chan *chan, mal_buf *out, size_t len_max) {
    script *s = (script *)chan;
    uint16_t len;
    mal_bytes body;
    mal_buf_reset(out);
    if (mal_rd_u16(&s->rest, &len) != MAL_OK)
        MAL_FAIL(MAL_E_PEER, "the script ends");
    bool fill = len & 0x8000;
    len &= 0x7fff;
    if (len > s->rest.left)
        len = (uint16_t)s->rest.left;
    if (len > len_max)
        len = (uint16_t)len_max;
    MAL_TRY(mal_rd_raw(&s->rest, &body, len));
    MAL_TRY(mal_buf_put(out, body));
    while (fill && out->len < len_max)
        MAL_TRY(mal_buf_put_u8(out, (uint8_t)out->len));
    return MAL_OK;
}

static void script_close(mal_chan *chan) {
    (void)chan;
}

static void run(mal_ot_cot *cot, bool sender, bool vole) {
    static mal_ot_block x[300], y[300];
    static const uint64_t choice[5] = { 1, 2, 3, 4, 5 };
    mal_err err;
    memset(x, 0, sizeof x);
    if (sender)
        err = vole ? mal_ot_cot_vole_send(cot, x, 300, NULL)
                   : mal_ot_cot_send(cot, x, 300);
    else
        err = vole ? mal_ot_cot_vole_receive(cot, x, y, 300, NULL)
                   : mal_ot_cot_receive(cot, x, choice, 300);
    if (err != MAL_OK)
        for (size_t i = 0; i < 300; i++)
            assert(!x[i].w[0] && !x[i].w[1]);
    if (cot->params.security == MAL_OT_MALICIOUS && (sender || vole))
        assert(err != MAL_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const mal_chan_ops ops = { script_send, script_recv, script_close };
    static const mal_ot_block key[KAPPA][2] = { { { { 1, 2 } } } };
    MAL_AUTO(mal_ot_cot_auto) mal_ot_cot *cot = NULL;
    MAL_AUTO(mal_buf_clear) mal_buf message = { 0 };
    if (size < 1)
        return 0;
    const uint8_t how = data[0];
    script s = { .chan.ops = &ops, .rest = { data + 1, size - 1 } };
    const mal_ot_params params = { .security = how & 1 ? MAL_OT_MALICIOUS
                                                       : MAL_OT_SEMI_HONEST,
                                   .fold = how & 2 ? 2 : 4 };
    const bool sender = how & 4, whole = how & 8;
    if (whole) { /* base OTs and setup too */
        mal_err err = sender ? mal_ot_cot_new_sender(&cot, &s.chan, &params)
                             : mal_ot_cot_new_receiver(&cot, &s.chan, &params);
        if (err != MAL_OK)
            return 0;
    } else {
        if (ot_cot_make(&cot, &s.chan, &params, sender) != MAL_OK)
            return 0;
        mal_prim_random(&cot->delta, BLOCK);
        /* The leaves are whatever such a setup gives: zero keys do. */
        mal_ot_block copy[KAPPA][2];
        memcpy(copy, key, sizeof copy);
        if (!sender && ot_setup_owner(cot, &message, copy) != MAL_OK)
            return 0;
    }
    run(cot, sender, how & 16);
    return 0;
}
