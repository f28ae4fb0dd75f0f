/* judge.c - from a request to a verdict, the same at every node.
 *
 * text -> plan -> facts -> engine -> noise -> verdict.  Nothing here reads
 * data, statistics or settings of the node: two nodes that hold the same
 * contract and the same request come to the same hashes.
 */
#include "share3_impl.h"

#include <stdio.h>
#include <string.h>

#define NANO 1000000000u

static mal_policy_engine engine_of(const mal_sql_physical *p) {
    switch (p->shape) {
    case MAL_SQL_LOCAL:
        return MAL_POLICY_ENGINE_CLEAR;
    case MAL_SQL_UNION:
        return MAL_POLICY_ENGINE_SUM;
    case MAL_SQL_JOIN:
    case MAL_SQL_MATCH:
        return MAL_POLICY_ENGINE_PSI;
    case MAL_SQL_SHARE3:
        return MAL_POLICY_ENGINE_SHARE3;
    }
    return MAL_POLICY_ENGINE_NONE;
}

/* Owners who compute, in order of party index; at psi payload first.  The seats
 * of share3. */
static mal_err parties_of(room_judged *j, const mal_policy_contract *c) {
    const mal_sql_physical *p = j->physical;
    if (j->engine == MAL_POLICY_ENGINE_SHARE3) {
        j->n = MAL_POLICY_SEATS;
        return mal_policy_seats(c, j->parties);
    }
    for (unsigned i = 0; i < p->n_parts; i++) {
        bool known = false;
        for (unsigned k = 0; k < j->n; k++)
            known |= j->parties[k] == p->parts[i].owner;
        if (!known)
            j->parties[j->n++] = p->parts[i].owner;
    }
    return MAL_OK;
}

/* Rule 2: any n - t parties' parts alone are the full mechanism.  An owner who
 * asks counts as corrupted beside the t. */
static unsigned share_of(const room_judged *j, const mal_policy_contract *c,
                         uint32_t requester) {
    if (j->n <= 2)
        return 1; /* of two, each draws all of it */
    unsigned corrupted = c->collude;
    for (unsigned i = 0; i < j->n; i++)
        corrupted += j->parties[i] == requester;
    return j->n > corrupted ? j->n - corrupted : 1;
}

/* Epsilon is shared evenly: t = sensitivity / (epsilon / n_aggs), exactly. */
static mal_err scale_of(room_noise *noise, const mal_sql_physical *p,
                        unsigned agg, uint64_t epsilon_nano) {
    const mal_sql_agg *a = &p->aggs[agg];
    mal_dp_part part = { p->rows_per_unit, 1, a->lo, a->hi };
    mal_err err = mal_dp_sensitivity(&noise->sensitivity, &part, 1, true);
    MAL_REQUIRE(err == MAL_OK, err, "%s: %s", a->label, mal_err_message());
    uint64_t num, den;
    room_shrink_epsilon(&num, &den, p, epsilon_nano, false);
    return mal_dp_scale_of(&noise->t, noise->sensitivity, num, den * p->n_aggs);
}

static mal_err plan_noise(room_judged *j, mal_arena *arena,
                          const room_request *r) {
    const mal_sql_physical *p = j->physical;
    if (p->training)
        return room_training_noise(j, arena, r);
    room_noise *noise = mal_arena_calloc(arena, p->n_aggs + 1u, sizeof *noise);
    if (!noise)
        return MAL_E_MEMORY;
    const uint64_t room_for = (uint64_t)1 << 62;
    for (unsigned i = 0; i < p->n_aggs; i++) {
        MAL_TRY(scale_of(&noise[i], p, i, r->epsilon_nano));
        MAL_TRY(room_noise_bounds(&noise[i], j->n, j->share_k));
        MAL_REQUIRE(noise[i].tail < room_for &&
                        p->aggs[i].abs_max < room_for - noise[i].tail,
                    MAL_E_LIMIT,
                    "%s with its noise may reach %llu + %llu, beyond the 2^62 "
                    "that engine %s can open: declare tighter bounds",
                    p->aggs[i].label, (unsigned long long)p->aggs[i].abs_max,
                    (unsigned long long)noise[i].tail,
                    mal_policy_engine_name(j->engine));
    }
    if (p->shrink.at)
        MAL_TRY(room_shrink_noise(&noise[p->n_aggs], j, p, r->epsilon_nano));
    j->noise = noise;
    return MAL_OK;
}

