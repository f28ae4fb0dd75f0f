/* fuzz_receipt.c - any bytes as a receipt: refused, or verified to be false. */
#include <malus/audit.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(1 << 26);
    MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
    static const mal_audit_party parties[] = {
        { .name = "acme", .identity_pub = { 1 }, .owner = true },
        { .name = "retail", .identity_pub = { 2 }, .owner = true },
    };
    mal_audit_report report;
    mal_bytes json = mal_bytes_of(data, size);
    if (mal_audit_receipt_verify(&report, arena, json, parties, 2, NULL, NULL,
                                 0, 1) == MAL_OK)
        assert(!report.ok && report.not_proved.n > 0);
    if (mal_audit_receipt_redact(&out, json, NULL, 0) == MAL_OK)
        assert(out.len > 0);
    return 0;
}
