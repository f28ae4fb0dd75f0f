/* malus/sql.h - from text to one typed plan, and from the plan to what runs.
 *
 * The text is parsed once, with PostgreSQL's grammar, into a typed relational
 * plan; everything downstream reads the plan, never the text.  Policy judges
 * the facts of the plan (mal_sql_plan_facts), dp bounds it, engines run the
 * physical plan that is split from it (mal_sql_split), DuckDB receives SQL that
 * is printed from it, and the answer is finished from released numbers
 * (mal_sql_finish).
 *
 * Values are integers: a decimal is a scaled int64, a text is the code of a
 * declared domain, an identifier is a 16-byte pseudonym.  Every column carries
 * a proved range, so that nothing overflows; docs/sql.md says what every
 * operator means, and where that departs from PostgreSQL.
 *
 * Plans, physical plans and tables live in the arena given and refer to the
 * contract: both must outlive them.
 */
#ifndef MALUS_SQL_H
#define MALUS_SQL_H

#include <malus/base.h>
#include <malus/duck.h>
#include <malus/oblivious.h>
#include <malus/policy.h>
#include <malus/prim.h>
#include <malus/train.h>

/* --- Limits --------------------------------------------------------------- */

#define MAL_SQL_TEXT_MAX ((size_t)64 << 10)
#define MAL_SQL_TOKENS_MAX 8192u
#define MAL_SQL_NODES_MAX 16384u /* expressions and operators of one plan */
#define MAL_SQL_DEPTH_MAX 200u   /* nesting of an expression, of a query */
#define MAL_SQL_COLUMNS_MAX 256u /* of one operator */
#define MAL_SQL_CELLS_MAX ((uint64_t)1 << 20)
#define MAL_SQL_AGGS_MAX 64u
#define MAL_SQL_KEYS_MAX 8u /* equalities of one join */
#define MAL_SQL_SCALE_MAX 18u
#define MAL_SQL_SUM_MAX (INT64_MAX >> 1) /* headroom for noise, rule 9 */

/* --- The logical plan ----------------------------------------------------- */

typedef struct mal_sql_plan mal_sql_plan;

/* Parse, resolve and type the text under the contract.
 *
 * Errors:  MAL_E_INPUT        not SQL, unknown names, type errors;
 * "line:column: ..." MAL_E_UNSUPPORTED  a construct we refuse, by name, and
 * what to do MAL_E_LIMIT        too long, too deep, too wide; a range that does
 *                             not fit 64 bits
 */
mal_err mal_sql_plan_from_text(const mal_sql_plan **plan, mal_arena *arena,
                               const mal_policy_contract *contract,
                               mal_bytes text) MAL_MUST_CHECK;
/* Is it a statement TRAIN?  Then share3 alone runs it. */
bool mal_sql_plan_trains(const mal_sql_plan *plan);
/* The canonical bytes: the contract's hash, then the tree.  Texts that differ
 * in white space, case, comments, table aliases or the names of CTEs and inner
 * columns encode alike. */
mal_err mal_sql_plan_encode(mal_buf *out,
                            const mal_sql_plan *plan) MAL_MUST_CHECK;
/* SHA-256 of the canonical bytes. */
mal_err mal_sql_plan_hash(mal_prim_hash *out,
                          const mal_sql_plan *plan) MAL_MUST_CHECK;
/* The tree for explain: one operator a line, with types and ranges. */
mal_err mal_sql_plan_print(mal_buf *out,
                           const mal_sql_plan *plan) MAL_MUST_CHECK;
/* Fills what the plan determines: datasets, uses, joins, groups, rows_max,
 * having and order flags.  The caller fills the rest (requester, purpose, ...).
 * Lists live in the arena. */
mal_err mal_sql_plan_facts(mal_policy_facts *facts, mal_arena *arena,
                           const mal_sql_plan *plan) MAL_MUST_CHECK;

/* --- The physical plan ---------------------------------------------------- */

typedef enum mal_sql_shape {
    MAL_SQL_LOCAL = 1, /* one owner: one part */
    MAL_SQL_UNION = 2, /* one part an owner; cells add up */
    MAL_SQL_JOIN = 3,  /* parts[0] payload, parts[1] filter, of two owners */
    MAL_SQL_SHARE3 =
        4, /* parts of any owners, shared; the rest runs on shares */
    MAL_SQL_MATCH = 5, /* parts[0] match, parts[1] filter, of two owners */
} mal_sql_shape;

typedef enum mal_sql_part_role {
    MAL_SQL_PART_CELLS = 1, /* rows (cell, agg_0 ..), each cell at most once */
    MAL_SQL_PART_PAYLOAD =
        2, /* rows (key id16, cell, agg_0 ..), each (key, cell) once */
    MAL_SQL_PART_FILTER = 3, /* rows (key id16), each once */
    MAL_SQL_PART_ROWS = 4,   /* rows of `columns`, to be shared */
    MAL_SQL_PART_MATCH = 5,  /* the plan's columns (mal_sql_plan_columns), then
                                the key id16; in the order of the answer, which
                                is the rows whose key the filter has */
} mal_sql_part_role;

