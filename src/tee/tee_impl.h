/* tee_impl.h - shared by the families: one judgement in the making. */
#ifndef MALUS_TEE_IMPL_H
#define MALUS_TEE_IMPL_H

#include <malus/prim_cert.h>
#include <malus/tee.h>

/* --- One judgement ----------------------------------------------------------
 *
 * A family fills c->claims as it reads, sets c->authentic once all signatures
 * and bindings are good, and returns a code; tee.c makes the answer of it.  A
 * window of time that does not hold is noted (tee_window) and not returned, so
 * that a forgery is found first; tee_late returns it when the family has come
 * to time. */
typedef struct tee_ctx {
    const mal_tee_input *in;
    mal_arena *arena;
    mal_tee_kind kind; /* of the input, or recognised; never ANY */
    mal_tee_claims *claims;
    bool authentic;
    char *detail;      /* [MAL_TEE_DETAIL_MAX] */
    mal_tee_code late; /* OK, EXPIRED or NOT_YET_VALID: the first seen */
    char late_detail[MAL_TEE_DETAIL_MAX];
    mal_err err; /* what is no verdict: memory, limit of the arena */
    mal_tee_fact *facts;
} tee_ctx;

/* Note why, and return the code. */
mal_tee_code tee_fail(tee_ctx *c, mal_tee_code code, const char *fmt, ...)
    MAL_PRINTF(3, 4);
/* MAL_OK is OK; memory stops the judgement; everything else is this code, with
 * `what` and the error's own words as its detail. */
mal_tee_code tee_of_err(tee_ctx *c, mal_err err, mal_tee_code code,
                        const char *what);
/* What a reader says of bytes: UNSUPPORTED, or else MALFORMED. */
mal_tee_code tee_of_parse(tee_ctx *c, mal_err err, const char *what);
/* What a path of certificates gives: as tee_of_err, but its times are noted. */
mal_tee_code tee_of_path(tee_ctx *c, const mal_cert_path *path,
                         const char *what);
/* Note a window [from, to], both inclusive; see above. */
void tee_window(tee_ctx *c, uint64_t from, uint64_t to, const char *what);
mal_tee_code tee_late(tee_ctx *c);

/* if (code != OK) return code */
#define TEE_TRY(call)                                                          \
    do {                                                                       \
        mal_tee_code tee_try_ = (call);                                        \
        if (tee_try_ != MAL_TEE_OK)                                            \
            return tee_try_;                                                   \
    } while (0)
/* TEE_REQUIRE(c, cond, CODE, "what is wrong") */
#define TEE_REQUIRE(c, cond, code, ...)                                        \
    do {                                                                       \
        if (!(cond))                                                           \
            return tee_fail((c), (code), __VA_ARGS__);                         \
    } while (0)

/* Facts, in order; the first failure to add one is kept in c->err. name and
 * text outlive the claims. */
void tee_fact_bytes(tee_ctx *c, const char *name, mal_bytes bytes);
void tee_fact_number(tee_ctx *c, const char *name, uint64_t number);
void tee_fact_text(tee_ctx *c, const char *name, const char *text);
void tee_fact_flag(tee_ctx *c, const char *name, bool flag);

/* A copy in the arena; { NULL, 0 } and c->err if there is no room. */
mal_bytes tee_keep(tee_ctx *c, mal_bytes bytes);
char *tee_keep_text(tee_ctx *c, const char *text);

/* The nonce, if one is asked for, is what the report says: the same bytes, and
 * zeros up to the report's length. */
mal_tee_code tee_check_nonce(tee_ctx *c, mal_bytes said);

/* --- Bytes ------------------------------------------------------------------
 */

/* Big-endian beside mal_rd_u16 and its kin. */
mal_err tee_rd_u16be(mal_rd *rd, uint16_t *v) MAL_MUST_CHECK;
mal_err tee_rd_u32be(mal_rd *rd, uint32_t *v) MAL_MUST_CHECK;
mal_err tee_rd_u64be(mal_rd *rd, uint64_t *v) MAL_MUST_CHECK;
/* at + len <= bytes.len, else { NULL, 0 } and false. */
bool tee_cut(mal_bytes *out, mal_bytes bytes, size_t at, size_t len);
bool tee_is_zero(mal_bytes bytes);

/* DER: the next element whatever it is; one of this tag; a number. */
#define TEE_DER_INTEGER 0x02
#define TEE_DER_OCTETS 0x04
#define TEE_DER_OID 0x06
#define TEE_DER_ENUMERATED 0x0a
#define TEE_DER_SEQUENCE 0x30
mal_err tee_der_next(mal_rd *rd, uint8_t *tag, mal_bytes *value) MAL_MUST_CHECK;
mal_err tee_der_expect(mal_rd *rd, uint8_t tag,
                       mal_bytes *value) MAL_MUST_CHECK;
mal_err tee_der_u64(mal_rd *rd, uint64_t *number) MAL_MUST_CHECK;

/* --- Endorsements -----------------------------------------------------------
 */

/* Certificates and lists, in the order in which they were given. */
typedef struct tee_pool {
    mal_cert *certs[MAL_CERT_CERTS_MAX];
    size_t n;
    mal_crl *crls[MAL_CERT_CRLS_MAX];
    size_t n_crls;
} tee_pool;
void tee_pool_clear(tee_pool *pool);
/* One certificate or list in DER, or all blocks of a PEM text.
 * MAL_E_INPUT: neither (the pool is unchanged); MAL_E_LIMIT, MAL_E_MEMORY. */
mal_err tee_pool_add(tee_pool *pool, mal_bytes bytes) MAL_MUST_CHECK;
/* A path with these certificates and lists, leaf first; `leaf` may be one of
 * them. certs [MAL_CERT_CERTS_MAX] is room for its list. */
mal_cert_path tee_pool_path(const tee_pool *pool, const mal_cert **certs,
                            const mal_cert *leaf, const tee_ctx *c);

/* --- Families ----------------------------------------------------------------
 */

typedef mal_tee_code tee_family(tee_ctx *c);
/* ANY: none of Intel's. */
mal_tee_kind tee_dcap_recognise(mal_bytes evidence);
/* NITRO, CCA or PSA by the outermost tags and keys. */
mal_tee_kind tee_token_recognise(mal_bytes evidence);
mal_tee_kind tee_snp_recognise(mal_bytes evidence);
mal_tee_kind tee_tpm_recognise(mal_bytes evidence); /* Azure's too */
mal_tee_kind tee_ratls_recognise(mal_bytes evidence);
tee_family tee_dcap_verify;     /* SGX_V3, TDX_V4, TDX_V5 */
tee_family tee_tdreport_refuse; /* TDX_REPORT */
tee_family tee_snp_verify;
tee_family tee_nitro_verify;
tee_family tee_cca_verify;
tee_family tee_psa_verify;
tee_family tee_tpm2_verify;
tee_family tee_azure_verify; /* AZ_SNP_VTPM, AZ_TDX_VTPM */
tee_family tee_ratls_verify;

/* Judge a quote of Intel's that lies inside other evidence, with the collateral
 * among the endorsements if there is any (then in full).  Claims are filled;
 * time is judged too; the nonce is the outer evidence's to say. */
mal_tee_code tee_dcap_inside(tee_ctx *c, mal_bytes quote);

#endif
