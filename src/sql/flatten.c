/* flatten.c - what stands below a release: branches down to scans and joins,
 * and how many of its rows one unit can touch. */
#include "split_impl.h"

mal_err sql_below_release(sql_r r) {
    MAL_REQUIRE(r->op != SQL_AGGREGATE, MAL_E_UNSUPPORTED,
                "an aggregate inside a subquery feeds another operator: no "
                "engine releases that yet; aggregate once, at the top");
    MAL_REQUIRE(r->op != SQL_WINDOW, MAL_E_UNSUPPORTED,
                "a rank (OVER) depends on every row: no engine releases what "
                "is computed from it yet");
    MAL_REQUIRE(r->op != SQL_LIMIT && r->op != SQL_SORT, MAL_E_UNSUPPORTED,
                "LIMIT inside a subquery picks rows: no engine releases that "
                "yet; put it at the top, over aggregates");
    for (unsigned i = 0; i < r->n_in; i++)
        MAL_TRY(sql_below_release(r->in[i]));
    return MAL_OK;
}

/* --- branches ------------------------------------------------------------ */

static mal_err substitute_all(const sql_cx *cx, sql_e **out, const sql_e *in,
                              unsigned n, const sql_e *cols) {
    MAL_TRY(sql_alloc(cx, out, n, sizeof **out));
    for (unsigned i = 0; i < n; i++)
        MAL_TRY(sql_substitute(cx, &(*out)[i], in[i], cols));
    return MAL_OK;
}

static mal_err add_conds(const sql_cx *cx, branch *b, sql_e cond) {
    unsigned more = cond->op == SQL_E_AND ? cond->n_args : 1;
    sql_e *conds;
    MAL_TRY(sql_alloc(cx, &conds, b->n_conds + more, sizeof *conds));
    for (unsigned i = 0; i < more; i++)
        conds[i] = cond->op == SQL_E_AND ? cond->args[i] : cond;
    for (unsigned i = 0; i < b->n_conds; i++)
        conds[more + i] = b->conds[i];
    b->conds = conds;
    b->n_conds += more;
    return MAL_OK;
}

static mal_err emit(splitter *s, const branch *b) {
    MAL_REQUIRE(s->n_branches < BRANCHES_MAX, MAL_E_LIMIT,
                "a UNION ALL of more than %u tables", BRANCHES_MAX);
    s->branches[s->n_branches++] = *b;
    return MAL_OK;
}

mal_err sql_flatten(splitter *s, branch b) {
    while (b.rel->op == SQL_PROJECT || b.rel->op == SQL_FILTER) {
        sql_r r = b.rel;
        b.rel = r->in[0];
        if (r->op == SQL_FILTER) {
            MAL_TRY(add_conds(&s->cx, &b, r->exprs[0]));
            continue;
        }
        MAL_TRY(substitute_all(&s->cx, &b.exprs, b.exprs, b.n_exprs, r->exprs));
        MAL_TRY(substitute_all(&s->cx, &b.conds, b.conds, b.n_conds, r->exprs));
    }
    if (b.rel->op != SQL_UNION)
        return emit(s, &b);
    for (unsigned k = 0; k < b.rel->n_in; k++) {
        branch one = b;
        sql_e *cols;
        one.rel = b.rel->in[k];
        MAL_TRY(sql_alloc(&s->cx, &cols, one.rel->n_columns, sizeof *cols));
        for (unsigned i = 0; i < one.rel->n_columns; i++)
            MAL_TRY(sql_col(&s->cx, &cols[i], i, &one.rel->types[i], -1));
        MAL_TRY(substitute_all(&s->cx, &one.exprs, b.exprs, b.n_exprs, cols));
        MAL_TRY(substitute_all(&s->cx, &one.conds, b.conds, b.n_conds, cols));
        MAL_TRY(sql_flatten(s, one));
    }
    return MAL_OK;
}

/* --- units --------------------------------------------------------------- */

bool sql_same_unit(const mal_policy_contract *c, uint32_t a, uint32_t b) {
    const mal_policy_dataset *x = &c->datasets[a], *y = &c->datasets[b];
    if (a == b)
        return true;
    if (x->unit == MAL_POLICY_NONE || y->unit == MAL_POLICY_NONE)
        return false;
    return sql_domain_same(&x->columns[x->unit], &y->columns[y->unit]);
}

uint64_t sql_touch_units(const splitter *s, sql_r r) {
    uint64_t worst = 0;
    for (uint32_t unit = 0; unit < s->contract->n_datasets; unit++) {
        uint64_t sum = 0;
        for (uint32_t d = 0; d < s->contract->n_datasets; d++)
            if (sql_same_unit(s->contract, unit, d))
                sum = sql_add_sat(sum, sql_touch(&s->cx, r, d));
        worst = sum > worst ? sum : worst;
    }
    return worst;
}
