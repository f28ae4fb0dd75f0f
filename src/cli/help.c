/* help.c - pages for people, from the tables of verbs. */
#include "cli_impl.h"

#include <string.h>
#include <sys/stat.h>

#define PAGE_COLUMN 26 /* where the second column of a list starts */

static mal_err put_row(mal_buf *out, const char *left, const char *right) {
    size_t n = strlen(left);
    MAL_TRY(mal_buf_put_fmt(out, "  %s", left));
    if (n + 2 >= PAGE_COLUMN) {
        MAL_TRY(mal_buf_put_str(out, "\n"));
        n = 0;
        MAL_TRY(mal_buf_put_str(out, "  "));
    }
    return mal_buf_put_fmt(out, "%*s%s\n", (int)(PAGE_COLUMN - 2 - n), "",
                           right);
}

static mal_err put_option(mal_buf *out, const mal_cli_option *o) {
    char left[80];
    snprintf(left, sizeof left, "--%s%s%s", o->name, o->value ? " " : "",
             o->value ? o->value : "");
    return put_row(out, left, o->text);
}

static mal_err put_options(mal_buf *out, const mal_cli_verb *verb) {
    MAL_TRY(mal_buf_put_str(out, "\noptions\n"));
    for (const mal_cli_option *o = verb->options; o && o->name; o++)
        MAL_TRY(put_option(out, o));
    if (verb->state)
        MAL_TRY(put_option(out, &cli_state_option));
    for (const mal_cli_option *o = cli_common; o->name; o++)
        MAL_TRY(put_option(out, o));
    return MAL_OK;
}

/* Indented by two; the first line needs it as well. */
static mal_err put_indented(mal_buf *out, const char *text) {
    while (*text) {
        size_t n = strcspn(text, "\n");
        if (n)
            MAL_TRY(mal_buf_put_fmt(out, "  %.*s", (int)n, text));
        MAL_TRY(mal_buf_put_str(out, "\n"));
        text += n + (text[n] == '\n');
    }
    return MAL_OK;
}

mal_err cli_help_verb(mal_buf *out, const mal_cli_verb *verb) {
    MAL_TRY(mal_buf_put_fmt(out, "usage: malus %s%s%s [options]\n\n%s.\n",
                            verb->name, *verb->operands ? " " : "",
                            verb->operands, verb->summary));
    if (verb->text && *verb->text)
        MAL_TRY(mal_buf_put_fmt(out, "\n%s\n", verb->text));
    MAL_TRY(put_options(out, verb));
    if (!verb->example)
        return MAL_OK;
    MAL_TRY(mal_buf_put_str(out, "\nexample\n"));
    return put_indented(out, verb->example);
}

static bool starts_group(const mal_cli *cli, size_t i, const char *group) {
    size_t n = strlen(group);
    const char *name = cli->verbs[i]->name;
    return strncmp(name, group, n) == 0 && (name[n] == ' ' || name[n] == 0);
}

static mal_err put_verb_row(mal_buf *out, const mal_cli_verb *verb) {
    char left[128];
    snprintf(left, sizeof left, "%s%s%s", verb->name,
             *verb->operands ? " " : "", verb->operands);
    return put_row(out, left, verb->summary);
}

mal_err cli_help_all(mal_buf *out, const mal_cli *cli) {
    MAL_TRY(mal_buf_put_str(
        out, "malus: ask one question over several parties' tables; only what "
             "every\n"
             "owner permits leaves, with noise, and with a receipt.\n\n"
             "usage: malus VERB ... [--json] [--help]\n\n"));
    for (size_t i = 0; i < cli->n_verbs; i++)
        MAL_TRY(put_verb_row(out, cli->verbs[i]));
    return mal_buf_put_str(
        out, "\n`malus help VERB` or `malus VERB --help` explains one of them,"
             "\n`malus help exit-codes` what a script may act on. To try it: "
             "`malus dev up`.\n");
}

static mal_err help_codes(mal_buf *out) {
    MAL_TRY(mal_buf_put_str(out, "exit codes of malus\n"));
#define X(name, value, text)                                                   \
    MAL_TRY(mal_buf_put_fmt(out, "  %2d  %s\n", value, text));
    MAL_CLI_EXIT_MAP(X)
#undef X
    return MAL_OK;
}

