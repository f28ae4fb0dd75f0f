/* verbs.c - the table of all verbs, and one command line served by it: find the
 * verb, run it, print, and tell how it went.
 */
#include "cli_impl.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* --- The table ------------------------------------------------------------ */

static bool same_group(const char *a, const char *b) {
    size_t n = strcspn(a, " ");
    return strcspn(b, " ") == n && strncmp(a, b, n) == 0;
}

/* A verb of the binary stands before ours with the same first word. */
static void add_verb(mal_cli *cli, const mal_cli_verb *verb) {
    size_t at = 0;
    assert(cli->n_verbs < CLI_VERBS_MAX);
    while (at < cli->n_verbs && !same_group(cli->verbs[at]->name, verb->name))
        at++;
    for (size_t i = cli->n_verbs++; i > at; i--)
        cli->verbs[i] = cli->verbs[i - 1];
    cli->verbs[at] = verb;
}

static void add_verbs(mal_cli *cli, const mal_cli_verb *more) {
    const mal_cli_verb *tables[] = {
        cli_party_verbs,   cli_room_verbs,   cli_data_verbs, cli_query_verbs,
        cli_receipt_verbs, cli_attest_verbs, cli_node_verbs, cli_dev_verbs,
        cli_bench_verbs,   cli_help_verbs,
    };
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const mal_cli_verb *v = tables[t]; v->name; v++) {
            assert(cli->n_verbs < CLI_VERBS_MAX);
            cli->verbs[cli->n_verbs++] = v;
        }
    for (; more && more->name; more++)
        add_verb(cli, more);
}

/* --- Serving ------------------------------------------------------------- */

static mal_err find_state(mal_cli *cli) {
    const char *given = mal_cli_get(cli, "state");
    const char *env = getenv("MALUS_STATE"), *home = getenv("HOME");
    int n;
    if (given || (env && *env))
        n = snprintf(cli->state, sizeof cli->state, "%s", given ? given : env);
    else
        n = snprintf(cli->state, sizeof cli->state, "%s/.malus",
                     home ? home : ".");
    MAL_REQUIRE(n > 0 && (size_t)n < sizeof cli->state, MAL_E_INPUT,
                "the path of the state folder is too long");
    return MAL_OK;
}

static mal_err print_buf(const mal_buf *text) {
    bool ok = fwrite(text->ptr, 1, text->len, stdout) == text->len;
    MAL_REQUIRE(ok && fflush(stdout) == 0, MAL_E_IO, "cannot write to stdout");
    return MAL_OK;
}

static mal_err print_json(mal_cli *cli, mal_err err, mal_cli_exit code,
                          const char *message) {
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    mal_json *error;
    if (err != MAL_OK) {
        mal_json_remove(cli->result, "error");
        MAL_TRY(mal_json_put_object(cli->result, "error", &error));
        MAL_TRY(mal_json_put_str(error, "code", mal_err_name(err)));
        MAL_TRY(mal_json_put_str(error, "message", message));
        MAL_TRY(mal_json_put_int(error, "exit", code));
    }
    MAL_TRY(mal_json_dump(&text, cli->result));
    MAL_TRY(mal_buf_put_u8(&text, '\n'));
    return print_buf(&text);
}

static void print_error(const mal_cli *cli, const char *message) {
    const char *line = mal_arena_printf(cli->arena, "malus: %s", message);
    fputs(cli_style_on(stderr, CLI_RED), stderr);
    if (line)
        cli_say_lines(cli, stderr, line);
    else
        fprintf(stderr, "malus: %s\n", message);
    fputs(cli_style_off(stderr), stderr);
}

static int fail(mal_cli *cli, mal_err err, mal_cli_exit code) {
    /* Printing may itself fail, and would replace the message. */
    char message[4096];
    const char *text = mal_err_message();
    snprintf(message, sizeof message, "%s", *text ? text : mal_err_text(err));
    cli_bar_clear();
    fflush(stdout);
    if (!cli->json || cli->raw)
        print_error(cli, message);
    else if (print_json(cli, err, code, message) != MAL_OK)
        print_error(cli, message);
    return code;
}

static mal_err serve(mal_cli *cli) {
    if (cli->help) {
        MAL_AUTO(mal_buf_clear) mal_buf page = { 0 };
        MAL_TRY(cli_help_verb(&page, cli->verb));
        cli->raw = true;
        return print_buf(&page);
    }
    MAL_TRY(find_state(cli));
    MAL_TRY(cli->verb->run(cli));
    cli_bar_clear();
    if (cli->json && !cli->raw)
        return print_json(cli, MAL_OK, MAL_CLI_DONE, "");
    MAL_REQUIRE(fflush(stdout) == 0, MAL_E_IO, "cannot write to stdout");
    return MAL_OK;
}

static int run(mal_cli *cli, int argc, char **argv) {
    cli->arena = mal_arena_new((size_t)1 << 30);
    if (!cli->arena || mal_json_new_object(&cli->result) != MAL_OK)
        return fail(cli, MAL_E_MEMORY, MAL_CLI_IO);
    for (int i = 0; i < argc; i++) /* so that errors of usage are JSON too */
        cli->json |= strcmp(argv[i], "--json") == 0;
    if (cli_parse(cli, argc, argv) != MAL_OK)
        return fail(cli, MAL_E_INPUT, MAL_CLI_USAGE);
    mal_err err = serve(cli);
    return err == MAL_OK ? MAL_CLI_DONE : fail(cli, err, mal_cli_exit_of(err));
}

int mal_cli_main(int argc, char **argv, const mal_cli_verb *more) {
    static char *const help[] = { "help" };
    static char *const version[] = { "version" };
    mal_cli *cli = mal_calloc(1, sizeof *cli);
    if (!cli)
        return MAL_CLI_IO;
    signal(SIGPIPE, SIG_IGN); /* `malus ... | head` is no crash */
    add_verbs(cli, more);
    argc--;
    argv++;
    bool none = argc == 0;
    if (none || strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0) {
        argc = 1;
        argv = (char **)help;
    } else if (strcmp(argv[0], "--version") == 0) {
        argc = 1;
        argv = (char **)version;
    }
    int code = run(cli, argc, argv);
    mal_json_free(cli->result);
    mal_arena_free(cli->arena);
    mal_free(cli);
    return none ? MAL_CLI_USAGE : code;
}
