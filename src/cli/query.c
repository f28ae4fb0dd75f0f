/* query.c - asking: questions, what they would cost, and their jobs. */
#include "cli_impl.h"

#include <string.h>

static mal_err put_question(mal_cli *cli, mal_json *request, const char *text) {
    const char *epsilon = mal_cli_get(cli, "epsilon");
    uint64_t nano, seconds;
    MAL_TRY(mal_json_put_str(request, "room", mal_cli_operand(cli, 0)));
    MAL_TRY(mal_json_put_str(request, "text", text));
    MAL_TRY(cli_put_given(request, "purpose", mal_cli_get(cli, "purpose")));
    if (epsilon) {
        MAL_TRY(cli_parse_nano(&nano, epsilon));
        MAL_REQUIRE(nano > 0, MAL_E_INPUT, "--epsilon must be above 0");
        MAL_TRY(mal_json_put_u64(request, "epsilon_nano", nano));
    }
    if (mal_cli_get(cli, "fresh"))
        MAL_TRY(mal_json_put_bool(request, "fresh", true));
    if (mal_cli_get(cli, "prenoise"))
        MAL_TRY(mal_json_put_bool(request, "prenoise", true));
    MAL_TRY(mal_cli_number(cli, "timeout", 1, 86400, 0, &seconds));
    if (seconds)
        MAL_TRY(mal_json_put_u64(request, "timeout_ms", seconds * 1000));
    return MAL_OK;
}

/* --- The answer ---------------------------------------------------------- */

/* A value of the answer as text: numbers with a scale are strings already. */
static const char *value_text(mal_arena *arena, const mal_json *v) {
    const char *text;
    int64_t n;
    switch (v ? mal_json_kind_of(v) : MAL_JSON_NULL) {
    case MAL_JSON_STRING:
        return mal_json_as_str(v, "value", &text) == MAL_OK
                   ? mal_arena_strdup(arena, text)
                   : NULL;
    case MAL_JSON_INT:
        return mal_json_as_int(v, "value", &n) == MAL_OK
                   ? mal_arena_printf(arena, "%lld", (long long)n)
                   : NULL;
    case MAL_JSON_BOOL: {
        MAL_AUTO(mal_buf_clear) mal_buf word = { 0 };
        if (mal_json_dump(&word, v) != MAL_OK ||
            mal_buf_cstr(&word, &text) != MAL_OK)
            return NULL;
        return mal_arena_strdup(arena, text);
    }
    default:
        return "";
    }
}

/* "-1234567.50" to "-1,234,567.50". */
static const char *grouped(mal_arena *arena, const char *number) {
    char out[128];
    bool minus = *number == '-';
    const char *digits = number + minus;
    size_t n = strspn(digits, "0123456789"), k = 0;
    if (n == 0 || strlen(number) > 60 || (digits[n] != 0 && digits[n] != '.'))
        return number;
    if (minus)
        out[k++] = '-';
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0)
            out[k++] = ',';
        out[k++] = digits[i];
    }
    snprintf(out + k, sizeof out - k, "%s", digits + n);
    return mal_arena_strdup(arena, out);
}

static bool is_number(const mal_json *column) {
    const char *type = cli_str(column, "type");
    return strcmp(type, "int") == 0 || strcmp(type, "decimal") == 0 ||
           strcmp(type, "range") == 0;
}

/* Some value of this column comes with an error bar. */
static bool has_bars(const mal_json *answer, size_t column) {
    const mal_json *bars = cli_list(answer, "halfwidths");
    for (size_t i = 0; i < mal_json_len(bars); i++) {
        const mal_json *bar = mal_json_at(mal_json_at(bars, i), column);
        if (bar && mal_json_kind_of(bar) != MAL_JSON_NULL)
            return true;
    }
    return false;
}

static bool is_suppressed(const mal_json *answer, size_t row) {
    const mal_json *v = mal_json_at(cli_list(answer, "suppressed"), row);
    MAL_AUTO(mal_buf_clear) mal_buf word = { 0 };
    if (v && mal_json_dump(&word, v) != MAL_OK)
        mal_err_forget();
    return mal_bytes_same_vartime(mal_buf_view(&word), mal_bytes_str("true"));
}

