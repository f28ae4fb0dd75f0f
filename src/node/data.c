/* data.c - verbs about datasets and budgets. */
#include "node_impl.h"

#include <string.h>

/* "customers" is ours; "acme.customers" is whole. */
static mal_err full_name(mal_node *node, mal_arena *arena, const char *name,
                         const char **out) {
    *out = strchr(name, '.')
               ? mal_arena_strdup(arena, name)
               : mal_arena_printf(arena, "%s.%s", mal_node_party(node), name);
    return *out ? MAL_OK : MAL_E_MEMORY;
}

static mal_err put_report(mal_json *o, const mal_store_report *r, bool dry) {
    mal_json *list, *one;
    MAL_TRY(mal_json_put_bool(o, "dry_run", dry));
    MAL_TRY(mal_json_put_u64(o, "version", r->version));
    MAL_TRY(mal_json_put_u64(o, "rows_read", r->rows_read));
    MAL_TRY(mal_json_put_u64(o, "rows_stored", r->rows_stored));
    MAL_TRY(mal_json_put_u64(o, "bytes", r->bytes));
    MAL_TRY(mal_json_put_real(o, "cpu_seconds", (double)r->cpu_ns / 1e9));
    MAL_TRY(mal_json_put_object(o, "dropped", &list));
    for (unsigned i = 0; i < MAL_STORE_DROPS; i++)
        MAL_TRY(
            mal_json_put_u64(list, mal_store_drop_text(i), r->rows_dropped[i]));
    MAL_TRY(mal_json_put_array(o, "columns", &list));
    for (unsigned i = 0; i < r->n_columns; i++) {
        const mal_store_column_report *c = &r->columns[i];
        MAL_TRY(mal_json_add_object(list, &one));
        MAL_TRY(mal_json_put_str(one, "name", c->name));
        MAL_TRY(mal_json_put_u64(one, "changed", c->changed));
        MAL_TRY(mal_json_put_u64(one, "clamped", c->clamped));
        MAL_TRY(mal_json_put_u64(one, "other", c->other));
        MAL_TRY(mal_json_put_u64(one, "null", c->null));
        MAL_TRY(mal_json_put_u64(one, "bad", c->bad));
    }
    if (dry)
        return MAL_OK;
    MAL_TRY(mal_json_put_u64(o, "log_index", r->log_index));
    return mal_json_put_hex(o, "root", mal_bytes_of(r->root, 32));
}

static mal_err data_add(node_client *client, const mal_json *request,
                        mal_json *done) {
    mal_node *node = client->node;
    node_room r;
    const char *name, *path, *full,
        *format = node_field_text(request, "format");
    mal_store_report report = { 0 };
    mal_progress progress = node_progress(client);
    mal_store_options options = { .strict = node_field_flag(request, "strict"),
                                  .dry_run =
                                      node_field_flag(request, "dry_run"),
                                  .null_text =
                                      node_field_text(request, "null_text"),
                                  .progress = &progress };
    MAL_TRY(node_room_find(node, node_field_text(request, "room"), &r));
    MAL_TRY(mal_json_get_str(request, "dataset", &name));
    MAL_TRY(mal_json_get_str(request, "path", &path));
    MAL_TRY(full_name(node, client->arena, name, &full));
    if (format && strcmp(format, "csv") == 0)
        options.format = MAL_STORE_CSV;
    else if (format && strcmp(format, "parquet") == 0)
        options.format = MAL_STORE_PARQUET;
    else
        MAL_REQUIRE(!format, MAL_E_INPUT, "--format is csv or parquet");
    pthread_mutex_lock(&node->store_lock);
    mal_err err =
        mal_room_data_add(r.room, &report, client->arena, full, path, &options);
    pthread_mutex_unlock(&node->store_lock);
    MAL_TRY(err);
    MAL_TRY(mal_json_put_str(done, "dataset", full));
    return put_report(done, &report, options.dry_run);
}

