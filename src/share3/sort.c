/* sort.c - the secret order of rows by their keys.
 *
 * Narrow keys are one digit and need no comparison (digit.c).  Else the key's
 * planes and, below them, those of the row's number are shuffled; then rows are
 * distinct, and their order may be found by comparisons that are opened
 * (quicksort.c) [HKICT12].  Equal keys stay in order, for the number decides.
 *
 * What is opened is uniform: distinct rows have one order, and after a fresh
 * uniform shuffle that is, to any one party, each of the n! with the same
 * probability, whatever the keys are.  Every bit opened is a function of it.
 */
#include "order_impl.h"

/* --- Keys ------------------------------------------------------------------
 */

/* Keys as unsigned bits that grow, least key first, the row's number below. */
typedef struct prepared {
    mal_share3_column *column;
    unsigned n_columns;
    mal_share3_bits *own; /* [n_columns]: the number, and keys turned around */
} prepared;

/* Planes of 0, 1, .., n - 1. */
static mal_err number_rows(mal_share3 *s, mal_share3_bits *z, size_t n) {
    MAL_TRY(mal_share3_bits_new(s, z, n, share3_index_width(n)));
    for (unsigned p = 0; p < 2; p++)
        for (unsigned b = 0; share3_carries(s, p) && b < z->width; b++)
            for (size_t i = 0; i < z->stride; i++) {
                uint64_t w = 0 - (uint64_t)(b >= 6 && i >> (b - 6) & 1);
                for (unsigned r = 0; b < 6 && r < 64; r++)
                    w |= (uint64_t)(r >> b & 1) << r;
                z->part[p][b * z->stride + i] = w;
            }
    return MAL_OK;
}

/* Bits that turn a key into one that grows as an unsigned number. */
static uint64_t turned(const mal_share3_sort_key *k) {
    const uint64_t top = k->is_signed && k->bits->width
                             ? (uint64_t)1 << (k->bits->width - 1)
                             : 0;
    return k->descending ? ~top : top;
}

static mal_err prepare_key(mal_share3 *s, prepared *t, unsigned at,
                           const mal_share3_sort_key *k) {
    t->column[at].bits = (mal_share3_bits *)k->bits; /* only read */
    if (!turned(k))
        return MAL_OK;
    t->column[at].bits = &t->own[at];
    return mal_share3_xor_public(s, &t->own[at], k->bits, turned(k));
}

static mal_err prepare(mal_share3 *s, prepared *t,
                       const mal_share3_sort_key *keys, unsigned n_keys) {
    t->n_columns = n_keys + 1;
    t->column = mal_calloc(t->n_columns, sizeof *t->column);
    t->own = mal_calloc(t->n_columns, sizeof *t->own);
    if (!t->column || !t->own)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    t->column[0].bits = &t->own[0];
    MAL_TRY(number_rows(s, &t->own[0], keys[0].bits->n));
    for (unsigned k = 0; k < n_keys; k++)
        MAL_TRY(prepare_key(s, t, n_keys - k, &keys[k]));
    return MAL_OK;
}

static void prepared_clear(prepared *t) {
    for (unsigned k = 0; t->own && k < t->n_columns; k++)
        mal_share3_bits_clear(&t->own[k]);
    mal_free(t->own);
    mal_free(t->column);
}

static mal_err check_keys(const mal_share3_sort_key *keys, unsigned n_keys,
                          unsigned *width) {
    *width = 0;
    MAL_REQUIRE(n_keys > 0, MAL_E_INPUT, "a sort without a key");
    for (unsigned k = 0; k < n_keys; k++) {
        MAL_REQUIRE(keys[k].bits->n == keys[0].bits->n, MAL_E_INPUT,
                    "key %u has %zu rows, key 0 has %zu", k, keys[k].bits->n,
                    keys[0].bits->n);
        *width += keys[k].bits->width;
    }
    MAL_REQUIRE(*width <= MAL_SHARE3_SORT_WIDTH_MAX, MAL_E_LIMIT,
                "keys of %u bits in all, at most %d", *width,
                MAL_SHARE3_SORT_WIDTH_MAX);
    return MAL_OK;
}

/* --- By digit --------------------------------------------------------------
 */

/* The keys' planes in one vector, lowest first. */
static mal_err join_planes(mal_share3 *s, mal_share3_bits *z, const prepared *t,
                           unsigned width) {
    unsigned at = 0;
    MAL_TRY(mal_share3_bits_new(s, z, t->own[0].n, width));
    for (unsigned k = 1; k < t->n_columns; k++) {
        const mal_share3_bits *key = t->column[k].bits;
        mal_share3_bits to = mal_share3_bits_planes(z, at, key->width);
        MAL_TRY(mal_share3_bits_copy(s, &to, key));
        at += key->width;
    }
    return MAL_OK;
}

static mal_err sort_digit(mal_share3 *s, mal_share3_order **order,
                          const prepared *t, unsigned width) {
    MAL_AUTO(mal_share3_bits_clear) mal_share3_bits digit = { 0 };
    MAL_AUTO(mal_share3_words_clear) mal_share3_words pi = { 0 };
    MAL_TRY(join_planes(s, &digit, t, width));
    MAL_TRY(share3_digit_order(s, &pi, &digit));
    return share3_order_of_places(s, order, &pi);
}

/* --- By comparison ---------------------------------------------------------
 */

static mal_err rank_lanes(mal_share3 *s, mal_share3_order *order,
                          const share3_lanes *lanes) {
    share3_rows rows;
    uint64_t *place = mal_calloc(lanes->n + 1, sizeof *place);
    mal_err err = share3_rows_new(
        s, &rows, lanes,
        share3_pairs_max(lanes->n, lanes->n_planes, s->least_memory));
    if (err == MAL_OK && !place)
        err = mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    if (err == MAL_OK)
        err = share3_rows_rank(&rows, place);
    if (err == MAL_OK)
        err = share3_order_set(order, place);
    share3_rows_clear(&rows);
    mal_free(place);
    return err;
}

static mal_err sort_rows(mal_share3 *s, mal_share3_order **order,
                         const prepared *t) {
    share3_lanes lanes;
    MAL_TRY(share3_order_new(s, order, t->own[0].n));
    mal_err err = share3_lanes_new(s, &lanes, t->column, t->n_columns);
    if (err == MAL_OK)
        err = share3_shuffle_lanes(s, *order, &lanes, t->column, NULL, false);
    if (err == MAL_OK)
        err = rank_lanes(s, *order, &lanes);
    share3_lanes_clear(&lanes);
    return err;
}

/* --- The whole -------------------------------------------------------------
 */

mal_err mal_share3_order_sort(mal_share3 *s, mal_share3_order **order,
                              const mal_share3_sort_key *keys,
                              unsigned n_keys) {
    prepared t = { 0 };
    unsigned width;
    *order = NULL;
    MAL_TRY(share3_enter(s));
    MAL_TRY(check_keys(keys, n_keys, &width));
    if (keys[0].bits->n < 2)
        return mal_share3_order_random(s, order, keys[0].bits->n);
    mal_err err = prepare(s, &t, keys, n_keys);
    if (err == MAL_OK)
        err = width && width <= SHARE3_DIGIT_MAX
                  ? sort_digit(s, order, &t, width)
                  : sort_rows(s, order, &t);
    prepared_clear(&t);
    if (err != MAL_OK)
        mal_share3_order_free(order);
    return share3_leave(s, err);
}
