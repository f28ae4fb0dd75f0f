/* vec_hash.c - published vectors of SHA-2, HMAC and HKDF. */
#include "prim_test.h"

/* [FIPS180-4], the examples that NIST publishes beside it. */
TEST(sized_messages_are_hashed_with_their_lengths) {
    MAL_AUTO(mal_prim_sha256_auto) mal_prim_sha256 *state = NULL;
    const char bytes[] = "\3\0\0\0\0\0\0\0abc\0\0\0\0\0\0\0";
    mal_prim_hash got, want;
    state = mal_prim_sha256_new();
    CHECK(state);
    mal_prim_sha256_add_sized(state, mal_bytes_str("abc"));
    mal_prim_sha256_add_sized(state, mal_bytes_str(""));
    mal_prim_sha256_peek(state, &got);
    mal_prim_sha256_of(&want, mal_bytes_of(bytes, 8 + 3 + 8));
    CHECK(mal_equal(got.b, want.b, sizeof got.b));
}

TEST(sha256_gives_the_digests_of_fips_180) {
    static const struct {
        const char *message, *digest;
    } cases[] = {
        { "", "e3b0c44298fc1c149afbf4c8996fb924"
              "27ae41e4649b934ca495991b7852b855" },
        { "abc", "ba7816bf8f01cfea414140de5dae2223"
                 "b00361a396177a9cb410ff61f20015ad" },
        { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
          "248d6a61d20638b8e5c026930c3e6039"
          "a33ce45964ff2167f6ecedd419db06c1" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mal_prim_hash h;
        mal_prim_sha256_of(&h, mal_bytes_str(cases[i].message));
        CHECK_HEX(h.b, sizeof h.b, cases[i].digest);
    }
}

TEST(sha256_in_pieces_hashes_a_million_letters) {
    MAL_AUTO(mal_prim_sha256_auto)
    mal_prim_sha256 *state = mal_prim_sha256_new();
    char piece[1000];
    mal_prim_hash h;
    memset(piece, 'a', sizeof piece);
    for (int i = 0; i < 1000; i++) {
        mal_prim_sha256_add(state, mal_bytes_of(piece, sizeof piece));
        if (i % 100 == 0) /* looking does not disturb */
            mal_prim_sha256_peek(state, &h);
    }
    mal_prim_sha256_peek(state, &h);
    CHECK_HEX(h.b, sizeof h.b,
              "cdc76e5c9914fb9281a1c7e284d73e67"
              "f1809a48a497200e046d39ccc7112cd0");
}

TEST(sha384_gives_the_digest_of_fips_180) {
    uint8_t h[48];
    mal_prim_sha384_of(h, mal_bytes_str("abc"));
    CHECK_HEX(h, sizeof h,
              "cb00753f45a35e8bb5a03d699ac65007"
              "272c32ab0eded1631a8b605a43ff5bed"
              "8086072ba1e7cc2358baeca134c825a7");
}

TEST(sha512_gives_the_digest_of_fips_180) {
    uint8_t h[64];
    mal_prim_sha512_of(h, mal_bytes_str("abc"));
    CHECK_HEX(h, sizeof h,
              "ddaf35a193617abacc417349ae204131"
              "12e6fa4e89a97ea20a9eeee64b55d39a"
              "2192992a274fc1a836ba3c23a3feebbd"
              "454d4423643ce80e2a9ac94fa54ca49f");
}

/* [RFC4231] sections 4.2 to 4.8; case 5 tests truncation, which we lack. */
TEST(hmac_gives_the_tags_of_rfc_4231) {
    uint8_t aa[131], dd[50], cd[50];
    memset(aa, 0xaa, sizeof aa);
    memset(dd, 0xdd, sizeof dd);
    memset(cd, 0xcd, sizeof cd);
    const struct {
        mal_bytes key, message;
        const char *tag;
    } cases[] = {
        { hex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"),
          mal_bytes_str("Hi There"),
          "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
        { mal_bytes_str("Jefe"), mal_bytes_str("what do ya want for nothing?"),
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
        { mal_bytes_of(aa, 20), mal_bytes_of(dd, 50),
          "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe" },
        { hex("0102030405060708090a0b0c0d0e0f10111213141516171819"),
          mal_bytes_of(cd, 50),
          "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b" },
        { mal_bytes_of(aa, 131),
          mal_bytes_str(
              "Test Using Larger Than Block-Size Key - Hash Key First"),
          "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
        { mal_bytes_of(aa, 131),
          mal_bytes_str("This is a test using a larger than block-size key and "
                        "a larger than block-size data. The key needs to be "
                        "hashed before being used by the HMAC algorithm."),
          "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mal_prim_hash tag;
        mal_prim_hmac256(&tag, cases[i].key, cases[i].message);
        CHECK_HEX(tag.b, sizeof tag.b, cases[i].tag);
    }
}

/* [RFC5869] appendix A.1 to A.3. */
TEST(hkdf_gives_the_keys_of_rfc_5869) {
    uint8_t run[256], out[82];
    for (int i = 0; i < 256; i++)
        run[i] = (uint8_t)i;
    mal_bytes ikm = hex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b");

    CHECK_OK(mal_prim_hkdf(out, 42, ikm, mal_bytes_of(run, 13),
                           mal_bytes_of(run + 0xf0, 10)));
    CHECK_HEX(out, 42,
              "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
              "34007208d5b887185865");
    CHECK_OK(mal_prim_hkdf(out, 82, mal_bytes_of(run, 80),
                           mal_bytes_of(run + 0x60, 80),
                           mal_bytes_of(run + 0xb0, 80)));
    CHECK_HEX(out, 82,
              "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
              "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
              "cc30c58179ec3e87c14c01d5c1f3434f1d87");
    CHECK_OK(mal_prim_hkdf(out, 42, ikm, mal_bytes_of(NULL, 0),
                           mal_bytes_of(NULL, 0)));
    CHECK_HEX(out, 42,
              "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
              "9d201395faa4b61a96c8");
}

TEST(hash_parts_tells_apart_lists_that_concatenate_alike) {
    const mal_bytes a[] = { mal_bytes_str("ab"), mal_bytes_str("c") };
    const mal_bytes b[] = { mal_bytes_str("a"), mal_bytes_str("bc") };
    const mal_bytes c[] = { mal_bytes_str("ab"), mal_bytes_str("c"),
                            mal_bytes_str("") };
    mal_prim_hash ha, hb, hc, hl, by_hand;
    uint8_t flat[] = { 1, 0, 0, 0,   0,   0, 0, 0, 'l', 2, 0, 0, 0, 0,
                       0, 0, 0, 'a', 'b', 1, 0, 0, 0,   0, 0, 0, 0, 'c' };
    mal_prim_hash_parts(&ha, "l", a, 2);
    mal_prim_hash_parts(&hb, "l", b, 2);
    mal_prim_hash_parts(&hc, "l", c, 3);
    mal_prim_hash_parts(&hl, "m", a, 2);
    mal_prim_sha256_of(&by_hand, mal_bytes_of(flat, sizeof flat));
    CHECK(!mal_equal(ha.b, hb.b, 32) && !mal_equal(ha.b, hc.b, 32) &&
          !mal_equal(ha.b, hl.b, 32));
    CHECK(mal_equal(ha.b, by_hand.b, 32));
}

TEST(refuse_hkdf_of_no_or_of_too_many_bytes) {
    static uint8_t out[255 * 32 + 1];
    mal_bytes none = mal_bytes_of(NULL, 0);
    CHECK_ERR(mal_prim_hkdf(out, 0, none, none, none), MAL_E_LIMIT);
    CHECK_ERR(mal_prim_hkdf(out, sizeof out, none, none, none), MAL_E_LIMIT);
    CHECK_OK(mal_prim_hkdf(out, sizeof out - 1, none, none, none));
}

TEST_MAIN
