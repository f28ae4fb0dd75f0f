/* room.c - the contract: check it, sign it, open it, leave it. */
#include "cli_impl.h"

#include <malus/kms.h>
#include <malus/policy.h>
#include <malus/room.h>

#include <string.h>

static mal_err read_operand(mal_cli *cli, mal_buf *out) {
    out->max = CLI_FILE_MAX;
    return mal_file_read(out, mal_cli_operand(cli, 0), MAL_ROOM_BUNDLE_MAX);
}

static mal_err put_hash(mal_json *o, const char *key, const uint8_t hash[32]) {
    return mal_json_put_hex(o, key, mal_bytes_of(hash, 32));
}

static mal_err put_contract(mal_cli *cli, const mal_policy_contract *c) {
    char hex[65];
    mal_hex_encode(hex, mal_bytes_of(c->hash, 32));
    mal_cli_say(cli, "room \"%s\" version %u%s\ncontract sha256:%s\n", c->name,
                c->version, c->test ? ", for tests" : "", hex);
    MAL_TRY(mal_json_put_str(cli->result, "room", c->name));
    MAL_TRY(mal_json_put_u64(cli->result, "version", c->version));
    MAL_TRY(mal_json_put_bool(cli->result, "test", c->test));
    MAL_TRY(put_hash(cli->result, "contract", c->hash));
    return put_hash(cli->result, "id", c->room_id);
}

/* --- check --------------------------------------------------------------- */

static mal_err put_findings(mal_cli *cli, const mal_policy_contract *c) {
    mal_policy_findings found;
    mal_json *list, *one;
    MAL_TRY(mal_policy_check(&found, cli->arena, c));
    MAL_TRY(mal_json_put_array(cli->result, "findings", &list));
    for (uint32_t i = 0; i < found.n; i++) {
        const mal_policy_finding *f = &found.list[i];
        bool warning = f->severity == MAL_POLICY_WARNING;
        mal_cli_say(cli, "%s%s%s ",
                    cli_style_on(stdout, warning ? CLI_YELLOW : CLI_FAINT),
                    warning ? "warning" : "note", cli_style_off(stdout));
        if (f->line)
            mal_cli_say(cli, "line %u ", f->line);
        mal_cli_say(cli, "(%s): %s\n", f->code, f->text);
        MAL_TRY(mal_json_add_object(list, &one));
        MAL_TRY(
            mal_json_put_str(one, "severity", warning ? "warning" : "note"));
        MAL_TRY(mal_json_put_u64(one, "line", f->line));
        MAL_TRY(mal_json_put_str(one, "code", f->code));
        MAL_TRY(mal_json_put_str(one, "text", f->text));
    }
    if (found.n == 0)
        mal_cli_say(cli, "nothing looks unintended\n");
    return MAL_OK;
}

static mal_err put_learn(mal_cli *cli, const mal_policy_contract *c,
                         const char *who) {
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    const char *cstr;
    uint32_t party = mal_policy_party_find(c, who);
    MAL_REQUIRE(party != MAL_POLICY_NONE, MAL_E_MISSING,
                "%s is no party of room \"%s\"", who, c->name);
    MAL_TRY(mal_policy_learn(&text, c, party));
    MAL_TRY(mal_buf_cstr(&text, &cstr));
    mal_cli_say(cli, "\n");
    cli_say_lines(cli, stdout, cstr);
    return mal_json_put_str(cli->result, "learn", cstr);
}

static mal_err check(mal_cli *cli) {
    MAL_AUTO(mal_buf_clear) mal_buf file = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    const char *cstr, *learn = mal_cli_get(cli, "learn");
    mal_room_bundle bundle;
    MAL_TRY(read_operand(cli, &file));
    MAL_TRY(mal_room_bundle_read(&bundle, cli->arena, mal_buf_view(&file)));
    const mal_policy_contract *c = bundle.contract;
    MAL_TRY(put_contract(cli, c));
    mal_cli_say(cli, "\n");
    MAL_TRY(mal_policy_print(&text, c));
    MAL_TRY(mal_buf_cstr(&text, &cstr));
    cli_say_lines(cli, stdout, cstr);
    mal_cli_say(cli, "\n");
    MAL_TRY(mal_json_put_str(cli->result, "text", cstr));
    MAL_TRY(put_findings(cli, c));
    return learn ? put_learn(cli, c, learn) : MAL_OK;
}

/* --- sign, verify -------------------------------------------------------- */

