/* vec_tpm.c - quotes of TPMs, by themselves and under Azure's hardware. */
#include "tee_test.h"
#include "tpm_impl.h"

#define MILAN                                                                  \
    "amd-ark-milan:"                                                           \
    "69d063b45344d26a2e94e1f4210de49ef555308287d4c174445c95639a540bcd"

static const tee_case local = {
    MAL_TEE_TPM2,
    "vtpm/swtpm-local/quote.msg",
    { "vtpm/swtpm-local/quote.sig", "vtpm/swtpm-local/ak.pem" },
    "enrolled-ak",
    "2026-11-22T00:00:00Z",
};
static const tee_case coco = {
    MAL_TEE_TPM2,  "vtpm/coco-tpm-evidence.json", { NULL },
    "enrolled-ak", "2026-11-22T00:00:00Z",
};
static const tee_case azure = {
    MAL_TEE_AZ_SNP_VTPM,
    "vtpm/azsnp-evidence-v1.json",
    { "snp/gosev-milan-ask-ark.pem" },
    MILAN,
    "2025-06-01T00:00:00Z",
};

/* --- Plain quotes ------------------------------------------------------------
 */

TEST(a_quote_is_for_its_nonce_alone) {
    MAL_AUTO(tee_input_clear) tee_input t;
    MAL_AUTO(mal_buf_clear) mal_buf hex = { 0 };
    const char *text;
    uint8_t nonce[32];
    tee_load(&t, &local);
    tee_load_file(&hex, "vtpm/swtpm-local/nonce.hex");
    CHECK_OK(mal_buf_cstr(&hex, &text));
    hex.ptr[64] = 0;
    CHECK_OK(mal_hex_decode(nonce, sizeof nonce, text));
    t.in.nonce = mal_bytes_of(nonce, sizeof nonce);
    t.in.has_nonce = true;
    CHECK_CODE(&t, MAL_TEE_OK);
    nonce[0] ^= 1;
    CHECK_CODE(&t, MAL_TEE_NONCE);
}

TEST(refuse_each_flipped_bit_of_a_quote_its_signature_and_its_key) {
    MAL_AUTO(tee_input_clear) tee_input t;
    tee_load(&t, &local);
    tee_check_flips(&t, &t.evidence, 0, t.evidence.len, 1);
    tee_check_flips(&t, &t.endorsements[0], 0, t.endorsements[0].len, 1);
}

TEST(refuse_quotes_cut_at_each_byte) {
    MAL_AUTO(tee_input_clear) tee_input t;
    tee_load(&t, &local);
    tee_check_cuts(&t, &t.evidence, 1);
    tee_check_cuts(&t, &t.endorsements[0], 1);
    tee_check_cuts(&t, &t.endorsements[1], 1);
    tee_input_clear(&t);
    tee_load(&t, &coco);
    tee_check_cuts(&t, &t.evidence, 1);
}

TEST(refuse_a_key_that_is_not_the_enrolled_one) {
    MAL_AUTO(tee_input_clear) tee_input t;
    tee_case other = coco;
    tee_load(&t, &coco);
    CHECK_CODE(&t, MAL_TEE_OK);
    other.endorsements[0] = "vtpm/swtpm-local/ak.pem";
    tee_input_clear(&t);
    tee_load(&t, &other);
    CHECK_CODE(&t, MAL_TEE_BAD_CHAIN);
    CHECK_OK(mal_tee_anchor_parse(&t.in.anchor, MILAN));
    t.in.n_endorsements = 0;
    CHECK_CODE(&t, MAL_TEE_BAD_CHAIN);
}

TEST(an_anchor_may_name_the_enrolled_key) {
    MAL_AUTO(tee_input_clear) tee_input t;
    char anchor[128] = "enrolled-ak:";
    tee_load(&t, &coco);
    CHECK_CODE(&t, MAL_TEE_OK);
    CHECK_EQ(t.verdict.claims.platform_id.len, 32);
    CHECK(!t.verdict.claims.hardware); /* who knows? */
    mal_hex_encode(anchor + 12, t.verdict.claims.platform_id);
    CHECK_OK(mal_tee_anchor_parse(&t.in.anchor, anchor));
    CHECK_CODE(&t, MAL_TEE_OK);
    t.in.anchor.hash.b[31] ^= 1;
    CHECK_CODE(&t, MAL_TEE_BAD_CHAIN);
}

TEST(refuse_a_quote_without_signature_or_key) {
    MAL_AUTO(tee_input_clear) tee_input t;
    tee_load(&t, &local);
    t.in.n_endorsements = 1;
    CHECK_CODE(&t, MAL_TEE_COLLATERAL_MISSING);
    t.in.n_endorsements = 0;
    CHECK_CODE(&t, MAL_TEE_COLLATERAL_MISSING);
}

/* Every PCR in the evidence is quoted: none may change, none may be left out.
 */
