/* compare.c - which of two shuffled rows comes first, for many pairs at once.
 *
 * Rows lie row by row, so that a pair costs one line of cache each, and become
 * planes block by block.  With neq and b of a group of bits of x and y (do they
 * differ; the bit of y at the highest place where they do), a higher and a
 * lower group make neq = neq_hi or neq_lo,    b = neq_hi ? b_hi : b_lo: two
 * ANDs, log2(width) rounds; at a bit neq = x ^ y and b = y, for nothing.  At
 * the lowest bit b = not x and y, so that equal rows give 0.
 */
#include "order_impl.h"

/* --- Rows to planes --------------------------------------------------------
 */

#define TILE_ROWS ((size_t)512)

static void gather_tile(const share3_rows *w, share3_tile *tile,
                        const uint32_t *row, size_t n, size_t word) {
    const size_t step = 2 * w->row_words;
    for (size_t v = 0; v < n; v += 64)
        for (size_t k = 0; k < share3_least(64, n - v); k++)
            tile->t[k][v / 64] = w->row[row[v + k] * step + word];
}

static void fetch_tile(const share3_rows *w, const uint32_t *row, size_t n) {
    for (size_t i = 0; i < n; i++)
        __builtin_prefetch(&w->row[row[i] * 2 * w->row_words]);
}

/* Planes [width * stride] of both parts of the rows row[n]. */
static void gather_planes(const share3_rows *w, uint64_t *const part[2],
                          size_t stride, const uint32_t *row, size_t n) {
    share3_tile tile = { 0 };
    fetch_tile(w, row, share3_least(TILE_ROWS, n));
    for (size_t r = 0; r < n; r += TILE_ROWS) {
        const size_t m = share3_least(TILE_ROWS, n - r);
        const size_t words = share3_stride(m);
        for (unsigned q = 0; q < 2 * w->row_words; q++) {
            const unsigned p = q / w->row_words;
            const unsigned from = q % w->row_words * 64;
            if (m < TILE_ROWS)
                memset(&tile, 0, sizeof tile);
            gather_tile(w, &tile, row + r, m, q);
            if (q == 0 && r + m < n)
                fetch_tile(w, row + r + m, share3_least(TILE_ROWS, n - r - m));
            share3_tile_transpose(&tile);
            for (unsigned b = from; b < w->width && b < from + 64; b++)
                memcpy(part[p] + b * stride + r / 64, tile.t[b - from],
                       words * 8);
        }
    }
    mal_wipe(&tile, sizeof tile);
}

/* --- The tree --------------------------------------------------------------
 */

/* neq = d ^ d2; node 0, always the lowest, needs none. */
typedef struct node {
    share3_ref d, d2, b;
} node;

typedef struct tree {
    node *node; /* [n], lowest first */
    unsigned n;
    share3_gate *gate;
    unsigned n_gates, made; /* products so far */
    size_t stride;
    uint64_t *pool[2];
} tree;

static share3_ref product(tree *t, share3_gate g) {
    share3_ref z;
    for (unsigned p = 0; p < 2; p++) {
        g.z[p] = t->pool[p] + t->made * t->stride;
        z.part[p] = g.z[p];
    }
    t->made++;
    t->gate[t->n_gates++] = g;
    return z;
}

static node join(tree *t, const node *hi, const node *lo, bool lowest) {
    node z = { 0 };
    if (!lowest)
        z.d = product(t, (share3_gate){ .x = hi->d,
                                        .x2 = hi->d2,
                                        .y = lo->d,
                                        .y2 = lo->d2,
                                        .flags = SHARE3_NOT_X | SHARE3_NOT_Y |
                                                 SHARE3_NOT_Z });
    z.b = product(
        t,
        (share3_gate){
            .x = hi->d, .x2 = hi->d2, .y = hi->b, .y2 = lo->b, .add = lo->b });
    return z;
}

/* Nodes [from, n) two by two, from the top; an odd one stays. */
static void join_from(tree *t, unsigned from) {
    unsigned out = from + (t->n - from) % 2;
    for (unsigned i = out; i < t->n; i += 2, out++)
        t->node[out] = join(t, &t->node[i + 1], &t->node[i], i == 0);
    t->n = out;
}

static mal_err run_tree(mal_share3 *s, tree *t) {
    /* x < y at the lowest bit, beside the first round of the others. */
    t->node[0].b = product(t, (share3_gate){ .x = t->node[0].d,
                                             .y = t->node[0].d2,
                                             .flags = SHARE3_NOT_X });
    join_from(t, 1);
    for (;;) {
        MAL_TRY(share3_gates(s, SHARE3_AND, t->gate, t->n_gates, t->stride));
        t->n_gates = 0;
        if (t->n == 1)
            return MAL_OK;
        join_from(t, 0);
    }
}

/* --- Comparing -------------------------------------------------------------
 */

