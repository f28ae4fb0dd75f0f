/* dh.c - X25519 [RFC7748], through libsodium. */
#include "prim_impl.h"

#include <sodium.h>

mal_err mal_prim_dh_pub(uint8_t pub[32], const mal_key *sec) {
    MAL_REQUIRE(sec->len == 32, MAL_E_INPUT,
                "an X25519 secret key has 32 bytes, not %zu", sec->len);
    crypto_scalarmult_base(pub, sec->ptr);
    return MAL_OK;
}

mal_err mal_prim_dh_keygen(uint8_t pub[32], mal_key *sec) {
    MAL_TRY(mal_key_alloc(sec, 32));
    mal_prim_random(sec->ptr, sec->len);
    MAL_TRY(mal_prim_dh_pub(pub, sec));
    return MAL_OK;
}

mal_err mal_prim_dh(uint8_t shared[32], const mal_key *sec,
                    const uint8_t pub[32]) {
    MAL_REQUIRE(sec->len == 32, MAL_E_INPUT,
                "an X25519 secret key has 32 bytes, not %zu", sec->len);
    /* Section 6.1: a point of small order gives zero, whatever the secret. */
    if (crypto_scalarmult(shared, sec->ptr, pub) != 0) {
        mal_wipe(shared, 32);
        MAL_FAIL(MAL_E_AUTH, "the peer's X25519 key has small order");
    }
    return MAL_OK;
}
