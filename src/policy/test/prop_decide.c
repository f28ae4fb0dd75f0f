/* The judgement against a slow model, and its laws, on random rooms and plans.
 *
 * The model is written from docs/contract.md alone.  It knows no index, no view
 * and no lens: it takes a plan apart into single demands and looks each one up
 * in a rule by walking over all of it.
 */
#include "policy_gen.h"

#define ROOMS 2000
#define PLANS 50 /* of each: 10^5 cases */

/* --- The model ------------------------------------------------------------ */

static bool model_lets(mal_policy_as as, uint32_t use) {
    switch (use) {
    case MAL_POLICY_USE_FILTER:
        return as == MAL_POLICY_AS_DIM || as == MAL_POLICY_AS_FILTER;
    case MAL_POLICY_USE_GROUP:
    case MAL_POLICY_USE_ORDER:
        return as == MAL_POLICY_AS_DIM;
    case MAL_POLICY_USE_COUNT:
        return as != MAL_POLICY_AS_FILTER;
    case MAL_POLICY_USE_DISTINCT:
        return as == MAL_POLICY_AS_DIM || as == MAL_POLICY_AS_ID;
    case MAL_POLICY_USE_SUM:
    case MAL_POLICY_USE_AVG:
    case MAL_POLICY_USE_MIN:
    case MAL_POLICY_USE_MAX:
        return as == MAL_POLICY_AS_MEASURE;
    case MAL_POLICY_USE_OUTPUT:
    case MAL_POLICY_USE_TRAIN:
        return as == MAL_POLICY_AS_DIM || as == MAL_POLICY_AS_MEASURE;
    default:
        return false;
    }
}

static uint32_t model_op(uint32_t use) {
    switch (use) {
    case MAL_POLICY_USE_COUNT:
        return MAL_POLICY_OP_COUNT;
    case MAL_POLICY_USE_SUM:
        return MAL_POLICY_OP_SUM;
    case MAL_POLICY_USE_AVG:
        return MAL_POLICY_OP_AVG;
    case MAL_POLICY_USE_MIN:
        return MAL_POLICY_OP_MIN;
    case MAL_POLICY_USE_MAX:
        return MAL_POLICY_OP_MAX;
    case MAL_POLICY_USE_DISTINCT:
        return MAL_POLICY_OP_DISTINCT;
    case MAL_POLICY_USE_OUTPUT:
        return MAL_POLICY_OP_ROWS;
    case MAL_POLICY_USE_TRAIN:
        return MAL_POLICY_OP_TRAIN;
    default:
        return 0;
    }
}

static uint32_t model_ops(const mal_policy_facts *f) {
    uint32_t ops = f->operations;
    for (uint32_t i = 0; i < f->n_uses; i++)
        for (uint32_t bit = 1; bit < 4096; bit *= 2)
            if (f->uses[i].how & bit)
                ops |= model_op(bit);
    return ops;
}

static bool model_reads(const mal_policy_facts *f, uint32_t dataset) {
    for (uint32_t i = 0; i < f->n_datasets; i++)
        if (f->datasets[i] == dataset)
            return true;
    return false;
}

static bool model_known(const mal_policy_contract *c,
                        const mal_policy_facts *f) {
    bool ok = f->requester < c->n_parties && f->recipient < c->n_parties &&
              f->n_datasets > 0 && f->engine >= 1 && f->engine <= 6 &&
              (f->release == MAL_POLICY_RELEASE_EXACT ||
               (f->release == MAL_POLICY_RELEASE_NOISED && f->epsilon_nano &&
                f->delta.den)) &&
              f->now && f->operations < 256 && model_ops(f);
    for (uint32_t i = 0; i < f->n_datasets; i++)
        ok = ok && f->datasets[i] < c->n_datasets;
    for (uint32_t i = 0; ok && i < f->n_joins; i++) {
        const mal_policy_join *j = &f->joins[i];
        ok = model_reads(f, j->dataset_a) && model_reads(f, j->dataset_b) &&
             j->column_a < 5 && j->column_b < 5;
    }
    for (uint32_t i = 0; ok && i < f->n_uses; i++) {
        const mal_policy_use *u = &f->uses[i];
        bool joined = false;
        for (uint32_t k = 0; k < f->n_joins; k++)
            joined |= (f->joins[k].dataset_a == u->dataset &&
                       f->joins[k].column_a == u->column) ||
                      (f->joins[k].dataset_b == u->dataset &&
                       f->joins[k].column_b == u->column);
        ok = model_reads(f, u->dataset) && u->column < 5 && u->how &&
             u->how < 4096 && (!(u->how & MAL_POLICY_USE_JOIN) || joined);
    }
    return ok;
}

