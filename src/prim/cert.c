/* cert.c - the X.509 coat of Ed25519 keys [RFC8410], for TLS.
 *
 * TLS wants certificates; we trust keys.  An identity signs itself a CA
 * certificate and one leaf for each short-lived node key.  Peers pin the
 * identity's key, so names, revocation lists and serial numbers decide nothing.
 */
#include "prim_impl.h"

#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>

#define DAY 86400
#define IDENTITY_DAYS 3650
#define CLOCK_SLACK_S 300 /* a peer whose clock is behind still accepts it */
#define NAME_MAX_BYTES 64 /* X.520 ub-common-name */
#define CERT_MAX_BYTES 8192

static void cert_auto(X509 **cert) {
    X509_free(*cert);
}
static void pkey_auto(EVP_PKEY **pkey) {
    EVP_PKEY_free(*pkey);
}

static mal_err pkey_of_pub(EVP_PKEY **pkey, const uint8_t pub[32]) {
    *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, pub, 32);
    MAL_REQUIRE(*pkey, MAL_E_MEMORY, "out of memory for a key");
    return MAL_OK;
}

static mal_err pkey_of_sec(EVP_PKEY **pkey, const mal_key *sec) {
    MAL_REQUIRE(sec->len == MAL_PRIM_SIGN_SEC, MAL_E_INPUT,
                "an Ed25519 secret key has 64 bytes, not %zu", sec->len);
    *pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, sec->ptr, 32);
    MAL_REQUIRE(*pkey, MAL_E_MEMORY, "out of memory for a key");
    return MAL_OK;
}

/* [RFC7093] method 1: the first 160 bits of SHA-256 of the key. */
static ASN1_OCTET_STRING *key_id_new(const uint8_t pub[32]) {
    mal_prim_hash hash;
    ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
    mal_prim_sha256_of(&hash, mal_bytes_of(pub, 32));
    if (id && ASN1_OCTET_STRING_set(id, hash.b, 20) != 1) {
        ASN1_OCTET_STRING_free(id);
        id = NULL;
    }
    return id;
}

static int add_key_ids(X509 *cert, const uint8_t subject[32],
                       const uint8_t issuer[32]) {
    ASN1_OCTET_STRING *ski = key_id_new(subject);
    AUTHORITY_KEYID *aki = AUTHORITY_KEYID_new();
    int ok =
        ski && aki && (aki->keyid = key_id_new(issuer)) &&
        X509_add1_ext_i2d(cert, NID_subject_key_identifier, ski, 0, 0) == 1 &&
        X509_add1_ext_i2d(cert, NID_authority_key_identifier, aki, 0, 0) == 1;
    ASN1_OCTET_STRING_free(ski);
    AUTHORITY_KEYID_free(aki);
    return ok;
}

static int add_ext(X509 *cert, int nid, const char *value) {
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    int ok = ext && X509_add_ext(cert, ext, -1) == 1;
    X509_EXTENSION_free(ext);
    return ok;
}

static int set_name(X509_NAME *name, const char *cn, const char *unit) {
    return name &&
           X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                      (const uint8_t *)cn, -1, -1, 0) == 1 &&
           (!unit || X509_NAME_add_entry_by_NID(
                         name, NID_organizationalUnitName, MBSTRING_UTF8,
                         (const uint8_t *)unit, -1, -1, 0) == 1);
}

static int set_serial(X509 *cert) {
    uint64_t serial;
    mal_prim_random(&serial, sizeof serial);
    return ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert),
                                   (serial >> 1) | 1) == 1;
}

static mal_err put_der(mal_buf *der, X509 *cert) {
    uint8_t *bytes = NULL;
    int len = i2d_X509(cert, &bytes);
    MAL_REQUIRE(len > 0, MAL_E_MEMORY, "out of memory for a certificate");
    mal_err err = mal_buf_put(der, mal_bytes_of(bytes, (size_t)len));
    OPENSSL_free(bytes);
    MAL_TRY(err);
    return MAL_OK;
}

/* What both certificates have in common; unit NULL: the identity's own. */
static mal_err issue(mal_buf *der, const char *name, const char *unit,
                     const uint8_t pub[32], const mal_key *identity,
                     uint64_t not_before, uint64_t not_after) {
    MAL_AUTO(cert_auto) X509 *cert = X509_new();
    MAL_AUTO(pkey_auto) EVP_PKEY *subject = NULL;
    MAL_AUTO(pkey_auto) EVP_PKEY *issuer = NULL;
    size_t name_len = strlen(name);

    MAL_REQUIRE(name_len >= 1 && name_len <= NAME_MAX_BYTES, MAL_E_INPUT,
                "a certificate's name has 1 to %d bytes", NAME_MAX_BYTES);
    MAL_REQUIRE(not_before < not_after && not_after < UINT64_C(253402300800),
                MAL_E_INPUT, "a certificate ends after it begins");
    MAL_REQUIRE(cert, MAL_E_MEMORY, "out of memory for a certificate");
    MAL_TRY(pkey_of_pub(&subject, pub));
    MAL_TRY(pkey_of_sec(&issuer, identity));
    int ok =
        X509_set_version(cert, X509_VERSION_3) == 1 && set_serial(cert) &&
        set_name(X509_get_subject_name(cert), name, unit) &&
        set_name(X509_get_issuer_name(cert), name, NULL) &&
        ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)not_before) &&
        ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)not_after) &&
        X509_set_pubkey(cert, subject) == 1 &&
        add_ext(cert, NID_basic_constraints,
                unit ? "critical,CA:FALSE" : "critical,CA:TRUE,pathlen:0") &&
        add_ext(cert, NID_key_usage,
                unit ? "critical,digitalSignature" : "critical,keyCertSign") &&
        (!unit || add_ext(cert, NID_ext_key_usage, "serverAuth,clientAuth")) &&
        add_key_ids(cert, pub, identity->ptr + 32) &&
        X509_sign(cert, issuer, NULL) > 0;
    MAL_REQUIRE(ok, MAL_E_MEMORY, "OpenSSL could not build a certificate");
    MAL_TRY(put_der(der, cert));
    return MAL_OK;
}

