#include "mal_test.h"

TEST(heap_memory_is_zeroed_and_grows_with_its_content) {
    uint8_t *p = mal_calloc(10, 3);
    CHECK(p);
    for (int i = 0; i < 30; i++)
        CHECK_EQ(p[i], 0);
    memset(p, 7, 30);
    p = mal_realloc(p, 30, 100);
    CHECK(p);
    CHECK_EQ(p[29], 7);
    CHECK_EQ(p[30], 0);
    CHECK_EQ(p[99], 0);
    p = mal_realloc(p, 100, 2);
    CHECK_EQ(p[1], 7);
    mal_free(p);
    mal_free(NULL);
}

TEST(an_allocation_can_be_made_to_fail) {
    uint64_t before = mal_alloc_count();
    mal_alloc_fail_at(2);
    void *first = mal_calloc(1, 1), *second = mal_calloc(1, 1);
    void *third = mal_calloc(1, 1);
    mal_alloc_fail_at(0);
    CHECK(first && !second && third);
    CHECK_EQ(mal_alloc_count() - before, 3);
    mal_free(first);
    mal_free(third);
}

TEST(large_memory_is_zeroed_whatever_its_size_and_can_fail) {
    static const size_t sizes[] = { 0, 100, (1 << 20) - 1, 1 << 20, 5 << 20 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (unsigned again = 0; again < 2; again++) {
            uint8_t *p = mal_large_new(sizes[i]);
            CHECK(p);
            for (size_t k = 0; k < sizes[i]; k += 997)
                CHECK(p[k] == 0);
            memset(p, 0xee, sizes[i]);
            mal_wipe(p, sizes[i]);
            mal_large_free(p, sizes[i]);
            mal_alloc_fail_at(1);
            CHECK(!mal_large_new(sizes[i]));
        }
    CHECK(!mal_large_new(SIZE_MAX));
    mal_large_free(NULL, 1 << 21);
}

TEST(no_more_than_a_bound_of_large_memory_is_kept) {
    enum { N = 40 };
    void *p[N];
    for (unsigned i = 0; i < N; i++)
        CHECK((p[i] = mal_large_new((size_t)(3 + i % 3) << 20)));
    for (unsigned i = 0; i < N; i++)
        mal_large_free(p[i], (size_t)(3 + i % 3) << 20);
    void *big = mal_large_new((size_t)200 << 20);
    CHECK(big);
    mal_large_free(big, (size_t)200 << 20);
    CHECK((p[0] = mal_large_new((size_t)5 << 20)) == p[N - 2]);
    mal_large_free(p[0], (size_t)5 << 20);
}

TEST(arena_memory_is_zeroed_aligned_and_apart) {
    MAL_AUTO(mal_arena_auto) mal_arena *a = mal_arena_new((size_t)64 << 20);
    CHECK(a);
    uint8_t *last = NULL;
    for (size_t size = 0; size < 3000; size += 7) {
        uint8_t *p = mal_arena_alloc(a, size);
        CHECK(p && (uintptr_t)p % 16 == 0 && p != last);
        for (size_t i = 0; i < size; i++)
            CHECK_EQ(p[i], 0);
        memset(p, 0xff, size);
        last = p;
    }
    uint8_t *big = mal_arena_calloc(a, 5, 1 << 20);
    CHECK(big && big[0] == 0 && big[(5 << 20) - 1] == 0);
    memset(big, 1, 5 << 20);
    uint8_t *small = mal_arena_alloc(a, 1);
    CHECK(small && *small == 0);
    CHECK(mal_arena_used(a) > (size_t)5 << 20);
}

TEST(arena_copies_and_formats_text) {
    MAL_AUTO(mal_arena_auto) mal_arena *a = mal_arena_new(1 << 20);
    CHECK_STR(mal_arena_strdup(a, "flights"), "flights");
    CHECK_STR(mal_arena_strndup(a, "flights", 3), "fli");
    CHECK_STR(mal_arena_strndup(a, NULL, 0), "");
    CHECK_STR(mal_arena_printf(a, "%s.%d", "jfk", 42), "jfk.42");
}

TEST(arena_fills_its_limit_exactly) {
    MAL_AUTO(mal_arena_auto) mal_arena *a = mal_arena_new(64);
    CHECK(mal_arena_alloc(a, 48));
    CHECK(mal_arena_alloc(a, 16));
    CHECK_EQ(mal_arena_used(a), 64);
    CHECK(!mal_arena_alloc(a, 0));
}

TEST(key_pages_hold_what_was_put_in) {
    for (size_t len = 1; len <= MAL_KEY_MAX; len = len * 2 + 1) {
        MAL_AUTO(mal_key_clear) mal_key key = { 0 };
        CHECK_OK(mal_key_alloc(&key, len));
        CHECK_EQ(key.len, len);
        for (size_t i = 0; i < len; i++)
            CHECK_EQ(key.ptr[i], 0);
        memset(key.ptr, 0x5a, len);
        MAL_AUTO(mal_key_clear) mal_key twin = { 0 };
        CHECK_OK(mal_key_from(&twin, mal_key_view(&key)));
        CHECK(mal_equal(twin.ptr, key.ptr, len));
    }
    MAL_AUTO(mal_key_clear) mal_key largest = { 0 };
    CHECK_OK(mal_key_alloc(&largest, MAL_KEY_MAX));
}

TEST(a_key_can_be_replaced_by_a_part_of_itself) {
    MAL_AUTO(mal_key_clear) mal_key key = { 0 };
    CHECK_OK(mal_key_from(&key, mal_bytes_str("0123456789")));
    CHECK_OK(mal_key_from(&key, mal_bytes_of(key.ptr + 4, 3)));
    CHECK_EQ(key.len, 3);
    CHECK(mal_equal(key.ptr, "456", 3));
}

TEST(clearing_nothing_is_fine_and_clearing_twice_too) {
    mal_key key = { 0 };
    mal_key_clear(&key);
    mal_key_clear(NULL);
    CHECK_OK(mal_key_alloc(&key, 32));
    mal_key_clear(&key);
    CHECK(!key.ptr && key.len == 0);
    mal_key_clear(&key);
    mal_arena_free(NULL);
    mal_buf buf = { 0 };
    mal_buf_clear(&buf);
    mal_buf_clear(NULL);
    mal_chan *chan = NULL;
    mal_chan_close(&chan);
    mal_thread *thread = NULL;
    mal_thread_join(&thread);
}

TEST(wiping_leaves_zeroes_and_comparing_sees_one_bit) {
    uint8_t a[100], b[100];
    memset(a, 3, sizeof a);
    memset(b, 3, sizeof b);
    CHECK(mal_equal(a, b, sizeof a));
    CHECK(mal_equal(a, b, 0));
    for (size_t bit = 0; bit < 8 * sizeof a; bit += 37) {
        b[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        CHECK(!mal_equal(a, b, sizeof a));
        b[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    mal_wipe(a, sizeof a);
    for (size_t i = 0; i < sizeof a; i++)
        CHECK_EQ(a[i], 0);
    CHECK(mal_compare_vartime("ab", "ac", 2) < 0);
    CHECK(mal_compare_vartime("b", "a", 1) > 0);
    CHECK(mal_compare_vartime(NULL, NULL, 0) == 0);
}

TEST_MAIN
