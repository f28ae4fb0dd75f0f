/* fail_prim.c - the n-th allocation fails, ours or OpenSSL's, for every n. */
#include "prim_test.h"

#include <openssl/crypto.h>

/* OpenSSL allocates through these from the start of the process. */
static long fail_in; /* 0: never */
static void *failing_malloc(size_t size, const char *file, int line) {
    (void)file, (void)line;
    return fail_in && --fail_in == 0 ? NULL : malloc(size);
}
static void *failing_realloc(void *old, size_t size, const char *file,
                             int line) {
    (void)file, (void)line;
    return fail_in && --fail_in == 0 ? NULL : realloc(old, size);
}
static void plain_free(void *block, const char *file, int line) {
    (void)file, (void)line;
    free(block);
}
__attribute__((constructor(101))) static void hook(void) {
    if (CRYPTO_set_mem_functions(failing_malloc, failing_realloc, plain_free) !=
        1)
        abort();
}

static const uint8_t nonce[12];
static const uint8_t seed[32] = { 1 };

static mal_err seal_and_open(void) {
    MAL_AUTO(mal_buf_clear) mal_buf sealed = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf plain = { 0 };
    mal_bytes key = mal_bytes_of(seed, 32), ad = mal_bytes_str("ad");
    MAL_TRY(mal_prim_gcm_seal(&sealed, key, nonce, ad, key));
    MAL_TRY(mal_prim_gcm_open(&plain, key, nonce, ad, mal_buf_view(&sealed)));
    mal_buf_reset(&sealed);
    MAL_TRY(mal_prim_box(&sealed, key, ad, key));
    MAL_TRY(mal_prim_unbox(&plain, key, ad, mal_buf_view(&sealed)));
    return MAL_OK;
}

static mal_err hpke(void) {
    MAL_AUTO(mal_key_clear) mal_key sec = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf sealed = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf plain = { 0 };
    uint8_t pub[32];
    mal_bytes none = mal_bytes_of(NULL, 0);
    MAL_TRY(mal_prim_dh_keygen(pub, &sec));
    MAL_TRY(mal_prim_hpke_seal(&sealed, pub, none, none, mal_bytes_str("x")));
    MAL_TRY(
        mal_prim_hpke_open(&plain, &sec, none, none, mal_buf_view(&sealed)));
    return MAL_OK;
}

static mal_err draw(void) {
    MAL_AUTO(mal_prim_drbg_auto) mal_prim_drbg *drbg = NULL;
    uint8_t out[64];
    MAL_TRY(mal_prim_prg(out, sizeof out, seed, 0));
    MAL_TRY(mal_prim_drbg_new(&drbg, mal_bytes_of(seed, 32)));
    return MAL_OK;
}

static mal_err hash(void) {
    MAL_AUTO(mal_prim_sha256_auto)
    mal_prim_sha256 *state = mal_prim_sha256_new();
    return state ? MAL_OK : MAL_E_MEMORY;
}

static mal_err sign(void) {
    MAL_AUTO(mal_key_clear) mal_key sec = { 0 };
    uint8_t pub[32], sig[64];
    MAL_TRY(mal_prim_sign_keygen(pub, &sec));
    MAL_TRY(mal_prim_sign(sig, &sec, mal_bytes_str("m")));
    return MAL_OK;
}

static mal_err certify(void) {
    MAL_AUTO(mal_key_clear) mal_key sec = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf der = { 0 };
    uint8_t pub[32];
    MAL_TRY(mal_prim_sign_keygen(pub, &sec));
    MAL_TRY(mal_prim_cert_node(&der, "acme", pub, &sec, 1, 2000000000));
    MAL_TRY(mal_prim_cert_check(mal_buf_view(&der), pub, 1000000000));
    return MAL_OK;
}

static void fail_ours(mal_err (*body)(void)) {
    CHECK_OK(mal_prim_init());
    for (uint64_t n = 1;; n++) {
        mal_alloc_fail_at(n);
        mal_err err = body();
        mal_alloc_fail_at(0);
        if (err == MAL_OK)
            break;
        CHECK_EQ(err, MAL_E_MEMORY);
        CHECK(n < 1000);
    }
}

/* OpenSSL reports some of its own failures as a bad certificate or a bad tag;
 * what counts is that none is taken for success, and none crashes. */
static void fail_openssl(mal_err (*body)(void)) {
    CHECK_OK(mal_prim_init());
    CHECK_OK(body()); /* one-time state of OpenSSL's own */
    for (long n = 1; n < 5000; n++) {
        fail_in = n;
        mal_err err = body();
        bool reached = fail_in == 0;
        fail_in = 0;
        if (!reached) {
            CHECK_EQ(err, MAL_OK);
            return;
        }
    }
    CHECK_THAT(false, "it never came to an end");
}

TEST(aead_survives_each_failing_allocation) {
    fail_ours(seal_and_open);
    fail_openssl(seal_and_open);
}
TEST(hpke_survives_each_failing_allocation) {
    fail_ours(hpke);
    fail_openssl(hpke);
}
TEST(generators_survive_each_failing_allocation) {
    fail_ours(draw);
    fail_openssl(draw);
}
TEST(hashes_survive_each_failing_allocation) {
    fail_ours(hash);
}
TEST(signatures_survive_each_failing_allocation) {
    fail_ours(sign);
}
TEST(certificates_survive_each_failing_allocation) {
    fail_ours(certify);
    fail_openssl(certify);
}

TEST_MAIN
