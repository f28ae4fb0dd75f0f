/* fail_net.c - the n-th allocation fails, for every n, on either side. */
#include "party.h"

static void echo(void *ctx, const uint8_t peer[32], const char *label,
                 mal_chan *chan) {
    (void)ctx;
    (void)peer;
    (void)label;
    mal_buf message = { 0 };
    while (mal_chan_recv(chan, &message, 1 << 20) == MAL_OK &&
           mal_chan_send(chan, mal_buf_view(&message)) == MAL_OK)
        ;
    mal_buf_clear(&message);
    mal_chan_close(&chan);
}

static mal_err open_party(party *p, const party *other) {
    mal_net_config config = { .node_sec = &p->node_sec,
                              .cert_node = mal_buf_view(&p->cert_node),
                              .cert_identity = mal_buf_view(&p->cert_identity),
                              .on_stream = echo,
                              .dial_ms = 500,
                              .silence_ms = 300,
                              .stream_ms = 500 };
    MAL_TRY(mal_net_open(&p->net, &config));
    MAL_TRY(mal_net_allow(p->net, other->identity));
    return mal_net_listen(p->net, "127.0.0.1", 0, &p->port);
}

static mal_err talk(party *a, party *b) {
    static const uint8_t data[40000];
    mal_chan *chan = NULL;
    mal_buf in = { 0 };
    mal_err err = open_party(a, b);
    if (err == MAL_OK)
        err = open_party(b, a);
    if (err == MAL_OK)
        err = party_stream(a, b, "echo", &chan);
    if (err == MAL_OK)
        err = mal_chan_send(chan, mal_bytes_of(data, sizeof data));
    if (err == MAL_OK)
        err = mal_chan_recv(chan, &in, sizeof data);
    if (err == MAL_OK && in.len != sizeof data)
        err = MAL_E_STATE;
    mal_chan_close(&chan);
    mal_buf_clear(&in);
    mal_net_close(a->net);
    mal_net_close(b->net);
    a->net = b->net = NULL;
    return err;
}

TEST(whichever_allocation_fails_the_call_fails_or_is_served_and_nothing_leaks) {
    party a, b;
    party_make(&a, mal_time_unix() - 60, mal_time_unix() + 3600);
    party_make(&b, mal_time_unix() - 60, mal_time_unix() + 3600);
    CHECK_OK(talk(&a, &b)); /* what is set up once is set up */
    unsigned fds = count_in("/proc/self/fd"), failed = 0;
    uint64_t start = mal_alloc_count();
    CHECK_OK(talk(&a, &b));
    uint64_t n = mal_alloc_count() - start;
    for (uint64_t i = 1; i <= n + 2; i++) {
        mal_alloc_fail_at(i);
        mal_err err = talk(&a, &b);
        mal_alloc_fail_at(0);
        CHECK_THAT(err == MAL_OK || err == MAL_E_MEMORY || err == MAL_E_PEER ||
                       err == MAL_E_LIMIT || err == MAL_E_TIMEOUT ||
                       err == MAL_E_IO || err == MAL_E_AUTH,
                   "allocation %llu: %s", (unsigned long long)i,
                   mal_err_name(err));
        failed += err != MAL_OK;
        CHECK_EQ(count_in("/proc/self/fd"), fds);
    }
    CHECK(failed > 0);
    CHECK_OK(talk(&a, &b));
    party_free(&a);
    party_free(&b);
}

TEST_MAIN
