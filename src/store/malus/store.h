/* malus/store.h - a party's tables: ingested, pseudonymised, encrypted,
 * committed.
 *
 * A dataset enters as CSV or Parquet and is judged against its declaration in
 * the room contract, row by row.  Identifiers become pseudonyms of the room,
 * declared dimensions become codes, decimals become scaled integers, secrets
 * are not kept.  What is stored lies in authenticated column segments under a
 * random key; what is promised to the other owners is a signed, logged
 * commitment to the canonical columns.  Each ingest is a new version, whole or
 * absent.
 */
#ifndef MALUS_STORE_H
#define MALUS_STORE_H

#include <malus/base.h>
#include <malus/duck.h>

/* malus/kms.h, malus/audit.h, malus/policy.h */
typedef struct mal_kms mal_kms;
typedef struct mal_audit_log mal_audit_log;
typedef struct mal_policy_contract mal_policy_contract;

#define MAL_STORE_SEGMENT_ROWS 65536u /* rows of a segment */
#define MAL_STORE_LEAF_ROWS 4096u /* rows under one leaf of the commitment */
#define MAL_STORE_ROWS_MAX ((uint64_t)1 << 32)
#define MAL_STORE_NAME_MAX 128u
#define MAL_STORE_COLUMNS_MAX 128u
#define MAL_STORE_CELL_MAX                                                     \
    4096u                  /* bytes of a text cell; longer is a bad cell */
#define MAL_STORE_EPOCH 1u /* of pseudonyms */

/* One folder, one process.  Many threads may use it; changes take turns. */
typedef struct mal_store mal_store;

/* Open or make the folder; finishes or removes what a crash left behind. */
mal_err mal_store_open(mal_store **store, const char *dir, mal_kms *kms,
                       mal_audit_log *log) MAL_MUST_CHECK;
void mal_store_close(mal_store *store); /* NULL is fine */
void mal_store_auto(mal_store **store);

/* --- Adding ------------------------------------------------------------- */

typedef enum mal_store_format {
    MAL_STORE_BY_NAME = 0, /* .parquet, else CSV */
    MAL_STORE_CSV,         /* RFC 4180, a header row, UTF-8; empty is NULL */
    MAL_STORE_PARQUET,
} mal_store_format;

typedef struct mal_store_options {
    mal_store_format format;
    char delimiter;        /* of CSV; 0: ',' */
    const char *null_text; /* a cell equal to it is NULL, as an empty one is
                              ("NA"); NULL: only empty ones are */
    bool strict;           /* refuse the file at the first row that would be
                              dropped or clamped, naming row and column */
    bool dry_run;          /* judge and count; write nothing */
    uint64_t memory_max;   /* of DuckDB; 0: 512 MiB */
    unsigned threads;      /* of DuckDB; 0: 1 */
    unsigned timeout_ms;   /* for one batch; 0: 60,000 */
    const mal_progress *progress; /* "ingest": rows read; may be NULL */
} mal_store_options;

/* Why a row was not kept.  A row counts once, under the first that applies. */
#define MAL_STORE_DROP_MAP(X)                                                  \
    X(MAL_STORE_DROP_SHAPE, 0, "malformed row")                                \
    X(MAL_STORE_DROP_NULL, 1, "empty where the contract allows none")          \
    X(MAL_STORE_DROP_NUMBER, 2, "not a number of the declared scale")          \
    X(MAL_STORE_DROP_ID, 3, "not an identifier of the declared profile")       \
    X(MAL_STORE_DROP_UNIT, 4, "without a privacy unit")                        \
    X(MAL_STORE_DROP_CONTRIBUTION, 5, "beyond the contribution bound")
enum {
#define X(name, value, text) name = value,
    MAL_STORE_DROP_MAP(X)
#undef X
        MAL_STORE_DROPS
};
const char *mal_store_drop_text(unsigned reason);

typedef struct mal_store_column_report {
    const char *name; /* in the arena */
    uint64_t changed; /* identifiers that normalising altered */
    uint64_t clamped; /* measures moved into the declared range */
    uint64_t other;   /* dimension values outside the declared domain */
    uint64_t null;
    uint64_t bad; /* cells that cost their row */
} mal_store_column_report;

