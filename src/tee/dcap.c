/* dcap.c - quotes of Intel's, SGX and TDX: the order of judgement.
 *
 * A processor's provisioning key (PCK), certified by Intel, signs the report of
 * the quoting enclave (QE); that report holds the hash of an attestation key;
 * that key signs the quote.  Beside it stand TCB info and QE identity, signed
 * by Intel, and lists of revoked certificates.
 *
 *   1 forgery      chain, QE report, binding, quote; then the collateral's own
 *   2 misfits      collateral of another kind or another family of processors
 *   3 completeness nothing of the collateral is missing
 *   4 revocation   whose keys may be anybody's vouches for nothing
 *   5 debugging    no time mends it; then time
 *   6 what was asked: nonce, event log
 *   7 quality      QE identity, TDX module, TCB levels
 */
#include "dcap_impl.h"

#include <string.h>

#define TDREPORT_BYTES 1024
#define TDREPORT_TYPE 0x81 /* its first byte: TDX */
#define TEE_TDX 0x81u
#define KEY_P256 2
#define KEY_P384 3
#define CERT_TYPE_CHAIN 5
#define PCK_CN "Intel SGX PCK Certificate"
/* Open Enclave: a header before the quote; both in a certificate's extension.
 */
#define OE_EXTENSION "1.2.840.113556.10.1.1"
#define OE_VERSION 1
#define OE_REMOTE 2

/* --- Recognising --------------------------------------------------------- */

mal_tee_kind tee_dcap_recognise(mal_bytes evidence) {
    mal_rd rd = mal_rd_of(evidence);
    uint16_t version = 0, key_type = 0;
    uint32_t tee = 0;
    if (evidence.len == TDREPORT_BYTES && evidence.ptr[0] == TDREPORT_TYPE)
        return MAL_TEE_TDX_REPORT;
    if (mal_rd_u16(&rd, &version) != MAL_OK ||
        mal_rd_u16(&rd, &key_type) != MAL_OK || mal_rd_u32(&rd, &tee) != MAL_OK)
        return MAL_TEE_ANY;
    if (version == 3 && key_type >= KEY_P256 && key_type <= KEY_P384)
        return MAL_TEE_SGX_V3; /* version 3 has no word for the kind */
    if (version == 4 && tee == TEE_TDX)
        return MAL_TEE_TDX_V4;
    if (version == 5 && tee == TEE_TDX)
        return MAL_TEE_TDX_V5;
    return MAL_TEE_ANY;
}

mal_tee_code tee_tdreport_refuse(tee_ctx *c) {
    return tee_fail(c, MAL_TEE_NOT_REMOTE_EVIDENCE,
                    "a TDREPORT proves itself to its own machine only: send "
                    "a quote");
}

/* --- 1: forgery ---------------------------------------------------------- */

/* The chain in the quote is the first of the pool, so that its leaf is. */
static mal_tee_code add_chain(dcap *d) {
    if (d->quote.cert_type != CERT_TYPE_CHAIN)
        return MAL_TEE_OK;
    return tee_of_err(d->c, tee_pool_add(&d->pool, d->quote.cert_data),
                      MAL_TEE_BAD_CHAIN, "the chain in the quote");
}

/* From the quote; without a chain there, from the endorsements. */
static mal_tee_code find_leaf(dcap *d) {
    for (size_t i = 0; i < d->pool.n && !d->leaf; i++)
        if (dcap_is_pck(d->pool.certs[i]))
            d->leaf = d->pool.certs[i];
    TEE_REQUIRE(d->c, d->leaf || d->quote.cert_type == CERT_TYPE_CHAIN,
                MAL_TEE_COLLATERAL_MISSING,
                "the quote names its PCK certificate only: give it");
    TEE_REQUIRE(d->c,
                d->leaf && strcmp(mal_cert_subject_cn(d->leaf), PCK_CN) == 0,
                MAL_TEE_BAD_CHAIN, "the chain has no PCK certificate");
    return MAL_TEE_OK;
}

static mal_tee_code check_sig(dcap *d, mal_pubkey *key, mal_bytes message,
                              mal_bytes sig, const char *what) {
    return tee_of_err(d->c, mal_pubkey_verify(key, MAL_SIG_ES256, message, sig),
                      MAL_TEE_BAD_SIGNATURE, what);
}

