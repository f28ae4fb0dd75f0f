/* boolean.c - gates on planes: and, or, mux; equality and order as trees.
 *
 * A tree over the bits of a row is a few rounds, each with many planes at once.
 * The values between two rounds lie in one scratch column, plane by plane.
 */
#include "share3_impl.h"

#define W MAL_SHARE3_WIDTH_MAX

/* --- One round --------------------------------------------------------------
 */

static mal_err plane_by_plane(mal_share3 *s, mal_share3_bits *z,
                              const mal_share3_bits *x,
                              const mal_share3_bits *y, unsigned flags) {
    share3_gate g[W] = { 0 };
    MAL_TRY(share3_bits_fit(x, y));
    MAL_TRY(share3_bits_want(s, z, x->n, x->width));
    for (unsigned b = 0; b < x->width; b++) {
        g[b].x = share3_plane(x, b);
        g[b].y = share3_plane(y, y->width == x->width ? b : 0);
        g[b].flags = flags;
        share3_gate_to(&g[b], z, b);
    }
    return share3_gates(s, SHARE3_AND, g, x->width, x->stride);
}

mal_err mal_share3_and(mal_share3 *s, mal_share3_bits *z,
                       const mal_share3_bits *x, const mal_share3_bits *y) {
    return plane_by_plane(s, z, x, y, 0);
}

/* x | y = ~(~x & ~y) */
mal_err mal_share3_or(mal_share3 *s, mal_share3_bits *z,
                      const mal_share3_bits *x, const mal_share3_bits *y) {
    return plane_by_plane(s, z, x, y,
                          SHARE3_NOT_X | SHARE3_NOT_Y | SHARE3_NOT_Z);
}

/* y ^ c & (x ^ y) */
mal_err mal_share3_mux(mal_share3 *s, mal_share3_bits *z,
                       const mal_share3_bits *c, const mal_share3_bits *x,
                       const mal_share3_bits *y) {
    share3_gate g[W] = { 0 };
    MAL_TRY(share3_bits_fit(x, c));
    MAL_REQUIRE(c->width == 1 && x->width == y->width && x->n == y->n,
                MAL_E_INPUT, "a choice of %u bits between %u and %u", c->width,
                x->width, y->width);
    MAL_TRY(share3_bits_want(s, z, x->n, x->width));
    for (unsigned b = 0; b < x->width; b++) {
        g[b].x = share3_plane(c, 0);
        g[b].y = share3_plane(x, b);
        g[b].y2 = g[b].add = share3_plane(y, b);
        share3_gate_to(&g[b], z, b);
    }
    return share3_gates(s, SHARE3_AND, g, x->width, x->stride);
}

/* --- Equality ----------------------------------------------------------------
 */

/* z = value in every row. */
static mal_err constant(mal_share3 *s, mal_share3_bits *z, uint64_t value) {
    for (unsigned p = 0; p < 2; p++)
        for (size_t i = 0; i < z->stride; i++)
            z->part[p][i] = share3_carries(s, p) ? value : 0;
    return MAL_OK;
}

/* The AND of all planes of x, or of x ^ y ^ [inverted].  A round joins plane b
 * with plane rest + b, and with an odd number the middle one goes on. */
