/* divide.c - fixed point and division, with errors that are proved. */
#include "share3_impl.h"

#define W MAL_SHARE3_WIDTH_MAX

/* --- Truncation --------------------------------------------------------------
 */

/* Let X = x + 2^61 in [0, 2^62), and x_k the parts of X, so that
 *     x0 + x1 + x2 = X + 2^64 w,  w in { 0, 1, 2 }.
 * Let h_k = x_k >> 62 and H = h0 + h1 + h2.  The low parts add up to X + 2^64 w
 * - 2^62 H in [0, 3 * 2^62), hence with X < 2^62 to e 2^62 + X, e in { 0, 1, 2
 * }, and
 *     4 w = H + e.
 * So e = -H mod 4 is 0, 1, 2 for H mod 4 = 0, 3, 2; 1 does not occur.  In the
 * bits t1 t0 of H mod 4 that is e = 2 t1 - t0, where t0 is the xor of the bits
 * 62 of the parts, which is the plane 62 of the parts read as shares of bits;
 * t1 the xor of their bits 63 and of the carry, the majority of the bits 62.
 *
 * Let S = (x0 >> f) + (x1 >> f) + (x2 >> f).  Each term drops less than 1, so S
 * - 2^(64-f) w lies in (X / 2^f - 3, X / 2^f] and, a whole number, in floor(X /
 * 2^f) + { -2, -1, 0 }.  Therefore
 *     z = S - 4 w 2^(62-f) - 2^(61-f) + 1 = floor(x / 2^f) + { -1, 0, 1 }. */
typedef struct truncation {
    mal_share3_words x; /* parts of X */
    mal_share3_bits t;  /* two planes: t0, t1 */
    mal_share3_words e; /* [2n]: t0, t1 as words */
} truncation;

static void clear_truncation(truncation *t) {
    mal_share3_words_clear(&t->x);
    mal_share3_bits_clear(&t->t);
    mal_share3_words_clear(&t->e);
}

/* The planes 62 and 63 of the parts; then t1 += majority. */
static mal_err top_bits(mal_share3 *s, truncation *t) {
    const size_t n = t->x.n;
    for (unsigned p = 0; p < 2; p++)
        for (size_t i = 0; i < n; i++) {
            const uint64_t top = t->x.part[p][i] >> 62;
            uint64_t *w = t->t.part[p] + i / 64;
            w[0] |= (top & 1) << i % 64;
            w[t->t.stride] |= (top >> 1) << i % 64;
        }
    const share3_ref a = share3_plane(&t->t, 0);
    share3_gate g = share3_majority(s, a);
    g.add2 = share3_plane(&t->t, 1);
    share3_gate_to(&g, &t->t, 1);
    return share3_gates(s, SHARE3_AND, &g, 1, t->t.stride);
}

static mal_err truncate_to(mal_share3 *s, truncation *t, mal_share3_words *z,
                           const mal_share3_words *x, unsigned f) {
    const size_t n = x->n;
    MAL_TRY(mal_share3_words_affine(s, &t->x, x, 1, UINT64_C(1) << 61));
    MAL_TRY(mal_share3_bits_new(s, &t->t, n, 2));
    MAL_TRY(top_bits(s, t));
    MAL_TRY(share3_inject_planes(s, &t->e, &t->t));
    for (unsigned p = 0; p < 2; p++) {
        const uint64_t *in = t->x.part[p];
        const uint64_t *t0 = t->e.part[p], *t1 = t->e.part[p] + n;
        const uint64_t c =
            share3_carries(s, p) ? 1 - (UINT64_C(1) << (61 - f)) : 0;
        for (size_t i = 0; i < n; i++) {
            const uint64_t w4 = (in[i] >> 62) + 2 * t1[i] - t0[i];
            z->part[p][i] = (in[i] >> f) - (w4 << (62 - f)) + c;
        }
    }
    return MAL_OK;
}

mal_err mal_share3_truncate(mal_share3 *s, mal_share3_words *z,
                            const mal_share3_words *x, unsigned shift) {
    truncation t = { 0 };
    MAL_REQUIRE(shift >= 1 && shift <= 61, MAL_E_INPUT,
                "a shift by %u: take 1 to 61", shift);
    MAL_TRY(share3_words_want(s, z, x->n));
    mal_err err = truncate_to(s, &t, z, x, shift);
    clear_truncation(&t);
    return err;
}

