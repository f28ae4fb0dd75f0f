/* receive.c - the receiver of an intersection: it learns what is common. */
#include "run_impl.h"

#include <malus/ot.h>
#include <string.h>

/* One run.  Notation of [RR22] figure 11; w, w_r, w_s of [RS21]. */
typedef struct receiver {
    psi_run run;
    psi_peeling x;    /* own keys in bins, and how P will be solved */
    mal_psi_block *a; /* [columns] A of the VOLE; its space then takes <x, C>,
                         and then the masks, in bin order */
    mal_psi_block *c; /* [columns] C = B + Delta A */
    mal_psi_block *p; /* [threads][bin_columns] */
    mal_psi_block *value; /* [threads][bin_rows_max] */
    uint8_t w_r[16];
    mal_prim_hash commitment; /* of w_s */
    uint32_t first;           /* of the bins worked on at once */
} receiver;

static void receiver_clear(receiver *r) {
    if (r->p)
        mal_wipe(r->p, (size_t)r->run.threads * r->run.okvs.bin_columns *
                           sizeof *r->p);
    mal_free(r->p);
    mal_free(r->value);
    mal_ot_blocks_free(r->a);
    mal_ot_blocks_free(r->c);
    psi_peeling_clear(&r->x);
    psi_run_clear(&r->run);
}

static mal_err receiver_new(receiver *r, mal_chan *chan,
                            const mal_psi_params *params,
                            const mal_psi_set *set,
                            const mal_progress *progress) {
    MAL_TRY(psi_run_init(&r->run, chan, params, progress));
    MAL_TRY(psi_run_pad(&r->run, set, params->receiver_max));
    const mal_psi_okvs *o = &r->run.okvs;
    r->a = mal_ot_blocks_new(o->columns);
    r->c = mal_ot_blocks_new(o->columns);
    r->p = mal_calloc((size_t)r->run.threads * o->bin_columns, sizeof *r->p);
    r->value =
        mal_calloc((size_t)r->run.threads * o->bin_rows_max, sizeof *r->value);
    if (!r->a || !r->c || !r->p || !r->value)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    return MAL_OK;
}

/* --- Sending the store ---------------------------------------------------- */

static uint32_t bin_rows(const receiver *r, uint32_t bin) {
    return r->x.bins.start[bin + 1] - r->x.bins.start[bin];
}

/* P of a bin with <row(x), P> = H^F(x). */
static mal_err solve(void *ctx, size_t i) {
    receiver *r = ctx;
    const mal_psi_okvs *o = &r->run.okvs;
    const uint32_t bin = r->first + (uint32_t)i;
    mal_psi_block *p = r->p + i * o->bin_columns;
    mal_psi_block *value = r->value + i * o->bin_rows_max;
    psi_hash_keys(&r->run, value, r->x.bins.keys + r->x.bins.start[bin],
                  bin_rows(r, bin));
    memset(p, 0, o->bin_columns * sizeof *p);
    return psi_solve_bin(p, &r->x.rows, &r->x.bins, bin, value);
}

static mal_err send_bin(receiver *r, uint32_t bin, const mal_psi_block *p) {
    const uint32_t columns = r->run.okvs.bin_columns;
    const mal_psi_block *a = r->a + (size_t)bin * columns;
    uint8_t *body;
    MAL_TRY(psi_wire_begin(&r->run.wire, &body, PSI_STORE, columns,
                           columns * sizeof *a));
    mal_psi_block *sum = (mal_psi_block *)(void *)body;
    for (uint32_t i = 0; i < columns; i++)
        psi_store(&sum[i], psi_load(&a[i]) ^ psi_load(&p[i]));
    return psi_wire_send(&r->run.wire);
}

static mal_err send_store(receiver *r) {
    const mal_psi_okvs *o = &r->run.okvs;
    uint8_t *body;
    mal_prim_random(r->w_r, sizeof r->w_r);
    MAL_TRY(psi_wire_begin(&r->run.wire, &body, PSI_OPEN, 1, 32));
    memcpy(body, r->x.seed, 16);
    memcpy(body + 16, r->w_r, 16);
    MAL_TRY(psi_wire_send(&r->run.wire));
    for (r->first = 0; r->first < o->bins; r->first += r->run.threads) {
        const uint32_t left = o->bins - r->first;
        const uint32_t now = left < r->run.threads ? left : r->run.threads;
        MAL_TRY(mal_progress_step(r->run.progress, "psi: sending the store",
                                  r->first, o->bins));
        MAL_TRY(mal_parallel(now, now, solve, r));
        for (uint32_t i = 0; i < now; i++)
            MAL_TRY(send_bin(r, r->first + i, r->p + i * o->bin_columns));
    }
    return MAL_OK;
}

/* --- Own masks ------------------------------------------------------------ */

