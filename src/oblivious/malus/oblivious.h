/* malus/oblivious.h - relational operators over secret-shared tables.
 *
 * Three parties hold a table by shares (malus/share3.h) and run the operators
 * of a plan on it.  A table has n rows, a public bound; which rows count is one
 * secret bit a row.  No operator looks at a value: all three parties run the
 * same operator with the same public arguments, and every size, round and
 * message is a function of those.  Meaning is docs/sql.md: three-valued logic,
 * floor division, total orders.
 *
 * Every number has a proved range [lo, hi], and its width follows from it:
 * predicates run on bit planes, sums and products on words; a column is brought
 * into the form that an operator wants when it wants it, and keeps both.
 *
 * What is not proved is checked: a key declared unique, a fan-out, a bound of
 * rows.  Verdicts gather in one secret bit, which mal_obl_verdict opens before
 * anything leaves: one bit, "every promise was kept", is all that it tells.
 */
#ifndef MALUS_OBLIVIOUS_H
#define MALUS_OBLIVIOUS_H

#include <malus/base.h>
#include <malus/share3.h>

#define MAL_OBL_COLUMNS_MAX 256
#define MAL_OBL_KEYS_MAX 16
#define MAL_OBL_WIDTH_MAX 128 /* of an identifier; numbers have at most 64 */
#define MAL_OBL_LIST_MAX 4096 /* IN, LOOKUP */
#define MAL_OBL_CELLS_MAX ((size_t)1 << 20)
#define MAL_OBL_ROWS_MAX ((size_t)1 << 31)

/* --- types, columns, tables ----------------------------------------------- */

/* A number in [lo, hi], |lo|, |hi| <= INT64_MAX; a boolean is [0, 1], a code
 * [0, codes].  Or an identifier of `opaque` bits (1 to 128; then lo = hi = 0):
 * compared for equality, joined, grouped, never computed with. */
typedef struct mal_obl_type {
    int64_t lo, hi;
    bool nullable;
    uint8_t opaque;
} mal_obl_type;

/* Planes that a value of the type needs: two's complement if lo < 0. */
unsigned mal_obl_width(const mal_obl_type *type);

/* At least one of bits and words is present.  Where the row is invalid or the
 * value NULL, the value is unspecified. */
typedef struct mal_obl_column {
    mal_obl_type type;
    bool has_bits, has_words;
    mal_share3_bits bits;   /* mal_obl_width planes, least significant first */
    mal_share3_words words; /* mod 2^64, two's complement; never if opaque */
    mal_share3_bits null;   /* one plane, if nullable */
} mal_obl_column;

typedef struct mal_obl_table {
    size_t n; /* >= 1: an empty table is one invalid row */
    unsigned n_columns;
    mal_obl_column *columns; /* owned */
    mal_share3_bits valid;   /* one plane */
    bool bounded; /* its units' rows were bounded when it was taken in */
} mal_obl_table;

void mal_obl_column_clear(mal_obl_column *column);
void mal_obl_table_clear(mal_obl_table *table);

/* One party's operators in one job. */
typedef struct mal_obl mal_obl;
mal_err mal_obl_open(mal_obl **o, mal_share3 *s) MAL_MUST_CHECK;
void mal_obl_close(mal_obl **o);

/* Open the one bit that says whether a checked promise was broken since the
 * last call.  Every plan ends with it, before anything else is opened.
 * Leaks:   the bit, to all three.
 * Errors:  MAL_E_INPUT  a key declared unique is not, or more rows share a key
 *                       or are valid than was declared.  */
mal_err mal_obl_verdict(mal_obl *o) MAL_MUST_CHECK;

/* --- in and out ----------------------------------------------------------- */

/* One column from its owner's plain values; null is NULL or [n] of 0 and 1.
 * Values are shared as they come: where the owner is not trusted to keep its
 * declared range, mal_obl_clamp follows. */
mal_err mal_obl_column_input(mal_obl *o, mal_obl_column *out,
                             const mal_obl_type *type, unsigned owner,
                             const int64_t *values, const uint8_t *null,
                             size_t n) MAL_MUST_CHECK;
