/* circuit_part.c - what each part of a run starts from: a session and transfers
 * of its own, fresh blocks. */
#include "circuit_impl.h"

#include <string.h>

void circuit_wipe_free(void *block, size_t len) {
    if (block)
        mal_wipe(block, len);
    mal_free(block);
}

void circuit_random(void *out, size_t blocks) {
    mal_prim_aes aes;
    uint8_t key[16];
    mal_prim_random(key, sizeof key);
    mal_prim_aes_init(&aes, key);
    mal_prim_aes_ctr(out, blocks, &aes, 0, 0);
    mal_prim_aes_clear(&aes);
    mal_wipe(key, sizeof key);
}

void circuit_part_session(uint8_t out[32], const circuit *c, const char *part) {
    mal_prim_hash hash;
    const mal_bytes parts[] = { mal_bytes_of(c->session.b, MAL_PRIM_HASH),
                                mal_bytes_str(part) };
    mal_prim_hash_parts(&hash, "malus psi circuit v1 part", parts, 2);
    memcpy(out, hash.b, 32);
}

mal_ot_params circuit_transfers(const circuit *c, const char *part) {
    mal_ot_params params = { .security = MAL_OT_MALICIOUS,
                             .fold = CIRCUIT_FOLD,
                             .threads = c->params->threads };
    circuit_part_session(params.session, c, part);
    return params;
}
