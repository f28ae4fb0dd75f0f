/* malus/dp.h - what a release costs, and the noise that pays for it.
 *
 * Noise is the discrete Laplace law, DLap(t): P[x] ~ q^|x| with q = exp(-1/t)
 * and t = sensitivity / epsilon, a rational number.  It is drawn on integers
 * alone, in shares: any k parties' shares sum to exactly DLap(t), so that n - k
 * of the n may know their own and the answer stays protected in full (rule 2).
 *
 * The ledger is durable before it answers: a crash costs budget, never privacy.
 * The order of a job is hold, attach (the peers' signed holds), spend, and only
 * then a message that depends on data.
 */
#ifndef MALUS_DP_H
#define MALUS_DP_H

#include <malus/base.h>
#include <malus/prim.h>

/* --- Scale and sensitivity ---------------------------------------------- */

#define MAL_DP_SHARE_MAX 64     /* k, and n, at most */
#define MAL_DP_SCALE_LOG_MAX 50 /* 2^-6 <= t <= 2^50 */
#define MAL_DP_SCALE_LOG_MIN (-6)
#define MAL_DP_NANO ((uint64_t)1000000000)

/* t = num / den, both at least 1. */
typedef struct mal_dp_scale {
    uint64_t num;
    uint64_t den;
} mal_dp_scale;

/* t = sensitivity / (eps_num / eps_den), in lowest terms.
 *
 * Errors:  MAL_E_LIMIT  t is outside [2^-6, 2^50]: clamp the column more
 * tightly, or ask with a larger epsilon. MAL_E_INPUT  a zero.
 */
mal_err mal_dp_scale_of(mal_dp_scale *t, uint64_t sensitivity, uint64_t eps_num,
                        uint64_t eps_den) MAL_MUST_CHECK;

/* What one unit can add to one aggregate through one owner's table. */
typedef struct mal_dp_part {
    uint64_t rows;    /* rows one unit contributes at most, >= 1 */
    uint64_t fan_out; /* declared join fan-out: output rows per row, >= 1 */
    int64_t lo, hi;   /* clamp of the value a row adds; count: 1, 1 */
} mal_dp_part;

/* L1 sensitivity under add-or-remove-one-unit, over all cells of a group-by at
 * once (a row falls into one cell): the sum over parts of rows * fan_out *
 * max(|lo|, |hi|); the greatest instead of the sum if no unit can stand in two
 * owners' tables.  At least 1, so that a column of zeros still gets noise.
 *
 * Errors:  MAL_E_LIMIT  it does not fit 2^62.
 *          MAL_E_INPUT  lo > hi, a zero factor, or no parts.
 */
mal_err mal_dp_sensitivity(uint64_t *out, const mal_dp_part *parts, size_t n,
                           bool units_overlap) MAL_MUST_CHECK;

/* --- Noise ---------------------------------------------------------------- */

/* Rule 15: a fresh 32-byte seed from the kernel's randomness, the node's
 * secret, the job id (which holds the peers' nonces), the plan's hash and the
 * datasets' roots.  Two calls never give the same key. */
mal_err mal_dp_noise_key(mal_key *out, mal_bytes node_secret, mal_bytes job_id,
                         mal_bytes plan_hash, const mal_bytes *dataset_roots,
                         size_t n_roots) MAL_MUST_CHECK;

/* A source of 64-bit words: the generator, or a test's own. */
typedef struct mal_dp_source {
    void (*fill)(void *ctx, uint64_t *words, size_t n);
    void *ctx;
} mal_dp_source;
mal_dp_source mal_dp_source_drbg(mal_prim_drbg *drbg);

/* The constants of one scale and share, computed once. */
typedef struct mal_dp_noise mal_dp_noise;

/* k = 1: the whole mechanism.  k <= 64: the k-th share of it.
 *
 * Cost:    some 0.1 ms.
 * Errors:  MAL_E_LIMIT  t or k out of range.
 */
