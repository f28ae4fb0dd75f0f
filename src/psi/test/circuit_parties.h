/* circuit_parties.h - a run of the circuit between two threads, over channels
 * that note what is sent and may tamper. */
#ifndef CIRCUIT_PARTIES_H
#define CIRCUIT_PARTIES_H

#include "../circuit_impl.h"
#include "mal_test.h"

#define TRACE_MAX 4096

typedef enum tamper {
    TAMPER_NONE,
    TAMPER_SHORT,  /* the last byte is cut */
    TAMPER_LONG,   /* a byte is added */
    TAMPER_SKIP,   /* never sent */
    TAMPER_CLOSE,  /* the channel is closed instead */
    TAMPER_FLIP,   /* one bit in the middle */
    TAMPER_RANDOM, /* random bytes of the same length */
    TAMPER_REPLAY, /* `replay` is sent instead */
} tamper;

typedef struct spy {
    mal_chan chan; /* first */
    mal_chan *inner;
    tamper how;
    unsigned at, sent; /* message number `at`, from 0, is tampered with */
    mal_bytes replay;
    mal_buf *keep; /* NULL, or receives all messages */
    size_t trace[TRACE_MAX];
} spy;

static mal_err spy_tamper(spy *s, mal_bytes m) {
    MAL_AUTO(mal_buf_clear) mal_buf copy = { 0 };
    MAL_TRY(mal_buf_put(&copy, m));
    switch (s->how) {
    case TAMPER_SHORT:
        copy.len -= copy.len > 0;
        break;
    case TAMPER_LONG:
        MAL_TRY(mal_buf_put_u8(&copy, 0));
        break;
    case TAMPER_SKIP:
        return MAL_OK;
    case TAMPER_CLOSE:
        mal_chan_close(&s->inner);
        MAL_FAIL(MAL_E_PEER, "closed by the test");
    case TAMPER_FLIP:
        copy.ptr[copy.len / 2] ^= 1;
        break;
    case TAMPER_RANDOM:
        mal_prim_random(copy.ptr, copy.len);
        break;
    case TAMPER_REPLAY:
        return mal_chan_send(s->inner, s->replay);
    case TAMPER_NONE:
        break;
    }
    return mal_chan_send(s->inner, mal_buf_view(&copy));
}

static mal_err spy_send(mal_chan *chan, mal_bytes m) {
    spy *s = (spy *)chan;
    MAL_REQUIRE(s->inner, MAL_E_PEER, "closed by the test");
    if (s->sent < TRACE_MAX)
        s->trace[s->sent] = m.len;
    if (s->keep)
        MAL_TRY(mal_buf_put(s->keep, m));
    return s->sent++ == s->at ? spy_tamper(s, m) : mal_chan_send(s->inner, m);
}
static mal_err spy_recv(mal_chan *chan, mal_buf *m, size_t len_max) {
    spy *s = (spy *)chan;
    MAL_REQUIRE(s->inner, MAL_E_PEER, "closed by the test");
    return mal_chan_recv(s->inner, m, len_max);
}
static void spy_close(mal_chan *chan) {
    mal_chan_close(&((spy *)chan)->inner);
}
static void spy_init(spy *s, mal_chan *inner) {
    static const mal_chan_ops ops = { spy_send, spy_recv, spy_close };
    memset(s, 0, sizeof *s);
    s->chan.ops = &ops;
    s->inner = inner;
    s->at = ~0u;
}

/* --- A run ---------------------------------------------------------------- */

typedef struct circuit_run {
    mal_psi_circuit_params filter_params, payload_params;
    mal_psi_circuit_filter_input filter;
    mal_psi_circuit_payload_input payload;
    uint8_t (*v)[MAL_PSI_CIRCUIT_KEY], (*w)[MAL_PSI_CIRCUIT_KEY];
    int64_t *values, *noise1, *noise2;
    spy p1, p2;
    mal_psi_circuit_report report1, report2;
    mal_err err1, err2;
    uint64_t *y1, *y2;
    const mal_progress *progress1, *progress2;
    uint64_t alloc_fail_at; /* 0: none fails */
} circuit_run;

static unsigned run_timeout_ms = 3000;

static void run_key(uint8_t key[MAL_PSI_CIRCUIT_KEY], uint64_t i) {
    memset(key, 0xab, MAL_PSI_CIRCUIT_KEY);
    mal_store_u64le(key, i);
}

