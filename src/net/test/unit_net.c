/* unit_net.c - two endpoints on loopback speak. */
#include "party.h"

#include <arpa/inet.h>
#include <sys/socket.h>

static void echo(void *ctx, const uint8_t peer[32], const char *label,
                 mal_chan *chan) {
    (void)ctx;
    (void)peer;
    (void)label;
    mal_buf message = { 0 };
    while (mal_chan_recv(chan, &message, MAL_CHAN_MESSAGE_MAX) == MAL_OK &&
           mal_chan_send(chan, mal_buf_view(&message)) == MAL_OK)
        ;
    mal_buf_clear(&message);
    mal_chan_close(&chan);
}

static void round_trip(mal_chan *chan, size_t len) {
    mal_buf out = { 0 }, in = { 0 };
    CHECK_OK(mal_buf_reserve(&out, len));
    for (size_t i = 0; i < len; i++)
        CHECK_OK(mal_buf_put_u8(&out, (uint8_t)(i * 131 + len)));
    CHECK_OK(mal_chan_send(chan, mal_buf_view(&out)));
    CHECK_OK(mal_chan_recv(chan, &in, len));
    CHECK(mal_bytes_same_vartime(mal_buf_view(&out), mal_buf_view(&in)));
    mal_buf_clear(&out);
    mal_buf_clear(&in);
}

TEST(messages_of_all_sizes_come_back_as_they_went) {
    party a, b;
    party_new(&a, (mal_net_config){ .on_stream = echo, .build = "a-1" });
    party_new(&b, (mal_net_config){ .on_stream = echo, .build = "b-1" });
    parties_know(&a, &b);
    mal_chan *chan;
    CHECK_OK(party_stream(&a, &b, "echo", &chan));
    size_t sizes[] = { 0,     1,     16383,   16384,   16385,
                       65536, 65537, 1048576, 5000000, 0 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        round_trip(chan, sizes[i]);
    char build[MAL_NET_BUILD_MAX + 1];
    mal_net_peer_build(a.net, b.identity, build);
    CHECK_STR(build, "b-1");
    mal_chan_close(&chan);
    party_free(&a);
    party_free(&b);
}

typedef struct many {
    party *from, *to;
} many;

static mal_err talk(void *ctx, size_t i) {
    many *m = ctx;
    mal_chan *chan;
    MAL_TRY(party_stream(m->from, m->to, "echo", &chan));
    mal_buf in = { 0 };
    mal_err err = MAL_OK;
    for (size_t k = 0; k < 20 && err == MAL_OK; k++) {
        uint8_t data[3000];
        memset(data, (int)(i + k), sizeof data);
        err = mal_chan_send(chan, mal_bytes_of(data, 100 * (i % 30)));
        if (err == MAL_OK)
            err = mal_chan_recv(chan, &in, sizeof data);
        if (err == MAL_OK && (in.len != 100 * (i % 30) ||
                              (in.len && in.ptr[0] != (uint8_t)(i + k))))
            err = mal_err_set(MAL_E_PEER, __FILE__, __LINE__, "mixed up");
    }
    mal_buf_clear(&in);
    mal_chan_close(&chan);
    return err;
}

TEST(many_streams_share_one_connection_in_both_directions) {
    party a, b;
    party_new(&a, (mal_net_config){ .on_stream = echo });
    party_new(&b, (mal_net_config){ .on_stream = echo });
    parties_know(&a, &b);
    mal_chan *chan;
    CHECK_OK(party_stream(&a, &b, "first", &chan));
    round_trip(chan, 10);
    CHECK_OK(mal_parallel(16, 64, talk, &(many){ &a, &b }));
    CHECK_OK(mal_parallel(16, 64, talk, &(many){ &b, &a }));
    unsigned conns, streams;
    mal_net_count(a.net, &conns, &streams);
    CHECK_EQ(conns, 1);
    mal_chan_close(&chan);
    party_free(&a);
    party_free(&b);
}

/* A thread that was joined leaves /proc a moment later. */
static unsigned threads_settled(void) {
    unsigned n = count_in("/proc/self/task");
    for (int calm = 0; calm < 10; calm++) {
        usleep(5000);
        unsigned now = count_in("/proc/self/task");
        calm = now == n ? calm : 0;
        n = now;
    }
    return n;
}

TEST(no_descriptor_and_no_thread_outlives_its_endpoint) {
    unsigned fds = count_in("/proc/self/fd"), threads = threads_settled();
    for (int i = 0; i < 5; i++) {
        party a, b;
        party_new(&a, (mal_net_config){ .on_stream = echo });
        party_new(&b, (mal_net_config){ .on_stream = echo });
        parties_know(&a, &b);
        mal_chan *chan;
        CHECK_OK(party_stream(&a, &b, "echo", &chan));
        round_trip(chan, 100000);
        mal_net_close(b.net); /* with the stream open */
        b.net = NULL;
        mal_buf in = { 0 };
        CHECK_ERR(mal_chan_recv(chan, &in, 10), MAL_E_PEER);
        mal_chan_close(&chan);
        party_free(&a);
        party_free(&b);
    }
    CHECK_EQ(count_in("/proc/self/fd"), fds);
    CHECK_EQ(threads_settled(), threads);
}

TEST(a_reader_that_does_not_read_stops_the_writer_not_the_memory) {
    party a, b;
    party_new(&a, (mal_net_config){ .stream_ms = 300 });
    party_new(&b, (mal_net_config){ .stream_ms = 300 });
    (void)echo;
    parties_know(&a, &b);
    mal_chan *chan;
    CHECK_OK(party_stream(&a, &b, "nobody reads", &chan));
    static uint8_t big[4 << 20];
    mal_err err = mal_chan_send(chan, mal_bytes_of(big, sizeof big));
    CHECK(err == MAL_E_TIMEOUT || err == MAL_E_PEER);
    mal_chan_close(&chan);
    party_free(&a);
    party_free(&b);
}

TEST(a_cancelled_stream_wakes_whoever_waits) {
    party a, b;
    party_new(&a, (mal_net_config){ .on_stream = echo });
    party_new(&b, (mal_net_config){ .on_stream = echo });
    parties_know(&a, &b);
    mal_chan *chan;
    CHECK_OK(party_stream(&a, &b, "echo", &chan));
    mal_net_stream_cancel(chan);
    mal_buf in = { 0 };
    CHECK_ERR(mal_chan_recv(chan, &in, 10), MAL_E_CANCEL);
    CHECK_ERR(mal_chan_send(chan, mal_bytes_of("x", 1)), MAL_E_CANCEL);
    mal_chan_close(&chan);
    party_free(&a);
    party_free(&b);
}

TEST(who_dials_at_the_same_time_shares_one_connection) {
    party a, b;
    party_new(&a, (mal_net_config){ .on_stream = echo });
    party_new(&b, (mal_net_config){ .on_stream = echo });
    parties_know(&a, &b);
    CHECK_OK(mal_parallel(16, 16, talk, &(many){ &a, &b }));
    unsigned conns, streams;
    mal_net_count(a.net, &conns, &streams);
    CHECK_EQ(conns, 1);
    party_free(&a);
    party_free(&b);
}

TEST(closing_does_not_wait_for_a_stranger_to_shake_hands) {
    party a;
    party_new(&a, (mal_net_config){ .dial_ms = 60000 });
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_port = htons(a.port) };
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(connect(fd, (struct sockaddr *)&at, sizeof at) == 0);
    usleep(50000);
    uint64_t start = mal_time_monotonic_ns();
    party_free(&a);
    CHECK(mal_time_monotonic_ns() - start < 5000000000u);
    close(fd);
}