static mal_err put_sharing(mal_json *list, const mal_store_shares *s) {
    mal_json *one;
    MAL_TRY(mal_json_add_object(list, &one));
    MAL_TRY(mal_json_put_str(one, "dataset", s->dataset));
    MAL_TRY(mal_json_put_u64(one, "version", s->version));
    MAL_TRY(mal_json_put_u64(one, "epoch", s->epoch));
    MAL_TRY(mal_json_put_u64(one, "seat", s->seat));
    MAL_TRY(mal_json_put_u64(one, "bytes", 16 * s->words));
    MAL_TRY(mal_json_put_hex(one, "room", mal_bytes_of(s->room, 32)));
    return mal_json_put_hex(one, "root", mal_bytes_of(s->root, 32));
}

/* Of others' tables, what lies here as a seat. */
static mal_err put_shares(node_client *client, mal_json *done) {
    mal_store_shares *shares;
    size_t n;
    mal_json *list;
    MAL_TRY(
        mal_store_shares_list(client->node->store, &shares, &n, client->arena));
    MAL_TRY(mal_json_put_array(done, "shares", &list));
    for (size_t i = 0; i < n; i++)
        MAL_TRY(put_sharing(list, &shares[i]));
    return MAL_OK;
}

static mal_err data_share(node_client *client, const mal_json *request,
                          mal_json *done) {
    node_room r;
    const char *name, *full;
    mal_progress progress = node_progress(client);
    MAL_TRY(node_room_find(client->node, node_field_text(request, "room"), &r));
    MAL_TRY(mal_json_get_str(request, "dataset", &name));
    MAL_TRY(full_name(client->node, client->arena, name, &full));
    MAL_TRY(mal_room_share(r.room, full, node_field_text(request, "dir"),
                           &progress));
    return mal_json_put_str(done, "dataset", full);
}

static mal_err data_receive(node_client *client, const mal_json *request,
                            mal_json *done) {
    node_room r;
    const char *path;
    mal_store_shares taken;
    mal_json *list;
    MAL_TRY(node_room_find(client->node, node_field_text(request, "room"), &r));
    MAL_TRY(mal_json_get_str(request, "path", &path));
    MAL_TRY(mal_room_share_take(r.room, path, &taken));
    MAL_TRY(mal_json_put_array(done, "shares", &list));
    return put_sharing(list, &taken);
}

static mal_err data_refresh(node_client *client, const mal_json *request,
                            mal_json *done) {
    node_room r;
    const char *name;
    uint64_t epoch;
    mal_progress progress = node_progress(client);
    MAL_TRY(node_room_find(client->node, node_field_text(request, "room"), &r));
    MAL_TRY(mal_json_get_str(request, "dataset", &name));
    MAL_TRY(mal_room_share_refresh(r.room, name, &epoch, &progress));
    MAL_TRY(mal_json_put_str(done, "dataset", name));
    return mal_json_put_u64(done, "epoch", epoch);
}

static mal_err data_ls(node_client *client, const mal_json *request,
                       mal_json *done) {
    (void)request;
    mal_store_info *infos;
    size_t n;
    mal_json *list, *one;
    MAL_TRY(mal_store_list(client->node->store, &infos, &n, client->arena));
    MAL_TRY(mal_json_put_array(done, "datasets", &list));
    for (size_t i = 0; i < n; i++) {
        MAL_TRY(mal_json_add_object(list, &one));
        MAL_TRY(mal_json_put_str(one, "dataset", infos[i].dataset));
        MAL_TRY(mal_json_put_u64(one, "version", infos[i].version));
        MAL_TRY(mal_json_put_u64(one, "rows", infos[i].rows));
        MAL_TRY(mal_json_put_u64(one, "rows_max", infos[i].rows_max));
        MAL_TRY(mal_json_put_u64(one, "bytes", infos[i].bytes));
        MAL_TRY(mal_json_put_u64(one, "created", infos[i].created));
        MAL_TRY(mal_json_put_hex(one, "room", mal_bytes_of(infos[i].room, 32)));
        MAL_TRY(mal_json_put_hex(one, "root", mal_bytes_of(infos[i].root, 32)));
    }
    return put_shares(client, done);
}

