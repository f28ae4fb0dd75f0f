/* unit_separation.c - no signature of one format can be shown as one of another
 * under the same key: docs/security/argument.md has the table, these are its
 * lines.
 *
 *     identity  key statement | certificate | DSSE (a room's contract)
 *     node      DSSE (statements, requests) | room message | TLS
 * CertificateVerify log       checkpoint | cosignature
 */
#include "mal_test.h"
#include <malus/audit.h>
#include <malus/kms.h>

#include <stdio.h>
#include <string.h>

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

/* A signed certificate is SEQUENCE { TBSCertificate SEQUENCE .. }. */
static mal_bytes signed_part(mal_bytes der) {
    CHECK(der.len > 260 && der.ptr[0] == 0x30 && der.ptr[1] == 0x82);
    return mal_bytes_of(der.ptr + 4, der.len - 4);
}

TEST(what_an_identity_signs_differs_in_the_first_byte) {
    MAL_AUTO(mal_buf_clear) mal_buf statement = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf node = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf self = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf pae = { 0 };
    mal_kms_statement s;
    set_up();
    CHECK_OK(mal_kms_statement_own(kms, &s, MAL_KMS_NODE));
    CHECK_OK(mal_kms_statement_encode(&statement, &s));
    CHECK_OK(mal_kms_cert_node(kms, &node));
    CHECK_OK(mal_kms_cert_identity(kms, &self));
    CHECK_OK(mal_audit_pae(&pae, MAL_AUDIT_TYPE_ROOM, mal_bytes_str("")));
    CHECK_EQ(statement.ptr[0], strlen("malus.key/v1"));
    CHECK_EQ(signed_part(mal_buf_view(&node)).ptr[0], 0x30);
    CHECK_EQ(signed_part(mal_buf_view(&self)).ptr[0], 0x30);
    CHECK_EQ(pae.ptr[0], 'D');
    tear_down();
}

/* A room message is signed as a hash of 32 bytes; TLS 1.3 signs 64 spaces, a
 * context string and a hash [RFC8446] 4.4.3. */
TEST(what_a_node_key_signs_differs_in_length_or_first_byte) {
    static const char *const types[] = { MAL_AUDIT_TYPE_STATEMENT,
                                         MAL_AUDIT_TYPE_ROOM,
                                         "application/vnd.malus.request+json" };
    for (size_t i = 0; i < 3; i++) {
        MAL_AUTO(mal_buf_clear) mal_buf pae = { 0 };
        CHECK_OK(mal_audit_pae(&pae, types[i], mal_bytes_str("")));
        CHECK(pae.len > MAL_PRIM_HASH); /* no payload makes it a hash */
        CHECK(pae.ptr[0] != ' ');
    }
    CHECK(64 + strlen("TLS 1.3, server CertificateVerify") + 1 > MAL_PRIM_HASH);
}

/* PAE names type and length: no payload of one type reads as another's. */
TEST(a_payload_of_one_type_is_none_of_another) {
    MAL_AUTO(mal_buf_clear) mal_buf a = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf b = { 0 };
    CHECK_OK(mal_audit_pae(&a, "t", mal_bytes_str("u 1 x")));
    CHECK_OK(mal_audit_pae(&b, "t 5 u", mal_bytes_str("x")));
    CHECK(!mal_bytes_same_vartime(mal_buf_view(&a), mal_buf_view(&b)));
}

TEST(a_cosignature_is_no_checkpoint_and_no_checkpoint_a_cosignature) {
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf line = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf raw = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf message = { 0 };
    mal_audit_checkpoint cp = { .size = 7 };
    uint8_t identity[32];
    set_up();
    mal_kms_identity(kms, identity);
    mal_audit_origin(cp.origin, "acme", identity);
    CHECK_OK(mal_audit_checkpoint_print(&text, &cp));
    CHECK(text.len > 6 && memcmp(text.ptr, "malus/", 6) == 0);
    mal_audit_signer log = { .sec = mal_kms_key(kms, MAL_KMS_LOG) };
    mal_kms_pub(kms, MAL_KMS_LOG, log.pub);
    CHECK_OK(
        mal_audit_note_sign_line(&line, mal_buf_view(&text), "w", &log, 77));
    /* "- w BASE64": key id, time, signature over what follows. */
    const char *space = memrchr(line.ptr, ' ', line.len);
    size_t at = (size_t)(space + 1 - (const char *)line.ptr);
    CHECK_OK(mal_base64_decode(&raw,
                               mal_bytes_of(line.ptr + at, line.len - at - 1)));
    CHECK_EQ(raw.len, 4 + 8 + 64);
    CHECK_OK(mal_buf_put_str(&message, "cosignature/v1\ntime 77\n"));
    CHECK_OK(mal_buf_put(&message, mal_buf_view(&text)));
    CHECK_OK(mal_prim_verify(raw.ptr + 12, log.pub, mal_buf_view(&message)));
    CHECK_ERR(mal_prim_verify(raw.ptr + 12, log.pub, mal_buf_view(&text)),
              MAL_E_AUTH);
    CHECK_ERR(mal_audit_checkpoint_parse(&cp, mal_buf_view(&message)),
              MAL_E_INPUT); /* its second line is no size */
    tear_down();
}

TEST_MAIN
