/* count.c - how many keys are common, and not which.
 *
 * The circuit gives each party a share of the sum of ones over common keys,
 * plus both parties' noise.  A share alone is uniform; the sum is opened to the
 * receiver, and by it to the sender where both are to know.
 */
#include "run_impl.h"

#include <string.h>

enum {
    COUNT_TO_RECEIVER = 200,
    COUNT_TO_SENDER,
};

typedef struct counting {
    mal_psi_circuit_params params;
    psi_wire wire;
    mal_psi_key *keys;
    int64_t *ones;
    size_t n;
} counting;

static void counting_clear(counting *c) {
    if (c->keys)
        mal_wipe(c->keys, c->n * sizeof *c->keys);
    mal_free(c->keys);
    mal_free(c->ones);
    mal_buf_clear(&c->wire.out);
    mal_buf_clear(&c->wire.in);
}

static mal_err counting_init(counting *c, mal_chan *chan,
                             const mal_psi_count_options *o,
                             const mal_psi_set *set) {
    const mal_psi_params *q = &o->params;
    uint8_t shape[17];
    MAL_REQUIRE(q->security == MAL_PSI_SEMI_HONEST, MAL_E_UNSUPPORTED,
                "counts hold against peers that follow the protocol: say "
                "semi-honest");
    MAL_REQUIRE(q->receiver_max <= MAL_PSI_CIRCUIT_ROWS_MAX &&
                    q->sender_max <= MAL_PSI_CIRCUIT_ROWS_MAX,
                MAL_E_INPUT, "a count of more than %u keys a side",
                MAL_PSI_CIRCUIT_ROWS_MAX);
    MAL_TRY(mal_prim_init());
    mal_store_u64le(shape, q->receiver_max);
    mal_store_u64le(shape + 8, q->sender_max);
    shape[16] = o->both;
    const mal_bytes parts[] = { mal_bytes_of(q->session, MAL_PSI_SESSION),
                                mal_bytes_of(shape, sizeof shape) };
    mal_prim_hash_parts(&c->wire.session, "malus psi count", parts, 2);
    c->wire.chan = chan;
    mal_buf_init(&c->wire.out, MAL_CHAN_MESSAGE_MAX);
    mal_buf_init(&c->wire.in, MAL_CHAN_MESSAGE_MAX);
    c->params =
        (mal_psi_circuit_params){ .filter_max = (uint32_t)q->receiver_max,
                                  .payload_max = (uint32_t)q->sender_max,
                                  .words = 1,
                                  .threads = q->threads };
    memcpy(c->params.session, c->wire.session.b, MAL_PSI_CIRCUIT_SESSION);
    return psi_distinct(&c->keys, &c->n, set);
}

static mal_err send_word(counting *c, uint32_t type, uint64_t word) {
    uint8_t *body;
    MAL_TRY(psi_wire_begin(&c->wire, &body, type, 1, sizeof word));
    mal_store_u64le(body, word);
    return psi_wire_send(&c->wire);
}

static mal_err recv_word(counting *c, uint32_t type, uint64_t *word) {
    const uint8_t *body;
    MAL_TRY(psi_wire_recv(&c->wire, &body, type, 1, sizeof *word));
    *word = mal_load_u64le(body);
    return MAL_OK;
}

mal_err mal_psi_count_receive(int64_t *count, mal_chan *chan,
                              const mal_psi_count_options *options,
                              const mal_psi_set *set,
                              const mal_progress *progress) {
    MAL_AUTO(counting_clear) counting c = { 0 };
    uint64_t own, other;
    *count = 0;
    MAL_TRY(counting_init(&c, chan, options, set));
    const mal_psi_circuit_filter_input input = {
        (const uint8_t(*)[MAL_PSI_CIRCUIT_KEY])c.keys, c.n, &options->noise
    };
    MAL_TRY(
        mal_psi_circuit_filter(&own, NULL, chan, &c.params, &input, progress));
    MAL_TRY(recv_word(&c, COUNT_TO_RECEIVER, &other));
    if (options->both)
        MAL_TRY(send_word(&c, COUNT_TO_SENDER, own));
    *count = (int64_t)(own + other);
    return MAL_OK;
}

mal_err mal_psi_count_send(int64_t *count, mal_chan *chan,
                           const mal_psi_count_options *options,
                           const mal_psi_set *set,
                           const mal_progress *progress) {
    MAL_AUTO(counting_clear) counting c = { 0 };
    uint64_t own, other;
    *count = 0;
    MAL_TRY(counting_init(&c, chan, options, set));
    c.ones = mal_calloc(c.n + 1, sizeof *c.ones);
    if (!c.ones)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    for (size_t i = 0; i < c.n; i++)
        c.ones[i] = 1;
    const mal_psi_circuit_payload_input input = {
        (const uint8_t(*)[MAL_PSI_CIRCUIT_KEY])c.keys, c.n, c.ones,
        &options->noise
    };
    MAL_TRY(
        mal_psi_circuit_payload(&own, NULL, chan, &c.params, &input, progress));
    MAL_TRY(send_word(&c, COUNT_TO_RECEIVER, own));
    if (!options->both)
        return MAL_OK;
    MAL_TRY(recv_word(&c, COUNT_TO_SENDER, &other));
    *count = (int64_t)(own + other);
    return MAL_OK;
}
