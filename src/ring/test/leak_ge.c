/* Secret scalars and points do not steer: built six ways by tools/leak_test.py.
 */
#include "mal_leak.h"
#include <malus/ring.h>

static uint8_t scalar[32] = { 0xb7, 0x11, 0x9c, [10] = 0x88, [31] = 0x0a };

static mal_ring_comb *comb_of_base(void) {
    mal_ring_comb *comb;
    mal_ring_ge g;
    mal_ring_ge_base(&g);
    if (mal_ring_comb_new(&comb, &g) != MAL_OK)
        abort();
    return comb;
}

static void secret_point(mal_ring_ge *p) {
    mal_ring_ge_base(p);
    mal_ring_ge_double(p, p);
    mal_leak_secret(p, sizeof *p);
}

LEAK(the_comb_multiplies_without_branch_or_index_of_the_scalar) {
    MAL_AUTO(mal_ring_comb_auto) mal_ring_comb *comb = comb_of_base();
    mal_ring_ge p;
    mal_leak_secret(scalar, sizeof scalar);
    mal_ring_comb_mul(&p, comb, scalar);
    mal_leak_sink(&p);
}

LEAK(points_are_added_doubled_negated_and_compared_blindly) {
    mal_ring_ge p, q;
    secret_point(&p);
    secret_point(&q);
    mal_ring_ge_add(&p, &p, &q);
    mal_ring_ge_double(&p, &p);
    mal_ring_ge_sub(&p, &p, &q);
    mal_ring_ge_neg(&p, &p);
    uint64_t equal = mal_ring_ge_mask_eq(&p, &q);
    mal_leak_sink(&equal);
}

LEAK(points_are_encoded_blindly_alone_and_in_batches) {
    mal_ring_ge p[3];
    mal_ring_fe scratch[3];
    uint8_t out[3][32];
    for (int i = 0; i < 3; i++)
        secret_point(&p[i]);
    mal_ring_ge_encode(out[0], &p[0]);
    mal_ring_ge_encode_doubled(out, p, scratch, 3);
    mal_leak_sink(out);
}

LEAK_CONTROL(the_vartime_multiplication_is_seen) {
    uint8_t s[32] = { 5 };
    mal_ring_ge p;
    mal_ring_ge_base(&p);
    mal_leak_secret(s, sizeof s);
    mal_ring_ge_mul_vartime(&p, s, &p);
    mal_leak_sink(&p);
}

LEAK_MAIN
