/* sql_impl.h - the plan's tree, shared inside the folder.
 *
 * An expression is evaluated over the columns of one operator's input; an
 * operator yields typed columns.  Both are made by constructors that type them,
 * prove their range and count their size, and are never changed afterwards; a
 * CTE that is named twice is one tree with two parents.  `size` counts a tree
 * as if every sharing were a copy, so that whoever walks it is bounded.
 */
#ifndef MAL_SQL_IMPL_H
#define MAL_SQL_IMPL_H

#include <malus/sql.h>

/* Kinds that only exist while binding, beside mal_sql_kind. */
enum {
    SQL_NULL = 8, /* NULL without a type yet */
    SQL_TEXT = 9, /* a string literal, before it meets a domain */
};

typedef struct sql_type {
    uint8_t kind; /* mal_sql_kind, SQL_NULL, SQL_TEXT */
    uint8_t scale;
    bool nullable;
    int64_t lo, hi;                  /* INT: proved range, scaled */
    const mal_policy_column *domain; /* CODE, ID */
} sql_type;

typedef enum sql_expr_op {
    SQL_E_COL = 1,   /* value = index of the input column */
    SQL_E_CONST = 2, /* value; null */
    SQL_E_AGG = 3,   /* while binding: value = index */
    SQL_E_NEG = 4,
    SQL_E_ADD = 5,
    SQL_E_SUB = 6,
    SQL_E_MUL = 7,
    SQL_E_DIV = 8,    /* floor(a * 10^value / b), NULL if b = 0 */
    SQL_E_MOD = 9,    /* a - b * floor(a / b), NULL if b = 0 */
    SQL_E_SCALE = 10, /* to type.scale, half away from zero */
    SQL_E_VALUE = 11, /* the integer of a range code; other: NULL */
    SQL_E_KNOWN = 12, /* the code; other: NULL */
    SQL_E_EQ = 13,
    SQL_E_NE = 14,
    SQL_E_LT = 15,
    SQL_E_LE = 16,
    SQL_E_GT = 17,
    SQL_E_GE = 18,
    SQL_E_AND = 19,
    SQL_E_OR = 20,
    SQL_E_NOT = 21,
    SQL_E_ISNULL = 22,
    SQL_E_CASE = 23, /* when, then, .., else */
    SQL_E_COALESCE = 24,
    SQL_E_IN = 25,       /* of list[0..n_list), sorted, unique */
    SQL_E_MAP = 26,      /* a code to list[code]; other: other */
    SQL_E_OUTER = 27,    /* while binding: a column of the query around */
    SQL_E_SUBQUERY = 28, /* while binding: value = index */
    SQL_E_MEAN = 29,     /* a * 10^value / b, half away from zero */
} sql_expr_op;

typedef struct sql_expr {
    sql_expr_op op;
    sql_type type;
    bool null; /* CONST */
    unsigned n_args, n_list;
    const struct sql_expr *const *args;
    const int64_t *list;
    int64_t value;
    const char *text; /* CONST of SQL_TEXT */
    uint32_t size, depth;
    int pos; /* byte in the text, for errors; no part of the meaning */
} sql_expr;

typedef enum sql_agg_kind {
    SQL_COUNT_ROWS = 1, /* count(*) */
    SQL_COUNT = 2,
    SQL_SUM = 3,
    SQL_AVG = 4,
    SQL_MIN = 5,
    SQL_MAX = 6,
    SQL_DISTINCT = 7, /* count(DISTINCT x) */
} sql_agg_kind;

typedef struct sql_agg {
    sql_agg_kind kind;
    const sql_expr *arg; /* NULL for COUNT_ROWS */
    sql_type type;
    int pos;
} sql_agg;

typedef enum sql_rel_op {
    SQL_SCAN = 1,
    SQL_FILTER = 2,
    SQL_PROJECT = 3,
    SQL_JOIN = 4,
    SQL_UNION = 5,
    SQL_AGGREGATE = 6,
    SQL_SORT = 7,
    SQL_LIMIT = 8,
    SQL_WINDOW = 9, /* its input's columns, then a rank */
} sql_rel_op;

typedef struct sql_key {
    unsigned column;
    bool desc, nulls_first;
    bool implied; /* breaks ties; ORDER BY did not ask for it */
} sql_key;

#define SQL_NO_LIMIT UINT64_MAX

