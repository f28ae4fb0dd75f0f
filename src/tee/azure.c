/* azure.c - confidential VMs of Azure: hardware vouches for a vTPM's key, and
 * that key signs a quote.
 *
 * The paravisor asks the hardware for a report when the VM starts, over the
 * hash of a JSON text that holds the vTPM's attestation key.  Freshness comes
 * from the quote alone.  Trust is transitive, so the order is: hardware report,
 * its binding to the JSON, the key in it, the quote under that key.
 *
 * Source: [AZHCL24]; the JSON envelopes are those of Confidential Containers.
 */
#include "snp.h"
#include "tpm2.h"

#include <string.h>

#define EVIDENCE_MAX ((size_t)1 << 20)
#define TD_QUOTE_MAX ((size_t)64 << 10)

typedef struct azure {
    mal_json *json;
    mal_buf hcl_bytes;
    mal_buf hardware; /* VCEK, or TD quote */
    tpm_told told;
    hcl_report hcl;
    mal_pubkey *ak;
} azure;

static void azure_clear(azure *a) {
    mal_json_free(a->json);
    mal_buf_clear(&a->hcl_bytes);
    mal_buf_clear(&a->hardware);
    tpm_told_clear(&a->told);
    mal_pubkey_free(a->ak);
}

/* --- The envelope -----------------------------------------------------------
 */

static mal_err read_member(mal_buf *out, const mal_json *object,
                           const char *name, size_t len_max) {
    const mal_json *value;
    MAL_TRY(mal_json_get(object, name, &value));
    return tpm_json_bytes(out, value, TPM_TEXT_BASE64URL, len_max);
}

/* A certificate as PEM, as older envelopes have it, or as DER in base64url. */
static mal_err read_vcek(azure *a) {
    const char *text;
    MAL_TRY(mal_json_get_str(a->json, "vcek", &text));
    if (strncmp(text, "-----BEGIN", 10) == 0) {
        MAL_REQUIRE(strlen(text) <= MAL_CERT_DER_MAX, MAL_E_LIMIT,
                    "the VCEK is too long");
        return mal_buf_put_str(&a->hardware, text);
    }
    return read_member(&a->hardware, a->json, "vcek", MAL_CERT_DER_MAX);
}

/* Since version 1 the report is `hcl_report` and the quote `tpm_quote`, written
 * as text; before, `report` and `quote`, written as arrays of numbers. */
static mal_err read_envelope(azure *a, mal_bytes text, bool snp) {
    const mal_json *quote;
    MAL_TRY(mal_json_parse(&a->json, text, EVIDENCE_MAX));
    bool versioned = mal_json_find(a->json, "version") != NULL;
    MAL_TRY(read_member(&a->hcl_bytes, a->json,
                        versioned ? "hcl_report" : "report", HCL_REPORT_MAX));
    MAL_TRY(mal_json_get_object(a->json, versioned ? "tpm_quote" : "quote",
                                &quote));
    MAL_TRY(tpm_told_read(&a->told, quote, TPM_TEXT_HEX));
    MAL_TRY(snp ? read_vcek(a)
                : read_member(&a->hardware, a->json, "td_quote", TD_QUOTE_MAX));
    MAL_TRY(hcl_report_parse(&a->hcl, mal_buf_view(&a->hcl_bytes)));
    MAL_REQUIRE(a->hcl.type == (snp ? HCL_SNP : HCL_TDX), MAL_E_INPUT,
                "the HCL report is of another kind of hardware");
    return MAL_OK;
}

/* --- Hardware, runtime data, key, quote --------------------------------------
 */

static mal_tee_code check_runtime(tee_ctx *c, azure *a, mal_bytes report_data) {
    TEE_TRY(tee_of_err(c, hcl_binding_check(&a->hcl, report_data),
                       MAL_TEE_BINDING, "the HCL report"));
    return tee_of_parse(c, hcl_ak(&a->ak, &a->hcl), "the HCL report");
}

static mal_tee_code check_quote(tee_ctx *c, const azure *a) {
    tpm_quote quote;
    TEE_TRY(tee_tpm2_quote(c, &quote, a->ak, mal_buf_view(&a->told.message),
                           mal_buf_view(&a->told.signature), &a->told.pcrs));
    tee_tpm2_facts(c, &quote, &a->told.pcrs);
    return MAL_TEE_OK;
}

static mal_tee_code verify_snp(tee_ctx *c, azure *a, tee_pool *pool) {
    tee_snp snp = { 0 };
    TEE_TRY(tee_of_err(c, tee_pool_add(pool, mal_buf_view(&a->hardware)),
                       MAL_TEE_MALFORMED, "the VCEK"));
    TEE_TRY(tee_snp_pool(c, pool));
    TEE_TRY(tee_snp_report(c, &snp, a->hcl.hardware, pool));
    TEE_TRY(check_runtime(c, a, snp.report.report_data));
    tee_snp_claims(c, &snp);
    TEE_TRY(check_quote(c, a));
    c->authentic = true;
    TEE_TRY(tee_snp_debug(c, &snp));
    return tee_late(c);
}

/* The TD quote's verdict stands last: it judges debug and times too, and a vTPM
 * that does not belong to it is the graver fault. */
static mal_tee_code verify_tdx(tee_ctx *c, azure *a) {
    mal_bytes quote = tee_keep(c, mal_buf_view(&a->hardware));
    mal_tee_code code = tee_dcap_inside(c, quote);
    if (!c->authentic)
        return code;
    c->authentic = false;
    TEE_TRY(check_runtime(c, a, c->claims->report_data));
    TEE_TRY(check_quote(c, a));
    c->authentic = true;
    return code;
}

mal_tee_code tee_azure_verify(tee_ctx *c) {
    azure a = { 0 };
    tee_pool pool = { 0 };
    bool snp = c->kind == MAL_TEE_AZ_SNP_VTPM;
    mal_tee_code code = tee_of_parse(c, read_envelope(&a, c->in->evidence, snp),
                                     "the evidence");
    if (code == MAL_TEE_OK)
        code = snp ? verify_snp(c, &a, &pool) : verify_tdx(c, &a);
    tee_pool_clear(&pool);
    azure_clear(&a);
    return code;
}
