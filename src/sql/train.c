/* train.c - the statement that asks for a model, as text.
 *
 *     TRAIN model [( option value, .. )] PREDICT column AS SELECT ..
 *
 * PostgreSQL's grammar has no such head: it is read here, and the parser sees
 * blanks in its place, so that places in errors are those of the whole text.
 */
#include "train_impl.h"

#include <inttypes.h>
#include <string.h>

#define WORD_MAX 63u

static const char *const models[] = {
    [SQL_LINEAR] = "linear", [SQL_LOGISTIC] = "logistic", [SQL_TREES] = "trees"
};

const char *sql_model_name(sql_model model) {
    return models[model];
}

/* --- words ---------------------------------------------------------------- */

typedef struct reader {
    const sql_cx *cx;
    size_t at, word; /* where the last word began */
    char text[WORD_MAX + 1];
} reader;

static bool is_blank(uint8_t c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_letter(uint8_t c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (c >= '0' && c <= '9') || c == '.';
}

static uint8_t lower(uint8_t c) {
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 'a' - 'A') : c;
}

/* The next word or number in lower case, or one sign; "" at the end. */
static mal_err next(reader *r) {
    mal_bytes t = r->cx->text;
    size_t n = 0;
    while (r->at < t.len && is_blank(t.ptr[r->at]))
        r->at++;
    r->word = r->at;
    while (r->at < t.len && is_letter(t.ptr[r->at])) {
        SQL_NEED(n < WORD_MAX, r->cx, (int)r->word, MAL_E_INPUT,
                 "a word of more than %u letters", WORD_MAX);
        r->text[n++] = (char)lower(t.ptr[r->at++]);
    }
    if (n == 0 && r->at < t.len)
        r->text[n++] = (char)t.ptr[r->at++];
    r->text[n] = 0;
    return MAL_OK;
}

static bool is(const reader *r, const char *word) {
    return strcmp(r->text, word) == 0;
}

static mal_err take(reader *r, const char *word) {
    SQL_NEED(is(r, word), r->cx, (int)r->word, MAL_E_INPUT,
             "%s is expected here: TRAIN model (option value, ..) PREDICT "
             "column AS SELECT ..",
             word);
    return next(r);
}

bool sql_training_is_head(mal_bytes text) {
    static const char word[] = "train";
    size_t at = 0, n = sizeof word - 1;
    while (at < text.len && is_blank(text.ptr[at]))
        at++;
    if (text.len - at <= n || !is_blank(text.ptr[at + n]))
        return false;
    for (size_t i = 0; i < n; i++)
        if (lower(text.ptr[at + i]) != (uint8_t)word[i])
            return false;
    return true;
}

/* --- options -------------------------------------------------------------- */

/* 1e-6: a power of ten, as its digits. */
static mal_err take_delta(reader *r, struct sql_training *t) {
    bool begins = is(r, "1e");
    size_t n;
    MAL_TRY(next(r));
    SQL_NEED(begins && is(r, "-"), r->cx, (int)r->word, MAL_E_INPUT,
             "a delta like 1e-9 is expected here");
    MAL_TRY(next(r));
    n = strlen(r->text);
    t->delta_digits = 0;
    for (size_t i = 0; i < n && n <= 2; i++)
        t->delta_digits = 10 * t->delta_digits + (unsigned)(r->text[i] - '0');
    SQL_NEED(n <= 2 && strspn(r->text, "0123456789") == n &&
                 t->delta_digits >= 2 && t->delta_digits <= 15,
             r->cx, (int)r->word, MAL_E_INPUT, "delta: take 1e-2 to 1e-15");
    return next(r);
}

/* A decimal in steps of 1e-9. */
static mal_err take_nano(reader *r, uint64_t *nano) {
    uint64_t v = 0;
    unsigned digits = 0, after = 0;
    bool dot = false;
    for (const char *c = r->text; *c; c++) {
        bool digit = *c >= '0' && *c <= '9';
        SQL_NEED((digit || (*c == '.' && !dot)) && digits < 18 && after < 9,
                 r->cx, (int)r->word, MAL_E_INPUT,
                 "a decimal like 0.01 is expected here, of 9 places at most");
        dot |= !digit;
        digits += digit;
        after += digit && dot;
        v = digit ? 10 * v + (uint64_t)(*c - '0') : v;
    }
    SQL_NEED(digits > 0 && v <= UINT64_MAX / 1000000000u, r->cx, (int)r->word,
             MAL_E_INPUT, "a number is expected here");
    while (after++ < 9)
        v *= 10;
    *nano = v;
    return next(r);
}

