/* query.c - verbs about questions, jobs and receipts. */
#include "node_impl.h"

#include <string.h>

static mal_err read_question(mal_room_question *q, const mal_json *request) {
    uint64_t ms = 0;
    *q = (mal_room_question){ 0 };
    MAL_TRY(mal_json_get_str(request, "text", &q->text));
    MAL_TRY(node_field_u64(request, "epsilon_nano", &q->epsilon_nano));
    MAL_TRY(node_field_str(request, "purpose", &q->purpose));
    MAL_TRY(node_field_bool(request, "fresh", &q->fresh));
    MAL_TRY(node_field_bool(request, "prenoise", &q->prenoise));
    MAL_TRY(node_field_u64(request, "timeout_ms", &ms));
    MAL_REQUIRE(ms <= 86400000, MAL_E_INPUT, "a job lasts a day at most");
    q->timeout_ms = (unsigned)ms;
    return MAL_OK;
}

static mal_err find_room(node_client *client, const mal_json *request,
                         node_room *r) {
    const char *key = NULL;
    MAL_TRY(node_field_str(request, "room", &key));
    return node_room_find(client->node, key, r);
}

static mal_err put_verdict(mal_json *done, const node_room *r,
                           const mal_policy_verdict *v) {
    static const char *const outcomes[] = { "refuse", "allow", "needs-review" };
    const mal_policy_contract *c = r->contract;
    mal_json *o;
    MAL_TRY(mal_json_put_object(done, "verdict", &o));
    MAL_TRY(mal_json_put_str(o, "outcome", outcomes[v->outcome]));
    MAL_TRY(mal_json_put_str(o, "code", mal_policy_code_name(v->code)));
    if (v->rule < c->n_rules)
        MAL_TRY(mal_json_put_str(o, "rule", c->rules[v->rule].name));
    if (v->outcome == MAL_POLICY_ALLOW)
        return MAL_OK;
    if (v->owner < c->n_parties)
        MAL_TRY(mal_json_put_str(o, "owner", c->parties[v->owner].name));
    if (v->dataset < c->n_datasets)
        MAL_TRY(mal_json_put_str(o, "dataset", c->datasets[v->dataset].name));
    if (v->dataset < c->n_datasets &&
        v->column < c->datasets[v->dataset].n_columns)
        MAL_TRY(mal_json_put_str(
            o, "column", c->datasets[v->dataset].columns[v->column].name));
    MAL_TRY(mal_json_put_str(o, "text", v->text));
    return mal_json_put_str(o, "nearest", v->nearest);
}

static mal_err put_answer(mal_json *done, const mal_room_answer *a) {
    MAL_AUTO(mal_buf_clear) mal_buf table = { .max = MAL_NODE_LINE_MAX };
    MAL_AUTO(mal_buf_clear) mal_buf text = { .max = MAL_NODE_LINE_MAX };
    MAL_AUTO(mal_json_auto) mal_json *parsed = NULL;
    mal_json *notes;
    MAL_TRY(mal_sql_table_json(&table, &a->table));
    MAL_TRY(mal_sql_table_print(&text, &a->table));
    MAL_TRY(mal_json_parse(&parsed, mal_buf_view(&table), MAL_NODE_LINE_MAX));
    MAL_TRY(mal_json_put(done, "answer", parsed));
    MAL_TRY(mal_json_put_text(done, "text", mal_buf_view(&text)));
    MAL_TRY(mal_json_put_str(done, "job", a->job));
    MAL_TRY(mal_json_put_bool(done, "stored", a->stored));
    MAL_TRY(mal_json_put_u64(done, "epsilon_nano", a->epsilon_nano));
    MAL_TRY(mal_json_put_str(done, "engine", a->engine));
    MAL_TRY(mal_json_put_real(done, "seconds", a->seconds));
    MAL_TRY(mal_json_put_u64(done, "bytes", a->bytes));
    MAL_TRY(mal_json_put_array(done, "notes", &notes));
    for (unsigned i = 0; i < a->n_notes; i++)
        MAL_TRY(mal_json_add_str(notes, a->notes[i]));
    return mal_json_put_text(done, "receipt", mal_buf_view(&a->receipt));
}

