/* data.c - verbs about this party's own tables and budgets. */
#include "cli_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static mal_err say_dropped(mal_cli *cli, const mal_json *dropped) {
    for (mal_json_iter it = mal_json_begin(dropped); mal_json_next(&it);) {
        uint64_t n = cli_u64(dropped, it.key);
        if (n)
            mal_cli_say(cli, "dropped  %s rows: %s\n",
                        cli_count_text(cli->arena, n), it.key);
    }
    return MAL_OK;
}

static mal_err say_columns(mal_cli *cli, const mal_json *columns) {
    static const char *const align[] = { "l", "r", "r", "r", "r", "r" };
    static const char *const keys[] = { "changed", "clamped", "other", "null",
                                        "bad" };
    cli_table t = { .arena = cli->arena, .n_columns = 6, .align = align };
    MAL_TRY(cli_table_add(&t, "column"));
    for (unsigned k = 0; k < 5; k++)
        MAL_TRY(cli_table_add(&t, keys[k]));
    for (size_t i = 0; i < mal_json_len(columns); i++) {
        const mal_json *c = mal_json_at(columns, i);
        MAL_TRY(cli_table_add(&t, cli_str(c, "name")));
        for (unsigned k = 0; k < 5; k++)
            MAL_TRY(cli_table_add_u64(&t, cli_u64(c, keys[k])));
    }
    mal_cli_say(cli, "\n");
    cli_table_show(cli, &t);
    return MAL_OK;
}

static mal_err say_report(mal_cli *cli, const mal_json *d) {
    bool dry = cli_bool(d, "dry_run");
    mal_cli_say(cli, "%s: %s rows read, %s %s", cli_str(d, "dataset"),
                cli_count_text(cli->arena, cli_u64(d, "rows_read")),
                cli_count_text(cli->arena, cli_u64(d, "rows_stored")),
                dry ? "would be stored (nothing was written)" : "stored");
    if (!dry)
        mal_cli_say(cli, " as version %llu, %s encrypted",
                    (unsigned long long)cli_u64(d, "version"),
                    cli_bytes_text(cli->arena, cli_u64(d, "bytes")));
    mal_cli_say(cli, "\n");
    MAL_TRY(say_dropped(cli, mal_json_find(d, "dropped")));
    MAL_TRY(say_columns(cli, cli_list(d, "columns")));
    if (!dry)
        mal_cli_say(cli, "\ncommitted to %s, log entry %llu\n",
                    cli_str(d, "root"),
                    (unsigned long long)cli_u64(d, "log_index"));
    return MAL_OK;
}

static mal_err add(mal_cli *cli) {
    MAL_AUTO(mal_json_auto) mal_json *request = NULL;
    const mal_json *done;
    const char *file = mal_cli_operand(cli, 1);
    char *path = realpath(file, NULL); /* the node has another folder */
    MAL_REQUIRE(path, MAL_E_MISSING, "cannot find %s: %s", file,
                strerror(errno));
    mal_err err = cli_request(&request, "data.add");
    if (err == MAL_OK)
        err = mal_json_put_str(request, "path", path);
    free(path);
    MAL_TRY(err);
    MAL_TRY(mal_json_put_str(request, "dataset", mal_cli_operand(cli, 0)));
    MAL_TRY(cli_put_given(request, "room", mal_cli_get(cli, "room")));
    MAL_TRY(cli_put_given(request, "format", mal_cli_get(cli, "format")));
    MAL_TRY(cli_put_given(request, "null_text", mal_cli_get(cli, "null")));
    MAL_TRY(mal_json_put_bool(request, "strict", mal_cli_get(cli, "strict")));
    MAL_TRY(mal_json_put_bool(request, "dry_run", mal_cli_get(cli, "dry-run")));
    MAL_TRY(cli_call(cli, request, &done));
    return say_report(cli, done);
}

