/* ask.c - asking: carry the five steps between the members, then open the
 * answer.
 *
 * This node proposes and carries; it is believed by nobody.  As the recipient
 * it alone can open what the owners seal.
 */
#include "room_impl.h"

#include <stdio.h>
#include <string.h>

#define CANDIDATES_MAX 64
#define JOB_MS 600000

typedef struct asking {
    mal_room *room;
    mal_arena *arena;
    const mal_room_question *question;
    const mal_progress *progress;
    room_request request; /* as signed */
    room_judged judged;
    mal_buf message; /* the request */
    unsigned n;      /* members of the job */
    mal_buf accepts[MAL_PARTIES_MAX], holds[MAL_PARTIES_MAX];
    mal_buf intents[MAL_PARTIES_MAX], dones[MAL_PARTIES_MAX];
    mal_buf outputs[MAL_PARTIES_MAX], results[MAL_PARTIES_MAX];
    mal_buf openings[MAL_PARTIES_MAX];
    room_id job;
    mal_prim_hash key; /* of the stored answer, if `keeps` */
    bool keeps;
    room_ask mark;
    bool opened, held, spent;
    bool remembered; /* the job can be begun again */
    uint64_t bytes;
    uint32_t ticks_missed;
} asking;

static void clear_list(mal_buf *list) {
    for (unsigned i = 0; i < MAL_PARTIES_MAX; i++)
        mal_buf_clear(&list[i]);
}

static void asking_clear(asking *a) {
    mal_buf_clear(&a->message);
    clear_list(a->accepts);
    clear_list(a->holds);
    clear_list(a->intents);
    clear_list(a->dones);
    clear_list(a->outputs);
    clear_list(a->results);
    clear_list(a->openings);
}

/* --- Proposing ----------------------------------------------------------- */

static mal_err judge_one(asking *a, const char *purpose, uint64_t epsilon) {
    a->request.purpose = mal_arena_strdup(a->arena, purpose ? purpose : "");
    if (!a->request.purpose)
        return MAL_E_MEMORY;
    a->request.epsilon_nano = epsilon;
    return room_judge(a->room, &a->judged, a->arena, &a->request);
}

/* A refusal that says more is the better one to show. */
static bool tells_more(const mal_policy_verdict *a,
                       const mal_policy_verdict *b) {
    if ((a->code == MAL_POLICY_FORBIDDEN) != (b->code == MAL_POLICY_FORBIDDEN))
        return a->code == MAL_POLICY_FORBIDDEN;
    return a->code > b->code;
}

/* Purpose and epsilon that were not said are taken from the permits, in order:
 * the first under which the question may be asked. */
static mal_err propose(asking *a) {
    const mal_room_question *q = a->question;
    const mal_policy_contract *c = a->room->contract;
    room_judged best = { 0 };
    mal_err last = MAL_OK;
    unsigned tried = 0;
    a->request.requester = a->room->me;
    a->request.prenoise = q->prenoise;
    a->request.text = mal_arena_strdup(a->arena, q->text);
    if (!a->request.text)
        return MAL_E_MEMORY;
    for (uint32_t i = 0; i < c->n_rules && tried < CANDIDATES_MAX; i++) {
        const mal_policy_rule *r = &c->rules[i];
        if (r->effect == MAL_POLICY_FORBID || !(r->by >> a->room->me & 1))
            continue;
        tried++;
        last = judge_one(
            a, q->purpose ? q->purpose : (r->n_purposes ? r->purposes[0] : ""),
            q->epsilon_nano ? q->epsilon_nano : r->epsilon_nano);
        if (last != MAL_OK)
            continue;
        if (a->judged.verdict.outcome == MAL_POLICY_ALLOW)
            return MAL_OK;
        if (!best.plan || tells_more(&a->judged.verdict, &best.verdict))
            best = a->judged;
    }
    if (tried == 0)
        MAL_TRY(judge_one(a, q->purpose, q->epsilon_nano));
    else if (best.plan)
        a->judged = best;
    else
        return last;
    return MAL_OK;
}

