/* table.c - columns and tables: made, copied, moved by rows, brought from one
 * form into the other, shared and opened. */
#include "oblivious_impl.h"

#include <string.h>

static unsigned bits_of(uint64_t v) {
    return v ? 64 - (unsigned)__builtin_clzll(v) : 0;
}

unsigned mal_obl_width(const mal_obl_type *t) {
    if (t->opaque)
        return t->opaque;
    assert(t->lo <= t->hi && t->lo >= -INT64_MAX);
    /* -2^(w - 1) <= lo: ~lo needs w - 1 bits. */
    unsigned high = bits_of(t->hi < 0 ? 0 : (uint64_t)t->hi);
    unsigned low = t->lo < 0 ? bits_of(~(uint64_t)t->lo) : 0;
    unsigned w = (high > low ? high : low) + (t->lo < 0);
    return w ? w : 1;
}

void mal_obl_column_clear(column *c) {
    mal_share3_bits_clear(&c->bits);
    mal_share3_words_clear(&c->words);
    mal_share3_bits_clear(&c->null);
    memset(c, 0, sizeof *c);
}

void mal_obl_table_clear(table *t) {
    for (unsigned i = 0; i < t->n_columns; i++)
        mal_obl_column_clear(&t->columns[i]);
    mal_free(t->columns);
    mal_share3_bits_clear(&t->valid);
    memset(t, 0, sizeof *t);
}

mal_err obl_columns_new(table *t, unsigned n_columns) {
    MAL_REQUIRE(n_columns <= MAL_OBL_COLUMNS_MAX, MAL_E_LIMIT,
                "%u columns, at most %d", n_columns, MAL_OBL_COLUMNS_MAX);
    t->columns = mal_calloc(n_columns ? n_columns : 1, sizeof *t->columns);
    if (!t->columns)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    t->n_columns = n_columns;
    return MAL_OK;
}

mal_err mal_obl_table_new(mal_obl *o, table *t, size_t n, unsigned n_columns,
                          size_t n_valid) {
    MAL_REQUIRE(n >= 1 && n <= MAL_OBL_ROWS_MAX && n_valid <= n, MAL_E_LIMIT,
                "a table of %zu rows, %zu valid: it has 1 to %zu", n, n_valid,
                MAL_OBL_ROWS_MAX);
    MAL_TRY(obl_columns_new(t, n_columns));
    t->n = n;
    MAL_TRY(obl_bits_new(o, &t->valid, n, 1));
    if (n_valid == 0)
        return MAL_OK;
    OBL_AUTO_BITS ones = { 0 };
    MAL_TRY(obl_public_bits(o, &ones, n_valid, 1, 1));
    obl_rows_put(&t->valid, 0, &ones);
    return MAL_OK;
}

/* --- forms ---------------------------------------------------------------- */

mal_err mal_obl_need_bits(mal_obl *o, column *c) {
    assert(c->has_bits || c->has_words);
    if (!c->has_bits)
        MAL_TRY(obl_to_bits(o, &c->bits, &c->words, mal_obl_width(&c->type)));
    c->has_bits = true;
    return MAL_OK;
}

mal_err mal_obl_need_words(mal_obl *o, column *c) {
    assert(c->has_bits || c->has_words);
    MAL_REQUIRE(!c->type.opaque, MAL_E_INPUT, "an identifier is no number");
    if (!c->has_words)
        MAL_TRY(obl_to_words(o, &c->words, &c->bits, obl_signed(&c->type)));
    c->has_words = true;
    return MAL_OK;
}

mal_err obl_column_planes(mal_obl *o, bits *z, column *c,
                          const mal_obl_type *as) {
    MAL_TRY(mal_obl_need_bits(o, c));
    return obl_extend(o, z, &c->bits, mal_obl_width(as), obl_signed(&c->type));
}

/* --- resting -------------------------------------------------------------- */

mal_err obl_column_rest(mal_obl *o, column *c) {
    if (c->has_bits)
        MAL_TRY(obl_bits_rest(o, &c->bits));
    if (c->has_words)
        MAL_TRY(obl_words_rest(o, &c->words));
    return c->type.nullable ? obl_bits_rest(o, &c->null) : MAL_OK;
}

