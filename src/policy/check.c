/* check.c - what compiles, and is still probably not meant.
 *
 * Rules are boxes, so "never applies" and "adds nothing" are decided by
 * comparing their sides.  A finding is only made where it is certain.
 */
#include "policy_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FINDINGS_MAX 1000u

typedef struct checker {
    const mal_policy_contract *c;
    mal_arena *arena;
    mal_policy_finding *found;
    uint32_t n, cap;
} checker;

static mal_err find(checker *k, mal_policy_severity severity, uint32_t line,
                    const char *code, const char *fmt, ...) MAL_PRINTF(5, 6);
static mal_err find(checker *k, mal_policy_severity severity, uint32_t line,
                    const char *code, const char *fmt, ...) {
    char text[512];
    va_list args;
    if (k->n == FINDINGS_MAX)
        return MAL_OK; /* enough to read */
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (k->n == k->cap) {
        uint32_t cap = k->cap ? 2 * k->cap : 16;
        mal_policy_finding *more =
            mal_arena_calloc(k->arena, cap, sizeof *more);
        if (!more)
            return MAL_E_MEMORY;
        if (k->n)
            memcpy(more, k->found, k->n * sizeof *more);
        k->found = more;
        k->cap = cap;
    }
    const char *copy = mal_arena_strdup(k->arena, text);
    if (!copy)
        return MAL_E_MEMORY;
    k->found[k->n++] = (mal_policy_finding){ severity, line, code, copy };
    return MAL_OK;
}

#define WARN(k, line, code, ...)                                               \
    MAL_TRY(find(k, MAL_POLICY_WARNING, line, code, __VA_ARGS__))
#define REMARK(k, line, code, ...)                                             \
    MAL_TRY(find(k, MAL_POLICY_NOTE, line, code, __VA_ARGS__))

/* --- Boxes inside boxes ------------------------------------------------- */

static bool texts_inside(const char *const *a, uint32_t n, const char *const *b,
                         uint32_t m) {
    uint32_t k = 0; /* both sorted */
    for (uint32_t i = 0; i < n; i++) {
        while (k < m && strcmp(b[k], a[i]) < 0)
            k++;
        if (k == m || strcmp(b[k], a[i]) != 0)
            return false;
    }
    return true;
}

static bool texts_meet(const char *const *a, uint32_t n, const char *const *b,
                       uint32_t m) {
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < m; k++)
            if (strcmp(a[i], b[k]) == 0)
                return true;
    return false;
}

static bool run_inside(const mal_policy_run *a, const mal_policy_run *b) {
    if (a->engine != b->engine ||
        (b->mode != MAL_POLICY_MODE_ANY && a->mode < b->mode))
        return false;
    for (uint32_t i = 0; i < b->n_args; i++) {
        bool same = false;
        for (uint32_t k = 0; k < a->n_args; k++)
            same |= strcmp(a->args[k].key, b->args[i].key) == 0 &&
                    a->args[k].at_least == b->args[i].at_least &&
                    strcmp(a->args[k].value, b->args[i].value) == 0;
        if (!same)
            return false;
    }
    return true;
}

static bool runs_inside(const mal_policy_rule *a, const mal_policy_rule *b) {
    for (uint32_t i = 0; i < a->n_run; i++) {
        bool inside = false;
        for (uint32_t k = 0; k < b->n_run; k++)
            inside |= run_inside(&a->run[i], &b->run[k]);
        if (!inside)
            return false;
    }
    return true;
}

static bool data_inside(const mal_policy_rule *a, const mal_policy_rule *b) {
    for (uint32_t i = 0; i < a->n_from; i++) {
        const mal_policy_from *f = &a->from[i];
        if (!policy_rule_from(b, f->dataset))
            return false;
        for (uint32_t k = 0; k < f->n_items; k++)
            if (policy_as_uses(f->items[k].as) &
                ~policy_rule_uses(b, f->dataset, f->items[k].column))
                return false;
    }
    for (uint32_t i = 0; i < a->n_joins; i++)
        if (!policy_rule_joins(b, a->joins[i]))
            return false;
    return true;
}

