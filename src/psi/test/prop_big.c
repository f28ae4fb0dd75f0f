/* Sets larger than memory: buckets, copies, kills and repeats. */
#include "psi_scene.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

static char dirs[2][4200];

static void fresh_dirs(void) {
    const char *base = mal_test_dir();
    for (unsigned i = 0; i < 2; i++)
        snprintf(dirs[i], sizeof dirs[i], "%s/%u", base, i);
}

static mal_psi_big_options options_of(bool receiver, uint64_t nx, uint64_t ny) {
    static const uint8_t seal[32] = { 9 };
    mal_psi_big_options o = { .bucket_rows = 1000,
                              .dir = dirs[receiver ? 0 : 1],
                              .key = { seal, 32 },
                              .receiver = receiver };
    o.params.receiver_max = nx;
    o.params.sender_max = ny;
    o.params.security = MAL_PSI_SEMI_HONEST;
    o.params.session[0] = 1;
    return o;
}

/* Every third key of the receiver twice in a row. */
static uint64_t receiver_key(uint64_t row) {
    return row - row % 3 / 2;
}

static mal_err fill(mal_psi_big *big, bool receiver, uint64_t n) {
    for (uint64_t i = 0; i < n; i += 700) {
        mal_psi_key keys[700];
        uint64_t len = n - i < 700 ? n - i : 700;
        for (uint64_t j = 0; j < len; j++)
            psi_key_of(&keys[j], receiver ? receiver_key(i + j) : 4000 + i + j);
        MAL_TRY(mal_psi_big_add(big, keys, len));
    }
    return mal_psi_big_seal(big);
}

typedef struct party {
    mal_psi_big_options options;
    uint64_t n;
    mal_chan *chan;
    mal_err err;
    const mal_progress *progress;
    bool was_filled;
} party;

static mal_err play(party *p) {
    MAL_AUTO(mal_psi_big_auto) mal_psi_big *big = NULL;
    MAL_TRY(mal_psi_big_open(&big, &p->options));
    p->was_filled = mal_psi_big_filled(big);
    if (!p->was_filled)
        MAL_TRY(fill(big, p->options.receiver, p->n));
    return mal_psi_big_run(big, p->chan, p->progress);
}

static mal_err play_one(void *ctx, mal_mesh *mesh) {
    party *p = (party *)ctx + mesh->me;
    p->chan = mesh->chan[1 - mesh->me];
    return p->err = play(p);
}

/* The caller looks at err of each. */
static void play_both(party p[2]) {
    p[0].err = p[1].err = MAL_E_STATE; /* has not run */
    mal_err err = mal_mesh_run(2, 20000, play_one, p);
    (void)err;
}

static void check_hits(const mal_psi_big_options *o, uint64_t nx, uint64_t ny) {
    mal_psi_big *big;
    CHECK_OK(mal_psi_big_open(&big, o));
    CHECK_EQ(mal_psi_big_rows(big), nx);
    uint64_t *hits = calloc(nx / 64 + 1, 8);
    CHECK_OK(mal_psi_big_hits(big, hits));
    for (uint64_t i = 0; i < nx; i++)
        CHECK_EQ(hits[i / 64] >> (i % 64) & 1,
                 receiver_key(i) >= 4000 && receiver_key(i) < 4000 + ny);
    free(hits);
    mal_psi_big_close(big);
}

static void two_parties(party p[2], uint64_t nx, uint64_t ny) {
    memset(p, 0, 2 * sizeof *p);
    p[0].options = options_of(true, nx, ny);
    p[1].options = options_of(false, nx, ny);
    p[0].n = nx;
    p[1].n = ny;
}

TEST(buckets_from_disk_agree_with_the_rule_and_copies_are_told) {
    party p[2];
    fresh_dirs();
    two_parties(p, 9000, 3000);
    play_both(p);
    CHECK_OK(p[0].err);
    CHECK_OK(p[1].err);
    check_hits(&p[0].options, 9000, 3000);
    CHECK_OK(mal_dir_remove(dirs[0]));
    CHECK_OK(mal_dir_remove(dirs[1]));
}

static mal_err stop_at(void *ctx, const char *stage, uint64_t done,
                       uint64_t total) {
    (void)stage;
    (void)total;
    if (done == *(uint64_t *)ctx)
        MAL_FAIL(MAL_E_CANCEL, "stopped at bucket %llu",
                 (unsigned long long)done);
    return MAL_OK;
}

