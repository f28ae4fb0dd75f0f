/* judge.c - is a plan inside the box of a rule?
 *
 * Every rule is a product of finite sets and integer intervals.  A permit
 * covers a plan if the whole plan lies inside; a forbid is met if the plan
 * reaches in. Each test below is one side of the box.  A missing fact is
 * outside of every permit and inside of every forbid.
 */
#include "judge_impl.h"

#include <string.h>

/* --- The plan as a rule sees it ----------------------------------------- */

static const struct {
    uint32_t use, operation;
} implied[] = {
    { MAL_POLICY_USE_COUNT, MAL_POLICY_OP_COUNT },
    { MAL_POLICY_USE_SUM, MAL_POLICY_OP_SUM },
    { MAL_POLICY_USE_AVG, MAL_POLICY_OP_AVG },
    { MAL_POLICY_USE_MIN, MAL_POLICY_OP_MIN },
    { MAL_POLICY_USE_MAX, MAL_POLICY_OP_MAX },
    { MAL_POLICY_USE_DISTINCT, MAL_POLICY_OP_DISTINCT },
    { MAL_POLICY_USE_OUTPUT, MAL_POLICY_OP_ROWS },
    { MAL_POLICY_USE_TRAIN, MAL_POLICY_OP_TRAIN },
};
#define N_IMPLIED (sizeof implied / sizeof *implied)

static uint32_t operations_of(uint32_t how) {
    uint32_t operations = 0;
    for (size_t i = 0; i < N_IMPLIED; i++)
        if (how & implied[i].use)
            operations |= implied[i].operation;
    return operations;
}

static uint32_t uses_of(uint32_t operations) {
    uint32_t how = MAL_POLICY_USE_FILTER | MAL_POLICY_USE_GROUP |
                   MAL_POLICY_USE_JOIN | MAL_POLICY_USE_ORDER;
    for (size_t i = 0; i < N_IMPLIED; i++)
        if (operations & implied[i].operation)
            how |= implied[i].use;
    return how;
}

view policy_view(const mal_policy_contract *c, const mal_policy_facts *f) {
    view v = { .c = c, .f = f, .operations = f->operations };
    v.drop = (mal_policy_cref){ MAL_POLICY_NONE, MAL_POLICY_NONE };
    v.purpose = f->purpose;
    v.recipient = f->recipient;
    v.engine = f->engine;
    v.mode = f->mode;
    for (uint32_t i = 0; i < f->n_uses; i++)
        v.operations |= operations_of(f->uses[i].how);
    return v;
}

static bool has_dataset(const view *v, uint32_t dataset) {
    return !v->lens || policy_rule_from(v->lens, dataset);
}

/* The uses that remain of one of the plan's. */
static uint32_t uses_left(const view *v, const mal_policy_use *u) {
    if (u->dataset == v->drop.dataset && u->column == v->drop.column)
        return 0;
    if (!v->lens)
        return u->how;
    uint32_t lens = policy_rule_uses(v->lens, u->dataset, u->column);
    return u->how & (lens | MAL_POLICY_USE_JOIN) & uses_of(v->operations);
}

static bool has_join(const view *v, const mal_policy_join *j) {
    return !v->lens || policy_rule_joins(v->lens, *j);
}

/* --- Engines ------------------------------------------------------------ */

static bool all_digits(const char *s, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (s[i] < '0' || s[i] > '9')
            return false;
    return len > 0;
}

static bool is_date(const char *s, size_t len) {
    return (len == 7 || len == 10) && all_digits(s, 4) && s[4] == '-' &&
           all_digits(s + 5, 2) &&
           (len == 7 || (s[7] == '-' && all_digits(s + 8, 2)));
}

/* value >= bound: two dates (a day reaches its month), or two whole numbers
 * without leading zeros.  Anything else does not. */
static bool reaches(const char *value, const char *bound) {
    size_t n = strlen(value), m = strlen(bound);
    if (is_date(bound, m))
        return is_date(value, n) && n >= m &&
               mal_compare_vartime(value, bound, m) >= 0;
    if (!all_digits(value, n) || !all_digits(bound, m) ||
        (n > 1 && value[0] == '0'))
        return false;
    return n != m ? n > m : mal_compare_vartime(value, bound, n) >= 0;
}

