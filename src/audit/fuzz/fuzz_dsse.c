/* fuzz_dsse.c - any bytes as an envelope and its payload as a statement. */
#include <malus/audit.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint8_t pub[32] = { 1 };
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(1 << 24);
    MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
    mal_audit_dsse *dsse;
    mal_audit_statement *s;
    mal_bytes json = mal_bytes_of(data, size);
    if (mal_audit_dsse_parse(&dsse, arena, json) == MAL_OK) {
        mal_err err = mal_audit_dsse_verify(dsse, pub);
        assert(err != MAL_OK);
        json = dsse->payload;
    }
    if (mal_audit_statement_parse(&s, arena, json) != MAL_OK)
        return 0;
    mal_err err = mal_audit_statement_encode(&out, s);
    assert(err == MAL_OK);
    return 0;
}