/* Identifiers: `opaque` low bits of [n] 16-byte little-endian strings. */
mal_err mal_obl_id_input(mal_obl *o, mal_obl_column *out,
                         const mal_obl_type *type, unsigned owner,
                         const uint8_t (*values)[16], const uint8_t *null,
                         size_t n) MAL_MUST_CHECK;
/* What nobody uses for a while may be parked; it owns then what it looked at.
 */
mal_err mal_obl_table_rest(mal_obl *o, mal_obl_table *t) MAL_MUST_CHECK;
mal_err mal_obl_table_wake(mal_obl *o, mal_obl_table *t) MAL_MUST_CHECK;
/* Bring every value into [lo, hi], to the nearest bound: rule 5. */
mal_err mal_obl_clamp(mal_obl *o, mal_obl_column *column) MAL_MUST_CHECK;
/* A table of n rows with n_columns empty columns; rows [0, n_valid) are valid
 * if the owner's valid is NULL, which costs nothing. */
mal_err mal_obl_table_new(mal_obl *o, mal_obl_table *t, size_t n,
                          unsigned n_columns, size_t n_valid) MAL_MUST_CHECK;
/* Open a column to all three: what a release of the exact class does, and
 * tests.  Rows that are invalid, and NULLs, are opened as 0 (t's column is
 * blanked so).  Where valid rows stand tells, too: a table that is opened was
 * sorted by all its columns, or is an aggregate.  null may be NULL. */
mal_err mal_obl_column_open(mal_obl *o, int64_t *values, uint8_t *null,
                            mal_obl_table *t, unsigned column) MAL_MUST_CHECK;
mal_err mal_obl_valid_open(mal_obl *o, uint8_t *valid,
                           const mal_obl_table *t) MAL_MUST_CHECK;
/* The missing form, made now and kept: [MR18] conversions. */
mal_err mal_obl_need_bits(mal_obl *o, mal_obl_column *column) MAL_MUST_CHECK;
mal_err mal_obl_need_words(mal_obl *o, mal_obl_column *column) MAL_MUST_CHECK;

/* --- expressions ---------------------------------------------------------- */

/* Numbered as the plan's operators (sql), so that a walker copies them. */
#define MAL_OBL_OP_MAP(X)                                                      \
    X(COL, 1)   /* value: index of the input column */                         \
    X(CONST, 2) /* value; null */                                              \
    X(NEG, 4)                                                                  \
    X(ADD, 5)                                                                  \
    X(SUB, 6)                                                                  \
    X(MUL, 7)                                                                  \
    X(DIV, 8)    /* floor(a * 10^value / b), NULL if b = 0 */                  \
    X(MOD, 9)    /* a - b * floor(a / b), NULL if b = 0 */                     \
    X(SCALE, 10) /* a * 10^value; value < 0: half away from zero */            \
    X(VALUE, 11) /* code a < list[0] -> value + a; else NULL */                \
    X(KNOWN, 12) /* code a < list[0] -> a; else NULL */                        \
    X(EQ, 13)                                                                  \
    X(NE, 14)                                                                  \
    X(LT, 15)                                                                  \
    X(LE, 16)                                                                  \
    X(GT, 17)                                                                  \
    X(GE, 18)                                                                  \
    X(AND, 19)                                                                 \
    X(OR, 20)                                                                  \
    X(NOT, 21)                                                                 \
    X(ISNULL, 22)                                                              \
    X(CASE, 23) /* when, then, .., else */                                     \
    X(COALESCE, 24)                                                            \
    X(IN, 25)     /* of list[0..n_list) */                                     \
    X(LOOKUP, 26) /* list[a], 0 <= a < n_list: a code's place in an order */

typedef enum mal_obl_op {
#define X(name, value) MAL_OBL_##name = value,
    MAL_OBL_OP_MAP(X)
#undef X
} mal_obl_op;

/* A tree of bounded depth, made by the caller.  `type` is the caller's proof:
 * for every row, the value lies in it; intermediate products are mod 2^64. */
typedef struct mal_obl_expr {
    mal_obl_op op;
    mal_obl_type type;
    bool null; /* CONST */
    int64_t value;
    unsigned n_args, n_list;
    const struct mal_obl_expr *const *args;
    const int64_t *list;
} mal_obl_expr;