typedef enum answer { NO, YES, UNKNOWN } answer;

/* Every proved value of the key must do; none at all is a missing fact. */
static answer evidence_meets(const mal_policy_facts *f,
                             const mal_policy_arg *arg) {
    answer met = UNKNOWN;
    for (uint32_t i = 0; i < f->n_evidence; i++) {
        const mal_policy_evidence *e = &f->evidence[i];
        if (!e->key || !e->value || strcmp(e->key, arg->key) != 0)
            continue;
        if (arg->at_least ? !reaches(e->value, arg->value)
                          : strcmp(e->value, arg->value) != 0)
            return NO;
        met = YES;
    }
    return met;
}

static answer mode_meets(mal_policy_mode wanted, mal_policy_mode given,
                         bool forbid) {
    if (wanted == MAL_POLICY_MODE_ANY)
        return YES;
    if (given == MAL_POLICY_MODE_ANY)
        return UNKNOWN;
    if (wanted == given)
        return YES;
    /* A stronger engine does for a permit of the weaker promise; a forbid of
     * semi-honest engines leaves malicious ones alone. */
    return !forbid && given == MAL_POLICY_MODE_MALICIOUS ? YES : NO;
}

/* Does the plan's engine meet one alternative of `run`? */
static answer run_meets(const mal_policy_run *run, const view *v, bool forbid) {
    if (v->engine == MAL_POLICY_ENGINE_NONE)
        return UNKNOWN;
    if (run->engine != v->engine)
        return NO;
    answer met = mode_meets(run->mode, v->mode, forbid);
    for (uint32_t i = 0; i < run->n_args && met != NO; i++) {
        answer arg = v->moved ? UNKNOWN : evidence_meets(v->f, &run->args[i]);
        met = arg == YES ? met : arg;
    }
    return met;
}

static bool run_covers(const mal_policy_rule *r, const view *v) {
    for (uint32_t i = 0; i < r->n_run; i++)
        if (run_meets(&r->run[i], v, false) == YES)
            return true;
    return false;
}

static bool stands_in(const char *const *texts, uint32_t n, const char *text) {
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(texts[i], text) == 0)
            return true;
    return false;
}

static bool has_party(mal_policy_set set, uint32_t party) {
    return party < MAL_POLICY_PARTIES_MAX && (set >> party & 1);
}

view policy_view_through(const view *whole, const mal_policy_rule *lens,
                         uint32_t run) {
    view v = *whole;
    v.lens = lens;
    v.operations &= lens->operations;
    if (!v.operations) /* then ask for the plainest that it permits */
        v.operations = lens->operations & (0u - lens->operations);
    if (lens->n_purposes &&
        (!v.purpose || !stands_in(lens->purposes, lens->n_purposes, v.purpose)))
        v.purpose = lens->purposes[0];
    if (!has_party(lens->to, v.recipient))
        v.recipient = has_party(lens->to, v.f->requester)
                          ? v.f->requester
                          : (uint32_t)__builtin_ctzll(lens->to);
    if (!run_covers(lens, whole)) {
        v.engine = lens->run[run].engine;
        v.mode = lens->run[run].mode;
        v.moved = true;
    }
    return v;
}

/* --- Forbids ------------------------------------------------------------ */

static bool forbids_operation(const mal_policy_rule *r, const view *v) {
    uint32_t common = r->operations & v->operations;
    if (common != MAL_POLICY_OP_TRAIN || !r->n_train || !v->f->n_train)
        return common != 0;
    for (uint32_t i = 0; i < v->f->n_train; i++)
        if (!v->f->train[i] || stands_in(r->train, r->n_train, v->f->train[i]))
            return true;
    return false;
}

