/* explain.c - why a plan is refused, and the nearest one that would not be.
 *
 * A refusal names column, rule and owner.  The nearest question is found by
 * measuring the plan against every permit that the requester may use: what lies
 * outside of the best one is told as a change to the question.  A suggestion
 * that a forbid would meet, or no budget could pay, is never made.
 */
#include "judge_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* --- A sentence in a fixed space: cut, never overrun -------------------- */

typedef struct say {
    char *out;
    size_t size, at;
    unsigned items; /* for separators */
} say;

static say say_into(char *out, size_t size) {
    out[0] = 0;
    return (say){ .out = out, .size = size };
}

static void tell(say *s, const char *fmt, ...) MAL_PRINTF(2, 3);
static void tell(say *s, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(s->out + s->at, s->size - s->at, fmt, args);
    va_end(args);
    size_t left = s->size - 1 - s->at;
    s->at += n < 0 ? 0 : (size_t)n < left ? (size_t)n : left;
}

static const char *next(say *s, const char *separator) {
    return s->items++ ? separator : "";
}

/* --- Names -------------------------------------------------------------- */

static const char *party(const view *v, uint32_t i) {
    return i < v->c->n_parties ? v->c->parties[i].name : "?";
}

static const char *owner_of(const view *v, uint32_t dataset) {
    return party(v, v->c->datasets[dataset].owner);
}

static const char *dataset_name(const view *v, uint32_t dataset) {
    return v->c->datasets[dataset].name;
}

static const char *column_name(const view *v, uint32_t dataset,
                               uint32_t column) {
    return v->c->datasets[dataset].columns[column].name;
}

static void tell_parties(say *s, const view *v, mal_policy_set set) {
    s->items = 0;
    for (uint32_t i = 0; i < v->c->n_parties; i++)
        if (set >> i & 1)
            tell(s, "%s%s", next(s, ", "), party(v, i));
}

static void tell_operations(say *s, uint32_t operations) {
    s->items = 0;
    if (operations & MAL_POLICY_OP_DISTINCT)
        tell(s, "%scount distinct", next(s, ", "));
    for (const word *w = policy_op_words; w->text; w++)
        if (operations & w->value)
            tell(s, "%s%s", next(s, ", "), w->text);
}

static void tell_uses(say *s, uint32_t how) {
    static const word words[] = {
        { "to filter", MAL_POLICY_USE_FILTER },
        { "to group", MAL_POLICY_USE_GROUP },
        { "to join", MAL_POLICY_USE_JOIN },
        { "to order", MAL_POLICY_USE_ORDER },
        { "in count", MAL_POLICY_USE_COUNT },
        { "in count distinct", MAL_POLICY_USE_DISTINCT },
        { "in sum", MAL_POLICY_USE_SUM },
        { "in avg", MAL_POLICY_USE_AVG },
        { "in min", MAL_POLICY_USE_MIN },
        { "in max", MAL_POLICY_USE_MAX },
        { "row by row", MAL_POLICY_USE_OUTPUT },
        { "in training", MAL_POLICY_USE_TRAIN },
        { 0 },
    };
    s->items = 0;
    for (const word *w = words; w->text; w++)
        if (how & w->value)
            tell(s, "%s%s", next(s, ", "), w->text);
}

static void tell_run(say *s, const mal_policy_rule *r) {
    s->items = 0;
    for (uint32_t i = 0; i < r->n_run; i++) {
        const mal_policy_run *run = &r->run[i];
        tell(s, "%s%s%s%s", next(s, " or "),
             mal_policy_engine_name(run->engine),
             run->mode == MAL_POLICY_MODE_MALICIOUS     ? " malicious"
             : run->mode == MAL_POLICY_MODE_SEMI_HONEST ? " semi-honest"
                                                        : "",
             run->n_args ? " with its evidence" : "");
    }
}

static void tell_revealed(say *s, uint32_t what) {
    s->items = 0;
    for (const word *w = policy_reveal_words; w->text; w++)
        if (what & w->value)
            tell(s, "%s%s count", next(s, ", "), w->text);
}

