/* The n-th allocation fails, for every n, while keys are put on disk: what lies
 * there is all of them, or none. */
#include "psi_scene.h"

static mal_err fill(mal_psi_big *big) {
    mal_psi_key keys[300];
    for (uint64_t i = 0; i < 300; i++)
        psi_key_of(&keys[i], i);
    MAL_TRY(mal_psi_big_add(big, keys, 300));
    return mal_psi_big_seal(big);
}

static mal_err whole(const mal_psi_big_options *o) {
    MAL_AUTO(mal_psi_big_auto) mal_psi_big *big = NULL;
    MAL_TRY(mal_psi_big_open(&big, o));
    return mal_psi_big_filled(big) ? MAL_OK : fill(big);
}

TEST(keys_on_disk_are_all_there_or_none_whatever_allocation_fails) {
    static const uint8_t seal[32] = { 9 };
    mal_psi_big_options o = { .bucket_rows = 100,
                              .dir = mal_test_dir(),
                              .key = { seal, 32 },
                              .receiver = true };
    uint64_t n = 1;
    o.params.receiver_max = o.params.sender_max = 300;
    for (mal_err err = MAL_E_MEMORY; err != MAL_OK; n++) {
        mal_psi_big *big;
        mal_alloc_fail_at(n);
        err = whole(&o);
        mal_alloc_fail_at(0);
        CHECK(err == MAL_OK || err == MAL_E_MEMORY);
        CHECK_OK(mal_psi_big_open(&big, &o));
        CHECK_EQ(mal_psi_big_rows(big), mal_psi_big_filled(big) ? 300 : 0);
        CHECK(err != MAL_OK || mal_psi_big_filled(big));
        mal_psi_big_close(big);
    }
    printf("# %llu allocations\n", (unsigned long long)n);
    CHECK(n > 10);
    CHECK_OK(mal_dir_remove(o.dir));
}

TEST(refuses_what_does_not_fit) {
    static const uint8_t seal[32] = { 9 };
    mal_psi_big *big;
    mal_psi_big_options o = { .dir = "/nowhere", .key = { seal, 31 } };
    o.params.receiver_max = o.params.sender_max = 300;
    CHECK_ERR(mal_psi_big_open(&big, &o), MAL_E_INPUT); /* a short key */
    o.key.len = 32;
    o.params.sender_max = UINT64_C(1) << 60;
    CHECK_ERR(mal_psi_big_open(&big, &o), MAL_E_INPUT);
    o.params.sender_max = 0;
    CHECK_ERR(mal_psi_big_open(&big, &o), MAL_E_INPUT);
    CHECK(big == NULL);
    mal_psi_big_close(NULL);
}

TEST_MAIN
