/* unit_cert.c - certificates: issued, checked, refused. */
#include "prim_test.h"

#define DAY 86400

typedef struct pair {
    mal_key sec;
    uint8_t pub[32];
} pair;

static void pair_clear(pair *p) {
    mal_key_clear(&p->sec);
}

TEST(node_certificates_are_accepted_while_they_are_valid) {
    MAL_AUTO(pair_clear) pair id = { 0 };
    MAL_AUTO(pair_clear) pair node = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf der = { 0 };
    uint8_t pub[32];
    uint64_t now = mal_time_unix();
    CHECK_OK(mal_prim_sign_keygen(id.pub, &id.sec));
    CHECK_OK(mal_prim_sign_keygen(node.pub, &node.sec));
    CHECK_OK(mal_prim_cert_node(&der, "acme", node.pub, &id.sec, now - DAY,
                                now + DAY));
    CHECK_OK(mal_prim_cert_key(pub, mal_buf_view(&der)));
    CHECK(mal_equal(pub, node.pub, 32));
    CHECK_OK(mal_prim_cert_check(mal_buf_view(&der), id.pub, now));
    CHECK_OK(mal_prim_cert_check(mal_buf_view(&der), id.pub, now - DAY + 1));
    CHECK_OK(mal_prim_cert_check(mal_buf_view(&der), id.pub, now + DAY - 1));
    CHECK_ERR(mal_prim_cert_check(mal_buf_view(&der), id.pub, now - DAY - 1),
              MAL_E_AUTH);
    CHECK_ERR(mal_prim_cert_check(mal_buf_view(&der), id.pub, now + DAY + 1),
              MAL_E_AUTH);
}

TEST(identity_certificates_carry_the_identity_and_append) {
    MAL_AUTO(pair_clear) pair id = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf der = { 0 };
    uint8_t pub[32];
    CHECK_OK(mal_prim_sign_keygen(id.pub, &id.sec));
    CHECK_OK(mal_buf_put_str(&der, "head"));
    CHECK_OK(mal_prim_cert_identity(&der, "acme", &id.sec));
    CHECK_OK(mal_prim_cert_key(pub, mal_bytes_of(der.ptr + 4, der.len - 4)));
    CHECK(mal_equal(pub, id.pub, 32));
}

TEST(refuse_an_identity_certificate_where_a_node_s_is_wanted) {
    MAL_AUTO(pair_clear) pair id = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf der = { 0 };
    CHECK_OK(mal_prim_sign_keygen(id.pub, &id.sec));
    CHECK_OK(mal_prim_cert_identity(&der, "acme", &id.sec));
    CHECK_ERR(mal_prim_cert_check(mal_buf_view(&der), id.pub, mal_time_unix()),
              MAL_E_AUTH);
}

TEST(refuse_a_node_certificate_of_another_identity) {
    MAL_AUTO(pair_clear) pair id = { 0 };
    MAL_AUTO(pair_clear) pair mallory = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf der = { 0 };
    uint64_t now = mal_time_unix();
    CHECK_OK(mal_prim_sign_keygen(id.pub, &id.sec));
    CHECK_OK(mal_prim_sign_keygen(mallory.pub, &mallory.sec));
    CHECK_OK(mal_prim_cert_node(&der, "acme", mallory.pub, &mallory.sec,
                                now - DAY, now + DAY));
    CHECK_ERR(mal_prim_cert_check(mal_buf_view(&der), id.pub, now), MAL_E_AUTH);
}

TEST(refuse_each_flipped_byte_of_a_certificate) {
    MAL_AUTO(pair_clear) pair id = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf der = { 0 };
    uint64_t now = mal_time_unix();
    CHECK_OK(mal_prim_sign_keygen(id.pub, &id.sec));
    CHECK_OK(mal_prim_cert_node(&der, "acme", id.pub, &id.sec, now - DAY,
                                now + DAY));
    for (size_t i = 0; i < der.len; i++) {
        der.ptr[i] ^= 1;
        mal_err err = mal_prim_cert_check(mal_buf_view(&der), id.pub, now);
        CHECK(err == MAL_E_AUTH || err == MAL_E_INPUT);
        der.ptr[i] ^= 1;
    }
    for (size_t len = 0; len < der.len; len++)
        CHECK_ERR(mal_prim_cert_check(mal_bytes_of(der.ptr, len), id.pub, now),
                  MAL_E_INPUT);
    CHECK_OK(mal_buf_put_u8(&der, 0));
    CHECK_ERR(mal_prim_cert_check(mal_buf_view(&der), id.pub, now),
              MAL_E_INPUT);
}

TEST(refuse_bad_names_windows_and_keys) {
    MAL_AUTO(pair_clear) pair id = { 0 };
    MAL_AUTO(mal_key_clear) mal_key none = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf der = { 0 };
    char name[66];
    CHECK_OK(mal_prim_sign_keygen(id.pub, &id.sec));
    memset(name, 'a', 65);
    name[65] = 0;
    CHECK_ERR(mal_prim_cert_identity(&der, "", &id.sec), MAL_E_INPUT);
    CHECK_ERR(mal_prim_cert_identity(&der, name, &id.sec), MAL_E_INPUT);
    CHECK_ERR(mal_prim_cert_identity(&der, "acme", &none), MAL_E_INPUT);
    CHECK_ERR(mal_prim_cert_node(&der, "acme", id.pub, &none, 1, 2),
              MAL_E_INPUT);
    CHECK_ERR(mal_prim_cert_node(&der, "acme", id.pub, &id.sec, 2, 2),
              MAL_E_INPUT);
    CHECK_EQ(der.len, 0);
}

/* A certificate of the wild, but not of our kind: an RSA or P-256 key. */
TEST(refuse_a_certificate_of_another_algorithm) {
    MAL_AUTO(mal_buf_clear) mal_buf der = { 0 };
    uint8_t pub[32];
    CHECK_OK(mal_file_read(
        &der, mal_test_vector("attestation/snp/virtee-turin-vcek.der"), 8192));
    CHECK_ERR(mal_prim_cert_key(pub, mal_buf_view(&der)), MAL_E_INPUT);
}

TEST_MAIN
