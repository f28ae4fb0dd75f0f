/* tee.c - one judgement: which family reads it, and what its code means. */
#include "tee_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* --- Names -----------------------------------------------------------------
 */

static const char *const kinds[] = {
#define X(name, text) [name] = text,
    MAL_TEE_KIND_MAP(X)
#undef X
};
static const char *const codes[] = {
#define X(name, text) [name] = text,
    MAL_TEE_CODE_MAP(X)
#undef X
};
static const char *const scopes[] = {
    [MAL_TEE_FULL] = "full",
    [MAL_TEE_SIGNATURES] = "dcap-signature-only",
    [MAL_TEE_TCB_LEVEL] = "tcb-level-only",
    [MAL_TEE_EVENT_LOG] = "tdx-eventlog",
};
#define SCOPES (sizeof scopes / sizeof scopes[0])

const char *mal_tee_kind_name(mal_tee_kind kind) {
    return kinds[kind];
}

const char *mal_tee_code_name(mal_tee_code code) {
    return codes[code];
}

const char *mal_tee_scope_name(mal_tee_scope scope) {
    return scopes[scope];
}

const char *mal_tee_answer_name(mal_tee_answer answer) {
    return answer == MAL_TEE_ACCEPT ? "accept"
           : answer == MAL_TEE_WARN ? "warn"
                                    : "reject";
}

mal_err mal_tee_kind_parse(mal_tee_kind *kind, mal_tee_scope *scope,
                           const char *name) {
    *kind = MAL_TEE_ANY;
    *scope = MAL_TEE_FULL;
    for (size_t i = 0; i < MAL_TEE_KINDS; i++)
        if (strcmp(kinds[i], name) == 0) {
            *kind = (mal_tee_kind)i;
            return MAL_OK;
        }
    for (size_t i = 1; i < SCOPES; i++)
        if (strcmp(scopes[i], name) == 0) {
            *scope = (mal_tee_scope)i;
            return MAL_OK;
        }
    MAL_FAIL(MAL_E_INPUT, "\"%.32s\" is no kind of evidence", name);
}

static mal_tee_anchor_kind anchor_kind(const char *name) {
    return strcmp(name, "given-key") == 0     ? MAL_TEE_ANCHOR_KEY
           : strcmp(name, "enrolled-ak") == 0 ? MAL_TEE_ANCHOR_AK
                                              : MAL_TEE_ANCHOR_ROOT;
}

mal_err mal_tee_anchor_parse(mal_tee_anchor *anchor, const char *text) {
    size_t n = strcspn(text, ":");
    *anchor = (mal_tee_anchor){ 0 };
    MAL_REQUIRE(n > 0 && n < MAL_TEE_NAME_MAX, MAL_E_INPUT,
                "an anchor is given-key, enrolled-ak or NAME:SHA256");
    memcpy(anchor->name, text, n);
    anchor->kind = anchor_kind(anchor->name);
    anchor->has_hash = text[n] == ':';
    MAL_REQUIRE(anchor->has_hash || anchor->kind != MAL_TEE_ANCHOR_ROOT,
                MAL_E_INPUT,
                "an anchor is given-key, enrolled-ak or NAME:SHA256");
    if (anchor->kind != MAL_TEE_ANCHOR_ROOT)
        memset(anchor->name, 0, sizeof anchor->name);
    return anchor->has_hash
               ? mal_hex_decode(anchor->hash.b, MAL_PRIM_HASH, text + n + 1)
               : MAL_OK;
}

/* --- Failing -----------------------------------------------------------------
 */

mal_tee_code tee_fail(tee_ctx *c, mal_tee_code code, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vsnprintf(c->detail, MAL_TEE_DETAIL_MAX, fmt, args);
    va_end(args);
    return code;
}

mal_tee_code tee_of_err(tee_ctx *c, mal_err err, mal_tee_code code,
                        const char *what) {
    if (err == MAL_OK)
        return MAL_TEE_OK;
    if (err == MAL_E_MEMORY && c->err == MAL_OK)
        c->err = err;
    tee_fail(c, code, "%s: %s", what, mal_err_message());
    for (char *at = c->detail; *at; at++) /* it may quote the input */
        if (*at < ' ' || *at > '~')
            *at = '?';
    return err == MAL_E_LIMIT ? MAL_TEE_LIMIT : code;
}