static mal_err plan_losses(room_judged *j, mal_arena *arena,
                           const mal_policy_contract *c, uint64_t epsilon) {
    room_loss *losses =
        mal_arena_calloc(arena, j->facts.n_datasets, sizeof *losses);
    if (!losses)
        return MAL_E_MEMORY;
    for (uint32_t i = 0; i < j->facts.n_datasets; i++) {
        room_loss *l = &losses[i];
        MAL_AUTO(mal_buf_clear) mal_buf name = { 0 };
        const char *text;
        l->dataset = j->facts.datasets[i];
        l->owner = c->datasets[l->dataset].owner;
        l->epsilon_nano = epsilon;
        MAL_TRY(mal_policy_lineage(&name, c, l->dataset));
        MAL_TRY(mal_buf_cstr(&name, &text));
        l->lineage = mal_arena_strdup(arena, text);
        if (!l->lineage)
            return MAL_E_MEMORY;
    }
    j->losses = losses;
    j->n_losses = j->facts.n_datasets;
    return MAL_OK;
}

static bool is_unit_key(const mal_policy_contract *c, const mal_policy_join *j,
                        uint32_t dataset) {
    const mal_policy_dataset *d = &c->datasets[dataset];
    return c->datasets[j->dataset_a].owner != c->datasets[j->dataset_b].owner &&
           ((j->dataset_a == dataset && j->column_a == d->unit) ||
            (j->dataset_b == dataset && j->column_b == d->unit));
}

/* Declared bounds on distinct keys: the rows of the side; of a side that is one
 * table, the table's; and its units, if the other owner joins on them.  Never
 * too small: a side with more keys would fail, and its failing would tell of
 * data. */
static void plan_keys(room_judged *j, const mal_policy_contract *c) {
    const mal_sql_physical *p = j->physical;
    /* Of rows that are shown each may have a key of its own. */
    if (p->shape == MAL_SQL_MATCH)
        j->keys_max[0] = p->parts[0].rows_max ? p->parts[0].rows_max : 1;
    for (unsigned i = p->shape == MAL_SQL_MATCH;
         i < 2 && (p->shape == MAL_SQL_JOIN || p->shape == MAL_SQL_MATCH);
         i++) {
        const mal_sql_part *part = &p->parts[i];
        uint32_t dataset = part->tables[0].dataset;
        const mal_policy_dataset *d = &c->datasets[dataset];
        uint64_t keys = part->rows_max;
        bool units = false;
        for (uint32_t k = 0; k < j->facts.n_joins; k++)
            units |= is_unit_key(c, &j->facts.joins[k], dataset);
        if (part->n_tables == 1 && d->rows_max < keys)
            keys = d->rows_max;
        if (part->n_tables == 1 && units && d->units_max && d->units_max < keys)
            keys = d->units_max;
        j->keys_max[i] = keys ? keys : 1;
    }
}

/* What no engine could run is refused before anybody pays for it. */
static mal_err check_match(const room_judged *j, mal_arena *arena) {
    const mal_sql_physical *p = j->physical;
    const mal_sql_table_column *columns;
    unsigned n;
    for (unsigned i = 0; i < 2; i++)
        MAL_REQUIRE(j->keys_max[i] <= MAL_PSI_SET_MAX, MAL_E_LIMIT,
                    "%llu keys are declared: psi intersects at most %llu a "
                    "side",
                    (unsigned long long)j->keys_max[i],
                    (unsigned long long)MAL_PSI_SET_MAX);
    MAL_TRY(mal_sql_plan_columns(&columns, &n, arena, p->plan));
    MAL_REQUIRE(j->keys_max[0] * n * 17 <= ROOM_OUTPUT_MAX - 4096, MAL_E_LIMIT,
                "an answer of up to %llu rows of %u columns is too long: "
                "select fewer columns",
                (unsigned long long)j->keys_max[0], n);
    return MAL_OK;
}

