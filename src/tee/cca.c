/* cca.c - tokens of Arm's Confidential Compute Architecture.
 *
 * Two signed tokens in one wrapper: the platform's, by a key that the verifier
 * was given, and the realm's, by a key that it brings along (RAK).  What holds
 * them together is that the platform's challenge is the hash of the RAK claim.
 */
#include "token.h"
#include "cose.h"
#include "given.h"
#include "psa.h"

#include <malus/prim.h>

#include <string.h>

#define EVIDENCE_MAX ((size_t)64 << 10)
/* [CCA26]. */
#define CONTENT_EAT_CWT 263
#define PLATFORM_TOKEN 44234
#define REALM_TOKEN 44241
#define CLAIM_PROFILE 265
#define CLAIM_CHALLENGE 10
#define CLAIM_INSTANCE 256
#define CLAIM_LIFECYCLE 2395
#define CLAIM_SOFTWARE 2399
#define CLAIM_IMPLEMENTATION 2396
#define CLAIM_PERSONALIZATION 44235
#define CLAIM_RAK 44237
#define CLAIM_RIM 44238
#define CLAIM_REMS 44239
#define CLAIM_RAK_HASH 44240
#define REMS 4

static const tee_token_rule platform_rules[] = {
    { "profile", CLAIM_PROFILE, TEE_CBOR_TEXT, 1, 255, 0, false },
    { "challenge", CLAIM_CHALLENGE, TEE_TOKEN_HASH, false },
    { "instance id", CLAIM_INSTANCE, TEE_CBOR_BYTES, 33, 33, 0, false },
    { "lifecycle", CLAIM_LIFECYCLE, TEE_CBOR_UINT, 0, UINT16_MAX, 0, false },
    { "implementation id", CLAIM_IMPLEMENTATION, TEE_CBOR_BYTES, 32, 32, 0,
      false },
    { "software components", CLAIM_SOFTWARE, TEE_CBOR_ARRAY, 1,
      TEE_PSA_SOFTWARE_MAX, 0, false },
    { "verification service", 2400, TEE_CBOR_TEXT, 0, 1024, 0, true },
    { "config", 2401, TEE_CBOR_BYTES, 0, 1024, 0, false },
    { "hash algorithm", 2402, TEE_CBOR_TEXT, 1, 32, 0, false },
};
static const tee_token_rule realm_rules[] = {
    { "profile", CLAIM_PROFILE, TEE_CBOR_TEXT, 1, 255, 0, true },
    { "challenge", CLAIM_CHALLENGE, TEE_CBOR_BYTES, 64, 64, 0, false },
    { "personalization value", CLAIM_PERSONALIZATION, TEE_CBOR_BYTES, 64, 64, 0,
      false },
    { "hash algorithm", 44236, TEE_CBOR_TEXT, 1, 32, 0, false },
    { "public key", CLAIM_RAK, TEE_CBOR_BYTES, 65, 256, 0, false },
    { "initial measurement", CLAIM_RIM, TEE_TOKEN_HASH, false },
    { "extensible measurements", CLAIM_REMS, TEE_CBOR_ARRAY, REMS, REMS, 0,
      false },
    { "public key hash algorithm", CLAIM_RAK_HASH, TEE_CBOR_TEXT, 1, 32, 0,
      false },
};

typedef struct cca {
    tee_cose platform, realm;
    tee_cbor platform_claims, realm_claims;
} cca;

static mal_tee_code malformed(tee_ctx *c, const char *why) {
    return tee_fail(c, MAL_TEE_MALFORMED, "token: %s", why);
}

/* --- The wrapper ---------------------------------------------------------- */

static bool unwrap(mal_bytes *token, const tee_cbor *member, uint64_t tag) {
    tee_cbor format, value = *member;
    if (tag == TEE_TAG_CMW) {
        mal_rd rd = mal_rd_of(member->body);
        if (member->major != TEE_CBOR_ARRAY || member->n != 2 ||
            tee_cbor_read(&rd, &format) != MAL_OK ||
            !tee_cbor_is_int(&format, CONTENT_EAT_CWT) ||
            tee_cbor_read(&rd, &value) != MAL_OK)
            return false;
    }
    *token = value.body;
    return value.major == TEE_CBOR_BYTES;
}

