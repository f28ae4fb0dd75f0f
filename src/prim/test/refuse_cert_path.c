/* refuse_cert_path.c - a vendor of our own: each way in which a path is wrong
 * has its own cause. */
#include "prim_test.h"

#include <malus/prim_cert.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#define NOW 1700000000u
#define DAY 86400

/* What a certificate or list says; zeros are an ordinary one. */
typedef struct wish {
    const char *basic, *usage, *extra; /* extensions; "-" for none */
    int extra_nid;
    int from_days, days; /* of life, from NOW on; 0: -10 and 20 */
    int serial;          /* 0: 7; -1: the number 0 */
    const EVP_MD *hash;
} wish;

static EVP_PKEY *p256(void) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    CHECK(key);
    return key;
}

static void extend(X509 *cert, int nid, const char *text) {
    if (!text || strcmp(text, "-") == 0)
        return;
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, text);
    CHECK(ext && X509_add_ext(cert, ext, -1) == 1);
    X509_EXTENSION_free(ext);
}

static void name(X509_NAME *out, const char *cn) {
    CHECK(X509_NAME_add_entry_by_NID(out, NID_commonName, MBSTRING_UTF8,
                                     (const uint8_t *)cn, -1, -1, 0) == 1);
}

static void lives(ASN1_TIME *from, ASN1_TIME *to, const wish *w) {
    long begin = w->days ? w->from_days : -10, days = w->days ? w->days : 20;
    CHECK(ASN1_TIME_set(from, (time_t)NOW + begin * DAY));
    CHECK(ASN1_TIME_set(to, (time_t)NOW + (begin + days) * DAY));
}

static mal_cert *issue(const char *cn, EVP_PKEY *key, const char *by,
                       EVP_PKEY *by_key, wish w) {
    X509 *x = X509_new();
    uint8_t *der = NULL;
    mal_cert *cert;
    CHECK(X509_set_version(x, X509_VERSION_3) == 1);
    CHECK(ASN1_INTEGER_set(X509_get_serialNumber(x), w.serial < 0   ? 0
                                                     : w.serial > 0 ? w.serial
                                                                    : 7));
    name(X509_get_subject_name(x), cn);
    name(X509_get_issuer_name(x), by);
    lives(X509_getm_notBefore(x), X509_getm_notAfter(x), &w);
    CHECK(X509_set_pubkey(x, key) == 1);
    extend(x, NID_basic_constraints, w.basic ? w.basic : "critical,CA:TRUE");
    extend(x, NID_key_usage,
           w.usage ? w.usage : "critical,keyCertSign,cRLSign");
    extend(x, w.extra_nid, w.extra);
    CHECK(X509_sign(x, by_key, w.hash ? w.hash : EVP_sha256()) > 0);
    int len = i2d_X509(x, &der);
    CHECK_OK(mal_cert_parse(&cert, mal_bytes_of(der, (size_t)len)));
    OPENSSL_free(der);
    X509_free(x);
    return cert;
}

/* A list by this issuer that names the serial numbers [n]. */
static mal_crl *list(const char *by, EVP_PKEY *by_key, wish w, int revoked) {
    X509_CRL *x = X509_CRL_new();
    ASN1_TIME *from = ASN1_TIME_new(), *to = ASN1_TIME_new();
    uint8_t *der = NULL;
    mal_crl *crl;
    lives(from, to, &w);
    X509_NAME *issuer = X509_NAME_new();
    name(issuer, by);
    CHECK(X509_CRL_set_version(x, 1) == 1);
    CHECK(X509_CRL_set_issuer_name(x, issuer) == 1);
    CHECK(X509_CRL_set1_lastUpdate(x, from) == 1);
    CHECK(X509_CRL_set1_nextUpdate(x, to) == 1);
    if (revoked) {
        X509_REVOKED *entry = X509_REVOKED_new();
        ASN1_INTEGER *serial = ASN1_INTEGER_new();
        CHECK(ASN1_INTEGER_set(serial, revoked) == 1);
        CHECK(X509_REVOKED_set_serialNumber(entry, serial) == 1);
        CHECK(X509_REVOKED_set_revocationDate(entry, from) == 1);
        CHECK(X509_CRL_add0_revoked(x, entry) == 1);
        ASN1_INTEGER_free(serial);
    }
    CHECK(X509_CRL_sign(x, by_key, w.hash ? w.hash : EVP_sha256()) > 0);
    int len = i2d_X509_CRL(x, &der);
    CHECK_OK(mal_crl_parse(&crl, mal_bytes_of(der, (size_t)len)));
    OPENSSL_free(der);
    X509_NAME_free(issuer);
    ASN1_TIME_free(from);
    ASN1_TIME_free(to);
    X509_CRL_free(x);
    return crl;
}

