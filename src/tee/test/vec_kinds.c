/* vec_kinds.c - whose bytes these are, found out by looking. */
#include "tee_test.h"

TEST(evidence_of_each_kind_is_recognised_by_its_content) {
    static const struct {
        const char *file;
        mal_tee_kind kind;
    } files[] = {
        { "sgx/dcapqvl-sgx-quote-v3.bin", MAL_TEE_SGX_V3 },
        { "tdx/dcapqvl-tdx-quote-v4.bin", MAL_TEE_TDX_V4 },
        { "tdx/gotdx-quote-v5.bin", MAL_TEE_TDX_V5 },
        { "tdx/tdreport-coco.bin", MAL_TEE_TDX_REPORT },
        { "snp/coco-vcek-report.bin", MAL_TEE_SNP },
        { "snp/coco-vlek-report.bin", MAL_TEE_SNP },
        { "nitro/veracruz-doc.cose", MAL_TEE_NITRO },
        { "cca/rust-token-01.cbor", MAL_TEE_CCA },
        { "psa/veraison-psa-2_0_0-sign1.cbor", MAL_TEE_PSA },
        { "vtpm/coco-tpm-evidence.json", MAL_TEE_TPM2 },
        { "vtpm/swtpm-local/quote.msg", MAL_TEE_TPM2 },
        { "vtpm/azsnp-evidence-v1.json", MAL_TEE_AZ_SNP_VTPM },
        { "vtpm/azsnp-evidence-genoa.json", MAL_TEE_AZ_SNP_VTPM },
        { "vtpm/aztdx-evidence-v1.json", MAL_TEE_AZ_TDX_VTPM },
        { "ratls/ccc-gramine-cert.pem", MAL_TEE_RATLS },
        { "snp/coco-vcek.der", MAL_TEE_ANY },
        { "snp/gosev-milan-ask-ark.pem", MAL_TEE_ANY },
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        MAL_AUTO(tee_input_clear) tee_input t = { 0 };
        tee_load_file(&t.evidence, files[i].file);
        tee_judge(&t);
        CHECK_THAT(t.verdict.claims.kind == files[i].kind, "%s is taken for %s",
                   files[i].file, mal_tee_kind_name(t.verdict.claims.kind));
    }
}

TEST_MAIN
