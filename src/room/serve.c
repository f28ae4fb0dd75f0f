/* serve.c - the five steps of a job at an owner.
 *
 * Each step verifies what all owners signed in the one before; whoever carries
 * the messages can withhold them, and nothing else.  Until `spend` has logged
 * our intent and `run` has seen the cosigned intents of all, nothing that
 * depends on data is computed, let alone sent.
 */
#include "room_impl.h"

#include <stdio.h>
#include <string.h>

#define HOLD_SECONDS 3600 /* a hold that nobody voids counts as spent after */

typedef struct step {
    mal_rd rd;
    uint8_t request[32];
    unsigned n;
    mal_bytes list[MAL_PARTIES_MAX]; /* a signed message of each member */
} step;

static mal_err read_step(step *s, mal_bytes in) {
    s->rd = mal_rd_of(in);
    MAL_TRY(mal_rd_copy(&s->rd, s->request, 32));
    MAL_TRY(room_list_decode(s->list, &s->n, &s->rd, ROOM_MESSAGE_MAX));
    return mal_rd_end(&s->rd);
}

static void enter(mal_room *room, room_job *job, const char *stage) {
    pthread_mutex_lock(&room->lock);
    snprintf(job->stage, sizeof job->stage, "%s", stage);
    job->done = job->total = 0;
    pthread_mutex_unlock(&room->lock);
}

/* --- open ---------------------------------------------------------------- */

static mal_err own_datasets(mal_room *room, room_job *job, mal_arena *arena) {
    room_accept *a = &job->accept;
    const mal_policy_facts *f = &job->judged.facts;
    for (uint32_t i = 0; i < f->n_datasets; i++) {
        const mal_policy_dataset *d = &room->contract->datasets[f->datasets[i]];
        if (d->owner != room->me)
            continue;
        MAL_REQUIRE(a->n_datasets < ROOM_DATASETS_MAX, MAL_E_LIMIT,
                    "a question touches at most %d datasets",
                    ROOM_DATASETS_MAX);
        mal_store_info info;
        room_dataset_ref *r = &a->datasets[a->n_datasets++];
        MAL_TRY(mal_store_find(room->config.store, &info, arena,
                               room->contract->room_id, d->name, 0));
        r->name = mal_arena_strdup(arena, d->name);
        if (!r->name)
            return MAL_E_MEMORY;
        r->version = info.version;
        memcpy(r->root.b, info.root, 32);
        MAL_TRY(mal_store_fits(room->config.store, room->contract, d->name,
                               info.version));
    }
    return MAL_OK;
}

static mal_err fill_accept(mal_room *room, room_job *job) {
    room_accept *a = &job->accept;
    const room_judged *j = &job->judged;
    a->request = job->request.id;
    a->contract = job->request.contract;
    memcpy(a->plan.b, j->plan_hash.b, 32);
    memcpy(a->physical.b, j->physical_hash.b, 32);
    a->party = room->me;
    mal_prim_random(a->nonce, 32);
    mal_prim_hash commitment = { { 0 } };
    if (room->owners >> room->me & 1) { /* rule 27: no seat has the key */
        MAL_TRY(mal_room_key_agree(room));
        MAL_TRY(mal_kms_pseudonym_commitment(room->config.kms, &commitment,
                                             room->contract->room_id));
    }
    memcpy(a->pseudonyms.b, commitment.b, 32);
    a->build = mal_arena_strdup(job->arena, room->config.build);
    if (!a->build)
        return MAL_E_MEMORY;
    MAL_TRY(own_datasets(room, job, job->arena));
    a->log_size = mal_audit_log_size(room->config.log);
    mal_prim_hash root = { { 0 } };
    if (a->log_size)
        MAL_TRY(mal_audit_log_root(room->config.log, &root, a->log_size));
    memcpy(a->log_root.b, root.b, 32);
    a->epsilon_nano = j->epsilon_nano;
    a->share_k = j->share_k;
    return room_lie_accept(room, a);
}

