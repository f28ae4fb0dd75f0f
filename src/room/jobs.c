/* jobs.c - live jobs in memory, their history and used nonces in the database.
 */
#include "room_impl.h"

#include <stdio.h>
#include <string.h>

mal_err room_tables(mal_db *db) {
    return mal_db_exec(
        db,
        "CREATE TABLE IF NOT EXISTS room_nonce ("
        "  room TEXT NOT NULL, nonce BLOB NOT NULL, expires INTEGER NOT NULL,"
        "  PRIMARY KEY (room, nonce)) STRICT;"
        "CREATE TABLE IF NOT EXISTS room_void ("
        "  room TEXT NOT NULL, job BLOB NOT NULL,"
        "  PRIMARY KEY (room, job)) STRICT;"
        "CREATE TABLE IF NOT EXISTS room_job ("
        "  room TEXT NOT NULL, request BLOB NOT NULL, job TEXT NOT NULL,"
        "  state TEXT NOT NULL, error TEXT NOT NULL, asked_by TEXT NOT NULL,"
        "  started INTEGER NOT NULL, ended INTEGER NOT NULL,"
        "  PRIMARY KEY (room, request)) STRICT;"
        "CREATE TABLE IF NOT EXISTS room_contract ("
        "  hash TEXT PRIMARY KEY, room TEXT NOT NULL, version INTEGER NOT NULL,"
        "  bundle BLOB NOT NULL, logged INTEGER NOT NULL,"
        "  withdrawn TEXT NOT NULL) STRICT;"
        "CREATE TABLE IF NOT EXISTS room_peer_key ("
        "  room TEXT NOT NULL, party TEXT NOT NULL, statement BLOB NOT NULL,"
        "  PRIMARY KEY (room, party)) STRICT;"
        "CREATE TABLE IF NOT EXISTS room_kept ("
        "  room TEXT NOT NULL, job BLOB NOT NULL, role INTEGER NOT NULL,"
        "  request BLOB NOT NULL, attempt INTEGER NOT NULL,"
        "  state INTEGER NOT NULL, expires INTEGER NOT NULL,"
        "  sealed BLOB NOT NULL, PRIMARY KEY (room, job, role)) STRICT;"
        "CREATE TABLE IF NOT EXISTS room_answer ("
        "  room TEXT NOT NULL, key BLOB NOT NULL, job TEXT NOT NULL,"
        "  sealed BLOB NOT NULL, created INTEGER NOT NULL,"
        "  expires INTEGER NOT NULL, PRIMARY KEY (room, key)) STRICT;");
}

/* A nonce is used once, also across restarts; old ones are forgotten only after
 * the requests that carried them have expired. */
mal_err room_nonce_use(mal_room *room, const uint8_t nonce[32],
                       uint64_t expires) {
    pthread_mutex_lock(&room->db_lock);
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *sweep = NULL;
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *add = NULL;
    mal_err err = mal_db_prepare(
        &sweep, room->config.db,
        "DELETE FROM room_nonce WHERE room = ?1 AND expires < ?2");
    if (err == MAL_OK)
        err = mal_db_bind_text(sweep, 1, room->id_hex);
    if (err == MAL_OK)
        err = mal_db_bind_int(sweep, 2, (int64_t)(mal_time_unix() - 86400));
    if (err == MAL_OK)
        err = mal_db_run(sweep);
    if (err == MAL_OK)
        err = mal_db_prepare(&add, room->config.db,
                             "INSERT INTO room_nonce VALUES (?1, ?2, ?3)");
    if (err == MAL_OK)
        err = mal_db_bind_text(add, 1, room->id_hex);
    if (err == MAL_OK)
        err = mal_db_bind_blob(add, 2, mal_bytes_of(nonce, 32));
    if (err == MAL_OK)
        err = mal_db_bind_int(add, 3, (int64_t)expires);
    if (err == MAL_OK) {
        err = mal_db_run(add);
        if (err == MAL_E_STATE)
            err = mal_err_set(MAL_E_DENIED, __FILE__, __LINE__,
                              "the request's nonce was used before: a request "
                              "is signed anew for every attempt");
    }
    pthread_mutex_unlock(&room->db_lock);
    return err;
}

static mal_err promise(mal_room *room, const room_id *job) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    MAL_TRY(mal_db_prepare(&s, room->config.db,
                           "INSERT OR IGNORE INTO room_void VALUES (?1, ?2)"));
    MAL_TRY(mal_db_bind_text(s, 1, room->id_hex));
    MAL_TRY(mal_db_bind_blob(s, 2, mal_bytes_of(job->b, 32)));
    return mal_db_run(s);
}

