/* convert.c - words to bits, bits to words, a bit times a word.
 *
 * Each part of a sharing is known to two parties, and is itself shared for
 * nothing: x_k as part k, zero elsewhere.  So x0, x1, x2 are three shared
 * values whose sum is x; what [MR18] section 5.3 has one party input, we let a
 * full adder do, all of whose gates can be verified.
 */
#include "share3_impl.h"

#define W MAL_SHARE3_WIDTH_MAX

/* The shared value x_k, if v are the parts of x. */
static share3_ref only(const mal_share3 *s, share3_ref v, unsigned k) {
    for (unsigned p = 0; p < 2; p++)
        if ((s->me + p) % 3 != k)
            v.part[p] = NULL;
    return v;
}

/* carry = majority of a, b, c = ((a ^ c) & (b ^ c)) ^ c, into plane `to`. */
static share3_gate majority(share3_ref a, share3_ref b, share3_ref c,
                            const mal_share3_bits *z, unsigned to) {
    return (share3_gate){
        .x = a,
        .x2 = c,
        .y = b,
        .y2 = c,
        .add = c,
        .z = { z->part[0] + to * z->stride, z->part[1] + to * z->stride },
    };
}

/* --- Words to bits ----------------------------------------------------------
 */

/* [MR18] section 5.3: x0 + x1 + x2 = (x0 ^ x1 ^ x2) + 2 maj(x0, x1, x2). */
static mal_err add_parts(mal_share3 *s, mal_share3_bits *z,
                         mal_share3_bits *carry) {
    share3_gate g[W];
    share3_ref u[W], v[W] = { 0 };
    for (unsigned b = 0; b + 1 < z->width; b++) {
        const share3_ref x = share3_plane(z, b);
        g[b] = majority(only(s, x, 0), only(s, x, 1), only(s, x, 2), carry, b);
        v[b + 1] = share3_plane(carry, b);
    }
    for (unsigned b = 0; b < z->width; b++)
        u[b] = share3_plane(z, b);
    if (z->width > 1)
        MAL_TRY(share3_gates(s, SHARE3_AND, g, z->width - 1, z->stride));
    return share3_add_planes(s, z, u, v, false);
}

mal_err mal_share3_to_bits(mal_share3 *s, mal_share3_bits *z,
                           const mal_share3_words *x, unsigned width) {
    MAL_AUTO(mal_share3_bits_clear) mal_share3_bits carry = { 0 };
    MAL_TRY(share3_bits_want(s, z, x->n, width));
    if (width == 0)
        return MAL_OK;
    MAL_TRY(mal_share3_bits_new(s, &carry, x->n, width));
    for (unsigned p = 0; p < 2; p++)
        mal_share3_planes_of(z->part[p], x->part[p], x->n, width);
    return add_parts(s, z, &carry);
}

/* --- Bits to words ----------------------------------------------------------
 */

/* [MR18] section 5.3: z_1 = -r1 and z_2 = -r2 are drawn by their holders, and
 * z_0 = x + r1 + r2, computed over bits, is opened to its two. */
typedef struct to_words {
    mal_share3_bits r, sum, carry;
} to_words;

static void clear_to_words(to_words *t) {
    mal_share3_bits_clear(&t->r);
    mal_share3_bits_clear(&t->sum);
    mal_share3_bits_clear(&t->carry);
}

static mal_err draw_masks(mal_share3 *s, to_words *t, mal_share3_words *z) {
    MAL_TRY(mal_share3_bits_new(s, &t->r, z->n, W));
    MAL_TRY(mal_share3_bits_new(s, &t->sum, z->n, W));
    MAL_TRY(mal_share3_bits_new(s, &t->carry, z->n, W));
    for (unsigned p = 0; p < 2; p++) {
        if ((s->me + p) % 3 == 0)
            continue; /* z_0 comes later */
        share3_draw(s, p, z->part[p], z->n);
        mal_share3_planes_of(t->r.part[p], z->part[p], z->n, W);
        for (size_t i = 0; i < z->n; i++)
            z->part[p][i] = 0 - z->part[p][i];
    }
    return MAL_OK;
}

/* sum = x + r1 + r2, where x is extended to 64 planes. */
static mal_err mask_bits(mal_share3 *s, to_words *t, const mal_share3_bits *x,
                         bool is_signed) {
    share3_gate g[W];
    share3_ref u[W], v[W] = { 0 };
    for (unsigned b = 0; b < W; b++) {
        const share3_ref r = share3_plane(&t->r, b);
        share3_ref a = { { NULL, NULL } };
        if (b < x->width || is_signed)
            a = share3_plane(x, b < x->width ? b : x->width - 1);
        g[b] = majority(a, only(s, r, 1), only(s, r, 2), &t->carry, b);
        u[b] = share3_plane(&t->sum, b);
        for (unsigned p = 0; p < 2; p++)
            for (size_t i = 0; i < x->stride; i++)
                t->sum.part[p][b * x->stride + i] =
                    r.part[p][i] ^ (a.part[p] ? a.part[p][i] : 0);
        if (b + 1 < W)
            v[b + 1] = share3_plane(&t->carry, b);
    }
    MAL_TRY(share3_gates(s, SHARE3_AND, g, W - 1, x->stride));
    return share3_add_planes(s, &t->sum, u, v, false);
}

static mal_err bits_to_words(mal_share3 *s, to_words *t, mal_share3_words *z,
                             const mal_share3_bits *x, bool is_signed) {
    MAL_TRY(draw_masks(s, t, z));
    MAL_TRY(mask_bits(s, t, x, is_signed));
    uint64_t *opened = t->carry.part[0]; /* no longer needed */
    MAL_TRY(share3_open_part(s, opened, 0, &t->sum));
    for (unsigned p = 0; p < 2; p++)
        if ((s->me + p) % 3 == 0)
            mal_share3_rows_of(z->part[p], opened, z->n, W, false);
    return MAL_OK;
}

