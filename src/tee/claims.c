/* claims.c - what is vouched for: gathered by families, printed as JSON. */
#include "tee_impl.h"

#include <string.h>

static void add(tee_ctx *c, mal_tee_fact fact) {
    if (c->claims->n_facts == MAL_TEE_FACTS_MAX) {
        c->err = c->err == MAL_OK ? MAL_E_LIMIT : c->err;
        return;
    }
    c->facts[c->claims->n_facts++] = fact;
}

void tee_fact_bytes(tee_ctx *c, const char *name, mal_bytes bytes) {
    add(c, (mal_tee_fact){ name, MAL_TEE_FACT_BYTES, .bytes = bytes });
}

void tee_fact_number(tee_ctx *c, const char *name, uint64_t number) {
    add(c, (mal_tee_fact){ name, MAL_TEE_FACT_NUMBER, .number = number });
}

void tee_fact_text(tee_ctx *c, const char *name, const char *text) {
    add(c, (mal_tee_fact){ name, MAL_TEE_FACT_TEXT, .text = text });
}

void tee_fact_flag(tee_ctx *c, const char *name, bool flag) {
    add(c, (mal_tee_fact){ name, MAL_TEE_FACT_FLAG, .number = flag });
}

const mal_tee_fact *mal_tee_fact_find(const mal_tee_claims *claims,
                                      const char *name) {
    for (size_t i = 0; i < claims->n_facts; i++)
        if (strcmp(claims->facts[i].name, name) == 0)
            return &claims->facts[i];
    return NULL;
}

mal_bytes tee_keep(tee_ctx *c, mal_bytes bytes) {
    uint8_t *copy = mal_arena_alloc(c->arena, bytes.len ? bytes.len : 1);
    if (!copy) {
        c->err = c->err == MAL_OK ? MAL_E_LIMIT : c->err;
        return mal_bytes_of(NULL, 0);
    }
    if (bytes.len)
        memcpy(copy, bytes.ptr, bytes.len);
    return mal_bytes_of(copy, bytes.len);
}

char *tee_keep_text(tee_ctx *c, const char *text) {
    char *copy = mal_arena_strdup(c->arena, text);
    if (!copy)
        c->err = c->err == MAL_OK ? MAL_E_LIMIT : c->err;
    return copy;
}

/* --- JSON ------------------------------------------------------------------
 */

static mal_err put_bytes(mal_json *out, const char *key, mal_bytes bytes) {
    return bytes.len ? mal_json_put_hex(out, key, bytes) : MAL_OK;
}

static mal_err put_text(mal_json *out, const char *key, const char *text) {
    return text ? mal_json_put_str(out, key, text) : MAL_OK;
}

static mal_err put_time(mal_json *out, const char *key, uint64_t time) {
    char text[21];
    if (!time)
        return MAL_OK;
    mal_time_format(text, time);
    return mal_json_put_str(out, key, text);
}

static mal_err put_tcb(mal_json *out, const mal_tee_tcb *tcb) {
    mal_json *list;
    MAL_TRY(put_text(out, "tcb", tcb->status));
    MAL_TRY(put_text(out, "module", tcb->module));
    MAL_TRY(put_text(out, "qe", tcb->qe));
    MAL_TRY(put_bytes(out, "fmspc", tcb->fmspc));
    if (tcb->evaluation)
        MAL_TRY(mal_json_put_u64(out, "evaluation", tcb->evaluation));
    MAL_TRY(put_time(out, "issued", tcb->issued));
    if (!tcb->status)
        return MAL_OK;
    MAL_TRY(mal_json_put_array(out, "advisories", &list));
    for (size_t i = 0; i < tcb->n_advisories; i++)
        MAL_TRY(mal_json_add_str(list, tcb->advisories[i]));
    return MAL_OK;
}

/* A word of 64 bits may be larger than what JSON readers hold: then as hex. */
static mal_err put_number(mal_json *out, const char *key, uint64_t number) {
    uint8_t be[8];
    if (number <= INT64_MAX)
        return mal_json_put_u64(out, key, number);
    mal_store_u64be(be, number);
    return mal_json_put_hex(out, key, mal_bytes_of(be, sizeof be));
}

static mal_err put_fact(mal_json *out, const mal_tee_fact *fact) {
    switch (fact->type) {
    case MAL_TEE_FACT_BYTES:
        return mal_json_put_hex(out, fact->name, fact->bytes);
    case MAL_TEE_FACT_NUMBER:
        return put_number(out, fact->name, fact->number);
    case MAL_TEE_FACT_TEXT:
        return mal_json_put_str(out, fact->name, fact->text);
    case MAL_TEE_FACT_FLAG:
        break;
    }
    return mal_json_put_bool(out, fact->name, fact->number);
}

static mal_err put_claims(mal_json *out, const mal_tee_claims *claims) {
    mal_json *facts;
    MAL_TRY(put_text(out, "family", claims->family));
    MAL_TRY(put_text(out, "product", claims->product));
    MAL_TRY(put_bytes(out, "measurement", claims->measurement));
    MAL_TRY(put_bytes(out, "signer", claims->signer));
    MAL_TRY(put_bytes(out, "report_data", claims->report_data));
    MAL_TRY(put_bytes(out, "platform_id", claims->platform_id));
    MAL_TRY(mal_json_put_bool(out, "debug", claims->debug));
    MAL_TRY(mal_json_put_bool(out, "hardware", claims->hardware));
    MAL_TRY(mal_json_put_bool(out, "collateral", claims->collateral));
    MAL_TRY(put_tcb(out, &claims->tcb));
    MAL_TRY(put_time(out, "not_before", claims->not_before));
    MAL_TRY(put_time(out, "not_after", claims->not_after));
    MAL_TRY(mal_json_put_object(out, "facts", &facts));
    for (size_t i = 0; i < claims->n_facts; i++)
        MAL_TRY(put_fact(facts, &claims->facts[i]));
    return MAL_OK;
}

mal_err mal_tee_verdict_json(mal_json **json, const mal_tee_verdict *verdict) {
    MAL_AUTO(mal_json_auto) mal_json *out = NULL;
    mal_json *claims;
    *json = NULL;
    MAL_TRY(mal_json_new_object(&out));
    MAL_TRY(
        mal_json_put_str(out, "verdict", mal_tee_answer_name(verdict->answer)));
    MAL_TRY(mal_json_put_str(out, "code", mal_tee_code_name(verdict->code)));
    MAL_TRY(mal_json_put_str(out, "detail", verdict->detail));
    MAL_TRY(
        mal_json_put_str(out, "kind", mal_tee_kind_name(verdict->claims.kind)));
    MAL_TRY(mal_json_put_str(out, "scope", mal_tee_scope_name(verdict->scope)));
    if (verdict->authentic) {
        MAL_TRY(mal_json_put_object(out, "claims", &claims));
        MAL_TRY(put_claims(claims, &verdict->claims));
    }
    *json = mal_json_ref(out);
    return MAL_OK;
}