mal_err mal_share3_floor_shift(mal_share3 *s, mal_share3_words *z,
                               const mal_share3_words *x, unsigned shift) {
    MAL_AUTO(mal_share3_bits_clear) mal_share3_bits b = { 0 };
    MAL_REQUIRE(shift <= 63, MAL_E_INPUT, "a shift by %u: take 0 to 63", shift);
    MAL_TRY(mal_share3_to_bits(s, &b, x, W));
    mal_share3_bits high = mal_share3_bits_planes(&b, shift, W - shift);
    return mal_share3_to_words(s, z, &high, true);
}

/* --- Division
 * ------------------------------------------------------------------ */

/* Long division, not restoring: at step i (from w - 1 down) the rest is R' = 2
 * R
 * + x_i.  As R <= x >> (i + 1), R' has k = w - i bits; it is at least y if y
 * has no bit at or over k and the difference of the low k bits does not borrow.
 */
typedef struct division {
    mal_share3_bits x, y;    /* both >= 0 */
    mal_share3_bits high;    /* plane b: is a bit of y at or over b set? */
    mal_share3_bits rest[2]; /* in turn */
    mal_share3_bits less;    /* R' - y */
    mal_share3_bits fits;
    mal_share3_bits sign; /* of the quotient */
} division;

static void clear_division(division *d) {
    mal_share3_bits_clear(&d->x);
    mal_share3_bits_clear(&d->y);
    mal_share3_bits_clear(&d->high);
    mal_share3_bits_clear(&d->rest[0]);
    mal_share3_bits_clear(&d->rest[1]);
    mal_share3_bits_clear(&d->less);
    mal_share3_bits_clear(&d->fits);
    mal_share3_bits_clear(&d->sign);
}

/* high = OR of all planes from b up, in log w rounds [Skl60]. */
static mal_err or_from_above(mal_share3 *s, division *d) {
    share3_gate g[W];
    const unsigned w = d->y.width;
    MAL_TRY(mal_share3_bits_copy(s, &d->high, &d->y));
    for (unsigned k = 0; 1u << k < w; k++) {
        unsigned made = 0;
        for (unsigned i = 0; i < w; i++) { /* counted from the top */
            if (!(i >> k & 1))
                continue;
            const unsigned above = (i >> k << k) - 1;
            g[made] = (share3_gate){
                .x = share3_plane(&d->high, w - 1 - i),
                .y = share3_plane(&d->high, w - 1 - above),
                .flags = SHARE3_NOT_X | SHARE3_NOT_Y | SHARE3_NOT_Z,
            };
            share3_gate_to(&g[made++], &d->high, w - 1 - i);
        }
        MAL_TRY(share3_gates(s, SHARE3_AND, g, made, d->y.stride));
    }
    return MAL_OK;
}

/* Step i: q_i, and the rest in rest[to]. */
static mal_err divide_step(mal_share3 *s, division *d, mal_share3_bits *q,
                           unsigned i) {
    const unsigned w = q->width, k = w - i;
    const mal_share3_bits *from = &d->rest[k % 2], *to = &d->rest[(k + 1) % 2];
    share3_ref rest[W], y[W];
    share3_gate g[W];
    for (unsigned b = 0; b < k; b++) {
        rest[b] = b ? share3_plane(from, b - 1) : share3_plane(&d->x, i);
        y[b] = share3_plane(&d->y, b);
    }
    mal_share3_bits less = mal_share3_bits_planes(&d->less, 0, k);
    MAL_TRY(share3_add_planes(s, &less, &d->fits, rest, y, true));
    mal_share3_bits qi = mal_share3_bits_planes(q, i, 1);
    if (k < w) {
        g[0] = (share3_gate){ .x = share3_plane(&d->fits, 0),
                              .y = share3_plane(&d->high, k),
                              .flags = SHARE3_NOT_Y };
        share3_gate_to(&g[0], &qi, 0);
        MAL_TRY(share3_gates(s, SHARE3_AND, g, 1, q->stride));
    } else {
        MAL_TRY(mal_share3_bits_copy(s, &qi, &d->fits));
    }
    for (unsigned b = 0; b < k; b++) {
        g[b] = (share3_gate){ .x = share3_plane(&qi, 0),
                              .y = share3_plane(&less, b),
                              .y2 = rest[b],
                              .add = rest[b] };
        share3_gate_to(&g[b], to, b);
    }
    return i ? share3_gates(s, SHARE3_AND, g, k, q->stride) : MAL_OK;
}

static mal_err divide_magnitudes(mal_share3 *s, division *d,
                                 mal_share3_bits *q) {
    const size_t n = q->n;
    const unsigned w = q->width;
    MAL_TRY(or_from_above(s, d));
    MAL_TRY(mal_share3_bits_new(s, &d->rest[0], n, w));
    MAL_TRY(mal_share3_bits_new(s, &d->rest[1], n, w));
    MAL_TRY(mal_share3_bits_new(s, &d->less, n, w));
    MAL_TRY(mal_share3_bits_new(s, &d->fits, n, 1));
    for (unsigned i = w; i-- > 0;)
        MAL_TRY(divide_step(s, d, q, i));
    return MAL_OK;
}

