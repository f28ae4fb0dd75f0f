/* join_many.c - joins made of joins: many to many under a declared fan-out, and
 * outer joins that keep the unique side. */
#include "oblivious_impl.h"

#include <string.h>

/* The place of each usable row among those of its key, from 1, as a column. */
static mal_err number_rows(mal_obl *o, table *t, const unsigned *keys,
                           unsigned n_keys) {
    mal_obl_key by[MAL_OBL_KEYS_MAX] = { 0 };
    for (unsigned i = 0; i < n_keys; i++)
        by[i].column = keys[i];
    return obl_row_number(o, t, by, n_keys);
}

/* More than fanout_max usable rows of one key. */
static mal_err check_fanout(mal_obl *o, table *t, unsigned number,
                            size_t fanout) {
    OBL_AUTO_BITS end = { 0 }, over = { 0 }, broken = { 0 };
    const column *c = &t->columns[number];
    if ((int64_t)fanout >= c->type.hi)
        return MAL_OK;
    MAL_TRY(obl_public_bits(o, &end, t->n, c->bits.width, (int64_t)fanout));
    MAL_TRY(obl_lt(o, &over, &end, &c->bits, false));
    MAL_TRY(obl_and(o, &broken, &over, &t->valid));
    return obl_promise(o, &broken);
}

static mal_err copy_table(mal_obl *o, table *z, const table *x, unsigned more) {
    MAL_TRY(obl_columns_new(z, x->n_columns + more));
    z->n = x->n;
    for (unsigned i = 0; i < x->n_columns; i++)
        MAL_TRY(obl_column_copy(o, &z->columns[i], &x->columns[i]));
    return obl_bits_copy(o, &z->valid, &x->valid);
}

/* Rows whose key has a NULL match none, and are not numbered. */
static mal_err drop_null_keys(mal_obl *o, table *t, const unsigned *keys,
                              unsigned n_keys) {
    for (unsigned i = 0; i < n_keys; i++) {
        const column *c = &t->columns[keys[i]];
        OBL_AUTO_BITS known = { 0 }, valid = { 0 };
        if (!c->type.nullable)
            continue;
        MAL_TRY(obl_not_null(o, &known, c));
        MAL_TRY(obl_and(o, &valid, &t->valid, &known));
        mal_share3_bits_clear(&t->valid);
        t->valid = valid;
        memset(&valid, 0, sizeof valid);
    }
    return MAL_OK;
}

/* The probe side, with the number that its copy looks for. */
static mal_err numbered_copy(mal_obl *o, table *z, const table *probe,
                             size_t number, const mal_obl_type *type) {
    MAL_TRY(copy_table(o, z, probe, 1));
    column *c = &z->columns[probe->n_columns];
    c->type = *type;
    c->has_bits = true;
    return obl_public_bits(o, &c->bits, probe->n, mal_obl_width(type),
                           (int64_t)number);
}

/* Without probe's number and build's, which stood last on their sides. */
static void drop_column(table *t, unsigned at) {
    mal_obl_column_clear(&t->columns[at]);
    memmove(&t->columns[at], &t->columns[at + 1],
            (t->n_columns - at - 1) * sizeof *t->columns);
    t->n_columns--;
    memset(&t->columns[t->n_columns], 0, sizeof *t->columns);
}

/* LEFT: every probe row once, also if nothing matches; its copies from the
 * second on only where something does, which build's number tells: it is NULL
 * where nothing matched. */
static mal_err keep_matches(mal_obl *o, table *t, unsigned number,
                            size_t first) {
    OBL_AUTO_BITS known = { 0 }, valid = { 0 };
    const size_t n = t->n - first;
    if (n == 0)
        return MAL_OK;
    MAL_TRY(obl_not_null(o, &known, &t->columns[number]));
    OBL_AUTO_BITS ones = { 0 };
    MAL_TRY(obl_public_bits(o, &ones, first, 1, 1));
    obl_rows_put(&known, 0, &ones);
    MAL_TRY(obl_and(o, &valid, &t->valid, &known));
    mal_share3_bits_clear(&t->valid);
    t->valid = valid;
    memset(&valid, 0, sizeof valid);
    return MAL_OK;
}

static mal_err all_copies(mal_obl *o, table *z, const table *probe,
                          size_t fanout, const mal_obl_type *type) {
    table *copies = mal_calloc(fanout, sizeof *copies);
    table **list = mal_calloc(fanout, sizeof *list);
    mal_err err = copies && list
                      ? MAL_OK
                      : mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    for (size_t i = 0; i < fanout && err == MAL_OK; i++) {
        list[i] = &copies[i];
        err = numbered_copy(o, &copies[i], probe, i + 1, type);
    }
    if (err == MAL_OK)
        err = mal_obl_union(o, z, list, (unsigned)fanout);
    for (size_t i = 0; i < fanout && copies; i++)
        mal_obl_table_clear(&copies[i]);
    mal_free(copies);
    mal_free(list);
    return err;
}