typedef struct option {
    const char *name;
    unsigned models; /* sets of 1 << model */
    uint64_t lo, hi; /* in 1e-9 */
    bool whole;
} option;

#define NANO UINT64_C(1000000000)
#define WEIGHTS ((1u << SQL_LINEAR) | (1u << SQL_LOGISTIC))
#define FOREST (1u << SQL_TREES)

enum { STEPS, RIDGE, TREES, DEPTH, BINS, RATE, SMOOTH, DELTA, N_OPTIONS };
static const option options[N_OPTIONS] = {
    [STEPS] = { "steps", WEIGHTS, NANO, MAL_TRAIN_STEPS_MAX *NANO, true },
    [RIDGE] = { "ridge", WEIGHTS, 1000, MAL_TRAIN_LINEAR_RIDGE_MAX, false },
    [TREES] = { "trees", FOREST, NANO, MAL_TRAIN_TREES_MAX *NANO, true },
    [DEPTH] = { "depth", FOREST, NANO, MAL_TRAIN_DEPTH_MAX *NANO, true },
    [BINS] = { "bins", FOREST, 2 * NANO, (1u << MAL_TRAIN_BIN_BITS_MAX) * NANO,
               true },
    [RATE] = { "rate", FOREST, NANO / 1000, 4 * NANO, false },
    [DELTA] = { .name = "delta", .models = WEIGHTS | FOREST },
    [SMOOTH] = { "smooth", FOREST, NANO, MAL_TRAIN_ROWS_MAX *NANO, true },
};

static mal_err put_option(reader *r, struct sql_training *t, unsigned i,
                          uint64_t nano) {
    uint64_t v = nano / NANO;
    const option *o = &options[i];
    SQL_NEED(nano >= o->lo && nano <= o->hi && (!o->whole || nano % NANO == 0),
             r->cx, (int)r->word, MAL_E_INPUT, "%s: take %g to %g%s", o->name,
             (double)o->lo / NANO, (double)o->hi / NANO,
             o->whole ? ", whole" : "");
    SQL_NEED(i != BINS || (v & (v - 1)) == 0, r->cx, (int)r->word, MAL_E_INPUT,
             "bins: a power of 2");
    SQL_NEED(i != RIDGE || t->model == SQL_LINEAR ||
                 nano <= MAL_TRAIN_RIDGE_MAX,
             r->cx, (int)r->word, MAL_E_INPUT, "ridge of %s: at most 1",
             models[t->model]);
    switch (i) {
    case STEPS:
        t->steps = (unsigned)v;
        break;
    case RIDGE:
        t->ridge_nano = nano;
        break;
    case TREES:
        t->trees.trees = (unsigned)v;
        break;
    case DEPTH:
        t->trees.depth = (unsigned)v;
        break;
    case BINS:
        t->bin_bits = (unsigned)__builtin_ctzll(v);
        break;
    case RATE:
        t->trees.rate = (nano << MAL_TRAIN_VALUE_BITS) / NANO;
        break;
    default:
        t->trees.ridge_rows = v;
    }
    return MAL_OK;
}

static mal_err take_option(reader *r, struct sql_training *t, unsigned *seen) {
    unsigned i = 0;
    uint64_t nano = 0;
    while (i < N_OPTIONS && !is(r, options[i].name))
        i++;
    SQL_NEED(i < N_OPTIONS && (options[i].models >> t->model & 1), r->cx,
             (int)r->word, MAL_E_INPUT, "%s has no option %s: it has %s",
             models[t->model], r->text,
             t->model == SQL_TREES ? "trees, depth, bins, rate, smooth, delta"
                                   : "steps, ridge, delta");
    SQL_NEED(!(*seen >> i & 1), r->cx, (int)r->word, MAL_E_INPUT,
             "%s is said twice", r->text);
    *seen |= 1u << i;
    MAL_TRY(next(r));
    if (i == DELTA)
        return take_delta(r, t);
    MAL_TRY(take_nano(r, &nano));
    return put_option(r, t, i, nano);
}

static mal_err take_options(reader *r, struct sql_training *t) {
    unsigned seen = 0;
    if (!is(r, "("))
        return MAL_OK;
    do {
        MAL_TRY(next(r));
        MAL_TRY(take_option(r, t, &seen));
    } while (is(r, ","));
    return take(r, ")");
}