/* Root, CA and leaf, each with what a case wishes for it. */
typedef struct vendor {
    EVP_PKEY *root_key, *ca_key, *leaf_key;
    mal_cert *certs[4]; /* leaf, root, ca, and another */
    size_t n;
    mal_crl *crls[4];
    size_t n_crls;
    bool need_crls, amd;
} vendor;

static const wish leaf_plain = { .basic = "critical,CA:FALSE",
                                 .usage = "critical,digitalSignature" };

static void setup(vendor *v, wish root, wish ca, wish leaf) {
    v->root_key = p256();
    v->ca_key = p256();
    v->leaf_key = p256();
    v->certs[0] = issue("leaf", v->leaf_key, "ca", v->ca_key, leaf);
    v->certs[1] = issue("root", v->root_key, "root", v->root_key, root);
    v->certs[2] = issue("ca", v->ca_key, "root", v->root_key, ca);
    v->n = 3;
}

static void vendor_clear(vendor *v) {
    EVP_PKEY_free(v->root_key);
    EVP_PKEY_free(v->ca_key);
    EVP_PKEY_free(v->leaf_key);
    while (v->n)
        mal_cert_free(v->certs[--v->n]);
    while (v->n_crls)
        mal_crl_free(v->crls[--v->n_crls]);
}

static mal_cert_code judge_at(const vendor *v, uint64_t time) {
    mal_cert_path path = { .certs = (const mal_cert *const *)v->certs,
                           .n = v->n,
                           .time = time,
                           .crls = (const mal_crl *const *)v->crls,
                           .n_crls = v->n_crls,
                           .need_crls = v->need_crls,
                           .amd = v->amd };
    mal_cert_fingerprint(v->certs[1], &path.anchor);
    return mal_cert_verify_path(&path, NULL);
}

static const char *judge(const vendor *v) {
    return mal_cert_code_name(judge_at(v, NOW));
}

static const char *judge_wishes(wish root, wish ca, wish leaf) {
    MAL_AUTO(vendor_clear) vendor v = { 0 };
    setup(&v, root, ca, leaf);
    return judge(&v);
}

TEST(a_path_in_order_is_good_whatever_the_order_of_its_parts) {
    MAL_AUTO(vendor_clear) vendor v = { 0 };
    setup(&v, (wish){ 0 }, (wish){ 0 }, leaf_plain);
    CHECK_STR(judge(&v), "ok");
    mal_cert *ca = v.certs[2];
    v.certs[3] = issue("ca", v.leaf_key, "root", v.root_key, (wish){ 0 });
    v.n = 4; /* another CA of the same name and another key is no trap */
    CHECK_STR(judge(&v), "ok");
    v.certs[2] = v.certs[3];
    v.certs[3] = ca;
    CHECK_STR(judge(&v), "ok");
}

TEST(refuse_another_root_a_missing_ca_and_a_foreign_signature) {
    MAL_AUTO(vendor_clear) vendor v = { 0 };
    MAL_AUTO(vendor_clear) vendor w = { 0 };
    setup(&v, (wish){ 0 }, (wish){ 0 }, leaf_plain);
    setup(&w, (wish){ 0 }, (wish){ 0 }, leaf_plain);
    mal_cert *root = v.certs[1], *leaf = v.certs[0];
    v.certs[1] = w.certs[1]; /* of the same name */
    CHECK_STR(judge(&v), "bad-chain");
    v.certs[1] = root;
    v.certs[0] = w.certs[0];
    CHECK_STR(judge(&v), "bad-chain");
    v.certs[0] = leaf;
    v.n = 2;
    CHECK_STR(judge(&v), "bad-chain");
    v.n = 3;
    CHECK_STR(judge(&v), "ok");
}

TEST(refuse_issuers_that_may_not_issue) {
    const wish none = { 0 };
    CHECK_STR(
        judge_wishes(none, (wish){ .basic = "critical,CA:FALSE" }, leaf_plain),
        "bad-chain");
    CHECK_STR(judge_wishes(none, (wish){ .basic = "-" }, leaf_plain),
              "bad-chain");
    CHECK_STR(
        judge_wishes(none, (wish){ .usage = "critical,cRLSign" }, leaf_plain),
        "bad-chain");
    CHECK_STR(judge_wishes((wish){ .basic = "critical,CA:TRUE,pathlen:0" },
                           none, leaf_plain),
              "bad-chain");
    CHECK_STR(judge_wishes((wish){ .basic = "critical,CA:TRUE,pathlen:1" },
                           none, leaf_plain),
              "ok");
}