static mal_err refuse(const mal_policy_verdict *v) {
    MAL_FAIL(MAL_E_DENIED, "%s%s%s", v->text, *v->nearest ? " " : "",
             v->nearest);
}

static mal_err sign_request(asking *a) {
    mal_room *room = a->room;
    room_request *r = &a->request;
    r->engine = a->judged.engine;
    memcpy(r->physical.b, a->judged.physical_hash.b, 32);
    mal_prim_random(r->nonce, 32);
    r->expires = room_now(room) + ROOM_REQUEST_SECONDS / 3;
    mal_kms_pub(room->config.kms, MAL_KMS_HPKE, r->hpke);
    MAL_TRY(room_request_make(room, &a->message, r));
    /* Read it back: the id is the hash of what was signed. */
    room_request own;
    MAL_TRY(room_request_read(room, &own, a->arena, mal_buf_view(&a->message)));
    r->id = own.id;
    r->payload = own.payload;
    r->envelope = own.envelope;
    return MAL_OK;
}

/* --- Carrying ------------------------------------------------------------ */

/* One step: the same message to all members, or with what all said before. */
static mal_err carry(asking *a, const char *method, mal_bytes request,
                     mal_buf *replies, unsigned timeout_ms) {
    room_calls *calls = mal_arena_alloc(a->arena, sizeof *calls);
    if (!calls)
        return MAL_E_MEMORY;
    *calls = (room_calls){ .room = a->room,
                           .method = method,
                           .request = request,
                           .replies = replies,
                           .parties = a->judged.members.at,
                           .timeout_ms = timeout_ms };
    for (unsigned i = 0; i < a->n; i++)
        replies[i].max = ROOM_OUTPUT_MAX;
    return room_call_all(calls, a->n);
}

static mal_err carry_list(asking *a, const char *method, const mal_buf *list,
                          mal_buf *replies, unsigned timeout_ms) {
    MAL_REQUIRE(!atomic_load(&a->mark.cancelled), MAL_E_CANCEL,
                "the question was cancelled");
    MAL_AUTO(mal_buf_clear) mal_buf message = { 0 };
    MAL_TRY(mal_buf_put(&message, mal_bytes_of(a->request.id.b, 32)));
    MAL_TRY(room_list_encode(&message, list, a->n));
    return carry(a, method, mal_buf_view(&message), replies, timeout_ms);
}

/* A refusal by an owner that we, with the same contract, would allow ourselves
 * is worth its name; room_call_all has it. */
static mal_err step_open(asking *a) {
    MAL_TRY(mal_progress_step(a->progress, "owners judge", 0, 5));
    a->opened = true;
    MAL_TRY(carry(a, "open", mal_buf_view(&a->message), a->accepts,
                  a->room->config.step_ms));
    mal_bytes nonces[MAL_PARTIES_MAX + 1];
    nonces[0] = mal_bytes_of(a->request.id.b, 32);
    room_accept *list = mal_arena_calloc(a->arena, a->n, sizeof *list);
    if (!list)
        return MAL_E_MEMORY;
    for (unsigned i = 0; i < a->n; i++) {
        mal_bytes body;
        MAL_TRY(room_open_signed(a->room, &body, mal_buf_view(&a->accepts[i]),
                                 "malus/accept/v1", a->judged.members.at[i]));
        MAL_TRY(room_accept_decode(&list[i], a->arena, body));
        nonces[i + 1] = mal_bytes_of(list[i].nonce, 32);
    }
    mal_prim_hash job;
    mal_prim_hash_parts(&job, "malus job v1", nonces, a->n + 1);
    memcpy(a->job.b, job.b, 32);
    return MAL_OK;
}

/* Before the budget is spent a job can be undone, if every owner is still there
 * to sign so; afterwards it is only told to end. */
