/* circuit_mux.c - rows times shared bits, added up.
 *
 * b = b_P ^ b_F; P knows the row v of each bin.  b v = b_P v + b_F u with
 * u = (1 - 2 b_P) v: the first is P's alone, the second a correlated transfer
 * with F's choice b_F.  P keeps -pad0, F gets pad0 + b_F u.  Both add up over
 * all bins at once, so only the sums of a column remain.
 *
 * The two pads of a transfer are seeds, which a public permutation stretches:
 * block j is words 2 j and 2 j + 1 of the row.
 */
#include "circuit_impl.h"

#include <string.h>

mal_err mux_init(mux *m, transfers *by, mal_chan *chan,
                 const mal_prim_aes *hash, size_t words) {
    *m = (mux){ .by = by, .chan = chan, .hash = hash, .words = words };
    m->sum = mal_calloc(words, sizeof *m->sum);
    m->seed0 = mal_calloc(EQUAL_BATCH, sizeof *m->seed0);
    m->seed1 = mal_calloc(EQUAL_BATCH, sizeof *m->seed1);
    m->h0 = mal_calloc(MUX_BLOCKS, sizeof *m->h0);
    m->h1 = mal_calloc(MUX_BLOCKS, sizeof *m->h1);
    if (!m->sum || !m->seed0 || !m->seed1 || !m->h0 || !m->h1)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    return MAL_OK;
}

void mux_clear(mux *m) {
    circuit_wipe_free(m->sum, m->words * sizeof *m->sum);
    circuit_wipe_free(m->seed0, EQUAL_BATCH * sizeof *m->seed0);
    circuit_wipe_free(m->seed1, EQUAL_BATCH * sizeof *m->seed1);
    circuit_wipe_free(m->h0, MUX_BLOCKS * sizeof *m->h0);
    circuit_wipe_free(m->h1, MUX_BLOCKS * sizeof *m->h1);
    mal_buf_clear(&m->message);
    *m = (mux){ 0 };
}

/* Words [first, first + len) of bins [at, at + bins), as they are sent. */
typedef struct tile {
    size_t first, len, blocks; /* blocks of pads for len words */
    size_t at, bins;
} tile;

static tile tile_of(const mux *m, size_t first) {
    const size_t left = m->words - first;
    tile t = { .first = first, .len = left < MUX_CHUNK ? left : MUX_CHUNK };
    t.blocks = (t.len + 1) / 2;
    return t;
}

/* h = pi(seed ^ j) ^ seed ^ j for the blocks j of each bin. */
static void pads(const mux *m, mal_ot_block *h, const mal_ot_block *seed,
                 const tile *t) {
    for (size_t k = 0; k < t->bins; k++) {
        const mal_ot_block s = seed[t->at + k];
        for (size_t j = 0; j < t->blocks; j++)
            h[k * t->blocks + j] =
                (mal_ot_block){ { s.w[0] ^ (t->first / 2 + j), s.w[1] } };
    }
    mal_prim_aes_mmo(h, h, t->bins * t->blocks, m->hash);
}

static size_t next_bins(const tile *t, size_t n) {
    const size_t most = MUX_BLOCKS / t->blocks, left = n - t->at;
    return left < most ? left : most;
}

/* Where this party's share of a bin's words goes. */
static uint64_t *share_of(const mux *m, const tile *t, size_t bin) {
    return (m->each ? m->each + bin * m->words : m->sum) + t->first;
}

/* --- P -------------------------------------------------------------------- */

static void send_tile(mux *m, uint8_t *out, const uint64_t *bit,
                      const mux_rows *rows, const tile *t) {
    pads(m, m->h0, m->seed0, t);
    pads(m, m->h1, m->seed1, t);
    for (size_t k = 0; k < t->bins; k++, out += 8 * t->len) {
        const size_t bin = t->at + k;
        uint64_t *sum = share_of(m, t, bin);
        const size_t row = rows->table ? rows->table[bin] : bin;
        const int64_t *v =
            row == CUCKOO_EMPTY ? rows->zeros : rows->values + row * m->words;
        const uint64_t *pad0 = m->h0[k * t->blocks].w;
        const uint64_t *pad1 = m->h1[k * t->blocks].w;
        const uint64_t b = mal_barrier(0 - (bit[bin / 64] >> (bin % 64) & 1));
        for (size_t w = 0; w < t->len; w++) {
            const uint64_t value = (uint64_t)v[t->first + w];
            const uint64_t u = (value ^ b) - b; /* +- value */
            mal_store_u64le(out + 8 * w, u + pad0[w] - pad1[w]);
            sum[w] += (value & b) - pad0[w];
        }
    }
}

