/* seat.c - a party takes its seat and leaves it: the greeting, the keys, the
 * gate before every opening. */
#include "share3_impl.h"

#define GREETING 88
#define GREETING_MAGIC 0x33726873u /* "shr3" */
#define GREETING_VERSION 2u

/* k_i is made of what both of its holders drew, so that neither chose it. */
static mal_err derive_key(share3_key *key, const mal_share3 *s, unsigned index,
                          const uint8_t lower[32], const uint8_t higher[32]) {
    static const char label[] = "malus share3 v1 pairwise key";
    uint8_t secret[64], info[sizeof label + 1], out[16];
    memcpy(secret, lower, 32);
    memcpy(secret + 32, higher, 32);
    memcpy(info, label, sizeof label);
    info[sizeof label] = (uint8_t)index;
    mal_err err =
        mal_prim_hkdf(out, sizeof out, mal_bytes_of(secret, sizeof secret),
                      mal_bytes_of(s->options.session, MAL_SHARE3_SESSION),
                      mal_bytes_of(info, sizeof info));
    if (err == MAL_OK)
        mal_prim_aes_init(&key->aes, out);
    mal_wipe(secret, sizeof secret);
    mal_wipe(out, sizeof out);
    return err;
}

static void write_greeting(const mal_share3 *s, uint8_t out[GREETING]) {
    mal_store_u32le(out, GREETING_MAGIC);
    mal_store_u32le(out + 4, GREETING_VERSION);
    mal_store_u32le(out + 8, s->me);
    mal_store_u32le(out + 12, (uint32_t)s->options.security);
    memcpy(out + 16, s->options.session, 32);
    mal_prim_random(out + 56, 32);
    mal_store_u64le(out + 48, s->options.memory_max);
}

/* What a sort holds at once is the same for all three: the least of limits. */
static void hear_limit(mal_share3 *s, uint64_t theirs) {
    if (theirs && (!s->least_memory || theirs < s->least_memory))
        s->least_memory = (size_t)theirs;
}

static mal_err greet(mal_share3 *s) {
    uint8_t ours[2][GREETING], theirs[2][GREETING];
    const unsigned peer[2] = { share3_prev(s), share3_next(s) };
    mal_err err = MAL_OK;
    s->least_memory = s->options.memory_max;
    for (unsigned p = 0; p < 2 && err == MAL_OK; p++) {
        write_greeting(s, ours[p]);
        err = mal_chan_send(s->mesh->chan[peer[p]],
                            mal_bytes_of(ours[p], GREETING));
        s->count.bytes += GREETING;
        s->count.messages++;
    }
    for (unsigned p = 0; p < 2 && err == MAL_OK; p++) {
        err = mal_chan_recv_exact(s->mesh->chan[peer[p]], theirs[p], GREETING);
        if (err != MAL_OK)
            break;
        uint8_t wanted[48];
        memcpy(wanted, ours[p], 48);
        mal_store_u32le(wanted + 8, peer[p]);
        /* k_me lies with the previous party, k_(me+1) with the next. */
        const bool lower = s->me < peer[p];
        hear_limit(s, mal_load_u64le(theirs[p] + 48));
        err = mal_equal(wanted, theirs[p], 48)
                  ? derive_key(&s->key[p], s, (s->me + p) % 3,
                               (lower ? ours : theirs)[p] + 56,
                               (lower ? theirs : ours)[p] + 56)
                  : mal_err_set(MAL_E_PEER, __FILE__, __LINE__,
                                "party %u is at another session, seat or "
                                "security than we are",
                                peer[p]);
    }
    s->count.rounds++;
    mal_wipe(ours, sizeof ours);
    mal_wipe(theirs, sizeof theirs);
    return err;
}

/* --- Open and close ------------------------------------------------------- */

static mal_err check_options(const mal_mesh *mesh,
                             const mal_share3_options *options) {
    MAL_REQUIRE(mesh->n == MAL_SHARE3_PARTIES && mesh->me < mesh->n,
                MAL_E_INPUT, "share3 has three parties, not %u", mesh->n);
    MAL_REQUIRE(options->security == MAL_SHARE3_SEMI_HONEST ||
                    options->security == MAL_SHARE3_MALICIOUS,
                MAL_E_INPUT, "no security %d", (int)options->security);
    return MAL_OK;
}

static mal_share3 *engine_new(void) {
    void *block = mal_calloc(1, sizeof(mal_share3) + 64);
    if (!block)
        return NULL;
    mal_share3 *s = (mal_share3 *)(((uintptr_t)block + 63) & ~(uintptr_t)63);
    s->block = block;
    s->out = mal_calloc(SHARE3_HEADER / 8 + SHARE3_CHUNK, sizeof *s->out);
    s->scratch =
        s->out ? mal_calloc(SHARE3_SCRATCH * SHARE3_BLOCK, sizeof *s->scratch)
               : NULL;
    if (s->scratch)
        return s;
    mal_share3_close(&s);
    return NULL;
}

mal_err mal_share3_open(mal_share3 **s, mal_mesh *mesh,
                        const mal_share3_options *options) {
    *s = NULL;
    MAL_TRY(mal_prim_init());
    MAL_TRY(check_options(mesh, options));
    mal_share3 *made = engine_new();
    if (!made)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    made->mesh = mesh;
    made->me = mesh->me;
    made->options = *options;
    mal_err err = greet(made);
    if (err != MAL_OK) {
        mal_share3_close(&made);
        return mal_err_trace(err, __FILE__, __LINE__);
    }
    *s = made;
    return MAL_OK;
}

void mal_share3_close(mal_share3 **s) {
    if (!s || !*s)
        return;
    mal_share3 *old = *s;
    assert(old->memory == 0); /* a vector would outlive its engine */
    share3_record_clear(old);
    share3_kept_clear(old);
    share3_spill_close(old);
    if (old->out)
        mal_wipe(old->out, SHARE3_HEADER + SHARE3_CHUNK * 8);
    if (old->scratch)
        mal_wipe(old->scratch, SHARE3_SCRATCH * SHARE3_BLOCK * 8);
    mal_free(old->resting);
    mal_free(old->out);
    mal_free(old->scratch);
    mal_buf_clear(&old->in);
    void *block = old->block;
    mal_wipe(old, sizeof *old);
    mal_free(block);
    *s = NULL;
}

/* --- The gate before every opening ---------------------------------------- */

mal_err share3_before_open(mal_share3 *s) {
    return mal_share3_verify(s);
}
