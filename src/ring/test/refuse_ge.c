/* What is not the canonical encoding of an element does not decode. */
#include <malus/ring.h>
#include "mal_test.h"

/* One element in about 16 strings: random ones are mostly refused, and what is
 * accepted encodes to the same bytes. */
TEST(whatever_decodes_encodes_to_the_same_bytes) {
    uint64_t seed = mal_test_seed();
    unsigned accepted = 0;
    for (int n = 0; n < 2000; n++) {
        uint8_t in[32], out[32];
        mal_ring_ge p;
        for (int i = 0; i < 4; i++)
            mal_store_u64le(in + 8 * i, mal_test_rand(&seed));
        if (mal_ring_ge_decode(&p, in) != MAL_OK)
            continue;
        accepted++;
        mal_ring_ge_encode(out, &p);
        CHECK(mal_equal(in, out, 32));
    }
    CHECK(accepted > 20 && accepted < 400); /* mean 125, 9 deviations */
}

TEST(refuses_odd_and_unreduced_twins_of_good_encodings) {
    mal_ring_ge p;
    uint8_t bytes[32];
    mal_ring_ge_base(&p);
    mal_ring_ge_encode(bytes, &p);
    bytes[31] |= 0x80;
    CHECK_ERR(mal_ring_ge_decode(&p, bytes), MAL_E_INPUT);
    bytes[31] &= 0x7f;
    bytes[0] ^= 1;
    CHECK_ERR(mal_ring_ge_decode(&p, bytes), MAL_E_INPUT);
    bytes[0] ^= 1;
    CHECK_OK(mal_ring_ge_decode(&p, bytes));
}

TEST_MAIN
