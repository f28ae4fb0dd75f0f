/* init.c - the two libraries, made ready once. */
#include "prim_impl.h"

#include <pthread.h>
#include <sodium.h>

static EVP_CIPHER *ciphers[PRIM_CIPHERS];
static int sodium_state;

static void init_once(void) {
    static const char *const names[PRIM_CIPHERS] = {
        [PRIM_AES256_CTR] = "AES-256-CTR",
        [PRIM_AES256_GCM] = "AES-256-GCM",
        [PRIM_AES128_GCM] = "AES-128-GCM",
        [PRIM_CHACHA20_POLY1305] = "ChaCha20-Poly1305",
    };
    sodium_state = sodium_init();
    for (int i = 0; i < PRIM_CIPHERS; i++)
        ciphers[i] = EVP_CIPHER_fetch(NULL, names[i], NULL);
}

static void init(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_once);
}

mal_err mal_prim_init(void) {
    init();
    MAL_REQUIRE(sodium_state >= 0, MAL_E_UNSUPPORTED,
                "libsodium does not start: check that /dev/urandom exists");
    for (int i = 0; i < PRIM_CIPHERS; i++)
        MAL_REQUIRE(ciphers[i], MAL_E_UNSUPPORTED,
                    "OpenSSL lacks AES or ChaCha20: check openssl.cnf");
    return MAL_OK;
}

const EVP_CIPHER *prim_cipher_get(prim_cipher which) {
    init();
    if (!ciphers[which])
        mal_err_set(MAL_E_UNSUPPORTED, __FILE__, __LINE__,
                    "OpenSSL lacks AES or ChaCha20: check openssl.cnf");
    return ciphers[which];
}

void prim_cipher_ctx_auto(EVP_CIPHER_CTX **ctx) {
    EVP_CIPHER_CTX_free(*ctx);
}
