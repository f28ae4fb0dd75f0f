/* malus/cli.h - the command line: verbs, options, help, and what they print.
 *
 * A verb is one row of a table: its name, operands and options, its manual page
 * and the function that serves it.  Parsing, `--help`, `--json`, man pages and
 * completion all read the same table.  Verbs that talk to a node are clients of
 * its socket (docs/node.md) and hold no logic; a few work offline on files.
 *
 * Results go to stdout: text for people, or with --json one JSON object.
 * Everything else, progress and errors, goes to stderr.
 */
#ifndef MALUS_CLI_H
#define MALUS_CLI_H

#include <malus/base.h>
#include <malus/json.h>

/* --- Exit codes --------------------------------------------------------- */

/* One table: what a script may act on.  The class of an error decides. */
#define MAL_CLI_EXIT_MAP(X)                                                    \
    X(MAL_CLI_DONE, 0, "done")                                                 \
    X(MAL_CLI_USAGE, 1, "the command line is wrong; nothing was done")         \
    X(MAL_CLI_REFUSED, 2, "refused: the contract does not permit it")          \
    X(MAL_CLI_BUDGET, 3, "the privacy budget does not cover it")               \
    X(MAL_CLI_INVALID, 4,                                                      \
      "a signature, receipt or stored byte does not "                          \
      "verify")                                                                \
    X(MAL_CLI_PEER, 5,                                                         \
      "a peer is unreachable, broke the protocol, or was "                     \
      "too slow")                                                              \
    X(MAL_CLI_MISSING, 6, "no such file, room, dataset, job or peer")          \
    X(MAL_CLI_INPUT, 7,                                                        \
      "malformed input: a contract, SQL, a file; or too "                      \
      "much of it")                                                            \
    X(MAL_CLI_UNSUPPORTED, 8, "understood, but not supported yet")             \
    X(MAL_CLI_IO, 9, "disk, memory or the system failed")                      \
    X(MAL_CLI_STATE, 10,                                                       \
      "not possible now: no node runs there, or one does "                     \
      "already")                                                               \
    X(MAL_CLI_CANCELLED, 11, "cancelled")

typedef enum mal_cli_exit {
#define X(name, value, text) name = value,
    MAL_CLI_EXIT_MAP(X)
#undef X
} mal_cli_exit;
mal_cli_exit mal_cli_exit_of(mal_err err);

/* --- Tables ------------------------------------------------------------- */

typedef struct mal_cli_option {
    const char *name;  /* "epsilon", without the dashes */
    const char *value; /* what it takes, "E"; NULL: a flag; "E...": it may be
                          given more than once */
    const char *text;  /* one sentence without a full stop */
} mal_cli_option;

typedef struct mal_cli mal_cli; /* one command line under way */

typedef struct mal_cli_verb {
    const char *name;     /* "room open": one word or two */
    const char *operands; /* "ROOM SQL", "RECEIPT [NAME...]"; "" for none */
    const char *summary;  /* one line, imperative, without a full stop */
    const char *text;     /* the description: paragraphs, blank lines between */
    const char *example;  /* one line or more; NULL: none */
    const mal_cli_option *options; /* ends with a NULL name; NULL: none */
    bool state;                    /* takes --state DIR */
    mal_err (*run)(mal_cli *cli);
} mal_cli_verb;

/* --- What a verb asks ---------------------------------------------------- */

/* The i-th operand; NULL past the end. */
const char *mal_cli_operand(const mal_cli *cli, size_t i);
/* The option's value (a flag's is ""); NULL if it was not given. */
const char *mal_cli_get(const mal_cli *cli, const char *option);
/* The i-th value of an option that may be given more than once; NULL past the
 * end. */
const char *mal_cli_get_at(const mal_cli *cli, const char *option, size_t i);
/* --state, else $MALUS_STATE, else ~/.malus. */
const char *mal_cli_state(const mal_cli *cli);
bool mal_cli_json(const mal_cli *cli);
/* What --json prints at the end: an object that the verb fills.  A verb may
 * also fill it before it fails. */
mal_json *mal_cli_result(mal_cli *cli);
mal_arena *mal_cli_arena(mal_cli *cli);
/* Text for people, on stdout; nothing under --json. */
void mal_cli_say(const mal_cli *cli, const char *fmt, ...) MAL_PRINTF(2, 3);
/* A whole number option, within [min, max]; `otherwise` if it was not given. */
mal_err mal_cli_number(const mal_cli *cli, const char *option, uint64_t min,
                       uint64_t max, uint64_t otherwise,
                       uint64_t *value) MAL_MUST_CHECK;

/* --- The whole ------------------------------------------------------------ */

/* Serve one command line and return its exit code.  `more`, of the binary,
 * joins the verbs of this folder; it ends with a NULL name. */
int mal_cli_main(int argc, char **argv, const mal_cli_verb *more);

#endif
