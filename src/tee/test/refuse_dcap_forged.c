/* refuse_dcap_forged.c - a vendor of our own: each way in which a quote or its
 * collateral is wrong has its code.  Everything that is not said is good. */
#include "dcap_forge.h"

/* With these codes nobody vouches for anything: claims must not be told. */
static bool is_forgery(mal_tee_code code) {
    return code == MAL_TEE_BAD_SIGNATURE || code == MAL_TEE_BAD_CHAIN ||
           code == MAL_TEE_BINDING || code == MAL_TEE_REVOKED ||
           code == MAL_TEE_COLLATERAL_KIND || code == MAL_TEE_FMSPC_MISMATCH;
}

/* What is forged so (edits of f, before it is signed) is judged so. */
#define JUDGED(sentence, version, wanted, ...)                                 \
    TEST(sentence) {                                                           \
        static forge f_;                                                       \
        forge *f = &f_;                                                        \
        forge_init(f, version);                                                \
        __VA_ARGS__                                                            \
        const char *found = forge_judge(f);                                    \
        bool told = f->verdict.authentic;                                      \
        CHECK(!told || !is_forgery(f->verdict.code));                          \
        CHECK_THAT(strcmp(found, wanted) == 0, "%s, not %s: %s", found,        \
                   wanted, f->verdict.detail);                                 \
    }

static const window old = { NOW - 10 * DAY, NOW - DAY };
static const window young = { NOW + DAY, NOW + 10 * DAY };

/* --- Good ones, so that the others are refused for their one fault -------- */

JUDGED(a_good_sgx_quote_is_accepted, 3, "ok", )
JUDGED(a_good_tdx_v4_quote_is_accepted, 4, "ok", )
JUDGED(a_good_tdx_v5_quote_is_accepted, 5, "ok", )
JUDGED(a_v5_quote_of_td_1_0_is_accepted, 5, "ok", f->body_type = 2;
       f->body_len = 584;)
JUDGED(a_family_in_the_other_letter_case_is_the_same, 4, "ok",
       f->fmspc[3] = f->tcb_fmspc[3] = 0xAB;)
JUDGED(the_last_second_of_a_window_is_inside, 4, "ok",
       f->time = f->tcb_life.to;)
JUDGED(the_first_second_of_a_window_is_inside, 4, "ok",
       f->time = f->tcb_life.from;)

/* --- The quote's form ----------------------------------------------------- */

JUDGED(refuse_version_2, 3, "malformed", f->version = 2;)
JUDGED(refuse_version_6, 5, "malformed", f->version = 6;)
JUDGED(refuse_an_attestation_key_on_p384, 4, "malformed", f->key_type = 3;)
JUDGED(refuse_another_vendor_s_quoting_enclave, 4, "malformed",
       f->vendor[15] ^= 1;)
JUDGED(refuse_a_body_of_unknown_type, 5, "malformed", f->body_type = 4;)
JUDGED(refuse_a_body_that_is_longer_than_its_type, 5, "malformed",
       f->body_type = 2;)
JUDGED(refuse_an_sgx_body_that_says_tdx, 5, "malformed", f->body_type = 1;
       f->body_len = 384;)
JUDGED(refuse_a_v4_quote_of_another_machine, 4, "malformed", f->tee = 0x82;)
JUDGED(refuse_certification_data_of_another_type, 4, "malformed",
       f->inner_type = 5;)
JUDGED(refuse_a_quote_that_only_names_its_processor, 4, "collateral-missing",
       f->cert_type = 3;)

/* --- Signatures and bindings --------------------------------------------- */

JUDGED(refuse_a_quote_by_a_stranger, 4, "bad-signature",
       f->quote_key = STRANGER;)
JUDGED(refuse_a_qe_report_by_a_stranger, 4, "bad-signature",
       f->report_key = STRANGER;)
JUDGED(refuse_a_qe_report_by_the_attestation_key, 3, "bad-signature",
       f->report_key = ATTEST;)
JUDGED(refuse_an_attestation_key_that_no_qe_vouched_for, 4, "binding",
       f->unbound = true;)
JUDGED(refuse_report_data_with_more_than_the_key_s_hash, 4, "binding",
       f->qe_report[352] = 1;)

static void other_auth(forge *f) {
    /* QE auth lies 32 bytes before the type of the chain in version 3. */
    f->quote.ptr[48 + 384 + 4 + 64 + 64 + 384 + 64 + 2] ^= 1;
}
JUDGED(refuse_other_authentication_data_of_the_qe, 3, "binding",
       f->after = other_auth;)

