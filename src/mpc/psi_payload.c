/* psi_payload.c - P2 of [IKN20] Fig. 2: it has keys and values, and strips its
 * layer from the sums that P1 made.
 *
 * Encryption is exponential ElGamal with one randomiser A_j = r_j G for all
 * words of a row, and a key pair for each word: B_jw = (sk_w r_j + m_jw) G.  P2
 * knows sk_w, so a word costs one multiple of G.  All scalars are kept halved,
 * as the encoding in batches doubles.
 */
#include "psi_impl.h"

#include <string.h>

typedef struct payload {
    psi p;
    const mal_mpc_psi_payload_input *input;
    point *own;       /* [N2] k2 H(w_j) in the order sent */
    uint32_t *order;  /* [N2] which row lies there; >= n: a dummy */
    point *theirs;    /* [N1] */
    scalar *sk;       /* [words] */
    uint8_t *rows;    /* one message's body */
    uint8_t *out;     /* [words][64] C_w, B_w */
    scalar half;      /* 1/2 mod l */
    mal_ring_comb *a; /* multiples of A, as sk_w A is needed for each word */
    size_t first;     /* row of the message at hand */
} payload;

static void wipe_free(void *block, size_t len) {
    if (block)
        mal_wipe(block, len);
    mal_free(block);
}

static void payload_clear(payload *q) {
    const mal_mpc_psi_params *params = q->p.params;
    wipe_free(q->order, params->payload_max * sizeof *q->order);
    wipe_free(q->sk, q->p.words * sizeof *q->sk);
    mal_free(q->own);
    mal_free(q->theirs);
    mal_free(q->rows);
    mal_free(q->out);
    mal_ring_comb_auto(&q->a);
    psi_clear(&q->p);
}

static mal_err payload_alloc(payload *q) {
    const psi *p = &q->p;
    scalar two;
    q->own = mal_calloc(p->params->payload_max, sizeof *q->own);
    q->order = mal_calloc(p->params->payload_max, sizeof *q->order);
    q->theirs = mal_calloc(p->params->filter_max, sizeof *q->theirs);
    q->sk = mal_calloc(p->words, sizeof *q->sk);
    q->rows = mal_calloc(p->rows_message, p->row_len);
    q->out = mal_calloc(p->words, MAL_MPC_PSI_CIPHERTEXT);
    if (!q->own || !q->order || !q->theirs || !q->sk || !q->rows || !q->out)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    mal_prim_scalar_from_i64(two, 2);
    return mal_prim_scalar_invert(q->half, two);
}

/* --- Round 1: keys -------------------------------------------------------- */

static mal_err exchange_keys(payload *q) {
    psi *p = &q->p;
    const size_t n1 = p->params->filter_max;
    bool repeats;
    MAL_TRY(psi_mask_keys(p, q->own, q->order, q->input->keys, q->input->n,
                          p->params->payload_max));
    /* P1 -> P2: { k1 H(v_i) }; a key sent twice is caught. */
    MAL_TRY(psi_recv_points(p, PSI_MASKED, q->theirs, n1));
    MAL_TRY(psi_repeats(&repeats, (const point *)q->theirs, n1));
    REQUIRE_PEER(!repeats);
    /* P2 -> P1: { k1 k2 H(v_i) } in a fresh random order. */
    MAL_TRY(psi_remask(p, q->theirs, n1));
    MAL_TRY(psi_shuffle(q->theirs, n1));
    return psi_send_points(p, PSI_REMASKED, (const point *)q->theirs, n1);
}

/* P2 -> P1: pk_w = sk_w G. */
static mal_err send_public_keys(payload *q) {
    psi *p = &q->p;
    point *pk = mal_calloc(p->words, sizeof *pk);
    if (!pk)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    for (size_t w = 0; w < p->words; w++)
        mal_prim_scalar_random(q->sk[w]);
    psi_base_doubled(p, pk, (const scalar *)q->sk, p->words);
    for (size_t w = 0; w < p->words; w++) /* pk = 2 sk G: double sk to match */
        mal_prim_scalar_add(q->sk[w], q->sk[w], q->sk[w]);
    mal_err err = psi_send_points(p, PSI_KEYS, (const point *)pk, p->words);
    mal_free(pk);
    return err;
}

/* --- Round 2: rows -------------------------------------------------------- */

/* B_jw for some words of one row: half of (sk_w r_j + m_jw) is
 * sk_w (r_j / 2) + m_jw / 2. */
static void encrypt_words(const payload *q, point *out, const scalar r_half,
                          const int64_t *m, size_t first, size_t n) {
    scalar s[64], t;
    assert(n <= 64);
    for (size_t i = 0; i < n; i++) {
        mal_prim_scalar_from_i64(t, m[first + i]);
        mal_prim_scalar_mul(t, t, q->half);
        mal_prim_scalar_mul(s[i], q->sk[first + i], r_half);
        mal_prim_scalar_add(s[i], s[i], t);
    }
    psi_base_doubled(&q->p, out, (const scalar *)s, n);
    mal_wipe(s, sizeof s);
    mal_wipe(t, sizeof t);
}

