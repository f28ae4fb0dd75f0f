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

mal_err psi_solver_new(psi_solver *s, const mal_psi_okvs *o) {
    const size_t rows = (size_t)o->bin_rows_max + 1;
    *s = (psi_solver){ 0 };
    s->column = mal_calloc(rows, sizeof *s->column);
    s->dense = mal_calloc(rows, sizeof *s->dense);
    s->state = mal_calloc(o->bin_columns, sizeof *s->state);
    s->order = mal_calloc(rows, sizeof *s->order);
    s->queue = mal_calloc(o->bin_columns, sizeof *s->queue);
    if (!s->column || !s->dense || !s->state || !s->order || !s->queue)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    return MAL_OK;
}

void psi_solver_clear(psi_solver *s) {
    mal_free(s->column);
    mal_free(s->dense);
    mal_free(s->state);
    mal_free(s->order);
    mal_free(s->queue);
    *s = (psi_solver){ 0 };
}

/* --- Peeling -------------------------------------------------------------- */

static void load_rows(psi_solver *s, const psi_bins *b, uint32_t bin) {
    const mal_psi_okvs *o = b->shape;
    const mal_psi_key *keys = b->keys + b->start[bin];
    const uint32_t n = b->start[bin + 1] - b->start[bin];
    mal_psi_block h[PSI_BATCH];
    memset(s->state, 0, o->bin_columns * sizeof *s->state);
    for (uint32_t at = 0; at < n; at += PSI_BATCH) {
        uint32_t len = n - at < PSI_BATCH ? n - at : PSI_BATCH;
        mal_prim_aes_ecb(h, keys + at, len, &b->row);
        for (uint32_t i = 0; i < len; i++) {
            uint32_t c[3];
            psi_row_columns(c, o, &h[i]);
            s->dense[at + i] = psi_row_dense(&h[i]);
            for (uint32_t j = 0; j < 3; j++) {
                s->column[at + i][j] = (uint16_t)c[j];
                s->state[c[j]] = (s->state[c[j]] + (1u << ROW_BITS)) ^ (at + i);
            }
        }
    }
}

/* After this order[0 .. peeled) lists rows so that the column of each is in no
 * later one, nor in the core.  Each column enters the queue once: its degree
 * only falls. */
