/* room_impl.h - what the files of room share.
 *
 * Every message between nodes is `signed`: a label that names its kind, a body,
 * the signature of the sender's node key over both and the room, and the key
 * statement by which the sender's identity vouches for that key.  Bodies are
 * little-endian words and length-prefixed blobs (base.h).
 */
#ifndef MALUS_ROOM_IMPL_H
#define MALUS_ROOM_IMPL_H

#include <malus/room.h>

#include <malus/duck.h>
#include <malus/json.h>
#include <malus/mpc.h>
#include <malus/psi.h>
#include <malus/share3.h>

#include <pthread.h>
#include <stdatomic.h>

#define ROOM_MESSAGE_MAX ((size_t)1 << 20)  /* of a step without output */
#define ROOM_OUTPUT_MAX ((size_t)512 << 20) /* of a sealed output */
#define ROOM_REQUEST_SECONDS 900            /* a request lives at most */
#define ROOM_DATASETS_MAX 16                /* touched by one plan */
#define ROOM_JOBS_CALLER_MAX 16             /* live at one node, of one party */
#define ROOM_REFUSALS_HOUR 100              /* with a log entry of their own */
#define ROOM_JOBS_MAX 64                    /* live at one node */
#define ROOM_ARENA_MAX ((size_t)4 << 30)

typedef struct room_id {
    uint8_t b[32];
} room_id;

/* --- Requests ------------------------------------------------------------ */

typedef struct room_request {
    room_id id;         /* SHA-256 of the payload that was signed */
    uint32_t requester; /* party; also the recipient */
    char *text;
    char *purpose; /* "" if none was said */
    room_id contract;
    uint64_t epsilon_nano;
    mal_policy_engine engine;
    room_id physical; /* SHA-256 of the physical plan's text */
    uint8_t nonce[32];
    uint64_t expires;
    uint8_t hpke[32]; /* the recipient's, for the sealed outputs */
    bool prenoise;
    mal_bytes envelope; /* the DSSE envelope as it came */
    mal_bytes payload;
} room_request;

/* --- What every node works out for itself -------------------------------- */

typedef struct room_noise { /* of one aggregate */
    mal_dp_scale t;         /* of the discrete Laplace */
    uint64_t deviation;     /* not 0: of each part of a discrete Gaussian */
    uint64_t rho_nano;      /* what that costs */
    uint64_t sensitivity;
    uint64_t halfwidth; /* 95 %, of the total */
    uint64_t tail;      /* |noise| < tail but for 2^-64 */
} room_noise;

typedef struct room_loss { /* what one touched dataset pays */
    uint32_t dataset;
    uint32_t owner;
    const char *lineage;
    uint64_t epsilon_nano;
} room_loss;

/* seats.c: whose nodes take part in a job: all owners; of share3 the seats too.
 */
typedef struct room_members {
    mal_policy_set set;
    unsigned n;
    uint32_t at[MAL_PARTIES_MAX]; /* in order of index */
} room_members;
void room_members_of(room_members *members, mal_policy_set set);
mal_policy_set room_everybody(const mal_policy_contract *contract);
/* Which of the contract's three seats that party holds, or -1: none. */
int room_seat_of(const mal_room *room, uint32_t party);
bool room_has_seat(const mal_room *room, uint32_t party);

typedef struct room_judged {
    const mal_sql_plan *plan;
    const mal_sql_physical *physical;
    mal_policy_facts facts;
    mal_policy_verdict verdict;
    mal_prim_hash plan_hash, physical_hash;
    mal_policy_engine engine;
    room_members members;              /* parties that take the five steps */
    unsigned n;                        /* parties that compute */
    uint32_t parties[MAL_PARTIES_MAX]; /* [n] in the order of the mesh */
    unsigned share_k;        /* any so many parts are the full noise */
    const room_noise *noise; /* [n_aggs]; of a model, and of its rows' count;
                                NULL: exact */
    const room_loss *losses;
    unsigned n_losses;
    uint64_t epsilon_nano;
    uint64_t keys_max[2]; /* a join: payload, filter */
    struct room_option {  /* the engines that were considered, in order */
        mal_policy_engine engine;
        mal_policy_mode mode;
        mal_room_cost cost; /* if why is NULL: it may run */
        const char *why;    /* why it may not */
    } options[3];
    unsigned n_options;
} room_judged;

