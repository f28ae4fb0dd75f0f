/* vtpm_forge.h - TPM quotes, by themselves and in Azure's envelope, under roots
 * and keys of our own: by default all of it is good, and a case spoils one
 * thing.
 */
#ifndef MALUS_VTPM_FORGE_H
#define MALUS_VTPM_FORGE_H

#include "snp_forge.h"

#include <malus/json.h>
#include <malus/prim_cert.h>

/* How the signature is written, by which kind of key. */
typedef enum form {
    RSA_PLAIN,
    RSA_TPMT,
    RSA_TPMT_PSS,
    RSA_TPMT_SHA384,
    RSA_TPMT_SHA1, /* says so, and is over SHA-256 */
    EC_DER,
    EC_TPMT,
    EC_TPMT_384,
} form;

typedef struct vtpm {
    forge snp; /* Azure's */
    /* the HCL report */
    const char *magic, *kid, *kty;
    uint32_t hcl_version, request, runtime_version, type, hash;
    int size_off, data_off, len_off; /* added to the lengths told */
    bool unbound, long_binding, ak_twice, no_ak, hcl_tail;
    int ak_shown, signed_by; /* of RSA: 0 or 1 */
    /* the quote */
    uint32_t generated;
    uint16_t quote_type, bank;
    uint32_t mask, n_banks;
    const char *extra;
    form form;
    bool other_digest, quote_tail, sig_tail, sig_long, safe_2;
    /* PCRs */
    uint8_t pcrs[24][64];
    size_t pcr_len, digest_len;
    size_t n_told;
    int changed_pcr; /* after hashing; -1: none */
    /* envelope */
    mal_tee_kind kind;
    const char *omit;
    bool arrays; /* as before version 1 */
    const char *nonce;
    const char *anchor; /* NULL: that of snp, or enrolled-ak */
    mal_tee_verdict verdict;
} vtpm;

static void vtpm_init(vtpm *v, mal_tee_kind kind) {
    *v = (vtpm){ .magic = "HCLA",
                 .kid = "HCLAkPub",
                 .kty = "RSA",
                 .hcl_version = 2,
                 .request = 2,
                 .runtime_version = 1,
                 .type = 2,
                 .hash = 1,
                 .generated = 0xff544347,
                 .quote_type = 0x8018,
                 .bank = 0x000b,
                 .mask = 0xffffff,
                 .n_banks = 1,
                 .extra = "challenge",
                 .pcr_len = 32,
                 .digest_len = 32,
                 .n_told = 24,
                 .changed_pcr = -1,
                 .kind = kind };
    for (size_t i = 0; i < 24; i++)
        memset(v->pcrs[i], (int)i, 64);
    forge_init(&v->snp, 2);
}

/* --- The quote --------------------------------------------------------------
 */

static void put_be(mal_buf *out, uint64_t v, int bytes) {
    while (bytes--)
        CHECK_OK(mal_buf_put_u8(out, (uint8_t)(v >> 8 * bytes)));
}

static void put_sized(mal_buf *out, mal_bytes bytes) {
    put_be(out, bytes.len, 2);
    CHECK_OK(mal_buf_put(out, bytes));
}

static void put_digest(mal_buf *out, const vtpm *v) {
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    uint8_t hash[64];
    for (size_t b = 0; b < v->n_banks; b++)
        for (size_t i = 0; i < 24; i++)
            if (v->mask >> i & 1)
                CHECK_OK(
                    mal_buf_put(&text, mal_bytes_of(v->pcrs[i], v->pcr_len)));
    if (v->digest_len == 48)
        mal_prim_sha384_of(hash, mal_buf_view(&text));
    else if (v->digest_len == 64)
        mal_prim_sha512_of(hash, mal_buf_view(&text));
    else
        mal_prim_sha256_of((mal_prim_hash *)hash, mal_buf_view(&text));
    hash[31] ^= v->other_digest;
    put_sized(out, mal_bytes_of(hash, v->digest_len));
}

