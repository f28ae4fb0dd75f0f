/* sha.c - SHA-256, SHA-512 [FIPS180-4] and HMAC [RFC2104].
 *
 * OpenSSL's low-level calls, on purpose (docs/decisions/0101): they cannot
 * fail, allocate nothing, and a Merkle tree hashes 65 bytes at a time, where
 * EVP spends more on its own bookkeeping than on the compression function.
 */
#define OPENSSL_API_COMPAT 0x10100000L
#include "prim_impl.h"

#include <openssl/sha.h>
#include <string.h>

struct mal_prim_sha256 {
    SHA256_CTX ctx;
};

mal_prim_sha256 *mal_prim_sha256_new(void) {
    mal_prim_sha256 *state = mal_calloc(1, sizeof *state);
    if (state)
        SHA256_Init(&state->ctx);
    return state;
}

void mal_prim_sha256_free(mal_prim_sha256 *state) {
    if (state)
        mal_wipe(state, sizeof *state);
    mal_free(state);
}

void mal_prim_sha256_auto(mal_prim_sha256 **state) {
    mal_prim_sha256_free(*state);
    *state = NULL;
}

void mal_prim_sha256_add(mal_prim_sha256 *state, mal_bytes bytes) {
    if (bytes.len)
        SHA256_Update(&state->ctx, bytes.ptr, bytes.len);
}

void mal_prim_sha256_add_sized(mal_prim_sha256 *state, mal_bytes message) {
    uint8_t len[8];
    mal_store_u64le(len, message.len);
    mal_prim_sha256_add(state, mal_bytes_of(len, sizeof len));
    mal_prim_sha256_add(state, message);
}

void mal_prim_sha256_peek(const mal_prim_sha256 *state, mal_prim_hash *out) {
    SHA256_CTX copy = state->ctx;
    SHA256_Final(out->b, &copy);
    mal_wipe(&copy, sizeof copy);
}

void mal_prim_sha256_of(mal_prim_hash *out, mal_bytes bytes) {
    SHA256_CTX ctx;
    SHA256_Init(&ctx);
    if (bytes.len)
        SHA256_Update(&ctx, bytes.ptr, bytes.len);
    SHA256_Final(out->b, &ctx);
    mal_wipe(&ctx, sizeof ctx);
}

void mal_prim_sha384_of(uint8_t out[48], mal_bytes bytes) {
    SHA512_CTX ctx;
    SHA384_Init(&ctx);
    if (bytes.len)
        SHA384_Update(&ctx, bytes.ptr, bytes.len);
    SHA384_Final(out, &ctx);
    mal_wipe(&ctx, sizeof ctx);
}

void mal_prim_sha512_of(uint8_t out[64], mal_bytes bytes) {
    SHA512_CTX ctx;
    SHA512_Init(&ctx);
    if (bytes.len)
        SHA512_Update(&ctx, bytes.ptr, bytes.len);
    SHA512_Final(out, &ctx);
    mal_wipe(&ctx, sizeof ctx);
}

void prim_sha256_concat(mal_prim_hash *out, const mal_bytes *parts, size_t n) {
    SHA256_CTX ctx;
    SHA256_Init(&ctx);
    for (size_t i = 0; i < n; i++)
        if (parts[i].len)
            SHA256_Update(&ctx, parts[i].ptr, parts[i].len);
    SHA256_Final(out->b, &ctx);
    mal_wipe(&ctx, sizeof ctx);
}

static void add_part(SHA256_CTX *ctx, const void *ptr, size_t len) {
    uint8_t word[8];
    mal_store_u64le(word, len);
    SHA256_Update(ctx, word, sizeof word);
    if (len)
        SHA256_Update(ctx, ptr, len);
}

void mal_prim_hash_parts(mal_prim_hash *out, const char *label,
                         const mal_bytes *parts, size_t n) {
    SHA256_CTX ctx;
    SHA256_Init(&ctx);
    add_part(&ctx, label, strlen(label));
    for (size_t i = 0; i < n; i++)
        add_part(&ctx, parts[i].ptr, parts[i].len);
    SHA256_Final(out->b, &ctx);
    mal_wipe(&ctx, sizeof ctx);
}

#define BLOCK 64 /* of SHA-256 */

/* HMAC(K, m) = H((K ^ opad) || H((K ^ ipad) || m)). */
void prim_hmac256_parts(mal_prim_hash *out, mal_bytes key,
                        const mal_bytes *parts, size_t n) {
    SHA256_CTX ctx;
    uint8_t pad[BLOCK] = { 0 };
    mal_prim_hash inner;

    if (key.len > BLOCK) {
        mal_prim_sha256_of(&inner, key);
        memcpy(pad, inner.b, sizeof inner.b);
    } else if (key.len) {
        memcpy(pad, key.ptr, key.len);
    }
    for (size_t i = 0; i < BLOCK; i++)
        pad[i] ^= 0x36;
    SHA256_Init(&ctx);
    SHA256_Update(&ctx, pad, BLOCK);
    for (size_t i = 0; i < n; i++)
        if (parts[i].len)
            SHA256_Update(&ctx, parts[i].ptr, parts[i].len);
    SHA256_Final(inner.b, &ctx);

    for (size_t i = 0; i < BLOCK; i++)
        pad[i] ^= 0x36 ^ 0x5c;
    SHA256_Init(&ctx);
    SHA256_Update(&ctx, pad, BLOCK);
    SHA256_Update(&ctx, inner.b, sizeof inner.b);
    SHA256_Final(out->b, &ctx);
    mal_wipe(&ctx, sizeof ctx);
    mal_wipe(pad, sizeof pad);
    mal_wipe(&inner, sizeof inner);
}

void mal_prim_hmac256(mal_prim_hash *out, mal_bytes key, mal_bytes message) {
    prim_hmac256_parts(out, key, &message, 1);
}
