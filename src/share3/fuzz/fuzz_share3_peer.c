/* fuzz_share3_peer.c - peers that send anything: byte 0 chooses our seat, the
 * rest is cut into messages (u16 length, body).  A length with its top bit set
 * asks for the right header before the body, so that what lies behind the
 * checks is reached; greetings likewise. */
#include "../share3_impl.h"

#include <stdlib.h>

#define N 3

typedef struct script {
    mal_chan chan; /* first */
    mal_rd *rest;
    mal_mesh *mesh;
    mal_share3 **s;
    unsigned peer;
    bool greeted;
    uint8_t greeting[88]; /* ours */
} script;

static mal_err script_send(mal_chan *chan, mal_bytes m) {
    script *c = (script *)chan;
    if (m.len == sizeof c->greeting && !c->greeted)
        memcpy(c->greeting, m.ptr, m.len);
    return MAL_OK;
}

static mal_err put_header(script *c, mal_buf *out, unsigned kind) {
    uint8_t header[SHARE3_HEADER] = { 0 };
    if (!c->greeted) {
        c->greeted = true;
        mal_store_u32le(c->greeting + 8, c->peer);
        return mal_buf_put(out, mal_bytes_of(c->greeting, sizeof c->greeting));
    }
    mal_store_u32le(header, kind);
    mal_store_u64le(header + 8, *c->s ? (*c->s)->place : 0);
    return mal_buf_put(out, mal_bytes_of(header, sizeof header));
}

static mal_err script_recv(mal_chan *chan, mal_buf *out, size_t len_max) {
    script *c = (script *)chan;
    uint16_t len;
    mal_bytes body;
    mal_buf_reset(out);
    MAL_REQUIRE(mal_rd_u16(c->rest, &len) == MAL_OK, MAL_E_PEER, "it ends");
    const bool header = len & 0x8000;
    if (header)
        MAL_TRY(put_header(c, out, len >> 12 & 7));
    len &= 0xfff;
    if (len > c->rest->left)
        len = (uint16_t)c->rest->left;
    MAL_TRY(mal_rd_raw(c->rest, &body, len));
    MAL_TRY(mal_buf_put(out, body));
    /* Half of the time with the body that fits. */
    while (header && len == 0xfff && out->len < len_max)
        MAL_TRY(mal_buf_put_u8(out, (uint8_t)out->len));
    MAL_REQUIRE(out->len <= len_max, MAL_E_PEER, "too long");
    return MAL_OK;
}

static void script_close(mal_chan *chan) {
    (void)chan;
}

typedef struct job {
    mal_share3_words u, v, w;
    mal_share3_bits x, b;
} job;

static mal_err calculate(mal_share3 *s, job *j) {
    static const uint64_t rows[64] = { 1, 2, 3 };
    uint64_t out[64];
    for (unsigned owner = 0; owner < 3; owner++)
        MAL_TRY(mal_share3_words_input(s, &j->u, owner, rows, N));
    MAL_TRY(mal_share3_words_agree(s, &j->u));
    MAL_TRY(mal_share3_mul(s, &j->v, &j->u, &j->u));
    MAL_TRY(mal_share3_dot(s, &j->w, &j->u, &j->v, 1));
    MAL_TRY(mal_share3_to_bits(s, &j->x, &j->w, 4));
    MAL_TRY(mal_share3_eq(s, &j->b, &j->x, &j->x));
    MAL_TRY(mal_share3_lt(s, &j->b, &j->x, &j->x, true));
    MAL_TRY(mal_share3_to_words(s, &j->w, &j->x, false));
    MAL_TRY(mal_share3_words_open(s, out, &j->w));
    return mal_share3_bits_open(s, out, &j->b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const mal_chan_ops ops = { script_send, script_recv, script_close };
    script peer[3] = { 0 };
    mal_mesh mesh = { .n = 3 };
    mal_share3 *s = NULL;
    job j = { 0 };
    if (size < 1)
        return 0;
    mesh.me = data[0] % 3;
    mal_rd rest = mal_rd_of(mal_bytes_of(data + 1, size - 1));
    for (unsigned i = 0; i < 3; i++) {
        peer[i] = (script){
            .chan.ops = &ops, .rest = &rest, .mesh = &mesh, .s = &s, .peer = i
        };
        mesh.chan[i] = i == mesh.me ? NULL : &peer[i].chan;
    }
    const mal_share3_options o = { .security = MAL_SHARE3_SEMI_HONEST };
    if (mal_share3_open(&s, &mesh, &o) == MAL_OK) {
        const mal_err err = calculate(s, &j);
        if (err != MAL_OK && err != MAL_E_PEER)
            abort();
    }
    mal_share3_words_clear(&j.u);
    mal_share3_words_clear(&j.v);
    mal_share3_words_clear(&j.w);
    mal_share3_bits_clear(&j.x);
    mal_share3_bits_clear(&j.b);
    mal_share3_close(&s);
    return 0;
}
