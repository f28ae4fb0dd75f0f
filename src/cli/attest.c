/* attest.c - evidence of hardware, verified offline: one piece, or a list of
 * cases with the verdict that each must have. */
#include "cli_impl.h"
#include "evidence.h"

#include <malus/prim.h>
#include <string.h>

#define LIST_MAX ((size_t)16 << 20)

/* --- verify ------------------------------------------------------------------
 */

static mal_err read_options(mal_cli *cli, cli_evidence *in) {
    const char *name = mal_cli_get(cli, "evidence");
    const char *anchor = mal_cli_get(cli, "anchor");
    const char *time = mal_cli_get(cli, "time");
    const char *kind = mal_cli_get(cli, "kind");
    const char *nonce = mal_cli_get(cli, "nonce");
    MAL_REQUIRE(name && anchor && time, MAL_E_INPUT,
                "--evidence, --anchor and --time are needed");
    MAL_TRY(cli_evidence_begin(in, name, kind ? kind : "any", anchor, time));
    if (nonce)
        MAL_TRY(cli_evidence_nonce(in, nonce));
    for (size_t i = 0; (name = mal_cli_get_at(cli, "endorsement", i)); i++)
        MAL_TRY(cli_evidence_endorse(in, name));
    return MAL_OK;
}

/* A member of claims or facts as people read it; NULL: not worth a line. */
static const char *value_text(mal_cli *cli, const mal_json *value) {
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    const char *s;
    if (mal_json_kind_of(value) == MAL_JSON_STRING &&
        mal_json_as_str(value, "claim", &s) == MAL_OK)
        return s;
    if (mal_json_dump(&text, value) != MAL_OK)
        return NULL;
    return mal_arena_strndup(cli->arena, (const char *)text.ptr, text.len);
}

static mal_err add_members(mal_cli *cli, cli_table *t, const mal_json *object) {
    for (mal_json_iter it = mal_json_begin(object); mal_json_next(&it);) {
        if (mal_json_kind_of(it.value) == MAL_JSON_OBJECT) {
            MAL_TRY(add_members(cli, t, it.value));
            continue;
        }
        const char *text = value_text(cli, it.value);
        if (!text)
            return MAL_E_MEMORY;
        MAL_TRY(cli_table_add(t, it.key));
        MAL_TRY(cli_table_add(t, text));
    }
    return MAL_OK;
}

static mal_err show_verdict(mal_cli *cli, const mal_json *verdict) {
    static const char *const align[] = { "l", "l" };
    cli_table t = { .arena = cli->arena, .n_columns = 2, .align = align };
    const char *answer = cli_str(verdict, "verdict");
    cli_style style = strcmp(answer, "accept") == 0 ? CLI_GREEN
                      : strcmp(answer, "warn") == 0 ? CLI_YELLOW
                                                    : CLI_RED;
    mal_cli_say(cli, "%s%s%s %s%s%s\n", cli_style_on(stdout, style), answer,
                cli_style_off(stdout), cli_str(verdict, "code"),
                *cli_str(verdict, "detail") ? ": " : "",
                cli_str(verdict, "detail"));
    MAL_TRY(cli_table_add(&t, "claim"));
    MAL_TRY(cli_table_add(&t, "value"));
    MAL_TRY(add_members(cli, &t, mal_json_find(verdict, "claims")));
    if (t.n > t.n_columns)
        cli_table_show(cli, &t);
    return MAL_OK;
}

static mal_err verify(mal_cli *cli) {
    MAL_AUTO(cli_evidence_auto) cli_evidence in = { 0 };
    MAL_AUTO(mal_json_auto) mal_json *json = NULL;
    mal_tee_answer answer;
    MAL_TRY(mal_prim_init());
    MAL_TRY(read_options(cli, &in));
    MAL_TRY(cli_evidence_judge(&json, &answer, &in));
    MAL_TRY(show_verdict(cli, json));
    for (mal_json_iter it = mal_json_begin(json); mal_json_next(&it);)
        MAL_TRY(mal_json_put(cli->result, it.key, it.value));
    MAL_REQUIRE(answer != MAL_TEE_REJECT, MAL_E_AUTH,
                "the evidence is refused: %s", cli_str(json, "code"));
    MAL_REQUIRE(answer != MAL_TEE_WARN, MAL_E_DENIED,
                "the evidence is authentic, but its platform is not up to "
                "date: a policy must say whether that will do");
    return MAL_OK;
}

