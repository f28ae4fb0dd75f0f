/* vec_curve.c - Ed25519, X25519, ristretto255. */
#include "prim_test.h"

/* [RFC8032] section 7.1, tests 1 to 3. */
TEST(ed25519_gives_the_signatures_of_rfc_8032) {
    static const struct {
        const char *seed, *pub, *message, *sig;
    } cases[] = {
        { "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
          "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
          "",
          "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
          "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b" },
        { "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
          "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
          "72",
          "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
          "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00" },
        { "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
          "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
          "af82",
          "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
          "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        MAL_AUTO(mal_key_clear) mal_key sec = { 0 };
        uint8_t pub[32], sig[64];
        mal_bytes message = hex(cases[i].message);
        CHECK_OK(mal_prim_sign_from_seed(pub, &sec, hex(cases[i].seed).ptr));
        CHECK_HEX(pub, 32, cases[i].pub);
        CHECK_OK(mal_prim_sign(sig, &sec, message));
        CHECK_HEX(sig, 64, cases[i].sig);
        CHECK_OK(mal_prim_verify(sig, pub, message));
    }
}

/* The group order l, little-endian. */
static const uint8_t order[32] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a,       0x63,
                                   0x12, 0x58, 0xd6, 0x9c, 0xf7,       0xa2,
                                   0xde, 0xf9, 0xde, 0x14, [31] = 0x10 };

TEST(refuse_changed_signatures_messages_and_keys) {
    MAL_AUTO(mal_key_clear) mal_key sec = { 0 };
    MAL_AUTO(mal_key_clear) mal_key other = { 0 };
    uint8_t pub[32], pub2[32], sig[64];
    mal_bytes message = mal_bytes_str("message");
    CHECK_OK(mal_prim_sign_keygen(pub, &sec));
    CHECK_OK(mal_prim_sign_keygen(pub2, &other));
    CHECK_OK(mal_prim_sign(sig, &sec, message));
    CHECK_ERR(mal_prim_verify(sig, pub, mal_bytes_str("massage")), MAL_E_AUTH);
    CHECK_ERR(mal_prim_verify(sig, pub2, message), MAL_E_AUTH);
    for (size_t i = 0; i < 64; i++) {
        sig[i] ^= 4;
        CHECK_ERR(mal_prim_verify(sig, pub, message), MAL_E_AUTH);
        sig[i] ^= 4;
    }
    CHECK_OK(mal_prim_verify(sig, pub, message));
}

/* [RFC8032] section 5.1.7: S + l verifies the same equation; only S < l counts.
 */
TEST(refuse_a_signature_whose_s_is_not_reduced) {
    MAL_AUTO(mal_key_clear) mal_key sec = { 0 };
    uint8_t pub[32], sig[64];
    unsigned carry = 0;
    CHECK_OK(mal_prim_sign_keygen(pub, &sec));
    CHECK_OK(mal_prim_sign(sig, &sec, mal_bytes_str("m")));
    for (int i = 0; i < 32; i++) {
        carry += (unsigned)sig[32 + i] + order[i];
        sig[32 + i] = (uint8_t)carry;
        carry >>= 8;
    }
    CHECK_ERR(mal_prim_verify(sig, pub, mal_bytes_str("m")), MAL_E_AUTH);
}

/* With the neutral element as key, R = S * B would verify any message. */
TEST(refuse_a_public_key_of_small_order) {
    uint8_t pub[32] = { 1 }, sig[64] = { 1 };
    CHECK_ERR(mal_prim_verify(sig, pub, mal_bytes_str("m")), MAL_E_AUTH);
    memset(pub, 0, 32); /* of order 4 */
    CHECK_ERR(mal_prim_verify(sig, pub, mal_bytes_str("m")), MAL_E_AUTH);
}

