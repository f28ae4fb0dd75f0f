/* man.c - manual pages and completion, from the same tables of verbs. */
#include "cli_impl.h"

#include <ctype.h>
#include <string.h>

/* roff: a backslash, a quote or a dot at the start of a line would be a
 * command; every '-' is meant to be typed. */
static mal_err put_roff(mal_buf *out, const char *text, size_t len) {
    for (size_t i = 0; i < len; i++) {
        bool start = i == 0 || text[i - 1] == '\n';
        if (start && (text[i] == '.' || text[i] == '\''))
            MAL_TRY(mal_buf_put_str(out, "\\&"));
        if (text[i] == '\\')
            MAL_TRY(mal_buf_put_str(out, "\\e"));
        else if (text[i] == '-')
            MAL_TRY(mal_buf_put_str(out, "\\-"));
        else
            MAL_TRY(mal_buf_put_u8(out, (uint8_t)text[i]));
    }
    return MAL_OK;
}

static mal_err put_text(mal_buf *out, const char *text) {
    return put_roff(out, text, strlen(text));
}

/* Paragraphs; a line that starts with a space stands as it is. */
static mal_err put_paragraphs(mal_buf *out, const char *text) {
    bool verbatim = false;
    while (*text) {
        size_t n = strcspn(text, "\n");
        if (n == 0) {
            MAL_TRY(mal_buf_put_str(out, verbatim ? ".fi\n.PP\n" : ".PP\n"));
            verbatim = false;
        } else {
            bool indented = *text == ' ';
            if (indented != verbatim)
                MAL_TRY(mal_buf_put_str(out, indented ? ".nf\n" : ".fi\n"));
            verbatim = indented;
            MAL_TRY(put_roff(out, text, n));
            MAL_TRY(mal_buf_put_str(out, "\n"));
        }
        text += n + (text[n] == '\n');
    }
    return mal_buf_put_str(out, verbatim ? ".fi\n" : "");
}

static mal_err put_head(mal_buf *out, const char *name, const char *summary) {
    MAL_TRY(mal_buf_put_str(out, ".\\\" Written by `malus help --man`: change "
                                 "the tables in src/cli.\n"));
    MAL_TRY(mal_buf_put_str(out, ".TH \""));
    for (const char *at = name; *at; at++)
        MAL_TRY(mal_buf_put_u8(
            out, (uint8_t)(*at == ' ' ? '-' : toupper((unsigned char)*at))));
    MAL_TRY(mal_buf_put_fmt(out, "\" 1 \"\" \"malus %s\" \"Malus\"\n",
                            MAL_VERSION));
    MAL_TRY(mal_buf_put_str(out, ".SH NAME\n"));
    for (const char *at = name; *at; at++)
        MAL_TRY(*at == ' ' || *at == '-' ? mal_buf_put_str(out, "\\-")
                                         : mal_buf_put_u8(out, (uint8_t)*at));
    MAL_TRY(mal_buf_put_str(out, " \\- "));
    MAL_TRY(put_text(out, summary));
    return mal_buf_put_str(out, "\n");
}

static mal_err put_option(mal_buf *out, const mal_cli_option *o) {
    MAL_TRY(mal_buf_put_str(out, ".TP\n\\fB\\-\\-"));
    MAL_TRY(put_text(out, o->name));
    MAL_TRY(mal_buf_put_str(out, "\\fR"));
    if (o->value)
        MAL_TRY(mal_buf_put_fmt(out, " \\fI%s\\fR", o->value));
    MAL_TRY(mal_buf_put_str(out, "\n"));
    MAL_TRY(put_text(out, o->text));
    return mal_buf_put_str(out, ".\n");
}

static mal_err put_codes(mal_buf *out) {
    MAL_TRY(mal_buf_put_str(out, ".SH EXIT STATUS\n"));
#define X(name, value, text)                                                   \
    MAL_TRY(mal_buf_put_fmt(out, ".TP\n.B %d\n", value));                      \
    MAL_TRY(put_text(out, text));                                              \
    MAL_TRY(mal_buf_put_str(out, ".\n"));
    MAL_CLI_EXIT_MAP(X)
#undef X
    return MAL_OK;
}

static mal_err put_verbatim(mal_buf *out, const char *text) {
    MAL_TRY(mal_buf_put_str(out, ".nf\n"));
    MAL_TRY(put_text(out, text));
    return mal_buf_put_str(out, "\n.fi\n");
}