static mal_err put_set(mal_cli *cli, const mal_policy_contract *c,
                       const char *key, mal_policy_set set) {
    mal_json *list;
    bool any = false;
    MAL_TRY(mal_json_put_array(cli->result, key, &list));
    mal_cli_say(cli, "%-8s", key);
    for (uint32_t i = 0; i < c->n_parties; i++)
        if (set >> i & 1) {
            any = true;
            mal_cli_say(cli, " %s", c->parties[i].name);
            MAL_TRY(mal_json_add_str(list, c->parties[i].name));
        }
    mal_cli_say(cli, "%s\n", any ? "" : " nobody");
    return MAL_OK;
}

static mal_err put_signatures(mal_cli *cli, mal_bytes bytes) {
    mal_room_bundle bundle;
    MAL_TRY(mal_room_bundle_read(&bundle, cli->arena, bytes));
    MAL_TRY(put_contract(cli, bundle.contract));
    MAL_TRY(put_set(cli, bundle.contract, "signed", bundle.signed_));
    MAL_TRY(put_set(cli, bundle.contract, "missing", bundle.missing));
    return mal_json_put_bool(cli->result, "complete", bundle.missing == 0);
}

/* What was there is merged, so that parties may sign in any order. */
static mal_err sign_onto(mal_buf *out, mal_bytes in, const char *path,
                         mal_kms *kms) {
    MAL_AUTO(mal_buf_clear) mal_buf mine = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf there = { 0 };
    MAL_TRY(mal_room_bundle_sign(&mine, in, kms));
    if (!mal_file_exists(path))
        return mal_buf_put(out, mal_buf_view(&mine));
    MAL_TRY(mal_file_read(&there, path, MAL_ROOM_BUNDLE_MAX));
    return mal_room_bundle_merge(out, mal_buf_view(&there),
                                 mal_buf_view(&mine));
}

static mal_err sign(mal_cli *cli) {
    MAL_AUTO(mal_kms_auto) mal_kms *kms = NULL;
    MAL_AUTO(mal_buf_clear) mal_buf file = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
    const char *in = mal_cli_operand(cli, 0), *path = mal_cli_get(cli, "out");
    size_t n = strlen(in);
    bool is_bundle = n > 7 && strcmp(in + n - 7, ".signed") == 0;
    char *keys = mal_arena_printf(cli->arena, "%s/keys", cli->state);
    if (!path)
        path = is_bundle ? in : mal_arena_printf(cli->arena, "%s.signed", in);
    if (!keys || !path)
        return MAL_E_MEMORY;
    MAL_TRY(read_operand(cli, &file));
    MAL_TRY(mal_kms_open(&kms, keys));
    MAL_TRY(sign_onto(&out, mal_buf_view(&file), path, kms));
    MAL_TRY(mal_file_write(path, mal_buf_view(&out), 0644));
    MAL_TRY(put_signatures(cli, mal_buf_view(&out)));
    mal_cli_say(cli, "written  %s\n", path);
    MAL_TRY(mal_json_put_str(cli->result, "bundle", path));
    return mal_json_put_str(cli->result, "party", mal_kms_party(kms));
}

static mal_err verify(mal_cli *cli) {
    MAL_AUTO(mal_buf_clear) mal_buf file = { 0 };
    MAL_TRY(read_operand(cli, &file));
    return put_signatures(cli, mal_buf_view(&file));
}

/* --- At a node ----------------------------------------------------------- */

static void say_room(const mal_cli *cli, const mal_json *d) {
    mal_cli_say(cli,
                "room \"%s\" version %llu%s\nid       %s\ncontract %s\n"
                "expires  %s\n",
                cli_str(d, "room"), (unsigned long long)cli_u64(d, "version"),
                cli_bool(d, "test") ? ", for tests" : "", cli_str(d, "id"),
                cli_str(d, "contract"),
                cli_time_text(cli->arena, cli_u64(d, "expires")));
}

static mal_err open_room(mal_cli *cli) {
    MAL_AUTO(mal_buf_clear) mal_buf file = { 0 };
    MAL_AUTO(mal_json_auto) mal_json *request = NULL;
    const mal_json *done;
    MAL_TRY(read_operand(cli, &file));
    MAL_TRY(cli_request(&request, "room.open"));
    MAL_TRY(mal_json_put_text(request, "bundle", mal_buf_view(&file)));
    MAL_TRY(cli_call(cli, request, &done));
    say_room(cli, done);
    return MAL_OK;
}

