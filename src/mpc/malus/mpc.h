/* malus/mpc.h - answers over several owners' rows: a masked sum.
 *
 * n parties, each with a vector of 64-bit words, make vectors that add up to the
 * sum of the inputs and show nothing else, whoever colludes.
 *
 * Noise enters as one more private input of each party: it is inside the answer
 * before anything can be opened.  The parties agree on the session id (a hash of
 * the job) beforehand and never use one twice; channels are encrypted and
 * authenticated by who gives them.  Progress is told from the calling thread.
 * The essay is README.md; joins are in psi and share3.
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

/* --- bench ---------------------------------------------------------------- */

/* Append one JSON object a line: engine, name, rows, threads, seconds (wall),
 * cpu_seconds and bytes (all parties), ns_per_row.  only: a name, or NULL. */
mal_err mal_mpc_bench(mal_buf *lines, const char *only, uint64_t rows,
                      unsigned threads) MAL_MUST_CHECK;

#endif