mal_err cli_man_verb(mal_buf *out, const mal_cli_verb *verb) {
    char name[128];
    snprintf(name, sizeof name, "malus %s", verb->name);
    MAL_TRY(put_head(out, name, verb->summary));
    MAL_TRY(mal_buf_put_str(out, ".SH SYNOPSIS\n.B malus "));
    MAL_TRY(put_text(out, verb->name));
    MAL_TRY(mal_buf_put_str(out, "\n"));
    if (*verb->operands) {
        MAL_TRY(mal_buf_put_str(out, ".I "));
        MAL_TRY(put_text(out, verb->operands));
        MAL_TRY(mal_buf_put_str(out, "\n"));
    }
    MAL_TRY(mal_buf_put_str(out, "[options]\n.SH DESCRIPTION\n"));
    MAL_TRY(put_text(out, verb->summary));
    MAL_TRY(mal_buf_put_str(out, ".\n"));
    if (verb->text && *verb->text) {
        MAL_TRY(mal_buf_put_str(out, ".PP\n"));
        MAL_TRY(put_paragraphs(out, verb->text));
    }
    MAL_TRY(mal_buf_put_str(out, ".SH OPTIONS\n"));
    for (const mal_cli_option *o = verb->options; o && o->name; o++)
        MAL_TRY(put_option(out, o));
    if (verb->state)
        MAL_TRY(put_option(out, &cli_state_option));
    for (const mal_cli_option *o = cli_common; o->name; o++)
        MAL_TRY(put_option(out, o));
    MAL_TRY(put_codes(out));
    if (verb->example) {
        MAL_TRY(mal_buf_put_str(out, ".SH EXAMPLE\n"));
        MAL_TRY(put_verbatim(out, verb->example));
    }
    return mal_buf_put_str(out, ".SH SEE ALSO\n.BR malus (1)\n");
}

mal_err cli_man_all(mal_buf *out, const mal_cli *cli) {
    MAL_TRY(put_head(out, "malus", "a clean room as a service"));
    MAL_TRY(mal_buf_put_str(
        out,
        ".SH SYNOPSIS\n.B malus\n.I VERB\n[options]\n.SH DESCRIPTION\n"
        "Several parties bring tables that they may not show each other; an\n"
        "analyst asks a question over all of them.  Only an answer that every\n"
        "owner's contract allows, and that carries calibrated noise, leaves "
        "the\n"
        "room, with a receipt that a stranger can check.\n.PP\n"
        "Each party runs a node (\\fBmalus node\\fR) over a state folder of "
        "its\n"
        "own; the other verbs are its clients, or work offline on files.\n"
        ".SH VERBS\n"));
    for (size_t i = 0; i < cli->n_verbs; i++) {
        const mal_cli_verb *v = cli->verbs[i];
        MAL_TRY(mal_buf_put_str(out, ".TP\n\\fB"));
        MAL_TRY(put_text(out, v->name));
        MAL_TRY(mal_buf_put_str(out, "\\fR \\fI"));
        MAL_TRY(put_text(out, v->operands));
        MAL_TRY(mal_buf_put_str(out, "\\fR\n"));
        MAL_TRY(put_text(out, v->summary));
        MAL_TRY(mal_buf_put_str(out, ".\n"));
    }
    MAL_TRY(mal_buf_put_str(out, ".SH OPTIONS\n"));
    for (const mal_cli_option *o = cli_common; o->name; o++)
        MAL_TRY(put_option(out, o));
    MAL_TRY(put_option(out, &cli_state_option));
    MAL_TRY(put_codes(out));
    return mal_buf_put_str(
        out, ".SH ENVIRONMENT\n.TP\n.B MALUS_STATE\nThe state folder, where "
             "\\-\\-state is not given.\n.TP\n.B NO_COLOR\nNo colours on "
             "terminals, if not empty.\n");
}

/* --- Completion ---------------------------------------------------------- */

mal_err cli_completion(mal_buf *out, const mal_cli *cli) {
    MAL_TRY(mal_buf_put_str(
        out, "# Written by `malus help --completion`: change the tables in "
             "src/cli.\n_malus() {\n"
             "    local cur=${COMP_WORDS[COMP_CWORD]}\n"
             "    local first=${COMP_WORDS[1]} second=${COMP_WORDS[2]}\n"
             "    if [ \"$COMP_CWORD\" = 1 ]; then\n"
             "        COMPREPLY=($(compgen -W \""));
    for (size_t i = 0; i < cli->n_verbs; i++) {
        const char *name = cli->verbs[i]->name;
        size_t n = strcspn(name, " ");
        bool again = i > 0 && strncmp(cli->verbs[i - 1]->name, name, n) == 0 &&
                     (cli->verbs[i - 1]->name[n] == ' ' ||
                      cli->verbs[i - 1]->name[n] == 0);
        if (!again)
            MAL_TRY(mal_buf_put_fmt(out, "%s%.*s", i ? " " : "", (int)n, name));
    }
    MAL_TRY(mal_buf_put_str(out, "\" -- \"$cur\"))\n        return\n    fi\n"
                                 "    case \"$first $second\" in\n"));
    for (size_t i = 0; i < cli->n_verbs; i++) {
        const mal_cli_verb *v = cli->verbs[i];
        MAL_TRY(mal_buf_put_fmt(out, "    \"%s\"*) set --", v->name));
        for (const mal_cli_option *o = v->options; o && o->name; o++)
            MAL_TRY(mal_buf_put_fmt(out, " --%s", o->name));
        MAL_TRY(mal_buf_put_fmt(out, "%s --json --help ;;\n",
                                v->state ? " --state" : ""));
    }
    return mal_buf_put_str(
        out, "    *) set -- ;;\n    esac\n"
             "    case $cur in\n"
             "    --*) COMPREPLY=($(compgen -W \"$*\" -- \"$cur\")) ;;\n"
             "    *) COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n"
             "    esac\n}\ncomplete -o filenames -F _malus malus\n");
}