static void make_attest(mal_buf *out, const vtpm *v) {
    put_be(out, v->generated, 4);
    put_be(out, v->quote_type, 2);
    put_sized(out, mal_bytes_str("\x0b the name of the key"));
    put_sized(out, mal_bytes_str(v->extra));
    put_be(out, 123456, 8);
    put_be(out, 7, 4);
    put_be(out, 8, 4);
    put_be(out, v->safe_2 ? 2 : 1, 1);
    put_be(out, 0x2019102300163636, 8);
    put_be(out, v->n_banks, 4);
    for (size_t b = 0; b < v->n_banks; b++) {
        put_be(out, v->bank, 2);
        put_be(out, v->mask >> 24 ? 4 : 3, 1);
        for (int i = 0; i < (v->mask >> 24 ? 4 : 3); i++)
            put_be(out, v->mask >> 8 * i & 0xff, 1);
    }
    put_digest(out, v);
    if (v->quote_tail)
        put_be(out, 0, 1);
}

static EVP_PKEY *quote_key(const vtpm *v, int which) {
    if (v->form == EC_DER || v->form == EC_TPMT)
        return mal_vendor_key(8u + (unsigned)which);
    if (v->form == EC_TPMT_384)
        return mal_vendor_key384(2u + (unsigned)which);
    return mal_vendor_key_rsa((unsigned)which);
}

static void put_tpmt(mal_buf *out, uint16_t scheme, uint16_t hash) {
    put_be(out, scheme, 2);
    put_be(out, hash, 2);
}

/* An integer without its leading zeros, as TPMs may write it. */
static void put_integer(mal_buf *out, const uint8_t *at, size_t len) {
    while (len > 1 && *at == 0) {
        at++;
        len--;
    }
    put_sized(out, mal_bytes_of(at, len));
}

static void make_ec(mal_buf *out, const vtpm *v, EVP_PKEY *key,
                    mal_bytes attest) {
    uint8_t sig[96];
    bool big = v->form == EC_TPMT_384;
    size_t half = big ? 48 : 32;
    if (big)
        mal_vendor_sign384(sig, key, attest);
    else
        mal_vendor_sign(sig, key, attest);
    put_tpmt(out, 0x0018, big ? 0x000c : 0x000b);
    put_integer(out, sig, half);
    put_integer(out, sig + half, half);
}

static void make_sig(mal_buf *out, const vtpm *v, mal_bytes attest) {
    uint8_t sig[512];
    EVP_PKEY *key = quote_key(v, v->signed_by);
    bool pss = v->form == RSA_TPMT_PSS;
    if (v->form == EC_TPMT || v->form == EC_TPMT_384) {
        make_ec(out, v, key, attest);
    } else {
        size_t len = mal_vendor_sign_plain(
            sig, key, v->form == RSA_TPMT_SHA384 ? EVP_sha384() : EVP_sha256(),
            pss, attest);
        if (v->form == RSA_PLAIN || v->form == EC_DER) {
            CHECK_OK(mal_buf_put(out, mal_bytes_of(sig, len)));
        } else {
            put_tpmt(out, pss ? 0x0016 : 0x0014,
                     v->form == RSA_TPMT_SHA384 ? 0x000c
                     : v->form == RSA_TPMT_SHA1 ? 0x0004
                                                : 0x000b);
            put_sized(out, mal_bytes_of(sig, len));
        }
    }
    if (v->sig_tail)
        put_be(out, 0, 1);
    while (v->sig_long && out->len < 1100)
        put_be(out, 0, 1);
}

/* --- The HCL report ----------------------------------------------------------
 */

/* [RFC4648] section 5, without padding. */
static void put_base64url(mal_buf *out, mal_bytes bytes) {
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    CHECK_OK(mal_base64_encode(&text, bytes));
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c != '=')
            put_be(out, c == '+' ? '-' : c == '/' ? '_' : c, 1);
    }
}

