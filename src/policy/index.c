/* index.c - which rules can speak of which dataset. */
#include "policy_impl.h"

/* Rules with `from`, of the wanted kind, by dataset: at[d] .. at[d + 1]. */
static mal_err by_dataset(const mal_policy_contract *c, mal_arena *arena,
                          bool forbids, const uint32_t **rules,
                          const uint32_t **at) {
    uint32_t *start = mal_arena_calloc(arena, c->n_datasets + 2, sizeof *start);
    if (!start)
        return MAL_E_MEMORY;
    size_t n = 0;
    for (uint32_t i = 0; i < c->n_rules; i++) {
        const mal_policy_rule *r = &c->rules[i];
        if ((r->effect == MAL_POLICY_FORBID) != forbids)
            continue;
        for (uint32_t k = 0; k < r->n_from; k++, n++)
            start[r->from[k].dataset + 2]++;
    }
    uint32_t *named = mal_arena_calloc(arena, n ? n : 1, sizeof *named);
    if (!named)
        return MAL_E_MEMORY;
    /* start[d + 1] runs from where d's rules begin to where they end. */
    for (uint32_t d = 2; d < c->n_datasets + 2; d++)
        start[d] += start[d - 1];
    for (uint32_t i = 0; i < c->n_rules; i++) {
        const mal_policy_rule *r = &c->rules[i];
        if ((r->effect == MAL_POLICY_FORBID) != forbids)
            continue;
        for (uint32_t k = 0; k < r->n_from; k++)
            named[start[r->from[k].dataset + 1]++] = i;
    }
    *rules = named;
    *at = start;
    return MAL_OK;
}

mal_err policy_index_build(mal_policy_contract *c, mal_arena *arena) {
    mal_policy_index *x = mal_arena_alloc(arena, sizeof *x);
    uint32_t *any = mal_arena_calloc(arena, c->n_rules + 1, sizeof *any);
    if (!x || !any)
        return MAL_E_MEMORY;
    MAL_TRY(by_dataset(c, arena, false, &x->permits, &x->permits_at));
    MAL_TRY(by_dataset(c, arena, true, &x->forbids, &x->forbids_at));
    for (uint32_t i = 0; i < c->n_rules; i++)
        if (c->rules[i].effect == MAL_POLICY_FORBID && !c->rules[i].n_from)
            any[x->n_forbids_any++] = i;
    x->forbids_any = any;
    c->index = x;
    return MAL_OK;
}
