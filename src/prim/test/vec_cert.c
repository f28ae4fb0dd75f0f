/* vec_cert.c - the chains of processor vendors, as published. */
#include "prim_test.h"

#include <malus/prim_cert.h>

#define CERTS 8
#define T_2025_JUNE 1748736000 /* 2025-06-01 */
#define INTEL "44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3"
#define MILAN "69d063b45344d26a2e94e1f4210de49ef555308287d4c174445c95639a540bcd"
#define GENOA "4c6598d19c18719c5dfd4a7d335f674e5bfe1d8f800cea2cf270c10d103db2f1"
#define TURIN "1f084161a44bb6d93778a904877d4819cafa5d05ef4193b2ded9dd9c73dd3f6a"

typedef struct bag {
    mal_cert *certs[CERTS];
    size_t n;
    mal_crl *crls[2];
    size_t n_crls;
} bag;

static void bag_clear(bag *b) {
    while (b->n)
        mal_cert_free(b->certs[--b->n]);
    while (b->n_crls)
        mal_crl_free(b->crls[--b->n_crls]);
}

static void load(mal_buf *out, const char *name) {
    CHECK_OK(mal_file_read(out, mal_test_vector(name), MAL_CRL_DER_MAX));
}

/* PEM or DER, appended. */
static void add(bag *b, const char *name) {
    MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
    size_t n = 1;
    load(&bytes, name);
    if (bytes.ptr[0] == 0x30)
        CHECK_OK(mal_cert_parse(&b->certs[b->n], mal_buf_view(&bytes)));
    else
        CHECK_OK(mal_cert_parse_pem(b->certs + b->n, &n, CERTS - b->n,
                                    mal_buf_view(&bytes)));
    b->n += n;
}

static void add_crl(bag *b, const char *name) {
    MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
    load(&bytes, name);
    CHECK_OK(mal_crl_parse(&b->crls[b->n_crls++], mal_buf_view(&bytes)));
}

static mal_cert_code judge(const bag *b, const char *anchor, uint64_t time,
                           bool amd, mal_cert_window *window) {
    mal_cert_path path = { .certs = (const mal_cert *const *)b->certs,
                           .n = b->n,
                           .time = time,
                           .crls = (const mal_crl *const *)b->crls,
                           .n_crls = b->n_crls,
                           .need_crls = b->n_crls > 0,
                           .amd = amd };
    CHECK_OK(mal_hex_decode(path.anchor.b, 32, anchor));
    return mal_cert_verify_path(&path, window);
}

TEST(amd_s_chains_lead_to_their_own_roots_only) {
    static const struct {
        const char *leaf, *chain, *anchor;
    } cases[] = {
        { "attestation/snp/gosev-milan-vcek.der",
          "attestation/snp/gosev-milan-ask-ark.pem", MILAN },
        { "attestation/snp/coco-vlek.der",
          "attestation/snp/gosev-milan-asvk-ark.pem", MILAN },
        { "attestation/snp/coco-genoa-vcek-from-azure.pem",
          "attestation/snp/gosev-trust-ask_ark_genoa.pem", GENOA },
        { "attestation/snp/virtee-turin-vcek.der",
          "attestation/snp/virtee-turin-chain.pem", TURIN },
    };
    static const char *const anchors[] = { MILAN, GENOA, TURIN, INTEL };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        MAL_AUTO(bag_clear) bag b = { 0 };
        add(&b, cases[i].leaf);
        add(&b, cases[i].chain);
        for (size_t j = 0; j < 4; j++) {
            uint64_t from, to;
            mal_cert_times(b.certs[0], &from, &to);

            mal_cert_code code = judge(&b, anchors[j], from, true, NULL);
            CHECK_EQ(code, strcmp(anchors[j], cases[i].anchor) == 0
                               ? MAL_CERT_OK
                               : MAL_CERT_BAD_CHAIN);
            CHECK_EQ(judge(&b, anchors[j], from, false, NULL),
                     MAL_CERT_BAD_CHAIN); /* RSA-PSS, serial 0 */
        }
    }
}

