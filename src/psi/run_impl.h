/* run_impl.h - what both parties of an intersection do.
 *
 *     receiver                                   sender
 *                               <-  HELLO   commitment to w_s     (malicious)
 *         VOLE: C = B + Delta A
 *     OPEN   seed r, w_r        ->
 *     STORE  A + P, bin by bin  ->
 *                               <-  REVEAL  w_s                   (malicious)
 *                               <-  COUNTS, MASKS
 *
 * Every message has a header: magic, type, place in the stream of its sender,
 * items in the body, and the hash of session and parameters.  The receiver of a
 * message knows all of it beforehand, and its length.
 */
#ifndef MALUS_PSI_RUN_IMPL_H
#define MALUS_PSI_RUN_IMPL_H

#include "psi_impl.h"

/* The one answer to a peer that breaks the protocol. */
#define PSI_PEER_BROKE "the peer broke the protocol: the run is void"
#define PSI_REQUIRE_PEER(cond) MAL_REQUIRE(cond, MAL_E_PEER, PSI_PEER_BROKE)

enum {
    PSI_HELLO = 1,
    PSI_OPEN,
    PSI_STORE,
    PSI_REVEAL,
    PSI_COUNTS,
    PSI_MASKS,
};

/* --- Messages ------------------------------------------------------------- */

#define PSI_HEADER 48
#define PSI_MESSAGE_AIM ((size_t)1 << 18)

typedef struct psi_wire {
    mal_chan *chan; /* borrowed */
    mal_prim_hash session;
    uint32_t places_sent, places_received;
    mal_buf out, in;
} psi_wire;

/* Start a message in w->out with room for a body of body_len, returned. */
mal_err psi_wire_begin(psi_wire *w, uint8_t **body, uint32_t type, size_t items,
                       size_t body_len) MAL_MUST_CHECK;
mal_err psi_wire_send(psi_wire *w) MAL_MUST_CHECK;
/* The next message must be exactly this; the body lies in w->in. */
mal_err psi_wire_recv(psi_wire *w, const uint8_t **body, uint32_t type,
                      size_t items, size_t body_len) MAL_MUST_CHECK;

/* --- The run -------------------------------------------------------------- */

typedef struct psi_run {
    const mal_psi_params *params;
    const mal_progress *progress;
    psi_wire wire;
    mal_psi_okvs okvs;
    bool malicious;
    unsigned threads;
    /* Masks: the first prefix_bits choose a bucket, mask_bytes follow. */
    unsigned prefix_bits, mask_bytes;
    mal_prim_oracle hash_key, hash_mask; /* malicious: SHA-256 */
    mal_prim_aes pi_key, pi_mask;        /* semi-honest: AES under fixed keys */
    mal_psi_block w;                     /* w_r + w_s; zero if semi-honest */
    mal_psi_key *dummies;
    psi_keys keys; /* own, padded to the bound */
} psi_run;

mal_err psi_run_init(psi_run *run, mal_chan *chan, const mal_psi_params *params,
                     const mal_progress *progress) MAL_MUST_CHECK;
void psi_run_clear(psi_run *run);
mal_ot_params psi_vole_params(const psi_run *run);
/* Pad own keys with random ones up to the bound. */
mal_err psi_run_pad(psi_run *run, const mal_psi_set *set,
                    uint64_t bound) MAL_MUST_CHECK;
/* com(w_s) of the sender. */
void psi_commit(mal_prim_hash *out, const psi_run *run, const uint8_t w_s[16]);

/* H^F(x): a key's element of the field. */
void psi_hash_keys(const psi_run *run, mal_psi_block *out, const mal_psi_key *x,
                   size_t n);
/* H^o(v, x): a key's mask.  n <= PSI_BATCH. */
void psi_hash_masks(const psi_run *run, mal_psi_block *out,
                    const mal_psi_block *v, const mal_psi_key *x, size_t n);

/* The distinct keys of a set in the order of its list; mal_free.  Where `merge`
 * is not set, a copy of the list. */
mal_err psi_distinct(mal_psi_key **keys, size_t *n,
                     const mal_psi_set *set) MAL_MUST_CHECK;
/* The two sides, for keys that are distinct. */
mal_err psi_receive_distinct(uint64_t *hits, mal_chan *chan,
                             const mal_psi_params *params,
                             const mal_psi_set *set,
                             const mal_progress *progress) MAL_MUST_CHECK;
mal_err psi_send_distinct(mal_chan *chan, const mal_psi_params *params,
                          const mal_psi_set *set,
                          const mal_progress *progress) MAL_MUST_CHECK;

/* --- The field ------------------------------------------------------------ */

/* io[i] ^= delta * a[i]; the best way, and each of them for the tests. */
void psi_add_multiples(mal_psi_block *io, const mal_psi_block *a, size_t n,
                       mal_psi_block delta);
typedef struct psi_field_way {
    const char *name;
    bool (*usable)(void);
    void (*add_multiples)(mal_psi_block *io, const mal_psi_block *a, size_t n,
                          mal_psi_block delta);
} psi_field_way;
extern const psi_field_way psi_field_ways[];
extern const size_t psi_field_ways_n;

/* --- Masks ---------------------------------------------------------------- */

/* A mask is ordered by w[0], then w[1]. */

/* Sort masks in place.  What can be seen of the order they came in: nothing.
 * MAL_E_INPUT: two are equal, so a key occurs twice. */
mal_err psi_masks_sort(mal_psi_block *masks, size_t n) MAL_MUST_CHECK;
/* The sender's last messages, from sorted masks. */
mal_err psi_masks_send(psi_run *run, const mal_psi_block *masks,
                       size_t n) MAL_MUST_CHECK;
/* Receive them, and mark in hits the own masks found among them; index[i] is
 * the place of own[i], and places from n_real on are dummies. */
typedef struct psi_own_masks {
    mal_psi_block *mask; /* [n] */
    const uint32_t *index;
    size_t n, n_real;
} psi_own_masks;
mal_err psi_masks_match(psi_run *run, uint64_t *hits,
                        const psi_own_masks *own) MAL_MUST_CHECK;

#endif