static void tell_join(say *s, const view *v, const mal_policy_join *j,
                      const char *with) {
    tell(s, "%s.%s %s %s.%s", dataset_name(v, j->dataset_a),
         column_name(v, j->dataset_a, j->column_a), with,
         dataset_name(v, j->dataset_b),
         column_name(v, j->dataset_b, j->column_b));
}

/* --- Why ---------------------------------------------------------------- */

static void why_column(say *s, const view *v, const mal_policy_rule *r,
                       const difference *d) {
    tell(s, "Rule %s does not let %s.%s, of %s, be used ", r->name,
         dataset_name(v, d->dataset), column_name(v, d->dataset, d->column),
         owner_of(v, d->dataset));
    tell_uses(s, d->bits);
    if (v->c->datasets[d->dataset].columns[d->column].role == MAL_POLICY_SECRET)
        tell(s, "; it is secret");
    tell(s, ".");
}

static void why_engine(say *s, const view *v, const mal_policy_rule *r) {
    tell(s, "Rule %s runs on ", r->name);
    tell_run(s, r);
    tell(s, "; engine %s%s does not meet that.",
         mal_policy_engine_name(v->engine),
         v->mode == MAL_POLICY_MODE_MALICIOUS     ? " (malicious)"
         : v->mode == MAL_POLICY_MODE_SEMI_HONEST ? " (semi-honest)"
                                                  : "");
}

static void why_release(say *s, const view *v, const mal_policy_rule *r,
                        const difference *d) {
    if (d->column != MAL_POLICY_NONE)
        tell(s, "Rule %s does not let %s.%s, of %s, leave without noise.",
             r->name, dataset_name(v, d->dataset),
             column_name(v, d->dataset, d->column), owner_of(v, d->dataset));
    else if (v->f->release == MAL_POLICY_RELEASE_EXACT)
        tell(s, "Rule %s lets nothing leave without noise to %s.", r->name,
             party(v, v->recipient));
    else
        tell(s, "Rule %s permits exact releases only.", r->name);
}

static void why_number(say *s, const view *v, const mal_policy_rule *r,
                       const difference *d) {
    char a[32], b[32];
    if (d->code == MAL_POLICY_EPSILON) {
        policy_text_nano(a, v->f->epsilon_nano);
        policy_text_nano(b, r->epsilon_nano);
        tell(s, "Its epsilon, %s, is above the %s of rule %s.", a, b, r->name);
    } else if (d->code == MAL_POLICY_DELTA) {
        policy_text_ratio(a, v->f->delta);
        policy_text_ratio(b, r->delta);
        tell(s, "Its delta, %s, is above the %s of rule %s.", a, b, r->name);
    } else if (d->code == MAL_POLICY_ROWS && v->f->rows_max) {
        tell(s, "Its answer may have %llu rows; rule %s lets %llu leave.",
             (unsigned long long)v->f->rows_max, r->name,
             (unsigned long long)r->rows_max);
    } else if (d->code == MAL_POLICY_ROWS) {
        tell(s,
             "Rule %s bounds the rows of the answer, and nobody said how "
             "many there are.",
             r->name);
    } else {
        tell(s, "The answer would be kept %u days; rule %s lets it be kept %u.",
             v->f->keep_days, r->name, r->keep_days);
    }
}

static void why_people(say *s, const view *v, const mal_policy_rule *r,
                       const difference *d) {
    if (d->code == MAL_POLICY_PURPOSE) {
        s->items = 0;
        tell(s, "Rule %s is for ", r->name);
        for (uint32_t i = 0; i < r->n_purposes; i++)
            tell(s, "%s%s", next(s, ", "), r->purposes[i]);
        if (v->purpose)
            tell(s, ", not for %.80s.", v->purpose);
        else
            tell(s, "; no purpose was stated.");
    } else if (d->code == MAL_POLICY_RECIPIENT) {
        tell(s, "Rule %s gives its answers to ", r->name);
        tell_parties(s, v, r->to);
        tell(s, ", not to %s.", party(v, v->recipient));
    } else {
        tell(s, "Engine %s shows the ", mal_policy_engine_name(v->engine));
        tell_revealed(s, d->bits);
        tell(s, ", and rule %s does not reveal that.", r->name);
    }
}

