/* roster.c - jobs as they are seen from without: listed, cancelled here,
 * aborted by who asked, swept when nobody carries them on. */
#include "room_impl.h"

#include <stdio.h>
#include <string.h>

#define SWEEP_NS 60000000000u /* from one look at kept jobs to the next */

/* --- The end -------------------------------------------------------------- */

mal_err room_job_end(mal_room *room, room_job *job, const char *who,
                     const char *why, mal_err err) {
    mal_err recorded = room_job_record(room, job, "failed", why);
    if (job->phase >= ROOM_SPENT)
        room_log_abort(room, job, who, why);
    room_kept_failed(room, job, err);
    return recorded;
}

static room_job *take_stale(mal_room *room) {
    uint64_t now = mal_time_monotonic_ns();
    room_job *found = NULL;
    pthread_mutex_lock(&room->lock);
    for (room_job *job = room->jobs; job && !found; job = job->next)
        if (!job->busy &&
            (atomic_load(&job->cancelled) || now >= job->deadline_ns))
            found = job;
    if (found)
        found->busy = true;
    pthread_mutex_unlock(&room->lock);
    return found;
}

/* Jobs that were cancelled here, or that nobody carried on in a long while:
 * their asker is gone.  What they hold of the budget expires as spent. */
void mal_room_sweep(mal_room *room) {
    uint64_t now = mal_time_monotonic_ns();
    pthread_mutex_lock(&room->lock);
    bool due = now - room->swept_ns >= SWEEP_NS;
    room->swept_ns = due ? now : room->swept_ns;
    pthread_mutex_unlock(&room->lock);
    if (due && room_kept_sweep(room) != MAL_OK)
        mal_err_forget(); /* a minute later again */
    for (room_job *job; (job = take_stale(room));) {
        bool cancelled = atomic_load(&job->cancelled);
        const char *why =
            cancelled ? "the job was cancelled" : "the asking node went away";
        uint32_t who = cancelled ? room->me : job->caller;
        if (room_job_end(room, job, room->contract->parties[who].name, why,
                         MAL_E_CANCEL) != MAL_OK)
            mal_err_forget(); /* the history only */
        room_job_give(room, job, false);
    }
}

/* 32 bytes, and a 1 if it is for good: cancelled by a person, not ended by a
 * failure. */
mal_err room_serve_abort(mal_room *room, uint32_t caller, mal_bytes in) {
    bool for_good = in.len == 33 && in.ptr[32] == 1;
    MAL_REQUIRE(in.len == 32 || for_good, MAL_E_INPUT,
                "an abort names its request");
    pthread_mutex_lock(&room->lock);
    room_job *found = NULL;
    for (room_job *job = room->jobs; job; job = job->next)
        if (mal_equal(job->request.id.b, in.ptr, 32) && job->caller == caller)
            found = job;
    bool idle = found && !found->busy;
    if (found) {
        found->over |= for_good;
        room_job_cancel(found, room);
    }
    if (idle)
        found->busy = true;
    pthread_mutex_unlock(&room->lock);
    if (idle) {
        mal_err err =
            room_job_end(room, found, room->contract->parties[caller].name,
                         "aborted by the asking node", MAL_E_CANCEL);
        room_job_give(room, found, false);
        return err;
    }
    return found || !for_good ? MAL_OK
                              : room_kept_end_request(room, caller, in.ptr);
}

/* --- Cancelling ----------------------------------------------------------- */

static bool is_meant(const char *id, const room_id *job,
                     const room_id *request) {
    char hex[2][65];
    size_t n = strlen(id);
    mal_hex_encode(hex[0], mal_bytes_of(job->b, 32));
    mal_hex_encode(hex[1], mal_bytes_of(request->b, 32));
    return n == 0 || strncmp(hex[0], id, n) == 0 || strncmp(hex[1], id, n) == 0;
}

/* Tell every member; whoever has gone further than its say-so ends by itself.
 * For good: nobody begins it again. */
static void abort_everywhere(mal_room *room, const room_members *members,
                             const room_id *request, bool for_good) {
    uint8_t message[33];
    memcpy(message, request->b, 32);
    message[32] = 1;
    for (unsigned i = 0; i < members->n; i++) {
        MAL_AUTO(mal_buf_clear) mal_buf reply = { 0 };
        if (room_call(room, members->at[i], "abort",
                      mal_bytes_of(message, for_good ? 33 : 32), &reply,
                      5000) != MAL_OK)
            mal_err_forget();
    }
}

