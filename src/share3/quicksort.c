/* quicksort.c - the order of shuffled rows, by comparisons that are opened.
 *
 * Everything here is public: which rows are compared follows from earlier
 * results, and all results follow from the order of the shuffled rows, which is
 * uniform and becomes public anyway [HKICT12].  What is secret is how the rows
 * were shuffled, and what is in them.
 *
 * A phase takes a sample of each long segment, ranks it by all its pairs, and
 * sends every row down a tree of 2^depth - 1 well spread pivots: splits are
 * even, and n log2(n) comparisons a little more are made in few rounds.  Short
 * segments are ranked by all pairs, at once.
 */
#include "order_impl.h"

/* At most this many rows are ranked by all pairs: (16 - 1) / 2 comparisons a
 * row at most, against log2(16) and as many times the rounds. */
#define SHORT 16
/* Of a segment of L rows, sqrt(L / 2) are a sample: L / 4 pairs. */
#define SAMPLE_MAX 1024
/* Rows of a sample for each pivot: splits within some 1/2 of even. */
#define SPREAD 4
/* Pairs compared at once: more make fewer rounds, at `width` bytes each; where
 * memory has a limit, an eighth of it. */
#define PAIRS_MIN ((size_t)1 << 10)
#define PAIRS_MAX ((size_t)1 << 20)

typedef struct segment {
    uint32_t at, len;
    uint32_t pivot; /* its tree, in `pivots` */
    unsigned depth; /* of that tree; 0: short */
} segment;

typedef struct sorter {
    share3_rows *rows;
    size_t n, batch; /* pairs of one comparison */
    segment *seg, *old;
    size_t n_seg, n_old;
    uint32_t *list, *spare; /* rows, segment by segment */
    uint32_t *segment_of;   /* row -> its segment */
    uint32_t *rank;         /* row -> rank in its sample or segment */
    uint32_t *node;         /* row -> node of the tree, from 1 */
    uint32_t *pivots;       /* rows; node t of a tree at pivot + t - 1 */
    uint32_t *x, *y;        /* the batch */
    uint64_t *less;
    size_t n_pairs;
} sorter;

size_t share3_pairs_max(size_t n, unsigned width, size_t memory) {
    size_t pairs = PAIRS_MIN;
    while (pairs < PAIRS_MAX && pairs < 2 * n &&
           (!memory || 2 * pairs * width <= memory / 8))
        pairs *= 2;
    return pairs;
}

/* --- All pairs of some rows ------------------------------------------------
 */

static bool bit(const uint64_t *plane, size_t i) {
    return plane[i / 64] >> (i % 64) & 1;
}

/* The greater of each pair goes up by one. */
static mal_err rank_pairs(sorter *t) {
    const share3_pairs pairs = { t->n_pairs, t->x, t->y, 0 };
    MAL_TRY(share3_rows_less(t->rows, t->less, &pairs));
    for (size_t i = 0; i < t->n_pairs; i++)
        t->rank[bit(t->less, i) ? t->y[i] : t->x[i]]++;
    t->n_pairs = 0;
    return MAL_OK;
}

static mal_err add_pairs(sorter *t, const uint32_t *row, size_t n) {
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++) {
            t->x[t->n_pairs] = row[i];
            t->y[t->n_pairs++] = row[j];
            if (t->n_pairs == t->batch)
                MAL_TRY(rank_pairs(t));
        }
    return MAL_OK;
}

/* --- Samples and pivots ----------------------------------------------------
 */

static size_t sample_of(const segment *g) {
    size_t m = 3;
    while (m < SAMPLE_MAX && 2 * (m + 1) * (m + 1) <= g->len)
        m++;
    return m;
}

static unsigned depth_of(const segment *g) {
    unsigned depth = 1;
    if (g->len <= SHORT)
        return 0;
    while (((size_t)2 << depth) * SPREAD <= sample_of(g))
        depth++;
    return depth;
}

