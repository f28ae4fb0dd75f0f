/* kill_ingest.c - an ingest and a removal, and the question whether they held.
 *
 *     kill_ingest run DIR               add a version, remove the one before
 *     kill_ingest sweep KILLPOINT STEP  kill `run` at every STEP-th point (TAP)
 *
 * After each kill the store is opened again: every visible version must be
 * whole and logged once, and the same work must succeed.
 */
#include "../../src/store/test/store_test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#define ROWS 50

static char self[4096];

static void write_rows(house *h) {
    MAL_AUTO(mal_buf_clear) mal_buf csv = { 0 };
    const char *text;
    CHECK_OK(mal_buf_put_str(&csv, "email,region,age,spend,ssn\n"));
    for (unsigned i = 0; i < ROWS; i++)
        CHECK_OK(mal_buf_put_fmt(&csv, "u%u@x.org,south,30,%u,s\n", i, i));
    CHECK_OK(mal_buf_cstr(&csv, &text));
    (void)write_csv(h, text);
}

/* A folder that house_make has made before. */
static void enter(house *h, const char *dir) {
    CHECK_OK(mal_prim_init());
    snprintf(h->root, sizeof h->root, "%s", dir);
    h->arena = mal_arena_new((size_t)256 << 20);
    CHECK_OK(mal_kms_open(&h->kms, in_house(h, "keys")));
    h->contract = contract_of(h, CUSTOMERS, 1000, NULL);
    house_open(h);
}

static void leave(house *h) {
    mal_store_close(h->store);
    mal_audit_log_close(h->log);
    mal_kms_close(h->kms);
    mal_arena_free(h->arena);
    *h = (house){ 0 };
}

static mal_err work(house *h) {
    MAL_TRY(mal_store_add(h->store, &h->report, h->arena, h->contract,
                          "acme.customers", in_house(h, "in.csv"), NULL));
    return mal_store_remove(h->store, h->contract->room_id, "acme.customers",
                            h->report.version - 1);
}

static int run_command(char *const *args, bool quiet) {
    int status = 0;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY);
        if (quiet)
            dup2(null, 2);
        dup2(null, 1);
        execvp(args[0], args);
        _exit(126);
    }
    while (waitpid(pid, &status, 0) < 0)
        continue;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int killed_at(char *killpoint, char *dir, unsigned n) {
    char at[16], dash_n[] = "-n", dash_o[] = "-o", null[] = "/dev/null",
                 dashes[] = "--", verb[] = "run";
    snprintf(at, sizeof at, "%u", n);
    char *args[] = { killpoint, dash_n, at,   dash_o, null,
                     dashes,    self,   verb, dir,    NULL };
    return run_command(args, false);
}

static void copy(char *from, char *to) {
    char cp[] = "cp", a[] = "-a";
    char *args[] = { cp, a, from, to, NULL };
    CHECK_OK(mal_dir_remove(to));
    CHECK_EQ(run_command(args, false), 0);
}

static int sweep(char *killpoint, unsigned step) {
    house h = { 0 };
    char root[1024], model[1040], dir[1040];
    unsigned n = 1, rounds = 0;
    int status;

    snprintf(root, sizeof root, "%.1000s", mal_test_dir());
    snprintf(model, sizeof model, "%s/model", root);
    snprintf(dir, sizeof dir, "%s/house", root);
    snprintf(h.root, sizeof h.root, "%s", model);
    CHECK_OK(mal_dir_make(model, 0700));
    house_make(&h, CUSTOMERS, 1000);
    write_rows(&h);
    mal_err err = mal_store_add(h.store, &h.report, h.arena, h.contract,
                                "acme.customers", in_house(&h, "in.csv"), NULL);
    if (err == MAL_E_MISSING && strstr(mal_err_message(), "no malus-duck"))
        SKIP("malus-duck is not built: run tools/fetch_duckdb.sh");
    CHECK_OK(err);
    leave(&h);
    do {
        copy(model, dir);
        status = killed_at(killpoint, dir, n);
        CHECK_THAT(status == 137 || status == 0, "at %u: status %d", n, status);
        /* And killed again on the way up: recovery must be as good. */
        if (rounds % 3 == 0)
            CHECK(killed_at(killpoint, dir, 1 + rounds % 17) != 125);
        enter(&h, dir);
        house_check(&h, ROWS);
        CHECK_OK(work(&h));
        house_check(&h, ROWS);
        leave(&h);
        n += step;
        rounds++;
    } while (status == 137);
    printf("# killed at %u of %u points\n", rounds - 1, n - step - 1);
    CHECK_OK(mal_dir_remove(root));
    return 0;
}

static char *killpoint_path;
static unsigned step_size = 1;

TEST(an_ingest_killed_at_a_write_sync_or_rename_is_whole_or_absent) {
    CHECK_EQ(sweep(killpoint_path, step_size), 0);
}

int main(int argc, char **argv) {
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = 0;
    if (argc == 3 && strcmp(argv[1], "run") == 0) {
        house h = { 0 };
        if (setjmp(mal_test_exit))
            return 1;
        enter(&h, argv[2]);
        mal_err err = work(&h);
        if (err != MAL_OK)
            fprintf(stderr, "%s\n", mal_err_trail());
        leave(&h);
        return err != MAL_OK;
    }
    if (argc < 3 || strcmp(argv[1], "sweep") != 0)
        return 2;
    killpoint_path = argv[2];
    step_size = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 1;
    return mal_test_main(1, argv);
}