static void undo(asking *a) {
    char why[600];
    mal_buf *voids = mal_arena_calloc(a->arena, MAL_PARTIES_MAX, sizeof *voids);
    mal_buf *ends = mal_arena_calloc(a->arena, MAL_PARTIES_MAX, sizeof *ends);
    snprintf(why, sizeof why, "%s", mal_err_message());
    if (!voids || !ends || !a->opened)
        return;
    bool undone = false;
    unsigned soon = room_soon(a->room);
    if (a->held && !a->spent) {
        MAL_AUTO(mal_buf_clear) mal_buf message = { 0 };
        mal_err err = mal_buf_put(&message, mal_bytes_of(a->request.id.b, 32));
        if (err == MAL_OK)
            err = mal_buf_put(&message, mal_bytes_of(a->job.b, 32));
        if (err == MAL_OK)
            err = carry(a, "void", mal_buf_view(&message), voids, soon);
        if (err == MAL_OK)
            err = room_list_encode(&message, voids, a->n);
        if (err == MAL_OK)
            err = carry(a, "void", mal_buf_view(&message), ends, soon);
        undone = err == MAL_OK;
    }
    clear_list(ends);
    if (!undone && carry(a, "abort", mal_bytes_of(a->request.id.b, 32), ends,
                         soon) != MAL_OK)
        mal_err_forget();
    clear_list(voids);
    clear_list(ends);
}

static mal_err split_reply(mal_buf *reply, mal_buf *first, mal_buf *second) {
    mal_rd rd = mal_rd_of(mal_buf_view(reply));
    mal_bytes a, b;
    MAL_TRY(mal_rd_blob(&rd, &a, ROOM_MESSAGE_MAX));
    MAL_TRY(mal_rd_blob(&rd, &b, ROOM_OUTPUT_MAX));
    MAL_TRY(mal_rd_end(&rd));
    first->max = second->max = ROOM_OUTPUT_MAX;
    MAL_TRY(mal_buf_put(first, a));
    return mal_buf_put(second, b);
}

static mal_err step_run(asking *a) {
    unsigned ms = a->question->timeout_ms ? a->question->timeout_ms : JOB_MS;
    mal_buf *replies =
        mal_arena_calloc(a->arena, MAL_PARTIES_MAX, sizeof *replies);
    if (!replies)
        return MAL_E_MEMORY;
    mal_err err = carry_list(a, "run", a->intents, replies, ms);
    for (unsigned i = 0; i < a->n && err == MAL_OK; i++)
        err = split_reply(&replies[i], &a->dones[i], &a->outputs[i]);
    clear_list(replies);
    return err;
}

static mal_err step_close(asking *a) {
    mal_buf *replies =
        mal_arena_calloc(a->arena, MAL_PARTIES_MAX, sizeof *replies);
    if (!replies)
        return MAL_E_MEMORY;
    mal_err err =
        carry_list(a, "close", a->dones, replies, a->room->config.step_ms);
    for (unsigned i = 0; i < a->n && err == MAL_OK; i++)
        err = split_reply(&replies[i], &a->results[i], &a->openings[i]);
    clear_list(replies);
    return err;
}

static mal_err run_and_close(asking *a) {
    MAL_TRY(mal_progress_step(a->progress, "engine runs", 3, 5));
    MAL_TRY(step_run(a));
    MAL_TRY(mal_progress_step(a->progress, "results are logged and cosigned", 4,
                              5));
    return step_close(a);
}

/* What a later attempt of the same job will need (mal_room_resume). */
static mal_err remember(asking *a) {
    room_kept k = { .role = ROOM_KEPT_ASKER,
                    .job = a->job,
                    .request = a->request.id,
                    .caller = a->keeps,
                    .message = mal_buf_view(&a->message),
                    .n = a->n };
    if (a->judged.engine != MAL_POLICY_ENGINE_SHARE3)
        return MAL_OK;
    memcpy(k.hash.b, a->key.b, 32);
    for (unsigned i = 0; i < a->n; i++)
        k.list[i] = mal_buf_view(&a->intents[i]);
    a->remembered = a->room->config.folder != NULL;
    return room_kept_save(a->room, &k);
}

