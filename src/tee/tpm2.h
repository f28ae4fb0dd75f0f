/* tpm2.h - a TPM's quote under a key that somebody else vouches for. */
#ifndef MALUS_TEE_TPM2_H
#define MALUS_TEE_TPM2_H

#include "tee_impl.h"
#include "tpm_impl.h"

/* The signature over its bytes, then the quote itself, its nonce, and the PCRs
 * if they are told (NULL: they are not).  OK: the key signed exactly this. */
mal_tee_code tee_tpm2_quote(tee_ctx *c, tpm_quote *quote, const mal_pubkey *ak,
                            mal_bytes attest, mal_bytes signature,
                            const tpm_pcrs *pcrs);
/* PCRs and the quote's own words, as facts. */
void tee_tpm2_facts(tee_ctx *c, const tpm_quote *quote, const tpm_pcrs *pcrs);

#endif
