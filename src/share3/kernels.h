/* kernels.h - inner loops that have fast twins, held equal by prop_kernels.c.
 *
 * Time depends on lengths alone.  Operands may be unaligned; z may be an
 * operand; a NULL among b, c is zeros.
 */
#ifndef MALUS_SHARE3_KERNELS_H
#define MALUS_SHARE3_KERNELS_H

#include "share3_impl.h"

#define SHARE3_GALOIS 48 /* words of an element, proof_words.c */

typedef struct share3_kernels {
    const char *name;
    bool (*usable)(void);
    /* Turn 64 rows of 64 bits: bit j of a[i] becomes bit i of a[j]. */
    void (*turn)(uint64_t a[64]);
    /* out = x0 (y0 + y1) + x1 y0, over bits or words. */
    void (*and)(uint64_t *out, const uint64_t *const x[2],
                const uint64_t *const y[2], size_t n);
    void (*mul)(uint64_t *out, const uint64_t *const x[2],
                const uint64_t *const y[2], size_t n);
    /* The sum of what mul gives. */
    uint64_t (*dot)(const uint64_t *const x[2], const uint64_t *const y[2],
                    size_t n);
    /* z = a + sign b + c */
    void (*sum)(uint64_t *z, const uint64_t *a, const uint64_t *b,
                const uint64_t *c, bool minus, size_t n);
    /* z = a ^ b ^ c ^ ones */
    void (*xor)(uint64_t *z, const uint64_t *a, const uint64_t *b,
                const uint64_t *c, uint64_t ones, size_t n);
    /* z = a - x y - z, over bits or words */
    void (*rest_and)(uint64_t *z, const uint64_t *a, const uint64_t *x,
                     const uint64_t *y, size_t n);
    void (*rest_mul)(uint64_t *z, const uint64_t *a, const uint64_t *x,
                     const uint64_t *y, size_t n);
    /* Over elements of SHARE3_GALOIS words: z += x y, not reduced; z += sum of
     * a[k] coef[k]; z[k] += a[k] x. */
    void (*poly_mac)(uint64_t *z, const uint64_t *x, const uint64_t *y);
    void (*poly_axpy)(uint64_t *z, const uint64_t *a, const uint64_t *coef,
                      size_t n);
    void (*poly_outer)(uint64_t *z, const uint64_t *a, const uint64_t *x,
                       size_t n);
} share3_kernels;

/* From plain to fast; the last one that is usable serves. */
extern const share3_kernels share3_kernels_plain, share3_kernels_avx2,
    share3_kernels_avx512;
const share3_kernels *share3_kernel(void);

#endif
