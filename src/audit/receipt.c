/* receipt.c - malus.receipt/v1: writing, reading, redacting. */
#include "audit_impl.h"

#include <malus/json.h>
#include <string.h>

static const char format[] = "malus.receipt/v1";

/* --- What the intents bind ------------------------------------------------ */

static void hash_lines(mal_prim_hash *out, const mal_audit_lines *lines) {
    mal_bytes parts[MAL_AUDIT_LINES_MAX];
    assert(lines->n <= MAL_AUDIT_LINES_MAX);
    for (size_t i = 0; i < lines->n; i++)
        parts[i] = mal_bytes_str(lines->line[i]);
    mal_prim_hash_parts(out, "malus lines v1", parts, lines->n);
}

void mal_audit_disclosure(char hex[65], const char *engine,
                          const mal_audit_lines *leakage,
                          const mal_audit_lines *trust,
                          const mal_audit_lines *not_proved) {
    mal_prim_hash list[3], all;
    hash_lines(&list[0], leakage);
    hash_lines(&list[1], trust);
    hash_lines(&list[2], not_proved);
    const mal_bytes parts[] = {
        mal_bytes_str(engine),
        mal_bytes_of(list[0].b, 32),
        mal_bytes_of(list[1].b, 32),
        mal_bytes_of(list[2].b, 32),
    };
    mal_prim_hash_parts(&all, "malus disclosure v1", parts, 4);
    mal_hex_encode(hex, mal_bytes_of(all.b, sizeof all.b));
}

/* --- Writing -------------------------------------------------------------- */

static mal_err put_lines(mal_json *o, const char *key,
                         const mal_audit_lines *lines) {
    mal_json *list;
    MAL_REQUIRE(lines->n <= MAL_AUDIT_LINES_MAX, MAL_E_LIMIT,
                "a receipt with more than %d lines under %s",
                MAL_AUDIT_LINES_MAX, key);
    MAL_TRY(mal_json_put_array(o, key, &list));
    for (size_t i = 0; i < lines->n; i++)
        MAL_TRY(mal_json_add_str(list, lines->line[i]));
    return MAL_OK;
}

static mal_err put_logged(mal_json *o, const char *key, mal_bytes entry,
                          mal_bytes proof) {
    mal_json *logged;
    MAL_TRY(mal_json_put_object(o, key, &logged));
    MAL_TRY(mal_json_put_text(logged, "entry", entry));
    return mal_json_put_text(logged, "proof", proof);
}

static mal_err put_part(mal_json *list, const mal_audit_part *part) {
    mal_json *o, *keys;
    MAL_REQUIRE(part->n_keys <= MAL_AUDIT_KEYS_MAX, MAL_E_LIMIT,
                "%s has more than %d key statements", part->party,
                MAL_AUDIT_KEYS_MAX);
    MAL_TRY(mal_json_add_object(list, &o));
    MAL_TRY(mal_json_put_str(o, "party", part->party));
    MAL_TRY(mal_json_put_array(o, "keys", &keys));
    for (size_t i = 0; i < part->n_keys; i++)
        MAL_TRY(mal_json_add_base64(keys, part->keys[i]));
    MAL_TRY(put_logged(o, "intent", part->intent, part->intent_proof));
    return put_logged(o, "result", part->result, part->result_proof);
}

static mal_err put_openings(mal_json *o, const mal_audit_receipt *r) {
    mal_json *list, *one;
    MAL_TRY(mal_json_put_array(o, "openings", &list));
    for (size_t i = 0; i < r->n_openings; i++) {
        const mal_audit_opening *open = &r->openings[i];
        MAL_TRY(mal_json_add_object(list, &one));
        MAL_TRY(mal_json_put_str(one, "name", open->name));
        MAL_TRY(mal_json_put_hex(one, "salt", mal_bytes_of(open->salt, 32)));
        MAL_TRY(mal_json_put_base64(one, "value", open->value));
    }
    return MAL_OK;
}

mal_err mal_audit_receipt_write(mal_buf *out, const mal_audit_receipt *r) {
    MAL_AUTO(mal_json_auto) mal_json *o = NULL;
    mal_json *owners;
    MAL_REQUIRE(r->n_parts <= MAL_AUDIT_OWNERS_MAX, MAL_E_LIMIT,
                "a receipt of more than %d owners", MAL_AUDIT_OWNERS_MAX);
    MAL_TRY(mal_json_new_object(&o));
    MAL_TRY(mal_json_put_str(o, "format", format));
    MAL_TRY(mal_json_put_str(o, "engine", r->engine));
    MAL_TRY(put_lines(o, "leakage", &r->leakage));
    MAL_TRY(put_lines(o, "trust", &r->trust));
    MAL_TRY(put_lines(o, "not_proved", &r->not_proved));
    MAL_TRY(mal_json_put_text(o, "contract", r->contract_signatures));
    MAL_TRY(mal_json_put_array(o, "owners", &owners));
    for (size_t i = 0; i < r->n_parts; i++)
        MAL_TRY(put_part(owners, &r->parts[i]));
    MAL_TRY(put_openings(o, r));
    return mal_json_dump_pretty(out, o);
}