TEST(refuse_pcrs_that_were_not_quoted) {
    MAL_AUTO(tee_input_clear) tee_input t;
    tee_load(&t, &coco);
    CHECK_CODE(&t, MAL_TEE_OK);
    uint8_t *pcrs = memmem(t.evidence.ptr, t.evidence.len, "\"pcrs\"", 6);
    CHECK(pcrs);
    uint8_t *digit = memchr(pcrs + 8, '0', 64);
    CHECK(digit);
    *digit = '1';
    CHECK_CODE(&t, MAL_TEE_BINDING);
}

static void parse(tpm_quote *quote, mal_buf *bytes) {
    tee_load_file(bytes, "vtpm/swtpm-local/quote.msg");
    CHECK_OK(tpm_quote_parse(quote, mal_buf_view(bytes)));
}

TEST(the_quoted_digest_is_that_of_three_pcrs) {
    MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf hex = { 0 };
    static const uint8_t zero[32];
    uint8_t extended[64] = { 0 };
    mal_prim_hash pcr16;
    tpm_pcrs pcrs = { .hash = TPM_ALG_SHA256, .n = TPM_PCRS };
    tpm_quote quote;
    const char *text;
    parse(&quote, &bytes);
    CHECK_EQ(quote.n_banks, 1);
    CHECK_EQ(quote.banks[0].hash, TPM_ALG_SHA256);
    CHECK_EQ(quote.banks[0].mask, 1 << 0 | 1 << 7 | 1 << 16);
    tee_load_file(&hex, "vtpm/swtpm-local/m.hex");
    CHECK_OK(mal_buf_cstr(&hex, &text));
    hex.ptr[64] = 0;
    CHECK_OK(mal_hex_decode(extended + 32, 32, text));
    mal_prim_sha256_of(&pcr16, mal_bytes_of(extended, sizeof extended));
    pcrs.value[0] = pcrs.value[7] = mal_bytes_of(zero, 32);
    CHECK_ERR(tpm_pcrs_check(&quote, &pcrs), MAL_E_MISSING);
    pcrs.value[16] = mal_bytes_of(zero, 32);
    CHECK_ERR(tpm_pcrs_check(&quote, &pcrs), MAL_E_AUTH);
    pcrs.value[16] = mal_bytes_of(pcr16.b, 32);
    CHECK_OK(tpm_pcrs_check(&quote, &pcrs));
    pcrs.hash = TPM_ALG_SHA384;
    CHECK_ERR(tpm_pcrs_check(&quote, &pcrs), MAL_E_UNSUPPORTED);
}

TEST(refuse_what_is_no_quote) {
    MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
    tpm_quote quote;
    parse(&quote, &bytes);
    bytes.ptr[0] ^= 1; /* TPM_GENERATED_VALUE */
    CHECK_ERR(tpm_quote_parse(&quote, mal_buf_view(&bytes)), MAL_E_INPUT);
    bytes.ptr[0] ^= 1;
    bytes.ptr[5] = 0x17; /* TPM_ST_ATTEST_CERTIFY */
    CHECK_ERR(tpm_quote_parse(&quote, mal_buf_view(&bytes)), MAL_E_INPUT);
    bytes.ptr[5] = 0x18;
    CHECK_OK(mal_buf_put_u8(&bytes, 0));
    CHECK_ERR(tpm_quote_parse(&quote, mal_buf_view(&bytes)), MAL_E_INPUT);
}

/* --- Azure -------------------------------------------------------------------
 */

TEST(azure_s_evidence_holds_while_its_vcek_does) {
    MAL_AUTO(tee_input_clear) tee_input t;
    tee_load(&t, &azure);
    t.in.nonce = mal_bytes_str("challenge");
    t.in.has_nonce = true;
    CHECK_CODE(&t, MAL_TEE_OK);
    CHECK(t.verdict.claims.hardware);
    CHECK_CODE_AT(&t, "2025-01-27T00:00:00Z", MAL_TEE_NOT_YET_VALID);
    CHECK_CODE_AT(&t, "2032-01-29T00:00:00Z", MAL_TEE_EXPIRED);
    CHECK_OK(mal_time_parse(&t.in.time, azure.time));
    t.in.nonce = mal_bytes_str("Challenge");
    CHECK_CODE(&t, MAL_TEE_NONCE);
}

/* The text is hex and base64: each character but those of what is not signed.
 */
TEST(refuse_changed_characters_of_azure_s_evidence) {
    MAL_AUTO(tee_input_clear) tee_input t;
    static const char *const members[] = { "\"message\": ", "\"signature\": ",
                                           "\"vcek\": " };
    tee_load(&t, &azure);
    CHECK_CODE(&t, MAL_TEE_OK);
    for (size_t m = 0; m < sizeof members / sizeof *members; m++) {
        uint8_t *at = memmem(t.evidence.ptr, t.evidence.len, members[m],
                             strlen(members[m]));
        if (!at) /* compact text */
            at = memmem(t.evidence.ptr, t.evidence.len, members[m],
                        strlen(members[m]) - 1);
        CHECK(at);
        at = memchr(memchr(at, ':', 32), '"', 32);
        CHECK(at);
        size_t end = strcspn((const char *)at + 1, "\"") + 1;
        for (size_t i = 1; i < end; i += tee_flip_step(7)) {
            uint8_t was = at[i];
            at[i] = was == 'A'   ? 'B'
                    : was == '1' ? '2'
                    : was >= 'a' ? '1'
                                 : 'A';
            CHECK_THAT(tee_judge(&t) != MAL_TEE_OK,
                       "%s: character %zu may change", members[m], i);
            at[i] = was;
        }
    }
}

