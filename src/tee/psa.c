/* psa.c - tokens of Arm's Platform Security Architecture (TrustZone).
 *
 * A COSE_Sign1 by the key of one device, which the verifier was given.  There
 * are two sets of numbers for the same claims: PSA_IOT_PROFILE_1 and its
 * forerunners count down from -75000; psa/2.0.0 and [RFC9783] use registered
 * ones.
 */
#include "psa.h"
#include "token.h"
#include "cose.h"
#include "given.h"

#define EVIDENCE_MAX ((size_t)64 << 10)

static mal_tee_code malformed(tee_ctx *c, const char *why) {
    return tee_fail(c, MAL_TEE_MALFORMED, "token: %s", why);
}

/* --- Shared with CCA ------------------------------------------------------ */

/* [RFC9783] section 4.4.1.  Label 3 is reserved. */
static const tee_token_rule software_rules[] = {
    { "measurement type", 1, TEE_CBOR_TEXT, 0, 255, 0, true },
    { "measurement value", 2, TEE_TOKEN_HASH, false },
    { "version", 4, TEE_CBOR_TEXT, 0, 255, 0, true },
    { "signer id", 5, TEE_TOKEN_HASH, false },
    { "measurement description", 6, TEE_CBOR_TEXT, 0, 255, 0, true },
};

mal_tee_code tee_psa_software(tee_ctx *c, const tee_cbor *list) {
    static const size_t n = sizeof software_rules / sizeof *software_rules;
    mal_rd rd = mal_rd_of(list->body);
    tee_cbor part;
    for (size_t i = 0; rd.left > 0; i++) {
        if (tee_cbor_read(&rd, &part) != MAL_OK || part.major != TEE_CBOR_MAP)
            return malformed(c, "a software component that is no map");
        TEE_TRY(
            tee_token_check(c, &part, software_rules, n, "software component"));
        tee_token_note(c, "software", i, tee_token_bytes(&part, 2));
        tee_token_note(c, "software-signer", i, tee_token_bytes(&part, 5));
    }
    return MAL_TEE_OK;
}

/* [RFC9783] section 4.3.1: 0x3000 to 0x30ff is secured; below it stand
 * assembly and provisioning, above it debugging and the scrap heap. */
mal_tee_code tee_psa_lifecycle(tee_ctx *c, uint64_t lifecycle) {
    tee_fact_number(c, "lifecycle", lifecycle);
    c->claims->debug = (lifecycle & 0xff00) != 0x3000;
    TEE_REQUIRE(c, !c->claims->debug, MAL_TEE_DEBUG,
                "the security lifecycle 0x%04x is not that of a secured device",
                (unsigned)lifecycle);
    return MAL_TEE_OK;
}

/* [RFC9711] section 4.2.1: type RAND of a UEID. */
mal_tee_code tee_psa_instance(tee_ctx *c, mal_bytes instance) {
    if (instance.len != TEE_PSA_INSTANCE || instance.ptr[0] != 0x01)
        return malformed(c, "an instance id that is not of type RAND");
    c->claims->platform_id = instance;
    return MAL_TEE_OK;
}

/* --- Numbers and rules of the profiles ------------------------------------ */

typedef struct psa_profile {
    const tee_token_rule *rules;
    size_t n;
    int64_t profile, nonce, instance, client, lifecycle, implementation,
        software, no_software;
} psa_profile;

/* [RFC9783] section 4; claims 10, 256 and 265 are those of EAT. */
static const tee_token_rule rules_2[] = {
    { "profile", 265, TEE_CBOR_TEXT, 1, 255, 0, false },
    { "nonce", 10, TEE_TOKEN_HASH, false },
    { "instance id", 256, TEE_CBOR_BYTES, 33, 33, 0, false },
    { "security lifecycle", 2395, TEE_CBOR_UINT, 0, UINT16_MAX, 0, false },
    { "implementation id", 2396, TEE_CBOR_BYTES, 32, 32, 0, false },
    { "boot seed", 2397, TEE_CBOR_BYTES, 8, 32, 0, true },
    { "certification reference", 2398, TEE_CBOR_TEXT, 0, 255, 0, true },
    { "software components", 2399, TEE_CBOR_ARRAY, 1, TEE_PSA_SOFTWARE_MAX, 0,
      false },
    { "verification service", 2400, TEE_CBOR_TEXT, 0, 1024, 0, true },
};
/* [PSA07] section 3.  The name of the profile is free there: the forerunners
 * of PSA_IOT_PROFILE_1 wrote a URL of their own. */