/* --- check -------------------------------------------------------------------
 */

/* null is as good as absent. */
static bool same_json(const mal_json *a, const mal_json *b) {
    MAL_AUTO(mal_buf_clear) mal_buf x = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf y = { 0 };
    if (a && mal_json_kind_of(a) == MAL_JSON_NULL)
        a = NULL;
    if (!a && !b)
        return true;
    return a && b && mal_json_dump(&x, a) == MAL_OK &&
           mal_json_dump(&y, b) == MAL_OK &&
           mal_bytes_same_vartime(mal_buf_view(&x), mal_buf_view(&y));
}

/* Claims that a case may name beside verdict and code; the first that is not
 * what it says, or NULL.  "debug" is 0 or 1 there. */
static const char *first_difference(const mal_json *row,
                                    const mal_json *verdict) {
    static const char *const names[] = { "tcb", "module", "qe", "fmspc",
                                         "advisories" };
    const mal_json *claims = mal_json_find(verdict, "claims");
    int64_t debug;
    if (strcmp(cli_str(row, "verdict"), cli_str(verdict, "verdict")) != 0)
        return "verdict";
    if (strcmp(cli_str(row, "code"), cli_str(verdict, "code")) != 0)
        return "code";
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (mal_json_find(row, names[i]) &&
            !same_json(mal_json_find(row, names[i]),
                       mal_json_find(claims, names[i])))
            return names[i];
    if (mal_json_find(row, "debug") &&
        (mal_json_get_int(row, "debug", &debug) != MAL_OK ||
         (debug != 0) != cli_bool(claims, "debug")))
        return "debug";
    return NULL;
}

static mal_err judge_case(mal_json **verdict, const mal_json *row,
                          const char *list) {
    MAL_AUTO(cli_evidence_auto) cli_evidence in = { 0 };
    mal_tee_answer answer;
    MAL_TRY(cli_evidence_case(&in, row, list));
    return cli_evidence_judge(verdict, &answer, &in);
}

static mal_err put_side(mal_json *result, const char *name,
                        const mal_json *from) {
    mal_json *side;
    MAL_TRY(mal_json_put_object(result, name, &side));
    MAL_TRY(mal_json_put_str(side, "verdict", cli_str(from, "verdict")));
    return mal_json_put_str(side, "code", cli_str(from, "code"));
}

static mal_err put_case(mal_cli *cli, cli_table *t, const mal_json *row,
                        const mal_json *verdict, const char *wrong,
                        const char *why) {
    mal_json *results, *result;
    const char *cells[] = { cli_str(row, "id"),
                            cli_str(row, "verdict"),
                            cli_str(row, "code"),
                            cli_str(verdict, "verdict"),
                            cli_str(verdict, "code"),
                            wrong ? wrong : "exact",
                            why };
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++)
        MAL_TRY(cli_table_add(t, cells[i]));
    results = (mal_json *)mal_json_find(cli->result, "cases");
    MAL_TRY(mal_json_add_object(results, &result));
    MAL_TRY(mal_json_put_str(result, "id", cli_str(row, "id")));
    MAL_TRY(put_side(result, "expected", row));
    MAL_TRY(put_side(result, "found", verdict));
    MAL_TRY(mal_json_put_bool(result, "exact", !wrong));
    return wrong ? mal_json_put_str(result, "differs", wrong) : MAL_OK;
}

/* A case that cannot be judged is a difference, not the end. */
static mal_err check_case(mal_cli *cli, cli_table *t, const mal_json *row,
                          const char *list, bool *exact) {
    MAL_AUTO(mal_json_auto) mal_json *verdict = NULL;
    char why[256] = "";
    const char *wrong = "not judged";
    if (judge_case(&verdict, row, list) != MAL_OK)
        snprintf(why, sizeof why, "%s", mal_err_message());
    else
        wrong = first_difference(row, verdict);
    *exact = !wrong;
    return put_case(cli, t, row, verdict, wrong,
                    wrong && verdict ? cli_str(verdict, "detail") : why);
}

