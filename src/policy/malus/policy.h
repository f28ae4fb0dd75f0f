/* malus/policy.h - the room contract: its language, its hash, its judgement.
 *
 * One text, signed by all owners, is the whole agreement.  This folder turns
 * the text into a checked tree, the tree into one canonical text and one hash,
 * and answers one question: may this plan run, and may its answer leave the
 * room? It judges facts that the compiler proved about a plan, never SQL.  A
 * missing fact is a refusal; an error in a rule refuses too.
 * policy_contract.h has the tree; docs/contract.md the grammar and the meaning.
 */
#ifndef MALUS_POLICY_H
#define MALUS_POLICY_H

#include <malus/policy_contract.h>

/* --- Text to tree, tree to text ----------------------------------------- */

/* Read a contract; everything lives in the arena (8 MiB for common rooms, 256
 * MiB for any text within the limits).
 *
 * Errors:  MAL_E_INPUT  the message starts with "LINE:COLUMN: ", says what was
 *                       expected, and shows the line with a caret.
 *          MAL_E_LIMIT  a limit above, with line and column too.
 *          MAL_E_UNSUPPORTED  a reserved word whose meaning comes later.
 */
mal_err mal_policy_parse(mal_policy_contract **contract, mal_arena *arena,
                         mal_bytes text) MAL_MUST_CHECK;
/* Append the canonical text: parse(canonical(c)) has the same hash, and the
 * same canonical text.  Equal to contract->canonical. */
mal_err mal_policy_canonical(mal_buf *out, const mal_policy_contract *contract)
    MAL_MUST_CHECK;
/* Append a summary for people: who must be believed, parties, data, rules. */
mal_err mal_policy_print(mal_buf *out,
                         const mal_policy_contract *contract) MAL_MUST_CHECK;

/* --- Looking things up -------------------------------------------------- */

/* MAL_POLICY_NONE if there is no such name. */
uint32_t mal_policy_party_find(const mal_policy_contract *contract,
                               const char *name);
uint32_t mal_policy_dataset_find(const mal_policy_contract *contract,
                                 const char *name);
uint32_t mal_policy_column_find(const mal_policy_dataset *dataset,
                                const char *name);
uint32_t mal_policy_rule_find(const mal_policy_contract *contract,
                              const char *name);
/* The budget of the dataset for this party; party = MAL_POLICY_NONE: the one of
 * all together.  NULL: none. */
const mal_policy_budget *
mal_policy_budget_find(const mal_policy_contract *contract, uint32_t dataset,
                       uint32_t party);
mal_policy_set mal_policy_owners(const mal_policy_contract *contract);
/* What the contract says, else the party's own name. */
const char *mal_policy_organisation(const mal_policy_contract *contract,
                                    uint32_t party);
/* The three that compute every job of share3, in order of index: the parties
 * with the role compute; where no party has it, the owners.
 * MAL_E_UNSUPPORTED: they are not three, or two are of one organisation. */
#define MAL_POLICY_SEATS 3u
mal_err mal_policy_seats(const mal_policy_contract *contract,
                         uint32_t seats[MAL_POLICY_SEATS]) MAL_MUST_CHECK;
/* Whose nodes take part in a job of that engine: the owners; of share3 the
 * seats too. */
mal_policy_set mal_policy_members(const mal_policy_contract *contract,
                                  mal_policy_engine engine);
/* The lineage a ledger charges (rules.md, 16): "OWNER/ID-DOMAIN", or
 * "OWNER/DATASET#row" where every row is a unit. */
mal_err mal_policy_lineage(mal_buf *out, const mal_policy_contract *contract,
                           uint32_t dataset) MAL_MUST_CHECK;
/* Number of answers of a grouped column: codes + other + (NULL if nullable). */
uint64_t mal_policy_cells(const mal_policy_column *column);
const char *mal_policy_engine_name(mal_policy_engine engine);
/* MAL_POLICY_ENGINE_NONE if unknown. */
mal_policy_engine mal_policy_engine_find(const char *name);

