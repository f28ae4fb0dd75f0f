/* rounds.c - what needs the other parties: each call is the engine's, or, on a
 * dry engine, its shape and its price. */
#include "oblivious_impl.h"

/* --- gates ---------------------------------------------------------------- */

/* y's plane for each of x's: one long gate where there are too many planes for
 * one call of the engine. */
static mal_err spread(mal_obl *o, bits *z, const bits *y, unsigned width) {
    MAL_TRY(obl_bits_new(o, z, y->n, width));
    obl_xor_in(z, y);
    return MAL_OK;
}

static bits as_one_plane(const bits *x) {
    bits z = *x;
    z.n = 64 * x->stride * x->width;
    z.stride *= x->width;
    z.width = 1;
    z.owner = NULL;
    return z;
}

typedef mal_err (*plane_gate)(mal_share3 *, bits *, const bits *, const bits *);

static mal_err wide(mal_obl *o, bits *z, const bits *x, const bits *y,
                    plane_gate gate) {
    OBL_AUTO_BITS all = { 0 };
    if (y->width != x->width)
        MAL_TRY(spread(o, &all, y, x->width));
    bits to = as_one_plane(z);
    const bits a = as_one_plane(x);
    const bits b = as_one_plane(y->width == x->width ? y : &all);
    return gate(o->s, &to, &a, &b);
}

static mal_err plane_by_plane(mal_obl *o, bits *z, const bits *x, const bits *y,
                              plane_gate gate) {
    assert(x->n == y->n && (y->width == x->width || y->width == 1));
    MAL_TRY(obl_bits_new(o, z, x->n, x->width));
    if (!o->s)
        obl_pay(o, MAL_SHARE3_CALL_AND, x->n, x->width);
    else if (x->width > MAL_SHARE3_WIDTH_MAX)
        MAL_TRY(wide(o, z, x, y, gate));
    else
        MAL_TRY(gate(o->s, z, x, y));
    return MAL_OK;
}

mal_err obl_and(mal_obl *o, bits *z, const bits *x, const bits *y) {
    return plane_by_plane(o, z, x, y, mal_share3_and);
}

mal_err obl_or(mal_obl *o, bits *z, const bits *x, const bits *y) {
    return plane_by_plane(o, z, x, y, mal_share3_or);
}

/* y ^ c & (x ^ y) */
mal_err obl_mux(mal_obl *o, bits *z, const bits *c, const bits *x,
                const bits *y) {
    OBL_AUTO_BITS differ = { 0 };
    assert(x->width == y->width && c->width == 1);
    MAL_TRY(obl_bits_copy(o, &differ, x));
    obl_xor_in(&differ, y);
    MAL_TRY(obl_and(o, z, &differ, c));
    obl_xor_in(z, y);
    return MAL_OK;
}

/* --- trees ---------------------------------------------------------------- */

static mal_err eq_narrow(mal_obl *o, bits *z, const bits *x, const bits *y) {
    if (o->s)
        return mal_share3_eq(o->s, z, x, y);
    obl_pay(o, MAL_SHARE3_CALL_EQ, x->n, x->width);
    return obl_bits_new(o, z, x->n, 1);
}

mal_err obl_eq(mal_obl *o, bits *z, const bits *x, const bits *y) {
    const unsigned w = x->width, max = MAL_SHARE3_WIDTH_MAX;
    assert(x->width == y->width && x->n == y->n);
    if (w <= max)
        return eq_narrow(o, z, x, y);
    OBL_AUTO_BITS low = { 0 }, high = { 0 };
    const bits xl = obl_planes(x, 0, max), yl = obl_planes(y, 0, max);
    const bits xh = obl_planes(x, max, w - max),
               yh = obl_planes(y, max, w - max);
    MAL_TRY(eq_narrow(o, &low, &xl, &yl));
    MAL_TRY(obl_eq(o, &high, &xh, &yh));
    return obl_and(o, z, &low, &high);
}

mal_err obl_lt(mal_obl *o, bits *z, const bits *x, const bits *y,
               bool is_signed) {
    assert(x->width == y->width && x->n == y->n);
    if (o->s)
        return mal_share3_lt(o->s, z, x, y, is_signed);
    obl_pay(o, MAL_SHARE3_CALL_LT, x->n, x->width);
    return obl_bits_new(o, z, x->n, 1);
}

