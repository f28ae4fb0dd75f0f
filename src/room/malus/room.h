/* malus/room.h - the life of a query: contract, plan, run, release, receipt.
 *
 * A room is one contract at one node.  Its owners' nodes meet in it; an
 * analyst's node asks.  Every owner's node parses, judges and plans for itself
 * from the signed request and the contract, and compares hashes with the others
 * before it sends anything that depends on data:
 *
 *   open   every owner judges the request and answers with a fresh nonce
 *   hold   all compare; job id = H(request, nonces); each reserves its budget
 *   spend  all holds seen: the budget is spent, `intent` is logged, and every
 *          other owner cosigns the log
 *   run    all intents seen: local stages, engine, noise; parts leave sealed
 *   close  transcripts compared; `result` is logged and cosigned
 *
 * The asking node only carries messages: each step verifies all signatures of
 * the one before, so that a lying coordinator can stop a job, not bend it.
 * docs/job.md has every message and its bytes.
 */
#ifndef MALUS_ROOM_H
#define MALUS_ROOM_H

#include <malus/audit.h>
#include <malus/base.h>
#include <malus/db.h>
#include <malus/dp.h>
#include <malus/json.h>
#include <malus/kms.h>
#include <malus/policy.h>
#include <malus/sql.h>
#include <malus/store.h>

/* --- Contracts and their signatures -------------------------------------- */

/* A bundle is the contract's canonical text and its owners' signatures in one
 * DSSE envelope (JSON): what parties hand around, and what a receipt carries.
 */
#define MAL_ROOM_BUNDLE_MAX ((size_t)4 << 20)

typedef struct mal_room_bundle {
    const mal_policy_contract *contract; /* in the arena */
    mal_policy_set signed_;              /* parties whose signature verifies */
    mal_policy_set missing;              /* owners who have not signed */
} mal_room_bundle;

/* Append to `out` the bundle of `in` (contract text or bundle) with one more
 * signature, by the identity key of kms.  MAL_E_DENIED: it is not a party. */
mal_err mal_room_bundle_sign(mal_buf *out, mal_bytes in,
                             mal_kms *kms) MAL_MUST_CHECK;
/* Merge the signatures of two bundles of the same contract. */
mal_err mal_room_bundle_merge(mal_buf *out, mal_bytes a,
                              mal_bytes b) MAL_MUST_CHECK;
/* Parse and check every signature.  A signature that does not verify refuses
 * the bundle (MAL_E_AUTH); a missing one is only listed. */
mal_err mal_room_bundle_read(mal_room_bundle *bundle, mal_arena *arena,
                             mal_bytes in) MAL_MUST_CHECK;

/* --- A room at a node ---------------------------------------------------- */

typedef struct mal_room mal_room; /* thread-safe */

/* How to reach the other parties; node implements it with net, tests in memory.
 * Parties are indices in the contract.  All block, at most timeout_ms. */
typedef struct mal_room_peers {
    mal_err (*call)(void *ctx, uint32_t party, const char *method,
                    mal_bytes request, mal_buf *reply, unsigned timeout_ms);
    /* One side dials, the other awaits the same label from that party. */
    mal_err (*dial)(void *ctx, uint32_t party, const char *label,
                    unsigned timeout_ms, mal_chan **chan);
    mal_err (*await)(void *ctx, uint32_t party, const char *label,
                     unsigned timeout_ms, mal_chan **chan);
    /* Fail the channel's sends and receives from another thread. */
    void (*cancel)(void *ctx, mal_chan *chan);
    void *ctx;
} mal_room_peers;

typedef struct mal_room_config {
    mal_kms *kms; /* all borrowed, shared by the rooms of a node */
    mal_store *store;
    mal_dp_ledger *ledger;
    mal_audit_log *log;
    mal_audit_witness *witness;
    mal_db *db; /* node state; room makes its own tables */
    mal_room_peers peers;
    uint64_t memory_max; /* of a DuckDB child; 0: 1 GiB */
    const char *folder; /* for stages of jobs, encrypted; NULL: none are kept */
    unsigned threads;   /* 0: all */
    unsigned step_ms;   /* a peer answers a step within; 0: 60,000 */
    mal_bytes costs;    /* lines of `malus bench --json`, for explain; may be
                           empty */
    const char *build;  /* named in every acceptance (rule 23) */
} mal_room_config;

