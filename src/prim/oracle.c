/* oracle.c - SHA-256 as a random oracle for many short messages.
 *
 * All messages share one 64-byte prefix, absorbed once; each then costs one
 * compression.  Two at a time hide the latency of the SHA instructions, which
 * one message alone waits for.
 */
#define OPENSSL_API_COMPAT 0x10100000L
#include "oracle_impl.h"

#include <openssl/sha.h>
#include <string.h>

void mal_prim_oracle_init(mal_prim_oracle *oracle, const char *label,
                          mal_bytes session) {
    uint8_t prefix[PREFIX] = { 0 };
    mal_prim_hash hash;
    SHA256_CTX ctx;
    mal_prim_hash_parts(&hash, label, &session, 1);
    memcpy(prefix, hash.b, sizeof hash.b);
    SHA256_Init(&ctx);
    SHA256_Transform(&ctx, prefix);
    for (unsigned i = 0; i < 8; i++)
        oracle->state[i] = ctx.h[i];
    mal_wipe(&ctx, sizeof ctx);
    mal_wipe(prefix, sizeof prefix);
}

static void plain_many(uint8_t *out, const uint8_t *in, size_t len, size_t n,
                       const mal_prim_oracle *oracle) {
    uint8_t block[64];
    SHA256_CTX ctx;
    SHA256_Init(&ctx);
    for (size_t i = 0; i < n; i++) {
        prim_oracle_pad(block, in + i * len, len);
        for (unsigned k = 0; k < 8; k++)
            ctx.h[k] = oracle->state[k];
        SHA256_Transform(&ctx, block);
        for (unsigned k = 0; k < 4; k++)
            mal_store_u32le(out + 16 * i + 4 * k, __builtin_bswap32(ctx.h[k]));
    }
    mal_wipe(block, sizeof block);
    mal_wipe(&ctx, sizeof ctx);
}

static bool plain_usable(void) {
    return true;
}

static const prim_oracle_way plain = { "plain", plain_usable, plain_many };

const prim_oracle_way *const prim_oracle_ways[] = {
#if defined(__x86_64__)
    &prim_oracle_ni,
#endif
    &plain,
};
const size_t prim_oracle_ways_n =
    sizeof prim_oracle_ways / sizeof *prim_oracle_ways;

/* Asked once: under a hypervisor the question itself takes microseconds. */
static const prim_oracle_way *best_way(void) {
    static const prim_oracle_way *known;
    const prim_oracle_way *way = __atomic_load_n(&known, __ATOMIC_RELAXED);
    for (size_t i = 0; !way; i++)
        if (prim_oracle_ways[i]->usable())
            way = prim_oracle_ways[i];
    __atomic_store_n(&known, way, __ATOMIC_RELAXED);
    return way;
}

void mal_prim_oracle_many(void *out, const void *in, size_t len, size_t n,
                          const mal_prim_oracle *oracle) {
    assert(len <= MAL_PRIM_ORACLE_IN_MAX);
    best_way()->many(out, in, len, n, oracle);
}
