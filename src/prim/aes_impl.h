/* aes_impl.h - one table of functions per way to compute AES-128.
 *
 * The plain twin runs anywhere; aes_x86.c adds AES-NI and VAES.  All are in
 * constant time, and a property test holds them equal.
 */
#ifndef MALUS_PRIM_AES_IMPL_H
#define MALUS_PRIM_AES_IMPL_H

#include <malus/prim.h>

typedef struct prim_aes_way {
    const char *name;
    bool (*usable)(void);
    void (*init)(mal_prim_aes *aes, const uint8_t key[16]);
    void (*ecb)(void *out, const void *in, size_t blocks,
                const mal_prim_aes *aes);
    void (*ctr)(void *out, size_t blocks, const mal_prim_aes *aes,
                uint64_t counter, uint64_t tweak);
    void (*ctr_xor)(void *out, size_t blocks, const mal_prim_aes *aes,
                    uint64_t counter, uint64_t tweak);
    void (*mmo)(void *out, const void *in, size_t blocks,
                const mal_prim_aes *fixed);
    void (*tmmo)(void *out, const void *in, size_t blocks,
                 const mal_prim_aes *fixed, uint64_t tweak);
} prim_aes_way;

/* Best first; the last is plain and always usable. */
extern const prim_aes_way *const prim_aes_ways[];
extern const size_t prim_aes_ways_n;

#if defined(__x86_64__)
extern const prim_aes_way prim_aes_vaes, prim_aes_ni;
#endif

#endif