mal_err mal_dp_noise_new(mal_dp_noise **noise, mal_dp_scale t,
                         unsigned share_k) MAL_MUST_CHECK;
void mal_dp_noise_free(mal_dp_noise *noise);
void mal_dp_noise_auto(mal_dp_noise **noise);

/* One party's noise for n cells, independent.
 *
 * Exact: the law is that of DLap(t), or of its k-th share, reduced mod 2^64, up
 * to a statistical distance below 2^-3900 (the last limb of a comparison).  As
 * answer + noise is taken mod 2^64 too, nothing is charged for the reduction.
 *
 * Out:     out      [n] noise, as int64 (two's complement).
 * Leaks:   t, k and n through the time.  For a draw, the time tells whether one
 * of its comparisons tied (2^-64 each) and whether an uncommon branch was
 *          taken, of probability below 2^-48 a draw; README.md lists them.
 * Source:  [CKS20] section 5 (law), [GX17] (shares by infinite divisibility),
 *          [SV04] (negative binomial as a sum over Poisson jumps).
 */
void mal_dp_noise_draw(const mal_dp_noise *noise, int64_t *out, size_t n,
                       mal_dp_source source);

/* The same in one call: constants, then n draws. */
mal_err mal_dp_laplace_share(int64_t *out, size_t n, uint64_t num, uint64_t den,
                             unsigned share_k,
                             mal_prim_drbg *drbg) MAL_MUST_CHECK;

/* The discrete Gaussian law, P[x] ~ exp(-x^2 / (2 t^2)), for what many words of
 * one answer release at once.  Where any k parties' parts must be the whole
 * mechanism, each draws with a deviation for which k parts are: see
 * mal_dp_deviation_of. */
#define MAL_DP_DEVIATION_MIN ((uint64_t)1 << 10)
#define MAL_DP_DEVIATION_MAX ((uint64_t)1 << 50)

typedef struct mal_dp_gauss mal_dp_gauss;
/* Errors:  MAL_E_LIMIT  the deviation is out of range. */
mal_err mal_dp_gauss_new(mal_dp_gauss **gauss,
                         uint64_t deviation) MAL_MUST_CHECK;
void mal_dp_gauss_free(mal_dp_gauss *gauss);
void mal_dp_gauss_auto(mal_dp_gauss **gauss);
/* n draws, independent.
 *
 * Exact, up to a statistical distance below 2^-1000.
 * Leaks:   the deviation and n; how often draws were thrown away, which says
 *          nothing about those kept; else as mal_dp_noise_draw.
 * Source:  [CKS20] algorithm 3; [KLS21] sums of parts.
 */
void mal_dp_gauss_draw(const mal_dp_gauss *gauss, int64_t *out, size_t n,
                       mal_dp_source source);
mal_err mal_dp_gauss_share(int64_t *out, size_t n, uint64_t deviation,
                           mal_prim_drbg *drbg) MAL_MUST_CHECK;

/* rho-zCDP for epsilon and delta = 10^-digits: the greatest rho of whole 1e-9
 * with rho + 2 sqrt(rho ln(1 / delta)) <= epsilon.
 *
 * Errors:  MAL_E_LIMIT  there is none.  MAL_E_INPUT  out of range.
 * Source:  [BS16] propositions 1.3, 1.6; lemma 1.7
 */
#define MAL_DP_DELTA_DIGITS_MAX 15u
mal_err mal_dp_rho_of(uint64_t *rho_nano, uint64_t epsilon_nano,
                      unsigned delta_digits) MAL_MUST_CHECK;
/* What one unit moves: at most so many words, over all steps, each by `each`:
 * L2 sensitivity sqrt(words) * each. */
typedef struct mal_dp_moved {
    uint64_t words, each;
} mal_dp_moved;
/* That sensitivity, rounded up.  MAL_E_LIMIT: beyond 2^62. */
mal_err mal_dp_moved_l2(uint64_t *out,
                        const mal_dp_moved *moved) MAL_MUST_CHECK;