/* Is this use of this column among a rule's items? */
static bool model_item(const mal_policy_rule *r, uint32_t dataset,
                       uint32_t column, uint32_t use) {
    for (uint32_t i = 0; i < r->n_from; i++)
        for (uint32_t k = 0; k < r->from[i].n_items; k++)
            if (r->from[i].dataset == dataset &&
                r->from[i].items[k].column == column &&
                (model_lets(r->from[i].items[k].as, use) ||
                 /* no exact clause made: an id is shown by none, and each
                  * forbid of it forbids that */
                 (r->from[i].items[k].as == MAL_POLICY_AS_ID &&
                  use == MAL_POLICY_USE_OUTPUT &&
                  r->effect == MAL_POLICY_FORBID)))
                return true;
    return false;
}

static bool model_joins(const mal_policy_rule *r, const mal_policy_join *j) {
    for (uint32_t i = 0; i < r->n_joins; i++) {
        const mal_policy_join *k = &r->joins[i];
        bool same = k->dataset_a == j->dataset_a &&
                    k->column_a == j->column_a &&
                    k->dataset_b == j->dataset_b && k->column_b == j->column_b;
        bool turned =
            k->dataset_a == j->dataset_b && k->column_a == j->column_b &&
            k->dataset_b == j->dataset_a && k->column_b == j->column_a;
        if (same || turned)
            return true;
    }
    return false;
}

static bool model_word(const char *const *words, uint32_t n, const char *w) {
    for (uint32_t i = 0; w && i < n; i++)
        if (!strcmp(words[i], w))
            return true;
    return false;
}

/* The generator's engines: 1 yes, 0 no, -1 a fact is missing. */
static int model_engine(const mal_policy_run *run, const mal_policy_facts *f,
                        bool forbid) {
    if (run->engine != f->engine)
        return 0;
    if (run->mode == MAL_POLICY_MODE_MALICIOUS)
        return f->mode == MAL_POLICY_MODE_MALICIOUS ? 1
               : f->mode == MAL_POLICY_MODE_ANY     ? -1
                                                    : 0;
    if (run->mode == MAL_POLICY_MODE_SEMI_HONEST)
        return f->mode == MAL_POLICY_MODE_ANY           ? -1
               : f->mode == MAL_POLICY_MODE_SEMI_HONEST ? 1
                                                        : !forbid;
    if (run->n_args == 0)
        return 1;
    if (f->n_evidence == 0)
        return -1;
    /* The only condition generated: tcb >= 2026-09. */
    return !strcmp(f->evidence[0].value, "2026-09") ||
           !strcmp(f->evidence[0].value, "2026-10-01");
}

static bool model_class(const mal_policy_contract *c, const mal_policy_touch *t,
                        uint32_t d, uint32_t k) {
    const mal_policy_column *col = &c->datasets[d].columns[k];
    const char *of = c->datasets[d].class_;
    if (!t->class_)
        return t->column.dataset == d && t->column.column == k;
    return (col->class_ && !strcmp(col->class_, t->class_)) ||
           (of && !strcmp(of, t->class_)) ||
           (col->role == MAL_POLICY_SECRET && !strcmp("secret", t->class_));
}

static bool model_touched(const mal_policy_contract *c,
                          const mal_policy_rule *r, const mal_policy_facts *f) {
    for (uint32_t t = 0; t < r->n_touching; t++) {
        for (uint32_t i = 0; i < f->n_uses; i++)
            if (model_class(c, &r->touching[t], f->uses[i].dataset,
                            f->uses[i].column))
                return true;
        for (uint32_t i = 0; i < f->n_joins; i++)
            if (model_class(c, &r->touching[t], f->joins[i].dataset_a,
                            f->joins[i].column_a) ||
                model_class(c, &r->touching[t], f->joins[i].dataset_b,
                            f->joins[i].column_b))
                return true;
    }
    return r->n_touching == 0;
}

