/* state.c - what a plan holds between two operators, put away and taken back.
 *
 *     shape     tables, columns and their types, forms, promises: public
 *     shares    all that is XOR-shared, then all that is added, cut into pieces
 *
 * A piece is refreshed as it passes, one round each: what is put is linked to
 * nothing that was in memory, and what is taken is linked to nothing that was
 * put.  Its two holders compare a piece before it is taken.
 */
#include "oblivious_impl.h"

#include <string.h>

#define STATE_MAGIC 0x3174736c626fu /* "oblst1" */
#define SHAPE_MAX ((size_t)16 << 20)

/* One vector of a state: its words, of each part. */
typedef struct segment {
    bits *planes; /* or */
    words *values;
    size_t words;
} segment;

typedef struct segments {
    segment *list;
    size_t n;
    size_t words;
} segments;

/* --- The shape ------------------------------------------------------------ */

static mal_err put_type(mal_buf *out, const column *c) {
    MAL_TRY(mal_buf_put_u64(out, (uint64_t)c->type.lo));
    MAL_TRY(mal_buf_put_u64(out, (uint64_t)c->type.hi));
    MAL_TRY(mal_buf_put_u8(out, c->type.nullable));
    MAL_TRY(mal_buf_put_u8(out, c->type.opaque));
    MAL_TRY(mal_buf_put_u8(out, c->has_bits));
    return mal_buf_put_u8(out, c->has_words);
}

mal_err mal_obl_state_shape(mal_buf *out, const mal_obl *o,
                            mal_obl_table *const *tables, unsigned n) {
    MAL_TRY(mal_buf_put_u64(out, STATE_MAGIC));
    MAL_TRY(mal_buf_put_u32(out, n));
    MAL_TRY(mal_buf_put_u32(out, o->n_broken));
    for (unsigned i = 0; i < n; i++) {
        const table *t = tables[i];
        MAL_TRY(mal_buf_put_u64(out, t->n));
        MAL_TRY(mal_buf_put_u32(out, t->n_columns));
        MAL_TRY(mal_buf_put_u8(out, t->bounded));
        for (unsigned k = 0; k < t->n_columns; k++)
            MAL_TRY(put_type(out, &t->columns[k]));
    }
    for (unsigned i = 0; i < o->n_broken; i++)
        MAL_TRY(mal_buf_put_u64(out, o->broken[i].n));
    return MAL_OK;
}

static mal_err take_flag(mal_rd *rd, bool *flag) {
    uint8_t byte;
    MAL_TRY(mal_rd_u8(rd, &byte));
    MAL_REQUIRE(byte <= 1, MAL_E_INPUT, "not the shape of a state");
    *flag = byte;
    return MAL_OK;
}

static mal_err take_column(mal_obl *o, column *c, size_t n, mal_rd *rd) {
    bool has_bits, has_words;
    uint64_t lo, hi;
    MAL_TRY(mal_rd_u64(rd, &lo));
    MAL_TRY(mal_rd_u64(rd, &hi));
    MAL_TRY(take_flag(rd, &c->type.nullable));
    MAL_TRY(mal_rd_u8(rd, &c->type.opaque));
    MAL_TRY(take_flag(rd, &has_bits));
    MAL_TRY(take_flag(rd, &has_words));
    c->type.lo = (int64_t)lo;
    c->type.hi = (int64_t)hi;
    MAL_REQUIRE(c->type.lo <= c->type.hi && c->type.lo >= -INT64_MAX &&
                    c->type.opaque <= MAL_OBL_WIDTH_MAX &&
                    (has_bits || has_words),
                MAL_E_INPUT, "not the shape of a state");
    if (has_bits)
        MAL_TRY(obl_bits_new(o, &c->bits, n, mal_obl_width(&c->type)));
    if (has_words)
        MAL_TRY(obl_words_new(o, &c->words, n));
    if (c->type.nullable)
        MAL_TRY(obl_bits_new(o, &c->null, n, 1));
    c->has_bits = has_bits;
    c->has_words = has_words;
    return MAL_OK;
}

static mal_err take_table(mal_obl *o, table *t, mal_rd *rd) {
    uint64_t n;
    uint32_t n_columns;
    MAL_TRY(mal_rd_u64(rd, &n));
    bool bounded;
    MAL_TRY(mal_rd_u32(rd, &n_columns));
    MAL_TRY(take_flag(rd, &bounded));
    MAL_REQUIRE(n <= MAL_OBL_ROWS_MAX, MAL_E_INPUT, "not the shape of a state");
    MAL_TRY(mal_obl_table_new(o, t, (size_t)n, n_columns, 0));
    t->bounded = bounded;
    for (unsigned k = 0; k < n_columns; k++)
        MAL_TRY(take_column(o, &t->columns[k], t->n, rd));
    return mal_obl_table_rest(o, t);
}