/* --- the head ------------------------------------------------------------- */

static mal_err take_model(reader *r, struct sql_training *t) {
    for (unsigned m = SQL_LINEAR; m <= SQL_TREES; m++)
        if (is(r, models[m]))
            t->model = (sql_model)m;
    SQL_NEED(t->model, r->cx, (int)r->word, MAL_E_INPUT,
             "no model %s: linear, logistic or trees", r->text);
    t->steps = t->model == SQL_LINEAR ? 200 : 30;
    t->ridge_nano = 10000000;
    t->bin_bits = 4;
    t->trees =
        (mal_train_trees_options){ .trees = 10, .depth = 3, .ridge_rows = 1 };
    return next(r);
}

static mal_err take_head(reader *r, struct sql_training *t) {
    char *name;
    MAL_TRY(next(r));
    MAL_TRY(take(r, "train"));
    MAL_TRY(take_model(r, t));
    MAL_TRY(take_options(r, t));
    MAL_TRY(take(r, "predict"));
    name = mal_arena_strdup(r->cx->arena, r->text);
    if (!name)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    t->target_name = name;
    MAL_TRY(next(r));
    SQL_NEED(is(r, "as"), r->cx, (int)r->word, MAL_E_INPUT,
             "AS SELECT .. is expected here");
    return MAL_OK;
}

mal_err sql_training_read(const sql_cx *cx, struct sql_training **out,
                          mal_bytes *select) {
    reader r = { .cx = cx };
    char *text;
    struct sql_training *t;
    MAL_REQUIRE(cx->text.len <= MAL_SQL_TEXT_MAX, MAL_E_LIMIT,
                "a statement of %zu bytes; at most %zu", cx->text.len,
                MAL_SQL_TEXT_MAX);
    MAL_TRY(sql_alloc(cx, &t, 1, sizeof *t));
    MAL_TRY(take_head(&r, t));
    text =
        mal_arena_strndup(cx->arena, (const char *)cx->text.ptr, cx->text.len);
    if (!text)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    for (size_t i = 0; i < r.at; i++)
        text[i] = text[i] == '\n' ? '\n' : ' ';
    *select = mal_bytes_of((const uint8_t *)text, cx->text.len);
    *out = t;
    return MAL_OK;
}

/* --- its columns ---------------------------------------------------------- */

static uint64_t range_of(const sql_type *t) {
    return t->kind == MAL_SQL_BOOL ? 1 : (uint64_t)t->hi - (uint64_t)t->lo;
}

bool sql_training_classes(const struct sql_training *t) {
    const sql_type *type = &t->columns[t->target]->type;
    return range_of(type) == 1 && (type->kind == MAL_SQL_BOOL || !type->scale);
}

unsigned sql_training_shift(const struct sql_training *t, unsigned column) {
    uint64_t range = range_of(&t->columns[column]->type);
    unsigned shift = 0;
    while (range >> shift >= (uint64_t)1 << t->bin_bits)
        shift++;
    return shift;
}

size_t sql_training_words(const struct sql_training *t) {
    return t->model == SQL_TREES ? mal_train_trees_words(&t->trees) : t->n;
}

/* Codes of a range become its numbers; NULL (and `other`) keep a row out. */
static mal_err bind_column(const sql_cx *cx, sql_e *out,
                           const mal_sql_plan *plan, unsigned i) {
    const sql_type *type = &plan->root->types[i];
    MAL_TRY(sql_col(cx, out, i, type, -1));
    SQL_NEED(type->kind != MAL_SQL_ID, cx, -1, MAL_E_UNSUPPORTED,
             "%s is an identifier: nothing is computed with it",
             plan->names[i]);
    SQL_NEED(type->kind != MAL_SQL_CODE || sql_domain_is_range(type->domain),
             cx, -1, MAL_E_UNSUPPORTED,
             "%s has labels, not numbers: say CASE WHEN %s = '..' THEN 1 ELSE "
             "0 END AS .. for each that should count",
             plan->names[i], plan->names[i]);
    if (type->kind == MAL_SQL_CODE)
        MAL_TRY(sql_as_int(cx, out, *out, "a feature", -1));
    type = &(*out)->type;
    SQL_NEED(range_of(type) >= 1, cx, -1, MAL_E_INPUT,
             "%s has one value: there is nothing to learn from it",
             plan->names[i]);
    SQL_NEED(range_of(type) <= SQL_TRAIN_RANGE_MAX, cx, -1, MAL_E_LIMIT,
             "%s ranges over more than 2^40 units: declare tighter bounds, or "
             "round it",
             plan->names[i]);
    return MAL_OK;
}

