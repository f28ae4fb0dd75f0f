/* record.c - statements into our log, and the cosignatures that they need.
 *
 * An intent counts once every other owner has cosigned a head of our log that
 * holds it (rule 21).  A witness remembers the last head it cosigned, so a node
 * restored from an old copy is refused by every peer, and refuses itself.
 */
#include "room_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS_MAX 16
#define COSIGN_TRIES 20
#define AHEAD_SECONDS 600 /* by which a cosigner's clock may be ahead */

void room_entry_clear(room_entry *entry) {
    mal_buf_clear(&entry->dsse);
    mal_buf_clear(&entry->proof);
    mal_buf_clear(&entry->openings);
}

static mal_err signer_of(mal_room *room, mal_audit_signer *signer) {
    signer->sec = mal_kms_key(room->config.kms, MAL_KMS_NODE);
    mal_kms_pub(room->config.kms, MAL_KMS_NODE, signer->pub);
    MAL_REQUIRE(signer->sec, MAL_E_STATE, "the node key is gone");
    return MAL_OK;
}

static mal_err add_opening(mal_json *list, const room_field *f,
                           const uint8_t salt[32]) {
    mal_json *o;
    MAL_TRY(mal_json_add_object(list, &o));
    MAL_TRY(mal_json_put_str(o, "name", f->name));
    MAL_TRY(mal_json_put_hex(o, "salt", mal_bytes_of(salt, 32)));
    return mal_json_put_str(o, "value", f->value);
}

static mal_err append(mal_room *room, room_entry *entry, mal_audit_statement *s,
                      const room_field *fields, size_t n) {
    mal_audit_field open[FIELDS_MAX];
    mal_audit_commitment hidden[FIELDS_MAX];
    MAL_AUTO(mal_json_auto) mal_json *openings = NULL;
    assert(n <= FIELDS_MAX);
    MAL_TRY(mal_json_new_array(&openings));
    s->fields = open;
    s->commitments = hidden;
    for (size_t i = 0; i < n; i++) {
        if (!fields[i].hidden) {
            open[s->n_fields++] =
                (mal_audit_field){ fields[i].name, fields[i].value };
            continue;
        }
        uint8_t salt[32];
        mal_prim_random(salt, sizeof salt);
        mal_audit_commitment *c = &hidden[s->n_commitments++];
        c->name = fields[i].name;
        mal_audit_commit(&c->hash, c->name, salt,
                         mal_bytes_str(fields[i].value));
        MAL_TRY(add_opening(openings, &fields[i], salt));
    }
    mal_audit_signer signer;
    MAL_TRY(signer_of(room, &signer));
    MAL_TRY(mal_audit_log_state(room->config.log, &entry->index, &entry->dsse,
                                s, &signer));
    return mal_json_dump(&entry->openings, openings);
}

/* --- Asking for cosignatures --------------------------------------------- */

typedef struct cosigning {
    mal_room *room;
    mal_audit_checkpoint head;
    mal_bytes note;
    uint32_t others[MAL_PARTIES_MAX];
    mal_buf lines[MAL_PARTIES_MAX];
    bool stale[MAL_PARTIES_MAX]; /* it saw a newer head than this one */
} cosigning;

static mal_err ask_cosign(cosigning *c, size_t i, int *status,
                          mal_buf *answer) {
    mal_room *room = c->room;
    uint32_t party = c->others[i];
    uint64_t old = room->cosigned_size[party];
    mal_prim_hash path[MAL_AUDIT_PROOF_MAX];
    size_t n = 0;
    if (old > 0 && old < c->head.size)
        MAL_TRY(mal_audit_log_prove_consistency(room->config.log, path, &n, old,
                                                c->head.size));
    MAL_AUTO(mal_buf_clear) mal_buf request = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf reply = { 0 };
    MAL_TRY(mal_audit_witness_request(&request, old, path, n, c->note));
    MAL_TRY(room_call(room, party, "cosign", mal_buf_view(&request), &reply,
                      room->config.step_ms));
    mal_rd rd = mal_rd_of(mal_buf_view(&reply));
    uint32_t code;
    mal_bytes text;
    MAL_TRY(mal_rd_u32(&rd, &code));
    MAL_TRY(mal_rd_blob(&rd, &text, ROOM_MESSAGE_MAX));
    MAL_TRY(mal_rd_end(&rd));
    *status = (int)code;
    return mal_buf_put(answer, text);
}