/* What lies here of others' tables. */
static mal_err ls_shares(mal_cli *cli, const mal_json *list) {
    static const char *const align[] = { "l", "r", "r", "r", "r", "l" };
    static const char *const heads[] = { "shares of", "version", "epoch",
                                         "seat",      "size",    "room" };
    cli_table t = { .arena = cli->arena, .n_columns = 6, .align = align };
    if (mal_json_len(list) == 0)
        return MAL_OK;
    for (unsigned i = 0; i < 6; i++)
        MAL_TRY(cli_table_add(&t, heads[i]));
    for (size_t i = 0; i < mal_json_len(list); i++) {
        const mal_json *s = mal_json_at(list, i);
        MAL_TRY(cli_table_add(&t, cli_str(s, "dataset")));
        MAL_TRY(cli_table_add_u64(&t, cli_u64(s, "version")));
        MAL_TRY(cli_table_add_u64(&t, cli_u64(s, "epoch")));
        MAL_TRY(cli_table_add_u64(&t, cli_u64(s, "seat")));
        MAL_TRY(
            cli_table_add(&t, cli_bytes_text(cli->arena, cli_u64(s, "bytes"))));
        MAL_TRY(cli_table_add(
            &t, mal_arena_strndup(cli->arena, cli_str(s, "room"), 8)));
    }
    mal_cli_say(cli, "\n");
    cli_table_show(cli, &t);
    return MAL_OK;
}

static mal_err ls(mal_cli *cli) {
    static const char *const align[] = { "l", "r", "r", "r", "r", "l", "l" };
    static const char *const heads[] = { "dataset", "version", "rows",
                                         "at most", "size",    "added",
                                         "room" };
    const mal_json *done;
    cli_table t = { .arena = cli->arena, .n_columns = 7, .align = align };
    MAL_TRY(cli_ask(cli, "data.ls", &done));
    const mal_json *list = cli_list(done, "datasets");
    for (unsigned i = 0; i < 7; i++)
        MAL_TRY(cli_table_add(&t, heads[i]));
    for (size_t i = 0; i < mal_json_len(list); i++) {
        const mal_json *d = mal_json_at(list, i);
        MAL_TRY(cli_table_add(&t, cli_str(d, "dataset")));
        MAL_TRY(cli_table_add_u64(&t, cli_u64(d, "version")));
        MAL_TRY(cli_table_add_u64(&t, cli_u64(d, "rows")));
        MAL_TRY(cli_table_add_u64(&t, cli_u64(d, "rows_max")));
        MAL_TRY(
            cli_table_add(&t, cli_bytes_text(cli->arena, cli_u64(d, "bytes"))));
        MAL_TRY(cli_table_add(
            &t, cli_time_text(cli->arena, cli_u64(d, "created"))));
        MAL_TRY(cli_table_add(
            &t, mal_arena_strndup(cli->arena, cli_str(d, "room"), 8)));
    }
    cli_table_show(cli, &t);
    return ls_shares(cli, cli_list(done, "shares"));
}

static mal_err about(mal_cli *cli, const char *verb, const mal_json **done) {
    MAL_AUTO(mal_json_auto) mal_json *request = NULL;
    uint64_t version;
    MAL_TRY(mal_cli_number(cli, "version", 1, UINT32_MAX, 0, &version));
    MAL_TRY(cli_request(&request, verb));
    MAL_TRY(mal_json_put_str(request, "dataset", mal_cli_operand(cli, 0)));
    MAL_TRY(cli_put_given(request, "room", mal_cli_get(cli, "room")));
    if (version)
        MAL_TRY(mal_json_put_u64(request, "version", version));
    return cli_call(cli, request, done);
}

static mal_err rm(mal_cli *cli) {
    const mal_json *done;
    MAL_TRY(about(cli, "data.rm", &done));
    mal_cli_say(cli,
                "%s is erased: its key is destroyed, and the log says so\n",
                cli_str(done, "dataset"));
    const mal_json *missed = cli_list(done, "seats_missed");
    for (size_t i = 0; i < mal_json_len(missed); i++) {
        const char *seat;
        MAL_TRY(mal_json_as_str(mal_json_at(missed, i), "seat", &seat));
        mal_cli_say(cli,
                    "%s could not be told: its shares stay until this is said "
                    "again\n",
                    seat);
    }
    return MAL_OK;
}