TEST(a_leaf_is_judged_before_inside_and_after_its_life) {
    MAL_AUTO(bag_clear) bag b = { 0 };
    uint64_t from, to;
    mal_cert_window window;
    add(&b, "attestation/snp/coco-vlek.der");
    add(&b, "attestation/snp/gosev-milan-asvk-ark.pem");
    mal_cert_times(b.certs[0], &from, &to);
    CHECK_EQ(judge(&b, MILAN, from - 1, true, &window), MAL_CERT_NOT_YET_VALID);
    CHECK_EQ(judge(&b, MILAN, from, true, &window), MAL_CERT_OK);
    CHECK_EQ(window.until, to);
    CHECK_EQ(judge(&b, MILAN, to, true, &window), MAL_CERT_OK);
    CHECK_EQ(judge(&b, MILAN, to + 1, true, &window), MAL_CERT_EXPIRED);
}

TEST(refuse_amd_s_tampered_leaves) {
    static const char *const leaves[] = {
        "attestation/snp/coco-vcek-invalid-legacy.der",
        "attestation/snp/coco-vcek-invalid-new.der",
    };
    for (size_t i = 0; i < 2; i++) {
        MAL_AUTO(bag_clear) bag b = { 0 };
        add(&b, leaves[i]);
        add(&b, "attestation/snp/gosev-milan-ask-ark.pem");
        CHECK_EQ(judge(&b, MILAN, T_2025_JUNE, true, NULL), MAL_CERT_BAD_CHAIN);
    }
}

TEST(intel_s_platform_ca_is_checked_against_the_root_s_list) {
    MAL_AUTO(bag_clear) bag b = { 0 };
    uint64_t from, to;
    mal_cert_window window;
    add(&b, "attestation/sgx/automata-solana-platform-ca.der");
    add(&b, "attestation/sgx/automata-solana-root.der");
    add_crl(&b, "attestation/sgx/automata-solana-intel-root-crl.der");
    add_crl(&b, "attestation/sgx/automata-solana-pck-platform-crl.der");
    mal_crl_times(b.crls[0], &from, &to);
    CHECK_EQ(judge(&b, INTEL, T_2025_JUNE, false, &window), MAL_CERT_OK);
    CHECK_EQ(window.until, to);
    CHECK_EQ(judge(&b, INTEL, from - 1, false, NULL), MAL_CERT_NOT_YET_VALID);
    CHECK_EQ(judge(&b, INTEL, to + 1, false, NULL), MAL_CERT_EXPIRED);
    CHECK_EQ(judge(&b, MILAN, T_2025_JUNE, false, NULL), MAL_CERT_BAD_CHAIN);
}

TEST(names_times_and_fingerprints_are_read) {
    MAL_AUTO(bag_clear) bag b = { 0 };
    mal_prim_hash hash;
    mal_bytes value;
    add(&b, "attestation/sgx/automata-solana-root.der");
    add(&b, "attestation/snp/gosev-milan-vcek.der");
    mal_cert_fingerprint(b.certs[0], &hash);
    CHECK_HEX(hash.b, 32, INTEL);
    CHECK_STR(mal_cert_subject_cn(b.certs[0]), "Intel SGX Root CA");
    CHECK_STR(mal_cert_issuer_cn(b.certs[1]), "SEV-Milan");
    CHECK(mal_cert_self_issued(b.certs[0]));
    CHECK(!mal_cert_self_issued(b.certs[1]));
    CHECK_OK(mal_cert_extension(b.certs[1], "1.3.6.1.4.1.3704.1.4", &value));
    CHECK_EQ(value.len, 64); /* the chip's number, not wrapped */
    CHECK_ERR(mal_cert_extension(b.certs[0], "1.3.6.1.4.1.3704.1.4", &value),
              MAL_E_MISSING);
}

