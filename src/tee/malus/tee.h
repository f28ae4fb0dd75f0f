/* malus/tee.h - evidence of hardware: what it says, and whether to believe it.
 *
 * A machine that runs code in protected memory can sign a statement of what it
 * runs.  This library reads such statements, follows their signatures to a root
 * that the caller names, at a time that the caller names, and answers with a
 * verdict: accept, warn or reject, one code of a closed list, and the claims
 * that are vouched for.  It opens no file, no socket and no clock, keeps no
 * state, and what it allocates is bounded by what it was given.  Whether claims
 * are good enough for a purpose is another question: that is appraisal.
 */
#ifndef MALUS_TEE_H
#define MALUS_TEE_H

#include <malus/base.h>
#include <malus/json.h>
#include <malus/prim.h>

/* X(enumerator, name in text) */
#define MAL_TEE_KIND_MAP(X)                                                    \
    X(MAL_TEE_ANY, "any") /* recognised by its content */                      \
    X(MAL_TEE_SGX_V3, "sgx-v3")                                                \
    X(MAL_TEE_TDX_V4, "tdx-v4")                                                \
    X(MAL_TEE_TDX_V5, "tdx-v5")                                                \
    X(MAL_TEE_SNP, "snp")                                                      \
    X(MAL_TEE_NITRO, "nitro")                                                  \
    X(MAL_TEE_CCA, "cca")                                                      \
    X(MAL_TEE_PSA, "psa")                                                      \
    X(MAL_TEE_TPM2, "tpm2")                                                    \
    X(MAL_TEE_AZ_SNP_VTPM, "az-snp-vtpm")                                      \
    X(MAL_TEE_AZ_TDX_VTPM, "az-tdx-vtpm")                                      \
    X(MAL_TEE_RATLS, "ratls")                                                  \
    X(MAL_TEE_TDX_REPORT, "tdx-report") /* local only: always refused */

typedef enum mal_tee_kind {
#define X(name, text) name,
    MAL_TEE_KIND_MAP(X)
#undef X
        MAL_TEE_KINDS
} mal_tee_kind;

/* Why.  Forgery is judged before time and time before quality: EXPIRED says
 * that the signatures are right, TCB that everything but the platform's patches
 * is. */
#define MAL_TEE_CODE_MAP(X)                                                    \
    X(MAL_TEE_OK, "ok")                                                        \
    X(MAL_TEE_MALFORMED, "malformed")                                          \
    X(MAL_TEE_UNSUPPORTED, "unsupported")                                      \
    X(MAL_TEE_LIMIT, "limit")                                                  \
    X(MAL_TEE_BAD_SIGNATURE, "bad-signature")                                  \
    X(MAL_TEE_BAD_CHAIN, "bad-chain")                                          \
    X(MAL_TEE_REVOKED, "revoked")                                              \
    X(MAL_TEE_EXPIRED, "expired")                                              \
    X(MAL_TEE_NOT_YET_VALID, "not-yet-valid")                                  \
    X(MAL_TEE_COLLATERAL_MISSING, "collateral-missing")                        \
    X(MAL_TEE_COLLATERAL_KIND, "collateral-kind")                              \
    X(MAL_TEE_FMSPC_MISMATCH, "fmspc-mismatch")                                \
    X(MAL_TEE_QE_IDENTITY, "qe-identity")                                      \
    X(MAL_TEE_MODULE_IDENTITY, "module-identity")                              \
    X(MAL_TEE_BINDING, "binding")                                              \
    X(MAL_TEE_TCB, "tcb")                                                      \
    X(MAL_TEE_TCB_NO_LEVEL, "tcb-no-level")                                    \
    X(MAL_TEE_DEBUG, "debug")                                                  \
    X(MAL_TEE_ALG_UNPROTECTED, "alg-unprotected")                              \
    X(MAL_TEE_SYMMETRIC, "symmetric")                                          \
    X(MAL_TEE_NOT_REMOTE_EVIDENCE, "not-remote-evidence")                      \
    X(MAL_TEE_EVENTLOG_MISMATCH, "eventlog-mismatch")                          \
    X(MAL_TEE_NONCE, "nonce")

typedef enum mal_tee_code {
#define X(name, text) name,
    MAL_TEE_CODE_MAP(X)
#undef X
        MAL_TEE_CODES
} mal_tee_code;

typedef enum mal_tee_answer {
    MAL_TEE_REJECT, /* the zero: what is not judged is not good */
    MAL_TEE_WARN,   /* authentic, but the platform is not up to date */
    MAL_TEE_ACCEPT,
} mal_tee_answer;

/* How much of a quote of Intel's is judged; other kinds are judged in full. */
typedef enum mal_tee_scope {
    MAL_TEE_FULL,
    MAL_TEE_SIGNATURES, /* "dcap-signature-only": without collateral */
    MAL_TEE_TCB_LEVEL,  /* "tcb-level-only": signatures, and its level in TCB
                           info that nobody need have signed */
    MAL_TEE_EVENT_LOG,  /* "tdx-eventlog": signatures, and a log that leads to
                           its registers */
} mal_tee_scope;

typedef enum mal_tee_anchor_kind {
    MAL_TEE_ANCHOR_ROOT, /* "name:hex": SHA-256 of a root certificate */
    MAL_TEE_ANCHOR_KEY,  /* "given-key": the key among the endorsements */
    MAL_TEE_ANCHOR_AK,   /* "enrolled-ak": a TPM's key, enrolled before.  Both
                            may name it: ":hex" is SHA-256 of its SPKI */
} mal_tee_anchor_kind;