/* Nothing but the two tokens: what stands beside them is signed by nobody. */
static mal_tee_code cut_tokens(tee_ctx *c, mal_bytes *platform,
                               mal_bytes *realm) {
    tee_cbor root, map, member;
    TEE_TRY(tee_of_err(c, tee_cbor_parse(&root, c->in->evidence),
                       MAL_TEE_MALFORMED, "token"));
    if (root.major != TEE_CBOR_TAG ||
        (root.n != TEE_TAG_CCA && root.n != TEE_TAG_CMW))
        return malformed(c, "neither tag 399 nor 907: no CCA collection");
    if (tee_cbor_parse(&map, root.body) != MAL_OK ||
        map.major != TEE_CBOR_MAP || map.n != 2)
        return malformed(c, "the collection is no map of two");
    if (!tee_cbor_find(&member, &map, PLATFORM_TOKEN) ||
        !unwrap(platform, &member, root.n))
        return malformed(c, "no platform token");
    if (!tee_cbor_find(&member, &map, REALM_TOKEN) ||
        !unwrap(realm, &member, root.n))
        return malformed(c, "no realm token");
    return MAL_TEE_OK;
}

/* --- The platform's token ------------------------------------------------- */

static mal_tee_code read_claims(tee_ctx *c, tee_cbor *claims, mal_bytes payload,
                                const tee_token_rule *rules, size_t n,
                                const char *what) {
    TEE_TRY(tee_of_err(c, tee_cbor_parse(claims, payload), MAL_TEE_MALFORMED,
                       what));
    TEE_REQUIRE(c, claims->major == TEE_CBOR_MAP, MAL_TEE_MALFORMED,
                "%s: the claims are no map", what);
    return tee_token_check(c, claims, rules, n, what);
}

static mal_tee_code check_platform(tee_ctx *c, cca *token, mal_bytes bytes) {
    static const char what[] = "platform token";
    static const size_t n = sizeof platform_rules / sizeof *platform_rules;
    MAL_AUTO(mal_pubkey_auto) mal_pubkey *key = NULL;
    tee_cbor profile;
    TEE_TRY(tee_cose_parse(c, &token->platform, bytes, false, what));
    TEE_TRY(tee_given_key(c, &key));
    TEE_TRY(tee_cose_verify(c, &token->platform, key,
                            "platform token: its signature"));
    TEE_TRY(read_claims(c, &token->platform_claims, token->platform.payload,
                        platform_rules, n, what));
    TEE_REQUIRE(
        c,
        tee_cbor_find(&profile, &token->platform_claims, CLAIM_PROFILE) &&
            (tee_cbor_is_text(&profile, "http://arm.com/CCA-SSD/1.0.0") ||
             tee_cbor_is_text(&profile, "tag:arm.com,2023:cca_platform#1.0.0")),
        MAL_TEE_UNSUPPORTED, "platform token: unknown profile");
    return MAL_TEE_OK;
}

/* --- The realm's token ---------------------------------------------------- */

/* SEC 1 form: 0x04, then both coordinates. */
static mal_err read_point(mal_pubkey **key, mal_bytes rak) {
    unsigned bits = rak.len == 65    ? 256
                    : rak.len == 97  ? 384
                    : rak.len == 133 ? 521
                                     : 0;
    MAL_REQUIRE(bits && rak.ptr[0] == 0x04, MAL_E_INPUT,
                "a key that is no uncompressed point");
    return mal_pubkey_ec(key, bits, mal_bytes_of(rak.ptr + 1, rak.len - 1));
}

/* Realms without a profile have a bare point, those with one a COSE_Key. */
static mal_tee_code read_rak(tee_ctx *c, mal_pubkey **key,
                             const tee_cbor *claims) {
    tee_cbor profile;
    mal_bytes rak = tee_token_bytes(claims, CLAIM_RAK);
    mal_err err;
    if (!tee_cbor_find(&profile, claims, CLAIM_PROFILE))
        err = read_point(key, rak);
    else if (tee_cbor_is_text(&profile, "tag:arm.com,2023:realm#1.0.0") ||
             tee_cbor_is_text(&profile, "tag:arm.com,2024:realm#2.0.0"))
        err = tee_cose_key(key, rak);
    else
        return tee_fail(c, MAL_TEE_UNSUPPORTED, "realm token: unknown profile");
    return tee_of_err(c, err, MAL_TEE_MALFORMED, "realm token: its key");
}

static mal_tee_code note_rems(tee_ctx *c, const tee_cbor *claims) {
    tee_cbor list, rem;
    if (!tee_cbor_find(&list, claims, CLAIM_REMS))
        return malformed(c, "no extensible measurements");
    mal_rd rd = mal_rd_of(list.body);
    for (size_t i = 0; i < REMS; i++) {
        if (tee_cbor_read(&rd, &rem) != MAL_OK || rem.major != TEE_CBOR_BYTES ||
            (rem.n != 32 && rem.n != 48 && rem.n != 64))
            return malformed(c, "a measurement that is no hash");
        tee_token_note(c, "rem", i, rem.body);
    }
    return MAL_TEE_OK;
}

