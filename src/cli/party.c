/* party.c - who we are: the line that a contract needs. */
#include "cli_impl.h"

#include <malus/kms.h>

static mal_err show(mal_cli *cli) {
    MAL_AUTO(mal_kms_auto) mal_kms *kms = NULL;
    MAL_AUTO(mal_buf_clear) mal_buf key = { 0 };
    uint8_t identity[32];
    const char *text;
    const char *dir = mal_arena_printf(cli->arena, "%s/keys", cli->state);
    if (!dir)
        return MAL_E_MEMORY;
    MAL_REQUIRE(mal_file_exists(dir), MAL_E_MISSING,
                "no party at %s: make one with `malus party init NAME --state "
                "%s`",
                cli->state, cli->state);
    MAL_TRY(mal_kms_open(&kms, dir));
    mal_kms_identity(kms, identity);
    MAL_TRY(mal_base64_encode(&key, mal_bytes_of(identity, 32)));
    MAL_TRY(mal_buf_cstr(&key, &text));
    const char *line = mal_arena_printf(cli->arena, "party %s owner ed25519:%s",
                                        mal_kms_party(kms), text);
    if (!line)
        return MAL_E_MEMORY;
    mal_cli_say(cli, "%s\n", line);
    MAL_TRY(mal_json_put_str(cli->result, "party", mal_kms_party(kms)));
    MAL_TRY(mal_json_put_str(cli->result, "identity", text));
    return mal_json_put_str(cli->result, "line", line);
}

const mal_cli_verb cli_party_verbs[] = {
    { .name = "party show",
      .operands = "",
      .summary = "Print this party's line for a contract",
      .text = "The line names the party and pins its identity key. Change "
              "`owner` to the\nroles that the party has in the room: owner, "
              "analyst, compute, witness.",
      .example = "malus party show --state acme",
      .state = true,
      .run = show },
    { .name = NULL },
};
