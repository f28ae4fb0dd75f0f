/* vec_pubkey.c - signatures of others, by published vectors. */
#include "prim_test.h"

#include <malus/prim_cert.h>

/* [RFC6979] A.2.5 and A.2.6: keys on P-256 and P-384, message "sample". */
#define P256_XY                                                                \
    "60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"         \
    "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299"
#define P256_SHA256                                                            \
    "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"         \
    "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"
#define P384_XY                                                                \
    "EC3A4E415B4E19A4568618029F427FA5DA9A8BC4AE92E02E06AAE5286B300C64"         \
    "DEF8F0EA9055866064A254515480BC138015D9B72D7D57244EA8EF9AC0C62189"         \
    "6708A59367F9DFB9F54CA84B3F1C9DB1288B231C3AE0D4FE7344FD2533264720"
#define P384_SHA384                                                            \
    "94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C"         \
    "81A648152E44ACF96E36DD1E80FABE4699EF4AEB15F178CEA1FE40DB2603138F"         \
    "130E740A19624526203B6351D0A3A94FA329C145786E679E7B82C71A38628AC8"

TEST(ecdsa_of_rfc_6979_verifies_and_each_flipped_bit_does_not) {
    static const struct {
        unsigned bits;
        mal_sig_alg alg, other;
        const char *key, *sig;
    } cases[] = { { 256, MAL_SIG_ES256, MAL_SIG_ES384, P256_XY, P256_SHA256 },
                  { 384, MAL_SIG_ES384, MAL_SIG_ES256, P384_XY, P384_SHA384 } };
    for (size_t i = 0; i < 2; i++) {
        MAL_AUTO(mal_pubkey_auto) mal_pubkey *key = NULL;
        uint8_t sig[96];
        mal_bytes given = hex(cases[i].sig), text = mal_bytes_str("sample");
        CHECK_OK(mal_pubkey_ec(&key, cases[i].bits, hex(cases[i].key)));
        CHECK_EQ(mal_pubkey_bits(key), cases[i].bits);
        CHECK_OK(mal_pubkey_verify(key, cases[i].alg, text, given));
        CHECK_ERR(mal_pubkey_verify(key, cases[i].other, text, given),
                  MAL_E_AUTH);
        CHECK_ERR(mal_pubkey_verify(key, MAL_SIG_PS256, text, given),
                  MAL_E_AUTH);
        CHECK_ERR(mal_pubkey_verify(key, cases[i].alg, mal_bytes_str("sampla"),
                                    given),
                  MAL_E_AUTH);
        memcpy(sig, given.ptr, given.len);
        for (size_t bit = 0; bit < given.len * 8; bit++) {
            sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
            CHECK_ERR(mal_pubkey_verify(key, cases[i].alg, text,
                                        mal_bytes_of(sig, given.len)),
                      MAL_E_AUTH);
            sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        for (size_t len = 0; len < given.len; len++)
            CHECK_ERR(mal_pubkey_verify(key, cases[i].alg, text,
                                        mal_bytes_of(given.ptr, len)),
                      MAL_E_AUTH);
    }
}

/* [RFC8032] 7.1, test 2. */
TEST(ed25519_of_rfc_8032_verifies_through_its_spki) {
    MAL_AUTO(mal_pubkey_auto) mal_pubkey *key = NULL;
    MAL_AUTO(mal_buf_clear) mal_buf spki = { 0 };
    mal_bytes der = hex("302a300506032b6570032100"
                        "3d4017c3e843895a92b70aa74d1b7ebc"
                        "9c982ccf2ec4968cc0cd55f12af4660c");
    mal_bytes sig = hex("92a009a9f0d4cab8720e820b5f642540"
                        "a2b27b5416503f8fb3762223ebdb69da"
                        "085ac1e43e15996e458f3613d0f11d8c"
                        "387b2eaeb4302aeeb00d291612bb0c00");
    CHECK_OK(mal_pubkey_parse_spki(&key, der));
    CHECK_OK(mal_pubkey_verify(key, MAL_SIG_EDDSA, hex("72"), sig));
    CHECK_ERR(mal_pubkey_verify(key, MAL_SIG_EDDSA, hex("73"), sig),
              MAL_E_AUTH);
    CHECK_ERR(mal_pubkey_verify(key, MAL_SIG_ES256, hex("72"), sig),
              MAL_E_AUTH);
    CHECK_OK(mal_pubkey_spki(&spki, key));
    CHECK(mal_bytes_same_vartime(mal_buf_view(&spki), der));
}

/* Its y is even: the last bit of the BIT STRING could be left out. */
TEST(refuse_a_key_that_is_ber_or_not_an_uncompressed_point) {
    MAL_AUTO(mal_pubkey_auto) mal_pubkey *key = NULL;
    MAL_AUTO(mal_pubkey_auto) mal_pubkey *again = NULL;
    MAL_AUTO(mal_buf_clear) mal_buf spki = { 0 };
    CHECK_OK(mal_pubkey_ec(&key, 384, hex(P384_XY)));
    CHECK_OK(mal_pubkey_spki(&spki, key));
    CHECK_OK(mal_pubkey_parse_spki(&again, mal_buf_view(&spki)));
    CHECK(mal_pubkey_same(key, again));
    mal_pubkey_free(again);
    size_t unused = spki.len - 2 * 48 - 2; /* before 0x04 and the point */
    CHECK_EQ(spki.ptr[unused], 0);
    spki.ptr[unused] = 1;
    CHECK_ERR(mal_pubkey_parse_spki(&again, mal_buf_view(&spki)), MAL_E_INPUT);
    spki.ptr[unused] = 0;
    spki.ptr[unused + 1] = 6; /* the hybrid form of the same point */
    CHECK_ERR(mal_pubkey_parse_spki(&again, mal_buf_view(&spki)), MAL_E_INPUT);
}

TEST(refuse_points_off_the_curve_and_other_sizes) {
    uint8_t xy[64];
    mal_pubkey *key;
    memcpy(xy, hex(P256_XY).ptr, 64);
    xy[63] ^= 1;
    CHECK_ERR(mal_pubkey_ec(&key, 256, mal_bytes_of(xy, 64)), MAL_E_INPUT);
    memset(xy, 0, 64);
    CHECK_ERR(mal_pubkey_ec(&key, 256, mal_bytes_of(xy, 64)), MAL_E_INPUT);
    CHECK_ERR(mal_pubkey_ec(&key, 256, mal_bytes_of(xy, 63)), MAL_E_INPUT);
    CHECK_ERR(mal_pubkey_ec(&key, 255, hex(P256_XY)), MAL_E_INPUT);
    CHECK_ERR(mal_pubkey_ec(&key, 384, hex(P256_XY)), MAL_E_INPUT);
}

TEST(refuse_rsa_keys_that_are_short_or_even) {
    uint8_t n[256];
    mal_pubkey *key;
    memset(n, 0xff, sizeof n);
    CHECK_ERR(mal_pubkey_rsa(&key, mal_bytes_of(n, 255), hex("010001")),
              MAL_E_INPUT);
    CHECK_ERR(mal_pubkey_rsa(&key, mal_bytes_of(n, 256), hex("010000")),
              MAL_E_INPUT);
    CHECK_ERR(mal_pubkey_rsa(&key, mal_bytes_of(n, 0), hex("010001")),
              MAL_E_INPUT);
    CHECK_OK(mal_pubkey_rsa(&key, mal_bytes_of(n, 256), hex("010001")));
    mal_pubkey_free(key);
}

TEST_MAIN
