/* run.c - parameters, padding and hashes: what both parties share. */
#include "run_impl.h"

#include <string.h>

static unsigned log2_up(uint64_t v) {
    unsigned bits = 0;
    while (bits < 63 && (UINT64_C(1) << bits) < v)
        bits++;
    return bits;
}

static mal_err check_params(const mal_psi_params *q) {
    MAL_REQUIRE(q->receiver_max >= 1 && q->receiver_max <= MAL_PSI_SET_MAX &&
                    q->sender_max >= 1 && q->sender_max <= MAL_PSI_SET_MAX,
                MAL_E_INPUT,
                "psi bounds of %llu and %llu keys: declare 1 to %llu a side",
                (unsigned long long)q->receiver_max,
                (unsigned long long)q->sender_max,
                (unsigned long long)MAL_PSI_SET_MAX);
    MAL_REQUIRE(q->security == MAL_PSI_MALICIOUS ||
                    q->security == MAL_PSI_SEMI_HONEST,
                MAL_E_INPUT, "no such security of psi: %d", (int)q->security);
    return MAL_OK;
}

static void bind_session(mal_prim_hash *out, const mal_psi_params *q) {
    uint8_t shape[18];
    mal_store_u64le(shape, q->receiver_max);
    mal_store_u64le(shape + 8, q->sender_max);
    shape[16] = (uint8_t)q->security;
    shape[17] = q->wide_code;
    const mal_bytes parts[] = { mal_bytes_of(q->session, MAL_PSI_SESSION),
                                mal_bytes_of(shape, sizeof shape) };
    mal_prim_hash_parts(out, "malus psi v2 session", parts, 2);
}

/* Two keys that must not match do so with probability 2^-mask bits; a union
 * over all pairs leaves 2^-40 at 40 + log2(nx ny) bits (pitfall 9).  Who may
 * search off-line gets 128. */
static unsigned mask_bits(const psi_run *run) {
    return run->malicious ? 128
                          : 40 + log2_up(run->params->receiver_max) +
                                log2_up(run->params->sender_max);
}

/* A mask costs the bytes after its prefix, and its share of the table of
 * 2^prefix bucket sizes.  4 to 32 masks share a prefix: whichever is shortest.
 */
static void shape_masks(psi_run *run) {
    const unsigned ny = log2_up(run->params->sender_max), bits = mask_bits(run);
    uint64_t least = UINT64_MAX;
    for (unsigned share = 5; share >= 2; share--) {
        const unsigned prefix = ny > share ? ny - share : 0;
        const unsigned rest = (bits - prefix + 7) / 8;
        const unsigned bytes = rest < 8 ? 8 : rest;
        const uint64_t total =
            bytes * run->params->sender_max + (UINT64_C(1) << prefix);
        if (total >= least)
            continue;
        least = total;
        run->prefix_bits = prefix;
        run->mask_bytes = bytes;
    }
}

static void key_cipher(mal_prim_aes *aes, const char *label,
                       const mal_prim_hash *session) {
    const mal_bytes part = mal_bytes_of(session->b, MAL_PRIM_HASH);
    mal_prim_hash key;
    mal_prim_hash_parts(&key, label, &part, 1);
    mal_prim_aes_init(aes, key.b);
}

mal_err psi_run_init(psi_run *run, mal_chan *chan, const mal_psi_params *params,
                     const mal_progress *progress) {
    *run = (psi_run){ .params = params, .progress = progress };
    MAL_TRY(check_params(params));
    MAL_TRY(mal_prim_init());
    MAL_TRY(mal_psi_okvs_shape(&run->okvs, params->receiver_max));
    run->malicious = params->security == MAL_PSI_MALICIOUS;
    run->threads = params->threads ? params->threads : 1;
    run->wire.chan = chan;
    bind_session(&run->wire.session, params);
    mal_buf_init(&run->wire.out, MAL_CHAN_MESSAGE_MAX);
    mal_buf_init(&run->wire.in, MAL_CHAN_MESSAGE_MAX);
    const mal_prim_hash *session = &run->wire.session;
    const mal_bytes bound = mal_bytes_of(session->b, MAL_PRIM_HASH);
    mal_prim_oracle_init(&run->hash_key, "malus psi v2 key", bound);
    mal_prim_oracle_init(&run->hash_mask, "malus psi v2 mask", bound);
    key_cipher(&run->pi_key, "malus psi v2 pi key", session);
    key_cipher(&run->pi_mask, "malus psi v2 pi mask", session);
    shape_masks(run);
    return MAL_OK;
}

void psi_run_clear(psi_run *run) {
    if (run->dummies)
        mal_wipe(run->dummies, run->keys.n_dummies * sizeof *run->dummies);
    mal_free(run->dummies);
    mal_buf_clear(&run->wire.out);
    mal_buf_clear(&run->wire.in);
    mal_wipe(run, sizeof *run);
}

