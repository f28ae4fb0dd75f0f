/* find.c - looking things up in a contract. */
#include "policy_impl.h"

#include <string.h>

uint32_t mal_policy_party_find(const mal_policy_contract *contract,
                               const char *name) {
    for (uint32_t i = 0; i < contract->n_parties; i++)
        if (strcmp(contract->parties[i].name, name) == 0)
            return i;
    return MAL_POLICY_NONE;
}

uint32_t mal_policy_dataset_find(const mal_policy_contract *contract,
                                 const char *name) {
    for (uint32_t i = 0; i < contract->n_datasets; i++)
        if (strcmp(contract->datasets[i].name, name) == 0)
            return i;
    return MAL_POLICY_NONE;
}

uint32_t mal_policy_column_find(const mal_policy_dataset *dataset,
                                const char *name) {
    for (uint32_t i = 0; i < dataset->n_columns; i++)
        if (strcmp(dataset->columns[i].name, name) == 0)
            return i;
    return MAL_POLICY_NONE;
}

uint32_t mal_policy_rule_find(const mal_policy_contract *contract,
                              const char *name) {
    for (uint32_t i = 0; i < contract->n_rules; i++)
        if (strcmp(contract->rules[i].name, name) == 0)
            return i;
    return MAL_POLICY_NONE;
}

const mal_policy_budget *
mal_policy_budget_find(const mal_policy_contract *contract, uint32_t dataset,
                       uint32_t party) {
    for (uint32_t i = 0; i < contract->n_budgets; i++)
        if (contract->budgets[i].dataset == dataset &&
            contract->budgets[i].party == party)
            return &contract->budgets[i];
    return NULL;
}

mal_policy_set mal_policy_owners(const mal_policy_contract *contract) {
    mal_policy_set owners = 0;
    for (uint32_t i = 0; i < contract->n_parties; i++)
        if (contract->parties[i].roles & MAL_POLICY_OWNER)
            owners |= (mal_policy_set)1 << i;
    return owners;
}

mal_err mal_policy_lineage(mal_buf *out, const mal_policy_contract *contract,
                           uint32_t dataset) {
    MAL_REQUIRE(dataset < contract->n_datasets, MAL_E_INPUT,
                "the contract has no dataset %u", dataset);
    const mal_policy_dataset *d = &contract->datasets[dataset];
    const char *owner = contract->parties[d->owner].name;
    if (d->unit == MAL_POLICY_NONE)
        return mal_buf_put_fmt(out, "%s/%s#row", owner, d->table);
    return mal_buf_put_fmt(out, "%s/%s", owner, d->columns[d->unit].domain);
}

uint64_t mal_policy_cells(const mal_policy_column *column) {
    if (column->role == MAL_POLICY_MEASURE)
        return (uint64_t)column->hi - (uint64_t)column->lo + 1 +
               column->nullable;
    return (uint64_t)column->n_codes + 1 + column->nullable;
}

const mal_policy_from *policy_rule_from(const mal_policy_rule *r,
                                        uint32_t dataset) {
    uint32_t lo = 0, hi = r->n_from;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (r->from[mid].dataset < dataset)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < r->n_from && r->from[lo].dataset == dataset ? &r->from[lo]
                                                            : NULL;
}

mal_policy_join policy_join_sorted(mal_policy_join j) {
    if (j.dataset_a < j.dataset_b ||
        (j.dataset_a == j.dataset_b && j.column_a <= j.column_b))
        return j;
    return (mal_policy_join){ j.dataset_b, j.column_b, j.dataset_a,
                              j.column_a };
}

bool policy_rule_joins(const mal_policy_rule *r, mal_policy_join j) {
    j = policy_join_sorted(j);
    for (uint32_t i = 0; i < r->n_joins; i++) {
        const mal_policy_join *k = &r->joins[i];
        if (k->dataset_a == j.dataset_a && k->column_a == j.column_a &&
            k->dataset_b == j.dataset_b && k->column_b == j.column_b)
            return true;
    }
    return false;
}

uint32_t policy_as_uses(mal_policy_as as) {
    switch (as) {
    case MAL_POLICY_AS_DIM:
        return MAL_POLICY_USE_FILTER | MAL_POLICY_USE_GROUP |
               MAL_POLICY_USE_ORDER | MAL_POLICY_USE_COUNT |
               MAL_POLICY_USE_DISTINCT | MAL_POLICY_USE_OUTPUT |
               MAL_POLICY_USE_TRAIN;
    case MAL_POLICY_AS_MEASURE:
        return MAL_POLICY_USE_COUNT | MAL_POLICY_USE_SUM | MAL_POLICY_USE_AVG |
               MAL_POLICY_USE_MIN | MAL_POLICY_USE_MAX | MAL_POLICY_USE_OUTPUT |
               MAL_POLICY_USE_TRAIN;
    case MAL_POLICY_AS_FILTER:
        return MAL_POLICY_USE_FILTER;
    case MAL_POLICY_AS_ID:
        return MAL_POLICY_USE_COUNT | MAL_POLICY_USE_DISTINCT;
    }
    return 0;
}

bool policy_rule_exact(const mal_policy_rule *r, uint32_t dataset,
                       uint32_t column) {
    for (uint32_t i = 0; i < r->n_exact; i++)
        if (r->exact[i].dataset == dataset && r->exact[i].column == column)
            return true;
    return false;
}

/* An id is shown by an exact clause alone; a forbid that names it forbids that,
 * too. */
uint32_t policy_rule_uses(const mal_policy_rule *r, uint32_t dataset,
                          uint32_t column) {
    const mal_policy_from *from = policy_rule_from(r, dataset);
    uint32_t uses = 0, lo = 0, hi = from ? from->n_items : 0;
    if (!from)
        return 0;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (from->items[mid].column < column)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (; lo < from->n_items && from->items[lo].column == column; lo++) {
        uses |= policy_as_uses(from->items[lo].as);
        if (from->items[lo].as == MAL_POLICY_AS_ID &&
            (r->effect == MAL_POLICY_FORBID ||
             policy_rule_exact(r, dataset, column)))
            uses |= MAL_POLICY_USE_OUTPUT;
    }
    return uses;
}

/* A column is touched by its own class, by its dataset's (a class of its own
 * adds to it and does not replace it), and, if secret, by class secret. */
bool policy_touches(const mal_policy_contract *c, const mal_policy_touch *t,
                    uint32_t dataset, uint32_t column) {
    if (!t->class_)
        return t->column.dataset == dataset && t->column.column == column;
    const mal_policy_dataset *d = &c->datasets[dataset];
    const mal_policy_column *k = &d->columns[column];
    return (d->class_ && strcmp(d->class_, t->class_) == 0) ||
           (k->class_ && strcmp(k->class_, t->class_) == 0) ||
           (k->role == MAL_POLICY_SECRET && strcmp(t->class_, "secret") == 0);
}