/* out = e over every row of t (t gains converted forms of its columns).
 *
 * Errors:  MAL_E_UNSUPPORTED  DIV or SCALE whose scaled dividend needs more
 *                             than 64 bits. */
mal_err mal_obl_eval(mal_obl *o, mal_obl_column *out, mal_obl_table *t,
                     const mal_obl_expr *e) MAL_MUST_CHECK;
/* valid &= e is true. */
mal_err mal_obl_filter(mal_obl *o, mal_obl_table *t,
                       const mal_obl_expr *e) MAL_MUST_CHECK;
/* Columns e[0..n) over t. */
mal_err mal_obl_project(mal_obl *o, mal_obl_table *out, mal_obl_table *t,
                        const mal_obl_expr *const *e,
                        unsigned n) MAL_MUST_CHECK;

/* --- order ---------------------------------------------------------------- */

typedef struct mal_obl_key {
    unsigned column;
    bool desc, nulls_first;
} mal_obl_key;

/* In place and stable: valid rows by the keys, then the invalid ones. */
mal_err mal_obl_sort(mal_obl *o, mal_obl_table *t, const mal_obl_key *keys,
                     unsigned n_keys) MAL_MUST_CHECK;
/* Rows [offset, offset + limit) of a sorted table: t is cut to that many. */
mal_err mal_obl_limit(mal_obl *o, mal_obl_table *t, size_t limit,
                      size_t offset) MAL_MUST_CHECK;
/* The same of the order by the keys, without sorting what is not asked for. */
mal_err mal_obl_top(mal_obl *o, mal_obl_table *t, const mal_obl_key *keys,
                    unsigned n_keys, size_t limit) MAL_MUST_CHECK;
/* Valid rows first, in their order, and cut to a public bound; more valid rows
 * than the bound break a promise.  A noised bound is charged above (rule 20).
 */
mal_err mal_obl_compact(mal_obl *o, mal_obl_table *t,
                        size_t rows_max) MAL_MUST_CHECK;
/* How many rows are valid, as one word: to be opened with noise alone. */
mal_err mal_obl_count(mal_obl *o, mal_share3_words *count,
                      const mal_obl_table *t) MAL_MUST_CHECK;
/* All rows of all tables; columns agree in number; types are joined. */
mal_err mal_obl_union(mal_obl *o, mal_obl_table *out,
                      mal_obl_table *const *tables, unsigned n) MAL_MUST_CHECK;

/* The order of a table by key columns, as a secret permutation: made once at
 * ingest and used by every join and group on these keys as long as the table's
 * rows stand where they stood (filter, project, clamp, and being the probe side
 * of a join keep them there).  NULLs are last; invalid rows are in place. */
typedef struct mal_obl_rank {
    unsigned n_keys;
    unsigned keys[MAL_OBL_KEYS_MAX];
    bool in_place;          /* the rows stand in this order: place is empty */
    mal_share3_words place; /* [n]: row i goes to place[i] */
} mal_obl_rank;
void mal_obl_rank_clear(mal_obl_rank *rank);
/* The owner sorted its rows before it shared them, which is free: check that
 * they stand in the order of the keys (a promise), by one comparison a row. */
mal_err mal_obl_rank_sorted(mal_obl *o, mal_obl_rank *rank, mal_obl_table *t,
                            const unsigned *keys,
                            unsigned n_keys) MAL_MUST_CHECK;
mal_err mal_obl_rank_make(mal_obl *o, mal_obl_rank *rank, mal_obl_table *t,
                          const unsigned *keys, unsigned n_keys) MAL_MUST_CHECK;
/* Rule 5: of the valid rows that share a value of the column, the first
 * rows_max (in the order of the rank; else in any) keep counting, the others
 * and those with a NULL do not.  rank: the column's, or NULL: sorted here. */
mal_err mal_obl_bound(mal_obl *o, mal_obl_table *t, unsigned column,
                      size_t rows_max, const mal_obl_rank *rank) MAL_MUST_CHECK;
/* A promise that no two valid rows agree in all keys; a NULL agrees with none.
 */
