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

/* (a ^ c) & (b ^ c) ^ c */
static share3_gate majority(share3_ref a, share3_ref b, share3_ref c) {
    return (share3_gate){ .x = a, .x2 = c, .y = b, .y2 = c, .add = c };
}

share3_gate share3_majority(const mal_share3 *s, share3_ref x) {
    return majority(only(s, x, 0), only(s, x, 1), only(s, x, 2));
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
        g[b] = share3_majority(s, x);
        share3_gate_to(&g[b], carry, b);
        v[b + 1] = share3_plane(carry, b);
    }
    for (unsigned b = 0; b < z->width; b++)
        u[b] = share3_plane(z, b);
    if (z->width > 1)
        MAL_TRY(share3_gates(s, SHARE3_AND, g, z->width - 1, z->stride));
    return share3_add_planes(s, z, NULL, u, v, false);
}

static mal_err words_to_bits(mal_share3 *s, mal_share3_bits *z,
                             const mal_share3_words *x) {
    MAL_AUTO(mal_share3_bits_clear) mal_share3_bits carry = { 0 };
    MAL_TRY(mal_share3_bits_new(s, &carry, x->n, z->width));
    for (unsigned p = 0; p < 2; p++)
        mal_share3_planes_of(z->part[p], x->part[p], x->n, z->width);
    return add_parts(s, z, &carry);
}

/* Rows of their own into those of z from row `at`. */
static void put_rows(mal_share3_bits *z, size_t at,
                     const mal_share3_bits *rows) {
    for (unsigned p = 0; p < 2; p++)
        for (unsigned b = 0; b < z->width; b++)
            memcpy(z->part[p] + b * z->stride + at / 64,
                   rows->part[p] + b * rows->stride, 8 * rows->stride);
}

mal_err mal_share3_to_bits(mal_share3 *s, mal_share3_bits *z,
                           const mal_share3_words *x, unsigned width) {
    MAL_TRY(share3_bits_want(s, z, x->n, width));
    if (width == 0)
        return MAL_OK;
    /* carry, the adder's planes, and these rows themselves */
    const size_t step = mal_share3_slice(s, x->n, 4 * width / 64 + 1);
    if (step == x->n)
        return words_to_bits(s, z, x);
    for (size_t at = 0; at < x->n; at += step) {
        MAL_AUTO(mal_share3_bits_clear) mal_share3_bits rows = { 0 };
        const mal_share3_words part =
            mal_share3_words_view(x, at, share3_least(step, x->n - at));
        MAL_TRY(mal_share3_bits_new(s, &rows, part.n, width));
        MAL_TRY(words_to_bits(s, &rows, &part));
        put_rows(z, at, &rows);
    }
    return MAL_OK;
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
        g[b] = majority(a, only(s, r, 1), only(s, r, 2));
        share3_gate_to(&g[b], &t->carry, b);
        u[b] = share3_plane(&t->sum, b);
        for (unsigned p = 0; p < 2; p++)
            for (size_t i = 0; i < t->sum.stride; i++)
                t->sum.part[p][b * t->sum.stride + i] =
                    r.part[p][i] ^ (a.part[p] ? a.part[p][i] : 0);
        if (b + 1 < W)
            v[b + 1] = share3_plane(&t->carry, b);
    }
    MAL_TRY(share3_gates(s, SHARE3_AND, g, W - 1, t->sum.stride));
    return share3_add_planes(s, &t->sum, NULL, u, v, false);
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
    MAL_TRY(share3_words_want(s, z, x->n));
    if (x->width == 0)
        return mal_share3_words_affine(s, z, z, 0, 0);
    if (x->width == 1) {
        MAL_TRY(mal_share3_inject(s, z, x, NULL));
        return is_signed ? mal_share3_words_affine(s, z, z, ~UINT64_C(0), 0)
                         : MAL_OK;
    }
    const size_t step = mal_share3_slice(s, x->n, 3 + 2); /* masks, adder */
    mal_err err = MAL_OK;
    for (size_t at = 0; at < x->n && err == MAL_OK; at += step) {
        const size_t n = share3_least(step, x->n - at);
        const mal_share3_bits rows = share3_rows_view(x, at, n);
        mal_share3_words part = mal_share3_words_view(z, at, n);
        to_words t = { 0 };
        err = bits_to_words(s, &t, &part, &rows, is_signed);
        clear_to_words(&t);
    }
    return err;
}

/* --- A bit times a word ------------------------------------------------------
 */

static uint64_t word_of(const share3_ref *r, unsigned p, size_t i) {
    return r->part[p] ? r->part[p][i] : 0;
}

