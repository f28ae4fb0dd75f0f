/* der.c - a cursor over DER [X690]: what certificates carry in extensions. */
#include "tee_impl.h"

#define LONG_FORM 0x80
#define LENGTH_BYTES_MAX 3 /* 16 MiB: more than any evidence */

static mal_err rd_length(mal_rd *rd, size_t *len) {
    uint8_t first, byte;
    MAL_TRY(mal_rd_u8(rd, &first));
    *len = first;
    if (!(first & LONG_FORM))
        return MAL_OK;
    unsigned n = first & ~LONG_FORM & 0xff;
    MAL_REQUIRE(n >= 1 && n <= LENGTH_BYTES_MAX, MAL_E_INPUT,
                "a length in DER has 1 to %d bytes", LENGTH_BYTES_MAX);
    *len = 0;
    for (unsigned i = 0; i < n; i++) {
        MAL_TRY(mal_rd_u8(rd, &byte));
        *len = *len << 8 | byte;
    }
    /* The shortest form only. */
    MAL_REQUIRE(*len >= LONG_FORM && *len >> (8 * (n - 1)), MAL_E_INPUT,
                "a length in DER is not the shortest");
    return MAL_OK;
}

mal_err tee_der_next(mal_rd *rd, uint8_t *tag, mal_bytes *value) {
    size_t len;
    MAL_TRY(mal_rd_u8(rd, tag));
    MAL_REQUIRE((*tag & 0x1f) != 0x1f, MAL_E_INPUT, "a long tag in DER");
    MAL_TRY(rd_length(rd, &len));
    return mal_rd_raw(rd, value, len);
}

mal_err tee_der_expect(mal_rd *rd, uint8_t tag, mal_bytes *value) {
    uint8_t found;
    MAL_TRY(tee_der_next(rd, &found, value));
    MAL_REQUIRE(found == tag, MAL_E_INPUT, "tag %u in DER, not %u", found, tag);
    return MAL_OK;
}

mal_err tee_der_u64(mal_rd *rd, uint64_t *number) {
    mal_bytes value;
    MAL_TRY(tee_der_expect(rd, TEE_DER_INTEGER, &value));
    MAL_REQUIRE(value.len >= 1 && value.len <= 9 && !(value.ptr[0] & 0x80) &&
                    (value.len < 9 || value.ptr[0] == 0) &&
                    (value.len == 1 || value.ptr[0] || value.ptr[1] & 0x80),
                MAL_E_INPUT, "not a whole number in DER");
    *number = 0;
    for (size_t i = 0; i < value.len; i++)
        *number = *number << 8 | value.ptr[i];
    return MAL_OK;
}
