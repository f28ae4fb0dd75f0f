/* fuzz_psi_masks.c - a sender whose last messages are anything: the first byte
 * chooses security and whether headers are right, the rest is cut into messages
 * (u16 length, body).  Only own masks may be called common. */
#include "../run_impl.h"

#include <string.h>

#define N 40

typedef struct script {
    mal_chan chan; /* first */
    mal_rd rest;
    const psi_run *run;
    uint32_t place;
    bool right;
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
    if (s->right) {
        uint8_t header[PSI_HEADER] = { 'p', 's', 'i', 2 };
        mal_store_u32le(header + 4, s->place ? PSI_MASKS : PSI_COUNTS);
        mal_store_u32le(header + 8, s->place);
        mal_store_u32le(header + 12, s->place ? N : 1u << s->run->prefix_bits);
        memcpy(header + 16, s->run->wire.session.b, 32);
        MAL_TRY(mal_buf_put(out, mal_bytes_of(header, PSI_HEADER)));
        len = (uint16_t)(s->place ? N * s->run->mask_bytes
                                  : 1u << s->run->prefix_bits);
    }
    s->place++;
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
    static mal_psi_block own[N];
    static uint32_t index[N];
    uint64_t hits[1] = { 0 };
    psi_run run;
    if (size < 1)
        return 0;
    mal_psi_params q = { .receiver_max = N,
                         .sender_max = N,
                         .security = data[0] & 1 ? MAL_PSI_SEMI_HONEST
                                                 : MAL_PSI_MALICIOUS };
    script s = { .chan.ops = &ops,
                 .rest = { data + 1, size - 1 },
                 .right = data[0] & 2 };
    for (uint32_t i = 0; i < N; i++) {
        own[i] = (mal_psi_block){ { i * 0x0123456789abcdefu, i } };
        index[i] = i;
    }
    const psi_own_masks set = { own, index, N, N - 2 };
    if (psi_run_init(&run, &s.chan, &q, NULL) == MAL_OK) {
        s.run = &run;
        if (psi_masks_match(&run, hits, &set) == MAL_OK)
            assert(hits[0] >> (N - 2) == 0);
    }
    psi_run_clear(&run);
    return 0;
}