static mal_err query(node_client *client, const mal_json *request,
                     mal_json *done) {
    node_room r;
    mal_room_question q;
    mal_room_answer a = { 0 };
    mal_progress progress = node_progress(client);
    MAL_TRY(find_room(client, request, &r));
    MAL_TRY(read_question(&q, request));
    mal_err err = mal_room_ask(r.room, &a, client->arena, &q, &progress);
    if (err == MAL_OK)
        err = put_answer(done, &a);
    else if (err == MAL_E_DENIED && *a.verdict.text &&
             put_verdict(done, &r, &a.verdict) != MAL_OK)
        err = MAL_E_MEMORY;
    mal_buf_clear(&a.receipt);
    return err;
}

static mal_err job_resume(node_client *client, const mal_json *request,
                          mal_json *done) {
    node_room r;
    const char *id;
    uint64_t ms = 0;
    mal_room_answer a = { 0 };
    mal_progress progress = node_progress(client);
    MAL_TRY(find_room(client, request, &r));
    MAL_TRY(mal_json_get_str(request, "job", &id));
    MAL_TRY(node_field_u64(request, "timeout_ms", &ms));
    MAL_REQUIRE(ms <= 86400000, MAL_E_INPUT, "a job lasts a day at most");
    mal_err err =
        mal_room_resume(r.room, &a, client->arena, id, (unsigned)ms, &progress);
    if (err == MAL_OK)
        err = put_answer(done, &a);
    mal_buf_clear(&a.receipt);
    return err;
}

static mal_err explain(node_client *client, const mal_json *request,
                       mal_json *done) {
    node_room r;
    mal_room_question q;
    mal_room_answer facts = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    MAL_TRY(find_room(client, request, &r));
    MAL_TRY(read_question(&q, request));
    MAL_TRY(mal_room_explain(r.room, &text, &facts, client->arena, &q));
    MAL_TRY(put_verdict(done, &r, &facts.verdict));
    if (facts.engine)
        MAL_TRY(mal_json_put_str(done, "engine", facts.engine));
    MAL_TRY(mal_json_put_u64(done, "epsilon_nano", facts.epsilon_nano));
    return mal_json_put_text(done, "text", mal_buf_view(&text));
}

static mal_err job_ls(node_client *client, const mal_json *request,
                      mal_json *done) {
    node_room r;
    mal_room_job *jobs;
    size_t n;
    mal_json *list, *one;
    MAL_TRY(find_room(client, request, &r));
    MAL_TRY(mal_room_jobs(r.room, &jobs, &n, client->arena));
    MAL_TRY(mal_json_put_array(done, "jobs", &list));
    for (size_t i = 0; i < n; i++) {
        MAL_TRY(mal_json_add_object(list, &one));
        MAL_TRY(mal_json_put_str(one, "job", jobs[i].id));
        MAL_TRY(mal_json_put_str(one, "state", jobs[i].state));
        MAL_TRY(mal_json_put_str(one, "stage", jobs[i].stage));
        MAL_TRY(mal_json_put_u64(one, "done", jobs[i].done));
        MAL_TRY(mal_json_put_u64(one, "total", jobs[i].total));
        MAL_TRY(mal_json_put_real(one, "left_seconds", jobs[i].left_s));
        MAL_TRY(mal_json_put_u64(one, "started", jobs[i].started));
        MAL_TRY(mal_json_put_u64(one, "ended", jobs[i].ended));
        MAL_TRY(mal_json_put_str(one, "error", jobs[i].error));
        MAL_TRY(mal_json_put_str(one, "asked_by", jobs[i].asked_by));
    }
    return MAL_OK;
}

static mal_err job_cancel(node_client *client, const mal_json *request,
                          mal_json *done) {
    node_room r;
    const char *id;
    MAL_TRY(find_room(client, request, &r));
    MAL_TRY(mal_json_get_str(request, "job", &id));
    MAL_TRY(mal_room_cancel(r.room, id));
    return mal_json_put_str(done, "job", id);
}

const node_verb_row node_query_verbs[] = {
    { "query", query },           { "explain", explain },
    { "job.ls", job_ls },         { "job.cancel", job_cancel },
    { "job.resume", job_resume }, { NULL, NULL },
};
