/* split.c - which split is best: means, gains, and a tournament. */
#include "trees_impl.h"

void level_clear(level *l) {
    mal_share3_words_clear(&l->sum);
    mal_share3_words_clear(&l->g);
    mal_share3_words_clear(&l->h);
    mal_share3_words_clear(&l->mean);
    mal_share3_words_clear(&l->gain);
    mal_share3_words_clear(&l->best);
    mal_share3_words_clear(&l->taken);
}

/* z[0][k][v] = the sum of x[v] over the bins of k's feature up to k's, z[1]
 * that over the others.  Local. */
static void sum_sides(mal_share3_words *z, const uint64_t *const x[2],
                      const forest *f, unsigned nodes) {
    const size_t half = f->choices * nodes;
    for (unsigned p = 0; p < 2; p++)
        for (unsigned v = 0; v < nodes; v++)
            for (size_t from = 0; from < f->choices; from += f->bins) {
                const uint64_t *bin = x[p] + v * f->choices + from;
                uint64_t all = 0, left = 0;
                for (unsigned b = 0; b < f->bins; b++)
                    all += bin[b];
                for (unsigned b = 0; b < f->bins; b++) {
                    const size_t at = (from + b) * nodes + v;
                    left += bin[b];
                    z->part[p][at] = left;
                    z->part[p][half + at] = all - left;
                }
            }
}

/* --- Noised sums -----------------------------------------------------------
 */

/* x := the lesser of x and most (times sign): x := where(sign (most - x) < 0,
 * sign most, x). */
static mal_err at_most(mal_share3 *s, mal_share3_words *x,
                       const mal_share3_words *most, uint64_t sign) {
    TRAIN_AUTO_WORDS bound = { 0 };
    TRAIN_AUTO_WORDS room = { 0 };
    TRAIN_AUTO_BITS over = { 0 };
    MAL_TRY(mal_share3_words_affine(s, &bound, most, sign, 0));
    MAL_TRY(mal_share3_words_sub(s, &room, &bound, x));
    MAL_TRY(mal_share3_words_affine(s, &room, &room, sign, 0));
    MAL_TRY(train_negative(s, &over, &room));
    return mal_share3_words_mux(s, x, &over, &bound, x);
}

/* Noise may tell of fewer than no rows, or of more gradient than rows have:
 * what follows must hold its bounds all the same. */
static mal_err tame(mal_share3 *s, level *l, const forest *f) {
    TRAIN_AUTO_WORDS most = { 0 };
    MAL_TRY(mal_share3_truncate(s, &l->h, &l->h, VALUE));
    MAL_TRY(train_clip(s, &l->h, 0, (int64_t)f->n));
    MAL_TRY(mal_share3_words_affine(s, &most, &l->h, ONE, 0));
    MAL_TRY(at_most(s, &l->g, &most, 1));
    return at_most(s, &l->g, &most, ~UINT64_C(0));
}

/* --- Gains -----------------------------------------------------------------
 */

static mal_err gains(mal_share3 *s, level *l, const forest *f) {
    const size_t half = f->choices * l->nodes;
    const uint64_t *sum[2], *rows[2];
    TRAIN_AUTO_WORDS both = { 0 };
    for (unsigned p = 0; p < 2; p++) {
        sum[p] = l->sum.part[p];
        rows[p] = l->sum.part[p] + half;
    }
    MAL_TRY(mal_share3_words_new(s, &l->g, 2 * half));
    MAL_TRY(mal_share3_words_new(s, &l->h, 2 * half));
    sum_sides(&l->g, sum, f, l->nodes);
    sum_sides(&l->h, rows, f, l->nodes);
    if (f->options->noised)
        MAL_TRY(tame(s, l, f));
    MAL_TRY(
        mal_share3_words_affine(s, &l->h, &l->h, 1, f->options->ridge_rows));
    MAL_TRY(train_mean(s, &l->mean, &l->g, &l->h));
    /* G^2 / (n + lambda) in 2^-40: at most the rows, 2^20, so below 2^61. */
    MAL_TRY(mal_share3_mul(s, &both, &l->g, &l->mean));
    const mal_share3_words left = mal_share3_words_view(&both, 0, half);
    const mal_share3_words right = mal_share3_words_view(&both, half, half);
    return mal_share3_words_add(s, &l->gain, &left, &right);
}