static mal_err open_job(mal_room *room, uint32_t caller, room_job *job,
                        mal_bytes in, mal_buf *out) {
    MAL_TRY(room_job_own(room, job, caller));
    char *copy = mal_arena_alloc(job->arena, in.len + 1);
    if (!copy)
        return MAL_E_MEMORY;
    memcpy(copy, in.ptr, in.len);
    enter(room, job, "judging");
    job->message = mal_bytes_of(copy, in.len);
    MAL_TRY(room_request_read(room, &job->request, job->arena, job->message));
    MAL_REQUIRE(job->request.requester == caller, MAL_E_DENIED,
                "a request is carried by the node of who signed it");
    MAL_TRY(room_nonce_use(room, job->request.nonce, job->request.expires));
    MAL_TRY(room_judge(room, &job->judged, job->arena, &job->request));
    const mal_policy_verdict *v = &job->judged.verdict;
    if (v->outcome != MAL_POLICY_ALLOW) {
        char *asked = mal_arena_strndup(job->arena,
                                        (const char *)job->request.payload.ptr,
                                        job->request.payload.len);
        if (!asked)
            return MAL_E_MEMORY;
        MAL_TRY(room_log_refusal(room, v, asked, job->request.id.b));
        MAL_FAIL(MAL_E_DENIED, "%s%s%s", v->text, *v->nearest ? " " : "",
                 v->nearest);
    }
    MAL_REQUIRE(
        job->judged.engine == job->request.engine &&
            mal_equal(job->judged.physical_hash.b, job->request.physical.b, 32),
        MAL_E_DENIED,
        "the proposed physical plan is not what this question splits "
        "into");
    MAL_REQUIRE(job->judged.members.set >> room->me & 1, MAL_E_DENIED,
                "this node has no part in a job of engine %s",
                mal_policy_engine_name(job->judged.engine));
    MAL_TRY(fill_accept(room, job));
    MAL_AUTO(mal_buf_clear) mal_buf body = { 0 };
    MAL_TRY(room_accept_encode(&body, &job->accept));
    MAL_TRY(room_sign(room, out, "malus/accept/v1", mal_buf_view(&body)));
    job->phase = ROOM_OPEN;
    return room_job_record(room, job, "open", "");
}

mal_err room_serve_open(mal_room *room, uint32_t caller, mal_bytes in,
                        mal_buf *out) {
    MAL_REQUIRE(room->everybody.set >> room->me & 1, MAL_E_DENIED,
                "this node is neither owner nor seat in the room");
    MAL_TRY(room_catch_up(room));
    MAL_TRY(room_announce(room));
    room_job *job;
    mal_room_sweep(room);
    MAL_TRY(room_job_new(room, &job));
    mal_err err = open_job(room, caller, job, in, out);
    room_job_give(room, job, err == MAL_OK);
    return err;
}

/* --- Steps in general ---------------------------------------------------- */

typedef mal_err (*step_body)(mal_room *room, room_job *job, step *s,
                             mal_buf *out);

/* Who ended it: the party whose channel failed first, or who told us to stop.
 */
static const char *blame(const mal_room *room, const room_job *job,
                         mal_err err) {
    const mal_policy_party *parties = room->contract->parties;
    if (err != MAL_E_PEER && err != MAL_E_TIMEOUT && err != MAL_E_CANCEL)
        return parties[room->me].name;
    if (err != MAL_E_CANCEL && job->phase == ROOM_RUNNING && job->failed)
        return parties[job->failed - 1].name;
    return parties[job->caller].name;
}