static mal_err add_row(cli_table *t, const mal_json *answer, size_t row) {
    const mal_json *values = mal_json_at(cli_list(answer, "rows"), row);
    const mal_json *bars = mal_json_at(cli_list(answer, "halfwidths"), row);
    const mal_json *columns = cli_list(answer, "columns");
    for (size_t c = 0; c < mal_json_len(columns); c++) {
        const mal_json *v = mal_json_at(values, c);
        bool null = !v || mal_json_kind_of(v) == MAL_JSON_NULL;
        const char *text = null
                               ? is_suppressed(answer, row) ? "(small)" : "NULL"
                               : value_text(t->arena, v);
        if (text && is_number(mal_json_at(columns, c)))
            text = grouped(t->arena, text);
        if (!text)
            return MAL_E_MEMORY;
        MAL_TRY(cli_table_add(t, text));
        if (!has_bars(answer, c))
            continue;
        const char *bar = value_text(t->arena, mal_json_at(bars, c));
        bar = bar && *bar && !null ? mal_arena_printf(t->arena, "\302\261 %s",
                                                      grouped(t->arena, bar))
              : bar                ? ""
                                   : NULL;
        if (!bar)
            return MAL_E_MEMORY;
        MAL_TRY(cli_table_add(t, bar));
    }
    return MAL_OK;
}

static mal_err show_table(const mal_cli *cli, const mal_json *answer) {
    const mal_json *columns = cli_list(answer, "columns");
    size_t n = mal_json_len(columns), rows;
    const char **align = mal_arena_calloc(cli->arena, 2 * n + 1, sizeof *align);
    cli_table t = { .arena = cli->arena, .align = align };
    if (!align)
        return MAL_E_MEMORY;
    for (size_t c = 0; c < n; c++) {
        const mal_json *column = mal_json_at(columns, c);
        align[t.n_columns++] = is_number(column) ? "r" : "l";
        MAL_TRY(cli_table_add(&t, cli_str(column, "name")));
        if (!has_bars(answer, c))
            continue;
        align[t.n_columns++] = "r";
        MAL_TRY(cli_table_add(&t, "\302\261 95 %"));
    }
    rows = mal_json_len(cli_list(answer, "rows"));
    for (size_t i = 0; i < rows; i++)
        MAL_TRY(add_row(&t, answer, i));
    cli_table_show(cli, &t);
    return MAL_OK;
}

static mal_err put_csv_field(mal_buf *out, const char *text, bool first) {
    if (!first)
        MAL_TRY(mal_buf_put_u8(out, ','));
    if (!strpbrk(text, ",\"\r\n"))
        return mal_buf_put_str(out, text);
    MAL_TRY(mal_buf_put_u8(out, '"'));
    for (; *text; text++) {
        if (*text == '"')
            MAL_TRY(mal_buf_put_u8(out, '"'));
        MAL_TRY(mal_buf_put_u8(out, (uint8_t)*text));
    }
    return mal_buf_put_u8(out, '"');
}

/* RFC 4180; a column's half-width follows it as NAME_halfwidth. */
static mal_err show_csv(mal_cli *cli, const mal_json *answer) {
    MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
    const mal_json *columns = cli_list(answer, "columns");
    const mal_json *rows = cli_list(answer, "rows");
    size_t n = mal_json_len(columns);
    for (size_t c = 0; c < n; c++) {
        const char *name = cli_str(mal_json_at(columns, c), "name");
        MAL_TRY(put_csv_field(&out, name, c == 0));
        if (has_bars(answer, c))
            MAL_TRY(put_csv_field(
                &out, mal_arena_printf(cli->arena, "%s_halfwidth", name),
                false));
    }
    MAL_TRY(mal_buf_put_str(&out, "\r\n"));
    for (size_t i = 0; i < mal_json_len(rows); i++) {
        const mal_json *bars = mal_json_at(cli_list(answer, "halfwidths"), i);
        for (size_t c = 0; c < n; c++) {
            const char *v =
                value_text(cli->arena, mal_json_at(mal_json_at(rows, i), c));
            const char *bar = value_text(cli->arena, mal_json_at(bars, c));
            if (!v || !bar)
                return MAL_E_MEMORY;
            MAL_TRY(put_csv_field(&out, v, c == 0));
            if (has_bars(answer, c))
                MAL_TRY(put_csv_field(&out, bar, false));
        }
        MAL_TRY(mal_buf_put_str(&out, "\r\n"));
    }
    MAL_REQUIRE(fwrite(out.ptr, 1, out.len, stdout) == out.len, MAL_E_IO,
                "cannot write to stdout");
    return MAL_OK;
}

