/* pace.c - how far a job is, and when what depends on data begins. */
#include "room_impl.h"

#include <stdio.h>
#include <unistd.h>

mal_err room_job_step(void *ctx, const char *stage, uint64_t done,
                      uint64_t total) {
    room_job *job = ctx;
    (void)stage;
    job->done = done;
    job->total = total;
    MAL_REQUIRE(!atomic_load(&job->cancelled), MAL_E_CANCEL,
                "the job was cancelled");
    return MAL_OK;
}

void room_job_stage(mal_room *room, room_job *job, const char *name) {
    pthread_mutex_lock(&room->lock);
    snprintf(job->stage, sizeof job->stage, "%s", name);
    job->done = job->total = 0;
    job->stage_ns = mal_time_monotonic_ns();
    pthread_mutex_unlock(&room->lock);
}

void room_job_rename(mal_room *room, room_job *job, const char *name) {
    pthread_mutex_lock(&room->lock);
    snprintf(job->stage, sizeof job->stage, "%s", name);
    pthread_mutex_unlock(&room->lock);
}

/* --- The tick (rule 29) -------------------------------------------------- */

mal_err room_wait_tick(mal_room *room, room_job *job, uint64_t start,
                       room_done *done) {
    uint64_t step = room_tick_ns(room, &job->judged), tick = start + step;
    for (;;) {
        MAL_TRY(room_job_step(job, "", 0, 0));
        uint64_t now = mal_time_monotonic_ns();
        if (now >= tick + step) { /* a leak that the receipt states */
            done->ticks_missed++;
            tick += step;
            continue;
        }
        if (now >= tick)
            return MAL_OK;
        uint64_t left = (tick - now) / 1000;
        usleep((useconds_t)(left < 20000 ? left + 1 : 20000));
    }
}
