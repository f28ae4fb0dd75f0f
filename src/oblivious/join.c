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

static bool ranks_keys(const mal_obl_rank *rank, const unsigned *keys,
                       unsigned n) {
    bool same = rank->n_keys == n;
    for (unsigned i = 0; i < n && same; i++)
        same = rank->keys[i] == keys[i];
    return same;
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
    MAL_REQUIRE((!opt->probe_rank ||
                 ranks_keys(opt->probe_rank, opt->probe_keys, opt->n_keys)) &&
                    (!opt->build_rank ||
                     ranks_keys(opt->build_rank, opt->build_keys, opt->n_keys)),
                MAL_E_INPUT, "a rank of other keys than the join's");
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
static mal_err check_unique(join *j, const bits *state, const bits *same,
                            const bits *link) {
    OBL_AUTO_BITS above = { 0 }, again = { 0 }, twice = { 0 };
    const bits has = obl_planes(state, state->width - 1, 1);
    MAL_TRY(obl_rows_down(j->o, &above, &has, 1));
    MAL_TRY(obl_bits_copy(j->o, &again, same));
    obl_xor_in(&again, link); /* same, and a source: it does not link */
    MAL_TRY(obl_and(j->o, &twice, &again, &above));
    return obl_promise(j->o, &twice);
}

/* state: payload and source bit, in the order of the keys; usable: of all rows,
 * in that order, for a fan-out that is promised. */
static mal_err flow_down(join *j, bits *state, const bits *key,
                         const bits *usable) {
    const unsigned depth = depth_of(j);
    OBL_AUTO_BITS same = { 0 }, link = { 0 }, left = { 0 }, free = { 0 };
    OBL_AUTO_BITS deep = { 0 };
    const bits source = obl_planes(state, state->width - 1, 1);
    MAL_TRY(obl_same_as_above(j->o, &same, key));
    MAL_TRY(obl_bits_copy(j->o, &free, &source));
    obl_not_in(j->o, &free);
    MAL_TRY(obl_and(j->o, &link, &same, &free));
    MAL_TRY(obl_bits_copy(j->o, &left, &link));
    MAL_TRY(obl_copy_down(j->o, state, &left, depth));
    if (carries_columns(j->options))
        MAL_TRY(check_unique(j, state, &same, &link));
    if (depth >= obl_log2_up(j->n))
        return MAL_OK;
    /* A usable row that hangs deeper than was promised. */
    MAL_TRY(obl_and(j->o, &deep, &left, usable));
    return obl_promise(j->o, &deep);
}

/* --- by sorting both sides at once ---------------------------------------- */

static mal_err by_sorting(join *j, bits *mine, bits *state,
                          const bits *build_usable) {
    OBL_AUTO_BITS key = { 0 }, usable = { 0 };
    OBL_AUTO_ORDER order = { 0 };
    MAL_TRY(both_keys(j, &key, build_usable));
    MAL_TRY(obl_order_sort(j->o, &order, &key));
    MAL_TRY(obl_move_bits(j->o, &order, &key, false));
    MAL_TRY(obl_move_bits(j->o, &order, state, false));
    const bits top = obl_planes(&key, key.width - 1, 1);
    MAL_TRY(obl_bits_copy(j->o, &usable, &top));
    obl_not_in(j->o, &usable);
    MAL_TRY(flow_down(j, state, &key, &usable));
    MAL_TRY(obl_move_bits(j->o, &order, state, true));
    /* Unusable rows stand apart in the order: among them is no source. */
    return obl_rows_slice(j->o, mine, state, j->build->n, j->probe->n);
}

/* --- by merging two ranked sides ------------------------------------------ */

/* The side's keys in the types of both, as its rank orders them. */
static mal_err side_keys(join *j, bits *z, table *t, const unsigned *keys) {
    MAL_AUTO(mal_obl_table_clear) table only = { .n = t->n };
    mal_obl_key by[MAL_OBL_KEYS_MAX] = { 0 };
    MAL_TRY(obl_columns_new(&only, j->options->n_keys));
    for (unsigned i = 0; i < only.n_columns; i++) {
        column *c = &only.columns[i], *from = &t->columns[keys[i]];
        by[i].column = i;
        c->type = key_type(j, i);
        c->has_bits = true;
        MAL_TRY(obl_column_planes(j->o, &c->bits, from, &c->type));
        if (from->type.nullable)
            MAL_TRY(obl_bits_copy(j->o, &c->null, &from->null));
        else if (c->type.nullable)
            MAL_TRY(obl_bits_new(j->o, &c->null, t->n, 1));
    }
    return obl_key_planes(j->o, z, &only, by, only.n_columns, NULL);
}

/* Which side, the key, usable?, and then the state, which may be NULL: 0. */
static mal_err side_rows(join *j, bits *z, table *t, const unsigned *keys,
                         const bits *usable, const bits *state,
                         unsigned state_width) {
    OBL_AUTO_BITS key = { 0 };
    MAL_TRY(side_keys(j, &key, t, keys));
    MAL_TRY(obl_bits_new(j->o, z, t->n, key.width + 2 + state_width));
    obl_plane_xor_public(j->o, z, 0, t == j->probe);
    obl_planes_put(z, 1, &key);
    obl_planes_put(z, key.width + 1, usable);
    if (state)
        obl_planes_put(z, key.width + 2, state);
    return MAL_OK;
}

/* Into the order of the rank; a side without one is sorted alone.  order stays
 * empty where the rows stand so. */
static mal_err into_rank(join *j, obl_order *order, bits *rows,
                         unsigned key_width, const mal_obl_rank *rank) {
    const bits key = obl_planes(rows, 1, key_width - 1);
    if (rank && rank->in_place)
        return MAL_OK;
    if (rank)
        MAL_TRY(obl_rank_order(j->o, order, rank));
    else
        MAL_TRY(obl_order_sort(j->o, order, &key));
    return obl_move_bits(j->o, order, rows, false);
}

static mal_err by_merging(join *j, bits *mine, bits *state,
                          const bits *build_usable) {
    const mal_obl_join_options *opt = j->options;
    MAL_AUTO(obl_merge_clear) obl_merge merge = { 0 };
    OBL_AUTO_BITS build = { 0 }, probe = { 0 }, top = { 0 }, all = { 0 };
    OBL_AUTO_ORDER build_order = { 0 }, probe_order = { 0 };
    const unsigned w = state->width;
    MAL_TRY(obl_rows_slice(j->o, &top, state, 0, j->build->n));
    MAL_TRY(
        side_rows(j, &build, j->build, opt->build_keys, build_usable, &top, w));
    MAL_TRY(
        side_rows(j, &probe, j->probe, opt->probe_keys, &j->usable, NULL, w));
    const unsigned key_width = build.width - w - 1;
    MAL_TRY(into_rank(j, &build_order, &build, key_width, opt->build_rank));
    MAL_TRY(into_rank(j, &probe_order, &probe, key_width, opt->probe_rank));
    MAL_TRY(obl_merge_forth(j->o, &merge, &all, &build, &probe, key_width));

    OBL_AUTO_BITS flowing = { 0 }, usable = { 0 };
    const bits key = obl_planes(&all, 1, key_width - 1);
    const bits rows = obl_planes(&all, key_width, 1);
    const bits values = obl_planes(&all, key_width + 1, w);
    MAL_TRY(obl_bits_copy(j->o, &usable, &rows));
    MAL_TRY(obl_bits_copy(j->o, &flowing, &values));
    j->n = all.n;
    MAL_TRY(flow_down(j, &flowing, &key, &usable));
    MAL_TRY(obl_merge_back(j->o, &merge, mine, &flowing));
    if (probe_order.n)
        MAL_TRY(obl_move_bits(j->o, &probe_order, mine, true));
    return and_in(j->o, mine, &j->usable); /* unusable rows stood among them */
}

/* --- what nobody looks at --------------------------------------------------
 */

static bool is_key(const unsigned *keys, unsigned n, unsigned at) {
    for (unsigned i = 0; i < n; i++)
        if (keys[i] == at)
            return true;
    return false;
}

static mal_err rest_but_keys(join *j, table *t, const unsigned *keys) {
    for (unsigned i = 0; i < t->n_columns; i++)
        if (!is_key(keys, j->options->n_keys, i))
            MAL_TRY(obl_column_rest(j->o, &t->columns[i]));
    return MAL_OK;
}

/* --- both ----------------------------------------------------------------- */

/* match and caught of the probe rows. */
static mal_err catch_payload(join *j) {
    OBL_AUTO_BITS build_usable = { 0 }, state = { 0 }, mine = { 0 };
    const mal_obl_join_options *opt = j->options;
    MAL_TRY(usable_rows(j->o, &build_usable, j->build, opt->build_keys,
                        opt->n_keys));
    MAL_TRY(
        usable_rows(j->o, &j->usable, j->probe, opt->probe_keys, opt->n_keys));
    MAL_TRY(rest_but_keys(j, j->probe, opt->probe_keys));
    MAL_TRY(sources(j, &state, &build_usable));
    MAL_TRY(rest_but_keys(j, j->build, opt->build_keys));
    if (opt->probe_rank || opt->build_rank)
        MAL_TRY(by_merging(j, &mine, &state, &build_usable));
    else
        MAL_TRY(by_sorting(j, &mine, &state, &build_usable));
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
    MAL_TRY(obl_columns_rest(j->o, j->build));
    for (unsigned i = 0; i < j->probe->n_columns; i++) {
        column *from = &j->probe->columns[i];
        MAL_TRY(obl_column_wake(j->o, from));
        MAL_TRY(obl_column_copy(j->o, &out->columns[i], from));
        MAL_TRY(obl_column_rest(j->o, from));
    }
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
    MAL_TRY(mal_obl_table_wake(o, probe));
    MAL_TRY(mal_obl_table_wake(o, build));
    MAL_TRY(catch_payload(&j));
    return join_result(&j, out);
}
