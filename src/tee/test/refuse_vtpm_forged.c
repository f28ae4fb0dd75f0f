/* refuse_vtpm_forged.c - TPMs and hardware of our own: each way in which a
 * quote or what stands around it is wrong has its code.  Everything that is not
 * said is good. */
#include "vtpm_forge.h"

#define JUDGED(sentence, of, code, ...)                                        \
    TEST(sentence) {                                                           \
        static vtpm v_;                                                        \
        vtpm *v = &v_;                                                         \
        vtpm_init(v, of);                                                      \
        __VA_ARGS__                                                            \
        const char *found = vtpm_judge(v);                                     \
        CHECK_THAT(strcmp(found, code) == 0, "%s, not %s: %s", found, code,    \
                   v->verdict.detail);                                         \
    }
#define TPM MAL_TEE_TPM2
#define AZURE MAL_TEE_AZ_SNP_VTPM

static const window old = { NOW - 10 * DAY, NOW - DAY };
static const window young = { NOW + DAY, NOW + 10 * DAY };

/* --- Good ones ---------------------------------------------------------------
 */

JUDGED(a_plain_rsa_signature_is_accepted, TPM, "ok", )
JUDGED(a_tpmt_of_rsassa_is_accepted, TPM, "ok", v->form = RSA_TPMT;)
JUDGED(a_tpmt_of_rsapss_is_accepted, TPM, "ok", v->form = RSA_TPMT_PSS;)
JUDGED(a_signature_over_sha384_is_accepted, TPM, "ok",
       v->form = RSA_TPMT_SHA384;)
JUDGED(an_ecdsa_signature_in_der_is_accepted, TPM, "ok", v->form = EC_DER;)
JUDGED(a_tpmt_of_ecdsa_is_accepted, TPM, "ok", v->form = EC_TPMT;)
JUDGED(a_tpmt_on_p384_is_accepted, TPM, "ok", v->form = EC_TPMT_384;)
JUDGED(a_quote_over_some_pcrs_is_accepted, TPM, "ok", v->mask = 0x010081;)
JUDGED(pcrs_that_are_not_quoted_are_idle, TPM, "ok", v->mask = 0x010081;
       v->changed_pcr = 5;)
JUDGED(a_quote_over_no_pcr_is_one, TPM, "ok", v->mask = 0; v->n_told = 0;)
JUDGED(a_digest_under_sha384_is_accepted, TPM, "ok", v->digest_len = 48;
       v->form = RSA_TPMT_SHA384;)
JUDGED(a_bank_of_sha384_is_accepted, TPM, "ok", v->bank = 0x000c;
       v->pcr_len = 48;)
JUDGED(a_bank_of_sha512_is_accepted, TPM, "ok", v->bank = 0x000d;
       v->pcr_len = 64; v->digest_len = 64;)
JUDGED(azure_s_envelope_is_accepted, AZURE, "ok", )
JUDGED(azure_s_old_envelope_is_accepted, AZURE, "ok", v->arrays = true;
       v->hcl_version = 1;)
JUDGED(padding_after_the_runtime_data_is_idle, AZURE, "ok", v->hcl_tail = true;)
JUDGED(azure_s_nonce_is_the_quote_s, AZURE, "ok", v->nonce = "challenge";)

/* Many, so that some r or s begins with a zero. */
TEST(a_tpmt_may_leave_leading_zeros_out) {
    static vtpm v;
    for (int i = 0; i < 400; i++) {
        vtpm_init(&v, TPM);
        v.form = EC_TPMT;
        CHECK_STR(vtpm_judge(&v), "ok");
    }
}

/* --- The quote ---------------------------------------------------------------
 */

JUDGED(refuse_a_quote_by_another_key, TPM, "bad-signature", v->signed_by = 1;)
JUDGED(refuse_an_ec_quote_by_another_key, TPM, "bad-signature",
       v->form = EC_TPMT;
       v->signed_by = 1;)
JUDGED(refuse_a_signature_with_a_byte_behind, TPM, "bad-signature",
       v->sig_tail = true;)
JUDGED(refuse_a_tpmt_with_a_byte_behind, TPM, "bad-signature",
       v->form = RSA_TPMT;
       v->sig_tail = true;)
JUDGED(refuse_a_der_signature_with_a_byte_behind, TPM, "bad-signature",
       v->form = EC_DER;
       v->sig_tail = true;)
JUDGED(refuse_a_signature_that_is_too_long, TPM, "bad-signature",
       v->sig_long = true;)
JUDGED(refuse_sha1, TPM, "unsupported", v->form = RSA_TPMT_SHA1;)
JUDGED(refuse_what_no_tpm_generated, TPM, "malformed",
       v->generated = 0xff544348;)
JUDGED(refuse_a_certification_for_a_quote, TPM, "malformed",
       v->quote_type = 0x8017;)
JUDGED(refuse_a_quote_with_a_byte_behind, TPM, "malformed",
       v->quote_tail = true;)
JUDGED(refuse_a_clock_of_a_third_kind, TPM, "malformed", v->safe_2 = true;)
JUDGED(refuse_five_banks, TPM, "malformed", v->n_banks = 5;)
JUDGED(refuse_a_pcr_above_23, TPM, "malformed", v->mask |= 1u << 24;)
JUDGED(refuse_another_nonce, TPM, "nonce", v->nonce = "Challenge";)
JUDGED(refuse_a_longer_nonce, TPM, "nonce", v->nonce = "challenges";)
JUDGED(refuse_a_shorter_nonce, TPM, "nonce", v->nonce = "challeng";)
JUDGED(refuse_a_digest_of_other_pcrs, TPM, "binding", v->other_digest = true;)
JUDGED(refuse_a_changed_pcr, TPM, "binding", v->changed_pcr = 0;)
JUDGED(refuse_a_changed_last_pcr, TPM, "binding", v->changed_pcr = 23;)
JUDGED(refuse_a_pcr_that_is_not_told, TPM, "malformed", v->n_told = 23;)
JUDGED(refuse_more_pcrs_than_there_are, TPM, "malformed", v->n_told = 25;)
JUDGED(refuse_a_bank_of_sha1, TPM, "malformed", v->bank = 0x0004;
       v->pcr_len = 20;)
