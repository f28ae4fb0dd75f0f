/* distinct.c - sets out of lists: keys that occur twice, counted once. */
#include "run_impl.h"

#include <string.h>

/* A list, and where each of its keys stands among the distinct ones. */
typedef struct merging {
    psi_bins bins;
    uint32_t *table; /* [mask + 1] place in bin order, plus one */
    uint32_t mask;
    uint32_t *to_unique; /* [n] */
    mal_psi_key *unique; /* [n_unique] in the order of the list */
    size_t n_unique;
    uint64_t *hits;
} merging;

static void merging_clear(merging *m) {
    if (m->unique)
        mal_wipe(m->unique, m->n_unique * sizeof *m->unique);
    mal_free(m->unique);
    mal_free(m->to_unique);
    mal_free(m->table);
    mal_free(m->hits);
    psi_bins_clear(&m->bins);
}

static mal_err merging_init(merging *m, mal_psi_okvs *shape,
                            const mal_psi_set *set) {
    uint8_t seed[16];
    uint32_t most = 1;
    mal_prim_random(seed, sizeof seed);
    MAL_TRY(mal_psi_okvs_shape(shape, set->n));
    MAL_TRY(psi_bins_new(&m->bins, shape, seed, set->keys, set->n));
    for (uint32_t b = 0; b < shape->bins; b++)
        if (m->bins.start[b + 1] - m->bins.start[b] > most)
            most = m->bins.start[b + 1] - m->bins.start[b];
    for (m->mask = 1; m->mask < 2 * (uint64_t)most; m->mask *= 2)
        continue;
    m->table = mal_calloc(m->mask, sizeof *m->table);
    m->mask--;
    m->to_unique = mal_calloc(set->n + 1, sizeof *m->to_unique);
    m->unique = mal_calloc(set->n + 1, sizeof *m->unique);
    m->hits = mal_calloc(set->n / 64 + 1, sizeof *m->hits);
    if (!m->table || !m->to_unique || !m->unique || !m->hits)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    return MAL_OK;
}

/* The place in the table of keys[i], or of its first copy. */
static uint32_t look_up(const merging *m, uint32_t i, uint32_t at) {
    const mal_psi_key *keys = m->bins.keys;
    while (m->table[at] && mal_compare_vartime(&keys[m->table[at] - 1],
                                               &keys[i], MAL_PSI_KEY) != 0)
        at = (at + 1) & m->mask;
    return at;
}

/* to_unique becomes the list place of each key's first copy, one bin.  Bins
 * keep the order of the list, so the first met is the first. */
static void find_first(merging *m, uint32_t bin) {
    const psi_bins *b = &m->bins;
    const uint32_t end = b->start[bin + 1];
    mal_psi_block h[PSI_BATCH];
    memset(m->table, 0, ((size_t)m->mask + 1) * sizeof *m->table);
    for (uint32_t from = b->start[bin]; from < end; from += PSI_BATCH) {
        const uint32_t n = end - from < PSI_BATCH ? end - from : PSI_BATCH;
        mal_prim_aes_ecb(h, b->keys + from, n, &b->row);
        for (uint32_t i = 0; i < n; i++) {
            const uint32_t at =
                look_up(m, from + i, (uint32_t)h[i].w[1] & m->mask);
            if (!m->table[at])
                m->table[at] = from + i + 1;
            m->to_unique[b->index[from + i]] = b->index[m->table[at] - 1];
        }
    }
}

static mal_err merge(merging *m, mal_psi_set *out, const mal_psi_set *set) {
    mal_psi_okvs shape;
    MAL_TRY(merging_init(m, &shape, set));
    for (uint32_t bin = 0; bin < shape.bins; bin++)
        find_first(m, bin);
    for (size_t i = 0; i < set->n; i++) {
        const uint32_t first = m->to_unique[i];
        if (first == i) {
            m->unique[m->n_unique] = set->keys[i];
            m->to_unique[i] = (uint32_t)m->n_unique++;
        } else {
            m->to_unique[i] = m->to_unique[first]; /* set before: first < i */
        }
    }
    *out = (mal_psi_set){ .keys = m->unique, .n = m->n_unique };
    return MAL_OK;
}

mal_err mal_psi_receive(uint64_t *hits, mal_chan *chan,
                        const mal_psi_params *params, const mal_psi_set *set,
                        const mal_progress *progress) {
    MAL_AUTO(merging_clear) merging m = { 0 };
    mal_psi_set unique;
    if (!set->merge)
        return psi_receive_distinct(hits, chan, params, set, progress);
    if (set->n)
        memset(hits, 0, (set->n + 63) / 64 * sizeof *hits);
    MAL_TRY(merge(&m, &unique, set));
    MAL_TRY(psi_receive_distinct(m.hits, chan, params, &unique, progress));
    for (size_t i = 0; i < set->n; i++) {
        const uint32_t u = m.to_unique[i];
        hits[i / 64] |= (m.hits[u / 64] >> (u % 64) & 1) << (i % 64);
    }
    return MAL_OK;
}

mal_err mal_psi_send(mal_chan *chan, const mal_psi_params *params,
                     const mal_psi_set *set, const mal_progress *progress) {
    MAL_AUTO(merging_clear) merging m = { 0 };
    mal_psi_set unique;
    if (!set->merge)
        return psi_send_distinct(chan, params, set, progress);
    MAL_TRY(merge(&m, &unique, set));
    return psi_send_distinct(chan, params, &unique, progress);
}

mal_err psi_distinct(mal_psi_key **keys, size_t *n, const mal_psi_set *set) {
    MAL_AUTO(merging_clear) merging m = { 0 };
    mal_psi_set unique = *set;
    if (set->merge)
        MAL_TRY(merge(&m, &unique, set));
    *keys = mal_calloc(unique.n + 1, sizeof **keys);
    *n = unique.n;
    if (!*keys)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    if (unique.n)
        memcpy(*keys, unique.keys, unique.n * sizeof **keys);
    return MAL_OK;
}
