/* psi_filter.c - P1 of [IKN20] Fig. 2: it has keys, finds the matches, adds. */
#include "psi_impl.h"

#include <string.h>

typedef struct filter {
    psi p;
    const mal_mpc_psi_filter_input *input;
    point *own;      /* [N1] k1 H(v_i), then k1 k2 H(v_i), sorted */
    point *theirs;   /* [N2] k1 k2 H(w_j) in the order of the rows */
    mal_ring_ge *pk; /* [words] pk_w */
    /* [2][1 + words] A and B_w: sums over the rows without a match, which are
     * thrown away, and over those with one.  Every row costs one addition to
     * either, so the time does not tell P2 how many matched. */
    mal_ring_ge *sum;
    uint8_t *out;        /* [words][64] B_w, C_w */
    const uint8_t *body; /* of the message at hand */
    size_t first;        /* its first row */
    size_t rows;
    uint8_t *match; /* [rows_message] */
    scalar t;
    uint64_t matches;
} filter;

static void filter_clear(filter *f) {
    psi_clear(&f->p);
    mal_free(f->own);
    mal_free(f->theirs);
    mal_free(f->pk);
    mal_free(f->sum);
    mal_free(f->out);
    mal_free(f->match);
    mal_wipe(f->t, sizeof f->t);
}

static mal_err filter_alloc(filter *f) {
    const psi *p = &f->p;
    f->own = mal_calloc(p->params->filter_max, sizeof *f->own);
    f->theirs = mal_calloc(p->params->payload_max, sizeof *f->theirs);
    f->pk = mal_calloc(p->words, sizeof *f->pk);
    f->sum = mal_calloc(2 * (1 + p->words), sizeof *f->sum);
    f->out = mal_calloc(p->words, MAL_MPC_PSI_CIPHERTEXT);
    f->match = mal_calloc(p->rows_message, 1);
    if (!f->own || !f->theirs || !f->pk || !f->sum || !f->out || !f->match)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    for (size_t i = 0; i < 2 * (1 + p->words); i++)
        mal_ring_ge_zero(&f->sum[i]);
    return MAL_OK;
}

/* --- Round 1: masked keys ------------------------------------------------- */

static mal_err check_point(void *ctx, size_t i) {
    const filter *f = ctx;
    REQUIRE_PEER(mal_prim_point_valid(f->own[f->p.done + i]));
    return MAL_OK;
}

static mal_err exchange_keys(filter *f) {
    psi *p = &f->p;
    const size_t n_max = p->params->filter_max;
    bool repeats;
    /* P1 -> P2: { k1 H(v_i) }, dummies among them, in random order. */
    MAL_TRY(psi_mask_keys(p, f->own, NULL, f->input->keys, f->input->n, n_max));
    MAL_TRY(psi_send_points(p, PSI_MASKED, (const point *)f->own, n_max));
    /* P2 -> P1: { k1 k2 H(v_i) } in P2's random order. */
    MAL_TRY(psi_recv_points(p, PSI_REMASKED, f->own, n_max));
    MAL_TRY(psi_stage(p, "psi: checking keys", n_max, check_point, f));
    MAL_TRY(psi_repeats(&repeats, (const point *)f->own, n_max));
    REQUIRE_PEER(!repeats);
    psi_sort(f->own, n_max);
    return MAL_OK;
}

/* P2 -> P1: pk_w = sk_w G for each word. */
static mal_err receive_public_keys(filter *f) {
    psi *p = &f->p;
    point *bytes = mal_calloc(p->words, sizeof *bytes);
    if (!bytes)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    mal_err err = psi_recv_points(p, PSI_KEYS, bytes, p->words);
    for (size_t w = 0; err == MAL_OK && w < p->words; w++)
        err = psi_decode_peer(&f->pk[w], bytes[w]);
    mal_free(bytes);
    return err;
}

/* --- Round 2: rows, matched and added ------------------------------------- */

/* Is this row's key ours too?  k1 (k2 H(w_j)) is in { k1 k2 H(v_i) }. */
static mal_err match_row(void *ctx, size_t i) {
    filter *f = ctx;
    const size_t row = f->p.done + i;
    uint8_t *masked = f->theirs[f->first + row];
    REQUIRE_PEER(mal_prim_point_mul(masked, f->p.k.ptr,
                                    f->body + row * f->p.row_len) == MAL_OK);
    f->match[row] =
        psi_sorted_has((const point *)f->own, f->p.params->filter_max, masked);
    return MAL_OK;
}

/* Add one column of the message's rows, A or B_w. */
static mal_err add_column(void *ctx, size_t i) {
    filter *f = ctx;
    const size_t column = f->p.done + i, columns = 1 + f->p.words;
    for (size_t row = 0; row < f->rows; row++) {
        mal_ring_ge one;
        mal_ring_ge *sum = &f->sum[f->match[row] * columns + column];
        MAL_TRY(psi_decode_peer(&one, f->body + row * f->p.row_len +
                                          MAL_PRIM_POINT * (1 + column)));
        mal_ring_ge_add(sum, sum, &one);
    }
    return MAL_OK;
}

