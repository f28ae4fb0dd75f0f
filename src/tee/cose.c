/* cose.c - COSE_Sign1 and COSE_Key. */
#include "cose.h"
#include "token.h"

#include <string.h>

/* [RFC9052] section 3.1: labels of header parameters. */
#define HEADER_ALG 1
#define HEADER_CRIT 2
/* [RFC9053] section 3.1: HMAC with SHA-2, by 64, 256, 384 and 512 bits. */
#define HMAC_FIRST 4
#define HMAC_LAST 7

/* --- COSE_Sign1 ----------------------------------------------------------- */

static mal_tee_code malformed(tee_ctx *c, const char *what, const char *why) {
    return tee_fail(c, MAL_TEE_MALFORMED, "%s: %s", what, why);
}

static bool known_alg(tee_cose *out, const tee_cbor *alg) {
    static const int64_t known[] = { TEE_COSE_ES256, TEE_COSE_ES384,
                                     TEE_COSE_ES512 };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (tee_cbor_is_int(alg, known[i])) {
            out->alg = known[i];
            return true;
        }
    return false;
}

/* The algorithm is what the signature covers: an unprotected one is nobody's
 * word, and one in both headers is two words. */
static mal_tee_code read_headers(tee_ctx *c, tee_cose *out,
                                 const tee_cbor *header,
                                 const tee_cbor *unprotected,
                                 const char *what) {
    tee_cbor map = { 0 }, alg, other;
    if (header->body.len > 0 && (tee_cbor_parse(&map, header->body) != MAL_OK ||
                                 map.major != TEE_CBOR_MAP))
        return malformed(c, what, "the protected header is no map");
    if (!tee_cbor_find(&alg, &map, HEADER_ALG))
        return tee_fail(c, MAL_TEE_ALG_UNPROTECTED,
                        "%s: no algorithm in the protected header", what);
    if (tee_cbor_find(&other, unprotected, HEADER_ALG))
        return malformed(c, what, "an algorithm in both headers");
    if (alg.major == TEE_CBOR_UINT && alg.n >= HMAC_FIRST && alg.n <= HMAC_LAST)
        return tee_fail(c, MAL_TEE_SYMMETRIC,
                        "%s: a MAC proves nothing to a third party", what);
    if (tee_cbor_find(&other, &map, HEADER_CRIT) ||
        tee_cbor_find(&other, unprotected, HEADER_CRIT))
        return tee_fail(c, MAL_TEE_UNSUPPORTED,
                        "%s: critical header parameters", what);
    if (!known_alg(out, &alg))
        return tee_fail(c, MAL_TEE_UNSUPPORTED,
                        "%s: an algorithm that is none of ES256, ES384, ES512",
                        what);
    return MAL_TEE_OK;
}

/* Down to the array of four. */
static mal_tee_code read_tag(tee_ctx *c, tee_cbor *message, bool untagged,
                             const char *what) {
    if (message->major == TEE_CBOR_TAG) {
        uint64_t tag = message->n;
        if (tag == TEE_TAG_MAC0)
            return tee_fail(c, MAL_TEE_SYMMETRIC,
                            "%s: COSE_Mac0 proves nothing to a third party",
                            what);
        if (tag != TEE_TAG_SIGN1 ||
            tee_cbor_parse(message, message->body) != MAL_OK)
            return malformed(c, what, "not a COSE_Sign1");
    } else if (!untagged) {
        return malformed(c, what, "no COSE_Sign1: tag 18 is not there");
    }
    if (message->major != TEE_CBOR_ARRAY || message->n != 4)
        return malformed(c, what, "a COSE_Sign1 is an array of four");
    return MAL_TEE_OK;
}

static mal_tee_code read_parts(tee_ctx *c, tee_cose *out,
                               const tee_cbor *message, const char *what) {
    mal_rd rd = mal_rd_of(message->body);
    tee_cbor part[4];
    for (int i = 0; i < 4; i++)
        TEE_TRY(tee_of_err(c, tee_cbor_read(&rd, &part[i]), MAL_TEE_MALFORMED,
                           what));
    if (part[0].major != TEE_CBOR_BYTES || part[1].major != TEE_CBOR_MAP ||
        part[2].major != TEE_CBOR_BYTES || part[3].major != TEE_CBOR_BYTES)
        return malformed(c, what,
                         "the parts of the COSE_Sign1 are of other "
                         "types (is the payload detached?)");
    out->header = part[0].raw;
    out->signed_ = part[2].raw;
    out->payload = part[2].body;
    out->signature = part[3].body;
    return read_headers(c, out, &part[0], &part[1], what);
}

