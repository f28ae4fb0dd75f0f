/* The n-th allocation fails, for every n: an error, no leak, no half state. */
#include "mal_test.h"

static mal_err everything(const char *dir) {
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(1 << 20);
    MAL_AUTO(mal_buf_clear) mal_buf b = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    MAL_AUTO(mal_key_clear) mal_key key = { 0 };
    mal_chan *x = NULL, *y = NULL;
    char path[5000];
    if (!arena)
        return MAL_E_MEMORY;
    for (int i = 0; i < 40; i++)
        if (!mal_arena_printf(arena, "%0500d", i))
            return MAL_E_MEMORY;
    for (uint64_t i = 0; i < 300; i++)
        MAL_TRY(mal_buf_put_u64(&b, i));
    MAL_TRY(mal_base64_encode(&text, mal_buf_view(&b)));
    mal_buf_reset(&b);
    MAL_TRY(mal_base64_decode(&b, mal_buf_view(&text)));
    MAL_TRY(mal_key_from(&key, mal_bytes_of(b.ptr, 64)));
    snprintf(path, sizeof path, "%s/file", dir);
    MAL_TRY(mal_file_write(path, mal_buf_view(&b), 0600));
    mal_buf_clear(&b);
    MAL_TRY(mal_file_read(&b, path, 1 << 20));
    MAL_TRY(mal_chan_pair(&x, &y, 1000));
    mal_err err = mal_chan_send(x, mal_buf_view(&b));
    if (err == MAL_OK)
        err = mal_chan_recv(y, &text, 1 << 20);
    mal_chan_close(&x);
    mal_chan_close(&y);
    return err;
}

TEST(every_failing_allocation_is_an_error_and_leaks_nothing) {
    const char *dir = mal_test_dir();
    uint64_t before = mal_alloc_count();
    CHECK_OK(everything(dir));
    uint64_t n = mal_alloc_count() - before;
    CHECK(n > 15 && n < 200);
    for (uint64_t i = 1; i <= n; i++) {
        mal_alloc_fail_at(i);
        mal_err err = everything(dir);
        mal_alloc_fail_at(0);
        CHECK_THAT(err == MAL_E_MEMORY, "allocation %llu: %s",
                   (unsigned long long)i, mal_err_name(err));
    }
    CHECK_OK(everything(dir));
    CHECK_OK(mal_dir_remove(dir));
}

static mal_err count_one(void *ctx, size_t i) {
    (void)i;
    __atomic_fetch_add((int *)ctx, 1, __ATOMIC_SEQ_CST);
    return MAL_OK;
}

TEST(a_parallel_loop_runs_with_the_threads_it_gets) {
    for (uint64_t n = 1; n < 5; n++) {
        int rounds = 0;
        mal_alloc_fail_at(n);
        CHECK_OK(mal_parallel(4, 100, count_one, &rounds));
        mal_alloc_fail_at(0);
        CHECK_EQ(rounds, 100);
    }
}

static mal_err greet(void *ctx, mal_mesh *mesh) {
    (void)ctx;
    uint8_t seen;
    for (unsigned j = 0; j < mesh->n; j++)
        if (j != mesh->me)
            MAL_TRY(mal_chan_send(mesh->chan[j], mal_bytes_of("", 1)));
    for (unsigned j = 0; j < mesh->n; j++)
        if (j != mesh->me)
            MAL_TRY(mal_chan_recv_exact(mesh->chan[j], &seen, 1));
    return MAL_OK;
}

/* Wherever it is short of memory, at a thread or in a party: no hang, and the
 * failure itself is told, not that a peer is lost. */
TEST(parties_that_run_out_of_memory_end_all_together) {
    uint64_t before = mal_alloc_count();
    CHECK_OK(mal_mesh_run(3, 60000, greet, NULL));
    uint64_t n = mal_alloc_count() - before;
    CHECK(n > 15);
    for (uint64_t i = 1; i <= n; i++) {
        mal_alloc_fail_at(i);
        mal_err err = mal_mesh_run(3, 60000, greet, NULL);
        mal_alloc_fail_at(0);
        CHECK_THAT(err == MAL_E_MEMORY, "allocation %llu: %s",
                   (unsigned long long)i, mal_err_name(err));
    }
}

TEST(a_buffer_that_cannot_grow_keeps_its_content) {
    MAL_AUTO(mal_buf_clear) mal_buf b = { 0 };
    CHECK_OK(mal_buf_put_str(&b, "kept"));
    mal_alloc_fail_at(1);
    mal_err err = mal_buf_reserve(&b, 1000);
    mal_alloc_fail_at(0);
    CHECK_EQ(err, MAL_E_MEMORY);
    CHECK(b.len == 4 && mal_equal(b.ptr, "kept", 4));
}

TEST_MAIN
