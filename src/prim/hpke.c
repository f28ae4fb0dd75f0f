/* hpke.c - HPKE [RFC9180], base mode, one message a key.
 *
 * KEM  DHKEM(X25519, HKDF-SHA256)  0x0020
 * KDF  HKDF-SHA256                 0x0001
 * AEAD ChaCha20-Poly1305           0x0003 in the public calls
 *
 * Every encapsulation is fresh and seals exactly one message, so the sequence
 * number is 0 and the nonce is base_nonce.  Names are the RFC's.
 */
#include "prim_impl.h"

#include <string.h>

#define KEM_ID 0x20
#define KDF_ID 0x01
#define NENC 32 /* an X25519 public key */
#define NN 12
#define NK_MAX 32

typedef struct suite {
    uint16_t aead_id;
    prim_cipher cipher;
    size_t nk;
} suite;

static const suite suites[] = {
    { PRIM_HPKE_AES128_GCM, PRIM_AES128_GCM, 16 },
    { PRIM_HPKE_AES256_GCM, PRIM_AES256_GCM, 32 },
    { PRIM_HPKE_CHACHA20_POLY1305, PRIM_CHACHA20_POLY1305, 32 },
};

static const suite *suite_of(uint16_t aead_id) {
    for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++)
        if (suites[i].aead_id == aead_id)
            return &suites[i];
    return NULL;
}

/* "KEM" || I2OSP(kem_id, 2), or "HPKE" || the three ids. */
static const uint8_t kem_suite_id[5] = { 'K', 'E', 'M', 0, KEM_ID };

static void hpke_suite_id(uint8_t id[10], const suite *s) {
    const uint8_t bytes[10] = { 'H',    'P', 'K',    'E', 0,
                                KEM_ID, 0,   KDF_ID, 0,   (uint8_t)s->aead_id };
    memcpy(id, bytes, sizeof bytes);
}

/* Section 4: Extract(salt, "HPKE-v1" || suite_id || label || ikm). */
static void labeled_extract(mal_prim_hash *out, mal_bytes suite_id,
                            mal_bytes salt, const char *label, mal_bytes ikm) {
    const mal_bytes parts[] = { mal_bytes_str("HPKE-v1"), suite_id,
                                mal_bytes_str(label), ikm };
    prim_hmac256_parts(out, salt, parts, 4);
}

/* Expand(prk, I2OSP(L, 2) || "HPKE-v1" || suite_id || label || info, L). */
static void labeled_expand(uint8_t *out, size_t len, const mal_prim_hash *prk,
                           mal_bytes suite_id, const char *label,
                           mal_bytes info) {
    const uint8_t l[2] = { (uint8_t)(len >> 8), (uint8_t)len };
    const mal_bytes parts[] = { mal_bytes_of(l, 2), mal_bytes_str("HPKE-v1"),
                                suite_id, mal_bytes_str(label), info };
    prim_hkdf_expand_parts(out, len, prk, parts, 5);
}

/* Section 4.1: shared_secret = ExtractAndExpand(dh, enc || pkRm). */
static void kem_secret(mal_prim_hash *shared, const uint8_t dh[32],
                       const uint8_t enc[32], const uint8_t pk_r[32]) {
    mal_prim_hash eae_prk;
    uint8_t kem_context[64];
    mal_bytes id = mal_bytes_of(kem_suite_id, sizeof kem_suite_id);

    memcpy(kem_context, enc, 32);
    memcpy(kem_context + 32, pk_r, 32);
    labeled_extract(&eae_prk, id, mal_bytes_of(NULL, 0), "eae_prk",
                    mal_bytes_of(dh, 32));
    labeled_expand(shared->b, sizeof shared->b, &eae_prk, id, "shared_secret",
                   mal_bytes_of(kem_context, sizeof kem_context));
    mal_wipe(&eae_prk, sizeof eae_prk);
}

/* Section 5.1, KeySchedule with mode_base, no psk. */
static void key_schedule(uint8_t key[NK_MAX], uint8_t nonce[NN], const suite *s,
                         const mal_prim_hash *shared, mal_bytes info) {
    const mal_bytes none = mal_bytes_of(NULL, 0);
    uint8_t id_bytes[10], context[1 + 2 * MAL_PRIM_HASH] = { 0 }; /* base: 0 */
    mal_prim_hash psk_id_hash, info_hash, secret;

    hpke_suite_id(id_bytes, s);
    mal_bytes id = mal_bytes_of(id_bytes, sizeof id_bytes);
    labeled_extract(&psk_id_hash, id, none, "psk_id_hash", none);
    labeled_extract(&info_hash, id, none, "info_hash", info);
    memcpy(context + 1, psk_id_hash.b, MAL_PRIM_HASH);
    memcpy(context + 1 + MAL_PRIM_HASH, info_hash.b, MAL_PRIM_HASH);
    mal_bytes ctx = mal_bytes_of(context, sizeof context);

    labeled_extract(&secret, id, mal_bytes_of(shared->b, sizeof shared->b),
                    "secret", none);
    labeled_expand(key, s->nk, &secret, id, "key", ctx);
    labeled_expand(nonce, NN, &secret, id, "base_nonce", ctx);
    mal_wipe(&secret, sizeof secret);
}