/* z = sign ? -z : z, as (z ^ sign) + sign. */
static mal_err negate_if(mal_share3 *s, mal_share3_bits *z,
                         const mal_share3_bits *sign) {
    share3_ref u[W], v[W] = { 0 };
    MAL_TRY(mal_share3_xor(s, z, z, sign));
    for (unsigned b = 0; b < z->width; b++)
        u[b] = share3_plane(z, b);
    v[0] = share3_plane(sign, 0);
    return share3_add_planes(s, z, NULL, u, v, false);
}

/* y becomes |y| and x becomes x sgn(y), so that floor(x / y) stays; then a
 * negative x becomes ~x, for floor(x / y) = ~floor(~x / y).  Where x = y =
 * -2^(w-1) wraps, it is right as a number without sign; its top bit is then no
 * sign: sign = top of new x & ~(top of x & top of y). */
static mal_err make_magnitudes(mal_share3 *s, division *d) {
    const unsigned top = d->x.width - 1;
    MAL_AUTO(mal_share3_bits_clear) mal_share3_bits both = { 0 };
    MAL_AUTO(mal_share3_bits_clear) mal_share3_bits sign = { 0 };
    mal_share3_bits x = mal_share3_bits_planes(&d->x, top, 1);
    const mal_share3_bits y = mal_share3_bits_planes(&d->y, top, 1);
    MAL_TRY(mal_share3_bits_copy(s, &sign, &y));
    MAL_TRY(mal_share3_and(s, &both, &x, &sign));
    MAL_TRY(negate_if(s, &d->x, &sign));
    MAL_TRY(negate_if(s, &d->y, &sign));
    MAL_TRY(mal_share3_not(s, &both, &both));
    MAL_TRY(mal_share3_and(s, &d->sign, &x, &both));
    return mal_share3_xor(s, &d->x, &d->x, &d->sign);
}

/* bad = (y = 0) | (no sign and a quotient of 2^(w-1)); then q where not bad. */
static mal_err judge(mal_share3 *s, division *d, mal_share3_bits *q,
                     mal_share3_bits *bad, bool is_signed) {
    MAL_AUTO(mal_share3_bits_clear) mal_share3_bits good = { 0 };
    MAL_AUTO(mal_share3_bits_clear) mal_share3_bits wide = { 0 };
    const mal_share3_bits some = mal_share3_bits_planes(&d->high, 0, 1);
    MAL_TRY(mal_share3_bits_copy(s, &good, &some));
    if (is_signed) {
        mal_share3_bits top = mal_share3_bits_planes(q, q->width - 1, 1);
        MAL_TRY(mal_share3_not(s, &wide, &d->sign));
        MAL_TRY(mal_share3_and(s, &wide, &wide, &top));
        MAL_TRY(mal_share3_not(s, &wide, &wide));
        MAL_TRY(mal_share3_and(s, &good, &good, &wide));
        MAL_TRY(mal_share3_xor(s, q, q, &d->sign));
    }
    MAL_TRY(mal_share3_and(s, q, q, &good));
    return bad ? mal_share3_not(s, bad, &good) : MAL_OK;
}

static mal_err divide(mal_share3 *s, division *d, mal_share3_bits *q,
                      mal_share3_bits *bad, bool is_signed) {
    if (is_signed)
        MAL_TRY(make_magnitudes(s, d));
    MAL_TRY(divide_magnitudes(s, d, q));
    return judge(s, d, q, bad, is_signed);
}

mal_err mal_share3_divide(mal_share3 *s, mal_share3_bits *q,
                          mal_share3_bits *bad, const mal_share3_bits *x,
                          const mal_share3_bits *y, bool is_signed) {
    division d = { 0 };
    MAL_TRY(share3_bits_fit(x, y));
    MAL_REQUIRE(x->width == y->width && x->width > 0, MAL_E_INPUT,
                "%u bits over %u bits", x->width, y->width);
    MAL_TRY(share3_bits_want(s, q, x->n, x->width));
    if (bad)
        MAL_TRY(share3_bits_want(s, bad, x->n, 1));
    mal_err err = mal_share3_bits_copy(s, &d.x, x);
    if (err == MAL_OK)
        err = mal_share3_bits_copy(s, &d.y, y);
    if (err == MAL_OK)
        err = divide(s, &d, q, bad, is_signed);
    clear_division(&d);
    return err;
}
