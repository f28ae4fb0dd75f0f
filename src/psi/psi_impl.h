/* psi_impl.h - rows, bins and solvers of the OKVS, shared inside the folder. */
#ifndef MALUS_PSI_IMPL_H
#define MALUS_PSI_IMPL_H

#include <malus/prim.h>
#include <malus/psi.h>

/* --- Blocks --------------------------------------------------------------- */

/* A block as the compiler's own vector: any address of 8 bytes will do. */
typedef uint64_t psi_vec
    __attribute__((vector_size(16), aligned(8), may_alias));

static inline psi_vec psi_load(const mal_psi_block *block) {
    return *(const psi_vec *)block;
}
static inline void psi_store(mal_psi_block *block, psi_vec v) {
    *(psi_vec *)block = v;
}

/* n things of `size` bytes, zeroed and in huge pages; free wipes.  What is as
 * long as a set goes there: a fault for each 4 KiB would cost a tenth of a run.
 */
static inline void *psi_long_new(size_t n, size_t size) {
    return mal_ot_blocks_new((n * size + 15) / 16);
}
static inline void psi_long_free(void *list) {
    mal_ot_blocks_free(list);
}

/* --- Rows ----------------------------------------------------------------- */

/* Keys hashed at a time: the batch and its hashes stay in the first cache. */
#define PSI_BATCH 256
#define PSI_DENSE_BYTES (MAL_PSI_OKVS_DENSE / 8)
#define PSI_DENSE_TABLE (PSI_DENSE_BYTES * 256)

/* row(x, r) of the paper, from the 128 bits of AES_r(x).  The low word is a
 * fraction in [0, 1): multiplied by a range, its whole part is a choice and
 * what is left is the fraction of the next. */
static inline uint32_t psi_choose(uint64_t *fraction, uint32_t range) {
    mal_u128 t = (mal_u128)*fraction * range;
    *fraction = (uint64_t)t;
    return (uint32_t)(t >> 64);
}
static inline uint32_t psi_row_bin(const mal_psi_okvs *o,
                                   const mal_psi_block *h) {
    return (uint32_t)(((mal_u128)h->w[0] * o->bins) >> 64);
}
/* Columns within the bin: one in each of the three segments. */
static inline void psi_row_columns(uint32_t column[3], const mal_psi_okvs *o,
                                   const mal_psi_block *h) {
    uint64_t fraction = h->w[0] * o->bins;
    for (uint32_t j = 0; j < 3; j++)
        column[j] = j * o->segment + psi_choose(&fraction, o->segment);
}
static inline uint64_t psi_row_dense(const mal_psi_block *h) {
    return h->w[1] & ((UINT64_C(1) << MAL_PSI_OKVS_DENSE) - 1);
}

/* More than this of n keys are in one of the bins with probability 2^-41. */
uint64_t psi_load_bound(uint64_t n, uint32_t bins);

/* --- Keys in bins --------------------------------------------------------- */

/* The keys in the order of their bins; index[i] is the place of keys[i] in
 * the caller's list. */
typedef struct psi_bins {
    const mal_psi_okvs *shape;
    mal_prim_aes row; /* keyed by the seed r */
    mal_psi_key *keys;
    uint32_t *index;
    uint32_t *start; /* [bins + 1] */
    size_t n;
} psi_bins;

/* Keys, and random ones that pad them: places n and up. */
typedef struct psi_keys {
    const mal_psi_key *keys;
    size_t n;
    const mal_psi_key *dummies;
    size_t n_dummies;
} psi_keys;

mal_err psi_bins_fill(psi_bins *bins, const mal_psi_okvs *shape,
                      const uint8_t seed[16],
                      const psi_keys *keys) MAL_MUST_CHECK;
mal_err psi_bins_new(psi_bins *bins, const mal_psi_okvs *shape,
                     const uint8_t seed[16], const mal_psi_key *keys,
                     size_t n) MAL_MUST_CHECK;
void psi_bins_clear(psi_bins *bins);
/* More keys in a bin than the shape has room for: take another seed. */
bool psi_bins_overflow(const psi_bins *bins);

/* --- Solving -------------------------------------------------------------- */

typedef enum psi_solved {
    PSI_SOLVED = 0,
    PSI_SINGULAR,  /* the rows are dependent: take another seed */
    PSI_REPEATED,  /* two keys are equal */
    PSI_NO_MEMORY, /* recorded */
} psi_solved;

/* What peeling found out about the rows of all bins, in bin order: so that no
 * value is needed before it is known that the seed will do. */
typedef struct psi_rows {
    uint16_t (*column)[4]; /* [n] three columns of a row, one unused */
    uint64_t *dense;       /* [n] dense bits of a row */
    uint32_t *order;       /* [n] row << 16 | the column it fixes */
    uint32_t *peeled;      /* [bins] length of the bin's order */
    psi_solved *how;       /* [bins] */
} psi_rows;

mal_err psi_rows_new(psi_rows *rows, const psi_bins *bins) MAL_MUST_CHECK;
void psi_rows_clear(psi_rows *rows);
/* The worst verdict of all bins. */
psi_solved psi_rows_verdict(const psi_rows *rows, const psi_bins *bins);
/* Peel one bin, and find out whether what is left is independent. */
mal_err psi_peel_bin(psi_rows *rows, const psi_bins *bins,
                     uint32_t bin) MAL_MUST_CHECK;
/* Find p [bin_columns] with <row(key[i]), p> = value[i] for i < n, for a bin
 * that peeled well.  What p holds before stays in the columns that the rows
 * leave free. */
mal_err psi_solve_bin(mal_psi_block *p, const psi_rows *rows,
                      const psi_bins *bins, uint32_t bin,
                      const mal_psi_block *value) MAL_MUST_CHECK;

/* Keys in bins under a fresh seed that solves them. */
typedef struct psi_peeling {
    uint8_t seed[16];
    psi_bins bins;
    psi_rows rows;
} psi_peeling;
mal_err psi_peel(psi_peeling *peeling, const mal_psi_okvs *okvs,
                 const psi_keys *keys, unsigned threads) MAL_MUST_CHECK;
void psi_peeling_clear(psi_peeling *peeling);

/* --- Decoding ------------------------------------------------------------- */

/* out[i] = <row of hash[i], p> for i < n, hashes of keys of p's bin.  table is
 * made of p by psi_dense_table. */
void psi_dense_table(mal_psi_block table[PSI_DENSE_TABLE],
                     const mal_psi_block dense[MAL_PSI_OKVS_DENSE]);
void psi_decode_rows(mal_psi_block *out, const mal_psi_block *hash, size_t n,
                     const mal_psi_okvs *o, const mal_psi_block *p,
                     const mal_psi_block *table);

/* The same for rows that are known: rows first .. first + n of the bin order.
 */
void psi_decode_known(mal_psi_block *out, const psi_rows *rows, uint32_t first,
                      uint32_t n, const mal_psi_block *p,
                      const mal_psi_block *table);

#endif