mal_err obl_column_wake(mal_obl *o, column *c) {
    if (c->has_bits)
        MAL_TRY(obl_bits_wake(o, &c->bits));
    if (c->has_words)
        MAL_TRY(obl_words_wake(o, &c->words));
    return c->type.nullable ? obl_bits_wake(o, &c->null) : MAL_OK;
}

mal_err obl_columns_rest(mal_obl *o, table *t) {
    for (unsigned i = 0; i < t->n_columns; i++)
        MAL_TRY(obl_column_rest(o, &t->columns[i]));
    return MAL_OK;
}

/* A view becomes a vector of its own. */
static mal_err own_bits(mal_obl *o, bits *v) {
    bits own = { 0 };
    if (v->owner)
        return MAL_OK;
    MAL_TRY(obl_bits_copy(o, &own, v));
    *v = own;
    return MAL_OK;
}

static mal_err own_column(mal_obl *o, column *c) {
    words own = { 0 };
    if (c->has_bits)
        MAL_TRY(own_bits(o, &c->bits));
    if (c->type.nullable)
        MAL_TRY(own_bits(o, &c->null));
    if (!c->has_words || c->words.owner)
        return MAL_OK;
    MAL_TRY(obl_words_copy(o, &own, &c->words));
    c->words = own;
    return MAL_OK;
}

/* Which rows count is one plane, and moves with the table: it stays. */
mal_err mal_obl_table_rest(mal_obl *o, table *t) {
    for (unsigned i = 0; i < t->n_columns && o->s; i++) {
        MAL_TRY(own_column(o, &t->columns[i]));
        MAL_TRY(obl_column_rest(o, &t->columns[i]));
    }
    return o->s && t->n ? own_bits(o, &t->valid) : MAL_OK;
}

mal_err mal_obl_table_wake(mal_obl *o, table *t) {
    for (unsigned i = 0; i < t->n_columns; i++)
        MAL_TRY(obl_column_wake(o, &t->columns[i]));
    return MAL_OK;
}

mal_obl_type obl_type_join(const mal_obl_type *a, const mal_obl_type *b) {
    mal_obl_type t = *a;
    t.lo = b->lo < t.lo ? b->lo : t.lo;
    t.hi = b->hi > t.hi ? b->hi : t.hi;
    t.nullable |= b->nullable;
    t.opaque = b->opaque > t.opaque ? b->opaque : t.opaque;
    return t;
}

mal_err obl_not_null(mal_obl *o, bits *z, const column *c) {
    assert(c->type.nullable);
    MAL_TRY(obl_bits_copy(o, z, &c->null));
    obl_not_in(o, z);
    return MAL_OK;
}

mal_err obl_column_copy(mal_obl *o, column *z, const column *x) {
    z->type = x->type;
    if (x->has_bits)
        MAL_TRY(obl_bits_copy(o, &z->bits, &x->bits));
    z->has_bits = x->has_bits;
    if (x->has_words)
        MAL_TRY(obl_words_copy(o, &z->words, &x->words));
    z->has_words = x->has_words;
    return x->type.nullable ? obl_bits_copy(o, &z->null, &x->null) : MAL_OK;
}

/* --- rows ----------------------------------------------------------------- */

/* At most bits, words and null of each column, and valid. */
mal_err obl_table_move(mal_obl *o, table *t, const obl_order *order) {
    mal_share3_column *parts =
        mal_calloc(3 * (size_t)t->n_columns + 1, sizeof *parts);
    unsigned n = 0;
    if (!parts)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    for (unsigned i = 0; i < t->n_columns; i++) {
        column *c = &t->columns[i];
        /* Both forms: the one that is cheaper to make again is dropped. */
        if (c->has_bits && c->has_words) {
            mal_share3_words_clear(&c->words);
            c->has_words = false;
        }
        if (c->has_bits)
            parts[n++].bits = &c->bits;
        if (c->has_words)
            parts[n++].words = &c->words;
        if (c->type.nullable)
            parts[n++].bits = &c->null;
    }
    parts[n++].bits = &t->valid;
    const mal_err err = obl_order_move(o, order, parts, n, false);
    mal_free(parts);
    MAL_TRY(err);
    MAL_TRY(obl_bits_wake(o, &t->valid));
    return mal_obl_table_wake(o, t);
}

