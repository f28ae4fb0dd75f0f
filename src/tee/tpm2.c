/* tpm2.c - TPM 2.0: a quote under an attestation key that was enrolled.
 *
 * A TPM's quote proves as much as is known about its key.  Here the verifier's
 * caller knows it: the anchor says that the key is enrolled, and which one if
 * it gives a hash.  The evidence is JSON of key, quote and PCRs, or the bytes
 * of TPMS_ATTEST with signature and key as endorsements.
 *
 * Source: [TPM20] part 2, TPMS_ATTEST; part 3, TPM2_Quote.
 */
#include "tpm2.h"
#include "given.h"

#include <stdio.h>
#include <string.h>

#define SPKI_MAX 4096

/* --- The quote --------------------------------------------------------------
 */

static mal_tee_code check_pcrs(tee_ctx *c, const tpm_quote *quote,
                               const tpm_pcrs *pcrs) {
    mal_err err = tpm_pcrs_check(quote, pcrs);
    mal_tee_code code = err == MAL_E_AUTH          ? MAL_TEE_BINDING
                        : err == MAL_E_UNSUPPORTED ? MAL_TEE_UNSUPPORTED
                                                   : MAL_TEE_MALFORMED;
    return tee_of_err(c, err, code, "the PCRs");
}

mal_tee_code tee_tpm2_quote(tee_ctx *c, tpm_quote *quote, const mal_pubkey *ak,
                            mal_bytes attest, mal_bytes signature,
                            const tpm_pcrs *pcrs) {
    mal_err err = tpm_sig_check(ak, attest, signature);
    TEE_TRY(tee_of_err(c, err,
                       err == MAL_E_UNSUPPORTED ? MAL_TEE_UNSUPPORTED
                                                : MAL_TEE_BAD_SIGNATURE,
                       "the quote"));
    TEE_TRY(tee_of_parse(c, tpm_quote_parse(quote, attest), "the quote"));
    if (pcrs)
        TEE_TRY(check_pcrs(c, quote, pcrs));
    return tee_check_nonce(c, quote->extra_data);
}

static bool is_quoted(const tpm_quote *quote, size_t pcr) {
    for (size_t i = 0; i < quote->n_banks; i++)
        if (quote->banks[i].mask >> pcr & 1)
            return true;
    return false;
}

void tee_tpm2_facts(tee_ctx *c, const tpm_quote *quote, const tpm_pcrs *pcrs) {
    char name[32];
    tee_fact_bytes(c, "pcr_digest", tee_keep(c, quote->pcr_digest));
    tee_fact_bytes(c, "extra_data", tee_keep(c, quote->extra_data));
    tee_fact_number(c, "resets", quote->resets);
    tee_fact_number(c, "restarts", quote->restarts);
    for (size_t i = 0; pcrs && i < pcrs->n; i++)
        if (is_quoted(quote, i)) {
            snprintf(name, sizeof name, "pcr%zu", i);
            tee_fact_bytes(c, tee_keep_text(c, name),
                           tee_keep(c, pcrs->value[i]));
        }
}

/* --- What came ---------------------------------------------------------------
 */

typedef struct tpm2 {
    tpm_told told;
    bool has_pcrs;
    mal_pubkey *shown;    /* in the evidence, or NULL */
    mal_pubkey *enrolled; /* among the endorsements, or NULL */
} tpm2;

static void tpm2_clear(tpm2 *t) {
    tpm_told_clear(&t->told);
    mal_pubkey_free(t->shown);
    mal_pubkey_free(t->enrolled);
}

/* { ak_public, tpm_quote: { message, signature, pcrs } }, in base64. */
static mal_err read_json(tpm2 *t, mal_bytes text) {
    MAL_AUTO(mal_json_auto) mal_json *json = NULL;
    MAL_AUTO(mal_buf_clear) mal_buf spki = { 0 };
    const mal_json *key, *quote;
    MAL_TRY(mal_json_parse(&json, text, TPM_JSON_MAX));
    MAL_TRY(mal_json_get(json, "ak_public", &key));
    MAL_TRY(tpm_json_bytes(&spki, key, TPM_TEXT_BASE64, SPKI_MAX));
    MAL_TRY(mal_pubkey_parse_spki(&t->shown, mal_buf_view(&spki)));
    MAL_TRY(mal_json_get_object(json, "tpm_quote", &quote));
    t->has_pcrs = true;
    return tpm_told_read(&t->told, quote, TPM_TEXT_BASE64);
}

static mal_err read_pcrs(tpm2 *t, mal_bytes text) {
    MAL_AUTO(mal_json_auto) mal_json *json = NULL;
    const mal_json *pcrs;
    MAL_TRY(mal_json_parse(&json, text, TPM_JSON_MAX));
    MAL_TRY(mal_json_get_array(json, "pcrs", &pcrs));
    t->has_pcrs = true;
    return tpm_told_read_pcrs(&t->told, pcrs);
}