static bool model_forbids(const mal_policy_contract *c,
                          const mal_policy_rule *r, const mal_policy_facts *f) {
    bool data = r->n_from == 0, join = r->n_joins == 0, run = r->n_run == 0;
    for (uint32_t i = 0; i < r->n_from; i++) {
        if (model_reads(f, r->from[i].dataset) && !r->from[i].n_items)
            data = true;
        for (uint32_t k = 0; k < f->n_uses; k++)
            for (uint32_t bit = 1; bit < 4096; bit *= 2)
                if ((f->uses[k].how & bit) &&
                    f->uses[k].dataset == r->from[i].dataset &&
                    model_item(r, f->uses[k].dataset, f->uses[k].column, bit))
                    data = true;
    }
    for (uint32_t i = 0; i < f->n_joins; i++)
        join |= model_joins(r, &f->joins[i]);
    for (uint32_t i = 0; i < r->n_run; i++)
        run |= model_engine(&r->run[i], f, true) != 0;
    return data && join && run && (model_ops(f) & r->operations) &&
           (!r->by || (r->by & (1ull << f->requester))) &&
           (!r->to || (r->to & (1ull << f->recipient))) &&
           (!r->n_purposes || !f->purpose ||
            model_word(r->purposes, r->n_purposes, f->purpose)) &&
           model_touched(c, r, f);
}

static bool model_covers(const mal_policy_rule *r, const mal_policy_facts *f) {
    bool run = false, ok = true;
    for (uint32_t i = 0; i < f->n_datasets; i++) {
        bool named = false;
        for (uint32_t k = 0; k < r->n_from; k++)
            named |= r->from[k].dataset == f->datasets[i];
        ok &= named;
    }
    for (uint32_t i = 0; i < f->n_uses; i++)
        for (uint32_t bit = 1; bit < 4096; bit *= 2)
            if ((f->uses[i].how & bit) && bit != MAL_POLICY_USE_JOIN)
                ok &= model_item(r, f->uses[i].dataset, f->uses[i].column, bit);
    for (uint32_t i = 0; i < f->n_joins; i++)
        ok &= model_joins(r, &f->joins[i]);
    for (uint32_t i = 0; i < r->n_run; i++)
        run |= model_engine(&r->run[i], f, false) == 1;
    if ((model_ops(f) & MAL_POLICY_OP_TRAIN) && r->n_train)
        ok &= f->n_train == 1 && model_word(r->train, r->n_train, f->train[0]);
    return ok && run && !(model_ops(f) & ~r->operations) &&
           (r->by & (1ull << f->requester)) &&
           (r->to & (1ull << f->recipient)) &&
           (!r->n_purposes ||
            model_word(r->purposes, r->n_purposes, f->purpose)) &&
           !(f->reveals & ~r->reveals) &&
           f->release == MAL_POLICY_RELEASE_NOISED && /* no exact clause made */
           f->epsilon_nano <= r->epsilon_nano &&
           (long double)f->delta.num * r->delta.den <=
               (long double)r->delta.num * f->delta.den &&
           (!r->rows_max || (f->rows_max && f->rows_max <= r->rows_max)) &&
           f->keep_days <= r->keep_days;
}

static bool model_pays(const mal_policy_contract *c,
                       const mal_policy_facts *f) {
    for (uint32_t i = 0; i < f->n_datasets; i++) {
        bool any = false;
        for (uint32_t k = 0; k < c->n_budgets; k++) {
            const mal_policy_budget *b = &c->budgets[k];
            if (b->dataset != f->datasets[i] ||
                (b->party != MAL_POLICY_NONE && b->party != f->requester))
                continue;
            any = true;
            if (f->epsilon_nano > b->epsilon_nano ||
                (long double)f->delta.num * b->delta.den >
                    (long double)b->delta.num * f->delta.den)
                return false;
        }
        if (!any)
            return false;
    }
    return true;
}

static mal_policy_outcome model(const mal_policy_contract *c,
                                const mal_policy_facts *f) {
    bool review = false;
    if (!model_known(c, f) || f->now >= c->expires)
        return MAL_POLICY_REFUSE;
    for (uint32_t i = 0; i < c->n_rules; i++)
        if (c->rules[i].effect == MAL_POLICY_FORBID &&
            model_forbids(c, &c->rules[i], f))
            return MAL_POLICY_REFUSE;
    for (uint32_t i = 0; i < c->n_rules; i++) {
        const mal_policy_rule *r = &c->rules[i];
        if (r->effect == MAL_POLICY_FORBID || !model_covers(r, f) ||
            !model_pays(c, f))
            continue;
        if (r->effect == MAL_POLICY_PERMIT)
            return MAL_POLICY_ALLOW;
        review = true;
    }
    if (!review)
        return MAL_POLICY_REFUSE;
    for (uint32_t i = 0; i < f->n_datasets; i++)
        if (!(f->signed_ >> c->datasets[f->datasets[i]].owner & 1))
            return MAL_POLICY_NEEDS_REVIEW;
    return MAL_POLICY_ALLOW;
}

