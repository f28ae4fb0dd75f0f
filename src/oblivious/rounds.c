/* rounds.c - what needs the other parties: each call is the engine's, or, on a
 * dry engine, its shape and its price. */
#include "oblivious_impl.h"

/* --- prices --------------------------------------------------------------- */

/* An exchange of `words` words to one peer, in messages of 64 KiB. */
#define MESSAGE_WORDS ((uint64_t)8192)
#define MESSAGE_HEADER ((uint64_t)16)

static uint64_t message_bytes(uint64_t n) {
    return 8 * n + MESSAGE_HEADER * ((n + MESSAGE_WORDS - 1) / MESSAGE_WORDS);
}

static void pay(mal_obl *o, uint64_t rounds, uint64_t bytes, double ns) {
    o->cost.rounds += rounds;
    o->cost.bytes += bytes;
    o->cost.ns += ns + (double)rounds * o->rates.round_ns +
                  (double)bytes * o->rates.byte_ns;
}

static void pay_and(mal_obl *o, uint64_t n) {
    pay(o, 1, message_bytes(n), (double)n * o->rates.and_word_ns);
}

static void pay_mul(mal_obl *o, uint64_t n) {
    pay(o, 1, message_bytes(n), (double)n * o->rates.mul_ns);
}

mal_obl_cost mal_obl_cost_so_far(const mal_obl *o) {
    mal_obl_cost cost = o->cost;
    if (o->s) {
        const mal_share3_counters c = mal_share3_count(o->s);
        cost.rounds = c.rounds;
        cost.bytes = c.bytes;
    }
    return cost;
}

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
        pay_and(o, (uint64_t)x->width * x->stride);
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

/* w planes to one by halves, w / 2 gates a round. */
static void pay_tree(mal_obl *o, unsigned w, size_t stride) {
    for (; w > 1; w = (w + 1) / 2)
        pay_and(o, (uint64_t)(w / 2) * stride);
}

