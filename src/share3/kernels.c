/* kernels.c - the plain loops, and the choice.
 *
 * 64 rows of 64 bits are turned in six steps: step k exchanges, in each pair of
 * blocks of 2^k rows, the upper right with the lower left quarter.
 */
#include "kernels.h"

#include <stdatomic.h>

#define TARGET
#include "kernels_loops.h"

static void turn(uint64_t a[64]) {
    uint64_t m = 0x00000000ffffffffu;
    for (unsigned j = 32; j; j >>= 1, m ^= m << j)
        for (unsigned k = 0; k < 64; k = ((k | j) + 1) & ~j) {
            const uint64_t t = ((a[k] >> j) ^ a[k | j]) & m;
            a[k] ^= t << j;
            a[k | j] ^= t;
        }
}

static bool usable(void) {
    return true;
}

const share3_kernels share3_kernels_plain = {
    "plain",   usable,   turn,     and_words, mul_words, dot_words,  sum_words,
    xor_words, rest_and, rest_mul, poly_mac,  poly_axpy, poly_outer,
};

const share3_kernels *share3_kernel(void) {
    static const share3_kernels *_Atomic chosen;
    const share3_kernels *k =
        atomic_load_explicit(&chosen, memory_order_relaxed);
    if (!k) {
        k = share3_kernels_avx512.usable() ? &share3_kernels_avx512
            : share3_kernels_avx2.usable() ? &share3_kernels_avx2
                                           : &share3_kernels_plain;
        atomic_store_explicit(&chosen, k, memory_order_relaxed);
    }
    return k;
}
