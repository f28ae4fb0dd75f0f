/* judge.c - text cells against the declaration, column by column.
 *
 * A batch is judged a column at a time, so that one column's work (a
 * dictionary, a keyed hash) stays in cache; a row that one column condemned is
 * not looked at by the next.  The rows that remain are then moved together.
 */
#include "store_impl.h"

#include <stdio.h>
#include <string.h>

#define KEPT 0xffu

/* Pseudonyms of identifiers seen lately: one HMAC for many rows of one person.
 * Direct-mapped; an entry counts only if the whole identifier is equal. */
#define CACHE_SIZE 4096u
#define CACHE_TEXT 44u
typedef struct cached {
    uint32_t len; /* 0: empty */
    uint8_t text[CACHE_TEXT];
    uint8_t pseudonym[16];
} cached;

struct store_judge {
    const store_schema *schema;
    const mal_key *key;
    bool strict;
    mal_bytes null_text; /* none: NULL */
    mal_store_report *report;
    uint8_t cache_key[16];
    uint8_t verdict[MAL_DUCK_BATCH_ROWS]; /* KEPT or a reason */
    cached cache[CACHE_SIZE];
};

mal_err mal_store_judge_new(store_judge **out, const store_schema *schema,
                            const mal_key *key,
                            const mal_store_options *options,
                            mal_store_report *report) {
    store_judge *j = mal_calloc(1, sizeof *j);

    MAL_REQUIRE(j, MAL_E_MEMORY, "out of memory");
    assert(key || !mal_store_schema_has_ids(schema));
    j->schema = schema;
    j->key = key;
    j->strict = options->strict;
    if (options->null_text)
        j->null_text = mal_bytes_str(options->null_text);
    j->report = report;
    mal_prim_random(j->cache_key, sizeof j->cache_key);
    *out = j;
    return MAL_OK;
}

void mal_store_judge_auto(store_judge **judge) {
    if (*judge)
        mal_wipe(*judge, sizeof **judge);
    mal_free(*judge);
    *judge = NULL;
}

const char *mal_store_drop_text(unsigned reason) {
#define X(name, value, text) [value] = text,
    static const char *const texts[] = { MAL_STORE_DROP_MAP(X) };
#undef X
    return reason < MAL_STORE_DROPS ? texts[reason] : "unknown";
}

/* One column of the batch being judged. */
typedef struct work {
    store_judge *j;
    unsigned at; /* the column */
    const store_column *c;
    const mal_duck_column *cells;
    mal_store_column_report *report;
    void *words;
    uint8_t *null;
} work;

static mal_bytes cell(const work *w, size_t row) {
    uint32_t from = w->cells->text_at[row];
    return mal_bytes_of(w->cells->text + from,
                        w->cells->text_at[row + 1] - from);
}

/* In strict mode the first bad cell ends the ingest, and says where it is. */
static mal_err condemn(work *w, size_t row, unsigned reason) {
    mal_bytes text = cell(w, row);
    char shown[41];
    size_t n = text.len < sizeof shown - 1 ? text.len : sizeof shown - 1;

    w->report->bad++;
    w->j->verdict[row] = (uint8_t)reason;
    if (!w->j->strict)
        return MAL_OK;
    for (size_t i = 0; i < n; i++)
        shown[i] =
            text.ptr[i] >= 0x20 && text.ptr[i] < 0x7f ? (char)text.ptr[i] : '?';
    shown[n] = 0;
    unsigned long long at =
        (unsigned long long)(w->j->report->rows_read + row + 1);
    MAL_FAIL(MAL_E_INPUT,
             "row %llu (line %llu if no cell spans lines), column %s: \"%s\" "
             "is %s; correct it, or ingest without --strict to drop such rows",
             at, at + 1, w->c->name, shown, mal_store_drop_text(reason));
}

static mal_err judge_null(work *w, size_t row) {
    w->null[row] = 1;
    if (w->at == w->j->schema->unit)
        return condemn(w, row, MAL_STORE_DROP_UNIT);
    if (!w->c->nullable)
        return condemn(w, row, MAL_STORE_DROP_NULL);
    w->report->null++;
    return MAL_OK;
}

static mal_err judge_measure(work *w, size_t row) {
    const store_column *c = w->c;
    int64_t v;
    store_number how = mal_store_decimal_parse(&v, cell(w, row), c->scale);

    if (how == STORE_NUMBER_BAD)
        return condemn(w, row, MAL_STORE_DROP_NUMBER);
    bool low = how == STORE_NUMBER_LOW || (how == STORE_NUMBER_OK && v < c->lo);
    bool high =
        how == STORE_NUMBER_HIGH || (how == STORE_NUMBER_OK && v > c->hi);
    if (low || high) {
        v = low ? c->lo : c->hi;
        w->report->clamped++;
        unsigned long long at =
            (unsigned long long)(w->j->report->rows_read + row + 1);
        MAL_REQUIRE(!w->j->strict, MAL_E_INPUT,
                    "row %llu (line %llu if no cell spans lines), column %s: "
                    "the value is outside the declared range; correct it, or "
                    "ingest without --strict to clamp",
                    at, at + 1, c->name);
    }
    ((int64_t *)w->words)[row] = v;
    return MAL_OK;
}

