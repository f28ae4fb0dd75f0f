/* vec_aead.c - AES-256-GCM and XChaCha20-Poly1305. */
#include "prim_test.h"

#define KEY16 "feffe9928665731c6d6a8f9467308308"
#define P15                                                                    \
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"         \
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255"
#define P16                                                                    \
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"         \
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
#define ZERO32                                                                 \
    "0000000000000000000000000000000000000000000000000000000000000000"

/* [McGrewViega] test cases 13 to 16, which are those of AES-256 with a 96-bit
 * nonce; [SP800-38D] names the same mode. */
TEST(gcm_gives_the_ciphertexts_of_mcgrew_and_viega) {
    static const struct {
        const char *key, *nonce, *ad, *plain, *sealed;
    } cases[] = {
        { ZERO32, "000000000000000000000000", "", "",
          "530f8afbc74536b9a963b4f1c4cb738b" },
        { ZERO32, "000000000000000000000000", "",
          "00000000000000000000000000000000",
          "cea7403d4d606b6e074ec5d3baf39d18"
          "d0d1c8a799996bf0265b98b5d48ab919" },
        { KEY16 KEY16, "cafebabefacedbaddecaf888", "", P15,
          "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
          "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad"
          "b094dac5d93471bdec1a502270e3cc6c" },
        { KEY16 KEY16, "cafebabefacedbaddecaf888",
          "feedfacedeadbeeffeedfacedeadbeefabaddad2", P16,
          "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
          "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
          "76fc6ece0f4e1768cddf8853bb2d551b" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        MAL_AUTO(mal_buf_clear) mal_buf sealed = { 0 };
        MAL_AUTO(mal_buf_clear) mal_buf plain = { 0 };
        mal_bytes key = hex(cases[i].key), nonce = hex(cases[i].nonce);
        CHECK_OK(mal_prim_gcm_seal(&sealed, key, nonce.ptr, hex(cases[i].ad),
                                   hex(cases[i].plain)));
        CHECK_HEX(sealed.ptr, sealed.len, cases[i].sealed);
        CHECK_OK(mal_prim_gcm_open(&plain, key, nonce.ptr, hex(cases[i].ad),
                                   mal_buf_view(&sealed)));
        CHECK_HEX(plain.ptr, plain.len, cases[i].plain);
    }
}

/* [XChaCha] appendix A.3.1, laid out as nonce || ciphertext || tag. */
static const char box_hex[] =
    "404142434445464748494a4b4c4d4e4f5051525354555657"
    "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb"
    "731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452"
    "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
    "21f9664c97637da9768812f615c68b13b52e"
    "c0875924c1c7987947deafd8780acf49";
#define BOX_KEY                                                                \
    "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
#define BOX_AD "50515253c0c1c2c3c4c5c6c7"

TEST(unbox_opens_the_message_of_the_xchacha_draft) {
    MAL_AUTO(mal_buf_clear) mal_buf plain = { 0 };
    const char *text;
    CHECK_OK(mal_prim_unbox(&plain, hex(BOX_KEY), hex(BOX_AD), hex(box_hex)));
    CHECK_OK(mal_buf_cstr(&plain, &text));
    CHECK_STR(text, "Ladies and Gentlemen of the class of '99: If I could "
                    "offer you only one tip for the future, sunscreen would "
                    "be it.");
}

TEST(box_appends_and_never_repeats_a_nonce) {
    MAL_AUTO(mal_buf_clear) mal_buf a = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf plain = { 0 };
    mal_bytes none = mal_bytes_of(NULL, 0);
    CHECK_OK(mal_buf_put_str(&a, "head"));
    CHECK_OK(mal_prim_box(&a, hex(BOX_KEY), none, mal_bytes_str("x")));
    CHECK_EQ(a.len, 4 + 24 + 1 + 16);
    CHECK_OK(mal_prim_box(&a, hex(BOX_KEY), none, mal_bytes_str("x")));
    CHECK(!mal_equal(a.ptr + 4, a.ptr + 4 + 41, 24));
    CHECK_OK(mal_prim_unbox(&plain, hex(BOX_KEY), none,
                            mal_bytes_of(a.ptr + 4, 41)));
    CHECK(mal_bytes_same_vartime(mal_buf_view(&plain), mal_bytes_str("x")));
    mal_buf_reset(&a); /* the empty message is a message */
    CHECK_OK(mal_prim_box(&a, hex(BOX_KEY), none, none));
    CHECK_OK(mal_prim_unbox(&plain, hex(BOX_KEY), none, mal_buf_view(&a)));
    CHECK_EQ(plain.len, 1);
}

TEST(refuse_each_flipped_byte_of_a_gcm_ciphertext) {
    mal_bytes key = hex(KEY16 KEY16), nonce = hex("cafebabefacedbaddecaf888");
    MAL_AUTO(mal_buf_clear) mal_buf sealed = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf plain = { 0 };
    CHECK_OK(mal_prim_gcm_seal(&sealed, key, nonce.ptr, mal_bytes_str("ad"),
                               mal_bytes_str("twenty bytes of text")));
    CHECK_OK(mal_buf_put_str(&plain, "before"));
    for (size_t i = 0; i < sealed.len; i++) {
        sealed.ptr[i] ^= 1;
        CHECK_ERR(mal_prim_gcm_open(&plain, key, nonce.ptr, mal_bytes_str("ad"),
                                    mal_buf_view(&sealed)),
                  MAL_E_AUTH);
        CHECK_EQ(plain.len, 6);
        sealed.ptr[i] ^= 1;
    }
    for (size_t len = 0; len < sealed.len; len++)
        CHECK_ERR(mal_prim_gcm_open(&plain, key, nonce.ptr, mal_bytes_str("ad"),
                                    mal_bytes_of(sealed.ptr, len)),
                  MAL_E_AUTH);
    CHECK(
        mal_bytes_same_vartime(mal_buf_view(&plain), mal_bytes_str("before")));
}

TEST(refuse_gcm_under_another_key_nonce_or_associated_data) {
    mal_bytes key = hex(KEY16 KEY16), nonce = hex("cafebabefacedbaddecaf888");
    MAL_AUTO(mal_buf_clear) mal_buf sealed = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf plain = { 0 };
    mal_bytes ad = mal_bytes_str("ad"), none = mal_bytes_of(NULL, 0);
    CHECK_OK(
        mal_prim_gcm_seal(&sealed, key, nonce.ptr, ad, mal_bytes_str("text")));
    mal_bytes all = mal_buf_view(&sealed);
    CHECK_ERR(mal_prim_gcm_open(&plain, hex(ZERO32), nonce.ptr, ad, all),
              MAL_E_AUTH);
    CHECK_ERR(mal_prim_gcm_open(&plain, key,
                                hex("cafebabefacedbaddecaf889").ptr, ad, all),
              MAL_E_AUTH);
    CHECK_ERR(mal_prim_gcm_open(&plain, key, nonce.ptr, none, all), MAL_E_AUTH);
    CHECK_ERR(
        mal_prim_gcm_open(&plain, key, nonce.ptr, mal_bytes_str("ae"), all),
        MAL_E_AUTH);
    CHECK_EQ(plain.len, 0);
}

TEST(refuse_keys_of_a_wrong_length) {
    MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
    const uint8_t nonce[12] = { 0 };
    mal_bytes none = mal_bytes_of(NULL, 0), key16 = hex(KEY16);
    CHECK_ERR(mal_prim_gcm_seal(&out, key16, nonce, none, none), MAL_E_INPUT);
    CHECK_ERR(mal_prim_gcm_open(&out, key16, nonce, none, hex(ZERO32)),
              MAL_E_INPUT);
    CHECK_ERR(mal_prim_box(&out, key16, none, none), MAL_E_INPUT);
    CHECK_ERR(mal_prim_unbox(&out, none, none, hex(box_hex)), MAL_E_INPUT);
    CHECK_EQ(out.len, 0);
}

TEST(refuse_each_flipped_byte_of_a_box) {
    MAL_AUTO(mal_buf_clear) mal_buf plain = { 0 };
    uint8_t box[256];
    mal_bytes good = hex(box_hex);
    memcpy(box, good.ptr, good.len);
    for (size_t i = 0; i < good.len; i++) {
        box[i] ^= 0x80;
        CHECK_ERR(mal_prim_unbox(&plain, hex(BOX_KEY), hex(BOX_AD),
                                 mal_bytes_of(box, good.len)),
                  MAL_E_AUTH);
        box[i] ^= 0x80;
    }
    for (size_t len = 0; len < good.len; len++)
        CHECK_ERR(mal_prim_unbox(&plain, hex(BOX_KEY), hex(BOX_AD),
                                 mal_bytes_of(box, len)),
                  MAL_E_AUTH);
    CHECK_ERR(mal_prim_unbox(&plain, hex(BOX_KEY), hex("50"),
                             mal_bytes_of(box, good.len)),
              MAL_E_AUTH);
    CHECK_EQ(plain.len, 0);
}

TEST(refuse_to_seal_past_the_limit_of_the_buffer) {
    MAL_AUTO(mal_buf_clear) mal_buf out;
    const uint8_t nonce[12] = { 0 };
    mal_buf_init(&out, 19);
    CHECK_ERR(mal_prim_gcm_seal(&out, hex(ZERO32), nonce, mal_bytes_of(NULL, 0),
                                mal_bytes_str("four")),
              MAL_E_LIMIT);
    CHECK_ERR(mal_prim_box(&out, hex(ZERO32), mal_bytes_of(NULL, 0),
                           mal_bytes_str("four")),
              MAL_E_LIMIT);
    CHECK_EQ(out.len, 0);
}

TEST_MAIN
