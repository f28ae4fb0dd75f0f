/* refuse_peer.c - a pinned party that breaks the protocol inside TLS.
 *
 * Each lie ends its own connection within the silence limit, as MAL_E_PEER to
 * whoever used it here, and nobody else's.
 */
#include "raw.h"

#include <pthread.h>
#include <stdatomic.h>

#define SILENCE_MS 400
#define SLACK_MS 4000 /* for a slow machine under a sanitizer */

/* How handlers ended, by class of error. */
static atomic_uint ends[32];

static void handler(void *ctx, const uint8_t peer[32], const char *label,
                    mal_chan *chan) {
    (void)ctx;
    (void)peer;
    mal_err err = MAL_OK;
    mal_buf in = { 0 };
    uint8_t full[4096] = { 0 };
    while (err == MAL_OK) {
        if (strcmp(label, "write") == 0) {
            err = mal_chan_send(chan, mal_bytes_of(full, sizeof full));
            continue;
        }
        err = mal_chan_recv(chan, &in, 1 << 20);
        if (err == MAL_OK && strcmp(label, "echo") == 0)
            err = mal_chan_send(chan, mal_buf_view(&in));
    }
    atomic_fetch_add(&ends[err], 1);
    mal_buf_clear(&in);
    mal_chan_close(&chan);
}

typedef struct scene {
    party liar, honest, us;
    mal_chan *echo; /* honest to us: it lives on */
    raw raw;
} scene;

static void check_echo(scene *s) {
    mal_buf in = { 0 };
    CHECK_OK(mal_chan_send(s->echo, mal_bytes_of("still here", 10)));
    CHECK_OK(mal_chan_recv(s->echo, &in, 10));
    CHECK_EQ(in.len, 10);
    mal_buf_clear(&in);
}

static void scene_begin(scene *s) {
    static const mal_net_config config = { .on_stream = handler,
                                           .dial_ms = 2000,
                                           .silence_ms = SILENCE_MS,
                                           .stream_ms = 60000 };
    *s = (scene){ 0 };
    party_make(&s->liar, mal_time_unix() - 60, mal_time_unix() + 3600);
    party_new(&s->honest, config);
    party_new(&s->us, config);
    parties_know(&s->honest, &s->us);
    CHECK_OK(mal_net_allow(s->us.net, s->liar.identity));
    CHECK_OK(party_stream(&s->honest, &s->us, "echo", &s->echo));
    check_echo(s);
    CHECK_EQ(raw_connect(&s->raw, &s->liar, s->us.port, (raw_options){ 0 }), 1);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        atomic_store(&ends[i], 0);
}

static void greet_and_open(scene *s, const char *label) {
    raw_frame(&s->raw, 0, MAL_NET_HELLO, "raw", 3);
    raw_frame(&s->raw, 1, MAL_NET_OPEN, label, strlen(label));
}

/* handlers: so many streams, the liar's, must have ended as MAL_E_PEER. */
static void scene_end(scene *s, unsigned handlers) {
    uint64_t ms = raw_closed_after(&s->raw);
    CHECK_THAT(ms < SILENCE_MS + SLACK_MS, "closed after %llu ms",
               (unsigned long long)ms);
    for (int i = 0; i < 400 && atomic_load(&ends[MAL_E_PEER]) < handlers; i++)
        usleep(10000);
    CHECK(atomic_load(&ends[MAL_E_PEER]) >= handlers);
    check_echo(s);
    raw_free(&s->raw);
    mal_chan_close(&s->echo);
    party_free(&s->liar);
    party_free(&s->honest);
    party_free(&s->us);
}

static void one_bad_frame(uint32_t stream, unsigned type, const void *payload,
                          size_t len) {
    scene s;
    scene_begin(&s);
    greet_and_open(&s, "read");
    raw_frame(&s.raw, stream, type, payload, len);
    scene_end(&s, 1);
}

TEST(a_frame_of_no_known_type_ends_the_connection) {
    one_bad_frame(1, 10, "x", 1);
}

TEST(a_frame_longer_than_a_frame_ends_the_connection) {
    one_bad_frame(1, MAL_NET_LAST, NULL, MAL_NET_FRAME_MAX + 1);
}

TEST(data_on_a_stream_that_nobody_opened_ends_the_connection) {
    one_bad_frame(3, MAL_NET_LAST, "x", 1);
    one_bad_frame(2, MAL_NET_LAST, "x", 1);
    one_bad_frame(UINT32_MAX, MAL_NET_END, NULL, 0);
}

TEST(credit_beyond_the_window_ends_the_connection) {
    uint8_t word[4];
    mal_store_u32le(word, 1);
    one_bad_frame(1, MAL_NET_CREDIT, word, 4);
    mal_store_u32le(word, UINT32_MAX);
    one_bad_frame(1, MAL_NET_CREDIT, word, 4);
}

