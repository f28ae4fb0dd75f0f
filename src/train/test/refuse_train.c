/* Sizes and options out of range are refused before anything is sent, and leave
 * the engine as it was. */
#include "tree_fit.h"

enum { ROWS = 5, FEATURES = 2, BITS = 2 };
static party p[3];
static const int64_t noise[1];

typedef struct given {
    mal_share3_words column[FEATURES], label, label_short, model;
    mal_share3_bits bin[FEATURES], valid, valid_wide;
} given;

static void given_clear(given *g) {
    for (unsigned j = 0; j < FEATURES; j++) {
        mal_share3_words_clear(&g->column[j]);
        mal_share3_bits_clear(&g->bin[j]);
    }
    mal_share3_words_clear(&g->label);
    mal_share3_words_clear(&g->label_short);
    mal_share3_words_clear(&g->model);
    mal_share3_bits_clear(&g->valid);
    mal_share3_bits_clear(&g->valid_wide);
}

static mal_err given_make(mal_share3 *s, given *g) {
    for (unsigned j = 0; j < FEATURES; j++) {
        MAL_TRY(mal_share3_words_new(s, &g->column[j], ROWS));
        MAL_TRY(mal_share3_bits_new(s, &g->bin[j], ROWS, BITS));
    }
    MAL_TRY(mal_share3_words_new(s, &g->label, ROWS));
    MAL_TRY(mal_share3_words_new(s, &g->label_short, ROWS - 1));
    MAL_TRY(mal_share3_words_new(s, &g->model, 3));
    MAL_TRY(mal_share3_bits_new(s, &g->valid, ROWS, 1));
    return mal_share3_bits_new(s, &g->valid_wide, ROWS, 2);
}

