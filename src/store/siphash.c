/* siphash.c - SipHash-2-4 [AB12]: a keyed hash of rows that nobody can steer.
 */
#include "store_impl.h"

#include <string.h>

typedef struct sip {
    uint64_t a, b, c, d; /* v0 .. v3 */
} sip;

static uint64_t rotl(uint64_t x, unsigned n) {
    return (x << n) | (x >> (64 - n));
}

static void sip_round(sip *v) {
    v->a += v->b;
    v->b = rotl(v->b, 13) ^ v->a;
    v->a = rotl(v->a, 32);
    v->c += v->d;
    v->d = rotl(v->d, 16) ^ v->c;
    v->a += v->d;
    v->d = rotl(v->d, 21) ^ v->a;
    v->c += v->b;
    v->b = rotl(v->b, 17) ^ v->c;
    v->c = rotl(v->c, 32);
}

uint64_t mal_store_siphash(const uint8_t key[16], const void *in, size_t len) {
    const uint8_t *p = in;
    uint64_t k0 = mal_load_u64le(key), k1 = mal_load_u64le(key + 8);
    sip v = { k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du,
              k0 ^ 0x6c7967656e657261u, k1 ^ 0x7465646279746573u };
    uint8_t last[8] = { 0 };
    uint64_t m;

    for (size_t left = len; left >= 8; left -= 8, p += 8) {
        m = mal_load_u64le(p);
        v.d ^= m;
        sip_round(&v);
        sip_round(&v);
        v.a ^= m;
    }
    if (len % 8)
        memcpy(last, p, len % 8);
    last[7] = (uint8_t)len;
    m = mal_load_u64le(last);
    v.d ^= m;
    sip_round(&v);
    sip_round(&v);
    v.a ^= m;
    v.c ^= 0xff;
    for (int i = 0; i < 4; i++)
        sip_round(&v);
    return v.a ^ v.b ^ v.c ^ v.d;
}
