/* resume.c - a job of share3 goes on after a node died.
 *
 *     asker     resume: id job, u32 0           every member: could you?
 *     member    u32 the last attempt made here
 *     asker     resume: id job, u32 attempt     every member
 *     member    its row (kept.c): the request and acceptances that it verified
 *               in the first attempt; judged anew; its ledger has spent
 *     asker     run, with the intents of the first attempt; close
 *
 * Nothing is held or spent again: it is the same job, charged once, and it has
 * one answer at most.  The seats begin behind a stage that all three kept, so
 * that owners share nothing a second time, with fresh randomness and noise.
 */
#include "room_impl.h"

#include <stdio.h>
#include <string.h>

/* --- Keeping -------------------------------------------------------------- */

mal_err room_resume_keep(mal_room *room, room_job *job, mal_bytes message) {
    room_kept k = { .role = ROOM_KEPT_MEMBER,
                    .job = job->id,
                    .request = job->request.id,
                    .caller = job->caller,
                    .hash = job->accepts_hash,
                    .message = message,
                    .openings = mal_buf_view(&job->openings),
                    .n = job->judged.members.n };
    mal_buf *bodies;
    if (job->judged.engine != MAL_POLICY_ENGINE_SHARE3)
        return MAL_OK;
    bodies = mal_arena_calloc(job->arena, k.n, sizeof *bodies);
    if (!bodies)
        return MAL_E_MEMORY;
    mal_err err = MAL_OK;
    for (unsigned i = 0; i < k.n && err == MAL_OK; i++) {
        err = room_accept_encode(&bodies[i], &job->accepts[i]);
        k.list[i] = mal_buf_view(&bodies[i]);
    }
    if (err == MAL_OK)
        err = room_kept_save(room, &k);
    for (unsigned i = 0; i < k.n; i++)
        mal_buf_clear(&bodies[i]);
    return err;
}

/* --- Going on ------------------------------------------------------------- */

static mal_err copy_message(room_job *job, const room_kept *k,
                            mal_bytes *message) {
    char *copy = mal_arena_alloc(job->arena, k->message.len + 1);
    if (!copy)
        return MAL_E_MEMORY;
    memcpy(copy, k->message.ptr, k->message.len);
    *message = mal_bytes_of(copy, k->message.len);
    return MAL_OK;
}

static mal_err judge_again(mal_room *room, room_job *job, const room_kept *k) {
    mal_bytes message;
    MAL_TRY(copy_message(job, k, &message));
    MAL_TRY(room_request_again(room, &job->request, job->arena, message));
    MAL_TRY(room_judge(room, &job->judged, job->arena, &job->request));
    const mal_policy_verdict *v = &job->judged.verdict;
    MAL_REQUIRE(v->outcome == MAL_POLICY_ALLOW, MAL_E_DENIED, "%s", v->text);
    MAL_REQUIRE(job->judged.engine == MAL_POLICY_ENGINE_SHARE3 &&
                    mal_equal(job->judged.physical_hash.b,
                              job->request.physical.b, 32) &&
                    k->n == job->judged.members.n,
                MAL_E_STATE, "the question splits otherwise than it did");
    return MAL_OK;
}

static mal_err read_accepts(mal_room *room, room_job *job, const room_kept *k) {
    const room_members *m = &job->judged.members;
    mal_bytes nonces[MAL_PARTIES_MAX + 1];
    mal_prim_hash hash;
    job->accepts = mal_arena_calloc(job->arena, m->n, sizeof *job->accepts);
    if (!job->accepts)
        return MAL_E_MEMORY;
    nonces[0] = mal_bytes_of(job->request.id.b, 32);
    for (unsigned i = 0; i < m->n; i++) {
        room_accept *a = &job->accepts[i];
        MAL_TRY(room_accept_decode(a, job->arena, k->list[i]));
        MAL_REQUIRE(a->party == m->at[i], MAL_E_AUTH, "not what was kept");
        nonces[i + 1] = mal_bytes_of(a->nonce, 32);
        if (a->party == room->me)
            job->accept = *a;
    }
    mal_prim_hash_parts(&hash, "malus job v1", nonces, m->n + 1);
    MAL_REQUIRE(mal_equal(hash.b, k->job.b, 32), MAL_E_AUTH,
                "not what was kept");
    job->id = k->job;
    job->accepts_hash = k->hash;
    return MAL_OK;
}