/* b = b0 ^ b1 ^ b2.  With c = b0 ^ b1 = b0 + b1 - 2 b0 b1 and u = b2 x,
 *     b x = c x + b2 x - 2 c b2 x = c (x - 2 u) + u.
 * Round 1: b0 b1, and u (which is b2 where x = 1).  Round 2: the product. */
typedef struct injection {
    mal_share3_words b, c, u, v;
    share3_ref b0, b1, b2;
} injection;

static void clear_injection(injection *j) {
    mal_share3_words_clear(&j->b);
    mal_share3_words_clear(&j->c);
    mal_share3_words_clear(&j->u);
    mal_share3_words_clear(&j->v);
}

/* Plane k of bits becomes the words [k n, (k + 1) n) of b. */
static mal_err start_injection(mal_share3 *s, injection *j,
                               const mal_share3_bits *bits) {
    const size_t n = bits->n, all = n * bits->width;
    MAL_TRY(mal_share3_words_new(s, &j->b, all));
    MAL_TRY(mal_share3_words_new(s, &j->c, all));
    MAL_TRY(mal_share3_words_new(s, &j->u, all));
    MAL_TRY(mal_share3_words_new(s, &j->v, all));
    for (unsigned p = 0; p < 2; p++)
        for (unsigned k = 0; k < bits->width; k++)
            share3_spread(j->b.part[p] + k * n,
                          bits->part[p] + k * bits->stride, n);
    j->b0 = only(s, share3_ref_of(&j->b), 0);
    j->b1 = only(s, share3_ref_of(&j->b), 1);
    j->b2 = only(s, share3_ref_of(&j->b), 2);
    return MAL_OK;
}

static mal_err inject(mal_share3 *s, mal_share3_words *z, injection *j,
                      const mal_share3_words *x) {
    const size_t n = z->n;
    share3_gate g[2] = { { .x = j->b0, .y = j->b1 }, { .x = j->b2 } };
    memcpy(g[0].z, j->c.part, sizeof g[0].z);
    memcpy(g[1].z, j->u.part, sizeof g[1].z);
    if (x)
        g[1].y = share3_ref_of(x);
    MAL_TRY(share3_gates(s, SHARE3_MUL, g, x ? 2 : 1, n));
    const share3_ref u = x ? share3_ref_of(&j->u) : j->b2;
    for (unsigned p = 0; p < 2; p++) {
        const uint64_t one = share3_carries(s, p);
        for (size_t i = 0; i < n; i++) {
            j->c.part[p][i] = word_of(&j->b0, p, i) + word_of(&j->b1, p, i) -
                              2 * j->c.part[p][i];
            j->v.part[p][i] = (x ? x->part[p][i] : one) - 2 * word_of(&u, p, i);
        }
    }
    g[0] = (share3_gate){ .x = share3_ref_of(&j->c),
                          .y = share3_ref_of(&j->v),
                          .add = u };
    memcpy(g[0].z, z->part, sizeof g[0].z);
    return share3_gates(s, SHARE3_MUL, g, 1, n);
}

mal_err share3_inject_planes(mal_share3 *s, mal_share3_words *z,
                             const mal_share3_bits *bits) {
    injection j = { 0 };
    MAL_TRY(share3_words_want(s, z, bits->n * bits->width));
    mal_err err = start_injection(s, &j, bits);
    if (err == MAL_OK)
        err = inject(s, z, &j, NULL);
    clear_injection(&j);
    return err;
}

mal_err mal_share3_inject(mal_share3 *s, mal_share3_words *z,
                          const mal_share3_bits *bit,
                          const mal_share3_words *x) {
    MAL_REQUIRE(bit->width == 1 && (!x || x->n == bit->n), MAL_E_INPUT,
                "%u bits and %zu rows times %zu words", bit->width, bit->n,
                x ? x->n : bit->n);
    MAL_TRY(share3_words_want(s, z, bit->n));
    const size_t step = mal_share3_slice(s, bit->n, 4);
    mal_err err = MAL_OK;
    for (size_t at = 0; at < bit->n && err == MAL_OK; at += step) {
        const size_t n = share3_least(step, bit->n - at);
        const mal_share3_bits rows = share3_rows_view(bit, at, n);
        mal_share3_words to = mal_share3_words_view(z, at, n), times = { 0 };
        injection j = { 0 };
        if (x)
            times = mal_share3_words_view(x, at, n);
        err = start_injection(s, &j, &rows);
        if (err == MAL_OK)
            err = inject(s, &to, &j, x ? &times : NULL);
        clear_injection(&j);
    }
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