TEST(refuse_critical_extensions_that_nobody_reads) {
    const wish none = { 0 };
    wish leaf = leaf_plain;
    leaf.extra_nid = NID_policy_constraints;
    leaf.extra = "critical,requireExplicitPolicy:0";
    CHECK_STR(judge_wishes(none, none, leaf), "bad-chain");
    leaf.extra = "requireExplicitPolicy:0";
    CHECK_STR(judge_wishes(none, none, leaf), "ok");
    leaf.extra_nid = NID_name_constraints;
    leaf.extra = "permitted;DNS:example.org";
    CHECK_STR(judge_wishes(none, none, leaf), "bad-chain");
}

TEST(refuse_old_hashes_and_serial_numbers_of_zero) {
    const wish none = { 0 };
    wish leaf = leaf_plain;
    leaf.hash = EVP_sha1();
    CHECK_STR(judge_wishes(none, none, leaf), "bad-chain");
    leaf.hash = EVP_sha512();
    CHECK_STR(judge_wishes(none, none, leaf), "ok");
    leaf.serial = -1;
    CHECK_STR(judge_wishes(none, none, leaf), "bad-chain");
}

TEST(a_serial_number_of_zero_is_fine_with_amd) {
    MAL_AUTO(vendor_clear) vendor v = { 0 };
    wish leaf = leaf_plain;
    leaf.serial = -1;
    setup(&v, (wish){ 0 }, (wish){ 0 }, leaf);
    CHECK_STR(judge(&v), "bad-chain");
    v.amd = true;
    CHECK_STR(judge(&v), "ok");
}

TEST(refuse_short_rsa_keys_and_curves_that_are_not_ours) {
    EVP_PKEY *bad[] = { EVP_RSA_gen(1024), EVP_EC_gen("secp256k1"),
                        EVP_EC_gen("P-224") };
    for (size_t i = 0; i < 3; i++) {
        MAL_AUTO(vendor_clear) vendor v = { 0 };
        setup(&v, (wish){ 0 }, (wish){ 0 }, leaf_plain);
        mal_pubkey *key;
        mal_cert_free(v.certs[0]);
        CHECK(bad[i]);
        v.certs[0] = issue("leaf", bad[i], "ca", v.ca_key, leaf_plain);
        CHECK_STR(judge(&v), "bad-chain");
        CHECK_ERR(mal_cert_key(v.certs[0], &key), MAL_E_INPUT);
        EVP_PKEY_free(bad[i]);
    }
}

TEST(time_has_codes_of_its_own_on_each_link) {
    const wish none = { 0 };
    const wish old = { .from_days = -10, .days = 9 };
    const wish young = { .from_days = 1, .days = 9 };
    wish leaf = leaf_plain;
    CHECK_STR(judge_wishes(none, old, leaf), "expired");
    CHECK_STR(judge_wishes(none, young, leaf), "not-yet-valid");
    CHECK_STR(judge_wishes(old, none, leaf), "expired");
    CHECK_STR(judge_wishes(young, none, leaf), "not-yet-valid");
    leaf.from_days = old.from_days;
    leaf.days = old.days;
    CHECK_STR(judge_wishes(none, none, leaf), "expired");
    CHECK_STR(judge_wishes(none, young, leaf), "expired"); /* leaf first */
}

TEST(a_wrong_signature_is_worse_than_a_wrong_time) {
    MAL_AUTO(vendor_clear) vendor v = { 0 };
    setup(&v, (wish){ 0 }, (wish){ 0 }, leaf_plain);
    EVP_PKEY *stranger = p256();
    wish leaf = leaf_plain;
    leaf.from_days = -10;
    leaf.days = 1;
    mal_cert_free(v.certs[0]);
    v.certs[0] = issue("leaf", v.leaf_key, "ca", stranger, leaf);
    CHECK_STR(judge(&v), "bad-chain");
    EVP_PKEY_free(stranger);
}

/* Lists of both issuers; `of` 0 the CA's, 1 the root's. */
static const char *judge_lists(wish of_ca, int ca_revokes, wish of_root,
                               int root_revokes) {
    MAL_AUTO(vendor_clear) vendor v = { .need_crls = true };
    setup(&v, (wish){ 0 }, (wish){ .serial = 9 }, leaf_plain);
    v.crls[0] = list("ca", v.ca_key, of_ca, ca_revokes);
    v.crls[1] = list("root", v.root_key, of_root, root_revokes);
    v.n_crls = 2;
    return judge(&v);
}

