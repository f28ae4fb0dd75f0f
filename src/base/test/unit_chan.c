#include "mal_test.h"

typedef struct ends {
    mal_chan *a, *b;
} ends;

static void ends_close(ends *e) {
    mal_chan_close(&e->a);
    mal_chan_close(&e->b);
}

static mal_err ends_open(ends *e, unsigned timeout_ms) {
    return mal_chan_pair(&e->a, &e->b, timeout_ms);
}

TEST(messages_arrive_whole_in_order_and_counted) {
    MAL_AUTO(ends_close) ends e = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf got = { 0 };
    CHECK_OK(ends_open(&e, 1000));
    CHECK_OK(mal_chan_send(e.a, mal_bytes_str("one")));
    CHECK_OK(mal_chan_send(e.a, mal_bytes_str("")));
    CHECK_OK(mal_chan_send(e.a, mal_bytes_str("three")));
    CHECK_OK(mal_chan_send(e.b, mal_bytes_str("back")));
    CHECK_OK(mal_chan_recv(e.b, &got, 3));
    CHECK(mal_bytes_same_vartime(mal_buf_view(&got), mal_bytes_str("one")));
    CHECK_OK(mal_chan_recv(e.b, &got, 0));
    CHECK_EQ(got.len, 0);
    CHECK_OK(mal_chan_recv(e.b, &got, 100));
    CHECK(mal_bytes_same_vartime(mal_buf_view(&got), mal_bytes_str("three")));
    char back[4];
    CHECK_OK(mal_chan_recv_exact(e.a, back, 4));
    CHECK(mal_equal(back, "back", 4));
    CHECK(e.a->bytes_sent == 8 && e.a->messages_sent == 3);
    CHECK(e.b->bytes_received == 8 && e.b->messages_received == 3);
    CHECK(e.a->bytes_received == 4 && e.b->messages_sent == 1);
}

TEST(what_was_sent_before_the_close_still_arrives) {
    MAL_AUTO(ends_close) ends e = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf got = { 0 };
    CHECK_OK(ends_open(&e, 1000));
    CHECK_OK(mal_chan_send(e.a, mal_bytes_str("last words")));
    mal_chan_close(&e.a);
    CHECK_OK(mal_chan_recv(e.b, &got, 100));
    CHECK_ERR(mal_chan_recv(e.b, &got, 100), MAL_E_PEER);
    CHECK_ERR(mal_chan_send(e.b, mal_bytes_str("?")), MAL_E_PEER);
}

TEST(unread_messages_are_freed_with_the_pair) {
    MAL_AUTO(ends_close) ends e = { 0 };
    CHECK_OK(ends_open(&e, 1000));
    for (int i = 0; i < 100; i++)
        CHECK_OK(mal_chan_send(i % 2 ? e.a : e.b, mal_bytes_str("unread")));
}

static void echo(void *arg) {
    mal_chan *chan = arg;
    MAL_AUTO(mal_buf_clear) mal_buf m = { 0 };
    while (mal_chan_recv(chan, &m, 100) == MAL_OK)
        if (mal_chan_send(chan, mal_buf_view(&m)) != MAL_OK)
            break;
}

TEST(two_threads_talk) {
    MAL_AUTO(ends_close) ends e = { 0 };
    CHECK_OK(ends_open(&e, 10000));
    mal_thread *t = NULL;
    CHECK_OK(mal_thread_start(&t, echo, e.b));
    for (uint64_t i = 0; i < 2000; i++) {
        uint64_t back = 0;
        CHECK_OK(mal_chan_send(e.a, mal_bytes_of(&i, 8)));
        CHECK_OK(mal_chan_recv_exact(e.a, &back, 8));
        CHECK_EQ(back, i);
    }
    mal_chan_close(&e.a); /* wakes the echo, which waits */
    mal_thread_join(&t);
}

TEST(a_silent_peer_is_a_timeout) {
    MAL_AUTO(ends_close) ends e = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf got = { 0 };
    CHECK_OK(ends_open(&e, 20));
    uint64_t start = mal_time_monotonic_ns();
    CHECK_ERR(mal_chan_recv(e.a, &got, 1), MAL_E_TIMEOUT);
    CHECK(mal_time_monotonic_ns() - start >= 19000000);
    CHECK_OK(mal_chan_send(e.b, mal_bytes_str("x")));
    CHECK_OK(mal_chan_recv(e.a, &got, 1));
}

TEST(a_message_that_is_too_long_breaks_the_channel_off) {
    MAL_AUTO(ends_close) ends e = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf got = { 0 };
    CHECK_OK(ends_open(&e, 1000));
    CHECK_OK(mal_chan_send(e.a, mal_bytes_str("long")));
    CHECK_OK(mal_chan_send(e.a, mal_bytes_str("s")));
    CHECK_ERR(mal_chan_recv(e.b, &got, 3), MAL_E_PEER);
    CHECK_ERR(mal_chan_recv(e.b, &got, 3), MAL_E_PEER);
    CHECK_ERR(mal_chan_send(e.b, mal_bytes_str("s")), MAL_E_PEER);
}

TEST(a_message_of_another_length_than_agreed_is_refused) {
    MAL_AUTO(ends_close) ends e = { 0 };
    uint8_t out[4];
    CHECK_OK(ends_open(&e, 1000));
    CHECK_OK(mal_chan_send(e.a, mal_bytes_str("abc")));
    CHECK_ERR(mal_chan_recv_exact(e.b, out, 4), MAL_E_PEER);
    CHECK_OK(mal_chan_send(e.a, mal_bytes_str("abcde")));
    CHECK_ERR(mal_chan_recv_exact(e.b, out, 4), MAL_E_PEER);
}

TEST(a_message_over_the_limit_is_not_sent) {
    MAL_AUTO(ends_close) ends e = { 0 };
    CHECK_OK(ends_open(&e, 1000));
    CHECK_ERR(mal_chan_send(e.a, mal_bytes_of("", MAL_CHAN_MESSAGE_MAX + 1)),
              MAL_E_LIMIT);
}

TEST_MAIN
