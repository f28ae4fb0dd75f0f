/* refuse_net.c - strangers, impostors, the silent, the garbled and the gone. */
#include "raw.h"

static void hold_open(void *ctx, const uint8_t peer[32], const char *label,
                      mal_chan *chan) {
    (void)ctx;
    (void)peer;
    (void)label;
    mal_buf in = { 0 };
    mal_err err = mal_chan_recv(chan, &in, 16);
    (void)err;
    mal_buf_clear(&in);
    mal_chan_close(&chan);
}

static const mal_net_config quick = { .on_stream = hold_open,
                                      .dial_ms = 1000,
                                      .silence_ms = 400,
                                      .stream_ms = 3000 };

/* A refused dialler may finish its own side first: the stream then fails. */
static void check_refused(party *from, party *to) {
    mal_chan *chan = NULL;
    mal_err err = party_stream(from, to, "hello", &chan);
    mal_buf in = { 0 };
    if (err == MAL_OK)
        err = mal_chan_recv(chan, &in, 16);
    CHECK_THAT(err == MAL_E_AUTH || err == MAL_E_PEER, "%s", mal_err_name(err));
    mal_chan_close(&chan);
    mal_buf_clear(&in);
}

TEST(an_identity_that_is_not_pinned_is_refused_by_the_listener) {
    party a, b;
    party_new(&a, quick);
    party_new(&b, quick);
    CHECK_OK(mal_net_allow(a.net, b.identity));
    check_refused(&a, &b);
    party_free(&a);
    party_free(&b);
}

TEST(an_identity_that_is_not_pinned_is_not_dialled) {
    party a, b;
    party_new(&a, quick);
    party_new(&b, quick);
    mal_chan *chan;
    CHECK_ERR(party_stream(&a, &b, "hello", &chan), MAL_E_AUTH);
    party_free(&a);
    party_free(&b);
}

TEST(a_pinned_party_at_the_address_of_another_is_refused) {
    party a, b, c;
    party_new(&a, quick);
    party_new(&b, quick);
    party_new(&c, quick);
    parties_know(&a, &b);
    parties_know(&a, &c);
    mal_chan *chan;
    mal_err err =
        mal_net_stream(a.net, b.identity, "127.0.0.1", c.port, "hello", &chan);
    CHECK_THAT(err == MAL_E_AUTH || err == MAL_E_PEER, "%s", mal_err_name(err));
    party_free(&a);
    party_free(&b);
    party_free(&c);
}

TEST(an_expired_node_certificate_is_refused) {
    party a, b;
    party_make(&a, mal_time_unix() - 7200, mal_time_unix() - 3600);
    party_open(&a, quick);
    party_new(&b, quick);
    parties_know(&a, &b);
    check_refused(&a, &b);
    check_refused(&b, &a);
    party_free(&a);
    party_free(&b);
}

TEST(a_node_certificate_of_another_identity_is_refused) {
    party a, b, thief;
    party_new(&b, quick);
    party_make(&a, mal_time_unix() - 60, mal_time_unix() + 3600);
    party_make(&thief, mal_time_unix() - 60, mal_time_unix() + 3600);
    /* The thief shows a's identity certificate with a node key of its own. */
    mal_buf_clear(&thief.cert_identity);
    CHECK_OK(mal_buf_put(&thief.cert_identity, mal_buf_view(&a.cert_identity)));
    party_open(&thief, quick);
    CHECK_OK(mal_net_allow(b.net, a.identity));
    CHECK_OK(mal_net_allow(thief.net, b.identity));
    check_refused(&thief, &b);
    party_free(&a);
    party_free(&b);
    party_free(&thief);
}

TEST(a_party_that_is_no_longer_allowed_loses_its_connection) {
    party a, b;
    party_new(&a, quick);
    party_new(&b, quick);
    parties_know(&a, &b);
    mal_chan *chan;
    CHECK_OK(party_stream(&a, &b, "hello", &chan));
    CHECK_OK(mal_chan_send(chan, mal_bytes_of("hi", 2)));
    mal_net_disallow(b.net, a.identity);
    mal_buf in = { 0 };
    CHECK_ERR(mal_chan_recv(chan, &in, 16), MAL_E_PEER);
    mal_chan_close(&chan);
    check_refused(&a, &b);
    party_free(&a);
    party_free(&b);
}

