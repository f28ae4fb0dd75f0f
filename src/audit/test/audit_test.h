/* audit_test.h - what several audit tests need. */
#ifndef MAL_AUDIT_TEST_H
#define MAL_AUDIT_TEST_H

#include "mal_test.h"
#include <malus/audit.h>
#include <malus/json.h>

__attribute__((unused)) static mal_json *json_file(const char *vector) {
    MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
    mal_json *json;
    CHECK_OK(mal_file_read(&bytes, mal_test_vector(vector), 1 << 24));
    CHECK_OK(mal_json_parse(&json, mal_buf_view(&bytes), 1 << 24));
    return json;
}

__attribute__((unused)) static const char *str_of(const mal_json *o,
                                                  const char *key) {
    const char *text;
    CHECK_OK(mal_json_get_str(o, key, &text));
    return text;
}

/* A key pair out of one byte; the secret lives until the process ends. */
__attribute__((unused)) static mal_audit_signer signer_of(uint8_t which) {
    static mal_key secrets[256];
    static uint8_t pubs[256][32];
    mal_audit_signer s;
    uint8_t seed[32] = { which, 1 };
    CHECK_OK(mal_prim_init());
    if (!secrets[which].ptr)
        CHECK_OK(mal_prim_sign_from_seed(pubs[which], &secrets[which], seed));
    memcpy(s.pub, pubs[which], 32);
    s.sec = &secrets[which];
    return s;
}

__attribute__((unused)) static const char *text_of(mal_buf *buf) {
    const char *text;
    CHECK_OK(mal_buf_cstr(buf, &text));
    return text;
}

#endif