static bool forbids_data(const mal_policy_rule *r, const view *v,
                         mal_policy_cref *where) {
    if (!r->n_from)
        return true;
    for (uint32_t i = 0; i < v->f->n_datasets; i++) {
        uint32_t d = v->f->datasets[i];
        const mal_policy_from *from = policy_rule_from(r, d);
        if (!from || !has_dataset(v, d))
            continue;
        where->dataset = d;
        if (!from->n_items)
            return true;
        for (uint32_t k = 0; k < v->f->n_uses; k++) {
            const mal_policy_use *u = &v->f->uses[k];
            if (u->dataset != d ||
                !(uses_left(v, u) & policy_rule_uses(r, d, u->column)))
                continue;
            where->column = u->column;
            return true;
        }
    }
    return false;
}

static bool forbids_join(const mal_policy_rule *r, const view *v) {
    if (!r->n_joins)
        return true;
    for (uint32_t i = 0; i < v->f->n_joins; i++)
        if (has_join(v, &v->f->joins[i]) &&
            policy_rule_joins(r, v->f->joins[i]))
            return true;
    return false;
}

static bool touches_any(const mal_policy_rule *r, const view *v,
                        uint32_t dataset, uint32_t column,
                        mal_policy_cref *where) {
    if (!has_dataset(v, dataset))
        return false;
    for (uint32_t i = 0; i < r->n_touching; i++)
        if (policy_touches(v->c, &r->touching[i], dataset, column)) {
            *where = (mal_policy_cref){ dataset, column };
            return true;
        }
    return false;
}

static bool forbids_touch(const mal_policy_rule *r, const view *v,
                          mal_policy_cref *where) {
    if (!r->n_touching)
        return true;
    for (uint32_t i = 0; i < v->f->n_uses; i++) {
        const mal_policy_use *u = &v->f->uses[i];
        if (uses_left(v, u) && touches_any(r, v, u->dataset, u->column, where))
            return true;
    }
    for (uint32_t i = 0; i < v->f->n_joins; i++) {
        const mal_policy_join *j = &v->f->joins[i];
        if (has_join(v, j) &&
            (touches_any(r, v, j->dataset_a, j->column_a, where) ||
             touches_any(r, v, j->dataset_b, j->column_b, where)))
            return true;
    }
    return false;
}

static bool forbids_run(const mal_policy_rule *r, const view *v) {
    for (uint32_t i = 0; i < r->n_run; i++)
        if (run_meets(&r->run[i], v, true) != NO)
            return true;
    return r->n_run == 0;
}

bool policy_forbids(const mal_policy_rule *forbid, const view *v,
                    mal_policy_cref *where) {
    const mal_policy_rule *r = forbid;
    *where = (mal_policy_cref){ MAL_POLICY_NONE, MAL_POLICY_NONE };
    return forbids_operation(r, v) &&
           (!r->by || has_party(r->by, v->f->requester)) &&
           (!r->to || v->recipient == MAL_POLICY_NONE ||
            has_party(r->to, v->recipient)) &&
           (!r->n_purposes || !v->purpose ||
            stands_in(r->purposes, r->n_purposes, v->purpose)) &&
           forbids_run(r, v) && forbids_data(r, v, where) &&
           forbids_join(r, v) && forbids_touch(r, v, where);
}

uint32_t policy_forbidden(const view *v, mal_policy_cref *where) {
    const mal_policy_index *x = v->c->index;
    uint32_t first = MAL_POLICY_NONE;
    mal_policy_cref at;
    for (uint32_t i = 0; i < x->n_forbids_any; i++)
        if (policy_forbids(&v->c->rules[x->forbids_any[i]], v, &at)) {
            first = x->forbids_any[i];
            *where = at;
            break;
        }
    for (uint32_t i = 0; i < v->f->n_datasets; i++) {
        uint32_t d = v->f->datasets[i];
        for (uint32_t k = x->forbids_at[d]; k < x->forbids_at[d + 1]; k++) {
            uint32_t rule = x->forbids[k];
            if (rule >= first)
                break; /* ascending: a later one would not be the first */
            if (policy_forbids(&v->c->rules[rule], v, &at)) {
                first = rule;
                *where = at;
                break;
            }
        }
    }
    return first;
}

/* --- Permits ------------------------------------------------------------ */

