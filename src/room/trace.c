/* trace.c - the sizes of all messages of a job, so that a test can compare
 * them.
 *
 * Only in test builds, only in rooms marked test, and only where
 * MALUS_TEST_TRACE names a file: one line a message, "LABEL PEER sent SIZE".
 */
#include "room_impl.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef MAL_TEST_BUILD

typedef struct traced {
    mal_chan chan;
    mal_chan *inner; /* borrowed: the job closes it */
    const mal_room *room;
    uint32_t peer;
} traced;

void room_trace(const mal_room *room, const char *label, uint32_t peer,
                const char *way, size_t size) {
    const char *path = getenv("MALUS_TEST_TRACE");
    char line[256];
    if (!path || !room->contract->test)
        return;
    MAL_AUTO(mal_fd_auto)
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    int n = snprintf(line, sizeof line, "%s %s %s %zu\n", label,
                     room->contract->parties[peer].name, way, size);
    if (fd >= 0 && write(fd, line, (size_t)n) != n)
        mal_err_forget(); /* the test will miss the line */
}

static mal_err traced_send(mal_chan *chan, mal_bytes message) {
    traced *t = (traced *)chan;
    room_trace(t->room, "run", t->peer, "sent", message.len);
    return mal_chan_send(t->inner, message);
}

static mal_err traced_recv(mal_chan *chan, mal_buf *message, size_t len_max) {
    traced *t = (traced *)chan;
    MAL_TRY(mal_chan_recv(t->inner, message, len_max));
    room_trace(t->room, "run", t->peer, "received", message->len);
    return MAL_OK;
}

static void traced_close(mal_chan *chan) {
    (void)chan; /* lives in the job's arena */
}

mal_chan *room_trace_chan(const mal_room *room, mal_arena *arena, uint32_t peer,
                          mal_chan *chan) {
    static const mal_chan_ops ops = { traced_send, traced_recv, traced_close };
    if (!getenv("MALUS_TEST_TRACE") || !room->contract->test)
        return chan;
    traced *t = mal_arena_alloc(arena, sizeof *t);
    if (!t)
        return chan;
    *t = (traced){
        .chan = { .ops = &ops }, .inner = chan, .room = room, .peer = peer
    };
    return &t->chan;
}

#else

void room_trace(const mal_room *room, const char *label, uint32_t peer,
                const char *way, size_t size) {
    (void)room, (void)label, (void)peer, (void)way, (void)size;
}

mal_chan *room_trace_chan(const mal_room *room, mal_arena *arena, uint32_t peer,
                          mal_chan *chan) {
    (void)room, (void)arena, (void)peer;
    return chan;
}

#endif
