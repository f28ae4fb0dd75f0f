/* engine.c - one party's run: what it counted, its keys' streams, its death. */
#include "share3_impl.h"

mal_err share3_enter(mal_share3 *s) {
    MAL_REQUIRE(!s->dead, MAL_E_STATE,
                "this run failed before: nothing follows from it");
    return MAL_OK;
}

mal_err share3_leave(mal_share3 *s, mal_err err) {
    if (err == MAL_OK)
        return MAL_OK;
    s->dead = true;
    return mal_err_trace(err, __FILE__, __LINE__);
}

unsigned mal_share3_me(const mal_share3 *s) {
    return s->me;
}

mal_share3_security mal_share3_security_of(const mal_share3 *s) {
    return s->options.security;
}

mal_share3_counters mal_share3_count(const mal_share3 *s) {
    mal_share3_counters c = s->count;
    c.held = s->memory;
    return c;
}

/* --- Keys ----------------------------------------------------------------- */

void share3_draw(mal_share3 *s, unsigned p, uint64_t *out, size_t n) {
    share3_key *k = &s->key[p];
    mal_prim_aes_ctr(out, n / 2, &k->aes, k->counter, SHARE3_TWEAK_DRAW);
    k->counter += n / 2;
    if (n % 2) {
        uint64_t last[2];
        mal_prim_aes_ctr(last, 1, &k->aes, k->counter++, SHARE3_TWEAK_DRAW);
        out[n - 1] = last[0];
        mal_wipe(last, sizeof last);
    }
}