static bool release_inside(const mal_policy_rule *a, const mal_policy_rule *b) {
    for (uint32_t i = 0; i < a->n_exact; i++) {
        bool there = false;
        for (uint32_t k = 0; k < b->n_exact; k++)
            there |= a->exact[i].dataset == b->exact[k].dataset &&
                     a->exact[i].column == b->exact[k].column;
        if (!there)
            return false;
    }
    return !(a->exact_to & ~b->exact_to) &&
           a->epsilon_nano <= b->epsilon_nano &&
           (!a->delta.den ||
            (b->delta.den && policy_ratio_le(a->delta, b->delta))) &&
           (!b->rows_max || (a->rows_max && a->rows_max <= b->rows_max)) &&
           a->keep_days <= b->keep_days && !(a->reveals & ~b->reveals);
}

/* Every plan that a covers is covered by b too (both permit or review). */
static bool inside(const mal_policy_rule *a, const mal_policy_rule *b) {
    return !(a->operations & ~b->operations) && !(a->by & ~b->by) &&
           !(a->to & ~b->to) &&
           (!b->n_purposes ||
            (a->n_purposes && texts_inside(a->purposes, a->n_purposes,
                                           b->purposes, b->n_purposes))) &&
           (!b->n_train ||
            (a->n_train &&
             texts_inside(a->train, a->n_train, b->train, b->n_train))) &&
           release_inside(a, b) && data_inside(a, b) && runs_inside(a, b);
}

/* Every plan that the permit covers meets the forbid. */
static bool always_forbidden(const mal_policy_rule *p,
                             const mal_policy_rule *f) {
    if ((p->operations & ~f->operations) || f->n_joins || f->n_touching ||
        f->n_train || (f->by && (p->by & ~f->by)) ||
        (f->to && (p->to & ~f->to)))
        return false;
    if (f->n_purposes &&
        (!p->n_purposes ||
         !texts_inside(p->purposes, p->n_purposes, f->purposes, f->n_purposes)))
        return false;
    for (uint32_t i = 0; f->n_run && i < p->n_run; i++) {
        bool met = false;
        for (uint32_t k = 0; k < f->n_run; k++)
            met |= f->run[k].engine == p->run[i].engine &&
                   f->run[k].mode == MAL_POLICY_MODE_ANY && !f->run[k].n_args;
        if (!met)
            return false;
    }
    for (uint32_t i = 0; f->n_from && i < p->n_from; i++) {
        const mal_policy_from *from = policy_rule_from(f, p->from[i].dataset);
        if (!from || from->n_items)
            return false;
    }
    return true;
}

/* --- Boxes that meet ---------------------------------------------------- */

static bool data_meets(const mal_policy_rule *p, const mal_policy_rule *f) {
    for (uint32_t i = 0; i < p->n_from; i++) {
        const mal_policy_from *mine = &p->from[i];
        const mal_policy_from *from = policy_rule_from(f, mine->dataset);
        if (from && !from->n_items)
            return true;
        for (uint32_t k = 0; from && k < mine->n_items; k++)
            if (policy_as_uses(mine->items[k].as) &
                policy_rule_uses(f, mine->dataset, mine->items[k].column))
                return true;
    }
    return f->n_from == 0;
}

static bool joins_meet(const mal_policy_rule *p, const mal_policy_rule *f) {
    for (uint32_t i = 0; i < p->n_joins; i++)
        if (policy_rule_joins(f, p->joins[i]))
            return true;
    return f->n_joins == 0;
}

static bool touch_meets(const mal_policy_contract *c, const mal_policy_rule *p,
                        const mal_policy_rule *f) {
    for (uint32_t t = 0; t < f->n_touching; t++) {
        for (uint32_t i = 0; i < p->n_from; i++)
            for (uint32_t k = 0; k < p->from[i].n_items; k++)
                if (policy_touches(c, &f->touching[t], p->from[i].dataset,
                                   p->from[i].items[k].column))
                    return true;
        for (uint32_t i = 0; i < p->n_joins; i++) {
            const mal_policy_join *j = &p->joins[i];
            if (policy_touches(c, &f->touching[t], j->dataset_a, j->column_a) ||
                policy_touches(c, &f->touching[t], j->dataset_b, j->column_b))
                return true;
        }
    }
    return f->n_touching == 0;
}