TEST(a_second_greeting_ends_the_connection) {
    one_bad_frame(0, MAL_NET_HELLO, "raw", 3);
}

TEST(stream_numbers_of_our_side_or_out_of_order_end_the_connection) {
    one_bad_frame(2, MAL_NET_OPEN, "read", 4);
    one_bad_frame(1, MAL_NET_OPEN, "read", 4);
}

TEST(refusing_a_stream_of_ones_own_ends_the_connection) {
    one_bad_frame(1, MAL_NET_REFUSED, NULL, 0);
    one_bad_frame(2, MAL_NET_REFUSED, NULL, 0);
}

TEST(a_label_with_a_zero_byte_or_a_control_byte_ends_the_connection) {
    one_bad_frame(3, MAL_NET_OPEN, "re\0d", 4);
    one_bad_frame(3, MAL_NET_OPEN, "re\33d", 4);
}

TEST(whoever_does_not_greet_first_is_cut_off) {
    scene s;
    scene_begin(&s);
    raw_frame(&s.raw, 1, MAL_NET_OPEN, "read", 4);
    scene_end(&s, 0);
    scene_begin(&s);
    raw_frame(&s.raw, 0, MAL_NET_PING, NULL, 0);
    scene_end(&s, 0);
}

TEST(a_build_that_is_not_printable_is_cut_off) {
    scene s;
    scene_begin(&s);
    raw_frame(&s.raw, 0, MAL_NET_HELLO, "\33[2J", 4);
    scene_end(&s, 0);
}

TEST(a_writer_that_overruns_the_window_ends_the_connection) {
    scene s;
    scene_begin(&s);
    greet_and_open(&s, "write"); /* it never reads */
    for (unsigned i = 0; i < MAL_NET_WINDOW / MAL_NET_FRAME_MAX + 1; i++)
        raw_frame(&s.raw, 1, MAL_NET_DATA, NULL, MAL_NET_FRAME_MAX);
    scene_end(&s, 1);
}

TEST(empty_messages_cost_window_too) {
    scene s;
    scene_begin(&s);
    greet_and_open(&s, "write");
    for (unsigned i = 0; i < MAL_NET_WINDOW / 32 + 1; i++)
        raw_frame(&s.raw, 1, MAL_NET_LAST, NULL, 0);
    scene_end(&s, 1);
}

TEST(silence_after_the_handshake_ends_the_connection) {
    scene s;
    scene_begin(&s);
    scene_end(&s, 0);
    scene_begin(&s);
    greet_and_open(&s, "read");
    scene_end(&s, 1);
}

TEST(half_a_header_then_silence_ends_the_connection) {
    scene s;
    scene_begin(&s);
    greet_and_open(&s, "read");
    raw_send(&s.raw, "\1\0\0", 3);
    scene_end(&s, 1);
}

TEST(half_a_frame_then_silence_ends_the_connection) {
    scene s;
    scene_begin(&s);
    greet_and_open(&s, "read");
    raw_send(&s.raw, "\1\0\0\0\4\0\20\0half", 12);
    scene_end(&s, 1);
}

TEST(a_peer_that_trickles_a_frame_is_as_good_as_silent) {
    scene s;
    scene_begin(&s);
    greet_and_open(&s, "read");
    raw_send(&s.raw, "\1\0\0\0\4\0\0\10", 8); /* 2048 bytes are to come */
    uint64_t start = mal_time_monotonic_ns();
    for (int i = 0; i < 200; i++) {
        uint8_t byte = 0;
        if (SSL_write(s.raw.ssl, &byte, 1) <= 0)
            break;
        usleep(SILENCE_MS * 1000 / 10);
        if (mal_time_monotonic_ns() - start >
            (SILENCE_MS + SLACK_MS) * 1000000ull)
            break;
    }
    CHECK(mal_time_monotonic_ns() - start <
          (SILENCE_MS + SLACK_MS) * 1000000ull);
    scene_end(&s, 1);
}

TEST(a_peer_that_trickles_whole_frames_does_not_outlast_a_receive) {
    scene s;
    scene_begin(&s);
    mal_net_config config = { .silence_ms = 60000,
                              .stream_ms = 500,
                              .on_stream = handler };
    party slow;
    party_new(&slow, config);
    CHECK_OK(mal_net_allow(slow.net, s.liar.identity));
    raw r;
    CHECK_EQ(raw_connect(&r, &s.liar, slow.port, (raw_options){ 0 }), 1);
    raw_frame(&r, 0, MAL_NET_HELLO, "raw", 3);
    raw_frame(&r, 1, MAL_NET_OPEN, "read", 4);
    for (int i = 0; i < 200 && !atomic_load(&ends[MAL_E_TIMEOUT]); i++) {
        raw_frame(&r, 1, MAL_NET_DATA, "x", 1);
        usleep(50000);
    }
    CHECK_EQ(atomic_load(&ends[MAL_E_TIMEOUT]), 1);
    raw_free(&r);
    party_free(&slow);
    scene_end(&s, 0);
}

