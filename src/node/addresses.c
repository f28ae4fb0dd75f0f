/* addresses.c - where the other parties are. */
#include "node_impl.h"

#include <stdio.h>
#include <string.h>

mal_err node_peer_set(mal_node *node, const char *party, const char *host,
                      uint16_t port) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    MAL_REQUIRE(strlen(host) < 256 && port, MAL_E_INPUT,
                "a peer is at HOST:PORT, with a port above 0");
    MAL_TRY(mal_db_prepare(&s, node->db,
                           "INSERT INTO node_peer VALUES (?1, ?2, ?3)"
                           " ON CONFLICT DO UPDATE SET host = ?2, port = ?3"));
    MAL_TRY(mal_db_bind_text(s, 1, party));
    MAL_TRY(mal_db_bind_text(s, 2, host));
    MAL_TRY(mal_db_bind_int(s, 3, port));
    return mal_db_run(s);
}

mal_err node_peer_find(mal_node *node, const char *party, char host[256],
                       uint16_t *port) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    bool row;
    MAL_TRY(mal_db_prepare(&s, node->db,
                           "SELECT host, port FROM node_peer"
                           " WHERE party = ?1"));
    MAL_TRY(mal_db_bind_text(s, 1, party));
    MAL_TRY(mal_db_step(s, &row));
    MAL_REQUIRE(row, MAL_E_MISSING,
                "%s does not know where %s is: `malus peer set %s HOST:PORT`",
                mal_node_party(node), party, party);
    snprintf(host, 256, "%s", mal_db_col_text(s, 0));
    *port = (uint16_t)mal_db_col_int(s, 1);
    return MAL_OK;
}