static mal_err share(mal_cli *cli) {
    MAL_AUTO(mal_json_auto) mal_json *request = NULL;
    const mal_json *done;
    const char *out = mal_cli_get(cli, "out");
    MAL_TRY(cli_request(&request, "data.share"));
    MAL_TRY(mal_json_put_str(request, "dataset", mal_cli_operand(cli, 0)));
    MAL_TRY(cli_put_given(request, "room", mal_cli_get(cli, "room")));
    if (out) {
        char *path = realpath(out, NULL); /* the node has another folder */
        MAL_REQUIRE(path, MAL_E_MISSING, "cannot find %s: %s", out,
                    strerror(errno));
        mal_err err = mal_json_put_str(request, "dir", path);
        free(path);
        MAL_TRY(err);
    }
    MAL_TRY(cli_call(cli, request, &done));
    mal_cli_say(cli,
                out ? "%s: a bundle for each seat, sealed to it; hand them "
                      "over, and have them received\n"
                    : "%s is shared: each of the three seats holds two of its "
                      "three parts\n",
                cli_str(done, "dataset"));
    return MAL_OK;
}

static mal_err receive(mal_cli *cli) {
    MAL_AUTO(mal_json_auto) mal_json *request = NULL;
    const mal_json *done;
    const char *file = mal_cli_operand(cli, 0);
    char *path = realpath(file, NULL);
    MAL_REQUIRE(path, MAL_E_MISSING, "cannot find %s: %s", file,
                strerror(errno));
    mal_err err = cli_request(&request, "data.receive");
    if (err == MAL_OK)
        err = mal_json_put_str(request, "path", path);
    free(path);
    MAL_TRY(err);
    MAL_TRY(cli_put_given(request, "room", mal_cli_get(cli, "room")));
    MAL_TRY(cli_call(cli, request, &done));
    const mal_json *s = mal_json_at(cli_list(done, "shares"), 0);
    mal_cli_say(cli, "shares of %s version %llu, %s encrypted\n",
                cli_str(s, "dataset"),
                (unsigned long long)cli_u64(s, "version"),
                cli_bytes_text(cli->arena, cli_u64(s, "bytes")));
    return MAL_OK;
}

static mal_err renew(mal_cli *cli) {
    const mal_json *done;
    MAL_TRY(about(cli, "data.refresh", &done));
    mal_cli_say(cli,
                "%s: epoch %llu at all three seats; the shares before it "
                "are gone\n",
                cli_str(done, "dataset"),
                (unsigned long long)cli_u64(done, "epoch"));
    return MAL_OK;
}

static mal_err check(mal_cli *cli) {
    const mal_json *done;
    MAL_TRY(about(cli, "data.check", &done));
    mal_cli_say(cli, "%s version %llu is what was committed to: %s\n",
                mal_cli_operand(cli, 0),
                (unsigned long long)cli_u64(done, "version"),
                cli_str(done, "root"));
    return MAL_OK;
}

static mal_err budget(mal_cli *cli) {
    static const char *const align[] = { "l", "l", "r", "r", "r", "r" };
    static const char *const heads[] = { "dataset", "for",   "epsilon",
                                         "held",    "spent", "left" };
    static const char *const keys[] = { "epsilon_nano", "held_nano",
                                        "spent_nano", "left_nano" };
    MAL_AUTO(mal_json_auto) mal_json *request = NULL;
    const mal_json *done;
    cli_table t = { .arena = cli->arena, .n_columns = 6, .align = align };
    MAL_TRY(cli_request(&request, "budget"));
    MAL_TRY(cli_put_given(request, "room", mal_cli_operand(cli, 0)));
    MAL_TRY(cli_call(cli, request, &done));
    const mal_json *list = cli_list(done, "budgets");
    for (unsigned i = 0; i < 6; i++)
        MAL_TRY(cli_table_add(&t, heads[i]));
    for (size_t i = 0; i < mal_json_len(list); i++) {
        const mal_json *b = mal_json_at(list, i);
        MAL_TRY(cli_table_add(&t, cli_str(b, "dataset")));
        MAL_TRY(cli_table_add(&t, cli_str(b, "for")));
        for (unsigned k = 0; k < 4; k++)
            MAL_TRY(cli_table_add(
                &t, cli_nano_text(cli->arena, cli_u64(b, keys[k]))));
    }
    cli_table_show(cli, &t);
    if (mal_json_len(list) == 0)
        mal_cli_say(cli, "no dataset of this party has a budget here\n");
    return MAL_OK;
}