/* Take the job, run the body; a failure ends the job here. */
static mal_err serve_step(mal_room *room, uint32_t caller, mal_bytes in,
                          mal_buf *out, room_phase from, step_body body) {
    step s;
    room_job *job;
    MAL_TRY(read_step(&s, in));
    MAL_TRY(room_job_take(room, &job, s.request, from));
    bool ours = job->caller == caller && s.n == job->judged.members.n;
    mal_err err = MAL_E_DENIED;
    if (job->caller != caller)
        err = mal_err_set(MAL_E_DENIED, __FILE__, __LINE__,
                          "another node asked this question");
    else if (!ours)
        err = mal_err_set(MAL_E_PEER, __FILE__, __LINE__,
                          "expected a message of each of %u parties, got %u",
                          job->judged.members.n, s.n);
    else
        err = body(room, job, &s, out);
    bool keep = err == MAL_OK && job->phase != ROOM_CLOSED;
    if (err != MAL_OK && ours) {
        char why[512];
        snprintf(why, sizeof why, "%s", mal_err_message());
        if (room_job_end(room, job, blame(room, job, err), why, err) != MAL_OK)
            mal_err_forget(); /* the history only */
        if (job->own_error)
            err = mal_err_set(MAL_E_STATE, __FILE__, __LINE__,
                              "could not compute its part; its own list of "
                              "jobs says why");
        else
            err = mal_err_set(err, __FILE__, __LINE__, "%s", why);
    } else if (err != MAL_OK) {
        keep = true; /* not theirs to end */
    }
    room_job_give(room, job, keep);
    return err;
}

/* --- hold ---------------------------------------------------------------- */

/* An acceptance pins a version of each table of its party that the plan reads,
 * and of no other. */
static mal_err check_pins(mal_room *room, const room_job *job,
                          const room_accept *a) {
    const mal_policy_contract *c = room->contract;
    const mal_policy_facts *f = &job->judged.facts;
    unsigned wanted = 0;
    for (uint32_t i = 0; i < f->n_datasets; i++) {
        const mal_policy_dataset *d = &c->datasets[f->datasets[i]];
        if (d->owner != a->party)
            continue;
        MAL_REQUIRE(wanted < a->n_datasets &&
                        strcmp(a->datasets[wanted].name, d->name) == 0,
                    MAL_E_PEER, "%s does not say which version of %s it reads",
                    c->parties[a->party].name, d->name);
        wanted++;
    }
    MAL_REQUIRE(wanted == a->n_datasets, MAL_E_PEER,
                "%s pins a table that the plan does not read",
                c->parties[a->party].name);
    return MAL_OK;
}

/* All owners hold one key, and a seat that owns nothing has none: it compares
 * each owner's commitment with the first one's. */
static mal_err compare_pseudonyms(const mal_room *room, const room_job *job,
                                  const room_accept *a) {
    const mal_policy_contract *c = room->contract;
    static const room_id none;
    const room_id *want = &job->accept.pseudonyms;
    const char *whom = "we do";
    if (!(room->owners >> a->party & 1)) {
        MAL_REQUIRE(mal_equal(&a->pseudonyms, &none, 32), MAL_E_PEER,
                    "%s owns nothing, and holds a pseudonym key",
                    c->parties[a->party].name);
        return MAL_OK;
    }
    for (unsigned i = 0; !(room->owners >> room->me & 1) &&
                         job->judged.members.at[i] <= a->party;
         i++)
        if (room->owners >> job->judged.members.at[i] & 1) {
            want = &job->accepts[i].pseudonyms;
            whom = c->parties[job->judged.members.at[i]].name;
            break;
        }
    MAL_REQUIRE(mal_equal(&a->pseudonyms, want, 32), MAL_E_PEER,
                "%s holds another pseudonym key than %s",
                c->parties[a->party].name, whom);
    return MAL_OK;
}