mal_tee_code tee_cose_parse(tee_ctx *c, tee_cose *out, mal_bytes bytes,
                            bool untagged, const char *what) {
    mal_rd rd = mal_rd_of(bytes);
    tee_cbor message;
    *out = (tee_cose){ 0 };
    TEE_TRY(
        tee_of_err(c, tee_cbor_read(&rd, &message), MAL_TEE_MALFORMED, what));
    TEE_TRY(read_tag(c, &message, untagged, what));
    TEE_TRY(read_parts(c, out, &message, what));
    if (rd.left > 0)
        return malformed(c, what, "bytes after the COSE_Sign1");
    return MAL_TEE_OK;
}

/* [RFC9052] section 4.4: Sig_structure = [ "Signature1", body_protected,
 * external_aad = h'', payload ], in deterministic encoding; both strings are in
 * their shortest form already, or the reader had refused them. */
static mal_err put_sig_structure(mal_buf *out, const tee_cose *message) {
    static const char head[] = "\x84\x6aSignature1";
    MAL_TRY(mal_buf_put(out, mal_bytes_of(head, sizeof head - 1)));
    MAL_TRY(mal_buf_put(out, message->header));
    MAL_TRY(mal_buf_put_u8(out, 0x40));
    return mal_buf_put(out, message->signed_);
}

mal_tee_code tee_cose_verify(tee_ctx *c, const tee_cose *message,
                             const mal_pubkey *key, const char *what) {
    MAL_AUTO(mal_buf_clear) mal_buf tbs = { 0 };
    mal_sig_alg alg = message->alg == TEE_COSE_ES256   ? MAL_SIG_ES256
                      : message->alg == TEE_COSE_ES384 ? MAL_SIG_ES384
                                                       : MAL_SIG_ES512;
    mal_err err = put_sig_structure(&tbs, message);
    if (err == MAL_OK)
        err =
            mal_pubkey_verify(key, alg, mal_buf_view(&tbs), message->signature);
    return tee_of_err(c, err, MAL_TEE_BAD_SIGNATURE, what);
}

/* --- COSE_Key ------------------------------------------------------------- */

/* [RFC9053] section 7.1.1. */
#define KEY_TYPE 1
#define KEY_TYPE_EC2 2
#define KEY_CURVE (-1)
#define KEY_X (-2)
#define KEY_Y (-3)
#define COORDINATE_MAX 66 /* P-521 */

static unsigned curve_bits(const tee_cbor *curve) {
    static const unsigned bits[] = { 0, 256, 384, 521 };
    return curve->major == TEE_CBOR_UINT && curve->n < 4 ? bits[curve->n] : 0;
}

mal_err tee_cose_key(mal_pubkey **key, mal_bytes bytes) {
    uint8_t point[2 * COORDINATE_MAX];
    tee_cbor map, type, curve, x, y;
    MAL_TRY(tee_cbor_parse(&map, bytes));
    MAL_REQUIRE(tee_cbor_find(&type, &map, KEY_TYPE) &&
                    tee_cbor_is_int(&type, KEY_TYPE_EC2) &&
                    tee_cbor_find(&curve, &map, KEY_CURVE) &&
                    tee_cbor_find(&x, &map, KEY_X) &&
                    tee_cbor_find(&y, &map, KEY_Y),
                MAL_E_INPUT, "a COSE_Key that is not of type EC2");
    unsigned bits = curve_bits(&curve);
    size_t len = (bits + 7) / 8;
    MAL_REQUIRE(bits && x.major == TEE_CBOR_BYTES && x.n == len &&
                    y.major == TEE_CBOR_BYTES && y.n == len,
                MAL_E_INPUT, "a COSE_Key of an unknown curve or size");
    assert(len <= COORDINATE_MAX);
    memcpy(point, x.body.ptr, len);
    memcpy(point + len, y.body.ptr, len);
    return mal_pubkey_ec(key, bits, mal_bytes_of(point, 2 * len));
}