/* k2 H(w_j), A_j = r_j G, B_jw; a dummy encrypts zeros. */
static mal_err encrypt_row(void *ctx, size_t i) {
    payload *q = ctx;
    const size_t row = q->p.done + i, words = q->p.words;
    const size_t j = q->order[q->first + row];
    const int64_t *m =
        j < q->input->n ? q->input->values + j * words : q->p.zeros;
    point *out = (point *)(q->rows + row * q->p.row_len);
    scalar r_half;
    memcpy(out[0], q->own[q->first + row], MAL_PRIM_POINT);
    mal_prim_scalar_random(r_half);
    psi_base_doubled(&q->p, &out[1], (const scalar *)&r_half, 1);
    for (size_t w = 0; w < words; w += 64)
        encrypt_words(q, &out[2 + w], r_half, m, w,
                      words - w < 64 ? words - w : 64);
    mal_wipe(r_half, sizeof r_half);
    mal_declassify(out, q->p.row_len); /* ciphertexts */
    return MAL_OK;
}

static mal_err send_rows(payload *q) {
    psi *p = &q->p;
    const size_t n2 = p->params->payload_max;
    for (q->first = 0; q->first < n2; q->first += p->rows_message) {
        size_t left = n2 - q->first;
        size_t n = left < p->rows_message ? left : p->rows_message;
        MAL_TRY(mal_progress_step(p->progress, "psi: rows", q->first, n2));
        MAL_TRY(psi_stage(p, NULL, n, encrypt_row, q));
        MAL_TRY(mpc_wire_begin(&p->wire, PSI_ROWS, n));
        MAL_TRY(
            mal_buf_put(&p->wire.out, mal_bytes_of(q->rows, n * p->row_len)));
        MAL_TRY(mpc_wire_send(&p->wire));
    }
    return MAL_OK;
}

/* --- Round 3: the sums ---------------------------------------------------- */

/* B_w - sk_w A is the sum under the recipient's key alone: with this party's
 * noise and fresh randomness it is the answer. */
static mal_err strip_word(void *ctx, size_t i) {
    payload *q = ctx;
    const size_t w = q->p.done + i;
    const int64_t *noise = q->input->noise ? q->input->noise : q->p.zeros;
    uint8_t *at = q->out + w * MAL_MPC_PSI_CIPHERTEXT;
    mal_ring_ge b, c, t;
    MAL_TRY(psi_decode_peer(&b, at));
    MAL_TRY(psi_decode_peer(&c, at + MAL_PRIM_POINT));
    mal_ring_comb_mul(&t, q->a, q->sk[w]);
    mal_ring_ge_sub(&b, &b, &t);
    psi_add_recipient_layer(&q->p, &b, &c, noise[w]);
    mal_ring_ge_encode(at, &c);
    mal_ring_ge_encode(at + MAL_PRIM_POINT, &b);
    mal_declassify(at, MAL_MPC_PSI_CIPHERTEXT);
    mal_wipe(&b, sizeof b);
    mal_wipe(&t, sizeof t);
    return MAL_OK;
}

static mal_err strip_sums(payload *q) {
    psi *p = &q->p;
    point bytes;
    mal_ring_ge a;
    MAL_TRY(psi_recv_points(p, PSI_RANDOMISER, &bytes, 1));
    MAL_TRY(psi_recv_points(p, PSI_SUMS, (point *)q->out, 2 * p->words));
    MAL_TRY(psi_decode_peer(&a, bytes));
    MAL_TRY(mal_ring_comb_new(&q->a, &a));
    MAL_TRY(psi_stage(p, "psi: sums", p->words, strip_word, q));
    MAL_TRY(mpc_wire_begin(&p->wire, PSI_DONE, 0));
    return mpc_wire_send(&p->wire);
}

static mal_err payload_run(payload *q, mal_chan *chan,
                           const mal_mpc_psi_params *params,
                           const mal_progress *progress) {
    MAL_TRY(psi_init(&q->p, chan, params, progress));
    MAL_TRY(payload_alloc(q));
    MAL_TRY(exchange_keys(q));
    MAL_TRY(send_public_keys(q));
    MAL_TRY(send_rows(q));
    return strip_sums(q);
}

mal_err mal_mpc_psi_payload(mal_buf *ciphertexts, mal_mpc_psi_report *report,
                            mal_chan *chan, const mal_mpc_psi_params *params,
                            const mal_mpc_psi_payload_input *input,
                            const mal_progress *progress) {
    payload q = { .input = input };
    *report = (mal_mpc_psi_report){ 0 };
    mal_err err = payload_run(&q, chan, params, progress);
    if (err == MAL_OK)
        err = mal_buf_put(
            ciphertexts,
            mal_bytes_of(q.out, q.p.words * MAL_MPC_PSI_CIPHERTEXT));
    if (err == MAL_OK)
        mpc_wire_hashes(&q.p.wire, &report->payload_to_filter,
                        &report->filter_to_payload);
    payload_clear(&q);
    if (err != MAL_OK)
        return mal_err_trace(err, __FILE__, __LINE__);
    return MAL_OK;
}