static mal_err slice_bits(mal_obl *o, bits *v, size_t from, size_t n) {
    bits cut = { 0 };
    MAL_TRY(obl_rows_slice(o, &cut, v, from, n));
    mal_share3_bits_clear(v);
    *v = cut;
    return MAL_OK;
}

mal_err obl_table_slice(mal_obl *o, table *t, size_t from, size_t n) {
    if (from == 0 && n == t->n)
        return MAL_OK;
    for (unsigned i = 0; i < t->n_columns; i++) {
        column *c = &t->columns[i];
        words cut = { 0 };
        if (c->has_bits)
            MAL_TRY(slice_bits(o, &c->bits, from, n));
        if (c->has_words) {
            MAL_TRY(obl_words_slice(o, &cut, &c->words, from, n));
            mal_share3_words_clear(&c->words);
            c->words = cut;
        }
        if (c->type.nullable)
            MAL_TRY(slice_bits(o, &c->null, from, n));
    }
    MAL_TRY(slice_bits(o, &t->valid, from, n));
    t->n = n;
    return MAL_OK;
}

/* --- in and out ----------------------------------------------------------- */

static mal_err input_null(mal_obl *o, column *out, unsigned owner,
                          const uint8_t *null, size_t n) {
    if (!out->type.nullable)
        return MAL_OK;
    uint64_t *plane = mal_calloc(obl_stride(n), sizeof *plane);
    if (!plane)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    for (size_t i = 0; i < n && null; i++)
        plane[i / 64] |= (uint64_t)(null[i] & 1) << (i & 63);
    const mal_err err = obl_input(o, &out->null, owner, plane, n, 1);
    mal_wipe(plane, obl_stride(n) * sizeof *plane);
    mal_free(plane);
    return err;
}

/* Rows of 64 bits into planes [at, at + width) of the column. */
static mal_err input_planes(mal_obl *o, bits *z, unsigned at, unsigned width,
                            unsigned owner, const uint64_t *rows) {
    const size_t words_all = obl_stride(z->n) * width;
    OBL_AUTO_BITS part = { 0 };
    uint64_t *planes = mal_calloc(words_all, sizeof *planes);
    if (!planes)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    if (rows)
        mal_share3_planes_of(planes, rows, z->n, width);
    const mal_err err = obl_input(o, &part, owner, planes, z->n, width);
    mal_wipe(planes, words_all * sizeof *planes);
    mal_free(planes);
    MAL_TRY(err);
    obl_planes_put(z, at, &part);
    return MAL_OK;
}

mal_err mal_obl_column_input(mal_obl *o, column *out, const mal_obl_type *type,
                             unsigned owner, const int64_t *values,
                             const uint8_t *null, size_t n) {
    const unsigned width = mal_obl_width(type);
    MAL_REQUIRE(n >= 1 && !type->opaque, MAL_E_INPUT,
                "a column of numbers has a range and at least one row");
    out->type = *type;
    MAL_TRY(obl_bits_new(o, &out->bits, n, width));
    out->has_bits = true;
    MAL_TRY(
        input_planes(o, &out->bits, 0, width, owner, (const uint64_t *)values));
    return input_null(o, out, owner, null, n);
}

mal_err mal_obl_id_input(mal_obl *o, column *out, const mal_obl_type *type,
                         unsigned owner, const uint8_t (*values)[16],
                         const uint8_t *null, size_t n) {
    MAL_REQUIRE(n >= 1 && type->opaque && type->opaque <= MAL_OBL_WIDTH_MAX,
                MAL_E_INPUT, "an identifier has 1 to %d bits",
                MAL_OBL_WIDTH_MAX);
    const bool mine = values != NULL;
    uint64_t *rows = mal_calloc(n, sizeof *rows);
    if (!rows)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    out->type = *type;
    mal_err err = obl_bits_new(o, &out->bits, n, type->opaque);
    out->has_bits = true;
    for (unsigned at = 0; at < type->opaque && err == MAL_OK; at += 64) {
        const unsigned left = type->opaque - at;
        for (size_t i = 0; i < n && mine; i++)
            rows[i] = mal_load_u64le(values[i] + at / 8);
        err = input_planes(o, &out->bits, at, left < 64 ? left : 64, owner,
                           mine ? rows : NULL);
    }
    mal_wipe(rows, n * sizeof *rows);
    mal_free(rows);
    MAL_TRY(err);
    return input_null(o, out, owner, null, n);
}

