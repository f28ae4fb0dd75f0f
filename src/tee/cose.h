/* cose.h - COSE_Sign1 and COSE_Key [RFC9052] as evidence uses them.
 *
 * A message is cut by bytes, its signature checked over those bytes, and only
 * then is the payload read.  The algorithm comes from the protected header
 * alone.
 */
#ifndef MALUS_TEE_COSE_H
#define MALUS_TEE_COSE_H

#include "cbor.h"
#include "tee_impl.h"

#include <malus/prim_cert.h>

/* [RFC9053] section 2.1. */
#define TEE_COSE_ES256 (-7)
#define TEE_COSE_ES384 (-35)
#define TEE_COSE_ES512 (-36)

typedef struct tee_cose {
    int64_t alg;       /* one of the above */
    mal_bytes header;  /* the protected header, encoded as a byte string */
    mal_bytes signed_; /* the payload, encoded as a byte string */
    mal_bytes payload;
    mal_bytes signature;
} tee_cose;

/* The whole of bytes is a COSE_Sign1 with tag 18, or without where untagged.
 * what names it in the detail of a refusal. */
mal_tee_code tee_cose_parse(tee_ctx *c, tee_cose *out, mal_bytes bytes,
                            bool untagged, const char *what);
mal_tee_code tee_cose_verify(tee_ctx *c, const tee_cose *message,
                             const mal_pubkey *key, const char *what);
/* A COSE_Key of type EC2 with both coordinates.  MAL_E_INPUT. */
mal_err tee_cose_key(mal_pubkey **key, mal_bytes bytes) MAL_MUST_CHECK;

#endif
