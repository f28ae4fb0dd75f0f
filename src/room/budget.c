/* budget.c - between a plan's losses and the ledger of dp.
 *
 * The ledger's "version" is our lineage (owner and id domain): every dataset
 * and every version of it that speaks of the same people draws on the same
 * budget.
 */
#include "room_impl.h"

#include <stdio.h>
#include <string.h>

#define DAY 86400u
#define ABORTS_SHARE 2 /* one peer's aborts may cost half of the total */

/* --- Limits: the contract's budgets, as the ledger takes them ------------ */

/* Rounded down into units of 2^-64. */
static uint64_t delta_64(mal_policy_ratio delta) {
    if (delta.den == 0 || delta.num >= delta.den)
        return delta.den ? UINT64_MAX : 0;
    return (uint64_t)(((mal_u128)delta.num << 64) / delta.den);
}

static void add_limits(mal_dp_limit *limits, size_t *n, const char *lineage,
                       const mal_policy_budget *b, mal_dp_scope scope) {
    if (!b)
        return;
    limits[(*n)++] = (mal_dp_limit){ .version = lineage,
                                     .scope = scope,
                                     .epsilon_nano = b->epsilon_nano,
                                     .delta_64 = delta_64(b->delta) };
    if (b->rate_nano)
        limits[(*n)++] =
            (mal_dp_limit){ .version = lineage,
                            .scope = scope,
                            .window_s = (uint64_t)b->rate_days * DAY,
                            .epsilon_nano = b->rate_nano,
                            .delta_64 = delta_64(b->delta) };
}

/* Where only the analyst has a budget, the hard limit of the lineage is the sum
 * over all analysts: what the contract could hand out in all. */
static void add_total(mal_dp_limit *limits, size_t *n, const char *lineage,
                      const mal_policy_contract *c, uint32_t dataset) {
    const mal_policy_budget *all =
        mal_policy_budget_find(c, dataset, MAL_POLICY_NONE);
    if (all) {
        add_limits(limits, n, lineage, all, MAL_DP_SCOPE_TOTAL);
        return;
    }
    mal_dp_limit sum = { .version = lineage, .scope = MAL_DP_SCOPE_TOTAL };
    for (uint32_t i = 0; i < c->n_budgets; i++) {
        const mal_policy_budget *b = &c->budgets[i];
        if (b->dataset != dataset)
            continue;
        uint64_t d = delta_64(b->delta);
        sum.epsilon_nano += b->epsilon_nano;
        sum.delta_64 = sum.delta_64 + d < d ? UINT64_MAX : sum.delta_64 + d;
    }
    limits[(*n)++] = sum;
}

typedef struct holding {
    mal_dp_charge charges[ROOM_DATASETS_MAX];
    mal_dp_limit limits[ROOM_DATASETS_MAX * 5];
    size_t n_charges, n_limits;
    uint64_t abort_max;
} holding;

static mal_err charge_of(mal_dp_charge *charge, mal_room *room,
                         const room_judged *j, const room_loss *l) {
    const mal_policy_dataset *d = &room->contract->datasets[l->dataset];
    const mal_sql_physical *p = j->physical;
    charge->version = l->lineage;
    charge->loss = (mal_dp_loss){ .mechanism = MAL_DP_LAPLACE,
                                  .eps_num = l->epsilon_nano,
                                  .eps_den = MAL_DP_NANO,
                                  .sensitivity = 1,
                                  .delta_64 = room_delta_64(p),
                                  .parties = j->n,
                                  .share_k = j->share_k };
    if (room_exact(j))
        charge->loss = (mal_dp_loss){ .mechanism = MAL_DP_EXACT,
                                      .eps_den = 1,
                                      .parties = j->n,
                                      .share_k = j->share_k };
    if (!room_exact(j) && j->noise[0].deviation)
        charge->loss.mechanism = MAL_DP_GAUSS;
    for (unsigned a = 0; a < p->n_aggs; a++)
        if (j->noise[a].sensitivity > charge->loss.sensitivity)
            charge->loss.sensitivity = j->noise[a].sensitivity;
    const char *unit =
        d->unit == MAL_POLICY_NONE ? "row" : d->columns[d->unit].name;
    int len = snprintf(charge->loss.unit, sizeof charge->loss.unit, "%s.%s",
                       d->name, unit);
    MAL_REQUIRE(len > 0 && (size_t)len < sizeof charge->loss.unit, MAL_E_LIMIT,
                "the name of dataset %s is too long", d->name);
    return MAL_OK;
}