static mal_err cosign_one(void *ctx, size_t i) {
    cosigning *c = ctx;
    uint32_t party = c->others[i];
    const char *name = c->room->contract->parties[party].name;
    for (int tries = 0; tries < 3; tries++) {
        MAL_AUTO(mal_buf_clear) mal_buf answer = { 0 };
        int status = 0;
        MAL_TRY(ask_cosign(c, i, &status, &answer));
        const char *text;
        MAL_TRY(mal_buf_cstr(&answer, &text));
        if (status == 200) {
            c->room->cosigned_size[party] = c->head.size;
            return mal_buf_put(&c->lines[i], mal_buf_view(&answer));
        }
        MAL_REQUIRE(status == 409, MAL_E_DENIED,
                    "%s does not cosign our log (%d): %s", name, status, text);
        uint64_t size = strtoull(text, NULL, 10);
        MAL_REQUIRE(size >= c->room->cosigned_size[party], MAL_E_PEER,
                    "%s has forgotten heads of our log that it cosigned: its "
                    "state is an old copy",
                    name);
        c->room->cosigned_size[party] = size;
        if (size > c->head.size) {
            c->stale[i] = true;
            return MAL_OK;
        }
    }
    MAL_FAIL(MAL_E_PEER, "%s contradicts itself about our log", name);
}

/* One head, all other members.  *again: somebody has seen a newer one. */
static mal_err gather(mal_room *room, const room_members *members,
                      mal_buf *note, bool *again) {
    cosigning c = { .room = room };
    size_t n = 0;
    MAL_TRY(mal_audit_log_checkpoint(room->config.log, note));
    mal_audit_note parsed;
    MAL_TRY(mal_audit_note_parse(&parsed, mal_buf_view(note)));
    MAL_TRY(mal_audit_checkpoint_parse(&c.head, parsed.text));
    c.note = mal_buf_view(note);
    for (unsigned i = 0; i < members->n; i++)
        if (members->at[i] != room->me)
            c.others[n++] = members->at[i];
    mal_err err = n ? mal_parallel((unsigned)n, n, cosign_one, &c) : MAL_OK;
    *again = false;
    MAL_AUTO(mal_buf_clear) mal_buf lines = { 0 };
    for (size_t i = 0; i < n; i++) {
        *again |= c.stale[i];
        if (err == MAL_OK)
            err = mal_buf_put(&lines, mal_buf_view(&c.lines[i]));
        mal_buf_clear(&c.lines[i]);
    }
    MAL_TRY(err);
    if (*again || n == 0)
        return MAL_OK;
    MAL_TRY(mal_buf_put(note, mal_buf_view(&lines)));
    /* Beside the log, for whoever reads it; another head may be there by now.
     */
    if (mal_audit_log_publish(room->config.log, c.head.size,
                              mal_buf_view(&lines)) != MAL_OK)
        mal_err_forget();
    return MAL_OK;
}

static mal_err cosign(mal_room *room, const room_members *members,
                      room_entry *entry) {
    MAL_AUTO(mal_buf_clear) mal_buf note = { 0 };
    bool again = true;
    for (int tries = 0; again; tries++) {
        MAL_REQUIRE(tries < COSIGN_TRIES, MAL_E_STATE,
                    "our log is behind the head that the others have "
                    "cosigned: this state folder is an old copy");
        mal_buf_reset(&note);
        MAL_TRY(gather(room, members, &note, &again));
    }
    return mal_audit_proof_make(&entry->proof, room->config.log, entry->index,
                                mal_buf_view(&note));
}

static mal_err check_known(mal_room *room, bool *done);

