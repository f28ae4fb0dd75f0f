/* receipt.c - receipts are checked and redacted offline, by anyone. */
#include "cli_impl.h"

#include <malus/audit.h>
#include <malus/prim.h>
#include <malus/room.h>

#include <string.h>

static mal_err verify(mal_cli *cli) {
    MAL_AUTO(mal_buf_clear) mal_buf file = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf report = { 0 };
    MAL_AUTO(mal_json_auto) mal_json *parsed = NULL;
    const char *text;
    MAL_TRY(mal_prim_init());
    MAL_TRY(
        mal_file_read(&file, mal_cli_operand(cli, 0), MAL_AUDIT_RECEIPT_MAX));
    mal_err err =
        mal_room_receipt_verify(&report, mal_buf_view(&file), cli->json);
    if (report.len == 0)
        return err;
    if (!cli->json) {
        MAL_TRY(mal_buf_cstr(&report, &text));
        cli_say_lines(cli, stdout, text);
        return err;
    }
    if (mal_json_parse(&parsed, mal_buf_view(&report), CLI_FILE_MAX / 4) !=
        MAL_OK)
        return err != MAL_OK ? err : MAL_E_INPUT;
    for (mal_json_iter it = mal_json_begin(parsed); mal_json_next(&it);)
        MAL_TRY(mal_json_put(cli->result, it.key, it.value));
    return err == MAL_OK ? MAL_OK
                         : mal_err_set(err, __FILE__, __LINE__,
                                       "the receipt does not hold: see the "
                                       "claims that fail");
}

static mal_err redact(mal_cli *cli) {
    MAL_AUTO(mal_buf_clear) mal_buf file = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf less = { 0 };
    const char *out = mal_cli_get(cli, "out");
    MAL_REQUIRE(out, MAL_E_INPUT, "say where to write: --out FILE");
    MAL_TRY(mal_prim_init());
    MAL_TRY(
        mal_file_read(&file, mal_cli_operand(cli, 0), MAL_AUDIT_RECEIPT_MAX));
    MAL_TRY(mal_audit_receipt_redact(&less, mal_buf_view(&file),
                                     cli->operands + 1, cli->n_operands - 1));
    MAL_TRY(mal_file_write(out, mal_buf_view(&less), 0644));
    mal_cli_say(cli, "%s: %zu bytes, was %zu; the rest still verifies\n", out,
                less.len, file.len);
    MAL_TRY(mal_json_put_u64(cli->result, "bytes", less.len));
    return mal_json_put_str(cli->result, "receipt", out);
}

static const mal_cli_option redact_options[] = {
    { "out", "FILE", "Where to write what is left" },
    { NULL, NULL, NULL },
};

const mal_cli_verb cli_receipt_verbs[] = {
    { .name = "verify",
      .operands = "RECEIPT",
      .summary = "Check everything that a receipt claims, offline",
      .text = "Needs no node, no network and no key: the contract in the "
              "receipt names the\nidentities. Prints what was checked, what is "
              "learned beyond the answer, who must\nbe believed, and what is "
              "not proved. Exit code 4: a claim does not hold.",
      .run = verify },
    { .name = "receipt redact",
      .operands = "RECEIPT [NAME...]",
      .summary = "Take openings out of a receipt; the rest verifies",
      .text = "A NAME is that of a field: request, plan, answer, output, ...; "
              "without names all\nopenings go, and what is left proves that "
              "something was asked, permitted, paid\nand logged, but not what.",
      .example = "malus receipt redact 4f0c2a91.receipt output --out public",
      .options = redact_options,
      .run = redact },
    { .name = NULL },
};