/* --- The chain ----------------------------------------------------------- */

JUDGED(refuse_a_chain_without_its_ca, 4, "bad-chain", f->no_ca = true;)
JUDGED(refuse_a_pck_certificate_by_a_stranger, 4, "bad-chain",
       f->pck_by = STRANGER;)
JUDGED(refuse_a_ca_by_a_stranger, 4, "bad-chain", f->ca_by = STRANGER;)
JUDGED(refuse_a_ca_that_may_not_issue, 4, "bad-chain", f->ca_is_none = true;)
JUDGED(refuse_a_leaf_that_is_no_pck_certificate, 4, "bad-chain",
       f->pck_cn = "Intel SGX TCB Signing";)
JUDGED(refuse_a_leaf_without_the_sgx_extension, 4, "bad-chain",
       f->no_extension = true;)
JUDGED(refuse_an_extension_without_ppid, 4, "bad-chain", f->omit = 1;)
JUDGED(refuse_an_extension_without_tcb, 4, "bad-chain", f->omit = 2;)
JUDGED(refuse_an_extension_without_pceid, 4, "bad-chain", f->omit = 3;)
JUDGED(refuse_an_extension_without_fmspc, 4, "bad-chain", f->omit = 4;)
JUDGED(refuse_an_extension_without_pcesvn, 4, "bad-chain", f->omit = 17;)
JUDGED(refuse_an_extension_with_two_families, 4, "bad-chain", f->twice = true;)
JUDGED(refuse_an_svn_above_a_byte, 4, "bad-chain", f->svn[5] = 256;)

/* --- Revocation ---------------------------------------------------------- */

JUDGED(refuse_a_revoked_processor, 4, "revoked", f->pck_revokes = SERIAL_PCK;)
JUDGED(refuse_a_revoked_ca, 4, "revoked", f->root_revokes = SERIAL_CA;)
JUDGED(refuse_a_revoked_signer_of_collateral, 4, "revoked",
       f->root_revokes = SERIAL_SIGNER;)
JUDGED(refuse_without_the_list_of_the_root, 4, "collateral-missing",
       f->no_root_crl = true;)
JUDGED(refuse_without_the_list_of_the_ca, 4, "collateral-missing",
       f->no_pck_crl = true;)
JUDGED(refuse_a_root_list_by_a_stranger, 4, "bad-chain",
       f->root_crl_by = STRANGER;)
JUDGED(refuse_a_ca_list_by_a_stranger, 4, "bad-chain",
       f->pck_crl_by = STRANGER;)
JUDGED(refuse_an_old_list_of_the_root, 4, "expired", f->root_crl_life = old;)
JUDGED(refuse_an_old_list_of_the_ca, 4, "expired", f->pck_crl_life = old;)
JUDGED(refuse_a_list_of_tomorrow, 4, "not-yet-valid", f->pck_crl_life = young;)

/* --- Time ---------------------------------------------------------------- */

JUDGED(refuse_an_old_pck_certificate, 4, "expired", f->pck_life = old;)
JUDGED(refuse_a_pck_certificate_of_tomorrow, 4, "not-yet-valid",
       f->pck_life = young;)
JUDGED(refuse_an_old_ca, 4, "expired", f->ca_life = old;)
JUDGED(refuse_an_old_root, 4, "expired", f->root_life = old;)
JUDGED(refuse_an_old_signer_of_collateral, 4, "expired", f->signer_life = old;)
JUDGED(refuse_old_tcb_info, 4, "expired", f->tcb_life = old;)
JUDGED(refuse_tcb_info_of_tomorrow, 4, "not-yet-valid", f->tcb_life = young;)
JUDGED(refuse_old_qe_identity, 4, "expired", f->qe_life = old;)
JUDGED(refuse_qe_identity_of_tomorrow, 4, "not-yet-valid", f->qe_life = young;)
JUDGED(an_old_forgery_is_a_forgery, 4, "bad-signature", f->pck_life = old;
       f->quote_key = STRANGER;)
JUDGED(old_collateral_of_another_family_is_of_another_family, 4,
       "fmspc-mismatch", f->tcb_life = old;
       f->fmspc[0] ^= 1;)

/* --- TCB info ------------------------------------------------------------ */

JUDGED(refuse_without_tcb_info, 4, "collateral-missing", f->no_tcb = true;)
JUDGED(refuse_tcb_info_by_a_stranger, 4, "bad-signature", f->tcb_by = STRANGER;)
JUDGED(refuse_tcb_info_by_the_processor, 4, "bad-signature", f->tcb_by = PCK;)
JUDGED(refuse_tcb_info_by_the_root_itself, 4, "bad-signature",
       f->tcb_by = ROOT;)