mal_ot_params psi_vole_params(const psi_run *run) {
    const mal_bytes bound =
        mal_bytes_of(run->wire.session.b, sizeof run->wire.session.b);
    mal_ot_params ot = {
        .security = run->malicious ? MAL_OT_MALICIOUS : MAL_OT_SEMI_HONEST,
        .code = run->params->wide_code ? MAL_OT_CODE_21X24 : MAL_OT_CODE_7X24,
        .threads = run->threads
    };
    mal_prim_hash session;
    mal_prim_hash_parts(&session, "malus psi v2 vole", &bound, 1);
    memcpy(ot.session, session.b, MAL_OT_SESSION);
    return ot;
}

/* A dummy is 16 random bytes: it is a key of either side with probability below
 * 2^25 * 2^25 / 2^128 over all of them. */
mal_err psi_run_pad(psi_run *run, const mal_psi_set *set, uint64_t bound) {
    uint8_t key[16];
    mal_prim_aes aes;
    MAL_REQUIRE(set->n <= bound, MAL_E_INPUT,
                "%zu keys where the declared bound is %llu", set->n,
                (unsigned long long)bound);
    run->keys = (psi_keys){ .keys = set->keys, .n = set->n };
    run->dummies = mal_calloc(bound - set->n + 1, sizeof *run->dummies);
    if (!run->dummies)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    run->keys.dummies = run->dummies;
    run->keys.n_dummies = bound - set->n;
    mal_prim_random(key, sizeof key);
    mal_prim_aes_init(&aes, key);
    mal_prim_aes_ctr(run->dummies, run->keys.n_dummies, &aes, 0, 0);
    mal_prim_aes_clear(&aes);
    mal_wipe(key, sizeof key);
    return MAL_OK;
}

void psi_commit(mal_prim_hash *out, const psi_run *run, const uint8_t w_s[16]) {
    const mal_bytes parts[] = {
        mal_bytes_of(run->wire.session.b, MAL_PRIM_HASH), mal_bytes_of(w_s, 16)
    };
    mal_prim_hash_parts(out, "malus psi v2 commitment", parts, 2);
}

/* --- Hashes --------------------------------------------------------------- */

void psi_hash_keys(const psi_run *run, mal_psi_block *out, const mal_psi_key *x,
                   size_t n) {
    if (run->malicious)
        mal_prim_oracle_many(out, x, sizeof *x, n, &run->hash_key);
    else
        mal_prim_aes_ecb(out, x, n, &run->pi_key);
}

/* Malicious: SHA-256(prefix || v || x), a random oracle (pitfall 6: a cipher
 * whose key is public is not one).  Semi-honest: pi(pi(v) + x) + pi(v), the
 * tweakable circular correlation robust hash of [GKWY20] with x as tweak. */
void psi_hash_masks(const psi_run *run, mal_psi_block *out,
                    const mal_psi_block *v, const mal_psi_key *x, size_t n) {
    struct {
        mal_psi_block v;
        mal_psi_key x;
    } in[PSI_BATCH];
    assert(n <= PSI_BATCH);
    if (run->malicious) {
        for (size_t i = 0; i < n; i++) {
            in[i].v = v[i];
            in[i].x = x[i];
        }
        mal_prim_oracle_many(out, in, sizeof *in, n, &run->hash_mask);
        mal_wipe(in, n * sizeof *in);
        return;
    }
    mal_psi_block t[PSI_BATCH];
    mal_prim_aes_ecb(t, v, n, &run->pi_mask);
    for (size_t i = 0; i < n; i++)
        psi_store(&out[i],
                  psi_load(&t[i]) ^
                      psi_load((const mal_psi_block *)(const void *)&x[i]));
    mal_prim_aes_ecb(out, out, n, &run->pi_mask);
    for (size_t i = 0; i < n; i++)
        psi_store(&out[i], psi_load(&out[i]) ^ psi_load(&t[i]));
}

/* --- Cost ----------------------------------------------------------------- */

#define VOLE_BYTES 250000u /* of any length, its base transfers included */
#define VOLE_ROUNDS 5u     /* three when semi-honest */

mal_err mal_psi_cost(uint64_t *bytes, uint64_t *rounds,
                     const mal_psi_params *params) {
    psi_run run;
    mal_err err = psi_run_init(&run, NULL, params, NULL);
    *bytes = VOLE_BYTES + run.okvs.columns * sizeof(mal_psi_block) +
             ((uint64_t)1 << run.prefix_bits) +
             params->sender_max * run.mask_bytes;
    *rounds = run.malicious ? VOLE_ROUNDS + 4 : VOLE_ROUNDS;
    psi_run_clear(&run);
    if (err != MAL_OK)
        *bytes = *rounds = 0;
    return err;
}