static mal_err check_sizes(const room_judged *j, mal_arena *arena) {
    const mal_sql_physical *p = j->physical;
    if (room_exact(j))
        return check_match(j, arena);
    bool psi = j->engine == MAL_POLICY_ENGINE_PSI;
    uint64_t words = p->n_cells * p->n_aggs;
    uint64_t most = (ROOM_OUTPUT_MAX - 4096) / 16;
    if (psi)
        most = MAL_PSI_CIRCUIT_WORDS_MAX;
    MAL_REQUIRE(words <= most, MAL_E_LIMIT,
                "%llu groups of %u aggregates: engine %s releases at most %llu "
                "numbers at once; group by fewer dims",
                (unsigned long long)p->n_cells, p->n_aggs,
                mal_policy_engine_name(j->engine), (unsigned long long)most);
    for (unsigned i = 0; psi && i < 2; i++)
        MAL_REQUIRE(j->keys_max[i] <= MAL_PSI_CIRCUIT_ROWS_MAX, MAL_E_LIMIT,
                    "%llu keys are declared: psi joins at most %u a side; "
                    "declare `units at most`",
                    (unsigned long long)j->keys_max[i],
                    MAL_PSI_CIRCUIT_ROWS_MAX);
    return MAL_OK;
}

/* One way to run it. */
typedef struct way {
    bool share3; /* else what the shape of the plan asks for */
    bool match;  /* rows of one owner, exact, by psi */
    mal_policy_mode mode;
} way;

/* The dearest epsilon that some permit would allow: what "as much as I may"
 * means to the asker.  Only a proposal; the verdict is on the request. */
static void fill_facts(mal_room *room, room_judged *j, const room_request *r,
                       const way *w) {
    mal_policy_facts *f = &j->facts;
    f->requester = f->recipient = r->requester;
    f->purpose = *r->purpose ? r->purpose : NULL;
    f->engine = j->engine;
    f->mode = w->mode;
    f->release = MAL_POLICY_RELEASE_NOISED;
    f->epsilon_nano = r->epsilon_nano;
    f->delta = (mal_policy_ratio){ j->physical ? room_delta_19(j->physical) : 1,
                                   10000000000000000000u };
    f->reveals = j->physical && j->physical->shrink.at
                     ? MAL_POLICY_REVEALS_NOISED_COUNT
                     : 0;
    f->now = room_now(room);
    if (!w->match)
        return;
    f->release = MAL_POLICY_RELEASE_EXACT;
    f->epsilon_nano = 0;
    f->delta = (mal_policy_ratio){ 0 };
}

bool room_opened(const room_judged *j) {
    return j->physical && j->physical->shape == MAL_SQL_SHARE3 &&
           j->physical->n_aggs == 0;
}

/* Into the parts of clear, sum and psi; into these with rows kept apart, which
 * share3 bounds and adds up; into rows that it computes on; in rooms marked
 * test also into rows whose answer it opens. */
typedef enum form {
    FORM_OWN,
    FORM_APART,
    FORM_ROWS,
    FORM_OPENED,
    FORM_MATCH
} form;

static mal_sql_split_options split_options(form f, bool group_count) {
    return (mal_sql_split_options){ .group_count = group_count,
                                    .apart = f == FORM_APART,
                                    .share3 =
                                        f == FORM_ROWS || f == FORM_OPENED,
                                    .match = f == FORM_MATCH,
                                    .opened = f == FORM_OPENED };
}

static mal_err split(room_judged *j, mal_arena *arena,
                     const mal_policy_contract *c, form f, bool group_count,
                     unsigned shrink) {
    mal_sql_split_options options = split_options(f, group_count);
    options.shrink = shrink;
    return mal_sql_split(&j->physical, arena, j->plan, c, &options);
}