static mal_err help_of(mal_buf *out, const mal_cli *cli) {
    char wanted[128];
    const char *second = mal_cli_operand(cli, 1);
    snprintf(wanted, sizeof wanted, "%s%s%s", mal_cli_operand(cli, 0),
             second ? " " : "", second ? second : "");
    if (strcmp(wanted, "exit-codes") == 0)
        return help_codes(out);
    bool any = false;
    for (size_t i = 0; i < cli->n_verbs; i++)
        if (strcmp(cli->verbs[i]->name, wanted) == 0)
            return cli_help_verb(out, cli->verbs[i]);
    for (size_t i = 0; i < cli->n_verbs; i++)
        if (starts_group(cli, i, wanted)) {
            any = true;
            MAL_TRY(put_verb_row(out, cli->verbs[i]));
        }
    MAL_REQUIRE(any, MAL_E_MISSING, "no verb `%s`: see `malus help`", wanted);
    return MAL_OK;
}

/* --- Files for the repository -------------------------------------------- */

static mal_err write_page(const char *dir, const char *name,
                          const mal_buf *text) {
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/%s", dir, name);
    MAL_REQUIRE(n > 0 && (size_t)n < sizeof path, MAL_E_INPUT,
                "the path is too long");
    return mal_file_write(path, mal_buf_view(text), 0644);
}

static mal_err write_pages(const mal_cli *cli, const char *dir) {
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    char name[128];
    MAL_TRY(mal_dir_make(dir, 0755));
    MAL_TRY(cli_man_all(&text, cli));
    MAL_TRY(write_page(dir, "malus.1", &text));
    for (size_t i = 0; i < cli->n_verbs; i++) {
        mal_buf_reset(&text);
        MAL_TRY(cli_man_verb(&text, cli->verbs[i]));
        snprintf(name, sizeof name, "malus-%s.1", cli->verbs[i]->name);
        for (char *at = name; *at; at++)
            *at = *at == ' ' ? '-' : *at;
        MAL_TRY(write_page(dir, name, &text));
    }
    return MAL_OK;
}

static mal_err show(mal_cli *cli, const mal_buf *text) {
    if (cli->json)
        return mal_json_put_text(cli->result, "text", mal_buf_view(text));
    mal_cli_say(cli, "%.*s", (int)text->len, (const char *)text->ptr);
    return MAL_OK;
}

static mal_err help(mal_cli *cli) {
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    const char *man = mal_cli_get(cli, "man");
    if (man)
        return write_pages(cli, man);
    if (mal_cli_get(cli, "completion"))
        MAL_TRY(cli_completion(&text, cli));
    else if (cli->n_operands)
        MAL_TRY(help_of(&text, cli));
    else
        MAL_TRY(cli_help_all(&text, cli));
    return show(cli, &text);
}

static mal_err version(mal_cli *cli) {
#ifdef MAL_TEST_BUILD
    const bool test = true;
#else
    const bool test = false;
#endif
    mal_cli_say(cli, "malus %s%s\n", MAL_VERSION,
                test ? ", a test build: joins only rooms marked test" : "");
    MAL_TRY(mal_json_put_bool(cli->result, "test_build", test));
    return mal_json_put_str(cli->result, "version", MAL_VERSION);
}

static const mal_cli_option help_options[] = {
    { "man", "DIR", "Write the manual pages into DIR instead" },
    { "completion", NULL, "Print the completion for bash instead" },
    { NULL, NULL, NULL },
};

const mal_cli_verb cli_help_verbs[] = {
    { .name = "help",
      .operands = "[WORD...]",
      .summary = "Explain a verb, or list them all",
      .text = "`malus help exit-codes` is the table of exit codes.",
      .example = "malus help room sign\nmalus help exit-codes",
      .options = help_options,
      .run = help },
    { .name = "version",
      .operands = "",
      .summary = "Say which version this is",
      .text = "",
      .run = version },
    { .name = NULL },
};
