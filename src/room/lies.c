/* lies.c - a node that lies, so that tests can see it caught.
 *
 * Only in test builds, only in rooms marked test (the mark is in the contract's
 * hash), and only where MALUS_TEST_LIE says so.
 */
#include "room_impl.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void room_lie_refresh(const mal_room *room, mal_share3_bits *shares) {
#ifdef MAL_TEST_BUILD
    const char *lie = getenv("MALUS_TEST_LIE");
    if (lie && room->contract->test && strcmp(lie, "refresh") == 0)
        shares->part[0][0] ^= 1;
#else
    (void)room;
    (void)shares;
#endif
}

/* A seat that says in every later run what it said in its first: `replay` all
 * behind the greeting, `replay-all` the greeting too. */
#ifdef MAL_TEST_BUILD
typedef struct replayed {
    mal_chan chan; /* first */
    mal_chan *inner;
    mal_buf tape; /* messages, each with its length */
    size_t at;    /* of the message to be played next */
    bool plays, greeted, all;
} replayed;

static mal_err replay_send(mal_chan *chan, mal_bytes message) {
    replayed *r = (replayed *)chan;
    const bool honest = !r->greeted && !r->all;
    mal_bytes old = message;
    r->greeted = true;
    if (!r->plays) {
        MAL_TRY(mal_buf_put_blob(&r->tape, message));
    } else if (r->at < r->tape.len) {
        mal_rd rd = mal_rd_of(mal_buf_view(&r->tape));
        rd.ptr += r->at;
        rd.left -= r->at;
        MAL_TRY(mal_rd_blob(&rd, &old, MAL_SHARE3_FLIGHT));
        r->at = r->tape.len - rd.left;
    }
    return mal_chan_send(r->inner, honest ? message : old);
}

static mal_err replay_recv(mal_chan *chan, mal_buf *message, size_t len_max) {
    return mal_chan_recv(((replayed *)chan)->inner, message, len_max);
}

static void replay_close(mal_chan *chan) {
    (void)chan; /* the run closes what is below */
}
#endif

mal_chan *room_lie_chan(const mal_room *room, mal_chan *chan, unsigned seat) {
#ifdef MAL_TEST_BUILD
    static const mal_chan_ops ops = { replay_send, replay_recv, replay_close };
    static replayed by_seat[MAL_POLICY_SEATS];
    const char *lie = getenv("MALUS_TEST_LIE");
    if (!lie || !room->contract->test || strncmp(lie, "replay", 6) != 0)
        return chan;
    replayed *r = &by_seat[seat];
    r->chan = (mal_chan){ .ops = &ops };
    r->inner = chan;
    r->plays = r->tape.len > 0;
    r->all = strcmp(lie, "replay-all") == 0;
    r->greeted = false;
    r->at = 0;
    return &r->chan;
#else
    (void)room;
    (void)seat;
    return chan;
#endif
}

void room_lie_done(const mal_room *room, room_done *done) {
#ifdef MAL_TEST_BUILD
    const char *lie = getenv("MALUS_TEST_LIE");
    if (lie && room->contract->test && strcmp(lie, "transcript") == 0)
        for (unsigned i = 0; i < done->n_pairs; i++)
            done->pairs[i].b[0] ^= 1;
#else
    (void)room;
    (void)done;
#endif
}

void room_lie_rows(const mal_room *room, mal_duck_batch *rows, unsigned unit) {
#ifdef MAL_TEST_BUILD
    const char *lie = getenv("MALUS_TEST_LIE");
    if (!lie || !room->contract->test || strcmp(lie, "units") != 0)
        return;
    uint8_t *ids = (uint8_t *)(uintptr_t)rows->columns[unit].id;
    for (size_t i = 1; i < rows->rows; i++)
        memcpy(ids + 16 * i, ids, 16);
#else
    (void)room;
    (void)rows;
    (void)unit;
#endif
}

mal_err room_lie_accept(mal_room *room, room_accept *accept) {
#ifdef MAL_TEST_BUILD
    const char *lie = getenv("MALUS_TEST_LIE");
    if (!lie || !room->contract->test)
        return MAL_OK;
    if (strcmp(lie, "contract") == 0)
        accept->contract.b[0] ^= 1;
    else if (strcmp(lie, "plan") == 0)
        accept->plan.b[0] ^= 1;
    else if (strcmp(lie, "physical") == 0)
        accept->physical.b[0] ^= 1;
    else if (strcmp(lie, "pseudonym") == 0)
        accept->pseudonyms.b[0] ^= 1;
    else if (strcmp(lie, "noise") == 0)
        accept->share_k++;
    else if (strcmp(lie, "log") == 0)
        accept->log_size = 0;
#else
    (void)room;
    (void)accept;
#endif
    return MAL_OK;
}

mal_err room_pause(mal_room *room, room_job *job, unsigned at) {
#ifdef MAL_TEST_BUILD
    const char *where = getenv("MALUS_TEST_PAUSE");
    if (!where || !room->contract->test || strtoul(where, NULL, 10) != at)
        return MAL_OK;
    for (unsigned i = 0; i < 600; i++) {
        MAL_TRY(room_job_step(job, "", job->done, job->total));
        usleep(100000);
    }
#else
    (void)room, (void)job, (void)at;
#endif
    return MAL_OK;
}

size_t room_share_memory(const mal_room *room) {
#ifdef MAL_TEST_BUILD
    const char *bytes = getenv("MALUS_TEST_MEMORY");
    if (bytes && room->contract->test)
        return strtoul(bytes, NULL, 10);
#endif
    return room->config.memory_max;
}