static void why(say *s, const view *v, const mal_policy_rule *r,
                const difference *d) {
    switch (d->code) {
    case MAL_POLICY_DATASET:
        tell(s,
             "Rule %s does not speak of %s, of %s; no two rules are put "
             "together.",
             r->name, dataset_name(v, d->dataset), owner_of(v, d->dataset));
        return;
    case MAL_POLICY_COLUMN:
        why_column(s, v, r, d);
        return;
    case MAL_POLICY_JOIN:
        tell(s, "Rule %s does not join ", r->name);
        tell_join(s, v, &v->f->joins[d->bits], "with");
        tell(s, ", of %s.", owner_of(v, d->dataset));
        return;
    case MAL_POLICY_OPERATION:
        tell(s, "Rule %s permits ", r->name);
        tell_operations(s, r->operations);
        tell(s, "; not ");
        tell_operations(s, d->bits);
        tell(s, d->bits & r->operations ? " of this model." : ".");
        return;
    case MAL_POLICY_ENGINE:
        why_engine(s, v, r);
        return;
    case MAL_POLICY_RELEASE:
        why_release(s, v, r, d);
        return;
    case MAL_POLICY_PURPOSE:
    case MAL_POLICY_RECIPIENT:
    case MAL_POLICY_REVEALS:
        why_people(s, v, r, d);
        return;
    default:
        why_number(s, v, r, d);
    }
}

/* --- The nearest question ----------------------------------------------- */

static void change_data(say *s, const view *v, const mal_policy_rule *r,
                        const difference *d) {
    uint32_t kept = d->code == MAL_POLICY_COLUMN
                        ? policy_rule_uses(r, d->dataset, d->column)
                        : 0;
    if (d->code == MAL_POLICY_DATASET) {
        tell(s, "leave out %s", dataset_name(v, d->dataset));
        return;
    }
    tell(s, kept ? "use %s.%s only " : "leave out column %s.%s",
         dataset_name(v, d->dataset), column_name(v, d->dataset, d->column));
    if (kept)
        tell_uses(s, kept);
}

static void change_join(say *s, const view *v, const mal_policy_rule *r,
                        const difference *d) {
    const mal_policy_join *asked = &v->f->joins[d->bits];
    mal_policy_join j = policy_join_sorted(*asked);
    for (uint32_t i = 0; i < r->n_joins; i++)
        if (r->joins[i].dataset_a == j.dataset_a &&
            r->joins[i].dataset_b == j.dataset_b) {
            tell(s, "join on ");
            tell_join(s, v, &r->joins[i], "=");
            return;
        }
    tell(s, "ask about %s and %s apart", dataset_name(v, j.dataset_a),
         dataset_name(v, j.dataset_b));
}

static void change_release(say *s, const view *v, const mal_policy_rule *r) {
    char e[32], d[32];
    if (!r->epsilon_nano) {
        tell(s, "ask for an exact release to ");
        tell_parties(s, v, r->exact_to);
        return;
    }
    policy_text_nano(e, policy_payable(v, r));
    policy_text_ratio(d, policy_payable_delta(v, r));
    tell(s, "ask for a noised release, epsilon at most %s, delta at most %s", e,
         d);
}