mal_err room_void_promise(mal_room *room, const room_id *job) {
    pthread_mutex_lock(&room->db_lock);
    mal_err err = promise(room, job);
    pthread_mutex_unlock(&room->db_lock);
    return err;
}

static mal_err promised(mal_room *room, const room_id *job, bool *yes) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    MAL_TRY(
        mal_db_prepare(&s, room->config.db,
                       "SELECT 1 FROM room_void WHERE room = ?1 AND job = ?2"));
    MAL_TRY(mal_db_bind_text(s, 1, room->id_hex));
    MAL_TRY(mal_db_bind_blob(s, 2, mal_bytes_of(job->b, 32)));
    return mal_db_step(s, yes);
}

mal_err room_void_check(mal_room *room, const room_id *job) {
    bool yes = false;
    pthread_mutex_lock(&room->db_lock);
    mal_err err = promised(room, job, &yes);
    pthread_mutex_unlock(&room->db_lock);
    MAL_TRY(err);
    MAL_REQUIRE(!yes, MAL_E_STATE,
                "this node has signed that it does not spend for this job");
    return MAL_OK;
}

static mal_err record(mal_room *room, const room_job *job, const char *state,
                      const char *error) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    char id[65];
    mal_hex_encode(id, mal_bytes_of(job->id.b, 32));
    bool over = strcmp(state, "done") == 0 || strcmp(state, "failed") == 0;
    MAL_TRY(mal_db_prepare(
        &s, room->config.db,
        "INSERT INTO room_job VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
        " ON CONFLICT DO UPDATE SET job = ?3, state = ?4, error = ?5,"
        " ended = ?8"));
    MAL_TRY(mal_db_bind_text(s, 1, room->id_hex));
    MAL_TRY(mal_db_bind_blob(s, 2, mal_bytes_of(job->request.id.b, 32)));
    MAL_TRY(mal_db_bind_text(s, 3, id));
    MAL_TRY(mal_db_bind_text(s, 4, state));
    MAL_TRY(mal_db_bind_text(s, 5, error));
    MAL_TRY(mal_db_bind_text(
        s, 6, room->contract->parties[job->request.requester].name));
    MAL_TRY(mal_db_bind_int(s, 7, (int64_t)job->started));
    MAL_TRY(mal_db_bind_int(s, 8, over ? (int64_t)mal_time_unix() : 0));
    return mal_db_run(s);
}

mal_err room_job_record(mal_room *room, const room_job *job, const char *state,
                        const char *error) {
    pthread_mutex_lock(&room->db_lock);
    mal_err err = record(room, job, state, error);
    pthread_mutex_unlock(&room->db_lock);
    return err;
}

static void free_job(room_job *job) {
    for (unsigned i = 0; i < MAL_PARTIES_MAX; i++)
        mal_chan_close(&job->chans[i]);
    mal_buf_clear(&job->openings);
    pthread_mutex_destroy(&job->chans_lock);
    mal_arena_free(job->arena);
    mal_free(job);
}

mal_err room_job_new(mal_room *room, room_job **out) {
    room_job *job = mal_calloc(1, sizeof *job);
    if (!job)
        return MAL_E_MEMORY;
    pthread_mutex_init(&job->chans_lock, NULL);
    job->arena = mal_arena_new(ROOM_ARENA_MAX);
    if (!job->arena) {
        mal_free(job);
        return MAL_E_MEMORY;
    }
    job->started = mal_time_unix();
    job->busy = true;
    mal_err err = MAL_OK;
    pthread_mutex_lock(&room->lock);
    if (room->closing || room->withdrawn)
        err = mal_err_set(MAL_E_STATE, __FILE__, __LINE__, "%s",
                          room->withdrawn
                              ? "an owner withdrew from the room: no new jobs"
                              : "the node is stopping");
    else if (room->n_jobs >= ROOM_JOBS_MAX)
        err = mal_err_set(MAL_E_LIMIT, __FILE__, __LINE__,
                          "%d jobs are under way here; ask again later",
                          ROOM_JOBS_MAX);
    if (err == MAL_OK) {
        job->next = room->jobs;
        room->jobs = job;
        room->n_jobs++;
    }
    pthread_mutex_unlock(&room->lock);
    if (err != MAL_OK) {
        free_job(job);
        return err;
    }
    *out = job;
    return MAL_OK;
}