JUDGED(refuse_a_signer_of_another_name, 4, "collateral-missing",
       f->signer_cn = "Intel SGX PCK Certificate";)
JUDGED(refuse_a_signer_whom_a_stranger_certified, 4, "bad-chain",
       f->signer_by = STRANGER;)
JUDGED(refuse_tcb_info_of_sgx_beside_tdx, 4, "collateral-kind",
       f->tcb_id = "SGX";)
JUDGED(refuse_tcb_info_of_tdx_beside_sgx, 3, "collateral-kind",
       f->tcb_id = "TDX";)
JUDGED(refuse_tcb_info_of_version_2, 4, "malformed", f->tcb_version = 2;)
JUDGED(refuse_tcb_info_of_another_type, 4, "malformed", f->tcb_type = 1;)
JUDGED(refuse_tcb_info_of_another_family, 4, "fmspc-mismatch",
       f->tcb_fmspc[5] ^= 0x80;)
JUDGED(refuse_tcb_info_of_another_pce, 4, "fmspc-mismatch",
       f->tcb_pce_id[0] = 1;)
JUDGED(refuse_tcb_info_with_a_member_twice, 4, "malformed",
       f->tcb_extra = "\"tcbLevels\":[],";)
JUDGED(refuse_tcb_info_without_levels, 4, "tcb-no-level", f->n_levels = 0;)
JUDGED(refuse_a_level_with_15_components, 4, "malformed",
       f->levels[0].n_sgx = 15;)
JUDGED(refuse_a_level_without_components_of_tdx, 4, "malformed",
       f->levels[0].n_tdx = 0;)
JUDGED(refuse_a_status_that_nobody_knows, 4, "malformed",
       f->levels[0].status = "Fine";)
JUDGED(refuse_an_advisory_with_a_strange_name, 4, "malformed",
       f->levels[0].advisory = "<b>";)
JUDGED(refuse_a_negative_svn, 4, "malformed", f->levels[0].sgx[3] = -1;)

/* --- Levels -------------------------------------------------------------- */

JUDGED(a_platform_one_component_behind_is_warned_of, 4, "tcb", f->svn[7] = 2;)
JUDGED(a_pce_behind_is_warned_of, 4, "tcb", f->pce_svn = 9;)
JUDGED(a_platform_below_all_levels_is_refused, 4, "tcb-no-level",
       f->svn[0] = 0;)
JUDGED(a_pce_below_all_levels_is_refused, 3, "tcb-no-level", f->pce_svn = 7;)
/* 1,3,2 against 1,2,3: higher as a tuple, and yet it does not hold. */
JUDGED(svns_are_compared_one_by_one, 3, "tcb-no-level", f->n_levels = 1;
       f->levels[0].sgx[0] = 1; f->levels[0].sgx[1] = 2;
       f->levels[0].sgx[2] = 3; f->svn[0] = 1; f->svn[1] = 3; f->svn[2] = 2;)
JUDGED(the_first_level_that_holds_counts, 3, "tcb",
       f->levels[0].status = "OutOfDate";
       f->levels[1].status = "UpToDate";)
JUDGED(a_revoked_level_is_refused, 3, "revoked",
       f->levels[0].status = "Revoked";)
JUDGED(a_tdx_component_behind_is_warned_of, 4, "tcb", f->body[2] = 2;)
JUDGED(a_tdx_component_below_all_levels_is_refused, 4, "tcb-no-level",
       f->body[15] = 0;)
JUDGED(a_module_with_a_version_is_not_judged_as_a_component, 4, "ok",
       f->levels[0].tdx[0] = 200;
       f->levels[0].tdx[1] = 200;)
JUDGED(a_module_of_version_0_is_judged_as_a_component, 4, "tcb-no-level",
       f->body[1] = 0;
       f->body[0] = 0; f->levels[2].tdx[1] = 0;)
JUDGED(a_td_that_lowered_its_svn_since_launch_is_warned_of, 5, "tcb",
       f->body[584 + 4] = 2;)
JUDGED(a_td_launched_below_all_levels_is_refused, 5, "tcb-no-level",
       f->body[4] = 0;)
JUDGED(needed_configuration_is_warned_of, 3, "tcb",
       f->levels[0].status = "ConfigurationNeeded";)

/* --- TDX module ---------------------------------------------------------- */

JUDGED(refuse_a_module_by_another_signer, 4, "module-identity",
       f->modules[0].signer[0] = 1;)
