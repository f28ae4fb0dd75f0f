/* daemon.c - a node starts and ends. */
#include "node_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

static uint16_t last_port(mal_node *node) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    bool row = false;
    if (mal_db_prepare(&s, node->db,
                       "SELECT value FROM node_setting WHERE name = 'port'") !=
            MAL_OK ||
        mal_db_step(s, &row) != MAL_OK || !row)
        return 0;
    return (uint16_t)strtoul(mal_db_col_text(s, 0), NULL, 10);
}

static mal_err keep_port(mal_node *node) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    char text[8];
    snprintf(text, sizeof text, "%u", node->port);
    MAL_TRY(mal_db_prepare(&s, node->db,
                           "INSERT INTO node_setting VALUES ('port', ?1)"
                           " ON CONFLICT DO UPDATE SET value = ?1"));
    MAL_TRY(mal_db_bind_text(s, 1, text));
    return mal_db_run(s);
}

static mal_err start(mal_node *node) {
    MAL_TRY(node_state_open(node));
    node->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    MAL_REQUIRE(node->stop_fd >= 0, MAL_E_IO, "no descriptor left");
    MAL_TRY(node_rooms_load(node));
    const char *host = node->config.host ? node->config.host : "127.0.0.1";
    uint16_t want = node->config.port ? node->config.port : last_port(node);
    mal_err err = mal_net_listen(node->net, host, want, &node->port);
    if (err != MAL_OK && want && !node->config.port)
        err = mal_net_listen(node->net, host, 0, &node->port);
    MAL_TRY(err);
    MAL_TRY(keep_port(node));
    return node_server_open(node);
}

mal_err mal_node_start(mal_node **out, const mal_node_config *config) {
    MAL_TRY(mal_prim_init());
    mal_node *node = mal_calloc(1, sizeof *node);
    if (!node)
        return MAL_E_MEMORY;
    node->config = *config;
    node->lock_fd = node->socket_fd = node->stop_fd = -1;
    node->started = mal_time_unix();
    pthread_mutex_init(&node->lock, NULL);
    pthread_mutex_init(&node->store_lock, NULL);
    pthread_cond_init(&node->changed, NULL);
    node->state = realpath(config->state, NULL);
    mal_err err = MAL_OK;
    if (!node->state)
        err = mal_err_set(MAL_E_MISSING, __FILE__, __LINE__,
                          "no state folder %s: make one with `malus party init "
                          "NAME --state %s`",
                          config->state, config->state);
    if (err == MAL_OK)
        err = start(node);
    if (err != MAL_OK) {
        mal_node_free(node);
        return mal_err_trace(err, __FILE__, __LINE__);
    }
    *out = node;
    return MAL_OK;
}

void mal_node_free(mal_node *node) {
    if (!node)
        return;
    atomic_store(&node->stopping, true);
    pthread_mutex_lock(&node->lock);
    pthread_cond_broadcast(&node->changed);
    pthread_mutex_unlock(&node->lock);
    for (unsigned i = 0; i < node->n_rooms; i++)
        if (node->rooms[i].room &&
            mal_room_cancel(node->rooms[i].room, "") != MAL_OK)
            mal_err_forget();
    /* Streams fail, so clients' requests and peers' calls end; then the rooms
     * can go. */
    pthread_mutex_lock(&node->lock);
    for (unsigned i = 0; i < node->n_rooms; i++) {
        const mal_policy_contract *c = node->rooms[i].contract;
        for (uint32_t k = 0; node->rooms[i].room && k < c->n_parties; k++)
            mal_net_disallow(node->net, c->parties[k].identity);
    }
    pthread_mutex_unlock(&node->lock);
    node_server_close(node);
    mal_net_close(node->net);
    node->net = NULL;
    node_rooms_close(node);
    node_waiting_clear(node);
    node_state_close(node);
    mal_fd_auto(&node->stop_fd);
    pthread_mutex_destroy(&node->lock);
    pthread_mutex_destroy(&node->store_lock);
    pthread_cond_destroy(&node->changed);
    free(node->state);
    mal_free(node);
}
