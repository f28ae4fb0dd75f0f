/* product.c - the one place where products are made.
 *
 * [AFLNO16] section 2.2: with zero shares a_i = F(k_i) - F(k_(i+1)), whose sum
 * is zero, P_i sets
 *     z_i = x_i y_i + x_i y_(i+1) + x_(i+1) y_i + a_i
 * and sends z_i to P_(i-1), which holds it as part 1.  Over bits, + is xor.
 */
#include "kernels.h"

/* --- Blocks ----------------------------------------------------------------
 */

typedef struct pair {
    const uint64_t *a, *b;
} pair;

static const uint64_t *at(const share3_ref *r, unsigned p, size_t i) {
    return r->part[p] ? r->part[p] + i : NULL;
}

/* a ^ b ^ ones, or a - b; NULL is zero.  Returns a itself where that is all,
 * unless it must be in `out`. */
static const uint64_t *combine(uint64_t *out, const pair *ab, uint64_t ones,
                               bool words, bool copy, size_t n) {
    const uint64_t *a = ab->a, *b = ab->b;
    if (a && !b && !ones && !copy)
        return a;
    if (a && !b && !ones)
        return memcpy(out, a, n * sizeof *out);
    if (!a) {
        memset(out, 0, n * sizeof *out);
        a = out;
    }
    if (words)
        share3_kernel()->sum(out, a, b, NULL, true, n);
    else
        share3_kernel()->xor (out, a, b, NULL, ones, n);
    return out;
}

static uint64_t ones_of(const mal_share3 *s, unsigned p, bool inverted) {
    return inverted && share3_carries(s, p) ? ~UINT64_C(0) : 0;
}

typedef struct run {
    mal_share3 *s;
    share3_kind kind;
    const share3_gate *gates;
    size_t words;          /* of a gate */
    size_t base;           /* words of all gates that went before */
    share3_record *record; /* NULL unless products are to be verified */
} run;

typedef struct operands {
    const uint64_t *x[2], *y[2];
} operands;

/* The operands; into the record from word i on, if there is one. */
static void load(const run *r, operands *op, const share3_gate *g, size_t from,
                 size_t n, size_t i) {
    const mal_share3 *s = r->s;
    const bool words = r->kind == SHARE3_MUL, copy = r->record != NULL;
    for (unsigned p = 0; p < 2; p++) {
        uint64_t *x = s->scratch + p * SHARE3_BLOCK;
        uint64_t *y = s->scratch + (2 + p) * SHARE3_BLOCK;
        if (copy) {
            x = r->record->x[p] + i;
            y = r->record->y[p] + i;
        }
        op->x[p] =
            combine(x, &(pair){ at(&g->x, p, from), at(&g->x2, p, from) },
                    ones_of(s, p, g->flags & SHARE3_NOT_X), words, copy, n);
        op->y[p] =
            combine(y, &(pair){ at(&g->y, p, from), at(&g->y2, p, from) },
                    ones_of(s, p, g->flags & SHARE3_NOT_Y), words, copy, n);
    }
}

/* z = product + add + add2: linear, hence part by part. */
static void store(const mal_share3 *s, share3_kind kind, const share3_gate *g,
                  unsigned p, const uint64_t *product, size_t from, size_t n) {
    uint64_t *z = g->z[p] + from;
    const uint64_t *a = at(&g->add, p, from), *b = at(&g->add2, p, from);
    const uint64_t ones = ones_of(s, p, g->flags & SHARE3_NOT_Z);
    if (!a && !b && !ones)
        memcpy(z, product, n * sizeof *z);
    else if (kind == SHARE3_MUL)
        share3_kernel()->sum(z, product, a, b, false, n);
    else
        share3_kernel()->xor (z, product, a, b, ones, n);
}

/* x_i y_i + x_i y_(i+1) + x_(i+1) y_i, in two products. */
static void multiply(uint64_t *out, share3_kind kind, const operands *op,
                     size_t n) {
    if (kind == SHARE3_MUL)
        share3_kernel()->mul(out, op->x, op->y, n);
    else
        share3_kernel()->and (out, op->x, op->y, n);
}