static mal_err take_shape(mal_obl *o, table *tables, unsigned n, mal_rd *rd) {
    uint64_t magic;
    uint32_t n_tables, n_promises;
    MAL_TRY(mal_rd_u64(rd, &magic));
    MAL_TRY(mal_rd_u32(rd, &n_tables));
    MAL_TRY(mal_rd_u32(rd, &n_promises));
    MAL_REQUIRE(magic == STATE_MAGIC && n_tables == n, MAL_E_INPUT,
                "not the shape of this plan's state");
    for (unsigned i = 0; i < n; i++)
        MAL_TRY(take_table(o, &tables[i], rd));
    for (unsigned i = 0; i < n_promises; i++) {
        OBL_AUTO_BITS promise = { 0 };
        uint64_t rows;
        MAL_TRY(mal_rd_u64(rd, &rows));
        MAL_REQUIRE(rows >= 1 && rows <= MAL_OBL_ROWS_MAX, MAL_E_INPUT,
                    "not the shape of a state");
        MAL_TRY(obl_bits_new(o, &promise, (size_t)rows, 1));
        MAL_TRY(obl_promise(o, &promise));
    }
    return mal_rd_end(rd);
}

/* --- All vectors, in one order -------------------------------------------- */

static void add_bits(segments *s, bits *v) {
    s->list[s->n] = (segment){ .planes = v, .words = v->stride * v->width };
    s->words += s->list[s->n++].words;
}

static void add_words(segments *s, words *v) {
    s->list[s->n] = (segment){ .values = v, .words = v->n };
    s->words += s->list[s->n++].words;
}

static void list_table(segments *out, table *t, bool added) {
    for (unsigned k = 0; k < t->n_columns; k++) {
        column *c = &t->columns[k];
        if (added && c->has_words)
            add_words(out, &c->words);
        if (!added && c->has_bits)
            add_bits(out, &c->bits);
        if (!added && c->type.nullable)
            add_bits(out, &c->null);
    }
    if (!added)
        add_bits(out, &t->valid);
}

static mal_err list_all(segments *out, const mal_obl *o, table *const *tables,
                        unsigned n, bool added) {
    size_t most = o->n_broken;
    for (unsigned i = 0; i < n; i++)
        most += 2 * (size_t)tables[i]->n_columns + 1;
    *out = (segments){ .list = mal_calloc(most + 1, sizeof *out->list) };
    if (!out->list)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    for (unsigned i = 0; i < n; i++)
        list_table(out, tables[i], added);
    for (unsigned i = 0; i < o->n_broken && !added; i++)
        add_bits(out, &o->broken[i]);
    return MAL_OK;
}

/* What was parked rests on: it may go again as soon as another comes. */
static mal_err part_of(mal_obl *o, const segment *g, uint64_t *const **part) {
    if (g->planes && g->planes->parked) {
        MAL_TRY(mal_share3_bits_unpark(o->s, g->planes));
        MAL_TRY(mal_share3_bits_rest(o->s, g->planes));
    } else if (g->values && g->values->parked) {
        MAL_TRY(mal_share3_words_unpark(o->s, g->values));
        MAL_TRY(mal_share3_words_rest(o->s, g->values));
    }
    *part = g->planes ? g->planes->part : g->values->part;
    return MAL_OK;
}

typedef struct passing {
    mal_obl *o;
    const segments *all;
    const mal_obl_pieces *pieces;
    size_t from, n;
} passing;

/* Words [from, from + n) of all segments, one after the other, and back. */
static mal_err copy(const passing *p, uint64_t *const piece[2], bool out) {
    const segments *s = p->all;
    size_t from = p->from, done = 0;
    for (size_t i = 0, at = 0; i < s->n && done < p->n;
         at += s->list[i++].words) {
        uint64_t *const *part;
        const size_t end = at + s->list[i].words, left = p->n - done;
        if (from >= end)
            continue;
        const size_t len = left < end - from ? left : end - from;
        MAL_TRY(part_of(p->o, &s->list[i], &part));
        for (unsigned k = 0; k < 2; k++) {
            uint64_t *v = part[k] + (from - at);
            uint64_t *w = piece[k] + done;
            memcpy(out ? w : v, out ? v : w, len * sizeof *v);
        }
        from += len;
        done += len;
    }
    return MAL_OK;
}

/* --- Pieces --------------------------------------------------------------- */

static mal_err put_bits(const passing *p) {
    OBL_AUTO_BITS old = { 0 }, fresh = { 0 };
    MAL_TRY(obl_bits_new(p->o, &old, 64 * p->n, 1));
    MAL_TRY(copy(p, old.part, true));
    MAL_TRY(mal_share3_bits_refresh(p->o->s, &fresh, &old));
    for (unsigned k = 0; k < 2; k++)
        MAL_TRY(p->pieces->put(p->pieces->ctx, fresh.part[k], p->n));
    return MAL_OK;
}