/* Some plan that the permit covers may meet the forbid. */
static bool meets(const mal_policy_contract *c, const mal_policy_rule *p,
                  const mal_policy_rule *f) {
    bool run = f->n_run == 0;
    for (uint32_t i = 0; i < f->n_run; i++)
        for (uint32_t k = 0; k < p->n_run; k++)
            run |= f->run[i].engine == p->run[k].engine;
    return (p->operations & f->operations) && (!f->by || (f->by & p->by)) &&
           (!f->to || (f->to & p->to)) && run &&
           (!f->n_purposes || !p->n_purposes ||
            texts_meet(p->purposes, p->n_purposes, f->purposes,
                       f->n_purposes)) &&
           data_meets(p, f) && joins_meet(p, f) && touch_meets(c, p, f);
}

/* --- Findings about rules ----------------------------------------------- */

static bool is_forbid(const mal_policy_rule *r) {
    return r->effect == MAL_POLICY_FORBID;
}

static mal_err check_forbids(checker *k) {
    const mal_policy_contract *c = k->c;
    for (uint32_t i = 0; i < c->n_rules; i++) {
        const mal_policy_rule *f = &c->rules[i];
        bool idle = true;
        for (uint32_t n = 0; is_forbid(f) && n < c->n_rules; n++) {
            const mal_policy_rule *p = &c->rules[n];
            if (is_forbid(p) || !meets(c, p, f))
                continue;
            idle = false;
            if (always_forbidden(p, f))
                WARN(k, p->line, "dead-rule",
                     "rule %s never applies: rule %s forbids all of it",
                     p->name, f->name);
            else
                WARN(k, p->line, "overridden-rule",
                     "rule %s is wider than rule %s allows: what both speak "
                     "of is forbidden",
                     p->name, f->name);
        }
        if (is_forbid(f) && idle)
            REMARK(k, f->line, "idle-forbid",
                   "rule %s forbids what no rule permits: a safeguard for "
                   "later versions",
                   f->name);
    }
    return MAL_OK;
}

static mal_err check_shadows(checker *k) {
    const mal_policy_contract *c = k->c;
    for (uint32_t i = 0; i < c->n_rules; i++) {
        const mal_policy_rule *a = &c->rules[i];
        for (uint32_t n = 0; !is_forbid(a) && n < c->n_rules; n++) {
            const mal_policy_rule *b = &c->rules[n];
            bool stronger =
                a->effect == b->effect || (a->effect == MAL_POLICY_REVIEW &&
                                           b->effect == MAL_POLICY_PERMIT);
            if (i == n || is_forbid(b) || !stronger || !inside(a, b) ||
                (n > i && a->effect == b->effect && inside(b, a)))
                continue; /* of two equal ones the later is told of */
            WARN(k, a->line, "shadowed-rule",
                 "rule %s adds nothing: rule %s covers every plan that it "
                 "does",
                 a->name, b->name);
            break;
        }
    }
    return MAL_OK;
}

/* Who would compute, and whether the contract says that they are three. */
static mal_err check_seats(checker *k, const mal_policy_rule *r) {
    const mal_policy_contract *c = k->c;
    uint32_t seats[MAL_POLICY_SEATS];
    if (mal_policy_seats(c, seats) != MAL_OK) {
        WARN(k, r->line, "share3-seats",
             "rule %s names share3, which cannot run: %s", r->name,
             mal_err_message());
        mal_err_forget();
        return MAL_OK;
    }
    for (unsigned i = 0; i < MAL_POLICY_SEATS; i++)
        if (!c->parties[seats[i]].organisation)
            REMARK(k, r->line, "share3-seats",
                   "rule %s runs share3 at %s among others, whose organisation "
                   "the contract does not name: nobody can see that no two "
                   "seats are of one",
                   r->name, c->parties[seats[i]].name);
    for (unsigned i = 0; i < MAL_POLICY_SEATS; i++)
        if (r->by >> seats[i] & 1)
            REMARK(k, r->line, "share3-seats",
                   "rule %s lets %s ask, which holds a seat of share3 itself: "
                   "against its questions no other seat may collude",
                   r->name, c->parties[seats[i]].name);
    return MAL_OK;
}

