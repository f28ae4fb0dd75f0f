/* dcap_collateral.c - what Intel says beside the quote, and that it is Intel.
 *
 * TCB info and QE identity are JSON, signed byte by byte: the slice is cut out,
 * the signature checked over the slice, and the slice parsed.  They come as
 * Intel's service answers them, {"tcbInfo": {..}, "signature": hex}, or
 * gathered as {"tcb_info": text, "tcb_info_signature": hex,
 * "tcb_info_issuer_chain": PEM, "pck_crl": hex, ..}.
 */
#include "dcap_impl.h"

#include <string.h>

#define TCB_SIGNER "Intel SGX TCB Signing"
#define JSON_MAX ((size_t)256 << 10)

/* --- Slices ------------------------------------------------------------------
 */

static bool is_space(uint8_t c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static size_t skip_space(mal_bytes text, size_t at) {
    while (at < text.len && is_space(text.ptr[at]))
        at++;
    return at;
}

/* Behind the string that begins at `at`. */
static size_t skip_string(mal_bytes text, size_t at) {
    for (at++; at < text.len && text.ptr[at] != '"'; at++)
        if (text.ptr[at] == '\\')
            at++;
    return at + 1;
}

/* Behind the value that begins at `at`: a string, or up to the comma or bracket
 * at its own depth. */
static size_t skip_value(mal_bytes text, size_t at) {
    unsigned depth = 0;
    while (at < text.len) {
        uint8_t c = text.ptr[at];
        if (c == '"') {
            at = skip_string(text, at);
            continue;
        }
        if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            if (depth == 0)
                return at;
            depth--;
        } else if (c == ',' && depth == 0) {
            return at;
        }
        at++;
    }
    return at;
}

/* The bytes of a member of the outermost object.  text is JSON: it was parsed,
 * so that no key is there twice. */
static bool cut_member(mal_bytes *slice, mal_bytes text, const char *key) {
    size_t at = skip_space(text, 0) + 1; /* { */
    while (at < text.len) {
        size_t begin = skip_space(text, at);
        size_t end = begin < text.len ? skip_string(text, begin) : text.len;
        if (end >= text.len)
            return false;
        mal_bytes name = mal_bytes_of(text.ptr + begin + 1, end - begin - 2);
        begin = skip_space(text, skip_space(text, end) + 1); /* : */
        end = skip_value(text, begin);
        if (end > text.len || begin > end)
            return false;
        if (mal_bytes_same_vartime(name, mal_bytes_str(key))) {
            while (end > begin && is_space(text.ptr[end - 1]))
                end--;
            *slice = mal_bytes_of(text.ptr + begin, end - begin);
            return true;
        }
        at = end + 1;
    }
    return false;
}

/* --- Gathering ----------------------------------------------------------- */

static mal_err take(dcap_json *j, mal_bytes slice, const mal_json *outer,
                    const char *sig_key) {
    MAL_REQUIRE(!j->text.len, MAL_E_INPUT, "the same collateral twice");
    MAL_REQUIRE(slice.len, MAL_E_INPUT, "empty collateral");
    MAL_TRY(mal_json_get_hex(outer, sig_key, j->sig, DCAP_SIG));
    return mal_buf_put(&j->text, slice);
}

/* As Intel's service answers. */
static mal_err take_answer(dcap *d, const mal_json *outer, mal_bytes text) {
    bool is_tcb = mal_json_find(outer, "tcbInfo");
    mal_bytes slice;
    MAL_REQUIRE(
        cut_member(&slice, text, is_tcb ? "tcbInfo" : "enclaveIdentity"),
        MAL_E_INPUT, "collateral without its signed part");
    return take(is_tcb ? &d->tcb : &d->qe, slice, outer, "signature");
}

static mal_err take_text(dcap_json *j, const mal_json *outer, const char *key,
                         const char *sig_key) {
    const char *text;
    if (!mal_json_find(outer, key))
        return MAL_OK;
    MAL_TRY(mal_json_get_str(outer, key, &text));
    return take(j, mal_bytes_str(text), outer, sig_key);
}