#define REFUSED(call)                                                          \
    do {                                                                       \
        MAL_REQUIRE((call) == MAL_E_INPUT, MAL_E_STATE, "not refused: %s",     \
                    #call);                                                    \
        MAL_REQUIRE(mal_share3_count(s).messages == before, MAL_E_STATE,       \
                    "something was sent: %s", #call);                          \
    } while (0)

/* Both models take what `change` makes of good data and options. */
#define BAD_LINEAR(change)                                                     \
    do {                                                                       \
        TRAIN_AUTO_WORDS w = { 0 };                                            \
        mal_train_data data = good_data;                                       \
        mal_train_options o = good;                                            \
        change;                                                                \
        REFUSED(mal_train_linear(s, &w, &data, &o));                           \
        REFUSED(mal_train_logistic(s, &w, &data, &o));                         \
    } while (0)

static mal_err bad_linear(mal_share3 *s, void *ctx) {
    MAL_AUTO(given_clear) given g = { 0 };
    (void)ctx;
    MAL_TRY(given_make(s, &g));
    const mal_train_data good_data = { .rows = ROWS,
                                       .features = FEATURES,
                                       .columns = g.column,
                                       .label = &g.label,
                                       .valid = &g.valid };
    const mal_train_options good = { .steps = 1, .ridge_nano = 1000000 };
    const uint64_t before = mal_share3_count(s).messages;
    BAD_LINEAR(data.rows = 0);
    BAD_LINEAR(data.rows = ROWS + 1);
    BAD_LINEAR(data.rows = MAL_TRAIN_ROWS_MAX + 1);
    BAD_LINEAR(data.features = 0);
    BAD_LINEAR(data.features = MAL_TRAIN_FEATURES_MAX + 1);
    BAD_LINEAR(data.features = UINT32_MAX);
    BAD_LINEAR(data.label = &g.label_short);
    BAD_LINEAR(data.valid = &g.valid_wide);
    BAD_LINEAR(o.steps = 0);
    BAD_LINEAR(o.steps = MAL_TRAIN_STEPS_MAX + 1);
    BAD_LINEAR(o.ridge_nano = 0);
    BAD_LINEAR(o.ridge_nano = 999);
    BAD_LINEAR(o.ridge_nano = MAL_TRAIN_LINEAR_RIDGE_MAX + 1);
    BAD_LINEAR(o.noised = true);
    BAD_LINEAR(o.noise = noise);
    TRAIN_AUTO_WORDS w = { 0 };
    return mal_train_linear(s, &w, &good_data, &good); /* still well */
}

#define BAD_TREES(change)                                                      \
    do {                                                                       \
        TRAIN_AUTO_WORDS w = { 0 };                                            \
        mal_train_bins data = good_data;                                       \
        mal_train_trees_options o = good;                                      \
        change;                                                                \
        REFUSED(mal_train_trees(s, &w, &data, &o));                            \
    } while (0)

static mal_err bad_trees(mal_share3 *s, void *ctx) {
    MAL_AUTO(given_clear) given g = { 0 };
    (void)ctx;
    MAL_TRY(given_make(s, &g));
    const mal_train_bins good_data = { .rows = ROWS,
                                       .features = FEATURES,
                                       .bin_bits = BITS,
                                       .columns = g.bin,
                                       .label = &g.label,
                                       .valid = &g.valid };
    const mal_train_trees_options good = {
        .trees = 1, .depth = 1, .ridge_rows = 1, .rate = 1
    };
    const uint64_t before = mal_share3_count(s).messages;
    BAD_TREES(data.rows = 0);
    BAD_TREES(data.rows = ROWS + 1);
    BAD_TREES(data.features = 0);
    BAD_TREES(data.features = MAL_TRAIN_FEATURES_MAX + 1);
    BAD_TREES(data.bin_bits = 0);
    BAD_TREES(data.bin_bits = BITS + 1);
    BAD_TREES(data.bin_bits = MAL_TRAIN_BIN_BITS_MAX + 1);
    BAD_TREES(data.label = &g.label_short);
    BAD_TREES(data.valid = &g.valid_wide);
    BAD_TREES(o.trees = 0);
    BAD_TREES(o.trees = MAL_TRAIN_TREES_MAX + 1);
    BAD_TREES(o.depth = 0);
    BAD_TREES(o.depth = MAL_TRAIN_DEPTH_MAX + 1);
    BAD_TREES(o.ridge_rows = 0);
    BAD_TREES(o.ridge_rows = MAL_TRAIN_ROWS_MAX + 1);
    BAD_TREES(o.rate = 0);
    BAD_TREES(o.rate = 4 * ONE + 1);
    BAD_TREES(o.noised = true);
    BAD_TREES(o.noise = noise);
    BAD_TREES((w = mal_share3_words_view(&g.model, 0, 2), (void)0));
    TRAIN_AUTO_WORDS w = { 0 };
    return mal_train_trees(s, &w, &good_data, &good);
}

TEST(linear_models_refuse_what_is_out_of_range_and_send_nothing) {
    trio_run(p, bad_linear, NULL);
}

TEST(trees_refuse_what_is_out_of_range_and_send_nothing) {
    trio_run(p, bad_trees, NULL);
}

TEST(a_release_is_told_only_for_what_can_be_fitted) {
    mal_train_release r;
    mal_train_trees_options o = {
        .trees = 2, .depth = 3, .ridge_rows = 1, .rate = 1
    };
    CHECK_ERR(mal_train_linear_release(&r, 0), MAL_E_INPUT);
    CHECK_ERR(mal_train_linear_release(&r, MAL_TRAIN_FEATURES_MAX + 1),
              MAL_E_INPUT);
    CHECK_ERR(mal_train_logistic_release(&r, 1, 0), MAL_E_INPUT);
    CHECK_ERR(mal_train_logistic_release(&r, 0, 1), MAL_E_INPUT);
    CHECK_ERR(mal_train_trees_release(&r, 1, 7, &o), MAL_E_INPUT);
    CHECK_ERR(mal_train_trees_release(&r, 0, 1, &o), MAL_E_INPUT);
    CHECK_OK(mal_train_trees_release(&r, 3, 2, &o));
    CHECK_EQ(r.words, 2 * 7 * 2 * 12);
    CHECK_EQ(r.steps, 6);
    o.depth = 0;
    CHECK_ERR(mal_train_trees_release(&r, 3, 2, &o), MAL_E_INPUT);
}

/* --- a party that differs ------------------------------------------------- */

TEST(parties_that_differ_in_their_options_end_without_a_model) {
    static fit f;
    train_set set;
    CHECK_OK(train_set_generate(&set, 70, 2, true, 1));
    f = (fit){ .set = &set, .logistic = true };
    for (unsigned i = 0; i < 3; i++)
        f.options[i] = (mal_train_options){ .steps = i == 1 ? 2 : 3,
                                            .ridge_nano = 1000000 };
    trio_timeout_ms = 500; /* the two that go on wait for the third */
    trio_go(p, fit_body, &f, 0);
    trio_timeout_ms = 20000;
    CHECK(p[0].err != MAL_OK || p[2].err != MAL_OK);
    train_set_clear(&set);
}

TEST_MAIN
