/* link.c - the moment that a message is there, sent before it. */
#include "link.h"

#include <assert.h>
#include <errno.h>
#include <time.h>

typedef struct slow {
    mal_chan chan; /* first */
    mal_chan *inner;
    link_line *line;
} slow;

static uint64_t arrival_of(link_line *line, size_t len) {
    pthread_mutex_lock(&line->lock);
    uint64_t now = mal_time_monotonic_ns();
    if (line->idle_at_ns < now)
        line->idle_at_ns = now;
    if (line->mbit_per_s)
        line->idle_at_ns += 8000 * (uint64_t)len / line->mbit_per_s;
    uint64_t arrival = line->idle_at_ns + line->delay_ns;
    pthread_mutex_unlock(&line->lock);
    return arrival;
}

static void sleep_until(uint64_t ns) {
    const struct timespec t = { .tv_sec = (time_t)(ns / 1000000000u),
                                .tv_nsec = (long)(ns % 1000000000u) };
    int rc;
    do
        rc = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
    while (rc == EINTR);
    assert(rc == 0);
}

static mal_err slow_send(mal_chan *chan, mal_bytes message) {
    slow *s = (slow *)chan;
    uint8_t at[8];
    mal_store_u64le(at, arrival_of(s->line, message.len));
    MAL_TRY(mal_chan_send(s->inner, mal_bytes_of(at, sizeof at)));
    return mal_chan_send(s->inner, message);
}

static mal_err slow_recv(mal_chan *chan, mal_buf *message, size_t len_max) {
    slow *s = (slow *)chan;
    uint8_t at[8];
    MAL_TRY(mal_chan_recv_exact(s->inner, at, sizeof at));
    MAL_TRY(mal_chan_recv(s->inner, message, len_max));
    sleep_until(mal_load_u64le(at));
    return MAL_OK;
}

static void slow_close(mal_chan *chan) {
    slow *s = (slow *)chan;
    mal_chan_close(&s->inner);
    mal_free(s);
}

mal_err link_slow(mal_chan **chan, link_line *line) {
    static const mal_chan_ops ops = { slow_send, slow_recv, slow_close };
    slow *s = mal_calloc(1, sizeof *s);
    MAL_REQUIRE(s, MAL_E_MEMORY, "no memory for a slow channel");
    *s = (slow){ .chan = { .ops = &ops }, .inner = *chan, .line = line };
    *chan = &s->chan;
    return MAL_OK;
}
