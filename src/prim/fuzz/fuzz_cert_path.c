/* fuzz_cert_path.c - whatever parses as a certificate, key or list of a
 * stranger leads nowhere. */
#include <malus/prim_cert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CERTS 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mal_bytes bytes = mal_bytes_of(data, size);
    mal_cert *certs[CERTS] = { 0 };
    mal_crl *crl = NULL;
    mal_pubkey *key = NULL;
    size_t n = 0;
    if (mal_cert_parse(&certs[0], bytes) == MAL_OK)
        n = 1;
    else if (mal_cert_parse_pem(certs, &n, CERTS, bytes) != MAL_OK)
        n = 0;
    if (n) {
        mal_cert_path path = { .certs = (const mal_cert *const *)certs,
                               .n = n,
                               .time = 1700000000 };
        assert(mal_cert_verify_path(&path, NULL) == MAL_CERT_BAD_CHAIN);
        if (mal_cert_key(certs[0], &key) == MAL_OK)
            mal_pubkey_auto(&key);
    }
    if (mal_crl_parse(&crl, bytes) == MAL_OK)
        mal_crl_free(crl);
    if (mal_pubkey_parse_spki(&key, bytes) == MAL_OK)
        mal_pubkey_free(key);
    while (n)
        mal_cert_free(certs[--n]);
    return 0;
}