/* --- Messages ------------------------------------------------------------ */

typedef struct room_dataset_ref {
    char *name;
    uint32_t version;
    room_id root;
} room_dataset_ref;

typedef struct room_accept {
    room_id request, contract, plan, physical;
    uint32_t party;
    uint8_t nonce[32];
    room_id pseudonyms; /* commitment; zero: not an owner */
    char *build;
    unsigned n_datasets;
    room_dataset_ref datasets[ROOM_DATASETS_MAX];
    uint64_t log_size;
    room_id log_root;
    uint64_t epsilon_nano;
    uint32_t share_k;
} room_accept;

typedef struct room_hold {
    room_id job, accepts;
    uint32_t party;
    uint64_t epsilon_nano;
    uint64_t deadline;
} room_hold;

typedef struct room_done {
    room_id job;
    uint32_t party;
    room_id output; /* SHA-256 of the sealed output */
    uint64_t bytes_sent;
    uint32_t ticks_missed;
    room_id pairs[MAL_PARTIES_MAX]; /* transcript with party i of the mesh */
    unsigned n_pairs;
} room_done;

/* clock.c */
uint64_t room_now(mal_room *room);
unsigned room_soon(const mal_room *room);

/* wire.c */
mal_err room_sign(mal_room *room, mal_buf *out, const char *label,
                  mal_bytes body) MAL_MUST_CHECK;
mal_err room_open_signed(mal_room *room, mal_bytes *body, mal_bytes message,
                         const char *label, uint32_t party) MAL_MUST_CHECK;
mal_err room_accept_encode(mal_buf *out, const room_accept *a) MAL_MUST_CHECK;
mal_err room_accept_decode(room_accept *a, mal_arena *arena,
                           mal_bytes in) MAL_MUST_CHECK;
mal_err room_hold_encode(mal_buf *out, const room_hold *h) MAL_MUST_CHECK;
mal_err room_hold_decode(room_hold *h, mal_bytes in) MAL_MUST_CHECK;
mal_err room_done_encode(mal_buf *out, const room_done *d) MAL_MUST_CHECK;
mal_err room_done_decode(room_done *d, mal_bytes in) MAL_MUST_CHECK;
/* A list of n blobs, as the asking node hands out what it collected. */
mal_err room_list_encode(mal_buf *out, const mal_buf *items,
                         size_t n) MAL_MUST_CHECK;
mal_err room_list_decode(mal_bytes items[MAL_PARTIES_MAX], unsigned *n,
                         mal_rd *rd, size_t len_max) MAL_MUST_CHECK;

/* request.c */
mal_err room_request_make(mal_room *room, mal_buf *envelope,
                          const room_request *draft) MAL_MUST_CHECK;
mal_err room_request_read(mal_room *room, room_request *out, mal_arena *arena,
                          mal_bytes envelope) MAL_MUST_CHECK;
/* One that was accepted when it came, however long ago. */
mal_err room_request_again(mal_room *room, room_request *out, mal_arena *arena,
                           mal_bytes envelope) MAL_MUST_CHECK;

/* judge.c: text -> plan -> verdict -> noise, the same at every node. */
mal_err room_judge(mal_room *room, room_judged *out, mal_arena *arena,
                   const room_request *request) MAL_MUST_CHECK;

/* --- A live job at an owner ---------------------------------------------- */

typedef enum room_phase {
    ROOM_OPEN = 1, /* judged; nonce given */
    ROOM_HELD,     /* budget reserved */
    ROOM_SPENT,    /* spent, intent logged */
    ROOM_RUNNING,
    ROOM_RAN,    /* output sealed */
    ROOM_CLOSED, /* result logged */
} room_phase;

