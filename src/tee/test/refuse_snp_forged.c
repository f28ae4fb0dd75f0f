/* refuse_snp_forged.c - a vendor of our own: each way in which a report or its
 * certificate is wrong has its code.  Everything that is not said is good. */
#include "snp_forge.h"

/* What is forged so (edits of f, before it is signed) is judged so. */
#define JUDGED(sentence, version, code, ...)                                   \
    TEST(sentence) {                                                           \
        static forge f_;                                                       \
        forge *f = &f_;                                                        \
        forge_init(f, version);                                                \
        __VA_ARGS__                                                            \
        const char *found = forge_judge(f);                                    \
        CHECK_THAT(strcmp(found, code) == 0, "%s, not %s: %s", found, code,    \
                   f->verdict.detail);                                         \
    }

static const window old = { NOW - 10 * DAY, NOW - DAY };
static const window young = { NOW + DAY, NOW + 10 * DAY };

/* --- Good ones, so that the others are refused for their one fault ----------
 */

JUDGED(a_good_report_of_version_2_is_accepted, 2, "ok", )
JUDGED(a_good_report_of_version_3_is_accepted, 3, "ok", )
JUDGED(a_good_report_of_version_4_is_accepted, 4, "ok", )
JUDGED(a_good_report_of_version_5_is_accepted, 5, "ok",
       memset(f->report + 0x1f8, 0xff, 16);)
JUDGED(genoa_is_accepted, 3, "ok", forge_product(f, "Genoa", 0x19, 0x11);)
JUDGED(bergamo_is_of_genoa_s_line, 3, "ok",
       forge_product(f, "Genoa", 0x19, 0xa0);)
JUDGED(turin_is_accepted, 3, "ok", forge_product(f, "Turin", 0x1a, 0x02);)
JUDGED(turin_dense_of_version_5_is_accepted, 5, "ok",
       forge_product(f, "Turin", 0x1a, 0x11);)
JUDGED(a_vlek_is_accepted, 3, "ok", forge_vlek(f);)
JUDGED(a_chip_id_in_an_octet_string_is_the_same, 2, "ok", f->wrapped = true;)
JUDGED(turin_s_chip_id_in_an_octet_string_is_the_same, 3, "ok",
       forge_product(f, "Turin", 0x1a, 0x02);
       f->wrapped = true;)
JUDGED(a_product_may_name_its_stepping, 2, "ok",
       forge_product(f, "Milan-B1", 0x19, 0x01);)
JUDGED(a_vlek_beside_the_vcek_is_idle, 3, "ok", f->other_leaf_too = true;)
JUDGED(a_list_that_revokes_nobody_is_fine, 2, "ok", f->crl = true;)
JUDGED(the_last_second_of_the_leaf_is_inside, 2, "ok",
       f->time = f->leaf_life.to;)
JUDGED(firmware_newer_than_reported_is_fine, 2, "ok", f->report[0x3f] = 255;)

/* --- The report's form ------------------------------------------------------
 */

JUDGED(refuse_version_0, 2, "unsupported", f->report[0] = 0;)
JUDGED(refuse_version_1, 2, "unsupported", f->report[0] = 1;)
JUDGED(refuse_version_6, 2, "unsupported", f->report[0] = 6;)
JUDGED(refuse_a_version_beyond_a_byte, 2, "unsupported", f->report[1] = 1;)
JUDGED(refuse_no_algorithm, 2, "unsupported", f->report[0x34] = 0;)
JUDGED(refuse_another_algorithm, 2, "unsupported", f->report[0x34] = 2;)
JUDGED(refuse_a_byte_after_the_flags, 2, "malformed", f->report[0x4c] = 1;)
JUDGED(refuse_an_unknown_flag, 2, "malformed", f->report[0x48] |= 0x20;)
JUDGED(refuse_a_processor_in_version_2, 2, "malformed", f->report[0x188] = 1;)
JUDGED(refuse_a_byte_after_the_stepping, 3, "malformed", f->report[0x18b] = 1;)
JUDGED(refuse_a_byte_before_the_chip, 5, "malformed", f->report[0x19f] = 1;)
JUDGED(refuse_a_byte_after_the_current_version, 2, "malformed",
       f->report[0x1eb] = 1;)
JUDGED(refuse_a_byte_after_the_committed_version, 2, "malformed",
       f->report[0x1ef] = 1;)
JUDGED(refuse_mitigations_in_version_4, 4, "malformed", f->report[0x1f8] = 1;)
JUDGED(refuse_a_byte_after_the_mitigations, 5, "malformed",
       f->report[0x208] = 1;)
JUDGED(refuse_a_byte_before_the_signature, 5, "malformed",
       f->report[0x29f] = 1;)
