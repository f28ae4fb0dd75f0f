/* parse_dataset.c - dataset OWNER.TABLE { columns, privacy unit, bounds }. */
#include "policy_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCALED_MAX                                                             \
    ((uint64_t)1 << 62) /* a range of two such fits in 64 bits                 \
                         */
#define ROWS_MAX ((uint64_t)1 << 40)

/* --- Domains: in ("a", "b"), in 1 .. 12 --------------------------------- */

typedef struct code {
    const char *text;
    size_t at;
} code;

static int by_code(const void *a, const void *b) {
    const code *x = a, *y = b;
    int order = strcmp(x->text, y->text);
    return order ? order : (x->at > y->at) - (x->at < y->at);
}

static mal_err codes_distinct(parser *p, const list *codes) {
    code *sorted = mal_arena_calloc(p->arena, codes->n, sizeof *sorted);
    if (!sorted)
        return MAL_E_MEMORY;
    memcpy(sorted, codes->ptr, codes->n * sizeof *sorted);
    qsort(sorted, codes->n, sizeof *sorted, by_code);
    for (uint32_t i = 1; i < codes->n; i++)
        FAULT_UNLESS(strcmp(sorted[i - 1].text, sorted[i].text) != 0, p,
                     sorted[i].at, "\"%.100s\" stands in the list twice",
                     sorted[i].text);
    return MAL_OK;
}

static mal_err take_codes(parser *p, mal_policy_column *column) {
    list codes = { 0 };
    bool more = true;
    MAL_TRY(policy_next(p)); /* ( */
    while (more) {
        void *slot;
        MAL_TRY(policy_list_add(p, &codes, sizeof(code), MAL_POLICY_CODES_MAX,
                                "values in a list", &slot));
        code *next = slot;
        next->at = p->tok.at;
        if (p->tok.kind == TOKEN_WORD)
            MAL_TRY(policy_take_label(p, &next->text, "a value"));
        else
            MAL_TRY(policy_take_string(p, &next->text, MAL_POLICY_STRING_MAX,
                                       "a value, in quotes"));
        MAL_TRY(policy_take_if(p, ",", &more));
    }
    MAL_TRY(policy_take(p, ")", "or \",\" and the next value"));
    MAL_TRY(codes_distinct(p, &codes));
    const char **texts = mal_arena_calloc(p->arena, codes.n, sizeof *texts);
    if (!texts)
        return MAL_E_MEMORY;
    for (uint32_t i = 0; i < codes.n; i++)
        texts[i] = ((code *)codes.ptr)[i].text;
    column->codes = texts;
    column->n_codes = codes.n;
    return MAL_OK;
}

static mal_err take_scaled(parser *p, int64_t *out, unsigned scale) {
    decimal d;
    size_t at = p->tok.at;
    uint64_t magnitude;
    MAL_TRY(policy_take_decimal(p, &d, "a number"));
    FAULT_UNLESS(policy_decimal_scaled(&magnitude, &d, (int)scale, SCALED_MAX),
                 p, at,
                 "the bound is a number of at most %u decimals and below 2^62 "
                 "in its last one",
                 scale);
    *out = d.negative ? -(int64_t)magnitude : (int64_t)magnitude;
    return MAL_OK;
}

static mal_err take_range(parser *p, mal_policy_column *column) {
    size_t at = p->tok.at;
    MAL_TRY(take_scaled(p, &column->lo, column->scale));
    MAL_TRY(policy_take(p, "..", "and the upper bound"));
    MAL_TRY(take_scaled(p, &column->hi, column->scale));
    FAULT_UNLESS(column->lo <= column->hi, p, at,
                 "the lower bound is above the upper one");
    if (column->role != MAL_POLICY_DIM)
        return MAL_OK;
    uint64_t width = (uint64_t)column->hi - (uint64_t)column->lo;
    if (width >= MAL_POLICY_CODES_MAX)
        FAULT(p, at, MAL_E_LIMIT, "the range of a dim has at most %u values",
              MAL_POLICY_CODES_MAX);
    column->n_codes = (uint32_t)width + 1;
    return MAL_OK;
}

static mal_err take_domain_of_values(parser *p, mal_policy_column *column) {
    if (column->role == MAL_POLICY_DIM && policy_is(p, "("))
        return take_codes(p, column);
    if (p->tok.kind == TOKEN_NUMBER)
        return take_range(p, column);
    if (p->tok.kind == TOKEN_WORD)
        FAULT(p, p->tok.at, MAL_E_UNSUPPORTED,
              "named code lists are reserved, not yet supported; write the "
              "values, as in (\"a\", \"b\"), or a range, as in 1 .. 12");
    return policy_unexpected(p, column->role == MAL_POLICY_DIM
                                    ? "values, as in (\"a\", \"b\"), or a "
                                      "range, as in 1 .. 12"
                                    : "a range, as in 0 .. 5000");
}