typedef struct room_job {
    struct room_job *next;
    unsigned refs; /* handlers at work; under room->lock */
    bool busy;     /* one handler at a time */
    room_phase phase;
    mal_arena *arena;
    room_request request;
    mal_bytes message; /* that the request came in; in the arena */
    room_judged judged;
    uint32_t caller; /* the asking node; set once, with owned */
    bool owned;
    room_accept accept;   /* ours */
    room_accept *accepts; /* [members.n], by a member's position */
    room_id id, accepts_hash;
    uint64_t touched_ns, deadline_ns, started;
    atomic_bool cancelled;
    char stage[48];
    uint64_t done, total, stage_ns; /* of the stage; when it began */
    pthread_mutex_t chans_lock;
    mal_chan *chans[MAL_PARTIES_MAX];
    uint32_t failed;    /* 1 + the party whose channel failed first */
    mal_buf openings;   /* JSON of intent and result, for the recipient */
    const char *output; /* hex: our part of the answer as the recipient
                           opens it, or its SHA-256 if it is long */
    room_done done_own;
    bool own_error; /* what went wrong may depend on our data: not to be told */
    uint32_t attempt;    /* 0: the first */
    unsigned stage_from; /* of a later one: the stage behind which it began */
    bool over;           /* nothing of it may be begun again */
} room_job;

/* cost.c */
typedef struct room_costs {
    double load_row_ns, scan_row_ns, start_ns, step_ns;
    double sum_word_ns, psi_start_ns, psi_key_ns, psi_word_ns, match_key_ns;
    mal_obl_rates share3[2]; /* semi-honest, malicious */
    bool measured;           /* costs.json told something that is used */
} room_costs;
void room_costs_default(room_costs *costs);
mal_err room_costs_read(room_costs *costs, mal_bytes lines) MAL_MUST_CHECK;
/* Until the tick a job waits anyway (run.c). */
uint64_t room_tick_ns(const mal_room *room, const room_judged *judged);
mal_err room_cost_of(mal_room_cost *cost, mal_room *room,
                     const room_judged *judged) MAL_MUST_CHECK;
/* walk3.c: of one seat, counted by a run without parties and without rows. */
typedef struct room_cost3 {
    uint64_t rounds, bytes;
    double ns;
} room_cost3;
mal_err room_walk3_cost(room_cost3 *cost, const room_judged *judged,
                        const room_costs *costs) MAL_MUST_CHECK;
mal_share3_security room_security(const room_judged *judged);

/* A question that this node asks: it has no job of its own unless it is also an
 * owner, and can be listed and cancelled all the same. */
typedef struct room_ask {
    struct room_ask *next;
    room_id request, job;
    uint64_t started;
    atomic_bool cancelled;
    room_members members;
} room_ask;

typedef struct room_upload room_upload; /* receive.c: one that is under way */

struct mal_room {
    mal_room_config config;
    /* mal_room_answer_call, for call.c: who calls itself is served by what
     * stands above it. */
    mal_err (*answer)(mal_room *room, uint32_t caller, const char *method,
                      mal_bytes request, mal_buf *reply);
    room_costs costs;
    mal_arena *arena;
    const mal_policy_contract *contract;
    mal_buf bundle;
    uint32_t me;
    mal_policy_set owners;
    unsigned n_owners;
    uint32_t owner_at[MAL_PARTIES_MAX]; /* owners in order of index */
    room_members everybody; /* owners, and seats if a rule has some */
    char id_hex[65];
    pthread_mutex_t lock; /* jobs, statements, flags */
    pthread_cond_t changed;
    pthread_mutex_t log_lock; /* append, checkpoint, gather cosignatures */
    pthread_mutex_t db_lock;
    pthread_mutex_t uploads_lock;
    room_upload *uploads;
    room_job *jobs;
    room_ask *asks;
    uint64_t refusal_hour, refusals, swept_ns;
    unsigned n_jobs;
    bool closing, withdrawn, behind, caught_up;
    bool unlogged; /* our log does not hold the contract yet */
    bool known_log[MAL_PARTIES_MAX];
    mal_kms_statement log_key[MAL_PARTIES_MAX];
    uint64_t cosigned_size[MAL_PARTIES_MAX]; /* our log, as that party saw it */
    const mal_progress
        *progress; /* of the question being asked here, or NULL */
};

/* jobs.c: the table of live jobs, and the durable one in the database. */
bool room_job_live(mal_room *room, const uint8_t request[32]);
mal_err room_job_new(mal_room *room, room_job **job) MAL_MUST_CHECK;
/* Whose it is; MAL_E_LIMIT if that party has too many. */
mal_err room_job_own(mal_room *room, room_job *job,
                     uint32_t caller) MAL_MUST_CHECK;