/* --- The best --------------------------------------------------------------
 */

typedef struct contest {
    mal_share3_words both; /* [2][left][nodes]: gains, then choices */
    size_t left;
} contest;

/* Choice i meets choice i + ceil(left / 2), and stays unless it is less. */
static mal_err meet(mal_share3 *s, contest *c, unsigned nodes) {
    const size_t stay = (c->left + 1) / 2, go = c->left - stay;
    const size_t n = go * nodes, row = c->left * nodes;
    TRAIN_AUTO_WORDS lead = { 0 };
    TRAIN_AUTO_WORDS next = { 0 };
    TRAIN_AUTO_BITS less = { 0 };
    MAL_TRY(mal_share3_words_new(s, &next, 2 * stay * nodes));
    const mal_share3_words a = mal_share3_words_view(&c->both, 0, n);
    const mal_share3_words b = mal_share3_words_view(&c->both, stay * nodes, n);
    MAL_TRY(mal_share3_words_sub(s, &lead, &a, &b));
    MAL_TRY(train_negative(s, &less, &lead));
    for (unsigned i = 0; i < 2; i++) {
        const mal_share3_words first =
            mal_share3_words_view(&c->both, i * row, stay * nodes);
        const mal_share3_words x = mal_share3_words_view(&first, 0, n);
        const mal_share3_words y =
            mal_share3_words_view(&c->both, i * row + stay * nodes, n);
        mal_share3_words z = mal_share3_words_view(&next, i * stay * nodes, n);
        train_put(&next, i * stay * nodes, &first);
        MAL_TRY(mal_share3_words_mux(s, &z, &less, &y, &x));
    }
    mal_share3_words_clear(&c->both);
    c->both = next;
    next = (mal_share3_words){ 0 };
    c->left = stay;
    return MAL_OK;
}

static void contest_clear(contest *c) {
    mal_share3_words_clear(&c->both);
}

static mal_err find_best(mal_share3 *s, level *l, const forest *f) {
    MAL_AUTO(contest_clear) contest c = { .left = f->choices };
    TRAIN_AUTO_WORDS name = { 0 };
    const size_t n = f->choices * l->nodes;
    uint64_t *names = mal_calloc(n, sizeof *names);
    if (!names)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    for (size_t i = 0; i < n; i++)
        names[i] = i / l->nodes;
    const mal_err err = mal_share3_words_public(s, &name, names, n);
    mal_free(names);
    MAL_TRY(err);
    MAL_TRY(mal_share3_words_new(s, &c.both, 2 * n));
    train_put(&c.both, 0, &l->gain);
    train_put(&c.both, n, &name);
    while (c.left > 1)
        MAL_TRY(meet(s, &c, l->nodes));
    const mal_share3_words best =
        mal_share3_words_view(&c.both, l->nodes, l->nodes);
    return mal_share3_words_copy(s, &l->best, &best);
}

/* taken[v][k] = (best[v] = k). */
static mal_err mark_best(mal_share3 *s, level *l, const forest *f) {
    TRAIN_AUTO_WORDS off = { 0 };
    TRAIN_AUTO_BITS b = { 0 };
    TRAIN_AUTO_BITS same = { 0 };
    const size_t n = f->choices * l->nodes;
    unsigned width = 1;
    while ((size_t)1 << width < f->choices)
        width++;
    uint64_t *names = mal_calloc(n, sizeof *names);
    if (!names)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    for (size_t i = 0; i < n; i++)
        names[i] = i % f->choices;
    const mal_err err = mal_share3_words_public(s, &off, names, n);
    mal_free(names);
    MAL_TRY(err);
    for (unsigned p = 0; p < 2; p++)
        for (size_t i = 0; i < n; i++)
            off.part[p][i] -= l->best.part[p][i / f->choices];
    MAL_TRY(mal_share3_to_bits(s, &b, &off, width));
    MAL_TRY(mal_share3_is_zero(s, &same, &b));
    return mal_share3_inject(s, &l->taken, &same, NULL);
}

mal_err level_split(mal_share3 *s, level *l, const forest *f) {
    MAL_TRY(gains(s, l, f));
    MAL_TRY(find_best(s, l, f));
    return mark_best(s, l, f);
}
