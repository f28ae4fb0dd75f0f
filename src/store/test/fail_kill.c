/* fail_kill.c - SIGKILL at any moment of an ingest or a removal: whole or
 * absent.
 *
 * A child process works on a store until it is killed; then the store is opened
 * again and must hold a whole number of whole versions, each logged once.
 */
#include "store_test.h"

#include <signal.h>
#include <sys/wait.h>

#define HEADER "email,region,age,spend,ssn\n"

/* Add and remove until killed. */
static void work(house *h, const char *csv) {
    h->kms = NULL; /* a fork wipes the keys */
    CHECK_OK(mal_kms_open(&h->kms, in_house(h, "keys")));
    house_open(h);
    for (;;) {
        mal_err err = mal_store_add(h->store, &h->report, h->arena, h->contract,
                                    "acme.customers", csv, NULL);
        if (err != MAL_OK)
            _exit(3);
        if (h->report.version % 3 == 0 &&
            mal_store_remove(h->store, h->contract->room_id, "acme.customers",
                             h->report.version - 1) != MAL_OK)
            _exit(4);
    }
}

TEST(an_ingest_killed_at_a_random_moment_is_whole_or_absent) {
    MAL_AUTO(house_clear) house h = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf csv = { 0 };
    uint64_t seed = mal_test_seed();
    const char *text;

    house_make(&h, CUSTOMERS, 1000);
    CHECK_OK(mal_buf_put_str(&csv, HEADER));
    for (unsigned i = 0; i < 700; i++)
        CHECK_OK(mal_buf_put_fmt(&csv, "u%u@x.org,south,30,%u,s\n", i, i));
    CHECK_OK(mal_buf_cstr(&csv, &text));
    CHECK_OK(add(&h, text));
    char path[8192];
    snprintf(path, sizeof path, "%s", in_house(&h, "in.csv"));
    mal_store_close(h.store);
    mal_audit_log_close(h.log);
    h.store = NULL;
    h.log = NULL;
    for (int round = 0; round < 25; round++) {
        fflush(stdout);
        pid_t pid = fork();
        if (pid == 0)
            work(&h, path);
        usleep((useconds_t)(1000 + mal_test_rand(&seed) % 600000));
        kill(pid, SIGKILL);
        int status;
        CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
        mal_kms_close(h.kms);
        h.kms = NULL;
        CHECK_OK(mal_kms_open(&h.kms, in_house(&h, "keys")));
        house_open(&h);
        house_check(&h, 700);
        mal_store_close(h.store);
        mal_audit_log_close(h.log);
        h.store = NULL;
        h.log = NULL;
    }
    house_open(&h);
}

TEST_MAIN
