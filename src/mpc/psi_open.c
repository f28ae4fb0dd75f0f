/* psi_open.c - the recipient of psi: its keys, and what it reads. */
#include "psi_impl.h"

mal_err mal_mpc_psi_recipient_keygen(uint8_t pub[MAL_PRIM_POINT],
                                     mal_key *sec) {
    MAL_TRY(mal_prim_init());
    MAL_TRY(mal_key_alloc(sec, MAL_PRIM_SCALAR));
    mal_prim_scalar_random(sec->ptr);
    mal_err err = mal_prim_point_mul_base(pub, sec->ptr);
    if (err != MAL_OK)
        mal_key_clear(sec);
    return err;
}

typedef struct opening {
    const mal_key *sec;
    const uint8_t *in; /* [n][64] */
    mal_ring_ge *m;    /* [n] answer * G */
} opening;

/* m G = B - sk C. */
static mal_err decrypt_one(void *ctx, size_t i) {
    const opening *o = ctx;
    const uint8_t *c = o->in + i * MAL_MPC_PSI_CIPHERTEXT;
    mal_ring_ge layer;
    point bytes;
    mal_err err = mal_prim_point_mul(bytes, o->sec->ptr, c);
    if (err == MAL_OK)
        err = mal_ring_ge_decode(&layer, bytes);
    if (err == MAL_OK)
        err = mal_ring_ge_decode(&o->m[i], c + MAL_PRIM_POINT);
    MAL_REQUIRE(err == MAL_OK, MAL_E_INPUT,
                "ciphertext %zu of the answer is malformed", i);
    mal_ring_ge_sub(&o->m[i], &o->m[i], &layer);
    mal_wipe(bytes, sizeof bytes);
    mal_wipe(&layer, sizeof layer);
    return MAL_OK;
}

mal_err mal_mpc_psi_open(int64_t *answer, const mal_key *sec,
                         mal_bytes ciphertexts,
                         const mal_mpc_psi_open_options *options,
                         const mal_progress *progress) {
    const size_t n = ciphertexts.len / MAL_MPC_PSI_CIPHERTEXT;
    const unsigned threads = options->threads ? options->threads : 1;
    MAL_REQUIRE(ciphertexts.len % MAL_MPC_PSI_CIPHERTEXT == 0 && n >= 1 &&
                    n <= MAL_MPC_PSI_WORDS_MAX,
                MAL_E_INPUT,
                "%zu bytes are not the ciphertexts of a psi answer",
                ciphertexts.len);
    MAL_REQUIRE(sec->len == MAL_PRIM_SCALAR, MAL_E_INPUT,
                "the recipient's key has %zu bytes, not %d", sec->len,
                MAL_PRIM_SCALAR);
    opening o = { .sec = sec, .in = ciphertexts.ptr };
    o.m = mal_calloc(n, sizeof *o.m);
    if (!o.m)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    mal_err err = mal_parallel(threads, n, decrypt_one, &o);
    if (err == MAL_OK)
        err = mal_ring_dlog_vartime(answer, o.m, n, options->bound, threads,
                                    progress);
    mal_wipe(o.m, n * sizeof *o.m);
    mal_free(o.m);
    if (err != MAL_OK) {
        mal_wipe(answer, n * sizeof *answer);
        return mal_err_trace(err, __FILE__, __LINE__);
    }
    return MAL_OK;
}
