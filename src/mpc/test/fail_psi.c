/* The n-th allocation fails, for every n: no hang, no answer, no leak. */
#include "psi_parties.h"

TEST(every_failed_allocation_ends_both_parties) {
    uint64_t seed = mal_test_seed();
    bool all_well = false;
    uint64_t n = 0;
    while (!all_well) {
        psi_run r;
        mal_thread *t;
        psi_new(&r, 2, 2, 1, 1, 1, &seed);
        r.filter_params.filter_max = r.payload_params.filter_max = 3;
        r.filter_params.payload_max = r.payload_params.payload_max = 3;
        mal_alloc_fail_at(++n);
        if (mal_thread_start(&t, psi_filter_thread, &r) != MAL_OK) {
            mal_alloc_fail_at(0);
            psi_done(&r);
            continue;
        }
        psi_payload_thread(&r);
        mal_thread_join(&t);
        mal_alloc_fail_at(0);
        all_well = r.err1 == MAL_OK && r.err2 == MAL_OK;
        CHECK(r.err2 == MAL_OK || r.ciphertexts.len == 0);
        CHECK(r.err1 == MAL_OK || r.report1.matches == 0);
        if (!all_well)
            CHECK(r.err1 == MAL_E_MEMORY || r.err2 == MAL_E_MEMORY);
        psi_done(&r);
        CHECK(n < 2000);
    }
    printf("# %llu allocations\n", (unsigned long long)n - 1);
    CHECK(n > 20);
}

TEST(every_failed_allocation_of_opening_is_told) {
    uint64_t seed = mal_test_seed();
    psi_run r;
    int64_t answer;
    mal_err err = MAL_E_MEMORY;
    const mal_mpc_psi_open_options options = { 1 << 23, 1 };
    psi_new(&r, 1, 1, 0, 1, 1, &seed);
    psi_go(&r);
    for (uint64_t n = 1; err != MAL_OK; n++) {
        mal_alloc_fail_at(n);
        err = mal_mpc_psi_open(&answer, &r.sec, mal_buf_view(&r.ciphertexts),
                               &options, NULL);
        mal_alloc_fail_at(0);
        CHECK(err == MAL_OK || err == MAL_E_MEMORY);
    }
    psi_done(&r);
}

TEST_MAIN
