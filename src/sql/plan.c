/* plan.c - the plan: made from text, encoded, hashed. */
#include "train_impl.h"

#include <string.h>

mal_err mal_sql_plan_from_text(const mal_sql_plan **plan, mal_arena *arena,
                               const mal_policy_contract *contract,
                               mal_bytes text) {
    sql_cx cx = { .arena = arena, .contract = contract, .text = text };
    mal_sql_plan *p;
    sql_r root;
    *plan = NULL;
    struct sql_training *training = NULL;
    MAL_TRY(sql_alloc(&cx, &p, 1, sizeof *p));
    p->contract = contract;
    if (sql_training_is_head(text))
        MAL_TRY(sql_training_read(&cx, &training, &cx.text));
    MAL_TRY(sql_bind(&cx, &root, &p->names, &p->n_columns));
    MAL_TRY(sql_prune(&cx, &p->root, root, p->n_columns));
    MAL_TRY(sql_validate(&cx, p->root));
    if (training)
        MAL_TRY(sql_training_bind(&cx, training, p));
    p->training = training;
    *plan = p;
    return MAL_OK;
}

bool mal_sql_plan_trains(const mal_sql_plan *plan) {
    return plan->training != NULL;
}

/* --- canonical bytes ------------------------------------------------------ */

typedef struct encoder {
    mal_buf *out;
    const mal_policy_contract *contract;
} encoder;

static mal_err put_domain(const encoder *c, const mal_policy_column *domain) {
    for (uint32_t d = 0; d < c->contract->n_datasets; d++) {
        const mal_policy_dataset *set = &c->contract->datasets[d];
        if (domain >= set->columns && domain < set->columns + set->n_columns) {
            MAL_TRY(mal_buf_put_u32(c->out, d));
            return mal_buf_put_u32(c->out, (uint32_t)(domain - set->columns));
        }
    }
    /* one that an expression made: what it holds */
    MAL_REQUIRE(domain->codes, MAL_E_STATE,
                "a plan's domain is not of its contract");
    MAL_TRY(mal_buf_put_u32(c->out, MAL_POLICY_NONE));
    MAL_TRY(mal_buf_put_u32(c->out, domain->n_codes));
    for (uint32_t i = 0; i < domain->n_codes; i++)
        MAL_TRY(mal_buf_put_blob_str(c->out, domain->codes[i]));
    return MAL_OK;
}

static mal_err put_type(const encoder *c, const sql_type *t) {
    MAL_TRY(mal_buf_put_u8(c->out, t->kind));
    MAL_TRY(mal_buf_put_u8(c->out, t->nullable));
    if (t->kind == MAL_SQL_INT) {
        MAL_TRY(mal_buf_put_u8(c->out, t->scale));
        MAL_TRY(sql_put_i64(c->out, t->lo));
        MAL_TRY(sql_put_i64(c->out, t->hi));
    } else if (t->kind == MAL_SQL_CODE || t->kind == MAL_SQL_ID) {
        MAL_TRY(put_domain(c, t->domain));
    }
    return MAL_OK;
}

static mal_err put_expr(const encoder *c, sql_e e) {
    MAL_TRY(mal_buf_put_u8(c->out, (uint8_t)e->op));
    MAL_TRY(put_type(c, &e->type));
    MAL_TRY(mal_buf_put_u8(c->out, e->null));
    MAL_TRY(sql_put_i64(c->out, e->value));
    MAL_TRY(mal_buf_put_u32(c->out, e->n_list));
    for (unsigned i = 0; i < e->n_list; i++)
        MAL_TRY(sql_put_i64(c->out, e->list[i]));
    MAL_TRY(mal_buf_put_u32(c->out, e->n_args));
    for (unsigned i = 0; i < e->n_args; i++)
        MAL_TRY(put_expr(c, e->args[i]));
    return MAL_OK;
}

