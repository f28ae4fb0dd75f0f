/* proof_matrix.h - claims of products of matrices as inner products of elements
 * (proof_matrix.c), for prove.c. */
#ifndef MALUS_SHARE3_PROOF_MATRIX_H
#define MALUS_SHARE3_PROOF_MATRIX_H

#include "proof_impl.h"

#define SHARE3_MATRIX_POINTS 27 /* of the variables of a fold, at most 3 */

/* z [len] elements += the sum over rows j of theta_j a_jk, words stride apart
 * from row to row; bit c of theta is its coefficient of T^c. */
typedef struct proof_matrix_kernels {
    const char *name;
    bool (*usable)(void);
    void (*weigh)(uint64_t *z, const uint64_t *a, size_t stride,
                  const uint64_t *theta, size_t rows, size_t len);
} proof_matrix_kernels;
extern const proof_matrix_kernels share3_proof_matrix_plain,
    share3_proof_matrix_avx512;
const proof_matrix_kernels *share3_proof_matrix(void);

/* u [held.len] = sum_j theta_j a_j of part p of all claims, theta [rows]. */
void share3_matrices_weigh(uint64_t *u, const share3_matrices *m, unsigned p,
                           const uint64_t *theta);
/* sum += the weighted sum of e[p]. */
void share3_matrices_claim(uint64_t *sum, const share3_matrices *m, unsigned p,
                           const uint64_t *theta);
/* sum -= the sum over k of u_k x[p]_k. */
void share3_matrices_less(uint64_t *sum, const share3_matrices *m, unsigned p,
                          const uint64_t *u);

/* Of vectors u, x[p] of 2^v n, corner j of number i at j n + i: p += the sum
 * over i of the product, at all 3^v points; and z[i] = sum_j corner[j] x_(jn+i)
 * as elements. */
mal_err share3_matrices_points(uint64_t *at, const share3_matrices *m,
                               unsigned p, const uint64_t *u, unsigned v,
                               size_t n) MAL_MUST_CHECK;
void share3_matrices_fold(uint64_t *z, const share3_matrices *m, unsigned p,
                          const uint64_t *corner, unsigned v, size_t n);
#endif
