/* sign.c - Ed25519 [RFC8032], through libsodium.
 *
 * libsodium's verification is the strict one: S below the group order, no point
 * of small order as key or R, canonical key.  So a signature has one encoding
 * and no key fits every message.
 */
#include "prim_impl.h"

#include <sodium.h>

mal_err mal_prim_sign_from_seed(uint8_t pub[32], mal_key *sec,
                                const uint8_t seed[32]) {
    MAL_TRY(mal_key_alloc(sec, MAL_PRIM_SIGN_SEC));
    crypto_sign_seed_keypair(pub, sec->ptr, seed);
    return MAL_OK;
}

mal_err mal_prim_sign_keygen(uint8_t pub[32], mal_key *sec) {
    MAL_AUTO(mal_key_clear) mal_key seed = { 0 };
    MAL_TRY(mal_key_alloc(&seed, 32));
    mal_prim_random(seed.ptr, seed.len);
    MAL_TRY(mal_prim_sign_from_seed(pub, sec, seed.ptr));
    return MAL_OK;
}

mal_err mal_prim_sign(uint8_t sig[64], const mal_key *sec, mal_bytes message) {
    MAL_REQUIRE(sec->len == MAL_PRIM_SIGN_SEC, MAL_E_INPUT,
                "an Ed25519 secret key has 64 bytes, not %zu", sec->len);
    crypto_sign_detached(sig, NULL, message.ptr, message.len, sec->ptr);
    return MAL_OK;
}

mal_err mal_prim_verify(const uint8_t sig[64], const uint8_t pub[32],
                        mal_bytes message) {
    MAL_REQUIRE(
        crypto_sign_verify_detached(sig, message.ptr, message.len, pub) == 0,
        MAL_E_AUTH, "the signature does not verify");
    return MAL_OK;
}
