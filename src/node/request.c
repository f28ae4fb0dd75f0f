/* request.c - one request: its verb is found and served. */
#include "node_impl.h"

#include <string.h>

static node_verb find_verb(const char *name) {
    const node_verb_row *tables[] = { node_data_verbs, node_room_verbs,
                                      node_query_verbs };
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        for (const node_verb_row *row = tables[i]; row->name; row++)
            if (strcmp(row->name, name) == 0)
                return row->serve;
    return NULL;
}

static mal_err serve_verb(node_client *client, mal_bytes line, mal_json *done) {
    MAL_AUTO(mal_json_auto) mal_json *request = NULL;
    const char *name;
    MAL_TRY(mal_json_parse(&request, line, MAL_NODE_LINE_MAX));
    MAL_TRY(mal_json_get_str(request, "verb", &name));
    node_verb verb = find_verb(name);
    MAL_REQUIRE(verb, MAL_E_UNSUPPORTED, "no verb %.64s at this node", name);
    return verb(client, request, done);
}

mal_err mal_node_request(mal_node *node, mal_bytes line,
                         mal_err (*emit)(void *ctx, mal_bytes line),
                         void *ctx) {
    MAL_AUTO(mal_json_auto) mal_json *done = NULL;
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new((size_t)8 << 30);
    if (!arena)
        return MAL_E_MEMORY;
    node_client client = {
        .node = node, .emit = emit, .ctx = ctx, .arena = arena
    };
    MAL_TRY(mal_json_new_object(&done));
    mal_err err = serve_verb(&client, line, done);
    if (err != MAL_OK) {
        MAL_TRY(mal_json_put_str(done, "code", mal_err_name(err)));
        MAL_TRY(mal_json_put_str(done, "message", mal_err_message()));
    }
    MAL_TRY(mal_json_put_str(done, "event", err == MAL_OK ? "done" : "error"));
    return node_emit(&client, done);
}