static void unpack(uint8_t *rows, const uint64_t *plane, size_t n) {
    for (size_t i = 0; i < n; i++)
        rows[i] = plane[i / 64] >> (i & 63) & 1;
}

static mal_err open_plane(mal_obl *o, uint8_t *rows, const bits *v) {
    uint64_t *plane = mal_calloc(v->stride, sizeof *plane);
    if (!plane)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    const mal_err err = obl_open_bits(o, plane, v);
    if (err == MAL_OK)
        unpack(rows, plane, v->n);
    mal_free(plane);
    return err;
}

mal_err mal_obl_valid_open(mal_obl *o, uint8_t *valid, const table *t) {
    return open_plane(o, valid, &t->valid);
}

/* Nothing is left of what is invalid or NULL: neither was asked for. */
static mal_err blank(mal_obl *o, column *c, const bits *valid) {
    OBL_AUTO_BITS known = { 0 }, all = { 0 };
    MAL_TRY(obl_bits_copy(o, &all, valid));
    if (c->type.nullable) {
        OBL_AUTO_BITS not_null = { 0 };
        MAL_TRY(obl_not_null(o, &not_null, c));
        MAL_TRY(obl_and(o, &known, valid, &not_null));
        mal_share3_bits_clear(&c->null);
        MAL_TRY(obl_bits_copy(o, &c->null, &known));
        obl_xor_in(&c->null, valid); /* valid and NULL */
    }
    const bits *kept = c->type.nullable ? &known : &all;
    if (c->has_bits) {
        OBL_AUTO_BITS x = { 0 };
        MAL_TRY(obl_and(o, &x, &c->bits, kept));
        obl_planes_put(&c->bits, 0, &x);
        mal_share3_words_clear(&c->words);
        c->has_words = false;
        return MAL_OK;
    }
    OBL_AUTO_WORDS x = { 0 };
    MAL_TRY(obl_inject(o, &x, kept, &c->words));
    mal_share3_words_clear(&c->words);
    c->words = x;
    memset(&x, 0, sizeof x);
    return MAL_OK;
}

static mal_err open_values(mal_obl *o, int64_t *values, const column *c) {
    if (c->has_words)
        return obl_open_words(o, (uint64_t *)values, &c->words);
    MAL_REQUIRE(c->bits.width <= 64, MAL_E_UNSUPPORTED,
                "an identifier of %u bits is not opened as a number",
                c->bits.width);
    uint64_t *planes =
        mal_calloc(c->bits.stride * c->bits.width, sizeof *planes);
    if (!planes)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    const mal_err err = obl_open_bits(o, planes, &c->bits);
    if (err == MAL_OK && o->s)
        mal_share3_rows_of((uint64_t *)values, planes, c->bits.n, c->bits.width,
                           obl_signed(&c->type));
    mal_free(planes);
    return err;
}

mal_err mal_obl_column_open(mal_obl *o, int64_t *values, uint8_t *null,
                            table *t, unsigned at) {
    MAL_REQUIRE(at < t->n_columns, MAL_E_INPUT, "no column %u", at);
    column *c = &t->columns[at];
    MAL_TRY(blank(o, c, &t->valid));
    if (null && c->type.nullable)
        MAL_TRY(open_plane(o, null, &c->null));
    else if (null)
        memset(null, 0, t->n);
    return open_values(o, values, c);
}

mal_err obl_append_column(mal_obl *o, table *t, bits *planes,
                          const mal_obl_type *type) {
    column *more = mal_realloc(t->columns, t->n_columns * sizeof *more,
                               (t->n_columns + 1) * sizeof *more);
    if (!more)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    t->columns = more;
    column *c = &more[t->n_columns++];
    memset(c, 0, sizeof *c);
    c->type = *type;
    c->has_bits = true;
    MAL_TRY(obl_extend(o, &c->bits, planes, mal_obl_width(type), false));
    return type->nullable ? obl_bits_new(o, &c->null, t->n, 1) : MAL_OK;
}
