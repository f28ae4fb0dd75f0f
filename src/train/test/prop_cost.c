/* What a fit is foretold to cost is what the counters show, to the byte, with
 * the proofs of a malicious run. */
#include "tree_fit.h"

#define ROWS 300
#define FEATURES 9
#define NOISE 8192

static party p[3];
static fit linear;
static tree_fit trees;
static const int64_t noise[NOISE];

/* Most of any party, from when its inputs were there. */
static mal_share3_cost seen(const mal_share3_counters before[3]) {
    mal_share3_cost c = { 0 };
    for (unsigned i = 0; i < 3; i++) {
        const mal_share3_counters *b = &before[i], *a = &p[i].count;
        const mal_share3_cost own = { .rounds = a->rounds - b->rounds,
                                      .messages = a->messages - b->messages,
                                      .bytes = a->bytes - b->bytes,
                                      .products = a->products - b->products };
        c.rounds = own.rounds > c.rounds ? own.rounds : c.rounds;
        c.messages = own.messages > c.messages ? own.messages : c.messages;
        c.bytes = own.bytes > c.bytes ? own.bytes : c.bytes;
        c.products = own.products > c.products ? own.products : c.products;
    }
    return c;
}

#define SAME(field)                                                            \
    CHECK_THAT(told->field == c.field, "%s: %llu %s, foretold %llu", what,     \
               (unsigned long long)c.field, #field,                            \
               (unsigned long long)told->field)

/* And the opening of the model. */
static void compare(const char *what, mal_share3_cost *told, size_t words,
                    const mal_share3_counters before[3]) {
    const mal_share3_cost c = seen(before);
    mal_share3_cost_add(told, MAL_SHARE3_CALL_OPEN, words, 64);
    SAME(rounds);
    SAME(messages);
    SAME(bytes);
    SAME(products);
}

/* Inputs wait for a word of all. */
static mal_share3_cost nothing(mal_share3_security security) {
    const bool malicious = security == MAL_SHARE3_MALICIOUS;
    trio_security = security;
    return (mal_share3_cost){ .malicious = malicious, .unagreed = malicious };
}

static void weights(mal_share3_security security, bool logistic, bool valid,
                    bool noised) {
    static uint64_t all[(ROWS + 63) / 64];
    mal_share3_cost told = nothing(security);
    const mal_train_size size = { .rows = ROWS,
                                  .features = FEATURES,
                                  .valid = valid };
    train_set set;
    CHECK_OK(train_set_generate(&set, ROWS, FEATURES, logistic, 5));
    memset(all, 0xff, sizeof all);
    linear =
        (fit){ .set = &set, .valid = valid ? all : NULL, .logistic = logistic };
    for (unsigned i = 0; i < 3; i++) {
        linear.options[i].noised = noised;
        linear.options[i].noise = noised ? noise : NULL;
    }
    fit_go(p, &linear, 4, 10000000);
    (logistic ? mal_train_logistic_cost
              : mal_train_linear_cost)(&told, &size, &linear.options[0]);
    compare(logistic ? "logistic" : "linear", &told, FEATURES + 1,
            linear.before);
    train_set_clear(&set);
}

TEST(weights_cost_what_is_foretold) {
    for (int security = 1; security <= 2; security++)
        for (unsigned i = 0; i < 8; i++)
            weights((mal_share3_security)security, i & 1, i & 2, i & 4);
}

static void boosted(mal_share3_security security, bool logistic, bool noised) {
    enum { BITS = 3 };
    static uint8_t bins[ROWS * FEATURES];
    static uint64_t all[(ROWS + 63) / 64];
    mal_share3_cost told = nothing(security);
    const mal_train_size size = { ROWS, FEATURES, BITS, logistic };
    const mal_train_trees_options o = { .trees = 2,
                                        .depth = 3,
                                        .logistic = logistic,
                                        .ridge_rows = 1,
                                        .rate = ONE,
                                        .noised = noised };
    train_set set;
    CHECK_OK(train_set_generate(&set, ROWS, FEATURES, logistic, 6));
    train_set_bins(bins, &set, BITS);
    memset(all, 0xff, sizeof all);
    trees = (tree_fit){ .set = &set,
                        .bins = bins,
                        .bin_bits = BITS,
                        .valid = logistic ? all : NULL };
    for (unsigned i = 0; i < 3; i++)
        trees.options[i].noise = noised ? noise : NULL;
    tree_go(p, &trees, &o);
    mal_train_trees_cost(&told, &size, &o);
    compare("trees", &told, mal_train_trees_words(&o), trees.before);
    train_set_clear(&set);
}

TEST(trees_cost_what_is_foretold) {
    for (int security = 1; security <= 2; security++)
        for (unsigned i = 0; i < 4; i++)
            boosted((mal_share3_security)security, i & 1, i & 2);
}

TEST_MAIN
