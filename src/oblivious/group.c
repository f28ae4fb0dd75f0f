/* group.c - GROUP BY over open keys: one sort, prefix sums, and the last rows
 * of the groups to the front.
 *
 * Rows are ordered by (invalid, keys, ride), where `ride` is the one column
 * whose extreme or whose distinct values are asked for.  Sums are prefix sums
 * at the last row of each group, less those of the group before: linear, hence
 * local [AHI22].  Another MIN, MAX or COUNT DISTINCT is another pass over the
 * same groups, which come out in the same places.
 *
 * With the keys' rank nothing is sorted, and invalid rows stand among the
 * others: they add nothing, and a group counts if one of its rows does.
 */
#include "oblivious_impl.h"

#include <string.h>

typedef struct pass {
    mal_obl *o;
    table *in;
    const mal_obl_group_options *options;
    const mal_obl_agg *ride; /* NULL: none */
    bool first;              /* also keys and sums */
    bool ranked;             /* invalid rows are among the others */
    size_t n_out;
    bits key;   /* groups' planes, validity on top; moved */
    bits value; /* ride's planes, its NULLs on top; moved */
    bits any;   /* planes of the columns of ANY; moved */
    words *sum; /* [n_sums] prefix sums; they rest until they are moved */
    unsigned n_sums;
    bits last; /* rows that end a group */
    obl_order order;
} pass;

static void pass_clear(pass *p) {
    mal_share3_bits_clear(&p->key);
    mal_share3_bits_clear(&p->value);
    mal_share3_bits_clear(&p->any);
    mal_share3_bits_clear(&p->last);
    for (unsigned i = 0; i < p->n_sums; i++)
        mal_share3_words_clear(&p->sum[i]);
    mal_free(p->sum);
    obl_order_clear(&p->order);
}

static bool rides(mal_obl_agg_kind kind) {
    return kind == MAL_OBL_MIN || kind == MAL_OBL_MAX ||
           kind == MAL_OBL_COUNT_DISTINCT;
}

static bool is_sum(mal_obl_agg_kind kind) {
    return kind >= MAL_OBL_COUNT_ROWS && kind <= MAL_OBL_SUM;
}

static mal_err check_group(const table *in, const mal_obl_group_options *opt) {
    MAL_REQUIRE(opt->n_keys <= MAL_OBL_KEYS_MAX &&
                    opt->n_keys + opt->n_aggs <= MAL_OBL_COLUMNS_MAX,
                MAL_E_LIMIT, "%u keys and %u aggregates", opt->n_keys,
                opt->n_aggs);
    for (unsigned i = 0; i < opt->n_keys; i++)
        MAL_REQUIRE(opt->keys[i] < in->n_columns &&
                        (!opt->rank || (opt->rank->n_keys == opt->n_keys &&
                                        opt->rank->keys[i] == opt->keys[i])),
                    MAL_E_INPUT, "no column %u, or a rank of others",
                    opt->keys[i]);
    for (unsigned i = 0; i < opt->n_aggs; i++) {
        const mal_obl_agg *a = &opt->aggs[i];
        MAL_REQUIRE(a->kind == MAL_OBL_COUNT_ROWS || a->column < in->n_columns,
                    MAL_E_INPUT, "no column %u", a->column);
        MAL_REQUIRE(a->kind == MAL_OBL_COUNT_ROWS || a->kind == MAL_OBL_COUNT ||
                        a->kind == MAL_OBL_COUNT_DISTINCT ||
                        a->kind == MAL_OBL_ANY ||
                        !in->columns[a->column].type.opaque,
                    MAL_E_INPUT, "an identifier is not computed with");
    }
    return MAL_OK;
}

/* --- the order ------------------------------------------------------------ */

static mal_err append_above(mal_obl *o, bits *z, const bits *low,
                            const bits *high) {
    MAL_TRY(obl_bits_new(o, z, high->n, low->width + high->width));
    obl_planes_put(z, 0, low);
    obl_planes_put(z, low->width, high);
    return MAL_OK;
}

/* MIN comes last in its group, MAX too; NULLs before all values. */
static mal_obl_key ride_key(const mal_obl_agg *ride) {
    return (mal_obl_key){ .column = ride->column,
                          .desc = ride->kind == MAL_OBL_MIN,
                          .nulls_first = true };
}

/* Into the groups' order; nothing where the rows stand in it. */
static mal_err move_in(pass *p, bits *x) {
    return p->order.n ? obl_move_bits(p->o, &p->order, x, false) : MAL_OK;
}

