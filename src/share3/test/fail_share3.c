/* The n-th allocation fails, for every n: no hang, no crash, no false answer.
 */
#include "every_call.h"

TEST(every_failed_allocation_ends_the_run_at_all_three) {
    size_t rows = 3;
    bool all_well = false;
    uint64_t n = 0;
    while (!all_well) {
        static trio t;
        trio_init(&t);
        t.fail_at = ++n;
        trio_go(&t, every_body, &rows);
        mal_alloc_fail_at(0);
        unsigned well = 0, told = 0;
        for (unsigned i = 0; i < 3; i++) {
            well += t.p[i].err == MAL_OK;
            told += t.p[i].err == MAL_E_MEMORY;
        }
        all_well = well == 3;
        /* Whoever is still to open learns that another is gone; who has got
         * all may be done. */
        CHECK(all_well || told == 1);
        CHECK(n < 5000);
    }
    printf("# %llu allocations\n", (unsigned long long)n - 1);
    CHECK(n > 100);
}

TEST_MAIN