mal_err sql_training_bind(const sql_cx *cx, struct sql_training *t,
                          const mal_sql_plan *plan) {
    sql_e *columns;
    MAL_TRY(sql_alloc(cx, &columns, plan->n_columns, sizeof *columns));
    for (unsigned i = 0; i < plan->n_columns; i++)
        MAL_TRY(bind_column(cx, &columns[i], plan, i));
    t->columns = columns;
    t->n = t->target = plan->n_columns;
    for (unsigned i = 0; i < t->n; i++)
        if (strcmp(plan->names[i], t->target_name) == 0)
            t->target = i;
    SQL_NEED(t->target < t->n, cx, -1, MAL_E_INPUT,
             "the SELECT has no column %s to predict", t->target_name);
    SQL_NEED(t->n >= 2, cx, -1, MAL_E_INPUT,
             "the SELECT has no column to predict %s by", t->target_name);
    SQL_NEED(plan->root->op != SQL_LIMIT, cx, -1, MAL_E_UNSUPPORTED,
             "LIMIT picks rows: train on all of them");
    t->trees.logistic = sql_training_classes(t);
    if (t->trees.rate == 0)
        t->trees.rate = UINT64_C(1)
                        << (MAL_TRAIN_VALUE_BITS + 1 - 2 * !t->trees.logistic);
    SQL_NEED(t->model != SQL_LOGISTIC || t->trees.logistic, cx, -1, MAL_E_INPUT,
             "logistic predicts two classes: %s must be 0 or 1 by its declared "
             "range; say CASE WHEN .. THEN 1 ELSE 0 END",
             t->target_name);
    return MAL_OK;
}

/* --- bytes and words ------------------------------------------------------ */

mal_err sql_training_encode(mal_buf *out, const struct sql_training *t) {
    MAL_TRY(mal_buf_put_blob_str(out, "train"));
    MAL_TRY(mal_buf_put_u8(out, (uint8_t)t->model));
    MAL_TRY(mal_buf_put_u32(out, t->target));
    MAL_TRY(mal_buf_put_u32(out, t->steps));
    MAL_TRY(mal_buf_put_u64(out, t->ridge_nano));
    MAL_TRY(mal_buf_put_u32(out, t->bin_bits));
    MAL_TRY(mal_buf_put_u32(out, t->trees.trees));
    MAL_TRY(mal_buf_put_u32(out, t->trees.depth));
    MAL_TRY(mal_buf_put_u64(out, t->trees.ridge_rows));
    MAL_TRY(mal_buf_put_u32(out, t->delta_digits));
    return mal_buf_put_u64(out, t->trees.rate);
}

mal_err sql_training_print(mal_buf *out, const mal_sql_plan *plan) {
    const struct sql_training *t = plan->training;
    MAL_TRY(mal_buf_put_str(out, models[t->model]));
    if (t->model == SQL_TREES)
        MAL_TRY(mal_buf_put_fmt(
            out,
            " (%u trees of depth %u, %u bins, rate %.6f, smooth %" PRIu64
            ", %s loss)",
            t->trees.trees, t->trees.depth, 1u << t->bin_bits,
            (double)t->trees.rate / (1 << MAL_TRAIN_VALUE_BITS),
            t->trees.ridge_rows, t->trees.logistic ? "logistic" : "squared"));
    else
        MAL_TRY(mal_buf_put_fmt(out, " (%u steps, ridge %" PRIu64 ".%09u)",
                                t->steps, t->ridge_nano / NANO,
                                (unsigned)(t->ridge_nano % NANO)));
    if (t->delta_digits)
        MAL_TRY(mal_buf_put_fmt(out, " with delta 1e-%u", t->delta_digits));
    MAL_TRY(mal_buf_put_fmt(out, " of %s by ", plan->names[t->target]));
    for (unsigned j = 0; j + 1 < t->n; j++)
        MAL_TRY(mal_buf_put_fmt(out, "%s%s", j ? ", " : "",
                                plan->names[sql_training_feature(t, j)]));
    return MAL_OK;
}
