/* fuzz_statement.c - key statements of strangers have one encoding, or none. */
#include <malus/kms.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    MAL_AUTO(mal_buf_clear) mal_buf again = { 0 };
    mal_kms_statement s;
    const uint8_t nobody[32] = { 0 };
    mal_bytes bytes = mal_bytes_of(data, size);
    if (mal_kms_statement_decode(&s, bytes) != MAL_OK)
        return 0;
    assert(mal_kms_statement_encode(&again, &s) == MAL_OK);
    assert(mal_bytes_same_vartime(mal_buf_view(&again), bytes));
    assert(mal_kms_statement_verify(&s, nobody, s.party, s.use, s.not_before) !=
           MAL_OK);
    return 0;
}