/* A table that a part's SQL reads: create it under `name` with columns c0, c1,
 * .. = columns[0], columns[1], ..; MEASURE and DIM as nullable BIGINT (scaled
 * value, code), ID as its 16 bytes. */
typedef struct mal_sql_part_table {
    const char *name;        /* "t0", "t1", .. */
    unsigned dataset;        /* index in the contract */
    unsigned n_columns;      /* may be 0: count(*) needs rows only, then the
                                table has one BIGINT column c0, any value */
    const unsigned *columns; /* indices in the dataset */
    uint64_t rows_per_unit;  /* result rows that one privacy unit of this
                                dataset can touch: contribution x fan-out */
} mal_sql_part_table;

/* Rule 5: of the part's rows that share a value of a column, which is an id, at
 * most rows_max count: an engine on shares cuts the others, whatever the owner
 * shared. */
typedef struct mal_sql_bound {
    unsigned column;
    uint64_t rows_max;
    bool in_order; /* the rows are sorted by the column: first byte first */
} mal_sql_bound;

typedef struct mal_sql_part {
    mal_sql_part_role role;
    unsigned owner; /* party index */
    unsigned n_tables;
    const mal_sql_part_table *tables;
    const char *sql; /* for DuckDB; every result column is BIGINT but the key */
    uint64_t rows_max;       /* declared bound on the rows this part yields */
    uint64_t rows_per_unit;  /* max over its tables */
    unsigned n_out;          /* ROWS; 0: the result has one BIGINT of no use */
    const mal_obl_type *out; /* [n_out] BIGINT in its range, or an id: its 16
                                bytes as a number, the first most significant */
    unsigned n_bounds;
    const mal_sql_bound *bounds;
    bool apart;      /* PAYLOAD: rows as they are, under a key or the unit */
    unsigned n_idle; /* ROWS: the last columns, which only the bounds need */
    bool trusted;    /* of some unit, only its owner bounds the rows */
} mal_sql_part;

typedef enum mal_sql_agg_kind {
    MAL_SQL_COUNT = 1,
    MAL_SQL_SUM = 2,
} mal_sql_agg_kind;

typedef struct mal_sql_agg {
    mal_sql_agg_kind kind;
    int64_t lo, hi;   /* what one row contributes: [0, 1] for a count */
    uint8_t scale;    /* decimal digits of the sum */
    uint64_t abs_max; /* |exact answer| of one cell <= abs_max < 2^62 */
    const char
        *label; /* "count(*)", "sum(jfk.flights.distance)", for explain */
} mal_sql_agg;

/* One radix of the cell index; the first group varies slowest. */
typedef struct mal_sql_group {
    uint32_t n;        /* digits: declared values, then other, then NULL */
    bool other, null;  /* whether those two digits exist */
    const char *label; /* "jfk.flights.carrier" */
} mal_sql_group;

/* Of a statement TRAIN: what is released is a model, noised inside. */
typedef struct mal_sql_training {
    const char *model;         /* "linear", "logistic", "trees" */
    mal_train_release release; /* what its noise must cover, of one row */
    bool classes;              /* the target is 0 or 1 */
    unsigned delta_digits;     /* Gaussian noise, delta 10^-so; 0: Laplace */
    bool counted; /* the last word released is a count of the rows */
} mal_sql_training;

/* Rule 20: a place of the plan on shares where a table may shrink to a noised
 * count of its rows.  The places of a plan are numbered from 1. */
typedef struct mal_sql_shrink {
    unsigned at;            /* 0: nowhere */
    const char *label;      /* what stands there, in words */
    uint64_t rows_max;      /* declared, before */
    uint64_t rows_per_unit; /* of that table, which one unit can touch */
} mal_sql_shrink;

typedef struct mal_sql_physical {
    mal_sql_shape shape;
    const mal_sql_plan *plan;
    unsigned n_parts;
    const mal_sql_part *parts;
    unsigned n_groups;
    const mal_sql_group *groups;
    uint64_t n_cells; /* product of groups[].n; 1 without groups */
    unsigned n_aggs;
    const mal_sql_agg *aggs;
    int count_agg; /* a count of rows, for the minimum group; -1: none */
    uint64_t rows_per_unit; /* one unit, over all parts of a union (units may
                               overlap): sensitivity of agg i is
                               max(|lo|, |hi|) * rows_per_unit */
    /* NULL: not a training.  Else n_aggs = 1, and n_cells are its words. */
    const mal_sql_training *training;
    uint64_t training_rows; /* declared bound of the rows that are fitted */
    unsigned n_places;      /* share3, for a release: where it may shrink */
    mal_sql_shrink shrink;
    const char *text; /* the canonical description, for explain and hashing */
} mal_sql_physical;

