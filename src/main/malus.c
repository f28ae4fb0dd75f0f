/* malus.c - the binary: the command line, and the verbs that are a node.
 *
 * cli and node do not know each other; what needs both is here.
 */
#include <malus/cli.h>
#include <malus/node.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* For the handler of signals: one process serves one node. */
static mal_node *serving;

static void on_signal(int signal) {
    (void)signal;
    mal_node_stop_request(serving);
}

static mal_err party_init(mal_cli *cli) {
    const char *party = mal_cli_operand(cli, 0);
    MAL_TRY(mal_node_init(mal_cli_state(cli), party));
    mal_cli_say(
        cli, "%s has keys at %s. Its line for a contract: malus party show\n",
        party, mal_cli_state(cli));
    MAL_TRY(mal_json_put_str(mal_cli_result(cli), "party", party));
    return mal_json_put_str(mal_cli_result(cli), "state", mal_cli_state(cli));
}

static mal_err read_listen(mal_node_config *config, mal_cli *cli) {
    const char *text = mal_cli_get(cli, "listen"), *colon;
    char *end;
    if (!text)
        return MAL_OK;
    colon = strrchr(text, ':');
    MAL_REQUIRE(colon && colon > text, MAL_E_INPUT,
                "--listen is HOST:PORT; port 0 takes a free one");
    unsigned long port = strtoul(colon + 1, &end, 10);
    MAL_REQUIRE(end > colon + 1 && *end == 0 && port < 65536, MAL_E_INPUT,
                "a port is 0 to 65535, not %s", colon + 1);
    config->host =
        mal_arena_strndup(mal_cli_arena(cli), text, (size_t)(colon - text));
    config->port = (uint16_t)port;
    return config->host ? MAL_OK : MAL_E_MEMORY;
}

static mal_err read_config(mal_node_config *config, mal_cli *cli) {
    uint64_t threads, step, memory;
    config->state = mal_cli_state(cli);
    MAL_TRY(read_listen(config, cli));
    MAL_TRY(mal_cli_number(cli, "threads", 1, 1024, 0, &threads));
    MAL_TRY(mal_cli_number(cli, "step", 1, 86400, 0, &step));
    MAL_TRY(mal_cli_number(cli, "memory", 64, 1 << 24, 0, &memory));
    config->threads = (unsigned)threads;
    config->step_ms = (unsigned)step * 1000;
    config->memory_max = memory << 20;
    return MAL_OK;
}

/* The ready line: who waits for it knows that the socket answers. */
static mal_err say_ready(mal_cli *cli, const mal_node *node, const char *host) {
    if (mal_cli_json(cli))
        printf("{\"event\":\"ready\",\"party\":\"%s\",\"port\":%u}\n",
               mal_node_party(node), mal_node_port(node));
    else
        printf("%s is ready at %s:%u\n", mal_node_party(node),
               host ? host : "127.0.0.1", mal_node_port(node));
    MAL_REQUIRE(fflush(stdout) == 0, MAL_E_IO, "cannot write to stdout");
    return MAL_OK;
}

static mal_err node(mal_cli *cli) {
    mal_node_config config = { 0 };
    struct sigaction end = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
    MAL_TRY(read_config(&config, cli));
    MAL_TRY(mal_node_start(&serving, &config));
    sigaction(SIGTERM, &end, NULL);
    sigaction(SIGINT, &end, NULL);
    mal_err err = say_ready(cli, serving, config.host);
    if (err == MAL_OK)
        err = mal_node_serve(serving);
    signal(SIGTERM, SIG_IGN); /* it is ending already */
    signal(SIGINT, SIG_IGN);
    mal_node_free(serving);
    MAL_TRY(err);
    return mal_json_put_str(mal_cli_result(cli), "event", "stopped");
}

static const mal_cli_option node_options[] = {
    { "listen", "HOST:PORT",
      "Where peers reach it; else 127.0.0.1 and the port it had last" },
    { "threads", "N", "For one job; else all" },
    { "step", "SECONDS", "A peer answers a step within this; else 60" },
    { "memory", "MIB",
      "At most for one DuckDB, and for shares of a job; else 1024" },
    { NULL, NULL, NULL },
};

static const mal_cli_verb verbs[] = {
    { .name = "party init",
      .operands = "NAME",
      .summary = "Make a party: its keys and its empty state folder",
      .text = "The identity key is for life and is what contracts pin: back up "
              "STATE/keys.",
      .example = "malus party init jfk --state jfk",
      .state = true,
      .run = party_init },
    { .name = "node",
      .operands = "",
      .summary = "Run this party's node, in the foreground",
      .text = "Holds the state folder, listens for peers (TLS 1.3, pinned to "
              "the identities of\nits rooms) and answers its own people at "
              "STATE/node.sock. One line on stdout says\nthat it is ready. "
              "SIGTERM and ^C end it: jobs under way end with an error.",
      .example = "malus node --state jfk --listen 0.0.0.0:7400",
      .options = node_options,
      .state = true,
      .run = node },
    { .name = NULL },
};

int main(int argc, char **argv) {
    mal_heap_settle();
    return mal_cli_main(argc, argv, verbs);
}
