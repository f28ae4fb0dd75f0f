/* psi_parties.h - a psi run between two threads, over spied channels. */
#ifndef PSI_PARTIES_H
#define PSI_PARTIES_H

#include "mpc_parties.h"

typedef struct psi_run {
    mal_mpc_psi_params filter_params, payload_params;
    mal_mpc_psi_filter_input filter;
    mal_mpc_psi_payload_input payload;
    uint8_t (*v)[16], (*w)[16]; /* keys */
    int64_t *values, *noise1, *noise2;
    size_t words;
    mal_key sec;
    spy p1, p2;
    mal_mpc_psi_report report1, report2;
    mal_err err1, err2;
    mal_buf ciphertexts;
    const mal_progress *progress1, *progress2;
} psi_run;

static unsigned psi_timeout_ms = 3000;

static void psi_key(uint8_t key[16], uint64_t i) {
    memset(key, 0xab, 16);
    mal_store_u64le(key, i);
}

/* n1 keys 0 .. n1 - 1; n2 keys from `shift` on; values below 2^20 in size. */
static void psi_new(psi_run *r, uint32_t n1, uint32_t n2, uint32_t shift,
                    uint32_t cells, uint32_t aggs, uint64_t *seed) {
    memset(r, 0, sizeof *r);
    mal_mpc_psi_params *q = &r->filter_params;
    memset(q->session, 3, 32);
    q->filter_max = n1 + 1 + (uint32_t)(mal_test_rand(seed) % 4);
    q->payload_max = n2 + 1 + (uint32_t)(mal_test_rand(seed) % 4);
    q->cells = cells;
    q->aggs = aggs;
    q->threads = 1;
    CHECK_OK(mal_mpc_psi_recipient_keygen(q->recipient, &r->sec));
    r->payload_params = *q;
    r->words = (size_t)cells * aggs;
    r->v = calloc(n1 + 1, 16);
    r->w = calloc(n2 + 1, 16);
    r->values = calloc((n2 + 1) * r->words, 8);
    r->noise1 = calloc(r->words, 8);
    r->noise2 = calloc(r->words, 8);
    for (uint32_t i = 0; i < n1; i++)
        psi_key(r->v[i], i);
    for (uint32_t j = 0; j < n2; j++)
        psi_key(r->w[j], shift + j);
    for (size_t i = 0; i < n2 * r->words; i++)
        if (mal_test_rand(seed) % 4 == 0) /* mostly zero */
            r->values[i] =
                (int64_t)(mal_test_rand(seed) % (2 << 20)) - (1 << 20);
    for (size_t i = 0; i < r->words; i++) {
        r->noise1[i] = (int64_t)(mal_test_rand(seed) % 2001) - 1000;
        r->noise2[i] = (int64_t)(mal_test_rand(seed) % 2001) - 1000;
    }
    r->filter =
        (mal_mpc_psi_filter_input){ (const uint8_t(*)[16])r->v, n1, r->noise1 };
    r->payload = (mal_mpc_psi_payload_input){ (const uint8_t(*)[16])r->w, n2,
                                              r->values, r->noise2 };
    mal_chan *a, *b;
    CHECK_OK(mal_chan_pair(&a, &b, psi_timeout_ms));
    spy_init(&r->p1, a);
    spy_init(&r->p2, b);
}

static void psi_filter_thread(void *arg) {
    psi_run *r = arg;
    r->err1 = mal_mpc_psi_filter(&r->report1, &r->p1.chan, &r->filter_params,
                                 &r->filter, r->progress1);
    spy_close(&r->p1.chan);
}

static void psi_payload_thread(void *arg) {
    psi_run *r = arg;
    r->err2 =
        mal_mpc_psi_payload(&r->ciphertexts, &r->report2, &r->p2.chan,
                            &r->payload_params, &r->payload, r->progress2);
    spy_close(&r->p2.chan);
}

static void psi_go(psi_run *r) {
    mal_thread *t;
    CHECK_OK(mal_thread_start(&t, psi_filter_thread, r));
    psi_payload_thread(r);
    mal_thread_join(&t);
}

static void psi_done(psi_run *r) {
    mal_buf_clear(&r->ciphertexts);
    mal_key_clear(&r->sec);
    mal_chan_close(&r->p1.inner);
    mal_chan_close(&r->p2.inner);
    free(r->v);
    free(r->w);
    free(r->values);
    free(r->noise1);
    free(r->noise2);
}

/* The plain answer, and the number of matches. */
__attribute__((unused)) static uint64_t psi_plain(const psi_run *r,
                                                  int64_t *sum) {
    uint64_t matches = 0;
    memset(sum, 0, r->words * 8);
    for (size_t j = 0; j < r->payload.n; j++) {
        bool found = false;
        for (size_t i = 0; i < r->filter.n; i++)
            found |= mal_equal(r->v[i], r->w[j], 16);
        matches += found;
        for (size_t k = 0; found && k < r->words; k++)
            sum[k] += r->values[j * r->words + k];
    }
    for (size_t k = 0; k < r->words; k++)
        sum[k] += (r->filter.noise ? r->noise1[k] : 0) +
                  (r->payload.noise ? r->noise2[k] : 0);
    return matches;
}

#endif