static mal_err run_job(asking *a) {
    unsigned step_ms = a->room->config.step_ms;
    MAL_TRY(step_open(a));
    room_ask_known(a->room, &a->mark, &a->job);
    MAL_TRY(mal_progress_step(a->progress, "owners hold their budgets", 1, 5));
    a->held = true;
    MAL_TRY(carry_list(a, "hold", a->accepts, a->holds, step_ms));
    MAL_TRY(mal_progress_step(a->progress, "intents are logged and cosigned", 2,
                              5));
    a->spent = true;
    MAL_TRY(carry_list(a, "spend", a->holds, a->intents, step_ms));
    MAL_TRY(remember(a));
    return run_and_close(a);
}

/* --- Opening the answer -------------------------------------------------- */

static mal_err open_output(asking *a, unsigned i, mal_buf *plain) {
    mal_room *room = a->room;
    mal_bytes body;
    room_done done;
    mal_prim_hash hash;
    MAL_AUTO(mal_buf_clear) mal_buf aad = { 0 };
    MAL_TRY(room_open_signed(room, &body, mal_buf_view(&a->dones[i]),
                             "malus/done/v1", a->judged.members.at[i]));
    MAL_TRY(room_done_decode(&done, body));
    mal_prim_sha256_of(&hash, mal_buf_view(&a->outputs[i]));
    MAL_REQUIRE(mal_equal(done.output.b, hash.b, 32) &&
                    mal_equal(done.job.b, a->job.b, 32),
                MAL_E_PEER, "%s sent another output than it signed",
                room->contract->parties[a->judged.members.at[i]].name);
    a->bytes += done.bytes_sent;
    a->ticks_missed += done.ticks_missed;
    MAL_TRY(mal_buf_put(&aad, mal_bytes_of(a->job.b, 32)));
    MAL_TRY(mal_buf_put_u32(&aad, a->judged.members.at[i]));
    plain->max = ROOM_OUTPUT_MAX;
    return mal_kms_hpke_open(room->config.kms, plain,
                             mal_bytes_str("malus output v1"),
                             mal_buf_view(&aad), mal_buf_view(&a->outputs[i]));
}

static mal_err add_words(int64_t *cells, size_t n, mal_bytes words) {
    MAL_REQUIRE(words.len == n * 8, MAL_E_PEER,
                "a party sealed an output of another size");
    for (size_t i = 0; i < n; i++)
        cells[i] =
            (int64_t)((uint64_t)cells[i] + mal_load_u64le(words.ptr + 8 * i));
    return MAL_OK;
}

static mal_err open_share3(asking *a, int64_t *cells, mal_sql_table *rows,
                           mal_buf *plain) {
    const mal_sql_physical *p = a->judged.physical;
    mal_bytes seats[MAL_POLICY_SEATS] = { { 0 } };
    for (unsigned i = 0; i < a->n; i++)
        for (unsigned k = 0; k < MAL_POLICY_SEATS; k++)
            if (a->judged.parties[k] == a->judged.members.at[i])
                seats[k] = mal_buf_view(&plain[i]);
    if (room_opened(&a->judged))
        return room_rows_decode(rows, a->arena, a->judged.plan, seats);
    return room_parts3_add(cells, p->n_cells * p->n_aggs, seats);
}

static mal_err open_part(asking *a, unsigned i, mal_buf *plain, int64_t *cells,
                         mal_sql_table *rows) {
    const mal_sql_physical *p = a->judged.physical;
    bool computes = false;
    MAL_TRY(open_output(a, i, plain));
    for (unsigned k = 0; k < a->judged.n; k++)
        computes |= a->judged.parties[k] == a->judged.members.at[i];
    MAL_REQUIRE(computes || plain->len == 0, MAL_E_PEER,
                "a party that computes nothing sent an output");
    if (!computes || a->judged.engine == MAL_POLICY_ENGINE_SHARE3)
        return MAL_OK;
    if (!room_exact(&a->judged))
        return add_words(cells, p->n_cells * p->n_aggs, mal_buf_view(plain));
    const bool ours = a->judged.members.at[i] == a->judged.parties[0];
    MAL_REQUIRE(ours || plain->len == 0, MAL_E_PEER,
                "a party that learns nothing sent an output");
    return ours
               ? room_match_decode(rows, a->arena, p->plan, mal_buf_view(plain))
               : MAL_OK;
}

