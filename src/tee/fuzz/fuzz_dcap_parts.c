/* fuzz_dcap_parts.c - the readers that stand behind a signature, without it:
 * logs, TCB info, QE identity, what endorsements are.
 *
 * Input: a byte that names the reader, then what it reads.
 */
#include "../dcap_impl.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_part(dcap *d, unsigned which, mal_bytes in) {
    uint8_t rtmr[DCAP_RTMRS][DCAP_RTMR];
    size_t events;
    dcap_quote quote;
    switch (which % 5) {
    case 0:
        (void)!dcap_eventlog_replay(rtmr, &events, in);
        break;
    case 1:
        if (dcap_quote_parse(&quote, in) == MAL_OK)
            (void)dcap_report_data(&quote);
        break;
    case 2:
        if (mal_json_parse(&d->tcb.json, in, MAL_TEE_ENDORSEMENT_MAX) ==
                MAL_OK &&
            dcap_json_window(d, &d->tcb, "TCB info") == MAL_TEE_OK) {
            (void)dcap_tcb_kind(d);
            (void)dcap_tcb_level(d);
        }
        break;
    case 3:
        if (mal_json_parse(&d->qe.json, in, MAL_TEE_ENDORSEMENT_MAX) == MAL_OK)
            if (dcap_qe_kind(d) == MAL_TEE_OK)
                (void)dcap_qe_level(d);
        break;
    default:
        (void)dcap_collateral_gather(d);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint8_t zeros[DCAP_TDX15_BODY];
    if (size < 2)
        return 0;
    mal_arena *arena = mal_arena_new(MAL_TEE_ARENA_BYTES);
    mal_bytes in = mal_bytes_of(data + 1, size - 1);
    mal_tee_input input = { .endorsements = &in, .n_endorsements = 1 };
    mal_tee_verdict verdict = { 0 };
    mal_tee_fact facts[MAL_TEE_FACTS_MAX];
    tee_ctx c = { .in = &input,
                  .arena = arena,
                  .claims = &verdict.claims,
                  .detail = verdict.detail,
                  .facts = facts };
    dcap d = { .c = &c,
               .quote = { .version = 5,
                          .tdx = true,
                          .body = { zeros, sizeof zeros },
                          .qe_report = { zeros, DCAP_SGX_BODY } } };
    read_part(&d, data[0], in);
    dcap_clear(&d);
    mal_arena_free(arena);
    return 0;
}