/* Open a room from its signed bundle.  All owners must have signed, and this
 * party must be named.  A successor of a room that is known here must pass
 * mal_policy_successor_check; keys are rewrapped.
 * Jobs that were running when the node died become failed. */
mal_err mal_room_open(mal_room **room, const mal_room_config *config,
                      mal_bytes bundle) MAL_MUST_CHECK;
/* Append the bundle of the newest version that was ever opened from this
 * database, by room id (hex); nothing if there is none. */
mal_err mal_room_newest(mal_buf *bundle, mal_db *db,
                        const char *id) MAL_MUST_CHECK;
void mal_room_close(mal_room *room); /* cancels and waits for its jobs */
/* Once the room can be called by its peers: log the contract, if our log does
 * not hold it.  MAL_E_STATE as below. */
mal_err mal_room_announce(mal_room *room) MAL_MUST_CHECK;
/* Before anything is appended to our log outside a job: is it behind what a
 * peer that can be reached cosigned?  MAL_E_STATE: this state is an old copy.
 */
mal_err mal_room_look_back(mal_room *room) MAL_MUST_CHECK;
const mal_policy_contract *mal_room_contract(const mal_room *room);

/* A call that another party's node made.  `caller` is the authenticated party.
 * A failure is answered too: the node sends mal_err_name and a coarse text. */
mal_err mal_room_answer_call(mal_room *room, uint32_t caller,
                             const char *method, mal_bytes request,
                             mal_buf *reply) MAL_MUST_CHECK;

/* --- What an owner does -------------------------------------------------- */

/* Agree on the room's pseudonym key with all owners, if not yet done: each
 * gives a contribution, and all compare commitments. */
mal_err mal_room_key_agree(mal_room *room) MAL_MUST_CHECK;
/* mal_store_add in this room, after mal_room_key_agree. */
mal_err mal_room_data_add(mal_room *room, mal_store_report *report,
                          mal_arena *arena, const char *dataset,
                          const char *path,
                          const mal_store_options *options) MAL_MUST_CHECK;
/* Tables that rest as shares at the three seats of share3 (`rests shared`).
 *
 * Share the newest version of our dataset: split it once, plane by plane and
 * padded to its declared bound, and seal to each seat its two parts.  They are
 * sent to the seats' nodes, or written as bundles DATASET.SEAT.shares into
 * `dir`. */
mal_err mal_room_share(mal_room *room, const char *dataset, const char *dir,
                       const mal_progress *progress) MAL_MUST_CHECK;
/* At a seat: take a bundle that an owner wrote. */
mal_err mal_room_share_take(mal_room *room, const char *path,
                            mal_store_shares *taken) MAL_MUST_CHECK;
/* At a seat, with the other two: the same table under shares that nobody can
 * link to the old ones, which are dropped.  What leaked from one seat before
 * and from another after is then worth nothing together. */
mal_err mal_room_share_refresh(mal_room *room, const char *dataset,
                               uint64_t *epoch,
                               const mal_progress *progress) MAL_MUST_CHECK;
/* Is it ours, and does the contract say that it rests shared? */
bool mal_room_shared(const mal_room *room, const char *dataset);
/* Our dataset was erased here (version 0: all of it): tell the seats to erase
 * their shares.  *missed: those that could not be told. */
mal_err mal_room_unshare(mal_room *room, const char *dataset, uint32_t version,
                         mal_policy_set *missed) MAL_MUST_CHECK;
/* New jobs stop here and at every reachable peer; running ones end; logged. */
mal_err mal_room_withdraw(mal_room *room, const char *reason) MAL_MUST_CHECK;

/* --- What an analyst does ------------------------------------------------ */

typedef struct mal_room_question {
    const char *text;      /* SQL */
    uint64_t epsilon_nano; /* 0: the most that the permit allows */
    const char *purpose;   /* NULL: the rule's first */
    bool fresh;            /* do not serve a stored answer */
    bool prenoise;         /* rooms marked test, test builds: no noise */
    unsigned timeout_ms;   /* of the whole job; 0: 10 minutes */
} mal_room_question;

