/* split.c - from the logical plan to what each owner runs and the engine adds.
 *
 * Below the one aggregate everything is local SQL: its input is flattened into
 * branches, each over one owner's relations (or over one join of two owners),
 * with the groups, the arguments and the conditions substituted down to the
 * branch's own columns.  Above the aggregate stands what mal_sql_finish does.
 */
#include "share_impl.h"
#include "train_impl.h"

#include <inttypes.h>

/* --- what no mechanism releases yet -------------------------------------- */

static mal_err no_rows(sql_r r) {
    if (r->op == SQL_UNION)
        MAL_FAIL(MAL_E_UNSUPPORTED,
                 "UNION ALL at the top of the answer: no engine releases that "
                 "yet; put the union in FROM and aggregate over it");
    MAL_FAIL(MAL_E_UNSUPPORTED,
             "the answer would show rows: no engine releases rows yet; use "
             "count, sum or avg, per group");
}

mal_err sql_find_aggregate(sql_r *out, sql_r root) {
    while (root->op != SQL_AGGREGATE) {
        if (root->n_in != 1)
            return no_rows(root);
        root = root->in[0];
    }
    *out = root;
    return sql_below_release(root->in[0]);
}

/* --- aggregates ---------------------------------------------------------- */

static unsigned find_slot(const sql_slots *s, mal_sql_agg_kind kind, sql_e arg,
                          bool distinct) {
    unsigned i = 0;
    for (; i < s->n; i++)
        if (s->list[i].kind == kind && s->list[i].distinct == distinct &&
            (s->list[i].arg == arg ||
             (arg && s->list[i].arg && sql_expr_same(s->list[i].arg, arg))))
            break;
    return i;
}

static mal_err slot_of(sql_slots *s, unsigned *at, mal_sql_agg_kind kind,
                       sql_e arg, bool distinct) {
    *at = find_slot(s, kind, arg, distinct);
    MAL_REQUIRE(*at < MAL_SQL_AGGS_MAX, MAL_E_LIMIT,
                "more than %u aggregates to release", MAL_SQL_AGGS_MAX);
    if (*at == s->n)
        s->list[s->n++] =
            (sql_slot){ .kind = kind, .arg = arg, .distinct = distinct };
    return MAL_OK;
}

/* count of rows where x is there; of all rows if x cannot be NULL */
static mal_err count_slot(sql_slots *s, unsigned *at, sql_e arg) {
    return slot_of(s, at, MAL_SQL_COUNT, arg && arg->type.nullable ? arg : NULL,
                   false);
}

mal_err sql_slots_of(const sql_cx *cx, sql_slots *s, sql_r aggregate) {
    s->n = 0;
    MAL_TRY(sql_alloc(cx, &s->list, MAL_SQL_AGGS_MAX, sizeof *s->list));
    MAL_TRY(sql_alloc(cx, &s->sum, aggregate->n_aggs, sizeof *s->sum));
    MAL_TRY(sql_alloc(cx, &s->count, aggregate->n_aggs, sizeof *s->count));
    for (unsigned i = 0; i < aggregate->n_aggs; i++) {
        const sql_agg *a = &aggregate->aggs[i];
        switch (a->kind) {
        case SQL_COUNT_ROWS:
        case SQL_COUNT:
            MAL_TRY(count_slot(s, &s->count[i], a->arg));
            break;
        case SQL_SUM:
            MAL_TRY(slot_of(s, &s->sum[i], MAL_SQL_SUM, a->arg, false));
            break;
        case SQL_AVG:
            MAL_TRY(slot_of(s, &s->sum[i], MAL_SQL_SUM, a->arg, false));
            MAL_TRY(count_slot(s, &s->count[i], a->arg));
            break;
        case SQL_DISTINCT:
            MAL_TRY(slot_of(s, &s->count[i], MAL_SQL_COUNT, a->arg, true));
            break;
        default:
            MAL_FAIL(MAL_E_UNSUPPORTED,
                     "%s: no mechanism releases it yet; count, sum and avg are "
                     "released",
                     sql_agg_name(a->kind));
        }
    }
    return MAL_OK;
}

