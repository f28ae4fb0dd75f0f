/* evidence.h - evidence of hardware and its endorsements, read from files. */
#ifndef MALUS_CLI_EVIDENCE_H
#define MALUS_CLI_EVIDENCE_H

#include <malus/json.h>
#include <malus/tee.h>

typedef struct cli_evidence {
    mal_tee_input tee;
    mal_bytes endorsements[MAL_TEE_ENDORSEMENTS_MAX];
    mal_arena *arena; /* of the files' bytes and the verdict */
} cli_evidence;

/* name is FILE, or FILE#2 for the third PEM block in it; what ends in .hex or
 * .base64 is decoded.  kind, anchor and time as `malus attest verify` takes
 * them. */
mal_err cli_evidence_begin(cli_evidence *in, const char *name, const char *kind,
                           const char *anchor, const char *time) MAL_MUST_CHECK;
mal_err cli_evidence_nonce(cli_evidence *in, const char *hex) MAL_MUST_CHECK;
mal_err cli_evidence_endorse(cli_evidence *in, const char *name) MAL_MUST_CHECK;
/* A new object; it is text, and outlives the evidence. */
mal_err cli_evidence_judge(mal_json **verdict, mal_tee_answer *answer,
                           cli_evidence *in) MAL_MUST_CHECK;
/* All of it from a case of a list: kind, anchor, time, evidence, endorsements,
 * nonce; files lie beside the list. */
mal_err cli_evidence_case(cli_evidence *in, const mal_json *row,
                          const char *list) MAL_MUST_CHECK;
void cli_evidence_auto(cli_evidence *in); /* for MAL_AUTO */

#endif