typedef struct mal_room_cost { /* of the choice, by declared bounds */
    double seconds;
    uint64_t bytes;
    unsigned rounds;
} mal_room_cost;

typedef struct mal_room_answer {
    mal_sql_table table;   /* in the arena */
    char job[65];          /* hex; "" for a stored answer's original job */
    bool stored;           /* served again, at no cost */
    uint64_t epsilon_nano; /* charged to every touched lineage */
    const char *engine;
    const char *const *notes; /* leakage, trust, ticks missed: lines */
    unsigned n_notes;
    mal_buf receipt; /* JSON; the caller clears it */
    mal_policy_verdict verdict;
    /* Seconds of each phase, for people. */
    double seconds;
    uint64_t bytes; /* sent by all parties in the engine */
} mal_room_answer;

/* Ask.  This node's party must be the requester; it is also the recipient.
 * The same question over the same data, by the same party, is answered from the
 * store of answers, after policy and expiry are checked anew.
 *
 * Errors:  MAL_E_DENIED  refused by the contract; answer->verdict says why.
 *          MAL_E_BUDGET  a ledger refused.   MAL_E_UNSUPPORTED  no release yet.
 *          MAL_E_PEER, MAL_E_TIMEOUT, MAL_E_CANCEL  the job ended; it may have
 *          been charged, and the message says so. */
mal_err mal_room_ask(mal_room *room, mal_room_answer *answer, mal_arena *arena,
                     const mal_room_question *question,
                     const mal_progress *progress) MAL_MUST_CHECK;

/* Go on with a job of ours that a node's death ended after its budget was
 * spent: named by its first digits.  Nothing is charged again; all three seats
 * begin behind the last stage that all of them kept.  One answer at most.
 *
 * Errors:  MAL_E_MISSING  nothing of it is kept.  MAL_E_STATE  an output may
 *          have left, it was cancelled, or it is under way. */
mal_err mal_room_resume(mal_room *room, mal_room_answer *answer,
                        mal_arena *arena, const char *job, unsigned timeout_ms,
                        const mal_progress *progress) MAL_MUST_CHECK;

/* Who computes what, what each party learns, cost, noise, the rule that permits
 * it.  Touches no data and no budget.  Also for refused questions. */
mal_err mal_room_explain(mal_room *room, mal_buf *text, mal_room_answer *facts,
                         mal_arena *arena,
                         const mal_room_question *question) MAL_MUST_CHECK;

/* What is left of our own budgets in this room: append one object a dataset and
 * party to the array. */
mal_err mal_room_budgets(mal_room *room, mal_json *list) MAL_MUST_CHECK;

/* --- Jobs ---------------------------------------------------------------- */

typedef struct mal_room_job {
    char id[65]; /* hex; the request's id until the job id is known */
    const char
        *state; /* "open", "held", "spent", "running", "done", "failed" */
    const char *stage;
    uint64_t done, total;    /* of the stage */
    double left_s;           /* of the stage, if it goes on as it went; or 0 */
    uint64_t started, ended; /* unix */
    const char *error;       /* "" unless failed */
    const char *asked_by;
} mal_room_job;
mal_err mal_room_jobs(mal_room *room, mal_room_job **jobs, size_t *n,
                      mal_arena *arena) MAL_MUST_CHECK;
/* End the jobs whose asking node went away, or that were cancelled between two
 * steps.  To be called every second or so. */
void mal_room_sweep(mal_room *room);
/* Ends the job here and, through its channels, everywhere.  "": all. */
mal_err mal_room_cancel(mal_room *room, const char *id) MAL_MUST_CHECK;

/* --- Receipts ------------------------------------------------------------ */

/* Offline: parse the receipt, its contract, and check everything that it
 * claims. The report is text, or JSON.  MAL_E_AUTH: a claim fails; the report
 * says which. */
mal_err mal_room_receipt_verify(mal_buf *report, mal_bytes receipt,
                                bool json) MAL_MUST_CHECK;

#endif
