/* snp_leaf.c - the certificate of the key that signed a report.
 *
 * AMD derives a VCEK from chip and TCB, and writes both into the certificate: a
 * report that names another chip or TCB was not made where the certificate
 * says.  The TCB is compared as a word of eight components, reserved ones
 * included, never as a number.
 *
 * Source: [AMD57230] section 3.1 (extensions), [AMD56860] TCB_VERSION.
 */
#include "snp_impl.h"

#include <string.h>

#define ARC "1.3.6.1.4.1.3704.1."
#define OID_VERSION ARC "1"
#define OID_PRODUCT ARC "2"
#define OID_CHIP ARC "4"
#define OID_PROVIDER ARC "5"

#define CHIP_LEN 64
#define CHIP_LEN_TURIN 8

/* The component of each byte of the TCB word, from the lowest. */
static const char *const tcb_oids[][8] = {
    /* boot loader, TEE, four reserved, SNP, microcode */
    { ARC "3.1", ARC "3.2", ARC "3.4", ARC "3.5", ARC "3.6", ARC "3.7",
      ARC "3.3", ARC "3.8" },
    /* FMC, boot loader, TEE, SNP, three reserved, microcode */
    { ARC "3.9", ARC "3.1", ARC "3.2", ARC "3.3", ARC "3.5", ARC "3.6",
      ARC "3.7", ARC "3.8" },
};

static const struct {
    const char *name;
    size_t chip_len;
    unsigned layout; /* of tcb_oids */
} products[SNP_PRODUCTS] = {
    [SNP_MILAN] = { "Milan", CHIP_LEN, 0 },
    [SNP_GENOA] = { "Genoa", CHIP_LEN, 0 },
    [SNP_TURIN] = { "Turin", CHIP_LEN_TURIN, 1 },
};

/* --- DER of the extensions -------------------------------------------------
 */

#define TAG_INTEGER 0x02
#define TAG_OCTETS 0x04
#define TAG_UTF8 0x0c
#define TAG_IA5 0x16

/* One element of at most 127 bytes, whole. */
static bool unwrap(mal_bytes der, uint8_t tag, mal_bytes *contents) {
    if (der.len < 2 || der.ptr[0] != tag || der.ptr[1] > 127 ||
        der.len != (size_t)der.ptr[1] + 2)
        return false;
    *contents = mal_bytes_of(der.ptr + 2, der.len - 2);
    return true;
}

/* An INTEGER in [0, 255], in its shortest form. */
static mal_err read_byte(uint8_t *out, const mal_cert *cert, const char *oid) {
    mal_bytes der, v;
    MAL_TRY(mal_cert_extension(cert, oid, &der));
    MAL_REQUIRE(unwrap(der, TAG_INTEGER, &v) &&
                    ((v.len == 1 && v.ptr[0] < 0x80) ||
                     (v.len == 2 && v.ptr[0] == 0 && v.ptr[1] >= 0x80)),
                MAL_E_INPUT, "the extension %s is no byte", oid);
    *out = v.ptr[v.len - 1];
    return MAL_OK;
}

static mal_err read_tcb(snp_leaf *leaf, const mal_cert *cert) {
    uint8_t word[8];
    for (size_t i = 0; i < sizeof word; i++)
        MAL_TRY(read_byte(&word[i], cert,
                          tcb_oids[products[leaf->product].layout][i]));
    leaf->tcb = mal_load_u64le(word);
    return MAL_OK;
}

/* "Milan", or with a stepping: "Milan-B0". */
static bool names(mal_bytes text, const char *product) {
    size_t n = strlen(product);
    return text.len >= n &&
           mal_bytes_same_vartime(mal_bytes_of(text.ptr, n),
                                  mal_bytes_str(product)) &&
           (text.len == n || text.ptr[n] == '-');
}

static mal_err read_product(snp_leaf *leaf, const mal_cert *cert) {
    mal_bytes der, text;
    MAL_TRY(mal_cert_extension(cert, OID_PRODUCT, &der));
    MAL_REQUIRE(unwrap(der, TAG_IA5, &text), MAL_E_INPUT,
                "the certificate's product name is malformed");
    for (size_t i = 0; i < SNP_PRODUCTS; i++)
        if (names(text, products[i].name)) {
            leaf->product = (snp_product)i;
            leaf->product_name = products[i].name;
            return MAL_OK;
        }
    MAL_FAIL(MAL_E_UNSUPPORTED,
             "the certificate is of a product line that is not supported");
}

/* Newer certificates wrap the bytes in an OCTET STRING, older ones do not. */
static mal_err read_chip(snp_leaf *leaf, mal_bytes value) {
    size_t len = products[leaf->product].chip_len;
    MAL_REQUIRE(value.len == len ||
                    (unwrap(value, TAG_OCTETS, &value) && value.len == len),
                MAL_E_INPUT, "a chip id of %s has %zu bytes",
                leaf->product_name, len);
    leaf->chip_id = value;
    return MAL_OK;
}

static mal_err read_provider(snp_leaf *leaf, mal_bytes value) {
    MAL_REQUIRE(unwrap(value, TAG_IA5, &leaf->provider) ||
                    unwrap(value, TAG_UTF8, &leaf->provider),
                MAL_E_INPUT, "the certificate's provider is malformed");
    leaf->signer = SNP_SIGNER_VLEK;
    return MAL_OK;
}

bool snp_leaf_is(const mal_cert *cert) {
    mal_bytes value;
    return mal_cert_extension(cert, OID_VERSION, &value) == MAL_OK;
}

mal_err snp_leaf_read(snp_leaf *leaf, const mal_cert *cert) {
    mal_bytes chip, provider;
    memset(leaf, 0, sizeof *leaf);
    MAL_TRY(read_product(leaf, cert));
    MAL_TRY(read_tcb(leaf, cert));
    bool has_chip = mal_cert_extension(cert, OID_CHIP, &chip) == MAL_OK;
    bool has_provider =
        mal_cert_extension(cert, OID_PROVIDER, &provider) == MAL_OK;
    MAL_REQUIRE(has_chip != has_provider, MAL_E_INPUT,
                "the certificate is neither of a chip nor of a provider");
    return has_chip ? read_chip(leaf, chip) : read_provider(leaf, provider);
}

/* --- Leaf and report -------------------------------------------------------
 */

static bool chip_fits(const snp_leaf *leaf, const snp_report *report) {
    uint8_t id[CHIP_LEN] = { 0 }; /* Turin's eight bytes, then zeros */
    memcpy(id, leaf->chip_id.ptr, leaf->chip_id.len);
    return mal_bytes_same_vartime(mal_bytes_of(id, sizeof id), report->chip_id);
}

mal_err snp_leaf_fits(const snp_leaf *leaf, const snp_report *report) {
    MAL_REQUIRE(SNP_SIGNER(report->flags) == leaf->signer, MAL_E_AUTH,
                "the report names another kind of key than the certificate");
    MAL_REQUIRE(report->reported_tcb == leaf->tcb, MAL_E_AUTH,
                "the report's TCB is not the certificate's");
    MAL_REQUIRE(leaf->signer == SNP_SIGNER_VLEK || chip_fits(leaf, report),
                MAL_E_AUTH, "the report's chip is not the certificate's");
    MAL_REQUIRE(report->version < SNP_VERSION_CPUID ||
                    snp_product_has(leaf->product, report->cpu_family,
                                    report->cpu_model),
                MAL_E_AUTH, "the report's processor is no %s",
                leaf->product_name);
    return MAL_OK;
}