static bool any_rests_shared(const room_judged *j,
                             const mal_policy_contract *c) {
    for (uint32_t i = 0; i < j->facts.n_datasets; i++)
        if (c->datasets[j->facts.datasets[i]].shared)
            return true;
    return false;
}

/* Has the plan no such form, or one of too many groups? */
static bool lacks(mal_err err) {
    return err == MAL_E_UNSUPPORTED || err == MAL_E_LIMIT;
}

/* The first form that the plan has. */
static mal_err split_for_share3(room_judged *j, mal_arena *arena,
                                const mal_policy_contract *c, bool may_open,
                                form *f) {
    *f = FORM_APART;
    mal_err err = MAL_E_UNSUPPORTED;
    if (!any_rests_shared(j, c))
        err = split(j, arena, c, *f, false, 0);
    if (lacks(err)) {
        *f = FORM_ROWS;
        err = split(j, arena, c, *f, false, 0);
    }
    if (lacks(err) && may_open) {
        *f = FORM_OPENED;
        err = split(j, arena, c, *f, false, 0);
    }
    return err;
}

/* --- One way to run it --------------------------------------------------- */

/* A sum over a join withstands no peer who lies (docs/security/psi-circuit.md):
 * say so, and what would. */
static void advise(mal_policy_verdict *v, const mal_policy_contract *c,
                   const mal_policy_facts *f) {
    bool wanted = false;
    if (v->outcome != MAL_POLICY_REFUSE || v->code != MAL_POLICY_ENGINE ||
        f->engine != MAL_POLICY_ENGINE_PSI ||
        f->mode != MAL_POLICY_MODE_SEMI_HONEST || v->rule >= c->n_rules)
        return;
    const mal_policy_rule *r = &c->rules[v->rule];
    for (uint32_t i = 0; i < r->n_run; i++)
        wanted |= r->run[i].engine == MAL_POLICY_ENGINE_PSI &&
                  r->run[i].mode == MAL_POLICY_MODE_MALICIOUS;
    const size_t len = strlen(v->text);
    if (wanted)
        snprintf(v->text + len, sizeof v->text - len,
                 " psi malicious shows an owner which of its rows match; what "
                 "is added up over a join needs share3 malicious.");
}

/* Where it shrinks, if a rule grants it and it pays; then it is split so. */
static mal_err choose_shrink(unsigned *at, room_judged *j, mal_arena *arena,
                             const mal_policy_contract *c,
                             const room_request *r, form f) {
    const mal_sql_split_options options = split_options(f, false);
    *at = 0;
    if (f != FORM_ROWS || j->physical->n_places == 0 ||
        !room_shrink_granted(c, r->requester))
        return MAL_OK;
    if (parties_of(j, c) != MAL_OK) {
        mal_err_forget(); /* no seats: told where they are needed */
        return MAL_OK;
    }
    j->share_k = share_of(j, c, r->requester);
    MAL_TRY(room_shrink_choose(at, j, arena, c, &options, r->epsilon_nano));
    return *at ? split(j, arena, c, f, false, *at) : MAL_OK;
}

static void decide(mal_room *room, room_judged *j, const room_request *r,
                   const way *w) {
    fill_facts(room, j, r, w);
    room_members_of(&j->members, mal_policy_members(room->contract, j->engine));
    mal_policy_decide(&j->verdict, room->contract, &j->facts);
    advise(&j->verdict, room->contract, &j->facts);
}