/* The receipt goes to a file beside the answer; a repeat has one already. */
static mal_err keep_receipt(mal_cli *cli, const mal_json *d) {
    const char *text = cli_str(d, "receipt"), *job = cli_str(d, "job");
    const char *path = mal_cli_get(cli, "receipt");
    if (!path && (cli_bool(d, "stored") || !*job))
        path = NULL;
    else if (!path)
        path = mal_arena_printf(cli->arena, "%.8s.receipt", job);
    if (path && *text)
        MAL_TRY(mal_file_write(path, mal_bytes_str(text), 0644));
    bool written = path && *text;
    mal_json_remove(cli->result, "receipt");
    mal_json_remove(cli->result, "text");
    return written ? mal_json_put_str(cli->result, "receipt", path) : MAL_OK;
}

/* What noise costs, or that there was none: no noised answer is for nothing. */
static const char *loss_text(mal_cli *cli, const mal_json *d) {
    const uint64_t nano = cli_u64(d, "epsilon_nano");
    if (nano == 0)
        return "exact, no differential privacy";
    return mal_arena_printf(cli->arena, "epsilon %s spent of each dataset",
                            cli_nano_text(cli->arena, nano));
}

static void say_foot(mal_cli *cli, const mal_json *d) {
    const mal_json *notes = cli_list(d, "notes");
    const char *faint = cli_style_on(stdout, CLI_FAINT);
    uint64_t suppressed =
        cli_u64(mal_json_find(d, "answer"), "groups_suppressed");
    mal_cli_say(cli, "%s\n", faint);
    if (suppressed)
        mal_cli_say(cli, "groups below the minimum that the rule sets: %llu\n",
                    (unsigned long long)suppressed);
    if (cli_bool(d, "stored"))
        mal_cli_say(cli, "the stored answer, again: no budget was spent\n");
    else
        mal_cli_say(cli, "engine %s, %s, %.1f s, %s on the wire\n",
                    cli_str(d, "engine"), loss_text(cli, d),
                    cli_real(d, "seconds"),
                    cli_bytes_text(cli->arena, cli_u64(d, "bytes")));
    /* What the plan tells of leakage and trust stands in explain and receipt;
     * here, only what happened in this run. */
    for (size_t i = 0; i < mal_json_len(notes); i++) {
        const char *line;
        if (mal_json_as_str(mal_json_at(notes, i), "note", &line) != MAL_OK)
            mal_err_forget();
        else if (strstr(line, "missed their tick"))
            mal_cli_say(cli, "%s\n", line);
    }
    const char *receipt = cli_str(cli->result, "receipt");
    if (*receipt)
        mal_cli_say(cli, "receipt %s: check it with `malus verify %s`\n",
                    receipt, receipt);
    mal_cli_say(cli, "%s", cli_style_off(stdout));
}

/* Column, rule, owner and the nearest question, a line each. */
static mal_err say_refusal(const mal_cli *cli, const mal_json *d) {
    static const char *const keys[] = { "owner", "dataset", "column", "rule",
                                        "nearest" };
    const mal_json *v = mal_json_find(d, "verdict");
    if (!v || cli->json)
        return MAL_E_DENIED; /* with the node's own message */
    fprintf(stderr, "%srefused%s by the contract (%s)\n",
            cli_style_on(stderr, CLI_RED), cli_style_off(stderr),
            cli_str(v, "code"));
    for (unsigned i = 0; i < 5; i++) {
        const char *line = mal_arena_printf(cli->arena, "  %-8s %s", keys[i],
                                            cli_str(v, keys[i]));
        if (line && *cli_str(v, keys[i]))
            cli_say_lines(cli, stderr, line);
    }
    return mal_err_set(MAL_E_DENIED, __FILE__, __LINE__, "%s",
                       cli_str(v, "text"));
}

