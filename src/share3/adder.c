/* adder.c - sums of planes: a parallel-prefix network over carries.
 *
 * A segment of adjacent bits has p: does it pass its carry on? and v: if not,
 * what does it carry out?  For one bit p = x ^ y and v = x, without a gate.  Of
 * two segments
 *     p = hi.p & lo.p        v = hi.p ? lo.v : hi.v
 * The lowest segment is the carry that comes in, a public bit: nothing needs
 * its p, nor that of a segment that reaches down to it.  Round k of [Skl60]
 * joins segment i, where bit k of i is set, with the one below its block of
 * 2^k; after it, segment i is all bits below i, and v the carry into bit i.
 * For x - y = x + ~y + 1, p = x ^ y ^ 1 and the carry in is 1.
 */
#include "kernels.h"

#define W MAL_SHARE3_WIDTH_MAX

typedef struct segment {
    share3_ref p, p2; /* p = p ^ p2 ^ inverted */
    share3_ref v;     /* v = v ^ inverted, where it is the carry in */
    bool inverted;
} segment;

typedef struct adder {
    mal_share3 *s;
    size_t stride;      /* words of a plane that are worked on */
    mal_share3_words t; /* planes: v of segment i, then p */
    segment seg[W + 1];
    unsigned width, n; /* planes; segments: one more, if the carry is asked */
    bool subtract;
} adder;

static share3_ref into(const adder *a, share3_gate *g, unsigned plane) {
    const size_t off = plane * a->stride;
    g->z[0] = a->t.part[0] + off;
    g->z[1] = a->t.part[1] + off;
    return (share3_ref){ { g->z[0], g->z[1] } };
}

/* v before p: the gate of v reads the p that the other one replaces. */
static unsigned join(const adder *a, share3_gate *g, unsigned i, unsigned k) {
    const unsigned below = (i >> k << k) - 1;
    const segment hi = a->seg[i], lo = a->seg[below];
    const unsigned not_x = hi.inverted ? SHARE3_NOT_X : 0;
    g[0] = (share3_gate){
        .x = hi.p, .x2 = hi.p2, .y = hi.v, .y2 = lo.v, .add = hi.v
    };
    g[0].flags = not_x | (below == 0 && lo.inverted ? SHARE3_NOT_Y : 0);
    into(a, &g[0], i);
    if (i >> (k + 1) == 0)
        return 1;
    g[1] = (share3_gate){ .x = hi.p, .x2 = hi.p2, .y = lo.p, .y2 = lo.p2 };
    g[1].flags = not_x | (lo.inverted ? SHARE3_NOT_Y : 0);
    into(a, &g[1], a->n + i);
    return 2;
}

/* From now on segment i lies in its planes of t. */
static void settle(adder *a, unsigned i) {
    share3_gate g;
    memset(&a->seg[i], 0, sizeof a->seg[i]);
    a->seg[i].v = into(a, &g, i);
    a->seg[i].p = into(a, &g, a->n + i);
}

static mal_err carries(adder *a) {
    share3_gate g[W + 2];
    for (unsigned k = 0; 1u << k < a->n; k++) {
        unsigned made = 0;
        for (unsigned i = 0; i < a->n; i++)
            if (i >> k & 1)
                made += join(a, g + made, i, k);
        MAL_TRY(share3_gates(a->s, SHARE3_AND, g, made, a->stride));
        for (unsigned i = 0; i < a->n; i++)
            if (i >> k & 1)
                settle(a, i);
    }
    return MAL_OK;
}

/* z = p ^ carry in, of each bit. */
static void sum(const adder *a, const mal_share3_bits *z, const share3_ref *x,
                const share3_ref *y) {
    for (unsigned p = 0; p < 2; p++)
        for (unsigned b = 0; b < a->width; b++) {
            uint64_t *out = z->part[p] + b * z->stride;
            const uint64_t ones =
                b && a->subtract && share3_carries(a->s, p) ? ~UINT64_C(0) : 0;
            if (x[b].part[p] && x[b].part[p] != out)
                memcpy(out, x[b].part[p], 8 * a->stride);
            else if (!x[b].part[p])
                memset(out, 0, 8 * a->stride);
            share3_kernel()->xor (out, out, y[b].part[p],
                                  b ? a->seg[b].v.part[p] : NULL, ones,
                                  a->stride);
        }
}

