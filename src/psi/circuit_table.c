/* circuit_table.c - the joined table in shares, for who computes on.
 *
 * As circuit.c up to the shares of the match bits b.  Of the filter's row z the
 * OPPRF gave u = z - r to P where b = 1 and a random u elsewhere, F holding r.
 * What is wanted are shares of b z = b u + b r: one multiplexer with u known to
 * P, one with r known to F, for which a second extender runs the other way.
 */
#include "circuit_impl.h"

void mal_psi_circuit_table_clear(mal_psi_circuit_table *t) {
    circuit_wipe_free(t->match, t->n / 8);
    circuit_wipe_free(t->row, t->n * sizeof *t->row);
    circuit_wipe_free(t->words, t->n * t->filter_words * sizeof *t->words);
    *t = (mal_psi_circuit_table){ 0 };
}

static mal_err table_new(mal_psi_circuit_table *t, const circuit *c) {
    *t = (mal_psi_circuit_table){ .n = c->bins, .filter_words = c->side_words };
    t->match = mal_calloc(t->n / 64, sizeof *t->match);
    t->words = mal_calloc(t->n, t->filter_words * sizeof *t->words);
    if (c->payload)
        t->row = mal_calloc(t->n, sizeof *t->row);
    return t->match && t->words && (t->row || !c->payload)
               ? MAL_OK
               : mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
}

/* The second extender: F is its sender. */
typedef struct backward {
    transfers by;
    mux mux;
} backward;

static mal_err backward_init(backward *b, const circuit *c) {
    const mal_ot_params params = circuit_transfers(c, "transfers of F");
    MAL_TRY(c->payload ? mal_ot_cot_new_receiver(&b->by.cot, c->chan, &params)
                       : mal_ot_cot_new_sender(&b->by.cot, c->chan, &params));
    MAL_TRY(mux_init(&b->mux, &b->by, c->chan, &c->hash, c->side_words));
    if (!c->payload)
        b->by.delta = mal_ot_cot_delta(b->by.cot);
    return MAL_OK;
}

static void backward_clear(backward *b) {
    mux_clear(&b->mux);
    mal_ot_cot_free(b->by.cot);
}

/* words += shares of b u, then of b r. */
static mal_err words_batch(circuit *c, backward *b, const uint64_t *match,
                           size_t at, size_t n, uint64_t *words) {
    const mux_rows rows = { .values = (const int64_t *)(c->side +
                                                        at * c->side_words) };
    c->mux.each = b->mux.each = words;
    if (c->payload) {
        MAL_TRY(mux_send(&c->mux, match, &rows, n));
        return mux_receive(&b->mux, match, n);
    }
    MAL_TRY(mux_receive(&c->mux, match, n));
    return mux_send(&b->mux, match, &rows, n);
}

static mal_err batches(circuit *c, backward *b, mal_psi_circuit_table *t) {
    for (size_t at = 0; at < t->n; at += EQUAL_BATCH) {
        const size_t n = t->n - at < EQUAL_BATCH ? t->n - at : EQUAL_BATCH;
        uint64_t *match = t->match + at / 64;
        MAL_TRY(mal_progress_step(c->progress, "psi: comparing", at, t->n));
        MAL_TRY(c->payload ? equal_send(&c->equal, match, c->t + at, n)
                           : equal_receive(&c->equal, match, c->t + at, n));
        if (c->side_words > 0)
            MAL_TRY(
                words_batch(c, b, match, at, n, t->words + at * c->side_words));
    }
    for (size_t bin = 0; t->row && bin < t->n; bin++)
        t->row[bin] = c->table[bin];
    return mal_progress_step(c->progress, "psi: comparing", t->n, t->n);
}

static mal_err table_run(circuit *c, mal_psi_circuit_table *t,
                         const uint8_t (*keys)[MAL_PSI_CIRCUIT_KEY], size_t n) {
    backward b = { 0 };
    MAL_REQUIRE(c->params->words == 0, MAL_E_INPUT,
                "a joined table has no sums: words must be 0");
    MAL_TRY(circuit_open(c, keys, n));
    MAL_TRY(c->payload ? opprf_payload(c) : opprf_filter(c));
    MAL_TRY(circuit_transfers_init(c, c->side_words));
    MAL_TRY(table_new(t, c));
    mal_err err = c->side_words > 0 ? backward_init(&b, c) : MAL_OK;
    if (err == MAL_OK)
        err = batches(c, &b, t);
    backward_clear(&b);
    return err == MAL_OK ? circuit_done(c) : err;
}

static mal_err ended(circuit *c, mal_err err, mal_psi_circuit_table *t,
                     mal_psi_circuit_report *report) {
    if (err == MAL_OK)
        circuit_hashes(c, report);
    else
        mal_psi_circuit_table_clear(t);
    circuit_clear(c);
    return err == MAL_OK ? MAL_OK : mal_err_trace(err, __FILE__, __LINE__);
}

mal_err mal_psi_circuit_filter_table(mal_psi_circuit_table *table,
                                     mal_psi_circuit_report *report,
                                     mal_chan *chan,
                                     const mal_psi_circuit_params *params,
                                     const mal_psi_circuit_filter_input *input,
                                     const mal_progress *progress) {
    circuit c = { .payload = false };
    *table = (mal_psi_circuit_table){ 0 };
    if (report)
        *report = (mal_psi_circuit_report){ 0 };
    mal_err err = circuit_init(&c, chan, params, progress, report != NULL);
    c.side_values = input->values;
    if (err == MAL_OK)
        err = table_run(&c, table, input->keys, input->n);
    return ended(&c, err, table, report);
}

mal_err mal_psi_circuit_payload_table(
    mal_psi_circuit_table *table, mal_psi_circuit_report *report,
    mal_chan *chan, const mal_psi_circuit_params *params,
    const mal_psi_circuit_payload_input *input, const mal_progress *progress) {
    circuit c = { .payload = true };
    *table = (mal_psi_circuit_table){ 0 };
    if (report)
        *report = (mal_psi_circuit_report){ 0 };
    mal_err err = circuit_init(&c, chan, params, progress, report != NULL);
    if (err == MAL_OK)
        err = table_run(&c, table, input->keys, input->n);
    return ended(&c, err, table, report);
}
