/* tpm_quote.c - TPMS_ATTEST, and the digest of PCRs that it holds.
 *
 * A quote signs a digest: which values stand behind it, whoever shows the quote
 * must say, and we hash them again.
 *
 * Source: [TPM20] part 2: TPMS_ATTEST, TPMS_CLOCK_INFO, TPMS_QUOTE_INFO,
 * TPMS_PCR_SELECTION; part 1: PCR operations.
 */
#include "tpm_impl.h"

#include <string.h>

#define MAGIC 0xff544347u  /* TPM_GENERATED_VALUE: never over foreign data */
#define TYPE_QUOTE 0x8018u /* TPM_ST_ATTEST_QUOTE */
#define NAME_LEN_MAX 66    /* a name: algorithm and the longest hash */
#define EXTRA_LEN_MAX 66   /* TPM2B_DATA: a TPMT_HA */
#define SELECT_LEN_MAX 4   /* bytes of a PCR mask */

/* TPM2B_..: a length of two bytes, then so many. */
static mal_err read_sized(mal_rd *rd, mal_bytes *out, size_t len_max) {
    uint16_t len;
    MAL_TRY(tee_rd_u16be(rd, &len));
    MAL_REQUIRE(len <= len_max, MAL_E_INPUT,
                "a field of the quote has %u bytes, at most %zu are allowed",
                len, len_max);
    return mal_rd_raw(rd, out, len);
}

/* --- TPMS_ATTEST -----------------------------------------------------------
 */

static mal_err read_clock(mal_rd *rd, tpm_quote *quote) {
    uint8_t safe;
    MAL_TRY(tee_rd_u64be(rd, &quote->clock));
    MAL_TRY(tee_rd_u32be(rd, &quote->resets));
    MAL_TRY(tee_rd_u32be(rd, &quote->restarts));
    MAL_TRY(mal_rd_u8(rd, &safe));
    MAL_REQUIRE(safe <= 1, MAL_E_INPUT,
                "the quote's clock is neither safe "
                "nor unsafe");
    quote->safe = safe == 1;
    return tee_rd_u64be(rd, &quote->firmware);
}

static mal_err read_bank(mal_rd *rd, tpm_bank *bank) {
    uint8_t len, mask[SELECT_LEN_MAX] = { 0 };
    MAL_TRY(tee_rd_u16be(rd, &bank->hash));
    MAL_TRY(mal_rd_u8(rd, &len));
    MAL_REQUIRE(len <= SELECT_LEN_MAX, MAL_E_INPUT,
                "a PCR selection of %u bytes is too long", len);
    MAL_TRY(mal_rd_copy(rd, mask, len));
    bank->mask = mal_load_u32le(mask); /* bit i of byte j: PCR 8j + i */
    MAL_REQUIRE(bank->mask >> TPM_PCRS == 0, MAL_E_INPUT,
                "the quote selects a PCR above %d", TPM_PCRS - 1);
    return MAL_OK;
}

static mal_err read_banks(mal_rd *rd, tpm_quote *quote) {
    uint32_t n;
    MAL_TRY(tee_rd_u32be(rd, &n));
    MAL_REQUIRE(n <= TPM_BANKS_MAX, MAL_E_INPUT,
                "a quote over %u PCR banks is too large", n);
    for (quote->n_banks = 0; quote->n_banks < n; quote->n_banks++)
        MAL_TRY(read_bank(rd, &quote->banks[quote->n_banks]));
    return MAL_OK;
}

mal_err tpm_quote_parse(tpm_quote *quote, mal_bytes attest) {
    mal_rd rd = mal_rd_of(attest);
    uint32_t magic;
    uint16_t type;
    memset(quote, 0, sizeof *quote);
    MAL_TRY(tee_rd_u32be(&rd, &magic));
    MAL_REQUIRE(magic == MAGIC, MAL_E_INPUT, "not a structure that a TPM made");
    MAL_TRY(tee_rd_u16be(&rd, &type));
    MAL_REQUIRE(type == TYPE_QUOTE, MAL_E_INPUT,
                "a TPM attestation of type 0x%04x is no quote", type);
    MAL_TRY(read_sized(&rd, &quote->signer, NAME_LEN_MAX));
    MAL_TRY(read_sized(&rd, &quote->extra_data, EXTRA_LEN_MAX));
    MAL_TRY(read_clock(&rd, quote));
    MAL_TRY(read_banks(&rd, quote));
    MAL_TRY(read_sized(&rd, &quote->pcr_digest, TPM_HASH_MAX));
    return mal_rd_end(&rd);
}

/* --- PCRs ------------------------------------------------------------------
 */

static size_t hash_len(uint16_t hash) {
    switch (hash) {
    case TPM_ALG_SHA1:
        return 20;
    case TPM_ALG_SHA256:
        return 32;
    case TPM_ALG_SHA384:
        return 48;
    case TPM_ALG_SHA512:
        return 64;
    default:
        return 0;
    }
}

/* The selected values, in ascending order, as one text to hash. */
static mal_err gather(mal_buf *text, const tpm_bank *bank,
                      const tpm_pcrs *pcrs) {
    size_t len = hash_len(bank->hash);
    for (size_t i = 0; i < TPM_PCRS; i++) {
        if (!(bank->mask >> i & 1))
            continue;
        MAL_REQUIRE(i < pcrs->n && pcrs->value[i].len != 0, MAL_E_MISSING,
                    "the quote covers PCR %zu, whose value is not told", i);
        MAL_REQUIRE(pcrs->value[i].len == len, MAL_E_INPUT,
                    "PCR %zu has %zu bytes, not %zu", i, pcrs->value[i].len,
                    len);
        MAL_TRY(mal_buf_put(text, pcrs->value[i]));
    }
    return MAL_OK;
}

/* The hash of the quote's signature scheme, told by its length. */
static mal_err hash_digest(uint8_t out[TPM_HASH_MAX], size_t len,
                           mal_bytes text) {
    switch (len) {
    case 32:
        mal_prim_sha256_of((mal_prim_hash *)out, text);
        return MAL_OK;
    case 48:
        mal_prim_sha384_of(out, text);
        return MAL_OK;
    case 64:
        mal_prim_sha512_of(out, text);
        return MAL_OK;
    default:
        MAL_FAIL(MAL_E_UNSUPPORTED, "a PCR digest of %zu bytes", len);
    }
}

mal_err tpm_pcrs_check(const tpm_quote *quote, const tpm_pcrs *pcrs) {
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    uint8_t digest[TPM_HASH_MAX];
    size_t len = quote->pcr_digest.len;
    mal_buf_init(&text, TPM_BANKS_MAX * TPM_PCRS * TPM_HASH_MAX);
    for (size_t i = 0; i < quote->n_banks; i++) {
        MAL_REQUIRE(quote->banks[i].mask == 0 ||
                        quote->banks[i].hash == pcrs->hash,
                    MAL_E_UNSUPPORTED,
                    "the quote covers PCR bank 0x%04x, the values are of "
                    "0x%04x",
                    quote->banks[i].hash, pcrs->hash);
        MAL_TRY(gather(&text, &quote->banks[i], pcrs));
    }
    MAL_TRY(hash_digest(digest, len, mal_buf_view(&text)));
    MAL_REQUIRE(mal_compare_vartime(digest, quote->pcr_digest.ptr, len) == 0,
                MAL_E_AUTH, "the PCR values are not those that were quoted");
    return MAL_OK;
}