mal_tee_code tee_of_parse(tee_ctx *c, mal_err err, const char *what) {
    return tee_of_err(c, err,
                      err == MAL_E_UNSUPPORTED ? MAL_TEE_UNSUPPORTED
                                               : MAL_TEE_MALFORMED,
                      what);
}

static mal_tee_code of_cert(mal_cert_code code) {
    switch (code) {
    case MAL_CERT_OK:
        return MAL_TEE_OK;
    case MAL_CERT_BAD_CHAIN:
        return MAL_TEE_BAD_CHAIN;
    case MAL_CERT_EXPIRED:
        return MAL_TEE_EXPIRED;
    case MAL_CERT_NOT_YET_VALID:
        return MAL_TEE_NOT_YET_VALID;
    case MAL_CERT_REVOKED:
        return MAL_TEE_REVOKED;
    case MAL_CERT_NO_CRL:
        return MAL_TEE_COLLATERAL_MISSING;
    }
    return MAL_TEE_BAD_CHAIN;
}

static void note_late(tee_ctx *c, mal_tee_code code, const char *what) {
    if (c->late != MAL_TEE_OK)
        return;
    c->late = code;
    snprintf(c->late_detail, sizeof c->late_detail, "%s: %s", what,
             code == MAL_TEE_EXPIRED ? "its time is over"
                                     : "its time has not begun");
}

static void narrow(tee_ctx *c, uint64_t from, uint64_t to) {
    mal_tee_claims *k = c->claims;
    k->not_before = from > k->not_before ? from : k->not_before;
    k->not_after = !k->not_after || to < k->not_after ? to : k->not_after;
}

mal_tee_code tee_of_path(tee_ctx *c, const mal_cert_path *path,
                         const char *what) {
    mal_cert_window window;
    mal_tee_code code = of_cert(mal_cert_verify_path(path, &window));
    if (code == MAL_TEE_EXPIRED || code == MAL_TEE_NOT_YET_VALID) {
        note_late(c, code, what);
        return MAL_TEE_OK;
    }
    TEE_REQUIRE(c, code == MAL_TEE_OK, code, "%s: %s", what,
                code == MAL_TEE_REVOKED ? "a certificate was revoked"
                : code == MAL_TEE_COLLATERAL_MISSING
                    ? "a list of revoked certificates is missing"
                    : "the certificates do not lead to the anchor");
    narrow(c, window.from, window.until);
    return MAL_TEE_OK;
}

void tee_window(tee_ctx *c, uint64_t from, uint64_t to, const char *what) {
    if (c->in->time > to)
        note_late(c, MAL_TEE_EXPIRED, what);
    else if (c->in->time < from)
        note_late(c, MAL_TEE_NOT_YET_VALID, what);
    narrow(c, from, to);
}

mal_tee_code tee_late(tee_ctx *c) {
    TEE_REQUIRE(c, c->late == MAL_TEE_OK, c->late, "%s", c->late_detail);
    return MAL_TEE_OK;
}

mal_tee_code tee_check_nonce(tee_ctx *c, mal_bytes said) {
    mal_bytes asked = c->in->nonce;
    if (!c->in->has_nonce)
        return MAL_TEE_OK;
    TEE_REQUIRE(
        c,
        asked.len <= said.len &&
            mal_bytes_same_vartime(asked, mal_bytes_of(said.ptr, asked.len)) &&
            tee_is_zero(
                mal_bytes_of(said.ptr + asked.len, said.len - asked.len)),
        MAL_TEE_NONCE, "the report does not say the nonce");
    return MAL_TEE_OK;
}

/* --- Judging -----------------------------------------------------------------
 */

/* Whose bytes these are.  What nobody recognises needs its kind named. */
static mal_tee_kind recognise(mal_bytes evidence) {
    static mal_tee_kind (*const readers[])(mal_bytes) = {
        tee_snp_recognise, /* first: of its version, a quote's begins alike */
        tee_dcap_recognise, tee_tpm_recognise, tee_ratls_recognise,
        tee_token_recognise
    };
    mal_tee_kind kind = MAL_TEE_ANY;
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
        if (kind == MAL_TEE_ANY)
            kind = readers[i](evidence);
    return kind;
}

