/* given.h - the key that a verifier holds for a device, among the endorsements.
 */
#ifndef MALUS_TEE_GIVEN_H
#define MALUS_TEE_GIVEN_H

#include "tee_impl.h"

#include <malus/prim_cert.h>

/* The one public key among the endorsements: PEM, DER or JWK.  The anchor must
 * say that a key is given. */
mal_tee_code tee_given_key(tee_ctx *c, mal_pubkey **key);
/* Is it the key that the anchor names, if it names one?  Its hash, of the SPKI,
 * is the platform's id. */
mal_tee_code tee_given_check(tee_ctx *c, const mal_pubkey *key,
                             mal_prim_hash *id);

#endif