static mal_err compare_accept(mal_room *room, room_job *job, unsigned i,
                              const room_accept *a) {
    const mal_policy_contract *c = room->contract;
    const char *name = c->parties[job->judged.members.at[i]].name;
    const room_accept *own = &job->accept;
    MAL_REQUIRE(a->party == job->judged.members.at[i] &&
                    mal_equal(&a->request, &own->request, 32),
                MAL_E_PEER, "%s answered another request", name);
    MAL_REQUIRE(mal_equal(&a->contract, &own->contract, 32), MAL_E_PEER,
                "%s holds another contract than we do", name);
    MAL_REQUIRE(mal_equal(&a->plan, &own->plan, 32), MAL_E_PEER,
                "%s reads another plan out of the question than we do", name);
    MAL_REQUIRE(mal_equal(&a->physical, &own->physical, 32), MAL_E_PEER,
                "%s splits the plan otherwise than we do", name);
    MAL_TRY(compare_pseudonyms(room, job, a));
    MAL_REQUIRE(a->epsilon_nano == own->epsilon_nano &&
                    a->share_k == own->share_k,
                MAL_E_PEER, "%s would draw other noise than we do", name);
    MAL_REQUIRE(a->party != room->me || mal_equal(a->nonce, own->nonce, 32),
                MAL_E_PEER, "our own acceptance was altered");
    MAL_TRY(check_pins(room, job, a));
    mal_audit_seen seen = { 0 };
    char origin[MAL_AUDIT_ORIGIN_LEN + 1];
    mal_audit_origin(origin, name, c->parties[a->party].identity);
    MAL_TRY(mal_audit_witness_last(room->config.witness, &seen, NULL, origin));
    /* Other jobs move a log on between an acceptance and the look at it; an old
     * copy that slips through here is not cosigned at its intent. */
    uint64_t lag = 2u * room->config.step_ms / 1000 + 1;
    bool moved = seen.time + lag >= mal_time_unix();
    MAL_REQUIRE((a->log_size >= seen.size || moved) &&
                    (a->log_size != seen.size || seen.size == 0 ||
                     mal_equal(a->log_root.b, seen.root.b, 32)),
                MAL_E_PEER,
                "the log of %s is behind, or beside, what we cosigned of it: "
                "its state is an old copy",
                name);
    return MAL_OK;
}

static mal_err read_accepts(mal_room *room, room_job *job, const step *s) {
    const room_members *m = &job->judged.members;
    job->accepts = mal_arena_calloc(job->arena, m->n, sizeof *job->accepts);
    if (!job->accepts)
        return MAL_E_MEMORY;
    mal_bytes nonces[MAL_PARTIES_MAX + 1];
    nonces[0] = mal_bytes_of(job->request.id.b, 32);
    for (unsigned i = 0; i < m->n; i++) {
        mal_bytes body;
        MAL_TRY(room_open_signed(room, &body, s->list[i], "malus/accept/v1",
                                 m->at[i]));
        MAL_TRY(room_accept_decode(&job->accepts[i], job->arena, body));
        MAL_TRY(compare_accept(room, job, i, &job->accepts[i]));
        nonces[i + 1] = mal_bytes_of(job->accepts[i].nonce, 32);
    }
    mal_prim_hash hash;
    mal_prim_hash_parts(&hash, "malus job v1", nonces, m->n + 1);
    memcpy(job->id.b, hash.b, 32);
    mal_prim_hash_parts(&hash, "malus acceptances v1", s->list, m->n);
    memcpy(job->accepts_hash.b, hash.b, 32);
    return MAL_OK;
}

static uint64_t own_epsilon(const mal_room *room, const room_judged *j) {
    for (unsigned i = 0; i < j->n_losses; i++)
        if (j->losses[i].owner == room->me)
            return j->losses[i].epsilon_nano;
    return 0;
}

static mal_err hold(mal_room *room, room_job *job, step *s, mal_buf *out) {
    enter(room, job, "holding the budget");
    MAL_TRY(read_accepts(room, job, s));
    MAL_TRY(room_shares_check(room, job));
    room_hold h = { .job = job->id,
                    .accepts = job->accepts_hash,
                    .party = room->me,
                    .epsilon_nano = own_epsilon(room, &job->judged),
                    .deadline = room_now(room) + HOLD_SECONDS };
    MAL_TRY(room_ledger_hold(room, job, h.deadline));
    MAL_AUTO(mal_buf_clear) mal_buf body = { 0 };
    MAL_TRY(room_hold_encode(&body, &h));
    MAL_TRY(room_sign(room, out, "malus/hold/v1", mal_buf_view(&body)));
    job->phase = ROOM_HELD;
    return room_job_record(room, job, "held", "");
}

