/* join.c - joins: concatenate, order once, copy down, and back to where the
 * probe rows were ([ORQ25] section 4, with the way back).
 *
 *   build rows above probe rows | key | source? payload |   ordered by key,
 *   build before probe among equals; each source's payload flows down to the
 *   rows of its key; then all rows return, and the probe rows keep what they
 *   caught.  Probe's own columns never move.
 */
#include "oblivious_impl.h"

#include <string.h>

/* What both sides share: everything has build->n + probe->n rows. */
typedef struct join {
    mal_obl *o;
    const mal_obl_join_options *options;
    table *probe, *build;
    size_t n;    /* rows of both */
    bits usable; /* of probe: valid, no NULL in its key */
    bits match;  /* of probe: a build row has its key */
    bits caught; /* of probe: the payload of that row, else 0 */
} join;

static void join_clear(join *j) {
    mal_share3_bits_clear(&j->usable);
    mal_share3_bits_clear(&j->match);
    mal_share3_bits_clear(&j->caught);
}

static mal_err check_options(const table *probe, const table *build,
                             const mal_obl_join_options *opt) {
    MAL_REQUIRE(opt->n_keys >= 1 && opt->n_keys <= MAL_OBL_KEYS_MAX,
                MAL_E_LIMIT, "a join on %u keys, 1 to %d", opt->n_keys,
                MAL_OBL_KEYS_MAX);
    MAL_REQUIRE(probe->n + build->n <= MAL_OBL_ROWS_MAX, MAL_E_LIMIT,
                "a join of %zu rows, at most %zu", probe->n + build->n,
                MAL_OBL_ROWS_MAX);
    for (unsigned i = 0; i < opt->n_keys; i++) {
        MAL_REQUIRE(opt->probe_keys[i] < probe->n_columns &&
                        opt->build_keys[i] < build->n_columns,
                    MAL_E_INPUT, "no column %u or %u", opt->probe_keys[i],
                    opt->build_keys[i]);
        MAL_REQUIRE(!probe->columns[opt->probe_keys[i]].type.opaque ==
                        !build->columns[opt->build_keys[i]].type.opaque,
                    MAL_E_INPUT, "an identifier equals no number");
    }
    return MAL_OK;
}

/* --- keys ----------------------------------------------------------------- */

static mal_err and_in(mal_obl *o, bits *z, const bits *x) {
    OBL_AUTO_BITS both = { 0 };
    MAL_TRY(obl_and(o, &both, z, x));
    mal_share3_bits_clear(z);
    *z = both;
    memset(&both, 0, sizeof both);
    return MAL_OK;
}

/* Valid, and no key is NULL. */
static mal_err usable_rows(mal_obl *o, bits *z, const table *t,
                           const unsigned *keys, unsigned n) {
    MAL_TRY(obl_bits_copy(o, z, &t->valid));
    for (unsigned i = 0; i < n; i++) {
        const column *c = &t->columns[keys[i]];
        if (!c->type.nullable)
            continue;
        OBL_AUTO_BITS known = { 0 };
        MAL_TRY(obl_not_null(o, &known, c));
        MAL_TRY(and_in(o, z, &known));
    }
    return MAL_OK;
}

static mal_obl_type key_type(const join *j, unsigned i) {
    return obl_type_join(&j->probe->columns[j->options->probe_keys[i]].type,
                         &j->build->columns[j->options->build_keys[i]].type);
}

/* One side's keys into rows [at, ..) of z, in the types of both sides. */
static mal_err put_keys(join *j, bits *z, size_t at, table *t,
                        const unsigned *keys) {
    OBL_AUTO_BITS side = { 0 };
    unsigned plane = 0;
    MAL_TRY(obl_bits_new(j->o, &side, t->n, z->width));
    for (unsigned i = 0; i < j->options->n_keys; i++) {
        const mal_obl_type type = key_type(j, i);
        OBL_AUTO_BITS x = { 0 };
        MAL_TRY(obl_column_planes(j->o, &x, &t->columns[keys[i]], &type));
        obl_planes_put(&side, plane, &x);
        plane += x.width;
    }
    obl_rows_put(z, at, &side);
    return MAL_OK;
}