/* Whose shares could not be erased yet. */
static mal_err tell_seats(const node_room *r, const char *dataset,
                          uint32_t version, mal_json *done) {
    mal_policy_set missed;
    mal_json *list;
    MAL_TRY(mal_room_unshare(r->room, dataset, version, &missed));
    MAL_TRY(mal_json_put_array(done, "seats_missed", &list));
    for (uint32_t i = 0; i < r->contract->n_parties; i++)
        if (missed >> i & 1)
            MAL_TRY(mal_json_add_str(list, r->contract->parties[i].name));
    return MAL_OK;
}

static mal_err data_rm(node_client *client, const mal_json *request,
                       mal_json *done) {
    node_room r;
    const char *name, *full;
    uint64_t version = 0;
    MAL_TRY(node_room_find(client->node, node_field_text(request, "room"), &r));
    MAL_TRY(mal_json_get_str(request, "dataset", &name));
    MAL_TRY(node_field_u64(request, "version", &version));
    MAL_TRY(mal_room_look_back(r.room));
    MAL_TRY(full_name(client->node, client->arena, name, &full));
    pthread_mutex_lock(&client->node->store_lock);
    mal_err err = mal_store_remove(client->node->store, r.contract->room_id,
                                   full, (uint32_t)version);
    pthread_mutex_unlock(&client->node->store_lock);
    /* Erased here before, and a seat could not be told then. */
    if (err == MAL_E_MISSING && mal_room_shared(r.room, full)) {
        mal_err_forget();
        err = MAL_OK;
    }
    MAL_TRY(err);
    MAL_TRY(mal_json_put_str(done, "dataset", full));
    return tell_seats(&r, full, (uint32_t)version, done);
}

static mal_err data_check(node_client *client, const mal_json *request,
                          mal_json *done) {
    node_room r;
    const char *name, *full;
    mal_store_info info;
    MAL_TRY(node_room_find(client->node, node_field_text(request, "room"), &r));
    MAL_TRY(mal_json_get_str(request, "dataset", &name));
    MAL_TRY(full_name(client->node, client->arena, name, &full));
    pthread_mutex_lock(&client->node->store_lock);
    mal_err err = mal_store_find(client->node->store, &info, client->arena,
                                 r.contract->room_id, full, 0);
    if (err == MAL_OK)
        err = mal_store_check(client->node->store, r.contract->room_id, full,
                              info.version);
    pthread_mutex_unlock(&client->node->store_lock);
    MAL_TRY(err);
    MAL_TRY(mal_json_put_u64(done, "version", info.version));
    return mal_json_put_hex(done, "root", mal_bytes_of(info.root, 32));
}

typedef struct spends {
    mal_json *list;
} spends;

static mal_err add_spend(void *ctx, const mal_dp_job *job) {
    static const char *const states[] = { "", "held", "spent", "voided",
                                          "expired (spent)" };
    mal_json *one;
    MAL_TRY(mal_json_add_object(((spends *)ctx)->list, &one));
    MAL_TRY(mal_json_put_hex(one, "job", mal_bytes_of(job->job_id, 32)));
    MAL_TRY(mal_json_put_str(one, "state", states[job->state]));
    MAL_TRY(mal_json_put_str(one, "analyst", job->analyst));
    MAL_TRY(mal_json_put_u64(one, "at", job->at));
    return mal_json_put_u64(
        one, "epsilon_nano",
        job->epsilon_nano == MAL_DP_UNBOUNDED ? 0 : job->epsilon_nano);
}

static mal_err budget(node_client *client, const mal_json *request,
                      mal_json *done) {
    node_room r;
    mal_json *list;
    MAL_TRY(node_room_find(client->node, node_field_text(request, "room"), &r));
    MAL_TRY(mal_json_put_array(done, "budgets", &list));
    MAL_TRY(mal_room_budgets(r.room, list));
    MAL_TRY(mal_json_put_array(done, "jobs", &list));
    spends s = { list };
    return mal_dp_ledger_list(client->node->ledger, NULL, add_spend, &s);
}

const node_verb_row node_data_verbs[] = {
    { "data.add", data_add },
    { "data.ls", data_ls },
    { "data.rm", data_rm },
    { "data.check", data_check },
    { "data.share", data_share },
    { "data.receive", data_receive },
    { "data.refresh", data_refresh },
    { "budget", budget },
    { NULL, NULL },
};