static void peel(psi_solver *s, uint32_t columns) {
    uint32_t tail = 0;
    s->peeled = 0;
    for (uint32_t c = 0; c < columns; c++) {
        s->queue[tail] = (uint16_t)c;
        tail += s->state[c] >> ROW_BITS == 1;
    }
    for (uint32_t head = 0; head < tail; head++) {
        const uint32_t c = s->queue[head];
        if (s->state[c] >> ROW_BITS != 1)
            continue; /* its row went by another column */
        const uint32_t row = s->state[c] & ROW_MASK;
        s->order[s->peeled++] = row << 16 | c;
        for (uint32_t j = 0; j < 3; j++) {
            const uint32_t d = s->column[row][j];
            s->state[d] = (s->state[d] ^ row) - (1u << ROW_BITS);
            s->queue[tail] = (uint16_t)d;
            tail += s->state[d] >> ROW_BITS == 1;
        }
    }
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

static bool core_collect(core *k, const psi_solver *s, const mal_psi_okvs *o,
                         uint32_t n_rows) {
    uint8_t *peeled = mal_calloc(n_rows, 1);
    k->n = n_rows - s->peeled;
    k->row = mal_calloc(k->n, sizeof *k->row);
    k->keys = mal_calloc(k->n, sizeof *k->keys);
    k->place = mal_calloc(o->bin_columns, sizeof *k->place);
    k->unknown = mal_calloc(o->bin_columns, sizeof *k->unknown);
    k->left = mal_calloc(k->n, sizeof *k->left);
    const bool whole =
        peeled && k->row && k->keys && k->place && k->unknown && k->left;
    if (whole) {
        for (uint32_t i = 0; i < s->peeled; i++)
            peeled[s->order[i] >> 16] = 1;
        for (uint32_t r = 0, i = 0; r < n_rows; r++)
            if (!peeled[r])
                k->row[i++] = r;
    }
    mal_free(peeled);
    return whole;
}

static bool core_matrix(core *k, const psi_solver *s, const mal_psi_okvs *o) {
    for (uint32_t i = 0; i < k->n; i++)
        for (uint32_t j = 0; j < 3; j++) {
            const uint32_t c = s->column[k->row[i]][j];
            if (!k->place[c]) {
                k->unknown[k->width++] = c;
                k->place[c] = k->width;
            }
        }
    const uint32_t sparse = k->width;
    for (uint32_t d = 0; d < MAL_PSI_OKVS_DENSE; d++)
        k->unknown[k->width++] = 3 * o->segment + d;
    k->words = (k->width + 63) / 64;
    k->matrix = mal_calloc((size_t)k->n * k->words, sizeof *k->matrix);
    if (!k->matrix)
        return false;
    for (uint32_t i = 0; i < k->n; i++) {
        uint64_t *m = k->matrix + (size_t)i * k->words;
        for (uint32_t j = 0; j < 3; j++) {
            const uint32_t u = k->place[s->column[k->row[i]][j]] - 1;
            m[u / 64] |= UINT64_C(1) << (u % 64);
        }
        for (uint32_t d = 0; d < MAL_PSI_OKVS_DENSE; d++)
            m[(sparse + d) / 64] |= ((s->dense[k->row[i]] >> d) & 1)
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

static psi_vec row_product(const psi_solver *s, const mal_psi_block *p,
                           uint32_t row) {
    const uint16_t *c = s->column[row];
    return psi_load(&p[c[0]]) ^ psi_load(&p[c[1]]) ^ psi_load(&p[c[2]]);
}

static psi_vec dense_slow(const mal_psi_block *dense, uint64_t bits) {
    psi_vec sum = { 0, 0 };
    for (; bits; bits &= bits - 1)
        sum ^= psi_load(&dense[__builtin_ctzll(bits)]);
    return sum;
}

/* p becomes p + delta with delta zero in the unknowns that are no pivot. */
static psi_solved core_solve(core *k, const psi_solver *s, mal_psi_block *p,
                             const mal_psi_okvs *o,
                             const mal_psi_block *value) {
    for (uint32_t i = 0; i < k->n; i++)
        psi_store(&k->left[i],
                  psi_load(&value[k->row[i]]) ^ row_product(s, p, k->row[i]) ^
                      dense_slow(p + 3 * o->segment, s->dense[k->row[i]]));
    uint32_t *pivot = mal_calloc(k->n, sizeof *pivot);
    if (!pivot)
        return PSI_NO_MEMORY;
    const bool independent = core_eliminate(k, pivot);
    for (uint32_t i = 0; independent && i < k->n; i++) {
        mal_psi_block *at = &p[k->unknown[pivot[i]]];
        psi_store(at, psi_load(at) ^ psi_load(&k->left[i]));
    }
    mal_free(pivot);
    return independent ? PSI_SOLVED : PSI_SINGULAR;
}

static psi_solved solve_core(psi_solver *s, mal_psi_block *p, const psi_bins *b,
                             uint32_t bin, const mal_psi_block *value) {
    MAL_AUTO(core_clear) core k = { 0 };
    const uint32_t n = b->start[bin + 1] - b->start[bin];
    if (!core_collect(&k, s, b->shape, n))
        return PSI_NO_MEMORY;
    if (k.n > s->core_max)
        s->core_max = k.n;
    if (core_repeats(&k, b->keys + b->start[bin]))
        return PSI_REPEATED;
    if (!core_matrix(&k, s, b->shape))
        return PSI_NO_MEMORY;
    return core_solve(&k, s, p, b->shape, value);
}

/* --- Substituting back ---------------------------------------------------- */

/* Last peeled, first set: the other columns of its row hold their values by
 * then.  What its own column held cancels. */
static void substitute(const psi_solver *s, mal_psi_block *p,
                       const mal_psi_block *value, const mal_psi_block *table) {
    for (uint32_t i = s->peeled; i-- > 0;) {
        const uint32_t row = s->order[i] >> 16;
        const uint16_t *column = s->column[row];
        const uint64_t bits = s->dense[row];
        mal_psi_block *at = &p[s->order[i] & 0xffff];
        psi_vec sum = psi_load(&value[row]) ^ psi_load(&p[column[0]]) ^
                      psi_load(&p[column[1]]) ^ psi_load(&p[column[2]]);
        if (table)
            for (uint32_t k = 0; k < PSI_DENSE_BYTES; k++)
                sum ^= psi_load(&table[256 * k + ((bits >> (8 * k)) & 255)]);
        psi_store(at, psi_load(at) ^ sum);
    }
}

psi_solved psi_solve_bin(psi_solver *s, mal_psi_block *p, const psi_bins *b,
                         uint32_t bin, const mal_psi_block *value) {
    const mal_psi_okvs *o = b->shape;
    const uint32_t n = b->start[bin + 1] - b->start[bin];
    mal_psi_block table[PSI_DENSE_TABLE];
    uint64_t any = 0;
    load_rows(s, b, bin);
    peel(s, 3 * o->segment);
    if (s->peeled < n) {
        psi_solved how = solve_core(s, p, b, bin, value);
        if (how != PSI_SOLVED)
            return how;
    }
    const mal_psi_block *dense = p + 3 * o->segment;
    for (uint32_t d = 0; d < MAL_PSI_OKVS_DENSE; d++)
        any |= dense[d].w[0] | dense[d].w[1];
    if (any)
        psi_dense_table(table, dense);
    substitute(s, p, value, any ? table : NULL);
    return PSI_SOLVED;
}
