/* hkdf.c - HKDF with SHA-256 [RFC5869]. */
#include "prim_impl.h"

#include <string.h>

#define INFO_PARTS_MAX 8

/* Section 2.3: T(i) = HMAC(prk, T(i-1) || info || i). */
void prim_hkdf_expand_parts(uint8_t *out, size_t len, const mal_prim_hash *prk,
                            const mal_bytes *info, size_t n) {
    mal_bytes parts[INFO_PARTS_MAX + 2];
    mal_prim_hash t = { { 0 } };
    uint8_t i = 0;

    assert(n <= INFO_PARTS_MAX && len >= 1 && len <= 255 * MAL_PRIM_HASH);
    for (size_t k = 0; k < n; k++)
        parts[1 + k] = info[k];
    parts[n + 1] = mal_bytes_of(&i, 1);
    for (size_t done = 0; done < len;) {
        size_t take = len - done < sizeof t.b ? len - done : sizeof t.b;
        parts[0] = mal_bytes_of(t.b, i ? sizeof t.b : 0);
        i++;
        prim_hmac256_parts(&t, mal_bytes_of(prk->b, sizeof prk->b), parts,
                           n + 2);
        memcpy(out + done, t.b, take);
        done += take;
    }
    mal_wipe(&t, sizeof t);
}

mal_err mal_prim_hkdf(uint8_t *out, size_t out_len, mal_bytes secret,
                      mal_bytes salt, mal_bytes info) {
    mal_prim_hash prk;

    MAL_REQUIRE(out_len >= 1 && out_len <= 255 * MAL_PRIM_HASH, MAL_E_LIMIT,
                "HKDF gives 1 to %d bytes, not %zu", 255 * MAL_PRIM_HASH,
                out_len);
    /* Section 2.2: an absent salt is 32 zero bytes, which HMAC cannot tell from
     * the empty key. */
    mal_prim_hmac256(&prk, salt, secret);
    prim_hkdf_expand_parts(out, out_len, &prk, &info, 1);
    mal_wipe(&prk, sizeof prk);
    return MAL_OK;
}
