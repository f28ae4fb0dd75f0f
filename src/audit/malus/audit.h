/* malus/audit.h - what a stranger can check: statements and receipts.
 *
 * Entries of a node's log (audit_log.h) are DSSE-signed in-toto statements that
 * hold hiding commitments; the openings travel in receipts.  A receipt verifies
 * offline, against identity keys and nothing else.
 *
 * This folder knows fields by name only; what a plan or an answer is, others
 * know.
 */
#ifndef MALUS_AUDIT_H
#define MALUS_AUDIT_H

#include <malus/audit_log.h>

/* --- Envelopes (DSSE) ---------------------------------------------------- */

#define MAL_AUDIT_TYPE_STATEMENT "application/vnd.in-toto+json"
#define MAL_AUDIT_TYPE_ROOM "application/vnd.malus.room"
#define MAL_AUDIT_DSSE_SIGS_MAX 64
#define MAL_AUDIT_DSSE_MAX ((size_t)8 << 20)

typedef struct mal_audit_dsse {
    const char *type;
    mal_bytes payload;
    size_t n;
    struct {
        char keyid[65]; /* hex SHA-256 of the public key */
        uint8_t sig[64];
    } sigs[MAL_AUDIT_DSSE_SIGS_MAX];
} mal_audit_dsse;
mal_err mal_audit_pae(mal_buf *out, const char *type,
                      mal_bytes payload) MAL_MUST_CHECK;
void mal_audit_keyid(char out[65], const uint8_t pub[32]);
/* The envelope's JSON text, with n >= 0 signatures. */
mal_err mal_audit_dsse_sign(mal_buf *out, const char *type, mal_bytes payload,
                            const mal_audit_signer *signers,
                            size_t n) MAL_MUST_CHECK;
/* The same envelope with one signature more (or the signer's replaced). */
mal_err mal_audit_dsse_cosign(mal_buf *out, mal_bytes envelope,
                              const mal_audit_signer *signer) MAL_MUST_CHECK;
/* The same envelope with a detached signature, verified first (MAL_E_AUTH). */
mal_err mal_audit_dsse_attach(mal_buf *out, mal_bytes envelope,
                              const uint8_t pub[32],
                              const uint8_t sig[64]) MAL_MUST_CHECK;
mal_err mal_audit_dsse_parse(mal_audit_dsse **dsse, mal_arena *arena,
                             mal_bytes envelope) MAL_MUST_CHECK;
/* MAL_E_AUTH unless pub signed it, and never a wrong signature under its keyid.
 */
mal_err mal_audit_dsse_verify(const mal_audit_dsse *dsse,
                              const uint8_t pub[32]) MAL_MUST_CHECK;

/* --- Statements (in-toto v1) and hiding commitments ---------------------- */

#define MAL_AUDIT_PREDICATE "https://malus.dev/attestation/"
#define MAL_AUDIT_FIELDS_MAX 64

/* SHA-256(label "malus commitment v1", name, salt, value), each
 * length-prefixed. */
void mal_audit_commit(mal_prim_hash *out, const char *name,
                      const uint8_t salt[32], mal_bytes value);

typedef struct mal_audit_field {
    const char *name; /* [a-z0-9_.-]{1,63} */
    const char *value;
} mal_audit_field;
typedef struct mal_audit_commitment {
    const char *name;
    mal_prim_hash hash;
} mal_audit_commitment;
typedef struct mal_audit_opening {
    const char *name;
    uint8_t salt[32];
    mal_bytes value;
} mal_audit_opening;

/* Entry kinds: "contract", "consent", "withdrawal", "dataset", "deletion",
 * "intent", "result", "refusal", "attestation", "key-release", "login". */
typedef struct mal_audit_statement {
    const char *kind; /* predicateType MAL_AUDIT_PREDICATE kind "/v1" */
    const char *subject;
    mal_prim_hash subject_sha256;
    const char *party;
    uint8_t room[32], contract[32];
    uint64_t time; /* Unix seconds */
    const mal_audit_field *fields;
    size_t n_fields;
    const mal_audit_commitment *commitments;
    size_t n_commitments;
} mal_audit_statement;
/* Canonical JSON. */
mal_err mal_audit_statement_encode(mal_buf *out,
                                   const mal_audit_statement *s) MAL_MUST_CHECK;
mal_err mal_audit_statement_parse(mal_audit_statement **s, mal_arena *arena,
                                  mal_bytes json) MAL_MUST_CHECK;
/* NULL if it is not there. */
const char *mal_audit_statement_field(const mal_audit_statement *s,
                                      const char *name);
const mal_prim_hash *
mal_audit_statement_commitment(const mal_audit_statement *s, const char *name);
/* Make the statement, sign it, and append the envelope to the log in one step.
 */
mal_err mal_audit_log_state(mal_audit_log *log, uint64_t *index,
                            mal_buf *envelope, const mal_audit_statement *s,
                            const mal_audit_signer *signer) MAL_MUST_CHECK;

