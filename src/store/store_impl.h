/* store_impl.h - shared inside the folder: schema, blocks, segments, catalogue.
 */
#ifndef STORE_IMPL_H
#define STORE_IMPL_H

#include <malus/audit.h>
#include <malus/db.h>
#include <malus/kms.h>
#include <malus/policy.h>
#include <malus/prim.h>
#include <malus/store.h>

#include <pthread.h>

/* --- Schema: what a contract declares, ready to judge rows (schema.c) ---- */

typedef enum store_profile {
    STORE_RAW_1 = 1, /* raw@1: the bytes as they are */
    STORE_UID2_1,    /* uid2@1: e-mail or E.164 number */
} store_profile;

typedef struct store_codes store_codes; /* dictionary of a dim's list */

typedef struct store_column {
    const char *name;
    mal_policy_role role; /* never SECRET: those are left out */
    mal_duck_type kind;   /* MAL_DUCK_I64 or MAL_DUCK_ID */
    bool nullable;
    uint8_t scale;       /* measure */
    int64_t lo, hi;      /* measure: clamp; dim over a range: its range */
    uint32_t n_codes;    /* dim: the code of `other` */
    store_codes *codes;  /* dim over a list, else NULL */
    const char *profile; /* id: "uid2@1" */
    const char *domain;  /* id */
    store_profile normal;
    mal_prim_hash label; /* id: what its pseudonyms are bound to (rule 27) */
} store_column;

#define STORE_NONE UINT32_MAX

typedef struct store_schema {
    uint8_t room[32], contract[32];
    const char *dataset;
    uint64_t rows_max, contributes_max, units_max;
    uint32_t unit; /* index of a column, or STORE_NONE: every row is one */
    unsigned n;
    store_column columns[MAL_STORE_COLUMNS_MAX];
} store_schema;

mal_err mal_store_schema_make(store_schema **schema, mal_arena *arena,
                              const mal_policy_contract *contract,
                              const char *name) MAL_MUST_CHECK;
bool mal_store_schema_has_ids(const store_schema *schema);
/* Position in the list, or `other`. */
uint32_t mal_store_codes_find(const store_codes *codes, mal_bytes text);

/* --- Cells (decimal.c, normalise.c) -------------------------------------- */

typedef enum store_number {
    STORE_NUMBER_OK = 0,
    STORE_NUMBER_BAD,  /* not a decimal, or finer than the scale */
    STORE_NUMBER_LOW,  /* below every int64 */
    STORE_NUMBER_HIGH, /* above every int64 */
} store_number;
/* [+-] digits [. digits] [e [+-] digits] to an exact multiple of 10^-scale. */
store_number mal_store_decimal_parse(int64_t *out, mal_bytes text,
                                     unsigned scale);

/* The canonical form of an identifier; out has room for text.len bytes.  False:
 * it is none of this profile.  *changed: it differs from the text. */
bool mal_store_normalise(uint8_t *out, size_t *len, bool *changed,
                         store_profile profile, mal_bytes text);

/* SipHash-2-4 [AB12]. */
uint64_t mal_store_siphash(const uint8_t key[16], const void *in, size_t len);

/* --- Blocks: up to a segment of typed rows ------------------------------- */

typedef struct store_block {
    size_t rows;
    unsigned n;
    struct {
        mal_duck_type kind;
        void *words;   /* [SEGMENT_ROWS] of 8 or 16 bytes; NULL is zero */
        uint8_t *null; /* [SEGMENT_ROWS] 0 or 1 */
    } col[MAL_STORE_COLUMNS_MAX];
} store_block;
size_t mal_store_width(mal_duck_type kind); /* 8 or 16 */
mal_err mal_store_block_new(store_block **block,
                            const store_schema *schema) MAL_MUST_CHECK;
void mal_store_block_auto(store_block **block);
/* Append rows [from, from + n) of src. */
void mal_store_block_copy(store_block *dst, const store_block *src, size_t from,
                          size_t n);

/* --- Judging rows (judge.c) ---------------------------------------------- */

typedef struct store_judge store_judge;
/* key: the room's pseudonym key; NULL if there are no ids. */
mal_err mal_store_judge_new(store_judge **judge, const store_schema *schema,
                            const mal_key *key,
                            const mal_store_options *options,
                            mal_store_report *report) MAL_MUST_CHECK;
void mal_store_judge_auto(store_judge **judge);
/* Text cells, one column a schema column, into kept, typed rows. */
mal_err mal_store_judge_rows(store_judge *judge, store_block *block,
                             const mal_duck_batch *cells) MAL_MUST_CHECK;