static mal_err judge_way(mal_room *room, room_judged *j, mal_arena *arena,
                         const room_request *r, const way *w) {
    const mal_policy_contract *c = room->contract;
    form f = w->match ? FORM_MATCH : FORM_OWN;
    mal_err released =
        w->share3 ? split_for_share3(j, arena, c, r->prenoise && c->test, &f)
                  : split(j, arena, c, f, false, 0);
    char why[512] = "";
    if (released != MAL_OK)
        snprintf(why, sizeof why, "%s", mal_err_message());
    j->engine =
        released == MAL_OK ? engine_of(j->physical) : MAL_POLICY_ENGINE_CLEAR;
    if (w->share3)
        j->engine = MAL_POLICY_ENGINE_SHARE3;
    if (w->match)
        j->engine = MAL_POLICY_ENGINE_PSI;
    unsigned shrink = 0;
    j->facts.mode = w->mode;
    if (w->share3 && released == MAL_OK)
        MAL_TRY(choose_shrink(&shrink, j, arena, c, r, f));
    decide(room, j, r, w);
    if (shrink && j->verdict.outcome != MAL_POLICY_ALLOW) {
        shrink = 0; /* the rule that covers it may not be the one that grants */
        MAL_TRY(split(j, arena, c, f, false, 0));
        decide(room, j, r, w);
    }
    /* What the contract forbids is refused as such, before what we cannot do.
     */
    if (j->verdict.outcome != MAL_POLICY_ALLOW &&
        (released == MAL_OK || j->verdict.code == MAL_POLICY_FORBIDDEN ||
         j->verdict.code == MAL_POLICY_COLUMN ||
         j->verdict.code == MAL_POLICY_OPERATION))
        return MAL_OK;
    if (released != MAL_OK)
        return mal_err_set(released, __FILE__, __LINE__, "%s", why);
    if (j->verdict.group_min && !w->match)
        MAL_TRY(split(j, arena, c, f, true, shrink));
    MAL_REQUIRE(w->share3 || !any_rests_shared(j, c), MAL_E_UNSUPPORTED,
                "a table of this question rests shared: share3 alone computes "
                "on that");
    mal_prim_sha256_of(&j->physical_hash, mal_bytes_str(j->physical->text));
    MAL_TRY(parties_of(j, c));
    j->share_k = share_of(j, c, r->requester);
    plan_keys(j, c);
    MAL_TRY(check_sizes(j, arena));
    if (w->match) {
        MAL_REQUIRE(j->parties[0] == r->requester, MAL_E_DENIED,
                    "an intersection is shown to the owner of its rows alone: "
                    "%s asks for it",
                    c->parties[j->parties[0]].name);
        j->epsilon_nano = MAL_DP_UNBOUNDED;
        return plan_losses(j, arena, c, MAL_DP_UNBOUNDED);
    }
    MAL_REQUIRE(r->epsilon_nano > 0, MAL_E_DENIED,
                "a noised answer needs an "
                "epsilon");
    MAL_TRY(plan_noise(j, arena, r));
    return plan_losses(j, arena, c, r->epsilon_nano);
}

/* --- Which way ----------------------------------------------------------- */

/* Does some rule let this party run share3?  Elsewhere it is not considered. */
static bool may_share3(const mal_policy_contract *c, uint32_t requester) {
    for (uint32_t i = 0; i < c->n_rules; i++) {
        const mal_policy_rule *r = &c->rules[i];
        if (r->effect == MAL_POLICY_FORBID || !(r->by >> requester & 1))
            continue;
        for (uint32_t k = 0; k < r->n_run; k++)
            if (r->run[k].engine == MAL_POLICY_ENGINE_SHARE3)
                return true;
    }
    return false;
}

/* The costs are ours: another node may have other figures.  So they choose
 * between engines at the asking node alone, which writes its choice into the
 * request; of share3's modes the first that is permitted is taken, everywhere.
 */
static bool is_better(const room_judged *best, const struct room_option *o) {
    const struct room_option *b = NULL;
    for (unsigned i = 0; i < best->n_options; i++)
        if (best->options[i].engine == best->engine)
            b = b ? b : &best->options[i];
    return !b || (b->engine != o->engine && o->cost.seconds < b->cost.seconds);
}