mal_err mal_obl_unique(mal_obl *o, mal_obl_table *t, const unsigned *keys,
                       unsigned n_keys) MAL_MUST_CHECK;
/* One more column: 1 in one valid row of each that agree in all keys, 0 in the
 * others; a row with a NULL is none. */
mal_err mal_obl_first(mal_obl *o, mal_obl_table *t, const unsigned *keys,
                      unsigned n_keys) MAL_MUST_CHECK;
/* rank() over (partition by the first n_part keys order by the others), as one
 * more column [1, n]; rows stay. */
mal_err mal_obl_window_rank(mal_obl *o, mal_obl_table *t,
                            const mal_obl_key *keys, unsigned n_keys,
                            unsigned n_part) MAL_MUST_CHECK;

/* --- joins ---------------------------------------------------------------- */

typedef enum mal_obl_join_kind {
    MAL_OBL_INNER = 1,
    MAL_OBL_LEFT = 2, /* every probe row; build columns NULL if none matches */
    MAL_OBL_SEMI = 3, /* probe rows that match; columns of probe alone */
    MAL_OBL_ANTI = 4, /* probe rows that do not */
} mal_obl_join_kind;

/* The probe side keeps its rows where they are and gains the build side's
 * columns: the result has exactly probe->n rows.  INNER and LEFT need a build
 * side whose keys are unique among its valid rows: that is checked, and a
 * duplicate breaks a promise [pitfall 12].  SEMI and ANTI need nothing.  Rows
 * with a NULL key match none. */
typedef struct mal_obl_join_options {
    mal_obl_join_kind kind;
    unsigned n_keys;
    unsigned probe_keys[MAL_OBL_KEYS_MAX], build_keys[MAL_OBL_KEYS_MAX];
    /* At most this many probe rows share a key (0: unknown).  A promise that
     * is checked; it shortens the copying down. */
    size_t fanout_max;
    /* The keys' ranks, if they were made: then nothing is sorted but a side
     * that has none. */
    const mal_obl_rank *probe_rank, *build_rank;
} mal_obl_join_options;

/* out = probe's columns, then build's (INNER, LEFT).
 *
 * The listing is [ORQ25] section 4: concatenate, sort once, copy down the
 * group; here the copy returns to the probe rows' own places.  Both rest then.
 *
 * Leaks:   n of both, the widths, the options. */
mal_err mal_obl_join(mal_obl *o, mal_obl_table *out, mal_obl_table *probe,
                     mal_obl_table *build,
                     const mal_obl_join_options *options) MAL_MUST_CHECK;
/* Many to many under a declared fan-out: at most fanout_max (>= 1) build rows
 * share a key, which is checked.  out has probe->n * fanout_max rows.  INNER
 * and LEFT.  (Under an aggregation, group the build side first instead.) */
mal_err mal_obl_join_many(mal_obl *o, mal_obl_table *out, mal_obl_table *probe,
                          mal_obl_table *build,
                          const mal_obl_join_options *options) MAL_MUST_CHECK;
/* LEFT where the unique side is the one that is kept whole: out has the rows of
 * `many` that match, joined, then the rows of `unique` that match none, with
 * NULL in many's columns: columns of unique, then of many; many->n + unique->n
 * rows.  options: probe is many, build is unique. */
mal_err mal_obl_join_outer(mal_obl *o, mal_obl_table *out,
                           mal_obl_table *unique, mal_obl_table *many,
                           const mal_obl_join_options *options) MAL_MUST_CHECK;

/* --- groups --------------------------------------------------------------- */

typedef enum mal_obl_agg_kind {
    MAL_OBL_COUNT_ROWS = 1,
    MAL_OBL_COUNT = 2, /* not NULL */
    MAL_OBL_SUM = 3,   /* NULL if there is no value (group); 0 (dense) */
    MAL_OBL_MIN = 5,
    MAL_OBL_MAX = 6,
    MAL_OBL_COUNT_DISTINCT = 7, /* group only */
    /* Some valid row's value, group only: of a column that the keys determine,
     * and that need not be sorted by. */
    MAL_OBL_ANY = 8,
} mal_obl_agg_kind; /* AVG is SUM and COUNT */