/* REPORTDATA of the QE's report is SHA-256(key || auth), then zeros. */
static mal_tee_code check_binding(dcap *d) {
    const dcap_quote *q = &d->quote;
    mal_bytes said = mal_bytes_of(q->qe_report.ptr + 320, 64);
    mal_prim_hash hash;
    mal_prim_sha256 *state = mal_prim_sha256_new();
    if (!state)
        return tee_of_err(d->c, MAL_E_MEMORY, MAL_TEE_BINDING, "hashing");
    mal_prim_sha256_add(state, q->key);
    mal_prim_sha256_add(state, q->qe_auth);
    mal_prim_sha256_peek(state, &hash);
    mal_prim_sha256_free(state);
    TEE_REQUIRE(d->c,
                mal_compare_vartime(said.ptr, hash.b, MAL_PRIM_HASH) == 0 &&
                    tee_is_zero(mal_bytes_of(said.ptr + MAL_PRIM_HASH, 32)),
                MAL_TEE_BINDING,
                "the quoting enclave did not vouch for this attestation key");
    return MAL_TEE_OK;
}

static mal_tee_code check_signatures(dcap *d) {
    const dcap_quote *q = &d->quote;
    MAL_AUTO(mal_pubkey_auto) mal_pubkey *pck = NULL;
    MAL_AUTO(mal_pubkey_auto) mal_pubkey *key = NULL;
    TEE_TRY(tee_of_err(d->c, mal_cert_key(d->leaf, &pck), MAL_TEE_BAD_CHAIN,
                       "PCK certificate"));
    TEE_TRY(check_sig(d, pck, q->qe_report, q->qe_sig, "report of the QE"));
    TEE_TRY(check_binding(d));
    TEE_TRY(tee_of_err(d->c, mal_pubkey_ec(&key, 256, q->key),
                       MAL_TEE_BAD_SIGNATURE, "attestation key"));
    return check_sig(d, key, q->signed_part, q->sig, "quote");
}

static mal_tee_code check_quote(dcap *d, mal_bytes evidence) {
    const mal_tee_input *in = d->c->in;
    TEE_TRY(tee_of_err(d->c, dcap_quote_parse(&d->quote, evidence),
                       MAL_TEE_MALFORMED, "quote"));
    dcap_quote_claims(d);
    TEE_REQUIRE(d->c, in->anchor.kind == MAL_TEE_ANCHOR_ROOT, MAL_TEE_BAD_CHAIN,
                "a quote of Intel's leads to a root, not to a key");
    TEE_TRY(add_chain(d));
    TEE_TRY(dcap_collateral_gather(d));
    TEE_TRY(find_leaf(d));
    TEE_TRY(dcap_path(d, d->leaf, d->scope == MAL_TEE_FULL, "PCK chain"));
    TEE_TRY(dcap_pck_read(d));
    return check_signatures(d);
}

/* --- 1 to 3: collateral -------------------------------------------------- */

static mal_tee_code check_tcb_info(dcap *d, bool must) {
    bool checked;
    TEE_REQUIRE(d->c, d->tcb.text.len, MAL_TEE_COLLATERAL_MISSING,
                "TCB info is missing");
    TEE_TRY(dcap_json_verify(d, &d->tcb, "TCB info", must, &checked));
    tee_fact_flag(d->c, "tcb_info_signed", checked);
    TEE_TRY(dcap_tcb_kind(d));
    return dcap_json_window(d, &d->tcb, "TCB info");
}

static mal_tee_code check_qe_identity(dcap *d) {
    bool checked;
    TEE_REQUIRE(d->c, d->qe.text.len, MAL_TEE_COLLATERAL_MISSING,
                "QE identity is missing");
    TEE_TRY(dcap_json_verify(d, &d->qe, "QE identity", true, &checked));
    TEE_TRY(dcap_qe_kind(d));
    return dcap_json_window(d, &d->qe, "QE identity");
}

static mal_tee_code check_collateral(dcap *d) {
    if (d->scope == MAL_TEE_FULL || d->scope == MAL_TEE_TCB_LEVEL)
        TEE_TRY(check_tcb_info(d, d->scope == MAL_TEE_FULL));
    if (d->scope == MAL_TEE_FULL)
        TEE_TRY(check_qe_identity(d));
    d->c->claims->collateral = d->scope == MAL_TEE_FULL;
    return MAL_TEE_OK;
}

/* --- 4 to 7 -------------------------------------------------------------- */

