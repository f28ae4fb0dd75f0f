/* prim_impl.h - shared inside prim: fetched ciphers, HKDF's halves, HPKE by
 * suite. */
#ifndef MALUS_PRIM_IMPL_H
#define MALUS_PRIM_IMPL_H

#include <malus/prim.h>
#include <openssl/evp.h>

/* OpenSSL's fetch walks a locked table for microseconds; it is done once. */
typedef enum prim_cipher {
    PRIM_AES256_CTR,
    PRIM_AES256_GCM,
    PRIM_AES128_GCM, /* HPKE vectors only */
    PRIM_CHACHA20_POLY1305,
    PRIM_CIPHERS
} prim_cipher;
/* NULL (recorded): this OpenSSL has no such cipher. */
const EVP_CIPHER *prim_cipher_get(prim_cipher which);

void prim_cipher_ctx_auto(EVP_CIPHER_CTX **ctx);

/* A 12-byte-nonce AEAD of OpenSSL.  Appends; on failure out is as it was. */
mal_err prim_aead_seal(mal_buf *out, prim_cipher which, mal_bytes key,
                       const uint8_t nonce[12], mal_bytes ad,
                       mal_bytes plain) MAL_MUST_CHECK;
mal_err prim_aead_open(mal_buf *out, prim_cipher which, mal_bytes key,
                       const uint8_t nonce[12], mal_bytes ad,
                       mal_bytes sealed) MAL_MUST_CHECK;

/* SHA-256 of the parts, one after the other. */
void prim_sha256_concat(mal_prim_hash *out, const mal_bytes *parts, size_t n);
/* HMAC over a list of parts; they are concatenated. */
void prim_hmac256_parts(mal_prim_hash *out, mal_bytes key,
                        const mal_bytes *parts, size_t n);
/* RFC 5869, section 2.3, with info given in parts.  len in [1, 255 * 32]. */
void prim_hkdf_expand_parts(uint8_t *out, size_t len, const mal_prim_hash *prk,
                            const mal_bytes *info, size_t n);

/* RFC 9180 AEAD identifiers. */
#define PRIM_HPKE_AES128_GCM 0x0001
#define PRIM_HPKE_AES256_GCM 0x0002
#define PRIM_HPKE_CHACHA20_POLY1305 0x0003
/* The sender with its ephemeral key given, so that published vectors can be
 * run. */
mal_err prim_hpke_seal_with(mal_buf *out, uint16_t aead, const mal_key *eph,
                            const uint8_t pub[32], mal_bytes info,
                            mal_bytes aad, mal_bytes plain) MAL_MUST_CHECK;
mal_err prim_hpke_open_with(mal_buf *out, uint16_t aead, const mal_key *sec,
                            mal_bytes info, mal_bytes aad,
                            mal_bytes sealed) MAL_MUST_CHECK;

#endif
