/* mal_vendor.h - a vendor of processors for tests: keys, certificates, lists of
 * revoked ones, signatures.
 *
 * Its roots are made anew in each run and live in tests alone, so that no build
 * that is shipped knows them.  The one place outside prim that speaks to
 * libcrypto, since prim verifies for others and never signs for them.
 */
#ifndef MAL_VENDOR_H
#define MAL_VENDOR_H

#include "mal_test.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

typedef struct mal_vendor_ext {
    const char *oid;
    mal_bytes value;
} mal_vendor_ext;

typedef struct mal_vendor_cert {
    const char *cn, *issuer_cn;
    EVP_PKEY *key, *issuer_key;
    bool ca;
    uint64_t from, to;
    int serial;
    const char *oid; /* of an extension, or NULL */
    mal_bytes extension;
    const mal_vendor_ext *more; /* [n_more] */
    size_t n_more;
} mal_vendor_cert;

/* A key on P-256; lives as long as the process. */
__attribute__((unused)) static EVP_PKEY *mal_vendor_key(unsigned which) {
    static EVP_PKEY *keys[16];
    CHECK(which < 16);
    if (!keys[which])
        keys[which] = EVP_EC_gen("P-256");
    CHECK(keys[which]);
    return keys[which];
}

/* A key on P-384, and one of RSA. */
__attribute__((unused)) static EVP_PKEY *mal_vendor_key384(unsigned which) {
    static EVP_PKEY *keys[4];
    CHECK(which < 4);
    if (!keys[which])
        keys[which] = EVP_EC_gen("P-384");
    CHECK(keys[which]);
    return keys[which];
}
__attribute__((unused)) static EVP_PKEY *mal_vendor_key_rsa(unsigned which) {
    static EVP_PKEY *keys[2];
    CHECK(which < 2);
    if (!keys[which])
        keys[which] = EVP_RSA_gen(2048);
    CHECK(keys[which]);
    return keys[which];
}

static void mal_vendor_name(X509_NAME *name, const char *cn) {
    CHECK(X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                     (const uint8_t *)cn, -1, -1, 0) == 1);
}

static void mal_vendor_text(X509 *x, int nid, const char *text) {
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, text);
    CHECK(ext && X509_add_ext(x, ext, -1) == 1);
    X509_EXTENSION_free(ext);
}

static void mal_vendor_bytes(X509 *x, const char *oid, mal_bytes bytes) {
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
    CHECK(ASN1_OCTET_STRING_set(octets, bytes.ptr, (int)bytes.len) == 1);
    X509_EXTENSION *ext = X509_EXTENSION_create_by_OBJ(NULL, object, 0, octets);
    CHECK(ext && X509_add_ext(x, ext, -1) == 1);
    X509_EXTENSION_free(ext);
    ASN1_OCTET_STRING_free(octets);
    ASN1_OBJECT_free(object);
}

static void mal_vendor_put(mal_buf *out, uint8_t *der, int len) {
    CHECK(len > 0);
    CHECK_OK(mal_buf_put(out, mal_bytes_of(der, (size_t)len)));
    OPENSSL_free(der);
}

