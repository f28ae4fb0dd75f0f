/* matrices.c - what is kept of products of matrices until it is proved. */
#include "share3_impl.h"

#define APART ((size_t)40) /* as in record.c */
#define X_WORDS                                                                \
    ((SHARE3_MATRIX_LEN + SHARE3_MATRIX_PAD) * SHARE3_MATRIX_VECTORS)
#define MEMORY_WORDS                                                           \
    (4 * (SHARE3_MATRIX_WORDS + APART) + 2 * (X_WORDS + APART) + SHARE3_LINE)

static size_t claims_of(size_t vectors) {
    return (vectors + SHARE3_MATRIX_VECTORS - 1) / SHARE3_MATRIX_VECTORS;
}

share3_held share3_matrix_holds(const share3_shape *step) {
    return (share3_held){ step->len * claims_of(step->vectors),
                          step->rows * step->len, step->rows * step->vectors };
}

share3_shape share3_matrix_step(const share3_held *held, bool *full,
                                const share3_shape *left) {
    share3_shape step = *left;
    share3_held h = *held;
    step.len =
        share3_least(left->len, SHARE3_MATRIX_LEN / claims_of(left->vectors));
    const share3_held more = share3_matrix_holds(&step);
    *full = h.len && (h.len + more.len > SHARE3_MATRIX_LEN ||
                      h.words + more.words > SHARE3_MATRIX_WORDS ||
                      h.results + more.results > SHARE3_MATRIX_WORDS);
    if (*full)
        h = (share3_held){ 0 };
    step.rows =
        share3_least(step.rows, (SHARE3_MATRIX_WORDS - h.words) / step.len);
    step.rows = share3_least(step.rows,
                             (SHARE3_MATRIX_WORDS - h.results) / step.vectors);
    return step;
}

void share3_matrices_clear(share3_matrices *m) {
    for (unsigned p = 0; p < 2 && m->memory; p++) {
        mal_wipe(m->a[p], m->used.words * sizeof(uint64_t));
        mal_wipe(m->e[p], m->used.results * sizeof(uint64_t));
        mal_wipe(m->x[p],
                 m->used.len * SHARE3_MATRIX_VECTORS * sizeof(uint64_t));
    }
    mal_free(m->memory);
    mal_free(m->claim);
    *m = (share3_matrices){ 0 };
}

void share3_matrices_forget(share3_matrices *m) {
    m->held = (share3_held){ 0 };
    m->n = m->rows = m->vectors = 0;
}

/* All at once: pages that are not reached are never made. */
mal_err share3_matrices_grow(share3_matrices *m) {
    if (m->memory)
        return MAL_OK;
    m->memory = mal_calloc(MEMORY_WORDS, sizeof(uint64_t));
    m->claim = mal_calloc(SHARE3_MATRIX_LEN, sizeof *m->claim);
    if (!m->memory || !m->claim)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    uint64_t *next = share3_align(m->memory);
    for (unsigned p = 0; p < 2; p++) {
        m->a[p] = next;
        m->e[p] = m->a[p] + SHARE3_MATRIX_WORDS + APART;
        m->x[p] = m->e[p] + SHARE3_MATRIX_WORDS + APART;
        next = m->x[p] + X_WORDS + APART;
    }
    return MAL_OK;
}

void share3_matrices_add(share3_matrices *m, const share3_held *more) {
    share3_held *held = &m->held, *used = &m->used;
    held->len += more->len;
    held->words += more->words;
    held->results += more->results;
    used->len = held->len > used->len ? held->len : used->len;
    used->words = held->words > used->words ? held->words : used->words;
    used->results =
        held->results > used->results ? held->results : used->results;
}
