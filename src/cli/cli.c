/* cli.c - what a verb asks of its command line, and its exit code. */
#include "cli_impl.h"

#include <errno.h>
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
    return mal_cli_get_at(cli, option, 0);
}

const char *mal_cli_get_at(const mal_cli *cli, const char *option, size_t i) {
    for (size_t at = 0; at < cli->n_given; at++)
        if (strcmp(cli->given[at]->name, option) == 0 && i-- == 0)
            return cli->values[at];
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
