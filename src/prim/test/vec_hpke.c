/* vec_hpke.c - RFC 9180 appendix A, base mode, sequence number 0. */
#include "prim_test.h"

#define INFO "4f6465206f6e2061204772656369616e2055726e"
#define PLAIN "4265617574792069732074727574682c20747275746820626561757479"
#define AAD "436f756e742d30"

static const struct {
    uint16_t aead;
    const char *sk_e, *pk_e, *sk_r, *pk_r, *ct;
} cases[] = {
    /* [RFC9180] A.1.1: AES-128-GCM */
    { PRIM_HPKE_AES128_GCM,
      "52c4a758a802cd8b936eceea314432798d5baf2d7e9235dc084ab1b9cfa2f736",
      "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431",
      "4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8",
      "3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d",
      "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a9"
      "6d8770ac83d07bea87e13c512a" },
    /* A.2.1: ChaCha20-Poly1305, the suite of the public calls */
    { PRIM_HPKE_CHACHA20_POLY1305,
      "f4ec9b33b792c372c1d2c2063507b684ef925b8c75a42dbcbf57d63ccd381600",
      "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a",
      "8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb",
      "4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a",
      "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db"
      "21993c62ce81883d2dd1b51a28" },
};

TEST(hpke_gives_the_messages_of_rfc_9180) {
    for (size_t i = 0; i < 2; i++) {
        MAL_AUTO(mal_key_clear) mal_key eph = { 0 };
        MAL_AUTO(mal_key_clear) mal_key sec = { 0 };
        MAL_AUTO(mal_buf_clear) mal_buf sealed = { 0 };
        MAL_AUTO(mal_buf_clear) mal_buf plain = { 0 };
        uint8_t pub[32];
        CHECK_OK(mal_key_from(&eph, hex(cases[i].sk_e)));
        CHECK_OK(mal_key_from(&sec, hex(cases[i].sk_r)));
        CHECK_OK(mal_prim_dh_pub(pub, &sec));
        CHECK_HEX(pub, 32, cases[i].pk_r);
        CHECK_OK(prim_hpke_seal_with(&sealed, cases[i].aead, &eph, pub,
                                     hex(INFO), hex(AAD), hex(PLAIN)));
        CHECK_HEX(sealed.ptr, 32, cases[i].pk_e);
        CHECK_HEX(sealed.ptr + 32, sealed.len - 32, cases[i].ct);
        CHECK_OK(prim_hpke_open_with(&plain, cases[i].aead, &sec, hex(INFO),
                                     hex(AAD), mal_buf_view(&sealed)));
        CHECK_HEX(plain.ptr, plain.len, PLAIN);
    }
}

TEST(hpke_opens_what_it_seals_under_each_aead) {
    for (uint16_t aead = 1; aead <= 3; aead++) {
        MAL_AUTO(mal_key_clear) mal_key sec = { 0 };
        MAL_AUTO(mal_key_clear) mal_key eph = { 0 };
        MAL_AUTO(mal_buf_clear) mal_buf sealed = { 0 };
        MAL_AUTO(mal_buf_clear) mal_buf plain = { 0 };
        uint8_t pub[32], enc[32];
        CHECK_OK(mal_prim_dh_keygen(pub, &sec));
        CHECK_OK(mal_prim_dh_keygen(enc, &eph));
        CHECK_OK(prim_hpke_seal_with(&sealed, aead, &eph, pub, hex(INFO),
                                     hex(AAD), hex(PLAIN)));
        CHECK_OK(prim_hpke_open_with(&plain, aead, &sec, hex(INFO), hex(AAD),
                                     mal_buf_view(&sealed)));
        CHECK_HEX(plain.ptr, plain.len, PLAIN);
    }
}

TEST(hpke_is_fresh_each_time_and_appends) {
    MAL_AUTO(mal_key_clear) mal_key sec = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf plain = { 0 };
    uint8_t pub[32];
    mal_bytes none = mal_bytes_of(NULL, 0);
    CHECK_OK(mal_prim_dh_keygen(pub, &sec));
    CHECK_OK(mal_prim_hpke_seal(&out, pub, none, none, mal_bytes_str("a")));
    CHECK_EQ(out.len, 49);
    CHECK_OK(mal_prim_hpke_seal(&out, pub, none, none, mal_bytes_str("b")));
    CHECK_EQ(out.len, 98);
    CHECK(!mal_equal(out.ptr, out.ptr + 49, 32));
    CHECK_OK(mal_prim_hpke_open(&plain, &sec, none, none,
                                mal_bytes_of(out.ptr + 49, 49)));
    CHECK_OK(mal_prim_hpke_open(&plain, &sec, none, none,
                                mal_bytes_of(out.ptr, 49)));
    CHECK(mal_bytes_same_vartime(mal_buf_view(&plain), mal_bytes_str("ba")));
}

TEST(refuse_hpke_with_anything_changed) {
    MAL_AUTO(mal_key_clear) mal_key sec = { 0 };
    MAL_AUTO(mal_key_clear) mal_key other = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf sealed = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf plain = { 0 };
    uint8_t pub[32], pub2[32];
    CHECK_OK(mal_prim_dh_keygen(pub, &sec));
    CHECK_OK(mal_prim_dh_keygen(pub2, &other));
    CHECK_OK(mal_prim_hpke_seal(&sealed, pub, hex(INFO), hex(AAD), hex(PLAIN)));
    mal_bytes all = mal_buf_view(&sealed);
    CHECK_ERR(mal_prim_hpke_open(&plain, &other, hex(INFO), hex(AAD), all),
              MAL_E_AUTH);
    CHECK_ERR(mal_prim_hpke_open(&plain, &sec, hex("00"), hex(AAD), all),
              MAL_E_AUTH);
    CHECK_ERR(mal_prim_hpke_open(&plain, &sec, hex(INFO), hex("00"), all),
              MAL_E_AUTH);
    for (size_t i = 0; i < sealed.len; i++) {
        sealed.ptr[i] ^= 1;
        CHECK_ERR(mal_prim_hpke_open(&plain, &sec, hex(INFO), hex(AAD), all),
                  MAL_E_AUTH);
        sealed.ptr[i] ^= 1;
        CHECK_ERR(mal_prim_hpke_open(&plain, &sec, hex(INFO), hex(AAD),
                                     mal_bytes_of(sealed.ptr, i)),
                  MAL_E_AUTH);
    }
    CHECK_EQ(plain.len, 0);
}

TEST(refuse_hpke_to_a_key_of_small_order_and_unknown_suites) {
    MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
    MAL_AUTO(mal_key_clear) mal_key eph = { 0 };
    uint8_t zero[32] = { 0 }, pub[32];
    mal_bytes none = mal_bytes_of(NULL, 0);
    CHECK_ERR(mal_prim_hpke_seal(&out, zero, none, none, none), MAL_E_AUTH);
    CHECK_OK(mal_prim_dh_keygen(pub, &eph));
    CHECK_ERR(prim_hpke_seal_with(&out, 4, &eph, pub, none, none, none),
              MAL_E_UNSUPPORTED);
    CHECK_ERR(prim_hpke_open_with(&out, 0xffff, &eph, none, none, none),
              MAL_E_UNSUPPORTED);
    CHECK_EQ(out.len, 0);
}

TEST_MAIN