/* Each party's deviation t: k t^2 >= words * each^2 / (2 rho).
 *
 * Errors:  MAL_E_LIMIT  above the greatest that can be drawn. */
mal_err mal_dp_deviation_of(uint64_t *deviation, const mal_dp_moved *moved,
                            uint64_t rho_nano, unsigned share_k) MAL_MUST_CHECK;
/* Of the sum of n parties' parts: as mal_dp_halfwidth, mal_dp_tail. */
uint64_t mal_dp_gauss_halfwidth(uint64_t deviation, unsigned parties);
uint64_t mal_dp_gauss_tail(uint64_t deviation, unsigned parties);

/* --- Quotes: nothing here touches data or noise --------------------------- */

/* The 95 % half-width of the sum of n parties' shares, each of 1/k: an integer
 * h with P[|noise| <= h] >= 0.95.  Never too small; at most 1 % (and 1) too
 * large. Smallest possible when n = k.
 *
 * In:      parties  n, 1 <= k <= n <= 64.
 * Cost:    some 10 ms unless n = k.
 */
mal_err mal_dp_halfwidth(uint64_t *h, mal_dp_scale t, unsigned parties,
                         unsigned share_k) MAL_MUST_CHECK;
/* B with P[|noise| >= B] < 2^-64 for that sum (rule 9): engines keep
 * |answer| + B < 2^63.  Smallest possible when n = k. */
mal_err mal_dp_tail(uint64_t *bound, mal_dp_scale t, unsigned parties,
                    unsigned share_k) MAL_MUST_CHECK;

/* --- Losses (rule 17) ---------------------------------------------------- */

typedef enum mal_dp_mechanism {
    MAL_DP_LAPLACE = 1, /* discrete Laplace, t = sensitivity / epsilon */
    MAL_DP_GAUSS = 3,   /* discrete Gaussian of the deviation that epsilon,
                           delta and the L2 sensitivity ask for */
    MAL_DP_EXACT = 2,   /* rule 11: unbounded, "no differential privacy" */
} mal_dp_mechanism;

#define MAL_DP_UNIT_MAX 255

/* Adjacency is always add-or-remove-one-unit.  Epsilon is exactly
 * eps_num / eps_den; delta is delta_64 * 2^-64 (the overflow tails of rule 9:
 * one for each released cell). */
typedef struct mal_dp_loss {
    mal_dp_mechanism mechanism;
    uint64_t eps_num, eps_den; /* 0, 1 for EXACT */
    uint64_t sensitivity;      /* 0 for EXACT */
    uint64_t delta_64;
    uint32_t parties, share_k;      /* n, and any k shares are the whole */
    char unit[MAL_DP_UNIT_MAX + 1]; /* "acme.customers.email" */
} mal_dp_loss;

/* Canonical bytes (version 1), appended; and back, strictly. */
mal_err mal_dp_loss_encode(mal_buf *out,
                           const mal_dp_loss *loss) MAL_MUST_CHECK;
mal_err mal_dp_loss_decode(mal_dp_loss *loss, mal_bytes bytes) MAL_MUST_CHECK;
/* Derived: epsilon in 1e-9, rounded up; MAL_DP_UNBOUNDED for EXACT. */
#define MAL_DP_UNBOUNDED UINT64_MAX
mal_err mal_dp_loss_epsilon(uint64_t *nano,
                            const mal_dp_loss *loss) MAL_MUST_CHECK;

/* --- The ledger (rules 16 to 20) ----------------------------------------- */

typedef struct mal_dp_ledger mal_dp_ledger; /* thread-safe; one writer a file */

#define MAL_DP_NAME_MAX 255 /* bytes of a version, party, room, purpose */
#define MAL_DP_CHARGES_MAX 256
#define MAL_DP_LIMITS_MAX 1024
#define MAL_DP_BLOB_MAX ((size_t)1 << 20)
#define MAL_DP_JOB_ID 32

