/* leak_prim.c - secrets are marked undefined: valgrind reports each branch and
 * index that depends on one.  Run by hand it only computes. */
#include "prim_test.h"

#include <valgrind/memcheck.h>

static void secret(void *p, size_t len) {
    (void)VALGRIND_MAKE_MEM_UNDEFINED(p, len);
}
static void open_(void *p, size_t len) {
    (void)VALGRIND_MAKE_MEM_DEFINED(p, len);
}

TEST(signed_scalars_do_not_branch_on_the_sign) {
    static const int64_t values[] = { 0, 5, -5, INT64_MIN, INT64_MAX };
    for (int i = 0; i < 5; i++) {
        int64_t v = values[i];
        uint8_t out[32];
        secret(&v, sizeof v);
        mal_prim_scalar_from_i64(out, v);
        open_(out, sizeof out);
        CHECK(out[31] <= 0x10);
    }
}

TEST(hmac_and_hkdf_do_not_branch_on_the_key) {
    uint8_t key[32] = { 3 }, out[64];
    mal_prim_hash tag;
    secret(key, sizeof key);
    mal_prim_hmac256(&tag, mal_bytes_of(key, 32), mal_bytes_str("m"));
    CHECK_OK(mal_prim_hkdf(out, sizeof out, mal_bytes_of(key, 32),
                           mal_bytes_of(key, 32), mal_bytes_str("i")));
    open_(out, sizeof out);
}

TEST(the_generator_does_not_branch_on_its_seed) {
    MAL_AUTO(mal_prim_drbg_auto) mal_prim_drbg *drbg = NULL;
    uint8_t seed[32] = { 9 }, out[9000];
    secret(seed, sizeof seed);
    CHECK_OK(mal_prim_drbg_new(&drbg, mal_bytes_of(seed, 32)));
    mal_prim_drbg_fill(drbg, out, 100);
    mal_prim_drbg_fill(drbg, out, sizeof out);
    uint64_t word = mal_prim_drbg_u64(drbg);
    open_(&word, sizeof word);
    open_(out, sizeof out);
}

TEST(hpke_does_not_branch_on_the_secret_key) {
    MAL_AUTO(mal_key_clear) mal_key sec = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf sealed = { 0 };
    uint8_t pub[32], plain[20] = { 0 };
    CHECK_OK(mal_prim_dh_keygen(pub, &sec));
    secret(plain, sizeof plain);
    CHECK_OK(mal_prim_hpke_seal(&sealed, pub, mal_bytes_of(NULL, 0),
                                mal_bytes_of(NULL, 0),
                                mal_bytes_of(plain, sizeof plain)));
    open_(sealed.ptr, sealed.len);
}

TEST(hashing_to_the_group_does_not_branch_on_the_message) {
    uint8_t message[16] = { 1 }, p[32], q[32], s[32] = { 4 };
    secret(message, sizeof message);
    secret(s, sizeof s);
    CHECK_OK(mal_prim_point_hash(p, mal_bytes_str("dst"),
                                 mal_bytes_of(message, 16)));
    open_(p, sizeof p); /* what is sent: blinded points are checked in public */
    mal_prim_scalar_mul(s, s, s);
    CHECK_OK(mal_prim_point_mul_base(q, s));
    open_(q, sizeof q);
    CHECK(mal_prim_point_valid(q));
}

TEST_MAIN
