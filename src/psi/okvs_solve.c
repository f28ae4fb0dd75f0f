/* okvs_solve.c - one bin of an OKVS: peel, solve what is left, substitute.
 *
 * Peeling takes a column that one row alone uses: that row can be satisfied
 * last, by this column.  Rows that no column frees form the core; it is almost
 * always empty, or a handful of rows, and is solved with all its sparse columns
 * and the dense ones by elimination over GF(2).  So a bin fails only if its
 * rows are dependent.
 */
#include "psi_impl.h"

#include <stdlib.h>
#include <string.h>

#define ROW_BITS 20
#define ROW_MASK ((1u << ROW_BITS) - 1)

mal_err psi_rows_new(psi_rows *r, const psi_bins *b) {
    const size_t n = b->n + 1, bins = b->shape->bins;
    *r = (psi_rows){ 0 };
    r->column = psi_long_new(n, sizeof *r->column);
    r->dense = psi_long_new(n, sizeof *r->dense);
    r->order = psi_long_new(n, sizeof *r->order);
    r->peeled = mal_calloc(bins, sizeof *r->peeled);
    r->how = mal_calloc(bins, sizeof *r->how);
    if (!r->column || !r->dense || !r->order || !r->peeled || !r->how)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    return MAL_OK;
}

void psi_rows_clear(psi_rows *r) {
    psi_long_free(r->column);
    psi_long_free(r->dense);
    psi_long_free(r->order);
    mal_free(r->peeled);
    mal_free(r->how);
    *r = (psi_rows){ 0 };
}

psi_solved psi_rows_verdict(const psi_rows *r, const psi_bins *b) {
    psi_solved worst = PSI_SOLVED;
    for (uint32_t bin = 0; bin < b->shape->bins; bin++)
        worst = r->how[bin] > worst ? r->how[bin] : worst;
    return worst;
}

/* --- Peeling -------------------------------------------------------------- */

/* The rows of one bin, seen from it. */
typedef struct view {
    const mal_psi_okvs *o;
    const mal_psi_key *keys;
    uint32_t n;
    uint16_t (*column)[4];
    uint64_t *dense;
    uint32_t *order;
} view;

static view view_of(const psi_rows *r, const psi_bins *b, uint32_t bin) {
    const uint32_t first = b->start[bin];
    return (
        view){ b->shape,          b->keys + first,  b->start[bin + 1] - first,
               r->column + first, r->dense + first, r->order + first };
}

/* state [bin_columns]: degree << ROW_BITS | the xor of its rows. */
static void load_rows(const view *v, const mal_prim_aes *row, uint32_t *state) {
    mal_psi_block h[PSI_BATCH];
    for (uint32_t at = 0; at < v->n; at += PSI_BATCH) {
        uint32_t len = v->n - at < PSI_BATCH ? v->n - at : PSI_BATCH;
        mal_prim_aes_ecb(h, v->keys + at, len, row);
        for (uint32_t i = 0; i < len; i++) {
            uint32_t c[3];
            psi_row_columns(c, v->o, &h[i]);
            v->dense[at + i] = psi_row_dense(&h[i]);
            for (uint32_t j = 0; j < 3; j++) {
                v->column[at + i][j] = (uint16_t)c[j];
                state[c[j]] = (state[c[j]] + (1u << ROW_BITS)) ^ (at + i);
            }
        }
    }
}

/* After this order[0 .. peeled) lists rows so that the column of each is in no
 * later one, nor in the core.  Each column enters the queue once: its degree
 * only falls. */
static uint32_t peel(const view *v, uint32_t *state, uint16_t *queue) {
    const uint32_t columns = 3 * v->o->segment;
    uint32_t tail = 0, peeled = 0;
    for (uint32_t c = 0; c < columns; c++) {
        queue[tail] = (uint16_t)c;
        tail += state[c] >> ROW_BITS == 1;
    }
    for (uint32_t head = 0; head < tail; head++) {
        const uint32_t c = queue[head];
        if (state[c] >> ROW_BITS != 1)
            continue; /* its row went by another column */
        const uint32_t row = state[c] & ROW_MASK;
        v->order[peeled++] = row << 16 | c;
        for (uint32_t j = 0; j < 3; j++) {
            const uint32_t d = v->column[row][j];
            state[d] = (state[d] ^ row) - (1u << ROW_BITS);
            queue[tail] = (uint16_t)d;
            tail += state[d] >> ROW_BITS == 1;
        }
    }
    return peeled;
}

/* --- The core ------------------------------------------------------------- */

