/* determine.c - which columns the columns of GROUP BY determine.
 *
 * Rows that agree in a key of one of the joined tables are the same row of it,
 * or have none; so they agree in all of that table's columns, and, of an inner
 * join, in what those are equal to.
 */
#include "sql_impl.h"

static bool has(const sql_set *s, unsigned i) {
    return s->w[i / 64] >> (i % 64) & 1;
}

/* A key that identifies its row: never NULL, and not a code, of which `other`
 * stands for many values. */
static bool identifies(sql_r r, const sql_set *key, const uint8_t *given) {
    for (unsigned i = 0; i < r->n_columns; i++)
        if (has(key, i) && (!given[i] || r->types[i].nullable ||
                            r->types[i].kind == MAL_SQL_CODE))
            return false;
    return true;
}

static bool add(uint8_t *given, unsigned at) {
    const bool more = !given[at];
    given[at] = 1;
    return more;
}

static bool reads_only(sql_e e, const uint8_t *given) {
    if (e->op == SQL_E_COL)
        return given[e->value];
    for (unsigned i = 0; i < e->n_args; i++)
        if (!reads_only(e->args[i], given))
            return false;
    return true;
}

static bool pass(sql_r r, uint8_t *given);

static bool pass_project(sql_r r, uint8_t *given) {
    uint8_t below[MAL_SQL_COLUMNS_MAX] = { 0 };
    bool more = false;
    for (unsigned i = 0; i < r->n_columns; i++)
        if (given[i] && r->exprs[i]->op == SQL_E_COL)
            below[r->exprs[i]->value] = 1;
    (void)pass(r->in[0], below); /* what it adds there shows here */
    for (unsigned i = 0; i < r->n_columns; i++)
        if (reads_only(r->exprs[i], below))
            more |= add(given, i);
    return more;
}

static bool pass_join(sql_r r, uint8_t *given) {
    const unsigned keys = r->n_exprs / 2;
    uint8_t *right = given + r->in[0]->n_columns;
    bool more = pass(r->in[0], given);
    if (r->join == SQL_INNER || r->join == SQL_LEFT)
        more |= pass(r->in[1], right);
    for (unsigned i = 0; i < keys && r->join == SQL_INNER; i++) {
        const sql_e a = r->exprs[i], b = r->exprs[keys + i];
        if (a->op != SQL_E_COL || b->op != SQL_E_COL)
            continue;
        if (given[a->value])
            more |= add(right, (unsigned)b->value);
        if (right[b->value])
            more |= add(given, (unsigned)a->value);
    }
    return more;
}

/* Each operator once; did a column become determined? */
static bool pass(sql_r r, uint8_t *given) {
    bool more = false;
    for (unsigned k = 0; k < r->n_uniques; k++)
        if (identifies(r, &r->uniques[k], given))
            for (unsigned i = 0; i < r->n_columns; i++)
                more |= add(given, i);
    switch (r->op) {
    case SQL_FILTER:
    case SQL_SORT:
    case SQL_LIMIT:
        return pass(r->in[0], given) || more;
    case SQL_PROJECT:
        return pass_project(r, given) || more;
    case SQL_JOIN:
        return pass_join(r, given) || more;
    default:
        return more;
    }
}

/* A pass adds a column of r, or is the last: no more than there are. */
void sql_determine(sql_r r, uint8_t *given) {
    for (unsigned i = 0; i <= r->n_columns && pass(r, given); i++)
        ;
}
