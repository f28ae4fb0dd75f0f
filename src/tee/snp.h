/* snp.h - a verified SEV-SNP report, by itself or inside a vTPM's evidence. */
#ifndef MALUS_TEE_SNP_H
#define MALUS_TEE_SNP_H

#include "snp_impl.h"
#include "tee_impl.h"

typedef struct tee_snp {
    snp_report report;
    snp_leaf leaf;
} tee_snp;

/* Chain, signature and binding, in this order.  OK: the report is AMD's, of the
 * chip and TCB of its certificate.  The report's bytes and the pool outlive the
 * claims, which are for tee_snp_claims; debug and times are still to be judged.
 */
mal_tee_code tee_snp_report(tee_ctx *c, tee_snp *snp, mal_bytes bytes,
                            const tee_pool *pool);
/* What the report says, into the claims. */
void tee_snp_claims(tee_ctx *c, const tee_snp *snp);
mal_tee_code tee_snp_debug(tee_ctx *c, const tee_snp *snp);

/* Certificates and lists among the endorsements; what else is there is passed
 * over. */
mal_tee_code tee_snp_pool(tee_ctx *c, tee_pool *pool);

#endif