/* --- Staging and sampling (stage.c, sample.c) ---------------------------- */

/* Judged rows on disk, in a file without a name, under a key that is never
 * stored: a crash leaves noise in free blocks. */
typedef struct store_stage store_stage;
mal_err mal_store_stage_new(store_stage **stage, const char *dir,
                            const store_schema *schema) MAL_MUST_CHECK;
void mal_store_stage_auto(store_stage **stage);
mal_err mal_store_stage_add(store_stage *stage,
                            const store_block *block) MAL_MUST_CHECK;
size_t mal_store_stage_blocks(const store_stage *stage);
uint64_t mal_store_stage_rows(const store_stage *stage);
mal_err mal_store_stage_read(store_stage *stage, store_block *block,
                             size_t i) MAL_MUST_CHECK;

/* Which staged rows go beyond their unit's bound: one bit a row in `dropped`,
 * empty if none. */
mal_err mal_store_sample(mal_buf *dropped, uint64_t *n_dropped,
                         store_stage *stage, const store_schema *schema,
                         const uint8_t key[16],
                         const mal_progress *progress) MAL_MUST_CHECK;

/* --- Segments (segment.c) ------------------------------------------------ */

typedef struct store_place { /* what associated data binds */
    const uint8_t *room;     /* [32] */
    const char *dataset;
    uint32_t version;
    uint32_t segments; /* in all */
} store_place;

/* What a dataset's files need to be read: sealed beside them. */
typedef struct store_manifest {
    uint64_t rows;
    uint32_t unit;
    uint64_t rows_max, contributes_max, units_max;
    unsigned n;
    store_column *columns; /* [n]; codes and labels absent */
} store_manifest;

typedef struct store_keys { /* derived from the dataset key */
    mal_key segment, manifest, salt;
} store_keys;
mal_err mal_store_keys_derive(store_keys *keys,
                              const mal_key *data) MAL_MUST_CHECK;
void mal_store_keys_clear(store_keys *keys);

uint32_t mal_store_segments(uint64_t rows);
size_t mal_store_segment_rows(uint64_t rows, uint32_t segment);
mal_err mal_store_segment_write(const char *dir, const store_keys *keys,
                                const store_place *place, uint32_t segment,
                                const store_block *block,
                                const store_column *columns) MAL_MUST_CHECK;
/* One column of one segment: NULL bits and words, checked. */
mal_err mal_store_segment_read(mal_buf *plain, const char *dir,
                               const store_keys *keys, const store_place *place,
                               const store_manifest *manifest, uint32_t segment,
                               unsigned column) MAL_MUST_CHECK;
mal_err mal_store_manifest_write(const char *dir, const store_keys *keys,
                                 const store_place *place,
                                 const store_manifest *m) MAL_MUST_CHECK;
mal_err mal_store_manifest_read(store_manifest *m, mal_arena *arena,
                                const char *dir, const store_keys *keys,
                                const store_place *place) MAL_MUST_CHECK;

/* --- Commitment and statement (commit.c, statement.c) -------------------- */

typedef struct store_commit store_commit;
mal_err mal_store_commit_new(store_commit **commit, const store_column *columns,
                             unsigned n, uint64_t rows_max,
                             const mal_key *salt) MAL_MUST_CHECK;
void mal_store_commit_auto(store_commit **commit);
/* Rows in order; every block but the last holds whole leaves. */
mal_err mal_store_commit_add(store_commit *commit,
                             const store_block *block) MAL_MUST_CHECK;
/* Pads to the declared bound. */
mal_err mal_store_commit_root(mal_prim_hash *root,
                              store_commit *commit) MAL_MUST_CHECK;

mal_err mal_store_statement_encode(mal_buf *out, const store_schema *schema,
                                   uint32_t version,
                                   const mal_prim_hash *pseudonym,
                                   const mal_prim_hash *root) MAL_MUST_CHECK;

/* --- Catalogue (catalogue.c) --------------------------------------------- */

typedef enum store_state {
    STORE_FILLING = 0, /* being written; gone at the next open */
    STORE_SEALED = 1,  /* whole on disk; becomes visible when logged */
    STORE_VISIBLE = 2,
    STORE_REMOVING = 3, /* being destroyed; finished at the next open */
    STORE_REMOVED = 4,  /* a tombstone: its number is never given again */
} store_state;