static mal_err show_answer(mal_cli *cli, const mal_json *request) {
    const mal_json *d;
    mal_err err = cli_call(cli, request, &d);
    if (err == MAL_E_DENIED)
        return say_refusal(cli, d);
    MAL_TRY(err);
    MAL_TRY(keep_receipt(cli, d));
    if (cli->json)
        return MAL_OK;
    if (mal_cli_get(cli, "csv"))
        return show_csv(cli, mal_json_find(d, "answer"));
    MAL_TRY(show_table(cli, mal_json_find(d, "answer")));
    say_foot(cli, d);
    return MAL_OK;
}

static mal_err ask(mal_cli *cli, const char *text) {
    MAL_AUTO(mal_json_auto) mal_json *request = NULL;
    MAL_TRY(cli_request(&request, "query"));
    MAL_TRY(put_question(cli, request, text));
    return show_answer(cli, request);
}

static mal_err query(mal_cli *cli) {
    return ask(cli, mal_cli_operand(cli, 1));
}

static mal_err explain_text(mal_cli *cli, const char *text) {
    MAL_AUTO(mal_json_auto) mal_json *request = NULL;
    const mal_json *d;
    MAL_TRY(cli_request(&request, "explain"));
    MAL_TRY(put_question(cli, request, text));
    MAL_TRY(cli_call(cli, request, &d));
    cli_say_lines(cli, stdout, cli_str(d, "text"));
    return MAL_OK;
}

static mal_err explain(mal_cli *cli) {
    return explain_text(cli, mal_cli_operand(cli, 1));
}

/* --- A model: the statement TRAIN, written by options -------------------- */

static const char *const train_numbers[] = { "steps",  "ridge", "trees",
                                             "depth",  "bins",  "rate",
                                             "smooth", "delta" };
#define N_TRAIN_NUMBERS (sizeof train_numbers / sizeof *train_numbers)

static mal_err put_training(mal_buf *out, const mal_cli *cli) {
    const char *model = mal_cli_get(cli, "model");
    const char *target = mal_cli_get(cli, "predict");
    bool any = false;
    MAL_REQUIRE(model && target, MAL_E_INPUT,
                "--model linear, logistic or trees, and --predict COLUMN are "
                "needed");
    MAL_TRY(mal_buf_put_fmt(out, "TRAIN %s ", model));
    for (size_t i = 0; i < N_TRAIN_NUMBERS; i++) {
        const char *number = mal_cli_get(cli, train_numbers[i]);
        if (!number)
            continue;
        MAL_TRY(mal_buf_put_fmt(out, "%s%s %s", any ? ", " : "(",
                                train_numbers[i], number));
        any = true;
    }
    return mal_buf_put_fmt(out, "%sPREDICT %s AS %s", any ? ") " : "", target,
                           mal_cli_operand(cli, 1));
}

static mal_err train(mal_cli *cli) {
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    const char *statement;
    MAL_TRY(put_training(&text, cli));
    MAL_TRY(mal_buf_cstr(&text, &statement));
    return mal_cli_get(cli, "explain") ? explain_text(cli, statement)
                                       : ask(cli, statement);
}

/* --- Jobs ---------------------------------------------------------------- */

static mal_err add_job(cli_table *t, const mal_json *j) {
    uint64_t done = cli_u64(j, "done"), total = cli_u64(j, "total");
    const char *stage = cli_str(j, "stage");
    if (total)
        stage = mal_arena_printf(t->arena, "%s %u %%, %.0f s left", stage,
                                 (unsigned)((mal_u128)done * 100 / total),
                                 cli_real(j, "left_seconds"));
    if (*cli_str(j, "error"))
        stage = mal_arena_strdup(t->arena, cli_str(j, "error"));
    const char *id = mal_arena_strndup(t->arena, cli_str(j, "job"), 12);
    if (!stage || !id)
        return MAL_E_MEMORY;
    MAL_TRY(cli_table_add(t, id));
    MAL_TRY(cli_table_add(t, cli_str(j, "asked_by")));
    MAL_TRY(cli_table_add(t, cli_time_text(t->arena, cli_u64(j, "started"))));
    MAL_TRY(cli_table_add(t, cli_str(j, "state")));
    return cli_table_add(t, stage);
}

