/* ratls.c - certificates that carry their own evidence: RA-TLS in the form that
 * the Confidential Computing Consortium agreed on.
 *
 * The extension 2.23.133.5.4.9 holds a tagged [quote, claims-buffer]; the
 * quote's report data is the hash of the claims, and one claim is the hash of
 * the certificate's key.  Whoever holds that key speaks for the enclave, as
 * long as it never left it: there need be no nonce in here, so that this is no
 * proof that the enclave runs now.
 *
 * Source: [CCC24] (format and claims), [DICE23] section 6 (the extension).
 */
#include "cbor.h"
#include "tee_impl.h"

#include <string.h>

#define OID_EVIDENCE "2.23.133.5.4.9"
#define TAG_QUOTE 60000  /* a quote of DCAP, SGX or TDX */
#define TAG_REPORT 60001 /* a report of SGX, for the same machine alone */
#define ALG_SHA256 1     /* of IANA's named information hash algorithms */
#define ALG_SHA384 7
#define ALG_SHA512 8

typedef struct ratls {
    mal_cert *cert;
    mal_bytes quote, claims;
    tee_cbor map; /* the claims */
} ratls;

/* --- What came ---------------------------------------------------------------
 */

/* A certificate alone, as DER or PEM. */
static mal_err read_cert(ratls *r, mal_bytes bytes) {
    size_t n;
    if (bytes.len > 0 && bytes.ptr[0] == 0x30)
        return mal_cert_parse(&r->cert, bytes);
    return mal_cert_parse_pem(&r->cert, &n, 1, bytes);
}

static bool next_bytes(mal_rd *rd, mal_bytes *out) {
    tee_cbor item;
    if (tee_cbor_read(rd, &item) != MAL_OK || item.major != TEE_CBOR_BYTES)
        return false;
    *out = item.body;
    return true;
}

static mal_tee_code read_evidence(tee_ctx *c, ratls *r) {
    mal_bytes value;
    tee_cbor tag, list;
    TEE_TRY(tee_of_err(c, mal_cert_extension(r->cert, OID_EVIDENCE, &value),
                       MAL_TEE_MALFORMED, "the certificate"));
    TEE_TRY(tee_of_err(c, tee_cbor_parse(&tag, value), MAL_TEE_MALFORMED,
                       "the certificate's evidence"));
    TEE_REQUIRE(c, tag.major == TEE_CBOR_TAG, MAL_TEE_MALFORMED,
                "the certificate's evidence has no tag");
    TEE_REQUIRE(c, tag.n != TAG_REPORT, MAL_TEE_NOT_REMOTE_EVIDENCE,
                "a report proves nothing beyond its machine");
    TEE_REQUIRE(c, tag.n == TAG_QUOTE, MAL_TEE_UNSUPPORTED,
                "evidence of another tag in the certificate");
    TEE_TRY(tee_of_err(c, tee_cbor_parse(&list, tag.body), MAL_TEE_MALFORMED,
                       "the certificate's evidence"));
    mal_rd rd = mal_rd_of(list.body);
    TEE_REQUIRE(c,
                list.major == TEE_CBOR_ARRAY && list.n == 2 &&
                    next_bytes(&rd, &r->quote) && next_bytes(&rd, &r->claims),
                MAL_TEE_MALFORMED,
                "the certificate's evidence is not quote and claims");
    return MAL_TEE_OK;
}

static mal_tee_code read_claims(tee_ctx *c, ratls *r) {
    TEE_TRY(tee_of_err(c, tee_cbor_parse(&r->map, r->claims), MAL_TEE_MALFORMED,
                       "the certificate's claims"));
    TEE_REQUIRE(c, r->map.major == TEE_CBOR_MAP, MAL_TEE_MALFORMED,
                "the certificate's claims are no map");
    return MAL_TEE_OK;
}

/* --- Bindings
 * ------------------------------------------------------------------
 */

/* "pubkey-hash": a byte string that holds [algorithm, hash]. */
static mal_tee_code read_key_hash(tee_ctx *c, const ratls *r, uint64_t *alg,
                                  mal_bytes *hash) {
    tee_cbor claim, list, first;
    TEE_REQUIRE(c,
                tee_cbor_find_text(&claim, &r->map, "pubkey-hash") &&
                    claim.major == TEE_CBOR_BYTES &&
                    tee_cbor_parse(&list, claim.body) == MAL_OK &&
                    list.major == TEE_CBOR_ARRAY && list.n == 2,
                MAL_TEE_MALFORMED, "the claims hold no hash of the key");
    mal_rd rd = mal_rd_of(list.body);
    TEE_REQUIRE(c,
                tee_cbor_read(&rd, &first) == MAL_OK &&
                    first.major == TEE_CBOR_UINT && next_bytes(&rd, hash),
                MAL_TEE_MALFORMED, "the claims hold no hash of the key");
    *alg = first.n;
    return MAL_TEE_OK;
}

