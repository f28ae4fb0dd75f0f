/* malus/mpc.h - answers over several owners' rows: a masked sum, a private
 * join.
 *
 * sum: n parties, each with a vector of 64-bit words, make vectors that add up
 * to the sum of the inputs and show nothing else, whoever colludes.
 *
 * psi: two parties, one with keys (`filter`), one with keys and a row of small
 * integers for each (`payload`), make ElGamal ciphertexts of the column sums
 * over the keys that both have, under the key of a recipient who is not
 * present.  The filter learns how many keys matched, and that is declared
 * leakage.
 *
 * Noise enters both as one more private input of each party: it is inside the
 * answer before anything can be opened.  The parties agree on the session id (a
 * hash of the job) beforehand and never use one twice; channels are encrypted
 * and authenticated by who gives them.  Progress is told from the calling
 * thread.  The essay is README.md.
 */
#ifndef MALUS_MPC_H
#define MALUS_MPC_H

#include <malus/base.h>
#include <malus/prim.h>

#define MAL_MPC_SESSION 32 /* bytes of a session id */

/* --- sum ------------------------------------------------------------------ */

#define MAL_MPC_SUM_WORDS_MAX ((size_t)1 << 26)

/* One party's part.  pair[j] is the hash of what passed between this party and
 * party j, equal at both (zero at j = me). */
typedef struct mal_mpc_sum_report {
    mal_prim_hash pair[MAL_PARTIES_MAX];
} mal_mpc_sum_report;

typedef struct mal_mpc_sum_input {
    uint8_t session[MAL_MPC_SESSION];
    const int64_t *x;     /* [n] this party's words */
    const int64_t *noise; /* [n] its noise, or NULL where another adds it */
    size_t n;             /* 1 .. MAL_MPC_SUM_WORDS_MAX, equal at all parties */
} mal_mpc_sum_input;

/* Turn x into y = x + noise + masks mod 2^64, so that the masks of all parties
 * cancel: y may be sealed to the recipient, who learns the sum alone.
 *
 * Out:     y       [n]; zeroed unless MAL_OK.
 *          report  NULL is fine.
 * In-out:  mesh    2 .. 64 parties.
 * Cost:    80 bytes to each peer; (parties - 1) * n words of AES.
 * Leaks:   n and the number of parties, to all.  Nothing of x and noise, to
 *          any coalition of the other parties and the recipient, even
 *          malicious, beyond the sum over the parties outside the coalition.
 * Errors:  MAL_E_PEER, MAL_E_TIMEOUT  a peer broke the protocol, differs in
 *          session, parties or n, or went away.  MAL_E_INPUT  sizes.
 * Source:  [BIK17] section 4, without drop-out.
 */
mal_err mal_mpc_sum(uint64_t *y, mal_mpc_sum_report *report, mal_mesh *mesh,
                    const mal_mpc_sum_input *input,
                    const mal_progress *progress) MAL_MUST_CHECK;

/* Add the parties' vectors: the recipient's step.
 *
 * Out:     sum      [n], two's complement: right while |answer| < 2^63.
 * In:      y        [parties] vectors of n words.
 */
mal_err mal_mpc_sum_open(int64_t *sum, const uint64_t *const *y,
                         unsigned parties, size_t n) MAL_MUST_CHECK;

/* --- psi ------------------------------------------------------------------ */

#define MAL_MPC_PSI_KEY 16               /* bytes of a pseudonym */
#define MAL_MPC_PSI_ROWS_MAX (1u << 20)  /* either side */
#define MAL_MPC_PSI_WORDS_MAX (1u << 16) /* cells * aggs */
#define MAL_MPC_PSI_CIPHERTEXT 64 /* bytes a word of the answer: C || B */
/* Answers are found by a discrete logarithm: |answer| < bound <= this. */
#define MAL_MPC_PSI_BOUND_MAX ((uint64_t)1 << 40)

/* What both parties must hold equal; it is hashed into every message. */
typedef struct mal_mpc_psi_params {
    uint8_t session[MAL_MPC_SESSION];
    uint8_t recipient[MAL_PRIM_POINT]; /* the recipient's public key */
    uint32_t filter_max;  /* N1: declared bound of the filter's keys, >= 1 */
    uint32_t payload_max; /* N2: declared bound of the payload's keys, >= 1 */
    uint32_t cells, aggs; /* >= 1; cells * aggs <= MAL_MPC_PSI_WORDS_MAX */
    unsigned threads;     /* local choice; 0 = one */
} mal_mpc_psi_params;