static mal_err eq_narrow(mal_obl *o, bits *z, const bits *x, const bits *y) {
    if (o->s)
        return mal_share3_eq(o->s, z, x, y);
    pay_tree(o, x->width, x->stride);
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
    /* One segment a bit and an empty one; a pair is two gates, the lowest one.
     */
    for (unsigned n = x->width + 1; n > 1; n = n / 2 + n % 2)
        pay_and(o, (uint64_t)(n / 2 * 2 - 1) * x->stride);
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

/* [Skl60]: in round k, carries whose place has bit k join what is below. */
static void pay_add(mal_obl *o, unsigned w, size_t stride) {
    for (unsigned k = 0; 1u << k < w; k++) {
        uint64_t gates = 0;
        for (unsigned i = 0; i < w; i++)
            if (i >> k & 1)
                gates += 1 + (i >> (k + 1) != 0);
        pay_and(o, gates * stride);
    }
}

mal_err obl_bits_add(mal_obl *o, bits *z, const bits *x, const bits *y) {
    assert(x->width == y->width && x->n == y->n);
    if (o->s)
        return mal_share3_bits_add(o->s, z, x, y);
    pay_add(o, x->width, x->stride);
    return obl_bits_new(o, z, x->n, x->width);
}

mal_err obl_bits_sub(mal_obl *o, bits *z, const bits *x, const bits *y) {
    assert(x->width == y->width && x->n == y->n);
    if (o->s)
        return mal_share3_bits_sub(o->s, z, x, y);
    pay_add(o, x->width, x->stride);
    return obl_bits_new(o, z, x->n, x->width);
}

/* --- words ---------------------------------------------------------------- */

mal_err obl_mul(mal_obl *o, words *z, const words *x, const words *y) {
    assert(x->n == y->n);
    if (o->s)
        return mal_share3_mul(o->s, z, x, y);
    pay_mul(o, x->n);
    return obl_words_new(o, z, x->n);
}

mal_err obl_dot(mal_obl *o, words *z, const words *x, const words *y,
                size_t len) {
    assert(x->n == y->n && x->n % len == 0);
    if (o->s)
        return mal_share3_dot(o->s, z, x, y, len);
    pay_mul(o, x->n / len);
    o->cost.ns += (double)x->n;
    return obl_words_new(o, z, x->n / len);
}

mal_err obl_to_bits(mal_obl *o, bits *z, const words *x, unsigned width) {
    if (o->s)
        return mal_share3_to_bits(o->s, z, x, width);
    const size_t stride = obl_stride(x->n);
    if (width > 1)
        pay_and(o, (uint64_t)(width - 1) * stride);
    pay_add(o, width, stride);
    return obl_bits_new(o, z, x->n, width);
}

mal_err obl_inject(mal_obl *o, words *z, const bits *bit, const words *x) {
    assert(bit->width == 1);
    if (o->s)
        return mal_share3_inject(o->s, z, bit, x);
    pay_mul(o, (x ? 2 : 1) * (uint64_t)bit->n);
    pay_mul(o, bit->n);
    return obl_words_new(o, z, bit->n);
}

mal_err obl_to_words(mal_obl *o, words *z, const bits *x, bool is_signed) {
    if (o->s)
        return mal_share3_to_words(o->s, z, x, is_signed);
    if (x->width == 1)
        return obl_inject(o, z, x, NULL);
    pay_and(o, 63 * x->stride); /* x + r1 + r2 over 64 planes, opened */
    pay_add(o, 64, x->stride);
    pay_and(o, 64 * x->stride);
    return obl_words_new(o, z, x->n);
}

/* --- orders --------------------------------------------------------------- */

void obl_order_clear(obl_order *order) {
    mal_share3_order_free(&order->order);
    order->n = 0;
}

/* Rows packed into elements of 1, 2, 4 or 8 bytes, 64 planes at a time. */
static uint64_t row_bytes(unsigned planes) {
    uint64_t bytes = 0;
    while (planes) {
        const unsigned e = planes > 48   ? 8
                           : planes > 16 ? 4
                           : planes > 8  ? 2
                                         : 1;
        bytes += e;
        planes = planes > 8 * e ? planes - 8 * e : 0;
    }
    return bytes;
}

/* Three rounds; who sends most, sends every byte of a row twice. */
static void pay_move(mal_obl *o, size_t n, uint64_t bytes) {
    const uint64_t total = (n * bytes + 7) / 8;
    pay(o, 3, 2 * message_bytes(total),
        (double)n * (double)bytes / 8 * o->rates.permute_ns);
}

/* An estimate for keys of more than 3 planes: how rows compare is uniform, and
 * so is the number of rounds. */
static void pay_sort(mal_obl *o, size_t n, unsigned width) {
    const unsigned log_n = obl_log2_up(n), w = width + log_n;
    const uint64_t pairs = n * (log_n + 4), stride = obl_stride(pairs);
    pay(o, 6ull * obl_log2_up(w + 1) * (log_n / 4 + 1),
        message_bytes(pairs * (uint64_t)(2 * w) / 64 + stride),
        (double)stride * 3 * w * o->rates.and_word_ns);
    pay_move(o, n, row_bytes(w));
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
        pay_sort(o, key->n, key->width);
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

mal_err obl_order_move(mal_obl *o, const obl_order *order,
                       mal_share3_column *columns, unsigned n, bool inverse) {
    if (o->s)
        return mal_share3_order_apply(o->s, order->order, columns, n, inverse);
    unsigned planes = 0;
    uint64_t bytes = 0;
    for (unsigned i = 0; i < n; i++)
        if (columns[i].words)
            bytes += 8;
        else
            planes += columns[i].bits->width;
    pay_move(o, order->n, bytes + row_bytes(planes));
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
    pay_move(o, order->n, 8);
    return obl_words_new(o, place, order->n);
}

mal_err obl_order_of(mal_obl *o, obl_order *z, const words *place) {
    z->n = place->n;
    if (o->s)
        return mal_share3_order_of(o->s, &z->order, place);
    pay_move(o, place->n, 8);
    pay_mul(o, place->n);
    return MAL_OK;
}

/* --- in and out ----------------------------------------------------------- */

mal_err obl_input(mal_obl *o, bits *z, unsigned owner, const uint64_t *planes,
                  size_t n, unsigned width) {
    if (o->s)
        return mal_share3_bits_input(o->s, z, owner, planes, n, width);
    pay_and(o, (uint64_t)width * obl_stride(n));
    return obl_bits_new(o, z, n, width);
}

mal_err obl_open_bits(mal_obl *o, uint64_t *planes, const bits *x) {
    if (o->s)
        return mal_share3_bits_open(o->s, planes, x);
    pay_and(o, (uint64_t)x->width * x->stride);
    return MAL_OK;
}

mal_err obl_open_words(mal_obl *o, uint64_t *values, const words *x) {
    if (o->s)
        return mal_share3_words_open(o->s, values, x);
    pay_mul(o, x->n);
    return MAL_OK;
}
