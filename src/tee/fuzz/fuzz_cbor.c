/* fuzz_cbor.c - any bytes: refused, or an item whose children are readable. */
#include "cbor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Depth and counts are limited by what was checked. */
static void visit(const tee_cbor *item) {
    mal_rd rd = mal_rd_of(item->body);
    tee_cbor child;
    uint64_t n = 0;
    assert(item->raw.len > item->body.len ||
           (item->body.len == 0 && item->raw.len > 0));
    if (item->major < TEE_CBOR_ARRAY || item->major == TEE_CBOR_SIMPLE)
        return;
    for (; rd.left > 0; n++) {
        mal_err err = tee_cbor_read(&rd, &child);
        assert(err == MAL_OK);
        visit(&child);
    }
    assert(item->major == TEE_CBOR_TAG
               ? n == 1
               : n == item->n << (item->major == TEE_CBOR_MAP));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tee_cbor item, value;
    mal_bytes bytes = mal_bytes_of(data, size);
    if (tee_cbor_parse(&item, bytes) == MAL_OK) {
        assert(item.raw.len == size);
        visit(&item);
    }
    if (tee_cbor_parse_map(&item, bytes) == MAL_OK) {
        visit(&item);
        (void)tee_cbor_find(&value, &item, 1);
        (void)tee_cbor_find_text(&value, &item, "nonce");
    }
    return 0;
}
