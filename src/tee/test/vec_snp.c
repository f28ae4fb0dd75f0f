/* vec_snp.c - reports of real chips, judged before, inside and after the life
 * of their keys; what must be refused with them. */
#include "snp_impl.h"
#include "tee_test.h"

#define MILAN                                                                  \
    "amd-ark-milan:"                                                           \
    "69d063b45344d26a2e94e1f4210de49ef555308287d4c174445c95639a540bcd"
#define GENOA                                                                  \
    "amd-ark-genoa:"                                                           \
    "4c6598d19c18719c5dfd4a7d335f674e5bfe1d8f800cea2cf270c10d103db2f1"

static const tee_case vcek = {
    MAL_TEE_SNP,
    "snp/coco-vcek-report.bin",
    { "snp/coco-vcek.der", "snp/gosev-milan-ask-ark.pem" },
    MILAN,
    "2025-06-01T00:00:00Z",
};
static const tee_case vlek = {
    MAL_TEE_SNP,
    "snp/coco-vlek-report.bin",
    { "snp/coco-vlek.der", "snp/gosev-milan-asvk-ark.pem" },
    MILAN,
    "2025-06-01T00:00:00Z",
};
static const tee_case genoa = {
    MAL_TEE_SNP,
    "snp/coco-genoa-report-from-azure-hcl.bin",
    { "snp/coco-genoa-vcek-from-azure.pem",
      "snp/gosev-trust-ask_ark_genoa.pem" },
    GENOA,
    "2025-06-01T00:00:00Z",
};
static const tee_case debug = {
    MAL_TEE_SNP,
    "snp/gosev-milan-report.bin",
    { "snp/gosev-milan-vcek.der", "snp/gosev-milan-ask-ark.pem" },
    MILAN,
    "2025-06-01T00:00:00Z",
};

#define FLAGS_AT 0x48
#define SIGNATURE_AT 0x2a0

/* --- Accepted ---------------------------------------------------------------
 */

TEST(a_report_holds_while_its_vcek_does) {
    MAL_AUTO(tee_input_clear) tee_input t;
    tee_load(&t, &vcek);
    CHECK_CODE(&t, MAL_TEE_OK);
    CHECK_CODE_AT(&t, "2023-01-23T00:00:00Z", MAL_TEE_NOT_YET_VALID);
    CHECK_CODE_AT(&t, "2030-01-25T00:00:00Z", MAL_TEE_EXPIRED);
    CHECK(t.verdict.authentic);
}

TEST(a_vlek_lives_for_a_year) {
    MAL_AUTO(tee_input_clear) tee_input t;
    tee_load(&t, &vlek);
    CHECK_CODE(&t, MAL_TEE_OK);
    CHECK_EQ(t.verdict.claims.platform_id.len, 0); /* masked */
    CHECK_STR(mal_tee_fact_find(&t.verdict.claims, "key")->text, "VLEK");
    CHECK_EQ(mal_tee_fact_find(&t.verdict.claims, "vmpl")->number, 1);
    CHECK_CODE_AT(&t, "2024-12-09T00:00:00Z", MAL_TEE_NOT_YET_VALID);
    CHECK_CODE_AT(&t, "2025-12-11T00:00:00Z", MAL_TEE_EXPIRED);
}

TEST(the_reported_tcb_is_judged_and_not_the_current_one) {
    MAL_AUTO(tee_input_clear) tee_input t;
    tee_load(&t, &vcek);
    CHECK_CODE(&t, MAL_TEE_OK);
    CHECK_STR(mal_tee_fact_find(&t.verdict.claims, "reported_tcb")->text,
              "3.0.8.115");
    CHECK_STR(mal_tee_fact_find(&t.verdict.claims, "current_tcb")->text,
              "3.0.8.206");
    CHECK_STR(t.verdict.claims.product, "Milan");
    CHECK_EQ(t.verdict.claims.measurement.len, 48);
    CHECK_EQ(t.verdict.claims.platform_id.len, 64);
}