/* Each column of ANY, its NULLs above it; no plane if there is none. */
static mal_err pack_any(pass *p, bits *z) {
    unsigned width = 0, at = 0;
    for (unsigned i = 0; i < p->options->n_aggs; i++) {
        column *c = &p->in->columns[p->options->aggs[i].column];
        if (p->options->aggs[i].kind != MAL_OBL_ANY)
            continue;
        MAL_TRY(mal_obl_need_bits(p->o, c));
        width += c->bits.width + c->type.nullable;
    }
    if (width == 0)
        return MAL_OK;
    MAL_TRY(obl_bits_new(p->o, z, p->in->n, width));
    for (unsigned i = 0; i < p->options->n_aggs; i++) {
        const column *c = &p->in->columns[p->options->aggs[i].column];
        if (p->options->aggs[i].kind != MAL_OBL_ANY)
            continue;
        obl_planes_put(z, at, &c->bits);
        at += c->bits.width;
        if (c->type.nullable)
            obl_planes_put(z, at++, &c->null);
    }
    return MAL_OK;
}

/* What is valid flows down its group: at its last row, whether any row is, and
 * what the last such row has in the columns of ANY. */
static mal_err flow_groups(pass *p, bits *valid, const bits *same) {
    OBL_AUTO_BITS link = { 0 }, invalid = { 0 }, state = { 0 }, mine = { 0 };
    const unsigned w = p->any.width;
    MAL_TRY(obl_bits_copy(p->o, &invalid, valid));
    obl_not_in(p->o, &invalid);
    MAL_TRY(obl_and(p->o, &link, same, &invalid));
    MAL_TRY(obl_bits_new(p->o, &state, p->in->n, w + 1));
    if (w) {
        MAL_TRY(obl_and(p->o, &mine, &p->any, valid));
        obl_planes_put(&state, 0, &mine);
    }
    obl_planes_put(&state, w, valid);
    MAL_TRY(obl_copy_down(p->o, &state, &link, obl_log2_up(p->in->n)));
    const bits some = obl_planes(&state, w, 1);
    obl_planes_put(valid, 0, &some);
    if (w) {
        const bits flown = obl_planes(&state, 0, w);
        obl_planes_put(&p->any, 0, &flown);
    }
    return MAL_OK;
}

/* The keys in the order of their rank, and on top what flow_groups says. */
static mal_err rank_groups(pass *p, const mal_obl_key *keys) {
    OBL_AUTO_BITS key = { 0 }, valid = { 0 }, same = { 0 };
    const mal_obl_rank *rank = p->options->rank;
    MAL_TRY(obl_key_planes(p->o, &key, p->in, keys, rank->n_keys, NULL));
    MAL_TRY(obl_bits_copy(p->o, &valid, &p->in->valid));
    MAL_TRY(obl_columns_rest(p->o, p->in));
    if (!rank->in_place)
        MAL_TRY(obl_rank_order(p->o, &p->order, rank));
    MAL_TRY(move_in(p, &key));
    MAL_TRY(move_in(p, &valid));
    if (p->any.width)
        MAL_TRY(move_in(p, &p->any));
    MAL_TRY(obl_same_as_above(p->o, &same, &key));
    MAL_TRY(flow_groups(p, &valid, &same));
    return append_above(p->o, &p->key, &key, &valid);
}

static mal_err sort_groups(pass *p) {
    mal_obl_key keys[MAL_OBL_KEYS_MAX] = { 0 };
    for (unsigned i = 0; i < p->options->n_keys; i++)
        keys[i].column = p->options->keys[i];
    if (p->first)
        MAL_TRY(pack_any(p, &p->any));
    if (p->ranked)
        return rank_groups(p, keys);
    MAL_TRY(obl_key_planes(p->o, &p->key, p->in, keys, p->options->n_keys,
                           &p->in->valid));
    MAL_TRY(obl_bits_rest(p->o, &p->any));
    if (!p->ride) {
        MAL_TRY(obl_columns_rest(p->o, p->in));
        MAL_TRY(obl_order_sort(p->o, &p->order, &p->key));
        MAL_TRY(obl_bits_wake(p->o, &p->any));
        if (p->any.width)
            MAL_TRY(move_in(p, &p->any));
        return move_in(p, &p->key);
    }
    OBL_AUTO_BITS all = { 0 };
    const mal_obl_key by = ride_key(p->ride);
    MAL_TRY(obl_key_planes(p->o, &p->value, p->in, &by, 1, NULL));
    MAL_TRY(append_above(p->o, &all, &p->value, &p->key));
    MAL_TRY(obl_columns_rest(p->o, p->in));
    MAL_TRY(obl_bits_rest(p->o, &p->value));
    MAL_TRY(obl_bits_rest(p->o, &p->key));
    MAL_TRY(obl_order_sort(p->o, &p->order, &all));
    MAL_TRY(obl_bits_wake(p->o, &p->value));
    MAL_TRY(obl_bits_wake(p->o, &p->key));
    MAL_TRY(obl_bits_wake(p->o, &p->any));
    MAL_TRY(move_in(p, &all));
    if (p->any.width)
        MAL_TRY(move_in(p, &p->any));
    const bits low = obl_planes(&all, 0, p->value.width);
    const bits high = obl_planes(&all, p->value.width, p->key.width);
    obl_planes_put(&p->value, 0, &low);
    obl_planes_put(&p->key, 0, &high);
    return MAL_OK;
}