/* --- Judgement ---------------------------------------------------------- */

typedef enum mal_policy_release {
    MAL_POLICY_RELEASE_MISSING = 0,
    MAL_POLICY_RELEASE_NOISED = 1,
    MAL_POLICY_RELEASE_EXACT = 2,
} mal_policy_release;

typedef struct mal_policy_use {
    uint32_t dataset, column;
    uint32_t how; /* MAL_POLICY_USE_* */
} mal_policy_use;

typedef struct mal_policy_evidence { /* proved by attestation, never claimed */
    const char *key, *value;
} mal_policy_evidence;

/* What was proved about a plan and its request.  Zero, NULL and MAL_POLICY_NONE
 * are missing facts: whatever asks for one refuses. */
typedef struct mal_policy_facts {
    uint32_t requester; /* party; MAL_POLICY_NONE: missing */
    uint32_t recipient; /* party; MAL_POLICY_NONE: missing */
    const char *purpose;
    mal_policy_engine engine;
    mal_policy_mode mode; /* what the engine will really promise */
    const mal_policy_evidence *evidence;
    uint32_t n_evidence;
    const uint32_t *datasets; /* every dataset the plan reads, no duplicates */
    uint32_t n_datasets;
    uint32_t operations;        /* MAL_POLICY_OP_*; count(*) stands only here */
    const mal_policy_use *uses; /* any order; a column may come twice */
    uint32_t n_uses;
    const mal_policy_join *joins; /* either side first */
    uint32_t n_joins;
    mal_policy_release release;
    uint64_t epsilon_nano; /* noised: the whole cost to the dearest dataset */
    mal_policy_ratio
        delta;          /* any den; round up.  2^-64 alone fits as 1/10^19 */
    uint64_t rows_max;  /* of the answer, from declared domains and LIMIT */
    uint64_t groups;    /* told by explain; no rule reads it */
    uint64_t group_min; /* asked; the effective one is in the verdict */
    bool having, order; /* told by explain; no rule reads them */
    uint32_t reveals;   /* MAL_POLICY_REVEALS_*: what the engine will show */
    const char *const *train; /* the models asked for with OP_TRAIN */
    uint32_t n_train;
    uint32_t keep_days; /* asked; 0: as long as the permit lets */
    uint64_t now;       /* unix; 0: missing.  Greatest cosigned time */
    mal_policy_set
        signed_; /* owners whose signature over this plan was verified */
} mal_policy_facts;

typedef enum mal_policy_outcome {
    MAL_POLICY_REFUSE = 0, /* a zeroed verdict refuses */
    MAL_POLICY_ALLOW = 1,
    MAL_POLICY_NEEDS_REVIEW =
        2, /* refuses until `missing` owners have signed */
} mal_policy_outcome;

/* Why a plan is refused: a closed list; the text adds the names. */
#define MAL_POLICY_CODE_MAP(X)                                                 \
    X(MAL_POLICY_OK, 0, "ok")                                                  \
    X(MAL_POLICY_NO_FACT, 1, "fact-missing")                                   \
    X(MAL_POLICY_EXPIRED, 2, "contract-expired")                               \
    X(MAL_POLICY_FORBIDDEN, 3, "forbidden")                                    \
    X(MAL_POLICY_NO_PERMIT, 4, "no-permit")                                    \
    X(MAL_POLICY_REQUESTER, 5, "requester")                                    \
    X(MAL_POLICY_DATASET, 6, "dataset")                                        \
    X(MAL_POLICY_COLUMN, 7, "column")                                          \
    X(MAL_POLICY_JOIN, 8, "join")                                              \
    X(MAL_POLICY_OPERATION, 9, "operation")                                    \
    X(MAL_POLICY_PURPOSE, 10, "purpose")                                       \
    X(MAL_POLICY_RECIPIENT, 11, "recipient")                                   \
    X(MAL_POLICY_ENGINE, 12, "engine")                                         \
    X(MAL_POLICY_REVEALS, 13, "reveals")                                       \
    X(MAL_POLICY_RELEASE, 14, "release")                                       \
    X(MAL_POLICY_EPSILON, 15, "epsilon")                                       \
    X(MAL_POLICY_DELTA, 16, "delta")                                           \
    X(MAL_POLICY_ROWS, 17, "rows")                                             \
    X(MAL_POLICY_KEEP, 18, "keep")                                             \
    X(MAL_POLICY_BUDGET, 19, "budget")                                         \
    X(MAL_POLICY_SIGNATURES, 20, "needs-review")