static mal_err fill_aggs(splitter *s, mal_sql_physical *p,
                         const mal_sql_split_options *options) {
    uint64_t rows = s->aggregate->in[0]->rows_max;
    unsigned hidden = find_slot(&s->slots, MAL_SQL_COUNT, NULL, false);
    mal_sql_agg *aggs;
    MAL_REQUIRE(s->slots.n > 0, MAL_E_UNSUPPORTED,
                "groups without an aggregate: nothing would be released; add "
                "count(*)");
    if (options && options->group_count)
        MAL_TRY(count_slot(&s->slots, &hidden, NULL));
    p->count_agg = hidden < s->slots.n ? (int)hidden : -1;
    MAL_TRY(sql_alloc(&s->cx, &aggs, s->slots.n, sizeof *aggs));
    for (unsigned i = 0; i < s->slots.n; i++) {
        const sql_slot *slot = &s->slots.list[i];
        mal_sql_agg *a = &aggs[i];
        sql_agg named = { .kind = slot->distinct              ? SQL_DISTINCT
                                  : slot->kind == MAL_SQL_SUM ? SQL_SUM
                                  : slot->arg                 ? SQL_COUNT
                                                              : SQL_COUNT_ROWS,
                          .arg = slot->arg };
        MAL_AUTO(mal_buf_clear) mal_buf label = { 0 };
        *a = (mal_sql_agg){ .kind = slot->kind, .hi = 1 };
        if (slot->kind == MAL_SQL_SUM) {
            a->lo = slot->arg->type.lo;
            a->hi = slot->arg->type.hi;
            a->scale = slot->arg->type.scale;
        }
        uint64_t low = a->lo < 0 ? 0 - (uint64_t)a->lo : (uint64_t)a->lo;
        uint64_t high = a->hi < 0 ? 0 - (uint64_t)a->hi : (uint64_t)a->hi;
        a->abs_max = sql_mul_sat(low > high ? low : high, rows);
        MAL_REQUIRE(a->abs_max <= (uint64_t)MAL_SQL_SUM_MAX, MAL_E_LIMIT,
                    "an aggregate over up to %" PRIu64
                    " rows may not fit 62 bits: declare a narrower range",
                    rows);
        MAL_TRY(sql_put_agg(&label, s->contract, s->aggregate->in[0], &named));
        MAL_TRY(sql_own_text(&s->cx, &a->label, &label));
    }
    p->aggs = aggs;
    p->n_aggs = s->slots.n;
    return MAL_OK;
}

/* --- groups -------------------------------------------------------------- */

static mal_err fill_groups(splitter *s, mal_sql_physical *p) {
    mal_sql_group *groups;
    sql_r a = s->aggregate;
    p->n_groups = a->n_exprs;
    p->n_cells = 1;
    MAL_TRY(sql_alloc(&s->cx, &groups, a->n_exprs, sizeof *groups));
    for (unsigned i = 0; i < a->n_exprs; i++) {
        const sql_type *t = &a->types[i];
        uint64_t n = sql_type_values(t);
        MAL_AUTO(mal_buf_clear) mal_buf label = { 0 };
        MAL_TRY(sql_put_expr(&label, s->contract, a->in[0], a->exprs[i]));
        MAL_TRY(sql_own_text(&s->cx, &groups[i].label, &label));
        MAL_REQUIRE(t->kind != MAL_SQL_ID, MAL_E_UNSUPPORTED,
                    "GROUP BY %.200s: an identifier has no closed domain; "
                    "group by dims",
                    groups[i].label);
        MAL_REQUIRE(n <= MAL_SQL_CELLS_MAX, MAL_E_UNSUPPORTED,
                    "GROUP BY %.200s: no closed domain of at most %" PRIu64
                    " values; group by dims",
                    groups[i].label, MAL_SQL_CELLS_MAX);
        groups[i].n = (uint32_t)n;
        groups[i].other = t->kind == MAL_SQL_CODE;
        groups[i].null = t->nullable;
        p->n_cells = sql_mul_sat(p->n_cells, n);
    }
    MAL_REQUIRE(p->n_cells <= MAL_SQL_CELLS_MAX, MAL_E_LIMIT,
                "%" PRIu64 " groups; at most %" PRIu64 ": group by fewer dims",
                p->n_cells, MAL_SQL_CELLS_MAX);
    p->groups = groups;
    return MAL_OK;
}