mal_err room_serve_hold(mal_room *room, uint32_t caller, mal_bytes in,
                        mal_buf *out) {
    return serve_step(room, caller, in, out, ROOM_OPEN, hold);
}

/* --- spend --------------------------------------------------------------- */

static mal_err check_holds(mal_room *room, room_job *job, const step *s) {
    for (unsigned i = 0; i < job->judged.members.n; i++) {
        uint32_t party = job->judged.members.at[i];
        const char *name = room->contract->parties[party].name;
        mal_bytes body;
        room_hold h;
        MAL_TRY(
            room_open_signed(room, &body, s->list[i], "malus/hold/v1", party));
        MAL_TRY(room_hold_decode(&h, body));
        MAL_REQUIRE(h.party == party && mal_equal(&h.job, &job->id, 32) &&
                        mal_equal(&h.accepts, &job->accepts_hash, 32),
                    MAL_E_PEER, "%s holds its budget for another job", name);
        uint64_t owed = 0;
        for (unsigned k = 0; k < job->judged.n_losses; k++)
            if (job->judged.losses[k].owner == party)
                owed = job->judged.losses[k].epsilon_nano;
        MAL_REQUIRE(h.epsilon_nano == owed, MAL_E_PEER,
                    "%s holds another amount than this answer costs", name);
    }
    return MAL_OK;
}

/* What every member says of the job, in its own log. */
static mal_err log_intent(mal_room *room, room_job *job, room_entry *entry) {
    const room_judged *j = &job->judged;
    mal_arena *a = job->arena;
    char job_hex[65], plan_hex[65], disclosure[65];
    mal_hex_encode(job_hex, mal_bytes_of(job->id.b, 32));
    mal_hex_encode(plan_hex, mal_bytes_of(j->plan_hash.b, 32));
    room_disclosed d;
    MAL_TRY(room_disclose(&d, a, room, j));
    mal_audit_disclosure(disclosure, mal_policy_engine_name(j->engine),
                         &d.leakage, &d.trust, &d.not_proved);
    char *request = mal_arena_strndup(a, (const char *)job->request.payload.ptr,
                                      job->request.payload.len);
    MAL_AUTO(mal_buf_clear) mal_buf data = { 0 };
    for (unsigned i = 0; i < job->accept.n_datasets; i++) {
        const room_dataset_ref *ref = &job->accept.datasets[i];
        char root[65];
        mal_hex_encode(root, mal_bytes_of(ref->root.b, 32));
        MAL_TRY(mal_buf_put_fmt(&data, "%s%s version %u root %s", i ? "; " : "",
                                ref->name, ref->version, root));
    }
    const char *datasets;
    MAL_TRY(mal_buf_cstr(&data, &datasets));
    char *amount = room_amount_text(room, job);
    if (!request || !amount)
        return MAL_E_MEMORY;
    const mal_policy_contract *c = room->contract;
    char mark[65];
    const char *cosigned;
    MAL_AUTO(mal_buf_clear) mal_buf heads = { 0 };
    MAL_TRY(room_cosigned_text(room, &heads));
    MAL_TRY(mal_buf_cstr(&heads, &cosigned));
    room_charge_mark(room, mark, job->id.b, room_ledger_charged(room, j));
    room_field fields[] = {
        { MAL_AUDIT_F_JOB, job_hex, false },
        { MAL_AUDIT_F_ENGINE, mal_policy_engine_name(j->engine), false },
        { MAL_AUDIT_F_DISCLOSURE, disclosure, false },
        { "build", room->config.build, false },
        { ROOM_F_MARK, mark, false },
        { ROOM_F_COSIGNED, cosigned, false },
        { MAL_AUDIT_C_REQUEST, request, true },
        { MAL_AUDIT_C_PLAN, plan_hex, true },
        { "physical", j->physical->text, true },
        { "datasets", datasets, true },
        { "debit", amount, true },
        { "rule", c->rules[j->verdict.rule].name, true },
    };
    return room_record(room, entry, "intent", "job", job->id.b, fields,
                       sizeof fields / sizeof *fields, &job->judged.members);
}