static mal_err mark_last(pass *p, bits *same) {
    OBL_AUTO_BITS next = { 0 };
    bits valid = obl_planes(&p->key, p->key.width - 1, 1);
    const bits keys = obl_planes(&p->key, 0, p->key.width - 1);
    if (!p->ranked)
        obl_not_in(p->o, &valid); /* in place: from here on it says valid */
    MAL_TRY(obl_same_as_above(p->o, same, p->ranked ? &keys : &p->key));
    obl_mask_tail(same);
    MAL_TRY(obl_rows_up(p->o, &next, same, 1)); /* 0 below the last row */
    obl_not_in(p->o, &next);
    return obl_and(p->o, &p->last, &valid, &next);
}

/* --- what is summed ------------------------------------------------------- */

/* Rows that count for a column: not NULL, and valid where that is not what the
 * order says.  All do: z stays empty. */
static mal_err counted(pass *p, bits *z, const column *c) {
    const bool nullable = c && c->type.nullable;
    OBL_AUTO_BITS known = { 0 };
    if (!nullable)
        return p->ranked ? obl_bits_copy(p->o, z, &p->in->valid) : MAL_OK;
    MAL_TRY(obl_not_null(p->o, &known, c));
    return p->ranked ? obl_and(p->o, z, &known, &p->in->valid)
                     : obl_bits_copy(p->o, z, &known);
}

/* Value where it counts, else 0: as words, in the groups' order. */
static mal_err sum_input(pass *p, words *z, column *c) {
    OBL_AUTO_BITS known = { 0 }, x = { 0 };
    MAL_TRY(obl_column_wake(p->o, c));
    MAL_TRY(counted(p, &known, c));
    if (c->has_words) {
        mal_share3_column moved = { .words = z };
        if (known.width)
            MAL_TRY(obl_inject(p->o, z, &known, &c->words));
        else
            MAL_TRY(obl_words_copy(p->o, z, &c->words));
        MAL_TRY(obl_column_rest(p->o, c));
        return p->order.n ? obl_order_move(p->o, &p->order, &moved, 1, false)
                          : MAL_OK;
    }
    if (known.width)
        MAL_TRY(obl_and(p->o, &x, &c->bits, &known));
    else
        MAL_TRY(obl_bits_copy(p->o, &x, &c->bits));
    MAL_TRY(obl_column_rest(p->o, c));
    MAL_TRY(move_in(p, &x));
    return obl_to_words(p->o, z, &x, obl_signed(&c->type));
}

/* 1 where a row counts. */
static mal_err count_input(pass *p, words *z, column *c) {
    OBL_AUTO_BITS known = { 0 };
    if (c)
        MAL_TRY(obl_column_wake(p->o, c));
    MAL_TRY(counted(p, &known, c));
    if (c)
        MAL_TRY(obl_column_rest(p->o, c));
    MAL_TRY(move_in(p, &known));
    return obl_to_words(p->o, z, &known, false);
}

/* r + 1 in row r, which is the number of rows so far. */
static mal_err row_numbers(pass *p, words *z) {
    MAL_TRY(obl_public_words(p->o, z, p->in->n, 1));
    obl_words_prefix(z);
    return MAL_OK;
}