static mal_tee_code check_key(tee_ctx *c, const ratls *r) {
    MAL_AUTO(mal_buf_clear) mal_buf spki = { 0 };
    uint8_t want[64];
    size_t len;
    uint64_t alg = 0;
    mal_bytes hash;
    TEE_TRY(read_key_hash(c, r, &alg, &hash));
    TEE_TRY(tee_of_err(c, mal_cert_spki(&spki, r->cert), MAL_TEE_MALFORMED,
                       "the certificate's key"));
    switch (alg) {
    case ALG_SHA256:
        mal_prim_sha256_of((mal_prim_hash *)want, mal_buf_view(&spki));
        len = 32;
        break;
    case ALG_SHA384:
        mal_prim_sha384_of(want, mal_buf_view(&spki));
        len = 48;
        break;
    case ALG_SHA512:
        mal_prim_sha512_of(want, mal_buf_view(&spki));
        len = 64;
        break;
    default:
        return tee_fail(c, MAL_TEE_UNSUPPORTED,
                        "the key is bound by a hash that is not read");
    }
    TEE_REQUIRE(c, mal_bytes_same_vartime(hash, mal_bytes_of(want, len)),
                MAL_TEE_BINDING,
                "the claims are about another key than the certificate's");
    return MAL_TEE_OK;
}

/* The quote's report data: the claims' hash, then zeros. */
static mal_tee_code check_report_data(tee_ctx *c, const ratls *r) {
    uint8_t want[64] = { 0 };
    mal_prim_hash hash;
    mal_prim_sha256_of(&hash, r->claims);
    memcpy(want, hash.b, sizeof hash.b);
    TEE_REQUIRE(c,
                mal_bytes_same_vartime(c->claims->report_data,
                                       mal_bytes_of(want, sizeof want)),
                MAL_TEE_BINDING, "the quote is about other claims");
    return MAL_TEE_OK;
}

static mal_tee_code check_nonce(tee_ctx *c, const ratls *r) {
    tee_cbor nonce;
    if (!c->in->has_nonce)
        return MAL_TEE_OK;
    TEE_REQUIRE(c,
                tee_cbor_find_text(&nonce, &r->map, "nonce") &&
                    nonce.major == TEE_CBOR_BYTES,
                MAL_TEE_NONCE, "the certificate's claims hold no nonce");
    return tee_check_nonce(c, nonce.body);
}

/* Its key signed it: else names and times in it are anybody's. */
static mal_tee_code check_coat(tee_ctx *c, const ratls *r) {
    uint64_t from, to;
    TEE_TRY(tee_of_err(c, mal_cert_check_self(r->cert), MAL_TEE_BAD_SIGNATURE,
                       "the certificate"));
    mal_cert_times(r->cert, &from, &to);
    tee_window(c, from, to, "the certificate");
    return MAL_TEE_OK;
}

static mal_tee_code verify(tee_ctx *c, ratls *r) {
    TEE_TRY(tee_of_err(c, read_cert(r, c->in->evidence), MAL_TEE_MALFORMED,
                       "the certificate"));
    TEE_TRY(read_evidence(c, r));
    TEE_TRY(read_claims(c, r));
    TEE_TRY(check_coat(c, r));
    TEE_TRY(check_key(c, r));
    mal_tee_code code = tee_dcap_inside(c, tee_keep(c, r->quote));
    if (!c->authentic)
        return code;
    c->authentic = false;
    TEE_TRY(check_report_data(c, r));
    c->authentic = true;
    TEE_TRY(check_nonce(c, r));
    TEE_REQUIRE(c, code != MAL_TEE_OK || c->claims->collateral,
                MAL_TEE_COLLATERAL_MISSING,
                "the quote in the certificate has no collateral");
    return code;
}

mal_tee_kind tee_ratls_recognise(mal_bytes evidence) {
    ratls r = { 0 };
    mal_bytes value;
    bool is = read_cert(&r, evidence) == MAL_OK &&
              mal_cert_extension(r.cert, OID_EVIDENCE, &value) == MAL_OK;
    mal_cert_free(r.cert);
    return is ? MAL_TEE_RATLS : MAL_TEE_ANY;
}

mal_tee_code tee_ratls_verify(tee_ctx *c) {
    ratls r = { 0 };
    mal_tee_code code = verify(c, &r);
    mal_cert_free(r.cert);
    return code;
}
