/* receipt_scene.h - three owners, their logs, one finished job and its receipt.
 */
#ifndef MAL_RECEIPT_SCENE_H
#define MAL_RECEIPT_SCENE_H

#include "audit_test.h"

#define OWNERS 3
#define NOW 1800000000u

static const char contract_text[] = "room \"reach\" version 1\n";
static const char *const owner_names[OWNERS] = { "acme", "faa", "retail" };

typedef struct owner {
    mal_audit_signer identity, node, logkey;
    mal_audit_log *log;
    char origin[MAL_AUDIT_ORIGIN_LEN + 1];
    mal_buf keys[2], intent, intent_proof, result, result_proof;
} owner;

/* What a test may bend before the receipt is made. */
typedef struct scene {
    const char *dir;
    owner owners[OWNERS];
    mal_audit_party parties[OWNERS + 1]; /* the last is an analyst */
    mal_prim_hash contract;
    uint8_t room[32];
    bool own_salts;     /* each owner salts the plan for itself */
    int other_plan;     /* this owner commits to another plan; -1: none */
    int other_job;      /* this owner names another job */
    int no_cosign;      /* this owner cosigns nothing */
    int late_key;       /* this owner's node key is not valid yet */
    int wrong_contract; /* this owner's intent is about another contract */
    bool result_first;  /* acme logs its result before its intent */
    uint64_t time;
    mal_audit_opening openings[16];
    size_t n_openings;
    mal_buf contract_dsse, json;
} scene;

static void scene_init(scene *s) {
    memset(s, 0, sizeof *s);
    s->dir = mal_test_dir();
    s->other_plan = s->other_job = s->no_cosign = -1;
    s->late_key = s->wrong_contract = -1;
    s->time = NOW - 100;
    mal_prim_sha256_of(&s->contract, mal_bytes_str(contract_text));
    memcpy(s->room, s->contract.b, 32);
    for (int i = 0; i < OWNERS; i++) {
        owner *o = &s->owners[i];
        char path[4300];
        o->identity = signer_of((uint8_t)(20 + 3 * i));
        o->node = signer_of((uint8_t)(21 + 3 * i));
        o->logkey = signer_of((uint8_t)(22 + 3 * i));
        s->parties[i] =
            (mal_audit_party){ .name = owner_names[i], .owner = true };
        memcpy(s->parties[i].identity_pub, o->identity.pub, 32);
        mal_audit_origin(o->origin, owner_names[i], o->identity.pub);
        snprintf(path, sizeof path, "%s/%s", s->dir, owner_names[i]);
        CHECK_OK(mal_audit_log_open(&o->log, path, o->origin, &o->logkey));
    }
    s->parties[OWNERS] = (mal_audit_party){ .name = "agency" };
    memcpy(s->parties[OWNERS].identity_pub, signer_of(40).pub, 32);
}

static void scene_clear(scene *s) {
    for (int i = 0; i < OWNERS; i++) {
        owner *o = &s->owners[i];
        mal_audit_log_close(o->log);
        mal_buf *all[] = { &o->keys[0],      &o->keys[1], &o->intent,
                           &o->intent_proof, &o->result,  &o->result_proof };
        for (size_t k = 0; k < sizeof all / sizeof *all; k++)
            mal_buf_clear(all[k]);
    }
    mal_buf_clear(&s->contract_dsse);
    mal_buf_clear(&s->json);
    CHECK_OK(mal_dir_remove(s->dir));
}

static void state_keys(scene *s, int i) {
    owner *o = &s->owners[i];
    const mal_audit_signer *both[] = { &o->node, &o->logkey };
    for (int k = 0; k < 2; k++) {
        mal_audit_key key = { .use = k ? MAL_AUDIT_USE_LOG : MAL_AUDIT_USE_NODE,
                              .suite = MAL_AUDIT_SUITE_ED25519,
                              .epoch = 1,
                              .not_before = NOW - 1000,
                              .not_after = NOW + 1000 };
        if (s->late_key == i && k == 0)
            key.not_before = NOW + 1;
        snprintf(key.party, sizeof key.party, "%s", owner_names[i]);
        memcpy(key.pub, both[k]->pub, 32);
        CHECK_OK(mal_audit_key_statement_sign(&o->keys[k], &key, &o->identity));
    }
}

static void open_value(scene *s, mal_audit_commitment *c, const char *name,
                       uint8_t salt, const char *value) {
    mal_audit_opening *o = &s->openings[s->n_openings];
    *o = (mal_audit_opening){ .name = name, .value = mal_bytes_str(value) };
    memset(o->salt, salt, 32);
    mal_audit_commit(&c->hash, name, o->salt, o->value);
    c->name = name;
    for (size_t i = 0; i < s->n_openings; i++)
        if (mal_equal(s->openings[i].salt, o->salt, 32) &&
            strcmp(s->openings[i].name, name) == 0)
            return; /* shared by owners: opened once */
    s->n_openings++;
}

static mal_audit_receipt texts(void) {
    mal_audit_receipt r = { .engine = "sum malicious" };
    r.leakage =
        (mal_audit_lines){ { "each owner: the declared row bounds" }, 1 };
    r.trust =
        (mal_audit_lines){ { "noise: any 2 of 3 owners may collude" }, 1 };
    r.not_proved =
        (mal_audit_lines){ { "that pseudonyms used the right key" }, 1 };
    return r;
}

