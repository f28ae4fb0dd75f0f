/* snp.c - AMD SEV-SNP: a report, the VCEK or VLEK that signed it, AMD's chain.
 *
 * What no time mends is judged first: chain and signature, then the binding of
 * report and certificate, then debug; only then whether the certificates hold
 * at the time that was asked for.
 *
 * Source: [AMD56860] ATTESTATION_REPORT; [AMD57230].
 */
#include "snp.h"

#include <stdio.h>
#include <string.h>

/* --- Chain, signature, binding ----------------------------------------------
 */

/* The leaf of the kind that the report names; if there is none, any leaf: its
 * signature will not verify, and that is what must be said. */
static const mal_cert *choose_leaf(const tee_pool *pool,
                                   const snp_report *report) {
    const mal_cert *other = NULL;
    for (size_t i = 0; i < pool->n; i++) {
        snp_leaf leaf;
        if (!snp_leaf_is(pool->certs[i]))
            continue;
        if (snp_leaf_read(&leaf, pool->certs[i]) == MAL_OK &&
            leaf.signer == SNP_SIGNER(report->flags))
            return pool->certs[i];
        other = other ? other : pool->certs[i];
    }
    return other;
}

static mal_tee_code check_chain(tee_ctx *c, const tee_pool *pool,
                                const mal_cert *leaf) {
    const mal_cert *certs[MAL_CERT_CERTS_MAX];
    mal_cert_path path = tee_pool_path(pool, certs, leaf, c);
    path.amd = true;
    return tee_of_path(c, &path, "the report's certificate");
}

static mal_tee_code check_signature(tee_ctx *c, const snp_report *report,
                                    const mal_cert *leaf) {
    MAL_AUTO(mal_pubkey_auto) mal_pubkey *key = NULL;
    mal_bytes sig = mal_bytes_of(report->signature, sizeof report->signature);
    TEE_REQUIRE(c,
                SNP_SIGNER(report->flags) != SNP_SIGNER_NONE &&
                    !(report->flags & SNP_FLAG_MASK_CHIP_KEY),
                MAL_TEE_BAD_SIGNATURE,
                "the firmware was told not to sign the report");
    TEE_TRY(tee_of_err(c, mal_cert_key(leaf, &key), MAL_TEE_BAD_CHAIN,
                       "the report's certificate"));
    return tee_of_err(
        c, mal_pubkey_verify(key, MAL_SIG_ES384, report->signed_part, sig),
        MAL_TEE_BAD_SIGNATURE, "the report");
}

static mal_tee_code check_binding(tee_ctx *c, tee_snp *snp,
                                  const mal_cert *cert) {
    TEE_TRY(tee_of_parse(c, snp_leaf_read(&snp->leaf, cert),
                         "the report's certificate"));
    return tee_of_err(c, snp_leaf_fits(&snp->leaf, &snp->report),
                      MAL_TEE_BINDING, "the report");
}

mal_tee_code tee_snp_report(tee_ctx *c, tee_snp *snp, mal_bytes bytes,
                            const tee_pool *pool) {
    TEE_TRY(
        tee_of_parse(c, snp_report_parse(&snp->report, bytes), "the report"));
    TEE_REQUIRE(c, c->in->anchor.kind == MAL_TEE_ANCHOR_ROOT, MAL_TEE_BAD_CHAIN,
                "a report of AMD's leads to a root");
    const mal_cert *leaf = choose_leaf(pool, &snp->report);
    TEE_REQUIRE(c, leaf, MAL_TEE_COLLATERAL_MISSING,
                "no VCEK or VLEK came with the report");
    TEE_TRY(check_chain(c, pool, leaf));
    TEE_TRY(check_signature(c, &snp->report, leaf));
    return check_binding(c, snp, leaf);
}

mal_tee_code tee_snp_debug(tee_ctx *c, const tee_snp *snp) {
    TEE_REQUIRE(c, !(snp->report.policy & SNP_POLICY_DEBUG), MAL_TEE_DEBUG,
                "the guest policy lets the host read the guest");
    return MAL_TEE_OK;
}

/* --- Claims ------------------------------------------------------------------
 */

/* "bootloader.tee.snp.microcode", on Turin with the FMC before. */
static void add_tcb(tee_ctx *c, const char *name, uint64_t word,
                    snp_product product) {
    snp_tcb t = snp_tcb_of(word, product);
    char text[32];
    int n = 0;
    if (product == SNP_TURIN)
        n = snprintf(text, sizeof text, "%u.", t.fmc);
    snprintf(text + n, sizeof text - (size_t)n, "%u.%u.%u.%u", t.bootloader,
             t.tee, t.snp, t.microcode);
    tee_fact_text(c, name, tee_keep_text(c, text));
}

static void add_version(tee_ctx *c, const char *name, const uint8_t v[3]) {
    char text[16];
    snprintf(text, sizeof text, "%u.%u.%u", v[2], v[1], v[0]);
    tee_fact_text(c, name, tee_keep_text(c, text));
}

