/* cases.h - the published list of evidence, and the verdict that each must
 * have.
 */
#ifndef MALUS_TEE_CASES_H
#define MALUS_TEE_CASES_H

#include "mal_test.h"

#include <malus/tee.h>

#define LIST "attestation/verdicts.json"
#define FILE_MAX ((size_t)1 << 20)

typedef struct mal_case {
    const mal_json *entry;
    mal_tee_input input;
    mal_buf evidence, files[MAL_TEE_ENDORSEMENTS_MAX];
    mal_bytes endorsements[MAL_TEE_ENDORSEMENTS_MAX];
    mal_arena *arena;
    mal_tee_verdict verdict;
} mal_case;

__attribute__((unused)) static void case_clear(mal_case *c) {
    mal_buf_clear(&c->evidence);
    for (size_t i = 0; i < MAL_TEE_ENDORSEMENTS_MAX; i++)
        mal_buf_clear(&c->files[i]);
    mal_arena_free(c->arena);
}

__attribute__((unused)) static mal_json *case_list(void) {
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    mal_json *list;
    CHECK_OK(mal_file_read(&text, mal_test_vector(LIST), FILE_MAX));
    CHECK_OK(mal_json_parse(&list, mal_buf_view(&text), FILE_MAX));
    return list;
}

static void case_base64(mal_buf *out) {
    mal_buf bytes = { 0 };
    CHECK_OK(mal_base64_decode(&bytes, mal_buf_view(out)));
    mal_buf_clear(out);
    *out = bytes;
}

/* Only the block of this number of a PEM text, from 0. */
static void case_block(mal_buf *out, unsigned long block) {
    const char *text, *end;
    CHECK_OK(mal_buf_cstr(out, &text));
    for (; block > 0; block--) {
        text = strstr(text, "-----END ");
        CHECK(text++);
    }
    text = strstr(text, "-----BEGIN ");
    CHECK(text && (end = strstr(text, "-----END ")));
    CHECK((end = strchr(end, '\n')));
    out->len = (size_t)(end + 1 - text);
    memmove(out->ptr, text, out->len);
}

/* A file of the folder, "x.pem#1" a block of it; text in hexadecimal or base64
 * is decoded. */
static void case_file(mal_buf *out, const char *name) {
    char path[256];
    snprintf(path, sizeof path, "attestation/%s", name);
    char *hash = strchr(path, '#');
    if (hash)
        *hash = 0;
    CHECK_OK(mal_file_read(out, mal_test_vector(path), FILE_MAX));
    if (hash)
        case_block(out, strtoul(hash + 1, NULL, 10));
    bool base64 = strstr(name, ".base64") != NULL;
    if (!base64 && !strstr(name, ".hex"))
        return;
    const char *text;
    while (out->len && out->ptr[out->len - 1] <= ' ')
        out->len--;
    if (base64) {
        case_base64(out);
        return;
    }
    CHECK_OK(mal_buf_cstr(out, &text));
    size_t len = out->len / 2;
    uint8_t *bytes = mal_calloc(len, 1);
    CHECK_OK(mal_hex_decode(bytes, len, text));
    memcpy(out->ptr, bytes, len);
    out->len = len;
    mal_free(bytes);
}

static const char *case_str(const mal_json *entry, const char *key) {
    const char *text;
    CHECK_OK(mal_json_get_str(entry, key, &text));
    return text;
}

__attribute__((unused)) static void case_load(mal_case *c,
                                              const mal_json *entry) {
    const mal_json *list = mal_json_find(entry, "endorsements");
    *c = (mal_case){ .entry = entry };
    CHECK_OK(mal_tee_kind_parse(&c->input.kind, &c->input.scope,
                                case_str(entry, "kind")));
    CHECK_OK(mal_tee_anchor_parse(&c->input.anchor, case_str(entry, "anchor")));
    CHECK_OK(mal_time_parse(&c->input.time, case_str(entry, "time")));
    case_file(&c->evidence, case_str(entry, "evidence"));
    c->input.evidence = mal_buf_view(&c->evidence);
    for (size_t i = 0; i < mal_json_len(list); i++) {
        const char *name;
        CHECK_OK(mal_json_as_str(mal_json_at(list, i), "endorsements", &name));
        case_file(&c->files[i], name);
        c->endorsements[i] = mal_buf_view(&c->files[i]);
    }
    c->input.endorsements = c->endorsements;
    c->input.n_endorsements = mal_json_len(list);
}

__attribute__((unused)) static void case_judge(mal_case *c) {
    mal_arena_free(c->arena);
    c->arena = mal_arena_new(MAL_TEE_ARENA_BYTES);
    CHECK_OK(mal_tee_verify(&c->verdict, c->arena, &c->input));
}

/* The entry with this name. */
__attribute__((unused)) static const mal_json *case_find(const mal_json *list,
                                                         const char *id) {
    const mal_json *all = mal_json_find(list, "vectors");
    for (size_t i = 0; i < mal_json_len(all); i++)
        if (strcmp(case_str(mal_json_at(all, i), "id"), id) == 0)
            return mal_json_at(all, i);
    CHECK_THAT(false, "no case \"%s\"", id);
    return NULL;
}

#endif
