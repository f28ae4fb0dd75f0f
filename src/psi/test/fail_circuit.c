/* The n-th allocation of a run fails, for every n: both sides end, with no
 * answer at who failed. */
#include "circuit_parties.h"

TEST(a_run_without_memory_ends_on_both_sides) {
    uint64_t seed = mal_test_seed(), n = 1;
    for (bool failed = true; failed; n += 1 + n / 16) {
        circuit_run r;
        run_new(&r, 2, 2, 1, 2, &seed);
        r.alloc_fail_at = n;
        run_go(&r);
        failed = r.err1 != MAL_OK || r.err2 != MAL_OK;
        if (failed)
            CHECK_THAT(r.err1 == MAL_E_MEMORY || r.err2 == MAL_E_MEMORY,
                       "allocation %llu: %s and %s", (unsigned long long)n,
                       mal_err_name(r.err1), mal_err_name(r.err2));
        if (r.err1 != MAL_OK)
            CHECK(r.y1[0] == 0 && r.y1[1] == 0);
        if (r.err2 != MAL_OK)
            CHECK(r.y2[0] == 0 && r.y2[1] == 0);
        run_done(&r);
    }
    printf("# %llu allocations in a run\n", (unsigned long long)n);
    CHECK(n > 20);
}

TEST_MAIN
