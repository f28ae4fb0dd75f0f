/* malus/kms.h - a party's keys, on its own node.
 *
 * An identity key names the party in every contract and signs little:
 * contracts, and statements that say which short-lived key speaks for the node,
 * which signs its log, and which one others seal to.  A key-encryption key
 * wraps the random key of each dataset version, bound to room, dataset, version
 * and contract, and what the owners of a room share, its pseudonym key.
 *
 * All of it lies in one folder (0700, files 0600), each file whole or absent
 * under kill -9; in memory it lies in guarded pages.  A folder that others can
 * read is refused.  A handle may be used by many threads.
 */
#ifndef MALUS_KMS_H
#define MALUS_KMS_H

#include <malus/prim.h>

#define MAL_KMS_PARTY_MAX 63    /* bytes: a-z, 0-9, '-', '_'; a letter first */
#define MAL_KMS_DATASET_MAX 255 /* bytes of a dataset's name */

typedef struct mal_kms mal_kms;

/* Make all keys of a party, and the folder.  Whole or absent: MAL_E_STATE if
 * the folder holds keys already, and then nothing is changed. */
mal_err mal_kms_create(const char *dir, const char *party,
                       uint64_t now) MAL_MUST_CHECK;
/* Errors:  MAL_E_MISSING  no keys here.
 *          MAL_E_DENIED   folder or file is open to group or others; says
 * which. MAL_E_AUTH     a file was altered, or belongs to another party. */
mal_err mal_kms_open(mal_kms **kms, const char *dir) MAL_MUST_CHECK;
void mal_kms_close(mal_kms *kms); /* NULL is fine */
void mal_kms_auto(mal_kms **kms);

const char *mal_kms_party(const mal_kms *kms);
void mal_kms_identity(const mal_kms *kms, uint8_t pub[32]);

/* --- Keys that sign and keys to seal to ---------------------------------- */

typedef enum mal_kms_use {
    MAL_KMS_IDENTITY = 0, /* Ed25519, for life; pinned in contracts */
    MAL_KMS_NODE = 1,     /* Ed25519: TLS, and DSSE statements of the node */
    MAL_KMS_LOG = 2,      /* Ed25519: checkpoints and cosignatures */
    MAL_KMS_HPKE = 3,     /* X25519: others seal to it */
} mal_kms_use;

#define MAL_KMS_SUITE_ED25519 1
#define MAL_KMS_SUITE_X25519 2 /* HPKE 0x0020, 0x0001, 0x0003 */
#define MAL_KMS_NODE_DAYS 30   /* node and HPKE keys live so long */
#define MAL_KMS_LOG_DAYS 3650

/* New node and HPKE keys under the next epoch, if less than a third of the
 * present ones' time is left (*renewed says).  The old ones are held until they
 * expire: what was sealed to them still opens. */
mal_err mal_kms_renew(mal_kms *kms, uint64_t now, bool *renewed) MAL_MUST_CHECK;
/* The present key; lives as long as kms.  Not for MAL_KMS_HPKE (NULL). */
const mal_key *mal_kms_key(mal_kms *kms, mal_kms_use use);
/* The public part of the present key. */
void mal_kms_pub(mal_kms *kms, mal_kms_use use, uint8_t pub[32]);
/* With the present NODE or LOG key.  The caller's message names its own format
 * (DSSE's PAE, a signed note). */
mal_err mal_kms_sign(mal_kms *kms, mal_kms_use use, uint8_t sig[64],
                     mal_bytes message) MAL_MUST_CHECK;
/* With the identity: contracts and consents.  MAL_E_DENIED: the message is not
 * a DSSE pre-authentication encoding; key statements and certificates are made
 * in here only. */
mal_err mal_kms_sign_identity(mal_kms *kms, uint8_t sig[64],
                              mal_bytes message) MAL_MUST_CHECK;
/* Sealed to the HPKE key of this or of an earlier epoch that has not expired.
 */
mal_err mal_kms_hpke_open(mal_kms *kms, mal_buf *out, mal_bytes info,
                          mal_bytes aad, mal_bytes sealed) MAL_MUST_CHECK;
/* DER, for TLS: the node's certificate and the identity's that issued it. */
mal_err mal_kms_cert_node(mal_kms *kms, mal_buf *der) MAL_MUST_CHECK;
mal_err mal_kms_cert_identity(mal_kms *kms, mal_buf *der) MAL_MUST_CHECK;
/* 32 bytes that never leave: an input of the noise key (rule 15). */
const mal_key *mal_kms_node_secret(const mal_kms *kms);

/* --- Key statements: "this key is mine, for this, until then" ------------ */

