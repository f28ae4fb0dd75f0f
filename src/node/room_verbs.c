/* room_verbs.c - verbs about the node itself, its rooms, peers and log. */
#include "node_impl.h"

#include <stdlib.h>
#include <string.h>

static mal_err put_room(mal_json *o, const node_room *r) {
    MAL_TRY(mal_json_put_str(o, "room", r->contract->name));
    MAL_TRY(mal_json_put_str(o, "id", r->id));
    MAL_TRY(mal_json_put_u64(o, "version", r->contract->version));
    MAL_TRY(
        mal_json_put_hex(o, "contract", mal_bytes_of(r->contract->hash, 32)));
    MAL_TRY(mal_json_put_u64(o, "expires", r->contract->expires));
    return mal_json_put_bool(o, "test", r->contract->test);
}

static mal_err room_open(node_client *client, const mal_json *request,
                         mal_json *done) {
    const char *bundle;
    const node_room *r;
    MAL_TRY(mal_json_get_str(request, "bundle", &bundle));
    MAL_TRY(node_room_add(client->node, mal_bytes_str(bundle), &r));
    return put_room(done, r);
}

static mal_err room_ls(node_client *client, const mal_json *request,
                       mal_json *done) {
    (void)request;
    mal_node *node = client->node;
    node_room copy[NODE_ROOMS_MAX];
    mal_json *list, *one;
    unsigned n = 0;
    pthread_mutex_lock(&node->lock);
    for (unsigned i = 0; i < node->n_rooms; i++)
        if (node->rooms[i].room)
            copy[n++] = node->rooms[i];
    pthread_mutex_unlock(&node->lock);
    MAL_TRY(mal_json_put_array(done, "rooms", &list));
    for (unsigned i = 0; i < n; i++) {
        MAL_TRY(mal_json_add_object(list, &one));
        MAL_TRY(put_room(one, &copy[i]));
    }
    return MAL_OK;
}

static mal_err room_withdraw(node_client *client, const mal_json *request,
                             mal_json *done) {
    node_room r;
    const char *reason = "no reason given";
    MAL_TRY(node_room_find(client->node, node_field_text(request, "room"), &r));
    MAL_TRY(node_field_str(request, "reason", &reason));
    MAL_TRY(mal_room_withdraw(r.room, reason));
    return put_room(done, &r);
}

static mal_err room_show(node_client *client, const mal_json *request,
                         mal_json *done) {
    node_room r;
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    MAL_TRY(node_room_find(client->node, node_field_text(request, "room"), &r));
    MAL_TRY(mal_policy_print(&text, r.contract));
    MAL_TRY(put_room(done, &r));
    MAL_TRY(mal_json_put_text(done, "canonical", r.contract->canonical));
    return mal_json_put_text(done, "text", mal_buf_view(&text));
}

static mal_err peer_set(node_client *client, const mal_json *request,
                        mal_json *done) {
    const char *party, *host;
    uint64_t port;
    MAL_TRY(mal_json_get_str(request, "party", &party));
    MAL_TRY(mal_json_get_str(request, "host", &host));
    MAL_TRY(mal_json_get_u64(request, "port", &port));
    MAL_REQUIRE(port > 0 && port < 65536, MAL_E_INPUT, "a port is 1 to 65535");
    MAL_TRY(node_peer_set(client->node, party, host, (uint16_t)port));
    return mal_json_put_str(done, "party", party);
}

static mal_err peer_ls(node_client *client, const mal_json *request,
                       mal_json *done) {
    (void)request;
    mal_json *list, *one;
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    MAL_TRY(mal_json_put_array(done, "peers", &list));
    MAL_TRY(mal_db_prepare(&s, client->node->db,
                           "SELECT party, host, port FROM node_peer"
                           " ORDER BY party"));
    for (bool row = true;;) {
        MAL_TRY(mal_db_step(s, &row));
        if (!row)
            return MAL_OK;
        MAL_TRY(mal_json_add_object(list, &one));
        MAL_TRY(mal_json_put_str(one, "party", mal_db_col_text(s, 0)));
        MAL_TRY(mal_json_put_str(one, "host", mal_db_col_text(s, 1)));
        MAL_TRY(mal_json_put_int(one, "port", mal_db_col_int(s, 2)));
    }
}

static mal_err status(node_client *client, const mal_json *request,
                      mal_json *done) {
    (void)request;
    mal_node *node = client->node;
    unsigned connections, streams;
    uint8_t identity[32];
    mal_net_count(node->net, &connections, &streams);
    mal_kms_identity(node->kms, identity);
    MAL_TRY(mal_json_put_str(done, "party", mal_node_party(node)));
    MAL_TRY(mal_json_put_hex(done, "identity", mal_bytes_of(identity, 32)));
    MAL_TRY(mal_json_put_str(done, "build", node->build));
    MAL_TRY(mal_json_put_u64(done, "port", node->port));
    MAL_TRY(mal_json_put_u64(done, "started", node->started));
    MAL_TRY(mal_json_put_u64(done, "log_size", mal_audit_log_size(node->log)));
    MAL_TRY(mal_json_put_u64(done, "connections", connections));
    return mal_json_put_u64(done, "streams", streams);
}

static mal_err log_show(node_client *client, const mal_json *request,
                        mal_json *done) {
    mal_node *node = client->node;
    uint64_t size = mal_audit_log_size(node->log), n = 20;
    mal_json *list;
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    MAL_TRY(node_field_u64(request, "last", &n));
    if (size)
        MAL_TRY(mal_audit_log_checkpoint(node->log, &text));
    MAL_TRY(mal_json_put_u64(done, "size", size));
    MAL_TRY(mal_json_put_text(done, "checkpoint", mal_buf_view(&text)));
    MAL_TRY(mal_json_put_array(done, "entries", &list));
    for (uint64_t i = size > n ? size - n : 0; i < size; i++) {
        MAL_AUTO(mal_buf_clear) mal_buf entry = { 0 };
        mal_audit_dsse *dsse;
        mal_audit_statement *s;
        mal_json *one;
        MAL_TRY(mal_audit_log_read(node->log, &entry, i));
        MAL_TRY(
            mal_audit_dsse_parse(&dsse, client->arena, mal_buf_view(&entry)));
        MAL_TRY(mal_audit_statement_parse(&s, client->arena, dsse->payload));
        MAL_TRY(mal_json_add_object(list, &one));
        MAL_TRY(mal_json_put_u64(one, "index", i));
        MAL_TRY(mal_json_put_str(one, "kind", s->kind));
        MAL_TRY(mal_json_put_u64(one, "time", s->time));
        MAL_TRY(mal_json_put_str(one, "subject", s->subject));
        MAL_TRY(mal_json_put_hex(one, "sha256",
                                 mal_bytes_of(s->subject_sha256.b, 32)));
    }
    return MAL_OK;
}

static mal_err stop(node_client *client, const mal_json *request,
                    mal_json *done) {
    (void)request;
    mal_node_stop_request(client->node);
    return mal_json_put_str(done, "party", mal_node_party(client->node));
}

const node_verb_row node_room_verbs[] = {
    { "room.open", room_open }, { "room.ls", room_ls },
    { "room.show", room_show }, { "room.withdraw", room_withdraw },
    { "peer.set", peer_set },   { "peer.ls", peer_ls },
    { "status", status },       { "log", log_show },
    { "stop", stop },           { NULL, NULL },
};