/* --- The laws ------------------------------------------------------------ */

static mal_policy_outcome outcome(const mal_policy_contract *c,
                                  const gen_plan *p) {
    mal_policy_verdict v;
    mal_policy_decide(&v, c, &p->f);
    return v.outcome;
}

TEST(the_judgement_agrees_with_the_model) {
    gen_state = mal_test_seed();
    unsigned seen[3] = { 0 }, codes[32] = { 0 };
    for (unsigned i = 0; i < ROOMS; i++) {
        mal_arena *arena = mal_arena_new((size_t)64 << 20);
        room_text t;
        gen_room(&t, arena);
        mal_policy_contract *c = gen_parse(&t, arena);
        for (unsigned k = 0; k < PLANS; k++) {
            gen_plan p;
            mal_policy_verdict v;
            gen_facts(&p, c);
            gen_link(&p);
            mal_policy_decide(&v, c, &p.f);
            mal_policy_outcome wanted = model(c, &p.f);
            CHECK_THAT(v.outcome == wanted, "%d, not %d: %s %s\n# %.*s",
                       v.outcome, wanted, mal_policy_code_name(v.code), v.text,
                       (int)c->canonical.len, (const char *)c->canonical.ptr);
            CHECK((v.outcome == MAL_POLICY_ALLOW) == (v.code == MAL_POLICY_OK));
            CHECK((v.outcome == MAL_POLICY_ALLOW) == (v.text[0] == 0));
            seen[v.outcome]++;
            codes[v.code]++;
        }
        mal_arena_free(arena);
    }
    printf("# %u refused, %u allowed, %u for review\n", seen[0], seen[1],
           seen[2]);
    CHECK(seen[1] > ROOMS * PLANS / 50 && seen[2] > 100);
    for (int k = MAL_POLICY_NO_FACT; k <= MAL_POLICY_SIGNATURES; k++)
        CHECK_THAT(codes[k] > 0, "never seen: %s",
                   mal_policy_code_name((mal_policy_code)k));
}

TEST(order_and_blanks_do_not_change_a_judgement) {
    gen_state = mal_test_seed() + 1;
    for (unsigned i = 0; i < ROOMS / 4; i++) {
        mal_arena *arena = mal_arena_new((size_t)64 << 20);
        room_text t;
        gen_room(&t, arena);
        mal_policy_contract *c = gen_parse(&t, arena);
        gen_shuffle(&t);
        mal_policy_contract *d = gen_parse(&t, arena);
        for (unsigned k = 0; k < PLANS; k++) {
            gen_plan p;
            mal_policy_verdict v, w;
            gen_facts(&p, c);
            gen_link(&p);
            mal_policy_decide(&v, c, &p.f);
            mal_policy_decide(&w, d, &p.f);
            CHECK(v.outcome == w.outcome && v.code == w.code &&
                  v.rule == w.rule && v.group_min == w.group_min);
            CHECK_STR(v.text, w.text);
            CHECK_STR(v.nearest, w.nearest);
        }
        mal_arena_free(arena);
    }
}

TEST(a_forbid_added_or_a_permit_taken_away_never_allows_more) {
    gen_state = mal_test_seed() + 2;
    for (unsigned i = 0; i < ROOMS / 4; i++) {
        mal_arena *arena = mal_arena_new((size_t)64 << 20);
        room_text t;
        gen_room(&t, arena);
        mal_policy_contract *c = gen_parse(&t, arena);
        room_text more = t, less = t;
        line l = { 0 };
        gen_forbid(&l, 99);
        gen_add(&more, arena, l.text);
        for (unsigned k = 0; k < less.n; k++)
            if (!strncmp(less.statement[k], "rule r", 6) && chance(50))
                less.statement[k] = (char[]){ "" };
        mal_policy_contract *m = gen_parse(&more, arena);
        mal_policy_contract *e = gen_parse(&less, arena);
        for (unsigned k = 0; k < PLANS; k++) {
            gen_plan p;
            gen_facts(&p, c);
            gen_link(&p);
            mal_policy_outcome before = outcome(c, &p);
            CHECK(before == MAL_POLICY_ALLOW ||
                  (outcome(m, &p) != MAL_POLICY_ALLOW &&
                   outcome(e, &p) != MAL_POLICY_ALLOW));
            CHECK(before != MAL_POLICY_REFUSE ||
                  (outcome(m, &p) == MAL_POLICY_REFUSE &&
                   outcome(e, &p) == MAL_POLICY_REFUSE));
        }
        mal_arena_free(arena);
    }
}

