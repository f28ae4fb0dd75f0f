/* fuzz_merkle.c - proofs of strangers: sizes and indices of any kind. */
#include <malus/prim.h>

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mal_prim_hash path[MAL_PRIM_MERKLE_PATH_MAX], zero = { { 0 } };
    if (size < 16)
        return 0;
    uint64_t a = mal_load_u64le(data), b = mal_load_u64le(data + 8);
    size_t n = (size - 16) / sizeof path[0];
    n = n < MAL_PRIM_MERKLE_PATH_MAX ? n : MAL_PRIM_MERKLE_PATH_MAX;
    memcpy(path, data + 16, n * sizeof path[0]);
    /* A root of zeros has no known preimage: a proof of length > 0 fails. */
    mal_err in = mal_prim_merkle_verify_inclusion(&zero, a, &zero, b, path, n);
    mal_err con =
        mal_prim_merkle_verify_consistency(&zero, a, &zero, b, path, n);
    assert(n == 0 || (in != MAL_OK && con != MAL_OK));
    return 0;
}
