/* snp_report.c - the attestation report of SEV-SNP, versions 2 to 5.
 *
 * One layout grew with its versions: what a version does not define must be
 * zero, so that no two readers can see different things in one report.
 *
 * Source: [AMD56860] structures ATTESTATION_REPORT, POLICY and TCB_VERSION.
 */
#include "snp_impl.h"

#include <string.h>

#define VERSION_MIN 2
#define VERSION_MAX 5
#define FLAGS_KNOWN 0x1fu
#define POLICY_KNOWN (((uint64_t)1 << 26) - 1)
#define POLICY_ONE ((uint64_t)1 << 17)
#define SIGNATURE_FIELD 72 /* r and s take so much each, little-endian */

static mal_bytes cut(mal_bytes bytes, size_t from, size_t len) {
    assert(from + len <= bytes.len);
    return mal_bytes_of(bytes.ptr + from, len);
}

static mal_err zero(mal_bytes bytes, size_t from, size_t to) {
    for (size_t i = from; i < to; i++)
        MAL_REQUIRE(bytes.ptr[i] == 0, MAL_E_INPUT,
                    "the report's byte 0x%zx must be zero", i);
    return MAL_OK;
}

static mal_err check_zeros(const snp_report *report, mal_bytes bytes) {
    size_t cpuid = report->version >= SNP_VERSION_CPUID ? 0x18b : 0x188;
    size_t vectors = report->version >= SNP_VERSION_MITIGATION ? 0x208 : 0x1f8;
    MAL_TRY(zero(bytes, 0x4c, 0x50));
    MAL_TRY(zero(bytes, cpuid, 0x1a0));
    MAL_TRY(zero(bytes, 0x1eb, 0x1ec));
    MAL_TRY(zero(bytes, 0x1ef, 0x1f0));
    MAL_TRY(zero(bytes, vectors, SNP_SIGNED_LEN));
    MAL_TRY(zero(bytes, SNP_SIGNED_LEN + 2 * SIGNATURE_FIELD, SNP_REPORT_LEN));
    MAL_REQUIRE(!(report->flags & ~FLAGS_KNOWN), MAL_E_INPUT,
                "the report's flags 0x%x have unknown bits", report->flags);
    MAL_REQUIRE(!(report->policy & ~POLICY_KNOWN) &&
                    (report->policy & POLICY_ONE),
                MAL_E_INPUT, "the guest policy 0x%llx has reserved bits",
                (unsigned long long)report->policy);
    return MAL_OK;
}

/* 72 bytes, little-endian, of which P-384 needs 48. */
static mal_err read_component(uint8_t *out, mal_bytes field) {
    MAL_TRY(zero(field, SNP_COMPONENT_LEN, SIGNATURE_FIELD));
    for (size_t i = 0; i < SNP_COMPONENT_LEN; i++)
        out[i] = field.ptr[SNP_COMPONENT_LEN - 1 - i];
    return MAL_OK;
}

static void read_words(snp_report *report, mal_bytes bytes) {
    const uint8_t *at = bytes.ptr;
    report->guest_svn = mal_load_u32le(at + 0x04);
    report->policy = mal_load_u64le(at + 0x08);
    report->vmpl = mal_load_u32le(at + 0x30);
    report->current_tcb = mal_load_u64le(at + 0x38);
    report->platform_info = mal_load_u64le(at + 0x40);
    report->flags = mal_load_u32le(at + 0x48);
    report->reported_tcb = mal_load_u64le(at + 0x180);
    report->cpu_family = at[0x188];
    report->cpu_model = at[0x189];
    report->cpu_stepping = at[0x18a];
    report->committed_tcb = mal_load_u64le(at + 0x1e0);
    memcpy(report->current_version, at + 0x1e8, 3);
    memcpy(report->committed_version, at + 0x1ec, 3);
    report->launch_tcb = mal_load_u64le(at + 0x1f0);
}

static void cut_fields(snp_report *report, mal_bytes bytes) {
    report->family_id = cut(bytes, 0x10, 16);
    report->image_id = cut(bytes, 0x20, 16);
    report->report_data = cut(bytes, 0x50, 64);
    report->measurement = cut(bytes, 0x90, 48);
    report->host_data = cut(bytes, 0xc0, 32);
    report->id_key_digest = cut(bytes, 0xe0, 48);
    report->author_key_digest = cut(bytes, 0x110, 48);
    report->report_id = cut(bytes, 0x140, 32);
    report->report_id_ma = cut(bytes, 0x160, 32);
    report->chip_id = cut(bytes, 0x1a0, 64);
    report->launch_mitigations = cut(bytes, 0x1f8, 8);
    report->current_mitigations = cut(bytes, 0x200, 8);
    report->signed_part = cut(bytes, 0, SNP_SIGNED_LEN);
}

mal_err snp_report_parse(snp_report *report, mal_bytes bytes) {
    memset(report, 0, sizeof *report);
    MAL_REQUIRE(bytes.len == SNP_REPORT_LEN, MAL_E_INPUT,
                "an SNP report has %d bytes, not %zu", SNP_REPORT_LEN,
                bytes.len);
    report->version = mal_load_u32le(bytes.ptr);
    report->signature_algo = mal_load_u32le(bytes.ptr + 0x34);
    MAL_REQUIRE(report->version >= VERSION_MIN &&
                    report->version <= VERSION_MAX,
                MAL_E_UNSUPPORTED, "SNP report version %u is not supported",
                report->version);
    MAL_REQUIRE(report->signature_algo == SNP_ECDSA_P384_SHA384,
                MAL_E_UNSUPPORTED, "signature algorithm %u is not supported",
                report->signature_algo);
    read_words(report, bytes);
    cut_fields(report, bytes);
    MAL_TRY(check_zeros(report, bytes));
    MAL_TRY(read_component(report->signature,
                           cut(bytes, SNP_SIGNED_LEN, SIGNATURE_FIELD)));
    MAL_TRY(read_component(
        report->signature + SNP_COMPONENT_LEN,
        cut(bytes, SNP_SIGNED_LEN + SIGNATURE_FIELD, SIGNATURE_FIELD)));
    return MAL_OK;
}

snp_tcb snp_tcb_of(uint64_t word, snp_product product) {
    uint8_t b[8];
    mal_store_u64le(b, word);
    if (product == SNP_TURIN)
        return (snp_tcb){ .fmc = b[0],
                          .bootloader = b[1],
                          .tee = b[2],
                          .snp = b[3],
                          .microcode = b[7] };
    return (snp_tcb){
        .bootloader = b[0], .tee = b[1], .snp = b[6], .microcode = b[7]
    };
}

bool snp_product_has(snp_product product, uint8_t family, uint8_t model) {
    uint8_t line = model >> 4; /* the extended model */
    switch (product) {
    case SNP_MILAN:
        return family == 0x19 && line == 0x0;
    case SNP_GENOA:
        return family == 0x19 && (line == 0x1 || line == 0xa);
    case SNP_TURIN:
        return family == 0x1a && (line == 0x0 || line == 0x1);
    default:
        return false;
    }
}