mal_err room_record(mal_room *room, room_entry *entry, const char *kind,
                    const char *subject, const uint8_t digest[32],
                    const room_field *fields, size_t n,
                    const room_members *cosigners) {
    const mal_policy_contract *c = room->contract;
    mal_audit_statement s = { .kind = kind,
                              .subject = subject,
                              .party = c->parties[room->me].name,
                              .time = room_now(room) };
    memcpy(s.subject_sha256.b, digest, 32);
    memcpy(s.room, c->room_id, 32);
    memcpy(s.contract, c->hash, 32);
    bool known;
    MAL_TRY(check_known(room, &known)); /* an old copy would fork our log */
    pthread_mutex_lock(&room->log_lock);
    mal_err err = append(room, entry, &s, fields, n);
    if (err == MAL_OK && cosigners)
        err = cosign(room, cosigners, entry);
    pthread_mutex_unlock(&room->log_lock);
    return err;
}

/* --- Aborts (rule 19) ---------------------------------------------------- */

/* Rule 19: a spent job that ends without an answer stays charged, the log names
 * who aborted, and the ledger counts it against them. */
void room_log_abort(mal_room *room, room_job *job, const char *who,
                    const char *why) {
    char job_hex[65];
    mal_hex_encode(job_hex, mal_bytes_of(job->id.b, 32));
    room_field fields[] = { { MAL_AUDIT_F_JOB, job_hex, false },
                            { "aborted-by", who, false },
                            { "reason", why, true } };
    room_entry entry = { 0 };
    mal_err err =
        room_record(room, &entry, "result", "job", job->id.b, fields, 3, NULL);
    if (err == MAL_OK && strcmp(who, room->contract->parties[room->me].name))
        err = mal_dp_ledger_abort(room->config.ledger, job->id.b, who);
    if (err != MAL_OK)
        mal_err_forget(); /* the job's own error is the one to tell */
    room_entry_clear(&entry);
}

/* --- Refusals (rule 22) -------------------------------------------------- */

/* How many there were beyond those logged: only the power of two above. */
static uint64_t bucket(uint64_t n) {
    uint64_t b = 1;
    while (b < n)
        b *= 2;
    return b;
}

/* May this refusal have an entry of its own?  After so many in an hour they are
 * counted, and the next hour's first entry tells how many, in a bucket. */
static bool refusal_due(mal_room *room, uint64_t *before) {
    uint64_t hour = mal_time_unix() / 3600;
    pthread_mutex_lock(&room->lock);
    *before = 0;
    if (room->refusal_hour != hour) {
        *before = room->refusals > ROOM_REFUSALS_HOUR
                      ? room->refusals - ROOM_REFUSALS_HOUR
                      : 0;
        room->refusal_hour = hour;
        room->refusals = 0;
    }
    bool due = ++room->refusals <= ROOM_REFUSALS_HOUR;
    pthread_mutex_unlock(&room->lock);
    return due;
}

mal_err room_log_refusal(mal_room *room, const mal_policy_verdict *v,
                         const char *asked, const uint8_t digest[32]) {
    uint64_t before;
    char more[24];
    if (!refusal_due(room, &before))
        return MAL_OK;
    snprintf(more, sizeof more, "%llu",
             before ? (unsigned long long)bucket(before) : 0ull);
    room_field fields[] = {
        { "reason", mal_policy_code_name(v->code), false },
        { "unlogged-up-to", more, false },
        { MAL_AUDIT_C_REQUEST, asked, true },
        { "text", v->text, true },
    };
    room_entry entry = { 0 };
    mal_err err = room_record(room, &entry, "refusal", "request", digest,
                              fields, 4, NULL);
    room_entry_clear(&entry);
    return err;
}

/* --- Cosigning for others ------------------------------------------------ */

mal_err room_serve_cosign(mal_room *room, uint32_t caller, mal_bytes request,
                          mal_buf *reply) {
    MAL_REQUIRE(room->everybody.set >> caller & 1, MAL_E_DENIED,
                "only the logs of owners and seats are cosigned");
    /* An old copy may have forgotten what it cosigned. */
    MAL_TRY(room_catch_up(room));
    mal_kms_statement key; /* makes the witness know the log's key */
    MAL_TRY(room_log_key(room, caller, &key));
    MAL_AUTO(mal_buf_clear) mal_buf answer = { 0 };
    int status = 0;
    MAL_TRY(mal_audit_witness_answer(room->config.witness, &answer, &status,
                                     request, mal_time_unix()));
    MAL_TRY(mal_buf_put_u32(reply, (uint32_t)status));
    return mal_buf_put_blob(reply, mal_buf_view(&answer));
}

