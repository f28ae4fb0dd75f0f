/* statement.c - in-toto statements [INTOTO23] over hiding commitments. */
#include "audit_impl.h"

#include <malus/json.h>
#include <string.h>

static const char type[] = "https://in-toto.io/Statement/v1";

void mal_audit_commit(mal_prim_hash *out, const char *name,
                      const uint8_t salt[32], mal_bytes value) {
    const mal_bytes parts[] = { mal_bytes_str(name), mal_bytes_of(salt, 32),
                                value };
    mal_prim_hash_parts(out, "malus commitment v1", parts, 3);
}

/* --- Writing -------------------------------------------------------------- */

static mal_err put_fields(mal_json *predicate, const mal_audit_statement *s) {
    mal_json *fields, *commitments;
    MAL_REQUIRE(s->n_fields <= MAL_AUDIT_FIELDS_MAX &&
                    s->n_commitments <= MAL_AUDIT_FIELDS_MAX,
                MAL_E_LIMIT, "a statement with more than %d fields",
                MAL_AUDIT_FIELDS_MAX);
    MAL_TRY(mal_json_put_object(predicate, "fields", &fields));
    for (size_t i = 0; i < s->n_fields; i++) {
        MAL_REQUIRE(audit_word_valid(s->fields[i].name), MAL_E_INPUT,
                    "\"%s\" is no name for a field", s->fields[i].name);
        MAL_TRY(
            mal_json_put_str(fields, s->fields[i].name, s->fields[i].value));
    }
    MAL_TRY(mal_json_put_object(predicate, "commitments", &commitments));
    for (size_t i = 0; i < s->n_commitments; i++) {
        const mal_audit_commitment *c = &s->commitments[i];
        MAL_REQUIRE(audit_word_valid(c->name), MAL_E_INPUT,
                    "\"%s\" is no name for a commitment", c->name);
        MAL_TRY(mal_json_put_hex(commitments, c->name,
                                 mal_bytes_of(c->hash.b, 32)));
    }
    return MAL_OK;
}

mal_err mal_audit_statement_encode(mal_buf *out, const mal_audit_statement *s) {
    MAL_AUTO(mal_json_auto) mal_json *o = NULL;
    MAL_AUTO(mal_buf_clear) mal_buf uri = { 0 };
    mal_json *subjects, *subject, *digest, *predicate;

    MAL_REQUIRE(audit_word_valid(s->kind), MAL_E_INPUT,
                "\"%s\" is no kind of statement", s->kind);
    MAL_REQUIRE(audit_word_valid(s->party), MAL_E_INPUT,
                "\"%s\" is no party's name", s->party);
    MAL_TRY(mal_buf_put_fmt(&uri, MAL_AUDIT_PREDICATE "%s/v1", s->kind));
    MAL_TRY(mal_json_new_object(&o));
    MAL_TRY(mal_json_put_str(o, "_type", type));
    MAL_TRY(mal_json_put_text(o, "predicateType", mal_buf_view(&uri)));
    MAL_TRY(mal_json_put_array(o, "subject", &subjects));
    MAL_TRY(mal_json_add_object(subjects, &subject));
    MAL_TRY(mal_json_put_str(subject, "name", s->subject));
    MAL_TRY(mal_json_put_object(subject, "digest", &digest));
    MAL_TRY(mal_json_put_hex(digest, "sha256",
                             mal_bytes_of(s->subject_sha256.b, 32)));
    MAL_TRY(mal_json_put_object(o, "predicate", &predicate));
    MAL_TRY(mal_json_put_str(predicate, "party", s->party));
    MAL_TRY(mal_json_put_hex(predicate, "room", mal_bytes_of(s->room, 32)));
    MAL_TRY(
        mal_json_put_hex(predicate, "contract", mal_bytes_of(s->contract, 32)));
    MAL_TRY(mal_json_put_u64(predicate, "time", s->time));
    MAL_TRY(put_fields(predicate, s));
    return mal_json_dump(out, o);
}

/* --- Reading -------------------------------------------------------------- */

static mal_err keep(const char **out, mal_arena *arena, const char *text) {
    *out = mal_arena_strdup(arena, text);
    MAL_REQUIRE(*out, MAL_E_MEMORY, "out of memory for a statement");
    return MAL_OK;
}

static mal_err read_kind(mal_audit_statement *s, mal_arena *arena,
                         const char *uri) {
    const size_t head = strlen(MAL_AUDIT_PREDICATE), n = strlen(uri);
    MAL_REQUIRE(n > head + 3 && strncmp(uri, MAL_AUDIT_PREDICATE, head) == 0 &&
                    strcmp(uri + n - 3, "/v1") == 0,
                MAL_E_INPUT, "a statement of an unknown type");
    s->kind = mal_arena_strndup(arena, uri + head, n - head - 3);
    MAL_REQUIRE(s->kind, MAL_E_MEMORY, "out of memory for a statement");
    MAL_REQUIRE(audit_word_valid(s->kind), MAL_E_INPUT,
                "a statement of an unknown type");
    return MAL_OK;
}