/* --- Columns ------------------------------------------------------------ */

static mal_err take_profile(parser *p, mal_policy_column *column) {
    const char *name;
    uint64_t version;
    MAL_TRY(policy_take_label(p, &name, "a profile, as in raw@1"));
    MAL_TRY(policy_take(p, "@", "and the profile's version, as in raw@1"));
    MAL_TRY(policy_take_count(p, &version, 1, 999, "a profile's version"));
    column->normal =
        mal_arena_printf(p->arena, "%s@%u", name, (unsigned)version);
    return column->normal ? MAL_OK : MAL_E_MEMORY;
}

static mal_err take_decimals(parser *p, mal_policy_column *column) {
    uint64_t scale;
    FAULT_UNLESS(column->n_codes == 0 && column->hi == 0 && column->lo == 0, p,
                 p->tok.at, "decimal(...) stands before the range");
    MAL_TRY(policy_take(p, "(", "after decimal"));
    MAL_TRY(policy_take_count(p, &scale, 0, MAL_POLICY_SCALE_MAX,
                              "the number of decimals"));
    column->scale = (uint8_t)scale;
    return policy_take(p, ")", "after the number of decimals");
}

enum { OPT_NORMAL = 1, OPT_DOMAIN = 2, OPT_DECIMAL = 4, OPT_IN = 8 };
enum { OPT_NULLABLE = 16, OPT_CLASS = 32 };

static const struct option {
    const char *text;
    uint32_t bit;
    uint32_t roles; /* 1 << role */
} options[] = {
    { "normal", OPT_NORMAL, 1u << MAL_POLICY_ID },
    { "domain", OPT_DOMAIN, 1u << MAL_POLICY_ID },
    { "decimal", OPT_DECIMAL, 1u << MAL_POLICY_MEASURE },
    { "in", OPT_IN, 1u << MAL_POLICY_DIM | 1u << MAL_POLICY_MEASURE },
    { "nullable", OPT_NULLABLE, UINT32_MAX },
    { "class", OPT_CLASS, UINT32_MAX },
};

static mal_err take_option(parser *p, mal_policy_column *column,
                           uint32_t option) {
    switch (option) {
    case OPT_NORMAL:
        return take_profile(p, column);
    case OPT_DOMAIN:
        return policy_take_label(p, &column->domain, "a domain of ids");
    case OPT_DECIMAL:
        return take_decimals(p, column);
    case OPT_IN:
        return take_domain_of_values(p, column);
    case OPT_CLASS:
        return policy_take_label(p, &column->class_, "a class");
    default:
        column->nullable = true;
        return MAL_OK;
    }
}

static const struct option *option_here(const parser *p) {
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (policy_is(p, options[i].text))
            return &options[i];
    return NULL;
}

static mal_err column_complete(parser *p, mal_policy_column *column,
                               uint32_t seen, size_t at) {
    if (column->role == MAL_POLICY_ID) {
        FAULT_UNLESS(seen & OPT_NORMAL, p, at,
                     "id %s says how it is normalised: normal raw@1",
                     column->name);
        if (!column->domain)
            column->domain = column->name;
    }
    bool valued =
        column->role == MAL_POLICY_DIM || column->role == MAL_POLICY_MEASURE;
    FAULT_UNLESS(!valued || (seen & OPT_IN), p, at,
                 "%s says what values it has: %s", column->name,
                 column->role == MAL_POLICY_DIM
                     ? "in (\"a\", \"b\") or in 1 .. 12"
                     : "in 0 .. 5000");
    return MAL_OK;
}

static const word column_role_words[] = {
    { "id", MAL_POLICY_ID },
    { "dim", MAL_POLICY_DIM },
    { "measure", MAL_POLICY_MEASURE },
    { "secret", MAL_POLICY_SECRET },
    { 0 },
};