static const tee_token_rule rules_1[] = {
    { "profile", -75000, TEE_CBOR_TEXT, 1, 255, 0, true },
    { "security lifecycle", -75002, TEE_CBOR_UINT, 0, UINT16_MAX, 0, false },
    { "implementation id", -75003, TEE_CBOR_BYTES, 32, 32, 0, false },
    { "boot seed", -75004, TEE_CBOR_BYTES, 32, 32, 0, false },
    { "hardware version", -75005, TEE_CBOR_TEXT, 0, 255, 0, true },
    { "software components", -75006, TEE_CBOR_ARRAY, 1, TEE_PSA_SOFTWARE_MAX, 0,
      true },
    { "no software measurements", -75007, TEE_CBOR_UINT, 1, 1, 0, true },
    { "nonce", -75008, TEE_TOKEN_HASH, false },
    { "instance id", -75009, TEE_CBOR_BYTES, 33, 33, 0, false },
    { "verification service", -75010, TEE_CBOR_TEXT, 0, 1024, 0, true },
};
static const psa_profile profile_2 = {
    rules_2, sizeof rules_2 / sizeof *rules_2,
    265,     10,
    256,     2394,
    2395,    2396,
    2399,    0,
};
static const psa_profile profile_1 = {
    rules_1, sizeof rules_1 / sizeof *rules_1,
    -75000,  -75008,
    -75009,  -75001,
    -75002,  -75003,
    -75006,  -75007,
};

static mal_tee_code find_profile(tee_ctx *c, const psa_profile **profile,
                                 const tee_cbor *claims) {
    tee_cbor value;
    *profile = &profile_1;
    if (tee_cbor_find(&value, claims, profile_2.profile)) {
        *profile = &profile_2;
        if (!tee_cbor_is_text(&value, "http://arm.com/psa/2.0.0") &&
            !tee_cbor_is_text(&value, "tag:psacertified.org,2023:psa#tfm"))
            return tee_fail(c, MAL_TEE_UNSUPPORTED, "token: unknown profile");
    }
    return MAL_TEE_OK;
}

/* --- Claims --------------------------------------------------------------- */

/* A partition's id, signed: below 0 stand callers of the non-secure world. */
static mal_tee_code check_client(tee_ctx *c, const tee_cbor *claims,
                                 const psa_profile *profile) {
    tee_cbor client;
    if (!tee_cbor_find(&client, claims, profile->client) ||
        (client.major != TEE_CBOR_UINT && client.major != TEE_CBOR_NINT) ||
        client.n > INT32_MAX)
        return malformed(c, "the client id is missing or no 32-bit integer");
    return MAL_TEE_OK;
}

/* Either a list, or the word that there is none. */
static mal_tee_code check_software(tee_ctx *c, const tee_cbor *claims,
                                   const psa_profile *profile) {
    tee_cbor list, none;
    bool some = tee_cbor_find(&list, claims, profile->software);
    bool says_none = profile->no_software &&
                     tee_cbor_find(&none, claims, profile->no_software);
    if (some == says_none)
        return malformed(c, "software components, or the claim that there are "
                            "none: exactly one of them");
    return some ? tee_psa_software(c, &list) : MAL_TEE_OK;
}

static mal_tee_code read_claims(tee_ctx *c, const psa_profile **profile,
                                const tee_cbor *claims) {
    TEE_TRY(find_profile(c, profile, claims));
    const psa_profile *p = *profile;
    TEE_TRY(tee_token_check(c, claims, p->rules, p->n, "token"));
    TEE_TRY(check_client(c, claims, p));
    TEE_TRY(check_software(c, claims, p));
    c->claims->report_data = tee_token_bytes(claims, p->nonce);
    tee_fact_bytes(c, "implementation-id",
                   tee_token_bytes(claims, p->implementation));
    return tee_psa_instance(c, tee_token_bytes(claims, p->instance));
}

mal_tee_code tee_psa_verify(tee_ctx *c) {
    MAL_AUTO(mal_pubkey_auto) mal_pubkey *key = NULL;
    const psa_profile *profile;
    tee_cose token;
    tee_cbor claims, lifecycle = { 0 };
    TEE_REQUIRE(c, c->in->evidence.len <= EVIDENCE_MAX, MAL_TEE_LIMIT,
                "token: larger than 64 KiB");
    c->claims->family = "PSA";
    TEE_TRY(tee_cose_parse(c, &token, c->in->evidence, false, "token"));
    TEE_TRY(tee_given_key(c, &key));
    TEE_TRY(tee_cose_verify(c, &token, key, "token: its signature"));
    TEE_TRY(tee_of_err(c, tee_cbor_parse(&claims, token.payload),
                       MAL_TEE_MALFORMED, "token"));
    if (claims.major != TEE_CBOR_MAP)
        return malformed(c, "the claims are no map");
    TEE_TRY(read_claims(c, &profile, &claims));
    c->authentic = true;
    if (tee_cbor_find(&lifecycle, &claims, profile->lifecycle))
        TEE_TRY(tee_psa_lifecycle(c, lifecycle.n));
    return tee_check_nonce(c, c->claims->report_data);
}
