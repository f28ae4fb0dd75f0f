/* fuzz_proof.c - a proof that parses prints to what parses to the same. */
#include <malus/audit.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    mal_audit_proof proof, again;
    mal_audit_policy policy = { .quorum = 0 };
    if (mal_audit_proof_parse(&proof, mal_bytes_of(data, size)) != MAL_OK)
        return 0;
    mal_err err = mal_audit_proof_print(&text, &proof);
    assert(err == MAL_OK);
    err = mal_audit_proof_parse(&again, mal_buf_view(&text));
    assert(err == MAL_OK && again.index == proof.index && again.n == proof.n);
    err = mal_audit_proof_verify(NULL, NULL, NULL, &proof, mal_bytes_str("x"),
                                 &policy);
    assert(err != MAL_OK);
    return 0;
}