/* NAME ROLE OPTION... */
static mal_err parse_column(parser *p, list *columns) {
    void *slot;
    size_t at = p->tok.at;
    uint32_t seen = 0, role;
    MAL_TRY(policy_list_add(p, columns, sizeof(mal_policy_column),
                            MAL_POLICY_COLUMNS_MAX, "columns in a dataset",
                            &slot));
    mal_policy_column *column = slot, *all = columns->ptr;
    column->line = p->tok.line;
    FAULT_UNLESS(!policy_word_is_option(p->text + at, p->tok.len), p, at,
                 "\"%.*s\" cannot be a column's name (class and jurisdiction "
                 "of a dataset stand before its \"{\")",
                 (int)p->tok.len, p->text + at);
    MAL_TRY(policy_take_label(p, &column->name, "a column, or \"}\""));
    for (const char *s = column->name; *s; s++)
        FAULT_UNLESS(
            (*s >= 'a' && *s <= 'z') || (*s >= '0' && *s <= '9') || *s == '_',
            p, at, "a column's name is made of a-z, 0-9 and _; \"%s\" is not",
            column->name);
    for (mal_policy_column *q = all; q < column; q++)
        FAULT_UNLESS(strcmp(q->name, column->name) != 0, p, at,
                     "column %s is declared twice", column->name);
    MAL_TRY(
        policy_take_word_of(p, column_role_words, &role,
                            "the column's role: id, dim, measure or secret"));
    column->role = (mal_policy_role)role;
    for (const struct option *o; (o = option_here(p)) != NULL;) {
        size_t option_at = p->tok.at;
        FAULT_UNLESS(!(seen & o->bit), p, option_at,
                     "%s is said twice for column %s", o->text, column->name);
        FAULT_UNLESS(o->roles >> role & 1, p, option_at,
                     "%s does not go with a %s", o->text,
                     policy_word_of(column_role_words, role));
        seen |= o->bit;
        MAL_TRY(policy_next(p));
        MAL_TRY(take_option(p, column, o->bit));
    }
    return column_complete(p, column, seen, at);
}

/* --- The block ---------------------------------------------------------- */

typedef struct block {
    list columns;
    const char *unit; /* NULL: not yet said; "" every row */
    size_t unit_at;
    bool rows;
    size_t units_at; /* 0: not said */
    struct unique_at {
        const char *names[MAL_POLICY_UNIQUE_COLUMNS_MAX];
        size_t at;
        uint32_t n;
    } uniques[MAL_POLICY_UNIQUES_MAX];
    uint32_t n_uniques;
} block;

/* privacy unit COLUMN contributes at most N rows | privacy unit row */
static mal_err parse_unit(parser *p, mal_policy_dataset *d, block *b) {
    bool row, is;
    FAULT_UNLESS(!b->unit, p, p->tok.at, "the privacy unit is said twice");
    MAL_TRY(policy_take(p, "privacy", "unit"));
    MAL_TRY(policy_take(p, "unit", "after privacy"));
    b->unit_at = p->tok.at;
    MAL_TRY(policy_take_if(p, "row", &row));
    d->contributes_max = 1;
    if (row) {
        b->unit = "";
        return MAL_OK;
    }
    MAL_TRY(policy_take_label(p, &b->unit, "an id column, or row"));
    MAL_TRY(policy_take(p, "contributes", "at most N rows"));
    MAL_TRY(policy_take(p, "at", "most N rows"));
    MAL_TRY(policy_take(p, "most", "N rows"));
    MAL_TRY(policy_take_count(p, &d->contributes_max, 1, ROWS_MAX,
                              "the rows of one unit"));
    MAL_TRY(policy_take_if(p, "row", &is));
    return is ? MAL_OK : policy_take(p, "rows", "after the number");
}

static mal_err parse_rows(parser *p, mal_policy_dataset *d, block *b) {
    FAULT_UNLESS(!b->rows, p, p->tok.at, "the bound on rows is said twice");
    b->rows = true;
    MAL_TRY(policy_take(p, "rows", "at most N"));
    MAL_TRY(policy_take(p, "at", "most N"));
    MAL_TRY(policy_take(p, "most", "N"));
    return policy_take_count(p, &d->rows_max, 1, ROWS_MAX, "the bound on rows");
}

/* units at most N: how many privacy units there are, in public; without it, as
 * many as rows.  Engines that join pad to it. */
static mal_err parse_units(parser *p, mal_policy_dataset *d, block *b) {
    FAULT_UNLESS(!d->units_max, p, p->tok.at,
                 "the bound on units is said twice");
    b->units_at = p->tok.at;
    MAL_TRY(policy_take(p, "units", "at most N"));
    MAL_TRY(policy_take(p, "at", "most N"));
    MAL_TRY(policy_take(p, "most", "N"));
    return policy_take_count(p, &d->units_max, 1, ROWS_MAX,
                             "the bound on units");
}