void share3_mask(mal_share3 *s, share3_kind kind, uint64_t *out, uint64_t block,
                 size_t n) {
    uint64_t *f[2] = { s->scratch, s->scratch + SHARE3_BLOCK };
    for (unsigned p = 0; p < 2; p++) {
        const share3_key *k = &s->key[p];
        if (kind == SHARE3_AND && n % 2 == 0)
            mal_prim_aes_ctr_xor(out, n / 2, &k->aes, k->counter + block,
                                 SHARE3_TWEAK_MASK);
        else
            mal_prim_aes_ctr(f[p], (n + 1) / 2, &k->aes, k->counter + block,
                             SHARE3_TWEAK_MASK);
    }
    if (kind != SHARE3_AND) {
        share3_kernel()->sum(out, out, f[0], NULL, false, n);
        share3_kernel()->sum(out, out, f[1], NULL, true, n);
    } else if (n % 2) {
        share3_kernel()->xor (out, out, f[0], f[1], 0, n);
    }
}

/* e_R is F(k_i), and what is received makes e_L of F(k_(i+1)). */
void share3_mask_kept(mal_share3 *s, share3_kind kind, uint64_t *out,
                      uint64_t *const f[2], uint64_t block, size_t n) {
    for (unsigned p = 0; p < 2; p++) {
        const share3_key *k = &s->key[p];
        mal_prim_aes_ctr(f[p], n / 2, &k->aes, k->counter + block,
                         SHARE3_TWEAK_MASK);
        if (n % 2) {
            uint64_t last[2];
            mal_prim_aes_ctr(last, 1, &k->aes, k->counter + block + n / 2,
                             SHARE3_TWEAK_MASK);
            f[p][n - 1] = last[0];
            mal_wipe(last, sizeof last);
        }
    }
    if (kind == SHARE3_AND) {
        share3_kernel()->xor (out, out, f[0], f[1], 0, n);
        return;
    }
    share3_kernel()->sum(out, out, f[0], NULL, false, n);
    share3_kernel()->sum(out, out, f[1], NULL, true, n);
}

static void record_received(share3_kind kind, share3_record *r, size_t i,
                            const uint64_t *in, size_t n) {
    if (kind == SHARE3_AND)
        share3_kernel()->rest_and(r->e[1] + i, in, r->x[1] + i, r->y[1] + i, n);
    else
        share3_kernel()->rest_mul(r->e[1] + i, in, r->x[1] + i, r->y[1] + i, n);
}

/* --- Chunks ----------------------------------------------------------------
 */

/* The words [from, from + n) of the run, gate by gate, block by block. */
static void make_block(const run *r, uint64_t *out, size_t from, size_t n) {
    for (size_t i = 0, step; i < n; i += step) {
        const share3_gate *g = &r->gates[(r->base + from + i) / r->words];
        const size_t off = (r->base + from + i) % r->words;
        operands op;
        step = share3_least(n - i, r->words - off);
        load(r, &op, g, off, step, r->record ? r->record->n + from + i : 0);
        multiply(out + i, r->kind, &op, step);
    }
}

static void store_words(const run *r, unsigned p, const uint64_t *product,
                        size_t from, size_t n) {
    for (size_t i = 0, step; i < n; i += step) {
        const share3_gate *g = &r->gates[(r->base + from + i) / r->words];
        const size_t off = (r->base + from + i) % r->words;
        step = share3_least(n - i, r->words - off);
        store(r->s, r->kind, g, p, product + i, off, step);
    }
}

static void make_chunk(void *ctx, uint64_t *out, size_t from, size_t n) {
    const run *r = ctx;
    for (size_t i = 0; i < n; i += SHARE3_BLOCK) {
        const size_t step = share3_least(SHARE3_BLOCK, n - i);
        make_block(r, out + i, from + i, step);
        if (r->record) {
            const size_t at = r->record->n + from + i;
            uint64_t *const f[2] = { r->record->e[0] + at,
                                     r->record->e[1] + at };
            share3_mask_kept(r->s, r->kind, out + i, f, (from + i) / 2, step);
        } else {
            share3_mask(r->s, r->kind, out + i, (from + i) / 2, step);
        }
        store_words(r, 0, out + i, from + i, step);
    }
}

static void take_chunk(void *ctx, const uint64_t *in, size_t from, size_t n) {
    const run *r = ctx;
    if (r->record)
        record_received(r->kind, r->record, r->record->n + from, in, n);
    store_words(r, 1, in, from, n);
}

void share3_masks_used(mal_share3 *s, size_t masks, size_t products) {
    for (unsigned p = 0; p < 2; p++)
        s->key[p].counter += (masks + 1) / 2;
    s->count.products += products;
}