static void add_tcbs(tee_ctx *c, const tee_snp *snp) {
    const snp_report *r = &snp->report;
    snp_product product = snp->leaf.product;
    add_tcb(c, "reported_tcb", r->reported_tcb, product);
    add_tcb(c, "committed_tcb", r->committed_tcb, product);
    add_tcb(c, "launch_tcb", r->launch_tcb, product);
    add_tcb(c, "current_tcb", r->current_tcb, product);
    add_version(c, "firmware", r->current_version);
    add_version(c, "firmware_committed", r->committed_version);
    if (r->version >= SNP_VERSION_MITIGATION) {
        tee_fact_bytes(c, "launch_mitigations",
                       tee_keep(c, r->launch_mitigations));
        tee_fact_bytes(c, "current_mitigations",
                       tee_keep(c, r->current_mitigations));
    }
}

static void add_guest(tee_ctx *c, const snp_report *r) {
    tee_fact_number(c, "version", r->version);
    tee_fact_number(c, "vmpl", r->vmpl);
    tee_fact_number(c, "guest_svn", r->guest_svn);
    tee_fact_number(c, "policy", r->policy);
    tee_fact_flag(c, "smt_allowed", r->policy & SNP_POLICY_SMT);
    tee_fact_flag(c, "migration_allowed", r->policy & SNP_POLICY_MIGRATE);
    tee_fact_number(c, "platform_info", r->platform_info);
    tee_fact_bytes(c, "family_id", tee_keep(c, r->family_id));
    tee_fact_bytes(c, "image_id", tee_keep(c, r->image_id));
    tee_fact_bytes(c, "host_data", tee_keep(c, r->host_data));
    tee_fact_bytes(c, "id_key_digest", tee_keep(c, r->id_key_digest));
    tee_fact_bytes(c, "report_id", tee_keep(c, r->report_id));
}

/* A text, unless AMD signed something else. */
static void add_provider(tee_ctx *c, mal_bytes name) {
    char text[128];
    bool plain = name.len < sizeof text;
    for (size_t i = 0; plain && i < name.len; i++)
        plain = name.ptr[i] >= 0x20 && name.ptr[i] < 0x7f;
    if (!plain) {
        tee_fact_bytes(c, "provider", tee_keep(c, name));
        return;
    }
    memcpy(text, name.ptr, name.len);
    text[name.len] = 0;
    tee_fact_text(c, "provider", tee_keep_text(c, text));
}

void tee_snp_claims(tee_ctx *c, const tee_snp *snp) {
    const snp_report *r = &snp->report;
    bool vlek = snp->leaf.signer == SNP_SIGNER_VLEK;
    c->claims->family = "SEV-SNP";
    c->claims->product = snp->leaf.product_name;
    c->claims->measurement = tee_keep(c, r->measurement);
    c->claims->signer = r->flags & SNP_FLAG_AUTHOR_KEY
                            ? tee_keep(c, r->author_key_digest)
                            : (mal_bytes){ 0 };
    c->claims->report_data = tee_keep(c, r->report_data);
    c->claims->platform_id =
        tee_is_zero(r->chip_id) ? (mal_bytes){ 0 } : tee_keep(c, r->chip_id);
    c->claims->debug = r->policy & SNP_POLICY_DEBUG;
    c->claims->hardware = true;
    tee_fact_text(c, "key", vlek ? "VLEK" : "VCEK");
    if (vlek)
        add_provider(c, snp->leaf.provider);
    add_tcbs(c, snp);
    add_guest(c, r);
}

/* --- The family --------------------------------------------------------------
 */

mal_tee_kind tee_snp_recognise(mal_bytes evidence) {
    snp_report report;
    return snp_report_parse(&report, evidence) == MAL_OK ? MAL_TEE_SNP
                                                         : MAL_TEE_ANY;
}

mal_tee_code tee_snp_pool(tee_ctx *c, tee_pool *pool) {
    for (size_t i = 0; i < c->in->n_endorsements; i++) {
        mal_err err = tee_pool_add(pool, c->in->endorsements[i]);
        if (err != MAL_OK && err != MAL_E_INPUT)
            return tee_of_err(c, err, MAL_TEE_LIMIT, "the endorsements");
    }
    return MAL_TEE_OK;
}

static mal_tee_code verify(tee_ctx *c, tee_pool *pool) {
    tee_snp snp = { 0 };
    TEE_TRY(tee_snp_pool(c, pool));
    TEE_TRY(tee_snp_report(c, &snp, c->in->evidence, pool));
    tee_snp_claims(c, &snp);
    c->authentic = true;
    TEE_TRY(tee_check_nonce(c, snp.report.report_data));
    TEE_TRY(tee_snp_debug(c, &snp));
    return tee_late(c);
}

mal_tee_code tee_snp_verify(tee_ctx *c) {
    tee_pool pool = { 0 };
    mal_tee_code code = verify(c, &pool);
    tee_pool_clear(&pool);
    return code;
}