/* Released cells, [agg][cell]. */
static mal_err open_cells(asking *a, int64_t **out, mal_sql_table *rows) {
    const mal_sql_physical *p = a->judged.physical;
    size_t n = p->n_cells * p->n_aggs;
    int64_t *cells = mal_arena_calloc(a->arena, n + 1, sizeof *cells);
    if (!cells)
        return MAL_E_MEMORY;
    mal_buf *plain = mal_arena_calloc(a->arena, MAL_PARTIES_MAX, sizeof *plain);
    if (!plain)
        return MAL_E_MEMORY;
    mal_err err = MAL_OK;
    for (unsigned i = 0; i < a->n && err == MAL_OK; i++)
        err = open_part(a, i, &plain[i], cells, rows);
    if (err == MAL_OK && a->judged.engine == MAL_POLICY_ENGINE_SHARE3)
        err = open_share3(a, cells, rows, plain);
    clear_list(plain);
    MAL_TRY(err);
    *out = cells;
    return MAL_OK;
}

static mal_err finish(asking *a, mal_room_answer *answer,
                      const int64_t *cells) {
    const mal_sql_physical *p = a->judged.physical;
    uint64_t *half =
        mal_arena_calloc(a->arena, p->n_cells * p->n_aggs, sizeof *half);
    if (!half)
        return MAL_E_MEMORY;
    for (unsigned k = 0; k < p->n_aggs; k++)
        for (uint64_t c = 0; c < p->n_cells; c++)
            half[k * p->n_cells + c] =
                a->request.prenoise ? 0 : a->judged.noise[k].halfwidth;
    if (p->training && p->training->counted && !a->request.prenoise)
        half[p->n_cells - 1] = a->judged.noise[1].halfwidth;
    mal_sql_finish_options options = { .group_min =
                                           a->judged.verdict.group_min };
    return mal_sql_finish(&answer->table, a->arena, p, cells, half, &options);
}

static mal_err notes(asking *a, mal_room_answer *answer) {
    room_disclosed d;
    MAL_TRY(room_disclose(&d, a->arena, a->room, &a->judged));
    const char **list =
        mal_arena_calloc(a->arena, d.leakage.n + d.trust.n + 1, sizeof *list);
    if (!list)
        return MAL_E_MEMORY;
    answer->notes = list;
    for (size_t i = 0; i < d.leakage.n; i++)
        list[answer->n_notes++] = d.leakage.line[i];
    for (size_t i = 0; i < d.trust.n; i++)
        list[answer->n_notes++] = d.trust.line[i];
    if (a->ticks_missed)
        list[answer->n_notes++] =
            mal_arena_printf(a->arena,
                             "%u local stages missed their tick: the time that "
                             "they took was visible",
                             a->ticks_missed);
    return MAL_OK;
}

/* --- Stored answers (rules 14 and 19) ------------------------------------ */

static mal_err dataset_state(asking *a, mal_buf *state) {
    const mal_policy_facts *f = &a->judged.facts;
    const mal_policy_contract *c = a->room->contract;
    mal_policy_set owners = 0;
    for (uint32_t i = 0; i < f->n_datasets; i++)
        owners |= (mal_policy_set)1 << c->datasets[f->datasets[i]].owner;
    for (uint32_t p = 0; p < c->n_parties; p++) {
        if (!(owners >> p & 1))
            continue;
        MAL_AUTO(mal_buf_clear) mal_buf reply = { 0 };
        mal_err err = room_call(a->room, p, "datasets", mal_bytes_of(NULL, 0),
                                &reply, a->room->config.step_ms);
        if (err != MAL_OK) {
            char why[600];
            snprintf(why, sizeof why, "%s: %s", c->parties[p].name,
                     mal_err_message());
            return mal_err_set(err, __FILE__, __LINE__, "%s", why);
        }
        mal_rd rd = mal_rd_of(mal_buf_view(&reply));
        while (rd.left > 0) {
            mal_bytes name, rest;
            MAL_TRY(mal_rd_blob(&rd, &name, 256));
            MAL_TRY(mal_rd_raw(&rd, &rest, 36));
            for (uint32_t i = 0; i < f->n_datasets; i++) {
                const char *want = c->datasets[f->datasets[i]].name;
                if (!mal_bytes_same_vartime(name, mal_bytes_str(want)))
                    continue;
                MAL_TRY(mal_buf_put_blob(state, name));
                MAL_TRY(mal_buf_put(state, rest));
            }
        }
    }
    return MAL_OK;
}

