/* refuse_rollback.c - one file of a state folder is replaced by an older copy.
 */
#include "four_nodes.h"

static const char union_sql[] =
    "SELECT carrier, count(*), sum(distance) FROM ("
    " SELECT carrier, distance FROM ewr.flights UNION ALL"
    " SELECT carrier, distance FROM jfk.flights UNION ALL"
    " SELECT carrier, distance FROM lga.flights) f GROUP BY carrier"
    " ORDER BY carrier";

TEST(a_ledger_older_than_the_log_is_not_served_from) {
    static four f;
    char state[300], path[340];
    four_open(&f);
    check_done(&f, FAA, query(union_sql, false));
    stop_node(&f, 0);
    state_of(&f, 0, state);
    snprintf(path, sizeof path, "%s/ledger.db", state);
    CHECK(unlink(path) == 0);
    mal_node_config config = {
        .state = state, .host = "127.0.0.1", .threads = 1, .step_ms = 20000
    };
    CHECK_ERR(mal_node_start(&f.node[0], &config), MAL_E_STATE);
    CHECK(strstr(mal_err_message(), "ledger"));
    f.node[0] = NULL;
    four_close(&f);
}

TEST(a_state_folder_older_than_what_peers_cosigned_is_not_served_from) {
    static four f;
    char state[300], command[1000];
    four_open(&f);
    check_done(&f, FAA, query(union_sql, false));
    stop_node(&f, 0);
    state_of(&f, 0, state);
    snprintf(command, sizeof command, "cp -a '%s' '%s.old'", state, state);
    CHECK(system(command) == 0);
    start_node(&f, 0);
    tell_ports(&f);
    mal_json *again = query(union_sql, false);
    CHECK_OK(mal_json_put_bool(again, "fresh", true));
    check_done(&f, FAA, again);
    stop_node(&f, 0);
    snprintf(command, sizeof command, "rm -r '%s' && mv '%s.old' '%s'", state,
             state, state);
    CHECK(system(command) == 0);
    start_node(&f, 0);
    tell_ports(&f);
    again = query(union_sql, false);
    CHECK_OK(mal_json_put_bool(again, "fresh", true));
    const char *message;
    CHECK(!ask_node(&f, FAA, again));
    CHECK_OK(mal_json_get_str(f.last, "message", &message));
    CHECK_THAT(strstr(message, "old copy"), "%s", message);
    four_close(&f);
}

TEST_MAIN
