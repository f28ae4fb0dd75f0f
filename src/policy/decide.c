/* decide.c - the judgement: default deny, forbid wins, one permit for the
 * whole.
 *
 * The order of the questions is fixed.  Facts that are missing or make no
 * sense; the contract's end; forbids; then the first permit, in canonical
 * order, that covers the whole plan; then the first review.  Since a permit
 * covers a plan only if it names every dataset touched, it speaks for every
 * touched owner, and no limit of one rule is ever joined to another's.
 */
#include "judge_impl.h"

/* What must be known of every plan, whatever the rules say.  NULL: all is. */
static const char *missing(const mal_policy_contract *c,
                           const mal_policy_facts *f) {
    if (f->requester >= c->n_parties)
        return "who asks";
    if (f->recipient >= c->n_parties)
        return "who receives the answer";
    if (f->n_datasets == 0)
        return "which data are read";
    if (f->engine <= MAL_POLICY_ENGINE_NONE || f->engine >= MAL_POLICY_ENGINES)
        return "which engine runs it";
    if (f->release != MAL_POLICY_RELEASE_NOISED &&
        f->release != MAL_POLICY_RELEASE_EXACT)
        return "how the answer is released";
    if (f->release == MAL_POLICY_RELEASE_NOISED && !f->epsilon_nano)
        return "its epsilon";
    if (f->release == MAL_POLICY_RELEASE_NOISED && !f->delta.den)
        return "its delta";
    return f->now ? NULL : "what time it is";
}

typedef struct touched {
    uint64_t bits[MAL_POLICY_DATASETS_MAX / 64];
} touched;

static bool is_touched(const touched *t, uint32_t dataset) {
    return t->bits[dataset / 64] >> dataset % 64 & 1;
}

static bool column_sound(const mal_policy_contract *c, const touched *t,
                         uint32_t dataset, uint32_t column) {
    return dataset < c->n_datasets && is_touched(t, dataset) &&
           column < c->datasets[dataset].n_columns;
}

static bool in_a_join(const mal_policy_facts *f, const mal_policy_use *u) {
    for (uint32_t i = 0; i < f->n_joins; i++) {
        const mal_policy_join *j = &f->joins[i];
        if ((j->dataset_a == u->dataset && j->column_a == u->column) ||
            (j->dataset_b == u->dataset && j->column_b == u->column))
            return true;
    }
    return false;
}

/* The facts speak of this contract and do not contradict each other. */
static const char *unsound(const mal_policy_contract *c,
                           const mal_policy_facts *f) {
    touched t = { { 0 } };
    uint32_t operations = f->operations;
    for (uint32_t i = 0; i < f->n_datasets; i++) {
        if (f->datasets[i] >= c->n_datasets)
            return "a dataset of this contract";
        t.bits[f->datasets[i] / 64] |= (uint64_t)1 << f->datasets[i] % 64;
    }
    for (uint32_t i = 0; i < f->n_joins; i++)
        if (!column_sound(c, &t, f->joins[i].dataset_a, f->joins[i].column_a) ||
            !column_sound(c, &t, f->joins[i].dataset_b, f->joins[i].column_b))
            return "both columns of a join, in datasets that are read";
    for (uint32_t i = 0; i < f->n_uses; i++) {
        const mal_policy_use *u = &f->uses[i];
        if (!column_sound(c, &t, u->dataset, u->column))
            return "a column of a dataset that is read";
        if (!u->how || (u->how & ~(uint32_t)MAL_POLICY_USE_ALL))
            return "how a column is used";
        if ((u->how & MAL_POLICY_USE_JOIN) && !in_a_join(f, u))
            return "what a column is joined with";
        operations |=
            u->how & ~(uint32_t)(MAL_POLICY_USE_FILTER | MAL_POLICY_USE_GROUP |
                                 MAL_POLICY_USE_JOIN | MAL_POLICY_USE_ORDER);
    }
    if (!operations || (f->operations & ~(uint32_t)MAL_POLICY_OP_ALL))
        return "what is computed";
    return NULL;
}