static mal_err answer_key(asking *a, mal_prim_hash *key) {
    MAL_AUTO(mal_buf_clear) mal_buf state = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf params = { 0 };
    MAL_TRY(dataset_state(a, &state));
    MAL_TRY(mal_buf_put_u64(&params, a->request.epsilon_nano));
    MAL_TRY(mal_buf_put_u32(&params, a->room->me));
    MAL_TRY(mal_buf_put_u8(&params, a->request.prenoise));
    MAL_TRY(mal_buf_put_blob_str(&params, a->request.purpose));
    mal_bytes parts[5] = {
        mal_bytes_of(a->room->contract->hash, 32),
        mal_bytes_of(a->judged.plan_hash.b, 32),
        mal_bytes_of(a->judged.physical_hash.b, 32),
        mal_buf_view(&params),
        mal_buf_view(&state),
    };
    mal_prim_hash_parts(key, "malus stored answer v1", parts, 5);
    return MAL_OK;
}

static mal_err load_kept(asking *a, const mal_prim_hash *key,
                         mal_room_answer *answer, int64_t **cells) {
    const mal_sql_physical *p = a->judged.physical;
    size_t n = p->n_cells * p->n_aggs;
    MAL_AUTO(mal_buf_clear) mal_buf words = { .max = ROOM_OUTPUT_MAX };
    MAL_TRY(room_answer_load(a->room, key, answer->job, &words,
                             &answer->receipt, &answer->stored));
    if (!answer->stored)
        return MAL_OK;
    *cells = mal_arena_calloc(a->arena, n, sizeof **cells);
    if (!*cells)
        return MAL_E_MEMORY;
    return add_words(*cells, n, mal_buf_view(&words));
}

static mal_err keep(asking *a, const mal_prim_hash *key,
                    const mal_room_answer *answer, const int64_t *cells) {
    const mal_sql_physical *p = a->judged.physical;
    MAL_AUTO(mal_buf_clear) mal_buf words = { .max = ROOM_OUTPUT_MAX };
    for (size_t i = 0; i < p->n_cells * p->n_aggs; i++)
        MAL_TRY(mal_buf_put_u64(&words, (uint64_t)cells[i]));
    return room_answer_keep(a->room, key, answer->job, mal_buf_view(&words),
                            mal_buf_view(&answer->receipt),
                            a->judged.verdict.keep_days);
}

/* --- All of it ----------------------------------------------------------- */

/* From `opened` to the end, or undone. */
static mal_err attempt(asking *a, mal_err (*steps)(asking *a)) {
    a->n = a->judged.members.n;
    a->mark.members = a->judged.members;
    a->mark.request = a->request.id;
    a->mark.job = a->job;
    MAL_TRY(room_ask_begin(a->room, &a->mark));
    mal_err err = steps(a);
    if (err == MAL_OK) {
        room_ask_end(a->room, &a->mark, "");
        return MAL_OK;
    }
    char why[900], hex[65];
    bool again = a->remembered &&
                 (err == MAL_E_PEER || err == MAL_E_TIMEOUT || err == MAL_E_IO);
    mal_hex_encode(hex, mal_bytes_of(a->job.b, 32));
    snprintf(why, sizeof why, "%s%s%s%.*s%s", mal_err_message(),
             a->spent ? " (the attempt was charged" : "",
             again ? "; `malus job resume " : "", again ? 12 : 0, hex,
             again      ? "` goes on with it)"
             : a->spent ? ")"
                        : "");
    undo(a);
    room_ask_end(a->room, &a->mark, why);
    return mal_err_set(err, __FILE__, __LINE__, "%s", why);
}

