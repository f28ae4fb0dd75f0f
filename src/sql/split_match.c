/* split_match.c - an intersection that is shown to one side: the rows of one
 * owner whose key another owner has.
 *
 * The receiver's part yields its rows in the order of the answer, each with its
 * key; the other owner's part its distinct keys.  What the engine tells the
 * receiver is which of its rows match, so the answer must show no less: the key
 * is one of its columns, and nothing stands above the join that drops rows. */
#include "split_impl.h"

#include <string.h>

static mal_err check_top(sql_r root) {
    MAL_REQUIRE(root->op == SQL_SORT, MAL_E_UNSUPPORTED,
                "LIMIT over an intersection: its owner is shown every match "
                "all the same; leave it out");
    return MAL_OK;
}

/* Two owners, one identifier, and matches that do not repeat rows. */
static mal_err check_join(const splitter *s, sql_r r) {
    MAL_REQUIRE(
        r->op == SQL_JOIN && r->n_exprs == 2 &&
            (r->join == SQL_SEMI || r->join == SQL_INNER),
        MAL_E_UNSUPPORTED,
        "the answer would show rows: of those psi shows the rows of one "
        "owner whose identifier another owner has, `SELECT id FROM a "
        "WHERE id IN (SELECT id FROM b)`; else use count, sum or avg");
    for (unsigned i = 0; i < 2; i++) {
        MAL_REQUIRE(
            __builtin_popcountll(sql_owners_of(s->contract, r->in[i])) == 1,
            MAL_E_UNSUPPORTED,
            "one side of the intersection mixes two owners' tables");
        MAL_REQUIRE(r->exprs[i]->op == SQL_E_COL &&
                        r->exprs[i]->type.kind == MAL_SQL_ID,
                    MAL_E_UNSUPPORTED,
                    "an intersection on something else than an identifier: psi "
                    "compares pseudonyms");
    }
    return MAL_OK;
}

/* The side whose rows are shown: all that is shown stands there. */
static mal_err find_shown(unsigned *shown, const branch *b, unsigned n_answer) {
    sql_r r = b->rel;
    unsigned sides = 0, keys = 0;
    for (unsigned i = 0; i < b->n_exprs; i++)
        sides |= sql_sides_of(b->exprs[i], r->in[0]->n_columns);
    MAL_REQUIRE(sides == 1 || sides == 2, MAL_E_UNSUPPORTED,
                "columns of both owners in one answer: an intersection shows "
                "rows to their own owner alone");
    *shown = sides == 2;
    const sql_expr *key = r->exprs[*shown];
    const uint64_t at =
        (uint64_t)key->value + (*shown ? r->in[0]->n_columns : 0);
    for (unsigned i = 0; i < n_answer; i++)
        keys +=
            b->exprs[i]->op == SQL_E_COL && (uint64_t)b->exprs[i]->value == at;
    MAL_REQUIRE(keys > 0, MAL_E_UNSUPPORTED,
                "an intersection tells its owner which identifiers match: "
                "select the one that is joined on");
    MAL_REQUIRE(r->join == SQL_SEMI ||
                    r->in[1 - *shown]->same_max[r->exprs[1 - *shown]->value] ==
                        1,
                MAL_E_UNSUPPORTED,
                "the other owner may hold an identifier more than once, and "
                "rows would repeat: ask `WHERE id IN (SELECT id FROM ..)`");
    return MAL_OK;
}

/* The answer's columns, then the key, then what only orders. */
static mal_err shown_rel(splitter *s, sql_r *out, const branch *one, sql_r sort,
                         unsigned n_answer) {
    branch b = *one;
    sql_key *keys;
    sql_r input;
    MAL_TRY(sql_alloc(&s->cx, &b.exprs, one->n_exprs, sizeof *b.exprs));
    memcpy(b.exprs, one->exprs, one->n_exprs * sizeof *b.exprs);
    memcpy(b.exprs, one->exprs + 1, n_answer * sizeof *b.exprs);
    b.exprs[n_answer] = one->exprs[0]; /* sql_side_branch puts the key first */
    MAL_TRY(sql_branch_rel(s, &input, &b));
    MAL_TRY(sql_alloc(&s->cx, &keys, sort->n_keys, sizeof *keys));
    for (unsigned i = 0; i < sort->n_keys; i++) {
        keys[i] = sort->keys[i];
        keys[i].column += keys[i].column >= n_answer;
    }
    MAL_TRY(sql_sort(&s->cx, out, input, keys, sort->n_keys));
    return sql_prune(&s->cx, out, *out, n_answer + 1);
}

mal_err sql_split_match(splitter *s, mal_sql_physical *p) {
    const mal_sql_plan *plan = p->plan;
    sql_r sort = plan->root;
    mal_sql_part *parts;
    branch top = { .rel = NULL };
    unsigned shown = 0;
    MAL_TRY(check_top(sort));
    top.rel = sort->in[0];
    top.n_exprs = top.rel->n_columns;
    MAL_TRY(sql_alloc(&s->cx, &top.exprs, top.n_exprs, sizeof *top.exprs));
    for (unsigned i = 0; i < top.n_exprs; i++)
        MAL_TRY(sql_col(&s->cx, &top.exprs[i], i, &top.rel->types[i], -1));
    MAL_TRY(sql_flatten(s, top));
    MAL_REQUIRE(s->n_branches == 1, MAL_E_UNSUPPORTED,
                "an intersection of a UNION ALL: ask for each table apart");
    const branch *b = &s->branches[0];
    MAL_TRY(check_join(s, b->rel));
    MAL_TRY(find_shown(&shown, b, plan->n_columns));
    MAL_TRY(sql_alloc(&s->cx, &parts, 2, sizeof *parts));
    for (unsigned i = 0; i < 2; i++) {
        const unsigned side = i ? 1 - shown : shown;
        branch one;
        sql_r rel;
        MAL_TRY(sql_side_branch(s, &one, b, side, i == 0));
        parts[i].role = i ? MAL_SQL_PART_FILTER : MAL_SQL_PART_MATCH;
        parts[i].owner = (unsigned)__builtin_ctzll(
            sql_owners_of(s->contract, b->rel->in[side]));
        parts[i].rows_max = b->rel->in[side]->rows_max;
        MAL_TRY(i ? sql_branch_rel(s, &rel, &one)
                  : shown_rel(s, &rel, &one, sort, plan->n_columns));
        MAL_TRY(sql_print_part(s, &parts[i], rel, b->rel));
    }
    p->parts = parts;
    p->n_parts = 2;
    p->n_cells = 1;
    p->count_agg = -1;
    p->shape = MAL_SQL_MATCH;
    return MAL_OK;
}