/* unique COLUMN, ..: the columns may be declared further down. */
static mal_err parse_unique(parser *p, block *b) {
    bool more = true;
    FAULT_UNLESS(b->n_uniques < MAL_POLICY_UNIQUES_MAX, p, p->tok.at,
                 "more than %u unique clauses", MAL_POLICY_UNIQUES_MAX);
    struct unique_at *u = &b->uniques[b->n_uniques++];
    u->at = p->tok.at;
    MAL_TRY(policy_take(p, "unique", "columns"));
    while (more) {
        FAULT_UNLESS(u->n < MAL_POLICY_UNIQUE_COLUMNS_MAX, p, p->tok.at,
                     "a unique clause of more than %u columns",
                     MAL_POLICY_UNIQUE_COLUMNS_MAX);
        MAL_TRY(policy_take_label(p, &u->names[u->n++], "a column"));
        MAL_TRY(policy_take_if(p, ",", &more));
    }
    return MAL_OK;
}

static int by_index(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static int by_columns(const void *a, const void *b) {
    const mal_policy_unique *x = a, *y = b;
    for (uint32_t i = 0; i < x->n && i < y->n; i++)
        if (x->columns[i] != y->columns[i])
            return x->columns[i] < y->columns[i] ? -1 : 1;
    return (x->n > y->n) - (x->n < y->n);
}

static mal_err unique_columns(parser *p, const mal_policy_dataset *d,
                              mal_policy_unique *out,
                              const struct unique_at *u) {
    uint32_t *columns = mal_arena_calloc(p->arena, u->n, sizeof *columns);
    if (!columns)
        return MAL_E_MEMORY;
    for (uint32_t i = 0; i < u->n; i++) {
        columns[i] = mal_policy_column_find(d, u->names[i]);
        FAULT_UNLESS(columns[i] != MAL_POLICY_NONE, p, u->at,
                     "there is no column \"%s\" in %s", u->names[i], d->name);
        FAULT_UNLESS(d->columns[columns[i]].role != MAL_POLICY_SECRET, p, u->at,
                     "%s is secret: nothing reads it, so nothing can rely on "
                     "it being unique",
                     u->names[i]);
    }
    qsort(columns, u->n, sizeof *columns, by_index);
    for (uint32_t i = 1; i < u->n; i++)
        FAULT_UNLESS(columns[i] != columns[i - 1], p, u->at,
                     "a column stands twice in a unique clause");
    *out = (mal_policy_unique){ .columns = columns, .n = u->n };
    return MAL_OK;
}

static mal_err uniques_complete(parser *p, mal_policy_dataset *d,
                                const block *b) {
    mal_policy_unique *all =
        mal_arena_calloc(p->arena, b->n_uniques + 1, sizeof *all);
    if (!all)
        return MAL_E_MEMORY;
    for (uint32_t i = 0; i < b->n_uniques; i++)
        MAL_TRY(unique_columns(p, d, &all[i], &b->uniques[i]));
    qsort(all, b->n_uniques, sizeof *all, by_columns);
    for (uint32_t i = 1; i < b->n_uniques; i++)
        FAULT_UNLESS(by_columns(&all[i - 1], &all[i]) != 0, p, b->uniques[0].at,
                     "%s says the same unique columns twice", d->name);
    d->uniques = all;
    d->n_uniques = b->n_uniques;
    return MAL_OK;
}

static mal_err parse_rests(parser *p, mal_policy_dataset *d) {
    size_t at = p->tok.at;
    MAL_TRY(policy_take(p, "rests", "shared"));
    MAL_TRY(policy_take(p, "shared", "after \"rests\""));
    FAULT_UNLESS(!d->shared, p, at, "%s rests shared already", d->name);
    d->shared = true;
    return MAL_OK;
}

static mal_err parse_block_item(parser *p, mal_policy_dataset *d, block *b) {
    if (policy_is(p, "privacy"))
        return parse_unit(p, d, b);
    if (policy_is(p, "rows"))
        return parse_rows(p, d, b);
    if (policy_is(p, "units"))
        return parse_units(p, d, b);
    if (policy_is(p, "unique"))
        return parse_unique(p, b);
    if (policy_is(p, "rests"))
        return parse_rests(p, d);
    return parse_column(p, &b->columns);
}

static mal_err block_complete(parser *p, mal_policy_dataset *d, const block *b,
                              size_t at) {
    FAULT_UNLESS(b->columns.n > 0, p, at, "%s has no column", d->name);
    FAULT_UNLESS(b->unit, p, at,
                 "%s says whom it protects: privacy unit COLUMN contributes "
                 "at most N rows, or privacy unit row",
                 d->name);
    FAULT_UNLESS(b->rows, p, at, "%s says its size, in public: rows at most N",
                 d->name);
    d->columns = b->columns.ptr;
    d->n_columns = b->columns.n;
    d->unit = MAL_POLICY_NONE;
    FAULT_UNLESS(!d->units_max || (*b->unit && d->units_max <= d->rows_max), p,
                 b->units_at,
                 "units are counted where the privacy unit is a column, and "
                 "are at most as many as rows");
    d->units_max = d->units_max ? d->units_max : d->rows_max;
    MAL_TRY(uniques_complete(p, d, b));
    if (!*b->unit)
        return MAL_OK;
    d->unit = mal_policy_column_find(d, b->unit);
    guess g = policy_guess(b->unit, strlen(b->unit));
    char meant[160];
    for (uint32_t i = 0; d->unit == MAL_POLICY_NONE && i < d->n_columns; i++)
        policy_guess_offer(&g, d->columns[i].name);
    FAULT_UNLESS(d->unit != MAL_POLICY_NONE, p, b->unit_at,
                 "there is no column \"%s\" in %s%s", b->unit, d->name,
                 policy_guess_say(&g, meant));
    FAULT_UNLESS(d->columns[d->unit].role == MAL_POLICY_ID, p, b->unit_at,
                 "%s is no id; a privacy unit is an id column, or row",
                 b->unit);
    FAULT_UNLESS(d->contributes_max <= d->rows_max, p, b->unit_at,
                 "one unit cannot contribute more rows than %s has", d->name);
    return MAL_OK;
}

/* The owner's name and the table's, once each. */
static mal_err take_heading(parser *p, mal_policy_dataset *d) {
    size_t at = p->tok.at, ignored;
    MAL_TRY(policy_take_party(p, &d->owner, MAL_POLICY_OWNER));
    MAL_TRY(policy_take(p, ".", "and a table's name after the owner's"));
    MAL_TRY(policy_take_name(p, &d->table, "a table's name", &ignored));
    size_t owner_len = at;
    while (p->text[owner_len] != '.' && p->text[owner_len] > ' ' &&
           p->text[owner_len] != '#')
        owner_len++;
    d->name = mal_arena_printf(p->arena, "%.*s.%s", (int)(owner_len - at),
                               p->text + at, d->table);
    if (!d->name)
        return MAL_E_MEMORY;
    const mal_policy_dataset *all = p->pass->datasets.ptr;
    for (const mal_policy_dataset *q = all; q < d; q++)
        FAULT_UNLESS(strcmp(q->name, d->name) != 0, p, at,
                     "dataset %s is declared twice", d->name);
    return MAL_OK;
}

/* class and jurisdiction stand before the block: inside it, `class` could be
 * read as the last column's. */
static mal_err take_heading_options(parser *p, mal_policy_dataset *d) {
    for (;;) {
        size_t at = p->tok.at;
        bool is;
        MAL_TRY(policy_take_if(p, "class", &is));
        if (is) {
            FAULT_UNLESS(!d->class_, p, at, "class is said twice");
            MAL_TRY(policy_take_label(p, &d->class_, "a class"));
            continue;
        }
        MAL_TRY(policy_take_if(p, "jurisdiction", &is));
        if (!is)
            return MAL_OK;
        FAULT_UNLESS(!d->jurisdiction, p, at, "jurisdiction is said twice");
        MAL_TRY(policy_take_label(p, &d->jurisdiction, "a jurisdiction"));
    }
}

mal_err policy_parse_dataset(parser *p) {
    void *slot;
    block b = { 0 };
    bool end = false;
    MAL_TRY(policy_list_add(p, &p->pass->datasets, sizeof(mal_policy_dataset),
                            MAL_POLICY_DATASETS_MAX, "datasets", &slot));
    mal_policy_dataset *d = slot;
    size_t at = p->tok.at;
    d->line = p->tok.line;
    MAL_TRY(take_heading(p, d));
    MAL_TRY(take_heading_options(p, d));
    MAL_TRY(policy_take(p, "{", "and the columns"));
    for (;;) {
        MAL_TRY(policy_take_if(p, "}", &end));
        if (end)
            break;
        MAL_TRY(parse_block_item(p, d, &b));
    }
    return block_complete(p, d, &b, at);
}