/* One party cannot take the places of all. */
mal_err room_job_own(mal_room *room, room_job *job, uint32_t caller) {
    unsigned same = 0;
    pthread_mutex_lock(&room->lock);
    for (const room_job *other = room->jobs; other; other = other->next)
        same += other != job && other->owned && other->caller == caller;
    job->caller = caller;
    job->owned = true;
    pthread_mutex_unlock(&room->lock);
    MAL_REQUIRE(same < ROOM_JOBS_CALLER_MAX, MAL_E_LIMIT,
                "%d of your jobs are under way here; ask again later",
                ROOM_JOBS_CALLER_MAX);
    return MAL_OK;
}

mal_err room_job_take(mal_room *room, room_job **out, const uint8_t request[32],
                      room_phase phase) {
    mal_err err = mal_err_set(MAL_E_MISSING, __FILE__, __LINE__,
                              "no such job here: it ended, or the node was "
                              "started anew");
    pthread_mutex_lock(&room->lock);
    for (room_job *job = room->jobs; job; job = job->next) {
        if (!mal_equal(job->request.id.b, request, 32))
            continue;
        err = MAL_OK;
        if (job->busy || job->phase != phase)
            err = mal_err_set(MAL_E_STATE, __FILE__, __LINE__,
                              "the job's steps were called out of order");
        else if (atomic_load(&job->cancelled))
            err = mal_err_set(MAL_E_CANCEL, __FILE__, __LINE__,
                              "the job was cancelled");
        if (err == MAL_OK) {
            job->busy = true;
            *out = job;
        }
        break;
    }
    pthread_mutex_unlock(&room->lock);
    return err;
}

bool room_job_live(mal_room *room, const uint8_t request[32]) {
    bool live = false;
    pthread_mutex_lock(&room->lock);
    for (const room_job *job = room->jobs; job; job = job->next)
        live |= mal_equal(job->request.id.b, request, 32);
    pthread_mutex_unlock(&room->lock);
    return live;
}

void room_job_give(mal_room *room, room_job *job, bool keep) {
    unsigned step = room->config.step_ms;
    pthread_mutex_lock(&room->lock);
    job->busy = false;
    job->deadline_ns = mal_time_monotonic_ns() + (uint64_t)step * 2000000;
    if (!keep) {
        room_job **at = &room->jobs;
        while (*at != job)
            at = &(*at)->next;
        *at = job->next;
        room->n_jobs--;
    }
    pthread_cond_broadcast(&room->changed);
    pthread_mutex_unlock(&room->lock);
    if (!keep)
        free_job(job);
}

/* Holds room->lock.  The handler at work notices at its next step, or when its
 * channel fails. */
void room_job_cancel(room_job *job, mal_room *room) {
    atomic_store(&job->cancelled, true);
    pthread_mutex_lock(&job->chans_lock);
    for (unsigned i = 0; i < MAL_PARTIES_MAX; i++)
        if (job->chans[i])
            room->config.peers.cancel(room->config.peers.ctx, job->chans[i]);
    pthread_mutex_unlock(&job->chans_lock);
}

/* --- Questions that we ask ----------------------------------------------- */

static mal_err record_ask(mal_room *room, const room_ask *ask,
                          const char *state, const char *error) {
    room_job row = { .started = ask->started, .id = ask->job };
    row.request.id = ask->request;
    row.request.requester = room->me;
    return room_job_record(room, &row, state, error);
}

mal_err room_ask_begin(mal_room *room, room_ask *ask) {
    ask->started = mal_time_unix();
    MAL_TRY(record_ask(room, ask, "asking", ""));
    pthread_mutex_lock(&room->lock);
    ask->next = room->asks;
    room->asks = ask;
    pthread_mutex_unlock(&room->lock);
    return MAL_OK;
}

/* From now on it is known by its job's id. */
void room_ask_known(mal_room *room, room_ask *ask, const room_id *job) {
    pthread_mutex_lock(&room->lock);
    ask->job = *job;
    pthread_mutex_unlock(&room->lock);
    if (record_ask(room, ask, "asking", "") != MAL_OK)
        mal_err_forget(); /* the history only */
}

void room_ask_end(mal_room *room, room_ask *ask, const char *error) {
    pthread_mutex_lock(&room->lock);
    room_ask **at = &room->asks;
    while (*at != ask)
        at = &(*at)->next;
    *at = ask->next;
    pthread_mutex_unlock(&room->lock);
    char why[600];
    snprintf(why, sizeof why, "%s", error);
    if (record_ask(room, ask, *why ? "failed" : "done", why) != MAL_OK)
        mal_err_forget(); /* the history only */
}