static void blank(mal_policy_verdict *v) {
    *v = (mal_policy_verdict){ .outcome = MAL_POLICY_REFUSE };
    v->rule = v->owner = v->dataset = v->column = MAL_POLICY_NONE;
}

static mal_policy_set owners_touched(const mal_policy_contract *c,
                                     const mal_policy_facts *f) {
    mal_policy_set owners = 0;
    for (uint32_t i = 0; i < f->n_datasets; i++)
        owners |= (mal_policy_set)1 << c->datasets[f->datasets[i]].owner;
    return owners;
}

/* The first rule of this effect that covers the whole plan.  A covering rule
 * names every touched dataset, so the shortest list of any of them will do. */
static uint32_t first_cover(const view *v, mal_policy_effect effect) {
    const mal_policy_index *x = v->c->index;
    uint32_t shortest = v->f->datasets[0];
    for (uint32_t i = 1; i < v->f->n_datasets; i++) {
        uint32_t d = v->f->datasets[i];
        if (x->permits_at[d + 1] - x->permits_at[d] <
            x->permits_at[shortest + 1] - x->permits_at[shortest])
            shortest = d;
    }
    for (uint32_t k = x->permits_at[shortest]; k < x->permits_at[shortest + 1];
         k++) {
        const mal_policy_rule *r = &v->c->rules[x->permits[k]];
        if (r->effect == effect && policy_covers(r, v, NULL))
            return x->permits[k];
    }
    return MAL_POLICY_NONE;
}

static void allow(mal_policy_verdict *out, const view *v,
                  const mal_policy_rule *r) {
    out->outcome = MAL_POLICY_ALLOW;
    out->code = MAL_POLICY_OK;
    out->group_min =
        v->f->group_min > r->group_min ? v->f->group_min : r->group_min;
    out->keep_days = v->f->keep_days ? v->f->keep_days : r->keep_days;
}

static void decide_covered(mal_policy_verdict *out, const view *v) {
    const mal_policy_rule *r = &v->c->rules[out->rule];
    const mal_policy_budget *budget;
    uint32_t unpaid = policy_unpayable(v, &budget);
    if (unpaid != MAL_POLICY_NONE) {
        policy_explain_unpayable(out, v, unpaid, budget);
        return;
    }
    if (r->effect == MAL_POLICY_REVIEW)
        out->missing = out->owners & ~v->f->signed_;
    if (out->missing)
        policy_explain_review(out, v);
    else
        allow(out, v, r);
}

void mal_policy_decide(mal_policy_verdict *verdict,
                       const mal_policy_contract *contract,
                       const mal_policy_facts *facts) {
    mal_policy_verdict *out = verdict;
    mal_policy_cref where;
    blank(out);
    const char *what = missing(contract, facts);
    if (!what)
        what = unsound(contract, facts);
    if (what) {
        policy_explain_missing(out, what);
        return;
    }
    view v = policy_view(contract, facts);
    out->owners = owners_touched(contract, facts);
    if (facts->now >= contract->expires) {
        char date[21];
        out->code = MAL_POLICY_EXPIRED;
        mal_time_format(date, contract->expires);
        policy_explain_expired(out, &v, date);
        return;
    }
    out->rule = policy_forbidden(&v, &where);
    if (out->rule != MAL_POLICY_NONE) {
        policy_explain_forbidden(out, &v, where);
        return;
    }
    out->rule = first_cover(&v, MAL_POLICY_PERMIT);
    if (out->rule == MAL_POLICY_NONE)
        out->rule = first_cover(&v, MAL_POLICY_REVIEW);
    if (out->rule == MAL_POLICY_NONE)
        policy_explain_unpermitted(out, &v);
    else
        decide_covered(out, &v);
}
