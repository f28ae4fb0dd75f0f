/* The circuit gives what the plain join gives, for every overlap and edge, and
 * its messages have the same sizes whatever the tables hold. */
#include "circuit_parties.h"

#include <sys/socket.h>
#include <unistd.h>

static void go_and_check(circuit_run *r) {
    run_go(r);
    run_check(r);
    CHECK(mal_equal(&r->report1, &r->report2, sizeof r->report1));
}

TEST(random_tables_give_the_sums_of_the_plain_join) {
    uint64_t seed = mal_test_seed();
    for (int n = 0; n < 12; n++) {
        circuit_run r;
        uint32_t n1 = (uint32_t)(mal_test_rand(&seed) % 300);
        uint32_t n2 = (uint32_t)(mal_test_rand(&seed) % 300);
        run_new(&r, n1, n2, (uint32_t)(mal_test_rand(&seed) % 300),
                1 + (uint32_t)(mal_test_rand(&seed) % 9), &seed);
        if (n % 4 == 0)
            r.filter.noise = r.payload.noise = NULL;
        r.filter_params.threads = (unsigned)(n % 3); /* 0 is one */
        go_and_check(&r);
        run_done(&r);
    }
}

TEST(all_none_and_nothing_match) {
    static const struct {
        uint32_t n1, n2, shift;
    } cases[] = { { 8, 8, 0 }, { 8, 8, 8 }, { 0, 8, 0 },
                  { 8, 0, 0 }, { 0, 0, 0 }, { 1, 1, 0 } };
    uint64_t seed = mal_test_seed();
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        circuit_run r;
        run_new(&r, cases[c].n1, cases[c].n2, cases[c].shift, 4, &seed);
        go_and_check(&r);
        run_done(&r);
    }
}

TEST(bounds_without_room_for_dummies_and_of_very_different_size_work) {
    static const uint32_t sizes[][2] = { { 7, 9 }, { 1, 700 }, { 900, 1 } };
    uint64_t seed = mal_test_seed();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        circuit_run r;
        run_new(&r, sizes[i][0], sizes[i][1], 0, 2, &seed);
        r.filter_params.filter_max = r.payload_params.filter_max = sizes[i][0];
        r.filter_params.payload_max = r.payload_params.payload_max =
            sizes[i][1];
        go_and_check(&r);
        run_done(&r);
    }
}

/* |sum + noise| may reach 2^63 - 1; on the way it may pass over it. */
TEST(sums_up_to_the_bound_of_the_ring_are_exact) {
    uint64_t seed = mal_test_seed();
    circuit_run r;
    run_new(&r, 3, 3, 0, 4, &seed);
    const int64_t top = INT64_MAX;
    const int64_t values[12] = { top, -top, top, INT64_MIN, 0,    -1,
                                 top, 0,    0,   0,         -top, 2 };
    memcpy(r.values, values, sizeof values);
    r.noise1[0] = -5;
    r.noise2[0] = 5;
    r.noise1[3] = top;
    r.noise2[3] = -top;
    go_and_check(&r);
    CHECK_EQ((int64_t)(r.y1[0] + r.y2[0]), INT64_MAX);
    run_done(&r);
}

/* More bins than a batch, more words than a message. */
TEST(many_batches_and_many_words_work) {
    uint64_t seed = mal_test_seed();
    circuit_run r;
    run_new(&r, 40, 30, 10, 2 * MUX_CHUNK + 3, &seed);
    go_and_check(&r);
    run_done(&r);
    const uint32_t n = 60000; /* 77,000 bins */
    run_new(&r, 4, n, n - 2, 1, &seed);
    r.filter_params.filter_max = r.payload_params.filter_max = n;
    for (uint32_t i = 0; i < 4; i++)
        run_key(r.v[i], n + i); /* all but the last rows: 4 match */
    go_and_check(&r);
    run_done(&r);
}

TEST(two_tables_with_equal_bounds_give_equal_traces) {
    uint64_t seed = mal_test_seed();
    circuit_run r[3];
    for (int k = 0; k < 3; k++) {
        run_new(&r[k], k == 2 ? 0 : 20, k == 1 ? 1 : 20, k ? 15 : 0, 80, &seed);
        r[k].filter_params.filter_max = r[k].payload_params.filter_max = 22;
        r[k].filter_params.payload_max = r[k].payload_params.payload_max = 210;
        go_and_check(&r[k]);
        CHECK(r[k].p2.sent > 4);
        CHECK_EQ(r[k].p1.sent, r[0].p1.sent);
        CHECK_EQ(r[k].p2.sent, r[0].p2.sent);
        CHECK(memcmp(r[k].p1.trace, r[0].p1.trace, sizeof r[0].p1.trace) == 0);
        CHECK(memcmp(r[k].p2.trace, r[0].p2.trace, sizeof r[0].p2.trace) == 0);
    }
    for (int k = 0; k < 3; k++)
        run_done(&r[k]);
}