typedef enum sql_join_kind {
    SQL_INNER = 1,
    SQL_LEFT = 2, /* a left row without a match stands beside NULLs */
    SQL_SEMI = 3, /* left rows with a match, each once; left columns only */
    SQL_ANTI = 4, /* left rows without one */
} sql_join_kind;

/* Columns of one operator. */
typedef struct sql_set {
    uint64_t w[MAL_SQL_COLUMNS_MAX / 64];
} sql_set;
#define SQL_UNIQUES_MAX 16u

typedef struct sql_rel {
    sql_rel_op op;
    unsigned n_in;
    const struct sql_rel *const *in;
    unsigned n_columns;
    const sql_type *types;    /* [n_columns] */
    uint64_t rows_max;        /* saturates at UINT64_MAX */
    const uint64_t *same_max; /* [n_columns] rows that can share one value */
    unsigned n_uniques; /* no two rows agree in all columns of one of these, */
    const sql_set *uniques; /* NULLs apart: a NULL never equals */
    uint32_t size, depth;
    /* SCAN */
    unsigned dataset;
    const unsigned *columns; /* [n_columns] of the dataset */
    /* FILTER: exprs[0].  PROJECT: [n_columns].  AGGREGATE: groups [n_exprs].
     * JOIN: left keys, then right keys, [n_exprs] = 2 * keys; no keys only if
     * one side has one row at most */
    sql_join_kind join;
    unsigned n_exprs;
    const sql_expr *const *exprs;
    unsigned n_aggs;
    const sql_agg *aggs; /* AGGREGATE: columns are groups, then these */
    unsigned n_keys;
    const sql_key *keys; /* SORT, WINDOW */
    unsigned n_part;     /* WINDOW: keys[0..n_part) part the rows */
    uint64_t limit, offset;
} sql_rel;

struct mal_sql_plan {
    const mal_policy_contract *contract;
    const sql_rel *root; /* a SORT (total order), perhaps under a LIMIT */
    unsigned n_columns;  /* the first columns of root are the answer */
    const char *const *names;
    const struct sql_training *training; /* NULL: a question */
};

/* What a constructor needs; `text` is NULL after binding. */
typedef struct sql_cx {
    mal_arena *arena;
    const mal_policy_contract *contract;
    mal_bytes text;
    unsigned depth; /* of nested queries and expressions while binding */
    unsigned nodes; /* parse nodes bound so far */
    bool narrow;    /* pruning: what one owner runs yields what is read, only */
} sql_cx;

/* --- errors: "line:column: ..." ------------------------------------------- */

mal_err sql_fail_at(const sql_cx *cx, int pos, mal_err err, const char *file,
                    int line, const char *fmt, ...) MAL_PRINTF(6, 7);
#define SQL_FAIL(cx, pos, err, ...)                                            \
    return sql_fail_at((cx), (pos), (err), __FILE__, __LINE__, __VA_ARGS__)
#define SQL_NEED(cond, cx, pos, err, ...)                                      \
    do {                                                                       \
        if (!(cond))                                                           \
            SQL_FAIL(cx, pos, err, __VA_ARGS__);                               \
    } while (0)
/* The length of the UTF-8 character at text, 0 if there is none; left >= 1. */
size_t sql_utf8_at(const uint8_t *text, size_t left);
/* Arena memory or MAL_E_MEMORY / MAL_E_LIMIT out of the calling function. */
mal_err sql_alloc(const sql_cx *cx, void *out, size_t n,
                  size_t size) MAL_MUST_CHECK;

/* --- numbers (number.c) --------------------------------------------------- */

int64_t sql_pow10(unsigned digits);             /* digits <= 18 */
bool sql_fits(mal_i128 v);                      /* |v| <= INT64_MAX */
mal_i128 sql_floor_div(mal_i128 a, mal_i128 b); /* b != 0 */
mal_i128 sql_round_div(mal_i128 a, mal_i128 b); /* half away from zero; b > 0 */
uint64_t sql_mul_sat(uint64_t a, uint64_t b);
uint64_t sql_add_sat(uint64_t a, uint64_t b);
mal_err sql_put_i64(mal_buf *out, int64_t v) MAL_MUST_CHECK;
/* "-12.50" */
mal_err sql_put_decimal(mal_buf *out, int64_t v, unsigned scale) MAL_MUST_CHECK;

/* --- domains (type.c) ----------------------------------------------------- */

