/* malus/psi.h - private set intersection of two parties.
 *
 * The receiver's keys become an oblivious key-value store (OKVS): a vector P
 * that maps each key x to a value by a public linear map row(x), so that
 * <row(x), P> = value(x), and that shows which keys it holds to nobody who does
 * not know their values.
 */
#ifndef MALUS_PSI_H
#define MALUS_PSI_H

#include <malus/base.h>

#define MAL_PSI_KEY 16 /* bytes of a key: a pseudonym, or the hash of one */
typedef struct mal_psi_key {
    uint8_t b[MAL_PSI_KEY];
} mal_psi_key;

/* 128 bits: an element of GF(2^128), or a string; xor is their sum. */
typedef struct mal_psi_block {
    uint64_t w[2];
} mal_psi_block;

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

#endif