/* For the owner alone: it counts rows. */
typedef struct mal_store_report {
    uint32_t version; /* 0 after a dry run */
    uint64_t rows_read, rows_stored;
    uint64_t rows_dropped[MAL_STORE_DROPS];
    unsigned n_columns;
    mal_store_column_report *columns; /* [n_columns] */
    uint64_t log_index;               /* of the dataset statement */
    uint8_t root[32];
    uint64_t bytes;  /* on disk */
    uint64_t cpu_ns; /* of both processes */
} mal_store_report;

/* Read a file into the next version of contract's dataset `name`
 * ("acme.customers").  Visible once logged; whole or absent whatever happens.
 *
 * Which rows of an over-contributing privacy unit stay is decided by a keyed
 * hash of their content: neither the order of the file nor its owner's wishes.
 *
 * Errors:  MAL_E_INPUT   header, type or (strict) row does not fit; says where.
 *          MAL_E_LIMIT   more rows than the contract declares.
 *          MAL_E_DENIED  this party does not own the dataset.
 *          MAL_E_STATE   the room has no pseudonym key yet.
 */
mal_err mal_store_add(mal_store *store, mal_store_report *report,
                      mal_arena *arena, const mal_policy_contract *contract,
                      const char *name, const char *path,
                      const mal_store_options *options) MAL_MUST_CHECK;

/* --- Looking ------------------------------------------------------------ */

typedef struct mal_store_info {
    uint8_t room[32];
    char *dataset;
    uint32_t version;
    uint64_t rows;     /* private to the owner */
    uint64_t rows_max; /* public: the declared bound */
    uint64_t created;  /* unix seconds */
    uint64_t log_index;
    uint64_t bytes; /* on disk */
    uint8_t root[32];
    uint8_t contract_hash[32]; /* the contract its key is wrapped under */
} mal_store_info;

/* Every visible version, by room, dataset, version. */
mal_err mal_store_list(mal_store *store, mal_store_info **infos, size_t *n,
                       mal_arena *arena) MAL_MUST_CHECK;
/* version 0: the newest.  MAL_E_MISSING. */
mal_err mal_store_find(mal_store *store, mal_store_info *info, mal_arena *arena,
                       const uint8_t room[32], const char *dataset,
                       uint32_t version) MAL_MUST_CHECK;
/* Was this version cut to the bounds that `contract` declares, and do its
 * columns mean the same?  An amendment may have tightened them since, and
 * sensitivity follows the contract.
 *
 * Errors:  MAL_E_STATE  it was not: the text names what differs.
 */
mal_err mal_store_fits(mal_store *store, const mal_policy_contract *contract,
                       const char *dataset, uint32_t version) MAL_MUST_CHECK;
/* The canonical bytes of the dataset statement: public, as logged. */
mal_err mal_store_statement(mal_store *store, mal_buf *out,
                            const uint8_t room[32], const char *dataset,
                            uint32_t version) MAL_MUST_CHECK;

/* A decoded statement: a list of {suite, root, parameters}. */
typedef struct mal_store_statement_column {
    char *name;
    uint8_t kind; /* MAL_DUCK_I64 or MAL_DUCK_ID; 0: the row mask */
    bool nullable;
    uint8_t scale;  /* decimal digits */
    int64_t lo, hi; /* of the stored words; ids: 0, 0 */
    char *profile;  /* "uid2@1"; "" if none */
    char *domain;   /* id domain; "" if none */
} mal_store_statement_column;
typedef struct mal_store_commitment {
    char *suite; /* "sha256-merkle@1" */
    uint8_t root[32];
    uint32_t leaf_rows;
} mal_store_commitment;
typedef struct mal_store_statement_view {
    uint8_t room[32], contract_hash[32];
    char *dataset;
    uint32_t version, epoch;
    uint64_t rows_max;
    uint64_t contributes_max; /* 0: the unit is the row */
    char *unit;               /* column; "" if the unit is the row */
    uint8_t pseudonym_commitment[32];
    unsigned n_columns, n_commitments;
    mal_store_statement_column *columns;
    mal_store_commitment *commitments;
} mal_store_statement_view;
/* Foreign bytes: everything is checked.  Pure. */
mal_err mal_store_statement_decode(mal_store_statement_view *view,
                                   mal_arena *arena,
                                   mal_bytes bytes) MAL_MUST_CHECK;

/* --- Reading ------------------------------------------------------------ */