TEST(asking_for_less_is_never_refused_more) {
    gen_state = mal_test_seed() + 3;
    for (unsigned i = 0; i < ROOMS / 4; i++) {
        mal_arena *arena = mal_arena_new((size_t)64 << 20);
        room_text t;
        gen_room(&t, arena);
        mal_policy_contract *c = gen_parse(&t, arena);
        for (unsigned k = 0; k < PLANS; k++) {
            gen_plan p;
            gen_facts(&p, c);
            gen_link(&p);
            if (outcome(c, &p) != MAL_POLICY_ALLOW)
                continue;
            p.f.epsilon_nano -= p.f.epsilon_nano > 1;
            p.f.delta.den *= 2;
            p.f.keep_days /= 2;
            p.f.reveals = 0;
            p.f.rows_max = p.f.rows_max ? 1 : 0;
            p.f.signed_ = ~(mal_policy_set)0;
            CHECK_EQ(outcome(c, &p), MAL_POLICY_ALLOW);
        }
        mal_arena_free(arena);
    }
}

/* Rules that speak only of data of owners whom the plan does not touch change
 * nothing; and forbid * refuses everything. */
TEST(an_owner_is_judged_by_its_own_rules) {
    gen_state = mal_test_seed() + 4;
    for (unsigned i = 0; i < ROOMS / 4; i++) {
        mal_arena *arena = mal_arena_new((size_t)64 << 20);
        room_text t;
        gen_room(&t, arena);
        room_text other = t, none = t;
        gen_add(&other, arena,
                "rule z1 permit count, sum, rows by x, y from c.t (dim d, "
                "measure m, id k) run clear | sum | psi | share3 | he | tee to "
                "x, y require epsilon <= 99, delta <= 0.5 keep 999 days");
        gen_add(&other, arena, "rule z2 forbid * from c.t");
        gen_add(&none, arena, "rule z3 forbid *");
        mal_policy_contract *c = gen_parse(&t, arena);
        mal_policy_contract *d = gen_parse(&other, arena);
        mal_policy_contract *n = gen_parse(&none, arena);
        for (unsigned k = 0; k < PLANS; k++) {
            gen_plan p;
            gen_facts(&p, c);
            gen_link(&p);
            CHECK_EQ(outcome(n, &p), MAL_POLICY_REFUSE);
            bool touched = false;
            for (uint32_t q = 0; q < p.f.n_datasets; q++)
                touched |= p.datasets[q] == 3; /* c.t */
            CHECK(touched || outcome(c, &p) == outcome(d, &p));
        }
        mal_arena_free(arena);
    }
}

/* --- The suggestion ------------------------------------------------------ */

