/* cuckoo.c - a table with one key a bin, and no stash.
 *
 * Each key has three different bins out of m = bins(n), and lies in one of
 * them.  Tags are hashes of keys under a seed that both parties chose after
 * their keys, so they are uniform.  No place for some key:
 *
 * - a dense part of the graph, where m is not far enough above n: below
 *   2^-(240 e - log2 n - 256) for e = m / n, the fit of [RS21] (in their code)
 *   to the experiments of [PSTY19] and [DRRT18]; e >= (296 + log2 n) / 240
 *   makes it 2^-40;
 * - four keys with the same three bins: at most n^4 / 24 * (6 / m^3)^3 =
 *   9 n^4 / m^9, below 2^-41 for m >= 448 and n <= m / e.  It is what matters
 *   for few keys: m never lies below 512.
 */
#include "circuit_impl.h"

#include <string.h>

#define BINS_MIN 512
#define EVICTIONS_MAX (1u << 16)

/* m = n (296 + log2 n) / 240, log2 rounded up to 1/16, in whole numbers: equal
 * at both parties whatever their libm. */
uint32_t cuckoo_bins(uint32_t n_max) {
    uint64_t n = n_max, sixteenths = 0;
    while (sixteenths < 16 * 32) { /* the least s with 2^(s/16) >= n */
        const unsigned whole = (unsigned)(sixteenths / 16);
        /* 2^(j/16) * 2^16, rounded down: j = 0 .. 15 */
        static const uint32_t root[16] = { 65536,  68438,  71468,  74632,
                                           77936,  81386,  84990,  88752,
                                           92681,  96785,  101070, 105545,
                                           110217, 115097, 120193, 125514 };
        if (((uint64_t)root[sixteenths % 16] << whole) >= n << 16)
            break;
        sixteenths++;
    }
    uint64_t bins = (n * (296 * 16 + sixteenths) + 240 * 16 - 1) / (240 * 16);
    if (bins < BINS_MIN)
        bins = BINS_MIN;
    return (uint32_t)((bins + 63) & ~(uint64_t)63);
}

/* 42 bits for each choice: a bin's probability is off by less than 2^-18 of
 * itself for m < 2^24. */
void cuckoo_bins_of(uint32_t bin[CUCKOO_HASHES], mal_ot_block tag,
                    uint32_t bins) {
    const uint64_t ones = ((uint64_t)1 << 42) - 1;
    const uint64_t u[CUCKOO_HASHES] = { tag.w[0] & ones,
                                        (tag.w[0] >> 42 | tag.w[1] << 22) &
                                            ones,
                                        tag.w[1] >> 22 };
    uint32_t at[CUCKOO_HASHES];
    for (uint32_t j = 0; j < CUCKOO_HASHES; j++)
        at[j] = (uint32_t)((mal_u128)u[j] * (bins - j) >> 42);
    /* The second is one of the others, the third one of the rest. */
    bin[0] = at[0];
    bin[1] = at[1] + (at[1] >= at[0]);
    const uint32_t low = bin[0] < bin[1] ? bin[0] : bin[1];
    const uint32_t high = bin[0] < bin[1] ? bin[1] : bin[0];
    at[2] += at[2] >= low;
    bin[2] = at[2] + (at[2] >= high);
}

unsigned cuckoo_hash_of(mal_ot_block tag, uint32_t bin, uint32_t bins) {
    uint32_t at[CUCKOO_HASHES];
    cuckoo_bins_of(at, tag, bins);
    return bin == at[1] ? 1 : bin == at[2] ? 2 : 0;
}

/* A walk: place the row in its bin `coin`, and go on with who lay there. */
static mal_err place(uint32_t *table, uint32_t bins, const mal_ot_block *tags,
                     uint32_t row, uint64_t *coin) {
    uint32_t came_from = CUCKOO_EMPTY;
    for (unsigned step = 0; step < EVICTIONS_MAX; step++) {
        uint32_t at[CUCKOO_HASHES];
        cuckoo_bins_of(at, tags[row], bins);
        for (unsigned j = 0; j < CUCKOO_HASHES; j++)
            if (table[at[j]] == CUCKOO_EMPTY) {
                table[at[j]] = row;
                return MAL_OK;
            }
        *coin = *coin * 6364136223846793005u + 1442695040888963407u;
        unsigned j = (unsigned)((*coin >> 32) * CUCKOO_HASHES >> 32);
        if (at[j] == came_from)
            j = (j + 1) % CUCKOO_HASHES;
        came_from = at[j];
        const uint32_t out = table[came_from];
        table[came_from] = row;
        row = out;
    }
    MAL_FAIL(MAL_E_STATE, "no cuckoo table for these keys: run again with a "
                          "fresh session (probability below 2^-40)");
}

mal_err cuckoo_build(uint32_t *table, uint32_t bins, const mal_ot_block *tags,
                     size_t n) {
    uint64_t coin = 1;
    memset(table, 0xff, bins * sizeof *table);
    for (size_t i = 0; i < n; i++) {
        if (i + 16 < n) {
            uint32_t at[CUCKOO_HASHES];
            cuckoo_bins_of(at, tags[i + 16], bins);
            for (unsigned j = 0; j < CUCKOO_HASHES; j++)
                __builtin_prefetch(&table[at[j]], 1);
        }
        MAL_TRY(place(table, bins, tags, (uint32_t)i, &coin));
    }
    return MAL_OK;
}

mal_err cuckoo_repeats_vartime(bool *repeats, const mal_ot_block *tags,
                               size_t n) {
    size_t size = 16;
    while (size < 2 * n)
        size *= 2;
    uint32_t *seen = mal_calloc(size, sizeof *seen); /* 1 + row */
    if (!seen)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    *repeats = false;
    for (size_t i = 0; i < n; i++) {
        if (i + 16 < n)
            __builtin_prefetch(&seen[tags[i + 16].w[0] & (size - 1)], 1);
        size_t at = tags[i].w[0] & (size - 1);
        for (; seen[at]; at = (at + 1) & (size - 1))
            *repeats |= tags[seen[at] - 1].w[0] == tags[i].w[0] &&
                        tags[seen[at] - 1].w[1] == tags[i].w[1];
        seen[at] = (uint32_t)i + 1;
    }
    mal_free(seen);
    return MAL_OK;
}
