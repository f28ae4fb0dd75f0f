/* kill -9 at any instruction, and memory that runs out at any allocation. */
#include "ledger_case.h"
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

/* The child holds, signs and spends jobs, and after each durable answer writes
 * to shared memory what it would then have released. */
typedef struct promise {
    volatile uint64_t held, spent; /* nano, answered as durable */
    volatile uint64_t next;        /* job id */
} promise;

static void child(const char *path, promise *p) {
    world w;
    world_open(&w, path);
    w.limits[0].epsilon_nano = 1000000 * MAL_DP_NANO;
    w.limits[0].delta_64 = (uint64_t)1 << 40;
    for (;;) {
        if (hold_at(&w, p->next++, NOW) != MAL_OK)
            _exit(1);
        p->held += MAL_DP_NANO / 2;
        if (spend_at(&w, NOW) != MAL_OK)
            _exit(2);
        p->spent += MAL_DP_NANO / 2;
    }
}

TEST(
    a_killed_ledger_has_spent_at_least_what_was_released_and_never_less_again) {
    uint64_t state = mal_test_seed();
    char path[4200];
    snprintf(path, sizeof path, "%s/ledger", mal_test_dir());
    promise *p = mmap(NULL, sizeof *p, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(p != MAP_FAILED);
    p->next = 1;
    uint64_t before = 0;
    for (int round = 0; round < 60; round++) {
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0)
            child(path, p);
        usleep((useconds_t)(mal_test_rand(&state) % 60000));
        CHECK(kill(pid, SIGKILL) == 0);
        int status;
        CHECK(waitpid(pid, &status, 0) == pid);
        CHECK(WIFSIGNALED(status)); /* it did not end by itself, on an error */

        world w;
        world_open(&w, path);
        mal_dp_balance b = balance_at(&w, 0, NOW);
        uint64_t sum = b.held_nano + b.spent_nano;
        CHECK_THAT(b.spent_nano >= p->spent, "spent %llu, released %llu",
                   (unsigned long long)b.spent_nano,
                   (unsigned long long)p->spent);
        CHECK(sum >= p->held);
        CHECK(sum >= before);
        CHECK(sum <= p->next * (MAL_DP_NANO / 2));
        before = sum;
        world_close(&w);
        p->next++; /* the job that was cut off may be there */
    }
    printf("# %llu jobs over 60 kills\n", (unsigned long long)p->next);
    munmap(p, sizeof *p);
}

/* One whole life of a job; the first failure, if any. */
static mal_err life(mal_dp_ledger *ledger, world *w, uint64_t id) {
    const char *from = "customers@1";
    char version[32];
    snprintf(version, sizeof version, "customers@%llu",
             (unsigned long long)id + 1);
    MAL_TRY(mal_dp_ledger_register(ledger, version, &from, 1, NULL));
    w->ledger = ledger;
    MAL_TRY(hold_at(w, id, NOW));
    MAL_TRY(spend_at(w, NOW));
    MAL_TRY(mal_dp_ledger_abort(ledger, w->hold.job_id, "agency"));
    mal_dp_balance b;
    return mal_dp_ledger_balance(ledger, &b, &w->limits[0], "agency", "reach",
                                 "m", NOW);
}

TEST(when_memory_runs_out_the_ledger_says_so_and_stays_whole) {
    world w;
    world_open(&w, ":memory:");
    w.limits[0].epsilon_nano = 1000000 * MAL_DP_NANO;
    w.limits[0].delta_64 = (uint64_t)1 << 40;
    uint64_t failures = 0;
    for (uint64_t n = 1;; n++) {
        mal_alloc_fail_at(n);
        mal_err err = life(w.ledger, &w, n);
        mal_alloc_fail_at(0);
        mal_dp_balance b = balance_at(&w, 0, NOW);
        CHECK_EQ((b.held_nano + b.spent_nano) % (MAL_DP_NANO / 2), 0);
        CHECK_EQ(b.delta_64,
                 (b.held_nano + b.spent_nano) / (MAL_DP_NANO / 2) * 10);
        if (err == MAL_OK)
            break;
        CHECK_THAT(err == MAL_E_MEMORY, "%s", mal_err_trail());
        failures++;
    }
    printf("# %llu allocations failed in turn\n", (unsigned long long)failures);
    CHECK(failures > 10);
    world_close(&w);
}

TEST(when_memory_runs_out_a_ledger_does_not_open) {
    CHECK_OK(mal_prim_init());
    for (uint64_t n = 1;; n++) {
        mal_dp_ledger *ledger = NULL;
        mal_alloc_fail_at(n);
        mal_err err = mal_dp_ledger_open(&ledger, ":memory:");
        mal_alloc_fail_at(0);
        mal_dp_ledger_close(ledger);
        if (err == MAL_OK)
            break;
        CHECK_EQ(err, MAL_E_MEMORY);
        CHECK(!ledger);
    }
}

TEST(when_memory_runs_out_noise_and_quotes_fail_cleanly) {
    for (uint64_t n = 1;; n++) {
        mal_dp_noise *noise = NULL;
        uint64_t h;
        mal_alloc_fail_at(n);
        mal_err err = mal_dp_noise_new(&noise, (mal_dp_scale){ 10, 1 }, 2);
        if (err == MAL_OK)
            err = mal_dp_halfwidth(&h, (mal_dp_scale){ 10, 1 }, 3, 2);
        mal_alloc_fail_at(0);
        mal_dp_noise_free(noise);
        if (err == MAL_OK)
            break;
        CHECK_EQ(err, MAL_E_MEMORY);
    }
}

TEST_MAIN
