/* judge.c - from a request to a verdict, the same at every node.
 *
 * text -> plan -> facts -> engine -> noise -> verdict.  Nothing here reads
 * data, statistics or settings of the node: two nodes that hold the same
 * contract and the same request come to the same hashes.
 */
#include "room_impl.h"

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
        return MAL_POLICY_ENGINE_PSI;
    }
    return MAL_POLICY_ENGINE_NONE;
}

/* Owners who compute, in order of party index; at psi payload first. */
static void parties_of(room_judged *j) {
    const mal_sql_physical *p = j->physical;
    for (unsigned i = 0; i < p->n_parts; i++) {
        bool known = false;
        for (unsigned k = 0; k < j->n; k++)
            known |= j->parties[k] == p->parts[i].owner;
        if (!known)
            j->parties[j->n++] = p->parts[i].owner;
    }
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
    return mal_dp_scale_of(&noise->t, noise->sensitivity, epsilon_nano,
                           (uint64_t)NANO * p->n_aggs);
}

static mal_err plan_noise(room_judged *j, mal_arena *arena,
                          const room_request *r) {
    const mal_sql_physical *p = j->physical;
    room_noise *noise = mal_arena_calloc(arena, p->n_aggs, sizeof *noise);
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
    for (unsigned i = 0; i < 2 && j->engine == MAL_POLICY_ENGINE_PSI; i++) {
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
static mal_err check_sizes(const room_judged *j) {
    const mal_sql_physical *p = j->physical;
    bool psi = j->engine == MAL_POLICY_ENGINE_PSI;
    uint64_t words = p->n_cells * p->n_aggs;
    uint64_t most =
        psi ? MAL_PSI_CIRCUIT_WORDS_MAX : (ROOM_OUTPUT_MAX - 4096) / 8;
    MAL_REQUIRE(words <= most, MAL_E_LIMIT,
                "%llu groups of %u aggregates: engine %s releases at most %llu "
                "numbers at once; group by fewer dims",
                (unsigned long long)p->n_cells, p->n_aggs,
                mal_policy_engine_name(j->engine), (unsigned long long)most);
    for (unsigned i = 0; i < 2; i++)
        MAL_REQUIRE(j->keys_max[i] <= MAL_PSI_CIRCUIT_ROWS_MAX, MAL_E_LIMIT,
                    "%llu keys are declared: psi joins at most %u a side; "
                    "declare `units at most`",
                    (unsigned long long)j->keys_max[i],
                    MAL_PSI_CIRCUIT_ROWS_MAX);
    return MAL_OK;
}

/* The dearest epsilon that some permit would allow: what "as much as I may"
 * means to the asker.  Only a proposal; the verdict is on the request. */
static void fill_facts(mal_room *room, room_judged *j, const room_request *r) {
    mal_policy_facts *f = &j->facts;
    f->requester = f->recipient = r->requester;
    f->purpose = *r->purpose ? r->purpose : NULL;
    f->engine = j->engine;
    f->mode = MAL_POLICY_MODE_SEMI_HONEST;
    f->release = MAL_POLICY_RELEASE_NOISED;
    f->epsilon_nano = r->epsilon_nano;
    /* A tail of 2^-64 a word of the answer, and of the count that a minimum
     * group may add; 2^-64 < 10^-19. */
    uint64_t words = 1;
    if (j->physical)
        words = j->physical->n_cells * (j->physical->n_aggs + 1u);
    f->delta = (mal_policy_ratio){ words, 10000000000000000000u };
    f->reveals = 0; /* no engine here shows more than sizes */
    f->now = room_now(room);
}

static mal_err split(room_judged *j, mal_arena *arena,
                     const mal_policy_contract *c, bool group_count) {
    mal_sql_split_options options = { .group_count = group_count };
    return mal_sql_split(&j->physical, arena, j->plan, c, &options);
}

mal_err room_judge(mal_room *room, room_judged *j, mal_arena *arena,
                   const room_request *r) {
    const mal_policy_contract *c = room->contract;
    *j = (room_judged){ .epsilon_nano = r->epsilon_nano };
    MAL_TRY(mal_sql_plan_from_text(&j->plan, arena, c, mal_bytes_str(r->text)));
    MAL_TRY(mal_sql_plan_hash(&j->plan_hash, j->plan));
    MAL_TRY(mal_sql_plan_facts(&j->facts, arena, j->plan));
    mal_err released = split(j, arena, c, false);
    char why[512] = "";
    if (released != MAL_OK)
        snprintf(why, sizeof why, "%s", mal_err_message());
    j->engine =
        released == MAL_OK ? engine_of(j->physical) : MAL_POLICY_ENGINE_CLEAR;
    fill_facts(room, j, r);
    room_members_of(&j->members, mal_policy_members(c, j->engine));
    mal_policy_decide(&j->verdict, c, &j->facts);
    /* What the contract forbids is refused as such, before what we cannot do.
     */
    if (j->verdict.outcome != MAL_POLICY_ALLOW &&
        (released == MAL_OK || j->verdict.code == MAL_POLICY_FORBIDDEN ||
         j->verdict.code == MAL_POLICY_COLUMN ||
         j->verdict.code == MAL_POLICY_OPERATION))
        return MAL_OK;
    if (released != MAL_OK)
        return mal_err_set(released, __FILE__, __LINE__, "%s", why);
    if (j->verdict.group_min)
        MAL_TRY(split(j, arena, c, true));
    mal_prim_sha256_of(&j->physical_hash, mal_bytes_str(j->physical->text));
    parties_of(j);
    j->share_k = share_of(j, c, r->requester);
    MAL_REQUIRE(r->epsilon_nano > 0, MAL_E_DENIED,
                "a noised answer needs an "
                "epsilon");
    MAL_TRY(plan_noise(j, arena, r));
    plan_keys(j, c);
    MAL_TRY(check_sizes(j));
    return plan_losses(j, arena, c, r->epsilon_nano);
}