/* Rows that are first of their (group, value), unless it is NULL. */
static mal_err distinct_input(pass *p, words *z, const bits *same) {
    OBL_AUTO_BITS equal = { 0 }, again = { 0 }, fresh = { 0 };
    const column *c = &p->in->columns[p->ride->column];
    MAL_TRY(obl_same_as_above(p->o, &equal, &p->value));
    MAL_TRY(obl_and(p->o, &again, &equal, same));
    obl_not_in(p->o, &again);
    if (!c->type.nullable)
        return obl_to_words(p->o, z, &again, false);
    const bits known = obl_planes(&p->value, p->value.width - 1, 1);
    MAL_TRY(obl_and(p->o, &fresh, &again, &known));
    return obl_to_words(p->o, z, &fresh, false);
}

/* Of the values in z; nobody looks at it until it is moved. */
static mal_err prefix(pass *p, words *z) {
    obl_words_prefix(z);
    return obl_words_rest(p->o, z);
}

static mal_err one_sum(pass *p, const mal_obl_agg *a) {
    words *z = &p->sum[p->n_sums++];
    column *c =
        a->kind == MAL_OBL_COUNT_ROWS ? NULL : &p->in->columns[a->column];
    if (a->kind == MAL_OBL_SUM) {
        MAL_TRY(sum_input(p, z, c));
        MAL_TRY(prefix(p, z));
        if (!c->type.nullable)
            return MAL_OK;
        z = &p->sum[p->n_sums++]; /* of how many?  0: the sum is NULL */
    }
    if (!p->ranked && (!c || !c->type.nullable)) {
        MAL_TRY(row_numbers(p, z));
        return obl_words_rest(p->o, z);
    }
    MAL_TRY(count_input(p, z, c));
    return prefix(p, z);
}

/* What rests is not moved: at most two for each aggregate. */
static mal_err all_sums(pass *p, const bits *same) {
    p->sum = mal_calloc(2 * (size_t)p->options->n_aggs + 1, sizeof *p->sum);
    if (!p->sum)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    if (p->ride && p->ride->kind == MAL_OBL_COUNT_DISTINCT) {
        words *z = &p->sum[p->n_sums++];
        MAL_TRY(distinct_input(p, z, same));
        MAL_TRY(prefix(p, z));
    }
    for (unsigned i = 0; i < p->options->n_aggs && p->first; i++)
        if (is_sum(p->options->aggs[i].kind))
            MAL_TRY(one_sum(p, &p->options->aggs[i]));
    return MAL_OK;
}

/* --- groups to the front -------------------------------------------------- */

/* Sums of a group: its prefix less that of the group before. */
static void differences(words *z) {
    for (unsigned p = 0; p < 2 && z->part[0]; p++)
        for (size_t i = z->n; i-- > 1;)
            z->part[p][i] -= z->part[p][i - 1];
}

static mal_err cut_words(mal_obl *o, words *z, size_t n) {
    words cut = { 0 };
    MAL_TRY(obl_words_slice(o, &cut, z, 0, n));
    mal_share3_words_clear(z);
    *z = cut;
    return MAL_OK;
}

static mal_err move_sums(pass *p, const obl_order *front) {
    mal_share3_column *columns = mal_calloc(p->n_sums + 1, sizeof *columns);
    if (!columns)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    for (unsigned i = 0; i < p->n_sums; i++)
        columns[i].words = &p->sum[i];
    const mal_err err =
        p->n_sums ? obl_order_move(p->o, front, columns, p->n_sums, false)
                  : MAL_OK;
    mal_free(columns);
    return err;
}

/* x: the first rows of the planes [at, at + width) of all; none stays none. */
static mal_err cut_planes(pass *p, bits *x, const bits *all, unsigned *at,
                          unsigned width) {
    const bits mine = obl_planes(all, *at, width);
    *at += width;
    return width ? obl_rows_slice(p->o, x, &mine, 0, p->n_out) : MAL_OK;
}

/* More groups than there may be: the row after the last is one. */
static mal_err check_bound(pass *p, const bits *last) {
    OBL_AUTO_BITS over = { 0 };
    if (p->n_out == p->in->n)
        return MAL_OK;
    MAL_TRY(obl_rows_slice(p->o, &over, last, p->n_out, 1));
    return obl_promise(p->o, &over);
}