/* NULL: not built yet. */
static tee_family *const families[] = {
    [MAL_TEE_ANY] = NULL,
    [MAL_TEE_SGX_V3] = tee_dcap_verify,
    [MAL_TEE_TDX_V4] = tee_dcap_verify,
    [MAL_TEE_TDX_V5] = tee_dcap_verify,
    [MAL_TEE_SNP] = tee_snp_verify,
    [MAL_TEE_NITRO] = tee_nitro_verify,
    [MAL_TEE_CCA] = tee_cca_verify,
    [MAL_TEE_PSA] = tee_psa_verify,
    [MAL_TEE_TPM2] = tee_tpm2_verify,
    [MAL_TEE_AZ_SNP_VTPM] = tee_azure_verify,
    [MAL_TEE_AZ_TDX_VTPM] = tee_azure_verify,
    [MAL_TEE_RATLS] = tee_ratls_verify,
    [MAL_TEE_TDX_REPORT] = tee_tdreport_refuse,
};

static bool is_dcap(mal_tee_kind kind) {
    return kind == MAL_TEE_SGX_V3 || kind == MAL_TEE_TDX_V4 ||
           kind == MAL_TEE_TDX_V5;
}

static mal_tee_code judge(tee_ctx *c) {
    const mal_tee_input *in = c->in;
    TEE_REQUIRE(c, in->evidence.len <= MAL_TEE_EVIDENCE_MAX, MAL_TEE_LIMIT,
                "evidence has at most %zu bytes", MAL_TEE_EVIDENCE_MAX);
    TEE_REQUIRE(c, in->n_endorsements <= MAL_TEE_ENDORSEMENTS_MAX,
                MAL_TEE_LIMIT, "at most %d endorsements",
                MAL_TEE_ENDORSEMENTS_MAX);
    for (size_t i = 0; i < in->n_endorsements; i++)
        TEE_REQUIRE(c, in->endorsements[i].len <= MAL_TEE_ENDORSEMENT_MAX,
                    MAL_TEE_LIMIT, "an endorsement has at most %zu bytes",
                    MAL_TEE_ENDORSEMENT_MAX);
    c->kind = in->kind == MAL_TEE_ANY ? recognise(in->evidence) : in->kind;
    c->claims->kind = c->kind;
    TEE_REQUIRE(c, c->kind != MAL_TEE_ANY, MAL_TEE_UNSUPPORTED,
                "no kind of evidence begins so: name the kind");
    TEE_REQUIRE(c, families[c->kind], MAL_TEE_UNSUPPORTED,
                "this kind is not read yet");
    TEE_REQUIRE(c, in->scope == MAL_TEE_FULL || is_dcap(c->kind),
                MAL_TEE_UNSUPPORTED, "this scope is one of quotes of Intel");
    return families[c->kind](c);
}

static mal_tee_answer answer_of(mal_tee_code code) {
    return code == MAL_TEE_OK    ? MAL_TEE_ACCEPT
           : code == MAL_TEE_TCB ? MAL_TEE_WARN
                                 : MAL_TEE_REJECT;
}

mal_err mal_tee_verify(mal_tee_verdict *verdict, mal_arena *arena,
                       const mal_tee_input *input) {
    *verdict = (mal_tee_verdict){ .scope = input->scope };
    tee_ctx c = { .in = input,
                  .arena = arena,
                  .claims = &verdict->claims,
                  .detail = verdict->detail };
    c.facts = mal_arena_calloc(arena, MAL_TEE_FACTS_MAX, sizeof *c.facts);
    MAL_REQUIRE(c.facts, MAL_E_LIMIT, "the arena has no room for claims");
    c.claims->facts = c.facts;
    c.claims->hardware = true;
    mal_tee_code code = judge(&c);
    if (c.err != MAL_OK) {
        *verdict = (mal_tee_verdict){ 0 };
        MAL_FAIL(c.err, "no room to judge evidence");
    }
    /* A family that accepts says that signatures are good. */
    assert(c.authentic || answer_of(code) == MAL_TEE_REJECT);
    verdict->code = code;
    verdict->answer = answer_of(code);
    verdict->authentic = c.authentic;
    if (!c.authentic)
        verdict->claims = (mal_tee_claims){ .kind = c.kind };
    return MAL_OK;
}
