/* The n-th allocation, or the n-th call of a channel, fails, for every n: both
 * sides end, and who failed has no answer. */
#include "psi_scene.h"

static bool no_hits(const psi_scene *c) {
    return c->hits[0] == 0;
}

TEST(a_run_without_memory_ends_on_both_sides) {
    for (unsigned s = 0; s < 2; s++) {
        uint64_t n = 1;
        for (bool failed = true; failed; n += 1 + n / 64) {
            psi_scene c;
            psi_scene_new(&c, 9, 9, 3,
                          s ? MAL_PSI_SEMI_HONEST : MAL_PSI_MALICIOUS);
            c.x.merge = true;
            c.alloc_fail_at = n;
            psi_scene_go(&c);
            failed = c.r_err != MAL_OK || c.s_err != MAL_OK;
            if (failed)
                CHECK_THAT(c.r_err == MAL_E_MEMORY || c.s_err == MAL_E_MEMORY,
                           "allocation %llu: %s and %s", (unsigned long long)n,
                           mal_err_name(c.r_err), mal_err_name(c.s_err));
            if (c.r_err != MAL_OK)
                CHECK(no_hits(&c));
            psi_scene_done(&c);
        }
        printf("# %llu allocations in a run\n", (unsigned long long)n);
        CHECK(n > 20);
    }
}

TEST(a_run_whose_channel_fails_ends_on_both_sides) {
    for (unsigned side = 0; side < 2; side++) {
        uint64_t n = 1;
        for (bool failed = true; failed; n++) {
            psi_scene c;
            psi_scene_new(&c, 9, 9, 3, MAL_PSI_MALICIOUS);
            (side ? &c.s : &c.r)->fail_at = n;
            psi_scene_go(&c);
            failed = c.r_err != MAL_OK || c.s_err != MAL_OK;
            if (failed)
                CHECK_EQ(side ? c.s_err : c.r_err, MAL_E_IO);
            if (c.r_err != MAL_OK)
                CHECK(no_hits(&c));
            psi_scene_done(&c);
        }
        printf("# %llu calls of the channel\n", (unsigned long long)n);
        CHECK(n > 5);
    }
}

TEST_MAIN