/* The tree's node t, in order, is the j-th pivot, j from 1. */
static size_t in_order(unsigned t, unsigned depth) {
    unsigned d = 0;
    while (t >> (d + 1))
        d++;
    return (2 * (t - (1u << d)) + 1) << (depth - d - 1);
}

/* Pivot j is the sample's row of rank j m / 2^depth: at least 1, as m >
 * 2^depth, so that some row is less than it and the segment is split. */
static void set_pivots(sorter *t, const segment *g) {
    const uint32_t *sample = t->list + g->at;
    const size_t m = sample_of(g);
    uint32_t sorted[SAMPLE_MAX];
    for (size_t i = 0; i < m; i++)
        sorted[t->rank[sample[i]]] = sample[i];
    for (unsigned k = 1; k < 1u << g->depth; k++)
        t->pivots[g->pivot + k - 1] =
            sorted[in_order(k, g->depth) * m >> g->depth];
}

static mal_err choose_pivots(sorter *t) {
    uint32_t at = 0;
    for (size_t i = 0; i < t->n_seg; i++) {
        segment *g = &t->seg[i];
        g->depth = depth_of(g);
        g->pivot = at;
        at += g->depth ? (1u << g->depth) - 1 : 0;
        /* Rows of a short one too: where they were before is another segment
         * by now, perhaps with a tree. */
        for (size_t k = 0; k < g->len; k++) {
            const uint32_t row = t->list[g->at + k];
            t->rank[row] = 0;
            t->node[row] = 1;
            t->segment_of[row] = (uint32_t)i;
        }
        if (!g->depth)
            continue;
        MAL_TRY(add_pairs(t, t->list + g->at, sample_of(g)));
    }
    if (t->n_pairs)
        MAL_TRY(rank_pairs(t));
    for (size_t i = 0; i < t->n_seg; i++)
        if (t->seg[i].depth)
            set_pivots(t, &t->seg[i]);
    return MAL_OK;
}

/* --- Levels ----------------------------------------------------------------
 */

static const segment *segment_of(const sorter *t, uint32_t row) {
    return &t->seg[t->segment_of[row]];
}
static bool goes_on(const sorter *t, uint32_t row, unsigned level) {
    return segment_of(t, row)->depth > level;
}
static uint32_t pivot_of(const sorter *t, uint32_t row) {
    const segment *g = segment_of(t, row);
    assert(t->node[row] < 1u << g->depth);
    return t->pivots[g->pivot + t->node[row] - 1];
}

/* Left is less; a pivot, which is not less than itself, goes right. */
static void step_down(sorter *t, uint32_t row, bool less) {
    t->node[row] = 2 * t->node[row] + !less;
}

/* All rows in place; those that are done are compared with a neighbour. */
static mal_err level_in_place(sorter *t, unsigned level) {
    for (size_t from = 0; from < t->n; from += t->batch) {
        const size_t n = share3_least(t->batch, t->n - from);
        const share3_pairs pairs = { n, NULL, t->y, from };
        for (size_t i = 0; i < n; i++) {
            const uint32_t row = (uint32_t)(from + i);
            t->y[i] = goes_on(t, row, level) ? pivot_of(t, row)
                      : row + 1 < t->n       ? row + 1
                                             : 0;
        }
        MAL_TRY(share3_rows_less(t->rows, t->less, &pairs));
        for (size_t i = 0; i < n; i++)
            if (goes_on(t, (uint32_t)(from + i), level))
                step_down(t, (uint32_t)(from + i), bit(t->less, i));
    }
    return MAL_OK;
}

static mal_err flush_level(sorter *t) {
    const share3_pairs pairs = { t->n_pairs, t->x, t->y, 0 };
    MAL_TRY(share3_rows_less(t->rows, t->less, &pairs));
    for (size_t i = 0; i < t->n_pairs; i++)
        step_down(t, t->x[i], bit(t->less, i));
    t->n_pairs = 0;
    return MAL_OK;
}

