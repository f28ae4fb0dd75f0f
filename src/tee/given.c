/* given.c - the key that a verifier holds for a device. */
#include "given.h"

#include <malus/json.h>

#include <string.h>

#define JWK_MAX ((size_t)4096)
#define COORDINATE_MAX 66 /* P-521 */
#define BASE64_MAX 88     /* of a coordinate, padded */

/* --- JSON Web Keys [RFC7518], section 6.2 --------------------------------- */

/* base64url without padding, exactly len bytes. */
static mal_err read_coordinate(uint8_t *out, size_t len, const char *text) {
    MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
    char plain[BASE64_MAX];
    size_t n = 0;
    for (; text[n] && n < BASE64_MAX; n++)
        plain[n] = text[n] == '-' ? '+' : text[n] == '_' ? '/' : text[n];
    for (; n % 4 && n < BASE64_MAX; n++)
        plain[n] = '=';
    MAL_REQUIRE(n == (len + 2) / 3 * 4, MAL_E_INPUT,
                "a coordinate of another length than the curve's");
    MAL_TRY(mal_base64_decode(&bytes, mal_bytes_of(plain, n)));
    MAL_REQUIRE(bytes.len == len, MAL_E_INPUT,
                "a coordinate of another length than the curve's");
    memcpy(out, bytes.ptr, len);
    return MAL_OK;
}

static unsigned curve_bits(const char *name) {
    mal_bytes curve = mal_bytes_str(name);
    if (mal_bytes_same_vartime(curve, mal_bytes_str("P-256")))
        return 256;
    if (mal_bytes_same_vartime(curve, mal_bytes_str("P-384")))
        return 384;
    return mal_bytes_same_vartime(curve, mal_bytes_str("P-521")) ? 521 : 0;
}

static mal_err read_jwk(mal_pubkey **key, mal_bytes text) {
    MAL_AUTO(mal_json_auto) mal_json *json = NULL;
    const char *type, *curve, *x, *y;
    uint8_t point[2 * COORDINATE_MAX];
    MAL_TRY(mal_json_parse(&json, text, JWK_MAX));
    MAL_TRY(mal_json_get_str(json, "kty", &type));
    MAL_TRY(mal_json_get_str(json, "crv", &curve));
    MAL_TRY(mal_json_get_str(json, "x", &x));
    MAL_TRY(mal_json_get_str(json, "y", &y));
    unsigned bits = curve_bits(curve);
    size_t len = (bits + 7) / 8;
    MAL_REQUIRE(bits && mal_bytes_same_vartime(mal_bytes_str(type),
                                               mal_bytes_str("EC")),
                MAL_E_INPUT, "a JSON Web Key of another type or curve");
    MAL_REQUIRE(!mal_json_find(json, "d"), MAL_E_INPUT,
                "a JSON Web Key with its private half");
    MAL_TRY(read_coordinate(point, len, x));
    MAL_TRY(read_coordinate(point + len, len, y));
    return mal_pubkey_ec(key, bits, mal_bytes_of(point, 2 * len));
}

/* --- Endorsements --------------------------------------------------------- */

/* MAL_E_INPUT, MAL_E_LIMIT, ..: no key in any of these forms. */
static mal_err read_key(mal_pubkey **key, mal_bytes bytes) {
    mal_err err = mal_pubkey_parse_spki(key, bytes);
    if (err != MAL_OK && err != MAL_E_MEMORY)
        err = mal_pubkey_parse_pem(key, bytes);
    if (err != MAL_OK && err != MAL_E_MEMORY)
        err = read_jwk(key, bytes);
    return err;
}

mal_tee_code tee_given_key(tee_ctx *c, mal_pubkey **key) {
    TEE_REQUIRE(c, c->in->anchor.kind == MAL_TEE_ANCHOR_KEY, MAL_TEE_BAD_CHAIN,
                "the anchor is no given key");
    for (size_t i = 0; i < c->in->n_endorsements; i++) {
        MAL_AUTO(mal_pubkey_auto) mal_pubkey *one = NULL;
        mal_err err = read_key(&one, c->in->endorsements[i]);
        if (err == MAL_E_MEMORY)
            return tee_of_err(c, err, MAL_TEE_COLLATERAL_MISSING, "a key");
        if (err != MAL_OK)
            continue;
        TEE_REQUIRE(c, !*key, MAL_TEE_COLLATERAL_KIND,
                    "two keys are given: which of them is the device's?");
        *key = one;
        one = NULL;
    }
    TEE_REQUIRE(c, *key, MAL_TEE_COLLATERAL_MISSING,
                "no public key is given (PEM, DER or JWK)");
    mal_prim_hash id;
    return tee_given_check(c, *key, &id);
}

mal_tee_code tee_given_check(tee_ctx *c, const mal_pubkey *key,
                             mal_prim_hash *id) {
    MAL_AUTO(mal_buf_clear) mal_buf spki = { 0 };
    TEE_TRY(tee_of_err(c, mal_pubkey_spki(&spki, key), MAL_TEE_MALFORMED,
                       "the key"));
    mal_prim_sha256_of(id, mal_buf_view(&spki));
    TEE_REQUIRE(c,
                !c->in->anchor.has_hash ||
                    mal_compare_vartime(id->b, c->in->anchor.hash.b,
                                        MAL_PRIM_HASH) == 0,
                MAL_TEE_BAD_CHAIN,
                "the key is not the one that the anchor "
                "names");
    return MAL_TEE_OK;
}
