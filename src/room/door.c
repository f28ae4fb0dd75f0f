/* door.c - opening and closing a room. */
#include "room_impl.h"

#include <string.h>

#define STEP_MS 60000

const mal_policy_contract *mal_room_contract(const mal_room *room) {
    return room->contract;
}

static mal_err find_me(mal_room *room) {
    const mal_policy_contract *c = room->contract;
    uint8_t identity[32];
    mal_kms_identity(room->config.kms, identity);
    room->me = MAL_POLICY_NONE;
    for (uint32_t i = 0; i < c->n_parties; i++) {
        if (mal_equal(c->parties[i].identity, identity, 32))
            room->me = i;
        if (c->parties[i].roles & MAL_POLICY_OWNER)
            room->owner_at[room->n_owners++] = i;
    }
    MAL_REQUIRE(room->me != MAL_POLICY_NONE, MAL_E_DENIED,
                "this node's identity is not a party of room \"%s\"", c->name);
    MAL_REQUIRE(
        strcmp(mal_kms_party(room->config.kms), c->parties[room->me].name) == 0,
        MAL_E_DENIED,
        "the contract names this node's key \"%s\", the node itself "
        "\"%s\"",
        c->parties[room->me].name, mal_kms_party(room->config.kms));
    return MAL_OK;
}

static mal_err read_bundle(mal_room *room, mal_bytes bytes) {
    mal_room_bundle bundle;
    MAL_TRY(mal_buf_put(&room->bundle, bytes));
    MAL_TRY(mal_room_bundle_read(&bundle, room->arena,
                                 mal_buf_view(&room->bundle)));
    const mal_policy_contract *c = bundle.contract;
    for (uint32_t i = 0; i < c->n_parties; i++)
        MAL_REQUIRE(!(bundle.missing >> i & 1), MAL_E_DENIED,
                    "%s has not signed room \"%s\" yet: every owner signs the "
                    "same bytes",
                    c->parties[i].name, c->name);
    room->contract = c;
    room->owners = mal_policy_owners(c);
    room_members_of(&room->everybody, room_everybody(c));
    mal_hex_encode(room->id_hex, mal_bytes_of(c->room_id, 32));
#ifndef MAL_TEST_BUILD
    MAL_REQUIRE(!c->test, MAL_E_DENIED,
                "a room marked test needs a test build on every node");
#else
    MAL_REQUIRE(c->test, MAL_E_DENIED,
                "this build can open values before noise, and joins only rooms "
                "marked test: build with -Dtest_build=false");
#endif
    return find_me(room);
}

/* Jobs that were under way when the node died: they end with an error, and what
 * was held of the budget expires as spent. */
static mal_err end_old_jobs(mal_room *room) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    MAL_TRY(mal_db_prepare(&s, room->config.db,
                           "UPDATE room_job SET state = 'failed', ended = ?2,"
                           " error = 'the node was started anew'"
                           " WHERE room = ?1 AND state NOT IN ('done',"
                           " 'failed')"));
    MAL_TRY(mal_db_bind_text(s, 1, room->id_hex));
    MAL_TRY(mal_db_bind_int(s, 2, (int64_t)mal_time_unix()));
    MAL_TRY(mal_db_run(s));
    MAL_TRY(room_kept_sweep(room));
    size_t expired;
    return mal_dp_ledger_expire(room->config.ledger, room_now(room), &expired);
}

static mal_err open_room(mal_room *room, mal_bytes bundle) {
    bool successor, logged;
    MAL_TRY(read_bundle(room, bundle));
    MAL_TRY(room_tables(room->config.db));
    MAL_TRY(room_check_version(room, &successor));
    MAL_TRY(room_load_flags(room, &logged));
    /* After the new version is known durably, and again after a crash: a node
     * opens the newest version that it knows. */
    if (successor || room->contract->version > 1)
        MAL_TRY(mal_store_rewrap(room->config.store, room->contract));
    room->unlogged = !logged;
    MAL_TRY(room_check_history(room));
    return end_old_jobs(room);
}

mal_err mal_room_open(mal_room **out, const mal_room_config *config,
                      mal_bytes bundle) {
    mal_room *room = mal_calloc(1, sizeof *room);
    if (!room)
        return MAL_E_MEMORY;
    room->config = *config;
    room->answer = mal_room_answer_call;
    room->config.step_ms = config->step_ms ? config->step_ms : STEP_MS;
    room->config.memory_max =
        config->memory_max ? config->memory_max : (uint64_t)1 << 30;
    room->config.threads = config->threads ? config->threads : mal_cpus();
    room->config.build = config->build ? config->build : MAL_VERSION;
    room_costs_default(&room->costs);
    pthread_mutex_init(&room->lock, NULL);
    pthread_mutex_init(&room->log_lock, NULL);
    pthread_mutex_init(&room->db_lock, NULL);
    pthread_mutex_init(&room->uploads_lock, NULL);
    pthread_cond_init(&room->changed, NULL);
    room->arena = mal_arena_new((size_t)600 << 20);
    mal_err err = room->arena ? room_costs_read(&room->costs, config->costs)
                              : MAL_E_MEMORY;
    if (err == MAL_OK)
        err = open_room(room, bundle);
    if (err != MAL_OK) {
        mal_room_close(room);
        return mal_err_trace(err, __FILE__, __LINE__);
    }
    *out = room;
    return MAL_OK;
}

static bool any_busy(const mal_room *room) {
    for (const room_job *job = room->jobs; job; job = job->next)
        if (job->busy)
            return true;
    return false;
}

void mal_room_close(mal_room *room) {
    if (!room)
        return;
    pthread_mutex_lock(&room->lock);
    room->closing = true;
    for (room_job *job = room->jobs; job; job = job->next)
        room_job_cancel(job, room);
    while (any_busy(room))
        pthread_cond_wait(&room->changed, &room->lock);
    pthread_mutex_unlock(&room->lock);
    while (room->jobs) {
        room->jobs->busy = true;
        room_job_give(room, room->jobs, false);
    }
    pthread_mutex_destroy(&room->lock);
    pthread_mutex_destroy(&room->log_lock);
    pthread_mutex_destroy(&room->db_lock);
    room_uploads_clear(room);
    pthread_mutex_destroy(&room->uploads_lock);
    pthread_cond_destroy(&room->changed);
    mal_buf_clear(&room->bundle);
    mal_arena_free(room->arena);
    mal_free(room);
}
