/* rule_check.c - what a rule must have before it compiles. */
#include "policy_impl.h"

#include <string.h>

/* A column that leaves exactly must be one that the rule lets leave at all. */
static mal_err exact_fits(const parser *p, const mal_policy_rule *r,
                          size_t at) {
    for (uint32_t i = 0; i < r->n_exact; i++) {
        const mal_policy_cref *e = &r->exact[i];
        const mal_policy_dataset *d = &p->known->datasets[e->dataset];
        FAULT_UNLESS(policy_rule_uses(r, e->dataset, e->column) != 0, p, at,
                     "rule %s: exact column %s.%s is not in its \"from\"",
                     r->name, d->name, d->columns[e->column].name);
    }
    FAULT_UNLESS(!(r->exact_to & ~r->to), p, at,
                 "rule %s: whoever may see exact columns stands in its \"to\"",
                 r->name);
    return MAL_OK;
}

static mal_err joins_fit(const parser *p, const mal_policy_rule *r, size_t at) {
    for (uint32_t i = 0; i < r->n_joins; i++) {
        const mal_policy_join *j = &r->joins[i];
        bool a = policy_rule_from(r, j->dataset_a) != NULL;
        FAULT_UNLESS(a && policy_rule_from(r, j->dataset_b), p, at,
                     "rule %s joins %s, which is not in its \"from\"", r->name,
                     p->known->datasets[a ? j->dataset_b : j->dataset_a].name);
    }
    return MAL_OK;
}

/* rules.md, 3: two seats of share3 never belong to one organisation. */
static mal_err seats_fit(const parser *p, const mal_policy_rule *r, size_t at) {
    const mal_policy_contract *c = p->known;
    bool share3 = false;
    for (uint32_t i = 0; i < r->n_run; i++)
        share3 |= r->run[i].engine == MAL_POLICY_ENGINE_SHARE3;
    for (uint32_t i = 0; share3 && i < c->n_parties; i++)
        for (uint32_t k = 0; k < i; k++) {
            const mal_policy_party *a = &c->parties[i], *b = &c->parties[k];
            FAULT_UNLESS(!(a->roles & b->roles & MAL_POLICY_COMPUTE) ||
                             !a->organisation || !b->organisation ||
                             strcmp(a->organisation, b->organisation) != 0,
                         p, at,
                         "rule %s runs share3, but %s and %s are seats of one "
                         "organisation",
                         r->name, b->name, a->name);
        }
    return MAL_OK;
}

mal_err policy_rule_complete(const parser *p, const mal_policy_rule *r,
                             size_t at) {
    if (r->effect == MAL_POLICY_FORBID)
        return MAL_OK;
    FAULT_UNLESS(r->by, p, at, "rule %s says who may ask: by ANALYST", r->name);
    FAULT_UNLESS(r->n_from, p, at, "rule %s says of which data: from DATASET",
                 r->name);
    FAULT_UNLESS(r->n_run, p, at,
                 "rule %s says which engines may run it: run sum", r->name);
    FAULT_UNLESS(r->to, p, at,
                 "rule %s says who receives the answer: to ANALYST", r->name);
    bool epsilon = r->epsilon_nano > 0, delta = r->delta.den > 0;
    FAULT_UNLESS(epsilon == delta && (epsilon || r->exact_to), p, at,
                 "rule %s permits a noised release: it requires both epsilon "
                 "<= X and delta <= X",
                 r->name);
    MAL_TRY(joins_fit(p, r, at));
    MAL_TRY(exact_fits(p, r, at));
    return seats_fit(p, r, at);
}