typedef enum mal_policy_code {
#define X(name, value, text) name = value,
    MAL_POLICY_CODE_MAP(X)
#undef X
} mal_policy_code;
const char *mal_policy_code_name(mal_policy_code code);

typedef struct mal_policy_verdict {
    mal_policy_outcome outcome;
    mal_policy_code code;
    /* Allowed: the one permit (or review) that covers the whole plan, for every
     * touched owner.  Refused: the forbid, or the permit that came nearest. */
    uint32_t rule;
    mal_policy_set
        owners; /* owners of the data touched: the rule speaks for all */
    mal_policy_set
        missing; /* NEEDS_REVIEW: owners who have not signed the plan */
    /* Refused: what it is about; MAL_POLICY_NONE where that says nothing. */
    uint32_t owner, dataset, column;
    /* Allowed: what holds for the answer. */
    uint64_t group_min;
    uint32_t keep_days;
    char text[1024];    /* one sentence or two: column, rule, owner */
    char nearest[1024]; /* the nearest question that would be allowed; or "" */
} mal_policy_verdict;

/* Judge a plan.  Total: whatever the facts are, there is a verdict, and only
 * ALLOW lets anything run.  Budgets' balances are the ledger's to judge.
 *
 * Cost:    <= 1 ms at 1,000 rules (bench: decide).  No allocation.
 * Leaks:   reads the contract and public facts only.
 */
void mal_policy_decide(mal_policy_verdict *verdict,
                       const mal_policy_contract *contract,
                       const mal_policy_facts *facts);

/* --- Amendment ---------------------------------------------------------- */

/* May child follow parent (rules.md, 24)?  Same room (id, name, test mark),
 * version + 1, the parent's hash.  Who stays keeps name and identity together;
 * who leaves takes along all it had: its data cannot stand under another owner,
 * its key under another name.  A dataset that stays keeps its lineage.  The
 * owners of the child sign it; a ledger carries every spend over.
 *
 * Errors:  MAL_E_DENIED  which of these does not hold.
 */
mal_err
mal_policy_successor_check(const mal_policy_contract *parent,
                           const mal_policy_contract *child) MAL_MUST_CHECK;

/* --- Static checks ------------------------------------------------------ */

typedef enum mal_policy_severity {
    MAL_POLICY_NOTE = 1,
    MAL_POLICY_WARNING = 2,
} mal_policy_severity;

typedef struct mal_policy_finding {
    mal_policy_severity severity;
    uint32_t line;    /* of the text; 0: the whole contract */
    const char *code; /* "dead-rule", "shadowed-rule", ...: docs/contract.md */
    const char *text;
} mal_policy_finding;

typedef struct mal_policy_findings {
    const mal_policy_finding *list; /* by line */
    uint32_t n;
} mal_policy_findings;

/* What compiles and is still probably not meant. */
mal_err mal_policy_check(mal_policy_findings *findings, mal_arena *arena,
                         const mal_policy_contract *contract) MAL_MUST_CHECK;

/* What could this party learn at most?  Append a text: columns, statistics and
 * joins in reach, the smallest group, the total epsilon and the bound on a
 * membership attack's advantage that follows, rounded up. */
mal_err mal_policy_learn(mal_buf *out, const mal_policy_contract *contract,
                         uint32_t party) MAL_MUST_CHECK;
/* Rounded up, in millionths: (e^eps - 1 + 2 delta) / (e^eps + 1). */
uint32_t mal_policy_advantage_ppm(uint64_t epsilon_nano,
                                  mal_policy_ratio delta);

#endif
