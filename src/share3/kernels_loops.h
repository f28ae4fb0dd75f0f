/* kernels_loops.h - loops over words, compiled once for each kind of machine:
 * the includer defines TARGET, and the compiler widens them. */

TARGET static void and_words(uint64_t *restrict out, const uint64_t *const x[2],
                             const uint64_t *const y[2], size_t n) {
    const uint64_t *x0 = x[0], *x1 = x[1], *y0 = y[0], *y1 = y[1];
    for (size_t i = 0; i < n; i++)
        out[i] = (x0[i] & (y0[i] ^ y1[i])) ^ (x1[i] & y0[i]);
}

TARGET static void mul_words(uint64_t *restrict out, const uint64_t *const x[2],
                             const uint64_t *const y[2], size_t n) {
    const uint64_t *x0 = x[0], *x1 = x[1], *y0 = y[0], *y1 = y[1];
    for (size_t i = 0; i < n; i++)
        out[i] = x0[i] * (y0[i] + y1[i]) + x1[i] * y0[i];
}

TARGET static uint64_t dot_words(const uint64_t *const x[2],
                                 const uint64_t *const y[2], size_t n) {
    const uint64_t *x0 = x[0], *x1 = x[1], *y0 = y[0], *y1 = y[1];
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x0[i] * (y0[i] + y1[i]) + x1[i] * y0[i];
    return sum;
}

TARGET static void sum_words(uint64_t *z, const uint64_t *a, const uint64_t *b,
                             const uint64_t *c, bool minus, size_t n) {
    if (b && minus)
        for (size_t i = 0; i < n; i++)
            z[i] = a[i] - b[i] + (c ? c[i] : 0);
    else if (b)
        for (size_t i = 0; i < n; i++)
            z[i] = a[i] + b[i] + (c ? c[i] : 0);
    else
        for (size_t i = 0; i < n; i++)
            z[i] = a[i] + (c ? c[i] : 0);
}

TARGET static void xor_words(uint64_t *z, const uint64_t *a, const uint64_t *b,
                             const uint64_t *c, uint64_t ones, size_t n) {
    if (b && c)
        for (size_t i = 0; i < n; i++)
            z[i] = a[i] ^ b[i] ^ c[i] ^ ones;
    else if (b)
        for (size_t i = 0; i < n; i++)
            z[i] = a[i] ^ b[i] ^ ones;
    else
        for (size_t i = 0; i < n; i++)
            z[i] = a[i] ^ (c ? c[i] : 0) ^ ones;
}

TARGET static void rest_and(uint64_t *z, const uint64_t *a, const uint64_t *x,
                            const uint64_t *y, size_t n) {
    for (size_t i = 0; i < n; i++)
        z[i] = a[i] ^ (x[i] & y[i]) ^ z[i];
}

TARGET static void rest_mul(uint64_t *z, const uint64_t *a, const uint64_t *x,
                            const uint64_t *y, size_t n) {
    for (size_t i = 0; i < n; i++)
        z[i] = a[i] - x[i] * y[i] - z[i];
}

/* --- Galois ring, proof_words.c
 * --------------------------------------------------
 */

#ifndef POLY_MAC /* the includer has its own */
/* z[i + j] += x[i] y[j]: products of polynomials, not reduced; z has one word
 * more than they need.  Eight coefficients of x meet eight words of z while
 * these are in a register. */
TARGET static void poly_mac(uint64_t z[2 * SHARE3_GALOIS],
                            const uint64_t x[SHARE3_GALOIS],
                            const uint64_t y[SHARE3_GALOIS]) {
    uint64_t wide[SHARE3_GALOIS + 16] = { 0 }, *middle = wide + 8;
    memcpy(middle, y, SHARE3_GALOIS * sizeof *y);
    for (unsigned i = 0; i < SHARE3_GALOIS; i += 8)
        for (unsigned k = 0; k <= SHARE3_GALOIS; k += 8) {
            uint64_t sum[8];
            memcpy(sum, z + i + k, sizeof sum);
            for (unsigned q = 0; q < 8; q++)
                for (unsigned l = 0; l < 8; l++)
                    sum[l] += x[i + q] * middle[(int)(k + l) - (int)q];
            memcpy(z + i + k, sum, sizeof sum);
        }
}

#define POLY_MAC poly_mac
#endif

/* z += the sum over k of a[k] coef[k], n words a with elements coef. */
TARGET static void poly_axpy(uint64_t *restrict z, const uint64_t *a,
                             const uint64_t *coef, size_t n) {
    for (size_t k = 0; k < n; k++)
        for (unsigned j = 0; j < SHARE3_GALOIS; j++)
            z[j] += a[k] * coef[k * SHARE3_GALOIS + j];
}

/* z[k] += a[k] x for k < n: one element, n words, n elements. */
TARGET static void poly_outer(uint64_t *restrict z, const uint64_t *a,
                              const uint64_t *restrict x, size_t n) {
    for (size_t k = 0; k < n; k++)
        for (unsigned j = 0; j < SHARE3_GALOIS; j++)
            z[k * SHARE3_GALOIS + j] += a[k] * x[j];
}