static mal_err read_subject(mal_audit_statement *s, mal_arena *arena,
                            const mal_json *o) {
    static const char *const known[] = { "name", "digest" };
    static const char *const digests[] = { "sha256" };
    const mal_json *list, *digest;
    const char *name;
    MAL_TRY(mal_json_get_array(o, "subject", &list));
    MAL_REQUIRE(mal_json_len(list) == 1, MAL_E_INPUT,
                "a statement must have one subject");
    MAL_TRY(mal_json_only(mal_json_at(list, 0), known, 2));
    MAL_TRY(mal_json_get_str(mal_json_at(list, 0), "name", &name));
    MAL_TRY(mal_json_get_object(mal_json_at(list, 0), "digest", &digest));
    MAL_TRY(mal_json_only(digest, digests, 1));
    MAL_TRY(mal_json_get_hex(digest, "sha256", s->subject_sha256.b, 32));
    return keep(&s->subject, arena, name);
}

static mal_err read_fields(mal_audit_statement *s, mal_arena *arena,
                           const mal_json *object) {
    size_t n = mal_json_len(object);
    MAL_REQUIRE(n <= MAL_AUDIT_FIELDS_MAX, MAL_E_LIMIT,
                "a statement with more than %d fields", MAL_AUDIT_FIELDS_MAX);
    mal_audit_field *list = mal_arena_calloc(arena, n + 1, sizeof *list);
    MAL_REQUIRE(list, MAL_E_MEMORY, "out of memory for a statement");
    s->fields = list;
    for (mal_json_iter it = mal_json_begin(object); mal_json_next(&it);) {
        const char *value;
        MAL_REQUIRE(audit_word_valid(it.key), MAL_E_INPUT,
                    "a statement's field has no valid name");
        MAL_TRY(mal_json_as_str(it.value, it.key, &value));
        MAL_TRY(keep(&list[s->n_fields].name, arena, it.key));
        MAL_TRY(keep(&list[s->n_fields++].value, arena, value));
    }
    return MAL_OK;
}

static mal_err read_commitments(mal_audit_statement *s, mal_arena *arena,
                                const mal_json *object) {
    size_t n = mal_json_len(object);
    MAL_REQUIRE(n <= MAL_AUDIT_FIELDS_MAX, MAL_E_LIMIT,
                "a statement with more than %d commitments",
                MAL_AUDIT_FIELDS_MAX);
    mal_audit_commitment *list = mal_arena_calloc(arena, n + 1, sizeof *list);
    MAL_REQUIRE(list, MAL_E_MEMORY, "out of memory for a statement");
    s->commitments = list;
    for (mal_json_iter it = mal_json_begin(object); mal_json_next(&it);) {
        mal_audit_commitment *c = &list[s->n_commitments++];
        MAL_REQUIRE(audit_word_valid(it.key), MAL_E_INPUT,
                    "a statement's commitment has no valid name");
        MAL_TRY(mal_json_get_hex(object, it.key, c->hash.b, 32));
        MAL_TRY(keep(&c->name, arena, it.key));
    }
    return MAL_OK;
}

static mal_err read_predicate(mal_audit_statement *s, mal_arena *arena,
                              const mal_json *o) {
    static const char *const known[] = { "party", "room",   "contract",
                                         "time",  "fields", "commitments" };
    const mal_json *predicate, *object;
    const char *party;
    MAL_TRY(mal_json_get_object(o, "predicate", &predicate));
    MAL_TRY(mal_json_only(predicate, known, 6));
    MAL_TRY(mal_json_get_str(predicate, "party", &party));
    MAL_REQUIRE(audit_word_valid(party), MAL_E_INPUT,
                "a statement names no party");
    MAL_TRY(keep(&s->party, arena, party));
    MAL_TRY(mal_json_get_hex(predicate, "room", s->room, 32));
    MAL_TRY(mal_json_get_hex(predicate, "contract", s->contract, 32));
    MAL_TRY(mal_json_get_u64(predicate, "time", &s->time));
    MAL_TRY(mal_json_get_object(predicate, "fields", &object));
    MAL_TRY(read_fields(s, arena, object));
    MAL_TRY(mal_json_get_object(predicate, "commitments", &object));
    return read_commitments(s, arena, object);
}

mal_err mal_audit_statement_parse(mal_audit_statement **out, mal_arena *arena,
                                  mal_bytes json) {
    static const char *const known[] = { "_type", "predicateType", "subject",
                                         "predicate" };
    MAL_AUTO(mal_json_auto) mal_json *o = NULL;
    const char *text;
    mal_audit_statement *s = mal_arena_alloc(arena, sizeof *s);
    MAL_REQUIRE(s, MAL_E_MEMORY, "out of memory for a statement");
    MAL_TRY(mal_json_parse(&o, json, MAL_AUDIT_DSSE_MAX));
    MAL_TRY(mal_json_only(o, known, 4));
    MAL_TRY(mal_json_get_str(o, "_type", &text));
    MAL_REQUIRE(strcmp(text, type) == 0, MAL_E_INPUT,
                "not an in-toto statement of version 1");
    MAL_TRY(mal_json_get_str(o, "predicateType", &text));
    MAL_TRY(read_kind(s, arena, text));
    MAL_TRY(read_subject(s, arena, o));
    MAL_TRY(read_predicate(s, arena, o));
    *out = s;
    return MAL_OK;
}

const char *mal_audit_statement_field(const mal_audit_statement *s,
                                      const char *name) {
    for (size_t i = 0; i < s->n_fields; i++)
        if (strcmp(s->fields[i].name, name) == 0)
            return s->fields[i].value;
    return NULL;
}

const mal_prim_hash *
mal_audit_statement_commitment(const mal_audit_statement *s, const char *name) {
    for (size_t i = 0; i < s->n_commitments; i++)
        if (strcmp(s->commitments[i].name, name) == 0)
            return &s->commitments[i].hash;
    return NULL;
}