static mal_err note_option(struct room_option *o, mal_room *room,
                           mal_arena *arena, const room_judged *j,
                           mal_err err) {
    *o = (struct room_option){ .engine = j->engine, .mode = j->facts.mode };
    if (err == MAL_OK && j->verdict.outcome == MAL_POLICY_ALLOW)
        return room_cost_of(&o->cost, room, j);
    o->why = mal_arena_strdup(arena, err == MAL_OK ? j->verdict.text
                                                   : mal_err_message());
    return o->why ? MAL_OK : MAL_E_MEMORY;
}

typedef struct choice {
    room_judged allowed, refused;
    bool any_allowed, any_refused;
    mal_err err; /* the first way's, if no verdict was reached */
    char text[512];
    struct room_option options[3];
    unsigned n;
} choice;

static mal_err try_way(mal_room *room, mal_arena *arena, const room_request *r,
                       const room_judged *base, const way *w, choice *ch) {
    room_judged j = *base;
    mal_err err = judge_way(room, &j, arena, r, w);
    if (r->engine != MAL_POLICY_ENGINE_NONE && r->engine != j.engine)
        return MAL_OK;
    if (err != MAL_OK && ch->err == MAL_OK) {
        ch->err = err;
        snprintf(ch->text, sizeof ch->text, "%s", mal_err_message());
    }
    struct room_option *o = &ch->options[ch->n++];
    MAL_TRY(note_option(o, room, arena, &j, err));
    memcpy(j.options, ch->options, sizeof j.options);
    j.n_options = ch->n;
    if (!o->why && (!ch->any_allowed || is_better(&ch->allowed, o))) {
        ch->allowed = j;
        ch->any_allowed = true;
    } else if (err == MAL_OK && !ch->any_refused) {
        ch->refused = j;
        ch->any_refused = true;
    }
    return MAL_OK;
}

/* Rows, out of the tables of two owners? */
static bool is_match(const room_judged *j, const mal_policy_contract *c) {
    mal_policy_set owners = 0;
    for (uint32_t i = 0; i < j->facts.n_datasets; i++)
        owners |= (mal_policy_set)1 << c->datasets[j->facts.datasets[i]].owner;
    return (j->facts.operations & MAL_POLICY_OP_ROWS) &&
           __builtin_popcountll(owners) == 2;
}

mal_err room_judge(mal_room *room, room_judged *j, mal_arena *arena,
                   const room_request *r) {
    way ways[] = {
        { .mode = MAL_POLICY_MODE_SEMI_HONEST },
        { .share3 = true, .mode = MAL_POLICY_MODE_SEMI_HONEST },
        { .share3 = true, .mode = MAL_POLICY_MODE_MALICIOUS },
    };
    const mal_policy_contract *c = room->contract;
    room_judged base = { .epsilon_nano = r->epsilon_nano };
    *j = base;
    MAL_TRY(
        mal_sql_plan_from_text(&base.plan, arena, c, mal_bytes_str(r->text)));
    MAL_TRY(mal_sql_plan_hash(&base.plan_hash, base.plan));
    MAL_TRY(mal_sql_plan_facts(&base.facts, arena, base.plan));
    choice *ch = mal_arena_calloc(arena, 1, sizeof *ch);
    if (!ch)
        return MAL_E_MEMORY;
    if (is_match(&base, c))
        ways[0] = (way){ .match = true, .mode = MAL_POLICY_MODE_MALICIOUS };
    bool may = may_share3(c, r->requester);
    bool need = may && mal_sql_plan_trains(base.plan);
    for (unsigned i = 0; i < 3; i++)
        if (ways[i].share3 ? may : !need)
            MAL_TRY(try_way(room, arena, r, &base, &ways[i], ch));
    *j = ch->any_allowed ? ch->allowed : ch->any_refused ? ch->refused : base;
    memcpy(j->options, ch->options, sizeof j->options);
    j->n_options = ch->n;
    if (ch->any_allowed || ch->any_refused)
        return MAL_OK;
    MAL_REQUIRE(ch->err != MAL_OK, MAL_E_DENIED,
                "the request's engine is none that could answer it");
    return mal_err_set(ch->err, __FILE__, __LINE__, "%s", ch->text);
}
