/* pubkey.c - public keys of others, and what they signed. */
#include "cert_impl.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <string.h>

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192
#define GROUP_MAX_BYTES 32
#define EC_BYTES_MAX 66 /* a coordinate on P-521 */

static const struct curve {
    unsigned bits;
    const char *name;
} curves[] = { { 256, "prime256v1" },
               { 384, "secp384r1" },
               { 521, "secp521r1" } };
#define CURVES (sizeof curves / sizeof curves[0])

static const struct curve *curve_of(unsigned bits) {
    for (size_t i = 0; i < CURVES; i++)
        if (curves[i].bits == bits)
            return &curves[i];
    return NULL;
}

/* A curve by its name; explicit parameters could be those of another curve. */
static bool ec_fits(EVP_PKEY *pkey, unsigned *bits) {
    char name[GROUP_MAX_BYTES], encoding[GROUP_MAX_BYTES];
    size_t len;
    if (EVP_PKEY_get_group_name(pkey, name, sizeof name, &len) != 1 ||
        EVP_PKEY_get_utf8_string_param(pkey, OSSL_PKEY_PARAM_EC_ENCODING,
                                       encoding, sizeof encoding, &len) != 1 ||
        strcmp(encoding, OSSL_PKEY_EC_ENCODING_GROUP) != 0)
        return false;
    for (size_t i = 0; i < CURVES; i++)
        if (strcmp(name, curves[i].name) == 0) {
            *bits = curves[i].bits;
            return true;
        }
    return false;
}

bool prim_pkey_fits(EVP_PKEY *pkey, int *type, unsigned *bits) {
    *type = pkey ? EVP_PKEY_get_base_id(pkey) : EVP_PKEY_NONE;
    switch (*type) {
    case EVP_PKEY_EC:
        return ec_fits(pkey, bits);
    case EVP_PKEY_RSA:
        *bits = (unsigned)EVP_PKEY_get_bits(pkey);
        return *bits >= RSA_BITS_MIN && *bits <= RSA_BITS_MAX;
    case EVP_PKEY_ED25519:
        *bits = 255;
        return true;
    default:
        return false;
    }
}

mal_err prim_pubkey_wrap(mal_pubkey **key, EVP_PKEY *pkey) {
    int type;
    unsigned bits = 0;
    bool fits = prim_pkey_fits(pkey, &type, &bits);
    ERR_clear_error();
    *key = fits ? mal_calloc(1, sizeof **key) : NULL;
    if (!*key)
        EVP_PKEY_free(pkey);
    MAL_REQUIRE(fits, MAL_E_INPUT,
                "not a key on P-256, P-384, P-521, of RSA or Ed25519");
    MAL_REQUIRE(*key, MAL_E_MEMORY, "out of memory for a key");
    **key = (mal_pubkey){ .pkey = pkey, .type = type, .bits = bits };
    return MAL_OK;
}

void mal_pubkey_free(mal_pubkey *key) {
    if (key)
        EVP_PKEY_free(key->pkey);
    mal_free(key);
}

void mal_pubkey_auto(mal_pubkey **key) {
    mal_pubkey_free(*key);
    *key = NULL;
}

/* --- Reading ------------------------------------------------------------- */

/* DER and not merely BER: written again, it gives the same bytes; and points
 * are uncompressed, neither compressed nor hybrid. */
static bool is_der(EVP_PKEY *pkey, mal_bytes der) {
    uint8_t *again = NULL;
    if (EVP_PKEY_get_base_id(pkey) == EVP_PKEY_EC &&
        EVP_PKEY_set_utf8_string_param(
            pkey, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
            OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED) != 1)
        return false;
    int len = i2d_PUBKEY(pkey, &again);
    bool same = len > 0 &&
                mal_bytes_same_vartime(der, mal_bytes_of(again, (size_t)len));
    OPENSSL_free(again);
    return same;
}

