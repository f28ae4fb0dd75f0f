/* point.c - ristretto255 [RFC9496] and hashing to it [RFC9380], by libsodium.
 */
#define OPENSSL_API_COMPAT 0x10100000L
#include "prim_impl.h"

#include <openssl/sha.h>
#include <sodium.h>
#include <string.h>

/* [RFC9380] section 5.3.1, expand_message_xmd with SHA-512, for the 64 bytes
 * that ristretto255 asks for: one block, so b_1 is the whole answer. */
static void expand_xmd(uint8_t out[64], mal_bytes dst, mal_bytes message) {
    static const uint8_t z_pad[128]; /* SHA-512's block size */
    const uint8_t l_i_b_str_0[3] = { 0, 64, 0 }, one = 1;
    const uint8_t dst_len = (uint8_t)dst.len;
    uint8_t b0[64];
    SHA512_CTX ctx;

    /* b_0 = H(Z_pad || msg || l_i_b_str || I2OSP(0, 1) || DST_prime) */
    SHA512_Init(&ctx);
    SHA512_Update(&ctx, z_pad, sizeof z_pad);
    if (message.len)
        SHA512_Update(&ctx, message.ptr, message.len);
    SHA512_Update(&ctx, l_i_b_str_0, sizeof l_i_b_str_0);
    SHA512_Update(&ctx, dst.ptr, dst.len);
    SHA512_Update(&ctx, &dst_len, 1);
    SHA512_Final(b0, &ctx);
    /* b_1 = H(b_0 || I2OSP(1, 1) || DST_prime) */
    SHA512_Init(&ctx);
    SHA512_Update(&ctx, b0, sizeof b0);
    SHA512_Update(&ctx, &one, 1);
    SHA512_Update(&ctx, dst.ptr, dst.len);
    SHA512_Update(&ctx, &dst_len, 1);
    SHA512_Final(out, &ctx);
    mal_wipe(&ctx, sizeof ctx);
    mal_wipe(b0, sizeof b0);
}

mal_err mal_prim_point_hash(uint8_t out[32], mal_bytes dst, mal_bytes message) {
    uint8_t wide[64];
    MAL_REQUIRE(dst.len >= 1 && dst.len <= 255, MAL_E_INPUT,
                "a domain separation tag has 1 to 255 bytes, not %zu", dst.len);
    expand_xmd(wide, dst, message);
    crypto_core_ristretto255_from_hash(out, wide);
    mal_wipe(wide, sizeof wide);
    return MAL_OK;
}

/* libsodium before 1.0.19 ignores the top bit of an encoding, so that each
 * element would have two; [RFC9496] 4.3.1 has one. */
static bool top_bit_clear(const uint8_t p[32]) {
    return (p[31] & 0x80) == 0;
}

bool mal_prim_point_valid(const uint8_t p[32]) {
    return top_bit_clear(p) &&
           crypto_core_ristretto255_is_valid_point(p) == 1 &&
           !sodium_is_zero(p, 32);
}

mal_err mal_prim_point_mul(uint8_t out[32], const uint8_t s[32],
                           const uint8_t p[32]) {
    uint8_t q[32];
    MAL_REQUIRE(top_bit_clear(p) &&
                    crypto_scalarmult_ristretto255(q, s, p) == 0,
                MAL_E_INPUT,
                "not a ristretto255 element, or its multiple is the identity");
    memcpy(out, q, sizeof q);
    return MAL_OK;
}

mal_err mal_prim_point_mul_base(uint8_t out[32], const uint8_t s[32]) {
    /* Its -1 says only that the result is the identity, which is written. */
    (void)!crypto_scalarmult_ristretto255_base(out, s);
    return MAL_OK;
}

mal_err mal_prim_point_add(uint8_t out[32], const uint8_t a[32],
                           const uint8_t b[32]) {
    uint8_t sum[32];
    MAL_REQUIRE(top_bit_clear(a) && top_bit_clear(b) &&
                    crypto_core_ristretto255_add(sum, a, b) == 0,
                MAL_E_INPUT, "not a ristretto255 element");
    memcpy(out, sum, sizeof sum);
    return MAL_OK;
}

mal_err mal_prim_point_sub(uint8_t out[32], const uint8_t a[32],
                           const uint8_t b[32]) {
    uint8_t difference[32];
    MAL_REQUIRE(top_bit_clear(a) && top_bit_clear(b) &&
                    crypto_core_ristretto255_sub(difference, a, b) == 0,
                MAL_E_INPUT, "not a ristretto255 element");
    memcpy(out, difference, sizeof difference);
    return MAL_OK;
}

void mal_prim_scalar_random(uint8_t out[32]) {
    uint8_t wide[64];
    do { /* 2^512 mod l: a bias below 2^-250 */
        mal_prim_random(wide, sizeof wide);
        crypto_core_ristretto255_scalar_reduce(out, wide);
    } while (sodium_is_zero(out, 32));
    mal_wipe(wide, sizeof wide);
}

/* v mod l: |v| or l - |v|, chosen by mask. */
void mal_prim_scalar_from_i64(uint8_t out[32], int64_t v) {
    uint8_t plus[32] = { 0 }, minus[32];
    uint64_t sign = mal_mask_lt_signed(v, 0);
    uint64_t size = mal_select(sign, (uint64_t)0 - (uint64_t)v, (uint64_t)v);

    mal_store_u64le(plus, size);
    crypto_core_ristretto255_scalar_negate(minus, plus);
    for (size_t i = 0; i < 32; i++)
        out[i] = (uint8_t)mal_select(sign, minus[i], plus[i]);
    mal_wipe(plus, sizeof plus);
    mal_wipe(minus, sizeof minus);
}

void mal_prim_scalar_add(uint8_t out[32], const uint8_t a[32],
                         const uint8_t b[32]) {
    crypto_core_ristretto255_scalar_add(out, a, b);
}

void mal_prim_scalar_mul(uint8_t out[32], const uint8_t a[32],
                         const uint8_t b[32]) {
    crypto_core_ristretto255_scalar_mul(out, a, b);
}

mal_err mal_prim_scalar_invert(uint8_t out[32], const uint8_t a[32]) {
    MAL_REQUIRE(crypto_core_ristretto255_scalar_invert(out, a) == 0,
                MAL_E_INPUT, "zero has no inverse");
    return MAL_OK;
}