/* hi < hi' or hi = hi' and lo < lo', 64 planes at a time. */
mal_err obl_less(mal_obl *o, bits *z, const bits *x, const bits *y) {
    const unsigned max = MAL_SHARE3_WIDTH_MAX, w = x->width;
    if (w <= max)
        return obl_lt(o, z, x, y, false);
    const unsigned low = w - max;
    const bits xh = obl_planes(x, low, max), yh = obl_planes(y, low, max);
    const bits xl = obl_planes(x, 0, low), yl = obl_planes(y, 0, low);
    OBL_AUTO_BITS high_less = { 0 }, same = { 0 }, less = { 0 };
    MAL_TRY(obl_lt(o, &high_less, &xh, &yh, false));
    MAL_TRY(obl_eq(o, &same, &xh, &yh));
    MAL_TRY(obl_less(o, &less, &xl, &yl));
    MAL_TRY(obl_and(o, z, &same, &less));
    obl_xor_in(z, &high_less); /* not both */
    return MAL_OK;
}

mal_err obl_bits_add(mal_obl *o, bits *z, const bits *x, const bits *y) {
    assert(x->width == y->width && x->n == y->n);
    if (o->s)
        return mal_share3_bits_add(o->s, z, x, y);
    obl_pay(o, MAL_SHARE3_CALL_BITS_ADD, x->n, x->width);
    return obl_bits_new(o, z, x->n, x->width);
}

mal_err obl_bits_sub(mal_obl *o, bits *z, const bits *x, const bits *y) {
    assert(x->width == y->width && x->n == y->n);
    if (o->s)
        return mal_share3_bits_sub(o->s, z, x, y);
    obl_pay(o, MAL_SHARE3_CALL_BITS_ADD, x->n, x->width);
    return obl_bits_new(o, z, x->n, x->width);
}

/* --- words ---------------------------------------------------------------- */

mal_err obl_mul(mal_obl *o, words *z, const words *x, const words *y) {
    assert(x->n == y->n);
    if (o->s)
        return mal_share3_mul(o->s, z, x, y);
    obl_pay(o, MAL_SHARE3_CALL_MUL, x->n, 64);
    return obl_words_new(o, z, x->n);
}

mal_err obl_dot(mal_obl *o, words *z, const words *x, const words *y,
                size_t len) {
    assert(x->n == y->n && x->n % len == 0);
    if (o->s)
        return mal_share3_dot(o->s, z, x, y, len);
    obl_pay_dot(o, x->n, len);
    o->cost.ns += (double)x->n;
    return obl_words_new(o, z, x->n / len);
}

mal_err obl_to_bits(mal_obl *o, bits *z, const words *x, unsigned width) {
    if (o->s)
        return mal_share3_to_bits(o->s, z, x, width);
    obl_pay(o, MAL_SHARE3_CALL_TO_BITS, x->n, width);
    return obl_bits_new(o, z, x->n, width);
}

mal_err obl_inject(mal_obl *o, words *z, const bits *bit, const words *x) {
    assert(bit->width == 1);
    if (o->s)
        return mal_share3_inject(o->s, z, bit, x);
    obl_pay(o, x ? MAL_SHARE3_CALL_INJECT : MAL_SHARE3_CALL_INJECT_ONE, bit->n,
            1);
    return obl_words_new(o, z, bit->n);
}

mal_err obl_to_words(mal_obl *o, words *z, const bits *x, bool is_signed) {
    if (o->s)
        return mal_share3_to_words(o->s, z, x, is_signed);
    obl_pay(o, MAL_SHARE3_CALL_TO_WORDS, x->n, x->width);
    return obl_words_new(o, z, x->n);
}

/* --- orders --------------------------------------------------------------- */

void obl_order_clear(obl_order *order) {
    mal_share3_order_free(&order->order);
    order->n = 0;
}

#define SORT_KEYS_MAX ((MAL_SHARE3_SORT_WIDTH_MAX + 63) / 64)

mal_err obl_order_sort(mal_obl *o, obl_order *z, const bits *key) {
    mal_share3_sort_key keys[SORT_KEYS_MAX];
    bits part[SORT_KEYS_MAX];
    unsigned n = 0;
    MAL_REQUIRE(key->width <= MAL_SHARE3_SORT_WIDTH_MAX, MAL_E_LIMIT,
                "keys of %u bits, at most %d", key->width,
                MAL_SHARE3_SORT_WIDTH_MAX);
    z->n = key->n;
    if (!o->s) {
        z->turn = obl_pay_turn(o);
        obl_pay_sort(o, z->turn, key->n, key->width);
        return MAL_OK;
    }
    for (unsigned top = key->width; top > 0; n++) { /* the highest first */
        const unsigned w = top < 64 ? top : 64;
        part[n] = obl_planes(key, top - w, w);
        keys[n] = (mal_share3_sort_key){ .bits = &part[n] };
        top -= w;
    }
    return mal_share3_order_sort(o->s, &z->order, keys, n);
}

