/* okvs.c - an oblivious key-value store: its shape, and keys put into bins.
 *
 * The matrix of [RR22] section 4, three ones a row and a few dense columns, is
 * cut into bins that fit the second cache; everything below works bin by bin.
 */
#include "psi_impl.h"

#include <stdlib.h>
#include <string.h>

/* Keys a bin holds on average, at most: 3 * segment blocks of 16 bytes then
 * take 650 KiB. */
#define BIN_MEAN ((uint64_t)1 << 15)

/* --- Shape ---------------------------------------------------------------- */

static uint64_t isqrt(uint64_t v) {
    uint64_t r = 0;
    for (uint64_t bit = UINT64_C(1) << 31; bit; bit >>= 1)
        if ((r + bit) * (r + bit) <= v)
            r += bit;
    return r;
}

/* Peeling ends in an empty core above 1.2218 columns a row [GPRTY21 section 5],
 * in a window of width O(sqrt(rows)): 1.2230 m + 9 sqrt(m) is seven deviations
 * above it for a bin of m rows on average.  Below it a bin is still solved, in
 * more time.  Whether it CAN be solved does not hang on this. */
static uint64_t sparse_columns(uint64_t mean) {
    return (mean * 10019 >> 13) + 9 * isqrt(mean) + 96;
}

/* 8.2 deviations of a binomial: below 2^-41 over 2^11 bins. */
uint64_t psi_load_bound(uint64_t n, uint32_t bins) {
    const uint64_t mean = (n + bins - 1) / bins;
    const uint64_t most = mean + isqrt(68 * mean) + 8;
    return bins == 1 || most > n ? n : most;
}

mal_err mal_psi_okvs_shape(mal_psi_okvs *okvs, uint64_t n) {
    *okvs = (mal_psi_okvs){ 0 };
    MAL_REQUIRE(n <= MAL_PSI_OKVS_KEYS_MAX, MAL_E_INPUT,
                "%llu keys: a store holds at most %llu", (unsigned long long)n,
                (unsigned long long)MAL_PSI_OKVS_KEYS_MAX);
    uint64_t bins = (n + BIN_MEAN - 1) / BIN_MEAN;
    bins += bins == 0;
    okvs->n = n;
    okvs->bins = (uint32_t)bins;
    okvs->segment = (uint32_t)((sparse_columns((n + bins - 1) / bins) + 2) / 3);
    okvs->bin_columns = 3 * okvs->segment + MAL_PSI_OKVS_DENSE;
    okvs->bin_rows_max = (uint32_t)psi_load_bound(n, okvs->bins);
    okvs->columns = bins * okvs->bin_columns;
    assert(okvs->bin_rows_max < 1 << 16 && okvs->bin_columns < 1 << 16);
    return MAL_OK;
}

/* --- Bins ----------------------------------------------------------------- */

static void count_bins(psi_bins *b, const mal_psi_key *keys, size_t n) {
    mal_psi_block h[PSI_BATCH];
    for (size_t at = 0; at < n; at += PSI_BATCH) {
        size_t len = n - at < PSI_BATCH ? n - at : PSI_BATCH;
        mal_prim_aes_ecb(h, keys + at, len, &b->row);
        for (size_t i = 0; i < len; i++)
            b->start[psi_row_bin(b->shape, &h[i]) + 1]++;
    }
}

/* place [bins] moves from the start of each bin to its end. */
static void scatter(psi_bins *b, uint32_t *place, const mal_psi_key *keys,
                    size_t n, size_t first) {
    mal_psi_block h[PSI_BATCH];
    for (size_t at = 0; at < n; at += PSI_BATCH) {
        size_t len = n - at < PSI_BATCH ? n - at : PSI_BATCH;
        mal_prim_aes_ecb(h, keys + at, len, &b->row);
        for (size_t i = 0; i < len; i++) {
            uint32_t to = place[psi_row_bin(b->shape, &h[i])]++;
            b->keys[to] = keys[at + i];
            b->index[to] = (uint32_t)(first + at + i);
        }
    }
}