static mal_err put_words(const passing *p) {
    OBL_AUTO_WORDS old = { 0 }, fresh = { 0 };
    MAL_TRY(obl_words_new(p->o, &old, p->n));
    MAL_TRY(copy(p, old.part, true));
    MAL_TRY(mal_share3_words_refresh(p->o->s, &fresh, &old));
    for (unsigned k = 0; k < 2; k++)
        MAL_TRY(p->pieces->put(p->pieces->ctx, fresh.part[k], p->n));
    return MAL_OK;
}

static mal_err take_bits(const passing *p) {
    OBL_AUTO_BITS old = { 0 }, fresh = { 0 };
    MAL_TRY(obl_bits_new(p->o, &old, 64 * p->n, 1));
    for (unsigned k = 0; k < 2; k++)
        MAL_TRY(p->pieces->take(p->pieces->ctx, old.part[k], p->n));
    MAL_TRY(mal_share3_bits_agree(p->o->s, &old));
    MAL_TRY(mal_share3_bits_refresh(p->o->s, &fresh, &old));
    return copy(p, fresh.part, false);
}

static mal_err take_words(const passing *p) {
    OBL_AUTO_WORDS old = { 0 }, fresh = { 0 };
    MAL_TRY(obl_words_new(p->o, &old, p->n));
    for (unsigned k = 0; k < 2; k++)
        MAL_TRY(p->pieces->take(p->pieces->ctx, old.part[k], p->n));
    MAL_TRY(mal_share3_words_agree(p->o->s, &old));
    MAL_TRY(mal_share3_words_refresh(p->o->s, &fresh, &old));
    return copy(p, fresh.part, false);
}

static mal_err pass(passing *p, bool added, bool put) {
    static mal_err (*const how[2][2])(const passing *) = {
        { take_bits, take_words }, { put_bits, put_words }
    };
    for (p->from = 0; p->from < p->all->words; p->from += p->n) {
        size_t left = p->all->words - p->from;
        p->n = left < MAL_OBL_PIECE ? left : MAL_OBL_PIECE;
        if (!p->o->s)
            obl_pay(p->o, added ? MAL_SHARE3_CALL_MUL : MAL_SHARE3_CALL_AND,
                    added ? p->n : 64 * p->n, 1);
        else
            MAL_TRY(how[put][added](p));
    }
    return MAL_OK;
}

static mal_err pass_all(mal_obl *o, table *const *tables, unsigned n,
                        const mal_obl_pieces *pieces, bool put) {
    for (unsigned added = 0; added < 2; added++) {
        segments all;
        passing p = { .o = o, .all = &all, .pieces = pieces };
        MAL_TRY(list_all(&all, o, tables, n, added));
        mal_err err = pass(&p, added, put);
        mal_free(all.list);
        MAL_TRY(err);
    }
    return MAL_OK;
}

mal_err mal_obl_state_put(mal_obl *o, mal_obl_table *const *tables, unsigned n,
                          const mal_obl_pieces *pieces) {
    return pass_all(o, tables, n, pieces, true);
}

static mal_err take_all(mal_obl *o, table *tables, table **list, unsigned n,
                        mal_rd *rd, const mal_obl_pieces *pieces) {
    for (unsigned i = 0; i < n; i++)
        list[i] = &tables[i];
    MAL_REQUIRE(o->n_broken == 0, MAL_E_STATE,
                "a state is taken before anything else is run");
    MAL_TRY(take_shape(o, tables, n, rd));
    return pass_all(o, list, n, pieces, false);
}

mal_err mal_obl_state_take(mal_obl *o, mal_obl_table *tables, unsigned n,
                           mal_bytes shape, const mal_obl_pieces *pieces) {
    mal_rd rd = mal_rd_of(shape);
    MAL_REQUIRE(shape.len <= SHAPE_MAX, MAL_E_LIMIT, "a shape of %zu bytes",
                shape.len);
    table **list = mal_calloc(n + 1, sizeof *list);
    if (!list)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    mal_err err = take_all(o, tables, list, n, &rd, pieces);
    mal_free(list);
    for (unsigned i = 0; i < n && err != MAL_OK; i++)
        mal_obl_table_clear(&tables[i]);
    return err;
}

/* --- Who listens ---------------------------------------------------------- */

void mal_obl_stages_set(mal_obl *o, const mal_obl_stages *stages) {
    o->stages = stages;
}

const mal_obl_stages *mal_obl_stages_of(const mal_obl *o) {
    return o->stages;
}
