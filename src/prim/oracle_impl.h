/* oracle_impl.h - the ways to compute SHA-256 of many short messages. */
#ifndef MALUS_PRIM_ORACLE_IMPL_H
#define MALUS_PRIM_ORACLE_IMPL_H

#include <malus/prim.h>

#include <string.h>

#define PREFIX                                                                 \
    64 /* bytes absorbed once: the hash of label and session, zeros */

typedef struct prim_oracle_way {
    const char *name;
    bool (*usable)(void);
    void (*many)(uint8_t *out, const uint8_t *in, size_t len, size_t n,
                 const mal_prim_oracle *oracle);
} prim_oracle_way;

/* Best first; the last is plain and always usable. */
extern const prim_oracle_way *const prim_oracle_ways[];
extern const size_t prim_oracle_ways_n;
#if defined(__x86_64__)
extern const prim_oracle_way prim_oracle_ni;
#endif

/* The last block of a message of PREFIX + len bytes [FIPS180-4] 5.1.1. */
static inline void prim_oracle_pad(uint8_t block[64], const uint8_t *in,
                                   size_t len) {
    memset(block, 0, 64);
    memcpy(block, in, len);
    block[len] = 0x80;
    mal_store_u64be(block + 56, 8 * (PREFIX + len));
}

#endif