/* The keys of both sides, and on top: rows that match nothing come last. */
static mal_err both_keys(join *j, bits *z, const bits *build_usable) {
    unsigned width = 1;
    for (unsigned i = 0; i < j->options->n_keys; i++) {
        const mal_obl_type type = key_type(j, i);
        width += mal_obl_width(&type);
    }
    MAL_TRY(obl_bits_new(j->o, z, j->n, width));
    bits keys = obl_planes(z, 0, width - 1), top = obl_planes(z, width - 1, 1);
    MAL_TRY(put_keys(j, &keys, 0, j->build, j->options->build_keys));
    MAL_TRY(put_keys(j, &keys, j->build->n, j->probe, j->options->probe_keys));
    obl_rows_put(&top, 0, build_usable);
    obl_rows_put(&top, j->build->n, &j->usable);
    obl_not_in(j->o, &top);
    return MAL_OK;
}

/* --- payload -------------------------------------------------------------- */

static bool carries_columns(const mal_obl_join_options *opt) {
    return opt->kind == MAL_OBL_INNER || opt->kind == MAL_OBL_LEFT;
}

/* Planes of all of build's columns, each with its NULLs above it. */
static mal_err pack(mal_obl *o, bits *z, table *t) {
    unsigned width = 0, at = 0;
    for (unsigned i = 0; i < t->n_columns; i++) {
        MAL_TRY(mal_obl_need_bits(o, &t->columns[i]));
        width += t->columns[i].bits.width + t->columns[i].type.nullable;
    }
    if (width == 0)
        return MAL_OK;
    MAL_TRY(obl_bits_new(o, z, t->n, width));
    for (unsigned i = 0; i < t->n_columns; i++) {
        const column *c = &t->columns[i];
        obl_planes_put(z, at, &c->bits);
        at += c->bits.width;
        if (c->type.nullable)
            obl_planes_put(z, at++, &c->null);
    }
    return MAL_OK;
}

/* Payload of usable build rows, else 0; and on top whether a row is one. */
static mal_err sources(join *j, bits *z, const bits *build_usable) {
    OBL_AUTO_BITS all = { 0 }, masked = { 0 };
    if (carries_columns(j->options))
        MAL_TRY(pack(j->o, &all, j->build));
    MAL_TRY(obl_bits_new(j->o, z, j->n, all.width + 1));
    if (all.width) {
        bits payload = obl_planes(z, 0, all.width);
        MAL_TRY(obl_and(j->o, &masked, &all, build_usable));
        obl_rows_put(&payload, 0, &masked);
    }
    bits top = obl_planes(z, all.width, 1);
    obl_rows_put(&top, 0, build_usable);
    return MAL_OK;
}

/* --- the copy down -------------------------------------------------------- */

static unsigned depth_of(const join *j) {
    const size_t fanout = j->options->fanout_max;
    return carries_columns(j->options) && fanout && fanout < j->n
               ? obl_log2_up(fanout + 1)
               : obl_log2_up(j->n);
}

/* A source with one of its key above it: the key is not unique. */
static mal_err check_unique(join *j, const bits *state, const bits *source,
                            const bits *same, const bits *link) {
    OBL_AUTO_BITS above = { 0 }, again = { 0 }, twice = { 0 };
    const bits has = obl_planes(state, state->width - 1, 1);
    (void)source;
    MAL_TRY(obl_rows_down(j->o, &above, &has, 1));
    MAL_TRY(obl_bits_copy(j->o, &again, same));
    obl_xor_in(&again, link); /* same, and a source: it does not link */
    MAL_TRY(obl_and(j->o, &twice, &again, &above));
    return obl_promise(j->o, &twice);
}

/* state: payload and source bit, in the order of the keys. */
static mal_err flow_down(join *j, bits *state, const bits *key) {
    const unsigned depth = depth_of(j);
    const bool bounded = depth < obl_log2_up(j->n);
    OBL_AUTO_BITS same = { 0 }, link = { 0 }, left = { 0 }, free = { 0 };
    const bits source = obl_planes(state, state->width - 1, 1);
    MAL_TRY(obl_same_as_above(j->o, &same, key));
    MAL_TRY(obl_bits_copy(j->o, &free, &source));
    obl_not_in(j->o, &free);
    MAL_TRY(obl_and(j->o, &link, &same, &free));
    MAL_TRY(obl_bits_copy(j->o, &left, &link));
    MAL_TRY(obl_copy_down(j->o, state, &left, depth));
    if (carries_columns(j->options))
        MAL_TRY(check_unique(j, state, &source, &same, &link));
    if (bounded) { /* a usable row that hangs deeper than was promised */
        OBL_AUTO_BITS usable = { 0 }, deep = { 0 };
        const bits top = obl_planes(key, key->width - 1, 1);
        MAL_TRY(obl_bits_copy(j->o, &usable, &top));
        obl_not_in(j->o, &usable);
        MAL_TRY(obl_and(j->o, &deep, &left, &usable));
        MAL_TRY(obl_promise(j->o, &deep));
    }
    return MAL_OK;
}

