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