/* All planes in one: key (if it is wanted), ride, ANY, last. */
static mal_err to_front(pass *p) {
    OBL_AUTO_ORDER front = { 0 };
    OBL_AUTO_BITS all = { 0 }, not_last = { 0 };
    bits *parts[] = { &p->key, &p->value, &p->any, &p->last };
    unsigned width = 0, widths[4], at = 0;
    if (!p->first)
        mal_share3_bits_clear(&p->key);
    MAL_TRY(obl_bits_copy(p->o, &not_last, &p->last));
    obl_not_in(p->o, &not_last);
    for (unsigned i = 0; i < 4; i++) {
        width += widths[i] = parts[i]->width;
        MAL_TRY(obl_bits_rest(p->o, parts[i]));
    }
    MAL_TRY(obl_order_sort(p->o, &front, &not_last));
    MAL_TRY(obl_bits_new(p->o, &all, p->in->n, width));
    for (unsigned i = 0; i < 4; at += widths[i++]) {
        MAL_TRY(obl_bits_wake(p->o, parts[i]));
        if (widths[i])
            obl_planes_put(&all, at, parts[i]);
        mal_share3_bits_clear(parts[i]);
    }
    MAL_TRY(obl_move_bits(p->o, &front, &all, false));
    MAL_TRY(obl_bits_rest(p->o, &all));
    MAL_TRY(move_sums(p, &front));
    MAL_TRY(obl_bits_wake(p->o, &all));

    const bits last = obl_planes(&all, width - 1, 1);
    MAL_TRY(check_bound(p, &last));
    at = 0;
    for (unsigned i = 0; i < 4; i++)
        MAL_TRY(cut_planes(p, parts[i], &all, &at, widths[i]));
    for (unsigned i = 0; i < p->n_sums; i++) {
        MAL_TRY(obl_words_wake(p->o, &p->sum[i]));
        MAL_TRY(cut_words(p->o, &p->sum[i], p->n_out));
        differences(&p->sum[i]);
        MAL_TRY(obl_words_rest(p->o, &p->sum[i]));
    }
    return MAL_OK;
}

/* --- the result ----------------------------------------------------------- */

/* A column from planes [at, ..) of sort keys: obl_key_planes turned back. */
static mal_err column_of_planes(pass *p, column *z, const bits *planes,
                                unsigned *at, const mal_obl_type *type,
                                const mal_obl_key *by) {
    const unsigned w = mal_obl_width(type);
    const bits value = obl_planes(planes, *at, w);
    z->type = *type;
    z->has_bits = true;
    MAL_TRY(obl_bits_copy(p->o, &z->bits, &value));
    if (by->desc)
        obl_not_in(p->o, &z->bits);
    if (obl_signed(type))
        obl_plane_xor_public(p->o, &z->bits, w - 1, true);
    *at += w + type->nullable;
    if (!type->nullable)
        return MAL_OK;
    const bits null = obl_planes(planes, *at - 1, 1);
    MAL_TRY(obl_bits_copy(p->o, &z->null, &null));
    if (by->nulls_first)
        obl_not_in(p->o, &z->null);
    return MAL_OK;
}

/* NULL where the count beside the sum is 0. */
static mal_err null_of_count(pass *p, column *z, const words *count) {
    OBL_AUTO_BITS number = { 0 }, none = { 0 };
    const mal_obl_type type = { .hi = (int64_t)p->in->n };
    MAL_TRY(obl_to_bits(p->o, &number, count, mal_obl_width(&type)));
    MAL_TRY(obl_bits_new(p->o, &none, number.n, number.width));
    return obl_eq(p->o, &z->null, &number, &none);
}

static mal_err take_sum(pass *p, column *z, unsigned *at,
                        const mal_obl_agg *a) {
    words *sum = &p->sum[(*at)++], *count = &p->sum[*at];
    MAL_TRY(obl_agg_type(&z->type, p->in, a));
    MAL_TRY(obl_words_wake(p->o, sum));
    z->words = *sum;
    z->has_words = true;
    memset(sum, 0, sizeof *sum);
    if (!z->type.nullable)
        return MAL_OK;
    ++*at;
    MAL_TRY(obl_words_wake(p->o, count));
    MAL_TRY(null_of_count(p, z, count));
    mal_share3_words_clear(count);
    return MAL_OK;
}

static mal_err take_ride(pass *p, column *z, unsigned *sum) {
    const mal_obl_key by = ride_key(p->ride);
    unsigned plane = 0;
    if (p->ride->kind == MAL_OBL_COUNT_DISTINCT)
        return take_sum(p, z, sum, p->ride);
    return column_of_planes(p, z, &p->value, &plane,
                            &p->in->columns[p->ride->column].type, &by);
}

