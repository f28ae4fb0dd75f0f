#include "mal_test.h"

#include <stdatomic.h>

static void add_one(void *arg) {
    atomic_fetch_add((_Atomic int *)arg, 1);
}

TEST(a_thread_runs_and_is_waited_for) {
    _Atomic int n = 0;
    mal_thread *t = NULL;
    CHECK_OK(mal_thread_start(&t, add_one, &n));
    mal_thread_join(&t);
    CHECK(!t);
    CHECK_EQ(n, 1);
}

static mal_err mark(void *ctx, size_t i) {
    atomic_fetch_add(&((_Atomic int *)ctx)[i], 1);
    return MAL_OK;
}

TEST(every_round_of_a_parallel_loop_runs_once) {
    static _Atomic int seen[1000];
    for (unsigned threads = 0; threads < 9; threads++) {
        memset((void *)seen, 0, sizeof seen);
        CHECK_OK(mal_parallel(threads, 1000, mark, (void *)seen));
        for (int i = 0; i < 1000; i++)
            CHECK_EQ(seen[i], 1);
    }
    CHECK_OK(mal_parallel(4, 0, mark, NULL));
    CHECK_OK(mal_parallel(100000, 1000, mark, (void *)seen));
}

static mal_err fail_from(void *ctx, size_t i) {
    MAL_REQUIRE(i < *(size_t *)ctx, MAL_E_INPUT, "round %zu failed", i);
    return MAL_OK;
}

TEST(a_failing_round_stops_the_loop_and_tells_why) {
    size_t from = 0;
    CHECK_ERR(mal_parallel(1, 100, fail_from, &from), MAL_E_INPUT);
    CHECK_STR(mal_err_message(), "round 0 failed");
    for (from = 0; from < 100; from += 7) {
        mal_err_forget();
        CHECK_ERR(mal_parallel(4, 100, fail_from, &from), MAL_E_INPUT);
        CHECK(strncmp(mal_err_message(), "round ", 6) == 0);
        CHECK(strstr(mal_err_trail(), "unit_thread.c"));
        CHECK(strstr(mal_err_trail(), "thread.c"));
    }
}

static void forget(void *arg) {
    (void)arg;
    mal_err_forget();
}

TEST(failures_of_another_thread_are_its_own) {
    size_t from = 0;
    mal_err_forget();
    mal_thread *t = NULL;
    CHECK_OK(mal_thread_start(&t, forget, NULL));
    CHECK_EQ(fail_from(&from, 3), MAL_E_INPUT);
    mal_thread_join(&t);
    CHECK_STR(mal_err_message(), "round 3 failed");
}

static void work_5_ms(void *arg) {
    (void)arg;
    uint64_t start = mal_time_thread_ns();
    while (mal_time_thread_ns() - start < 5000000)
        continue;
}

TEST(a_threads_clock_stands_while_another_works) {
    uint64_t own = mal_time_thread_ns(), all = mal_time_cpu_ns();
    mal_thread *t = NULL;
    CHECK_OK(mal_thread_start(&t, work_5_ms, NULL));
    mal_thread_join(&t);
    own = mal_time_thread_ns() - own;
    all = mal_time_cpu_ns() - all;
    CHECK_THAT(own + 4000000 < all, "%llu ns of %llu are this thread's",
               (unsigned long long)own, (unsigned long long)all);
}

TEST(there_is_at_least_one_processor) {
    CHECK(mal_cpus() >= 1);
}

TEST_MAIN
