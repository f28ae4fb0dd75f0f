/* links.c - the channels of a job to the other parties, and its session. */
#include "room_impl.h"

#include <stdio.h>
#include <string.h>

#define AWAIT_MS 500 /* how soon a cancelled job notices */

/* In slices, so that a cancelled job does not wait out a peer that never comes.
 */
static mal_err await_peer(mal_room *room, room_job *job, uint32_t party,
                          const char *label, mal_chan **chan) {
    const mal_room_peers *peers = &room->config.peers;
    const uint64_t end =
        mal_time_monotonic_ns() + (uint64_t)room->config.step_ms * 1000000;
    for (;;) {
        mal_err err = peers->await(peers->ctx, party, label, AWAIT_MS, chan);
        MAL_REQUIRE(err == MAL_OK || !atomic_load(&job->cancelled),
                    MAL_E_CANCEL, "the job was cancelled");
        if (err == MAL_OK || err != MAL_E_TIMEOUT ||
            mal_time_monotonic_ns() >= end)
            return err;
    }
}

mal_err room_job_connect(mal_room *room, room_job *job, unsigned slot,
                         uint32_t party, bool dials, mal_chan **out) {
    const mal_room_peers *peers = &room->config.peers;
    char hex[65], label[128];
    mal_chan *chan = NULL;
    mal_hex_encode(hex, mal_bytes_of(job->id.b, 32));
    if (job->attempt) /* a stream of the one before may still wait */
        snprintf(label, sizeof label, "run/%s/%u", hex, job->attempt);
    else
        snprintf(label, sizeof label, "run/%s", hex);
    MAL_TRY(dials ? peers->dial(peers->ctx, party, label, room->config.step_ms,
                                &chan)
                  : await_peer(room, job, party, label, &chan));
    pthread_mutex_lock(&job->chans_lock);
    job->chans[slot] = chan;
    *out = room_watch_chan(room, job, party, chan);
    bool cancelled = atomic_load(&job->cancelled);
    pthread_mutex_unlock(&job->chans_lock);
    MAL_REQUIRE(!cancelled, MAL_E_CANCEL, "the job was cancelled");
    return MAL_OK;
}

mal_err room_connect_mesh(mal_room *room, room_job *job, mal_mesh *mesh) {
    const room_judged *j = &job->judged;
    *mesh = (mal_mesh){ .n = j->n };
    for (unsigned i = 0; i < j->n; i++)
        if (j->parties[i] == room->me)
            mesh->me = i;
    for (unsigned i = 0; i < j->n; i++)
        if (i != mesh->me)
            MAL_TRY(room_job_connect(room, job, i, j->parties[i], mesh->me < i,
                                     &mesh->chan[i]));
    return MAL_OK;
}

void room_disconnect(room_job *job, room_done *done) {
    pthread_mutex_lock(&job->chans_lock);
    for (unsigned i = 0; i < MAL_PARTIES_MAX; i++) {
        if (job->chans[i])
            done->bytes_sent += job->chans[i]->bytes_sent;
        mal_chan_close(&job->chans[i]);
    }
    pthread_mutex_unlock(&job->chans_lock);
}

void room_session_of(uint8_t session[32], const room_job *job) {
    mal_prim_hash hash;
    mal_bytes parts[2] = { mal_bytes_of(job->id.b, 32),
                           mal_bytes_of(job->accepts_hash.b, 32) };
    mal_prim_hash_parts(&hash, "malus engine session v1", parts, 2);
    memcpy(session, hash.b, 32);
}
