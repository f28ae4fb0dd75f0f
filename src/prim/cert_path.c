/* cert_path.c - does a certificate lead to an anchor?  [RFC5280] section 6,
 * without policies and names: an anchor is one root, and one root one vendor.
 *
 * OpenSSL judges single links (names, key identifiers, signatures); the search,
 * the limits and the order of causes are ours, so that each cause has its code
 * and the same input the same answer.
 */
#include "cert_impl.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

typedef struct search {
    const mal_cert_path *in;
    const mal_cert *path[MAL_CERT_PATH_MAX]; /* from the leaf up */
    size_t len;
    unsigned tries;
} search;

/* --- One link ------------------------------------------------------------ */

static bool hash_fits(int nid) {
    return nid == NID_sha256 || nid == NID_sha384 || nid == NID_sha512;
}

/* RSASSA-PSS names its hash in its parameters. */
static bool pss_fits(const X509_ALGOR *alg) {
    int kind, nid = NID_undef;
    const void *value;
    X509_ALGOR_get0(NULL, &kind, &value, alg);
    if (kind != V_ASN1_SEQUENCE)
        return false;
    RSA_PSS_PARAMS *pss = ASN1_TYPE_unpack_sequence(
        ASN1_ITEM_rptr(RSA_PSS_PARAMS), alg->parameter);
    if (pss && pss->hashAlgorithm)
        nid = OBJ_obj2nid(pss->hashAlgorithm->algorithm);
    RSA_PSS_PARAMS_free(pss);
    return hash_fits(nid);
}

static bool algorithm_fits(const X509_ALGOR *alg, bool amd) {
    const ASN1_OBJECT *object;
    int hash, type;
    X509_ALGOR_get0(&object, NULL, NULL, alg);
    int nid = OBJ_obj2nid(object);
    if (nid == NID_rsassaPss)
        return amd && pss_fits(alg);
    if (nid == NID_ED25519)
        return true;
    return OBJ_find_sigid_algs(nid, &hash, &type) == 1 && hash_fits(hash);
}

/* Critical, and its meaning is heeded here or is only a name. */
static bool extension_fits(X509_EXTENSION *ext) {
    int nid = OBJ_obj2nid(X509_EXTENSION_get_object(ext));
    if (nid == NID_name_constraints)
        return false;
    return X509_EXTENSION_get_critical(ext) != 1 ||
           nid == NID_basic_constraints || nid == NID_key_usage ||
           nid == NID_ext_key_usage || nid == NID_subject_alt_name;
}

/* RFC 5280, section 4.1.2.2: serial numbers are positive. */
static bool serial_fits(const X509 *x509, bool amd) {
    const ASN1_INTEGER *serial = X509_get0_serialNumber(x509);
    int64_t value;
    if (ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER)
        return false;
    return amd || ASN1_INTEGER_get_int64(&value, serial) != 1 || value != 0;
}

static bool cert_fits(const mal_cert *cert, bool amd) {
    X509 *x509 = cert->x509;
    int type;
    unsigned bits;
    if (X509_get_version(x509) != X509_VERSION_3 ||
        (X509_get_extension_flags(x509) & EXFLAG_INVALID) ||
        !serial_fits(x509, amd) ||
        !algorithm_fits(X509_get0_tbs_sigalg(x509), amd) ||
        !prim_pkey_fits(X509_get0_pubkey(x509), &type, &bits))
        return false;
    for (int i = 0; i < X509_get_ext_count(x509); i++)
        if (!extension_fits(X509_get_ext(x509, i)))
            return false;
    return true;
}

/* depth: certificates below it in the path, the leaf among them. */
static bool may_issue(const mal_cert *issuer, size_t depth) {
    X509 *x509 = issuer->x509;
    uint32_t flags = X509_get_extension_flags(x509);
    long below = X509_get_pathlen(x509);
    return (flags & EXFLAG_BCONS) && (flags & EXFLAG_CA) &&
           (X509_get_key_usage(x509) & KU_KEY_CERT_SIGN) &&
           (below < 0 || depth - 1 <= (size_t)below);
}

static bool issued(search *s, const mal_cert *issuer, const mal_cert *cert) {
    if (X509_check_issued(issuer->x509, cert->x509) != X509_V_OK ||
        s->tries >= MAL_CERT_TRIES_MAX)
        return false;
    s->tries++;
    return X509_verify(cert->x509, X509_get0_pubkey(issuer->x509)) == 1;
}

mal_err mal_cert_check_self(const mal_cert *cert) {
    EVP_PKEY *key = X509_get0_pubkey(cert->x509);
    int type;
    unsigned bits;
    bool own = algorithm_fits(X509_get0_tbs_sigalg(cert->x509), true) &&
               prim_pkey_fits(key, &type, &bits) &&
               X509_verify(cert->x509, key) == 1;
    ERR_clear_error();
    MAL_REQUIRE(own, MAL_E_AUTH, "not signed by its own key");
    return MAL_OK;
}

/* --- The search ------------------------------------------------------------
 */

static bool in_path(const search *s, const mal_cert *cert) {
    for (size_t i = 0; i < s->len; i++)
        if (s->path[i] == cert)
            return true;
    return false;
}

/* The last of the path is authentic if what comes above it is.  A root whose
 * hash is the anchor needs no signature of its own. */
