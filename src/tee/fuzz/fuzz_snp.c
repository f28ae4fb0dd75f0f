/* fuzz_snp.c - reports of SEV-SNP and leaves that strangers send. */
#include "snp_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    MAL_AUTO(mal_cert_auto) mal_cert *cert = NULL;
    snp_report report;
    snp_leaf leaf;
    if (snp_report_parse(&report, mal_bytes_of(data, size)) == MAL_OK)
        assert(report.version >= 2 && report.version <= 5 &&
               report.chip_id.ptr + report.chip_id.len <= data + size);
    if (mal_cert_parse(&cert, mal_bytes_of(data, size)) == MAL_OK &&
        snp_leaf_read(&leaf, cert) == MAL_OK)
        assert((leaf.chip_id.len != 0) == (leaf.signer == SNP_SIGNER_VCEK));
    return 0;
}