mal_err mal_share3_to_words(mal_share3 *s, mal_share3_words *z,
                            const mal_share3_bits *x, bool is_signed) {
    to_words t = { 0 };
    MAL_TRY(share3_words_want(s, z, x->n));
    if (x->width == 0)
        return mal_share3_words_affine(s, z, z, 0, 0);
    if (x->width == 1) {
        MAL_TRY(mal_share3_inject(s, z, x, NULL));
        return is_signed ? mal_share3_words_affine(s, z, z, ~UINT64_C(0), 0)
                         : MAL_OK;
    }
    mal_err err = bits_to_words(s, &t, z, x, is_signed);
    clear_to_words(&t);
    return err;
}

/* --- A bit times a word ------------------------------------------------------
 */

/* b = b0 ^ b1 ^ b2.  With c = b0 ^ b1 = b0 + b1 - 2 b0 b1 and u = b2 x,
 *     b x = c x + b2 x - 2 c b2 x = c (x - 2 u) + u.
 * Round 1: b0 b1 and u.  Round 2: the product with c. */
static mal_err inject(mal_share3 *s, mal_share3_words *z,
                      const mal_share3_words *b, const mal_share3_words *x,
                      mal_share3_words t[2]) {
    mal_share3_words *c = &t[0], *u = &t[1];
    const size_t n = z->n;
    const share3_ref all = share3_ref_of(b);
    const share3_ref b0 = only(s, all, 0), b1 = only(s, all, 1),
                     b2 = only(s, all, 2);
    const share3_gate first[2] = {
        { .x = b0, .y = b1, .z = { c->part[0], c->part[1] } },
        { .x = b2, .y = share3_ref_of(x), .z = { u->part[0], u->part[1] } },
    };
    MAL_TRY(share3_gates(s, SHARE3_MUL, first, 2, n));
    for (unsigned p = 0; p < 2; p++)
        for (size_t i = 0; i < n; i++)
            c->part[p][i] = (b0.part[p] ? b0.part[p][i] : 0) +
                            (b1.part[p] ? b1.part[p][i] : 0) -
                            2 * c->part[p][i];
    for (unsigned p = 0; p < 2; p++)
        for (size_t i = 0; i < n; i++)
            z->part[p][i] = x->part[p][i] - 2 * u->part[p][i];
    const share3_gate second = { .x = share3_ref_of(c),
                                 .y = share3_ref_of(z),
                                 .add = share3_ref_of(u),
                                 .z = { z->part[0], z->part[1] } };
    return share3_gates(s, SHARE3_MUL, &second, 1, n);
}

/* Without x, u = b2 needs no gate. */
static mal_err inject_one(mal_share3 *s, mal_share3_words *z,
                          const mal_share3_words *b, mal_share3_words t[2]) {
    mal_share3_words *c = &t[0], *v = &t[1];
    const size_t n = z->n;
    const share3_ref all = share3_ref_of(b);
    const share3_ref b0 = only(s, all, 0), b1 = only(s, all, 1),
                     b2 = only(s, all, 2);
    const share3_gate first = { .x = b0,
                                .y = b1,
                                .z = { c->part[0], c->part[1] } };
    MAL_TRY(share3_gates(s, SHARE3_MUL, &first, 1, n));
    for (unsigned p = 0; p < 2; p++) {
        const uint64_t one = share3_carries(s, p);
        for (size_t i = 0; i < n; i++) {
            c->part[p][i] = (b0.part[p] ? b0.part[p][i] : 0) +
                            (b1.part[p] ? b1.part[p][i] : 0) -
                            2 * c->part[p][i];
            v->part[p][i] = one - 2 * (b2.part[p] ? b2.part[p][i] : 0);
        }
    }
    const share3_gate second = { .x = share3_ref_of(c),
                                 .y = share3_ref_of(v),
                                 .add = b2,
                                 .z = { z->part[0], z->part[1] } };
    return share3_gates(s, SHARE3_MUL, &second, 1, n);
}

mal_err mal_share3_inject(mal_share3 *s, mal_share3_words *z,
                          const mal_share3_bits *bit,
                          const mal_share3_words *x) {
    mal_share3_words t[3] = { 0 };
    MAL_REQUIRE(bit->width == 1 && (!x || x->n == bit->n), MAL_E_INPUT,
                "%u bits and %zu rows times %zu words", bit->width, bit->n,
                x ? x->n : bit->n);
    MAL_TRY(share3_words_want(s, z, bit->n));
    mal_err err = MAL_OK;
    for (unsigned k = 0; k < 3 && err == MAL_OK; k++)
        err = mal_share3_words_new(s, &t[k], bit->n);
    for (unsigned p = 0; p < 2 && err == MAL_OK; p++)
        mal_share3_rows_of(t[2].part[p], bit->part[p], bit->n, 1, false);
    if (err == MAL_OK)
        err = x ? inject(s, z, &t[2], x, t) : inject_one(s, z, &t[2], t);
    for (unsigned k = 0; k < 3; k++)
        mal_share3_words_clear(&t[k]);
    return err;
}

mal_err mal_share3_words_mux(mal_share3 *s, mal_share3_words *z,
                             const mal_share3_bits *c,
                             const mal_share3_words *x,
                             const mal_share3_words *y) {
    MAL_AUTO(mal_share3_words_clear) mal_share3_words d = { 0 };
    MAL_TRY(mal_share3_words_sub(s, &d, x, y));
    MAL_TRY(mal_share3_inject(s, &d, c, &d));
    return mal_share3_words_add(s, z, &d, y);
}