static mal_err spend(mal_room *room, room_job *job, step *s, mal_buf *out) {
    enter(room, job, "spending the budget");
    MAL_TRY(check_holds(room, job, s));
    MAL_TRY(room_ledger_spend(room, job, s->list));
    MAL_TRY(room_void_check(room, &job->id));
    job->phase = ROOM_SPENT;
    room_entry entry = { 0 };
    enter(room, job, "logging the intent");
    mal_err err = log_intent(room, job, &entry);
    MAL_AUTO(mal_buf_clear) mal_buf body = { 0 };
    if (err == MAL_OK)
        err = mal_buf_put_blob(&body, mal_buf_view(&entry.dsse));
    if (err == MAL_OK)
        err = mal_buf_put_blob(&body, mal_buf_view(&entry.proof));
    if (err == MAL_OK)
        err = room_serve_keys(room, &body); /* a receipt carries them */
    if (err == MAL_OK)
        err = mal_buf_put_blob(&job->openings, mal_buf_view(&entry.openings));
    room_entry_clear(&entry);
    MAL_TRY(err);
    MAL_TRY(room_sign(room, out, "malus/intent/v1", mal_buf_view(&body)));
    MAL_TRY(room_resume_keep(room, job, job->message));
    return room_job_record(room, job, "spent", "");
}

mal_err room_serve_spend(mal_room *room, uint32_t caller, mal_bytes in,
                         mal_buf *out) {
    return serve_step(room, caller, in, out, ROOM_HELD, spend);
}

/* --- run ----------------------------------------------------------------- */

static mal_err check_entries(mal_room *room, room_job *job, const step *s,
                             const char *label, const char *kind) {
    for (unsigned i = 0; i < job->judged.members.n; i++) {
        mal_bytes body, key;
        mal_kms_statement node;
        room_shown shown = { .party = job->judged.members.at[i] };
        const mal_policy_party *p = &room->contract->parties[shown.party];
        MAL_TRY(room_open_signed(room, &body, s->list[i], label, shown.party));
        mal_rd rd = mal_rd_of(body);
        MAL_TRY(mal_rd_blob(&rd, &shown.dsse, ROOM_MESSAGE_MAX));
        MAL_TRY(mal_rd_blob(&rd, &shown.proof, ROOM_MESSAGE_MAX));
        MAL_TRY(mal_rd_blob(&rd, &key, MAL_KMS_STATEMENT_MAX));
        MAL_TRY(mal_kms_statement_decode(&node, key));
        MAL_TRY(mal_kms_statement_verify(&node, p->identity, p->name,
                                         MAL_KMS_NODE, mal_time_unix()));
        MAL_TRY(room_check_entry(room, job, kind, &shown, node.pub));
    }
    return MAL_OK;
}

static mal_err run(mal_room *room, room_job *job, step *s, mal_buf *out) {
    enter(room, job, "checking the intents");
    MAL_TRY(check_entries(room, job, s, "malus/intent/v1", "intent"));
    job->phase = ROOM_RUNNING;
    MAL_TRY(room_job_record(room, job, "running", ""));
    MAL_AUTO(mal_buf_clear) mal_buf sealed = { .max = ROOM_OUTPUT_MAX };
    MAL_AUTO(mal_buf_clear) mal_buf body = { 0 };
    job->done_own = (room_done){ .job = job->id, .party = room->me };
    MAL_TRY(room_run(room, job, &sealed, &job->done_own));
    MAL_TRY(room_done_encode(&body, &job->done_own));
    MAL_AUTO(mal_buf_clear) mal_buf message = { 0 };
    MAL_TRY(room_sign(room, &message, "malus/done/v1", mal_buf_view(&body)));
    MAL_TRY(mal_buf_put_blob(out, mal_buf_view(&message)));
    MAL_TRY(mal_buf_put_blob(out, mal_buf_view(&sealed)));
    job->phase = ROOM_RAN;
    return MAL_OK;
}