TEST(a_renewed_node_key_serves_new_connections_and_leaves_the_old_ones) {
    party a, b;
    party_new(&a, (mal_net_config){ .on_stream = echo });
    party_new(&b, (mal_net_config){ .on_stream = echo });
    parties_know(&a, &b);
    mal_chan *old, *fresh;
    CHECK_OK(party_stream(&a, &b, "echo", &old));
    round_trip(old, 100);
    uint8_t pub[32];
    mal_key sec = { 0 };
    mal_buf cert = { 0 };
    CHECK_OK(mal_prim_sign_keygen(pub, &sec));
    CHECK_OK(mal_prim_cert_node(&cert, "p", pub, &b.identity_sec,
                                mal_time_unix() - 60, mal_time_unix() + 60));
    CHECK_ERR(mal_net_rekey(b.net, &b.node_sec, mal_buf_view(&cert)),
              MAL_E_INPUT);
    CHECK_OK(mal_net_rekey(b.net, &sec, mal_buf_view(&cert)));
    round_trip(old, 100);
    party c;
    party_new(&c, (mal_net_config){ .on_stream = echo });
    parties_know(&c, &b);
    CHECK_OK(party_stream(&c, &b, "echo", &fresh));
    round_trip(fresh, 100);
    mal_chan_close(&old);
    mal_chan_close(&fresh);
    party_free(&a);
    party_free(&c);
    party_free(&b);
    mal_key_clear(&sec);
    mal_buf_clear(&cert);
}

TEST_MAIN