static mal_err add_rows(mal_share3 *s, const mal_share3_bits *z,
                        const mal_share3_bits *carry, const share3_ref *x,
                        const share3_ref *y, bool subtract) {
    adder a = { .s = s,
                .stride = share3_stride(z->n),
                .width = z->width,
                .n = z->width + (carry != NULL),
                .subtract = subtract };
    MAL_AUTO(mal_share3_words_clear) mal_share3_words t = { 0 };
    MAL_TRY(mal_share3_words_new(s, &t, 2 * (size_t)a.n * a.stride));
    a.t = t;
    a.seg[0].inverted = subtract; /* the carry in */
    for (unsigned b = 0; b + 1 < a.n; b++)
        a.seg[b + 1] =
            (segment){ .p = x[b], .p2 = y[b], .v = x[b], .inverted = subtract };
    MAL_TRY(carries(&a));
    sum(&a, z, x, y);
    for (unsigned p = 0; p < 2 && carry && a.stride; p++)
        memcpy(carry->part[p], a.seg[a.width].v.part[p], 8 * a.stride);
    return MAL_OK;
}

static void move_on(share3_ref *x, unsigned n, size_t words) {
    for (unsigned b = 0; b < n; b++)
        for (unsigned p = 0; p < 2; p++)
            if (x[b].part[p])
                x[b].part[p] += words;
}

mal_err share3_add_planes(mal_share3 *s, mal_share3_bits *z,
                          mal_share3_bits *carry, const share3_ref *x,
                          const share3_ref *y, bool subtract) {
    const unsigned planes = z->width + (carry != NULL);
    const size_t step = mal_share3_slice(s, z->n, 2 * planes / 64 + 1);
    share3_ref u[W], v[W];
    memcpy(u, x, z->width * sizeof *u);
    memcpy(v, y, z->width * sizeof *v);
    for (size_t at = 0; at < z->n; at += step) {
        const size_t n = share3_least(step, z->n - at);
        const mal_share3_bits rows = share3_rows_view(z, at, n);
        mal_share3_bits out = { 0 };
        if (carry)
            out = share3_rows_view(carry, at, n);
        MAL_TRY(add_rows(s, &rows, carry ? &out : NULL, u, v, subtract));
        move_on(u, z->width, step / 64);
        move_on(v, z->width, step / 64);
    }
    return MAL_OK;
}

static mal_err add_or_subtract(mal_share3 *s, mal_share3_bits *z,
                               const mal_share3_bits *x,
                               const mal_share3_bits *y, bool subtract) {
    share3_ref u[W], v[W];
    MAL_TRY(share3_bits_fit(x, y));
    MAL_REQUIRE(x->width == y->width, MAL_E_INPUT, "%u bits and %u bits",
                x->width, y->width);
    MAL_TRY(share3_bits_want(s, z, x->n, x->width));
    for (unsigned b = 0; b < x->width; b++) {
        u[b] = share3_plane(x, b);
        v[b] = share3_plane(y, b);
    }
    return share3_add_planes(s, z, NULL, u, v, subtract);
}

mal_err mal_share3_bits_add(mal_share3 *s, mal_share3_bits *z,
                            const mal_share3_bits *x,
                            const mal_share3_bits *y) {
    return add_or_subtract(s, z, x, y, false);
}

mal_err mal_share3_bits_sub(mal_share3 *s, mal_share3_bits *z,
                            const mal_share3_bits *x,
                            const mal_share3_bits *y) {
    return add_or_subtract(s, z, x, y, true);
}