static mal_err level_by_list(sorter *t, unsigned level) {
    for (uint32_t row = 0; row < t->n; row++) {
        if (!goes_on(t, row, level))
            continue;
        t->x[t->n_pairs] = row;
        t->y[t->n_pairs++] = pivot_of(t, row);
        if (t->n_pairs == t->batch)
            MAL_TRY(flush_level(t));
    }
    return t->n_pairs ? flush_level(t) : MAL_OK;
}

static mal_err run_levels(sorter *t) {
    for (unsigned level = 0;; level++) {
        size_t active = 0;
        for (size_t i = 0; i < t->n_seg; i++)
            active += t->seg[i].depth > level ? t->seg[i].len : 0;
        if (active == 0)
            return MAL_OK;
        MAL_TRY(active > t->n / 8 * 7 ? level_in_place(t, level)
                                      : level_by_list(t, level));
    }
}

/* --- Splitting -------------------------------------------------------------
 */

static void split(sorter *t, const segment *g) {
    uint32_t at[(2 * SAMPLE_MAX / SPREAD) + 2] = { 0 };
    const uint32_t leaves = (uint32_t)1 << g->depth;
    assert(leaves < sizeof at / sizeof *at);
    for (size_t k = 0; k < g->len; k++)
        at[t->node[t->list[g->at + k]] - leaves + 1]++;
    for (uint32_t v = 0; v < leaves; v++) {
        if (at[v + 1])
            t->seg[t->n_seg++] =
                (segment){ .at = g->at + at[v], .len = at[v + 1] };
        at[v + 1] += at[v];
    }
    for (size_t k = 0; k < g->len; k++) {
        const uint32_t row = t->list[g->at + k];
        t->spare[g->at + at[t->node[row] - leaves]++] = row;
    }
    memcpy(t->list + g->at, t->spare + g->at, g->len * sizeof *t->list);
}

/* Returns whether long segments are left that are worth another phase: all
 * their pairs are more than one a row of the whole. */
static bool split_all(sorter *t) {
    segment *swap = t->old;
    size_t pairs = 0;
    t->old = t->seg;
    t->n_old = t->n_seg;
    t->seg = swap;
    t->n_seg = 0;
    for (size_t i = 0; i < t->n_old; i++) {
        if (t->old[i].depth)
            split(t, &t->old[i]);
        else
            t->seg[t->n_seg++] = t->old[i];
    }
    for (size_t i = 0; i < t->n_seg; i++)
        if (t->seg[i].len > SHORT)
            pairs += (size_t)t->seg[i].len * (t->seg[i].len - 1) / 2;
    return pairs > t->n;
}

/* --- The whole -------------------------------------------------------------
 */

static mal_err rank_short(sorter *t, uint64_t *place) {
    memset(t->rank, 0, t->n * sizeof *t->rank);
    for (size_t i = 0; i < t->n_seg; i++)
        MAL_TRY(add_pairs(t, t->list + t->seg[i].at, t->seg[i].len));
    if (t->n_pairs)
        MAL_TRY(rank_pairs(t));
    for (size_t i = 0; i < t->n_seg; i++)
        for (uint32_t k = 0; k < t->seg[i].len; k++) {
            const uint32_t row = t->list[t->seg[i].at + k];
            place[row] = t->seg[i].at + t->rank[row];
        }
    return MAL_OK;
}

static mal_err sort_rows(sorter *t, uint64_t *place) {
    for (uint32_t i = 0; i < t->n; i++)
        t->list[i] = i;
    t->seg[0] = (segment){ .len = (uint32_t)t->n };
    t->n_seg = t->n > 0;
    for (bool more = t->n > SHORT; more; more = split_all(t)) {
        MAL_TRY(choose_pivots(t));
        MAL_TRY(run_levels(t));
    }
    return rank_short(t, place);
}