static mal_err read_answer(asking *a, mal_room_answer *answer,
                           int64_t **cells) {
    MAL_TRY(open_cells(a, cells, &answer->table));
    mal_hex_encode(answer->job, mal_bytes_of(a->job.b, 32));
    answer->epsilon_nano = room_exact(&a->judged) ? 0 : a->request.epsilon_nano;
    answer->bytes = a->bytes;
    MAL_TRY(room_receipt_make(a->room, &answer->receipt, &a->judged, a->intents,
                              a->results, a->openings, &a->job));
    MAL_TRY(room_kept_forget(a->room, &a->job, ROOM_KEPT_ASKER));
    /* Owners checked each other's intents; nobody but us has all results. */
    MAL_AUTO(mal_buf_clear) mal_buf report = { 0 };
    return mal_room_receipt_verify(&report, mal_buf_view(&answer->receipt),
                                   false);
}

/* An answer of rows, which is neither finished nor kept. */
static bool opened(const room_judged *judged) {
    return room_opened(judged) || room_exact(judged);
}

static mal_err finish_answer(asking *a, mal_room_answer *answer,
                             const int64_t *cells) {
    if (!opened(&a->judged))
        MAL_TRY(finish(a, answer, cells));
    MAL_TRY(notes(a, answer));
    return a->keeps && !answer->stored ? keep(a, &a->key, answer, cells)
                                       : MAL_OK;
}

static mal_err ask(asking *a, mal_room_answer *answer) {
    MAL_REQUIRE(!a->room->withdrawn, MAL_E_STATE,
                "an owner withdrew from the room: no new jobs");
    MAL_TRY(propose(a));
    answer->verdict = a->judged.verdict;
    if (a->judged.verdict.outcome != MAL_POLICY_ALLOW) {
        /* Refused here, by the contract that all hold: nobody else hears of it.
         * Who cannot know that its log is the newest does not write to it. */
        mal_prim_hash digest;
        mal_prim_sha256_of(&digest, mal_bytes_str(a->question->text));
        if (room_catch_up(a->room) == MAL_OK)
            MAL_TRY(room_log_refusal(a->room, &a->judged.verdict,
                                     a->question->text, digest.b));
        return refuse(&a->judged.verdict);
    }
    answer->engine = mal_policy_engine_name(a->judged.engine);
    int64_t *cells = NULL;
    a->keeps = a->judged.verdict.keep_days > 0 && !opened(&a->judged);
    if (a->keeps)
        MAL_TRY(answer_key(a, &a->key));
    if (a->keeps && !a->question->fresh)
        MAL_TRY(load_kept(a, &a->key, answer, &cells));
    if (!answer->stored) {
        MAL_TRY(sign_request(a));
        MAL_TRY(attempt(a, run_job));
        MAL_TRY(read_answer(a, answer, &cells));
    }
    return finish_answer(a, answer, cells);
}

mal_err mal_room_ask(mal_room *room, mal_room_answer *answer, mal_arena *arena,
                     const mal_room_question *question,
                     const mal_progress *progress) {
    *answer = (mal_room_answer){ 0 };
    asking *a = mal_arena_alloc(arena, sizeof *a);
    if (!a)
        return MAL_E_MEMORY;
    uint64_t start = mal_time_monotonic_ns();
    *a = (asking){
        .room = room, .arena = arena, .question = question, .progress = progress
    };
    mal_err err = ask(a, answer);
    answer->seconds = (double)(mal_time_monotonic_ns() - start) / 1e9;
    asking_clear(a);
    return err;
}

/* --- The same job again --------------------------------------------------- */

/* Could all of them?  Whoever is away, or refuses, says so before an attempt
 * is used up. */