static bool reach(search *s) {
    const mal_cert *last = s->path[s->len - 1];
    if (!cert_fits(last, s->in->amd))
        return false;
    if (mal_compare_vartime(last->fingerprint.b, s->in->anchor.b,
                            MAL_PRIM_HASH) == 0)
        return true;
    if (s->len == MAL_CERT_PATH_MAX)
        return false;
    for (size_t i = 1; i < s->in->n; i++) {
        const mal_cert *up = s->in->certs[i];
        if (in_path(s, up) || !may_issue(up, s->len) || !issued(s, up, last))
            continue;
        s->path[s->len++] = up;
        if (reach(s))
            return true;
        s->len--;
    }
    return false;
}

/* --- Lists ------------------------------------------------------------------
 */

static bool crl_is_of(const mal_crl *crl, const mal_cert *issuer) {
    return X509_NAME_cmp(X509_CRL_get_issuer(crl->x509),
                         X509_get_subject_name(issuer->x509)) == 0;
}

/* Complete, for all reasons, direct: other lists are critical about it. */
static bool crl_fits(const mal_crl *crl, const mal_cert *issuer, bool amd) {
    const X509_ALGOR *alg;
    X509_CRL_get0_signature(crl->x509, NULL, &alg);
    for (int i = 0; i < X509_CRL_get_ext_count(crl->x509); i++)
        if (X509_EXTENSION_get_critical(X509_CRL_get_ext(crl->x509, i)) == 1)
            return false;
    return algorithm_fits(alg, amd) &&
           (X509_get_key_usage(issuer->x509) & KU_CRL_SIGN) &&
           X509_CRL_verify(crl->x509, X509_get0_pubkey(issuer->x509)) == 1;
}

/* All lists of issuers in the path are authentic; each issuer has one. */
static mal_cert_code check_lists(const search *s) {
    const mal_cert_path *in = s->in;
    for (size_t i = 1; i < s->len; i++) {
        bool found = false;
        for (size_t j = 0; j < in->n_crls; j++) {
            if (!crl_is_of(in->crls[j], s->path[i]))
                continue;
            if (!crl_fits(in->crls[j], s->path[i], in->amd))
                return MAL_CERT_BAD_CHAIN;
            found = true;
        }
        if (!found && in->need_crls)
            return MAL_CERT_NO_CRL;
    }
    return MAL_CERT_OK;
}

static mal_cert_code check_window(uint64_t time, uint64_t from, uint64_t to) {
    return time > to     ? MAL_CERT_EXPIRED
           : time < from ? MAL_CERT_NOT_YET_VALID
                         : MAL_CERT_OK;
}

static void narrow(mal_cert_window *window, uint64_t from, uint64_t until) {
    window->from = from > window->from ? from : window->from;
    window->until = until < window->until ? until : window->until;
}

static mal_cert_code check_times(const search *s, mal_cert_window *all) {
    const mal_cert_path *in = s->in;
    for (size_t i = 0; i < s->len; i++) {
        const mal_cert *c = s->path[i];
        mal_cert_code code =
            check_window(in->time, c->not_before, c->not_after);
        if (code != MAL_CERT_OK)
            return code;
        narrow(all, c->not_before, c->not_after);
    }
    return MAL_CERT_OK;
}

/* Of one link: a list that holds now must exist if there is any, and none of
 * those that do may name the certificate. */
static mal_cert_code check_link(const search *s, size_t i,
                                mal_cert_window *all) {
    const mal_cert_path *in = s->in;
    mal_cert_code code = MAL_CERT_OK;
    const mal_crl *best =
        NULL; /* of those that hold, the one that does longest */
    for (size_t j = 0; j < in->n_crls; j++) {
        const mal_crl *crl = in->crls[j];
        X509_REVOKED *entry;
        if (!crl_is_of(crl, s->path[i + 1]))
            continue;
        mal_cert_code window = check_window(in->time, crl->from, crl->until);
        if (window != MAL_CERT_OK) {
            code = code == MAL_CERT_OK ? window : code;
            continue;
        }
        if (X509_CRL_get0_by_cert(crl->x509, &entry, s->path[i]->x509) != 0)
            return MAL_CERT_REVOKED;
        best = !best || crl->until > best->until ? crl : best;
    }
    if (best)
        narrow(all, best->from, best->until);
    return best ? MAL_CERT_OK : code;
}

mal_cert_code mal_cert_verify_path(const mal_cert_path *path,
                                   mal_cert_window *window) {
    search s = { .in = path, .len = 1 };
    mal_cert_window all = { 0, UINT64_MAX };
    if (path->n < 1 || path->n > MAL_CERT_CERTS_MAX ||
        path->n_crls > MAL_CERT_CRLS_MAX)
        return MAL_CERT_BAD_CHAIN;
    s.path[0] = path->certs[0];
    mal_cert_code code = reach(&s) ? check_lists(&s) : MAL_CERT_BAD_CHAIN;
    if (code == MAL_CERT_OK)
        code = check_times(&s, &all);
    for (size_t i = 0; code == MAL_CERT_OK && i + 1 < s.len; i++)
        code = check_link(&s, i, &all);
    ERR_clear_error();
    if (code == MAL_CERT_OK && window)
        *window = all;
    return code;
}

const char *mal_cert_code_name(mal_cert_code code) {
    static const char *const names[] = {
        [MAL_CERT_OK] = "ok",
        [MAL_CERT_BAD_CHAIN] = "bad-chain",
        [MAL_CERT_EXPIRED] = "expired",
        [MAL_CERT_NOT_YET_VALID] = "not-yet-valid",
        [MAL_CERT_REVOKED] = "revoked",
        [MAL_CERT_NO_CRL] = "no-crl",
    };
    return names[code];
}
