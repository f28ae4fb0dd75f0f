/* token.h - which claims a token must hold, as a table. */
#ifndef MALUS_TEE_TOKEN_H
#define MALUS_TEE_TOKEN_H

#include "cbor.h"
#include "tee_impl.h"

#define TEE_TAG_MAC0 17 /* [RFC9052] section 2 */
#define TEE_TAG_SIGN1 18
#define TEE_TAG_CCA 399 /* [CCA26]: two byte strings */
#define TEE_TAG_CMW 907 /* two records [ content format, bytes ] */

typedef struct tee_token_rule {
    const char *name; /* for people; the key itself where the key is text */
    int64_t key;      /* 0: the key is the name */
    tee_cbor_major major;
    uint64_t min, max; /* of a value, a length or a count */
    uint64_t step;     /* from min on, in such steps; 0: any */
    bool optional;     /* may be absent or null */
} tee_token_rule;

/* 32, 48 or 64 bytes: a SHA-2 hash, or a challenge of that size. */
#define TEE_TOKEN_HASH TEE_CBOR_BYTES, 32, 64, 16

/* Every rule holds, or MALFORMED; claims without a rule are passed over. */
mal_tee_code tee_token_check(tee_ctx *c, const tee_cbor *claims,
                             const tee_token_rule *rules, size_t n,
                             const char *what);
/* A fact "name-i". */
void tee_token_note(tee_ctx *c, const char *name, size_t i, mal_bytes value);
/* The claim's bytes or text; empty if it is absent or null. */
mal_bytes tee_token_bytes(const tee_cbor *claims, int64_t key);

#endif