/* A difference noted; false ends the search. */
static bool note(differences *out, unsigned weight, mal_policy_code code,
                 uint32_t dataset, uint32_t column, uint32_t bits) {
    if (!out)
        return false;
    out->weight += weight;
    if (out->n < DIFFERENCES_MAX)
        out->list[out->n++] = (difference){ code, dataset, column, bits };
    return true;
}

#define NOTE(weight, code, dataset, column, bits)                              \
    do {                                                                       \
        if (!note(out, weight, code, dataset, column, bits))                   \
            return false;                                                      \
    } while (0)

/* An id that would not leave exactly, or one that is not the recipient's
 * own: whatever the exact clause says. */
static bool shows_id(const view *v, const mal_policy_use *u) {
    const mal_policy_dataset *d = &v->c->datasets[u->dataset];
    return d->columns[u->column].role == MAL_POLICY_ID &&
           (v->f->release != MAL_POLICY_RELEASE_EXACT ||
            v->recipient != d->owner);
}

static bool covers_data(const mal_policy_rule *r, const view *v,
                        differences *out) {
    const mal_policy_facts *f = v->f;
    for (uint32_t i = 0; i < f->n_datasets; i++)
        if (!policy_rule_from(r, f->datasets[i]))
            NOTE(4, MAL_POLICY_DATASET, f->datasets[i], MAL_POLICY_NONE, 0);
    for (uint32_t i = 0; i < f->n_uses; i++) {
        const mal_policy_use *u = &f->uses[i];
        uint32_t how = uses_left(v, u) & ~(uint32_t)MAL_POLICY_USE_JOIN;
        if (!how || !policy_rule_from(r, u->dataset))
            continue;
        uint32_t bad = how & ~policy_rule_uses(r, u->dataset, u->column);
        if (shows_id(v, u))
            bad |= how & MAL_POLICY_USE_OUTPUT;
        if (bad)
            NOTE(2, MAL_POLICY_COLUMN, u->dataset, u->column, bad);
        else if (f->release == MAL_POLICY_RELEASE_EXACT &&
                 !policy_rule_exact(r, u->dataset, u->column))
            NOTE(2, MAL_POLICY_RELEASE, u->dataset, u->column, 0);
    }
    for (uint32_t i = 0; i < f->n_joins; i++) {
        const mal_policy_join *j = &f->joins[i];
        if (policy_rule_from(r, j->dataset_a) &&
            policy_rule_from(r, j->dataset_b) && !policy_rule_joins(r, *j))
            NOTE(3, MAL_POLICY_JOIN, j->dataset_a, j->column_a, i);
    }
    return true;
}

static bool covers_operations(const mal_policy_rule *r, const view *v,
                              differences *out) {
    uint32_t bad = v->operations & ~r->operations;
    if (bad)
        NOTE(3, MAL_POLICY_OPERATION, MAL_POLICY_NONE, MAL_POLICY_NONE, bad);
    if (!(v->operations & MAL_POLICY_OP_TRAIN) || !r->n_train ||
        (bad & MAL_POLICY_OP_TRAIN))
        return true;
    bool good = v->f->n_train > 0;
    for (uint32_t i = 0; i < v->f->n_train; i++)
        good &=
            v->f->train[i] && stands_in(r->train, r->n_train, v->f->train[i]);
    if (!good)
        NOTE(3, MAL_POLICY_OPERATION, MAL_POLICY_NONE, MAL_POLICY_NONE,
             MAL_POLICY_OP_TRAIN);
    return true;
}

static bool covers_people(const mal_policy_rule *r, const view *v,
                          differences *out) {
    const uint32_t none = MAL_POLICY_NONE;
    if (!has_party(r->by, v->f->requester))
        NOTE(1000, MAL_POLICY_REQUESTER, none, none, 0);
    if (r->n_purposes &&
        (!v->purpose || !stands_in(r->purposes, r->n_purposes, v->purpose)))
        NOTE(1, MAL_POLICY_PURPOSE, none, none, 0);
    if (!has_party(r->to, v->recipient))
        NOTE(1, MAL_POLICY_RECIPIENT, none, none, 0);
    if (!run_covers(r, v))
        NOTE(1, MAL_POLICY_ENGINE, none, none, 0);
    uint32_t shown = v->f->reveals & ~r->reveals;
    if (shown)
        NOTE(1, MAL_POLICY_REVEALS, none, none, shown);
    return true;
}