/* Both sides: the AEAD key and nonce of one encapsulation. */
static mal_err derive(uint8_t key[NK_MAX], uint8_t nonce[NN], const suite *s,
                      const mal_key *own, const uint8_t peer[32],
                      const uint8_t enc[32], const uint8_t pk_r[32],
                      mal_bytes info) {
    uint8_t dh[32];
    mal_prim_hash shared;
    MAL_TRY(mal_prim_dh(dh, own, peer));
    kem_secret(&shared, dh, enc, pk_r);
    key_schedule(key, nonce, s, &shared, info);
    mal_wipe(dh, sizeof dh);
    mal_wipe(&shared, sizeof shared);
    return MAL_OK;
}

mal_err prim_hpke_seal_with(mal_buf *out, uint16_t aead, const mal_key *eph,
                            const uint8_t pub[32], mal_bytes info,
                            mal_bytes aad, mal_bytes plain) {
    const suite *s = suite_of(aead);
    uint8_t enc[NENC], key[NK_MAX], nonce[NN];
    const size_t before = out->len;

    MAL_REQUIRE(s, MAL_E_UNSUPPORTED, "no HPKE AEAD 0x%04x", aead);
    MAL_TRY(mal_prim_dh_pub(enc, eph));
    MAL_TRY(mal_buf_reserve(out, NENC + plain.len + MAL_PRIM_AEAD_TAG));
    MAL_TRY(derive(key, nonce, s, eph, pub, enc, pub, info));
    mal_err err = mal_buf_put(out, mal_bytes_of(enc, sizeof enc));
    if (err == MAL_OK)
        err = prim_aead_seal(out, s->cipher, mal_bytes_of(key, s->nk), nonce,
                             aad, plain);
    if (err != MAL_OK)
        out->len = before;
    mal_wipe(key, sizeof key);
    MAL_TRY(err);
    return MAL_OK;
}

mal_err prim_hpke_open_with(mal_buf *out, uint16_t aead, const mal_key *sec,
                            mal_bytes info, mal_bytes aad, mal_bytes sealed) {
    const suite *s = suite_of(aead);
    uint8_t pk_r[32], key[NK_MAX], nonce[NN];

    MAL_REQUIRE(s, MAL_E_UNSUPPORTED, "no HPKE AEAD 0x%04x", aead);
    MAL_REQUIRE(sealed.len >= NENC + MAL_PRIM_AEAD_TAG, MAL_E_AUTH,
                "the sealed message is cut short");
    MAL_TRY(mal_prim_dh_pub(pk_r, sec));
    MAL_TRY(derive(key, nonce, s, sec, sealed.ptr, sealed.ptr, pk_r, info));
    mal_err err =
        prim_aead_open(out, s->cipher, mal_bytes_of(key, s->nk), nonce, aad,
                       mal_bytes_of(sealed.ptr + NENC, sealed.len - NENC));
    mal_wipe(key, sizeof key);
    MAL_TRY(err);
    return MAL_OK;
}

mal_err mal_prim_hpke_seal(mal_buf *out, const uint8_t pub[32], mal_bytes info,
                           mal_bytes aad, mal_bytes plain) {
    MAL_AUTO(mal_key_clear) mal_key eph = { 0 };
    uint8_t enc[32];
    MAL_TRY(mal_prim_dh_keygen(enc, &eph));
    MAL_TRY(prim_hpke_seal_with(out, PRIM_HPKE_CHACHA20_POLY1305, &eph, pub,
                                info, aad, plain));
    return MAL_OK;
}

mal_err mal_prim_hpke_open(mal_buf *out, const mal_key *sec, mal_bytes info,
                           mal_bytes aad, mal_bytes sealed) {
    MAL_TRY(prim_hpke_open_with(out, PRIM_HPKE_CHACHA20_POLY1305, sec, info,
                                aad, sealed));
    return MAL_OK;
}
