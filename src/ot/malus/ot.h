/* malus/ot.h - correlated randomness of two parties.
 *
 * Two engines, for whoever computes on top of them:
 *
 *     correlated OT   sender: delta, q[i]        receiver: choice u[i], t[i]
 *                     t[i] = q[i] + u[i] * delta,   u chosen by the receiver
 *     VOLE            sender: delta, b[i]        receiver: a[i], c[i]
 *                     c[i] = b[i] + delta * a[i],   a pseudo-random
 *
 * over GF(2^128).  Correlated OT comes from 128 base OTs [MRR21] by
 * SoftSpokenOT [Roy22], a few bytes each.  VOLE comes from a few thousand
 * correlated OTs by punctured trees and a linear code [BCGI18] [WYKW21]
 * [RRT23]: about 0.2 MB for any length.  Both are secure against a malicious
 * peer, or a curious one only, as the parameters say; README.md has the
 * argument and the assumptions.
 */
#ifndef MALUS_OT_H
#define MALUS_OT_H

#include <malus/base.h>

/* --- Types -----------------------------------------------------------------
 */

/* An element of GF(2)[x] / (x^128 + x^7 + x^2 + x + 1): the coefficient of x^i
 * is bit i % 64 of w[i / 64]; on the wire two u64le.  Memory order is the same
 * on little-endian machines, which are the ones we build for. */
typedef struct mal_ot_block {
    _Alignas(16) uint64_t w[2];
} mal_ot_block;

typedef enum mal_ot_security {
    MAL_OT_SEMI_HONEST = 1,
    MAL_OT_MALICIOUS = 2,
} mal_ot_security;

/* Which code compresses the noise of a VOLE [RRT23]: expander weight and memory
 * of the convolution.  README.md estimates both. */
typedef enum mal_ot_code {
    MAL_OT_CODE_7X24 = 1,  /* what the fast published figures use */
    MAL_OT_CODE_21X24 = 2, /* a margin for cryptanalysis to come */
} mal_ot_code;

#define MAL_OT_SESSION 32
typedef struct mal_ot_params { /* equal on both sides; { 0 } but for session and
                                  security is fine */
    uint8_t session[MAL_OT_SESSION]; /* public; names one object, never twice */
    mal_ot_security security;
    mal_ot_code code; /* 0: MAL_OT_CODE_7X24 */
    unsigned fold;    /* bytes per OT = 16 / fold: 1, 2, 4, 8; 0: 4 */
    /* The sender's correlation; NULL: drawn.  Not part of what must be equal.
     */
    const mal_ot_block *delta;
    unsigned threads; /* of a VOLE; local choice; 0 = one */
} mal_ot_params;

#define MAL_OT_VOLE_MAX ((size_t)1 << 26)

/* --- Memory for many blocks --------------------------------------------------
 */

/* Zeroed, 64-byte aligned, in huge pages where the system has them (random
 * access into megabytes is several times faster there); NULL (recorded) if out
 * of memory.  free wipes. */
mal_ot_block *mal_ot_blocks_new(size_t n);
void mal_ot_blocks_free(mal_ot_block *blocks);
void mal_ot_blocks_auto(mal_ot_block **blocks);

/* --- The field ---------------------------------------------------------------
 */

/* a * b, in constant time. */
mal_ot_block mal_ot_mul(mal_ot_block a, mal_ot_block b);

/* --- Correlated OT -----------------------------------------------------------
 */

/* One extender per channel and role: base OTs are paid by new, then batches of
 * any size follow each other, sender and receiver in step. */
typedef struct mal_ot_cot mal_ot_cot;

/* Run the base OTs as the one who holds delta.
 *
 * Cost:    128 base OTs: one flow each way, 13 KB.
 * Leaks:   nothing; parameters are public.
 * Errors:  MAL_E_PEER, MAL_E_INPUT  the peer broke the protocol.
 * Source:  [MRR21] batch OT from the endemic OT of [MR19]; [Roy22] section 5.
 */
mal_err mal_ot_cot_new_sender(mal_ot_cot **cot, mal_chan *chan,
                              const mal_ot_params *params) MAL_MUST_CHECK;
mal_err mal_ot_cot_new_receiver(mal_ot_cot **cot, mal_chan *chan,
                                const mal_ot_params *params) MAL_MUST_CHECK;
void mal_ot_cot_free(mal_ot_cot *cot);
void mal_ot_cot_auto(mal_ot_cot **cot);
/* How many OTs were made so far: the index of the next one. */
uint64_t mal_ot_cot_count(const mal_ot_cot *cot);
/* The sender's delta. */
mal_ot_block mal_ot_cot_delta(const mal_ot_cot *cot);

/* Produce n correlated OTs.  The receiver speaks, the sender only listens.
 *
 * Out:     q      [n] sender; t [n] receiver, t[i] = q[i] + u[i] * delta.
 *                 Zeroed unless MAL_OK.
 * In:      choice [ceil(n / 64)] words of chosen bits, bit i % 64 of word i
 * / 64. Cost:    16 / fold bytes an OT in one flow; in malicious mode 2.5 KB
 * more for each 32640. Leaks:   to a malicious receiver: whether its guess of
 * some bits of delta was right; a wrong one ends the run (README.md). Errors:
 * MAL_E_PEER   the check fails, or a message is malformed. MAL_E_STATE  an
 * earlier batch failed. Source:  [Roy22] figures 7 and 8.
 */
mal_err mal_ot_cot_send(mal_ot_cot *cot, mal_ot_block *q,
                        size_t n) MAL_MUST_CHECK;
