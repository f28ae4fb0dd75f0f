/* matrix.c - products of a matrix and vectors, each result one claim.
 *
 * P_i adds up its products before it masks and sends: one word for a result.
 * When malicious, what was multiplied is kept until it is proved, the matrix as
 * it was, once for all vectors (proof_matrix.c).
 */
#include "kernels.h"

#define VECTORS_MAX ((size_t)1 << 16)
_Static_assert(VECTORS_MAX <= SHARE3_MATRIX_LEN * SHARE3_MATRIX_VECTORS,
               "a column fits");

/* --- The product -----------------------------------------------------------
 */

/* z[v][j] += the sum over k of a[j][k] x[v][k], as far as `shape` goes. */
typedef struct product {
    mal_share3 *s;
    share3_shape shape;
    const uint64_t *a[2], *x[2];
    uint64_t *z[2];
    size_t stride, z_stride; /* from row to row, of a and x; of z */
    share3_matrices *kept;   /* NULL when semi-honest */
} product;

static void add_results(const product *d, unsigned p, const uint64_t *in,
                        size_t from, size_t n) {
    const size_t vectors = d->shape.vectors;
    size_t j = from / vectors, v = from % vectors;
    for (size_t i = 0; i < n; i++) {
        d->z[p][v * d->z_stride + j] += in[i];
        if (++v == vectors)
            v = 0, j++;
    }
}

static void mask_results(const product *d, uint64_t *out, size_t from,
                         size_t n) {
    share3_matrices *m = d->kept;
    for (size_t i = 0; i < n; i += SHARE3_BLOCK) {
        const size_t at = from + i, some = share3_least(SHARE3_BLOCK, n - i);
        if (!m) {
            share3_mask(d->s, SHARE3_DOT, out + i, at / 2, some);
            continue;
        }
        uint64_t *const f[2] = { m->e[0] + m->held.results + at,
                                 m->e[1] + m->held.results + at };
        share3_mask_kept(d->s, SHARE3_DOT, out + i, f, at / 2, some);
    }
}

/* Row by row, for all vectors, so that a row is read once. */
static void make(void *ctx, uint64_t *out, size_t from, size_t n) {
    const product *d = ctx;
    const size_t vectors = d->shape.vectors;
    for (size_t i = 0; i < n; i++) {
        const size_t row = (from + i) / vectors * d->stride,
                     vector = (from + i) % vectors * d->stride;
        const uint64_t *const a[2] = { d->a[0] + row, d->a[1] + row };
        const uint64_t *const x[2] = { d->x[0] + vector, d->x[1] + vector };
        out[i] = share3_kernel()->dot(a, x, d->shape.len);
    }
    mask_results(d, out, from, n);
    add_results(d, 0, out, from, n);
}

static void take(void *ctx, const uint64_t *in, size_t from, size_t n) {
    const product *d = ctx;
    add_results(d, 1, in, from, n);
    if (d->kept) {
        uint64_t *e = d->kept->e[1] + d->kept->held.results + from;
        share3_kernel()->sum(e, in, e, NULL, true, n);
    }
}

/* --- Claims ----------------------------------------------------------------
 */

/* Vectors [from, from + n), side by side. */
static void keep_vectors(const product *d, size_t at, size_t from, unsigned n) {
    for (unsigned p = 0; p < 2; p++) {
        uint64_t *to = d->kept->x[p] + at * SHARE3_MATRIX_VECTORS;
        for (size_t k = 0; k < d->shape.len; k++, to += SHARE3_MATRIX_VECTORS)
            for (unsigned v = 0; v < SHARE3_MATRIX_VECTORS; v++)
                to[v] = v < n ? d->x[p][(from + v) * d->stride + k] : 0;
    }
}

static void keep_matrix(const product *d) {
    const share3_shape *sh = &d->shape;
    for (unsigned p = 0; p < 2; p++)
        for (size_t j = 0; j < sh->rows; j++)
            memcpy(d->kept->a[p] + d->kept->held.words + j * sh->len,
                   d->a[p] + j * d->stride, sh->len * sizeof(uint64_t));
}

static void keep(const product *d) {
    share3_matrices *m = d->kept;
    const share3_shape *sh = &d->shape;
    const share3_held more = share3_matrix_holds(sh);
    keep_matrix(d);
    for (size_t v = 0, at = m->held.len; v < sh->vectors; at += sh->len) {
        const size_t n = share3_least(SHARE3_MATRIX_VECTORS, sh->vectors - v);
        keep_vectors(d, at, v, (unsigned)n);
        m->claim[m->n++] = (share3_matrix){
            .rows = sh->rows,
            .len = sh->len,
            .a = m->held.words,
            .e = m->held.results + v,
            .e_stride = sh->vectors,
            .vectors = (unsigned)n,
        };
        m->rows += sh->rows;
        m->vectors = n > m->vectors ? (unsigned)n : m->vectors;
        v += n;
    }
    share3_matrices_add(m, &more);
}

static mal_err run_step(product *d) {
    const size_t results = d->shape.rows * d->shape.vectors;
    const share3_round round = {
        .kind = SHARE3_DOT,
        .to = share3_prev(d->s),
        .from = share3_next(d->s),
        .total = results,
        .make = make,
        .take = take,
        .ctx = d,
    };
    MAL_TRY(share3_exchange(d->s, &round));
    share3_masks_used(d->s, results, results * d->shape.len);
    if (d->kept)
        keep(d);
    return MAL_OK;
}

/* --- Steps -----------------------------------------------------------------
 */

static mal_err room(product *d) {
    mal_share3 *s = d->s;
    bool full;
    if (s->options.security != MAL_SHARE3_MALICIOUS)
        return MAL_OK;
    d->kept = &s->matrices;
    d->shape = share3_matrix_step(&d->kept->held, &full, &d->shape);
    MAL_TRY(share3_leave(s, share3_matrices_grow(d->kept)));
    return full ? share3_record_words(s) : MAL_OK;
}

mal_err mal_share3_matmul(mal_share3 *s, mal_share3_words *z,
                          const mal_share3_words *a, const mal_share3_words *x,
                          size_t len) {
    MAL_REQUIRE(len && a->n && x->n && a->n % len == 0 && x->n % len == 0 &&
                    x->n / len <= VECTORS_MAX,
                MAL_E_INPUT, "%zu words times %zu: rows of %zu", a->n, x->n,
                len);
    const share3_shape all = { a->n / len, len, x->n / len };
    MAL_TRY(share3_enter(s));
    MAL_TRY(share3_words_want(s, z, all.rows * all.vectors));
    for (unsigned p = 0; p < 2; p++)
        memset(z->part[p], 0, z->n * sizeof(uint64_t));
    product d = { .s = s, .stride = len, .z_stride = all.rows };
    for (size_t k = 0; k < len; k += d.shape.len)
        for (size_t j = 0; j < all.rows; j += d.shape.rows) {
            d.shape = (share3_shape){ all.rows - j, len - k, all.vectors };
            for (unsigned p = 0; p < 2; p++) {
                d.a[p] = a->part[p] + j * len + k;
                d.x[p] = x->part[p] + k;
                d.z[p] = z->part[p] + j;
            }
            MAL_TRY(room(&d));
            MAL_TRY(run_step(&d));
        }
    return MAL_OK;
}
