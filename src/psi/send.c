/* send.c - the sender of an intersection: it learns nothing. */
#include "run_impl.h"

#include <malus/ot.h>
#include <string.h>

/* One run.  Notation of [RR22] figure 11; w, w_r, w_s of [RS21]. */
typedef struct sender {
    psi_run run;
    psi_bins y;       /* own keys in bins, under the receiver's seed */
    mal_psi_block *k; /* [columns] B of the VOLE, then K = B + Delta (A + P) */
    mal_psi_block *masks; /* [n] in bin order, then sorted */
    mal_psi_block delta;
    uint8_t w_s[16];
    uint32_t part, parts; /* of the bin worked on */
    uint32_t bin;
    mal_psi_block table[PSI_DENSE_TABLE];
} sender;

static void sender_free(sender **p) {
    sender *s = *p;
    if (s) {
        mal_ot_blocks_free(s->k);
        mal_ot_blocks_free(s->masks);
        psi_bins_clear(&s->y);
        psi_run_clear(&s->run);
        mal_wipe(s, sizeof *s);
    }
    mal_free(s);
}

static mal_err sender_init(sender *s, mal_chan *chan,
                           const mal_psi_params *params, const mal_psi_set *set,
                           const mal_progress *progress) {
    MAL_TRY(psi_run_init(&s->run, chan, params, progress));
    MAL_TRY(psi_run_pad(&s->run, set, params->sender_max));
    s->k = mal_ot_blocks_new(s->run.okvs.columns);
    s->masks = mal_ot_blocks_new(params->sender_max);
    if (!s->k || !s->masks)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    return MAL_OK;
}

/* Commit to w_s. */
static mal_err send_commitment(sender *s) {
    mal_prim_hash hash;
    uint8_t *body;
    mal_prim_random(s->w_s, sizeof s->w_s);
    psi_commit(&hash, &s->run, s->w_s);
    MAL_TRY(psi_wire_begin(&s->run.wire, &body, PSI_HELLO, 1, sizeof hash));
    memcpy(body, hash.b, sizeof hash);
    return psi_wire_send(&s->run.wire);
}

static mal_err send_w(sender *s) {
    uint8_t *body;
    MAL_TRY(psi_wire_begin(&s->run.wire, &body, PSI_REVEAL, 1, sizeof s->w_s));
    memcpy(body, s->w_s, sizeof s->w_s);
    return psi_wire_send(&s->run.wire);
}

/* The seed r, under which own keys are put into bins; and w. */
static mal_err recv_open(sender *s) {
    const uint8_t *body;
    MAL_TRY(psi_wire_recv(&s->run.wire, &body, PSI_OPEN, 1, 32));
    for (unsigned i = 0; s->run.malicious && i < 2; i++)
        s->run.w.w[i] =
            mal_load_u64le(body + 16 + 8 * i) ^ mal_load_u64le(s->w_s + 8 * i);
    return psi_bins_fill(&s->y, &s->run.okvs, body, &s->run.keys);
}

/* --- Masks ---------------------------------------------------------------- */

/* F(y) = H^o(<row(y), K> + Delta H^F(y) + w, y) for a part of a bin's keys. */
static mal_err mask_part(void *ctx, size_t part) {
    sender *s = ctx;
    const psi_vec w = psi_load(&s->run.w);
    const uint32_t start = s->y.start[s->bin];
    const uint64_t n = s->y.start[s->bin + 1] - start;
    const uint32_t end = start + (uint32_t)(n * (part + 1) / s->parts);
    const mal_psi_block *k = s->k + (size_t)s->bin * s->run.okvs.bin_columns;
    for (uint32_t at = start + (uint32_t)(n * part / s->parts); at < end;
         at += PSI_BATCH) {
        const uint32_t len = end - at < PSI_BATCH ? end - at : PSI_BATCH;
        const mal_psi_key *y = s->y.keys + at;
        mal_psi_block h[PSI_BATCH], v[PSI_BATCH];
        mal_prim_aes_ecb(h, y, len, &s->y.row);
        psi_decode_rows(v, h, len, &s->run.okvs, k, s->table);
        psi_hash_keys(&s->run, h, y, len);
        psi_add_multiples(v, h, len, s->delta);
        for (uint32_t i = 0; i < len; i++)
            psi_store(&v[i], psi_load(&v[i]) ^ w);
        psi_hash_masks(&s->run, s->masks + at, v, y, len);
    }
    return MAL_OK;
}

/* A + P of one bin: K = B + Delta (A + P), and the masks of its keys. */
static mal_err recv_bin(sender *s, uint32_t bin) {
    const mal_psi_okvs *o = &s->run.okvs;
    mal_psi_block *k = s->k + (size_t)bin * o->bin_columns;
    const uint8_t *body;
    MAL_TRY(psi_wire_recv(&s->run.wire, &body, PSI_STORE, o->bin_columns,
                          o->bin_columns * sizeof *k));
    psi_add_multiples(k, (const mal_psi_block *)(const void *)body,
                      o->bin_columns, s->delta);
    /* w_s is told when the receiver can no longer change P. */
    if (s->run.malicious && bin + 1 == o->bins)
        MAL_TRY(send_w(s));
    psi_dense_table(s->table, k + 3 * o->segment);
    s->bin = bin;
    s->parts = s->run.threads;
    return mal_parallel(s->run.threads, s->parts, mask_part, s);
}

static mal_err recv_store(sender *s) {
    const uint32_t bins = s->run.okvs.bins;
    MAL_TRY(recv_open(s));
    for (uint32_t bin = 0; bin < bins; bin++) {
        MAL_TRY(mal_progress_step(s->run.progress, "psi: masking own keys", bin,
                                  bins));
        MAL_TRY(recv_bin(s, bin));
    }
    return mal_progress_step(s->run.progress, "psi: masking own keys", bins,
                             bins);
}

static mal_err send(sender *s) {
    const mal_ot_params ot = psi_vole_params(&s->run);
    if (s->run.malicious)
        MAL_TRY(send_commitment(s));
    /* VOLE: Delta and B with C = B + Delta A. */
    MAL_TRY(mal_ot_vole_send(&s->delta, s->k, s->run.okvs.columns,
                             s->run.wire.chan, &ot, s->run.progress));
    /* K = B + Delta (A + P) = C + Delta P; F(y) for own y; tell w_s. */
    MAL_TRY(recv_store(s));
    /* The masks, in an order that does not hang on the keys'. */
    MAL_TRY(psi_masks_sort(s->masks, s->y.n));
    return psi_masks_send(&s->run, s->masks, s->y.n);
}

mal_err psi_send_distinct(mal_chan *chan, const mal_psi_params *params,
                          const mal_psi_set *set,
                          const mal_progress *progress) {
    MAL_AUTO(sender_free) sender *s = mal_calloc(1, sizeof *s);
    if (!s)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    MAL_TRY(sender_init(s, chan, params, set, progress));
    return send(s);
}
