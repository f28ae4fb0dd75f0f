/* What is sent, and how much, follows from sizes and options alone. */
#include "tree_fit.h"

enum { ROWS = 70, FEATURES = 2, BITS = 2 };
static party p[3];
static fit linear;
static tree_fit trees;

typedef struct trace {
    uint64_t sizes[9];
    mal_share3_counters count[3];
} trace;

static trace taken(void) {
    trace t = { 0 };
    for (unsigned i = 0; i < 3; i++) {
        t.count[i] = p[i].count;
        for (unsigned j = 0; j < 3; j++)
            t.sizes[3 * i + j] = p[i].noting[j].trace;
    }
    return t;
}

/* Data of three kinds: as they come, all zero with no row valid, and extreme.
 */
static void make(train_set *set, uint8_t *bins, uint64_t valid[2],
                 unsigned kind) {
    CHECK_OK(train_set_generate(set, ROWS, FEATURES, true, 1 + kind));
    train_set_bins(bins, set, BITS);
    valid[0] = valid[1] = ~UINT64_C(0);
    if (kind == 0)
        return;
    for (size_t i = 0; i < ROWS * FEATURES; i++) {
        set->x[i] = kind == 1 ? 0 : i % 2 ? 1e9 : -1e9;
        bins[i] = kind == 1 ? 0 : 3;
    }
    for (size_t i = 0; kind == 1 && i < 2; i++)
        valid[i] = 0;
}

static trace run(unsigned kind, unsigned model) {
    train_set set;
    uint8_t bins[ROWS * FEATURES];
    uint64_t valid[2];
    const mal_train_trees_options o = {
        .trees = 2, .depth = 2, .logistic = true, .ridge_rows = 1, .rate = ONE
    };
    make(&set, bins, valid, kind);
    linear = (fit){ .set = &set, .valid = valid, .logistic = model == 1 };
    trees = (tree_fit){
        .set = &set, .bins = bins, .bin_bits = BITS, .valid = valid
    };
    if (model < 2)
        fit_go(p, &linear, 3, 10000000);
    else
        tree_go(p, &trees, &o);
    train_set_clear(&set);
    return taken();
}

TEST(equal_sizes_send_equal_messages_whatever_the_rows) {
    for (unsigned model = 0; model < 3; model++) {
        const trace first = run(0, model);
        CHECK(first.count[0].rounds > 50);
        for (unsigned kind = 1; kind < 3; kind++) {
            const trace other = run(kind, model);
            CHECK(memcmp(&first, &other, sizeof first) == 0);
        }
    }
}

/* The model's opening is the test's own: the fit itself opens only the masked
 * bits by which share3 turns planes to words, 64 planes at a time. */
TEST(the_words_opened_are_conversions_and_the_model) {
    for (unsigned model = 0; model < 3; model++) {
        const trace t = run(0, model);
        const uint64_t words =
            model < 2 ? FEATURES + 1 : 2 * (((size_t)2 << 2) - 1);
        CHECK(t.count[0].opened >= words);
        CHECK((t.count[0].opened - words) % 64 == 0);
    }
}

TEST_MAIN
