/* malus/duck.h - DuckDB in a caged child process.
 *
 * DuckDB parses what strangers wrote and runs plans over secrets, in two
 * million lines that we did not write.  So it never shares an address space
 * with a key: a helper executable, `malus-duck`, loads it, locks its
 * configuration, shuts itself in (no network, no new files, no new processes)
 * and then speaks one bounded protocol over one socket.  Typed columns go in,
 * typed columns come out, and the parent checks every byte that it receives.  A
 * crash, a hang or an appetite for memory is the error of one job, never of the
 * node.
 *
 * SQL given here is printed by `sql` and `store` from plans: generated names,
 * typed literals, no byte of a user's text (rule 10).
 *
 * An error's message may quote the cell that caused it: it is for the owner of
 * the data, and never travels to a peer.
 */
#ifndef MALUS_DUCK_H
#define MALUS_DUCK_H

#include <malus/base.h>

/* What crosses the border.  There is no double. */
#define MAL_DUCK_TYPE_MAP(X)                                                   \
    X(MAL_DUCK_I64, 1, "int64")                                                \
    X(MAL_DUCK_BOOL, 2, "bool")                                                \
    X(MAL_DUCK_ID, 3, "id")                                                    \
    X(MAL_DUCK_TEXT, 4, "text")
typedef enum mal_duck_type {
#define X(name, value, text) name = value,
    MAL_DUCK_TYPE_MAP(X)
#undef X
} mal_duck_type;
const char *mal_duck_type_name(mal_duck_type type);

/* Within DuckDB: I64 is BIGINT, BOOL BOOLEAN, ID UUID (equal and ordered as the
 * 16 bytes are; 'xxxxxxxx-xxxx-...'::UUID is its literal), TEXT VARCHAR. */
typedef struct mal_duck_column {
    const char *name; /* [a-z_][a-z0-9_]{0,62}; NULL in a result */
    mal_duck_type type;
    const int64_t *i64;      /* [rows] I64; BOOL: 0 or 1 */
    const uint8_t *id;       /* [rows * 16] ID */
    const uint8_t *text;     /* [text_at[rows]] TEXT: bytes, not terminated */
    const uint32_t *text_at; /* [rows + 1] TEXT: where row i starts */
    const uint8_t *null;     /* [rows] 1: NULL (its value is zero); or NULL */
} mal_duck_column;

#define MAL_DUCK_COLUMNS_MAX 256u
#define MAL_DUCK_BATCH_ROWS 65536u              /* a batch never has more */
#define MAL_DUCK_BATCH_BYTES ((size_t)64 << 20) /* on the wire */
#define MAL_DUCK_SQL_MAX ((size_t)4 << 20)
#define MAL_DUCK_FILES_MAX 8u

typedef struct mal_duck_batch {
    size_t rows;
    unsigned n; /* columns */
    mal_duck_column *columns;
} mal_duck_batch;

/* Zero means the default. */
typedef struct mal_duck_options {
    uint64_t
        memory_max;   /* bytes of DuckDB's buffers; default 1 GiB; >= 32 MiB */
    unsigned threads; /* default 1; at most 64 */
    unsigned timeout_ms;  /* of one request or batch; default 60,000 */
    const int *files;     /* [n_files] open for reading; the child may read */
    unsigned n_files;     /* these and nothing else, by mal_duck_file_path */
    const char *temp_dir; /* an existing folder to spill into; NULL: no spill */
} mal_duck_options;

typedef struct mal_duck mal_duck; /* one child; use from one thread at a time */

/* Start a child: fork, exec, load, lock, cage.
 *
 * The helper is MAL_DUCK_PATH if that is set, else `malus-duck` beside the
 * running executable, else in its ../libexec/malus or ../lib/malus.
 *
 * Errors:  MAL_E_MISSING      no helper, or it cannot load libduckdb.
 *          MAL_E_UNSUPPORTED  the kernel cannot build the cage.
 */
mal_err mal_duck_start(mal_duck **duck,
                       const mal_duck_options *options) MAL_MUST_CHECK;
/* Kill and reap; closes its descriptors.  NULL is fine. */
void mal_duck_stop(mal_duck *duck);
void mal_duck_auto(mal_duck **duck);

/* After MAL_E_TIMEOUT, MAL_E_PEER or a crash (MAL_E_STATE) the child is gone
 * and every call says so; after MAL_E_INPUT or MAL_E_LIMIT it lives on. */
bool mal_duck_alive(const mal_duck *duck);
const char *mal_duck_version(const mal_duck *duck); /* of DuckDB */
uint64_t mal_duck_cpu_ns(const mal_duck *duck);     /* of the child, so far */

/* The name of options.files[i] inside SQL: '/proc/self/fd/64' + i. */
const char *mal_duck_file_path(unsigned i);

/* Make an empty table; only names and types are read. */
mal_err mal_duck_table_create(mal_duck *duck, const char *name,
                              const mal_duck_column *columns,
                              unsigned n) MAL_MUST_CHECK;
/* Append rows to it: any number, sent in batches. */
mal_err mal_duck_table_put(mal_duck *duck, const char *name,
                           const mal_duck_batch *batch) MAL_MUST_CHECK;

/* One statement without an answer (CREATE TABLE .. AS, DROP ..). */
mal_err mal_duck_run(mal_duck *duck, const char *sql) MAL_MUST_CHECK;

/* One SELECT, its whole answer in the arena.
 *
 * In:      types     [n] what each column must be.  I64 takes any integer type:
 *                    a HUGEINT outside int64 is MAL_E_LIMIT; DOUBLE, DECIMAL
 * and the rest are MAL_E_INPUT by name. rows_max  more rows are MAL_E_LIMIT.
 * Errors:  MAL_E_INPUT    DuckDB refuses it, or a column has another type.
 *          MAL_E_LIMIT    rows, memory, or a value outside int64.
 *          MAL_E_TIMEOUT  killed at the deadline.
 *          MAL_E_STATE    DuckDB crashed, or the child was already gone.
 *          MAL_E_PEER     the child broke the protocol; it was killed.
 */
mal_err mal_duck_query(mal_duck *duck, mal_duck_batch *result, mal_arena *arena,
                       const char *sql, const mal_duck_type *types, unsigned n,
                       uint64_t rows_max) MAL_MUST_CHECK;

/* The same in batches of up to MAL_DUCK_BATCH_ROWS rows, streamed: neither side
 * holds more than a few.  A batch is valid until the next call; rows = 0 is the
 * end.  No other request may run in between; end stops early or cleans up. */
mal_err mal_duck_scan_begin(mal_duck *duck, const char *sql,
                            const mal_duck_type *types, unsigned n,
                            uint64_t rows_max) MAL_MUST_CHECK;
mal_err mal_duck_scan_next(mal_duck *duck,
                           mal_duck_batch *batch) MAL_MUST_CHECK;
mal_err mal_duck_scan_end(mal_duck *duck) MAL_MUST_CHECK;

/* For the `test` mark only: make the child crash, hang, or eat memory. */
mal_err mal_duck_provoke(mal_duck *duck, const char *how) MAL_MUST_CHECK;

#endif
