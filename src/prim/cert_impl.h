/* cert_impl.h - shared by the readers of foreign certificates. */
#ifndef MALUS_CERT_IMPL_H
#define MALUS_CERT_IMPL_H

#include <malus/prim_cert.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

struct mal_pubkey {
    EVP_PKEY *pkey;
    int type; /* EVP_PKEY_EC, EVP_PKEY_RSA, EVP_PKEY_ED25519 */
    unsigned bits;
};

struct mal_cert {
    X509 *x509;
    mal_buf der;
    mal_prim_hash fingerprint;
    uint64_t not_before, not_after;
    char subject[MAL_CERT_TEXT_MAX + 1], issuer[MAL_CERT_TEXT_MAX + 1];
};

struct mal_crl {
    X509_CRL *x509;
    uint64_t from, until;
};

/* Is it a key of the kinds that prim_cert.h names?  Fills type and bits. */
bool prim_pkey_fits(EVP_PKEY *pkey, int *type, unsigned *bits);
/* Takes over pkey, also on failure; NULL is a failure.  MAL_E_INPUT. */
mal_err prim_pubkey_wrap(mal_pubkey **key, EVP_PKEY *pkey) MAL_MUST_CHECK;

/* Seconds since 1970; false if it is no time. */
bool prim_time_unix(uint64_t *unix_seconds, const ASN1_TIME *time);

#endif
