/* circuit.c - join and compute into shares: both parties' runs.
 *
 * [PSTY19] Fig. 5 with the OPRF of [RR22], the equality of equal.c and, as only
 * sums over all bins leave, one transfer a bin.  One step, one call:
 *
 *   hello   bound session and fresh randomness both ways: hash functions
 *   OPPRF   F: t; P: t' for the key in each bin
 *   equal   for a batch of bins: shares of [t = t']
 *   mux     for the same batch: shares of the sum of [t = t'] v
 *   output  y = share + noise
 */
#include "circuit_impl.h"

#include <string.h>

/* --- A channel that hashes ------------------------------------------------ */

static mal_err watch_send(mal_chan *chan, mal_bytes message) {
    circuit_watch *w = (circuit_watch *)chan;
    if (w->sent)
        mal_prim_sha256_add_sized(w->sent, message);
    return mal_chan_send(w->inner, message);
}

static mal_err watch_recv(mal_chan *chan, mal_buf *message, size_t len_max) {
    circuit_watch *w = (circuit_watch *)chan;
    MAL_TRY(mal_chan_recv(w->inner, message, len_max));
    if (w->received)
        mal_prim_sha256_add_sized(w->received, mal_buf_view(message));
    return MAL_OK;
}

static void watch_close(mal_chan *chan) {
    (void)chan; /* the inner one is the caller's */
}

static mal_err watch_init(circuit_watch *w, mal_chan *inner, bool hash) {
    static const mal_chan_ops ops = { watch_send, watch_recv, watch_close };
    *w = (circuit_watch){ .chan.ops = &ops, .inner = inner };
    if (!hash)
        return MAL_OK;
    w->sent = mal_prim_sha256_new();
    w->received = mal_prim_sha256_new();
    return w->sent && w->received
               ? MAL_OK
               : mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
}

/* --- The run -------------------------------------------------------------- */

static mal_err check_params(const mal_psi_circuit_params *q) {
    MAL_REQUIRE(
        q->filter_max >= 1 && q->filter_max <= MAL_PSI_CIRCUIT_ROWS_MAX &&
            q->payload_max >= 1 && q->payload_max <= MAL_PSI_CIRCUIT_ROWS_MAX,
        MAL_E_INPUT,
        "psi bounds of %u and %u keys: declare 1 to %u on each side",
        q->filter_max, q->payload_max, MAL_PSI_CIRCUIT_ROWS_MAX);
    MAL_REQUIRE(q->words <= MAL_PSI_CIRCUIT_WORDS_MAX &&
                    q->filter_words <= MAL_PSI_CIRCUIT_FILTER_WORDS_MAX &&
                    (q->words == 0 || q->filter_words == 0),
                MAL_E_INPUT,
                "psi over %u and %u words a row: at most %u, or at most %u of "
                "the filter's",
                q->words, q->filter_words, MAL_PSI_CIRCUIT_WORDS_MAX,
                MAL_PSI_CIRCUIT_FILTER_WORDS_MAX);
    return MAL_OK;
}

static void bind_session(mal_prim_hash *out, const mal_psi_circuit_params *q) {
    uint8_t shape[16];
    mal_store_u32le(shape, q->filter_max);
    mal_store_u32le(shape + 4, q->payload_max);
    mal_store_u32le(shape + 8, q->words);
    mal_store_u32le(shape + 12, q->filter_words);
    const mal_bytes parts[] = { mal_bytes_of(q->session,
                                             MAL_PSI_CIRCUIT_SESSION),
                                mal_bytes_of(shape, sizeof shape) };
    mal_prim_hash_parts(out, "malus psi circuit v1 session", parts, 2);
}

static void hash_init(mal_prim_aes *aes, const circuit *c, const char *part) {
    uint8_t key[32];
    circuit_part_session(key, c, part);
    mal_prim_aes_init(aes, key);
}

/* Both tell the bound session and 32 fresh bytes, after their keys are fixed:
 * no key was chosen with the hash functions in view. */