static bool covers_release(const mal_policy_rule *r, const view *v,
                           differences *out) {
    const mal_policy_facts *f = v->f;
    const uint32_t none = MAL_POLICY_NONE;
    if (f->release == MAL_POLICY_RELEASE_EXACT) {
        if (!has_party(r->exact_to, v->recipient))
            NOTE(2, MAL_POLICY_RELEASE, none, none, 0);
    } else if (!r->epsilon_nano) {
        NOTE(2, MAL_POLICY_RELEASE, none, none, 0);
    } else {
        if (f->epsilon_nano > r->epsilon_nano)
            NOTE(1, MAL_POLICY_EPSILON, none, none, 0);
        if (!policy_ratio_le(f->delta, r->delta))
            NOTE(1, MAL_POLICY_DELTA, none, none, 0);
    }
    if (r->rows_max && (!f->rows_max || f->rows_max > r->rows_max))
        NOTE(1, MAL_POLICY_ROWS, none, none, 0);
    if (f->keep_days > r->keep_days)
        NOTE(1, MAL_POLICY_KEEP, none, none, 0);
    return true;
}

bool policy_covers(const mal_policy_rule *r, const view *v, differences *out) {
    if (out)
        *out = (differences){ 0 };
    return covers_people(r, v, out) && covers_data(r, v, out) &&
           covers_operations(r, v, out) && covers_release(r, v, out) &&
           (!out || out->weight == 0);
}

/* --- Budgets ------------------------------------------------------------ */

static bool pays(const mal_policy_budget *b, const mal_policy_facts *f) {
    return !b || (f->epsilon_nano <= b->epsilon_nano &&
                  policy_ratio_le(f->delta, b->delta));
}

/* A plan that no balance could ever pay is refused here, before any ledger: the
 * cost lies above a total, or there is no total at all. */
uint32_t policy_unpayable(const view *v, const mal_policy_budget **budget) {
    const mal_policy_facts *f = v->f;
    *budget = NULL;
    if (f->release != MAL_POLICY_RELEASE_NOISED)
        return MAL_POLICY_NONE;
    for (uint32_t i = 0; i < f->n_datasets; i++) {
        uint32_t d = f->datasets[i];
        const mal_policy_budget *all =
            mal_policy_budget_find(v->c, d, MAL_POLICY_NONE);
        const mal_policy_budget *own =
            mal_policy_budget_find(v->c, d, f->requester);
        if ((all || own) && pays(all, f) && pays(own, f))
            continue;
        *budget = pays(all, f) ? own : all;
        return d;
    }
    return MAL_POLICY_NONE;
}

static uint64_t least(uint64_t a, const mal_policy_budget *b) {
    return b && b->epsilon_nano < a ? b->epsilon_nano : a;
}

uint64_t policy_payable(const view *v, const mal_policy_rule *r) {
    uint64_t most = r->epsilon_nano;
    for (uint32_t i = 0; i < v->f->n_datasets; i++) {
        uint32_t d = v->f->datasets[i];
        if (!policy_rule_from(r, d))
            continue;
        most = least(most, mal_policy_budget_find(v->c, d, MAL_POLICY_NONE));
        most = least(most, mal_policy_budget_find(v->c, d, v->f->requester));
    }
    return most;
}

static mal_policy_ratio lesser(mal_policy_ratio a, const mal_policy_budget *b) {
    return b && policy_ratio_le(b->delta, a) ? b->delta : a;
}

mal_policy_ratio policy_payable_delta(const view *v, const mal_policy_rule *r) {
    mal_policy_ratio most = r->delta;
    for (uint32_t i = 0; i < v->f->n_datasets; i++) {
        uint32_t d = v->f->datasets[i];
        if (!policy_rule_from(r, d))
            continue;
        most = lesser(most, mal_policy_budget_find(v->c, d, MAL_POLICY_NONE));
        most = lesser(most, mal_policy_budget_find(v->c, d, v->f->requester));
    }
    return most;
}
