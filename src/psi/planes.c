/* planes.c - one bit of many blocks, packed: bit k of word k / 64. */
#include "circuit_impl.h"

static void plain(uint64_t *plane, const mal_ot_block *v, unsigned i,
                  size_t n) {
    for (size_t k = 0; k < n; k += 64) {
        uint64_t word = 0;
        for (size_t b = 0; b < 64; b++)
            word |= (v[k + b].w[1] >> i & 1) << b;
        plane[k / 64] = word;
    }
}

static bool always(void) {
    return true;
}

#if defined(__x86_64__)
#include <immintrin.h>

/* Four blocks a register; of the signs of its eight words every second counts.
 */
__attribute__((target("avx512f,avx512dq,bmi2"))) static void
wide(uint64_t *plane, const mal_ot_block *v, unsigned i, size_t n) {
    const __m128i up = _mm_cvtsi32_si128((int)(63 - i));
    for (size_t k = 0; k < n; k += 64) {
        uint64_t signs[2] = { 0 };
        for (unsigned b = 0; b < 16; b++) {
            const __m512i w =
                _mm512_sll_epi64(_mm512_loadu_si512(v + k + 4 * b), up);
            signs[b / 8] |= (uint64_t)_mm512_movepi64_mask(w) << (8 * (b % 8));
        }
        plane[k / 64] = _pext_u64(signs[0], 0xaaaaaaaaaaaaaaaa) |
                        _pext_u64(signs[1], 0xaaaaaaaaaaaaaaaa) << 32;
    }
}

static bool can_wide(void) {
    return __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("bmi2");
}
#else
#define wide plain
static bool can_wide(void) {
    return false;
}
#endif

const planes_way planes_ways[] = {
    { "plain", always, plain },
    { "wide", can_wide, wide },
};
const size_t planes_ways_n = sizeof planes_ways / sizeof *planes_ways;

void planes_of_blocks(uint64_t *plane, const mal_ot_block *v, unsigned i,
                      size_t n) {
    (can_wide() ? wide : plain)(plane, v, i, n);
}