/* n1 keys 0 .. n1 - 1; n2 keys from `shift` on; values of any size. */
static void run_new(circuit_run *r, uint32_t n1, uint32_t n2, uint32_t shift,
                    uint32_t words, uint64_t *seed) {
    memset(r, 0, sizeof *r);
    mal_psi_circuit_params *q = &r->filter_params;
    memset(q->session, 3, sizeof q->session);
    q->filter_max = n1 + 1 + (uint32_t)(mal_test_rand(seed) % 4);
    q->payload_max = n2 + 1 + (uint32_t)(mal_test_rand(seed) % 4);
    q->words = words;
    q->threads = 1;
    r->payload_params = *q;
    r->v = calloc(n1 + 1, sizeof *r->v);
    r->w = calloc(n2 + 1, sizeof *r->w);
    r->values = calloc((n2 + 1) * (size_t)words, 8);
    r->noise1 = calloc(words, 8);
    r->noise2 = calloc(words, 8);
    r->y1 = calloc(words, 8);
    r->y2 = calloc(words, 8);
    for (uint32_t i = 0; i < n1; i++)
        run_key(r->v[i], i);
    for (uint32_t j = 0; j < n2; j++)
        run_key(r->w[j], shift + j);
    for (size_t i = 0; i < n2 * (size_t)words; i++)
        r->values[i] = (int64_t)mal_test_rand(seed) >> (24 + i % 40);
    for (size_t i = 0; i < words; i++) {
        r->noise1[i] = (int64_t)(mal_test_rand(seed) % 2001) - 1000;
        r->noise2[i] = (int64_t)(mal_test_rand(seed) % 2001) - 1000;
    }
    r->filter =
        (mal_psi_circuit_filter_input){ (const void *)r->v, n1, r->noise1 };
    r->payload = (mal_psi_circuit_payload_input){ (const void *)r->w, n2,
                                                  r->values, r->noise2 };
    mal_chan *a, *b;
    CHECK_OK(mal_prim_init());
    CHECK_OK(mal_chan_pair(&a, &b, run_timeout_ms));
    spy_init(&r->p1, a);
    spy_init(&r->p2, b);
}

__attribute__((unused)) static void run_filter(void *arg) {
    circuit_run *r = arg;
    r->err1 =
        mal_psi_circuit_filter(r->y1, &r->report1, &r->p1.chan,
                               &r->filter_params, &r->filter, r->progress1);
    spy_close(&r->p1.chan);
}

static void run_payload(void *arg) {
    circuit_run *r = arg;
    r->err2 =
        mal_psi_circuit_payload(r->y2, &r->report2, &r->p2.chan,
                                &r->payload_params, &r->payload, r->progress2);
    spy_close(&r->p2.chan);
}

__attribute__((unused)) static void run_go(circuit_run *r) {
    mal_thread *t;
    CHECK_OK(mal_thread_start(&t, run_filter, r));
    mal_alloc_fail_at(r->alloc_fail_at);
    run_payload(r);
    mal_thread_join(&t);
    mal_alloc_fail_at(0);
}

static void run_done(circuit_run *r) {
    mal_chan_close(&r->p1.inner);
    mal_chan_close(&r->p2.inner);
    free(r->v);
    free(r->w);
    free(r->values);
    free(r->noise1);
    free(r->noise2);
    free(r->y1);
    free(r->y2);
}

/* The plain answer: keys are compared one with each. */
__attribute__((unused)) static void run_check(const circuit_run *r) {
    const size_t words = r->filter_params.words;
    uint64_t *sum = calloc(words, 8);
    CHECK_THAT(r->err1 == MAL_OK && r->err2 == MAL_OK, "%s and %s: %s",
               mal_err_name(r->err1), mal_err_name(r->err2), mal_err_trail());
    for (size_t j = 0; j < r->payload.n; j++) {
        bool found = false;
        for (size_t i = 0; i < r->filter.n; i++)
            found |= mal_equal(r->v[i], r->w[j], MAL_PSI_CIRCUIT_KEY);
        for (size_t k = 0; found && k < words; k++)
            sum[k] += (uint64_t)r->values[j * words + k];
    }
    for (size_t k = 0; k < words; k++) {
        sum[k] += (uint64_t)(r->filter.noise ? r->noise1[k] : 0) +
                  (uint64_t)(r->payload.noise ? r->noise2[k] : 0);
        CHECK_EQ(r->y1[k] + r->y2[k], sum[k]);
    }
    free(sum);
}

#endif
