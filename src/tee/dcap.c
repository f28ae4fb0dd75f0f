/* dcap.c - quotes of Intel's: SGX and TDX. */
#include "tee_impl.h"

#define TDREPORT_BYTES 1024
#define TDREPORT_TYPE 0x81 /* first byte: TDX */
#define SGX 0x00
#define TDX 0x81

mal_tee_kind tee_dcap_recognise(mal_bytes evidence) {
    mal_rd rd = mal_rd_of(evidence);
    uint16_t version = 0, key_type = 0;
    uint32_t tee = 0;
    if (evidence.len == TDREPORT_BYTES && evidence.ptr[0] == TDREPORT_TYPE)
        return MAL_TEE_TDX_REPORT;
    if (mal_rd_u16(&rd, &version) != MAL_OK ||
        mal_rd_u16(&rd, &key_type) != MAL_OK || mal_rd_u32(&rd, &tee) != MAL_OK)
        return MAL_TEE_ANY;
    if (version == 3 && key_type >= 2 && key_type <= 3)
        return MAL_TEE_SGX_V3; /* version 3 has no word for the kind */
    if (version == 4 && tee == TDX)
        return MAL_TEE_TDX_V4;
    if (version == 5 && tee == TDX)
        return MAL_TEE_TDX_V5;
    return MAL_TEE_ANY;
}

mal_tee_code tee_tdreport_refuse(tee_ctx *c) {
    return tee_fail(c, MAL_TEE_NOT_REMOTE_EVIDENCE,
                    "a TDREPORT proves itself to its own machine only: send "
                    "a quote");
}

mal_tee_code tee_dcap_verify(tee_ctx *c) {
    return tee_fail(c, MAL_TEE_UNSUPPORTED, "quotes are not read yet");
}