static const mal_cli_option add_options[] = {
    { "room", "ROOM", "Which room, where the party is in several" },
    { "format", "FORMAT", "csv or parquet; else by the name of the file" },
    { "null", "TEXT", "A cell of this text, as NA, is empty too" },
    { "strict", NULL, "Refuse the file at the first row that does not fit" },
    { "dry-run", NULL, "Judge and count, but write nothing" },
    { NULL, NULL, NULL },
};
static const mal_cli_option about_options[] = {
    { "room", "ROOM", "Which room, where the party is in several" },
    { "version", "N", "This version only" },
    { NULL, NULL, NULL },
};
static const mal_cli_option check_options[] = {
    { "room", "ROOM", "Which room, where the party is in several" },
    { NULL, NULL, NULL },
};

static const mal_cli_option share_options[] = {
    { "room", "ROOM", "Which room, where the party is in several" },
    { "out", "DIR", "Write a bundle for each seat here, and send nothing" },
    { NULL, NULL, NULL },
};

const mal_cli_verb cli_data_verbs[] = {
    { .name = "data add",
      .operands = "DATASET FILE",
      .summary = "Bring a table: judge, pseudonymise, encrypt, commit",
      .text = "FILE is CSV with a header row, or Parquet. Each row is judged "
              "against the\ndataset's declaration in the contract; what does "
              "not fit is dropped or clamped,\nand counted. Nothing leaves the "
              "machine but a signed commitment. A new file is a\nnew version; "
              "what was spent on the old one stays spent.",
      .example = "malus data add flights jfk.csv --dry-run\n"
                 "malus data add flights jfk.csv",
      .options = add_options,
      .state = true,
      .run = add },
    { .name = "data ls",
      .operands = "",
      .summary = "List the tables that are here",
      .text = "",
      .state = true,
      .run = ls },
    { .name = "data check",
      .operands = "DATASET",
      .summary = "Recompute a table's commitment from what is on disk",
      .text = "Exit code 4: a byte was altered.",
      .options = check_options,
      .state = true,
      .run = check },
    { .name = "data rm",
      .operands = "DATASET",
      .summary = "Erase a table by destroying its key",
      .text = "The deletion is an entry of the log. All versions, unless "
              "--version says which.",
      .options = about_options,
      .state = true,
      .run = rm },
    { .name = "data share",
      .operands = "DATASET",
      .summary = "Share a table to the three seats of share3",
      .text = "The contract says of such a table that it rests shared. Each "
              "seat gets two of the\nthree parts of every plane, sealed to it "
              "and padded to the declared bound: one\nseat's disk alone tells "
              "nothing. A new version is shared again.",
      .example = "malus data share customers\n"
                 "malus data share customers --out bundles",
      .options = share_options,
      .state = true,
      .run = share },
    { .name = "data receive",
      .operands = "FILE",
      .summary = "Take a bundle of shares, at the seat that it is for",
      .text = "The owner's signature, its shape against the contract, and "
              "every piece are checked.",
      .options = check_options,
      .state = true,
      .run = receive },
    { .name = "data refresh",
      .operands = "DATASET",
      .summary =
          "Give a table that rests shared new shares, at all three seats",
      .text = "Asked for at any seat. What leaked from one seat before and "
              "from another after is\nworth nothing together. DATASET is its "
              "whole name, OWNER.TABLE.",
      .options = check_options,
      .state = true,
      .run = renew },
    { .name = "budget",
      .operands = "[ROOM]",
      .summary = "Show what is spent and left of this owner's budgets",
      .text = "Per dataset, for everybody and for single analysts. Held is "
              "what jobs under way\nhave reserved.",
      .state = true,
      .run = budget },
    { .name = NULL },
};