/* The job of that request, marked busy; MAL_E_MISSING, MAL_E_STATE. */
mal_err room_job_take(mal_room *room, room_job **job, const uint8_t request[32],
                      room_phase phase) MAL_MUST_CHECK;
void room_job_give(mal_room *room, room_job *job, bool keep);
void room_job_cancel(room_job *job, mal_room *room);
mal_err room_job_record(mal_room *room, const room_job *job, const char *state,
                        const char *error) MAL_MUST_CHECK;
/* From begin to end the question can be cancelled; both write the history. */
mal_err room_ask_begin(mal_room *room, room_ask *ask) MAL_MUST_CHECK;
void room_ask_known(mal_room *room, room_ask *ask, const room_id *job);
void room_ask_end(mal_room *room, room_ask *ask, const char *error);
mal_err room_nonce_use(mal_room *room, const uint8_t nonce[32],
                       uint64_t expires) MAL_MUST_CHECK;
/* Never to spend for this job, whoever asks; durable before we sign so. */
mal_err room_void_promise(mal_room *room, const room_id *job) MAL_MUST_CHECK;
/* MAL_E_STATE if we promised that. */
mal_err room_void_check(mal_room *room, const room_id *job) MAL_MUST_CHECK;
mal_err room_tables(mal_db *db) MAL_MUST_CHECK;

/* kept.c: what is remembered of a job of share3 from `spend` on, so that the
 * same job can go on after a node died.  Without a folder: nothing, MAL_OK. */
typedef enum room_kept_role {
    ROOM_KEPT_MEMBER = 1, /* who took the steps */
    ROOM_KEPT_ASKER = 2,
} room_kept_role;
typedef enum room_kept_state {
    ROOM_KEPT_LIVE = 0,
    ROOM_KEPT_OVER = 1, /* cancelled, or refused by the data */
    ROOM_KEPT_LEFT = 2, /* an output may have left: the point of no return */
} room_kept_state;
typedef struct room_kept {
    room_kept_role role;
    room_kept_state state;
    uint32_t attempt; /* the last that was begun; 0: the first */
    room_id job, request;
    uint32_t caller;
    room_id hash;       /* member: of the acceptances; asker: of the answer */
    mal_bytes message;  /* the request */
    mal_bytes openings; /* of the intent, for the receipt */
    unsigned n;         /* bodies of the acceptances; asker: intents */
    mal_bytes list[MAL_PARTIES_MAX];
} room_kept;
mal_err room_kept_save(mal_room *room, const room_kept *kept) MAL_MUST_CHECK;
/* By the first digits of its job, k->role being set.  MAL_E_MISSING. */
mal_err room_kept_load(mal_room *room, room_kept *k, mal_arena *arena,
                       const char *prefix) MAL_MUST_CHECK;
/* Durable when they return. */
mal_err room_kept_attempt(mal_room *room, const room_id *job,
                          room_kept_role role, uint32_t attempt) MAL_MUST_CHECK;
mal_err room_kept_mark(mal_room *room, const room_id *job,
                       room_kept_state state) MAL_MUST_CHECK;
/* Over: its stages are erased, and whoever asks for them is told so. */
mal_err room_kept_end(mal_room *room, const room_id *job) MAL_MUST_CHECK;
/* The job failed here with err: over, if there is nothing to go on with. */
void room_kept_failed(mal_room *room, room_job *job, mal_err err);
mal_err room_kept_end_request(mal_room *room, uint32_t caller,
                              const uint8_t request[32]) MAL_MUST_CHECK;
mal_err room_kept_forget(mal_room *room, const room_id *job,
                         room_kept_role role) MAL_MUST_CHECK;
/* Finish what a crash cut off, forget what is a day old. */
mal_err room_kept_sweep(mal_room *room) MAL_MUST_CHECK;
/* The key of the job's stages, made at the first call. */
mal_err room_kept_key(mal_room *room, mal_key *key,
                      const room_id *job) MAL_MUST_CHECK;
