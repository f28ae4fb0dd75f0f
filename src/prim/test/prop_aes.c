/* prop_aes.c - bulk AES-128: published vectors on every way, and the ways held
 * equal on random input. */
#include "prim_test.h"
#include "../aes_impl.h"

#define FOR_WAYS(w)                                                            \
    for (size_t i_ = 0; i_ < prim_aes_ways_n; i_++)                            \
        for (const prim_aes_way *w = prim_aes_ways[i_]; w && w->usable();      \
             w = NULL)

static const prim_aes_way *plain(void) {
    return prim_aes_ways[prim_aes_ways_n - 1];
}

/* [FIPS197] appendix A.1. */
TEST(every_way_expands_the_key_of_fips_197) {
    FOR_WAYS(w) {
        mal_prim_aes aes;
        w->init(&aes, hex("2b7e151628aed2a6abf7158809cf4f3c").ptr);
        CHECK_HEX(aes.round[0], 16, "2b7e151628aed2a6abf7158809cf4f3c");
        CHECK_HEX(aes.round[1], 16, "a0fafe1788542cb123a339392a6c7605");
        CHECK_HEX(aes.round[9], 16, "ac7766f319fadc2128d12941575c006e");
        CHECK_HEX(aes.round[10], 16, "d014f9a8c9ee2589e13f0cc8b6630ca6");
    }
}

/* [FIPS197] appendix C.1. */
TEST(every_way_encrypts_the_block_of_fips_197) {
    FOR_WAYS(w) {
        mal_prim_aes aes;
        uint8_t out[16];
        w->init(&aes, hex("000102030405060708090a0b0c0d0e0f").ptr);
        w->ecb(out, hex("00112233445566778899aabbccddeeff").ptr, 1, &aes);
        CHECK_HEX(out, 16, "69c4e0d86a7b0430d8cdb78070b4c55a");
    }
}

/* [SP800-38A] F.1.1. */
TEST(every_way_encrypts_the_four_blocks_of_sp_800_38a) {
    FOR_WAYS(w) {
        mal_prim_aes aes;
        uint8_t out[64];
        w->init(&aes, hex("2b7e151628aed2a6abf7158809cf4f3c").ptr);
        w->ecb(out,
               hex("6bc1bee22e409f96e93d7e117393172a"
                   "ae2d8a571e03ac9c9eb76fac45af8e51"
                   "30c81c46a35ce411e5fbc1191a0a52ef"
                   "f69f2445df4f9b17ad2b417be66c3710")
                   .ptr,
               4, &aes);
        CHECK_HEX(out, 64,
                  "3ad77bb40d7a3660a89ecaf32466ef97"
                  "f5d3d58503b9699de785895a96fdbaaf"
                  "43b1cd7f598ece23881b00e3ed030688"
                  "7b0c785e27e8ad3f8223207104725dd4");
    }
}

/* The modes by their definition, a block at a time. */
static void one(uint8_t out[16], const uint8_t in[16], const mal_prim_aes *k) {
    plain()->ecb(out, in, 1, k);
}

static void count(uint8_t out[16], uint64_t low, uint64_t high) {
    mal_store_u64le(out, low);
    mal_store_u64le(out + 8, high);
}

static void xor16(uint8_t *a, const uint8_t *b) {
    for (int i = 0; i < 16; i++)
        a[i] ^= b[i];
}

#define MOST 131

static void fill(void *out, size_t len, uint64_t *rng) {
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)out)[i] = (uint8_t)mal_test_rand(rng);
}

static void compare(const prim_aes_way *w, size_t n, uint64_t *rng) {
    uint8_t key[16], in[16 * MOST], got[16 * MOST + 1], want[16], x[16];
    uint64_t counter = mal_test_rand(rng), tweak = mal_test_rand(rng);
    mal_prim_aes aes, same;
    fill(key, 16, rng);
    fill(in, sizeof in, rng);
    w->init(&aes, key);
    plain()->init(&same, key);
    CHECK(mal_equal(&aes, &same, sizeof aes.round));
    got[16 * n] = 0xa5; /* one byte past the end is never written */

    w->ecb(got, in, n, &aes);
    for (size_t i = 0; i < n; i++) {
        one(want, in + 16 * i, &aes);
        CHECK(mal_equal(want, got + 16 * i, 16));
    }
    w->ctr(got, n, &aes, counter, tweak);
    for (size_t i = 0; i < n; i++) {
        count(x, counter + i, tweak);
        one(want, x, &aes);
        CHECK(mal_equal(want, got + 16 * i, 16));
        xor16(got + 16 * i, in + 16 * i);
    }
    w->ctr_xor(got, n, &aes, counter, tweak); /* and the stream again: in */
    CHECK(mal_equal(got, in, 16 * n));
    w->mmo(got, got, n, &aes);
    for (size_t i = 0; i < n; i++) {
        one(want, in + 16 * i, &aes);
        xor16(want, in + 16 * i);
        CHECK(mal_equal(want, got + 16 * i, 16));
    }
    w->tmmo(got, in, n, &aes, counter);
    for (size_t i = 0; i < n; i++) {
        uint8_t px[16];
        one(px, in + 16 * i, &aes);
        count(x, counter + i, 0);
        xor16(x, px);
        one(want, x, &aes);
        xor16(want, px);
        CHECK(mal_equal(want, got + 16 * i, 16));
    }
    CHECK_EQ(got[16 * n], 0xa5);
}

TEST(every_way_computes_every_mode_by_its_definition) {
    uint64_t rng = mal_test_seed();
    FOR_WAYS(w) {
        for (size_t n = 0; n <= 40; n++)
            compare(w, n, &rng);
        for (int i = 0; i < 20; i++)
            compare(w, mal_test_rand(&rng) % MOST, &rng);
    }
}

TEST(the_public_names_choose_a_usable_way) {
    mal_prim_aes aes, same;
    uint8_t a[16 * 33], b[16 * 33];
    mal_prim_aes_init(&aes, hex("000102030405060708090a0b0c0d0e0f").ptr);
    plain()->init(&same, hex("000102030405060708090a0b0c0d0e0f").ptr);
    mal_prim_aes_ctr(a, 33, &aes, UINT64_MAX, 7); /* the counter wraps alone */
    plain()->ctr(b, 33, &same, UINT64_MAX, 7);
    CHECK(mal_equal(a, b, sizeof a));
    mal_prim_aes_ctr_xor(a, 33, &aes, UINT64_MAX, 7);
    mal_prim_aes_ecb(a, a, 33, &aes);
    mal_prim_aes_mmo(a, a, 33, &aes);
    mal_prim_aes_tmmo(a, a, 33, &aes, 5);
    memset(b, 0, sizeof b);
    plain()->ecb(b, b, 33, &same);
    plain()->mmo(b, b, 33, &same);
    plain()->tmmo(b, b, 33, &same, 5);
    CHECK(mal_equal(a, b, sizeof a));
    mal_prim_aes_clear(&aes);
    memset(&same, 0, sizeof same);
    CHECK(mal_equal(&aes, &same, sizeof aes));
}

TEST_MAIN