/* Our own losses, one charge a lineage: two of our tables about the same people
 * are read by one answer, whose noise covers both. */
static mal_err prepare(holding *h, mal_room *room, const room_judged *j,
                       uint32_t requester) {
    const mal_policy_contract *c = room->contract;
    for (unsigned i = 0; i < j->n_losses; i++) {
        const room_loss *l = &j->losses[i];
        bool known = false;
        if (l->owner != room->me)
            continue;
        MAL_REQUIRE(h->n_charges < ROOM_DATASETS_MAX, MAL_E_LIMIT,
                    "a question touches at most %d datasets",
                    ROOM_DATASETS_MAX);
        for (size_t k = 0; k < h->n_charges; k++)
            known |= strcmp(h->charges[k].version, l->lineage) == 0;
        mal_dp_limit *total = &h->limits[h->n_limits];
        add_total(h->limits, &h->n_limits, l->lineage, c, l->dataset);
        /* The rule that allows it has an exact clause, signed by all owners. */
        for (mal_dp_limit *t = total; t < h->limits + h->n_limits; t++)
            t->exact = room_exact(j);
        if (total->epsilon_nano / ABORTS_SHARE > h->abort_max)
            h->abort_max = total->epsilon_nano / ABORTS_SHARE;
        add_limits(h->limits, &h->n_limits, l->lineage,
                   mal_policy_budget_find(c, l->dataset, requester),
                   MAL_DP_SCOPE_ANALYST);
        if (known)
            continue;
        MAL_TRY(charge_of(&h->charges[h->n_charges++], room, j, l));
        MAL_TRY(mal_dp_ledger_register(room->config.ledger, l->lineage, NULL, 0,
                                       "the units of one owner and id domain"));
    }
    return MAL_OK;
}

mal_err room_ledger_hold(mal_room *room, room_job *job, uint64_t deadline) {
    const mal_policy_contract *c = room->contract;
    holding *h = mal_arena_alloc(job->arena, sizeof *h);
    const char *peers[MAL_PARTIES_MAX];
    size_t n_peers = 0;
    if (!h)
        return MAL_E_MEMORY;
    MAL_TRY(prepare(h, room, &job->judged, job->request.requester));
    if (h->n_charges == 0)
        return MAL_OK; /* no data of ours is touched */
    const room_members *m = &job->judged.members;
    for (unsigned i = 0; i < m->n; i++)
        if (m->at[i] != room->me)
            peers[n_peers++] = c->parties[m->at[i]].name;
    mal_dp_hold hold = { .room = room->id_hex,
                         .analyst = c->parties[job->request.requester].name,
                         .purpose = *job->request.purpose ? job->request.purpose
                                                          : "none",
                         .charges = h->charges,
                         .n_charges = h->n_charges,
                         .peers = peers,
                         .n_peers = n_peers,
                         .deadline = deadline,
                         .abort_nano_max = h->abort_max };
    memcpy(hold.job_id, job->id.b, 32);
    return mal_dp_ledger_hold(room->config.ledger, &hold, h->limits,
                              h->n_limits, room_now(room));
}

bool room_ledger_charged(const mal_room *room, const room_judged *j) {
    for (unsigned i = 0; i < j->n_losses; i++)
        if (j->losses[i].owner == room->me)
            return true;
    return false;
}

mal_err room_ledger_spend(mal_room *room, room_job *job,
                          const mal_bytes *holds) {
    if (!room_ledger_charged(room, &job->judged))
        return MAL_OK;
    for (unsigned i = 0; i < job->judged.members.n; i++) {
        uint32_t party = job->judged.members.at[i];
        if (party != room->me)
            MAL_TRY(mal_dp_ledger_attach(room->config.ledger, job->id.b, "hold",
                                         room->contract->parties[party].name,
                                         holds[i]));
    }
    return mal_dp_ledger_spend(room->config.ledger, job->id.b, room_now(room));
}

mal_err room_ledger_void(mal_room *room, const room_id *job,
                         const room_members *members, const mal_bytes *voids) {
    mal_dp_void list[MAL_PARTIES_MAX];
    size_t n = 0;
    mal_dp_state state;
    mal_err err = mal_dp_ledger_state(room->config.ledger, &state, job->b);
    if (err == MAL_E_MISSING)
        return MAL_OK; /* nothing was held here */
    MAL_TRY(err);
    for (unsigned i = 0; i < members->n; i++)
        if (members->at[i] != room->me)
            list[n++] = (mal_dp_void){
                .peer = room->contract->parties[members->at[i]].name,
                .verified = true,
                .blob = voids[i],
            };
    return mal_dp_ledger_void(room->config.ledger, job->b, list, n,
                              room_now(room));
}

