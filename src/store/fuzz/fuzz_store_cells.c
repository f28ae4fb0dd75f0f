/* fuzz_store_cells.c - rows of text, as a CSV file brings them, into typed
 * words.
 *
 * Whatever the cells hold, what is kept lies within the declaration.
 */
#include "../source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char contract_text[] =
    "room \"r\" version 1\n"
    "party acme owner ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
    "party other owner ed25519:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n"
    "dataset acme.t {\n"
    "  email id normal uid2@1\n"
    "  card id normal raw@1 nullable\n"
    "  region dim in (\"north\", \"south\") nullable\n"
    "  year dim in 1990 .. 2030\n"
    "  spend measure decimal(2) in -50 .. 5000 nullable\n"
    "  privacy unit email contributes at most 2 rows\n"
    "  rows at most 1000\n"
    "}\n"
    "dataset other.t {\n"
    "  k id normal raw@1\n"
    "  privacy unit k contributes at most 1 row\n"
    "  rows at most 5\n"
    "}\n"
    "budget acme.t epsilon 4 in all, delta 1e-6\n"
    "collude 1\n"
    "consent all owners\n"
    "expires 2100-01-01\n";

#define COLUMNS 5
#define ROWS 64

static store_schema *schema;
static store_block *block;
static mal_key key;

static void set_up(void) {
    static mal_arena *arena; /* found by the leak checker */
    mal_policy_contract *contract;

    arena = mal_arena_new(64 << 20);
    if (mal_prim_init() != MAL_OK ||
        mal_policy_parse(&contract, arena, mal_bytes_str(contract_text)) !=
            MAL_OK ||
        mal_store_schema_make(&schema, arena, contract, "acme.t") != MAL_OK ||
        mal_store_block_new(&block, schema) != MAL_OK ||
        mal_key_alloc(&key, 32) != MAL_OK)
        abort();
    assert(schema->n == COLUMNS);
}

static void check_rows(const store_block *b) {
    for (unsigned c = 0; c < b->n; c++) {
        const store_column *k = &schema->columns[c];
        int64_t lo = k->role == MAL_POLICY_DIM ? 0 : k->lo;
        int64_t hi = k->role == MAL_POLICY_DIM ? k->n_codes : k->hi;
        for (size_t r = 0; r < b->rows; r++) {
            assert(b->col[c].null[r] <= k->nullable);
            int64_t v = k->kind == MAL_DUCK_I64
                            ? ((const int64_t *)b->col[c].words)[r]
                            : 0;
            assert(k->kind == MAL_DUCK_ID || b->col[c].null[r] ||
                   (v >= lo && v <= hi));
            assert(!b->col[c].null[r] || v == 0);
        }
    }
}

/* Cells end at ',' or a line's end; a line has COLUMNS of them. */
static void judge(const uint8_t *data, size_t size) {
    static uint8_t text[COLUMNS][1 << 16];
    static uint32_t at[COLUMNS][ROWS + 1];
    mal_duck_column columns[COLUMNS] = { 0 };
    mal_store_column_report reports[COLUMNS] = { 0 };
    mal_store_report report = { .n_columns = COLUMNS, .columns = reports };
    mal_store_options options = { .null_text = "NA", .strict = data[0] & 1 };
    mal_duck_batch cells = { .n = COLUMNS, .columns = columns };
    store_judge *j = NULL;
    unsigned c = 0;

    for (unsigned i = 0; i < COLUMNS; i++) {
        at[i][0] = at[i][1] = 0;
        columns[i] = (mal_duck_column){ .type = MAL_DUCK_TEXT,
                                        .text = text[i],
                                        .text_at = at[i] };
    }
    for (size_t i = 1; i < size && cells.rows < ROWS; i++) {
        uint32_t *end = &at[c][cells.rows + 1];
        if (data[i] == ',' || data[i] == '\n') {
            c = (c + 1) % COLUMNS;
            cells.rows += c == 0;
            if (cells.rows < ROWS)
                at[c][cells.rows + 1] = at[c][cells.rows];
        } else if (*end < sizeof text[0]) {
            text[c][(*end)++] = data[i];
        }
    }
    if (mal_store_judge_new(&j, schema, &key, &options, &report) != MAL_OK)
        abort();
    if (mal_store_judge_rows(j, block, &cells) == MAL_OK)
        check_rows(block);
    mal_store_judge_auto(&j);
}

static void one_cell(const uint8_t *data, size_t size) {
    static uint8_t out[MAL_STORE_CELL_MAX];
    mal_bytes cell = mal_bytes_of(data, size);
    size_t len;
    bool changed;
    int64_t v, again;
    char text[32];

    if (mal_store_normalise(out, &len, &changed, STORE_UID2_1, cell))
        assert(len > 0 && len <= size);
    if (mal_store_decimal_parse(&v, cell, 0) == STORE_NUMBER_OK) {
        snprintf(text, sizeof text, "%lld", (long long)v);
        assert(mal_store_decimal_parse(&again, mal_bytes_str(text), 0) ==
                   STORE_NUMBER_OK &&
               again == v);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static mal_bytes names[256];
    unsigned n;

    if (!schema)
        set_up();
    if (size == 0)
        return 0;
    mal_arena *arena = mal_arena_new(1 << 20);
    if (mal_store_header_split(names, &n, 256, arena, mal_bytes_of(data, size),
                               ',') == MAL_OK)
        assert(n >= 1 && n <= 256);
    mal_arena_free(arena);
    one_cell(data, size);
    judge(data, size);
    return 0;
}