typedef struct store_entry {
    int64_t id;
    uint8_t room[32], contract[32], next[32], root[32];
    bool has_next; /* a rewrap to `next` is under way */
    char dataset[MAL_STORE_NAME_MAX + 1];
    uint32_t version;
    store_state state;
    uint64_t created, rows_max, bytes;
    int64_t log_from, log_index;
} store_entry;

struct mal_store {
    char *dir;
    int lock;                 /* the folder's, between processes */
    pthread_mutex_t changing; /* one change at a time; reading needs none */
    mal_kms *kms;
    mal_audit_log *log;
    mal_db *db;
};

mal_err mal_store_catalogue_open(mal_store *store) MAL_MUST_CHECK;
mal_err mal_store_entry_add(mal_store *store, store_entry *entry,
                            const store_schema *schema) MAL_MUST_CHECK;
/* The newest visible one if version is 0. */
mal_err mal_store_entry_find(mal_store *store, store_entry *entry,
                             const uint8_t room[32], const char *dataset,
                             uint32_t version) MAL_MUST_CHECK;
/* All entries in any of the states (a mask of 1 << state), in the arena. */
mal_err mal_store_entry_list(mal_store *store, store_entry **entries, size_t *n,
                             mal_arena *arena, unsigned states) MAL_MUST_CHECK;
mal_err mal_store_entry_seal(mal_store *store, const store_entry *entry,
                             mal_bytes statement,
                             mal_bytes envelope) MAL_MUST_CHECK;
mal_err mal_store_entry_set(mal_store *store, const store_entry *entry,
                            store_state state,
                            int64_t log_index) MAL_MUST_CHECK;
mal_err mal_store_entry_doom(mal_store *store, const store_entry *entry,
                             mal_bytes envelope) MAL_MUST_CHECK;
mal_err mal_store_entry_wrap(mal_store *store, const store_entry *entry,
                             const uint8_t *contract,
                             const uint8_t *next) MAL_MUST_CHECK;
mal_err mal_store_entry_forget(mal_store *store,
                               const store_entry *entry) MAL_MUST_CHECK;
/* column: "statement", "envelope" or "deletion". */
mal_err mal_store_entry_blob(mal_store *store, mal_buf *out,
                             const store_entry *entry,
                             const char *column) MAL_MUST_CHECK;

/* The folder of an entry's files. */
mal_err mal_store_entry_dir(mal_store *store, char **dir, mal_arena *arena,
                            const store_entry *entry) MAL_MUST_CHECK;
mal_kms_binding mal_store_entry_binding(const store_entry *entry);
/* Keys and manifest of a visible entry. */
mal_err mal_store_entry_open(mal_store *store, store_keys *keys,
                             store_manifest *manifest, store_place *place,
                             mal_arena *arena,
                             const store_entry *entry) MAL_MUST_CHECK;

/* --- Shares (shares.c): within the lock of a change ----------------------- */

mal_err mal_store_shares_recover(mal_store *store) MAL_MUST_CHECK;
mal_err mal_store_shares_forget(mal_store *store, const uint8_t room[32],
                                const char *dataset, uint32_t version,
                                size_t *removed) MAL_MUST_CHECK;
mal_err mal_store_shares_rewrap(mal_store *store, const uint8_t room[32],
                                const uint8_t contract[32]) MAL_MUST_CHECK;

/* --- Signing and logging (publish.c): the last steps --------------------- */

mal_err mal_store_envelope_dataset(mal_store *store, mal_buf *out,
                                   const store_entry *entry,
                                   mal_bytes statement) MAL_MUST_CHECK;
mal_err mal_store_envelope_deletion(mal_store *store, mal_buf *out,
                                    const store_entry *entry) MAL_MUST_CHECK;
/* Append the envelope unless the log holds it from index `from` on. */
mal_err mal_store_log_once(mal_store *store, int64_t *index, mal_bytes envelope,
                           int64_t from) MAL_MUST_CHECK;
/* Take a sealed entry to visible, a doomed one to removed: what add and remove
 * end with, and what open does for those that a crash interrupted. */
mal_err mal_store_finish_add(mal_store *store,
                             store_entry *entry) MAL_MUST_CHECK;
mal_err mal_store_finish_remove(mal_store *store,
                                const store_entry *entry) MAL_MUST_CHECK;
/* A filling entry leaves no trace. */
mal_err mal_store_abandon(mal_store *store,
                          const store_entry *entry) MAL_MUST_CHECK;

#endif