static mal_err pool_text(dcap *d, const mal_json *outer, const char *key) {
    const char *text;
    if (!mal_json_find(outer, key))
        return MAL_OK;
    MAL_TRY(mal_json_get_str(outer, key, &text));
    return tee_pool_add(&d->pool, mal_bytes_str(text));
}

/* A list of revoked certificates: DER in hexadecimal, or PEM. */
static mal_err pool_crl(dcap *d, const mal_json *outer, const char *key) {
    MAL_AUTO(mal_buf_clear) mal_buf der = { 0 };
    const char *text;
    if (!mal_json_find(outer, key))
        return MAL_OK;
    MAL_TRY(mal_json_get_str(outer, key, &text));
    if (text[0] == '-')
        return tee_pool_add(&d->pool, mal_bytes_str(text));
    MAL_TRY(mal_buf_reserve(&der, strlen(text) / 2 + 1));
    MAL_TRY(mal_hex_decode(der.ptr, strlen(text) / 2, text));
    der.len = strlen(text) / 2;
    return tee_pool_add(&d->pool, mal_buf_view(&der));
}

static mal_err take_gathered(dcap *d, const mal_json *outer) {
    MAL_TRY(take_text(&d->tcb, outer, "tcb_info", "tcb_info_signature"));
    MAL_TRY(take_text(&d->qe, outer, "qe_identity", "qe_identity_signature"));
    MAL_TRY(pool_text(d, outer, "pck_certificate_chain"));
    MAL_TRY(pool_text(d, outer, "pck_crl_issuer_chain"));
    MAL_TRY(pool_text(d, outer, "tcb_info_issuer_chain"));
    MAL_TRY(pool_text(d, outer, "qe_identity_issuer_chain"));
    MAL_TRY(pool_crl(d, outer, "root_ca_crl"));
    return pool_crl(d, outer, "pck_crl");
}

static mal_err take_json(dcap *d, mal_bytes text) {
    MAL_AUTO(mal_json_auto) mal_json *outer = NULL;
    MAL_TRY(mal_json_parse(&outer, text, JSON_MAX));
    if (mal_json_find(outer, "tcbInfo") ||
        mal_json_find(outer, "enclaveIdentity"))
        return take_answer(d, outer, text);
    MAL_REQUIRE(mal_json_find(outer, "tcb_info") ||
                    mal_json_find(outer, "qe_identity"),
                MAL_E_INPUT, "no collateral of Intel's");
    return take_gathered(d, outer);
}

static mal_err take_one(dcap *d, mal_bytes bytes) {
    size_t at = skip_space(bytes, 0);
    if (at < bytes.len && bytes.ptr[at] == '{')
        return take_json(d, bytes);
    if (!dcap_eventlog_recognise(bytes))
        return tee_pool_add(&d->pool, bytes);
    MAL_REQUIRE(!d->event_log.len, MAL_E_INPUT, "two event logs");
    d->event_log = bytes;
    return MAL_OK;
}

mal_tee_code dcap_collateral_gather(dcap *d) {
    const mal_tee_input *in = d->c->in;
    for (size_t i = 0; i < in->n_endorsements; i++)
        TEE_TRY(tee_of_err(d->c, take_one(d, in->endorsements[i]),
                           MAL_TEE_MALFORMED, "an endorsement"));
    return MAL_TEE_OK;
}

static void json_clear(dcap_json *j) {
    mal_buf_clear(&j->text);
    mal_json_auto(&j->json);
}

void dcap_clear(dcap *d) {
    tee_pool_clear(&d->pool);
    json_clear(&d->tcb);
    json_clear(&d->qe);
}

/* --- Who signed it ------------------------------------------------------- */

