/* learn.c - what could this party learn at most? */
#include "policy_impl.h"

#include <stdio.h>
#include <string.h>

#define PUT(...) MAL_TRY(mal_buf_put_fmt(out, __VA_ARGS__))

static bool speaks(const mal_policy_rule *r, uint32_t party) {
    return r->effect != MAL_POLICY_FORBID &&
           ((r->by >> party & 1) || (r->to >> party & 1));
}

static bool receives(const mal_policy_rule *r, uint32_t party) {
    return r->effect != MAL_POLICY_FORBID && (r->to >> party & 1);
}

static mal_err put_columns(mal_buf *out, const mal_policy_contract *c,
                           const mal_policy_rule *r) {
    for (uint32_t i = 0; i < r->n_from; i++) {
        const mal_policy_dataset *d = &c->datasets[r->from[i].dataset];
        PUT("    %s (of %s, at most %llu rows):", d->name,
            c->parties[d->owner].name, (unsigned long long)d->rows_max);
        for (uint32_t k = 0; k < r->from[i].n_items; k++)
            PUT("%s %s as %s", k ? "," : "",
                d->columns[r->from[i].items[k].column].name,
                policy_word_of(policy_as_words, r->from[i].items[k].as));
        PUT("%s\n", r->from[i].n_items ? "" : " no column, rows counted only");
    }
    for (uint32_t i = 0; i < r->n_joins; i++) {
        const mal_policy_join *j = &r->joins[i];
        PUT("    joined: %s.%s = %s.%s\n", c->datasets[j->dataset_a].name,
            c->datasets[j->dataset_a].columns[j->column_a].name,
            c->datasets[j->dataset_b].name,
            c->datasets[j->dataset_b].columns[j->column_b].name);
    }
    return MAL_OK;
}

static mal_err put_limits(mal_buf *out, const mal_policy_rule *r) {
    char text[32];
    if (r->epsilon_nano) {
        policy_text_nano(text, r->epsilon_nano);
        PUT("    with noise: epsilon at most %s, ", text);
        policy_text_ratio(text, r->delta);
        PUT("delta at most %s, for each question\n", text);
    }
    if (r->group_min)
        PUT("    smallest group shown: %llu, tested on the noised count\n",
            (unsigned long long)r->group_min);
    else
        PUT("    groups of any size are shown\n");
    if (r->operations & MAL_POLICY_OP_AVG)
        PUT("    an avg also shows its noised sum and count\n");
    for (const word *w = policy_reveal_words; w->text; w++)
        if (r->reveals & w->value & ~(uint32_t)MAL_POLICY_REVEALS_NOISED_COUNT)
            PUT("    beside the answer, exactly: the %s count\n", w->text);
    if (r->reveals & MAL_POLICY_REVEALS_NOISED_COUNT)
        PUT("    to the seats of share3, noised: how many rows one step of a "
            "question leaves; a part of its epsilon pays for that\n");
    if (r->effect == MAL_POLICY_REVIEW)
        PUT("    only once the owners have signed the very plan\n");
    return MAL_OK;
}

static mal_err put_exact(mal_buf *out, const mal_policy_contract *c,
                         const mal_policy_rule *r, uint32_t party) {
    if (!(r->exact_to >> party & 1))
        return MAL_OK;
    PUT("    WITHOUT NOISE, no differential privacy:");
    for (uint32_t i = 0; i < r->n_exact; i++)
        PUT("%s %s.%s", i ? "," : "", c->datasets[r->exact[i].dataset].name,
            c->datasets[r->exact[i].dataset].columns[r->exact[i].column].name);
    return mal_buf_put_str(out, "\n");
}

/* The widest question of a rule: every group at once. */
static mal_err put_witness(mal_buf *out, const mal_policy_contract *c,
                           const mal_policy_rule *r) {
    bool first = true;
    PUT("    widest question: all of this, grouped by");
    for (uint32_t i = 0; i < r->n_from; i++)
        for (uint32_t k = 0; k < r->from[i].n_items; k++) {
            const mal_policy_item *item = &r->from[i].items[k];
            const mal_policy_dataset *d = &c->datasets[r->from[i].dataset];
            if (item->as != MAL_POLICY_AS_DIM)
                continue;
            PUT("%s %s.%s (%llu)", first ? "" : ",", d->name,
                d->columns[item->column].name,
                (unsigned long long)mal_policy_cells(
                    &d->columns[item->column]));
            first = false;
        }
    return mal_buf_put_str(out, first ? " nothing\n" : " cells\n");
}

/* --- The bound ------------------------------------------------------------ */

/* What this party may spend on a dataset in all: its own budget, or
 * everybody's, whichever is smaller.  NULL: nothing. */
