/* type.c - what a column holds, and the domains that the contract declares. */
#include "sql_impl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

bool sql_domain_is_range(const mal_policy_column *domain) {
    return domain->role == MAL_POLICY_DIM && domain->codes == NULL;
}

static bool text_same(const char *a, const char *b) {
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool sql_domain_same(const mal_policy_column *a, const mal_policy_column *b) {
    if (a == b)
        return true;
    if (!a || !b || a->role != b->role)
        return false;
    if (a->role == MAL_POLICY_ID)
        return text_same(a->domain, b->domain);
    if (a->n_codes != b->n_codes || (a->codes == NULL) != (b->codes == NULL))
        return false;
    if (!a->codes)
        return a->lo == b->lo && a->hi == b->hi;
    for (uint32_t i = 0; i < a->n_codes; i++)
        if (strcmp(a->codes[i], b->codes[i]) != 0)
            return false;
    return true;
}

bool sql_domain_find(const mal_policy_column *domain, const char *label,
                     int64_t *code) {
    for (uint32_t i = 0; domain->codes && i < domain->n_codes; i++)
        if (strcmp(domain->codes[i], label) == 0) {
            *code = i;
            return true;
        }
    return false;
}

typedef struct label_at {
    const char *label;
    uint32_t code;
} label_at;

static int by_label(const void *a, const void *b) {
    return strcmp(((const label_at *)a)->label, ((const label_at *)b)->label);
}

mal_err sql_domain_ranks(const sql_cx *cx, const uint32_t **ranks,
                         const mal_policy_column *domain) {
    *ranks = NULL;
    bool sorted = true;
    for (uint32_t i = 1; domain->codes && i < domain->n_codes && sorted; i++)
        sorted = strcmp(domain->codes[i - 1], domain->codes[i]) < 0;
    if (sorted)
        return MAL_OK;
    label_at *order;
    uint32_t *rank;
    MAL_TRY(sql_alloc(cx, &order, domain->n_codes, sizeof *order));
    MAL_TRY(sql_alloc(cx, &rank, (size_t)domain->n_codes + 1, sizeof *rank));
    for (uint32_t i = 0; i < domain->n_codes; i++)
        order[i] = (label_at){ domain->codes[i], i };
    qsort(order, domain->n_codes, sizeof *order, by_label);
    for (uint32_t i = 0; i < domain->n_codes; i++)
        rank[order[i].code] = i;
    rank[domain->n_codes] = domain->n_codes; /* other */
    *ranks = rank;
    return MAL_OK;
}

bool sql_type_same(const sql_type *a, const sql_type *b) {
    if (a->kind != b->kind)
        return false;
    if (a->kind == MAL_SQL_INT)
        return a->scale == b->scale;
    if (a->kind == MAL_SQL_CODE || a->kind == MAL_SQL_ID)
        return sql_domain_same(a->domain, b->domain);
    return true;
}

mal_err sql_type_print(mal_buf *out, const sql_type *type) {
    switch (type->kind) {
    case MAL_SQL_INT:
        if (type->scale)
            MAL_TRY(mal_buf_put_fmt(out, "decimal(%u) in ", type->scale));
        else
            MAL_TRY(mal_buf_put_str(out, "int in "));
        MAL_TRY(sql_put_decimal(out, type->lo, type->scale));
        MAL_TRY(mal_buf_put_str(out, " .. "));
        MAL_TRY(sql_put_decimal(out, type->hi, type->scale));
        break;
    case MAL_SQL_BOOL:
        MAL_TRY(mal_buf_put_str(out, "bool"));
        break;
    case MAL_SQL_CODE:
        MAL_TRY(mal_buf_put_fmt(out, "code of %s (%" PRIu32 " values)",
                                type->domain->name, type->domain->n_codes));
        break;
    case MAL_SQL_ID:
        MAL_TRY(mal_buf_put_fmt(out, "id of %s",
                                type->domain->domain ? type->domain->domain
                                                     : type->domain->name));
        break;
    default:
        MAL_TRY(mal_buf_put_str(out, type->kind == SQL_TEXT ? "text" : "NULL"));
    }
    return type->nullable ? mal_buf_put_str(out, " null") : MAL_OK;
}

void sql_type_of_column(sql_type *type, const mal_policy_column *column) {
    *type = (sql_type){ .nullable = column->nullable };
    switch (column->role) {
    case MAL_POLICY_MEASURE:
        type->kind = MAL_SQL_INT;
        type->scale = column->scale;
        type->lo = column->lo;
        type->hi = column->hi;
        break;
    case MAL_POLICY_DIM:
        type->kind = MAL_SQL_CODE;
        type->domain = column;
        break;
    default:
        type->kind = MAL_SQL_ID;
        type->domain = column;
    }
}
