/* trace.c - a watched channel: who failed first, and (for a test) the sizes of
 * all messages of a job.
 *
 * Sizes are written only in test builds, only in rooms marked test, and only
 * where MALUS_TEST_TRACE names a file: one line a message, "LABEL PEER sent
 * SIZE".  LABEL is the method of a call, or "engine".
 */
#include "room_impl.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct watched {
    mal_chan chan;
    mal_chan *inner; /* borrowed: the job closes it */
    mal_room *room;
    room_job *job;
    uint32_t peer;
} watched;

void room_trace(const mal_room *room, const char *label, uint32_t peer,
                const char *way, size_t size) {
#ifdef MAL_TEST_BUILD
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
#else
    (void)room, (void)label, (void)peer, (void)way, (void)size;
#endif
}

static mal_err note(watched *w, mal_err err) {
    if (err != MAL_OK && w->job->failed == 0)
        w->job->failed = w->peer + 1;
    return err;
}

static mal_err watched_send(mal_chan *chan, mal_bytes message) {
    watched *w = (watched *)chan;
    room_trace(w->room, "engine", w->peer, "sent", message.len);
    return note(w, mal_chan_send(w->inner, message));
}

static mal_err watched_recv(mal_chan *chan, mal_buf *message, size_t len_max) {
    watched *w = (watched *)chan;
    MAL_TRY(note(w, mal_chan_recv(w->inner, message, len_max)));
    room_trace(w->room, "engine", w->peer, "received", message->len);
    return MAL_OK;
}

static void watched_close(mal_chan *chan) {
    (void)chan; /* lives in the job's arena */
}

mal_chan *room_watch_chan(mal_room *room, room_job *job, uint32_t peer,
                          mal_chan *chan) {
    static const mal_chan_ops ops = { watched_send, watched_recv,
                                      watched_close };
    watched *w = mal_arena_alloc(job->arena, sizeof *w);
    if (!w)
        return chan;
    *w = (watched){ .chan = { .ops = &ops },
                    .inner = chan,
                    .room = room,
                    .job = job,
                    .peer = peer };
    return &w->chan;
}