static mal_err ls(mal_cli *cli) {
    static const char *const align[] = { "l", "r", "l", "l" };
    const mal_json *done;
    cli_table t = { .arena = cli->arena, .n_columns = 4, .align = align };
    MAL_TRY(cli_ask(cli, "room.ls", &done));
    const mal_json *rooms = cli_list(done, "rooms");
    MAL_TRY(cli_table_add(&t, "room"));
    MAL_TRY(cli_table_add(&t, "version"));
    MAL_TRY(cli_table_add(&t, "expires"));
    MAL_TRY(cli_table_add(&t, "id"));
    for (size_t i = 0; i < mal_json_len(rooms); i++) {
        const mal_json *r = mal_json_at(rooms, i);
        MAL_TRY(cli_table_add(&t, cli_str(r, "room")));
        MAL_TRY(cli_table_add_u64(&t, cli_u64(r, "version")));
        MAL_TRY(cli_table_add(
            &t, cli_time_text(cli->arena, cli_u64(r, "expires"))));
        MAL_TRY(cli_table_add(&t, cli_str(r, "id")));
    }
    cli_table_show(cli, &t);
    return MAL_OK;
}

static mal_err show(mal_cli *cli) {
    MAL_AUTO(mal_json_auto) mal_json *request = NULL;
    const mal_json *done;
    MAL_TRY(cli_request(&request, "room.show"));
    MAL_TRY(cli_put_given(request, "room", mal_cli_operand(cli, 0)));
    MAL_TRY(cli_call(cli, request, &done));
    if (mal_cli_get(cli, "canonical")) {
        mal_cli_say(cli, "%s", cli_str(done, "canonical"));
        return MAL_OK;
    }
    say_room(cli, done);
    mal_cli_say(cli, "\n");
    cli_say_lines(cli, stdout, cli_str(done, "text"));
    return MAL_OK;
}

static mal_err withdraw(mal_cli *cli) {
    MAL_AUTO(mal_json_auto) mal_json *request = NULL;
    const mal_json *done;
    MAL_TRY(cli_request(&request, "room.withdraw"));
    MAL_TRY(mal_json_put_str(request, "room", mal_cli_operand(cli, 0)));
    MAL_TRY(cli_put_given(request, "reason", mal_cli_get(cli, "reason")));
    MAL_TRY(cli_call(cli, request, &done));
    mal_cli_say(cli,
                "withdrawn from room \"%s\": no new job starts, those "
                "under way have ended, and the log says so\n",
                cli_str(done, "room"));
    return MAL_OK;
}

static const mal_cli_option check_options[] = {
    { "learn", "PARTY", "Also say what this party could learn at most" },
    { NULL, NULL, NULL },
};
static const mal_cli_option sign_options[] = {
    { "out", "BUNDLE", "Write or merge into this file; else FILE.signed" },
    { NULL, NULL, NULL },
};
static const mal_cli_option show_options[] = {
    { "canonical", NULL, "Print the canonical text, which is what was signed" },
    { NULL, NULL, NULL },
};
static const mal_cli_option withdraw_options[] = {
    { "reason", "TEXT", "Why; it is logged" },
    { NULL, NULL, NULL },
};

const mal_cli_verb cli_room_verbs[] = {
    { .name = "room check",
      .operands = "FILE",
      .summary = "Say what a contract means, and what looks wrong",
      .text =
          "Prints who must be believed, what may be asked and what that can "
          "tell at most;\nrules that never apply, columns that nobody can "
          "use, budgets that nobody can\nspend. FILE is a contract or a "
          "bundle. Errors name line and column.",
      .example = "malus room check airports.room --learn faa",
      .options = check_options,
      .run = check },
    { .name = "room sign",
      .operands = "FILE",
      .summary = "Add this party's signature to a contract",
      .text = "FILE is the contract's text or a bundle of text and signatures. "
              "All owners sign\nthe same bytes; their hash is the room. The "
              "bundle is what to hand to the others.",
      .example = "malus room sign airports.room --state jfk",
      .options = sign_options,
      .state = true,
      .run = sign },
    { .name = "room verify",
      .operands = "BUNDLE",
      .summary = "Check every signature of a bundle",
      .text = "Says who signed and who has not. A signature that is not over "
              "these bytes ends\nwith exit code 4; one that is missing does "
              "not.",
      .run = verify },
    { .name = "room open",
      .operands = "BUNDLE",
      .summary = "Enter the room of a bundle that all owners signed",
      .text = "A bundle with a higher version of a room that is open already "
              "amends it: the room\nkeeps its id, its data and what was spent.",
      .state = true,
      .run = open_room },
    { .name = "room ls",
      .operands = "",
      .summary = "List the rooms of the node",
      .text = "",
      .state = true,
      .run = ls },
    { .name = "room show",
      .operands = "[ROOM]",
      .summary = "Show a room's contract",
      .text = "ROOM is its name, or the start of its id.",
      .options = show_options,
      .state = true,
      .run = show },
    { .name = "room withdraw",
      .operands = "ROOM",
      .summary = "Take back this owner's consent, for good",
      .text = "New jobs stop here and at every peer that can be reached, "
              "running ones end, and\nthe log says so.",
      .options = withdraw_options,
      .state = true,
      .run = withdraw },
    { .name = NULL },
};
