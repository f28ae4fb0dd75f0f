/* leak_prim.c - our own code around the libraries does not branch on secrets.
 */
#include "mal_leak.h"
#include "../aes_impl.h"
#include "../oracle_impl.h"
#include "../prim_impl.h"

#define MUST(call)                                                             \
    do {                                                                       \
        if ((call) != MAL_OK)                                                  \
            abort();                                                           \
    } while (0)

LEAK(signed_scalars_do_not_branch_on_the_sign) {
    static const int64_t values[] = { 0, 5, -5, INT64_MIN, INT64_MAX };
    for (int i = 0; i < 5; i++) {
        int64_t v = values[i];
        uint8_t out[32];
        mal_leak_secret(&v, sizeof v);
        mal_prim_scalar_from_i64(out, v);
        mal_leak_sink(out);
    }
}

LEAK_CONTROL(a_branch_on_the_sign_is_seen) {
    static int64_t v = -3;
    static uint8_t out[32];
    mal_leak_secret(&v, sizeof v);
    if (v < 0)
        out[0] = 1;
    mal_leak_sink(out);
}

LEAK(hmac_and_hkdf_do_not_branch_on_the_key) {
    uint8_t key[32] = { 3 }, out[64];
    mal_prim_hash tag;
    mal_leak_secret(key, sizeof key);
    mal_prim_hmac256(&tag, mal_bytes_of(key, 32), mal_bytes_str("m"));
    MUST(mal_prim_hkdf(out, sizeof out, mal_bytes_of(key, 32),
                       mal_bytes_of(key, 32), mal_bytes_str("i")));
    mal_leak_sink(out);
}

LEAK(the_generator_does_not_branch_on_its_seed) {
    MAL_AUTO(mal_prim_drbg_auto) mal_prim_drbg *drbg = NULL;
    uint8_t seed[32] = { 9 }, out[9000];
    mal_leak_secret(seed, sizeof seed);
    MUST(mal_prim_drbg_new(&drbg, mal_bytes_of(seed, 32)));
    mal_prim_drbg_fill(drbg, out, 100);
    mal_prim_drbg_fill(drbg, out, sizeof out);
    uint64_t word = mal_prim_drbg_u64(drbg);
    mal_leak_sink(&word);
    mal_leak_sink(out);
}

LEAK(hpke_does_not_branch_on_the_message) {
    MAL_AUTO(mal_key_clear) mal_key sec = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf sealed = { 0 };
    uint8_t pub[32], plain[20] = { 0 };
    MUST(mal_prim_dh_keygen(pub, &sec));
    mal_leak_secret(plain, sizeof plain);
    MUST(mal_prim_hpke_seal(&sealed, pub, mal_bytes_of(NULL, 0),
                            mal_bytes_of(NULL, 0),
                            mal_bytes_of(plain, sizeof plain)));
    mal_leak_sink(sealed.ptr);
}

LEAK(hashing_to_the_group_and_multiplying_do_not_branch) {
    uint8_t message[16] = { 1 }, p[32], q[32], s[32] = { 4 };
    mal_leak_secret(message, sizeof message);
    mal_leak_secret(s, sizeof s);
    MUST(mal_prim_point_hash(p, mal_bytes_str("dst"),
                             mal_bytes_of(message, 16)));
    mal_prim_scalar_mul(s, s, s);
    MUST(mal_prim_point_mul_base(q, s));
    mal_leak_sink(p);
    mal_leak_sink(q);
}

LEAK(bulk_aes_does_not_branch_on_key_or_blocks) {
    for (size_t i = 0; i < prim_aes_ways_n; i++) {
        const prim_aes_way *w = prim_aes_ways[i];
        uint8_t key[16] = { 1 }, x[16 * 21] = { 2 };
        mal_prim_aes aes;
        if (!w->usable())
            continue;
        mal_leak_secret(key, sizeof key);
        mal_leak_secret(x, sizeof x);
        w->init(&aes, key);
        w->ctr_xor(x, 21, &aes, 0, 0);
        w->ecb(x, x, 21, &aes);
        w->mmo(x, x, 21, &aes);
        w->tmmo(x, x, 21, &aes, 1);
        mal_leak_sink(x);
    }
}

LEAK(short_messages_are_hashed_without_a_look) {
    mal_prim_oracle oracle;
    mal_prim_oracle_init(&oracle, "leak", mal_bytes_str("session"));
    for (size_t i = 0; i < prim_oracle_ways_n; i++) {
        uint8_t in[3 * 32] = { 1 }, out[3 * 16];
        if (!prim_oracle_ways[i]->usable())
            continue;
        mal_leak_secret(in, sizeof in);
        prim_oracle_ways[i]->many(out, in, 32, 3, &oracle);
        mal_leak_sink(out);
    }
}

LEAK_MAIN