TEST(garbage_and_silence_before_the_handshake_cost_only_their_own_socket) {
    party a, b;
    party_new(&a, quick);
    party_new(&b, quick);
    parties_know(&a, &b);
    int silent = tcp(b.port), garbled = tcp(b.port);
    uint8_t junk[256];
    memset(junk, 0x5a, sizeof junk);
    CHECK_EQ(send(garbled, junk, sizeof junk, MSG_NOSIGNAL), 256);
    struct timeval two = { 2, 0 };
    setsockopt(silent, SOL_SOCKET, SO_RCVTIMEO, &two, sizeof two);
    setsockopt(garbled, SOL_SOCKET, SO_RCVTIMEO, &two, sizeof two);
    while (recv(garbled, junk, sizeof junk, 0) > 0)
        ;
    CHECK_EQ(recv(silent, junk, sizeof junk, 0), 0);
    close(silent);
    close(garbled);
    mal_chan *chan;
    CHECK_OK(party_stream(&a, &b, "hello", &chan));
    mal_chan_close(&chan);
    party_free(&a);
    party_free(&b);
}

TEST(a_peer_that_is_gone_ends_the_stream_at_once) {
    party a, b;
    party_new(&a, quick);
    party_new(&b, quick);
    parties_know(&a, &b);
    mal_chan *chan;
    CHECK_OK(party_stream(&a, &b, "hello", &chan));
    uint64_t start = mal_time_monotonic_ns();
    mal_net_close(b.net);
    b.net = NULL;
    mal_buf in = { 0 };
    CHECK_ERR(mal_chan_recv(chan, &in, 16), MAL_E_PEER);
    CHECK(mal_time_monotonic_ns() - start < 2000000000u);
    mal_chan_close(&chan);
    party_free(&a);
    party_free(&b);
}

TEST(a_message_longer_than_expected_kills_the_stream) {
    party a, b;
    party_new(&a, quick);
    party_new(&b, quick);
    parties_know(&a, &b);
    mal_chan *chan;
    uint8_t big[1000] = { 0 };
    CHECK_OK(party_stream(&a, &b, "hello", &chan));
    CHECK_OK(mal_chan_send(chan, mal_bytes_of(big, sizeof big)));
    mal_buf in = { 0 };
    CHECK_ERR(mal_chan_recv(chan, &in, 16), MAL_E_PEER);
    mal_chan_close(&chan);
    party_free(&a);
    party_free(&b);
}

TEST(frames_whose_fields_do_not_fit_are_refused) {
    const uint8_t bad[][8] = {
        { 0, 0, 0, 0, 0, 0, 0, 0 },    /* no such type */
        { 0, 0, 0, 0, 9, 0, 0, 0 },    /* no such type */
        { 1, 0, 0, 0, 3, 1, 1, 0 },    /* the zero byte */
        { 0, 0, 0, 0, 3, 0, 1, 0 },    /* data without a stream */
        { 1, 0, 0, 0, 3, 0, 0, 0 },    /* an empty piece that goes on */
        { 1, 0, 0, 0, 3, 0, 1, 0x40 }, /* longer than a frame */
        { 1, 0, 0, 0, 1, 0, 1, 0 },    /* a greeting on a stream */
        { 0, 0, 0, 0, 1, 0, 129, 0 },  /* a long greeting */
        { 1, 0, 0, 0, 2, 0, 0, 0 },    /* no label */
        { 1, 0, 0, 0, 2, 0, 201, 0 },  /* a long label */
        { 1, 0, 0, 0, 5, 0, 3, 0 },    /* credit of three bytes */
        { 1, 0, 0, 0, 6, 0, 1, 0 },    /* an end that says something */
        { 0, 0, 0, 0, 7, 0, 1, 0 },    /* a ping that says something */
        { 1, 0, 0, 0, 8, 0, 0, 0 },    /* a pong on a stream */
    };
    mal_net_frame frame;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_ERR(mal_net_frame_decode(&frame, bad[i]), MAL_E_PEER);
}

TEST(a_label_that_is_empty_long_or_not_printable_is_refused) {
    party a, b;
    party_new(&a, quick);
    party_new(&b, quick);
    parties_know(&a, &b);
    char longer[MAL_NET_LABEL_MAX + 2];
    memset(longer, 'x', sizeof longer);
    longer[MAL_NET_LABEL_MAX + 1] = 0;
    mal_chan *chan;
    CHECK_ERR(party_stream(&a, &b, "", &chan), MAL_E_LIMIT);
    CHECK_ERR(party_stream(&a, &b, "a\nb", &chan), MAL_E_LIMIT);
    CHECK_ERR(party_stream(&a, &b, longer, &chan), MAL_E_LIMIT);
    party_free(&a);
    party_free(&b);
}

TEST_MAIN