mal_err mal_pubkey_parse_spki(mal_pubkey **key, mal_bytes der) {
    const uint8_t *at = der.ptr;
    *key = NULL;
    MAL_REQUIRE(der.len >= 1 && der.len <= MAL_PUBKEY_SPKI_MAX, MAL_E_INPUT,
                "a public key has 1 to %d bytes", MAL_PUBKEY_SPKI_MAX);
    EVP_PKEY *pkey = d2i_PUBKEY(NULL, &at, (long)der.len);
    if (pkey && (at != der.ptr + der.len || !is_der(pkey, der))) {
        EVP_PKEY_free(pkey);
        pkey = NULL;
    }
    ERR_clear_error();
    return prim_pubkey_wrap(key, pkey);
}

mal_err mal_pubkey_parse_pem(mal_pubkey **key, mal_bytes text) {
    MAL_AUTO(mal_buf_clear) mal_buf der = { 0 };
    size_t at = 0;
    *key = NULL;
    mal_err err = mal_pem_next(&der, text, &at, "PUBLIC KEY");
    MAL_REQUIRE(err != MAL_E_MISSING, MAL_E_INPUT, "not a PEM public key");
    MAL_TRY(err);
    return mal_pubkey_parse_spki(key, mal_buf_view(&der));
}

static EVP_PKEY *pkey_from(const char *type, OSSL_PARAM_BLD *build) {
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    if (!ctx || !params || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
        pkey = NULL;
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return pkey;
}

mal_err mal_pubkey_ec(mal_pubkey **key, unsigned bits, mal_bytes x_y) {
    const struct curve *curve = curve_of(bits);
    uint8_t point[1 + 2 * EC_BYTES_MAX] = { 4 }; /* uncompressed [SEC1] */
    EVP_PKEY *pkey = NULL;
    *key = NULL;
    MAL_REQUIRE(curve && x_y.len == 2 * ((bits + 7) / 8), MAL_E_INPUT,
                "not the coordinates of a point on a curve of %u bits", bits);
    memcpy(point + 1, x_y.ptr, x_y.len);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    if (build &&
        OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME,
                                        curve->name, 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point,
                                         1 + x_y.len) == 1)
        pkey = pkey_from("EC", build);
    OSSL_PARAM_BLD_free(build);
    return prim_pubkey_wrap(key, pkey);
}

mal_err mal_pubkey_rsa(mal_pubkey **key, mal_bytes n, mal_bytes e) {
    EVP_PKEY *pkey = NULL;
    *key = NULL;
    MAL_REQUIRE(n.len >= 1 && n.len <= 1 + RSA_BITS_MAX / 8 && e.len >= 1 &&
                    e.len <= 8,
                MAL_E_INPUT, "not an RSA modulus and exponent");
    BIGNUM *modulus = BN_bin2bn(n.ptr, (int)n.len, NULL);
    BIGNUM *exponent = BN_bin2bn(e.ptr, (int)e.len, NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    if (modulus && exponent && build && BN_is_odd(exponent) &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent) == 1)
        pkey = pkey_from("RSA", build);
    OSSL_PARAM_BLD_free(build);
    BN_free(modulus);
    BN_free(exponent);
    return prim_pubkey_wrap(key, pkey);
}

mal_err mal_pubkey_spki(mal_buf *der, const mal_pubkey *key) {
    uint8_t *bytes = NULL;
    int len = i2d_PUBKEY(key->pkey, &bytes);
    MAL_REQUIRE(len > 0, MAL_E_MEMORY, "out of memory for a key");
    mal_err err = mal_buf_put(der, mal_bytes_of(bytes, (size_t)len));
    OPENSSL_free(bytes);
    return err;
}

bool mal_pubkey_same(const mal_pubkey *a, const mal_pubkey *b) {
    return EVP_PKEY_eq(a->pkey, b->pkey) == 1;
}

unsigned mal_pubkey_bits(const mal_pubkey *key) {
    return key->bits;
}

bool mal_pubkey_is_ec(const mal_pubkey *key) {
    return key->type == EVP_PKEY_EC;
}

/* --- Verifying ----------------------------------------------------------- */

typedef enum sig_form { FORM_RAW, FORM_DER, FORM_PSS, FORM_PKCS1 } sig_form;

