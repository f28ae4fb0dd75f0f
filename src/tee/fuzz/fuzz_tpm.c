/* fuzz_tpm.c - quotes, and Azure's report around a key. */
#include "tpm_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte says what the rest is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    MAL_AUTO(mal_pubkey_auto) mal_pubkey *ak = NULL;
    tpm_pcrs pcrs = { .hash = TPM_ALG_SHA256 };
    tpm_quote quote;
    hcl_report hcl;
    if (size == 0)
        return 0;
    mal_bytes bytes = mal_bytes_of(data + 1, size - 1);
    if (data[0] == 0) {
        if (tpm_quote_parse(&quote, bytes) == MAL_OK) {
            /* No value is told: only a quote over none can be good. */
            mal_err err = tpm_pcrs_check(&quote, &pcrs);
            assert(quote.n_banks > 0 || err != MAL_E_MISSING);
        }
    } else if (hcl_report_parse(&hcl, bytes) == MAL_OK) {
        mal_err err = hcl_ak(&ak, &hcl);
        assert((err == MAL_OK) == (ak != NULL));
    }
    return 0;
}