typedef struct mal_obl_agg {
    mal_obl_agg_kind kind;
    unsigned column;
    const mal_obl_type *type; /* SUM: what the caller proved; NULL: n * range */
} mal_obl_agg;

typedef struct mal_obl_group_options {
    unsigned n_keys, n_aggs;
    const unsigned *keys;
    const mal_obl_agg *aggs;
    /* Of the keys, if it was made; then nothing is sorted, unless there is a
     * MIN, MAX or COUNT DISTINCT. */
    const mal_obl_rank *rank;
    /* At most this many groups (0: unknown, in->n); more break a promise. */
    size_t groups_max;
} mal_obl_group_options;

/* GROUP BY open keys: one valid row a group, keys then aggregates, groups
 * first and in the keys' order, NULL last.  Without keys: one row, always
 * valid.  out->n = groups_max or in->n.
 *
 * Sort, segmented scan for MIN and MAX, prefix sums (which are local) for the
 * rest, then the groups' last rows to the front: differences of neighbours are
 * the sums [AHI22].  `in` is left at rest. */
mal_err mal_obl_group(mal_obl *o, mal_obl_table *out, mal_obl_table *in,
                      const mal_obl_group_options *options) MAL_MUST_CHECK;
/* The valid rows that are first of their keys stay valid: SELECT DISTINCT. */
mal_err mal_obl_distinct(mal_obl *o, mal_obl_table *t, const unsigned *keys,
                         unsigned n_keys) MAL_MUST_CHECK;
/* A closed domain: cells [0, n_cells) by a code column (rows whose code is not
 * below n_cells, or NULL, count nowhere).  out: words [agg * n_cells + cell] of
 * COUNT_ROWS, COUNT, SUM: every cell, empty or not, ready for noise. */
mal_err mal_obl_dense(mal_obl *o, mal_share3_words *out, mal_obl_table *in,
                      unsigned code, size_t n_cells, const mal_obl_agg *aggs,
                      unsigned n_aggs) MAL_MUST_CHECK;

/* --- what it costs -------------------------------------------------------- */

/* One party: rounds in sequence, bytes sent, nanoseconds of one core. */
typedef struct mal_obl_cost {
    uint64_t rounds, bytes;
    double ns;
} mal_obl_cost;

/* An engine without parties and without rows: every operator above runs on it
 * with the same arguments, allocates no shares and counts.  Control flow
 * depends on public shapes alone, so what it counts is what a run costs the
 * party that sends most, exactly; but for sorts of more than 3 planes, which
 * compare rows in a uniform order and whose price is an estimate.  Inputs are
 * made by mal_obl_table_new and the input calls, values NULL; openings give
 * nothing.  Proofs before openings are counted if malicious, in rounds and
 * bytes; their time is part of the rates, nanoseconds a unit, NULL for built-in
 * figures; `malus bench share3` measures them. */
typedef struct mal_obl_rates {
    double and_word_ns;     /* 64 ANDs of one plane */
    double mul_ns;          /* of words, a row */
    double byte_ns;         /* sent and received */
    double round_ns;        /* latency */
    double permute_ns;      /* a row and word that an order moves */
    double compare_word_ns; /* 64 ANDs of a sort, its rows gathered */
} mal_obl_rates;
mal_err mal_obl_open_dry(mal_obl **o, mal_share3_security security,
                         const mal_obl_rates *rates) MAL_MUST_CHECK;
/* What is done with shares of a dry engine but by no operator: add puts its
 * calls into the cost, and returns nanoseconds beside rounds and bytes. */
void mal_obl_pay(mal_obl *o, double (*add)(mal_share3_cost *, const void *ctx),
                 const void *ctx);
/* Of a running engine too. */
mal_obl_cost mal_obl_cost_so_far(const mal_obl *o);

/* Bench lines of engine share3, `join` and others: three parties as threads.
 * only: NULL or a name; rows: of the probe side. */
mal_err mal_obl_bench(mal_buf *lines, const char *only, uint64_t rows,
                      unsigned threads,
                      mal_share3_security security) MAL_MUST_CHECK;
bool mal_obl_bench_has(const char *name);

#endif