mal_err room_ledger_unspent(mal_room *room, const room_id *job) {
    mal_dp_state state;
    mal_err err = mal_dp_ledger_state(room->config.ledger, &state, job->b);
    if (err == MAL_E_MISSING)
        return MAL_OK;
    MAL_TRY(err);
    MAL_REQUIRE(state == MAL_DP_HELD || state == MAL_DP_VOIDED, MAL_E_STATE,
                "the budget of that job is spent here");
    return MAL_OK;
}

char *room_amount_text(mal_room *room, const room_job *job) {
    const room_judged *j = &job->judged;
    uint64_t own = 0;
    for (unsigned i = 0; i < j->n_losses; i++)
        if (j->losses[i].owner == room->me)
            own = j->losses[i].epsilon_nano;
    if (own == 0)
        return mal_arena_strdup(job->arena, "none: no data of ours is touched");
    if (room_exact(j))
        return mal_arena_strdup(job->arena,
                                "unbounded: an exact release, no differential "
                                "privacy");
    if (j->physical->training)
        return room_training_amount(job->arena, j, own);
    char *text = mal_arena_printf(
        job->arena,
        "epsilon %llu/1000000000, discrete Laplace, add or remove one unit, "
        "%u of %u parts are the whole noise",
        (unsigned long long)own, j->share_k, j->n);
    for (unsigned a = 0; a < j->physical->n_aggs && text; a++)
        text = mal_arena_printf(job->arena,
                                "%s; %s sensitivity %llu scale %llu/%llu", text,
                                j->physical->aggs[a].label,
                                (unsigned long long)j->noise[a].sensitivity,
                                (unsigned long long)j->noise[a].t.num,
                                (unsigned long long)j->noise[a].t.den);
    return text;
}

/* --- Telling ------------------------------------------------------------- */

static mal_err put_budget(mal_room *room, mal_json *list,
                          const mal_policy_budget *b) {
    const mal_policy_contract *c = room->contract;
    const mal_policy_dataset *d = &c->datasets[b->dataset];
    const char *analyst =
        b->party == MAL_POLICY_NONE ? NULL : c->parties[b->party].name;
    MAL_AUTO(mal_buf_clear) mal_buf lineage = { 0 };
    const char *name;
    mal_json *o;
    mal_dp_balance balance;
    MAL_TRY(mal_policy_lineage(&lineage, c, b->dataset));
    MAL_TRY(mal_buf_cstr(&lineage, &name));
    MAL_TRY(mal_dp_ledger_register(room->config.ledger, name, NULL, 0,
                                   "the units of one owner and id domain"));
    mal_dp_limit limit = { .version = name,
                           .scope = analyst ? MAL_DP_SCOPE_ANALYST
                                            : MAL_DP_SCOPE_TOTAL,
                           .epsilon_nano = b->epsilon_nano,
                           .delta_64 = delta_64(b->delta) };
    MAL_TRY(mal_dp_ledger_balance(room->config.ledger, &balance, &limit,
                                  analyst, room->id_hex, NULL, room_now(room)));
    MAL_TRY(mal_json_add_object(list, &o));
    MAL_TRY(mal_json_put_str(o, "dataset", d->name));
    MAL_TRY(mal_json_put_str(o, "for", analyst ? analyst : "everybody"));
    MAL_TRY(mal_json_put_str(o, "lineage", name));
    MAL_TRY(mal_json_put_u64(o, "epsilon_nano", b->epsilon_nano));
    MAL_TRY(mal_json_put_u64(o, "held_nano", balance.held_nano));
    MAL_TRY(mal_json_put_u64(o, "spent_nano", balance.spent_nano));
    return mal_json_put_u64(o, "left_nano", balance.left_nano);
}

mal_err mal_room_budgets(mal_room *room, mal_json *list) {
    const mal_policy_contract *c = room->contract;
    for (uint32_t i = 0; i < c->n_budgets; i++)
        if (c->datasets[c->budgets[i].dataset].owner == room->me)
            MAL_TRY(put_budget(room, list, &c->budgets[i]));
    return MAL_OK;
}
