/* key.c - key statements: what an identity says about its short-lived keys. */
#include "audit_impl.h"

#include <string.h>

static const char label[] = "malus.key/v1";

static mal_err check_key(const mal_audit_key *key) {
    bool x25519 = key->use == MAL_AUDIT_USE_HPKE;
    MAL_REQUIRE(audit_word_valid(key->party), MAL_E_INPUT,
                "a key statement names no party");
    MAL_REQUIRE(key->use >= MAL_AUDIT_USE_NODE &&
                    key->use <= MAL_AUDIT_USE_HPKE,
                MAL_E_INPUT, "a key statement names an unknown use");
    MAL_REQUIRE(key->suite ==
                    (x25519 ? MAL_AUDIT_SUITE_X25519 : MAL_AUDIT_SUITE_ED25519),
                MAL_E_INPUT, "a key statement's suite does not fit its use");
    MAL_REQUIRE(key->not_before <= key->not_after, MAL_E_INPUT,
                "a key statement is never valid");
    return MAL_OK;
}

/* Everything but the signature, which is over these bytes. */
static mal_err put_body(mal_buf *out, const mal_audit_key *key) {
    MAL_TRY(check_key(key));
    MAL_TRY(mal_buf_put_blob_str(out, label));
    MAL_TRY(mal_buf_put_blob_str(out, key->party));
    MAL_TRY(mal_buf_put_u32(out, (uint32_t)key->use));
    MAL_TRY(mal_buf_put_u32(out, key->suite));
    MAL_TRY(mal_buf_put_u32(out, key->epoch));
    MAL_TRY(mal_buf_put(out, mal_bytes_of(key->pub, sizeof key->pub)));
    MAL_TRY(mal_buf_put_u64(out, key->not_before));
    return mal_buf_put_u64(out, key->not_after);
}

mal_err mal_audit_key_statement_encode(mal_buf *out, const mal_audit_key *key,
                                       const uint8_t sig[64]) {
    MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
    MAL_TRY(put_body(&bytes, key));
    MAL_TRY(mal_buf_put(&bytes, mal_bytes_of(sig, MAL_PRIM_SIG)));
    return mal_buf_put(out, mal_buf_view(&bytes));
}

mal_err mal_audit_key_statement_sign(mal_buf *out, const mal_audit_key *key,
                                     const mal_audit_signer *identity) {
    MAL_AUTO(mal_buf_clear) mal_buf body = { 0 };
    uint8_t sig[MAL_PRIM_SIG];

    MAL_TRY(put_body(&body, key));
    MAL_TRY(mal_prim_sign(sig, identity->sec, mal_buf_view(&body)));
    return mal_audit_key_statement_encode(out, key, sig);
}

mal_err mal_audit_key_statement_decode(mal_audit_key *key, uint8_t sig[64],
                                       mal_bytes statement) {
    mal_rd rd = mal_rd_of(statement);
    mal_audit_key k = { 0 };
    mal_bytes name, party;
    uint32_t use;

    memset(key, 0, sizeof *key);
    MAL_TRY(mal_rd_blob(&rd, &name, sizeof label));
    MAL_REQUIRE(audit_bytes_equal_str(name, label), MAL_E_INPUT,
                "not a key statement of this version");
    MAL_TRY(mal_rd_blob(&rd, &party, MAL_AUDIT_PARTY_MAX));
    if (party.len)
        memcpy(k.party, party.ptr, party.len);
    MAL_REQUIRE(strlen(k.party) == party.len, MAL_E_INPUT,
                "a NUL in a party's name");
    MAL_TRY(mal_rd_u32(&rd, &use));
    MAL_TRY(mal_rd_u32(&rd, &k.suite));
    MAL_TRY(mal_rd_u32(&rd, &k.epoch));
    MAL_TRY(mal_rd_copy(&rd, k.pub, sizeof k.pub));
    MAL_TRY(mal_rd_u64(&rd, &k.not_before));
    MAL_TRY(mal_rd_u64(&rd, &k.not_after));
    MAL_TRY(mal_rd_copy(&rd, sig, MAL_PRIM_SIG));
    MAL_TRY(mal_rd_end(&rd));
    MAL_REQUIRE(use >= MAL_AUDIT_USE_NODE && use <= MAL_AUDIT_USE_HPKE,
                MAL_E_INPUT, "a key statement names an unknown use");
    k.use = (mal_audit_use)use;
    MAL_TRY(check_key(&k));
    *key = k;
    return MAL_OK;
}

mal_err mal_audit_key_statement_verify(mal_audit_key *key, mal_bytes statement,
                                       const uint8_t identity_pub[32]) {
    mal_audit_key k;
    uint8_t sig[MAL_PRIM_SIG];

    memset(key, 0, sizeof *key);
    MAL_TRY(mal_audit_key_statement_decode(&k, sig, statement));
    MAL_TRY(mal_prim_verify(
        sig, identity_pub,
        mal_bytes_of(statement.ptr, statement.len - sizeof sig)));
    *key = k;
    return MAL_OK;
}

bool mal_audit_key_valid_at(const mal_audit_key *key, uint64_t now) {
    return key->not_before <= now && now <= key->not_after;
}