TEST(a_run_that_stops_at_any_bucket_goes_on_there) {
    fresh_dirs();
    for (unsigned who = 0; who < 2; who++) {
        party p[2];
        for (uint64_t at = 1; at < 8; at += 3) {
            mal_progress stop = { stop_at, &at };
            two_parties(p, 8000, 3000);
            p[who].progress = &stop;
            play_both(p);
            CHECK_EQ(p[who].err, MAL_E_CANCEL);
            CHECK(p[1 - who].err != MAL_OK);
        }
        two_parties(p, 8000, 3000);
        play_both(p);
        CHECK_OK(p[0].err);
        CHECK_OK(p[1].err);
        CHECK(p[0].was_filled && p[1].was_filled);
        check_hits(&p[0].options, 8000, 3000);
        CHECK_OK(mal_dir_remove(dirs[0]));
        CHECK_OK(mal_dir_remove(dirs[1]));
    }
}

/* One party as a child that kills itself after `ms`, whatever it is at. */
static pid_t spawn(party *p, unsigned us) {
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        mal_psi_big *big = NULL;
        struct timespec pause = { 0, (long)us * 1000 };
        mal_err err = mal_psi_big_open(&big, &p->options);
        pid_t killer = us ? fork() : -1;
        if (killer == 0) {
            nanosleep(&pause, NULL);
            kill(getppid(), SIGKILL);
            _exit(0);
        }
        for (unsigned i = 0; err == MAL_OK && i < 40; i++) {
            if (mal_psi_big_filled(big))
                break;
            err = fill(big, p->options.receiver, p->n);
            mal_psi_big_close(big);
            if (err == MAL_OK)
                err = mal_psi_big_open(&big, &p->options);
        }
        _exit(err == MAL_OK ? 0 : 1);
    }
    return pid;
}

TEST(kill_minus_nine_while_filling_leaves_all_or_nothing) {
    uint64_t seed = mal_test_seed();
    unsigned killed = 0, whole = 0;
    party p[2];
    int status;
    fresh_dirs();
    two_parties(p, 9000, 3000);
    const uint64_t began = mal_time_monotonic_ns();
    waitpid(spawn(&p[0], 0), &status, 0);
    const uint64_t us = 1 + (mal_time_monotonic_ns() - began) / 1000;
    CHECK_OK(mal_dir_remove(dirs[0]));
    for (unsigned run = 0; run < 30 || (killed == 0 && run < 300); run++) {
        two_parties(p, 9000, 3000);
        const uint64_t at = 1 + mal_test_rand(&seed) % us; /* of one filling */
        waitpid(spawn(&p[0], (unsigned)(at < 999999 ? at : 999999)), &status,
                0);
        killed += WIFSIGNALED(status);
        mal_psi_big *big;
        CHECK_OK(mal_psi_big_open(&big, &p[0].options));
        whole += mal_psi_big_filled(big);
        CHECK_EQ(mal_psi_big_rows(big), mal_psi_big_filled(big) ? 9000 : 0);
        const bool again = mal_psi_big_filled(big);
        mal_psi_big_close(big);
        if (again)
            CHECK_OK(mal_dir_remove(dirs[0]));
    }
    printf("# %u killed, %u whole\n", killed, whole);
    CHECK(killed > 0);
    two_parties(p, 9000, 3000);
    play_both(p);
    CHECK_OK(p[0].err);
    CHECK_OK(p[1].err);
    check_hits(&p[0].options, 9000, 3000);
    CHECK_OK(mal_dir_remove(dirs[0]));
    CHECK_OK(mal_dir_remove(dirs[1]));
}

/* --- Killed while running ------------------------------------------------- */

typedef struct socket_chan {
    mal_chan chan;
    int fd;
} socket_chan;

static mal_err socket_send(mal_chan *chan, mal_bytes m) {
    uint8_t len[4];
    mal_store_u32le(len, (uint32_t)m.len);
    MAL_TRY(mal_fd_write(((socket_chan *)chan)->fd, mal_bytes_of(len, 4)));
    return mal_fd_write(((socket_chan *)chan)->fd, m);
}

static mal_err socket_recv(mal_chan *chan, mal_buf *m, size_t len_max) {
    uint8_t word[4];
    MAL_TRY(mal_fd_read(((socket_chan *)chan)->fd, word, 4));
    const size_t len = mal_load_u32le(word);
    MAL_REQUIRE(len <= len_max, MAL_E_PEER, "too long");
    mal_buf_reset(m);
    MAL_TRY(mal_buf_reserve(m, len));
    m->len = len;
    return mal_fd_read(((socket_chan *)chan)->fd, m->ptr, len);
}

static void socket_close(mal_chan *chan) {
    close(((socket_chan *)chan)->fd);
}

static const mal_chan_ops socket_ops = { socket_send, socket_recv,
                                         socket_close };

static pid_t play_in_child(party *p, int fd, int other) {
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        socket_chan c = { { .ops = &socket_ops }, fd };
        signal(SIGPIPE, SIG_IGN);
        close(other);
        p->chan = &c.chan;
        _exit(play(p) == MAL_OK ? 0 : 1);
    }
    return pid;
}

/* Both as processes; `us` > 0: one of them is killed after that time.  True if
 * both came to their end. */