JUDGED(refuse_a_policy_without_its_one, 2, "malformed",
       f->report[0x0a] &= 0xfd;)
JUDGED(refuse_a_policy_with_an_unknown_bit, 2, "malformed",
       f->report[0x0b] |= 4;)

static void long_r(forge *f) {
    f->report[SIGNED_LEN + 48] = 1;
}
static void long_s(forge *f) {
    f->report[SIGNED_LEN + 72 + 71] = 1;
}
static void tail(forge *f) {
    f->report[REPORT_LEN - 1] = 1;
}
JUDGED(refuse_an_r_longer_than_the_curve, 2, "malformed", f->after = long_r;)
JUDGED(refuse_an_s_longer_than_the_curve, 2, "malformed", f->after = long_s;)
JUDGED(refuse_a_byte_after_the_signature, 2, "malformed", f->after = tail;)

/* --- Signatures --------------------------------------------------------------
 */

static void zero_r(forge *f) {
    memset(f->report + SIGNED_LEN, 0, 72);
}
static void zero_both(forge *f) {
    memset(f->report + SIGNED_LEN, 0, 144);
}
static void swap_parts(forge *f) {
    uint8_t r[72];
    memcpy(r, f->report + SIGNED_LEN, 72);
    memcpy(f->report + SIGNED_LEN, f->report + SIGNED_LEN + 72, 72);
    memcpy(f->report + SIGNED_LEN + 72, r, 72);
}
static void other_measurement(forge *f) {
    f->report[0x90] ^= 1;
}
JUDGED(refuse_a_report_by_another_chip, 2, "bad-signature",
       f->signed_by = OTHER_CHIP;)
JUDGED(refuse_a_signature_with_r_of_zero, 2, "bad-signature",
       f->after = zero_r;)
JUDGED(refuse_a_signature_of_zeros, 2, "bad-signature", f->after = zero_both;)
JUDGED(refuse_a_signature_with_its_parts_swapped, 2, "bad-signature",
       f->after = swap_parts;)
JUDGED(refuse_a_changed_measurement, 2, "bad-signature",
       f->after = other_measurement;)
JUDGED(refuse_a_report_that_says_its_key_is_masked, 2, "bad-signature",
       f->report[0x48] = 2;)
JUDGED(refuse_a_report_that_says_nobody_signed, 2, "bad-signature",
       f->report[0x48] = 7 << 2;)

/* --- The chain ---------------------------------------------------------------
 */

JUDGED(refuse_without_a_leaf, 2, "collateral-missing", f->no_leaf = true;)
JUDGED(refuse_without_anything, 2, "collateral-missing", f->no_leaf = true;
       f->no_ask = true; f->no_root = true;)
JUDGED(refuse_without_the_signer_of_leaves, 2, "bad-chain", f->no_ask = true;)
JUDGED(refuse_without_the_root, 2, "bad-chain", f->no_root = true;)
JUDGED(refuse_a_leaf_by_a_stranger, 2, "bad-chain", f->leaf_by = STRANGER;)
JUDGED(refuse_a_leaf_by_the_root_in_the_other_s_name, 2, "bad-chain",
       f->leaf_by = ARK;)
JUDGED(refuse_a_signer_by_a_stranger, 2, "bad-chain", f->ask_by = STRANGER;)
JUDGED(refuse_a_signer_that_may_not_sign, 2, "bad-chain",
       f->ask_is_none = true;)
JUDGED(refuse_a_revoked_signer, 2, "revoked", f->crl = true;
       f->ask_revoked = true;)
JUDGED(refuse_a_list_by_a_stranger, 2, "bad-chain", f->crl = true;
       f->crl_by = STRANGER;)

/* --- Time --------------------------------------------------------------------
 */

JUDGED(refuse_an_old_leaf, 2, "expired", f->leaf_life = old;)
JUDGED(refuse_a_leaf_of_tomorrow, 2, "not-yet-valid", f->leaf_life = young;)
JUDGED(refuse_an_old_signer, 2, "expired", f->ask_life = old;)
JUDGED(refuse_an_old_root, 2, "expired", f->ark_life = old;)
JUDGED(refuse_an_old_list, 2, "expired", f->crl = true; f->crl_life = old;)
JUDGED(refuse_the_second_after_the_leaf, 2, "expired",
       f->time = f->leaf_life.to + 1;)
JUDGED(refuse_the_second_before_the_leaf, 2, "not-yet-valid",
       f->time = f->leaf_life.from - 1;)
JUDGED(an_old_forgery_is_a_forgery, 2, "bad-signature", f->leaf_life = old;
       f->signed_by = OTHER_CHIP;)
JUDGED(an_old_misfit_is_a_misfit, 2, "binding", f->leaf_life = old;
       f->report[0x1a0] ^= 1;)
