/* The n-th allocation fails, for every n: no hang, no crash, no false answer.
 */
#include "tree_fit.h"

static party p[3];

static bool all_end(trio_body body, void *ctx, uint64_t n) {
    unsigned well = 0, told = 0;
    trio_go(p, body, ctx, n);
    mal_alloc_fail_at(0);
    for (unsigned i = 0; i < 3; i++) {
        well += p[i].err == MAL_OK;
        told += p[i].err == MAL_E_MEMORY;
    }
    CHECK_THAT(well == 3 || told == 1, "allocation %llu: %u well, %u told",
               (unsigned long long)n, well, told);
    return well == 3;
}

TEST(every_failed_allocation_of_a_linear_fit_ends_all_three) {
    static fit f;
    train_set set;
    uint64_t n = 1;
    const uint64_t valid = 7;
    CHECK_OK(train_set_generate(&set, 4, 1, true, 1));
    for (unsigned logistic = 0; logistic < 2; logistic++) {
        f = (fit){ .set = &set, .valid = &valid, .logistic = logistic };
        for (unsigned i = 0; i < 3; i++)
            f.options[i] =
                (mal_train_options){ .steps = 1, .ridge_nano = 1000000 };
        for (n = 1; !all_end(fit_body, &f, n); n++)
            CHECK(n < 20000);
        printf("# %llu allocations\n", (unsigned long long)n - 1);
        CHECK(n > 100);
    }
    train_set_clear(&set);
}

TEST(every_failed_allocation_of_a_tree_ends_all_three) {
    static tree_fit f;
    train_set set;
    const uint8_t bins[] = { 0, 1, 1, 0 };
    int64_t noise[3][4] = { 0 };
    uint64_t n = 1;
    CHECK_OK(train_set_generate(&set, 4, 1, false, 1));
    f = (tree_fit){ .set = &set, .bins = bins, .bin_bits = 1 };
    for (unsigned i = 0; i < 3; i++)
        f.options[i] = (mal_train_trees_options){ .trees = 1,
                                                  .depth = 1,
                                                  .ridge_rows = 1,
                                                  .rate = ONE,
                                                  .noised = true,
                                                  .noise = noise[i] };
    for (; !all_end(tree_body, &f, n); n++)
        CHECK(n < 20000);
    printf("# %llu allocations\n", (unsigned long long)n - 1);
    CHECK(n > 100);
    train_set_clear(&set);
}

TEST_MAIN