/* n rows over `width` unknowns: the core's sparse columns, then the dense. */
typedef struct core {
    uint32_t n, width, words;
    uint32_t *row;       /* [n] */
    uint32_t *unknown;   /* [width] column of the bin */
    uint32_t *place;     /* [bin_columns] its unknown, plus one */
    uint64_t *matrix;    /* [n][words] */
    mal_psi_block *left; /* [n] value - <row, p> */
    const mal_psi_key **keys;
} core;

static void core_clear(core *k) {
    mal_free(k->row);
    mal_free(k->unknown);
    mal_free(k->place);
    mal_free(k->matrix);
    mal_free(k->left);
    mal_free(k->keys);
}

static int compare_keys(const void *a, const void *b) {
    return mal_compare_vartime(*(const mal_psi_key *const *)a,
                               *(const mal_psi_key *const *)b, MAL_PSI_KEY);
}

/* Equal keys have equal rows and never peel: they all lie in the core. */
static bool core_repeats(core *k, const mal_psi_key *keys) {
    bool repeats = false;
    for (uint32_t i = 0; i < k->n; i++)
        k->keys[i] = &keys[k->row[i]];
    qsort(k->keys, k->n, sizeof *k->keys, compare_keys);
    for (uint32_t i = 1; i < k->n; i++)
        repeats |= compare_keys(&k->keys[i - 1], &k->keys[i]) == 0;
    return repeats;
}

static bool core_collect(core *k, const view *v, uint32_t n_peeled) {
    uint8_t *peeled = mal_calloc(v->n, 1);
    k->n = v->n - n_peeled;
    k->row = mal_calloc(k->n, sizeof *k->row);
    k->keys = mal_calloc(k->n, sizeof *k->keys);
    k->place = mal_calloc(v->o->bin_columns, sizeof *k->place);
    k->unknown = mal_calloc(v->o->bin_columns, sizeof *k->unknown);
    k->left = mal_calloc(k->n, sizeof *k->left);
    const bool whole =
        peeled && k->row && k->keys && k->place && k->unknown && k->left;
    if (whole) {
        for (uint32_t i = 0; i < n_peeled; i++)
            peeled[v->order[i] >> 16] = 1;
        for (uint32_t r = 0, i = 0; r < v->n; r++)
            if (!peeled[r])
                k->row[i++] = r;
    }
    mal_free(peeled);
    return whole;
}

static bool core_matrix(core *k, const view *v) {
    for (uint32_t i = 0; i < k->n; i++)
        for (uint32_t j = 0; j < 3; j++) {
            const uint32_t c = v->column[k->row[i]][j];
            if (!k->place[c]) {
                k->unknown[k->width++] = c;
                k->place[c] = k->width;
            }
        }
    const uint32_t sparse = k->width;
    for (uint32_t d = 0; d < MAL_PSI_OKVS_DENSE; d++)
        k->unknown[k->width++] = 3 * v->o->segment + d;
    k->words = (k->width + 63) / 64;
    k->matrix = mal_calloc((size_t)k->n * k->words, sizeof *k->matrix);
    if (!k->matrix)
        return false;
    for (uint32_t i = 0; i < k->n; i++) {
        uint64_t *m = k->matrix + (size_t)i * k->words;
        for (uint32_t j = 0; j < 3; j++) {
            const uint32_t u = k->place[v->column[k->row[i]][j]] - 1;
            m[u / 64] |= UINT64_C(1) << (u % 64);
        }
        for (uint32_t d = 0; d < MAL_PSI_OKVS_DENSE; d++)
            m[(sparse + d) / 64] |= ((v->dense[k->row[i]] >> d) & 1)
                                    << ((sparse + d) % 64);
    }
    return true;
}

static void add_row(core *k, uint32_t to, uint32_t from) {
    uint64_t *a = k->matrix + (size_t)to * k->words;
    const uint64_t *b = k->matrix + (size_t)from * k->words;
    for (uint32_t w = 0; w < k->words; w++)
        a[w] ^= b[w];
    psi_store(&k->left[to], psi_load(&k->left[to]) ^ psi_load(&k->left[from]));
}

/* Gauss-Jordan: row i is taken as it is, its first one becomes the pivot, and
 * leaves every other row.  False: row i is a sum of earlier ones. */
static bool core_eliminate(core *k, uint32_t *pivot) {
    for (uint32_t i = 0; i < k->n; i++) {
        const uint64_t *m = k->matrix + (size_t)i * k->words;
        uint32_t w = 0;
        while (w < k->words && m[w] == 0)
            w++;
        if (w == k->words)
            return false;
        pivot[i] = 64 * w + (uint32_t)__builtin_ctzll(m[w]);
        for (uint32_t r = 0; r < k->n; r++)
            if (r != i &&
                (k->matrix[(size_t)r * k->words + w] >> (pivot[i] % 64)) & 1)
                add_row(k, r, i);
    }
    return true;
}