TEST(genoa_has_its_own_root) {
    MAL_AUTO(tee_input_clear) tee_input t;
    tee_load(&t, &genoa);
    CHECK_CODE(&t, MAL_TEE_OK);
    CHECK_STR(t.verdict.claims.product, "Genoa");
    CHECK_OK(mal_tee_anchor_parse(&t.in.anchor, MILAN));
    CHECK_CODE(&t, MAL_TEE_BAD_CHAIN);
    CHECK(!t.verdict.authentic);
    CHECK_EQ(t.verdict.claims.measurement.len, 0);
}

TEST(a_nonce_is_the_report_s_data) {
    MAL_AUTO(tee_input_clear) tee_input t;
    uint8_t nonce[64];
    tee_load(&t, &vcek);
    memcpy(nonce, t.evidence.ptr + 0x50, sizeof nonce);
    t.in.nonce = mal_bytes_of(nonce, sizeof nonce);
    t.in.has_nonce = true;
    CHECK_CODE(&t, MAL_TEE_OK);
    nonce[63] ^= 1;
    CHECK_CODE(&t, MAL_TEE_NONCE);
    t.in.nonce.len = 0; /* of no length: only data of zeros would do */
    CHECK_CODE(&t, MAL_TEE_NONCE);
}

TEST(a_leaf_of_turin_has_a_short_chip_id_and_its_own_order_of_the_tcb) {
    MAL_AUTO(mal_buf_clear) mal_buf der = { 0 };
    MAL_AUTO(mal_cert_auto) mal_cert *cert = NULL;
    snp_leaf leaf;
    tee_load_file(&der, "snp/virtee-turin-vcek.der");
    CHECK_OK(mal_cert_parse(&cert, mal_buf_view(&der)));
    CHECK(snp_leaf_is(cert));
    CHECK_OK(snp_leaf_read(&leaf, cert));
    CHECK_EQ(leaf.product, SNP_TURIN);
    CHECK_EQ(leaf.chip_id.len, 8);
    CHECK_EQ(leaf.signer, SNP_SIGNER_VCEK);
    snp_tcb tcb = snp_tcb_of(leaf.tcb, SNP_TURIN);
    CHECK_EQ(leaf.tcb & 0xff, tcb.fmc);
    CHECK_EQ(leaf.tcb >> 56, tcb.microcode);
    /* A report with this chip, TCB and processor would fit; one bit less not.
     */
    uint8_t id[64] = { 0 };
    memcpy(id, leaf.chip_id.ptr, 8);
    snp_report report = { .version = 5,
                          .reported_tcb = leaf.tcb,
                          .cpu_family = 0x1a,
                          .cpu_model = 0x02,
                          .chip_id = mal_bytes_of(id, sizeof id) };
    CHECK_OK(snp_leaf_fits(&leaf, &report));
    id[8] = 1;
    CHECK_ERR(snp_leaf_fits(&leaf, &report), MAL_E_AUTH);
    id[8] = 0;
    report.reported_tcb ^= 1;
    CHECK_ERR(snp_leaf_fits(&leaf, &report), MAL_E_AUTH);
    report.reported_tcb ^= 1;
    report.cpu_family = 0x19;
    CHECK_ERR(snp_leaf_fits(&leaf, &report), MAL_E_AUTH);
}

/* --- Refused ----------------------------------------------------------------
 */

TEST(refuse_each_flipped_bit_of_a_report) {
    MAL_AUTO(tee_input_clear) tee_input t;
    tee_load(&t, &vcek);
    tee_check_flips(&t, &t.evidence, 0, SIGNATURE_AT, 13);
    tee_check_flips(&t, &t.evidence, SIGNATURE_AT, SNP_REPORT_LEN, 3);
}

TEST(refuse_each_flipped_bit_of_a_vlek_s_report) {
    MAL_AUTO(tee_input_clear) tee_input t;
    tee_load(&t, &vlek);
    tee_check_flips(&t, &t.evidence, 0, SNP_REPORT_LEN, 29);
}

TEST(refuse_each_flipped_bit_of_a_leaf) {
    MAL_AUTO(tee_input_clear) tee_input t;
    tee_load(&t, &vcek);
    tee_check_flips(&t, &t.endorsements[0], 0, t.endorsements[0].len, 5);
}