static mal_err put_details(const encoder *c, sql_r r) {
    MAL_TRY(mal_buf_put_u32(c->out, r->dataset));
    MAL_TRY(mal_buf_put_u8(c->out, (uint8_t)r->join));
    for (unsigned i = 0; r->op == SQL_SCAN && i < r->n_columns; i++)
        MAL_TRY(mal_buf_put_u32(c->out, r->columns[i]));
    MAL_TRY(mal_buf_put_u32(c->out, r->n_exprs));
    for (unsigned i = 0; i < r->n_exprs; i++)
        MAL_TRY(put_expr(c, r->exprs[i]));
    MAL_TRY(mal_buf_put_u32(c->out, r->n_aggs));
    for (unsigned i = 0; i < r->n_aggs; i++) {
        MAL_TRY(mal_buf_put_u8(c->out, (uint8_t)r->aggs[i].kind));
        MAL_TRY(put_type(c, &r->aggs[i].type));
        MAL_TRY(mal_buf_put_u8(c->out, r->aggs[i].arg != NULL));
        if (r->aggs[i].arg)
            MAL_TRY(put_expr(c, r->aggs[i].arg));
    }
    MAL_TRY(mal_buf_put_u32(c->out, r->n_keys));
    for (unsigned i = 0; i < r->n_keys; i++) {
        MAL_TRY(mal_buf_put_u32(c->out, r->keys[i].column));
        MAL_TRY(mal_buf_put_u8(c->out, r->keys[i].desc));
        MAL_TRY(mal_buf_put_u8(c->out, r->keys[i].nulls_first));
        MAL_TRY(mal_buf_put_u8(c->out, r->keys[i].implied));
    }
    if (r->op == SQL_WINDOW)
        MAL_TRY(mal_buf_put_u32(c->out, r->n_part));
    MAL_TRY(mal_buf_put_u64(c->out, r->limit));
    return mal_buf_put_u64(c->out, r->offset);
}

static mal_err put_rel(const encoder *c, sql_r r) {
    MAL_TRY(mal_buf_put_u8(c->out, (uint8_t)r->op));
    MAL_TRY(mal_buf_put_u64(c->out, r->rows_max));
    MAL_TRY(mal_buf_put_u32(c->out, r->n_columns));
    for (unsigned i = 0; i < r->n_columns; i++)
        MAL_TRY(put_type(c, &r->types[i]));
    MAL_TRY(put_details(c, r));
    MAL_TRY(mal_buf_put_u32(c->out, r->n_in));
    for (unsigned i = 0; i < r->n_in; i++)
        MAL_TRY(put_rel(c, r->in[i]));
    return MAL_OK;
}

mal_err mal_sql_plan_encode(mal_buf *out, const mal_sql_plan *plan) {
    encoder c = { .out = out, .contract = plan->contract };
    MAL_TRY(mal_buf_put_blob_str(out, "malus.plan/2"));
    MAL_TRY(mal_buf_put(out, mal_bytes_of(plan->contract->hash, 32)));
    MAL_TRY(mal_buf_put_u32(out, plan->n_columns));
    for (unsigned i = 0; i < plan->n_columns; i++)
        MAL_TRY(mal_buf_put_blob_str(out, plan->names[i]));
    if (plan->training)
        MAL_TRY(sql_training_encode(out, plan->training));
    return put_rel(&c, plan->root);
}

mal_err mal_sql_plan_hash(mal_prim_hash *out, const mal_sql_plan *plan) {
    MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
    MAL_TRY(mal_sql_plan_encode(&bytes, plan));
    mal_prim_sha256_of(out, mal_buf_view(&bytes));
    return MAL_OK;
}

mal_err mal_sql_plan_columns(const mal_sql_table_column **columns,
                             unsigned *n_columns, mal_arena *arena,
                             const mal_sql_plan *plan) {
    sql_cx cx = { .arena = arena, .contract = plan->contract };
    mal_sql_table_column *c;
    MAL_TRY(sql_alloc(&cx, &c, plan->n_columns, sizeof *c));
    for (unsigned i = 0; i < plan->n_columns; i++) {
        const sql_type *t = &plan->root->types[i];
        c[i] = (mal_sql_table_column){ .name = plan->names[i],
                                       .kind = (mal_sql_kind)t->kind,
                                       .scale = t->scale,
                                       .domain = t->domain };
    }
    *columns = c;
    *n_columns = plan->n_columns;
    return MAL_OK;
}