JUDGED(old_debugging_is_debugging, 2, "debug", f->leaf_life = old;
       f->report[0x0a] |= 8;)

/* --- Report and leaf ---------------------------------------------------------
 */

JUDGED(refuse_another_boot_loader, 2, "binding", f->report[0x180] ^= 1;)
JUDGED(refuse_another_tee, 2, "binding", f->report[0x181] ^= 1;)
JUDGED(refuse_another_reserved_component, 2, "binding", f->report[0x184] = 1;)
JUDGED(refuse_another_snp_firmware, 2, "binding", f->report[0x186] ^= 1;)
JUDGED(refuse_another_microcode, 2, "binding", f->report[0x187] ^= 1;)
JUDGED(refuse_higher_microcode_than_the_leaf_s, 2, "binding",
       f->report[0x187] = 255;)
JUDGED(refuse_another_fmc_on_turin, 3, "binding",
       forge_product(f, "Turin", 0x1a, 0x02);
       f->report[0x180] ^= 1;)
JUDGED(refuse_a_leaf_with_the_order_of_milan_on_turin, 3, "malformed",
       forge_product(f, "Turin", 0x1a, 0x02);
       f->turin = false;)
JUDGED(refuse_a_leaf_with_the_order_of_turin_on_milan, 2, "malformed",
       f->turin = true;)
JUDGED(refuse_another_chip, 2, "binding", f->report[0x1df] ^= 1;)
JUDGED(refuse_a_masked_chip_under_a_vcek, 2, "binding",
       memset(f->report + 0x1a0, 0, 64);)
JUDGED(refuse_more_than_eight_bytes_of_chip_on_turin, 3, "binding",
       forge_product(f, "Turin", 0x1a, 0x02);
       f->report[0x1a8] = 1;)
JUDGED(refuse_a_vcek_for_a_report_of_a_vlek, 3, "binding",
       f->report[0x48] = 1 << 2;)
JUDGED(refuse_a_vlek_for_a_report_of_a_vcek, 3, "binding", forge_vlek(f);
       f->report[0x48] = 0;)
JUDGED(refuse_a_kind_of_key_that_nobody_knows, 3, "binding",
       f->report[0x48] = 2 << 2;)
JUDGED(refuse_genoa_s_processor_under_milan_s_leaf, 3, "binding",
       f->report[0x189] = 0x11;)
JUDGED(refuse_turin_s_processor_under_genoa_s_leaf, 3, "binding",
       forge_product(f, "Genoa", 0x1a, 0x11);)
JUDGED(refuse_a_desktop_processor, 3, "binding", f->report[0x189] = 0x21;)

/* --- The leaf's extensions
 * ----------------------------------------------------
 */

JUDGED(refuse_a_leaf_without_a_product, 2, "malformed", f->no_product = true;)
JUDGED(refuse_a_product_line_that_nobody_knows, 2, "unsupported",
       f->product = "Venice";)
JUDGED(refuse_a_product_that_only_begins_like_one, 2, "unsupported",
       f->product = "Milano";)
JUDGED(refuse_a_leaf_without_its_boot_loader, 2, "malformed", f->omit_tcb = 0;)
JUDGED(refuse_a_leaf_without_a_reserved_component, 2, "malformed",
       f->omit_tcb = 3;)
JUDGED(refuse_a_leaf_without_its_microcode, 2, "malformed", f->omit_tcb = 7;)
JUDGED(refuse_a_component_above_a_byte, 2, "malformed", f->tcb_int = 0x1d9;)
JUDGED(refuse_a_leaf_of_no_chip_and_no_provider, 2, "malformed",
       f->no_chip = true;)
JUDGED(refuse_a_chip_id_that_is_too_short, 2, "malformed", f->chip_len = 63;)
JUDGED(refuse_a_long_chip_id_on_turin, 3, "malformed",
       forge_product(f, "Turin", 0x1a, 0x02);
       f->chip_len = 64;)

/* --- Wishes
 * -------------------------------------------------------------------
 */

JUDGED(refuse_a_guest_under_debug, 2, "debug", f->report[0x0a] |= 8;)
JUDGED(refuse_a_vlek_s_guest_under_debug, 5, "debug", forge_vlek(f);
       f->report[0x0a] |= 8;)
JUDGED(a_nonce_that_is_said_is_fine, 2, "ok", memset(f->report + 0x50, 0, 64);
       memcpy(f->report + 0x50, "hello", 5); f->nonce = mal_bytes_str("hello");)
JUDGED(refuse_a_nonce_with_more_behind_it, 2, "nonce",
       f->nonce = mal_bytes_str("ZZZZ");)
JUDGED(refuse_another_nonce, 2, "nonce", f->nonce = mal_bytes_str("hello");)

TEST_MAIN
