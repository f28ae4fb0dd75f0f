/* psa.h - what tokens of PSA and of CCA's platform have in common. */
#ifndef MALUS_TEE_PSA_H
#define MALUS_TEE_PSA_H

#include "cbor.h"
#include "tee_impl.h"

#define TEE_PSA_SOFTWARE_MAX 32
#define TEE_PSA_INSTANCE 33 /* bytes: 0x01, then what names the device */

/* A list of measured software components, noted as facts. */
mal_tee_code tee_psa_software(tee_ctx *c, const tee_cbor *list);
/* Only a device that is secured keeps its word; DEBUG otherwise. */
mal_tee_code tee_psa_lifecycle(tee_ctx *c, uint64_t lifecycle);
/* The device's own name, noted as platform. */
mal_tee_code tee_psa_instance(tee_ctx *c, mal_bytes instance);

#endif