static mal_err take_any(pass *p, column *z, unsigned *at,
                        const mal_obl_type *type) {
    const unsigned w = mal_obl_width(type);
    const bits value = obl_planes(&p->any, *at, w);
    z->type = *type;
    z->has_bits = true;
    MAL_TRY(obl_bits_copy(p->o, &z->bits, &value));
    *at += w + type->nullable;
    if (!type->nullable)
        return MAL_OK;
    const bits null = obl_planes(&p->any, *at - 1, 1);
    return obl_bits_copy(p->o, &z->null, &null);
}

/* out's columns that this pass makes; a distinct count is the first sum. */
static mal_err take_results(pass *p, table *out) {
    const mal_obl_group_options *opt = p->options;
    column *aggs = out->columns + opt->n_keys;
    unsigned plane = 0, sum = 0, any = 0;
    const mal_obl_key plain = { 0 };
    if (p->ride)
        MAL_TRY(take_ride(p, &aggs[p->ride - opt->aggs], &sum));
    if (!p->first)
        return MAL_OK;
    MAL_TRY(obl_bits_copy(p->o, &out->valid, &p->last));
    for (unsigned i = opt->n_keys; i-- > 0;)
        MAL_TRY(column_of_planes(p, &out->columns[i], &p->key, &plane,
                                 &p->in->columns[opt->keys[i]].type, &plain));
    for (unsigned i = 0; i < opt->n_aggs; i++) {
        const mal_obl_agg *a = &opt->aggs[i];
        if (is_sum(a->kind))
            MAL_TRY(take_sum(p, &aggs[i], &sum, a));
        else if (a->kind == MAL_OBL_ANY)
            MAL_TRY(
                take_any(p, &aggs[i], &any, &p->in->columns[a->column].type));
    }
    return MAL_OK;
}

static mal_err run_pass(mal_obl *o, table *out, table *in,
                        const mal_obl_group_options *opt,
                        const mal_obl_agg *ride, bool first) {
    OBL_AUTO_BITS same = { 0 };
    MAL_AUTO(pass_clear)
    pass p = { .o = o,
               .in = in,
               .options = opt,
               .ride = ride,
               .first = first,
               .ranked = opt->rank && !ride,
               .n_out = out->n };
    MAL_TRY(mal_obl_table_wake(o, in)); /* since the pass before */
    MAL_TRY(sort_groups(&p));
    MAL_TRY(mark_last(&p, &same));
    MAL_TRY(all_sums(&p, &same));
    MAL_TRY(to_front(&p));
    return take_results(&p, out);
}

mal_err mal_obl_group(mal_obl *o, table *out, table *in,
                      const mal_obl_group_options *opt) {
    MAL_TRY(check_group(in, opt));
    if (opt->n_keys == 0)
        return obl_total(o, out, in, opt);
    MAL_TRY(obl_columns_new(out, opt->n_keys + opt->n_aggs));
    out->n =
        opt->groups_max && opt->groups_max < in->n ? opt->groups_max : in->n;
    bool first = true;
    for (unsigned i = 0; i < opt->n_aggs; i++)
        if (rides(opt->aggs[i].kind)) {
            MAL_TRY(run_pass(o, out, in, opt, &opt->aggs[i], first));
            first = false;
        }
    return first ? run_pass(o, out, in, opt, NULL, true) : MAL_OK;
}

mal_err mal_obl_distinct(mal_obl *o, table *t, const unsigned *keys,
                         unsigned n_keys) {
    mal_obl_key by[MAL_OBL_KEYS_MAX] = { 0 };
    OBL_AUTO_BITS key = { 0 }, same = { 0 }, valid = { 0 };
    OBL_AUTO_ORDER order = { 0 };
    MAL_REQUIRE(n_keys <= MAL_OBL_KEYS_MAX, MAL_E_LIMIT, "%u keys, at most %d",
                n_keys, MAL_OBL_KEYS_MAX);
    for (unsigned i = 0; i < n_keys; i++)
        by[i].column = keys[i];
    MAL_TRY(obl_key_planes(o, &key, t, by, n_keys, &t->valid));
    MAL_TRY(obl_order_sort(o, &order, &key));
    MAL_TRY(obl_move_bits(o, &order, &key, false));
    MAL_TRY(obl_same_as_above(o, &same, &key));
    obl_not_in(o, &same);
    MAL_TRY(obl_move_bits(o, &order, &same, true)); /* rows stay */
    MAL_TRY(obl_and(o, &valid, &t->valid, &same));
    mal_share3_bits_clear(&t->valid);
    t->valid = valid;
    memset(&valid, 0, sizeof valid);
    return MAL_OK;
}
