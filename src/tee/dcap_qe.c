/* dcap_qe.c - QE identity: is the enclave that quoted one of Intel's, and how
 * do its patches stand [QeIdentity]. */
#include "dcap_impl.h"

#include <string.h>

#define MISC_SELECT 4
#define ATTRIBUTES 16
#define SIGNER 32
/* In the report of an SGX enclave. */
#define AT_MISC_SELECT 16
#define AT_ATTRIBUTES 48
#define AT_SIGNER 128
#define AT_PROD_ID 256
#define AT_SVN 258

static mal_err get_kind(const dcap *d, bool *kind) {
    const char *id;
    uint64_t version;
    MAL_TRY(mal_json_get_u64(d->qe.json, "version", &version));
    MAL_REQUIRE(version == 2, MAL_E_INPUT, "QE identity of version %llu",
                (unsigned long long)version);
    MAL_TRY(mal_json_get_str(d->qe.json, "id", &id));
    *kind = strcmp(id, d->quote.tdx ? "TD_QE" : "QE") == 0;
    return MAL_OK;
}

mal_tee_code dcap_qe_kind(dcap *d) {
    bool kind = false;
    TEE_TRY(
        tee_of_err(d->c, get_kind(d, &kind), MAL_TEE_MALFORMED, "QE identity"));
    TEE_REQUIRE(d->c, kind, MAL_TEE_COLLATERAL_KIND,
                "QE identity of the other kind: SGX is not TDX");
    return MAL_TEE_OK;
}

/* found & mask == want, all of len bytes as the report has them. */
static mal_err masked_fits(const dcap *d, const char *want_key,
                           const char *mask_key, size_t at, size_t len,
                           bool *fits) {
    uint8_t want[ATTRIBUTES], mask[ATTRIBUTES];
    MAL_TRY(mal_json_get_hex(d->qe.json, want_key, want, len));
    MAL_TRY(mal_json_get_hex(d->qe.json, mask_key, mask, len));
    for (size_t i = 0; i < len; i++)
        *fits &= (d->quote.qe_report.ptr[at + i] & mask[i]) == want[i];
    return MAL_OK;
}

static uint64_t u16_at(const dcap *d, size_t at) {
    const uint8_t *b = d->quote.qe_report.ptr + at;
    return (uint64_t)b[0] | (uint64_t)b[1] << 8;
}

static mal_err identity_fits(const dcap *d, bool *fits) {
    uint8_t signer[SIGNER];
    uint64_t product;
    *fits = true;
    MAL_TRY(masked_fits(d, "miscselect", "miscselectMask", AT_MISC_SELECT,
                        MISC_SELECT, fits));
    MAL_TRY(masked_fits(d, "attributes", "attributesMask", AT_ATTRIBUTES,
                        ATTRIBUTES, fits));
    MAL_TRY(mal_json_get_hex(d->qe.json, "mrsigner", signer, sizeof signer));
    MAL_TRY(mal_json_get_u64(d->qe.json, "isvprodid", &product));
    *fits &= mal_compare_vartime(signer, d->quote.qe_report.ptr + AT_SIGNER,
                                 SIGNER) == 0 &&
             product == u16_at(d, AT_PROD_ID);
    return MAL_OK;
}

mal_tee_code dcap_qe_level(dcap *d) {
    const char *status = NULL;
    bool fits = false;
    TEE_TRY(tee_of_err(d->c, identity_fits(d, &fits), MAL_TEE_MALFORMED,
                       "QE identity"));
    TEE_REQUIRE(d->c, fits, MAL_TEE_QE_IDENTITY,
                "the quoting enclave is not the one of QE identity");
    TEE_TRY(dcap_isv_level(d, d->qe.json, u16_at(d, AT_SVN), &status));
    TEE_REQUIRE(d->c, status, MAL_TEE_TCB_NO_LEVEL,
                "no TCB level of the quoting enclave holds");
    d->c->claims->tcb.qe = status;
    return dcap_status_note(d, status, "quoting enclave");
}
