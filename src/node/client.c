/* client.c - events to the client whose request is served. */
#include "node_impl.h"

mal_err node_emit(node_client *client, const mal_json *event) {
    MAL_AUTO(mal_buf_clear) mal_buf line = { .max = MAL_NODE_LINE_MAX };
    MAL_TRY(mal_json_dump(&line, event));
    return client->emit(client->ctx, mal_buf_view(&line));
}

static mal_err step(void *ctx, const char *stage, uint64_t done,
                    uint64_t total) {
    node_client *client = ctx;
    MAL_AUTO(mal_json_auto) mal_json *event = NULL;
    MAL_REQUIRE(!atomic_load(&client->node->stopping), MAL_E_CANCEL,
                "the node is stopping");
    MAL_TRY(mal_json_new_object(&event));
    MAL_TRY(mal_json_put_str(event, "event", "progress"));
    MAL_TRY(mal_json_put_str(event, "stage", stage));
    MAL_TRY(mal_json_put_u64(event, "done", done));
    MAL_TRY(mal_json_put_u64(event, "total", total));
    return node_emit(client, event);
}

mal_progress node_progress(node_client *client) {
    return (mal_progress){ .step = step, .ctx = client };
}