/* What each algorithm is made of; bits 0: any size of that type. */
static const struct algorithm {
    int type;
    unsigned bits;
    sig_form form;
    const EVP_MD *(*hash)(void);
} algorithms[] = {
    [MAL_SIG_ES256] = { EVP_PKEY_EC, 256, FORM_RAW, EVP_sha256 },
    [MAL_SIG_ES384] = { EVP_PKEY_EC, 384, FORM_RAW, EVP_sha384 },
    [MAL_SIG_ES512] = { EVP_PKEY_EC, 521, FORM_RAW, EVP_sha512 },
    [MAL_SIG_PS256] = { EVP_PKEY_RSA, 0, FORM_PSS, EVP_sha256 },
    [MAL_SIG_PS384] = { EVP_PKEY_RSA, 0, FORM_PSS, EVP_sha384 },
    [MAL_SIG_PS512] = { EVP_PKEY_RSA, 0, FORM_PSS, EVP_sha512 },
    [MAL_SIG_RS256] = { EVP_PKEY_RSA, 0, FORM_PKCS1, EVP_sha256 },
    [MAL_SIG_RS384] = { EVP_PKEY_RSA, 0, FORM_PKCS1, EVP_sha384 },
    [MAL_SIG_RS512] = { EVP_PKEY_RSA, 0, FORM_PKCS1, EVP_sha512 },
    [MAL_SIG_ECDSA_DER_SHA256] = { EVP_PKEY_EC, 0, FORM_DER, EVP_sha256 },
    [MAL_SIG_ECDSA_DER_SHA384] = { EVP_PKEY_EC, 0, FORM_DER, EVP_sha384 },
    [MAL_SIG_EDDSA] = { EVP_PKEY_ED25519, 0, FORM_DER, NULL },
};

/* r || s as SEQUENCE { r INTEGER, s INTEGER }; NULL: no memory. */
static uint8_t *der_of_raw(mal_bytes raw, int *len) {
    uint8_t *der = NULL;
    int half = (int)(raw.len / 2);
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw.ptr, half, NULL);
    BIGNUM *s = BN_bin2bn(raw.ptr + half, half, NULL);
    if (sig && r && s && ECDSA_SIG_set0(sig, r, s) == 1) {
        *len = i2d_ECDSA_SIG(sig, &der);
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(sig);
    return der;
}

static bool set_padding(EVP_PKEY_CTX *ctx, sig_form form) {
    switch (form) {
    case FORM_PSS:
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) ==
                   1;
    case FORM_PKCS1:
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1;
    case FORM_RAW:
    case FORM_DER:
        break;
    }
    return true;
}

static bool good(const mal_pubkey *key, const struct algorithm *alg,
                 mal_bytes message, mal_bytes sig) {
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;
    bool ok =
        ctx &&
        EVP_DigestVerifyInit(ctx, &pctx, alg->hash ? alg->hash() : NULL, NULL,
                             key->pkey) == 1 &&
        set_padding(pctx, alg->form) &&
        EVP_DigestVerify(ctx, sig.ptr, sig.len, message.ptr, message.len) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return ok;
}

mal_err mal_pubkey_verify(const mal_pubkey *key, mal_sig_alg alg,
                          mal_bytes message, mal_bytes sig) {
    const struct algorithm *a = &algorithms[alg];
    bool ok = key->type == a->type && (!a->bits || key->bits == a->bits);
    MAL_REQUIRE(ok, MAL_E_AUTH, "the algorithm does not fit the key");
    if (a->form != FORM_RAW) {
        ok = good(key, a, message, sig);
    } else {
        MAL_REQUIRE(sig.len == 2 * ((key->bits + 7) / 8), MAL_E_AUTH,
                    "a signature of %zu bytes", sig.len);
        int len = 0;
        uint8_t *der = der_of_raw(sig, &len);
        MAL_REQUIRE(der, MAL_E_MEMORY, "out of memory for a signature");
        ok = good(key, a, message, mal_bytes_of(der, (size_t)len));
        OPENSSL_free(der);
    }
    MAL_REQUIRE(ok, MAL_E_AUTH, "the signature does not verify");
    return MAL_OK;
}
