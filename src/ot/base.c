/* base.c - 128 base OTs in one flow each way.
 *
 * The endemic OT of [MR19] as batched by [MRR21]: the answerer's one point A
 * serves all, because every key is the hash of the session, the index, both
 * messages and the shared point.  For choice c of OT i:
 *
 *     chooser     R_{1-c} random,  R_c = r B - H_c(R_{1-c})
 *     answerer    A = a B,         P_x = a (R_x + H_x(R_{1-x})),  x = 0, 1
 *     key_x       H(session, i, x, A, R_0, R_1, P_x);  the chooser's P_c = r A
 *
 * H_x hashes to ristretto255 with session, i and x.  Who knows the logarithm of
 * one sum cannot know the other's: it would have had to fix R_0 before R_1 and
 * R_1 before R_0.
 */
#include "ot_impl.h"

#include <string.h>

/* H_x(R) of OT i. */
static mal_err hash_point(uint8_t out[32],
                          const uint8_t session[MAL_OT_SESSION], uint64_t i,
                          uint8_t x, const uint8_t r[32]) {
    uint8_t in[MAL_OT_SESSION + 8 + 1 + 32];
    memcpy(in, session, MAL_OT_SESSION);
    mal_store_u64le(in + MAL_OT_SESSION, i);
    in[MAL_OT_SESSION + 8] = x;
    memcpy(in + MAL_OT_SESSION + 9, r, 32);
    return mal_prim_point_hash(out, mal_bytes_str("malus-ot-base-v1"),
                               mal_bytes_of(in, sizeof in));
}

static mal_ot_block derive(const uint8_t session[MAL_OT_SESSION], uint64_t i,
                           uint8_t x, const uint8_t a[32],
                           const uint8_t r[2][32], const uint8_t p[32]) {
    uint8_t index[9];
    mal_prim_hash h;
    mal_ot_block key;
    mal_store_u64le(index, i);
    index[8] = x;
    const mal_bytes parts[] = {
        mal_bytes_of(session, MAL_OT_SESSION),
        mal_bytes_of(index, 9),
        mal_bytes_of(a, 32),
        mal_bytes_of(r, 64),
        mal_bytes_of(p, 32),
    };
    mal_prim_hash_parts(&h, "malus ot base key", parts, 5);
    memcpy(&key, h.b, sizeof key);
    mal_wipe(&h, sizeof h);
    return key;
}

/* Swap where mask is all ones. */
static void swap_points(uint64_t mask, uint8_t a[32], uint8_t b[32]) {
    for (unsigned i = 0; i < 32; i++) {
        uint8_t t = (uint8_t)(mask & (a[i] ^ b[i]));
        a[i] ^= t;
        b[i] ^= t;
    }
}

static mal_err choose_one(ot_base_chooser *c, unsigned i) {
    uint64_t mask = ot_mask_bit(c->choice, i);
    uint8_t h[32], seed[32], *mine = c->points[i][0], *other = c->points[i][1];
    mal_prim_random(seed, sizeof seed);
    MAL_TRY(mal_prim_point_hash(other, mal_bytes_str("malus-ot-base-random-v1"),
                                mal_bytes_of(seed, sizeof seed)));
    mal_prim_scalar_random(c->scalar[i]);
    MAL_TRY(mal_prim_point_mul_base(mine, c->scalar[i]));
    MAL_TRY(hash_point(h, c->session, i, (uint8_t)(mask & 1), other));
    MAL_TRY(mal_prim_point_sub(mine, mine, h));
    swap_points(mask, mine, other); /* mine goes to place c */
    return MAL_OK;
}

mal_err ot_base_choose(ot_base_chooser *chooser,
                       const uint8_t session[MAL_OT_SESSION],
                       mal_ot_block choice) {
    memcpy(chooser->session, session, MAL_OT_SESSION);
    chooser->choice = choice;
    for (unsigned i = 0; i < KAPPA; i++)
        MAL_TRY(choose_one(chooser, i));
    return MAL_OK;
}

mal_err ot_base_chosen(mal_ot_block key[KAPPA], const ot_base_chooser *chooser,
                       const uint8_t point[32]) {
    MAL_REQUIRE(mal_prim_point_valid(point), MAL_E_PEER,
                "the peer's base OT point is not an element of the group");
    for (unsigned i = 0; i < KAPPA; i++) {
        uint8_t p[32];
        uint8_t x = (uint8_t)(ot_mask_bit(chooser->choice, i) & 1);
        MAL_TRY(mal_prim_point_mul(p, chooser->scalar[i], point));
        key[i] = derive(chooser->session, i, x, point,
                        (const uint8_t(*)[32])chooser->points[i], p);
        mal_wipe(p, sizeof p);
    }
    return MAL_OK;
}

static mal_err answer_one(mal_ot_block key[2],
                          const uint8_t session[MAL_OT_SESSION], unsigned i,
                          const uint8_t scalar[32], const uint8_t a[32],
                          const uint8_t r[2][32]) {
    for (uint8_t x = 0; x < 2; x++) {
        uint8_t h[32], p[32];
        MAL_TRY(hash_point(h, session, i, x, r[1 - x]));
        if (mal_prim_point_add(p, r[x], h) != MAL_OK ||
            mal_prim_point_mul(p, scalar, p) != MAL_OK)
            MAL_FAIL(MAL_E_PEER,
                     "the peer's base OT %u holds no element of the group", i);
        key[x] = derive(session, i, x, a, r, p);
        mal_wipe(p, sizeof p);
    }
    return MAL_OK;
}

mal_err ot_base_answer(mal_ot_block (*key)[2], uint8_t point[32],
                       const uint8_t session[MAL_OT_SESSION],
                       const uint8_t *points) {
    uint8_t scalar[32];
    mal_err err = MAL_OK;
    mal_prim_scalar_random(scalar);
    err = mal_prim_point_mul_base(point, scalar);
    for (unsigned i = 0; err == MAL_OK && i < KAPPA; i++)
        err = answer_one(key[i], session, i, scalar, point,
                         (const uint8_t(*)[32])(points + 64 * i));
    mal_wipe(scalar, sizeof scalar);
    return err;
}
