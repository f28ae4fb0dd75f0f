/* proof_matrix_avx512.c - weights are sets of eight words of a register: four
 * columns of a matrix become elements, all of which stay in registers. */
#include "proof_matrix.h"

#include "kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512dq")))
#define INLINE TARGET static inline __attribute__((always_inline))

#define D SHARE3_GALOIS
#define LINES (D / 8)     /* registers of an element */
#define ROWS ((size_t)64) /* that lie in a cache for all columns */

/* z [columns] elements, columns <= 4 and known to the compiler. */
INLINE void weigh_columns(uint64_t *z, const uint64_t *a, size_t stride,
                          const uint64_t *theta, size_t rows,
                          unsigned columns) {
    __m512i sum[4][LINES];
#pragma GCC unroll 4
    for (unsigned k = 0; k < columns; k++)
#pragma GCC unroll 6
        for (unsigned i = 0; i < LINES; i++)
            sum[k][i] = _mm512_loadu_si512(z + k * D + 8 * i);
    for (size_t j = 0; j < rows; j++) {
#pragma GCC unroll 4
        for (unsigned k = 0; k < columns; k++) {
            const __m512i word =
                _mm512_set1_epi64((long long)a[j * stride + k]);
#pragma GCC unroll 6
            for (unsigned i = 0; i < LINES; i++)
                sum[k][i] = _mm512_mask_add_epi64(
                    sum[k][i], (__mmask8)(theta[j] >> 8 * i), sum[k][i], word);
        }
    }
#pragma GCC unroll 4
    for (unsigned k = 0; k < columns; k++)
#pragma GCC unroll 6
        for (unsigned i = 0; i < LINES; i++)
            _mm512_storeu_si512(z + k * D + 8 * i, sum[k][i]);
}

TARGET static void weigh(uint64_t *z, const uint64_t *a, size_t stride,
                         const uint64_t *theta, size_t rows, size_t len) {
    for (size_t j = 0; j < rows; j += ROWS) {
        const size_t n = share3_least(ROWS, rows - j);
        const uint64_t *from = a + j * stride;
        size_t k = 0;
        for (; k + 4 <= len; k += 4)
            weigh_columns(z + k * D, from + k, stride, theta + j, n, 4);
        for (; k < len; k++)
            weigh_columns(z + k * D, from + k, stride, theta + j, n, 1);
    }
}

static bool usable(void) {
    return __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512dq");
}

const proof_matrix_kernels share3_proof_matrix_avx512 = { "avx512", usable,
                                                          weigh };

#else
static bool usable(void) {
    return false;
}
const proof_matrix_kernels share3_proof_matrix_avx512 = { .name = "avx512",
                                                          .usable = usable };
#endif
