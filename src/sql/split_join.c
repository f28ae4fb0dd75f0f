/* split_join.c - a join of two owners: one side pays, the other filters.
 *
 * The payload side holds the groups and the measures and adds them up per key
 * and cell; the filter side says which keys count, each once.  That each is
 * there once follows from the contract, never from the data. */
#include "share_impl.h"
#include "split_impl.h"

#include <string.h>

unsigned sql_sides_of(sql_e e, unsigned n_left) {
    if (e->op == SQL_E_COL)
        return e->value < n_left ? 1 : 2;
    unsigned sides = 0;
    for (unsigned i = 0; i < e->n_args; i++)
        sides |= sql_sides_of(e->args[i], n_left);
    return sides;
}

static const char *owner_name(const splitter *s, sql_r r) {
    mal_policy_set owners = sql_owners_of(s->contract, r);
    return s->contract->parties[__builtin_ctzll(owners)].name;
}

static mal_err check_shape(const splitter *s, const branch *b) {
    sql_r r = b->rel;
    mal_policy_set all = sql_owners_of(s->contract, r);
    MAL_REQUIRE(__builtin_popcountll(all) == 2, MAL_E_UNSUPPORTED,
                "a join of %d owners' tables: psi joins two, share3 any number",
                __builtin_popcountll(all));
    assert(r->op == SQL_JOIN);
    MAL_REQUIRE(r->join == SQL_INNER, MAL_E_UNSUPPORTED,
                "two owners' tables and a join that is no inner one (%s): psi "
                "has none, share3 has",
                sql_join_name(r->join));
    for (unsigned i = 0; i < 2; i++)
        MAL_REQUIRE(
            __builtin_popcountll(sql_owners_of(s->contract, r->in[i])) == 1,
            MAL_E_UNSUPPORTED,
            "one side of the join mixes two owners' tables: join each owner's "
            "own tables first, in a subquery");
    MAL_REQUIRE(r->n_exprs == 2, MAL_E_UNSUPPORTED,
                "a join of two owners on more than one equality: psi joins on "
                "one identifier, share3 on several");
    for (unsigned i = 0; i < 2; i++)
        MAL_REQUIRE(r->exprs[i]->op == SQL_E_COL &&
                        r->exprs[i]->type.kind == MAL_SQL_ID,
                    MAL_E_UNSUPPORTED,
                    "a join of two owners on something else than an "
                    "identifier: psi joins pseudonyms");
    return MAL_OK;
}

static bool unique_key(sql_r r, unsigned side) {
    return r->in[side]->same_max[r->exprs[side]->value] == 1;
}

/* 0: left pays, 1: right pays */
static mal_err choose_payload(const splitter *s, unsigned *payload,
                              const branch *b) {
    sql_r r = b->rel;
    unsigned sides = 0;
    for (unsigned i = 0; i < b->n_exprs; i++)
        sides |= sql_sides_of(b->exprs[i], r->in[0]->n_columns);
    MAL_REQUIRE(sides != 3, MAL_E_UNSUPPORTED,
                "groups or measures of both %s and %s: psi cannot multiply "
                "values of two owners, share3 can",
                owner_name(s, r->in[0]), owner_name(s, r->in[1]));
    if (sides)
        *payload = sides == 2;
    else
        *payload = !unique_key(r, 1);
    unsigned dataset, column, filter = 1 - *payload;
    if (unique_key(r, filter))
        return MAL_OK;
    bool named = sql_origin(r->in[filter], (unsigned)r->exprs[filter]->value,
                            &dataset, &column);
    MAL_FAIL(MAL_E_UNSUPPORTED,
             "%s may hold a key of the join more than once (%s%s%s): psi needs "
             "it to be the privacy unit, with `contributes at most 1 row`, on "
             "the side without groups and measures; share3 does without",
             owner_name(s, r->in[filter]),
             named ? s->contract->datasets[dataset].name : "a computed table",
             named ? "." : "",
             named ? s->contract->datasets[dataset].columns[column].name : "");
}

/* COL(i) of the join -> the column of that side. */
static mal_err side_cols(splitter *s, sql_e **cols, sql_r r, unsigned side) {
    unsigned at = side ? r->in[0]->n_columns : 0;
    MAL_TRY(sql_alloc(&s->cx, cols, r->n_columns, sizeof **cols));
    for (unsigned i = 0; i < r->in[side]->n_columns; i++)
        MAL_TRY(
            sql_col(&s->cx, &(*cols)[at + i], i, &r->in[side]->types[i], -1));
    return MAL_OK;
}

