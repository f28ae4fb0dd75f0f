/* malus/psi.h - private set intersection of two parties.
 *
 * A receiver and a sender each hold a set of keys; the receiver learns which of
 * its keys the sender has, the sender learns nothing.  Both declare a bound on
 * their number of keys and pad to it, so that sizes on the wire tell bounds
 * alone.  Protection against a peer that lies is the default.
 *
 * Below it is an oblivious key-value store (OKVS): a vector P that maps each
 * key x to a value by a public linear map row(x), so that <row(x), P> =
 * value(x), and that shows which keys it holds to nobody who does not know
 * their values.
 *
 * The parties agree on the session id (a hash of the job) beforehand and never
 * use one twice; channels are encrypted and authenticated by who gives them.
 * The essay is README.md.
 */
#ifndef MALUS_PSI_H
#define MALUS_PSI_H

#include <malus/base.h>
#include <malus/ot.h>
#include <malus/prim.h>

#define MAL_PSI_KEY 16 /* bytes of a key: a pseudonym, or the hash of one */
typedef struct mal_psi_key {
    uint8_t b[MAL_PSI_KEY];
} mal_psi_key;

/* 128 bits: an element of GF(2^128), or a string; xor is their sum. */
typedef mal_ot_block mal_psi_block;

/* --- Intersection --------------------------------------------------------- */

#define MAL_PSI_SESSION 32 /* bytes of a session id */
#define MAL_PSI_SET_MAX ((uint64_t)1 << 25)

typedef enum mal_psi_security {
    MAL_PSI_MALICIOUS = 0, /* either party may do anything */
    MAL_PSI_SEMI_HONEST = 1,
} mal_psi_security;

/* What both parties must hold equal, but for the last: all of it leads every
 * message as a hash. */
typedef struct mal_psi_params {
    uint8_t session[MAL_PSI_SESSION];
    uint64_t receiver_max; /* declared bound of the receiver's keys, >= 1 */
    uint64_t sender_max;   /* declared bound of the sender's keys, >= 1 */
    mal_psi_security security;
    bool wide_code;   /* the VOLE's code with a margin (21x24, not 7x24) */
    unsigned threads; /* local choice; 0 = one */
} mal_psi_params;

/* A party's keys.  A set has each key once: a key that occurs twice is refused
 * unless `merge` is set, which counts it once (and the receiver then hears of
 * each copy whether it is common). */
typedef struct mal_psi_set {
    const mal_psi_key *keys; /* [n] */
    size_t n;                /* 0 .. the declared bound */
    bool merge;
} mal_psi_set;

/* Learn which of one's keys the sender has.
 *
 * Out:     hits    [ceil(n / 64)] bit i % 64 of word i / 64: keys[i] is common.
 *                  Zeroed unless MAL_OK.
 * Cost:    about 0.3 us and 21 + 14 bytes for each key of both sides (8 in
 *          place of 14 when semi-honest); memory 110 bytes for each key.
 * Leaks:   the declared bounds, to both and to who sees the channel.  To the
 *          receiver which of its keys are common.  By timing, see README.md.
 *          A receiver that lies may try up to okvs.columns keys of its choice
 *          (1.28 times its bound), which no protocol on sets can tell apart.
 * Errors:  MAL_E_INPUT  own keys repeat or are too many, or parameters are out
 *          of range.
 *          MAL_E_PEER   a check of the peer's messages failed (never which).
 * Source:  [RR22] figure 11; against malicious peers with w of [RS21].
 */
mal_err mal_psi_receive(uint64_t *hits, mal_chan *chan,
                        const mal_psi_params *params, const mal_psi_set *set,
                        const mal_progress *progress) MAL_MUST_CHECK;
/* The other side of it. */
mal_err mal_psi_send(mal_chan *chan, const mal_psi_params *params,
                     const mal_psi_set *set,
                     const mal_progress *progress) MAL_MUST_CHECK;

/* What an intersection sends, both ways and to within a hundredth and 0.5 MB,
 * and how often a party waits for the other: from the parameters alone. */
mal_err mal_psi_cost(uint64_t *bytes, uint64_t *rounds,
                     const mal_psi_params *params) MAL_MUST_CHECK;

/* Learn only how many keys are common: the sum of ones over the circuit below,
 * opened.  The receiver learns it, and the sender too where `both` is set.
 *
 * Out:     count   with both parties' noise in it, so it may be negative; at a
 *                  sender that is not told: 0.
 * In:      params  security must be MAL_PSI_SEMI_HONEST; bounds up to
 *                  MAL_PSI_CIRCUIT_ROWS_MAX.
 *          noise   own, drawn by who pays for the release; 0 gives the exact
 *                  count, which says something of each key (pitfall 11).
 *          both    equal at both parties.
 * Leaks:   as mal_psi_circuit_filter; nobody learns which keys match.
 * Errors:  MAL_E_UNSUPPORTED  the parameters ask for a malicious peer.
 *          The rest as mal_psi_receive.
 */
