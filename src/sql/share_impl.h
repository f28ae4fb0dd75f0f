/* share_impl.h - what regroup.c, share_plan.c and share_run.c share. */
#ifndef MAL_SQL_SHARE_IMPL_H
#define MAL_SQL_SHARE_IMPL_H

#include "sql_impl.h"

/* regroup.c: the same relation, each owner's tables joined at home first. */
mal_err sql_regroup(const sql_cx *cx, sql_r *out, sql_r r) MAL_MUST_CHECK;

/* How a join runs on shares: `probe` keeps its rows. */
typedef enum sql_share_join {
    SQL_SHARE_PROBE_LEFT = 1,  /* right's keys are unique (or only probed) */
    SQL_SHARE_PROBE_RIGHT = 2, /* left's are */
    SQL_SHARE_OUTER = 3,       /* LEFT, whose left keys are the unique ones */
    SQL_SHARE_MANY = 4,        /* neither; within a bound */
} sql_share_join;
#define SQL_SHARE_ROWS_MAX ((uint64_t)1 << 26)
#define SQL_SHARE_MANY_MAX ((uint64_t)1 << 22) /* rows of such a join */

#define SQL_SHARE_ID_BITS 128
mal_obl_type sql_share_type(const sql_type *t);

/* The columns by which an owner sorts a part before it is shared, which costs
 * nothing: a unit that is bounded, else those of the join that it goes into. */
typedef struct sql_share_order {
    unsigned n;
    unsigned columns[MAL_SQL_KEYS_MAX];
} sql_share_order;

typedef struct sql_share_part {
    sql_r rel;  /* of the plan */
    sql_r home; /* what is shared: rel, and behind it whose its rows are */
    unsigned n_bounds;
    const mal_sql_bound *bounds; /* over home's columns */
    bool trusted; /* some unit's bound is its owner's word alone */
    sql_share_order order;
} sql_share_part;

/* The plan as three parties run it.  Relations of one owner are its parts;
 * `cut` and what lies below runs on shares, what stands above it is computed
 * from the opened rows. */
typedef struct sql_share_plan {
    sql_r root, cut;
    sql_r top; /* of an opened plan: root; NULL: rows for a release */
    unsigned n_parts;
    sql_share_part *parts; /* as a walk from the root meets them, left first */
    sql_r shrink;          /* shrinks to a noised count of its rows, or NULL */
    const mal_sql_sizer *sizer;
} sql_share_plan;
/* Places numbered as a walk from the root meets them; the one that is asked
 * for, or NULL. */
unsigned sql_share_places(const sql_share_plan *plan, unsigned at, sql_r *out);
mal_err sql_share_plan_of(const sql_cx *cx, sql_share_plan *out,
                          const mal_sql_plan *plan) MAL_MUST_CHECK;
/* The same of the rows that a release counts and adds up: their groups, then
 * the arguments of the slots that have one. */
mal_err sql_share_rows_of(const sql_cx *cx, sql_share_plan *out, sql_r in,
                          const sql_e *exprs, unsigned n) MAL_MUST_CHECK;
/* The parts of p, and shape. */
mal_err sql_share_parts(const sql_cx *cx, mal_sql_physical *p,
                        const sql_share_plan *share) MAL_MUST_CHECK;
mal_err sql_describe_share(mal_buf *out, const mal_policy_contract *contract,
                           const sql_share_plan *share) MAL_MUST_CHECK;
/* share_bound.c: rel, home and bounds; and whether any unit below r has one. */
mal_err sql_share_bounds(const sql_cx *cx, sql_share_part *part,
                         sql_r r) MAL_MUST_CHECK;
bool sql_share_bounded(const mal_policy_contract *contract, sql_r r);
/* Does one owner run r alone? */
bool sql_share_home(const mal_policy_contract *contract, sql_r r);
mal_err sql_share_join_of(const sql_cx *cx, sql_share_join *how,
                          sql_r join) MAL_MUST_CHECK;
/* How many keys of a sort decide anything: all, or up to a unique set. */
unsigned sql_share_keys_needed(sql_r sort);
/* A mean by operators that shares have; refused where it may not fit. */
mal_err sql_share_mean(const sql_cx *cx, sql_e *out, sql_e e) MAL_MUST_CHECK;

#endif