/* Errors:  MAL_E_IO  it cannot be opened, or is not a ledger of ours. */
mal_err mal_dp_ledger_open(mal_dp_ledger **ledger,
                           const char *path) MAL_MUST_CHECK;
void mal_dp_ledger_close(mal_dp_ledger *ledger);

/* Register a dataset version.  It inherits the lineages, and so the spend, of
 * the versions in `from`; with none it starts a lineage of its own, and
 * `disjoint` says why its units are new ("first version of a new table").
 * Idempotent.
 *
 * Errors:  MAL_E_STATE    registered already with another origin.
 *          MAL_E_MISSING  a version in `from` is not registered.
 *          MAL_E_INPUT    neither or both of from and disjoint.
 */
mal_err mal_dp_ledger_register(mal_dp_ledger *ledger, const char *version,
                               const char *const *from, size_t n_from,
                               const char *disjoint) MAL_MUST_CHECK;

typedef enum mal_dp_scope { /* whose spending a limit sums, within a lineage */
                            MAL_DP_SCOPE_TOTAL = 1, /* everybody's, in all
                                                       rooms: the hard limit */
                            MAL_DP_SCOPE_ANALYST = 2,
                            MAL_DP_SCOPE_ROOM = 3,
                            MAL_DP_SCOPE_PURPOSE = 4,
} mal_dp_scope;

/* One line of a contract's budget.  window_s = 0: for ever.  Otherwise any
 * window_s seconds up to now: it rolls, no calendar resets it. */
typedef struct mal_dp_limit {
    const char *version;
    mal_dp_scope scope;
    uint64_t window_s;
    uint64_t epsilon_nano; /* < 2^62 */
    uint64_t delta_64;     /* in 2^-64; contracts round down into it */
    bool exact;            /* the owner signed an `exact` clause: admit EXACT */
} mal_dp_limit;

typedef struct mal_dp_charge {
    const char *version;
    mal_dp_loss loss;
} mal_dp_charge;

typedef struct mal_dp_hold {
    uint8_t job_id[MAL_DP_JOB_ID];
    const char *room, *analyst, *purpose;
    const mal_dp_charge *charges;
    size_t n_charges;
    const char *const
        *peers; /* the other owners, whose signed holds are needed */
    size_t n_peers;
    uint64_t deadline; /* unix seconds, > now: then it counts as spent */
    uint64_t
        abort_nano_max; /* what one peer's aborts may have cost, per lineage */
} mal_dp_hold;

/* Reserve all of it or nothing, durably.
 *
 * Every lineage charged needs a TOTAL limit with window_s = 0 among `limits`,
 * and what is held or spent plus this must fit every limit.  ANALYST, ROOM and
 * PURPOSE limits sum over the hold's own analyst, room and purpose. Idempotent:
 * the same hold again is MAL_OK while it is held.
 *
 * Errors:  MAL_E_BUDGET   a limit does not cover it: the text names the limit
 * and what is left; or a peer's aborts have cost too much. MAL_E_STATE    the
 * job id is known with other content, or is over. MAL_E_MISSING  a version is
 * not registered. MAL_E_INPUT    malformed, or a lineage without a total.
 */
mal_err mal_dp_ledger_hold(mal_dp_ledger *ledger, const mal_dp_hold *hold,
                           const mal_dp_limit *limits, size_t n_limits,
                           uint64_t now) MAL_MUST_CHECK;

/* Keep a signature with a job: kind "hold", "void", "intent", ...  Idempotent;
 * a second, different blob of the same kind and peer is MAL_E_STATE.  A blob of
 * kind "hold" must come from a peer named in the hold (MAL_E_DENIED). */
mal_err mal_dp_ledger_attach(mal_dp_ledger *ledger, const uint8_t job_id[32],
                             const char *kind, const char *peer,
                             mal_bytes blob) MAL_MUST_CHECK;
mal_err mal_dp_ledger_attached(mal_dp_ledger *ledger, mal_buf *blob,
                               const uint8_t job_id[32], const char *kind,
                               const char *peer) MAL_MUST_CHECK;

