/* unit_key_statement.c - kms makes key statements, audit reads them: one
 * format. */
#include "mal_test.h"
#include <malus/audit.h>
#include <malus/kms.h>

static mal_kms *kms;
static const char *dir;

static void set_up(void) {
    CHECK_OK(mal_prim_init());
    dir = mal_test_dir();
    CHECK_OK(mal_kms_create(dir, "acme", mal_time_unix()));
    CHECK_OK(mal_kms_open(&kms, dir));
}

static void tear_down(void) {
    mal_kms_close(kms);
    kms = NULL;
    CHECK_OK(mal_dir_remove(dir));
}

static const mal_kms_use uses[] = { MAL_KMS_NODE, MAL_KMS_LOG, MAL_KMS_HPKE };

TEST(audit_believes_what_kms_states) {
    uint8_t identity[32];
    set_up();
    mal_kms_pub(kms, MAL_KMS_IDENTITY, identity);
    for (size_t i = 0; i < 3; i++) {
        MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
        mal_kms_statement made;
        mal_audit_key read;
        CHECK_OK(mal_kms_statement_own(kms, &made, uses[i]));
        CHECK_OK(mal_kms_statement_encode(&bytes, &made));
        CHECK_OK(mal_audit_key_statement_verify(&read, mal_buf_view(&bytes),
                                                identity));
        CHECK_STR(read.party, "acme");
        CHECK_EQ(read.use, uses[i]);
        CHECK_EQ(read.suite, made.suite);
        CHECK_EQ(read.epoch, made.epoch);
        CHECK(mal_equal(read.pub, made.pub, 32));
        CHECK(mal_audit_key_valid_at(&read, mal_time_unix()));
    }
    tear_down();
}

TEST(kms_believes_what_audit_would_sign) {
    mal_key secret = { 0 };
    mal_audit_signer identity = { .sec = &secret };
    mal_audit_key key = { .party = "acme",
                          .use = MAL_AUDIT_USE_LOG,
                          .suite = MAL_AUDIT_SUITE_ED25519,
                          .epoch = 4,
                          .pub = { 7 },
                          .not_before = 10,
                          .not_after = 20 };
    mal_kms_statement read;
    MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
    CHECK_OK(mal_prim_init());
    CHECK_OK(mal_prim_sign_keygen(identity.pub, &secret));
    CHECK_OK(mal_audit_key_statement_sign(&bytes, &key, &identity));
    CHECK_OK(mal_kms_statement_decode(&read, mal_buf_view(&bytes)));
    CHECK_OK(
        mal_kms_statement_verify(&read, identity.pub, "acme", MAL_KMS_LOG, 15));
    CHECK_ERR(
        mal_kms_statement_verify(&read, identity.pub, "acme", MAL_KMS_NODE, 15),
        MAL_E_AUTH);
    mal_key_clear(&secret);
}

TEST(both_refuse_the_statement_of_another_identity) {
    uint8_t identity[32];
    mal_kms_statement made;
    mal_audit_key read;
    MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
    set_up();
    mal_kms_pub(kms, MAL_KMS_LOG, identity); /* a key, but not the identity's */
    CHECK_OK(mal_kms_statement_own(kms, &made, MAL_KMS_NODE));
    CHECK_OK(mal_kms_statement_encode(&bytes, &made));
    CHECK_ERR(
        mal_audit_key_statement_verify(&read, mal_buf_view(&bytes), identity),
        MAL_E_AUTH);
    CHECK_ERR(mal_kms_statement_verify(&made, identity, "acme", MAL_KMS_NODE,
                                       mal_time_unix()),
              MAL_E_AUTH);
    tear_down();
}

TEST_MAIN