static void change(say *s, const view *v, const mal_policy_rule *r,
                   const difference *d) {
    char text[32];
    unsigned items = s->items + 1; /* what follows counts its own items */
    switch (d->code) {
    case MAL_POLICY_DATASET:
    case MAL_POLICY_COLUMN:
        change_data(s, v, r, d);
        break;
    case MAL_POLICY_JOIN:
        change_join(s, v, r, d);
        break;
    case MAL_POLICY_OPERATION:
        tell(s, "ask only for ");
        tell_operations(s, policy_view_through(v, r, 0).operations);
        break;
    case MAL_POLICY_PURPOSE:
        tell(s, "ask for the purpose %s", policy_view_through(v, r, 0).purpose);
        break;
    case MAL_POLICY_RECIPIENT:
        tell(s, "let the answer go to %s",
             party(v, policy_view_through(v, r, 0).recipient));
        break;
    case MAL_POLICY_ENGINE:
        tell(s, "run it on ");
        tell_run(s, r);
        break;
    case MAL_POLICY_REVEALS:
        tell(s, "run it on an engine that does not show the ");
        tell_revealed(s, d->bits);
        break;
    case MAL_POLICY_RELEASE:
        change_release(s, v, r);
        break;
    case MAL_POLICY_EPSILON:
        policy_text_nano(text, policy_payable(v, r));
        tell(s, "set epsilon to at most %s", text);
        break;
    case MAL_POLICY_DELTA:
        policy_text_ratio(text, policy_payable_delta(v, r));
        tell(s, "set delta to at most %s", text);
        break;
    case MAL_POLICY_ROWS:
        tell(s, "ask for at most %llu rows", (unsigned long long)r->rows_max);
        break;
    default:
        tell(s, "keep the answer at most %u days", r->keep_days);
    }
    s->items = items;
}

typedef struct candidate {
    uint32_t rule;
    unsigned weight;
} candidate;

#define CANDIDATES 4

static bool names_any(const mal_policy_rule *r, const view *v) {
    for (uint32_t i = 0; i < v->f->n_datasets; i++)
        if (policy_rule_from(r, v->f->datasets[i]))
            return true;
    return false;
}

/* The permits and reviews that lie nearest to the plan, nearest first. */
static unsigned nearest_rules(candidate best[CANDIDATES], const view *v) {
    unsigned n = 0;
    for (uint32_t i = 0; i < v->c->n_rules; i++) {
        const mal_policy_rule *r = &v->c->rules[i];
        differences d;
        if (r->effect == MAL_POLICY_FORBID || !(r->by >> v->f->requester & 1) ||
            !names_any(r, v))
            continue;
        policy_covers(r, v, &d);
        unsigned at = n < CANDIDATES ? n : CANDIDATES;
        while (at > 0 && best[at - 1].weight > d.weight)
            at--;
        if (at == CANDIDATES)
            continue;
        n += n < CANDIDATES;
        for (unsigned k = n - 1; k > at; k--)
            best[k] = best[k - 1];
        best[at] = (candidate){ i, d.weight };
    }
    return n;
}

/* Would the plan, cut down to this rule, really be allowed? */
static bool would_do(const view *v, const mal_policy_rule *r) {
    mal_policy_cref where;
    for (uint32_t i = 0; i < r->n_run; i++) { /* each may be chosen */
        view cut = policy_view_through(v, r, i);
        if (policy_forbidden(&cut, &where) != MAL_POLICY_NONE)
            return false;
    }
    for (uint32_t i = 0; r->epsilon_nano && i < v->f->n_datasets; i++) {
        uint32_t d = v->f->datasets[i];
        if (policy_rule_from(r, d) &&
            !mal_policy_budget_find(v->c, d, MAL_POLICY_NONE) &&
            !mal_policy_budget_find(v->c, d, v->f->requester))
            return false;
    }
    return true;
}

/* A plan may be dear for a budget though not for the rule. */
static void add_costs(differences *d, const view *v, const mal_policy_rule *r) {
    const mal_policy_facts *f = v->f;
    bool dear[] = { f->epsilon_nano > policy_payable(v, r),
                    !policy_ratio_le(f->delta, policy_payable_delta(v, r)) };
    const mal_policy_code codes[] = { MAL_POLICY_EPSILON, MAL_POLICY_DELTA };
    for (int k = 0; k < 2 && f->release == MAL_POLICY_RELEASE_NOISED; k++) {
        if (r->epsilon_nano && dear[k] && d->n < DIFFERENCES_MAX)
            d->list[d->n++] =
                (difference){ codes[k], MAL_POLICY_NONE, MAL_POLICY_NONE, 0 };
    }
}