/* Do what `nearest` says: cut the plan down to the rule that it names. */
static void obey(gen_plan *q, const gen_plan *p, const mal_policy_contract *c,
                 const mal_policy_rule *r, const char *left_out) {
    uint32_t ops = model_ops(&p->f) & r->operations;
    *q = *p;
    gen_link(q);
    q->f.n_datasets = q->f.n_uses = q->f.n_joins = 0;
    q->f.operations =
        ops ? p->f.operations & ops : r->operations & (0u - r->operations);
    for (uint32_t i = 0; i < p->f.n_datasets; i++)
        for (uint32_t k = 0; k < r->n_from; k++)
            if (r->from[k].dataset == p->datasets[i])
                q->datasets[q->f.n_datasets++] = p->datasets[i];
    for (uint32_t i = 0; i < p->f.n_joins; i++)
        if (model_joins(r, &p->joins[i]))
            q->joins[q->f.n_joins++] = p->joins[i];
    for (uint32_t i = 0; i < p->f.n_uses; i++) {
        mal_policy_use u = p->uses[i];
        const mal_policy_dataset *d = &c->datasets[u.dataset];
        char name[256];
        snprintf(name, sizeof name, "column %s.%s", d->name,
                 d->columns[u.column].name);
        u.how = 0;
        for (uint32_t bit = 1; bit < 4096; bit *= 2)
            if ((p->uses[i].how & bit) &&
                model_item(r, u.dataset, u.column, bit) &&
                !(model_op(bit) & ~r->operations))
                u.how |= bit;
        if (u.how && !(left_out && !strcmp(name, left_out)))
            q->uses[q->f.n_uses++] = u;
    }
    if (!model_ops(&q->f))
        q->f.operations = ops ? ops : r->operations & (0u - r->operations);
    q->f.release = MAL_POLICY_RELEASE_NOISED;
    q->f.epsilon_nano = q->f.epsilon_nano ? q->f.epsilon_nano : 1;
    if (q->f.epsilon_nano > r->epsilon_nano)
        q->f.epsilon_nano = r->epsilon_nano;
    for (uint32_t i = 0; i < c->n_budgets; i++)
        if (c->budgets[i].epsilon_nano < q->f.epsilon_nano)
            q->f.epsilon_nano = c->budgets[i].epsilon_nano;
    q->f.delta = (mal_policy_ratio){ 1, 1000000000000000000u };
    q->f.rows_max = r->rows_max ? 1 : q->f.rows_max;
    q->f.keep_days = 0;
    q->f.reveals &= r->reveals;
}

static void obey_words(gen_plan *q, const mal_policy_rule *r) {
    bool run = false;
    if (r->n_purposes && !model_word(r->purposes, r->n_purposes, q->f.purpose))
        q->f.purpose = r->purposes[0];
    if (!(r->to >> q->f.recipient & 1))
        q->f.recipient = r->to >> q->f.requester & 1
                             ? q->f.requester
                             : (uint32_t)__builtin_ctzll(r->to);
    for (uint32_t i = 0; i < r->n_run; i++)
        run |= model_engine(&r->run[i], &q->f, false) == 1;
    if (!run) {
        q->f.engine = r->run[0].engine;
        q->f.mode =
            r->run[0].mode ? r->run[0].mode : MAL_POLICY_MODE_SEMI_HONEST;
        q->evidence[0] = (mal_policy_evidence){ "tcb", "2026-10-01" };
        q->f.n_evidence = 1;
    }
    q->train[0] = r->n_train ? r->train[0] : "a";
    q->f.n_train = 1;
}

TEST(whoever_does_what_is_suggested_is_not_refused) {
    gen_state = mal_test_seed() + 5;
    unsigned done = 0, dropped = 0;
    for (unsigned i = 0; i < ROOMS; i++) {
        mal_arena *arena = mal_arena_new((size_t)64 << 20);
        room_text t;
        gen_room(&t, arena);
        mal_policy_contract *c = gen_parse(&t, arena);
        for (unsigned k = 0; k < PLANS; k++) {
            gen_plan p, q;
            mal_policy_verdict v, w;
            char name[64], column[256];
            gen_facts(&p, c);
            gen_link(&p);
            mal_policy_decide(&v, c, &p.f);
            if (!v.nearest[0])
                continue;
            CHECK(sscanf(v.nearest, "Rule %63s would", name) == 1);
            bool drop =
                v.code == MAL_POLICY_FORBIDDEN &&
                sscanf(v.nearest, "%*[^:]: leave out %255[^;]", column) == 1 &&
                !strncmp(column, "column ", 7);
            if (drop && column[strlen(column) - 1] == '.')
                column[strlen(column) - 1] = 0;
            const mal_policy_rule *r = &c->rules[mal_policy_rule_find(c, name)];
            obey(&q, &p, c, r, drop ? column : NULL);
            obey_words(&q, r);
            mal_policy_decide(&w, c, &q.f);
            CHECK_THAT(w.outcome != MAL_POLICY_REFUSE,
                       "%s %s\n# then %s %s\n# %.*s", v.text, v.nearest, w.text,
                       w.nearest, (int)c->canonical.len,
                       (const char *)c->canonical.ptr);
            done++;
            dropped += drop;
        }
        mal_arena_free(arena);
    }
    printf("# %u suggestions followed, %u leave out a forbidden column\n", done,
           dropped);
    CHECK(done > 1000 && dropped > 10);
}

TEST_MAIN