mal_err sql_side_branch(splitter *s, branch *out, const branch *b,
                        unsigned side, bool payload) {
    sql_r r = b->rel;
    unsigned n_left = r->in[0]->n_columns;
    sql_e *cols, key = r->exprs[side];
    MAL_TRY(side_cols(s, &cols, r, side));
    *out = (branch){ .rel = r->in[side] };
    MAL_TRY(sql_alloc(&s->cx, &out->exprs, b->n_exprs + 1, sizeof *out->exprs));
    MAL_TRY(sql_alloc(&s->cx, &out->conds, b->n_conds + 1, sizeof *out->conds));
    out->exprs[out->n_exprs++] = key;
    for (unsigned i = 0; payload && i < b->n_exprs; i++)
        MAL_TRY(sql_substitute(&s->cx, &out->exprs[out->n_exprs++], b->exprs[i],
                               cols));
    for (unsigned i = 0; i < b->n_conds; i++) {
        unsigned sides = sql_sides_of(b->conds[i], n_left);
        MAL_REQUIRE(sides != 3, MAL_E_UNSUPPORTED,
                    "a condition over columns of both %s and %s: psi compares "
                    "keys only, share3 in general",
                    owner_name(s, r->in[0]), owner_name(s, r->in[1]));
        if (sides == 2 ? side == 1 : side == 0 || (sides == 0 && payload))
            MAL_TRY(sql_substitute(&s->cx, &out->conds[out->n_conds++],
                                   b->conds[i], cols));
    }
    if (!key->type.nullable)
        return MAL_OK;
    sql_e missing;
    MAL_TRY(sql_isnull(&s->cx, &missing, key, -1));
    return sql_not(&s->cx, &out->conds[out->n_conds++], missing, -1);
}

/* Is this side one table whose privacy unit is the key? */
static bool key_is_unit(const splitter *s, sql_r r, unsigned side) {
    unsigned dataset, column;
    sql_r in = r->in[side];
    bool found =
        sql_origin(in, (unsigned)r->exprs[side]->value, &dataset, &column);
    while (in->op == SQL_FILTER || in->op == SQL_PROJECT)
        in = in->in[0];
    return found && in->op == SQL_SCAN &&
           s->contract->datasets[dataset].unit == column;
}

/* The payload's rows under their key: as many of one as the contract lets there
 * be.  What bounds the units of either side must be bounded by that, too. */
static mal_err print_side(splitter *s, mal_sql_part *part, sql_r input,
                          sql_r join) {
    sql_share_part share;
    mal_sql_bound *bound;
    if (!s->apart)
        return sql_print_part(s, part, input, join);
    MAL_TRY(sql_share_bounds(&s->cx, &share, input));
    MAL_REQUIRE(!share.trusted && share.n_bounds <= 1 &&
                    (share.n_bounds == 0 || share.bounds[0].column == 0),
                MAL_E_UNSUPPORTED, "rows whose unit is not the joined key");
    if (part->role == MAL_SQL_PART_FILTER)
        return sql_print_part(s, part, input, join);
    MAL_TRY(sql_alloc(&s->cx, &bound, 1, sizeof *bound));
    *bound =
        (mal_sql_bound){ .rows_max = input->same_max[0], .in_order = true };
    part->n_bounds = bound->rows_max < input->rows_max;
    part->bounds = bound;
    return sql_print_apart(s, part, input, 0, 1, join);
}

mal_err sql_split_join(splitter *s, mal_sql_physical *p, bool *shared) {
    const branch *b = &s->branches[0];
    mal_sql_part *parts;
    unsigned payload = 0;
    MAL_TRY(check_shape(s, b));
    MAL_TRY(choose_payload(s, &payload, b));
    MAL_TRY(sql_alloc(&s->cx, &parts, 2, sizeof *parts));
    for (unsigned i = 0; i < 2; i++) {
        unsigned side = i ? 1 - payload : payload;
        branch one;
        sql_r input;
        MAL_TRY(sql_side_branch(s, &one, b, side, i == 0));
        MAL_TRY(sql_branch_rel(s, &input, &one));
        parts[i].role = i ? MAL_SQL_PART_FILTER : MAL_SQL_PART_PAYLOAD;
        parts[i].owner = (unsigned)__builtin_ctzll(
            sql_owners_of(s->contract, b->rel->in[side]));
        parts[i].rows_max = b->rel->in[side]->rows_max;
        MAL_TRY(print_side(s, &parts[i], input, b->rel));
    }
    *shared = key_is_unit(s, b->rel, 0) && key_is_unit(s, b->rel, 1);
    p->parts = parts;
    p->n_parts = 2;
    p->shape = MAL_SQL_JOIN;
    return MAL_OK;
}
