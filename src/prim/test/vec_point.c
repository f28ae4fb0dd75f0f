/* vec_point.c - ristretto255: RFC 9496 appendix A, and hashing as in RFC 9497.
 */
#include "prim_test.h"

#include <sodium.h>

/* [RFC9496] appendix A.1: B[0] to B[15]. */
static const char *const multiples[16] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76",
    "6a493210f7499cd17fecb510ae0cea23a110e8d5b901f8acadd3095c73a3b919",
    "94741f5d5d52755ece4f23f044ee27d5d1ea1e2bd196b462166b16152a9d0259",
    "da80862773358b466ffadfe0b3293ab3d9fd53c5ea6c955358f568322daf6a57",
    "e882b131016b52c1d3337080187cf768423efccbb517bb495ab812c4160ff44e",
    "f64746d3c92b13050ed8d80236a7f0007c3b3f962f5ba793d19a601ebb1df403",
    "44f53520926ec81fbd5a387845beb7df85a96a24ece18738bdcfa6a7822a176d",
    "903293d8f2287ebe10e2374dc1a53e0bc887e592699f02d077d5263cdd55601c",
    "02622ace8f7303a31cafc63f8fc48fdc16e1c8c8d234b2f0d6685282a9076031",
    "20706fd788b2720a1ed2a5dad4952b01f413bcf0e7564de8cdc816689e2db95f",
    "bce83f8ba5dd2fa572864c24ba1810f9522bc6004afe95877ac73241cafdab42",
    "e4549ee16b9aa03099ca208c67adafcafa4c3f3e4e5303de6026e3ca8ff84460",
    "aa52e000df2e16f55fb1032fc33bc42742dad6bd5a8fc0be0167436c5948501f",
    "46376b80f409b29dc2b5f6f0c52591990896e5716f41477cd30085ab7f10301e",
    "e0c418f7c8d9c4cdd7395b93ea124f3ad99021bb681dfc3302a9d99a2e53e64e",
};

TEST(multiples_of_the_generator_are_those_of_rfc_9496) {
    uint8_t sum[32] = { 0 }, out[32], g[32];
    memcpy(g, hex(multiples[1]).ptr, 32);
    for (int i = 0; i < 16; i++) {
        uint8_t s[32] = { (uint8_t)i }, s64[32];
        CHECK_OK(mal_prim_point_mul_base(out, s));
        CHECK_HEX(out, 32, multiples[i]);
        CHECK_HEX(sum, 32, multiples[i]);
        mal_prim_scalar_from_i64(s64, i);
        CHECK(mal_equal(s, s64, 32));
        if (i) {
            CHECK_OK(mal_prim_point_mul(out, s, g));
            CHECK_HEX(out, 32, multiples[i]);
        }
        CHECK(mal_prim_point_valid(sum) == (i != 0));
        CHECK_OK(mal_prim_point_sub(out, sum, hex(multiples[i]).ptr));
        CHECK_HEX(out, 32, multiples[0]);
        CHECK_OK(mal_prim_point_add(sum, sum, g));
    }
}

