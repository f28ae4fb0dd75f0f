/* malus/prim_cert.h - certificates and signatures of others: what evidence of
 * hardware is signed with.
 *
 * Vendors of processors speak X.509 [RFC5280], ECDSA and RSA.  This header
 * reads what they sign and says whether it leads to an anchor: the SHA-256 of a
 * root certificate that the caller names.  There is no store, no network and no
 * clock; anchors and times are arguments, sizes and depths have limits.  All
 * of it is public data, so everything here is vartime.
 */
#ifndef MALUS_PRIM_CERT_H
#define MALUS_PRIM_CERT_H

#include <malus/prim.h>

/* --- Keys and signatures ------------------------------------------------- */

/* A public key on P-256, P-384 or P-521, RSA of 2048 to 8192 bits, or Ed25519;
 * whatever else is refused when it is read. */
typedef struct mal_pubkey mal_pubkey;

#define MAL_PUBKEY_SPKI_MAX 4096

/* SubjectPublicKeyInfo, the whole of der.  MAL_E_INPUT: no key of ours. */
mal_err mal_pubkey_parse_spki(mal_pubkey **key, mal_bytes der) MAL_MUST_CHECK;
/* The first PUBLIC KEY block of a PEM text. */
mal_err mal_pubkey_parse_pem(mal_pubkey **key, mal_bytes text) MAL_MUST_CHECK;
/* bits 256, 384 or 521; x_y are both coordinates, big-endian, of equal length.
 * MAL_E_INPUT: not a point on the curve. */
mal_err mal_pubkey_ec(mal_pubkey **key, unsigned bits,
                      mal_bytes x_y) MAL_MUST_CHECK;
/* Modulus and exponent, big-endian. */
mal_err mal_pubkey_rsa(mal_pubkey **key, mal_bytes n,
                       mal_bytes e) MAL_MUST_CHECK;
void mal_pubkey_free(mal_pubkey *key);  /* NULL is fine */
void mal_pubkey_auto(mal_pubkey **key); /* for MAL_AUTO */
/* Appends the key as DER SubjectPublicKeyInfo. */
mal_err mal_pubkey_spki(mal_buf *der, const mal_pubkey *key) MAL_MUST_CHECK;
bool mal_pubkey_same(const mal_pubkey *a, const mal_pubkey *b);
/* 256, 384, 521 on a curve; the length of an RSA modulus; 255 for Ed25519. */
unsigned mal_pubkey_bits(const mal_pubkey *key);
bool mal_pubkey_is_ec(const mal_pubkey *key);

typedef enum mal_sig_alg {
    MAL_SIG_ES256, /* r || s big-endian [RFC9053]: COSE, DCAP, SNP turned */
    MAL_SIG_ES384,
    MAL_SIG_ES512,
    MAL_SIG_PS256, /* RSASSA-PSS, salt as long as the hash [RFC8017] */
    MAL_SIG_PS384,
    MAL_SIG_PS512,
    MAL_SIG_RS256, /* RSASSA-PKCS1-v1_5 [RFC8017] */
    MAL_SIG_RS384,
    MAL_SIG_RS512,
    MAL_SIG_ECDSA_DER_SHA256, /* SEQUENCE { r, s }, any curve above */
    MAL_SIG_ECDSA_DER_SHA384,
    MAL_SIG_EDDSA, /* Ed25519 */
} mal_sig_alg;

/* MAL_OK: sig is key's signature of message.  MAL_E_AUTH for everything else:
 * a wrong signature, or an algorithm that does not fit the key (ES256 wants
 * P-256, ES384 P-384, ES512 P-521).  MAL_E_MEMORY. */
mal_err mal_pubkey_verify(const mal_pubkey *key, mal_sig_alg alg,
                          mal_bytes message, mal_bytes sig) MAL_MUST_CHECK;

/* --- Certificates -------------------------------------------------------- */

/* The next block of PEM [RFC7468] with this label at or after *at.
 *
 * Out:     out       its bytes, appended.
 * In-out:  at        moves behind the block; begin with 0.
 * Errors:  MAL_E_MISSING  there is none.  MAL_E_INPUT  it does not end, or is
 *                         not base64.
 */
mal_err mal_pem_next(mal_buf *out, mal_bytes text, size_t *at,
                     const char *label) MAL_MUST_CHECK;

typedef struct mal_cert mal_cert;

#define MAL_CERT_DER_MAX ((size_t)64 << 10) /* evidence can lie inside */
#define MAL_CERT_TEXT_MAX 64                /* X.520 ub-common-name */

/* The whole of der, which must be DER and not merely BER.  MAL_E_INPUT. */
mal_err mal_cert_parse(mal_cert **cert, mal_bytes der) MAL_MUST_CHECK;
/* All CERTIFICATE blocks of a text, in its order; what stands between them is
 * passed over.
 *
 * Out:     certs     [*n] owned by the caller; none on failure.
 *          n         at least 1, at most max.
 * Errors:  MAL_E_INPUT  no block, a block that does not end or is no
 *                       certificate.  MAL_E_LIMIT  more than max.
 */
