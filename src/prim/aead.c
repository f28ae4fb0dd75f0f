/* aead.c - AES-256-GCM [SP800-38D] and the XChaCha20-Poly1305 box [XChaCha]. */
#include "prim_impl.h"

#include <limits.h>
#include <sodium.h>
#include <string.h>

#define TAG MAL_PRIM_AEAD_TAG
#define BOX_NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
/* OpenSSL counts in int; GCM itself would stop at 2^36 - 32. */
#define PLAIN_MAX ((size_t)INT_MAX - TAG)

static mal_err start(EVP_CIPHER_CTX *ctx, prim_cipher which, mal_bytes key,
                     const uint8_t nonce[12], mal_bytes ad, int encrypt) {
    const EVP_CIPHER *cipher = prim_cipher_get(which);
    int n;

    MAL_REQUIRE(ctx, MAL_E_MEMORY, "out of memory");
    MAL_REQUIRE(cipher, MAL_E_UNSUPPORTED, "OpenSSL lacks an AEAD cipher");
    MAL_REQUIRE(key.len == (size_t)EVP_CIPHER_get_key_length(cipher),
                MAL_E_INPUT, "an AEAD key has %d bytes, not %zu",
                EVP_CIPHER_get_key_length(cipher), key.len);
    MAL_REQUIRE(ad.len <= PLAIN_MAX, MAL_E_LIMIT,
                "associated data beyond 2 GiB: seal it in pieces");
    MAL_REQUIRE(
        EVP_CipherInit_ex2(ctx, cipher, key.ptr, nonce, encrypt, NULL) == 1,
        MAL_E_MEMORY, "the cipher does not start");
    if (ad.len)
        MAL_REQUIRE(EVP_CipherUpdate(ctx, NULL, &n, ad.ptr, (int)ad.len) == 1,
                    MAL_E_MEMORY, "the cipher refuses associated data");
    return MAL_OK;
}

mal_err prim_aead_seal(mal_buf *out, prim_cipher which, mal_bytes key,
                       const uint8_t nonce[12], mal_bytes ad, mal_bytes plain) {
    MAL_AUTO(prim_cipher_ctx_auto) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t rest[TAG]; /* OpenSSL wants a place for the zero last bytes */
    int n = 0;

    MAL_REQUIRE(plain.len <= PLAIN_MAX, MAL_E_LIMIT,
                "more than 2 GiB under one nonce: seal it in pieces");
    MAL_TRY(start(ctx, which, key, nonce, ad, 1));
    MAL_TRY(mal_buf_reserve(out, plain.len + TAG));
    uint8_t *at = out->ptr + out->len;
    if (plain.len)
        MAL_REQUIRE(EVP_CipherUpdate(ctx, at, &n, plain.ptr, (int)plain.len) ==
                            1 &&
                        (size_t)n == plain.len,
                    MAL_E_MEMORY, "the cipher fails");
    MAL_REQUIRE(EVP_CipherFinal_ex(ctx, rest, &n) == 1 && n == 0 &&
                    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG,
                                        at + plain.len) == 1,
                MAL_E_MEMORY, "the cipher fails");
    out->len += plain.len + TAG;
    return MAL_OK;
}

mal_err prim_aead_open(mal_buf *out, prim_cipher which, mal_bytes key,
                       const uint8_t nonce[12], mal_bytes ad,
                       mal_bytes sealed) {
    MAL_AUTO(prim_cipher_ctx_auto) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t tag[TAG], rest[TAG];
    int n = 0, ok = 1;

    MAL_REQUIRE(sealed.len >= TAG, MAL_E_AUTH,
                "the ciphertext is cut short or was changed");
    MAL_REQUIRE(sealed.len - TAG <= PLAIN_MAX, MAL_E_LIMIT,
                "more than 2 GiB in one ciphertext");
    size_t len = sealed.len - TAG;
    MAL_TRY(start(ctx, which, key, nonce, ad, 0));
    MAL_TRY(mal_buf_reserve(out, len));
    uint8_t *at = len ? out->ptr + out->len : rest;
    memcpy(tag, sealed.ptr + len, TAG);
    if (len)
        ok = EVP_CipherUpdate(ctx, at, &n, sealed.ptr, (int)len) == 1;
    ok = ok && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, tag) == 1 &&
         EVP_CipherFinal_ex(ctx, rest, &n) == 1;
    if (!ok) { /* what was decrypted is not to be read by anyone */
        mal_wipe(at, len);
        MAL_FAIL(MAL_E_AUTH, "the ciphertext is cut short or was changed");
    }
    out->len += len;
    return MAL_OK;
}

mal_err mal_prim_gcm_seal(mal_buf *out, mal_bytes key, const uint8_t nonce[12],
                          mal_bytes ad, mal_bytes plain) {
    MAL_TRY(prim_aead_seal(out, PRIM_AES256_GCM, key, nonce, ad, plain));
    return MAL_OK;
}

mal_err mal_prim_gcm_open(mal_buf *out, mal_bytes key, const uint8_t nonce[12],
                          mal_bytes ad, mal_bytes sealed) {
    MAL_TRY(prim_aead_open(out, PRIM_AES256_GCM, key, nonce, ad, sealed));
    return MAL_OK;
}

mal_err mal_prim_box(mal_buf *out, mal_bytes key, mal_bytes ad,
                     mal_bytes plain) {
    MAL_REQUIRE(key.len == MAL_PRIM_AEAD_KEY, MAL_E_INPUT,
                "a box key has 32 bytes, not %zu", key.len);
    MAL_REQUIRE(plain.len <= PLAIN_MAX, MAL_E_LIMIT,
                "more than 2 GiB in one box: seal it in pieces");
    MAL_TRY(mal_buf_reserve(out, BOX_NONCE + plain.len + TAG));
    uint8_t *nonce = out->ptr + out->len;
    mal_prim_random(nonce, BOX_NONCE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + BOX_NONCE, NULL,
                                               plain.ptr, plain.len, ad.ptr,
                                               ad.len, NULL, nonce, key.ptr);
    out->len += BOX_NONCE + plain.len + TAG;
    return MAL_OK;
}

mal_err mal_prim_unbox(mal_buf *out, mal_bytes key, mal_bytes ad,
                       mal_bytes boxed) {
    MAL_REQUIRE(key.len == MAL_PRIM_AEAD_KEY, MAL_E_INPUT,
                "a box key has 32 bytes, not %zu", key.len);
    MAL_REQUIRE(boxed.len >= BOX_NONCE + TAG, MAL_E_AUTH,
                "the box is cut short or was changed");
    size_t len = boxed.len - BOX_NONCE - TAG;
    MAL_TRY(mal_buf_reserve(out, len + 1)); /* never a NULL output */
    MAL_REQUIRE(crypto_aead_xchacha20poly1305_ietf_decrypt(
                    out->ptr + out->len, NULL, NULL, boxed.ptr + BOX_NONCE,
                    len + TAG, ad.ptr, ad.len, boxed.ptr, key.ptr) == 0,
                MAL_E_AUTH, "the box is cut short or was changed");
    out->len += len;
    return MAL_OK;
}