/* Where its stages lie. */
#define ROOM_PATH_LEN 4096
mal_err room_kept_folder(char path[ROOM_PATH_LEN], const mal_room *room,
                         const room_id *job) MAL_MUST_CHECK;

/* roster.c: a failed job's history, log and kept row; who: to be blamed.  What
 * it returns is of the history alone. */
mal_err room_job_end(mal_room *room, room_job *job, const char *who,
                     const char *why, mal_err err) MAL_MUST_CHECK;
mal_err room_serve_abort(mal_room *room, uint32_t caller,
                         mal_bytes in) MAL_MUST_CHECK;

/* call.c: calls to the other owners, in parallel. */
mal_err room_call(mal_room *room, uint32_t party, const char *method,
                  mal_bytes request, mal_buf *reply,
                  unsigned timeout_ms) MAL_MUST_CHECK;
typedef struct room_calls {
    mal_room *room;
    const char *method;
    mal_bytes request;   /* the same to all, unless each */
    const mal_buf *each; /* [n], or NULL */
    mal_buf *replies;    /* [n] */
    const uint32_t *parties;
    unsigned timeout_ms;
    mal_err errs[MAL_PARTIES_MAX];
    char texts[MAL_PARTIES_MAX][256];
} room_calls;
/* All at once; the first failure names its party. */
mal_err room_call_all(room_calls *calls, unsigned n) MAL_MUST_CHECK;

/* keys.c */
mal_err room_log_key(mal_room *room, uint32_t party,
                     mal_kms_statement *out) MAL_MUST_CHECK;
mal_err room_serve_keys(mal_room *room, mal_buf *reply) MAL_MUST_CHECK;
mal_err room_serve_pseudonym(mal_room *room, uint32_t caller,
                             mal_buf *reply) MAL_MUST_CHECK;

/* data.c */
mal_err room_serve_datasets(mal_room *room, mal_buf *out) MAL_MUST_CHECK;

/* record.c: statements into the log, cosigned; their proofs. */
typedef struct room_field { /* in clear, or as a hiding commitment */
    const char *name;
    const char *value; /* NUL-terminated text */
    bool hidden; /* a hiding commitment; the opening goes to the recipient */
} room_field;
typedef struct room_entry {
    mal_buf dsse;     /* the entry */
    mal_buf proof;    /* tlog-proof, cosigned by all other members */
    mal_buf openings; /* JSON array */
    uint64_t index;
} room_entry;
void room_entry_clear(room_entry *entry);
/* cosigners: all but us put their names under a head that holds it; NULL: it
 * is only logged. */
mal_err room_record(mal_room *room, room_entry *entry, const char *kind,
                    const char *subject, const uint8_t digest[32],
                    const room_field *fields, size_t n,
                    const room_members *cosigners) MAL_MUST_CHECK;
/* A refusal is an entry too, with nothing in it that depends on data. */
mal_err room_log_refusal(mal_room *room, const mal_policy_verdict *v,
                         const char *asked,
                         const uint8_t digest[32]) MAL_MUST_CHECK;
void room_log_abort(mal_room *room, room_job *job, const char *who,
                    const char *why);
mal_err room_serve_cosign(mal_room *room, uint32_t caller, mal_bytes request,
                          mal_buf *reply) MAL_MUST_CHECK;
mal_err room_serve_last(mal_room *room, uint32_t caller,
                        mal_buf *reply) MAL_MUST_CHECK;
/* Are we at least where our peers last saw us?  MAL_E_STATE: refuse to serve.
 */
mal_err room_catch_up(mal_room *room) MAL_MUST_CHECK;
/* Is the entry of that kind, of this job; did `node`, the party's key, sign its
 * `dsse`, and has every other member of the job cosigned its `proof`? */
typedef struct room_shown { /* what a party shows of its log */
    uint32_t party;
    mal_bytes dsse, proof;
} room_shown;
mal_err room_check_entry(mal_room *room, const room_job *job, const char *kind,
                         const room_shown *shown,
                         const uint8_t node[32]) MAL_MUST_CHECK;

/* contract.c, at the opening of a room.  MAL_E_STATE: a newer version is known
 * here; *successor: an older one is. */
mal_err room_check_version(mal_room *room, bool *successor) MAL_MUST_CHECK;
/* Keep this version.  *logged: our log holds it; room->withdrawn: an owner
 * withdrew. */