TEST(refuse_azure_s_evidence_cut_anywhere) {
    MAL_AUTO(tee_input_clear) tee_input t;
    tee_load(&t, &azure);
    tee_check_cuts(&t, &t.evidence, 1);
}

TEST(refuse_azure_s_evidence_as_that_of_other_hardware) {
    MAL_AUTO(tee_input_clear) tee_input t;
    tee_load(&t, &azure);
    t.in.kind = MAL_TEE_AZ_TDX_VTPM;
    CHECK_CODE(&t, MAL_TEE_MALFORMED);
}

static const tee_case azure_tdx = {
    MAL_TEE_AZ_TDX_VTPM,
    "vtpm/aztdx-evidence-v1.json",
    { NULL },
    "intel-sgx-root:"
    "44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3",
    "2025-06-01T00:00:00Z",
};

TEST(azure_s_tdx_holds_while_its_pck_does_and_tells_that_collateral_lacks) {
    MAL_AUTO(tee_input_clear) tee_input t;
    tee_load(&t, &azure_tdx);
    t.in.nonce = mal_bytes_str("challenge");
    t.in.has_nonce = true;
    CHECK_CODE(&t, MAL_TEE_OK);
    CHECK(!t.verdict.claims.collateral && !t.verdict.claims.tcb.status);
    CHECK(mal_tee_fact_find(&t.verdict.claims, "pcr0"));
    CHECK_CODE_AT(&t, "2023-09-12T00:00:00Z", MAL_TEE_NOT_YET_VALID);
    CHECK_CODE_AT(&t, "2030-09-14T00:00:00Z", MAL_TEE_EXPIRED);
    CHECK_OK(mal_time_parse(&t.in.time, azure_tdx.time));
    t.in.nonce = mal_bytes_str("another");
    CHECK_CODE(&t, MAL_TEE_NONCE);
}

TEST(refuse_azure_s_tdx_cut_anywhere) {
    MAL_AUTO(tee_input_clear) tee_input t;
    tee_load(&t, &azure_tdx);
    tee_check_cuts(&t, &t.evidence, 7);
}

/* --- The HCL report ----------------------------------------------------------
 */

static void load_hcl(hcl_report *hcl, mal_buf *bytes, const char *name) {
    tee_load_file(bytes, name);
    CHECK_OK(hcl_report_parse(hcl, mal_buf_view(bytes)));
}

TEST(runtime_data_is_bound_to_the_report_and_holds_the_key) {
    MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf pem = { 0 };
    MAL_AUTO(mal_pubkey_auto) mal_pubkey *ak = NULL;
    MAL_AUTO(mal_pubkey_auto) mal_pubkey *known = NULL;
    hcl_report hcl;
    load_hcl(&hcl, &bytes, "vtpm/kinvolk-hcl-report-snp.bin");
    CHECK_EQ(hcl.type, HCL_SNP);
    mal_bytes data = mal_bytes_of(hcl.hardware.ptr + 0x50, 64);
    CHECK_OK(hcl_binding_check(&hcl, data));
    CHECK_OK(hcl_ak(&ak, &hcl));
    tee_load_file(&pem, "vtpm/kinvolk-akpub.pem");
    CHECK_OK(mal_pubkey_parse_pem(&known, mal_buf_view(&pem)));
    CHECK(!mal_pubkey_same(ak, known)); /* of another machine */
    for (size_t i = 0; i < hcl.runtime.len; i++) {
        uint8_t *at = (uint8_t *)hcl.runtime.ptr + i;
        *at ^= 1;
        CHECK_ERR(hcl_binding_check(&hcl, data), MAL_E_AUTH);
        *at ^= 1;
    }
}

TEST(refuse_hcl_reports_cut_or_with_other_lengths) {
    MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
    hcl_report hcl;
    load_hcl(&hcl, &bytes, "vtpm/aztdx-hcl-report.bin");
    CHECK_EQ(hcl.type, HCL_TDX);
    size_t used = (size_t)(hcl.runtime.ptr - bytes.ptr) + hcl.runtime.len;
    for (size_t len = 0; len < used; len++)
        CHECK_ERR(hcl_report_parse(&hcl, mal_bytes_of(bytes.ptr, len)),
                  MAL_E_INPUT);
    static const size_t words[] = { 0, 8, 1216, 1232 };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        bytes.ptr[words[i]] ^= 1;
        CHECK_ERR(hcl_report_parse(&hcl, mal_buf_view(&bytes)), MAL_E_INPUT);
        bytes.ptr[words[i]] ^= 1;
    }
    bytes.ptr[4] = 3;
    CHECK_ERR(hcl_report_parse(&hcl, mal_buf_view(&bytes)), MAL_E_UNSUPPORTED);
}

TEST_MAIN