static bool play_as_processes(party p[2], unsigned who, unsigned us) {
    int link[2], status[2];
    pid_t pid[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, link) == 0);
    for (unsigned i = 0; i < 2; i++)
        pid[i] = play_in_child(&p[i], link[i], link[1 - i]);
    close(link[0]);
    close(link[1]);
    if (us) {
        struct timespec pause = { 0, (long)us * 1000 };
        nanosleep(&pause, NULL);
        kill(pid[who], SIGKILL);
    }
    for (unsigned i = 0; i < 2; i++)
        CHECK(waitpid(pid[i], &status[i], 0) == pid[i]);
    return WIFEXITED(status[0]) && WEXITSTATUS(status[0]) == 0 &&
           WIFEXITED(status[1]) && WEXITSTATUS(status[1]) == 0;
}

TEST(kill_minus_nine_while_running_loses_no_bucket) {
    uint64_t seed = mal_test_seed();
    unsigned stopped = 0;
    for (unsigned run = 0; run < 4; run++) {
        party p[2];
        bool done = false;
        fresh_dirs();
        two_parties(p, 9000, 3000);
        /* At most as many kills as let a bucket begin once more. */
        for (unsigned i = 0; i + 1 < MAL_PSI_BIG_RUNS_MAX && !done; i++) {
            done = play_as_processes(
                p, run % 2, 30000 + (unsigned)(mal_test_rand(&seed) % 300000));
            stopped += !done;
        }
        if (!done)
            CHECK(play_as_processes(p, 0, 0));
        check_hits(&p[0].options, 9000, 3000);
        CHECK_OK(mal_dir_remove(dirs[0]));
        CHECK_OK(mal_dir_remove(dirs[1]));
    }
    printf("# %u runs were stopped\n", stopped);
}

/* Pitfall 10: a receiver may not have a bucket again and again. */
TEST(pitfall_10_a_bucket_is_not_repeated_without_end) {
    party p[2];
    uint64_t at = 1;
    mal_progress stop = { stop_at, &at };
    fresh_dirs();
    for (unsigned run = 0; run <= MAL_PSI_BIG_RUNS_MAX; run++) {
        two_parties(p, 2000, 2000);
        p[1].progress = &stop;
        play_both(p);
        /* The receiver says that it lost its verdict. */
        char path[4400];
        snprintf(path, sizeof path, "%s/hits.0", dirs[0]);
        CHECK_OK(mal_file_remove(path));
        CHECK_EQ(p[1].err,
                 run < MAL_PSI_BIG_RUNS_MAX ? MAL_E_CANCEL : MAL_E_DENIED);
    }
    CHECK_OK(mal_dir_remove(dirs[0]));
    CHECK_OK(mal_dir_remove(dirs[1]));
}

TEST(refuses_files_that_were_changed_or_have_another_key) {
    static const uint8_t other[32] = { 1 };
    party p[2];
    mal_psi_big *big;
    char path[4400];
    MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
    fresh_dirs();
    two_parties(p, 2000, 2000);
    CHECK_OK(mal_psi_big_open(&big, &p[0].options));
    CHECK_OK(fill(big, true, 2000));
    CHECK_ERR(mal_psi_big_add(big, NULL, 0), MAL_E_STATE);
    uint64_t hits[2000 / 64 + 1];
    CHECK_ERR(mal_psi_big_hits(big, hits), MAL_E_STATE);
    mal_psi_big_close(big);
    mal_psi_big_options o = p[0].options;
    o.key.ptr = other;
    CHECK_ERR(mal_psi_big_open(&big, &o), MAL_E_AUTH);
    snprintf(path, sizeof path, "%s/bucket.1", dirs[0]);
    CHECK_OK(mal_file_read(&bytes, path, 1 << 20));
    bytes.ptr[bytes.len / 2] ^= 1;
    CHECK_OK(mal_file_write(path, mal_buf_view(&bytes), 0600));
    play_both(p);
    CHECK_EQ(p[0].err, MAL_E_AUTH);
    CHECK(p[1].err != MAL_OK);
    CHECK_OK(mal_dir_remove(dirs[0]));
    CHECK_OK(mal_dir_remove(dirs[1]));
}

TEST(another_session_begins_anew) {
    party p[2];
    mal_psi_big *big;
    fresh_dirs();
    two_parties(p, 2000, 2000);
    CHECK_OK(mal_psi_big_open(&big, &p[0].options));
    CHECK_OK(fill(big, true, 2000));
    mal_psi_big_close(big);
    p[0].options.params.session[5] ^= 1;
    CHECK_OK(mal_psi_big_open(&big, &p[0].options));
    CHECK(!mal_psi_big_filled(big));
    mal_psi_big_close(big);
    CHECK_OK(mal_dir_remove(dirs[0]));
}

TEST_MAIN