mal_err room_load_flags(mal_room *room, bool *logged) MAL_MUST_CHECK;
/* The contract into our log, once, if it is not there. */
mal_err room_announce(mal_room *room) MAL_MUST_CHECK;
mal_err room_serve_withdraw(mal_room *room, uint32_t caller,
                            mal_bytes in) MAL_MUST_CHECK;

/* history.c: what an intent tells of ledger.db and witness.db. */
#define ROOM_F_MARK "charge-mark"
#define ROOM_F_COSIGNED "cosigned"
void room_charge_mark(mal_room *room, char hex[65], const uint8_t job[32],
                      bool charged);
mal_err room_cosigned_text(mal_room *room, mal_buf *out) MAL_MUST_CHECK;

/* history.c: MAL_E_STATE if the ledger is behind our log. */
mal_err room_check_history(mal_room *room) MAL_MUST_CHECK;

/* serve.c: the five steps at an owner. */
mal_err room_serve_open(mal_room *room, uint32_t caller, mal_bytes in,
                        mal_buf *out) MAL_MUST_CHECK;
mal_err room_serve_hold(mal_room *room, uint32_t caller, mal_bytes in,
                        mal_buf *out) MAL_MUST_CHECK;
mal_err room_serve_spend(mal_room *room, uint32_t caller, mal_bytes in,
                         mal_buf *out) MAL_MUST_CHECK;
mal_err room_serve_run(mal_room *room, uint32_t caller, mal_bytes in,
                       mal_buf *out) MAL_MUST_CHECK;
mal_err room_serve_close(mal_room *room, uint32_t caller, mal_bytes in,
                         mal_buf *out) MAL_MUST_CHECK;
/* resume.c: in place of open, hold and spend, of a job that has spent. */
mal_err room_serve_resume(mal_room *room, uint32_t caller, mal_bytes in,
                          mal_buf *out) MAL_MUST_CHECK;
/* After the intent; until it is closed, it can be begun again. */
mal_err room_resume_keep(mal_room *room, room_job *job,
                         mal_bytes message) MAL_MUST_CHECK;
/* Of one job, after the first: a lie that was caught may be tried again so
 * often (docs/security/bounds.md). */
#define ROOM_ATTEMPTS_MAX 4
mal_err room_serve_void(mal_room *room, uint32_t caller, mal_bytes in,
                        mal_buf *out) MAL_MUST_CHECK;

/* budget.c: what dp needs to know, and what it answers. */
/* noise.c: half-width and tail of the n parties' parts together, from noise->t.
 */
mal_err room_noise_bounds(room_noise *noise, unsigned n,
                          unsigned share_k) MAL_MUST_CHECK;
/* One party's part, n numbers. */
mal_err room_noise_draw(int64_t *out, size_t n, const room_noise *noise,
                        unsigned share_k, mal_prim_drbg *drbg) MAL_MUST_CHECK;
/* Our part of every cell's noise, [agg][cell]; rule 15 keys it. */
mal_err room_draw_noise(mal_room *room, room_job *job,
                        int64_t **out) MAL_MUST_CHECK;
/* train.c: the noise of a model, in words of its sums; that of its count is the
 * second. */
mal_err room_training_noise(room_judged *j, mal_arena *arena,
                            const room_request *r) MAL_MUST_CHECK;
char *room_training_amount(mal_arena *arena, const room_judged *j,
                           uint64_t epsilon_nano);
/* The delta of a release, rounded up, in 2^-64 and in 1e-19. */
uint64_t room_delta_64(const mal_sql_physical *p);
uint64_t room_delta_19(const mal_sql_physical *p);
/* Words of noise that one party draws for this plan. */
uint64_t room_noise_words(const mal_sql_physical *p);
bool room_ledger_charged(const mal_room *room, const room_judged *judged);
mal_err room_ledger_hold(mal_room *room, room_job *job,
                         uint64_t deadline) MAL_MUST_CHECK;
/* Keep the others' signed holds, then spend. */
mal_err room_ledger_spend(mal_room *room, room_job *job,
                          const mal_bytes *holds) MAL_MUST_CHECK;