static mal_err signed_by(const mal_cert *cert, const dcap_json *j) {
    MAL_AUTO(mal_pubkey_auto) mal_pubkey *key = NULL;
    MAL_TRY(mal_cert_key(cert, &key));
    return mal_pubkey_verify(key, MAL_SIG_ES256, mal_buf_view(&j->text),
                             mal_bytes_of(j->sig, DCAP_SIG));
}

mal_tee_code dcap_path(dcap *d, const mal_cert *leaf, bool need_crls,
                       const char *what) {
    const mal_cert *certs[MAL_CERT_CERTS_MAX];
    mal_cert_path path = tee_pool_path(&d->pool, certs, leaf, d->c);
    path.need_crls = need_crls;
    mal_tee_code code = tee_of_path(d->c, &path, what);
    if (code != MAL_TEE_REVOKED && code != MAL_TEE_COLLATERAL_MISSING)
        return code;
    if (d->revoked == MAL_TEE_OK) /* told after misfits of collateral */
        d->revoked = code;
    return MAL_TEE_OK;
}

/* Who signed it: a certificate of that name whose key fits, and its path. */
static mal_tee_code check_signer(dcap *d, const dcap_json *j, const char *what,
                                 bool must, bool *checked) {
    bool any = false;
    *checked = false;
    for (size_t i = 0; i < d->pool.n; i++) {
        const mal_cert *cert = d->pool.certs[i];
        if (strcmp(mal_cert_subject_cn(cert), TCB_SIGNER) != 0)
            continue;
        any = true;
        mal_err err = signed_by(cert, j);
        if (err == MAL_E_MEMORY)
            return tee_of_err(d->c, err, MAL_TEE_BAD_SIGNATURE, what);
        if (err != MAL_OK)
            continue;
        *checked = true;
        if (cert == d->signer)
            return MAL_TEE_OK; /* its path is judged already */
        d->signer = cert;
        return dcap_path(d, cert, must, what);
    }
    TEE_REQUIRE(d->c, !any, MAL_TEE_BAD_SIGNATURE,
                "%s: its signature is not its signer's", what);
    TEE_REQUIRE(d->c, !must, MAL_TEE_COLLATERAL_MISSING,
                "%s: the signer's certificate is missing", what);
    return MAL_TEE_OK;
}

static mal_err parse_slice(dcap_json *j) {
    MAL_TRY(mal_json_parse(&j->json, mal_buf_view(&j->text), JSON_MAX));
    MAL_REQUIRE(mal_json_kind_of(j->json) == MAL_JSON_OBJECT, MAL_E_INPUT,
                "not an object");
    return MAL_OK;
}

mal_tee_code dcap_json_verify(dcap *d, dcap_json *j, const char *what,
                              bool must, bool *checked) {
    TEE_TRY(check_signer(d, j, what, must, checked));
    return tee_of_err(d->c, parse_slice(j), MAL_TEE_MALFORMED, what);
}

static mal_err get_time(const mal_json *json, const char *key, uint64_t *time) {
    const char *text;
    MAL_TRY(mal_json_get_str(json, key, &text));
    return mal_time_parse(time, text);
}

mal_tee_code dcap_json_window(dcap *d, const dcap_json *j, const char *what) {
    mal_tee_tcb *tcb = &d->c->claims->tcb;
    uint64_t from = 0, to = 0, number = 0;
    mal_err err = get_time(j->json, "issueDate", &from);
    if (err == MAL_OK)
        err = get_time(j->json, "nextUpdate", &to);
    if (err == MAL_OK)
        err = mal_json_get_u64(j->json, "tcbEvaluationDataNumber", &number);
    TEE_TRY(tee_of_err(d->c, err, MAL_TEE_MALFORMED, what));
    tee_window(d->c, from, to, what);
    tcb->issued = !tcb->issued || from < tcb->issued ? from : tcb->issued;
    tcb->evaluation =
        !tcb->evaluation || number < tcb->evaluation ? number : tcb->evaluation;
    return MAL_TEE_OK;
}