/* The claims are read before the signature is checked, as the key lies among
 * them; nothing of them counts until platform and realm are bound. */
static mal_tee_code check_realm(tee_ctx *c, cca *token, mal_bytes bytes) {
    static const char what[] = "realm token";
    static const size_t n = sizeof realm_rules / sizeof *realm_rules;
    MAL_AUTO(mal_pubkey_auto) mal_pubkey *rak = NULL;
    TEE_TRY(tee_cose_parse(c, &token->realm, bytes, false, what));
    TEE_TRY(read_claims(c, &token->realm_claims, token->realm.payload,
                        realm_rules, n, what));
    TEE_TRY(read_rak(c, &rak, &token->realm_claims));
    return tee_cose_verify(c, &token->realm, rak, "realm token: its signature");
}

/* --- Together ------------------------------------------------------------- */

static size_t hash_rak(uint8_t out[64], const tee_cbor *name, mal_bytes rak) {
    if (tee_cbor_is_text(name, "sha-256")) {
        mal_prim_hash hash;
        mal_prim_sha256_of(&hash, rak);
        memcpy(out, hash.b, MAL_PRIM_HASH);
        return MAL_PRIM_HASH;
    }
    if (tee_cbor_is_text(name, "sha-384")) {
        mal_prim_sha384_of(out, rak);
        return 48;
    }
    if (tee_cbor_is_text(name, "sha-512")) {
        mal_prim_sha512_of(out, rak);
        return 64;
    }
    return 0;
}

/* The platform's challenge is the hash of the RAK claim, byte for byte. */
static mal_tee_code check_binding(tee_ctx *c, const cca *token) {
    uint8_t hash[64];
    tee_cbor name;
    size_t len = 0;
    if (tee_cbor_find(&name, &token->realm_claims, CLAIM_RAK_HASH))
        len = hash_rak(hash, &name,
                       tee_token_bytes(&token->realm_claims, CLAIM_RAK));
    TEE_REQUIRE(c, len > 0, MAL_TEE_UNSUPPORTED,
                "realm token: an unknown hash of its key");
    TEE_REQUIRE(c,
                mal_bytes_same_vartime(
                    mal_bytes_of(hash, len),
                    tee_token_bytes(&token->platform_claims, CLAIM_CHALLENGE)),
                MAL_TEE_BINDING,
                "the platform's challenge is not the hash of the realm's key");
    return MAL_TEE_OK;
}

static mal_tee_code note_claims(tee_ctx *c, const cca *token) {
    const tee_cbor *platform = &token->platform_claims;
    const tee_cbor *realm = &token->realm_claims;
    tee_cbor software;
    c->claims->measurement = tee_token_bytes(realm, CLAIM_RIM);
    c->claims->report_data = tee_token_bytes(realm, CLAIM_CHALLENGE);
    TEE_TRY(note_rems(c, realm));
    tee_fact_bytes(c, "personalization",
                   tee_token_bytes(realm, CLAIM_PERSONALIZATION));
    tee_fact_bytes(c, "implementation-id",
                   tee_token_bytes(platform, CLAIM_IMPLEMENTATION));
    if (tee_cbor_find(&software, platform, CLAIM_SOFTWARE))
        TEE_TRY(tee_psa_software(c, &software));
    return tee_psa_instance(c, tee_token_bytes(platform, CLAIM_INSTANCE));
}

mal_tee_code tee_cca_verify(tee_ctx *c) {
    mal_bytes platform, realm;
    cca token = { 0 };
    tee_cbor lifecycle;
    TEE_REQUIRE(c, c->in->evidence.len <= EVIDENCE_MAX, MAL_TEE_LIMIT,
                "token: larger than 64 KiB");
    c->claims->family = "CCA";
    TEE_TRY(cut_tokens(c, &platform, &realm));
    TEE_TRY(check_platform(c, &token, platform));
    TEE_TRY(check_realm(c, &token, realm));
    TEE_TRY(check_binding(c, &token));
    TEE_TRY(note_claims(c, &token));
    c->authentic = true;
    if (tee_cbor_find(&lifecycle, &token.platform_claims, CLAIM_LIFECYCLE))
        TEE_TRY(tee_psa_lifecycle(c, lifecycle.n));
    return tee_check_nonce(c, c->claims->report_data);
}
