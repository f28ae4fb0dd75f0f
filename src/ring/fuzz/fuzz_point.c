/* fuzz_point.c - foreign bytes as points: what decodes has that one encoding.
 */
#include <malus/ring.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mal_ring_ge p, twice;
    mal_ring_fe scratch;
    uint8_t out[32], batch[1][32];
    if (size < 32 || mal_ring_ge_decode(&p, data) != MAL_OK)
        return 0;
    mal_ring_ge_encode(out, &p);
    assert(mal_equal(out, data, 32));
    mal_ring_ge_double(&twice, &p);
    mal_ring_ge_encode(out, &twice);
    mal_ring_ge_encode_doubled(batch, &p, &scratch, 1);
    assert(mal_equal(out, batch[0], 32));
    return 0;
}