/* Other values become `other` (rule 12); nothing is an error. */
static void judge_dim(work *w, size_t row) {
    const store_column *c = w->c;
    uint64_t code = c->n_codes;
    int64_t v;

    if (c->codes)
        code = mal_store_codes_find(c->codes, cell(w, row));
    else if (mal_store_decimal_parse(&v, cell(w, row), 0) == STORE_NUMBER_OK &&
             v >= c->lo && v <= c->hi)
        code = (uint64_t)v - (uint64_t)c->lo;
    w->report->other += code == c->n_codes;
    ((int64_t *)w->words)[row] = (int64_t)code;
}

/* First 16 bytes of HMAC-SHA256(room's key, label || identifier). */
static void pseudonym(store_judge *j, uint8_t out[16], const store_column *c,
                      const uint8_t *id, size_t len) {
    uint8_t message[MAL_PRIM_HASH + MAL_STORE_CELL_MAX];
    mal_prim_hash mac;
    uint64_t h = mal_store_siphash(j->cache_key, id, len);
    cached *e = &j->cache[(h ^ c->label.b[0]) % CACHE_SIZE];

    if (len <= CACHE_TEXT && e->len == len &&
        mal_compare_vartime(e->text, id, len) == 0) {
        memcpy(out, e->pseudonym, 16);
        return;
    }
    memcpy(message, c->label.b, MAL_PRIM_HASH);
    memcpy(message + MAL_PRIM_HASH, id, len);
    mal_prim_hmac256(&mac, mal_key_view(j->key),
                     mal_bytes_of(message, MAL_PRIM_HASH + len));
    memcpy(out, mac.b, 16);
    if (len <= CACHE_TEXT) {
        e->len = (uint32_t)len;
        memcpy(e->text, id, len);
        memcpy(e->pseudonym, mac.b, 16);
    }
}

static mal_err judge_id(work *w, size_t row) {
    uint8_t id[MAL_STORE_CELL_MAX];
    size_t len;
    bool changed;

    if (!mal_store_normalise(id, &len, &changed, w->c->normal, cell(w, row)))
        return condemn(w, row, MAL_STORE_DROP_ID);
    w->report->changed += changed;
    pseudonym(w->j, (uint8_t *)w->words + row * 16, w->c, id, len);
    return MAL_OK;
}

static bool is_null(const work *w, size_t row) {
    mal_bytes text = cell(w, row), null = w->j->null_text;

    return text.len == 0 || (w->cells->null && w->cells->null[row]) ||
           (null.ptr && text.len == null.len &&
            mal_compare_vartime(text.ptr, null.ptr, null.len) == 0);
}

static mal_err judge_column(work *w, size_t rows) {
    /* Another column's pseudonym of the same text has another label. */
    if (w->c->kind == MAL_DUCK_ID)
        memset(w->j->cache, 0, sizeof w->j->cache);
    memset(w->null, 0, rows);
    memset(w->words, 0, rows * mal_store_width(w->c->kind));
    for (size_t row = 0; row < rows; row++) {
        if (w->j->verdict[row] != KEPT)
            continue;
        if (is_null(w, row))
            MAL_TRY(judge_null(w, row));
        else if (w->c->role == MAL_POLICY_MEASURE)
            MAL_TRY(judge_measure(w, row));
        else if (w->c->role == MAL_POLICY_DIM)
            judge_dim(w, row);
        else
            MAL_TRY(judge_id(w, row));
    }
    return MAL_OK;
}

/* Move the kept rows together. */
static void compact(store_judge *j, store_block *b, size_t rows) {
    for (unsigned i = 0; i < b->n; i++) {
        size_t w = mal_store_width(b->col[i].kind), to = 0;
        uint8_t *words = b->col[i].words, *null = b->col[i].null;
        for (size_t row = 0; row < rows; row++) {
            if (j->verdict[row] != KEPT)
                continue;
            if (to != row) {
                memcpy(words + to * w, words + row * w, w);
                null[to] = null[row];
            }
            to++;
        }
        b->rows = to;
    }
}

mal_err mal_store_judge_rows(store_judge *j, store_block *block,
                             const mal_duck_batch *cells) {
    size_t rows = cells->rows, dropped = 0;

    assert(cells->n == j->schema->n && rows <= MAL_STORE_SEGMENT_ROWS);
    block->rows = 0;
    memset(j->verdict, KEPT, rows);
    for (unsigned i = 0; i < j->schema->n; i++) {
        work w = {
            .j = j,
            .at = i,
            .c = &j->schema->columns[i],
            .cells = &cells->columns[i],
            .report = &j->report->columns[i],
            .words = block->col[i].words,
            .null = block->col[i].null,
        };
        MAL_TRY(judge_column(&w, rows));
    }
    for (size_t row = 0; row < rows; row++) {
        if (j->verdict[row] == KEPT)
            continue;
        dropped++;
        j->report->rows_dropped[j->verdict[row]]++;
    }
    j->report->rows_read += rows;
    if (dropped)
        compact(j, block, rows);
    else
        block->rows = rows;
    return MAL_OK;
}
