/* tree_fit.h - three parties grow trees on a set whose columns party i % 3
 * inputs. */
#ifndef TREE_FIT_H
#define TREE_FIT_H

#include "train_parties.h"

#define TREE_WORDS_MAX 4096

typedef struct tree_fit {
    const train_set *set;
    const uint8_t *bins; /* [features][rows] */
    unsigned bin_bits;
    const uint64_t *valid; /* planes, or NULL */
    mal_train_trees_options options[3];
    mal_share3_counters before[3]; /* the fit: inputs */
    uint64_t model[3][TREE_WORDS_MAX];
} tree_fit;

static mal_err tree_column(mal_share3 *s, const tree_fit *f, mal_share3_bits *z,
                           unsigned j) {
    const size_t n = f->set->rows, stride = (n + 63) / 64;
    const bool mine = mal_share3_me(s) == j % 3;
    uint64_t *planes = calloc(f->bin_bits * stride, sizeof *planes);
    if (!planes)
        abort();
    for (size_t i = 0; i < n; i++)
        for (unsigned b = 0; b < f->bin_bits; b++)
            planes[b * stride + i / 64] |=
                (uint64_t)(f->bins[j * n + i] >> b & 1) << i % 64;
    const mal_err err = mal_share3_bits_input(s, z, j % 3, mine ? planes : NULL,
                                              n, f->bin_bits);
    free(planes);
    return err;
}

static mal_err tree_grow(mal_share3 *s, tree_fit *f, mal_share3_bits *c,
                         uint64_t *words) {
    TRAIN_AUTO_WORDS label = { 0 };
    TRAIN_AUTO_WORDS model = { 0 };
    TRAIN_AUTO_BITS valid = { 0 };
    const unsigned me = mal_share3_me(s);
    const size_t n = f->set->rows;
    for (unsigned j = 0; j < f->set->features; j++)
        MAL_TRY(tree_column(s, f, &c[j], j));
    train_set_words(words, f->set, f->set->features);
    MAL_TRY(mal_share3_words_input(s, &label, 1, me == 1 ? words : NULL, n));
    if (f->valid)
        MAL_TRY(
            mal_share3_bits_input(s, &valid, 0, me ? NULL : f->valid, n, 1));
    const mal_train_bins data = {
        .rows = n,
        .features = f->set->features,
        .bin_bits = f->bin_bits,
        .columns = c,
        .label = &label,
        .valid = f->valid ? &valid : NULL,
    };
    f->before[me] = mal_share3_count(s);
    MAL_TRY(mal_train_trees(s, &model, &data, &f->options[me]));
    return mal_share3_words_open(s, f->model[me], &model);
}

static mal_err tree_body(mal_share3 *s, void *ctx) {
    tree_fit *f = ctx;
    mal_share3_bits *c = calloc(f->set->features, sizeof *c);
    uint64_t *words = calloc(f->set->rows, sizeof *words);
    if (!c || !words)
        abort();
    const mal_err err = tree_grow(s, f, c, words);
    for (unsigned j = 0; j < f->set->features; j++)
        mal_share3_bits_clear(&c[j]);
    free(c);
    free(words);
    return err;
}

__attribute__((unused)) static void tree_go(party p[3], tree_fit *f,
                                            const mal_train_trees_options *o) {
    for (unsigned i = 0; i < 3; i++) {
        const int64_t *noise = f->options[i].noise;
        f->options[i] = *o;
        f->options[i].noise = noise;
        f->options[i].noised = noise != NULL;
    }
    CHECK(mal_train_trees_words(o) <= TREE_WORDS_MAX);
    trio_run(p, tree_body, f);
    CHECK(memcmp(f->model[0], f->model[1], sizeof f->model[0]) == 0);
    CHECK(memcmp(f->model[0], f->model[2], sizeof f->model[0]) == 0);
}

#endif
