/* cli_impl.h - what the files of cli share. */
#ifndef MALUS_CLI_IMPL_H
#define MALUS_CLI_IMPL_H

#include <malus/cli.h>

#include <stdio.h>

#define CLI_OPERANDS_MAX 1024
#define CLI_OPTIONS_MAX 32
#define CLI_VERBS_MAX 64
#define CLI_FILE_MAX ((size_t)256 << 20) /* a contract, a bundle, a receipt */

struct mal_cli {
    const mal_cli_verb *verb;
    const mal_cli_verb *verbs[CLI_VERBS_MAX]; /* all, in the order of help */
    size_t n_verbs;
    const char *operands[CLI_OPERANDS_MAX];
    size_t n_operands;
    const mal_cli_option *given[CLI_OPTIONS_MAX];
    const char *values[CLI_OPTIONS_MAX];
    size_t n_given;
    bool json, help;
    bool raw; /* the verb wrote stdout itself: lines of JSON, roff, CSV */
    char state[4096];
    mal_arena *arena;
    mal_json *result;
};

/* The tables, one a file; help shows them in this order. */
extern const mal_cli_verb cli_party_verbs[];   /* party.c */
extern const mal_cli_verb cli_room_verbs[];    /* room.c */
extern const mal_cli_verb cli_data_verbs[];    /* data.c */
extern const mal_cli_verb cli_query_verbs[];   /* query.c */
extern const mal_cli_verb cli_receipt_verbs[]; /* receipt.c */
extern const mal_cli_verb cli_attest_verbs[];  /* attest.c */
extern const mal_cli_verb cli_node_verbs[];    /* node.c */
extern const mal_cli_verb cli_dev_verbs[];     /* dev.c */
extern const mal_cli_verb cli_bench_verbs[];   /* bench.c */
extern const mal_cli_verb cli_help_verbs[];    /* help.c */

/* options.c: the verb, its operands and options, from the words of a command
 * line.  MAL_E_INPUT: usage. */
mal_err cli_parse(mal_cli *cli, int argc, char **argv) MAL_MUST_CHECK;
/* How many operands a verb takes, from its own text. */
void cli_arity(const mal_cli_verb *verb, size_t *min, size_t *max);
extern const mal_cli_option cli_common[]; /* --json, --help */
extern const mal_cli_option cli_state_option;

/* bench_attest.c: what it takes to judge one piece of evidence of each kind in
 * a list of cases; rows is how often.  Appends to lines. */
mal_err cli_bench_attest(mal_buf *lines, const char *list, uint64_t rows,
                         const char *only) MAL_MUST_CHECK;
/* help.c */
mal_err cli_help_verb(mal_buf *out, const mal_cli_verb *verb) MAL_MUST_CHECK;
mal_err cli_help_all(mal_buf *out, const mal_cli *cli) MAL_MUST_CHECK;
/* man.c */
mal_err cli_man_verb(mal_buf *out, const mal_cli_verb *verb) MAL_MUST_CHECK;
mal_err cli_man_all(mal_buf *out, const mal_cli *cli) MAL_MUST_CHECK;
mal_err cli_completion(mal_buf *out, const mal_cli *cli) MAL_MUST_CHECK;

/* --- Clients (client.c) -------------------------------------------------- */

/* A request to the node of --state: an object with its verb. */
mal_err cli_request(mal_json **request, const char *verb) MAL_MUST_CHECK;
/* Send it and follow the events.  *done is the last one also if it is an error
 * (then the error's class is returned), or NULL. */
mal_err cli_call_at(mal_json **done, const char *state, const mal_json *request,
                    bool progress) MAL_MUST_CHECK;
/* The same at --state, with a progress bar; the answer becomes the result. */
mal_err cli_call(mal_cli *cli, const mal_json *request,
                 const mal_json **done) MAL_MUST_CHECK;
/* A verb without fields. */
mal_err cli_ask(mal_cli *cli, const char *verb,
                const mal_json **done) MAL_MUST_CHECK;
/* Put an option or operand into the request if it was given. */
mal_err cli_put_given(mal_json *request, const char *key,
                      const char *value) MAL_MUST_CHECK;

/* --- Printing (term.c) --------------------------------------------------- */

typedef enum cli_style {
    CLI_PLAIN,
    CLI_BOLD,
    CLI_FAINT,
    CLI_RED,
    CLI_GREEN,
    CLI_YELLOW,
} cli_style;
/* "" where colours are not wanted: no terminal, NO_COLOR, TERM=dumb. */
const char *cli_style_on(FILE *to, cli_style style);
const char *cli_style_off(FILE *to);
bool cli_terminal(FILE *to);
/* Columns of the terminal, else $COLUMNS, else 0: lines are not broken. */
unsigned cli_width(FILE *to);
/* Columns that `text` takes on a terminal: UTF-8 code points. */
size_t cli_text_width(const char *text);

/* Lines of text, broken at spaces where they are too wide; what follows hangs
 * under the text of its line. */
void cli_say_lines(const mal_cli *cli, FILE *to, const char *text);

/* A table of text: add cells row by row; the first row is the head. */
typedef struct cli_table {
    mal_arena *arena;
    unsigned n_columns;
    const char *const *align; /* "l" or "r" for each column */
    const char **cells;
    size_t n, cap;
} cli_table;
mal_err cli_table_add(cli_table *table, const char *text) MAL_MUST_CHECK;
mal_err cli_table_add_u64(cli_table *table, uint64_t v) MAL_MUST_CHECK;
void cli_table_show(const mal_cli *cli, const cli_table *table);

/* One line on a terminal's stderr, rewritten; nothing elsewhere. */
void cli_bar_show(const char *stage, uint64_t done, uint64_t total);
void cli_bar_clear(void);

/* "0.5" to 500000000: at most nine decimals, no sign, no exponent. */
mal_err cli_parse_nano(uint64_t *nano, const char *text) MAL_MUST_CHECK;
/* 500000000 to "0.5"; in the arena, NULL out of memory. */
const char *cli_nano_text(mal_arena *arena, uint64_t nano);
/* 1234567 to "1,234,567", and "1.2 MB". */
const char *cli_count_text(mal_arena *arena, uint64_t n);
const char *cli_bytes_text(mal_arena *arena, uint64_t n);
const char *cli_time_text(mal_arena *arena, uint64_t unix_seconds);

/* --- Reading answers: absent is "" or 0, since a newer node may say more - */
const char *cli_str(const mal_json *object, const char *key);
uint64_t cli_u64(const mal_json *object, const char *key);
double cli_real(const mal_json *object, const char *key);
bool cli_bool(const mal_json *object, const char *key);
const mal_json *cli_list(const mal_json *object, const char *key);

#endif