/* --- Reading -------------------------------------------------------------- */

static mal_err keep(const char **out, mal_arena *arena, const char *text) {
    *out = mal_arena_strdup(arena, text);
    MAL_REQUIRE(*out, MAL_E_MEMORY, "out of memory for a receipt");
    return MAL_OK;
}

static mal_err keep_bytes(mal_bytes *out, mal_arena *arena, mal_bytes bytes) {
    uint8_t *copy = mal_arena_alloc(arena, bytes.len + 1);
    MAL_REQUIRE(copy, MAL_E_MEMORY, "out of memory for a receipt");
    if (bytes.len)
        memcpy(copy, bytes.ptr, bytes.len);
    *out = mal_bytes_of(copy, bytes.len);
    return MAL_OK;
}

static mal_err get_text(mal_bytes *out, mal_arena *arena, const mal_json *o,
                        const char *key) {
    const char *text;
    MAL_TRY(mal_json_get_str(o, key, &text));
    return keep_bytes(out, arena, mal_bytes_str(text));
}

static mal_err get_lines(mal_audit_lines *lines, mal_arena *arena,
                         const mal_json *o, const char *key) {
    const mal_json *list;
    MAL_TRY(mal_json_get_array(o, key, &list));
    MAL_REQUIRE(mal_json_len(list) <= MAL_AUDIT_LINES_MAX, MAL_E_LIMIT,
                "more than %d lines under %s", MAL_AUDIT_LINES_MAX, key);
    for (size_t i = 0; i < mal_json_len(list); i++) {
        const char *text;
        MAL_TRY(mal_json_as_str(mal_json_at(list, i), key, &text));
        MAL_TRY(keep(&lines->line[lines->n++], arena, text));
    }
    return MAL_OK;
}

static mal_err get_logged(mal_bytes *entry, mal_bytes *proof, mal_arena *arena,
                          const mal_json *o, const char *key) {
    static const char *const known[] = { "entry", "proof" };
    const mal_json *logged;
    MAL_TRY(mal_json_get_object(o, key, &logged));
    MAL_TRY(mal_json_only(logged, known, 2));
    MAL_TRY(get_text(entry, arena, logged, "entry"));
    return get_text(proof, arena, logged, "proof");
}

static mal_err get_part(mal_audit_part *part, mal_arena *arena,
                        const mal_json *o) {
    static const char *const known[] = { "party", "keys", "intent", "result" };
    const mal_json *keys;
    const char *text;
    MAL_TRY(mal_json_only(o, known, 4));
    MAL_TRY(mal_json_get_str(o, "party", &text));
    MAL_REQUIRE(audit_word_valid(text), MAL_E_INPUT,
                "\"%s\" is no party's name", text);
    MAL_TRY(keep(&part->party, arena, text));
    MAL_TRY(mal_json_get_array(o, "keys", &keys));
    MAL_REQUIRE(mal_json_len(keys) <= MAL_AUDIT_KEYS_MAX, MAL_E_LIMIT,
                "%s has more than %d key statements", part->party,
                MAL_AUDIT_KEYS_MAX);
    for (size_t i = 0; i < mal_json_len(keys); i++) {
        MAL_AUTO(mal_buf_clear) mal_buf raw = { 0 };
        MAL_TRY(mal_json_as_str(mal_json_at(keys, i), "keys", &text));
        MAL_TRY(mal_base64_decode(&raw, mal_bytes_str(text)));
        MAL_TRY(
            keep_bytes(&part->keys[part->n_keys++], arena, mal_buf_view(&raw)));
    }
    MAL_TRY(get_logged(&part->intent, &part->intent_proof, arena, o, "intent"));
    return get_logged(&part->result, &part->result_proof, arena, o, "result");
}

/* One spelling only: a receipt has no byte that may change unnoticed. */
static mal_err get_salt(uint8_t salt[32], const mal_json *one) {
    const char *text;
    char again[65];
    MAL_TRY(mal_json_get_hex(one, "salt", salt, 32));
    MAL_TRY(mal_json_get_str(one, "salt", &text));
    mal_hex_encode(again, mal_bytes_of(salt, 32));
    MAL_REQUIRE(strcmp(text, again) == 0, MAL_E_INPUT,
                "a salt must be in lower case");
    return MAL_OK;
}

