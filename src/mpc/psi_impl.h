/* psi_impl.h - what both parties of psi share.
 *
 * Symbols follow [IKN20] Fig. 2: P1 is the filter with keys v_i and exponent
 * k1, P2 the payload with keys w_j and exponent k2; G is the base point,
 * written additively here.
 */
#ifndef MALUS_PSI_IMPL_H
#define MALUS_PSI_IMPL_H

#include "mpc_impl.h"

#include <malus/ring.h>

typedef uint8_t point[MAL_PRIM_POINT];
typedef uint8_t scalar[MAL_PRIM_SCALAR];

/* The messages, in their order. */
enum {
    PSI_MASKED = 16, /* P1 -> P2: k1 H(v_i), N1 points */
    PSI_REMASKED,    /* P2 -> P1: k1 k2 H(v_i) reshuffled, N1 points */
    PSI_KEYS,        /* P2 -> P1: pk_w for each word, points */
    PSI_ROWS,        /* P2 -> P1: k2 H(w_j), A_j, B_jw for each word, N2 rows */
    PSI_RANDOMISER,  /* P1 -> P2: A, one point */
    PSI_SUMS,        /* P1 -> P2: B_w, C_w for each word, pairs of points */
    PSI_DONE,        /* P2 -> P1: nothing */
};

/* One party's run. */
typedef struct psi {
    const mal_mpc_psi_params *params;
    const mal_progress *progress;
    size_t words;        /* cells * aggs */
    size_t row_len;      /* 32 (2 + words) */
    size_t rows_message; /* rows sent at once */
    mal_prim_hash session;
    mpc_wire wire;
    mal_key k; /* this party's exponent, k1 or k2 */
    mal_ring_comb *g, *recipient;
    const int64_t *zeros; /* [words]: the payload of dummies, absent noise */
    size_t done;          /* of the stage at hand: bodies count from here */
} psi;

mal_err psi_init(psi *p, mal_chan *chan, const mal_mpc_psi_params *params,
                 const mal_progress *progress) MAL_MUST_CHECK;
void psi_clear(psi *p);

/* Run body(ctx, i) for i < n in parts, with progress between them unless name
 * is NULL; body adds p->done to its i. */
mal_err psi_stage(psi *p, const char *name, size_t n,
                  mal_err (*body)(void *, size_t), void *ctx) MAL_MUST_CHECK;

/* out[i] = k H(key_i) in random order for the n keys and n_max - n dummies;
 * order[i], if asked for, says which key lies at i (>= n: a dummy).  Keys that
 * repeat are MAL_E_INPUT. */
mal_err psi_mask_keys(psi *p, point *out, uint32_t *order,
                      const uint8_t (*keys)[MAL_MPC_PSI_KEY], size_t n,
                      size_t n_max) MAL_MUST_CHECK;
/* points[i] *= k, all valid, else MAL_E_PEER. */
mal_err psi_remask(psi *p, point *points, size_t n) MAL_MUST_CHECK;
/* A uniformly random order of n points. */
mal_err psi_shuffle(point *points, size_t n) MAL_MUST_CHECK;
void psi_sort(point *points, size_t n);
bool psi_sorted_has(const point *points, size_t n, const point wanted);
/* Do n points repeat?  Works on a copy. */
mal_err psi_repeats(bool *repeats, const point *points,
                    size_t n) MAL_MUST_CHECK;

mal_err psi_send_points(psi *p, uint32_t type, const point *points,
                        size_t n) MAL_MUST_CHECK;
mal_err psi_recv_points(psi *p, uint32_t type, point *points,
                        size_t n) MAL_MUST_CHECK;
/* Decode what the peer sent; the identity is refused too. */
mal_err psi_decode_peer(mal_ring_ge *out, const point bytes) MAL_MUST_CHECK;
/* out[i] = 2 half[i] G. */
void psi_base_doubled(const psi *p, point *out, const scalar *half, size_t n);
/* The end of both parties' parts: (b, c) += Enc(noise; s) under the recipient's
 * key, with a fresh s.  Also the wiping of what it used. */
void psi_add_recipient_layer(const psi *p, mal_ring_ge *b, mal_ring_ge *c,
                             int64_t noise);

#endif