typedef struct mal_psi_count_options {
    mal_psi_params params;
    int64_t noise;
    bool both;
} mal_psi_count_options;
mal_err mal_psi_count_receive(int64_t *count, mal_chan *chan,
                              const mal_psi_count_options *options,
                              const mal_psi_set *set,
                              const mal_progress *progress) MAL_MUST_CHECK;
mal_err mal_psi_count_send(int64_t *count, mal_chan *chan,
                           const mal_psi_count_options *options,
                           const mal_psi_set *set,
                           const mal_progress *progress) MAL_MUST_CHECK;

/* --- Sets larger than memory ---------------------------------------------- */

/* Keys are put into buckets by a hash that both parties share, each padded to a
 * bound that holds with 1 - 2^-41 over all; a bucket is one intersection.  Keys
 * wait in sealed files under `dir`, and a run that was killed goes on with the
 * bucket it was at, under fresh randomness.  Keys may repeat: each copy is told
 * of. */
#define MAL_PSI_BIG_BUCKETS_MAX 2048u
#define MAL_PSI_BIG_RUNS_MAX 4u /* of one bucket: a repeat shows more (10) */
typedef struct mal_psi_big_options {
    mal_psi_params params; /* bounds up to BUCKETS_MAX * bucket_rows */
    uint64_t bucket_rows;  /* of the larger side, on average; 0: 2^20.  Equal at
                              both parties */
    const char *dir;       /* made if absent; of this job and party alone */
    mal_bytes key;         /* 32 bytes: seals what lies in dir */
    bool receiver;
} mal_psi_big_options;
typedef struct mal_psi_big mal_psi_big;

/* Take up the job that lies in dir, or begin one.  Files that a job of another
 * session or of other parameters left there are removed, as are those of a job
 * never sealed; other files in dir are not touched.
 *
 * Errors:  MAL_E_AUTH   the files do not open under `key`.
 */
mal_err mal_psi_big_open(mal_psi_big **big,
                         const mal_psi_big_options *options) MAL_MUST_CHECK;
void mal_psi_big_close(mal_psi_big *big);
void mal_psi_big_auto(mal_psi_big **big);
/* Were all keys there before?  Then add and seal are not called. */
bool mal_psi_big_filled(const mal_psi_big *big);
/* Add keys: rows are counted from 0 over all calls. */
mal_err mal_psi_big_add(mal_psi_big *big, const mal_psi_key *keys,
                        size_t n) MAL_MUST_CHECK;
/* All keys are there: make them durable. */
mal_err mal_psi_big_seal(mal_psi_big *big) MAL_MUST_CHECK;
/* Intersect the buckets that the receiver has no verdict on.
 *
 * Cost:    memory of one bucket; one file written for each.
 * Leaks:   as mal_psi_receive, for each bucket; the number of buckets.
 * Errors:  as mal_psi_receive; MAL_E_DENIED  a bucket was begun RUNS_MAX times:
 *          a receiver could try other keys each time.
 */
mal_err mal_psi_big_run(mal_psi_big *big, mal_chan *chan,
                        const mal_progress *progress) MAL_MUST_CHECK;
uint64_t mal_psi_big_rows(const mal_psi_big *big);
/* hits [ceil(rows / 64)] of the receiver, as in mal_psi_receive.
 * MAL_E_STATE: a bucket has no verdict yet. */
mal_err mal_psi_big_hits(mal_psi_big *big, uint64_t *hits) MAL_MUST_CHECK;

/* --- OKVS ----------------------------------------------------------------- */

/* The shape follows from n alone and is public.  Columns lie in bins; a row has
 * three ones in its bin, one in each of three segments, and a random string in
 * the bin's DENSE last columns.  Rows are dependent with probability below
 * 2^-41 over all bins, and one bin gets more than bin_rows_max keys with
 * probability below 2^-41 (src/psi/README.md has the expressions,
 * test/prop_okvs.c computes them). */
#define MAL_PSI_OKVS_DENSE 40
#define MAL_PSI_OKVS_KEYS_MAX ((uint64_t)1 << 26)
#define MAL_PSI_OKVS_ATTEMPTS 16 /* seeds: each fails with < 2^-40 */
typedef struct mal_psi_okvs {
    uint64_t n;           /* keys it has room for */
    uint32_t bins;        /* >= 1 */
    uint32_t segment;     /* sparse columns of a bin: 3 * segment */
    uint32_t bin_columns; /* 3 * segment + DENSE */
    uint32_t bin_rows_max;
    uint64_t columns; /* bins * bin_columns: the length of P */
} mal_psi_okvs;

