/* evidence.c - evidence of hardware and its endorsements, read from files. */
#include "evidence.h"
#include "cli_impl.h"

#include <malus/prim.h>
#include <stdio.h>
#include <string.h>

#define FILE_BYTES_MAX ((size_t)4 << 20) /* as text; tee limits the bytes */
#define ARENA_BYTES                                                            \
    (MAL_TEE_ARENA_BYTES + (MAL_TEE_ENDORSEMENTS_MAX + 1) * FILE_BYTES_MAX)

/* --- Files ------------------------------------------------------------------
 */

static bool ends_with(const char *text, const char *end) {
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static bool is_space(uint8_t c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* The text of a file without its white space. */
static mal_err squeeze(mal_buf *text) {
    size_t n = 0;
    for (size_t i = 0; i < text->len; i++)
        if (!is_space(text->ptr[i]))
            text->ptr[n++] = text->ptr[i];
    text->len = n;
    return MAL_OK;
}

static mal_err decode_hex(mal_buf *out, mal_buf *text) {
    const char *digits;
    MAL_TRY(squeeze(text));
    MAL_TRY(mal_buf_cstr(text, &digits));
    if (strncmp(digits, "0x", 2) == 0)
        digits += 2;
    size_t len = strlen(digits) / 2;
    MAL_REQUIRE(strlen(digits) == 2 * len, MAL_E_INPUT,
                "an odd number of hexadecimal digits");
    MAL_TRY(mal_buf_reserve(out, len));
    MAL_TRY(mal_hex_decode(out->ptr, len, digits));
    out->len = len;
    return MAL_OK;
}

/* The i-th block of a PEM text. */
static mal_err cut_pem(mal_buf *out, mal_bytes text, uint64_t index) {
    const char *const begin = "-----BEGIN ", *const end = "-----END ";
    const uint8_t *at = text.ptr, *stop = text.ptr + text.len;
    for (uint64_t i = 0;; i++) {
        const uint8_t *from = memmem(at, (size_t)(stop - at), begin, 11);
        const uint8_t *to =
            from ? memmem(from, (size_t)(stop - from), end, 9) : NULL;
        const uint8_t *line = to ? memchr(to, '\n', (size_t)(stop - to)) : NULL;
        MAL_REQUIRE(to, MAL_E_MISSING, "the file has no PEM block #%llu",
                    (unsigned long long)index);
        at = line ? line + 1 : stop;
        if (i == index)
            return mal_buf_put(out, mal_bytes_of(from, (size_t)(at - from)));
    }
}

/* FILE, or FILE#2 for its third PEM block; .hex and .base64 are decoded. */
static mal_err read_file(mal_arena *arena, mal_bytes *out, const char *name) {
    MAL_AUTO(mal_buf_clear) mal_buf file = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
    const char *hash = strrchr(name, '#');
    uint64_t index = 0;
    char *path = mal_arena_strndup(arena, name,
                                   hash ? (size_t)(hash - name) : strlen(name));
    if (!path)
        return MAL_E_MEMORY;
    if (hash)
        MAL_REQUIRE(sscanf(hash + 1, "%9lu", &index) == 1, MAL_E_INPUT,
                    "%s: a number follows #", name);
    MAL_TRY(mal_file_read(&file, path, FILE_BYTES_MAX));
    if (ends_with(path, ".hex")) {
        MAL_TRY(decode_hex(&bytes, &file));
    } else if (ends_with(path, ".base64")) {
        MAL_TRY(squeeze(&file));
        MAL_TRY(mal_base64_decode(&bytes, mal_buf_view(&file)));
    } else if (hash) {
        MAL_TRY(cut_pem(&bytes, mal_buf_view(&file), index));
    } else {
        MAL_TRY(mal_buf_put(&bytes, mal_buf_view(&file)));
    }
    uint8_t *copy = mal_arena_alloc(arena, bytes.len + 1);
    if (!copy)
        return MAL_E_MEMORY;
    memcpy(copy, bytes.ptr, bytes.len);
    *out = mal_bytes_of(copy, bytes.len);
    return MAL_OK;
}

/* --- Input -------------------------------------------------------------------
 */

mal_err cli_evidence_nonce(cli_evidence *in, const char *hex) {
    size_t len = strlen(hex) / 2;
    uint8_t *nonce = mal_arena_alloc(in->arena, len + 1);
    if (!nonce)
        return MAL_E_MEMORY;
    MAL_REQUIRE(strlen(hex) == 2 * len, MAL_E_INPUT,
                "a nonce is an even number of hexadecimal digits");
    MAL_TRY(mal_hex_decode(nonce, len, hex));
    in->tee.nonce = mal_bytes_of(nonce, len);
    in->tee.has_nonce = true;
    return MAL_OK;
}

mal_err cli_evidence_endorse(cli_evidence *in, const char *name) {
    size_t n = in->tee.n_endorsements;
    MAL_REQUIRE(n < MAL_TEE_ENDORSEMENTS_MAX, MAL_E_LIMIT,
                "at most %d endorsements", MAL_TEE_ENDORSEMENTS_MAX);
    MAL_TRY(read_file(in->arena, &in->endorsements[n], name));
    in->tee.n_endorsements++;
    return MAL_OK;
}

static mal_err start(cli_evidence *in, const char *kind, const char *anchor,
                     const char *time) {
    *in = (cli_evidence){ .arena = mal_arena_new(ARENA_BYTES) };
    if (!in->arena)
        return MAL_E_MEMORY;
    MAL_TRY(mal_tee_kind_parse(&in->tee.kind, &in->tee.scope, kind));
    MAL_TRY(mal_tee_anchor_parse(&in->tee.anchor, anchor));
    return mal_time_parse(&in->tee.time, time);
}

mal_err cli_evidence_begin(cli_evidence *in, const char *name, const char *kind,
                           const char *anchor, const char *time) {
    MAL_TRY(start(in, kind, anchor, time));
    return read_file(in->arena, &in->tee.evidence, name);
}

/* --- Cases -------------------------------------------------------------------
 */

static mal_err beside(cli_evidence *in, const char **path, const char *list,
                      const char *name) {
    const char *slash = *name == '/' ? NULL : strrchr(list, '/');
    *path = slash ? mal_arena_printf(in->arena, "%.*s/%s", (int)(slash - list),
                                     list, name)
                  : name;
    return *path ? MAL_OK : MAL_E_MEMORY;
}

mal_err cli_evidence_case(cli_evidence *in, const mal_json *row,
                          const char *list) {
    const char *kind, *anchor, *time, *name, *path;
    const mal_json *endorsements;
    MAL_TRY(mal_json_get_str(row, "kind", &kind));
    MAL_TRY(mal_json_get_str(row, "anchor", &anchor));
    MAL_TRY(mal_json_get_str(row, "time", &time));
    MAL_TRY(mal_json_get_str(row, "evidence", &name));
    MAL_TRY(mal_json_get_array(row, "endorsements", &endorsements));
    MAL_TRY(start(in, kind, anchor, time));
    MAL_TRY(beside(in, &path, list, name));
    MAL_TRY(read_file(in->arena, &in->tee.evidence, path));
    if (*cli_str(row, "nonce"))
        MAL_TRY(cli_evidence_nonce(in, cli_str(row, "nonce")));
    for (size_t i = 0; i < mal_json_len(endorsements); i++) {
        MAL_TRY(mal_json_as_str(mal_json_at(endorsements, i), "endorsement",
                                &name));
        MAL_TRY(beside(in, &path, list, name));
        MAL_TRY(cli_evidence_endorse(in, path));
    }
    return MAL_OK;
}

void cli_evidence_auto(cli_evidence *in) {
    mal_arena_free(in->arena);
    *in = (cli_evidence){ 0 };
}

mal_err cli_evidence_judge(mal_json **verdict, mal_tee_answer *answer,
                           cli_evidence *in) {
    mal_tee_verdict found;
    in->tee.endorsements = in->endorsements;
    MAL_TRY(mal_tee_verify(&found, in->arena, &in->tee));
    *answer = found.answer;
    return mal_tee_verdict_json(verdict, &found);
}
