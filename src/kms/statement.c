/* statement.c - "this key is mine, for this, until then", signed by an
 * identity. */
#include "kms_impl.h"

#include <string.h>

#define LABEL "malus.key/v1"

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

static uint32_t suite_of(mal_kms_use use) {
    return use == MAL_KMS_HPKE ? MAL_KMS_SUITE_X25519 : MAL_KMS_SUITE_ED25519;
}

static mal_err check_fields(const mal_kms_statement *s) {
    MAL_TRY(kms_party_check(s->party));
    MAL_REQUIRE(s->use == MAL_KMS_NODE || s->use == MAL_KMS_LOG ||
                    s->use == MAL_KMS_HPKE,
                MAL_E_INPUT, "a key statement has no use %d", (int)s->use);
    MAL_REQUIRE(s->suite == suite_of(s->use), MAL_E_INPUT,
                "a key statement's suite %u does not fit its use", s->suite);
    MAL_REQUIRE(s->epoch >= 1, MAL_E_INPUT, "key epochs count from 1");
    MAL_REQUIRE(s->not_before < s->not_after, MAL_E_INPUT,
                "a key statement ends before it begins");
    return MAL_OK;
}

/* Everything but the signature, which is over these bytes. */
static mal_err put_body(mal_buf *out, const mal_kms_statement *s) {
    MAL_TRY(check_fields(s));
    MAL_TRY(mal_buf_put_blob_str(out, LABEL));
    MAL_TRY(mal_buf_put_blob_str(out, s->party));
    MAL_TRY(mal_buf_put_u32(out, (uint32_t)s->use));
    MAL_TRY(mal_buf_put_u32(out, s->suite));
    MAL_TRY(mal_buf_put_u32(out, s->epoch));
    MAL_TRY(mal_buf_put(out, mal_bytes_of(s->pub, sizeof s->pub)));
    MAL_TRY(mal_buf_put_u64(out, s->not_before));
    MAL_TRY(mal_buf_put_u64(out, s->not_after));
    return MAL_OK;
}

mal_err kms_statement_sign(mal_kms_statement *statement,
                           const mal_key *identity) {
    MAL_AUTO(mal_buf_clear) mal_buf body = { 0 };
    MAL_TRY(put_body(&body, statement));
    MAL_TRY(mal_prim_sign(statement->sig, identity, mal_buf_view(&body)));
    return MAL_OK;
}

mal_err mal_kms_statement_encode(mal_buf *out,
                                 const mal_kms_statement *statement) {
    MAL_AUTO(mal_buf_clear) mal_buf body = { 0 };
    MAL_TRY(put_body(&body, statement));
    MAL_TRY(mal_buf_put(&body,
                        mal_bytes_of(statement->sig, sizeof statement->sig)));
    assert(body.len <= MAL_KMS_STATEMENT_MAX);
    MAL_TRY(mal_buf_put(out, mal_buf_view(&body)));
    return MAL_OK;
}

mal_err mal_kms_statement_decode(mal_kms_statement *statement,
                                 mal_bytes bytes) {
    mal_kms_statement s = { 0 };
    mal_rd rd = mal_rd_of(bytes);
    mal_bytes label, party;
    uint32_t use;

    MAL_TRY(mal_rd_blob(&rd, &label, sizeof LABEL));
    MAL_REQUIRE(mal_bytes_same_vartime(label, mal_bytes_str(LABEL)),
                MAL_E_INPUT, "not a key statement");
    MAL_TRY(mal_rd_blob(&rd, &party, MAL_KMS_PARTY_MAX));
    memcpy(s.party, party.ptr, party.len);
    MAL_REQUIRE(strlen(s.party) == party.len, MAL_E_INPUT,
                "a key statement's party holds a NUL");
    MAL_TRY(mal_rd_u32(&rd, &use));
    MAL_REQUIRE(use <= MAL_KMS_HPKE, MAL_E_INPUT,
                "a key statement has no use %u", use);
    s.use = (mal_kms_use)use;
    MAL_TRY(mal_rd_u32(&rd, &s.suite));
    MAL_TRY(mal_rd_u32(&rd, &s.epoch));
    MAL_TRY(mal_rd_copy(&rd, s.pub, sizeof s.pub));
    MAL_TRY(mal_rd_u64(&rd, &s.not_before));
    MAL_TRY(mal_rd_u64(&rd, &s.not_after));
    MAL_TRY(mal_rd_copy(&rd, s.sig, sizeof s.sig));
    MAL_TRY(mal_rd_end(&rd));
    MAL_TRY(check_fields(&s));
    *statement = s;
    return MAL_OK;
}

mal_err mal_kms_statement_verify(const mal_kms_statement *statement,
                                 const uint8_t identity[32], const char *party,
                                 mal_kms_use use, uint64_t now) {
    MAL_AUTO(mal_buf_clear) mal_buf body = { 0 };
    MAL_TRY(put_body(&body, statement));
    MAL_TRY(mal_prim_verify(statement->sig, identity, mal_buf_view(&body)));
    MAL_REQUIRE(strcmp(statement->party, party) == 0, MAL_E_AUTH,
                "the key statement is %s's, not %s's", statement->party, party);
    MAL_REQUIRE(statement->use == use, MAL_E_AUTH,
                "the key statement is for another use");
    MAL_REQUIRE(
        statement->not_before <= now && now <= statement->not_after, MAL_E_AUTH,
        "the key statement is not valid now: ask %s to renew its keys", party);
    return MAL_OK;
}

mal_err mal_kms_statement_own(mal_kms *kms, mal_kms_statement *statement,
                              mal_kms_use use) {
    const kms_epoch *e = kms_epoch_present(kms);
    mal_kms_statement s = { .use = use, .suite = suite_of(use) };

    memcpy(s.party, kms->party, sizeof s.party);
    if (use == MAL_KMS_LOG) {
        s.epoch = 1;
        s.not_before = kms->log_from;
        s.not_after = kms->log_until;
    } else {
        s.epoch = e->epoch;
        s.not_before = e->not_before;
        s.not_after = e->not_after;
    }
    mal_kms_pub(kms, use, s.pub);
    MAL_TRY(kms_statement_sign(&s, &kms->identity));
    *statement = s;
    return MAL_OK;
}