void mal_sql_cell_digits(const mal_sql_physical *physical, uint64_t cell,
                         uint32_t *digits) {
    for (unsigned i = physical->n_groups; i-- > 0;) {
        digits[i] = (uint32_t)(cell % physical->groups[i].n);
        cell /= physical->groups[i].n;
    }
}

/* --- branches ------------------------------------------------------------ */

/* The groups, then the arguments of the slots that have one. */
mal_err sql_wanted_exprs(splitter *s, sql_e **out, unsigned *n) {
    sql_r a = s->aggregate;
    MAL_TRY(sql_alloc(&s->cx, out, a->n_exprs + s->slots.n, sizeof **out));
    *n = 0;
    for (unsigned i = 0; i < a->n_exprs; i++)
        (*out)[(*n)++] = a->exprs[i];
    for (unsigned i = 0; i < s->slots.n; i++)
        if (s->slots.list[i].arg)
            (*out)[(*n)++] = s->slots.list[i].arg;
    return MAL_OK;
}

/* --- parts of a union ---------------------------------------------------- */

static mal_err union_part(splitter *s, mal_sql_part *part, uint32_t owner) {
    const mal_policy_set mine = (mal_policy_set)1 << owner;
    sql_r rels[BRANCHES_MAX], input;
    unsigned n = 0;
    for (unsigned i = 0; i < s->n_branches; i++)
        if (sql_owners_of(s->contract, s->branches[i].rel) == mine)
            MAL_TRY(sql_branch_rel(s, &rels[n++], &s->branches[i]));
    if (n == 1)
        input = rels[0];
    else
        MAL_TRY(sql_union_of(&s->cx, &input, rels, n));
    part->role = MAL_SQL_PART_CELLS;
    part->owner = owner;
    part->rows_max = s->physical->n_cells;
    return sql_print_part(s, part, input, NULL);
}

/* A part a table: its rows, under whose they are; added up by its owner where
 * every row is a unit. */
static mal_err apart_part(splitter *s, mal_sql_part *part, const branch *b) {
    sql_share_part share;
    sql_r input;
    MAL_TRY(sql_branch_rel(s, &input, b));
    MAL_TRY(sql_share_bounds(&s->cx, &share, input));
    MAL_REQUIRE(!share.trusted && share.n_bounds <= 1, MAL_E_UNSUPPORTED,
                "rows that are not of one unit each");
    part->owner = (unsigned)__builtin_ctzll(sql_owners_of(s->contract, b->rel));
    if (share.n_bounds == 0) {
        part->role = MAL_SQL_PART_CELLS;
        part->rows_max = s->physical->n_cells;
        return sql_print_part(s, part, input, NULL);
    }
    mal_sql_bound *bound;
    MAL_TRY(sql_alloc(&s->cx, &bound, 1, sizeof *bound));
    *bound = share.bounds[0];
    bound->column = 0; /* the key stands first */
    part->n_bounds = 1;
    part->bounds = bound;
    return sql_print_apart(s, part, share.home, share.bounds[0].column, 0,
                           NULL);
}

