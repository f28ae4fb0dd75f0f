/* Wide rounds over channels that block at their window end. */
#include "every_call.h"

/* Of 26,000 rows a round of lt has 4 chunks, of adders 12, of products of
 * planes 4; of 300,000 words a product has 37. */
TEST(no_call_waits_forever_when_a_send_blocks_at_the_window) {
    static trio t;
    static const size_t rows[] = { 1, 26000, 300000 };
    alarm(100); /* a deadlock ends the test as failed */
    for (unsigned k = 0; k < 3; k++) {
        size_t n = rows[k];
        trio_init(&t);
        t.window = MAL_SHARE3_FLIGHT;
        trio_go(&t, every_body, &n);
        for (unsigned i = 0; i < 3; i++)
            CHECK_THAT(t.p[i].err == MAL_OK, "party %u: %s", i, t.p[i].why);
    }
    alarm(0);
}

TEST(a_flight_of_chunks_fits_what_a_channel_must_hold) {
    CHECK((SHARE3_FLIGHT_CHUNKS + 1) *
              (SHARE3_HEADER + 8 * SHARE3_CHUNK + 32) <=
          MAL_SHARE3_FLIGHT);
}

/* Rule 29: two inputs of the same size give the same trace. */
static mal_err trace_body(mal_share3 *s, void *ctx) {
    return every_body(s, ctx);
}

TEST(the_lengths_of_messages_depend_on_sizes_alone) {
    static trio t;
    mal_buf lengths[2][3][3] = { 0 };
    size_t n = 1000;
    for (unsigned run = 0; run < 2; run++) {
        trio_init(&t);
        t.spied = true;
        for (unsigned i = 0; i < 3; i++)
            for (unsigned j = 0; j < 3; j++)
                t.p[i].spies[j].lengths = &lengths[run][i][j];
        memset(t.p[0].options.session, (int)run, 32);
        memset(t.p[1].options.session, (int)run, 32);
        memset(t.p[2].options.session, (int)run, 32);
        trio_go(&t, trace_body, &n);
        CHECK_EQ(t.p[0].err, MAL_OK);
    }
    for (unsigned i = 0; i < 3; i++)
        for (unsigned j = 0; j < 3; j++) {
            CHECK(i == j || lengths[0][i][j].len > 8);
            CHECK(mal_bytes_same_vartime(mal_buf_view(&lengths[0][i][j]),
                                         mal_buf_view(&lengths[1][i][j])));
            mal_buf_clear(&lengths[0][i][j]);
            mal_buf_clear(&lengths[1][i][j]);
        }
}

TEST_MAIN