bool sql_domain_same(const mal_policy_column *a, const mal_policy_column *b);
bool sql_domain_is_range(const mal_policy_column *domain);
/* The code of a label; false if it is no value of the domain. */
bool sql_domain_find(const mal_policy_column *domain, const char *label,
                     int64_t *code);
/* rank[code] for code <= n_codes: the order of labels by bytes (ranges: by
 * value), other last.  NULL: the identity, or (recorded) out of memory. */
mal_err sql_domain_ranks(const sql_cx *cx, const uint32_t **ranks,
                         const mal_policy_column *domain) MAL_MUST_CHECK;
bool sql_type_same(const sql_type *a,
                   const sql_type *b); /* but nullability, range */
mal_err sql_type_print(mal_buf *out, const sql_type *type) MAL_MUST_CHECK;
void sql_type_of_column(sql_type *type, const mal_policy_column *column);

/* --- expressions (expr.c): typed, ranged, folded -------------------------- */

typedef const sql_expr *sql_e;
mal_err sql_col(const sql_cx *cx, sql_e *out, unsigned index,
                const sql_type *type, int pos) MAL_MUST_CHECK;
mal_err sql_const(const sql_cx *cx, sql_e *out, const sql_type *type,
                  int64_t value, bool null, int pos) MAL_MUST_CHECK;
mal_err sql_int(const sql_cx *cx, sql_e *out, int64_t value, unsigned scale,
                int pos) MAL_MUST_CHECK;
mal_err sql_bool(const sql_cx *cx, sql_e *out, bool value,
                 int pos) MAL_MUST_CHECK;
/* NEG ADD SUB MUL DIV MOD */
mal_err sql_arith(const sql_cx *cx, sql_e *out, sql_expr_op op, sql_e a,
                  sql_e b, int pos) MAL_MUST_CHECK;
/* Does a * 10^digits / b need more than 64 bits on the way? */
bool sql_div_is_wide(const sql_type *a, const sql_type *b, unsigned digits);
/* EQ NE LT LE GT GE */
mal_err sql_compare(const sql_cx *cx, sql_e *out, sql_expr_op op, sql_e a,
                    sql_e b, int pos) MAL_MUST_CHECK;
/* AND OR: flattens; n >= 1 */
mal_err sql_logic(const sql_cx *cx, sql_e *out, sql_expr_op op,
                  const sql_e *args, unsigned n, int pos) MAL_MUST_CHECK;
mal_err sql_not(const sql_cx *cx, sql_e *out, sql_e a, int pos) MAL_MUST_CHECK;
mal_err sql_isnull(const sql_cx *cx, sql_e *out, sql_e a,
                   int pos) MAL_MUST_CHECK;
/* args: when, then, .., else */
mal_err sql_case(const sql_cx *cx, sql_e *out, const sql_e *args, unsigned n,
                 int pos) MAL_MUST_CHECK;
mal_err sql_coalesce(const sql_cx *cx, sql_e *out, const sql_e *args,
                     unsigned n, int pos) MAL_MUST_CHECK;
mal_err sql_in(const sql_cx *cx, sql_e *out, sql_e a, const sql_e *items,
               unsigned n, int pos) MAL_MUST_CHECK;
/* a over a list; items: n texts, perhaps none */
mal_err sql_in_labels(const sql_cx *cx, sql_e *out, sql_e a, const sql_e *items,
                      unsigned n, int pos) MAL_MUST_CHECK;
/* pattern.c: both over a domain's labels */
mal_err sql_like(const sql_cx *cx, sql_e *out, sql_e a, sql_e pattern,
                 int pos) MAL_MUST_CHECK;
mal_err sql_substring(const sql_cx *cx, sql_e *out, const sql_e *args,
                      unsigned n, int pos) MAL_MUST_CHECK;
mal_err sql_rescale(const sql_cx *cx, sql_e *out, sql_e a, unsigned scale,
                    int pos) MAL_MUST_CHECK;
/* Range codes become integers; NULL becomes an INT. */
mal_err sql_as_int(const sql_cx *cx, sql_e *out, sql_e a, const char *what,
                   int pos) MAL_MUST_CHECK;
mal_err sql_as_bool(const sql_cx *cx, sql_e *out, sql_e a, const char *what,
                    int pos) MAL_MUST_CHECK;
/* Bring all to one type: what CASE, COALESCE and UNION do. */
mal_err sql_unify(const sql_cx *cx, sql_e *args, unsigned n, const char *what,
                  int pos) MAL_MUST_CHECK;