static mal_err and_tree(mal_share3 *s, mal_share3_bits *z,
                        const mal_share3_bits *x, const mal_share3_bits *y,
                        bool inverted) {
    MAL_AUTO(mal_share3_bits_clear) mal_share3_bits t = { 0 };
    share3_gate g[W / 2];
    const share3_ref none = { { NULL, NULL } };
    unsigned left = x->width;
    MAL_TRY(mal_share3_bits_new(s, &t, x->n, (left + 1) / 2));
    for (bool first = true; left > 1; left = (left + 1) / 2, first = false) {
        const unsigned half = left / 2, rest = left - half;
        memset(g, 0, sizeof g);
        for (unsigned b = 0; b < half; b++) {
            const mal_share3_bits *from = first ? x : &t;
            g[b].x = share3_plane(from, b);
            g[b].y = share3_plane(from, rest + b);
            g[b].x2 = first && y ? share3_plane(y, b) : none;
            g[b].y2 = first && y ? share3_plane(y, rest + b) : none;
            g[b].flags = first && inverted ? SHARE3_NOT_X | SHARE3_NOT_Y : 0;
            share3_gate_to(&g[b], rest == 1 ? z : &t, b);
        }
        if (first && rest > half) { /* the odd plane goes on as it is */
            mal_share3_bits to = mal_share3_bits_planes(&t, half, 1);
            mal_share3_bits odd = mal_share3_bits_planes(x, half, 1);
            MAL_TRY(mal_share3_bits_copy(s, &to, &odd));
            if (y) {
                odd = mal_share3_bits_planes(y, half, 1);
                MAL_TRY(mal_share3_xor(s, &to, &to, &odd));
            }
            if (inverted)
                MAL_TRY(mal_share3_not(s, &to, &to));
        }
        MAL_TRY(share3_gates(s, SHARE3_AND, g, half, x->stride));
    }
    return MAL_OK;
}

static mal_err all_of(mal_share3 *s, mal_share3_bits *z,
                      const mal_share3_bits *x, const mal_share3_bits *y,
                      bool inverted) {
    if (y)
        MAL_TRY(share3_bits_fit(x, y));
    MAL_REQUIRE(!y || x->width == y->width, MAL_E_INPUT,
                "%u bits cannot equal %u", x->width, y->width);
    MAL_TRY(share3_bits_want(s, z, x->n, 1));
    if (x->width == 0)
        return constant(s, z, ~UINT64_C(0));
    if (x->width > 1)
        return and_tree(s, z, x, y, inverted);
    MAL_TRY(mal_share3_bits_copy(s, z, x));
    if (y)
        MAL_TRY(mal_share3_xor(s, z, z, y));
    return inverted ? mal_share3_not(s, z, z) : MAL_OK;
}

mal_err mal_share3_eq(mal_share3 *s, mal_share3_bits *z,
                      const mal_share3_bits *x, const mal_share3_bits *y) {
    return all_of(s, z, x, y, true);
}

mal_err mal_share3_is_zero(mal_share3 *s, mal_share3_bits *z,
                           const mal_share3_bits *x) {
    return all_of(s, z, x, NULL, true);
}

mal_err mal_share3_all(mal_share3 *s, mal_share3_bits *z,
                       const mal_share3_bits *x) {
    return all_of(s, z, x, NULL, false);
}

/* --- Order -------------------------------------------------------------------
 */

/* A segment of adjacent bits has d: do x and y differ in it?  and v: if so, is
 * x the lesser there?  (Else v is anything.)  For one bit d = x ^ y and v = y,
 * without a gate; at the sign the roles are changed, v = x.  Of two segments
 *     d = hi.d | lo.d        v = hi.d ? hi.v : lo.v
 * The lowest segment is empty and has v = 0, for x = y is not x < y; with it
 * below, d is not needed. */
typedef struct segment {
    share3_ref d, d2; /* d = d ^ d2 */
    share3_ref v;
} segment;

/* A round writes fresh planes, in turn from the front of either half of t.  A
 * segment without a partner goes up unchanged; it is the last of its round, and
 * the round after next, with a quarter of the planes, does not reach it. */
#define UPPER(n) ((n) + 1) /* planes of the first half: 2 * (n / 2) - 1 */
#define PLANES(n) (UPPER(n) + (n) / 2 + 2) /* of the second, half as many */

typedef struct order {
    mal_share3 *s;
    size_t stride; /* words of a plane that are worked on */
    mal_share3_words t;
    unsigned used, upper; /* planes of t */
    segment seg[W + 1];
    unsigned n;
} order;