static mal_err next_attempt(asking *a, uint32_t *attempt) {
    MAL_AUTO(mal_buf_clear) mal_buf message = { 0 };
    mal_err err = mal_buf_put(&message, mal_bytes_of(a->job.b, 32));
    if (err == MAL_OK)
        err = mal_buf_put_u32(&message, 0);
    if (err == MAL_OK)
        err = carry(a, "resume", mal_buf_view(&message), a->accepts,
                    a->room->config.step_ms);
    *attempt = 1;
    for (unsigned i = 0; i < a->n && err == MAL_OK; i++) {
        mal_rd rd = mal_rd_of(mal_buf_view(&a->accepts[i]));
        uint32_t made;
        err = mal_rd_u32(&rd, &made);
        if (err == MAL_OK && made >= *attempt)
            *attempt = made + 1;
    }
    clear_list(a->accepts);
    return err;
}

static mal_err run_again(asking *a) {
    MAL_AUTO(mal_buf_clear) mal_buf message = { 0 };
    uint32_t attempt;
    MAL_TRY(next_attempt(a, &attempt));
    MAL_TRY(room_kept_attempt(a->room, &a->job, ROOM_KEPT_ASKER, attempt));
    MAL_TRY(mal_buf_put(&message, mal_bytes_of(a->job.b, 32)));
    MAL_TRY(mal_buf_put_u32(&message, attempt));
    a->opened = true;
    MAL_TRY(carry(a, "resume", mal_buf_view(&message), a->accepts,
                  a->room->config.step_ms));
    return run_and_close(a);
}

static mal_err recall(asking *a, const char *job) {
    room_kept k = { .role = ROOM_KEPT_ASKER };
    MAL_TRY(room_kept_load(a->room, &k, a->arena, job));
    MAL_TRY(room_request_again(a->room, &a->request, a->arena, k.message));
    MAL_TRY(room_judge(a->room, &a->judged, a->arena, &a->request));
    if (a->judged.verdict.outcome != MAL_POLICY_ALLOW)
        return refuse(&a->judged.verdict);
    MAL_REQUIRE(
        k.n == a->judged.members.n &&
            mal_equal(a->judged.physical_hash.b, a->request.physical.b, 32),
        MAL_E_STATE, "the question splits otherwise than it did");
    a->job = k.job;
    a->n = k.n;
    a->keeps = k.caller == 1;
    memcpy(a->key.b, k.hash.b, 32);
    for (unsigned i = 0; i < k.n; i++) {
        a->intents[i].max = ROOM_OUTPUT_MAX;
        MAL_TRY(mal_buf_put(&a->intents[i], k.list[i]));
    }
    a->held = a->spent = a->remembered = true;
    return MAL_OK;
}

static mal_err resume(asking *a, mal_room_answer *answer, const char *job) {
    int64_t *cells;
    MAL_TRY(recall(a, job));
    answer->verdict = a->judged.verdict;
    answer->engine = mal_policy_engine_name(a->judged.engine);
    MAL_TRY(attempt(a, run_again));
    MAL_TRY(read_answer(a, answer, &cells));
    return finish_answer(a, answer, cells);
}

mal_err mal_room_resume(mal_room *room, mal_room_answer *answer,
                        mal_arena *arena, const char *job, unsigned timeout_ms,
                        const mal_progress *progress) {
    const mal_room_question question = { .timeout_ms = timeout_ms };
    *answer = (mal_room_answer){ 0 };
    asking *a = mal_arena_alloc(arena, sizeof *a);
    if (!a)
        return MAL_E_MEMORY;
    uint64_t start = mal_time_monotonic_ns();
    *a = (asking){ .room = room,
                   .arena = arena,
                   .question = &question,
                   .progress = progress };
    mal_err err = resume(a, answer, job);
    answer->seconds = (double)(mal_time_monotonic_ns() - start) / 1e9;
    asking_clear(a);
    return err;
}

/* For explain: the same proposal, without a job. */
mal_err room_propose(mal_room *room, room_judged *judged, room_request *request,
                     mal_arena *arena, const mal_room_question *question) {
    asking *a = mal_arena_alloc(arena, sizeof *a);
    if (!a)
        return MAL_E_MEMORY;
    *a = (asking){ .room = room, .arena = arena, .question = question };
    mal_err err = propose(a);
    *judged = a->judged;
    *request = a->request;
    return err;
}