/* The hold becomes spent, durably: from here on data may be touched.
 * Idempotent.
 *
 * Errors:  MAL_E_STATE    a peer's "hold" is not attached; voided; or the
 * deadline has passed, and the hold has become spent by that.
 */
mal_err mal_dp_ledger_spend(mal_dp_ledger *ledger, const uint8_t job_id[32],
                            uint64_t now) MAL_MUST_CHECK;

/* One peer's signed void of a job; the caller has verified the signature. */
typedef struct mal_dp_void {
    const char *peer;
    bool verified;
    mal_bytes blob;
} mal_dp_void;
/* Give a hold back: only before its deadline, and only when every peer of the
 * hold has signed (rule 18).  Idempotent.
 *
 * Errors:  MAL_E_DENIED  a peer is missing or not verified.
 *          MAL_E_STATE   spent, or past its deadline (then it is spent).
 */
mal_err mal_dp_ledger_void(mal_dp_ledger *ledger, const uint8_t job_id[32],
                           const mal_dp_void *voids, size_t n,
                           uint64_t now) MAL_MUST_CHECK;
/* All holds past their deadline become spent.  Run at start and now and then;
 * sums are the same before and after, as a hold counts like a spend. */
mal_err mal_dp_ledger_expire(mal_dp_ledger *ledger, uint64_t now,
                             size_t *n) MAL_MUST_CHECK;
/* Rule 19: a spent job ended by this peer's abort; counted against it. */
mal_err mal_dp_ledger_abort(mal_dp_ledger *ledger, const uint8_t job_id[32],
                            const char *peer) MAL_MUST_CHECK;

/* What a limit sums to now, and what is left.  analyst, room, purpose choose
 * whose (NULL where the scope does not need it). */
typedef struct mal_dp_balance {
    uint64_t held_nano, spent_nano, left_nano;
    uint64_t delta_64, delta_left_64; /* held and spent together */
    uint64_t exact;                   /* exact releases held or spent */
} mal_dp_balance;
/* Of a version with several lineages: the one with the least left. */
mal_err mal_dp_ledger_balance(mal_dp_ledger *ledger, mal_dp_balance *balance,
                              const mal_dp_limit *limit, const char *analyst,
                              const char *room, const char *purpose,
                              uint64_t now) MAL_MUST_CHECK;

typedef enum mal_dp_state {
    MAL_DP_HELD = 1,
    MAL_DP_SPENT = 2,
    MAL_DP_VOIDED = 3,
    MAL_DP_EXPIRED = 4, /* counts as spent */
} mal_dp_state;

typedef struct mal_dp_job { /* borrowed during the callback */
    uint8_t job_id[MAL_DP_JOB_ID];
    mal_dp_state state;
    const char *room, *analyst, *purpose;
    const char *aborted_by; /* "" if it was not */
    uint64_t at, deadline;
    uint64_t
        epsilon_nano; /* of one lineage at most; MAL_DP_UNBOUNDED if exact */
} mal_dp_job;
/* In order of time; version NULL: all.  A callback's failure ends the list. The
 * callback must not call the ledger. */
mal_err mal_dp_ledger_list(mal_dp_ledger *ledger, const char *version,
                           mal_err (*each)(void *ctx, const mal_dp_job *job),
                           void *ctx) MAL_MUST_CHECK;
/* MAL_E_MISSING: no such job. */
mal_err mal_dp_ledger_state(mal_dp_ledger *ledger, mal_dp_state *state,
                            const uint8_t job_id[32]) MAL_MUST_CHECK;

/* --- Bench ---------------------------------------------------------------- */

/* Append one JSON object a line: engine, name, rows (samples), threads, seconds
 * (wall), cpu_seconds, bytes, ns_per_row.  only: a name, or NULL. */
mal_err mal_dp_bench(mal_buf *lines, const char *only, uint64_t rows,
                     unsigned threads) MAL_MUST_CHECK;

#endif