static mal_err get_openings(mal_audit_receipt *r, mal_arena *arena,
                            const mal_json *o) {
    static const char *const known[] = { "name", "salt", "value" };
    const mal_json *list;
    MAL_TRY(mal_json_get_array(o, "openings", &list));
    size_t n = mal_json_len(list);
    MAL_REQUIRE(n <= 2 * MAL_AUDIT_OWNERS_MAX * MAL_AUDIT_FIELDS_MAX,
                MAL_E_LIMIT, "too many openings");
    mal_audit_opening *open = mal_arena_calloc(arena, n + 1, sizeof *open);
    MAL_REQUIRE(open, MAL_E_MEMORY, "out of memory for a receipt");
    r->openings = open;
    for (size_t i = 0; i < n; i++) {
        MAL_AUTO(mal_buf_clear) mal_buf raw = { 0 };
        const mal_json *one = mal_json_at(list, i);
        const char *name;
        MAL_TRY(mal_json_only(one, known, 3));
        MAL_TRY(mal_json_get_str(one, "name", &name));
        MAL_REQUIRE(audit_word_valid(name), MAL_E_INPUT,
                    "an opening has no valid name");
        MAL_TRY(keep(&open[i].name, arena, name));
        MAL_TRY(get_salt(open[i].salt, one));
        MAL_TRY(mal_json_get_base64(one, "value", &raw));
        MAL_TRY(keep_bytes(&open[i].value, arena, mal_buf_view(&raw)));
        r->n_openings = i + 1;
    }
    return MAL_OK;
}

static const char *const members[] = { "format", "engine",     "leakage",
                                       "trust",  "not_proved", "contract",
                                       "owners", "openings" };

static mal_err open_receipt(mal_json **o, mal_bytes json) {
    const char *text;
    MAL_TRY(mal_json_parse(o, json, MAL_AUDIT_RECEIPT_MAX));
    MAL_TRY(mal_json_get_str(*o, "format", &text));
    MAL_REQUIRE(strcmp(text, format) == 0, MAL_E_INPUT,
                "this is no receipt of the format %s", format);
    return mal_json_only(*o, members, sizeof members / sizeof *members);
}

mal_err mal_audit_receipt_parse(mal_audit_receipt **out, mal_arena *arena,
                                mal_bytes json) {
    MAL_AUTO(mal_json_auto) mal_json *o = NULL;
    const mal_json *owners;
    const char *text;

    mal_audit_receipt *r = mal_arena_alloc(arena, sizeof *r);
    MAL_REQUIRE(r, MAL_E_MEMORY, "out of memory for a receipt");
    MAL_TRY(open_receipt(&o, json));
    MAL_TRY(mal_json_get_str(o, "engine", &text));
    MAL_TRY(keep(&r->engine, arena, text));
    MAL_TRY(get_lines(&r->leakage, arena, o, "leakage"));
    MAL_TRY(get_lines(&r->trust, arena, o, "trust"));
    MAL_TRY(get_lines(&r->not_proved, arena, o, "not_proved"));
    MAL_TRY(get_text(&r->contract_signatures, arena, o, "contract"));
    MAL_TRY(mal_json_get_array(o, "owners", &owners));
    MAL_REQUIRE(mal_json_len(owners) <= MAL_AUDIT_OWNERS_MAX, MAL_E_LIMIT,
                "a receipt of more than %d owners", MAL_AUDIT_OWNERS_MAX);
    for (size_t i = 0; i < mal_json_len(owners); i++)
        MAL_TRY(
            get_part(&r->parts[r->n_parts++], arena, mal_json_at(owners, i)));
    MAL_TRY(get_openings(r, arena, o));
    *out = r;
    return MAL_OK;
}

mal_err mal_audit_receipt_contract(mal_bytes *text, mal_arena *arena,
                                   const mal_audit_receipt *receipt) {
    mal_audit_dsse *dsse;
    MAL_TRY(mal_audit_dsse_parse(&dsse, arena, receipt->contract_signatures));
    MAL_REQUIRE(strcmp(dsse->type, MAL_AUDIT_TYPE_ROOM) == 0, MAL_E_INPUT,
                "the receipt's contract is of type %s", dsse->type);
    *text = dsse->payload;
    return MAL_OK;
}

/* --- Redacting ------------------------------------------------------------ */

static bool named(const char *name, const char *const *names, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return n == 0;
}

mal_err mal_audit_receipt_redact(mal_buf *out, mal_bytes json,
                                 const char *const *names, size_t n) {
    MAL_AUTO(mal_json_auto) mal_json *o = NULL;
    const mal_json *found;
    MAL_TRY(open_receipt(&o, json));
    MAL_TRY(mal_json_get_array(o, "openings", &found));
    MAL_AUTO(mal_json_auto) mal_json *list = mal_json_ref(found);
    for (size_t i = mal_json_len(list); i-- > 0;) {
        const char *name;
        MAL_TRY(mal_json_get_str(mal_json_at(list, i), "name", &name));
        if (named(name, names, n))
            mal_json_remove_at(list, i);
    }
    return mal_json_dump_pretty(out, o);
}
