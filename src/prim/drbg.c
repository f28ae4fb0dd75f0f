/* drbg.c - AES-256-CTR with fast key erasure [Ber17], and the shared PRG.
 *
 * The state is one key.  A refill expands it under counter 0, takes the first
 * 32 bytes as the next key, hands out the rest, and forgets the old key:
 * whoever steals the state learns nothing of what was handed out before.
 *
 *     key_i --AES-CTR--> key_{i+1} || output_i
 *
 * The key and the undelivered output lie in their own mapping, which the kernel
 * empties in a forked child.  A child finds no mark there, and aborts rather
 * than repeat its parent's masks.  OpenSSL's context, which lies elsewhere,
 * holds the schedule of an all-zero key between two refills.
 */
#include "prim_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define KEY 32
#define AES_BLOCK 16
#define MARK UINT64_C(0x6c6976652d647267) /* "live-drg" */
#define STATE_BYTES 4096
#define POOL (STATE_BYTES - 16 - KEY)

typedef struct drbg_state {
    uint64_t mark; /* MARK; 0 after a fork */
    uint64_t left; /* undelivered bytes, at the end of pool */
    uint8_t key[KEY];
    uint8_t pool[POOL];
} drbg_state;
_Static_assert(sizeof(drbg_state) == STATE_BYTES, "one page");

struct mal_prim_drbg {
    drbg_state *state;
    EVP_CIPHER_CTX *ctx;
};

/* Read, never written: CTR of zeros is the key stream. */
static const uint8_t zeros[16384];

/* Nothing can be said to a caller who will use the bytes as a mask. */
static void must(int ok, const char *why) {
    if (ok)
        return;
    fprintf(stderr, "malus: %s\n", why);
    abort();
}

static int stream_start(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher,
                        const uint8_t key[KEY], uint64_t nonce) {
    uint8_t iv[AES_BLOCK] = { 0 }; /* u64be(nonce) || u64be(counter) */
    mal_store_u64be(iv, nonce);
    return EVP_EncryptInit_ex2(ctx, cipher, key, iv, NULL) == 1;
}

static int stream_more(EVP_CIPHER_CTX *ctx, uint8_t *out, size_t len) {
    for (int got; len; out += got, len -= (size_t)got) {
        int take = (int)(len < sizeof zeros ? len : sizeof zeros);
        if (EVP_EncryptUpdate(ctx, out, &got, zeros, take) != 1 || got != take)
            return 0;
    }
    return 1;
}

/* One step of erasure: a new key, and len bytes for out (a multiple of 16). */
static void step(mal_prim_drbg *drbg, uint8_t *out, size_t len) {
    drbg_state *s = drbg->state;
    assert(len % AES_BLOCK == 0); /* or OpenSSL would keep a piece of stream */
    must(stream_start(drbg->ctx, NULL, s->key, 0) &&
             stream_more(drbg->ctx, s->key, KEY) &&
             stream_more(drbg->ctx, out, len) &&
             stream_start(drbg->ctx, NULL, zeros, 0),
         "AES-256-CTR fails");
}

static uint8_t *pool_at(drbg_state *s) {
    return s->pool + POOL - s->left;
}

static void take(mal_prim_drbg *drbg, uint8_t *out, size_t len) {
    drbg_state *s = drbg->state;
    assert(len <= s->left);
    memcpy(out, pool_at(s), len);
    mal_wipe(pool_at(s), len);
    s->left -= len;
}

