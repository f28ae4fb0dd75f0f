/* tpm_sig.c - a TPM's signature over what it attests.
 *
 * It comes as TPMT_SIGNATURE, or as what tools print: the integer of RSASSA, or
 * ECDSA as DER.  The key alone decides whether a form can be right: no form is
 * believed for what it says about itself.
 *
 * Source: [TPM20] part 2, TPMT_SIGNATURE.
 */
#include "tpm_impl.h"

#include <string.h>

#define ALG_RSASSA 0x0014u
#define ALG_RSAPSS 0x0016u
#define ALG_ECDSA 0x0018u
#define COORDINATE_MAX 66 /* P-521 */

static uint16_t load_u16(const uint8_t *at) {
    return (uint16_t)(at[0] << 8 | at[1]);
}

/* TPM2B at *from; false: it does not fit. */
static bool take_sized(mal_bytes sig, size_t *from, mal_bytes *out) {
    if (sig.len - *from < 2)
        return false;
    size_t len = load_u16(sig.ptr + *from);
    *from += 2;
    if (sig.len - *from < len)
        return false;
    *out = mal_bytes_of(sig.ptr + *from, len);
    *from += len;
    return true;
}

static bool rsa_scheme(uint16_t scheme, uint16_t hash, mal_sig_alg *alg) {
    bool pss = scheme == ALG_RSAPSS;
    switch (hash) {
    case TPM_ALG_SHA256:
        *alg = pss ? MAL_SIG_PS256 : MAL_SIG_RS256;
        return true;
    case TPM_ALG_SHA384:
        *alg = pss ? MAL_SIG_PS384 : MAL_SIG_RS384;
        return true;
    case TPM_ALG_SHA512:
        *alg = pss ? MAL_SIG_PS512 : MAL_SIG_RS512;
        return true;
    default:
        return false;
    }
}

static bool ec_scheme(uint16_t hash, unsigned bits, mal_sig_alg *alg) {
    if (hash == TPM_ALG_SHA256 && bits == 256)
        *alg = MAL_SIG_ES256;
    else if (hash == TPM_ALG_SHA384 && bits == 384)
        *alg = MAL_SIG_ES384;
    else if (hash == TPM_ALG_SHA512 && bits == 521)
        *alg = MAL_SIG_ES512;
    else
        return false;
    return true;
}

/* r and s may have lost their leading zeros. */
static mal_err check_ecdsa(const mal_pubkey *key, uint16_t hash,
                           mal_bytes attest, mal_bytes r, mal_bytes s) {
    uint8_t raw[2 * COORDINATE_MAX] = { 0 };
    unsigned bits = mal_pubkey_bits(key);
    size_t len = (bits + 7) / 8;
    mal_sig_alg alg;
    MAL_REQUIRE(mal_pubkey_is_ec(key) && ec_scheme(hash, bits, &alg),
                MAL_E_AUTH, "the signature's scheme does not fit the key");
    MAL_REQUIRE(r.len <= len && s.len <= len, MAL_E_AUTH,
                "the signature is longer than the key");
    memcpy(raw + len - r.len, r.ptr, r.len);
    memcpy(raw + 2 * len - s.len, s.ptr, s.len);
    return mal_pubkey_verify(key, alg, attest, mal_bytes_of(raw, 2 * len));
}

/* Does it parse as TPMT_SIGNATURE, whole? */
typedef struct tpmt {
    uint16_t scheme, hash;
    mal_bytes first, second;
} tpmt;
static bool read_tpmt(tpmt *out, mal_bytes sig) {
    size_t at = 4;
    if (sig.len < 4)
        return false;
    *out = (tpmt){ .scheme = load_u16(sig.ptr), .hash = load_u16(sig.ptr + 2) };
    bool ecdsa = out->scheme == ALG_ECDSA;
    if (!ecdsa && out->scheme != ALG_RSASSA && out->scheme != ALG_RSAPSS)
        return false;
    return take_sized(sig, &at, &out->first) &&
           (!ecdsa || take_sized(sig, &at, &out->second)) && at == sig.len;
}

static mal_err check_tpmt(const mal_pubkey *key, mal_bytes attest,
                          const tpmt *t) {
    mal_sig_alg alg;
    MAL_REQUIRE(t->hash != TPM_ALG_SHA1, MAL_E_UNSUPPORTED,
                "a signature over SHA-1 proves nothing");
    if (t->scheme == ALG_ECDSA)
        return check_ecdsa(key, t->hash, attest, t->first, t->second);
    MAL_REQUIRE(rsa_scheme(t->scheme, t->hash, &alg), MAL_E_UNSUPPORTED,
                "hash 0x%04x is not supported", t->hash);
    return mal_pubkey_verify(key, alg, attest, t->first);
}

mal_err tpm_sig_check(const mal_pubkey *key, mal_bytes attest, mal_bytes sig) {
    tpmt t;
    MAL_REQUIRE(sig.len <= TPM_SIGNATURE_MAX + 8, MAL_E_AUTH,
                "a signature of %zu bytes is too long", sig.len);
    if (read_tpmt(&t, sig))
        return check_tpmt(key, attest, &t);
    return mal_pubkey_verify(
        key, mal_pubkey_is_ec(key) ? MAL_SIG_ECDSA_DER_SHA256 : MAL_SIG_RS256,
        attest, sig);
}