/* Appends DER. */
__attribute__((unused)) static void mal_vendor_issue(mal_buf *out,
                                                     const mal_vendor_cert *c) {
    X509 *x = X509_new();
    uint8_t *der = NULL;
    CHECK(x && X509_set_version(x, X509_VERSION_3) == 1);
    CHECK(ASN1_INTEGER_set(X509_get_serialNumber(x), c->serial) == 1);
    mal_vendor_name(X509_get_subject_name(x), c->cn);
    mal_vendor_name(X509_get_issuer_name(x), c->issuer_cn);
    CHECK(ASN1_TIME_set(X509_getm_notBefore(x), (time_t)c->from));
    CHECK(ASN1_TIME_set(X509_getm_notAfter(x), (time_t)c->to));
    CHECK(X509_set_pubkey(x, c->key) == 1);
    mal_vendor_text(x, NID_basic_constraints,
                    c->ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    mal_vendor_text(x, NID_key_usage,
                    c->ca ? "critical,keyCertSign,cRLSign"
                          : "critical,digitalSignature");
    if (c->oid)
        mal_vendor_bytes(x, c->oid, c->extension);
    for (size_t i = 0; i < c->n_more; i++)
        mal_vendor_bytes(x, c->more[i].oid, c->more[i].value);
    CHECK(X509_sign(x, c->issuer_key, EVP_sha256()) > 0);
    int len = i2d_X509(x, &der);
    mal_vendor_put(out, der, len);
    X509_free(x);
}

/* Appends a list in DER that revokes this serial number; 0: none. */
__attribute__((unused)) static void mal_vendor_crl(mal_buf *out,
                                                   const char *issuer_cn,
                                                   EVP_PKEY *key, uint64_t from,
                                                   uint64_t to, int revoked) {
    X509_CRL *x = X509_CRL_new();
    X509_NAME *issuer = X509_NAME_new();
    ASN1_TIME *begin = ASN1_TIME_set(NULL, (time_t)from);
    ASN1_TIME *end = ASN1_TIME_set(NULL, (time_t)to);
    uint8_t *der = NULL;
    mal_vendor_name(issuer, issuer_cn);
    CHECK(X509_CRL_set_version(x, 1) == 1 &&
          X509_CRL_set_issuer_name(x, issuer) == 1 &&
          X509_CRL_set1_lastUpdate(x, begin) == 1 &&
          X509_CRL_set1_nextUpdate(x, end) == 1);
    if (revoked) {
        X509_REVOKED *entry = X509_REVOKED_new();
        ASN1_INTEGER *serial = ASN1_INTEGER_new();
        CHECK(ASN1_INTEGER_set(serial, revoked) == 1 &&
              X509_REVOKED_set_serialNumber(entry, serial) == 1 &&
              X509_REVOKED_set_revocationDate(entry, begin) == 1 &&
              X509_CRL_add0_revoked(x, entry) == 1);
        ASN1_INTEGER_free(serial);
    }
    CHECK(X509_CRL_sign(x, key, EVP_sha256()) > 0);
    int len = i2d_X509_CRL(x, &der);
    mal_vendor_put(out, der, len);
    X509_NAME_free(issuer);
    ASN1_TIME_free(begin);
    ASN1_TIME_free(end);
    X509_CRL_free(x);
}

/* As libcrypto gives it: DER of ECDSA, or RSA's number, PSS if asked for. */
__attribute__((unused)) static size_t
mal_vendor_sign_plain(uint8_t sig[512], EVP_PKEY *key, const EVP_MD *hash,
                      bool pss, mal_bytes message) {
    size_t len = 512;
    EVP_PKEY_CTX *rsa = NULL;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    CHECK(EVP_DigestSignInit(ctx, &rsa, hash, NULL, key) == 1);
    if (pss)
        CHECK(EVP_PKEY_CTX_set_rsa_padding(rsa, RSA_PKCS1_PSS_PADDING) == 1 &&
              EVP_PKEY_CTX_set_rsa_pss_saltlen(rsa, RSA_PSS_SALTLEN_DIGEST) ==
                  1);
    CHECK(EVP_DigestSign(ctx, sig, &len, message.ptr, message.len) == 1);
    EVP_MD_CTX_free(ctx);
    return len;
}

/* ECDSA as r || s, each of so many bytes. */
static void mal_vendor_sign_parts(uint8_t *sig, int half, EVP_PKEY *key,
                                  const EVP_MD *hash, mal_bytes message) {
    uint8_t der[512];
    const uint8_t *at = der;
    size_t len = mal_vendor_sign_plain(der, key, hash, false, message);
    ECDSA_SIG *parts = d2i_ECDSA_SIG(NULL, &at, (long)len);
    CHECK(parts && BN_bn2binpad(ECDSA_SIG_get0_r(parts), sig, half) == half &&
          BN_bn2binpad(ECDSA_SIG_get0_s(parts), sig + half, half) == half);
    ECDSA_SIG_free(parts);
}

/* ECDSA over SHA-256, as r || s. */
__attribute__((unused)) static void
mal_vendor_sign(uint8_t sig[64], EVP_PKEY *key, mal_bytes message) {
    mal_vendor_sign_parts(sig, 32, key, EVP_sha256(), message);
}

/* ECDSA on P-384 over SHA-384, as r || s. */
__attribute__((unused)) static void
mal_vendor_sign384(uint8_t sig[96], EVP_PKEY *key, mal_bytes message) {
    mal_vendor_sign_parts(sig, 48, key, EVP_sha384(), message);
}

/* The key's coordinates, x || y. */
__attribute__((unused)) static void mal_vendor_xy(uint8_t xy[64],
                                                  EVP_PKEY *key) {
    uint8_t point[65];
    size_t len = 0;
    CHECK(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point,
                                          sizeof point, &len) == 1 &&
          len == sizeof point && point[0] == 4);
    memcpy(xy, point + 1, 64);
}

/* Appends a block of PEM. */
__attribute__((unused)) static void mal_vendor_pem(mal_buf *out,
                                                   mal_bytes der) {
    CHECK_OK(mal_buf_put_str(out, "-----BEGIN CERTIFICATE-----\n"));
    CHECK_OK(mal_base64_encode(out, der));
    CHECK_OK(mal_buf_put_str(out, "\n-----END CERTIFICATE-----\n"));
}

#endif