static mal_err by_sorting(join *j, bits *state, const bits *build_usable) {
    OBL_AUTO_BITS key = { 0 };
    OBL_AUTO_ORDER order = { 0 };
    MAL_TRY(both_keys(j, &key, build_usable));
    MAL_TRY(obl_order_sort(j->o, &order, &key));
    MAL_TRY(obl_move_bits(j->o, &order, &key, false));
    MAL_TRY(obl_move_bits(j->o, &order, state, false));
    MAL_TRY(flow_down(j, state, &key));
    return obl_move_bits(j->o, &order, state, true);
}

/* match and caught of the probe rows. */
static mal_err catch (join *j) {
    OBL_AUTO_BITS build_usable = { 0 }, state = { 0 }, mine = { 0 };
    const mal_obl_join_options *opt = j->options;
    MAL_TRY(usable_rows(j->o, &build_usable, j->build, opt->build_keys,
                        opt->n_keys));
    MAL_TRY(
        usable_rows(j->o, &j->usable, j->probe, opt->probe_keys, opt->n_keys));
    MAL_TRY(sources(j, &state, &build_usable));
    MAL_TRY(by_sorting(j, &state, &build_usable));
    MAL_TRY(obl_rows_slice(j->o, &mine, &state, j->build->n, j->probe->n));
    /* Unusable rows stand apart in the order: among them is no source. */
    const bits match = obl_planes(&mine, mine.width - 1, 1);
    MAL_TRY(obl_bits_copy(j->o, &j->match, &match));
    if (mine.width == 1)
        return MAL_OK;
    const bits caught = obl_planes(&mine, 0, mine.width - 1);
    return obl_bits_copy(j->o, &j->caught, &caught);
}

/* --- the result ----------------------------------------------------------- */

static mal_err probe_columns(join *j, table *out, unsigned more) {
    MAL_TRY(obl_columns_new(out, j->probe->n_columns + more));
    out->n = j->probe->n;
    for (unsigned i = 0; i < j->probe->n_columns; i++)
        MAL_TRY(obl_column_copy(j->o, &out->columns[i], &j->probe->columns[i]));
    return MAL_OK;
}

/* Build's columns from what was caught; NULL where nothing was, if asked. */
static mal_err build_columns(join *j, table *out, bool null_unmatched) {
    unsigned at = 0;
    for (unsigned i = 0; i < j->build->n_columns; i++) {
        const column *c = &j->build->columns[i];
        column *z = &out->columns[j->probe->n_columns + i];
        const unsigned width = mal_obl_width(&c->type);
        const bits value = obl_planes(&j->caught, at, width);
        z->type = c->type;
        z->has_bits = true;
        MAL_TRY(obl_bits_copy(j->o, &z->bits, &value));
        at += width;
        if (c->type.nullable) {
            const bits null = obl_planes(&j->caught, at++, 1);
            MAL_TRY(obl_bits_copy(j->o, &z->null, &null));
        } else if (null_unmatched) {
            MAL_TRY(obl_bits_new(j->o, &z->null, out->n, 1));
        }
        z->type.nullable |= null_unmatched;
        if (!null_unmatched)
            continue;
        obl_xor_in(&z->null, &j->match); /* null is 0 where nothing matched */
        obl_not_in(j->o, &z->null);
    }
    return MAL_OK;
}

static mal_err join_result(join *j, table *out) {
    const mal_obl_join_kind kind = j->options->kind;
    const bool more = carries_columns(j->options);
    MAL_TRY(probe_columns(j, out, more ? j->build->n_columns : 0));
    const bool all = kind == MAL_OBL_LEFT || kind == MAL_OBL_ANTI;
    MAL_TRY(
        obl_bits_copy(j->o, &out->valid, all ? &j->probe->valid : &j->match));
    if (kind == MAL_OBL_ANTI)
        obl_xor_in(&out->valid, &j->match); /* what matches is valid */
    return more ? build_columns(j, out, kind == MAL_OBL_LEFT) : MAL_OK;
}

mal_err mal_obl_join(mal_obl *o, table *out, table *probe, table *build,
                     const mal_obl_join_options *options) {
    MAL_AUTO(join_clear)
    join j = { .o = o,
               .options = options,
               .probe = probe,
               .build = build,
               .n = probe->n + build->n };
    MAL_TRY(check_options(probe, build, options));
    MAL_TRY(catch (&j));
    return join_result(&j, out);
}