static mal_err job_ls(mal_cli *cli) {
    static const char *const align[] = { "l", "l", "l", "l", "l" };
    static const char *const heads[] = { "job", "asked by", "started", "state",
                                         "" };
    MAL_AUTO(mal_json_auto) mal_json *request = NULL;
    const mal_json *d;
    cli_table t = { .arena = cli->arena, .n_columns = 5, .align = align };
    MAL_TRY(cli_request(&request, "job.ls"));
    MAL_TRY(cli_put_given(request, "room", mal_cli_operand(cli, 0)));
    MAL_TRY(cli_call(cli, request, &d));
    const mal_json *jobs = cli_list(d, "jobs");
    for (unsigned i = 0; i < 5; i++)
        MAL_TRY(cli_table_add(&t, heads[i]));
    for (size_t i = 0; i < mal_json_len(jobs); i++)
        MAL_TRY(add_job(&t, mal_json_at(jobs, i)));
    cli_table_show(cli, &t);
    return MAL_OK;
}

static mal_err job_cancel(mal_cli *cli) {
    MAL_AUTO(mal_json_auto) mal_json *request = NULL;
    const mal_json *d;
    const char *job = mal_cli_operand(cli, 0);
    MAL_TRY(cli_request(&request, "job.cancel"));
    MAL_TRY(mal_json_put_str(request, "job", strcmp(job, "all") ? job : ""));
    MAL_TRY(cli_put_given(request, "room", mal_cli_get(cli, "room")));
    MAL_TRY(cli_call(cli, request, &d));
    mal_cli_say(cli, "cancelled %s; what it was charged stays spent\n", job);
    return MAL_OK;
}

/* Where it left off: nothing is asked, and nothing paid, a second time. */
static mal_err job_resume(mal_cli *cli) {
    MAL_AUTO(mal_json_auto) mal_json *request = NULL;
    uint64_t seconds;
    MAL_TRY(cli_request(&request, "job.resume"));
    MAL_TRY(mal_json_put_str(request, "job", mal_cli_operand(cli, 0)));
    MAL_TRY(cli_put_given(request, "room", mal_cli_get(cli, "room")));
    MAL_TRY(mal_cli_number(cli, "timeout", 1, 86400, 0, &seconds));
    if (seconds)
        MAL_TRY(mal_json_put_u64(request, "timeout_ms", seconds * 1000));
    return show_answer(cli, request);
}

static const mal_cli_option query_options[] = {
    { "epsilon", "E",
      "How much budget to spend; else the most that the rule "
      "allows" },
    { "purpose", "P", "For what; else the rule's first purpose" },
    { "fresh", NULL, "Ask anew, and pay, although the answer is stored" },
    { "receipt", "FILE", "Where to write the receipt; else JOB.receipt, here" },
    { "csv", NULL, "Print the answer as CSV" },
    { "timeout", "SECONDS", "End the job after this; else after 600" },
    { "prenoise", NULL, "In a room marked test: the answer before noise" },
    { NULL, NULL, NULL },
};
static const mal_cli_option explain_options[] = {
    { "epsilon", "E", "As for query" },
    { "purpose", "P", "As for query" },
    { "prenoise", NULL, "As for query" },
    { NULL, NULL, NULL },
};
static const mal_cli_option train_options[] = {
    { "model", "M", "linear, logistic or trees" },
    { "predict", "COLUMN", "Of the SELECT; all its others are features" },
    { "steps", "N", "Of linear (else 200) and logistic (else 30)" },
    { "ridge", "R", "Of linear and logistic; else 0.01" },
    { "trees", "N", "Else 10" },
    { "depth", "N", "Of a tree; else 3" },
    { "bins", "N", "Of a feature, for trees; else 16" },
    { "rate", "R",
      "A tree's weight; else 2 for two classes, 0.5 for a number" },
    { "smooth", "N", "Rows added to each leaf, for trees; else 1" },
    { "delta", "1e-N", "Gaussian noise, with this delta; else Laplace" },
    { "explain", NULL, "Say who learns what and the cost; train nothing" },
    { "epsilon", "E", "As for query" },
    { "purpose", "P", "As for query" },
    { "fresh", NULL, "As for query" },
    { "receipt", "FILE", "As for query" },
    { "csv", NULL, "Print the model as CSV" },
    { "prenoise", NULL, "As for query" },
    { "timeout", "SECONDS", "As for query" },
    { NULL, NULL, NULL },
};
static const mal_cli_option cancel_options[] = {
    { "room", "ROOM", "Which room, where the party is in several" },
    { NULL, NULL, NULL },
};