/* What we last cosigned of the caller's log. */
mal_err room_serve_last(mal_room *room, uint32_t caller, mal_buf *reply) {
    const mal_policy_party *p = &room->contract->parties[caller];
    char origin[MAL_AUDIT_ORIGIN_LEN + 1];
    mal_audit_seen seen = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf note = { 0 };
    mal_audit_origin(origin, p->name, p->identity);
    MAL_TRY(mal_audit_witness_last(room->config.witness, &seen, &note, origin));
    return mal_buf_put_blob(reply, mal_buf_view(&note));
}

/* A head of our log, by its own signature: a peer's word alone must not stop
 * us.
 */
static mal_err read_head(mal_room *room, mal_audit_checkpoint *head,
                         mal_bytes bytes) {
    const mal_policy_party *me = &room->contract->parties[room->me];
    char origin[MAL_AUDIT_ORIGIN_LEN + 1];
    mal_audit_note note;
    mal_audit_vkey vkey;
    mal_kms_statement key;
    bool ours = false;
    mal_audit_origin(origin, me->name, me->identity);
    MAL_TRY(mal_kms_statement_own(room->config.kms, &key, MAL_KMS_LOG));
    MAL_TRY(mal_audit_vkey_make(&vkey, origin, MAL_AUDIT_SIG_ED25519, key.pub));
    MAL_TRY(mal_audit_note_parse(&note, bytes));
    MAL_TRY(mal_audit_note_verify(&ours, NULL, &note, &vkey, 1));
    MAL_TRY(mal_audit_checkpoint_parse(head, note.text));
    MAL_REQUIRE(ours && strcmp(head->origin, origin) == 0, MAL_E_PEER,
                "not a head of our log");
    return MAL_OK;
}

static mal_err catch_up_with(mal_room *room, uint32_t party,
                             unsigned timeout_ms) {
    const char *name = room->contract->parties[party].name;
    MAL_AUTO(mal_buf_clear) mal_buf reply = { 0 };
    mal_audit_checkpoint head;
    mal_bytes note;
    MAL_TRY(room_call(room, party, "last", mal_bytes_of(NULL, 0), &reply,
                      timeout_ms));
    mal_rd rd = mal_rd_of(mal_buf_view(&reply));
    MAL_TRY(mal_rd_blob(&rd, &note, ROOM_MESSAGE_MAX));
    MAL_TRY(mal_rd_end(&rd));
    if (note.len == 0)
        return MAL_OK;
    MAL_REQUIRE(read_head(room, &head, note) == MAL_OK, MAL_E_PEER,
                "%s shows what is no head of our log", name);
    if (mal_audit_log_continues(room->config.log, head.size, &head.root) ==
        MAL_OK)
        return MAL_OK;
    pthread_mutex_lock(&room->lock);
    room->behind = true;
    pthread_mutex_unlock(&room->lock);
    MAL_FAIL(MAL_E_STATE,
             "our log does not continue what %s cosigned last (size %llu): "
             "this state folder is an old copy, and serving from it could "
             "spend a budget twice. Restore the newest state",
             name, (unsigned long long)head.size);
}

static mal_err check_known(mal_room *room, bool *done) {
    pthread_mutex_lock(&room->lock);
    *done = room->caught_up;
    bool behind = room->behind;
    pthread_mutex_unlock(&room->lock);
    MAL_REQUIRE(!behind, MAL_E_STATE,
                "this node's log is behind its peers': it refuses to serve");
    return MAL_OK;
}

mal_err mal_room_look_back(mal_room *room) {
    bool done;
    MAL_TRY(check_known(room, &done));
    for (unsigned i = 0; i < room->n_owners && !done; i++) {
        uint32_t party = room->owner_at[i];
        if (party == room->me)
            continue;
        mal_err err = catch_up_with(room, party, room_soon(room));
        pthread_mutex_lock(&room->lock);
        bool behind = room->behind;
        pthread_mutex_unlock(&room->lock);
        if (behind)
            return err == MAL_OK ? check_known(room, &done) : err;
        if (err != MAL_OK)
            mal_err_forget(); /* it is not there: it cannot tell */
    }
    return MAL_OK;
}