/* One change answers all differences of its kind. */
static bool told_before(const differences *d, uint32_t i) {
    mal_policy_code code = d->list[i].code;
    if (code == MAL_POLICY_COLUMN || code == MAL_POLICY_DATASET ||
        code == MAL_POLICY_JOIN)
        return false;
    for (uint32_t k = 0; k < i; k++)
        if (d->list[k].code == code)
            return true;
    return false;
}

static void suggest(mal_policy_verdict *out, const view *v,
                    const mal_policy_rule *r, const char *first) {
    say s = say_into(out->nearest, sizeof out->nearest);
    differences d;
    policy_covers(r, v, &d);
    add_costs(&d, v, r);
    tell(&s, "Rule %s %s: ", r->name,
         r->effect == MAL_POLICY_REVIEW ? "would let the owners sign it"
                                        : "would allow it");
    if (*first)
        tell(&s, "%s%s", next(&s, "; "), first);
    for (uint32_t i = 0; i < d.n; i++) {
        if (told_before(&d, i))
            continue;
        tell(&s, "%s", next(&s, "; "));
        s.items--;
        change(&s, v, r, &d.list[i]);
    }
    tell(&s, d.n == DIFFERENCES_MAX ? "; and more." : ".");
}

static void suggest_best(mal_policy_verdict *out, const view *v,
                         const char *first) {
    candidate best[CANDIDATES] = { { 0 } };
    unsigned n = nearest_rules(best, v);
    for (unsigned i = 0; i < n; i++)
        if (would_do(v, &v->c->rules[best[i].rule])) {
            suggest(out, v, &v->c->rules[best[i].rule], first);
            return;
        }
}

/* --- Refusals ----------------------------------------------------------- */

void policy_explain_missing(mal_policy_verdict *out, const char *what) {
    say s = say_into(out->text, sizeof out->text);
    out->code = MAL_POLICY_NO_FACT;
    tell(&s, "The plan does not say %s; what is not known is not permitted.",
         what);
}

void policy_explain_expired(mal_policy_verdict *out, const view *v,
                            const char *date) {
    say s = say_into(out->text, sizeof out->text);
    tell(&s,
         "Contract \"%.128s\" ended on %.10s; its owners can sign a successor.",
         v->c->name, date);
}

static void set_place(mal_policy_verdict *out, const view *v, uint32_t dataset,
                      uint32_t column) {
    out->dataset = dataset;
    out->column = column;
    if (dataset != MAL_POLICY_NONE)
        out->owner = v->c->datasets[dataset].owner;
}

/* Is the column one that tables are joined on?  Then it cannot be left out. */
static bool joined_on(const view *v, mal_policy_cref where) {
    for (uint32_t i = 0; i < v->f->n_joins; i++) {
        const mal_policy_join *j = &v->f->joins[i];
        if ((j->dataset_a == where.dataset && j->column_a == where.column) ||
            (j->dataset_b == where.dataset && j->column_b == where.column))
            return true;
    }
    return false;
}

void policy_explain_forbidden(mal_policy_verdict *out, const view *v,
                              mal_policy_cref where) {
    const mal_policy_rule *r = &v->c->rules[out->rule];
    say s = say_into(out->text, sizeof out->text);
    out->code = MAL_POLICY_FORBIDDEN;
    if (where.dataset == MAL_POLICY_NONE)
        set_place(out, v, v->f->datasets[0], MAL_POLICY_NONE);
    else
        set_place(out, v, where.dataset, where.column);
    tell(&s, "Rule %s forbids ", r->name);
    tell_operations(&s, r->operations & v->operations);
    if (where.column != MAL_POLICY_NONE)
        tell(&s, " with %s.%s, of %s", dataset_name(v, where.dataset),
             column_name(v, where.dataset, where.column),
             owner_of(v, where.dataset));
    else if (where.dataset != MAL_POLICY_NONE)
        tell(&s, " with %s, of %s", dataset_name(v, where.dataset),
             owner_of(v, where.dataset));
    else
        tell(&s, " for every owner, %s too", party(v, out->owner));
    tell(&s, "; a forbid wins over every permit.");

    view without = *v;
    char first[4 * MAL_POLICY_NAME_MAX] = "";
    if (where.column != MAL_POLICY_NONE && !joined_on(v, where)) {
        without.drop = where;
        snprintf(first, sizeof first, "leave out column %.127s.%.63s",
                 dataset_name(v, where.dataset),
                 column_name(v, where.dataset, where.column));
    }
    suggest_best(out, &without, first);
}