/* How many of n columns are moved at once: one, or what fits well. */
static unsigned at_once(const mal_obl *o, size_t rows,
                        const mal_share3_column *columns, unsigned n) {
    size_t planes = 0;
    for (unsigned i = 0; i < n; i++) {
        planes += columns[i].words ? 64 : columns[i].bits->width;
        if (i && mal_share3_slice(o->s, rows, (planes + 63) / 64) < rows)
            return i;
    }
    return n;
}

static mal_err wake(mal_obl *o, mal_share3_column *columns, unsigned n) {
    for (unsigned i = 0; i < n; i++)
        MAL_TRY(columns[i].words
                    ? mal_share3_words_unpark(o->s, columns[i].words)
                    : mal_share3_bits_unpark(o->s, columns[i].bits));
    return MAL_OK;
}

static mal_err move(mal_obl *o, const obl_order *order,
                    mal_share3_column *columns, unsigned n, bool inverse) {
    const mal_share3_column *end = columns + n;
    for (unsigned k; columns < end; columns += k) {
        k = at_once(o, order->n, columns, (unsigned)(end - columns));
        MAL_TRY(wake(o, columns, k));
        MAL_TRY(
            mal_share3_order_apply(o->s, order->order, columns, k, inverse));
        for (unsigned i = 0; i < k && k < n; i++)
            MAL_TRY(columns[i].words ? obl_words_rest(o, columns[i].words)
                                     : obl_bits_rest(o, columns[i].bits));
    }
    return MAL_OK;
}

mal_err obl_order_move(mal_obl *o, const obl_order *order,
                       mal_share3_column *columns, unsigned n, bool inverse) {
    if (o->s)
        return move(o, order, columns, n, inverse);
    unsigned planes = 0, n_words = 0;
    for (unsigned i = 0; i < n; i++)
        if (columns[i].words)
            n_words++;
        else
            planes += columns[i].bits->width;
    obl_pay_move(o, order->turn, order->n, n_words, planes);
    return MAL_OK;
}

#define MOVE_PLANES_MAX ((size_t)64 * 4 * MAL_OBL_COLUMNS_MAX)

mal_err obl_move_bits(mal_obl *o, const obl_order *order, bits *x,
                      bool inverse) {
    mal_share3_column columns[MOVE_PLANES_MAX / 64];
    bits part[MOVE_PLANES_MAX / 64];
    unsigned n = 0;
    assert(x->width <= MOVE_PLANES_MAX);
    for (unsigned at = 0; at < x->width; at += 64, n++) {
        part[n] = obl_planes(x, at, x->width - at < 64 ? x->width - at : 64);
        columns[n] = (mal_share3_column){ .bits = &part[n] };
    }
    return obl_order_move(o, order, columns, n, inverse);
}

mal_err obl_order_words(mal_obl *o, words *place, const obl_order *order) {
    if (o->s)
        return mal_share3_order_words(o->s, place, order->order);
    obl_pay_move(o, order->turn, order->n, 1, 0);
    return obl_words_new(o, place, order->n);
}

mal_err obl_order_of(mal_obl *o, obl_order *z, const words *place) {
    z->n = place->n;
    if (o->s)
        return mal_share3_order_of(o->s, &z->order, place);
    z->turn = obl_pay_turn(o);
    obl_pay_move(o, z->turn, place->n, 1, 0);
    obl_pay(o, MAL_SHARE3_CALL_OPEN, place->n, 64);
    return MAL_OK;
}

/* --- in and out ----------------------------------------------------------- */

mal_err obl_input(mal_obl *o, bits *z, unsigned owner, const uint64_t *planes,
                  size_t n, unsigned width) {
    if (o->s)
        return mal_share3_bits_input(o->s, z, owner, planes, n, width);
    obl_pay_input(o, owner, n, width);
    return obl_bits_new(o, z, n, width);
}

mal_err obl_open_bits(mal_obl *o, uint64_t *planes, const bits *x) {
    if (o->s)
        return mal_share3_bits_open(o->s, planes, x);
    obl_pay(o, MAL_SHARE3_CALL_BITS_OPEN, x->n, x->width);
    return MAL_OK;
}

mal_err obl_open_words(mal_obl *o, uint64_t *values, const words *x) {
    if (o->s)
        return mal_share3_words_open(o->s, values, x);
    obl_pay(o, MAL_SHARE3_CALL_OPEN, x->n, 64);
    return MAL_OK;
}