mal_err psi_bins_fill(psi_bins *b, const mal_psi_okvs *shape,
                      const uint8_t seed[16], const psi_keys *keys) {
    const size_t n = keys->n + keys->n_dummies;
    *b = (psi_bins){ .shape = shape, .n = n };
    MAL_REQUIRE(n < UINT32_MAX, MAL_E_INPUT, "%zu keys at once are too many",
                n);
    mal_prim_aes_init(&b->row, seed);
    b->keys = psi_long_new(n + 1, sizeof *b->keys);
    b->index = psi_long_new(n + 1, sizeof *b->index);
    b->start = mal_calloc((size_t)shape->bins + 1, sizeof *b->start);
    uint32_t *place = mal_calloc(shape->bins, sizeof *place);
    bool whole = b->keys && b->index && b->start && place;
    if (whole) {
        count_bins(b, keys->keys, keys->n);
        count_bins(b, keys->dummies, keys->n_dummies);
        for (uint32_t bin = 0; bin < shape->bins; bin++)
            b->start[bin + 1] += b->start[bin];
        memcpy(place, b->start, shape->bins * sizeof *place);
        scatter(b, place, keys->keys, keys->n, 0);
        scatter(b, place, keys->dummies, keys->n_dummies, keys->n);
    }
    mal_free(place);
    return whole ? MAL_OK : mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
}

mal_err psi_bins_new(psi_bins *b, const mal_psi_okvs *shape,
                     const uint8_t seed[16], const mal_psi_key *keys,
                     size_t n) {
    const psi_keys own = { keys, n, NULL, 0 };
    return psi_bins_fill(b, shape, seed, &own);
}

void psi_bins_clear(psi_bins *b) {
    psi_long_free(b->keys);
    psi_long_free(b->index);
    mal_free(b->start);
    mal_prim_aes_clear(&b->row);
    *b = (psi_bins){ 0 };
}

bool psi_bins_overflow(const psi_bins *b) {
    bool over = false;
    for (uint32_t bin = 0; bin < b->shape->bins; bin++)
        over |= b->start[bin + 1] - b->start[bin] > b->shape->bin_rows_max;
    return over;
}

/* --- Whole stores --------------------------------------------------------- */

typedef struct decoding {
    psi_bins bins;
    const mal_psi_block *p;
    mal_psi_block *out;
} decoding;

static mal_err decode_bin(void *ctx, size_t bin) {
    const decoding *d = ctx;
    const psi_bins *b = &d->bins;
    const mal_psi_okvs *o = b->shape;
    const mal_psi_block *p = d->p + bin * o->bin_columns;
    mal_psi_block table[PSI_DENSE_TABLE], h[PSI_BATCH], v[PSI_BATCH];
    psi_dense_table(table, p + 3 * o->segment);
    for (uint32_t at = b->start[bin]; at < b->start[bin + 1]; at += PSI_BATCH) {
        uint32_t left = b->start[bin + 1] - at;
        uint32_t len = left < PSI_BATCH ? left : PSI_BATCH;
        mal_prim_aes_ecb(h, b->keys + at, len, &b->row);
        psi_decode_rows(v, h, len, o, p, table);
        for (uint32_t i = 0; i < len; i++)
            d->out[b->index[at + i]] = v[i];
    }
    return MAL_OK;
}

mal_err mal_psi_okvs_decode(mal_psi_block *out, const mal_psi_okvs *okvs,
                            const mal_psi_block *p, const uint8_t seed[16],
                            const mal_psi_key *keys, size_t n,
                            unsigned threads) {
    decoding d = { .p = p, .out = out };
    mal_err err = psi_bins_new(&d.bins, okvs, seed, keys, n);
    if (err == MAL_OK)
        err = mal_parallel(threads ? threads : 1, okvs->bins, decode_bin, &d);
    psi_bins_clear(&d.bins);
    return err;
}

static mal_err peel_one(void *ctx, size_t bin) {
    psi_peeling *p = ctx;
    return psi_peel_bin(&p->rows, &p->bins, (uint32_t)bin);
}

void psi_peeling_clear(psi_peeling *p) {
    psi_rows_clear(&p->rows);
    psi_bins_clear(&p->bins);
}

static int compare_keys(const void *a, const void *b) {
    return mal_compare_vartime(a, b, MAL_PSI_KEY);
}

/* An overfull bin is bad luck, or one key many times.  (Sorting disturbs the
 * bin, which is thrown away.) */
