/* judge_impl.h - what judge.c, decide.c and explain.c share. */
#ifndef MAL_POLICY_JUDGE_IMPL_H
#define MAL_POLICY_JUDGE_IMPL_H

#include "policy_impl.h"

/* A plan as a rule sees it.  Whole (lens NULL), or cut down to what a permit
 * would let through, to see whether that would be allowed. */
typedef struct view {
    const mal_policy_contract *c;
    const mal_policy_facts *f;
    const mal_policy_rule *lens; /* NULL: the plan as it is */
    mal_policy_cref drop;        /* a column left out; NONE: none */
    uint32_t operations;         /* asked, and implied by the uses */
    const char *purpose;
    uint32_t recipient;
    mal_policy_engine engine;
    mal_policy_mode mode;
    bool moved; /* to an engine of which no evidence is known yet */
} view;

view policy_view(const mal_policy_contract *c, const mal_policy_facts *f);
/* The plan cut down to what `lens` lets through; on the alternative `run` of
 * its engines, if the plan's own does not do. */
view policy_view_through(const view *whole, const mal_policy_rule *lens,
                         uint32_t run);

/* Is the forbid's box met?  Missing facts meet it.  `where`: the column or
 * dataset it was about, as far as that can be said. */
bool policy_forbids(const mal_policy_rule *forbid, const view *v,
                    mal_policy_cref *where);
/* The first forbid that is met, in canonical order; MAL_POLICY_NONE if none. */
uint32_t policy_forbidden(const view *v, mal_policy_cref *where);

/* One way in which a plan lies outside of a permit. */
typedef struct difference {
    mal_policy_code code;
    uint32_t dataset, column;
    uint32_t bits; /* uses, operations or reveals too many; join's index */
} difference;

#define DIFFERENCES_MAX 12u
typedef struct differences {
    unsigned weight; /* 0: the permit covers the whole plan */
    uint32_t n;
    difference list[DIFFERENCES_MAX];
} differences;

/* Does the permit (or review) cover the whole plan?  With `out`, all the ways
 * in which it does not are noted, else the first one ends the search. */
bool policy_covers(const mal_policy_rule *r, const view *v, differences *out);

/* Which dataset has no budget that could pay: its index, else NONE. */
uint32_t policy_unpayable(const view *v, const mal_policy_budget **budget);
/* The most that one plan over these data may cost. */
uint64_t policy_payable(const view *v, const mal_policy_rule *r);
mal_policy_ratio policy_payable_delta(const view *v, const mal_policy_rule *r);

/* explain.c: fill text and nearest of a verdict that refuses. */
void policy_explain_missing(mal_policy_verdict *out, const char *what);
void policy_explain_forbidden(mal_policy_verdict *out, const view *v,
                              mal_policy_cref where);
void policy_explain_unpermitted(mal_policy_verdict *out, const view *v);
void policy_explain_unpayable(mal_policy_verdict *out, const view *v,
                              uint32_t dataset,
                              const mal_policy_budget *budget);
void policy_explain_review(mal_policy_verdict *out, const view *v);
void policy_explain_expired(mal_policy_verdict *out, const view *v,
                            const char *date);

#endif