/* In: n  0 .. MAL_PSI_OKVS_KEYS_MAX.  Errors: MAL_E_INPUT beyond. */
mal_err mal_psi_okvs_shape(mal_psi_okvs *okvs, uint64_t n) MAL_MUST_CHECK;

/* Find P with <row(keys[i]), P> = values[i] for all i.
 *
 * A fresh random seed is drawn after the keys are fixed; if the rows under it
 * are dependent (probability < 2^-40) another is drawn, so no key is ever
 * dropped, and the seed that failed is not told.  Columns that no key needs are
 * random: with pseudo-random values P shows nothing of the keys.
 *
 * Out:     p       [okvs->columns]
 *          seed    travels with P.
 * In:      keys    [n] distinct; n <= okvs->n.
 *          values  [n]
 * Leaks:   by its own time and memory access, to who can watch this process,
 *          which hashed rows share columns.
 * Errors:  MAL_E_INPUT  a key repeats, or there are more than okvs->n.
 * Source:  [RR22] section 4; [GPRTY21] section 5; used as in [RS21].
 */
mal_err mal_psi_okvs_encode(mal_psi_block *p, uint8_t seed[16],
                            const mal_psi_okvs *okvs, const mal_psi_key *keys,
                            const mal_psi_block *values, size_t n,
                            unsigned threads) MAL_MUST_CHECK;

/* out[i] = <row(keys[i]), p>; keys may repeat, and n may be any number. */
mal_err mal_psi_okvs_decode(mal_psi_block *out, const mal_psi_okvs *okvs,
                            const mal_psi_block *p, const uint8_t seed[16],
                            const mal_psi_key *keys, size_t n,
                            unsigned threads) MAL_MUST_CHECK;

/* --- circuit: join and compute into shares -------------------------------- */

/* Two parties, one with keys (`filter`), one with keys and a row of small
 * integers for each (`payload`), make additive shares modulo 2^64 of the column
 * sums over the keys that both have.  Nobody learns which keys match, nor how
 * many.  Both are believed to follow the protocol; what a peer sends is checked
 * for its size.  The parties agree on the session id (a hash of the job)
 * beforehand and never use one twice; channels are encrypted and authenticated
 * by who gives them.
 */
#define MAL_PSI_CIRCUIT_SESSION 32
#define MAL_PSI_CIRCUIT_KEY 16               /* bytes of a key */
#define MAL_PSI_CIRCUIT_ROWS_MAX (1u << 22)  /* either side */
#define MAL_PSI_CIRCUIT_WORDS_MAX (1u << 16) /* of a row */
#define MAL_PSI_CIRCUIT_FILTER_WORDS_MAX 64

/* What both parties must hold equal; it is hashed into the first message. */
typedef struct mal_psi_circuit_params {
    uint8_t session[MAL_PSI_CIRCUIT_SESSION];
    uint32_t filter_max;  /* N1: declared bound of the filter's keys, >= 1 */
    uint32_t payload_max; /* N2: declared bound of the payload's keys, >= 1 */
    uint32_t words; /* W: words of a payload's row, 1 .. WORDS_MAX; tables: 0 */
    /* Words of a filter's row, 0 .. FILTER_WORDS_MAX, for tables; sums: 0. */
    uint32_t filter_words;
    unsigned threads; /* local choice; 0 = one */
} mal_psi_circuit_params;

typedef struct mal_psi_circuit_filter_input {
    const uint8_t (*keys)[MAL_PSI_CIRCUIT_KEY]; /* [n] distinct */
    size_t n;                                   /* 0 .. filter_max */
    const int64_t *noise;                       /* [words], or NULL */
    const int64_t *values; /* [n][filter_words], for tables */
} mal_psi_circuit_filter_input;

typedef struct mal_psi_circuit_payload_input {
    const uint8_t (*keys)[MAL_PSI_CIRCUIT_KEY]; /* [n] distinct */
    size_t n;                                   /* 0 .. payload_max */
    const int64_t *values;                      /* [n][words] */
    const int64_t *noise;                       /* [words], or NULL */
} mal_psi_circuit_payload_input;

/* The hashes cover all messages of a direction in order, each with its length,
 * and are equal at both parties. */
typedef struct mal_psi_circuit_report {
    mal_prim_hash filter_to_payload, payload_to_filter;
} mal_psi_circuit_report;

