/* Shares do not steer: whole fits with their inputs undefined. */
#include "mal_leak.h"

#include "../train_impl.h"

enum { N = 5, FEATURES = 2, BITS = 1 };

typedef struct seat {
    uint64_t words[FEATURES + 1][N], bins[FEATURES], valid, out[8];
    int64_t noise[32];
} seat;

static void must(mal_err err) {
    if (err != MAL_OK)
        abort();
}

static void fit_lines(mal_share3 *s, seat *p, const mal_share3_bits *valid) {
    mal_share3_words c[FEATURES + 1] = { 0 }, w = { 0 };
    for (unsigned j = 0; j <= FEATURES; j++)
        must(mal_share3_words_input(s, &c[j], j, p->words[j], N));
    const mal_train_data data = { .rows = N,
                                  .features = FEATURES,
                                  .columns = c,
                                  .label = &c[FEATURES],
                                  .valid = valid };
    const mal_train_options o = {
        .steps = 2, .ridge_nano = 1000000, .noised = true, .noise = p->noise
    };
    must(mal_train_linear(s, &w, &data, &o));
    must(mal_share3_words_open(s, p->out, &w));
    must(mal_train_logistic(s, &w, &data, &o));
    must(mal_share3_words_open(s, p->out, &w));
    for (unsigned j = 0; j <= FEATURES; j++)
        mal_share3_words_clear(&c[j]);
    mal_share3_words_clear(&w);
}

static void fit_trees(mal_share3 *s, seat *p, const mal_share3_bits *valid) {
    mal_share3_bits c[FEATURES] = { 0 };
    mal_share3_words label = { 0 }, w = { 0 };
    for (unsigned j = 0; j < FEATURES; j++)
        must(mal_share3_bits_input(s, &c[j], j, &p->bins[j], N, BITS));
    must(mal_share3_words_input(s, &label, 2, p->words[FEATURES], N));
    const mal_train_bins data = { .rows = N,
                                  .features = FEATURES,
                                  .bin_bits = BITS,
                                  .columns = c,
                                  .label = &label,
                                  .valid = valid };
    const mal_train_trees_options o = { .trees = 1,
                                        .depth = 2,
                                        .logistic = true,
                                        .ridge_rows = 1,
                                        .rate = ONE,
                                        .noised = true,
                                        .noise = p->noise };
    must(mal_train_trees(s, &w, &data, &o));
    must(mal_share3_words_open(s, p->out, &w));
    for (unsigned j = 0; j < FEATURES; j++)
        mal_share3_bits_clear(&c[j]);
    mal_share3_words_clear(&label);
    mal_share3_words_clear(&w);
}

static mal_err sit(void *ctx, mal_mesh *mesh) {
    seat *p = (seat *)ctx + mesh->me;
    mal_share3 *s = NULL;
    mal_share3_bits valid = { 0 };
    const mal_share3_options options = { .security = MAL_SHARE3_SEMI_HONEST };
    mal_leak_secret(p->words, sizeof p->words);
    mal_leak_secret(p->bins, sizeof p->bins);
    mal_leak_secret(&p->valid, sizeof p->valid);
    mal_leak_secret(p->noise, sizeof p->noise);
    must(mal_share3_open(&s, mesh, &options));
    must(mal_share3_bits_input(s, &valid, 0, &p->valid, N, 1));
    fit_lines(s, p, &valid);
    fit_trees(s, p, &valid);
    mal_share3_bits_clear(&valid);
    mal_share3_close(&s);
    return MAL_OK;
}

LEAK(fits_do_not_look_at_their_rows_or_noise) {
    static seat p[3];
    must(mal_mesh_run(3, 60000, sit, p));
}

LEAK_CONTROL_SHARE

LEAK_MAIN