static mal_tee_code check_wishes(dcap *d) {
    if (!d->inside) /* else the nonce is for what the quote lies in */
        TEE_TRY(tee_check_nonce(d->c, dcap_report_data(&d->quote)));
    if (d->scope == MAL_TEE_EVENT_LOG)
        TEE_REQUIRE(d->c, d->event_log.len, MAL_TEE_COLLATERAL_MISSING,
                    "the event log is missing");
    if (d->event_log.len)
        TEE_TRY(dcap_eventlog_check(d));
    return MAL_TEE_OK;
}

/* QE and module are told even where no level of the platform holds. */
static mal_tee_code check_levels(dcap *d) {
    if (d->scope == MAL_TEE_FULL)
        TEE_TRY(dcap_qe_level(d));
    if (d->scope == MAL_TEE_FULL || d->scope == MAL_TEE_TCB_LEVEL)
        TEE_TRY(dcap_tcb_level(d));
    return d->stale ? MAL_TEE_TCB : MAL_TEE_OK;
}

static mal_tee_code judge(dcap *d, mal_bytes evidence) {
    TEE_TRY(check_quote(d, evidence));
    TEE_TRY(check_collateral(d));
    TEE_REQUIRE(d->c, d->revoked == MAL_TEE_OK, d->revoked,
                d->revoked == MAL_TEE_REVOKED
                    ? "a certificate was revoked"
                    : "a list of revoked certificates is missing");
    d->c->authentic = true; /* nobody else has these keys, or had them */
    TEE_REQUIRE(d->c,
                d->scope == MAL_TEE_TCB_LEVEL || !dcap_quote_debug(&d->quote),
                MAL_TEE_DEBUG, "it runs under debug: others read its memory");
    TEE_TRY(tee_late(d->c));
    TEE_TRY(check_wishes(d));
    return check_levels(d);
}

static mal_tee_code judge_in(tee_ctx *c, mal_bytes quote, mal_tee_scope scope,
                             bool inside) {
    MAL_AUTO(dcap_clear)
    dcap d = { .c = c, .scope = scope, .inside = inside };
    return judge(&d, quote);
}

/* --- What a quote comes in ----------------------------------------------- */

/* Open Enclave's header: version, type, length of what follows. */
static mal_bytes strip_header(mal_bytes bytes) {
    mal_rd rd = mal_rd_of(bytes);
    uint32_t version, type;
    uint64_t len;
    if (mal_rd_u32(&rd, &version) != MAL_OK ||
        mal_rd_u32(&rd, &type) != MAL_OK || mal_rd_u64(&rd, &len) != MAL_OK ||
        version != OE_VERSION || type != OE_REMOTE || len > rd.left)
        return bytes;
    return mal_bytes_of(rd.ptr, (size_t)len);
}

/* A certificate with a quote in it, judged as a quote: whether it vouches for
 * the certificate's key is what kind "ratls" asks, so this never accepts. */
static mal_tee_code judge_cert(tee_ctx *c, const mal_cert *cert) {
    mal_bytes inside;
    TEE_TRY(tee_of_err(c, mal_cert_extension(cert, OE_EXTENSION, &inside),
                       MAL_TEE_MALFORMED, "a certificate without a quote"));
    mal_tee_code code = judge_in(c, strip_header(inside), c->in->scope, false);
    TEE_REQUIRE(c, code != MAL_TEE_OK && code != MAL_TEE_TCB, MAL_TEE_BINDING,
                "a quote in a certificate must vouch for its key: judge it as "
                "ratls");
    return code;
}

static bool kind_fits(mal_tee_kind kind, mal_bytes quote) {
    return tee_dcap_recognise(quote) == kind;
}

mal_tee_code tee_dcap_verify(tee_ctx *c) {
    MAL_AUTO(mal_cert_auto) mal_cert *cert = NULL;
    mal_bytes evidence = c->in->evidence;
    if (evidence.len && evidence.ptr[0] == TEE_DER_SEQUENCE &&
        mal_cert_parse(&cert, evidence) == MAL_OK)
        return judge_cert(c, cert);
    evidence = strip_header(evidence);
    TEE_REQUIRE(c, kind_fits(c->kind, evidence), MAL_TEE_MALFORMED,
                "not a quote of this kind");
    return judge_in(c, evidence, c->in->scope, false);
}

mal_tee_code tee_dcap_inside(tee_ctx *c, mal_bytes quote) {
    bool given = c->in->n_endorsements > 0;
    return judge_in(c, quote, given ? MAL_TEE_FULL : MAL_TEE_SIGNATURES, true);
}
