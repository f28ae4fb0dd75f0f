/* options.c - from the words of a command line to a verb, operands, options. */
#include "cli_impl.h"

#include <string.h>

const mal_cli_option cli_common[] = {
    { "json", NULL, "Print one JSON object instead of text" },
    { "help", NULL, "Print this page" },
    { NULL, NULL, NULL },
};
const mal_cli_option cli_state_option = {
    "state", "DIR", "The party's state folder; else $MALUS_STATE, else ~/.malus"
};

/* "ROOM SQL" is two, "RECEIPT [NAME...]" one or more. */
void cli_arity(const mal_cli_verb *verb, size_t *min, size_t *max) {
    *min = *max = 0;
    for (const char *at = verb->operands; *at;) {
        size_t n = strcspn(at, " ");
        bool optional = *at == '[';
        if (n >= 3 && (strncmp(at + n - 3, "...", 3) == 0 ||
                       (n >= 4 && strncmp(at + n - 4, "...]", 4) == 0)))
            *max = CLI_OPERANDS_MAX;
        else if (*max < CLI_OPERANDS_MAX)
            *max += 1;
        *min += !optional;
        at += n;
        at += *at == ' ';
    }
}

/* The verb of the first words: two of them if such a verb exists, else one. */
static const mal_cli_verb *find(const mal_cli *cli, int argc, char **argv,
                                int *used) {
    const mal_cli_verb *one = NULL;
    for (size_t i = 0; i < cli->n_verbs; i++) {
        const char *name = cli->verbs[i]->name, *space = strchr(name, ' ');
        if (!space) {
            if (strcmp(name, argv[0]) == 0)
                one = cli->verbs[i];
            continue;
        }
        size_t n = (size_t)(space - name);
        if (argc > 1 && strlen(argv[0]) == n &&
            strncmp(name, argv[0], n) == 0 && strcmp(space + 1, argv[1]) == 0) {
            *used = 2;
            return cli->verbs[i];
        }
    }
    *used = 1;
    return one;
}

static bool is_group(const mal_cli *cli, const char *word) {
    size_t n = strlen(word);
    for (size_t i = 0; i < cli->n_verbs; i++)
        if (strncmp(cli->verbs[i]->name, word, n) == 0 &&
            cli->verbs[i]->name[n] == ' ')
            return true;
    return false;
}

static const mal_cli_option *option_named(const mal_cli *cli, const char *name,
                                          size_t n) {
    const mal_cli_option *tables[] = { cli->verb->options, cli_common };
    for (size_t t = 0; t < 2; t++)
        for (const mal_cli_option *o = tables[t]; o && o->name; o++)
            if (strlen(o->name) == n && strncmp(o->name, name, n) == 0)
                return o;
    if (cli->verb->state && n == 5 && strncmp(name, "state", 5) == 0)
        return &cli_state_option;
    return NULL;
}

static bool repeats(const mal_cli_option *o) {
    size_t n = o->value ? strlen(o->value) : 0;
    return n > 3 && strcmp(o->value + n - 3, "...") == 0;
}

static mal_err take_option(mal_cli *cli, const char *word, const char *next,
                           int *used) {
    const char *name = word + 2, *equals = strchr(name, '=');
    size_t n = equals ? (size_t)(equals - name) : strlen(name);
    const mal_cli_option *o = option_named(cli, name, n);
    *used = 1;
    MAL_REQUIRE(o, MAL_E_INPUT, "`malus %s` has no option --%.*s",
                cli->verb->name, (int)n, name);
    MAL_REQUIRE(cli->n_given < CLI_OPTIONS_MAX, MAL_E_INPUT,
                "too many options");
    const char *value = "";
    if (!o->value) {
        MAL_REQUIRE(!equals, MAL_E_INPUT, "--%s takes no value", o->name);
    } else if (equals) {
        value = equals + 1;
    } else {
        /* "--man --help" is no folder called --help; --man=--help would be. */
        MAL_REQUIRE(next && strncmp(next, "--", 2) != 0, MAL_E_INPUT,
                    "--%s needs a value: --%s %s", o->name, o->name, o->value);
        value = next;
        *used = 2;
    }
    for (size_t i = 0; i < cli->n_given && !repeats(o); i++)
        MAL_REQUIRE(cli->given[i] != o, MAL_E_INPUT, "--%s is given twice",
                    o->name);
    cli->given[cli->n_given] = o;
    cli->values[cli->n_given++] = value;
    cli->json |= strcmp(o->name, "json") == 0;
    cli->help |= strcmp(o->name, "help") == 0;
    return MAL_OK;
}

static mal_err check_arity(const mal_cli *cli) {
    size_t min, max;
    if (cli->help)
        return MAL_OK;
    cli_arity(cli->verb, &min, &max);
    MAL_REQUIRE(cli->n_operands >= min && cli->n_operands <= max, MAL_E_INPUT,
                "usage: malus %s%s%s", cli->verb->name,
                *cli->verb->operands ? " " : "", cli->verb->operands);
    return MAL_OK;
}

mal_err cli_parse(mal_cli *cli, int argc, char **argv) {
    int used;
    bool only_operands = false;
    cli->verb = find(cli, argc, argv, &used);
    if (!cli->verb) {
        MAL_REQUIRE(!is_group(cli, argv[0]), MAL_E_INPUT,
                    "`malus %s` needs one more word: see `malus help %s`",
                    argv[0], argv[0]);
        MAL_FAIL(MAL_E_INPUT, "no verb `%.40s`: see `malus help`", argv[0]);
    }
    for (int i = used; i < argc; i += used) {
        used = 1;
        if (!only_operands && strcmp(argv[i], "--") == 0) {
            only_operands = true;
        } else if (!only_operands && strcmp(argv[i], "-h") == 0) {
            cli->help = true;
        } else if (!only_operands && strncmp(argv[i], "--", 2) == 0) {
            MAL_TRY(take_option(cli, argv[i], i + 1 < argc ? argv[i + 1] : NULL,
                                &used));
        } else {
            MAL_REQUIRE(cli->n_operands < CLI_OPERANDS_MAX, MAL_E_INPUT,
                        "too many operands");
            cli->operands[cli->n_operands++] = argv[i];
        }
    }
    return check_arity(cli);
}
