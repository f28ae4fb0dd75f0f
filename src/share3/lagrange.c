/* lagrange.c - the value at a point of a polynomial that is given at nodes. */
#include "proof_impl.h"

#include <stdatomic.h>

/* The inverses of prod_(j != k) (node(k) - node(j)) cost most, and depend on
 * nothing: they are made once for a ring and a number of nodes. */
typedef struct denominators {
    const proof_ring *ring;
    unsigned n;
    uint64_t *inverse; /* [n][words] */
    struct denominators *next;
} denominators;

static _Atomic(denominators *) all;

static denominators *find(const proof_ring *ring, unsigned n) {
    denominators *d = atomic_load(&all);
    while (d && (d->ring != ring || d->n != n))
        d = d->next;
    return d;
}

static void difference(const proof_ring *ring, uint64_t *z, const uint64_t *a,
                       unsigned j) {
    uint64_t node[PROOF_WORDS_MAX];
    ring->node(node, j);
    ring->sub(z, a, node);
}

static void compute(denominators *d) {
    const proof_ring *ring = d->ring;
    uint64_t node[PROOF_WORDS_MAX], product[PROOF_WORDS_MAX],
        factor[PROOF_WORDS_MAX];
    for (unsigned k = 0; k < d->n; k++) {
        ring->node(node, k);
        ring->node(product, 1);
        for (unsigned j = 0; j < d->n; j++) {
            if (j == k)
                continue;
            difference(ring, factor, node, j);
            ring->mul(product, product, factor);
        }
        ring->inverse(d->inverse + k * ring->words, product);
    }
}

/* Kept for the life of the process; who comes second throws its own away. */
static mal_err make(const denominators **out, const proof_ring *ring,
                    unsigned n) {
    denominators *found = find(ring, n);
    if (found) {
        *out = found;
        return MAL_OK;
    }
    denominators *d = mal_calloc(1, sizeof *d);
    uint64_t *inverse = mal_calloc((size_t)n * ring->words, sizeof *inverse);
    if (!d || !inverse) {
        mal_free(d);
        mal_free(inverse);
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    }
    *d = (denominators){ .ring = ring, .n = n, .inverse = inverse };
    compute(d);
    d->next = atomic_load(&all);
    while (!atomic_compare_exchange_weak(&all, &d->next, d)) {
    }
    *out = d;
    return MAL_OK;
}

mal_err share3_lagrange(const proof_ring *ring, uint64_t *coef, unsigned n,
                        const uint64_t *r) {
    const unsigned words = ring->words;
    uint64_t factor[PROOF_WORDS_MAX], product[PROOF_WORDS_MAX];
    const denominators *d = NULL;
    MAL_TRY(make(&d, ring, n));
    /* coef[k] = product of what is before k, then times what is after. */
    ring->node(product, 1);
    for (unsigned k = 0; k < n; k++) {
        memcpy(coef + k * words, product, words * sizeof *coef);
        difference(ring, factor, r, k);
        ring->mul(product, product, factor);
    }
    ring->node(product, 1);
    for (unsigned k = n; k-- > 0;) {
        ring->mul(coef + k * words, coef + k * words, product);
        ring->mul(coef + k * words, coef + k * words, d->inverse + k * words);
        difference(ring, factor, r, k);
        ring->mul(product, product, factor);
    }
    return MAL_OK;
}
