/* node.c - verbs about a running node: its state, its peers, its log. */
#include "cli_impl.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define STOP_SECONDS 30

/* The node holds the lock of its folder for as long as it lives. */
static mal_err wait_for_end(const mal_cli *cli) {
    const char *path =
        mal_arena_printf(cli->arena, "%s/lock", mal_cli_state(cli));
    if (!path)
        return MAL_E_MEMORY;
    for (int i = 0; i < STOP_SECONDS * 20; i++) {
        MAL_AUTO(mal_fd_auto) int fd = open(path, O_RDWR | O_CLOEXEC);
        if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
            return MAL_OK;
        usleep(50000);
    }
    MAL_FAIL(MAL_E_TIMEOUT,
             "the node was told to stop and still runs after %d s: a job may "
             "be ending; `kill` its process if it never does",
             STOP_SECONDS);
}

static mal_err stop(mal_cli *cli) {
    const mal_json *done;
    MAL_TRY(cli_ask(cli, "stop", &done));
    MAL_TRY(wait_for_end(cli));
    mal_cli_say(cli, "%s has stopped\n", cli_str(done, "party"));
    return MAL_OK;
}

static mal_err status(mal_cli *cli) {
    const mal_json *d;
    MAL_TRY(cli_ask(cli, "status", &d));
    mal_cli_say(cli, "party        %s\n", cli_str(d, "party"));
    mal_cli_say(cli, "identity     %s\n", cli_str(d, "identity"));
    mal_cli_say(cli, "peers reach  port %llu\n",
                (unsigned long long)cli_u64(d, "port"));
    mal_cli_say(cli, "started      %s\n",
                cli_time_text(cli->arena, cli_u64(d, "started")));
    mal_cli_say(cli, "log          %s entries\n",
                cli_count_text(cli->arena, cli_u64(d, "log_size")));
    mal_cli_say(cli, "connections  %llu, with %llu streams\n",
                (unsigned long long)cli_u64(d, "connections"),
                (unsigned long long)cli_u64(d, "streams"));
    mal_cli_say(cli, "build        %s\n", cli_str(d, "build"));
    return MAL_OK;
}

static mal_err peer_set(mal_cli *cli) {
    MAL_AUTO(mal_json_auto) mal_json *request = NULL;
    const mal_json *done;
    const char *where = mal_cli_operand(cli, 1), *colon = strrchr(where, ':');
    char *end, host[256];
    MAL_REQUIRE(colon && colon > where && colon - where < 256, MAL_E_INPUT,
                "a peer is at HOST:PORT, not at %s", where);
    snprintf(host, sizeof host, "%.*s", (int)(colon - where), where);
    unsigned long port = strtoul(colon + 1, &end, 10);
    MAL_REQUIRE(*end == 0 && end > colon + 1 && port > 0 && port < 65536,
                MAL_E_INPUT, "a port is 1 to 65535, not %s", colon + 1);
    MAL_TRY(cli_request(&request, "peer.set"));
    MAL_TRY(mal_json_put_str(request, "party", mal_cli_operand(cli, 0)));
    MAL_TRY(mal_json_put_str(request, "host", host));
    MAL_TRY(mal_json_put_u64(request, "port", port));
    MAL_TRY(cli_call(cli, request, &done));
    mal_cli_say(cli, "%s is at %s\n", mal_cli_operand(cli, 0), where);
    return MAL_OK;
}

static mal_err peer_ls(mal_cli *cli) {
    static const char *const align[] = { "l", "l", "r" };
    const mal_json *done;
    cli_table t = { .arena = cli->arena, .n_columns = 3, .align = align };
    MAL_TRY(cli_ask(cli, "peer.ls", &done));
    const mal_json *peers = cli_list(done, "peers");
    MAL_TRY(cli_table_add(&t, "peer"));
    MAL_TRY(cli_table_add(&t, "host"));
    MAL_TRY(cli_table_add(&t, "port"));
    for (size_t i = 0; i < mal_json_len(peers); i++) {
        const mal_json *p = mal_json_at(peers, i);
        char port[24];
        snprintf(port, sizeof port, "%llu",
                 (unsigned long long)cli_u64(p, "port"));
        MAL_TRY(cli_table_add(&t, cli_str(p, "party")));
        MAL_TRY(cli_table_add(&t, cli_str(p, "host")));
        MAL_TRY(cli_table_add(&t, port));
    }
    cli_table_show(cli, &t);
    return MAL_OK;
}

static mal_err log_show(mal_cli *cli) {
    static const char *const align[] = { "r", "l", "l", "l" };
    MAL_AUTO(mal_json_auto) mal_json *request = NULL;
    const mal_json *done;
    uint64_t last;
    cli_table t = { .arena = cli->arena, .n_columns = 4, .align = align };
    MAL_TRY(mal_cli_number(cli, "last", 0, 1000000, 20, &last));
    MAL_TRY(cli_request(&request, "log"));
    MAL_TRY(mal_json_put_u64(request, "last", last));
    MAL_TRY(cli_call(cli, request, &done));
    const mal_json *entries = cli_list(done, "entries");
    MAL_TRY(cli_table_add(&t, "entry"));
    MAL_TRY(cli_table_add(&t, "when"));
    MAL_TRY(cli_table_add(&t, "kind"));
    MAL_TRY(cli_table_add(&t, "about"));
    for (size_t i = 0; i < mal_json_len(entries); i++) {
        const mal_json *e = mal_json_at(entries, i);
        MAL_TRY(cli_table_add_u64(&t, cli_u64(e, "index")));
        MAL_TRY(
            cli_table_add(&t, cli_time_text(cli->arena, cli_u64(e, "time"))));
        MAL_TRY(cli_table_add(&t, cli_str(e, "kind")));
        MAL_TRY(cli_table_add(&t, cli_str(e, "subject")));
    }
    cli_table_show(cli, &t);
    mal_cli_say(cli, "\n%s", cli_str(done, "checkpoint"));
    return MAL_OK;
}

static const mal_cli_option log_options[] = {
    { "last", "N", "Show the last N entries; 20 if not given" },
    { NULL, NULL, NULL },
};

const mal_cli_verb cli_node_verbs[] = {
    { .name = "node stop",
      .operands = "",
      .summary = "End the node that runs at this state folder",
      .text = "Jobs under way end with an error, at every owner. SIGTERM does "
              "the same.",
      .state = true,
      .run = stop },
    { .name = "status",
      .operands = "",
      .summary = "Show what the node says of itself",
      .text = "",
      .state = true,
      .run = status },
    { .name = "peer set",
      .operands = "PARTY HOST:PORT",
      .summary = "Tell the node where another party's node listens",
      .text = "Where a peer is need not be secret or true: connections are "
              "pinned to the\nidentity that the contract names.",
      .example = "malus peer set retail clean.retail.example:7400",
      .state = true,
      .run = peer_set },
    { .name = "peer ls",
      .operands = "",
      .summary = "List the peers that the node can reach",
      .text = "",
      .state = true,
      .run = peer_ls },
    { .name = "log",
      .operands = "",
      .summary = "Show the node's log: what it did, in order",
      .text = "The log is append-only (tlog-tiles) and lies in STATE/log. The "
              "checkpoint at\nthe end is what the other owners cosign.",
      .options = log_options,
      .state = true,
      .run = log_show },
    { .name = NULL },
};
