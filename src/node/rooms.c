/* rooms.c - the rooms of a node. */
#include "node_impl.h"

#include <stdio.h>
#include <string.h>

/* Whoever is a party of one of our rooms may connect. */
static mal_err allow_parties(mal_node *node, const mal_policy_contract *c) {
    for (uint32_t i = 0; i < c->n_parties; i++)
        MAL_TRY(mal_net_allow(node->net, c->parties[i].identity));
    return MAL_OK;
}

static mal_err open_at(mal_node *node, unsigned slot, const char *id,
                       mal_bytes bundle) {
    node_link *link = mal_calloc(1, sizeof *link);
    if (!link)
        return MAL_E_MEMORY;
    link->node = node;
    snprintf(link->room_id, sizeof link->room_id, "%s", id);
    mal_room_config config = { .kms = node->kms,
                               .store = node->store,
                               .ledger = node->ledger,
                               .log = node->log,
                               .witness = node->witness,
                               .db = node->db,
                               .peers = node_peers(link),
                               .memory_max = node->config.memory_max,
                               .folder = node->jobs,
                               .threads = node->config.threads,
                               .step_ms = node->config.step_ms,
                               .costs = mal_buf_view(&node->costs),
                               .build = node->build };
    mal_room *room = NULL;
    mal_err err = mal_room_open(&room, &config, bundle);
    const mal_policy_contract *c = room ? mal_room_contract(room) : NULL;
    if (err == MAL_OK)
        err = allow_parties(node, c);
    if (err != MAL_OK) {
        mal_room_close(room);
        mal_free(link);
        return mal_err_trace(err, __FILE__, __LINE__);
    }
    pthread_mutex_lock(&node->lock);
    link->contract = c;
    node->rooms[slot] =
        (node_room){ .room = room, .contract = c, .link = link };
    snprintf(node->rooms[slot].id, sizeof node->rooms[slot].id, "%s", id);
    if (slot == node->n_rooms)
        node->n_rooms++;
    pthread_mutex_unlock(&node->lock);
    return MAL_OK;
}

/* Its jobs end; it is freed with the node. */
static void retire(mal_node *node, node_retired *r) {
    if (mal_room_cancel(r->room, "") != MAL_OK)
        mal_err_forget();
    pthread_mutex_lock(&node->lock);
    r->next = node->retired;
    node->retired = r;
    pthread_mutex_unlock(&node->lock);
}

void node_rooms_close(mal_node *node) {
    for (unsigned i = 0; i < node->n_rooms; i++) {
        mal_room_close(node->rooms[i].room);
        mal_free(node->rooms[i].link);
    }
    for (node_retired *r = node->retired, *next; r; r = next) {
        next = r->next;
        mal_room_close(r->room);
        mal_free(r->link);
        mal_free(r);
    }
    node->n_rooms = 0;
    node->retired = NULL;
}

mal_err node_rooms_load(mal_node *node) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    MAL_TRY(mal_db_prepare(&s, node->db,
                           "SELECT id, bundle FROM node_room ORDER BY id"));
    for (bool row = true;;) {
        MAL_TRY(mal_db_step(s, &row));
        if (!row)
            return MAL_OK;
        MAL_REQUIRE(node->n_rooms < NODE_ROOMS_MAX, MAL_E_LIMIT,
                    "more than %d rooms at one node", NODE_ROOMS_MAX);
        /* An amendment may have been cut off before it was remembered here. */
        MAL_AUTO(mal_buf_clear) mal_buf newest = { 0 };
        MAL_TRY(mal_room_newest(&newest, node->db, mal_db_col_text(s, 0)));
        MAL_TRY(open_at(node, node->n_rooms, mal_db_col_text(s, 0),
                        newest.len ? mal_buf_view(&newest)
                                   : mal_db_col_blob(s, 1)));
    }
}

static mal_err remember(mal_node *node, const char *id, mal_bytes bundle) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    MAL_TRY(mal_db_prepare(&s, node->db,
                           "INSERT INTO node_room VALUES (?1, ?2)"
                           " ON CONFLICT DO UPDATE SET bundle = ?2"));
    MAL_TRY(mal_db_bind_text(s, 1, id));
    MAL_TRY(mal_db_bind_blob(s, 2, bundle));
    return mal_db_run(s);
}

/* One at a time (store_lock): it rewraps the store's keys. */
static mal_err replace(mal_node *node, const mal_policy_contract *c,
                       mal_bytes bytes, const node_room **out) {
    char id[65];
    mal_hex_encode(id, mal_bytes_of(c->room_id, 32));
    unsigned slot = 0;
    while (slot < node->n_rooms && strcmp(node->rooms[slot].id, id) != 0)
        slot++;
    MAL_REQUIRE(slot < NODE_ROOMS_MAX, MAL_E_LIMIT,
                "more than %d rooms at one node", NODE_ROOMS_MAX);
    *out = &node->rooms[slot];
    node_room old = node->rooms[slot];
    if (old.room && mal_equal(old.contract->hash, c->hash, 32))
        return MAL_OK;
    node_retired *retired = mal_calloc(1, sizeof *retired);
    if (!retired)
        return MAL_E_MEMORY;
    pthread_mutex_lock(&node->lock);
    node->rooms[slot].room = NULL; /* no new calls while it changes */
    pthread_mutex_unlock(&node->lock);
    mal_err err = open_at(node, slot, id, bytes);
    if (err != MAL_OK) {
        pthread_mutex_lock(&node->lock);
        node->rooms[slot].room = old.room; /* the version before goes on */
        pthread_mutex_unlock(&node->lock);
    }
    if (err != MAL_OK || !old.room) {
        mal_free(retired);
    } else {
        *retired = (node_retired){ .room = old.room, .link = old.link };
        retire(node, retired);
    }
    MAL_TRY(err);
    return remember(node, id, bytes);
}

mal_err node_room_add(mal_node *node, mal_bytes bytes, const node_room **out) {
    MAL_AUTO(mal_arena_auto)
    mal_arena *arena = mal_arena_new((size_t)600 << 20);
    if (!arena)
        return MAL_E_MEMORY;
    mal_room_bundle bundle;
    MAL_TRY(mal_room_bundle_read(&bundle, arena, bytes));
    pthread_mutex_lock(&node->store_lock);
    mal_err err = replace(node, bundle.contract, bytes, out);
    pthread_mutex_unlock(&node->store_lock);
    MAL_TRY(err);
    return mal_room_announce((*out)->room);
}

static bool names(const node_room *r, const char *key) {
    size_t n = strlen(key);
    return strcmp(r->contract->name, key) == 0 ||
           (n >= 8 && strncmp(r->id, key, n) == 0);
}

mal_err node_room_find(mal_node *node, const char *key, node_room *out) {
    unsigned found = 0;
    pthread_mutex_lock(&node->lock);
    for (unsigned i = 0; i < node->n_rooms; i++)
        if (node->rooms[i].room &&
            (!key || !*key || names(&node->rooms[i], key))) {
            *out = node->rooms[i];
            found++;
        }
    pthread_mutex_unlock(&node->lock);
    MAL_REQUIRE(found, MAL_E_MISSING,
                "no room %s at %s: see `malus room ls`, or open one with "
                "`malus room open BUNDLE`",
                key ? key : "", mal_node_party(node));
    MAL_REQUIRE(found == 1, MAL_E_INPUT,
                "%s has several rooms: name one of them, or its id",
                mal_node_party(node));
    return MAL_OK;
}