mal_err room_serve_run(mal_room *room, uint32_t caller, mal_bytes in,
                       mal_buf *out) {
    return serve_step(room, caller, in, out, ROOM_SPENT, run);
}

/* --- close --------------------------------------------------------------- */

static unsigned mesh_position(const room_judged *j, uint32_t party) {
    for (unsigned i = 0; i < j->n; i++)
        if (j->parties[i] == party)
            return i;
    return MAL_PARTIES_MAX;
}

static mal_err compare_dones(mal_room *room, room_job *job, const step *s,
                             mal_prim_hash *transcript) {
    const room_judged *j = &job->judged;
    room_done *dones =
        mal_arena_calloc(job->arena, j->members.n, sizeof *dones);
    if (!dones)
        return MAL_E_MEMORY;
    const room_done *by_mesh[MAL_PARTIES_MAX] = { 0 };
    for (unsigned i = 0; i < j->members.n; i++) {
        mal_bytes body;
        uint32_t party = j->members.at[i];
        MAL_TRY(
            room_open_signed(room, &body, s->list[i], "malus/done/v1", party));
        MAL_TRY(room_done_decode(&dones[i], body));
        unsigned at = mesh_position(j, party);
        MAL_REQUIRE(dones[i].party == party &&
                        mal_equal(&dones[i].job, &job->id, 32) &&
                        dones[i].n_pairs == (at < j->n ? j->n : 0),
                    MAL_E_PEER, "%s reports of another job",
                    room->contract->parties[party].name);
        if (at < j->n)
            by_mesh[at] = &dones[i];
    }
    for (unsigned a = 0; a < j->n; a++)
        for (unsigned b = 0; b < a; b++)
            MAL_REQUIRE(
                mal_equal(&by_mesh[a]->pairs[b], &by_mesh[b]->pairs[a], 32),
                MAL_E_PEER, "%s and %s saw different messages between them",
                room->contract->parties[j->parties[a]].name,
                room->contract->parties[j->parties[b]].name);
    mal_prim_hash_parts(transcript, "malus transcripts v1", s->list,
                        j->members.n);
    return MAL_OK;
}

static mal_err log_result(mal_room *room, room_job *job, room_entry *entry,
                          const mal_prim_hash *transcript) {
    char job_hex[65], seen[65], missed[16], disclosure[65];
    room_disclosed d;
    MAL_TRY(room_disclose(&d, job->arena, room, &job->judged));
    mal_audit_disclosure(disclosure, mal_policy_engine_name(job->judged.engine),
                         &d.leakage, &d.trust, &d.not_proved);
    mal_hex_encode(job_hex, mal_bytes_of(job->id.b, 32));
    mal_hex_encode(seen, mal_bytes_of(transcript->b, 32));
    snprintf(missed, sizeof missed, "%u", job->done_own.ticks_missed);
    room_field fields[] = {
        { MAL_AUDIT_F_JOB, job_hex, false },
        { MAL_AUDIT_F_ENGINE, mal_policy_engine_name(job->judged.engine),
          false },
        { MAL_AUDIT_F_DISCLOSURE, disclosure, false },
        { "transcript", seen, false },
        { "output", job->output, true },
        { "ticks-missed", missed, false },
    };
    return room_record(room, entry, "result", "job", job->id.b, fields,
                       sizeof fields / sizeof *fields, &job->judged.members);
}

