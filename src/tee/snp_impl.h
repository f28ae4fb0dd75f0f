/* snp_impl.h - what AMD's firmware signs, as fields.
 *
 * Read from bytes alone: who signed them is snp.c's concern, and so is what a
 * field must be.
 */
#ifndef MALUS_TEE_SNP_IMPL_H
#define MALUS_TEE_SNP_IMPL_H

#include <malus/prim_cert.h>

#define SNP_REPORT_LEN 1184
#define SNP_SIGNED_LEN 0x2a0
#define SNP_VERSION_CPUID 3      /* the first with family, model, stepping */
#define SNP_VERSION_MITIGATION 5 /* the first with mitigation vectors */
#define SNP_COMPONENT_LEN 48     /* r and s of P-384 */

/* Who signed (bits 4:2 of the flags at 0x48). */
typedef enum snp_signer {
    SNP_SIGNER_VCEK = 0, /* a key of this chip at this TCB */
    SNP_SIGNER_VLEK = 1, /* a key that AMD loaded for a cloud provider */
    SNP_SIGNER_NONE = 7,
} snp_signer;

typedef enum snp_product {
    SNP_MILAN,
    SNP_GENOA, /* Bergamo and Siena too */
    SNP_TURIN,
    SNP_PRODUCTS,
} snp_product;

/* A TCB word is a tuple, never one number: fmc is Turin's alone. */
typedef struct snp_tcb {
    uint8_t fmc, bootloader, tee, snp, microcode;
} snp_tcb;

typedef struct snp_report {
    uint32_t version; /* 2 to 5 */
    uint32_t guest_svn, vmpl, signature_algo, flags;
    uint64_t policy, platform_info;
    uint64_t current_tcb, reported_tcb, committed_tcb, launch_tcb;
    mal_bytes launch_mitigations, current_mitigations; /* of version 5 */
    uint8_t cpu_family, cpu_model, cpu_stepping;       /* version 3, else 0 */
    uint8_t current_version[3], committed_version[3];  /* build, minor, major */
    mal_bytes family_id, image_id, report_data, measurement, host_data;
    mal_bytes id_key_digest, author_key_digest, report_id, report_id_ma;
    mal_bytes chip_id;
    mal_bytes signed_part;
    uint8_t signature[2 * SNP_COMPONENT_LEN]; /* r || s, big-endian */
} snp_report;

#define SNP_POLICY_SMT ((uint64_t)1 << 16)
#define SNP_POLICY_MIGRATE ((uint64_t)1 << 18) /* by a migration agent */
#define SNP_POLICY_DEBUG ((uint64_t)1 << 19)
#define SNP_FLAG_AUTHOR_KEY 1u
#define SNP_FLAG_MASK_CHIP_KEY 2u
#define SNP_SIGNER(flags) ((flags) >> 2 & 7)
#define SNP_ECDSA_P384_SHA384 1u

/* --- The report (snp_report.c) ---------------------------------------------
 */

/* MAL_E_INPUT: not 1184 bytes, or a bit that must be zero is not.
 * MAL_E_UNSUPPORTED: a version or signature algorithm that we do not know. */
mal_err snp_report_parse(snp_report *report, mal_bytes bytes) MAL_MUST_CHECK;

/* The word's layout differs between product lines. */
snp_tcb snp_tcb_of(uint64_t word, snp_product product);
/* Is this the family and model of a product line?  [AMD56860] CPUID_1_EAX. */
bool snp_product_has(snp_product product, uint8_t family, uint8_t model);

/* --- The leaf that AMD issued (snp_leaf.c) ---------------------------------
 */

/* What the extensions 1.3.6.1.4.1.3704.1 of a VCEK or VLEK say. */
typedef struct snp_leaf {
    snp_product product;
    const char *product_name; /* "Milan" .. */
    uint64_t tcb;             /* the word that a report must have */
    snp_signer signer;        /* a VLEK names a provider instead of a chip */
    mal_bytes chip_id;        /* 64 bytes, 8 on Turin; empty for a VLEK */
    mal_bytes provider;       /* of a VLEK */
} snp_leaf;
/* Does it have AMD's extensions at all? */
bool snp_leaf_is(const mal_cert *cert);
/* MAL_E_INPUT: an extension is absent or malformed.  MAL_E_UNSUPPORTED: a
 * product line that we do not know. */
mal_err snp_leaf_read(snp_leaf *leaf, const mal_cert *cert) MAL_MUST_CHECK;
/* Did this key sign reports like this one: kind of key, TCB, chip, product?
 * MAL_E_AUTH: no, and the message says which differs. */
mal_err snp_leaf_fits(const snp_leaf *leaf,
                      const snp_report *report) MAL_MUST_CHECK;

#endif
