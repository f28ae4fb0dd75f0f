/* bind_impl.h - from PostgreSQL's parse tree to typed expressions and
 * operators.
 *
 * Only parse.c, bind.c, over.c, date.c, from.c, subquery.c and query.c include
 * this: libpg_query's tree goes no further.
 *
 * All but parse.c call each other, because the grammar does: an expression
 * holds dates, windows and queries, a query holds FROM, and these hold queries
 * and expressions again.  A file is one production, not one layer; each descent
 * is into a smaller tree, and no deeper than MAL_SQL_DEPTH_MAX. */
#ifndef MAL_SQL_BIND_IMPL_H
#define MAL_SQL_BIND_IMPL_H

#include "sql_impl.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wundef"
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
#pragma GCC diagnostic ignored "-Wconversion"
#include <pg_query/pg_query.pb-c.h>
#pragma GCC diagnostic pop

typedef PgQuery__Node pg_node;

/* The parse tree, in its own memory. */
typedef struct sql_tree {
    PgQuery__ParseResult *result;
    PgQuery__SelectStmt *select;
} sql_tree;
mal_err sql_tree_parse(sql_tree *tree, const sql_cx *cx) MAL_MUST_CHECK;
void sql_tree_clear(sql_tree *tree);

/* A name that a clause can see, and the input column it stands for. */
typedef struct scope_column {
    const char *schema, *table, *name;
    unsigned index;
    bool hidden; /* the second side of USING: only by its qualified name */
} scope_column;

typedef struct sql_scope {
    sql_r rel;
    unsigned n;
    scope_column *columns;
    /* Of a subquery: the conjuncts of WHERE that read the query around it, over
     * rel's columns and OUTER. */
    unsigned n_outward;
    const sql_e *outward;
} sql_scope;

/* What a SELECT yields, under names. */
typedef struct query {
    sql_r rel;
    unsigned n;
    const char **names;
} query;

typedef struct cte {
    const struct cte *outer;
    const char *name;
    query query;
} cte;

/* rank() OVER (..): column n_columns + k of the rows, once they are ranked. */
typedef struct sql_over {
    unsigned n_keys, n_part;
    sql_key keys[MAL_SQL_KEYS_MAX];
    int pos;
} sql_over;

#define BIND_AGGS_MAX 256u
#define BIND_OVERS_MAX 8u
#define BIND_VALUES_MAX 16u

/* The subqueries that HAVING reads, each one row. */
typedef struct sql_values {
    unsigned n;
    sql_r rels[BIND_VALUES_MAX];
} sql_values;

/* One clause being bound. */
typedef struct binder {
    sql_cx *cx;
    const sql_scope *scope;
    const char *clause; /* "WHERE", for errors */
    bool aggs_allowed;
    sql_agg *aggs; /* [BIND_AGGS_MAX], shared by the clauses of one query */
    unsigned n_aggs;
    sql_over *overs; /* [BIND_OVERS_MAX]; NULL: none may stand here */
    unsigned n_overs;
    const sql_scope *outer; /* WHERE of a subquery: the query around it */
    const cte *ctes;        /* where a subquery may stand: what it sees, */
    sql_scope *grow;        /* WHERE: = scope, which its value joins; */
    sql_values *values;     /* HAVING: where its value is kept */
    int pos;                /* the nearest known place */
} binder;

mal_err sql_bind_expr(binder *b, sql_e *out,
                      const pg_node *node) MAL_MUST_CHECK;
mal_err sql_bind_cond(binder *b, sql_e *out,
                      const pg_node *node) MAL_MUST_CHECK;
/* over.c */
/* A call of the function `name` that has OVER. */
mal_err sql_bind_over(binder *b, sql_e *out, const PgQuery__FuncCall *f,
                      const char *name) MAL_MUST_CHECK;
/* ASC, DESC, NULLS FIRST, NULLS LAST */
mal_err sql_bind_direction(const sql_cx *cx, sql_key *key,
                           const PgQuery__SortBy *by) MAL_MUST_CHECK;
/* The text of a String node, or NULL. */
const char *sql_node_string(const pg_node *node);
/* Into the arena: the tree's names die with it. */
mal_err sql_copy_text(const sql_cx *cx, const char **out,
                      const char *text) MAL_MUST_CHECK;
/* The first of n names become those of the list "AS t (a, b)". */
mal_err sql_rename_columns(const sql_cx *cx, const char **names, unsigned n,
                           pg_node *const *aliases, size_t n_aliases,
                           int pos) MAL_MUST_CHECK;
int sql_node_pos(const pg_node *node, int otherwise);
/* "a window function": what PostgreSQL calls the node, for refusals. */
mal_err sql_node_refuse(const binder *b, const pg_node *node) MAL_MUST_CHECK;
mal_err sql_scope_col(const binder *b, sql_e *out, unsigned at,
                      int pos) MAL_MUST_CHECK;

/* FROM and WHERE: what the other clauses see.  `outer`, of a subquery: the
 * query around it. */
mal_err sql_from_where(sql_cx *cx, sql_scope *out, const PgQuery__SelectStmt *s,
                       const cte *ctes, const sql_scope *outer) MAL_MUST_CHECK;
mal_err sql_bind_query(sql_cx *cx, query *out, const PgQuery__SelectStmt *s,
                       const cte *ctes, bool top) MAL_MUST_CHECK;

/* date.c */
mal_err sql_bind_date(binder *b, sql_e *out,
                      const PgQuery__TypeCast *x) MAL_MUST_CHECK;
bool sql_node_is_interval(const pg_node *node);
/* lexpr plus (minus) the interval rexpr */
mal_err sql_bind_shift(binder *b, sql_e *out, const PgQuery__AExpr *x,
                       bool minus) MAL_MUST_CHECK;
mal_err sql_bind_extract(binder *b, sql_e *out,
                         const PgQuery__FuncCall *f) MAL_MUST_CHECK;

/* subquery.c */
typedef enum sql_sub_kind {
    SQL_SUB_EXISTS = 1, /* its rows, whatever they hold */
    SQL_SUB_IN = 2,
    SQL_SUB_VALUE = 3, /* one row for each row of the query around it */
} sql_sub_kind;

typedef struct sql_subquery {
    sql_sub_kind kind;
    const sql_scope *outer; /* NULL: none that it may read */
    query query;            /* n columns, then those that conds read */
    unsigned n_conds;
    const sql_e *conds; /* over query.rel's columns and OUTER */
    bool counts;        /* VALUE: a count, 0 where there are no rows */
    int pos;
} sql_subquery;
mal_err sql_bind_subquery(sql_cx *cx, sql_subquery *sub,
                          const PgQuery__SelectStmt *s,
                          const cte *ctes) MAL_MUST_CHECK;
bool sql_node_holds_query(const pg_node *node);
/* One conjunct of WHERE that holds a subquery: joins and filters scope->rel. */
mal_err sql_bind_where_query(sql_cx *cx, sql_scope *scope, const pg_node *node,
                             const cte *ctes) MAL_MUST_CHECK;
mal_err sql_bind_value_query(binder *b, sql_e *out,
                             const PgQuery__SubLink *link) MAL_MUST_CHECK;

#endif