/* --- Handshakes ---------------------------------------------------------- */

static void refused_handshake(raw_options options) {
    scene s;
    raw r;
    scene_begin(&s);
    int hello = raw_connect(&r, &s.liar, s.us.port, options);
    /* A client of TLS 1.3 is done before it is judged. */
    if (hello == 1) {
        raw_frame(&r, 0, MAL_NET_HELLO, "raw", 3);
        raw_frame(&r, 1, MAL_NET_OPEN, "read", 4);
        CHECK(raw_closed_after(&r) < SLACK_MS);
    }
    unsigned conns, streams;
    mal_net_count(s.us.net, &conns, &streams);
    CHECK(conns <= 2 && streams == 1); /* honest, and the scene's own raw */
    raw_free(&r);
    scene_end(&s, 0);
}

TEST(a_client_of_tls_1_2_is_refused) {
    refused_handshake((raw_options){ .tls12 = true });
}

TEST(a_client_without_a_certificate_is_refused) {
    refused_handshake((raw_options){ .no_certificate = true });
}

TEST(a_client_without_its_identitys_certificate_is_refused) {
    refused_handshake((raw_options){ .no_chain = true });
}

TEST(a_client_of_another_protocol_or_of_none_is_refused) {
    refused_handshake((raw_options){ .alpn = "\2h2" });
    refused_handshake((raw_options){ .alpn = "\2h2\7malus/1" });
    refused_handshake((raw_options){ .alpn = "" });
}

/* --- Floods -------------------------------------------------------------- */

TEST(a_peer_that_opens_too_many_streams_is_told_so_and_the_others_live) {
    scene s;
    scene_begin(&s);
    mal_chan *chan[MAL_NET_HANDLERS_CONN + 3] = { 0 };
    mal_buf in = { 0 };
    for (int i = 0; i < MAL_NET_HANDLERS_CONN + 3; i++)
        CHECK_OK(party_stream(&s.honest, &s.us, "read", &chan[i]));
    /* One handler is the echo's. */
    for (int i = MAL_NET_HANDLERS_CONN - 1; i < MAL_NET_HANDLERS_CONN + 3; i++)
        CHECK_ERR(mal_chan_recv(chan[i], &in, 16), MAL_E_LIMIT);
    CHECK_ERR(mal_chan_send(chan[MAL_NET_HANDLERS_CONN], mal_bytes_of("x", 1)),
              MAL_E_CANCEL);
    CHECK_OK(mal_chan_send(chan[0], mal_bytes_of("x", 1)));
    check_echo(&s);
    for (int i = 0; i < MAL_NET_HANDLERS_CONN + 3; i++)
        mal_chan_close(&chan[i]);
    for (int i = 0;
         i < 400 && atomic_load(&ends[MAL_E_PEER]) < MAL_NET_HANDLERS_CONN - 1;
         i++)
        usleep(10000);
    CHECK_OK(party_stream(&s.honest, &s.us, "echo", &chan[0]));
    CHECK_OK(mal_chan_send(chan[0], mal_bytes_of("x", 1)));
    CHECK_OK(mal_chan_recv(chan[0], &in, 16));
    mal_chan_close(&chan[0]);
    mal_buf_clear(&in);
    scene_end(&s, MAL_NET_HANDLERS_CONN - 1);
}

TEST(a_party_has_a_bounded_number_of_connections) {
    scene s;
    raw more[MAL_NET_PEER_MAX];
    scene_begin(&s);
    for (int i = 0; i < MAL_NET_PEER_MAX; i++) {
        CHECK_EQ(raw_connect(&more[i], &s.liar, s.us.port, (raw_options){ 0 }),
                 1);
        raw_frame(&more[i], 0, MAL_NET_HELLO, "raw", 3);
    }
    CHECK(raw_closed_after(&more[MAL_NET_PEER_MAX - 1]) < SLACK_MS);
    for (int i = 0; i < MAL_NET_PEER_MAX; i++)
        raw_free(&more[i]);
    scene_end(&s, 0);
}

TEST(a_peer_that_pings_and_never_reads_costs_no_memory) {
    scene s;
    scene_begin(&s);
    raw_frame(&s.raw, 0, MAL_NET_HELLO, "raw", 3);
    static uint8_t pings[2048][MAL_NET_HEADER];
    for (size_t i = 0; i < 2048; i++)
        pings[i][4] = MAL_NET_PING;
    for (int i = 0; i < 600; i++) /* 9.4 MiB, more than the queue holds */
        if (SSL_write(s.raw.ssl, pings, sizeof pings) <= 0)
            break;
    check_echo(&s);
    scene_end(&s, 0);
}

TEST_MAIN