JUDGED(refuse_a_digest_of_no_hash, TPM, "unsupported", v->digest_len = 31;)
JUDGED(refuse_another_bank, TPM, "unsupported", v->bank = 0x000c;)
JUDGED(refuse_a_quote_without_pcrs, TPM, "malformed", v->omit = "pcrs";)
JUDGED(refuse_a_quote_without_its_message, TPM, "malformed",
       v->omit = "message";)
JUDGED(refuse_a_quote_without_its_signature, TPM, "malformed",
       v->omit = "signature";)
JUDGED(refuse_a_quote_without_a_key, TPM, "malformed", v->omit = "ak_public";)
JUDGED(refuse_a_key_that_nobody_enrolled, TPM, "bad-chain",
       v->anchor = "given-key";)

JUDGED(refuse_a_key_of_another_hash_than_the_anchor_s, TPM, "bad-chain",
       v->anchor = "enrolled-ak:"
                   "0000000000000000000000000000000000000000000000000000000"
                   "000000000";)

/* --- Hardware under the vTPM -------------------------------------------------
 */

JUDGED(refuse_a_quote_by_another_key_than_the_runtime_s, AZURE, "bad-signature",
       v->signed_by = 1;)
JUDGED(refuse_a_runtime_with_the_other_key, AZURE, "bad-signature",
       v->ak_shown = 1;)
JUDGED(refuse_runtime_data_that_the_hardware_does_not_hold, AZURE, "binding",
       v->unbound = true;)
JUDGED(refuse_report_data_with_more_than_the_hash, AZURE, "binding",
       v->long_binding = true;)
JUDGED(refuse_a_report_by_another_chip, AZURE, "bad-signature",
       v->snp.signed_by = OTHER_CHIP;)
JUDGED(refuse_a_leaf_by_a_stranger, AZURE, "bad-chain",
       v->snp.leaf_by = STRANGER;)
JUDGED(refuse_another_tcb, AZURE, "binding", v->snp.report[0x187] ^= 1;)
JUDGED(refuse_a_guest_under_debug, AZURE, "debug", v->snp.report[0x0a] |= 8;)
JUDGED(refuse_an_old_leaf, AZURE, "expired", v->snp.leaf_life = old;)
JUDGED(refuse_a_leaf_of_tomorrow, AZURE, "not-yet-valid",
       v->snp.leaf_life = young;)
JUDGED(an_old_leaf_under_a_forged_quote_is_a_forgery, AZURE, "bad-signature",
       v->snp.leaf_life = old;
       v->signed_by = 1;)
JUDGED(refuse_a_changed_pcr_of_azure_s, AZURE, "binding", v->changed_pcr = 11;)
JUDGED(refuse_another_nonce_of_azure_s, AZURE, "nonce", v->nonce = "x";)
JUDGED(refuse_an_enrolled_key_in_place_of_a_root, AZURE, "bad-chain",
       v->anchor = "enrolled-ak";)

/* --- The HCL report ----------------------------------------------------------
 */

JUDGED(refuse_another_magic, AZURE, "malformed", v->magic = "HCLB";)
JUDGED(refuse_hcl_version_3, AZURE, "unsupported", v->hcl_version = 3;)
JUDGED(refuse_another_request, AZURE, "unsupported", v->request = 1;)
JUDGED(refuse_another_version_of_runtime_data, AZURE, "unsupported",
       v->runtime_version = 2;)
JUDGED(refuse_runtime_data_under_sha384, AZURE, "unsupported", v->hash = 2;)
JUDGED(refuse_runtime_data_of_tdx, AZURE, "malformed", v->type = 4;)
JUDGED(refuse_runtime_data_of_nothing, AZURE, "unsupported", v->type = 1;)
JUDGED(refuse_a_size_that_does_not_agree, AZURE, "malformed", v->size_off = 1;)
JUDGED(refuse_a_data_size_that_does_not_agree, AZURE, "malformed",
       v->data_off = -1;)
JUDGED(refuse_a_length_beyond_the_end, AZURE, "malformed", v->len_off = 1;
       v->data_off = 1; v->size_off = 1;)
JUDGED(refuse_a_length_that_wraps, AZURE, "malformed", v->len_off = -100000;
       v->data_off = -100000; v->size_off = -100000;)
JUDGED(refuse_runtime_data_cut_short, AZURE, "binding", v->len_off = -1;
       v->data_off = -1; v->size_off = -1;)
JUDGED(refuse_a_runtime_without_the_key, AZURE, "malformed",
       v->kid = "HCLEkPub";)
JUDGED(refuse_a_runtime_without_keys, AZURE, "malformed", v->no_ak = true;)
JUDGED(refuse_a_runtime_with_two_keys, AZURE, "malformed", v->ak_twice = true;)
JUDGED(refuse_a_key_of_another_kind, AZURE, "unsupported", v->kty = "EC";)
JUDGED(refuse_an_envelope_without_hcl_report, AZURE, "malformed",
       v->omit = "hcl_report";)
JUDGED(refuse_an_envelope_without_vcek, AZURE, "malformed", v->omit = "vcek";)

TEST_MAIN