static mal_err hello(circuit *c) {
    uint8_t own[64], other[64];
    memcpy(own, c->session.b, MAL_PRIM_HASH);
    mal_prim_random(own + MAL_PRIM_HASH, 32);
    MAL_TRY(mal_chan_send(c->chan, mal_bytes_of(own, sizeof own)));
    MAL_TRY(mal_chan_recv_exact(c->chan, other, sizeof other));
    MAL_REQUIRE(mal_equal(own, other, MAL_PRIM_HASH), MAL_E_PEER,
                CIRCUIT_PEER_BROKE);
    const mal_bytes parts[] = {
        mal_bytes_of(own, MAL_PRIM_HASH),
        mal_bytes_of((c->payload ? other : own) + MAL_PRIM_HASH, 32),
        mal_bytes_of((c->payload ? own : other) + MAL_PRIM_HASH, 32),
    };
    mal_prim_hash_parts(&c->session, "malus psi circuit v1 hello", parts, 3);
    hash_init(&c->tag_hash, c, "keys");
    hash_init(&c->hash, c, "transfers");
    return MAL_OK;
}

/* Tags: hashes of keys.  Two different ones collide with probability below
 * n^2 / 2^128. */
static mal_err take_keys(circuit *c, const uint8_t (*keys)[MAL_PSI_CIRCUIT_KEY],
                         size_t n, size_t n_max) {
    bool repeats;
    MAL_REQUIRE(n <= n_max, MAL_E_INPUT,
                "%zu keys where the declared bound is %zu", n, n_max);
    c->n = n;
    c->tags = mal_calloc(n + 1, sizeof *c->tags);
    if (!c->tags)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    if (n > 0)
        mal_prim_aes_mmo(c->tags, keys, n, &c->tag_hash);
    MAL_TRY(cuckoo_repeats_vartime(&repeats, c->tags, n));
    MAL_REQUIRE(!repeats, MAL_E_INPUT,
                "a key occurs twice: aggregate by key first");
    return MAL_OK;
}

/* What has to hold for all bins together: two different t are equal in l bits
 * with probability 2^-l, so in no bin but for 2^-40. */
static unsigned bits_for(uint32_t bins) {
    unsigned bits = 40;
    while ((uint32_t)1 << (bits - 40) < bins)
        bits++;
    assert(bits <= EQUAL_BITS_MAX);
    return bits;
}

mal_err circuit_init(circuit *c, mal_chan *chan,
                     const mal_psi_circuit_params *params,
                     const mal_progress *progress, bool hash) {
    *c = (circuit){ .params = params,
                    .progress = progress,
                    .payload = c->payload };
    MAL_TRY(check_params(params));
    MAL_TRY(mal_prim_init());
    MAL_TRY(watch_init(&c->watch, chan, hash));
    c->chan = &c->watch.chan;
    bind_session(&c->session, params);
    c->bins = cuckoo_bins(params->payload_max);
    c->bits = bits_for(c->bins);
    c->t = mal_calloc(c->bins, sizeof *c->t);
    c->share = mal_calloc(EQUAL_BATCH / 64, sizeof *c->share);
    c->zeros = mal_calloc(params->words, sizeof *c->zeros);
    c->side_words = params->filter_words;
    c->side = mal_calloc(c->bins, c->side_words * sizeof *c->side);
    if (!c->t || !c->share || !c->zeros || !c->side)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    return MAL_OK;
}

void circuit_clear(circuit *c) {
    equal_clear(&c->equal);
    mux_clear(&c->mux);
    mal_ot_nib_free(c->by.nib);
    mal_ot_cot_free(c->by.cot);
    circuit_wipe_free(c->tags, (c->n + 1) * sizeof *c->tags);
    circuit_wipe_free(c->table, c->bins * sizeof *c->table);
    circuit_wipe_free(c->t, c->bins * sizeof *c->t);
    circuit_wipe_free(c->share, EQUAL_BATCH / 8);
    circuit_wipe_free(c->side, c->bins * c->side_words * sizeof *c->side);
    mal_free(c->zeros);
    mal_prim_sha256_auto(&c->watch.sent);
    mal_prim_sha256_auto(&c->watch.received);
}