/* A gate's result into a new plane of t. */
static share3_ref fresh(order *o, share3_gate *g) {
    const size_t off = o->used++ * o->stride;
    g->z[0] = o->t.part[0] + off;
    g->z[1] = o->t.part[1] + off;
    return (share3_ref){ { g->z[0], g->z[1] } };
}

/* seg[j] = seg[2j + 1] above seg[2j], in two gates or one. */
static unsigned merge(order *o, share3_gate *g, unsigned j,
                      const mal_share3_bits *z) {
    const segment lo = o->seg[2 * j], hi = o->seg[2 * j + 1];
    segment *to = &o->seg[j];
    memset(to, 0, sizeof *to);
    g[0] = (share3_gate){
        .x = hi.d, .x2 = hi.d2, .y = hi.v, .y2 = lo.v, .add = lo.v
    };
    if (o->n == 2)
        share3_gate_to(&g[0], z, 0);
    else
        to->v = fresh(o, &g[0]);
    if (j == 0)
        return 1;
    g[1] = (share3_gate){ .x = hi.d, .x2 = hi.d2, .y = lo.d, .y2 = lo.d2 };
    g[1].flags = SHARE3_NOT_X | SHARE3_NOT_Y | SHARE3_NOT_Z;
    to->d = fresh(o, &g[1]);
    return 2;
}

static mal_err order_run(order *o, const mal_share3_bits *z) {
    share3_gate g[W];
    for (unsigned round = 0; o->n > 1; round++) {
        const unsigned pairs = o->n / 2, odd = o->n % 2;
        unsigned made = 0;
        o->used = round % 2 ? o->upper : 0;
        for (unsigned j = 0; j < pairs; j++)
            made += merge(o, g + made, j, z);
        if (odd)
            o->seg[pairs] = o->seg[o->n - 1];
        MAL_TRY(share3_gates(o->s, SHARE3_AND, g, made, o->stride));
        o->n = pairs + odd;
    }
    return MAL_OK;
}

static mal_err less(mal_share3 *s, const mal_share3_bits *z,
                    const mal_share3_bits *x, const mal_share3_bits *y,
                    bool is_signed) {
    const unsigned n = x->width + 1;
    order o = {
        .s = s, .stride = share3_stride(x->n), .n = n, .upper = UPPER(n)
    };
    for (unsigned b = 0; b < x->width; b++) {
        const bool sign = is_signed && b == x->width - 1;
        o.seg[b + 1].d = share3_plane(x, b);
        o.seg[b + 1].d2 = share3_plane(y, b);
        o.seg[b + 1].v = share3_plane(sign ? x : y, b);
    }
    MAL_AUTO(mal_share3_words_clear) mal_share3_words t = { 0 };
    MAL_TRY(mal_share3_words_new(s, &t, PLANES(n) * o.stride));
    o.t = t;
    return order_run(&o, z);
}

mal_err mal_share3_lt(mal_share3 *s, mal_share3_bits *z,
                      const mal_share3_bits *x, const mal_share3_bits *y,
                      bool is_signed) {
    MAL_TRY(share3_bits_fit(x, y));
    MAL_REQUIRE(x->width == y->width, MAL_E_INPUT, "%u bits against %u",
                x->width, y->width);
    MAL_TRY(share3_bits_want(s, z, x->n, 1));
    if (x->width == 0)
        return constant(s, z, 0);
    const size_t step =
        mal_share3_slice(s, x->n, PLANES(x->width + 1) / 64 + 1);
    for (size_t at = 0; at < x->n; at += step) {
        const size_t n = share3_least(step, x->n - at);
        const mal_share3_bits to = share3_rows_view(z, at, n);
        const mal_share3_bits a = share3_rows_view(x, at, n);
        const mal_share3_bits b = share3_rows_view(y, at, n);
        MAL_TRY(less(s, &to, &a, &b, is_signed));
    }
    return MAL_OK;
}