TEST(refuse_reports_cut_or_continued) {
    MAL_AUTO(tee_input_clear) tee_input t;
    tee_load(&t, &vcek);
    tee_check_cuts(&t, &t.evidence, 1);
    CHECK_OK(mal_buf_put_u8(&t.evidence, 0));
    CHECK_CODE(&t, MAL_TEE_MALFORMED);
}

TEST(refuse_leaves_cut_at_each_byte) {
    MAL_AUTO(tee_input_clear) tee_input t;
    tee_load(&t, &vcek);
    tee_check_cuts(&t, &t.endorsements[0], 1);
}

TEST(refuse_a_debugged_guest_whatever_the_time) {
    MAL_AUTO(tee_input_clear) tee_input t;
    tee_load(&t, &debug);
    CHECK_CODE(&t, MAL_TEE_DEBUG);
    CHECK(t.verdict.authentic && t.verdict.claims.debug);
    CHECK_CODE_AT(&t, "2035-01-01T00:00:00Z", MAL_TEE_DEBUG);
}

TEST(refuse_a_forged_report_as_such_whatever_the_time) {
    MAL_AUTO(tee_input_clear) tee_input t;
    tee_load(&t, &vcek);
    t.evidence.ptr[0x90] ^= 1;
    CHECK_CODE_AT(&t, "2035-01-01T00:00:00Z", MAL_TEE_BAD_SIGNATURE);
}

TEST(refuse_a_report_without_its_leaf_or_its_chain) {
    MAL_AUTO(tee_input_clear) tee_input t;
    tee_load(&t, &vcek);
    t.in.n_endorsements = 1;
    CHECK_CODE(&t, MAL_TEE_BAD_CHAIN);
    t.in.n_endorsements = 0;
    CHECK_CODE(&t, MAL_TEE_COLLATERAL_MISSING);
}

TEST(refuse_versions_algorithms_and_reserved_bits) {
    MAL_AUTO(tee_input_clear) tee_input t;
    tee_load(&t, &vcek);
    t.evidence.ptr[0] = 1;
    CHECK_CODE(&t, MAL_TEE_UNSUPPORTED);
    t.evidence.ptr[0] = 6;
    CHECK_CODE(&t, MAL_TEE_UNSUPPORTED);
    t.evidence.ptr[0] = 2;
    t.evidence.ptr[0x34] = 2;
    CHECK_CODE(&t, MAL_TEE_UNSUPPORTED);
    t.evidence.ptr[0x34] = 1;
    t.evidence.ptr[0x0a] ^= 2; /* bit 17 of the policy is one */
    CHECK_CODE(&t, MAL_TEE_MALFORMED);
    t.evidence.ptr[0x0a] ^= 2;
    t.evidence.ptr[0x188] = 0x19; /* a family, which version 2 does not have */
    CHECK_CODE(&t, MAL_TEE_MALFORMED);
    t.evidence.ptr[0x188] = 0;
    t.evidence.ptr[FLAGS_AT] = 0x20;
    CHECK_CODE(&t, MAL_TEE_MALFORMED);
}

TEST(refuse_a_report_that_says_it_is_not_signed) {
    MAL_AUTO(tee_input_clear) tee_input t;
    tee_load(&t, &vcek);
    t.evidence.ptr[FLAGS_AT] = SNP_FLAG_MASK_CHIP_KEY;
    CHECK_CODE(&t, MAL_TEE_BAD_SIGNATURE);
    t.evidence.ptr[FLAGS_AT] = SNP_SIGNER_NONE << 2;
    CHECK_CODE(&t, MAL_TEE_BAD_SIGNATURE);
}

/* Both leaves offered: the one of the kind that the report names counts. */
TEST(the_leaf_of_the_right_kind_is_found_among_others) {
    MAL_AUTO(tee_input_clear) tee_input t;
    tee_case both = vlek;
    both.endorsements[0] = "snp/coco-vcek.der";
    both.endorsements[1] = "snp/coco-vlek.der";
    both.endorsements[2] = "snp/gosev-milan-asvk-ark.pem";
    tee_load(&t, &both);
    CHECK_CODE(&t, MAL_TEE_OK);
}

TEST_MAIN