/* What was erased since is not computed on from what was kept of it. */
static mal_err check_pinned(mal_room *room, room_job *job) {
    for (unsigned i = 0; i < job->accept.n_datasets; i++) {
        const room_dataset_ref *ref = &job->accept.datasets[i];
        mal_store_info info;
        MAL_TRY(mal_store_find(room->config.store, &info, job->arena,
                               room->contract->room_id, ref->name,
                               ref->version));
        MAL_REQUIRE(mal_equal(info.root, ref->root.b, 32), MAL_E_STATE,
                    "%s is another table than it was", ref->name);
    }
    return MAL_OK;
}

static mal_err check_spent(mal_room *room, const room_job *job) {
    mal_dp_state state;
    MAL_TRY(room_void_check(room, &job->id));
    if (!room_ledger_charged(room, &job->judged))
        return MAL_OK;
    MAL_TRY(mal_dp_ledger_state(room->config.ledger, &state, job->id.b));
    MAL_REQUIRE(state == MAL_DP_SPENT, MAL_E_STATE,
                "the budget of that job is not spent here");
    return MAL_OK;
}

static mal_err check_kept(const room_kept *k, uint32_t caller,
                          uint32_t attempt) {
    MAL_REQUIRE(k->caller == caller, MAL_E_DENIED,
                "another node asked this question");
    MAL_REQUIRE(k->state != ROOM_KEPT_LEFT, MAL_E_STATE,
                "an answer of this job may have left: it has one at most, so "
                "ask anew");
    MAL_REQUIRE(k->state == ROOM_KEPT_LIVE, MAL_E_STATE,
                "this job is over here: ask anew");
    MAL_REQUIRE(attempt == 0 || attempt > k->attempt, MAL_E_STATE,
                "attempt %u of this job was made here", attempt);
    MAL_REQUIRE(attempt <= ROOM_ATTEMPTS_MAX, MAL_E_LIMIT,
                "a job is begun again at most %d times", ROOM_ATTEMPTS_MAX);
    return MAL_OK;
}

/* Rule 19: the log tells of it. */
static mal_err log_restart(mal_room *room, const room_job *job) {
    char job_hex[65], attempt[16];
    room_entry entry = { 0 };
    mal_hex_encode(job_hex, mal_bytes_of(job->id.b, 32));
    snprintf(attempt, sizeof attempt, "%u", job->attempt);
    room_field fields[] = { { MAL_AUDIT_F_JOB, job_hex, false },
                            { "attempt", attempt, false } };
    mal_err err =
        room_record(room, &entry, "restart", "job", job->id.b, fields, 2, NULL);
    room_entry_clear(&entry);
    return err;
}

static mal_err resume_job(mal_room *room, uint32_t caller, room_job *job,
                          const room_kept *k) {
    MAL_TRY(room_job_own(room, job, caller));
    MAL_TRY(judge_again(room, job, k));
    MAL_TRY(read_accepts(room, job, k));
    MAL_TRY(check_pinned(room, job));
    MAL_TRY(check_spent(room, job));
    MAL_TRY(mal_buf_put(&job->openings, k->openings));
    /* Never this attempt again, whatever happens to it. */
    MAL_TRY(room_kept_attempt(room, &job->id, ROOM_KEPT_MEMBER, job->attempt));
    MAL_TRY(log_restart(room, job));
    job->phase = ROOM_SPENT;
    return room_job_record(room, job, "spent", "");
}

mal_err room_serve_resume(mal_room *room, uint32_t caller, mal_bytes in,
                          mal_buf *out) {
    room_kept k = { .role = ROOM_KEPT_MEMBER };
    mal_rd rd = mal_rd_of(in);
    uint8_t id[32];
    char hex[65];
    uint32_t attempt;
    room_job *job;
    MAL_TRY(mal_rd_copy(&rd, id, 32));
    MAL_TRY(mal_rd_u32(&rd, &attempt));
    MAL_TRY(mal_rd_end(&rd));
    MAL_TRY(room_catch_up(room));
    mal_hex_encode(hex, mal_bytes_of(id, 32));
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(64 << 20);
    if (!arena)
        return MAL_E_MEMORY;
    MAL_TRY(room_kept_load(room, &k, arena, hex));
    MAL_TRY(check_kept(&k, caller, attempt));
    /* Who asks for it again has given the attempt before up. */
    MAL_TRY(room_serve_abort(room, caller, mal_bytes_of(k.request.b, 32)));
    MAL_REQUIRE(!room_job_live(room, k.request.b), MAL_E_PEER,
                "the attempt before is just ending here: once more");
    MAL_TRY(mal_buf_put_u32(out, k.attempt));
    if (attempt == 0)
        return MAL_OK;
    mal_room_sweep(room);
    MAL_TRY(room_job_new(room, &job));
    job->attempt = attempt;
    mal_err err = resume_job(room, caller, job, &k);
    room_job_give(room, job, err == MAL_OK);
    return err;
}