#define MAL_TEE_NAME_MAX 32
typedef struct mal_tee_anchor {
    mal_tee_anchor_kind kind;
    char name[MAL_TEE_NAME_MAX]; /* "intel-sgx-root"; "" for keys */
    mal_prim_hash hash;          /* of a root, or of a key */
    bool has_hash;               /* always, of a root */
} mal_tee_anchor;

#define MAL_TEE_EVIDENCE_MAX ((size_t)1 << 20)
#define MAL_TEE_ENDORSEMENTS_MAX 16
#define MAL_TEE_ENDORSEMENT_MAX ((size_t)1 << 20)
#define MAL_TEE_ARENA_BYTES ((size_t)4 << 20) /* enough for every kind */

/* Everything is borrowed, and must outlive the claims. */
typedef struct mal_tee_input {
    mal_tee_kind kind;
    mal_tee_scope scope;
    mal_bytes evidence;
    const mal_bytes *endorsements; /* [n] certificates (PEM, DER), lists of
                                      revoked ones, collateral (JSON), event
                                      logs, keys: recognised by content */
    size_t n_endorsements;
    mal_tee_anchor anchor;
    uint64_t time; /* seconds since 1970 */
    mal_bytes nonce;
    bool has_nonce;
} mal_tee_input;

/* One more thing that is vouched for, with the kind's own name for it. */
typedef enum mal_tee_fact_type {
    MAL_TEE_FACT_BYTES,
    MAL_TEE_FACT_NUMBER,
    MAL_TEE_FACT_TEXT,
    MAL_TEE_FACT_FLAG,
} mal_tee_fact_type;
typedef struct mal_tee_fact {
    const char *name;
    mal_tee_fact_type type;
    mal_bytes bytes;
    uint64_t number; /* a flag: 0 or 1 */
    const char *text;
} mal_tee_fact;
#define MAL_TEE_FACTS_MAX 128

/* How the platform's patches stand, in the vendor's words; NULL: not said. */
typedef struct mal_tee_tcb {
    const char *status; /* "UpToDate", "OutOfDate", .. */
    const char *module; /* "TDX_01:UpToDate" */
    const char *qe;
    const char *const *advisories; /* of the platform's level, in order */
    size_t n_advisories;
    mal_bytes fmspc;     /* family of processors; 6 bytes */
    uint64_t evaluation; /* tcbEvaluationDataNumber; the lowest used */
    uint64_t issued;     /* when the oldest collateral was; 0: none */
} mal_tee_tcb;

/* What is vouched for.  Empty fields are what the kind does not have.  Views
 * lie in the input or in the arena. */
typedef struct mal_tee_claims {
    mal_tee_kind kind;     /* never ANY */
    const char *family;    /* "SGX", "TDX", "SEV-SNP", .. */
    const char *product;   /* "Milan", .. */
    mal_bytes measurement; /* MRENCLAVE, MRTD, MEASUREMENT, PCR0, .. */
    mal_bytes signer;      /* MRSIGNER, author key */
    mal_bytes report_data; /* what the code itself wanted to say */
    mal_bytes platform_id; /* PPID, CHIP_ID, instance id */
    bool debug;
    bool hardware;   /* false: nobody says so, or a simulation it is */
    bool collateral; /* TCB and revocation were judged */
    mal_tee_tcb tcb;
    const mal_tee_fact *facts; /* [n_facts] registers and details */
    size_t n_facts;
    uint64_t not_before, not_after; /* when this verdict would be the same; 0:
                                       nothing bounds it */
} mal_tee_claims;

#define MAL_TEE_DETAIL_MAX 256
typedef struct mal_tee_verdict {
    mal_tee_answer answer;
    mal_tee_code code;
    mal_tee_scope scope;
    char detail[MAL_TEE_DETAIL_MAX]; /* for people; printable ASCII */
    bool
        authentic; /* signatures and bindings are good; else claims are empty */
    mal_tee_claims claims;
} mal_tee_verdict;

/* Judge a piece of evidence.
 *
 * Out:     verdict   valid on MAL_OK: a refusal is a verdict, not an error.
 *          arena     holds what the claims point at.
 * In:      input     all of it is foreign but kind, scope, anchor and time.
 * Cost:    a quote with all collateral: about twelve P-256 verifications.
 * Leaks:   everything here is public; vartime.
 * Errors:  MAL_E_MEMORY, MAL_E_LIMIT (the arena is too small).
 */
mal_err mal_tee_verify(mal_tee_verdict *verdict, mal_arena *arena,
                       const mal_tee_input *input) MAL_MUST_CHECK;

/* A new object: verdict, code, detail, kind, scope, and the claims if they are
 * authentic.  The same verdict gives the same text. */
mal_err mal_tee_verdict_json(mal_json **json,
                             const mal_tee_verdict *verdict) MAL_MUST_CHECK;

/* The fact with this name, or NULL. */
const mal_tee_fact *mal_tee_fact_find(const mal_tee_claims *claims,
                                      const char *name);

/* --- Names -----------------------------------------------------------------
 */

const char *mal_tee_kind_name(mal_tee_kind kind);
const char *mal_tee_code_name(mal_tee_code code);
const char *mal_tee_answer_name(mal_tee_answer answer);
const char *mal_tee_scope_name(mal_tee_scope scope); /* "full", .. */
/* A kind ("tdx-v4": in full) or a scope ("tcb-level-only": of any kind). */
mal_err mal_tee_kind_parse(mal_tee_kind *kind, mal_tee_scope *scope,
                           const char *name) MAL_MUST_CHECK;
/* "intel-sgx-root:44a0..", "given-key", "enrolled-ak", "enrolled-ak:9f3b..". */
mal_err mal_tee_anchor_parse(mal_tee_anchor *anchor,
                             const char *text) MAL_MUST_CHECK;

#endif