mal_err room_ledger_void(mal_room *room, const room_id *job,
                         const room_members *members,
                         const mal_bytes *voids) MAL_MUST_CHECK;
/* MAL_OK if nothing is spent here for that job, so that we may sign its void.
 */
mal_err room_ledger_unspent(mal_room *room, const room_id *job) MAL_MUST_CHECK;
char *room_amount_text(mal_room *room, const room_job *job); /* job's arena */

/* disclosure.c: who learns what, and who must be believed: lines, from the plan
 * alone. */
typedef struct room_disclosed {
    mal_audit_lines leakage, trust, not_proved;
} room_disclosed;
mal_err room_disclose(room_disclosed *out, mal_arena *arena, mal_room *room,
                      const room_judged *judged) MAL_MUST_CHECK;

/* answers.c */
mal_err room_answer_load(mal_room *room, const mal_prim_hash *key, char job[65],
                         mal_buf *words, mal_buf *receipt,
                         bool *found) MAL_MUST_CHECK;
mal_err room_answer_keep(mal_room *room, const mal_prim_hash *key,
                         const char *job, mal_bytes words, mal_bytes receipt,
                         uint32_t keep_days) MAL_MUST_CHECK;

/* lies.c: a node that lies, for the tests of rooms marked test; elsewhere
 * nothing. */
mal_err room_lie_accept(mal_room *room, room_accept *accept) MAL_MUST_CHECK;
mal_chan *room_lie_chan(const mal_room *room, mal_chan *chan, unsigned seat);
void room_lie_done(const mal_room *room, room_done *done);
void room_lie_refresh(const mal_room *room, mal_share3_bits *shares);
/* All rows are the first one's unit's. */
void room_lie_rows(const mal_room *room, mal_duck_batch *rows, unsigned unit);
/* The bound on shares in memory; a test may lower it. */
size_t room_share_memory(const mal_room *room);
/* Behind that stage, wait to be killed or cancelled. */
mal_err room_pause(mal_room *room, room_job *job, unsigned at) MAL_MUST_CHECK;

/* trace.c: sizes of messages into a file, for the tests of rooms marked test;
 * elsewhere nothing. */
void room_trace(const mal_room *room, const char *label, uint32_t peer,
                const char *way, size_t size);
/* A channel that notes who failed first (job->failed), and traces. */
mal_chan *room_watch_chan(mal_room *room, room_job *job, uint32_t peer,
                          mal_chan *chan);

/* parts3.c: what the seats of share3 sealed, into words.  Seat i sealed x_i,
 * then x_(i + 1); the word is the sum of the three, each of which came twice.
 *
 * Errors:  MAL_E_PEER  a size is wrong, or two seats differ about a part. */
mal_err room_parts3_add(int64_t *cells, size_t n,
                        const mal_bytes seats[3]) MAL_MUST_CHECK;
/* Rows that all three opened: u32 columns, u64 rows, then of each value its
 * word and whether it is NULL. */
mal_err room_rows_encode(mal_buf *out,
                         const mal_sql_table *table) MAL_MUST_CHECK;
mal_err room_rows_decode(mal_sql_table *table, mal_arena *arena,
                         const mal_sql_plan *plan,
                         const mal_bytes seats[3]) MAL_MUST_CHECK;

/* shares.c: at a seat, of the tables of the plan that rest shared: do the
 * versions that their owners pinned lie here?  MAL_E_MISSING, before anybody
 * pays. */
mal_err room_shares_check(mal_room *room, const room_job *job) MAL_MUST_CHECK;
/* What the owner of a dataset pinned for this job. */
const room_dataset_ref *room_pinned(const mal_room *room, const room_job *job,
                                    uint32_t dataset);
mal_err room_serve_unshare(mal_room *room, uint32_t caller, mal_bytes in,
                           mal_buf *out) MAL_MUST_CHECK;
/* judge.c: is its exact answer opened to the seats (rooms marked test)? */
bool room_opened(const room_judged *judged);
/* receive.c, refresh.c: shares of an owner's table at a seat. */
void room_uploads_clear(mal_room *room);
mal_err room_serve_share(mal_room *room, uint32_t caller, mal_bytes in,
                         mal_buf *out) MAL_MUST_CHECK;