static mal_err split_apart(splitter *s, mal_sql_physical *p) {
    mal_sql_part *parts;
    MAL_TRY(sql_alloc(&s->cx, &parts, s->n_branches, sizeof *parts));
    for (unsigned i = 0; i < s->n_branches; i++)
        MAL_TRY(apart_part(s, &parts[p->n_parts++], &s->branches[i]));
    p->shape = p->n_parts == 1 ? MAL_SQL_LOCAL : MAL_SQL_UNION;
    p->parts = parts;
    return MAL_OK;
}

static mal_err split_union(splitter *s, mal_sql_physical *p) {
    mal_sql_part *parts;
    if (s->apart)
        return split_apart(s, p);
    MAL_TRY(sql_alloc(&s->cx, &parts, s->contract->n_parties, sizeof *parts));
    for (uint32_t owner = 0; owner < s->contract->n_parties; owner++) {
        bool any = false;
        for (unsigned i = 0; i < s->n_branches; i++)
            any |= sql_owners_of(s->contract, s->branches[i].rel) ==
                   (mal_policy_set)1 << owner;
        if (any)
            MAL_TRY(union_part(s, &parts[p->n_parts++], owner));
    }
    p->shape = p->n_parts == 1 ? MAL_SQL_LOCAL : MAL_SQL_UNION;
    p->parts = parts;
    return MAL_OK;
}

/* --- sensitivity: how many rows one unit can touch ----------------------- */

/* One unit may be in several tables (rule 11): add what it touches in each, and
 * take the worst kind of unit.  Where two owners join on the unit itself, both
 * sides' rows of one unit are the same rows of the join. */
static void fill_units(const splitter *s, mal_sql_physical *p, bool shared) {
    for (unsigned i = 0; i < p->n_parts; i++)
        for (unsigned j = 0; j < p->parts[i].n_tables; j++) {
            uint32_t unit = p->parts[i].tables[j].dataset;
            uint64_t sum = 0;
            for (unsigned k = 0; k < p->n_parts; k++)
                for (unsigned l = 0; l < p->parts[k].n_tables; l++) {
                    const mal_sql_part_table *t = &p->parts[k].tables[l];
                    if (!sql_same_unit(s->contract, unit, t->dataset))
                        continue;
                    sum = !shared ? sql_add_sat(sum, t->rows_per_unit)
                          : t->rows_per_unit > sum ? t->rows_per_unit
                                                   : sum;
                }
            if (sum > p->rows_per_unit)
                p->rows_per_unit = sum;
        }
}

/* --- the whole ----------------------------------------------------------- */

static mal_err split(splitter *s, mal_sql_physical *p) {
    branch top = { .rel = s->aggregate->in[0] };
    bool shared = false;
    unsigned crossing = 0;
    MAL_TRY(sql_wanted_exprs(s, &top.exprs, &top.n_exprs));
    MAL_TRY(sql_flatten(s, top));
    for (unsigned i = 0; i < s->n_branches; i++) {
        mal_policy_set owners = sql_owners_of(s->contract, s->branches[i].rel);
        crossing += (owners & (owners - 1)) != 0;
    }
    MAL_REQUIRE(crossing == 0 || s->n_branches == 1, MAL_E_UNSUPPORTED,
                "a UNION ALL over joins of several owners' tables: no engine "
                "does both; ask the join and the union apart");
    if (crossing)
        MAL_TRY(sql_split_join(s, p, &shared));
    else
        MAL_TRY(split_union(s, p));
    fill_units(s, p, shared);
    return MAL_OK;
}

static mal_err set_shrink(splitter *s, mal_sql_physical *p,
                          const sql_share_plan *share) {
    MAL_AUTO(mal_buf_clear) mal_buf label = { 0 };
    sql_r r;
    p->n_places = sql_share_places(share, s->shrink, &r);
    if (s->shrink == 0)
        return MAL_OK;
    MAL_REQUIRE(r, MAL_E_INPUT, "the plan has %u places to shrink at, not %u",
                p->n_places, s->shrink);
    MAL_TRY(sql_put_rel(&s->cx, &label, r));
    p->shrink = (mal_sql_shrink){ .at = s->shrink,
                                  .rows_max = r->rows_max,
                                  .rows_per_unit = sql_touch_units(s, r) };
    return sql_own_text(&s->cx, &p->shrink.label, &label);
}