static const mal_policy_budget *most(const mal_policy_contract *c, uint32_t d,
                                     uint32_t party) {
    const mal_policy_budget *own = mal_policy_budget_find(c, d, party);
    const mal_policy_budget *all =
        mal_policy_budget_find(c, d, MAL_POLICY_NONE);
    if (!own || !all)
        return own ? own : all;
    return own->epsilon_nano < all->epsilon_nano ? own : all;
}

static bool reaches(const mal_policy_contract *c, uint32_t d, uint32_t party) {
    for (uint32_t i = 0; i < c->n_rules; i++)
        if (receives(&c->rules[i], party) && c->rules[i].epsilon_nano &&
            policy_rule_from(&c->rules[i], d))
            return true;
    return false;
}

static bool same_lineage(const mal_policy_contract *c, uint32_t a, uint32_t b) {
    const mal_policy_dataset *x = &c->datasets[a], *y = &c->datasets[b];
    if (a == b)
        return true;
    return x->owner == y->owner && x->unit != MAL_POLICY_NONE &&
           y->unit != MAL_POLICY_NONE &&
           strcmp(x->columns[x->unit].domain, y->columns[y->unit].domain) == 0;
}

/* a + b over common denominators up to 10^18; capped at 1. */
static mal_policy_ratio add(mal_policy_ratio a, mal_policy_ratio b) {
    while (a.den < b.den)
        a = (mal_policy_ratio){ a.num * 10, a.den * 10 };
    while (b.den < a.den)
        b = (mal_policy_ratio){ b.num * 10, b.den * 10 };
    a.num += b.num;
    return a.num < a.den ? a : (mal_policy_ratio){ 1, 1 };
}

static mal_err put_bound(mal_buf *out, const mal_policy_contract *c, uint32_t d,
                         uint32_t party) {
    uint64_t epsilon = 0;
    mal_policy_ratio delta = { 0, 1 };
    char e[32], dt[32];
    for (uint32_t i = 0; i < d; i++)
        if (same_lineage(c, i, d) && reaches(c, i, party))
            return MAL_OK; /* told with the first dataset of the lineage */
    for (uint32_t i = d; i < c->n_datasets; i++) {
        const mal_policy_budget *b = most(c, i, party);
        if (!b || !same_lineage(c, i, d) || !reaches(c, i, party))
            continue;
        epsilon = epsilon > UINT64_MAX - b->epsilon_nano
                      ? UINT64_MAX
                      : epsilon + b->epsilon_nano;
        delta = add(delta, b->delta);
    }
    MAL_TRY(mal_buf_put_str(out, "  "));
    MAL_TRY(mal_policy_lineage(out, c, d));
    if (!epsilon) {
        PUT(": nothing, no budget\n");
        return MAL_OK;
    }
    uint32_t ppm = mal_policy_advantage_ppm(epsilon, delta);
    policy_text_nano(e, epsilon);
    policy_text_ratio(dt, delta);
    PUT(": epsilon %s, delta %s in all; whoever guesses whether one unit is in "
        "the data gains at most %u.%04u %%\n",
        e, dt, ppm / 10000, ppm % 10000);
    return MAL_OK;
}

static mal_err put_rule(mal_buf *out, const mal_policy_contract *c,
                        const mal_policy_rule *r, uint32_t party) {
    bool asks = r->by >> party & 1, gets = r->to >> party & 1;
    PUT("  by rule %s (%s): ", r->name,
        asks && gets ? "asks and receives"
        : asks       ? "asks, others receive"
                     : "receives what others ask");
    MAL_TRY(policy_put_operations(out, r->operations));
    PUT("\n");
    MAL_TRY(put_columns(out, c, r));
    MAL_TRY(put_limits(out, r));
    MAL_TRY(put_exact(out, c, r, party));
    return put_witness(out, c, r);
}

mal_err mal_policy_learn(mal_buf *out, const mal_policy_contract *contract,
                         uint32_t party) {
    const mal_policy_contract *c = contract;
    bool any = false, bound = false;
    MAL_REQUIRE(party < c->n_parties, MAL_E_INPUT,
                "the contract has no party %u", party);
    PUT("What %s could learn at most from \"%s\", version %u\n",
        c->parties[party].name, c->name, c->version);
    for (uint32_t i = 0; i < c->n_rules; i++)
        if (speaks(&c->rules[i], party)) {
            any = true;
            MAL_TRY(put_rule(out, c, &c->rules[i], party));
        }
    if (!any)
        return mal_buf_put_str(out, "  nothing: no rule lets it ask or "
                                    "receive\n");
    PUT("Over all questions together, by lineage\n");
    for (uint32_t d = 0; d < c->n_datasets; d++)
        if (reaches(c, d, party)) {
            bound = true;
            MAL_TRY(put_bound(out, c, d, party));
        }
    if (!bound)
        PUT("  no noised answer reaches it\n");
    PUT("Forbids take from this and never add.  A unit in the data of several "
        "owners, or seen by parties who share what they learn, is bounded by "
        "the sum of their epsilons.\n");
    return MAL_OK;
}