TEST(revoked_certificates_are_refused_on_each_link) {
    const wish none = { 0 };
    CHECK_STR(judge_lists(none, 0, none, 0), "ok");
    CHECK_STR(judge_lists(none, 3, none, 4), "ok");
    CHECK_STR(judge_lists(none, 7, none, 0), "revoked");
    CHECK_STR(judge_lists(none, 0, none, 9), "revoked");
}

TEST(lists_expire_and_begin_too) {
    const wish none = { 0 };
    const wish old = { .from_days = -10, .days = 9 };
    const wish young = { .from_days = 1, .days = 9 };
    CHECK_STR(judge_lists(old, 0, none, 0), "expired");
    CHECK_STR(judge_lists(none, 0, old, 0), "expired");
    CHECK_STR(judge_lists(young, 7, none, 0), "not-yet-valid");
    CHECK_STR(judge_lists(none, 0, (wish){ .hash = EVP_sha1() }, 0),
              "bad-chain");
}

TEST(a_list_that_is_missing_or_forged_is_told_apart) {
    MAL_AUTO(vendor_clear) vendor v = { .need_crls = true };
    setup(&v, (wish){ 0 }, (wish){ .serial = 9 }, leaf_plain);
    CHECK_STR(judge(&v), "no-crl");
    v.crls[v.n_crls++] = list("root", v.root_key, (wish){ 0 }, 0);
    CHECK_STR(judge(&v), "no-crl");
    v.crls[v.n_crls++] = list("stranger", v.leaf_key, (wish){ 0 }, 7);
    CHECK_STR(judge(&v), "no-crl"); /* idle */
    v.need_crls = false;
    CHECK_STR(judge(&v), "ok");
    v.crls[v.n_crls++] = list("ca", v.leaf_key, (wish){ 0 }, 0);
    CHECK_STR(judge(&v), "bad-chain"); /* signed by another key */
}

TEST(an_old_list_beside_a_new_one_does_no_harm_nor_good) {
    MAL_AUTO(vendor_clear) vendor v = { .need_crls = true };
    const wish old = { .from_days = -10, .days = 9 };
    setup(&v, (wish){ 0 }, (wish){ .serial = 9 }, leaf_plain);
    v.crls[v.n_crls++] = list("root", v.root_key, (wish){ 0 }, 0);
    v.crls[v.n_crls++] = list("ca", v.ca_key, old, 0);
    CHECK_STR(judge(&v), "expired");
    v.crls[v.n_crls++] = list("ca", v.ca_key, (wish){ 0 }, 0);
    CHECK_STR(judge(&v), "ok");
    v.crls[v.n_crls++] = list("ca", v.ca_key, (wish){ 0 }, 7);
    CHECK_STR(judge(&v), "revoked");
}

TEST(times_are_inclusive_on_both_ends) {
    MAL_AUTO(vendor_clear) vendor v = { 0 };
    setup(&v, (wish){ 0 }, (wish){ 0 }, leaf_plain);
    CHECK_EQ(judge_at(&v, NOW - 10 * DAY), MAL_CERT_OK);
    CHECK_EQ(judge_at(&v, NOW - 10 * DAY - 1), MAL_CERT_NOT_YET_VALID);
    CHECK_EQ(judge_at(&v, NOW + 10 * DAY), MAL_CERT_OK);
    CHECK_EQ(judge_at(&v, NOW + 10 * DAY + 1), MAL_CERT_EXPIRED);
}

TEST(a_crowd_of_certificates_of_one_name_ends_the_search) {
    MAL_AUTO(vendor_clear) vendor v = { 0 };
    mal_cert *crowd[MAL_CERT_CERTS_MAX];
    setup(&v, (wish){ 0 }, (wish){ 0 }, leaf_plain);
    /* All of one name and key: each signs each. */
    crowd[0] = issue("x", v.ca_key, "x", v.ca_key, leaf_plain);
    for (size_t i = 1; i < MAL_CERT_CERTS_MAX; i++)
        crowd[i] = issue("x", v.ca_key, "x", v.ca_key, (wish){ 0 });
    mal_cert_path path = { .certs = (const mal_cert *const *)crowd,
                           .n = MAL_CERT_CERTS_MAX,
                           .time = NOW };
    CHECK_EQ(mal_cert_verify_path(&path, NULL), MAL_CERT_BAD_CHAIN);
    path.n = MAL_CERT_CERTS_MAX + 1;
    CHECK_EQ(mal_cert_verify_path(&path, NULL), MAL_CERT_BAD_CHAIN);
    path.n = 0;
    CHECK_EQ(mal_cert_verify_path(&path, NULL), MAL_CERT_BAD_CHAIN);
    for (size_t i = 0; i < MAL_CERT_CERTS_MAX; i++)
        mal_cert_free(crowd[i]);
}

TEST_MAIN