typedef struct mal_mpc_psi_filter_input {
    const uint8_t (*keys)[MAL_MPC_PSI_KEY]; /* [n] distinct */
    size_t n;                               /* 0 .. filter_max */
    const int64_t *noise;                   /* [cells * aggs], or NULL */
} mal_mpc_psi_filter_input;

typedef struct mal_mpc_psi_payload_input {
    const uint8_t (*keys)[MAL_MPC_PSI_KEY]; /* [n] distinct */
    size_t n;                               /* 0 .. payload_max */
    const int64_t *values; /* [n][cells][aggs]; a count of rows is one agg */
    const int64_t *noise;  /* [cells * aggs], or NULL */
} mal_mpc_psi_payload_input;

/* What a run shows to its party.  The hashes cover all messages in order, each
 * with its length, and are equal at both parties. */
typedef struct mal_mpc_psi_report {
    uint64_t matches; /* at the filter: declared leakage; at the payload: 0 */
    mal_prim_hash filter_to_payload, payload_to_filter;
} mal_mpc_psi_report;

/* A key pair of the recipient; one a job. */
mal_err mal_mpc_psi_recipient_keygen(uint8_t pub[MAL_PRIM_POINT],
                                     mal_key *sec) MAL_MUST_CHECK;

/* The party that holds keys only (P1 of the paper).
 *
 * Out:     report     zeroed unless MAL_OK.
 * Leaks:   N1, N2, cells, aggs to both and to who sees the channel; the exact
 *          number of keys that both have to the filter.  Semi-honest parties.
 * Errors:  MAL_E_INPUT  own keys repeat or are too many, or parameters are
 *          out of range.
 *          MAL_E_PEER   a check of the peer's messages failed (never which).
 * Source:  [IKN20] Fig. 2, with recipient and cells as the essay says.
 */
mal_err mal_mpc_psi_filter(mal_mpc_psi_report *report, mal_chan *chan,
                           const mal_mpc_psi_params *params,
                           const mal_mpc_psi_filter_input *input,
                           const mal_progress *progress) MAL_MUST_CHECK;

/* The party that holds keys and values (P2), and obtains the sealed answer.
 *
 * Out:     ciphertexts  appended: MAL_MPC_PSI_CIPHERTEXT bytes for each
 *          [cell][agg]: ElGamal under `recipient` of sum + both parties' noise.
 * The rest as above; nothing but sizes is leaked to the payload.
 */
mal_err mal_mpc_psi_payload(mal_buf *ciphertexts, mal_mpc_psi_report *report,
                            mal_chan *chan, const mal_mpc_psi_params *params,
                            const mal_mpc_psi_payload_input *input,
                            const mal_progress *progress) MAL_MUST_CHECK;

typedef struct mal_mpc_psi_open_options {
    uint64_t bound; /* 1 .. MAL_MPC_PSI_BOUND_MAX: every |answer| is below it */
    unsigned threads;
} mal_mpc_psi_open_options;

/* Decrypt: the recipient's step.
 *
 * Out:     answer  [ciphertexts.len / 64] as [cell][agg]; zeroed unless MAL_OK.
 * Cost:    O(sqrt(n * bound)) time, and at most 120 MiB.
 * Leaks:   the time depends on the (noised) answers; it runs at the recipient.
 * Errors:  MAL_E_INPUT  not ciphertexts, or an answer not within the bound.
 */
mal_err mal_mpc_psi_open(int64_t *answer, const mal_key *sec,
                         mal_bytes ciphertexts,
                         const mal_mpc_psi_open_options *options,
                         const mal_progress *progress) MAL_MUST_CHECK;

/* --- bench ---------------------------------------------------------------- */

/* Append one JSON object a line: engine, name, rows, threads, seconds (wall),
 * cpu_seconds and bytes (all parties), ns_per_row.  only: a name, or NULL. */
mal_err mal_mpc_bench(mal_buf *lines, const char *only, uint64_t rows,
                      unsigned threads) MAL_MUST_CHECK;

#endif