mal_err mal_ot_cot_receive(mal_ot_cot *cot, mal_ot_block *t,
                           const uint64_t *choice, size_t n) MAL_MUST_CHECK;

/* The pads of OT i of the object: tweakable circular correlation robust hash
 * [GKWY20], out[i] = H(in[i], first + i).  For the sender the two pads are the
 * hashes of q[i] and of q[i] + delta, for the receiver that of t[i].  first
 * counts the OTs of the object: no index serves twice. */
void mal_ot_cot_hash(const mal_ot_cot *cot, mal_ot_block *out,
                     const mal_ot_block *in, size_t n, uint64_t first);

/* --- One of sixteen ---------------------------------------------------------
 */

/* Correlations over GF(16): c[i] = b[i] + delta a[i], a block being 32 elements
 * of GF(16), a nibble each, and a[i] the top nibble of c[i], pseudo-random. Who
 * chooses y sends a + y; then the pads of the sixteen choices are the hashes of
 * b + delta (a + y + choice), of which the receiver knows one.  About 0.4 bytes
 * each, for any number of them, in rounds of up to 2^20.
 *
 * A receiver that lies learns no more, if the extender is malicious.  A sender
 * that lies is not found out: it may learn a.  README.md, docs/security/ot.md.
 */
typedef struct mal_ot_nib mal_ot_nib;

/* A delta for the extender: its top nibble is 1. */
mal_ot_block mal_ot_nib_delta(void);
/* Over an extender with such a delta; `outputs` will be wanted, or more. */
mal_err mal_ot_nib_new(mal_ot_nib **nib, mal_ot_cot *cot,
                       size_t outputs) MAL_MUST_CHECK;
void mal_ot_nib_free(mal_ot_nib *nib);
void mal_ot_nib_auto(mal_ot_nib **nib);
/* The next n: b at the sender, c at the receiver.  Both take the same numbers
 * in the same order: a round is begun, with messages, when the last one is used
 * up.
 *
 * Errors:  MAL_E_PEER   the peer broke the protocol.
 *          MAL_E_STATE  an earlier batch failed.
 * Source:  [BCGI18], [WYKW21] figure 5 over GF(16); [RRT23].
 */
mal_err mal_ot_nib_next(mal_ot_nib *nib, mal_ot_block *out,
                        size_t n) MAL_MUST_CHECK;
/* How many were taken: the index of the next. */
uint64_t mal_ot_nib_count(const mal_ot_nib *nib);
/* delta y, y < 16. */
mal_ot_block mal_ot_nib_times(mal_ot_block delta, unsigned y);
/* As mal_ot_cot_hash, of these. */
void mal_ot_nib_hash(const mal_ot_nib *nib, mal_ot_block *out,
                     const mal_ot_block *in, size_t n, uint64_t first);
/* Outputs of a round, where so many are wanted. */
size_t mal_ot_nib_batch(size_t outputs);
/* What they cost over an extender of that fold, base OTs apart. */
void mal_ot_nib_cost(uint64_t *bytes, uint64_t *rounds, size_t outputs,
                     unsigned fold);

/* --- VOLE --------------------------------------------------------------------
 */

/* Produce n correlations, base OTs included.
 *
 * Out:     a, c   [n] receiver; b [n] sender; c[i] = b[i] + delta * a[i].
 *          delta  drawn, or params->delta.  All zeroed unless MAL_OK.
 * In:      n      1 .. MAL_OT_VOLE_MAX, public.
 * Cost:    O(n); about 0.2 MB; three flows, five in malicious mode.
 * Leaks:   to a malicious sender: whether its guess of a part of the noise was
 *          right, about one bit in all; a wrong one ends the run.  To a
 * malicious receiver: the same about delta. Errors:  MAL_E_PEER, MAL_E_INPUT
 * the peer broke the protocol. Source:  [WYKW21] figures 5 and 7 with the code
 * of [RRT23]; README.md.
 */
mal_err mal_ot_vole_send(mal_ot_block *delta, mal_ot_block *b, size_t n,
                         mal_chan *chan, const mal_ot_params *params,
                         const mal_progress *progress) MAL_MUST_CHECK;
mal_err mal_ot_vole_receive(mal_ot_block *a, mal_ot_block *c, size_t n,
                            mal_chan *chan, const mal_ot_params *params,
                            const mal_progress *progress) MAL_MUST_CHECK;
/* The same over an extender that is there: delta is the extender's. */
mal_err mal_ot_cot_vole_send(mal_ot_cot *cot, mal_ot_block *b, size_t n,
                             const mal_progress *progress) MAL_MUST_CHECK;
mal_err mal_ot_cot_vole_receive(mal_ot_cot *cot, mal_ot_block *a,
                                mal_ot_block *c, size_t n,
                                const mal_progress *progress) MAL_MUST_CHECK;

/* --- Measuring ---------------------------------------------------------------
 */

/* Append one JSON object a line: engine, name, rows, seconds, cpu_seconds,
 * bytes, ns_per_row, and CPU of each party (its first thread).  only:
 * "vole-semi-honest", "vole-malicious", "vole-conservative", "cot-semi-honest",
 * "cot-malicious", "cot-fold-2", "cot-fold-8", or NULL for all.  rows 0: 1.33 M
 * and 2^22. */
mal_err mal_ot_bench(mal_buf *lines, const char *only, uint64_t rows,
                     unsigned threads) MAL_MUST_CHECK;

#endif