mal_err mal_room_cancel(mal_room *room, const char *id) {
    struct {
        room_id request;
        room_members members;
    } asked[ROOM_JOBS_MAX];
    size_t n = 0;
    bool found = false;
    pthread_mutex_lock(&room->lock);
    for (room_job *job = room->jobs; job; job = job->next)
        if (is_meant(id, &job->id, &job->request.id)) {
            job->over |= !room->closing && *id;
            room_job_cancel(job, room);
            found = true;
        }
    for (room_ask *ask = room->asks; ask && n < ROOM_JOBS_MAX; ask = ask->next)
        if (is_meant(id, &ask->job, &ask->request)) {
            atomic_store(&ask->cancelled, true);
            asked[n].members = ask->members;
            asked[n++].request = ask->request;
        }
    bool closing = room->closing;
    pthread_mutex_unlock(&room->lock);
    for (size_t i = 0; i < n && !closing; i++)
        abort_everywhere(room, &asked[i].members, &asked[i].request, *id != 0);
    MAL_REQUIRE(found || n || !*id, MAL_E_MISSING,
                "no job %s is under way here: see malus job ls", id);
    return MAL_OK;
}

/* --- Listing -------------------------------------------------------------- */

static const char *live_state(const room_job *job) {
    static const char *const names[] = { "",        "open", "held", "spent",
                                         "running", "ran",  "done" };
    return names[job->phase];
}

static mal_err add_history(mal_room *room, mal_room_job *list, size_t *n,
                           size_t max, mal_arena *arena) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    MAL_TRY(mal_db_prepare(&s, room->config.db,
                           "SELECT job, state, error, asked_by, started, ended,"
                           " request FROM room_job WHERE room = ?1"
                           " ORDER BY started DESC, rowid DESC LIMIT ?2"));
    MAL_TRY(mal_db_bind_text(s, 1, room->id_hex));
    MAL_TRY(mal_db_bind_int(s, 2, (int64_t)max));
    for (bool row = true; *n < max;) {
        MAL_TRY(mal_db_step(s, &row));
        if (!row)
            break;
        mal_room_job *j = &list[*n];
        snprintf(j->id, sizeof j->id, "%s", mal_db_col_text(s, 0));
        j->state = mal_arena_strdup(arena, mal_db_col_text(s, 1));
        j->stage = "";
        j->error = mal_arena_strdup(arena, mal_db_col_text(s, 2));
        j->asked_by = mal_arena_strdup(arena, mal_db_col_text(s, 3));
        j->started = (uint64_t)mal_db_col_int(s, 4);
        j->ended = (uint64_t)mal_db_col_int(s, 5);
        if (!j->state || !j->error || !j->asked_by)
            return MAL_E_MEMORY;
        ++*n;
    }
    return MAL_OK;
}

mal_err mal_room_jobs(mal_room *room, mal_room_job **jobs, size_t *n,
                      mal_arena *arena) {
    const size_t max = 200;
    mal_room_job *list = mal_arena_calloc(arena, max, sizeof *list);
    if (!list)
        return MAL_E_MEMORY;
    *n = 0;
    mal_room_sweep(room);
    pthread_mutex_lock(&room->db_lock);
    mal_err err = add_history(room, list, n, max, arena);
    pthread_mutex_unlock(&room->db_lock);
    MAL_TRY(err);
    pthread_mutex_lock(&room->lock);
    for (room_job *job = room->jobs; job; job = job->next) {
        char hex[65];
        mal_hex_encode(hex, mal_bytes_of(job->id.b, 32));
        for (size_t i = 0; i < *n; i++)
            if (strcmp(list[i].id, hex) == 0) {
                list[i].state = live_state(job);
                char *stage = mal_arena_strdup(arena, job->stage);
                list[i].stage = stage ? stage : "";
                list[i].done = job->done;
                list[i].total = job->total;
                if (job->done && job->total >= job->done)
                    list[i].left_s =
                        (double)(mal_time_monotonic_ns() - job->stage_ns) /
                        1e9 * (double)(job->total - job->done) /
                        (double)job->done;
            }
    }
    pthread_mutex_unlock(&room->lock);
    *jobs = list;
    return MAL_OK;
}