/* The party that holds keys only (F; the sender of the OPRF).
 *
 * Out:     y       [words]: y_F + y_P = sum + noises modulo 2^64, right as a
 *          two's complement number while |sum + noises| < 2^63.  y alone is
 *          uniform.  Zeroed unless MAL_OK.
 *          report  NULL is fine, and saves hashing; zeroed unless MAL_OK.
 * Leaks:   N1, N2, W to both and to who sees the channel; nothing else to a
 *          party that follows the protocol.  Time and memory access of either
 *          depend on its own keys, not on values, noise or matches.
 * Errors:  MAL_E_INPUT  own keys repeat or are too many, or parameters are
 *          out of range.
 *          MAL_E_PEER   a check of the peer's messages failed (never which).
 *          MAL_E_STATE  no table for the keys: probability below 2^-40.
 * Source:  [PSTY19] Fig. 5, [RS21] section 6.
 */
mal_err mal_psi_circuit_filter(uint64_t *y, mal_psi_circuit_report *report,
                               mal_chan *chan,
                               const mal_psi_circuit_params *params,
                               const mal_psi_circuit_filter_input *input,
                               const mal_progress *progress) MAL_MUST_CHECK;

/* The party that holds keys and values (P; the receiver of the OPRF).  As
 * above. */
mal_err mal_psi_circuit_payload(uint64_t *y, mal_psi_circuit_report *report,
                                mal_chan *chan,
                                const mal_psi_circuit_params *params,
                                const mal_psi_circuit_payload_input *input,
                                const mal_progress *progress) MAL_MUST_CHECK;

/* --- Measuring ------------------------------------------------------------ */

/* Append one JSON object a line for "semi-honest" and "malicious", or `only`
 * one; "csv" (malicious, file in to file out through buckets on disk) runs
 * where it is named: engine, name, rows, threads, seconds (wall, at the
 * receiver), cpu_seconds and bytes (both parties), ns_per_row, cpu_receiver,
 * cpu_sender, bytes_per_row, rss_receiver, rss_sender (peak bytes of each
 * process). */
mal_err mal_psi_bench(mal_buf *lines, const char *only, uint64_t rows,
                      unsigned threads) MAL_MUST_CHECK;
/* The joined table itself, in shares, for who computes on: a row for each bin
 * of the payload's table, matched or not. */
#define MAL_PSI_CIRCUIT_NO_ROW UINT32_MAX
typedef struct mal_psi_circuit_table {
    size_t n;        /* rows: a function of payload_max; a multiple of 64 */
    uint64_t *match; /* [n / 64] XOR shares of "both have the row's key" */
    uint32_t *row;   /* [n] at the payload: its row, or NO_ROW; filter: NULL */
    /* [n][filter_words] additive shares modulo 2^64 of the filter's row where
     * the bit is one, and of 0 elsewhere. */
    uint64_t *words;
    size_t filter_words;
} mal_psi_circuit_table;
void mal_psi_circuit_table_clear(mal_psi_circuit_table *table);

/* Join without adding up: as above, but values and noise of the payload and
 * noise of the filter are not looked at (the payload knows which of its rows
 * lies in which bin), and the filter's values are.
 *
 * Out:     table  empty unless MAL_OK.
 * Cost:    beyond a sum of one word: 31 bytes for each two words of a filter's
 *          key and 24 bytes a word and bin.
 * Leaks:   N1, N2 and filter_words, to both.
 * Source:  [PSTY19] section 5.2 (payloads by the OPPRF).
 */
mal_err
mal_psi_circuit_filter_table(mal_psi_circuit_table *table,
                             mal_psi_circuit_report *report, mal_chan *chan,
                             const mal_psi_circuit_params *params,
                             const mal_psi_circuit_filter_input *input,
                             const mal_progress *progress) MAL_MUST_CHECK;
mal_err
mal_psi_circuit_payload_table(mal_psi_circuit_table *table,
                              mal_psi_circuit_report *report, mal_chan *chan,
                              const mal_psi_circuit_params *params,
                              const mal_psi_circuit_payload_input *input,
                              const mal_progress *progress) MAL_MUST_CHECK;

/* What a run sends, both ways and to within a hundredth and 0.5 MB, and how
 * often it waits for an answer: from the parameters alone, for planners. */
mal_err
mal_psi_circuit_cost(uint64_t *bytes, uint64_t *rounds,
                     const mal_psi_circuit_params *params) MAL_MUST_CHECK;

/* Append one JSON object a line: engine, name, rows (of each side), threads,
 * words, seconds (wall), cpu_seconds and bytes (both parties), ns_per_row,
 * bytes_per_row.  only: "circuit" (one word a row), "circuit-wide" (32), or
 * NULL. */
mal_err mal_psi_circuit_bench(mal_buf *lines, const char *only, uint64_t rows,
                              unsigned threads) MAL_MUST_CHECK;

#endif
