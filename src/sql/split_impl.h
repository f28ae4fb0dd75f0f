/* split_impl.h - what split.c, split_join.c and parts.c share. */
#ifndef MAL_SQL_SPLIT_IMPL_H
#define MAL_SQL_SPLIT_IMPL_H

#include "sql_impl.h"

#define BRANCHES_MAX 64u

/* What an engine adds up: each once, whatever asks for it. */
typedef struct sql_slot {
    mal_sql_agg_kind kind;
    sql_e arg;     /* over the aggregate's input; NULL: rows */
    bool distinct; /* COUNT: of different values */
} sql_slot;

typedef struct sql_slots {
    sql_slot *list; /* [MAL_SQL_AGGS_MAX] */
    unsigned n;
    unsigned *sum, *count; /* [n_aggs] of the aggregate: which slot serves it */
} sql_slots;

/* One member of the flattened union below the aggregate. */
typedef struct branch {
    sql_r rel;
    sql_e *exprs; /* groups, then arguments, over rel's columns */
    unsigned n_exprs;
    sql_e *conds; /* all must hold */
    unsigned n_conds;
} branch;

typedef struct splitter {
    sql_cx cx;
    const mal_policy_contract *contract;
    mal_sql_physical *physical;
    sql_r aggregate;
    sql_slots slots;
    branch branches[BRANCHES_MAX];
    unsigned n_branches;
    const char *tree; /* of share3: what runs on shares, in words */
    unsigned shrink;  /* place, of share3 */
    bool apart;       /* what owners share keeps its rows */
} splitter;

/* Rows that a release adds up: no LIMIT, no aggregate below. */
mal_err sql_below_release(sql_r r) MAL_MUST_CHECK;
/* The aggregate that the answer is computed from, or why nothing releases it.
 */
mal_err sql_find_aggregate(sql_r *out, sql_r root) MAL_MUST_CHECK;
mal_err sql_slots_of(const sql_cx *cx, sql_slots *s,
                     sql_r aggregate) MAL_MUST_CHECK;

/* share_plan.c */
mal_err sql_split_opened(const mal_sql_physical **physical, mal_arena *arena,
                         const mal_sql_plan *plan) MAL_MUST_CHECK;
/* What the release aggregates: the groups, then the slots' arguments. */
mal_err sql_wanted_exprs(splitter *s, sql_e **out, unsigned *n) MAL_MUST_CHECK;
/* Rows of r that one unit touches, in all its tables, of the worst kind. */
uint64_t sql_touch_units(const splitter *s, sql_r r);
/* Have two tables the same kind of unit? */
bool sql_same_unit(const mal_policy_contract *c, uint32_t a, uint32_t b);

/* split_join.c.  *shared: both sides have the join key as their unit. */
mal_err sql_split_join(splitter *s, mal_sql_physical *p,
                       bool *shared) MAL_MUST_CHECK;

/* Which sides of a join whose left has n_left columns does e read?  bit 0 left,
 * bit 1 right. */
unsigned sql_sides_of(sql_e e, unsigned n_left);
/* The branch of one side: its key, then, of the payload, `exprs`; under its
 * conditions. */
mal_err sql_side_branch(splitter *s, branch *out, const branch *b,
                        unsigned side, bool payload) MAL_MUST_CHECK;
/* flatten.c: into s->branches, down to scans and joins. */
mal_err sql_flatten(splitter *s, branch b) MAL_MUST_CHECK;

/* split_match.c */
mal_err sql_split_match(splitter *s, mal_sql_physical *p) MAL_MUST_CHECK;

/* parts.c */
/* PROJECT over FILTER over the branch: groups and arguments. */
mal_err sql_branch_rel(splitter *s, sql_r *out, const branch *b) MAL_MUST_CHECK;
/* Fill sql, tables and units of a part that aggregates input (whose columns are
 * the key if any, the groups, the arguments); `touched` measures units, NULL:
 * the input itself. */
mal_err sql_print_part(splitter *s, mal_sql_part *part, sql_r input,
                       sql_r touched) MAL_MUST_CHECK;
/* The same of rows that are not added up: of input's columns, `key` says whose
 * they are, the groups and the arguments begin at `first`. */
mal_err sql_print_apart(splitter *s, mal_sql_part *part, sql_r input,
                        unsigned key, unsigned first,
                        sql_r touched) MAL_MUST_CHECK;
mal_err sql_own_text(const sql_cx *cx, const char **out,
                     mal_buf *text) MAL_MUST_CHECK;
mal_err sql_describe_part(mal_buf *out, const mal_policy_contract *contract,
                          unsigned at, const mal_sql_part *part) MAL_MUST_CHECK;
mal_err sql_describe(splitter *s, mal_sql_physical *p) MAL_MUST_CHECK;

#endif