TEST(the_cost_that_is_told_is_what_is_sent) {
    static const uint32_t sizes[][3] = { { 1, 1, 1 },
                                         { 3000, 5000, 2 },
                                         { 5000, 30000, 9 } };
    uint64_t seed = mal_test_seed(), bytes, rounds;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        circuit_run r;
        run_new(&r, 1, 1, 0, sizes[i][2], &seed);
        r.filter_params.filter_max = sizes[i][0];
        r.filter_params.payload_max = sizes[i][1];
        r.payload_params = r.filter_params;
        go_and_check(&r);
        uint64_t sent = 0;
        for (unsigned m = 0; m < r.p1.sent; m++)
            sent += r.p1.trace[m];
        for (unsigned m = 0; m < r.p2.sent; m++)
            sent += r.p2.trace[m];
        CHECK_OK(mal_psi_circuit_cost(&bytes, &rounds, &r.filter_params));
        CHECK_THAT(bytes + bytes / 100 + 500000 >= sent &&
                       sent + sent / 100 + 500000 >= bytes,
                   "told %llu, sent %llu", (unsigned long long)bytes,
                   (unsigned long long)sent);
        CHECK(rounds >= 8 && rounds <= r.p1.sent + r.p2.sent);
        run_done(&r);
    }
}

/* A socket holds little and blocks: two parties who both send would wait for
 * ever. */
typedef struct pipe_chan {
    mal_chan chan; /* first */
    int fd;
} pipe_chan;

static mal_err pipe_send(mal_chan *chan, mal_bytes m) {
    uint8_t len[8];
    mal_store_u64le(len, m.len);
    MAL_TRY(mal_fd_write(((pipe_chan *)chan)->fd, mal_bytes_of(len, 8)));
    return mal_fd_write(((pipe_chan *)chan)->fd, m);
}
static mal_err pipe_recv(mal_chan *chan, mal_buf *m, size_t len_max) {
    uint8_t len[8];
    MAL_TRY(mal_fd_read(((pipe_chan *)chan)->fd, len, 8));
    MAL_REQUIRE(mal_load_u64le(len) <= len_max, MAL_E_PEER, "too long");
    mal_buf_reset(m);
    MAL_TRY(mal_buf_reserve(m, mal_load_u64le(len)));
    m->len = mal_load_u64le(len);
    return mal_fd_read(((pipe_chan *)chan)->fd, m->ptr, m->len);
}
static void pipe_close(mal_chan *chan) {
    close(((pipe_chan *)chan)->fd);
    free(chan);
}
static mal_chan *pipe_end(int fd) {
    static const mal_chan_ops ops = { pipe_send, pipe_recv, pipe_close };
    const int room = 4096;
    CHECK(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room) == 0);
    pipe_chan *p = calloc(1, sizeof *p);
    p->chan.ops = &ops;
    p->fd = fd;
    return &p->chan;
}

TEST(a_channel_that_holds_little_does_not_lock_the_parties) {
    uint64_t seed = mal_test_seed();
    circuit_run r;
    int fd[2];
    alarm(100);
    run_new(&r, 3, 60000, 2, 3, &seed); /* two batches */
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
    mal_chan_close(&r.p1.inner);
    mal_chan_close(&r.p2.inner);
    r.p1.inner = pipe_end(fd[0]);
    r.p2.inner = pipe_end(fd[1]);
    go_and_check(&r);
    run_done(&r);
    alarm(0);
}

/* Equal inputs twice: a share of the answer must not repeat, nor be the answer.
 */
TEST(one_share_alone_is_fresh_in_every_run) {
    uint64_t seed = mal_test_seed(), seen[2][6];
    for (int n = 0; n < 3; n++) {
        circuit_run r;
        run_new(&r, 5, 5, 0, 1, &seed);
        memset(r.values, 0, 5 * 8);
        r.filter.noise = r.payload.noise = NULL;
        go_and_check(&r);
        CHECK(r.y1[0] != 0 && r.y2[0] != 0);
        seen[0][n] = r.y1[0];
        seen[1][n] = r.y2[0];
        for (int k = 0; k < n; k++)
            CHECK(seen[0][k] != r.y1[0] && seen[1][k] != r.y2[0]);
        run_done(&r);
    }
}

typedef struct steps {
    unsigned n, cancel_at;
} steps;

static mal_err count_step(void *ctx, const char *stage, uint64_t at,
                          uint64_t total) {
    steps *s = ctx;
    CHECK(stage && at <= total);
    MAL_REQUIRE(++s->n != s->cancel_at, MAL_E_CANCEL, "cancelled by the test");
    return MAL_OK;
}

TEST(a_run_can_be_cancelled_at_every_step_and_the_peer_ends_too) {
    uint64_t seed = mal_test_seed();
    unsigned steps_in_all = 1;
    for (unsigned at = 0; at <= steps_in_all; at++) {
        steps s = { 0, at };
        const mal_progress progress = { count_step, &s };
        circuit_run r;
        run_new(&r, 3, 4, 1, 2, &seed);
        r.progress2 = &progress;
        run_go(&r);
        if (at == 0) {
            run_check(&r);
            steps_in_all = s.n;
        } else {
            CHECK_EQ(r.err2, MAL_E_CANCEL);
            CHECK(r.err1 != MAL_OK);
            CHECK_EQ(r.y1[0] | r.y1[1] | r.y2[0] | r.y2[1], 0);
        }
        run_done(&r);
    }
    CHECK(steps_in_all >= 3);
}

TEST_MAIN
