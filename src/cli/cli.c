/* cli.c - one command line: find its verb, serve it, print, and tell how it
 * went.
 */
#include "cli_impl.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

mal_cli_exit mal_cli_exit_of(mal_err err) {
    switch (err) {
    case MAL_OK:
        return MAL_CLI_DONE;
    case MAL_E_DENIED:
        return MAL_CLI_REFUSED;
    case MAL_E_BUDGET:
        return MAL_CLI_BUDGET;
    case MAL_E_AUTH:
        return MAL_CLI_INVALID;
    case MAL_E_PEER:
    case MAL_E_TIMEOUT:
        return MAL_CLI_PEER;
    case MAL_E_MISSING:
        return MAL_CLI_MISSING;
    case MAL_E_INPUT:
    case MAL_E_LIMIT:
        return MAL_CLI_INPUT;
    case MAL_E_UNSUPPORTED:
        return MAL_CLI_UNSUPPORTED;
    case MAL_E_STATE:
        return MAL_CLI_STATE;
    case MAL_E_CANCEL:
        return MAL_CLI_CANCELLED;
    case MAL_E_IO:
    case MAL_E_MEMORY:
        break;
    }
    return MAL_CLI_IO;
}

/* --- What a verb asks ----------------------------------------------------- */

const char *mal_cli_operand(const mal_cli *cli, size_t i) {
    return i < cli->n_operands ? cli->operands[i] : NULL;
}

const char *mal_cli_get(const mal_cli *cli, const char *option) {
    for (size_t i = 0; i < cli->n_given; i++)
        if (strcmp(cli->given[i]->name, option) == 0)
            return cli->values[i];
    return NULL;
}

const char *mal_cli_state(const mal_cli *cli) {
    return cli->state;
}

bool mal_cli_json(const mal_cli *cli) {
    return cli->json;
}

mal_json *mal_cli_result(mal_cli *cli) {
    return cli->result;
}

mal_arena *mal_cli_arena(mal_cli *cli) {
    return cli->arena;
}

void mal_cli_say(const mal_cli *cli, const char *fmt, ...) {
    if (cli->json)
        return;
    va_list args;
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
}

mal_err mal_cli_number(const mal_cli *cli, const char *option, uint64_t min,
                       uint64_t max, uint64_t otherwise, uint64_t *value) {
    const char *text = mal_cli_get(cli, option);
    *value = otherwise;
    if (!text)
        return MAL_OK;
    char *end;
    errno = 0;
    unsigned long long v = strtoull(text, &end, 10);
    MAL_REQUIRE(*text >= '0' && *text <= '9' && !*end && errno == 0 &&
                    v >= min && v <= max,
                MAL_E_INPUT, "--%s is a whole number from %llu to %llu", option,
                (unsigned long long)min, (unsigned long long)max);
    *value = v;
    return MAL_OK;
}

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

/* --- Serving ------------------------------------------------------------- */

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
        cli_party_verbs, cli_room_verbs,    cli_data_verbs,
        cli_query_verbs, cli_receipt_verbs, cli_node_verbs,
        cli_dev_verbs,   cli_bench_verbs,   cli_help_verbs,
    };
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const mal_cli_verb *v = tables[t]; v->name; v++) {
            assert(cli->n_verbs < CLI_VERBS_MAX);
            cli->verbs[cli->n_verbs++] = v;
        }
    for (; more && more->name; more++)
        add_verb(cli, more);
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