TEST(a_certificate_is_signed_by_its_own_key_or_is_not) {
    MAL_AUTO(bag_clear) bag b = { 0 };
    add(&b, "attestation/ratls/ccc-gramine-cert.pem");
    add(&b, "attestation/ratls/ccc-intel-sgxsdk-cert.pem");
    add(&b, "attestation/ratls/ccc-rats-tls-cert.pem");
    add(&b, "attestation/sgx/automata-solana-platform-ca.der");
    for (size_t i = 0; i < 3; i++)
        CHECK_OK(mal_cert_check_self(b.certs[i]));
    CHECK_ERR(mal_cert_check_self(b.certs[3]), MAL_E_AUTH);
}

/* Every so many: a certificate that carries evidence is long. */
TEST(refuse_flipped_bits_of_a_certificate_under_its_own_key) {
    MAL_AUTO(bag_clear) bag b = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf der = { 0 };
    add(&b, "attestation/ratls/ccc-rats-tls-cert.pem");
    CHECK_OK(mal_buf_put(&der, mal_cert_der(b.certs[0])));
    for (size_t i = 0; i < der.len * 8; i += 61) {
        MAL_AUTO(mal_cert_auto) mal_cert *cert = NULL;
        der.ptr[i / 8] ^= (uint8_t)(1 << i % 8);
        if (mal_cert_parse(&cert, mal_buf_view(&der)) == MAL_OK)
            CHECK_ERR(mal_cert_check_self(cert), MAL_E_AUTH);
        der.ptr[i / 8] ^= (uint8_t)(1 << i % 8);
    }
}

/* Each bit of a leaf, of what it was signed with, of its key. */
TEST(refuse_each_flipped_bit_of_a_leaf) {
    MAL_AUTO(bag_clear) bag b = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf der = { 0 };
    add(&b, "attestation/sgx/automata-solana-platform-ca.der");
    add(&b, "attestation/sgx/automata-solana-root.der");
    load(&der, "attestation/sgx/automata-solana-platform-ca.der");
    CHECK_EQ(judge(&b, INTEL, T_2025_JUNE, false, NULL), MAL_CERT_OK);
    for (size_t i = 0; i < der.len * 8; i++) {
        mal_cert *whole = b.certs[0];
        der.ptr[i / 8] ^= (uint8_t)(1 << i % 8);
        if (mal_cert_parse(&b.certs[0], mal_buf_view(&der)) == MAL_OK) {
            CHECK_EQ(judge(&b, INTEL, T_2025_JUNE, false, NULL),
                     MAL_CERT_BAD_CHAIN);
            mal_cert_free(b.certs[0]);
        }
        b.certs[0] = whole;
        der.ptr[i / 8] ^= (uint8_t)(1 << i % 8);
    }
}

TEST(refuse_certificates_cut_at_each_byte) {
    MAL_AUTO(mal_buf_clear) mal_buf der = { 0 };
    mal_cert *cert;
    mal_crl *crl;
    load(&der, "attestation/sgx/automata-solana-platform-ca.der");
    for (size_t len = 0; len < der.len; len++)
        CHECK_ERR(mal_cert_parse(&cert, mal_bytes_of(der.ptr, len)),
                  MAL_E_INPUT);
    mal_buf_reset(&der);
    load(&der, "attestation/sgx/automata-solana-intel-root-crl.der");
    for (size_t len = 0; len < der.len; len++)
        CHECK_ERR(mal_crl_parse(&crl, mal_bytes_of(der.ptr, len)), MAL_E_INPUT);
}

TEST(refuse_texts_with_too_many_or_broken_blocks) {
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    mal_cert *certs[2];
    size_t n;
    load(&text, "attestation/snp/gosev-milan-ask-ark.pem");
    CHECK_ERR(mal_cert_parse_pem(certs, &n, 1, mal_buf_view(&text)),
              MAL_E_LIMIT);
    CHECK_EQ(n, 0);
    CHECK_ERR(mal_cert_parse_pem(certs, &n, 2, mal_bytes_of(text.ptr, 900)),
              MAL_E_INPUT);
    CHECK_ERR(mal_cert_parse_pem(certs, &n, 2, mal_bytes_str("no block")),
              MAL_E_INPUT);
    CHECK_ERR(mal_cert_parse_pem(certs, &n, 2, mal_bytes_str("")), MAL_E_INPUT);
}

TEST_MAIN
