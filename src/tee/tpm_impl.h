/* tpm_impl.h - what a TPM 2.0 signs, and the report that Azure wraps around it.
 *
 * Everything that a TPM writes is big-endian.
 */
#ifndef MALUS_TEE_TPM_IMPL_H
#define MALUS_TEE_TPM_IMPL_H

#include "tee_impl.h"

#include <malus/json.h>

#define TPM_SIGNATURE_MAX 1024 /* RSA of 8192 bits */
#define TPM_BANKS_MAX 4
#define TPM_PCRS 24
#define TPM_HASH_MAX 64

#define TPM_ALG_SHA1 0x0004
#define TPM_ALG_SHA256 0x000b
#define TPM_ALG_SHA384 0x000c
#define TPM_ALG_SHA512 0x000d

/* --- Quotes (tpm_quote.c) ------------------------------------------------- */

typedef struct tpm_bank {
    uint16_t hash;
    uint32_t mask; /* bit i: PCR i is selected */
} tpm_bank;

/* TPMS_ATTEST of type TPM_ST_ATTEST_QUOTE; views into its bytes. */
typedef struct tpm_quote {
    mal_bytes signer;     /* qualified name of the key */
    mal_bytes extra_data; /* the verifier's nonce */
    uint64_t clock, firmware;
    uint32_t resets, restarts;
    bool safe;
    tpm_bank banks[TPM_BANKS_MAX];
    size_t n_banks;
    mal_bytes pcr_digest;
} tpm_quote;
mal_err tpm_quote_parse(tpm_quote *quote, mal_bytes attest) MAL_MUST_CHECK;

/* The PCRs that somebody claims: of one bank, since no evidence of ours brings
 * two. */
typedef struct tpm_pcrs {
    uint16_t hash;
    mal_bytes value[TPM_PCRS]; /* empty: not told */
    size_t n;
} tpm_pcrs;
/* Is the quoted digest that of these values?  MAL_E_AUTH: no.  MAL_E_MISSING: a
 * selected PCR is not told.  MAL_E_UNSUPPORTED: another bank. */
mal_err tpm_pcrs_check(const tpm_quote *quote,
                       const tpm_pcrs *pcrs) MAL_MUST_CHECK;

/* --- Signatures (tpm_sig.c) ------------------------------------------------
 */

/* attest under the key, with a TPMT_SIGNATURE or what is inside one: the bytes
 * of RSASSA, or ECDSA in DER.  MAL_E_AUTH; MAL_E_UNSUPPORTED: a scheme or hash
 * that we do not take (SHA-1). */
mal_err tpm_sig_check(const mal_pubkey *key, mal_bytes attest,
                      mal_bytes sig) MAL_MUST_CHECK;

/* --- Quotes as JSON (tpm_json.c) -------------------------------------------
 */

#define TPM_JSON_MAX ((size_t)1 << 20)
#define TPM_ATTEST_MAX ((size_t)2048)

/* How an attester's JSON writes bytes: some as an array of numbers. */
typedef enum tpm_text {
    TPM_TEXT_HEX,
    TPM_TEXT_BASE64,
    TPM_TEXT_BASE64URL, /* with padding or without */
} tpm_text;
/* Appends the bytes of a string in that coding, or of an array of numbers. */
mal_err tpm_json_bytes(mal_buf *out, const mal_json *value, tpm_text text,
                       size_t len_max) MAL_MUST_CHECK;

/* { message, signature, pcrs }: what was signed, by what, over which values. */
typedef struct tpm_told {
    mal_buf message, signature;
    mal_buf values; /* the PCRs, one after the other; pcrs points into it */
    tpm_pcrs pcrs;
} tpm_told;
mal_err tpm_told_read(tpm_told *told, const mal_json *object,
                      tpm_text text) MAL_MUST_CHECK;
/* "pcrs": an array of values of one bank, from PCR 0 on; hex, or arrays. */
mal_err tpm_told_read_pcrs(tpm_told *told,
                           const mal_json *array) MAL_MUST_CHECK;
void tpm_told_clear(tpm_told *told);

/* --- Azure's host compatibility layer (hcl.c) ------------------------------
 */

#define HCL_REPORT_MAX ((size_t)64 << 10)

typedef enum hcl_type { HCL_SNP = 2, HCL_TDX = 4 } hcl_type;

typedef struct hcl_report {
    uint32_t version;
    hcl_type type;
    mal_bytes hardware; /* 1184 bytes: an SNP report, or a TDREPORT padded */
    mal_bytes runtime;  /* JSON; its hash is in REPORT_DATA */
} hcl_report;
mal_err hcl_report_parse(hcl_report *report, mal_bytes bytes) MAL_MUST_CHECK;
/* REPORT_DATA is SHA-256(runtime) || 0.  MAL_E_AUTH: it is not. */
mal_err hcl_binding_check(const hcl_report *report,
                          mal_bytes report_data) MAL_MUST_CHECK;
/* The key HCLAkPub of the runtime data.  Its hash must have been checked. */
mal_err hcl_ak(mal_pubkey **ak, const hcl_report *report) MAL_MUST_CHECK;

#endif