mal_err mal_prim_cert_identity(mal_buf *der, const char *name,
                               const mal_key *identity_sec) {
    uint64_t now = mal_time_unix();
    MAL_REQUIRE(identity_sec->len == MAL_PRIM_SIGN_SEC, MAL_E_INPUT,
                "an Ed25519 secret key has 64 bytes, not %zu",
                identity_sec->len);
    MAL_TRY(issue(der, name, NULL, identity_sec->ptr + 32, identity_sec,
                  now - CLOCK_SLACK_S, now + (uint64_t)IDENTITY_DAYS * DAY));
    return MAL_OK;
}

mal_err mal_prim_cert_node(mal_buf *der, const char *name,
                           const uint8_t node_pub[32],
                           const mal_key *identity_sec, uint64_t not_before,
                           uint64_t not_after) {
    MAL_REQUIRE(identity_sec->len == MAL_PRIM_SIGN_SEC, MAL_E_INPUT,
                "an Ed25519 secret key has 64 bytes, not %zu",
                identity_sec->len);
    MAL_TRY(issue(der, name, "node", node_pub, identity_sec, not_before,
                  not_after));
    return MAL_OK;
}

static mal_err parse(X509 **cert, mal_bytes der) {
    const uint8_t *at = der.ptr;
    MAL_REQUIRE(der.len >= 1 && der.len <= CERT_MAX_BYTES, MAL_E_INPUT,
                "a certificate has 1 to %d bytes", CERT_MAX_BYTES);
    *cert = d2i_X509(NULL, &at, (long)der.len);
    MAL_REQUIRE(*cert && at == der.ptr + der.len, MAL_E_INPUT,
                "not a certificate in DER");
    return MAL_OK;
}

static mal_err key_of(uint8_t pub[32], X509 *cert) {
    EVP_PKEY *pkey = X509_get0_pubkey(cert);
    uint8_t key[32];
    size_t len = sizeof key;
    MAL_REQUIRE(pkey && EVP_PKEY_get_id(pkey) == EVP_PKEY_ED25519 &&
                    EVP_PKEY_get_raw_public_key(pkey, key, &len) == 1 &&
                    len == sizeof key,
                MAL_E_INPUT, "the certificate's key is not Ed25519");
    memcpy(pub, key, sizeof key);
    return MAL_OK;
}

mal_err mal_prim_cert_key(uint8_t pub[32], mal_bytes der) {
    MAL_AUTO(cert_auto) X509 *cert = NULL;
    MAL_TRY(parse(&cert, der));
    MAL_TRY(key_of(pub, cert));
    return MAL_OK;
}

/* One uninformative failure for everything that a certificate may lie about. */
mal_err mal_prim_cert_check(mal_bytes node, const uint8_t identity_pub[32],
                            uint64_t now) {
    MAL_AUTO(cert_auto) X509 *cert = NULL;
    MAL_AUTO(pkey_auto) EVP_PKEY *issuer = NULL;
    uint8_t node_pub[32];
    time_t at = (time_t)now;

    MAL_TRY(parse(&cert, node));
    MAL_TRY(key_of(node_pub, cert));
    MAL_TRY(pkey_of_pub(&issuer, identity_pub));
    MAL_REQUIRE(X509_get_signature_nid(cert) == NID_ED25519 &&
                    X509_verify(cert, issuer) == 1,
                MAL_E_AUTH,
                "the certificate is not signed by the pinned identity");
    uint32_t flags = X509_get_extension_flags(cert);
    MAL_REQUIRE(X509_get_version(cert) == X509_VERSION_3 &&
                    !(flags & (EXFLAG_CA | EXFLAG_CRITICAL | EXFLAG_INVALID)) &&
                    (flags & EXFLAG_BCONS) && (flags & EXFLAG_KUSAGE) &&
                    X509_get_key_usage(cert) == KU_DIGITAL_SIGNATURE,
                MAL_E_AUTH, "the certificate is not a node's");
    MAL_REQUIRE(X509_cmp_time(X509_get0_notBefore(cert), &at) < 0 &&
                    X509_cmp_time(X509_get0_notAfter(cert), &at) > 0,
                MAL_E_AUTH, "the node's certificate is not valid now");
    return MAL_OK;
}
