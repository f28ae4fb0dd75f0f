/* prim_test.h - vectors are typed as hexadecimal. */
#ifndef MALUS_PRIM_TEST_H
#define MALUS_PRIM_TEST_H

#include "mal_test.h"
#include "../prim_impl.h"

/* The bytes of a literal; each lives until 64 more were made. */
__attribute__((unused)) static mal_bytes hex(const char *text) {
    static uint8_t room[64][1024];
    static unsigned next;
    uint8_t *out = room[next++ % 64];
    size_t len = strlen(text) / 2;
    CHECK(len <= sizeof room[0]);
    CHECK_OK(mal_hex_decode(out, len, text));
    return mal_bytes_of(out, len);
}

__attribute__((unused)) static const char *hex_of(const void *ptr, size_t len) {
    static char room[8][2049];
    static unsigned next;
    char *out = room[next++ % 8];
    CHECK(len <= 1024);
    mal_hex_encode(out, mal_bytes_of(ptr, len));
    return out;
}

#define CHECK_HEX(ptr, len, wanted) CHECK_STR(hex_of(ptr, len), wanted)

#endif