static void put_jwk(mal_buf *out, const vtpm *v, int which) {
    uint8_t n[256];
    BIGNUM *number = NULL;
    CHECK(EVP_PKEY_get_bn_param(mal_vendor_key_rsa((unsigned)which),
                                OSSL_PKEY_PARAM_RSA_N, &number) == 1);
    CHECK(BN_bn2binpad(number, n, 256) == 256);
    BN_free(number);
    CHECK_OK(mal_buf_put_fmt(out, "{\"kid\":\"%s\",\"kty\":\"%s\",\"n\":\"",
                             v->kid, v->kty));
    put_base64url(out, mal_bytes_of(n, 256));
    CHECK_OK(mal_buf_put_str(out, "\",\"e\":\"AQAB\"}"));
}

static void make_runtime(mal_buf *out, const vtpm *v) {
    CHECK_OK(mal_buf_put_str(out, "{\"keys\":["));
    if (!v->no_ak)
        put_jwk(out, v, v->ak_shown);
    if (v->ak_twice) {
        CHECK_OK(mal_buf_put_str(out, ","));
        put_jwk(out, v, 1);
    }
    CHECK_OK(mal_buf_put_str(out, "],\"user-data\":\"00\"}"));
}

static void put_le(mal_buf *out, uint32_t v) {
    CHECK_OK(mal_buf_put_u32(out, v));
}

static void make_hcl(mal_buf *out, vtpm *v) {
    MAL_AUTO(mal_buf_clear) mal_buf runtime = { 0 };
    mal_prim_hash hash;
    make_runtime(&runtime, v);
    mal_prim_sha256_of(&hash, mal_buf_view(&runtime));
    hash.b[0] ^= v->unbound;
    memset(v->snp.report + 0x50, 0, 64);
    memcpy(v->snp.report + 0x50, hash.b, 32);
    v->snp.report[0x50 + 40] = v->long_binding;
    sign_report(&v->snp);
    uint32_t len = (uint32_t)runtime.len;
    CHECK_OK(mal_buf_put_str(out, v->magic));
    put_le(out, v->hcl_version);
    put_le(out, 32 + REPORT_LEN + 20 + len + (uint32_t)v->size_off);
    put_le(out, v->request);
    for (int i = 0; i < 4; i++)
        put_le(out, 0);
    CHECK_OK(mal_buf_put(out, mal_bytes_of(v->snp.report, REPORT_LEN)));
    put_le(out, 20 + len + (uint32_t)v->data_off);
    put_le(out, v->runtime_version);
    put_le(out, v->type);
    put_le(out, v->hash);
    put_le(out, len + (uint32_t)v->len_off);
    CHECK_OK(mal_buf_put(out, mal_buf_view(&runtime)));
    for (int i = 0; v->hcl_tail && i < 100; i++)
        put_be(out, 0, 1);
}

/* --- The envelopes
 * ------------------------------------------------------------ */

typedef enum coding { HEX, BASE64, BASE64URL, ARRAY } coding;

static void put_coded(mal_json *out, const vtpm *v, const char *key,
                      mal_bytes bytes, coding how) {
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    mal_json *list;
    if (v->omit && strcmp(v->omit, key) == 0)
        return;
    if (how == HEX) {
        CHECK_OK(mal_json_put_hex(out, key, bytes));
    } else if (how == BASE64) {
        CHECK_OK(mal_json_put_base64(out, key, bytes));
    } else if (how == BASE64URL) {
        put_base64url(&text, bytes);
        CHECK_OK(mal_json_put_text(out, key, mal_buf_view(&text)));
    } else {
        CHECK_OK(mal_json_put_array(out, key, &list));
        for (size_t i = 0; i < bytes.len; i++)
            CHECK_OK(mal_json_add_int(list, bytes.ptr[i]));
    }
}

static void put_pcrs(mal_json *quote, const vtpm *v) {
    mal_json *list;
    char hex[129];
    if (v->omit && strcmp(v->omit, "pcrs") == 0)
        return;
    CHECK_OK(mal_json_put_array(quote, "pcrs", &list));
    for (size_t i = 0; i < v->n_told; i++) {
        uint8_t value[64] = { 0 };
        if (i < 24)
            memcpy(value, v->pcrs[i], 64);
        value[5] ^= v->changed_pcr == (int)i;
        mal_hex_encode(hex, mal_bytes_of(value, v->pcr_len));
        CHECK_OK(mal_json_add_str(list, hex));
    }
}