static mal_err close_job(mal_room *room, room_job *job, step *s, mal_buf *out) {
    enter(room, job, "logging the result");
    mal_prim_hash transcript;
    MAL_TRY(compare_dones(room, job, s, &transcript));
    room_entry entry = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf body = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf message = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf sealed = { 0 };
    mal_err err = log_result(room, job, &entry, &transcript);
    if (err == MAL_OK)
        err = mal_buf_put_blob(&body, mal_buf_view(&entry.dsse));
    if (err == MAL_OK)
        err = mal_buf_put_blob(&body, mal_buf_view(&entry.proof));
    if (err == MAL_OK)
        err = mal_buf_put_blob(&job->openings, mal_buf_view(&entry.openings));
    room_entry_clear(&entry);
    MAL_TRY(err);
    MAL_TRY(room_sign(room, &message, "malus/result/v1", mal_buf_view(&body)));
    MAL_TRY(mal_prim_hpke_seal(
        &sealed, job->request.hpke, mal_bytes_str("malus openings v1"),
        mal_bytes_of(job->id.b, 32), mal_buf_view(&job->openings)));
    MAL_TRY(mal_buf_put_blob(out, mal_buf_view(&message)));
    MAL_TRY(mal_buf_put_blob(out, mal_buf_view(&sealed)));
    job->phase = ROOM_CLOSED;
    MAL_TRY(room_kept_forget(room, &job->id, ROOM_KEPT_MEMBER));
    return room_job_record(room, job, "done", "");
}

mal_err room_serve_close(mal_room *room, uint32_t caller, mal_bytes in,
                         mal_buf *out) {
    return serve_step(room, caller, in, out, ROOM_RAN, close_job);
}

/* --- void ----------------------------------------------------------------- */

/* The job has ended here: of whom it was, its hold in the ledger knows, and the
 * number of voids tells us. */
static mal_err take_voids(mal_room *room, mal_rd *rd, const room_id *id) {
    mal_bytes list[MAL_PARTIES_MAX];
    unsigned n;
    room_members members = room->everybody;
    MAL_TRY(room_list_decode(list, &n, rd, ROOM_MESSAGE_MAX));
    MAL_TRY(mal_rd_end(rd));
    if (n == room->n_owners)
        room_members_of(&members, room->owners);
    MAL_REQUIRE(n == members.n, MAL_E_PEER,
                "expected a void of each of %u parties, got %u", members.n, n);
    for (unsigned i = 0; i < n; i++) {
        mal_bytes body;
        MAL_TRY(room_open_signed(room, &body, list[i], "malus/void/v1",
                                 members.at[i]));
        MAL_REQUIRE(body.len == 32 && mal_equal(body.ptr, id->b, 32),
                    MAL_E_PEER, "a void of another job");
    }
    return room_ledger_void(room, id, &members, list);
}

/* Before `spend`, a job can be undone: we sign that we shall not spend for it,
 * and end it; with the signatures of all others the hold is voided. */
mal_err room_serve_void(mal_room *room, uint32_t caller, mal_bytes in,
                        mal_buf *out) {
    mal_rd rd = mal_rd_of(in);
    uint8_t request[32];
    room_id id;
    MAL_TRY(mal_rd_copy(&rd, request, 32));
    MAL_TRY(mal_rd_copy(&rd, id.b, 32));
    if (rd.left > 0) {
        return take_voids(room, &rd, &id);
    }
    /* Our word first, then the look at the ledger: `spend` does it the other
     * way round, so that of the two at least one stops. */
    MAL_TRY(room_void_promise(room, &id));
    MAL_TRY(room_ledger_unspent(room, &id));
    room_job *job = NULL;
    mal_err err = room_job_take(room, &job, request, ROOM_HELD);
    if (err == MAL_E_STATE)
        err = room_job_take(room, &job, request, ROOM_OPEN);
    if (err == MAL_OK) {
        bool theirs = job->caller == caller &&
                      (job->phase == ROOM_OPEN || mal_equal(&job->id, &id, 32));
        if (theirs)
            err = room_job_record(room, job, "failed", "voided before it ran");
        room_job_give(room, job, !theirs);
        MAL_REQUIRE(theirs, MAL_E_DENIED, "another node asked this question");
    } else if (err == MAL_E_MISSING) {
        err = MAL_OK;
    }
    MAL_TRY(err);
    return room_sign(room, out, "malus/void/v1", mal_bytes_of(id.b, 32));
}