static void set_leaves(const share3_rows *w, tree *t, const share3_pairs *pairs,
                       uint64_t *const x[2], uint64_t *const y[2]) {
    t->n = w->width;
    for (unsigned b = 0; b < w->width; b++) {
        node *leaf = &t->node[b];
        *leaf = (node){ 0 };
        for (unsigned p = 0; p < 2; p++) {
            leaf->d.part[p] = pairs->x ? x[p] + b * t->stride
                                       : w->plane[p] + b * share3_stride(w->n) +
                                             pairs->from / 64;
            leaf->d2.part[p] = leaf->b.part[p] = y[p] + b * t->stride;
        }
    }
}

mal_err share3_rows_less(share3_rows *w, uint64_t *less,
                         const share3_pairs *pairs) {
    const size_t stride = share3_stride(pairs->n);
    const size_t planes = w->width * stride;
    uint64_t *x[2], *y[2];
    tree t = { .node = w->node, .gate = w->gate, .stride = stride };
    if (pairs->n == 0)
        return MAL_OK;
    assert(pairs->n <= w->pairs_max && (pairs->x || pairs->from % 64 == 0));
    for (unsigned p = 0; p < 2; p++) {
        y[p] = w->pool.part[p];
        x[p] = y[p] + planes;
        t.pool[p] = x[p] + planes;
    }
    gather_planes(w, y, stride, pairs->y, pairs->n);
    if (pairs->x)
        gather_planes(w, x, stride, pairs->x, pairs->n);
    set_leaves(w, &t, pairs, x, y);
    MAL_TRY(run_tree(w->s, &t));
    const mal_share3_bits z = {
        .n = pairs->n,
        .width = 1,
        .stride = stride,
        .part = { (uint64_t *)t.node[0].b.part[0],
                  (uint64_t *)t.node[0].b.part[1] },
    };
    return mal_share3_bits_open(w->s, less, &z);
}

/* --- Shuffled rows ---------------------------------------------------------
 */

#define DEFINE_PACK(T)                                                         \
    static void pack_##T(uint64_t *row, const void *lane, size_t n,            \
                         size_t step, unsigned shift) {                        \
        const T *in = lane;                                                    \
        for (size_t r = 0; r < n; r++)                                         \
            row[r * step] |= (uint64_t)in[r] << shift;                         \
    }
DEFINE_PACK(uint8_t)
DEFINE_PACK(uint16_t)
DEFINE_PACK(uint32_t)
DEFINE_PACK(uint64_t)

static void pack_rows(share3_rows *w, const share3_lanes *l) {
    static void (*const pack[])(uint64_t *, const void *, size_t, size_t,
                                unsigned) = { pack_uint8_t, pack_uint16_t,
                                              pack_uint32_t, pack_uint64_t };
    const size_t step = 2 * w->row_words;
    for (unsigned k = 0; k < l->n_lanes; k++)
        for (unsigned p = 0; p < 2; p++) {
            const share3_lane *lane = &l->lane[k];
            uint64_t *plane[64];
            for (unsigned b = 0; b < lane->width; b++)
                plane[b] = w->plane[p] + (lane->from + b) * share3_stride(w->n);
            pack[lane->log_bytes](w->row + p * w->row_words + lane->from / 64,
                                  l->part[p] + lane->at, w->n, step,
                                  lane->from % 64);
            share3_planes_of_rows(plane, l->part[p] + lane->at, lane->width,
                                  w->n, lane->log_bytes);
        }
}

mal_err share3_rows_new(mal_share3 *s, share3_rows *w,
                        const share3_lanes *lanes, size_t pairs_max) {
    const size_t n = lanes->n;
    const unsigned width = lanes->n_planes;
    assert(lanes->words == 0 && width >= 1);
    *w = (share3_rows){ .s = s, .n = n, .width = width };
    w->row_words = (width + 63) / 64;
    w->pairs_max = pairs_max;
    /* A plane each of x, y; 2 products a join, width - 1 joins, and one more.
     */
    const size_t pool = 4 * (size_t)width * share3_stride(pairs_max);
    MAL_TRY(mal_share3_words_new(s, &w->rows, n * w->row_words));
    MAL_TRY(mal_share3_words_new(s, &w->planes, width * share3_stride(n)));
    MAL_TRY(mal_share3_words_new(s, &w->pool, pool));
    w->node = mal_calloc(width, sizeof(node));
    w->gate = mal_calloc(2 * (size_t)width, sizeof(share3_gate));
    if (!w->node || !w->gate)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    w->row = w->rows.part[0]; /* both parts, row by row */
    w->plane[0] = w->planes.part[0];
    w->plane[1] = w->planes.part[1];
    pack_rows(w, lanes);
    return MAL_OK;
}

void share3_rows_clear(share3_rows *w) {
    mal_share3_words_clear(&w->rows);
    mal_share3_words_clear(&w->planes);
    mal_share3_words_clear(&w->pool);
    mal_free(w->node);
    mal_free(w->gate);
    *w = (share3_rows){ 0 };
}
