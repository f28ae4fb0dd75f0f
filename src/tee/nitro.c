/* nitro.c - attestation documents of AWS Nitro Enclaves.
 *
 * A COSE_Sign1, often without its tag, signed with ES384 by a certificate that
 * lives for three hours and that the document brings along with the
 * certificates up to the region's root.
 */
#include "token.h"
#include "cose.h"

#define EVIDENCE_MAX ((size_t)64 << 10)
#define PCRS_MAX 32
#define PCR_LEN 48       /* SHA-384 */
#define PCR_DEBUG_LAST 2 /* PCR0 to PCR2 are zero in debug mode */
#define PCR_SIGNER 8     /* of the certificate that the image is signed with */
#define BUNDLE_MAX 8

/* [AWS21], the part on syntactical validation. */
static const tee_token_rule rules[] = {
    { "module_id", 0, TEE_CBOR_TEXT, 1, 256, 0, false },
    { "digest", 0, TEE_CBOR_TEXT, 6, 6, 0, false },
    { "timestamp", 0, TEE_CBOR_UINT, 1, INT64_MAX, 0, false },
    { "pcrs", 0, TEE_CBOR_MAP, 1, PCRS_MAX, 0, false },
    { "certificate", 0, TEE_CBOR_BYTES, 1, 1024, 0, false },
    { "cabundle", 0, TEE_CBOR_ARRAY, 1, BUNDLE_MAX, 0, false },
    { "public_key", 0, TEE_CBOR_BYTES, 1, 1024, 0, true },
    { "user_data", 0, TEE_CBOR_BYTES, 0, 1024, 0, true },
    { "nonce", 0, TEE_CBOR_BYTES, 0, 1024, 0, true },
};

typedef struct nitro {
    tee_cose cose;
    tee_cbor claims;
    mal_bytes pcr[PCRS_MAX];         /* empty: absent */
    mal_cert *certs[1 + BUNDLE_MAX]; /* the leaf, then the bundle */
    size_t n_certs;
} nitro;

static void nitro_clear(nitro *doc) {
    for (size_t i = 0; i < doc->n_certs; i++)
        mal_cert_free(doc->certs[i]);
}

static mal_tee_code malformed(tee_ctx *c, const char *why) {
    return tee_fail(c, MAL_TEE_MALFORMED, "document: %s", why);
}

/* --- The payload ---------------------------------------------------------- */

static mal_tee_code read_pcrs(tee_ctx *c, nitro *doc) {
    tee_cbor pcrs, key, value;
    if (!tee_cbor_find_text(&pcrs, &doc->claims, "pcrs"))
        return malformed(c, "no PCRs");
    mal_rd rd = mal_rd_of(pcrs.body);
    while (rd.left > 0) {
        if (tee_cbor_read(&rd, &key) != MAL_OK ||
            tee_cbor_read(&rd, &value) != MAL_OK ||
            key.major != TEE_CBOR_UINT || key.n >= PCRS_MAX ||
            value.major != TEE_CBOR_BYTES || value.n != PCR_LEN)
            return malformed(c, "a PCR of an unknown index or length");
        doc->pcr[key.n] = value.body;
    }
    for (int i = 0; i <= PCR_DEBUG_LAST; i++)
        if (doc->pcr[i].len == 0)
            return malformed(c, "PCR0, PCR1 or PCR2 is missing");
    return MAL_TEE_OK;
}

static mal_tee_code add_cert(tee_ctx *c, nitro *doc, mal_bytes der) {
    mal_err err = mal_cert_parse(&doc->certs[doc->n_certs], der);
    TEE_TRY(tee_of_err(c, err, MAL_TEE_MALFORMED, "document: a certificate"));
    doc->n_certs++;
    return MAL_TEE_OK;
}

static mal_tee_code read_certs(tee_ctx *c, nitro *doc) {
    tee_cbor leaf, bundle, der;
    if (!tee_cbor_find_text(&leaf, &doc->claims, "certificate") ||
        !tee_cbor_find_text(&bundle, &doc->claims, "cabundle"))
        return malformed(c, "no certificates");
    TEE_TRY(add_cert(c, doc, leaf.body));
    mal_rd rd = mal_rd_of(bundle.body);
    while (rd.left > 0) {
        if (tee_cbor_read(&rd, &der) != MAL_OK || der.major != TEE_CBOR_BYTES)
            return malformed(c, "a certificate that is no byte string");
        TEE_TRY(add_cert(c, doc, der.body));
    }
    return MAL_TEE_OK;
}

