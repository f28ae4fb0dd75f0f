/* fuzz_psi_peer.c - a peer that sends anything: the first byte chooses the
 * role, the rest is cut into messages (u16 length, body).  A length with its
 * top bit set asks for the right header before the body, so that the checks
 * behind it are reached.  No answer may come of it. */
#include "../psi_impl.h"

#include <string.h>

typedef struct script {
    mal_chan chan; /* first */
    mal_rd rest;
    const mal_prim_hash *session;
    uint32_t place;
    const uint32_t *types, *items;
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
    if (len & 0x8000) {
        uint8_t header[HEADER] = { 'm', 'p', 'c', 1 };
        mal_store_u32le(header + 4, s->types[s->place]);
        mal_store_u32le(header + 8, s->place);
        mal_store_u32le(header + 12, s->items[s->place]);
        memcpy(header + 16, s->session->b, 32);
        MAL_TRY(mal_buf_put(out, mal_bytes_of(header, HEADER)));
    }
    s->place = s->place < 3 ? s->place + 1 : 3;
    len &= 0x7fff;
    if (len > s->rest.left)
        len = (uint16_t)s->rest.left;
    MAL_TRY(mal_rd_raw(&s->rest, &body, len));
    MAL_TRY(mal_buf_put(out, body));
    MAL_REQUIRE(out->len <= len_max, MAL_E_PEER, "too long");
    return MAL_OK;
}

static void script_close(mal_chan *chan) {
    (void)chan;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const mal_chan_ops ops = { script_send, script_recv, script_close };
    static const uint32_t p1[] = { PSI_MASKED, PSI_RANDOMISER, PSI_SUMS, 0 };
    static const uint32_t p1_items[] = { 2, 1, 2, 0 };
    static const uint32_t p2[] = { PSI_REMASKED, PSI_KEYS, PSI_ROWS, PSI_DONE };
    static const uint32_t p2_items[] = { 2, 1, 2, 0 };
    static const uint8_t keys[2][16] = { { 1 }, { 2 } };
    static const int64_t values[2] = { 3, 4 };
    mal_mpc_psi_params q = {
        .filter_max = 2, .payload_max = 2, .cells = 1, .aggs = 1
    };
    mal_mpc_psi_report report;
    mal_buf out = { 0 };
    psi p;
    if (size < 1)
        return 0;
    mal_ring_ge g;
    mal_ring_ge_base(&g);
    mal_ring_ge_encode(q.recipient, &g);
    script s = { .chan.ops = &ops, .rest = { data + 1, size - 1 } };
    if (psi_init(&p, &s.chan, &q, NULL) == MAL_OK) {
        s.session = &p.session;
        const bool as_filter = data[0] & 1;
        s.types = as_filter ? p2 : p1;
        s.items = as_filter ? p2_items : p1_items;
        const mal_mpc_psi_filter_input in1 = { keys, 2, NULL };
        const mal_mpc_psi_payload_input in2 = { keys, 2, values, NULL };
        mal_err err =
            as_filter
                ? mal_mpc_psi_filter(&report, &s.chan, &q, &in1, NULL)
                : mal_mpc_psi_payload(&out, &report, &s.chan, &q, &in2, NULL);
        if (err != MAL_OK)
            assert(out.len == 0 && report.matches == 0);
    }
    psi_clear(&p);
    mal_buf_clear(&out);
    return 0;
}