JUDGED(refuse_a_module_with_other_attributes, 4, "module-identity",
       f->body[112] = 1;)
JUDGED(an_attribute_outside_the_mask_is_idle, 4, "ok", f->body[112] = 1;
       f->modules[0].mask[0] = 0xfe;)
JUDGED(refuse_a_module_that_tcb_info_does_not_know, 4, "module-identity",
       f->body[1] = 3;)
JUDGED(refuse_a_module_below_its_levels, 4, "tcb-no-level",
       f->modules[0].svn = 4;)
JUDGED(a_module_out_of_date_is_warned_of, 4, "tcb",
       f->modules[0].status = "OutOfDate";)
JUDGED(refuse_a_revoked_module, 4, "revoked", f->modules[0].status = "Revoked";)
JUDGED(refuse_a_plain_module_by_another_signer, 4, "module-identity",
       f->body[1] = 0;
       f->plain.signer[47] = 1;)
JUDGED(refuse_a_plain_module_when_tcb_info_has_none, 4, "module-identity",
       f->body[1] = 0;
       f->no_tdx_module = true;)
JUDGED(refuse_a_module_updated_to_one_below_its_levels, 5, "tcb-no-level",
       f->body[584] = 1;)
JUDGED(refuse_a_module_updated_to_an_unknown_one, 5, "module-identity",
       f->body[585] = 9;)

/* --- QE identity --------------------------------------------------------- */

JUDGED(refuse_without_qe_identity, 4, "collateral-missing", f->no_qe = true;)
JUDGED(refuse_qe_identity_by_a_stranger, 4, "bad-signature",
       f->qe_by = STRANGER;)
JUDGED(refuse_qe_identity_of_sgx_beside_tdx, 4, "collateral-kind",
       f->qe_id = "QE";)
JUDGED(refuse_qe_identity_of_tdx_beside_sgx, 3, "collateral-kind",
       f->qe_id = "TD_QE";)
JUDGED(refuse_qe_identity_of_another_enclave, 3, "collateral-kind",
       f->qe_id = "QVE";)
JUDGED(refuse_qe_identity_of_version_1, 4, "malformed", f->qe_version = 1;)
JUDGED(refuse_a_qe_by_another_signer, 4, "qe-identity", f->qe_report[128] ^= 1;)
JUDGED(refuse_a_qe_of_another_product, 4, "qe-identity", f->qe_report[256] = 3;)
JUDGED(refuse_a_qe_with_other_miscselect, 4, "qe-identity",
       f->qe_report[16] = 1;)
JUDGED(refuse_a_qe_with_other_attributes, 4, "qe-identity",
       f->qe_report[49] = 1;)
JUDGED(refuse_a_qe_under_debug, 4, "qe-identity", f->qe_report[48] |= 2;)
JUDGED(an_attribute_of_the_qe_outside_the_mask_is_idle, 4, "ok",
       f->qe_report[48] |= 4;)
JUDGED(refuse_a_qe_below_its_levels, 4, "tcb-no-level", f->qe_report[258] = 3;)
JUDGED(refuse_qe_identity_without_levels, 4, "tcb-no-level",
       f->no_qe_levels = true;)
JUDGED(a_qe_out_of_date_is_warned_of, 4, "tcb", f->qe_status = "OutOfDate";)
JUDGED(refuse_a_revoked_qe, 4, "revoked", f->qe_status = "Revoked";)

/* --- Wishes -------------------------------------------------------------- */

JUDGED(refuse_a_td_under_debug, 4, "debug", f->body[120] = 1;)
JUDGED(refuse_any_bit_of_a_td_under_debug, 5, "debug", f->body[120] = 0x80;)
JUDGED(refuse_an_enclave_under_debug, 3, "debug", f->body[48] = 2;)
JUDGED(debug_is_told_by_signatures_alone_too, 4, "debug", f->body[120] = 1;
       f->scope = MAL_TEE_SIGNATURES;)
JUDGED(a_nonce_that_is_said_is_fine, 4, "ok", f->body[520 + 8] = 0;
       memset(f->body + 528, 0, 56); f->nonce = mal_bytes_str("ZZZZZZZZ");)
JUDGED(refuse_a_nonce_with_more_behind_it, 4, "nonce",
       f->nonce = mal_bytes_str("ZZZZZZZZ");)
JUDGED(refuse_another_nonce, 3, "nonce", f->nonce = mal_bytes_str("hello");)
JUDGED(refuse_an_event_log_that_is_not_there, 4, "collateral-missing",
       f->scope = MAL_TEE_EVENT_LOG;)

TEST_MAIN