static psi_vec row_product(const view *v, const mal_psi_block *p,
                           uint32_t row) {
    const uint16_t *c = v->column[row];
    return psi_load(&p[c[0]]) ^ psi_load(&p[c[1]]) ^ psi_load(&p[c[2]]);
}

static psi_vec dense_slow(const mal_psi_block *dense, uint64_t bits) {
    psi_vec sum = { 0, 0 };
    for (; bits; bits &= bits - 1)
        sum ^= psi_load(&dense[__builtin_ctzll(bits)]);
    return sum;
}

/* p becomes p + delta with delta zero in the unknowns that are no pivot. */
static psi_solved core_solve(core *k, const view *v, mal_psi_block *p,
                             const mal_psi_block *value) {
    for (uint32_t i = 0; p && i < k->n; i++)
        psi_store(&k->left[i],
                  psi_load(&value[k->row[i]]) ^ row_product(v, p, k->row[i]) ^
                      dense_slow(p + 3 * v->o->segment, v->dense[k->row[i]]));
    uint32_t *pivot = mal_calloc(k->n, sizeof *pivot);
    if (!pivot)
        return PSI_NO_MEMORY;
    const bool independent = core_eliminate(k, pivot);
    for (uint32_t i = 0; p && independent && i < k->n; i++) {
        mal_psi_block *at = &p[k->unknown[pivot[i]]];
        psi_store(at, psi_load(at) ^ psi_load(&k->left[i]));
    }
    mal_free(pivot);
    return independent ? PSI_SOLVED : PSI_SINGULAR;
}

/* With p and value NULL: only whether it can be solved. */
static psi_solved solve_core(const view *v, uint32_t n_peeled, mal_psi_block *p,
                             const mal_psi_block *value) {
    MAL_AUTO(core_clear) core k = { 0 };
    if (!core_collect(&k, v, n_peeled))
        return PSI_NO_MEMORY;
    if (core_repeats(&k, v->keys))
        return PSI_REPEATED;
    if (!core_matrix(&k, v))
        return PSI_NO_MEMORY;
    return core_solve(&k, v, p, value);
}

mal_err psi_peel_bin(psi_rows *r, const psi_bins *b, uint32_t bin) {
    const view v = view_of(r, b, bin);
    uint32_t *state = mal_calloc(v.o->bin_columns, sizeof *state);
    uint16_t *queue = mal_calloc(v.o->bin_columns, sizeof *queue);
    psi_solved how = state && queue ? PSI_SOLVED : PSI_NO_MEMORY;
    if (how == PSI_SOLVED) {
        load_rows(&v, &b->row, state);
        r->peeled[bin] = peel(&v, state, queue);
        if (r->peeled[bin] < v.n)
            how = solve_core(&v, r->peeled[bin], NULL, NULL);
    }
    mal_free(state);
    mal_free(queue);
    r->how[bin] = how;
    return how == PSI_NO_MEMORY
               ? mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__)
               : MAL_OK;
}

/* --- Substituting back ---------------------------------------------------- */

/* Last peeled, first set: the other columns of its row hold their values by
 * then.  What its own column held cancels. */
static void substitute(const view *v, uint32_t n_peeled, mal_psi_block *p,
                       const mal_psi_block *value, const mal_psi_block *table) {
    for (uint32_t i = n_peeled; i-- > 0;) {
        const uint32_t row = v->order[i] >> 16;
        const uint64_t bits = v->dense[row];
        mal_psi_block *at = &p[v->order[i] & 0xffff];
        psi_vec sum = psi_load(&value[row]) ^ row_product(v, p, row);
        if (table)
            for (uint32_t k = 0; k < PSI_DENSE_BYTES; k++)
                sum ^= psi_load(&table[256 * k + ((bits >> (8 * k)) & 255)]);
        psi_store(at, psi_load(at) ^ sum);
    }
}

mal_err psi_solve_bin(mal_psi_block *p, const psi_rows *r, const psi_bins *b,
                      uint32_t bin, const mal_psi_block *value) {
    const view v = view_of(r, b, bin);
    const mal_psi_block *dense = p + 3 * v.o->segment;
    mal_psi_block table[PSI_DENSE_TABLE];
    uint64_t any = 0;
    assert(r->how[bin] == PSI_SOLVED);
    if (r->peeled[bin] < v.n &&
        solve_core(&v, r->peeled[bin], p, value) != PSI_SOLVED)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    for (uint32_t d = 0; d < MAL_PSI_OKVS_DENSE; d++)
        any |= dense[d].w[0] | dense[d].w[1];
    if (any)
        psi_dense_table(table, dense);
    substitute(&v, r->peeled[bin], p, value, any ? table : NULL);
    return MAL_OK;
}