static mal_err check_engines(checker *k, const mal_policy_rule *r) {
    for (uint32_t i = 0; i < r->n_run; i++) {
        mal_policy_engine engine = r->run[i].engine;
        if (engine == MAL_POLICY_ENGINE_PSI &&
            (r->reveals & MAL_POLICY_REVEALS_MATCH_COUNT))
            REMARK(k, r->line, "psi-reveals",
                   "rule %s lets psi show the match count, which it does not "
                   "need: leave out \"reveals match count\"",
                   r->name);
        if (engine == MAL_POLICY_ENGINE_SHARE3)
            MAL_TRY(check_seats(k, r));
        if (engine == MAL_POLICY_ENGINE_SHARE3 && r->run[i].n_args)
            WARN(k, r->line, "idle-word",
                 "rule %s asks for seats of share3 that are measured workers: "
                 "no node attests yet, so share3 is refused",
                 r->name);
    }
    return MAL_OK;
}

static mal_err check_release(checker *k, const mal_policy_rule *r) {
    uint32_t unreleased = MAL_POLICY_OP_MIN | MAL_POLICY_OP_MAX |
                          MAL_POLICY_OP_DISTINCT | MAL_POLICY_OP_ROWS;
    if (r->effect == MAL_POLICY_REVIEW)
        WARN(k, r->line, "idle-word",
             "rule %s waits for owners' signatures over a plan: no verb "
             "collects them yet, so it permits nothing",
             r->name);
    if (r->exact_to)
        WARN(k, r->line, "idle-word",
             "rule %s lets columns leave exactly: no node releases that yet",
             r->name);
    if (r->exact_to)
        WARN(k, r->line, "no-privacy",
             "rule %s lets columns leave without noise: no differential "
             "privacy, and the ledger books an unbounded loss",
             r->name);
    if (r->exact_to && r->group_min)
        WARN(k, r->line, "threshold-without-noise",
             "rule %s asks for groups of %llu without noise: two questions "
             "whose groups differ by one person tell about that person",
             r->name, (unsigned long long)r->group_min);
    if (r->epsilon_nano && (r->operations & unreleased))
        REMARK(k, r->line, "no-mechanism",
               "rule %s permits operations for which no noised release exists "
               "yet (of min, max, count distinct, rows): they are refused by "
               "name at release",
               r->name);
    return MAL_OK;
}

/* Who can ask under this rule, and pay for all of its data. */
static mal_err check_payers(checker *k, const mal_policy_rule *r) {
    if (!r->epsilon_nano)
        return MAL_OK;
    for (uint32_t i = 0; i < r->n_from; i++) {
        uint32_t d = r->from[i].dataset;
        for (uint32_t p = 0; p < k->c->n_parties; p++) {
            if (!(r->by >> p & 1) ||
                mal_policy_budget_find(k->c, d, MAL_POLICY_NONE) ||
                mal_policy_budget_find(k->c, d, p))
                continue;
            WARN(k, r->line, "no-budget",
                 "rule %s cannot be used by %s over %s: no budget there",
                 r->name, k->c->parties[p].name, k->c->datasets[d].name);
        }
    }
    return MAL_OK;
}

/* --- Findings about the rest -------------------------------------------- */

static bool can_spend(const mal_policy_rule *r, const mal_policy_budget *b) {
    return !is_forbid(r) && r->epsilon_nano &&
           policy_rule_from(r, b->dataset) &&
           (b->party == MAL_POLICY_NONE || (r->by >> b->party & 1));
}

static mal_err check_budgets(checker *k) {
    const mal_policy_contract *c = k->c;
    for (uint32_t i = 0; i < c->n_budgets; i++) {
        const mal_policy_budget *b = &c->budgets[i];
        bool spent = false;
        for (uint32_t n = 0; n < c->n_rules && !spent; n++)
            spent = can_spend(&c->rules[n], b);
        if (!spent)
            WARN(k, b->line, "unspendable-budget",
                 "nobody can spend this budget of %s: no rule permits a noised "
                 "release%s%s",
                 c->datasets[b->dataset].name,
                 b->party == MAL_POLICY_NONE ? "" : " to ",
                 b->party == MAL_POLICY_NONE ? "" : c->parties[b->party].name);
    }
    return MAL_OK;
}