typedef struct mal_sql_split_options {
    bool group_count; /* a minimum group is demanded: add a hidden count(*) */
    /* For share3: maximal relations of one owner run there, each a part, padded
     * to its rows_max; joins of several owners' rows run on shares. */
    bool share3;
    /* Without share3: owners do not add up what a bound speaks of, so that an
     * engine on shares can keep it: parts are `apart`.  UNSUPPORTED where a
     * part's rows have no unit, or more than one. */
    bool apart;
    /* With share3: shrink at this place; 0: nowhere.  INPUT if there is none.
     */
    unsigned shrink;
    /* With share3: the whole plan runs on shares, rows, orders and nested
     * groups too, and its exact answer is opened.  For rooms marked `test`. */
    bool opened;
    /* Alone: rows of one owner whose identifier another owner has, to be shown
     * to the first. */
    bool match;
} mal_sql_split_options;

/* Cut the plan into what each owner runs alone, what the engine adds up, and
 * what is finished from released numbers.  Deterministic: a function of plan,
 * contract and options.
 *
 * Errors:  MAL_E_UNSUPPORTED  nothing can release it yet; says what by name
 *          MAL_E_LIMIT        more than MAL_SQL_CELLS_MAX cells
 */
mal_err mal_sql_split(const mal_sql_physical **physical, mal_arena *arena,
                      const mal_sql_plan *plan,
                      const mal_policy_contract *contract,
                      const mal_sql_split_options *options) MAL_MUST_CHECK;
/* Rule 7: is `text` (a peer's physical->text) what this plan splits into?  The
 * checker recomputes and compares.  MAL_E_DENIED names the first line that
 * differs. */
mal_err mal_sql_physical_check(const mal_sql_plan *plan,
                               const mal_policy_contract *contract,
                               const mal_sql_split_options *options,
                               mal_bytes text) MAL_MUST_CHECK;
/* The group values of a cell: digits[n_groups]. */
void mal_sql_cell_digits(const mal_sql_physical *physical, uint64_t cell,
                         uint32_t *digits);

/* --- Answers -------------------------------------------------------------- */

typedef enum mal_sql_kind {
    MAL_SQL_INT = 1,  /* value / 10^scale */
    MAL_SQL_BOOL = 2, /* 0, 1 */
    MAL_SQL_CODE = 3, /* position in a declared domain */
    MAL_SQL_ID = 4,   /* clear runs only: 16 bytes in ids */
} mal_sql_kind;

#define MAL_SQL_HALFWIDTH_NONE UINT64_MAX

typedef struct mal_sql_table_column {
    const char *name;
    mal_sql_kind kind;
    uint8_t scale;
    const mal_policy_column
        *domain; /* of a CODE: where its values are declared */
} mal_sql_table_column;

typedef struct mal_sql_table {
    unsigned n_columns;
    size_t n_rows;
    const mal_sql_table_column *columns;
    int64_t *values;      /* [n_rows][n_columns] */
    uint8_t *nulls;       /* same shape; 1 = NULL */
    uint64_t *halfwidths; /* same shape, in units of the value; NONE = exact or
                             not known */
    uint8_t (*ids)[16];   /* same shape, or NULL without an ID column */
    uint8_t *suppressed;  /* [n_rows]: the group is below the minimum */
    size_t n_suppressed;  /* of all groups, shown or not */
} mal_sql_table;

typedef struct mal_sql_finish_options {
    uint64_t group_min; /* 0: none.  Else physical->count_agg must exist */
} mal_sql_finish_options;

/* Evaluate what stands above the aggregates: expressions, avg, HAVING, ORDER
 * BY, LIMIT, all on the released numbers.  The aggregates of a group whose
 * noised count is below group_min are NULL and its rows are marked: a rule of
 * presentation, not of protection (rule 13).
 *
 * In:  released   [n_aggs][n_cells]
 *      halfwidth  same shape, 95 % half-widths, or NULL
 */
mal_err mal_sql_finish(mal_sql_table *table, mal_arena *arena,
                       const mal_sql_physical *physical,
                       const int64_t *released, const uint64_t *halfwidth,
                       const mal_sql_finish_options *options) MAL_MUST_CHECK;

/* One value as text: "-12.50", "true", the label, "NULL". */
mal_err mal_sql_value_print(mal_buf *out, const mal_sql_table *table,
                            size_t row, unsigned column) MAL_MUST_CHECK;
mal_err mal_sql_table_print(mal_buf *out,
                            const mal_sql_table *table) MAL_MUST_CHECK;