static mal_err run_gates(run *r, size_t total) {
    const share3_round round = {
        .kind = r->kind,
        .to = share3_prev(r->s),
        .from = share3_next(r->s),
        .total = total,
        .make = make_chunk,
        .take = take_chunk,
        .ctx = r,
    };
    MAL_TRY(share3_exchange(r->s, &round));
    share3_masks_used(r->s, total, total);
    if (r->record)
        r->record->n += total;
    return MAL_OK;
}

mal_err share3_gates(mal_share3 *s, share3_kind kind, const share3_gate *gates,
                     size_t n_gates, size_t words) {
    const size_t total = n_gates * words;
    run r = { .s = s, .kind = kind, .gates = gates, .words = words };
    MAL_TRY(share3_enter(s));
    for (size_t step; r.base < total; r.base += step) {
        step = total - r.base;
        MAL_TRY(share3_record_room(s, kind, &r.record, &step));
        MAL_TRY(run_gates(&r, step));
    }
    return MAL_OK;
}

mal_err mal_share3_mul(mal_share3 *s, mal_share3_words *z,
                       const mal_share3_words *x, const mal_share3_words *y) {
    MAL_REQUIRE(x->n == y->n, MAL_E_INPUT, "%zu words times %zu", x->n, y->n);
    MAL_TRY(share3_words_want(s, z, x->n));
    const share3_gate g = { .x = share3_ref_of(x),
                            .y = share3_ref_of(y),
                            .z = { z->part[0], z->part[1] } };
    return share3_gates(s, SHARE3_MUL, &g, 1, x->n);
}

/* --- Sums of products --------------------------------------------------------
 */

/* P_i adds up its products before it masks and sends: one word for a sum. */
typedef struct dot {
    mal_share3 *s;
    const mal_share3_words *x, *y;
    mal_share3_words *z;
    size_t len;
} dot;

static void make_dot(void *ctx, uint64_t *out, size_t from, size_t n) {
    const dot *d = ctx;
    for (size_t j = 0; j < n; j++) {
        const size_t off = (from + j) * d->len;
        const uint64_t *const x[2] = { d->x->part[0] + off,
                                       d->x->part[1] + off };
        const uint64_t *const y[2] = { d->y->part[0] + off,
                                       d->y->part[1] + off };
        out[j] = share3_kernel()->dot(x, y, d->len);
    }
    for (size_t i = 0; i < n; i += SHARE3_BLOCK)
        share3_mask(d->s, SHARE3_DOT, out + i, (from + i) / 2,
                    share3_least(SHARE3_BLOCK, n - i));
    memcpy(d->z->part[0] + from, out, n * sizeof *out);
}

static void take_dot(void *ctx, const uint64_t *in, size_t from, size_t n) {
    const dot *d = ctx;
    memcpy(d->z->part[1] + from, in, n * sizeof *in);
}

/* Where products are verified each is one of its own. */
static mal_err dot_by_products(mal_share3 *s, mal_share3_words *z,
                               const mal_share3_words *x,
                               const mal_share3_words *y, size_t len) {
    MAL_AUTO(mal_share3_words_clear) mal_share3_words product = { 0 };
    MAL_TRY(mal_share3_mul(s, &product, x, y));
    for (unsigned p = 0; p < 2; p++)
        for (size_t j = 0; j < z->n; j++) {
            uint64_t sum = 0;
            for (size_t k = 0; k < len; k++)
                sum += product.part[p][j * len + k];
            z->part[p][j] = sum;
        }
    return MAL_OK;
}

mal_err mal_share3_dot(mal_share3 *s, mal_share3_words *z,
                       const mal_share3_words *x, const mal_share3_words *y,
                       size_t len) {
    MAL_REQUIRE(len && x->n == y->n && x->n % len == 0, MAL_E_INPUT,
                "sums of %zu products of %zu and %zu words", len, x->n, y->n);
    MAL_TRY(share3_words_want(s, z, x->n / len));
    if (s->options.security == MAL_SHARE3_MALICIOUS)
        return dot_by_products(s, z, x, y, len);
    dot d = { s, x, y, z, len };
    const share3_round round = {
        .kind = SHARE3_DOT,
        .to = share3_prev(s),
        .from = share3_next(s),
        .total = z->n,
        .make = make_dot,
        .take = take_dot,
        .ctx = &d,
    };
    MAL_TRY(share3_exchange(s, &round));
    share3_masks_used(s, z->n, x->n);
    return MAL_OK;
}