mal_err mal_prim_drbg_new(mal_prim_drbg **drbg, mal_bytes seed32) {
    const EVP_CIPHER *cipher = prim_cipher_get(PRIM_AES256_CTR);
    MAL_AUTO(mal_prim_drbg_auto) mal_prim_drbg *d = NULL;

    *drbg = NULL;
    MAL_REQUIRE(cipher, MAL_E_UNSUPPORTED, "OpenSSL lacks AES-256-CTR");
    MAL_REQUIRE(seed32.len == KEY, MAL_E_INPUT,
                "a generator is seeded with 32 bytes, not %zu", seed32.len);
    d = mal_calloc(1, sizeof *d);
    MAL_REQUIRE(d, MAL_E_MEMORY, "out of memory");
    void *page = mmap(NULL, STATE_BYTES, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MAL_REQUIRE(page != MAP_FAILED, MAL_E_MEMORY, "out of memory");
    d->state = page;
    MAL_REQUIRE(madvise(page, STATE_BYTES, MADV_WIPEONFORK) == 0,
                MAL_E_UNSUPPORTED, "the kernel lacks MADV_WIPEONFORK (4.14)");
    /* Not dumped, not swapped: as far as the limits of this process allow. */
    (void)madvise(page, STATE_BYTES, MADV_DONTDUMP);
    (void)mlock(page, STATE_BYTES);
    d->ctx = EVP_CIPHER_CTX_new();
    MAL_REQUIRE(d->ctx && stream_start(d->ctx, cipher, zeros, 0), MAL_E_MEMORY,
                "out of memory");
    memcpy(d->state->key, seed32.ptr, KEY);
    d->state->mark = MARK;
    *drbg = d;
    d = NULL;
    return MAL_OK;
}

void mal_prim_drbg_free(mal_prim_drbg *drbg) {
    if (!drbg)
        return;
    if (drbg->state) {
        mal_wipe(drbg->state, STATE_BYTES);
        munmap(drbg->state, STATE_BYTES);
    }
    EVP_CIPHER_CTX_free(drbg->ctx);
    mal_free(drbg);
}

void mal_prim_drbg_auto(mal_prim_drbg **drbg) {
    mal_prim_drbg_free(*drbg);
    *drbg = NULL;
}

void mal_prim_drbg_fill(mal_prim_drbg *drbg, void *out, size_t len) {
    drbg_state *s = drbg->state;
    uint8_t *at = out;
    must(s->mark == MARK, "a generator was used after fork()");

    size_t head = len < s->left ? len : s->left;
    take(drbg, at, head);
    at += head;
    len -= head;
    if (len >= POOL) { /* long: straight into the caller's memory */
        size_t whole = len - len % AES_BLOCK;
        step(drbg, at, whole);
        at += whole;
        len -= whole;
    }
    if (len) {
        step(drbg, s->pool, POOL);
        s->left = POOL;
        take(drbg, at, len);
    }
}

uint64_t mal_prim_drbg_u64(mal_prim_drbg *drbg) {
    drbg_state *s = drbg->state;
    uint8_t word[8];
    if (s->mark == MARK &&
        s->left >= sizeof word) { /* in place: no copy to wipe */
        uint8_t *at = pool_at(s);
        uint64_t v = mal_load_u64le(at);
        memset(at, 0, sizeof word); /* not elided: the page outlives this */
        s->left -= sizeof word;
        return v;
    }
    mal_prim_drbg_fill(drbg, word, sizeof word);
    uint64_t v = mal_load_u64le(word);
    mal_wipe(word, sizeof word);
    return v;
}

/* [Lem19]: floor(r * bound / 2^64), with the r rejected whose low half falls
 * below 2^64 mod bound.  No division by or of a secret; what a rejection shows
 * is independent of what is returned. */
uint64_t mal_prim_drbg_below(mal_prim_drbg *drbg, uint64_t bound) {
    assert(bound >= 1);
    uint64_t floor = (0 - bound) % bound;
    mal_u128 product;
    do {
        product = (mal_u128)mal_prim_drbg_u64(drbg) * bound;
    } while ((uint64_t)product < floor);
    return (uint64_t)(product >> 64);
}

mal_err mal_prim_prg(void *out, size_t len, const uint8_t key[32],
                     uint64_t nonce) {
    const EVP_CIPHER *cipher = prim_cipher_get(PRIM_AES256_CTR);
    MAL_AUTO(prim_cipher_ctx_auto) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

    MAL_REQUIRE(cipher, MAL_E_UNSUPPORTED, "OpenSSL lacks AES-256-CTR");
    MAL_REQUIRE(ctx, MAL_E_MEMORY, "out of memory");
    MAL_REQUIRE(stream_start(ctx, cipher, key, nonce) &&
                    stream_more(ctx, out, len),
                MAL_E_MEMORY, "AES-256-CTR fails");
    return MAL_OK;
}