/* <row(x), C> for the keys of a bin. */
static mal_err decode(void *ctx, size_t bin) {
    receiver *r = ctx;
    const mal_psi_okvs *o = &r->run.okvs;
    const mal_psi_block *c = r->c + bin * o->bin_columns;
    const uint32_t first = r->x.bins.start[bin];
    mal_psi_block table[PSI_DENSE_TABLE];
    psi_dense_table(table, c + 3 * o->segment);
    psi_decode_known(r->a + first, &r->x.rows, first,
                     bin_rows(r, (uint32_t)bin), c, table);
    return MAL_OK;
}

/* F(x) = H^o(<row(x), C> + w, x), in place. */
static mal_err mask(void *ctx, size_t bin) {
    receiver *r = ctx;
    const psi_vec w = psi_load(&r->run.w);
    const uint32_t end = r->x.bins.start[bin + 1];
    for (uint32_t at = r->x.bins.start[bin]; at < end; at += PSI_BATCH) {
        const uint32_t n = end - at < PSI_BATCH ? end - at : PSI_BATCH;
        mal_psi_block v[PSI_BATCH];
        for (uint32_t i = 0; i < n; i++)
            psi_store(&v[i], psi_load(&r->a[at + i]) ^ w);
        psi_hash_masks(&r->run, r->a + at, v, r->x.bins.keys + at, n);
    }
    return MAL_OK;
}

/* w = w_r + w_s, w_s as it was committed to. */
static mal_err recv_w(receiver *r) {
    const uint8_t *body;
    mal_prim_hash hash;
    MAL_TRY(psi_wire_recv(&r->run.wire, &body, PSI_REVEAL, 1, 16));
    psi_commit(&hash, &r->run, body);
    PSI_REQUIRE_PEER(mal_equal(hash.b, r->commitment.b, MAL_PRIM_HASH));
    for (unsigned i = 0; i < 2; i++)
        r->run.w.w[i] =
            mal_load_u64le(body + 8 * i) ^ mal_load_u64le(r->w_r + 8 * i);
    return MAL_OK;
}

/* --- The run -------------------------------------------------------------- */

static mal_err recv_commitment(receiver *r) {
    const uint8_t *body;
    MAL_TRY(
        psi_wire_recv(&r->run.wire, &body, PSI_HELLO, 1, sizeof r->commitment));
    memcpy(r->commitment.b, body, sizeof r->commitment.b);
    return MAL_OK;
}

/* Between the store and the masks, and what is then no longer needed. */
static mal_err own_masks(receiver *r) {
    const uint32_t bins = r->run.okvs.bins;
    const unsigned threads = r->run.threads;
    MAL_TRY(mal_progress_step(r->run.progress, "psi: own masks", 0, 1));
    MAL_TRY(mal_parallel(threads, bins, decode, r));
    psi_rows_clear(&r->x.rows);
    mal_ot_blocks_free(r->c);
    r->c = NULL;
    if (r->run.malicious)
        MAL_TRY(recv_w(r));
    return mal_parallel(threads, bins, mask, r);
}

static mal_err receive(receiver *r, uint64_t *hits) {
    const mal_psi_okvs *o = &r->run.okvs;
    const mal_ot_params ot = psi_vole_params(&r->run);
    /* A seed r under which <row(x), P> = H^F(x) has a solution P. */
    MAL_TRY(mal_progress_step(r->run.progress, "psi: own keys", 0, 1));
    MAL_TRY(psi_peel(&r->x, o, &r->run.keys, r->run.threads));
    /* The sender commits to w_s. */
    if (r->run.malicious)
        MAL_TRY(recv_commitment(r));
    /* VOLE: A, C with C = B + Delta A. */
    MAL_TRY(mal_ot_vole_receive(r->a, r->c, o->columns, r->run.wire.chan, &ot,
                                r->run.progress));
    /* Send r, w_r, A + P. */
    MAL_TRY(send_store(r));
    /* F(x) = H^o(<row(x), C> + w, x) for own x. */
    MAL_TRY(own_masks(r));
    /* The sender's masks: what is common. */
    const psi_own_masks own = { r->a, r->x.bins.index, r->x.bins.n,
                                r->run.keys.n };
    MAL_TRY(mal_progress_step(r->run.progress, "psi: matching", 0, 1));
    MAL_TRY(psi_masks_match(&r->run, hits, &own));
    return mal_progress_step(r->run.progress, "psi: matching", 1, 1);
}

mal_err psi_receive_distinct(uint64_t *hits, mal_chan *chan,
                             const mal_psi_params *params,
                             const mal_psi_set *set,
                             const mal_progress *progress) {
    MAL_AUTO(receiver_clear) receiver r = { 0 };
    const size_t words = (set->n + 63) / 64;
    if (words)
        memset(hits, 0, words * sizeof *hits);
    MAL_TRY(receiver_new(&r, chan, params, set, progress));
    mal_err err = receive(&r, hits);
    if (err != MAL_OK && words)
        memset(hits, 0, words * sizeof *hits);
    return err;
}