#define SETUP_BYTES 300000 /* base transfers, trees of the VOLE */
#define SETUP_ROUNDS 8     /* those, hello, both stores, done */

mal_err mal_psi_circuit_cost(uint64_t *bytes, uint64_t *rounds,
                             const mal_psi_circuit_params *params) {
    mal_psi_okvs store, hint;
    MAL_TRY(check_params(params));
    MAL_TRY(mal_psi_okvs_shape(&store, params->payload_max));
    MAL_TRY(mal_psi_okvs_shape(&hint,
                               (uint64_t)CUCKOO_HASHES * params->filter_max));
    const uint64_t bins = cuckoo_bins(params->payload_max);
    const unsigned bits = bits_for((uint32_t)bins);
    unsigned layers;
    const uint64_t leaves = equal_leaves(bits, &layers);
    mal_ot_nib_cost(bytes, rounds, bins * leaves, CIRCUIT_FOLD);
    *bytes += SETUP_BYTES + 16 * store.columns + 8 * hint.columns +
              bins * (16 / CIRCUIT_FOLD + 8 * params->words) +
              bins * leaves * 19 / 8 + bins / 32640 * 2560;
    *rounds +=
        SETUP_ROUNDS + (layers + 1) * ((bins + EQUAL_BATCH - 1) / EQUAL_BATCH);
    return MAL_OK;
}

/* --- Batches -------------------------------------------------------------- */

mal_err circuit_transfers_init(circuit *c, size_t words) {
    mal_ot_params params = circuit_transfers(c, "transfers");
    unsigned layers;
    if (c->payload) {
        c->by.delta = mal_ot_nib_delta();
        params.delta = &c->by.delta;
    }
    MAL_TRY(c->payload ? mal_ot_cot_new_sender(&c->by.cot, c->chan, &params)
                       : mal_ot_cot_new_receiver(&c->by.cot, c->chan, &params));
    MAL_TRY(mal_ot_nib_new(&c->by.nib, c->by.cot,
                           (size_t)c->bins * equal_leaves(c->bits, &layers)));
    MAL_TRY(equal_init(&c->equal, &c->by, c->chan, c->bits));
    return mux_init(&c->mux, &c->by, c->chan, &c->hash, words);
}

static mal_err batches(circuit *c, const int64_t *values) {
    for (size_t at = 0; at < c->bins; at += EQUAL_BATCH) {
        const size_t left = c->bins - at;
        const size_t n = left < EQUAL_BATCH ? left : EQUAL_BATCH;
        MAL_TRY(mal_progress_step(c->progress, "psi: comparing and adding", at,
                                  c->bins));
        if (c->payload) {
            const mux_rows rows = { values, c->table + at, c->zeros };
            MAL_TRY(equal_send(&c->equal, c->share, c->t + at, n));
            MAL_TRY(mux_send(&c->mux, c->share, &rows, n));
        } else {
            MAL_TRY(equal_receive(&c->equal, c->share, c->t + at, n));
            MAL_TRY(mux_receive(&c->mux, c->share, n));
        }
    }
    return mal_progress_step(c->progress, "psi: comparing and adding", c->bins,
                             c->bins);
}

static void put_output(uint64_t *y, mal_psi_circuit_report *report,
                       const circuit *c, const int64_t *noise) {
    for (size_t w = 0; w < c->params->words; w++)
        y[w] = c->mux.sum[w] + (noise ? (uint64_t)noise[w] : 0);
    circuit_hashes(c, report);
}

void circuit_hashes(const circuit *c, mal_psi_circuit_report *report) {
    if (!report)
        return;
    mal_prim_sha256_peek(c->payload ? c->watch.received : c->watch.sent,
                         &report->filter_to_payload);
    mal_prim_sha256_peek(c->payload ? c->watch.sent : c->watch.received,
                         &report->payload_to_filter);
}