/* --- Receipts (malus.receipt/v1) ----------------------------------------- */

#define MAL_AUDIT_RECEIPT_MAX ((size_t)32 << 20)
#define MAL_AUDIT_OWNERS_MAX 32
#define MAL_AUDIT_KEYS_MAX 8
#define MAL_AUDIT_LINES_MAX 64

/* Names that a receipt's intents and results must agree on between owners.
 * Fields: in clear.  Commitments: equal, or opened to equal values. */
#define MAL_AUDIT_F_JOB "job"               /* hex job id */
#define MAL_AUDIT_F_ENGINE "engine"         /* = the receipt's engine */
#define MAL_AUDIT_F_DISCLOSURE "disclosure" /* hex, mal_audit_disclosure */
#define MAL_AUDIT_C_REQUEST "request"
#define MAL_AUDIT_C_PLAN "plan"
#define MAL_AUDIT_C_ANSWER "answer" /* results only */

typedef struct mal_audit_lines {
    const char *line[MAL_AUDIT_LINES_MAX];
    size_t n;
} mal_audit_lines;
typedef struct mal_audit_part { /* one owner's side of the job */
    const char *party;
    mal_bytes keys[MAL_AUDIT_KEYS_MAX]; /* key statements */
    size_t n_keys;
    mal_bytes intent, intent_proof; /* entry (DSSE envelope), tlog-proof text */
    mal_bytes result, result_proof;
} mal_audit_part;
typedef struct mal_audit_receipt {
    mal_bytes contract_signatures; /* DSSE envelope of type MAL_AUDIT_TYPE_ROOM;
                                      its payload is the contract text */
    mal_audit_part parts[MAL_AUDIT_OWNERS_MAX];
    size_t n_parts;
    const char *engine;
    mal_audit_lines leakage; /* what whom learns beyond the answer */
    mal_audit_lines trust;   /* who must be believed, for what */
    mal_audit_lines not_proved;
    const mal_audit_opening *openings;
    size_t n_openings;
} mal_audit_receipt;
mal_err mal_audit_receipt_write(mal_buf *out, const mal_audit_receipt *receipt)
    MAL_MUST_CHECK;
mal_err mal_audit_receipt_parse(mal_audit_receipt **receipt, mal_arena *arena,
                                mal_bytes json) MAL_MUST_CHECK;
/* The contract text inside: the caller reads the parties out of it (policy). */
mal_err
mal_audit_receipt_contract(mal_bytes *text, mal_arena *arena,
                           const mal_audit_receipt *receipt) MAL_MUST_CHECK;
/* What an intent's "disclosure" field must be: engine, leakage, trust,
 * not_proved. */
void mal_audit_disclosure(char hex[65], const char *engine,
                          const mal_audit_lines *leakage,
                          const mal_audit_lines *trust,
                          const mal_audit_lines *not_proved);

typedef struct mal_audit_party { /* as the contract has it */
    const char *name;
    uint8_t identity_pub[32];
    bool owner;
    bool seat; /* takes part in the job, and may own nothing */
} mal_audit_party;
typedef struct mal_audit_claim {
    bool ok;
    const char *text; /* a sentence; on failure, what is wrong */
} mal_audit_claim;
#define MAL_AUDIT_CLAIMS_MAX 512
typedef struct mal_audit_report {
    bool ok; /* every claim holds */
    mal_audit_claim *claims;
    size_t n_claims;
    mal_audit_lines not_proved; /* never empty */
    char contract_sha256[65], room[65], job[65];
    const char *engine;
} mal_audit_report;
/* Check everything a receipt claims, offline and pure.
 *
 * Out:     report    in the arena; every claim is listed, held or not.
 * In:      parties   [n], read from mal_audit_receipt_contract by the caller.
 *          room      the room id that follows from the contract, or NULL.
 *          trusted   [n_trusted] identity keys the verifier knows; none: the
 * report says that identities were taken from the contract. now       Unix
 * seconds; only to refuse what lies in the future. Errors:  MAL_OK also when
 * claims fail: see report->ok.  MAL_E_INPUT: no receipt.
 */
mal_err mal_audit_receipt_verify(mal_audit_report *report, mal_arena *arena,
                                 mal_bytes json, const mal_audit_party *parties,
                                 size_t n, const uint8_t *room,
                                 const uint8_t (*trusted)[32], size_t n_trusted,
                                 uint64_t now) MAL_MUST_CHECK;
/* The receipt without the openings of these names (n = 0: of all). */
mal_err mal_audit_receipt_redact(mal_buf *out, mal_bytes json,
                                 const char *const *names,
                                 size_t n) MAL_MUST_CHECK;

/* --- Measurements -------------------------------------------------------- */

/* One JSON object a line, engine "log".  rows 0: a default; only NULL: all. */
mal_err mal_audit_bench(mal_buf *out, uint64_t rows,
                        const char *only) MAL_MUST_CHECK;

#endif