static void put_quote(mal_json *out, const vtpm *v, coding how) {
    MAL_AUTO(mal_buf_clear) mal_buf attest = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf sig = { 0 };
    mal_json *quote;
    make_attest(&attest, v);
    make_sig(&sig, v, mal_buf_view(&attest));
    CHECK_OK(
        mal_json_put_object(out, v->arrays ? "quote" : "tpm_quote", &quote));
    put_coded(quote, v, "message", mal_buf_view(&attest), how);
    put_coded(quote, v, "signature", mal_buf_view(&sig), how);
    put_pcrs(quote, v);
}

static void make_azure(mal_buf *out, vtpm *v) {
    MAL_AUTO(mal_json_auto) mal_json *json = NULL;
    MAL_AUTO(mal_buf_clear) mal_buf hcl = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf leaf = { 0 };
    exts x = { 0 };
    CHECK_OK(mal_json_new_object(&json));
    make_hcl(&hcl, v);
    put_coded(json, v, v->arrays ? "report" : "hcl_report", mal_buf_view(&hcl),
              v->arrays ? ARRAY : BASE64URL);
    put_quote(json, v, v->arrays ? ARRAY : HEX);
    if (v->arrays) {
        put_leaf(&leaf, &v->snp);
        CHECK_OK(mal_json_put_text(json, "vcek", mal_buf_view(&leaf)));
    } else {
        CHECK_OK(mal_json_put_int(json, "version", 1));
        make_exts(&x, &v->snp);
        issue_leaf(&leaf, &v->snp, CHIP, &x);
        put_coded(json, v, "vcek", mal_buf_view(&leaf), BASE64URL);
    }
    CHECK_OK(mal_json_dump(out, json));
}

static void make_plain(mal_buf *out, const vtpm *v) {
    MAL_AUTO(mal_json_auto) mal_json *json = NULL;
    uint8_t *spki = NULL;
    int len = i2d_PUBKEY(quote_key(v, v->ak_shown), &spki);
    CHECK(len > 0);
    CHECK_OK(mal_json_new_object(&json));
    put_coded(json, v, "ak_public", mal_bytes_of(spki, (size_t)len), BASE64);
    OPENSSL_free(spki);
    put_quote(json, v, BASE64);
    CHECK_OK(mal_json_dump(out, json));
}

static const char *vtpm_judge(vtpm *v) {
    MAL_AUTO(mal_buf_clear) mal_buf evidence = { 0 };
    mal_buf chain[2] = { 0 };
    bool azure = v->kind != MAL_TEE_TPM2;
    MAL_AUTO(mal_arena_auto)
    mal_arena *arena = mal_arena_new(MAL_TEE_ARENA_BYTES);
    mal_tee_input input = { .kind = v->kind, .time = v->snp.time };
    v->snp.no_leaf = true; /* it is in the envelope */
    make_endorsements(chain, &v->snp, &input.anchor.hash);
    v->snp.no_leaf = false;
    if (azure)
        make_azure(&evidence, v);
    else
        make_plain(&evidence, v);
    mal_bytes view = mal_buf_view(&chain[0]);
    if (!azure || v->anchor)
        CHECK_OK(mal_tee_anchor_parse(&input.anchor,
                                      v->anchor ? v->anchor : "enrolled-ak"));
    input.evidence = mal_buf_view(&evidence);
    input.endorsements = &view;
    input.n_endorsements = azure;
    if (v->nonce) {
        input.nonce = mal_bytes_str(v->nonce);
        input.has_nonce = true;
    }
    CHECK_OK(mal_tee_verify(&v->verdict, arena, &input));
    mal_buf_clear(&chain[0]);
    mal_buf_clear(&chain[1]);
    return mal_tee_code_name(v->verdict.code);
}

#endif
