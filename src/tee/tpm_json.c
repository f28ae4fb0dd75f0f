/* tpm_json.c - quotes in the JSON that attesters send.
 *
 * Azure's attesters write hex, or arrays of numbers; others base64.  Members
 * that we do not know are passed over: nothing here is signed, and all that is
 * used is checked against what is.
 */
#include "tpm_impl.h"

#include <string.h>

/* --- Bytes ------------------------------------------------------------------
 */

static mal_err put_numbers(mal_buf *out, const mal_json *array,
                           size_t len_max) {
    size_t n = mal_json_len(array);
    int64_t v;
    MAL_REQUIRE(n <= len_max, MAL_E_LIMIT, "%zu bytes are too many", n);
    for (size_t i = 0; i < n; i++) {
        MAL_TRY(mal_json_as_int(mal_json_at(array, i), "byte", &v));
        MAL_REQUIRE(v >= 0 && v <= 255, MAL_E_INPUT, "%lld is no byte",
                    (long long)v);
        MAL_TRY(mal_buf_put_u8(out, (uint8_t)v));
    }
    return MAL_OK;
}

static mal_err put_hex(mal_buf *out, const char *text, size_t len) {
    MAL_TRY(mal_buf_reserve(out, len / 2));
    MAL_TRY(mal_hex_decode(out->ptr + out->len, len / 2, text));
    out->len += len / 2;
    return MAL_OK;
}

/* [RFC4648] section 5, padded or not: turned into section 4 and decoded
 * strictly. */
static mal_err put_base64url(mal_buf *out, const char *text, size_t len) {
    MAL_AUTO(mal_buf_clear) mal_buf plain = { 0 };
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        MAL_REQUIRE(c != '+' && c != '/', MAL_E_INPUT, "not base64url");
        c = c == '-' ? '+' : c == '_' ? '/' : c;
        MAL_TRY(mal_buf_put_u8(&plain, (uint8_t)c));
    }
    while (plain.len % 4 != 0)
        MAL_TRY(mal_buf_put_u8(&plain, '='));
    return mal_base64_decode(out, mal_buf_view(&plain));
}

mal_err tpm_json_bytes(mal_buf *out, const mal_json *value, tpm_text text,
                       size_t len_max) {
    const char *s;
    if (mal_json_kind_of(value) == MAL_JSON_ARRAY)
        return put_numbers(out, value, len_max);
    MAL_TRY(mal_json_as_str(value, "bytes", &s));
    size_t len = strlen(s);
    MAL_REQUIRE(len <= 2 * len_max + 4, MAL_E_LIMIT,
                "%zu characters are too many", len);
    switch (text) {
    case TPM_TEXT_HEX:
        MAL_REQUIRE(len % 2 == 0, MAL_E_INPUT, "not hexadecimal");
        return put_hex(out, s, len);
    case TPM_TEXT_BASE64:
        return mal_base64_decode(out, mal_bytes_str(s));
    default:
        return put_base64url(out, s, len);
    }
}

/* --- { message, signature, pcrs } ------------------------------------------
 */

static mal_err read_member(mal_buf *out, const mal_json *object,
                           const char *name, tpm_text text, size_t len_max) {
    const mal_json *value;
    MAL_TRY(mal_json_get(object, name, &value));
    return tpm_json_bytes(out, value, text, len_max);
}

/* A bank by the length of its values; one of SHA-1 vouches for nothing. */
static uint16_t bank_of(size_t len) {
    return len == 32   ? TPM_ALG_SHA256
           : len == 48 ? TPM_ALG_SHA384
           : len == 64 ? TPM_ALG_SHA512
                       : 0;
}

mal_err tpm_told_read_pcrs(tpm_told *told, const mal_json *array) {
    size_t n = mal_json_len(array), ends[TPM_PCRS + 1] = { 0 };
    MAL_REQUIRE(mal_json_kind_of(array) == MAL_JSON_ARRAY && n <= TPM_PCRS,
                MAL_E_INPUT, "pcrs is no array of at most %d values", TPM_PCRS);
    mal_buf_reset(&told->values);
    for (size_t i = 0; i < n; i++) {
        MAL_TRY(tpm_json_bytes(&told->values, mal_json_at(array, i),
                               TPM_TEXT_HEX, TPM_HASH_MAX));
        ends[i + 1] = told->values.len;
        MAL_REQUIRE(bank_of(ends[1]) && ends[i + 1] == (i + 1) * ends[1],
                    MAL_E_INPUT, "PCR %zu is of no bank, or of another", i);
    }
    told->pcrs =
        (tpm_pcrs){ .hash = n ? bank_of(ends[1]) : TPM_ALG_SHA256, .n = n };
    for (size_t i = 0; i < n; i++)
        told->pcrs.value[i] = mal_bytes_of(told->values.ptr + ends[i], ends[1]);
    return MAL_OK;
}

mal_err tpm_told_read(tpm_told *told, const mal_json *object, tpm_text text) {
    const mal_json *pcrs;
    MAL_TRY(
        read_member(&told->message, object, "message", text, TPM_ATTEST_MAX));
    MAL_TRY(read_member(&told->signature, object, "signature", text,
                        TPM_SIGNATURE_MAX));
    MAL_TRY(mal_json_get_array(object, "pcrs", &pcrs));
    return tpm_told_read_pcrs(told, pcrs);
}

void tpm_told_clear(tpm_told *told) {
    mal_buf_clear(&told->message);
    mal_buf_clear(&told->signature);
    mal_buf_clear(&told->values);
    told->pcrs = (tpm_pcrs){ 0 };
}