TEST(refuse_secret_keys_of_a_wrong_length) {
    MAL_AUTO(mal_key_clear) mal_key key = { 0 };
    uint8_t sig[64], pub[32];
    CHECK_ERR(mal_prim_sign(sig, &key, mal_bytes_str("m")), MAL_E_INPUT);
    CHECK_OK(mal_key_alloc(&key, 33));
    CHECK_ERR(mal_prim_sign(sig, &key, mal_bytes_str("m")), MAL_E_INPUT);
    CHECK_ERR(mal_prim_dh_pub(pub, &key), MAL_E_INPUT);
    CHECK_ERR(mal_prim_dh(pub, &key, sig), MAL_E_INPUT);
}

/* [RFC7748] section 5.2, the single calls and a thousand iterations. */
TEST(x25519_gives_the_outputs_of_rfc_7748) {
    MAL_AUTO(mal_key_clear) mal_key k = { 0 };
    uint8_t u[32], out[32];
    CHECK_OK(mal_key_from(&k, hex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc"
                                  "5a18506a2244ba449ac4")));
    CHECK_OK(mal_prim_dh(
        out, &k,
        hex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c")
            .ptr));
    CHECK_HEX(
        out, 32,
        "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
    CHECK_OK(mal_key_from(&k, hex("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea"
                                  "01d42ca4169e7918ba0d")));
    CHECK_OK(mal_prim_dh(
        out, &k,
        hex("e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493")
            .ptr));
    CHECK_HEX(
        out, 32,
        "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957");

    uint8_t scalar[32] = { 9 };
    memcpy(u, scalar, 32);
    for (int i = 1; i <= 1000; i++) {
        CHECK_OK(mal_key_from(&k, mal_bytes_of(scalar, 32)));
        CHECK_OK(mal_prim_dh(out, &k, u));
        memcpy(u, scalar, 32);
        memcpy(scalar, out, 32);
        if (i == 1)
            CHECK_HEX(out, 32,
                      "422c8e7a6227d7bca1350b3e2bb7279f"
                      "7897b87bb6854b783c60e80311ae3079");
    }
    CHECK_HEX(
        out, 32,
        "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
}

/* [RFC7748] section 6.1. */
TEST(x25519_agrees_as_alice_and_bob_do) {
    MAL_AUTO(mal_key_clear) mal_key alice = { 0 };
    MAL_AUTO(mal_key_clear) mal_key bob = { 0 };
    uint8_t pub_a[32], pub_b[32], k_a[32], k_b[32];
    CHECK_OK(mal_key_from(&alice, hex("77076d0a7318a57d3c16c17251b26645df4c2f87"
                                      "ebc0992ab177fba51db92c2a")));
    CHECK_OK(mal_key_from(&bob, hex("5dab087e624a8a4b79e17f8b83800ee66f3bb12926"
                                    "18b6fd1c2f8b27ff88e0eb")));
    CHECK_OK(mal_prim_dh_pub(pub_a, &alice));
    CHECK_OK(mal_prim_dh_pub(pub_b, &bob));
    CHECK_HEX(
        pub_a, 32,
        "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
    CHECK_HEX(
        pub_b, 32,
        "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
    CHECK_OK(mal_prim_dh(k_a, &alice, pub_b));
    CHECK_OK(mal_prim_dh(k_b, &bob, pub_a));
    CHECK_HEX(
        k_a, 32,
        "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
    CHECK(mal_equal(k_a, k_b, 32));
}

/* [RFC7748] section 6.1 and its security considerations. */
TEST(refuse_an_x25519_key_of_small_order) {
    static const char *const points[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    MAL_AUTO(mal_key_clear) mal_key sec = { 0 };
    uint8_t pub[32], out[32], zero[32] = { 0 };
    CHECK_OK(mal_prim_dh_keygen(pub, &sec));
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        CHECK_ERR(mal_prim_dh(out, &sec, hex(points[i]).ptr), MAL_E_AUTH);
        CHECK(mal_equal(out, zero, 32));
    }
}

TEST_MAIN
