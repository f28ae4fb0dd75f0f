/* hcl.c - the report that Azure's paravisor keeps in the vTPM.
 *
 * A header, a hardware report, then JSON whose hash the hardware report holds.
 * In the JSON stands the vTPM's attestation key: whoever believes the hardware
 * believes that this key lives in a vTPM inside the same confidential VM.
 *
 * Source: [AZHCL24] "Guest attestation": ATTESTATION_REPORT header, runtime
 * data.
 */
#include "tpm_impl.h"

#include <malus/json.h>
#include <string.h>

#define HEADER_LEN 32
#define HARDWARE_LEN 1184 /* of SNP; a TDREPORT has 1024, then zeros */
#define RUNTIME_AT (HEADER_LEN + HARDWARE_LEN)
#define RUNTIME_HEADER_LEN 20
#define REQUEST_QUOTE 2u
#define HASH_SHA256 1u
#define KEYS_MAX 16
#define INTEGER_MAX 1024 /* RSA of 8192 bits */

static uint32_t word(mal_bytes bytes, size_t at) {
    return mal_load_u32le(bytes.ptr + at);
}

static mal_err check_header(hcl_report *report, mal_bytes bytes) {
    MAL_REQUIRE(bytes.len >= RUNTIME_AT + RUNTIME_HEADER_LEN &&
                    bytes.len <= HCL_REPORT_MAX,
                MAL_E_INPUT, "an HCL report does not have %zu bytes",
                bytes.len);
    MAL_REQUIRE(mal_compare_vartime(bytes.ptr, "HCLA", 4) == 0, MAL_E_INPUT,
                "not an HCL report");
    report->version = word(bytes, 4);
    MAL_REQUIRE(report->version == 1 || report->version == 2, MAL_E_UNSUPPORTED,
                "HCL report version %u is not supported", report->version);
    MAL_REQUIRE(word(bytes, 12) == REQUEST_QUOTE, MAL_E_UNSUPPORTED,
                "an HCL report for request %u is not supported",
                word(bytes, 12));
    return MAL_OK;
}

/* data_size, version, report type, hash type, length of the JSON. */
static mal_err cut_runtime(hcl_report *report, mal_bytes bytes) {
    uint32_t size = word(bytes, RUNTIME_AT);
    uint32_t type = word(bytes, RUNTIME_AT + 8);
    uint32_t hash = word(bytes, RUNTIME_AT + 12);
    uint32_t len = word(bytes, RUNTIME_AT + 16);
    MAL_REQUIRE(word(bytes, RUNTIME_AT + 4) == 1 && hash == HASH_SHA256 &&
                    (type == HCL_SNP || type == HCL_TDX),
                MAL_E_UNSUPPORTED,
                "HCL runtime data of type %u, hash %u are not supported", type,
                hash);
    size_t left = bytes.len - RUNTIME_AT - RUNTIME_HEADER_LEN;
    MAL_REQUIRE(len <= left && size == RUNTIME_HEADER_LEN + len &&
                    word(bytes, 8) == RUNTIME_AT + size,
                MAL_E_INPUT, "the lengths in the HCL report do not agree");
    report->type = (hcl_type)type;
    report->hardware = mal_bytes_of(bytes.ptr + HEADER_LEN, HARDWARE_LEN);
    report->runtime =
        mal_bytes_of(bytes.ptr + RUNTIME_AT + RUNTIME_HEADER_LEN, len);
    return MAL_OK;
}

mal_err hcl_report_parse(hcl_report *report, mal_bytes bytes) {
    memset(report, 0, sizeof *report);
    MAL_TRY(check_header(report, bytes));
    return cut_runtime(report, bytes);
}

mal_err hcl_binding_check(const hcl_report *report, mal_bytes report_data) {
    uint8_t want[64] = { 0 };
    mal_prim_hash hash;
    mal_prim_sha256_of(&hash, report->runtime);
    memcpy(want, hash.b, sizeof hash.b);
    MAL_REQUIRE(report_data.len == sizeof want &&
                    mal_equal(want, report_data.ptr, sizeof want),
                MAL_E_AUTH,
                "REPORT_DATA is not the hash of the HCL runtime data");
    return MAL_OK;
}

static mal_err find_key(const mal_json **found, const mal_json *runtime) {
    const mal_json *keys;
    const char *kid;
    *found = NULL;
    MAL_TRY(mal_json_get_array(runtime, "keys", &keys));
    MAL_REQUIRE(mal_json_len(keys) <= KEYS_MAX, MAL_E_INPUT,
                "the HCL runtime data holds too many keys");
    for (size_t i = 0; i < mal_json_len(keys); i++) {
        MAL_TRY(mal_json_get_str(mal_json_at(keys, i), "kid", &kid));
        if (strcmp(kid, "HCLAkPub") != 0)
            continue;
        MAL_REQUIRE(!*found, MAL_E_INPUT, "HCLAkPub is there twice");
        *found = mal_json_at(keys, i);
    }
    MAL_REQUIRE(*found, MAL_E_INPUT, "the HCL runtime data has no HCLAkPub");
    return MAL_OK;
}

static mal_err get_integer(mal_buf *out, const mal_json *key,
                           const char *name) {
    const mal_json *value;
    MAL_TRY(mal_json_get(key, name, &value));
    return tpm_json_bytes(out, value, TPM_TEXT_BASE64URL, INTEGER_MAX);
}

mal_err hcl_ak(mal_pubkey **ak, const hcl_report *report) {
    MAL_AUTO(mal_json_auto) mal_json *runtime = NULL;
    MAL_AUTO(mal_buf_clear) mal_buf n = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf e = { 0 };
    const mal_json *key;
    const char *kty;
    MAL_TRY(mal_json_parse(&runtime, report->runtime, HCL_REPORT_MAX));
    MAL_TRY(find_key(&key, runtime));
    MAL_TRY(mal_json_get_str(key, "kty", &kty));
    MAL_REQUIRE(strcmp(kty, "RSA") == 0, MAL_E_UNSUPPORTED,
                "HCLAkPub is no RSA key");
    MAL_TRY(get_integer(&n, key, "n"));
    MAL_TRY(get_integer(&e, key, "e"));
    return mal_pubkey_rsa(ak, mal_buf_view(&n), mal_buf_view(&e));
}