/* [RFC9496] appendix A.2. */
TEST(refuse_the_bad_encodings_of_rfc_9496) {
    static const char *const bad[] = {
        /* non-canonical field encodings */
        "00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "f3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        /* negative field elements */
        "0100000000000000000000000000000000000000000000000000000000000000",
        "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ed57ffd8c914fb201471d1c3d245ce3c746fcbe63a3679d51b6a516ebebe0e20",
        "c34c4e1826e5d403b78e246e88aa051c36ccf0aafebffe137d148a2bf9104562",
        "c940e5a4404157cfb1628b108db051a8d439e1a421394ec4ebccb9ec92a8ac78",
        "47cfc5497c53dc8e61c91d17fd626ffb1c49e2bca94eed052281b510b1117a24",
        "f1c6165d33367351b0da8f6e4511010c68174a03b6581212c71c0e1d026c3c72",
        "87260f7a2f12495118360f02c26a470f450dadf34a413d21042b43b9d93e1309",
        /* non-square x^2 */
        "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371",
        "4eac077a713c57b4f4397629a4145982c661f48044dd3f96427d40b147d9742f",
        "de6a7b00deadc788eb6b6c8d20c0ae96c2f2019078fa604fee5b87d6e989ad7b",
        "bcab477be20861e01e4a0e295284146a510150d9817763caf1a6f4b422d67042",
        "2a292df7e32cababbd9de088d1d1abec9fc0440f637ed2fba145094dc14bea08",
        "f4a9e534fc0d216c44b218fa0c42d99635a0127ee2e53c712f70609649fdff22",
        "8268436f8c4126196cf64b3c7ddbda90746a378625f9813dd9b8457077256731",
        "2810e5cbc2cc4d4eece54f61c6f69758e289aa7ab440b3cbeaa21995c2f4232b",
        /* negative x * y */
        "3eb858e78f5a7254d8c9731174a94f76755fd3941c0ac93735c07ba14579630e",
        "a45fdc55c76448c049a1ab33f17023edfb2be3581e9c7aade8a6125215e04220",
        "d483fe813c6ba647ebbfd3ec41adca1c6130c2beeee9d9bf065c8d151c5f396e",
        "8a2e1d30050198c65a54483123960ccc38aef6848e1ec8f5f780e8523769ba32",
        "32888462f8b486c68ad7dd9610be5192bbeaf3b443951ac1a8118419d9fa097b",
        "227142501b9d4355ccba290404bde41575b037693cef1f438c47f8fbf35d1165",
        "5c37cc491da847cfeb9281d407efc41e15144c876e0170b499a96a22ed31e01e",
        "445425117cb8c90edcbc7c1cc0e74f747f2c1efa5630a967c64f287792a48a4b",
        /* s = -1, which causes y = 0 */
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    uint8_t s[32] = { 2 }, out[32];
    mal_bytes g = hex(multiples[1]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        mal_bytes p = hex(bad[i]);
        CHECK_EQ(p.len, 32);
        CHECK(!mal_prim_point_valid(p.ptr));
        CHECK_ERR(mal_prim_point_mul(out, s, p.ptr), MAL_E_INPUT);
        CHECK_ERR(mal_prim_point_add(out, g.ptr, p.ptr), MAL_E_INPUT);
        CHECK_ERR(mal_prim_point_add(out, p.ptr, g.ptr), MAL_E_INPUT);
        CHECK_ERR(mal_prim_point_sub(out, g.ptr, p.ptr), MAL_E_INPUT);
    }
}

TEST(refuse_the_identity_as_a_product) {
    uint8_t zero[32] = { 0 }, one[32] = { 1 }, out[32] = { 7 };
    CHECK_ERR(mal_prim_point_mul(out, zero, hex(multiples[1]).ptr),
              MAL_E_INPUT);
    CHECK_ERR(mal_prim_point_mul(out, one, hex(multiples[0]).ptr), MAL_E_INPUT);
    CHECK_EQ(out[0], 7); /* untouched */
    CHECK_ERR(mal_prim_scalar_invert(out, zero), MAL_E_INPUT);
}

/* [RFC9496] appendix A.3: the one-way map that point_hash ends in. */
TEST(one_way_map_gives_the_elements_of_rfc_9496) {
    static const struct {
        const char *wide, *point;
    } cases[] = {
        { "5d1be09e3d0c82fc538112490e35701979d99e06ca3e2b5b54bffe8b4dc772c1"
          "4d98b696a1bbfb5ca32c436cc61c16563790306c79eaca7705668b47dffe5bb6",
          "3066f82a1a747d45120d1740f14358531a8f04bbffe6a819f86dfe50f44a0a46" },
        { "f116b34b8f17ceb56e8732a60d913dd10cce47a6d53bee9204be8b44f6678b27"
          "0102a56902e2488c46120e9276cfe54638286b9e4b3cdb470b542d46c2068d38",
          "f26e5b6f7d362d2d2a94c5d0e7602cb4773c95a2e5c31a64f133189fa76ed61b" },
        { "8422e1bbdaab52938b81fd602effb6f89110e1e57208ad12d9ad767e2e25510c"
          "27140775f9337088b982d83d7fcf0b2fa1edffe51952cbe7365e95c86eaf325c",
          "006ccd2a9e6867e6a2c5cea83d3302cc9de128dd2a9a57dd8ee7b9d7ffe02826" },
        { "ac22415129b61427bf464e17baee8db65940c233b98afce8d17c57beeb7876c2"
          "150d15af1cb1fb824bbd14955f2b57d08d388aab431a391cfc33d5bafb5dbbaf",
          "f8f0c87cf237953c5890aec3998169005dae3eca1fbb04548c635953c817f92a" },
        { "165d697a1ef3d5cf3c38565beefcf88c0f282b8e7dbd28544c483432f1cec767"
          "5debea8ebb4e5fe7d6f6e5db15f15587ac4d4d4a1de7191e0c1ca6664abcc413",
          "ae81e7dedf20a497e10c304a765c1767a42d6e06029758d2d7e8ef7cc4c41179" },
        { "a836e6c9a9ca9f1e8d486273ad56a78c70cf18f0ce10abb1c7172ddd605d7fd2"
          "979854f47ae1ccf204a33102095b4200e5befc0465accc263175485f0e17ea5c",
          "e2705652ff9f5e44d3e841bf1c251cf7dddb77d140870d1ab2ed64f1a9ce8628" },
        { "2cdc11eaeb95daf01189417cdddbf95952993aa9cb9c640eb5058d09702c7462"
          "2c9965a697a3b345ec24ee56335b556e677b30e6f90ac77d781064f866a3c982",
          "80bd07262511cdde4863f8a7434cef696750681cb9510eea557088f76d9e5065" },
        { "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
          "1200000000000000000000000000000000000000000000000000000000000000",
          "304282791023b73128d277bdcb5c7746ef2eac08dde9f2983379cb8e5ef0517f" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t out[32];
        crypto_core_ristretto255_from_hash(out, hex(cases[i].wide).ptr);
        CHECK_HEX(out, 32, cases[i].point);
    }
}

/* [RFC9497] appendix A.1.1: BlindedElement = Blind * HashToGroup(Input), with
 * [RFC9380]'s hash_to_ristretto255 under DST = "HashToGroup-" || contextString;
 * EvaluationElement = skS * BlindedElement. */
TEST(point_hash_gives_the_elements_of_rfc_9497) {
    static const char dst[] = "HashToGroup-OPRFV1-\x00-ristretto255-SHA512";
    static const char key[] =
        "5ebcea5ee37023ccb9fc2d2019f9d7737be85591ae8652ffa9ef0f4d37063b0e";
    static const char blind[] =
        "64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706";
    static const struct {
        const char *input, *blinded, *evaluated;
    } cases[] = {
        { "00",
          "609a0ae68c15a3cf6903766461307e5c8bb2f95e7e6550e1ffa2dc99e412803c",
          "7ec6578ae5120958eb2db1745758ff379e77cb64fe77b0b2d8cc917ea0869c7e" },
        { "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a",
          "da27ef466870f5f15296299850aa088629945a17d1f5b7f5ff043f76b3c06418",
          "b4cbf5a4f1eeda5a63ce7b77c7d23f461db3fcab0dd28e4e17cecb5c90d02c25" },
    };
    for (size_t i = 0; i < 2; i++) {
        uint8_t p[32], q[32], inverse[32];
        CHECK_OK(mal_prim_point_hash(p, mal_bytes_of(dst, sizeof dst - 1),
                                     hex(cases[i].input)));
        CHECK_OK(mal_prim_point_mul(q, hex(blind).ptr, p));
        CHECK_HEX(q, 32, cases[i].blinded);
        CHECK_OK(mal_prim_point_mul(q, hex(key).ptr, q));
        CHECK_HEX(q, 32, cases[i].evaluated);
        /* unblinding leaves skS * H(Input) */
        CHECK_OK(mal_prim_scalar_invert(inverse, hex(blind).ptr));
        CHECK_OK(mal_prim_point_mul(q, inverse, q));
        CHECK_OK(mal_prim_point_mul(p, hex(key).ptr, p));
        CHECK(mal_equal(p, q, 32));
    }
}

TEST(refuse_an_empty_or_long_domain_separation_tag) {
    uint8_t p[32], tag[256] = { 0 };
    CHECK_ERR(mal_prim_point_hash(p, mal_bytes_of(NULL, 0), hex("00")),
              MAL_E_INPUT);
    CHECK_ERR(mal_prim_point_hash(p, mal_bytes_of(tag, 256), hex("00")),
              MAL_E_INPUT);
    CHECK_OK(mal_prim_point_hash(p, mal_bytes_of(tag, 255), hex("")));
}

TEST(scalars_of_signed_integers_obey_the_laws) {
    static const int64_t values[] = { 0,         1,         -1,
                                      2,         -77,       1 << 30,
                                      INT64_MAX, INT64_MIN, INT64_MIN + 1 };
    const size_t n = sizeof values / sizeof values[0];
    uint8_t zero[32] = { 0 };
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++) {
            int64_t sum, product;
            uint8_t a[32], b[32], c[32], d[32];
            mal_prim_scalar_from_i64(a, values[i]);
            mal_prim_scalar_from_i64(b, values[k]);
            mal_prim_scalar_add(c, a, b);
            if (!__builtin_add_overflow(values[i], values[k], &sum)) {
                mal_prim_scalar_from_i64(d, sum);
                CHECK(mal_equal(c, d, 32));
            }
            mal_prim_scalar_mul(c, a, b);
            if (!__builtin_mul_overflow(values[i], values[k], &product)) {
                mal_prim_scalar_from_i64(d, product);
                CHECK(mal_equal(c, d, 32));
            }
        }
    for (int i = 0; i < 20; i++) {
        uint8_t s[32], inverse[32], one[32] = { 1 }, p[32];
        mal_prim_scalar_random(s);
        CHECK(!mal_equal(s, zero, 32));
        CHECK_OK(mal_prim_scalar_invert(inverse, s));
        mal_prim_scalar_mul(s, s, inverse);
        CHECK(mal_equal(s, one, 32));
        CHECK_OK(mal_prim_point_mul_base(p, inverse));
        CHECK(mal_prim_point_valid(p));
    }
}

TEST_MAIN
