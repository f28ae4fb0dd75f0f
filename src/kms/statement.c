/* statement.c - "this key is mine, for this, until then", signed by an
 * identity. */
#include "kms_impl.h"

#include <malus/audit.h>

#include <string.h>

mal_err kms_party_check(const char *party) {
    size_t len = strnlen(party, MAL_KMS_PARTY_MAX + 1);
    bool ok = len >= 1 && len <= MAL_KMS_PARTY_MAX && party[0] >= 'a' &&
              party[0] <= 'z';
    for (size_t i = 0; ok && i < len; i++) {
        char c = party[i];
        ok = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
             c == '_';
    }
    MAL_REQUIRE(
        ok, MAL_E_INPUT,
        "a party's name is 1 to %d of a-z, 0-9, '-', '_', a letter first",
        MAL_KMS_PARTY_MAX);
    return MAL_OK;
}

uint32_t kms_suite_of(mal_kms_use use) {
    return use == MAL_KMS_HPKE ? MAL_KMS_SUITE_X25519 : MAL_KMS_SUITE_ED25519;
}

static mal_err check_fields(const mal_kms_statement *s) {
    MAL_TRY(kms_party_check(s->party));
    MAL_REQUIRE(s->use == MAL_KMS_NODE || s->use == MAL_KMS_LOG ||
                    s->use == MAL_KMS_HPKE,
                MAL_E_INPUT, "a key statement has no use %d", (int)s->use);
    MAL_REQUIRE(s->suite == kms_suite_of(s->use), MAL_E_INPUT,
                "a key statement's suite %u does not fit its use", s->suite);
    MAL_REQUIRE(s->epoch >= 1, MAL_E_INPUT, "key epochs count from 1");
    MAL_REQUIRE(s->not_before < s->not_after, MAL_E_INPUT,
                "a key statement ends before it begins");
    return MAL_OK;
}

static_assert(MAL_KMS_PARTY_MAX <= MAL_AUDIT_PARTY_MAX,
              "a name of ours must fit a statement");

/* The bytes are audit's: receipts carry them, and audit, which cannot see us,
 * reads them there.  Our fields are a stricter kind of its. */
static mal_err to_audit(mal_audit_key *key, const mal_kms_statement *s) {
    MAL_TRY(check_fields(s));
    *key = (mal_audit_key){ .use = (mal_audit_use)s->use,
                            .suite = s->suite,
                            .epoch = s->epoch,
                            .not_before = s->not_before,
                            .not_after = s->not_after };
    memcpy(key->party, s->party, strlen(s->party) + 1);
    memcpy(key->pub, s->pub, sizeof key->pub);
    return MAL_OK;
}

mal_err kms_statement_sign(mal_kms_statement *statement,
                           const mal_key *identity) {
    MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
    mal_audit_signer signer = { .sec = identity };
    mal_audit_key key;
    MAL_TRY(to_audit(&key, statement));
    MAL_TRY(mal_audit_key_statement_sign(&bytes, &key, &signer));
    memcpy(statement->sig, bytes.ptr + bytes.len - sizeof statement->sig,
           sizeof statement->sig);
    return MAL_OK;
}

mal_err mal_kms_statement_encode(mal_buf *out,
                                 const mal_kms_statement *statement) {
    mal_audit_key key;
    MAL_TRY(to_audit(&key, statement));
    return mal_audit_key_statement_encode(out, &key, statement->sig);
}

mal_err mal_kms_statement_decode(mal_kms_statement *statement,
                                 mal_bytes bytes) {
    mal_kms_statement s = { 0 };
    mal_audit_key key;
    MAL_REQUIRE(bytes.len <= MAL_KMS_STATEMENT_MAX, MAL_E_INPUT,
                "a key statement has at most %d bytes", MAL_KMS_STATEMENT_MAX);
    MAL_TRY(mal_audit_key_statement_decode(&key, s.sig, bytes));
    memcpy(s.party, key.party, strlen(key.party) + 1);
    s.use = (mal_kms_use)key.use;
    s.suite = key.suite;
    s.epoch = key.epoch;
    memcpy(s.pub, key.pub, sizeof s.pub);
    s.not_before = key.not_before;
    s.not_after = key.not_after;
    MAL_TRY(check_fields(&s));
    *statement = s;
    return MAL_OK;
}

mal_err mal_kms_statement_verify(const mal_kms_statement *statement,
                                 const uint8_t identity[32], const char *party,
                                 mal_kms_use use, uint64_t now) {
    MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
    mal_audit_key key;
    MAL_TRY(mal_kms_statement_encode(&bytes, statement));
    MAL_TRY(
        mal_audit_key_statement_verify(&key, mal_buf_view(&bytes), identity));
    MAL_REQUIRE(strcmp(statement->party, party) == 0, MAL_E_AUTH,
                "the key statement is %s's, not %s's", statement->party, party);
    MAL_REQUIRE(statement->use == use, MAL_E_AUTH,
                "the key statement is for another use");
    MAL_REQUIRE(
        statement->not_before <= now && now <= statement->not_after, MAL_E_AUTH,
        "the key statement is not valid now: ask %s to renew its keys", party);
    return MAL_OK;
}