mal_err mal_obl_join_many(mal_obl *o, table *out, table *probe, table *build,
                          const mal_obl_join_options *options) {
    MAL_AUTO(mal_obl_table_clear) table right = { 0 };
    MAL_AUTO(mal_obl_table_clear) table left = { 0 };
    const size_t fanout = options->fanout_max;
    mal_obl_join_options opt = *options;
    MAL_REQUIRE(
        fanout >= 1 && fanout <= MAL_OBL_ROWS_MAX / probe->n &&
            fanout <= MAL_OBL_LIST_MAX && options->n_keys < MAL_OBL_KEYS_MAX,
        MAL_E_LIMIT, "a fan-out of %zu over %zu rows", fanout, probe->n);
    MAL_REQUIRE(options->kind == MAL_OBL_INNER || options->kind == MAL_OBL_LEFT,
                MAL_E_UNSUPPORTED, "SEMI and ANTI need no fan-out");
    MAL_TRY(copy_table(o, &right, build, 0));
    MAL_TRY(drop_null_keys(o, &right, opt.build_keys, opt.n_keys));
    MAL_TRY(number_rows(o, &right, opt.build_keys, opt.n_keys));
    MAL_TRY(check_fanout(o, &right, build->n_columns, fanout));
    MAL_TRY(all_copies(o, &left, probe, fanout,
                       &right.columns[build->n_columns].type));
    opt.probe_keys[opt.n_keys] = probe->n_columns;
    opt.build_keys[opt.n_keys++] = build->n_columns;
    opt.fanout_max = 0;
    opt.probe_rank = opt.build_rank = NULL;
    MAL_TRY(mal_obl_join(o, out, &left, &right, &opt));
    if (opt.kind == MAL_OBL_LEFT)
        MAL_TRY(keep_matches(o, out, out->n_columns - 1, probe->n));
    drop_column(out, out->n_columns - 1);
    drop_column(out, probe->n_columns);
    return MAL_OK;
}

/* --- outer ---------------------------------------------------------------- */

/* unique's columns first, then many's. */
static void unique_first(table *t, unsigned n_many) {
    column swap[MAL_OBL_COLUMNS_MAX];
    const unsigned n_unique = t->n_columns - n_many;
    memcpy(swap, t->columns, n_many * sizeof *swap);
    memmove(t->columns, t->columns + n_many, n_unique * sizeof *swap);
    memcpy(t->columns + n_unique, swap, n_many * sizeof *swap);
}

static mal_err null_column(mal_obl *o, column *z, const column *like,
                           size_t n) {
    z->type = like->type;
    z->type.nullable = true;
    z->has_bits = like->has_bits;
    z->has_words = !like->has_bits;
    if (z->has_bits)
        MAL_TRY(obl_bits_new(o, &z->bits, n, mal_obl_width(&z->type)));
    else
        MAL_TRY(obl_words_new(o, &z->words, n));
    return obl_public_bits(o, &z->null, n, 1, 1);
}

mal_err mal_obl_join_outer(mal_obl *o, table *out, table *unique, table *many,
                           const mal_obl_join_options *options) {
    MAL_AUTO(mal_obl_table_clear) table inner = { 0 };
    MAL_AUTO(mal_obl_table_clear) table alone = { 0 };
    MAL_AUTO(mal_obl_table_clear) table rest = { 0 };
    mal_obl_join_options opt = *options;
    MAL_REQUIRE(unique->n_columns + many->n_columns <= MAL_OBL_COLUMNS_MAX,
                MAL_E_LIMIT, "%u columns", unique->n_columns + many->n_columns);
    opt.kind = MAL_OBL_INNER;
    MAL_TRY(mal_obl_join(o, &inner, many, unique, &opt));
    unique_first(&inner, many->n_columns);
    memcpy(opt.probe_keys, options->build_keys, sizeof opt.probe_keys);
    memcpy(opt.build_keys, options->probe_keys, sizeof opt.build_keys);
    opt.probe_rank = options->build_rank;
    opt.build_rank = options->probe_rank;
    opt.kind = MAL_OBL_ANTI;
    opt.fanout_max = 0;
    MAL_TRY(mal_obl_join(o, &alone, unique, many, &opt));
    MAL_TRY(copy_table(o, &rest, &alone, many->n_columns));
    for (unsigned i = 0; i < many->n_columns; i++)
        MAL_TRY(null_column(o, &rest.columns[unique->n_columns + i],
                            &many->columns[i], rest.n));
    table *both[2] = { &inner, &rest };
    return mal_obl_union(o, out, both, 2);
}