static inline bool sql_is_const(sql_e e) {
    return e->op == SQL_E_CONST;
}
static inline bool sql_is_null(sql_e e) {
    return sql_is_const(e) && e->null;
}
/* The door: types, bounds and folds; arguments are coerced already. */
mal_err sql_make_node(const sql_cx *cx, sql_e *out, const sql_expr *proto,
                      const sql_e *args, unsigned n) MAL_MUST_CHECK;
mal_err sql_make(const sql_cx *cx, sql_e *out, sql_expr_op op,
                 const sql_e *args, unsigned n, int64_t value,
                 int pos) MAL_MUST_CHECK;
/* The same node over other arguments (which may have other nullability). */
mal_err sql_rebuild(const sql_cx *cx, sql_e *out, sql_e e,
                    const sql_e *args) MAL_MUST_CHECK;
/* Replace every COL(i) by cols[i]. */
mal_err sql_substitute(const sql_cx *cx, sql_e *out, sql_e e,
                       const sql_e *cols) MAL_MUST_CHECK;
bool sql_expr_same(sql_e a, sql_e b); /* in meaning: pos aside */
/* Does e read only columns in [from, to)?  *any: it reads one at all. */
bool sql_expr_within(sql_e e, unsigned from, unsigned to, bool *any);
void sql_expr_mark(sql_e e, uint8_t *used); /* used[i] |= 1 */
bool sql_expr_has(sql_e e, sql_expr_op op);

/* --- operators (rel.c) ---------------------------------------------------- */

typedef const sql_rel *sql_r;
mal_err sql_scan(const sql_cx *cx, sql_r *out, unsigned dataset,
                 const unsigned *columns, unsigned n) MAL_MUST_CHECK;
mal_err sql_filter(const sql_cx *cx, sql_r *out, sql_r in,
                   sql_e cond) MAL_MUST_CHECK;
mal_err sql_project(const sql_cx *cx, sql_r *out, sql_r in, const sql_e *exprs,
                    unsigned n) MAL_MUST_CHECK;
/* What is joined, and how. */
typedef struct sql_joined {
    sql_join_kind kind;
    sql_r left, right;
} sql_joined;
/* conds: conjuncts over left columns, then right ones.  Equalities of a left
 * with a right expression become keys; the rest comes back in rest[n]. */
mal_err sql_join(const sql_cx *cx, sql_r *out, const sql_joined *join,
                 const sql_e *conds, unsigned n, sql_e *rest, unsigned *n_rest,
                 int pos) MAL_MUST_CHECK;
/* keys: [2 * n_keys], left ones over left's columns, then right ones. */
mal_err sql_join_on(const sql_cx *cx, sql_r *out, const sql_joined *join,
                    const sql_e *keys, unsigned n_keys) MAL_MUST_CHECK;
/* How many rows of r can share one value of all these keys? */
uint64_t sql_matches(sql_r r, const sql_e *keys, unsigned n);
/* Marks the columns in which rows that agree in those given [n_columns] agree,
 * too.  Some are missed, none is made up. */
void sql_determine(sql_r r, uint8_t *given);
const char *sql_join_name(sql_join_kind kind);
bool sql_join_is_key(sql_e cond, unsigned n_left, unsigned n_all);
mal_err sql_union(const sql_cx *cx, sql_r *out, const sql_r *in, unsigned n,
                  int pos) MAL_MUST_CHECK;
/* Branches whose columns agree already. */
mal_err sql_union_of(const sql_cx *cx, sql_r *out, const sql_r *in,
                     unsigned n) MAL_MUST_CHECK;
/* How many rows of r can one privacy unit of the dataset touch? */
uint64_t sql_touch(const sql_cx *cx, sql_r r, unsigned dataset);
/* The parties whose datasets the scans under r read. */
mal_policy_set sql_owners_of(const mal_policy_contract *contract, sql_r r);
/* How many values, other and NULL included?  UINT64_MAX: no closed domain. */
uint64_t sql_type_values(const sql_type *type);
mal_err sql_aggregate(const sql_cx *cx, sql_r *out, sql_r in,
                      const sql_e *groups, unsigned n_groups,
                      const sql_agg *aggs, unsigned n_aggs) MAL_MUST_CHECK;
/* Types the aggregate and proves that it fits. */
mal_err sql_agg_type(const sql_cx *cx, sql_agg *agg,
                     uint64_t rows_max) MAL_MUST_CHECK;