/* P2 -> P1: { k2 H(w_j), A_j, B_j1, .. B_jwords } in P2's random order. */
static mal_err receive_rows(filter *f) {
    psi *p = &f->p;
    const size_t n_max = p->params->payload_max;
    bool repeats;
    for (f->first = 0; f->first < n_max; f->first += p->rows_message) {
        size_t left = n_max - f->first;
        f->rows = left < p->rows_message ? left : p->rows_message;
        MAL_TRY(mal_progress_step(p->progress, "psi: rows", f->first, n_max));
        MAL_TRY(mpc_wire_recv(&p->wire, &f->body, PSI_ROWS, f->rows,
                              f->rows * p->row_len));
        MAL_TRY(psi_stage(p, NULL, f->rows, match_row, f));
        MAL_TRY(psi_stage(p, NULL, 1 + p->words, add_column, f));
        for (size_t row = 0; row < f->rows; row++)
            f->matches += f->match[row];
    }
    MAL_TRY(psi_repeats(&repeats, (const point *)f->theirs, n_max));
    REQUIRE_PEER(!repeats);
    return MAL_OK;
}

/* --- Round 3: the sums, for P2 to strip ----------------------------------- */

/* B_w + t pk_w + noise G + s_w R, and C_w = s_w G. */
static mal_err finish_word(void *ctx, size_t i) {
    filter *f = ctx;
    const size_t w = f->p.done + i;
    const int64_t *noise = f->input->noise ? f->input->noise : f->p.zeros;
    mal_ring_ge b = f->sum[(1 + f->p.words) + 1 + w], c, t;
    point pk;
    mal_ring_ge_encode(pk, &f->pk[w]);
    MAL_TRY(mal_prim_point_mul(pk, f->t, pk));
    MAL_TRY(mal_ring_ge_decode(&t, pk));
    mal_ring_ge_add(&b, &b, &t);
    mal_ring_ge_zero(&c);
    psi_add_recipient_layer(&f->p, &b, &c, noise[w]);
    uint8_t *out = f->out + w * MAL_MPC_PSI_CIPHERTEXT;
    mal_ring_ge_encode(out, &b);
    mal_ring_ge_encode(out + MAL_PRIM_POINT, &c);
    mal_declassify(out, MAL_MPC_PSI_CIPHERTEXT);
    mal_wipe(&b, sizeof b);
    mal_wipe(&t, sizeof t);
    mal_wipe(pk, sizeof pk);
    return MAL_OK;
}

/* P1 -> P2: A = sum of matching A_j + t G, with t fresh: without it A would
 * tell P2 which rows matched.  Then (B_w, C_w) for each word. */
static mal_err send_sums(filter *f) {
    psi *p = &f->p;
    mal_ring_ge a;
    point bytes;
    mal_prim_scalar_random(f->t);
    mal_ring_comb_mul(&a, p->g, f->t);
    mal_ring_ge_add(&a, &a, &f->sum[1 + p->words]);
    mal_ring_ge_encode(bytes, &a);
    mal_wipe(&a, sizeof a);
    MAL_TRY(psi_stage(p, "psi: sums", p->words, finish_word, f));
    MAL_TRY(psi_send_points(p, PSI_RANDOMISER, (const point *)&bytes, 1));
    return psi_send_points(p, PSI_SUMS, (const point *)f->out, 2 * p->words);
}

static mal_err filter_run(filter *f, mal_chan *chan,
                          const mal_mpc_psi_params *params,
                          const mal_progress *progress) {
    const uint8_t *nothing;
    MAL_TRY(psi_init(&f->p, chan, params, progress));
    MAL_TRY(filter_alloc(f));
    MAL_TRY(exchange_keys(f));
    MAL_TRY(receive_public_keys(f));
    MAL_TRY(receive_rows(f));
    MAL_TRY(send_sums(f));
    return mpc_wire_recv(&f->p.wire, &nothing, PSI_DONE, 0, 0);
}

mal_err mal_mpc_psi_filter(mal_mpc_psi_report *report, mal_chan *chan,
                           const mal_mpc_psi_params *params,
                           const mal_mpc_psi_filter_input *input,
                           const mal_progress *progress) {
    filter f = { .input = input };
    *report = (mal_mpc_psi_report){ 0 };
    mal_err err = filter_run(&f, chan, params, progress);
    if (err == MAL_OK) {
        report->matches = f.matches;
        mpc_wire_hashes(&f.p.wire, &report->filter_to_payload,
                        &report->payload_to_filter);
    }
    filter_clear(&f);
    if (err != MAL_OK)
        return mal_err_trace(err, __FILE__, __LINE__);
    return MAL_OK;
}
