/* parse_rule.c - rule NAME EFFECT OPERATIONS CLAUSE..., and budgets. */
#include "policy_impl.h"

#include <stdlib.h>
#include <string.h>

/* --- Operations --------------------------------------------------------- */

static mal_err take_texts(parser *p, list *texts, const char *what) {
    bool more = true;
    while (more) {
        void *slot;
        const char *text;
        size_t at = p->tok.at;
        MAL_TRY(policy_take_label(p, &text, what));
        const char *const *all = texts->ptr;
        for (uint32_t i = 0; i < texts->n; i++)
            FAULT_UNLESS(strcmp(all[i], text) != 0, p, at, "%s is said twice",
                         text);
        MAL_TRY(policy_list_add(p, texts, sizeof(char *), MAL_POLICY_LIST_MAX,
                                "words in a list", &slot));
        *(const char **)slot = text;
        MAL_TRY(policy_take_if(p, ",", &more));
    }
    return MAL_OK;
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sort(list *l, size_t elem, int (*by)(const void *, const void *)) {
    if (l->n > 1)
        qsort(l->ptr, l->n, elem, by);
}

static mal_err take_models(parser *p, mal_policy_rule *r) {
    list models = { 0 };
    bool open;
    MAL_TRY(policy_take_if(p, "(", &open));
    if (!open)
        return MAL_OK;
    MAL_TRY(take_texts(p, &models, "a model, as in logistic"));
    sort(&models, sizeof(char *), by_text);
    r->train = models.ptr;
    r->n_train = models.n;
    return policy_take(p, ")", "or \",\" and the next model");
}

static mal_err take_operations(parser *p, mal_policy_rule *r) {
    bool more = true, is;
    size_t at = p->tok.at;
    MAL_TRY(policy_take_if(p, "*", &is));
    if (is) {
        FAULT_UNLESS(r->effect == MAL_POLICY_FORBID, p, at,
                     "\"*\" is for forbid; a permit names its operations");
        r->operations = MAL_POLICY_OP_ALL;
        return MAL_OK;
    }
    while (more) {
        uint32_t op;
        at = p->tok.at;
        MAL_TRY(policy_take_word_of(p, policy_op_words, &op,
                                    "an operation: count, count distinct, sum, "
                                    "avg, min, max, rows or train"));
        if (op == MAL_POLICY_OP_COUNT) {
            MAL_TRY(policy_take_if(p, "distinct", &is));
            op = is ? MAL_POLICY_OP_DISTINCT : op;
        }
        FAULT_UNLESS(!(r->operations & op), p, at,
                     "the operation is named twice");
        r->operations |= op;
        if (op == MAL_POLICY_OP_TRAIN)
            MAL_TRY(take_models(p, r));
        MAL_TRY(policy_take_if(p, ",", &more));
    }
    return MAL_OK;
}

/* --- from, join --------------------------------------------------------- */

static mal_err item_fits(parser *p, size_t at, const mal_policy_column *c,
                         mal_policy_as as) {
    if (!c)
        return MAL_OK; /* first pass */
    FAULT_UNLESS(c->role != MAL_POLICY_SECRET, p, at,
                 "%s is secret: no rule can let it be used", c->name);
    bool fits = as == MAL_POLICY_AS_FILTER ? c->role != MAL_POLICY_ID
                : as == MAL_POLICY_AS_ID   ? c->role == MAL_POLICY_ID
                : as == MAL_POLICY_AS_DIM
                    ? c->role == MAL_POLICY_DIM || c->role == MAL_POLICY_MEASURE
                    : c->role == MAL_POLICY_MEASURE;
    static const char *const roles[] = { "", "id", "dim", "measure", "" };
    FAULT_UNLESS(fits, p, at, "%s is declared as %s and cannot be used as %s",
                 c->name, roles[c->role], policy_word_of(policy_as_words, as));
    return MAL_OK;
}

static int by_item(const void *a, const void *b) {
    const mal_policy_item *x = a, *y = b;
    if (x->column != y->column)
        return x->column < y->column ? -1 : 1;
    return (x->as > y->as) - (x->as < y->as);
}

static mal_err take_items(parser *p, mal_policy_from *from) {
    list items = { 0 };
    bool more = true;
    while (more) {
        void *slot;
        uint32_t as;
        mal_policy_item item;
        MAL_TRY(policy_take_word_of(
            p, policy_as_words, &as,
            "dim, measure, filter or id, and a column's name"));
        size_t at = p->tok.at;
        MAL_TRY(policy_take_column(p, from->dataset, &item.column));
        item.as = (mal_policy_as)as;
        MAL_TRY(item_fits(p, at, policy_known(p, from->dataset, item.column),
                          item.as));
        const mal_policy_item *all = items.ptr;
        for (uint32_t i = 0; p->known && i < items.n; i++)
            FAULT_UNLESS(by_item(&all[i], &item) != 0, p, at,
                         "the column is named twice as %s",
                         policy_word_of(policy_as_words, as));
        MAL_TRY(policy_list_add(p, &items, sizeof item, MAL_POLICY_LIST_MAX,
                                "columns of a dataset in a rule", &slot));
        *(mal_policy_item *)slot = item;
        MAL_TRY(policy_take_if(p, ",", &more));
    }
    sort(&items, sizeof(mal_policy_item), by_item);
    from->items = items.ptr;
    from->n_items = items.n;
    return policy_take(p, ")", "or \",\" and the next column");
}

static int by_from(const void *a, const void *b) {
    const mal_policy_from *x = a, *y = b;
    return (x->dataset > y->dataset) - (x->dataset < y->dataset);
}

static mal_err take_from(parser *p, mal_policy_rule *r) {
    list all = { 0 };
    bool more = true, open;
    while (more) {
        void *slot;
        mal_policy_from from = { 0 };
        size_t at = p->tok.at;
        MAL_TRY(policy_take_dataset(p, &from.dataset));
        const mal_policy_from *seen = all.ptr;
        for (uint32_t i = 0; p->known && i < all.n; i++)
            FAULT_UNLESS(seen[i].dataset != from.dataset, p, at,
                         "%s is named twice",
                         p->known->datasets[from.dataset].name);
        MAL_TRY(policy_take_if(p, "(", &open));
        if (open)
            MAL_TRY(take_items(p, &from));
        MAL_TRY(policy_list_add(p, &all, sizeof from, MAL_POLICY_DATASETS_MAX,
                                "datasets in a rule", &slot));
        *(mal_policy_from *)slot = from;
        MAL_TRY(policy_take_if(p, ",", &more));
    }
    sort(&all, sizeof(mal_policy_from), by_from);
    r->from = all.ptr;
    r->n_from = all.n;
    return MAL_OK;
}

static int by_join(const void *a, const void *b) {
    const mal_policy_join *x = a, *y = b;
    const uint32_t u[] = { x->dataset_a, x->column_a, x->dataset_b,
                           x->column_b };
    const uint32_t v[] = { y->dataset_a, y->column_a, y->dataset_b,
                           y->column_b };
    for (size_t i = 0; i < 4; i++)
        if (u[i] != v[i])
            return u[i] < v[i] ? -1 : 1;
    return 0;
}

/* A key that is a number: a measure without decimals, a dim over a range. */
static bool whole_number(const mal_policy_column *c) {
    return (c->role == MAL_POLICY_MEASURE && c->scale == 0) ||
           (c->role == MAL_POLICY_DIM && !c->codes);
}

static mal_err join_fits(parser *p, size_t at, mal_policy_cref a,
                         mal_policy_cref b) {
    const mal_policy_column *x = policy_known(p, a.dataset, a.column);
    const mal_policy_column *y = policy_known(p, b.dataset, b.column);
    if (!x)
        return MAL_OK;
    if (whole_number(x) && whole_number(y))
        return MAL_OK;
    FAULT_UNLESS(x->role == MAL_POLICY_ID && y->role == MAL_POLICY_ID, p, at,
                 "%s is no id; tables are joined on ids of one domain, or on "
                 "two columns of whole numbers",
                 x->role == MAL_POLICY_ID ? y->name : x->name);
    FAULT_UNLESS(a.dataset != b.dataset, p, at,
                 "a dataset is not joined with itself");
    FAULT_UNLESS(strcmp(x->domain, y->domain) == 0, p, at,
                 "the ids have different domains, %s and %s: their pseudonyms "
                 "never match",
                 x->domain, y->domain);
    FAULT_UNLESS(strcmp(x->normal, y->normal) == 0, p, at,
                 "the ids are normalised differently, by %s and %s: equal ones "
                 "would not match",
                 x->normal, y->normal);
    return MAL_OK;
}

static mal_err take_joins(parser *p, mal_policy_rule *r) {
    list all = { 0 };
    bool more = true;
    while (more) {
        void *slot;
        mal_policy_cref a, b;
        size_t at = p->tok.at;
        MAL_TRY(policy_take_cref(p, &a));
        MAL_TRY(policy_take(p, "=", "and the other side of the join"));
        MAL_TRY(policy_take_cref(p, &b));
        MAL_TRY(join_fits(p, at, a, b));
        mal_policy_join join = policy_join_sorted(
            (mal_policy_join){ a.dataset, a.column, b.dataset, b.column });
        const mal_policy_join *seen = all.ptr;
        for (uint32_t i = 0; p->known && i < all.n; i++)
            FAULT_UNLESS(by_join(&seen[i], &join) != 0, p, at,
                         "the join is named twice");
        MAL_TRY(policy_list_add(p, &all, sizeof join, MAL_POLICY_LIST_MAX,
                                "joins in a rule", &slot));
        *(mal_policy_join *)slot = join;
        MAL_TRY(policy_take_if(p, ",", &more));
    }
    sort(&all, sizeof(mal_policy_join), by_join);
    r->joins = all.ptr;
    r->n_joins = all.n;
    return MAL_OK;
}

/* --- for, require, run -------------------------------------------------- */

static mal_err take_purposes(parser *p, mal_policy_rule *r) {
    list all = { 0 };
    bool more = true;
    while (more) {
        void *slot;
        const char *scheme, *purpose;
        size_t at = p->tok.at;
        MAL_TRY(policy_take_label(p, &scheme,
                                  "a purpose, as in dpv:MarketingMeasurement"));
        MAL_TRY(policy_take(p, ":", "and the purpose, as in dpv:Marketing"));
        MAL_TRY(policy_take_label(p, &purpose, "the purpose's name"));
        const char *text = mal_arena_printf(p->arena, "%s:%s", scheme, purpose);
        if (!text)
            return MAL_E_MEMORY;
        const char *const *seen = all.ptr;
        for (uint32_t i = 0; i < all.n; i++)
            FAULT_UNLESS(strcmp(seen[i], text) != 0, p, at, "%s is named twice",
                         text);
        MAL_TRY(policy_list_add(p, &all, sizeof(char *), MAL_POLICY_LIST_MAX,
                                "purposes in a rule", &slot));
        *(const char **)slot = text;
        MAL_TRY(policy_take_if(p, ",", &more));
    }
    sort(&all, sizeof(char *), by_text);
    r->purposes = all.ptr;
    r->n_purposes = all.n;
    return MAL_OK;
}

static mal_err take_requirement(parser *p, mal_policy_rule *r) {
    static const word words[] = {
        { "group", 1 }, { "epsilon", 2 }, { "delta", 3 }, { "rows", 4 }, { 0 }
    };
    uint32_t which;
    size_t at = p->tok.at;
    MAL_TRY(policy_take_word_of(p, words, &which,
                                "a requirement: group >= N, epsilon <= X, "
                                "delta <= X or rows <= N"));
    bool seen[] = { false, r->group_min, r->epsilon_nano, r->delta.den,
                    r->rows_max };
    FAULT_UNLESS(!seen[which], p, at, "the requirement is said twice");
    if (which == 1)
        MAL_TRY(policy_take(p, ">=", "after group: it is a lower bound"));
    else
        MAL_TRY(policy_take(p, "<=", "here: it is an upper bound"));
    switch (which) {
    case 1:
        return policy_take_count(p, &r->group_min, 1, (uint64_t)1 << 40,
                                 "the smallest group");
    case 2:
        return policy_take_epsilon(p, &r->epsilon_nano);
    case 3:
        return policy_take_delta(p, &r->delta);
    default:
        return policy_take_count(p, &r->rows_max, 1, (uint64_t)1 << 40,
                                 "the rows of the answer");
    }
}

static mal_err take_requirements(parser *p, mal_policy_rule *r) {
    bool more = true;
    while (more) {
        MAL_TRY(take_requirement(p, r));
        MAL_TRY(policy_take_if(p, ",", &more));
    }
    return MAL_OK;
}

static mal_err take_arg(parser *p, mal_policy_arg *arg) {
    MAL_TRY(policy_take_label(p, &arg->key, "what is measured, as in image"));
    MAL_TRY(policy_take_if(p, ">=", &arg->at_least));
    if (p->tok.kind == TOKEN_STRING && !arg->at_least)
        return policy_take_string(p, &arg->value, MAL_POLICY_STRING_MAX,
                                  "a value");
    if (p->tok.kind == TOKEN_WORD && !arg->at_least)
        return policy_take_label(p, &arg->value, "a value");
    size_t at = p->tok.at;
    if (p->tok.kind == TOKEN_DATE || p->tok.kind == TOKEN_NUMBER) {
        /* Compared as text of equal shape: see decide.c, reaches. */
        bool plain = p->tok.kind == TOKEN_DATE;
        for (size_t i = 0; i < p->tok.len && !plain; i++)
            FAULT_UNLESS(p->text[at + i] >= '0' && p->text[at + i] <= '9' &&
                             p->tok.len <= 18 &&
                             (p->text[at] != '0' || p->tok.len == 1),
                         p, at, "a measured number is a whole one");
        return policy_take_copy(p, &arg->value);
    }
    return policy_unexpected(
        p, arg->at_least ? "a date or a whole number after >=" : "a value");
}

static int by_arg(const void *a, const void *b) {
    return strcmp(((const mal_policy_arg *)a)->key,
                  ((const mal_policy_arg *)b)->key);
}

static mal_err take_args(parser *p, mal_policy_run *run) {
    list all = { 0 };
    bool more = true;
    MAL_TRY(policy_take_if(p, "(", &more));
    if (!more)
        return MAL_OK;
    while (more) {
        void *slot;
        size_t at = p->tok.at;
        mal_policy_arg arg = { 0 };
        MAL_TRY(take_arg(p, &arg));
        const mal_policy_arg *seen = all.ptr;
        for (uint32_t i = 0; i < all.n; i++)
            FAULT_UNLESS(strcmp(seen[i].key, arg.key) != 0, p, at,
                         "%s is said twice", arg.key);
        MAL_TRY(policy_list_add(p, &all, sizeof arg, MAL_POLICY_LIST_MAX,
                                "conditions of an engine", &slot));
        *(mal_policy_arg *)slot = arg;
        MAL_TRY(policy_take_if(p, ",", &more));
    }
    sort(&all, sizeof(mal_policy_arg), by_arg);
    run->args = all.ptr;
    run->n_args = all.n;
    return policy_take(p, ")", "or \",\" and the next condition");
}

static mal_err take_engine(parser *p, mal_policy_run *run) {
    uint32_t engine;
    bool is;
    MAL_TRY(
        policy_take_word_of(p, policy_engine_words, &engine,
                            "an engine: clear, sum, psi, share3, he or tee"));
    run->engine = (mal_policy_engine)engine;
    MAL_TRY(policy_take_if(p, "malicious", &is));
    if (is) {
        run->mode = MAL_POLICY_MODE_MALICIOUS;
    } else {
        MAL_TRY(policy_take_if(p, "semi-honest", &is));
        run->mode = is ? MAL_POLICY_MODE_SEMI_HONEST : MAL_POLICY_MODE_ANY;
    }
    return take_args(p, run);
}

static int by_run(const void *a, const void *b) {
    const mal_policy_run *x = a, *y = b;
    return (x->engine > y->engine) - (x->engine < y->engine);
}

static mal_err take_run(parser *p, mal_policy_rule *r) {
    list all = { 0 };
    bool more = true;
    while (more) {
        void *slot;
        size_t at = p->tok.at;
        mal_policy_run run = { 0 };
        MAL_TRY(take_engine(p, &run));
        const mal_policy_run *seen = all.ptr;
        for (uint32_t i = 0; i < all.n; i++)
            FAULT_UNLESS(seen[i].engine != run.engine, p, at,
                         "%s is named twice",
                         mal_policy_engine_name(run.engine));
        MAL_TRY(policy_list_add(p, &all, sizeof run, MAL_POLICY_ENGINES,
                                "engines", &slot));
        *(mal_policy_run *)slot = run;
        MAL_TRY(policy_take_if(p, "|", &more));
    }
    sort(&all, sizeof(mal_policy_run), by_run);
    r->run = all.ptr;
    r->n_run = all.n;
    return MAL_OK;
}

/* --- exact, reveals, touching ------------------------------------------- */

static int by_cref(const void *a, const void *b) {
    const mal_policy_cref *x = a, *y = b;
    if (x->dataset != y->dataset)
        return x->dataset < y->dataset ? -1 : 1;
    return (x->column > y->column) - (x->column < y->column);
}

/* exact columns A.B.C, ... to P, ... */
static mal_err take_exact(parser *p, mal_policy_rule *r) {
    list all = { 0 };
    bool more = true;
    MAL_TRY(policy_take(p, "columns", "after exact"));
    while (more) {
        void *slot;
        mal_policy_cref cref;
        size_t at = p->tok.at;
        MAL_TRY(policy_take_cref(p, &cref));
        const mal_policy_cref *seen = all.ptr;
        for (uint32_t i = 0; p->known && i < all.n; i++)
            FAULT_UNLESS(by_cref(&seen[i], &cref) != 0, p, at,
                         "the column is named twice");
        MAL_TRY(policy_list_add(p, &all, sizeof cref, MAL_POLICY_LIST_MAX,
                                "exact columns", &slot));
        *(mal_policy_cref *)slot = cref;
        MAL_TRY(policy_take_if(p, ",", &more));
    }
    sort(&all, sizeof(mal_policy_cref), by_cref);
    r->exact = all.ptr;
    r->n_exact = all.n;
    MAL_TRY(policy_take(p, "to", "and who may see them exactly"));
    return policy_take_parties(p, &r->exact_to, 0);
}

static mal_err take_reveals(parser *p, mal_policy_rule *r) {
    bool more = true;
    while (more) {
        uint32_t what;
        size_t at = p->tok.at;
        MAL_TRY(policy_take_word_of(p, policy_reveal_words, &what,
                                    "what is revealed: match count, row "
                                    "count or noised count"));
        MAL_TRY(policy_take(p, "count", "after match, row or noised"));
        FAULT_UNLESS(!(r->reveals & what), p, at, "it is said twice");
        r->reveals |= what;
        MAL_TRY(policy_take_if(p, ",", &more));
    }
    return MAL_OK;
}

static int by_touch(const void *a, const void *b) {
    const mal_policy_touch *x = a, *y = b;
    if (!x->class_ || !y->class_) {
        if (!x->class_ && !y->class_)
            return by_cref(&x->column, &y->column);
        return x->class_ ? -1 : 1;
    }
    return strcmp(x->class_, y->class_);
}

static mal_err take_touching(parser *p, mal_policy_rule *r) {
    list all = { 0 };
    bool more = true, is;
    while (more) {
        void *slot;
        mal_policy_touch touch = { 0 };
        size_t at = p->tok.at;
        MAL_TRY(policy_take_if(p, "class", &is));
        if (is) {
            MAL_TRY(policy_take_label(p, &touch.class_, "a class"));
        } else {
            MAL_TRY(policy_take(p, "column", "or \"class\""));
            MAL_TRY(policy_take_cref(p, &touch.column));
        }
        const mal_policy_touch *seen = all.ptr;
        for (uint32_t i = 0; p->known && i < all.n; i++)
            FAULT_UNLESS(by_touch(&seen[i], &touch) != 0, p, at,
                         "it is named twice");
        MAL_TRY(policy_list_add(p, &all, sizeof touch, MAL_POLICY_LIST_MAX,
                                "things touched", &slot));
        *(mal_policy_touch *)slot = touch;
        MAL_TRY(policy_take_if(p, ",", &more));
    }
    sort(&all, sizeof(mal_policy_touch), by_touch);
    r->touching = all.ptr;
    r->n_touching = all.n;
    return MAL_OK;
}

/* --- The rule ----------------------------------------------------------- */

enum { /* positions in policy_clause_words */
       BY,
       FROM,
       JOIN,
       FOR,
       REQUIRE,
       RUN,
       TO,
       KEEP,
       EXACT,
       REVEALS,
       TOUCHING,
       CLAUSES
};

static mal_err take_clause(parser *p, mal_policy_rule *r, unsigned clause) {
    switch (clause) {
    case BY:
        return policy_take_parties(p, &r->by, MAL_POLICY_ANALYST);
    case FROM:
        return take_from(p, r);
    case JOIN:
        return take_joins(p, r);
    case FOR:
        return take_purposes(p, r);
    case REQUIRE:
        return take_requirements(p, r);
    case RUN:
        return take_run(p, r);
    case TO:
        return policy_take_parties(p, &r->to, 0);
    case KEEP:
        return policy_take_days(p, &r->keep_days);
    case EXACT:
        return take_exact(p, r);
    case REVEALS:
        return take_reveals(p, r);
    default:
        return take_touching(p, r);
    }
}

static mal_err reserved_clause(const parser *p) {
    if (policy_is(p, "in") || policy_is(p, "visible"))
        FAULT(p, p->tok.at, MAL_E_UNSUPPORTED,
              "\"%.*s\" in a rule is reserved, not yet supported; leave it out",
              (int)p->tok.len, p->text + p->tok.at);
    return MAL_OK;
}

/* A clause that a rule of this effect cannot have. */
static mal_err clause_fits(const parser *p, size_t at, unsigned clause,
                           mal_policy_effect effect) {
    bool forbid = effect == MAL_POLICY_FORBID;
    bool only_permit = clause == REQUIRE || clause == KEEP || clause == EXACT ||
                       clause == REVEALS;
    FAULT_UNLESS(!(forbid && only_permit), p, at,
                 "a forbid has no \"%s\"; it says by, from, join, for, run, to "
                 "and touching",
                 policy_clause_words[clause]);
    FAULT_UNLESS(forbid || clause != TOUCHING, p, at,
                 "\"touching\" is for forbid; a permit names its columns");
    return MAL_OK;
}

static mal_err take_effect(parser *p, mal_policy_rule *r) {
    static const word words[] = { { "permit", MAL_POLICY_PERMIT },
                                  { "forbid", MAL_POLICY_FORBID },
                                  { "review", MAL_POLICY_REVIEW },
                                  { 0 } };
    uint32_t effect;
    MAL_TRY(policy_take_word_of(p, words, &effect, "permit, forbid or review"));
    r->effect = (mal_policy_effect)effect;
    return MAL_OK;
}

mal_err policy_parse_rule(parser *p) {
    void *slot;
    size_t at;
    uint32_t line = p->tok.line;
    bool seen[CLAUSES] = { false };
    MAL_TRY(policy_list_add(p, &p->pass->rules, sizeof(mal_policy_rule),
                            MAL_POLICY_RULES_MAX, "rules", &slot));
    mal_policy_rule *r = slot, *all = p->pass->rules.ptr;
    r->line = line;
    MAL_TRY(policy_take_name(p, &r->name, "a rule's name", &at));
    for (const mal_policy_rule *q = all; q < r; q++)
        FAULT_UNLESS(strcmp(q->name, r->name) != 0, p, at,
                     "rule %s is declared twice", r->name);
    MAL_TRY(take_effect(p, r));
    MAL_TRY(take_operations(p, r));
    for (unsigned clause = 0; clause < CLAUSES;) {
        size_t clause_at = p->tok.at;
        if (!policy_is(p, policy_clause_words[clause])) {
            clause++;
            continue;
        }
        MAL_TRY(policy_next(p));
        FAULT_UNLESS(!seen[clause], p, clause_at, "\"%s\" is said twice",
                     policy_clause_words[clause]);
        MAL_TRY(clause_fits(p, clause_at, clause, r->effect));
        MAL_TRY(take_clause(p, r, clause));
        seen[clause] = true;
        clause = 0; /* clauses stand in any order */
    }
    MAL_TRY(reserved_clause(p));
    return p->known ? policy_rule_complete(p, r, at) : MAL_OK;
}

/* --- Budgets ------------------------------------------------------------ */

/* X per N days, Y in all  |  Y in all */
static mal_err take_amounts(parser *p, mal_policy_budget *b) {
    size_t at = p->tok.at;
    uint64_t amount;
    bool is;
    MAL_TRY(policy_take_epsilon(p, &amount));
    MAL_TRY(policy_take_if(p, "per", &is));
    if (is) {
        b->rate_nano = amount;
        size_t days_at = p->tok.at;
        MAL_TRY(policy_take_days(p, &b->rate_days));
        FAULT_UNLESS(b->rate_days > 0, p, days_at,
                     "a rate is per 1 day at least");
        FAULT_UNLESS(policy_is(p, ","), p, p->tok.at,
                     "a budget always has a total: add \", X in all\"");
        MAL_TRY(policy_next(p));
        MAL_TRY(policy_take_epsilon(p, &amount));
    }
    b->epsilon_nano = amount;
    FAULT_UNLESS(policy_is(p, "in"), p, p->tok.at,
                 "a budget always has a total: say \"%s\"",
                 is ? "in all" : "epsilon X in all");
    MAL_TRY(policy_next(p));
    MAL_TRY(policy_take(p, "all", "after \"in\""));
    FAULT_UNLESS(b->rate_nano <= b->epsilon_nano, p, at,
                 "the rate is above the total and never binds; lower it");
    return MAL_OK;
}

mal_err policy_parse_budget(parser *p) {
    void *slot;
    bool is;
    size_t at = p->tok.at;
    MAL_TRY(policy_list_add(p, &p->pass->budgets, sizeof(mal_policy_budget),
                            MAL_POLICY_BUDGETS_MAX, "budgets", &slot));
    mal_policy_budget *b = slot;
    const mal_policy_budget *all = p->pass->budgets.ptr;
    b->line = p->tok.line;
    MAL_TRY(policy_take_dataset(p, &b->dataset));
    b->party = MAL_POLICY_NONE;
    MAL_TRY(policy_take_if(p, "for", &is));
    if (is) {
        MAL_TRY(policy_take_if(p, "all", &is));
        if (!is)
            MAL_TRY(policy_take_party(p, &b->party, MAL_POLICY_ANALYST));
    }
    for (const mal_policy_budget *q = all; p->known && q < b; q++)
        FAULT_UNLESS(q->dataset != b->dataset || q->party != b->party, p, at,
                     "this budget is declared twice");
    MAL_TRY(policy_take(p, "epsilon", "and the amounts"));
    MAL_TRY(take_amounts(p, b));
    MAL_TRY(policy_take(p, ",", "and \"delta X\": a budget covers both"));
    MAL_TRY(policy_take(p, "delta", "and its amount"));
    return policy_take_delta(p, &b->delta);
}