static mal_tee_code read_document(tee_ctx *c, nitro *doc) {
    static const size_t n = sizeof rules / sizeof *rules;
    tee_cbor digest;
    TEE_TRY(tee_cose_parse(c, &doc->cose, c->in->evidence, true, "document"));
    TEE_REQUIRE(c, doc->cose.alg == TEE_COSE_ES384, MAL_TEE_UNSUPPORTED,
                "document: not signed with ES384");
    /* The device ends this one map by a break since 2024. */
    mal_err err = tee_cbor_parse_map(&doc->claims, doc->cose.payload);
    TEE_TRY(tee_of_err(c, err, MAL_TEE_MALFORMED, "document: its claims"));
    TEE_TRY(tee_token_check(c, &doc->claims, rules, n, "document"));
    TEE_REQUIRE(c,
                tee_cbor_find_text(&digest, &doc->claims, "digest") &&
                    tee_cbor_is_text(&digest, "SHA384"),
                MAL_TEE_UNSUPPORTED,
                "document: PCRs of another hash than SHA384");
    TEE_TRY(read_pcrs(c, doc));
    return read_certs(c, doc);
}

/* --- Judging it ----------------------------------------------------------- */

static mal_tee_code check_signature(tee_ctx *c, const nitro *doc) {
    MAL_AUTO(mal_pubkey_auto) mal_pubkey *key = NULL;
    mal_err err = mal_cert_key(doc->certs[0], &key);
    TEE_TRY(tee_of_err(c, err, MAL_TEE_MALFORMED, "document: its key"));
    return tee_cose_verify(c, &doc->cose, key, "document: its signature");
}

static mal_tee_code check_chain(tee_ctx *c, const nitro *doc) {
    const mal_cert_path path = {
        .certs = (const mal_cert *const *)doc->certs,
        .n = doc->n_certs,
        .anchor = c->in->anchor.hash,
        .time = c->in->time,
    };
    TEE_REQUIRE(c, c->in->anchor.kind == MAL_TEE_ANCHOR_ROOT, MAL_TEE_BAD_CHAIN,
                "document: the anchor is no root");
    return tee_of_path(c, &path, "document: its certificates");
}

static mal_bytes claim_of(const nitro *doc, const char *name) {
    tee_cbor value;
    bool found = tee_cbor_find_text(&value, &doc->claims, name);
    return found ? value.body : mal_bytes_of(NULL, 0); /* of null, empty */
}

static void note_claims(tee_ctx *c, const nitro *doc) {
    tee_cbor timestamp;
    c->claims->measurement = doc->pcr[0];
    if (!tee_is_zero(doc->pcr[PCR_SIGNER]))
        c->claims->signer = doc->pcr[PCR_SIGNER];
    c->claims->report_data = claim_of(doc, "user_data");
    c->claims->platform_id = claim_of(doc, "module_id");
    for (size_t i = 0; i <= PCR_DEBUG_LAST; i++)
        c->claims->debug |= tee_is_zero(doc->pcr[i]);
    for (size_t i = 0; i < PCRS_MAX; i++)
        if (!tee_is_zero(doc->pcr[i]))
            tee_token_note(c, "pcr", i, doc->pcr[i]);
    mal_bytes key = claim_of(doc, "public_key");
    if (key.len > 0)
        tee_fact_bytes(c, "public-key", key);
    if (tee_cbor_find_text(&timestamp, &doc->claims, "timestamp"))
        tee_fact_number(c, "timestamp-ms", timestamp.n);
}

/* Forgery before time, time before quality. */
static mal_tee_code judge(tee_ctx *c, const nitro *doc) {
    TEE_TRY(check_signature(c, doc));
    TEE_TRY(check_chain(c, doc));
    note_claims(c, doc);
    c->authentic = true;
    TEE_TRY(tee_late(c));
    TEE_REQUIRE(c, !c->claims->debug, MAL_TEE_DEBUG,
                "document: PCR0, PCR1 or PCR2 is zero, as in debug mode");
    return tee_check_nonce(c, claim_of(doc, "nonce"));
}

mal_tee_code tee_nitro_verify(tee_ctx *c) {
    nitro doc = { 0 };
    TEE_REQUIRE(c, c->in->evidence.len <= EVIDENCE_MAX, MAL_TEE_LIMIT,
                "document: larger than 64 KiB");
    c->claims->family = "Nitro";
    mal_tee_code code = read_document(c, &doc);
    if (code == MAL_TEE_OK)
        code = judge(c, &doc);
    nitro_clear(&doc);
    return code;
}