/* --- What it costs ---------------------------------------------------------
 */

/* compare.c, of that many pairs: batches, the tree of each, and its opening. */
static void add_pairs_cost(mal_share3_cost *c, uint64_t pairs, unsigned width,
                           size_t batch) {
    for (uint64_t n; pairs > 0; pairs -= n) {
        n = pairs < batch ? pairs : batch;
        unsigned nodes = 1 + width / 2, gates = 1 + 2 * ((width - 1) / 2);
        mal_share3_cost_add(c, MAL_SHARE3_CALL_AND, n, gates);
        for (; nodes > 1; nodes = (nodes + 1) / 2)
            mal_share3_cost_add(c, MAL_SHARE3_CALL_AND, n, 2 * (nodes / 2) - 1);
        mal_share3_cost_add(c, MAL_SHARE3_CALL_BITS_OPEN, n, 1);
    }
}

/* A phase of `segments` segments of len rows each. */
static unsigned add_phase_cost(mal_share3_cost *c, uint64_t segments,
                               uint64_t len, unsigned width, size_t batch) {
    const segment g = { .len = (uint32_t)len };
    const uint64_t m = sample_of(&g);
    const unsigned depth = depth_of(&g);
    add_pairs_cost(c, segments * (m * (m - 1) / 2), width, batch);
    for (unsigned i = 0; i < depth; i++)
        add_pairs_cost(c, segments * len, width, batch);
    return depth;
}

/* Splits are taken as even, and as some segments are longer than that, three
 * more phases see about a fourth of the rows. */
void mal_share3_cost_rank(mal_share3_cost *c, size_t n, unsigned width) {
    const unsigned w = width + share3_index_width(n);
    const size_t batch = share3_pairs_max(n, w, 0);
    uint64_t segments = 1, len = n;
    bool more = n > SHORT;
    while (more) {
        const unsigned depth = add_phase_cost(c, segments, len, w, batch);
        segments <<= depth;
        len = (len >> depth) + (len >> depth == 0);
        more = len > SHORT && segments * (len * (len - 1) / 2) > n;
    }
    for (unsigned i = 0; i < 3 && n > 4 * SHORT; i++)
        (void)add_phase_cost(c, n / (8 * SHORT), 2 * SHORT, w, batch);
    add_pairs_cost(c, segments * (len * (len - 1) / 2), w, batch);
}

/* Every segment has a row, and every tree fewer pivots than rows. */
static mal_err sorter_new(sorter *t, share3_rows *rows) {
    const size_t n = rows->n + 1, batch = rows->pairs_max;
    *t = (sorter){ .rows = rows, .n = rows->n, .batch = batch };
    uint32_t **const arrays[] = { &t->list, &t->spare, &t->segment_of,
                                  &t->rank, &t->node,  &t->pivots };
    bool ok = true;
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        ok &= (*arrays[i] = mal_calloc(n, sizeof **arrays[i])) != NULL;
    t->seg = mal_calloc(n, sizeof *t->seg);
    t->old = mal_calloc(n, sizeof *t->old);
    t->x = mal_calloc(batch, sizeof *t->x);
    t->y = mal_calloc(batch, sizeof *t->y);
    t->less = mal_calloc(share3_stride(batch), sizeof *t->less);
    if (ok && t->seg && t->old && t->x && t->y && t->less)
        return MAL_OK;
    return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
}

static void sorter_clear(sorter *t) {
    void *const blocks[] = { t->list,   t->spare, t->segment_of, t->rank,
                             t->node,   t->seg,   t->old,        t->x,
                             t->pivots, t->y,     t->less };
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        mal_free(blocks[i]);
}

mal_err share3_rows_rank(share3_rows *rows, uint64_t *place) {
    sorter t;
    mal_err err = sorter_new(&t, rows);
    if (err == MAL_OK)
        err = sort_rows(&t, place);
    sorter_clear(&t);
    return err;
}