/* P has all it needs with its last message; it waits until F has it, too, so
 * that one party does not hold an output of a run that failed at the other. */
mal_err circuit_done(circuit *c) {
    const uint8_t word[1] = { 1 };
    uint8_t got[1];
    MAL_TRY(mal_chan_send(c->chan, mal_bytes_of(word, 1)));
    MAL_TRY(mal_chan_recv_exact(c->chan, got, 1));
    MAL_REQUIRE(got[0] == word[0], MAL_E_PEER, CIRCUIT_PEER_BROKE);
    return MAL_OK;
}

/* --- The parties ---------------------------------------------------------- */

mal_err circuit_open(circuit *c, const uint8_t (*keys)[MAL_PSI_CIRCUIT_KEY],
                     size_t n) {
    MAL_TRY(hello(c));
    MAL_TRY(
        take_keys(c, keys, n,
                  c->payload ? c->params->payload_max : c->params->filter_max));
    if (c->payload) {
        c->table = mal_calloc(c->bins, sizeof *c->table);
        if (!c->table)
            return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
        MAL_TRY(cuckoo_build(c->table, c->bins, c->tags, c->n));
    }
    return mal_progress_step(c->progress, "psi: OPPRF", 0, 1);
}

static mal_err check_sums(const mal_psi_circuit_params *q) {
    MAL_REQUIRE(q->words >= 1 && q->filter_words == 0, MAL_E_INPUT,
                "psi adds up at least one word of the payload's rows");
    return MAL_OK;
}

static mal_err filter_run(circuit *c,
                          const mal_psi_circuit_filter_input *input) {
    MAL_TRY(check_sums(c->params));
    MAL_TRY(circuit_open(c, input->keys, input->n));
    MAL_TRY(opprf_filter(c));
    MAL_TRY(circuit_transfers_init(c, c->params->words));
    MAL_TRY(batches(c, NULL));
    return circuit_done(c);
}

static mal_err payload_run(circuit *c,
                           const mal_psi_circuit_payload_input *input) {
    MAL_TRY(check_sums(c->params));
    MAL_TRY(circuit_open(c, input->keys, input->n));
    MAL_TRY(opprf_payload(c));
    MAL_TRY(circuit_transfers_init(c, c->params->words));
    MAL_TRY(batches(c, input->values));
    return circuit_done(c);
}

static void void_output(uint64_t *y, mal_psi_circuit_report *report,
                        const mal_psi_circuit_params *params) {
    if (params->words <= MAL_PSI_CIRCUIT_WORDS_MAX)
        mal_wipe(y, params->words * sizeof *y);
    if (report)
        *report = (mal_psi_circuit_report){ 0 };
}

mal_err mal_psi_circuit_filter(uint64_t *y, mal_psi_circuit_report *report,
                               mal_chan *chan,
                               const mal_psi_circuit_params *params,
                               const mal_psi_circuit_filter_input *input,
                               const mal_progress *progress) {
    circuit c = { .payload = false };
    void_output(y, report, params);
    mal_err err = circuit_init(&c, chan, params, progress, report != NULL);
    if (err == MAL_OK)
        err = filter_run(&c, input);
    if (err == MAL_OK)
        put_output(y, report, &c, input->noise);
    circuit_clear(&c);
    return err == MAL_OK ? MAL_OK : mal_err_trace(err, __FILE__, __LINE__);
}

mal_err mal_psi_circuit_payload(uint64_t *y, mal_psi_circuit_report *report,
                                mal_chan *chan,
                                const mal_psi_circuit_params *params,
                                const mal_psi_circuit_payload_input *input,
                                const mal_progress *progress) {
    circuit c = { .payload = true };
    void_output(y, report, params);
    mal_err err = circuit_init(&c, chan, params, progress, report != NULL);
    if (err == MAL_OK)
        err = payload_run(&c, input);
    if (err == MAL_OK)
        put_output(y, report, &c, input->noise);
    circuit_clear(&c);
    return err == MAL_OK ? MAL_OK : mal_err_trace(err, __FILE__, __LINE__);
}