static mal_err check_all(mal_cli *cli, const mal_json *cases, const char *list,
                         size_t *n_exact) {
    static const char *const align[] = { "l", "l", "l", "l", "l", "l", "l" };
    static const char *const heads[] = { "id", "expected", "",   "found",
                                         "",   "is",       "why" };
    cli_table t = { .arena = cli->arena, .n_columns = 7, .align = align };
    mal_json *results;
    bool exact;
    MAL_TRY(mal_json_put_array(cli->result, "cases", &results));
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        MAL_TRY(cli_table_add(&t, heads[i]));
    for (size_t i = 0; i < mal_json_len(cases); i++) {
        MAL_TRY(check_case(cli, &t, mal_json_at(cases, i), list, &exact));
        *n_exact += exact;
    }
    cli_table_show(cli, &t);
    return MAL_OK;
}

static mal_err check(mal_cli *cli) {
    MAL_AUTO(mal_buf_clear) mal_buf file = { 0 };
    MAL_AUTO(mal_json_auto) mal_json *json = NULL;
    const char *list = mal_cli_operand(cli, 0);
    const mal_json *cases;
    size_t n_exact = 0;
    MAL_TRY(mal_prim_init());
    MAL_TRY(mal_file_read(&file, list, LIST_MAX));
    MAL_TRY(mal_json_parse(&json, mal_buf_view(&file), LIST_MAX));
    MAL_TRY(mal_json_get_array(json, "vectors", &cases));
    MAL_TRY(check_all(cli, cases, list, &n_exact));
    size_t n = mal_json_len(cases);
    MAL_TRY(mal_json_put_u64(cli->result, "n", n));
    MAL_TRY(mal_json_put_u64(cli->result, "exact", n_exact));
    mal_cli_say(cli, "%zu of %zu exact\n", n_exact, n);
    MAL_REQUIRE(n_exact == n && n > 0, MAL_E_AUTH,
                "%zu of %zu cases are not what the list expects", n - n_exact,
                n);
    return MAL_OK;
}

static const mal_cli_option verify_options[] = {
    { "evidence", "FILE", "What the hardware signed" },
    { "endorsement", "FILE...",
      "Certificates, collateral, event log or key; once for each" },
    { "anchor", "A",
      "NAME:SHA256 of a root certificate, or given-key, enrolled-ak[:SHA256]" },
    { "time", "T", "When it must hold: 2026-11-22T13:04:34Z" },
    { "kind", "K", "Kind of evidence; else it is recognised" },
    { "nonce", "HEX", "What the evidence must have been made for" },
    { NULL, NULL, NULL },
};

const mal_cli_verb cli_attest_verbs[] = {
    { .name = "attest verify",
      .operands = "",
      .summary = "Judge a piece of evidence of trusted hardware, offline",
      .text =
          "Follows the signatures from the evidence to the anchor, compares "
          "what must be\nbound together, and judges certificates and "
          "collateral at the time given: there\nis no clock and no network. "
          "Prints accept, warn or reject, one code, and what is\nvouched "
          "for. Kinds: sgx-v3, tdx-v4, tdx-v5, snp, nitro, cca, psa, tpm2, "
          "az-snp-vtpm,\naz-tdx-vtpm, ratls.\n\nFILE#2 is the third PEM "
          "block of a file; .hex and .base64 are decoded. Exit code\n0: "
          "accepted; 2: authentic, but the platform is not up to date; 4: "
          "refused.",
      .example = "malus attest verify --evidence report.bin --endorsement "
                 "vcek.der \\\n    --endorsement ask_ark.pem --anchor "
                 "amd-ark-genoa:4c6598d1... \\\n    --time "
                 "2026-11-22T00:00:00Z",
      .options = verify_options,
      .run = verify },
    { .name = "attest check",
      .operands = "LIST",
      .summary = "Judge a list of cases, each with the verdict it must have",
      .text = "LIST is JSON: { vectors: [{ id, kind, evidence, endorsements, "
              "anchor, time, verdict,\ncode, .. }] }, files relative to it. "
              "Prints for each id the expected and the found\nverdict and "
              "code. A case may also name tcb, module, qe, fmspc, advisories, "
              "debug and\na nonce. Exit code 4: some case differs.",
      .example = "malus attest check verdicts.json --json",
      .run = check },
    { .name = NULL },
};