/* Columns by name, in the given order, all rows, into the arena.  Measures
 * (scaled) and dimensions (codes) are MAL_DUCK_I64, identifiers MAL_DUCK_ID:
 * the batch can be put into a mal_duck table as it is.
 *
 * Errors:  MAL_E_AUTH     a segment was altered, moved or cut; or a wrong key.
 *          MAL_E_MISSING  no such version or column.
 */
mal_err mal_store_read(mal_store *store, mal_duck_batch *table,
                       mal_arena *arena, const uint8_t room[32],
                       const char *dataset, uint32_t version,
                       const char *const *names, unsigned n) MAL_MUST_CHECK;
/* Recompute the commitment from the segments.  MAL_E_AUTH: they differ. */
mal_err mal_store_check(mal_store *store, const uint8_t room[32],
                        const char *dataset, uint32_t version) MAL_MUST_CHECK;

/* --- Changing ----------------------------------------------------------- */

/* Destroy the dataset key, log the deletion, remove the files.  Durable: after
 * a crash in between, open finishes it.  version 0: all versions. */
mal_err mal_store_remove(mal_store *store, const uint8_t room[32],
                         const char *dataset, uint32_t version) MAL_MUST_CHECK;
/* An amended contract of the same room: wrap each key of the room anew, under
 * its hash (rule 24).  Idempotent; segments are untouched. */
mal_err mal_store_rewrap(mal_store *store,
                         const mal_policy_contract *contract) MAL_MUST_CHECK;

/* --- Shares of a table, at a seat of share3 ------------------------------ */

/* Two of the three parts of every plane of somebody's table, padded to its
 * declared bound.  They lie under a key of that dataset and version at this
 * seat (rule 25), bound to all that stands here, and are erased with it.  Of
 * the table, this folder and key alone tell the bounds. */
#define MAL_STORE_SHARES_WORDS_MAX ((uint64_t)1 << 32) /* of one part */
typedef struct mal_store_shares {
    uint8_t room[32], contract[32];
    char dataset[MAL_STORE_NAME_MAX + 1];
    uint32_t version;
    uint8_t root[32];   /* the version's, as its owner logged it */
    uint8_t upload[32]; /* one sharing to three seats: the same at each */
    uint8_t shape[32];  /* hash of rows, columns and their types */
    uint64_t epoch;     /* 0 as uploaded; a refresh makes the next */
    uint32_t seat;      /* 0 to 2 */
    uint64_t words;     /* of each of the two parts */
} mal_store_shares;

/* Whole or absent: all words of the first part, then all of the second, in any
 * pieces; abandon and a crash leave nothing. */
typedef struct mal_store_shares_writer mal_store_shares_writer;
mal_err mal_store_shares_begin(mal_store *store,
                               mal_store_shares_writer **writer,
                               const mal_store_shares *shares) MAL_MUST_CHECK;
mal_err mal_store_shares_write(mal_store_shares_writer *writer,
                               const uint64_t *words, size_t n) MAL_MUST_CHECK;
/* Frees the writer, also when it fails. */
mal_err
mal_store_shares_commit(mal_store_shares_writer **writer) MAL_MUST_CHECK;
void mal_store_shares_abandon(mal_store_shares_writer **writer);
/* All, the newest version and epoch of a dataset first. */
mal_err mal_store_shares_list(mal_store *store, mal_store_shares **shares,
                              size_t *n, mal_arena *arena) MAL_MUST_CHECK;
/* The sharing with that room, dataset, version, upload and epoch; part[2] have
 * room for `words` each.  MAL_E_MISSING; MAL_E_AUTH: altered, moved or cut. */
mal_err mal_store_shares_read(mal_store *store, uint64_t *const part[2],
                              const mal_store_shares *shares) MAL_MUST_CHECK;
/* One epoch, after a refresh; the key stays. */
mal_err mal_store_shares_drop(mal_store *store,
                              const mal_store_shares *shares) MAL_MUST_CHECK;
/* All sharings of that version (0: of all) and their key. */
mal_err mal_store_shares_remove(mal_store *store, const uint8_t room[32],
                                const char *dataset, uint32_t version,
                                size_t *removed) MAL_MUST_CHECK;

/* --- Measurements ------------------------------------------------------- */

/* One JSON object a line, engine "ingest": csv, read, check.  Zero and NULL
 * mean a million rows, one thread, all. */
mal_err mal_store_bench(mal_buf *out, uint64_t rows, unsigned threads,
                        const char *only) MAL_MUST_CHECK;

#endif
