/* proof_matrix.c - products of matrices as inner products of elements.
 *
 * Row j of A and vector v have the result z_jv = sum_k a_jk x_vk.  With random
 * sums theta_j of 1, T, .., T^47, as the weights of groups are, and
 *     U_k = sum_j theta_j a_jk,   X_k = sum_v x_vk T^v,
 *     sum_j theta_j sum_v z_jv T^v = sum_k U_k X_k,                        (*)
 * and so for each product of parts.  If some result is wrong by e_jv, not 0,
 * sum_v e_jv T^v is not 0, as v < 48, and the left side of (*) is what it must
 * be for one theta_j at most: 2^-48.  So a matrix becomes a vector by additions
 * alone, whatever it is multiplied with, and a claim of R V results and R K V
 * products an inner product of length K [Fre79].  That is what other products
 * are at step 2 of a proof (prove.c): it is folded with them, but as long as
 * X_k are a few words they need not become elements.
 *
 * The left verifier lacks x_i y_i in e_L: <U, X> of what it knows, taken off.
 */
#include "proof_matrix.h"
#include "proof_words.h"

#include <stdatomic.h>

#define D SHARE3_GALOIS
#define VECTORS SHARE3_MATRIX_VECTORS
_Static_assert(VECTORS < D, "sums of e_jv T^v are not reduced");

/* z = z T + x: T^48 = -(T^5 + T^3 + T^2 + 1). */
static void add_times_t(uint64_t *z, const uint64_t *x) {
    const uint64_t top = z[D - 1];
    memmove(z + 1, z, (D - 1) * sizeof *z);
    z[0] = 0 - top;
    z[2] -= top;
    z[3] -= top;
    z[5] -= top;
    for (unsigned c = 0; c < D; c++)
        z[c] += x[c];
}

/* z += sign times the sum over v of x_v T^v, x [VECTORS]. */
static void add_powers(uint64_t *z, const uint64_t *x, bool minus) {
    uint64_t sum[D] = { 0 };
    for (unsigned v = VECTORS; v-- > 0;)
        add_times_t(sum, x + v * D);
    share3_kernel()->sum(z, z, sum, NULL, minus, D);
}

void share3_matrices_weigh(uint64_t *u, const share3_matrices *m, unsigned p,
                           const uint64_t *theta) {
    memset(u, 0, m->held.len * D * sizeof *u);
    for (size_t i = 0; i < m->n; i++) {
        const share3_matrix *c = &m->claim[i];
        share3_proof_matrix()->weigh(u, m->a[p] + c->a, c->len, theta, c->rows,
                                     c->len);
        u += c->len * D;
        theta += c->rows;
    }
}

void share3_matrices_claim(uint64_t *sum, const share3_matrices *m, unsigned p,
                           const uint64_t *theta) {
    uint64_t z[VECTORS * D] = { 0 };
    for (size_t i = 0; i < m->n; i++) {
        const share3_matrix *c = &m->claim[i];
        share3_proof_matrix()->weigh(z, m->e[p] + c->e, c->e_stride, theta,
                                     c->rows, c->vectors);
        theta += c->rows;
    }
    add_powers(sum, z, false);
}

void share3_matrices_less(uint64_t *sum, const share3_matrices *m, unsigned p,
                          const uint64_t *u) {
    uint64_t z[VECTORS * D] = { 0 };
    for (size_t k = 0; k < m->held.len; k++)
        share3_kernel()->poly_outer(z, m->x[p] + k * VECTORS, u + k * D,
                                    m->vectors);
    add_powers(sum, z, true);
}

/* --- Folds -----------------------------------------------------------------
 */

/* Values at corners and at points, of one number. */
typedef struct values {
    uint64_t u[SHARE3_MATRIX_POINTS * D], x[SHARE3_MATRIX_POINTS * VECTORS];
    uint64_t sum[SHARE3_MATRIX_POINTS * VECTORS * D];
} values;

static void add_points(values *w, const share3_matrices *m, unsigned v) {
    share3_to_points(w->u, v, D);
    share3_to_points(w->x, v, VECTORS);
    for (size_t t = 0; t < share3_points(v); t++)
        share3_kernel()->poly_outer(w->sum + t * VECTORS * D,
                                    w->x + t * VECTORS, w->u + t * D,
                                    m->vectors);
}

mal_err share3_matrices_points(uint64_t *at, const share3_matrices *m,
                               unsigned p, const uint64_t *u, unsigned v,
                               size_t n) {
    assert(share3_points(v) <= SHARE3_MATRIX_POINTS);
    values *w = mal_calloc(1, sizeof *w);
    if (!w)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < (size_t)1 << v; j++) {
            memcpy(w->u + j * D, u + (j * n + i) * D, D * sizeof *u);
            memcpy(w->x + j * VECTORS, m->x[p] + (j * n + i) * VECTORS,
                   VECTORS * sizeof *u);
        }
        add_points(w, m, v);
    }
    for (size_t t = 0; t < share3_points(v); t++)
        add_powers(at + t * D, w->sum + t * VECTORS * D, false);
    mal_wipe(w, sizeof *w);
    mal_free(w);
    return MAL_OK;
}

/* By vectors: the sum over corners of words times elements. */
static void fold_one(uint64_t *z, const uint64_t *x, size_t n,
                     const share3_matrices *m, const uint64_t *corner,
                     unsigned v) {
    uint64_t folded[VECTORS * D] = { 0 }, word[SHARE3_MATRIX_PAD];
    for (unsigned t = 0; t < m->vectors; t++) {
        for (size_t j = 0; j < (size_t)1 << v; j++)
            word[j] = x[j * n * VECTORS + t];
        share3_kernel()->poly_axpy(folded + t * D, word, corner,
                                   (size_t)1 << v);
    }
    memset(z, 0, D * sizeof *z);
    add_powers(z, folded, false);
}

void share3_matrices_fold(uint64_t *z, const share3_matrices *m, unsigned p,
                          const uint64_t *corner, unsigned v, size_t n) {
    assert(1u << v <= SHARE3_MATRIX_PAD);
    for (size_t i = 0; i < n; i++)
        fold_one(z + i * D, m->x[p] + i * VECTORS, n, m, corner, v);
}

/* --- Weights ---------------------------------------------------------------
 */

static void weigh(uint64_t *z, const uint64_t *a, size_t stride,
                  const uint64_t *theta, size_t rows, size_t len) {
    for (size_t j = 0; j < rows; j++) {
        uint64_t bit[D];
        for (unsigned c = 0; c < D; c++)
            bit[c] = theta[j] >> c & 1;
        share3_kernel()->poly_outer(z, a + j * stride, bit, len);
    }
}

static bool usable(void) {
    return true;
}

const proof_matrix_kernels share3_proof_matrix_plain = { "plain", usable,
                                                         weigh };

const proof_matrix_kernels *share3_proof_matrix(void) {
    static const proof_matrix_kernels *_Atomic chosen;
    const proof_matrix_kernels *k =
        atomic_load_explicit(&chosen, memory_order_relaxed);
    if (!k) {
        k = share3_proof_matrix_avx512.usable() ? &share3_proof_matrix_avx512
                                                : &share3_proof_matrix_plain;
        atomic_store_explicit(&chosen, k, memory_order_relaxed);
    }
    return k;
}