static mal_err check_datasets(checker *k) {
    const mal_policy_contract *c = k->c;
    for (uint32_t i = 0; i < c->n_datasets; i++) {
        const mal_policy_dataset *d = &c->datasets[i];
        bool named = c->index->permits_at[i + 1] > c->index->permits_at[i];
        if (!named)
            WARN(k, d->line, "unused-dataset",
                 "no rule permits anything with %s", d->name);
        if (d->unit != MAL_POLICY_NONE && d->columns[d->unit].nullable)
            WARN(k, d->line, "nullable-unit",
                 "the privacy unit of %s may be missing: each row without it "
                 "is then protected as a unit of its own",
                 d->name);
    }
    return MAL_OK;
}

static bool any_share3(const mal_policy_contract *c) {
    for (uint32_t i = 0; i < c->n_rules; i++)
        for (uint32_t k = 0; !is_forbid(&c->rules[i]) && k < c->rules[i].n_run;
             k++)
            if (c->rules[i].run[k].engine == MAL_POLICY_ENGINE_SHARE3)
                return true;
    return false;
}

static mal_err check_parties(checker *k) {
    const mal_policy_contract *c = k->c;
    mal_policy_set asks = 0, owns = 0;
    for (uint32_t i = 0; i < c->n_rules; i++)
        if (!is_forbid(&c->rules[i]))
            asks |= c->rules[i].by;
    for (uint32_t i = 0; i < c->n_datasets; i++)
        owns |= (mal_policy_set)1 << c->datasets[i].owner;
    for (uint32_t i = 0; i < c->n_parties; i++) {
        const mal_policy_party *p = &c->parties[i];
        if ((p->roles & MAL_POLICY_ANALYST) && !(asks >> i & 1))
            WARN(k, 0, "idle-analyst", "no rule lets %s ask anything", p->name);
        if ((p->roles & MAL_POLICY_OWNER) && !(owns >> i & 1))
            WARN(k, 0, "owner-without-data", "%s owns no dataset", p->name);
        if (p->roles & (MAL_POLICY_WITNESS | MAL_POLICY_DELEGATE))
            WARN(k, 0, "idle-word",
                 "%s is named to witness or judge for another: no node acts "
                 "on that yet, and nothing is promised by it",
                 p->name);
        if ((p->roles & MAL_POLICY_COMPUTE) && !any_share3(c))
            WARN(k, 0, "idle-word",
                 "%s is named to compute, and no rule runs share3, the one "
                 "engine that has seats",
                 p->name);
    }
    if (!c->collude && __builtin_popcountll(mal_policy_owners(c)) > 1)
        WARN(k, 0, "collude-zero",
             "collude 0 promises nothing once two owners talk, or an owner is "
             "the analyst");
    if (c->test)
        REMARK(k, 0, "test-room",
               "the room is marked test: builds that can open values before "
               "noise may join it");
    return MAL_OK;
}

static int by_line(const void *a, const void *b) {
    const mal_policy_finding *x = a, *y = b;
    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    int order = strcmp(x->code, y->code);
    return order ? order : strcmp(x->text, y->text);
}

mal_err mal_policy_check(mal_policy_findings *findings, mal_arena *arena,
                         const mal_policy_contract *contract) {
    checker k = { .c = contract, .arena = arena };
    MAL_TRY(check_parties(&k));
    MAL_TRY(check_datasets(&k));
    MAL_TRY(check_forbids(&k));
    MAL_TRY(check_shadows(&k));
    for (uint32_t i = 0; i < contract->n_rules; i++) {
        if (is_forbid(&contract->rules[i]))
            continue;
        MAL_TRY(check_engines(&k, &contract->rules[i]));
        MAL_TRY(check_release(&k, &contract->rules[i]));
        MAL_TRY(check_payers(&k, &contract->rules[i]));
    }
    MAL_TRY(check_budgets(&k));
    if (k.n > 1)
        qsort(k.found, k.n, sizeof *k.found, by_line);
    *findings = (mal_policy_findings){ k.found, k.n };
    return MAL_OK;
}
