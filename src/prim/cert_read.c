/* cert_read.c - foreign certificates and lists of revoked ones [RFC5280]. */
#include "cert_impl.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

bool prim_time_unix(uint64_t *unix_seconds, const ASN1_TIME *time) {
    struct tm tm;
    if (!time || ASN1_TIME_to_tm(time, &tm) != 1)
        return false;
    time_t t = timegm(&tm);
    *unix_seconds = t > 0 ? (uint64_t)t : 0;
    return true;
}

/* --- Certificates -------------------------------------------------------- */

/* The only common name, without NULs inside; else "". */
static void put_cn(char out[MAL_CERT_TEXT_MAX + 1], X509_NAME *name) {
    uint8_t *text = NULL;
    int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    if (at < 0 || X509_NAME_get_index_by_NID(name, NID_commonName, at) >= 0)
        return;
    int len = ASN1_STRING_to_UTF8(
        &text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    if (len > 0 && len <= MAL_CERT_TEXT_MAX && !memchr(text, 0, (size_t)len))
        memcpy(out, text, (size_t)len);
    if (len >= 0)
        OPENSSL_free(text);
}

/* What d2i_X509 reads from BER it would not write so: refuse it. */
static bool is_der(X509 *x509, mal_bytes der) {
    uint8_t *again = NULL;
    int len = i2d_X509(x509, &again);
    bool same = len > 0 &&
                mal_bytes_same_vartime(der, mal_bytes_of(again, (size_t)len));
    OPENSSL_free(again);
    return same;
}

static mal_err fill(mal_cert *cert, mal_bytes der) {
    const uint8_t *at = der.ptr;
    cert->x509 = d2i_X509(NULL, &at, (long)der.len);
    bool fine =
        cert->x509 && at == der.ptr + der.len && is_der(cert->x509, der) &&
        X509_check_purpose(cert->x509, -1, 0) == 1 &&
        prim_time_unix(&cert->not_before, X509_get0_notBefore(cert->x509)) &&
        prim_time_unix(&cert->not_after, X509_get0_notAfter(cert->x509));
    ERR_clear_error();
    MAL_REQUIRE(fine, MAL_E_INPUT, "not a certificate in DER");
    MAL_TRY(mal_buf_put(&cert->der, der));
    mal_prim_sha256_of(&cert->fingerprint, der);
    put_cn(cert->subject, X509_get_subject_name(cert->x509));
    put_cn(cert->issuer, X509_get_issuer_name(cert->x509));
    return MAL_OK;
}

mal_err mal_cert_parse(mal_cert **cert, mal_bytes der) {
    MAL_AUTO(mal_cert_auto) mal_cert *c = NULL;
    *cert = NULL;
    MAL_REQUIRE(der.len >= 1 && der.len <= MAL_CERT_DER_MAX, MAL_E_INPUT,
                "a certificate has 1 to %zu bytes", MAL_CERT_DER_MAX);
    MAL_REQUIRE(c = mal_calloc(1, sizeof *c), MAL_E_MEMORY,
                "out of memory for a certificate");
    MAL_TRY(fill(c, der));
    *cert = c;
    c = NULL;
    return MAL_OK;
}

static mal_err parse_blocks(mal_cert **certs, size_t *n, size_t max,
                            mal_bytes text) {
    MAL_AUTO(mal_buf_clear) mal_buf der = { 0 };
    for (size_t at = 0;; mal_buf_reset(&der)) {
        mal_err err = mal_pem_next(&der, text, &at, "CERTIFICATE");
        if (err == MAL_E_MISSING)
            break;
        MAL_TRY(err);
        MAL_REQUIRE(*n < max, MAL_E_LIMIT, "more than %zu certificates", max);
        MAL_TRY(mal_cert_parse(&certs[*n], mal_buf_view(&der)));
        ++*n;
    }
    MAL_REQUIRE(*n, MAL_E_INPUT, "no certificate in the text");
    return MAL_OK;
}

mal_err mal_cert_parse_pem(mal_cert **certs, size_t *n, size_t max,
                           mal_bytes text) {
    *n = 0;
    mal_err err = parse_blocks(certs, n, max, text);
    while (err != MAL_OK && *n) {
        --*n;
        mal_cert_auto(&certs[*n]);
    }
    return err;
}

void mal_cert_free(mal_cert *cert) {
    if (!cert)
        return;
    X509_free(cert->x509);
    mal_buf_clear(&cert->der);
    mal_free(cert);
}

void mal_cert_auto(mal_cert **cert) {
    mal_cert_free(*cert);
    *cert = NULL;
}

mal_bytes mal_cert_der(const mal_cert *cert) {
    return mal_buf_view(&cert->der);
}

mal_err mal_cert_extension(const mal_cert *cert, const char *oid,
                           mal_bytes *value) {
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    MAL_REQUIRE(object, MAL_E_MEMORY, "out of memory for an identifier");
    int at = X509_get_ext_by_OBJ(cert->x509, object, -1);
    int twice = at < 0 ? -1 : X509_get_ext_by_OBJ(cert->x509, object, at);
    ASN1_OBJECT_free(object);
    MAL_REQUIRE(at >= 0, MAL_E_MISSING, "the certificate has no extension %s",
                oid);
    MAL_REQUIRE(twice < 0, MAL_E_INPUT, "extension %s is there twice", oid);
    const ASN1_OCTET_STRING *data =
        X509_EXTENSION_get_data(X509_get_ext(cert->x509, at));
    *value = mal_bytes_of(ASN1_STRING_get0_data(data),
                          (size_t)ASN1_STRING_length(data));
    return MAL_OK;
}

void mal_cert_fingerprint(const mal_cert *cert, mal_prim_hash *out) {
    *out = cert->fingerprint;
}

bool mal_cert_self_issued(const mal_cert *cert) {
    return X509_NAME_cmp(X509_get_subject_name(cert->x509),
                         X509_get_issuer_name(cert->x509)) == 0;
}

void mal_cert_times(const mal_cert *cert, uint64_t *not_before,
                    uint64_t *not_after) {
    *not_before = cert->not_before;
    *not_after = cert->not_after;
}

const char *mal_cert_subject_cn(const mal_cert *cert) {
    return cert->subject;
}

const char *mal_cert_issuer_cn(const mal_cert *cert) {
    return cert->issuer;
}

mal_err mal_cert_key(const mal_cert *cert, mal_pubkey **key) {
    EVP_PKEY *pkey = X509_get_pubkey(cert->x509);
    ERR_clear_error();
    return prim_pubkey_wrap(key, pkey);
}

mal_err mal_cert_spki(mal_buf *der, const mal_cert *cert) {
    uint8_t *bytes = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert->x509), &bytes);
    MAL_REQUIRE(len > 0, MAL_E_MEMORY, "out of memory for a key");
    mal_err err = mal_buf_put(der, mal_bytes_of(bytes, (size_t)len));
    OPENSSL_free(bytes);
    return err;
}