static void explain_no_rule(mal_policy_verdict *out, const view *v) {
    say s = say_into(out->text, sizeof out->text);
    bool any = false;
    for (uint32_t i = 0; i < v->c->n_rules && !any; i++)
        any = v->c->rules[i].effect != MAL_POLICY_FORBID &&
              names_any(&v->c->rules[i], v);
    uint32_t d = v->f->datasets[0];
    set_place(out, v, d, MAL_POLICY_NONE);
    out->code = any ? MAL_POLICY_REQUESTER : MAL_POLICY_NO_PERMIT;
    if (any)
        tell(&s, "No rule lets %s ask about %s, of %s.",
             party(v, v->f->requester), dataset_name(v, d), owner_of(v, d));
    else
        tell(&s, "No rule permits anything with %s, of %s.", dataset_name(v, d),
             owner_of(v, d));
    tell(&s, "  What is not permitted is refused; its owner can propose a "
             "rule.");
}

void policy_explain_unpermitted(mal_policy_verdict *out, const view *v) {
    candidate best[CANDIDATES] = { { 0 } };
    differences d;
    if (nearest_rules(best, v) == 0) {
        explain_no_rule(out, v);
        return;
    }
    const mal_policy_rule *r = &v->c->rules[best[0].rule];
    policy_covers(r, v, &d);
    assert(d.n > 0);
    out->rule = best[0].rule;
    out->code = d.list[0].code;
    uint32_t place = d.list[0].dataset != MAL_POLICY_NONE ? d.list[0].dataset
                                                          : v->f->datasets[0];
    set_place(out, v, place, d.list[0].column);
    say s = say_into(out->text, sizeof out->text);
    why(&s, v, r, &d.list[0]);
    suggest_best(out, v, "");
}

void policy_explain_unpayable(mal_policy_verdict *out, const view *v,
                              uint32_t dataset,
                              const mal_policy_budget *budget) {
    char a[32], b[32], cost[32];
    say s = say_into(out->text, sizeof out->text);
    out->code = MAL_POLICY_BUDGET;
    set_place(out, v, dataset, MAL_POLICY_NONE);
    if (!budget) {
        tell(&s,
             "%s, of %s, has no budget that %s could spend; its owner can "
             "propose one.",
             dataset_name(v, dataset), owner_of(v, dataset),
             party(v, v->f->requester));
        return;
    }
    policy_text_nano(cost, v->f->epsilon_nano);
    policy_text_nano(a, budget->epsilon_nano);
    policy_text_ratio(b, budget->delta);
    tell(&s,
         "The plan costs epsilon %s; the budget of %s, of %s, is %s in all "
         "and delta %s.",
         cost, dataset_name(v, dataset), owner_of(v, dataset), a, b);
    if (would_do(v, &v->c->rules[out->rule]))
        suggest(out, v, &v->c->rules[out->rule], "");
}

void policy_explain_review(mal_policy_verdict *out, const view *v) {
    say s = say_into(out->text, sizeof out->text);
    out->outcome = MAL_POLICY_NEEDS_REVIEW;
    out->code = MAL_POLICY_SIGNATURES;
    tell(&s, "Rule %s lets it run once these owners have signed this plan: ",
         v->c->rules[out->rule].name);
    tell_parties(&s, v, out->missing);
    tell(&s, ".");
}