static mal_err seeds_send(mux *m, size_t n) {
    const mal_ot_block delta = m->by->delta;
    const uint64_t first = mal_ot_cot_count(m->by->cot);
    MAL_TRY(mal_ot_cot_send(m->by->cot, m->seed0, n));
    for (size_t k = 0; k < n; k++)
        m->seed1[k] = (mal_ot_block){ { m->seed0[k].w[0] ^ delta.w[0],
                                        m->seed0[k].w[1] ^ delta.w[1] } };
    mal_ot_cot_hash(m->by->cot, m->seed0, m->seed0, n, first);
    mal_ot_cot_hash(m->by->cot, m->seed1, m->seed1, n, first);
    return MAL_OK;
}

static mal_err send_message(mux *m, const uint64_t *bit, const mux_rows *rows,
                            tile t, size_t end) {
    const size_t at = t.at, len = (end - at) * t.len * 8;
    mal_buf_reset(&m->message);
    MAL_TRY(mal_buf_reserve(&m->message, len));
    m->message.len = len;
    for (; t.at < end; t.at += t.bins) {
        t.bins = next_bins(&t, end);
        send_tile(m, m->message.ptr + 8 * t.len * (t.at - at), bit, rows, &t);
    }
    return mal_chan_send(m->chan, mal_buf_view(&m->message));
}

mal_err mux_send(mux *m, const uint64_t *bit, const mux_rows *rows, size_t n) {
    assert(n <= EQUAL_BATCH && n % 64 == 0);
    MAL_TRY(seeds_send(m, n));
    for (size_t first = 0; first < m->words; first += MUX_CHUNK) {
        tile t = tile_of(m, first);
        for (; t.at < n; t.at += MUX_SUB)
            MAL_TRY(send_message(m, bit, rows, t,
                                 n - t.at < MUX_SUB ? n : t.at + MUX_SUB));
    }
    return MAL_OK;
}

/* --- F -------------------------------------------------------------------- */

static void receive_tile(mux *m, const uint8_t *in, const uint64_t *bit,
                         const tile *t) {
    pads(m, m->h0, m->seed0, t);
    for (size_t k = 0; k < t->bins; k++, in += 8 * t->len) {
        const size_t bin = t->at + k;
        uint64_t *sum = share_of(m, t, bin);
        const uint64_t *pad = m->h0[k * t->blocks].w;
        const uint64_t b = mal_barrier(0 - (bit[bin / 64] >> (bin % 64) & 1));
        for (size_t w = 0; w < t->len; w++)
            sum[w] += pad[w] + (mal_load_u64le(in + 8 * w) & b);
    }
}

static mal_err receive_message(mux *m, const uint64_t *bit, tile t,
                               size_t end) {
    const size_t at = t.at, len = (end - at) * t.len * 8;
    MAL_TRY(mal_chan_recv(m->chan, &m->message, len));
    MAL_REQUIRE(m->message.len == len, MAL_E_PEER, CIRCUIT_PEER_BROKE);
    for (; t.at < end; t.at += t.bins) {
        t.bins = next_bins(&t, end);
        receive_tile(m, m->message.ptr + 8 * t.len * (t.at - at), bit, &t);
    }
    return MAL_OK;
}

mal_err mux_receive(mux *m, const uint64_t *bit, size_t n) {
    assert(n <= EQUAL_BATCH && n % 64 == 0);
    const uint64_t index = mal_ot_cot_count(m->by->cot);
    MAL_TRY(mal_ot_cot_receive(m->by->cot, m->seed0, bit, n));
    mal_ot_cot_hash(m->by->cot, m->seed0, m->seed0, n, index);
    for (size_t first = 0; first < m->words; first += MUX_CHUNK) {
        tile t = tile_of(m, first);
        for (; t.at < n; t.at += MUX_SUB)
            MAL_TRY(receive_message(m, bit, t,
                                    n - t.at < MUX_SUB ? n : t.at + MUX_SUB));
    }
    return MAL_OK;
}