mal_err room_serve_holds(mal_room *room, uint32_t caller, mal_bytes in,
                         mal_buf *out) MAL_MUST_CHECK;
mal_err room_serve_take_in(mal_room *room, uint32_t caller, mal_bytes in,
                           mal_buf *out) MAL_MUST_CHECK;
/* At a seat: check and refresh a table that all seats hold as its owner shared
 * it; nothing if it was taken in, or not all hold it. */
mal_err room_share_take_in(mal_room *room, const char *dataset) MAL_MUST_CHECK;
mal_err room_serve_refresh(mal_room *room, uint32_t caller, mal_bytes in,
                           mal_buf *out) MAL_MUST_CHECK;
mal_err room_serve_sealing(mal_room *room, uint32_t caller, mal_bytes in,
                           mal_buf *out) MAL_MUST_CHECK;

/* tap.c: a channel that hashes both ways; close nothing but the inner one. */
typedef struct room_tapped {
    mal_chan chan; /* first */
    mal_chan *inner;
    mal_prim_sha256 *sent, *received;
} room_tapped;
mal_err room_tap(room_tapped *t, mal_chan *inner) MAL_MUST_CHECK;
void room_tap_clear(room_tapped *t);
/* The same at both ends: what the lower one sent stands first. */
void room_tap_pair(room_id *out, const room_tapped *t, bool lower,
                   const char *label);

/* match.c: does the answer leave without noise, as rows of one owner? */
bool room_exact(const room_judged *judged);
mal_err room_match_run(mal_room *room, room_job *job, room_done *done,
                       mal_buf *out) MAL_MUST_CHECK;
mal_err room_match_decode(mal_sql_table *table, mal_arena *arena,
                          const mal_sql_plan *plan,
                          mal_bytes in) MAL_MUST_CHECK;

/* pace.c: a step of progress, ctx being the job: MAL_E_CANCEL. */
mal_err room_job_step(void *ctx, const char *stage, uint64_t done,
                      uint64_t total) MAL_MUST_CHECK;
void room_job_stage(mal_room *room, room_job *job, const char *name);
/* The same stage under another name: how far it is stays. */
void room_job_rename(mal_room *room, room_job *job, const char *name);
mal_err room_wait_tick(mal_room *room, room_job *job, uint64_t start,
                       room_done *done) MAL_MUST_CHECK;
/* rows.c: run a part over our own tables, in the DuckDB child; rows in
 * job->arena. */
mal_err room_part_rows(mal_room *room, room_job *job, const mal_sql_part *part,
                       const mal_duck_type *types, unsigned n,
                       mal_duck_batch *rows) MAL_MUST_CHECK;
/* links.c: a watched stream of this job to that party, in job->chans[slot]. */
mal_err room_job_connect(mal_room *room, room_job *job, unsigned slot,
                         uint32_t party, bool dials,
                         mal_chan **chan) MAL_MUST_CHECK;
/* Among those who compute: slots 0 .. n - 1. */
mal_err room_connect_mesh(mal_room *room, room_job *job,
                          mal_mesh *mesh) MAL_MUST_CHECK;
void room_disconnect(room_job *job, room_done *done);
void room_session_of(uint8_t session[32], const room_job *job);

/* run.c: local stage and engine. */
mal_err room_run(mal_room *room, room_job *job, mal_buf *sealed,
                 room_done *done) MAL_MUST_CHECK;
/* The same for engine share3, at owners and seats (share3.c). */
mal_err room_share3_run(mal_room *room, room_job *job, room_done *done,
                        mal_buf *out) MAL_MUST_CHECK;
/* ask.c: what this node would ask, judged; nothing is sent. */
mal_err room_propose(mal_room *room, room_judged *judged, room_request *request,
                     mal_arena *arena,
                     const mal_room_question *question) MAL_MUST_CHECK;

/* receipt.c: from what the owners signed in `spend` and `close`, [n] in the
 * order of the members, and the openings that they sealed to us. */
mal_err room_receipt_make(mal_room *room, mal_buf *receipt,
                          const room_judged *judged, const mal_buf *intents,
                          const mal_buf *results, const mal_buf *openings,
                          const room_id *job) MAL_MUST_CHECK;

#endif