/* --- Lists of revoked certificates --------------------------------------- */

static mal_err parse_der(mal_crl **crl, mal_bytes der) {
    MAL_AUTO(mal_crl_auto) mal_crl *c = mal_calloc(1, sizeof *c);
    const uint8_t *at = der.ptr;
    MAL_REQUIRE(c, MAL_E_MEMORY, "out of memory for a list");
    MAL_REQUIRE(der.len <= MAL_CRL_DER_MAX, MAL_E_LIMIT,
                "a list has at most %zu bytes", MAL_CRL_DER_MAX);
    c->x509 = d2i_X509_CRL(NULL, &at, (long)der.len);
    bool fine = c->x509 && at == der.ptr + der.len &&
                prim_time_unix(&c->from, X509_CRL_get0_lastUpdate(c->x509)) &&
                prim_time_unix(&c->until, X509_CRL_get0_nextUpdate(c->x509));
    ERR_clear_error();
    MAL_REQUIRE(fine, MAL_E_INPUT, "not a list of revoked certificates");
    *crl = c;
    c = NULL;
    return MAL_OK;
}

mal_err mal_crl_parse(mal_crl **crl, mal_bytes der_or_pem) {
    MAL_AUTO(mal_buf_clear) mal_buf der = { 0 };
    size_t at = 0;
    *crl = NULL;
    MAL_REQUIRE(der_or_pem.len, MAL_E_INPUT, "an empty list");
    mal_err err = mal_pem_next(&der, der_or_pem, &at, "X509 CRL");
    if (err == MAL_E_MISSING)
        return parse_der(crl, der_or_pem);
    MAL_TRY(err);
    MAL_REQUIRE(der.len, MAL_E_INPUT, "an empty list");
    return parse_der(crl, mal_buf_view(&der));
}

void mal_crl_free(mal_crl *crl) {
    if (crl)
        X509_CRL_free(crl->x509);
    mal_free(crl);
}

void mal_crl_auto(mal_crl **crl) {
    mal_crl_free(*crl);
    *crl = NULL;
}

void mal_crl_times(const mal_crl *crl, uint64_t *from, uint64_t *until) {
    *from = crl->from;
    *until = crl->until;
}