static mal_err describe_shrink(mal_buf *out, const mal_sql_shrink *shrink) {
    return shrink->at == 0
               ? MAL_OK
               : mal_buf_put_fmt(out,
                                 "shrinks to a noised count of rows at %u, %s: "
                                 "of %" PRIu64 ", a unit <= %" PRIu64 "\n",
                                 shrink->at, shrink->label, shrink->rows_max,
                                 shrink->rows_per_unit);
}

/* Released on shares: cells of closed groups, for noise. */
static mal_err split_cells(splitter *s, mal_sql_physical *p) {
    MAL_AUTO(mal_buf_clear) mal_buf tree = { 0 };
    sql_share_plan share;
    sql_e *exprs;
    unsigned n;
    MAL_TRY(sql_wanted_exprs(s, &exprs, &n));
    MAL_TRY(sql_share_rows_of(&s->cx, &share, s->aggregate->in[0], exprs, n));
    MAL_TRY(sql_share_parts(&s->cx, p, &share));
    p->rows_per_unit = sql_touch_units(s, s->aggregate->in[0]);
    MAL_TRY(set_shrink(s, p, &share));
    MAL_TRY(sql_describe_share(&tree, s->contract, &share));
    MAL_TRY(describe_shrink(&tree, &p->shrink));
    return sql_own_text(&s->cx, &s->tree, &tree);
}

mal_err mal_sql_split(const mal_sql_physical **physical, mal_arena *arena,
                      const mal_sql_plan *plan,
                      const mal_policy_contract *contract,
                      const mal_sql_split_options *options) {
    splitter *s;
    mal_sql_physical *p;
    sql_cx cx = { .arena = arena, .contract = contract };
    *physical = NULL;
    MAL_REQUIRE(plan->contract == contract ||
                    mal_equal(plan->contract->hash, contract->hash, 32),
                MAL_E_STATE, "the plan was made under another contract");
    if (plan->training)
        return sql_split_training(physical, arena, plan, options);
    if (options && options->share3 && options->opened)
        return sql_split_opened(physical, arena, plan);
    MAL_TRY(sql_alloc(&cx, &s, 1, sizeof *s));
    MAL_TRY(sql_alloc(&cx, &p, 1, sizeof *p));
    s->cx = cx;
    s->contract = s->cx.contract = plan->contract;
    s->physical = p;
    p->plan = plan;
    s->apart = options && options->apart;
    s->shrink = options ? options->shrink : 0;
    if (options && options->match) {
        MAL_TRY(sql_split_match(s, p));
        MAL_TRY(sql_describe(s, p));
        *physical = p;
        return MAL_OK;
    }
    MAL_TRY(sql_find_aggregate(&s->aggregate, plan->root));
    MAL_TRY(sql_slots_of(&s->cx, &s->slots, s->aggregate));
    for (unsigned i = 0; i < s->slots.n; i++)
        MAL_REQUIRE(!s->slots.list[i].distinct || (options && options->share3),
                    MAL_E_UNSUPPORTED,
                    "count distinct: no mechanism of clear, sum and psi "
                    "releases it, whose owners do not see each other's values; "
                    "share3 does");
    MAL_TRY(fill_aggs(s, p, options));
    MAL_TRY(fill_groups(s, p));
    if (options && options->share3)
        MAL_TRY(split_cells(s, p));
    else
        MAL_TRY(split(s, p));
    MAL_REQUIRE(p->rows_per_unit <= (uint64_t)1 << 40, MAL_E_LIMIT,
                "one privacy unit may touch %" PRIu64
                " rows: declare what a unit contributes, and join on units",
                p->rows_per_unit);
    MAL_TRY(sql_describe(s, p));
    *physical = p;
    return MAL_OK;
}