mal_err sql_sort(const sql_cx *cx, sql_r *out, sql_r in, const sql_key *keys,
                 unsigned n) MAL_MUST_CHECK;
/* rank() over (partition by the first n_part keys order by the others): one
 * more column, which says how many rows of the part come before, and 1. */
mal_err sql_window(const sql_cx *cx, sql_r *out, sql_r in, const sql_key *keys,
                   unsigned n_keys, unsigned n_part) MAL_MUST_CHECK;
mal_err sql_limit(const sql_cx *cx, sql_r *out, sql_r in, uint64_t limit,
                  uint64_t offset) MAL_MUST_CHECK;
/* Drop what nobody reads, and projections that only rename. */
mal_err sql_prune(const sql_cx *cx, sql_r *out, sql_r root,
                  unsigned n_needed) MAL_MUST_CHECK;
/* The same of an operator without an order, all of whose columns are read. */
mal_err sql_prune_all(const sql_cx *cx, sql_r *out, sql_r r) MAL_MUST_CHECK;
/* Identifiers meet only in join keys, counts and groups. */
mal_err sql_validate(const sql_cx *cx, sql_r root) MAL_MUST_CHECK;
const char *sql_agg_name(sql_agg_kind kind);

/* --- evaluation (eval.c): total ------------------------------------------- */

typedef struct sql_value {
    int64_t v;
    bool null;
} sql_value;
sql_value sql_eval(sql_e e, const sql_value *row);

/* What stands above `from` in root, of n rows of from (finish.c). */
mal_err sql_finish_rows(const sql_cx *cx, mal_sql_table *table,
                        const mal_sql_plan *plan, sql_r root, sql_r from,
                        const sql_value *values, size_t n) MAL_MUST_CHECK;

/* --- the text (parse.c, bind.c, query.c) ---------------------------------- */

/* The whole text bound: *root is a SORT, perhaps under a LIMIT, not yet pruned.
 */
mal_err sql_bind(sql_cx *cx, sql_r *root, const char *const **names,
                 unsigned *n) MAL_MUST_CHECK;

/* --- for people (explain.c) ----------------------------------------------- */

/* "jfk.flights.distance" if the column is one of a dataset, else "#3". */
mal_err sql_put_column(mal_buf *out, const mal_policy_contract *contract,
                       sql_r r, unsigned column) MAL_MUST_CHECK;
/* Infix, over the columns of r. */
mal_err sql_put_expr(mal_buf *out, const mal_policy_contract *contract, sql_r r,
                     sql_e e) MAL_MUST_CHECK;
mal_err sql_put_agg(mal_buf *out, const mal_policy_contract *contract, sql_r in,
                    const sql_agg *agg) MAL_MUST_CHECK;
/* One operator a line. */
mal_err sql_put_rel(const sql_cx *cx, mal_buf *out, sql_r r) MAL_MUST_CHECK;
mal_err sql_put_tree(mal_buf *out, const mal_policy_contract *contract, sql_r r,
                     unsigned depth) MAL_MUST_CHECK;
/* Which dataset column does r's column pass on unchanged?  false: none. */
bool sql_origin(sql_r r, unsigned column, unsigned *dataset, unsigned *at);

/* --- for DuckDB (print_duck.c) -------------------------------------------- */

/* One printer prints one statement: it hands out names and knows which table
 * and columns each dataset's scans read. */
typedef struct sql_printer {
    mal_buf *out;
    const sql_cx *cx;
    unsigned n_names;
    unsigned n_tables;
    mal_sql_part_table *tables; /* [n_datasets] at most */
} sql_printer;
#define SQL_DUCK_TEXT_MAX ((size_t)1 << 20)
/* Which tables and columns do the scans under r read? */
mal_err sql_print_collect(sql_printer *p, sql_r r) MAL_MUST_CHECK;
/* "SELECT ..", columns c0, c1, .. */
mal_err sql_print_rel(sql_printer *p, sql_r r) MAL_MUST_CHECK;
/* A SORT, perhaps under a LIMIT: its first n columns, booleans as numbers. */
mal_err sql_print_sorted(sql_printer *p, sql_r r,
                         unsigned n_columns) MAL_MUST_CHECK;
/* Over the columns q<name>.c<i>. */
mal_err sql_print_expr(sql_printer *p, sql_e e, unsigned name) MAL_MUST_CHECK;

#endif