mal_err mal_cert_parse_pem(mal_cert **certs, size_t *n, size_t max,
                           mal_bytes text) MAL_MUST_CHECK;
void mal_cert_free(mal_cert *cert);  /* NULL is fine */
void mal_cert_auto(mal_cert **cert); /* for MAL_AUTO */

mal_bytes mal_cert_der(const mal_cert *cert); /* borrowed */
/* The contents of the extension with this dotted OID, borrowed.  MAL_E_MISSING:
 * it is absent; MAL_E_INPUT: it is there twice. */
mal_err mal_cert_extension(const mal_cert *cert, const char *oid,
                           mal_bytes *value) MAL_MUST_CHECK;
/* SHA-256 of the DER: what an anchor is named by. */
void mal_cert_fingerprint(const mal_cert *cert, mal_prim_hash *out);
/* Subject and issuer are the same name; says nothing of the signature. */
bool mal_cert_self_issued(const mal_cert *cert);
/* Did its own key sign it, over SHA-256 or above?  Then whoever has the key
 * wrote all of it.  MAL_E_AUTH: no. */
mal_err mal_cert_check_self(const mal_cert *cert) MAL_MUST_CHECK;
/* Seconds since 1970, both inclusive; times before 1970 are 0. */
void mal_cert_times(const mal_cert *cert, uint64_t *not_before,
                    uint64_t *not_after);
/* The only common name of subject or issuer, "" if there is none; UTF-8. */
const char *mal_cert_subject_cn(const mal_cert *cert);
const char *mal_cert_issuer_cn(const mal_cert *cert);
mal_err mal_cert_key(const mal_cert *cert, mal_pubkey **key) MAL_MUST_CHECK;
/* Appends the SubjectPublicKeyInfo as it stands in the certificate. */
mal_err mal_cert_spki(mal_buf *der, const mal_cert *cert) MAL_MUST_CHECK;

/* --- Lists of revoked certificates --------------------------------------- */

typedef struct mal_crl mal_crl;

#define MAL_CRL_DER_MAX ((size_t)1 << 20)

/* DER, or the first X509 CRL block of a PEM text. */
mal_err mal_crl_parse(mal_crl **crl, mal_bytes der_or_pem) MAL_MUST_CHECK;
void mal_crl_free(mal_crl *crl);
void mal_crl_auto(mal_crl **crl);
/* thisUpdate and nextUpdate, both inclusive; a list without an end is refused
 * when it is read. */
void mal_crl_times(const mal_crl *crl, uint64_t *from, uint64_t *until);

/* --- Paths --------------------------------------------------------------- */

/* Why a path is not good.  Authenticity is judged before time, and time before
 * revocation: EXPIRED says that everything else about the signatures is right.
 */
typedef enum mal_cert_code {
    MAL_CERT_OK,
    MAL_CERT_BAD_CHAIN, /* a signature, name, CA bit, key usage, path length,
                           critical extension; or no root is the anchor */
    MAL_CERT_EXPIRED,   /* a certificate, or a list of revoked ones */
    MAL_CERT_NOT_YET_VALID,
    MAL_CERT_REVOKED,
    MAL_CERT_NO_CRL,
} mal_cert_code;

#define MAL_CERT_PATH_MAX 8   /* certificates from leaf to root */
#define MAL_CERT_CERTS_MAX 32 /* offered */
#define MAL_CERT_CRLS_MAX 16
#define MAL_CERT_TRIES_MAX 64 /* signatures checked in search of a path */

typedef struct mal_cert_path {
    const mal_cert *const *certs; /* [n] the leaf, then in any order */
    size_t n;
    mal_prim_hash anchor; /* fingerprint that the last of the path has */
    uint64_t time;
    const mal_crl *const *crls; /* [n_crls] those of foreign issuers are idle */
    size_t n_crls;
    bool need_crls; /* every certificate below the anchor needs a list */
    bool amd;       /* a serial of 0 and RSA-PSS are fine */
} mal_cert_path;

typedef struct mal_cert_window {
    uint64_t from, until;
} mal_cert_window;

/* Is there a path from certs[0] to the anchor that holds at this time?
 *
 * Signatures are ECDSA, RSA of 2048 bits and more, or Ed25519, over SHA-256 and
 * above.  Issuers have the CA bit and may sign certificates.  Extensions that
 * are critical and not read here refuse the path; so do name constraints.  A
 * list counts whenever its issuer is in the path.
 *
 * Out:     window    if not NULL and the answer is OK: the seconds, both
 *                    inclusive, at which it would be the same (of what was
 * used).
 */
mal_cert_code mal_cert_verify_path(const mal_cert_path *path,
                                   mal_cert_window *window);
/* "bad-chain", .. */
const char *mal_cert_code_name(mal_cert_code code);

#endif