static bool begins(mal_bytes bytes, const char *text) {
    size_t n = strlen(text);
    return bytes.len >= n && mal_compare_vartime(bytes.ptr, text, n) == 0;
}

static bool is_object(mal_bytes text) {
    size_t i = 0;
    while (i < text.len && (text.ptr[i] == ' ' || text.ptr[i] == '\n' ||
                            text.ptr[i] == '\r' || text.ptr[i] == '\t'))
        i++;
    return i < text.len && text.ptr[i] == '{';
}

/* A key as PEM, PCRs as JSON; what is neither is the signature. */
static mal_err read_endorsement(tpm2 *t, mal_bytes bytes) {
    if (begins(bytes, "-----BEGIN PUBLIC KEY-----")) {
        MAL_REQUIRE(!t->enrolled, MAL_E_INPUT, "two enrolled keys");
        return mal_pubkey_parse_pem(&t->enrolled, bytes);
    }
    if (is_object(bytes))
        return read_pcrs(t, bytes);
    MAL_REQUIRE(t->told.signature.len == 0, MAL_E_INPUT, "two signatures");
    MAL_REQUIRE(bytes.len <= TPM_SIGNATURE_MAX + 8, MAL_E_INPUT,
                "an endorsement is neither key, PCRs nor signature");
    return mal_buf_put(&t->told.signature, bytes);
}

static mal_err read_all(tpm2 *t, const mal_tee_input *in) {
    if (is_object(in->evidence)) {
        MAL_TRY(read_json(t, in->evidence));
    } else {
        MAL_REQUIRE(in->evidence.len <= TPM_ATTEST_MAX, MAL_E_INPUT,
                    "a quote of %zu bytes is too long", in->evidence.len);
        MAL_TRY(mal_buf_put(&t->told.message, in->evidence));
    }
    for (size_t i = 0; i < in->n_endorsements; i++)
        MAL_TRY(read_endorsement(t, in->endorsements[i]));
    return MAL_OK;
}

/* --- The key, and the family -------------------------------------------------
 */

/* Which key it must be is told by an endorsement or by the anchor's hash; where
 * neither does, the caller compares platform_id with what it enrolled. */
static mal_tee_code check_enrolled(tee_ctx *c, const tpm2 *t,
                                   const mal_pubkey *ak) {
    mal_prim_hash id;
    TEE_REQUIRE(c, c->in->anchor.kind == MAL_TEE_ANCHOR_AK, MAL_TEE_BAD_CHAIN,
                "a TPM's key is believed only if it is enrolled");
    TEE_REQUIRE(c, !t->enrolled || mal_pubkey_same(ak, t->enrolled),
                MAL_TEE_BAD_CHAIN,
                "the quote's key is not the one that is enrolled");
    TEE_TRY(tee_given_check(c, ak, &id));
    c->claims->platform_id = tee_keep(c, mal_bytes_of(id.b, sizeof id.b));
    return MAL_TEE_OK;
}

static mal_tee_code judge(tee_ctx *c, const tpm2 *t) {
    tpm_quote quote;
    const tpm_pcrs *pcrs = t->has_pcrs ? &t->told.pcrs : NULL;
    const mal_pubkey *ak = t->shown ? t->shown : t->enrolled;
    TEE_REQUIRE(c, ak && t->told.signature.len != 0, MAL_TEE_COLLATERAL_MISSING,
                "a quote needs its signature and its key");
    TEE_TRY(check_enrolled(c, t, ak));
    TEE_TRY(tee_tpm2_quote(c, &quote, ak, mal_buf_view(&t->told.message),
                           mal_buf_view(&t->told.signature), pcrs));
    c->claims->family = "TPM";
    /* Software TPMs sign alike; only who enrolled the key knows. */
    c->claims->hardware = false;
    c->claims->measurement = tee_keep(c, quote.pcr_digest);
    c->claims->report_data = tee_keep(c, quote.extra_data);
    tee_tpm2_facts(c, &quote, pcrs);
    c->authentic = true;
    return tee_late(c);
}

static bool names(mal_bytes text, const char *member) {
    return memmem(text.ptr, text.len, member, strlen(member)) != NULL;
}

mal_tee_kind tee_tpm_recognise(mal_bytes evidence) {
    tpm_quote quote;
    if (tpm_quote_parse(&quote, evidence) == MAL_OK)
        return MAL_TEE_TPM2;
    if (!is_object(evidence))
        return MAL_TEE_ANY;
    return names(evidence, "\"td_quote\"")    ? MAL_TEE_AZ_TDX_VTPM
           : names(evidence, "\"vcek\"")      ? MAL_TEE_AZ_SNP_VTPM
           : names(evidence, "\"ak_public\"") ? MAL_TEE_TPM2
                                              : MAL_TEE_ANY;
}

mal_tee_code tee_tpm2_verify(tee_ctx *c) {
    tpm2 t = { 0 };
    mal_tee_code code = tee_of_parse(c, read_all(&t, c->in), "the evidence");
    if (code == MAL_TEE_OK)
        code = judge(c, &t);
    tpm2_clear(&t);
    return code;
}