mal_err room_catch_up(mal_room *room) {
    bool done;
    MAL_TRY(check_known(room, &done));
    if (done)
        return MAL_OK;
    for (unsigned i = 0; i < room->n_owners; i++)
        if (room->owner_at[i] != room->me)
            MAL_TRY(
                catch_up_with(room, room->owner_at[i], room->config.step_ms));
    pthread_mutex_lock(&room->lock);
    room->caught_up = true;
    pthread_mutex_unlock(&room->lock);
    return MAL_OK;
}

/* --- Checking another's entry ---- -------------------------------------- */

static mal_err proof_policy(mal_room *room, const room_members *members,
                            mal_audit_policy *policy, mal_audit_vkey *witnesses,
                            uint32_t party) {
    const mal_policy_contract *c = room->contract;
    char origin[MAL_AUDIT_ORIGIN_LEN + 1];
    mal_kms_statement key;
    policy->n_witnesses = 0;
    for (unsigned i = 0; i < members->n; i++) {
        uint32_t p = members->at[i];
        MAL_TRY(room_log_key(room, p, &key));
        mal_audit_origin(origin, c->parties[p].name, c->parties[p].identity);
        if (p == party)
            MAL_TRY(mal_audit_vkey_make(&policy->log, origin,
                                        MAL_AUDIT_SIG_ED25519, key.pub));
        else
            MAL_TRY(mal_audit_vkey_make(&witnesses[policy->n_witnesses++],
                                        origin, MAL_AUDIT_SIG_COSIGN, key.pub));
    }
    policy->witnesses = witnesses;
    policy->quorum = policy->n_witnesses;
    return MAL_OK;
}

mal_err room_check_entry(mal_room *room, const room_job *job, const char *kind,
                         const room_shown *shown, const uint8_t node[32]) {
    const mal_policy_contract *c = room->contract;
    uint32_t party = shown->party;
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(64 << 20);
    if (!arena)
        return MAL_E_MEMORY;
    mal_audit_dsse *envelope;
    mal_audit_statement *s;
    MAL_TRY(mal_audit_dsse_parse(&envelope, arena, shown->dsse));
    MAL_TRY(mal_audit_dsse_verify(envelope, node));
    MAL_TRY(mal_audit_statement_parse(&s, arena, envelope->payload));
    char hex[65];
    mal_hex_encode(hex, mal_bytes_of(job->id.b, 32));
    const char *named = mal_audit_statement_field(s, MAL_AUDIT_F_JOB);
    MAL_REQUIRE(strcmp(s->kind, kind) == 0 && named &&
                    strcmp(named, hex) == 0 &&
                    strcmp(s->party, c->parties[party].name) == 0 &&
                    mal_equal(s->room, c->room_id, 32) &&
                    mal_equal(s->contract, c->hash, 32),
                MAL_E_PEER, "%s logged another %s than this job's",
                c->parties[party].name, kind);
    mal_audit_policy policy;
    mal_audit_vkey witnesses[MAL_PARTIES_MAX];
    uint64_t times[MAL_PARTIES_MAX];
    mal_audit_proof *proof = mal_arena_alloc(arena, sizeof *proof);
    if (!proof)
        return MAL_E_MEMORY;
    MAL_TRY(
        proof_policy(room, &job->judged.members, &policy, witnesses, party));
    MAL_TRY(mal_audit_proof_parse(proof, shown->proof));
    MAL_TRY(
        mal_audit_proof_verify(NULL, NULL, times, proof, shown->dsse, &policy));
    for (size_t i = 0; i < policy.n_witnesses; i++) {
        /* It is kept for ever: a far future would end every contract here. */
        MAL_REQUIRE(times[i] <= mal_time_unix() + AHEAD_SECONDS, MAL_E_PEER,
                    "a cosignature carries a time that has not come yet");
        MAL_TRY(mal_audit_witness_note_time(room->config.witness, times[i]));
    }
    return MAL_OK;
}