static const mal_cli_option resume_options[] = {
    { "room", "ROOM", "Which room, where the party is in several" },
    { "receipt", "FILE", "As for query" },
    { "csv", NULL, "As for query" },
    { "timeout", "SECONDS", "End the job after this; else after 600" },
    { NULL, NULL, NULL },
};

const mal_cli_verb cli_query_verbs[] = {
    { .name = "query",
      .operands = "ROOM SQL",
      .summary = "Ask a question over the tables of a room",
      .text =
          "The node of the asking party carries it to every owner's node; "
          "each judges for\nitself. Every number comes with its 95 % "
          "half-width. The same question over the\nsame data is answered "
          "from the store, at no cost. A refusal names column, rule and\n"
          "owner, and the nearest question that would be allowed (exit code "
          "2); an exhausted\nbudget is exit code 3.\n\n"
          "A job that a peer ends may have been charged; the message says "
          "so, and whether\n`malus job resume` goes on with it. ^C ends the "
          "job.",
      .example = "malus query airports \"SELECT carrier, count(*) FROM "
                 "jfk.flights GROUP BY carrier\" --epsilon 0.5",
      .options = query_options,
      .state = true,
      .run = query },
    { .name = "train",
      .operands = "ROOM SQL",
      .summary = "Fit a model to rows that stay where they are",
      .text =
          "Three seats fit it on shares of the rows that the SELECT gives, "
          "joined or put\ntogether across owners. It leaves with noise that "
          "the epsilon pays for, to the\nasking party alone, with a "
          "receipt. A rule must permit `train (MODEL)`, and each\ncolumn "
          "as a dim or measure. The same as `malus query ROOM \"TRAIN M "
          "PREDICT COLUMN\nAS SELECT ..\"`.",
      .example = "malus train wards \"SELECT age, bmi, died FROM a.beds\" "
                 "--model logistic --predict died",
      .options = train_options,
      .state = true,
      .run = train },
    { .name = "explain",
      .operands = "ROOM SQL",
      .summary = "Say who computes what, who learns what, and the cost",
      .text = "Reads declared bounds only, touches no data and no budget. Also "
              "for questions that\nwould be refused.",
      .options = explain_options,
      .state = true,
      .run = explain },
    { .name = "job ls",
      .operands = "[ROOM]",
      .summary = "List the jobs of a room, as this node saw them",
      .text = "",
      .state = true,
      .run = job_ls },
    { .name = "job cancel",
      .operands = "JOB",
      .summary = "End a job, here and at every owner; `all` ends all",
      .text = "",
      .options = cancel_options,
      .state = true,
      .run = job_cancel },
    { .name = "job resume",
      .operands = "JOB",
      .summary = "Go on with a job that a node's death ended",
      .text =
          "The seats of share3 keep, encrypted, what they have computed at the "
          "stages of a\nplan. When all nodes are there again, the asking party "
          "goes on from the last stage\nthat all three seats kept. It is the "
          "same job: charged once, answered once at most.\nRefused once a part "
          "of the answer may have left a seat, after a cancel, and after\na "
          "day.",
      .example = "malus job resume 4f1c22a09b7e",
      .options = resume_options,
      .state = true,
      .run = job_resume },
    { .name = NULL },
};