/* {"columns":[{name,type,scale}],"rows":[[..]],"halfwidths":[[..]],..}; numbers
 * with a scale are strings, so that no reader rounds them. */
mal_err mal_sql_table_json(mal_buf *out,
                           const mal_sql_table *table) MAL_MUST_CHECK;
mal_err mal_sql_table_csv(mal_buf *out,
                          const mal_sql_table *table) MAL_MUST_CHECK;

/* --- Clear runs ----------------------------------------------------------- */

/* What a clear run reads: as mal_sql_part_table. */
mal_err mal_sql_plan_tables(const mal_sql_part_table **tables,
                            unsigned *n_tables, mal_arena *arena,
                            const mal_sql_plan *plan) MAL_MUST_CHECK;
/* The whole plan as DuckDB SQL over those tables.  Result columns: BIGINT (BOOL
 * as 0 and 1), or the id. */
mal_err mal_sql_print_clear(mal_buf *out,
                            const mal_sql_plan *plan) MAL_MUST_CHECK;
/* The names and types of the plan's result. */
mal_err mal_sql_plan_columns(const mal_sql_table_column **columns,
                             unsigned *n_columns, mal_arena *arena,
                             const mal_sql_plan *plan) MAL_MUST_CHECK;

/* Run it.  The tables of mal_sql_plan_tables are in the duck already, under
 * their names.
 *
 * Errors:  MAL_E_LIMIT  more than rows_max rows; else those of mal_duck_query.
 */
mal_err mal_sql_run_clear(mal_sql_table *table, mal_arena *arena,
                          const mal_sql_plan *plan, mal_duck *duck,
                          uint64_t rows_max) MAL_MUST_CHECK;

/* --- share3 --------------------------------------------------------------- */

/* One part's rows as a shared table of rows_max rows, valid and in their
 * declared ranges (rule 5) as far as the owner brought any.  All three call it.
 *
 * In:  seat  whose `rows` they are; the other seats pass NULL
 */
mal_err mal_sql_share3_input(mal_obl_table *out, mal_obl *o, mal_share3 *s,
                             const mal_sql_part *part, unsigned seat,
                             const mal_duck_batch *rows) MAL_MUST_CHECK;
/* What one seat will do: the plan, run without parties and rows.  Openings of
 * an answer are not in it; proofs are, when malicious.
 *
 * In:  rates  NULL: built-in figures
 */
mal_err mal_sql_share3_cost(mal_obl_cost *cost,
                            const mal_sql_physical *physical,
                            mal_share3_security security,
                            const mal_obl_rates *rates) MAL_MUST_CHECK;
/* Run a training: the shares of its [n_cells] words, of which each depends on
 * rows through noised sums only.
 *
 * In:      noise   [release.words] this party's own, then one of the count
 * Others:  as mal_sql_run_share3
 */
mal_err mal_sql_train_share3(mal_share3_words *model, mal_obl *o, mal_share3 *s,
                             const mal_sql_physical *physical,
                             mal_obl_table *inputs,
                             const int64_t *noise) MAL_MUST_CHECK;
/* Whoever runs a plan that shrinks says to how many rows: *rows >= 1, from the
 * shared count of those that count, of `rows_max` with the others.  More rows
 * than it says break a promise. */
typedef struct mal_sql_sizer {
    mal_err (*size)(void *ctx, uint64_t *rows, uint64_t rows_max,
                    mal_share3_words *count);
    void *ctx;
} mal_sql_sizer;
mal_err mal_sql_run_sized(mal_share3_words *cells, mal_obl *o,
                          const mal_sql_physical *physical,
                          mal_obl_table *inputs,
                          const mal_sql_sizer *sizer) MAL_MUST_CHECK;
/* Run a plan that is not `opened`: the shares of [n_aggs][n_cells], before
 * noise. Verify and ask mal_obl_verdict before they leave.
 *
 * Out:     cells   empty before
 * In-out:  inputs  [n_parts], as mal_sql_share3_input makes them; consumed
 * Leaks:   nothing but sizes
 */
mal_err mal_sql_run_share3(mal_share3_words *cells, mal_obl *o,
                           const mal_sql_physical *physical,
                           mal_obl_table *inputs) MAL_MUST_CHECK;
/* Run a plan that is `opened`, and open its answer to all three.
 *
 * Leaks:   to all three, the answer, its number of rows, and the verdict on
 *          what was promised.  Where a division at the top does not fit 64
 * bits, what it is computed from. Errors:  MAL_E_INPUT  a key that the contract
 * declares unique is not
 */
mal_err mal_sql_open_share3(mal_sql_table *table, mal_arena *arena,
                            const mal_sql_physical *physical, mal_obl *o,
                            mal_share3 *s,
                            mal_obl_table *inputs) MAL_MUST_CHECK;

#endif