static void log_statement(scene *s, int i, bool result) {
    owner *o = &s->owners[i];
    char job[65], disclosure[65];
    mal_audit_commitment commitments[3];
    size_t n = 0;
    mal_audit_receipt r = texts();
    mal_prim_hash subject = { { 7 } };
    memset(job, s->other_job == i ? '8' : '9', 64);
    job[64] = 0;
    mal_audit_disclosure(disclosure, r.engine, &r.leakage, &r.trust,
                         &r.not_proved);
    const mal_audit_field fields[] = {
        { MAL_AUDIT_F_JOB, job },
        { MAL_AUDIT_F_ENGINE, r.engine },
        { MAL_AUDIT_F_DISCLOSURE, disclosure },
    };
    uint8_t salt = (uint8_t)(s->own_salts ? 10 + i : 1);
    if (result) {
        open_value(s, &commitments[n++], "answer", 2, "carrier,count\nAA,17\n");
    } else {
        open_value(s, &commitments[n++], "plan", s->other_plan == i ? 77 : salt,
                   s->other_plan == i ? "another plan" : "the plan's hash");
        open_value(s, &commitments[n++], "request", 3, "the request");
        open_value(s, &commitments[n++], "debit", (uint8_t)(50 + i), "0.5");
    }
    mal_audit_statement st = { .kind = result ? "result" : "intent",
                               .subject = "job",
                               .subject_sha256 = subject,
                               .party = owner_names[i],
                               .time = s->time,
                               .fields = fields,
                               .n_fields = 3,
                               .commitments = commitments,
                               .n_commitments = n };
    memcpy(st.room, s->room, 32);
    memcpy(st.contract, s->contract.b, 32);
    if (s->wrong_contract == i && !result)
        st.contract[0] ^= 1;

    mal_buf *entry = result ? &o->result : &o->intent;
    mal_buf *proof = result ? &o->result_proof : &o->intent_proof;
    uint64_t index;
    CHECK_OK(mal_audit_log_state(o->log, &index, entry, &st, &o->node));
    MAL_AUTO(mal_buf_clear) mal_buf note = { 0 };
    CHECK_OK(mal_audit_log_checkpoint(o->log, &note));
    for (int k = 0; k < OWNERS && !result; k++) {
        MAL_AUTO(mal_buf_clear) mal_buf line = { 0 };
        mal_audit_note parsed;
        if (k == i || k == s->no_cosign)
            continue;
        CHECK_OK(mal_audit_note_parse(&parsed, mal_buf_view(&note)));
        CHECK_OK(mal_audit_note_sign_line(&line, parsed.text,
                                          s->owners[k].origin,
                                          &s->owners[k].logkey, s->time));
        CHECK_OK(mal_buf_put(&note, mal_buf_view(&line)));
    }
    CHECK_OK(mal_audit_proof_make(proof, o->log, index, mal_buf_view(&note)));
}

static void scene_make(scene *s) {
    mal_audit_signer signers[OWNERS];
    mal_audit_receipt r = texts();
    for (int i = 0; i < OWNERS; i++) {
        signers[i] = s->owners[i].identity;
        state_keys(s, i);
        mal_bytes earlier = mal_bytes_str("an earlier entry");
        CHECK_OK(mal_audit_log_append(s->owners[i].log, NULL, &earlier, 1));
        bool first = s->result_first && i == 0;
        log_statement(s, i, first);
        log_statement(s, i, !first);
    }
    CHECK_OK(mal_audit_dsse_sign(&s->contract_dsse, MAL_AUDIT_TYPE_ROOM,
                                 mal_bytes_str(contract_text), signers,
                                 OWNERS));
    r.contract_signatures = mal_buf_view(&s->contract_dsse);
    for (int i = 0; i < OWNERS; i++) {
        owner *o = &s->owners[i];
        mal_audit_part *p = &r.parts[r.n_parts++];
        p->party = owner_names[i];
        p->keys[0] = mal_buf_view(&o->keys[0]);
        p->keys[1] = mal_buf_view(&o->keys[1]);
        p->n_keys = 2;
        p->intent = mal_buf_view(&o->intent);
        p->intent_proof = mal_buf_view(&o->intent_proof);
        p->result = mal_buf_view(&o->result);
        p->result_proof = mal_buf_view(&o->result_proof);
    }
    r.openings = s->openings;
    r.n_openings = s->n_openings;
    CHECK_OK(mal_audit_receipt_write(&s->json, &r));
}

static mal_err scene_verify(mal_audit_report *report, mal_arena *arena,
                            const scene *s, mal_bytes json) {
    return mal_audit_receipt_verify(report, arena, json, s->parties, OWNERS + 1,
                                    s->room, NULL, 0, NOW);
}

__attribute__((unused)) static void print_report(const mal_audit_report *r) {
    for (size_t i = 0; i < r->n_claims; i++)
        printf("# %s %s\n", r->claims[i].ok ? "yes" : "NO ", r->claims[i].text);
    for (size_t i = 0; i < r->not_proved.n; i++)
        printf("# not proved: %s\n", r->not_proved.line[i]);
}

/* The first claim that does not hold, or "". */
__attribute__((unused)) static const char *
first_failure(const mal_audit_report *r) {
    for (size_t i = 0; i < r->n_claims; i++)
        if (!r->claims[i].ok)
            return r->claims[i].text;
    return "";
}

#endif