#define MAL_KMS_STATEMENT_MAX 256 /* bytes, encoded */
typedef struct mal_kms_statement {
    char party[MAL_KMS_PARTY_MAX + 1];
    mal_kms_use use; /* never MAL_KMS_IDENTITY */
    uint32_t suite;  /* MAL_KMS_SUITE_ of its use */
    uint32_t epoch;  /* counts from 1 */
    uint8_t pub[32];
    uint64_t not_before, not_after; /* unix seconds, both inside */
    uint8_t sig[64];                /* by the identity, over all of the above */
} mal_kms_statement;

/* The statement of the present key. */
mal_err mal_kms_statement_own(mal_kms *kms, mal_kms_statement *statement,
                              mal_kms_use use) MAL_MUST_CHECK;
mal_err
mal_kms_statement_encode(mal_buf *out,
                         const mal_kms_statement *statement) MAL_MUST_CHECK;
/* Foreign bytes; pure.  MAL_E_INPUT unless they are the one encoding of a
 * statement.  Nothing is believed yet. */
mal_err mal_kms_statement_decode(mal_kms_statement *statement,
                                 mal_bytes bytes) MAL_MUST_CHECK;
/* Did `identity`, under the name `party`, say so, for this use, and now?  Pure.
 * MAL_E_AUTH otherwise. */
mal_err mal_kms_statement_verify(const mal_kms_statement *statement,
                                 const uint8_t identity[32], const char *party,
                                 mal_kms_use use, uint64_t now) MAL_MUST_CHECK;

/* --- Dataset keys (rules 24 and 25) -------------------------------------- */

/* What a wrapped key is bound to. */
typedef struct mal_kms_binding {
    uint8_t room[32];
    const char *dataset; /* "acme.customers" */
    uint32_t version;
    uint8_t contract[32]; /* its hash; mal_kms_data_destroy ignores it */
} mal_kms_binding;

/* A fresh random 32-byte key, wrapped durably before it is handed out.
 * MAL_E_STATE: this version has a key already. */
mal_err mal_kms_data_new(mal_kms *kms, mal_key *key,
                         const mal_kms_binding *binding) MAL_MUST_CHECK;
/* MAL_E_MISSING: no such key, or destroyed.  MAL_E_AUTH: it is bound to
 * something else, or was altered. */
mal_err mal_kms_data_key(mal_kms *kms, mal_key *key,
                         const mal_kms_binding *binding) MAL_MUST_CHECK;
/* Bind it to a successor of the contract; the old wrapping is gone after.
 * Already bound to it: MAL_OK. */
mal_err mal_kms_data_rewrap(mal_kms *kms, const mal_kms_binding *binding,
                            const uint8_t contract[32]) MAL_MUST_CHECK;
/* Overwrite and unlink, durably; finished by mal_kms_open after a crash.
 * Idempotent. */
mal_err mal_kms_data_destroy(mal_kms *kms,
                             const mal_kms_binding *binding) MAL_MUST_CHECK;

/* --- The pseudonym key of a room (rule 27) ------------------------------- */

/* What each owner puts in, sealed to the other owners by room. */
typedef struct mal_kms_part {
    char party[MAL_KMS_PARTY_MAX + 1];
    uint8_t bytes[32];
} mal_kms_part;

/* Our own part: drawn and made durable at the first call, the same after. */
mal_err mal_kms_pseudonym_part(mal_kms *kms, mal_kms_part *part,
                               const uint8_t room[32]) MAL_MUST_CHECK;
/* Combine all owners' parts, ours among them, in any order:
 *     key = HKDF(parts sorted by party; salt = room; info = label).
 * One honest owner's part makes it random.  Stored wrapped.
 * Errors:  MAL_E_INPUT  a party twice, our part is absent or altered.
 *          MAL_E_STATE  the room has another key already. */
mal_err mal_kms_pseudonym_combine(mal_kms *kms, const uint8_t room[32],
                                  const mal_kms_part *parts,
                                  size_t n) MAL_MUST_CHECK;
/* 32 bytes.  MAL_E_STATE: the owners have not combined their parts yet. */
mal_err mal_kms_pseudonym_key(mal_kms *kms, mal_key *key,
                              const uint8_t room[32]) MAL_MUST_CHECK;
/* Owners compare it before a job: a hash of label, room and key. */
mal_err mal_kms_pseudonym_commitment(mal_kms *kms, mal_prim_hash *out,
                                     const uint8_t room[32]) MAL_MUST_CHECK;
/* After a withdrawal: part and key are gone.  Idempotent. */
mal_err mal_kms_pseudonym_destroy(mal_kms *kms,
                                  const uint8_t room[32]) MAL_MUST_CHECK;

#endif