static psi_solved judge_overflow(psi_bins *b) {
    for (uint32_t bin = 0; bin < b->shape->bins; bin++) {
        mal_psi_key *keys = b->keys + b->start[bin];
        const uint32_t n = b->start[bin + 1] - b->start[bin];
        if (n <= b->shape->bin_rows_max)
            continue;
        qsort(keys, n, sizeof *keys, compare_keys);
        for (uint32_t i = 1; i < n; i++)
            if (compare_keys(&keys[i - 1], &keys[i]) == 0)
                return PSI_REPEATED;
    }
    return PSI_SINGULAR;
}

/* One seed: MAL_OK and a verdict. */
static mal_err try_seed(psi_peeling *p, psi_solved *how,
                        const mal_psi_okvs *okvs, const psi_keys *keys,
                        unsigned threads) {
    *how = PSI_NO_MEMORY;
    MAL_TRY(psi_bins_fill(&p->bins, okvs, p->seed, keys));
    if (psi_bins_overflow(&p->bins)) {
        *how = judge_overflow(&p->bins);
        return MAL_OK;
    }
    MAL_TRY(psi_rows_new(&p->rows, &p->bins));
    MAL_TRY(mal_parallel(threads ? threads : 1, okvs->bins, peel_one, p));
    *how = psi_rows_verdict(&p->rows, &p->bins);
    return MAL_OK;
}

/* Pitfall 4: a seed that fails is thrown away whole, before anything that
 * depends on it could be sent. */
mal_err psi_peel(psi_peeling *p, const mal_psi_okvs *okvs, const psi_keys *keys,
                 unsigned threads) {
    *p = (psi_peeling){ 0 };
    for (unsigned attempt = 0; attempt < MAL_PSI_OKVS_ATTEMPTS; attempt++) {
        psi_solved how;
        mal_prim_random(p->seed, sizeof p->seed);
        mal_err err = try_seed(p, &how, okvs, keys, threads);
        if (err == MAL_OK && how == PSI_SOLVED)
            return MAL_OK;
        psi_peeling_clear(p);
        MAL_TRY(err);
        MAL_REQUIRE(how != PSI_REPEATED, MAL_E_INPUT,
                    "a key occurs twice: keys must be distinct");
    }
    MAL_FAIL(MAL_E_STATE, "none of %u seeds solves the store",
             MAL_PSI_OKVS_ATTEMPTS);
}

typedef struct encoding {
    psi_peeling peeling;
    mal_psi_block *p, *sorted;
} encoding;

static mal_err encode_bin(void *ctx, size_t bin) {
    const encoding *e = ctx;
    const psi_bins *b = &e->peeling.bins;
    return psi_solve_bin(e->p + bin * b->shape->bin_columns, &e->peeling.rows,
                         b, (uint32_t)bin, e->sorted + b->start[bin]);
}

/* Every column random: those that no row needs stay so. */
static void fill_random(mal_psi_block *p, size_t n) {
    uint8_t key[16];
    mal_prim_aes aes;
    mal_prim_random(key, sizeof key);
    mal_prim_aes_init(&aes, key);
    mal_prim_aes_ctr(p, n, &aes, 0, 0);
    mal_prim_aes_clear(&aes);
    mal_wipe(key, sizeof key);
}

mal_err mal_psi_okvs_encode(mal_psi_block *p, uint8_t seed[16],
                            const mal_psi_okvs *okvs, const mal_psi_key *keys,
                            const mal_psi_block *values, size_t n,
                            unsigned threads) {
    const psi_keys own = { keys, n, NULL, 0 };
    encoding e = { .p = p };
    MAL_REQUIRE(n <= okvs->n, MAL_E_INPUT,
                "%zu keys in a store with room for %llu", n,
                (unsigned long long)okvs->n);
    MAL_TRY(psi_peel(&e.peeling, okvs, &own, threads));
    memcpy(seed, e.peeling.seed, sizeof e.peeling.seed);
    e.sorted = mal_calloc(n + 1, sizeof *e.sorted);
    mal_err err =
        e.sorted ? MAL_OK : mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    for (size_t i = 0; err == MAL_OK && i < n; i++)
        e.sorted[i] = values[e.peeling.bins.index[i]];
    fill_random(p, okvs->columns);
    if (err == MAL_OK)
        err = mal_parallel(threads ? threads : 1, okvs->bins, encode_bin, &e);
    if (e.sorted)
        mal_wipe(e.sorted, n * sizeof *e.sorted);
    mal_free(e.sorted);
    psi_peeling_clear(&e.peeling);
    return err;
}
