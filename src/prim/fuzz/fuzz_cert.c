/* fuzz_cert.c - certificates of strangers. */
#include <malus/prim.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t pub[32];
    mal_bytes der = mal_bytes_of(data, size);
    if (mal_prim_cert_key(pub, der) == MAL_OK) {
        /* Nobody signs with the key 0: whatever parses is refused. */
        const uint8_t nobody[32] = { 0 };
        assert(mal_prim_cert_check(der, nobody, 1700000000) != MAL_OK);
    }
    return 0;
}
