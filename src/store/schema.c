/* schema.c - a dataset's declaration, ready to judge rows. */
#include "store_impl.h"

#include <string.h>

/* A dim's list as a hash table: open addressing, at most half full. */
struct store_codes {
    uint8_t key[16];
    uint32_t n, mask;
    const char *const *texts; /* [n] */
    uint32_t *lengths;        /* [n] */
    uint32_t *slots;          /* [mask + 1] code + 1; 0: empty */
};

static mal_err codes_make(store_codes **out, mal_arena *arena,
                          const mal_policy_column *c) {
    store_codes *t = mal_arena_alloc(arena, sizeof *t);
    uint32_t size = 4;

    while (size < c->n_codes * 2)
        size *= 2;
    MAL_REQUIRE(t, MAL_E_MEMORY, "out of memory");
    t->lengths = mal_arena_calloc(arena, c->n_codes + 1, sizeof *t->lengths);
    t->slots = mal_arena_calloc(arena, size, sizeof *t->slots);
    MAL_REQUIRE(t->lengths && t->slots, MAL_E_MEMORY, "out of memory");
    mal_prim_random(t->key, sizeof t->key);
    t->n = c->n_codes;
    t->mask = size - 1;
    t->texts = c->codes;
    for (uint32_t i = 0; i < t->n; i++) {
        t->lengths[i] = (uint32_t)strlen(t->texts[i]);
        uint32_t at =
            (uint32_t)mal_store_siphash(t->key, t->texts[i], t->lengths[i]);
        while (t->slots[at & t->mask])
            at++;
        t->slots[at & t->mask] = i + 1;
    }
    *out = t;
    return MAL_OK;
}

uint32_t mal_store_codes_find(const store_codes *t, mal_bytes text) {
    uint32_t at = (uint32_t)mal_store_siphash(t->key, text.ptr, text.len);

    for (;; at++) {
        uint32_t code = t->slots[at & t->mask];
        if (code == 0)
            return t->n; /* other */
        if (t->lengths[code - 1] == text.len &&
            mal_compare_vartime(t->texts[code - 1], text.ptr, text.len) == 0)
            return code - 1;
    }
}

/* Rule 27: a pseudonym is labelled (room id, id domain, profile, epoch). */
static void make_label(mal_prim_hash *out, const uint8_t room[32],
                       const char *domain, const char *profile) {
    uint8_t epoch[4];
    mal_store_u32le(epoch, MAL_STORE_EPOCH);
    const mal_bytes parts[] = {
        mal_bytes_of(room, 32),
        mal_bytes_str(domain),
        mal_bytes_str(profile),
        mal_bytes_of(epoch, sizeof epoch),
    };
    mal_prim_hash_parts(out, "malus pseudonym hmac-sha256@1", parts, 4);
}

static mal_err add_id(store_column *out, const store_schema *schema,
                      const mal_policy_column *c) {
    out->kind = MAL_DUCK_ID;
    out->profile = c->normal ? c->normal : "raw@1";
    out->domain = c->domain ? c->domain : "";
    if (strcmp(out->profile, "raw@1") == 0)
        out->normal = STORE_RAW_1;
    else if (strcmp(out->profile, "uid2@1") == 0)
        out->normal = STORE_UID2_1;
    else
        MAL_FAIL(MAL_E_UNSUPPORTED,
                 "column %s: this build normalises by raw@1 and uid2@1, not %s",
                 c->name, out->profile);
    make_label(&out->label, schema->room, out->domain, out->profile);
    return MAL_OK;
}

static mal_err add_column(store_schema *schema, mal_arena *arena,
                          const mal_policy_column *c) {
    MAL_REQUIRE(schema->n < MAL_STORE_COLUMNS_MAX, MAL_E_LIMIT,
                "a stored dataset has at most %u columns",
                MAL_STORE_COLUMNS_MAX);
    store_column *out = &schema->columns[schema->n++];
    *out = (store_column){
        .name = c->name,
        .role = c->role,
        .kind = MAL_DUCK_I64,
        .nullable = c->nullable,
        .scale = c->role == MAL_POLICY_MEASURE ? c->scale : 0,
        .lo = c->lo,
        .hi = c->hi,
        .n_codes = c->n_codes,
        .profile = "",
        .domain = "",
    };
    MAL_REQUIRE(strlen(c->name) < MAL_STORE_NAME_MAX, MAL_E_LIMIT,
                "a column's name is too long");
    if (c->role == MAL_POLICY_ID)
        return add_id(out, schema, c);
    if (c->role == MAL_POLICY_DIM && c->codes)
        MAL_TRY(codes_make(&out->codes, arena, c));
    return MAL_OK;
}

mal_err mal_store_schema_make(store_schema **out, mal_arena *arena,
                              const mal_policy_contract *contract,
                              const char *name) {
    uint32_t at = mal_policy_dataset_find(contract, name);
    MAL_REQUIRE(at != MAL_POLICY_NONE, MAL_E_MISSING,
                "the contract declares no dataset %s", name);
    const mal_policy_dataset *d = &contract->datasets[at];
    store_schema *schema = mal_arena_alloc(arena, sizeof *schema);

    MAL_REQUIRE(schema, MAL_E_MEMORY, "out of memory");
    MAL_REQUIRE(strlen(d->name) <= MAL_STORE_NAME_MAX, MAL_E_LIMIT,
                "a dataset's name has at most %u bytes", MAL_STORE_NAME_MAX);
    MAL_REQUIRE(d->rows_max > 0 && d->rows_max <= MAL_STORE_ROWS_MAX,
                MAL_E_LIMIT, "%s: `rows at most` is between 1 and 2^32",
                d->name);
    memcpy(schema->room, contract->room_id, 32);
    memcpy(schema->contract, contract->hash, 32);
    schema->dataset = d->name;
    schema->rows_max = d->rows_max;
    schema->contributes_max = d->contributes_max;
    schema->units_max = d->units_max;
    schema->unit = STORE_NONE;
    for (uint32_t i = 0; i < d->n_columns; i++) {
        if (d->columns[i].role == MAL_POLICY_SECRET)
            continue; /* never read, never stored */
        if (i == d->unit)
            schema->unit = schema->n;
        MAL_TRY(add_column(schema, arena, &d->columns[i]));
    }
    MAL_REQUIRE(schema->n > 0, MAL_E_INPUT, "%s: every column is secret",
                d->name);
    *out = schema;
    return MAL_OK;
}

bool mal_store_schema_has_ids(const store_schema *schema) {
    for (unsigned i = 0; i < schema->n; i++)
        if (schema->columns[i].kind == MAL_DUCK_ID)
            return true;
    return false;
}
